#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together on connections of which each has one thing that is rare: octets that were lost, cut off, late or sent
again, a stranger's among them, a side that is alone, a port that says nothing.

    edges.py                    IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import pcap
import talks
from talks import ANSWER, COMMAND, late, say, without


def session(client_port):
    return (pcap.Talk(client_port=client_port, server_port=4711).handshake().server(b"* OK hi\r\n").client(b"a0 NOOP\r\n")
            .server(b"a0 OK\r\n").client(COMMAND % (1, 1)).server(ANSWER % (1, 1)))


def after(first, talk):
    talk.packets = first.packets + talk.packets
    return talk


def between(talk, first, last):
    talk.packets = talk.packets[first:last]
    return talk


# On a port that says nothing, each on its own: the server's first octets are missing, the client's are all there; a client alone, from the
# middle on; an answer whose command is lost, behind which nothing proves more.
ODD = after(after(
    without(say(pcap.Talk(client_port=50001, server_port=24712).handshake().lose(1, 30),
                [(0, b"a0 NOOP\r\n"), (0, COMMAND % (1, 1)), (1, None), (0, COMMAND % (2, 2)), (1, ANSWER % (2, 2))]), 1),
    between(say(pcap.Talk(client_port=50002, server_port=24713).handshake(), [(0, COMMAND % (1, 1)), (0, COMMAND % (2, 2))]), 3, None)),
    between(say(pcap.Talk(client_port=50003, server_port=24714).handshake(),
                [(1, b"* OK hi\r\n"), (0, None), (1, ANSWER % (1, 1)), (0, None), (1, None)]), 2, None))

def sent_again(talk):
    """Every command has the tag "a1". The first one is lost, and sent again behind its answer, with the second one in the same segment; then
    the server sends its second answer again, with the third."""
    talk.handshake().server(b"* OK hi\r\n").lose(0, 21).server(ANSWER % (1, 1)).again(0, COMMAND % (1, 1) + COMMAND % (1, 2), 21)
    talk.lose(1, 32).client(COMMAND % (1, 3)).again(1, ANSWER % (2, 1) + ANSWER % (3, 1), 32)
    return talk.client(b"a1 NOOP\r\n").server(b"a1 OK\r\n")


def both_free():
    """Behind a hole both sides have something that waited for nothing else: a command, and the answer to the one in the hole. Read in the
    order of the capture, that may be an answer to either."""
    talk = pcap.Talk().handshake().server(b"* OK hi\r\n")
    known = talk.next[1]
    talk.lose(0, 30).server(ANSWER % (0, 0))
    now, talk.next[1] = talk.next[1], known
    talk.client(COMMAND % (1, 1))
    talk.next[1] = now
    return late(talk, 4)


def early_fin():
    """The server's FIN is captured before all that the client still sends, in pieces, and acknowledges all of it."""
    talk = pcap.Talk().handshake().server(b"* OK hi\r\n")
    for i in range(1, 10):
        for octet in COMMAND % (i, i):
            talk.client(bytes((octet,)))
        talk.server(ANSWER % (i, i))
    talk.close()
    talk.packets.insert(3, talk.packets.pop(-2))
    return talk


def client_alone_compressed():
    """The server is not in the capture, and what a client says behind its COMPRESS is no line. Whether it may send a literal nobody knows."""
    talk = pcap.Talk().handshake().lose(1, 9).client(b'a1 ID ("name" {2}\r\n').lose(1, 5).client(b"c1)\r\n").lose(1, 30)
    talk.client(b"a2 COMPRESS DEFLATE\r\n").lose(1, 9).client(b"\x4a\xb4\x50\xf0\xf3\xf7\x0f\xe0\xe5\x02\0\0\0\xff\xff" * 4)
    return without(talk, 1)


def client_alone(n):
    """The server is not in the capture. Nine IDs, of which one more than may be open has to end, and n acknowledgements. Both give up waiting for the server
    after the same number of packets, those before the first octets counted."""
    talk = pcap.Talk().handshake().lose(1, 9).acknowledge(0).client(b'a1 ID ("name" ~{2}\r\n').lose(1, 5).client(b"c1)\r\n")
    for i in range(2, 10):
        talk.lose(1, 30).client(COMMAND % (i, i))
    for _ in range(n):
        talk.lose(1, 7).acknowledge(0)
    return without(talk, 1)


def forge_fin(talk, octets=b"", back=0):
    """A stranger's FIN in the server's name, from `back` octets before what that sends next."""
    now = talk.next[1]
    talk._add(1, pcap.ACK | pcap.FIN, octets, now - back)
    talk.next[1] = now
    return talk


def answered_by_stranger():
    """The client's SYN, an answer to nothing in the client's name, which acknowledges octets that the greeting will have, and the server's."""
    talk = pcap.Talk()
    talk._add(0, pcap.SYN)
    known = list(talk.next)
    talk.next[1] += 5
    talk._add(0, pcap.SYN | pcap.ACK, b"", 5)
    talk.next = known
    talk._add(1, pcap.SYN | pcap.ACK)
    return talk.acknowledge(0)


def snap(talk, *numbers):
    """All octets of these packets are cut off by the capture."""
    for i in numbers:
        seconds, microseconds, frame, n = talk.packets[i]
        talk.packets[i] = (seconds, microseconds, frame[:54], n)
    return talk


def fragment(talk, number, n_first, n_captured):
    """The packet in two fragments, of the first of which the capture has so many octets behind the IP header."""
    seconds, microseconds, frame, _ = talk.packets[number]
    payload = frame[34:]
    pieces = []
    for place, octets, n in ((0, payload[:n_first], n_captured), (n_first, payload[n_first:], len(payload))):
        flags = place // 8 | (0 if place else 0x2000)
        head = struct.pack("!BBHHH", 0x45, 0, 20 + len(octets), 77, flags) + frame[22:24] + b"\0\0" + frame[26:34]
        whole = frame[:14] + head + octets
        pieces.append((seconds, microseconds, whole[:34 + n], len(whole)))
    talk.packets[number:number + 1] = pieces
    return talk


# An untagged BAD, and a line that is cut, which may be the answer. A keep-alive before all octets. A client that does not wait for the greeting, in segments that are no lines. On a port that says nothing: a client alone, whose first command is no ID; the greeting and the command, each behind its
# acknowledgement, which Wireshark takes for retransmissions; a session whose first octets are missing, behind another on that port. Both ports are
# IMAP's, and of the SYNs there is the client's. The end of a result is captured before its response, which is sent once more; the command is lost.
# And segments that hold what was sent before and what was not.
CONNECTIONS = {
    "untagged-bad-and-cut": (1, pcap.Talk().handshake().server(b"* OK hi\r\n").client(COMMAND % (1, 1)).server(b"* BAD what\r\n").server(b"a")),
    "untagged-bad-before-tls": (1, pcap.Talk().handshake().server(b"* OK hi\r\n").client(COMMAND % (1, 1)).server(b"* BAD what\r\n")
                                .client(b"a2 STARTTLS\r\n").server(b"a2 OK go\r\n")),
    # What is said behind STARTTLS before its answer is a command, even where a line before was none.
    "behind-starttls": (1, pcap.Talk().handshake().server(b"* OK hi\r\n").client(b"GET / HTTP/1.0\r\n").server(b"b1 BAD x\r\n")
                        .client(b"a2 STARTTLS\r\n" + COMMAND % (3, 3)).server(b"a2 OK go\r\n")),
    "early-fin": (9, early_fin()),
    # The client did not wait for the greeting, and the packet with that and the answers was captured before its own.
    "answer-before-greeting": (2, late(pcap.Talk().handshake().client(COMMAND % (1, 1) + COMMAND % (2, 2))
                                       .server(b"* OK hi\r\n" + ANSWER % (1, 1) + ANSWER % (2, 2)), 3)),
    "client-alone-compressed": (1, client_alone_compressed()),
    "client-alone-21": (7, client_alone(21)),
    "client-alone-22": (9, client_alone(22)),
    # Sides that were turned, and octets sent again that differ.
    "doubt-behind-turn": (3, pcap.Talk(client_port=143, server_port=50000).client(COMMAND % (1, 1)).server(ANSWER % (1, 1))
                          .client(COMMAND % (2, 2)).again(0, COMMAND % (3, 3), 21).server(ANSWER % (2, 2))
                          .client(COMMAND % (4, 4)).again(0, COMMAND % (5, 5), 21).server(ANSWER % (4, 4))),
    # Two untagged IDs that may both be the answer to what was lost: none is one too many.
    "extra-of-nothing": (1, pcap.Talk().handshake().server(b"* OK hi\r\n").client(COMMAND % (1, 1)).server(b"* BAD what\r\n")
                         .server(b'* ID ("name" "s1")\r\n').server(b'* ID ("name" "s1")\r\n').lose(0, 11).server(b"* BYE bye\r\na6 OK\r\n")),
    # An empty line is no beginning of a PROXY header when the server has spoken.
    "empty-line": (1, pcap.Talk().handshake().server(b"* OK hi\r\n" + (ANSWER % (0, 0))[:20]).client(b"\r\n").server(b"b1 BAD x\r\n")),
    # The capture begins in a message of another alphabet.
    "text-first": (1, pcap.Talk(server_port=143).client("ße λ €\r\n".encode()).server(b"a0 OK\r\n").client(COMMAND % (1, 1))
                   .server(ANSWER % (1, 1))),
    # Of the greeting a copy came first that is none.
    "greeting-contested": (1, pcap.Talk().handshake().client(COMMAND % (1, 1)).server(b'* OK"hi\r\n').again(1, b"* OK hi\r\n", 9)
                           .server(ANSWER % (1, 1))),
    # Of the fragments of an answer the capture has the beginning of the first one.
    "fragment-cut-off": (2, fragment(pcap.Talk().handshake().server(b"* OK hi\r\n").client(COMMAND % (1, 1))
                                     .server(ANSWER % (1, 1) + b"* 1 EXISTS\r\n" * 9).client(COMMAND % (2, 2)).server(ANSWER % (2, 2)), 5, 80, 60)),
    "greeting-forged": (1, pcap.Talk().handshake().server(b"* what is this\r\n").again(1, b"* OK hi, who are you\r\n", 16)
                        .client(COMMAND % (1, 1)).server(ANSWER % (1, 1))),
    # What was found in a response goes with it where that turns out to be none; it is found again in the one that is.
    "response-twice": (1, pcap.Talk().server(b"a0 NO d").server(b"one\r\n").client(b"a1 ").client(b"ID NIL\r\n")
                       .server(b'* ID ("name" "s1")\r\n' + ANSWER % (1, 1))),
    # The greeting was cut off, and of two untagged IDs either may be the answer.
    "greeting-cut-off": (1, snap(pcap.Talk().handshake().server(b"* OK hi\r\n").client(COMMAND % (1, 1))
                                 .server(b'* ID ("name" "s1")\r\n' + ANSWER % (1, 1)), 3)),
    # Wireshark takes the one octet behind the FIN for a keep-alive.
    "fin-and-one-octet": (1, forge_fin(pcap.Talk().handshake()).server(b"*").server(b" OK hi\r\n").client(COMMAND % (1, 1))
                          .server('* ID ("name" "s1" "os" "\u03bb")\r\na1 OK done\r\n'.encode())),
    "fin-from-before-the-first": (1, forge_fin(pcap.Talk().handshake(), b"* BYE forged\r\n", 1).server(b"* OK hi\r\n")
                                  .client(COMMAND % (1, 1)).server(ANSWER % (1, 1))),
    "answered-by-stranger": (1, answered_by_stranger().server(b"* OK hi\r\n").client(COMMAND % (1, 1)).server(ANSWER % (1, 1))),
    # The capture begins with a keep-alive, and in a message with octets that no text has.
    "keep-alive-in-the-middle": (1, pcap.Talk().again(1, b"\0", 1).acknowledge(0).client(COMMAND % (1, 1)).server(ANSWER % (1, 1))),
    "no-text-first": (1, pcap.Talk().client(b"nu\0l\r\n)\r\n").server(b"* 3 EXISTS\r\na0 OK done\r\n").client(COMMAND % (1, 1))
                      .server(ANSWER % (1, 1))),
    "keep-alive-first": (1, pcap.Talk().handshake().again(0, b"\0", 1).server(b"* OK hi\r\n").client(COMMAND % (1, 1)).server(ANSWER % (1, 1))),
    "before-greeting": (2, pcap.Talk().handshake().client(COMMAND % (1, 1) + b"a2").client((COMMAND % (2, 2))[2:]).client(b"a3 NOOP\r\n")
                        .server(b"* OK hi\r\n" + ANSWER % (1, 1)).server(ANSWER % (2, 2) + b"a3 OK\r\n")),
    "sent-again": (3, sent_again(pcap.Talk())),
    "both-free": (0, both_free()),
    "sent-again-odd-port": (3, sent_again(pcap.Talk(server_port=4711))),
    "client-alone": (1, without(pcap.Talk(server_port=4711).handshake().lose(1, 12).client(b"a0 NOOP\r\n").lose(1, 10)
                                .client(COMMAND % (1, 1)).lose(1, 40).client(b"a2 NOOP\r\n"), 1)),
    "behind-acknowledgement": (1, late(pcap.Talk(server_port=4711).handshake().server(b"* OK hi\r\n").acknowledge(0)
                                       .client(COMMAND % (1, 1)).acknowledge(1).server(ANSWER % (1, 1)), 3, 5)),
    "port-known": (2, after(session(50001), without(session(50002), 3, 4))),
    "odd-ports": (5, ODD),
    "both-143": (1, without(pcap.Talk(client_port=143).handshake().server(b"* PREAU").server(b"TH hi\r\n").client(COMMAND % (1, 1))
                            .server(ANSWER % (1, 1)), 1)),
    "result-first": (1, pcap.Talk().handshake().server(b"* OK hi\r\n").lose(0, 30).lose(1, 74).server((ANSWER % (1, 1))[24:])
                     .again(1, ANSWER % (1, 1), len(ANSWER % (1, 1))).client(b"n2 NOOP\r\n").server(b"n2 OK\r\n")),
}


if __name__ == "__main__":
    talks.check_all([(name, want, talk) for name, (want, talk) in CONNECTIONS.items()])
