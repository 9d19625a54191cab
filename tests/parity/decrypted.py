# SPDX-License-Identifier: GPL-2.0-or-later
"""What Wireshark decrypts of the random sessions, and why no more.

Each direction of TLS numbers its records. So what Wireshark decrypts of one is its beginning, up to the first record that it
cannot read. These are the reasons; each is seen from the packets alone:

    lost      octets of the direction are not in the capture, before or in what is not decrypted
    order     with the preference off, TLS is given segments in the order of the capture: one came before its turn
    acked     with the preference off, a segment came behind the acknowledgement of its octets: TCP takes it for a spurious
              retransmission, and gives it to nobody
    waits     with the preference on, TCP waits for octets that are missing, for ever: also for those before TLS
    hello     TLS was not given the whole ClientHello, and then the whole ServerHello: the keys are chosen by both
    not told  STARTTLS or its OK is missing, or came behind the ClientHello: only a ClientHello in one segment is known for TLS
"""
import re
import zlib

ETHERNET_PORTS = 34  # of a segment over IPv4 on Ethernet
HEADERS = 54
HANDSHAKE = 0x16
COMMAND = re.compile(rb'(a\d+) ID \("name" "(c\d+-\d+)" "version" "1"\)\r\n')
COMPRESS = (b"d COMPRESS DEFLATE\r\n", b"d OK begin\r\n")
RESPONSE = re.compile(rb'\* ID \("name" "(s\d+-\d+)"\)\r\n(a\d+) OK done\r\n')


class Segment:
    """A segment of a packet, with the octets that were sent."""

    def __init__(self, packet):
        octets = packet[2]
        ports = [int.from_bytes(octets[at:at + 2], "big") for at in (ETHERNET_PORTS, ETHERNET_PORTS + 2)]
        self.side = int(ports[0] < ports[1])
        self.seq = int.from_bytes(octets[ETHERNET_PORTS + 4:ETHERNET_PORTS + 8], "big")
        self.end = self.seq + packet[3] - HEADERS
        self.ack = int.from_bytes(octets[ETHERNET_PORTS + 8:ETHERNET_PORTS + 12], "big")
        self.octets = octets[HEADERS:]
        self.is_cut = len(octets) < packet[3]


class Sent:
    """What was sent: of each side where its octets begin, and those inside TLS; where its hello ends."""

    def __init__(self, packets):
        segments = [one for one in map(Segment, packets) if one.end > one.seq]
        self.begins = [min(one.seq for one in segments if one.side == side) for side in (0, 1)]
        self.tls = [min(one.seq for one in segments if one.side == side and one.octets[0] == HANDSHAKE) for side in (0, 1)]
        octets = [b"".join(one.octets for one in sorted(segments, key=lambda one: one.seq)
                           if one.side == side and one.seq >= self.tls[side]) for side in (0, 1)]
        self.hello_ends = [self.tls[side] + 5 + int.from_bytes(octets[side][3:5], "big") for side in (0, 1)]


def seen_to(segments, start):
    """The first octet from `start` on that no segment has."""
    for one in sorted(segments, key=lambda one: one.seq):
        if not one.is_cut and one.seq <= start < one.end:
            start = one.end
    return start


def is_not_told(sent, segments):
    """Is STARTTLS or its OK not there before the ClientHello, and that in several segments?"""
    hello = [i for i, one in enumerate(segments) if one.side == 0 and one.end > max(one.seq, sent.tls[0])]
    early = segments[:hello[0]] if hello else []
    if all(seen_to([one for one in early if one.side == side], sent.begins[side]) >= sent.tls[side] for side in (0, 1)):
        return False
    return not any(one.seq <= sent.tls[0] and one.end >= sent.hello_ends[0] and not one.is_cut
                   for one in segments if one.side == 0)


def is_out_of_order(segments, start):
    """Does a segment of a direction stand behind a hole, from `start` on?"""
    next_octet = start
    for one in segments:
        if one.end > start and one.seq > next_octet:
            return True
        next_octet = max(next_octet, one.end)
    return False


def acked_early(segments, side, start):
    """The segments of a direction that come behind the acknowledgement of their octets, which were not there before."""
    acked, seen = start, start
    for one in segments:
        if one.side != side:
            acked = max(acked, one.ack)
        elif one.end > one.seq:
            if start < one.end <= acked and one.end > seen:
                yield one
            seen = max(seen, one.end)


def hello_given(sent, segments, side, preference):
    """The number of segments with which the whole hello of a side is given to TLS; None: it never is."""
    start, end = sent.tls[side], sent.hello_ends[side]
    for i, one in enumerate(segments):
        if one.side == side and seen_to([other for other in segments[:i + 1] if other.side == side], start) >= end:
            early = [other for other in segments[:i + 1] if other.side == side and other.seq < end]
            is_in_order = not is_out_of_order(early, start) and all(
                other.seq >= end for other in acked_early(segments, side, start))
            return i if preference == "on" or is_in_order else None
    return None


def reasons(whole, damaged):
    """(preference, side) -> the reasons for which Wireshark may not decrypt all of it."""
    sent, segments, found = Sent(whole), [Segment(packet) for packet in damaged], {}
    both = {"off": set(), "on": set()}
    for preference, names in both.items():
        hellos = [hello_given(sent, segments, side, preference) for side in (0, 1)]
        if None in hellos or hellos[1] < hellos[0]:
            names.add("hello")
        if is_not_told(sent, segments):
            names.add("not told")
    for side in (0, 1):
        ours = [one for one in segments if one.side == side and one.end > one.seq]
        all_end = max(Segment(packet).end for packet in whole if Segment(packet).side == side)
        lost = {"lost"} if seen_to(ours, sent.tls[side]) < all_end else set()
        given = {"order"} if is_out_of_order(ours, sent.tls[side]) else set()
        given |= {"acked" for _ in acked_early(segments, side, sent.tls[side])}
        waits = {"waits"} if seen_to(ours, sent.begins[side]) < sent.tls[side] else set()
        found["off", side] = both["off"] | lost | given
        found["on", side] = both["on"] | lost | waits
    return found


def texts(rows):
    """(port of the client, side) -> what Wireshark decrypted, of which handshake messages are left out."""
    found = {}
    for port, side, octets in rows:
        if octets[0] >= 0x20 or (port, side) in found:
            found[port, side] = found.get((port, side), b"") + octets
    return found


def read_dump(text):
    """Of a hex dump of all that packets consist of, what was decrypted: (port of the client, side, octets)."""
    name, frame, octets = None, b"", b""
    for line in text.split("\n"):
        if re.match(r"[0-9a-f]{4,}  ", line):
            octets += bytes.fromhex(line.split("  ", 1)[1][:47])
            continue
        if name == "Frame" or (name is None and octets):
            frame = octets
        elif name == "Decrypted TLS" and octets:
            ports = [int.from_bytes(frame[at:at + 2], "big") for at in (ETHERNET_PORTS, ETHERNET_PORTS + 2)]
            yield max(ports), int(ports[0] < ports[1]), octets
        match = re.match(r"(.*) \(\d+ bytes\):", line)
        name, octets = match[1] if match else None, b""


def inflate(port, found):
    """Inflates what stands behind COMPRESS, where both sides of that are there; else nobody knows what it is."""
    halves = [found.get((port, side), b"").partition(line) for side, line in enumerate(COMPRESS)]
    is_agreed = all(line for _, line, _ in halves)
    for side, (clear, line, rest) in enumerate(halves):
        found[port, side] = clear + line + (zlib.decompressobj(wbits=-15).decompress(rest) if is_agreed else b"")


def of_capture(shark, capture, *options, passes=2, with_plugin=True):
    """(port of the client, side) -> what Wireshark decrypted."""
    passes = ("-2",) if passes == 2 else ()
    found = texts(read_dump(shark.tshark(capture, "-x", "-Y", "tls", *passes, *options, with_plugin=with_plugin)))
    for port in {port for port, _ in found}:
        inflate(port, found)
    return found


def commands(octets):
    """tag -> name of the ID commands."""
    return {tag.decode(): name.decode() for tag, name in COMMAND.findall(octets)}


def responses(octets):
    """tag -> name of the ID responses, of which the tagged line is there, too."""
    return {tag.decode(): name.decode() for name, tag in RESPONSE.findall(octets)}
