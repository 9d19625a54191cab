#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""comments.py ROOT: each .c file says what it is before it includes anything.

Behind the line of its licence stands a comment. In the library and the front ends that names the file, and says
what it refuses and how it is misused."""
import pathlib
import re
import sys

LICENCE = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
PARTS = ("protocol", "dissector", "pcaptool")
OPENING = re.compile(re.escape(LICENCE) + r"\n?/\* (.+?)\*/", re.S)


def check(path, is_part):
    opening = OPENING.match(path.read_text(encoding="utf-8"))
    if not opening:
        yield f"{path}: does not open with its licence and a comment that says what it is"
    elif is_part:
        if not opening[1].startswith(f"{path.name}: "):
            yield f"{path}: the comment does not begin with the name of the file"
        for word in ("refuse", "misuse"):
            if word not in opening[1].lower():
                yield f"{path}: the comment does not say: {word}"


def main(root):
    root = pathlib.Path(root).resolve()
    files = [(path, part in PARTS) for part in (*PARTS, "tests") for path in sorted((root / part).rglob("*.c"))]
    faults = [fault for path, is_part in files for fault in check(path, is_part)]
    if len(files) < 200:
        faults.append(f"{root} has only {len(files)} .c files: is that the root?")
    if faults:
        print(*faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
