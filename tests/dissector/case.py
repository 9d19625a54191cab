# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the plugin share."""
import os
import unittest

import wireshark


def shown(item, name):
    """What the fields of that name in an element of PDML show."""
    return [field.get("show") for field in item.iter("field") if field.get("name") == name]


def places(item, name):
    """Where they are in their data source: offset and length."""
    return [(int(field.get("pos")), int(field.get("size"))) for field in item.iter("field")
            if field.get("name") == name]


class Case(unittest.TestCase):
    """A test with a Wireshark of its own class."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.shark = wireshark.Wireshark()
        cls.addClassCleanup(cls.shark.__exit__)

    @staticmethod
    def sample(name):
        path = os.path.join(wireshark.SAMPLES, name)
        if not os.path.exists(path):
            raise AssertionError(f"there is no sample {name}")
        return path

    def capture(self, talk, name="talk.pcap"):
        """The path of a capture made of a pcap.Talk."""
        return self.shark.write(name, talk.octets())

    def frames(self, capture, display_filter, *arguments, **options):
        """The numbers of the frames that a filter selects, in two passes."""
        if not options and set(arguments[::2]) <= {"-o"}:
            return self.shark.frames(capture, display_filter, *arguments[1::2])
        rows = self.shark.rows(capture, ["frame.number"], "-2", "-Y", display_filter, *arguments, **options)
        return [int(row[0][0]) for row in rows]
