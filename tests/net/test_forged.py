#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a forger sends into sessions, at random places: nothing that both ends said is lost, and the
doubt is told. Sessions without a forger, whole or with packets repeated or moved, have no doubt.

test_forged.py IMAPID [--seed N] [--count N]"""
import argparse
import json
import pathlib
import random
import struct
import subprocess
import tempfile

import encapsulations

SYN, FIN, RST, ACK, PSH = 2, 1, 4, 16, 8
ADDRESS = (bytes((10, 0, 0, 5)), bytes((10, 0, 0, 1)))
FORGED = b'ID ("name" "FORGED" "version" "6")'


def checksum(octets):
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Packet:
    server_port = 143

    def __init__(self, side, seq, ack, flags, data=b"", is_forged=False):
        self.side, self.seq, self.ack, self.flags, self.data = side, seq % 2**32, ack % 2**32, flags, data
        self.is_forged, self.wrong_sum, self.tunnel = is_forged, 0, None
        self.options, self.n_cut = b"", 0

    def frame(self, port):
        ports = (port, self.server_port) if self.side == 0 else (self.server_port, port)
        tcp = struct.pack("!HHIIBBHHH", *ports, self.seq, self.ack, 0x50 + 4 * len(self.options), self.flags, 65535, 0, 0)
        tcp += self.options + self.data
        ends = ADDRESS[self.side] + ADDRESS[1 - self.side]
        value = checksum(ends + struct.pack("!HH", 6, len(tcp)) + tcp) ^ self.wrong_sum
        tcp = tcp[:16] + struct.pack("!H", value) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + ends
        packet = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp
        frame = encapsulations.ethernet(self.side, b"\x08\0", packet)
        if self.tunnel:
            outer = encapsulations.ip4(self.side, 17, encapsulations.vxlan(self.tunnel, frame))
            frame = encapsulations.ethernet(self.side, b"\x08\0", outer)
        return frame


def session(rng, n):
    """Packets, and the names that are said in each exchange."""
    at = [rng.getrandbits(32), rng.getrandbits(32)]
    packets = [Packet(0, at[0], 0, SYN), Packet(1, at[1], at[0] + 1, SYN | ACK)]
    at = [at[0] + 1, at[1] + 1]

    def say(side, data, flags=0):
        packets.append(Packet(side, at[side], at[1 - side], ACK | flags, data))
        at[side] += len(data) + (flags & FIN)

    say(0, b"")
    say(1, b"* OK [CAPABILITY IMAP4rev1 ID] hello\r\n", PSH)
    said = []
    for i in range(n):
        names = f"client{i}x{rng.randrange(1000)}", f"server{i}x{rng.randrange(1000)}"
        said.append(names)
        say(0, f'a{i} ID ("name" "{names[0]}" "version" "1")\r\n'.encode(), PSH)
        if rng.random() < 0.3:
            say(1, b"")
        say(1, f'* ID ("name" "{names[1]}")\r\na{i} OK done\r\n'.encode(), PSH)
        if rng.random() < 0.5:
            say(0, b"")
    if rng.random() < 0.7:
        say(0, b"", FIN)
        say(1, b"", FIN)
        say(0, b"")
    return packets, said


def place(rng, packets):
    """Where to forge: behind the greeting, before the last command."""
    commands = [i for i, packet in enumerate(packets) if packet.side == 0 and packet.data]
    return rng.randrange(5, commands[-1] + 1) if commands[-1] >= 5 else 4


def numbers(packets, at):
    """What both sides send next, as it is before packet `at`."""
    result = [None, None]
    for packet in packets[:at]:
        result[packet.side] = packet.seq + len(packet.data) + bool(packet.flags & (SYN | FIN))
    return result


def forge(packet):
    packet.is_forged = True
    return packet


# What a server of IMAP, of something else, or of nothing known, would begin with.
OTHERS = (b"* OK hi\r\n", b"220 mail ESMTP\r\n", b"+OK hi\r\n", b"x", b"\0\0\0\1", b"\x16\x03\x03\0\x50\2\0\0\x4c\3\3", b"HTTP/1.1 200 OK\r\n\r\n")


# Each changes the packets, and returns the codes of which one has to be told.

def reset(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    now = numbers(packets, at)
    beside = rng.choice((0, 0, 1, 1000, 100000, 1 << 31))
    packets.insert(at, forge(Packet(side, now[side] + beside, now[1 - side], RST | rng.choice((0, ACK)))))
    return {"reset-ignored"}


def fins(rng, packets):
    at = place(rng, packets)
    now, first = numbers(packets, at), rng.randrange(2)
    packets.insert(at, forge(Packet(first, now[first], now[1 - first], FIN | ACK)))
    if rng.random() < 0.7:
        packets.insert(at + 1, forge(Packet(1 - first, now[1 - first], now[first] + 1, FIN | ACK)))
    return {"reset-ignored"}


def syn(rng, packets):
    """In the name of either side; sometimes the other one answers."""
    at, side = place(rng, packets), rng.randrange(2)
    number = rng.choice((rng.getrandbits(32), numbers(packets, at)[side]))
    packets.insert(at, forge(Packet(side, number, 0, SYN)))
    if rng.random() < 0.3:
        packets.insert(at + 1, forge(Packet(1 - side, rng.getrandbits(32), number + 1, SYN | ACK)))
    return {"new-syn"}


def syn_ack(rng, packets):
    at = place(rng, packets)
    packets.insert(at, forge(Packet(1, rng.getrandbits(32), numbers(packets, at)[0], SYN | ACK)))
    return {"new-syn"}


def fin_beside(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    now = numbers(packets, at)
    packets.insert(at, forge(Packet(side, now[side] - rng.choice((12, 70000, 1 << 31)), now[1 - side], FIN | ACK)))
    return {"reset-ignored", "off-sequence"}


def before_first(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    data = b"z9 " + FORGED + b"\r\n"
    packets.insert(at, forge(Packet(side, packets[side].seq + 1 - len(data), numbers(packets, at)[1 - side], ACK | PSH, data)))
    return {"off-sequence"}


def ahead_of_all(rng, packets):
    """Behind the SYN+ACK, before anything else: the first is as far ahead as a window goes, so it waits."""
    data = b"* " + FORGED + b"\r\n"
    for i in range(rng.randrange(5, 8)):
        packets.insert(2 + i, forge(Packet(1, packets[1].seq + 1 + (1 << 30) + i * len(data), packets[0].seq + 1, ACK | PSH, data)))
    return {"off-sequence"}


def before_syn(rng, packets):
    """Octets of a server that has not answered the SYN yet, and, perhaps, more of them behind its greeting."""
    number, data = packets[1].seq + rng.choice((1 << 31, 1 << 30, 3 << 29, 1 << 20)), rng.choice(OTHERS)
    if rng.random() < 0.5:
        packets.insert(4, forge(Packet(1, number + len(data), packets[0].seq + 1, ACK | PSH, data)))
    packets.insert(1, forge(Packet(1, number, packets[0].seq + 1, ACK | PSH, data)))
    return {"new-syn"}


def early_syn_waits(rng, packets):
    """Another answer to the SYN before the true one, with octets that wait for some which the client has not sent."""
    data = rng.choice((FORGED, b"* OK hi\r\n", b"* " + FORGED + b"\r\n"))
    number, ahead = packets[1].seq - rng.randrange(2, 300), rng.randrange(1, 300)
    packets.insert(1, forge(Packet(1, number, packets[0].seq + 1 + ahead, SYN | ACK, data)))
    return {"new-syn"}


def far(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    now = numbers(packets, at)
    number = now[side] + rng.choice((1 << 31, 1 << 30, 3 << 29)) + rng.randrange(1000)
    for i in range(rng.randrange(1, 8)):
        data = b"z9 " + FORGED + b"\r\n"
        packets.insert(at + i, forge(Packet(side, number, now[1 - side], ACK | PSH, data)))
        number += len(data)
    return {"off-sequence"}


def never_sent(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    now = numbers(packets, at)
    packets.insert(at, forge(Packet(side, now[side], now[1 - side] + rng.randrange(1, 60000), ACK)))
    return None


def second_copy(rng, packets):
    at = rng.choice([i for i, packet in enumerate(packets) if packet.data])
    data = bytearray(packets[at].data)
    data[rng.randrange(len(data))] ^= 1
    packets.insert(at + 1, forge(Packet(packets[at].side, packets[at].seq, packets[at].ack, ACK | PSH, bytes(data))))
    return {"conflicting-data"}


def wrong_sum(rng, packets):
    at, side = place(rng, packets), rng.randrange(2)
    now = numbers(packets, at)
    packets.insert(at, forge(Packet(side, now[side], now[1 - side], ACK)))
    packets[at].wrong_sum = rng.randrange(1, 0xFFFF)
    return {"bad-checksum"}


FORGERIES = (reset, fins, fin_beside, syn, syn_ack, far, before_first, before_syn, early_syn_waits, ahead_of_all, never_sent, second_copy, wrong_sum)


def whole(rng, packets):
    pass


def repeated(rng, packets):
    for _ in range(3):
        at = rng.randrange(len(packets))
        packets.insert(rng.randrange(at + 1, min(at + 8, len(packets)) + 1), packets[at])


def moved(rng, packets):
    for _ in range(3):
        packet = packets.pop(rng.randrange(2, len(packets)))
        packets.insert(rng.randrange(2, len(packets) + 1), packet)


def offloaded(rng, packets):
    side = rng.randrange(2)
    for packet in packets:
        if packet.side == side:
            packet.wrong_sum = 0x1234


def cut_options(rng, packets):
    """Options of TCP, the capture ends in the middle of them: nobody knows what their checksum is."""
    for packet in packets:
        if not packet.data and rng.random() < 0.7:
            packet.options, packet.n_cut = bytes((1, 1, 1, 5, 1, 7, 1, 9)), rng.randrange(1, 8)


HARMLESS = (whole, repeated, moved, offloaded, cut_options)


class Tool:
    def __init__(self, imapid, folder):
        self.imapid, self.path = imapid, folder / "forged.pcap"

    def read(self, sessions):
        """Records of the sessions by port, which have their packets one after the other."""
        frames, time = [], 0
        for i, packets in enumerate(sessions):
            for packet in packets:
                time += 1000
                frame = packet.frame(20000 + i)
                n = len(frame) - packet.n_cut
                frames.append(struct.pack("<IIII", 1000 + time // 10**6, time % 10**6, n, len(frame)) + frame[:n])
        self.path.write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + b"".join(frames))
        done = subprocess.run([self.imapid, "-q", "-T", "jsonl", self.path], capture_output=True, check=True)
        found = {}
        for line in done.stdout.splitlines():
            record = json.loads(line)
            if "client" in record:
                found.setdefault(record["client"]["port"], []).append(record)
        return [found.get(20000 + i, []) for i in range(len(sessions))]


def names_of(record):
    return tuple(dict(record[half]["params"]).get("name") if record[half] else None for half in ("command", "response"))


def codes_of(records):
    return {doubt["code"] for record in records for doubt in record["doubts"]}


def check_forged(tool, rng, count):
    made = []
    for i in range(count):
        packets, said = session(rng, rng.randrange(2, 5))
        forgery = FORGERIES[i % len(FORGERIES)]
        made.append((forgery, packets, said, forgery(rng, packets)))
    for (forgery, packets, said, codes), records in zip(made, tool.read([row[1] for row in made])):
        told = [names_of(record) for record in records if record["type"] == "exchange"]
        context = forgery.__name__, said, told, codes_of(records), [vars(packet) for packet in packets]
        assert told == said, context
        assert codes is None or codes_of(records) & codes, context
        assert all(record["path"] is None for record in records), context
        assert records[-1]["from_start"] or Packet.server_port == 143, context
        places = {i for doubt in records[-1]["doubts"] for i in doubt["frames"]}
        assert codes is None or places, context


def check_clean(tool, rng, count):
    made = []
    for i in range(count):
        packets, said = session(rng, rng.randrange(2, 5))
        HARMLESS[i % len(HARMLESS)](rng, packets)
        made.append((HARMLESS[i % len(HARMLESS)], packets, said))
    for (change, packets, said), records in zip(made, tool.read([row[1] for row in made])):
        context = change.__name__, said, codes_of(records), [vars(packet) for packet in packets]
        assert not codes_of(records), context
        assert [names_of(record) for record in records if record["type"] == "exchange"] == said, context


def check_first(tool, rng, count):
    """The forger is first: his words are told, and not as complete."""
    sessions = []
    for _ in range(count):
        packets, _ = session(rng, 2)
        at = [i for i, packet in enumerate(packets) if packet.side == 0 and packet.data][rng.randrange(2)]
        true = packets[at].data
        data = (true[:3] + FORGED)[:len(true) - 2].ljust(len(true) - 2) + b"\r\n"
        packets.insert(at, forge(Packet(0, packets[at].seq, packets[at].ack, ACK | PSH, data)))
        sessions.append(packets)
    for packets, records in zip(sessions, tool.read(sessions)):
        forged = [record for record in records if record["type"] == "exchange" and names_of(record)[0] == "FORGED"]
        assert forged and not forged[0]["complete"], (forged, records)
        assert codes_of(records) == {"conflicting-data"}, records
        assert any(record["complete"] for record in records if record["type"] == "exchange"), records


def check_other_path(tool, rng, count):
    """A command is missing in the capture, and a tunnel brings another one in its place; or a whole
    session comes in a tunnel; or a copy of all comes through another one."""
    sessions = []
    for _ in range(count):
        packets, _ = session(rng, 3)
        at = rng.choice([i for i, packet in enumerate(packets) if packet.side == 0 and packet.data])
        true = packets[at].data
        packets[at].data = (true[:3] + FORGED)[:len(true) - 2].ljust(len(true) - 2) + b"\r\n"
        packets[at].tunnel = 7
        sessions.append(packets)
    for records in tool.read(sessions):
        assert b"FORGED" not in json.dumps(records).encode(), records
    packets, said = session(rng, 3)
    for packet in packets:
        packet.tunnel = 9
    records = tool.read([packets])[0]
    hop = {"kind": "vxlan", "number": 9, "from": "192.0.2.1", "to": "192.0.2.2"}
    assert [names_of(record) for record in records if record["type"] == "exchange"] == said
    assert all(record["path"] == [hop] for record in records), records
    packets, said = session(rng, 3)
    both = []
    for packet in packets:
        copy = Packet(packet.side, packet.seq, packet.ack, packet.flags, packet.data)
        copy.tunnel = 9
        both += [packet, copy]
    records = tool.read([both])[0]
    assert [names_of(record) for record in records if record["type"] == "exchange"] == said, records
    assert len(records) == len(said) + 1 and not codes_of(records), records
    packets, said = session(rng, 12)
    for packet in packets[len(packets) // 2:]:
        packet.tunnel = 9
    records = tool.read([packets])[0]
    assert [names_of(record) for record in records if record["type"] == "exchange"] == said, records


def check_other_session(tool, rng, count):
    """A forged session begins in the middle, and the true one goes on: both are in doubt, and the true one is told."""
    made = []
    for _ in range(count):
        packets, said = session(rng, 3)
        at = place(rng, packets)
        packets[at:at] = map(forge, session(rng, 1)[0][:rng.randrange(4, 7)])
        made.append((packets, said))
    for (_, said), records in zip(made, tool.read([packets for packets, _ in made])):
        told = [names_of(record) for record in records if record["type"] == "exchange"]
        assert [names for names in told if names in said] == said, (said, told)
        assert all("new-syn" in codes_of([record]) for record in records if record["type"] == "session"), records


def check_reset_ahead(tool, rng, count):
    """A reset in the window, but not in place, is the last packet: no connection ends without a doubt by it,
    and what was asked before it is not told as unanswered."""
    sessions = []
    for i in range(count):
        packets, said = session(rng, 2)
        packets = packets[:max(k for k, packet in enumerate(packets) if packet.data) + (i % 2)]
        now, side = numbers(packets, len(packets)), rng.randrange(2)
        packets.append(forge(Packet(side, now[side] + rng.randrange(1, 1 << 16), now[1 - side], RST)))
        sessions.append(packets)
    for i, records in enumerate(tool.read(sessions)):
        assert records[-1]["ended"] == "rst" and codes_of(records) == {"off-sequence"}, records
        assert records[-1]["doubts"][0]["frames"], records
        assert [record["complete"] for record in records[:-1]] == [True, i % 2 == 1], records


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imapid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=700)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(arguments.imapid, pathlib.Path(folder))
        for port in 2143, 143:  # on the one what is said first decides whether it is IMAP
            Packet.server_port = port
            check_forged(tool, rng, arguments.count)
            check_clean(tool, rng, arguments.count)
        check_first(tool, rng, arguments.count // 7)
        check_other_path(tool, rng, arguments.count // 7)
        check_other_session(tool, rng, arguments.count // 7)
        check_reset_ahead(tool, rng, arguments.count // 7)
    print(f"{arguments.count} forged and {arguments.count} clean sessions, as they should be")


if __name__ == "__main__":
    main()
