#!/usr/bin/env python3
"""Every suite and every way to begin, between real peers: matrix.py H2DUMP DAMAGE [--all]

Each connection of openssl s_client and s_server is decoded, held against the octets that were put into it, and again
without each of its packets in turn: a field that is shown as exact must then still be right, a frame must be one that
was sent (tests/damage). Without --all: one suite for each cipher and version, and each way to begin once.
Connections of curl with nghttpd and nginx are held against nghttpd's own log instead. Where tshark is there, it
decrypts every connection, too, and must come to the same octets.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import nested
import peers
import real

SKIP = 77
# Where tshark follows something else than what the application was given.
TSHARK_OTHERWISE = {'13-early-rejected': 'it counts 0-RTT data that the server rejected (RFC 8446 4.2.10)',
                    '13-in-13': 'it follows the outer connection',
                    '13-in-13-connect': 'it follows the outer connection'}
MUST_NOT = ('wrong', 'inferred-wrong', 'false-frame', 'false-error', 'twice', 'key', 'failed')

SUITES_13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
             'TLS_AES_128_CCM_SHA256', 'TLS_AES_128_CCM_8_SHA256']
FEW_12 = ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-CHACHA20-POLY1305',
          'ECDHE-ECDSA-AES128-CCM', 'ECDHE-ECDSA-AES256-CCM8']
MORE_12 = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305',
           'DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES256-GCM-SHA384', 'DHE-RSA-CHACHA20-POLY1305', 'AES128-GCM-SHA256',
           'AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-CCM', 'ECDHE-ECDSA-AES128-CCM8', 'DHE-RSA-AES128-CCM', 'DHE-RSA-AES256-CCM',
           'DHE-RSA-AES128-CCM8', 'DHE-RSA-AES256-CCM8', 'AES128-CCM', 'AES256-CCM', 'AES128-CCM8', 'AES256-CCM8']

WEAK = 'DEFAULT:@SECLEVEL=0'


def suite_13(lab, name, suite):
    server = peers.Server(lab, '-tls1_3', '-ciphersuites', suite, '-cipher', WEAK)
    try:
        peers.converse(lab, server, name, ['-tls1_3', '-ciphersuites', suite, '-cipher', WEAK])
    finally:
        server.stop()
    return {'version': 'TLS 1.3', 'cipher': suite}


def suite_12(lab, name, suite, *options):
    server = peers.Server(lab, '-tls1_2', '-cipher', f'{suite}:@SECLEVEL=0')
    try:
        said = peers.converse(lab, server, name, ['-tls1_2', '-cipher', f'{suite}:@SECLEVEL=0', *options])
    finally:
        server.stop()
    return {'version': 'TLS 1.2'} if f'Cipher is {suite}' in said else None


def retry(lab, name):
    server = peers.Server(lab, '-tls1_3', '-groups', 'P-384')
    try:
        peers.converse(lab, server, name, ['-tls1_3', '-groups', 'X25519:P-384'])
    finally:
        server.stop()
    return {'version': 'TLS 1.3'}


def update(lab, name, who):
    server = peers.Server(lab, '-tls1_3')
    try:
        peers.converse(lab, server, name, ['-tls1_3'], update=who)
    finally:
        server.stop()
    return {'version': 'TLS 1.3'}


def padding(lab, name):
    server = peers.Server(lab, '-tls1_3', '-record_padding', '256')
    try:
        peers.converse(lab, server, name, ['-tls1_3', '-record_padding', '128'])
    finally:
        server.stop()
    return {'version': 'TLS 1.3'}


def client_certificate(lab, name):
    server = peers.Server(lab, '-tls1_3', '-Verify', '1')
    try:
        peers.converse(lab, server, name, ['-tls1_3', '-cert', 'rsa.pem', '-key', 'rsa.pem'])
    finally:
        server.stop()
    return {'version': 'TLS 1.3'}


def resumed(lab, name, version, *options):
    server = peers.Server(lab, version, *options)
    try:
        peers.converse(lab, server, f'{name}-before', [version, '-sess_out', f'{name}.session', *options])
        peers.converse(lab, server, name, [version, '-sess_in', f'{name}.session', *options])
    finally:
        server.stop()
    return {'resumed': True}


def early(lab, name, accepted):
    server = peers.Server(lab, '-tls1_3', '-early_data')
    try:
        peers.converse(lab, server, f'{name}-before', ['-tls1_3', '-sess_out', f'{name}.session'])
        if accepted:
            peers.converse(lab, server, name, ['-tls1_3', '-sess_in', f'{name}.session'], early=True)
            return {'resumed': True, 'early_data': True}
    finally:
        server.stop()
    other = peers.Server(lab, '-tls1_3')  # knows nothing of the ticket
    try:
        peers.converse(lab, other, name, ['-tls1_3', '-sess_in', f'{name}.session'], early=True, rejected=True)
    finally:
        other.stop()
    return {}


def browsed(lab, name, server, version):
    return real.converse(lab, name, server, version)


def inside(lab, name, connect):
    nested.converse(lab, name, connect)
    return {'version': 'TLS 1.3'}


def scenarios(everything):
    for suite in SUITES_13:
        yield f'13-{suite}', suite_13, (suite,)
    for suite in FEW_12 + (MORE_12 if everything else []):
        yield f'12-{suite}', suite_12, (suite,)
    yield '13-retry', retry, ()
    yield '13-update-client', update, ('client',)
    yield '13-update-server', update, ('server',)
    yield '13-padding', padding, ()
    yield '13-client-certificate', client_certificate, ()
    yield '13-resumed', resumed, ('-tls1_3',)
    yield '12-resumed-ticket', resumed, ('-tls1_2',)
    yield '12-resumed-id', resumed, ('-tls1_2', '-no_ticket')
    yield '13-early-accepted', early, (True,)
    yield '13-early-rejected', early, (False,)
    yield '13-in-13', inside, (False,)
    yield '13-in-13-connect', inside, (True,)
    for server in real.SERVERS:
        if real.missing(server):
            print(f'{server}: skipped: there is no {real.missing(server)}')
            continue
        for version in ('1.2', '1.3'):
            yield f'curl-{server}-{version[-1]}', browsed, (server, version)


def frames(program, *args):
    """Frames by direction, without where they were seen; and the facts of the TLS connection."""
    run = subprocess.run([program, '-T', 'json', *args], capture_output=True, timeout=60)
    said, facts = {'c2s': [], 's2c': []}, {}
    for line in run.stdout.splitlines():
        record = json.loads(line)
        if record['kind'] == 'connection':
            facts = record.get('tls', {})
        elif record['kind'] in ('frame', 'preface', 'frame_cut', 'gap'):
            said[record['dir']].append({k: v for k, v in record.items()
                                        if not k.startswith(('packet', 'ts')) and k not in ('conn', 'dir')})
    return said, facts, run.stderr.decode(errors='replace')


def whole(program, lab, name, want, truth):
    """What is wrong with the decode of the undamaged capture."""
    have, facts, said = frames(program, f'--keylog={lab / name}.keys', str(lab / f'{name}.pcap'))
    for side in ('c2s', 's2c'):
        if have[side] != truth[side]:
            yield f'{name}: {side}: {len(have[side])} frames, {len(truth[side])} were sent, or they differ; {said}'
    for key, value in {'sni': 'example.test', 'alpn': 'h2', **want}.items():
        if facts.get(key) != value:
            yield f'{name}: {key} is {facts.get(key)!r}, not {value!r}'
    for key in ('resumed', 'early_data'):
        if key in facts and key not in want:
            yield f'{name}: {key}'


def by_tshark(lab, name):
    """The octets of both sides as tshark decrypts them, the client's first."""
    run = subprocess.run(['tshark', '-n', '-r', lab / f'{name}.pcap', '-o', f'tls.keylog_file:{lab / name}.keys', '-q',
                          '-z', 'follow,tls,raw,0'], capture_output=True, text=True, timeout=60)
    sides = [b'', b'']
    for line in run.stdout.splitlines():
        try:
            octets = bytes.fromhex(line.strip())
        except ValueError:
            continue
        sides[line.startswith('\t')] += octets
    return sides if sides[0].startswith(b'PRI ') else sides[::-1]


def agrees_with_tshark(program, lab, name, truth):
    """What tshark decrypts differently."""
    client, server = by_tshark(lab, name)
    (lab / f'{name}.c2s').write_bytes(client)
    (lab / f'{name}.s2c').write_bytes(server)
    theirs, _, _ = frames(program, '--c2s', str(lab / f'{name}.c2s'), '--s2c', str(lab / f'{name}.s2c'))
    if not client or theirs != truth:
        yield f'{name}: tshark decrypts {len(client)} and {len(server)} octets: other frames'


def agrees_with_log(program, lab, name):
    """What nghttpd logged differently."""
    log = lab / f'{name}.nghttpd.log'
    if not log.exists():
        return
    run = subprocess.run([program, '--by=callback', '-T', 'json', f'--keylog={lab / name}.keys', lab / f'{name}.pcap'],
                         capture_output=True, timeout=60)
    ours = peerlog.our_ways(json.loads(line) for line in run.stdout.splitlines())
    theirs = peerlog.log_ways(log, 'c2s')
    for side in ('c2s', 's2c'):
        if len(theirs[side].lines) < 5 or not peerlog.compare(f'{name}: {side}', theirs[side].lines, ours[side].lines):
            yield f'{name}: {side}: nghttpd logged other frames'


def certificates(lab):
    for kind in (['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['rsa:2048']):
        path = lab / f'{kind[0].split(":")[0]}.pem'
        run = subprocess.run(['openssl', 'req', '-x509', '-newkey', *kind, '-nodes', '-days', '2', '-subj', '/CN=example.test',
                              '-keyout', path, '-out', path.with_suffix('.cert')], capture_output=True)
        if run.returncode != 0:
            return False
        path.write_bytes(path.read_bytes() + path.with_suffix('.cert').read_bytes())
    return True


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    sys.path.insert(0, str(pathlib.Path(sys.argv[2]).resolve()))
    sys.path.insert(0, str(pathlib.Path(sys.argv[2]).resolve().parent / 'captures'))
    global peerlog
    import damage
    import peerlog
    if shutil.which('openssl') is None:
        print('skipped: there is no openssl')
        return SKIP
    if 'OpenSSL' not in subprocess.run([program, '-V'], capture_output=True, text=True).stdout:
        print('skipped: this build reads no TLS')
        return SKIP
    lab = pathlib.Path(tempfile.mkdtemp(prefix='h2dump-tls-'))
    bad = connections = variants = agreed = 0
    try:
        if not certificates(lab):
            print('skipped: openssl makes no certificate')
            return SKIP
        (lab / 'c2s').write_bytes(b''.join(peers.CLIENT))
        (lab / 's2c').write_bytes(b''.join(peers.SERVER))
        truth, _, _ = frames(program, '--c2s', str(lab / 'c2s'), '--s2c', str(lab / 's2c'))
        rows = list(scenarios('--all' in sys.argv))
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(lambda row: row[1](lab, row[0], *row[2]), rows))
        for (name, _, _), want in zip(rows, made):
            if want is None:
                print(f'{name}: the peers did not agree on it')
                continue
            sent = truth
            if name.startswith('curl-'):
                sent = frames(program, f'--keylog={lab / name}.keys', str(lab / f'{name}.pcap'))[0]
                problems = list(agrees_with_log(program, lab, name))
            else:
                problems = []
            problems += whole(program, lab, name, want, sent)
            if shutil.which('tshark') and name not in TSHARK_OTHERWISE:
                problems += agrees_with_tshark(program, lab, name, sent)
                agreed += not problems
            for result in damage.run(program, lab / f'{name}.pcap', 'auto', ['drop'], None, 2).values():
                variants += result.counts['variants']
                problems += [f'{name}: {what}: {text}' for what, text in result.problems if what in MUST_NOT]
                have, here = result.counts['fields-here'], result.counts['fields-missing']
                print(f'{name}: {result.counts["variants"]} variants, {have - here} of {have} fields shown')
                if have == 0:
                    problems.append(f'{name}: nothing was compared')
            connections += 1
            bad += len(problems)
            print('\n'.join(problems[:8]), end='\n' if problems else '')
    finally:
        if '--keep' not in sys.argv:
            shutil.rmtree(lab)
        else:
            print(lab)
    if not shutil.which('tshark'):
        print('tshark: skipped: it is not there')
    print(f'{connections} connections, {agreed} the same in tshark, {variants} times without a packet, {bad} problems')
    return 1 if bad or connections == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
