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


class Bench(unittest.TestCase):
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
