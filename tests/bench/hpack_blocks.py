#!/usr/bin/env python3
"""Makes inputs for bench_hpack and runs it. usage: hpack_blocks.py PROGRAM STORIES [ROUNDS]

STORIES is a folder of hpack-test-case; without it only the inputs made here are measured. An input is a file of
{u32 connection, u32 length, octets}, little-endian; a new connection means a fresh decoder.
"""
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "gen"))
from huffman import codes  # noqa: E402

CODES = codes()


def integer(value, bits, first):
    full = (1 << bits) - 1
    if value < full:
        return bytes([first | value])
    out = bytearray([first | full])
    value -= full
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    out.append(value)
    return bytes(out)


def string(text, huffman):
    raw = text.encode("utf-8")
    if not huffman:
        return integer(len(raw), 7, 0) + raw
    bits = length = 0
    for octet in raw:
        code, n = CODES[octet]
        bits, length = bits << n | code, length + n
    pad = -length % 8
    packed = (bits << pad | (1 << pad) - 1).to_bytes((length + pad) // 8, "big")
    return integer(len(packed), 7, 0x80) + packed


class Encoder:
    """Indexes whatever it may; without a table, nothing."""

    def __init__(self, table, huffman):
        self.table, self.size, self.use, self.huffman = [], 0, table, huffman

    def field(self, name, value):
        if not self.use:
            return b"\0" + string(name, self.huffman) + string(value, self.huffman)
        for i, entry in enumerate(self.table):
            if entry == (name, value):
                return integer(62 + i, 7, 0x80)
        index = next((62 + i for i, entry in enumerate(self.table) if entry[0] == name), 0)
        out = integer(index, 6, 0x40) + (b"" if index else string(name, self.huffman)) + string(value, self.huffman)
        octets = 32 + len(name) + len(value.encode("utf-8"))
        while self.table and self.size + octets > 4096:
            gone = self.table.pop()
            self.size -= 32 + len(gone[0]) + len(gone[1].encode("utf-8"))
        if octets <= 4096:
            self.table.insert(0, (name, value))
            self.size += octets
        return out

    def block(self, fields):
        return b"".join(self.field(name, value) for name, value in fields)


def word(rng, n):
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789-_/") for _ in range(n))


def heavy(rng):
    """The same twelve fields over and over: all indexed."""
    fields = [(":method", "GET"), (":scheme", "https"), (":authority", "www.example.com"), (":path", "/")]
    fields += [(f"x-field-{i}", word(rng, 24)) for i in range(8)]
    encoder = Encoder(True, True)
    return [[encoder.block(fields) for _ in range(20000)]]


def churn(rng):
    """Most fields new in each block, and what was indexed soon gone."""
    connections = []
    for _ in range(40):
        encoder, blocks = Encoder(True, True), []
        for _ in range(60):
            fields = [(":method", "GET"), (":scheme", "https"), (":authority", "www.example.com")]
            fields += [(":path", "/" + word(rng, rng.randint(20, 60)))]
            fields += [(f"x-{rng.randint(0, 30)}", word(rng, rng.randint(10, 60))) for _ in range(8)]
            blocks.append(encoder.block(fields))
        connections.append(blocks)
    return connections


def stories(folder):
    """name: connections of blocks"""
    wires, lists = [], []
    for path in sorted(glob.glob(os.path.join(folder, "*", "story_*.json"))):
        with open(path, encoding="utf-8") as f:
            cases = json.load(f)["cases"]
        if "wire" not in cases[0]:
            lists.append([[next(iter(field.items())) for field in case["headers"]] for case in cases])
        elif all(case.get("header_table_size", 4096) == 4096 for case in cases):
            wires.append([bytes.fromhex(case["wire"]) for case in cases])
    inputs = {"stories": wires} if wires else {}
    for name, huffman in (("stories, all Huffman", True), ("stories, plain", False)):
        if lists:
            inputs[name] = [[Encoder(False, huffman).block(fields) for fields in story] for story in lists]
    return inputs


def main():
    program, folder = sys.argv[1:3]
    inputs = stories(folder)
    inputs["heavy"] = heavy(random.Random(1))
    inputs["churn"] = churn(random.Random(2))
    with tempfile.TemporaryDirectory() as scratch:
        paths = []
        for name, connections in inputs.items():
            paths.append(os.path.join(scratch, name))
            with open(paths[-1], "wb") as f:
                for number, blocks in enumerate(connections):
                    for block in blocks:
                        f.write(struct.pack("<II", number, len(block)) + block)
        sys.exit(subprocess.run([program, (sys.argv + ["9"])[3], *paths]).returncode)


main()
