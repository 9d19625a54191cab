#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The number of threads changes the time, never what is told: random traffic, damaged in random ways, in many files, in
few, and in one that a thread reads ahead, with all that a reader complains of; and answers from what was told of it.

test_jobs.py BIN-FOLDER [SEED|random]"""
import gzip
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from sanitized import is_sanitized  # noqa: E402

BIN = pathlib.Path(sys.argv[1])
SEED = sys.argv[2] if len(sys.argv) > 2 else "1"
SEED = random.randrange(1 << 32) if SEED == "random" else int(SEED)
# What differs by jobs is held without sanitizers, which are slow; with them two are enough to find what is read or freed wrongly.
JOBS = (1, 3) if is_sanitized(BIN / "imapid") else (1, 2, 3, 7)


def damage(draw, octets):
    """Packets are lost, come twice, change places, are cut, or have a wrong octet."""
    packets, at = [], 24
    while at < len(octets):
        n = struct.unpack_from("<I", octets, at + 8)[0]
        packet, at = bytearray(octets[at : at + 16 + n]), at + 16 + n
        kind = draw.randrange(100)
        if kind == 0:
            continue
        if kind == 1:
            packets.append(bytes(packet))
        elif kind == 2:
            packet[draw.randrange(16, len(packet))] ^= draw.randrange(1, 256)
        elif kind == 3:
            n = draw.randrange(n + 1)
            packet[8:12] = struct.pack("<I", n)
            del packet[16 + n :]
        packets.insert(max(0, len(packets) - draw.randrange(4)) if kind == 4 else len(packets), bytes(packet))
    return octets[:24] + b"".join(packets)


def write(draw, path, size, shares=(5, 50, 100)):
    shape = (size, draw.randrange(1 << 30), draw.choice(shares), draw.choice((3, 30, 300)), draw.choice((1, 6)))
    made = subprocess.run([BIN / "imapid-bench-generate", *map(str, shape)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    path.write_bytes(damage(draw, made.stdout))


def damage_lines(draw, octets):
    """Of some lines an octet changes, goes, or comes twice; some come twice, some change places."""
    lines = octets.splitlines(keepends=True)
    for i in draw.sample(range(len(lines)), len(lines) // 20):
        line, at = lines[i], draw.randrange(len(lines[i]))
        lines[i] = line[:at] + draw.choice((b"", line[at : at + 1] * 2, bytes([draw.randrange(256)]), b"\\u0041")) + line[at + 1 :]
    for i in draw.sample(range(len(lines)), len(lines) // 20):
        lines.insert(draw.randrange(len(lines)), lines[i])
    return b"".join(lines)


def as_pcapng(draw, octets):
    """The packets as blocks of two interfaces, some of them damaged, among blocks of other types."""

    def block(kind, body):
        n = struct.pack("<I", 12 + (len(body) + 3) // 4 * 4)
        return struct.pack("<I", kind) + n + body + bytes(-len(body) % 4) + n

    out, at = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), *2 * [block(1, struct.pack("<HHI", 1, 0, 0))]], 24
    while at < len(octets):
        seconds, fraction, n, n_wire = struct.unpack_from("<4I", octets, at)
        ticks = seconds * 1000000 + fraction
        head = struct.pack("<5I", draw.randrange(2), ticks >> 32, ticks & 0xFFFFFFFF, n, n_wire)
        made = bytearray(block(6, head + octets[at + 16 : at + 16 + n]))
        at += 16 + n
        kind = draw.randrange(400)
        if kind == 0:
            made[draw.randrange(len(made))] ^= 1 + draw.randrange(255)
        elif kind == 1:
            made += block(draw.choice((4, 5, 0xBAD, 0x7777)), bytes(draw.randrange(300)))
        elif kind == 2:
            made += block(10, struct.pack("<2I", 0x544C534B, 8) + b"CLIENT_R")
        out.append(bytes(made))
    return b"".join(out)


def make_single(draw, place):
    """Files that are large enough to be read ahead, of each kind that a reader can meet."""
    path = pathlib.Path(place, "single")
    write(draw, path, "3000K", (50, 100))
    whole = path.read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2 : len(whole) // 2 + 2000] = draw.randbytes(2000)
    for name, octets in {
        "whole.pcap": whole,
        "cut.pcap": whole[: -1 - draw.randrange(len(whole) // 3)],
        "broken.pcap": broken,
        "twice.pcap": whole + whole,
        "blocks.pcapng": as_pcapng(draw, whole),
        "both.pcap": whole + as_pcapng(draw, whole),
        "packed.pcap.gz": gzip.compress(whole, 1),
        "packed-cut.pcap.gz": gzip.compress(whole, 1)[:-50000],
    }.items():
        path = pathlib.Path(place, name)
        path.write_bytes(octets)
        yield path


def run(*words, allowed=(0, 1), **how):
    """Status, what was told, and messages."""
    done = subprocess.run([BIN / "imapid", *map(str, words)], capture_output=True, check=False, **how)
    assert done.returncode in allowed, (words, done.returncode, done.stderr[:1000])
    return done.returncode, done.stdout, done.stderr


def assert_same(*words, **how):
    """A file that ends early may hold nothing to tell, and then the messages say where it ended."""
    told = [run(*words, "-j", jobs, **how) for jobs in JOBS]
    assert told.count(told[0]) == len(told), (SEED, words)
    status, out, err = told[0]
    assert out or (status == 2 and b": octet " in err), (SEED, words, err)
    return out


def test_pipe(path):
    """What a file is read as, by areas, with packets passed, is what a pipe is read as, a packet at a time."""
    with open(path, "rb") as file:
        told = run("-q", "-T", "jsonl", "-", stdin=file, allowed=(0, 1, 2))
    assert told == run("-q", "-T", "jsonl", "-", input=path.read_bytes(), allowed=(0, 1, 2)), (SEED, path)


def test_single(draw, place):
    pieces = list(make_single(draw, place))
    for path in pieces:
        assert_same("-T", "jsonl", path, allowed=(0, 1, 2))
        assert_same("-T", "jsonl", "-f", "port 143 or ip6", path, allowed=(0, 1, 2))
        assert_same("-T", "jsonl", "--memory", "1M", path, allowed=(0, 1, 2))
        assert_same("-T", "text", "-v", path, allowed=(0, 1, 2))
        if ".pcapng" not in path.name:  # of a pipe, nobody knows whether a block can be so long
            test_pipe(path)
    assert_same("-T", "jsonl", "--continuous", *pieces[:3], allowed=(0, 1, 2))


def main():
    print(f"seed {SEED}")
    draw = random.Random(SEED)
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "captures")
        folder.mkdir()
        for i in range(40):
            write(draw, folder / f"{i}.pcap", draw.choice(("20K", "100K", "700K")))
        records = pathlib.Path(place, "records.jsonl")
        records.write_bytes(assert_same("-q", "-T", "jsonl", folder))
        assert_same("-T", "text", folder)
        assert_same("-q", "-T", "jsonl", *list(folder.iterdir())[:2])
        assert_same("-q", "-T", "jsonl", "--continuous", folder)
        for answer in (("stats",), ("check",), ("check", "-T", "sarif"), ("-T", "csv")):
            assert_same(*answer, "-q", folder)
            assert_same(*answer, "-q", records)
        damaged = pathlib.Path(place, "damaged.jsonl")
        damaged.write_bytes(damage_lines(draw, records.read_bytes()))
        for answer in (("stats",), ("check", "-T", "sarif"), ("report",), ("-T", "jsonl")):
            assert_same(*answer, damaged, allowed=(2,))
        test_single(draw, place)


main()
