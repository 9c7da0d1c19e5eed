"""Pass one TCP connection on and keep what each side sent: relay.py PORT BACKEND C2S-FILE S2C-FILE"""

import selectors
import socket
import sys

port, backend, c2s, s2c = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
listener = socket.create_server(('127.0.0.1', port))
client, _ = listener.accept()
server = socket.create_connection(('127.0.0.1', backend))
ways = {client: (server, open(c2s, 'wb')), server: (client, open(s2c, 'wb'))}
ready = selectors.DefaultSelector()
for end in ways:
    ready.register(end, selectors.EVENT_READ)
while ready.get_map():
    for key, _ in ready.select(5):
        other, copy = ways[key.fileobj]
        octets = key.fileobj.recv(65536)
        copy.write(octets)
        if octets:
            other.sendall(octets)
        else:
            ready.unregister(key.fileobj)
            other.shutdown(socket.SHUT_WR)
