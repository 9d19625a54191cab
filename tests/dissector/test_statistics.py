#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree, the table of clients and the export: in one pass, in two, opened late, with a filter."""
import csv
import json
import os
import re
import unittest

import case
import pcap

GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
ANSWER = b'* ID ("name" "s")\r\na1 OK done\r\n'


def say(pairs, **ports):
    talk = pcap.Talk(**ports).handshake().server(GREETING)
    return talk.client(b"a1 ID " + pairs + b"\r\n").server(ANSWER)


class Tree(case.Case):
    def test_without_a_tree(self):
        for passes in ((), ("-2",)):
            text = self.shark.tshark(self.sample("thunderbird-dovecot.pcapng"), "-q", "-z", "imapid,tree", *passes)
            self.assertRegex(text, r"(?m)^ Thunderbird +1 ")
            self.assertRegex(text, r"(?m)^  153\.7\.0 +1 ")
            self.assertRegex(text, r"(?m)^ Dovecot +1 ")

    def test_with_a_filter(self):
        text = self.shark.tshark(self.sample("several-ids.pcap"), "-q", "-z",
                                 'imapid,tree,imapid.name == "third"')
        self.assertRegex(text, r"(?m)^Clients +1 ")

    def test_opened_after_loading(self):
        with self.shark.sharkd(self.sample("several-ids.pcap")) as shark:
            answer = shark.ask("tap", tap0="stat:imapid")
        clients = [node for node in answer["taps"][0]["stats"] if node["name"] == "Clients"]
        self.assertEqual(clients[0]["count"], 4)

    def test_closed_connections(self):
        for passes in ((), ("-2",)):
            text = self.shark.tshark(self.sample("tls-no-keys.pcap"), "-q", "-z", "imapid,tree", *passes)
            self.assertRegex(text, r"(?m)^Connections not decrypted +1 ")


class Table(case.Case):
    def rows(self, capture, display_filter=""):
        with self.shark.sharkd(capture) as shark:
            answer = shark.ask("tap", tap0="nstat:imapid,clients" + display_filter)
        return answer["taps"][0]["tables"][0].get("i", [])

    def test_rows(self):
        rows = {row[0]: row for row in self.rows(self.sample("many-clients.pcap"))}
        self.assertEqual(rows["curl"], ["curl", "7.88.1", "", "", 1, 1])
        self.assertEqual(rows["imaplib"][4:], [2, 1])
        self.assertEqual(len(rows), 6)

    def test_connections_are_counted_once(self):
        packets = []
        for port in (50000, 50001, 50002):
            talk = say(b'("name" "x" "os" "y")', client_port=port)
            talk.client(b'a2 ID ("name" "x" "os" "y")\r\n')
            packets += talk.packets
        capture = self.shark.write("thrice.pcap", pcap.write(packets))
        self.assertEqual(self.rows(capture), [["x", "", "y", "", 6, 3]])

    def test_in_tshark(self):
        text = self.shark.tshark(self.sample("several-ids.pcap"), "-q", "-z",
                                 'imapid,clients,imapid.name == "third"')
        self.assertRegex(text, r"(?m)^third +\|")
        self.assertNotIn("second", text)

    def test_names_of_strangers_are_escaped_and_bounded(self):
        talk = pcap.Talk().handshake().server(GREETING)
        talk.client(b'a1 ID ("name" {4+}\r\n\x1b[2J)\r\n')
        for i in range(1100):
            talk.client(b'b ID ("name" "n%d")\r\n' % i)
        rows = self.rows(self.capture(talk))
        self.assertEqual(rows[0][0], r"\033[2J")
        self.assertEqual(len(rows), 1001)
        self.assertEqual((rows[-1][0], rows[-1][4]), ("(all others)", 101))


class Rows(case.Case):
    """Tables of Wireshark's own kinds: their rows are filters."""

    def ask(self, capture, table):
        with self.shark.sharkd(capture) as shark:
            return shark.ask("tap", tap0=table)["taps"][0]

    def test_connections_lead_to_all_their_packets(self):
        first, second = say(b'("name" "x")', client_port=50000), say(b"NIL", client_port=50001)
        second.client(b'a2 ID ("name" "y")\r\na3 ID NIL\r\n')
        path = self.shark.write("two.pcap", pcap.write(first.packets + second.packets))
        rows = self.ask(path, "conv:IMAP ID")["convs"]
        self.assertEqual([(row["txf"], row["rxf"]) for row in rows], [(1, 1), (2, 1)])
        n = len(first.packets)
        self.assertEqual([self.shark.frames(path, row["filter"]) for row in rows],
                         [list(range(1, n + 1)), list(range(n + 1, n + 1 + len(second.packets)))])

    def test_a_connection_that_was_not_read_is_found(self):
        row, = self.ask(self.sample("tls-no-keys.pcap"), "conv:IMAP ID")["convs"]
        self.assertEqual((row["txf"] + row["rxf"], row["saddr"]), (1, "10.0.0.5"))

    def test_addresses(self):
        hosts = self.ask(self.sample("many-clients.pcap"), "endpt:IMAP ID")["hosts"]
        self.assertEqual({host["host"]: host["filter"] for host in hosts},
                         {address: "ip.addr==" + address for address in ("10.0.0.5", "10.0.0.1")})

    def test_in_tshark(self):
        for passes in ((), ("-2",)):
            text = self.shark.tshark(self.sample("many-clients.pcap"), "-q", "-z", "conv,imapid", "-z",
                                     "endpoints,imapid", "-z", "imapid,srt", *passes)
            self.assertEqual(len(re.findall(r"10\.0\.0\.5 +<-> 10\.0\.0\.1", text)), 5)
            self.assertRegex(text, r"(?m)^10\.0\.0\.5 +17 ")
            self.assertRegex(text, r"(?m)^ +0  Dovecot +8 ")

    def test_response_times_are_those_of_the_field(self):
        path = self.sample("many-clients.pcap")
        row, = self.ask(path, "srt:imapid")["tables"][0]["r"]
        times = [float(times[0]) for times, in self.shark.rows(path, ["imapid.time"], "-2", "-Y", "imapid.response")]
        self.assertEqual((row["n"], row["num"]), ("Dovecot", len(times)))
        self.assertEqual([round(row[key], 9) for key in ("min", "max", "tot")],
                         [round(value, 9) for value in (min(times), max(times), sum(times))])

    def test_response_times_end(self):
        talk = pcap.Talk().handshake().server(GREETING)
        for i in range(1002):
            talk.client(b"b%d ID NIL\r\n" % i).server(b'* ID ("name" "\x07%d")\r\nb%d OK\r\n' % (i, i))
        rows = self.ask(self.capture(talk), "srt:imapid")["tables"][0]["r"]
        self.assertEqual(rows[0]["n"], r"\a0")
        self.assertEqual([(row["n"], row["num"]) for row in rows[-2:]], [(r"\a999", 1), ("(all others)", 2)])


class Headings(case.Case):
    def test_no_stranger_is_one(self):
        packets = []
        for port, name in enumerate((b"Servers", b"Clients", b"Connections not decrypted")):
            talk = pcap.Talk(client_port=50000 + port).handshake().server(GREETING)
            packets += talk.client(b'a1 ID ("name" "%s" "version" "1" "os" "Servers")\r\n' % name).packets
        capture = self.shark.write("headings.pcap", pcap.write(packets))
        text = self.shark.tshark(capture, "-q", "-z", "imapid,tree")
        self.assertRegex(text, r"(?m)^Clients +3 ")
        self.assertRegex(text, r"(?m)^Servers +0 ")
        self.assertRegex(text, r'(?m)^ "Servers" +1 ')
        self.assertNotRegex(text, r"(?m)^Connections not decrypted +1 ")


class Export(case.Case):
    def exported(self, capture, *arguments):
        folder = os.path.join(self.shark.folder, "exported")
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o777)
        self.shark.tshark(capture, "-q", "--export-objects", "imapid," + folder, *arguments)
        path = os.path.join(folder, "imap-identities.csv")
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        os.remove(path)
        return rows

    def test_rows(self):
        for passes in ((), ("-2",)):
            rows = self.exported(self.sample("dovecot-proxy.pcapng"), *passes)
            self.assertEqual([row["frame"] for row in rows], ["6", "8", "26", "28"])
            self.assertEqual([row["side"] for row in rows], ["client", "server"] * 2)
            self.assertEqual({row["client_ip"] for row in rows}, {"10.0.0.5", "10.0.1.1"})
            self.assertEqual(rows[1]["name"], "Dovecot")
            self.assertEqual(rows[1]["tag"], "a1")
            self.assertIn(["x-originating-ip", "10.0.0.5"], json.loads(rows[2]["other"]))
            self.assertRegex(rows[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")

    def test_spreadsheets_run_nothing(self):
        row = self.exported(self.capture(say(b'("name" "=1+1" "version" "a,\\"b\\"" "os" NIL "x" NIL)')))[0]
        self.assertEqual((row["name"], row["version"], row["os"]), ("'=1+1", 'a,"b"', ""))
        self.assertEqual(json.loads(row["other"]), [["x", None]])

    def test_a_field_that_came_twice(self):
        talk = say(b'("name" NIL "NAME" "x" "name" "y" "name" "x" "version" "" "version" "1" "os" NIL)')
        row = self.exported(self.capture(talk), "-2")[0]
        self.assertEqual((row["name"], row["version"], row["os"]), ("x", "1", ""))
        self.assertEqual(json.loads(row["other"]), [["name", "y"], ["name", "x"]])

    def test_a_list_that_is_not_all_there(self):
        talk = pcap.Talk().handshake().server(GREETING).client(b'a1 ID ("name" "x" "vers')
        rows = self.exported(self.capture(talk), "-2")
        self.assertEqual([(row["name"], row["incomplete"]) for row in rows], [("x", "cut")])
        self.assertEqual({row["incomplete"] for row in self.exported(self.sample("several-ids.pcap"))}, {""})

    def test_an_answer_without_its_command(self):
        talk = pcap.Talk().handshake().server(GREETING).lose(0, 20).server(ANSWER)
        talk.client(b"a2 NOOP\r\n").server(b"a2 OK\r\n")
        rows = self.exported(self.capture(talk), "-2")
        self.assertEqual([(row["side"], row["tag"]) for row in rows], [("server", "a1")])

    def test_again_and_again(self):
        """The list is made anew each time."""
        with self.shark.sharkd(self.sample("many-clients.pcap")) as shark:
            answers = [shark.ask("tap", tap0="eo:imapid")["taps"][0]["objects"] for _ in range(3)]
        self.assertEqual(len(answers[0]), 1)
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])


if __name__ == "__main__":
    unittest.main()
