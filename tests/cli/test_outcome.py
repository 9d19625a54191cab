#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the text line of a session without an ID says became of it.

test_outcome.py IMAPID"""
import base64
import json
import os
import pathlib
import re
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
            return subprocess.run([IMAPID, "-q", *words, path], check=True, capture_output=True,
                                  env={**os.environ, "COLUMNS": "250", "LC_ALL": "C.UTF-8"}).stdout.decode()

    def cells(self, *what, words=(), **options):
        """Result and findings of the only row."""
        lines = self.run_tool(make(*what, **options), "--time=utc", *words).splitlines()
        self.assertEqual(len(lines), 3, lines)
        place = lines[0].index("RESULT")
        return lines[2][0], lines[2][place:place + 16].strip(), lines[2][place + 17:].strip()

    def test_who_ended_it(self):
        for ends, told in (([(0, FIN), (1, FIN)], ("?", "no login", "")),
                           ([(1, FIN), (0, FIN)], ("x", "closed by server", "")),
                           ([(0, RST)], ("?", "no login", "")), ([(1, RST)], ("x", "reset by server", "")),
                           ([(1, FIN), (0, RST)], ("x", "closed by server", "")),
                           ([(0, FIN)], ("?", "no login", "")), ([], (" ", "no ID seen", ""))):
            with self.subTest((ends, told)):
                self.assertEqual(self.cells(["C: a1 NOOP", "S: a1 OK done"], ends), told)

    def test_refused(self):
        end = [(0, FIN), (1, FIN)]
        for lines, result, words in ((["C: a1 AUTHENTICATE XOAUTH2 eA==", "S: a1 NO [AUTHENTICATIONFAILED] bob may not"],
                                      "login refused", "NO [AUTHENTICATIONFAILED] bob may not"),
                                     (["C: a1 AUTHENTICATE XOAUTH2 eA==", "S: a1 NO bob may not"], "login refused", "NO bob may not"),
                                     (["C: a1 LOGIN bob secret", "S: a1 NO bob has no secret"], "login refused", "NO"),
                                     (["C: a1 SELECT INBOX", "S: a1 NO Wait \x1b[31m"], "mailbox refused", "NO Wait \\u001b[31m"),
                                     (["C: a1 SELECT INBOX", "S: * BYE Too many \u202e"], "closed by server",
                                      "BYE Too many \\u202e")):
            password = ", cleartext-password" if "LOGIN" in lines[0] else ""
            with self.subTest(words):
                self.assertEqual(self.cells(lines, end), ("x", result, words + password))

    def test_end_of_the_capture_is_no_refusal(self):
        for line, told in (("C: a1 LOGIN bob secret", "LOGIN"), ("C: a1 SELECT INBOX", "SELECT"), ("C: a1 UID search ALL", "UID SEARCH"),
                           ("C: a1 NOOP", "NOOP")):
            self.assertEqual(self.cells([line])[:2], ("?", "capture ends"))
            at_length = self.run_tool(make([line]), "-v")
            self.assertIn(f"\nthe capture ends 0 ms after {told} (frame 5): nothing is known of its answer\n", at_length)
            self.assertNotRegex(at_length, r"(?m)^x")

    def test_list_without_pairs(self):
        """What is neither () nor NIL is shown as it was sent; a list that octets are missing of is not."""
        end = [(0, FIN), (1, FIN)]
        for line, told in (("C: a1 ID ()", "()"), ("C: a1 ID NIL", "NIL"), ("C: a1 ID", "a1 ID"),
                           ('C: a1 ID ("name" {5}', 'a1 ID ("name" {5}')):
            with self.subTest(line):
                shown = self.run_tool(make([line], end), "-v")
                self.assertIn(told, shown)
                self.assertEqual("()" in shown, told == "()", shown)
                self.assertEqual("NIL" in shown.replace("nor NIL", ""), told == "NIL", shown)
        record = json.loads(self.run_tool(make(['C: a1 ID ("name" {5}'], end), "-T", "jsonl").splitlines()[0])
        self.assertEqual((record["complete"], record["command"]["raw"], record["findings"]), (True, 'a1 ID ("name" {5}', []))
        record = json.loads(self.run_tool(make(['C: a1 ID ("name" {5}']), "-T", "jsonl").splitlines()[0])
        self.assertEqual(record["complete"], "raw" in record["command"], record)

    def test_logout_is_no_news(self):
        self.assertEqual(self.cells(["C: a1 LOGOUT", "S: * BYE see you", "S: a1 OK"], [(1, FIN), (0, FIN)]),
                         (" ", "no ID sent", ""))

    def test_redacted(self):
        lines = ["C: a1 SELECT INBOX", "S: a1 NO bob has none", "S: * BYE bob"]
        told = self.cells(lines, [(1, FIN), (0, FIN)], words=["--redact"])
        self.assertEqual(told, ("x", "mailbox refused", "NO xxx has xxxx"))

    def test_at_length(self):
        """The decisive frame is marked, with the words of the server, and the command opens it."""
        told = self.run_tool(make(["C: a1 LOGIN bob secret", "S: a1 OK in", "C: a2 SELECT INBOX", "S: a2 NO Not today"],
                                  [(0, FIN), (1, FIN)]), "-v", "--time=utc")
        self.assertRegex(told, r"\AConnection 0 in .*/a.pcap: mailbox refused\n10\.0\.0\.1:")
        self.assertIn("\nmailbox refused: NO Not today (frame 8); the client closed (FIN, frame 9)\n", told)
        self.assertRegex(told, r"(?m)^ +7 .*  C a2 SELECT$")
        self.assertRegex(told, r"(?m)^x +8 .*  S a2 NO Not today$")
        self.assertRegex(told, r"(?m)^ +9 .*  closed by the client$")
        self.assertRegex(told, r"(?m)^  wireshark -r .* -Y 'tcp\.stream == 0' +then: frame 8$")
        self.assertNotIn("secret", told)

    def test_sentence(self):
        """What a person is told first; each with what it is about alone."""
        challenge = base64.b64encode(b'{"status" : "401","schemes":"bearer"}').decode()
        fin = [(1, FIN), (0, FIN)]
        for lines, told in (
                (["C: a AUTHENTICATE CRAM-MD5", "S: a NO no", "C: b AUTHENTICATE PLAIN", "S: b NO no", "C: c LOGIN bob secret", "S: c NO never"],
                 "login refused 3 times: CRAM-MD5, PLAIN, LOGIN: NO never (frame 10); the server closed (FIN, frame 11)"),
                (["C: a AUTHENTICATE XOAUTH2", "S: + " + challenge, "C: ", "S: a NO gone"],
                 "login refused (XOAUTH2): NO gone (frame 8); the challenge before it says status 401; the server closed (FIN, frame 9)"),
                (["C: a AUTHENTICATE XOAUTH2", "S: + " + challenge, "C: ", "S: a NO gone", "C: b LOGIN bob secret", "S: b NO no"],
                 "login refused 2 times: XOAUTH2, LOGIN: NO no (frame 10); the server closed (FIN, frame 11)"),
                (["C: a1 LOGIN bob secret", "S: * BAD internal"],
                 "no tagged answer to LOGIN (frame 5); the server said BAD internal (frame 6); the server closed (FIN, frame 7)"),
                (["C: a1 UID MOVE 1 x", "S: a1 NO x\x1b[31m"],
                 "UID MOVE refused: NO x\\u001b[31m (frame 6); the server closed (FIN, frame 7)"),
                (["C: a1 IDLE", "S: + idling", "S: * BYE restart"], "IDLE ended: BYE restart (frame 7); the server closed (FIN, frame 8)"),
                (["C: a1 STARTTLS", "S: a1 OK go"], "TLS: the server closed (FIN, frame 7), and no ClientHello came"),
                (["C: a1 STARTTLS", "S: a1 OK go", "C: a2 LOGIN bob secret"],
                 "STARTTLS was accepted, then the client went on in the clear (frame 7); the server closed (FIN, frame 8)"),
                (["C: a1 SELECT INBOX"], "no answer to SELECT (frame 5); after 0 ms the server closed (FIN, frame 6)"),
                (["C: a1 APPEND x {50}", "S: + go", "C: Subject: short"],
                 "no answer to APPEND (frame 5; {50} announced, 16 octets came); after 0 ms the server closed (FIN, frame 8)"),
                (["C: a1 APPEND x {50+}", "C: Subject: short", "S: * BYE slow"],
                 "session ended in APPEND (frame 5; {50} announced, 16 octets came): BYE slow (frame 7); the server closed (FIN, frame 8)"),
                (["C: a1 UID FETCH 1 FLAGS", "S: * 3 EXISTS"], "no answer to UID FETCH (frame 5); after 0 ms the server closed (FIN, frame 7)"),
                (["C: a1 UID FETCH 1 FLAGS", "S: * 1 FETCH (FLAGS ())"],
                 "only a part of the answer to UID FETCH (frame 5) came, last in frame 6; after 0 ms the server closed (FIN, frame 7)"),
                (["C: a1 FETCH 1 BODY[]", "S: * 1 FETCH (BODY[] {99}", "S: abc"],
                 "only a part of the answer to FETCH (frame 5) came, last in frame 7; after 0 ms the server closed (FIN, frame 8)"),
                (["C: a1 NOOP", "S: a1 OK", "C: a2 LOGOUT", "S: * BYE", "S: a2 OK"], "healthy: ended by LOGOUT, answered OK (frame 9)")):
            with self.subTest(told):
                self.assertEqual(self.run_tool(make(lines, fin), "-v").splitlines()[2], told)

    def test_no_totals_of_nothing(self):
        run = subprocess.run([IMAPID, "-i", "no-such-interface"], capture_output=True, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)

    def test_long_session(self):
        """The first commands and the last ones, and how many are left out."""
        lines = [line for i in range(1, 101) for line in (f"C: a{i} NOOP", f"S: a{i} OK done")]
        told = self.run_tool(make(lines, [(0, FIN), (1, FIN)]), "-v")
        self.assertRegex(told, r"(?m)^ +\(89 more between\)$")
        self.assertEqual(re.findall(r"(?m)  C (a\d+) NOOP$", told), ["a1", "a2", "a3", "a4", "a5", "a95", "a96", "a97", "a98", "a99", "a100"])

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
