# SPDX-License-Identifier: GPL-2.0-or-later
"""Chains of pieces: samples whose sessions are moved and stretched in time, so that they lie over and behind each other."""
import pathlib
import struct

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
NAMES = ("compress", "compress-tls", "starttls", "tls12-dhe-aes128-gcm", "curl-dovecot-tls", "many-clients", "imaplib-dovecot",
         "mbsync-dovecot", "thunderbird-cyrus", "courier", "tls-no-keys", "port-10143", "perl-dovecot", "escapes")
AGAIN, N_AGAIN = "idle", 16
START_NS = 1_700_000_000 * 10**9  # of every chain
HEAD = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1)


def read_packets(path):
    """(nanoseconds, captured octets, octets on the wire) of a pcap in microseconds, and its link type."""
    data = path.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", path
    at, packets = 24, []
    while at < len(data):
        seconds, micro, n, n_wire = struct.unpack_from("<4I", data, at)
        packets.append((seconds * 10**9 + micro * 1000, data[at + 16:at + 16 + n], n_wire))
        at += 16 + n
    return packets, struct.unpack_from("<I", data, 20)[0]


def spell_packets(packets):
    return b"".join(struct.pack("<4I", when // 10**9, when % 10**9, len(octets), n_wire) + octets for when, octets, n_wire in packets)


def connection(octets):
    """Both ends of a TCP segment in IPv4 or IPv6 on Ethernet, whichever sent it; None of anything else."""
    if octets[12:14] == b"\x08\x00" and octets[23] == 6:
        at, ends = 14 + 4 * (octets[14] & 15), (octets[26:30], octets[30:34])
    elif octets[12:14] == b"\x86\xdd" and octets[20] == 6:
        at, ends = 54, (octets[22:38], octets[38:54])
    else:
        return None
    return frozenset(((ends[0], octets[at:at + 2]), (ends[1], octets[at + 2:at + 4])))


def find_crossed(packets):
    """The places, as indices of packets, where a cut goes through a connection."""
    first, last = {}, {}
    for i, (_, octets, _) in enumerate(packets):
        name = connection(octets)
        if name:
            first.setdefault(name, i)
            last[name] = i
    crossed = set()
    for name, i in first.items():
        crossed.update(range(i + 1, last[name] + 1))
    return sorted(crossed)


def move_numbers(octets, n):
    """A TCP segment in IPv4 on Ethernet with its sequence numbers, of both sides, `n` further, as of another connection."""
    head, segment = octets[:14 + 4 * (octets[14] & 15)], bytearray(octets[14 + 4 * (octets[14] & 15):14 + int.from_bytes(octets[16:18], "big")])
    for at in (4, 8):
        if at == 4 or segment[13] & 0x10:
            segment[at:at + 4] = (int.from_bytes(segment[at:at + 4], "big") + n & 0xffffffff).to_bytes(4, "big")
    segment[16:18] = b"\0\0"
    words = head[26:34] + struct.pack(">HH", 6, len(segment)) + segment + b"\0" * (len(segment) % 2)
    total = sum(struct.unpack(f">{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    segment[16:18] = (total ^ 0xffff).to_bytes(2, "big")
    return head + bytes(segment)


def make_packets(chance):
    packets, t = [], START_NS
    for name in NAMES:
        own, link_type = read_packets(SAMPLES / f"{name}.pcap")
        if link_type != 1:
            continue
        start, factor = t + chance.randrange(3600 * 10**9), chance.choice((1, 1, 50, 400))
        packets += [(start + (when - own[0][0]) * factor, *rest) for when, *rest in own]
    # One connection after the other on the same two ends: behind the end of a section, too.
    own, _ = read_packets(SAMPLES / f"{AGAIN}.pcap")
    for i in range(N_AGAIN):
        start = t + (i * 3600 + chance.randrange(3000)) * 10**9 // N_AGAIN
        packets += [(start + when - own[0][0], move_numbers(octets, i * 0x05000000), n_wire) for when, octets, n_wire in own]
    return sorted(packets, key=lambda packet: packet[0])


def make_chain(chance, paths, all_crossed=False):
    """Writes pieces there; with `all_crossed` every cut goes through a connection."""
    packets = make_packets(chance)
    places = find_crossed(packets) if all_crossed else range(1, len(packets))
    cuts = [0, *sorted(chance.sample(places, len(paths) - 1)), len(packets)]
    for i, path in enumerate(paths):
        path.write_bytes(HEAD + spell_packets(packets[cuts[i]:cuts[i + 1]]))
