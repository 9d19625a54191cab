#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures that grow while they are read: interfaces, pipes and FIFOs, ended by signals.

test_live.py IMAPID
"""
import contextlib
import fcntl
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

from files import read_pcap
from live import IS_ALONE, PATIENCE, Program, count_packet_sockets, say, serve, speak, talk, wait_for
from tool import ROOT, run, sample

def read_metrics(path):
    """What a reader of Prometheus' text format makes of a file: by name and input."""
    text = path.read_text()
    program = ("import json, sys\nfrom prometheus_client.parser import text_string_to_metric_families as read\n"
               "print(json.dumps([(s.name, s.labels, s.value) for m in read(sys.stdin.read()) for s in m.samples]))")
    done = subprocess.run(["/usr/bin/python3", "-c", program], input=text, capture_output=True, text=True, timeout=60)
    if "ModuleNotFoundError" in done.stderr:
        raise unittest.SkipTest("needs python3-prometheus-client")
    if shutil.which("promtool"):
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", ""), checked
    return {(name, labels.get("input")): value for name, labels, value in json.loads(done.stdout)}


@unittest.skipUnless(IS_ALONE, "needs root, for a network namespace of its own")
class Interface(unittest.TestCase):
    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=serve, args=(self.listener,), daemon=True).start()
        self.addCleanup(self.listener.close)
        wait_for(lambda: count_packet_sockets() == 0)

    def start(self, *arguments, **options):
        program = Program(*arguments, **options)
        self.addCleanup(program.process.wait)
        self.addCleanup(program.process.kill)  # of a test that failed
        wait_for(lambda: program.process.poll() is not None or count_packet_sockets(True) > 0)
        time.sleep(0.5)  # it is bound a moment before its ring is there
        return program

    def check_end(self, program, number):
        status, rest, err = program.end(number)
        self.assertEqual(status, 128 + number, err)
        self.assertEqual(rest[-1]["type"], "end")
        (capture,) = [r for r in rest if r["type"] == "capture"]
        self.assertRegex(capture["file"], r"^lo@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(capture["format"], "live")
        self.assertIn(b"listening on lo, link-type EN10MB (Ethernet), snapshot length 262144 bytes", err)
        self.assertIn(b"1 capture, ", err)
        return capture

    def test_each_record_at_once_and_totals_at_the_end(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                program = self.start("-i", "lo")
                for name in (b"one", b"two"):
                    speak(self.port, name)
                    record = program.read_line()
                    self.assertEqual(record["type"], "exchange")
                    self.assertEqual(record["command"]["params"], [["name", name.decode()]])
                    self.assertEqual(record["response"]["params"], [["name", "Example"]])
                    self.assertLess(abs(record["rtt"]), 10)
                    self.assertEqual(program.read_line()["type"], "session")
                self.assertEqual(self.check_end(program, number)["exchanges"], 2)

    def test_filter_is_set(self):
        program = self.start("-i", "lo", "-f", "tcp port 9")  # no port that a client may be given
        speak(self.port, b"one")
        self.assertEqual(self.check_end(program, signal.SIGINT)["packets"], 0)

    def test_tcpdump_writes_into_it(self):
        if not shutil.which("tcpdump"):
            self.skipTest("needs tcpdump")
        dump = subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-w", "-"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
        program = self.start("-", stdin=dump.stdout)
        dump.stdout.close()
        wait_for(lambda: count_packet_sockets() > 0)
        speak(self.port, b"piped")
        self.assertEqual(program.read_line()["command"]["params"], [["name", "piped"]])
        dump.terminate()
        dump.wait()
        status, rest, err = program.end()
        self.assertEqual(status, 0, err)
        self.assertEqual([r["type"] for r in rest[-2:]], ["capture", "end"])
        self.assertIsNone(rest[-2]["error"])

    def test_options_of_tcpdump_and_dumpcap(self):
        program = self.start("-i", "lo", "-c", 5, "-s", 200, "-B", 4096, "-p")
        speak(self.port, b"one")
        status, rest, err = program.end()  # by itself
        self.assertEqual((status, rest[-2]["packets"], rest[-2]["drops"]), (0, 5, 0), err)
        self.assertIn(b"snapshot length 200 bytes", err)
        begun = time.monotonic()
        status, rest, err = Program("-i", "lo", "-a", "duration:1", "--immediate-mode").end()
        self.assertEqual(status, 0, err)
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        for wrong in (["-c", "0"], ["-a", "filesize:1"], ["-s", "x"], ["-B", "-1"]):
            status, rest, err = Program("-i", "lo", *wrong).end()
            self.assertEqual((status, rest), (2, []), wrong)
        status, rest, err = Program("-c", 5, sample("several-ids")).end()
        self.assertEqual((status, rest), (2, []))
        self.assertIn(b"belong to -i", err)

    def test_who_may_not_capture_is_told_what_helps(self):
        # root without any capability
        done = subprocess.run(["setpriv", "--inh-caps", "-all", "--bounding-set", "-all",
                               Program.imapid, "-i", "lo", "-a", "duration:1"], capture_output=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"You don't have permission", done.stderr)
        self.assertIn(b"setcap", done.stderr)

    def test_packets_that_the_kernel_drops_are_told_while_it_runs(self):
        # 4 MiB of packets do not fit into a buffer of one
        program = self.start("-i", "lo", "-B", 1024)
        speak_slowly = socket.create_connection(("127.0.0.1", self.port))
        speak_slowly.sendall(b'a ID ("name" "slow")\r\n')
        self.assertEqual(program.read_line()["type"], "exchange")
        program.process.send_signal(signal.SIGSTOP)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            for _ in range(4000):
                flood.sendto(bytes(1000), ("127.0.0.1", 9))
        program.process.send_signal(signal.SIGCONT)
        program.read_message(rb"notice: lo: \d+ packets? (was|were) dropped")  # before the end
        speak_slowly.sendall(b"b LOGOUT\r\n")
        speak_slowly.close()
        record = program.read_line()
        self.assertEqual(record["type"], "session")
        self.assertIn("packets-dropped", [d["code"] for d in record["doubts"]])
        speak(self.port, b"later")
        while (record := program.read_line())["type"] != "session":
            pass
        self.assertEqual(record["doubts"], [])
        capture = self.check_end(program, signal.SIGINT)
        self.assertGreater(capture["drops"], 0)
        self.assertIn("dropped", capture["error"])

    def test_output_is_opened_anew_after_it_was_renamed(self):
        for style, written in (("jsonl", json.loads), ("csv", None)):
            with self.subTest(style), tempfile.TemporaryDirectory() as folder:
                path, older = pathlib.Path(folder, "out"), pathlib.Path(folder, "out.1")
                program = self.start("-i", "lo", "-w", path, "-T", style)
                speak(self.port, b"Apple")
                wait_for(lambda: path.exists() and b"Apple" in path.read_bytes())
                program.process.send_signal(signal.SIGHUP)  # it still has its name: nothing happens
                speak(self.port, b"Birch")
                wait_for(lambda: b"Birch" in path.read_bytes())
                os.chmod(path, 0o640)
                path.rename(older)
                program.process.send_signal(signal.SIGHUP)
                wait_for(path.exists)
                speak(self.port, b"Cedar")
                wait_for(lambda: b"Cedar" in path.read_bytes())
                status, rest, err = program.end(signal.SIGTERM)
                self.assertEqual((status, rest), (128 + signal.SIGTERM, []), err)
                files = [file.read_bytes() for file in (older, path)]
                self.assertEqual([[name in file for name in (b"Apple", b"Birch", b"Cedar")] for file in files],
                                 [[True, True, False], [False, False, True]])
                self.assertEqual(path.stat().st_mode & 0o777, 0o640)
                self.assertEqual(sorted(p.name for p in pathlib.Path(folder).iterdir()), ["out", "out.1"])
                if written:  # each is whole
                    for file in files:
                        records = [written(line) for line in file.splitlines()]
                        self.assertEqual((records[-1]["type"], records[-1]["records"]), ("end", len(records) - 1))
                else:
                    self.assertEqual(files[0].splitlines()[0], files[1].splitlines()[0])
                    self.assertIn(b"client_name", files[0].splitlines()[0])

    def test_database_is_written_though_privileges_are_given_up(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "ids.db")
            program = self.start("-i", "lo", "-T", "sqlite", "-w", path)
            for n in range(1, 31):
                speak(self.port, b"n" * 1000)
            wait_for(lambda: Database.ask(path, "SELECT count(*) FROM session") == [(30,)])
            status, rest, err = program.end(signal.SIGTERM)
            self.assertEqual((status, rest), (128 + signal.SIGTERM, []), err)
            self.assertEqual(Database.ask(path, "SELECT exchanges FROM capture"), [(30,)])
            self.assertEqual(list(Database.ask(path, "SELECT client_name FROM exchange")), [("n" * 1000,)] * 30)

    def test_database_that_cannot_be_written_ends_it(self):
        def allow_little():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (128 << 10, 128 << 10))

        with tempfile.TemporaryDirectory() as folder:
            program = self.start("-i", "lo", "-T", "sqlite", "-w", pathlib.Path(folder, "ids.db"), preexec_fn=allow_little)
            for _ in range(8):
                speak(self.port, b"n" * 10000)
            status, rest, err = program.end()  # by itself, though nothing comes any more
            self.assertEqual((status, rest), (2, []), err)
            self.assertIn(b"ids.db: ", err)

    def test_files_by_size_and_by_time(self):
        for limit in ("filesize:1", "duration:1"):
            with self.subTest(limit), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "out.jsonl")
                path.write_bytes(b"of an earlier run")
                program = self.start("-i", "lo", "-w", path, "-b", limit)
                names = ["Apple", "Birch", "Cedar"]
                for n, name in enumerate(names, 1):
                    speak(self.port, name.encode())
                    wait_for(lambda: len(list(path.parent.glob("out_*.jsonl"))) > n)
                status, rest, err = program.end(signal.SIGTERM)
                self.assertEqual((status, rest), (128 + signal.SIGTERM, []), err)
                first, *aside = sorted(path.parent.glob("out_*.jsonl"))
                self.assertEqual(first.read_bytes(), b"of an earlier run")
                self.assertEqual(sorted(p.name for p in path.parent.iterdir()),
                                 sorted(p.name for p in (path, first, *aside)))
                for file in (*aside, path):
                    self.assertRegex(file.name, r"^out(_\d{14}_\d{5})?\.jsonl$")
                    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
                    self.assertEqual((lines[-1]["type"], lines[-1]["records"]), ("end", len(lines) - 1))
                done = run("-T", "jsonl", "stats", *aside, path)
                self.assertEqual((done.returncode, done.stderr.count(b"\n")), (0, 1), done.stderr)
                told = b"".join(file.read_bytes() for file in (*aside, path))
                for name in names:
                    self.assertEqual(told.count(b'[["name","%s"]]' % name.encode()), 1)
        for wrong in (["-w", "x", "-b", "files:2"], ["-w", "x", "-b", "duration:0"], ["-b", "duration:1"]):
            status, rest, err = Program("-i", "lo", *wrong).end()
            self.assertEqual((status, rest), (2, []), wrong)

    def test_next_file_that_cannot_be_made_costs_no_record(self):
        with tempfile.TemporaryDirectory() as folder:
            path, older = pathlib.Path(folder, "out"), pathlib.Path(folder, "out.1")
            program = self.start("-i", "lo", "-w", path)
            speak(self.port, b"Apple")
            wait_for(lambda: path.exists() and b"Apple" in path.read_bytes())
            path.rename(older)
            for helper in pathlib.Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split():
                os.kill(int(helper), signal.SIGKILL)
            program.process.send_signal(signal.SIGHUP)
            program.read_message(b"out: Broken pipe")
            speak(self.port, b"Birch")
            wait_for(lambda: b"Birch" in older.read_bytes())
            status, rest, err = program.end(signal.SIGTERM)
            self.assertEqual((status, rest), (128 + signal.SIGTERM, []), err)
            self.assertEqual(json.loads(older.read_bytes().splitlines()[-1])["type"], "end")

    def test_next_file_that_gets_no_name_costs_no_record(self):
        with tempfile.TemporaryDirectory() as folder:
            path, older = pathlib.Path(folder, "out"), pathlib.Path(folder, "out.1")
            program = self.start("-i", "lo", "-w", path)
            speak(self.port, b"Apple")
            wait_for(lambda: path.exists() and b"Apple" in path.read_bytes())
            path.rename(older)
            path.mkdir()
            program.process.send_signal(signal.SIGHUP)
            program.read_message(b"/out: ")  # a directory; or, with Landlock, no right to replace one
            speak(self.port, b"Birch")
            wait_for(lambda: b"Birch" in older.read_bytes())
            path.rmdir()  # from now on there can be one
            program.process.send_signal(signal.SIGHUP)
            wait_for(path.exists)
            speak(self.port, b"Cedar")
            wait_for(lambda: b"Cedar" in path.read_bytes())
            status, rest, err = program.end(signal.SIGTERM)
            self.assertEqual((status, rest), (128 + signal.SIGTERM, []), err)
            for file in (older, path):
                self.assertEqual(json.loads(file.read_bytes().splitlines()[-1])["type"], "end")

    def test_hangup_ends_what_has_no_file_to_open_anew(self):
        program = self.start("-i", "lo")
        speak(self.port, b"one")
        status, rest, err = program.end(signal.SIGHUP)
        self.assertEqual(status, 128 + signal.SIGHUP, err)
        self.assertEqual([r["type"] for r in rest], ["exchange", "session", "capture", "end"])

    def test_counts_are_told_when_asked_for(self):
        program = self.start("-i", "lo")
        program.process.send_signal(signal.SIGUSR1)
        program.read_message(rb"so far 0 packets, 0 TCP connections, 0 IMAP sessions, 0 ID exchanges")
        speak(self.port, b"one")
        program.read_line()
        program.process.send_signal(signal.SIGUSR1)
        program.read_message(rb"lo@\S+: so far \d+ packets, 1 TCP connection, \d IMAP sessions?, 1 ID exchange;")
        self.assertEqual(self.check_end(program, signal.SIGINT)["exchanges"], 1)

    def test_counts_are_records_at_intervals(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "out.jsonl")
            program = self.start("-i", "lo", "--interval", 1, "-w", path)
            speak(self.port, b"one")
            wait_for(lambda: path.exists() and path.read_bytes().count(b'"interval"') > 1)
            program.end(signal.SIGTERM)
            records = [json.loads(line) for line in path.read_bytes().splitlines()]
            intervals = [r for r in records if r["type"] == "interval"]
            self.assertEqual(intervals[-1]["exchanges"], 1)
            self.assertGreater(intervals[-1]["memory_peak"], 1 << 20)
            for before, after in zip(intervals, intervals[1:]):
                self.assertGreaterEqual(after["packets"], before["packets"])
                self.assertGreaterEqual(after["seconds"] - before["seconds"], 0.5)
            self.assertEqual((records[-1]["type"], records[-1]["records"]), ("end", len(records) - 1))
            done = run("stats", path)  # they are passed over
            self.assertEqual((done.returncode, b"without a record" in done.stderr), (0, False), done.stderr)
        status, rest, err = Program("-i", "lo", "--interval", "0").end()
        self.assertEqual((status, rest), (2, []))

    def test_metrics_are_a_whole_file_at_any_time(self):
        with tempfile.TemporaryDirectory() as above:
            folder = pathlib.Path(above, "collected")
            folder.mkdir()
            path = folder / "imapid.prom"
            os.umask(os.umask(0) | 0o077)  # whoever collects it is somebody else
            program = self.start("-i", "lo", "--metrics", path, "--interval", 1)
            wait_for(path.exists)  # before anything came
            self.assertEqual(read_metrics(path)["imapid_exchanges_total", "lo"], 0)
            first = path.stat()
            self.assertEqual(first.st_mode & 0o777, 0o644)
            speak(self.port, b"one")
            wait_for(lambda: read_metrics(path)["imapid_exchanges_total", "lo"] == 1)
            folder.rename(above + "/old")  # and is made anew, by whoever collects it
            folder.mkdir()
            wait_for(path.exists)
            path.chmod(0o640)
            speak(self.port, b"two")
            capture = self.check_end(program, signal.SIGTERM)
            metrics = read_metrics(path)
            for name, key in (("packets", "packets"), ("bytes", "bytes"), ("dropped_packets", "drops"),
                              ("tcp_connections", "tcp_connections"), ("sessions", "imap_sessions"),
                              ("exchanges", "exchanges"), ("lost_bytes", "lost_bytes")):
                self.assertEqual(metrics[f"imapid_{name}_total", "lo"], capture[key], name)
            self.assertGreater(metrics["imapid_memory_peak_bytes", "lo"], 1 << 20)
            self.assertLess(abs(metrics["imapid_start_time_seconds", "lo"] - first.st_mtime), PATIENCE)
            self.assertEqual((path.stat().st_mode & 0o777, list(folder.iterdir())), (0o640, [path]))
            before = path.read_bytes()
            for wrong in ([path], ["-w", path, sample("several-ids")], ["-l", path, sample("several-ids")]):
                done = run("--metrics", path, *wrong)
                self.assertEqual((done.returncode, path.read_bytes()), (2, before), wrong)

    def test_signal_while_the_output_is_blocked(self):
        output, end = os.pipe()
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
        octets = sample("several-ids").read_bytes()
        process = subprocess.Popen([Program.imapid, "-T", "jsonl", "-"], stdin=subprocess.PIPE, stdout=end,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        os.close(end)
        process.stdin.write(octets)
        process.stdin.flush()
        wait_for(lambda: pathlib.Path(f"/proc/{process.pid}/wchan").read_text().startswith("pipe") or
                 "pipe_write" in pathlib.Path(f"/proc/{process.pid}/stack").read_text())
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        out = b""
        while select.select([output], [], [], PATIENCE)[0] and (more := os.read(output, 65536)):
            out += more
        os.close(output)
        err = process.communicate(timeout=PATIENCE)[1]
        self.assertEqual(process.returncode, 128 + signal.SIGINT, err)
        records = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([r["type"] for r in records[-2:]], ["capture", "end"])
        self.assertEqual(records[-1]["records"], len(records) - 1)
        self.assertNotIn(b"Interrupted", err)

    def test_no_such_interface_and_bad_filter(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments in (["-i", "none0"], ["-i", "lo", "-f", "no such ("]):
                for output in ([], ["-T", "sqlite"], ["--metrics", folder + "/x.prom"]):
                    wanted = ["-w", folder + "/x"] if output else []
                    status, rest, err = Program(*arguments, *output, *wanted).end()
                    self.assertEqual((status, rest, os.listdir(folder)), (2, [], []))
                    self.assertIn(arguments[1].encode(), err)


class Database(unittest.TestCase):
    """A database that is written while packets come, as others read and write it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name, "ids.db")
        self.capture = pathlib.Path(folder.name, "cap")
        self.capture.write_bytes(sample("several-ids").read_bytes())
        self.want = self.ask(self.batch(pathlib.Path(folder.name, "want.db")), "SELECT count(*) FROM exchange")[0][0]
        self.assertGreater(self.want, 1)

    def batch(self, path):
        done = run("-q", "-T", "sqlite", "-w", path, sample("several-ids"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    @staticmethod
    def ask(path, sql):
        with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as db:
            return db.execute(sql).fetchall()

    def count(self):
        try:
            return self.ask(self.path, "SELECT count(*) FROM exchange")[0][0]
        except sqlite3.OperationalError:  # it has no tables yet
            return 0

    def start(self):
        program = Program("-T", "sqlite", "-w", self.path, "--follow", self.capture)
        wait_for(lambda: program.process.poll() is not None or program.catches(signal.SIGUSR1))
        return program

    def check_end(self, program, number, n_captures):
        time.sleep(0.3)
        program.process.send_signal(number)
        program.process.wait(PATIENCE)
        status, rest, err = program.end()
        self.assertEqual((status, rest), (128 + number, []), err)
        self.assertEqual(self.count(), self.want)
        self.assertEqual(self.ask(self.path, "SELECT count(*) FROM capture"), [(n_captures,)])
        self.assertEqual(self.ask(self.path, "PRAGMA integrity_check"), [("ok",)])
        self.assertEqual(self.ask(self.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'exchange_time'"), [(1,)])

    def test_records_are_there_as_they_come(self):
        program = self.start()
        wait_for(lambda: self.count() == self.want)
        self.assertIsNone(program.process.poll())
        self.check_end(program, signal.SIGHUP, 1)
        self.check_end(self.start(), signal.SIGINT, 1)  # the same again changes nothing

    def test_pipe_that_is_followed_is_stored_as_it_comes(self):
        program = Program("-T", "sqlite", "-w", self.path, "--follow", "-", stdin=subprocess.PIPE)
        program.process.stdin.write(self.capture.read_bytes())
        wait_for(lambda: self.count() == self.want)
        self.assertIsNone(program.process.poll())  # the pipe is still open
        program.process.stdin.close()
        program.process.stdin = None
        self.assertEqual(program.end()[:2], (0, []))
        self.assertEqual(self.ask(self.path, "SELECT count(*) FROM capture"), [(1,)])

    def test_kill_costs_nothing_that_was_there(self):
        program = self.start()
        wait_for(lambda: self.count() == self.want)
        program.process.kill()
        program.process.communicate(timeout=PATIENCE)
        self.assertEqual(self.count(), self.want)
        self.check_end(self.start(), signal.SIGTERM, 1)

    def test_others_who_read_and_write_cost_no_record(self):
        self.ask(self.path, "PRAGMA user_version")  # it is there, and empty
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as reader, \
                contextlib.closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as writer:
            octets = self.capture.read_bytes()
            self.capture.write_bytes(octets[:24])
            program = self.start()
            wait_for(lambda: self.ask(self.path, "PRAGMA journal_mode") == [("wal",)])
            reader.execute("BEGIN")
            self.assertEqual(reader.execute("SELECT count(*) FROM exchange").fetchall(), [(0,)])
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("CREATE TABLE mine (x)")
            self.capture.write_bytes(octets)
            time.sleep(0.5)
            self.assertEqual(self.count(), 0)  # it waits for who writes
            writer.execute("COMMIT")
            wait_for(lambda: self.count() == self.want)
            self.assertEqual(reader.execute("SELECT count(*) FROM exchange").fetchall(), [(0,)])  # as it was when it began
            self.check_end(program, signal.SIGTERM, 1)
            reader.execute("COMMIT")
        self.batch(self.path)  # ends the log
        self.assertEqual(self.ask(self.path, "SELECT count(*) FROM capture"), [(2,)])
        self.assertEqual(sorted(p.name for p in self.path.parent.iterdir()), ["cap", "ids.db", "want.db"])

    def test_database_of_another_program_is_left_alone(self):
        self.ask(self.path, "CREATE TABLE mine (x)")
        before = self.path.read_bytes()
        program = self.start()
        status, rest, err = program.end()
        self.assertEqual((status, rest), (2, []), err)
        self.assertIn(b"is a database of another program", err)
        self.assertEqual(self.path.read_bytes(), before)


@unittest.skipUnless(IS_ALONE, "needs root, for a network namespace of its own")
class Keys(unittest.TestCase):
    """A key log that is written while TLS is spoken, in a folder that only root may enter."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "keys"
        key, certificate = self.folder / "key", self.folder / "crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=imap.example.test",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]  # not one of IMAP
        self.addCleanup(listener.close)
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()
        wait_for(lambda: count_packet_sockets() == 0)

    def serve(self, listener):
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, self.context.wrap_socket(peer, server_side=True) as inside:
                talk(inside)

    def speak(self, name, log):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if log:
            context.keylog_filename = str(log)
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as peer:
            with context.wrap_socket(peer) as inside:
                say(inside, name)

    def expect(self, program, name):
        record = program.read_line()
        self.assertEqual(record["type"], "exchange", record)
        self.assertEqual(record["command"]["params"], [["name", name.decode()]])
        record = program.read_line()
        self.assertEqual((record["type"], record["decrypted"]), ("session", True))

    def start(self, *arguments):
        program = Program("-i", "lo", *arguments)
        wait_for(lambda: program.process.poll() is not None or count_packet_sockets(True) > 0)
        time.sleep(0.5)
        return program

    def test_is_waited_for_and_read_as_it_grows(self):
        program = self.start("-l", self.log)
        program.read_message(b"keys: key log: is not there yet, and is waited for")
        for name in (b"one", b"two"):
            self.speak(name, self.log)
            self.expect(program, name)
        self.log.rename(self.folder / "older")
        self.speak(b"three", self.log)
        self.expect(program, b"three")
        self.speak(b"four", self.folder / "aside")  # its secrets come when it has said all
        with open(self.log, "ab") as log:
            log.write((self.folder / "aside").read_bytes())
        self.expect(program, b"four")
        status, rest, err = program.end(signal.SIGINT)
        self.assertEqual(status, 128 + signal.SIGINT, err)
        self.assertEqual([r["sessions_not_decrypted"] for r in rest if r["type"] == "capture"], [0])

    def test_without_one_only_what_may_be_imap_is_looked_into(self):
        program = self.start()
        self.speak(b"one", None)
        status, rest, err = program.end(signal.SIGINT)
        self.assertEqual([r["type"] for r in rest], ["capture", "end"], err)
        self.assertEqual(rest[0]["tcp_connections"], 1)

    def test_that_is_missing_is_an_error_where_the_capture_has_an_end(self):
        status, rest, err = Program("-l", self.log, sample("several-ids")).end()
        self.assertEqual((status, rest), (2, []), err)
        self.assertIn(b"No such file", err)


@unittest.skipUnless(IS_ALONE, "needs root, for a network namespace of its own")
class Tap(unittest.TestCase):
    """Two interfaces, each with one direction."""

    def setUp(self):
        for name in "ab":
            subprocess.run(["ip", "link", "add", name + "0", "type", "veth", "peer", "name", name + "1"], check=True)
            self.addCleanup(subprocess.run, ["ip", "link", "del", name + "0"], capture_output=True, timeout=PATIENCE)
            for end in "01":
                pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}{end}/disable_ipv6").write_text("1")
                subprocess.run(["ip", "link", "set", name + end, "up"], check=True)

    def replay(self, pause=0):
        """Plays each direction of a real capture into an interface of its own."""
        sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in "ab"]
        for wire, name in zip(sockets, "ab"):
            wire.bind((name + "0", 0))
        packets = read_pcap(sample("several-ids").read_bytes())
        first = packets[0].data[26:30]
        for packet in packets:
            sockets[0 if packet.data[26:30] == first else 1].send(packet.data)
            time.sleep(pause)
        for wire in sockets:
            wire.close()
        return len(packets)

    def test_interface_that_goes_down_and_comes_up(self):
        program = self.start()
        for state in ("down", "up"):
            subprocess.run(["ip", "link", "set", "a1", state], check=True, timeout=PATIENCE)
            time.sleep(0.5)
        self.check(program, self.replay(0.002))

    def test_interface_that_is_taken_away_is_an_error_and_the_other_goes_on(self):
        program = self.start()
        subprocess.run(["ip", "link", "del", "a0"], check=True, timeout=PATIENCE)
        time.sleep(0.5)
        self.assertIsNone(program.process.poll())
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind(("b0", 0))
            wire.send(read_pcap(sample("several-ids").read_bytes())[0].data)
        time.sleep(0.5)
        status, rest, err = program.end(signal.SIGINT)
        self.assertEqual(status, 128 + signal.SIGINT, err)
        self.assertEqual([r["packets"] for r in rest if r["type"] == "capture"], [1])
        self.assertIn(b"a1", err.split(b"length 262144 bytes\n")[-1])

    def start(self):
        program = Program("-i", "a1", "-i", "b1")
        wait_for(lambda: program.process.poll() is not None or count_packet_sockets(True) > 1)
        time.sleep(0.5)
        return program

    def check(self, program, n):
        want = [json.loads(line) for line in run("-q", "-T", "jsonl", sample("several-ids")).stdout.splitlines()]
        status, rest, err = program.end(signal.SIGINT)
        self.assertEqual(status, 128 + signal.SIGINT, err)
        (capture,) = [r for r in rest if r["type"] == "capture"]
        self.assertEqual(capture["packets"], n)
        self.assertTrue(capture["file"].startswith("a1,b1@"))
        for kind, keys in (("exchange", ("tag", "complete", "findings")),
                           ("session", ("exchanges", "from_start", "ended", "lost_bytes"))):
            self.assertEqual([[r[key] for key in keys] for r in rest if r["type"] == kind],
                             [[r[key] for key in keys] for r in want if r["type"] == kind])
            self.assertTrue(any(r["type"] == kind for r in rest))
        for record in rest:
            if record["type"] == "exchange" and record["rtt"] is not None:
                self.assertGreaterEqual(record["rtt"], 0)

    def test_halves_on_two_interfaces_are_whole_sessions(self):
        program = self.start()
        n = self.replay(0.002)
        time.sleep(0.5)
        self.check(program, n)

    def test_what_came_before_the_signal_is_told(self):
        program = self.start()
        self.check(program, self.replay())  # what the kernel and the merging hold back


class Pipe(unittest.TestCase):
    def test_signal_ends_standard_input_with_the_totals(self):
        data = sample("several-ids").read_bytes()
        for cut in (len(data), len(data) - 5, 24, 3, 0):
            with self.subTest(cut):
                program = Program("-", stdin=subprocess.PIPE)
                program.process.stdin.write(data[:cut])
                program.process.stdin.flush()
                first = program.read_line() if cut > 1000 else None
                wait_for(lambda: program.catches(signal.SIGINT) and program.waits_for_input())
                program.process.send_signal(signal.SIGINT)
                program.process.wait(PATIENCE)  # while the input is open
                status, rest, err = program.end()
                self.assertEqual(status, 128 + signal.SIGINT, err)
                self.assertEqual([r["type"] for r in rest[-2:]], ["capture", "end"])
                self.assertIsNone(rest[-2]["error"])
                self.assertIn(b"ID exchanges", err)
                self.assertEqual(first is None, cut < 1000)

    def test_fifos_are_read_side_by_side(self):
        data = sample("several-ids").read_bytes()
        n = len(run("-q", "-T", "jsonl", sample("several-ids")).stdout.splitlines()) - 2
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder, name) for name in "ab"]
            for path in paths:
                os.mkfifo(path)
            program = Program("-j", 1, *paths)
            writers = [open(path, "wb", buffering=0) for path in paths]
            for writer, path in reversed(list(zip(writers, paths))):
                writer.write(data)
                for _ in range(n):
                    self.assertEqual(program.read_line()["file"], str(path))
            status, rest, err = program.end(signal.SIGTERM)
            for writer in writers:
                writer.close()
        self.assertEqual(status, 128 + signal.SIGTERM, err)
        self.assertEqual(len([r for r in rest if r["type"] == "capture"]), 2)

    def test_key_log_that_comes_late_opens_a_quiet_connection(self):
        octets, keys = sample("curl-dovecot-tls").read_bytes(), (ROOT / "samples/curl-dovecot-tls.keys").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "keys"
            log.write_bytes(b"")
            program = Program("-l", log, "-", stdin=subprocess.PIPE)
            program.process.stdin.write(octets[:octets.rindex(b"\x17\x03\x03")])  # the end is still to come
            program.process.stdin.flush()
            time.sleep(0.5)
            log.write_bytes(keys)
            record = program.read_line()  # though nothing more of the capture came
            self.assertEqual(record["type"], "exchange")
            program.process.send_signal(signal.SIGINT)
            program.process.wait(PATIENCE)  # while the input is open
            status, rest, err = program.end()
            self.assertEqual(status, 128 + signal.SIGINT, err)
            self.assertEqual([r["decrypted"] for r in rest if r["type"] == "session"], [True])

    def test_fifo_that_nobody_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "fifo")
            os.mkfifo(path)
            program = Program(path)
            wait_for(lambda: program.catches(signal.SIGINT))
            self.assertIsNone(program.process.poll())
            self.assertEqual(program.end(signal.SIGINT)[0], 128 + signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
