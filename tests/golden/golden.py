#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden records: what imapid says of each sample, held against a file of its own.

golden.py check IMAPID [NAME...]   compare; every sample must have its golden file
golden.py truth IMAPID [NAME...]   hold the records against what the server logged (samples/NAME.truth)
golden.py renew IMAPID NAME...     write a golden file anew; read its diff before you commit it

A golden file is the JSON Lines of the tool, whole: frames, times, pairs, findings.
"""
import difflib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def samples(names):
    found = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix in (".pcap", ".pcapng"))
    chosen = [p for p in found if not names or p.stem in names]
    missing = set(names) - {p.stem for p in found}
    if missing or not chosen:
        sys.exit(f"no such sample: {', '.join(sorted(missing)) or 'none at all'}")
    return chosen


def extract(imapid, path):
    """The tool's lines for one sample, named as in the repository."""
    command = [imapid, "-q", "-T", "jsonl"]
    keys = path.with_suffix(".keys")
    if keys.exists():
        command += ["--keylog", str(keys.relative_to(ROOT))]
    done = subprocess.run(command + [str(path.relative_to(ROOT))], cwd=ROOT, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{path.name}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode().splitlines(keepends=True)


def golden(path):
    return HERE / (path.stem + ".jsonl")


def check(imapid, names):
    bad = 0
    for path in samples(names):
        want = golden(path).read_text().splitlines(keepends=True) if golden(path).exists() else []
        have = extract(imapid, path)
        if want != have:
            bad += 1
            print(f"{path.name}: not as in {golden(path).relative_to(ROOT)}")
            sys.stdout.writelines(difflib.unified_diff(want, have, "golden", "now", n=0))
    orphans = {p.stem for p in HERE.glob("*.jsonl")} - {p.stem for p in samples([])}
    for name in orphans:
        bad += 1
        print(f"{name}.jsonl: there is no such sample")
    return bad


def identities(lines):
    """The halves of clients, in order: what the server could have logged."""
    for line in lines:
        record = json.loads(line)
        if record["type"] == "exchange" and record["command"]:
            yield record["command"]


def is_subsequence(wanted, had):
    rest = iter(had)
    return all(any(matches(item, other) for other in rest) for item in wanted)


def same(logged, sent):
    """Servers log control characters and broken UTF-8 as '?', NIL as the word, and cut long values."""
    def plain(text):
        text = "NIL" if text is None else text
        return "".join(c if " " <= c and c != "\ufffd" else "?" for c in text)

    logged, sent = plain(logged), plain(sent)
    cut = logged.removesuffix("...")
    return logged == sent or (cut != logged and sent.startswith(cut))


def matches(logged, half):
    # Dovecot logs no field whose name is longer than RFC 2971 allows.
    sent = [pair for pair in half["params"] or [] if len(pair[0] or "") <= 30]
    if len(logged) == len(sent) and all(
            same(lf, sf) and same(lv, sv) for (lf, lv), (sf, sv) in zip(logged, sent)):
        return True
    # Of a malformed list every reader makes their own pairs; but not words that are not in it.
    return "raw" in half and all(word in half["raw"] for pair in logged for word in pair if word)


def admits_loss(lines):
    """Do the records themselves say that something could not be read? Then the server may know more."""
    return any(record["decrypted"] is False or record["lost_bytes"] or not record["from_start"]
               for record in map(json.loads, lines) if record["type"] == "session")


def truth(imapid, names):
    bad = n = 0
    for path in samples(names):
        logged = [json.loads(line)["params"]
                  for line in path.with_suffix(".truth").read_text().splitlines()]
        lines = extract(imapid, path)
        sent = list(identities(lines))
        n += len(logged)
        if admits_loss(lines):
            logged = [item for item in logged if any(matches(item, half) for half in sent)]
        if not is_subsequence(logged, sent):
            bad += 1
            print(f"{path.name}: the server logged\n  {logged}\nbut the records say\n  {[half['params'] for half in sent]}")
    print(f"{n} identities of server logs held against the records")
    return bad


def renew(imapid, names):
    if not names:
        sys.exit("name the samples to renew")
    for path in samples(names):
        golden(path).write_text("".join(extract(imapid, path)))
    return 0


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("check", "truth", "renew"):
        sys.exit(__doc__)
    command = {"check": check, "truth": truth, "renew": renew}[sys.argv[1]]
    imapid = str(pathlib.Path(sys.argv[2]).resolve())
    sys.exit(1 if command(imapid, sys.argv[3:]) else 0)


if __name__ == "__main__":
    main()
