#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The progress line.

test_progress.py IMAPID
"""
import os
import pty
import re
import select
import subprocess
import time
import unittest

from tool import IMAPID, ROOT, SAMPLES, records, run, sample

LINE = re.compile(rb"imapid: [\d.]+ k?M?B of [\d.]+ k?M?B, (\d+) of (\d+) files, [\d.]+ [kMG]?B/s"
                  rb"(?:, \d+:\d\d left)?, (\d+) exchanges")


def on_terminal(*arguments, stdout_too=False, feed=b"", pause=0.0):
    """What a terminal on standard error is sent while `feed` comes, half of it after a pause."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        raise unittest.SkipTest(f"no terminal can be opened: {error}") from error
    program = subprocess.Popen([IMAPID, *map(str, arguments)], cwd=ROOT, stdin=subprocess.PIPE,
                               stderr=theirs, stdout=theirs if stdout_too else subprocess.DEVNULL)
    os.close(theirs)
    program.stdin.write(feed[:len(feed) // 2])
    program.stdin.flush()
    time.sleep(pause)
    program.stdin.write(feed[len(feed) // 2:])
    program.stdin.close()
    seen = b""
    while select.select([ours], [], [], 20)[0]:
        try:
            octets = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        seen += octets
    os.close(ours)
    program.wait()
    return seen


class Progress(unittest.TestCase):
    def test_nothing_when_piped(self):
        self.assertEqual(run("-q", "samples").stderr, b"")
        self.assertEqual(run("-q", "--progress", "never", "samples").stderr, b"")

    def test_always_ends_with_everything(self):
        done = run("-q", "-T", "jsonl", "--progress", "always", "samples")
        self.assertEqual(done.returncode, 0)
        last = LINE.fullmatch(done.stderr.splitlines()[-1])
        self.assertTrue(last, done.stderr)
        n_files = sum(p.is_file() for p in SAMPLES.rglob("*"))
        self.assertEqual([int(n) for n in last.groups()],
                         [n_files, n_files, len(records(done, "exchange"))])
        self.assertNotIn(b"\r", done.stderr)
        self.assertEqual(done.stdout, run("-q", "-T", "jsonl", "samples").stdout)

    def test_pieces_are_counted_too(self):
        done = run("-q", "--progress", "always", "--continuous", sample("idle"),
                   sample("several-ids"))
        self.assertEqual(LINE.fullmatch(done.stderr.splitlines()[-1]).group(1), b"2")

    def test_line_on_a_terminal_is_written_over_and_taken_away(self):
        data = sample("several-ids").read_bytes()
        data += data[24:] * 3
        seen = on_terminal("-q", "--progress", "always", "-", feed=data, pause=0.5)
        self.assertIn(b"\rimapid: ", seen)
        self.assertTrue(seen.endswith(b"\r\x1b[K"), seen)
        self.assertNotIn(b"\n", seen)
        self.assertNotIn(b" of 0 B", seen)

    def test_auto(self):
        data = sample("several-ids").read_bytes()
        line = b"0 of 1 file"
        self.assertIn(line, on_terminal("-", feed=data, pause=0.5))
        # Records come between on the same terminal; the answer of stats comes at the end.
        self.assertNotIn(line, on_terminal("-", feed=data, pause=0.5, stdout_too=True))
        self.assertIn(line, on_terminal("stats", "-", feed=data, pause=0.5, stdout_too=True))
        self.assertNotIn(line, on_terminal("--progress", "never", "-", feed=data, pause=0.5))

    def test_a_complaint_has_a_line_of_its_own(self):
        data = sample("several-ids").read_bytes()
        seen = on_terminal("-q", "--progress", "always", "-", feed=data[:-5], pause=0.5)
        self.assertIn(b"\r\x1b[Kimapid: standard input: octet", seen)

    def test_other_words_are_refused(self):
        done = run("--progress", "often", "samples")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"auto, always or never", done.stderr)


if __name__ == "__main__":
    unittest.main()
