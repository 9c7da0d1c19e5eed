"""What tshark makes of the same variants: many of them at a time, each between hosts of its own, in one file."""

import subprocess
import threading
import xml.parsers.expat
from collections import defaultdict
from dataclasses import replace

import capture as cap
from compare import Result, compare_field

AT_A_TIME = 250
SPACING_NS = 1000 * 10**9
OPTIONS = ('-n', '-o', 'tcp.reassemble_out_of_order:TRUE', '-T', 'pdml', '-Y', 'http2', '-J', 'frame http2')


def version(program='tshark'):
    """"4.0.17", or None where there is none."""
    try:
        out = subprocess.run([program, '--version'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    return out.stdout.decode().split()[2].rstrip('.')


class _Reader:
    """Frames out of PDML: lists of (packet number, type, flags, stream, length, fields)."""

    def __init__(self):
        self.frames, self.packet, self.frame, self.field, self.depth = [], 0, None, None, 0
        self.parser = xml.parsers.expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end

    def start(self, _tag, attributes):
        name, show = attributes.get('name'), attributes.get('show', '')
        self.depth += 1
        if name == 'frame.number':
            self.packet = int(show)
        elif name == 'http2.stream':
            self.frame = {'at': self.depth, 'packet': self.packet, 'fields': []}
        elif self.frame is None or name is None:
            return
        elif name == 'http2.header':
            self.field = {}
            self.frame['fields'].append(self.field)
        elif name in ('http2.header.name', 'http2.header.value') and self.field is not None:
            self.field[name[13:]] = show
        elif name in ('http2.type', 'http2.flags', 'http2.streamid', 'http2.length'):
            self.frame.setdefault(name[6:], int(show, 0))

    def end(self, _tag):
        if self.frame is not None and self.frame['at'] == self.depth:
            if {'type', 'flags', 'streamid', 'length'} <= self.frame.keys():  # else the preface, or a cut head
                self.frames.append(self.frame)
            self.frame = None
        self.depth -= 1


def _run(program, octets, ports):
    arguments = [a for port in sorted(ports) for a in ('-d', f'tcp.port=={port},http2')]
    run = subprocess.Popen([program, *OPTIONS, *arguments, '-r', '-'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL)
    feeder = threading.Thread(target=lambda: (run.stdin.write(octets), run.stdin.close()))
    feeder.start()
    reader = _Reader()
    try:
        reader.parser.ParseFile(run.stdout)
    finally:
        feeder.join()
        run.wait()
    return reader.frames


def _field(have):
    """As h2dump would say it: tshark names what it does not know."""
    if have.get('name') == '<unknown>':
        return {'value': have['value'], 'certainty': 'name-unknown'} if have.get('value') else {'certainty': 'unknown'}
    return {'name': have.get('name', ''), 'value': have.get('value', '')}


def _fields_by_block(whole, matched):
    """Fields by the frame that ends their block: tshark shows them at the frames that carry them, h2dump at the last."""
    fields = {at: [_field(x) for x in f['fields']] for at, f in matched.items()}
    for i, way in enumerate(whole.ways):
        carried = []
        for g in way.frames:
            kind, flags, _stream, _length = g.key
            if kind in (1, 5, 9) and flags & 4 == 0:
                carried += fields.pop((i, g.offset), [])
            elif kind in (1, 5, 9) and carried:
                fields[i, g.offset] = carried + fields.get((i, g.offset), [])
                carried = []
    return fields


def compare(whole, frames, packets, own):
    """Counts for one variant. frames: tshark's, with packet numbers of the whole capture. own: what tshark shows of the
    whole capture, by frame; where it words a value its own way, that is right, too."""
    result = Result()
    present = {p.number for p in packets if not p.tcp or len(p.octets) >= p.tcp.data + p.tcp.size}
    senders = {p.number: (p.tcp.src, p.tcp.dst) for p in packets if p.tcp}
    waiting = defaultdict(list)
    for i, way in enumerate(whole.ways):
        for g in way.frames:
            waiting[way.sender, way.receiver, g.key].append((i, g))
    matched = {}
    for f in frames:
        key = f['type'], f['flags'], f['streamid'] & 0x7fffffff, f['length']
        rows = waiting.get((*senders.get(f['packet'], (None, None)), key), [])
        same = [r for r in rows if r[1].packets[1] == f['packet']] or rows
        if not same:
            result.counts['false-frame'] += 1
            result.counts['wrong'] += len(f['fields'])
            continue
        i, g = same[0]
        rows.remove(same[0])
        matched[i, g.offset] = f
    fields = _fields_by_block(whole, matched)
    for i, way in enumerate(whole.ways):
        for g in way.frames:
            f = matched.get((i, g.offset))
            here = all(n in present for n in whole.carriers[i, g.offset])
            true = g.record.get('headers', [])
            result.counts['frames-here'] += here
            result.counts['frames-right'] += here and f is not None
            result.counts['fields-here'] += len(true) if here else 0
            shown = fields.get((i, g.offset), [])
            own_shown = own.get((i, g.offset), [])
            for k, have in enumerate(shown):
                verdict = compare_field(have, true[k] if k < len(true) else None)
                if verdict == 'wrong' and k < len(own_shown) and have == own_shown[k]:
                    verdict = 'right'
                if verdict == 'wrong' or here:
                    result.counts[verdict] += 1
            result.counts['fields-missing'] += max(0, len(true) - len(shown)) if here else 0
    result.counts['variants'] += 1
    return result, fields


def batches(variants):
    batch = []
    for v in variants:
        batch.append(v)
        if len(batch) == AT_A_TIME:
            yield batch
            batch = []
    if batch:
        yield batch


def undamaged(program, capture, ports, whole):
    """What tshark shows of the whole capture, by frame."""
    frames = _run(program, cap.write(capture.link, capture.packets), ports)
    back = [None] + [p.number for p in capture.packets]
    return compare(whole, [{**f, 'packet': back[f['packet']]} for f in frames], capture.packets, {})[1]


def run_batch(program, link, ports, whole, own, batch):
    """[(kind, Result)] for variants, read by one tshark."""
    packets, back = [], [None]
    for index, variant in enumerate(batch):
        shift = index * SPACING_NS
        for p in variant.packets:
            packets.append(cap.moved(p, index, p.ns + shift))
            back.append((index, p.number))
    frames = defaultdict(list)
    for f in _run(program, cap.write(link, packets), ports):
        index, number = back[f['packet']]
        frames[index].append({**f, 'packet': number})
    return [(v.kind, compare(whole, frames[i], v.packets, own)[0]) for i, v in enumerate(batch)]
