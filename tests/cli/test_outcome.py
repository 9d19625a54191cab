#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the text line of a session without an ID says became of it.

test_outcome.py IMAPID"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from test_bounds import Session, pcap

IMAPID = None
FIN, RST, ACK = 0x11, 0x04, 0x10


def make(lines, ends=(), gap=None):
    """A session of lines ("C: ...", "S: ..."), with what ends it: pairs of a side and its flags. The line `gap` is lost."""
    session = Session(1)
    for i, line in enumerate(lines):
        session.say("CS".index(line[0]), line[3:].encode() + b"\r\n")
        if i == gap:
            session.packets.pop()
    for side, flags in ends:
        session.put(side, flags)
        session.seq[side] += flags & 1
    return pcap(session.packets)


class Outcome(unittest.TestCase):
    def run_tool(self, capture, *words):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.pcap"
            path.write_bytes(capture)
            return subprocess.run([IMAPID, "-q", *words, path], check=True, capture_output=True).stdout.decode()

    def line(self, *what, words=(), **options):
        """What stands behind the columns of the only line."""
        lines = self.run_tool(make(*what, **options), *words).splitlines()
        self.assertEqual(len(lines), 2, lines)
        return lines[1].split("none", 1)[1].strip()

    def test_who_ended_it(self):
        for ends, told in (([(0, FIN), (1, FIN)], "no ID was sent; closed by client"),
                           ([(1, FIN), (0, FIN)], "no ID was sent; no login: closed by server (frame 7); closed by server"),
                           ([(0, RST)], "no ID was sent; reset by client"),
                           ([(1, RST)], "no ID was sent; no login: reset by server (frame 7); reset by server"),
                           ([(1, FIN), (0, RST)], "no ID was sent; no login: closed by server (frame 7); closed by server"),
                           ([(0, FIN)], "no ID was sent; closed by client"), ([], "no ID was seen")):
            with self.subTest(told):
                self.assertEqual(self.line(["C: a1 NOOP", "S: a1 OK done"], ends), told)

    def test_refused(self):
        end = [(0, FIN), (1, FIN)]
        for lines, told in ((["C: a1 AUTHENTICATE XOAUTH2 eA==", "S: a1 NO [AUTHENTICATIONFAILED] bob may not"],
                             "login refused: NO [AUTHENTICATIONFAILED] bob may not"),
                            (["C: a1 AUTHENTICATE XOAUTH2 eA==", "S: a1 NO bob may not"], "login refused: NO bob may not"),
                            (["C: a1 LOGIN bob secret", "S: a1 NO bob has no secret"], "login refused: NO"),
                            (["C: a1 SELECT INBOX", "S: a1 NO Wait \x1b[31m"], "mailbox refused: NO Wait \\x1b[31m"),
                            (["C: a1 SELECT INBOX", "S: * BYE Too many \u202e"], "mailbox refused: BYE Too many \\u{202e}")):
            password = " cleartext-password" if "LOGIN" in lines[0] else ""
            with self.subTest(told):
                self.assertEqual(self.line(lines, end), f"no ID was sent; {told} (frame 6); closed by client{password}")

    def test_logout_is_no_news(self):
        self.assertEqual(self.line(["C: a1 LOGOUT", "S: * BYE see you", "S: a1 OK"], [(1, FIN), (0, FIN)]),
                         "no ID was sent; closed by server")

    def test_redacted(self):
        lines = ["C: a1 SELECT INBOX", "S: a1 NO bob has none", "S: * BYE bob"]
        told = self.line(lines, [(1, FIN), (0, FIN)], words=["--redact"])
        self.assertEqual(told, "no ID was sent; mailbox refused: NO xxx has xxxx (frame 6); closed by server")

    def test_login_behind_a_hole(self):
        """It is told from the answer to its tag on: what stands behind a hole may be the text of a message."""
        lines = ["C: a1 NOOP", "S: a1 OK", "C: a2 NOOP", "S: a2 OK", "C: a3 LOGIN bob secret", "S: a3 OK in", "C: a4 NOOP",
                 "S: a4 OK"]
        for gap, answer, auth in ((2, "S: a3 OK in", [{"mechanism": "LOGIN", "status": "OK", "cleartext_password": True}]),
                                  (2, "S: a3 NO bad", [{"mechanism": "LOGIN", "status": "NO", "cleartext_password": True}]),
                                  (2, "S: b9 OK in", []), (4, "S: a3 OK in", [])):
            with self.subTest((gap, answer)):
                capture = make([*lines[:5], answer, *lines[6:]], [(0, FIN), (1, FIN)], gap)
                records = [json.loads(line) for line in self.run_tool(capture, "-T", "jsonl").splitlines()]
                self.assertEqual([r["auth"] for r in records if r["type"] == "session"], [auth])


if __name__ == "__main__":
    IMAPID = sys.argv.pop(1)
    unittest.main()
