#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""--where and --stream: the connections that are chosen are those whose records say so, whole, from captures and from JSON Lines in any order.

test_where.py IMAPID
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, check=False, timeout=120, **options)


def read(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


ALL_DONE = run("-q", "-T", "jsonl", "samples")
ALL = read(ALL_DONE)
CONNS = {}
for record in ALL:
    if record["type"] in ("exchange", "session"):
        CONNS.setdefault((record["file"], record["stream"]), []).append(record)


def params(half, name):
    """The first value that is not NIL."""
    return [value for field, value in (half or {}).get("params") or [] if field and field.lower() == name and value is not None][:1]


# What a filter asks of the records of a connection.
TRUTH = {
    "stream=0": lambda rs: rs[0]["stream"] == 0,
    "client_name=Testmailer": lambda rs: any("testmailer" in (v.lower() for v in params(r.get("command"), "name")) for r in rs),
    "client_name~^thunder": lambda rs: any(v.lower().startswith("thunder") for r in rs for v in params(r.get("command"), "name")),
    "server_name!~dovecot": lambda rs: not any("dovecot" in v.lower() for r in rs for v in params(r.get("response"), "name")),
    "status=BAD": lambda rs: any((r.get("result") or {}).get("status") == "BAD" for r in rs),
    "status!=BAD": lambda rs: not any((r.get("result") or {}).get("status") == "BAD" for r in rs),
    "finding=bad-*": lambda rs: any(f["code"].startswith("bad-") for r in rs for f in r["findings"]),
    "unread=*": lambda rs: any(r.get("not_decrypted") for r in rs),
    "unread=": lambda rs: not any(r.get("not_decrypted") for r in rs),
    "unread=no-key": lambda rs: any(r.get("not_decrypted") == "no-key" for r in rs),
    "ended=fin": lambda rs: any(r.get("ended") == "fin" for r in rs),
    "ended!=": lambda rs: any(r.get("ended") for r in rs),
    "healthy=no": lambda rs: any(r.get("healthy") is False for r in rs),
    "outcome=server": lambda rs: any((r.get("outcome") or {}).get("by") == "server" for r in rs),
    "security=starttls": lambda rs: any(r["security"] == "starttls" for r in rs),
    "tls_version=TLS 1.3": lambda rs: any(r["type"] == "session" and r["security"] != "none" and (r["tls"] or {}).get("version") == "TLS 1.3" for r in rs),
    "server_port!=143": lambda rs: rs[0]["server"]["port"] != 143,
    "client_port=4*": lambda rs: str(rs[0]["client"]["port"]).startswith("4"),
    "auth=PLAIN": lambda rs: any(a["mechanism"] == "PLAIN" for r in rs for a in r.get("auth", [])),
}


def of(records):
    return sorted(json.dumps(r) for r in records if r["type"] in ("exchange", "session"))


class Where(unittest.TestCase):
    def wanted(self, *terms):
        chosen = [rs for rs in CONNS.values() if all(TRUTH[term](rs) for term in terms)]
        return chosen, of(r for rs in chosen for r in rs)

    def test_chosen_as_a_whole(self):
        some = 0
        for terms in [(term,) for term in TRUTH] + [("status=BAD", "finding=bad-*"), ("stream=0", "healthy=no"), ("client_name=Testmailer", "ended=fin", "unread=")]:
            words = [word for term in terms for word in ("--where", term)]
            conns, wanted = self.wanted(*terms)
            some += 0 < len(conns) < len(CONNS)
            done = run("-T", "jsonl", *words, "samples")
            records = read(done)
            self.assertEqual(of(records), wanted, terms)
            self.assertIn(f"chosen: {len(conns)} of {len(CONNS)} connections".encode(), done.stderr)
            self.assertEqual([r for r in records if r["type"] == "capture"], [r for r in ALL if r["type"] == "capture"])
            end = records[-1]
            self.assertEqual((end["type"], end["records"], end["connections"], end["chosen"]), ("end", len(records) - 1, len(CONNS), len(conns)))
            self.assertEqual(done.returncode, ALL_DONE.returncode)
            self.assertEqual(run("-q", "-T", "jsonl", "-j", 1, *words, "samples").stdout, done.stdout)
        self.assertGreater(some, len(TRUTH) * 2 // 3)

    def test_of_json_lines_in_any_order(self):
        lines = [line for line in ALL_DONE.stdout.splitlines(keepends=True) if b'{"type":"end"' not in line]
        ends = [line for line in ALL_DONE.stdout.splitlines(keepends=True) if b'{"type":"end"' in line]
        with tempfile.TemporaryDirectory() as folder:
            whole = pathlib.Path(folder, "all.jsonl")
            whole.write_bytes(ALL_DONE.stdout)
            random.Random(5).shuffle(lines)
            mixed = pathlib.Path(folder, "mixed.jsonl")
            mixed.write_bytes(b"".join(lines + ends))
            halves = [pathlib.Path(folder, f"{n}.jsonl") for n in range(2)]
            for half, path in enumerate(halves):
                mine = [line for line in lines[half::2]]
                path.write_bytes(b"".join(mine) + b'{"type":"end","inputs":1,"records":%d}\n' % len(mine))
            for term in TRUTH:
                wanted = self.wanted(term)[1]
                for inputs in ([whole], [mixed]):
                    self.assertEqual(of(read(run("-q", "-T", "jsonl", "--where", term, *inputs))), wanted, (term, inputs))
            # an answer has all records before it chooses: a connection may be in two files
            for term in ("client_name=Testmailer", "status!=BAD", "healthy=no", "unread=no-key", "ended=fin", "stream=0"):
                for command in ("stats", "check"):
                    answers = {run(command, "-q", "-T", "jsonl", "--where", term, *inputs).stdout for inputs in (["samples"], [whole], [mixed], halves)}
                    self.assertEqual(len(answers), 1, (command, term))
                self.assertEqual(len({re.sub(rb"\d+ captures", b"", run("report", "-q", "--where", term, *inputs).stdout) for inputs in (["samples"], [mixed], halves)}), 1)

    def test_answers_count_the_chosen(self):
        for term in ("client_name=Testmailer", "unread=no-key", "finding=bad-*"):
            chosen = [rs for rs in self.wanted(term)[0] if any(r.get("imap", True) for r in rs)]
            n_all = sum(any(r.get("imap", True) for r in rs) for rs in CONNS.values())
            done = run("stats", "-T", "jsonl", "--where", term, "samples")
            totals = read(done)[0]
            self.assertEqual((totals["connections"], totals["chosen_of"]), (len(chosen), n_all))
            self.assertEqual(totals["exchanges"], sum(r["type"] == "exchange" for rs in chosen for r in rs))
            self.assertIn(f"chosen: {len(chosen)} of {n_all} connections".encode(), done.stderr)
            summary = read(run("check", "-T", "jsonl", "--where", term, "samples"))[-1]
            self.assertEqual((summary["connections"], summary["chosen_of"]), (len(chosen), n_all))
            self.assertEqual(summary["unread"], sum(any(r.get("not_decrypted") for r in rs) for rs in chosen))
            self.assertIn(f"A choice: {len(chosen)} of the {n_all} connections", run("report", "--where", term, "samples").stdout.decode())
        self.assertNotIn(b"A choice", run("report", "samples").stdout)
        self.assertNotIn("chosen_of", read(run("stats", "-T", "jsonl", "samples"))[0])

    def test_what_two_records_tell_together(self):
        """A list that was changed between two legs: both are chosen, so that it is found again."""
        inputs = [ROOT / "samples" / name for name in ("dovecot-proxy-refused.pcapng", "dovecot-proxy-octets.pcapng", "idle.pcap")]
        for term, n, n_changed in (("finding=changed-in-transit", 4, 2), ("finding~^changed", 4, 2), ("finding!=changed-in-transit", 1, 0)):
            lines = read(run("check", "-q", "-T", "jsonl", "--fail-on", "never", "--where", term, *inputs))
            self.assertEqual((lines[-1]["connections"], sum(line.get("code") == "changed-in-transit" for line in lines)), (n, n_changed), term)
        self.assertEqual(read(run("stats", "-q", "-T", "jsonl", "--where", "finding=changed-in-transit", *inputs))[0]["connections"], 4)

    def test_what_stats_counts_by_can_be_chosen(self):
        for key in ("client_name", "server_name", "security", "status", "day", "server_port", "unread", "auth", "tls_version", "client_ip"):
            groups = [r for r in read(run("stats", "-q", "-T", "jsonl", "--by", key, "samples")) if r["type"] == "group" and r["values"][0]]
            self.assertTrue(groups, key)
            for group in groups[:4]:
                value = re.sub(r"([*?\\])", r"\\\1", group["values"][0])
                done = run("stats", "-T", "jsonl", "--by", key, "--where", f"{key}={value}", "samples")
                again = [r for r in read(done) if r["type"] == "group" and r["values"] == group["values"]]
                self.assertEqual(again, [group], (key, value))

    def test_stream(self):
        path = "samples/pipelined.pcapng"
        stream = next(r["stream"] for r in ALL if r["type"] == "session" and r["file"] == path)
        self.assertEqual(run("-q", "-Tjsonl", "--stream", stream, path).stdout, run("-q", "-Tjsonl", "--where", f"stream={stream}", path).stdout)
        self.assertEqual(of(read(run("-q", "-Tjsonl", "--stream", 77, path))), [])
        for wrong in ("x", "-1", "1,2", ""):
            done = run("--stream", wrong, path)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"--stream takes the number", done.stderr)

    def test_formats_and_redaction(self):
        path, where = "samples/pipelined.pcapng", ("--where", "client_name=Testmailer")
        plain, none = run("-q", "-Tcsv", *where, path), run("-q", "-Tcsv", "--where", "client_name=nobody", path)
        self.assertEqual(len(none.stdout.splitlines()), 1)
        client = next(r["client"]["ip"] for r in ALL if r["file"] == path and r["type"] == "session")
        redacted = run("-T", "jsonl", "--redact", "--where", f"client_ip={client}", path)
        self.assertTrue(of(read(redacted)))  # by what the capture has, not by the pseudonym
        self.assertNotIn(client.encode(), redacted.stdout)
        with tempfile.TemporaryDirectory() as folder:
            done = run("-q", "-T", "sqlite", "-w", pathlib.Path(folder, "x.db"), "--where", "client_name=nobody", path)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(plain.returncode, 0)

    def test_wrong(self):
        for term, told in (("strem=3", b"did you mean 'stream'?"), ("clientname=x", b"did you mean 'client_name'?"), ("zzz=3", b"there are: client_name"), ("stream", b"is not FIELD=PATTERN"),
                           ("name=x", b"did you mean 'client_name' or 'server_name'?"), ("port!=1", b"'client_port' or 'server_port'"),
                           ("healthy=flase", b"no value can match; did you mean 'false'?"), ("healthy!=x", b"there are: yes, true, no, false"),
                           ("status~^X", b"there are: OK, NO, BAD, BYE"), ("severity=high", b"note, warning, error"), ("ended=reset", b"there are: fin, rst"),
                           ("security=ssl", b"there are: none, starttls, tls"), ("finding=claertext", b"did you mean 'cleartext'?"), ("doubt=x", b"there are: "),
                           ("text~(", b"no regular expression"), ("text=" + "x" * 1025, b"at most 1024")):
            for command in ("extract", "stats", "check", "report"):
                done = run(command, "--where", term, "samples/pipelined.pcapng")
                self.assertEqual((done.returncode, done.stdout), (2, b""), term)
                self.assertIn(told, done.stderr)

    def test_a_pattern_that_never_ends_does(self):
        lines = ALL_DONE.stdout.splitlines()
        one = json.loads(next(line for line in lines if b'"exchange"' in line and b'"name"' in line and json.loads(line)["type"] == "exchange" and json.loads(line)["command"]))
        one["command"]["params"] = [["name", "a" * 1000 + "b"]]
        text = (json.dumps(one) + "\n" + '{"type":"end","inputs":1,"records":1}\n').encode()
        for command in ("extract", "stats"):
            begun = time.monotonic()
            done = run(command, "--where", "client_name~^(a+)+$", "-", input=text)
            self.assertLess(time.monotonic() - begun, 20)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"takes too many steps", done.stderr)

    def test_live(self):
        """A pipe: each connection when it is decided."""
        octets = (ROOT / "samples/pipelined.pcapng").read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            fifo = pathlib.Path(folder, "fifo")
            os.mkfifo(fifo)
            with subprocess.Popen([IMAPID, "-q", "-Tjsonl", "--where", "status=OK", fifo], stdout=subprocess.PIPE) as tool:
                with fifo.open("wb") as to:
                    to.write(octets)
                    to.flush()
                    self.assertEqual(json.loads(tool.stdout.readline())["type"], "exchange")  # before the end
                tool.stdout.read()


if __name__ == "__main__":
    unittest.main()
