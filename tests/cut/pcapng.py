# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads pcapng as its draft has it (draft-ietf-opsawg-pcapng), and nothing forgiven: what is not as it should be is an AssertionError."""
import struct
from collections import namedtuple

Interface = namedtuple("Interface", "link snap options")
# ns: of the time; interface: its place in Capture.interfaces; comments: of the packet
Packet = namedtuple("Packet", "ns data n_wire interface comments options")


class Capture:
    """The sections of a capture as one: interfaces count over all of them."""

    def __init__(self, octets):
        self.interfaces, self.packets, self.secrets, self.comments = [], [], [], []
        self.order, self.first = "<", 0
        at = 0
        while at < len(octets):
            at += self.take_block(octets, at)
        assert at == len(octets)

    def unpack(self, form, octets, at=0):
        return struct.unpack_from(self.order + form, octets, at)

    def take_block(self, octets, at):
        if octets[at:at + 4] == b"\n\r\r\n":
            self.order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}[octets[at + 8:at + 12]]
        kind, n = self.unpack("II", octets, at)
        assert n % 4 == 0 and n >= 12 and self.unpack("I", octets, at + n - 4) == (n,), (at, kind, n)
        body = octets[at + 8:at + n - 4]
        {0x0A0D0D0A: self.take_section, 1: self.take_interface, 6: self.take_packet, 10: self.take_secrets, 4: lambda _: None, 5: lambda _: None}[kind](body)
        return n

    def read_options(self, octets):
        found, at = [], 0
        while at < len(octets):
            code, n = self.unpack("HH", octets, at)
            value = octets[at + 4:at + 4 + n]
            assert len(value) == n and not any(octets[at + 4 + n:at + 4 + n + (-n % 4)])
            at += 4 + n + (-n % 4)
            if code == 0:
                assert n == 0 and at == len(octets)
                break
            found.append((code, value))
        return found

    def take_section(self, body):
        self.first = len(self.interfaces)
        assert self.unpack("HH", body, 4) == (1, 0)
        self.comments += [value.decode() for code, value in self.read_options(body[16:]) if code == 1]

    def take_interface(self, body):
        link, _, snap = self.unpack("HHI", body)
        self.interfaces.append(Interface(link, snap, dict(self.read_options(body[8:]))))

    def take_packet(self, body):
        number, high, low, n, n_wire = self.unpack("IIIII", body)
        interface = self.interfaces[self.first + number]
        digits = interface.options.get(9, b"\6")[0]
        (offset,) = self.unpack("q", interface.options.get(14, bytes(8)))
        unit = 10**9 // 10**digits
        options = self.read_options(body[20 + n + (-n % 4):])
        self.packets.append(Packet((high << 32 | low) * unit + offset * 10**9, body[20:20 + n], n_wire, self.first + number,
                                   [value.decode() for code, value in options if code == 1], [option for option in options if option[0] != 1]))

    def take_secrets(self, body):
        kind, n = self.unpack("II", body)
        assert kind == 0x544C534B
        self.secrets.append(body[8:8 + n].decode())
