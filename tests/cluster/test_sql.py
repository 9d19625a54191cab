#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""contrib/sql against SQLite: the manual's questions, and every view, of the same records.

test_sql.py IMAPID

DUCKDB_NODE is a folder where npm has put @duckdb/node-api. `./dev cluster` runs this."""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SQL = ROOT / "contrib/sql"
IMAPID = None

# Of each table and view the columns that both have. What is a number of a row is of SQLite alone, as is a list as text; here lists are types.
LEFT_OUT = {"id", "client_list", "server_list", "client_other", "server_other", "path", "proxied_client_ip", "proxied_client_port",
            "doubts", "findings", "auth", "ended_frame", "resyncs", "unread", "unknown_link_packets", "exchange"}


def spell(value):
    """As both have it: DuckDB's integers come as text, SQLite's booleans as integers."""
    if isinstance(value, bool):
        value = int(value)
    return value if value is None else f"{value:.9f}" if isinstance(value, float) else str(value)


def rows(found):
    return sorted(([spell(value) for value in row] for row in found), key=lambda row: [(value is not None, value or "") for value in row])


class Sql(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        keys = self.folder / "keys"
        keys.write_bytes(b"".join(path.read_bytes() for path in sorted((ROOT / "samples").glob("*.keys"))))
        (self.folder / "records").mkdir()
        for site, words in (("a", ("--site", "oslo")), ("b", ())):
            subprocess.run([IMAPID, "-q", "-T", "jsonl", "-l", keys, *words, "-w", self.folder / "records" / f"{site}.jsonl", ROOT / "samples"],
                           check=True)
        subprocess.run([IMAPID, "-q", "-T", "sqlite", "-w", self.folder / "db", self.folder / "records"], check=True)
        self.sqlite = sqlite3.connect(self.folder / "db")
        self.addCleanup(self.sqlite.close)
        (self.folder / "parquet").mkdir()
        self.duckdb(f"records={self.folder}/records/*.jsonl", f"parquet={self.folder}/parquet", SQL / "parquet.sql")

    def duckdb(self, *words, status=0):
        done = subprocess.run(["node", SQL / "run.mjs", *words], check=False, capture_output=True, env=os.environ)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, sql):
        (self.folder / "question.sql").write_text(sql)
        return rows(self.duckdb(f"parquet={self.folder}/parquet", SQL / "schema.sql", self.folder / "question.sql"))

    def test_questions_of_the_manual(self):
        manual = (ROOT / "docs/imapid.1").read_text()
        asked = [words.replace(r"\(aq", "'") for words in re.findall(r"^\.Dl sqlite3 ids\.db \\\(dq(SELECT.*)\\\(dq$", manual, re.M)]
        own = [words for words in (SQL / "questions.sql").read_text().split(";") if "SELECT" in words]
        self.assertEqual(len(asked), len(own))
        n = 0
        for question, words in zip(asked, own):
            found = rows(self.sqlite.execute(question))
            n += len(found)
            self.assertEqual(self.ask(words + ";"), found, question)
        self.assertGreater(n, 50)

    def test_tables_and_views(self):
        for name in ("exchange", "session", "capture", "pair", "client_software", "server_software", "finding", "silent", "unreadable"):
            cursor = self.sqlite.execute(f"SELECT * FROM {name}")
            columns = [column[0] for column in cursor.description if column[0] not in LEFT_OUT]
            sql = f"SELECT {', '.join(columns)} FROM {name}"
            found = rows(self.sqlite.execute(sql))
            self.assertTrue(found, name)
            self.assertEqual(self.ask(sql + ";"), found, name)

    def test_parquet_that_is_there_is_kept(self):
        self.duckdb(f"records={self.folder}/records/*.jsonl", f"parquet={self.folder}/parquet", SQL / "parquet.sql", status=1)

    def test_a_line_that_is_cut(self):
        whole = (self.folder / "records/a.jsonl").read_bytes()
        (self.folder / "records/a.jsonl").write_bytes(whole[:len(whole) // 2])
        (self.folder / "other").mkdir()
        self.duckdb(f"records={self.folder}/records/*.jsonl", f"parquet={self.folder}/other", SQL / "parquet.sql", status=1)


if __name__ == "__main__":
    IMAPID = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
