"""Frames, octet by octet, for peers that say what no program says."""

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION, ALTSVC) = range(11)
ORIGIN, PRIORITY_UPDATE, UNKNOWN = 0x0c, 0x10, 0x68
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20


def frame(kind, flags=0, stream=0, payload=b'', length=None):
    length = len(payload) if length is None else length
    return length.to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + payload


def u16(*values):
    return b''.join(v.to_bytes(2, 'big') for v in values)


def u32(*values):
    return b''.join(v.to_bytes(4, 'big') for v in values)


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b''.join(u16(i) + u32(v) for i, v in pairs))


def literal(name, value, first=0x00):
    """A literal with a new name, neither part Huffman-coded; first octet 0x40 inserts, 0x10 is never indexed."""
    return bytes([first, len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


# :method GET, :scheme http, :path /, :authority example.test (RFC 7541, appendix A and 6.2.2)
GET = b'\x82\x86\x84' + b'\x01\x0cexample.test'
OK = b'\x88'
ACKNOWLEDGE = frame(SETTINGS, ACK)


def get(stream=1, block=GET, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, block)
