#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What Wireshark's own views make of the plugin: protocols of a packet, the hierarchy, JSON, -O."""
import json
import os
import re
import unittest

import case
import pcap
import wireshark

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


def talk_with_id():
    return pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x")\r\n').server(ANSWER)


class Protocols(case.Case):
    def test_of_a_frame(self):
        for name in ("imaplib-dovecot.pcap", "tls13-aes256-gcm.pcapng", "thunderbird-dovecot-compress.pcapng"):
            for passes in ((), ("-2",)):
                rows = self.shark.rows(self.sample(name), ["frame.protocols"], *passes, "-Y", "imapid")
                self.assertGreater(len(rows), 1)
                for row in rows:
                    self.assertIn("imapid", row[0][0].split(":"), (name, passes))
            rows = self.shark.rows(self.sample(name), ["frame.protocols"], "-2", "-Y", "!imapid")
            for row in rows:
                self.assertNotIn("imapid", row[0][0].split(":"), name)

    def test_hierarchy(self):
        text = self.shark.tshark(self.sample("imaplib-dovecot.pcap"), "-q", "-z", "io,phs")
        self.assertRegex(text, r"(?m)^ +imapid +frames:4 ")
        self.assertNotRegex(text, r"(?m)^ +text ")


class Connection(case.Case):
    """The item of what is known of the connection."""

    def test_name(self):
        capture = self.capture(talk_with_id())
        packets = json.loads(self.shark.tshark(capture, "-2", "-Y", "frame.number == 1", "-T", "json"))
        layer = packets[0]["_source"]["layers"]["imapid.connection"]
        self.assertEqual(layer, {"imapid.client.name": "x", "imapid.server.name": "s"})
        line = self.shark.tshark(capture, "-2", "-Y", "frame.number == 1", "-T", "ek").splitlines()[1]
        layer = json.loads(line)["layers"]["imapid_connection"]
        self.assertEqual(sorted(layer.values()), ["s", "x"])

    def test_says_all_while_it_is_closed(self):
        text = self.shark.tshark(self.capture(talk_with_id()), "-2", "-Y", "frame.number == 1", "-O", "imapid")
        self.assertRegex(text, r"(?m)^\[IMAP ID of the connection: client x, server s\]$")
        self.assertNotIn("Client name", text)

    def test_opened(self):
        text = self.shark.tshark(self.capture(talk_with_id()), "-2", "-Y", "frame.number == 1", "-O",
                                 "imapid,imapid.connection")
        self.assertRegex(text, r"(?m)^ +\[Client name: x\]$")

    def test_no_item_stands_alone(self):
        """All that is added to a packet is below one of two protocols of ours, or Wireshark's."""
        for name in ("imaplib-dovecot.pcap", "starttls-refused.pcap", "tls-no-keys.pcap", "dovecot-proxy.pcapng",
                     "tiny-segments.pcap"):
            for packet in self.shark.pdml(self.sample(name), "-2"):
                self.assertEqual([item.attrib for item in packet if item.tag != "proto"], [], name)
                names = [item.get("name") for item in packet]
                self.assertLessEqual(names.count("imapid.connection"), 1)
                self.assertNotIn("", names)

    def test_not_decrypted(self):
        capture = self.sample("tls-no-keys.pcap")
        rows = self.shark.rows(capture, ["imapid.unread"], "-2")
        self.assertEqual({tuple(row[0]) for row in rows}, {("not decrypted",)})
        text = self.shark.tshark(capture, "-2", "-Y", "frame.number == 1", "-O", "imapid")
        self.assertIn("[IMAP ID of the connection: not decrypted]", text)


class Info(case.Case):
    """What the column says, and which colour a packet has."""

    @staticmethod
    def refused(answer):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x")\r\n')
        return talk.server(answer)

    def info(self, capture, frame, *arguments):
        rows = self.shark.rows(capture, ["_ws.col.Info"], "-2", "-Y", f"frame.number == {frame}", *arguments)
        return rows[0][0][0]

    def test_a_list_is_said_once(self):
        capture = self.capture(talk_with_id())
        self.assertEqual(self.info(capture, 5), "Request: a1 ID: x")
        self.assertEqual(self.info(capture, 6), "Response: a1 OK done | ID: s")
        talk = pcap.Talk().handshake().server(GREETING)
        talk.client(b'a1 NOOP\r\na2 ID ("name" "x")\r\n').server(b'* ID ("name" "s")\r\n').server(b"a2 OK\r\na1 OK\r\n")
        capture = self.capture(talk)
        self.assertEqual(self.info(capture, 5), "Request: a1 NOOP | ID: x")
        self.assertEqual(self.info(capture, 6), "Response: * ID: s")
        talk = pcap.Talk().handshake().server(GREETING).client(b'id id ("name" "ID (x")\r\n')
        capture = self.capture(talk.server(b"id OK\r\n"))
        self.assertEqual(self.info(capture, 5), "Request: id id: ID (x")

    def test_refused(self):
        for answer in (b"a1 NO go away\r\n", b"a1 BAD what\r\n", b'* ID ("name" "s")\r\na1 NO no\r\n',
                       b"* BYE no\r\n"):
            capture = self.capture(self.refused(answer))
            self.assertEqual(self.info(capture, 5), "Request: a1 ID: x (refused)", answer)
            self.assertEqual(self.frames(capture, "imapid.not_accepted"), [5, 6], answer)
        capture = self.capture(talk_with_id())
        self.assertEqual(self.info(capture, 5), "Request: a1 ID: x")
        self.assertEqual(self.frames(capture, "imapid.not_accepted"), [])

    def test_what_became_of_it(self):
        talk = talk_with_id().client(b"a2 LOGIN a b\r\n").server(b"a2 NO [AUTHENTICATIONFAILED] wrong\r\n").close()
        # The column itself: from 4.4 on the field of it is filled before the outcome is told.
        line = self.shark.tshark(self.capture(talk), "-2", "-Y", "frame.number == 8").strip()
        self.assertTrue(line.endswith("Response: a2 NO [AUTHENTICATIONFAILED] wrong | login, stopped by server: NO"), line)
        talk = talk_with_id().client(b"a2 LOGOUT\r\n").server(b"* BYE\r\na2 OK bye\r\n").close()
        for row in self.shark.rows(self.capture(talk), ["_ws.col.Info"], "-2"):
            self.assertNotIn("stopped", row[0][0])

    def test_not_decrypted(self):
        capture = self.sample("tls-no-keys.pcap")
        frame, = self.frames(capture, "imapid.not_decrypted")
        self.assertTrue(self.info(capture, frame).endswith(" | IMAP, not decrypted"))

    def test_not_decrypted_any_more(self):
        path = self.sample("tls13-chacha20.pcap")
        keys = ("-o", "tls.keylog_file:" + self.shark.readable(wireshark.key_log(path)))
        packets = pcap.read(path)
        self.assertEqual(self.frames(path, "imapid.not_decrypted"), [])
        for lost, told in ((15, 17), (11, None), (13, 15)):
            capture = self.shark.write("lost.pcap", pcap.write(packets[:lost - 1] + packets[lost:]))
            frames = self.frames(capture, "imapid.not_decrypted", *keys)
            self.assertEqual(frames, [told] if told else frames, lost)
            if told:
                self.assertTrue(self.info(capture, told, *keys).endswith(" | IMAP, not decrypted any more"))
                rows = self.shark.rows(capture, ["frame.number"], "-2", "-Y", "imapid.unread", *keys)
                self.assertEqual(int(rows[0][0][0]), told)
            self.assertEqual(len(frames), 1, lost)

    def test_colours_of_the_profile(self):
        """The first rule that fits: what was refused, or went wrong, is not green."""
        with open(os.path.join(wireshark.SAMPLES, "../dissector/profile/colorfilters"),
                  encoding="utf-8") as file:
            rules = [line.split("@")[1:3] for line in file if line.startswith("@")]

        def colour(capture, frame):
            return next((name for name, rule in rules if frame in self.frames(capture, rule)), None)

        capture = self.capture(self.refused(b"a1 NO go away\r\n"))
        self.assertEqual([colour(capture, frame) for frame in (5, 6)], ["Refused, or went wrong"] * 2)
        talk = talk_with_id().client(b"a2 LOGIN a b\r\n").server(b"a2 NO wrong\r\n")
        self.assertEqual(colour(self.capture(talk), 8), "Refused, or went wrong")
        talk = talk_with_id().client(b"a2 SELECT x\r\n").server(b"a2 NO none\r\n").client(b"a3 NOOP\r\n").server(
            b"a3 OK\r\n")
        capture = self.capture(talk)
        self.assertEqual([colour(capture, frame) for frame in (5, 6, 8, 10)],
                         ["IMAP ID", "IMAP ID", "Refused, or went wrong", "IMAP"])


class Experts(case.Case):
    def test_texts_begin_with_the_code(self):
        for name in ("imaplib-dovecot.pcap", "malformed-lists.pcapng", "tls-no-keys.pcap", "starttls-refused.pcap"):
            for packet in self.shark.pdml(self.sample(name), "-2"):
                for field in packet.iter("field"):
                    if not field.get("name", "").startswith("imapid."):
                        continue
                    for text in case.shown(field, "_ws.expert.message"):
                        code = re.match("([a-z][a-z-]*[a-z]): ", text)
                        self.assertTrue(code, text)
                        if code[1] != "outcome":
                            self.assertIn("imapid." + code[1].replace("-", "_"),
                                          [item.get("name") for item in packet.iter("field")])


if __name__ == "__main__":
    unittest.main()
