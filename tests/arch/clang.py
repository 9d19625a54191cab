#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""clang.py BUILD [CLANG]: every source of BUILD/compile_commands.json passes clang with the warnings that gcc is given.

The fuzz targets are built by clang, which warns of other things than gcc. Nothing is written, so that it takes seconds."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

SKIPPED = 77


def get_words(entry, clang):
    """What clang is called with: without the output, and without options of gcc's that it lacks."""
    words = [w for w in shlex.split(entry["command"]) if not w.endswith("ccache")][1:]
    at = words.index("-o")
    del words[at : at + 2]
    return [clang, "-fsyntax-only", "-Werror", "-Wno-unknown-warning-option", "-Wno-unused-command-line-argument",
            *(w for w in words if not re.match(r"-static-lib|-fsanitize", w))]


def check(entry, clang):
    done = subprocess.run(get_words(entry, clang), cwd=entry["directory"], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def main(build, clang="clang"):
    if not shutil.which(clang):
        print(f"skipped: there is no {clang} here (./dev fuzz installs it)")
        return SKIPPED
    entries = {e["file"]: e for e in json.loads((pathlib.Path(build) / "compile_commands.json").read_text())}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [f for f in pool.map(lambda e: check(e, clang), entries.values()) if f]
    print(*faults, sep="\n")
    print(f"{len(entries)} sources, {len(faults)} with warnings")
    return bool(faults) or not entries


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
