#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user interface of Wireshark shows with the plugin, read as a screen reader reads it.

desktop.py starts Wireshark on a screen that nobody sees; accessible.py reads it. A class of tests shares
one Wireshark, since that takes seconds to start; so where there is something to click on, a test leaves no window
open and no filter set. Nothing waits for a time: each step waits until what it should bring is there, and fails
when it does not come.

What is shown is compared with what tshark says of the same capture in two passes, so that these tests
are the same for every Wireshark."""
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import desktop  # noqa: E402
import case  # noqa: E402

THUNDERBIRD = "thunderbird-dovecot.pcapng"
OTHER = "alpine-dovecot.pcapng"
CONNECTION = "[IMAP ID of the connection: client Thunderbird 153.7.0, server Dovecot 2.3.19.1]"
ITEM = "IMAP ID request: Thunderbird 153.7.0"
UNENCRYPTED = "cleartext: the identity crossed the network unencrypted"
BY_CLIENT = 'imapid.client.name == "Thunderbird"'


def setUpModule():
    desktop.require()


class Case(case.Case):
    @classmethod
    def start(cls, capture, *arguments):
        """A Wireshark that ends with the class."""
        shown = desktop.Desktop(cls.shark, capture, *arguments)
        cls.addClassCleanup(shown.close)
        return shown

    @classmethod
    def first_frame(cls, capture, display_filter):
        rows = cls.shark.rows(capture, ["frame.number"], "-2", "-Y", display_filter)
        return int(rows[0][0][0])


class OnePacket(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.sample(THUNDERBIRD)
        cls.frame = cls.first_frame(cls.path, "imapid.request")
        cls.gui = cls.start(cls.path, "-g", str(cls.frame))

    def setUp(self):
        self.gui.choose("View", "Collapse All")
        self.gui.click_on(self.gui.packets_in_sight()[self.frame])

    def tshark_details(self):
        """The lines of the details of each frame."""
        frames = []
        for line in self.shark.tshark(self.path, "-2", "-V").splitlines():
            if line.startswith("Frame "):
                frames.append([])
            if line.strip():
                frames[-1].append(line.strip())
        return frames

    def test_details(self):
        lines = self.gui.details_of(self.frame)
        self.assertIn(ITEM, lines)
        below = self.gui.expand(ITEM)
        self.assertIn("name: Thunderbird", below)
        self.assertIn("version: 153.7.0", below)
        self.assertIn("[Pairs: 2]", below)
        self.assertIn(f"[Expert Info (Note/Security): {UNENCRYPTED}]", below)
        self.assertEqual(self.gui.expand(CONNECTION), [
            "[Client name: Thunderbird]", "[Client version: 153.7.0]",
            "[Server name: Dovecot]", "[Server version: 2.3.19.1]"])

    def test_info_column(self):
        self.assertRegex(self.gui.packet(self.frame)["Info"], r"^Request: \d+ ID: Thunderbird 153\.7\.0$")
        answer = self.first_frame(self.path, "imapid.response")
        self.assertRegex(self.gui.packet(answer)["Info"], r"\bID: Dovecot 2\.3\.19\.1$")

    def test_any_order(self):
        """Packets clicked on in no order, and again, show what tshark shows of them."""
        self.gui.choose("View", "Expand All")
        expected = self.tshark_details()
        places = self.gui.packets_in_sight()
        self.assertIn(self.frame, places)
        self.assertGreater(len(places), 5)
        order = [*places, *places]
        random.Random(1).shuffle(order)
        for frame in order:
            self.gui.click_on(places[frame])
            self.gui.details_of(frame)
            lines = [line.strip() for line in self.gui.details_of(frame) if not line.startswith("[Coloring Rule ")]
            self.assertEqual(lines, expected[frame - 1])


class Windows(Case):
    """The windows that the menus open."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gui = cls.start(cls.sample(THUNDERBIRD))

    def rows_of(self, until, title, *menu):
        """The rows of a window, by heading, once that text is in one."""
        dialog = self.gui.dialog(title, *menu)

        def rows():
            tree = dialog.find("tree")
            # Some Wiresharks pad the texts.
            found = [dict(zip(tree.headings, map(str.strip, row))) for row in tree.rows]
            return any(until in row.values() for row in found) and found

        return self.gui.wait_for(f"{until!r} in {title}", rows)

    def test_statistics(self):
        rows = self.rows_of("Thunderbird", "IMAP ID", "Statistics", "IMAP ID")
        counts = {row["Topic / Item"]: row["Count"] for row in rows}
        expected = dict.fromkeys(("Clients", "Thunderbird", "153.7.0", "Servers", "Dovecot", "2.3.19.1"), "1")
        self.assertEqual({name: counts.get(name) for name in expected}, expected)

    def test_clients(self):
        rows = self.rows_of("Thunderbird", "IMAP ID Clients", "Statistics", "IMAP ID Clients")
        self.assertEqual([list(row.values()) for row in rows], [["Thunderbird", "153.7.0", "", "", "1", "1"]])

    def test_export(self):
        rows = self.rows_of("imap-identities.csv", "Export", "File", "Export Objects", "IMAP ID…")
        self.assertEqual([row["Filename"] for row in rows], ["imap-identities.csv"])

    def test_expert_information(self):
        rows = self.rows_of(UNENCRYPTED, "Expert Information", "Analyze", "Expert Information")
        self.assertEqual([(row["Severity"], row["Group"], row["Protocol"], row["Count"]) for row in rows
                          if row["Summary"] == UNENCRYPTED], [("Note", "Security", "IMAP ID", "1")])


class Identity(Case):
    """The filter on who talks selects whole connections, from their first packet."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = os.path.join(cls.shark.folder, "both.pcapng")
        subprocess.run(["mergecap", "-w", cls.path, cls.sample(THUNDERBIRD), cls.sample(OTHER)], check=True)
        cls.wanted = cls.frames_of(BY_CLIENT)
        # The tests below say something only if these are some of the packets, and the handshake is in them.
        handshake = cls.frames_of(f"{BY_CLIENT} && tcp.flags.syn == 1")
        assert len(handshake) == 2 and 0 < len(cls.wanted) < len(cls.frames_of("frame"))

    @classmethod
    def frames_of(cls, display_filter, passes=("-2",)):
        return [row[0][0] for row in cls.shark.rows(cls.path, ["frame.number"], *passes, "-Y", display_filter)]

    def test_command_line(self):
        """Wireshark applies a filter of the command line while it reads, when nobody has introduced himself
        yet; applied again it selects everything."""
        gui = self.start(self.path, "-Y", BY_CLIENT)
        self.assertEqual(gui.field.text, BY_CLIENT)
        gui.wait_for_displayed(len(self.frames_of(BY_CLIENT, passes=())))
        gui.click(gui.field)
        gui.input("key", "Return")
        gui.wait_for_displayed(len(self.wanted))
        self.assertEqual(gui.packets.column("No."), self.wanted)

    def test_typed(self):
        gui = self.start(self.path)
        n = len(self.frames_of("frame"))
        gui.wait_for_displayed(n)
        gui.filter(BY_CLIENT)
        gui.wait_for_displayed(len(self.wanted))
        self.assertEqual(gui.packets.column("No."), self.wanted)
        self.assertEqual(gui.counts(), (n, len(self.wanted)))
        self.assertIn("[SYN]", gui.packet(int(self.wanted[0]))["Info"])
        gui.filter('imapid.client.name == "nobody"')
        gui.wait_for_displayed(0)


if __name__ == "__main__":
    unittest.main()
