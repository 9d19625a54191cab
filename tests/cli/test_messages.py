#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from outside reaches standard error, and text on standard output, as printable characters alone.

    test_messages.py IMAPID
"""
import os
import subprocess
import sys
import tempfile
import unicodedata

HOSTILE = [b"esc\x1b[31m\x1b]0;title\x07", b"line\nimapid: all is well", b"back\r\x08\x7f", "bidi\u202e\u2066gnp.exe\u2069".encode(), b"bad\xff\xc3utf8\x80",
           "c1\u009b31m\u0085".encode(), "zero\u200b\ufeff\u2028width".encode(), b"form%s%n%p", b"back\\slash \"quote'"]
SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples/courier.pcap")


def assert_printable(told, what):
    text = told.decode("utf-8")  # nothing else may come out
    for character in text:
        assert character == "\n" or unicodedata.category(character)[0] not in "C" and unicodedata.category(character) not in ("Zl", "Zp"), (what, character, text)


def assert_lines(told, what):
    """Each line is one of ours: no name begins one."""
    for line in told.decode().splitlines():
        assert line.startswith("imapid: "), (what, line)


def calls(folder, name):
    """Command lines in which the name stands wherever one can be: a missing file, a damaged one, a key log, a list, ..."""
    path = os.path.join(folder, name)
    good, damaged, inner = path + b".pcap", path + b".bad.pcap", os.path.join(path + b".d", name)
    with open(SAMPLE, "rb") as file:
        octets = file.read()
    os.mkdir(path + b".d")
    for at, content in ((good, octets), (damaged, octets[:60] + b"\xff" * 100), (inner, b"no capture"), (path + b".list", inner + b"\0x\n" + path + b"-gone\n"),
                        (path + b".keys", b"CLIENT_RANDOM \x1b[31m\n"), (path + b".fold", b"name\t\x1b\n" + name), (path + b".jsonl", b'{"type":"\x1b"}\n{"type":"exchange"}\n'),
                        (path + b".tar.pcap", b"\x1f\x8b\x08\0" + b"\xff" * 50), (path + b".short", b"short")):
        with open(at, "wb") as file:
            file.write(content)
    gone = path + b"-gone"
    yield from ([gone], [damaged], [path + b".d"], [path + b".jsonl"], [path + b".tar.pcap"], [b"-l", gone, good], [b"-l", path + b".keys", good])
    yield from ([b"-F", gone], [b"-F", path + b".list"], [b"-w", os.path.join(gone, b"x"), good], [b"-w", good, good], [b"-T", b"sqlite", b"-w", gone + b"/x", good])
    yield from ([b"--redact-key", gone, good], [b"--redact-key", path + b".short", good], [b"stats", b"--fold", gone, good], [b"stats", b"--fold", path + b".fold", good])
    yield from ([b"-f", name, good], [b"-T", name, good], [b"-i", name], [name + b"x", good], [b"--" + name], [b"stats", b"--by", name, good], [b"check", b"--ignore", name, good])
    yield from ([b"check", b"--fail-on", name, good], [b"-d", name, good], [b"--memory", name, good], [b"--color", name, good], [b"-v", good], [b"check", b"-v", good], [b"stats", good])


def main():
    tool = os.path.abspath(sys.argv[1]).encode()
    n_named = 0
    for name in HOSTILE:
        with tempfile.TemporaryDirectory() as folder:
            for words in calls(folder.encode(), name.replace(b"/", b"_")):
                for locale in ("C.UTF-8", "C"):
                    if b"\0" in b"".join(words):
                        continue
                    done = subprocess.run([tool, *words], capture_output=True, check=False, timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": locale})
                    assert done.returncode in (0, 1, 2, 3), (words, done)
                    assert_printable(done.stderr, words)
                    assert_lines(done.stderr, words)
                    assert_printable(done.stdout, words)
                    n_named += name[:4] in done.stderr
    assert n_named > 20 * len(HOSTILE), n_named  # names are told, as far as they can be


main()
