#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an attacker can make imapid spend: processor time and memory grow no faster than the input.

test_bounds.py IMAPID

Each attack is made in two sizes, one four times the other. What it costs beyond an empty run may grow fourfold, not sixteenfold
as where work grows with the square; memory may not grow at all where a bound holds it."""
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib
import zlib

IMAPID = None
TIMES = 4  # one size is that many times the other
LEAST_S = 0.02  # what the clock of the processor can tell apart


# ---- captures ----

def tcp(ports, seq, ack, flags, data=b""):
    return struct.pack(">HHIIBBHHH", *ports, seq & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0) + data


def ip4(source, destination, data):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 0, 0, 64, 6, 0, source, destination) + data


def ip6(source, destination, data):
    return struct.pack(">IHBB16s16s", 6 << 28, len(data), 6, 64, source, destination) + data


def ethernet(packet, vlans=()):
    tags = b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans)
    return bytes(12) + tags + struct.pack(">H", 0x0800 if packet[0] >> 4 == 4 else 0x86dd) + packet


def pcap(packets):
    out = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)]
    for i, packet in enumerate(packets):
        out += [struct.pack("<IIII", i // 1000, i % 1000, len(packet), len(packet)), packet]
    return b"".join(out)


class Session:
    """A connection to port 143, begun with its handshake and a greeting."""

    def __init__(self, number):
        self.client = bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255])
        self.port, self.seq, self.packets = 20000 + number % 40000, [1000, 5000], []
        self.put(0, 2)
        self.put(1, 0x12)
        self.put(0, 0x10)
        self.say(1, b"* OK ready\r\n")

    def put(self, side, flags, data=b""):
        ends, ports = (self.client, b"\x0a\xff\xff\xfe"), (self.port, 143)
        order = slice(None, None, -1 if side else 1)
        segment = tcp(ports[order], self.seq[side], self.seq[1 - side] if flags & 0x10 else 0, flags, data)
        self.packets.append(ethernet(ip4(*ends[order], segment)))
        self.seq[side] += len(data) + (flags & 2 > 0)

    def say(self, side, data):
        for at in range(0, len(data), 40000):
            self.put(side, 0x18, data[at:at + 40000])


# ---- attacks: the octets of a file of size n ----

def one_tuple_many_vlans(n):
    return pcap(ethernet(ip4(b"\x0a\0\0\1", b"\x0a\0\0\2", tcp((40000, 143), 1, 1, 0x10)), (i >> 12, i & 4095))
                for i in range(1, n))


def flips_of_high_bits(n):
    """Flips in the upper half of a word, and the same in the lower one: these met whatever the seed was, as multiplication
    carries upwards alone."""
    def spread(i):
        return (i & 1) << 15 | i >> 1
    def packet(i):
        source = struct.pack(">IHH8x", 0x20010db8, 0, spread(i >> 9))
        destination = struct.pack(">HHHH8x", 0x3001, 0x0db8 ^ spread(i & 511), 0, spread(i & 511))
        return ethernet(ip6(source, destination, tcp((40000, 143), 1, 1, 0x10)))
    return pcap(packet(i) for i in range(n))


def unfinished_id(n):
    """A list of that many pairs, and twice as many answers."""
    session = Session(1)
    session.say(0, b"a1 ID (" + b'"a" "b" ' * n)
    for i in range(2 * n):
        session.say(1, b"zz%d OK\r\n" % i)
    return pcap(session.packets)


def unfinished_id_that_grows(n):
    session = Session(1)
    session.say(0, b"a1 ID (" + b'"a" "b" ' * n)
    for i in range(n):
        session.say(1, b"a1 OK\r\n")
        session.say(0, b" ")
    return pcap(session.packets)


def many_names(n):
    session = Session(1)
    for i in range(n):
        session.say(0, b"a%d ID (" % i + b" ".join(b'"' + b"x" * 20 + b'%04d" ""' % name for name in range(1800)) + b")\r\n")
        session.say(1, b"a%d OK\r\n" % i)
    return pcap(session.packets)


def open_ids(n):
    packets = []
    for i in range(n):
        session = Session(i)
        for tag in range(7):
            session.say(0, b"a%d ID (" % tag + b'"" "" ' * 10000 + b")\r\n")
        packets += session.packets
    return pcap(packets)


def undecided(n):
    packets = []
    for i in range(n):
        session = Session(i)
        session.packets.pop()
        session.say(0, b"a" * 3000)
        packets += session.packets
    return pcap(packets)


def deflate_bomb(n):
    """A session that goes on with COMPRESS: that many IDs, all the same."""
    session = Session(1)
    session.say(0, b"a1 COMPRESS DEFLATE\r\n")
    session.say(1, b"a1 OK go\r\n")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    session.say(1, deflate.compress(b'* ID ("name" "x")\r\n' * n) + deflate.flush(zlib.Z_SYNC_FLUSH))
    return pcap(session.packets)


def nothing(_):
    return pcap([])


def empty_zstd(n):
    return bytes.fromhex("28b52ffd2000010000") * n


def empty_gzip(n):
    return gzip.compress(b"") * n


def error_blocks(n):
    section = struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28)
    return section + struct.pack("<IIIIIIII", 6, 32, 7, 0, 0, 0, 0, 32) * n


class Bounds(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def make(self, attack, size):
        """Writes an input, in another process: a child's memory is counted from that of its parent on."""
        path = self.path / "input"
        child = os.fork()
        if not child:
            try:
                path.write_bytes(attack(size))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        return path

    def spend(self, attack, size, *words):
        """Processor seconds, KiB of memory at most."""
        path = self.make(attack, size)
        with open(self.path / "out", "wb") as out, open(self.path / "err", "wb") as err:
            # A sanitizer keeps what was freed, which is no memory of the program's.
            environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
            process = subprocess.Popen([IMAPID, "-j1", *words, path], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
        self.assertTrue(os.WIFEXITED(status), (self.path / "err").read_bytes()[-500:])
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    def run_on(self, attack, size, *words):
        """Standard output, standard error."""
        self.spend(attack, size, *words)
        return (self.path / "out").read_bytes(), (self.path / "err").read_bytes()

    def measure(self, attack, size, *words):
        """The least of three, so that what else the machine does counts less."""
        runs = [self.spend(attack, size, "-T", "jsonl", *words) for _ in range(3)]
        return min(run[0] for run in runs), min(run[1] for run in runs)

    def check_time(self, attack, n, *words):
        empty, _ = self.measure(nothing, 0, *words)
        small, large = (max(self.measure(attack, size, *words)[0] - empty, LEAST_S) for size in (n, n * TIMES))
        self.assertLess(large, small * TIMES * 2, f"{small:.3f} s, {TIMES} times as much {large:.3f} s")

    def test_time(self):
        for attack, n in ((one_tuple_many_vlans, 8000), (flips_of_high_bits, 25000), (unfinished_id, 1900),
                          (unfinished_id_that_grows, 1900)):
            with self.subTest(attack.__name__):
                self.check_time(attack, n)

    def test_empty_members(self):
        """A decoder that is made anew for each member, as that of zstd was, takes twenty times as long as one that is kept."""
        zstd, packed = (self.measure(attack, 200000)[0] for attack in (empty_zstd, empty_gzip))
        self.assertLess(zstd, max(packed, LEAST_S) * 10)

    def test_names(self):
        """A list of as many pairs, but all of one name, is found at the first comparison."""
        def one_name(n):
            session = Session(1)
            for i in range(n):
                session.say(0, b"a%d ID (" % i + (b'"' + b"x" * 24 + b'" "" ') * 1800 + b")\r\n")
                session.say(1, b"a%d OK\r\n" % i)
            return pcap(session.packets)
        empty, _ = self.measure(nothing, 0)
        one, many = (max(self.measure(attack, 60)[0] - empty, LEAST_S) for attack in (one_name, many_names))
        self.assertLess(many, one * 3)

    def test_inflated(self):
        """What is told is bounded by what came in, and it is said why the rest is not."""
        outs = [self.run_on(deflate_bomb, size, "-q", "-T", "jsonl")[0] for size in (40000, 160000)]
        self.assertLess(len(outs[1]), len(outs[0]) * 2)
        session = [json.loads(line) for line in outs[1].splitlines()[-3:]][0]
        self.assertEqual(session["not_decrypted"], "too-much-deflate")
        out, _ = self.run_on(deflate_bomb, 10000, "-q", "-T", "jsonl")
        self.assertIsNone(json.loads(out.splitlines()[-3])["not_decrypted"])
        self.assertEqual(len(out.splitlines()), 10003)

    def test_memory(self):
        """Four times the sessions take no more, and what gave way is said."""
        for attack, n in ((open_ids, 40), (undecided, 4000)):
            with self.subTest(attack.__name__):
                small, large = (self.measure(attack, size, "--memory", "16M")[1] for size in (n, n * TIMES))
                self.assertLess(large - small, 4096)
        out, err = self.run_on(open_ids, 40, "-T", "jsonl", "--memory", "8M")
        records = [json.loads(line) for line in out.splitlines()[:-1]]
        self.assertIn(b"were given up", err)
        self.assertIn("were given up", records[-1]["error"])
        self.assertEqual(sum(record["type"] == "session" for record in records), 40)
        exchanges = [record for record in records if record["type"] == "exchange"]
        self.assertEqual(len(exchanges), 40 * 7)
        self.assertFalse(any(record["complete"] for record in exchanges))
        # Each session that gave way says so, and no other.
        given_up = [record for record in records if record.get("gave_way")]
        self.assertTrue(all(record["type"] == "session" and record["ended"] is None for record in given_up))
        self.assertEqual(len(given_up), int(re.search(rb"(\d+) connections were given up", err)[1]))
        self.assertLess(len(given_up), 40)
        text = self.run_on(open_ids, 40, "-q", "--memory", "8M")[0]
        self.assertEqual(text.count(b"; given up to make room"), len(given_up))

    def test_memory_does_not_depend_on_jobs(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / f"{i}.pcap" for i in range(5)]
            for i, path in enumerate(paths):
                path.write_bytes(open_ids(2 * i))
            told = [subprocess.run([IMAPID, "-T", "jsonl", "--memory", "16M", "-j", jobs, *paths], check=False,
                                   capture_output=True) for jobs in ("1", "2", "3", "7")]
        self.assertIn(b'"gave_way":true', told[0].stdout)
        for other in told[1:]:
            self.assertEqual((other.returncode, other.stdout), (told[0].returncode, told[0].stdout))

    def test_memory_is_enough(self):
        out, err = self.run_on(open_ids, 5, "-T", "jsonl", "-q")
        self.assertEqual(err, b"")
        self.assertIsNone(json.loads(out.splitlines()[-2])["error"])

    def test_memory_takes_sizes(self):
        for size in ("1M", "1024K", "2g", "1048576"):
            self.assertEqual(self.run_on(nothing, 0, "-q", "--memory", size)[1], b"", size)
        for size in ("", "0", "1023K", "-1", "1T", "99999999999999999999", "1MB", "M"):
            self.assertIn(b"--memory takes", self.run_on(nothing, 0, "--memory", size)[1], size)

    def test_complaints(self):
        self.assertEqual(len(self.run_on(error_blocks, 2000, "-q")[1].splitlines()), 20)
        names = self.path / "names"
        names.write_bytes(b"".join(b"missing%d\n" % i for i in range(2000)))
        self.assertEqual(len(self.run_on(nothing, 0, "-q", "-F", names)[1].splitlines()), 20)

    def test_endless(self):
        for option in "-l", "-F":
            self.assertEqual(len(self.run_on(nothing, 0, "-q", option, "/dev/zero")[1].splitlines()), 1, option)


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
