#!/usr/bin/env python3
"""Runs every story of hpack-test-case that has wire octets through our decoder. usage: hpack_stories.py PROGRAM FOLDER

PROGRAM reads a script: "story NAME", "limit OCTETS", "field NAME VALUE" (hex, "-" when empty) for what must come out,
"block HEX"; it says what differs.
"""
import glob
import json
import os
import subprocess
import sys

program, folder = sys.argv[1:3]
if not os.path.isdir(folder):
    print(f"no {folder}: nothing to compare with")
    sys.exit(77)


def octets(text):
    return text.encode("latin-1" if all(ord(c) < 256 for c in text) else "utf-8").hex() or "-"


script, blocks = [], 0
for path in sorted(glob.glob(os.path.join(folder, "*", "story_*.json"))):
    with open(path, encoding="utf-8") as f:
        cases = json.load(f)["cases"]
    if "wire" not in cases[0]:
        continue
    script.append("story " + os.path.relpath(path, folder))
    limit = 4096
    for case in cases:
        if case.get("header_table_size", limit) != limit:
            limit = case["header_table_size"]
            script.append(f"limit {limit}")
        for field in case["headers"]:
            for name, value in field.items():
                script.append(f"field {octets(name)} {octets(value)}")
        script.append("block " + case["wire"])
        blocks += 1
if blocks == 0:
    sys.exit("no block found")
run = subprocess.run([program], input="\n".join(script) + "\n", text=True)
print(f"{blocks} blocks")
sys.exit(run.returncode)
