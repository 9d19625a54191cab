#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program as people and scripts call it: exit statuses, inputs, order, pipes.

test_cli.py IMAPID
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "samples"
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, **options)


def records(done, kind="exchange"):
    return [r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == kind]


def sample(name):
    return next(p for p in SAMPLES.iterdir() if p.stem == name and p.suffix.startswith(".pcap"))


class Usage(unittest.TestCase):
    def test_no_input(self):
        done = run()
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"no input", done.stderr)

    def test_unknown_option_and_format(self):
        self.assertEqual(run("--nonsense").returncode, 2)
        done = run("-T", "nonsense", sample("pipelined"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"nonsense", done.stderr)

    def test_help_and_version(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for word in (b"extract", b"--format", b"--jobs", b"INPUT"):
            self.assertIn(word, done.stdout)
        self.assertRegex(run("--version").stdout, rb"^imapid \d+\.\d+\.\d+\nsandbox: (seccomp|none), .+\n$")

    def test_short_options_together_and_with_their_values(self):
        path = sample("pipelined")
        wanted = run("-q", "-T", "jsonl", path)
        self.assertEqual(wanted.returncode, 0)
        for words in (("-qTjsonl",), ("-Tjsonl", "-q"), ("-qT", "jsonl"), ("-qj3", "-Tjsonl"), ("--quiet", "--jobs=3", "--format=jsonl"),
                      ("-qvTjsonl",), ("-qTjsonl", "-ftcp port 143"), ("-qTjsonl", "--filter", "tcp port 143")):
            done = run(*words, path)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, wanted.stdout, b""), words)
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("extract", "-qTjsonl", f"-w{folder}/-qv", path).returncode, 0)
            self.assertEqual(pathlib.Path(folder, "-qv").read_bytes(), wanted.stdout)
            # a value is a value, and what stands behind -- a name, whatever it looks like
            done = subprocess.run([IMAPID, "-q", "-Tjsonl", "-w", "-j1", path], cwd=folder)
            self.assertEqual(pathlib.Path(folder, "-j1").read_bytes(), wanted.stdout)
            pathlib.Path(folder, "-j2").write_bytes(path.read_bytes())
            done = subprocess.run([IMAPID, "-qTjsonl", "--", "-j2"], cwd=folder, capture_output=True)
            self.assertEqual(len(done.stdout.splitlines()), len(wanted.stdout.splitlines()))
        for words, told in ((("-jx",), b"'x'"), (("-j=4",), b"'=4'"), (("-qx",), b"-x"), (("-ilo0x",), b"lo0x"), (("-j",), b"-j"), (("-qT",), b"-T")):
            done = run(*words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn(told, done.stderr.replace("\u201c".encode(), b"'").replace("\u201d".encode(), b"'"), words)
        self.assertEqual(run("-qh").returncode, 0)

    def test_bad_filter(self):
        done = run("-f", "no such filter (", sample("pipelined"))
        self.assertEqual(done.returncode, 2)
        self.assertTrue(done.stderr)


class Inputs(unittest.TestCase):
    def test_no_command_is_extract(self):
        path = sample("pipelined")
        self.assertEqual(run("-q", "-T", "jsonl", path).stdout,
                         run("extract", "-q", "-T", "jsonl", path).stdout)

    def test_missing_file_does_not_stop_others(self):
        done = run("-T", "jsonl", "no-such-file", sample("pipelined"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no-such-file", done.stderr)
        self.assertTrue(records(done))

    def test_no_capture_is_refused_with_its_name(self):
        done = run("README.md")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"README.md", done.stderr)

    def test_folder_is_walked_and_other_files_passed_over(self):
        with tempfile.TemporaryDirectory() as folder:
            deep = pathlib.Path(folder, "b", "c")
            deep.mkdir(parents=True)
            (deep / "x.pcap").write_bytes(sample("idle").read_bytes())
            pathlib.Path(folder, "a.pcap").write_bytes(sample("idle").read_bytes())
            pathlib.Path(folder, "notes.txt").write_text("no capture\n")
            pathlib.Path(folder, "empty").write_bytes(b"")
            os.symlink(folder, deep / "loop")
            done = run("-T", "jsonl", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        files = [pathlib.Path(r["file"]).name for r in records(done, "capture")]
        self.assertEqual(files, ["a.pcap", "x.pcap"])

    def test_what_is_written_is_not_read(self):
        """Else a file that grows while it is read never ends; and what was named is not overwritten."""
        with tempfile.TemporaryDirectory() as folder:
            capture, out = pathlib.Path(folder, "a.pcap"), pathlib.Path(folder, "out.jsonl")
            capture.write_bytes(sample("idle").read_bytes())
            wanted = run("-q", "-T", "jsonl", folder).stdout
            full = wanted * 2000  # more than any buffer
            for write in ("-w", ">", ">>"):
                out.write_bytes(full)
                if write == "-w":
                    done = run("-q", "-T", "jsonl", "-w", out, folder, timeout=60)
                else:
                    with out.open("ab" if write == ">>" else "wb") as to:
                        done = subprocess.run([IMAPID, "-q", "-T", "jsonl", folder], stdout=to, stderr=subprocess.PIPE, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(out.read_bytes(), (full if write == ">>" else b"") + wanted)
            link = pathlib.Path(folder, "link")
            link.symlink_to(out)
            for command in ("extract", "stats", "check"):
                for named in (out, link):
                    out.write_bytes(full)
                    done = run(command, "-T", "jsonl", "-w", out, capture, named, timeout=60)
                    self.assertEqual((done.returncode, out.read_bytes()), (2, full))
                    self.assertIn(str(named).encode(), done.stderr)
            with out.open("rb") as into, out.open("ab") as to:
                self.assertEqual(subprocess.run([IMAPID, "-T", "jsonl", "-"], stdin=into, stdout=to, timeout=60).returncode, 2)

    def test_list_of_files(self):
        paths = [sample("idle"), sample("pipelined")]
        listed = "".join(f"{p}\n" for p in paths).encode()
        done = run("-q", "-T", "jsonl", "-F", "-", input=listed)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([r["file"] for r in records(done, "capture")], [str(p) for p in paths])

    def test_standard_input(self):
        path = sample("pipelined")
        done = run("-q", "-T", "jsonl", "-", input=path.read_bytes())
        named = run("-q", "-T", "jsonl", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        strip = lambda done: [dict(r, file=None, session=None, id=None) for r in map(json.loads, done.stdout.splitlines())]
        self.assertEqual(strip(done), strip(named))

    def test_cut_file_keeps_what_was_read(self):
        data = sample("several-ids").read_bytes()
        whole = records(run("-q", "-T", "jsonl", "-", input=data))
        done = run("-T", "jsonl", "-", input=data[:-20])
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"octet", done.stderr)
        self.assertEqual([r["command"] for r in records(done)], [r["command"] for r in whole])
        self.assertIsNotNone(records(done, "capture")[0]["error"])

    def test_filter(self):
        done = run("-q", "-T", "jsonl", "-f", "tcp port 1", sample("pipelined"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(records(done), [])
        done = run("-q", "-T", "jsonl", "-f", "tcp port 143", sample("pipelined"))
        self.assertTrue(records(done))


class Output(unittest.TestCase):
    def test_order_does_not_depend_on_jobs(self):
        for form in ("text", "jsonl", "csv"):
            outputs = {run("-q", "-T", form, "-j", jobs, "samples").stdout for jobs in (1, 2, 3, 7)}
            self.assertEqual(len(outputs), 1, form)

    def test_write_to_file(self):
        path = sample("pipelined")
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "out.jsonl")
            done = run("-q", "-T", "jsonl", "-w", out, path)
            self.assertEqual((done.returncode, done.stdout), (0, b""))
            self.assertEqual(out.read_bytes(), run("-q", "-T", "jsonl", path).stdout)
            self.assertEqual(run("-w", pathlib.Path(folder, "no", "x"), path).returncode, 2)

    def test_no_colour_and_no_control_in_a_pipe(self):
        for verbose in ([], ["-v"]):
            done = run("-q", *verbose, "samples")
            bad = [c for c in done.stdout.decode() if c < " " and c != "\n"]
            self.assertEqual(bad, [])

    def test_totals_go_to_standard_error(self):
        done = run(sample("pipelined"))
        self.assertIn(b"ID exchanges", done.stderr)
        self.assertNotIn(b"ID exchanges", done.stdout)
        self.assertEqual(run("-q", sample("pipelined")).stderr, b"")

    def test_closed_pipe_is_quiet(self):
        done = subprocess.run(["bash", "-c", '"$0" -T jsonl samples | head -n 1 >/dev/null; '
                               'echo ${PIPESTATUS[0]}', IMAPID], cwd=ROOT, capture_output=True)
        self.assertEqual(done.stdout.strip(), b"0")
        self.assertEqual(done.stderr, b"")

    def test_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([IMAPID, "-T", "jsonl", "samples"], cwd=ROOT, stdout=full,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)

    def test_pipe_gives_each_record_at_once(self):
        data = sample("several-ids").read_bytes()
        with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as program:
            program.stdin.write(data)
            program.stdin.flush()
            line = program.stdout.readline()  # the input is still open
            self.assertEqual(json.loads(line)["type"], "exchange")
            program.stdin.close()
            program.stdout.read()

    def test_no_password_is_printed(self):
        for form in ("jsonl", "text"):
            done = run("-v", "-T", form, "samples")
            self.assertNotIn(b"secret", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
