#!/usr/bin/env python3
"""Runs each example of the manual page as it stands there. usage: man_examples.py H2DUMP MAN_PAGE CAPTURES

nc, sudo and tcpdump are stood in for by programs that write what they would have received.
"""
import os
import shutil
import subprocess
import sys
import tempfile

h2dump, page, captures = (os.path.abspath(p) for p in sys.argv[1:4])

FILES = {
    "trace.pcap": "curl-nghttpd.pcap",
    "trace.pcapng.gz": "h2load-haproxy-nginx.pcapng.gz",
    "client.bin": "curl-nghttpd.c2s.h2raw",
    "server.bin": "curl-nghttpd.s2c.h2raw",
}
STAND_INS = {"nc": "cat client.bin", "sudo": "cat trace.pcap"}
# These show that nothing of the kind is there (grep finds none), or write a file.
MAY_BE_EMPTY = ("RST_STREAM", "-q -w ")


def main():
    examples = [line[4:].rstrip("\n").replace("\\(dq", '"') for line in open(page, encoding="utf-8")
                if line.startswith(".Dl ")]
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, source in FILES.items():
            shutil.copy(os.path.join(captures, source), os.path.join(folder, name))
        tools = os.path.join(folder, "tools")
        os.mkdir(tools)
        os.symlink(h2dump, os.path.join(tools, "h2dump"))
        for name, text in STAND_INS.items():
            path = os.path.join(tools, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write("#!/bin/sh\n" + text + "\n")
            os.chmod(path, 0o755)
        env = dict(os.environ, PATH=tools + ":" + os.environ["PATH"])
        for example in examples:
            run = subprocess.run(example, shell=True, cwd=folder, env=env, capture_output=True, text=True,
                                 errors="replace", timeout=60)
            empty_is_fine = any(word in example for word in MAY_BE_EMPTY)
            good = (run.returncode == 0 or empty_is_fine) and not run.stderr and (run.stdout or empty_is_fine)
            print(("ok   " if good else "FAIL ") + example)
            if not good:
                print(f"     exit {run.returncode}, {len(run.stdout)} octets of output; {run.stderr.strip()}")
                bad += 1
    if len(examples) < 8:
        print(f"FAIL only {len(examples)} examples were found")
        bad += 1
    return 1 if bad else 0


sys.exit(main())
