#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_sides.py IMAPID: which of two ends has the lower address changes nothing of what is told.

A connection's directions are numbered by its addresses, so what prefers a direction by its number tells another thing when a
session is shared under pseudonyms. Samples are damaged at random, and damaged alike with the addresses of each packet swapped."""
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import pcap

IMAPID = os.path.abspath(sys.argv[1])
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples")
N = 200  # of each sample
IP = 14  # of these samples, behind Ethernet
BY_ADDRESS = {"community_id", "file", "filter", "id", "session", "client", "server"}


def swap(packet):
    """The same with both addresses of the IP header changed over, which leaves its checksums right."""
    octets = packet[2]
    at, n = (IP + 12, 4) if octets[IP] >> 4 == 4 else (IP + 8, 16)
    return *packet[:2], octets[:at] + octets[at + n : at + 2 * n] + octets[at : at + n] + octets[at + 2 * n :], packet[3]


def damage(packets, chance):
    packets = list(packets)
    if chance.randrange(3) == 0:  # in mid-session, where a handshake does not tell who is the client
        packets = packets[chance.randrange(len(packets) - 1) :]
    for _ in range(chance.choice((1, 2, 3))):
        i, way = chance.randrange(len(packets)), chance.randrange(3)
        if way == 0:
            del packets[i : i + chance.randrange(1, 8)]
        elif way == 1:
            packets.insert(i + chance.randrange(5), packets.pop(i))
        elif len(packets[i][2]) > 70:
            seconds, micros, octets, length = packets[i]
            at = chance.choice((66, 67, 68, chance.randrange(66, len(octets))))
            packets[i] = seconds, micros, octets[:at] + bytes([octets[at] ^ 1 << chance.randrange(8)]) + octets[at + 1 :], length
        if not packets:
            break
    return packets


def tell(folder, keys):
    options = [word for key in keys for word in ("--keylog", key)]
    done = subprocess.run([IMAPID, "-q", "-T", "jsonl", *options, folder], capture_output=True, text=True)
    assert done.returncode in (0, 1, 2), done.stderr
    for line in done.stdout.splitlines():
        record = json.loads(line)
        if "file" in record and record["type"] != "end":
            yield os.path.basename(record["file"]), {k: v for k, v in record.items() if k not in BY_ADDRESS}


def main():
    chance = random.Random(26)
    keys = sorted(glob.glob(f"{SAMPLES}/*.keys"))
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        for side in ("as-they-are", "swapped"):
            os.mkdir(f"{folder}/{side}")
        paths = [key[:-4] + "pcap" for key in keys] + glob.glob(f"{SAMPLES}/*compress*.pcap")
        for path in paths:
            name = os.path.basename(path)[:-5]
            packets = pcap.read(path)
            for i in range(N):
                broken = damage(packets, chance)
                for side, some in ("as-they-are", broken), ("swapped", [swap(packet) for packet in broken]):
                    with open(f"{folder}/{side}/{name}-{i}.pcap", "wb") as file:
                        file.write(pcap.write(some))
        told = [list(tell(f"{folder}/{side}", keys)) for side in ("as-they-are", "swapped")]
    assert len(told[0]) > len(paths) * N, len(told[0])
    assert len(told[0]) == len(told[1]), [len(some) for some in told]
    for (name, record), (other_name, other) in zip(*told):
        for member in record.keys() | other.keys():
            if (name, record.get(member)) != (other_name, other.get(member)):
                faults += 1
                print(f"{name}: {record['type']}: {member}: {record.get(member)}; swapped: {other.get(member)}")
    print(f"{len(told[0])} records, {faults} members that differ")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
