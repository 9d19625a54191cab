# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures taken apart, and put together in every way the two formats allow."""
import struct
from collections import namedtuple

# ns: of the time; n_wire: octets on the wire; link: the link type
Packet = namedtuple("Packet", "ns data n_wire link")


def read_pcap(octets):
    """The packets of a pcap file of this byte order, of micro- or nanoseconds."""
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", octets)
    factor = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    packets, at = [], 24
    while at < len(octets):
        seconds, fraction, n, n_wire = struct.unpack_from("<IIII", octets, at)
        packets.append(Packet(seconds * 10**9 + fraction * factor, octets[at + 16:at + 16 + n],
                              n_wire, link))
        at += 16 + n
    return packets


def write_pcap(packets, order="<", magic=0xA1B2C3D4, link=None):
    """A pcap file; magic says microseconds, nanoseconds (0xa1b23c4d) or modified (0xa1b2cd34)."""
    factor = 1 if magic == 0xA1B23C4D else 1000
    more = struct.pack(order + "IHBB", 2, 0x0800, 0, 0) if magic == 0xA1B2CD34 else b""
    link = packets[0].link if link is None else link
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for p in packets:
        out.append(struct.pack(order + "IIII", p.ns // 10**9, p.ns % 10**9 // factor, len(p.data),
                               p.n_wire) + more + p.data)
    return b"".join(out)


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    n = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + n + body + n


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order="<"):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order="<", link=1, snap=0, resolution=None, offset=None):
    options = b""
    if resolution is not None:
        options += option(order, 9, bytes([resolution]))
    if offset is not None:
        options += option(order, 14, struct.pack(order + "q", offset))
    if options:
        options += option(order, 0, b"")
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def enhanced(packet, order="<", number=0, per_second=10**6, offset=0):
    ticks = (packet.ns - offset * 10**9) * per_second // 10**9
    return block(order, 6, struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF,
                                       len(packet.data), packet.n_wire) + packet.data)


def simple(packet, order="<"):
    return block(order, 3, struct.pack(order + "I", packet.n_wire) + packet.data)
