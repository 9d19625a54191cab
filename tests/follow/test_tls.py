# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS sessions of real programs (tests/tls/transcripts) as connections of a capture: what the records say of them where
keys or packets are missing. Usage: test_tls.py IMAPID"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "dissector"))
sys.path.insert(0, str(HERE.parent / "containers"))
import files  # noqa: E402
import pcap  # noqa: E402

IMAPID = sys.argv[1]
TRANSCRIPTS = HERE.parent / "tls" / "transcripts"
GREETING = b"* OK [CAPABILITY IMAP4rev1 STARTTLS ID] ready\r\n"
STARTTLS, GO = b"s1 STARTTLS\r\n", b"s1 OK go\r\n"


class Transcript:
    def __init__(self, name):
        self.keys, self.pieces = [], []
        for line in (TRANSCRIPTS / (name + ".tls")).read_text().splitlines():
            if line.startswith("key "):
                self.keys.append(line[4:])
            elif line[0] in "<>" and line[1] == " ":
                self.pieces.append((int(line[0] == "<"), bytes.fromhex(line[2:])))

    def key_log(self, without=()):
        return "".join(key + "\n" for key in self.keys if not key.startswith(tuple(without)))


def play(talk, pieces):
    for side, octets in pieces:
        (talk.server if side else talk.client)(octets)
    return talk


def implicit(pieces, port=993):
    return play(pcap.Talk(server_port=port).handshake(), pieces).close().packets


def starttls(pieces, lost=()):
    """The connection without some of what was said in the clear."""
    talk = pcap.Talk(server_port=143).handshake()
    for side, octets in ((1, GREETING), (0, STARTTLS), (1, GO)):
        if octets in lost:
            talk.lose(side, len(octets))
        else:
            play(talk, [(side, octets)])
    return play(talk, pieces).close().packets


def records(packets, key_log=None):
    """The exchanges, and the one session."""
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = os.path.join(folder, "pcap"), os.path.join(folder, "keys")
        with open(capture, "wb") as file:
            file.write(pcap.write(packets))
        with open(keys, "w", encoding="ascii") as file:
            file.write(key_log or "")
        words = [IMAPID, "-q", "-T", "jsonl", *(["-l", keys] if key_log else []), capture]
        done = subprocess.run(words, capture_output=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    sessions = [record for record in found if record["type"] == "session"]
    assert len(sessions) == 1, (done, sessions)
    return [record for record in found if record["type"] == "exchange"], sessions[0]


def check(session, **expected):
    found = {key: session[key] for key in expected}
    assert found == expected, found


def check_whole(packets, key_log, **expected):
    exchanges, session = records(packets, key_log)
    assert len(exchanges) == 1 and exchanges[0]["complete"] and exchanges[0]["command"], exchanges
    check(session, decrypted=True, not_decrypted=None, **expected)


def test_without_encryption():
    clear = Transcript("1.2-null")
    check_whole(implicit(clear.pieces), None, security="tls")
    check_whole(implicit(clear.pieces), clear.key_log(), security="tls")
    check_whole(starttls(clear.pieces), None, security="starttls")


def test_one_direction_without_a_key():
    """What it said is missing: nothing the other side said is judged by it."""
    for name in "1.3-aes128-gcm", "1.3-chacha20":
        talk = Transcript(name)
        for side in "CLIENT", "SERVER":
            for packets in starttls(talk.pieces), implicit(talk.pieces):
                exchanges, session = records(packets, talk.key_log([side]))
                check(session, decrypted=False, not_decrypted="no-key")
                assert not any(record["complete"] for record in exchanges), exchanges
                assert not any(finding["severity"] == "error" for record in exchanges
                               for finding in record["findings"]), exchanges


def text_line(packets, key_log):
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = os.path.join(folder, "pcap"), os.path.join(folder, "keys")
        with open(capture, "wb") as file:
            file.write(pcap.write(packets))
        with open(keys, "w", encoding="ascii") as file:
            file.write(key_log)
        return subprocess.run([IMAPID, "-qv", "-l", keys, capture], capture_output=True, check=False).stdout


def test_which_direction_lacks_its_key():
    talk = Transcript("1.3-aes128-gcm")
    for side, other in ("client", "server"), ("server", "client"):
        told = text_line(implicit(talk.pieces), talk.key_log([side.upper()]))
        assert f"has the {other}'s secret for this connection, but not the {side}'s".encode() in told, told


def with_extension(hello, number, body):
    """A ClientHello in its record, with an extension more."""
    message = hello[9:]
    at = 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at:at + 2], "big")
    at += 1 + message[at]
    extensions = message[at + 2:] + number.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body
    message = message[:at] + len(extensions).to_bytes(2, "big") + extensions
    return hello[:3] + (4 + len(message)).to_bytes(2, "big") + b"\1" + len(message).to_bytes(3, "big") + message


def test_encrypted_hello():
    """The lines of a key log are those of the ClientHello inside; of the outer one it has none."""
    talk = Transcript("1.3-aes128-gcm")
    key_log = "CLIENT_RANDOM %064d %096d\n" % (1, 2)
    for outer, told in (b"\0\0\1\0\1\7\0\0\0\4abcd", True), (b"\1", False), (b"", False):
        pieces = [(0, with_extension(talk.pieces[0][1], 0xFE0D, outer)), *talk.pieces[1:]]
        check(records(implicit(pieces), key_log)[1], decrypted=False, not_decrypted="no-key")
        line = text_line(implicit(pieces), key_log)
        assert (b"(ECH)" in line) == told and b"no key log has a line for this connection" in line, line


def test_opened_hello():
    """With ECH_SECRET and ECH_CONFIG the inner ClientHello is found, and with it the lines of the session."""
    for name, server_name in ("1.3-ech-aes128-gcm", "imap.example"), ("1.3-ech-retry", None):
        talk = Transcript(name)
        lines = talk.key_log().splitlines(keepends=True)
        exchanges, session = records(implicit(talk.pieces), "".join(reversed(lines)))
        assert len(exchanges) == 1 and exchanges[0]["complete"], exchanges
        check(session, decrypted=True, not_decrypted=None)
        assert session["tls"]["server_name"] == server_name, session
        for without in "ECH_SECRET", "ECH_CONFIG":
            _, session = records(implicit(talk.pieces), "".join(line for line in lines if not line.startswith(without)))
            check(session, decrypted=False, not_decrypted="no-key")
            assert session["tls"]["server_name"] == "public.example", session


def test_starttls_lost():
    talk = Transcript("1.2-aes128-gcm")
    for lost in [STARTTLS], [GO], [STARTTLS, GO], [GREETING, STARTTLS], [GREETING, STARTTLS, GO]:
        exchanges, session = records(starttls(talk.pieces, lost), talk.key_log())
        assert len(exchanges) == 1 and exchanges[0]["command"] and exchanges[0]["response"], (lost, exchanges)
        check(session, security="starttls", decrypted=True, lost_bytes=sum(map(len, lost)))
        _, session = records(starttls(talk.pieces, lost))
        check(session, security="starttls", decrypted=False, not_decrypted="no-key")


def test_capture_begins_behind_starttls():
    talk = Transcript("1.2-aes128-gcm")
    packets = starttls(talk.pieces)
    for n in range(3, 7):
        exchanges, session = records(packets[n:], talk.key_log())
        assert len(exchanges) == 1 and exchanges[0]["command"] and exchanges[0]["response"], (n, exchanges)
        check(session, security="starttls", decrypted=True, from_start=False)


def test_line_begun_in_the_clear():
    """What a stranger adds to what is said in front of TLS, on either side, is no part of it."""
    talk = Transcript("1.2-aes128-gcm")
    for client, server in (b"x9 NO", b""), (b'x9 ID ("name" "', b""), (b"", b"* PREA"):
        pieces = [(1, GREETING), (0, STARTTLS), *([(0, client)] if client else []), (1, GO + server), *talk.pieces]
        check_whole(play(pcap.Talk().handshake(), pieces).close().packets, talk.key_log(), security="starttls")


def test_commands_in_front_of_tls():
    """RFC 9051 6.2.1: neither side may speak. What begins as a command or response is told, and never as encrypted (CVE-2011-0411)."""
    talk = Transcript("1.2-aes128-gcm")
    for client, server, sides in ((b"", b"", []), (b"x9 ID NIL\r\n", b"", ["client"]), (b'x9 ID ("name" "', b"", ["client"]),
                                  (b"", b"* PREAUTH hi\r\n", ["server"]), (b"x9 NOOP\r\n", b"x9 OK\r\n", ["client", "server"]),
                                  (b"\x16\x04" + bytes(9), b"", []), (b"no name\r\n", b"", ["client"])):
        pieces = [(1, GREETING), (0, STARTTLS + client), (1, GO + server), *talk.pieces]
        exchanges, session = records(play(pcap.Talk().handshake(), pieces).close().packets, talk.key_log())
        assert [f["side"] for f in session["findings"] if f["code"] == "behind-starttls"] == sides, (client, server, session)
        assert not [exchange for exchange in exchanges if exchange["tag"] == "x9" and exchange["security"] != "none"]


def test_hello_in_a_message():
    """Nothing is missing: what looks like TLS is what the client appends."""
    hello = Transcript("1.2-aes128-gcm").pieces[0][1]
    talk = pcap.Talk().handshake().server(GREETING).client(b"a1 APPEND x {%d}\r\n" % len(hello)).server(b"+ go\r\n")
    packets = talk.client(hello).client(b"\r\n").server(b"a1 OK done\r\n").close().packets
    check(records(packets)[1], security="none", decrypted=None)


def test_early_data():
    talk = Transcript("1.3-early-data")
    check_whole(implicit(talk.pieces), talk.key_log(), from_start=True)
    check(records(implicit(talk.pieces), talk.key_log(["CLIENT_EARLY"]))[1], decrypted=False, not_decrypted="no-key")


def test_damaged():
    for name in "1.2-aes128-gcm", "1.2-aes128-cbc-sha256", "1.3-aes128-gcm", "1.0-aes256-cbc", "1.2-null":
        talk = Transcript(name)
        at = max(i for i, (side, octets) in enumerate(talk.pieces) if octets[0] == 23)
        side, octets = talk.pieces[at]
        talk.pieces[at] = side, octets[:-1] + bytes([octets[-1] ^ 1])
        check(records(implicit(talk.pieces), talk.key_log())[1], decrypted=False, not_decrypted="damaged")
        talk.pieces[at:] = [(side, octets[:-1])]
        check(records(implicit(talk.pieces), talk.key_log())[1], decrypted=False, not_decrypted="cut")


def tls_of(name, key_log=False, **kind):
    talk = Transcript(name)
    return records(implicit(talk.pieces, **kind), talk.key_log() if key_log else None)[1]


def test_what_the_handshake_says():
    for key_log in True, False:
        check(tls_of("1.3-aes128-gcm", key_log)["tls"], version="TLS 1.3", suite="TLS_AES_128_GCM_SHA256",
              server_name="imap.example")
        check(tls_of("1.2-aes128-gcm", key_log)["tls"], version="TLS 1.2", server_name="imap.example", alpn=None,
              suite="TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
    check(tls_of("1.3-aes128-gcm", True)["tls"], alpn="imap")
    check(tls_of("1.3-aes128-gcm")["tls"], alpn=None)  # two were offered
    clear = pcap.Talk().handshake().server(GREETING).client(b"a1 NOOP\r\n").server(b"a1 OK done\r\n").close()
    check(records(clear.packets)[1], tls=None)


def test_obsolete():
    for name, obsolete in ("1.0-aes256-cbc", True), ("1.1-aes128-cbc", True), ("1.2-aes128-gcm", False), \
            ("1.3-aes128-gcm", False):
        for key_log in True, False:
            codes = [finding["code"] for finding in tls_of(name, key_log)["findings"]]
            assert codes == ["obsolete-tls"] * obsolete, (name, codes)


def test_stats_by_version():
    talk = Transcript("1.0-aes256-cbc")
    with tempfile.TemporaryDirectory() as folder:
        capture, keys = os.path.join(folder, "pcap"), os.path.join(folder, "keys")
        with open(capture, "wb") as file:
            file.write(pcap.write(starttls(talk.pieces)))
        with open(keys, "w", encoding="ascii") as file:
            file.write(talk.key_log())
        lines = subprocess.run([IMAPID, "-q", "-T", "jsonl", "-l", keys, capture], capture_output=True,
                               check=True).stdout
        for words, given in ([capture], b""), (["-"], lines):
            done = subprocess.run([IMAPID, "stats", "-q", "-T", "csv", "--by", "tls_version", "-l", keys, *words],
                                  input=given, capture_output=True, check=True)
            assert b"TLS 1.0,1,1,1," in done.stdout, done


def test_secrets_behind_the_end():
    """From a pipe, where nothing can be read twice: a connection that ended is kept for a while."""
    talk = Transcript("1.3-aes128-gcm")
    other = pcap.Talk(50009).handshake().server(GREETING).client(b"a1 NOOP\r\n").server(b"a1 OK\r\n").packets
    keys = talk.key_log().encode()
    secrets = files.block("<", 10, struct.pack("<II", 0x544C534B, len(keys)) + keys)
    for seconds, is_read in (1, True), (3, False):
        later = [(at + seconds, *rest) for at, *rest in other]
        blocks = [files.enhanced(files.Packet(at * 10**9 + micros * 1000, octets, n, 1))
                  for at, micros, octets, n in implicit(talk.pieces) + later]
        capture = b"".join((files.section(), files.interface(), *blocks, secrets))
        done = subprocess.run([IMAPID, "-q", "-T", "jsonl", "-"], input=capture, capture_output=True, check=True)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [record["decrypted"] for record in found if record["type"] == "session" and record["tls"]] == [is_read], done


def test_nobody_answers():
    talk = Transcript("1.3-aes128-gcm")
    check(records(implicit(talk.pieces[:1]), talk.key_log())[1], decrypted=False, not_decrypted="unfinished")


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            test()


main()
