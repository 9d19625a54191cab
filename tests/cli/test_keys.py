#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sessions a key log opens, in every form that one comes in.

test_keys.py IMAPID

Two samples hold a TLS 1.2 session and its resumption, one by ticket and one by session identifier. GnuTLS and Go
write no line for the second connection, so the secret of the first must serve."""
import fcntl
import gzip
import json
import os
import pathlib
import random
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


def start(*words, **environment):
    """Without the key log of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if name != "SSLKEYLOGFILE"}
    return subprocess.run([str(word) for word in words], check=False, capture_output=True,
                          env=dict(clean, **environment))


def run(*words):
    """A key log that is of no use makes the status 2, and the rest is done all the same."""
    done = start(*words)
    assert done.returncode in (0, 2), done
    return done.stdout


def divide_secrets(data):
    """A little-endian pcapng without its Decryption Secrets Blocks (type 10), and those."""
    at, kept, secrets = 0, b"", b""
    while at < len(data):
        kind, n = struct.unpack_from("<II", data, at)
        if kind == 10:
            secrets += data[at:at + n]
        else:
            kept += data[at:at + n]
        at += n
    return kept, secrets


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
        bare.write_bytes(divide_secrets(sample.read_bytes())[0])
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

    def test_secrets_far_behind(self):
        """A large file is read by areas for its secrets, whoever reads which."""
        kept, secrets = divide_secrets((SAMPLES / "tls12-resumption-id.pcapng").read_bytes())
        draw = random.Random(1)  # so that it is large when it is packed, too
        packets = [struct.pack("<8I", 6, 1036, 0, 0, 0, 1004, 1004, 0) + draw.randbytes(1000) + struct.pack("<I", 1036)
                   for _ in range(2000)]
        octets = b"".join([kept, *packets, secrets, *packets])
        for name, made in ("far.pcapng", octets), ("far.pcapng.gz", gzip.compress(octets, 1)):
            capture = self.path / name
            capture.write_bytes(made)
            for jobs in "1", "2", "4":
                lines = run(IMAPID, "-q", "-j", jobs, "-T", "jsonl", capture).splitlines()
                told = [record["decrypted"] for record in map(json.loads, lines) if record["type"] == "session"]
                self.assertEqual(told, [True, True], (name, jobs))

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

    def test_no_key_log(self):
        capture, _ = self.by_ticket()
        done = start(IMAPID, capture)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.count(b"not read: no key\n"), 2, done.stdout)
        self.assertEqual(start(IMAPID, "-v", capture).stdout.count(b"? not read: no key log was given (-l)\n"), 2)
        self.assertIn(b"imapid: 1 capture, 2 connections, ", done.stderr)
        self.assertIn(b", 2 not read", done.stderr)

    def test_no_line_in_it(self):
        capture, (first, _) = self.by_ticket()
        keys = self.path / "keys"
        keys.write_bytes(first.replace(first.split()[1], b"00" * 32))
        done = start(IMAPID, "-v", "-l", keys, capture)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.count(b"? not read: no key log has a line for this connection\n"), 2, done.stdout)

    def test_useless(self):
        """A key log without a secret is named, with what it seems to be."""
        capture, _ = self.by_ticket()
        keys = self.path / "some.keys"
        for text, what in ((capture.read_bytes(), b"a pcap capture"), (b"", b"empty"), (b"# a\n", b"but comments"),
                           (b"ECH_SECRET 00 11\n", b"Encrypted Client Hello"),
                           (b"# a\nECH_SECRET " + b"00" * 32 + b" 11\n", b"Encrypted Client Hello"), (b"hello\n", b"a text of another kind"),
                           (b"-----BEGIN RSA PRIVATE KEY-----\n", b"a private key"), (b"\0\1\2\3", b"no text"),
                           (b"\x1f\x8b\x08\0", b"gzip"), (b"EXPORTER_SECRET 00 11\n", b"without secrets of sessions")):
            with self.subTest(what):
                keys.write_bytes(text)
                done = start(IMAPID, "-q", "-T", "jsonl", "-l", keys, capture)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stderr.count(b"some.keys: no TLS secret in this key log"), 1, done.stderr)
                self.assertIn(what, done.stderr)
                self.assertEqual(done.stdout.count(b'"type":"session"'), 2)

    def test_skipped_lines(self):
        capture, lines = self.by_ticket()
        keys = self.path / "keys"
        wrong = (b"nonsense", b"RSA Session-ID:0g Master-Key:" + b"00" * 48, lines[0] + b"00" * 40, lines[0][:-1] + b"g")
        useless = (b"EXPORTER_SECRET 00 11", b"PMS_CLIENT_RANDOM 00 11", b"CLIENT_TRAFFIC_SECRET_1 00 11",
                   b"RSA 00 11", b"ECH_SECRET 00 11", b"ECH_CONFIG 00 11")
        # A second file counts its own lines and labels.
        other = self.path / "other"
        other.write_bytes(b"\n".join([lines[0], b"wrong \x1b[31m", useless[4], b"# a", b"wrong"]))
        keys.write_bytes(b"\n".join([*lines, *wrong, *useless, lines[0][:-2] + b"00", b""]))
        done = start(IMAPID, "-l", keys, "-l", other, capture)
        self.assertEqual(done.returncode, 0)
        told = [line for line in done.stderr.split(b"\n") if b"key log" in line]
        self.assertEqual([line.split(b": ", 2)[2] for line in told], [
            b"key log: 3 secrets; lines: 1 without a known label, 2 not hexadecimal, 5 of a wrong length (the first is line "
            b"3), 2 of kinds that cannot decrypt a session (EXPORTER_SECRET TRAFFIC_SECRET_N), 1 with another "
            b"secret for a known session, tried in turn",
            b"key log: 1 secret; lines: 2 without a known label, 1 of a wrong length (the first is line 2)"])
        self.assertEqual(start(IMAPID, "-q", "-l", keys, capture).stderr, b"")

    def test_environment(self):
        capture, lines = self.by_ticket()
        keys, other = self.path / "keys", self.path / "other"
        keys.write_bytes(b"\n".join(lines))
        other.write_bytes(lines[1])
        done = start(IMAPID, "-T", "jsonl", capture, SSLKEYLOGFILE=str(keys))
        self.assertEqual((done.returncode, done.stdout.count(b'"decrypted":true')), (0, 2))
        self.assertIn(bytes(keys) + b" (SSLKEYLOGFILE)", done.stderr)
        done = start(IMAPID, "-T", "jsonl", "-l", other, capture, SSLKEYLOGFILE=str(keys))
        self.assertEqual((done.returncode, done.stdout.count(b'"decrypted":true')), (0, 1))
        self.assertNotIn(b"SSLKEYLOGFILE", done.stderr)
        done = start(IMAPID, "-T", "jsonl", capture, SSLKEYLOGFILE=str(self.path / "gone"))
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"gone: key log: No such file", done.stderr)


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
