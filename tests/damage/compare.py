"""Holds what was decoded of a damaged capture against what was decoded of the whole one."""

from collections import Counter, defaultdict

# Keys of a frame record that say where it was seen, or are compared by themselves.
PLACE = {'kind', 'file', 'conn', 'dir', 'ts', 'ts_first', 'packet', 'packet_end', 'offset', 'headers'}
# What a hole, or not having seen the beginning, takes away.
MAY_LACK = {'discard', 'missing', 'cause', 'data', 'data_base64', 'window', 'payload', 'debug_data'}


# Which of two it is depends on what the other direction had sent by then.
ALIKE = {'stream-closed-frame': 'stream-half-closed-frame', 'stream-reserved-frame-client': 'stream-id-parity'}


SHOWN_MAX = 20  # LIMIT_FINDINGS_PER_CHECK


class Whole:
    """The full decode, made ready to be looked up in."""

    def __init__(self, capture, decoded):
        self.findings, self.errors = set(), []
        self.frames = [{} for _ in decoded.ways]
        self.by_key = [defaultdict(list) for _ in decoded.ways]
        self.by_ends = defaultdict(list)
        self.ways = decoded.ways
        self.carriers = {}
        sent = defaultdict(list)
        for p in capture.packets:
            if p.tcp and p.tcp.size > 0:
                sent[p.tcp.src, p.tcp.dst].append(p.number)
        for i, way in enumerate(decoded.ways):
            self.open_block = []
            self.by_ends[way.sender, way.receiver].append(i)
            for f in way.frames:
                self.frames[i][f.offset] = f
                self.by_key[i][f.key].append(f)
                low, high = min(f.packets), max(f.packets)
                self._join_block(f)
                self.carriers[i, f.offset] = [n for n in sent[way.sender, way.receiver] if low <= n <= high]
        for f in decoded.findings:
            if f.severity == 'error' and not f.record.get('after_doomed'):
                self.errors.append((self.ways.index(f.way), f.offset, ALIKE.get(f.check, f.check)))
            self.findings.add((ALIKE.get(f.check, f.check), self.ways.index(f.way), f.stream, f.offset))
        # Only so many of a check are shown of a connection; which, depends on where it begins.
        shown = Counter((f.check, f.record.get('conn')) for f in decoded.findings)
        self.capped = {check for (check, _conn), n in shown.items() if n >= SHOWN_MAX}

    def _join_block(self, frame):
        """A block's fields stand on its last frame; where one is cut, on the last that is there. Those of a block that
        another frame interrupts stand on no frame."""
        kind, flags, stream, _length = frame.key
        if kind != 9 or self.open_block and self.open_block[0].key[2] != stream:
            for f in self.open_block:
                f.block = None
            self.open_block = []
        if kind in (1, 5, 9):
            self.open_block.append(frame)
            if flags & 4:
                for f in self.open_block:
                    f.block = frame.record.get('headers', [])
                self.open_block = []

    def place(self, way):
        """Where a damaged way's octets lie: (index of the whole way, octets in front), most frames agreeing."""
        votes = Counter()
        for i in self.by_ends.get((way.sender, way.receiver), ()):
            for f in way.frames:
                for g in self.by_key[i].get(f.key, ()):
                    votes[i, g.offset - f.offset] += 1 + 100 * (g.packets[1] == f.packets[1])
        if votes:
            return max(votes, key=lambda k: (votes[k], -k[0], -k[1]))
        known = self.by_ends.get((way.sender, way.receiver), ())
        return (known[0] if len(known) == 1 else None), 0


def compare_field(have, want):
    """One shown field against the true one: right, wrong, inferred-right, inferred-wrong, value-only, unknown."""
    certainty = have.get('certainty')
    said = {k: have[k] for k in ('name', 'value', 'value_base64', 'name_base64') if k in have}
    true = want is not None and all(want.get(k) == v for k, v in said.items())
    if certainty is None:
        return 'right' if true and 'name' in said and 'value' in said else 'wrong'
    if certainty == 'inferred':
        return 'inferred-right' if true else 'inferred-wrong'
    if not said:
        return 'unknown'
    return 'value-only' if true else 'wrong'


class Result:
    """Counts of one or many comparisons, and examples of what must not be."""

    def __init__(self):
        self.counts = Counter()
        self.problems = []
        self.silent = Counter()  # errors of the whole capture that are not told, by check

    def add(self, other):
        self.counts.update(other.counts)
        self.problems += other.problems
        self.silent.update(other.silent)

    def problem(self, what, text):
        self.counts[what] += 1
        self.counts['key'] += what.startswith('key-')
        self.problems.append((what, text))


def _fields(result, frame, whole, here):
    shown, true = frame.record.get('headers', []), whole.record.get('headers', [])
    if whole.block is None:
        return
    for i, have in enumerate(shown):
        want = true[i] if i < len(true) else whole.block[i] if i < len(whole.block) and not here else None
        # The end of a block that is cut may be a field that is cut.
        verdict = compare_field(have, want)
        if verdict in ('wrong', 'inferred-wrong'):
            result.problem(verdict, f'{whole.packets} {whole.key} field {i}: {have}, truly {want}')
        elif here:
            result.counts[verdict] += 1
    if here:
        result.counts['fields-missing'] += max(0, len(true) - len(shown))


def _keys(result, frame, whole):
    for k in (frame.record.keys() | whole.record.keys()) - PLACE:
        a, b = frame.record.get(k), whole.record.get(k)
        if a == b:
            continue
        if k in MAY_LACK and (a is None or k in ('missing', 'cause')):
            continue
        if 'missing' in frame.record and (a is None or (k == 'payload' and str(b).startswith(a))):
            continue
        result.problem('key-' + k, f'{whole.packets} {whole.key}: {a!r}, truly {b!r}')


def _findings(result, whole, decoded, places):
    for f in decoded.findings:
        # What is only possible may rest on an end that was lost.
        if f.severity == 'note' and (f.record.get('scope') != 'advice' or f.record.get('confidence') == 'possible'):
            continue
        if f.severity == 'note' and f.check in whole.capped:
            continue
        i, base = places[id(f.way)]
        at = None if f.offset is None else f.offset + base
        if (ALIKE.get(f.check, f.check), i, f.stream, at) in whole.findings:
            continue
        what = 'false-' + f.severity
        result.problem(what, f'{f.check}: {f.record["message"]} (packet {f.record.get("packet")} of the variant)')


def _kept(result, whole, decoded, places, matched, present):
    """Of the whole capture's errors whose frames are here and shown: how many are still told, as what."""
    told = {}
    for f in decoded.findings:
        i, base = places[id(f.way)]
        told[i, None if f.offset is None else f.offset + base, ALIKE.get(f.check, f.check)] = f.severity
    for i, offset, check in whole.errors:
        if (i, offset) in matched and all(n in present for n in whole.carriers[i, offset]):
            severity = told.get((i, offset, check))
            result.counts['errors-here'] += 1
            result.counts['errors-told' if severity == 'error' else 'errors-weak' if severity else 'errors-silent'] += 1
            if severity is None:
                result.silent[check] += 1


def compare(whole, decoded, variant):
    """Counts for one variant; the frames and fields `here` are those whose packets are all in it, uncut."""
    result = Result()
    present = {p.number for p in variant.packets if not p.tcp or len(p.octets) >= p.tcp.data + p.tcp.size}
    places, matched = {}, {}
    for way in decoded.ways:
        i, base = whole.place(way)
        places[id(way)] = i, base
        if way.frames and i is not None and whole.ways[i].by_client != way.by_client:
            result.problem('false-role', f'{way.sender} is not the {"client" if way.by_client else "server"}')
        for f in way.frames:
            g = whole.frames[i].get(f.offset + base) if i is not None else None
            if g is None or g.key != f.key:
                result.problem('false-frame', f'{f.key} at packets {f.packets}')
                continue
            if (i, g.offset) in matched:
                result.problem('twice', f'{f.key} at packets {f.packets}')
            matched[i, g.offset] = f
    for i, way in enumerate(whole.ways):
        for g in way.frames:
            f = matched.get((i, g.offset))
            here = all(n in present for n in whole.carriers[i, g.offset])
            result.counts['frames-here'] += here
            result.counts['frames-right'] += here and f is not None
            result.counts['fields'] += len(g.record.get('headers', ()))
            if here:
                result.counts['fields-here'] += len(g.record.get('headers', ()))
            if f is not None:
                _fields(result, f, g, here)
                _keys(result, f, g)
            elif here:
                result.counts['fields-missing'] += len(g.record.get('headers', ()))
    _findings(result, whole, decoded, places)
    _kept(result, whole, decoded, places, matched, present)
    result.counts['variants'] += 1
    return result
