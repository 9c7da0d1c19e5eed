"""Whether the comparison sees what it must see: each lie that a decoder could tell is told, and must be counted."""

import copy
import sys

from capture import Capture, Packet, Tcp
from compare import Whole, compare
from decode import Decoded, parse
from variants import KINDS, Variant, variants

CLIENT, SERVER = ('192.0.2.1', 40000), ('192.0.2.2', 8080)


def _packet(number, src, dst):
    return Packet(number, number, 100, bytes(100), Tcp(src, dst, 0, False, 60, 40, 14, 4))


CAPTURE = Capture(1, tuple(_packet(n, *ends) for n, ends in
                           enumerate([(CLIENT, SERVER), (SERVER, CLIENT), (CLIENT, SERVER)], 1)))


def _line(**keys):
    import json
    return json.dumps(keys)


def _frame(offset, packet, name, value, **keys):
    return dict(kind='frame', conn=1, dir='c2s', packet=packet, packet_end=packet, offset=offset, type_id=1, flags=4,
                stream_id=1, length=20, headers=[dict(name=name, value=value)]) | keys


TRUE = [dict(kind='connection', conn=1, client=dict(ip=CLIENT[0], port=CLIENT[1]),
             server=dict(ip=SERVER[0], port=SERVER[1])),
        _frame(24, 1, ':path', '/a'), _frame(53, 3, ':path', '/b')]
FINDING = dict(kind='finding', check='x', severity='error', conn=1, dir='c2s', offset=24, stream_id=1, message='')

LIES = [
    ('right', lambda r: None),
    ('wrong', lambda r: r[1]['headers'][0].update(value='/b')),
    ('wrong', lambda r: r[1]['headers'].append(dict(name='more', value='here'))),
    ('wrong', lambda r: r[1]['headers'][0].pop('name')),
    ('wrong', lambda r: r[1]['headers'].__setitem__(0, dict(value='/x', certainty='name-unknown', entry='pre:1'))),
    ('value-only', lambda r: r[1]['headers'].__setitem__(0, dict(value='/a', certainty='name-unknown', entry='pre:1'))),
    ('unknown', lambda r: r[1]['headers'].__setitem__(0, dict(certainty='unknown', entry='pre:1'))),
    ('inferred-right', lambda r: r[1]['headers'].__setitem__(0, dict(name=':path', certainty='inferred'))),
    ('inferred-wrong', lambda r: r[1]['headers'].__setitem__(0, dict(name=':method', certainty='inferred'))),
    ('fields-missing', lambda r: r[1]['headers'].clear()),
    ('fields-missing', lambda r: r.pop(2)),
    ('false-frame', lambda r: r.append(_frame(90, 3, ':path', '/c'))),
    ('false-frame', lambda r: r[2].update(offset=54)),
    ('false-frame', lambda r: r[2].update(flags=5)),
    ('twice', lambda r: r.append(copy.deepcopy(r[2]))),
    ('key-discard', lambda r: r[2].update(discard='skipped id')),
    ('false-role', lambda r: r[0].update(client=r[0]['server'], server=r[0]['client']) or
     [x.update(dir='s2c') for x in r[1:]]),
    ('false-error', lambda r: r.append(FINDING)),
    ('false-warning', lambda r: r.append(FINDING | dict(severity='warning'))),
]


def _decoded(records):
    numbers = range(len(CAPTURE.packets) + 1)
    ways, findings = parse([_line(**r) for r in records], numbers)
    return Decoded(ways, findings, '', 0)


def main():
    whole, failed = Whole(CAPTURE, _decoded(TRUE)), 0
    variant = Variant('none', 'all of it', CAPTURE.packets)
    for what, lie in LIES:
        records = copy.deepcopy(TRUE)
        lie(records)
        counts = compare(whole, _decoded(records), variant).counts
        if not counts[what]:
            print(f'not seen: {what}: {dict(counts)}')
            failed += 1
    counts = compare(whole, _decoded([TRUE[0], TRUE[2]]), Variant('drop', '', CAPTURE.packets[1:])).counts
    if (counts['fields-here'], counts['right'], counts['fields-missing']) != (1, 1, 0):
        print(f'what is in no packet was counted as missing: {dict(counts)}')
        failed += 1
    kinds = {v.kind for v in variants(CAPTURE)}
    if kinds != set(KINDS):
        print(f'kinds of damage that were not made: {set(KINDS) - kinds}')
        failed += 1
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
