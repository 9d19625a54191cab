#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together where it is not plain who is the server: a client has the port of IMAP and the capture begins in
mid-session, so both turn the sides when both have spoken, and only then; or the server's SYN and its greeting were lost.

    turned.py                   IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import pcap
import talks
from talks import ANSWER, COMMAND, say, without

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


# The same where the SYN is there, but not its answer. An untagged response passes for a greeting on any port.
HALVES = {
    (143, "tagged"): (2, [(0, b"a0 NOOP\r\n"), (1, b"a0 OK\r\n")]),
    (143, "half-a-line"): (2, [(1, b"APABILITY IMAP4rev1] hi\r\n"), (0, b"a0 NOOP\r\n"), (1, b"a0 OK\r\n")]),
    (4711, "untagged"): (2, [(1, b"* 3 EXISTS\r\na0 OK\r\n")]),
    (4711, "tagged"): (0, [(0, b"a0 NOOP\r\n"), (1, b"a0 OK\r\n")]),
}

# The same behind the last segment of the handshake, which tells where the server begins: what is lost of the client's first octets shows,
# too, where the server is seen first, or the client has begun a line.
LOST = {
    "server-first": (0, [(0, None), (1, ANSWER % (0, 0)), (0, COMMAND % (1, 1)), (1, None), (0, b"n2 NOOP\r\n"), (1, b"n2 OK\r\n")]),
    "client-first": (1, [(0, COMMAND % (0, 0)), (1, b'* ID ("name" "s0")\r\n'), (1, None), (0, b"n1 NOOP\r\n"), (1, b"n1 OK\r\n")]),
    "half-a-line": (1, [(0, b"a0 "), (0, None), (1, ANSWER % (0, 0)), (0, None), (1, None), (0, b"a2 NOOP\r\n"), (1, b"a2 OK\r\n")]),
}


def all_talks():
    for name, (want, said) in CASES.items():
        yield name, want, say(pcap.Talk(client_port=143, server_port=50000), said)
    for (port, name), (want, said) in HALVES.items():
        talk = say(pcap.Talk(server_port=port).handshake().lose(1, 40), said + CASES["client-first"][1])
        yield f"{name}-{port}", want, without(talk, 1, 2)
    for name, (want, said) in LOST.items():
        yield f"{name}-lost", want, without(say(pcap.Talk().handshake().lose(1, 9), said), 1)


if __name__ == "__main__":
    talks.check_all(list(all_talks()))
