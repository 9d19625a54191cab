#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""packages.py ROOT: `./dev` installs whatever the build asks for, so that a fresh machine builds.

Every module of pkg_check_modules(), every find_package() needs a line in packaging/packages that is of
use to `build` (`test` where it is asked for below tests/), and so does every find_program() outside tests/; every such package that Debian's own build needs stands in
debian/control."""
import pathlib
import re
import sys

SIGNS = {"BZip2": "header:bzlib.h", "PkgConfig": "program:pkg-config", "Python3": "program:python3", "ZLIB": "header:zlib.h"}
WORDS = {"REQUIRED", "IMPORTED_TARGET", "GLOBAL", "QUIET"}
# What debian/control says by other names, or Debian has on every machine that builds packages
BY_DEBIAN = {"gcc", "libc6-dev", "pkg-config", "python3"}
SYSTEMS = 7  # columns


def read_lines(root):
    for line in (root / "packaging/packages").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split()


def read_wanted(root):
    """Of each place in the build: its file, the sign, the uses that have to have it."""
    paths = [root / "CMakeLists.txt"]
    for folder in ("protocol", "pcaptool", "dissector", "docs", "tests"):
        paths += sorted((root / folder).rglob("CMakeLists.txt"))
    for path in paths:
        uses = {"build", "test"} if "tests" in path.parts[len(root.parts):] else {"build"}
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        for name in re.findall(r"find_package\s*\(\s*(\w+)", text):
            yield path, SIGNS.get(name, name), uses
        for name in re.findall(r"find_program\s*\(\s*\w+\s+([\w-]+)", text):
            if uses == {"build"}:
                yield path, f"program:{name}", uses
        for arguments in re.findall(r"pkg_(?:check|search)_modules?\s*\(([^)]*)\)", text):
            for name in arguments.split()[1:]:
                if name not in WORDS:
                    yield path, "module:" + re.split("[<>=]", name)[0], uses


def check(root):
    lines = list(read_lines(root))
    for line in lines:
        if len(line) != SYSTEMS:
            yield f"packaging/packages: {' '.join(line)}: {len(line)} columns, not {SYSTEMS}"
    uses = {}
    for line in lines:
        uses.setdefault(line[1], set()).update(line[0].split(","))
    for path, sign, wanted in read_wanted(root):
        if not uses.get(sign, set()) & wanted:
            yield f"{path}: packaging/packages has no line for {sign} of use to {' or '.join(sorted(wanted))}"
    control = (root / "debian/control").read_text(encoding="utf-8")
    depends = set(re.findall(r"[a-z0-9.+-]{2,}", control.split("Build-Depends:")[1].split("Standards-Version")[0]))
    for line in lines:
        if "build" in line[0].split(",") and line[2] not in depends | BY_DEBIAN:
            yield f"debian/control: Build-Depends lacks {line[2]}"


problems = sorted(set(check(pathlib.Path(sys.argv[1]).resolve())))
print(*problems, sep="\n")
sys.exit(1 if problems else 0)
