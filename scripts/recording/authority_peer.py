"""Two peers over TLS who differ about whom a request is for: authority_peer.py server PORT KEY CERT | client PORT KEYLOG

Four connections, all to example.test by name; the certificate has example.test and *.example.test. The client asks
for www.example.test, and is promised something of elsewhere.test; for elsewhere.test, which the server refuses with 421;
for elsewhere.test over TLS 1.2, and gets it; and for example.test.
"""

import socket
import ssl
import sys
import time

from frames import ACKNOWLEDGE, END_HEADERS, END_STREAM, HEADERS, OK, PREFACE, PUSH_PROMISE, frame, get, settings, u32


def asks(authority):
    return b'\x82\x87\x84\x41' + bytes([len(authority)]) + authority.encode()


def answer(block):
    return frame(HEADERS, END_HEADERS | END_STREAM, 1, block)


TALKS = [
    ('www.example.test', ssl.TLSVersion.TLSv1_3, frame(PUSH_PROMISE, END_HEADERS, 1, u32(2) + asks('elsewhere.test'))
     + frame(HEADERS, END_HEADERS | END_STREAM, 2, OK) + answer(OK)),
    ('elsewhere.test', ssl.TLSVersion.TLSv1_3, answer(b'\x08\x03421')),
    ('elsewhere.test:443', ssl.TLSVersion.TLSv1_2, answer(OK)),
    ('example.test', ssl.TLSVersion.TLSv1_3, answer(OK)),
]


def drain(sock):
    sock.settimeout(0.3)
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def server(port, key, cert):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(['h2'])
    listener = socket.create_server(('127.0.0.1', port))
    for _, _, says in TALKS:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as sock:
            sock.sendall(settings() + ACKNOWLEDGE)
            time.sleep(0.05)
            sock.sendall(says)
            drain(sock)


def client(port, keylog):
    for authority, version, _ in TALKS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(['h2'])
        context.keylog_filename = keylog
        with socket.create_connection(('127.0.0.1', port)) as plain, \
                context.wrap_socket(plain, server_hostname='example.test') as sock:
            sock.sendall(PREFACE + settings() + ACKNOWLEDGE + get(block=asks(authority)))
            drain(sock)


if sys.argv[1] == 'server':
    server(int(sys.argv[2]), *sys.argv[3:5])
else:
    client(int(sys.argv[2]), sys.argv[3])
