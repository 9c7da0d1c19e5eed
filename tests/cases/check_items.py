#!/usr/bin/env python3
"""Every acceptance item, 1 to 250, has a case or a test that names it; says which have none."""
import pathlib
import re
import sys

found = set()
for name in sys.argv[1:]:
    text = pathlib.Path(name).read_text(encoding="utf-8")
    pattern = r"^case (\d+)[a-z]?:" if name.endswith(".cases") else r"\bitem_(\d+)_"
    found.update(int(n) for n in re.findall(pattern, text, re.M))
missing = [n for n in range(1, 251) if n not in found]
if missing:
    print("items without a case:", *missing)
sys.exit(1 if missing else 0)
