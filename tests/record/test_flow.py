# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole connections through the program: whether they are IMAP, who is the server, and in which
order the sides spoke. Usage: test_flow.py IMAPID"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
import pcap  # noqa: E402

IMAPID = sys.argv[1]
GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "Mutt")\r\n'
ANSWER = b'* ID ("name" "Dovecot")\r\na1 OK done\r\n'
MUTT, DOVECOT = [["name", "Mutt"]], [["name", "Dovecot"]]


def records(packets):
    """The exchanges and the sessions of a capture."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pcap.write(packets))
        file.flush()
        done = subprocess.run([IMAPID, "-q", "-T", "jsonl", file.name], capture_output=True, check=False)
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [[record for record in found if record["type"] == kind] for kind in ("exchange", "session")]


def of_side(talk, side):
    """The packets of one side: of the client, or of the server."""
    port = talk.ports[side].to_bytes(2, "big")
    return [packet for packet in talk.packets if packet[2][34:36] == port]


def check_whole(packets, client_port=50000, state="not-authenticated"):
    """A capture with one exchange, of which nothing is missing."""
    exchanges, sessions = records(packets)
    assert len(exchanges) == len(sessions) == 1, exchanges
    exchange = exchanges[0]
    assert exchange["command"]["params"] == MUTT and exchange["response"]["params"] == DOVECOT, exchange
    assert exchange["result"]["status"] == "OK" and exchange["complete"], exchange
    assert exchange["client"]["port"] == client_port and exchange["state"] == state, exchange


def test_client_does_not_wait():
    for port in 143, 4711:
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND).server(GREETING + ANSWER).packets)
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND).server(GREETING).server(ANSWER).packets)
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND[:9]).server(GREETING[:1])
                    .client(COMMAND[9:]).server(GREETING[1:] + ANSWER).packets)


def test_unsolicited_before_the_client_speaks():
    asked = pcap.Talk().handshake().server(GREETING).server(b"* ID NIL\r\n").client(COMMAND).server(ANSWER)
    exchanges, _ = records(asked.packets)
    assert [exchange["complete"] for exchange in exchanges] == [True, True], exchanges
    codes = [finding["code"] for finding in exchanges[0]["findings"]]
    assert exchanges[0]["command"] is None and "unsolicited-response" in codes, exchanges
    assert exchanges[1]["command"]["params"] == MUTT and exchanges[1]["response"]["params"] == DOVECOT, exchanges
    # What is not in the capture may have asked.
    exchanges, _ = records(of_side(asked, 1))
    codes = [finding["code"] for exchange in exchanges for finding in exchange["findings"]]
    assert exchanges and "unsolicited-response" not in codes, exchanges


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
