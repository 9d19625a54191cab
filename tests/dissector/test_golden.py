#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin marks in the octets, field by field, held against golden files.

    test_golden.py renew NAME…      writes golden/NAME.txt anew, NAME being that of a sample: read what it
                                    wrote before you commit it

A line is: frame, name, offset and length in its data source, and the octets (as a string, escaped); of what
was generated there is no place, and what is shown stands instead.
"""
import os
import sys
import unittest

import case
import wireshark

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
# Wireshark 4.0 shows 1 where later ones show True.
SHOWN = {"True": "1", "False": "0"}


def describe(frame, field):
    name, size = field.get("name"), int(field.get("size"))
    if not size:
        return f"{frame} {name} {SHOWN.get(field.get('show'), field.get('show'))}"
    octets = bytes.fromhex(field.get("value") or "")
    text = repr(octets)[2:-1] if len(octets) <= 60 else f"({len(octets)} octets)"
    return f"{frame} {name} {field.get('pos')}+{size} {text}"


def lines(shark, capture):
    for packet in shark.pdml(capture, "-2", "-Y", "imapid"):
        frame = next(f.get("show") for f in packet.iter("field") if f.get("name") == "num")
        for item in packet.iter("proto"):
            if item.get("name") != "imapid":
                continue
            yield f"{frame} imapid {item.get('pos')}+{item.get('size')}"
            for field in item.iter("field"):
                name = field.get("name")
                # A time differs in its last digit between the series.
                if name.startswith("imapid.") and name != "imapid.time":
                    yield "  " + describe(frame, field)


def path_of(name):
    return os.path.join(GOLDEN, name + ".txt")


def names():
    return sorted(os.path.splitext(name)[0] for name in os.listdir(GOLDEN))


def sample(name):
    return next(path for path in wireshark.captures() if os.path.splitext(os.path.basename(path))[0] == name)


def renew(wanted):
    with wireshark.Wireshark() as shark:
        for name in wanted:
            with open(path_of(name), "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines(shark, sample(name)))


class Golden(case.Case):
    def test_places(self):
        self.assertGreater(len(names()), 9)
        for name in names():
            with self.subTest(name), open(path_of(name), encoding="utf-8") as file:
                self.assertEqual(list(lines(self.shark, sample(name))), file.read().splitlines())


if __name__ == "__main__":
    if sys.argv[1:2] == ["renew"]:
        renew(sys.argv[2:])
    else:
        unittest.main()
