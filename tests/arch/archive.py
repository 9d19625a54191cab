#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""archive.py ROOT: what `git archive` gives is whole: it configures in a folder without git."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(sys.argv[1]).resolve()
if not (root / ".git").exists():
    print("skipped: this is no clone")
    sys.exit(77)
if not shutil.which("git"):
    print("skipped: git is not installed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    archive = subprocess.run(["git", "-C", root, "-c", f"safe.directory={root}", "archive", "HEAD"], check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    subprocess.run(["cmake", "-S", folder, "-B", folder + "/build", "-G", "Ninja"], check=True, stdout=subprocess.DEVNULL)
    # Each source and each script that a rule names has to be there.
    said = subprocess.run(["ninja", "-C", folder + "/build", "-n"], check=False, capture_output=True, text=True)
    if said.returncode:
        sys.exit(said.stdout[-2000:] + said.stderr)
