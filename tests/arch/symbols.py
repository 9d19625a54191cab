#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""symbols.py NM LIBRARY: the protocol library allocates nothing and does no I/O: all that it asks of
others are libc's functions on memory and strings. What it defines begins with imapid_, and nothing
in it can be written to: several threads read several sessions."""
import re
import subprocess
import sys

ALLOWED = {"memchr", "memcmp", "memcpy", "memmove", "memset", "strlen", "strchr", "strcmp", "bcmp", "inet_pton"}
# What compilers, hardening, coverage and sanitizers add.
ADDED = re.compile(
    r"__(asan|ubsan|tsan|msan|sanitizer|sanitizer_cov|gcov|llvm|stack_chk|odr_asan)_?"
    r"|__mem\w+_chk$|_GLOBAL_OFFSET_TABLE_$|__start_|__stop_|__profc|__odr_asan")


def read_symbols(nm, library):
    output = subprocess.run([nm, "-p", library], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        match = re.match(r"[0-9a-fA-F]*\s*([A-Za-z])\s+(\S+)$", line)
        if match and not ADDED.match(match[2]):
            yield match[1], match[2]


def main(nm, library):
    symbols = list(read_symbols(nm, library))
    defined = {name for kind, name in symbols if kind.upper() != "U"}
    faults = []
    if len([name for name in defined if name.startswith("imapid_")]) < 20:
        faults.append("hardly any function was found: is this the library?")
    for kind, name in symbols:
        if kind == "U" and name not in ALLOWED and name not in defined:
            faults.append(f"asks for {name}")
        elif kind in "TRDBC" and not name.startswith("imapid_"):
            faults.append(f"defines {name} for everybody")
        if kind in "BbC":  # tables of pointers stand in .data.rel.ro, which nm calls d
            faults.append(f"{name} can be written to")
    for fault in sorted(set(faults)):
        print(f"{library}: {fault}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
