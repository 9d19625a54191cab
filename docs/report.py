#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""report.py IMAPID: docs/images/report.png, the head of the report of samples/ in Chromium. Look at it before you commit it."""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/cli"))

from chromium import Chromium  # noqa: E402

WIDTH, HEIGHT = 1120, 876


def main(imapid):
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder, "report.html")
        subprocess.run([pathlib.Path(imapid).resolve(), "report", "-q", "-w", page, "samples"], cwd=ROOT, check=True, env={**os.environ, "TZ": "UTC"})
        chromium = Chromium()
        try:
            chromium.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
            chromium.call("Emulation.setScrollbarsHidden", hidden=True)
            chromium.goto(f"file://{page}")
            picture = chromium.screenshot()
        finally:
            chromium.close()
    (ROOT / "docs/images/report.png").write_bytes(picture)
    print(f"docs/images/report.png: {len(picture)} octets")


main(sys.argv[1])
