#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark runs, and tells what has become slower. No times are judged here: they are not the same twice."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parent / "bench"
BIN = pathlib.Path(os.environ["IMAPID"]).parent
TINY = ("--bin", BIN, "--size", "1", "--runs", "1", "--files", "3", "--connections", "1000", "--records", "20")


def bench(*arguments):
    return subprocess.run([sys.executable, BENCH, *TINY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, text=True)


def add_up(octets):
    """The sum of RFC 1071: 0xffff where the checksum among them is right."""
    total = sum(int.from_bytes(octets[i:i + 2].ljust(2, b"\0"), "big") for i in range(0, len(octets), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class Bench(unittest.TestCase):
    def test_checksums(self):
        """As they are in captures: what is told of wrong ones costs something."""
        octets = subprocess.run([BIN / "imapid-bench-generate", "1", "1", "5", "64", "1"], stdout=subprocess.PIPE, check=True).stdout
        at, families = 24, set()
        for _ in range(500):
            n = int.from_bytes(octets[at + 8:at + 12], "little")
            ip, at = octets[at + 16 + 14:at + 16 + n], at + 16 + n
            families.add(ip[0] >> 4)
            if ip[0] >> 4 == 4:
                self.assertEqual(add_up(ip[:20]), 0xffff)
            ends, tcp = (ip[12:20], ip[20:]) if ip[0] >> 4 == 4 else (ip[8:40], ip[40:])
            self.assertEqual(add_up(ends + bytes(3) + b"\6" + len(tcp).to_bytes(4, "big") + tcp), 0xffff)
        self.assertEqual(families, {4, 6})

    def test_rows(self):
        done = bench("mix", "all", "connections", "small")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        names = [line[:30].strip() for line in done.stdout.splitlines()[2:]]
        self.assertEqual(names, ["mix", "all IMAP", "connections", "small files", "small files, -j 1"])

    def test_slower(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "ratios.json")
            self.assertEqual(bench("--store", path, "mix").returncode, 0)
            stored = json.loads(path.read_text(encoding="utf-8"))
            for factor, status in ((1e-6, 1), (1e6, 0)):
                was = {"mix": {**stored["mix"], "cpu ratio": max(stored["mix"]["cpu ratio"], 1e-3) * factor}}
                path.write_text(json.dumps(was), encoding="utf-8")
                done = bench("--against", path, "mix")
                self.assertEqual(done.returncode, status, done.stdout + done.stderr)
                self.assertEqual("slower" in done.stdout, status == 1)


unittest.main()
