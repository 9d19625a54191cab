#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person sees of sessions that went wrong: the rows at 80, 120 and 200 columns, and each connection at length, held
against the files in screens/. The captures are those of broken_sessions.py.

test_screens.py IMAPID [renew]"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity"))
import broken_sessions  # noqa: E402

IMAPID = None
SCREENS = pathlib.Path(__file__).resolve().parent / "screens"
VIEWS = {"80": ("80", []), "120": ("120", []), "200": ("200", []), "verbose": ("120", ["-v"])}


def take(view):
    columns, options = VIEWS[view]
    with tempfile.TemporaryDirectory() as folder:
        for name, session, _ in broken_sessions.cases():
            (pathlib.Path(folder) / (re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".pcap")).write_bytes(session.pcap())
        run = subprocess.run([IMAPID, "--time=utc", *options, "."], cwd=folder, check=True, capture_output=True,
                             env={**os.environ, "COLUMNS": columns, "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        return run.stdout.decode() + "\n" + run.stderr.decode()


class Screens(unittest.TestCase):
    maxDiff = None

    def test_as_they_were(self):
        for view in VIEWS:
            with self.subTest(view):
                self.assertEqual(take(view), (SCREENS / f"{view}.txt").read_text(encoding="utf-8"),
                                 "if this is meant: test_screens.py IMAPID renew, and read what changed")

    def test_fit(self):
        """No row is wider than its screen, and each ends with its result."""
        for view in ("80", "120", "200"):
            for row in (SCREENS / f"{view}.txt").read_text(encoding="utf-8").split("\n\n")[0].splitlines():
                if row[:2] in ("  ", "x ", "! ", "? "):
                    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in row)
                    self.assertLessEqual(width, int(view), row)
                    self.assertFalse(view == "80" and row.endswith("…"), row)


if __name__ == "__main__":
    IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
    if sys.argv[1:] == ["renew"]:
        SCREENS.mkdir(exist_ok=True)
        for view in VIEWS:
            (SCREENS / f"{view}.txt").write_text(take(view), encoding="utf-8")
    else:
        unittest.main()
