#!/usr/bin/env python3
"""Generated files are what their generator makes. usage: generated.py SOURCE_ROOT"""
import os
import subprocess
import sys

GENERATED = {"scripts/gen/huffman.py": "src/h2/hpack_huff_table.c"}

root = sys.argv[1]
bad = False
for generator, product in sorted(GENERATED.items()):
    run = subprocess.run([sys.executable, os.path.join(root, generator)], capture_output=True, text=True)
    with open(os.path.join(root, product), encoding="utf-8") as f:
        if run.returncode != 0 or run.stdout != f.read():
            print(f"{product} differs from what {generator} writes: run it again")
            bad = True
for name in sorted(os.listdir(os.path.join(root, "scripts", "gen"))):
    if name.endswith(".py") and f"scripts/gen/{name}" not in GENERATED:
        print(f"scripts/gen/{name}: not in the list of tests/house/generated.py")
        bad = True
sys.exit(1 if bad else 0)
