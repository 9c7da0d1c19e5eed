#!/usr/bin/env python3
"""The README's section for CI services: its commands run, and publish what they say. usage: readme_ci.py H2DUMP README CAPTURES

Each YAML block is taken apart (run: and script: are shell), and runs with the program itself and stand-ins for what
records and what is tested: once over traffic without a fault, once over one with faults.
"""
import os
import re
import subprocess
import sys
import tempfile

h2dump, readme, captures = (os.path.abspath(p) for p in sys.argv[1:4])
STAND_INS = {
    "sudo": 'exec "$@"',
    "tcpdump": 'while [ "$1" != -w ]; do shift; done; cp "$RECORDED" "$2"',
    "make": "true",
    "sleep": "until ls *.pcap; do /bin/sleep 0.01; done",  # until the recorder has begun, however busy the machine is
}


def scripts():
    text = open(readme, encoding="utf-8").read()
    for block in re.findall(r"```yaml\n(.*?)```", text, re.S):
        lines, shell, depth = block.splitlines(), [], None
        for line in lines:
            indent = len(line) - len(line.lstrip())
            if depth is not None and line.strip() and indent > depth:
                shell.append(line.strip()[2:] if line.strip().startswith("- ") else line.strip())
                continue
            depth = None
            match = re.match(r"\s*(?:- )?(run|script):\s*(.*)$", line)
            if match and match.group(2) not in ("", "|"):
                shell.append(match.group(2))
            elif match:
                depth = indent
        yield "set -e\n" + "\n".join(shell) + "\n", re.findall(r"(?:sarif_file|junit|path): *(\S+)", block)


def main():
    bad = 0
    found = list(scripts())
    for shell, published in found:
        for recorded, code in (("curl-nginx.pcap", 0), ("violations-server.pcap", 1)):
            with tempfile.TemporaryDirectory() as folder:
                tools = os.path.join(folder, "tools")
                os.mkdir(tools)
                os.symlink(h2dump, os.path.join(tools, "h2dump"))
                for name, text in STAND_INS.items():
                    path = os.path.join(tools, name)
                    with open(path, "w", encoding="utf-8") as f:
                        f.write(f"#!/bin/sh\n{text}\n")
                    os.chmod(path, 0o755)
                env = dict(os.environ, PATH=tools + ":" + os.environ["PATH"], RECORDED=os.path.join(captures, recorded))
                done = subprocess.run(["bash", "-c", shell], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
                files = [name for name in published if os.path.getsize(os.path.join(folder, name)) > 0]
                if done.returncode != code or files != published or not published or "h2dump --check" not in shell:
                    print(f"FAIL {recorded}: exit {done.returncode}, {files} of {published}\n{shell}{done.stderr}")
                    bad += 1
    if len(found) != 2:
        print(f"FAIL {len(found)} YAML blocks in the README")
        bad += 1
    return 1 if bad else 0


sys.exit(main())
