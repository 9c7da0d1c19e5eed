"""Every case of h2spec that is on the wire, and more: spec_cases.py H2DUMP CAPTURES RECORDING

RECORDING/spec_cases.py says what each connection of CAPTURES/spec-*.pcap.gz is to an observer. A violation must be an error
of the side that sent it, by that check, of one of the scopes and codes that may answer it, at that very frame; a
conformant sender must have no error and no warning; advice must be a note.
"""

import json
import os
import re
import subprocess
import sys

H2DUMP, CAPTURES, RECORDING = sys.argv[1:4]
sys.path.insert(0, RECORDING)
import spec_cases  # noqa: E402

PREFACE = 24
# What a receiver must treat as an error, though the sender is conformant by h2spec's word: none.
# Where an observer says another thing than that suite, and why.
OURS = {
}


def findings_of(path):
    """By connection number, of all checks; connections that are no HTTP/2 for anybody but the port are taken so."""
    out = subprocess.run([H2DUMP, '--check', '--only=all', '--ignore=reactions,capture-*', '--port', '8080', '-T', 'json', path],
                         stdout=subprocess.PIPE, check=False).stdout
    found = {}
    for line in out.splitlines():
        record = json.loads(line)
        if record['kind'] == 'finding' and record.get('conn'):
            found.setdefault(record['conn'], []).append(record)
    return found


def offset_of(pieces, at, sender):
    """Where the frame begins: the one at that place behind the start of what the sender says."""
    octets = b''.join(pieces)
    offset = PREFACE if sender == 'client' else 0
    places = []
    while offset + 9 <= len(octets):
        places.append(offset)
        offset += 9 + int.from_bytes(octets[offset:offset + 3], 'big')
    return places[at]


def judge(case, pieces, want, sender, findings):
    """What is not as it should be; an empty list when all is."""
    mine = [f for f in findings if f['by'] == sender]
    errors = [f for f in mine if f['severity'] == 'error' and not f.get('after_doomed')]
    if not isinstance(want, spec_cases.Bad):
        worse = [f for f in mine if f['severity'] != 'note']
        if worse:
            return [f'{f["check"]} ({f["severity"]})' for f in worse]
        if isinstance(want, spec_cases.Advice) and want.check not in [f['check'] for f in mine]:
            return [f'no {want.check}: {[f["check"] for f in mine]}']
        return []
    if not errors:
        return [f'no error, but {[(f["check"], f["severity"]) for f in mine]}']
    first = errors[0]
    if want.check not in [first['check'], *first.get('also', [])]:
        return [f'{first["check"]}, not {want.check}']
    if first['scope'] not in want.scopes or (want.codes and first.get('error_code') not in want.codes):
        return [f'{first["scope"]} {first.get("error_code")}, not {want.scopes} {want.codes}']
    offset = None if want.at is None else offset_of(pieces, want.at, sender)
    if offset is not None and first.get('offset') != offset:
        return [f'at offset {first.get("offset")}, not {offset}']
    return []


def main():
    failed, counts = 0, {'violations': 0, 'advice': 0, 'conformant': 0}
    suite = re.compile('own/')
    for name, (sender, rows, _) in spec_cases.SETS.items():
        findings = findings_of(os.path.join(CAPTURES, f'spec-{name}.pcap.gz'))
        for number, (case, pieces, want) in enumerate(rows, 1):
            kind = 'conformant' if want is None else 'advice' if isinstance(want, spec_cases.Advice) else 'violations'
            counts[kind] += not suite.match(case)
            for problem in judge(case, pieces, want, sender, findings.get(number, [])):
                failed += 1
                print(f'{name} #{number} {case}: {problem}')
    total = sum(len(rows) for _, rows, _ in spec_cases.SETS.values())
    print(f'{total} cases ({", ".join(f"{n} {what}" for what, n in counts.items())} of the suite), {failed} failed')
    return 1 if failed or counts != {'violations': 130, 'advice': 6, 'conformant': 68} else 0


sys.exit(main())
