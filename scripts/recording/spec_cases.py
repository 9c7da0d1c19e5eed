"""What the 204 cases of h2spec put on the wire, and more that it does not: our own octets, one connection a case.

A row: the case's number in that suite (or own/...), what its sender says behind a good start, piece by piece (each in a
packet of its own, a little apart), and what an observer must make of it: None, a conformant sender; ADVICE(check), at
most a note; or a violation: the check, and the scopes and codes that the suite takes for an answer, at the frame it
happens in (the last one, unless `at` says which, counted from 0 behind the preface). The peer is in SERVERS and
CLIENTS: what it says itself, and when nothing is there, a real program or one that minds nothing.
"""

from frames import (ACK, ACKNOWLEDGE, ALTSVC, CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, GOAWAY, HEADERS, OK, ORIGIN,
                    PADDED, PING, PREFACE, PRIORITY, PRIORITY_UPDATE, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
                    WITH_PRIORITY, frame, get, literal, settings, u16, u32)

UNKNOWN = 0x16
BIG = 16384
MAX = 0x7fffffff
CANCEL = 8
POST = b'\x83' + GET[1:]
HEAD = b'\x42\x04HEAD' + GET[1:]
HUFFMAN_NAME = b'\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f'  # custom-key, RFC 7541 C.4.3
HUFFMAN_VALUE = b'\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf'  # custom-value
RAW_NAME, RAW_VALUE = b'\x0acustom-key', b'\x0ccustom-value'


class Bad:
    """A violation: check, scopes, codes ('' any)."""

    def __init__(self, check, scopes, codes='', at=-1):
        self.check, self.scopes, self.codes, self.at = check, scopes.split('|'), codes.split('|') if codes else [], at


class Advice:
    """At most a note of that check."""

    def __init__(self, check, at=-1):
        self.check, self.at = check, at


def conn(check, codes='', at=-1):
    return Bad(check, 'connection', codes, at)


def either(check, codes='', at=-1):
    return Bad(check, 'connection|stream|message', codes, at)


def start(*pairs):
    return PREFACE + settings(*pairs) + ACKNOWLEDGE


def headers(block, flags=END_STREAM | END_HEADERS, stream=1):
    return frame(HEADERS, flags, stream, block)


def ping(payload=b'h2dump..', flags=0, stream=0):
    return frame(PING, flags, stream, payload)


def window(increment, stream=0):
    return frame(WINDOW_UPDATE, 0, stream, u32(increment))


def rst(stream=1, code=CANCEL):
    return frame(RST_STREAM, 0, stream, u32(code))


def priority(stream, on, weight=15):
    return frame(PRIORITY, 0, stream, u32(on) + bytes([weight]))


def request(*fields, block=GET):
    """A request with these fields more, a piece."""
    return headers(block + b''.join(literal(n, v) for n, v in fields))


OPEN = headers(POST, END_HEADERS)  # a request whose content is to come
ASK = get()
UNFINISHED = headers(GET[:5], END_STREAM)  # a block that goes on
REST = GET[5:]


def rest(flags=END_HEADERS, stream=1, block=REST):
    return frame(CONTINUATION, flags, stream, block)


# What the client says to a real server; each row's first piece is the connection's start.
GENERIC = [
    ('generic/1/1', [start()], None),
    ('generic/2/1', [start() + priority(1, 0) + ping()], None),
    ('generic/2/2', [start((4, 0)) + ASK, window(1, 1)], None),
    ('generic/2/3', [start((4, 0)) + ASK, priority(1, 0), window(1, 1)], None),
    ('generic/2/4', [start() + ASK, rst() + ping()], None),
    ('generic/2/5', [start() + ASK, priority(1, 0)], None),
    ('generic/3.1/1', [start() + OPEN + frame(DATA, END_STREAM, 1, b'test')], None),
    ('generic/3.1/2', [start() + OPEN + frame(DATA, 0, 1, b'test') + frame(DATA, END_STREAM, 1, b'test')], None),
    ('generic/3.1/3', [start() + OPEN + frame(DATA, PADDED | END_STREAM, 1, b'\x06test' + bytes(6))], None),
    ('generic/3.2/1', [start() + ASK], None),
    ('generic/3.2/2', [start() + headers(b'\x08' + GET + bytes(8), END_STREAM | END_HEADERS | PADDED)], None),
    ('generic/3.2/3', [start() + headers(u32(0) + b'\xff' + GET, END_STREAM | END_HEADERS | WITH_PRIORITY)], None),
    ('generic/3.3/1', [start() + priority(1, 0, 0) + ASK], None),
    ('generic/3.3/2', [start() + priority(1, 0, 255) + ASK], None),
    ('generic/3.3/3', [start() + priority(3, 1) + ASK], None),
    ('generic/3.3/4', [start() + priority(1, 0x80000000) + ASK], None),
    ('generic/3.3/5', [start() + priority(3, 0) + ASK], None),
    ('generic/3.4/1', [start() + OPEN + rst() + ping()], None),
    ('generic/3.5/1', [start((1, 4096), (2, 1), (3, 100), (4, 65535), (5, 16384), (6, 100)) + ASK], None),
    ('generic/3.7/1', [start() + ping(b'as ASCII')], None),
    ('generic/3.8/1', [start() + frame(GOAWAY, 0, 0, u32(0, 0) + b'debug data') + ping()], None),
    ('generic/3.9/1', [start() + window(1) + ping()], None),
    ('generic/3.9/2', [start() + ASK, window(1, 1)], None),
    ('generic/3.10/1', [start() + UNFINISHED + rest()], None),
    ('generic/3.10/2', [start() + UNFINISHED + rest(0, block=REST[:3]) + rest(block=REST[3:])], None),
    ('generic/4/1', [start() + ASK], None),
    ('generic/4/2', [start() + headers(HEAD)], None),
    ('generic/4/3', [start() + OPEN + frame(DATA, END_STREAM, 1, b'some content')], None),
    ('generic/4/4', [start() + OPEN + frame(DATA, 0, 1, b'test') + headers(literal('x-trailer', 'yes'))], None),
    ('generic/5/1', [start() + headers(GET + b'\xba')], None),
    ('generic/5/2', [start() + headers(GET + b'\x40' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/3', [start() + headers(GET + b'\x40' + RAW_NAME + RAW_VALUE)], None),
    ('generic/5/4', [start() + headers(GET + b'\x40' + RAW_NAME + RAW_VALUE)], None),
    ('generic/5/5', [start() + headers(GET + b'\x40' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/6', [start() + headers(GET + b'\x00' + RAW_NAME + RAW_VALUE)], None),
    ('generic/5/7', [start() + headers(GET + b'\x00' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/8', [start() + headers(GET + b'\x00' + RAW_NAME + RAW_VALUE)], None),
    ('generic/5/9', [start() + headers(GET + b'\x00' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/10', [start() + headers(GET + b'\x10' + RAW_NAME + RAW_VALUE)], None),
    ('generic/5/11', [start() + headers(GET + b'\x10' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/12', [start() + headers(GET + b'\x10' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/13', [start() + headers(GET + b'\x10' + HUFFMAN_NAME + HUFFMAN_VALUE)], None),
    ('generic/5/14', [start() + headers(b'\x3f\x61' + GET)], None),
    ('generic/5/15', [start() + headers(b'\x3f\x61\x3f\xe1\x1f' + GET)], None),
]

HTTP2 = [
    ('http2/3.5/1', [start()], None),
    ('http2/3.5/2', [b'INVALID CONNECTION PREFACE\r\n\r\n'], conn('preface-magic-invalid', 'PROTOCOL_ERROR', None)),
    ('http2/4.1/1', [start() + frame(UNKNOWN, 0, 0, bytes(8)) + ping()], None),
    ('http2/4.1/2', [start() + ping(flags=0x16)], Advice('frame-undefined-flag')),
    ('http2/4.1/3', [start() + ping(flags=0x16, stream=0x80000000)], Advice('frame-reserved-bit')),
    ('http2/4.2/1', [start() + OPEN + frame(DATA, END_STREAM, 1, bytes(BIG))], None),
    ('http2/4.2/2', [start() + OPEN, frame(DATA, END_STREAM, 1, bytes(BIG + 1))],
     either('frame-size-exceeded', 'FRAME_SIZE_ERROR')),
    ('http2/4.2/3', [start(), headers(GET + b''.join(literal(f'x-{i}', 'a' * 100) for i in range(160)))],
     conn('frame-size-exceeded', 'FRAME_SIZE_ERROR')),
    ('http2/4.3/1', [start() + headers(b'\x40')], conn('hpack-block-truncated', 'COMPRESSION_ERROR')),
    ('http2/4.3/2', [start() + UNFINISHED + priority(1, 0) + rest()], conn('field-block-interleaved', 'PROTOCOL_ERROR', -2)),
    ('http2/4.3/3', [start() + UNFINISHED + get(3)], conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('http2/5.1/1', [start() + frame(DATA, END_STREAM, 1, b'test')],
     either('stream-idle-frame', 'PROTOCOL_ERROR|STREAM_CLOSED')),
    ('http2/5.1/2', [start() + rst()], conn('rst-idle', 'PROTOCOL_ERROR')),
    ('http2/5.1/3', [start() + window(100, 1)], conn('stream-idle-frame', 'PROTOCOL_ERROR')),
    ('http2/5.1/4', [start() + rest(block=GET)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('http2/5.1/5', [start() + ASK + frame(DATA, END_STREAM, 1, b'test')], either('stream-half-closed-frame', 'STREAM_CLOSED')),
    ('http2/5.1/6', [start() + ASK + ASK], either('stream-half-closed-frame', 'STREAM_CLOSED')),
    ('http2/5.1/7', [start() + ASK + rest(block=GET)], either('continuation-unexpected', 'STREAM_CLOSED|PROTOCOL_ERROR')),
    ('http2/5.1/8', [start() + OPEN + rst() + frame(DATA, END_STREAM, 1, b'test')],
     either('stream-frame-after-own-rst', 'STREAM_CLOSED')),
    ('http2/5.1/9', [start() + OPEN + rst() + headers(POST)], either('stream-frame-after-own-rst', 'STREAM_CLOSED')),
    ('http2/5.1/10', [start() + OPEN + rst() + rest(block=GET)],
     either('continuation-unexpected', 'STREAM_CLOSED|PROTOCOL_ERROR')),
    ('http2/5.1/11', [start() + ASK, frame(DATA, END_STREAM, 1, b'test')], either('stream-closed-frame', 'STREAM_CLOSED')),
    ('http2/5.1/12', [start() + ASK, ASK], conn('stream-closed-frame', 'STREAM_CLOSED')),
    ('http2/5.1/13', [start() + ASK, rest(block=GET)], conn('continuation-unexpected', 'STREAM_CLOSED|PROTOCOL_ERROR')),
    ('http2/5.1.1/1', [start() + get(2)], conn('stream-id-parity', 'PROTOCOL_ERROR')),
    ('http2/5.1.1/2', [start() + get(5) + get(3)], conn('stream-id-not-increasing', 'PROTOCOL_ERROR')),
    ('http2/5.1.2/1', [start((4, 0)), b''.join(get(s) for s in range(1, 203, 2))],
     either('stream-concurrency-exceeded', 'PROTOCOL_ERROR|REFUSED_STREAM')),
    ('http2/5.3.1/1', [start() + headers(u32(1) + b'\xff' + GET, END_STREAM | END_HEADERS | WITH_PRIORITY)],
     Advice('priority-self-dependency')),
    ('http2/5.3.1/2', [start() + priority(1, 1)], Advice('priority-self-dependency')),
    ('http2/5.4.1/1', [start() + ping(stream=3)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('http2/5.4.1/2', [start() + ping(stream=3)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('http2/5.5/1', [start() + frame(UNKNOWN, 0, 0, bytes(8)) + ping()], None),
    ('http2/5.5/2', [start() + UNFINISHED + frame(UNKNOWN, 0, 0, bytes(8))],
     conn('frame-extension-in-field-block', 'PROTOCOL_ERROR')),
    ('http2/6.1/1', [start() + frame(DATA, END_STREAM, 0, b'test')], conn('data-stream-zero', 'PROTOCOL_ERROR')),
    ('http2/6.1/2', [start() + headers(POST) + frame(DATA, END_STREAM, 1, b'test')],
     either('stream-half-closed-frame', 'STREAM_CLOSED')),
    ('http2/6.1/3', [start() + OPEN + frame(DATA, PADDED | END_STREAM, 1, b'\x06test')],
     conn('data-padding-invalid', 'PROTOCOL_ERROR')),
    ('http2/6.2/1', [start() + UNFINISHED + priority(1, 0)], conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('http2/6.2/2', [start() + UNFINISHED + get(3)], conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('http2/6.2/3', [start() + get(0)], conn('headers-stream-zero', 'PROTOCOL_ERROR')),
    ('http2/6.2/4', [start() + headers(bytes([len(GET) + 1]) + GET, END_STREAM | END_HEADERS | PADDED)],
     either('headers-padding-invalid', 'PROTOCOL_ERROR')),
    ('http2/6.3/1', [start() + priority(0, 0)], conn('priority-stream-zero', 'PROTOCOL_ERROR')),
    ('http2/6.3/2', [start() + OPEN + frame(PRIORITY, 0, 1, bytes(4))], either('priority-length', 'FRAME_SIZE_ERROR')),
    ('http2/6.4/1', [start() + rst(0)], conn('rst-stream-zero', 'PROTOCOL_ERROR')),
    ('http2/6.4/2', [start() + rst()], conn('rst-idle', 'PROTOCOL_ERROR')),
    ('http2/6.4/3', [start() + OPEN + frame(RST_STREAM, 0, 1, bytes(3))], either('rst-length', 'FRAME_SIZE_ERROR')),
    ('http2/6.5/1', [start() + frame(SETTINGS, ACK, 0, b'\0')], conn('settings-ack-length', 'FRAME_SIZE_ERROR')),
    ('http2/6.5/2', [start() + frame(SETTINGS, 0, 1, u16(3) + u32(100))], conn('settings-stream-nonzero', 'PROTOCOL_ERROR')),
    ('http2/6.5/3', [start() + frame(SETTINGS, 0, 0, bytes(3))], either('settings-length', 'FRAME_SIZE_ERROR|PROTOCOL_ERROR')),
    ('http2/6.5.2/1', [start() + settings((2, 2))], conn('settings-enable-push-value', 'PROTOCOL_ERROR')),
    ('http2/6.5.2/2', [start() + settings((4, MAX + 1))], conn('settings-initial-window-value', 'FLOW_CONTROL_ERROR')),
    ('http2/6.5.2/3', [start() + settings((5, 16383))], conn('settings-max-frame-size-value', 'PROTOCOL_ERROR')),
    ('http2/6.5.2/4', [start() + settings((5, 1 << 24))], conn('settings-max-frame-size-value', 'PROTOCOL_ERROR')),
    ('http2/6.5.2/5', [start() + settings((0xff, 1)) + ping()], None),
    ('http2/6.5.3/1', [start() + settings((4, 100), (4, 1)) + ASK], None),
    ('http2/6.5.3/2', [start()], None),
    ('http2/6.7/1', [start() + ping()], None),
    ('http2/6.7/2', [start() + ping(b'unasked.', ACK) + ping()], None),
    ('http2/6.7/3', [start() + ping(stream=1)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('http2/6.7/4', [start() + ping(bytes(6))], conn('ping-length', 'FRAME_SIZE_ERROR')),
    ('http2/6.8/1', [start() + frame(GOAWAY, 0, 1, u32(0, 0))], conn('goaway-stream-nonzero', 'PROTOCOL_ERROR')),
    ('http2/6.9/1', [start() + window(0)], conn('window-update-zero-conn', 'PROTOCOL_ERROR')),
    ('http2/6.9/2', [start() + OPEN + window(0, 1)], either('window-update-zero-stream', 'PROTOCOL_ERROR')),
    ('http2/6.9/3', [start() + frame(WINDOW_UPDATE, 0, 0, bytes(3))], conn('window-update-length', 'FRAME_SIZE_ERROR')),
    ('http2/6.9.1/1', [start((4, 1)) + ASK], None),
    ('http2/6.9.1/2', [start() + window(MAX) + window(MAX)], either('window-overflow-conn', 'FLOW_CONTROL_ERROR', -2)),
    ('http2/6.9.1/3', [start() + OPEN + window(MAX, 1) + window(MAX, 1)],
     either('window-overflow-stream', 'FLOW_CONTROL_ERROR', -2)),
    ('http2/6.9.2/1', [start((4, 0)) + ASK, settings((4, 1))], None),
    ('http2/6.9.2/2', [start((4, 3)) + ASK, settings((4, 2)), window(2, 1)], None),
    ('http2/6.9.2/3', [start() + settings((4, MAX + 1))], conn('settings-initial-window-value', 'FLOW_CONTROL_ERROR')),
    ('http2/6.10/1', [start() + UNFINISHED + rest(0, block=REST[:2]) + rest(block=REST[2:])], None),
    ('http2/6.10/2', [start() + UNFINISHED + rest(0, block=REST[:2]) + frame(DATA, END_STREAM, 1, b'test')],
     conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('http2/6.10/3', [start() + UNFINISHED + rest(stream=0)], conn('continuation-stream-zero', 'PROTOCOL_ERROR')),
    ('http2/6.10/4', [start() + ASK + rest(block=GET)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('http2/6.10/5', [start() + UNFINISHED + rest() + rest(block=GET)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('http2/6.10/6', [start() + UNFINISHED + frame(DATA, 0, 1, b'test') + rest(0) + rest(stream=0)],
     conn('field-block-interleaved', 'PROTOCOL_ERROR', -3)),
    ('http2/7/1', [start() + frame(GOAWAY, 0, 0, u32(0, 0xff)) + ping()], None),
    ('http2/7/2', [start() + OPEN + rst(1, 0xff) + ping()], None),
    ('http2/8.1/1', [start() + OPEN + frame(DATA, 0, 1, b'test') + headers(literal('x-trailer', 'yes'), END_HEADERS)],
     either('msg-trailers-no-end-stream', 'PROTOCOL_ERROR')),
    ('http2/8.1.2/1', [start() + request(('X-TEST', 'ok'))], either('field-name-uppercase', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.1/1', [start() + headers(GET + literal(':test', 'ok'))], either('pseudo-unknown', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.1/2', [start() + headers(GET + literal(':status', '200'))],
     either('pseudo-wrong-direction', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.1/3', [start() + OPEN + frame(DATA, 0, 1, b'test') + headers(b'\x82', END_HEADERS)],
     either('msg-trailers-pseudo', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.1/4', [start() + headers(literal('x-test', 'ok') + GET)], either('pseudo-after-regular', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.2/1', [start() + request(('connection', 'keep-alive'))],
     either('field-connection-specific', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.2/2', [start() + request(('te', 'trailers, deflate'))], either('field-te-value', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/1', [start() + headers(GET[:2] + b'\x04\x00' + GET[3:])], either('pseudo-path-empty', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/2', [start() + headers(GET[2:])], either('pseudo-method-missing', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/3', [start() + headers(GET[:1] + GET[2:])], either('pseudo-scheme-missing', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/4', [start() + headers(GET[:2] + GET[3:])], either('pseudo-path-missing', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/5', [start() + headers(GET + b'\x82')], either('pseudo-duplicate', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/6', [start() + headers(GET + b'\x86')], either('pseudo-duplicate', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.3/7', [start() + headers(GET + b'\x84')], either('pseudo-duplicate', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.6/1', [start() + headers(POST + literal('content-length', '1'), END_HEADERS)
                         + frame(DATA, END_STREAM, 1, b'test')], either('msg-content-length-mismatch', 'PROTOCOL_ERROR')),
    ('http2/8.1.2.6/2', [start() + headers(POST + literal('content-length', '1'), END_HEADERS)
                         + frame(DATA, 0, 1, b'test') + frame(DATA, END_STREAM, 1, b'test')],
     either('msg-content-length-mismatch', 'PROTOCOL_ERROR', -2)),
    ('http2/8.2/1', [start() + OPEN + frame(PUSH_PROMISE, END_HEADERS, 1, u32(3) + GET)],
     conn('push-from-client', 'PROTOCOL_ERROR')),
]

HPACK = [
    ('hpack/2.3.3/1', [start() + headers(GET + b'\xc6')], conn('hpack-index-out-of-range', 'COMPRESSION_ERROR')),
    ('hpack/2.3.3/2', [start() + headers(GET + b'\x7f\x07\x04test')], conn('hpack-index-out-of-range', 'COMPRESSION_ERROR')),
    ('hpack/4.2/1', [start() + headers(GET + b'\x21')], conn('hpack-table-update-late', 'COMPRESSION_ERROR')),
    ('hpack/5.2/1', [start() + headers(GET + b'\x00' + RAW_NAME + b'\x8a' + HUFFMAN_VALUE[1:] + b'\xff')],
     conn('hpack-huffman-padding-long', 'COMPRESSION_ERROR')),
    ('hpack/5.2/2', [start() + headers(GET + b'\x00' + RAW_NAME + b'\x81\x00')],
     conn('hpack-huffman-padding-bits', 'COMPRESSION_ERROR')),
    ('hpack/5.2/3', [start() + headers(GET + b'\x00' + RAW_NAME + b'\x84\xff\xff\xff\xff')],
     conn('hpack-huffman-eos', 'COMPRESSION_ERROR')),
    ('hpack/6.1/1', [start() + headers(GET + b'\x80')], conn('hpack-index-zero', 'COMPRESSION_ERROR')),
    ('hpack/6.3/1', [start() + headers(b'\x3f\xe2\x1f' + GET)], conn('hpack-table-update-too-large', 'COMPRESSION_ERROR')),
]

# What the server says to a client that has asked for stream 1; its first piece is the server's start.
S = settings() + ACKNOWLEDGE
ANSWER = headers(OK, END_HEADERS)
WHOLE = headers(OK)
HALF = headers(OK + literal('server', 'ours')[:4], END_STREAM)  # a block that goes on
HALF_REST = literal('server', 'ours')[4:]
CLIENT = [
    ('client/1/1', [S], None),
    ('client/4.1/1', [S + frame(UNKNOWN, 0, 0, bytes(8)) + ping()], None),
    ('client/4.1/2', [S + ping(flags=0x16)], Advice('frame-undefined-flag')),
    ('client/4.1/3', [S + ping(flags=0x16, stream=0x80000000)], Advice('frame-reserved-bit')),
    ('client/4.2/1', [S + ANSWER + frame(DATA, END_STREAM, 1, bytes(BIG))], None),
    ('client/4.2/2', [S + ANSWER + frame(DATA, END_STREAM, 1, bytes(BIG + 1))],
     either('frame-size-exceeded', 'FRAME_SIZE_ERROR')),
    ('client/4.2/3', [S + headers(OK + b''.join(literal(f'x-{i}', 'a' * 100) for i in range(160)))],
     conn('frame-size-exceeded', 'FRAME_SIZE_ERROR')),
    ('client/4.3/1', [S + headers(b'\x40')], conn('hpack-block-truncated', 'COMPRESSION_ERROR')),
    ('client/5.1/1', [S + frame(DATA, END_STREAM, 2, b'test')], conn('stream-idle-frame', 'PROTOCOL_ERROR')),
    ('client/5.1/2', [S + rst(2)], conn('rst-idle', 'PROTOCOL_ERROR')),
    ('client/5.1/3', [S + window(100, 2)], conn('stream-idle-frame', 'PROTOCOL_ERROR')),
    ('client/5.1/4', [S + rest(stream=2, block=OK)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('client/5.1/5', [S + ANSWER + rst() + frame(DATA, END_STREAM, 1, b'test')],
     either('stream-frame-after-own-rst', 'STREAM_CLOSED')),
    ('client/5.1/6', [S + ANSWER + rst() + WHOLE], either('stream-frame-after-own-rst', 'STREAM_CLOSED')),
    ('client/5.1/7', [S + ANSWER + rst() + rest(block=OK)], either('continuation-unexpected', 'STREAM_CLOSED|PROTOCOL_ERROR')),
    ('client/5.1/8', [S + WHOLE + frame(DATA, END_STREAM, 1, b'test')], conn('stream-closed-frame', 'STREAM_CLOSED')),
    ('client/5.1/9', [S + WHOLE + WHOLE], conn('stream-closed-frame', 'STREAM_CLOSED')),
    ('client/5.1/10', [S + WHOLE + rest(block=OK)], conn('continuation-unexpected', 'STREAM_CLOSED|PROTOCOL_ERROR')),
    ('client/5.1.1/1', [S + headers(OK, stream=101)], conn('stream-idle-server-headers', 'PROTOCOL_ERROR')),
    ('client/5.4.1/1', [S + ping(stream=3)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('client/5.4.1/2', [S + ping(stream=3)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('client/5.5/1', [S + frame(UNKNOWN, 0, 0, bytes(8)) + ping()], None),
    ('client/6.1/1', [S + frame(DATA, END_STREAM, 0, b'test')], conn('data-stream-zero', 'PROTOCOL_ERROR')),
    ('client/6.1/2', [S + WHOLE + frame(DATA, END_STREAM, 1, b'test')], either('stream-closed-frame', 'STREAM_CLOSED')),
    ('client/6.1/3', [S + ANSWER + frame(DATA, PADDED | END_STREAM, 1, b'\x06test')],
     conn('data-padding-invalid', 'PROTOCOL_ERROR')),
    ('client/6.2/1', [S + HALF + priority(1, 0)], conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('client/6.2/2', [S + headers(OK, stream=0)], conn('headers-stream-zero', 'PROTOCOL_ERROR')),
    ('client/6.2/3', [S + headers(b'\x02' + OK, END_STREAM | END_HEADERS | PADDED)],
     either('headers-padding-invalid', 'PROTOCOL_ERROR')),
    ('client/6.3/1', [S + priority(0, 0)], conn('priority-stream-zero', 'PROTOCOL_ERROR')),
    ('client/6.3/2', [S + frame(PRIORITY, 0, 1, bytes(4))], either('priority-length', 'FRAME_SIZE_ERROR')),
    ('client/6.4/1', [S + rst(0)], conn('rst-stream-zero', 'PROTOCOL_ERROR')),
    ('client/6.4/2', [S + rst(2)], conn('rst-idle', 'PROTOCOL_ERROR')),
    ('client/6.4/3', [S + frame(RST_STREAM, 0, 1, bytes(3))], either('rst-length', 'FRAME_SIZE_ERROR')),
    ('client/6.5/1', [S + frame(SETTINGS, ACK, 0, b'\0')], conn('settings-ack-length', 'FRAME_SIZE_ERROR')),
    ('client/6.5/2', [S + frame(SETTINGS, 0, 1, u16(3) + u32(100))], conn('settings-stream-nonzero', 'PROTOCOL_ERROR')),
    ('client/6.5/3', [S + frame(SETTINGS, 0, 0, bytes(3))], either('settings-length', 'FRAME_SIZE_ERROR|PROTOCOL_ERROR')),
    ('client/6.5.2/1', [S + settings((4, MAX + 1))], conn('settings-initial-window-value', 'FLOW_CONTROL_ERROR')),
    ('client/6.5.2/2', [S + settings((5, 16383))], conn('settings-max-frame-size-value', 'PROTOCOL_ERROR')),
    ('client/6.5.2/3', [S + settings((5, 1 << 24))], conn('settings-max-frame-size-value', 'PROTOCOL_ERROR')),
    ('client/6.5.2/4', [S + settings((0xff, 1)) + ping()], None),
    ('client/6.5.3/1', [S + settings((3, 100))], None),
    ('client/6.7/1', [S + ping()], None),
    ('client/6.7/2', [S + ping(b'unasked.', ACK) + ping()], None),
    ('client/6.7/3', [S + ping(stream=1)], conn('ping-stream-nonzero', 'PROTOCOL_ERROR')),
    ('client/6.7/4', [S + ping(bytes(6))], conn('ping-length', 'FRAME_SIZE_ERROR')),
    ('client/6.8/1', [S + frame(GOAWAY, 0, 1, u32(0, 0))], conn('goaway-stream-nonzero', 'PROTOCOL_ERROR')),
    ('client/6.9/1', [S + window(0)], conn('window-update-zero-conn', 'PROTOCOL_ERROR')),
    ('client/6.9/2', [S + window(0, 1)], either('window-update-zero-stream', 'PROTOCOL_ERROR')),
    ('client/6.9/3', [S + frame(WINDOW_UPDATE, 0, 0, bytes(3))], conn('window-update-length', 'FRAME_SIZE_ERROR')),
    ('client/6.9.1/1', [S + window(MAX) + window(MAX)], either('window-overflow-conn', 'FLOW_CONTROL_ERROR', -2)),
    ('client/6.9.1/2', [S + window(MAX, 1) + window(MAX, 1)], either('window-overflow-stream', 'FLOW_CONTROL_ERROR', -2)),
    ('client/6.10/1', [S + HALF + rest(0, block=HALF_REST[:2]) + rest(block=HALF_REST[2:])], None),
    ('client/6.10/2', [S + HALF + rest(0, block=HALF_REST[:2]) + frame(DATA, END_STREAM, 1, b'test')],
     conn('field-block-interleaved', 'PROTOCOL_ERROR')),
    ('client/6.10/3', [S + HALF + rest(stream=0, block=HALF_REST)], conn('continuation-stream-zero', 'PROTOCOL_ERROR')),
    ('client/6.10/4', [S + WHOLE + rest(block=OK)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('client/6.10/5', [S + HALF + rest(block=HALF_REST) + rest(block=OK)], conn('continuation-unexpected', 'PROTOCOL_ERROR')),
    ('client/6.10/6', [S + HALF + frame(DATA, 0, 1, b'test') + rest(0, block=HALF_REST) + rest(stream=0, block=b'')],
     conn('field-block-interleaved', 'PROTOCOL_ERROR', -3)),
]


def promise(promised, block=GET, stream=1, flags=END_HEADERS, pad=b''):
    return frame(PUSH_PROMISE, flags, stream, pad + u32(promised) + block)


CONNECT = b'\x42\x07CONNECT' + b'\x01\x10example.test:443'
WEBSOCKET = b'\x42\x07CONNECT' + GET[1:] + literal(':protocol', 'websocket')

# Rules that the suite has no case for: what the server breaks, to a client that minds nothing (ASKS below says what that
# one says; usually a start and a GET).
SERVER_MORE = [
    ('own/push/stream-zero', [S + promise(2, stream=0)], conn('push-promise-stream-zero', 'PROTOCOL_ERROR')),
    ('own/push/padding', [S + promise(2, flags=END_HEADERS | PADDED, pad=b'\xff')],
     conn('push-promise-padding-invalid', 'PROTOCOL_ERROR')),
    ('own/push/odd', [S + promise(3)], conn('push-promised-id-invalid', 'PROTOCOL_ERROR')),
    ('own/push/order', [S + promise(4) + promise(2)], conn('push-promised-id-invalid', 'PROTOCOL_ERROR')),
    ('own/push/parent-ended', [S + WHOLE + promise(2)], conn('push-parent-state')),
    ('own/push/method', [S + promise(2, POST)], either('push-request-unsafe', 'PROTOCOL_ERROR')),
    ('own/push/content', [S + promise(2, GET + literal('content-length', '4'))],
     either('push-request-content', 'PROTOCOL_ERROR')),
    ('own/push/no-authority', [S + promise(2, GET[:3] + literal('host', 'example.test'))],
     either('push-authority-missing', 'PROTOCOL_ERROR')),
    ('own/push/no-path', [S + promise(2, GET[:2] + GET[3:])], either('push-request-incomplete', 'PROTOCOL_ERROR')),
    ('own/push/fine', [S + promise(2) + headers(OK, stream=2) + WHOLE], None),
    ('own/push/disabled', [S, promise(2)], conn('push-disabled', 'PROTOCOL_ERROR')),
    ('own/reserved/data', [S + promise(2) + frame(DATA, END_STREAM, 2, b'test')],
     conn('stream-reserved-frame-server', 'PROTOCOL_ERROR')),
    ('own/goaway/raised', [S + frame(GOAWAY, 0, 0, u32(1, 0)) + frame(GOAWAY, 0, 0, u32(3, 0))],
     conn('goaway-last-id-increased', 'PROTOCOL_ERROR')),
    ('own/goaway/lowered', [S + frame(GOAWAY, 0, 0, u32(MAX, 0)) + frame(GOAWAY, 0, 0, u32(1, 0)) + WHOLE], None),
    ('own/goaway/parity', [S + frame(GOAWAY, 0, 0, u32(2, 0))], Advice('goaway-last-id-parity')),
    ('own/goaway/short', [S + frame(GOAWAY, 0, 0, u32(1))], conn('frame-too-short', 'FRAME_SIZE_ERROR')),
    ('own/preface/ping-first', [ping() + S], conn('preface-server-settings-missing', 'PROTOCOL_ERROR', 0)),
    ('own/settings/push-by-server', [S + settings((2, 1))], conn('settings-enable-push-by-server', 'PROTOCOL_ERROR')),
    ('own/settings/connect-2', [S + settings((8, 2))], conn('settings-enable-connect-value', 'PROTOCOL_ERROR')),
    ('own/settings/connect-back', [S + settings((8, 1)) + settings((8, 0))],
     conn('settings-enable-connect-withdrawn', 'PROTOCOL_ERROR')),
    ('own/settings/priorities-2', [settings((9, 2)) + ACKNOWLEDGE],
     conn('settings-no-rfc7540-value', 'PROTOCOL_ERROR', 0)),
    ('own/settings/priorities-changed', [S + settings((9, 1))], conn('settings-no-rfc7540-changed', 'PROTOCOL_ERROR')),
    ('own/altsvc/overrun', [S + frame(ALTSVC, 0, 0, u16(9) + b'abc')], Advice('altsvc-malformed')),
    ('own/altsvc/no-origin', [S + frame(ALTSVC, 0, 0, u16(0) + b'h2=":1"')], Advice('altsvc-origin-empty')),
    ('own/altsvc/origin-on-stream', [S + frame(ALTSVC, 0, 1, u16(9) + b'https://a' + b'h2=":1"')],
     Advice('altsvc-origin-on-stream')),
    ('own/origin/on-stream', [S + frame(ORIGIN, 0, 1, u16(9) + b'https://a')], Advice('origin-stream-nonzero')),
    ('own/origin/cut', [S + frame(ORIGIN, 0, 0, u16(10) + b'https://a')], Advice('origin-malformed')),
    ('own/priority-update/server', [S + frame(PRIORITY_UPDATE, 0, 0, u32(1) + b'u=1')],
     conn('priority-update-from-server', 'PROTOCOL_ERROR')),
    ('own/message/no-status', [S + headers(literal('server', 'a'))], either('pseudo-status-missing', 'PROTOCOL_ERROR')),
    ('own/message/status-1000', [S + headers(literal(':status', '1000'))], either('pseudo-status-invalid', 'PROTOCOL_ERROR')),
    ('own/message/status-101', [S + headers(literal(':status', '101'), END_HEADERS)],
     either('msg-http2-status-101', 'PROTOCOL_ERROR')),
    ('own/message/103-ends', [S + headers(literal(':status', '103'))],
     either('msg-informational-end-stream', 'PROTOCOL_ERROR')),
    ('own/message/data-first', [S + headers(literal(':status', '103'), END_HEADERS) + frame(DATA, END_STREAM, 1, b'test')],
     either('msg-data-before-headers', 'PROTOCOL_ERROR')),
    ('own/message/no-final', [S + headers(literal(':status', '103'), END_HEADERS) + frame(DATA, END_STREAM, 1)],
     either('msg-no-final-response', 'PROTOCOL_ERROR')),
    ('own/message/103-200', [S + headers(literal(':status', '103'), END_HEADERS) + WHOLE], None),
    ('own/message/204-content', [S + headers(b'\x89', END_HEADERS) + frame(DATA, END_STREAM, 1, b'test')],
     either('msg-content-forbidden', 'PROTOCOL_ERROR')),
    ('own/message/length', [S + headers(OK + literal('content-length', '5'), END_HEADERS) + frame(DATA, END_STREAM, 1, b'test')],
     either('msg-content-length-mismatch', 'PROTOCOL_ERROR')),
    ('own/message/length-twice', [S + headers(OK + literal('content-length', '4') + literal('content-length', '5'), END_HEADERS)],
     either('msg-content-length-duplicate', 'PROTOCOL_ERROR')),
    ('own/message/length-word', [S + headers(OK + literal('content-length', 'four'))],
     either('msg-content-length-invalid', 'PROTOCOL_ERROR')),
    ('own/message/trailers', [S + ANSWER + frame(DATA, 0, 1, b'test') + headers(literal('x-sum', '1'))], None),
    ('own/message/trailers-go-on', [S + ANSWER + headers(literal('x-sum', '1'), END_HEADERS)],
     either('msg-trailers-no-end-stream', 'PROTOCOL_ERROR')),
    ('own/message/trailers-status', [S + ANSWER + headers(OK)], either('msg-trailers-pseudo', 'PROTOCOL_ERROR')),
    ('own/message/request-field', [S + headers(OK + literal(':path', '/'))],
     either('pseudo-wrong-direction', 'PROTOCOL_ERROR')),
    ('own/field/newline', [S + headers(OK + literal('x', 'a\nb'))], either('field-value-nul-cr-lf', 'PROTOCOL_ERROR')),
    ('own/field/space', [S + headers(OK + literal('x', ' a'))], either('field-value-edge-whitespace', 'PROTOCOL_ERROR')),
    ('own/field/name', [S + headers(OK + literal('a b', 'c'))], either('field-name-invalid', 'PROTOCOL_ERROR')),
    ('own/field/chunked', [S + headers(OK + literal('transfer-encoding', 'chunked'))],
     either('field-connection-specific', 'PROTOCOL_ERROR')),
    ('own/flow/stream', [S + ANSWER, frame(DATA, END_STREAM, 1, bytes(101))],
     either('flow-stream-window-exceeded', 'FLOW_CONTROL_ERROR')),
    ('own/flow/connection', [S + ANSWER] + [frame(DATA, 0, 1, bytes(BIG)) for _ in range(4)],
     conn('flow-conn-window-exceeded', 'FLOW_CONTROL_ERROR')),
    ('own/hpack/update-missing', [S + headers(OK + literal('x', 'y', 0x40)), ACKNOWLEDGE + headers(OK, stream=3)],
     conn('hpack-table-update-missing', 'COMPRESSION_ERROR')),
    ('own/push/connect', [S + promise(2, CONNECT)], either('push-request-connect', 'PROTOCOL_ERROR')),
    ('own/connect/headers-in-tunnel', [S + ANSWER + frame(DATA, 0, 1, b'test') + headers(literal('x-sum', '1'))],
     either('connect-frame-type', 'PROTOCOL_ERROR')),
]
ASKS = {
    'own/connect/headers-in-tunnel': [start() + headers(CONNECT, END_HEADERS)],
    'own/push/disabled': [start((2, 0)) + ASK],
    'own/flow/stream': [start((4, 100)) + ASK],
    'own/flow/connection': [start((4, 1 << 20)) + ASK],
    'own/hpack/update-missing': [start() + get() + get(3), settings((1, 0))],
}

# And what the client breaks, to a server that minds nothing (SAYS: what that one says; usually its start).
CLIENT_MORE = [
    ('own/preface/ping-first', [PREFACE + ping()], conn('preface-client-settings-missing', 'PROTOCOL_ERROR', 0)),
    ('own/preface/ack-first', [PREFACE + ACKNOWLEDGE], conn('preface-client-settings-missing', 'PROTOCOL_ERROR', 0)),
    ('own/reserved/headers', [start() + ASK, get(2)], conn('stream-reserved-frame-client', '')),
    ('own/connect/path', [start() + headers(CONNECT + b'\x84', END_HEADERS)], either('connect-scheme-path', 'PROTOCOL_ERROR')),
    ('own/connect/no-authority', [start() + headers(CONNECT[:9], END_HEADERS)], either('connect-authority', 'PROTOCOL_ERROR')),
    ('own/connect/fine', [start() + headers(CONNECT, END_HEADERS), frame(DATA, END_STREAM, 1, b'test')], None),
    ('own/connect/not-enabled', [start(), headers(WEBSOCKET, END_HEADERS)], either('ext-connect-not-enabled', 'PROTOCOL_ERROR')),
    ('own/connect/get', [start(), headers(GET + literal(':protocol', 'websocket'), END_HEADERS)],
     either('ext-connect-method', 'PROTOCOL_ERROR')),
    ('own/connect/no-target', [start(), headers(CONNECT + literal(':protocol', 'websocket'), END_HEADERS)],
     either('ext-connect-target-missing', 'PROTOCOL_ERROR')),
    ('own/connect/websocket', [start(), headers(WEBSOCKET, END_HEADERS)], None),
    ('own/priority-update/on-stream', [start() + ASK + frame(PRIORITY_UPDATE, 0, 1, u32(1) + b'u=1')],
     conn('priority-update-stream-nonzero', 'PROTOCOL_ERROR')),
    ('own/priority-update/zero', [start() + frame(PRIORITY_UPDATE, 0, 0, u32(0) + b'u=1')],
     conn('priority-update-id-zero', 'PROTOCOL_ERROR')),
    ('own/priority-update/fine', [start() + frame(PRIORITY_UPDATE, 0, 0, u32(1) + b'u=1') + ASK], None),
    ('own/priority-update/short', [start() + frame(PRIORITY_UPDATE, 0, 0, u16(1))], conn('frame-too-short', 'FRAME_SIZE_ERROR')),
    ('own/altsvc/client', [start() + frame(ALTSVC, 0, 0, u16(9) + b'https://a' + b'clear')], Advice('altsvc-from-client')),
    ('own/origin/client', [start() + frame(ORIGIN, 0, 0, u16(9) + b'https://a')], Advice('origin-from-client')),
    ('own/path/star', [start() + headers(GET[:2] + b'\x04\x01*' + GET[3:])], either('pseudo-path-form', 'PROTOCOL_ERROR')),
    ('own/path/options-star', [start() + headers(b'\x42\x07OPTIONS' + GET[1:2] + b'\x04\x01*' + GET[3:])], None),
    ('own/authority/userinfo', [start() + headers(GET[:3] + b'\x01\x08me@there')],
     either('pseudo-authority-userinfo', 'PROTOCOL_ERROR')),
    ('own/authority/host', [start() + request(('host', 'elsewhere.test'))],
     either('pseudo-authority-host-mismatch', 'PROTOCOL_ERROR')),
    ('own/authority/host-same', [start() + request(('host', 'Example.Test:80'))], None),
    ('own/method/space', [start() + headers(b'\x42\x05G E T' + GET[1:])], either('pseudo-method-invalid', 'PROTOCOL_ERROR')),
    ('own/scheme/digit', [start() + headers(GET[:1] + b'\x06\x031st' + GET[2:])], either('pseudo-scheme-invalid', 'PROTOCOL_ERROR')),
    ('own/field/tab', [start() + request(('x', 'a\t'))], either('field-value-edge-whitespace', 'PROTOCOL_ERROR')),
    ('own/field/nul', [start() + request(('x', 'a\0b'))], either('field-value-nul-cr-lf', 'PROTOCOL_ERROR')),
    ('own/hpack/integer', [start() + headers(GET + b'\xff\xff\xff\xff\xff\xff\x01')],
     conn('hpack-integer-overflow', 'COMPRESSION_ERROR')),
    ('own/hpack/string', [start() + headers(GET + b'\x00\x7f\x10ab')], conn('hpack-string-overrun', 'COMPRESSION_ERROR')),
    ('own/window/settings', [start() + OPEN + window(MAX - 65535, 1) + settings((4, 65536))],
     conn('settings-window-overflow', 'FLOW_CONTROL_ERROR')),
    ('own/hpack/update-missing', [start() + get(1, GET + literal('x', 'y', 0x40)), b'', ACKNOWLEDGE + get(3)],
     conn('hpack-table-update-missing', 'COMPRESSION_ERROR')),
    ('own/rst/crossed', [start() + OPEN, rst()], None),
    ('own/path/space', [start() + headers(GET[:2] + b'\x04\x04/a b' + GET[3:])],
     either('pseudo-path-invalid', 'PROTOCOL_ERROR')),
    ('own/authority/space', [start() + headers(GET[:3] + b'\x01\x03a b')],
     either('pseudo-authority-invalid', 'PROTOCOL_ERROR')),
    ('own/connect/protocol-empty', [start(), headers(b'\x42\x07CONNECT' + GET[1:] + literal(':protocol', ''), END_HEADERS)],
     either('pseudo-protocol-invalid', 'PROTOCOL_ERROR')),
    ('own/connect/upgrade-field', [start(), headers(WEBSOCKET + literal('upgrade', 'websocket'), END_HEADERS)],
     either('ext-connect-ws-fields', 'PROTOCOL_ERROR')),
    ('own/priority-update/no-push', [start() + ASK, frame(PRIORITY_UPDATE, 0, 0, u32(2) + b'u=1')],
     conn('priority-update-idle-push', 'PROTOCOL_ERROR')),
    ('own/priority-update/too-many', [PREFACE + settings(), ACKNOWLEDGE + frame(PRIORITY_UPDATE, 0, 0, u32(1) + b'u=1')
                                      + frame(PRIORITY_UPDATE, 0, 0, u32(3) + b'u=1')],
     conn('priority-update-idle-count', 'PROTOCOL_ERROR')),
]
SAYS = {
    'own/connect/protocol-empty': [settings((8, 1)) + ACKNOWLEDGE],
    'own/connect/upgrade-field': [settings((8, 1)) + ACKNOWLEDGE],
    'own/priority-update/too-many': [settings((3, 1)) + ACKNOWLEDGE],
    'own/reserved/headers': [S + promise(2)],
    'own/connect/fine': [S + headers(OK, END_HEADERS)],
    'own/connect/get': [settings((8, 1)) + ACKNOWLEDGE],
    'own/connect/no-target': [settings((8, 1)) + ACKNOWLEDGE],
    'own/connect/websocket': [settings((8, 1)) + ACKNOWLEDGE, headers(OK, END_HEADERS)],
    'own/hpack/update-missing': [S, settings((1, 0))],
    'own/rst/crossed': [S + rst(1, 0)],
}
PLAIN_ASK, PLAIN_SAY = [start() + ASK], [S]

# captures/spec-NAME.pcap.gz: who breaks the rules there, the rows, and the program that is the peer ('': ours, too). The
# connections stand in the order of the rows.
SETS = {
    'generic': ('client', GENERIC, 'nghttpd'),
    'http2': ('client', HTTP2, 'nghttpd'),
    'hpack': ('client', HPACK, 'nghttpd'),
    'client': ('server', CLIENT, 'nghttp'),
    'more-client': ('client', CLIENT_MORE, ''),
    'more-server': ('server', SERVER_MORE, ''),
}


def rows_of(name):
    return SETS[name][1]


def sender_of(name):
    return SETS[name][0]


def asks(case):
    """What the client says to a server of ours that breaks a rule."""
    return ASKS.get(case, PLAIN_ASK)


def says(case):
    """And what the server says to such a client."""
    return SAYS.get(case, PLAIN_SAY)
