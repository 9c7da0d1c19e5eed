#!/usr/bin/env python3
"""The command as a user meets it: exit codes, messages, streams. usage: cli.py H2DUMP CAPTURES

Each case is a function, listed at the end. Everything happens in a folder of its own.
"""
import fcntl
import gzip
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

H2DUMP, CAPTURES = (os.path.abspath(p) for p in sys.argv[1:3])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
PING = b"\0\0\10\6\0\0\0\0\0abcdefgh"
GOOD = os.path.join(CAPTURES, "curl-nghttpd.pcap")


class Wrong(Exception):
    pass


class Skipped(Exception):
    """The machine lacks what the case needs."""


def pseudo_terminal():
    try:
        return pty.openpty()
    except OSError as error:
        raise Skipped(f"no pseudo-terminal: {error}") from None


def run(*args, stdin=b"", **more):
    out = subprocess.run([H2DUMP, *args], input=stdin, capture_output=True, timeout=60, **more)
    return out.returncode, out.stdout.decode("utf-8"), out.stderr.decode("utf-8")


def expect(what, have, want):
    if have != want:
        raise Wrong(f"{what}: {have!r}, not {want!r}")


def expect_run(args, code, stderr, stdin=b"", stdout=None):
    """Runs, and compares the exit code and standard error exactly (one line without the prefix, or '')."""
    have = run(*args, stdin=stdin)
    expect(f"{args}: exit", have[0], code)
    expect(f"{args}: stderr", have[2], f"h2dump: {stderr}\n" if stderr else "")
    if stdout is not None:
        expect(f"{args}: stdout", have[1], stdout)
    return have[1]


def write(name, octets):
    with open(name, "wb") as f:
        f.write(octets)
    return name


def read(path):
    with open(path, "rb") as f:
        return f.read()


def pcap(packets, link=1, snaplen=262144):
    """A little-endian microsecond pcap; packets are octets, or (octets, length on the wire)."""
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link)
    for i, packet in enumerate(packets):
        octets, wire = packet if isinstance(packet, tuple) else (packet, len(packet))
        out += struct.pack("<IIII", 1700000000, i, len(octets), wire) + octets
    return out


def as_pcapng(octets):
    """The packets of a little-endian microsecond pcap in Enhanced Packet Blocks."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, octets[20:22] + bytes(2) + octets[16:20])
    at = 24
    while at < len(octets):
        seconds, micros, here, wire = struct.unpack_from("<IIII", octets, at)
        stamp = seconds * 1000000 + micros
        body = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, here, wire) + octets[at + 16:at + 16 + here]
        out += block(6, body)
        at += 16 + here
    return out


def tcp(payload, sport=40000, dport=8080, seq=1, ack=0, flags=0x18):
    """An Ethernet frame with IPv4 and TCP; checksums are not looked at."""
    segment = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 1, 0, 64, 6, 0, bytes([10, 0, 0, 1]),
                     bytes([10, 0, 0, 2]))
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + segment


def connection(payload, **more):
    return [tcp(b"", seq=0, flags=2, **more), tcp(payload, seq=1, **more)]


# ---- usage ----

def wrong_usage():
    for args, text in [
        (["--tim=none"], "unknown option --tim; did you mean --time?"),
        (["-Y", "x"], "unknown option -Y (h2dump -h lists all)"),
        (["--by", "stream"], "--by stream: unknown view (frame, callback)"),
        (["--by", "callbak"], "--by callbak: unknown view; did you mean 'callback'? (frame, callback)"),
        (["-T", "jsn"], "-T jsn: unknown format; did you mean 'json'? (text, json)"),
        (["--color=\x1b[31m"], "--color \\x1b[31m: unknown choice (auto, always, never)"),
    ]:
        expect_run(args, 2, text, stdout="")


def filters_on_files():
    """-f by link type; packet numbers count all packets; what passed is said when nothing was found."""
    octets = pcap(connection(PREFACE + SETTINGS + PING, dport=8081) + connection(PREFACE + SETTINGS))
    both = write("x.pcap", octets)
    if "libpcap" not in run("-V")[1]:
        expect_run(["-f", "tcp", both], 2, "built without libpcap: no live capture and no -f filters", stdout="")
        return
    out = expect_run(["-f", "port 8080", "-T", "json", both], 0, "")
    records = [json.loads(line) for line in out.splitlines()]
    expect("packets", {r["packet"] for r in records if r["kind"] == "frame"}, {4})
    expect("connections", records[-1]["connections"], {"http2": 1})
    expect("packets read", records[-1]["packets"], 4)
    expect_run(["-f", "port 9", both], 1, 'x.pcap: no HTTP/2 found in 4 packets, of which 0 passed filter "port 9"')
    expect_run(["-f", "host 10.0.0.1 and tcp[13] & 2 != 0", both], 1,
               'x.pcap: no HTTP/2 found in 4 packets, of which 2 passed filter'
               ' "host 10.0.0.1 and tcp[13] & 2 != 0": 2 TCP packets without payload')
    expect_run(["-f", "tcp prt 1", both], 2, '-f "tcp prt 1": can\'t parse filter expression: syntax error', stdout="")
    raw = write("raw.pcap", pcap([p[14:] for p in connection(PREFACE + SETTINGS)], link=101))
    expect_run(["-f", "port 8080", "-q", raw, both], 0, "")
    expect_run(["-f", "ether src 02:00:00:00:00:02", raw], 2,
               '-f "ether src 02:00:00:00:00:02" on packets of link type 101: ethernet addresses supported only on '
               "ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel", stdout="")
    expect_run(["-f", "tcp"], 2, "standard input: -f is about packets, and this is a raw stream",
               stdin=PREFACE + SETTINGS, stdout="")


def decoded(*args, code=0):
    """Records without what differs when packets are left out."""
    records = []
    for line in expect_run(["-T", "json", "-v", "--data=all", *args], code, "").splitlines():
        record = json.loads(line)
        if record["kind"] not in ("h2dump", "summary", "finding"):
            records.append({k: v for k, v in record.items() if k not in ("packet", "packet_end", "file")})
    return records


def written_packets():
    """-w: what is written is decoded to the same, and read by others."""
    for name in ("curl-nginx-qinq.pcap", "nghttp-post-continuation.pcapng", "grpc.pcap", "curl-upgrade-apache-sll2.pcap"):
        capture = os.path.join(CAPTURES, name)
        expect(name, decoded("-w", "w.pcapng", capture), decoded("w.pcapng"))
    expect_run(["-q", "-w", "all.pcapng", GOOD, os.path.join(CAPTURES, "curl-upgrade-apache-sll2.pcap")], 0, "")
    expect("two link types", json.loads(expect_run(["-T", "json", "all.pcapng"], 0, "").splitlines()[-1])["connections"],
           {"http2": 3})
    if shutil.which("tshark"):
        out = subprocess.run(["tshark", "-r", "all.pcapng", "-T", "fields", "-e", "frame.encap_type"],
                             capture_output=True, text=True, timeout=60)
        expect("tshark", (out.returncode, len(set(out.stdout.split()))), (0, 2))
    octets = subprocess.run([H2DUMP, "-q", "-w", "-", GOOD], capture_output=True, timeout=60).stdout
    write("piped.pcapng", octets)
    expect("piped", decoded("piped.pcapng"), decoded(GOOD))


def only_shown_connections():
    """Packets of other connections, and of none, are left out; those of one that was undecided for long are not."""
    ssh = connection(b"SSH-2.0-x\r\n", sport=1)
    slow = connection(PREFACE + SETTINGS, sport=2)
    quick = connection(PREFACE + SETTINGS + PING, sport=3)
    silent = [tcp(b"", seq=0, flags=2, sport=4)]
    udp = tcp(b"x" * 20)[:23] + b"\x11" + tcp(b"x" * 20)[24:]
    packets = [ssh[0], slow[0], silent[0], quick[0], udp, quick[1], ssh[1], slow[1]]
    expect_run(["-q", "-w", "w.pcapng", write("x.pcap", pcap(packets))], 0, "")
    again = expect_run(["-T", "json", "w.pcapng"], 0, "")
    expect("packets", json.loads(again.splitlines()[-1])["packets"], 4)
    octets = read("w.pcapng")
    order = [octets.index(p) for p in (slow[0], quick[0], quick[1], slow[1])]
    expect("order", order, sorted(order))
    expect_run(["-q", "--only-port", "8081", "-w", "w.pcapng", "x.pcap"], 1,
               "x.pcap: no HTTP/2 found in 8 packets: 3 connections on other ports (--only-port)")
    expect("nothing", pcapng_types("w.pcapng"), [0x0A0D0D0A])


def pcapng_types(path):
    octets, at, types = read(path), 0, []
    while at < len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        types.append(kind)
        at += length
    expect("blocks fill the file", at, len(octets))
    return types


def undecided_without_end():
    """What waits behind a connection that is never decided is bounded; then it is written rather than lost."""
    blob = bytes(60000)
    frame = len(blob).to_bytes(3, "big") + b"\0\0\0\0\0\1"
    packets = [tcp(b"", seq=0, flags=2, sport=4)] + connection(PREFACE + SETTINGS)
    seq = 1 + len(PREFACE + SETTINGS)
    for _ in range(600):
        packets.append(tcp(frame + blob, seq=seq))
        seq += len(frame + blob)
    write("x.pcap", pcap(packets))
    out = run("-T", "json", "-w", "w.pcapng", "x.pcap")
    notes = [r for r in map(json.loads, out[1].splitlines()) if r["kind"] == "finding" and "held" in r["check"]]
    expect("notes", [(n["check"], n["severity"], n["packet"]) for n in notes], [("limit-held-packets", "note", 1)])
    expect("all of them", pcapng_types("w.pcapng").count(6), 603)


def comments_are_carried():
    def option(code, value):
        return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)

    packets = connection(PREFACE + SETTINGS)
    octets = as_pcapng(pcap(packets))
    body = struct.pack("<IIIII", 0, 1, 2, len(packets[1]), len(packets[1])) + packets[1] + bytes(-len(packets[1]) % 4)
    body += option(1, b"look here") + option(2, b"\1\0\0\0") + option(4, struct.pack("<Q", 3)) + option(0, b"")
    secret = b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n"
    dsb = struct.pack("<II", 0x544C534B, len(secret)) + secret + bytes(-len(secret) % 4)
    for kind, content in ((10, dsb), (6, body)):
        octets += struct.pack("<II", kind, 12 + len(content)) + content + struct.pack("<I", 12 + len(content))
    write("x.pcapng", octets)
    first = expect_run(["-T", "json", "-w", "w.pcapng", "x.pcapng"], 0, "")
    second = expect_run(["-T", "json", "w.pcapng"], 0, "")
    for out in (first, second):
        notes = [(r["check"], r["message"]) for r in map(json.loads, out.splitlines())
                 if r["kind"] == "finding" and r["check"].startswith("capture-") and "conn" not in r]
        expect("notes", notes, [("capture-drops", "the capture lost 3 packets just before this one"),
                                ("capture-comment", "comment: look here")])
    expect("drops", json.loads(second.splitlines()[-1])["drops"], {"kernel": 3, "interface": 0})
    text = expect_run(["--time=none", "x.pcapng"], 0, "")
    for line in ("!  note p3: the capture lost 3 packets just before this one [capture-drops]\n",
                 "!  note p3: comment: look here [capture-comment]\n"):
        if line not in text:
            raise Wrong(f"no {line!r} in {text!r}")
    write("many.pcapng", octets[:-len(body) - 12] +
          (struct.pack("<II", 6, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))) * 30)
    out = expect_run(["-T", "json", "many.pcapng"], 0, "")
    expect("comments shown", out.count('"message":"comment: look here"'), 30)
    expect("secrets", secret in read("w.pcapng") and pcapng_types("w.pcapng").count(10) == 1, True)


def what_w_refuses():
    octets = read(GOOD)
    write("in.pcap", octets)
    os.link("in.pcap", "same.pcap")
    for path in ("in.pcap", "same.pcap"):
        expect_run(["-w", path, "in.pcap"], 2, f"-w {path}: that would overwrite an input", stdout="")
        expect("untouched", read("in.pcap"), octets)
    with open("in.pcap", "rb") as stdin:
        out = subprocess.run([H2DUMP, "-w", "in.pcap"], stdin=stdin, capture_output=True, timeout=60)
    expect("standard input", (out.returncode, out.stderr), (2, b"h2dump: -w in.pcap: that would overwrite an input\n"))
    expect("untouched", read("in.pcap"), octets)
    write("keys", b"# nothing\n")
    expect_run(["-w", "keys", "--keylog=keys", "in.pcap"], 2, "-w keys: that would overwrite an input", stdout="")
    os.symlink("target", "link")
    write("target", b"dear")
    if os.geteuid() == 0:
        expect_run(["-w", "link", "in.pcap"], 2,
                   "link: cannot be written: it is a symbolic link, which root does not follow", stdout="")
        expect("untouched", read("target"), b"dear")
    expect_run(["-w", "none/x", "in.pcap"], 2, "none/x: cannot be written: No such file or directory", stdout="")
    expect_run(["-w", "-", "in.pcap"], 2, "-w -: standard output cannot be both: it takes -q, too", stdout="")
    expect_run(["-w", "a", "-w", "b"], 2, "-w b: one file can be written", stdout="")
    expect_run(["--raw", "-w", "a"], 2, "-w is about packets: it cannot go with --raw or --from", stdout="")
    expect_run(["-w", "a"], 2, "standard input: -w is about packets, and this is a raw stream",
               stdin=PREFACE + SETTINGS, stdout="")
    if os.path.exists("/dev/full"):
        expect_run(["-q", "-w", "/dev/full", "in.pcap"], 2,
                   "/dev/full: cannot be written: No space left on device", stdout="")


def capture_flags_go_together():
    for args, text in [
        (["-i", "lo", "x.pcap"], "x.pcap: no file can go with -i"),
        (["-i", "lo", "-i", "eth0"], "-i eth0: one interface at a time ('any' is all of them)"),
        (["--raw", "-i", "lo"], "-i is about packets: it cannot go with --raw or --from"),
        (["--c2s=x", "--s2c=y", "-f", "tcp"], "-f is about packets: it cannot go with --c2s and --s2c"),
        (["-f", "tcp", "-f", "udp"], "-f: given twice; join them with 'and' or 'or'"),
        (["-s", "96", "x.pcap"], "-s is about live capture: it goes with -i"),
        (["--promisc", "x.pcap"], "--promisc is about live capture: it goes with -i"),
        (["-i", "lo", "-s", "262145"], "-s 262145: not a length of packets (1 to 262144; 0 is the most)"),
        (["-i", "lo", "--buffer=3"], "--buffer 3: not the size of a buffer (256k to 2047M)"),
        (["-i", "lo", "--buffer=2G"], "--buffer 2G: not the size of a buffer (256k to 2047M)"),
    ]:
        expect_run(args, 2, text, stdout="")


def help_and_version():
    code, short, err = run("-h")
    expect("-h", (code, err), (0, ""))
    code, long, err = run("--help", "--nonsense")
    expect("--help", (code, err), (0, ""))
    for text in (short, long):
        if max(map(len, text.splitlines())) > 80 or "--profile=observer|endpoint" not in text:
            raise Wrong("help is too wide, or lacks a flag")
    if len(long) < 2 * len(short):
        raise Wrong("--help has no paragraphs")
    code, out, err = run("-V")
    expect("-V", (code, out.split()[0], out.splitlines()[1].split()[0], err), (0, "h2dump", "zlib", ""))


# ---- inputs that are not what they should be ----

def not_a_capture():
    expect_run([write("x.txt", b"hello world\n")], 2,
               "x.txt: not a capture file (starts with 68 65 6c 6c 6f 20 77 6f); pcap, pcapng (also .gz, .zst)"
               " or raw HTTP/2 expected", stdout="")


def empty_file():
    expect_run([write("x.pcap", b"")], 2, "x.pcap: empty file", stdout="")
    expect_run([], 2, "standard input: empty file", stdout="")


def directory_and_missing():
    os.mkdir("folder")
    expect_run(["folder"], 2, "folder: is a directory; give the files in it")
    expect_run(["none.pcap"], 2, "none.pcap: cannot be opened: No such file or directory")
    expect_run(["--c2s", "folder", "--s2c", "none.pcap"], 2, "folder: is a directory; give the files in it")
    folder = os.open("folder", os.O_RDONLY)
    done = subprocess.run([H2DUMP], stdin=folder, capture_output=True, timeout=20)
    os.close(folder)
    expect("stderr", done.stderr, b"h2dump: standard input: is a directory; give the files in it\n")


def unreadable():
    """Somebody who may not read it; root becomes nobody for this."""
    write("secret.pcap", read(GOOD))
    os.chmod("secret.pcap", 0)
    os.chmod(".", 0o755)
    shutil.copy(H2DUMP, "h2dump")  # where nobody may run it
    become = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(["./h2dump", "secret.pcap"], capture_output=True, timeout=20, **become)
    except PermissionError as e:
        print(f"skip unreadable: root may not become nobody here ({e})")
        return
    expect("unreadable", (done.returncode, done.stdout, done.stderr),
           (2, b"", b"h2dump: secret.pcap: cannot be opened: Permission denied\n"))


def header_only():
    expect_run([write("x.pcap", pcap([]))], 1, "x.pcap: valid capture with no packets", stdout="")


def cut_at(whole, cut, full, head):
    """One cut: what is whole is shown, what is wrong is said. head: octets without which it is no capture."""
    code, out, err = run(write("x.pcap", whole[:cut]), "-T", "json")
    lines = [json.loads(line) for line in out.splitlines()]
    summary = lines[-1] if lines else {"kind": "none"}
    if code == 2:
        ok = cut < head and "h2dump: x.pcap: " in err
    elif code == 3:
        ok = "h2dump: x.pcap: cut short " in err or "the compressed data is cut short" in err
        ok = ok and summary["truncated"] and "payload is not in the file" not in err
    else:  # between two packets nothing shows that there were more
        ok = code in (0, 1) and not summary["truncated"] and (code == 0) == (err == "")
    if not ok or lines and summary["kind"] != "summary" or err.count("\n") > 2:
        raise Wrong(f"cut at {cut}: exit {code}, {err!r}, {summary}")
    causes = {line["cause"] for line in lines if line["kind"] in ("gap", "frame_cut")}
    if causes - {"end"}:
        raise Wrong(f"cut at {cut}: causes {causes}")
    frames = [line for line in out.splitlines() if line.startswith('{"kind":"frame",')]
    if not set(frames[:-2]) <= set(full):
        raise Wrong(f"cut at {cut}: frames that the whole capture does not have")


def cut_everywhere():
    full = run(GOOD, "-T", "json")[1].splitlines()
    whole = read(GOOD)
    for octets, head in ((whole, 24), (as_pcapng(whole), 28), (gzip.compress(whole, mtime=0), 300)):
        expect("whole", run(write("x.pcap", octets), "-T", "json")[1].splitlines()[:-1], full[:-1])
        for cut in range(1, len(octets)):
            cut_at(octets, cut, full, head)


def corrupt():
    whole = bytearray(read(GOOD))
    second = 24 + 16 + struct.unpack_from("<I", whole, 24 + 8)[0]
    struct.pack_into("<I", whole, second + 8, 0x7FFFFFFF)
    code, _, err = run(write("x.pcap", bytes(whole)))
    expect("exit", code, 3)
    if "file damaged; 1 packet" not in err:
        raise Wrong(err)


def link_type():
    expect_run([write("x.pcap", pcap([b"abc"] * 12, link=105))], 1,
               "x.pcap: link type 105 (IEEE 802.11) is not supported: 12 packets skipped", stdout="")


def no_http2():
    packets = connection(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", sport=1001) + connection(b"SSH-2.0-x\r\n", sport=1002)
    packets += connection(b"\x16\x03\x01\x00\x2c\x01\x00\x00\x28" + bytes(40), sport=1003)
    packets += [tcp(bytes(40), sport=1004, seq=77)]
    code, _, err = run(write("x.pcap", pcap(packets)))
    expect("exit", code, 1)
    expect("stderr", err.splitlines()[-1],
           "h2dump: x.pcap: no HTTP/2 found in 7 packets: 1 HTTP/1.1, 1 SSH, 1 TLS connection without keys, "
           "1 connection joined late and not recognised (40 octets looked at)")
    expect_run(["x.pcap", "--only-port=9"], 1,
               "x.pcap: no HTTP/2 found in 7 packets: 4 connections on other ports (--only-port)", stdout="")


def payload_was_cut():
    whole = tcp(PREFACE + SETTINGS + PING * 100)
    packets = [tcp(b"", seq=0, flags=2), (whole[:96], len(whole))]
    code, _, err = run(write("x.pcap", pcap(packets, snaplen=96)))
    expect("stderr", err, "h2dump: x.pcap: payload is not in the file: packets were cut to 96 octets at capture time"
           " (use -s 0 there)\n")
    expect("exit", code, 0)


def file_names_are_escaped():
    name = "a\x1b]0;x\x07\n\u202eb.pcap"
    _, _, err = run(write(name, b"nothing here"))
    if any(c in err.rstrip("\n") for c in "\x1b\x07\n\u202e"):
        raise Wrong(repr(err))


# ---- what is decoded ----

def exit_codes_of_several():
    write("cut.pcap", read(GOOD)[:-5])
    write("none.pcap", pcap(connection(b"SSH-2.0-x\r\n")))
    for files, code in [(["none.pcap"], 1), ([GOOD, "none.pcap"], 0), (["cut.pcap"], 3), (["none.pcap", "cut.pcap"], 3),
                        (["missing", GOOD], 2), ([GOOD, "cut.pcap", "missing"], 2), ([GOOD, GOOD], 0)]:
        expect(f"{files}: exit", run(*files)[0], code)


def several_files():
    lines = [json.loads(line) for line in run("-T", "json", GOOD, GOOD)[1].splitlines()]
    conns = [(r["file"], r["conn"], r["packet"]) for r in lines if r["kind"] == "connection"]
    expect("connections", conns, [(GOOD, 1, conns[0][2]), (GOOD, 2, conns[0][2])])
    expect("summary", lines[-1]["connections"]["http2"], 2)


def standard_input():
    expect("from stdin", run(stdin=read(GOOD))[1], run(GOOD)[1])
    expect("gzip from stdin", run("-", stdin=gzip.compress(read(GOOD)))[1], run(GOOD)[1])


def quiet():
    expect_run(["-q", GOOD], 0, "", stdout="")
    expect_run(["-q", write("x.pcap", pcap([]))], 1, "x.pcap: valid capture with no packets", stdout="")


def count():
    lines = [json.loads(line) for line in run("-T", "json", "-c", "3", GOOD)[1].splitlines()]
    kinds = [r["kind"] for r in lines if r["kind"] not in ("h2dump", "connection", "finding", "summary")]
    expect("records", len(kinds), 3)
    expect("last", lines[-1]["kind"], "summary")


def raw_streams():
    for octets, direction in ((PREFACE + SETTINGS + PING, "c2s"), (SETTINGS + PING, "s2c")):
        code, out, err = run("-T", "json", stdin=octets)
        records = [json.loads(line) for line in out.splitlines()]
        types = [r["type"] for r in records if r["kind"] == "frame"]
        expect("raw", (code, err, types, {r["dir"] for r in records if "dir" in r}),
               (0, "", ["SETTINGS", "PING"], {direction}))
    out = expect_run(["-T", "json", "--from=server"], 0, "", stdin=PING)
    expect("forced", [json.loads(x)["dir"] for x in out.splitlines() if '"kind":"frame"' in x], ["s2c"])
    noise = bytes(range(1, 250)) + b"".join(b"\0\0\3\1\5\0\0\0" + bytes([i]) + b"\x82\x86\x84" for i in range(1, 40, 2))
    out = expect_run(["-T", "json", "--raw"], 0, "", stdin=noise)
    records = [json.loads(line) for line in out.splitlines()]
    passed = [r for r in records if r["kind"] == "unsynchronised"]
    expect("searched", ([r.get("length") for r in passed], sum(r["kind"] == "frame" for r in records)), ([249], 20))


def nothing_found_where_told_to():
    noise = bytes(range(1, 250))
    text = "no HTTP/2 found%s: 1 connection taken for HTTP/2 in which no frame was found"
    expect_run(["--raw"], 1, "standard input: " + text % "", stdin=noise)
    expect_run(["--port=8080", write("x.pcap", pcap(connection(noise)))], 1,
               "x.pcap: " + text % " in 2 packets" + " (249 octets looked at)")


def two_halves():
    stem = os.path.join(CAPTURES, "curl-nghttpd")
    out = expect_run(["-T", "json", "--c2s", stem + ".c2s.h2raw", "--s2c", stem + ".s2c.h2raw"], 0, "")
    records = [json.loads(line) for line in out.splitlines()]
    capture = [json.loads(line) for line in run("-T", "json", GOOD)[1].splitlines()]
    for way in ("c2s", "s2c"):
        pick = [[(r["type"], r["offset"], r.get("headers")) for r in rs if r["kind"] == "frame" and r["dir"] == way]
                for rs in (records, capture)]
        expect(way, pick[0], pick[1])
    order = [(r["dir"], r["type"], r["flags"]) for r in records if r["kind"] == "frame"]
    if order.index(("s2c", "SETTINGS", 1)) < order.index(("c2s", "SETTINGS", 0)):
        raise Wrong("an acknowledgement before what it acknowledges")
    expect("findings", records[-1]["findings"], {})


def forced_port():
    frames = b"".join(b"\0\0\3\1\5\0\0\0" + bytes([i]) + b"\x82\x86\x84" for i in range(1, 40, 2))
    name = write("x.pcap", pcap([tcp(b"xyz" + frames, seq=5000)]))
    records = [json.loads(line) for line in expect_run(["-T", "json", name], 0, "").splitlines()]
    expect("unforced", [r["start"] for r in records if r["kind"] == "connection"], ["mid-stream"])
    expect("skipped", [r["length"] for r in records if r["kind"] == "unsynchronised"], [3])
    out = expect_run(["-T", "json", "--port=8080", name], 0, "")
    records = [json.loads(line) for line in out.splitlines()]
    expect("start", [r["start"] for r in records if r["kind"] == "connection"], ["forced"])
    expect("frames", sum(r["kind"] == "frame" for r in records), 20)


def hole_over_a_frame_header():
    frames = b"".join(b"\0\0\3\1\5\0\0\0" + bytes([i]) + b"\x82\x86\x84" for i in range(1, 100, 2))
    stream = PREFACE + SETTINGS + frames
    packets = [tcp(b"", seq=0, flags=2), tcp(b"", sport=8080, dport=40000, seq=0, ack=1, flags=0x12)]
    packets += [tcp(stream[:50], seq=1, ack=1), tcp(stream[75:], seq=76, ack=1)]
    out = expect_run(["-T", "json", write("x.pcap", pcap(packets))], 0, "")
    records = [json.loads(line) for line in out.splitlines()]
    gaps = [(r["offset"], r["length"]) for r in records if r["kind"] == "gap"]
    expect("gap", gaps, [(50, 25)])
    after = [r["offset"] for r in records if r["kind"] == "frame" and r["offset"] >= 75]
    expect("frames behind it", after, list(range(81, len(stream), 12)))


# ---- output ----

def broken_blocks():
    """A field block that is never completed: its fields stand on what breaks it off."""
    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    begun = PREFACE + SETTINGS + frame(1, 1, 1, b"\x82\x86\x84")
    fields = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
    more = frame(9, 4, 1, b"\x84")
    syn = [tcp(b"", seq=0, flags=2), tcp(b"", sport=8080, dport=40000, seq=0, ack=1, flags=0x12)]
    lost = pcap(syn + [tcp(begun, seq=1, ack=1), tcp(more * 2, seq=1 + len(begun) + len(more), ack=1)])
    for what, octets, kind in [
            ("another frame", begun + PING + PING, "field-block-interleaved"),
            ("another block", begun + frame(1, 5, 3, b"\x82\x86\x85"), "field-block-interleaved"),
            ("another stream's CONTINUATION", begun + frame(9, 4, 3, b"\x85"), "field-block-interleaved"),
            ("an unknown frame", begun + frame(0x99, 0, 1), "frame-extension-in-field-block"),
            ("the end", begun, "frame-truncated-at-eof"),
            ("the capture's end", pcap([*syn, tcp(begun, seq=1, ack=1)]), "gap"),
            ("a hole", lost, "gap")]:
        code, out, err = run("-T", "json", stdin=octets)
        records = [json.loads(line) for line in out.splitlines()]
        found = [(r.get("check", r["kind"]), [(f["name"], f["value"]) for f in r["headers"]])
                 for r in records if "headers" in r and r["kind"] != "frame"]
        expect(what, found, [(kind, fields)])
        others = [f["value"] for r in records if r["kind"] == "frame" for f in r.get("headers", [])]
        expect(f"{what}: fields of frames", others, ["GET", "http", "/index.html"] if what == "another block" else [])
        lines = run(stdin=octets)[1].splitlines()
        at = lines.index(" " * 17 + "the field block that breaks off:")
        expect(f"{what}: text", [line.split(": ") for line in lines[at + 1:at + 4]], [[" " * 17 + n, v] for n, v in fields])
        expect(f"{what}: above it", kind in lines[at - 1] or "field-block" in lines[at - 1], True)
    expect("-x has them with their octets", "breaks off" in run("-x", stdin=begun + PING)[1], False)


def late_join():
    """Fields of entries that were not seen: unknown, inferred, hinted; and how large the table may be."""
    def block(stream, octets):
        return len(octets).to_bytes(3, "big") + b"\1\5" + stream.to_bytes(4, "big") + octets

    def fields(*args):
        rows = [json.loads(row) for row in run("--raw", "--from=client", "-T", "json", *args, "late")[1].splitlines()]
        return rows[1], [row["headers"] for row in rows if row["kind"] == "frame"], \
            [row["message"] for row in rows if row.get("check") == "capture-hpack-state"]

    path = {"name": ":path", "certainty": "inferred", "entry": "pre:5"}
    first = bytes.fromhex("82c286410161" "c1" "7f0501" "6f")
    second = bytes.fromhex("82c4864101" "62" "400178" "3c") + b"v" * 60
    write("late", block(1, first) + block(3, second) + block(5, bytes.fromhex("82c6864101" "63")))
    connection, blocks, notes = fields()
    expect("level", connection["hpack"], {"c2s": "partial", "s2c": "partial"})
    expect("first", blocks[0], [
        {"name": ":method", "value": "GET"}, path, {"name": ":scheme", "value": "http"},
        {"name": ":authority", "value": "a"}, {"certainty": "unknown", "entry": "pre:3"},
        {"value": "o", "certainty": "name-unknown", "entry": "pre:6"}])
    expect("second", blocks[1][1], path)
    expect("third", blocks[2][1], path)
    expect("notes", notes, [])

    _, blocks, _ = fields("--hpack-hint=pre:5=:path: /x", "--hpack-hint=1.c2s.pre:6=x-o: not this",
                          "--hpack-hint=2.c2s.pre:3=no: no", "--hpack-hint=1.s2c.pre:3=no: no", "--hpack-hint=lost1:3=a: b")
    path["value"] = "/x"
    expect("hinted", [blocks[0][i] for i in (1, 4, 5)], [
        dict(sorted(path.items(), key=lambda item: ["name", "value", "certainty", "entry"].index(item[0]))),
        {"certainty": "unknown", "entry": "pre:3"},
        {"name": "x-o", "value": "o", "certainty": "inferred", "entry": "pre:6"}])
    _, blocks, _ = fields("--hpack-hint=pre:5=:scheme: https")  # what is certain wins
    del path["value"]
    expect("overruled", blocks[0][1], path)
    text = run("--raw", "--from=client", "--hpack-hint=pre:5=:path: /x", "-x", "late")[1]
    for want in ("#1 raw, forced, one direction, headers partly unknown\n", "  GET ~/x\n", " ~:path: /x ",
                 " <unknown: pre:3> ", " <name of pre:6>: o "):
        expect(want, want in text, True)
    parts = run("--raw", "--from=client", "-T", "json", "-x", "late")[1]
    for want in ('"what":"~:path: <unknown: pre:5> [indexed 66', '"what":"<unknown: pre:3> [', '"what":"<name of pre:6>: o ['):
        expect(want, want in parts, True)

    # 4096 octets: five more entries fit. 240: none, once the second block is in, and its own are known.
    expect("as usual", fields("--hpack-table=4k")[2], [])
    expect("small", fields("--hpack-table=240")[2],
           ["HPACK nearly complete: only parts of entries that came since are unknown",
            "HPACK state lost: index 70 names nothing that can be there; headers partly unknown"])
    # What is kept, and what is shown.
    _, blocks, _ = fields("--max-headers=2", "--max-table=40")
    expect("two of each", [len(b) for b in blocks], [2, 2, 2])
    write("late", block(1, b"\x41\1a\x40\1x\1b\xbe\xbf"))
    expect("forgotten", fields("--max-table=50")[1][0][2:], [{"name": "x", "value": "b"}, {"certainty": "unknown"}])


def shown_as_it_comes():
    child = subprocess.Popen([H2DUMP], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    seen = b""
    os.set_blocking(child.stdout.fileno(), False)
    try:
        for octets, word in ((SETTINGS, b"SETTINGS"), (PING[:-1], None), (PING[-1:], b"PING")):
            child.stdin.write(octets)
            child.stdin.flush()
            end = time.monotonic() + (20 if word else 0.3)
            while time.monotonic() < end and (word is None or word not in seen):
                seen += child.stdout.read() or b""
                time.sleep(0.01)
            if word is not None and word not in seen or word is None and b"PING" in seen:
                raise Wrong(f"{word}: {seen!r}")
    finally:
        child.stdin.close()
        child.wait(timeout=20)
        child.stdout.close()


def closed_pipe():
    child = subprocess.Popen(f"'{H2DUMP}' -x '{GOOD}'; echo $? >&2", shell=True, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    child.stdout.close()
    expect("stderr", child.stderr.read(), b"0\n")
    child.stderr.close()
    child.wait(timeout=20)


def full_disk():
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "wb") as full:
        done = subprocess.run([H2DUMP, GOOD], stdout=full, stderr=subprocess.PIPE, timeout=20)
    expect("exit", done.returncode, 2)
    expect("stderr", done.stderr, b"h2dump: cannot write the output: No space left on device\n")


def no_control_octets():
    evil = b"\x1b[2J\r\n\x9b\xe2\x80\xae\x00\x7f"
    field = b"\x00\x04evil" + bytes([len(evil)]) + evil
    payload = b"\0" + struct.pack(">H", 3 + len(field)) + b"\1\5\0\0\0\1\x82\x86\x84" + field
    goaway = b"\0\0" + bytes([8 + len(evil)]) + b"\7\0\0\0\0\0\0\0\0\0\0\0\0\0" + evil
    for args in ([], ["-x"], ["-v"], ["--by=callback"], ["-T", "json"]):
        out = subprocess.run([H2DUMP, *args], input=PREFACE + SETTINGS + payload + goaway, capture_output=True).stdout
        bad = [c for c in out.decode("utf-8") if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or c == "\u202e"]
        if bad or b"\x1b" in out:
            raise Wrong(f"{args}: {bad!r} in the output")


def on_terminal(columns, *args):
    """What a terminal of that many columns gets, without colours, in lines."""
    master, slave = pseudo_terminal()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    child = subprocess.Popen([H2DUMP, "--color=never", *args], stdin=subprocess.DEVNULL, stdout=slave,
                             stderr=subprocess.DEVNULL)
    os.close(slave)
    out = b""
    try:
        while octets := os.read(master, 65536):
            out += octets
    except OSError:  # EIO: nobody writes to it any more
        pass
    child.wait(timeout=20)
    os.close(master)
    return out.decode("utf-8").replace("\r\n", "\n").splitlines()


def fits_a_terminal():
    """What does not fit is shortened with a mark or goes on below, indented; beside a pipe's output nothing is lost."""
    for name in ("nghttp-push-priorities", "violations-server", "extensions", "nghttp-post-continuation"):
        path = os.path.join(CAPTURES, name + ".pcap" + ("ng" if "post" in name else ""))
        for args in ([], ["-x"], ["--by=callback"], ["--check"]):
            lines = on_terminal(80, *args, path)
            wide = [line for line in lines if len(line) > 80]
            if wide or len(lines) < (1 if "--check" in args else 20):
                raise Wrong(f"{name} {args}: {len(lines)} lines, too wide: {wide[:3]}")
            records = [line for line in run(*args, path)[1].splitlines() if not line.startswith(" ")]
            expect(f"{name} {args}: records", len([x for x in lines if not x.startswith(" ")]), len(records))
        lines = on_terminal(200, path)
        expect(f"{name}: at 200 columns", [x for x in lines if "…" not in x],
               [y for x, y in zip(lines, run(path)[1].splitlines()) if "…" not in x])


def deterministic():
    for args in ([], ["-x"], ["-T", "json", "-v"], ["--by=callback"]):
        outs = {run(*args, os.path.join(CAPTURES, "grpc.pcap"))[1] for _ in range(3)}
        outs.add(run(*args, "--deterministic", os.path.join(CAPTURES, "grpc.pcap"))[1])
        expect(f"{args}: different outputs", len(outs), 1)


def endpoint_profile():
    bad = b"\0\0\4\x08\0\0\0\0\0\0\0\0\0"  # WINDOW_UPDATE of 0 on the connection
    octets = PREFACE + SETTINGS + bad + PING
    out = expect_run(["-T", "json", "--by=callback", "--profile=endpoint"], 0, "", stdin=octets)
    records = [json.loads(line) for line in out.splitlines()]
    actions = [(r["action"], r.get("error_code")) for r in records if r["kind"] == "action"]
    if ("GOAWAY", "PROTOCOL_ERROR") not in actions or any(r.get("type") == "PING" for r in records):
        raise Wrong(f"{actions}; a PING behind a connection error is for nobody")
    out = expect_run(["-T", "json"], 0, "", stdin=octets)
    if '"type":"PING"' not in out:
        raise Wrong("the observer stops")


def main():
    bad = 0
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                case()
                print(f"ok   {case.__name__}")
            except Skipped as e:
                print(f"skip {case.__name__}: {e}")
            except (Wrong, OSError, ValueError, KeyError, IndexError, subprocess.TimeoutExpired) as e:
                print(f"FAIL {case.__name__}: {e}")
                bad += 1
            os.chdir("/")
    return 1 if bad else 0


CASES = [wrong_usage, written_packets, only_shown_connections, undecided_without_end, comments_are_carried,
         what_w_refuses, filters_on_files, capture_flags_go_together, help_and_version, not_a_capture, empty_file,
         directory_and_missing, unreadable, header_only, cut_everywhere,
         corrupt, link_type, no_http2, payload_was_cut, file_names_are_escaped, exit_codes_of_several, several_files,
         standard_input, quiet, count, raw_streams, nothing_found_where_told_to, two_halves,
         forced_port, hole_over_a_frame_header,
         broken_blocks, late_join, shown_as_it_comes, closed_pipe, full_disk, no_control_octets, fits_a_terminal, deterministic, endpoint_profile]
sys.exit(main())
