#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every field, its place in the packet, the Info column, and findings."""
import unittest

import case
import exchanges
import pcap
from case import places, shown


def items(packet):
    return [proto for proto in packet.findall("proto") if proto.get("name") == "imapid"]


def flags(item, name):
    """What a boolean says. Wireshark 4.0 shows 1 where later ones show True."""
    return [{"0": False, "1": True, "False": False, "True": True}[text] for text in shown(item, name)]


GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "x" "version" "1")\r\n'
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


class Fields(case.Case):
    def one(self, capture, display_filter):
        packets = self.shark.pdml(capture, "-2", "-Y", display_filter)
        self.assertEqual(len(packets), 1)
        found = items(packets[0])
        self.assertEqual(len(found), 1)
        return found[0]

    def test_a_request(self):
        item = self.one(self.sample("imaplib-dovecot.pcap"), "frame.number == 15")
        self.assertEqual(flags(item, "imapid.request"), [True])
        self.assertEqual(flags(item, "imapid.response"), [])
        self.assertEqual(shown(item, "imapid.tag"), ["KPBG3"])
        self.assertEqual(shown(item, "imapid.count"), ["3"])
        self.assertEqual(shown(item, "imapid.field"), ["name", "version", "os"])
        self.assertEqual(shown(item, "imapid.value"), ["imaplib", "2.58"])
        self.assertEqual(flags(item, "imapid.value.nil"), [True])
        self.assertEqual(shown(item, "imapid.name"), ["imaplib"])
        self.assertEqual(shown(item, "imapid.version"), ["2.58"])
        self.assertEqual(shown(item, "imapid.os"), [])
        self.assertEqual(shown(item, "imapid.response_in"), ["17"])
        self.assertEqual(flags(item, "imapid.nil"), [])

    def test_a_response(self):
        item = self.one(self.sample("imaplib-dovecot.pcap"), "frame.number == 17")
        self.assertEqual(flags(item, "imapid.response"), [True])
        self.assertEqual(flags(item, "imapid.request"), [])
        self.assertEqual(shown(item, "imapid.tag"), ["KPBG3"])
        self.assertEqual(shown(item, "imapid.status"), ["OK"])
        self.assertEqual(shown(item, "imapid.request_in"), ["15"])
        self.assertAlmostEqual(float(shown(item, "imapid.time")[0]), 0.000226, 5)
        self.assertEqual(shown(item, "imapid.support_url"), ["https://mail.example.test/support"])

    def test_places(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x\\"y" "os" NIL)\r\n')
        item = self.one(self.capture(talk), "imapid.request")
        at = 54  # Ethernet, IP, TCP
        self.assertEqual((int(item.get("pos")), int(item.get("size"))), (at, 32))
        self.assertEqual(places(item, "imapid.tag"), [(at, 2)])
        self.assertEqual(places(item, "imapid.pair"), [(at + 7, 13), (at + 21, 8)])
        self.assertEqual(places(item, "imapid.field"), [(at + 8, 4), (at + 22, 2)])
        self.assertEqual(places(item, "imapid.value"), [(at + 15, 4)])
        self.assertEqual(places(item, "imapid.value.nil"), [(at + 26, 3)])
        self.assertEqual(places(item, "imapid.name"), [(at + 15, 4)])
        self.assertEqual(shown(item, "imapid.value"), ['x"y'])

    def test_places_in_a_unit_put_together(self):
        talk = pcap.Talk().handshake().server(GREETING)
        talk.client(b"a1 ID ({4+}\r\nna").client(b'me "x")\r\n')
        item = self.one(self.capture(talk), "imapid.request")
        self.assertEqual(places(item, "imapid.field"), [(13, 4)])
        self.assertEqual(places(item, "imapid.value"), [(19, 1)])
        self.assertEqual([field.get("value") for field in item.iter("field")
                          if field.get("name") == "imapid.field"], [b"name".hex()])

    def test_nil_and_empty(self):
        packets = self.shark.pdml(self.sample("nil-and-empty.pcap"), "-2", "-Y", "imapid.request")
        kinds = [(flags(item, "imapid.nil"), shown(item, "imapid.count"))
                 for packet in packets for item in items(packet)]
        self.assertIn(([True], ["0"]), kinds)
        self.assertIn(([], ["0"]), kinds)

    def test_every_defined_field(self):
        names = ["name", "version", "os", "os-version", "vendor", "support-url", "address", "date",
                 "command", "arguments", "environment"]
        pairs = " ".join(f'"{name.upper()}" "value of {name}"' for name in names).encode()
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 ID (" + pairs + b")\r\n")
        capture = self.capture(talk)
        for name in names:
            field = "imapid." + name.replace("-", "_")
            self.assertEqual(self.frames(capture, f'{field} == "value of {name}"'), [5], field)
            self.assertEqual(self.frames(capture, f'{field} == "another"'), [], field)

    def test_info_column_keeps_what_was_there(self):
        rows = self.shark.rows(self.sample("thunderbird-dovecot.pcapng"), ["_ws.col.Info"], "-Y",
                               "imapid.request")
        self.assertRegex(rows[0][0][0], r'^Request: \d+ ID: Thunderbird 153.7.0$')

    def test_several_in_one_segment(self):
        rows = self.shark.rows(self.sample("pipelined.pcapng"), ["imapid.tag", "imapid.request_in"], "-2",
                               "-Y", "imapid.response")
        self.assertEqual(rows[-1], [["a1", "a2"], ["11", "11"]])

    def test_result_without_response(self):
        capture = self.sample("tiny-segments.pcap")
        self.assertEqual(self.frames(capture, 'imapid.status == "BAD"'), [80])
        self.assertEqual(self.frames(capture, "imapid.rejected"), [80])
        self.assertEqual(self.frames(capture, "imapid && !imapid.request && !imapid.response"), [80])

    def test_a_list_that_is_not_all_there(self):
        for said, summary in ((b'("name" "Thunder', "(cut)"), (b'("name" "C" "versi', "C (cut)"),
                              (b'("name" "C" "version" "1"', "C 1 (cut)")):
            talk = pcap.Talk().handshake().server(GREETING).client(b"a1 ID " + said).lose(0, 9).client(b"\r\n")
            capture = self.capture(talk)
            rows = self.shark.rows(capture, ["imapid.cut", "_ws.col.Info"], "-2", "-Y", "imapid.request")
            self.assertEqual([row[0] in (["1"], ["True"]) for row in rows], [True], said)
            with self.shark.sharkd(capture) as shark:
                self.assertIn(f"IMAP ID request: {summary}", str(shark.ask("frame", frame=5, proto=True)["tree"]))
        whole = self.capture(pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER))
        self.assertEqual(self.frames(whole, "imapid.cut || imapid.over_limit"), [])
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "C" "x" {70000+}\r\n')
        for _ in range(70):
            talk.client(b"x" * 1000)
        capture = self.capture(talk.client(b")\r\n").server(ANSWER))
        rows = self.shark.rows(capture, ["imapid.name"], "-2", "-Y", "imapid.over_limit && !imapid.cut")
        self.assertEqual(rows, [[["C"]]])

    def test_one_more_response_names_nobody(self):
        talk = pcap.Talk().handshake().server(GREETING).client(COMMAND)
        talk.server(b'* ID ("name" "first")\r\n* ID ("name" "second")\r\na1 OK\r\n')
        capture = self.capture(talk)
        self.assertEqual(self.frames(capture, "imapid.extra_response"), [6])
        self.assertEqual(self.frames(capture, 'imapid.server.name == "second"'), [])
        self.assertEqual(len(self.frames(capture, 'imapid.server.name == "first"')), 6)

    def test_columns_of_several_units(self):
        """What the built-in dissector says of a message, and of what stands beside it in the packet."""
        mail = b"From: a\r\nSubject: b\r\n\r\nc\r\n"
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 FETCH 1 BODY[]\r\n")
        fetch = b"* 1 FETCH (BODY[] {%d}\r\n" % len(mail) + mail + b")\r\na1 OK\r\n"
        capture = self.capture(talk.server(fetch[:30]).server(fetch[30:]))
        self.assertEqual(self.shark.rows(capture, ["_ws.col.Protocol"])[6], [["IMAP/IMF"]])
        # The packet with the end of one message has the beginning of the next one.
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 FETCH 1:2 BODY[]\r\n")
        two = fetch[:-7] + fetch.replace(b"* 1", b"* 2")
        capture = self.capture(talk.server(two[:30]).server(two[30:-30]).server(two[-30:]))
        self.assertEqual(self.shark.rows(capture, ["_ws.col.Protocol"])[6:], [[["IMAP/IMF"]], [["IMAP/IMF"]]])

    def test_identity_on_every_packet(self):
        capture = self.sample("thunderbird-dovecot.pcapng")
        self.assertEqual(self.frames(capture, 'imapid.client.name == "Thunderbird"'),
                         self.frames(capture, "tcp"))
        self.assertEqual(self.frames(capture, 'imapid.server.version == "2.3.19.1"'),
                         self.frames(capture, "tcp"))
        off = ("-o", "imapid.session_identity:FALSE")
        self.assertEqual(self.frames(capture, "imapid.client.name", *off), [])

    def test_identity_is_a_list_that_was_taken(self):
        """Malformed lists, and those answered NO or BAD, name a connection only where there is no other."""
        good, late = b'a1 ID ("name" "good")\r\n', b'a2 ID ("name" "late")\r\n'
        for commands, answers, name in (
                ((good, late), (b"OK", b"OK"), "late"),
                ((good, late), (b"OK", b"BAD"), "good"),
                ((good, late), (b"OK", b"NO"), "good"),
                ((good, late), (b"NO", b"BAD"), "late"),
                ((good, b'a2 ID (name x\r\n'), (b"OK", b"OK"), "good"),
                ((b'a1 ID (name x\r\n',), (b"OK",), "x"),
                ((good, late, b'a3 ID ("name" "last")\r\n'), (b"OK", b"BAD", b"BAD"), "good")):
            talk = pcap.Talk().handshake().server(GREETING)
            for command in commands:  # pipelined: nothing is known of the first when the second comes
                talk.client(command)
            for i, answer in enumerate(answers):
                talk.server(b"a%d %s x\r\n" % (i + 1, answer))
            self.assertEqual(len(self.frames(self.capture(talk), f'imapid.client.name == "{name}"')),
                             4 + len(commands) + len(answers), (commands, answers))

    def test_links_of_the_web_alone(self):
        def nodes(tree):
            for node in tree:
                yield node
                yield from nodes(node.get("n", []))

        for url, is_link in ((b"https://example.test/", True), (b"HTTP://example.test", True),
                             (b"file:///bin/sh", False), (b"javascript:x", False), (b"https", False)):
            talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("support-url" "' + url + b'")\r\n')
            with self.shark.sharkd(self.capture(talk)) as shark:
                tree = shark.ask("frame", frame=5, proto=True)["tree"]
            found = [node for node in nodes(tree) if "imapid.support_url" in str(node.get("f", ""))]
            self.assertEqual(["url" in node for node in found], [is_link], url)

    def test_every_name_is_registered(self):
        """Filters and scripts lean on these names, and on what can be compared with them."""
        promised = {
            "FT_BOOLEAN": "request response nil value.nil not_accepted",
            "FT_UINT32": "count",
            "FT_NONE": "pair not_decrypted not_in_order",
            "FT_STRING": """tag field value status name version os os_version vendor support_url address date command
                arguments environment client.name client.version server.name server.version doubt outcome stopped_at
                unread""",
            "FT_FRAMENUM": "response_in request_in",
            "FT_RELATIVE_TIME": "time",
            "FT_IPv4": "client.ipv4 value.ipv4",
            "FT_IPv6": "client.ipv6 value.ipv6",
            "FT_UINT16": "client.port",
        }
        types = self.shark.field_types()
        for wanted, names in promised.items():
            for name in names.split():
                self.assertEqual(types.get("imapid." + name), wanted, name)
        for name in ("cut", "over_limit", *(code.removeprefix("imapid.") for code in exchanges.CODES)):
            self.assertIn("imapid." + name, types)


class Findings(case.Case):
    def codes(self, octets, *answers):
        talk = pcap.Talk().handshake().server(GREETING).client(octets)
        for answer in answers or (b'* ID ("name" "s")\r\na1 OK done\r\n',):
            talk.server(answer)
        packets = self.shark.pdml(self.capture(talk), "-2", "-Y", "imapid")
        names = {field.get("name").removeprefix("imapid.") for packet in packets
                 for field in packet.iter("field")}
        return names & {name.removeprefix("imapid.") for name in exchanges.CODES}

    def test_plain(self):
        self.assertEqual(self.codes(b'a1 ID ("name" "x")\r\n'), {"cleartext"})

    def test_form(self):
        self.assertEqual(self.codes(b'a1 ID ("name")\r\n'), {"missing_value", "cleartext"})
        self.assertEqual(self.codes(b'a1 ID ("name" "x" "NAME" "y")\r\n'), {"duplicate_field", "cleartext"})
        self.assertEqual(self.codes(b'a1 ID("name" "x")\r\n'), {"bad_spacing", "cleartext"})
        self.assertEqual(self.codes(b'a1 ID (name "x")\r\n'), {"not_a_string", "cleartext"})

    def test_exchange(self):
        good = b'a1 ID ("name" "x")\r\n'
        self.assertEqual(self.codes(good, b"a1 OK done\r\n"), {"cleartext", "no_response"})
        self.assertEqual(self.codes(good, b"a1 NO no\r\n"), {"cleartext", "refused"})
        self.assertEqual(self.codes(good, b"a1 BAD what\r\n"), {"cleartext", "rejected"})
        twice = b'* ID ("name" "s")\r\n'
        self.assertEqual(self.codes(good, twice, twice, b"a1 OK\r\n"), {"cleartext", "extra_response"})
        self.assertEqual(self.codes(b"a1 NOOP\r\n", b"* ID NIL\r\na1 OK\r\n"), {"unsolicited_response"})

    def test_not_advertised(self):
        talk = pcap.Talk().handshake().server(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        talk.client(b"a1 ID NIL\r\n").server(b"a1 BAD what\r\n")
        self.assertEqual(self.frames(self.capture(talk), "imapid.not_advertised"), [5])

    def test_required_by_server(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b"a1 LOGIN u p\r\n").server(b"a1 OK in\r\n")
        talk.client(b"a2 SELECT INBOX\r\n").server(b"a2 NO SELECT Unsafe Login. Please contact us\r\n")
        rows = self.shark.rows(self.capture(talk), ["frame.number", "_ws.expert.message"], "-2", "-Y", "imapid.required_by_server")
        self.assertEqual([[number, texts[:1]] for number, texts in rows],
                         [[["8"], ["required-by-server: the server refused service and asked for an ID: none was sent"]]])

    def test_on_its_pair(self):
        talk = pcap.Talk().handshake().server(GREETING)
        talk.client(b'a1 ID ("name" "x" "date" "today")\r\n')
        packet = self.shark.pdml(self.capture(talk), "-2", "-Y", "imapid.bad_date")[0]
        pairs = [field for field in packet.iter("field") if field.get("name") == "imapid.pair"]
        self.assertEqual([bool(list(f for f in pair.iter("field") if f.get("name") == "imapid.bad_date"))
                          for pair in pairs], [False, True])

    def test_severities(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x" "os")\r\n')
        capture = self.capture(talk.server(b"a1 NO\r\n"))
        self.assertEqual(self.frames(capture, "_ws.expert.severity == Error && imapid.missing_value"), [5])
        self.assertEqual(self.frames(capture, "_ws.expert.severity == Warning && imapid.refused"), [6])
        self.assertEqual(self.frames(capture, "_ws.expert.severity == Note && imapid.cleartext"), [5])


if __name__ == "__main__":
    unittest.main()
