#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers computed from records: the same from captures, JSON Lines, in any order; and what each format promises.

test_answers.py IMAPID
"""
import base64
import bz2
import copy
import csv
import gzip
import hashlib
import html.parser
import io
import ipaddress
import json
import lzma
import os
import pathlib
import random
import re
import shlex
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/dissector"))
import pcap  # noqa: E402
from sanitized import WITHOUT_LEAKS, is_sanitized, some  # noqa: E402

SAMPLES = ROOT / "samples"
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
SCHEMA = json.loads((ROOT / "docs/imapid-records.schema.json").read_text())
HOSTILE = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "\"' onmouseover=\"alert(1)",
           "&lt;b&gt;&amp;", "=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\tx", "'quoted", "a\r\nb", "nul\0nul",
           "\u202egpj.exe", "\ufeff\u2028\u2066", "\U000e0041tag", "x" * 5000, "{{0}} [link](https://example.org)", "\\x1b[2J\x1b[2J",
           "\uffff\uffff0", "caf\u00e9", "]]>", "javascript:alert(1)", "\uff1d1+1", "\uff20SUM(1)", '"=1"', '""=1']


END = re.compile(rb'^\{"type":"end","inputs":\d+,"records":\d+\}\n\Z', re.M)


def end(data):
    """The lines as a run of imapid ends them. What these tests are about stands before that line; the line itself has
    test_files.py."""
    n = sum(bool(line.strip(b" \t\r\xef\xbb\xbf")) for line in data.split(b"\n"))
    return data + b"\n" * (not data.endswith(b"\n")) + b'{"type":"end","inputs":1,"records":%d}\n' % n


def run(*arguments, **options):
    data = options.get("input") or b""
    if data.lstrip(b"\xef\xbb\xbf \r\n").startswith(b'{"') and b'{"type":"end"' not in data:
        options["input"] = end(data)
    done = subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, **{"timeout": 300, **options})
    done.stdout = END.sub(b"", done.stdout)
    return done


def sample(name):
    return next(p for p in SAMPLES.iterdir() if p.stem == name and p.suffix.startswith(".pcap"))


def extract(*inputs):
    done = run("-q", "-T", "jsonl", *inputs)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(keepends=True)


LINES = extract("samples")


def spell(records):
    return "".join(json.dumps(r) + "\n" for r in records).encode()


def exchange(stream=0, client=("10.0.0.5", 40000), server=("192.0.2.1", 143), params=(("name", "Example"),), **more):
    """An exchange as imapid writes it."""
    time = more.pop("time", "2026-01-02T03:04:05.000000001Z")
    record = {"type": "exchange", "schema": 1, "file": "a.pcap", "stream": stream,
              "client": dict(zip(("ip", "port"), client)), "server": dict(zip(("ip", "port"), server)),
              "tag": "a1", "time": time,
              "command": {"frame": 4, "time": time, "params": [list(p) for p in params]},
              "response": {"frame": 5, "time": time, "params": [["name", "Server"]]},
              "result": {"frame": 5, "status": "OK", "text": "done"}, "rtt": 0.000000000, "security": "tls",
              "compressed": False, "state": "not-authenticated", "complete": True, "findings": []}
    record.update(more)
    return record


def session(of, **more):
    record = {k: of[k] for k in ("schema", "file", "stream", "client", "server")}
    record.update({"type": "session", "first": of["time"], "last": of["time"], "security": "tls", "compressed": False,
                   "id_advertised": True, "exchanges": 1, "from_start": True, "ended": "fin", "lost_bytes": 0, "resyncs": 0,
                   "decrypted": True, "not_decrypted": None, "findings": []})
    record.update(more)
    return record


def finding(code, field=None, side="client"):
    return {"code": code, "severity": "x", "side": side, "section": "x", "field": field, "message": "x"}


def hostile_records():
    records = []
    for i, value in enumerate(HOSTILE):
        one = exchange(i, params=(("name", value), (value[:30], "v"), ("version", "1"), ("x-session-id", value)), file=value.replace("\0", "") or "f")
        one["response"]["params"] = [["name", value], ["environment", value]]
        one["command"]["raw"] = value
        one["result"]["text"] = value
        one["findings"] = [finding("bad-string", "name"), finding("discloses-environment", "environment", "server"),
                           finding("unique-identifier", "name"), finding("refused")]
        records += [one, session(one, not_decrypted=value[:20], decrypted=False)]
    records.append({"type": "capture", "schema": 1, "file": HOSTILE[0], "format": HOSTILE[1], "packets": 1, "bytes": 1,
                    "tcp_connections": 1, "imap_sessions": 1, "exchanges": 1, "sessions_not_decrypted": 0,
                    "lost_bytes": 0, "cut_packets": 0, "error": HOSTILE[0]})
    return records


class Same(unittest.TestCase):
    """One answer, whatever way the records come."""

    ANSWERS = [("check", "text"), ("check", "jsonl"), ("check", "csv"), ("check", "sarif"), ("stats", "text"),
               ("stats", "jsonl"), ("stats", "csv"), ("report", "html")]

    def ask(self, command, form, *inputs, more=()):
        done = run(command, "-q", "-T", form, *more, *inputs)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.stdout

    def test_from_captures_and_from_shuffled_split_records(self):
        lines = LINES[:]
        random.Random(7).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            for i in range(5):
                pathlib.Path(folder, f"{i}.jsonl").write_bytes(end(b"".join(lines[i::5])))
            for command, form in self.ANSWERS:
                for more in ((), ("--redact-key", ROOT / "LICENSE")):
                    wanted = self.ask(command, form, "samples", more=more)
                    self.assertTrue(wanted)
                    for jobs in (1, 3):
                        had = self.ask(command, form, "-j", jobs, folder, more=more)
                        self.assertEqual(had, wanted, (command, form, more, jobs))

    def test_number_of_threads(self):
        for command, form in self.ANSWERS:
            self.assertEqual(self.ask(command, form, "-j", 1, "samples"), self.ask(command, form, "-j", 6, "samples"))

    def test_one_file_on_several_threads(self):
        lines = [line.replace(b'"file":"', b'"file":"%d/' % i) for line in LINES for i in range(4)]
        lines += spell(hostile_records()).splitlines(keepends=True)
        lines += lines[::3] + [b"no record\n"]  # what comes twice counts once, wherever it is
        random.Random(11).shuffle(lines)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "all.jsonl")
            path.write_bytes(end(b"".join(lines)))
            self.assertGreater(path.stat().st_size, 6 * 2**18)  # blocks enough for all
            for command, form in self.ANSWERS:
                wanted, *had = [run(command, "-T", form, "-j", jobs, path) for jobs in (1, 2, 5)]
                self.assertEqual(wanted.returncode, 2, wanted.stderr)  # a line is no record
                for one in had:
                    self.assertEqual((one.stdout, one.stderr), (wanted.stdout, wanted.stderr), (command, form))

    def test_records_read_back_are_the_records(self):
        again = run("-q", "-T", "jsonl", "-", input=b"".join(LINES))
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(again.stdout, b"".join(LINES))

    def test_text_from_records_is_that_of_the_captures(self):
        # but for octets of the raw text that are no UTF-8, which JSON cannot keep
        octets = re.compile(rb"(?:\\x[89a-f][0-9a-f]|\xef\xbf\xbd) *")
        for verbose in ((), ("-v",)):
            with tempfile.NamedTemporaryFile() as lines:
                lines.write(b"".join(LINES))
                lines.flush()
                had = run("-q", *verbose, lines.name).stdout
            # Nor do records know what was on the command line.
            direct = run("-q", *verbose, "samples").stdout.replace(b"no key log was given (-l)",
                                                                  b"no key log has a line for this connection")
            if verbose:
                # Records hold no milestones: heads, pairs, findings and how to open it are the same; steps and sentence are not.
                same = re.compile(rb"Connection |  [^ ]| {43}\S")
                had, direct = (b"\n".join(filter(same.match, text.splitlines())) for text in (had, direct))
                self.assertIn(b"  wireshark -r ", had)
            self.assertEqual(octets.sub(b"", had), octets.sub(b"", direct))
            self.assertIn(b"not read: no key", had)

    def test_tables_from_records(self):
        for form in ("csv", "tsv"):
            self.assertEqual(run("-q", "-T", form, "-", input=b"".join(LINES)).stdout, run("-q", "-T", form, "samples").stdout)

    def test_given_twice_counts_once(self):
        for command, form in self.ANSWERS:
            self.assertEqual(self.ask(command, form, "samples", "samples"), self.ask(command, form, "samples"))

    def test_ties(self):
        """Of records that begin alike the order is that of what they say, not the one in which they came."""
        first = exchange()
        second = session(first)
        third = {"type": "capture", "schema": 1, "file": "a.pcap", "format": "pcap", "packets": 1, "bytes": 1, "tcp_connections": 1,
                 "imap_sessions": 1, "exchanges": 1, "sessions_not_decrypted": 0, "lost_bytes": 0, "cut_packets": 0, "error": None}
        notes = [finding("cleartext"), finding("refused", side="server")]
        twins = [dict(first, findings=notes, **change) for change in (
            {}, {"result": {"frame": 5, "status": "OK", "text": "other"}}, {"result": {"frame": 5, "status": "NO", "text": "done"}},
            {"result": {"frame": 6, "status": "OK", "text": "done"}}, {"security": "none"}, {"compressed": True}, {"state": "authenticated"},
            {"complete": False}, {"tag": "a0"}, {"response": dict(first["response"], params=[["name", "Other"]])},
            {"response": dict(first["response"], frame=6)}, {"command": dict(first["command"], params=[["name", "Another"]])},
            {"command": dict(first["command"], params=[["name", "Example"], ["os", "x"]])}, {"command": None}, {"rtt": 0.5, "response": None})]
        sessions = [dict(second, **change) for change in (
            {}, {"lost_bytes": 5}, {"from_start": False}, {"decrypted": False, "not_decrypted": "no-key"}, {"exchanges": 0},
            {"first": "2026-01-02T03:04:04.000000001Z"}, {"findings": [finding("required-by-server", side="server")]})]
        captures = [dict(third, **change) for change in ({}, {"packets": 2}, {"error": "x"}, {"format": None})]
        for command, form in self.ANSWERS:
            wanted = None
            for seed in range(4):
                shuffled = twins + sessions + captures
                random.Random(seed).shuffle(shuffled)
                done = run(command, "-q", "-T", form, "-", input=spell(shuffled))
                wanted = wanted or done.stdout
                self.assertTrue(wanted)
                self.assertEqual(done.stdout, wanted, (command, form, seed))
        # each pair both ways: a comparison that forgets a member leaves them as they came
        for group, command, form in ((twins, "check", "jsonl"), (sessions, "stats", "jsonl"), (sessions, "check", "jsonl"), (captures, "stats", "jsonl")):
            for i, a in enumerate(group):
                for b in group[:i]:
                    self.assertEqual(run(command, "-q", "-T", form, "-", input=spell([a, b])).stdout,
                                     run(command, "-q", "-T", form, "-", input=spell([b, a])).stdout, (command, form, a, b))

    def test_a_capture_that_grew_is_counted_once(self):
        begun = exchange(response=None, result=None, rtt=None, complete=False)
        answered = exchange(result=None)
        for records in ([begun], [begun, answered], [answered, begun], [exchange(), begun], [begun, answered, exchange(), answered]):
            done = run("stats", "-T", "jsonl", "-", input=spell(records))
            self.assertEqual(json.loads(done.stdout.splitlines()[0])["exchanges"], 1)
            done = run("check", "-q", "-T", "jsonl", "-", input=spell([dict(r, findings=[finding("cleartext")]) for r in records]))
            self.assertEqual(len(done.stdout.splitlines()), 2)
        for other in (exchange(tag="a2", result=None), exchange(params=(("name", "B"),), result=None), exchange(result=None, time="2026-01-02T03:04:05.000000002Z")):
            done = run("stats", "-T", "jsonl", "-", input=spell([exchange(), other]))
            self.assertEqual(json.loads(done.stdout.splitlines()[0])["exchanges"], 2)

    def test_hostile_records_survive_the_way_back(self):
        once = run("-q", "-T", "jsonl", "-", input=spell(hostile_records()))
        self.assertEqual(once.returncode, 0, once.stderr)
        twice = run("-q", "-T", "jsonl", "-", input=once.stdout)
        self.assertEqual(twice.stdout, once.stdout)
        had = [json.loads(line) for line in once.stdout.splitlines()]
        for a, b in zip(had, hostile_records()):
            if a["type"] == "exchange":
                self.assertEqual(a["command"]["params"], b["command"]["params"])
                self.assertEqual(a["command"]["raw"], b["command"]["raw"])


class Lines(unittest.TestCase):
    """JSON Lines from anywhere."""

    def read(self, data):
        return run("-T", "jsonl", "-", input=data)

    def test_bad_lines_are_named_and_the_others_kept(self):
        good = LINES[0]
        done = self.read(good + b"{\n" + good + b"[1]\n" + good + b'{"type":"exchange","schema":1}\n')
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, good * 3)
        for line in (b"line 2:", b"line 4:", b"line 6:"):
            self.assertIn(b"standard input: " + line, done.stderr)

    def test_each_promised_key_is_asked_for(self):
        for kind in ("exchange", "session", "capture"):
            record = json.loads(next(line for line in LINES if json.loads(line)["type"] == kind))
            for key in some(IMAPID, SCHEMA["definitions"][kind]["required"]):
                broken = copy.deepcopy(record)
                del broken[key]
                done = self.read(spell([record, broken]))
                self.assertEqual(done.returncode, 2, key)
                self.assertIn(key.encode(), done.stderr)
            for key in some(IMAPID, sorted(record.keys() - {"community_id", "filter"})):  # they follow from the others
                broken = dict(record)
                broken[key] = {"a": 1} if key != "client" else "x"
                done = self.read(spell([broken]))
                self.assertTrue(done.returncode == 2 or b"no records" in done.stderr, key)

    def test_other_types_and_later_schemas_are_counted(self):
        record = json.loads(LINES[0])
        done = self.read(LINES[0] + spell([{"type": "finding", "schema": 1}, dict(record, schema=2)]))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, LINES[0])
        self.assertIn(b"2 lines without a record of this version", done.stderr)

    def test_limits(self):
        record = LINES[0].strip()
        deep = b'{"type":' + b"[" * 100000 + b"]" * 100000 + b"}"
        long = b'{"type":"' + b"x" * (9 << 20) + b'"}'
        many = b'{"type":[' + b"0," * 300000 + b"0]}"
        for bad, word in ((deep, b"nested"), (long, b"long"), (many, b"many")):
            done = self.read(record + b"\n" + bad + b"\n" + record + b"\n")
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stdout, (record + b"\n") * 2)

    def test_surrogates_and_control_characters(self):
        record = exchange(params=(("name", "PLACE"),))
        line = spell([record])
        for inside, value in ((rb"\ud800", "\ufffd"), (rb"\udc00\ud800x", "\ufffd\ufffdx"), (rb"\ud83d\udce7", "\U0001f4e7"),
                              (rb"\u0000", "\0"), (rb"\uffff", "\uffff"), ("\uffff0".encode(), "\uffff0"), (rb"\\u0000", "\\u0000")):
            done = self.read(line.replace(b"PLACE", inside))
            self.assertEqual(done.returncode, 0, (inside, done.stderr))
            self.assertEqual(json.loads(done.stdout)["command"]["params"], [["name", value]])

    def test_cut_last_line(self):
        done = self.read(LINES[0] + LINES[1][:-20])
        self.assertEqual((done.returncode, done.stdout), (2, LINES[0]))

    PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress,
               "zst": lambda data: subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout,
               "lz4": lambda data: subprocess.run(["lz4", "-c"], input=data, capture_output=True, check=True).stdout}

    def test_compressed_ones_are_the_same(self):
        data = b"".join(LINES)
        wanted = run("stats", "-q", "samples").stdout
        for ending, pack in self.PACKERS.items():
            packed = pack(end(data))
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, f"month.jsonl.{ending}")
                path.write_bytes(packed)
                for inputs, more in (((path,), {}), ((folder,), {}), (("-",), {"input": packed}), ((path, folder), {})):
                    done = run("stats", "-q", *inputs, **more)
                    self.assertEqual((done.returncode, done.stderr, done.stdout), (0, b"", wanted), (ending, inputs))
                half = len(LINES) // 2
                path.write_bytes(pack(end(b"".join(LINES[:half]))) + pack(end(b"".join(LINES[half:]))))
                self.assertEqual(run("stats", "-q", path).stdout, wanted, ending)
                self.assertEqual(run("-q", "-T", "jsonl", "-", input=packed).stdout, data, ending)

    def test_damaged_and_cut_compressed_ones(self):
        data = b"".join(LINES)
        for ending, pack in self.PACKERS.items():
            packed = b"".join(pack(data) for _ in range(8))
            for broken, told in ((packed[:len(packed) * 5 // 7], b"ends inside"), (packed + b"rubbish", b"something else follows")):
                done = self.read(broken)
                self.assertEqual(done.returncode, 2, ending)
                self.assertIn(f"standard input: line {done.stdout.count(10) + 1}: octet ".encode(), done.stderr)
                self.assertIn(told, done.stderr)
                self.assertEqual(done.stderr.count(b"standard input:"), 1, done.stderr)
                self.assertGreater(len(done.stdout), len(data), ending)
                if told == b"ends inside":
                    self.assertTrue((data * 8).startswith(done.stdout), ending)
                else:
                    self.assertEqual(done.stdout, data * 8)

    def test_what_else_is_compressed(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "other.json.gz").write_bytes(gzip.compress(b'{"name":"x"}\n'))
            pathlib.Path(folder, "text.gz").write_bytes(gzip.compress(b"text\n" * 9))
            pathlib.Path(folder, "idle.pcap.gz").write_bytes(gzip.compress(sample("idle").read_bytes()))
            pathlib.Path(folder, "nothing.gz").write_bytes(gzip.compress(b"") * 3)
            done = run("-q", "-T", "jsonl", folder)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual({json.loads(line)["file"] for line in done.stdout.splitlines()}, {f"{folder}/idle.pcap.gz"})
        big = b"".join(LINES) + spell(exchange(i, params=(("name", random.Random(i).randbytes(30000).hex()),)) for i in range(70))
        done = run("stats", "-q", "-", input=self.PACKERS["lz4"](end(big)))  # its first block, of which nothing comes before all of it
        self.assertEqual(done.returncode, 0, done.stderr)
        empty = b"\x50\x2a\x4d\x18\0\0\1\0" + bytes(65536)  # frames to be skipped, more than is looked at
        done = self.read(empty * 100 + gzip.compress(LINES[0]))
        self.assertEqual(done.returncode, 2)

    def test_machines_with_nothing_to_tell(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("a.jsonl", end(b"")[1:]), ("b.jsonl", b"\n\r\n \t\n" + end(b"")), ("c.jsonl.gz", gzip.compress(end(b""))), ("d.jsonl", end(b"".join(LINES)))):
                pathlib.Path(folder, name).write_bytes(data)
            done = run("stats", "-q", *sorted(pathlib.Path(folder).iterdir()))
            self.assertEqual((done.returncode, done.stderr, done.stdout), (0, b"", run("stats", "-q", "samples").stdout))
            pathlib.Path(folder, "e.pcap").write_bytes(b"")
            done = run("stats", "-q", pathlib.Path(folder, "e.pcap"))
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"empty", done.stderr)

    def test_lines_of_other_editors(self):
        wanted = b"".join(LINES)
        for data in (b"\xef\xbb\xbf" + wanted, wanted.replace(b"\n", b"\r\n"), b"\n\n" + wanted, b"  " + wanted, wanted.rstrip(b"\n"),
                     b"\xef\xbb\xbf\r\n" + wanted.replace(b"\n", b"\r\n\r\n")):
            done = self.read(data)
            self.assertEqual((done.returncode, done.stdout), (0, wanted), data[:20])

    def test_other_json_in_folders_is_passed_over(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.jsonl").write_bytes(end(LINES[0]))
            pathlib.Path(folder, "package.json").write_text('{\n  "name": "x"\n}\n')
            done = run("-q", "-T", "jsonl", folder)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, LINES[0], b""))


class Schema(unittest.TestCase):
    VALIDATOR = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())

    def test_every_record_of_every_sample(self):
        kinds = set()
        for line in LINES:
            record = json.loads(line)
            kinds.add(record["type"])
            self.VALIDATOR.validate(record)
        self.assertEqual(kinds, {"exchange", "session", "capture"})

    def test_every_line_of_answers(self):
        kinds = set()
        for command in (["stats", "--by", "client_name,day"], ["check"]):
            for data in (None, spell(hostile_records())):
                done = run(*command, "-q", "-T", "jsonl", "-" if data else "samples", input=data)
                for line in done.stdout.splitlines():
                    record = json.loads(line)
                    kinds.add(record["type"])
                    self.VALIDATOR.validate(record)
                    self.assertFalse(self.VALIDATOR.is_valid(dict(record, type="exchange")))
        self.assertEqual(kinds, {"totals", "group", "check", "finding"})
        self.assertEqual(SCHEMA["$id"], f"urn:imapid:records:{SCHEMA['properties']['schema']['const']}")

    def test_redacted_hostile_and_continuous_ones(self):
        for more in (("--redact",), ()):
            done = run("-q", "-T", "jsonl", *more, "-", input=spell(hostile_records()))
            for line in done.stdout.splitlines():
                self.VALIDATOR.validate(json.loads(line))
        done = run("-q", "-T", "jsonl", "--continuous", sample("pipelined"), sample("idle"))
        for line in done.stdout.splitlines():
            self.VALIDATOR.validate(json.loads(line))

    def test_it_refuses(self):
        record = json.loads(LINES[0])
        for change in ({"type": "other"}, {"stream": -1}, {"time": "yesterday"}, {"client": {"ip": "x", "port": 1}},
                       {"security": "maybe"}, {"command": None, "response": None, "result": None}):
            self.assertFalse(self.VALIDATOR.is_valid(dict(record, **change)), change)


class Tables(unittest.TestCase):
    def rows(self, form, data=None):
        done = run("-q", "-T", form, "-" if data else "samples", input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_csv_has_a_row_for_each_exchange_and_every_value(self):
        rows = list(csv.DictReader(io.StringIO(self.rows("csv"), newline=""), strict=True))
        exchanges = [r for r in map(json.loads, LINES) if r["type"] == "exchange"]
        self.assertEqual(len(rows), len(exchanges))
        fields = re.findall(r'^IMAPID_FIELD\(\w+, "([^"]+)", "([^"]+)"', (ROOT / "protocol/include/imapid/fields.def").read_text(), re.M)
        self.assertEqual(len(fields), 11)
        for row, record in zip(rows, exchanges):
            self.assertEqual(row["file"], record["file"])
            self.assertEqual(int(row["stream"]), record["stream"])
            self.assertEqual(row["time"], record["time"])
            self.assertEqual(row["findings"].split(), list(dict.fromkeys(f["code"] for f in record["findings"])))
            for side, half in (("client", record["command"]), ("server", record["response"])):
                left = [list(p) for p in (half or {}).get("params") or []]
                for wire, column in fields:
                    found = [p for p in left if p[0] and p[0].lower() == wire and p[1] is not None][:1]
                    want = found[0][1].replace("\0", "\ufffd") if found else ""
                    have = row[f"{side}_{column}"]
                    if have.startswith("'"):
                        have = have[1:]
                    self.assertEqual(have, want)
                    for pair in found:
                        left.remove(pair)
                other = row[f"{side}_other"]
                self.assertEqual(json.loads(other) if other else [], left)

    def test_spreadsheets_do_not_execute_cells(self):
        data = spell(hostile_records())
        for row in csv.reader(io.StringIO(self.rows("csv", data), newline="")):
            for cell in row:
                self.assertNotRegex(cell, r"\A[=+@\t\r\n\uff1d\uff0b\uff0d\uff20]")
                self.assertNotRegex(cell, r"\A-[^0-9]")
        for line in self.rows("tsv", data).split("\n"):
            for cell in line.split("\t"):
                self.assertNotRegex(cell, r'\A([=+@"\uff1d\uff0b\uff0d\uff20]|-[^0-9])')
        for command in ("check", "stats"):
            done = run(command, "-q", "-T", "csv", "-", input=data)
            for row in csv.reader(io.StringIO(done.stdout.decode(), newline="")):
                for cell in row:
                    self.assertNotRegex(cell, r"\A[=+@\t\r\n-]")

    def test_terminals_obey_nothing_in_a_cell(self):
        data = spell([*hostile_records(), exchange(params=(("name", "\x1b]0;x\x07\x9b2J"),), findings=[finding("duplicate-field", "name")])])
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
            file.write(data)
            file.flush()
            for words in (("extract", "-T", "csv"), ("extract", "-T", "tsv"), ("stats", "-T", "csv"), ("check", "-T", "csv"), ("extract", "-v"),
                          ("check", "-v"), ("stats", "--top", "100"), ("extract", "-T", "jsonl"), ("check", "-T", "jsonl"), ("check", "-T", "sarif")):
                done = subprocess.run(["script", "-qec", f"stty -opost; '{IMAPID}' {' '.join(words)} -q {file.name}", "/dev/null"],
                                      stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, "NO_COLOR": "1"})
                text = done.stdout.decode()
                self.assertIn("]0;x", text, words)
                self.assertEqual(set(re.findall("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e\u2066\u2028\ufeff\U000e0041]", text)), set(), words)
            text = run("extract", "-q", "-T", "csv", file.name).stdout.decode()
            self.assertIn("\x1b]0;x\x07", text)  # to a file or pipe a value is what was sent

    def test_colours(self):
        for more, coloured in (({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            for command in ("extract", "stats", "check"):
                done = subprocess.run(["script", "-qec", f"'{IMAPID}' {command} -q {sample('idle')}", "/dev/null"], stdin=subprocess.DEVNULL,
                                      capture_output=True, env={**os.environ, "TERM": "xterm", **more})
                self.assertEqual(b"\x1b[" in done.stdout, coloured, (command, more))

    def test_tsv_escapes(self):
        lines = self.rows("tsv", spell([exchange(params=(("name", "a\tb\nc\\d\re\0f"),))])).split("\n")
        head, row = lines[0].split("\t"), lines[1].split("\t")
        self.assertEqual(len(head), len(row))
        self.assertEqual(row[head.index("client_name")], r"a\tb\nc\\d\re\0f")


class Database(unittest.TestCase):
    def dump(self, path):
        with sqlite3.connect(path) as db:
            return list(db.iterdump())

    def test_again_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            self.assertEqual(run("-q", "-T", "sqlite", "-w", path, "samples").returncode, 0)
            first = self.dump(path)
            self.assertEqual(run("-q", "-T", "sqlite", "-j", 1, "-w", path, "samples", "samples/idle.pcap").returncode, 0)
            self.assertEqual(run("-q", "-T", "sqlite", "-w", path, "-", input=b"".join(LINES)).returncode, 0)
            self.assertEqual(self.dump(path), first)

    def test_it_has_everything(self):
        records = [json.loads(line) for line in LINES]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            run("-q", "-T", "sqlite", "-w", path, "samples")
            db = sqlite3.connect(path)
            for kind in ("exchange", "session", "capture"):
                n, = db.execute(f"SELECT count(*) FROM {kind}").fetchone()
                self.assertEqual(n, sum(r["type"] == kind for r in records))
            pairs = [p for r in records if r["type"] == "exchange" for h in (r["command"], r["response"])
                     for p in (h or {}).get("params") or []]
            self.assertEqual(db.execute("SELECT count(*) FROM pair").fetchone()[0], len(pairs))
            self.assertEqual(sorted(map(repr, db.execute("SELECT field, value FROM pair"))), sorted(repr(tuple(p)) for p in pairs))
            findings = sum(len(r.get("findings", ())) for r in records)
            self.assertEqual(db.execute("SELECT count(*) FROM finding").fetchone()[0], findings)
            self.assertEqual(db.execute("SELECT connections FROM client_software WHERE name = 'Thunderbird'").fetchall(), [(5,)])
            self.assertTrue(db.execute("SELECT * FROM silent").fetchall())
            self.assertEqual(len(db.execute("SELECT * FROM unreadable").fetchall()),
                             sum(r["type"] == "session" and r["not_decrypted"] is not None for r in records))
            plan = str(db.execute("EXPLAIN QUERY PLAN SELECT * FROM exchange WHERE client_name = 'x'").fetchall())
            self.assertIn("exchange_client", plan)
            db.close()

    def test_a_capture_that_grew_replaces_what_was_there(self):
        cut = exchange(complete=False, response=None, result=None, rtt=None)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            for record in (cut, exchange()):
                self.assertEqual(run("-q", "-T", "sqlite", "-w", path, "-", input=spell([record])).returncode, 0)
            db = sqlite3.connect(path)
            self.assertEqual(db.execute("SELECT complete, status FROM exchange").fetchall(), [(1, "OK")])
            self.assertEqual(db.execute("SELECT side, field FROM pair").fetchall(), [("client", "name"), ("server", "name")])
            db.close()

    def test_a_list_is_kept_once(self):
        other = exchange(params=(("name", "Z\ufffd"),))
        other["command"]["params_hex"] = [["6e616d65", "5afc"]]
        again = json.loads(json.dumps(other))
        again["command"]["params_hex"] = [["6e616d65", "5aff"]]
        nil = exchange(params=())
        nil["command"]["params"] = None
        records = [exchange(), exchange(), nil, other, again]
        for i, record in enumerate(records):
            record["stream"] = i
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            self.assertEqual(run("-q", "-T", "sqlite", "-w", path, "-", input=spell(records)).returncode, 0)
            db = sqlite3.connect(path)
            lists = [row[0] for row in db.execute("SELECT client_list FROM exchange ORDER BY stream")]
            self.assertEqual(lists[0], lists[1])
            self.assertIsNone(lists[2])
            self.assertEqual(len({lists[0], lists[3], lists[4]}), 3)
            self.assertEqual(db.execute("SELECT value_hex FROM pair JOIN exchange ON id = exchange WHERE side = 'client' AND "
                                        "value_hex IS NOT NULL ORDER BY stream").fetchall(), [("5afc",), ("5aff",)])
            db.close()

    def test_a_database_of_an_earlier_version_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            self.assertEqual(run("-q", "-T", "sqlite", "-w", path, sample("idle")).returncode, 0)
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA user_version = 1")
            before = path.read_bytes()
            done = run("-q", "-T", "sqlite", "-w", path, sample("idle"))
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"earlier version", done.stderr)
            self.assertEqual(path.read_bytes(), before)

    def test_the_order_of_what_is_put_in_makes_no_difference(self):
        late = dict(exchange(), response=dict(exchange()["response"], params=[["name", "Server"], ["version", "2"]]))
        capture = {"type": "capture", "schema": 1, "file": "a.pcap", "format": "pcap", "packets": 100, "bytes": 1, "tcp_connections": 1,
                   "imap_sessions": 1, "exchanges": 1, "sessions_not_decrypted": 0, "lost_bytes": 0, "cut_packets": 0, "error": None}
        early = [exchange(result=None, response=None, rtt=None), exchange(result=None), session(exchange(), exchanges=0), dict(capture, packets=50)]
        whole = [late, session(late, last="2026-01-02T03:05:05.000000001Z"), capture]
        dumps = set()
        for records in (early + whole, whole + early, (early + whole)[::-1], whole):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "x.db")
                self.assertEqual(run("-q", "-T", "sqlite", "-w", path, "-", input=spell(records)).returncode, 0)
                db = sqlite3.connect(path)
                dumps.add(str([db.execute(f"SELECT * FROM {t}").fetchall() for t in ("capture", "session", "exchange", "pair")]))
                db.close()
        self.assertEqual(len(dumps), 1)

    def test_databases_of_others_are_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            with sqlite3.connect(path) as db:
                db.execute("CREATE TABLE exchange (mine)")
            before = path.read_bytes()
            done = run("-q", "-T", "sqlite", "-w", path, sample("idle"))
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"other program", done.stderr)
            self.assertEqual(path.read_bytes(), before)
            pathlib.Path(folder, "text").write_text("no database\n" * 100)
            self.assertEqual(run("-T", "sqlite", "-w", pathlib.Path(folder, "text"), sample("idle")).returncode, 2)

    def test_it_needs_a_file(self):
        done = run("-T", "sqlite", sample("idle"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--write", done.stderr)


class Check(unittest.TestCase):
    def check(self, *arguments, data=None, form="jsonl"):
        done = run("check", "-q", "-T", form, *arguments, input=data)
        self.assertNotEqual(done.stdout, b"", done.stderr)
        return done

    def findings(self, records):
        done = self.check("--fail-on", "never", "-", data=spell(records))
        return [r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == "finding"]

    def test_exit_status(self):
        self.assertEqual(self.check(sample("malformed-lists")).returncode, 1)
        self.assertEqual(self.check(sample("mbsync-dovecot")).returncode, 0)
        path = sample("alpine-dovecot")  # notes, but for the password of its login
        for severity, status in (("note", 1), ("warning", 0), ("error", 0), ("never", 0)):
            done = self.check("--fail-on", severity, "--ignore", "cleartext-password", path)
            self.assertEqual(done.returncode, status, severity)
        self.assertEqual(self.check("--fail-on", "never", sample("malformed-lists")).returncode, 0)
        self.assertEqual(self.check("--fail-on", "note", "--ignore", "cleartext", "--ignore", "cleartext-password", path).returncode, 0)
        self.assertEqual(self.check(sample("malformed-lists"), "no-such-file").returncode, 3)
        for bad in (("--fail-on", "x"), ("--ignore", "x"), ("-T", "sqlite"), ("--by", "x"), ("--top", "3")):
            done = run("check", *bad, path)
            self.assertEqual((done.returncode, done.stdout), (2, b""))

    def test_every_finding_of_the_records_is_told(self):
        done = self.check("--fail-on", "never", "samples")
        had = sorted((r["code"], r["side"], r["field"] or "") for r in map(json.loads, done.stdout.splitlines())
                     if r["type"] == "finding" and r["code"] != "changed-in-transit")  # which is of two records
        want = sorted((f["code"], f["side"], f["field"] or "") for r in map(json.loads, LINES) for f in r.get("findings", ()))
        self.assertEqual(had, want)
        self.assertTrue(want)

    def test_valid_lists_earn_no_finding_of_form(self):
        for name in ("alpine-cyrus", "curl-dovecot", "escapes", "idle", "imapflow-cyrus", "letter-case", "literals-sync",
                     "literals-nonsync", "nil-and-empty", "nil-values", "pipelined", "ruby-dovecot", "tiny-segments",
                     "offlineimap-dovecot", "thunderbird-dovecot", "dovecot-proxy"):
            done = self.check("--fail-on", "error", sample(name))
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_evidence(self):
        done = self.check(sample("limits"), form="text")
        self.assertIn(b'"x-a-field-name-of-more-than-thirty-octets" "1"', done.stdout)
        self.assertIn(b"limits.pcapng -Y 'tcp.stream == 0' -g 9\n", done.stdout)
        done = self.check(sample("malformed-strings"), form="text")
        self.assertIn(b'    seen   a9 ID ("name" \'imapid-samples\')\n', done.stdout)
        self.assertIn(b'    right  a9 ID ("name" "\'imapid-samples\'")\n', done.stdout)

    def test_what_is_shown(self):
        """--show hides from the text alone; what is hidden is counted, and the exit status knows it."""
        for severity, shown in (("note", True), ("warning", False), ("error", False)):
            done = self.check("--show", severity, "--fail-on", "note", sample("idle"), form="text")
            self.assertEqual((done.returncode, b"  NOTE   cleartext: " in done.stdout), (1, shown))
            self.assertEqual(b"cleartext 1" in done.stdout, not shown)
        self.assertEqual(self.check("--show", "error", sample("idle")).stdout, self.check(sample("idle")).stdout)
        self.assertEqual(run("check", "--show", "never", sample("idle")).returncode, 2)
        self.assertEqual(run("stats", "--show", "note", sample("idle")).returncode, 2)

    def test_lines_fit(self):
        """What is no command for a shell is no wider than the screen."""
        for columns in (80, 120, 200):
            for line in run("check", "-q", "--show", "note", "samples", env={**os.environ, "COLUMNS": str(columns), "LC_ALL": "C.UTF-8"}).stdout.decode().splitlines():
                self.assertTrue(len(line) <= columns or line.startswith("    wireshark -r ") or " (server): " in line, line)

    def test_names_of_programs(self):
        """What is blank stands in quotes; a long name is cut, but for -v."""
        for name, told in ((" ", '  "" (client): '), ("a" * 300, "  " + "a" * 79 + "… (client): "), ("\u202e", "  \\u202e (client): ")):
            record = exchange(params=(("name", name),), findings=[finding("duplicate-field", "name")])
            self.assertIn(told, run("check", "-q", "-", input=spell([record]), env={**os.environ, "COLUMNS": "120", "LC_ALL": "C.UTF-8"}).stdout.decode())
        self.assertIn("b" * 300, run("check", "-q", "-v", "-", input=spell([exchange(params=(("name", "b" * 300),), findings=[finding("duplicate-field", "name")])])).stdout.decode())

    def test_which_of_several_is_shown(self):
        """Of a field sent twice the second, of values that are too long the longest."""
        for params, code, value in (([("name", "a longer one"), ("NAME", "second")], "duplicate-field", "second"),
                                    ([("name", "x"), ("name", "second, longer")], "duplicate-field", "second, longer"),
                                    ([("name", "x" * 1025), ("NAME", "y")], "value-too-long", "x" * 1025),
                                    ([("name", "y"), ("name", "x" * 1025)], "value-too-long", "x" * 1025),
                                    ([("name", None), ("name", "x" * 1025)], "value-too-long", "x" * 1025),
                                    ([("name", "x")], "unique-identifier", "x"), ([("other", "x")], "unique-identifier", None)):
            found, = self.findings([exchange(params=params, findings=[finding(code, "Name")])])
            self.assertEqual((found["field"], found["value"]), ("Name", value), params)

    def test_text_is_safe(self):
        for command in (["check", "-v", "--fail-on", "never"], ["stats"], ["extract", "-v"]):
            done = run(*command, "-", input=spell(hostile_records()))
            self.assertIn(b"script", done.stdout)
            self.assertEqual([c for c in (done.stdout + done.stderr).decode() if (c < " " and c != "\n") or c in "\x7f\u202e\u2028\u2066\ufeff"], [])

    def test_records_of_a_capture_that_was_cut(self):
        """Say so as the capture does: what is behind the cut may have anything."""
        with tempfile.TemporaryDirectory() as folder:
            cut, records = pathlib.Path(folder, "cut.pcap"), pathlib.Path(folder, "records.jsonl")
            cut.write_bytes(pathlib.Path(sample("mbsync-dovecot")).read_bytes()[:-7])
            run("extract", "-q", "-T", "jsonl", "-w", records, cut)
            for path in (cut, records):
                done = run("check", "-q", "--show", "error", path)
                self.assertEqual(done.returncode, 2, path)
                self.assertIn(b"Nothing was found in what was read of 1 connection.", done.stdout)
                self.assertIn(b"1 of 1 capture could not be read whole", done.stdout)

    def test_sarif(self):
        for data in (None, spell(hostile_records())):
            done = self.check("-" if data else "samples", data=data, form="sarif")
            log = json.loads(done.stdout)
            self.assertEqual(log["version"], "2.1.0")
            run_, = log["runs"]
            rules = run_["tool"]["driver"]["rules"]
            self.assertEqual(run_["tool"]["driver"]["name"], "imapid")
            self.assertEqual(run_["invocations"][0]["executionSuccessful"], not data)  # hostile ones have an error
            self.assertTrue(run_["results"])
            for result in run_["results"]:
                self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
                self.assertIn(result["level"], ("error", "warning", "note"))
                location, = result["locations"]
                uri = location["physicalLocation"]["artifactLocation"]["uri"]
                self.assertRegex(uri, r"\A([A-Za-z0-9._~/-]|%[0-9A-F]{2})+\Z")
                text = result["message"]["text"]
                self.assertNotRegex(text, r"(?<!\\)[\[\]]")
                self.assertNotRegex(text, r"(?<!\{)\{(\{\{)*(?!\{)")

    def test_sarif_fingerprints(self):
        """The same in the next session, whose tags and frames are others; another one of another list, program, side or code."""
        def prints(*records):
            done = self.check("--fail-on", "never", "-", data=spell(records), form="sarif")
            return [r["partialFingerprints"]["imapidFinding/v1"] for r in json.loads(done.stdout)["runs"][0]["results"]]
        def wrong(tag, rest="ID (x)", code="not-a-string", **more):
            half = {"frame": 4, "time": "2026-01-02T03:04:05.000000001Z", "params": [["name", more.pop("name", "Example")]], "raw": f"{tag} {rest}"}
            return exchange(more.pop("stream", 0), tag=tag, command=half, findings=[finding(code)], **more)
        first, = prints(wrong("a1"))
        self.assertEqual(prints(wrong("a1"), wrong("xyz", stream=1, file="b.pcap")), [first, first])
        for other in (wrong("a1", "ID (y)"), wrong("a1", code="bad-string"), wrong("a1", name="Other")):
            self.assertNotEqual(prints(other), [first])

    # ---- changed-in-transit ----

    def legs(self, inner_params, **more):
        outer = exchange(0, ("10.0.0.5", 43598), ("10.0.0.1", 143), (("name", "Example"), ("version", "1")))
        proxy = [("x-session-id", "s1"), ("x-originating-ip", "10.0.0.5"), ("x-originating-port", "43598"),
                 ("x-connected-ip", "10.0.0.1"), ("x-connected-port", "143")]
        inner = exchange(1, ("10.0.1.1", 5000), ("10.0.1.2", 143), list(inner_params) + proxy, **more)
        return [outer, session(outer), inner, session(inner)]

    def changed(self, records):
        return [f for f in self.findings(records) if f["code"] == "changed-in-transit"]

    def test_same_list_on_both_legs(self):
        self.assertEqual(self.changed(self.legs((("name", "Example"), ("version", "1")))), [])
        self.assertEqual(self.changed(self.legs((("VERSION", "1"), ("name", "Example")))), [])

    def test_another_list_and_none(self):
        found, = self.changed(self.legs((("name", "Proxy"),)))
        self.assertEqual((found["stream"], found["frame"], found["related"]["stream"]), (1, 4, 0))
        self.assertEqual(len(self.changed(self.legs((("name", "Example"),)))), 1)
        self.assertEqual(len(self.changed(self.legs(()))), 1)

    def test_legs_in_files_of_two_machines(self):
        records = self.legs((("name", "Proxy"),), file="b.pcap")
        self.assertEqual(len(self.changed(records[::-1])), 1)

    def test_nothing_is_said_of_what_was_not_seen_whole(self):
        for i, change in ((1, {"from_start": False}), (3, {"lost_bytes": 5}), (3, {"decrypted": False, "not_decrypted": "no-key"}),
                          (1, {"exchanges": 2}), (0, {"complete": False})):
            records = self.legs((("name", "Proxy"),))
            records[i] = dict(records[i], **change)
            self.assertEqual(self.changed(records), [], change)
        records = self.legs((("name", "Proxy"),))
        self.assertEqual(self.changed(records[:1] + records[2:]), [])

    def test_nothing_is_said_where_the_tie_is_not_sure(self):
        records = self.legs((("name", "Proxy"),))
        twin = [dict(r, file="c.pcap") for r in records[:2]]
        self.assertEqual(self.changed(records + twin), [])  # two would fit
        late = "2026-01-02T03:10:05.000000001Z"
        records = self.legs((("name", "Proxy"),), time=late)
        self.assertEqual(self.changed(records), [])  # minutes apart
        other = [dict(r, server={"ip": "10.0.0.9", "port": 143}) if r["stream"] == 0 else r for r in self.legs((("name", "Proxy"),))]
        self.assertEqual(self.changed(other), [])  # it connected elsewhere

    def test_proxies_behind_proxies_by_session_id(self):
        a = exchange(0, ("10.0.1.1", 5000), ("10.0.1.2", 143), (("name", "Example"), ("x-session-id", "s1")))
        b = exchange(1, ("10.0.2.1", 6000), ("10.0.2.2", 143), (("name", "Other"), ("x-session-id", "s1")), time="2026-01-02T03:04:05.500000001Z")
        self.assertEqual([f["stream"] for f in self.changed([b, session(b), a, session(a)])], [1])
        again = dict(a, tag="again", command=dict(a["command"], frame=14))  # one connection may say it twice
        self.assertEqual([f["stream"] for f in self.changed([b, session(b), a, again, session(a, exchanges=2)])], [1])
        third = exchange(2, ("10.0.3.1", 7000), ("10.0.3.2", 143), (("name", "Other"), ("x-session-id", "s1")))
        self.assertEqual(self.changed([b, session(b), a, session(a), third, session(third)]), [])
        b["server"] = a["server"]  # tried again, or made up by clients: no chain
        self.assertEqual(self.changed([b, session(b), a, session(a)]), [])

    def test_redacted_records_are_tied_as_well(self):
        data = spell(self.legs((("name", "Proxy"),)))
        redacted = run("-q", "-T", "jsonl", "--redact", "-", input=data).stdout
        done = self.check("--fail-on", "never", "-", data=redacted)
        self.assertEqual(done.stdout.count(b'"changed-in-transit"'), 1)

    def test_wrong_but_clear_lists_are_compared(self):
        for code, n in (("not-ascii", 1), ("bad-spacing", 1), ("bare-newline", 1), ("not-a-string", 0), ("bad-string", 0), ("missing-value", 0)):
            records = self.legs((("name", "Proxy"),))
            records[0]["command"]["raw"] = "as sent"
            records[0]["findings"] = [finding("cleartext"), finding(code)]
            self.assertEqual(len(self.changed(records)), n, code)
            records[0]["findings"] = [finding(code)] + [finding("not-ascii")] * 63  # there may be more, which were not kept
            self.assertEqual(self.changed(records), [], code)

    def test_what_changed_is_told(self):
        outer = (("name", "Example"), ("os", None), ("x-custom", "1"), ("vendor", "A"))
        inner = (("NAME", "Example"), ("os", "NIL"), ("Vendor", "B"))
        records = self.legs(inner)
        records[0]["command"]["params"] = [list(p) for p in outer]
        found, = self.changed(records)
        self.assertEqual(found["text"], 'not passed on: os NIL, x-custom "1", vendor "A"; told instead: os "NIL", Vendor "B"')
        found, = self.changed(self.legs(()))
        self.assertEqual(found["text"], 'not passed on: name "Example", version "1"')
        for value in some(IMAPID, HOSTILE):
            records = self.legs((("name", value), (value[:30], value)))
            for form in ("text", "jsonl", "sarif"):
                done = self.check("-v", *(("--show", "note") if form == "text" else ()), "--fail-on", "never", "-", data=spell(records), form=form)
                self.assertIn(b"not passed on", done.stdout)
                self.assertFalse(set(done.stdout.decode()) & set("\x1b\u202e\u2066\u2028\0"))

    @unittest.skipIf(is_sanitized(IMAPID), "sanitizers: how long it takes is held without them")
    def test_many_lists_on_both_legs(self):
        """Every list of one leg is looked for among those of the other: no matter how many, in seconds."""
        n = 6000
        records = []
        for i in range(n):
            outer, _, inner, _ = self.legs((("name", f"Example {i:06}"),))
            outer["command"]["params"] = [["name", f"Example {n - 1 - i:06}"]]
            for one in (outer, inner):
                one["command"]["frame"] = 10 + i
                one["findings"] = [finding("cleartext")]
            records += [outer, inner]
        records += [session(r, exchanges=n) for r in records[:2]]
        done = run("check", "-q", "-T", "jsonl", "--fail-on", "never", "-", input=spell(records), timeout=60)
        self.assertNotIn(b"changed-in-transit", done.stdout)
        records[0]["command"]["params"] = [["name", "Another"]]
        done = run("check", "-q", "-T", "jsonl", "--fail-on", "never", "-", input=spell(records), timeout=60)
        self.assertEqual(done.stdout.count(b'"changed-in-transit"'), 1)

    def test_many_exchanges_without_a_name(self):
        """Who speaks is looked for once in a connection, not once for each finding."""
        records = [exchange(params=(), findings=[finding("cleartext")]) for _ in range(40000)]
        for i, record in enumerate(records):
            record["command"] = dict(record["command"], frame=10 + i)
        records[-1]["command"]["params"] = [["name", "Late"]]
        done = run("check", "-q", "--show", "note", "--fail-on", "never", "-", input=spell(records), timeout=60)
        self.assertIn(b"\n  Late (client): 1 connection, 1 address\n", done.stdout)

    def test_samples_of_proxies_that_change_lists(self):
        for name, text in (("forgets", 'not passed on: name "imapid-samples", version "1.0"'),
                           ("octets", 'not passed on: name "imapid-samples", vendor "Caf\u00e9", arguments "one\r\ntwo\r\n"; '
                                      'told instead: arguments "onetwo"'),
                           ("many", "not passed on: " + ", ".join(f'f{i} "{i}"' for i in range(26, 41))),
                           ("refused", 'not passed on: x-a-field-name-of-more-than-thirty-octets "1", version "1.0"')):
            done = self.check("--fail-on", "never", sample(f"dovecot-proxy-{name}"))
            found, = [r for r in map(json.loads, done.stdout.splitlines()) if r.get("code") == "changed-in-transit"]
            self.assertEqual(found["text"], text)
            self.assertEqual((found["client"]["ip"], found["related"]["stream"]), ("10.0.1.1", 0))

    def test_samples_of_proxies_have_none(self):
        done = self.check("--fail-on", "never", sample("dovecot-proxy"), sample("dovecot-proxy-late-id"), sample("nginx-proxy"))
        self.assertNotIn(b"changed-in-transit", done.stdout)


def capture(dialogue):
    """A pcap file of one TCP connection on port 143: (side, octets) in turn, side 0 being the client."""
    ends, seq, packets = ((b"\x0a\0\0\x05", 50000), (b"\xc0\0\x02\x01", 143)), [100, 900], []

    def segment(side, flags, data=b""):
        (src, sport), (dst, dport) = ends[side], ends[1 - side]
        tcp = struct.pack(">HHIIBBHHH", sport, dport, seq[side], seq[1 - side], 0x50, flags, 65535, 0, 0) + data
        packets.append(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, src, dst) + tcp)
        seq[side] += len(data) + (flags & 3 > 0)

    segment(0, 2)
    segment(1, 0x12)
    for side, data in dialogue:
        segment(side, 0x18, data)
    segment(0, 0x11)
    segment(1, 0x11)
    head = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
    return head + b"".join(struct.pack("<IIII", 1767323045, i, len(p), len(p)) + p for i, p in enumerate(packets))


class Required(unittest.TestCase):
    """Why can this client not open its mailbox? The case of the manual."""

    GREETING = [(1, b"* OK IMAP ready\r\n"), (0, b"a1 LOGIN alice secret\r\n"), (1, b"a1 OK LOGIN completed\r\n")]
    SELECT = [(0, b"a2 SELECT INBOX\r\n"), (1, b"a2 NO SELECT Unsafe Login. Please contact kefu@example.com for help\r\n")]
    ID = [(0, b'a3 ID ("name" "Example")\r\n'), (1, b"* ID NIL\r\na3 OK ID completed\r\n")]
    BETTER = [(0, b"a4 SELECT INBOX\r\n"), (1, b"* 3 EXISTS\r\na4 OK SELECT completed\r\n")]

    def codes(self, dialogue):
        done = run("check", "-q", "-T", "jsonl", "--fail-on", "warning", "--ignore", "not-advertised", "--ignore", "cleartext-password",
                   "-", input=capture(dialogue))
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.returncode, [r["code"] for r in map(json.loads, done.stdout.splitlines()) if r["type"] == "finding"]

    def test_refused_until_an_id_came(self):
        self.assertEqual(self.codes(self.GREETING + self.SELECT), (1, ["required-by-server"]))

    def test_not_refused(self):
        self.assertEqual(self.codes(self.GREETING + self.BETTER), (0, []))
        self.assertEqual(self.codes(self.GREETING + self.ID + self.BETTER), (0, ["cleartext"]))

    def test_what_the_id_lacked_is_told_the_same_from_records(self):
        def id_(args, answer):
            return [(0, b"a3 ID " + args + b"\r\n"), (1, b"a3 " + answer + b"\r\n")]
        for dialogue, lack in ((self.GREETING + self.SELECT, "none was sent"),
                               (self.GREETING + id_(b"NIL", b"OK done") + self.SELECT, "the one sent was NIL"),
                               (self.GREETING[:1] + id_(b'("name" "x")', b"OK done") + self.GREETING[1:] + self.SELECT,
                                "the one sent came before the login"),
                               (self.GREETING + id_(b'("name" "x") ', b"BAD no") + self.SELECT, "the one sent was rejected")):
            lines = run("-q", "-T", "jsonl", "-", input=capture(dialogue)).stdout
            for data in (capture(dialogue), lines):
                for form in ("text", "jsonl", "csv", "sarif"):
                    done = run("check", "-q", "-T", form, "-", input=data)
                    self.assertIn(f"and asked for an ID: {lack}".encode(), done.stdout, form)
                self.assertIn(f"and asked for an ID: {lack}".encode(), run("report", "-q", "-", input=data).stdout)
        self.assertEqual(self.codes(self.GREETING + id_(b'("name" "x")', b"OK done") + self.SELECT)[1], ["no-response", "cleartext"])

    def test_stats_and_report_tell_it(self):
        data = capture(self.GREETING + self.SELECT)
        self.assertIn(b"1  connection refused service until an ID came", run("stats", "-q", "-", input=data).stdout)
        self.assertIn(b"required-by-server", run("report", "-q", "-", input=data).stdout)


class Memory(unittest.TestCase):
    """An answer keeps little of an exchange, whatever the connection, and nothing of what it has written."""

    @staticmethod
    def peak(path, *command):
        """KiB at most."""
        program = subprocess.Popen([IMAPID, "-q", "-j", "1", *command, path], stdout=subprocess.DEVNULL, cwd=ROOT)
        most = 0
        while program.poll() is None:
            try:
                status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
            except OSError:
                break
            most = max([most] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")])
            time.sleep(0.002)
        program.wait()
        return most

    @unittest.skipIf(is_sanitized(IMAPID, "asan", "tsan"),
                     "sanitizers need memory of their own")
    def test_of_an_exchange(self):
        line = spell([exchange(findings=[finding("cleartext")])]).replace(b"10.0.0.5", b"10.HIGH.LOW.5")
        line = line.replace(b'"stream": 0', b'"stream": STREAM').replace(b'"stream":0', b'"stream":STREAM')
        self.assertIn(b"STREAM", line)
        with tempfile.TemporaryDirectory() as folder:
            few, many = pathlib.Path(folder, "few.jsonl"), pathlib.Path(folder, "many.jsonl")
            for path, n in ((few, 1000), (many, 61000)):
                path.write_bytes(b"".join(line.replace(b"STREAM", b"%d" % i).replace(b"HIGH", b"%d" % (i >> 8 & 255)).replace(
                    b"LOW", b"%d" % (i & 255)) for i in range(n)))
            for command, most in ((("stats",), 200), (("check",), 300), (("check", "-T", "sarif"), 300), (("report",), 500)):
                grown = self.peak(many, *command) - self.peak(few, *command)
                self.assertLess(grown * 1024 / 60000, most, command)


class Stats(unittest.TestCase):
    def groups(self, records, *arguments):
        done = run("stats", "-q", "-T", "jsonl", *arguments, "-", input=spell(records))
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0], {tuple(r["values"]): r for r in lines[1:]}

    def test_counts(self):
        records = [exchange(0, ("10.0.0.1", 1), params=(("name", "A"), ("TransID", "1"))),
                   exchange(0, ("10.0.0.1", 1), params=(("name", "A"), ("TransID", "2")), time="2026-01-02T04:00:00.000000000Z"),
                   exchange(1, ("10.0.0.1", 2), params=(("name", "a "), ("x-session-id", "9"))),
                   exchange(2, ("10.0.0.2", 1), params=(("name", "A"),)),
                   exchange(3, ("10.0.0.3", 1), params=(("name", "B"),))]
        _, groups = self.groups(records, "--by", "client_name")
        self.assertEqual(set(groups), {("A",), ("B",)})
        a = groups["A",]
        self.assertEqual((a["connections"], a["client_addresses"], a["exchanges"]), (3, 2, 4))
        self.assertEqual((a["first"], a["last"]), ("2026-01-02T03:04:05.000000001Z", "2026-01-02T04:00:00.000000000Z"))

    def test_folding(self):
        records = [exchange(i, params=(("name", n),)) for i, n in
                   enumerate(("Thunderbird", "Mozilla  Thunderbird", "THUNDERBIRD", "Acme Mail 7", "acme mail 8"))]
        with tempfile.NamedTemporaryFile("w") as table:
            table.write("\ufeffname: Nobody = None\r\n# ours\r\nname: Acme Mail* = Acme\n")
            table.flush()
            _, groups = self.groups(records, "--by", "client_name", "--fold", table.name)
            self.assertEqual({k: v["connections"] for k, v in groups.items()}, {("Thunderbird",): 3, ("Acme",): 2})
            table.write("nonsense\n")
            table.flush()
            done = run("stats", "--fold", table.name, sample("idle"))
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"line 4", done.stderr)

    def test_sessions(self):
        one = exchange(0)
        refused = exchange(1, result={"frame": 5, "status": "NO", "text": "no"}, response=None)
        records = [one, session(one), refused, session(refused)]
        for stream, more in ((2, {}), (3, {"from_start": False}), (4, {"decrypted": False, "not_decrypted": "no-key"}), (6, {"ended": None}),
                             (5, {"findings": [finding("required-by-server", side="server")]})):
            records.append(dict(session(dict(one, stream=stream), exchanges=0), **more))
        totals, _ = self.groups(records)
        self.assertEqual({k: totals[k] for k in ("connections", "with_id", "silent", "not_ended", "unread", "maybe_silent", "refused", "required", "not_readable")},
                         {"connections": 7, "with_id": 2, "silent": 2, "not_ended": 1, "unread": 1, "maybe_silent": 1, "refused": 1, "required": 1,
                          "not_readable": 1})
        self.assertEqual(totals["not_readable_why"], {"no-key": 1})

    def test_top_and_by(self):
        done = run("stats", "-q", "-T", "csv", "--by", "server_name,security", "--top", "2", "samples")
        rows = list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))
        self.assertEqual(rows[0][:3], ["server_name", "security", "connections"])
        self.assertEqual(len(rows), 3)
        self.assertGreaterEqual(int(rows[1][2]), int(rows[2][2]))
        done = run("stats", "--by", "shoe_size", "samples")
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"client_name", done.stderr)

    def test_sums_have_an_end(self):
        capture = {"type": "capture", "schema": 1, "format": "pcap", "packets": (1 << 63) - 1, "bytes": (1 << 63) - 1, "tcp_connections": 1,
                   "imap_sessions": 1, "exchanges": 1, "sessions_not_decrypted": 0, "lost_bytes": 3, "cut_packets": 0, "error": None}
        totals, _ = self.groups([dict(capture, file=f"{i}.pcap") for i in range(3)])
        self.assertEqual((totals["packets"], totals["bytes"], totals["lost_bytes"], totals["captures"]), ((1 << 64) - 1, (1 << 64) - 1, 9, 3))
        done = run("stats", "-", input=spell([dict(capture, file="a", packets=1 << 63)]))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"packets", done.stderr)

    def test_who_a_proxy_speaks_for_is_the_client(self):
        records = [exchange(i, ("10.9.9.9", 7000 + i), proxied_client={"ip": f"192.0.2.{i}", "port": 5}) for i in range(4)]
        totals, _ = self.groups(records)
        self.assertEqual(totals["client_addresses"], 4)


class Auth(unittest.TestCase):
    """How they log in: from captures and from their records, and never with a name or a secret."""

    DIALOGUE = [(1, b"* OK IMAP ready\r\n"), (0, b"a1 AUTHENTICATE PLAIN\r\n"), (1, b"+ \r\n"), (0, b"AHBhc3N3b3JkLW93bmVyAFNFQ1JFVA==\r\n"),
                (1, b"a1 NO no\r\n"), (0, b"a2 LOGIN alice SECRET\r\n"), (1, b"a2 OK done\r\n")]

    def test_records_and_answers(self):
        data = capture(self.DIALOGUE)
        lines = run("-q", "-T", "jsonl", "-", input=data).stdout
        record = next(r for r in map(json.loads, lines.splitlines()) if r["type"] == "session")
        self.assertEqual(record["auth"], [{"mechanism": "PLAIN", "status": "NO", "cleartext_password": True},
                                          {"mechanism": "LOGIN", "status": "OK", "cleartext_password": True}])
        self.assertEqual([f["code"] for f in record["findings"]], ["cleartext-password"])
        self.assertEqual(run("-q", "-T", "jsonl", "-", input=lines).stdout, lines)
        for source in (data, lines):
            done = run("check", "-q", "--fail-on", "warning", "-", input=source)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"cleartext-password", done.stdout)
            for by, values in (("auth", ["LOGIN, password in the clear"]), ("auth,client_name", ["LOGIN, password in the clear", None])):
                groups = run("stats", "-q", "-T", "jsonl", "--by", by, "-", input=source).stdout.splitlines()[1:]
                self.assertEqual([(r["values"], r["connections"], r["unread"]) for r in map(json.loads, groups)], [(values, 1, 0)])
        for command in ("extract", "check", "stats", "report"):
            done = run(command, "-v", "-", input=data)
            for secret in (b"SECRET", b"alice", b"AHBhc3"):
                self.assertNotIn(secret, done.stdout + done.stderr)

    def test_no_word_of_records_gets_through(self):
        one = exchange()
        auth = [{"mechanism": "alice:SECRET", "status": "alice", "cleartext_password": False}]
        for more in ((), ("--redact",)):
            done = run("-q", "-T", "jsonl", *more, "-", input=spell([one, session(one, auth=auth)]))
            record = json.loads(done.stdout.splitlines()[1])
            self.assertEqual(record["auth"], [{"mechanism": "other", "status": None, "cleartext_password": False}])
        for bad in ({}, [1], [{}], [{"mechanism": 1, "status": None, "cleartext_password": True}]):
            self.assertEqual(run("-q", "-T", "jsonl", "-", input=spell([session(one, auth=bad)])).returncode, 2)


class Unread(unittest.TestCase):
    """What was not read is never called healthy."""

    def records(self):
        one, two, three = (exchange(i, ("10.0.0.5", 40000 + i)) for i in range(3))
        hidden = {"exchanges": 0, "decrypted": False, "not_decrypted": "no-key"}
        return [one, session(one), session(two, **hidden), session(three, security="starttls", **hidden)]

    def test_check_says_it_and_fails_if_asked(self):
        for form, where in (("text", "stdout"), ("jsonl", "stdout"), ("csv", "stderr"), ("sarif", "stdout")):
            done = run("check", "-q", "-T", form, "-", input=spell(self.records()))
            self.assertEqual(done.returncode, 0)
            self.assertIn(b'"unread":2,"unread_why":{"no-key":2}' if form == "jsonl" else
                          b"2 of 3 connections could not be looked into: no-key 2", getattr(done, where), form)
            done = run("check", "-q", "-T", form, "--fail-on", "unread", "-", input=spell(self.records()))
            self.assertEqual(done.returncode, 1)
            done = run("check", "-q", "-T", form, "--fail-on", "unread", "-", input=spell(self.records()[:2]))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        broken = exchange(findings=[finding("bad-string")])
        self.assertEqual(run("check", "-q", "--fail-on", "unread", "-", input=spell([broken, session(broken)])).returncode, 1)

    def test_nothing_read_is_a_failure(self):
        hidden = spell(self.records()[2:])
        for severity in ("error", "never", "unread"):
            self.assertEqual(run("check", "-q", "--fail-on", severity, "-", input=hidden).returncode, 2, severity)
        foreign = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 160) + struct.pack("<IIII", 1, 2, 4, 4) + b"1234"
        done = run("check", "-q", "-", input=foreign)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"1 of 1 capture could not be looked into", done.stdout)
        self.assertEqual(run("check", "-q", "-", input=foreign[:24]).returncode, 0)  # no packets at all

    def test_stats_have_rows_for_it(self):
        for by, value, connections in (("security", "tls", 2), ("security", "starttls", 1), ("client_ip", "10.0.0.5", 3),
                                       ("server_ip", "192.0.2.1", 3), ("server_port", "143", 3), ("file", "a.pcap", 3),
                                       ("day", "2026-01-02", 3), ("month", "2026-01", 3), ("unread", "no-key", 2)):
            done = run("stats", "-q", "-T", "jsonl", "--by", by, "-", input=spell(self.records()))
            groups = {r["values"][0]: r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == "group"}
            self.assertEqual(groups[value]["connections"], connections, by)
            self.assertEqual(sum(r["unread"] for r in groups.values()), 2, by)
        done = run("stats", "-q", "-T", "jsonl", "--by", "client_name", "-", input=spell(self.records()))
        self.assertEqual([r["unread"] for r in map(json.loads, done.stdout.splitlines()) if r["type"] == "group"], [0])

    def test_each_connection_is_in_one_line_of_the_summary(self):
        """No connection is left out in silence: read with an ID, without one, or not read."""
        text = run("stats", "-q", "samples").stdout.decode()
        totals = json.loads(run("stats", "-q", "-T", "jsonl", "samples").stdout.splitlines()[0])
        kinds = {"with_id": "with an ID of the client", "silent": "seen whole that sent no ID",
                 "not_ended": "that had not ended, and no ID was seen yet", "maybe_silent": "not seen whole, and no ID was seen"}
        self.assertEqual(sum(totals[kind] for kind in (*kinds, "unread")), totals["connections"])
        self.assertRegex(text, rf"\AWho speaks IMAP · [^·]+ · {totals['connections']} connections · {totals['client_addresses']} client addresses · ")
        for kind, words in kinds.items():
            found = re.search(rf"(?m)^ *([0-9,]+)  connections? {words}$", text)
            self.assertEqual(int(found[1].replace(",", "")) if found else 0, totals[kind], kind)
        unread = sum(int(n) for n in re.findall(r"(?m)^ *(\d+)  connections? (?:in TLS: no key|that could not be read, for other)", text))
        self.assertEqual(unread, totals["not_readable"])

    def test_nothing_is_concluded_from_records_that_are_not_there(self):
        """The session counts exchanges that did not come: all answers say that none was seen, and none that none was sent."""
        lines = run("-q", "-T", "jsonl", "samples/alpine-dovecot.pcapng").stdout.splitlines(True)
        data = b"".join(line for line in lines if not line.startswith(b'{"type":"exchange"'))
        self.assertIn(b"1  connection not seen whole, and no ID was seen", run("stats", "-q", "-", input=data).stdout)
        page = run("report", "-q", "-", input=data).stdout.decode()
        told = [words in page for words in ("was not seen whole", ": no ID seen", "Read whole, and no ID was sent", "no ID sent")]
        self.assertEqual(told, [True, True, False, False])

    def test_the_first_line_of_stats(self):
        """Of two days what differs."""
        for first, last, told in (("2026-01-02", "2026-01-02", "2 Jan 2026"), ("2026-01-02", "2026-01-30", "2 to 30 Jan 2026"),
                                  ("2026-01-02", "2026-02-02", "2 Jan to 2 Feb 2026"), ("2025-01-02", "2026-01-02", "2 Jan 2025 to 2 Jan 2026")):
            session = dict(self.records()[1], first=f"{first}T12:00:00.000000000Z", last=f"{last}T12:00:00.000000000Z")
            text = run("stats", "-q", "-", input=spell([session])).stdout.decode()
            self.assertTrue(text.startswith(f"Who speaks IMAP · {told} · 1 connection · 1 client address · "), text)

    def test_one_is_not_spelled_as_many(self):
        open_ = dict(self.records()[1], ended=None, from_start=False)
        for n, noun in (1, "connection"), (2, "connections"):
            data = spell([dict(open_, id=f"a.pcap:{i + 1}", stream=i) for i in range(n)])
            self.assertIn(f"{n}  {noun} that began before the capture".encode(), run("stats", "-q", "-", input=data).stdout)
            page = run("report", "-q", "-", input=data).stdout.decode()
            self.assertIn(f"<b>{n}</b><span>{noun} {'was' if n == 1 else 'were'} not seen whole", page)

    def test_they_are_listed(self):
        data = spell(self.records())
        self.assertIn(b"a.pcap stream 1, 10.0.0.5:40001 to 192.0.2.1:143, tls, no-key", run("stats", "-q", "-v", "-", input=data).stdout)
        table = run("stats", "-q", "-v", "-T", "csv", "-", input=data).stdout.decode().split("\r\n\r\n")[1]
        self.assertEqual([row["client_port"] for row in csv.DictReader(io.StringIO(table, newline=""))], ["40001", "40002"])
        listed = [json.loads(line) for line in run("stats", "-q", "-v", "-T", "jsonl", "-", input=data).stdout.splitlines()]
        self.assertEqual([r["client"]["port"] for r in listed if r["type"] == "unread"], [40001, 40002])
        page = run("report", "-q", "-", input=data).stdout.decode()
        self.assertIn("TLS, and no key was given for it", page)
        self.assertIn("10.0.0.5:40002 to 192.0.2.1:143", page)


class SnapLength(unittest.TestCase):
    """What the capture has no octets of was not looked into."""

    def cut(self, n, change=bytes):
        return pcap.cut((ROOT / "samples" / "idle.pcap").read_bytes(), n, change)

    def test_headers_are_cut(self):
        for n in (10, 30, 40, 49):
            done = run("check", "-q", "-", input=self.cut(n))
            self.assertEqual(done.returncode, 2, n)
            self.assertIn(b"27 of 27 packets were not read, most of them of headers: cut by the snap length", done.stderr)

    def test_octets_are_cut(self):
        for n in (54, 60, 66):
            done = run("check", "-q", "-", input=self.cut(n))
            self.assertEqual(done.returncode, 2, n)
            self.assertIn(b"1 of 1 connection could not be looked into: lost 1", done.stdout)
            session = json.loads(run("-q", "-T", "jsonl", "-", input=self.cut(n)).stdout.splitlines()[0])
            self.assertEqual((session["not_decrypted"], session["outcome"]["status"], session["healthy"]), ("lost", "lost", None))

    def test_some_are_cut(self):
        done = run("check", "-q", "-", input=self.cut(80))
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"1 of 1 connection was read with octets missing", done.stdout)

    def test_headers_that_cannot_be(self):
        for change in (lambda p: p[:46] + b"\x10" + p[47:], lambda p: p[:46] + b"\xf0" + p[47:54]):
            done = run("check", "-q", "-", input=self.cut(65535, change))
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"most of them of headers: malformed, of TCP", done.stderr)


class ExitStatus(unittest.TestCase):
    def test_every_row_of_the_manual(self):
        text = (ROOT / "docs" / "imapid.1").read_text().split(".Sh EXIT STATUS")[1].split(".Sh ")[0]
        rows = re.findall(r"^\.It Li (.*)\n(\d+): ", text, re.M)
        self.assertEqual({status for _, status in rows}, {"0", "1", "2", "3", "130", "143"})
        self.assertEqual(len(rows), text.count(".It Li "))
        with tempfile.TemporaryDirectory() as folder:
            unknown = pathlib.Path(folder, "user0.pcap")
            packet = b"\0" * 60
            unknown.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 147)
                                + struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)
            for command, status in rows:
                names = {"imapid": IMAPID, unknown.name: str(unknown)}
                # timeout(1) signals the program and its group: twice
                done = subprocess.run([names.get(word, word) for word in shlex.split(command)], cwd=ROOT, capture_output=True,
                                      check=False, timeout=120, env=WITHOUT_LEAKS if int(status) > 128 else None)
                self.assertEqual(done.returncode, int(status), (command, done.stderr))
                if int(status) > 128:  # what was read until then is told, with the totals
                    self.assertIn(b"imapid-samples", done.stdout, command)
                    self.assertIn(b" 1 connection, 1 named its program", done.stderr, command)


class Seeds(unittest.TestCase):
    def test_partials_for_the_fuzz_target_are_of_today(self):
        """Of others it would see no more than how they begin. To make one anew: stats -T partial, and its rows are behind 29 octets."""
        folder = ROOT / "tests" / "fuzz" / "corpus" / "partial"
        seeds = sorted(folder.glob("whole-*"))
        self.assertTrue(seeds)
        for seed in seeds:
            done = subprocess.run([IMAPID, "-q", "stats", str(seed)], capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""), seed.name)
            self.assertEqual((folder / seed.name.replace("whole", "rows")).read_bytes(), seed.read_bytes()[29:], seed.name)


class PasswordsInTheClear(unittest.TestCase):
    """Which of my users still log in with a password in the clear, with which program? The case of the manual."""

    WITH_ID = [(1, b"* OK ready\r\n"), (0, b'a1 ID ("name" "Example Mail" "version" "1.2")\r\n'), (1, b"* ID NIL\r\na1 OK\r\n"),
               (0, b"a2 LOGIN bob secret\r\n"), (1, b"a2 OK\r\n")]
    WITHOUT = [(1, b"* OK ready\r\n"), (0, b"a1 AUTHENTICATE PLAIN\r\n"), (1, b"+ \r\n"), (0, b"AGJvYgBzZWNyZXQ=\r\n"),
               (1, b"a1 NO [AUTHENTICATIONFAILED] no\r\n")]
    HASHED = [(1, b"* OK ready\r\n"), (0, b"a1 AUTHENTICATE CRAM-MD5\r\n"), (1, b"+ PDE+\r\n"), (0, b"Ym9iIDAw\r\n"), (1, b"a1 OK\r\n")]

    def test_commands_of_the_manual(self):
        page = (ROOT / "docs/imapid.1").read_text()
        case = page.split(".Ss Which of my users still log in with a password in the clear")[1].split(".Ss ")[0]
        stats, check = (shlex.split(command)[1:-1] for command in re.findall(r"^\.Dl (imapid .* captures/)$", case, re.M))
        with tempfile.TemporaryDirectory() as folder:
            for name, dialogue in (("with", self.WITH_ID), ("without", self.WITHOUT), ("hashed", self.HASHED)):
                pathlib.Path(folder, f"{name}.pcap").write_bytes(capture(dialogue))
            counted, checked = run(*stats, "-q", folder), run(*check, "-q", folder)
        self.assertEqual((counted.returncode, checked.returncode), (0, 1))
        lines = [re.split(r"  +", line)[0] for line in counted.stdout.decode().splitlines() if " in the clear" in line]
        self.assertEqual([line[:line.index("clear") + 5] for line in lines], ["LOGIN, password in the clear", "PLAIN, password in the clear"])
        self.assertIn("Example Mail 1.2", lines[0])
        self.assertIn("(not said)", lines[1])
        self.assertIn(b"CRAM-MD5", counted.stdout)
        told = checked.stdout.decode()
        self.assertEqual(told.count("cleartext-password"), 1)
        for name in "with", "without":
            self.assertIn(f"{name}.pcap:1, 10.", told)
        self.assertNotIn("hashed.pcap", told)
        for secret in b"bob", b"secret", b"AGJvYgBzZWNyZXQ=":
            self.assertNotIn(secret, counted.stdout + checked.stdout)


def community_id(record):
    """Version 1 of the ends of a record (https://github.com/corelight/community-id-spec)."""
    ends = [(ipaddress.ip_address(record[side]["ip"]).packed, record[side]["port"]) for side in ("client", "server")]
    (a, a_port), (b, b_port) = sorted(ends)
    octets = struct.pack("!H", 0) + a + b + struct.pack("!BBHH", 6, 0, a_port, b_port)
    return "1:" + base64.b64encode(hashlib.sha1(octets).digest()).decode()


class Redact(unittest.TestCase):
    SECRETS = ["10.11.12.13", "2001:db8::77", "alice@example.org", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "00:1a:2b:3c:4d:5e",
               "Zm9vYmFyMTIzNDU2Nzg5MHF1dXg", "s3ss10n", "/u/alice", "alices-laptop", "198.51.100.7", "Qw9-secret-tag", "bobs-field"]

    def records(self):
        mail, uuid, mac, token = self.SECRETS[2:6]
        params = [("name", f"Example for {mail}"), ("version", f"1.2 {uuid}"), ("os", f"Linux {mac} 10.11.12.13 {token}"),
                  ("os-version", "6.1"), ("vendor", "Example"), ("support-url", f"https://alices-laptop:x@example.com/help?user={mail}#s3ss10n"),
                  ("address", "/u/alice"), ("date", f"17-Jul-1996 {mail}"), ("command", "/u/alice"), ("arguments", mail),
                  ("environment", "HOME=/u/alice"), ("x-session-id", "s3ss10n"), ("x-originating-ip", "10.11.12.13"),
                  ("x-originating-port", "40000"), ("remote-host", "alices-laptop"), ("TransID", "s3ss10n"), ("bobs-field", "s3ss10n"),
                  (mail, None), ("x-connected-ip", "not an address s3ss10n"), ("x-proxy-ttl", "s3ss10n")]
        one = exchange(0, ("10.11.12.13", 40000), ("2001:db8::77", 143), params, tag="Qw9-secret-tag", file="/u/alice/alices-laptop.pcapng",
                       proxied_client={"ip": "198.51.100.7", "port": 5})
        one["command"]["raw"] = 'Qw9-secret-tag ID ("name" "Example for alice@example.org" "bobs-field" s3ss10n /u/alice 10.11.12.13)'
        one["response"]["params"] = [["name", "Dovecot"], ["version", "2.3.19.1"], ["remote-host", "10.11.12.13"]]
        one["result"]["text"] = "ID completed for alices-laptop (10.11.12.13) s3ss10n alice@example.org"
        one["findings"] = [finding("duplicate-field", "bobs-field"), finding("bad-string", mail), finding("refused")]
        capture = {"type": "capture", "schema": 1, "file": one["file"], "format": "pcap", "packets": 1, "bytes": 1,
                   "tcp_connections": 1, "imap_sessions": 1, "exchanges": 1, "sessions_not_decrypted": 0, "lost_bytes": 0,
                   "cut_packets": 0, "error": "/u/alice/alices-laptop.pcapng: s3ss10n"}
        return [one, session(one, not_decrypted="s3ss10n alice@example.org", decrypted=False), capture]

    def outputs(self, data):
        for form in ("text", "jsonl", "csv", "tsv"):
            yield form, run("-q", "-v", "--redact", "-T", form, "-", input=data).stdout
        for command, form in Same.ANSWERS:
            yield command + form, run(command, "-q", "-v", "--redact", "-T", form, "-", input=data).stdout
        yield "by", run("stats", "-q", "--redact", "--by", "file,client_ip,server_ip,client_os", "-", input=data).stdout
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "x.db")
            run("-q", "--redact", "-T", "sqlite", "-w", path, "-", input=data)
            yield "sqlite", path.read_bytes()

    def test_nothing_gets_through(self):
        records = self.records()
        plain = run("-q", "-T", "jsonl", "-", input=spell(records)).stdout
        for secret in self.SECRETS:
            self.assertIn(secret.encode(), plain)  # so the test can fail
        for name, output in self.outputs(spell(records)):
            self.assertTrue(output, name)
            for secret in self.SECRETS:
                self.assertNotIn(secret.encode(), output, name)
            self.assertNotIn(b"alice", output, name)

    def redacted(self, pairs):
        """What becomes of the value of each pair, the field's name staying."""
        done = run("-q", "-T", "jsonl", "--redact", "-", input=spell(exchange(params=[pair]) for pair in pairs))
        self.assertEqual(done.returncode, 0, done.stderr)
        had = [json.loads(line)["command"]["params"][0] for line in done.stdout.splitlines()]
        self.assertEqual([field for field, _ in had], [field for field, _ in pairs])
        return [value for _, value in had]

    def test_one_rule_for_all(self):
        """What stays and what goes is tested in test-redact-value.c; here, that both come out of the program so."""
        cases = [("name", "Thunderbird"), ("version", "2.3.19.1"), ("os", "Linux 6.1.0-13-amd64"), ("date", "17-Jul-1996 02:44:25 -0700")]
        self.assertEqual(self.redacted(cases), [text for _, text in cases])
        for had in self.redacted([("vendor", "Joe <joe@example.org>"), ("version", "10.11.12.13"), ("os", "x 2001:db8::77 y")]):
            self.assertRegex(had, r"\A(redacted-[0-9a-f]{16}|fd04:[0-9a-f:]+)\Z")

    def test_long_values_take_no_time(self):
        for text in ("a" * 60000, "a@" * 30000, "%" * 60000, ":" * 60000, "1." * 30000, "a-" * 30000, "//" * 30000, "a%40" * 15000):
            done = run("-q", "-T", "jsonl", "--redact", "-", input=spell([exchange(params=[(f, text) for f in ("name", "version", "support-url", "date")])]), timeout=20)
            self.assertEqual(done.returncode, 0)

    def test_text_of_results(self):
        """Words that are no names stay; letters and digits of all else are masked."""
        for text, wanted in (("ID completed for alices-laptop (10.11.12.13)", "ID completed for xxxxxx-xxxxxx (99.99.99.99)"),
                             ("LOGIN failed: alice@example.org s3ss10n", "LOGIN failed: xxxxx@xxxxxxx.xxx s9xx99x"), ("caf\u00e9 \u90ae", "xxxx x"), ("", "")):
            record = exchange(result={"frame": 5, "status": "NO", "text": text})
            had = json.loads(run("-q", "-T", "jsonl", "--redact", "-", input=spell([record])).stdout)
            self.assertEqual(had["result"], {"frame": 5, "status": "NO", "text": wanted, "tagged": True})

    def test_samples(self):
        secrets = set()
        for record in map(json.loads, LINES):
            if record["type"] == "exchange":
                secrets |= {record["client"]["ip"], record["server"]["ip"], record["file"]}
                for field, value in (record["command"] or {}).get("params") or []:
                    if field and value and field.lower() in ("x-session-id", "environment", "arguments", "command", "address") and len(value) > 4:
                        secrets.add(value)
        self.assertGreater(len(secrets), 20)
        output = json.dumps([json.loads(line) for line in run("-q", "-T", "jsonl", "--redact", "samples").stdout.splitlines()], ensure_ascii=False)
        for secret in secrets:
            self.assertNotRegex(output, r"(?<![\w.])" + re.escape(secret) + r"(?![\w.])")

    def test_what_stays(self):
        record = json.loads(run("-q", "-T", "jsonl", "--redact", sample("dovecot-proxy")).stdout.splitlines()[0])
        plain = json.loads(run("-q", "-T", "jsonl", sample("dovecot-proxy")).stdout.splitlines()[0])
        for key in ("tag", "time", "stream", "rtt", "security", "state", "complete", "command", "findings"):
            self.assertEqual(record[key], plain[key])
        self.assertEqual(record["response"]["params"], plain["response"]["params"])
        self.assertNotEqual(record["client"]["ip"], plain["client"]["ip"])
        self.assertEqual(record["client"]["port"], plain["client"]["port"])
        self.assertRegex(record["client"]["ip"], r"\Afd04:")

    # What is replaced, and what is made of that; everything else is told as it is without --redact.
    REPLACED = {"file", "session", "id", "ip", "community_id", "filter", "tag", "params", "params_hex", "raw", "text", "server_name", "field"}

    def same_but(self, plain, redacted, path=""):
        if isinstance(plain, dict):
            self.assertEqual(list(plain), list(redacted), path)
            for key in plain:
                if key not in self.REPLACED:
                    self.same_but(plain[key], redacted[key], f"{path}.{key}")
                else:
                    self.assertEqual(plain[key] is None, redacted[key] is None, path + key)
        elif isinstance(plain, list):
            self.assertEqual(len(plain), len(redacted), path)
            for a, b in zip(plain, redacted):
                self.same_but(a, b, path + "[]")
        else:
            self.assertEqual(plain, redacted, path)

    def test_everything_else_stays(self):
        """From captures: a member that the redactor forgets shows, and none brings an address in another form."""
        for source in ("samples", "-"):
            data = spell(self.records() + [exchange(result={"frame": 5, "status": "BAD", "text": "no", "tagged": False})]) if source == "-" else None
            plain = [json.loads(line) for line in run("-q", "-T", "jsonl", source, input=data).stdout.splitlines()]
            redacted = [json.loads(line) for line in run("-q", "-T", "jsonl", "--redact", source, input=data).stdout.splitlines()]
            self.assertEqual(len(plain), len(redacted))
            for a, b in zip(plain, redacted):
                if a["type"] == "session":
                    a["not_decrypted"] = b["not_decrypted"] = None  # words of this program alone stay
                if a["type"] == "capture":
                    a["error"] = b["error"] = None
                self.same_but(a, b)
                if "filter" in a:
                    self.assertEqual(re.findall(r"addr eq (\S+?)[ )]", b["filter"] + ")"), [b["client"]["ip"], b["server"]["ip"]])
                    self.assertNotEqual(a["community_id"], b["community_id"])
                    self.assertEqual(community_id(b), b["community_id"])  # of the pseudonyms

    def test_stable_with_a_key_and_not_without(self):
        with tempfile.TemporaryDirectory() as folder:
            keys = [pathlib.Path(folder, n) for n in ("a", "b", "short")]
            for key, text in zip(keys, ("a key of thirty-two octets or so\n", "another key of some octets", "short")):
                key.write_text(text)
            args = ("-q", "-T", "jsonl", sample("dovecot-proxy"))
            first = run("--redact-key", keys[0], *args).stdout
            self.assertEqual(run("--redact-key", keys[0], "-j", 3, *args).stdout, first)
            self.assertNotEqual(run("--redact-key", keys[1], *args).stdout, first)
            self.assertNotEqual(run("--redact", *args).stdout, run("--redact", *args).stdout)
            done = run("--redact-key", keys[2], *args)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"16", done.stderr)
            other = run("--redact-key", keys[0], "-q", "-T", "jsonl", sample("dovecot-proxy-late-id")).stdout
            one = [json.loads(line) for line in first.splitlines()]
            late = [json.loads(line) for line in other.splitlines()]
            self.assertEqual(one[0]["client"]["ip"], late[0]["client"]["ip"])  # the same host in another file

    def test_counts_stay(self):
        def totals(*more):
            done = run("stats", "-q", "-T", "jsonl", *more, "samples")
            return json.loads(done.stdout.splitlines()[0])
        plain = totals()
        self.assertEqual(totals("--redact"), plain)


class Page(html.parser.HTMLParser):
    """What of a page is markup."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.scripts, self.attributes = [], [], [], [], set()
        self.in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [v for k, v in attrs if k == "id"]
        self.links += [v for k, v in attrs if k in ("href", "src", "xlink:href", "action")]
        self.in_script = tag == "script"

    def handle_data(self, data):
        if self.in_script:
            self.scripts.append(data)
        self.in_script = False


class Report(unittest.TestCase):
    def page(self, data=None):
        done = run("report", "-q", "-" if data else "samples", input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_data_never_become_markup(self):
        plain, hostile = Page(self.page()), Page(self.page(spell(hostile_records())))
        self.assertLessEqual(set(hostile.tags), set(plain.tags))
        self.assertLessEqual(hostile.attributes, plain.attributes)
        self.assertNotIn("onerror", hostile.attributes)
        self.assertNotIn("style", hostile.attributes)
        for page in (plain, hostile):
            self.assertEqual(page.tags.count("script"), 3)
            self.assertEqual(len(page.ids), len(set(page.ids)))
            for link in page.links:
                self.assertTrue(link.startswith("#"), link)
                self.assertIn(link[1:], page.ids)
        self.assertEqual(plain.scripts[::2], hostile.scripts[::2])
        for page in (plain, hostile):  # the one between is data: names by tokens that no stranger chose
            self.assertNotIn("<", page.scripts[1])
            self.assertTrue(all(re.fullmatch(r"[a-z][a-z0-9.-]*", token) for token in json.loads(page.scripts[1])))

    def test_hostile_characters_are_spelled_out(self):
        text = self.page(spell(hostile_records()))
        self.assertEqual([c for c in text if (c < " " and c not in "\n") or c in "\x7f\u202e\u2066\u2028\ufeff\U000e0041"], [])

    def test_policy_names_what_is_in_the_page(self):
        import base64
        import hashlib
        text = self.page()
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
        self.assertTrue(policy.startswith("default-src 'none'"))
        self.assertNotIn("unsafe", policy)
        for tag, n in (("script", 2), ("style", 1)):
            digests = [base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
                       for inside in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)]
            self.assertEqual(len(digests), n)
            self.assertIn(f"{tag}-src " + " ".join(f"'sha256-{digest}'" for digest in digests) + ";", policy)
        self.assertLess(text.index("Content-Security-Policy"), text.index("<style>"))

    def test_no_address_of_the_network(self):
        self.assertNotRegex(re.sub(r"<bdi>.*?</bdi>|<pre>.*?</pre>", "", self.page(), flags=re.S), r"https?://")

    def test_many_connections_are_told_to_be_more(self):
        text = self.page(spell(exchange(i, ("10.0.0.5", 1000 + i)) for i in range(5100)))
        self.assertIn("5,000 of 5,100 are in this page", text)
        self.assertEqual(len(re.findall(r"<tbody[^>]* data-k=", text)), 5000)

    @unittest.skipIf(is_sanitized(IMAPID), "sanitizers: how large it becomes is held without them")
    def test_a_page_that_a_browser_can_hold(self):
        """However long and strange the lists: each escape takes six octets of HTML."""
        long = [[f"f{i}", "\x1b\"" * 500] for i in range(3)]
        records = [exchange(i, ("10.0.0.5", 1000 + i), params=long, command=dict(exchange()["command"], params=long, raw="\x1b" * 3000),
                            response=dict(exchange()["response"], params=long))
                   for i in range(4000)]
        done = run("report", "-q", "-", input=spell(records), timeout=100)
        self.assertEqual(done.returncode, 0)
        self.assertLess(len(done.stdout), 40 << 20)
        self.assertTrue(b"imapid extract -v has all of it" in done.stdout)
        self.assertTrue(b"no more room" in done.stdout)
        self.assertEqual(len(re.findall(rb"<tbody[^>]* data-k=", done.stdout)), 4000)

    def test_empty(self):
        text = self.page(LINES[-1])
        self.assertIn("<h1>No IMAP connection is in what was read.</h1>", text)


class Manual(unittest.TestCase):
    def test_findings_page_has_each_code_with_right_and_wrong(self):
        table = (ROOT / "protocol/include/imapid/findings.def").read_text()
        codes = []
        for entry in re.findall(r"^IMAPID_FINDING\((.*?)\)$", table, re.S | re.M):
            strings = re.findall(r'"((?:[^"\\]|\\.)*)"', entry)
            codes.append((strings[0], entry.split(",")[2].strip().lower(), strings[1]))
        page = (ROOT / "docs/imapid-findings.7").read_text()
        parts = re.split(r"^\.It Sy ", page, flags=re.M)[1:]
        self.assertEqual(len(parts), len(codes))
        for part, (code, severity, section) in zip(parts, codes):
            self.assertEqual(part.splitlines()[0], f"{code} Pq {severity}, {section}")
            self.assertRegex(part, r'(?m)^\.It right:\n\.Li ".+"$')
            self.assertRegex(part, r'(?m)^\.It wrong:\n\.Li ".+"$')

    def test_manual_names_every_format_and_option(self):
        page = (ROOT / "docs/imapid.1").read_text()
        usage = run("--help").stdout.decode()
        for option in re.findall(r"--([a-z-]+)", usage):
            self.assertIn(option.replace("help-all", "help"), page)
        for form in ("csv", "tsv", "sqlite", "sarif", "html"):
            self.assertIn(form, page)

    def test_queries_of_the_manual_work(self):
        page = (ROOT / "docs/imapid.1").read_text()
        queries = [re.sub(r"\\\(aq", "'", q) for q in re.findall(r'^\.Dl sqlite3 ids\.db \\\(dq(.*)\\\(dq$', page, re.M)]
        self.assertGreaterEqual(len(queries), 4)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "ids.db")
            run("-q", "-T", "sqlite", "-w", path, "samples")
            db = sqlite3.connect(path)
            for query in queries:
                self.assertIsNotNone(db.execute(query).description)
            db.close()


if __name__ == "__main__":
    unittest.main()
