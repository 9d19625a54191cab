#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sections of a chain against the chain that is read whole.

test_sections.py IMAPID [SEEDS]

Chains are made of samples whose sessions are moved and stretched in time, so that they lie over and behind each other and
cuts go through TLS and DEFLATE. Whatever the seed, sections give the answers, connections and exchanges of the whole."""
import contextlib
import json
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from chains import make_chain, SAMPLES

ANSWERS = (("stats", "-v"), ("stats", "-T", "jsonl", "--by", "client_name,server_name,security"), ("check", "-T", "jsonl", "--fail-on", "never"))
SEEDS = (1, 2)
IMAPID = None


def run(*words, status=0):
    done = subprocess.run([IMAPID, *map(str, words)], check=False, capture_output=True)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done.stdout


def answered(*words):
    return run(*words).decode()


def told(lines):
    """Sessions and exchanges, but those that another section tells."""
    records = [json.loads(line) for line in lines]
    ids = {f"{record['file']}:{frame}" for record in records if record["type"] == "continued" for frame in record["frames"]}
    keep = [record for record in records if record["type"] in ("session", "exchange") and record.get("id", record.get("session")) not in ids]
    return sorted(json.dumps(record, sort_keys=True) for record in keep)


class Sections(unittest.TestCase):
    maxDiff = 3000

    def test_sections_are_the_whole(self):
        for seed in SEEDS:
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as name:
                self.compare(random.Random(seed), pathlib.Path(name))

    def compare(self, chance, folder):
        store, keys = folder / "store", folder / "keys"
        store.mkdir()
        keys.write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLES.glob("*.keys"))))
        n_pieces = chance.choice((24, 40, 60))
        pieces = [store / f"chain{i}.pcap" for i in range(n_pieces)]  # of which the order as text is not the one of time
        make_chain(chance, pieces)
        run("-q", "-T", "jsonl", "--continuous", "-l", keys, "-w", folder / "whole.jsonl", *pieces)
        whole = told((folder / "whole.jsonl").read_text().splitlines())
        size = sum(piece.stat().st_size for piece in pieces)
        n_crossing = 0
        for n in (4, 10, 20):
            plan, out = folder / f"plan{n}", folder / f"out{n}"
            run("plan", "-q", "-l", keys, "--chain", r"/()chain\d+\.pcap$", "--shard-bytes", size // n, "-w", plan, store)
            units = [json.loads(line) for line in plan.read_text().splitlines()[1:-1]]
            self.assertGreaterEqual(len(units), min(n, n_pieces) // 2)
            run("-q", "--plan", plan, "--out", out)
            lines = [line for path in sorted(out.glob("*.jsonl")) for line in path.read_text().splitlines()]
            n_crossing += sum('"type":"continued"' in line for line in lines)
            self.assertEqual(told(lines), whole, n)
            for answer in ANSWERS:
                self.assertEqual(answered(*answer, "-q", "--plan", plan, out), answered(*answer, "-q", folder / "whole.jsonl"), (n, answer))
            # Records alone, in any order, and partials of partials.
            run("stats", "-q", "-T", "partial", "-w", folder / "some.partial", *sorted(out.glob("*1.partial")))
            self.assertEqual(answered("stats", "-q", "-v", folder / "some.partial", *reversed(sorted(out.glob("*.jsonl")))),
                             answered("stats", "-q", "-v", folder / "whole.jsonl"))
        self.assertGreater(n_crossing, 0)
        self.compare_databases(folder, sorted((folder / "out10").glob("*.jsonl")))

    def compare_databases(self, folder, records):
        """In runs of their own, the later sections first, or all at once: no connection twice."""
        def read(name):
            with contextlib.closing(sqlite3.connect(folder / name)) as db:
                return [sorted(map(repr, db.execute(sql))) for sql in (
                    "SELECT session, client_ip, client_port, first, last, exchanges, ended, outcome FROM session",
                    "SELECT session, tag, time, frame, client_name, server_name, status FROM exchange")]

        run("-q", "-T", "sqlite", "-w", folder / "whole.db", folder / "whole.jsonl")
        run("-q", "-T", "sqlite", "-w", folder / "all.db", *records)
        for some in (records[len(records) // 2:], records[:len(records) // 2]):
            run("-q", "-T", "sqlite", "-w", folder / "runs.db", *some)
        self.assertEqual(read("all.db"), read("whole.db"))
        self.assertEqual(read("runs.db"), read("whole.db"))
        for form in "csv", "tsv":
            for inputs, is_told in (records, True), ([folder / "whole.jsonl"], False):
                done = subprocess.run([IMAPID, "-q", "-T", form, *inputs], check=True, capture_output=True)
                self.assertEqual(b"twice in " + form.encode() in done.stderr, is_told)


if __name__ == "__main__":
    IMAPID = pathlib.Path(sys.argv[1]).resolve()
    if len(sys.argv) > 2:
        SEEDS = range(int(sys.argv[2]))
    unittest.main(argv=sys.argv[:1])
