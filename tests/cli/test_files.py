#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written with -w is whole or as it was before; signals; the line that ends JSON Lines.

test_files.py IMAPID
"""
import fcntl
import gzip
import json
import os
import pathlib
import random
import resource
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from sanitized import WITHOUT_LEAKS

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
SAMPLES = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix.startswith(".pcap"))
FORMATS = [("extract", form) for form in ("text", "jsonl", "csv", "tsv", "sqlite")] + [
    (command, form) for command in ("stats", "check") for form in ("text", "jsonl", "csv")] + [
    ("check", "sarif"), ("report", "html")]
MOMENTS = 50
GOOD = (0, 1)  # check may find something


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, check=False, **options)


def sample(name):
    return next(p for p in SAMPLES if p.stem == name)


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def names(self):
        return sorted(os.listdir(self.folder))


class Whole(Folder):
    def check_untouched(self, word, *arguments, more=(), status=2, **options):
        """Whatever the format, the old file stays, and nothing else is left."""
        for command, form in FORMATS:
            out = self.folder / "out"
            old = b"old" if form != "sqlite" else None
            out.unlink(missing_ok=True)
            if old:
                out.write_bytes(old)
            done = run(command, "-q", "-T", form, "-w", out, *arguments, **options)
            self.assertEqual(done.returncode, status, (command, form, done))
            self.assertIn(word, done.stderr, (command, form))
            self.assertEqual(self.names(), sorted(["out"] * bool(old) + list(more)), (command, form))
            if old:
                self.assertEqual(out.read_bytes(), old, (command, form))

    def test_refused_inputs_and_bad_filters(self):
        (self.folder / "junk").write_bytes(b"no capture at all")
        self.check_untouched(b"junk", self.folder / "junk", more=["junk"])
        (self.folder / "junk").unlink()
        self.check_untouched(b"no such file", self.folder / "nowhere", status=3)
        self.check_untouched(b"syntax", "-f", "no such (", sample("idle"))
        self.check_untouched(b"neither pcap", "-", input=b"no capture at all")

    def test_no_space(self):
        self.check_untouched(b"out: ", sample("several-ids"), preexec_fn=limit_files)

    @unittest.skipUnless(os.getuid() == 0, "needs root, to mount a disk that is full")
    def test_full_disk(self):
        for command, form in FORMATS:
            if form == "sqlite" or (command, form) == ("stats", "csv"):  # no old one could be there; what fits
                continue
            done = subprocess.run(["unshare", "-m", "sh", "-c", f'cd "$1" && mount -t tmpfs -o size=32k none . && cd "$1" && head -c 28000 /dev/zero >fill && '
                                   'printf old >out; shift; "$@"; echo $?; cat out; echo; ls -A', "sh", self.folder, IMAPID, command, "-q", "-T", form,
                                   "-w", "out", ROOT / "samples"], capture_output=True, check=False)
            if b"unshare" in done.stderr or b"mount:" in done.stderr:
                self.skipTest("may not mount")
            self.assertEqual(done.stdout, b"3\nold\nfill\nout\n", (command, form, done.stderr))
            self.assertIn(b"No space left on device", done.stderr)
        done = subprocess.run(["unshare", "-m", "sh", "-c", 'cd "$1" && mount -t tmpfs -o size=32k none . && cd "$1"; shift; "$@"; echo $?; ls -A', "sh",
                               self.folder, IMAPID, "-q", "-T", "sqlite", "-w", "out", ROOT / "samples"], capture_output=True, check=False)
        self.assertEqual((done.stdout, b"is full" in done.stderr), (b"3\n", True), done.stderr)

    def test_what_can_be_read_is_written(self):
        out = self.folder / "out"
        out.write_bytes(b"old")
        done = run("-q", "-T", "jsonl", "-w", out, sample("idle"), self.folder / "nowhere")
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"exchange", out.read_bytes())

    def test_mode_and_links_stay(self):
        out, link = self.folder / "out", self.folder / "link"
        out.write_bytes(b"old")
        out.chmod(0o640)
        link.symlink_to("out")
        self.assertEqual(run("-q", "-w", link, sample("idle")).returncode, 0)
        self.assertTrue(link.is_symlink())
        self.assertNotEqual(out.read_bytes(), b"old")
        self.assertEqual(out.stat().st_mode & 0o7777, 0o640)
        dangling = self.folder / "dangling"
        dangling.symlink_to("new")
        self.assertEqual(run("-q", "-w", dangling, sample("idle")).returncode, 0)
        self.assertEqual((self.folder / "new").read_bytes(), out.read_bytes())
        old_mask = os.umask(0o027)
        self.addCleanup(os.umask, old_mask)
        for form in ("csv", "sqlite"):
            made = self.folder / form
            self.assertEqual(run("-q", "-T", form, "-w", made, sample("idle")).returncode, 0)
            self.assertEqual(made.stat().st_mode & 0o7777, 0o640, form)

    def test_what_is_no_regular_file_is_written_as_it_comes(self):
        wanted = run("-q", "-T", "jsonl", sample("idle")).stdout
        self.assertEqual(run("-q", "-T", "jsonl", "-w", "/dev/stdout", sample("idle")).stdout, wanted)
        self.assertEqual(run("-q", "-T", "jsonl", "-w", "/dev/full", sample("idle")).returncode, 3)
        fifo, out = self.folder / "fifo", self.folder / "out"
        os.mkfifo(fifo)
        with open(out, "wb") as to, subprocess.Popen(["cat", fifo], stdout=to):
            self.assertEqual(run("-q", "-T", "jsonl", "-w", fifo, sample("idle")).returncode, 0)
        self.assertEqual(out.read_bytes(), wanted)
        with open(out, "wb") as to:  # a regular file that the shell opened
            subprocess.run([IMAPID, "-q", "-T", "jsonl", "-w", "/dev/stdout", sample("idle")], cwd=ROOT, stdout=to, check=True)
        self.assertEqual(out.read_bytes(), run("-q", "-T", "jsonl", sample("idle")).stdout)
        self.assertEqual(run("-w", self.folder, sample("idle")).returncode, 2)

    def test_never_over_what_is_read(self):
        (self.folder / "keys").write_text("CLIENT_RANDOM " + "0" * 64 + " " + "1" * 96 + "\n")
        (self.folder / "list").write_text(str(sample("idle")) + "\n")
        (self.folder / "fold").write_text("a\tb\n")
        (self.folder / "key").write_bytes(b"k" * 40)
        (self.folder / "cap").write_bytes(sample("idle").read_bytes())
        uses = {"keys": ("-l",), "list": ("-F",), "fold": ("stats", "--fold"), "key": ("--redact-key",), "cap": ()}
        for name, words in uses.items():
            path = self.folder / name
            before = path.read_bytes()
            os.link(path, self.folder / "hard")
            (self.folder / "soft").symlink_to(name)
            for other in (path, self.folder / "hard", self.folder / "soft"):
                for form in ("text", "jsonl"):
                    done = run(*words, path, "-T", form, "-w", other, *([sample("idle")] if name != "cap" else []))
                    self.assertEqual(done.returncode, 2, (name, other))
                    self.assertIn(b"is the output file", done.stderr)
                    self.assertEqual(path.read_bytes(), before)
            (self.folder / "hard").unlink()
            (self.folder / "soft").unlink()
        done = run("-w", self.folder / "keys", sample("idle"), env={"SSLKEYLOGFILE": str(self.folder / "keys")})
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"CLIENT_RANDOM", (self.folder / "keys").read_bytes())

    def test_never_over_what_a_folder_holds(self):
        folder = self.folder / "folder"
        folder.mkdir()
        run("-q", "-T", "jsonl", "-w", folder / "records", sample("idle"))
        run("-q", "stats", "-T", "partial", "-w", folder / "partial", sample("idle"))
        (folder / "capture").write_bytes(sample("idle").read_bytes())
        (folder / "blocks").write_bytes(sample("alpine-dovecot").read_bytes())
        (folder / "packed").write_bytes(gzip.compress(sample("idle").read_bytes()))
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        for name, octets in before.items():
            for words in ((), ("stats",), ("stats", "-T", "partial"), ("cut",), ("-T", "jsonl"), ("-T", "sqlite"), ("--follow",)):
                if (name, words) in {("records", ("-T", "jsonl")), ("partial", ("stats", "-T", "partial"))}:
                    continue  # as an earlier run would have left it
                done = run(*words, "-w", folder / name, folder)
                self.assertEqual((done.returncode, (folder / name).read_bytes() == octets), (2, True), (name, words, done.stderr))
                self.assertIn(b"is the output file", done.stderr)
            done = run("--metrics", folder / name, "-w", self.folder / "out", folder)
            self.assertEqual((done.returncode, (folder / name).read_bytes() == octets), (2, True), (name, done.stderr))
        for _ in range(2):  # what an earlier run left is skipped
            for words in (("-T", "jsonl"), ("stats",), ("stats", "-T", "jsonl"), ("check", "-T", "jsonl"), ("report",), ("cut",)):
                done = run(*words, "-w", folder / "-".join(words), folder)
                self.assertNotIn(b"is the output file", done.stderr)
                self.assertIn(done.returncode, (0, 1), (words, done.stderr))

    def test_databases_wait_for_each_other(self):
        path = self.folder / "db"
        run("-q", "-T", "sqlite", "-w", path, sample("idle"))
        both = [subprocess.Popen([IMAPID, "-q", "-T", "sqlite", "-w", path, p]) for p in SAMPLES[:4]]
        self.assertEqual([process.wait(60) for process in both], [0] * 4)
        with sqlite3.connect(path) as db:
            files = {name for name, in db.execute("SELECT file FROM capture")}
        self.assertEqual(len(files), 5 - (sample("idle") in SAMPLES[:4]))
        self.assertEqual(self.names(), ["db"])


class Killed(Folder):
    """kill -9 and SIGTERM at moments that are spread over a whole run."""

    def setUp(self):
        super().setUp()
        self.input = self.folder / "in.jsonl"
        records = run("-q", "-T", "jsonl", "samples").stdout.splitlines(keepends=True)[:-1]
        n = 4
        lines = [line.replace(b'"file":"samples/', b'"file":"%d/' % i) for i in range(n) for line in records]
        self.input.write_bytes(b"".join(lines) + b'{"type":"end","inputs":1,"records":%d}\n' % len(lines))

    @staticmethod
    def read(path, form):
        if form != "sqlite":
            return path.read_bytes()
        with sqlite3.connect(path) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return b"%d" % db.execute("SELECT count(*) FROM exchange").fetchone()

    def kill(self, out, command, form, wait, number):
        alive, held = os.pipe()  # held by the program and all that it starts: the end of the pipe is theirs
        self.addCleanup(os.close, alive)
        self.alive.append(alive)
        process = subprocess.Popen([IMAPID, command, "-q", "-T", form, "-w", out, self.input], pass_fds=[held],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=WITHOUT_LEAKS)
        os.close(held)
        time.sleep(wait)
        process.send_signal(number)
        return process.wait(60)

    def test_random_moments(self):
        draw = random.Random(13)
        told = set()
        times = {}
        self.alive = []
        for i in range(MOMENTS):
            command, form = FORMATS[i % len(FORMATS)]
            out = self.folder / f"out{i}"  # the keeper of a killed one may go on for a moment
            if (command, form) not in times:
                if form == "sqlite":  # what was there before stays in it
                    run("-q", "-T", "sqlite", "-w", out, sample("idle"))
                start = time.monotonic()
                self.assertIn(run(command, "-q", "-T", form, "-w", out, self.input).returncode, GOOD)
                times[command, form] = time.monotonic() - start, self.read(out, form)
            seconds, new = times[command, form]
            out.unlink(missing_ok=True)
            if form == "sqlite":
                run("-q", "-T", "sqlite", "-w", out, sample("idle"))
            else:
                out.write_bytes(b"old")
            old = self.read(out, form)
            number = draw.choice((signal.SIGKILL, signal.SIGTERM))
            status = self.kill(out, command, form, draw.random() * seconds, number)
            had = self.read(out, form)
            self.assertIn(had, (old, new), (command, form, number))
            if status in GOOD:
                self.assertEqual(had, new, (command, form, number))
            told.add(had == new)
        for alive in self.alive:  # keepers of killed ones go on for a moment, and may only then make the name
            self.assertTrue(select.select([alive], [], [], 20)[0], "the keeper does not end")
        self.assertEqual([n for n in self.names() if n.startswith(".")], [], "what was for the time is taken away")
        self.assertIn(False, told)

    def test_what_a_killed_keeper_left_is_taken_away(self):
        stale = self.folder / ".db.imapid-0123abcd"
        other = self.folder / ".db.imapid-notes"
        for path in (stale, other):
            path.write_bytes(b"")
        self.assertEqual(run("-q", "-T", "sqlite", "-w", self.folder / "db", sample("idle")).returncode, 0)
        self.assertEqual(self.names(), [other.name, "db", "in.jsonl"])


def count_read(process):
    """Octets that it has read so far, of whatever."""
    lines = pathlib.Path(f"/proc/{process.pid}/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


class Signals(Folder):
    def start(self, number, *arguments):
        """A large capture, ended while it is read: what is there already, the totals, the status."""
        path = self.folder / "large.pcap"
        data = sample("several-ids").read_bytes()
        with open(path, "wb") as file:
            file.write(data[:24])
            for _ in range(30000):
                file.write(data[24:])
        process = subprocess.Popen([IMAPID, "-T", "jsonl", "-j", "1", *arguments, sample("idle"),
                                    *[path] * 20],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Nothing else is as large; neither the clock nor its CPU says on a busy machine where it is.
        deadline = time.monotonic() + 60
        while count_read(process) < path.stat().st_size // 2:
            self.assertIsNone(process.poll(), "it ended before the signal")
            self.assertLess(time.monotonic(), deadline, "the large capture is not read")
            time.sleep(0.002)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def test_while_files_are_read(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            status, out, err = self.start(number)
            self.assertEqual(status, 128 + number, err)
            records = [json.loads(line) for line in out.splitlines()]
            self.assertIn("exchange", {record["type"] for record in records})
            self.assertNotIn("end", {record["type"] for record in records})
            self.assertIn(b"ID exchange", err)
            self.assertIn(b"ended by a signal", err)
            self.assertIn(b"interrupted after", err)
            (error,) = {record["error"] for record in records if record.get("file", "").endswith("large.pcap") and record["type"] == "capture"}
            self.assertRegex(error, r"large\.pcap: interrupted after \d+ packets; what follows was not read$")
            # told apart from one that was read, if somebody puts the last line there
            done = run("stats", "-", input=out + b'{"type":"end","inputs":2,"records":%d}\n' % len(records))
            self.assertRegex(done.stdout, rb"1 +capture that could not be read whole")
            out = self.folder / "out"
            out.write_bytes(b"old")
            self.assertEqual(self.start(number, "-w", out)[0], 128 + number)
            self.assertEqual(out.read_bytes(), b"old")
            self.assertEqual(self.names(), ["large.pcap", "out"])

    def test_one_that_comes_twice(self):
        """timeout(1) signals the program and its group: one wish."""
        with subprocess.Popen([IMAPID, "-T", "jsonl", "--follow", sample("idle")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=WITHOUT_LEAKS) as process:
            self.assertIn(b'"exchange"', process.stdout.readline())
            for _ in range(3):
                process.send_signal(signal.SIGTERM)
            err = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 128 + signal.SIGTERM, err)
            self.assertIn(b"1 ID exchange", err)

    def test_a_second_one_ends_it_at_once(self):
        with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", *[sample("several-ids")] * 500], stdout=subprocess.PIPE) as process:
            held, before = -1, -2
            while held != before or held <= 0:  # until the pipe is full: nobody reads
                time.sleep(0.3)
                before, held = held, struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4))[0]
            self.assertGreater(held, 30000)
            process.send_signal(signal.SIGTERM)
            time.sleep(1.5)
            self.assertIsNone(process.poll())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), -signal.SIGTERM)

    def test_growing(self):
        """What has no end is there from its first record on, and says when it is over."""
        out = self.folder / "out"
        out.write_bytes(b"old")
        data = sample("several-ids").read_bytes()
        with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-w", out, "-"], stdin=subprocess.PIPE, bufsize=0) as process:
            self.assertEqual(out.read_bytes(), b"old")
            process.stdin.write(data)
            deadline = time.monotonic() + 20
            while b'"exchange"' not in out.read_bytes() and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertIn(b'{"type":"exchange"', out.read_bytes())
            self.assertNotIn(b'{"type":"end"', out.read_bytes())
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 128 + signal.SIGTERM)
        self.assertRegex(out.read_bytes(), rb'{"type":"end","inputs":1,"records":\d+}\n$')


class End(Folder):
    def test_last_line(self):
        for jobs in (1, 3):
            lines = run("-q", "-T", "jsonl", "-j", jobs, "samples").stdout.splitlines()
            self.assertEqual(json.loads(lines[-1]), {"type": "end", "inputs": len(run("-q", "-T", "jsonl", "samples").stdout and
                             [p for p in (ROOT / "samples").rglob("*") if p.is_file()]), "records": len(lines) - 1})

    def test_answers_say_what_is_cut(self):
        whole = run("-q", "-T", "jsonl", "samples").stdout
        lines = whole.splitlines(keepends=True)
        cut = self.folder / "cut.jsonl"
        for command, form in FORMATS:
            if form == "sqlite":
                continue
            for data, is_cut in ((whole, False), (whole * 2, False), (b"".join(lines[:-1]), True), (b"".join(lines[1:]), True),
                                 (b"".join(lines[:-1]) + whole, True), (whole + lines[0], True), (b"", True)):
                cut.write_bytes(data)
                done = run(command, "-q", "-T", form, cut)
                self.assertEqual(done.returncode == 2, is_cut, (command, form, data[-80:], done.stderr))
                self.assertEqual(b"the file is cut" in done.stderr, is_cut, (command, form))

    def read_while_written(self, jobs, change):
        """Records of records, of which nobody takes the first before the file was changed: most of it is read behind that."""
        whole = run("-q", "-T", "jsonl", "samples").stdout
        path, n = self.folder / "records.jsonl", (16 << 20) // len(whole)
        path.write_bytes(whole * n)
        with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-j", jobs, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertTrue(select.select([process.stdout], [], [], 60)[0])
            change(path, len(whole) * n)
            out, err = process.communicate(timeout=120)
        return process.returncode, err.decode(), out.count(b"\n") - 1, whole.count(b"\n") - 1, n

    def test_grows_while_it_is_read(self):
        """It is what it was when it was opened, however many threads read; what is not read is said."""
        def change(path, size):
            with path.open("ab") as file:
                file.write(path.read_bytes()[:size // 2])
        for jobs in "1", "2":
            status, err, n_told, n_records, n = self.read_while_written(jobs, change)
            self.assertEqual((status, n_told), (0, n_records * n), (jobs, err))
            self.assertRegex(err, r"^imapid: notice: \S+/records.jsonl: grew while it was read; what stands behind its first \d+ octets is not read\n$", jobs)

    def test_shrinks_while_it_is_read(self):
        """What is gone is missing, whether or not a line was cut."""
        def change(path, size):
            os.truncate(path, size // 2 + 1)
        for jobs in "1", "2":
            status, err, n_told, n_records, n = self.read_while_written(jobs, change)
            self.assertEqual(status, 2, (jobs, err))
            self.assertLess(n_told, n_records * n, jobs)
            self.assertRegex(err, r"records.jsonl: octet \d+: the file ends here, of the \d+ octets that it had; the file was written while it was read\n", jobs)

    def test_redacted(self):
        done = run("-q", "-T", "jsonl", "--redact", "samples")
        self.assertEqual(run("stats", "-q", "-", input=done.stdout).returncode, 0)


if __name__ == "__main__":
    unittest.main()
