#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tables.py ROOT: words.def is sorted, names and symbols of a table agree, and a document that lists
the findings lists them all."""
import pathlib
import re
import sys

# A list of findings is told by these two; one code alone may be mentioned anywhere.
TELLTALE = ("field-too-long", "changed-in-transit")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "doc/**/*.md", "doc/**/*.[15]", "doc/**/*.in",
             "docs/**/*.md", "man/**/*.[15]", "pcaptool/**/*.1", "pcaptool/**/*.1.in")


def read_table(root, name, macro):
    text = (root / "protocol/include/imapid" / name).read_text(encoding="utf-8")
    return re.findall(rf'^{macro}\((\w+), "([^"]+)"', text, re.M)


def check_words(root):
    words = [spelling for _, spelling in read_table(root, "words.def", "IMAPID_WORD")]
    if len(words) < 50:
        yield "words.def: hardly any word was read"
    for before, after in zip(words, words[1:]):
        if before >= after:
            yield f"words.def: {after} stands behind {before}"
    for symbol, spelling in read_table(root, "words.def", "IMAPID_WORD"):
        if symbol != spelling:
            yield f"words.def: {symbol} is spelled {spelling}"


def check_codes(root):
    for symbol, code in read_table(root, "findings.def", "IMAPID_FINDING"):
        if symbol.lower().replace("_", "-") != code:
            yield f"findings.def: {symbol} has the code {code}"
    for _, wire in read_table(root, "fields.def", "IMAPID_FIELD"):
        if wire != wire.lower():
            yield f"fields.def: {wire} is not in lower case"


def check_documents(root):
    codes = {code for _, code in read_table(root, "findings.def", "IMAPID_FINDING")}
    for pattern in DOCUMENTS:
        for path in sorted(root.glob(pattern)):
            text = path.read_text(encoding="utf-8").replace("\\-", "-")
            if not all(code in text for code in TELLTALE):
                continue
            for code in sorted(codes):
                if not re.search(rf"(?<![\w-]){code}(?![\w-])", text):
                    yield f"{path.relative_to(root)}: lists findings, but not {code}"


def main(root):
    root = pathlib.Path(root).resolve()
    faults = [*check_words(root), *check_codes(root), *check_documents(root)]
    for fault in faults:
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
