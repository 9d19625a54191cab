#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py IMAPID: docs/images/terminal.svg, what a terminal shows of COMMAND below. Look at it before you commit it."""
import html
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEYS = "samples/thunderbird-dovecot-starttls.keys"
COMMAND = ["-q", "--time", "utc", "-l", KEYS, "samples/thunderbird-cyrus.pcap",
           "samples/thunderbird-dovecot-starttls.pcap", "samples/malformed-spacing.pcap"]
COLUMNS = 140
COLOURS = {"30": "#6b7280", "31": "#f87171", "32": "#4ade80", "33": "#fbbf24", "34": "#60a5fa", "35": "#c084fc",
           "36": "#22d3ee", "37": "#e5e7eb", "90": "#9ca3af", "2": "#9ca3af"}
WIDTH, HEIGHT, EDGE = 8.43, 19, 16  # of a cell of 14 px; around the text


def spans(line):
    """The pieces of a line, each with its style as SVG has it."""
    style = {}
    for escape, text in re.findall(r"(?:\x1b\[([0-9;]*)m)?([^\x1b]*)", line):
        for code in (escape or "").split(";") if escape is not None else []:
            if code in ("", "0"):
                style = {} if escape or line.startswith("\x1b") else style
            elif code == "1":
                style["font-weight"] = "bold"
            elif code in COLOURS:
                style["fill"] = COLOURS[code]
        if text:
            yield text, "".join(f' {name}="{value}"' for name, value in style.items())


def draw(lines):
    width, height = COLUMNS * WIDTH + 2 * EDGE, len(lines) * HEIGHT + 2 * EDGE
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">'
    yield '<rect width="100%" height="100%" rx="8" fill="#16181d"/>'
    for row, line in enumerate(lines):
        column = 0
        for text, style in spans(line):
            if text.strip():
                x, y = EDGE + column * WIDTH, EDGE + row * HEIGHT + 14
                yield (f'<text x="{x:.1f}" y="{y}" xml:space="preserve" textLength="{len(text) * WIDTH:.1f}"'
                       f'{style if "fill" in style else style + " fill=" + chr(34) + "#e5e7eb" + chr(34)}>{html.escape(text)}</text>')
            column += len(text)
    yield "</svg>\n"


said = subprocess.run([sys.argv[1], "--color", "always", *COMMAND], cwd=ROOT, check=True, capture_output=True, text=True,
                      env={**os.environ, "COLUMNS": str(COLUMNS), "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}).stdout
lines = [f"\x1b[32m$\x1b[0m imapid {' '.join(COMMAND[:4])} …/*.keys …/*.pcap", *said.rstrip("\n").split("\n")]
(ROOT / "docs/images/terminal.svg").write_text("\n".join(draw(lines)), encoding="utf-8")
