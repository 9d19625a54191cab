#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients behind proxies: what the proxy says in an ID, and in the header of the PROXY protocol."""
import socket
import struct
import unittest

import case
import exchanges
import pcap
from case import places, shown

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.2 56324 143\r\n"
OCTETS = (b"\r\n\r\n\0\r\nQUIT\n\x21\x21" + struct.pack("!H", 36) + socket.inet_pton(socket.AF_INET6, "2001:db8::7")
          + socket.inet_pton(socket.AF_INET6, "::1") + struct.pack("!HH", 56324, 143))


class InAnId(case.Case):
    def test_address_fields(self):
        talk = pcap.Talk().handshake().server(GREETING)
        talk.client(b'a1 ID ("x-originating-ip" "192.0.2.7" "X-Connected-IP" "2001:db8::1" '
                    b'"version" "1.2.3.4" "build" "1.2.3.4" "remote-host" "none" "address" "198.51.100.7")\r\n').server(ANSWER)
        packet, = self.shark.pdml(self.capture(talk), "-2", "-Y", "imapid.request")
        pairs = [field for field in packet.iter("field") if field.get("name") == "imapid.pair"]
        self.assertEqual([shown(pair, "imapid.value.ipv4") for pair in pairs], [["192.0.2.7"], [], [], [], [], ["198.51.100.7"]])
        self.assertEqual([shown(pair, "imapid.value.ipv6") for pair in pairs], [[], ["2001:db8::1"], [], [], [], []])
        self.assertEqual(places(packet, "imapid.value.ipv4")[0], (54 + 27, 9))

    def test_on_every_packet(self):
        capture = self.sample("dovecot-proxy.pcapng")
        leg = self.frames(capture, "tcp.stream == 1")
        self.assertEqual(self.frames(capture, "imapid.client.ipv4 == 10.0.0.5 && imapid.client.port == 43598"), leg)
        self.assertEqual(self.frames(capture, "imapid.client.ipv4", "-o", "imapid.session_identity:FALSE"), [])


class Legs(case.Case):
    """What the client said, and what the proxy made of it."""

    PROXY = b' "x-originating-ip" "10.0.0.5" "x-originating-port" "50000" "x-connected-ip" "10.0.0.1"'

    def changed(self, outer, inner, more=(), **ports):
        legs = [pcap.Talk().handshake().server(GREETING).client(b"a1 ID " + outer + b"\r\n").server(ANSWER),
                pcap.Talk(client_port=40000, **ports).handshake().server(GREETING)
                .client(b"a1 ID " + inner + b"\r\n").server(ANSWER)]
        for leg in more:
            leg(legs)
        packets = [packet for leg in legs for packet in leg.packets]
        return self.frames(self.shark.write("legs.pcap", pcap.write(packets)), "imapid.changed_in_transit")

    def test_the_same(self):
        self.assertEqual(self.changed(b'("name" "x" "os" NIL)', b'("OS" NIL "NAME" "x"' + self.PROXY + b")"), [])
        self.assertEqual(self.changed(b"NIL", b"(" + self.PROXY[1:] + b")"), [])

    def test_changed(self):
        self.assertEqual(self.changed(b'("name" "x")', b'("name" "X"' + self.PROXY + b")"), [11])
        self.assertEqual(self.changed(b'("name" NIL)', b'("name" "NIL"' + self.PROXY + b")"), [11])

    def test_nothing_arrives(self):
        self.assertEqual(self.changed(b'("name" "x")', b"(" + self.PROXY[1:] + b")"), [11])

    def test_other_connections(self):
        other = self.PROXY.replace(b"50000", b"50001")
        self.assertEqual(self.changed(b'("name" "x")', b'("name" "X"' + other + b")"), [])
        other = self.PROXY.replace(b"10.0.0.1", b"10.0.0.2")
        self.assertEqual(self.changed(b'("name" "x")', b'("name" "X"' + other + b")"), [])

    def test_nothing_is_found_in_what_was_lost(self):
        for side in (0, 1):
            self.assertEqual(self.changed(b'("name" "x")', b'("name" "X"' + self.PROXY + b")", more=[
                lambda legs: legs[0].lose(0, 5).client(b"a2 NOOP\r\n")]), [], side)

    def test_later_lists_count(self):
        self.assertEqual(self.changed(b"NIL", b'("name" "late"' + self.PROXY + b")", more=[
            lambda legs: legs[0].client(b'a2 ID ("name" "late")\r\n').server(b"a2 OK\r\n")]), [])

    def test_real_ones_are_silent(self):
        for name in ("dovecot-proxy.pcapng", "dovecot-proxy-late-id.pcapng", "nginx-proxy.pcapng"):
            self.assertEqual(self.frames(self.sample(name), "imapid.changed_in_transit"), [], name)


class InAHeader(case.Case):
    def check(self, talk, **ports):
        capture = self.capture(talk)
        found = exchanges.of_capture(self.shark, capture)
        self.assertEqual([(e["tag"], e["command"]["params"], e["result"]["status"]) for e in found],
                         [("a1", [["name", "x"]], "OK")])
        self.assertEqual(self.frames(capture, "imapid.client.port == 56324"),
                         list(range(1, len(talk.packets) + 1)))
        return capture

    def test_in_a_segment_of_its_own(self):
        for header, field in ((LINE, "imapid.client.ipv4 == 192.0.2.7"), (OCTETS, "imapid.client.ipv6 == 2001:db8::7")):
            capture = self.check(pcap.Talk().handshake().client(header).server(GREETING).client(COMMAND)
                                 .server(ANSWER))
            self.assertEqual(len(self.frames(capture, field)), 7)

    def test_before_a_command(self):
        for port in (143, 4711):
            for header in (LINE, OCTETS, LINE.replace(b" 143", b" 4711")):
                capture = self.check(pcap.Talk(server_port=port).handshake().client(header + COMMAND)
                                     .server(GREETING).server(ANSWER))
                for passes in ((), ("-2",)):
                    rows = self.shark.rows(capture, ["frame.number", "imapid.tag"], "-Y", "imapid", *passes)
                    self.assertEqual(rows, [[["4"], ["a1"]], [["6"], ["a1"]]])

    @staticmethod
    def pieces(octets):
        """The ways in which TCP may cut them."""
        return [octets[:1], octets[1:]], [octets[:10], octets[10:20], octets[20:]], [octets[i:i + 1] for i in
                                                                                    range(len(octets))]

    def test_wiresharks_own_dissector(self):
        """On a port that tells nothing it has the header, in every pass."""
        for header in (LINE, OCTETS):
            talk = pcap.Talk(server_port=4711).handshake().client(header).server(GREETING)
            capture = self.check(talk.client(COMMAND).server(ANSWER))
            for passes in ((), ("-2",)):
                rows = self.shark.rows(capture, ["frame.number", "imap"], "-Y", "proxy", *passes)
                self.assertEqual(rows, [[["4"], []]])
                self.assertEqual(self.shark.rows(capture, ["_ws.col.Info"], *passes)[3],
                                 self.shark.rows(capture, ["_ws.col.Info"], *passes, with_plugin=False)[3])

    def test_in_pieces(self):
        for port in (143, 4711):
            for header in (LINE, OCTETS):
                for first, behind in ((header, COMMAND), (header + COMMAND, b"")):
                    for pieces in self.pieces(first):
                        talk = pcap.Talk(server_port=port).handshake()
                        for piece in pieces:
                            talk.client(piece)
                        if behind:
                            talk.server(GREETING).client(behind).server(ANSWER)
                        else:
                            talk.server(GREETING).server(ANSWER)
                        self.check(talk)

    def test_what_only_looks_like_one(self):
        for port in (143, 4711):
            for n in (1, 5):
                talk = pcap.Talk(server_port=port).handshake().client(b"PROXY-"[:n])
                talk.client(b"PROXY-"[n:] + COMMAND).server(GREETING).server(ANSWER.replace(b"a1", b"PROXY-a1"))
                found = exchanges.of_capture(self.shark, self.capture(talk))
                self.assertEqual([(e["tag"], e["result"]["status"]) for e in found], [("PROXY-a1", "OK")], (port, n))

    def test_a_piece_is_missing(self):
        talk = pcap.Talk().handshake().client(LINE[:20]).lose(0, 5).client(LINE[25:]).server(GREETING)
        found = exchanges.of_capture(self.shark, self.capture(talk.client(COMMAND).server(ANSWER)))
        self.assertEqual([e["tag"] for e in found], ["a1"])

    def test_before_other_protocols(self):
        talk = pcap.Talk(server_port=4711).handshake().client(LINE.replace(b" 143", b" 25"))
        capture = self.capture(talk.server(b"220 mail ESMTP\r\n").client(b"EHLO x\r\n").server(b"250 OK\r\n"))
        self.assertEqual(self.frames(capture, "imap || imapid"), [])

    def test_before_tls(self):
        capture = self.sample("curl-dovecot-tls.pcap")
        keys = ("-o", f"tls.keylog_file:{self.shark.readable(case.wireshark.key_log(capture))}")
        payloads = [(source == 993, octets) for source, octets in map(pcap.payload, pcap.read(capture)) if octets]
        for header in (LINE, OCTETS):
            for pieces in [header], [header + payloads[0][1]], *self.pieces(header):
                talk = pcap.Talk(server_port=993).handshake()
                for piece in pieces:
                    talk.client(piece)
                for is_server, octets in payloads[len(pieces[0]) > len(header):]:
                    (talk.server if is_server else talk.client)(octets)
                path = self.capture(talk)
                found = exchanges.of_capture(self.shark, path, *keys)
                self.assertEqual([e["command"]["params"][0] for e in found], [["name", "curl"]], pieces)
                self.assertEqual(self.frames(path, "imapid.client.port == 56324", *keys),
                                 list(range(1, len(talk.packets) + 1)))

    def test_a_header_of_nobody(self):
        talk = pcap.Talk().handshake().client(b"PROXY UNKNOWN\r\n").server(GREETING).client(COMMAND).server(ANSWER)
        capture = self.capture(talk)
        self.assertEqual([e["tag"] for e in exchanges.of_capture(self.shark, capture)], ["a1"])
        self.assertEqual(self.frames(capture, "imapid.client.port"), [])


if __name__ == "__main__":
    unittest.main()
