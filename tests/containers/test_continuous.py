#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pieces of one capture, read as one.

test_continuous.py IMAPID
"""
import gzip
import json
import pathlib
import tempfile
import unittest

from files import enhanced, interface, read_pcap, section, write_pcap
from tool import records, run, sample


class Continuous(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def split(self, name, n_each, write=write_pcap):
        """Pieces of n_each packets, named so that the order of names is not that of time."""
        packets = read_pcap(sample(name).read_bytes())
        pieces = []
        for number, at in enumerate(range(0, len(packets), n_each)):
            path = self.folder / f"{999 - number}-{name}"
            path.write_bytes(write(packets[at:at + n_each]))
            pieces.append(path)
        self.assertGreater(len(pieces), 2)
        return pieces

    def locate(self, pieces, n_each, frame):
        return str(pieces[(frame - 1) // n_each]), (frame - 1) % n_each + 1

    def check(self, name, n_each, write=write_pcap, arguments=()):
        pieces = self.split(name, n_each, write)
        whole = run("-q", "-T", "jsonl", *arguments, sample(name))
        done = run("-q", "-T", "jsonl", "--continuous", *arguments, self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        expected = records(whole, "exchange")
        self.assertTrue(expected)
        found = records(done, "exchange")
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected):
            for part in ("command", "response", "result"):
                if other[part] is None:
                    continue
                file, frame = self.locate(pieces, n_each, other[part].pop("frame"))
                self.assertEqual(one[part].pop("file", one["file"]), file)
                self.assertEqual(one[part].pop("frame"), frame)
            frame = int(other.pop("session").rsplit(":", 1)[1])
            self.assertEqual(one.pop("session"), "{}:{}".format(*self.locate(pieces, n_each, frame)))
            one.pop("file"), other.pop("file")
        self.assertEqual(found, expected)
        sessions, wanted = records(done, "session"), records(whole, "session")
        for one, other in zip(sessions, wanted):
            for frame, file in (("frame", "file"), ("ended_frame", "ended_file")):
                if (number := other["outcome"].pop(frame)) is not None:
                    place = one["outcome"].pop(file, one["file"]), one["outcome"].pop(frame)
                    self.assertEqual(place, self.locate(pieces, n_each, number))
                else:
                    self.assertIsNone(one["outcome"].pop(frame))
        strip = lambda sessions: [dict(r, file=None, id=None) for r in sessions]
        self.assertEqual(strip(sessions), strip(wanted))
        self.check_captures(records(done, "capture"), records(whole, "capture")[0], pieces)
        return pieces, done

    def check_captures(self, captures, whole, pieces):
        self.assertEqual([c["file"] for c in captures], [str(p) for p in pieces])
        for key, value in whole.items():
            if isinstance(value, int) and key != "schema":
                self.assertEqual(sum(c[key] for c in captures), value, key)

    def test_plain(self):
        for name in ("several-ids", "many-clients", "compress", "append-decoy"):
            for n_each in (1, 3, 7):
                with self.subTest(name=name, n_each=n_each):
                    self.check(name, n_each)
                    for path in self.folder.iterdir():
                        path.unlink()

    def test_tls_state_spans_pieces(self):
        for name in ("tls13-aes128-gcm", "tls12-ecdhe-aes128-gcm"):
            with self.subTest(name):
                self.check(name, 2, arguments=["-l", sample(name).with_suffix(".keys")])
                for path in self.folder.iterdir():
                    path.unlink()

    def test_pcapng_and_compressed_pieces(self):
        self.check("several-ids", 4, write=lambda packets: gzip.compress(
            section() + interface() + b"".join(map(enhanced, packets))))

    def test_a_session_is_named_after_the_piece_it_begins_in(self):
        pieces, done = self.check("several-ids", 3)
        (session,) = records(done, "session")
        self.assertEqual(session["file"], str(pieces[0]))
        keys = {(r["file"], r["stream"]) for r in records(done, "exchange")}
        self.assertEqual(records(run("-q", "-T", "jsonl", "--continuous", self.folder),
                                 "exchange")[0]["file"], str(pieces[0]))
        self.assertIn((session["file"], session["stream"]), keys)

    def test_without_it_they_are_captures_of_their_own(self):
        self.split("several-ids", 3)
        done = run("-q", "-T", "jsonl", self.folder)
        whole = run("-q", "-T", "jsonl", sample("several-ids"))
        self.assertLess(len(records(done, "exchange")), len(records(whole, "exchange")))

    def test_order_of_arguments_does_not_matter(self):
        pieces = self.split("several-ids", 3)
        outputs = {run("-q", "-T", form, "--continuous", "-j", jobs, *order).stdout
                   for form in ("jsonl",) for jobs in (1, 4)
                   for order in (pieces, pieces[::-1], pieces[1:] + pieces[:1])}
        self.assertEqual(len(outputs), 1)

    def test_a_missing_piece_is_a_gap_and_a_bad_one_is_told(self):
        pieces = self.split("several-ids", 3)
        whole = records(run("-q", "-T", "jsonl", sample("several-ids")), "exchange")
        pieces[-1].write_bytes(pieces[-1].read_bytes()[:-3])
        done = run("-q", "-T", "jsonl", "--continuous", self.folder / "none", *pieces)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"none", done.stderr)
        self.assertIn(pieces[-1].name.encode(), done.stderr)
        self.assertTrue(records(done, "exchange"))
        pieces[2].unlink()
        done = run("-q", "-T", "jsonl", "--continuous", self.folder)
        self.assertGreater(sum(c["lost_bytes"] for c in records(done, "capture")), 0)
        self.assertLessEqual(len(records(done, "exchange")), len(whole))

    def test_files_of_frames_survive_the_way_through_json(self):
        self.split("several-ids", 3)
        done = run("-q", "-T", "jsonl", "--continuous", self.folder)
        self.assertTrue(any("file" in r["response"] for r in records(done, "exchange")))
        direct = run("-q", "check", "-T", "jsonl", "--continuous", self.folder)
        through = run("-q", "check", "-T", "jsonl", "-", input=done.stdout)
        self.assertEqual(through.stdout, direct.stdout)

    def test_text_names_the_file_of_a_frame_elsewhere(self):
        pieces = self.split("several-ids", 3)
        done = run("-q", "-v", "--continuous", self.folder)
        self.assertRegex(done.stdout.decode(), rf"frame \d+ of .*{pieces[2].name}")

    def test_a_pipe_is_no_piece(self):
        done = run("--continuous", "-", input=b"")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--continuous", done.stderr)


if __name__ == "__main__":
    unittest.main()
