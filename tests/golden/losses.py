#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every sample with a packet missing, doubled or out of place: nothing that was not said is told.

losses.py IMAPID [NAME...]

For each sample and each packet in turn the packet is left out; and doubled; and swapped with the next one. Every
exchange that the records then call complete must be one of the whole sample (frames and times aside). Doubled and
swapped packets must change nothing at all.
"""
import json
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import golden


def read_packets(path):
    """Frames as editcap writes them into one pcap: (header, list of records)."""
    done = subprocess.run(["editcap", "-F", "pcap", str(path), "-"], capture_output=True)
    if done.returncode:
        return None  # several link types, or secrets inside: not for this test
    data, at, packets = done.stdout, 24, []
    while at < len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        packets.append(data[at:at + 16 + n])
        at += 16 + n
    return data[:24], packets


def said(imapid, path, data):
    command = [imapid, "-q", "-T", "jsonl", "-"]
    keys = path.with_suffix(".keys")
    if keys.exists():
        command += ["--keylog", str(keys)]
    done = subprocess.run(command, input=data, capture_output=True)
    if done.returncode:
        sys.exit(f"{path.name}: exit {done.returncode}: {done.stderr.decode()}")
    found = []
    for line in done.stdout.decode().splitlines():
        record = json.loads(line)
        if record["type"] != "exchange":
            continue
        parts = [record[half] and {k: v for k, v in record[half].items() if k not in ("frame", "time")}
                 for half in ("command", "response", "result")]
        codes = sorted(f["code"] for f in record["findings"])
        found.append((record["complete"], json.dumps([record["tag"], parts, record["security"],
                                                      record["compressed"], codes])))
    return found


def without_state_findings(text):
    """not-advertised may become unknown behind a hole, never the other way."""
    value = json.loads(text)
    value[4] = [c for c in value[4] if c != "not-advertised"]
    return json.dumps(value)


def check(imapid, path):
    read = read_packets(path)
    if not read:
        return 0, 0
    header, packets = read
    whole = said(imapid, path, header + b"".join(packets))
    known = {without_state_findings(text) for _, text in whole}
    bad = n = 0
    for i in range(len(packets)):
        n += 1
        for complete, text in said(imapid, path, header + b"".join(packets[:i] + packets[i + 1:])):
            if complete and without_state_findings(text) not in known:
                bad += 1
                print(f"{path.name} without packet {i + 1}: {text}")
        same = [packets[:i + 1] + packets[i:], packets[:i] + packets[i + 1:i + 2] + packets[i:i + 1] + packets[i + 2:]]
        for what, changed in zip(("doubled", "swapped"), same):
            now = said(imapid, path, header + b"".join(changed))
            if sorted(now) != sorted(whole):
                bad += 1
                print(f"{path.name} with packet {i + 1} {what}:", set(now) ^ set(whole))
    return bad, n


def main():
    imapid = str(pathlib.Path(sys.argv[1]).resolve())
    bad = n = 0
    for path in golden.samples(sys.argv[2:]):
        b, c = check(imapid, path)
        bad, n = bad + b, n + c
    print(f"{n} packets left out, doubled, swapped")
    sys.exit(1 if bad or not n else 0)


if __name__ == "__main__":
    main()
