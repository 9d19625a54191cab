#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way in which Wireshark comes by a packet shows the same: any order, any preference, any port."""
import copy
import os
import random
import unittest
import zlib

import case
import exchanges
import pcap
import wireshark

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x" "version" "1")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


def plain(**ports):
    return pcap.Talk(**ports).handshake().server(GREETING).client(COMMAND).server(ANSWER)


def labels(node):
    """The texts of a tree as sharkd gives it, with their depth of nesting."""
    return [(entry.get("l"), labels(entry.get("n", []))) for entry in node]


class Order(case.Case):
    """sharkd visits frames as the user interface does: in the order in which they are clicked."""

    SAMPLES = ("literals-sync.pcap", "tiny-segments.pcap", "pipelined.pcapng", "append-decoy.pcap",
               "refused-literal.pcap", "port-10143.pcap", "compress.pcap", "starttls-id-before.pcapng",
               "compress-tls.pcap", "thunderbird-dovecot-starttls.pcap")

    def check(self, capture):
        with self.shark.sharkd(capture) as first, self.shark.sharkd(capture) as second:
            n = first.ask("status")["frames"]
            in_order = [labels(first.ask("frame", frame=i + 1, proto=True)["tree"]) for i in range(n)]
            order = random.Random(capture).sample(range(n), n)
            for i in order + order[:5]:
                tree = labels(second.ask("frame", frame=i + 1, proto=True)["tree"])
                self.assertEqual(tree, in_order[i], f"{capture} frame {i + 1}")
            self.assertEqual(first.ask("frames"), second.ask("frames"))

    def test_any_order(self):
        for name in self.SAMPLES:
            with self.subTest(name):
                self.check(self.sample(name))

    def test_one_pass_and_two(self):
        """What one pass shows of units alone, without what later frames tell, two passes show too."""
        fields = ["frame.number", "imapid.tag", "imapid.value", "imapid.request_in", "imapid.status",
                  "imap.line", "_ws.col.Info"]
        for name in self.SAMPLES:
            with self.subTest(name):
                one, two = ([row[:-1] + [row[-1][0].replace(" (refused)", "")]
                             for row in self.shark.rows(self.sample(name), fields, *passes, "-Y", "imapid")]
                            for passes in ((), ("-2",)))
                self.assertEqual(one, two)


class Ports(case.Case):
    def shown(self, capture, *arguments):
        return [(e["tag"], e["command"]["frame"], e["response"]["frame"], e["result"]["frame"])
                for e in exchanges.of_capture(self.shark, capture, *arguments)]

    def test_by_content(self):
        capture = self.capture(plain(server_port=4711))
        self.assertEqual(self.shown(capture), [("a1", 5, 6, 6)])
        self.assertEqual(self.frames(capture, "imap"), [4, 5, 6])

    def test_by_content_in_the_middle(self):
        talk = pcap.Talk(server_port=4711).client(b"a0 NOOP\r\n").server(b"a0 OK\r\n")
        talk.client(COMMAND).server(ANSWER)
        self.assertEqual(self.shown(self.capture(talk)), [("a1", 3, 4, 4)])

    def test_others_are_left_alone(self):
        talk = pcap.Talk(server_port=4711).handshake().server(b"220 mail ESMTP\r\n").client(b"EHLO x\r\n")
        talk.server(b"250 OK\r\n").client(COMMAND).server(ANSWER)
        self.assertEqual(self.frames(self.capture(talk), "imap || imapid"), [])
        talk = pcap.Talk(server_port=4711).client(b"EHLO x\r\n").server(b"250 OK\r\n")
        talk.client(b"NOOP\r\n").server(b"250 OK\r\n")
        self.assertEqual(self.frames(self.capture(talk), "imap || imapid"), [])

    def test_decode_as(self):
        capture = self.capture(plain(server_port=4711))
        way = ("-d", "tcp.port==4711,imap", "--disable-heuristic", "imapid_tcp")
        self.assertEqual(self.shown(capture, *way), [("a1", 5, 6, 6)])
        self.assertEqual(self.frames(capture, "imap", *way), [4, 5, 6])

    def test_decode_as_in_the_middle(self):
        """The first frame is the built-in dissector's; what follows is ours."""
        talk = pcap.Talk(server_port=4711).client(b"a0 NOOP\r\n").server(b"a0 OK\r\n")
        talk.client(COMMAND).server(ANSWER)
        way = ("-d", "tcp.port==4711,imap", "--disable-heuristic", "imapid_tcp")
        self.assertEqual(self.shown(self.capture(talk), *way), [("a1", 3, 4, 4)])

    def test_decode_as_something_else(self):
        capture = self.capture(plain())
        way = ("-d", "tcp.port==143,http")
        self.assertEqual(self.frames(capture, "imapid", *way), [])

    def test_foreign_on_143(self):
        talk = pcap.Talk().handshake().server(b"220 mail ESMTP\r\n").client(b"EHLO x\r\n")
        capture = self.capture(talk)
        for options in ({}, {"with_plugin": False}):
            rows = self.shark.rows(capture, ["_ws.col.Protocol", "_ws.col.Info"], "-Y", "tcp.len > 0", **options)
            self.assertEqual(rows, [[["IMAP"], ["Response: 220 mail ESMTP"]], [["IMAP"], ["Request: EHLO x"]]])

    def test_switched_off(self):
        capture = self.capture(plain())
        rows = [self.shark.rows(capture, ["_ws.col.Info", "imap.line"], *arguments, **options)
                for arguments, options in (((), {"with_plugin": False}),
                                           (("--disable-protocol", "imapid"), {}))]
        self.assertEqual(*rows)

    def test_switched_off_in_tls(self):
        for name in ("tls-no-keys.pcap", "curl-dovecot-tls.pcap"):
            rows = [self.shark.rows(self.sample(name), ["_ws.col.Info", "_ws.expert.message", "imap.line"], "-2",
                                    *arguments, **options)
                    for arguments, options in (((), {"with_plugin": False}),
                                               (("--disable-protocol", "imapid"), {}))]
            self.assertEqual(*rows)

    def test_ports_of_the_builtin_dissector(self):
        """Where the octets do not tell, but those of an ID: begun inside a message, nothing answered."""
        talk = pcap.Talk(server_port=4711).client(b"text\r\nmore").client(b" text\r\n").client(COMMAND)
        capture = self.capture(talk)
        way = ("-o", "imap.tcp.port:143,4711")
        self.assertEqual(self.frames(capture, "imap"), [3])
        self.assertEqual(self.frames(capture, "imap", *way), [1, 2, 3])
        self.assertEqual(self.frames(capture, "imapid.request", *way), [3])
        self.assertEqual(self.shown(self.capture(plain()), *way), [("a1", 5, 6, 6)])


class Builtin(case.Case):
    """All else that the built-in dissector shows stays."""

    FIELDS = ["frame.number", "imap.request", "imap.response", "imap.request.command", "imap.response.status",
              "imap.response_in", "imap.isrequest", "imf.subject", "_ws.col.Protocol"]
    SAMPLES = ("imaplib-dovecot.pcap", "mbsync-dovecot.pcap", "pipelined.pcapng", "ipv6.pcapng",
               "several-ids.pcap", "offlineimap-dovecot.pcapng", "idle.pcap", "authenticate-plain.pcap")

    def test_the_same_fields(self):
        for name in self.SAMPLES:
            with self.subTest(name):
                with_it, without = [self.shark.rows(self.sample(name), self.FIELDS, "-2", with_plugin=plugin)
                                    for plugin in (True, False)]
                self.assertEqual(with_it, without)

    def test_decoys_are_no_commands(self):
        for name in ("append-decoy.pcap", "append-decoy-long.pcapng"):
            rows = self.shark.rows(self.sample(name), ["imap.request"], "-2", "-Y", "imap.request")
            names = [text.split(" ")[1] for row in rows for text in row[0]]
            self.assertEqual(names.count("ID"), 1, name)


    def test_what_it_throws(self):
        """It gives up at a LOGIN without a name; the ID behind that is shown."""
        talk = pcap.Talk().handshake().server(GREETING).client(b"a0 LOGIN\r\n" + COMMAND).server(ANSWER)
        capture = self.capture(talk)
        self.assertEqual(self.frames(capture, "_ws.malformed"), [5])
        self.assertEqual(self.frames(capture, "imapid.request && imap.request.command == LOGIN"), [5])


class Preferences(case.Case):
    def exchanges(self, name, *arguments):
        return exchanges.of_capture(self.shark, self.sample(name), *arguments)

    def test_no_reassembly(self):
        for name in ("tiny-segments.pcap", "literals-sync.pcap", "append-decoy-long.pcapng"):
            with self.subTest(name):
                self.assertEqual(self.exchanges(name, "-o", "tcp.desegment_tcp_streams:FALSE"),
                                 self.exchanges(name))

    def test_absolute_sequence_numbers(self):
        self.assertEqual(
            self.exchanges("tiny-segments.pcap", "-o", "tcp.relative_sequence_numbers:FALSE"),
            self.exchanges("tiny-segments.pcap"))

    def test_no_analysis(self):
        self.assertEqual(
            self.exchanges("tiny-segments.pcap", "-o", "tcp.analyze_sequence_numbers:FALSE"),
            self.exchanges("tiny-segments.pcap"))

    def test_expert_tap_without_a_tree(self):
        text = self.shark.tshark(self.sample("imaplib-dovecot.pcap"), "-q", "-z", "expert")
        self.assertIn("cleartext: the identity crossed the network unencrypted", text)


class Holes(case.Case):
    """What the capture lost is never guessed."""

    def shown(self, talk, *arguments):
        found = exchanges.of_capture(self.shark, self.capture(talk), *arguments)
        return [(e["tag"], e["command"] and e["command"]["params"]) for e in found]

    def test_a_hole_in_a_value(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "ab').lose(0, 5)
        talk.client(b'cd")\r\na2 ID ("name" "whole")\r\n').server(b"a2 OK\r\n")
        shown = self.shown(talk)
        self.assertIn(("a2", [["name", "whole"]]), shown)
        self.assertNotIn("abcd", str(shown))

    def test_a_hole_in_a_literal(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 APPEND x {40+}\r\n" + b"z" * 10)
        talk.lose(0, 10).client(b'\r\na2 ID ("name" "n")' + b"\r\n" + COMMAND.replace(b"a1", b"a3"))
        talk.server(b"a1 OK\r\n" + ANSWER.replace(b"a1", b"a3"))
        self.assertEqual(self.shown(talk), [("a3", [["name", "x"], ["version", "1"]])])

    def test_sent_again(self):
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND).again(0, COMMAND, len(COMMAND))
        talk.server(ANSWER)
        for options in ((), ("-o", "tcp.analyze_sequence_numbers:FALSE"),
                        ("-o", "tcp.no_subdissector_on_error:FALSE")):
            self.assertEqual(len(self.shown(talk, *options)), 1, options)

    def test_sent_again_with_more(self):
        """What TCP takes for a retransmission, or out of order, it gives to nobody. It is read all the same."""
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND[:20])
        talk.again(0, COMMAND[10:], 10).server(ANSWER)
        capture = self.capture(talk)
        for options in self.WAYS:
            self.assertEqual(self.shown(talk, *options)[0], ("a1", [["name", "x"], ["version", "1"]]), options)
            self.assertEqual(self.frames(capture, "imapid.unsolicited_response", *options), [], options)

    WAYS = ((), exchanges.IN_ORDER, ("-o", "tcp.analyze_sequence_numbers:FALSE"),
            ("-o", "tcp.no_subdissector_on_error:FALSE"), ("-o", "tcp.relative_sequence_numbers:FALSE"))

    def test_an_answer_recorded_first(self):
        """It waits for its command, and another's is not taken for it, in one pass or two."""
        talk = pcap.Talk().handshake().server(GREETING)
        for i in (b"1", b"2"):
            talk.client(COMMAND.replace(b"a1", b"a" + i)).server(ANSWER.replace(b"a1", b"a" + i))
        talk.packets[4:6] = reversed(talk.packets[4:6])
        capture = self.capture(talk)
        rest = [[["7"], ["a2"], []], [["8"], ["a2"], ["OK"]]]
        one, two = [[["6"], ["a1", "a1"], ["OK"]]], [[["5"], ["a1"], ["OK"]], [["6"], ["a1"], []]]
        for options in self.WAYS:
            for passes, first in (((), one), (("-2",), two)):
                rows = self.shark.rows(capture, ["frame.number", "imapid.tag", "imapid.status"], "-Y", "imapid",
                                       *passes, *options)
                self.assertEqual(rows, first + rest, (passes, options))
            self.assertEqual(self.frames(capture, "imapid.no_response", *options), [])

    def test_behind_a_lost_answer(self):
        """What stands behind the hole is read, though TCP gives it to nobody when it puts segments in order."""
        talk = pcap.Talk().handshake().server(GREETING).client(b"a0 NOOP\r\n").lose(1, 20)
        for i in (b"1", b"2", b"3"):
            talk.client(COMMAND.replace(b"a1", b"a" + i)).server(ANSWER.replace(b"a1", b"a" + i))
        for options in self.WAYS:
            found = exchanges.of_capture(self.shark, self.capture(talk), *options)
            self.assertEqual([(e["tag"], e["result"] and e["result"]["status"]) for e in found],
                             [("a1", "OK"), ("a2", "OK"), ("a3", "OK")], options)
            self.assertEqual({code for e in found for code in e["findings"]}, {"cleartext"}, options)

    def test_a_command_that_is_missing(self):
        talk = pcap.Talk().handshake().server(GREETING).lose(0, len(COMMAND)).server(ANSWER)
        capture = self.capture(talk)
        self.assertEqual(self.frames(capture, 'imapid.response && imapid.tag == "a1"'), [5])
        self.assertEqual(self.frames(capture, "imapid.unsolicited_response"), [])

    def test_a_command_that_is_missing_and_acknowledged(self):
        """By a segment without octets; or only its headers were captured."""
        lost = pcap.Talk().handshake().server(GREETING).lose(0, len(COMMAND)).server(b"").server(ANSWER)
        cut = pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)
        seconds, micros, octets, length = cut.packets[4]
        cut.packets[4] = (seconds, micros, octets[:54], length)
        for talk in (lost, cut):
            capture = self.capture(talk)
            self.assertEqual(self.frames(capture, "imapid.response"), [6])
            self.assertEqual(self.frames(capture, "imapid.unsolicited_response"), [])

    def test_the_rest_of_a_command_is_missing(self):
        """That shows only behind its answer, which is its own all the same; another's is not."""
        begun = pcap.Talk().handshake().server(GREETING).client(COMMAND[:20]).lose(0, len(COMMAND) - 20)
        one = copy.deepcopy(begun).server(ANSWER).client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        two = copy.deepcopy(begun).server(ANSWER[:20]).server(ANSWER[20:]).client(b"a2 NOOP\r\n")
        for talk in (one, two):
            found, = exchanges.of_capture(self.shark, self.capture(talk))
            self.assertEqual((found["tag"], found["command"], found["response"]["frame"], found["result"]["status"]),
                             ("a1", {"frame": 5, "params": [["name", "x"]]}, 6, "OK"))
            self.assertEqual(found["findings"], ["cleartext"])
        other = begun.server(ANSWER.replace(b"a1", b"a3")).client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        self.assertEqual(len(self.shown(other)), 1)  # as the tool has it

    def test_an_answer_that_is_missing(self):
        """To AUTHENTICATE: what the client says next is no data, though nothing says so."""
        talk = pcap.Talk().handshake().server(GREETING).client(b"a0 AUTHENTICATE PLAIN\r\n").server(b"+ \r\n")
        talk.client(b"eA==\r\n").lose(1, 20).client(COMMAND).server(ANSWER)
        self.assertEqual(self.shown(talk), [("a1", [["name", "x"], ["version", "1"]])])

    def test_a_forged_end_is_a_doubt(self):
        for flags in (pcap.RESET, pcap.FIN | pcap.ACK):
            talk = pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)
            clean = self.capture(talk)
            self.assertEqual(self.frames(clean, "imapid.doubt"), [])
            forged = pcap.Talk().handshake().server(GREETING)
            n_next = forged.next[0]
            forged._add(0, flags)
            forged.next[0] = n_next
            forged.client(COMMAND).server(ANSWER)
            capture = self.capture(forged)
            self.assertEqual(self.frames(capture, "imapid.request"), [6])
            self.assertEqual(self.frames(capture, 'imapid.doubt == "reset-ignored"'), [6])

    def test_late_segments_are_read(self):
        halves = pcap.Talk().handshake().server(GREETING).client(COMMAND[:20]).client(COMMAND[20:]).server(ANSWER)
        whole = pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)
        for talk, frame in ((halves, 6), (whole, 6)):
            talk.packets[4:6] = reversed(talk.packets[4:6])
            capture = self.capture(talk)
            self.assertEqual(self.frames(capture, "imapid.request"), [frame])
            self.assertEqual(self.frames(capture, "imapid.not_in_order"), [])
            self.assertEqual(self.frames(capture, "imapid.unsolicited_response"), [])
        self.assertEqual(self.frames(self.capture(halves), "imapid.not_in_order", *exchanges.IN_ORDER), [])

    def test_nothing_is_late(self):
        for name in ("tiny-segments.pcap", "thunderbird-dovecot.pcapng", "append-decoy-long.pcapng"):
            self.assertEqual(self.frames(self.sample(name), "imapid.not_in_order"), [], name)

    def test_out_of_order(self):
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND[:20]).client(COMMAND[20:])
        talk.server(ANSWER)
        talk.packets[4:6] = reversed(talk.packets[4:6])
        self.assertEqual(self.shown(talk, *exchanges.IN_ORDER), [("a1", [["name", "x"], ["version", "1"]])])

    def test_begun_in_a_message(self):
        """Lines of a message are not believed; what is answered is."""
        talk = pcap.Talk().client(b'x\r\na7 ID ("name" "decoy")\r\nmore text\r\n').server(b"a6 OK\r\n")
        talk.client(COMMAND).server(ANSWER)
        self.assertEqual(self.shown(talk), [("a1", [["name", "x"], ["version", "1"]])])
        one_pass = self.shark.rows(self.capture(talk), ["imapid.tag"], "-Y", "imapid.request")
        self.assertNotIn([["a7"]], one_pass)

    def test_one_side_only(self):
        talk = pcap.Talk().client(b"a0 NOOP\r\n").client(COMMAND)
        self.assertEqual(self.shown(talk), [("a1", [["name", "x"], ["version", "1"]])])

    def test_cut_packets(self):
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)
        seconds, micros, octets, length = talk.packets[4]
        talk.packets[4] = (seconds, micros, octets[:-12], length)
        self.assertEqual(self.shown(talk), [("a1", [["name", "x"]])])

    def test_ends_in_an_id(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x" "ver')
        self.assertEqual(self.shown(talk), [("a1", [["name", "x"]])])
        self.assertEqual(self.frames(self.capture(talk), "imapid.request"), [5])

    def test_refused_literal(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 ID ({4}\r\n").server(b"a1 BAD no\r\n")
        talk.client(COMMAND.replace(b"a1", b"a2")).server(ANSWER.replace(b"a1", b"a2"))
        capture = self.capture(talk)
        self.assertEqual(self.frames(capture, "imapid.request"), [5, 7])
        self.assertEqual([e["tag"] for e in exchanges.of_capture(self.shark, capture)], ["a1", "a2"])


class Hostile(case.Case):
    def test_octets_of_every_kind(self):
        """Noise on 143 in any order: no complaint of any dissector, whatever it shows."""
        dice = random.Random(1)
        words = [b"a1 ID (", b'"name" ', b'"x"', b")\r\n", b"{5}\r\n", b"{999999999}\r\n", b"* ID ", b"NIL",
                 b"\r\n", b"+ \r\n", b"a1 OK\r\n", b"\0\xff", b"* 1 FETCH (BODY {3}\r\n", b"a2 STARTTLS\r\n",
                 b"a2 OK\r\n", b"a3 COMPRESS DEFLATE\r\n", b"a3 OK\r\n"]
        for round_number in range(6):
            talk = pcap.Talk().handshake().server(GREETING)
            for _ in range(300):
                octets = b"".join(dice.choices(words, k=dice.randint(1, 6)))
                side = dice.randint(0, 1)
                if dice.random() < 0.05:
                    talk.lose(side, dice.randint(1, 50))
                (talk.server if side else talk.client)(octets)
            capture = self.capture(talk, f"noise-{round_number}.pcap")
            rows = self.shark.rows(capture, ["frame.number"], "-2", "-Y", "_ws.malformed",
                                   WIRESHARK_DEBUG_WMEM_OVERRIDE="strict")
            self.assertEqual(rows, [], f"round {round_number}")


WITHOUT_KEYS = ("-o", "tls.keylog_file:")  # the last one counts


class Encrypted(case.Case):
    def with_keys(self):
        return [path for path in wireshark.captures() if wireshark.key_log(path)]

    def test_without_keys_nothing_is_guessed(self):
        for capture in self.with_keys():
            with self.subTest(os.path.basename(capture)):
                self.assertEqual(self.frames(capture, "imapid && tls", *WITHOUT_KEYS), [])

    def on_port(self, port):
        """A capture of TLS on 993, as if it had been on another port; options to read it with."""
        capture = self.sample("curl-dovecot-tls.pcap")
        packets = [(*packet[:2], packet[2][:34] + packet[2][34:38].replace(b"\x03\xe1", port.to_bytes(2, "big"))
                    + packet[2][38:], packet[3]) for packet in pcap.read(capture)]
        keys = self.shark.readable(wireshark.key_log(capture))
        return self.shark.write(f"port-{port}.pcap", pcap.write(packets)), ("-o", f"tls.keylog_file:{keys}")

    def test_by_content_inside_tls(self):
        capture, keys = self.on_port(4993)
        options = (*keys, "-d", "tcp.port==4993,tls")
        self.assertEqual([e["command"]["params"][0] for e in exchanges.of_capture(self.shark, capture, *options)],
                         [["name", "curl"]])

    def test_by_content_inside_tls_by_content(self):
        for port in (4993, 143):
            capture, keys = self.on_port(port)
            for options in (keys, (*keys, "-o", "tcp.try_heuristic_first:TRUE")):
                found = exchanges.of_capture(self.shark, capture, *options)
                self.assertEqual([e["command"]["params"][0] for e in found], [["name", "curl"]], (port, options))

    def test_heuristics_first(self):
        for name in ("curl-dovecot-tls.pcap", "starttls.pcap", "thunderbird-dovecot-compress.pcapng"):
            self.assertEqual(exchanges.of_capture(self.shark, self.sample(name), "-o", "tcp.try_heuristic_first:TRUE"),
                             exchanges.of_capture(self.shark, self.sample(name)), name)

    def test_decode_as_inside_tls(self):
        capture, keys = self.on_port(4993)
        options = (*keys, "-d", "tcp.port==4993,tls", "-d", "tls.port==4993,imap",
                   "--disable-heuristic", "imapid_tls")
        self.assertEqual([e["command"]["params"][0] for e in exchanges.of_capture(self.shark, capture, *options)],
                         [["name", "curl"]])

    def test_a_wrong_key_log(self):
        keys = wireshark.key_log(self.sample("starttls.pcap"))
        capture = self.sample("curl-dovecot-tls.pcap")
        rows = self.shark.rows(capture, ["imapid.tag"], "-2", "-Y", "imapid", "-o",
                               f"tls.keylog_file:{self.shark.readable(keys)}", with_keys=False)
        self.assertEqual(rows, [])

    def closed(self, capture, *arguments):
        """The connections of which it is said that they were not decrypted, in one pass and in two."""
        rows = self.shark.rows(capture, ["frame.number", "tcp.stream"], "-Y", "imapid.not_decrypted", *arguments)
        self.assertEqual([int(row[0][0]) for row in rows], self.frames(capture, "imapid.not_decrypted", *arguments))
        return [int(row[1][0]) for row in rows]

    def test_what_stays_closed_is_told(self):
        self.assertEqual(self.closed(self.sample("tls-no-keys.pcap")), [0])
        for name in ("curl-dovecot-tls.pcap", "starttls.pcap", "thunderbird-dovecot-starttls.pcap",
                     "tls13-aes128-gcm.pcap", "tls12-ecdhe-aes128-gcm.pcap", "compress-tls.pcap"):
            self.assertEqual(self.closed(self.sample(name), *WITHOUT_KEYS), [0], name)
            self.assertEqual(self.closed(self.sample(name)), [], name)

    def test_a_wrong_key_log_leaves_it_closed(self):
        keys = self.shark.readable(wireshark.key_log(self.sample("starttls.pcap")))
        capture = self.sample("curl-dovecot-tls.pcap")
        self.assertEqual(self.closed(capture, "-o", f"tls.keylog_file:{keys}"), [0])

    def test_of_what_was_read_nothing_is_told(self):
        for capture in self.with_keys():
            if "aria" not in capture:
                self.assertEqual(self.closed(capture), [], capture)

    def test_inflated_octets_are_a_data_source(self):
        text = self.shark.tshark(self.sample("compress.pcap"), "-2", "-x", "-Y", 'imapid.version == "compressed"')
        self.assertIn("Inflated IMAP", text)

    def test_what_tls_is_not_given_is_told(self):
        """Of two segments that changed places TCP withholds the one that comes late; putting them in order it withholds
        all that stand behind one that never comes."""
        sample = self.sample("thunderbird-dovecot-starttls.pcap")
        keys = ("-o", "tls.keylog_file:" + self.shark.readable(wireshark.key_log(sample)))

        def noted(packets, name, *options):
            return self.frames(self.shark.write(name, pcap.write(packets)), "imapid.not_in_order", *keys, *options)

        swapped, lacking = pcap.read(sample), pcap.read(sample)
        swapped[18:20] = reversed(swapped[18:20])
        self.assertEqual(noted(swapped, "swapped.pcap"), [20])
        self.assertEqual(noted(swapped, "swapped.pcap", *exchanges.IN_ORDER), [])
        del lacking[29]
        self.assertEqual(noted(lacking, "lacking.pcap"), [])
        self.assertEqual(noted(lacking, "lacking.pcap", *exchanges.IN_ORDER),
                         [number for number, packet in enumerate(lacking, 1)
                          if number > 29 and pcap.payload(packet)[0] == 143 and pcap.payload(packet)[1]])

    def test_of_many_that_waited_nothing_is_told(self):
        """Behind one small segment that comes late many are kept, and all given with it."""
        sample = self.sample("starttls.pcap")
        talk = pcap.Talk().handshake()
        for source, octets in filter(lambda segment: segment[1], map(pcap.payload, pcap.read(sample))):
            for at in range(0, len(octets), 20 if source == 143 else len(octets)):
                (talk.server if source == 143 else talk.client)(octets[at:at + (20 if source == 143 else len(octets))])
        late = [i for i, packet in enumerate(talk.packets) if packet[2][34:36] == b"\0\x8f"][20]
        talk.packets.insert(late + 35, talk.packets.pop(late))
        keys = ("-o", "tls.keylog_file:" + self.shark.readable(wireshark.key_log(sample)), *exchanges.IN_ORDER)
        self.assertEqual(self.frames(self.capture(talk), "imapid.not_in_order", *keys), [])
        self.assertGreater(len(self.frames(self.capture(talk), "imapid.tag", *keys)), 1)

    def test_compress_in_a_sasl_layer(self):
        """DEFLATE is inside what the mechanism makes (RFC 4978 section 3); here, in its messages of integrity."""
        talk = pcap.Talk().handshake().server(GREETING).client(b"a0 AUTHENTICATE DIGEST-MD5\r\n").server(b"+ eA==\r\n")
        talk.client(b"eA==\r\n").server(b"a0 OK done\r\n")

        def wrap(octets):
            return (len(octets) + 16).to_bytes(4, "big") + octets + bytes(16)

        def deflate(compressor, octets):
            return wrap(compressor.compress(octets) + compressor.flush(zlib.Z_SYNC_FLUSH))

        client, server = zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)
        second = (COMMAND.replace(b"a1", b"a2").replace(b"x", b"y"), ANSWER.replace(b"a1", b"a2"))
        talk.client(wrap(COMMAND)).server(wrap(ANSWER)).client(wrap(b"d COMPRESS DEFLATE\r\n"))
        talk.server(wrap(b"d OK on\r\n") + deflate(server, b"* 1 EXISTS\r\n"))
        half = deflate(client, second[0])
        talk.client(half[:9]).client(half[9:]).server(deflate(server, second[1]))
        found = exchanges.of_capture(self.shark, self.capture(talk))
        self.assertEqual([(one["tag"], one["command"]["params"][0], one["response"]["params"], one["result"]["status"])
                          for one in found],
                         [("a1", ["name", "x"], [["name", "s"]], "OK"), ("a2", ["name", "y"], [["name", "s"]], "OK")])

    def test_all_of_imap_is_readable_behind_compress(self):
        rows = self.shark.rows(self.sample("thunderbird-dovecot-compress.pcapng"), ["imap.request.command"],
                               "-2", "-Y", "imap.request")
        names = [name.upper() for row in rows for name in row[0]]
        for name in ("COMPRESS", "ID", "SELECT"):
            self.assertIn(name, names)


if __name__ == "__main__":
    unittest.main()
