#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""includes.py ROOT: the arrows between the parts go one way.

- protocol/ includes itself and freestanding headers of the language, <string.h>, and <arpa/inet.h> for inet_pton;
- dissector/ and pcaptool/ do not know each other;
- what the library decides no front end decides again (see DECIDED);
- the modules of pcaptool/net/ include each other in no circle;
- in pcaptool/ a folder includes itself and those before it (see ORDER); the commands, which stand in
  pcaptool/ itself, come last."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
LANGUAGE = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h", "arpa/inet.h"}
SHARED = {"imapid/order.h"}  # what the library says of TCP alone
# What gives a second decision away -> whom to ask, and the file that may have it.
DECIDED = [
    (re.compile(r"\b(ws_)?inet_pton[46]?\s*\(|\bg_inet_address_new_from_string\s*\("), "imapid_end_read_address()", "protocol/end.c"),
    (re.compile(r"\bimapid_field_is_proxys\s*\(|\"x-(connected|session)-"), "imapid/legs.h", "protocol/legs.c"),
]
MESSAGES = {"message.c", "progress.c"}  # who may write on standard error
STDERR = re.compile(r"\b(g_printerr|perror|g_warning|g_message|g_critical)\s*\(|\bstderr\b")
CIRCLES = [{"tcp", "tcp-queue"}]  # of the same object
GROUND = {"endpoint.h"}  # of pcaptool/ itself, below all its folders
ORDER = ["capture", "net", "tls", "record", "follow", "answer", ""]


def read_includes(folder):
    for path in sorted(folder.rglob("*.[ch]")):
        for mark, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            yield path, mark, name


def check_protocol(root):
    for path, _, name in read_includes(root / "protocol"):
        if not name.startswith("imapid/") and name not in LANGUAGE:
            yield f"{path}: {name} is not for the protocol library"
        if name.startswith("imapid/") and not (root / "protocol/include" / name).exists():
            yield f"{path}: there is no {name}"


def check_front_ends(root):
    for mine, other in (("dissector", "pcaptool"), ("pcaptool", "dissector")):
        own = root / mine
        for path, mark, name in read_includes(own):
            if (path.parent / name).exists() or (own / name).exists():
                continue
            if f"{other}/" in name or (mark == '"' and (root / other / name).exists()):
                yield f"{path}: {name} belongs to {other}"
            if mine == "pcaptool" and re.match(r"(epan|wiretap|wsutil|wireshark)/", name):
                yield f"{path}: {name} is Wireshark's"
            if mine == "dissector" and name in ("pcap.h", "pcap/pcap.h", "gcrypt.h"):
                yield f"{path}: {name} is for the tool"


def check_decided(root):
    for folder in ("protocol", "dissector", "pcaptool"):
        for path in sorted((root / folder).rglob("*.c")):
            text = path.read_text(encoding="utf-8")
            for pattern, whom, owner in DECIDED:
                found = pattern.search(text)
                if found and path != root / owner and path != root / "protocol/fields.c":
                    yield f"{path}: {found[0]} decides what {whom} tells"


def check_messages(root):
    """What comes from outside is spelled for a terminal in one place."""
    for path in sorted((root / "pcaptool").rglob("*.c")):
        found = STDERR.search(path.read_text(encoding="utf-8"))
        if found and path.name not in MESSAGES:
            yield f"{path}: {found[0]} where imapid_message() is to be called"


def check_layers(root):
    tool = root / "pcaptool"
    for path, mark, name in read_includes(tool):
        folder = path.relative_to(tool).parts[0] if path.parent != tool else ""
        if folder not in ORDER:
            yield f"{path}: {folder} has no place in {ORDER}: give it one here"
            continue
        if mark == "<" or name in GROUND:
            continue
        target = next((p for p in (tool / name, path.parent / name) if p.exists()), None)
        if not target:
            yield f"{path}: there is no {name}"
            continue
        target = target.resolve().relative_to(tool.resolve())
        other = target.parts[0] if len(target.parts) > 1 else ""
        if other in ORDER and ORDER.index(other) > ORDER.index(folder):
            yield f"{path}: {name} comes after {folder} in {ORDER}"
    for path, _, name in read_includes(tool):
        folder = path.relative_to(tool).parts[0]
        if folder == "record" and name.startswith(("capture/", "net/", "tls/")):
            yield f"{path}: {name}: record/ knows no captures"
        if folder in ("capture", "net", "tls") and name.startswith("imapid/") and name not in SHARED:
            yield f"{path}: {name}: {folder} knows packets and octets, not IMAP"


def check_circles(root):
    """Modules of net/ (a header and its source) do not include each other in a circle."""
    net = root / "pcaptool/net"
    graph = {}
    for path, _, name in read_includes(net):
        target = re.match(r"net/([\w-]+)\.h$", name)
        if target and target[1] != path.stem:
            graph.setdefault(path.stem, set()).add(target[1])

    def walk(module, way):
        if module in way:
            yield way[way.index(module):]
            return
        for other in sorted(graph.get(module, ())):
            yield from walk(other, way + [module])

    for module in sorted(graph):
        for circle in walk(module, []):
            if set(circle) not in CIRCLES:
                yield f"{net}: {' -> '.join(circle)} is a circle"


def main(root):
    root = pathlib.Path(root).resolve()
    faults = [*check_protocol(root), *check_front_ends(root), *check_decided(root), *check_messages(root), *check_layers(root), *check_circles(root)]
    for fault in sorted(set(faults)):
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
