#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pieces of one capture, read as one.

test_continuous.py IMAPID
"""
import contextlib
import gzip
import json
import pathlib
import sqlite3
import subprocess
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
            one.pop("stream"), other.pop("stream")
        self.assertEqual(found, expected)
        sessions, wanted = records(done, "session"), records(whole, "session")
        for one, other in zip(sessions, wanted):
            for frame, file in (("frame", "file"), ("ended_frame", "ended_file")):
                if (number := other["outcome"].pop(frame)) is not None:
                    place = one["outcome"].pop(file, one["file"]), one["outcome"].pop(frame)
                    self.assertEqual(place, self.locate(pieces, n_each, number))
                else:
                    self.assertIsNone(one["outcome"].pop(frame))
        strip = lambda sessions: [dict(r, file=None, id=None, stream=None) for r in sessions]
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

    def test_a_stream_is_what_wireshark_counts_in_that_piece(self):
        names = ("idle", "several-ids", "many-clients", "escapes", "port-10143", "perl-dovecot", "imaplib-dovecot", "curl-dovecot")
        packets = []
        for number, name in enumerate(names):
            own = read_pcap(sample(name).read_bytes())
            packets += [packet._replace(ns=(10**9 + number * 70 * 10**6 + i * 10**6) * 1000) for i, packet in enumerate(own)]
        packets.sort(key=lambda packet: packet.ns)
        for number, at in enumerate(range(0, len(packets), 60)):
            (self.folder / f"{number}.pcap").write_bytes(write_pcap(packets[at:at + 60]))
        sessions = records(run("-q", "-T", "jsonl", "--continuous", self.folder), "session")
        self.assertGreater(sum(session["stream"] != i for i, session in enumerate(sessions)), 3)
        for session in sessions:
            piece, frame = session["id"].rsplit(":", 1)
            done = subprocess.run(["tshark", "-n", "-r", piece, "-Y", f"frame.number == {frame}", "-T", "fields", "-e", "tcp.stream"],
                                  capture_output=True, check=True)
            self.assertEqual(int(done.stdout), session["stream"], session["id"])

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


class Ring(unittest.TestCase):
    """A folder whose oldest pieces are deleted, read into one database again and again: as if all had been read at once."""
    SAMPLES = ("several-ids", "many-clients", "idle", "escapes", "port-10143", "perl-dovecot")
    N_PIECES = 12

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.pieces = self.make_pieces(self.SAMPLES)

    def make_pieces(self, names):
        """Sessions that lie over each other, each of them over most pieces."""
        packets = []
        for number, name in enumerate(names):
            own = read_pcap(sample(name).read_bytes())
            packets += [packet._replace(ns=(10**15 + number * 10**6 + i * 10**9 // len(own) + i) * 1000) for i, packet in enumerate(own)]
        packets.sort(key=lambda packet: packet.ns)
        n_each = -(-len(packets) // self.N_PIECES)
        return [write_pcap(packets[at:at + n_each]) for at in range(0, len(packets), n_each)]

    def read(self, database, numbers, *arguments):
        ring = self.folder / "ring"
        ring.mkdir(exist_ok=True)
        for path in ring.iterdir():
            path.unlink()
        for number in numbers:
            (ring / f"ring_{number:05d}.pcap").write_bytes(self.pieces[number])
        done = run("-q", "-T", "sqlite", "-w", database, *arguments, "--continuous", ring)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def ask(self, database, sql):
        with contextlib.closing(sqlite3.connect(database)) as db:
            return db.execute(sql).fetchall()

    def exchanges(self, database):
        """What is told of each, whichever reading told it; a frame with its file, and the names of rows of other tables."""
        return self.ask(database, """
            SELECT session, client_port, tag, time, ifnull(command_file, file), command_frame, ifnull(response_file, file), response_frame,
                   ifnull(result_file, file), result_frame, status, rtt, client_list, server_list, file
            FROM exchange ORDER BY time, client_port, tag""")

    def sessions(self, database):
        return self.ask(database, """
            SELECT session, client_port, first, last, exchanges, from_start, ended, ended_by, ifnull(ended_file, file), ended_frame,
                   outcome, healthy, security FROM session ORDER BY client_port""")

    def check(self, n_window, step, *arguments):
        whole, parts = self.folder / "whole.db", self.folder / "parts.db"
        self.read(whole, range(self.N_PIECES), *arguments)
        for first in range(1 - n_window, self.N_PIECES, step):
            self.read(parts, range(max(first, 0), min(first + n_window, self.N_PIECES)), *arguments)
        self.assertGreater(len(self.exchanges(whole)), 3)
        self.assertEqual(self.exchanges(parts), self.exchanges(whole))
        self.assertEqual(self.sessions(parts), self.sessions(whole))
        return whole, parts

    def test_oldest_pieces_are_deleted(self):
        for n_window, step in ((8, 1), (4, 1), (6, 3)):
            with self.subTest(n_window=n_window, step=step):
                self.check(n_window, step)
                for name in ("whole.db", "parts.db"):
                    (self.folder / name).unlink()

    def test_a_command_over_several_pieces(self):
        """Earlier runs tell of it before it is complete, of its part. (A command that no run has as a whole stays in parts.)"""
        self.pieces = self.make_pieces(["ruby-dovecot", "idle"])
        self.check(8, 1)

    def test_at_a_site_and_with_pseudonyms(self):
        (self.folder / "key").write_bytes(b"0123456789abcdef0123456789abcdef")
        self.check(5, 2, "--site", "here", "--redact-key", self.folder / "key")

    def test_another_capture_under_the_same_name(self):
        """Its connections have the keys of the former ones, and other ends: a command of those that nobody answered stays."""
        path, database = self.folder / "today.pcap", self.folder / "ids.db"
        for name, n_packets in (("idle", 19), ("escapes", 99)):
            packets = read_pcap(sample(name).read_bytes())[:n_packets]
            path.write_bytes(write_pcap([packet._replace(ns=packet.ns + 10**9 * n_packets) for packet in packets]))
            self.assertEqual(run("-q", "-T", "sqlite", "-w", database, path).returncode, 0)
        self.assertEqual(self.ask(database, "SELECT tag, status FROM exchange ORDER BY id"), [("a4", None), ("a2", "OK"), ("a3", "OK")])

    def test_captures_that_are_no_pieces_stay_apart(self):
        """The rest of a connection alone is not joined to what somebody read of it elsewhere."""
        database = self.folder / "two.db"
        self.read(database, range(8))
        n_sessions, path = len(self.sessions(database)), self.folder / "rest.pcap"
        path.write_bytes(self.pieces[6])
        self.assertEqual(run("-q", "-T", "sqlite", "-w", database, path).returncode, 0)
        self.assertGreater(len(self.sessions(database)), n_sessions)


if __name__ == "__main__":
    unittest.main()
