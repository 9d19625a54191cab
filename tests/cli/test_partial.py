#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Partials: whatever parts records are cut into, and however partials of these are merged, each answer is that of the
records, to the octet; and a partial that is damaged is told of.

test_partial.py IMAPID [--seeds N]   N: how many cuts are tried; the first ones are always the same
"""
import gzip
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
SEEDS = 4
if "--seeds" in sys.argv:
    at = sys.argv.index("--seeds")
    SEEDS = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]

ANSWERS = [("stats",), ("stats", "-v", "-T", "jsonl"), ("stats", "-T", "csv", "--by", "file,client_name,server_ip"),
           ("stats", "-T", "jsonl", "--where", "client_name=*a*"), ("check", "-v", "--show", "note"),
           ("check", "-T", "jsonl"), ("check", "-T", "csv"), ("check", "-T", "sarif"), ("report",)]
HEAD = len(b"imapid partial 1\n")


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, timeout=300, **options)


def spell(lines):
    return b"".join(lines) + b'{"type":"end","inputs":1,"records":%d}\n' % len(lines)


def vary(record, draw):
    """The same with another connection: many of few clients and servers, in few files, some behind a proxy."""
    other = json.loads(json.dumps(record))
    other["file"] = f"{draw.randrange(4)}.pcap"
    if "stream" in other:
        other["stream"] = draw.randrange(60)
        other["client"] = {"ip": f"10.0.{draw.randrange(3)}.{draw.randrange(20)}", "port": draw.randrange(50000, 50010)}
        other["server"] = {"ip": draw.choice(("192.0.2.1", "192.0.2.2", "2001:db8::1")), "port": 143}
        if draw.randrange(3) == 0:
            other["proxied_client"] = {"ip": f"198.51.100.{draw.randrange(5)}", "port": 4000}
    return other


def make_records(seed):
    """Those of the samples, where sessions are unreadable, doubted and legs of one another; as many that vary them; and
    some of them twice."""
    draw = random.Random(seed)
    lines = [line for line in run("-q", "-T", "jsonl", "samples").stdout.splitlines(keepends=True) if b'"type":"end"' not in line]
    records = [json.loads(line) for line in lines]
    lines += [json.dumps(vary(draw.choice(records), draw)).encode() + b"\n" for _ in range(len(lines))]
    lines += draw.choices(lines, k=len(lines) // 10)
    draw.shuffle(lines)
    return lines, draw


def answer(command, *inputs, **options):
    done = run(*command, *inputs, **options)
    return done.returncode, done.stdout


class Merging(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def cut(self, lines, draw):
        """Some files with a part each."""
        cuts = sorted(draw.randrange(len(lines) + 1) for _ in range(draw.randrange(2, 7)))
        files = []
        for i, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(lines)])):
            files.append(self.path / f"{i}.jsonl")
            files[-1].write_bytes(spell(lines[start:end]))
        return files

    def merge(self, files, draw):
        """Some become partials, alone or together, these become partials, and so on."""
        files = list(files)
        for i in range(draw.randrange(3, 8)):
            draw.shuffle(files)
            n = min(draw.randrange(1, 4), len(files))
            out = self.path / f"{i}.partial"
            command = draw.choice(("stats", "check", "report"))
            done = run(command, "-q", "-T", "partial", "-w", out, *files[:n])
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            files[:n] = [out]
        return files

    def test_trees(self):
        for seed in range(SEEDS):
            lines, draw = make_records(seed)
            plain = self.path / "plain.jsonl"
            plain.write_bytes(spell(lines))
            files = self.merge(self.cut(lines, draw), draw)
            draw.shuffle(files)
            for command in ANSWERS:
                with self.subTest(seed=seed, command=command):
                    wanted = answer(command, plain)
                    self.assertGreater(len(wanted[1]), 500)
                    self.assertEqual(answer(command, *files), wanted)

    def test_captures(self):
        """Of captures, of their JSON Lines, of both: one answer, and nothing counts twice."""
        run("-q", "-T", "jsonl", "samples", "-w", self.path / "a.jsonl")
        for i, source in enumerate(("samples", self.path / "a.jsonl")):
            self.assertEqual(run("check", "-q", "-T", "partial", "-w", self.path / f"{i}.partial", source).returncode, 0)
        for command in ANSWERS:
            wanted = answer(command, "samples")
            for inputs in (["0.partial"], ["1.partial"], ["1.partial", "a.jsonl", "0.partial"]):
                with self.subTest(command=command, inputs=inputs):
                    self.assertEqual(answer(command, *(self.path / name for name in inputs)), wanted)

    def test_other_ways(self):
        """From a pipe, compressed, as records again, redacted, of chosen connections."""
        lines, _ = make_records(100)
        plain, partial = self.path / "a.jsonl", self.path / "a.partial"
        plain.write_bytes(spell(lines))
        data = run("stats", "-q", "-T", "partial", plain).stdout
        partial.write_bytes(data)
        packed = self.path / "b.partial.gz"
        packed.write_bytes(gzip.compress(data))
        for command in (("stats",), ("check", "-T", "jsonl")):
            wanted = answer(command, plain)
            self.assertEqual(answer(command, "-", input=data), wanted)
            self.assertEqual(answer(command, packed), wanted)
        again = run("extract", "-q", "-T", "jsonl", partial)
        self.assertEqual(again.returncode, 0)
        (self.path / "again.jsonl").write_bytes(again.stdout)
        self.assertEqual(answer(("report",), self.path / "again.jsonl"), answer(("report",), plain))
        key = ("--redact", "--redact-key", ROOT / "LICENSE")
        redacted = run("stats", "-q", "-T", "partial", *key, plain)
        self.assertEqual(redacted.returncode, 0, redacted.stderr)
        self.assertEqual(answer(("stats", "-T", "jsonl"), "-", input=redacted.stdout), answer(("stats", "-T", "jsonl", *key), plain))
        where = ("--where", "client_name=*a*")
        chosen = run("stats", "-q", "-T", "partial", *where, plain)
        self.assertEqual(answer(("check",), "-", input=chosen.stdout), answer(("check", *where), plain))

    def test_not_whole(self):
        """What was missing when it was made is missing for all who read it."""
        lines, _ = make_records(101)
        cut, partial, merged = self.path / "cut.jsonl", self.path / "a.partial", self.path / "b.partial"
        cut.write_bytes(b"".join(lines[:50]))
        self.assertEqual(run("stats", "-T", "partial", "-w", partial, cut).returncode, 2)
        self.assertEqual(run("stats", "-T", "partial", "-w", merged, partial).returncode, 2)
        for path in (partial, merged):
            done = run("stats", path)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b": the partial was made of inputs that could not be read whole\n", done.stderr)
            self.assertEqual((2, done.stdout), answer(("stats",), cut))

    def test_refused(self):
        lines, draw = make_records(102)
        data = run("stats", "-q", "-T", "partial", "-", input=spell(lines)).stdout
        path, out = self.path / "a.partial", self.path / "out"
        self.assertGreater(len(data), 10000)
        for _ in range(60):
            damaged = bytearray(data)
            if draw.randrange(3):
                damaged[draw.randrange(HEAD, len(data))] ^= 1 << draw.randrange(8)
            else:
                del damaged[draw.randrange(HEAD, len(data)):]
            path.write_bytes(damaged)
            for command in (("stats",), ("check", "--fail-on", "never"), ("report",)):
                done = run(*command, path)
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr.decode(), rf"(?m)^imapid: {path}: octet \d+: the partial is (damaged|cut): ")
        for data in (b"imapid partial 2\n", b"imapid partial 1\n"):
            path.write_bytes(data)
            out.write_bytes(b"before")
            done = run("stats", "-T", "partial", "-w", out, path)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(out.read_bytes(), b"before")  # nothing could be read
        done = run("cut", "-w", self.path / "x.pcapng", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"the state of an earlier answer (partial), where packets of captures are wanted", done.stderr)


if __name__ == "__main__":
    unittest.main()
