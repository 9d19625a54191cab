#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""test_completions.py IMAPID: what bash, zsh and fish complete with what `imapid help SHELL` prints.

Each shell is asked itself. What is offered has to be taken by the program."""
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
import unittest

from sanitized import is_sanitized

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
SAMPLE = str(ROOT / "samples" / "idle.pcap")


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, **{"cwd": ROOT, **options})


def options_of(command):
    return set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", run(IMAPID, "help", command).stdout, re.M))


class Shell:
    """In a folder with two files, the program in its path."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / "a capture.pcap").touch()
        (cls.folder / "keys.log").touch()
        (cls.folder / "bin").mkdir()
        os.symlink(IMAPID, cls.folder / "bin" / "imapid")
        cls.environment = {**os.environ, "PATH": f"{cls.folder}/bin:{os.environ['PATH']}", "HOME": folder.name, "TERM": "dumb",
                           "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": folder.name, "XDG_DATA_HOME": folder.name}
        done = run(IMAPID, "help", cls.name)
        cls.script = cls.folder / f"completions.{cls.name}"
        cls.script.write_text(done.stdout)
        if is_sanitized(IMAPID):
            raise unittest.SkipTest("a shell reads the same as without sanitizers")

    def test_commands(self):
        found = self.complete("imapid ")
        self.assertLessEqual({"extract", "stats", "check", "report", "help"}, found)
        self.assertTrue(any("capture.pcap" in word for word in found), found)

    def test_options_are_the_command_s(self):
        for command in ("extract", "stats", "check", "report"):
            found = {word[2:].rstrip("=") for word in self.complete(f"imapid {command} --")}
            self.assertEqual(found, options_of(command), command)
        self.assertEqual({word[2:].rstrip("=") for word in self.complete("imapid --")}, options_of("extract"))

    def test_part_of_an_option(self):
        self.assertEqual({w.rstrip("=") for w in self.complete("imapid stats --to")}, {"--top"})

    def test_values(self):
        for command, formats in (("extract", "text jsonl json csv tsv sqlite"), ("check", "text jsonl json csv sarif partial"), ("report", "html partial")):
            self.assertEqual(self.complete(f"imapid {command} -T "), set(formats.split()), command)
        self.assertEqual(self.complete("imapid -T "), set("text jsonl json csv tsv sqlite".split()))
        for option, words in (("--time", "local utc relative epoch"), ("--color", "auto always never"), ("--progress", "auto always never")):
            self.assertEqual(self.complete(f"imapid {option} "), set(words.split()))
        self.assertEqual(self.complete("imapid check --fail-on "), {"note", "warning", "error", "unread", "never"})
        self.assertIn("client_name", self.complete("imapid stats --by "))
        self.assertIn("bad-date", self.complete("imapid check --ignore bad-"))
        self.assertIn("finding=", self.complete("imapid --where find"))

    def test_files(self):
        self.assertTrue(any("keys.log" in word for word in self.complete("imapid -l ")))
        self.assertFalse(any("keys.log" in word for word in self.complete("imapid stats --top ")))


class Bash(Shell, unittest.TestCase):
    name = "bash"

    def complete(self, line):
        words = line.split(" ")
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imapid; printf "%s\\n" "${COMPREPLY[@]}"')
        done = run("bash", "--norc", "-c", script, "bash", str(self.script), *words, cwd=self.folder, env=self.environment)
        self.assertEqual(done.stderr, "", line)
        return set(done.stdout.split("\n")) - {""}

    def test_behind_an_equals_sign(self):
        """bash cuts words there."""
        for words in (["imapid", "--time", "=", "r"], ["imapid", "--time", "="]):
            script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imapid; printf "%s\\n" "${COMPREPLY[@]}"')
            done = run("bash", "--norc", "-c", script, "bash", str(self.script), *words, env=self.environment)
            self.assertIn("relative\n", done.stdout)


class Fish(Shell, unittest.TestCase):
    name = "fish"

    def complete(self, line):
        done = run("fish", "--no-config", "-c", f'source "{self.script}"; complete -C "{line}"', cwd=self.folder, env=self.environment)
        self.assertEqual(done.stderr, "", line)
        found = {row.split("\t")[0] for row in done.stdout.split("\n")} - {""}
        return {word for word in found if word.startswith("--")} if line.endswith("--") else found


class Zsh(Shell, unittest.TestCase):
    """A terminal is needed: a line is typed, then Tab, and the list is read."""

    name = "zsh"
    # All of a list is shown and nothing of it put into the line; ^O says that it was.
    SETUP = """
stty -echo
PROMPT= RPROMPT= PROMPT_EOL_MARK= LISTMAX=999
autoload -Uz compinit; compinit -u
unsetopt list_packed menu_complete auto_menu
setopt no_beep
list_all() { compstate[list]='list force' compstate[insert]='' }
comppostfuncs=(list_all)
zstyle ':completion:*' verbose no
source completions.zsh
say_listed() { print; print -r -- LISTED }
zle -N say_listed
bindkey '^O' say_listed
print READY
"""

    def complete(self, line):
        try:
            pid, terminal = pty.fork()
        except OSError as error:
            self.skipTest(f"no terminal can be opened: {error}")
        if not pid:
            os.chdir(self.folder)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**self.environment, "PS1": "", "COLUMNS": "400", "LINES": "400"})
        try:
            (self.folder / "setup").write_text(self.SETUP)
            os.write(terminal, b"source setup\n")
            self.read(terminal, b"\nREADY")
            os.write(terminal, line.encode() + b"\t\x0f")
            text = self.read(terminal, b"LISTED").replace(b"LISTED", b"")
        finally:
            os.kill(pid, 9)
            os.close(terminal)
            os.waitpid(pid, 0)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", text.decode(errors="replace")).replace("\r", "\n")
        return {word for row in text.split("\n") for word in row.split() if row.strip() != line.strip()} - {"--"}

    def read(self, terminal, until):
        """What comes up to that."""
        text, end = b"", time.monotonic() + 60
        while until not in text:
            self.assertTrue(select.select([terminal], [], [], max(0, end - time.monotonic()))[0], text)
            text += os.read(terminal, 65536)
        return text


class Words(unittest.TestCase):
    def test_what_is_offered_is_taken(self):
        script = run(IMAPID, "help", "bash").stdout
        arms = re.findall(r"^    (\S+?):--([a-z-]+)(?: \| \S+)?\) words='([^']*)'", script, re.M)
        self.assertGreater(len(arms), 10)
        for command, option, words in arms:
            command = {"*": "check" if option in ("fail-on", "ignore") else "stats" if option == "by" else "extract"}.get(command, command)
            for word in words.split():
                with tempfile.TemporaryDirectory() as folder:
                    extra = ["-w", f"{folder}/out"]
                    done = run(IMAPID, command, f"--{option}", word, "-q", *extra, SAMPLE)
                self.assertNotIn("imapid: try 'imapid --help'", done.stderr, (option, word))
                self.assertIn(done.returncode, (0, 1), (option, word, done.stderr))

    def test_no_other_shell(self):
        done = run(IMAPID, "help", "tcsh")
        self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main()
