#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stranger can make tshark spend through the plugin: time grows no faster than the capture, and what is kept is one budget.

Each attack is made in two sizes, one twice the other. What it costs is compared with tshark without the plugin."""
import os
import subprocess
import unittest
import zlib

import case
import pcap

SEGMENT = 1400
LEAST_S = 0.4  # what a busy machine makes of nothing
GREETING = b"* OK ready\r\n"


def say(talk, side, octets):
    for at in range(0, len(octets), SEGMENT):
        (talk.server if side else talk.client)(octets[at:at + SEGMENT])
    return talk


def compressed_ids(n, **ports):
    """DEFLATE that makes n MiB of ID commands of the fewest octets."""
    talk = pcap.Talk(**ports).handshake().server(GREETING).client(b"a COMPRESS DEFLATE\r\n").server(b"a OK done\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    for _ in range(4 * n):
        say(talk, 0, packer.compress(b"a1 ID NIL\r\n" * (1 << 15)) + packer.flush(zlib.Z_SYNC_FLUSH))
    return talk.packets


def connections_that_compress(n):
    return [packet for i in range(n) for packet in compressed_ids(1, client_port=20000 + i)]


def open_literals(n):
    """Responses that never end, in connections each, of which the whole is held."""
    packets = []
    for i in range(n):
        talk = pcap.Talk(client_port=20000 + i).handshake().server(GREETING)
        packets += say(talk, 1, b"* 1 FETCH (BODY[] {30000000}\r\n" + b"x" * (1 << 20)).packets
    return packets


def long_lists(n):
    talk = pcap.Talk().handshake().server(GREETING)
    for i in range(n):
        say(talk, 0, b"a%d ID (" % i + b'"f" "' + b"x" * 1000 + b'"' + b' "" ""' * 5000 + b")\r\n")
        talk.server(b"a%d OK done\r\n" % i)
    return talk.packets


def unfinished_id(n):
    """A list without an end, and answers that may belong to it."""
    talk = say(pcap.Talk().handshake().server(GREETING), 0, b"a1 ID (" + b'"a" "b" ' * n)
    for i in range(n):
        talk.server(b"zz%d OK\r\n" % i)
    return talk.packets


def session_ids(n):
    talk = pcap.Talk().handshake().server(GREETING)
    for i in range(n):
        talk.client(b'a ID ("x-session-id" "%d%s")\r\n' % (i, b"x" * 900)).server(b"a OK\r\n")
    return talk.packets


class Bounds(case.Case):
    def spend(self, name, packets, *arguments, with_plugin=True):
        """Seconds of the processor, and KiB at most."""
        capture = self.shark.write(name, pcap.write(packets))
        words = self.shark.command(["tshark", "-n", "-r", capture, "-T", "fields", "-e", "frame.number", *arguments],
                                   with_plugin=with_plugin)
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    def costs(self, make, n, *arguments, runs):
        """What the plugin adds: seconds and KiB, of size n and of twice that; the least of some runs."""
        costs = []
        for size in (n, 2 * n):
            packets = make(size)
            bare = [self.spend("attack.pcap", packets, with_plugin=False) for _ in range(runs)]
            ours = [self.spend("attack.pcap", packets, *arguments) for _ in range(runs)]
            costs.append([max(min(column) - min(other), least)
                          for column, other, least in zip(zip(*ours), zip(*bare), (LEAST_S, 0))])
        print(f"{make.__name__} {n}: {costs}", flush=True)
        return costs

    def check(self, make, n, most_mib, *arguments, times=3):
        """What is too much is asked again: other programs cost ours time. Sanitizers see what is read wrongly in one run; what it
        costs is held without them."""
        if os.environ.get("IMAPID_PRELOAD"):
            self.spend("attack.pcap", make(n), *arguments)
            return
        for runs in (1, 3, 5):
            (t1, _), (t2, m2) = self.costs(make, n, *arguments, runs=runs)
            if t2 < times * t1:
                break
        self.assertLess(t2, times * t1, "time")
        self.assertLess(m2, most_mib * 1024, "memory")

    def test_memory_has_a_bound(self):
        """16 MiB may be kept; what one frame shows is beside that."""
        for make, n, most in ((compressed_ids, 8, 60), (connections_that_compress, 8, 80), (open_literals, 12, 40), (long_lists, 100, 40),
                              (session_ids, 3000, 40)):
            with self.subTest(make.__name__):
                self.check(make, n, most, "-o", "imapid.memory:16")

    def test_time_is_linear(self):
        self.check(unfinished_id, 6000, 40)


class GiveWay(case.Case):
    """The connection that keeps most gives way, not another, and that is said."""

    def setUp(self):
        small = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "small")\r\n').server(b'* ID NIL\r\na1 OK\r\n')
        large = pcap.Talk(client_port=50001).handshake().server(GREETING)
        for i in range(60):
            say(large, 0, b"a%d ID (" % i + b'"" "" ' * 10000 + b")\r\n")
            large.server(b"a%d OK\r\n" % i)
        large.client(b'b ID ("name" "late")\r\n')
        self.path = self.shark.write("both.pcap", pcap.write(small.packets + large.packets))
        self.n_small, self.n = len(small.packets), len(small.packets) + len(large.packets)

    def test_largest(self):
        tight = ("-o", "imapid.memory:1")
        names = self.shark.rows(self.path, ["imapid.name"], "-2", "-Y", "imapid.request", *tight)
        self.assertEqual(names, [[["small"]]])
        told = self.frames(self.path, "imapid.not_kept", *tight)
        self.assertEqual(told, list(range(self.n_small + 1, self.n + 1)))
        tree = self.shark.tshark(self.path, "-2", "-q", "-z", "imapid,tree", *tight)
        self.assertRegex(tree, r"Connections given up for lack of memory +1 ")

    def test_room(self):
        self.assertEqual(self.frames(self.path, "imapid.not_kept"), [])
        self.assertEqual(len(self.frames(self.path, "imapid.request")), 62)

    def test_one_frame(self):
        """Of many IDs in one packet the first are shown, and that is said."""
        path = self.shark.write("many.pcap", pcap.write(compressed_ids(1)))
        count, = self.shark.rows(path, ["imapid.request", "imapid.not_shown"], "-2", "-Y", "imapid.not_shown && frame.number == 7")
        self.assertEqual((len(count[0]), len(count[1])), (1000, 1))


if __name__ == "__main__":
    unittest.main()
