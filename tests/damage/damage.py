"""What becomes of our output when a capture is damaged: damage.py H2DUMP CAPTURE...

Each capture is also read started at every packet, without each packet in turn, with every neighbouring pair swapped,
without two and without every k-th packet, cut to small snapshot lengths, and with one direction only. Every frame
and field that is shown then must be one of the whole capture's; a field that is shown as exact and is not, a frame
that is not there, and a finding of severity error that the whole capture does not have, fail the run.
"""

import argparse
import multiprocessing
import pathlib
import sys
from collections import Counter, defaultdict
from dataclasses import replace

import capture as cap
from compare import Result, Whole, compare
from decode import decode
from variants import KINDS, variants

MUST_NOT = ('wrong', 'inferred-wrong', 'false-frame', 'false-error', 'twice', 'key', 'failed')
SKIP = 77

_state = {}


def _options(mode, decoded):
    ports = {way.receiver[1] for way in decoded.ways if way.by_client}
    return [f'--port={n}' for n in sorted(ports)] if mode == 'port' else []


def _key_logs(path):
    """--keylog for the key log that goes with a capture: NAME.keys beside it, or the third column of MANIFEST.tsv."""
    names = [f'{path.name}.keys', f'{path.name.split(".")[0]}.keys']
    manifest = path.parent / 'MANIFEST.tsv'
    if manifest.is_file():
        rows = (line.split('\t') for line in manifest.read_text().splitlines())
        names += [row[2] for row in rows if row[0] == path.name and len(row) > 2 and row[2]]
    return [f'--keylog={path.parent / name}' for name in names if (path.parent / name).is_file()]


def _prepare(program, path, mode):
    capture = cap.read(path)
    keys = _key_logs(path)
    check = mode == 'check'
    decoded = decode(program, cap.write(capture.link, capture.packets), range(len(capture.packets) + 1), keys, check)
    # What happens to packets of other connections changes nothing.
    ours = {(way.sender, way.receiver) for way in decoded.ways}
    capture = replace(capture, packets=tuple(p for p in capture.packets if p.tcp and (p.tcp.src, p.tcp.dst) in ours))
    _state.update(program=program, link=capture.link, options=keys + _options(mode, decoded), check=check,
                  whole=Whole(capture, decoded))
    return capture


def _one(variant):
    result = Result()
    try:
        decoded = decode(_state['program'], cap.write(_state['link'], variant.packets), variant.numbers(),
                         _state['options'], _state['check'])
        result = compare(_state['whole'], decoded, variant)
    except Exception as e:  # noqa: BLE001: whatever it is, it is told with the variant's name
        result.problem('failed', f'{type(e).__name__}: {e}')
    result.problems = [(what, f'{variant.name}: {text}') for what, text in result.problems]
    return variant.kind, result


def run(program, path, mode, kinds, sample, jobs):
    """Results by kind of damage, for one capture."""
    by_kind = defaultdict(Result)
    try:
        capture = _prepare(program, path, mode)
    except ValueError as e:
        print(f'{path.name}: {e}')
        return by_kind
    if not _state['whole'].ways:
        return by_kind  # no HTTP/2 in it
    with multiprocessing.get_context('fork').Pool(jobs) as pool:
        for kind, result in pool.imap(_one, variants(capture, kinds, sample), 8):
            by_kind[kind].add(result)
    return by_kind


COLUMNS = (('fields', 'fields-here'), ('right', 'right'), ('value', 'value-only'), ('unknown', 'unknown'),
           ('inferred', 'inferred-right'), ('missing', 'fields-missing'), ('wrong', 'wrong'), ('i-wrong', 'inferred-wrong'),
           ('frames', 'frames-here'), ('shown', 'frames-right'), ('false', 'false-frame'), ('twice', 'twice'),
           ('keys', 'key'), ('error', 'false-error'), ('warning', 'false-warning'), ('role', 'false-role'))


def _row(name, variants_of, counts):
    return f'{name:40s}{variants_of:>7}' + ''.join(f'{counts[key]:>9}' for _, key in COLUMNS)


def _captures(paths):
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.iterdir() if p.name.endswith(('.pcap', '.pcapng', '.pcap.gz', '.pcapng.gz')))
        elif path.is_file():
            yield path


class Report:
    def __init__(self, verbose):
        self.total, self.kinds, self.told, self.verbose = Result(), defaultdict(Result), Counter(), verbose
        print(_row('', 'variants', {key: name for name, key in COLUMNS}))

    def add(self, path, results):
        one = Result()
        for kind in KINDS:
            if kind in results:
                one.add(results[kind])
                self.kinds[kind].add(results[kind])
        print(_row(path.name[:39], one.counts['variants'], one.counts), flush=True)
        for what, text in one.problems:
            self.told[what] += 1
            if self.verbose or self.told[what] <= 5:
                print(f'    {what}: {path.name}: {text}')
        self.total.add(one)

    def end(self):
        for kind in KINDS:
            if kind in self.kinds:
                print(_row(kind, self.kinds[kind].counts['variants'], self.kinds[kind].counts))
        print(_row('all', self.total.counts['variants'], self.total.counts))
        counts = self.total.counts
        print(f'errors of the whole captures whose frames are shown: {counts["errors-here"]}, told as errors '
              f'{counts["errors-told"]}, weaker {counts["errors-weak"]}, not told {counts["errors-silent"]}: '
              + ', '.join(f'{k} {n}' for k, n in self.total.silent.most_common()))
        for what in sorted(self.told):
            print(f'{what}: {self.told[what]}')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('program')
    parser.add_argument('captures', nargs='+', type=pathlib.Path, help='files, or folders of them')
    parser.add_argument('--mode', choices=('auto', 'port', 'check'), default='auto',
                        help='HTTP/2 found by content, said with --port, or found by content and with findings of --check')
    parser.add_argument('--kinds', default=','.join(KINDS))
    parser.add_argument('--sample', type=int, help='at most so many variants of a kind and capture')
    parser.add_argument('--jobs', type=int, default=multiprocessing.cpu_count())
    parser.add_argument('-v', '--verbose', action='store_true', help='each problem, not the first few of a kind')
    args = parser.parse_args()
    captures = list(_captures(args.captures))
    if not captures:
        print('no captures at ' + ' '.join(map(str, args.captures)))
        return SKIP
    report = Report(args.verbose)
    for path in captures:
        results = run(args.program, path, args.mode, args.kinds.split(','), args.sample, args.jobs)
        if results:
            report.add(path, results)
    report.end()
    return 1 if any(report.total.counts[what] for what in MUST_NOT) else 0


if __name__ == '__main__':
    sys.exit(main())
