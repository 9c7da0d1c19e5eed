"""Captures as lists of packets: read (pcap, pcapng, gzip), told apart by TCP, written again as pcap."""

import gzip
import ipaddress
import struct
from dataclasses import dataclass, replace

ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, (12, 101), 0, 108, 113, 276
VLAN = (0x8100, 0x88a8, 0x9100)


@dataclass(frozen=True)
class Tcp:
    """What a packet says of TCP. `data` is where its payload begins in the packet, `size` its length on the wire."""
    src: tuple
    dst: tuple
    seq: int
    syn: bool
    data: int
    size: int
    ip: int
    version: int


@dataclass(frozen=True)
class Packet:
    number: int  # in the capture that it comes from, counted from 1
    ns: int
    wire: int
    octets: bytes
    tcp: Tcp = None


@dataclass(frozen=True)
class Capture:
    link: int
    packets: tuple


def _ip_at(link, octets):
    if link == ETHERNET:
        at = 12
        while len(octets) >= at + 2 and struct.unpack_from('>H', octets, at)[0] in VLAN:
            at += 4
        return at + 2
    if link in RAW:
        return 0
    return {NULL: 4, LOOP: 4, SLL: 16, SLL2: 20}.get(link)


def _tcp(link, octets):
    at = _ip_at(link, octets)
    if at is None or len(octets) < at + 40:
        return None
    version = octets[at] >> 4
    if version == 4 and octets[at + 9] == 6 and struct.unpack_from('>H', octets, at + 6)[0] & 0x3fff == 0:
        head = (octets[at] & 15) * 4
        total = struct.unpack_from('>H', octets, at + 2)[0]
        addresses = octets[at + 12:at + 16], octets[at + 16:at + 20]
    elif version == 6 and octets[at + 6] == 6:
        head = 40
        total = 40 + struct.unpack_from('>H', octets, at + 4)[0]
        addresses = octets[at + 8:at + 24], octets[at + 24:at + 40]
    else:
        return None
    t = at + head
    if len(octets) < t + 20:
        return None
    sport, dport, seq = struct.unpack_from('>HHI', octets, t)
    offset = (octets[t + 12] >> 4) * 4
    ends = [(str(ipaddress.ip_address(a)), port) for a, port in zip(addresses, (sport, dport))]
    return Tcp(ends[0], ends[1], seq, bool(octets[t + 13] & 2), t + offset, total - head - offset, at, version)


def _pcap(octets):
    magic = octets[:4]
    order = '<' if magic in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    unit = 1 if magic in (b'\x4d\x3c\xb2\xa1', b'\xa1\xb2\x3c\x4d') else 1000
    link = struct.unpack_from(order + 'I', octets, 20)[0] & 0xffff
    at = 24
    while at + 16 <= len(octets):
        sec, frac, size, wire = struct.unpack_from(order + 'IIII', octets, at)
        yield link, sec * 10**9 + frac * unit, wire, octets[at + 16:at + 16 + size]
        at += 16 + size


def _interface(body, order):
    """Link type and time unit (in nanoseconds) of a pcapng interface."""
    link = struct.unpack_from(order + 'H', body)[0]
    unit, at = 1000, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + 'HH', body, at)
        if code == 9:
            unit = 10**(9 - body[at + 4])
        at += 4 + (size + 3) // 4 * 4
    return link, unit


def _pcapng(octets):
    order, interfaces, at = '<', [], 0
    while at + 12 <= len(octets):
        if octets[at:at + 4] == b'\x0a\x0d\x0d\x0a':
            order = '<' if octets[at + 8:at + 12] == b'\x4d\x3c\x2b\x1a' else '>'
            interfaces = []
        kind, size = struct.unpack_from(order + 'II', octets, at)
        body = octets[at + 8:at + size - 4]
        if kind == 1:
            interfaces.append(_interface(body, order))
        elif kind == 6:
            face, high, low, have, wire = struct.unpack_from(order + 'IIIII', body)
            link, unit = interfaces[face]
            yield link, (high << 32 | low) * unit, wire, body[20:20 + have]
        at += size


def read(path):
    """The capture in file `path`. ValueError: packets of more than one link type, or none."""
    octets = path.read_bytes()
    if octets[:2] == b'\x1f\x8b':
        octets = gzip.decompress(octets)
    reader = _pcapng if octets[:4] == b'\x0a\x0d\x0d\x0a' else _pcap
    packets, links = [], set()
    try:
        for link, ns, wire, data in reader(octets):
            links.add(link)
            packets.append(Packet(len(packets) + 1, ns, wire, data, _tcp(link, data)))
    except (struct.error, IndexError) as e:
        raise ValueError(f'not a capture: {e}') from e
    if len(links) != 1:
        raise ValueError(f'{len(links)} link types')
    return Capture(links.pop(), tuple(packets))


def write(link, packets):
    """A nanosecond pcap file of the packets, as octets."""
    out = [struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, link)]
    for p in packets:
        out.append(struct.pack('<IIII', p.ns // 10**9, p.ns % 10**9, len(p.octets), p.wire))
        out.append(p.octets)
    return b''.join(out)


def moved(packet, index, ns):
    """The packet as if its addresses were those of another pair of hosts, of which there is one an index."""
    octets = packet.octets
    if packet.tcp:
        octets = bytearray(octets)
        first = packet.tcp.ip + (12 if packet.tcp.version == 4 else 8)
        size = 4 if packet.tcp.version == 4 else 16
        for at in (first, first + size):
            octets[at + size - 3] ^= (index >> 8) + 1
            octets[at + size - 2] ^= index & 255
    return replace(packet, octets=bytes(octets), ns=ns)
