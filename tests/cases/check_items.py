#!/usr/bin/env python3
"""Every acceptance item, 1 to 250, has a case or a test that names it, and every check that a session can raise has a
case that fires it and one in which it stays silent. Arguments: the source root, then the files. Says what is missing."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
items, fires, silent = set(), set(), set()
for name in sys.argv[2:]:
    text = pathlib.Path(name).read_text(encoding="utf-8")
    pattern = r"^case (\d+)[a-z]?:" if name.endswith(".cases") else r"\bitem_(\d+)_"
    items.update(int(n) for n in re.findall(pattern, text, re.M))
    fires.update(w for line in re.findall(r"^checks: (.*)$", text, re.M) for w in line.split())
    silent.update(w for line in re.findall(r"^silent: (.*)$", text, re.M) for w in line.split())

engine = "".join(p.read_text(encoding="utf-8") for p in sorted((root / "src/h2").iterdir()) if p.suffix in (".c", ".def"))
raised = set(re.findall(r"CHECK_([A-Z0-9_]+)", engine))
raised.update(re.findall(r"^RULE\(\w+,\s*(\w+),", engine, re.M))
rows = re.findall(r'^CHECK\((\w+), "([^"]+)"', (root / "src/spec/checks.def").read_text(encoding="utf-8"), re.M)
checks = [check for name, check in rows if name in raised]

wrong = {
    "items without a case": [n for n in range(1, 251) if n not in items],
    "checks that no case fires": [c for c in checks if c not in fires],
    "checks without a case in which they stay silent": [c for c in checks if c not in silent],
}
for what, names in wrong.items():
    if names:
        print(what + ":", *names)
sys.exit(1 if any(wrong.values()) else 0)
