"""TLS inside TLS, in memory: what a client says to an HTTPS proxy, and through it to a server."""

import ssl

import peers


class Layer:
    """One TLS connection between two ends in memory; send(side, octets) carries what it says."""

    def __init__(self, lab, keys, name, alpn):
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.check_hostname, client.verify_mode, client.keylog_filename = False, ssl.CERT_NONE, str(keys)
        server.load_cert_chain(lab / 'ec.pem')
        for context in (client, server):
            context.set_alpn_protocols([alpn])
        self.into, self.out = [ssl.MemoryBIO(), ssl.MemoryBIO()], [ssl.MemoryBIO(), ssl.MemoryBIO()]
        self.ends = [client.wrap_bio(self.into[0], self.out[0], server_hostname=name),
                     server.wrap_bio(self.into[1], self.out[1], server_side=True)]

    def begin(self, send):
        for side in (0, 1, 0, 1):
            try:
                self.ends[side].do_handshake()
            except ssl.SSLWantReadError:
                pass
            octets = self.out[side].read()
            if octets:
                send(side, octets)
                self.into[1 - side].write(octets)

    def seal(self, side, octets):
        self.ends[side].write(octets)
        return self.out[side].read()


def converse(lab, name, connect):
    """Writes NAME.pcap and NAME.keys."""
    passed = []
    outer = Layer(lab, lab / f'{name}.keys', 'proxy.test', 'http/1.1')
    inner = Layer(lab, lab / f'{name}.keys', 'example.test', 'h2')
    outer.begin(lambda side, octets: passed.append((side, octets)))

    def through(side, octets):
        passed.append((side, outer.seal(side, octets)))

    if connect:
        through(0, b'CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n')
        through(1, b'HTTP/1.1 200 OK\r\n\r\n')
    inner.begin(through)
    for ours, theirs in zip(peers.CLIENT, peers.SERVER):
        through(0, inner.seal(0, ours))
        through(1, inner.seal(1, theirs))
    passed += [(0, b''), (1, b'')]
    peers.write_pcap(lab / f'{name}.pcap', peers.packets(passed, 40000))
