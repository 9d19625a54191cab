#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cut --scrub: every sample in the clear and masked reads as it did before, and has nothing of anybody in it.

test_scrub.py IMAPID
"""
import base64
import json
import pathlib
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix in (".pcap", ".pcapng"))
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "dissector"), str(ROOT / "tests" / "parity")]
import broken_sessions  # noqa: E402
import pcap  # noqa: E402
import pcapng  # noqa: E402

# Nothing opens their TLS.
HIDDEN = {"tls-no-keys", "tls12-ecdhe-aria256-gcm"}
# Sessions of tests/parity/broken_sessions.py that are not shared, and a part of the reason that is given.
REFUSED = {
    "tls: tls13-alert-in-login": b"an alert of TLS ended it",
}
# Who and what the samples are of; see samples/README.md.
SECRETS = ["alice", "secret", "example.test", "example.com", "10.0.0.1", "10.0.0.5", "192.0.2.", "samples/"]
# In the clear there is no TLS to be judged, and passwords are readable.
OF_CLEAR = {"cleartext", "cleartext-password", "obsolete-tls", "behind-starttls"}


def run(*arguments):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, check=False, timeout=120)


def keys_of(path):
    keys = path.with_suffix(".keys")
    return ["-l", keys] if keys.exists() else []


def spell(secret):
    """The secret in every encoding that is asked for."""
    octets = secret.encode()
    yield octets
    yield secret.encode("utf-16-le")
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + octets)
        # The characters that depend on nothing but the secret.
        first, last = -(-shift * 8 // 6), (shift + len(octets)) * 8 // 6
        yield text[first:last]
        yield text[first:last].replace(b"/", b",")


def look(found):
    """What must be the same of the records of captures: (file, stream) -> lines, in the order of files and streams."""
    sessions = {}
    for r in found:
        if r["type"] not in ("exchange", "session"):
            continue
        codes = sorted(f["code"] for f in r["findings"] if f["code"] not in OF_CLEAR)
        if r["type"] == "exchange":
            halves = [[len((r[h] or {}).get("params") or []), h] for h in ("command", "response") if r[h]]
            line = ["ID", (r["result"] or {}).get("status"), r["complete"], halves, codes]
        else:
            outcome = r["outcome"] or {}
            line = ["session", outcome.get("status"), outcome.get("stopped_at"), outcome.get("by"), r["exchanges"], codes]
        sessions.setdefault((r["file"], r["stream"]), []).append(json.dumps(line))
    return {place: sorted(lines) for place, lines in sorted(sessions.items())}


def records(*arguments):
    return [json.loads(line) for line in run("extract", "-q", "-T", "jsonl", *arguments).stdout.splitlines()]


def products(found):
    """Names and versions of programs, which stay."""
    halves = [r[h] for r in found if r["type"] == "exchange" for h in ("command", "response") if r[h]]
    return sorted(json.dumps(p) for h in halves for p in h.get("params") or [] if p[0] in ("name", "version"))


class Scrub(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out.pcapng"

    def scrub(self, *arguments, n_hidden=0):
        done = run("cut", "-q", "--scrub", "-w", self.out, *arguments)
        told = f"imapid: not decrypted, and shared without what was said in them: {n_hidden} session{'s'[:n_hidden - 1]} (see -l)\n".encode()
        self.assertEqual((done.returncode, done.stderr), (0, told if n_hidden else b""))
        return pcapng.Capture(self.out.read_bytes())

    def check_nothing_of_anybody(self, octets, capture):
        # As packets stand in the file, and put together.
        data = [octets.lower(), b"".join(packet.data[60:] for packet in capture.packets).lower()]
        for secret in SECRETS:
            for spelled in spell(secret):
                self.assertFalse(len(spelled) > 4 and any(spelled.lower() in where for where in data), (secret, spelled))

    def test_samples(self):
        """All in one run: to start a program for each takes minutes of CI."""
        paths = [path for path in SAMPLES if path.stem not in HIDDEN]
        log = self.folder / "all.keys"
        log.write_bytes(b"\n".join(path.with_suffix(".keys").read_bytes() for path in paths if keys_of(path)))
        capture = self.scrub("-l", log, *paths)
        before, after = records("-l", log, *paths), records(self.out)
        self.assertEqual(sorted(sum(look(after).values(), [])), sorted(sum(look(before).values(), [])))
        self.assertGreater(sum(r["type"] == "session" for r in after), 110)
        self.assertEqual({(i.link, i.snap) for i in capture.interfaces}, {(101, 0)})
        self.assertFalse(capture.secrets)
        self.assertTrue(all(p.data[0] == 0x60 and p.data[8] == 0xFD and p.data[24] == 0xFD for p in capture.packets))
        self.check_nothing_of_anybody(self.out.read_bytes(), capture)

    def test_what_went_wrong_stays(self):
        """In TLS, below TCP, before IMAP: whoever gets the capture sees it, and no name."""
        paths = []
        for n, (name, session, _) in enumerate(broken_sessions.cases()):
            # Each is between a client of its own, and at a time of its own: so they come out in this order.
            client = session.addresses[0]
            session.packets = [(now + n * 100000, ip.replace(client, client[:-3] + b"\x7b" + n.to_bytes(2, "big"))) for now, ip in session.packets]
            path = self.folder / f"{n:03}.pcap"
            path.write_bytes(session.pcap())
            if name in REFUSED:
                done = run("cut", "-q", "--scrub", "-w", self.out, path)
                self.assertEqual((done.returncode, self.out.exists()), (2, False), name)
                self.assertRegex(done.stderr, b"%s: the session of \\S+:50000 and \\S+:\\d+, from frame 1 on, cannot be shared: %s.*--where"
                                 % (re.escape(str(path).encode()), re.escape(REFUSED[name])))
            else:
                paths.append(path)
        before = look(records(*paths))
        paths = [path for path in paths if any(file == str(path) for file, _ in before)]
        self.scrub(*paths, n_hidden=1)  # tls-no-key
        self.assertEqual(list(look(records(self.out)).values()), list(before.values()))
        octets = self.out.read_bytes().lower()
        for secret in (b"example.org", b"example ca", b"192.0.2", b"198.51.100", b"198.123."):
            self.assertNotIn(secret, octets)
        self.assertGreater(len(before), 140)

    def share_one(self, session, n_hidden=0):
        """Reads as before; returns the capture."""
        path = self.folder / "in.pcap"
        path.write_bytes(session.pcap())
        capture = self.scrub(path, n_hidden=n_hidden)
        self.assertEqual(list(look(records(self.out)).values()), list(look(records(path)).values()))
        self.assertNotIn(b"zorbax", self.out.read_bytes())
        return capture

    def test_compress_that_breaks(self):
        """Either side, both, at once or in the middle: it is COMPRESS still, and what was read can be read again."""
        def deflate(*texts):
            stream = zlib.compressobj(9, zlib.DEFLATED, -15)
            return b"".join(stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH) for text in texts)

        noop, ok, fetch = b"a3 NOOP\r\n", b"a3 OK zorbax\r\n", b"a4 FETCH 1 BODY[HEADER.FIELDS (zorbax)]\r\n"
        stream = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=b"* 1 FETCH (zorbax zorbax zorbax)\r\n")
        too_far = stream.compress(b"* 1 FETCH (zorbax zorbax zorbax)\r\n") + stream.flush(zlib.Z_SYNC_FLUSH)
        kinds = {
            "the server at once": [(1, ok)],
            "the client at once": [(0, noop), (1, deflate(ok))],
            "both": [(0, noop), (1, ok)],
            "the server in the middle": [(0, deflate(noop)), (1, deflate(ok) + b"* OK zorbax\r\n"), (1, b"more zorbax\r\n"), (0, deflate(noop, fetch)[len(deflate(noop)):])],
            "the client in the middle": [(0, deflate(noop)), (1, deflate(ok)), (0, b"zorbax FETCH\r\n"), (1, deflate(ok, b"* BYE zorbax\r\n")[len(deflate(ok)):])],
            "a distance too far": [(0, deflate(noop)), (1, too_far)],
            "a block of no kind, in pieces": [(0, deflate(noop)), (1, deflate(ok)[:5]), (1, deflate(ok)[5:] + b"\7zorbax"), (1, b"zorbax")],
            "cut short": [(0, deflate(noop)), (1, deflate(ok, ok)[:-3])],
            "ended": [(0, deflate(noop)), (1, zlib.compress(ok)[2:-4] + b"zorbax")],
        }
        for name, says in kinds.items():
            session = broken_sessions.Session().open().say("C: a1 LOGIN zorbax zorbax", "S: a1 OK in", "C: a2 COMPRESS DEFLATE", "S: a2 OK go")
            for side, octets in says:
                session.put(side, 0x18, octets)
            with self.subTest(name):
                capture = self.share_one(session.close(1))
                stays = name not in ("cut short", "ended")
                self.assertEqual(any(b"a2 COMPRESS DEFLATE" in packet.data for packet in capture.packets), stays)
                self.assertEqual(len(capture.packets), len(session.packets))
                self.assertIn('"status":"bad-deflate"' if stays else '"stopped_at"', run("extract", "-q", "-T", "jsonl", self.out).stdout.decode())

    def test_a_layer_of_sasl_that_encrypts(self):
        """Nobody can read what is in it: as many octets stand for it, and the reason stays."""
        agreed = ("C: a1 AUTHENTICATE GSSAPI", "S: +", "C: em9yYmF4", "S: + em9yYmF4", "C: em9yYmF4")
        hidden = [(0, b"\0\0\0\x30" + bytes(range(200, 248))), (1, b"\0\0\0\x30zorbax\0" + bytes(range(150, 191)))]
        kinds = {"both": hidden * 2, "the client": hidden[:1], "the server": hidden[1:], "in pieces": [(0, hidden[0][1][:9]), (0, hidden[0][1][9:])]}
        for name, says in kinds.items():
            for end in ("close", "reset", "ack"):
                session = broken_sessions.Session().open().say(*agreed, "S: a1 OK in")
                for side, octets in says:
                    session.put(side, 0x18, octets)
                {"close": session.close, "reset": session.reset, "ack": session.ack}[end](0)
                with self.subTest(name, end=end):
                    capture = self.share_one(session)
                    self.assertIn('"status":"sasl-layer"', run("extract", "-q", "-T", "jsonl", self.out).stdout.decode())
                    self.assertEqual([len(packet.data) for packet in capture.packets if set(packet.data[60:]) == {0}], [60 + len(octets) for _, octets in says])
                    self.assertIn(b"encrypted by the SASL mechanism", self.out.read_bytes())

    def test_tls_that_is_not_finished(self):
        """With its keys one sees that there was nothing but a handshake; so it is without them."""
        contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        log = self.folder / "keys"
        contexts[0].check_hostname, contexts[0].verify_mode, contexts[0].keylog_filename = False, ssl.CERT_NONE, str(log)
        ends, bios = [], [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in contexts]
        for side, context in enumerate(contexts):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
            ends.append(context.wrap_bio(*bios[side], server_side=side == 1))
        session = broken_sessions.Session(993).open(None)
        for side in (0, 1, 0):  # the server's Finished is not sent
            with self.assertRaises(ssl.SSLWantReadError):
                ends[side].do_handshake()
            octets = bios[side][1].read()
            bios[1 - side][0].write(octets)
            session.put(side, 0x18, octets)
        path = self.folder / "in.pcap"
        path.write_bytes(session.close(1).pcap())
        (before,) = look(records("-l", log, path)).values()
        self.assertIn('"FIN", "tls", "server"', before[0])
        self.scrub("-l", log, path)
        self.assertEqual(list(look(records(self.out)).values()), [before])

    def test_tls_with_holes(self):
        """Nobody could read it, and segments are missing: what is there has its form, and holes are where they were."""
        for lost in (4, 5, 6):
            (session,) = [session for name, session, _ in broken_sessions.cases() if name == "tls: tls-no-key"]
            with self.subTest(lost):
                path = self.folder / "in.pcap"
                path.write_bytes(session.drop(lost).pcap())
                self.assertEqual(run("cut", "-q", "--scrub", "-w", self.out, path).returncode, 0)
                self.assertEqual(list(look(records(self.out)).values()), list(look(records(path)).values()))
                capture = pcapng.Capture(self.out.read_bytes())
                self.assertTrue(any(b"\x17\3\3" in packet.data for packet in capture.packets))
                self.assertIn(b"octets are missing before these", self.out.read_bytes())

    def share_in_part(self, name, session):
        """Nobody knows what became of it, before and after; all else is told as before."""
        path = self.folder / "in.pcapng"
        path.write_bytes(session.pcap())
        done = run("cut", "-q", "--scrub", "-w", self.out, path)
        self.assertEqual((done.returncode, done.stderr), (0, b""), name)
        (before,), (after,) = look(records(path)).values(), look(records(self.out)).values()
        self.assertEqual(after, [re.sub('"(damaged|cut)", "unknown", "capture"', '"lost", "unknown", "capture"', line) for line in before], name)
        octets = self.out.read_bytes()
        self.assertNotIn(b"zorbax", octets)
        return octets

    def test_tls_behind_a_proxy(self):
        """The port that the proxy was asked for told that it is IMAP; of what was said to it nothing is left."""
        session = broken_sessions.Session(3128).open(None).c(b"CONNECT zorbax.example.org:993 HTTP/1.1\r\n\r\n").s(b"HTTP/1.1 200 OK\r\n\r\n")
        tls = session.tls13()
        session.s(tls.seal(1, b"* OK ready\r\n")).c(tls.seal(0, b"a1 LOGIN zorbax zorbax\r\n")).close(0)
        session.secrets = []
        capture = self.share_one(session, n_hidden=1)
        self.assertEqual({min(struct.unpack("!HH", packet.data[40:44])) for packet in capture.packets}, {993})

    def test_a_record_that_is_damaged(self):
        """What was read is there, up to where a reader would believe more than is known; a hole stands for the rest."""
        lines = ["S: * OK ready", "C: a1 LOGIN zorbax zorbax", "S: a1 OK in", 'C: a2 ID ("name" "x")', 'S: * ID ("name" "y")', "S: a2 OK done",
                 "C: a3 SELECT zorbax", "S: * 3 EXISTS", "S: a3 OK done", "C: a4 LOGOUT", "S: * BYE bye", "S: a4 OK bye"]
        for damaged in range(2, len(lines)):
            for end in ("close", "reset", "ack"):
                session = broken_sessions.Session(993).open(None)
                tls = session.tls13()
                for i, line in enumerate(lines):
                    octets = bytearray(tls.seal("CS".index(line[0]), line[3:].encode() + b"\r\n"))
                    octets[9] ^= i == damaged
                    session.put("CS".index(line[0]), 0x18, bytes(octets)).ack("SC".index(line[0]))
                {"close": session.close, "reset": session.reset, "ack": session.ack}[end](0)
                with self.subTest(damaged=damaged, end=end):
                    octets = self.share_in_part(f"{damaged} {end}", session)
                    self.assertIn(b"could not be decrypted", octets)
                    self.assertIn(b"* OK ready", octets)

    def test_a_record_that_is_cut(self):
        """The last one is not whole in the capture."""
        lines = ["S: * OK ready", "C: a1 LOGIN zorbax zorbax", "S: a1 OK in", "C: a2 SELECT zorbax", "S: * 3 EXISTS"]
        for n in range(1, len(lines) + 1):
            for end in ("close", "ack"):
                session = broken_sessions.Session(993).open(None)
                tls = session.tls13()
                for line in lines[:n]:
                    octets = tls.seal("CS".index(line[0]), line[3:].encode() + b"\r\n")
                    session.put("CS".index(line[0]), 0x18, octets[:-9] if line == lines[n - 1] else octets)
                    session.ack("SC".index(line[0]))
                {"close": session.close, "ack": session.ack}[end](0)
                with self.subTest(n, end=end):
                    self.assertEqual(b"* OK ready" in self.share_in_part(n, session), n > 1)

    def test_too_big(self):
        """What a router said of the size of packets is about the packet as it is now."""
        (session,) = [session for name, session, _ in broken_sessions.cases() if name == "after_login: too-big-4"]
        errors = [packet.data for packet in self.share_one(session).packets if packet.data[6] == 58]
        self.assertEqual([(error[40:42], error[44:48], error[48:49]) for error in errors], [(b"\2\0", b"\0\0\5\0", b"\x60")])
        self.assertEqual(errors[0][24:40], errors[0][56:72])  # to who sent it

    def test_tls_in_which_nothing_was_said(self):
        """It was read: what came of it is not the fault of a key that is missing."""
        for how in ("close", "reset", "wait"):
            session = broken_sessions.Session(993).open(None)
            session.tls13()
            {"close": session.close, "reset": session.reset, "wait": lambda _: session.wait(20).close(0)}[how](1)
            with self.subTest(how):
                self.share_one(session)

    def test_products_stay(self):
        for name in ("alpine-dovecot", "thunderbird-dovecot-starttls"):
            path = next(p for p in SAMPLES if p.stem == name)
            self.scrub(*keys_of(path), path)
            self.assertEqual(products(records(self.out)), products(records(*keys_of(path), path)))

    def test_what_was_not_read(self):
        """Of TLS that nothing opens there is the form: hellos, and records of zeros."""
        paths = [path for path in SAMPLES if path.stem in HIDDEN]
        for path in paths:
            capture = self.scrub(path, n_hidden=1)
            self.assertEqual(list(look(records(self.out)).values()), list(look(records(path)).values()))
            records_of_data = [p.data[60:] for p in capture.packets if p.data[60:63] == b"\x17\x03\x03"]
            self.assertTrue(records_of_data)
            for octets in records_of_data:
                self.assertEqual(set(octets[5:5 + int.from_bytes(octets[3:5], "big")]), {0})
            self.check_nothing_of_anybody(self.out.read_bytes(), capture)

    def talk_of_noops(self, n, port=50000):
        talk = pcap.Talk(port).handshake().server(b"* OK ready\r\n").client(b"a ID NIL\r\n").server(b"* ID NIL\r\na OK x\r\n")
        for i in range(n):
            talk.client(b"n%d NOOP\r\n" % i).server(b"n%d OK done\r\n" % i)
        return talk.client(b"z LOGOUT\r\n").server(b"* BYE\r\nz OK\r\n").close().packets

    def test_a_long_session(self):
        """Memory goes with its packets, and they are small: eight times as many fit into what there is by default."""
        path = self.folder / "long.pcap"
        path.write_bytes(pcap.write(self.talk_of_noops(20000)))
        self.assertEqual(len(self.scrub("--memory", "32M", path).packets), 40011)

    def test_many_sessions(self):
        """What one has held is given back whole."""
        path = self.folder / "many.pcap"
        path.write_bytes(pcap.write([packet for i in range(2000) for packet in self.talk_of_noops(12, 20000 + i)]))
        self.assertEqual(len(self.scrub("--memory", "5M", path).packets), 2000 * 35)

    def test_no_room_for_what_is_put_away(self):
        """All is written, or nothing: whichever of the writes on the way is the first that fails."""
        path = ROOT / "samples/alpine-cyrus.pcap"
        whole = len(self.scrub(path).packets)
        statuses = []
        for n in range(4, 64, 8):
            self.out.write_bytes(b"mine")
            limit = ["sh", "-c", f"ulimit -f {n} && exec \"$@\"", "sh", IMAPID, "cut", "-q", "--scrub", "-w", str(self.out), str(path)]
            done = subprocess.run(limit, capture_output=True, timeout=60, check=False)
            statuses.append(done.returncode)
            if done.returncode:
                self.assertEqual((self.out.read_bytes(), done.stderr.count(b"\n")), (b"mine", 1), (n, done.stderr))
            else:
                self.assertEqual(len(pcapng.Capture(self.out.read_bytes()).packets), whole, n)
        self.assertEqual((statuses[0], statuses[-1], sorted(set(statuses))), (2, 0, [0, 2]))

    def test_what_findings_are_about_keeps_its_form(self):
        """Addresses, identifiers and what an OAuth server says: none is a reason to refuse the session."""
        pairs = [("x-guid", "zorbax17"), ("my-serial-no", "C02XK1ABJGH5"), ("x-client", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
                 ("x-client", "3c:22:fb:9a:10:7e"), ("x-client", "203.0.113.255"), ("x-client", "2001:db8:85a3::8a2e:370:7334")]
        talk = pcap.Talk().handshake().server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
        for i, pair in enumerate(pairs):
            talk.client(b'%d ID ("%s" "%s")\r\n' % (i, pair[0].encode(), pair[1].encode())).server(b"* ID NIL\r\n%d OK done\r\n" % i)
        talk.client(b"z AUTHENTICATE XOAUTH2 " + base64.b64encode(b"user=zorbax\1auth=Bearer x\1\1") + b"\r\n")
        talk.server(b"+ " + base64.b64encode(b'{"status":"zorbaxwrong"}') + b"\r\n").client(b"\r\n").server(b"z NO no\r\n")
        path = self.folder / "in.pcap"
        path.write_bytes(pcap.write(talk.packets))
        (before,) = look(records(path)).values()
        self.assertEqual(sum("unique-identifier" in x or "forwarded-address" in x for x in before), len(pairs))
        capture = self.scrub(path)
        self.assertEqual(list(look(records(self.out)).values()), [before])
        octets = b"".join(packet.data[60:] for packet in capture.packets)
        for _, value in pairs:
            self.assertNotIn(value.encode(), octets)
        self.assertIn(b"guid", octets)

    def test_a_list_whose_names_are_masked(self):
        """Where a list is malformed and may hold a command, all its names are masked. That it is malformed is told, not what they said."""
        for end in (b' "command" "a1 LOGIN zorba geheim"\r\n1 OK\r\n', None):
            talk = pcap.Talk().handshake().server(b"* OK hi\r\n").client(b'1 ID ("name" "c1")\r\n')
            talk.server(b'* ID ("name" "s1" "date" "soon" "os" "x" "os" "y"' + (end or b""))
            if not end:  # or where the rest of the list is not in the capture
                talk.lose(1, 30).client(b"2 NOOP\r\n").server(b"2 OK\r\n")
            path = self.folder / "in.pcap"
            path.write_bytes(pcap.write(talk.packets))
            capture = self.scrub(path)
            (before,), (after,) = look(records(path)).values(), look(records(self.out)).values()
            self.assertTrue(any("bad-date" in x for x in before), before)
            self.assertTrue(not end or any("unbalanced-list" in x for x in after), after)
            self.assertNotIn(b"geheim", b"".join(packet.data for packet in capture.packets))

    def test_the_last_packet_is_cut_off(self):
        """What the capture has cut off the last packet is missing from its copy, too, which has as many octets on the wire."""
        talk = pcap.Talk().handshake().server(b"* OK hi\r\n").client(b'1 ID ("name" "c1")\r\n').server(b'* ID ("name" "s1")\r\n1 OK done\r\n')
        seconds, microseconds, frame, n = talk.packets[-1]
        talk.packets[-1] = (seconds, microseconds, frame[:-7], n)
        path = self.folder / "in.pcap"
        path.write_bytes(pcap.write(talk.packets))
        self.scrub(path)
        (before,), (after,) = look(records(path)).values(), look(records(self.out)).values()
        self.assertEqual(before, after)
        self.assertEqual([record["lost_bytes"] for record in records(self.out) if record["type"] == "session"], [7])

    def test_a_key_makes_it_the_same_again(self):
        path = next(p for p in SAMPLES if p.stem == "alpine-dovecot")
        key = self.folder / "key"
        key.write_bytes(b"sixteen octets or more")
        made = []
        for _ in range(2):
            self.scrub("--redact-key", key, path)
            made.append(self.out.read_bytes())
        self.assertEqual(made[0], made[1])
        self.scrub(path)
        self.assertNotEqual(self.out.read_bytes(), made[0])

    def test_key_without_scrub(self):
        done = run("cut", "--redact-key", "x", "-w", self.out, SAMPLES[0])
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"--redact-key is for --scrub", done.stderr)

    def test_wireshark_needs_no_key(self):
        """What was behind STARTTLS and COMPRESS is IMAP in the clear, in packets that are whole."""
        paths = [p for p in SAMPLES if p.stem in ("thunderbird-dovecot-starttls", "compress-tls", "compress")]
        log = self.folder / "all.keys"
        log.write_bytes(b"".join(path.with_suffix(".keys").read_bytes() for path in paths if keys_of(path)))
        self.scrub("-l", log, *paths)
        shown = subprocess.run(["tshark", "-n", "-r", self.out, "-T", "fields", "-e", "tcp.stream", "-e", "imap.line", "-e", "_ws.malformed", "-e", "tls.record.version"],
                               capture_output=True, check=True, timeout=120).stdout.decode()
        self.assertNotIn("alformed", shown)
        self.assertNotIn("\t0x03", shown)
        found = records("-l", log, *paths)
        streams = {line.split("\t")[0] for line in shown.splitlines() if re.search(r"X(OMPRESS|TARTTLS)|ID \(", line)}
        self.assertEqual(len(streams), sum(r["type"] == "session" for r in found))

    def test_captured_twice(self):
        """The same session twice in one file is two sessions, in what is cut and in what is shared."""
        octets = pcap.Talk().handshake().server(b"* OK ready\r\n").client(b"a ID NIL\r\n").server(b"* ID NIL\r\na OK x\r\n").close().octets()
        path, cut = self.folder / "in.pcap", self.folder / "cut.pcapng"
        path.write_bytes(octets + octets)
        self.assertEqual(run("cut", "-q", "-w", cut, path).returncode, 0)
        for source in path, cut:
            self.assertEqual(run("cut", "-q", "--scrub", "-w", self.out, source).returncode, 0)
            for made in cut, self.out:
                for threads in 1, 2:
                    found = records("-j", threads, made)
                    self.assertEqual([sum(r["type"] == kind for r in found) for kind in ("session", "exchange")], [2, 2])

    def test_bug_report(self):
        """What a reader of the capture sees, how it came, and what was masked."""
        paths = [p for p in SAMPLES if p.stem in ("alpine-dovecot", "compress-tls")]
        options = ["-l", paths[1].with_suffix(".keys"), *paths]
        done = run("cut", "-q", "--scrub", "--bug-report", "-w", self.out, *options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = done.stdout.decode("ascii")
        attached = self.folder / "attached.pcapng"
        attached.write_bytes(self.out.read_bytes())
        seen = run("extract", "-q", "-v", "--time", "utc", attached).stdout.decode()
        self.assertIn(seen.replace(str(attached), "attached.pcapng").replace("\N{HORIZONTAL ELLIPSIS}", "..."), text)
        self.assertIn("        1  in the clear\n        1  tls, TLS 1.3, TLS_AES_256_GCM_SHA384, COMPRESS\n", text)
        self.assertRegex(text, "(?m)^        2  names of users$")
        self.assertEqual(re.findall("alice|secret|example|10\\.0\\.0|" + re.escape(self.folder.name), text), [])

    def test_bug_report_of_nothing(self):
        refused = self.folder / "refused.pcap"
        refused.write_bytes(next(session for name, session, _ in broken_sessions.cases() if name in REFUSED).pcap())
        self.out.write_bytes(b"mine")
        for options in (["--bug-report", SAMPLES[0]], ["--scrub", "--bug-report", refused]):
            done = run("cut", "-q", "-w", self.out, *options)
            self.assertEqual((done.returncode, done.stdout, self.out.read_bytes()), (2, b"", b"mine"))
            self.assertEqual(done.stderr.count(b"\n"), 1)
        done = run("cut", "-q", "--scrub", "--bug-report", SAMPLES[0])
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"--write FILE", done.stderr)

    def test_two_inputs_and_pieces(self):
        paths = [p for p in SAMPLES if p.stem in ("alpine-dovecot", "compress")]
        capture = self.scrub(*paths)
        times = [packet.ns for packet in capture.packets]
        self.assertEqual(times, sorted(times))
        self.assertEqual(times[0], 946684800 * 10**9)
        self.assertEqual(sum(r["type"] == "session" for r in records(self.out)),
                         sum(r["type"] == "session" for r in records(*paths)))


if __name__ == "__main__":
    unittest.main()
