#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the tool and the plugin together: the same exchanges on every sample.

    parity.py [CAPTURE…]        default: all samples

Compared of each exchange: connection, tag, frame and params of command and response, frame and status
of the result, codes of the findings. """
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import exchanges
import wireshark

# Samples that Wireshark cannot decrypt, which the plugin then has to say, and the tool can where its library does.
CLOSED = {"tls12-ecdhe-aria256-gcm.pcap": "Wireshark has no ARIA; libgcrypt has it from 1.11 on"}


def run(tool, capture, *arguments):
    """The records that the tool prints."""
    keys = wireshark.key_log(capture)
    words = [tool, *arguments, "-T", "jsonl"] + (["-l", keys] if keys else []) + [capture]
    done = subprocess.run(words, capture_output=True, check=False)
    is_unread = done.returncode == 2 and b"not readable" in done.stderr  # check: there is no answer, and it is said
    if done.returncode and not is_unread:
        raise AssertionError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def by_tool(tool, capture):
    exchanges_of_tool = [record for record in run(tool, capture) if record["type"] == "exchange"]
    # What takes two connections to find stands in no record of one.
    for finding in run(tool, capture, "check", "--fail-on", "never"):
        if finding.get("code") == "changed-in-transit":
            for exchange in exchanges_of_tool:
                if exchange["command"] and exchange["command"]["frame"] == finding["frame"]:
                    exchange["findings"].append(finding)
    return exchanges_of_tool


def same_strings(params):
    """U+FFFD stands for one octet in one program and for several in the other; NUL for itself or
    for U+FFFD."""
    if params is None:
        return None
    return [[string and re.sub("[\ufffd\0]+", "\ufffd", string) for string in pair] for pair in params]


def half(record):
    return record and {"frame": record["frame"], "params": same_strings(record["params"])}


def comparable(exchange):
    result = exchange["result"]
    return {
        "stream": exchange["stream"],
        "tag": exchange["tag"],
        "command": half(exchange["command"]),
        "response": half(exchange["response"]),
        "result": result and {"frame": result["frame"], "status": result["status"]},
        "findings": codes_of(exchange["findings"]),
    }


def codes_of(findings):
    """Codes, from the tool's records or from what was read off the plugin's trees."""
    return sorted({finding if isinstance(finding, str) else finding["code"] for finding in findings})


def sort_key(exchange):
    frames = [exchange[part]["frame"] for part in ("command", "response", "result") if exchange[part]]
    return exchange["stream"], frames, exchange["tag"] or ""


def differences(tool, plugin):
    lines = []
    for name, ours, others in (("tool", tool, plugin), ("plugin", plugin, tool)):
        for exchange in ours:
            if exchange not in others:
                lines.append(f"  only the {name}: {json.dumps(exchange, ensure_ascii=False)}")
    if not lines and tool != plugin:
        lines.append(f"  as often? tool {len(tool)}, plugin {len(plugin)}")
    return lines


def check(tool, shark, capture):
    """Prints how the two compare; are they the same?"""
    try:
        return compare(tool, shark, capture)
    except AssertionError as error:
        print(f"fails         {os.path.basename(capture)}: {error}")
        return False


def compare(tool, shark, capture):
    ours = sorted((comparable(e) for e in by_tool(tool, capture)), key=sort_key)
    theirs = sorted((comparable(e) for e in exchanges.of_capture(shark, capture)), key=sort_key)
    reason = CLOSED.get(os.path.basename(capture))
    if reason and not theirs and shark.rows(capture, ["frame.number"], "-Y", "imapid.not_decrypted"):
        print(f"known   {len(ours):3}  {os.path.basename(capture)}: {reason}")
        return True
    lines = differences(ours, theirs)
    print(f"{'differs' if lines else 'same'}  {len(ours):3}  {os.path.basename(capture)}")
    for line in lines:
        print(line)
    return not lines


def main():
    tool = os.environ.get("IMAPID_TOOL", "build/bin/imapid")
    if not os.path.exists(tool):
        sys.exit(f"{tool} is not there: nothing to compare with")
    captures = sys.argv[1:] or wireshark.captures()
    with wireshark.Wireshark() as shark:
        good = [check(tool, shark, capture) for capture in captures]
    print(f"{sum(good)} of {len(good)} captures the same, or known to differ")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
