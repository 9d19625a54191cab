#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No password in any output: clients that run a login into an ID in every way, through every command and format.

    test_secrets.py IMAPID
"""
import itertools
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import pcap

SECRET = b"SECRETPW"
LOGINS = [b"LOGIN bob " + SECRET, b'login "bob" "' + SECRET + b'"', b"LOGIN {3+}\r\nbob {8+}\r\n" + SECRET,
          b"AUTHENTICATE PLAIN " + SECRET, b"Login\tbob " + SECRET]
# Where a line end, a quote, a parenthesis or octets of a literal are missing, and what else people type.
BROKEN = [b'a1 ID ("name" "x")a2 %s\r\n', b'a1 ID ("name" "x") a2 %s\r\n', b"a1 ID NIL a2 %s\r\n", b"a1 ID %s\r\n",
          b'a1 ID ("name" "x" %s)\r\n', b'a1 ID ("name" "x\r\na2 %s\r\n', b'a1 ID ("name" {900+}\r\nx\r\na2 %s\r\n' + b"y" * 900 + b")\r\n",
          b'a1 ID ("name" {12+}\r\nx")\r\na2 %s)\r\n', b"a1 ID (%s)\r\n", b'a1 ID ("name" "x"\r\na2 %s\r\n', b"a1 ID () %s\r\n"]
ANSWERS = [b"a1 BAD no\r\n", b"a1 NO what is %s\r\n", b"* BAD %s\r\n", b'* ID ("echo" "x") %s\r\na1 OK done\r\n']
GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] hi\r\n"


def capture():
    packets = []
    for port, (login, broken, answer) in enumerate(itertools.product(LOGINS, BROKEN, ANSWERS), 20000):
        if b"%s" in answer and b"\r\na2" in broken:
            continue  # what a server repeats of another line cannot be told from what it says of LOGIN
        talk = pcap.Talk(client_port=port).handshake().server(GREETING).client(broken.replace(b"%s", login))
        talk.server(answer.replace(b"%s", login.replace(b"\r\n", b" "))).close()
        packets += talk.packets
    return pcap.write(packets)


def main():
    tool = os.path.abspath(sys.argv[1])
    ways = [("-T", form) for form in ("text", "jsonl", "csv", "tsv")] + [("-v",), ("-T", "jsonl", "--redact"), ("-T", "sqlite")]
    ways += [("check", "-v"), ("check", "-T", "sarif"), ("check", "-T", "csv"), ("check", "-T", "jsonl"), ("report",)]
    ways += [("stats", "--by", "client_name,status", "-T", form) for form in ("text", "jsonl", "csv")]
    with tempfile.TemporaryDirectory() as folder:
        path, out = os.path.join(folder, "secrets.pcap"), os.path.join(folder, "out")
        with open(path, "wb") as file:
            file.write(capture())
        for way in ways:
            done = subprocess.run([tool, *way, "-w", out, path], capture_output=True, check=False)
            assert done.returncode in (0, 1), (way, done)
            with open(out, "rb") as file:
                told = file.read() + done.stderr
            assert len(told) > 500, (way, told)
            assert SECRET not in told, (way, told[max(told.index(SECRET) - 300, 0):][:400])
            os.unlink(out)


main()
