#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hardening.py BUILD TOOL [PLUGIN]: the binaries have what compiler and linker can do against hostile input.

Read off the binaries, but for the level of _FORTIFY_SOURCE, which leaves no mark of its own: it is asked of the
preprocessor, with the flags of every source in BUILD/compile_commands.json."""
import json
import pathlib
import platform
import re
import shlex
import subprocess
import sys

IS_X86 = platform.machine() == "x86_64"
# The mark of the whole binary (readelf -n: IBT, SHSTK) needs libgcc to have it as well, which Debian's has not.
ENDBR64 = b"\xf3\x0f\x1e\xfa"
FLAGS = ["-fstack-protector-strong", "-fstack-clash-protection"] + ["-fcf-protection"] * IS_X86
SOURCES = ("/protocol/", "/pcaptool/", "/dissector/")


def readelf(option, path):
    return subprocess.run(["readelf", "-W", option, path], capture_output=True, text=True, check=True).stdout


def check_binary(path, is_program):
    dynamic, symbols = readelf("-d", path), readelf("--dyn-syms", path)
    if is_program and not re.search(r"FLAGS_1.*\bPIE\b", dynamic):
        yield "is no position independent executable"
    if "GNU_RELRO" not in readelf("-l", path):
        yield "has no read-only relocations"
    if not re.search(r"\(FLAGS\).*BIND_NOW|FLAGS_1.*\bNOW\b", dynamic):
        yield "binds lazily, so that its relocations stay writable"
    if re.search(r"GNU_STACK.*RWE", readelf("-l", path)):
        yield "has an executable stack"
    if "TEXTREL" in dynamic:
        yield "has relocations in its text"
    if "__stack_chk_fail" not in symbols:
        yield "has no stack protector"
    if not re.search(r"__\w+_chk@GLIBC", symbols):
        yield "calls no fortified function"
    if IS_X86 and pathlib.Path(path).read_bytes().count(ENDBR64) < 100:
        yield "has no landing pads for indirect branches (CET)"


def get_level(words):
    """__USE_FORTIFY_LEVEL under these flags; 0 where there is none."""
    flags = [w for w in words[1:] if re.match(r"-(O|g|U|D|f|m|std)", w)]
    done = subprocess.run([words[0], *flags, "-E", "-P", "-xc", "-"], input="#include <features.h>\nlevel __USE_FORTIFY_LEVEL\n",
                          capture_output=True, text=True, check=True)
    found = re.search(r"level (\d+)", done.stdout)
    return int(found[1]) if found else 0


def check_sources(build):
    levels = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = [w for w in shlex.split(entry["command"]) if not w.endswith("ccache")]
        if not any(folder in entry["file"] for folder in SOURCES):
            continue
        flags = tuple(w for w in words if not re.match(r"-(I|isystem)", w) and ".c" not in w)
        if flags not in levels:
            levels[flags] = get_level(words)
        if levels[flags] < 3:
            yield f"{entry['file']}: _FORTIFY_SOURCE is {levels[flags]}, not 3"
        for flag in FLAGS:
            if flag not in words:
                yield f"{entry['file']}: compiled without {flag}"


def main(build, *binaries):
    faults = [*check_sources(pathlib.Path(build))]
    for i, path in enumerate(binaries):
        faults += [f"{path}: {fault}" for fault in check_binary(path, i == 0)]
    print(*faults, sep="\n")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
