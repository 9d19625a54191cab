#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A store as sensors leave one, for tests/cluster/slurm.

make_store.py STORE [CHAINS [PIECES]]: more than 3,000 captures: chains of pieces named as those of dumpcap's rings, each cut through open
sessions, TLS and DEFLATE among them; tiny ones; a large one; damaged ones. The same each time. STORE/keys has the TLS secrets."""
import gzip
import pathlib
import random
import shutil
import struct
import sys
import time

from chains import HEAD, make_chain, make_packets, SAMPLES, spell_packets, START_NS

N_TINY, N_DAMAGED, N_BULK = 300, 20, 80_000


def write_large(chance, path):
    """120 MB that are of no interest, and sessions in between."""
    bulk = bytes.fromhex("02000000000202000000000108004500") + struct.pack(">H", 1434) + bytes.fromhex("00004000400600000a0900010a090002") \
        + struct.pack(">HHIIHHHH", 40000, 9999, 0, 0, 0x5010, 8192, 0, 0) + bytes(1394)
    sessions, at = make_packets(chance), 0
    with open(path, "wb") as file:
        file.write(HEAD)
        for i in range(N_BULK):
            when = START_NS + i * 10**8
            while at < len(sessions) and sessions[at][0] < when:
                file.write(spell_packets(sessions[at:at + 1]))
                at += 1
            octets = bulk[:38] + struct.pack(">I", 1 + i * 1394) + bulk[42:]
            file.write(spell_packets([(when, octets, len(octets))]))
        file.write(spell_packets(sessions[at:]))


def damage(chance, data, i):
    """One of: nothing of it, cut, an octet wrong, no capture, cut and compressed."""
    place = chance.randrange(len(data) // 2, len(data))
    return (b"", data[:place], data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1:], b"no capture" + data[10:],
            gzip.compress(data, mtime=0)[:-20])[i % 5]


def main(store, n_chains=45, n_pieces=60):
    chance = random.Random(18)
    for c in range(n_chains):
        folder = store / f"sensor-{c:02}"
        folder.mkdir(parents=True)
        make_chain(chance, [folder / f"imap_{i + 1:05}_{time.strftime('%Y%m%d%H%M%S', time.gmtime(START_NS // 10**9 + i * 60))}.pcap"
                            for i in range(n_pieces)], all_crossed=True)
    samples = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".pcap", ".pcapng"))
    (store / "tiny").mkdir()
    for i in range(N_TINY):
        sample = samples[i % len(samples)]
        shutil.copyfile(sample, store / "tiny" / f"{i:04}{sample.suffix}")
    (store / "damaged").mkdir()
    for i in range(N_DAMAGED):
        sample = chance.choice(samples)
        (store / "damaged" / f"{i:02}{sample.suffix}").write_bytes(damage(chance, sample.read_bytes(), i))
    write_large(chance, store / "large.pcap")
    (store / "keys").write_bytes(b"".join(path.read_bytes() for path in sorted(SAMPLES.glob("*.keys"))))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:]))
