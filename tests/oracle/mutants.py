#!/usr/bin/env python3
"""Recorded conversations with one frame changed: the findings of --check held against what the ENDPOINT profile does, which
is libnghttp2 to the letter (differential.c). usage: mutants.py H2DUMP CAPTURES [COUNT [SEED]]

One side's octets are changed: a frame twice, lost, moved, of another type, stream, length, flags, one octet, one frame more.
Where the receiver objects, the sender must be told at fault; where a finding is an error, and certain, the receiver must object;
and the side that was not touched is at fault in nothing. What is left is named here, with the reason.
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "damage"))
import capture  # noqa: E402

H2DUMP, CAPTURES = (os.path.abspath(p) for p in sys.argv[1:3])
COUNT, SEED = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((3, 400), (4, 1)))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
OCTETS_MAX = 60000

# What libnghttp2 objects to and no rule forbids, or what receivers accept: the note that stands instead.
ACCEPTED = {
    "SETTINGS ACK that answers nothing": {"settings-ack-unsolicited"},
    "stream that depends on itself": {"priority-self-dependency"},
    "GOAWAY whose last stream the peer cannot have opened": {"goaway-last-id-parity"},
    # gRPC's binary values; octets that a receiver need not look for (RFC 9113 8.2.1).
    "invalid_header": {"field-value-nul-cr-lf", "field-value-control", "field-name-invalid"},
}
# Codes that say nothing of a fault.
NO_FAULT = {None, "NO_ERROR", "CANCEL", "REFUSED_STREAM"}
# The halves are put in an order that one observer could have seen. A receiver has not read the end of a field block yet when
# the answer comes, or has sent GOAWAY, or has not sent the DATA that made room: an observer does not hold that against anybody.
ORDER = {"frame on a stream that was never opened", "response on a stream that was never requested",
         "RST_STREAM on a stream that was never opened", "frame on a promised stream before its response",
         "stream window lifted above 2^31-1", "connection window lifted above 2^31-1"}
# RFC 9113 has these rules, libnghttp2 has not: 5.1 after the end and after RST_STREAM, where it looks at nothing; 5.1.1 for
# lower streams; 6.3. ALTSVC and PRIORITY_UPDATE are no frames of its own.
BEYOND = {"stream-closed-frame", "stream-frame-after-own-rst", "window-update-zero-stream", "push-parent-state",
          "stream-id-not-increasing", "pseudo-status-missing", "priority-stream-zero", "frame-too-short"}
# What was changed may be a SETTINGS, or a request's method, and the side that was not touched then does not keep to it.
DUTIES = {"hpack-table-update-missing", "field-value-nul-cr-lf", "msg-content-length-mismatch"}


def halves(path):
    """The octets of both sides of each cleartext connection that is whole."""
    sides = collections.OrderedDict()
    for p in capture.read(pathlib.Path(path)).packets:
        if p.tcp:
            sides.setdefault((p.tcp.src, p.tcp.dst), []).append(p)

    def join(packets):
        out = b""
        first = next((p.tcp.seq + 1 for p in packets if p.tcp.syn), None)
        for p in sorted(packets, key=lambda p: (p.tcp.seq - (first or 0)) & 0xffffffff):
            at = (p.tcp.seq + p.tcp.syn - (first or 0)) & 0xffffffff
            octets = p.octets[p.tcp.data:p.tcp.data + p.tcp.size]
            if p.tcp.size == 0:
                continue
            if first is None or at > len(out) or len(octets) < p.tcp.size:
                return b""
            out += octets[len(out) - at:]
        return out

    for (client, server), packets in sides.items():
        sent, answered = join(packets), join(sides.get((server, client), []))
        if sent.startswith(PREFACE) and answered and max(len(sent), len(answered)) < OCTETS_MAX:
            yield sent, answered


def frames(octets):
    at = len(PREFACE) if octets.startswith(PREFACE) else 0
    out = [octets[:at]]
    while at < len(octets):
        end = at + 9 + int.from_bytes(octets[at:at + 3], "big")
        out.append(octets[at:end])
        at = end
    return out


def framed(header, payload):
    return len(payload).to_bytes(3, "big") + header[3:9] + payload


def extra(rng, stream):
    """One frame more, of a kind that may not stand everywhere."""
    def frame(kind, flags, where, payload):
        return framed(bytes([0, 0, 0, kind, flags]) + where.to_bytes(4, "big"), payload)

    settings = [b"\0\2\0\0\0\2", b"\0\4\xff\xff\xff\xff", b"\0\5\0\0\0\1", b"\0\1\0\0\0\0", b"\0\3\0\0\0\0", b"\0\4\0\0\0\0", b"\0\x08\0\0\0\2"]
    return rng.choice([
        lambda: frame(8, 0, rng.choice([0, 1, stream]), rng.choice([b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff"])),
        lambda: frame(3, 0, rng.choice([0, 1, stream, stream + 2]), b"\0\0\0\x08"),
        lambda: frame(4, 0, 0, rng.choice(settings)), lambda: frame(4, 1, 0, b""),
        lambda: frame(7, 0, 0, b"\0\0\0\1\0\0\0\0"), lambda: frame(6, 1, 0, b"abcdefgh"), lambda: frame(0, 1, stream, b""),
        lambda: frame(9, 4, stream, b""), lambda: frame(1, 5, stream, b"\x82")])()


def mutate(rng, octets):
    """Changed octets, and how; None: nothing to change there."""
    all_frames = frames(octets)
    i = rng.randrange(1, len(all_frames)) if len(all_frames) > 1 else 0
    f = all_frames[i]
    if len(f) < 9:
        return None
    stream, payload = int.from_bytes(f[5:9], "big"), f[9:]
    how = rng.choice(["twice", "lost", "moved", "type", "flags", "stream", "shorter", "longer", "octet", "more"])
    if how == "twice":
        all_frames.insert(i, f)
    elif how == "lost":
        del all_frames[i]
    elif how == "moved" and i + 1 < len(all_frames):
        all_frames[i:i + 2] = reversed(all_frames[i:i + 2])
    elif how == "type":
        all_frames[i] = f[:3] + bytes([rng.choice([*range(11), 0x42])]) + f[4:]
    elif how == "flags":
        all_frames[i] = f[:4] + bytes([f[4] ^ rng.choice([1, 4, 8, 0x20])]) + f[5:]
    elif how == "stream":
        other = rng.choice([0, 1, 2, 3, stream + 1, stream + 2, max(0, stream - 2), 0x7fffffff]) & 0x7fffffff
        all_frames[i] = f[:5] + other.to_bytes(4, "big") + payload
    elif how == "shorter" and payload:
        all_frames[i] = framed(f, payload[:-1])
    elif how == "longer":
        all_frames[i] = framed(f, payload + b"\0")
    elif how == "octet" and payload:
        at = rng.randrange(9, len(f))
        all_frames[i] = f[:at] + bytes([rng.randrange(256)]) + f[at + 1:]
    elif how == "more":
        all_frames.insert(i, extra(rng, stream))
    else:
        return None
    return b"".join(all_frames), how


def run(*args):
    done = subprocess.run([H2DUMP, "-T", "json", "--deterministic", *args, "--c2s", "c2s", "--s2c", "s2c"], capture_output=True, timeout=60)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(f"{args}: exit {done.returncode}: {done.stderr.decode(errors='replace')[:200]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def objection(records, side):
    """What the receiver of that side's octets objects to first; None."""
    for r in records:
        if r.get("dir") != side:
            continue
        if r["kind"] == "action" and r["action"] in ("GOAWAY", "RST_STREAM") and r.get("error_code") not in NO_FAULT:
            return r.get("reason", "")
        if r["kind"] == "invalid_header":
            return "invalid_header"
    return None


def disagreement(side):
    """How the two profiles differ on the octets at hand; None. The second: whether it is an order that an observer accepts."""
    endpoint, found = run("--profile=endpoint", "--by", "callback"), [r for r in run("--check") if r["kind"] == "finding"]
    objects = objection(endpoint, side)
    here = [r for r in found if r["dir"] == side]
    loud = [r for r in here if r["severity"] != "note"]
    blamed = [r["check"] for r in found if r["dir"] != side and r["severity"] == "error" and r["check"] not in DUTIES]
    if blamed:
        return f"the other side is blamed: {blamed}", False
    if objects is not None and not loud:
        if ACCEPTED.get(objects, set()) & {r["check"] for r in here}:
            return None, False
        return f"the receiver objects: {objects}; found: {[r['check'] for r in here]}", objects in ORDER
    read = {r["offset"] for r in endpoint if r["kind"] == "begin_frame" and r["dir"] == side}
    for r in loud if objects is None else []:
        if r["severity"] == "error" and r["offset"] in read and r["check"] not in BEYOND:
            return f"found: {r['check']} at offset {r['offset']}; the receiver does not object", False
    return None, False


def main():
    rng = random.Random(SEED)
    names = sorted(n for n in os.listdir(CAPTURES) if n.endswith(".pcap") and not n.startswith("violations"))
    sources = [(name, pair) for name in names for pair in halves(os.path.join(CAPTURES, name))]
    if len(sources) < 15:
        print(f"FAIL only {len(sources)} conversations")
        return 1
    bad = order = done = 0
    while done < COUNT:
        name, pair = rng.choice(sources)
        which = rng.randrange(2)
        mutant = mutate(rng, pair[which])
        if mutant is None:
            continue
        done += 1
        sides = [mutant[0] if i == which else pair[i] for i in range(2)]
        for path, octets in zip(("c2s", "s2c"), sides):
            with open(path, "wb") as f:
                f.write(octets)
        text, accepted = disagreement(("c2s", "s2c")[which])
        order += accepted
        if text is not None and not accepted:
            bad += 1
            print(f"FAIL {name}, {('client', 'server')[which]}, {mutant[1]} (mutant {done} of seed {SEED}): {text}")
    print(f"{done} mutants of {len(sources)} conversations, {bad} disagreements, {order} of order alone")
    return 1 if bad or order * 20 > done else 0


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    code = main()
    os.chdir("/")
sys.exit(code)
