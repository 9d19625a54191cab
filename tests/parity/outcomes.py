#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the plugin to what came of the sessions of broken_sessions.py, to which tests/cli/test_broken.py holds the tool; and both to
each other on the samples.

    outcomes.py                 IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import broken_sessions
import pcap
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
# Samples of which the two tell something else, with what the plugin tells. Why TLS was not decrypted Wireshark does not say: whatever
# lacks is a key.
KNOWN = {"tls12-ecdhe-aria256-gcm.pcap": ["unknown/capture/no-key 4"]}
CUT = ("greetings", "logins", "after_login")
FIELDS = ("imapid.stopped_at", "imapid.stopped_by", "imapid.outcome.status")


def by_plugin(sharkd, path):
    """ "STAGE/PARTY/STATUS FRAME" of each connection, in order; and the sentences, in pieces at their commas. One sharkd opens them
    all, because a tshark each takes six times as long."""
    told, said = [], []
    sharkd.load(path)
    for frame, (sentences, *columns) in sharkd.columns(("imapid.outcome", *FIELDS)):
        if sentences:
            told += ["/".join(parts) + f" {frame}" for parts in zip(*[column.split(",") for column in columns])]
            said += sentences.split(",")
    return sorted(told), sorted(said)


def run_tool(path, *options):
    keys = wireshark.key_log(path)
    return subprocess.run([TOOL, "-q", *options, *(["-l", keys] if keys else []), path], check=True, capture_output=True,
                          encoding="utf-8", timeout=300).stdout


def by_tool(path):
    """The same."""
    outcomes = [r["outcome"] for r in map(json.loads, run_tool(path, "-T", "jsonl").splitlines()) if r["type"] == "session" and r["outcome"]]
    # The heading of a connection, its ends and its time, the sentence.
    said = re.findall(r"^Connection .*\n.*\n(.+)$", run_tool(path, "-v", "--color", "never"), re.MULTILINE)
    return (sorted("{stopped_at}/{by}/{status} {frame}".format(**o) for o in outcomes),
            sorted(piece for sentence in said for piece in sentence.split(",")))


def main():
    bad = n = 0
    with wireshark.Wireshark() as shark, shark.sharkd() as sharkd:
        for name, session, want in broken_sessions.cases():
            n += 1
            path = shark.write("broken.pcap", session.pcap())
            got, said = by_plugin(sharkd, path)
            if got != [" ".join(want.split()[:2])] or said != by_tool(path)[1]:
                bad += 1
                print(f"{name}: the plugin tells {got}, not {want}, and says {said}, the tool {by_tool(path)[1]}")
            # Octets behind the snap length are missing: neither may guess what they said.
            if name.split(":")[0] in CUT and not name.endswith("-6"):
                n += 1
                path = shark.write("cut.pcap", pcap.cut(session.pcap(), 90))
                tool, plugin = by_tool(path), by_plugin(sharkd, path)
                if tool != plugin:
                    bad += 1
                    print(f"{name}, cut: the plugin tells {plugin}, the tool {tool}")
        for path in wireshark.captures():
            n += 1
            tool, plugin = by_tool(path), by_plugin(sharkd, path)
            if plugin != tool and plugin[0] != KNOWN.get(os.path.basename(path)):
                bad += 1
                print(f"{path}: the plugin tells {plugin}, the tool {tool}")
    print(f"{n} captures, {bad} wrong")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
