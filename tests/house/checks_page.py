#!/usr/bin/env python3
"""docs/checks.md is what the registry of findings says. usage: checks_page.py GEN_DOCS DOCS [write]"""
import os
import subprocess
import sys

gen_docs, docs = sys.argv[1:3]
text = subprocess.run([gen_docs, os.path.join(docs, "checks.md.in")], capture_output=True, check=True).stdout
text = text.rstrip(b"\n") + b"\n"
page = os.path.join(docs, "checks.md")
if sys.argv[3:] == ["write"]:
    with open(page, "wb") as f:
        f.write(text)
elif not os.path.exists(page) or open(page, "rb").read() != text:
    print("docs/checks.md is not current: meson compile -C build checks-page")
    sys.exit(1)
