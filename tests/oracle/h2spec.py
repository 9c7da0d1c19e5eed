#!/usr/bin/env python3
"""--check over recorded cases of a conformance tester. usage: h2spec.py H2DUMP FOLDER

FOLDER has cases.tsv, which says of each capture what the client does. A violation must be an error of the client at a
frame that the client sent, with that scope and code (where the table names several, any of them); valid traffic must
have no finding; a sender's rule that receivers ignore at most a note. Skips when the folder is not there.
"""
import collections
import csv
import json
import os
import re
import subprocess
import sys

H2DUMP, FOLDER = sys.argv[1:3]
SKIP = 77
CODES = re.compile(r"[A-Z][A-Z_]+[A-Z]")

# The table names what the RFC has a receiver do; where we say something else, the reason.
OTHERWISE = {
    # RFC 9113 4.2: a frame size error in a frame that may change the state of the whole connection is one of the
    # connection; of PRIORITY, 6.3 says stream. Both readings are the table's.
}


def findings(path):
    out = subprocess.run([H2DUMP, "--check", "-T", "json", path], capture_output=True, timeout=60)
    records = [json.loads(line) for line in out.stdout.splitlines()]
    return [r for r in records if r["kind"] == "finding" and not r["check"].startswith(("capture-", "limit-"))]


def frames(path, conn, direction):
    out = subprocess.run([H2DUMP, "-T", "json", path], capture_output=True, timeout=60)
    records = [json.loads(line) for line in out.stdout.splitlines()]
    return {r["offset"]: r for r in records
            if r["kind"] in ("frame", "frame_cut") and (r["conn"], r["dir"]) == (conn, direction)}


def wrong(row, found, path):
    """What is not as the table says; None."""
    if row["class"] == "none":
        return f"findings in valid traffic: {[f['check'] for f in found]}" if found else None
    if row["class"] == "sender-rule":
        loud = [f["check"] for f in found if f["severity"] != "note"]
        return f"more than a note: {loud}" if loud else None
    first = [f for f in found if f["severity"] == "error" and not f.get("after_doomed")]
    if not first:
        return f"no error: {[(f['check'], f['severity']) for f in found]}"
    f = first[0]
    scopes = set(row["error_scope"].replace("stream (malformed)", "message").replace("(or ", "").strip(")").split())
    codes = set(CODES.findall(row["error_code"]))
    if f["by"] != "client":
        return f"{f['check']} blames the {f['by']}"
    if f["scope"] not in scopes or f["error_code"] not in codes:
        return f"{f['check']} is a {f['scope']} error {f['error_code']}, not {row['error_scope']} {row['error_code']}"
    if f["offset"] not in frames(path, f["conn"], "c2s"):
        return f"{f['check']} names offset {f['offset']}, where no frame begins"
    return None


def main():
    table = os.path.join(FOLDER, "cases.tsv")
    if not os.path.isfile(table):
        print(f"skipped: no {table}")
        return SKIP
    counts, bad = collections.Counter(), 0
    with open(table, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    for row in rows:
        path = os.path.join(FOLDER, row["file"])
        complaint = wrong(row, findings(path), path)
        counts[row["class"], complaint is None] += 1
        if complaint is not None:
            print(f"FAIL {row['case']} ({row['client_sends']}): {complaint}")
            bad += 1
    for name in sorted({name for name, _ in counts}):
        print(f"{name}: {counts[name, True]} of {counts[name, True] + counts[name, False]}")
    if len(rows) < 40:
        print(f"FAIL only {len(rows)} cases")
        bad += 1
    return 1 if bad else 0


sys.exit(main())
