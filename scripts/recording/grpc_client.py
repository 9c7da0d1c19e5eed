"""Calls of all four kinds, an error status, a deadline and a compressed message. grpc_client.py PORT"""

import sys

import grpc

HELLO = b'\x0a\x05hello'

with grpc.insecure_channel(f'127.0.0.1:{sys.argv[1]}') as channel:
    def path(name):
        return '/example.Greeter/' + name

    channel.unary_unary(path('Say'))(HELLO, timeout=5, metadata=(('x-request-id', '42'),))
    list(channel.unary_stream(path('Count'))(HELLO))
    channel.stream_unary(path('Gather'))(iter([HELLO, HELLO, HELLO]))
    list(channel.stream_stream(path('Chat'))(iter([HELLO, b'\x0a\x03bye'])))
    for name in ('Fail', 'NoSuchMethod'):
        try:
            channel.unary_unary(path(name))(HELLO)
        except grpc.RpcError as error:
            print(error.code())
    channel.unary_unary(path('Say'))(b'\x0a\x40' + b'hello' * 13, compression=grpc.Compression.Gzip)
    call = channel.stream_stream(path('Chat'))(iter([HELLO]))
    next(call)
    call.cancel()
