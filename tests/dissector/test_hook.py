#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How a connection comes into the plugin's hands, stays there, and who is the server in it."""
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import case
import exchanges
import pcap
import wireshark

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x" "version" "1")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


class Incomplete(case.Case):
    """Connections on any port of which the beginning, or a side, is not in the capture."""

    def check(self, talk, expected, *options, in_one_pass=None):
        capture = self.capture(talk)
        for passes, frames in (((), expected if in_one_pass is None else in_one_pass), (("-2",), expected)):
            rows = self.shark.rows(capture, ["frame.number"], "-Y", "imapid.tag", *passes, *options)
            self.assertEqual([int(row[0][0]) for row in rows], frames, (passes, options))

    def test_both_beginnings_lost(self):
        """What stands behind a hole waits for it: at the end of the capture one pass has shown nothing."""
        talk = pcap.Talk(server_port=4711).handshake().lose(1, 40).lose(0, 9).server(b"a0 OK\r\n")
        self.check(talk.client(COMMAND).server(ANSWER), [5, 6], in_one_pass=[])

    def test_held_back_by_tcp(self):
        """Putting segments in order TCP gives nobody what stands behind a hole: on any port it is looked at all the same."""
        talk = pcap.Talk(server_port=4711).handshake().lose(1, 40).lose(0, 9)
        talk.client(COMMAND).server(ANSWER).client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        for options in ((), exchanges.IN_ORDER):
            self.assertEqual(self.frames(self.capture(talk), "imapid.tag", "-2", *options), [4, 5], options)

    def test_held_back_and_no_imap(self):
        talk = pcap.Talk(server_port=4711).handshake().lose(1, 40).lose(0, 9)
        talk.client(b"USER bob\r\n").server(b"+OK \r\n").client(b"a2 stays\r\n").server(b"* OK\r\n")
        self.assertEqual(self.frames(self.capture(talk), "imap", "-2", *exchanges.IN_ORDER), [])

    def test_client_alone(self):
        talk = pcap.Talk(server_port=4711).handshake().server(GREETING).client(COMMAND).client(b"a2 ID NIL\r\n")
        talk.packets = [packet for i, packet in enumerate(talk.packets) if i not in (1, 3)]
        self.check(talk, [3, 4])

    def test_client_alone_says_no_id(self):
        """One line of IMAP on any port is not enough."""
        talk = pcap.Talk(server_port=4711).handshake().client(b"a1 NOOP\r\n").client(b"a2 LOGOUT\r\n")
        talk.packets.pop(1)
        self.assertEqual(self.frames(self.capture(talk), "imap"), [])

    def test_same_port_on_both_sides(self):
        talk = pcap.Talk(client_port=143).handshake().server(GREETING).client(COMMAND).server(ANSWER)
        for options in ((), ("-o", "tcp.try_heuristic_first:TRUE")):
            self.check(talk, [5, 6], *options)


class Leftover(case.Case):
    """Wireshark's dissector of TLS refuses what begins with four printable octets, as the rest of a record may whose beginning it
    was not given. TCP then asks whoever has the port: that is no text."""

    def check(self, name, number, n_first):
        """A packet with one record comes in two, of which the second was cut: TCP does not put these together."""
        packets = pcap.read(self.sample(name))
        seconds, micros, octets, _ = packets[number - 1]
        n_headers = len(octets) - len(pcap.payload(packets[number - 1])[1])
        head = bytearray(octets[:n_headers])
        at = n_headers + n_first
        self.assertTrue(octets[at:at + 4].isascii() and octets[at:at + 4].decode().isprintable())
        head[16:18] = struct.pack("!H", at - 14)
        first = (seconds, micros, bytes(head) + octets[n_headers:at], at)
        head[16:18] = struct.pack("!H", n_headers - 14 + len(octets) - at)
        head[38:42] = struct.pack("!I", int.from_bytes(octets[38:42], "big") + at - n_headers)
        second = (seconds, micros, bytes(head) + octets[at:-3], n_headers + len(octets) - at)
        capture = self.shark.write("in-two-" + name, pcap.write(packets[:number - 1] + [first, second] + packets[number:]))
        shutil.copyfile(wireshark.key_log(self.sample(name)), os.path.splitext(capture)[0] + ".keys")
        whole = exchanges.of_capture(self.shark, self.sample(name))
        self.assertTrue(whole)
        for options in ((), exchanges.IN_ORDER):
            for passes in ((), ("-2",)):
                rows = self.shark.rows(capture, ["_ws.col.Protocol", "_ws.col.Info"], "-Y",
                                       f"frame.number == {number + 1}", *passes, *options)
                self.assertNotIn("IMAP", str(rows), (options, passes))
            self.assertEqual(exchanges.of_capture(self.shark, capture, *options), whole, options)

    def test_behind_starttls(self):
        self.check("starttls.pcap", 24, 17)

    def test_inside_tls(self):
        self.check("tls13-chacha20.pcap", 21, 21)


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


class ClearBehindStarttls(case.Case):
    """What is said between STARTTLS and TLS is told where STARTTLS is answered."""

    def test_is_told(self):
        for client, server, told in ((b"", b"", []), (b"x9 ID NIL\r\n", b"", [6]), (b"", b"* PREAUTH hi\r\n", [6]),
                                     (b"no name\r\n", b"", [6])):
            talk = pcap.Talk().handshake().server(GREETING).client(b"a0 STARTTLS\r\n" + client).server(b"a0 OK go\r\n" + server)
            self.assertEqual(self.frames(self.capture(talk), "imapid.behind_starttls"), told, (client, server))


class LostStarttls(case.Case):
    """The client's STARTTLS, or the answer, is not in the capture."""

    def count(self, *lost, two=("-2",)):
        sample = self.sample("imapflow-dovecot-starttls.pcap")
        keys = f"tls.keylog_file:{self.shark.readable(wireshark.key_log(sample))}"
        packets = [packet for packet in pcap.read(sample) if not any(line in pcap.payload(packet)[1] for line in lost)]
        capture = self.shark.write("lost.pcap", pcap.write(packets))
        return len(self.shark.rows(capture, ["frame.number"], *two, "-o", keys, "-Y", "imapid.request || imapid.response"))

    def test_is_followed(self):
        whole = self.count()
        self.assertGreater(whole, 1)
        for lost in ((b" STARTTLS\r\n",), (b" STARTTLS\r\n", b"Begin TLS")):
            for two in ((), ("-2",)):
                self.assertEqual(self.count(*lost, two=two), whole, lost)

    def rows(self, n_hello, n_flight, *lost, begun_late=False, late=(), begun=b"", passes=("-2",), where="imapid.tag"):
        """Tags and statuses of a session whose ClientHello, and the server's answer to that, are cut after so many octets. Packets
        with the octets of `late` come so many packets later; `begun` is said by the client before the server begins TLS."""
        sample = self.sample("starttls.pcap")
        keys = f"tls.keylog_file:{self.shark.readable(wireshark.key_log(sample))}"
        talk, cuts = pcap.Talk().handshake(), {0: n_hello, 1: n_flight}
        for source, octets in filter(lambda segment: segment[1], map(pcap.payload, pcap.read(sample))):
            side = int(source == 143)
            n = cuts.pop(side) if octets[:1] == b"\x16" and side in cuts else len(octets)
            if begun and b"Begin TLS" in octets:
                talk.client(begun)
            for part in filter(None, (octets[:n], octets[n:])):
                (talk.server if side else talk.client)(part)
        hello = next(i for i, packet in enumerate(talk.packets) if pcap.payload(packet)[1][:1] == b"\x16")
        talk.packets = [packet for i, packet in enumerate(talk.packets)
                        if i >= (hello if begun_late else 0) and not any(line in pcap.payload(packet)[1] for line in lost)]
        for octets, distance in late:
            i = next(i for i, packet in enumerate(talk.packets) if octets in pcap.payload(packet)[1])
            talk.packets.insert(i + distance, talk.packets.pop(i))
        return self.shark.rows(self.capture(talk), ["imapid.tag", "imapid.status"], "-Y", where, "-o", keys, *passes)

    def test_line_begun_in_the_clear(self):
        """What a stranger adds to the client's line in front of TLS is not read together with what comes out of it."""
        expected = self.rows(9999, 9999)
        for begun in (b"x9 NO", b'x9 ID ("name" "', b"x9 ID (NIL {200+}\r\nabc"):
            inside = [row for row in self.rows(9999, 9999, begun=begun) if row[0] != ["x9"]]
            self.assertEqual(inside, expected, begun)

    def test_hello_in_two_segments(self):
        """Wireshark is told of TLS in the first of them."""
        lines = (b"* OK", b" STARTTLS\r\n", b"Begin TLS")
        for lost in ((), lines[:1], lines[1:2], lines[2:], lines[:2], lines[1:], lines):
            for passes in ((), ("-2",)):
                self.assertEqual(self.rows(200, 9999, *lost, passes=passes), self.rows(9999, 9999), (lost, passes))

    def test_hello_cut_in_its_headers(self):
        """Of a record, or of its message. The first five octets do not say yet that TLS begins, and Wireshark is told in that frame or never."""
        whole = self.rows(9999, 9999)
        for n_hello in (1, 5, 6):
            for lost in ((b" STARTTLS\r\n",), (b"Begin TLS",), (b" STARTTLS\r\n", b"Begin TLS")):
                self.assertEqual(self.rows(n_hello, 9999, *lost), whole if n_hello > 5 else [], (n_hello, lost))

    def test_late_lines(self):
        """In the preference's order TCP gives them behind the ClientHello; they are not for TLS, nor what is inside."""
        for late in (b" STARTTLS\r\n", b"Begin TLS"):
            for passes in ((), ("-2",)):
                self.assertEqual(self.rows(9999, 9999, late=[(late, 2)], passes=(*passes, *exchanges.IN_ORDER)),
                                 self.rows(9999, 9999), (late, passes))

    def test_late_finished(self):
        """What the client sends first behind its ClientHello comes late, with all that TCP kept behind it: answers to that wait, also
        where the end of the line before TLS came late, so that TCP has given TLS nothing of the client yet."""
        linked, finished = "imapid.request_in or imapid.response_in", b"\x14\x03\x03\0\1\1\x17\x03\x03\0\x45"
        for late in ([(finished, 5)], [(b" STARTTLS\r\n", 2), (finished, 5)]):
            self.assertEqual(sorted(self.rows(9999, 9999, late=late, passes=("-2", *exchanges.IN_ORDER), where=linked)),
                             sorted(self.rows(9999, 9999, where=linked)), late)

    def test_begun_behind_it(self):
        """TCP may call twice in a frame: for the end of a record, and for the next one."""
        for n_hello, n_flight in ((9999, 9999), (200, 9999), (9999, 400), (200, 400)):
            for passes in ((), ("-2",)):
                self.assertEqual(self.rows(n_hello, n_flight, begun_late=True, passes=passes), self.rows(9999, 9999),
                                 (n_hello, n_flight, passes))


class LostInTls(case.Case):
    def test_command(self):
        """The answer to a command that is not in the capture is not unsolicited."""
        sample = self.sample("tls12-rsa-aes128-gcm.pcap")
        keys = ("-o", f"tls.keylog_file:{self.shark.readable(wireshark.key_log(sample))}")
        request, = self.frames(sample, "imapid.request")
        packets = pcap.read(sample)
        del packets[request - 1]
        capture = self.shark.write("lost.pcap", pcap.write(packets))
        self.assertEqual(self.frames(capture, "imapid.response", *keys), [self.frames(sample, "imapid.response")[0] - 1])
        self.assertEqual(self.frames(capture, "imapid.unsolicited_response", *keys), [])


class Quoted(case.Case):
    """What an ICMP error quotes of a connection is no part of it; the segment itself comes as well."""

    @staticmethod
    def with_error(talk, index, n=9999, is_before=True):
        """A router, or a host, says of a segment that it did not get through."""
        seconds, micros, octets, _ = talk.packets[index]
        quote = b"\x03\x04\0\0\0\0\x05\x78" + octets[14:54 + n]
        frame = octets[:14] + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(quote), 0, 0, 64, 1, 0) + octets[30:34]
        frame += octets[26:30] + quote
        talk.packets.insert(index if is_before else index + 1, (seconds, micros, frame, len(frame)))
        return talk

    def test_a_command(self):
        for port in (143, 4711):
            for n in (9999, 20):
                for is_before in (True, False):
                    talk = pcap.Talk(server_port=port).handshake().server(GREETING).client(COMMAND).server(ANSWER)
                    capture = self.capture(self.with_error(talk, 4, n, is_before))
                    for passes in ((), ("-2",)):
                        rows = self.shark.rows(capture, ["frame.number", "imapid.version"], "-Y", "imapid.request",
                                               *passes)
                        self.assertEqual(rows, [[["6" if is_before else "5"], ["1"]]], (port, n, is_before))
                    self.assertEqual(self.frames(capture, "imapid.response_in"), [6 if is_before else 5])

    def test_the_first_octets(self):
        """Of the connection; and nothing but an error."""
        for port in (143, 4711):
            talk = pcap.Talk(server_port=port).handshake().server(GREETING).client(COMMAND).server(ANSWER)
            capture = self.capture(self.with_error(talk, 3))
            self.assertEqual(self.frames(capture, "imapid"), [6, 7])
            talk.packets = talk.packets[4:5]
            self.assertEqual(self.frames(self.capture(talk), "imapid"), [])

    def test_tls(self):
        """Its records are counted to say what stays closed."""
        talk = pcap.Talk()
        talk.packets = pcap.read(self.sample("tls-no-keys.pcap"))
        told, = self.frames(self.capture(talk), "imapid.not_decrypted")
        data = [(source, i) for i, (source, octets) in enumerate(map(pcap.payload, talk.packets))
                if octets[:1] == b"\x17"]
        other = next(i for source, i in data if source != data[0][0])
        quotes = []
        for i in (other, data[0][1]) * 3:
            copy = pcap.Talk()
            copy.packets = [talk.packets[i]]
            quotes.append(self.with_error(copy, 0).packets[0])
        talk.packets[data[0][1] + 1:data[0][1] + 1] = quotes
        self.assertEqual(self.frames(self.capture(talk), "imapid.not_decrypted"), [told + len(quotes)])


class Closed(case.Case):
    """What is said of TLS that nobody decrypts (tests/tls/transcripts has the sessions)."""

    FOLDER = pathlib.Path(__file__).resolve().parents[1] / "tls" / "transcripts"

    def talk(self, name, port, n_octets=65536):
        """A session in segments of n_octets at most, and the first frame of application data."""
        talk, first = pcap.Talk(server_port=port).handshake(), None
        for line in (self.FOLDER / (name + ".tls")).read_text().splitlines():
            if line[:2] not in ("< ", "> "):
                continue
            octets = bytes.fromhex(line[2:])
            for at in range(0, len(octets), n_octets):
                (talk.server if line[0] == "<" else talk.client)(octets[at:at + n_octets])
            if octets[0] == 0x17 and first is None:
                first = len(talk.packets)
        return talk, first

    def told(self, name, port, n_octets=65536):
        """The first frame of application data, and those on which it is told, in one pass and in two."""
        talk, first = self.talk(name, port, n_octets)
        capture = self.capture(talk)
        rows = [self.shark.rows(capture, ["frame.number"], *passes, "-Y", "imapid.not_decrypted")
                for passes in ((), ("-2",))]
        return [first], *([int(row[0][0]) for row in found] for found in rows)

    def test_first_application_data(self):
        for name in "1.2-aes128-gcm", "1.2-aes128-cbc-sha", "1.0-aes256-cbc", "1.2-chacha20":
            first, once, twice = self.told(name, 993)
            self.assertEqual(once, first, name)
            self.assertEqual(twice, first, name)

    def test_obsolete(self):
        for name, obsolete in ("1.0-aes256-cbc", True), ("1.1-aes128-cbc", True), ("1.2-aes128-gcm", False), \
                ("1.3-aes128-gcm", False):
            self.assertEqual(self.frames(self.capture(self.talk(name, 993)[0]), "imapid.obsolete_tls"), [5] * obsolete)

    def test_offer_on_any_port(self):
        for port in 443, 4993:
            for n_octets in 65536, 150:
                _, once, twice = self.told("1.3-aes128-gcm", port, n_octets)
                self.assertEqual(len(once), 1, (port, n_octets))
                self.assertEqual(len(twice), 1, (port, n_octets))

    def test_no_offer(self):
        for name in "1.3-large", "1.2-aes128-gcm":
            for n_octets in 65536, 150:
                self.assertEqual(self.told(name, 443, n_octets)[1:], ([], []), name)


class Names(case.Case):
    """Only what can match is offered as a filter, and what is IMAP is named so."""

    def test_no_filter_that_never_matches(self):
        done = subprocess.run(self.shark.command(["tshark", "-G", "protocols"]), capture_output=True, check=True,
                              cwd=self.shark.folder)
        filters = [line.split("\t")[2] for line in done.stdout.decode().splitlines()]
        self.assertEqual([name for name in filters if name.startswith("imapid")], ["imapid", "imapid.connection"])
        path = self.sample("idle.pcap")
        for name in "imapid", "imapid.connection":
            self.assertTrue(self.frames(path, name), name)

    def test_in_tls(self):
        for name in ("curl-dovecot-tls.pcap", "starttls.pcap"):
            texts = [{line for line in self.shark.tshark(self.sample(name), "-2", "-V", with_plugin=plugin).splitlines()
                      if "Application Data Protocol: " in line or "Protocols in frame: " in line}
                     for plugin in (True, False)]
            self.assertTrue(texts[0])
            self.assertEqual(*[{line.replace(":imapid", "") for line in text} for text in texts])


class SwitchedOff(case.Case):
    def test_without_the_builtin_dissector(self):
        """All is as without the plugin, whatever the port."""
        way = ("-2", "-V", "--disable-protocol", "imap")
        captures = [self.sample(name) for name in ("tls-no-keys.pcap", "curl-dovecot-tls.pcap", "starttls.pcap")]
        for port in (143, 4711):
            talk = pcap.Talk(server_port=port).handshake().server(GREETING).client(COMMAND).server(ANSWER)
            captures.append(self.capture(talk, f"port-{port}.pcap"))
        for capture in captures:
            self.assertEqual(self.shark.tshark(capture, *way), self.shark.tshark(capture, *way, with_plugin=False))


class Server(case.Case):
    """Who it is: the side that was sent the SYN, else the one that speaks like one, else the known port."""

    def check(self, talk, request, *arguments):
        capture = self.capture(talk)
        for passes in ((), ("-2",)):
            rows = self.shark.rows(capture, ["frame.number", "imapid.request"], "-Y", "imapid", *passes, *arguments)
            self.assertEqual([(row[0], bool(row[1])) for row in rows],
                             [([str(request)], True), ([str(request + 1)], False)])
        return capture

    def test_the_syn(self):
        talk = pcap.Talk(client_port=143, server_port=4711).handshake()
        self.check(talk.server(GREETING).client(COMMAND).server(ANSWER), 5)
        talk = pcap.Talk(client_port=4711).handshake().server(GREETING)
        self.check(talk.client(COMMAND).server(ANSWER), 5, "-d", "tcp.port==4711,imap")

    def test_a_syn_with_ack_alone(self):
        """It is as good: nothing of the session is missing."""
        greeting = GREETING.replace(b" ID", b"")
        for port in (143, 4711):
            talk = pcap.Talk(server_port=port).handshake().server(greeting).client(COMMAND)
            talk.server(b'* ID ("name" "first")\r\n' + ANSWER)
            talk.packets = talk.packets[1:]
            capture = self.capture(talk)
            self.assertEqual(self.frames(capture, "imapid.not_advertised"), [4], port)
            self.assertEqual(self.frames(capture, "imapid.extra_response"), [5], port)
            lost = pcap.Talk(server_port=port).handshake().lose(1, 10).server(b"x\r\n" + greeting)
            lost.packets = (lost.client(COMMAND).server(ANSWER)).packets[1:]
            self.assertEqual(self.frames(self.capture(lost), "imapid.not_advertised"), [], port)

    def test_who_speaks_like_one(self):
        """In the middle of a connection, when the user pointed at the client's port."""
        talk = pcap.Talk(server_port=4711).server(b"* 3 EXISTS\r\n").client(b"a0 NOOP\r\n").server(b"a0 OK\r\n")
        self.check(talk.client(COMMAND).server(ANSWER), 4, "-d", "tcp.port==50000,imap", "--disable-heuristic",
                   "imapid_tcp")

    def test_a_message_can_say_anything(self):
        talk = pcap.Talk().server(b'a7 ID ("name" "decoy")\r\nmore text\r\n').client(COMMAND).server(ANSWER)
        self.assertEqual(self.frames(self.capture(talk), "imapid.request"), [2])

    def test_behind_a_proxy_of_http(self):
        """It makes ports of its own, whose SYN nobody saw."""
        talk = pcap.Talk(server_port=3128).handshake().client(b"CONNECT mail.example:143 HTTP/1.1\r\n\r\n")
        talk.server(b"HTTP/1.1 200 OK\r\n\r\n").server(GREETING)
        self.check(talk.client(COMMAND).server(ANSWER), 7)


class Preference(case.Case):
    """Ports of the built-in dissector's preference are as good as 143: nothing of the first frame is lost."""

    WAY = ("-o", "imap.tcp.port:143,4711")

    def test_the_first_frame(self):
        for port in (143, 4711):
            for way in (self.WAY, ("-o", "imap.tcp.port:4711-4712,140-145")):
                capture = self.capture(pcap.Talk(server_port=port).client(COMMAND).server(ANSWER))
                self.assertEqual(self.frames(capture, "imapid.request", *way), [1], (port, way))
                self.assertEqual(self.frames(capture, "imapid", *way, "--disable-protocol", "imapid"), [])
                self.assertEqual(self.frames(capture, "imap", *way, "--disable-protocol", "imapid"), [1, 2])

    def test_it_changes_while_a_capture_is_open(self):
        capture = self.capture(pcap.Talk(server_port=4711).client(b"text\r\nmore text\r\n").client(COMMAND))
        with self.shark.sharkd(capture) as shark:
            # Without the port, the ID alone says that this is IMAP.
            for ports, protocols in (("143", ["TCP", "IMAP"]), ("143,4711", ["IMAP", "IMAP"])):
                shark.ask("setconf", name="imap.tcp.port", value=ports)
                shark.ask("load", file=capture)
                self.assertEqual([frame["c"][4] for frame in shark.ask("frames")], protocols)
            self.assertIn("ID: x 1", shark.ask("frames")[1]["c"][6])

    def test_decode_as_comes_first(self):
        capture = self.capture(pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER))
        self.assertEqual(self.frames(capture, "imap || imapid", *self.WAY, "-d", "tcp.port==143,http"), [])
        self.assertEqual(self.frames(capture, "imapid", *self.WAY, "-d", "tcp.port==143,imap"), [5, 6])


class Carrier(case.Case):
    """Whose payload a call is: in a frame with several, not what came out of an earlier one."""

    def test_two_calls(self):
        """TCP gives what fills a gap, and what stands behind it in the same segment, in two calls."""
        octets = b"NOOP\r\na0 NOOP\r\na2 NOOP\r\n" + COMMAND
        talk = pcap.Talk().handshake().server(b"220 mail ESMTP\r\n").client(b"EHLO x\r\n").server(b"250 OK\r\n")
        talk.lose(0, 6).client(octets[6:15]).again(0, octets, 15).server(ANSWER)
        self.assertEqual(self.frames(self.capture(talk), "imapid", *exchanges.IN_ORDER), [])


if __name__ == "__main__":
    unittest.main()
