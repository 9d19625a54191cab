# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of this folder share: the program under test, and the real samples."""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = ROOT / "samples"
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, **options)


def sample(name):
    return next(p for p in SAMPLES.iterdir() if p.stem == name and p.suffix.startswith(".pcap"))


def records(done, kind):
    return [r for r in map(json.loads, done.stdout.splitlines()) if r["type"] == kind]


def exchanges(done):
    """The exchanges but for the names of their files, which are in the key of their session too."""
    return [{key: value for key, value in r.items() if key not in ("file", "session")}
            for r in records(done, "exchange")]


def capture(done):
    (record,) = records(done, "capture")
    return record
