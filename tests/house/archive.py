#!/usr/bin/env python3
"""The engine does no I/O, reads no clock and allocates only through base/. usage: archive.py LIBH2.a

Looks at the undefined symbols of the archive: what the engine asks of others.
"""
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"^(malloc|calloc|realloc|free|printf|fprintf|vfprintf|puts|putc|fwrite|fopen|open|read|write|"
                       r"close|recv|send|socket|time|clock_gettime|gettimeofday|getenv|stdout|stderr|exit|system)(@.*)?$")

out = subprocess.run(["nm", "-u", sys.argv[1]], capture_output=True, text=True)
if out.returncode != 0:
    print(f"nm: {out.stderr.strip()}: skipped")
    sys.exit(77)
asked = {line.split()[-1] for line in out.stdout.splitlines() if line.startswith(" ")}
bad = sorted(s for s in asked if FORBIDDEN.match(s))
for symbol in bad:
    print(f"{sys.argv[1]}: asks for {symbol}")
if not asked:
    print(f"{sys.argv[1]}: no symbols seen: is this the archive?")
    sys.exit(1)
sys.exit(1 if bad else 0)
