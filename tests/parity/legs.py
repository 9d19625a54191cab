#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together on the two legs of proxied sessions: where a list is changed in transit, and where nobody can say so.

    legs.py                     IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import parity
import pcap
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
GREETING = b"* OK [CAPABILITY IMAP4rev1 ID STARTTLS] ready\r\n"
END = b' "x-originating-ip" "10.0.0.5" "x-originating-port" "50000"'
SESSION = b' "x-session-id" "s1"'
HEADER = b"PROXY TCP4 10.0.0.5 10.0.0.1 50000 143\r\n"


def leg(*lists, client_port=50000, server_port=143, at=0, header=b""):
    """A connection on which the client sends these lists, `at` seconds after the capture's start."""
    talk = pcap.Talk(client_port, server_port).handshake()
    if header:
        talk.client(header)
    talk.server(GREETING)
    for number, params in enumerate(lists):
        talk.client(b"a%d ID %s\r\n" % (number, params)).server(b"* ID NIL\r\na%d OK done\r\n" % number)
    talk.at = at
    return talk


def outer(*lists, **more):
    return leg(*lists or (b'("name" "x")',), **more)


def inner(*lists, at=1, **more):
    """The proxy's connection, to another port."""
    return leg(*lists, at=at, client_port=more.pop("client_port", 40000), server_port=more.pop("server_port", 1143), **more)


def tied(*more, extra=(), also=b"", ends=(), at=1):
    """Two legs that show different lists, tied by `ends`, behind other connections."""
    return [outer(b'("name" "x"' + also + b")"), inner(*more or (b'("name" "y"' + b"".join(ends) + b")",), at=at), *extra]


def write(path, talks):
    packets = [(seconds + talk.at, *rest) for talk in talks for seconds, *rest in talk.packets]
    with open(path, "wb") as file:
        file.write(pcap.write(packets))


def cases():
    """Name, connections, and how many commands of them are found to be changed in transit."""
    by_id = {"also": SESSION, "ends": (SESSION,)}
    yield "by-end", tied(ends=(END,)), 1
    yield "by-header", [outer(), inner(b'("name" "y")', header=HEADER)], 1
    yield "by-id", tied(**by_id), 1
    yield "by-both", tied(also=SESSION, ends=(END, SESSION)), 1
    yield "by-id-of-another-case", tied(also=SESSION, ends=(SESSION.replace(b"s1", b"S1"),)), 0
    yield "by-escaped-id", tied(also=SESSION, ends=(b' "X-Session-ID" "s\\\\1"',)), 0
    yield "by-literal-id", tied(also=SESSION, ends=(b' "X-Session-ID" {2+}\r\ns1',)), 1
    yield "the-same", tied(b'("NAME" "x"' + SESSION + b")", also=SESSION), 0
    yield "the-same-octets", [outer(b'("name" "\xff")'), inner(b'("name" "\xfe"' + END + b")")], 1
    yield "twice-in-one-connection", tied(b'("name" "y"' + SESSION + b")", b"(" + SESSION[1:] + b")", also=SESSION), 1
    yield "nothing-arrives", tied(b"(" + SESSION[1:] + b")", also=SESSION), 1
    yield "one-server", [outer(b'("name" "x"' + SESSION + b")"), inner(b'("name" "y"' + SESSION + b")", server_port=143)], 0
    yield "three-carriers", tied(extra=[inner(b'("name" "z"' + SESSION + b")", client_port=40001, server_port=2143)], **by_id), 0
    yield "proxy-behind-proxy", tied(extra=[inner(b'("name" "z" "x-originating-ip" "10.0.0.5" "x-originating-port" "40000")',
                                                client_port=40001, server_port=2143, at=2)], **by_id), 2
    yield "two-clients-in-one-connection", [
        outer(), outer(b'("name" "w")', client_port=50001),
        inner(b'("name" "y"' + END + b")", b'("name" "v"' + END.replace(b"50000", b"50001") + b")")], 2
    yield "begun-first-is-outer", [inner(b'("name" "y"' + SESSION + b")", at=5), outer(b'("name" "x"' + SESSION + b")")], 1
    yield "forwarded-for-names-no-end", tied(ends=(END.replace(b"x-originating-ip", b"x-forwarded-for"),)), 0
    yield "second-address-names-no-end", tied(ends=(b' "x-originating-ip" "unknown"', END)), 0
    yield "minutes-apart", tied(ends=(END,), at=61), 0
    late = tied(ends=(END,), at=100)
    late[0].packets += [(seconds + 90, *rest) for seconds, *rest in outer().close().packets[-3:]]
    yield "ended-later", late, 1
    for number, name in ((0, "outer"), (1, "inner")):
        talks = tied(**by_id)
        talks[number].lose(0, 5).client(b"b NOOP\r\n").server(b"b OK\r\n")
        yield f"lost-on-{name}", talks, 0
        talks = tied(**by_id)
        talks[number].client(b'b ID ("name" "x')
        yield f"cut-on-{name}", talks, 0
        talks = tied(**by_id)
        talks[number].client(b"b ID NIL\r\n")
        yield f"unanswered-on-{name}", talks, 0
        talks = tied(**by_id)
        talks[number].client(b"b ID NIL\r\n").close()
        yield f"closed-unanswered-on-{name}", talks, 1
        talks = tied(**by_id)
        talks[number].client(b"b ID NIL\r\n").reset(1)
        yield f"reset-unanswered-on-{name}", talks, 1
        talks = tied(**by_id)
        talks[number].client(b"b STARTTLS\r\n").server(b"b OK\r\n").client(b"\x17\x03\x03\0\x05hello").server(b"\x17\x03\x03\0\x05hello")
        yield f"encrypted-on-{name}", talks, 0
        talks = tied(**by_id)
        talks[number].client(b'b ID ("name" x)\r\n').server(b"b BAD\r\n")
        yield f"malformed-on-{name}", talks, 0
        talks = tied(**by_id)
        talks[number].packets = talks[number].packets[4:]
        yield f"begun-late-on-{name}", talks, 0


def count(capture):
    return sum(record.get("code") == "changed-in-transit" for record in parity.run(TOOL, capture, "check", "--fail-on", "never"))


def main():
    n = n_good = 0
    with tempfile.TemporaryDirectory() as folder, wireshark.Wireshark() as shark:
        for name, talks, n_changed in cases():
            capture = os.path.join(folder, name + ".pcap")
            write(capture, talks)
            n_told = count(capture)
            if n_told != n_changed:
                print(f"{name}: {n_told} changed in transit, not {n_changed}")
            n += 1
            n_good += parity.check(TOOL, shark, capture) and n_told == n_changed
    print(f"{n_good} of {n} captures as they should be")
    return 0 if n and n_good == n else 1


if __name__ == "__main__":
    sys.exit(main())
