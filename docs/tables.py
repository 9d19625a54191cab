#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the table of findings into docs/findings.md and docs/imapid.1, from protocol/include/imapid/findings.def.

tables.py          write
tables.py --check  say whether they are up to date (the tests do)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def findings():
    text = (ROOT / "protocol/include/imapid/findings.def").read_text()
    for entry in re.findall(r"^IMAPID_FINDING\((.*?)\)$", text, re.S | re.M):
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', entry)
        severity = entry.split(",")[2].strip().lower()
        yield strings[0], severity, strings[1], "".join(strings[2:])


def markdown():
    rows = ["| code | severity | meaning | source |", "| --- | --- | --- | --- |"]
    rows += [f"| `{c}` | {s} | {m} | {r} |" for c, s, r, m in findings()]
    return "\n".join(rows)


def mdoc():
    return "\n".join(f".It Sy {c} Pq {s}, {r}\n{m[0].upper() + m[1:]}." for c, s, r, m in findings())


PLACES = {
    "docs/findings.md": ("<!-- findings -->\n", "\n<!-- /findings -->", markdown),
    "docs/imapid.1": ('.\\" findings\n', '\n.\\" /findings', mdoc),
}


def main():
    stale = []
    for name, (start, end, write) in PLACES.items():
        path = ROOT / name
        text = path.read_text()
        head, rest = text.split(start)
        new = head + start + write() + end + rest.split(end)[1]
        if new != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(new)
    if stale and "--check" in sys.argv:
        sys.exit(f"not up to date: {', '.join(stale)} (run docs/tables.py)")


main()
