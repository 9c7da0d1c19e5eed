"""docs/certainty.md: what is recovered of damaged captures, by h2dump and by tshark: certainty.py H2DUMP FOLDER > FILE

FOLDER has the captures of ENCODERS; each of their variants (variants.py) is read by both programs, and every header field
is counted against the full decode.
"""

import multiprocessing
import pathlib
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace

import capture as cap
import compare as cmp
import tshark
from decode import decode
from variants import KINDS, variants

# Captures that begin with prior knowledge, so that one setting of tshark's fits all connections; who encodes in them.
ENCODERS = [
    ('curl-nginx.pcap', 'curl (nghttp2), nginx'),
    ('node.pcap', 'node (nghttp2)'),
    ('python-h2.pcap', 'python hpack'),
    ('grpc.pcap', 'grpc'),
    ('h2load-haproxy-nginx.pcapng.gz', 'h2load (nghttp2), HAProxy, nginx'),
    ('nghttp-post-continuation.pcapng', 'nghttp, nghttpd'),
    ('nghttp-small-windows.pcap', 'nghttp, nghttpd, tables of 256 octets'),
    ('nghttp-push-priorities.pcap', 'nghttp, nghttpd, with pushes'),
    ('nghttp-padding.pcap', 'nghttp, nghttpd, padded'),
]

WORDS = {
    'start': 'started at every packet',
    'end': 'ended at every packet',
    'drop': 'every packet dropped in turn',
    'swap': 'every neighbouring pair swapped',
    'drop-two': 'two packets dropped, drawn by chance',
    'every': 'every 2nd to 13th packet dropped',
    'snaplen': 'cut to 96, 128 and 200 octets',
    'one-way': 'one direction only',
}

HEAD = """# Certainty

What becomes of header fields when a capture is damaged. This page is made by `scripts/certainty`; the same comparison runs
as a test (`meson test -C build --suite damage`, in full: `meson compile -C build certainty`).

Each capture below is read whole, and then again, damaged:

{kinds}

Frames are matched by connection, direction and place in the stream, fields by their index in the block. A field counts
when all packets that carry its block are still in the file, uncut.

- **right**: shown as known, and equal to the full decode.
- **wrong**: shown as known, and not equal; or shown for a frame that does not exist.
- **unknown**: shown as not known, in whole or in part: the table entry that it names is not in the capture.
- **inferred**: marked as concluded from what a well-formed message must hold, and right.
- **missing**: not shown.

h2dump {h2dump} is given nothing but the file. tshark {tshark} is told which port is HTTP/2 (`-d tcp.port==N,http2`) and
to put segments in order (`tcp.reassemble_out_of_order`). Where it words a value its own way, that counts as right.
"""

TITLES = '| | variants | fields | h2dump: right | wrong | unknown | inferred | missing | tshark: right | wrong | unknown | missing |'
LINE = '| --- |' + ' ---: |' * 11

_state = {}


def _ours(variant):
    decoded = decode(_state['program'], cap.write(_state['link'], variant.packets), variant.numbers())
    return variant.kind, cmp.compare(_state['whole'], decoded, variant)


def _theirs(batch):
    return tshark.run_batch('tshark', _state['link'], _state['ports'], _state['whole'], _state['own'], batch)


def measure(program, path):
    """(h2dump's, tshark's) results by kind of damage."""
    capture = cap.read(path)
    decoded = decode(program, cap.write(capture.link, capture.packets), range(len(capture.packets) + 1))
    ours = {(way.sender, way.receiver) for way in decoded.ways}
    capture = replace(capture, packets=tuple(p for p in capture.packets if p.tcp and (p.tcp.src, p.tcp.dst) in ours))
    whole = cmp.Whole(capture, decoded)
    ports = {way.receiver[1] for way in decoded.ways if way.by_client}
    _state.update(program=program, link=capture.link, whole=whole, ports=ports,
                  own=tshark.undamaged('tshark', capture, ports, whole))
    all_of = list(variants(capture))
    results = defaultdict(cmp.Result), defaultdict(cmp.Result)
    with multiprocessing.get_context('fork').Pool() as pool:
        for kind, result in pool.imap(_ours, all_of, 8):
            results[0][kind].add(result)
        for part in pool.imap(_theirs, list(tshark.batches(all_of))):
            for kind, result in part:
                results[1][kind].add(result)
    return results


def _share(part, whole):
    if part == 0:
        return '0'
    share = 100 * part / whole if whole else 0
    return f'{share:.1f} %' if share >= 0.05 else f'{part}'


def _row(name, ours, theirs):
    fields = ours['fields-here']
    unknown = ours['unknown'] + ours['value-only'] + ours['inferred-right']
    cells = [f'{ours["variants"]}', f'{fields}', _share(ours['right'], fields),
             str(ours['wrong'] + ours['inferred-wrong']), _share(unknown - ours['inferred-right'], fields),
             _share(ours['inferred-right'], fields), _share(ours['fields-missing'], fields)]
    cells += [_share(theirs['right'], fields), str(theirs['wrong']),
              _share(theirs['unknown'] + theirs['value-only'], fields), _share(theirs['fields-missing'], fields)]
    return f'| {name} | ' + ' | '.join(cells) + ' |'


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    have = tshark.version()
    if have is None:
        print('tshark is not installed', file=sys.stderr)
        return 77
    said = subprocess.run([program, '-V'], stdout=subprocess.PIPE, check=True).stdout.decode().split()
    total = cmp.Result(), cmp.Result()
    by_kind = defaultdict(lambda: (cmp.Result(), cmp.Result()))
    rows = []
    for name, encoders in ENCODERS:
        print(name, file=sys.stderr)
        one = cmp.Result(), cmp.Result()
        for side, results in enumerate(measure(program, folder / name)):
            for kind, result in results.items():
                one[side].add(result)
                by_kind[kind][side].add(result)
                total[side].add(result)
        rows.append(_row(f'`{name}`: {encoders}', one[0].counts, one[1].counts))
    print(HEAD.format(kinds='\n'.join('- ' + w for w in WORDS.values()), h2dump=said[1], tshark=have))
    print('## By capture, and who encoded its fields', '', TITLES, LINE, *rows, _row('all', total[0].counts, total[1].counts),
          sep='\n')
    print('\n## By damage', '', TITLES, LINE,
          *(_row(WORDS[k], by_kind[k][0].counts, by_kind[k][1].counts) for k in KINDS if k in by_kind), sep='\n')
    print('\n## Frames', '', '| | frames | h2dump: shown | that do not exist | tshark: shown | that do not exist |',
          '| --- | ---: | ---: | ---: | ---: | ---: |', sep='\n')
    for kind in KINDS:
        a, b = by_kind[kind][0].counts, by_kind[kind][1].counts
        print(f'| {WORDS[kind]} | {a["frames-here"]} | {_share(a["frames-right"], a["frames-here"])} | {a["false-frame"]} | '
              f'{_share(b["frames-right"], b["frames-here"])} | {b["false-frame"]} |')
    return 0


if __name__ == '__main__':
    sys.exit(main())
