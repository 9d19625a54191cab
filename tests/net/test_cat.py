# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures written one behind the other in one file are both read, and that is said.
Usage: test_cat.py IMAPID"""
import gzip
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
import pcap  # noqa: E402

IMAPID = sys.argv[1]


def capture(name):
    """A whole connection of a client of that name; the sequence numbers are always the same."""
    talk = pcap.Talk().handshake()
    talk.server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
    talk.client(b'a1 ID ("name" "' + name + b'")\r\n')
    talk.server(b'* ID ("name" "Dovecot")\r\na1 OK done\r\n')
    talk.close()
    return talk.octets()


def extract(path, octets):
    with open(path, "wb") as file:
        file.write(octets)
    run = subprocess.run([IMAPID, "-q", "-T", "jsonl", path], capture_output=True, check=True, text=True)
    found = [json.loads(line) for line in run.stdout.splitlines()[:-1]]
    names = [r["command"]["params"][0][1] for r in found if r["type"] == "exchange"]
    return names, found[-1], run.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        a, b = capture(b"Mutt"), capture(b"K-9")
        names, record, said = extract(f"{folder}/ab", a + b)
        assert names == ["Mutt", "K-9"] and record["error"] is None and record["tcp_connections"] == 2, (names, record)
        assert said.count(f"octet {len(a)}: another capture begins here") == 1, said
        packed = gzip.compress(a) + gzip.compress(b)
        names, record, said = extract(f"{folder}/ab.gz", packed)
        assert names == ["Mutt", "K-9"] and "another capture begins here" in said, (names, said)
        # a connection that goes on in the second is one
        cut = 24 + (len(a) - 24) // 2
        at = 24
        while at < cut:
            at += 16 + int.from_bytes(a[at + 8:at + 12], "little")
        names, record, said = extract(f"{folder}/pieces", a[:at] + a[:24] + a[at:])
        assert names == ["Mutt"] and record["tcp_connections"] == 1 and record["error"] is None, (names, record)


main()
