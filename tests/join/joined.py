#!/usr/bin/env python3
"""Connections whose beginning is missing, and holes, through the whole program. usage: joined.py H2DUMP"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

H2DUMP = os.path.abspath(sys.argv[1])
bad = 0


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def request(stream):
    return frame(1, 5, stream, b"\x82\x86\x84\x41\x03a.b")


def response(stream, body=b"hello\n"):
    return frame(1, 4, stream, b"\x88\x5f\x0atext/plain") + frame(0, 1, stream, body)


def update(stream=0):
    return frame(8, 0, stream, b"\0\0\x40\0")


class Wire:
    """Packets of one TCP connection without a handshake, both ends with sequence numbers of their own."""

    def __init__(self, ports=(40000, 8080)):
        self.ports, self.seq, self.packets = ports, [1000, 5000], []

    def say(self, side, octets, lost=False):
        if not lost:
            ends = [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])]
            tcp = struct.pack(">HHIIBBHHH", self.ports[side], self.ports[side ^ 1], self.seq[side], self.seq[side ^ 1],
                              5 << 4, 0x18, 65535, 0, 0) + octets
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + ends[side] + ends[side ^ 1]
            self.packets.append(ip + tcp)
        self.seq[side] += len(octets)
        return self

    def file(self):
        out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
        for i, packet in enumerate(self.packets):
            out += struct.pack("<IIII", 1700000000, i, len(packet), len(packet)) + packet
        with open("x.pcap", "wb") as f:
            f.write(out)
        return "x.pcap"


def show(wire, *options):
    done = subprocess.run([H2DUMP, *options, wire.file()], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Shown:
    def __init__(self, wire, *options):
        code, out, self.stderr = show(wire, "-T", "json", *options)
        records = [json.loads(line) for line in out.splitlines()]
        self.code = code
        self.connections = [r for r in records if r["kind"] == "connection"]
        self.frames = [(r["dir"], r["type"], r["stream_id"]) for r in records if r["kind"] == "frame"]
        self.skipped = [(r["dir"], r["length"]) for r in records if r["kind"] == "unsynchronised"]
        self.gaps = [(r["dir"], r["length"]) for r in records if r["kind"] == "gap"]
        self.findings = [r["check"] for r in records if r["kind"] == "finding" and r["severity"] != "note"]


def expect(what, have, want):
    global bad
    if have != want:
        bad += 1
        print(f"FAIL {what}: {have!r}, not {want!r}")


def ends(shown):
    c = shown.connections[0] if shown.connections else {}
    return c.get("start"), c.get("client", {}).get("port"), c.get("one_direction", False)


def both_sides():
    for ports in ((40000, 8080), (80, 40000), (5000, 5000)):
        wire = Wire(ports).say(0, request(3)).say(1, response(3)).say(0, request(5) + update()).say(1, response(5))
        shown = Shown(wire)
        expect(f"both, {ports}", ends(shown), ("mid-stream", ports[0], False))
        expect(f"both, {ports}: frames", len(shown.frames), 7)
        expect(f"both, {ports}: findings", shown.findings, [])


def tail_first():
    wire = Wire().say(1, b"the end of a body that began before").say(0, b"\0\0" + request(3)).say(1, response(3))
    for stream in range(5, 60, 2):
        wire.say(0, request(stream)).say(1, response(stream))
    shown = Shown(wire)
    expect("tails: start", ends(shown), ("mid-stream", 40000, False))
    expect("tails: skipped", sorted(shown.skipped), [("c2s", 2), ("s2c", 35)])
    expect("tails: frames", len(shown.frames), 29 * 3)
    text = show(wire)[1]
    expect("tails: said in text", ["  35  " in line and "(p3)" in line for line in text.splitlines()
                                   if "unsynchronised" in line and "<" in line], [True])


def one_side():
    for side, made, client in ((1, response, 40000), (0, request, 40000)):
        wire = Wire()
        for stream in range(101, 141, 2):
            wire.say(side, made(stream))
        shown = Shown(wire)
        # Sixteen frames are shown at once; whether the other side will speak is not known then.
        expect(f"only side {side}", ends(shown), ("mid-stream", client, False))
        expect(f"only side {side}: frames", len(shown.frames), 20 if side == 0 else 40)
        expect(f"only side {side}: findings", shown.findings, [])
        wire = Wire().say(side, made(1)).say(side, made(3))
        expect(f"little of side {side}", ends(Shown(wire)), ("mid-stream", client, True))
    wire = Wire().say(1, frame(8, 0, 0, b"\0\0\1\0") * 3)  # rule B
    expect("only updates", len(Shown(wire).frames), 3)


def download():
    wire = Wire((50000, 443))
    body = random.Random(1)
    wire.say(1, body.randbytes(5000))
    for _ in range(20):
        wire.say(1, frame(0, 0, 7, body.randbytes(8192)))
    shown = Shown(wire)
    expect("download", ends(shown), ("mid-stream", 50000, True))
    expect("download: frames", shown.frames, [("s2c", "DATA", 7)] * 20)
    expect("download: skipped", shown.skipped, [("s2c", 5000)])
    late = Wire((50000, 443)).say(1, body.randbytes(5000))
    for _ in range(3):
        late.say(1, frame(0, 0, 7, body.randbytes(8192)))
    expect("three bodies prove nothing", Shown(late).connections, [])


def few_frames():
    shown = Shown(Wire().say(0, request(9) + frame(0, 1, 9, b"x")))
    expect("one segment", (ends(shown), len(shown.frames)), (("mid-stream", 40000, True), 2))
    expect("half a frame", Shown(Wire().say(0, request(9)[:-1])).connections, [])
    grpc = frame(0, 0, 3, b"\0\0\0\0\5hello")
    expect("gRPC alone", len(Shown(Wire().say(1, grpc).say(1, grpc)).frames), 2)
    expect("one gRPC message", Shown(Wire().say(1, grpc)).connections, [])
    expect("bodies of anything", Shown(Wire().say(1, frame(0, 0, 3, b"hello")).say(1, frame(0, 0, 3, b"hello"))).connections, [])
    ping = Wire().say(0, request(9)).say(1, frame(6, 0, 0, b"abcdefgh"))
    expect("PING beside requests", Shown(ping).frames, [("c2s", "HEADERS", 9), ("s2c", "PING", 0)])


def false_start():
    """Three good frames, and then what is none: nothing of them is shown."""
    noise = random.Random(2).randbytes(3000)
    shown = Shown(Wire().say(0, request(1) + request(3) + request(5) + noise))
    expect("false start", (shown.connections, shown.frames, shown.code), ([], [], 1))
    good = Wire().say(0, request(1) + request(3) + request(5) + noise)
    for stream in range(21, 81, 2):
        good.say(0, request(stream))
    shown = Shown(good)
    expect("behind it", shown.frames, [("c2s", "HEADERS", s) for s in range(21, 81, 2)])
    expect("behind it: skipped", shown.skipped, [("c2s", len(request(1)) * 3 + 3000)])


def holes_while_searching():
    wire = Wire().say(0, b"tail").say(0, b"?" * 50, lost=True)
    for stream in range(3, 43, 2):
        wire.say(0, request(stream))
    shown = Shown(wire)
    expect("hole while searching", len(shown.frames), 20)
    expect("hole while searching: skipped", shown.skipped, [("c2s", 54)])


def holes_in_step():
    """A hole over a frame header; the other side goes on, so that two frames are enough."""
    wire = Wire()
    for stream in range(1, 41, 2):
        wire.say(0, request(stream)).say(1, response(stream))
    wire.say(1, frame(0, 0, 41, b"." * 100)[:50], lost=True)
    wire.say(1, frame(0, 0, 41, b"." * 100)[50:] + frame(1, 4, 43, b"\x88\xc0"))
    wire.say(0, request(43)).say(1, frame(0, 1, 43, b"end"))
    shown = Shown(wire)
    expect("hole: gap", shown.gaps, [("s2c", 50)])
    expect("hole: skipped", shown.skipped, [("s2c", 59)])
    expect("hole: frames", shown.frames[-3:], [("s2c", "HEADERS", 43), ("c2s", "HEADERS", 43), ("s2c", "DATA", 43)]
           if shown.frames[-2][0] == "c2s" else [("c2s", "HEADERS", 43), ("s2c", "HEADERS", 43), ("s2c", "DATA", 43)])
    expect("hole: findings", shown.findings, [])


def limit():
    noise = random.Random(3).randbytes(30000)
    wire = Wire().say(0, noise)
    for stream in range(3, 63, 2):
        wire.say(0, request(stream))
    shown = Shown(wire, "--sync-limit=20k")
    expect("limit", (shown.connections, shown.code), ([], 1))
    expect("limit: said", "1 connection joined late and not recognised (30000 octets looked at)" in shown.stderr, True)
    expect("within the limit", Shown(wire).skipped, [("c2s", 30000)])
    forced = Shown(wire, "--sync-limit=20k", "--port=8080")
    expect("forced", (ends(forced)[0], len(forced.frames)), ("forced", 30))
    expect("no limit", show(wire, "--sync-limit=0")[0], 2)


def behind_the_preface():
    """The handshake and the preface are missing; SETTINGS come first from both sides."""
    settings = frame(4, 0, 0, b"\0\3\0\0\0\x64")
    wire = Wire().say(0, settings).say(1, settings).say(0, request(1)).say(1, response(1)).say(0, request(3))
    shown = Shown(wire)
    expect("behind the preface", ends(shown), ("mid-stream", 40000, False))
    expect("behind the preface: frames", len(shown.frames), 6)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for case in (both_sides, tail_first, one_side, download, few_frames, false_start, holes_while_searching,
                     holes_in_step, limit, behind_the_preface):
            case()
        os.chdir("/")
    print(f"{bad} wrong")
    return bad > 0


sys.exit(main())
