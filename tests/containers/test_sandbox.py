#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that reads is confined in every mode, and cannot do what it has given up.

test_sandbox.py IMAPID PROBE
"""
import gzip
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PROBE = str(pathlib.Path(sys.argv.pop(2)).resolve())

from live import IS_ALONE, count_packet_sockets, serve, speak, wait_for  # noqa: E402
from tool import IMAPID, ROOT, SAMPLES, run, sample  # noqa: E402

HAS_SANDBOX = b"sandbox: none" not in run("--version").stdout
HAS_LANDLOCK = b"Landlock " in run("--version").stdout
STRACE = shutil.which("strace")

# What may be tried late, and its refusal changes no answer: malloc() then gives memory back another way; counters of
# an interface, of which nothing is told.
TRIED = re.compile(r'"/proc/sys/vm/overcommit_memory"|"/sys/class/net/\w+/statistics/\w+"')


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def children(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)


@unittest.skipUnless(HAS_SANDBOX, "a build without it")
class Modes(Folder):
    def start(self, *arguments, **options):
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen([IMAPID, *map(str, arguments)], cwd=ROOT, **options)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        process.kill()
        process.communicate()

    def check(self, process, n_helpers):
        """Until it waits for its input or its reader, confined, and those it started with it."""
        def is_there():
            self.assertIsNone(process.poll(), process.stderr.read() if process.poll() is not None else "")
            return status(process.pid)["Seccomp"] == "2"

        wait_for(is_there)
        helpers = children(process.pid) if n_helpers else []  # 0: all may have been read by now, and they are gone
        self.assertEqual(len(helpers), n_helpers)
        wait_for(lambda: all(status(pid)["Seccomp"] == "2" for pid in helpers))
        for pid in helpers:
            self.assertEqual(status(pid)["NoNewPrivs"], "1")
        for thread in os.listdir(f"/proc/{process.pid}/task"):
            try:
                now = status(f"{process.pid}/task/{thread}")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            self.assertEqual((now["Seccomp"], now["NoNewPrivs"]), ("2", "1"))
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(now[name], 16), 0, name)
        return status(process.pid)

    def records(self):
        """More than a pipe takes, so that who writes it waits."""
        whole = run("-q", "-T", "jsonl", SAMPLES).stdout
        self.assertGreater(len(whole), 1 << 17)
        (self.folder / "records.jsonl").write_bytes(whole)
        return self.folder / "records.jsonl"

    def test_files_and_folders(self):
        for words in (["-T", "jsonl", SAMPLES], ["-T", "jsonl", "-j", "4", SAMPLES], ["-T", "jsonl", "--redact", SAMPLES],
                      ["-T", "jsonl", "--continuous", SAMPLES], ["-T", "jsonl", "-l", SAMPLES / "starttls.keys", SAMPLES]):
            if "-l" in words and not words[-2].exists():
                words[words.index("-l") + 1] = next(SAMPLES.glob("*.keys"))
            with self.subTest(words):
                self.check(self.start(*words), 0)

    def test_one_file(self):
        captures = [p for p in SAMPLES.iterdir() if p.suffix == ".pcapng"]
        largest = max(captures, key=lambda p: len(run("-q", "-v", "-T", "jsonl", p).stdout))
        self.assertGreater(len(run("-q", "-T", "jsonl", largest).stdout), 0)
        fifo = self.folder / "out"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        stuffed = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, stuffed)
        try:
            while True:
                os.write(stuffed, b"x" * 4096)
        except BlockingIOError:
            pass
        for name, how in (("plain", lambda octets: octets), ("packed.gz", gzip.compress)):
            with self.subTest(name):
                path = self.folder / name
                path.write_bytes(how(largest.read_bytes()))
                self.check(self.start("-T", "jsonl", "-w", fifo, path), 0)

    @unittest.skipUnless(shutil.which("zstd"), "needs zstd")
    def test_pipes(self):
        octets = sample("idle").read_bytes()
        packed = subprocess.run(["zstd", "-qc", sample("idle")], capture_output=True, check=True).stdout
        for data in (octets, gzip.compress(octets), packed):
            for words in (["-T", "jsonl"], ["stats"], ["check"], ["report", "-w", self.folder / "page"],
                          ["-T", "sqlite", "-w", self.folder / "db"], ["-w", self.folder / "text"]):
                with self.subTest(words):
                    process = self.start(*words, "-")
                    process.stdin.write(data[:-1])
                    process.stdin.flush()
                    self.check(process, 2 if "-w" in words else 1)
                    out, err = process.communicate(data[-1:])
                    self.assertEqual((process.returncode, err[:10]), (0, b"imapid: 1 "), out)

    def test_answers_from_records(self):
        records = self.records()
        lines = records.read_bytes()
        for words in (["stats"], ["check"], ["report"], ["-T", "csv"]):
            with self.subTest(words):
                process = self.start(*words, "-")
                process.stdin.write(lines[:1000])
                process.stdin.flush()
                self.check(process, 1)
        self.check(self.start("report", records), 0)  # a page is more than a pipe takes
        self.check(self.start("report", SAMPLES), 0)

    def test_growing(self):
        folder = self.folder / "ring"
        folder.mkdir()
        shutil.copy(sample("idle"), folder / "one.pcap")
        for words in ([folder], ["--continuous", folder], [folder / "one.pcap"], ["-T", "sqlite", "-w", self.folder / "db", folder]):
            with self.subTest(words):
                process = self.start("--follow", "-T", "jsonl", *words)
                self.check(process, 1)  # a database is written in place, so it has no keeper
                process.send_signal(signal.SIGTERM)
                out, err = process.communicate(timeout=30)
                self.assertEqual(process.returncode, 128 + signal.SIGTERM, err)

    def test_without_its_opener(self):
        process = self.start("-T", "jsonl", SAMPLES)
        self.check(process, 1)
        os.kill(children(process.pid)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2)
        self.assertIn(b": Broken pipe\n", err)

    def test_closed_standard_files(self):
        wanted = run("-T", "jsonl", sample("idle"))
        for redirections, code in (("<&-", 0), ("<&- 2>&-", 0), (">&-", 2), ("<&- >&- 2>&-", 2)):
            done = subprocess.run(["sh", "-c", f'exec "$0" -T jsonl "$1" {redirections}', IMAPID, sample("idle")], cwd=ROOT,
                                  capture_output=True, check=False, timeout=60)
            self.assertEqual(done.returncode, code, (redirections, done))
            self.assertEqual(done.stdout, b"" if code else wanted.stdout, redirections)
        done = subprocess.run(["sh", "-c", 'exec "$0" - <&-', IMAPID], capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"Bad file descriptor", done.stderr)

    def test_left_out(self):
        process = self.start("--no-sandbox", "-T", "jsonl", SAMPLES)
        self.assertTrue(process.stdout.read(1))
        now = status(process.pid)
        self.assertEqual((now["Seccomp"], now["CapEff"]), (status("self")["Seccomp"], status("self")["CapEff"]))
        self.assertEqual(children(process.pid), [])

    def test_same_answers(self):
        for words in (["-T", "jsonl"], ["stats"], ["check"], ["-f", "port imap or tcp port 993", "-T", "jsonl"], ["--continuous"]):
            with_it, without = run(*words, SAMPLES), run("--no-sandbox", *words, SAMPLES)
            self.assertEqual((with_it.returncode, with_it.stdout, with_it.stderr), (without.returncode, without.stdout, without.stderr))
            self.assertIn(b"Dovecot" if words[0] != "check" else b"warning", with_it.stdout)

    def test_in_other_character_sets(self):
        damaged = self.folder / "dämaged.pcap"
        damaged.write_bytes(sample("idle").read_bytes()[:-3])
        for locale in ("C", "C.UTF-8", "de_DE.ISO-8859-1"):
            done = run(damaged, "-q", env={**os.environ, "LC_ALL": locale})
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(b"maged.pcap: ", done.stderr)

    @unittest.skipUnless(STRACE, "needs strace")
    def test_nothing_is_opened_late(self):
        """Where a library wants a file after all, and gets none, an answer could be another one."""
        some, records, db = self.folder / "some", self.folder / "records.jsonl", self.folder / "db"
        some.mkdir()
        captures = sorted(p for p in SAMPLES.iterdir() if p.suffix.startswith(".pcap"))
        for path in captures[::len(captures) // 12]:
            (some / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            shutil.copy(path, some)
        records.write_bytes(run("-q", "-T", "jsonl", some).stdout)
        for words in (["-T", "jsonl", "-j4", some], ["-T", "text", some], ["-T", "sqlite", "-w", db, some], ["-T", "sqlite", "-w", db, some],
                      ["stats", records], ["check", "-T", "sarif", records], ["report", some], ["--redact", some],
                      ["--continuous", some], ["-f", "port imap", some], ["-T", "csv", sample("idle"), "-w", self.folder / "csv"]):
            trace = self.folder / "trace"
            subprocess.run([STRACE, "-f", "-qq", "-e", "trace=open,openat,access,faccessat2,readlink,seccomp", "-e", "signal=SIGSYS", "-o", trace, IMAPID,
                            *map(str, words)], cwd=ROOT, capture_output=True, check=False)
            text = trace.read_bytes().decode(errors="replace")
            self.assertGreaterEqual(text.count("SECCOMP_SET_MODE_FILTER"), 2)
            late = [line for line in text.splitlines() if ("EACCES" in line and "<..." not in line and not TRIED.search(line)) or "SIGSYS {" in line]
            self.assertEqual(late, [], words)


@unittest.skipUnless(HAS_SANDBOX and IS_ALONE, "needs root, for a network namespace of its own")
class Interface(Modes):
    def setUp(self):
        super().setUp()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=serve, args=(self.listener,), daemon=True).start()
        self.addCleanup(self.listener.close)

    def capture(self, wanted, **environment):
        known = {name: value for name, value in os.environ.items() if not name.startswith("SUDO_")}
        keys, out = self.folder / "keys", self.folder / "out.jsonl"
        keys.write_text("")
        keys.chmod(0o600)  # of root, and so stays what is read of it
        process = self.start("-i", "lo", "-l", keys, "-T", "jsonl", "-w", out, env={**known, **environment})
        wait_for(lambda: count_packet_sockets(True) > 0)
        now = self.check(process, 2)
        self.assertEqual(now["Uid"].split(), [str(wanted[0])] * 4)
        self.assertEqual(now["Gid"].split(), [str(wanted[1])] * 4)
        self.assertEqual(now["Groups"].strip(), "")
        speak(self.port, b"one")
        wait_for(lambda: out.exists() and b'"one"' in out.read_bytes())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 128 + signal.SIGINT, err)
        self.assertEqual(json.loads(out.read_text().splitlines()[-1])["type"], "end")
        self.assertEqual(out.stat().st_uid, 0)

    def test_who_called_sudo(self):
        self.capture((4711, 4712), SUDO_UID="4711", SUDO_GID="4712")

    def test_nobody(self):
        nobody = pwd.getpwnam("nobody")
        self.capture((nobody.pw_uid, nobody.pw_gid))
        self.capture((nobody.pw_uid, nobody.pw_gid), SUDO_UID="0", SUDO_GID="0")
        self.capture((nobody.pw_uid, nobody.pw_gid), SUDO_UID="1000x", SUDO_GID="-1")

    def test_an_interface_that_is_not_there(self):
        done = run("-i", "nosuch0")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"nosuch0", done.stderr)


@unittest.skipUnless(HAS_SANDBOX, "a build without it")
class Attempts(Folder):
    """What can be done without a sandbox, and not with it."""
    KILLED = -signal.SIGSYS
    TOLD = 128 + signal.SIGSYS  # with a message
    REFUSED = 1
    READS = {"open": REFUSED, "open-to-write": REFUSED, "create": REFUSED, "create-to-read": REFUSED, "openat2": TOLD, "exec": KILLED, "fork": TOLD,
             "socket": KILLED, "connect": KILLED, "send-elsewhere": TOLD, "ptrace": KILLED, "execute-memory": REFUSED, "unlink": TOLD,
             "rename": TOLD, "chmod": TOLD, "kill": TOLD, "memory-of-another": KILLED, "duplicate": TOLD, "ioctl": REFUSED, "write": KILLED}
    CAPTURES = {**READS, "ioctl": TOLD}
    OPENS = {**READS, "open": 0, "open-to-write": TOLD, "create": TOLD, "create-to-read": TOLD}
    KEEPS = {**OPENS, "unlink": 0, "rename": 0}
    if HAS_LANDLOCK:  # another folder than the keeper's
        KEEPS.update({"open": REFUSED, "unlink": REFUSED, "rename": REFUSED})
        OPENS["open"] = REFUSED  # the probe allows it no folder

    def try_it(self, *words):
        return subprocess.run([PROBE, *map(str, words)], capture_output=True, check=False, timeout=30)

    def test_roles(self):
        for role, wanted in (("reader", self.READS), ("capturer", self.CAPTURES), ("opener", self.OPENS), ("keeper", self.KEEPS)):
            for attempt, status_wanted in wanted.items():
                with self.subTest(f"{role}: {attempt}"):
                    path = self.folder / "file"
                    path.write_text("secret")
                    done = self.try_it(role, attempt, path)
                    if (role, attempt) in (("opener", "send-elsewhere"), ("keeper", "send-elsewhere")):
                        self.assertEqual(done.returncode, self.TOLD)
                        continue
                    self.assertEqual(done.returncode, status_wanted, done)
                    self.assertEqual(b"--no-sandbox" in done.stderr, status_wanted == self.TOLD)
                    if attempt not in ("write", "kill") and role == "reader":  # what the attempt is worth
                        self.assertEqual(self.try_it("none", attempt, path).returncode, 0, attempt)

    def test_opener(self):
        for name in ("in/a", "in/sub/b", "in/.c", "out/d", "in.txt"):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
        (self.folder / "in/up").symlink_to("../out")
        (self.folder / "in/link").symlink_to("../out/d")
        os.mkfifo(self.folder / "in/fifo")
        inside = self.folder / "in"
        for wanted in ("a", "sub/b", ".c", "link"):
            self.assertEqual(self.try_it("ask", f"{inside}/{wanted}", inside).returncode, 0, wanted)
            self.assertEqual(self.try_it("ask", f"{inside}/{wanted}", f"{inside}//").returncode, 0, wanted)
        for wanted in ("up/d", "../out/d", "sub/../a", "./a", "/a", "sub//b", "sub/../../out/d", "fifo", "", "up"):
            done = self.try_it("ask", f"{inside}/{wanted}", inside)
            self.assertEqual(done.returncode, 1, wanted)
            self.assertRegex(done.stdout, rb"Permission denied|Not a directory|Too many levels", wanted)
        for wanted in (f"{self.folder}/in.txt", f"{self.folder}/out/d", "/etc/passwd", "in/a", f"{inside}.txt"):
            self.assertEqual(self.try_it("ask", wanted, inside).returncode, 1, wanted)
        self.assertEqual(self.try_it("ask", inside / "nosuch", inside).stdout, b"No such file or directory\n")
        self.assertEqual(self.try_it("ask", inside / "a", inside / "a").returncode, 0)
        self.assertEqual(self.try_it("ask", inside / ".c", inside / "a").returncode, 1)
        self.assertEqual(self.try_it("ask", "/" + "a/" * 2100, inside).stdout, b"File name too long\n")


if __name__ == "__main__":
    unittest.main()
