#!/usr/bin/env python3
"""No HTTP/2 is found where there is none: none.py H2DUMP FOLDER-OF-CAPTURES FOLDER-OF-OTHERS.

Of the first folder the files named *not-http2*, of the second all. Skipped (77) when neither is there.
"""
import glob
import json
import os
import subprocess
import sys

H2DUMP, CAPTURES, OTHERS = sys.argv[1:4]


def main():
    files = sorted(f for f in glob.glob(os.path.join(CAPTURES, "*not-http2*")) if not f.endswith((".tsv", ".txt")))
    files += sorted(glob.glob(os.path.join(OTHERS, "*")))
    if not files:
        print(f"neither {CAPTURES} nor {OTHERS} is there")
        return 77
    bad = 0
    for path in files:
        done = subprocess.run([H2DUMP, "-T", "json", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        found = [r for r in map(json.loads, done.stdout.splitlines())
                 if r["kind"] == "connection" and r.get("tls", {}).get("keys", True)]
        if found or done.returncode == 0 or done.returncode < 0:
            bad += 1
            print(f"{path}: exit {done.returncode}, {found[:1]}")
    print(f"{len(files)} files, {bad} taken for HTTP/2")
    return bad > 0


sys.exit(main())
