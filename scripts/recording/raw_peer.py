"""Peers that write frames octet by octet, for what no program sends: raw_peer.py ROLE PORT

    extensions-server, extensions-client   frames of RFC 7838, 8336, 9218, unknown types, every HPACK representation
    violations-client                      one broken rule a connection, to see how a real server takes it
    violations-server, tolerant-client     rules that a server breaks, to a client that minds nothing
    spec-client:NAME, spec-server:NAME     the cases of spec_cases.py that go into captures/spec-NAME.pcap.gz
"""

import socket
import sys
import time

import spec_cases
from frames import (ACK, ACKNOWLEDGE, ALTSVC, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, OK, ORIGIN,
                    PADDED, PING, PREFACE, PRIORITY, PRIORITY_UPDATE, PUSH_PROMISE, RST_STREAM, SETTINGS, UNKNOWN,
                    WINDOW_UPDATE, WITH_PRIORITY, frame, get, literal, settings, u16, u32)

EXTENSIONS_CLIENT = [
    PREFACE + settings((0x9, 1), (0x1, 4096), (0x1a2a, 0xffffffff)),
    frame(PRIORITY_UPDATE, 0, 0, u32(1) + b'u=2, i'),
    # padding and priority in front of a block that is split in the middle of a field
    frame(HEADERS, END_STREAM | PADDED | WITH_PRIORITY, 1, b'\x05' + u32(0x80000000) + b'\xff' + GET[:9] + bytes(5))
    + frame(CONTINUATION, 0, 1, GET[9:12]) + frame(CONTINUATION, END_HEADERS, 1, GET[12:]),
    # insert x-colour: green, then use it, then change its value without indexing, never indexed, by name index
    get(3, GET + literal('x-colour', 'green', 0x40)),
    get(5, GET + b'\xbe' + b'\x0f\x2f\x03red' + b'\x1f\x2f\x04blue' + literal('x-secret', 'yes', 0x10)),
    # two table size updates, and a Huffman-coded value: www.example.com (RFC 7541, C.4.1)
    get(7, b'\x20\x3f\xe1\x1f' + b'\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff'),
    frame(PRIORITY_UPDATE, 0, 0, u32(7) + b'u=0'),
    frame(UNKNOWN, 0xff, 7, b'unknown type'),
    frame(PING, 0, 0x80000000, b'reserved'),
    frame(RST_STREAM, 0, 7, u32(0x8)) + frame(WINDOW_UPDATE, 0, 0x80000000, u32(0x80000000 | 1000)),
    frame(GOAWAY, 0, 0, u32(0, 0)),
]
EXTENSIONS_SERVER = [
    settings((0x9, 1), (0x8, 1)) + ACKNOWLEDGE,
    frame(ORIGIN, 0, 0, u16(20) + b'https://example.test' + u16(24) + b'https://www.example.test'),
    frame(ALTSVC, 0, 0, u16(20) + b'https://example.test' + b'h2=":8443"; ma=60'),
    frame(HEADERS, END_HEADERS, 1, OK + literal('content-type', 'text/plain'))
    + frame(DATA, PADDED | END_STREAM, 1, b'\x0c' + b'padded data\n' + b'not all zero'),
    frame(ALTSVC, 0, 3, u16(0) + b'clear'),
    frame(HEADERS, END_HEADERS, 3, b'\x08\x03103' + literal('link', '</a.css>; rel=preload'))
    + frame(HEADERS, END_HEADERS, 3, OK) + frame(DATA, 0, 3) + frame(DATA, END_STREAM, 3, b'body\n'),
    frame(HEADERS, END_STREAM | END_HEADERS, 5, b'\x89'),
    frame(PING, ACK, 0, b'reserved'),
    frame(GOAWAY, 0, 0, u32(0x7fffffff, 0)),
    frame(GOAWAY, 0, 0, u32(7, 0xdeadbeef) + b'an unknown error code'),
]


def start(*pairs):
    return PREFACE + settings(*pairs)


# One connection each: what the client says.
VIOLATIONS_CLIENT = [
    start() + frame(SETTINGS, ACK, 0, bytes(6)),
    start() + frame(SETTINGS, 0, 0, bytes(5)),
    start() + frame(SETTINGS, 0, 1),
    start((0x2, 2)),
    start((0x4, 0x80000000)),
    start((0x5, 100)),
    start() + frame(WINDOW_UPDATE, 0, 0, u32(0)),
    start() + get(flags=END_HEADERS) + frame(WINDOW_UPDATE, 0, 1, u32(0)),
    start() + frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)),
    start() + frame(PING, 0, 0, bytes(7)),
    start() + frame(PING, 0, 1, bytes(8)),
    start() + frame(DATA, 0, 1, b'on an idle stream'),
    start() + frame(RST_STREAM, 0, 1, u32(8)),
    start() + frame(DATA, 0, 0, b'on stream 0'),
    start() + get(2),
    start() + get(5) + get(3),
    start() + get(flags=END_HEADERS) + frame(DATA, PADDED, 1, b'\x09' + b'short'),
    start() + get(flags=END_STREAM) + frame(PING, 0, 0, bytes(8)),
    start() + frame(CONTINUATION, END_HEADERS, 1, GET),
    start() + frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + GET),
    start() + frame(PRIORITY, 0, 1, bytes(4)),
    start() + frame(DATA, 0, 1, b'', length=0x4001),
    start() + get(block=b'\xff\xff\xff\xff\xff\xff'),
    start() + get(block=b'\x80'),
    start() + get(block=GET + b'\x3f\xe1\x1f'),
    start() + get(block=GET[:5]),
    start() + get(block=b'\x82\x86'),
    start() + get(block=GET + b'\x82'),
    start() + get(block=literal('x-first', '1') + GET),
    start() + get(block=GET + literal('Upper-Case', '1')),
    start() + get(block=GET + literal('connection', 'close')),
    start() + get(block=GET + literal('te', 'gzip')),
    start() + get(block=GET + literal(':status', '200')),
    start() + get(block=GET + literal('x-bad', 'a\nb\x1b[31m')),
    start() + get(block=GET + literal('content-length', '4'), flags=END_HEADERS)
    + frame(DATA, END_STREAM, 1, b'123456'),
    start() + get() + frame(DATA, END_STREAM, 1, b'after the end'),
    PREFACE + frame(PING, 0, 0, bytes(8)),
    b'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n',
]

# On one connection: what the server says after a good start.
VIOLATIONS_SERVER = [
    settings() + ACKNOWLEDGE,
    frame(HEADERS, END_HEADERS, 1, OK + literal('content-length', '0') + literal('content-length', '5')),
    frame(HEADERS, END_HEADERS | END_STREAM, 3, literal('server', 'no status')),
    frame(HEADERS, END_HEADERS | END_STREAM, 5, b'\x08\x03101'),
    frame(HEADERS, END_HEADERS, 7, OK + literal('content-length', '4')) + frame(DATA, END_STREAM, 7, b'123456'),
    frame(HEADERS, END_HEADERS | END_STREAM, 9, b'\x08\x03103'),
    frame(HEADERS, END_HEADERS | END_STREAM, 11, OK + literal(':path', '/')),
    frame(PUSH_PROMISE, END_HEADERS, 13, u32(3) + GET),
    frame(PUSH_PROMISE, END_HEADERS, 13, u32(2) + b'\x82\x86'),
    settings((0x2, 1)),
    frame(HEADERS, END_HEADERS, 15, OK) + frame(HEADERS, END_HEADERS, 15, literal('a-trailer', 'without an end')),
    frame(GOAWAY, 0, 0, u32(99, 0)) + frame(GOAWAY, 0, 0, u32(101, 0)),
    frame(SETTINGS, ACK),
    frame(GOAWAY, 0, 1, u32(0, 0)),
    frame(DATA, END_STREAM, 13, b'x', length=20),
]
TOLERANT_CLIENT = [start() + ACKNOWLEDGE + b''.join(get(s) for s in range(1, 16, 2))]


def say(sock, pieces, pause=0.01):
    """Send the pieces, each in a packet of its own, and take no notice of the answers."""
    for piece in pieces:
        try:
            sock.sendall(piece)
        except OSError:
            return
        time.sleep(pause)


def drain(sock):
    """Read until the other side closes or says no more."""
    sock.settimeout(0.15)
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def client(port, pieces, pause=0.01):
    with socket.create_connection(('127.0.0.1', port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        say(sock, pieces, pause)
        drain(sock)


def server(port, pieces):
    listener = socket.create_server(('127.0.0.1', port))
    while True:
        sock, _ = listener.accept()
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            time.sleep(0.05)
            say(sock, pieces)
            drain(sock)


STEP = 0.04  # between pieces; the server says each in the middle between two of the client


def spec_client(port, name):
    for case, pieces, _ in spec_cases.rows_of(name):
        client(port, pieces if spec_cases.sender_of(name) == 'client' else spec_cases.asks(case), STEP)


def spec_server(port, name):
    listener = socket.create_server(('127.0.0.1', port))
    for case, pieces, _ in spec_cases.rows_of(name):
        sock, _ = listener.accept()
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            time.sleep(STEP / 2)
            say(sock, pieces if spec_cases.sender_of(name) == 'server' else spec_cases.says(case), STEP)
            drain(sock)


def main():
    role, port = sys.argv[1], int(sys.argv[2])
    if role.startswith('spec-'):
        kind, name = role.split(':')
        (spec_client if kind == 'spec-client' else spec_server)(port, name)
        return
    if role == 'violations-client':
        for octets in VIOLATIONS_CLIENT:
            client(port, [octets])
    elif role == 'violations-server':
        server(port, VIOLATIONS_SERVER)
    elif role == 'tolerant-client':
        client(port, TOLERANT_CLIENT)
    elif role == 'extensions-client':
        client(port, EXTENSIONS_CLIENT)
    else:
        server(port, EXTENSIONS_SERVER)


main()
