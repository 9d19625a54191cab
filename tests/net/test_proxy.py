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
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "samples")
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
    return [json.loads(line) for line in done.stdout.splitlines()[:-1]]


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


def behind_proxy(name, header):
    """A sample with the header put before the client's first octets: later ones have moved."""
    out, moved, done = [], 0, False
    for seconds, micros, frame, _ in pcap.read(os.path.join(SAMPLES, name + ".pcap")):
        frame = bytearray(frame)
        if frame[12:14] != b"\x08\0" or frame[23] != 6:
            continue
        tcp = 14 + (frame[14] & 15) * 4
        end = 14 + int.from_bytes(frame[16:18], "big")
        at = tcp + (frame[tcp + 12] >> 4) * 4
        from_client = int.from_bytes(frame[tcp + 2:tcp + 4], "big") in (143, 993)
        place = tcp + 4 if from_client else tcp + 8
        if not from_client and frame[tcp + 13] & 2:
            place = None  # it acknowledges the SYN
        if from_client and not done and end > at:
            frame[at:at] = header
            frame[16:18] = (end - 14 + len(header)).to_bytes(2, "big")
            done = True
        elif done and place:
            number = int.from_bytes(frame[place:place + 4], "big") + len(header) & 0xFFFFFFFF
            frame[place:place + 4] = number.to_bytes(4, "big")
        out.append((seconds, micros, bytes(frame), len(frame)))
    assert done
    return pcap.write(out)


def octet_by_octet(octets):
    return [octets[i:i + 1] for i in range(len(octets))]


def main():
    for header, proxied in ((VERSION1, NAMED), (VERSION2, NAMED), (LOCAL, None), (b"PROXY UNKNOWN\r\n", None)):
        for port in (143, 4143):
            check(run(connection([header], port)), proxied)
            check(run(connection(octet_by_octet(header), port)), proxied)
            check(run(connection([header], port, waits=False)), proxied)
    check(run(connection([])), None)
    # TLS behind it
    name = "curl-dovecot-tls"
    keys = os.path.join(SAMPLES, name + ".keys")
    with open(os.path.join(SAMPLES, name + ".pcap"), "rb") as file:
        bare = run(file.read(), "--keylog", keys)
    found = run(behind_proxy(name, VERSION2), "--keylog", keys)
    assert [r["proxied_client"] for r in found[:-1]] == [NAMED] * (len(bare) - 1) and bare[0]["type"] == "exchange", found
    for without, behind in zip(bare[:-1], found):
        for key in ("command", "response", "result", "security", "exchanges", "decrypted", "lost_bytes"):
            assert behind.get(key) == without.get(key), (key, behind)
    # one header, not two; and none by the server, nor where something else comes first
    assert not [r for r in run(connection([VERSION1, VERSION1], 4143)) if r.get("proxied_client")]
    # read again from what was written
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        found = run(connection([VERSION1]))
        for record in [*found, {"type": "end", "inputs": 1, "records": len(found)}]:
            file.write(json.dumps(record).encode() + b"\n")
        file.flush()
        subprocess.run([IMAPID, "check", "-q", file.name], check=True, capture_output=True)
    # redacted as the client's own address is
    redacted = run(connection([VERSION1]), "--redact")
    assert redacted[0]["proxied_client"]["ip"] not in (NAMED["ip"], None), redacted[0]


main()
