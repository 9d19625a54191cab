#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds tool and plugin together on the sessions of tests/net/test_forged.py: both tell the same exchanges, the same
doubts, with the same frames, and the same outcome. A session whose forger comes first, and clean ones, too.

    forged.py [--seed N] [--count N]        IMAPID_TOOL and IMAPID_PLUGINS as for parity.py
"""
import argparse
import os
import pathlib
import random
import re
import sys
import tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(FOLDER, "../dissector"), os.path.join(FOLDER, "../net")]

import pcap
import test_forged
import wireshark

TOOL = os.path.abspath(os.environ.get("IMAPID_TOOL", "build/bin/imapid"))
TOLD = re.compile(r"(\w[\w-]+), frame (\d+): ")
OUTCOME = ("imapid.stopped_at", "imapid.stopped_by", "imapid.outcome.status")
CODES = {"conflicting-data", "reset-ignored", "new-syn", "off-sequence", "bad-checksum"}


def reset_ahead(rng, packets):
    """The last packet; nothing is behind it."""
    del packets[max(i for i, packet in enumerate(packets) if packet.data) + 1:]
    now, side = test_forged.numbers(packets, len(packets)), rng.randrange(2)
    packets.append(test_forged.Packet(side, now[side] + rng.randrange(1, 9000), now[1 - side], test_forged.RST))


def copy_waits(rng, packets):
    """A copy of what waits behind a hole, and differs."""
    at = rng.choice([i for i, packet in enumerate(packets) if packet.data and packet.side == 0])
    packet = packets[at]
    half = len(packet.data) // 2
    rest = test_forged.Packet(0, packet.seq + half, packet.ack, test_forged.ACK, packet.data[half:])
    other = test_forged.Packet(0, rest.seq, packet.ack, test_forged.ACK, packet.data[half:-3] + b"?\r\n")
    packet.data = packet.data[:half]
    packets[at:at + 1] = [rest, other, packet]


def copy_fills(rng, packets):
    """A second half waits behind a hole; the whole, which fills it, has another one. Sometimes a third part is behind it."""
    at = rng.choice([i for i, packet in enumerate(packets) if b" ID (" in packet.data])
    packet = packets[at]
    from_, to = packet.data.index(b"x"), len(packet.data) - rng.choice((0, 0, 2))
    waits = test_forged.Packet(packet.side, packet.seq + from_, packet.ack, test_forged.ACK, packet.data[from_:to])
    packet.data = packet.data[:from_] + bytes(octet ^ 1 if chr(octet).isdigit() else octet for octet in packet.data[from_:])
    packets[at:at] = [waits]


def same_syn(rng, packets):
    """A SYN of the server's with the number that its SYN+ACK had: Wireshark takes it for the client from then on."""
    packets.insert(rng.randrange(2, 5), test_forged.Packet(1, packets[1].seq, 0, test_forged.SYN))


# Before the greeting, where nobody has said yet that this is IMAP.

def early(rng, packets):
    """A place in the handshake, whose side forges, and what both sides send next there."""
    return rng.randrange(1, 4), rng.randrange(2), [packet.seq + 1 for packet in packets[:2]]


def early_reset(rng, packets):
    at, side, now = early(rng, packets)
    beside = rng.choice((0, 0, 1, 1000, 1 << 31))
    packets.insert(at, test_forged.Packet(side, now[side] + beside, now[1 - side], test_forged.RST | rng.choice((0, test_forged.ACK))))


def early_fin(rng, packets):
    at, side, now = early(rng, packets)
    beside = rng.choice((0, 0, 12, 70000, 1 << 31))
    packets.insert(at, test_forged.Packet(side, now[side] - beside, now[1 - side], test_forged.FIN | test_forged.ACK))


def early_syn(rng, packets):
    at, side, now = early(rng, packets)
    number = rng.getrandbits(32)
    packets.insert(at, test_forged.Packet(side, number, side * now[0], test_forged.SYN | side * test_forged.ACK))


def early_syn_and_octets(rng, packets):
    """Another answer to the SYN, and octets that wait for more of that sequence."""
    number = rng.getrandbits(32)
    packets[2:2] = [test_forged.Packet(1, number, packets[0].seq + 1, test_forged.SYN | test_forged.ACK),
                    test_forged.Packet(1, number + 100, packets[0].seq + 1, test_forged.ACK, test_forged.FORGED)]


def early_never_sent(rng, packets):
    at, side, now = early(rng, packets)
    packets.insert(at, test_forged.Packet(side, now[side], now[1 - side] + rng.randrange(1, 60000), test_forged.ACK))


def early_far(rng, packets):
    at, side, now = early(rng, packets)
    beside = rng.choice((1 << 31, 1 << 30, 3 << 29, -len(test_forged.FORGED)))
    packets.insert(at, test_forged.Packet(side, now[side] + beside, now[1 - side], test_forged.ACK, test_forged.FORGED))


def early_sum(rng, packets):
    packets[rng.randrange(4)].wrong_sum = rng.randrange(1, 0xFFFF)


EARLY = (early_reset, early_fin, early_syn, early_syn_and_octets, early_never_sent, early_far, early_sum)
CHANGES = test_forged.FORGERIES + test_forged.HARMLESS + (reset_ahead, copy_waits, copy_fills, same_syn) + EARLY
# Packets that are moved far are in random_sessions.py, with what Wireshark makes of them.
READS_LESS = (test_forged.moved,)
# A port that the preference of Wireshark's dissector names.
OTHER_PORT = 9143
# One of which nothing is known. Nobody looks at handshakes there, so the plugin does not know whose of two answers to the SYN the client has
# heard; and what looks like HTTP is HTTP's.
UNKNOWN_PORT = 2143


def by_plugin(shark, path, *options):
    """Of each port, the doubts as (code, frame), the names of each exchange in its frames, and what became of it."""
    doubts, names, outcomes = {}, {}, {}
    for row in shark.rows(path, ["tcp.port", "_ws.expert.message", "imapid.name", "frame.number", *OUTCOME], "-2",
                          "-Y", "imapid or imapid.doubt or imapid.outcome", *options):
        ports, messages, said, number, *outcome = row
        port = max(map(int, ports))
        if any(outcome):
            outcomes.setdefault(port, []).append((*("".join(part) or None for part in outcome), int(number[0])))
        for code, frame in TOLD.findall("\n".join(messages)):
            if code.lower() in CODES:
                doubts.setdefault(port, set()).add((code.lower(), int(frame)))
        if said:
            names.setdefault(port, []).extend(said)
    return doubts, names, outcomes


def compare(shark, path, made, records, *options):
    doubts, names, outcomes = by_plugin(shark, path, *options)
    for i, ((change, _), told) in enumerate(zip(made, records)):
        port = 20000 + i
        tool = {(doubt["code"], frame) for doubt in told[-1]["doubts"] for frame in doubt["frames"]} if told else set()
        said = sorted(name for record in told if record["type"] == "exchange" for name in test_forged.names_of(record) if name)
        if tool != doubts.get(port, set()):
            yield f"{change.__name__} {port}: the tool doubts {sorted(tool)}, the plugin {sorted(doubts.get(port, ()))}"
        if change not in READS_LESS and said != sorted(names.get(port, [])):
            yield f"{change.__name__} {port}: the tool tells {said}, the plugin {sorted(names.get(port, []))}"
        ended = [tuple(record["outcome"][part] for part in ("stopped_at", "by", "status", "frame")) for record in told if record["type"] == "session"]
        if ended != outcomes.get(port, []):
            yield f"{change.__name__} {port}: in the tool it ended by {ended}, in the plugin by {outcomes.get(port, [])}"


def is_known_to_differ(change, packets):
    return change in (*READS_LESS, test_forged.early_syn_waits) or any(packet.data.startswith(b"HTTP/") for packet in packets)


def compare_unknown(shark, tool, made):
    """On a port that says nothing: the same names."""
    test_forged.Packet.server_port = UNKNOWN_PORT
    records = tool.read([packets for _, packets in made])
    _, names, _ = by_plugin(shark, shark.write("forged.pcap", tool.path.read_bytes()))
    for i, ((change, packets), told) in enumerate(zip(made, records)):
        said = sorted(name for record in told if record["type"] == "exchange" for name in test_forged.names_of(record) if name)
        if not is_known_to_differ(change, packets) and said != sorted(names.get(20000 + i, [])):
            yield f"{change.__name__} {20000 + i}, port {UNKNOWN_PORT}: the tool tells {said}, the plugin {sorted(names.get(20000 + i, []))}"


def behind_syn(shark, side, more=()):
    """The frames with a finding that accuses the server, where a SYN of that side, and more of it, stand between a command and its answer; and
    those of answers that have no command."""
    talk = pcap.Talk().handshake().server(b"* OK hi\r\n").client(b'a0 ID ("name" "x")\r\n')
    now = list(talk.next)
    talk._add(side, pcap.SYN, seq=123456)
    for octets in more:
        talk._add(side, pcap.ACK | pcap.PUSH, octets)
    talk.next = now
    talk.client(b"a1 NOOP\r\n").server(b'* ID ("name" "y")\r\na0 OK\r\na1 OK\r\n')
    path = shark.write("behind.pcap", talk.octets())
    return (shark.frames(path, "imapid.unsolicited_response || imapid.no_response"),
            shark.frames(path, "imapid.response && !imapid.request_in"), shark.frames(path, "imapid.response"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=180)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    made = []
    for i in range(arguments.count):
        packets, _ = test_forged.session(rng, rng.randrange(2, 5))
        CHANGES[i % len(CHANGES)](rng, packets)
        made.append((CHANGES[i % len(CHANGES)], packets))
    bad = 0
    with wireshark.Wireshark() as shark, tempfile.TemporaryDirectory() as folder:
        tool = test_forged.Tool(TOOL, pathlib.Path(folder))
        for port, options in ((143, ()), (143, ("-o", "tcp.reassemble_out_of_order:TRUE")),
                              (OTHER_PORT, ("-o", f"imap.tcp.port:143,{OTHER_PORT}"))):
            test_forged.Packet.server_port = port
            records = tool.read([packets for _, packets in made])
            path = shark.write(f"forged-{port}.pcap", tool.path.read_bytes())
            for wrong in compare(shark, path, made, records, *options):
                bad += 1
                print(" ".join(options), wrong)
        for wrong in compare_unknown(shark, tool, made):
            bad += 1
            print(wrong)
        for side in (0, 1):
            for more in ((), (b"* OK hello\r\n",), (b"z9 NOOP\r\n", b"z8 NOOP\r\n")):
                accused, alone, answers = behind_syn(shark, side, more)
                if accused or alone or len(answers) != 1:
                    bad += 1
                    print(f"a SYN of side {side}, {more}: the server is accused in {accused}, answers {answers}, of these alone {alone}")
    print(f"{len(made)} sessions, {bad} differ")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
