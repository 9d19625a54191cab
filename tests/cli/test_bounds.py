#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an attacker can make imapid spend: processor time and memory grow no faster than the input.

test_bounds.py IMAPID

Each attack is made in two sizes, one four times the other. What it costs beyond an empty run may grow fourfold, not sixteenfold
as where work grows with the square; memory may not grow at all where a bound holds it. The smaller one is made so large that it
costs what can be measured; and what is too much is measured again, together with what it is compared to, before it fails."""
import gzip
import json
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib

from sanitized import is_sanitized

IMAPID = None
TIMES = 4  # one size is that many times the other
BASE_S = 0.3  # what the smaller size shall cost, so that what else the machine does is little of it
BASE_OCTETS = 6_000_000  # but it is not made larger than that
LEAST_S = 0.05  # of what is cheap for all its size
ASKED = 4  # times that is measured which is too much
PATIENCE_S = 240  # of the clock, before a run is ended

# Runs a command and writes what it cost into a file. The most memory of a process is at least that of the one it was begun by,
# so this one is small and begun anew.
METER = """
import os, signal, sys
process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
signal.signal(signal.SIGTERM, lambda *_: os.kill(process, signal.SIGKILL))
_, status, usage = os.wait4(process, 0)
with open(sys.argv[1], "w") as file:
    print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=file)
"""


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


def unfinished_id(n, sessions=1):
    """A list of that many pairs, and twice as many answers. A longer one is over the limit of a list: there are more of them."""
    packets = []
    for number in range(sessions):
        session = Session(number)
        session.say(0, b"a1 ID (" + b'"a" "b" ' * n)
        for i in range(2 * n):
            session.say(1, b"zz%d OK\r\n" % i)
        packets += session.packets
    return pcap(packets)


def unfinished_id_that_grows(n, sessions=1):
    packets = []
    for number in range(sessions):
        session = Session(number)
        session.say(0, b"a1 ID (" + b'"a" "b" ' * n)
        for _ in range(n):
            session.say(1, b"a1 OK\r\n")
            session.say(0, b" ")
        packets += session.packets
    return pcap(packets)


def many_names(n):
    session = Session(1)
    for i in range(n):
        session.say(0, b"a%d ID (" % i + b" ".join(b'"' + b"x" * 20 + b'%04d" ""' % name for name in range(1800)) + b")\r\n")
        session.say(1, b"a%d OK\r\n" % i)
    return pcap(session.packets)


def names_of_their_own(n):
    session = Session(1)
    for i in range(n):
        session.say(0, b'a%d ID ("name" "client%06d")\r\n' % (i, i))
        session.say(1, b"* ID NIL\r\na%d OK\r\n" % i)
    return pcap(session.packets)


def open_ids(n):
    packets = []
    for i in range(n):
        session = Session(i)
        for tag in range(7):
            session.say(0, b"a%d ID (" % tag + b'"" "" ' * 10000 + b")\r\n")
        packets += session.packets
    return pcap(packets)


def long_names(n):
    """Sessions that stay open, in each of which both sides have an ID as long as one is kept."""
    packets = []
    for i in range(n):
        session = Session(i)
        pairs = b'("name" "' + b"%08d" % i * 7500 + b'")'
        session.say(0, b"a1 ID " + pairs + b"\r\n")
        session.say(1, b"* ID " + pairs + b"\r\na1 OK\r\n")
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


def captures(n):
    return struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) * n


def drops(n):
    section = struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    return section + b"".join(struct.pack("<IIIIIHHQI", 5, 36, 0, 0, 0, 5, 8, i + 1, 36) for i in range(n))


SEGMENT = ip4(b"\x0a\0\0\1", b"\x0a\0\0\2", tcp((40000, 143), 1, 1, 0x10))


def one_tuple_many_vnis(n):
    def packet(i):
        inner = struct.pack(">HHHHII", 5, 4789, 16 + 14 + len(SEGMENT), 0, 8 << 24, i << 8) + ethernet(SEGMENT)
        return ethernet(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(inner), 0, 0, 64, 17, 0, b"\1" * 4, b"\2" * 4) + inner)
    return pcap(map(packet, range(1, n)))


def long_tags(n):
    session = Session(1)
    for _ in range(n):
        session.say(0, b"A" * 30000 + b' ID ("name" "x")\r\n')
    return pcap(session.packets)


def announced_literals(n):
    session = Session(1)
    for i in range(n):
        session.say(0, b'a%d ID ("x" {900000000+}\r\n' % i)
    return pcap(session.packets)


def fragments_without_the_first(n):
    def packet(i):
        head = struct.pack(">BBHHHBBH", 0x45, 0, 1420, i // 20, 0x2000 | 1 + 175 * (i % 20), 64, 6, 0)
        return ethernet(head + b"\x0a\0\0\1\x0a\0\0\2" + bytes(1400))
    return pcap(map(packet, range(n)))


def tls_record(kind, octets):
    return struct.pack(">BHH", kind, 0x301, len(octets)) + octets


def handshakes_without_end(n):
    packets = []
    for i in range(n):
        session = Session(i)
        del session.packets[3:]
        session.seq = [1001, 5001]
        session.say(0, tls_record(22, struct.pack(">I", 1 << 24 | 0xffffff) + b"\3\3" + b"r" * 4994))
        packets += session.packets
    return pcap(packets)


def handshakes_begun(n):
    """So little of each that nothing but the connection itself is kept."""
    packets = []
    for i in range(n):
        session = Session(i)
        del session.packets[3:]
        session.seq = [1001, 5001]
        session.say(0, tls_record(22, struct.pack(">I", 1 << 24 | 0xffffff) + b"\3\3" + bytes(200)))
        packets += session.packets
    return pcap(packets)


def many_hellos(n):
    session = Session(1)
    del session.packets[3:]
    session.seq = [1001, 5001]
    hello = b"\3\3" + bytes(32) + b"\0\0\2\x13\1\1\0\0\0"
    for _ in range(n):
        session.say(0, tls_record(22, struct.pack(">I", 1 << 24 | len(hello)) + hello))
    return pcap(session.packets)


def extension_headers(n):
    """Of IPv6, 4,000 in a packet."""
    headers = (b"\x3c" + bytes(7)) * 3999 + b"\6" + bytes(7) + tcp((40000, 143), 1, 1, 0x10)
    return pcap(ethernet(struct.pack(">IHBB16s16s", 6 << 28, len(headers), 60, 64, bytes(16), b"\2" * 16) + headers) for _ in range(n))


def pcapng(blocks):
    """With its section header; of (type, octets)."""
    blocks = [(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)), *blocks]
    return b"".join(struct.pack("<II", kind, 12 + len(octets)) + octets + struct.pack("<I", 12 + len(octets)) for kind, octets in blocks)


INTERFACE = 1, struct.pack("<HHI", 1, 0, 65535)


def enhanced(i, interface=0):
    octets = ethernet(SEGMENT)
    return 6, struct.pack("<IIIII", interface, 0, i, len(octets), len(octets)) + octets + bytes(-len(octets) % 4)


def many_interfaces(n, sections=1):
    """More of a section than 65,536 are not remembered."""
    return pcapng(block for i in range(n) for block in (INTERFACE, enhanced(i, i))) * sections


def secrets_between_packets(n):
    def secrets(i):
        line = b"CLIENT_RANDOM %064x %096x\n" % (i, i)
        return 10, struct.pack("<II", 0x544c534b, len(line)) + line + bytes(-len(line) % 4)
    return pcapng([INTERFACE] + [block for i in range(n) for block in (secrets(i), enhanced(i))])


def handshakes_on_one_tuple(n):
    ends = b"\x0a\0\0\1", b"\x0a\0\0\2"
    return pcap(packet for i in range(n) for packet in (
        ethernet(ip4(*ends, tcp((40000, 143), i * 7919, 0, 2))),
        ethernet(ip4(*ends[::-1], tcp((143, 40000), i * 104729, i * 7919 + 1, 0x12)))))


def segments_that_overlap(n):
    """Behind a hole, in all ways, with octets that differ."""
    session = Session(1)
    first = session.seq[0] + 10
    for i in range(n):
        segment = tcp((session.port, 143), first + i * 7919 % 1800, session.seq[1] - i % 5, 0x18, bytes([i & 255]) * (1 + i % 40))
        session.packets.append(ethernet(ip4(session.client, b"\x0a\xff\xff\xfe", segment)))
    return pcap(session.packets)


def resets_ahead(n):
    session = Session(1)
    for i in range(n):
        segment = tcp((session.port, 143), session.seq[0] + 1000 + i, 0, 4)
        session.packets.append(ethernet(ip4(session.client, b"\x0a\xff\xff\xfe", segment)))
    return pcap(session.packets)


class Bounds(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.made = {}

    def tearDown(self):
        self.folder.cleanup()

    def make(self, attack, *size):
        path = self.made.setdefault((attack, size), self.path / f"input{len(self.made)}")
        if not path.exists():
            path.write_bytes(attack(*size))
        return path

    def spend(self, path, *words):
        """Processor seconds, KiB of memory at most."""
        meter = [sys.executable, "-ISBc", METER, self.path / "cost", IMAPID, "-j1", *words, path]
        with open(self.path / "out", "wb") as out, open(self.path / "err", "wb") as err:
            # A sanitizer keeps what was freed, which is no memory of the program's.
            environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
            with subprocess.Popen(meter, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment) as process:
                patience = threading.Timer(PATIENCE_S, process.terminate)
                patience.start()
                process.wait()
                patience.cancel()
        status, seconds, memory = (self.path / "cost").read_text().split()
        self.assertTrue(os.WIFEXITED(int(status)), (status, (self.path / "err").read_bytes()[-500:]))
        return float(seconds), int(memory)

    def run_on(self, attack, size, *words):
        """Standard output, standard error."""
        self.spend(self.make(attack, size), *words)
        return (self.path / "out").read_bytes(), (self.path / "err").read_bytes()

    def slack(self, kib):
        """What may come on top; AddressSanitizer has a region of its own for each size of block."""
        return kib + 20480 if is_sanitized(IMAPID) else kib

    def compare(self, paths, figure, is_good, *words, form="jsonl"):
        """What runs on these inputs cost: 0 is the time, 1 the memory; the least of what was measured, so that what else the
        machine does counts less."""
        least = [float("inf")] * len(paths)
        for _ in range(ASKED):
            least = [min(known, self.spend(path, "-T", form, *words)[figure]) for known, path in zip(least, paths)]
            if is_good(*least):
                return
        self.fail(f"of {[path.stat().st_size for path in paths]} octets: {least}")

    def begin(self, attack, *size):
        """An input of that size or a larger one, for which the time can be measured; and its size. The last number may grow."""
        empty = self.spend(self.make(nothing, 0), "-T", "jsonl")[0]
        while True:
            path = self.make(attack, *size)
            spent = self.spend(path, "-T", "jsonl")[0] - empty
            more = min(BASE_S / max(spent, LEAST_S), BASE_OCTETS / path.stat().st_size)
            if more < 1.2:
                return path, size
            path.unlink()
            size = (*size[:-1], int(size[-1] * more) + 1)

    def check_time(self, attack, *size):
        if is_sanitized(IMAPID):  # what is read wrongly is found by one run; what it costs is held without sanitizers
            self.spend(self.make(attack, *size), "-T", "jsonl")
            return
        small, size = self.begin(attack, *size)
        large = self.make(attack, size[0] * TIMES, *size[1:])
        self.compare((self.make(nothing, 0), small, large), 0,
                     lambda none, few, many: many - none < max(few - none, LEAST_S) * TIMES * 2)

    def test_time(self):
        for attack, *size in ((one_tuple_many_vlans, 8000), (flips_of_high_bits, 25000), (unfinished_id, 1900, 1),
                              (unfinished_id_that_grows, 1900, 1), (one_tuple_many_vnis, 8000), (long_tags, 150),
                              (announced_literals, 20000), (fragments_without_the_first, 10000), (handshakes_without_end, 1000),
                              (many_hellos, 15000), (extension_headers, 200), (many_interfaces, 15000, 1),
                              (secrets_between_packets, 10000), (handshakes_on_one_tuple, 20000), (segments_that_overlap, 5000),
                              (resets_ahead, 25000)):
            with self.subTest(attack.__name__):
                self.check_time(attack, *size)

    def test_empty_members(self):
        """A decoder that is made anew for each member, as that of zstd was, takes twenty times as long as one that is kept."""
        self.compare([self.make(attack, 200000) for attack in (empty_zstd, empty_gzip)], 0,
                     lambda zstd, packed: zstd < max(packed, LEAST_S) * 10)

    def test_names(self):
        """A list of as many pairs, but all of one name, is found at the first comparison."""
        def one_name(n):
            session = Session(1)
            for i in range(n):
                session.say(0, b"a%d ID (" % i + (b'"' + b"x" * 24 + b'" "" ') * 1800 + b")\r\n")
                session.say(1, b"a%d OK\r\n" % i)
            return pcap(session.packets)
        self.compare([self.make(attack, 60) for attack in (nothing, one_name, many_names)], 0,
                     lambda none, one, many: many - none < max(one - none, LEAST_S) * 3)

    def test_inflated(self):
        """What is told is bounded by what came in, and it is said why the rest is not."""
        outs = [self.run_on(deflate_bomb, size, "-q", "-T", "jsonl")[0] for size in (40000, 160000)]
        self.assertLess(len(outs[1]), len(outs[0]) * 2)
        session = [json.loads(line) for line in outs[1].splitlines()[-3:]][0]
        self.assertEqual(session["not_decrypted"], "too-much-deflate")
        for size, out in zip((40000, 160000), outs):
            self.assertLess(len(out), 2 * (256 * 1024 + 64 * self.make(deflate_bomb, size).stat().st_size))
        out, _ = self.run_on(deflate_bomb, 200, "-q", "-T", "jsonl")
        self.assertIsNone(json.loads(out.splitlines()[-3])["not_decrypted"])
        self.assertEqual(len(out.splitlines()), 203)

    def test_memory(self):
        """More sessions take no more, and what gave way is said."""
        for attack, *sizes in ((open_ids, 40, 80), (undecided, 4000, 16000), (fragments_without_the_first, 40000, 160000),
                               (announced_literals, 20000, 80000), (segments_that_overlap, 5000, 20000)):
            with self.subTest(attack.__name__):
                self.compare([self.make(attack, size) for size in sizes], 1, lambda few, many: many - few < self.slack(4096),
                             "--memory", "16M")
        if not is_sanitized(IMAPID):  # as under `ulimit -v`; without the bound these are 200 MB
            done = subprocess.run([IMAPID, "-q", "-T", "jsonl", "--memory", "16M", self.make(undecided, 16000)], check=False, capture_output=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (150000 << 10, 150000 << 10)))
            self.assertEqual((done.returncode, b'"type":"end"' in done.stdout), (2, True), done.stderr[-500:])
            out = self.path / "no-memory.jsonl"
            out.write_bytes(b"mine")
            done = subprocess.run([IMAPID, "-q", "-j", "1", "-T", "jsonl", "-w", out, self.make(undecided, 16000)], check=False, capture_output=True,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (60000 << 10, 60000 << 10)))
            self.assertEqual((done.returncode, done.stderr.count(b"\n"), out.read_bytes()), (3, 1, b"mine"), done.stderr)
            self.assertRegex(done.stderr, rb"^imapid: ended: (no memory|failed to allocate)")
        out, err = self.run_on(open_ids, 40, "-T", "jsonl", "--memory", "8M")
        records = [json.loads(line) for line in out.splitlines()[:-1]]
        self.assertIn(b" given up", err)
        self.assertIn(" given up", records[-1]["error"])
        self.assertEqual(sum(record["type"] == "session" for record in records), 40)
        exchanges = [record for record in records if record["type"] == "exchange"]
        self.assertEqual(len(exchanges), 40 * 7)
        self.assertFalse(any(record["complete"] for record in exchanges))
        # Each session that gave way says so, and no other.
        given_up = [record for record in records if record.get("gave_way")]
        self.assertTrue(all(record["type"] == "session" and record["ended"] is None for record in given_up))
        self.assertEqual(len(given_up), int(re.search(rb"(\d+) connections? (?:was|were) given up", err)[1]))
        self.assertLess(len(given_up), 40)
        text = self.run_on(open_ids, 40, "-q", "-v", "--memory", "8M")[0]
        self.assertEqual(text.count(b"given up to make room"), len(given_up))

    def test_memory_of_rows(self):
        """What is kept of a session for its row, and to tell it at length, until its end is there."""
        for words in (), ("-v",):
            with self.subTest(words):
                self.compare([self.make(long_names, n) for n in (200, 200 * TIMES)], 1, lambda few, many: many - few < self.slack(16384),
                             "--memory", "16M", *words, form="text")

    def test_memory_of_counts(self):
        """What is counted by a name, in the tables of `stats`, together with its record and the row that tells it."""
        sizes = 10000, 10000 * TIMES
        if is_sanitized(IMAPID):  # as in check_time()
            self.spend(self.make(names_of_their_own, sizes[0]), "stats")
            return
        for form, n_each in ("text", 1800), ("jsonl", 1450):  # JSON Lines have no table that has to be whole
            with self.subTest(form):
                self.compare([self.make(names_of_their_own, n) for n in sizes], 1,
                             lambda few, many, most=n_each * (sizes[1] - sizes[0]): (many - few) * 1024 < most, "stats", form=form)

    def test_memory_of_connections(self):
        """What is known of each counts, too; but for 64 octets in a table that has its own bound."""
        self.compare([self.make(handshakes_begun, n) for n in (12000, 12000 * TIMES)], 1, lambda few, many: many - few < self.slack(8192),
                     "--memory", "16M")

    def test_memory_does_not_depend_on_jobs(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder) / f"{i}.pcap" for i in range(5)]
            for i, path in enumerate(paths):
                path.write_bytes(open_ids(2 * i))
            told = [subprocess.run([IMAPID, "-T", "jsonl", "--memory", "16M", "-j", jobs, *paths], check=False,
                                   capture_output=True, timeout=PATIENCE_S) for jobs in ("1", "2", "3", "7")]
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
        self.assertEqual(len(self.run_on(captures, 2000, "-q")[1].splitlines()), 20)
        self.assertEqual(len(self.run_on(drops, 2000, "-q")[1].splitlines()), 20)
        names = self.path / "names"
        names.write_bytes(b"".join(b"missing%d\n" % i for i in range(2000)))
        self.assertEqual(len(self.run_on(nothing, 0, "-q", "-F", names)[1].splitlines()), 20)

    def test_endless(self):
        for option in "-l", "-F":
            self.assertEqual(len(self.run_on(nothing, 0, "-q", option, "/dev/zero")[1].splitlines()), 1, option)


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
