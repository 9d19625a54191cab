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
                    b'"version" "1.2.3.4" "build" "1.2.3.4" "remote-host" "none")\r\n').server(ANSWER)
        packet, = self.shark.pdml(self.capture(talk), "-2", "-Y", "imapid.request")
        pairs = [field for field in packet.iter("field") if field.get("name") == "imapid.pair"]
        self.assertEqual([shown(pair, "imapid.value.ipv4") for pair in pairs], [["192.0.2.7"], [], [], [], []])
        self.assertEqual([shown(pair, "imapid.value.ipv6") for pair in pairs], [[], ["2001:db8::1"], [], [], []])
        self.assertEqual(places(packet, "imapid.value.ipv4"), [(54 + 27, 9)])

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
        self.check(pcap.Talk().handshake().client(LINE + COMMAND).server(GREETING).server(ANSWER))
        self.check(pcap.Talk().handshake().client(OCTETS + COMMAND).server(GREETING).server(ANSWER))

    def test_before_tls(self):
        capture = self.sample("curl-dovecot-tls.pcap")
        packets, shifted = pcap.read(capture), []
        for seconds, micros, octets, length in packets:
            at = 14 + 4 * (octets[14] & 15)
            source, _, seq, ack = struct.unpack_from("!HHII", octets, at)
            n = len(octets) - at - 4 * (octets[at + 12] >> 4)
            new = bytearray(octets)
            if source == 993:
                struct.pack_into("!I", new, at + 8, (ack + len(LINE)) & 0xffffffff if shifted[2:] else ack)
            elif shifted[2:]:  # behind the handshake
                struct.pack_into("!I", new, at + 4, (seq + len(LINE)) & 0xffffffff)
                if n and not any(p[3] == "header" for p in shifted):
                    new = bytearray(octets[:-n] if n else octets) + LINE
                    struct.pack_into("!H", new, 16, len(new) - 14)
                    shifted.append((seconds, micros, bytes(new), "header"))
                    new = bytearray(octets)
                    struct.pack_into("!I", new, at + 4, (seq + len(LINE)) & 0xffffffff)
            shifted.append((seconds, micros, bytes(new), None))
        path = self.shark.write("proxied-tls.pcap", pcap.write([(s, m, o, len(o)) for s, m, o, _ in shifted]))
        keys = ("-o", f"tls.keylog_file:{self.shark.readable(case.wireshark.key_log(capture))}")
        found = exchanges.of_capture(self.shark, path, *keys)
        self.assertEqual([e["command"]["params"][0] for e in found], [["name", "curl"]])
        self.assertEqual(len(self.frames(path, "imapid.client.ipv4 == 192.0.2.7", *keys)), len(shifted))

    def test_a_header_of_nobody(self):
        talk = pcap.Talk().handshake().client(b"PROXY UNKNOWN\r\n").server(GREETING).client(COMMAND).server(ANSWER)
        capture = self.capture(talk)
        self.assertEqual([e["tag"] for e in exchanges.of_capture(self.shark, capture)], ["a1"])
        self.assertEqual(self.frames(capture, "imapid.client.port"), [])


if __name__ == "__main__":
    unittest.main()
