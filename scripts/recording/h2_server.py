"""A server on python3-h2 that does what others do not: padding, promises, alternative services. h2_server.py PORT"""

import socket
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

BODY = b''.join(b'line %03d of a body that waits for windows\n' % i for i in range(60))


def serve(sock):
    conn = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding='utf-8'))
    conn.local_settings.update({h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
    conn.initiate_connection()
    sock.sendall(conn.data_to_send())
    waiting = {}
    while octets := sock.recv(65536):
        for event in conn.receive_data(octets):
            react(conn, event, waiting)
        for stream in list(waiting):
            send_body(conn, stream, waiting)
        sock.sendall(conn.data_to_send())


def react(conn, event, waiting):
    if isinstance(event, h2.events.RequestReceived):
        answer(conn, event.stream_id, dict(event.headers), waiting)
    elif isinstance(event, h2.events.DataReceived):
        conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, h2.events.StreamReset):
        waiting.pop(event.stream_id, None)


def answer(conn, stream, request, waiting):
    path = request.get(':path')
    if path == '/upload':
        return
    if request[':method'] == 'CONNECT':
        conn.send_headers(stream, [(':status', '200'), ('sec-websocket-protocol', 'chat')])
        conn.send_data(stream, b'\x81\x02hi', end_stream=True)
    elif path == '/padded':
        conn.send_headers(stream, [(':status', '200'), ('content-type', 'text/plain')])
        conn.send_data(stream, b'padded\n', pad_length=100)
        conn.send_data(stream, b'', pad_length=0)
        conn.send_headers(stream, [('checksum', '1a2b3c')], end_stream=True)
    elif path == '/promises':
        conn.push_stream(stream, stream + 1, [(':method', 'GET'), (':scheme', 'http'),
                                              (':authority', 'example.test'), (':path', '/promised')])
        conn.send_headers(stream, [(':status', '200')], end_stream=True)
        conn.send_headers(stream + 1, [(':status', '304'), ('etag', '"v1"')], end_stream=True)
    elif path == '/goodbye':
        conn.send_headers(stream, [(':status', '503'), ('retry-after', '1')], end_stream=True)
        conn.close_connection(h2.errors.ErrorCodes.INADEQUATE_SECURITY, b'no cipher is good enough', stream)
    else:
        if path == '/alternative':
            conn.advertise_alternative_service(b'h2=":8443"; ma=60', stream_id=stream)
        for status in ('102', '103'):
            conn.send_headers(stream, [(':status', status)])
        conn.send_headers(stream, [(':status', '200'), ('content-length', str(len(BODY)))])
        waiting[stream] = BODY


def send_body(conn, stream, waiting):
    while waiting.get(stream):
        room = min(conn.local_flow_control_window(stream), 1000, len(waiting[stream]))
        if room <= 0:
            return
        part, rest = waiting[stream][:room], waiting[stream][room:]
        conn.send_data(stream, part, end_stream=not rest)
        waiting[stream] = rest
    waiting.pop(stream, None)


listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    client, _ = listener.accept()
    with client:
        serve(client)
