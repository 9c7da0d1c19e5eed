#!/usr/bin/env python3
"""Golden outputs: what h2dump says of each capture, in each view, octet for octet.

usage: golden.py run|update PROGRAM [NAME...]   runs the rows of LIST (those named) and compares, or rewrites what is expected
       golden.py schema                         holds every line of the expected JSON against docs/schema
       golden.py octets                         holds every octet of the expected text against what may reach a terminal
       golden.py same                           holds expected text and JSON of the same capture against each other
       golden.py foreign PROGRAM FOLDER         does both with what h2dump says of captures that others made

After an update read the diff: it is the change that users will see. The version of the program is not part of it.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CAPTURES = os.path.join(ROOT, "captures")
SCHEMA = os.path.join(ROOT, "docs", "schema", "h2dump.schema.json")
SKIP = 77
SIZE_MAX = 200_000


def rows():
    """(name, capture, options, expected file) of each row; columns are two or more spaces apart."""
    with open(os.path.join(HERE, "LIST"), encoding="utf-8") as f:
        for line in f:
            line = line.split("#")[0].rstrip()
            if line:
                name, capture, options, expected = re.split(r" {2,}", line)
                yield name, capture, options.split(), os.path.join(HERE, "expected", expected)


def output_of(program, capture, options):
    """What the program writes, and a complaint or None. Inputs are named as a user in captures/ would name them."""
    run = subprocess.run([program, *options, *capture.split(",")], cwd=CAPTURES, capture_output=True, timeout=60,
                         env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"})
    out = re.sub(rb'^(\{"kind":"h2dump","version":")[^"]*', rb"\g<1>*", run.stdout)
    if run.returncode not in ((0, 1, 3) if "--check" in options else (0, 3)):
        return out, f"ended with {run.returncode}: {run.stderr.decode(errors='replace').strip()}"
    return out, None


def first_difference(want, got):
    want, got = want.split(b"\n"), got.split(b"\n")
    for number, (a, b) in enumerate(zip(want, got), 1):
        if a != b:
            return f"line {number}\n    want {a!r}\n    got  {b!r}"
    return f"{len(want) - 1} lines wanted, {len(got) - 1} lines got"


def run(program, names, update):
    bad = count = 0
    for name, capture, options, expected in rows():
        if names and name not in names:
            continue
        count += 1
        got, complaint = output_of(program, capture, options)
        if update and complaint is None:
            os.makedirs(os.path.dirname(expected), exist_ok=True)
            with open(expected, "wb") as f:
                f.write(got)
            continue
        want = b""
        if complaint is None and not os.path.isfile(expected):
            complaint = f"{os.path.relpath(expected, ROOT)} is not there; meson compile golden-update makes it"
        if complaint is None:
            with open(expected, "rb") as f:
                want = f.read()
            if want != got:
                complaint = first_difference(want, got)
        if complaint is not None:
            bad += 1
            print(f"FAIL {name}: {complaint}")
    print(f"{count - bad} passed, {bad} failed")
    return 1 if bad or count == 0 else 0


def expected_files(ending):
    for path in sorted({row[3] for row in rows()}):
        if path.endswith(ending):
            yield path


def only_once(pairs):
    keys = [k for k, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
    return dict(pairs)


class Contract:
    """The JSON Schema, and what it cannot say: order of records, lines, parts that cover their frame."""

    def __init__(self):
        import jsonschema
        with open(SCHEMA, encoding="utf-8") as f:
            whole = json.load(f)
        jsonschema.Draft202012Validator.check_schema(whole)
        kinds = {d["properties"]["kind"]["const"]: name for name, d in whole["$defs"].items()
                 if name.startswith("record_")}
        assert sorted(ref["$ref"].rsplit("/", 1)[1] for ref in whole["oneOf"]) == sorted(kinds.values())
        # A line is held against its own kind's record: the same as oneOf, for kinds differ, with better messages.
        self.validators = {kind: jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]})
                           for kind, name in kinds.items()}
        self.seen = set()
        self.lines = 0

    def complaints(self, output):
        """(line number, complaint) for each."""
        records = output.split(b"\n")
        if records.pop() != b"":
            yield len(records), "no newline at the end"
        for number, line in enumerate(records, 1):
            self.lines += 1
            if re.search(rb"[\x00-\x1f\x7f]", line) or len(line) > 1 << 20:
                yield number, "a raw control octet, or a line of more than 1 MiB"
            try:
                record = json.loads(line.decode("utf-8"), object_pairs_hook=only_once)
            except (ValueError, AssertionError) as e:
                yield number, str(e)
                continue
            kind = record.get("kind")
            self.seen.add(kind)
            if (kind == "h2dump") != (number == 1) or (kind == "summary") != (number == len(records)):
                yield number, f"{kind} is record {number} of {len(records)}"
            if kind not in self.validators:
                yield number, f"kind {kind!r} is in no contract"
                continue
            for e in self.validators[kind].iter_errors(record):
                yield number, f"{'/'.join(map(str, e.path))}: {e.message}"
            at = 0
            for part in record.get("parts", []):
                if part["offset"] != at or len(part.get("hex", "")) > 2 * part["length"]:
                    yield number, f"parts: {part} where octet {at} is next"
                at += part["length"]
            if "parts" in record and "length" in record:
                missing = record.get("missing", 0) if kind == "frame_cut" else 0
                if at != 9 + record["length"] - missing:
                    yield number, f"parts cover {at} octets of 9 + {record['length']} - {missing}"


def schema():
    try:
        contract = Contract()
    except ImportError:
        print("skipped: python3-jsonschema is not installed")
        return SKIP
    bad = 0
    for path in expected_files(".json"):
        with open(path, "rb") as f:
            for number, complaint in contract.complaints(f.read()):
                bad += 1
                print(f"FAIL {os.path.relpath(path, ROOT)}:{number}: {complaint[:300]}")
    unseen = sorted(set(contract.validators) - contract.seen)
    print(f"{contract.lines} lines, {bad} complaints; kinds not seen: {' '.join(unseen) or 'none'}")
    return 1 if bad or contract.lines == 0 else 0


# What may not leave, whatever came in: C0 but for the newline, DEL, C1, bidi controls, zero-width characters, line and
# paragraph separators, tags.
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
                     "\ufff9-\ufffb\U000e0000-\U000e0fff]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RECORD = re.compile(r"-?[0-9]+\.[0-9]+ #[0-9]+ [<>!]  |[0-9-]+T[0-9:.]+Z #[0-9]+ [<>!]  |#[0-9]+ |[\w./-]+$|(?:[0-9.TZ:-]+ )?!  ")


def text_complaints(text, coloured=False):
    """(line number, complaint) for each."""
    try:
        text = text.decode("utf-8")
    except UnicodeDecodeError as e:
        yield 0, str(e)
        return
    for number, line in enumerate(text.split("\n")[:-1], 1):
        plain = COLOUR.sub("", line) if coloured else line
        if HARMFUL.search(plain):
            yield number, f"an octet that may not reach a terminal: {plain!r}"
        if not plain.startswith(" ") and not RECORD.match(plain):
            yield number, f"neither a record nor a continuation: {plain!r}"
    if text and not text.endswith("\n"):
        yield 0, "no newline at the end"


def octets():
    bad = files = 0
    coloured = {row[3] for row in rows() if "--color=always" in row[2]}
    for path in expected_files(".txt"):
        files += 1
        with open(path, "rb") as f:
            text = f.read()
        where = os.path.relpath(path, ROOT)
        if len(text) > SIZE_MAX:
            print(f"FAIL {where}: {len(text)} octets; use -c or a smaller capture")
            bad += 1
        for number, complaint in text_complaints(text, path in coloured):
            bad += 1
            print(f"FAIL {where}:{number}: {complaint[:300]}")
    for path in expected_files(".json"):
        files += 1
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                if HARMFUL.search(line):
                    bad += 1
                    print(f"FAIL {os.path.relpath(path, ROOT)}:{number}: an octet that may not reach a terminal")
    print(f"{files} files, {bad} complaints")
    return 1 if bad or files == 0 else 0


FRAME = re.compile(r"[0-9.]* ?#([0-9]+) ([<>])  ([A-Z_]+|unknown 0x[0-9a-f]{2}) +([0-9]+) +([0-9]+)(?:  |$)")
FIELD = re.compile(r" {17}~?(:?[^:]+): (.*?)(?:   \(x([0-9]+)\)|   \[invalid: .*\])?$")


def frames_of_text(text):
    """(connection, direction, type, stream, length, [(name, value)…]) of each frame."""
    frames = []
    for line in text.split("\n"):
        head, field = FRAME.match(line), FIELD.match(line)
        if head:
            conn, mark, name, stream, length = head.groups()
            frames.append((int(conn), "c2s" if mark == ">" else "s2c", name.replace("unknown ", ""), int(stream),
                           int(length), []))
        elif field and field.group(1).startswith("<unknown"):
            continue  # neither format has a name
        elif field and frames and frames[-1][2] in ("HEADERS", "PUSH_PROMISE", "CONTINUATION"):
            frames[-1][5].extend([field.groups()[:2]] * int(field.group(3) or 1))
        elif not line.startswith(" ") and "  upgrade  " in line:
            frames.append((0, "", "upgrade", 0, 0, []))
    return [f for f in frames if f[2] != "upgrade"]


def escaped(text, exact):
    """As text output has it: exact is the base64 of the octets where they are no UTF-8."""
    if exact is not None:
        return None
    return "".join(f"\\x{ord(c):02x}" if ord(c) < 0x20 or c == "\x7f" else "\\\\" if c == "\\" else c for c in text)


def frames_of_json(text):
    frames = []
    for line in text.splitlines():
        r = json.loads(line)
        if r["kind"] in ("frame", "frame_cut") and "type" in r:
            frames.append((r["conn"], r["dir"], r["type"], r["stream_id"], r["length"],
                           [(escaped(h["name"], h.get("name_base64")),
                             escaped(h["value"], h.get("value_base64")) if "value" in h else None)
                            for h in r.get("headers", []) if "name" in h]))
    return frames


def same():
    """Both formats show the same frames with the same fields; a value that is no UTF-8 counts as equal to any."""
    listed = {(capture, tuple(o for o in options if o not in ("-T", "json", "--by=frame")), "json" in options): expected
              for _, capture, options, expected in rows()}
    bad = pairs = fields = 0
    for (capture, options, is_json), path in listed.items():
        other = listed.get((capture, options, True))
        if is_json or other is None or {"-x", "-v", "--by=callback", "--time=none"} & set(options):
            continue
        pairs += 1
        with open(path, encoding="utf-8") as f, open(other, encoding="utf-8") as g:
            text, objects = frames_of_text(f.read()), frames_of_json(g.read())
        fields += sum(len(frame[5]) for frame in objects)
        for number, (a, b) in enumerate(zip(text, objects), 1):
            alike = a[:5] == b[:5] and len(a[5]) == len(b[5]) and all(
                want is None or want == have for x, y in zip(a[5], b[5]) for have, want in zip(x, y))
            if not alike:
                bad += 1
                print(f"FAIL {os.path.relpath(path, ROOT)}: frame {number}\n    text {a}\n    JSON {b}")
                break
        else:
            if len(text) != len(objects):
                bad += 1
                print(f"FAIL {os.path.relpath(path, ROOT)}: {len(text)} frames in text, {len(objects)} in JSON")
    print(f"{pairs} pairs with {fields} fields, {bad} differ")
    return 1 if bad or fields == 0 else 0


FOREIGN_OPTIONS = [["-T", "json", "-x", "-v", "--data=all"], ["-T", "json", "--by=callback", "-v", "--data=all"],
                   ["-x", "-v"], ["--data=all"], ["--by=callback"]]


def foreign(program, folder):
    names = sorted(n for n in os.listdir(folder) if re.search(r"\.(pcap|pcapng|cap)(\.gz)?$", n)) \
        if os.path.isdir(folder) else []
    if not names:
        print(f"skipped: no captures in {folder}")
        return SKIP
    try:
        contract = Contract()
    except ImportError:
        print("skipped: python3-jsonschema is not installed")
        return SKIP
    bad = outputs = 0
    for name in names:
        for options in FOREIGN_OPTIONS:
            run = subprocess.run([program, *options, "-c", "1500", os.path.join(folder, name)], capture_output=True,
                                 timeout=120)
            complaints = [] if run.returncode in (0, 1, 3) else [(0, f"ended with {run.returncode}: {run.stderr!r}")]
            complaints += contract.complaints(run.stdout) if "json" in options else text_complaints(run.stdout)
            outputs += 1
            bad += len(complaints)
            for number, complaint in complaints[:3]:
                print(f"FAIL {name} {' '.join(options)}: line {number}: {complaint[:300]}")
    print(f"{outputs} outputs of {len(names)} captures, {bad} complaints")
    return 1 if bad else 0


def main(argv):
    if len(argv) >= 2 and argv[0] in ("run", "update"):
        return run(os.path.abspath(argv[1]), set(argv[2:]), argv[0] == "update")
    if len(argv) == 3 and argv[0] == "foreign":
        return foreign(os.path.abspath(argv[1]), argv[2])
    if argv in (["schema"], ["octets"], ["same"]):
        return {"schema": schema, "octets": octets, "same": same}[argv[0]]()
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
