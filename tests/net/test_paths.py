#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions with the same addresses and ports, each in VLANs and tunnels of its own: nothing of one is told of another, though
somebody sends octets of one on the path of another, or where one has a hole.

test_paths.py IMAPID [--seed N] [--count N]"""
import argparse
import json
import pathlib
import random
import struct
import tempfile

import encapsulations
import test_forged


class Layers:
    """What is around a packet: tags and labels, and a tunnel with layers of its own."""
    TUNNELS = ("", "ip", "gre", "gre", "vxlan", "vxlan")

    def __init__(self, rng, depth=0, in_frame=True):
        self.tags = [(rng.choice((b"\x81\0", b"\x88\xa8")), rng.randrange(1, 4095)) for _ in range(rng.choice((0, 0, 1, 2)) * in_frame)]
        self.labels = [rng.randrange(16, 1 << 20) for _ in range(rng.choice((0, 0, 0, 1, 2)) * in_frame)]
        self.tunnel = rng.choice(self.TUNNELS) if depth < 2 else ""
        self.number = rng.randrange(1, 1 << 24) if self.tunnel == "vxlan" or (self.tunnel == "gre" and rng.random() < 0.7) else None
        self.ends = [bytes(rng.choices(range(1, 250), k=4)) for _ in range(2)]
        self.is_ethernet = self.tunnel == "vxlan" or (self.tunnel == "gre" and rng.random() < 0.5)
        self.inner = Layers(rng, depth + 1, self.is_ethernet) if self.tunnel else None

    def path(self):
        """As imapid tells it. Of labels the last one counts: the others are the way through a core."""
        hops = [{"kind": "vlan", "number": number} for _, number in self.tags]
        hops += [{"kind": "mpls", "number": number} for number in self.labels[-1:]]
        if self.tunnel:
            ends = [".".join(map(str, end)) for end in self.ends]
            hops += [{"kind": self.tunnel, "number": self.number, "from": ends[0], "to": ends[1]}] + self.inner.path()
        return hops

    def packet(self, side, packet):
        if not self.tunnel:
            return packet
        inner = self.inner.frame(side, packet) if self.is_ethernet else self.inner.packet(side, packet)
        if self.tunnel == "ip":
            protocol = 4
        elif self.tunnel == "gre":
            key = struct.pack("!I", self.number) if self.number is not None else b""
            protocol, inner = 47, encapsulations.gre(b"\x65\x58" if self.is_ethernet else b"\x08\0", inner, 0x2000 * bool(key), key)
        else:
            protocol, inner = 17, encapsulations.vxlan(self.number, inner)
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), 0, 0x4000, 64, protocol, 0) + self.ends[side] + self.ends[1 - side]
        return head[:10] + struct.pack("!H", encapsulations.checksum(head)) + head[12:] + inner

    def frame(self, side, packet):
        kind, octets = b"\x08\0", self.packet(side, packet)
        for i, number in enumerate(reversed(self.labels)):
            kind, octets = b"\x88\x47", encapsulations.label(number, octets, i == 0)
        for tag, number in reversed(self.tags):
            kind, octets = tag, encapsulations.tag(number, kind, octets)
        return encapsulations.ethernet(side, kind, octets)


class Packet(test_forged.Packet):
    layers = None

    def frame(self, port):
        return self.layers.frame(self.side, super().frame(port)[14:])


def put(layers, packets):
    for packet in packets:
        packet.__class__, packet.layers = Packet, layers
    return packets


def mixed(rng, *queues):
    """The packets of each in their order."""
    turns = [i for i, queue in enumerate(queues) for _ in queue]
    rng.shuffle(turns)
    return [queues[i].pop(0) for i in turns]


class Case:
    def __init__(self, rng, is_forged, has_hole):
        self.layers = [Layers(rng) for _ in range(3)]
        while len({json.dumps(layers.path()) for layers in self.layers}) < 3:
            self.layers = [Layers(rng) for _ in range(3)]
        packets, self.said = zip(*(test_forged.session(rng, rng.randrange(2, 5)) for _ in range(2)))
        self.missing, self.is_beside = (), False
        for layers, of_one in zip(self.layers, packets):
            put(layers, of_one)
        if is_forged:
            self.forge(rng, packets[0])
        if has_hole:
            self.make_hole(rng, packets[0])
        self.packets = mixed(rng, *packets)

    def stranger(self, rng):
        """Layers of the other session, or of none."""
        is_beside = rng.random() < 0.5
        self.is_beside |= is_beside
        return self.layers[1 if is_beside else 2]

    def forge(self, rng, packets):
        at, side = test_forged.place(rng, packets), rng.randrange(2)
        now, data = test_forged.numbers(packets, at), (b"z9 ", b"* ")[side] + test_forged.FORGED + b"\r\n"
        packets[at:at] = put(self.stranger(rng), [
            test_forged.Packet(side, now[side] + i * len(data), now[1 - side], test_forged.ACK, data) for i in range(rng.randrange(1, 4))])

    def make_hole(self, rng, packets):
        at = rng.choice([i for i, packet in enumerate(packets) if packet.side == 0 and packet.data and packet.layers is self.layers[0]])
        packet = packets[at]
        self.missing = tuple(names[0] for names in self.said[0] if names[0].encode() in packet.data)
        packet.data = (packet.data[:3] + test_forged.FORGED)[:len(packet.data) - 2].ljust(len(packet.data) - 2) + b"\r\n"
        put(self.stranger(rng), [packet])

    def check(self, records):
        paths = [layers.path() for layers in self.layers]
        for record in records:
            where = next((i for i in range(2) if same(record["path"] or [], paths[i])), None)
            assert where is not None, (record["path"], paths)
            # On the path of the other session a stranger may have sent before it began. That is told, with a doubt.
            may_doubt = where == 1 and self.is_beside
            assert may_doubt or not record["doubts"], (record["doubts"], where)
            assert "FORGED" not in json.dumps(record) or (may_doubt and record["doubts"]), record
        for i in range(2):
            told = [name for record in records if record["type"] == "exchange" and same(record["path"] or [], paths[i])
                    for name in test_forged.names_of(record) if name and name != "FORGED"]
            said = [name for names in self.said[i] for name in names if i or name not in self.missing]
            assert sorted(told) == sorted(said), (told, said)


def same(hops, others):
    """What has no number, or no ends, may say so or not."""
    return [{key: hop[key] for key in hop if hop[key] is not None} for hop in hops] == \
        [{key: hop[key] for key in hop if hop[key] is not None} for hop in others][:8]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imapid")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--count", type=int, default=800)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    cases = [Case(rng, i & 1, i & 2) for i in range(arguments.count)]
    with tempfile.TemporaryDirectory() as folder:
        tool = test_forged.Tool(arguments.imapid, pathlib.Path(folder))
        for case, records in zip(cases, tool.read([case.packets for case in cases])):
            case.check(records)
    print(f"{arguments.count} pairs of sessions with equal addresses and ports, each on a path of its own, as they should be")


if __name__ == "__main__":
    main()
