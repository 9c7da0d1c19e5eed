#!/usr/bin/env python3
"""--check as a user and a CI service meet it: exit codes, selection, text, JSON. usage: check.py H2DUMP CAPTURES

Each case is a function, listed at the end. Everything happens in a folder of its own.
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

H2DUMP, CAPTURES = (os.path.abspath(p) for p in sys.argv[1:3])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
BAD_PING = b"\0\0\7\6\0\0\0\0\0abcdefg"
RESERVED = b"\0\0\10\6\0\x80\0\0\0abcdefgh"  # a note: receivers ignore the bit
PADDED = b"\0\0\6\1\x0d\0\0\0\1\2\x82\x86\x84\0x"  # a warning: padding that is not zero; and no :authority
CLEAN = os.path.join(CAPTURES, "curl-nginx.pcap")
BAD = os.path.join(CAPTURES, "violations-server.pcap")


class Wrong(Exception):
    pass


def run(*args, stdin=b""):
    done = subprocess.run([H2DUMP, *args], input=stdin, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def expect(what, have, want):
    if have != want:
        raise Wrong(f"{what}: {have!r}, not {want!r}")


def write(name, octets):
    with open(name, "wb") as f:
        f.write(octets)
    return name


def records(*args, stdin=b""):
    code, out, _ = run("--check", "-T", "json", *args, stdin=stdin)
    return code, [json.loads(line) for line in out.splitlines()]


def findings(*args, stdin=b""):
    return [r["check"] for r in records(*args, stdin=stdin)[1] if r["kind"] == "finding"]


def exit_codes():
    clean, ping = PREFACE + SETTINGS, PREFACE + SETTINGS + BAD_PING
    note, warning = clean + RESERVED, clean + PADDED
    for octets, args, code in [
        (clean, [], 0), (ping, [], 1), (note, [], 0), (warning, [], 0),
        (note, ["--fail-on=note"], 1), (note, ["--fail-on=warning"], 0), (warning, ["--fail-on=warning"], 1),
        (ping, ["--fail-on=never"], 0), (ping, ["--ignore=ping-length"], 0), (ping, ["--ignore=ping-*"], 0),
        (ping, ["--only=settings-*"], 0), (ping, ["--only=ping-length"], 1),
        (b"GET / HTTP/1.1\r\n\r\n", [], 2),
    ]:
        expect(f"{args} of {octets[33:]!r}", run("--check", *args, stdin=octets)[0], code)
    # 2 before 1 before 3 before 0, over several inputs.
    bad, good = write("bad", ping), write("good", clean)
    cut = write("cut.pcap", open(CLEAN, "rb").read()[:-5])
    for files, code in [([good, bad], 1), ([good, cut], 3), ([cut, bad], 1), ([good, "none"], 2), ([bad, "none"], 2)]:
        expect(f"{files}", run("--check", *files)[0], code)


def judged_in_part():
    """frames_tainted: a late start, and a direction that is not there."""
    late = os.path.join(CAPTURES, "h2load-nginx-late.pcap")
    with open(CLEAN, "rb") as f:
        octets = f.read()
    one, at = octets[:24], 24
    while at < len(octets):  # Ethernet, IPv4: the client's packets
        size = 16 + int.from_bytes(octets[at + 8:at + 12], "little")
        if octets[at + 16 + 36:at + 16 + 38] == (8080).to_bytes(2, "big"):
            one += octets[at:at + size]
        at += size
    for name, all_of_them in [(CLEAN, False), (late, True), (write("one.pcap", one), True)]:
        code, rows = records(name)
        checked = rows[-1]["checked"]
        expect(f"{name}", checked["frames_tainted"], checked["frames"] if all_of_them else 0)
        expect(f"exit of {name}", run("--check", "--max-tainted=5", name)[0], 3 if all_of_them else 0)


def nothing_to_check():
    code, out, err = run("--check", write("x.txt", b"hello world\n"))
    expect("exit", code, 2)
    if "not a capture" not in err:
        raise Wrong(f"no reason: {err!r}")
    http1 = write("y.pcap", open(CLEAN, "rb").read()[:24])
    code, out, err = run("--check", http1)
    expect("exit of an empty capture", code, 2)
    expect("its reason", err, "h2dump: y.pcap: valid capture with no packets\n")


def wrong_usage():
    for args, text in [
        (["--only=ping-lenght"], "--only ping-lenght: unknown check; did you mean 'ping-length'?"),
        (["--ignore=nothing-of-the-kind-is-there"],
         "--ignore nothing-of-the-kind-is-there: unknown check (h2dump --list-checks lists all)"),
        (["--ignore=all"], "--only and --ignore leave no check"),
        (["--only=defaul"], "--only defaul: unknown check; did you mean 'default'?"),
        (["--explain=goaway-stream-nonzer"],
         "--explain goaway-stream-nonzer: unknown check; did you mean 'goaway-stream-nonzero'?"),
        (["--fail-on=warnin"],
         "--fail-on warnin: unknown severity; did you mean 'warning'? (error, warning, note, never)"),
        (["--max-tainted=101"], "--max-tainted 101: not a percentage (0 to 100)"),
        (["--max-tainted=x"], "--max-tainted x: not a percentage (0 to 100)"),
        (["--check", "-x"], "-x is about traffic, which --check does not show"),
        (["--check", "-c", "1"], "-c is about traffic, which --check does not show"),
        (["--check", "--by=frame"], "--by is about traffic, which --check does not show"),
        (["--check", "--profile=endpoint"],
         "--check needs the observer: a receiver reports nothing (leave --profile out)"),
    ]:
        code, out, err = run(*args, CLEAN)
        expect(f"{args}", (code, out, err), (2, "", f"h2dump: {text}\n"))


def one_finding():
    code, out, err = run("--check", write("x.bin", PREFACE + SETTINGS + BAD_PING))
    expect("exit, stderr", (code, err), (1, ""))
    expect("text", out, """\
x.bin: error: PING has a payload of 7 octets; it must be 8 [ping-length]
    #1 > stream 0, offset 33. RFC 9113 6.7: connection error FRAME_SIZE_ERROR.
      00 00 07 06 00 00 00 00 00
      ^^^^^^^^                    length 7

1 error in 1 capture; 3 frames checked
""".replace("3 frames", "2 frames"))


def json_records():
    code, all_records = records(BAD)
    expect("exit", code, 1)
    expect("kinds", [r["kind"] for r in all_records if r["kind"] != "finding"], ["h2dump", "connection", "summary"])
    expect("view", all_records[0]["view"], "check")
    expect("exit in the summary", all_records[-1]["exit"], 1)
    counted = sum(all_records[-1]["findings"].values())
    expect("counted", counted, sum(r["kind"] == "finding" for r in all_records))
    for r in all_records:
        if r["kind"] == "finding" and (r["dir"], r.get("by", "server")) != ("s2c", "server"):
            raise Wrong(f"guilty: {r}")


def counted_beyond_the_cap():
    code, all_records = records(stdin=PREFACE + SETTINGS + BAD_PING * 100)
    shown = [r for r in all_records if r["kind"] == "finding" and r["check"] == "ping-length"]
    expect("shown", len(shown), 20)
    expect("counted", all_records[-1]["findings"]["ping-length"], 100)
    expect("said", all_records[-1]["findings"]["limit-findings"], 1)
    expect("after the first", [r.get("after_doomed", False) for r in shown], [False] + [True] * 19)


def after_doomed_does_not_count():
    """What follows a connection error is shown and does not count; unless that error is not looked for."""
    octets = PREFACE + SETTINGS + BAD_PING + b"\0\0\4\x08\0\0\0\0\0\0\0\0\0"
    doomed = [r.get("after_doomed", False) for r in records(stdin=octets)[1] if r["kind"] == "finding"]
    expect("both", doomed, [False, True])
    code, rest = records("--ignore=ping-length", stdin=octets)
    expect("the second alone", [code] + [r.get("after_doomed", False) for r in rest if r["kind"] == "finding"],
           [1, False])


def one_cause():
    """Several rules broken by one frame are one finding."""
    block = b"\x82\x82\x84\x00\x01A\x01b"  # :method twice, no :scheme, an upper-case name
    octets = PREFACE + SETTINGS + b"\0\0" + bytes([len(block)]) + b"\1\5\0\0\0\1" + block
    rows = [r for r in records(stdin=octets)[1] if r["kind"] == "finding"]
    expect("findings", len([r for r in rows if r["severity"] == "error"]), 1)
    expect("first", rows[0]["check"], "pseudo-duplicate")
    if "field-name-uppercase" not in rows[0]["also"]:
        raise Wrong(f"{rows[0]}")


def verbose_adds_information():
    octets = PREFACE + SETTINGS + b"\0\0\0\xee\0\0\0\0\0"
    expect("default", findings(stdin=octets), [])
    expect("-v", findings("-v", stdin=octets), ["frame-unknown-type"])
    expect("--only=info", findings("--only=info", stdin=octets), ["frame-unknown-type"])


def the_registry():
    code, text, err = run("--list-checks")
    expect("--list-checks", (code, err), (0, ""))
    code, out, err = run("--list-checks", "-T", "json")
    rows = [json.loads(line) for line in out.splitlines()]
    expect("ids", [r["id"] for r in rows], [line.split()[0] for line in text.splitlines()])
    for row in rows:
        code, out, err = run("--explain", row["id"])
        if code != 0 or err or not out.startswith(row["id"] + ": " + row["title"]):
            raise Wrong(f"--explain {row['id']}: {code} {err!r} {out!r}")
        if row.get("rfc") and (row["rfc"] not in out or row["class"] != "info" and "fix" not in row):
            raise Wrong(f"{row['id']} lacks its source or a fix")
    expect("-T json --explain", json.loads(run("-T", "json", "--explain", "rst-idle")[1])["id"], "rst-idle")


def settings(*entries):
    payload = b"".join(i.to_bytes(2, "big") + v.to_bytes(4, "big") for i, v in entries)
    return len(payload).to_bytes(3, "big") + b"\4\0\0\0\0\0" + payload


def goaway(code):
    return b"\0\0\x08\7\0\0\0\0\0\0\0\0\0" + code.to_bytes(4, "big")


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def segment(sender, flags, seq, ack, payload=b"", client=(1, 40000), server=(2, 80)):
    """An IPv4 packet of TCP between two ends: last octet of the address, port."""
    source, target = (client, server) if sender == ">" else (server, client)
    ports = source[1], target[1]
    seq, ack = seq + client[1], ack + client[1]  # no two connections with the same numbers
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65535, 0, 0) + payload
    ends = bytes([10, 0, 0, source[0], 10, 0, 0, target[0]])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends + tcp


def conversation(*turns, close=">", acked="<>", start=0, **ends):
    """A capture of a connection: ">…" octets of the client, "<…" of the server, a packet each. The client's preface and
    both sides' SETTINGS go before; acked: who acknowledges them; close: who sends FIN first, "" nobody, the capture just ends."""
    return spoken([(">", PREFACE + SETTINGS), ("<", SETTINGS)] + [(sender, ACK) for sender in acked] + list(turns),
                  close, start, **ends)


def spoken(turns, close=">", start=0, **ends):
    """A capture of a connection from its first octet; start: microseconds, ends: as of segment()."""
    seq = {">": 1, "<": 1}
    packets = [segment(">", 2, 0, 0, **ends), segment("<", 0x12, 0, 1, **ends), segment(">", 0x10, 1, 1, **ends)]
    for sender, octets in turns:
        other = "<" if sender == ">" else ">"
        packets.append(segment(sender, 0x18, seq[sender], seq[other], octets, **ends))
        seq[sender] += len(octets)
    for sender in [close, "<" if close == ">" else ">"] if close else []:
        other = "<" if sender == ">" else ">"
        packets.append(segment(sender, 0x11, seq[sender], seq[other], **ends))
        seq[sender] += 1
    return as_pcap(packets, start)


def as_pcap(packets, start=0):
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for i, packet in enumerate(packets):
        capture += struct.pack("<IIII", 1700000000, start + i * 1000, len(packet), len(packet)) + packet
    return capture


def together(*captures):
    """Several conversations in one capture, by their times."""
    packets = []
    for capture in captures:
        at = 24
        while at < len(capture):
            size = 16 + int.from_bytes(capture[at + 8:at + 12], "little")
            packets.append(capture[at:at + size])
            at += size
    packets.sort(key=lambda p: struct.unpack("<II", p[:8]))
    return captures[0][:24] + b"".join(packets)


def ping(octets, ack=False):
    return frame(6, int(ack), 0, octets)


ACK = frame(4, 1, 0)
REQUEST = b"\0\0\x07\1\5\0\0\0\1\x82\x86\x84\x41\x01a\x90"
# check: octets behind the client's preface that fire it, and neighbours in which it stays silent.
OWN_CHECKS = {
    "settings-unknown-id": (settings((0x99, 1)), settings((3, 1))),
    "settings-duplicate-id": (settings((3, 1), (3, 1)), settings((3, 1)) + settings((3, 1))),
    "settings-no-rfc7540-late": (settings((3, 1)) + settings((9, 0)), settings((9, 0)) + settings((9, 0))),
    "error-code-unknown": (SETTINGS + goaway(0xFF), SETTINGS + goaway(2)),
    "error-multiple-connection": (SETTINGS + goaway(1) + goaway(2), SETTINGS + goaway(0) + goaway(2)),
    "priority-deprecated": (SETTINGS + b"\0\0\5\2\0\0\0\0\3\0\0\0\1\x0f", SETTINGS + REQUEST),
}
CAPTURES_OF = {
    "upgrade-h2c-obsolete": ("curl-upgrade-apache-sll2.pcap", "curl-nginx.pcap"),
    "origin-on-h2c": ("node.pcap", "python-h2.pcap"),
    "authority-sni-mismatch": ("authority.pcap", "curl-nginx-tls13.pcap"),
    "push-authority-foreign": ("authority.pcap", "curl-nginx-tls12-chacha.pcap"),
}


def get(stream):
    return frame(1, 5, stream, REQUEST[9:])


def answer(stream):
    return frame(1, 5, stream, b"\x88")


def secret(first, value=b"y"):
    return frame(1, 5, 1, REQUEST[9:] + bytes([first]) + b"\x01x\x01" + value)


def again():
    return frame(1, 5, 3, REQUEST[9:] + b"\xbe")


P, Q = b"pppppppp", b"qqqqqqqq"
LAST = (2**31 - 1).to_bytes(4, "big")
NO_PRIORITIES = settings((9, 1))
PRIORITY = frame(2, 0, 1, b"\0\0\0\0\x0f")
ERROR = goaway(2)
POST = frame(1, 4, 1, REQUEST[9:])
ZERO = frame(8, 0, 1, b"\0\0\0\0")
RST = frame(3, 0, 1, b"\0\0\0\1")
OVERFLOW = frame(8, 0, 1, b"\x7f\xff\xff\xff")  # certain only once the server has spoken behind it
RST_FLOW = frame(3, 0, 1, b"\0\0\0\3")
# check: conversations that fire it, and others next to them in which it stays silent. What is captured of both sides.
CONVERSATIONS = {
    "stream-id-exhausted": ([conversation((">", get(2**31 - 9)))], [conversation((">", get(2**31 - 211)))]),
    "settings-max-concurrent-zero": (
        [conversation(("<", settings((3, 0))), (">", ACK))],
        [conversation(("<", settings((3, 0))), (">", ACK), ("<", settings((3, 9))), (">", ACK))]),
    "settings-ack-missing": (
        [conversation((">", settings((4, 9))), (">", ping(P)), ("<", ping(P, True))),
         conversation((">", settings((4, 9))), (">", get(1)), ("<", answer(1))),
         conversation(("<", settings((4, 9)) + ping(P)), (">", ping(P, True)))],
        [conversation((">", settings((4, 9))), (">", ping(P)), ("<", ping(P, True)), ("<", ACK)),
         conversation((">", ping(P)), (">", settings((4, 9))), ("<", ping(P, True))),
         conversation((">", get(1)), (">", settings((4, 9))), ("<", answer(1))),
         conversation((">", settings((4, 9))), (">", ping(P)), ("<", ping(P, True)), close=""),
         conversation(("<", ACK), (">", settings((4, 9))), (">", ping(P)), ("<", ping(P, True)))]),
    "preface-settings-unacked": (
        [conversation((">", ping(P)), ("<", ping(P, True)), acked=">"),
         conversation((">", settings() + get(1)), ("<", answer(1)), acked=">")],
        [conversation((">", ping(P)), ("<", ping(P, True)), ("<", ACK), acked=">"),
         conversation((">", ping(P)), ("<", ping(Q, True)), acked=">"),
         conversation((">", ping(P)), ("<", ping(P, True)), acked=">", close=""),
         spoken([("<", SETTINGS + ACK), (">", PREFACE + SETTINGS + ACK), (">", ping(P)), ("<", ping(P, True))])]),
    "ping-ack-missing": (
        [conversation((">", ping(P)), (">", ping(Q)), ("<", ping(Q, True))),
         conversation((">", ping(P)), (">", settings()), ("<", ACK)),
         conversation((">", ping(P)), (">", get(1)), ("<", answer(1)))],
        [conversation((">", ping(P)), (">", ping(Q)), ("<", ping(Q, True)), ("<", ping(P, True))),
         conversation((">", ping(P)), (">", ping(Q)), ("<", ping(Q, True) + goaway(0))),
         conversation((">", ping(P)), (">", ping(Q)), ("<", ping(Q, True)), close=""),
         conversation((">", ping(P)), ("<", get(1))),
         conversation(("<", ping(P, True)), (">", ping(P)), (">", ping(Q)), ("<", ping(Q, True)))]),
    "ping-ack-of-ack": (
        [conversation((">", ping(P, True)), ("<", ping(P, True)))],
        [conversation((">", ping(P)), ("<", ping(P, True))), conversation((">", ping(P, True)), ("<", ping(Q, True))),
         conversation((">", ping(P)), ("<", ping(P) + ping(P, True)), (">", ping(P, True)))]),
    "goaway-no-close": (
        [conversation(("<", ERROR), (">", ping(P)), ("<", ping(P, True))),
         conversation((">", get(1)), ("<", ERROR), (">", get(3)), ("<", answer(3)))],
        [conversation((">", ping(P)), ("<", ERROR), ("<", ping(P, True))),
         conversation(("<", goaway(0)), (">", ping(P)), ("<", ping(P, True))),
         conversation((">", get(1)), ("<", ERROR), (">", get(3)), ("<", answer(1)))]),
    "priority-after-opt-out": (
        [conversation(("<", NO_PRIORITIES), (">", ACK), (">", PRIORITY * 2))],
        [conversation(("<", NO_PRIORITIES), (">", PRIORITY), (">", ACK)),
         conversation(("<", settings((9, 0))), (">", ACK), (">", PRIORITY))]),
    "goaway-last-id-too-low": (
        [conversation((">", get(1)), ("<", answer(1)), ("<", goaway(0))),
         conversation((">", get(1)), ("<", goaway(0)), ("<", answer(1)))],
        [conversation((">", get(1)), ("<", answer(1)), ("<", frame(7, 0, 0, b"\0\0\0\1\0\0\0\0"))),
         conversation((">", get(1)), ("<", frame(7, 0, 0, LAST + b"\0\0\0\0")), ("<", answer(1)))]),
    "goaway-grace-first": (
        [conversation(("<", goaway(0)))],
        [conversation(("<", frame(7, 0, 0, LAST + b"\0\0\0\0")), ("<", goaway(0))), conversation((">", goaway(0))),
         conversation(("<", goaway(2)))]),
    "connection-duplicated": (
        [together(conversation((">", get(1))), conversation((">", ping(P) + get(1)), start=100, client=(1, 40001)),
                  conversation((">", ping(Q) + get(1)), start=200, client=(1, 40002)))],
        [together(conversation((">", get(1))), conversation((">", ping(P) + get(1)), start=100, client=(3, 40001))),
         together(conversation((">", get(1))), conversation((">", ping(P) + get(1)), start=100, client=(1, 40001), server=(2, 81))),
         together(conversation((">", get(1))), conversation((">", ping(P) + get(1)), start=90000, client=(1, 40001))),
         together(conversation((">", get(1))), conversation((">", ping(P)), start=100, client=(1, 40001))),
         together(conversation((">", get(1)), ("<", answer(1))), conversation((">", get(1)), start=5500, client=(1, 40001)))]),
    "hpack-never-indexed-lost": (
        [together(conversation((">", secret(0x10))), conversation((">", secret(0x40)), start=50000, client=(2, 40001), server=(3, 80))),
         together(conversation((">", secret(0x10))), conversation((">", secret(0x40) + again()), start=50000, client=(2, 40001), server=(3, 80)))],
        [together(conversation((">", secret(0x10))), conversation((">", secret(0x10)), start=50000, client=(2, 40001), server=(3, 80))),
         together(conversation((">", secret(0x10))), conversation((">", secret(0x40, b"z")), start=50000, client=(2, 40001), server=(3, 80))),
         together(conversation((">", secret(0x10))), conversation((">", secret(0x40)), start=50000, client=(4, 40001), server=(3, 80))),
         together(conversation((">", secret(0x00))), conversation((">", secret(0x40)), start=50000, client=(2, 40001), server=(3, 80)))]),
    "reaction-goaway-missing": (
        [conversation((">", BAD_PING), close="<")],
        [conversation((">", BAD_PING), ("<", goaway(6)), close="<"), conversation((">", BAD_PING)),
         conversation((">", BAD_PING), close="")]),
    "reaction-close-missing": (
        [conversation((">", BAD_PING), (">", ping(P)), ("<", ping(P, True))),
         conversation((">", BAD_PING + get(1)), ("<", answer(1)))],
        [conversation((">", BAD_PING), (">", ping(P)), ("<", goaway(6))),
         conversation((">", ping(P)), (">", BAD_PING), ("<", ping(P, True)))]),
    "reaction-rst-missing": (
        [conversation((">", POST + ZERO), (">", ping(P)), ("<", ping(P, True)))],
        [conversation((">", POST + ZERO), (">", ping(P)), ("<", RST + ping(P, True))),
         conversation((">", POST + ZERO), (">", ping(P)), ("<", goaway(1))),
         conversation((">", frame(1, 4, 1, b"\x82\x86\x84")), (">", ping(P)), ("<", frame(1, 5, 1, b"\x8c") + ping(P, True))),
         conversation((">", POST + ZERO))]),
    "reaction-code-differs": (
        [conversation((">", BAD_PING), ("<", goaway(1))), conversation((">", POST + ZERO), ("<", frame(3, 0, 1, b"\0\0\0\2")))],
        [conversation((">", BAD_PING), ("<", goaway(6))), conversation((">", POST + ZERO), ("<", RST)),
         conversation((">", BAD_PING), ("<", goaway(0))),
         conversation((">", POST + OVERFLOW), ("<", RST_FLOW), ("<", goaway(1))),
         conversation(("<", settings((3, 1))), (">", ACK), (">", get(1) + get(3)), ("<", frame(3, 0, 3, b"\0\0\0\1")))]),
    "reaction-escalated": (
        [conversation((">", POST + ZERO), ("<", goaway(1)))],
        [conversation((">", POST + ZERO), ("<", RST)), conversation((">", BAD_PING), ("<", goaway(6)))]),
    "reaction-ping-after-unknown": (
        [conversation((">", frame(0x21, 0, 0, b"abc")), ("<", goaway(1))),
         conversation((">", settings((0x99, 1))), ("<", goaway(1))),
         conversation((">", get(1)), (">", frame(0x21, 0, 0, b"abc")), close="<")],
        [conversation((">", frame(0x21, 0, 0, b"abc")), ("<", goaway(0))),
         conversation((">", frame(0x21, 0, 0, b"abc")), (">", BAD_PING), ("<", goaway(6))),
         conversation((">", frame(0x21, 0, 0, b"abc")), close="<")]),
    "goaway-missing": (
        [conversation((">", get(1))), conversation((">", get(1)), close="<")],
        [conversation((">", get(1)), ("<", answer(1))), conversation((">", get(1)), close=""),
         conversation((">", get(1)), ("<", goaway(0)), close="<")]),
}


def upgraded(fields, answer="101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"):
    """A connection that began with an HTTP/1.1 Upgrade; the request has these fields, too."""
    lines = ["GET / HTTP/1.1", "Host: a", "Upgrade: h2c"] + fields
    return spoken([(">", ("\r\n".join(lines) + "\r\n\r\n").encode()), ("<", b"HTTP/1.1 " + answer.encode() + b"\r\n" + SETTINGS),
                   (">", PREFACE + SETTINGS), ("<", answer_to_1())])


def answer_to_1():
    return frame(1, 5, 1, b"\x88")


OPTION = "Connection: Upgrade, HTTP2-Settings"
CONVERSATIONS["upgrade-settings-invalid"] = (
    [upgraded([OPTION]), upgraded([OPTION] + ["HTTP2-Settings: AAMAAABk"] * 2), upgraded([OPTION, "HTTP2-Settings: AAMAAABk!"]),
     upgraded([OPTION, "HTTP2-Settings: AAMAAA"]), upgraded(["Connection: Upgrade", "HTTP2-Settings: AAMAAABk"])],
    [upgraded([OPTION, "HTTP2-Settings: AAMAAABk"]), upgraded(["Connection: http2-settings", OPTION, "http2-settings: "]),
     upgraded([OPTION], "200 OK\r\nContent-Length: 0\r\n")])


def in_conversations():
    for check, (fires, silent) in CONVERSATIONS.items():
        counts = [[findings("--only", check, stdin=octets).count(check) for octets in inputs] for inputs in (fires, silent)]
        expect(check, counts, [[1] * len(fires), [0] * len(silent)])


def without_a_packet():
    """What a side owes is not known where octets are missing: each packet lost in turn, and each start."""
    for check, (fires, silent) in CONVERSATIONS.items():
        for capture in silent:
            packets, at = [], 24
            while at < len(capture):
                size = 16 + int.from_bytes(capture[at + 8:at + 12], "little")
                packets.append(capture[at:at + size])
                at += size
            for i in range(len(packets)):
                for what, left in (("without", packets[:i] + packets[i + 1:]), ("from", packets[i:])):
                    found = findings("--only", check, "--port", "80", stdin=capture[:24] + b"".join(left))
                    if check in found and check not in LOST_IS_NO_MATTER:
                        raise Wrong(f"{check}: {what} packet {i + 1}")


# Octets of one direction alone, whatever was lost; and who closed, and when, where a FIN was lost ("likely", "possible").
LOST_IS_NO_MATTER = {"goaway-last-id-too-low", "reaction-goaway-missing", "connection-duplicated"}


def own_checks():
    """Every check that only --check raises: one input that fires it, one next to it in which it is silent."""
    source = "".join(open(os.path.join(CAPTURES, "..", "src", "check", name), encoding="utf-8").read()
                     for name in os.listdir(os.path.join(CAPTURES, "..", "src", "check")) if name.endswith(".c"))
    engine = os.path.join(CAPTURES, "..", "src", "h2")
    engine = "".join(open(os.path.join(engine, name), encoding="utf-8").read()
                     for name in os.listdir(engine) if name.endswith((".c", ".def")))
    told = {"COUNT", *re.findall(r"\bCHECK_([A-Z0-9_]+)\b", engine), *re.findall(r"^RULE\(\w+, *(\w+),", engine, re.M)}
    raised = {name.lower().replace("_", "-") for name in re.findall(r"\bCHECK_([A-Z0-9_]+)\b", source) if name not in told}
    expect("checks with a case", set(OWN_CHECKS) | set(CAPTURES_OF) | set(CONVERSATIONS) | set(TLS_CHECKS), raised)
    for check, inputs in OWN_CHECKS.items():
        counts = [findings("--only", check, stdin=PREFACE + octets).count(check) for octets in inputs]
        expect(check, counts, [1, 0])
    for check, inputs in CAPTURES_OF.items():
        counts = [check in findings("--only", check, *with_keys(name)) for name in inputs]
        expect(check, counts, [True, False])


def whom_requests_are_for():
    """A name of the certificate, also by its star, is the server's; 421 makes a warning of the note."""
    found = [(r["conn"], r["severity"], r.get("stream_id")) for r in records("--only=authority-sni-mismatch", *with_keys("authority.pcap"))[1]
             if r["kind"] == "finding"]
    expect("requests", found, [(2, "note", 1), (2, "warning", 1), (3, "note", 1)])
    found = [(r["conn"], r["by"]) for r in records("--only=push-authority-foreign", *with_keys("authority.pcap"))[1]
             if r["kind"] == "finding"]
    expect("promises", found, [(1, "server")])


def with_keys(name):
    path = os.path.join(CAPTURES, name)
    keys = re.sub(r"\.pcap$", ".keys", path)
    return [path, "--keylog", keys] if os.path.exists(keys) else [path]


SERVER_HELLO = rb"(\x16\x03\x03..\x02\x00..\x03\x03.{32}\x20.{32})\xcc\xa9\x00"
ALPN_CHOICE = b"\x00\x10\x00\x05\x00\x03\x02h2"
# check: octets of a TLS 1.2 capture (a regular expression), what takes their place so that it fires, what does not;
# whether it is read with its keys.
TLS_CHECKS = {
    "tls-version-low": (rb"(\x16\x03\x03..\x02\x00..)\x03\x03", b"\\1\x03\x02", b"\\1\x03\x03", False),
    "tls-prohibited-cipher": (SERVER_HELLO, b"\\1\xc0\x13\x00", b"\\1\xcc\xa8\x00", False),
    "tls-compression": (SERVER_HELLO, b"\\1\xcc\xa9\x01", b"\\1\xcc\xa8\x00", False),
    "tls-weak-dh": (rb"(\x0c\x00..\x03\x00)\x1d", b"\\1\x13", b"\\1\x15", True),
    "tls-sni-missing": (rb"\x00\x00(\x00\x11\x00\x0f\x00\x00\x0cexample.test)", b"\x0a\x0a\\1", b"\x00\x00\\1", True),
    "alpn-missing": (ALPN_CHOICE, ALPN_CHOICE.replace(b"\x10", b"\x11"), ALPN_CHOICE, True),
    "alpn-h2c-in-tls": (rb"\x02h2\x08http/1.1", b"\x03h2c\x07ttp/1.1", b"\x02h2\x08h2c/1.12", True),
}


def tls_checks():
    """The hellos of a recorded connection changed; its records can be read as before."""
    path = os.path.join(CAPTURES, "curl-nginx-tls12-chacha.pcap")
    keys = ["--keylog", path.replace(".pcap", ".keys")]
    octets = open(path, "rb").read()
    for check, (pattern, broken, right, with_keys) in TLS_CHECKS.items():
        for what, count in ((broken, 2), (right, 0)):
            changed, times = re.subn(pattern, what, octets, flags=re.DOTALL)
            expect(f"{check}: places", times, 2)
            name = write("tls.pcap", changed)
            expect(check, findings("--only", check, *(keys if with_keys else []), name).count(check), count)
            # The hellos are lost: what they did not say is not held against them.
            expect(f"{check}, no hellos", findings("--only", check, *keys, write("late.pcap", without_hellos(changed))), [])


def without_hellos(octets):
    """The capture without its packets that hold a hello of TLS (Ethernet, IPv4)."""
    kept, at = octets[:24], 24
    while at < len(octets):
        size = 16 + int.from_bytes(octets[at + 8:at + 12], "little")
        packet = octets[at + 16:at + size]
        tcp = 14 + (packet[14] & 15) * 4
        payload = packet[tcp + (packet[tcp + 12] >> 4) * 4:]
        if not (payload[:1] == b"\x16" and payload[5:6] in (b"\x01", b"\x02")):
            kept += octets[at:at + size]
        at += size
    return kept


def another_protocol():
    """The client speaks HTTP/2 though the server chose something else; a server that answers in HTTP/1 breaks no rule."""
    path = os.path.join(CAPTURES, "curl-nginx-tls12-chacha.pcap")
    octets = open(path, "rb").read().replace(ALPN_CHOICE, ALPN_CHOICE.replace(b"h2", b"h1"))
    found = [(r["check"], r["by"], r["message"][-2:]) for r in records("--keylog", path.replace(".pcap", ".keys"), write("h1.pcap", octets))[1]
             if r["kind"] == "finding" and r["check"].startswith("alpn")]
    expect("ALPN", found, [("alpn-missing", "client", "h1")] * 2)
    answer = spoken([(">", PREFACE + SETTINGS + get(1)), ("<", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")])
    code, rows = records(write("h1.pcap", answer))
    expect("HTTP/1", (code, [(r["check"], r["severity"], r["scope"], "error_code" in r, "reaction" in r) for r in rows if r["kind"] == "finding"]),
           (0, [("preface-server-settings-missing", "note", "advice", False, False)]))


def old_tls():
    """TLS 1.1 cannot be read, but is judged; there is a record that the finding belongs to."""
    octets = open(os.path.join(CAPTURES, "curl-nginx-tls12-chacha.pcap"), "rb").read()
    name = write("old.pcap", re.sub(TLS_CHECKS["tls-version-low"][0], TLS_CHECKS["tls-version-low"][1], octets, flags=re.DOTALL))
    code, rows = records(name)
    expect("exit, kinds", (code, [r["kind"] for r in rows]),
           (2, ["h2dump"] + ["connection", "finding"] * 2 + ["summary"]))
    expect("what", [rows[2][key] for key in ("conn", "check", "severity", "by", "error_code")],
           [1, "tls-version-low", "error", "server", "INADEQUATE_SECURITY"])


def closed_pipe():
    """The check goes on though nobody reads, and its status stands."""
    for files, code in (([BAD], 1), ([CLEAN], 0)):
        read, write_end = os.pipe()
        os.close(read)
        done = subprocess.run([H2DUMP, "--check", *files], stdout=write_end, stderr=subprocess.PIPE, timeout=60)
        os.close(write_end)
        expect(f"{files}", (done.returncode, done.stderr), (code, b""))


def quiet():
    expect("-q", run("--check", "-q", BAD), (1, "", ""))


def too_little_could_be_judged():
    snaplen = os.path.join(CAPTURES, "nghttp-h2o-snaplen.pcap")
    expect("without", run("--check", snaplen)[0], 0)
    expect("50 %", run("--max-tainted=50%", snaplen)[0], 0)
    expect("1 %", run("--max-tainted=1", snaplen)[0], 3)
    expect("clean", run("--max-tainted=0", CLEAN)[0], 0)


def main():
    bad = 0
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                case()
                print(f"ok   {case.__name__}")
            except (Wrong, OSError, ValueError, KeyError, IndexError, subprocess.TimeoutExpired) as e:
                print(f"FAIL {case.__name__}: {type(e).__name__} {e}")
                bad += 1
            os.chdir("/")
    return 1 if bad else 0


CASES = [exit_codes, judged_in_part, nothing_to_check, wrong_usage, one_finding, json_records, counted_beyond_the_cap,
         after_doomed_does_not_count, one_cause, verbose_adds_information, own_checks, whom_requests_are_for, in_conversations, without_a_packet,
         tls_checks, another_protocol, old_tls, the_registry, closed_pipe, quiet,
         too_little_could_be_judged]
sys.exit(main())
