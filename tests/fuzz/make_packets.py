#!/usr/bin/env python3
"""Seeds of fuzz_packets: the rewrites of a capture (tests/captures/rewrites.py) as packets, and described segments in
every wrapping. usage: make_packets.py PCAP FOLDER"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "captures"))
import rewrites  # noqa: E402


def link_types():
    """In the order of the target's own table."""
    source = open(os.path.join(ROOT, "tests", "fuzz", "fuzz_packets.c"), encoding="utf-8").read()
    return [int(n) for n in re.findall(r"\d+", re.search(r"link_types\[\] = \{([^}]*)\}", source).group(1))]


def packet(links, link, octets):
    """kind with bit 1 clear, so that it is a packet as it stands; its half picks the link type."""
    for kind in range(0, 32):
        if kind & 2 == 0 and links[(kind >> 1) % len(links)] == link:
            return bytes([kind, len(octets)]) + octets
    return b""


def main():
    capture, folder = sys.argv[1:3]
    links = link_types()
    packets = [octets[14:] for _, octets in rewrites.read_pcap(capture)][:8]
    for name, (link, _, make) in rewrites.kinds().items():
        seed = bytes([0])
        for n, ip in enumerate(packets, 1):
            for one in make(ip, n):
                if len(one) <= 255:
                    seed += packet(links, link, one)
        if len(seed) > 1:
            with open(os.path.join(folder, "seed-" + name), "wb") as f:
                f.write(seed)
    for how in range(2, 8):
        seed = bytes([how])
        for i, flags in enumerate((4, 5, 0, 0, 0, 1, 6)):  # SYN, SYN-ACK, octets both ways, FIN
            side = i == 1 or i == 4
            kind = how << 5 | flags << 2 | 2 | side
            seed += bytes([kind, 0, 10 + 30 * max(0, i - 2), 0, 10, 0 if i < 2 else 30, 1, 0x08 | i & 3])
        with open(os.path.join(folder, f"seed-wrap-{how}"), "wb") as f:
            f.write(seed)


main()
