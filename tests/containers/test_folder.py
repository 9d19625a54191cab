# SPDX-License-Identifier: GPL-2.0-or-later
"""What is found in a folder: captures are read, what may hold some is reported, the rest is passed over.

test_folder.py IMAPID"""
import gzip
import io
import os
import pathlib
import tarfile
import tempfile
import unittest
import zipfile

import files
from tool import records, run, sample


def tar(octets, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        member = tarfile.TarInfo("a.pcap")
        member.size = len(octets)
        archive.addfile(member, io.BytesIO(octets))
    return out.getvalue()


def zipped(octets):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.pcap", octets)
    return out.getvalue()


def pcapng(octets):
    return files.section() + files.interface() + b"".join(map(files.enhanced, files.read_pcap(octets)))


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.good = sample("idle").read_bytes()

    def read(self):
        done = run("-q", "-T", "jsonl", self.folder)
        return done, records(done, "capture")

    def test_what_may_hold_captures(self):
        """One at a time beside a good one: it is counted, named, and the exit status is 2."""
        block = pcapng(self.good)
        damaged = block[:52] + b"\xff" * 4 + block[56:]  # the length of the first packet
        for name, octets, what in (("a.tgz", tar(self.good, "w:gz"), "a tar archive"), ("a.tar", tar(self.good, "w"), "a tar archive"),
                                   ("a.zip", zipped(self.good), "a ZIP archive"), ("a", zipped(self.good), "a ZIP archive"),
                                   ("a.pcapng", damaged, "pcapng block"), ("a", damaged, "pcapng block"),
                                   ("a.pcapng", b"\xff" * 4 + block, "neither pcap nor pcapng"), ("a.pcapng", b"", "the file is empty"),
                                   ("a.pcapng", block[:-30], "the file ends inside a block"),
                                   ("a.pcap.gz", gzip.compress(self.good)[:-40], "the file ends inside it"),
                                   ("a", b"snoop\0\0\0" + bytes(99), "a snoop capture")):
            with self.subTest((name, what)):
                bad = self.folder / "below" / name
                bad.parent.mkdir(exist_ok=True)
                bad.write_bytes(octets)
                (self.folder / "z.pcap").write_bytes(self.good)
                done, captures = self.read()
                bad.unlink()
                self.assertEqual(done.returncode, 2)
                self.assertEqual(len(captures), 2)
                self.assertIn(what, captures[0]["error"])
                self.assertIsNone(captures[1]["error"])
                self.assertEqual(done.stderr.decode().count(f"{bad}: "), 1, done.stderr)
                self.assertIn(what, done.stderr.decode())

    def test_what_holds_none(self):
        for name, octets in (("README", b"text"), ("a.json", b"{}\n"), ("a.png", b"\x89PNG\r\n\x1a\n"), ("empty", b""),
                             ("a.txt.gz", gzip.compress(b"text"))):
            (self.folder / name).write_bytes(octets)
        (self.folder / "z.pcap").write_bytes(self.good)
        done, captures = self.read()
        self.assertEqual((done.returncode, done.stderr, len(captures)), (0, b"", 1))

    def test_messages_are_bounded(self):
        deep = self.folder
        (self.folder / "z.pcap").write_bytes(self.good)
        for _ in range(64):
            deep = deep / "d"
        for i in range(30):
            os.makedirs(deep / f"{i:02}" / "d")
        done, captures = self.read()
        self.assertEqual((done.returncode, len(captures)), (2, 1))
        told = done.stderr.decode().splitlines()
        self.assertEqual(len(told), 20, told)
        self.assertTrue(all("too deep, not read" in line for line in told), told)
        self.assertTrue(told[-1].endswith("(further ones are not reported)"), told)


if __name__ == "__main__":
    unittest.main()
