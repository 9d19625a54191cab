#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No data race in the program with several threads, as ThreadSanitizer sees it; and that it sees.

test_races.py IMAPID RACY
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RACY = pathlib.Path(sys.argv.pop(2)).resolve()
IMAPID = pathlib.Path(sys.argv.pop(1)).resolve()


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, cwd=ROOT, timeout=600)
    return done, b"WARNING: ThreadSanitizer" in done.stderr


class Sanitizer(unittest.TestCase):
    def test_guarded(self):
        done, reported = run(RACY, "guarded")
        self.assertFalse(reported, done.stderr.decode())
        self.assertEqual(done.stdout, b"64\n")

    def test_strings_of_two_threads(self):
        done, reported = run(RACY, "strings")
        self.assertFalse(reported, done.stderr.decode())
        self.assertEqual(done.returncode, 0)

    def test_race_is_reported(self):
        for how in ("bare", "shared"):
            done, reported = run(RACY, how)
            self.assertTrue(reported, how)
            self.assertNotEqual(done.returncode, 0)


class Program(unittest.TestCase):
    def check(self, *arguments):
        with_one, _ = run(IMAPID, *arguments, "-j", "1", "samples")
        with_four, reported = run(IMAPID, *arguments, "-j", "4", "samples")
        self.assertFalse(reported, with_four.stderr.decode(errors="replace"))
        self.assertEqual(with_four.returncode, with_one.returncode)
        self.assertEqual(with_four.stdout, with_one.stdout)
        self.assertTrue(with_four.stdout)

    def test_extract(self):
        self.check("extract", "-q", "-T", "jsonl")

    def test_check(self):
        self.check("check", "-q")

    def test_stats(self):
        self.check("stats", "-q")

    def test_one_capture(self):
        """One that is read by areas: a sample over and over."""
        octets = max((path.read_bytes() for path in (ROOT / "samples").rglob("*.pcap")), key=len)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "large.pcap")
            path.write_bytes(octets[:24] + octets[24:] * (1 + (5 << 20) // len(octets)))
            one, _ = run(IMAPID, "-q", "-T", "jsonl", "-j", "1", path)
            four, reported = run(IMAPID, "-q", "-T", "jsonl", "-j", "4", path)
        self.assertFalse(reported, four.stderr.decode(errors="replace"))
        self.assertEqual((four.returncode, four.stdout, four.stderr), (one.returncode, one.stdout, one.stderr))
        self.assertTrue(four.stdout)

    def test_nobody_reads_on(self):
        """The output is closed while others read ahead."""
        octets = max((path.read_bytes() for path in (ROOT / "samples").rglob("*.pcap")), key=len)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "large.pcap")
            path.write_bytes(octets[:24] + octets[24:] * (1 + (5 << 20) // len(octets)))
            with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-j", "3", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) as process:
                process.stdout.read(10)
                process.stdout.close()
                told = process.stderr.read()
            self.assertNotIn(b"WARNING: ThreadSanitizer", told)

    def test_one_file_of_records(self):
        one = run(IMAPID, "extract", "-q", "-T", "jsonl", "-j", "1", "samples")[0].stdout
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "records.jsonl")
            path.write_bytes((one + b"no record\n") * 12)
            for command in (("extract", "-T", "jsonl"), ("stats",), ("check",)):
                done = [run(IMAPID, *command, "-q", "-j", jobs, path) for jobs in ("1", "4")]
                self.assertFalse(done[1][1], done[1][0].stderr.decode(errors="replace"))
                self.assertEqual(*((d.returncode, d.stdout, d.stderr) for d, _ in done))
                self.assertEqual(done[1][0].stderr.count(b"no JSON object"), 12)

    def test_database(self):
        with tempfile.TemporaryDirectory() as folder:
            to = ("-T", "sqlite", "-w", f"{folder}/records.sqlite")
            done, reported = run(IMAPID, "extract", "-q", *to, "-j", "4", "samples")
        self.assertFalse(reported, done.stderr.decode(errors="replace"))


unittest.main()
