#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""includes.py ROOT [draw]: the arrows between the parts go one way.

- the drawing in CONTRIBUTING.md has every module, and a module includes only what stands left of it
  there, or what the folders have that its folder knows; so there is no circle anywhere;
- protocol/ includes itself and freestanding headers of the language, <string.h>, and <arpa/inet.h> for inet_pton;
- dissector/ and pcaptool/ do not know each other;
- what the library decides no front end decides again (see DECIDED), and both ask it (see ASKED);
- of the library, capture/, net/ and tls/ know SHARED alone.

With `draw` it prints the drawing as the sources have it, to be compared with the one that stands there."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
LANGUAGE = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h", "arpa/inet.h"}
SHARED = {"imapid/order.h", "imapid/doubts.h", "imapid/checksum.h", "imapid/past.h", "imapid/stall.h", "imapid/moment.h",
          "imapid/certificate.h", "imapid/hello.h"}  # what the library says of TCP and TLS alone
# What gives a second decision away -> whom to ask, and the file, or folder, that may have it.
DECIDED = [
    (re.compile(r"\b(ws_)?inet_pton[46]?\s*\(|\bg_inet_address_new_from_string\s*\("), "imapid_end_read_address()", "protocol/end.c"),
    (re.compile(r"\bimapid_field_is_proxys\s*\(|\"x-(connected|session)-"), "imapid/legs.h", "protocol/legs.c"),
    (re.compile(r"!\s*(\w+(->|\.))*(\w+_)?tentative\b|\btentative\s*(&&|\|\||\?)|\bif \([^)]*tentative"),
     "imapid_exchange_stands()", "protocol"),
    (re.compile(r"== 22\b|\bN_PASSED_MAX\b"), "imapid/hello.h or imapid/order.h", "protocol"),
]
# What both front ends ask, so that neither has an answer of its own.
ASKED = ["imapid_decide_begin", "imapid_decide_is_told", "imapid_decide_lost", "imapid_decide_unproven",
         "imapid_hello_is_clients", "imapid_order_choose", "imapid_order_eases", "imapid_order_find", "imapid_order_give_up",
         "imapid_order_is_astray", "imapid_order_is_held", "imapid_order_is_lost", "imapid_order_is_over", "imapid_order_is_reset",
         "imapid_order_next", "imapid_order_pass", "imapid_order_settle_reset", "imapid_preface_read", "imapid_verdict_make"]
MESSAGES = {"message.c", "progress.c"}  # who may write on standard error
STDERR = re.compile(r"\b(g_printerr|perror|g_warning|g_message|g_critical)\s*\(|\bstderr\b")
GROUND = {("pcaptool/", "endpoint"), ("pcaptool/", "failure"), ("pcaptool/", "heap"), ("pcaptool/", "large"), ("pcaptool/", "near"), ("pcaptool/", "number"), ("pcaptool/", "opener"), ("pcaptool/", "path"), ("pcaptool/", "siphash"),
          ("pcaptool/", "terminal"), ("protocol/", "moment")}  # below all folders of the tool
HEADING = "### Which module knows which"
ROW = re.compile(r"(\S+/) +(?:\(([^)]*)\) )?(.*)")


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
                if found and root / owner not in (path, *path.parents) and path != root / "protocol/fields.c":
                    yield f"{path}: {found[0]} decides what {whom} tells"


def check_asked(root):
    for folder in ("dissector", "pcaptool"):
        text = "".join(path.read_text(encoding="utf-8") for path in sorted((root / folder).rglob("*.c")))
        for name in ASKED:
            if not re.search(rf"\b{name}\(", text):
                yield f"{folder}/ does not ask {name}()"


def check_messages(root):
    """What comes from outside is spelled for a terminal in one place."""
    for path in sorted((root / "pcaptool").rglob("*.c")):
        found = STDERR.search(path.read_text(encoding="utf-8"))
        if found and path.name not in MESSAGES:
            yield f"{path}: {found[0]} where imapid_message() is to be called"


def check_layers(root):
    tool = root / "pcaptool"
    for path, _, name in read_includes(tool):
        folder = path.relative_to(tool).parts[0]
        if folder in ("capture", "net", "tls") and name.startswith("imapid/") and name not in SHARED:
            yield f"{path}: {name}: {folder} knows packets and octets, not IMAP"


def find_module(root, path):
    """A header and its source are one module of one folder."""
    parts = path.resolve().relative_to(root).parts
    return "/".join(parts[:1] if parts[0] == "protocol" else parts[:-1]) + "/", path.stem


def read_graph(root):
    """What each module includes, of this project."""
    graph = {}
    for top in ("protocol", "dissector", "pcaptool"):
        for path in sorted((root / top).rglob("*.[ch]")):
            known = graph.setdefault(find_module(root, path), set())
            for _, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
                places = (path.parent / name, root / top / name, root / "protocol/include" / name)
                target = next((place for place in places if place.exists()), None)
                if target and target.suffix in (".c", ".h"):
                    known.add(find_module(root, target))
            known.discard(find_module(root, path))
    return graph


def read_drawing(root):
    """The place of each module, from the left, and what each folder knows. Lines that begin with a
    space go on with the one before."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text[text.index(HEADING):].split("```")[1].strip("\n")
    places, knows = {}, {}
    for row in re.sub(r"\n +", " ", block).split("\n"):
        folder, known, modules = ROW.fullmatch(row).groups()
        knows.setdefault(folder, set()).update((known or "").split())
        first = sum(1 for other in places if other[0] == folder)
        for place, column in enumerate(modules.split("|")):
            places.update({(folder, name): first + place for name in column.split()})
    return places, knows


def check_drawing(root):
    graph = read_graph(root)
    places, knows = read_drawing(root)
    for module in sorted(places.keys() - graph.keys()):
        yield f"CONTRIBUTING.md draws {''.join(module)}, which is not there"
    for module, known in sorted(graph.items()):
        if module not in places:
            yield f"{''.join(module)} is not in the drawing of CONTRIBUTING.md"
            continue
        for other in sorted(known & places.keys()):
            if other[0] != module[0] and other[0] not in knows[module[0]] and other not in GROUND:
                yield f"{''.join(module)}: {module[0]} does not know {other[0]}, but includes {other[1]}"
            elif other[0] == module[0] and places[other] >= places[module]:
                yield f"{''.join(module)}: {other[1]} does not stand left of it"


def draw(root):
    """The modules of each folder, each as far left as what it includes allows."""
    graph, ranks = read_graph(root), {}

    def rank(module, way=()):
        if module in way:
            sys.exit(" -> ".join("".join(step) for step in way + (module,)) + " is a circle")
        if module not in ranks:
            known = [rank(other, way + (module,)) for other in graph[module] if other[0] == module[0]]
            ranks[module] = 1 + max(known, default=-1)
        return ranks[module]

    for folder in sorted({module[0] for module in graph}):
        columns = {}
        for module in sorted(graph):
            if module[0] == folder:
                columns.setdefault(rank(module), []).append(module[1])
        print(folder, " | ".join(" ".join(columns[key]) for key in sorted(columns)))


def main(root, what=None):
    root = pathlib.Path(root).resolve()
    if what == "draw":
        draw(root)
        return False
    faults = [*check_protocol(root), *check_front_ends(root), *check_decided(root), *check_asked(root), *check_messages(root), *check_layers(root), *check_drawing(root)]
    for fault in sorted(set(faults)):
        print(fault)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
