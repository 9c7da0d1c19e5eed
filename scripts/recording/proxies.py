"""A proxy for the recordings: HTTP CONNECT with Basic credentials on one port, SOCKS 4, 4a and 5 on another.

usage: proxies.py HTTP-PORT SOCKS-PORT
"""
import socket
import socketserver
import sys
import threading

NEEDS = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 14\r\n\r\nwho are you?\r\n"


def splice(a, b):
    """Carry octets both ways until both sides have ended."""
    def carry(source, sink):
        while octets := source.recv(65536):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
    other = threading.Thread(target=carry, args=(b, a))
    other.start()
    carry(a, b)
    other.join()


class Connect(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            fields = {}
            while (field := self.rfile.readline().strip()):
                name, _, value = field.partition(b":")
                fields[name.lower()] = value.strip()
            if b"proxy-authorization" not in fields:
                self.wfile.write(NEEDS)
                continue
            host, _, port = line.split()[1].rpartition(b":")
            with socket.create_connection((host.decode(), int(port))) as far:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                splice(self.connection, far)
            return


class Socks(socketserver.BaseRequestHandler):
    def take(self, n):
        octets = b""
        while len(octets) < n:
            octets += self.request.recv(n - len(octets)) or sys.exit()
        return octets

    def text(self):
        octets = b""
        while (octet := self.take(1)) != b"\0":
            octets += octet
        return octets

    def handle(self):
        version = self.take(1)[0]
        host, port, good = self.four() if version == 4 else self.five()
        with socket.create_connection((host, port)) as far:
            self.request.sendall(good)
            splice(self.request, far)

    def four(self):
        head = self.take(7)
        self.text()
        named = head[3:6] == b"\0\0\0" and head[6] != 0
        host = self.text().decode() if named else socket.inet_ntoa(head[3:7])
        return host, int.from_bytes(head[1:3], "big"), b"\0\x5a" + head[1:7]

    def five(self):
        methods = self.take(self.take(1)[0])
        if 2 in methods:
            self.request.sendall(b"\5\2")
            self.take(self.take(2)[1])
            self.take(self.take(1)[0])
            self.request.sendall(b"\1\0")
        else:
            self.request.sendall(b"\5\0")
        kind = self.take(4)[3]
        host = socket.inet_ntoa(self.take(4)) if kind == 1 else self.take(self.take(1)[0]).decode()
        return host, int.from_bytes(self.take(2), "big"), b"\5\0\0\1\0\0\0\0\0\0"


def serve(handler, port):
    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
    return Server(("127.0.0.1", port), handler)


threading.Thread(target=serve(Connect, int(sys.argv[1])).serve_forever, daemon=True).start()
serve(Socks, int(sys.argv[2])).serve_forever()
