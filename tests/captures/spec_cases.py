"""Every case of h2spec that is on the wire, and more: spec_cases.py H2DUMP CAPTURES RECORDING

RECORDING/spec_cases.py says what each connection of CAPTURES/spec-*.pcap.gz is to an observer. A violation must be an error
of the side that sent it: that check, the scope and code that RFC 9113 gives it (which must be among those that the
suite takes), certain, at that very frame and stream; and no other error, before it ends the connection. A conformant
sender must have no error and no warning; advice must be a note. The peer, a program of others or ours, must have no
error at all.
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
# What RFC 9113 and RFC 7541 have the receiver answer. Those that are not here: message, PROTOCOL_ERROR (RFC 9113 8.1.1).
CONNECTION = {
    'PROTOCOL_ERROR': """preface-magic-invalid preface-client-settings-missing preface-server-settings-missing
        frame-extension-in-field-block field-block-interleaved continuation-unexpected continuation-stream-zero
        stream-id-parity stream-id-not-increasing stream-idle-frame stream-idle-server-headers rst-idle
        stream-reserved-frame-server stream-reserved-frame-client data-stream-zero data-padding-invalid
        headers-stream-zero headers-padding-invalid priority-stream-zero rst-stream-zero settings-stream-nonzero
        settings-enable-push-value settings-enable-push-by-server settings-max-frame-size-value
        settings-enable-connect-value settings-enable-connect-withdrawn settings-no-rfc7540-value
        settings-no-rfc7540-changed ping-stream-nonzero goaway-stream-nonzero goaway-last-id-increased
        window-update-zero-conn push-promise-stream-zero push-promise-padding-invalid push-from-client push-disabled
        push-parent-state push-promised-id-invalid priority-update-stream-nonzero priority-update-from-server
        priority-update-id-zero priority-update-idle-push priority-update-idle-count""",
    'FRAME_SIZE_ERROR': """frame-too-short rst-length settings-ack-length settings-length ping-length
        window-update-length frame-size-exceeded""",
    'FLOW_CONTROL_ERROR': """settings-initial-window-value settings-window-overflow window-overflow-conn
        flow-conn-window-exceeded""",
    'STREAM_CLOSED': 'stream-closed-frame',
    'COMPRESSION_ERROR': """hpack-block-truncated hpack-index-out-of-range hpack-table-update-late
        hpack-huffman-padding-long hpack-huffman-padding-bits hpack-huffman-eos hpack-index-zero
        hpack-table-update-too-large hpack-table-update-missing hpack-integer-overflow hpack-string-overrun""",
}
STREAM = {
    'PROTOCOL_ERROR': """window-update-zero-stream push-request-unsafe push-request-content push-authority-missing
        push-request-incomplete connect-frame-type""",
    'FRAME_SIZE_ERROR': 'priority-length',
    'FLOW_CONTROL_ERROR': 'window-overflow-stream flow-stream-window-exceeded',
    'STREAM_CLOSED': 'stream-half-closed-frame stream-frame-after-own-rst',
    'REFUSED_STREAM': 'stream-concurrency-exceeded',
}
VERDICTS = {check: (scope, code) for scope, codes in (('connection', CONNECTION), ('stream', STREAM))
            for code, checks in codes.items() for check in checks.split()}
# Cases where the frame decides. RFC 9113 4.2: DATA that is too long changes nothing beyond its stream.
OF_THE_FRAME = {'http2/4.2/2': ('stream', 'FRAME_SIZE_ERROR'), 'client/4.2/2': ('stream', 'FRAME_SIZE_ERROR')}


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
# The stream that a finding is about where it is not the frame's: a promise is refused by resetting the promised stream (RFC
# 9113 8.4), PRIORITY_UPDATE names the stream it is about (RFC 9218 7.1), the window of the connection has none.
STREAM_OF = {'push-request-unsafe': 2, 'push-request-content': 2, 'push-authority-missing': 2,
             'push-request-incomplete': 2, 'push-request-connect': 2, 'priority-update-idle-push': 2,
             'priority-update-idle-count': 3, 'flow-conn-window-exceeded': 0}


def place_of(pieces, at, sender):
    """(offset, stream) of the frame at that place behind the start of what the sender says."""
    octets = b''.join(pieces)
    offset = PREFACE if sender == 'client' else 0
    places = []
    while offset + 9 <= len(octets):
        places.append((offset, int.from_bytes(octets[offset + 5:offset + 9], 'big') & 0x7fffffff))
        offset += 9 + int.from_bytes(octets[offset:offset + 3], 'big')
    return places[at]


def judge_violation(case, pieces, want, sender, errors):
    """What is not as it should be of the errors on the connection."""
    if not errors:
        return 'no error'
    first = errors[0]
    scope, code = OF_THE_FRAME.get(case, VERDICTS.get(want.check, ('message', 'PROTOCOL_ERROR')))
    offset, stream = (0, 0) if want.at is None else place_of(pieces, want.at, sender)
    if first['check'] != want.check and want.check not in first.get('also', []):
        return f'{first["check"]}, not {want.check}'
    true = {'by': sender, 'scope': scope, 'error_code': code, 'confidence': 'certain', 'offset': offset,
            'stream_id': STREAM_OF.get(want.check, stream)}
    wrong = {key: first.get(key, 0) for key, value in true.items() if first.get(key, 0) != value}
    if wrong:
        return f'{want.check} has {wrong}, not {({key: true[key] for key in wrong})}'
    if scope not in want.scopes or (want.codes and code not in want.codes):
        return f'{scope} {code} is none of {want.scopes} {want.codes}'
    more = [f['check'] for f in errors[1:]]
    return f'also {more}' if more else None


def judge(case, pieces, want, sender, findings):
    """What is not as it should be; None when all is."""
    mine = [f for f in findings if f['by'] == sender]
    errors = [f for f in findings if f['severity'] == 'error' and not f.get('after_doomed')]
    if isinstance(want, spec_cases.Bad):
        return judge_violation(case, pieces, want, sender, errors)
    worse = [f for f in findings if f['severity'] != 'note' and (f in mine or f in errors)]
    if worse:
        return f'{[(f["check"], f["severity"], f["by"]) for f in worse]}'
    if isinstance(want, spec_cases.Advice) and want.check not in [f['check'] for f in mine]:
        return f'no {want.check}: {[f["check"] for f in mine]}'
    return None


def main():
    failed, counts = 0, {'violations': 0, 'advice': 0, 'conformant': 0}
    suite = re.compile('own/')
    for name, (sender, rows, _) in spec_cases.SETS.items():
        findings = findings_of(os.path.join(CAPTURES, f'spec-{name}.pcap.gz'))
        for number, (case, pieces, want) in enumerate(rows, 1):
            kind = 'conformant' if want is None else 'advice' if isinstance(want, spec_cases.Advice) else 'violations'
            counts[kind] += not suite.match(case)
            problem = judge(case, pieces, want, sender, findings.get(number, []))
            if problem is not None:
                failed += 1
                print(f'{name} #{number} {case}: {problem}')
    total = sum(len(rows) for _, rows, _ in spec_cases.SETS.values())
    print(f'{total} cases ({", ".join(f"{n} {what}" for what, n in counts.items())} of the suite), {failed} failed')
    return 1 if failed or counts != {'violations': 130, 'advice': 6, 'conformant': 68} else 0


sys.exit(main())
