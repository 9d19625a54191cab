#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The program as people and scripts call it: exit statuses, inputs, order, pipes.

test_cli.py IMAPID
"""
import json
import os
import pathlib
import re
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

    def test_no_head_of_nothing(self):
        """Where nothing can be read, no columns are announced."""
        for words in (("-i", "no-such-interface"), ("-f", "no such (", sample("idle")), ("-v", "-i", "no-such-interface")):
            done = run(*words, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
        self.assertIn(b"  TIME ", run("-q", sample("idle")).stdout)

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

    def test_color_and_time(self):
        path = sample("pipelined")
        clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
        for command in ("extract", "stats", "check"):
            plain = run(command, "-q", path, env=clean).stdout
            self.assertNotIn(b"\x1b", plain)
            for words, more, colored in ((("--color", "always"), {}, True), (("--color=always",), {"NO_COLOR": "1"}, True), ((), {"CLICOLOR_FORCE": "1"}, True),
                                         (("--color", "never"), {"CLICOLOR_FORCE": "1"}, False), (("--color", "auto"), {}, False)):
                done = run(command, "-q", *words, path, env={**clean, **more})
                self.assertEqual(b"\x1b[" in done.stdout, colored, (command, words, more))
                self.assertEqual(run(command, "-qTjsonl", *words, path, env={**clean, **more}).stdout, run(command, "-qTjsonl", path, env=clean).stdout)
        for option, told in (("--color", b"auto, always or never"), ("--time", b"local, utc, relative or epoch"), ("--progress", b"auto, always or never")):
            done = run(option, "sometimes", path)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(told, done.stderr)
        for when in ("local", "utc", "relative", "epoch"):
            self.assertEqual(run("-qTjsonl", "--time", when, path).stdout, run("-qTjsonl", path).stdout)

    def test_did_you_mean(self):
        path = sample("pipelined")
        cases = (((), b"no input"), (("chekc", path), b"did you mean 'check'?"), (("stat", path), b"did you mean 'stats'?"), (("hlep",), b"did you mean 'help'?"),
                 (("--fromat", "csv", path), b"did you mean --format?"), (("--fromat=csv", path), b"did you mean --format?"), (("--colour=never", path), b"did you mean --color?"),
                 (("--zzzzzz", path), b"there is no option --zzzzzz"), (("-T", "jsnol", path), b"did you mean 'jsonl'?"), (("-T", "zzz", path), b"there are: text"),
                 (("help", "chek"), b"did you mean 'check'?"), (("help", "zzz"), b"there is no command 'zzz'"), (("--by", "status", path), b"--by is not an option of extract"),
                 (("-help",), b"did you mean --help?"), (("stats", "-by", "status", path), b"did you mean --by?"), (("-nr", path), b"names are never looked up"),
                 (("-Y", "imap", path), b"--where FIELD=PATTERN"), (("-e", "x", path), b"-T tsv"), (("-o", "x", path), b"-w FILE"), (("-k", "x", path), b"-l FILE"),
                 (("--json", path), b"did you mean -T json?"), (("--no-color", path), b"did you mean --color=never?"), (("scrub", path), b"did you mean 'cut --scrub'?"),
                 (("diff", path), b"-T jsonl of each"), (("--where", path), b"is not FIELD=PATTERN"), (("--stream", path), b"takes the number of a connection"),
                 (("check", "--top", 3, path), b"--top is not an option of check"), (("stats", "--ignore", "x", path), b"--ignore is not an option of stats"))
        for words, told in cases:
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
            self.assertIn(told, done.stderr, words)
            self.assertEqual(done.stderr.splitlines()[1:], [b"imapid: try 'imapid --help'"], words)
        self.assertIn(b"did you mean 'cleartext'?", run("check", "--ignore", "claertext", path).stderr)
        with tempfile.TemporaryDirectory() as folder:  # a file is a file, whatever it is called
            for name in ("chekc", "help"):
                pathlib.Path(folder, name).write_bytes(path.read_bytes())
                done = subprocess.run([IMAPID, "-qTjsonl", name], cwd=folder, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
        done = run("there-is-no-such-file.pcap")
        self.assertEqual((len(done.stderr.splitlines()), done.stdout), (1, b""))
        self.assertIn(b"no such file or folder", done.stderr)

    def test_help_of_a_command(self):
        overview = run("--help").stdout
        self.assertEqual(run("help").stdout, overview)
        for command, has, has_not in (("stats", (b"--by", b"--fold", b"csv"), (b"--ignore", b"sarif")), ("check", (b"--fail-on", b"sarif"), (b"--by", b"sqlite")),
                                      ("report", (b"html", b"--where"), (b"--fail-on", b"csv")), ("extract", (b"sqlite", b"--stream"), (b"--by", b"--fold", b"--ignore"))):
            done = run("help", command)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(run(command, "--help").stdout, done.stdout)
            self.assertEqual(run(command, "-h").stdout, done.stdout)
            for words, held in ((has, True), (has_not, False)):
                for word in words:
                    self.assertEqual(word in done.stdout, held, (command, word))
                    self.assertTrue(word in overview or word == b"html", word)

    def test_the_manual_has_the_options_of_the_table(self):
        """Each option with its letter, and no other."""
        table = set(re.findall(r"^  (?:(-\w), )?(--[a-z-]+)", run("--help").stdout.decode(), re.M))
        page = (ROOT / "docs/imapid.1").read_text().split(".Sh OPTIONS")[1].split("\n.Sh ")[0]
        manual = {("-" + letter if letter else "", "--" + name) for letter, name in re.findall(r"^\.It Fl (?:(\w) , Fl )?-([a-z-]+)", page, re.M)}
        self.assertEqual(table, manual)
        self.assertGreater(len(table), 25)

    def test_as_people_type_it(self):
        path = sample("pipelined")
        lines = run("-q", "-Tjsonl", path).stdout
        wanted = [json.loads(line) for line in lines.splitlines()]
        for words in (("-q", "-Tjsonl", "-r", path), ("-qr", path, "-Tndjson"), ("extract", "-q", "-T", "ndjson", path)):
            self.assertEqual(run(*words).stdout, lines, words)
        self.assertEqual(run("-V").stdout, run("--version").stdout)
        done = run("-D")
        self.assertTrue(done.returncode == 0 and b"lo" in done.stdout or done.stderr)
        self.assertEqual(json.loads(run("-q", "-Tjson", path).stdout), wanted)
        many = [json.loads(line) for line in run("-q", "-Tjsonl", "samples").stdout.splitlines()]
        for jobs in (1, 4):
            self.assertEqual(json.loads(run("-q", "-Tjson", "-j", jobs, "samples").stdout), many)
        for command in ("stats", "check"):
            self.assertEqual(json.loads(run(command, "-q", "-Tjson", "samples").stdout), [json.loads(line) for line in run(command, "-q", "-Tjsonl", "samples").stdout.splitlines()])
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "x.json")
            self.assertEqual(run("-q", "-Tjson", "-w", out, path).returncode, 0)
            self.assertEqual(json.loads(out.read_bytes()), wanted)
            self.assertEqual(json.loads(run("-q", "-Tjson", "-w", "-", path).stdout), wanted)
            for name in ("x.jsonl.gz", "x.zst", "x.XZ", "x.lz4", "x.bz2", "x.zip"):
                packed = pathlib.Path(folder, name)
                done = run("-q", "-Tjsonl", "-w", packed, path)
                self.assertEqual((done.returncode, packed.exists()), (2, False))
                self.assertIn(b"not compressed", done.stderr)

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
        self.assertEqual(done.returncode, 3)
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
        done = run("-T", "jsonl", sample("pipelined"))
        self.assertIn(b"ID exchanges", done.stderr)
        self.assertNotIn(b"ID exchanges", done.stdout)
        done = run(sample("pipelined"))
        self.assertIn(b"1 capture, 1 connection, 1 named its program", done.stderr)
        self.assertNotIn(b"named its program", done.stdout)
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
        self.assertEqual(done.returncode, 3)
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
