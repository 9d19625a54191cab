#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""packages.py ROOT: `./dev` installs whatever the build asks for, so that a fresh machine builds.

Every module of pkg_check_modules() and every find_package() needs a Debian package below, and that
package a place in BUILD_PACKAGES of dev."""
import pathlib
import re
import sys

DEBIAN = {
    "BZip2": "libbz2-dev",
    "PkgConfig": "pkg-config",
    "Python3": "python3",
    "ZLIB": "zlib1g-dev",
    "glib-2.0": "libglib2.0-dev",
    "json-glib-1.0": "libjson-glib-dev",
    "libgcrypt": "libgcrypt20-dev",
    "liblz4": "liblz4-dev",
    "liblzma": "liblzma-dev",
    "libpcap": "libpcap-dev",
    "libseccomp": "libseccomp-dev",
    "libzstd": "libzstd-dev",
    "sqlite3": "libsqlite3-dev",
    "wireshark": "wireshark-dev",
}
WORDS = {"REQUIRED", "IMPORTED_TARGET", "GLOBAL", "QUIET"}


def read_wanted(root):
    paths = [root / "CMakeLists.txt"]
    for folder in ("protocol", "pcaptool", "dissector", "tests"):
        paths += sorted((root / folder).rglob("CMakeLists.txt"))
    for path in paths:
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        for name in re.findall(r"find_package\s*\(\s*(\w+)", text):
            yield path, name
        for arguments in re.findall(r"pkg_(?:check|search)_modules?\s*\(([^)]*)\)", text):
            for name in arguments.split()[1:]:
                if name not in WORDS:
                    yield path, re.split("[<>=]", name)[0]


def check(root):
    array = re.search(r"^BUILD_PACKAGES=\(([^)]*)\)", (root / "dev").read_text(), re.M)
    installed = set(array.group(1).split())
    for path, name in read_wanted(root):
        if name not in DEBIAN:
            yield f"{path}: {name} has no Debian package: name it in {pathlib.Path(__file__).name}"
        elif DEBIAN[name] not in installed:
            yield f"{path}: {name} is in {DEBIAN[name]}, which BUILD_PACKAGES of dev lacks"


problems = sorted(set(check(pathlib.Path(sys.argv[1]))))
print(*problems, sep="\n")
sys.exit(1 if problems else 0)
