#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory: what a capture took is given back with it, and nobody writes past his own.

One sharkd reads all captures of a test, one after the other, with every frame's tree: so start and end
of captures are tested too, and Wireshark is started once. Built with AddressSanitizer, any report of it ends sharkd;
its list of leaks names tshark's own as well, and is searched for those with the plugin in their stack.
"""
import glob
import os
import random
import re
import unittest
import zlib

import case
import pcap
import wireshark

SANITIZED = bool(os.environ.get("IMAPID_PRELOAD"))


def content(path):
    with open(path, "rb") as file:
        return file.read()


def all_keys():
    """The key logs of all samples in one."""
    return b"".join(content(path) for path in map(wireshark.key_log, wireshark.captures()) if path)


def texts(nodes):
    """The labels of a tree as sharkd gives it."""
    for node in nodes:
        yield node.get("l", "")
        yield from texts(node.get("n", []))


class Reader:
    """A sharkd that reads one capture after another."""

    def __init__(self, shark, name, **environment):
        self.shark = shark
        self.sharkd = shark.sharkd(None, **environment)
        self.sharkd.ask("setconf", name="tls.keylog_file", value=shark.write(f"{name}.keys", all_keys()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sharkd.__exit__()

    def load(self, capture):
        self.sharkd.ask("load", file=self.shark.readable(capture))
        return self.sharkd.ask("status")["frames"]

    def read(self, capture):
        """What each frame of a capture shows: its columns, and the labels of its tree."""
        n = self.load(capture)
        trees = [list(texts(self.sharkd.ask("frame", frame=i + 1, proto=True)["tree"])) for i in range(n)]
        return [(row["c"], tree) for row, tree in zip(self.sharkd.ask("frames"), trees)]


class Memory(case.Case):
    def reader(self, name, **environment):
        return Reader(self.shark, name, **environment)


@unittest.skipIf(SANITIZED, "the sanitizer keeps what is freed")
class Growth(Memory):
    """Loading a capture again and again takes no more memory."""

    COPIED = ("compress-tls.pcap", "compress.pcap", "curl-dovecot-tls.pcap", "literals-sync.pcap",
              "several-ids.pcap")
    N_COPIES = 8
    LOADS = (20, 60)  # between which it may not grow
    # Octets that a load may leave more than without the plugin: 400 of each connection. sharkd itself leaves
    # 11 MiB, the same each time, if the C library gives back what is freed at once.
    MAX_LEFT = 16 * 1024
    MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}

    def copies(self):
        """Many connections, in plain text, deflated and in TLS."""
        samples = [pcap.read(self.sample(name)) for name in self.COPIED] * self.N_COPIES
        return [(seconds, micros, pcap.moved(octets, number), length) for number, packets in enumerate(samples)
                for seconds, micros, octets, length in packets]

    def left_by_load(self, capture, **options):
        """Octets by which sharkd grows with each load."""
        sizes = []
        with self.reader("growth", **options) as reader:
            for number in range(self.LOADS[1]):
                reader.load(capture)
                reader.sharkd.ask("frames", filter="imap")
                if number + 1 in self.LOADS:
                    sizes.append(reader.sharkd.resident())
        return (sizes[1] - sizes[0]) / (self.LOADS[1] - self.LOADS[0])

    def test_it_ends(self):
        capture = self.shark.write("copies.pcap", pcap.write(self.copies()))
        with_it, without = [self.left_by_load(capture, with_plugin=with_plugin, **self.MALLOC)
                            for with_plugin in (True, False)]
        self.assertLess(with_it - without, self.MAX_LEFT, f"octets left by a load: {with_it}, {without} without")


@unittest.skipIf(SANITIZED, "the sanitizer needs memory of its own")
class Many(case.Case):
    """More connections at a time than have their session in hand."""

    N = 600

    def test_each_is_as_if_alone(self):
        talk = pcap.Talk().handshake().server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
        talk.client(b"a1 LOGIN joe sec").client(b"retword\r\n").server(b"a1 OK welcome\r\n")
        talk.client(b'a2 ID ("name" "x" ').client(b'"version" "1")\r\n').server(b'* ID ("name" "s")\r\na2 O')
        talk.server(b"K done\r\n")
        talk.client(b"a3 SELECT x\r\n").server(b"a3 NO [NONEXISTENT] no such mailbox\r\n").close()
        copies = [(seconds, micros, pcap.moved(octets, number), n) for seconds, micros, octets, n in talk.packets
                  for number in range(1, self.N + 1)]
        fields = ["imapid.tag", "imapid.client.name", "imapid.status", "imapid.finding", "imapid.stopped_at",
                  "imapid.outcome.status"]
        alone = self.shark.rows(self.capture(talk), fields, "-2")
        self.assertIn("a2", [tag for row in alone for tag in row[0]])
        self.assertIn(["select"], [row[4] for row in alone])
        many = self.shark.rows(self.shark.write("many.pcap", pcap.write(copies)), fields, "-2")
        wrong = [i for i, row in enumerate(many) if row != alone[i // self.N]]
        self.assertEqual((len(many), wrong[:3]), (self.N * len(alone), []), [many[i] for i in wrong[:3]])


class Deflated(Memory):
    """Octets that inflate a thousandfold."""

    N_INFLATED = 512 * 1024 * 1024
    MAX_TAKEN = 160 * 1024 * 1024  # what is kept of them, and of what waits for its end

    def bomb(self):
        """A COMPRESS session with a long message of one letter, and another session with an ID."""
        talk = pcap.Talk().handshake().server(b"* OK [CAPABILITY IMAP4rev1 ID COMPRESS=DEFLATE] ready\r\n")
        talk.client(b"a1 COMPRESS DEFLATE\r\n").server(b"a1 OK\r\n")
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        octets = deflate.compress(b"* 1 FETCH (BODY[] {%d}\r\n" % self.N_INFLATED)
        for _ in range(self.N_INFLATED // 2**20):
            octets += deflate.compress(b"x" * 2**20)
        octets += deflate.flush(zlib.Z_SYNC_FLUSH)
        for at in range(0, len(octets), 1400):
            talk.server(octets[at:at + 1400])
        other = pcap.Talk(client_port=50001).handshake().server(b"* OK ready\r\n").client(b'a1 ID ("name" "x")\r\n')
        return self.shark.write("bomb.pcap", pcap.write(talk.packets + other.packets))

    def test_it_is_bounded(self):
        # What was freed is no part of what is kept, though AddressSanitizer holds it back for a while.
        with self.reader("bomb", ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=8") as reader:
            before = reader.sharkd.resident()
            reader.load(self.bomb())
            self.assertLess(reader.sharkd.resident() - before, self.MAX_TAKEN)
            self.assertEqual(len(reader.sharkd.ask("frames", filter="imapid.request")), 1)


@unittest.skipIf(SANITIZED, "the sanitizer sees more")
class Strict(Memory):
    """Wireshark's allocator that looks at the edges of each block whenever one is freed."""

    def test_the_same(self):
        with self.reader("strict", WIRESHARK_DEBUG_WMEM_OVERRIDE="strict") as strict, self.reader("lax") as lax:
            for capture in wireshark.captures():
                with self.subTest(os.path.basename(capture)):
                    self.assertEqual(strict.read(capture), lax.read(capture))


def mutate(dice, packets):
    """Packets lost, doubled, swapped, cut, and octets changed behind the headers."""
    made = []
    for seconds, micros, octets, length in packets:
        lot = dice.random()
        if lot < 0.04:
            continue
        if lot < 0.10:
            octets = octets[:dice.randint(0, len(octets))]
        elif lot < 0.40 and len(octets) > 66:
            changed = bytearray(octets)
            for _ in range(dice.randint(1, 4)):
                changed[dice.randrange(66, len(changed))] = dice.choice((0, 10, 13, 34, 40, 41, 92, 123, 255,
                                                                         dice.randrange(256)))
            octets = bytes(changed)
        made.append((seconds, micros, octets, length))
        if 0.40 <= lot < 0.45:
            made.append(made[-1])
        if 0.45 <= lot < 0.50 and len(made) > 1:
            made[-2:] = reversed(made[-2:])
    return made


class Mutated(Memory):
    """Whatever a network makes of the samples: no crash, and no complaint about the plugin."""

    ROUNDS = 1 if SANITIZED else 2
    # The built-in dissector is entitled to its own: it throws at a LOGIN without a name. What we throw goes
    # to TCP's account.
    COMPLAINT = re.compile(r"Malformed Packet: (Frame|TCP|IMAP ID|IMAP with ID)|Dissector bug")

    def plain_pcaps(self):
        for capture in wireshark.captures():
            if capture.endswith(".pcap"):
                try:
                    yield capture, pcap.read(capture)
                except AssertionError:
                    continue  # another link type

    def check(self, reader, name, packets):
        for number, (_, tree) in enumerate(reader.read(self.shark.write(name, pcap.write(packets)))):
            complaints = [text for text in tree if self.COMPLAINT.search(text)]
            self.assertEqual(complaints, [], f"frame {number + 1}")

    def test_samples(self):
        with self.reader("mutated") as reader:
            for capture, packets in self.plain_pcaps():
                name = os.path.basename(capture)
                for number in range(self.ROUNDS):
                    with self.subTest(name, round=number):
                        self.check(reader, f"{number}-{name}", mutate(random.Random(f"{name} {number}"), packets))


@unittest.skipUnless(SANITIZED, "the plugin is built without sanitizers")
class Sanitized(Memory):
    STEP = 4
    OURS = re.compile(r"imapid\.so|/dissector/\w+\.c:| imapid_")  # with and without names of sources

    def leaks(self, log):
        """The leaks with the plugin in their stack, of those that the sanitizer lists."""
        report = "".join(content(path).decode(errors="replace") for path in glob.glob(log + ".*"))
        self.assertIn("LeakSanitizer", report)
        return [block for block in report.split("\n\n") if " leak of " in block and self.OURS.search(block)]

    def test_samples(self):
        with self.reader("samples") as reader:
            for capture in wireshark.captures():
                with self.subTest(os.path.basename(capture)):
                    reader.read(capture)

    def test_leaks(self):
        """Some of the samples, read whole; at the end what nothing points at. Each allocation of Wireshark's
        takes long here."""
        log = os.path.join(self.shark.home, "leaks")
        options = f"detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=12:log_path={log}"
        # Wireshark lets go of its plugins at the end; a stack has no names of what is gone.
        plugin, = glob.glob(os.path.join(self.shark.plugins, "*/epan/imapid.so"))
        preload = f"{os.environ['IMAPID_PRELOAD']} {plugin}"
        with self.reader("leaks", ASAN_OPTIONS=options, LD_PRELOAD=preload) as reader:
            for capture in wireshark.captures()[::self.STEP]:
                reader.read(capture)
        self.assertEqual(self.leaks(log), [])


if __name__ == "__main__":
    unittest.main()
