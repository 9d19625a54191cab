#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together where a client has the port of IMAP and the capture begins in mid-session: both turn
the sides when both have spoken, and only then.

    turned.py                   IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import parity
import pcap
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
COMMAND = b'a%d ID ("name" "c%d")\r\n'
ANSWER = b'* ID ("name" "s%d")\r\na%d OK done\r\n'

# In order: who speaks (the client is the one with port 143), what; and how many exchanges there are to tell.
CASES = {
    "client-first": (2, [(0, COMMAND % (1, 1)), (1, ANSWER % (1, 1)), (0, COMMAND % (2, 2)), (1, ANSWER % (2, 2))]),
    "client-in-pieces": (2, [(0, b"a0 NOOP\r\n"), (0, (COMMAND % (1, 1))[:9]), (0, (COMMAND % (1, 1))[9:]), (1, ANSWER % (1, 1)),
                             (0, COMMAND % (2, 2)), (1, ANSWER % (2, 2))]),
    "server-first": (1, [(1, b"* 3 EXISTS\r\n"), (1, b"a0 OK done\r\n"), (0, COMMAND % (1, 1)), (1, ANSWER % (1, 1))]),
    "message-first": (1, [(1, b"of a message\r\n"), (1, b"* 3 EXISTS\r\na0 OK\r\n"), (0, b"a1 NOOP\r\n"),
                          (1, b"a1 OK\r\n"), (0, COMMAND % (2, 2)), (1, ANSWER % (2, 2))]),
    "one-side": (0, [(1, b"* 3 EXISTS\r\n"), (1, b"* 4 EXISTS\r\n")]),
}


def check(shark, name, port, want, said):
    talk = pcap.Talk(client_port=port, server_port=50000)
    for side, octets in said:
        (talk.server if side else talk.client)(octets)
    path = shark.write(f"{name}-{port}.pcap", talk.octets())
    tool = sorted(map(parity.comparable, parity.by_tool(TOOL, path)), key=parity.sort_key)
    if len(tool) != want:
        yield f"the tool tells {len(tool)} exchanges, not {want}"
    for options in ((), parity.exchanges.IN_ORDER):
        plugin = sorted(map(parity.comparable, parity.exchanges.of_capture(shark, path, *options)), key=parity.sort_key)
        if plugin != tool:
            yield f"the plugin tells {plugin}, the tool {tool}"


def main():
    bad = 0
    with wireshark.Wireshark() as shark:
        for name, (want, said) in CASES.items():
            for wrong in check(shark, name, 143, want, said):
                bad += 1
                print(f"{name}: {wrong}")
    print(f"{len(CASES)} connections, {bad} wrong")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
