# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS sessions made by OpenSSL, of every version and kind of suite, whole and damaged: the tool tells the ID that was said
inside, or why it does not. Where Wireshark decrypts, the plugin tells the same; it is looked for where IMAPID_PLUGINS says.
Usage: test_sessions.py IMAPID"""
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "dissector")]
import pcap  # noqa: E402
import sessions  # noqa: E402
import wireshark  # noqa: E402

IMAPID = str(pathlib.Path(sys.argv[1]).resolve())
GREETING = b"* OK [CAPABILITY IMAP4rev1 STARTTLS ID] ready\r\n"
V = ssl.TLSVersion
SUITES = {
    V.TLSv1: ["AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES256-SHA", "CAMELLIA128-SHA", "NULL-SHA"],
    V.TLSv1_1: ["AES256-SHA", "ECDHE-RSA-AES256-SHA", "DHE-RSA-CAMELLIA256-SHA", "NULL-SHA"],
    V.TLSv1_2: ["AES128-SHA", "AES128-SHA256", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256",
                "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "AES128-CCM", "AES256-CCM8", "DHE-RSA-AES128-CCM",
                "ARIA128-GCM-SHA256", "ECDHE-ARIA256-GCM-SHA384", "CAMELLIA128-SHA256", "NULL-SHA256",
                "ECDHE-RSA-NULL-SHA"],
    V.TLSv1_3: ["DEFAULT"],
}


def talk(session, name):
    session.say(1, GREETING).say(0, b'a1 ID ("name" "%s")\r\n' % name.encode())
    session.say(1, b'* ID ("name" "Server")\r\na1 OK done\r\n').say(0, b"a2 LOGOUT\r\n")
    return session.say(1, b"* BYE\r\na2 OK bye\r\n").end()


class Cell:
    """A session on the wire, and what is to be told of it."""

    def __init__(self, name, pieces, keys, starttls=False, lost=None, **told):
        self.name, self.keys, self.told = name, keys, told
        self.is_whole = told.get("decrypted", True)
        self.pieces, self.starttls, self.lost = pieces, starttls, lost

    def play(self, port):
        wire = pcap.Talk(port, 143 if self.starttls else 993).handshake()
        if self.starttls:
            wire.server(GREETING).client(b"s1 STARTTLS\r\n").server(b"s1 OK go\r\n")
        for i, (side, octets) in enumerate(self.pieces):
            if i == self.lost:
                wire.lose(side, len(octets))
            else:
                (wire.server if side else wire.client)(octets)
        return wire.close().packets


def application(pieces, side):
    """The places of a side's records of application data."""
    return [i for i, (from_side, octets) in enumerate(pieces) if from_side == side and octets[0] == 23]


def changed(pieces, at, octets):
    return pieces[:at] + [(pieces[at][0], octets)] + pieces[at + 1:]


def damage(name, session):
    """The ways a capture can be wrong. The ID is the client's second record of application data at the latest."""
    pieces, keys = session.pieces, session.keys
    last = application(pieces, 0)[-1]
    octets = pieces[last][1]
    yield Cell(name + " damaged", changed(pieces, last, octets[:-1] + bytes([octets[-1] ^ 1])), keys, decrypted=False,
               not_decrypted="damaged")
    yield Cell(name + " cut", changed(pieces, last, octets[:-1])[:last + 1], keys, decrypted=False, not_decrypted="cut")
    for side in 0, 1:
        at = application(pieces, side)[-2]  # behind it something is read, that tells how much is missing
        yield Cell(f"{name} gap {side}", pieces, keys, lost=at, lost_bytes=len(pieces[at][1]))
    yield Cell(name + " no key", pieces, [], decrypted=False, not_decrypted="no-key")
    yield Cell(name + " no answer", pieces[:1], keys, decrypted=False, not_decrypted="unfinished")


def premasters(server, folder):
    """RSA key exchange, of which a key log may have the premaster secret, by either name."""
    for version in V.TLSv1, V.TLSv1_2:
        for options in 0, sessions.EXTENDED_MASTER_SECRET_OFF:
            session = talk(sessions.Session(server, folder / "pms.keys", version, "AES256-SHA", options=options),
                           f"pms {version} {options}")
            exchange = session.find_exchange()
            random = session.keys[-1].split()[1]
            premaster = server.open(exchange).hex()
            wrong = premaster[:-2] + ("00" if premaster[-2:] != "00" else "01")
            for kind, line in (("random", f"PMS_CLIENT_RANDOM {random} "), ("rsa", f"RSA {exchange[:8].hex()} ")):
                name = f"pms {version} {options}"
                yield Cell(name, session.pieces, [line + wrong, line + premaster])
                yield Cell(name, session.pieces, [line + wrong], decrypted=False, not_decrypted="wrong-key")


def resumed(server, folder):
    """By ticket and by identifier; of the second connection the log has a line, or has none (GnuTLS, Go)."""
    for tickets in True, False:
        first = talk(sessions.Session(server, folder / "resume.keys", V.TLSv1_2, tickets=tickets), f"first {tickets}")
        again = talk(sessions.Session(server, folder / "resume.keys", resume=first.ticket, contexts=first.contexts),
                     f"again {tickets}")
        assert again.is_resumed
        yield Cell(f"first {tickets}", first.pieces, first.keys)
        yield Cell(f"again {tickets}", again.pieces, [])
    first = talk(sessions.Session(server, folder / "resume.keys", V.TLSv1_3), "first 1.3")
    again = talk(sessions.Session(server, folder / "resume.keys", resume=first.ticket, contexts=first.contexts), "again 1.3")
    assert again.is_resumed
    yield Cell("again 1.3", again.pieces, again.keys)


def directions(session, name):
    for side in "CLIENT", "SERVER":
        yield Cell(name, session.pieces, [key for key in session.keys if not key.startswith(side)], starttls=True,
                   decrypted=False, not_decrypted="no-key")


def make_cells(server, folder):
    for version, suites in SUITES.items():
        for i, suite in enumerate(suites):
            name = f"{version.name} {suite}"
            session = talk(sessions.Session(server, folder / "log.keys", version, suite), name)
            assert suite in ("DEFAULT", session.suite), session.suite
            yield Cell(name, session.pieces, session.keys, starttls=i % 2 == 1)
            if "NULL" in suite:
                yield Cell(name, session.pieces, [])
            elif suite in ("AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256", "DEFAULT") and version != V.TLSv1:
                yield from damage(name, session)
            if version == V.TLSv1_3:
                yield from directions(session, name)
    yield from resumed(server, folder)
    yield from premasters(server, folder)


def write(cells, folder):
    """All in one capture and one key log would let one cell have the keys of another."""
    for i, cell in enumerate(cells):
        (folder / f"{i}.keys").write_text("".join(line + "\n" for line in cell.keys))
        (folder / f"{i}.pcap").write_bytes(pcap.write(cell.play(40000 + i)))


def run(folder, i, more=()):
    words = [IMAPID, "-q", "-T", "jsonl", *(["-l", folder / f"{i}.keys"] if (folder / f"{i}.keys").stat().st_size else []),
             *more, folder / f"{i}.pcap"]
    found = [json.loads(line) for line in subprocess.run(words, capture_output=True, check=False).stdout.splitlines()]
    return [[record for record in found if record["type"] == kind] for kind in ("exchange", "session")]


def check(cell, exchanges, session):
    if "ARIA" in cell.name and session["not_decrypted"] == "unsupported-suite":
        return  # libgcrypt has it from 1.11 on
    wanted = {"decrypted": True, "not_decrypted": None, **cell.told}
    assert {key: session[key] for key in wanted} == wanted, (cell.name, wanted, session)
    assert not [finding for record in exchanges for finding in record["findings"] if finding["severity"] == "error"], \
        (cell.name, exchanges)
    if cell.lost is None and cell.is_whole:
        assert len(exchanges) == 1 and exchanges[0]["complete"], (cell.name, exchanges)
        assert exchanges[0]["command"]["params"] == [["name", cell.name]], (cell.name, exchanges)
        assert exchanges[0]["response"]["params"] == [["name", "Server"]], (cell.name, exchanges)
    elif cell.told.get("not_decrypted") == "no-key":
        assert not any(record["complete"] for record in exchanges), (cell.name, exchanges)


def check_late(cells, folder):
    """From a pipe, with a key log that is empty until the handshake is over and the ID was read."""
    late = [i for i, cell in enumerate(cells) if cell.name.startswith("pms") and cell.is_whole]
    for i in late:
        keys = folder / "late.keys"
        keys.write_bytes(b"")
        octets = (folder / f"{i}.pcap").read_bytes()
        with subprocess.Popen([IMAPID, "-q", "-T", "jsonl", "-l", keys, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            program.stdin.write(octets[:-300])
            program.stdin.flush()
            time.sleep(0.3)
            keys.write_bytes((folder / f"{i}.keys").read_bytes())
            found = [json.loads(line) for line in program.communicate(octets[-300:])[0].splitlines()]
        check(cells[i], [r for r in found if r["type"] == "exchange"], *(r for r in found if r["type"] == "session"))
    assert len(late) == 8, late


def check_plugin(cells, folder):
    """All whole sessions in one capture: the client's names, connection by connection."""
    whole = {40000 + i: cell for i, cell in enumerate(cells) if cell.is_whole and cell.lost is None and cell.keys}
    capture = folder / "all.pcap"
    capture.write_bytes(pcap.write([packet for port, cell in whole.items() for packet in cell.play(port)]))
    capture.with_suffix(".keys").write_text("".join(line + "\n" for cell in whole.values() for line in cell.keys))
    with wireshark.Wireshark() as shark:
        rows = shark.rows(str(capture), ["tcp.srcport", "imapid.name"], "-Y", "imapid.request")
    told = {int(port[0]): names for port, names in rows}
    for port, cell in whole.items():
        if port in told or "ARIA" not in cell.name:
            assert told.get(port) == [cell.name], (cell.name, told.get(port))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cells = list(make_cells(sessions.Server(folder), folder))
        write(cells, folder)
        for i, cell in enumerate(cells):
            before = ["--continuous", folder / f"{i - 1}.pcap", "-l", folder / f"{i - 1}.keys"]
            is_second = cell.name.startswith("again") and not cell.keys  # the first one holds its secret
            exchanges, found = run(folder, i, before if is_second else ())
            exchanges = [record for record in exchanges if record["client"]["port"] == 40000 + i]
            check(cell, exchanges, *(record for record in found if record["client"]["port"] == 40000 + i))
        check_late(cells, folder)
        if os.environ.get("IMAPID_PLUGINS"):
            check_plugin(cells, folder)
        else:
            print("skipped: the plugin, as IMAPID_PLUGINS does not say where it is")
    print(len(cells), "cells")


main()
