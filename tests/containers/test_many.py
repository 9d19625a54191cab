#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Thousands of files, and those among them that cannot be read.

test_many.py IMAPID
"""
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import unittest

from files import read_pcap, write_pcap
from tool import IMAPID, records, run, sample

N = 1000


class Many(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.data = sample("idle").read_bytes()

    def fill(self, n, n_folders=10):
        paths = []
        for i in range(n):
            path = self.folder / f"{i % n_folders:02}" / f"{i:05}.pcap"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.data)
            paths.append(path)
        return sorted(paths)

    def files(self, done):
        return [r["file"] for r in records(done, "capture")]

    def test_thousands_in_folders_and_in_a_list(self):
        paths = [str(p) for p in self.fill(N)]
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        done = run("-q", "-T", "jsonl", "-j", 4, self.folder, preexec_fn=few)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.files(done), paths)
        self.assertEqual(len(records(done, "exchange")), N * len(
            records(run("-q", "-T", "jsonl", sample("idle")), "exchange")))
        listed = "\n".join(reversed(paths)).encode()
        done = run("-q", "-T", "jsonl", "-j", 4, "-F", "-", input=listed, preexec_fn=few)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.files(done), paths[::-1])

    def test_small_ones_behind_a_large_one(self):
        packets = read_pcap(sample("many-clients").read_bytes())
        (self.folder / "00").mkdir()
        (self.folder / "00" / "0.pcap").write_bytes(write_pcap(packets * 500))
        paths = [str(p) for p in self.fill(400)]
        done = run("-q", "-T", "jsonl", "-j", 4, self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.files(done), [str(self.folder / "00" / "0.pcap"), *paths])

    def test_a_reader_that_goes_away_ends_the_waiting(self):
        self.fill(400)
        done = subprocess.run(["bash", "-c", '"$0" -q -T jsonl -j 4 "$1" | head -n 1 >/dev/null; '
                               'echo ${PIPESTATUS[0]}', IMAPID, str(self.folder)],
                              capture_output=True, timeout=60)
        self.assertEqual((done.stdout.strip(), done.stderr), (b"0", b""))

    @unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"),
                         "needs root, to become somebody who may not read everything")
    def test_permissions(self):
        paths = self.fill(6, 3)
        for path in self.folder.iterdir():
            path.chmod(0o755)
        paths[0].chmod(0)
        paths[2].parent.chmod(0o604)  # can be listed, not entered
        (self.folder / "03").mkdir(mode=0o700)
        program = self.folder / "imapid"
        shutil.copy(IMAPID, program)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                               program, "-q", "-T", "jsonl", self.folder / "00",
                               self.folder / "01", self.folder / "02", self.folder / "03"],
                              capture_output=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn(paths[0].name.encode() + b": Permission denied", done.stderr)
        for path in (paths[2], paths[3], self.folder / "03"):
            self.assertIn(str(path).encode(), done.stderr)
        self.assertEqual(self.files(done), [str(paths[i]) for i in (1, 4, 5)])

    def test_loops_and_things_that_are_no_files(self):
        paths = self.fill(4, 2)
        (self.folder / "00" / "loop").symlink_to(self.folder)
        (self.folder / "00" / "self").symlink_to("self")
        (self.folder / "00" / "nowhere").symlink_to("nothing")
        os.mkfifo(self.folder / "01" / "fifo")
        done = run("-q", "-T", "jsonl", self.folder, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.files(done), [str(p) for p in paths])

    def test_a_folder_too_deep_is_told(self):
        deep = self.folder
        for _ in range(70):
            deep = deep / "d"
        deep.mkdir(parents=True)
        (deep / "x.pcap").write_bytes(self.data)
        (self.folder / "y.pcap").write_bytes(self.data)
        done = run("-q", "-T", "jsonl", self.folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"too deep", done.stderr)
        self.assertEqual(self.files(done), [str(self.folder / "y.pcap")])

    def test_damaged_and_missing_ones_do_not_stop_the_others(self):
        paths = self.fill(6, 1)
        paths[1].write_bytes(self.data[:-3])
        paths[3].unlink()
        listed = "".join(f"{p}\n" for p in paths).encode()
        done = run("-q", "-T", "jsonl", "-F", "-", input=listed)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(len(done.stderr.splitlines()), 2)
        self.assertEqual(len(records(done, "capture")), 5)
        self.assertEqual([bool(r["error"]) for r in records(done, "capture")],
                         [False, True, False, False, False])


if __name__ == "__main__":
    unittest.main()
