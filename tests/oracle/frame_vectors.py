#!/usr/bin/env python3
"""Every vector of http2-frame-test-case through an OBSERVER session.

A vector is one frame out of its context. A good one: every field that the vector states must be
what the session says. A bad one: one of the vector's error codes must be that of a finding.
"""
import json
import pathlib
import subprocess
import sys


def role_of(wire):
    return "client" if wire[6:8] == "05" else "server"


def split(frame, raw, got):
    """The parts of a payload that the session gives as octets: block or data, and padding."""
    pad = got.get("pad_octets", 0)
    body = raw[1:] if pad else raw
    if frame["type"] == 1 and frame["flags"] & 0x20:
        body = body[5:]
    if frame["type"] == 5:
        body = body[4:]
    cut = len(body) - (pad - 1 if pad else 0)
    text = body[:cut].decode(errors="replace")
    return {"header_block_fragment": text, "data": text, "padding": body[cut:].decode(errors="replace") if pad else None,
            "padding_length": pad - 1 if pad else None, "stream_dependency": None, "weight": None,
            "exclusive": None}


def good(vector, got):
    frame = dict(vector["frame"])
    payload = frame.pop("frame_payload")
    have = split(frame, bytes.fromhex(got["raw"]), got)
    have.update(got)
    for key in ("opaque_data", "additional_debug_data"):
        if key in got:
            have[key] = bytes.fromhex(got[key]).decode()
    return [f"{key}: wanted {want!r}, got {have.get(key)!r}"
            for key, want in {**frame, **payload}.items() if have.get(key) != want]


def main():
    observe, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    files = sorted(folder.glob("*/*.json"))
    if not files:
        print(f"no vectors in {folder}: skipped")
        return 77
    vectors = [json.loads(f.read_text()) for f in files]
    # Only a whole connection has a known SETTINGS_MAX_FRAME_SIZE.
    lines = [f"{role_of(v['wire'])} {'whole' if f.stem == 'data-frame-size' else 'mid'} {v['wire']}"
             for f, v in zip(files, vectors)]
    out = subprocess.run([observe], input="\n".join(lines) + "\n", text=True, check=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
    failed = 0
    for f, vector, line in zip(files, vectors, out, strict=True):
        got = json.loads(line)
        if vector["error"] is None:
            wrong = good(vector, got)
        elif any(code in vector["error"] for _, code in got["errors"]):
            wrong = []
        else:
            wrong = [f"wanted a finding with code {vector['error']}, got {got['errors']}"]
        failed += bool(wrong)
        for text in wrong:
            print(f"{f.parent.name}/{f.name}: {text}")
    print(f"{len(files) - failed} of {len(files)} vectors")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
