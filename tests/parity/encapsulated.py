#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together on one connection in everything that can carry it and that Wireshark reads.

    encapsulated.py             IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
sys.argv[1:] = [TOOL]  # as test_encapsulations wants it
sys.path[:0] = [HERE, os.path.join(HERE, "../net")]

import encapsulations
import parity
import test_encapsulations
import wireshark


def main():
    captures = []
    with tempfile.TemporaryDirectory() as folder, wireshark.Wireshark() as shark:
        for name, link_type, wrap, versions, read_by_wireshark in encapsulations.ROWS:
            if read_by_wireshark is not True:
                continue
            captures.append(os.path.join(folder, name + ".pcap"))
            test_encapsulations.write(captures[-1], link_type, test_encapsulations.wrapped(wrap, versions[0]))
        good = [parity.check(TOOL, shark, capture) for capture in captures]
    print(f"{sum(good)} of {len(good)} captures the same")
    return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
