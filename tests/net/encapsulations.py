# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways to carry an IP packet: for each a link type, and a function of the packet and of the side
that sends it (0 the client) to the frames that carry it.

encapsulations.py FOLDER   writes a packet in each of them as an input of tests/fuzz/fuzz-net.c
encapsulations.py --table  prints docs/layers.md"""
import struct
import sys
import zlib

MACS = (b"\2\0\0\0\0\1", b"\2\0\0\0\0\2")
OUTER4 = (b"\xc0\0\2\1", b"\xc0\0\2\2")
OUTER6 = (bytes.fromhex("20010db8") + bytes(11) + b"\1", bytes.fromhex("20010db8") + bytes(11) + b"\2")


def version(packet):
    return packet[0] >> 4


def ether_type(packet):
    return b"\x08\0" if version(packet) == 4 else b"\x86\xdd"


def ethernet(side, kind, inner):
    return MACS[1 - side] + MACS[side] + kind + inner


def tag(number, kind, inner):
    return struct.pack("!H", number) + kind + inner


def llc(packet):
    return b"\xaa\xaa\3\0\0\0" + ether_type(packet) + packet


def label(number, inner, last=True):
    return struct.pack("!I", number << 12 | last << 8 | 64) + inner


def ppp(packet):
    return (b"\0\x21" if version(packet) == 4 else b"\0\x57") + packet


def pppoe(packet):
    inner = ppp(packet)
    return struct.pack("!BBHH", 0x11, 0, 0x77, len(inner)) + inner


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(side, protocol, inner, ident=0, fragment=0x4000):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), ident, fragment, 64, protocol, 0)
    head += OUTER4[side] + OUTER4[1 - side]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + inner


def ip6(side, protocol, inner):
    return struct.pack("!IHBB", 6 << 28, len(inner), protocol, 64) + OUTER6[side] + OUTER6[1 - side] + inner


def udp(port, inner):
    return struct.pack("!HHHH", 50001, port, 8 + len(inner), 0) + inner


def gre(kind, inner, flags=0, fields=b""):
    return struct.pack("!H", flags) + kind + fields + inner


def vxlan(number, frame):
    return udp(4789, struct.pack("!II", 8 << 24, number << 8) + frame)


def geneve(packet, kind, options=b""):
    return udp(6081, struct.pack("!BB", len(options) // 4, 0) + kind + struct.pack("!I", 9 << 8) + options + packet)


def gtp(side, packet, flags=0x30, fields=b""):
    return udp(2152, struct.pack("!BBHI", flags, 255, len(fields) + len(packet), 100 + side) + fields + packet)


def plain(side, packet):
    return ethernet(side, ether_type(packet), packet)


def on_ip4(protocol, make):
    return lambda packet, side: [ethernet(side, b"\x08\0", ip4(side, protocol, make(packet, side)))]


def on_ip6(protocol, make):
    return lambda packet, side: [ethernet(side, b"\x86\xdd", ip6(side, protocol, make(packet, side)))]


def fragments(make):
    """The outer datagram in pieces of 48 octets, the last one first."""
    def wrap(packet, side):
        inner, ident = make(packet, side), zlib.crc32(packet) & 0xFFFF
        places = range(0, len(inner), 48)
        pieces = [ip4(side, 17, inner[at:at + 48], ident, at // 8 | (0x2000 if at + 48 < len(inner) else 0))
                  for at in places]
        return [ethernet(side, b"\x08\0", piece) for piece in reversed(pieces)]
    return wrap


def inner_fragments(packet, side):
    """The inner packet in two pieces, each in a tunnel of its own. IPv4 alone."""
    at, ident = 40, zlib.crc32(packet) & 0xFFFF
    frames = []
    for begin, end, more in ((0, at, 0x2000), (at, len(packet) - 20, 0)):
        piece = packet[20:][begin:end]
        head = packet[:2] + struct.pack("!HHH", 20 + len(piece), ident, begin // 8 | more) + packet[8:10] + b"\0\0" + packet[12:20]
        if piece or not more:
            frames.append(ethernet(side, b"\x08\0", ip4(side, 17, vxlan(5, plain(side, head + piece)))))
    return frames if len(packet) > 20 + at else [ethernet(side, b"\x08\0", ip4(side, 17, vxlan(5, plain(side, packet))))]


def wlan(side, body, qos=b"", flags=None, fill=b""):
    flags = (1, 2)[side] if flags is None else flags
    addresses = MACS[0] + MACS[1] + MACS[0]
    fourth = MACS[0] if flags & 3 == 3 else b""
    return bytes((0x88 if qos else 0x08, flags)) + b"\0\0" + addresses + b"\x10\0" + fourth + qos + fill + body


def subframe(side, packet):
    inner = llc(packet)
    return MACS[1 - side] + MACS[side] + struct.pack("!H", len(inner)) + inner


def amsdu(packet, side):
    """An ARP packet, filled up, and then ours."""
    arp = MACS[0] + MACS[1] + struct.pack("!H", 36) + b"\xaa\xaa\3\0\0\0\x08\x06" + b"\0\1\x08\0\6\4\0\1" + bytes(20)
    arp += bytes(-len(arp) % 4)
    return [wlan(side, arp + subframe(side, packet), b"\x80\0")]


def radiotap(frame, present=0, fields=b""):
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), present) + fields + frame


def extension_headers(packet, side):
    """IPv6 alone: hop-by-hop, destination and routing headers before TCP."""
    more = bytes((60, 0, 1, 4, 0, 0, 0, 0)) + bytes((43, 0, 1, 4, 0, 0, 0, 0)) + bytes((6, 0, 253, 0, 0, 0, 0, 0))
    size = struct.unpack("!H", packet[4:6])[0] + len(more)
    return [ethernet(side, b"\x86\xdd", packet[:4] + struct.pack("!HB", size, 0) + packet[7:40] + more + packet[40:])]


def linux(packet, side, head):
    return [head + ether_type(packet) + packet]


def kind_of(packet, four, six):
    return four if version(packet) == 4 else six


def macsec(packet, flags):
    """With a number of the sender, and the check value that nobody looks at."""
    sci = bytes(8) if flags & 0x20 else b""
    return bytes((flags, 0)) + b"\0\0\0\1" + sci + ether_type(packet) + packet + bytes(16)


def nflog(packet, order):
    def attribute(kind, octets):
        return struct.pack(order + "HH", 4 + len(octets), kind) + octets + bytes(-len(octets) % 4)
    return (struct.pack("!BBH", kind_of(packet, 2, 10), 0, 100) + attribute(1, ether_type(packet) + b"\1\0")
            + attribute(10, b"\0") + attribute(5, b"\0\0\0\2") + attribute(9, packet))


def pflog(packet, size):
    head = bytes((size, kind_of(packet, 2, 24), 0, 0)) + b"em0".ljust(16, b"\0")
    return head.ljust((size + 3) // 4 * 4, b"\0") + packet


def pktap(frame, link_type):
    head = struct.pack("<III", 108, 1, link_type) + b"en0".ljust(24, b"\0") + struct.pack("<III", 0, 2, 14)
    return head.ljust(108, b"\0") + frame


def ports(side, client, server, inner):
    """Answers come from the port that was asked."""
    pair = (client, server) if side == 0 else (server, client)
    return struct.pack("!HHHH", *pair, 8 + len(inner), 0) + inner


def ah(protocol, inner):
    size = 24
    return struct.pack("!BBHII", protocol, size // 4 - 2, 0, 1, 1) + bytes(size - 12) + inner


def with_payload(packet, protocol, payload):
    """An IPv4 packet whose header says something else of what it carries."""
    head = packet[:2] + struct.pack("!H", 20 + len(payload)) + packet[4:9] + bytes((protocol, 0, 0)) + packet[12:20]
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ah_transport(packet):
    return with_payload(packet, 51, ah(6, packet[20:]))


def esp(protocol, inner, n_check=12, vector=b""):
    padding = bytes(range(1, 1 + (-len(inner) - 2) % 4))
    return struct.pack("!II", 0x1234, 1) + vector + inner + padding + bytes((len(padding), protocol)) + bytes(n_check)


def tcp_checksum(packet):
    """The TCP segment of an IPv4 packet with its checksum."""
    segment = packet[20:36] + b"\0\0" + packet[38:]
    pseudo = packet[12:20] + struct.pack("!HH", 6, len(segment)) + segment
    return segment[:16] + struct.pack("!H", checksum(pseudo + b"\0" * (len(pseudo) % 2))) + segment[18:]


def esp_transport(packet):
    return with_payload(packet, 50, esp(6, tcp_checksum(packet)))


def swap(frame):
    return frame[1::-1] + frame[2:]


def tzsp(frame, protocol=1, tags=b"\1"):
    return udp(37008, struct.pack("!BBH", 1, 0, protocol) + tags + frame)


def pseudowire(kind):
    """Ethernet in MPLS is nothing that tshark guesses."""
    return ("-d", "mpls.label==20," + kind)


# name, link type, wrap, versions of IP that it is tried with, whether tshark knows it (False: not; or
# what it has to be told)
ROWS = [
    ("802.1q", 1, lambda p, s: [ethernet(s, b"\x81\0", tag(10, ether_type(p), p))], "46", True),
    ("qinq", 1, lambda p, s: [ethernet(s, b"\x81\0", tag(7, b"\x81\0", tag(10, ether_type(p), p)))], "46", True),
    ("qinq-9100", 1, lambda p, s: [ethernet(s, b"\x91\0", tag(7, b"\x81\0", tag(10, ether_type(p), p)))], "46", True),
    ("802.1ad", 1, lambda p, s: [ethernet(s, b"\x88\xa8", tag(7, b"\x81\0", tag(10, ether_type(p), p)))], "46", True),
    ("tag-each-direction", 1, lambda p, s: [ethernet(s, b"\x81\0", tag(10 + s, ether_type(p), p))], "46", True),
    ("802.3-snap", 1, lambda p, s: [ethernet(s, struct.pack("!H", len(llc(p))), llc(p))], "46", True),
    ("mpls", 1, lambda p, s: [ethernet(s, b"\x88\x47", label(16 + s, p))], "46", True),
    ("mpls-stack", 1, lambda p, s: [ethernet(s, b"\x88\x47", label(18, label(19, label(20, p), False), False))], "46", True),
    ("mpls-pseudowire-control", 1,
     lambda p, s: [ethernet(s, b"\x88\x47", label(20, bytes(4) + plain(s, p)))], "46", pseudowire("pwethcw")),
    ("mpls-pseudowire", 1, lambda p, s: [ethernet(s, b"\x88\x47", label(20, plain(s, p)))], "46", pseudowire("pwethnocw")),
    ("pppoe", 1, lambda p, s: [ethernet(s, b"\x88\x64", pppoe(p))], "46", True),
    ("pppoe-in-vlan", 1, lambda p, s: [ethernet(s, b"\x81\0", tag(10, b"\x88\x64", pppoe(p)))], "46", True),
    ("ppp", 9, lambda p, s: [b"\xff\3" + ppp(p)], "46", True),
    ("ppp-bare", 9, lambda p, s: [ppp(p)], "46", True),
    ("ppp-hdlc", 50, lambda p, s: [b"\xff\3" + ppp(p)], "46", True),
    ("ppp-direction", 204, lambda p, s: [bytes((s,)) + b"\xff\3" + ppp(p)], "46", True),
    ("ppp-linux", 166, lambda p, s: [bytes((s,)) + b"\3" + ppp(p)], "46", False),
    ("ppp-ether", 51, lambda p, s: [pppoe(p)], "46", True),
    ("cisco-hdlc", 104, lambda p, s: [b"\x0f\0" + ether_type(p) + p], "46", True),
    ("cooked", 113, lambda p, s: linux(p, s, struct.pack("!HHH", 4 * s, 1, 6) + MACS[s] + b"\0\0"), "46", True),
    ("cooked-2", 276, lambda p, s: [ether_type(p) + b"\0\0" + struct.pack("!IHBB", 2, 1, 4 * s, 6) + MACS[s] + b"\0\0" + p],
     "46", True),
    ("raw", 101, lambda p, s: [p], "46", True),
    ("loopback", 0, lambda p, s: [struct.pack("<I", kind_of(p, 2, 30)) + p], "46", True),
    ("loopback-openbsd", 108, lambda p, s: [struct.pack("!I", kind_of(p, 2, 24)) + p], "46", True),
    ("802.11", 105, lambda p, s: [wlan(s, llc(p))], "46", True),
    ("802.11-qos", 105, lambda p, s: [wlan(s, llc(p), b"\0\0")], "46", True),
    ("802.11-qos-ht", 105, lambda p, s: [wlan(s, llc(p), b"\0\0" + bytes(4), (1, 2)[s] | 0x80)], "46", True),
    ("802.11-bridge", 105, lambda p, s: [wlan(s, llc(p), b"\0\0", 3)], "46", True),
    ("802.11-amsdu", 105, amsdu, "46", True),
    ("radiotap", 127, lambda p, s: [radiotap(wlan(s, llc(p), b"\0\0"))], "46", True),
    ("radiotap-filled", 127, lambda p, s: [radiotap(wlan(s, llc(p), b"\0\0", None, b"\0\0"), 3, bytes(8) + b"\x20")],
     "46", True),
    ("radiotap-fcs", 127,
     lambda p, s: [radiotap((f := wlan(s, llc(p), b"\0\0")) + struct.pack("<I", zlib.crc32(f)), 2, b"\x10")], "46", True),
    ("prism", 119, lambda p, s: [struct.pack("<II", 0x44, 144) + bytes(136) + wlan(s, llc(p))], "46", True),
    ("avs", 163, lambda p, s: [struct.pack("!II", 0x80211001, 64) + bytes(56) + wlan(s, llc(p))], "46", True),
    ("ppi", 192, lambda p, s: [struct.pack("<BBHI", 0, 0, 8, 105) + wlan(s, llc(p))], "46", True),
    ("gre", 1, on_ip4(47, lambda p, s: gre(ether_type(p), p)), "46", True),
    ("gre-key", 1, on_ip4(47, lambda p, s: gre(ether_type(p), p, 0x2000, b"\0\0\0\x2a")), "46", True),
    ("gre-all-fields", 1, on_ip4(47, lambda p, s: gre(ether_type(p), p, 0xB000, bytes(4) + b"\0\0\0\x2a\0\0\0\1")), "46", True),
    ("gre-ethernet", 1, on_ip4(47, lambda p, s: gre(b"\x65\x58", plain(s, p))), "46", True),
    ("gre-in-ipv6", 1, on_ip6(47, lambda p, s: gre(ether_type(p), p)), "46", True),
    ("gre-mpls", 1, on_ip4(47, lambda p, s: gre(b"\x88\x47", label(20, p))), "46", True),
    ("pptp", 1, on_ip4(47, lambda p, s: gre(b"\x88\x0b", ppp(p), 0x3001, struct.pack("!HHI", len(p) + 2, 7 + s, 1))),
     "46", True),
    ("erspan-1", 1, on_ip4(47, lambda p, s: gre(b"\x88\xbe", plain(s, p))), "46", True),
    ("erspan-2", 1, on_ip4(47, lambda p, s: gre(b"\x88\xbe", struct.pack("!HHI", 1 << 12 | 10, 5, 0) + plain(s, p),
                                               0x1000, b"\0\0\0\1")), "46", True),
    ("erspan-3", 1, on_ip4(47, lambda p, s: gre(b"\x22\xeb", struct.pack("!HHIHH", 2 << 12 | 10, 5, 0, 0, 0) + plain(s, p),
                                               0x1000, b"\0\0\0\1")), "46", True),
    ("erspan-3-platform", 1,
     on_ip4(47, lambda p, s: gre(b"\x22\xeb", struct.pack("!HHIHH", 2 << 12 | 10, 5, 0, 0, 1) + bytes(8) + plain(s, p),
                                 0x1000, b"\0\0\0\1")), "46", True),
    ("vxlan", 1, on_ip4(17, lambda p, s: vxlan(5, plain(s, p))), "46", True),
    ("vxlan-vlan", 1, on_ip4(17, lambda p, s: vxlan(5, ethernet(s, b"\x81\0", tag(10, ether_type(p), p)))), "46", True),
    ("vxlan-in-ipv6", 1, on_ip6(17, lambda p, s: vxlan(5, plain(s, p))), "46", True),
    ("geneve", 1, on_ip4(17, lambda p, s: geneve(plain(s, p), b"\x65\x58")), "46", True),
    ("geneve-options", 1, on_ip4(17, lambda p, s: geneve(plain(s, p), b"\x65\x58", b"\1\2\x80\1abcd")), "46", True),
    ("geneve-ip", 1, on_ip4(17, lambda p, s: geneve(p, ether_type(p))), "46", True),
    ("gtp", 1, on_ip4(17, lambda p, s: gtp(s, p)), "46", True),
    ("gtp-sequence", 1, on_ip4(17, lambda p, s: gtp(s, p, 0x32, b"\0\1\0\0")), "46", True),
    ("gtp-extensions", 1, on_ip4(17, lambda p, s: gtp(s, p, 0x34, b"\0\0\0\x85\1\x10\x09\xc0\1\0\0\0")), "46", True),
    ("ip-in-ip", 1, on_ip4(4, lambda p, s: p), "4", True),
    ("6in4", 1, on_ip4(41, lambda p, s: p), "6", True),
    ("4in6", 1, on_ip6(4, lambda p, s: p), "4", True),
    ("6in6", 1, on_ip6(41, lambda p, s: p), "6", True),
    ("mpls-in-ip", 1, on_ip4(137, lambda p, s: label(20, p)), "46", True),
    ("ipv6-extensions", 1, extension_headers, "6", True),
    ("fragments-outside", 1, fragments(lambda p, s: vxlan(5, plain(s, p))), "46", True),
    ("fragments-inside", 1, inner_fragments, "4", True),
    ("four-tunnels", 1, on_ip4(17, lambda p, s: vxlan(5, plain(s, ip4(s, 47, gre(b"\x08\0", ip4(s, 17, gtp(s, ip4(s, 41 if version(p) == 6 else 4, p)))))))),
     "46", True),
]

ROWS += [
    # link types
    ("nflog", 239, lambda p, s: [nflog(p, "<")], "46", True),
    ("nflog-big-endian", 239, lambda p, s: [nflog(p, ">")], "46", False),
    ("pflog", 117, lambda p, s: [pflog(p, 61)], "46", True),
    ("pflog-openbsd", 117, lambda p, s: [pflog(p, 100)], "46", True),
    ("pktap", 258, lambda p, s: [pktap(plain(s, p), 1)], "46", True),
    ("pktap-user2", 149, lambda p, s: [pktap(plain(s, p), 1)], "46", True),
    ("pktap-raw", 149, lambda p, s: [pktap(p, 12)], "46", True),
    ("enc", 109, lambda p, s: [struct.pack("<III", kind_of(p, 2, 24), 7, 0) + p], "46", True),
    ("ipnet", 226, lambda p, s: [struct.pack("!BBHIIIII", 1, kind_of(p, 2, 26), 0, len(p), 1, 0, 0, 0) + p], "46", True),
    ("dsa", 284, lambda p, s: [MACS[1 - s] + MACS[s] + b"\0\x08\0\0" + ether_type(p) + p], "46", False),
    ("dsa-tagged", 284, lambda p, s: [MACS[1 - s] + MACS[s] + b"\x20\x08\0\x0a" + ether_type(p) + p], "46", False),
    ("edsa", 285, lambda p, s: [ethernet(s, b"\xda\xda", b"\0\0\0\x08\0\0" + ether_type(p) + p)], "46", False),
    ("edsa-in-ethernet", 1, lambda p, s: [ethernet(s, b"\xda\xda", b"\0\0\0\x08\0\0" + ether_type(p) + p)], "46", False),
    ("broadcom", 281, lambda p, s: [MACS[1 - s] + MACS[s] + b"\x20\0\0\1" + ether_type(p) + p], "46", False),
    ("broadcom-first", 282, lambda p, s: [b"\x20\0\0\1" + plain(s, p)], "46", False),
    ("juniper-ethernet", 178, lambda p, s: [b"MGC\0" + plain(s, p)], "46", True),
    ("juniper-extensions", 178, lambda p, s: [b"MGC\x81\0\6\1\4abcd" + plain(s, p)], "46", True),
    ("juniper-no-link", 178, lambda p, s: [b"MGC\2" + struct.pack("<I", kind_of(p, 2, 6)) + p], "46", True),
    ("fddi", 10, lambda p, s: [b"\x50" + MACS[1 - s] + MACS[s] + llc(p)], "46", True),
    ("ipoib", 242, lambda p, s: [bytes(40) + ether_type(p) + b"\0\0" + p], "46", True),
    ("ipoib-linux", 242, lambda p, s: [bytes(range(20)) + ether_type(p) + b"\0\0" + p], "46", False),
    ("ipoib-rfc4391", 242, lambda p, s: [ether_type(p) + b"\0\0" + p], "46", False),
    ("frame-relay", 107, lambda p, s: [b"\x18\x41\3" + kind_of(p, b"\xcc", b"\x8e") + p], "46", True),
    ("frame-relay-snap", 107, lambda p, s: [b"\x18\x41\3\0\x80\0\0\0" + ether_type(p) + p], "46", True),
    ("frame-relay-ethernet", 107, lambda p, s: [b"\x18\x41\3\0\x80\0\x80\xc2\0\7" + plain(s, p)], "46", True),
    ("frame-relay-cisco", 107, lambda p, s: [b"\x18\x41" + ether_type(p) + p], "46",
     ("-o", "fr.encap:Cisco Encapsulation")),
    ("slip", 8, lambda p, s: [bytes((s,)) + bytes(15) + p], "46", False),
    ("atm-rfc1483", 100, lambda p, s: [llc(p)], "46", True),
    # between MAC addresses and IP
    ("vn-tag", 1, lambda p, s: [ethernet(s, b"\x89\x26", struct.pack("!I", 7 + s) + ether_type(p) + p)], "46", True),
    ("e-tag", 1, lambda p, s: [ethernet(s, b"\x89\x3f", struct.pack("!HI", 0, 7 + s) + ether_type(p) + p)], "46", True),
    ("trustsec", 1, lambda p, s: [ethernet(s, b"\x89\x09", b"\1\1\0\1\0" + bytes((16 + s,)) + ether_type(p) + p)], "46", True),
    ("trustsec-one-way", 1,
     lambda p, s: [ethernet(s, b"\x89\x09", b"\1\1\0\1\0\x10" + ether_type(p) + p) if s else plain(s, p)], "46", True),
    ("trustsec-vlan", 1, lambda p, s: [ethernet(s, b"\x81\0", tag(10, b"\x89\x09", b"\1\1\0\1\0\x10" + ether_type(p) + p))],
     "46", True),
    ("ttag", 1, lambda p, s: [ethernet(s, b"\x89\x88", bytes(6) + ether_type(p) + p)], "46", ("-d", "ethertype==0x8988,ttag")),
    ("ttag-own-ether-type", 1, lambda p, s: [ethernet(s, b"\x88\xb5", bytes(6) + ether_type(p) + p)], "46",
     ("-d", "ethertype==0x88b5,ttag")),
    ("ttag-in-vlan", 1, lambda p, s: [ethernet(s, b"\x56\x78", bytes(6) + b"\x81\0" + tag(10, ether_type(p), p))], "46",
     ("-d", "ethertype==0x5678,ttag")),
    ("arista-64", 1, lambda p, s: [ethernet(s, b"\xd2\x8b", b"\0\1\0\x10" + bytes(8) + ether_type(p) + p)], "46", True),
    ("arista-48", 1, lambda p, s: [ethernet(s, b"\xd2\x8b", b"\0\1\1\x20" + bytes(6) + ether_type(p) + p)], "46", True),
    ("pbb", 1, lambda p, s: [ethernet(s, b"\x88\xe7", struct.pack("!I", 1234) + plain(s, p))], "46", True),
    ("pbb-tagged", 1, lambda p, s: [ethernet(s, b"\x88\xa8", tag(7, b"\x88\xe7", struct.pack("!I", 1234) + plain(s, p)))], "46", True),
    ("macsec", 1, lambda p, s: [ethernet(s, b"\x88\xe5", macsec(p, 0x20))], "46", True),
    ("macsec-no-sci", 1, lambda p, s: [ethernet(s, b"\x88\xe5", macsec(p, 0))], "46", True),
    ("fabricpath", 1, lambda p, s: [ethernet(s, b"\x89\x03", b"\0\x60" + plain(s, p))], "46", False),
    ("realtek-8366", 1, lambda p, s: [ethernet(s, b"\x88\x99", b"\xa0\1" + ether_type(p) + p)], "46", False),
    ("realtek-8365", 1, lambda p, s: [ethernet(s, b"\x88\x99", b"\4\0\0\0\0\1" + ether_type(p) + p)], "46", False),
    ("nsh", 1, lambda p, s: [ethernet(s, b"\x89\x4f", b"\0\x06\1" + kind_of(p, b"\1", b"\2") + bytes(20) + p)], "46", True),
    ("nsh-ethernet", 1, lambda p, s: [ethernet(s, b"\x89\x4f", b"\0\x02\2\3" + bytes(4) + plain(s, p))], "46", True),
    ("wrong-ether-type", 1, lambda p, s: [ethernet(s, kind_of(p, b"\x86\xdd", b"\x08\0"), p)], "64", True),
    ("unknown-ether-type", 1, lambda p, s: [ethernet(s, b"\x12\x34", p)], "46", False),
    ("jumbo-llc", 1, lambda p, s: [ethernet(s, b"\x88\x70", llc(p))], "46", True),
    # tunnels
    ("l2tp", 1, on_ip4(17, lambda p, s: udp(1701, struct.pack("!HHH", 2, 7 + s, 9 + s) + b"\xff\3" + ppp(p))), "46", True),
    ("l2tp-all-fields", 1,
     on_ip4(17, lambda p, s: udp(1701, struct.pack("!HHHHHHH", 0x4A02, 18 + len(p), 7, 9, 1, 1, 2) + b"\0\0" + ppp(p))), "46", True),
    ("l2tp-answers", 1, lambda p, s: [ethernet(s, b"\x08\0", ip4(s, 17, ports(s, 50011, 1701, struct.pack("!HHH", 2, 7 + s, 9 + s) + ppp(p))))],
     "46", True),
    ("l2tp-3", 1, on_ip4(115, lambda p, s: struct.pack("!I", 7 + s) + plain(s, p)), "46", False),
    ("l2tp-3-cookie", 1, on_ip4(115, lambda p, s: struct.pack("!I", 7 + s) + b"cookie!!" + plain(s, p)), "46", False),
    ("l2tp-3-in-udp", 1, on_ip4(17, lambda p, s: udp(1701, struct.pack("!HHI", 3, 0, 7 + s) + b"cook" + plain(s, p))), "46", False),
    ("ah", 1, on_ip4(51, lambda p, s: ah(4, p)), "4", True),
    ("ah-transport", 1, lambda p, s: [ethernet(s, b"\x08\0", ah_transport(p))], "4", True),
    ("ah-ipv6", 1, on_ip6(51, lambda p, s: ah(41, p)), "6", True),
    ("esp-null", 1, on_ip4(50, lambda p, s: esp(kind_of(p, 4, 41), p)), "46",
     ("-o", "esp.enable_null_encryption_decode_heuristic:TRUE")),
    ("esp-null-transport", 1, lambda p, s: [ethernet(s, b"\x08\0", esp_transport(p))], "4",
     ("-o", "esp.enable_null_encryption_decode_heuristic:TRUE")),
    ("esp-null-sha256", 1, on_ip4(50, lambda p, s: esp(kind_of(p, 4, 41), p, 16)), "46", False),
    ("esp-null-gmac", 1, on_ip4(50, lambda p, s: esp(kind_of(p, 4, 41), p, 16, bytes(8))), "46", False),
    ("esp-null-in-udp", 1, on_ip4(17, lambda p, s: udp(4500, esp(kind_of(p, 4, 41), p))), "46",
     ("-o", "esp.enable_null_encryption_decode_heuristic:TRUE")),
    ("gre-in-udp", 1, on_ip4(17, lambda p, s: udp(4754, gre(ether_type(p), p))), "46", True),
    ("gre-aruba", 1, on_ip4(47, lambda p, s: gre(b"\x82\0", wlan(s, llc(p)))), "46", True),
    ("gre-aruba-qos", 1, on_ip4(47, lambda p, s: gre(b"\x82\x50", wlan(s, llc(p), b"\0\0"))), "46", True),
    ("wccp", 1, on_ip4(47, lambda p, s: gre(b"\x88\x3e", b"\0\0\0\0" + p)), "4", True),
    ("wccp-1", 1, on_ip4(47, lambda p, s: gre(b"\x88\x3e", p)), "4", True),
    ("gre-trustsec", 1, on_ip4(47, lambda p, s: gre(b"\x89\x09", ether_type(p) + b"\1\1\0\1\0\x10" + p)), "46", True),
    ("gre-nsh", 1, on_ip4(47, lambda p, s: gre(b"\x89\x4f", b"\0\x02\2" + kind_of(p, b"\1", b"\2") + bytes(4) + p)), "46", True),
    ("nvgre", 1, on_ip4(47, lambda p, s: gre(b"\x65\x58", plain(s, p), 0x2000, struct.pack("!I", 5 << 8 | s))), "46", True),
    ("vxlan-gpe", 1, on_ip4(17, lambda p, s: udp(4790, struct.pack("!II", 0xC << 24 | kind_of(p, 1, 2), 5 << 8) + p)), "46", True),
    ("vxlan-gpe-ethernet", 1, on_ip4(17, lambda p, s: udp(4790, struct.pack("!II", 0xC << 24 | 3, 5 << 8) + plain(s, p))), "46", True),
    ("vxlan-8472", 1, on_ip4(17, lambda p, s: udp(8472, vxlan(1, plain(s, p))[8:])), "46", ("-d", "udp.port==8472,vxlan")),
    ("mpls-in-udp", 1, on_ip4(17, lambda p, s: udp(6635, label(20, p))), "46", True),
    ("tzsp", 1, on_ip4(17, lambda p, s: tzsp(plain(s, p))), "46", True),
    ("tzsp-802.11", 1, on_ip4(17, lambda p, s: tzsp(wlan(s, llc(p)), 18, b"\x0a\1\x40\0\x12\1\6\1")), "46", True),
    ("capwap", 1, on_ip4(17, lambda p, s: udp(5247, b"\0\x10\x02\0" + bytes(4) + plain(s, p))), "46", True),
    ("capwap-802.11", 1, on_ip4(17, lambda p, s: udp(5247, b"\0\x10\x03\0" + bytes(4) + wlan(s, llc(p)))), "46",
     ("-o", "capwap.swap_fc:FALSE")),
    ("capwap-swapped", 1, on_ip4(17, lambda p, s: udp(5247, b"\0\x10\x03\0" + bytes(4) + swap(wlan(s, llc(p), b"\0\0")))), "46", True),
    ("capwap-answers", 1, lambda p, s: [ethernet(s, b"\x08\0", ip4(s, 17, ports(s, 50012, 5247, b"\0\x10\x02\0" + bytes(4) + plain(s, p))))],
     "46", True),
    ("teredo", 1, lambda p, s: [ethernet(s, b"\x08\0", ip4(s, 17, ports(s, 50013, 3544, p)))], "6", True),
    ("teredo-origin", 1, on_ip4(17, lambda p, s: udp(3544, b"\0\0" + bytes(6) + p)), "6", True),
    ("teredo-authentication", 1, on_ip4(17, lambda p, s: udp(3544, b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + p)), "6", True),
    ("ayiya", 1, lambda p, s: [ethernet(s, b"\x08\0", ip4(s, 17, ports(s, 50014, 5072, b"\x41\x52\x11\x29" + bytes(4 + 16 + 20) + p)))],
     "6", True),
    ("hp-erm", 1, on_ip4(17, lambda p, s: udp(7932, bytes(12) + plain(s, p))), "46", ("-d", "udp.port==7932,hp_erm")),
    ("etherip", 1, on_ip4(97, lambda p, s: b"\x30\0" + plain(s, p)), "46", True),
]

# Not to be looked into: the same, but for what makes it no tunnel; and what of it is not read (layer,
# number, name), None where it is known that nothing with IP is in it.
CLOSED = [
    ("unknown-link", 147, lambda p, s: [p], ("link-type", 147, "USER0")),
    ("unknown-link-no-name", 999, lambda p, s: [b"\0" + p], ("link-type", 999, "999")),
    ("ethertype", 1, lambda p, s: [ethernet(s, b"\x12\x34", b"\0" + p)], ("ethertype", 0x1234, "0x1234")),
    ("trill", 1, lambda p, s: [ethernet(s, b"\x22\xf3", bytes(6) + plain(s, p))], ("ethertype", 0x22F3, "TRILL")),
    ("arp", 1, lambda p, s: [ethernet(s, b"\x08\6", p)], None),
    ("llc-sap", 1, lambda p, s: [ethernet(s, b"\0\x40", b"\x12\x12\3" + p)], ("llc-sap", 0x12, "0x0012")),
    ("macsec-encrypted", 1, lambda p, s: [ethernet(s, b"\x88\xe5", macsec(p, 0x2C))], ("ethertype", 0x88E5, "MACsec")),
    ("ip-protocol", 1, on_ip4(200, lambda p, s: p), ("ip-protocol", 200, "200")),
    ("esp", 1, on_ip4(50, lambda p, s: bytes(8) + bytes(x ^ 0xA5 for x in p)), ("ip-protocol", 50, "ESP")),
    ("esp-in-udp", 1, on_ip4(17, lambda p, s: udp(4500, b"\1" + bytes(7) + bytes(x ^ 0xA5 for x in p))),
     ("udp-port", 4500, "udpencap")),
    ("wireguard", 1, on_ip4(17, lambda p, s: udp(51820, b"\4" + bytes(15) + bytes(x ^ 0xA5 for x in p))),
     ("udp-port", 51820, "wg")),
    ("802.11-protected", 105, lambda p, s: [wlan(s, llc(p), b"\0\0", 0x41)], ("wlan", 1, "encrypted data")),
    ("802.11-null", 105, lambda p, s: [b"\x48" + wlan(s, llc(p))[1:]], None),
    ("vxlan-other-port", 1, on_ip4(17, lambda p, s: udp(4788, vxlan(5, plain(s, p))[8:])),
     ("udp-port", 4788, "looks like vxlan")),
    ("geneve-other-port", 1, on_ip4(17, lambda p, s: udp(6080, geneve(plain(s, p), b"\x65\x58")[8:])),
     ("udp-port", 6080, "looks like geneve")),
    ("gtp-other-port", 1, on_ip4(17, lambda p, s: udp(2151, gtp(s, p)[8:])), ("udp-port", 2151, "looks like gtp")),
    ("tzsp-other-port", 1, on_ip4(17, lambda p, s: udp(37009, tzsp(plain(s, p))[8:])),
     ("udp-port", 37009, "looks like tzsp")),
    ("mpls-other-port", 1, on_ip4(17, lambda p, s: udp(6634, label(16, label(17, p), last=False))), ("udp-port", 6634, "looks like mpls")),
    ("eth-in-udp", 1, on_ip4(17, lambda p, s: udp(5556, plain(s, p))), ("udp-port", 5556, "looks like eth")),
    ("ip-in-udp", 1, on_ip4(17, lambda p, s: udp(5555, p)), ("udp-port", 5555, "looks like ip")),
    ("no-ip", 101, lambda p, s: [plain(s, p)], ("ip-version", 0, "0")),
    ("ip-malformed", 1, lambda p, s: [ethernet(s, ether_type(p), b"\x41" + p[1:])], ("ip-version", 4, "malformed header")),
    ("udp-other", 1, on_ip4(17, lambda p, s: udp(5353, bytes(12) + p)), None),
    ("vxlan-no-number", 1, on_ip4(17, lambda p, s: udp(4789, bytes(8) + plain(s, p))), ("udp-port", 4789, "vxlan")),
    ("geneve-version", 1, on_ip4(17, lambda p, s: udp(6081, b"\x40" + geneve(plain(s, p), b"\x65\x58")[9:])),
     ("udp-port", 6081, "geneve")),
    ("gtp-signalling", 1, on_ip4(17, lambda p, s: udp(2152, b"\x30\1" + gtp(s, p)[10:])), None),
    ("l2tp-control", 1, on_ip4(17, lambda p, s: udp(1701, b"\xc8\2" + bytes(10))), None),
    ("l2tp-3-unknown", 1, on_ip4(115, lambda p, s: b"\0\0\0\7" + bytes(x ^ 0xA5 for x in p)), ("ip-protocol", 115, "L2TPv3")),
    ("gre-routing", 1, on_ip4(47, lambda p, s: gre(ether_type(p), p, 0x4000, bytes(8))), ("gre-protocol", 0x800, "IPv4")),
    ("gre-protocol", 1, on_ip4(47, lambda p, s: gre(b"\x12\x34", b"\0" + p)), ("gre-protocol", 0x1234, "0x1234")),
    ("erspan-version", 1, on_ip4(47, lambda p, s: gre(b"\x88\xbe", bytes(8) + plain(s, p), 0x1000, bytes(4))),
     ("gre-protocol", 0x88BE, "ERSPAN")),
    ("ppp-compressed", 9, lambda p, s: [b"\xff\3\0\x2d" + p], ("ppp-protocol", 0x2D, "compressed TCP/IP")),
    ("ppp-control", 9, lambda p, s: [b"\xff\3\xc0\x21" + p], None),
    ("nsh-protocol", 1, lambda p, s: [ethernet(s, b"\x89\x4f", b"\0\2\2\x63" + bytes(4) + p)], ("nsh-protocol", 0x63, "0x0063")),
    ("frame-relay-nlpid", 107, lambda p, s: [b"\x18\x41\3\x55" + p], ("nlpid", 0x55, "0x0055")),
    ("family", 0, lambda p, s: [b"\x63\0\0\0" + p], ("address-family", 0x63, "99")),
    ("six-tunnels", 1, on_ip4(4, lambda p, s: ip4(s, 4, ip4(s, 4, ip4(s, 4, ip4(s, 4, p))))),
     ("depth", 16, "more layers in each other than are looked at")),
]

# Link types as fuzz-net numbers them
FUZZED = {link: i for i, link in enumerate((1, 113, 276, 0, 101, 228, 229, 999))}
FUZZED.update({link: 192 + i for i, link in enumerate((239, 117, 258, 149, 109, 226, 281, 282, 284, 285, 178, 10, 242, 8, 107, 100))})
FUZZED.update({link: 128 + i for i, link in enumerate((9, 12, 14, 50, 51, 104, 105, 108, 119, 127, 163, 166, 192, 204, 219))})


def write_seeds(folder):
    tcp = struct.pack("!HHIIBBHHH", 50000, 143, 1, 1, 0x50, 0x18, 65535, 0, 0) + b"a1 ID NIL\r\n"
    packets = {"4": ip4(0, 6, tcp), "6": ip6(0, 6, tcp)}
    for name, link_type, wrap, versions in [row[:4] for row in ROWS] + [row + ("4",) for row in [(r[0], r[1], r[2]) for r in CLOSED if r[1] in FUZZED]]:
        with open(f"{folder}/{name}", "wb") as file:
            file.write(b"\x80")  # whole, and cut at each octet
            for frame in wrap(packets[versions[0]], 0):
                file.write(struct.pack("!BHB", FUZZED[link_type], len(frame), 0) + frame)


def spell_witness(witness):
    """What tshark makes of a row."""
    if isinstance(witness, bool):
        return "the same" if witness else "does not read it"
    return "the same with `" + " ".join(f'"{w}"' if " " in w else w for w in witness) + "`"


def table():
    lines = ["# Layers", "", "What is read between the wire and TCP. The tests make a capture of each row, hold the records against those of the",
             "bare connection, and the octets against Wireshark 4.0's tshark where that reads the same.", "",
             "| layer | link type | IP | tshark |", "| --- | --- | --- | --- |"]
    for name, link_type, _, versions, witness in ROWS:
        lines.append(f"| {name} | {link_type} | {' and '.join(sorted(versions))} | {spell_witness(witness)} |")
    lines += ["", "What is not read is counted by kind (`unread` in the capture's record):", "",
              "| made by the tests | layer | number | name |", "| --- | --- | --- | --- |"]
    for name, _, _, unread in CLOSED:
        if unread:
            lines.append(f"| {name} | `{unread[0]}` | {unread[1]} | {unread[2]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        sys.stdout.write(table())
    else:
        write_seeds(sys.argv[1])
