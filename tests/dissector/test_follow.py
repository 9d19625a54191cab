#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Follow > IMAP Stream, as tshark prints it: both sides as they were read."""
import unittest

import case
import exchanges
import pcap

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x" "version" "1")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'
SAID = [("s", GREETING), ("c", COMMAND), ("s", ANSWER), ("c", b"a2 NOOP\r\n"), ("s", b"a2 OK\r\n")]


def talk_of(said):
    talk = pcap.Talk().handshake()
    for side, octets in said:
        (talk.client if side == "c" else talk.server)(octets)
    return talk


class Follow(case.Case):
    WAYS = ((), ("-2",), exchanges.IN_ORDER)

    def follow(self, capture, *arguments, stream="0"):
        """The two ends, and who said what; what a side says in one go is one."""
        text = self.shark.tshark(capture, "-q", "-z", f"follow,imap,raw,{stream}", *arguments)
        lines = text.split("\n")
        ends = [line.split(": ", 1)[1] for line in lines if line.startswith("Node ")]
        said = []
        for line in lines[lines.index(f"Node 1: {ends[1]}") + 1:]:
            if not line.strip() or line.startswith("="):
                continue
            side, octets = "s" if line.startswith("\t") else "c", bytes.fromhex(line)
            if said and said[-1][0] == side:
                said[-1] = (side, said[-1][1] + octets)
            else:
                said.append((side, octets))
        return ends, said

    def check(self, talk, want, *ways):
        capture = self.capture(talk)
        for way in ways or self.WAYS:
            self.assertEqual(self.follow(capture, *way), (["10.0.0.5:50000", "10.0.0.1:143"], want), way)

    def test_both_sides(self):
        self.check(talk_of(SAID), SAID)

    def test_in_order_and_once(self):
        talk = talk_of(SAID)
        talk.packets[4:6] = reversed(talk.packets[4:6])
        self.check(talk, SAID)
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND[:20]).again(0, COMMAND[:20], 20)
        talk.again(0, COMMAND[10:], 10).server(ANSWER).client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        self.check(talk, SAID)
        # Three segments of a command, the middle one last.
        talk = pcap.Talk().handshake().server(GREETING)
        for piece in (COMMAND[:9], COMMAND[9:20], COMMAND[20:]):
            talk.client(piece)
        talk.server(ANSWER)
        talk.packets[5:7] = reversed(talk.packets[5:7])
        self.check(talk, SAID[:3])

    def test_what_is_missing(self):
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND).lose(1, len(ANSWER))
        talk.client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        gap = b"[%d bytes missing in capture file]" % len(ANSWER)
        want = [SAID[0], ("c", COMMAND + b"a2 NOOP\r\n"), ("s", gap + b"a2 OK\r\n")]
        self.check(talk, want, ("-2",))  # what waits when the capture ends is read when all was seen

    def test_an_end_without_a_line_end(self):
        said = [*SAID[:3], ("c", b"a2 NOO")]
        self.check(talk_of(said), said)

    def test_what_is_said_to_a_proxy_is_not_imap(self):
        talk = pcap.Talk().handshake().client(b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 143\r\n")
        for side, octets in SAID:
            (talk.client if side == "c" else talk.server)(octets)
        self.check(talk, SAID)

    def test_inside(self):
        """What stands in TLS, in COMPRESS, and in COMPRESS in TLS, and nothing of what is around it."""
        for name in ("thunderbird-dovecot-tls.pcapng", "thunderbird-dovecot-starttls.pcap",
                     "thunderbird-dovecot-compress.pcapng", "compress-tls.pcap", "compress.pcap"):
            ends, said = self.follow(self.sample(name))
            self.assertNotIn(ends[0].rpartition(":")[2], ("143", "993"), name)
            lists = self.shark.rows(self.sample(name), ["imapid.value"], "-2", "-Y", "imapid")
            octets = {side: b"".join(part for who, part in said if who == side) for side in "cs"}
            self.assertTrue(octets["s"].startswith(b"* OK "), name)
            for side in octets.values():
                self.assertTrue(side.endswith(b"\r\n") and side.isascii(), name)
            both = octets["c"] + octets["s"]
            for value in {value for row in lists for value in row[0] if "\\" not in value}:
                self.assertIn(value.encode(), both, name)

    def test_another_connection_says_nothing(self):
        path = self.sample("many-clients.pcap")
        ends = [self.follow(path, stream=str(stream))[0] for stream in (0, 1)]
        self.assertNotEqual(*ends)

    def test_by_address(self):
        capture = self.capture(talk_of(SAID))
        text = self.shark.tshark(capture, "-q", "-z", "follow,imap,ascii,10.0.0.5:50000,10.0.0.1:143")
        self.assertIn(COMMAND.decode().strip(), text)
        text = self.shark.tshark(capture, "-q", "-z", "follow,imap,ascii,10.0.0.5:50001,10.0.0.1:143")
        self.assertNotIn(COMMAND.decode().strip(), text)


if __name__ == "__main__":
    unittest.main()
