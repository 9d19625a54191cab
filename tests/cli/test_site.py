#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--site: where something was captured stands before the file in every key.

test_site.py IMAPID"""
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "samples/alpine-dovecot.pcapng"
IMAPID = None


def run(*words, status=0):
    done = subprocess.run([IMAPID, *map(str, words)], check=False, capture_output=True)
    assert done.returncode == status, (done.returncode, done.stderr)
    return done.stdout


def records(data):
    return [json.loads(line) for line in data.splitlines()]


class Site(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.lines = {site: self.folder / f"{site}.jsonl" for site in ("oslo", "riga")}
        for site, path in self.lines.items():
            run("-q", "-T", "jsonl", "--site", site, "-w", path, SAMPLE)
        self.bare = self.folder / "bare.jsonl"
        run("-q", "-T", "jsonl", "-w", self.bare, SAMPLE)

    def test_in_every_record_and_key(self):
        plain = records(self.bare.read_bytes())
        for record, other in zip(records(self.lines["oslo"].read_bytes()), plain, strict=True):
            if record["type"] != "end":
                self.assertEqual((record.pop("site"), other.pop("site")), ("oslo", None))
                for key in {"session", "id"} & record.keys():
                    self.assertEqual(record.pop(key), f"oslo:{other.pop(key)}")
            self.assertEqual(record, other)

    def test_read_back(self):
        for path in (*self.lines.values(), self.bare):
            self.assertEqual(run("-q", "-T", "jsonl", path), path.read_bytes())
        # What has no site gets one, what has one keeps it.
        for path in (self.bare, self.lines["oslo"]):
            self.assertEqual(run("-q", "-T", "jsonl", "--site", "oslo", path), self.lines["oslo"].read_bytes())
        self.assertEqual(run("-q", "-T", "jsonl", "--site", "riga", self.lines["oslo"]), self.lines["oslo"].read_bytes())

    def test_two_sites_are_two_captures(self):
        n = sum(group["connections"] for group in records(run("stats", "-q", "-T", "jsonl", "--by", "client_name", self.bare))
                if group["type"] == "group")
        self.assertGreater(n, 0)
        for inputs in ((self.lines["oslo"], self.lines["riga"]), (self.lines["riga"], self.lines["oslo"], self.lines["oslo"])):
            groups = [group for group in records(run("stats", "-q", "-T", "jsonl", "--by", "site", *inputs)) if group["type"] == "group"]
            self.assertEqual({group["values"][0]: group["connections"] for group in groups}, {"oslo": n, "riga": n})
        chosen = records(run("-q", "-T", "jsonl", "--where", "site=riga", *self.lines.values()))
        self.assertEqual({record["site"] for record in chosen if record["type"] in ("exchange", "session")}, {"riga"})

    def test_order_of_inputs(self):
        for command in (("stats", "-v"), ("check", "-v", "--show", "note", "--fail-on", "never"), ("report",)):
            inputs = [*self.lines.values(), self.bare]
            self.assertEqual(run(*command, "-q", *inputs), run(*command, "-q", *reversed(inputs)), command)

    def test_partials_keep_it(self):
        partials = []
        for site, path in self.lines.items():
            partials.append(self.folder / f"{site}.partial")
            run("stats", "-q", "-T", "partial", "-w", partials[-1], path)
        self.assertEqual(run("stats", "-q", "-T", "jsonl", "--by", "site", *partials),
                         run("stats", "-q", "-T", "jsonl", "--by", "site", *self.lines.values()))

    def test_tables_and_database(self):
        path = self.folder / "ids.db"
        for _ in range(2):
            for lines in (*self.lines.values(), self.bare):
                run("-q", "-T", "sqlite", "-w", path, lines)
        with sqlite3.connect(path) as db:
            for table in ("capture", "session", "exchange"):
                counts = db.execute(f"SELECT site, count(*) FROM {table} GROUP BY site ORDER BY 1").fetchall()
                self.assertEqual([site for site, _ in counts], ["", "oslo", "riga"])
                self.assertEqual(len({n for _, n in counts}), 1, counts)
        head, row = run("-q", "-T", "tsv", "--site", "oslo", SAMPLE).decode().splitlines()[:2]
        self.assertEqual(dict(zip(head.split("\t"), row.split("\t"), strict=True))["site"], "oslo")

    def test_the_same_connection_under_another_number(self):
        """Captures cut in another way count connections anew; the first frame stays."""
        renumbered = self.folder / "renumbered.jsonl"
        renumbered.write_bytes(self.bare.read_bytes().replace(b'"stream":0', b'"stream":41'))
        self.assertNotEqual(renumbered.read_bytes(), self.bare.read_bytes())
        counts = [[group["connections"] for group in records(run("stats", "-q", "-T", "jsonl", "--by", "client_name", *inputs))
                   if group["type"] == "group"] for inputs in ((self.bare,), (self.bare, renumbered))]
        self.assertEqual(*counts)

    def test_findings_have_the_key(self):
        for item in records(run("check", "-q", "-T", "jsonl", "--fail-on", "never", self.lines["riga"])):
            if item["type"] == "finding":
                self.assertEqual((item["site"], item["session"]), ("riga", f"riga:{SAMPLE}:1"))
                break
        else:
            self.fail("no finding")

    def test_redacted(self):
        key = self.folder / "key"
        key.write_bytes(b"k" * 32)
        data = run("-q", "-T", "jsonl", "--redact-key", key, *self.lines.values())
        sites = {record["site"] for record in records(data) if record["type"] != "end"}
        self.assertEqual(len(sites), 2)
        for name in (b"oslo", b"riga"):
            self.assertNotIn(name, data)

    def test_names_that_are_none(self):
        for name in ("", "a:b", "a/b", "a b", "\u00e5", "x" * 65):
            run("--site", name, SAMPLE, status=2)


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
