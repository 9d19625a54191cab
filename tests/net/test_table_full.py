#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""More connections at a time than are remembered: the record says how many were forgotten, so that nobody takes
the number of connections for exact. One that went on counts again."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

IMAPID = sys.argv[1]
MAX = 262144
MORE = 100


def packet(client):
    """A SYN from one of many addresses."""
    ip = struct.pack("!BBHHHBBH4sI", 0x45, 0, 40, 0, 0, 64, 6, 0, b"\xc0\0\2\1", 0x0A000000 + client)
    tcp = struct.pack("!HHIIBBHHH", 40000, 80, 1, 0, 0x50, 2, 1024, 0, 0)
    octets = bytes(12) + b"\x08\0" + ip + tcp
    return struct.pack("<IIII", 1, 0, len(octets), len(octets)) + octets


def read(folder, clients, *more):
    path = pathlib.Path(folder, "x.pcap")
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(map(packet, clients)))
    done = subprocess.run([IMAPID, "-T", "jsonl", *more, path], capture_output=True, check=True, text=True)
    return [one for one in map(json.loads, done.stdout.splitlines()) if one["type"] == "capture"][0], done.stderr


with tempfile.TemporaryDirectory() as place:
    capture, said = read(place, range(MAX))
    assert capture["tcp_connections"] == MAX and "forgotten_connections" not in capture, capture
    assert "forgotten" not in said, said
    for options in ((), ("--redact",)):
        capture, said = read(place, [*range(MAX + MORE), *range(MAX + MORE)], *options)
        assert capture["tcp_connections"] > MAX + MORE, capture
        assert capture["tcp_connections"] - capture["forgotten_connections"] == MAX, capture
        assert f"{capture['forgotten_connections']} connections forgotten" in said.replace(",", "").replace(".", ""), said
