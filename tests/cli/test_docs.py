#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command that README.md and docs/*.md show runs as it stands, and prints what they show.

test_docs.py IMAPID [PLUGINS]

In a block ```console, a line "$ COMMAND" is run, in one folder for each page, with samples/ and some captures/ in it. The lines below it, if
there are any, are what it prints. Its status is 0; `imapid check` may give 1 (a finding is there). Blocks ```sh have commands of ./dev, which
install or build: these have to be in its help. Links have to lead somewhere."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "RELEASING.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
IMAPID, PLUGINS = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2] if len(sys.argv) > 2 else None


def blocks(page, language):
    return [text for kind, text in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands(page):
    """Each command, and the lines that stand below it."""
    for text in blocks(page, "console"):
        for line in text.splitlines():
            if line.startswith("$ "):
                shown = []
                yield line[2:], shown
            else:
                shown.append(line)


def anchors(page):
    for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


class Docs(unittest.TestCase):
    def folder(self):
        """One in which anybody may write: Wireshark loads no plugins for root."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="imapid-test-"))
        self.addCleanup(shutil.rmtree, folder)
        shutil.copytree(ROOT / "samples", folder / "samples", ignore=shutil.ignore_patterns("make"))
        (folder / "captures").mkdir()
        for name in ("alpine-dovecot.pcapng", "thunderbird-cyrus.pcap", "idle.pcap"):
            shutil.copy(ROOT / "samples" / name, folder / "captures")
        (folder / "bin").mkdir()
        shutil.copy(IMAPID, folder / "bin/imapid")
        if PLUGINS:
            shutil.copytree(PLUGINS, folder / "plugins")
        subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)
        return folder

    def run_in(self, folder, command):
        words = ["bash", "-c", f"set -o pipefail; {command}"]
        if not os.geteuid():
            words = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *words]
        path = f"{folder}/bin:{os.environ['PATH']}:/usr/sbin"
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
                              env={"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC",
                                   "WIRESHARK_PLUGIN_DIR": f"{folder}/plugins"})

    def test_commands(self):
        for page in PAGES:
            folder = self.folder() if blocks(page, "console") else None
            for command, shown in commands(page):
                programs = [shlex.split(part)[0] for part in re.split(r"[|;]", re.sub(r"'[^']*'", "''", command)) if part.strip()]
                with self.subTest(f"{page.name}: {command}"):
                    for program in programs:
                        if program not in ("imapid", "tshark", "head") and not shutil.which(program):
                            self.skipTest(f"{program} is not there")
                    if "tshark" in programs and not PLUGINS:
                        self.skipTest("there is no plugin")
                    done = self.run_in(folder, command)
                    self.assertIn(done.returncode, (0, 1) if command.startswith("imapid check") else (0,), done.stderr)
                    if shown:
                        self.assertEqual(done.stdout.splitlines(), shown)

    def test_enough_was_found(self):
        """A block that is written in another way is not silently left out."""
        said = sum(len(list(commands(page))) for page in PAGES)
        lines = sum(page.read_text(encoding="utf-8").count("\n$ ") for page in PAGES)
        self.assertEqual(said, lines)
        self.assertGreater(said, 15)

    def test_dev(self):
        words = subprocess.run(["./dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        known = set(re.findall(r"^  ([a-z]+)", words, re.M))
        for page in PAGES:
            for word in re.findall(r"\./dev ([a-z]+)", page.read_text(encoding="utf-8")):
                self.assertIn(word, known | {"help"}, page.name)

    def test_links(self):
        for page in PAGES:
            for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
                if "://" in link:
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path) if path else page
                self.assertTrue(target.exists(), f"{page.name}: {link}")
                if anchor:
                    self.assertIn(anchor, list(anchors(target)), f"{page.name}: {link}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
