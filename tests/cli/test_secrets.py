#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No password in any output: random sessions with one in every place, through every command and format.

    test_secrets.py IMAPID [SEED [SESSIONS]]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import secret_sessions

WAYS = [("-T", form) for form in ("text", "jsonl", "csv", "tsv", "sqlite")] + [("-v",), ("-T", "jsonl", "--redact"), ("-v", "--redact")]
WAYS += [("check", "-v")] + [("check", "-T", form) for form in ("sarif", "csv", "jsonl")] + [("report",)]
WAYS += [("stats", "-v", "--by", "client_name,server_name,status", "-T", form) for form in ("text", "jsonl", "csv")]


def explain(sessions, told, found):
    """Which session gave it away, as far as a port near by tells."""
    ports = {session.port: session for session in sessions}
    near = told[max(found.start() - 2000, 0):found.end() + 2000].decode(errors="replace")
    named = [ports[int(word)] for word in "".join(c if c.isdigit() else " " for c in near).split() if int(word) in ports]
    return f"{found[0]} in ...{told[max(found.start() - 200, 0):found.end() + 50]}...\n" + "\n".join(map(str, named[:3]))


def check(tool, sessions, folder, ways):
    path = os.path.join(folder, "secrets.pcap")
    with open(path, "wb") as file:
        file.write(secret_sessions.capture(sessions))
    given_away = secret_sessions.patterns()
    with open(path, "rb") as file:
        assert len(given_away.findall(file.read())) > len(sessions)  # so the test can fail
    for way in ways:
        out = os.path.join(folder, "out")
        done = subprocess.run([tool, *way, "-w", out, path], capture_output=True, check=False)
        assert done.returncode in (0, 1), (way, done)
        with open(out, "rb") as file:
            told = file.read() + done.stderr
        os.unlink(out)
        told = re.sub(rb"\b1:[A-Za-z0-9+/]{27}=", b"", told)  # a hash may have any letters
        assert len(told) > 500, (way, told)
        found = given_away.search(told)
        assert not found, f"{way}: {explain(sessions, told, found)}"
    done = subprocess.run([tool, "-q", "-T", "jsonl", path], capture_output=True, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    exchanges = [record for record in records if record["type"] == "exchange"]
    assert len(exchanges) > len(sessions) / 3, len(exchanges)  # the sessions are read, and what is no secret is told
    assert sum("name" in str(record["command"]) for record in exchanges) > len(sessions) / 4


def main():
    tool = os.path.abspath(sys.argv[1])
    sessions = secret_sessions.sessions(sys.argv[2] if len(sys.argv) > 2 else "secrets", int(sys.argv[3]) if len(sys.argv) > 3 else 4000)
    with tempfile.TemporaryDirectory() as folder:
        check(tool, sessions, folder, WAYS)
        check(tool, list(secret_sessions.holed()), folder, [("-T", "jsonl"), ("check", "-v")])


main()
