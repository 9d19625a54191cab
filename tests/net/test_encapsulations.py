# SPDX-License-Identifier: GPL-2.0-or-later
"""One small IMAP connection in everything that can carry it: the records are those of the bare one,
and tshark finds the same octets. Usage: test_encapsulations.py IMAPID"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
import encapsulations as enc  # noqa: E402
import pcap  # noqa: E402

IMAPID = sys.argv[1]
TSHARK = shutil.which("tshark")


def packets(client_port=50000):
    """A connection as (side, IPv4 packet)."""
    talk = pcap.Talk(client_port).handshake()
    talk.server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
    talk.client(b'a1 ID ("name" "Mutt" "version" "2.2")\r\n')
    talk.server(b'* ID ("name" "Dovecot")\r\na1 OK done\r\n')
    talk.client(b"a2 LOGOUT\r\n")
    talk.server(b"* BYE\r\na2 OK bye\r\n")
    return [(int(octets[14 + 15] != 5), octets[14:]) for _, _, octets, _ in talk.packets]


def as_ip6(packet):
    return (struct.pack("!IHBB", 6 << 28, len(packet) - 20, 6, 64) + bytes(12) + packet[12:16] + bytes(12) + packet[16:20]
            + packet[20:])


def write(path, link_type, frames, n_cut=0):
    """frames: (packet it belongs to, octets); n_cut octets of each are not captured."""
    with open(path, "wb") as file:
        file.write(pcap.HEADER.pack(pcap.LITTLE_MICRO, 2, 4, 0, 0, 262144, link_type))
        for i, frame in frames:
            n = max(0, len(frame) - n_cut)
            file.write(pcap.PACKET.pack(1700000000, i * 1000, n, len(frame)) + frame[:n])
    return path


def records(*arguments, statuses=(0,)):
    run = subprocess.run([IMAPID, "extract", "-q", "-T", "jsonl", *arguments], capture_output=True, check=False)
    assert run.returncode in statuses, run
    return [json.loads(line) for line in run.stdout.splitlines()[:-1]]


def records_each(paths, statuses=(0,)):
    """The records of each of the captures; one run of the program reads them all."""
    found = {path: [] for path in paths}
    for record in records(*paths, statuses=statuses):
        found[record["file"]].append(record)
    return found


def content(found):
    """Sessions and exchanges, without what differs between captures of the same: names, numbers of
    frames and the moments that go with them, and the way there."""
    def strip(value):
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key not in ("file", "frame", "session", "id", "path")}
        return [strip(inner) for inner in value] if isinstance(value, list) else value
    return [strip(record) for record in found if record["type"] != "capture"]


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def write_together(path, rows):
    """rows: (link type, frames) each; one pcapng, so that tshark has to be started once."""
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for link_type, _ in rows:
            file.write(block(1, struct.pack("<HHI", link_type, 0, 0)))
        for interface, (_, frames) in enumerate(rows):
            for i, frame in frames:
                time = (1700000000 + 60 * interface) * 1000000 + i * 1000
                head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
                file.write(block(6, head + frame))
    return path


def octets_by_tshark(path, arguments=()):
    """What tshark finds in TCP: for each client's port the octets, and whether the server sent them."""
    run = subprocess.run([TSHARK, "-r", path, "-n", "-o", "ip.defragment:TRUE", "-T", "fields", "-e", "tcp.srcport",
                          "-e", "tcp.dstport", "-e", "tcp.payload", "-Y", "tcp.payload", *arguments],
                         capture_output=True, check=True, text=True)
    found = {}
    for line in run.stdout.splitlines():
        source, destination, octets = line.split("\t")
        found.setdefault(int(destination if source == "143" else source), []).append((source == "143", octets))
    return found


def wrapped(wrap, version, client_port=50000):
    """Frames of the connection, those of a packet with its number."""
    return [(i, frame) for i, (side, packet) in enumerate(packets(client_port))
            for frame in wrap(packet if version == "4" else as_ip6(packet), side)]


def check_rows(folder):
    bare = {}
    for version in "46":
        bare[version] = content(records(write(f"{folder}/bare{version}", 101, wrapped(lambda p, s: [p], version))))
        assert len([r for r in bare[version] if r["type"] == "exchange" and r["complete"]]) == 1
    versions_of = {write(f"{folder}/{name}-{version}", link_type, wrapped(wrap, version)): version
                   for name, link_type, wrap, versions, _ in enc.ROWS for version in versions}
    for path, found in records_each(versions_of).items():
        assert content(found) == bare[versions_of[path]], (path, found)
        assert found[-1]["tcp_connections"] == 1 and found[-1]["unread"] == [], (path, found[-1])


def check_nested(folder):
    """Tunnels in layers that tell IP by its looks alone, and some in each other: what is inside is read."""
    ways = {row[0]: row for row in enc.ROWS}
    inner = ["gre-in-ipv6", "4in6", "6in6", "ah-ipv6", "vxlan", "gre-mpls", "gtp", "l2tp"]
    outer = ["unknown-ether-type", "l2tp-3", "l2tp-3-cookie", "l2tp-3-in-udp", "esp-null", "esp-null-gmac", "esp-null-in-udp",
             "ttag-own-ether-type", "tzsp", "capwap-802.11", "pbb", "nflog", "realtek-8365"]
    for first in inner:
        version = ways[first][3][0]
        paths = [write(f"{folder}/bare", 101, wrapped(lambda p, s: [p], version))]
        for second in outer:
            frames = wrapped(lambda p, s: [frame for packet in ways[first][2](p, s) for frame in ways[second][2](packet[14:], s)],
                             version)
            paths.append(write(f"{folder}/nested-{second}", ways[second][1], frames))
        each = records_each(paths)
        bare = content(each[paths[0]])
        assert bare, first
        for path, found in each.items():
            assert content(found) == bare and found[-1]["unread"] == [], (first, path, found)


def check_witness(folder):
    """tshark finds the same octets, told of what it has to be told; the rows are told apart by the
    client's port."""
    path = write(f"{folder}/bare", 101, wrapped(lambda p, s: [p], "4"))
    expected = octets_by_tshark(path)[50000]
    told = {}
    for port, (name, link_type, wrap, versions, witness) in enumerate(enc.ROWS, 20001):
        if witness:
            told.setdefault(() if witness is True else witness, []).append((port, name, link_type, wrap, versions[0]))
    for arguments, rows in told.items():
        together = [(link_type, wrapped(wrap, version, port)) for port, _, link_type, wrap, version in rows]
        seen = octets_by_tshark(write_together(f"{folder}/together", together), arguments)
        for port, name, _, _, _ in rows:
            assert seen.get(port) == expected, (name, seen.get(port))


def check_closed(folder):
    """Nothing of it is read, and that is said: in the record, as an error where it is most of the
    capture, and in a line of its own."""
    for name, link_type, wrap, unread in enc.CLOSED:
        path = write(f"{folder}/{name}", link_type, wrapped(wrap, "4"))
        run = subprocess.run([IMAPID, "-T", "jsonl", path], capture_output=True, check=False, text=True)
        found = [json.loads(line) for line in run.stdout.splitlines()[:-1]]
        assert len(found) == 1 and found[0]["tcp_connections"] == 0, (name, found)
        n = found[0]["packets"]
        expected = [dict(zip(("layer", "number", "name"), unread), packets=n)] if unread else []
        assert found[0]["unread"] == expected, (name, found[0])
        assert (found[0]["unknown_link_packets"] > 0) == name.startswith("unknown-link"), (name, found)
        assert run.returncode == (2 if unread else 0), (name, run)
        assert (found[0]["error"] is not None) == (unread is not None), (name, found)
        assert (f"not read: {n} packets" in run.stderr) == (unread is not None), (name, run.stderr)
        if unread and unread[2].startswith("looks like "):
            help_ = f"-d udp.port=={unread[1]},{unread[2].split()[-1]}"
            assert help_ in run.stderr, (name, run.stderr)
        check = subprocess.run([IMAPID, "check", "-q", path], capture_output=True, check=False)
        assert check.returncode == run.returncode, (name, check)


def check_some_unread(folder):
    """What is not the most of a capture is counted, and no error; several files are told together."""
    esp = next(row for row in enc.CLOSED if row[0] == "esp")
    bare = wrapped(lambda p, s: [enc.plain(s, p)], "4")
    more = [(i, esp[2](packet, side)[0]) for i, (side, packet) in enumerate(packets()[:2])]
    paths = [write(f"{folder}/some{k}", 1, bare + more) for k in range(2)]
    run = subprocess.run([IMAPID, "-T", "jsonl", *paths], capture_output=True, check=False, text=True)
    found = [json.loads(line) for line in run.stdout.splitlines()[:-1]]
    assert run.returncode == 0 and run.stderr.count("not read") == 1, run
    assert "not read: 4 packets of IP protocol 50 (ESP)" in run.stderr, run
    for record in found:
        if record["type"] == "capture":
            assert record["error"] is None, record
            assert record["unread"] == [{"layer": "ip-protocol", "number": 50, "name": "ESP", "packets": 2}], record
    pieces = [r for r in records("--continuous", *paths) if r["type"] == "capture"]
    assert [r["unread"][0]["packets"] for r in pieces] == [2, 2], pieces
    lines = f"{folder}/some.jsonl"
    with open(lines, "w", encoding="utf-8") as file:
        file.write(run.stdout)
    again = subprocess.run([IMAPID, "stats", lines], capture_output=True, check=False, text=True)
    assert "not read: 4 packets of IP protocol 50 (ESP)" in again.stderr, again
    assert re.search(r"^NOT SEEN\n +4  packets of layers that were not read\n +4: IP protocol 50 \(ESP\)$", again.stdout, re.M), again
    totals = subprocess.run([IMAPID, "stats", "-q", "-T", "jsonl", *paths], capture_output=True, check=True, text=True)
    totals = json.loads(totals.stdout.splitlines()[0])
    assert totals["unread_packets"] == 4 and totals["unread_layers"][0]["packets"] == 4, totals
    page = subprocess.run([IMAPID, "report", "-q", *paths], capture_output=True, check=True, text=True).stdout
    assert "<b>4</b><span>packets of <bdi>IP protocol 50 (ESP)</bdi>, a layer that was not read" in page, page[-3000:]
    redacted = subprocess.run([IMAPID, "-T", "jsonl", "--redact", lines], capture_output=True, check=True, text=True)
    assert redacted.stdout.count('"name":"ESP"') == 2, redacted


def check_cuts(folder):
    """Packets cut anywhere: read to the end, and nothing that was cut is shown as whole."""
    cuts = {}
    for name, link_type, wrap, versions, _ in enc.ROWS:
        frames = wrapped(wrap, versions[0])
        for n_cut in (1, 30, 45, 60, 80, 100):
            cuts[write(f"{folder}/{name}-{n_cut}", link_type, frames, n_cut)] = (n_cut, len(frames))
    # 2: where the end is missing that would have proved that a packet can be read
    for path, found in records_each(cuts, statuses=(0, 2)).items():
        n_cut, n_frames = cuts[path]
        assert [r["packets"] for r in found if r["type"] == "capture"] == [n_frames], (path, found)
        whole = [r for r in found if r["type"] == "exchange" and r["complete"]]
        assert n_cut == 1 or not whole, (path, whole)


def check_twice(folder):
    """Every packet twice: the records are those of one; and no packet of the second is the first."""
    bare = content(records(write(f"{folder}/once", 1, wrapped(lambda p, s: [enc.plain(s, p)], "4"))))
    ways = {row[0]: row[2] for row in enc.ROWS if row[1] == 1}
    pairs = [("", ""), ("802.1q", "802.1q")]
    pairs += [pair for name in ("802.1q", "vxlan", "gtp", "erspan-2", "pppoe") for pair in (("", name), (name, ""))]
    ways[""] = lambda p, s: [enc.plain(s, p)]
    for first, second in pairs:
        frames = wrapped(lambda p, s: ways[first](p, s) + ways[second](p, s), "4")
        found = records(write(f"{folder}/twice", 1, frames))
        assert content(found) == bare, (first, second, found)
        assert found[-1]["tcp_connections"] == 1 and found[-1]["exchanges"] == 1, (first, second, found[-1])
        command = next(r for r in found if r["type"] == "exchange")["command"]
        assert command["frame"] % 2 == 1, (first, second, command)


def shift(packet, side):
    """The packet of another connection between the same ends: with sequence numbers of its own."""
    seq, ack = struct.unpack("!II", packet[24:32])
    mine, peers = (1 << 30, 1 << 31) if side == 0 else (1 << 31, 1 << 30)
    ack = (ack + peers) & 0xFFFFFFFF if packet[33] & 0x10 else ack
    return packet[:24] + struct.pack("!II", (seq + mine) & 0xFFFFFFFF, ack) + packet[32:]


PATHS = {
    "vlan": [lambda p, s, n=n: enc.ethernet(s, b"\x81\0", enc.tag(n, b"\x08\0", p)) for n in (10, 20)],
    "inner vlan": [lambda p, s, n=n: enc.ethernet(s, b"\x88\xa8", enc.tag(7, b"\x81\0", enc.tag(n, b"\x08\0", p)))
                   for n in (10, 20)],
    "vxlan": [lambda p, s, n=n: enc.plain(s, enc.ip4(s, 17, enc.vxlan(n, enc.plain(s, p)))) for n in (1, 2)],
    "gre": [lambda p, s, n=n: enc.plain(s, enc.ip4(s, 47, enc.gre(b"\x08\0", p, 0x2000, struct.pack("!I", n))))
            for n in (1, 2)],
    "kinds": [lambda p, s: enc.ethernet(s, b"\x81\0", enc.tag(5, b"\x08\0", p)),
              lambda p, s: enc.plain(s, enc.ip4(s, 17, enc.vxlan(5, enc.plain(s, p))))],
}


def check_alike(folder):
    """Connections alike but for VLAN or tunnel, packet by packet in turn and one after the other."""
    for name, (first, second) in PATHS.items():
        turns = wrapped(lambda p, s: [first(p, s), second(shift(p, s), s)], "4")
        for frames in (turns, turns[0::2] + turns[1::2]):
            found = records(write(f"{folder}/alike", 1, frames))
            assert found[-1]["tcp_connections"] == 2 and found[-1]["imap_sessions"] == 2, (name, found[-1])
            assert sorted(r["stream"] for r in found if r["type"] == "exchange") == [0, 1], (name, found)


def check_copied(folder):
    """One connection copied onto another VLAN or tunnel, whole or one direction of it, is one."""
    bare = content(records(write(f"{folder}/once", 1, wrapped(lambda p, s: [enc.plain(s, p)], "4"))))
    for name, (first, second) in PATHS.items():
        for sides in ((0, 1), (0,), (1,)):
            frames = wrapped(lambda p, s: [first(p, s)] + ([second(p, s)] if s in sides else []), "4")
            found = records(write(f"{folder}/copied", 1, frames))
            assert content(found) == bare, (name, sides, found)
            assert found[-1]["tcp_connections"] == 1 and found[-1]["lost_bytes"] == 0, (name, sides, found[-1])


def check_decode_as(folder):
    """What the user says that packets are; and what makes no sense."""
    bare = content(records(write(f"{folder}/once", 1, wrapped(lambda p, s: [enc.plain(s, p)], "4"))))
    ways = {row[0]: row[2] for row in enc.ROWS}
    moved = {"vxlan": "vxlan", "geneve": "geneve", "tzsp": "tzsp", "gtp": "gtp", "gtpu": "gtp", "l2tp": "l2tp",
             "vxlan_gpe": "vxlan-gpe", "mpls": "mpls-in-udp", "gre": "gre-in-udp", "hp_erm": "hp-erm",
             "capwap.data": "capwap", "udpencap": "esp-null-in-udp",
             "eth": "eth", "ip": "ip"}
    ways["eth"] = enc.on_ip4(17, lambda p, s: enc.udp(1, enc.plain(s, p)))
    ways["ip"] = enc.on_ip4(17, lambda p, s: enc.udp(1, p))
    port = struct.pack("!H", 9999)
    for name, row in moved.items():
        path = write(f"{folder}/moved", 1,
                     wrapped(lambda p, s: [f[:36] + port + f[38:] for f in ways[row](p, s)], "4"))
        assert content(records("-d", f"udp.port==9999,{name}", path)) == bare, name
        if TSHARK and name not in ("gtpu", "udpencap"):
            octets_by_tshark(path, ("-d", f"udp.port==9999,{name}"))  # it knows the name
    user = write(f"{folder}/user", 152, wrapped(lambda p, s: [enc.plain(s, p)], "4"))
    assert content(records(user, "--linktype", "1")) == bare
    assert content(records(user, "--linktype=1", "-f", "tcp port 143")) == bare
    pktap = write(f"{folder}/user2", 149, wrapped(lambda p, s: [enc.plain(s, p)], "4"))
    assert content(records(pktap, "--linktype", "1")) == bare
    known = write(f"{folder}/known", 1, wrapped(lambda p, s: [enc.plain(s, p)], "4"))
    assert content(records(known, "--linktype", "101")) == bare
    for wrong in (("-d", "tcp.port==1,vxlan"), ("-d", "udp.port==1,nonsense"), ("-d", "udp.port==65536,vxlan"),
                  ("-d", "udp.port==,vxlan"), ("-d", "udp.port==0,vxlan"), ("-d", "udp.port==1"),
                  ("--linktype", "x"), ("--linktype", "147"), ("--linktype", "99999"), ("--linktype", "")):
        run = subprocess.run([IMAPID, *wrong, known], capture_output=True, check=False, text=True)
        assert run.returncode == 2 and not run.stdout and wrong[0] in run.stderr, (wrong, run)


def check_table():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/layers.md"), encoding="utf-8") as file:
        assert file.read() == enc.table(), "docs/layers.md: write it anew with encapsulations.py --table"


def main():
    check_table()
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_twice, check_alike, check_copied, check_decode_as, check_closed, check_some_unread, check_cuts,
                      check_rows, check_nested):
            check(folder)
        if TSHARK:
            check_witness(folder)


if __name__ == "__main__":
    main()
