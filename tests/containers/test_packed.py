#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compressed captures, and those of formats that are not read.

test_packed.py IMAPID
"""
import bz2
import gzip
import io
import lzma
import os
import pathlib
import struct
import subprocess
import tarfile
import tempfile
import time
import unittest
import zlib

from tool import IMAPID, capture, exchanges, records, run, sample


def tool(*command):
    return lambda data: subprocess.run(command, input=data, capture_output=True, check=True).stdout


PACKINGS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": tool("zstd", "-q", "-c"),
    "lz4": tool("lz4", "-q", "-c"),
}
SKIPPABLE = struct.pack("<II", 0x184D2A53, 5) + b"hello"


def extract(data):
    return run("-q", "-T", "jsonl", "-", input=data)


def long_capture(name, n):
    """A sample with its packets n times over: more than a decoder's buffer."""
    data = sample(name).read_bytes()
    return data[:24] + data[24:] * n


class Packed(unittest.TestCase):
    def setUp(self):
        self.plain = sample("several-ids").read_bytes()
        self.expected = exchanges(extract(self.plain))
        self.assertTrue(self.expected)

    def test_every_packing_from_a_pipe(self):
        for name, pack in PACKINGS.items():
            with self.subTest(name):
                done = extract(pack(self.plain))
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(exchanges(done), self.expected)
                self.assertEqual(capture(done)["format"], "pcap")

    def test_every_packing_in_a_folder_whatever_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, pack in PACKINGS.items():
                pathlib.Path(folder, name).write_bytes(pack(self.plain))
            pathlib.Path(folder, "notes").write_bytes(gzip.compress(b"no capture at all"))
            done = run("-q", "-T", "jsonl", folder)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(records(done, "capture")), len(PACKINGS))
        self.assertEqual(exchanges(done), self.expected * len(PACKINGS))

    def test_archives_are_named(self):
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            entry = tarfile.TarInfo("a.pcap")
            entry.size = len(self.plain)
            archive.addfile(entry, io.BytesIO(self.plain))
        for name, octets, what in (("a.tar", tar.getvalue(), b"a tar archive"), ("b.zip", b"PK\3\4rest", b"a ZIP archive"),
                                   ("a.tgz", gzip.compress(tar.getvalue()), b"a tar archive")):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, name)
                path.write_bytes(octets)
                done = run("-q", "-T", "jsonl", path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(what, done.stderr)

    def test_damaged_in_a_folder(self):
        """What is called a capture and is none counts; other files do not."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.pcapng", "b.pcap.gz", "c.pcap3", "notes", "pcap.txt"):
                pathlib.Path(folder, name).write_bytes(b"nothing of the kind")
            done = run("-q", "-T", "jsonl", folder)
        self.assertEqual(done.returncode, 2)
        self.assertEqual([pathlib.Path(record["file"]).name for record in records(done, "capture")],
                         ["a.pcapng", "b.pcap.gz", "c.pcap3"])

    def test_many_members(self):
        for name, pack in PACKINGS.items():
            with self.subTest(name):
                cuts = [0, 3, 24, 100, len(self.plain) // 2, len(self.plain)]
                done = extract(b"".join(pack(self.plain[a:b]) for a, b in zip(cuts, cuts[1:])))
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(exchanges(done), self.expected)

    def test_members_of_several_packings_padding_and_skippable_frames(self):
        half = len(self.plain) // 2
        data = (SKIPPABLE + PACKINGS["zstd"](self.plain[:half]) + SKIPPABLE + b"\0" * 512
                + PACKINGS["lz4"](self.plain[half:]) + SKIPPABLE + b"\0" * 8)
        done = extract(data)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(exchanges(done), self.expected)

    def test_stream_that_ends_early_keeps_every_octet_before(self):
        plain = long_capture("several-ids", 40)
        for name, pack in PACKINGS.items():
            with self.subTest(name):
                # The last member is empty, so that all of the capture stands before the cut.
                data = pack(plain) + pack(b"")[:-1]
                done = extract(data)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"standard input: octet {len(data)}: ".encode(), done.stderr)
                self.assertIn(b"the file ends inside it", done.stderr)
                self.assertEqual(capture(done)["packets"], capture(extract(plain))["packets"])
                self.assertIn("ends inside", capture(done)["error"])

    def test_cut_small_stream_gives_what_it_holds(self):
        data = gzip.compress(self.plain, 0)  # stored: what is there can be read
        done = extract(data[:-40])
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"gzip stream: the file ends inside it", done.stderr)
        self.assertEqual(exchanges(done), self.expected)

    def test_damage_in_the_middle(self):
        plain = long_capture("many-clients", 20)
        whole = capture(extract(plain))["packets"]
        for name, pack in PACKINGS.items():
            with self.subTest(name):
                first, second = pack(plain[:len(plain) // 2]), pack(plain[len(plain) // 2:])
                broken = bytearray(second)
                for i in range(len(broken) // 2, len(broken) // 2 + 64):
                    broken[i] ^= 0x5A
                done = extract(first + bytes(broken))
                self.assertEqual(done.returncode, 2)
                # Some decoders tell at once, some give what is nonsense, and check it at the end.
                self.assertRegex(done.stderr, rb"octet \d+(: \w+ stream: |"
                                              rb" of its contents: packet header with a length)")
                self.assertGreaterEqual(capture(done)["packets"], whole // 2 - 1)
                self.assertLess(capture(done)["packets"], whole)
                self.assertIsNotNone(capture(done)["error"])

    def test_damage_that_a_checksum_alone_shows(self):
        """What stands before it was made whole, whatever room there was for it."""
        for plain in (self.plain, long_capture("several-ids", 40)):
            whole = extract(plain)
            for name, place, why in (("gzip", -5, "incorrect"), ("zstd", -1, "Restored data"), ("lz4", -1, "ERROR_contentChecksum")):
                with self.subTest(name):
                    data = bytearray(PACKINGS[name](plain))
                    data[place] ^= 1
                    done = extract(bytes(data))
                    self.assertEqual(done.returncode, 2)
                    self.assertIn(f"{name} stream: damaged: {why}".encode(), done.stderr)
                    self.assertEqual(exchanges(done), exchanges(whole))
                    self.assertEqual(capture(done)["packets"], capture(whole)["packets"])

    def test_nothing_is_given_that_was_never_made(self):
        """A length and a distance that reaches too far back, or a code that there is not, behind a capture."""
        stored = zlib.compressobj(0, zlib.DEFLATED, -15)
        before = gzip.compress(b"")[:10] + stored.compress(self.plain) + stored.flush(zlib.Z_FULL_FLUSH)
        whole = capture(extract(self.plain))["packets"]
        shortest = 16 + 14 + 20 + 20  # a packet of TCP in a capture
        # RFC 1951, section 3.2.6: a last block with fixed codes; then what a decoder may read ahead
        for name, codes in {"distance": "110" "11000101" "11101" + "1" * 13, "code": "110" "11000110"}.items():
            with self.subTest(name):
                number = sum(int(bit) << i for i, bit in enumerate(codes))
                done = extract(before + number.to_bytes(4, "little") + bytes(400))
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"gzip stream: damaged: invalid", done.stderr)
                self.assertLessEqual(capture(done)["packets"], whole)
                self.assertGreaterEqual(capture(done)["packets"], whole - 258 // shortest - 1)

    def test_something_behind_the_stream_is_told(self):
        done = extract(gzip.compress(self.plain) + b"trailing")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"something else follows it", done.stderr)
        self.assertEqual(exchanges(done), self.expected)

    def test_compressed_twice_is_refused(self):
        done = extract(gzip.compress(gzip.compress(self.plain)))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_secrets_behind_the_packets_of_a_compressed_file(self):
        path = sample("tls13-aes128-gcm")
        keys = path.with_suffix(".keys").read_bytes()
        with_keys = run("-q", "-T", "jsonl", "-l", path.with_suffix(".keys"), path)
        self.assertTrue(exchanges(with_keys))
        data = to_pcapng(path.read_bytes(), keys)
        for name, pack in PACKINGS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                packed = pathlib.Path(folder, "capture")
                packed.write_bytes(pack(data))
                done = run("-q", "-T", "jsonl", packed)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(exchanges(done), exchanges(with_keys))

    def test_memory_is_bounded(self):
        """A hundred million octets of a block that is of no use, in a megabyte or less."""
        n = 200 << 20
        head = pcapng_section() + struct.pack("<II", 0x0BAD0BAC, n)
        for name, pack in PACKINGS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                packed = pathlib.Path(folder, "bomb")
                piece = pack(bytes(10 << 20))
                packed.write_bytes(pack(head) + piece * 9)
                self.assertLess(packed.stat().st_size, 2 << 20)
                program = subprocess.Popen([IMAPID, "-q", "-T", "jsonl", packed],
                                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                           env={**os.environ,
                                                # LeakSanitizer takes 65 MB for itself at the end
                                                "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=1"})
                most = 0
                while program.poll() is None:
                    most = max(most, peak_kib(program.pid))
                    time.sleep(0.002)
                self.assertIn(b"ends inside a block", program.stderr.read())
                program.stderr.close()
                self.assertTrue(0 < most < 60 << 10, most)


def peak_kib(pid):
    """The most memory that a process has had; 0 where it has just ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines()
                 if line.startswith("VmHWM:")), 0)


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    n = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + n + body + n


def pcapng_section():
    return block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def to_pcapng(pcap, keys):
    """A pcap file of microseconds and this byte order as pcapng, secrets at its end."""
    link, = struct.unpack_from("<I", pcap, 20)
    out = pcapng_section() + block(1, struct.pack("<HHI", link, 0, 0))
    at = 24
    while at < len(pcap):
        seconds, fraction, n, n_wire = struct.unpack_from("<IIII", pcap, at)
        ticks = seconds * 1000000 + fraction
        out += block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, n, n_wire)
                     + pcap[at + 16:at + 16 + n])
        at += 16 + n
    return out + block(10, struct.pack("<II", 0x544C534B, len(keys)) + keys)


class Foreign(unittest.TestCase):
    HEADS = {
        "snoop": b"snoop\0\0\0\0\0\0\2\0\0\0\4",
        "netmon": b"GMBU\0\2" + bytes(122),
        "btsnoop": b"btsnoop\0\0\0\0\1\0\0\3\xea",
        "iptrace": b"iptrace 2.0" + bytes(20),
        "sniffer": b"TRSNIFF data    \x1a" + bytes(40),
        "pcap": b"\xa1\xb2\x34\xcd" + bytes(20),
    }

    def test_one_line_names_format_and_converter(self):
        for name, head in self.HEADS.items():
            with self.subTest(name):
                done = extract(head)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(len(done.stderr.splitlines()), 1)
                self.assertIn(b"editcap -F pcapng", done.stderr)
                self.assertIn(name.encode()[:3], done.stderr.lower())
                self.assertEqual(capture(done)["format"], name)

    def test_what_has_no_magic_number_is_told_of_the_converter_too(self):
        erf = bytes(8) + b"\2\4\0\x50\0\0\0\x40" + bytes(64)
        done = extract(erf)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1))
        self.assertIn(b"editcap -F pcapng", done.stderr)

    def test_a_folder_tells_of_them_and_goes_on(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "a.snoop").write_bytes(self.HEADS["snoop"])
            pathlib.Path(folder, "b.zip").write_bytes(b"PK\3\4 and so on")
            pathlib.Path(folder, "c.pcap").write_bytes(sample("idle").read_bytes())
            done = run("-q", "-T", "jsonl", folder)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 2)
        self.assertIn(b"a.snoop", done.stderr)
        self.assertIn(b"b.zip", done.stderr)
        self.assertTrue(exchanges(done))

    def test_archives_are_told_apart(self):
        done = extract(b"PK\3\4 and so on")
        self.assertIn(b"ZIP", done.stderr)


if __name__ == "__main__":
    unittest.main()
