#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--follow: files that grow, folders that fill, ended by a signal.

test_follow.py IMAPID
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from live import IS_ALONE, Program, count_packet_sockets, serve, speak, wait_for
from tool import exchanges, run, sample


def split(path):
    """The file header of a pcap file, and each packet with its header."""
    octets = path.read_bytes()
    packets, at = [], 24
    while at < len(octets):
        n = 16 + struct.unpack_from("<I", octets, at + 8)[0]
        packets.append(octets[at:at + n])
        at += n
    return octets[:24], packets


def tell(found):
    return [{key: value for key, value in r.items() if key not in ("file", "session")}
            for r in found if r["type"] == "exchange"]


def wait_until_idle(process):
    """Until it has used no CPU for half a second: it waits for more of its files."""
    def used():
        words = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return int(words[11]) + int(words[12])

    last, since, deadline = used(), time.monotonic(), time.monotonic() + 30
    while time.monotonic() < min(since + 0.5, deadline):
        time.sleep(0.05)
        if used() != last:
            last, since = used(), time.monotonic()


class Follow(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.wanted = exchanges(run("-q", "-T", "jsonl", sample("compress")))
        self.header, self.packets = split(sample("compress"))
        self.assertTrue(self.wanted)

    def start(self, *arguments):
        program = Program("--follow", *arguments)
        self.addCleanup(program.process.kill)
        return program

    def end(self, program, number=signal.SIGTERM):
        status, rest, err = program.end(number)
        self.assertEqual(status, 128 + number, err)
        self.assertEqual(rest.pop()["type"], "end")
        self.assertIn(b"ID exchange", err)
        return rest, err

    def test_file_that_grows_in_odd_steps(self):
        path = self.folder / "growing.pcap"
        octets = self.header + b"".join(self.packets)
        for number, step in ((signal.SIGINT, 997), (signal.SIGTERM, 20011)):
            with self.subTest(step):
                path.write_bytes(b"")
                program = self.start(path)
                with path.open("ab", buffering=0) as file:
                    for at in range(0, len(octets), step):
                        file.write(octets[at:at + step])
                        time.sleep(0.01)
                found = [program.read_line() for _ in self.wanted]  # while the program runs
                self.assertEqual(tell(found), self.wanted)
                wait_until_idle(program.process)
                rest, err = self.end(program, number)
                self.assertIsNone(rest[-1]["error"])
                self.assertEqual(rest[-1]["packets"], len(self.packets))
                self.assertIn(b"1 capture, ", err)

    def test_signal_inside_a_packet_is_no_damage(self):
        path = self.folder / "growing.pcap"
        path.write_bytes(self.header + b"".join(self.packets)[:-5])
        program = self.start(path)
        found = [program.read_line() for _ in self.wanted]
        self.assertEqual(tell(found), self.wanted)
        wait_until_idle(program.process)
        rest, _ = self.end(program)
        self.assertIsNone(rest[-1]["error"])

    def test_two_files_grow_side_by_side(self):
        paths = [self.folder / name for name in ("a.pcap", "b.pcap")]
        for path in paths:
            path.write_bytes(self.header)
        program = self.start("-j", 1, *paths)
        for path in reversed(paths):
            with path.open("ab") as file:
                file.write(b"".join(self.packets))
            found = []
            while len(tell(found)) < len(self.wanted):
                record = program.read_line()
                found += [record] if record["type"] == "exchange" else []
            self.assertEqual(tell(found), self.wanted)
            self.assertEqual({r["file"] for r in found}, {str(path)})
        self.end(program)

    def fill(self, n_pieces, names):
        """Writes the sample as pieces, slowly."""
        for i in range(n_pieces):
            ends = [len(self.packets) * k // n_pieces for k in (i, i + 1)]
            with (self.folder / names(i)).open("wb", buffering=0) as file:
                file.write(self.header)
                time.sleep(0.1)
                for packet in self.packets[ends[0]:ends[1]]:
                    file.write(packet)
                    time.sleep(0.001)

    def test_folder_that_fills_is_one_capture_with_continuous(self):
        (self.folder / "README").write_text("not a capture, and longer than the header of one")
        output = self.folder / "records.jsonl"
        program = subprocess.Popen([Program.imapid, "--follow", "--continuous", "-T", "jsonl", "-w", output, self.folder],
                                   stderr=subprocess.PIPE)
        self.addCleanup(program.kill)
        self.fill(4, lambda i: f"ring_{9 - i}.pcap")  # in the order of their packets, not of their names
        wait_for(lambda: output.exists() and output.read_bytes().count(b'"type":"exchange"') == len(self.wanted))
        time.sleep(0.6)
        program.terminate()
        _, err = program.communicate(timeout=20)
        self.assertEqual(program.returncode, 128 + signal.SIGTERM, err)
        rest = [json.loads(line) for line in output.read_bytes().splitlines()]
        strip = ("frame", "file")
        self.assertEqual([{k: v for k, v in r["response"].items() if k not in strip} for r in rest if r["type"] == "exchange"],
                         [{k: v for k, v in r["response"].items() if k not in strip} for r in self.wanted])
        captures = [r for r in rest if r["type"] == "capture"]
        self.assertEqual(sum(r["packets"] for r in captures), len(self.packets))
        self.assertEqual([r["file"][-6:-5] for r in captures], list("9876"))
        self.assertEqual(len([r for r in rest if r["type"] == "session"]), 1)

    def test_folder_that_fills_with_whole_captures(self):
        program = self.start(self.folder)
        for name in ("b.pcap", "a.pcap"):
            shutil.copy(sample("compress"), self.folder / name)
            shutil.copy(sample("several-ids"), self.folder / f"later-{name}")
            time.sleep(0.5)
        time.sleep(4)
        rest, err = self.end(program)
        self.assertEqual({pathlib.Path(r["file"]).name for r in rest if r["type"] == "capture"},
                         {"a.pcap", "b.pcap", "later-a.pcap", "later-b.pcap"}, err)

    def test_file_that_is_written_anew_is_another_one(self):
        program = self.start(self.folder)
        later = [struct.pack("<I", struct.unpack_from("<I", packet)[0] + 3600) + packet[4:] for packet in self.packets]
        for packets in (self.packets, later):
            for name in ("ring0.pcap", "ring1.pcap"):
                half = packets[:len(packets) // 2] if name == "ring0.pcap" else packets[len(packets) // 2:]
                with (self.folder / name).open("wb") as file:
                    file.write(self.header)
                    file.flush()
                    time.sleep(0.3)
                    file.write(b"".join(half))
                time.sleep(0.8)
        rest, _ = self.end(program)
        self.assertEqual(sum(r["packets"] for r in rest if r["type"] == "capture"), 2 * len(self.packets))

    def write_anew(self, path, how, octets):
        if how == "replaced":
            (self.folder.parent / (self.folder.name + ".new")).write_bytes(octets)
            os.replace(self.folder.parent / (self.folder.name + ".new"), path)
        elif how == "removed":
            path.unlink()
            time.sleep(0.5)
            path.write_bytes(octets)
        elif how == "cut and removed":
            os.truncate(path, 0)
            path.unlink()
            time.sleep(0.8)
            path.write_bytes(octets)
        else:  # in its place, with no moment at which it would be shorter
            with path.open("r+b", buffering=0) as file:
                file.write(octets)
                file.truncate()

    def test_the_only_file_is_written_anew(self):
        path = self.folder / "a.pcap"
        later = [struct.pack("<I", struct.unpack_from("<I", packet)[0] + 3600) + packet[4:] for packet in self.packets]
        cut = later[:len(later) * 3 // 4]
        for words in ((path,), (self.folder,), ("--continuous", self.folder)):
            for how, packets in (("replaced", later), ("removed", later), ("cut and removed", later), ("over", cut), ("over", later), ("over", later + later[:5])):
                with self.subTest(words=words, how=how, n=len(packets)):
                    path.write_bytes(self.header + b"".join(self.packets))
                    program = self.start(*words)
                    for _ in self.wanted:
                        program.read_line()
                    wait_until_idle(program.process)
                    self.write_anew(path, how, self.header + b"".join(packets))
                    time.sleep(0.6)
                    wait_until_idle(program.process)
                    rest, _ = self.end(program)
                    self.assertEqual([r["packets"] for r in rest if r["type"] == "capture"], [len(self.packets), len(packets)])

    def test_ring_of_files_of_one_size(self):
        """The same names, inodes and sizes, and no look at the folder while one of them is shorter."""
        program = self.start(self.folder)
        n = len(self.packets)
        for hour in range(4):
            packets = [struct.pack("<I", struct.unpack_from("<I", packet)[0] + 3600 * hour) + packet[4:] for packet in self.packets]
            path = self.folder / f"ring{hour % 2}.pcap"
            if path.exists():
                self.write_anew(path, "over", self.header + b"".join(packets))
            else:
                path.write_bytes(self.header + b"".join(packets))
            time.sleep(1)
        rest, err = self.end(program)
        self.assertEqual([r["packets"] for r in rest if r["type"] == "capture"], [n] * 4, err)

    def test_continuous_takes_one_folder(self):
        done = run("--follow", "--continuous", sample("compress"))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"one folder", done.stderr)

    def test_answers_come_at_the_end(self):
        path = self.folder / "growing.pcap"
        path.write_bytes(self.header + b"".join(self.packets))
        program = subprocess.Popen([Program.imapid, "check", "--follow", "-T", "jsonl", path], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        time.sleep(1)
        self.assertIsNone(program.poll())
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
        self.assertEqual(program.returncode, 128 + signal.SIGINT, err)
        self.assertEqual(out, run("check", "-T", "jsonl", path).stdout)

    def test_jsonl_that_grows(self):
        path = self.folder / "records.jsonl"
        lines = run("-q", "-T", "jsonl", sample("compress")).stdout.splitlines(keepends=True)
        path.write_bytes(lines[0])
        program = self.start(path)
        self.assertEqual(program.read_line(), json.loads(lines[0]))
        for line in lines[1:-1]:
            with path.open("ab") as file:
                file.write(line)
            self.assertEqual(program.read_line(), json.loads(line))
        self.end(program)


@unittest.skipUnless(IS_ALONE and shutil.which("dumpcap"), "needs root and dumpcap")
class Ring(unittest.TestCase):
    def check(self, *options):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        with tempfile.TemporaryDirectory() as folder:
            wait_for(lambda: count_packet_sockets() == 0)
            dump = subprocess.Popen(["dumpcap", "-q", "-i", "lo", "-b", "packets:20", "-b", "files:50",
                                     "-w", os.path.join(folder, "ring.pcapng")], stderr=subprocess.DEVNULL)
            self.addCleanup(dump.kill)
            wait_for(lambda: count_packet_sockets(True) > 0)
            time.sleep(0.5)
            program = Program("--follow", *options, folder)
            self.addCleanup(program.process.kill)
            names = [b"client-%d" % i for i in range(12)]
            for name in names:
                speak(listener.getsockname()[1], name)
                time.sleep(0.05)
            time.sleep(1)
            dump.terminate()
            dump.wait()
            time.sleep(1)
            status, rest, err = program.end(signal.SIGINT)
            self.assertEqual(status, 128 + signal.SIGINT, err)
            self.assertGreater(len(list(pathlib.Path(folder).iterdir())), 3)
            return rest

    def test_continuous(self):
        rest = self.check("--continuous")
        found = [r["command"]["params"][0][1] for r in rest if r["type"] == "exchange"]
        self.assertEqual(found, [f"client-{i}" for i in range(12)])
        self.assertTrue(all(r["complete"] for r in rest if r["type"] == "exchange"))
        self.assertEqual(len([r for r in rest if r["type"] == "session"]), 12)

    def test_each_file_by_itself(self):
        rest = self.check()
        self.assertGreater(len([r for r in rest if r["type"] == "capture"]), 3)


if __name__ == "__main__":
    unittest.main()
