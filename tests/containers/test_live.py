#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures that grow while they are read: interfaces, pipes and FIFOs, ended by signals.

test_live.py IMAPID
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from live import IS_ALONE, PATIENCE, Program, count_packet_sockets, serve, speak, wait_for
from tool import ROOT, run, sample

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
        wait_for(lambda: program.process.poll() is not None or count_packet_sockets(True) > 0)
        time.sleep(0.5)  # it is bound a moment before its ring is there
        return program

    def check_end(self, program, number):
        status, rest, err = program.end(number)
        self.assertEqual(status, 128 + number, err)
        self.assertEqual(rest[-1]["type"], "end")
        (capture,) = [r for r in rest if r["type"] == "capture"]
        self.assertEqual((capture["file"], capture["format"]), ("lo", "live"))
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
        program = self.start("-i", "lo", "-f", f"tcp port {self.port + 1}")
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

    def test_no_such_interface_and_bad_filter(self):
        for arguments in (["-i", "none0"], ["-i", "lo", "-f", "no such ("]):
            status, rest, err = Program(*arguments).end()
            self.assertEqual((status, rest), (2, []))
            self.assertIn(arguments[1].encode(), err)


class Pipe(unittest.TestCase):
    def test_signal_ends_standard_input_with_the_totals(self):
        data = sample("several-ids").read_bytes()
        for cut in (len(data), len(data) - 5, 24, 3, 0):
            with self.subTest(cut):
                program = Program("-", stdin=subprocess.PIPE)
                program.process.stdin.write(data[:cut])
                program.process.stdin.flush()
                first = program.read_line() if cut > 1000 else None
                time.sleep(0.2)
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
            time.sleep(0.3)
            self.assertIsNone(program.process.poll())
            self.assertEqual(program.end(signal.SIGINT)[0], 128 + signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
