#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No password in what the plugin adds: its items, fields, columns, statistics and export.

What Wireshark's own dissector of IMAP shows (it has fields for user and password) is not the plugin's to hide.
"""
import os
import re
import unittest

import case
import secret_sessions

N = 1500


class Secrets(case.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sessions = secret_sessions.sessions("plugin", N)
        cls.path = cls.shark.write("secrets.pcap", secret_sessions.capture(cls.sessions))
        cls.given_away = secret_sessions.patterns()

    def assert_kept(self, text, at_least=20):
        self.assertGreater(text.count("name"), at_least, text[:300])  # so the test can fail
        found = self.given_away.search(text.encode("utf-8", "surrogateescape"))
        if found:
            self.fail(f"{found[0]} in ...{text.encode('utf-8', 'surrogateescape')[max(found.start() - 600, 0):found.end() + 100]}...")

    def test_own_fields(self):
        names = sorted(name for name in self.shark.field_names() if name.startswith("imapid"))
        self.assertGreater(len(names), 30)
        for passes in ((), ("-2",)):
            rows = self.shark.rows(self.path, names, "-Y", "imapid", *passes)
            self.assert_kept("\n".join(str(row) + "name" for row in rows))

    def test_tree(self):
        for form in ("text", "json", "ek", "pdml"):
            options = ("-O", "imapid") if form == "text" else ("-T", form, "-J", "imapid")
            text = self.shark.tshark(self.path, "-2", "-Y", "imapid", *options)
            if form == "pdml":  # it has the octets below each item of the others as well
                text = "".join(re.findall(r'(?s)<proto name="imapid".*?</proto>', text))
            self.assert_kept(text)

    def test_lines(self):
        """Those that the plugin shows in place of Wireshark's dissector."""
        text = self.shark.tshark(self.path, "-2", "-O", "imap")
        self.assert_kept("name\n" * 21 + "\n".join(line for line in text.splitlines() if "Protocol, line:" in line))

    def test_info(self):
        rows = self.shark.rows(self.path, ["_ws.col.Info"], "-2", "-Y", "imapid")
        self.assert_kept("\n".join("name " + row[0][0].split(" | ID: ", 1)[1] for row in rows if row and row[0] and " | ID: " in row[0][0]))

    def test_statistics(self):
        for table in ("imapid,tree", "imapid,clients"):
            self.assert_kept(self.shark.tshark(self.path, "-q", "-2", "-z", table) + "name " * 21)
        text = self.shark.tshark(self.path, "-q", "-2", "-z", "expert")
        self.assert_kept("name " * 21 + "\n".join(line for line in text.splitlines() if "IMAPID" in line.upper()))

    def test_export(self):
        folder = os.path.join(self.shark.home, "export")
        self.shark.tshark(self.path, "-q", "--export-objects", f"imapid,{folder}")
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as file:
                self.assert_kept("name " * 21 + file.read())


if __name__ == "__main__":
    unittest.main()
