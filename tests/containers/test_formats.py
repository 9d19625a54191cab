#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""pcap and pcapng in every shape: real samples written anew, which must say what they said before.

test_formats.py IMAPID
"""
import contextlib
import copy
import datetime
import json
import pathlib
import random
import sqlite3
import struct
import tempfile
import unittest

import jsonschema

from files import (block, enhanced, interface, option, read_pcap, section, simple,
                   write_pcap)
from tool import capture, exchanges, records, run, sample

SAMPLES = ("several-ids", "many-clients")
SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs/imapid-records.schema.json").read_text())
COOKED = 113


def extract(octets):
    return run("-q", "-T", "jsonl", "-", input=octets)


def without_times(found):
    """What a capture without times, or of coarser ones, has to say all the same."""
    found = copy.deepcopy(found)
    for r in found:
        r.pop("time"), r.pop("rtt")
        for part in ("command", "response"):
            if r[part]:
                r[part].pop("time")
    return found


def cook(packet):
    """An Ethernet packet as Linux cooked capture has it."""
    return packet._replace(link=COOKED, data=struct.pack(">HHH8s", 0, 1, 6, bytes(8))
                           + packet.data[12:], n_wire=packet.n_wire + 2)


class Formats(unittest.TestCase):
    def setUp(self):
        self.samples = []
        for name in SAMPLES:
            octets = sample(name).read_bytes()
            expected = exchanges(extract(octets))
            self.assertTrue(expected)
            self.samples.append((read_pcap(octets), expected))

    def check(self, write, times=True):
        """write(packets) must give the same exchanges as the sample."""
        for packets, expected in self.samples:
            done = extract(write(packets))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            found = exchanges(done)
            if not times:
                found, expected = without_times(found), without_times(expected)
            self.assertEqual(found, expected)
            record = capture(done)
            self.assertEqual((record["packets"], record["error"]), (len(packets), None))

    # ---- pcap ----

    def test_pcap_of_both_byte_orders_and_every_magic(self):
        for order in "<>":
            for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
                with self.subTest(order=order, magic=hex(magic)):
                    self.check(lambda packets: write_pcap(packets, order, magic))

    def test_link_type_with_the_length_of_check_sequences(self):
        self.check(lambda packets: write_pcap(packets, link=0x14000000 | packets[0].link))

    # ---- pcapng ----

    def test_pcapng_of_both_byte_orders(self):
        for order in "<>":
            with self.subTest(order):
                self.check(lambda packets: section(order) + interface(order)
                           + b"".join(enhanced(p, order) for p in packets))

    def test_sections_of_different_byte_order(self):
        def write(packets):
            third = len(packets) // 3
            return b"".join(
                section(order) + interface(order) + b"".join(enhanced(p, order) for p in part)
                for order, part in (("<", packets[:third]), (">", packets[third:2 * third]),
                                    ("<", packets[2 * third:])))
        self.check(write)

    def test_a_section_forgets_the_interfaces_of_the_one_before(self):
        packets = self.samples[0][0]
        done = extract(section() + interface() + section() + enhanced(packets[0]))
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"an interface that was not described", done.stderr)

    def test_interfaces_of_different_link_type_and_snap_length(self):
        def write(packets):
            out = section() + interface(snap=262144) + interface(link=COOKED, snap=65535)
            for i, p in enumerate(packets):
                out += enhanced(cook(p), number=1) if i % 2 else enhanced(p)
            return out
        self.check(write)

    def test_resolutions_and_offsets(self):
        today = self.samples[0][0][0].ns // 10**9 - 10**5  # 64 bits hold picoseconds of half a year
        for resolution, per_second, offsets in ((6, 10**6, (0, 86400, -3600)),
                                                (9, 10**9, (0, 86400, -3600)),
                                                (12, 10**12, (today,))):
            for offset in offsets:
                for order in "<>":
                    with self.subTest(resolution=resolution, offset=offset, order=order):
                        self.check(lambda packets: section(order) + interface(
                            order, resolution=resolution, offset=offset)
                            + b"".join(enhanced(p, order, 0, per_second, offset)
                                       for p in packets))

    def test_times_that_are_centuries_apart(self):
        """What was asked in 1677 and answered in 2262, and the other way round; a negative time between is none."""
        for at in (0, 1):
            out = section() + interface(offset=-9223372036) + interface(offset=9223372036)
            for packet in self.samples[0][0]:
                is_answer = packet.data[34:36] == b"\0\x8f"
                out += enhanced(packet._replace(ns=0), number=at ^ is_answer)
            for words in (["-T", "jsonl"], ["-v", "--time=relative"], ["cut", "--scrub"]):
                done = run(*words, "-q", "-", input=out)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                if "jsonl" in words:
                    self.assertEqual({r["rtt"] > 9 * 10**9 if not at else r["rtt"] is None for r in exchanges(done)}, {True})

    def test_coarse_and_binary_resolutions(self):
        for resolution, per_second in ((0, 1), (3, 1000), (0x80 | 10, 2**10), (0x80 | 20, 2**20),
                                       (0x80 | 30, 2**30)):
            with self.subTest(resolution):
                write = lambda packets: (section() + interface(resolution=resolution) + b"".join(
                    enhanced(p, per_second=per_second) for p in packets))
                self.check(write, times=False)
                packets, _ = self.samples[0]
                first = {p.ns for p in packets}
                for r in exchanges(extract(write(packets))):
                    ns = to_ns(r["command"]["time"])
                    tick = 10**9 // per_second + 1
                    self.assertTrue(any(0 <= one - ns <= tick for one in first), r)

    def check_without_time(self, octets, has, expected, errors=()):
        """Only packets of which `has` says so have a time; what depends on those of others is null, and doubted."""
        done = extract(octets)
        self.assertEqual(done.returncode, 0)
        self.assertEqual([e for e in errors if e not in done.stderr.decode()], [])
        (session,) = records(done, "session")
        for record in records(done, "session") + records(done, "exchange") + records(done, "capture"):
            jsonschema.validate(record, SCHEMA)
        (no_time,) = session["doubts"]
        self.assertEqual((no_time["code"], no_time["count"]), ("no-time", sum(not has(n + 1) for n in range(capture(done)["packets"]))))
        self.assertEqual((session["first"] is not None, session["last"] is not None), (has(1), has(capture(done)["packets"])))
        for found, want in zip(exchanges(done), expected, strict=True):
            halves = [found[part] for part in ("command", "response") if found[part]]
            self.assertEqual([half["time"] is not None for half in halves], [has(half["frame"]) for half in halves])
            self.assertEqual(found["time"], halves[0]["time"])
            self.assertEqual(found["rtt"], want["rtt"] if all(has(half["frame"]) for half in halves) else None)
            self.assertEqual([half["params"] for half in halves], [want[part]["params"] for part in ("command", "response") if want[part]])
        return done

    def test_packets_without_a_time(self):
        """Simple packets, and those of a time that cannot be: alone, and among others."""
        packets, expected = self.samples[0]
        frame = expected[0]["command"]["frame"]
        begin = section() + interface()
        for has in (lambda n: False, lambda n: n not in (1, frame), lambda n: n == frame):
            octets = begin + b"".join(enhanced(p) if has(n) else simple(p) for n, p in enumerate(packets, 1))
            lines = self.check_without_time(octets, has, expected).stdout
            never = [p if has(n) else p._replace(ns=(2**64 - 1) * 1000) for n, p in enumerate(packets, 1)]
            self.check_without_time(begin + b"".join(map(enhanced, never)), has, expected, ["a time before 1677 or after 2262, which is told as none"])
            if has(frame):
                continue
            with tempfile.TemporaryDirectory() as folder:
                path, cut, out = (pathlib.Path(folder, name) for name in ("a.pcapng", "b.pcapng", "a.db"))
                path.write_bytes(octets)
                for more in ((), ("--scrub",)):
                    self.assertEqual(run("cut", *more, "-q", "-w", str(cut), str(path)).returncode, 0)
                    self.check_without_time(cut.read_bytes(), has, expected) if not more else self.assertTrue(exchanges(extract(cut.read_bytes())))
                for _ in range(2):  # the second time nothing is new
                    self.assertEqual(run("-q", "-T", "sqlite", "-w", str(out), str(path)).returncode, 0)
                with contextlib.closing(sqlite3.connect(out)) as db:
                    self.assertEqual(db.execute("SELECT time FROM exchange ORDER BY frame").fetchall(), [(e["time"],) for e in exchanges(extract(octets))])
            for words in (["-v"], ["-v", "--time=relative"], ["stats", "--by", "day"], ["check"], ["report"]):
                said = run(*words, "-q", "-", input=octets).stdout
                self.assertTrue(said)
                self.assertFalse([year for year in (b"1970", b"1677", b"2262") if year in said], said)
                if words[0] != "report" and words[0] != "-v":  # the name of the input
                    self.assertEqual(said, run(*words, "-q", "-", input=lines).stdout)

    def test_blocks_that_are_of_no_use(self):
        others = (block("<", 0x0BAD, struct.pack("<I", 32473) + b"custom octets"),
                  block("<", 0x40000BAD, struct.pack("<I", 32473) + b"not to be copied"),
                  block("<", 4, struct.pack("<HH", 0, 0)),
                  block("<", 5, bytes(12)),
                  block("<", 0x12345678, bytes(100)), block("<", 7, b""))
        n_frames = 2  # the custom blocks, which Wireshark counts too

        def write(packets):
            out = section() + interface()
            for p in packets:
                out += b"".join(others) + enhanced(p)
            return out
        for packets, expected in self.samples:
            done = extract(write(packets))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            found = exchanges(done)
            for r in found:
                for part in ("command", "response", "result"):
                    if r[part]:
                        r[part]["frame"] //= n_frames + 1
            self.assertEqual(found, expected)

    def test_options_and_padding(self):
        def write(packets):
            out = section() + interface()
            for p in packets:
                whole = enhanced(p)
                body = whole[8:-4] + option("<", 1, b"a comment") + option("<", 0, b"")
                out += block("<", 6, body)
            return out
        self.check(write)

    # ---- damage ----

    def damage(self, packets, at, how):
        blocks = [section(), interface(), *map(enhanced, packets)]
        blocks[2 + at] = how(blocks[2 + at])
        return b"".join(blocks)

    def test_corrupt_block_in_the_middle(self):
        hows = {
            "length": lambda b: b[:4] + b"\xff\xff\xff\x7f" + b[8:],
            "small length": lambda b: b[:4] + struct.pack("<I", 20) + b[8:],
            "other length": lambda b: b[:-4] + b"\0\0\0\0",
            "odd length": lambda b: b[:4] + struct.pack("<I", len(b) + 1) + b[8:],
            "noise": lambda b: random.Random(5).randbytes(len(b)),
            "zeroes": lambda b: bytes(len(b)),
            "packet length": lambda b: b[:20] + b"\xff\xff\0\0" + b[24:],
            "interface": lambda b: b[:8] + b"\7\0\0\0" + b[12:],
        }
        # In the connection of another client: nothing of the others may be missing.
        packets, expected = self.samples[1]
        for name, how in hows.items():
            with self.subTest(name):
                done = extract(self.damage(packets, len(packets) // 2, how))
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"octet", done.stderr)
                record = capture(done)
                self.assertEqual(record["packets"], len(packets) - 1)
                self.assertIsNotNone(record["error"])
                strip = lambda found: {(r["stream"], str(r["command"] and r["command"]["params"]))
                                       for r in found}
                self.assertLessEqual(len(strip(expected) - strip(exchanges(done))), 1)

    def test_last_packet_cut_off(self):
        for packets, expected in self.samples:
            # One more packet, so that what is cut says nothing of its own.
            more = packets + [packets[-1]]
            for write in (write_pcap, lambda p: section() + interface()
                          + b"".join(map(enhanced, p))):
                octets = write(more)
                for n in (1, 5, 30):
                    done = extract(octets[:-n])
                    self.assertEqual(done.returncode, 2)
                    self.assertRegex(done.stderr, rb"octet \d+: the file ends inside a ")
                    self.assertEqual(exchanges(done), expected)
                    record = capture(done)
                    self.assertEqual(record["packets"], len(packets))
                    self.assertIn("ends inside", record["error"])

    def test_pcap_header_that_cannot_be_right(self):
        packets, expected = self.samples[1]
        octets = bytearray(write_pcap(packets))
        at = 24 + sum(16 + len(p.data) for p in packets[:len(packets) // 2])
        octets[at + 8:at + 12] = b"\xff\xff\xff\x7f"
        done = extract(bytes(octets))
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"octet {at}".encode(), done.stderr)
        self.assertEqual(capture(done)["packets"], len(packets) // 2)
        self.assertTrue(0 < len(exchanges(done)) < len(expected))

    def test_times_that_run_backwards(self):
        def turn(packets):
            last = packets[-1].ns
            return [p._replace(ns=packets[0].ns + last - p.ns) for p in packets]
        for packets, expected in self.samples:
            for write in (write_pcap, lambda p: section() + interface()
                          + b"".join(map(enhanced, p))):
                done = extract(write(turn(packets)))
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                found = exchanges(done)
                self.assertTrue(all(r["rtt"] in (None, 0) for r in found), found)
                self.assertEqual(without_times(found), without_times(expected))

    def test_times_of_a_capture(self):
        """The earliest and the latest, whatever the order; of packets without times none."""
        packets, _ = self.samples[0]
        shuffled = random.Random(1).sample(packets, len(packets))
        record = capture(extract(write_pcap(shuffled)))
        self.assertEqual([to_ns(record[key]) for key in ("first", "last")],
                         [pick(p.ns for p in packets) for pick in (min, max)])
        for octets in (write_pcap([], link=1), section() + interface() + b"".join(map(simple, packets))):
            record = capture(extract(octets))
            self.assertEqual((record["first"], record["last"]), (None, None))
        some = section() + interface() + simple(packets[0]) + enhanced(packets[1])
        record = capture(extract(some))
        self.assertEqual([to_ns(record[key]) for key in ("first", "last")], [packets[1].ns] * 2)

    def test_clock_that_is_set_back_is_doubted(self):
        packets, expected = self.samples[0]
        middle = len(packets) // 2
        for seconds, doubted in ((3600, True), (1, False)):
            later = [p._replace(ns=p.ns - seconds * 10**9) for p in packets[middle:]]
            done = extract(write_pcap(packets[:middle] + later))
            (session,) = records(done, "session")
            want = [{"code": "clock-back", "frames": [middle + 1]}] if doubted else []
            self.assertEqual([{key: d[key] for key in ("code", "frames")} for d in session["doubts"]], want)
            self.assertTrue(all(r["rtt"] is None or r["rtt"] >= 0 for r in exchanges(done)))
            # Nobody else has sent anything.
            stats = run("stats", "-q", "-T", "jsonl", "-", input=done.stdout).stdout
            self.assertEqual([json.loads(line)["doubted"] for line in stats.splitlines() if b'"doubted"' in line], [0])

    def test_snap_length_cuts_are_counted_and_nothing_cut_is_whole(self):
        packets, expected = self.samples[0]
        for snap in (70, 90, 100):
            cut = [p._replace(data=p.data[:snap]) for p in packets]
            done = extract(write_pcap(cut))
            n_cut = sum(len(p.data) > snap for p in packets)
            self.assertEqual(capture(done)["cut_packets"], n_cut)
            for r in exchanges(done):
                for part in ("command", "response"):
                    if r[part] and r["complete"]:
                        self.assertIn(r[part]["params"], [e[part]["params"] for e in expected])


def to_ns(text):
    whole, fraction = text.rstrip("Z").split(".")
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    return int(moment.timestamp()) * 10**9 + int(fraction)


if __name__ == "__main__":
    unittest.main()
