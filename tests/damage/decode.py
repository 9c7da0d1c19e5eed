"""What h2dump makes of a capture: connections, frames and findings, with packet numbers of the whole capture."""

import json
import subprocess
from dataclasses import dataclass, field


@dataclass
class Frame:
    offset: int
    packets: tuple  # of its first and of its last octet
    key: tuple      # type, flags, stream, length
    record: dict
    block: list = ()  # the fields of the field block that it is a part of


@dataclass
class Way:
    """One direction of a connection, or what of it lies between two gaps of unknown length."""
    sender: tuple
    receiver: tuple
    by_client: bool
    begin: int = 0       # offset behind the gap
    before: 'Way' = None  # what lies in front of it
    frames: list = field(default_factory=list)


@dataclass
class Finding:
    check: str
    severity: str
    sender: tuple
    receiver: tuple
    way: Way
    stream: int
    offset: int
    record: dict


@dataclass
class Decoded:
    ways: list
    findings: list
    messages: str
    code: int


def _end(record):
    return record['ip'], record['port']


def _frame(record, numbers):
    packets = tuple(numbers[record[k]] if record.get(k, 0) < len(numbers) else 0 for k in ('packet', 'packet_end'))
    key = tuple(record.get(k) for k in ('type_id', 'flags', 'stream_id', 'length'))
    return Frame(record['offset'], packets, key, record)


def _at(by_id, record):
    """The way that the record is of: a frame that a gap cuts, and findings of a run of their own, come behind gaps."""
    way = by_id[record['conn'], record['dir']]
    while way.before is not None and record.get('offset', way.begin) < way.begin:
        way = way.before
    return way


def parse(lines, numbers, by_id=None):
    """Decoded from lines of JSON; numbers[n] is the number in the whole capture of packet n. by_id: ways by connection and
    direction, filled in, or those of another run of the same capture."""
    ways, findings = [], []
    by_id = {} if by_id is None else by_id
    for line in lines:
        record = json.loads(line)
        kind = record['kind']
        if kind == 'connection':
            client, server = _end(record['client']), _end(record['server'])
            for name, sender, receiver in (('c2s', client, server), ('s2c', server, client)):
                if (record['conn'], name) not in by_id:
                    by_id[record['conn'], name] = way = Way(sender, receiver, name == 'c2s')
                    ways.append(way)
        elif kind == 'gap' and 'length' not in record:
            # Records of TLS were lost, nobody knows how many octets: offsets begin anew.
            way = by_id[record['conn'], record['dir']]
            by_id[record['conn'], record['dir']] = way = Way(way.sender, way.receiver, way.by_client, record['offset'], way)
            ways.append(way)
        elif kind in ('frame', 'frame_cut') and 'type_id' in record:
            _at(by_id, record).frames.append(_frame(record, numbers))
        elif kind == 'finding' and 'dir' in record:
            way = _at(by_id, record)
            findings.append(Finding(record['check'], record['severity'], way.sender, way.receiver, way,
                                    record.get('stream_id'), record.get('offset'), record))
    return ways, findings


def _run(program, octets, options):
    run = subprocess.run([program, '-T', 'json', '--deterministic', *options, '-'], input=octets,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    if run.returncode not in (0, 1, 2, 3):
        raise RuntimeError(f'exit {run.returncode}: {run.stderr.decode(errors="replace")[:500]}')
    return run


def decode(program, octets, numbers, options=(), check=False):
    """Runs h2dump on a capture; check: its findings are those of a second run, with --check."""
    by_id = {}
    run = _run(program, octets, options)
    ways, findings = parse(run.stdout.splitlines(), numbers, by_id)
    if check:
        run = _run(program, octets, [*options, '--check'])
        findings = parse(run.stdout.splitlines(), numbers, by_id)[1]
        errors = sum(f.severity == 'error' and not f.record.get('after_doomed') for f in findings)
        if by_id and (run.returncode == 1) != (errors > 0):
            raise RuntimeError(f'--check exits {run.returncode} with {errors} errors')
    return Decoded(ways, findings, run.stderr.decode(errors='replace'), run.returncode)
