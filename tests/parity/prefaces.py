#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together on connections through proxies: SOCKS 4, 4A and 5, CONNECT of HTTP, PROXY headers,
one inside another, in whole segments and in pieces, on ports that Wireshark knows and on ones that tell nothing.

    prefaces.py                 IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import parity
import pcap
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
CLIENT, SERVER = "client", "server"
TO_143 = b"\5\1\0\1\xc0\0\2\1\0\x8f"
GRANTED = b"\5\0\0\1" + bytes(6)
HEAD = b"CONNECT mail.example:143 HTTP/1.1\r\nHost: mail.example:143\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
SOCKS5 = [(CLIENT, b"\5\1\0"), (SERVER, b"\5\0"), (CLIENT, TO_143), (SERVER, GRANTED)]

PREFACES = {
    "socks4": [(CLIENT, b"\4\1\0\x8f\xc0\0\2\1me\0"), (SERVER, b"\0\x5a" + bytes(6))],
    "socks4a": [(CLIENT, b"\4\1\0\x8f\0\0\0\1me\0mail.example\0"), (SERVER, b"\0\x5a" + bytes(6))],
    "socks5": SOCKS5,
    "socks5-name": SOCKS5[:2] + [(CLIENT, b"\5\1\0\3\x0cmail.example\0\x8f"), (SERVER, GRANTED)],
    "socks5-password": [(CLIENT, b"\5\2\0\2"), (SERVER, b"\5\2"), (CLIENT, b"\1\2me\4word"), (SERVER, b"\1\0"),
                        (CLIENT, TO_143), (SERVER, GRANTED)],
    "connect": [(CLIENT, HEAD), (SERVER, CONNECTED)],
    "connect-asked": [(CLIENT, HEAD), (SERVER, b"HTTP/1.1 407 Who\r\nContent-Length: 5\r\n\r\nhello"), (CLIENT, HEAD),
                      (SERVER, CONNECTED)],
    "header": [(CLIENT, b"PROXY TCP4 192.0.2.7 198.51.100.2 56324 143\r\n")],
    "header-in-socks5": SOCKS5 + [(CLIENT, b"PROXY TCP4 192.0.2.7 198.51.100.2 56324 143\r\n")],
    "refused": SOCKS5[:3] + [(SERVER, b"\5\5\0\1" + bytes(6))],
}
PORTS = {"socks": (1080, 4711, 143), "connect": (3128, 4711), "header": (143, 4711), "refused": (1080, 4711)}

# What the plugin does not read, and why.
KNOWN = {
    **{(name, 1080, True): "Wireshark's dissector of SOCKS has the port, and reads no message in pieces"
       for name in PREFACES if name.startswith("socks")},
    **{(name, 4711, True): "Wireshark looks for HTTP in one segment; what is HTTP is left to its dissector"
       for name in PREFACES if name.startswith("connect")},
}


def talk_of(preface, port, in_pieces):
    talk = pcap.Talk(server_port=port).handshake()

    def say(side, octets):
        for piece in [octets[i:i + 1] for i in range(len(octets))] if in_pieces else [octets]:
            getattr(talk, side)(piece)

    for side, octets in preface:
        say(side, octets)
    if preface == PREFACES["refused"]:
        return talk
    talk.server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
    for number in range(2):
        talk.client(b'a%d ID ("name" "x%d")\r\n' % (number, number))
        talk.server(b'* ID ("name" "s")\r\na%d OK done\r\n' % number)
    return talk


def check(shark, directory, name, port, in_pieces):
    path = os.path.join(directory, f"{name}-{port}-{in_pieces}.pcap")
    with open(path, "wb") as file:
        file.write(talk_of(PREFACES[name], port, in_pieces).octets())
    os.chmod(path, 0o644)
    wrong = []
    tool = [parity.comparable(exchange) for exchange in parity.by_tool(TOOL, path)]
    if len(tool) != (0 if name == "refused" else 2):
        wrong.append(f"the tool tells {len(tool)} exchanges")
    plugin = [parity.comparable(exchange) for exchange in parity.exchanges.of_capture(shark, path)]
    is_known = (name, port, in_pieces) in KNOWN
    if (plugin == tool) == is_known:
        wrong.append(f"the plugin tells {len(plugin)} exchanges, the tool {len(tool)}" +
                     (", as it should not: take it off the list" if is_known else ""))
    return wrong


def main():
    bad = n = 0
    with wireshark.Wireshark() as shark, tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name in PREFACES:
            for port in next(ports for prefix, ports in PORTS.items() if name.startswith(prefix)):
                for in_pieces in (False, True):
                    n += 1
                    for wrong in check(shark, directory, name, port, in_pieces):
                        bad += 1
                        print(f"{name} on port {port}{', in pieces' if in_pieces else ''}: {wrong}")
    print(f"{n} connections, {len(KNOWN)} known to differ, {bad} wrong")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
