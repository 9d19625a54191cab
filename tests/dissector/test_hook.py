#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How a connection comes into the plugin's hands, stays there, and who is the server in it."""
import unittest

import case
import exchanges
import pcap
import wireshark

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x" "version" "1")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


class Refused(case.Case):
    """After a STARTTLS that was refused the built-in dissector waits for the next OK to give the connection to TLS."""

    def talk(self, answer, **ports):
        talk = pcap.Talk(**ports).handshake().server(GREETING).client(b"a0 STARTTLS\r\n").server(answer)
        return talk.client(b"a9 NOOP\r\n").server(b"a9 OK x\r\n")

    def test_what_follows_is_read(self):
        """TLS holds segments of fewer than five octets back, and what comes behind them."""
        for port in (143, 4711):
            for answer in (b"a0 NO no\r\n", b"a0 BAD no\r\n"):
                talk = self.talk(answer, server_port=port).client(COMMAND[:-2]).client(COMMAND[-2:]).server(ANSWER)
                capture = self.capture(talk)
                for options in ((), ("-d", f"tcp.port=={port},imap")):
                    for passes in ((), ("-2",)):
                        rows = self.shark.rows(capture, ["frame.number", "imapid.tag"], "-Y", "imapid.tag",
                                               *passes, *options)
                        self.assertEqual(rows, [[["10"], ["a1"]], [["11"], ["a1"]]], (port, answer, options))
                    self.assertEqual(self.frames(capture, "tls || imapid.unsolicited_response", *options), [])

    def test_a_later_one_succeeds(self):
        sample = self.sample("starttls.pcap")
        keys = ("-o", f"tls.keylog_file:{self.shark.readable(wireshark.key_log(sample))}")
        talk = self.talk(b"a0 NO no\r\n").client(b"a8 NOOP\r\n").server(b"a8 OK x\r\n")
        payloads = [(source == 143, octets) for source, octets in map(pcap.payload, pcap.read(sample)) if octets]
        for is_server, octets in payloads[1:]:  # behind the greeting
            (talk.server if is_server else talk.client)(octets)
        found = exchanges.of_capture(self.shark, self.capture(talk), *keys)
        expected = exchanges.of_capture(self.shark, sample)
        self.assertTrue(found)
        self.assertEqual([(e["tag"], e["command"]["params"], e["response"]["params"], e["result"]["status"])
                          for e in found],
                         [(e["tag"], e["command"]["params"], e["response"]["params"], e["result"]["status"])
                          for e in expected])


if __name__ == "__main__":
    unittest.main()
