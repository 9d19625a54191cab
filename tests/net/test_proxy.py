# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections behind a proxy that speaks the PROXY protocol: the exchange is as without it, the
address it names is in the records. Usage: test_proxy.py IMAPID"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
import pcap  # noqa: E402

IMAPID = sys.argv[1]
VERSION1 = b"PROXY TCP4 203.0.113.7 192.0.2.2 56324 143\r\n"
VERSION2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\7\xc0\0\2\2\xdc\4\0\x8f"
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
NAMED = {"ip": "203.0.113.7", "port": 56324}
ID = b'a1 ID ("name" "Mutt")\r\n'


def run(octets, *arguments):
    with tempfile.NamedTemporaryFile() as file:
        file.write(octets)
        file.flush()
        done = subprocess.run([IMAPID, *arguments, "-q", "-T", "jsonl", file.name], capture_output=True, check=False)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def connection(pieces, port=143, waits=True):
    """A connection whose client sends these before it says anything of IMAP; whether it then waits
    for the greeting."""
    talk = pcap.Talk(server_port=port).handshake()
    for i, piece in enumerate(pieces):
        talk.client(piece if waits or i + 1 < len(pieces) else piece + ID)
    talk.server(b"* OK ready\r\n")
    if waits:
        talk.client(ID)
    talk.server(b'* ID ("name" "Dovecot")\r\na1 OK done\r\n')
    return talk.octets()


def check(records, proxied):
    exchange = next(record for record in records if record["type"] == "exchange")
    assert exchange["command"]["params"] == [["name", "Mutt"]], exchange
    assert exchange["response"]["params"] == [["name", "Dovecot"]], exchange
    assert exchange["complete"] and exchange["client"] == {"ip": "10.0.0.5", "port": 50000}, exchange
    for record in records:
        if record["type"] != "capture":
            assert record["proxied_client"] == proxied, record


def octet_by_octet(octets):
    return [octets[i:i + 1] for i in range(len(octets))]


def main():
    for header, proxied in ((VERSION1, NAMED), (VERSION2, NAMED), (LOCAL, None), (b"PROXY UNKNOWN\r\n", None)):
        for port in (143, 4143):
            check(run(connection([header], port)), proxied)
            check(run(connection(octet_by_octet(header), port)), proxied)
            check(run(connection([header], port, waits=False)), proxied)
    check(run(connection([])), None)
    # one header, not two; and none by the server, nor where something else comes first
    assert not [r for r in run(connection([VERSION1, VERSION1], 4143)) if r.get("proxied_client")]
    # read again from what was written
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        for record in run(connection([VERSION1])):
            file.write(json.dumps(record).encode() + b"\n")
        file.flush()
        subprocess.run([IMAPID, "check", "-q", file.name], check=True, capture_output=True)
    # redacted as the client's own address is
    redacted = run(connection([VERSION1]), "--redact")
    assert redacted[0]["proxied_client"]["ip"] not in (NAMED["ip"], None), redacted[0]


main()
