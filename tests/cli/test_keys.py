#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sessions a key log opens, in every form that one comes in.

test_keys.py IMAPID

Two samples hold a TLS 1.2 session and its resumption, one by ticket and one by session identifier. GnuTLS and Go
write no line for the second connection, so the secret of the first must serve."""
import fcntl
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
IMAPID = None


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


def without_secrets(data):
    """A little-endian pcapng without its Decryption Secrets Blocks (type 10)."""
    at, kept = 0, b""
    while at < len(data):
        kind, n = struct.unpack_from("<II", data, at)
        if kind != 10:
            kept += data[at:at + n]
        at += n
    return kept


class Keys(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def opened(self, capture, text):
        """Of each session: was it decrypted with this key log?"""
        keys = self.path / "keys"
        keys.write_bytes(text)
        records = [json.loads(line) for line in run(IMAPID, "-q", "-T", "jsonl", "-l", keys, capture).splitlines()]
        return [record["decrypted"] for record in records if record["type"] == "session"]

    def by_ticket(self):
        sample = SAMPLES / "tls12-resumption-ticket"
        return sample.with_suffix(".pcap"), self.lines(sample.with_suffix(".keys"))

    def by_id(self):
        sample, bare = SAMPLES / "tls12-resumption-id.pcapng", self.path / "bare.pcapng"
        bare.write_bytes(without_secrets(sample.read_bytes()))
        return bare, self.lines(sample)

    def lines(self, path):
        lines = re.findall(rb"CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}", path.read_bytes())
        self.assertEqual(len(lines), 2)
        return lines

    def test_resumed_without_a_line(self):
        for capture, (first, second) in (self.by_ticket(), self.by_id()):
            with self.subTest(capture.name):
                self.assertEqual(self.opened(capture, first + b"\n" + second), [True, True])
                self.assertEqual(self.opened(capture, first), [True, True])

    def test_what_comes_later_does_not_serve(self):
        for capture, (_, second) in (self.by_ticket(), self.by_id()):
            with self.subTest(capture.name):
                self.assertEqual(self.opened(capture, second), [False, True])

    def test_line_of_a_session(self):
        capture, (first, _) = self.by_id()
        ids = run("tshark", "-r", capture, "-Y", "tls.handshake.type == 2", "-T", "fields", "-e",
                  "tls.handshake.session_id").split()
        self.assertEqual(ids[0], ids[1])
        master = first.split()[2]
        for spelled, is_read in ((master, True), (master[:-2], False), (b"00" * 48, False)):
            line = b"RSA Session-ID:" + ids[0] + b" Master-Key:" + spelled
            self.assertEqual(self.opened(capture, line), [is_read, is_read], line)

    def test_utf16(self):
        capture, lines = self.by_ticket()
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            self.assertEqual(self.opened(capture, b"\r\n".join(lines).decode().encode(encoding)), [True, True])

    def test_log_that_grows(self):
        """Packets come through a pipe, and the secrets are written when TLS has begun long since."""
        capture, lines = self.by_ticket()
        data, keys = capture.read_bytes(), self.path / "keys"
        n_first = 24
        for _ in range(16):  # packets, which end within the first connection
            n_first += 16 + struct.unpack_from("<I", data, n_first + 8)[0]
        keys.write_bytes(b"")
        tool = subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-l", keys, "-"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        tool.stdin.write(data[:n_first])
        tool.stdin.flush()
        while struct.unpack("i", fcntl.ioctl(tool.stdin, termios.FIONREAD, b"    "))[0]:
            time.sleep(0.01)  # until they were read: the key log was, before them
        keys.write_bytes(b"\n".join(lines))
        records = [json.loads(line) for line in tool.communicate(data[n_first:])[0].splitlines()]
        self.assertEqual([r["decrypted"] for r in records if r["type"] == "session"], [True, True])
        self.assertEqual(len([r for r in records if r["type"] == "exchange" and r["complete"]]), 2)

    def test_padded(self):
        capture, lines = self.by_ticket()
        self.assertEqual(self.opened(capture, b"".join(line + b"00" * 16 + b"\n" for line in lines)), [True, True])
        self.assertEqual(self.opened(capture, b"".join(line + b"01" * 16 + b"\n" for line in lines)), [False, False])


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
