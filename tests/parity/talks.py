# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of single connections share: talks that are told in few words, and the comparison of what tool and plugin tell of one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import parity
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))

# The ID of number n, and its answer: the tag's number, the name's; the name's, the tag's.
COMMAND = b'a%d ID ("name" "c%d")\r\n'
ANSWER = b'* ID ("name" "s%d")\r\na%d OK done\r\n'


def say(talk, said):
    for side, octets in said:
        if octets is None:
            talk.lose(side, 30)
            continue
        (talk.server if side else talk.client)(octets)
    return talk


def without(talk, *numbers):
    talk.packets = [packet for i, packet in enumerate(talk.packets) if i not in numbers]
    return talk


def late(talk, *numbers):
    """Each of these packets is captured behind the next one."""
    for i in numbers:
        talk.packets.insert(i + 1, talk.packets.pop(i))
    return talk


def name_of(half):
    return half and half["params"] and half["params"][0][1]


def check(shark, name, want, talk):
    path = shark.write(f"{name}.pcap", talk.octets())
    tool = sorted(map(parity.comparable, parity.by_tool(TOOL, path)), key=parity.sort_key)
    if len(tool) != want:
        yield f"the tool tells {len(tool)} exchanges, not {want}"
    for names in ([name_of(exchange[half]) for half in ("command", "response")] for exchange in tool):
        if all(names) and names[0][1:] != names[1][1:]:
            yield f"the tool tells {names[1]} beside {names[0]}"
    for options in ((), parity.exchanges.IN_ORDER):
        plugin = sorted(map(parity.comparable, parity.exchanges.of_capture(shark, path, *options)), key=parity.sort_key)
        if plugin != tool:
            yield f"the plugin tells {plugin}, the tool {tool}"


def check_all(talks):
    """Exits by whether tool and plugin tell the same, and as much as they should, of each (name, exchanges, talk)."""
    bad = 0
    with wireshark.Wireshark() as shark:
        for name, want, talk in talks:
            for wrong in check(shark, name, want, talk):
                bad += 1
                print(f"{name}: {wrong}")
    print(f"{len(talks)} connections, {bad} wrong")
    sys.exit(bad > 0)
