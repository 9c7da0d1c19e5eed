#!/usr/bin/env python3
"""--check on TLS of real peers: versions, suites, key sizes, certificates asked for too late, new handshakes. usage: checks.py H2DUMP"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import matrix
import peers

WEAK = ':@SECLEVEL=0'
# What is looked at; other checks have their tests elsewhere.
ABOUT_TLS = 'tls-*,tls13-*,alpn-*'
TLS_1_2 = ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256']
# name: options of both sides, of the server, of the client; what --check finds.
SCENARIOS = {
    'tls-1.3': (['-tls1_3'], [], [], []),
    'tls-1.2': (TLS_1_2, [], [], []),
    'tls-1.1': (['-tls1_1', '-cipher', 'ALL' + WEAK], [], [], ['error tls-version-low']),
    'tls-1.0': (['-tls1', '-cipher', 'ALL' + WEAK], [], [], ['error tls-version-low']),
    'no-ephemeral-key': (['-tls1_2', '-cipher', 'AES128-GCM-SHA256'], [], [], ['note tls-prohibited-cipher']),
    'no-aead': (['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-SHA'], [], [], ['note tls-prohibited-cipher']),
    'dhe-1536': (['-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256' + WEAK], ['-dhparam', 'dh1536.pem'], [], ['note tls-weak-dh']),
    'dhe-2048': (['-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256'], [], [], []),
    'certificate': (['-tls1_3'], ['-verify', '1'], ['-cert', 'rsa.pem', '-key', 'rsa.pem'], []),
    'certificate-later': (['-tls1_3'], ['-verify', '1'], ['-cert', 'rsa.pem', '-key', 'rsa.pem', '-enable_pha'],
                          ['error tls13-post-handshake-auth'] * 2),
    'nameless': (TLS_1_2, [], [], ['note tls-sni-missing']),
    'nameless-address': (TLS_1_2, [], [], []),
    'renegotiation': (TLS_1_2, [], [], ['error tls-renegotiation']),
    'renegotiation-first': (TLS_1_2, [], [], []),
}
# What else is asked for in them (peers.converse).
OTHERWISE = {
    'certificate-later': {'update': 'server', 'command': b'c\n'},
    'nameless': {'named': False},
    'nameless-address': {'named': False, 'host': b'[2001:db8::]'},
    'renegotiation': {'update': 'server', 'command': b'r\n', 'turns': [0]},
    'renegotiation-first': {'update': 'server', 'command': b'r\n', 'turns': [-1]},
}


def record(lab, name):
    both, of_server, of_client, _ = SCENARIOS[name]
    server = peers.Server(lab, *both, *of_server)
    try:
        peers.converse(lab, server, name, [*both, *of_client], **OTHERWISE.get(name, {}))
    finally:
        server.stop()


def findings(program, lab, name):
    run = subprocess.run([program, '--check', '-T', 'json', '--only', ABOUT_TLS, f'--keylog={name}.keys', f'{name}.pcap'],
                         cwd=lab, capture_output=True, text=True)
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    found = [row['severity'] + ' ' + row['check'] for row in rows if row['kind'] == 'finding']
    # RFC 9113 9.2.1 allows that; what follows is unreadable, and the reason is told.
    if name == 'renegotiation-first' and 'renegotiated before there were data' not in run.stderr:
        found.append('no reason: ' + run.stderr)
    return found, rows[-1]


def agreed(lab, name):
    """The capture has data after the handshake: peers without a common version or suite have none."""
    path = lab / f'{name}.pcap'
    return path.exists() and path.stat().st_size > 4000


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    if shutil.which('openssl') is None or 'OpenSSL' not in subprocess.run([program, '-V'], capture_output=True, text=True).stdout:
        print('skipped: openssl is not there, or this build reads no TLS')
        return matrix.SKIP
    lab = pathlib.Path(tempfile.mkdtemp(prefix='h2dump-tls-checks-'))
    bad = compared = 0
    try:
        if not matrix.certificates(lab):
            print('skipped: openssl makes no certificate')
            return matrix.SKIP
        subprocess.run(['openssl', 'genpkey', '-genparam', '-algorithm', 'DH', '-pkeyopt', 'group:modp_1536', '-out', 'dh1536.pem'],
                       cwd=lab, capture_output=True)
        for name, (_, _, _, want) in SCENARIOS.items():
            record(lab, name)
            if not agreed(lab, name):
                print(f'{name}: the peers did not agree on it')
                continue
            have, summary = findings(program, lab, name)
            compared += 1
            if have != want:
                bad += 1
                print(f'{name}: {have}, not {want}: {summary}')
    finally:
        shutil.rmtree(lab)
    print(f'{compared} connections, {bad} problems')
    return 1 if bad or compared < 6 else 0


if __name__ == '__main__':
    sys.exit(main())
