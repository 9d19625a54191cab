#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What came of sessions that went wrong, as the records have it: the table of broken_sessions.py, as it is and in a tunnel.

test_broken.py IMAPID"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
import broken_sessions  # noqa: E402

IMAPID = None
HEALTHY = {True: "yes", False: "no", None: "unknown"}


def tell(session):
    """A session's record as the table spells it."""
    outcome = session["outcome"]
    if not outcome:
        return None
    told = "{stopped_at}/{by}/{status} {frame} ".format(**outcome) + HEALTHY[session["healthy"]]
    return f"{told} {outcome['text']}" if outcome["text"] else told


class Broken(unittest.TestCase):
    def look(self, captures):
        """By name, what the tool tells of the only session of each."""
        with tempfile.TemporaryDirectory() as folder:
            for number, (name, octets, _) in enumerate(captures):
                (pathlib.Path(folder) / f"{number}.pcap").write_bytes(octets)
            out = subprocess.run([IMAPID, "-q", "-T", "jsonl", folder], check=True, capture_output=True).stdout.splitlines()
        told = {}
        for record in map(json.loads, out):
            if record["type"] == "session":
                name = captures[int(pathlib.Path(record["file"]).stem)][0]
                self.assertNotIn(name, told)
                told[name] = tell(record)
        return told

    def hold(self, captures):
        told = self.look(captures)
        for name, _, want in captures:
            with self.subTest(name):
                self.assertEqual(told.get(name), want)

    def test_as_it_is(self):
        self.hold([(name, session.pcap(), want) for name, session, want in broken_sessions.cases()])

    def test_in_a_tunnel(self):
        self.hold([(name, session.pcap(wrap=True), want) for name, session, want in broken_sessions.cases()])

    def test_cut_anywhere(self):
        """A capture that ends earlier tells nothing of what it does not have: an end, or a refusal."""
        for name, session, _ in broken_sessions.cases():
            with self.subTest(name):
                cut = [(str(n), session.pcap(first=n), None) for n in range(1, len(session.packets))]
                for n, told in self.look(cut).items():
                    self.assertLessEqual(int(told.split()[1]), int(n), told)


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
