#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `./dev` says and does on systems that lack something, or are none of Debian's.

test_dev.py: in a folder with `dev`, packaging/packages and a PATH of which each program is chosen."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What dev itself uses.
PROGRAMS = "bash env awk grep sed sort tail cut cat id mktemp rm dirname nproc mkdir cp".split()
BUILD = "gcc cc cmake ninja pkg-config python3 mandoc".split()


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(ROOT / "dev", self.folder)
        shutil.copytree(ROOT / "packaging", self.folder / "packaging")
        shutil.copytree(ROOT / "tests/cli/npm", self.folder / "tests/cli/npm")
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name in PROGRAMS:
            (self.bin / name).symlink_to(shutil.which(name))

    def program(self, name, script="exit 0"):
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/called"\n{script}\n')
        path.chmod(0o755)

    def builders(self):
        for name in BUILD:
            self.program(name)

    def user(self):
        self.program("id", "echo 1000")

    def dev(self, *words):
        done = subprocess.run(["./dev", *words], capture_output=True, text=True, check=False, cwd=self.folder, timeout=300,
                              stdin=subprocess.DEVNULL, env={"PATH": str(self.bin), "HOME": str(self.folder)})
        return done.returncode, done.stdout, done.stderr

    def called(self):
        path = self.folder / "called"
        return path.read_text() if path.exists() else ""

    def test_goes_on_where_all_is_there(self):
        for manager in ("dnf", "pacman", "apk", "brew", None):
            with self.subTest(manager):
                self.setUp()
                self.builders()
                if manager:
                    self.program(manager)
                status, _, said = self.dev("build")
                self.assertEqual((status, said), (0, ""))
                self.assertIn("cmake --build build", self.called())

    def test_names_what_is_missing(self):
        for manager, named in (("dnf", "libpcap-devel wireshark-devel (sudo dnf install)"),
                               ("pacman", "libpcap wireshark-cli (sudo pacman -S --needed)"),
                               ("apk", "libpcap-dev wireshark-dev (sudo apk add)"),
                               ("brew", "libpcap wireshark (brew install)"),
                               (None, "libpcap-dev wireshark-dev (these are the names on Debian; this system is not known)")):
            with self.subTest(manager):
                self.setUp()
                self.builders()
                self.program("pkg-config", 'case $2 in libpcap | wireshark) exit 1 ;; esac')
                if manager:
                    self.program(manager)
                self.assertEqual(self.dev("build"), (1, "", f"./dev: missing here: {named}\n"))
                self.assertNotIn("cmake", self.called())

    def test_headers_and_modules_of_python(self):
        self.builders()
        self.program("dnf")
        self.program("cc", "grep -q bzlib && exit 1; exit 0")
        self.program("python3", "exit 1")
        status, _, said = self.dev("test", "--quick")
        self.assertEqual(status, 1)
        for name in ("bzip2-devel", "python3-jsonschema", "python3-gobject"):
            self.assertIn(f" {name} ", said)
        self.assertNotIn(" zlib-devel ", said)

    def debian(self, apt_get):
        self.builders()
        self.program("dpkg-query", "exit 1")
        self.program("apt-get", apt_get)

    def test_no_sudo(self):
        self.debian("exit 0")
        self.user()
        status, said, error = self.dev("build")
        self.assertEqual((status, error), (1, "./dev: only root can install these, and there is no sudo\n"))
        self.assertIn("installing gcc ", said)
        self.assertNotIn("apt-get", self.called())

    def test_sudo_refuses(self):
        self.debian("exit 0")
        self.user()
        self.program("sudo", 'echo "sudo: a terminal is required to read the password" >&2; exit 1')
        status, _, error = self.dev("build")
        self.assertEqual(status, 1)
        self.assertEqual(error.count("\n"), 1)
        self.assertIn("sudo: a terminal is required", error)

    def test_no_network(self):
        self.debian('case "$*" in *install*) echo "E: Failed to fetch x" >&2; echo "E: Unable to fetch some archives" >&2; exit 100 ;; esac')
        self.program("id", "echo 0")
        status, _, error = self.dev("build")
        self.assertEqual(status, 1)
        self.assertEqual(error, "./dev: cannot install these (is there a network, and may this user install?): "
                                "E: Unable to fetch some archives\n")

    def test_a_failing_stage_does_not_hide_the_next(self):
        self.builders()
        self.program("dpkg-query", "echo install ok installed")
        self.program("apt-get")
        self.program("npm", "exit 1")
        self.program("ctest", 'case "$*" in *"build-asan"*) exit 1 ;; esac')
        status, said, _ = self.dev("test")
        self.assertIn("\nskipped: npm could not install", said)  # that is no failure
        self.assertEqual(status, 1)
        rows = said.split("== stages\n")[1].splitlines()
        failed = [row for row in rows if row.endswith("FAILED")]
        self.assertEqual(len(failed), 1)
        self.assertIn("UBSan: tests", failed[0])
        self.assertIn("ThreadSanitizer: tests", rows[-1])
        self.assertTrue(rows[-1].endswith("passed"))

    def test_help(self):
        for words in (["help"], ["--help"], ["-h"]):
            status, said, error = self.dev(*words)
            self.assertEqual((status, error), (0, ""))
            self.assertIn("usage: ./dev COMMAND", said)
        for words in ([], ["nonsense"]):
            status, said, error = self.dev(*words)
            self.assertEqual((status, said), (2, ""))
            self.assertIn("usage: ./dev COMMAND", error)


USER = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]


class User(unittest.TestCase):
    def test_install_run_uninstall(self):
        """What root built, a user without root installs into a home, uses, and takes away again: nothing is left."""
        if os.getuid() or subprocess.run([*USER, "test", "-r", ROOT / "dev", "-a", "-x", ROOT / "build/bin/imapid"], check=False).returncode:
            self.skipTest("root has to run it, and another user to see what is built")
        home = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, home)
        shutil.chown(home, "nobody", "nogroup")

        def run(*words):
            done = subprocess.run([*USER, "env", "-i", f"PATH={os.environ['PATH']}", f"HOME={home}", *words], capture_output=True, text=True, check=False,
                                  cwd=ROOT, timeout=300, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, (words, done.stdout, done.stderr))
            return done.stdout

        run("./dev", "install", "--user")
        sample = ["-r", "samples/thunderbird-dovecot.pcapng"]
        self.assertIn("Thunderbird 153.7.0", run(home / ".local/bin/imapid", "-q", sample[1]))
        self.assertEqual(set(run("tshark", *sample, "-T", "fields", "-e", "imapid.client.name", "-Y", "imapid.client.name").split()), {"Thunderbird"})
        run("./dev", "uninstall", "--user")
        self.assertEqual(list(home.rglob("*")), [])


if __name__ == "__main__":
    unittest.main()
