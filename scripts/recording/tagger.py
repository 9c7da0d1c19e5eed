"""Two veth ends joined by a trunk whose frames carry two VLAN tags (802.1ad outside, 802.1Q inside).

    tagger.py no-offload INTERFACE     let the kernel fill in checksums: the frames leave through a packet socket
    tagger.py bridge                   near1 <-> trunk0 = trunk1 <-> far1, until killed

The kernel takes the outer tag off what arrives on an interface, the inner one stays in front of the packet.
"""

import array
import fcntl
import selectors
import socket
import struct
import sys

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
PACKET_OUTGOING = 4
ALL = 3
TAGS = bytes.fromhex('88a80064' '810000c8')


def no_offload(name):
    words = array.array('I', [ETHTOOL_STXCSUM, 0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack('16sP', name.encode(), words.buffer_info()[0]))


def packet_socket(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    end.bind((name, ALL))
    return end


def tag(frame):
    return frame[:12] + TAGS + frame[12:]


def untag(frame):
    at = 12
    while frame[at:at + 2] in (b'\x88\xa8', b'\x81\x00'):
        at += 4
    return frame[:12] + frame[at:]


def bridge():
    near, far, trunk0, trunk1 = (packet_socket(n) for n in ('near1', 'far1', 'trunk0', 'trunk1'))
    ways = {near: (trunk0, tag), trunk1: (far, untag), far: (trunk1, tag), trunk0: (near, untag)}
    ready = selectors.DefaultSelector()
    for end in ways:
        ready.register(end, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            frame, origin = key.fileobj.recvfrom(65536)
            if origin[2] != PACKET_OUTGOING and frame[12:14] != b'\x86\xdd':
                other, change = ways[key.fileobj]
                other.send(change(frame))


if sys.argv[1] == 'bridge':
    bridge()
else:
    no_offload(sys.argv[2])
