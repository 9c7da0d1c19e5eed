"""The requests for h2_server.py. h2_client.py PORT"""

import socket
import sys

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings


class Client:
    def __init__(self, port, settings):
        self.sock = socket.create_connection(('127.0.0.1', port))
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding='utf-8'))
        self.conn.initiate_connection()
        self.conn.update_settings(settings)
        self.wait(h2.events.SettingsAcknowledged)

    def flush(self):
        self.sock.sendall(self.conn.data_to_send())

    def wait(self, *kinds):
        """Receive until an event of one of these kinds; give windows back on the way."""
        self.flush()
        while octets := self.sock.recv(65536):
            events = self.conn.receive_data(octets)
            for event in events:
                if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                    self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()
            if any(isinstance(event, kinds) for event in events):
                return

    def request(self, path, *more, method='GET', end=True, **priority):
        stream = self.conn.get_next_available_stream_id()
        self.conn.send_headers(stream, [(':method', method), (':scheme', 'http'), (':authority', 'example.test'),
                                        (':path', path), *more], end_stream=end, **priority)
        return stream


def main():
    codes = h2.settings.SettingCodes
    one = Client(int(sys.argv[1]), {codes.INITIAL_WINDOW_SIZE: 1200, codes.HEADER_TABLE_SIZE: 128})
    for path in ('/padded', '/promises', '/alternative'):
        one.request(path, ('cookie', 'a=1'), ('cookie', 'b=2'), priority_weight=100, priority_depends_on=0)
        one.wait(h2.events.StreamEnded)
    upload = one.request('/upload', method='POST', end=False)
    one.conn.send_data(upload, b'half an upload', pad_length=11)
    one.conn.reset_stream(upload, h2.errors.ErrorCodes.CANCEL)
    one.conn.prioritize(upload + 2, weight=7, depends_on=upload, exclusive=True)
    one.conn.ping(b'12345678')
    one.wait(h2.events.PingAckReceived)
    stream = one.conn.get_next_available_stream_id()
    one.conn.send_headers(stream, [(':method', 'CONNECT'), (':protocol', 'websocket'), (':scheme', 'http'),
                                   (':authority', 'example.test'), (':path', '/chat')])
    one.conn.send_data(stream, b'\x81\x82\x01\x02\x03\x04ik', end_stream=True)
    one.wait(h2.events.StreamEnded)
    one.conn.close_connection()
    one.flush()
    one.sock.close()
    two = Client(int(sys.argv[1]), {codes.ENABLE_PUSH: 0})
    two.request('/goodbye')
    two.wait(h2.events.ConnectionTerminated)
    two.sock.close()


main()
