#!/usr/bin/env python3
"""No octet from outside steers a terminal. usage: control_octets.py H2DUMP

Everything in the input that the output repeats (fields, paths, debug data, origins, bodies, the Upgrade request, names of
files, words of the command line) is made of what must be escaped, and each view is held against a list of its own, drawn
from the Unicode categories: controls, formats (but for the signs of Arabic and its neighbours that are seen), separators,
surrogates.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unicodedata

H2DUMP = os.path.abspath(sys.argv[1])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
UNSEEN = [0x34F, 0x115F, 0x180E, 0x3164, 0xE0100]  # of other categories, but nobody sees them
SEEN = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD]


def harmful(code):
    return unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp", "Cs") and code not in SEEN or code in UNSEEN


EVIL = [chr(c).encode() for c in range(0x110000) if harmful(c) and not 0xD800 <= c < 0xE000]
EVIL += [bytes([c]) for c in range(0x80, 0x100)]  # C1 as octets, and other invalid UTF-8
EVIL += [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80", b"\x1b]0;x\x07", b"\x1b[2J", b"a\r\nb: c"]
VIEWS = [[], ["-x"], ["-v", "--data=all"], ["--by=callback", "-v"], ["-T", "json", "-v", "--data=all"],
         ["-T", "json", "-x"], ["-T", "json", "--by=callback"], ["--profile=endpoint", "--by=callback"]]


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def client():
    """A client's stream: each of EVIL in every place."""
    out = PREFACE + SETTINGS
    for stream, evil in enumerate(EVIL):
        fields = literal(b":method", evil) + literal(b":scheme", evil) + literal(b":path", b"/" + evil)
        fields += literal(b":authority", evil) + literal(b"x" + evil, b"v") + literal(b"cookie", b"a" + evil)
        out += frame(1, 5, 4 * stream + 1, fields)
        fields = literal(b":method", b"CONNECT") + literal(b":authority", evil) + literal(b":protocol", evil)
        out += frame(1, 4, 4 * stream + 3, fields) + frame(0, 1, 4 * stream + 3, evil)
        out += frame(16, 0, 0, struct.pack(">I", 1) + evil) + frame(0x77, 0, 0, evil) + frame(6, 0, 0, (evil + bytes(8))[:8])
    return out + b"".join(frame(7, 0, 0, bytes(8) + evil) for evil in EVIL)


def server():
    out = SETTINGS
    for stream, evil in enumerate(EVIL):
        out += frame(1, 5, 4 * stream + 1, literal(b":status", evil) + literal(b"server" + evil, evil))
        out += frame(10, 0, 0, struct.pack(">H", len(evil)) + evil + evil) + frame(12, 0, 0, struct.pack(">H", len(evil)) + evil)
    return out + b"".join(frame(7, 0, 0, bytes(8) + evil) for evil in EVIL)


def tcp(payload, from_client, seq, ack, flags=0x18):
    ports = (4000, 80) if from_client else (80, 4000)
    segment = struct.pack(">HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 65535, 0, 0) + payload
    ends = [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, 64, 6, 0) + ends[not from_client] + ends[from_client]
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + segment


def upgrade(evil):
    """A capture whose HTTP/1.1 request has it in the target and in a field."""
    request = b"GET /" + evil + b" HTTP/1.1\r\nHost: x\r\nX: " + evil + b"\r\nConnection: Upgrade, HTTP2-Settings\r\n" + \
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + SETTINGS
    packets = [tcp(b"", True, 0, 0, 2), tcp(b"", False, 0, 1, 0x12), tcp(request, True, 1, 1),
               tcp(answer, False, 1, 1 + len(request)), tcp(PREFACE + SETTINGS, True, 1 + len(request), 1 + len(answer))]
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    return out + b"".join(struct.pack("<IIII", 1, 0, len(p), len(p)) + p for p in packets)


def complaints(args, stdin=b""):
    """What must not be in what the command writes."""
    done = subprocess.run([H2DUMP, *args], input=stdin, capture_output=True, timeout=120)
    if done.returncode not in (0, 1, 2, 3):
        return [f"exit {done.returncode}"]
    found = []
    for octets in (done.stdout, done.stderr):
        try:
            seen = set(octets.decode("utf-8")) - {"\n"}
        except UnicodeDecodeError as e:
            return [str(e)]
        found += [f"U+{ord(c):04X}" for c in seen if harmful(ord(c))]
    if b"json" in args or "json" in args:
        for line in done.stdout.splitlines():
            json.loads(line)
    return found


def runs():
    for view in VIEWS:
        yield view, client()
        yield view, server()
    names = [evil for evil in EVIL[::15] + EVIL[-7:] if b"\0" not in evil and b"/" not in evil]
    for evil in names:
        if b"\n" not in evil and b"\r" not in evil:
            with open("upgrade.pcap", "wb") as f:
                f.write(upgrade(evil))
            yield ["upgrade.pcap"], b""
            yield ["-T", "json", "upgrade.pcap"], b""
        name = b"f" + evil
        with open(name, "wb") as f:
            f.write(upgrade(b"x")[:-30])
        yield [name, b"missing" + evil], b""
        yield [b"-T", b"json", name, name], b""
        for option in (b"--by=", b"--", b"-c", b"-", b"--port="):
            yield [option + evil], b""
    for evil in EVIL[::8]:
        yield [], evil * 9


def main():
    bad = count = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for args, stdin in runs():
            count += 1
            found = complaints(args, stdin)
            if found:
                bad += 1
                print(f"FAIL {args} on {stdin[:20]!r}: {', '.join(sorted(set(found))[:10])}")
        os.chdir("/")
    print(f"{count} runs, {len(EVIL)} strings, {bad} complaints")
    return 1 if bad else 0


sys.exit(main())
