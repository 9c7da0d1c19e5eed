"""Holds our findings against h2spec's own word on what it sends: h2spec_cases.py H2DUMP FOLDER

FOLDER has cases.tsv and the captures that it names. A case of class `violation` must give an error of the client's,
with the scope and error code of the table where it names them (a stream error for what the table calls malformed is our
scope `message`); `none` and `sender-rule` must give none, `sender-rule` no warning either. Nothing that the server
sends is an error.
"""

import csv
import json
import pathlib
import re
import subprocess
import sys

SKIP = 77
# Where the table's scope or code is RFC 7540's or h2spec's choice, the RFC's own, with the reason.
OURS = {
    # RFC 9113 6.10: a connection error; the stream's state is no matter where no block is open.
    'http2/5.1/13': ({'connection'}, {'PROTOCOL_ERROR'}),
}


def scopes_of(text):
    """The scopes that the table's words allow."""
    if 'malformed' in text:
        return {'message'}
    return {scope for scope in ('connection', 'stream') if re.search(scope, text)}


def findings_of(program, capture):
    out = subprocess.run([program, '-T', 'json', '--deterministic', str(capture)], stdout=subprocess.PIPE, check=False)
    records = [json.loads(line) for line in out.stdout.splitlines()]
    return [r for r in records if r['kind'] == 'finding' and 'dir' in r]


def judge(row, findings):
    """What is not as the table says; an empty list when all is."""
    errors = [f for f in findings if f['severity'] == 'error' and not f.get('after_doomed')]
    server = [f['check'] for f in errors if f['dir'] == 's2c']
    if server:
        return [f'errors of the server: {server}']
    if row['class'] != 'violation':
        worse = [f for f in findings if f['severity'] != 'note'] if row['class'] == 'sender-rule' else errors
        return [f'{f["check"]} ({f["severity"]}) on traffic of class {row["class"]}' for f in worse]
    if not errors:
        return [f'no error; other findings: {[(f["check"], f["severity"]) for f in findings]}']
    scopes, codes = OURS.get(row['case'], (scopes_of(row['error_scope']), set(re.findall(r'[A-Z_]{6,}', row['error_code']))))
    first = errors[0]
    if (scopes and first['scope'] not in scopes) or (codes and first.get('error_code') not in codes):
        return [f'{first["check"]} is {first["scope"]} {first.get("error_code")}, not {scopes} {codes}']
    return []


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    table = folder / 'cases.tsv'
    if not table.is_file():
        print(f'no {table}')
        return SKIP
    failed = seen = 0
    with open(table, encoding='utf-8', newline='') as f:
        for row in csv.DictReader(f, delimiter='\t', quoting=csv.QUOTE_NONE):
            seen += 1
            for problem in judge(row, findings_of(program, folder / row['file'])):
                failed += 1
                print(f'{row["case"]} ({row["client_sends"]}): {problem}')
    print(f'{seen} cases, {failed} failed')
    return 1 if failed or seen == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
