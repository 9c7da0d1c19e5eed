#!/usr/bin/env python3
"""A capture rewritten in every way packets travel shows the same frames. usage: rewrites.py H2DUMP PCAP [FOLDER | --tshark]

The packets of PCAP (Ethernet, IPv4, TCP) are put into each tunnel, cut into fragments, copied, given other link headers;
what h2dump decodes must be what it decodes from PCAP itself, and the connection must say what it came through. With
FOLDER, the rewrites are left there. With --tshark, tshark must find the same frames in them (77: it is not installed).
"""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import Counter

MACS = bytes.fromhex("020000000001020000000002")
OUTER = (bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
OUTER6 = tuple(bytes.fromhex("20010db80000000000000000000000") + bytes([n]) for n in (0x11, 0x12))


def read_pcap(path):
    octets = open(path, "rb").read()
    assert struct.unpack_from("<I", octets)[0] in (0xA1B2C3D4,) and struct.unpack_from("<I", octets, 20)[0] == 1
    at, packets = 24, []
    while at < len(octets):
        sec, usec, caplen, _ = struct.unpack_from("<IIII", octets, at)
        packets.append((sec * 1000000 + usec, octets[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return packets


def write_pcap(path, link, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for usec, octets in packets:
            f.write(struct.pack("<IIII", usec // 1000000, usec % 1000000, len(octets), len(octets)) + octets)


# ---- headers ----

def checksum(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ip4(protocol, payload, ends=OUTER, ident=0, fragment=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, fragment, 64, protocol, 0, *ends)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(protocol, payload, ends=OUTER6):
    return struct.pack(">IHBB16s16s", 0x60000000, len(payload), protocol, 64, *ends) + payload


def udp(to, payload, source=49152):
    return ip4(17, struct.pack(">HHHH", source, to, 8 + len(payload), 0) + payload)


def frame(ip):
    return MACS + (b"\x08\x00" if ip[0] >> 4 == 4 else b"\x86\xdd") + ip


def as_ip6(ip):
    """The same segment over IPv6: ::ffff-like addresses of documentation."""
    prefix = bytes.fromhex("20010db8000000000000ffff")
    # the client is lower in both, so that sides do not change; TCP checksums are not looked at
    return ip6(6, ip[20:], (prefix + ip[12:16], prefix + ip[16:20]))


def fragments4(ip, sizes, order):
    """An IPv4 packet in pieces of these sizes (multiples of 8, the last as it comes), in that order."""
    payload, at, pieces = ip[20:], 0, []
    ident = struct.unpack_from(">H", ip, 4)[0]
    i = 0
    while at < len(payload):
        size = sizes[i % len(sizes)]
        more = 0x2000 if at + size < len(payload) else 0
        pieces.append(ip4(6, payload[at:at + size], (ip[12:16], ip[16:20]), ident, more | at // 8))
        at += size
        i += 1
    return order(pieces)


def fragments6(ip, size, order, ident):
    inner = as_ip6(ip)
    payload, at, pieces = inner[40:], 0, []
    while at < len(payload):
        more = at + size < len(payload)
        head = struct.pack(">BBHI", 6, 0, at | more, ident)
        pieces.append(ip6(44, head + payload[at:at + size], (inner[8:24], inner[24:40])))
        at += size
    return order(pieces)


def forward(pieces):
    return pieces


def backward(pieces):
    return pieces[::-1]


def twice(pieces):
    return [piece for piece in pieces for _ in range(2)]


def erspan3(ip):
    return struct.pack(">HHIIIHH", 0x1000, 0x22EB, 1, 0x20010005, 0, 0, 0) + frame(ip)


# name: (link type, via, packets of one IP packet, whose number is given)
def kinds():
    mpls = struct.pack(">I", 16 << 12 | 0x100 | 64)
    gre = bytes.fromhex("00000800")
    return {
        "plain": (1, None, lambda ip, n: [frame(ip)]),
        "qinq": (1, None, lambda ip, n: [MACS + bytes.fromhex("88a8000181000002") + frame(ip)[12:]]),
        "raw": (101, None, lambda ip, n: [ip]),
        "raw-ipv6": (101, None, lambda ip, n: [as_ip6(ip)]),
        "c-hdlc": (104, None, lambda ip, n: [bytes.fromhex("0f000800") + ip]),
        "nflog": (239, None, lambda ip, n: [bytes.fromhex("02000000") + struct.pack("<HH", 4 + len(ip), 9) + ip +
                                            bytes(-len(ip) % 4)]),
        "pktap": (258, None, lambda ip, n: [struct.pack("<III", 108, 1, 1) + bytes(96) + frame(ip)]),
        "pppoe": (1, None, lambda ip, n: [MACS + bytes.fromhex("886411000001") + struct.pack(">H", len(ip) + 2) +
                                          b"\x00\x21" + ip]),
        "mpls": (1, None, lambda ip, n: [MACS + b"\x88\x47" + mpls + ip]),
        "pseudowire": (1, None, lambda ip, n: [MACS + b"\x88\x47" + mpls + bytes(4) + frame(ip)]),
        "4in4": (1, ["IPv4 in IPv4"], lambda ip, n: [frame(ip4(4, ip))]),
        "6in4": (1, ["IPv6 in IPv4"], lambda ip, n: [frame(ip4(41, as_ip6(ip)))]),
        "4in6": (1, ["IPv4 in IPv6"], lambda ip, n: [frame(ip6(4, ip))]),
        "6in6": (1, ["IPv6 in IPv6"], lambda ip, n: [frame(ip6(41, as_ip6(ip)))]),
        "gre": (1, ["GRE"], lambda ip, n: [frame(ip4(47, gre + ip))]),
        "gre-key": (1, ["GRE key 9"], lambda ip, n: [frame(ip4(47, bytes.fromhex("2000655800000009") + frame(ip)))]),
        "erspan1": (1, ["ERSPAN I"], lambda ip, n: [frame(ip4(47, bytes.fromhex("000088be") + frame(ip)))]),
        "erspan2": (1, ["ERSPAN II session 100"], lambda ip, n: [
            frame(ip4(47, struct.pack(">HHIII", 0x1000, 0x88BE, n, 0x10010064, 2) + frame(ip)))]),
        "erspan3": (1, ["ERSPAN III session 5"], lambda ip, n: [frame(ip4(47, erspan3(ip)))]),
        "vxlan": (1, ["VXLAN 42"], lambda ip, n: [frame(udp(4789, bytes.fromhex("0800000000002a00") + frame(ip)))]),
        "vxlan-8472": (1, ["VXLAN 1"], lambda ip, n: [
            frame(udp(8472, bytes.fromhex("0800000000000100") + frame(ip)))]),
        "vxlan-gpe": (1, ["VXLAN-GPE 1"], lambda ip, n: [frame(udp(4790, bytes.fromhex("0c00000100000100") + ip))]),
        "geneve": (1, ["Geneve 7"], lambda ip, n: [
            frame(udp(6081, bytes.fromhex("02406558000007000101010100000000") + frame(ip)))]),
        "gtp-u": (1, ["GTP-U 1"], lambda ip, n: [frame(udp(2152, struct.pack(">BBHI", 0x30, 255, len(ip), 1) + ip))]),
        "gtp-u-5g": (1, ["GTP-U 1"], lambda ip, n: [
            frame(udp(2152, struct.pack(">BBHI", 0x34, 255, len(ip) + 8, 1) + bytes.fromhex("0000008501000100") +
                      ip))]),
        "mpls-in-udp": (1, ["MPLS in UDP label 16"], lambda ip, n: [frame(udp(6635, mpls + ip))]),
        "deep": (1, ["IPv4 in IPv4", "VXLAN 42", "GRE", "GTP-U 1"], lambda ip, n: [frame(ip4(4, udp(
            4789, bytes.fromhex("0800000000002a00") + frame(ip4(47, gre + udp(
                2152, struct.pack(">BBHI", 0x30, 255, len(ip), 1) + ip))))))]),
        "fragments": (1, None, lambda ip, n: [frame(f) for f in fragments4(ip, [24], forward)]),
        "fragments-backward": (1, None, lambda ip, n: [frame(f) for f in fragments4(ip, [16, 40], backward)]),
        "fragments-twice": (1, None, lambda ip, n: [frame(f) for f in fragments4(ip, [32], twice)]),
        "fragments-ipv6": (1, None, lambda ip, n: [frame(f) for f in fragments6(ip, 24, backward, n)]),
        "fragments-in-vxlan": (1, ["VXLAN 42"], lambda ip, n: [
            frame(udp(4789, bytes.fromhex("0800000000002a00") + frame(f))) for f in fragments4(ip, [48], backward)]),
        "vxlan-in-fragments": (1, ["VXLAN 42"], lambda ip, n: [
            frame(f) for f in outer_fragments(udp(4789, bytes.fromhex("0800000000002a00") + frame(ip)), n)]),
        "twice": (1, None, lambda ip, n: [frame(ip), frame(ip)]),
    }


def outer_fragments(packet, ident):
    pieces = []
    payload = packet[20:]
    for at in range(0, len(payload), 64):
        more = 0x2000 if at + 64 < len(payload) else 0
        pieces.append(ip4(17, payload[at:at + 64], OUTER, ident, more | at // 8))
    return pieces


# ---- what is decoded ----

HERE = {"packet", "packet_end", "ts", "ts_first", "client", "server", "via"}


def decoded(h2dump, path, *options):
    out = subprocess.run([h2dump, "-T", "json", "--data=all", *options, path], capture_output=True, timeout=60,
                         check=False)
    if out.returncode != 0:
        raise SystemExit(f"{path}: exit {out.returncode}: {out.stderr.decode()}")
    records = [json.loads(line) for line in out.stdout.decode().splitlines()]
    via = [r.get("via") for r in records if r["kind"] == "connection"]
    bare = [{k: v for k, v in r.items() if k not in HERE} for r in records if r["kind"] != "summary"]
    return bare, via, records


def check_packets(name, plain, other, ratio):
    """Packet numbers: of the last piece, with the first piece's beside it."""
    for a, b in zip(plain, other):
        if "packet" not in a:
            continue
        have, want = [b["packet"]], [ratio(a["packet"])[0]]
        if "packet_end" in a:
            have, want = have + [b["packet_end"]], want + [ratio(a["packet_end"])[1]]
        if have != want:
            raise SystemExit(f"{name}: {b['kind']} at packets {have}, not {want}")


# ---- tshark ----

# What tshark 4.0 does not find, and why.
NOT_FOUND = {
    "pseudowire": "it takes Ethernet in MPLS only where its preferences say so",
    "vxlan-8472": "it knows VXLAN on port 4789 only",
}
FIRST_PORT = 30000


def with_port(ip, port, client):
    """The packet with another client port."""
    source = struct.unpack_from(">H", ip, 20)[0]
    at = 20 if source == client else 22
    return ip[:at] + struct.pack(">H", port) + ip[at + 2:]


def compare_with_tshark(packets, ours, folder):
    """All rewrites that are Ethernet in one file, told apart by the client's port."""
    rows = [(name, make) for name, (link, _, make) in kinds().items() if link == 1 and name not in NOT_FOUND]
    client = struct.unpack_from(">H", packets[0][1], 34)[0]
    merged = []
    for n, (usec, octets) in enumerate(packets, 1):
        for i, (_, make) in enumerate(rows):
            merged += [(usec, one) for one in make(with_port(octets[14:], FIRST_PORT + i, client), n)]
    path = os.path.join(folder, "merged.pcap")
    write_pcap(path, 1, merged)
    out = subprocess.run(["tshark", "-r", path, "-Y", "http2", "-T", "fields", "-e", "tcp.port", "-e", "http2.type"],
                         capture_output=True, text=True, timeout=120, check=False)
    theirs = {}
    for line in out.stdout.splitlines():
        ports, types = line.split("\t")
        port = max(int(p) for p in ports.split(",") if FIRST_PORT <= int(p) < FIRST_PORT + len(rows))
        theirs.setdefault(port, Counter()).update(int(t) for t in types.split(",") if t.isdigit())
    for i, (name, _) in enumerate(rows):
        if theirs.get(FIRST_PORT + i) != ours:
            raise SystemExit(f"{name}: tshark finds {dict(theirs.get(FIRST_PORT + i, {}))}, we {dict(ours)}")
    print(f"tshark finds the same {sum(ours.values())} frames in each of {len(rows)} rewrites")


def compare_with_plain(h2dump, packets, plain, plain_records, folder):
    for name, (link, via, make) in kinds().items():
        path = os.path.join(folder, name + ".pcap")
        rewritten, numbers = [], {}
        for n, (usec, octets) in enumerate(packets, 1):
            made = make(octets[14:], n)
            numbers[n] = (len(rewritten) + 1, len(rewritten) + len(made))
            rewritten += [(usec, one) for one in made]
        write_pcap(path, link, rewritten)
        bare, have_via, records = decoded(h2dump, path)
        for a, b in zip(plain, bare):
            if a != b:
                raise SystemExit(f"{name}: {b}\n   not {a}")
        if len(bare) != len(plain):
            raise SystemExit(f"{name}: {len(bare)} records, not {len(plain)}")
        if have_via != [via]:
            raise SystemExit(f"{name}: came through {have_via}, not {[via]}")
        if name not in ("twice", "fragments-twice"):
            check_packets(name, plain_records, records, numbers.get)
        if via is not None:
            none = subprocess.run([h2dump, "-q", "--no-tunnels", path], capture_output=True, timeout=60, check=False)
            if none.returncode != 1:
                raise SystemExit(f"{name}: --no-tunnels: exit {none.returncode}")


def compare_views(h2dump, packets, plain, folder):
    """Before and after address translation in one file: decoded once, unless --all-views."""
    client = struct.unpack_from(">H", packets[0][1], 34)[0]
    path = os.path.join(folder, "views.pcap")
    write_pcap(path, 1, [(usec, frame(with_port(octets[14:], port, client)))
                         for usec, octets in packets for port in (client, FIRST_PORT)])
    bare, _, records = decoded(h2dump, path)
    seen = [r.pop("also_seen") for r in bare if "also_seen" in r]
    server = records[1]["server"]
    want = [[{"client": {"ip": server["ip"], "port": FIRST_PORT}, "server": server}]]
    if bare != plain or seen != want:
        raise SystemExit(f"views: also seen {seen}, not {want}, or other frames")
    both, _, _ = decoded(h2dump, path, "--all-views")
    for conn in 1, 2:
        if [dict(r, conn=1) for r in both if r.get("conn") == conn] != plain[1:]:
            raise SystemExit(f"views: connection {conn} of --all-views is another one")


def main():
    h2dump, capture = sys.argv[1:3]
    with_tshark = sys.argv[3:] == ["--tshark"]
    if with_tshark and shutil.which("tshark") is None:
        print("tshark is not installed")
        return 77
    packets = read_pcap(capture)
    plain, _, plain_records = decoded(h2dump, capture)
    ours = Counter(r["type_id"] for r in plain if r["kind"] == "frame")
    with tempfile.TemporaryDirectory() as own:
        folder = sys.argv[3] if len(sys.argv) > 3 and not with_tshark else own
        if with_tshark:
            compare_with_tshark(packets, ours, folder)
        else:
            compare_with_plain(h2dump, packets, plain, plain_records, folder)
            compare_views(h2dump, packets, plain, folder)
            print(f"{len(kinds())} rewrites show the same {sum(ours.values())} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
