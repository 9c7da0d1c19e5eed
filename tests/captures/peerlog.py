"""Holds h2dump's callback transcript of a capture against what the two programs in it logged themselves.

    peerlog.py H2DUMP CAPTURE.pcap

Beside CAPTURE.pcap lie CAPTURE.nghttp.log and, where the server was nghttpd, CAPTURE.nghttpd.log. Both programs
say with -v which frames they received and sent. Four lists come from that (what the client received and sent, and
the server), each must equal our transcript of that direction: frame by frame with type, length, flags,
stream and payload, and field by field; what its HEADERS are to their receiver, too. Of the streams that nghttpd closed
each must be closed by us, once: we tell it in the direction whose end was the later one.
"""

import difflib
import json
import pathlib
import re
import subprocess
import sys

LINE = re.compile(r'^(?:\[id=\d+\] )?\[ *\d+\.\d+\] (.*)$')
FRAME = re.compile(r'^(send|recv) (\S+) frame <length=(\d+), flags=0x([0-9a-f]+), stream_id=(\d+)>$')
RECEIVED_FIELD = re.compile(r'^recv \(stream_id=(\d+)(?:, sensitive)?\) (:?[^:]+): (.*)$')
FIELD = re.compile(r'^(:?[^:]+): (.*)$')
CLOSED = re.compile(r'^stream_id=(\d+) closed$')
SETTING = re.compile(r'^\[.*\(0x([0-9a-f]+)\):(\d+)\]$')
DETAIL = re.compile(r'(\w+)(?:\(\d+\))?=([^,)]*)')
CATEGORY = {'Open new stream': 'REQUEST', 'First response header': 'RESPONSE',
            'First push response header': 'PUSH_RESPONSE'}
OTHER_WAY = {'c2s': 's2c', 's2c': 'c2s'}


class Way:
    """What went one way, as one party tells it: lines of text that two tellers must agree on."""

    def __init__(self):
        self.lines = []
        self.fields = []
        self.closed = []

    def add_frame(self, kind, length, flags, stream, details):
        """A frame, then the fields of its block (received fields are told before their frame, sent ones after)."""
        words = ' '.join(f'{k}={v}' for k, v in sorted(details.items()))
        self.lines.append(f'{kind} length={length} flags={flags:#04x} stream={stream} {words}'.rstrip())
        self.lines += self.fields
        self.fields = []


def log_ways(path, receives):
    """The two ways as an nghttp or nghttpd log has them; `receives` is the direction that it received."""
    ways = {receives: Way(), OTHER_WAY[receives]: Way()}
    frame = None

    def finish():
        if frame:
            way, *parts = frame
            ways[way].add_frame(*parts)

    for line in path.read_text().splitlines():
        said = LINE.match(line)
        if said:
            text = said[1]
            start, field, closed = FRAME.match(text), RECEIVED_FIELD.match(text), CLOSED.match(text)
            if start or field:
                finish()
                frame = None
            if start:
                way = receives if start[1] == 'recv' else OTHER_WAY[receives]
                frame = (way, start[2], int(start[3]), int(start[4], 16), int(start[5]), {})
                if start[2] == 'HEADERS':
                    frame[5]['category'] = 'HEADERS'
            elif field:
                ways[receives].fields.append(f'    {field[2]}: {field[3]}')
            elif closed:
                ways[receives].closed.append(int(closed[1]))
        elif frame:
            add_detail(ways[frame[0]], frame[5], line.strip())
    finish()
    return ways


def add_detail(way, details, text):
    """One indented line under a frame: a remark, a setting, numbers in brackets, or a field that was sent."""
    setting, field = SETTING.match(text), FIELD.match(text)
    if text.startswith(';'):
        if text[2:] in CATEGORY:
            details['category'] = CATEGORY[text[2:]]
    elif setting:
        details['settings'] = details.get('settings', '') + f'{int(setting[1], 16)}:{setting[2]},'
    elif text.startswith('('):
        for name, value in DETAIL.findall(text):
            value = re.sub(r'^\w+\(0x([0-9a-f]+)\)?$', lambda m: str(int(m[1], 16)), value)
            if name not in ('niv', 'opaque_data') and not (name == 'padlen' and value == '0'):
                details[name] = value
    elif field:
        way.fields.append(f'    {text}')


def our_ways(records):
    """The two ways as h2dump's callbacks tell them."""
    ways = {'c2s': Way(), 's2c': Way()}
    category = {}
    for record in records:
        kind, way = record['kind'], ways.get(record.get('dir'))
        if kind == 'header':
            way.fields.append(f'    {record["name"]}: {record["value"]}')
        elif kind == 'begin_headers':
            category[record['dir']] = record.get('category')
        elif kind == 'stream_close':
            way.closed.append(record['stream_id'])
        elif kind == 'frame_recv':
            details = our_details(record)
            if record['type'] == 'HEADERS':
                details['category'] = category[record['dir']]
            way.add_frame(record['type'], record['length'], record['flags'], record['stream_id'], details)
    return ways


def our_details(record):
    """The payload of a frame_recv record under the names of nghttp's log."""
    details = {}
    if 'settings' in record and record['settings']:
        details['settings'] = ''.join(f'{s["id"]}:{s["value"]},' for s in record['settings'])
    if 'pad_length' in record:
        details['padlen'] = record['pad_length'] + 1
    if 'priority' in record:
        priority = record['priority']
        details.update(dep_stream_id=priority['depends_on'], weight=priority['weight'],
                       exclusive=int(priority['exclusive']))
    for ours, theirs in (('promised_stream_id', 'promised_stream_id'), ('last_stream_id', 'last_stream_id'),
                         ('error_code_id', 'error_code'), ('window_increment', 'window_size_increment')):
        if ours in record:
            details[theirs] = record[ours]
    return details


def compare(title, theirs, ours):
    if theirs == ours:
        return True
    print(f'{title}: differs (-: the log, +: h2dump)')
    print('\n'.join(difflib.unified_diff(theirs, ours, lineterm='', n=3)))
    return False


def main():
    program, capture = sys.argv[1], pathlib.Path(sys.argv[2])
    done = subprocess.run([program, '--by', 'callback', '-T', 'json', str(capture)],
                          stdout=subprocess.PIPE, check=True)
    ours = our_ways(json.loads(line) for line in done.stdout.splitlines())
    good, frames = True, 0
    for name, receives, sends in (('nghttp', 's2c', 'c2s'), ('nghttpd', 'c2s', 's2c')):
        log = capture.with_suffix(f'.{name}.log')
        if not log.exists():
            continue
        theirs = log_ways(log, receives)
        for way, verb in ((receives, 'received'), (sends, 'sent')):
            good &= compare(f'what {name} {verb}', theirs[way].lines, ours[way].lines)
            frames += sum(not line.startswith(' ') for line in theirs[way].lines)
        if name == 'nghttpd':
            good &= compare('streams that nghttpd closed', [f'closed {s}' for s in sorted(theirs[receives].closed)],
                            [f'closed {s}' for s in sorted(ours['c2s'].closed + ours['s2c'].closed)])
    print(f'{capture.name}: {frames} frames told by the programs')
    return 0 if good and frames > 5 else 1


if __name__ == '__main__':
    sys.exit(main())
