#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cut --scrub: every sample in the clear and masked reads as it did before, and has nothing of anybody in it.

test_scrub.py IMAPID
"""
import base64
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix in (".pcap", ".pcapng"))
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "dissector"), str(ROOT / "tests" / "parity")]
import broken_sessions  # noqa: E402
import pcap  # noqa: E402
import pcapng  # noqa: E402

# What cannot be shown in the clear: it was never read.
HIDDEN = {"tls-no-keys", "tls12-ecdhe-aria256-gcm"}
# Sessions of tests/parity/broken_sessions.py that are not shared.
REFUSED = {
    "proxies: proxy-header-bad", "proxies: proxy-header-overcome",  # what a proxy says first is masked whole
    "tls: tls-no-key",  # nothing was read
    "proxies: proxy-header-on-993", "tls: tls-on-143-behind-greeting", "tls: tls-on-143-no-answer",
    "tls: http-server-on-993",  # beside TLS something else was said
    "tls: plain-on-993-alert", "after_login: bad-deflate", "partial: only-server",  # the clear has no such thing
}
# Who and what the samples are of; see samples/README.md.
SECRETS = ["alice", "secret", "example.test", "example.com", "10.0.0.1", "10.0.0.5", "192.0.2.", "samples/"]
# In the clear there is no TLS to be judged, and passwords are readable.
OF_CLEAR = {"cleartext", "cleartext-password", "obsolete-tls"}


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
    """What must be the same of the records of a capture: in the order of connections."""
    lines = []
    for r in found:
        codes = sorted(f["code"] for f in r.get("findings", []) if f["code"] not in OF_CLEAR)
        if r["type"] == "exchange":
            halves = [[len((r[h] or {}).get("params") or []), h] for h in ("command", "response") if r[h]]
            lines.append(json.dumps([r["stream"], "ID", (r["result"] or {}).get("status"), r["complete"], halves, codes]))
        elif r["type"] == "session":
            outcome = r["outcome"] or {}
            lines.append(json.dumps([r["stream"], "session", outcome.get("status"), outcome.get("stopped_at"), outcome.get("by"), r["exchanges"], codes]))
    return sorted(lines)


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

    def scrub(self, *arguments):
        done = run("cut", "-q", "--scrub", "-w", self.out, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return pcapng.Capture(self.out.read_bytes())

    def check_nothing_of_anybody(self, octets, capture, name):
        # As packets stand in the file, and put together.
        data = [octets, b"".join(packet.data[60:] for packet in capture.packets)]
        for secret in SECRETS:
            for spelled in spell(secret):
                for where in data:
                    self.assertFalse(len(spelled) > 4 and spelled.lower() in where.lower(), (name, secret, spelled))

    def test_samples(self):
        n = 0
        for path in SAMPLES:
            if path.stem in HIDDEN:
                continue
            before = records(*keys_of(path), path)
            if not any(r["type"] == "session" for r in before):
                continue
            with self.subTest(path.stem):
                capture = self.scrub(*keys_of(path), path)
                after = records(self.out)
                self.assertEqual(sorted(re.sub(r"^\[\d+", "[", x) for x in look(after)),
                                 sorted(re.sub(r"^\[\d+", "[", x) for x in look(before)))
                self.assertEqual({(i.link, i.snap) for i in capture.interfaces}, {(101, 0)})
                self.assertFalse(capture.secrets)
                self.assertTrue(all(p.data[0] == 0x60 and p.data[8] == 0xFD and p.data[24] == 0xFD for p in capture.packets))
                self.check_nothing_of_anybody(self.out.read_bytes(), capture, path.stem)
                n += 1
        self.assertGreater(n, 80)

    def test_what_went_wrong_stays(self):
        """In TLS, below TCP, before IMAP: whoever gets the capture sees it, and no name."""
        n = 0
        for name, session, _ in broken_sessions.cases():
            path = self.folder / "in.pcap"
            path.write_bytes(session.pcap())
            before = records(path)
            if not any(r["type"] == "session" for r in before):
                continue
            with self.subTest(name):
                self.out.unlink(missing_ok=True)
                done = run("cut", "-q", "--scrub", "-w", self.out, path)
                if name in REFUSED:
                    self.assertEqual((done.returncode, self.out.exists()), (2, False), name)
                    continue
                self.assertEqual((done.returncode, done.stderr), (0, b""), name)
                self.assertEqual(look(records(self.out)), look(before))
                octets = self.out.read_bytes().lower()
                for secret in (b"example.org", b"example ca", b"192.0.2", b"198.51.100"):
                    self.assertNotIn(secret, octets)
                n += 1
        self.assertGreater(n, 80)

    def test_products_stay(self):
        for name in ("alpine-dovecot", "thunderbird-dovecot-starttls"):
            path = next(p for p in SAMPLES if p.stem == name)
            self.scrub(*keys_of(path), path)
            self.assertEqual(products(records(self.out)), products(records(*keys_of(path), path)))

    def test_what_was_not_read_is_refused(self):
        self.out.write_bytes(b"mine")
        for path in SAMPLES:
            if path.stem in HIDDEN:
                done = run("cut", "-q", "--scrub", "-w", self.out, path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"cannot be shared: in the clear it is not what it was", done.stderr)
                self.assertEqual(self.out.read_bytes(), b"mine")

    def test_no_room_for_what_is_put_away(self):
        """All is written, or nothing: whichever of the writes on the way is the first that fails."""
        path = ROOT / "samples/alpine-cyrus.pcap"
        whole = len(self.scrub(path).packets)
        statuses = []
        for n in range(4, 64, 4):
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
        before = look(records(path))
        self.assertEqual(sum("unique-identifier" in x or "forwarded-address" in x for x in before), len(pairs))
        capture = self.scrub(path)
        self.assertEqual(look(records(self.out)), before)
        octets = b"".join(packet.data[60:] for packet in capture.packets)
        for _, value in pairs:
            self.assertNotIn(value.encode(), octets)
        self.assertIn(b"guid", octets)

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
        for name in ("thunderbird-dovecot-starttls", "compress-tls", "compress"):
            path = next(p for p in SAMPLES if p.stem == name)
            self.scrub(*keys_of(path), path)
            shown = subprocess.run(["tshark", "-n", "-r", self.out, "-T", "fields", "-e", "imap.line", "-e", "_ws.malformed", "-e", "tls.record.version"],
                                   capture_output=True, check=True, timeout=120).stdout.decode()
            self.assertNotIn("alformed", shown)
            self.assertRegex(shown, r"X(OMPRESS|TARTTLS)|ID \(")
            self.assertNotIn("\t0x03", shown)

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
