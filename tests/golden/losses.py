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
import tempfile

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


def said_each(imapid, path, folder, captures):
    """What is told of each of these captures, in their order; one run of the program reads them all."""
    names = [str(pathlib.Path(folder, str(i))) for i in range(len(captures))]
    for name, octets in zip(names, captures):
        pathlib.Path(name).write_bytes(octets)
    keys = path.with_suffix(".keys")
    done = subprocess.run([imapid, "-q", "-T", "jsonl", *(["--keylog", str(keys)] if keys.exists() else []), *names], capture_output=True)
    if done.returncode:
        sys.exit(f"{path.name}: exit {done.returncode}: {done.stderr.decode()}")
    found = {name: [] for name in names}
    for line in done.stdout.decode().splitlines():
        record = json.loads(line)
        if record["type"] != "exchange":
            continue
        parts = [record[half] and {k: v for k, v in record[half].items() if k not in ("frame", "time")}
                 for half in ("command", "response", "result")]
        codes = sorted(f["code"] for f in record["findings"])
        found[record["file"]].append((record["complete"], json.dumps([record["tag"], parts, record["security"],
                                                                      record["compressed"], codes])))
    return list(found.values())


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
    variants, names = [packets], []
    for i in range(len(packets)):
        names += [f"without packet {i + 1}", f"with packet {i + 1} doubled", f"with packet {i + 1} swapped"]
        variants += [packets[:i] + packets[i + 1:], packets[:i + 1] + packets[i:],
                     packets[:i] + packets[i + 1:i + 2] + packets[i:i + 1] + packets[i + 2:]]
    with tempfile.TemporaryDirectory() as folder:
        whole, *told = said_each(imapid, path, folder, [header + b"".join(variant) for variant in variants])
    known = {without_state_findings(text) for _, text in whole}
    bad = 0
    for name, now in zip(names, told, strict=True):
        if name.startswith("with "):
            wrong = set() if sorted(now) == sorted(whole) else set(now) ^ set(whole) | {"how often"}
        else:
            wrong = {text for complete, text in now if complete and without_state_findings(text) not in known}
        bad += bool(wrong)
        if wrong:
            print(f"{path.name} {name}:", wrong)
    return bad, len(packets)


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
