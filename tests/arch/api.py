#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""api.py NM OBJECT...: what is public is there for somebody.

Of the objects of the library and both front ends: each global function or table that one defines is
called, or its address taken, by another one. Tests do not count. What nobody else asks for is deleted,
or static. And no name is defined twice, as a name means one thing in the whole project."""
import re
import subprocess
import sys

# Called by the system and by Wireshark.
ENTRIES = {"main", "plugin_version", "plugin_want_major", "plugin_want_minor", "plugin_register", "plugin_describe"}
# What a module asks of itself, and its test by every octet.
OWN = {"imapid_decide_speaker", "imapid_width_measure"}
# What compilers, hardening, coverage and sanitizers add.
ADDED = re.compile(r"_|(asan|ubsan|tsan)\.")


def read_symbols(nm, objects):
    """Of each object: what it defines for all, and what it asks of others."""
    defined, asked = {path: set() for path in objects}, set()
    output = subprocess.run([nm, "-A", "-g", *objects], check=True, capture_output=True, text=True).stdout
    for path, kind, name in re.findall(r"^(.+?):[0-9a-fA-F]*\s+([A-Za-z]) (\S+)$", output, re.M):
        if kind == "U":
            asked.add(name)
        elif not ADDED.match(name):
            defined[path].add(name)
    return defined, asked


def main(nm, *objects):
    defined, asked = read_symbols(nm, objects)
    owners = {}
    for path, names in defined.items():
        for name in names - ENTRIES - OWN:
            owners.setdefault(name, []).append(path)
    faults = [f"{path}: nobody asks for {name}" for name in owners.keys() - asked for path in owners[name]]
    faults += [f"{name} is defined in {' and in '.join(paths)}" for name, paths in owners.items() if len(paths) > 1]
    if len(owners) < 200:
        faults.append("hardly any function was found: are these the objects?")
    print(*sorted(faults), sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
