"""openssl s_client and s_server talking HTTP/2 octets of ours through a relay that writes a capture.

The relay is why nobody needs permission to capture: it sees the octets of both sides in order, and writes them as
the TCP segments of a pcap (raw IP), of at most SEGMENT octets each, with acknowledgement numbers that are true.
"""

import select
import socket
import struct
import subprocess
import threading
import time

SEGMENT = 600
IDLE = 0.06


def frame(kind, flags, stream, payload):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def literal(name, value):
    return bytes([0x40, len(name)]) + name + bytes([len(value)]) + value


def request(stream, n):
    block = b'\x82\x87' + literal(b':path', b'/page-%d' % n) + literal(b':authority', b'example.test')
    return frame(1, 5, stream, block + literal(b'x-count', b'%d' % n))


def response(stream, n):
    return (frame(1, 4, stream, b'\x88' + literal(b'x-answer', b'%d' % n) + (b'\xbe' if n > 1 else b''))
            + frame(0, 1, stream, b'page %d\n' % n * 150))


# What each side says, in turns.
CLIENT = [b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + frame(4, 0, 0, b'\0\3\0\0\0\x64') + request(1, 1),
          frame(4, 1, 0, b'') + request(3, 2), request(5, 3)]
SERVER = [frame(4, 0, 0, b'\0\4\0\1\0\0') + frame(4, 1, 0, b'') + response(1, 1), response(3, 2), response(5, 3)]


class Relay(threading.Thread):
    """One connection from its port to another; what passes, in order."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(20)
        self.port, self.to = self.listener.getsockname()[1], port
        self.passed = []  # (side, octets); b'' is the end of a side
        self.last = time.monotonic()
        self.done = False

    def run(self):
        try:
            client = self.listener.accept()[0]
            server = socket.create_connection(('127.0.0.1', self.to), 10)
            ends, open_sides = [client, server], [0, 1]
            while open_sides:
                for end in select.select([ends[i] for i in open_sides], [], [], 20)[0]:
                    side = ends.index(end)
                    try:
                        octets = end.recv(65536)
                    except ConnectionError:
                        octets = b''
                    self.passed.append((side, octets))
                    self.last = time.monotonic()
                    if octets:
                        ends[1 - side].sendall(octets)
                    else:
                        open_sides.remove(side)
                        ends[1 - side].shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            self.done = True

    def quiet(self, more_than):
        """Waits until more has passed than that, and then nothing for a while."""
        end = time.monotonic() + 5
        while time.monotonic() < end and not self.done:
            if len(self.passed) > more_than and time.monotonic() - self.last > IDLE:
                return
            time.sleep(0.005)


def packets(passed, port):
    """The segments as IP packets: TCP's handshake, data with acknowledgements, ends."""
    seq = [1000, 5000]

    def packet(side, flags, payload=b''):
        ports = (port, 443) if side == 0 else (443, port)
        tcp = struct.pack('>HHIIBBHHH', *ports, seq[side], seq[1 - side] if flags & 16 else 0, 80, flags, 65535, 0, 0)
        hosts = (b'\x0a\0\0\1', b'\x0a\0\0\2')
        ip = struct.pack('>BBHHHBBH4s4s', 69, 0, 40 + len(payload), 0, 0, 64, 6, 0, hosts[side], hosts[1 - side])
        seq[side] += len(payload) + bool(flags & 3)
        return ip + tcp + payload

    yield packet(0, 2)
    yield packet(1, 18)
    yield packet(0, 16)
    for side, octets in passed:
        for at in range(0, len(octets), SEGMENT):
            yield packet(side, 24, octets[at:at + SEGMENT])
            yield packet(1 - side, 16)
        if not octets:
            yield packet(side, 17)


def write_pcap(path, list_of_packets):
    with open(path, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for i, octets in enumerate(list_of_packets):
            out.write(struct.pack('<IIII', 1700000000 + i // 1000, i % 1000 * 1000, len(octets), len(octets)) + octets)


class Server:
    """openssl s_server on a port that the system chooses."""

    def __init__(self, lab, *options):
        self.log = open(lab / f'server-{id(self)}.log', 'w+b')
        self.child = subprocess.Popen(['openssl', 's_server', '-accept', '127.0.0.1:0', '-cert', 'ec.pem', '-key', 'ec.pem',
                                       '-dcert', 'rsa.pem', '-dkey', 'rsa.pem', '-alpn', 'h2', *options], cwd=lab,
                                      stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT)
        self.port = 0
        for _ in range(400):
            self.log.seek(0)
            for line in self.log.read().splitlines():
                if line.startswith(b'ACCEPT '):
                    self.port = int(line.rsplit(b':', 1)[1])
                    return
            if self.child.poll() is not None:
                return
            time.sleep(0.01)

    def stop(self):
        self.child.kill()
        self.child.wait()
        self.log.close()


def say(pipe, octets):
    try:
        pipe.write(octets)
        pipe.flush()
    except OSError:
        pass


def converse(lab, server, name, client_options, early=False, rejected=False, update=None, command=b'K\n', turns=(0, 1),
             named=True, host=b'example.test'):
    """One connection; writes NAME.pcap, and lines to NAME.keys. Returns what the client printed.

    update: the side that is told command, behind these turns; turn -1: before there are data. named: the ClientHello has
    a server name. host: what requests are for, 12 octets."""
    relay = Relay(server.port)
    relay.start()
    options = list(client_options)
    if early:
        (lab / f'{name}.early').write_bytes(CLIENT[0])
        options += ['-early_data', f'{name}.early']
    log = open(lab / f'{name}.log', 'w+b')
    client = subprocess.Popen(['openssl', 's_client', '-connect', f'127.0.0.1:{relay.port}', '-alpn', 'h2',
                               *(['-servername', 'example.test'] if named else ['-noservername']),
                               '-keylogfile', f'{name}.keys', *options], cwd=lab, stdin=subprocess.PIPE,
                              stdout=log, stderr=subprocess.STDOUT)
    relay.quiet(3)

    def update_in(turn):
        if update and turn in turns:
            had = len(relay.passed)
            say((client if update == 'client' else server.child).stdin, command)
            relay.quiet(had)

    update_in(-1)
    for turn, (ours, theirs) in enumerate(zip(CLIENT, SERVER)):
        if turn > 0 or not early or rejected:
            had = len(relay.passed)
            say(client.stdin, ours.replace(b'example.test', host))
            relay.quiet(had)
        had = len(relay.passed)
        say(server.child.stdin, theirs)
        relay.quiet(had)
        update_in(turn)
    say(client.stdin, b'Q\n')
    try:
        client.wait(5)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()
    relay.join(1)
    log.seek(0)
    said = log.read().decode(errors='replace')
    log.close()
    relay.listener.close()
    write_pcap(lab / f'{name}.pcap', packets(relay.passed, 40000))
    return said
