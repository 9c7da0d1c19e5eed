"""A gRPC service without generated code: messages are octets. grpc_server.py PORT"""

import sys
from concurrent import futures

import grpc


def say(request, context):
    context.send_initial_metadata((('x-served-by', 'example'),))
    context.set_trailing_metadata((('x-cost', '3'), ('x-trace-bin', b'\x00\x01\xfe\xff')))
    return b'\x0a\x05' + request[2:7]


def count(request, context):
    for i in range(4):
        yield b'\x08' + bytes([i])


def gather(requests, context):
    return b'\x08' + bytes([sum(1 for _ in requests)])


def chat(requests, context):
    for request in requests:
        yield request


def fail(request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, 'no such greeting: caf\u00e9')


SERVICE = grpc.method_handlers_generic_handler('example.Greeter', {
    'Say': grpc.unary_unary_rpc_method_handler(say),
    'Count': grpc.unary_stream_rpc_method_handler(count),
    'Gather': grpc.stream_unary_rpc_method_handler(gather),
    'Chat': grpc.stream_stream_rpc_method_handler(chat),
    'Fail': grpc.unary_unary_rpc_method_handler(fail),
})

server = grpc.server(futures.ThreadPoolExecutor(2))
server.add_generic_rpc_handlers((SERVICE,))
server.add_insecure_port(f'127.0.0.1:{sys.argv[1]}')
server.start()
server.wait_for_termination()
