# SPDX-License-Identifier: GPL-2.0-or-later
"""Small captures made of others, or of nothing: packets dropped, swapped, repeated, cut."""
import struct

HEADER = struct.Struct("<IHHiIII")
PACKET = struct.Struct("<IIII")
LITTLE_MICRO = 0xA1B2C3D4


def read(path):
    """The packets of a little-endian pcap: a list of (seconds, microseconds, octets, length)."""
    with open(path, "rb") as file:
        return parse(file.read())


def parse(octets):
    """The same of its octets."""
    magic, *_, link = HEADER.unpack_from(octets)
    assert magic == LITTLE_MICRO and link == 1, (magic, link)
    packets, at = [], HEADER.size
    while at < len(octets):
        seconds, micros, n, length = PACKET.unpack_from(octets, at)
        at += PACKET.size
        packets.append((seconds, micros, octets[at:at + n], length))
        at += n
    return packets


def write(packets):
    """The octets of a pcap of these packets."""
    parts = [HEADER.pack(LITTLE_MICRO, 2, 4, 0, 0, 262144, 1)]
    for seconds, micros, octets, length in packets:
        parts += (PACKET.pack(seconds, micros, len(octets), length), octets)
    return b"".join(parts)


def cut(octets, n, change=bytes):
    """The octets of a pcap as they would be with a snap length of n, each packet changed."""
    packets = [(seconds, micros, change(packet[:n]), length) for seconds, micros, packet, length in parse(octets)]
    return write(packets)


def moved(octets, number):
    """A packet of IPv4 on Ethernet as it would be between other addresses: a copy of its own for each number."""
    middle = struct.pack("!H", number)
    return octets[:27] + middle + octets[29:31] + middle + octets[33:]


def payload(packet):
    """The port a segment of TCP over IPv4 on Ethernet comes from, and its octets."""
    octets = packet[2]
    at = 14 + 4 * (octets[14] & 15)
    end = 14 + int.from_bytes(octets[16:18], "big")
    return int.from_bytes(octets[at:at + 2], "big"), octets[at + 4 * (octets[at + 12] >> 4):end]


SYN, ACK, PUSH, FIN, RESET = 0x02, 0x10, 0x08, 0x01, 0x04


class Talk:
    """A TCP connection over IPv4, as one captures it: packets to add to a list."""

    def __init__(self, client_port=50000, server_port=143):
        self.packets = []
        self.ports = (client_port, server_port)
        self.next = [1000, 9000000]

    def _add(self, side, flags, octets=b"", seq=None):
        seq = self.next[side] if seq is None else seq
        tcp = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], seq,
                          self.next[1 - side] if flags & ACK else 0, 5 << 4, flags, 65535, 0, 0)
        addresses = (b"\x0a\0\0\x05", b"\x0a\0\0\x01")
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp) + len(octets), 0, 0x4000, 64, 6, 0)
        frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + addresses[side] + addresses[1 - side] + tcp + octets
        self.packets.append((1700000000, len(self.packets) * 1000, frame, len(frame)))
        self.next[side] = seq + len(octets) + (1 if flags & (SYN | FIN) else 0)

    def handshake(self):
        self._add(0, SYN)
        self._add(1, SYN | ACK)
        self._add(0, ACK)
        return self

    def client(self, octets):
        self._add(0, ACK | PUSH, octets)
        return self

    def server(self, octets):
        self._add(1, ACK | PUSH, octets)
        return self

    def acknowledge(self, side):
        """A segment of a side without octets."""
        self._add(side, ACK)
        return self

    def close(self):
        """The client ends the connection, then the server."""
        self._add(0, ACK | FIN)
        self._add(1, ACK | FIN)
        self._add(0, ACK)
        return self

    def reset(self, side):
        """A side breaks the connection off."""
        self._add(side, RESET)
        return self

    def lose(self, side, n):
        """That many octets of a side are not in the capture."""
        self.next[side] += n
        return self

    def again(self, side, octets, back):
        """Octets sent again, from `back` octets before."""
        now = self.next[side]
        self._add(side, ACK | PUSH, octets, now - back)
        self.next[side] = max(now, self.next[side])
        return self

    def quote(self):
        """The server's host answers the client's last segment with an error, which quotes it."""
        packet = [packet[2] for packet in self.packets if packet[2][29] == 5][-1]
        icmp = b"\3\3\0\0\0\0\0\0" + packet[14:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 0, 0x4000, 64, 1, 0) + b"\x0a\0\0\1\x0a\0\0\5"
        self.packets.append((1700000000, len(self.packets) * 1000, packet[:14] + ip + icmp, 14 + len(ip + icmp)))
        return self

    def octets(self):
        return write(self.packets)
