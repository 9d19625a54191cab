#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cut: the packets of chosen connections, whole, in the order of time, and nothing else.

test_cut.py IMAPID
"""
import array
import bisect
import collections
import fcntl
import gzip
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SAMPLES = sorted(p for p in (ROOT / "samples").iterdir() if p.suffix in (".pcap", ".pcapng"))
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())
sys.path[:0] = [str(HERE), *(str(ROOT / "tests" / folder) for folder in ("containers", "net", "dissector"))]
import encapsulations as enc  # noqa: E402
import files  # noqa: E402
import pcap  # noqa: E402
import pcapng  # noqa: E402

SHARED = tempfile.TemporaryDirectory()
LOG = pathlib.Path(SHARED.name) / "all.keys"


def run(*arguments, **options):
    return subprocess.run([IMAPID, *map(str, arguments)], capture_output=True, cwd=ROOT, check=False, timeout=120, **options)


def tshark(*arguments):
    return subprocess.run(["tshark", "-n", *map(str, arguments)], capture_output=True, check=True, timeout=120).stdout.decode()


def in_wireshark(folder, paths, *options):
    """What tshark prints for the frames that it shows of these captures, read as one: (path, (frame of that file, fields))."""
    names = [str(path) for path in paths]
    subprocess.run(["mergecap", "-a", "-w", str(folder / "all.pcapng"), *names], check=True, timeout=60, capture_output=True)
    counts = subprocess.run(["capinfos", "-r", "-T", "-M", "-c", *names], check=True, timeout=60, capture_output=True).stdout.decode()
    ends = list(itertools.accumulate(int(line.rsplit("\t", 1)[1]) for line in counts.splitlines()))
    for line in tshark("-r", folder / "all.pcapng", *options, "-e", "frame.number").splitlines():
        *fields, frame = line.split("\t")
        n = bisect.bisect_left(ends, int(frame))
        yield paths[n], (int(frame) - (ends[n - 1] if n else 0), *fields)


def keys_of(path):
    keys = path.with_suffix(".keys")
    return ["-l", keys] if keys.exists() else []


def records(*arguments):
    done = run("extract", "-q", "-T", "jsonl", *arguments)
    return [json.loads(line) for line in done.stdout.splitlines()]


def said(found, stream=None):
    """What the records of connections say, but for where they stand in a file; in the order of streams."""
    gone = ("file", "stream", "session", "id", "filter", "frame", "ended_frame", "first_frame", "frames")

    def strip(value):
        if isinstance(value, dict):
            return {key: strip(inner) for key, inner in value.items() if key not in gone}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    chosen = [r for r in found if r["type"] in ("exchange", "session") and stream in (None, r["stream"])]
    return sorted(json.dumps(strip(r)) for r in chosen)


def source_of(packet):
    """The file and frame that the last comment of a packet names."""
    file, frame = re.fullmatch(r"(.*): frame (\d+)", packet.comments[-1], re.S).groups()
    return file, int(frame)


def setUpModule():
    """One log with the secrets of all samples."""
    LOG.write_bytes(b"\n".join(path.with_suffix(".keys").read_bytes() for path in SAMPLES if keys_of(path)))


class Cut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out.pcapng"

    def cut(self, *arguments):
        done = run("cut", "-q", "-w", self.out, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return pcapng.Capture(self.out.read_bytes())

    def write(self, name, octets):
        path = self.folder / name
        path.write_bytes(octets)
        return path


class Samples(Cut):
    """All of them in one run: whatever starts a program for each takes a minute of CI, most of it to start."""

    def test_frames_are_those_of_wireshark(self):
        truth = {}  # file -> Wireshark's streams, in the order in which they begin -> frames
        for path, (frame, stream) in in_wireshark(self.folder, SAMPLES, "-Y", "tcp", "-T", "fields", "-e", "tcp.stream"):
            for one in stream.split(","):
                truth.setdefault(str(path), {}).setdefault(int(one), []).append(frame)
        found = {(r["file"], r["stream"]) for r in records("-l", LOG, *SAMPLES) if r["type"] == "session"}
        n_partial = 0
        for stream in range(3):
            frames = {}
            for packet in self.cut("--stream", stream, *SAMPLES).packets:
                file, frame = source_of(packet)
                frames.setdefault(file, []).append(frame)
            wanted = {file: list(truth[file].values())[stream] for file, one in found if one == stream}
            self.assertEqual([file for file in frames | wanted if frames.get(file) != wanted.get(file)], [], stream)
            n_partial += sum(len(truth[file]) > 1 for file in wanted)
        self.assertGreater(len(found), 100)
        self.assertGreater(n_partial, 8)

    def test_read_again_they_say_the_same(self):
        self.cut("-l", LOG, *SAMPLES)
        after, before = (collections.Counter(said(records(*arguments))) for arguments in ([self.out], ["-l", LOG, *SAMPLES]))
        self.assertEqual([*(after - before), *(before - after)], [])  # what assertEqual itself prints takes minutes

    def test_wireshark_takes_it(self):
        path = next(p for p in SAMPLES if p.stem == "alpine-dovecot")
        got = self.cut(path)
        again = self.folder / "again.pcapng"
        subprocess.run(["editcap", self.out, again], check=True, timeout=60, capture_output=True)
        self.assertEqual([packet[:3] for packet in pcapng.Capture(again.read_bytes()).packets], [packet[:3] for packet in got.packets])
        fields = ("-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "tcp.seq_raw", "-e", "tcp.len")
        self.assertEqual(tshark("-r", self.out, *fields), tshark("-r", path, "-Y", "tcp.stream in {0}", *fields))


class Copies(Cut):
    """Packets come out as they were."""

    def packets(self):
        return files.read_pcap((ROOT / "samples/alpine-cyrus.pcap").read_bytes())

    def check(self, got, packets):
        self.assertEqual([(p.ns, p.data, p.n_wire) for p in got.packets], [(p.ns, p.data, p.n_wire) for p in packets])

    def test_formats_of_pcap(self):
        packets = [p._replace(ns=p.ns // 1000 * 1000 + 7, n_wire=p.n_wire + 3) for p in self.packets()]
        for order in "<>":
            got = self.cut(self.write("a.pcap", files.write_pcap(packets, order, 0xA1B23C4D)))
            self.check(got, packets)
            self.assertEqual([(i.link, i.snap, i.options) for i in got.interfaces], [(1, 262144, {9: b"\x09"})])
        got = self.cut(self.write("a.pcap", files.write_pcap(self.packets(), "<", 0xA1B2C3D4)))
        self.assertEqual(got.interfaces[0].options, {9: b"\x06"})
        self.check(got, self.packets())

    def test_interfaces_and_options_of_pcapng(self):
        packets = self.packets()
        for order in "<>":
            def option(code, value):
                return files.option(order, code, value)
            interfaces = [
                option(2, b"eth7") + option(3, b"\xc3\xa4") + option(8, struct.pack(order + "Q", 10**9)) + option(9, b"\x09") + option(0, b""),
                option(2, b"unused") + option(0, b""),
                option(14, struct.pack(order + "q", 1000)) + option(11, b"\0port 143") + option(9999, b"unknown") + option(0, b""),
                option(9, b"\x8a"),  # 2^-10 s
            ]
            of_packet = option(1, b"mine") + option(2, struct.pack(order + "I", 0x12345)) + option(4, struct.pack(order + "Q", 5)) + option(77, b"?") + option(0, b"")
            out = files.section(order) + b"".join(files.block(order, 1, struct.pack(order + "HHI", 1, 0, 9000 + n) + options) for n, options in enumerate(interfaces))
            rows = []
            for n, packet in enumerate(packets):
                number = (0, 2, 3)[n % 3]
                per_second, offset = {0: (10**9, 0), 2: (10**6, 1000), 3: (1024, 0)}[number]
                ticks = (packet.ns - offset * 10**9) * per_second // 10**9
                body = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.data), packet.n_wire) + packet.data
                out += files.block(order, 6, body + bytes(-len(body) % 4) + of_packet)
                rows.append((ticks * 10**9 // per_second + offset * 10**9, packet.data, packet.n_wire, {0: 0, 2: 1, 3: 2}[number]))
            path = self.write("a.pcapng", out)
            got = self.cut(path)
            self.assertEqual([p[:4] for p in got.packets], rows)
            self.assertEqual([i.snap for i in got.interfaces], [9000, 9002, 9003])
            self.assertEqual([i.options for i in got.interfaces], [
                {2: b"eth7", 3: b"\xc3\xa4", 8: struct.pack("<Q", 10**9), 9: b"\x09"},
                {14: struct.pack("<q", 1000), 11: b"\0port 143", 9: b"\x06"},
                {9: b"\x09"}])
            for n, packet in enumerate(got.packets):
                self.assertEqual(packet.comments, ["mine", f"{path}: frame {n + 1}"])
                self.assertEqual(packet.options, [(2, struct.pack("<I", 0x12345)), (4, struct.pack("<Q", 5))])

    def test_packets_without_time_stay_where_they_are(self):
        packets = self.packets()
        body = b"".join(files.enhanced(p) if n % 2 else files.simple(p) for n, p in enumerate(packets))
        got = self.cut(self.write("a.pcapng", files.section() + files.interface() + body))
        self.assertEqual([p.data for p in got.packets], [p.data for p in packets])

    def test_captures_in_a_capture(self):
        one, other = (ROOT / "samples/alpine-cyrus.pcap").read_bytes(), (ROOT / "samples/alpine-dovecot.pcapng").read_bytes()
        path = self.write("a.pcap", one + other)
        done = run("cut", "-q", "-w", self.out, path)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = pcapng.Capture(self.out.read_bytes())
        self.assertEqual(said(records(self.out)), said(records(path)))
        self.assertEqual(len(got.interfaces), 2)


def talk(client_port, size=0):
    """A connection as (side, IPv4 packet)."""
    said = pcap.Talk(client_port).handshake()
    said.server(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
    said.client(b'a1 ID ("name" "Mutt" "version" "2.2")\r\n')
    said.server(b'* ID ("name" "Dovecot")\r\na1 OK done\r\n' + b"* 1 EXISTS\r\n" * (size // 12))
    said.client(b"a2 LOGOUT\r\n")
    said.server(b"* BYE\r\na2 OK bye\r\n")
    return [(int(octets[14 + 15] != 5), octets[14:]) for _, _, octets, _ in said.packets]


def as_ip6(packet):
    return struct.pack("!IHBB", 6 << 28, len(packet) - 20, 6, 64) + bytes(12) + packet[12:16] + bytes(12) + packet[16:]


def mixed(*lists):
    """Packets of several connections in turn, each with the place of its list."""
    return [(n, packet) for row in zip(*lists) for n, packet in enumerate(row)]


class Ways(Cut):
    """What carries a packet of a chosen connection is cut out whole."""

    def write_frames(self, link, frames):
        """The capture, and its packets; frames are (is it chosen?, octets)."""
        packets = [files.Packet(10**18 + n * 10**6, octets, len(octets), link) for n, (_, octets) in enumerate(frames)]
        return self.write("ways.pcap", files.write_pcap(packets)), [p.data for p, (chosen, _) in zip(packets, frames) if chosen]

    def check(self, link, frames, *arguments):
        path, wanted = self.write_frames(link, frames)
        got = self.cut(*arguments, path)
        self.assertEqual([source_of(p)[1] for p in got.packets], [n + 1 for n, (chosen, _) in enumerate(frames) if chosen])
        self.assertEqual([p.data for p in got.packets], wanted)

    def test_all_that_can_carry_it(self):
        interfaces, frames, n_ways = [], [], 0
        for name, link, wrap, versions, _ in enc.ROWS:
            for version in versions:
                interfaces.append(files.interface(link=link))
                for chosen, (side, packet) in mixed(talk(40000 + 2 * n_ways), talk(40001 + 2 * n_ways)):
                    packet = packet if version == "4" else as_ip6(packet)
                    frames += [(chosen, files.Packet(10**18 + n_ways * 60 * 10**9, octets, len(octets), link), n_ways) for octets in wrap(packet, side)]
                n_ways += 1
        path = self.write("ways.pcapng", files.section() + b"".join(interfaces) + b"".join(files.enhanced(p, number=n) for _, p, n in frames))
        got = self.cut("--where", "client_port~[13579]$", path)
        self.assertEqual([source_of(p)[1] for p in got.packets], [n + 1 for n, (chosen, _, _) in enumerate(frames) if chosen])
        self.assertEqual(len(got.interfaces), n_ways)
        self.assertGreater(n_ways, 100)

    def test_the_syn_behind_which_it_goes_on(self):
        """It is of another stream, and without it nobody would doubt; masked, the session alone is written."""
        packets = talk(50000)
        syn = packets[0][1][:24] + b"\x7b\xad\xca\xfe" + packets[0][1][28:]
        frames = [(True, packet) for _, packet in packets[:5]] + [(True, syn)] + [(True, packet) for _, packet in packets[5:]]
        self.check(101, frames)
        path = self.folder / "ways.pcap"
        self.assertEqual([[d["code"] for d in r["doubts"]] for r in records(self.out) if r["type"] == "session"], [["new-syn"]])
        self.assertEqual(len(self.cut("--scrub", path).packets), len(packets))

    def test_fragments_in_any_order(self):
        """Also inside of tunnels whose packets are fragments themselves, among those of others."""
        rand = random.Random(7)

        def cut_up(packet, ident, size):
            head, body = packet[:20], packet[20:]
            pieces = []
            for at in range(0, len(body), size):
                more = 0x2000 if at + size < len(body) else 0
                piece = head[:2] + struct.pack("!HHH", 20 + len(body[at:at + size]), ident, at // 8 | more) + head[8:]
                pieces.append(piece[:10] + b"\0\0" + piece[12:] + body[at:at + size])
            return pieces

        for is_twice in (False, True):
            frames, ident = [], 0
            for chosen, (side, packet) in mixed(talk(50000, 1200), talk(50001, 1200)):
                pieces = []
                for inner in cut_up(packet, ident, 64):
                    ident += 1
                    pieces += cut_up(enc.ip4(side, 4, inner), ident, 24) if is_twice else [inner]
                frames.append([(chosen, piece) for piece in pieces])
                ident += 1
            # the packets of both come in turn; their pieces, two packets at a time, in any order
            flat = []
            for i in range(0, len(frames), 2):
                pair = frames[i] + frames[i + 1]
                rand.shuffle(pair)
                flat += pair
            self.check(101, flat, "--where", "client_port=50001")

    def test_fragments_that_are_never_whole(self):
        """A segment of which a piece is missing, and its copy that came: all pieces that were captured are there."""
        def pieces(packet, ident, sent):
            head, body = packet[:20], packet[20:]
            for at in sent:
                piece = body[at:at + 16]
                header = head[:2] + struct.pack("!HHH", 20 + len(piece), ident, at // 8 | (0x2000 if at + 16 < len(body) else 0)) + head[8:10] + b"\0\0" + head[12:]
                yield header + piece

        frames = [(chosen, packet) for chosen, (_, packet) in mixed(talk(50000, 40), talk(50001, 40))]
        at = next(i for i, (chosen, packet) in enumerate(frames) if chosen and len(packet) > 80)
        whole = frames[at][1]
        frames[at:at + 1] = [(True, piece) for piece in pieces(whole, 7, (32, 0))] + [(False, piece) for piece in pieces(whole, 8, (32, 48))] + frames[at:at + 1]
        self.check(101, frames, "--where", "client_port=50001")

    def test_icmp_errors(self):
        def icmp(kind, code, quoted, side):
            body = struct.pack("!BBHI", kind, code, 0, 1300) + quoted
            return enc.ip4(side, 1, body)

        def icmp6(kind, code, quoted, side):
            return enc.ip6(side, 58, struct.pack("!BBHI", kind, code, 0, 1300) + quoted)

        for is6 in (False, True):
            frames = [(chosen, as_ip6(packet) if is6 else packet) for chosen, (_, packet) in mixed(talk(50000), talk(50001))]
            for chosen, packet in [frames[-1], frames[-2]]:
                kinds = [(1, 4), (2, 0), (3, 0), (4, 1)] if is6 else [(3, 4), (3, 1), (4, 0), (5, 1), (11, 0), (12, 0)]
                for kind, code in kinds:
                    frames.append((chosen, (icmp6 if is6 else icmp)(kind, code, packet[:48 if is6 else 28], 0)))
                frames.append((False, (icmp6 if is6 else icmp)(128 if is6 else 8, 0, packet[:48], 0)))  # an echo quotes nothing
                far = bytearray(packet)
                at = 44 if is6 else 24
                far[at:at + 4] = struct.pack("!I", (struct.unpack_from("!I", far, at)[0] + 2**30) & 0xFFFFFFFF)
                frames.append((False, (icmp6 if is6 else icmp)(1 if is6 else 3, 1, bytes(far[:48 if is6 else 28]), 0)))  # a stranger's
            self.check(101, frames, "--where", "client_port=50001")


class Many(Cut):
    def inputs(self):
        """Captures that overlap, one of them not in the order of time; and what is to come of them."""
        rand = random.Random(3)
        paths, lists = [], []
        for n in range(12):
            packets = [files.Packet(10**18 + (rand.randrange(3000) + 100 * i + n * 400) * 10**6, bytes(12) + b"\x08\0" + p, 14 + len(p), 1) for i, (_, p) in enumerate(talk(50000 + n))]
            if n != 5:
                packets = [p._replace(ns=ns) for p, ns in zip(packets, sorted(p.ns for p in packets))]
            paths.append(self.write(f"{n:02}.pcap", files.write_pcap(packets)))
            lists.append([(p.ns, str(paths[-1]), i + 1) for i, p in enumerate(packets)])
        order = []
        while any(lists):
            first = min((rest[0][0], n) for n, rest in enumerate(lists) if rest)[1]
            order.append(lists[first].pop(0))
        return paths, order

    def test_in_the_order_of_time(self):
        paths, order = self.inputs()
        outputs = set()
        for jobs in (1, 4):
            got = self.cut("-j", jobs, *paths)
            self.assertEqual([(p.ns, *source_of(p)) for p in got.packets], order)
            self.assertEqual([p.interface for p in got.packets], [int(pathlib.Path(source_of(p)[0]).stem) for p in got.packets])
            outputs.add(self.out.read_bytes())
        self.assertEqual(len(outputs), 1)
        got = self.cut("--where", "client_port~[0369]$", self.folder)
        self.assertEqual([(p.ns, *source_of(p)) for p in got.packets], [row for row in order if int(pathlib.Path(row[1]).stem) % 10 in (0, 3, 6, 9)])
        self.assertEqual(len(got.interfaces), 5)

    def test_pieces_of_one_capture(self):
        frames = [packet for _, packet in mixed(talk(50000, 30000), talk(50001), talk(50002))]
        packets = [files.Packet(10**18 + n * 10**6, bytes(12) + b"\x08\0" + p, 14 + len(p), 1) for n, (_, p) in enumerate(frames)]
        cuts = [0, 7, 8, 20, len(packets)]
        # given in another order than that of time
        paths = [self.write(f"{chr(122 - n)}.pcap", files.write_pcap(packets[a:b])) for n, (a, b) in enumerate(zip(cuts, cuts[1:]))]
        wanted = [(str(paths[n]), i - cuts[n] + 1) for n in range(4) for i in range(cuts[n], cuts[n + 1]) if i % 3 == 1]
        got = self.cut("--continuous", "--where", "client_port=50001", *sorted(paths))
        self.assertEqual([source_of(p) for p in got.packets], wanted)
        self.assertEqual(said(records(self.out)), said([r for r in records("--continuous", *paths) if r.get("client", {}).get("port") == 50001]))

    def test_pipes(self):
        paths, _ = self.inputs()
        self.cut(*paths[:2])
        wanted = pcapng.Capture(self.out.read_bytes())
        for pack in (lambda octets: octets, gzip.compress):
            fifo = self.folder / "fifo"
            os.mkfifo(fifo)
            feeder = subprocess.Popen([sys.executable, "-c", "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())", str(fifo)], stdin=subprocess.PIPE)
            feeder.stdin.write(pack(paths[1].read_bytes()))
            feeder.stdin.close()
            done = run("cut", "-q", "-w", self.out, "-", fifo, input=pack(paths[0].read_bytes()))
            self.assertEqual(feeder.wait(60), 0)
            fifo.unlink()
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            got = pcapng.Capture(self.out.read_bytes())
            self.assertEqual([p[:4] for p in got.packets], [p[:4] for p in wanted.packets])
            self.assertEqual({source_of(p)[0] for p in got.packets}, {"standard input", str(fifo)})
            self.assertEqual([source_of(p)[1] for p in got.packets], [source_of(p)[1] for p in wanted.packets])


class Secrets(Cut):
    """What is inside opens the connections that were chosen, and no other."""

    def keyed(self):
        return [p for p in SAMPLES if keys_of(p)]

    def test_exactly_those_of_the_chosen(self):
        paths = self.keyed()
        n = 0
        found = records("-l", LOG, *paths)
        for one, other in zip(paths[::5], paths[1::5]):
            ports = [{r["client"]["port"] for r in found if r["type"] == "session" and r["file"] == str(p)} for p in (one, other)]
            port = min(ports[0] - ports[1])
            got = self.cut("-l", LOG, "--where", f"client_port={port}", one, other)
            randoms = {line.split()[1] for line in "".join(got.secrets).splitlines()}
            known = [{line.split()[1].lower() for line in keys_of(p)[1].read_text().splitlines() if line[:1].isupper()} for p in (one, other)]
            self.assertTrue(randoms and randoms <= known[0] and not randoms & known[1], (one, other))
            self.assertEqual(said(records(self.out)), said(r for r in found if r.get("client", {}).get("port") == port and r["file"] == str(one)), one)
            n += 1
        self.assertGreater(n, 3)

    def test_of_pipes(self):
        inside = next(p for p in SAMPLES if p.stem == "curl-cyrus-tls")
        for path in [inside, self.keyed()[0]]:
            done = run("cut", "-q", "-w", self.out, *keys_of(path), "-", input=path.read_bytes())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(said(records(self.out)), said(records(*keys_of(path), path)))

    def test_none_where_none_are_wanted(self):
        path = self.keyed()[0]
        got = self.cut("--no-secrets", *keys_of(path), path)
        self.assertEqual(got.secrets, [])
        with_them = self.cut(*keys_of(path), path)
        self.assertEqual([p[:4] for p in with_them.packets], [p[:4] for p in got.packets])
        inside = next(p for p in SAMPLES if p.stem == "curl-cyrus-tls")
        secrets = [line.split()[2] for line in "".join(self.cut(inside).secrets).splitlines()]
        self.assertEqual(len(secrets), 4)
        self.cut("--no-secrets", inside)
        octets = self.out.read_bytes()
        self.assertFalse([s for s in secrets if s.encode() in octets.lower() or bytes.fromhex(s) in octets])

    def test_wireshark_opens_it(self):
        options = ("-Y", "imap", "-T", "fields", "-e", "tcp.stream")
        wanted = {(str(path), frame) for path, (frame, _) in in_wireshark(self.folder, self.keyed(), "-o", f"tls.keylog_file:{LOG}", *options)}
        packets = self.cut("-l", LOG, *self.keyed()).packets
        got = {source_of(packets[int(line.split("\t")[1]) - 1]) for line in tshark("-r", self.out, *options, "-e", "frame.number").splitlines()}
        self.assertEqual(sorted(got ^ wanted)[:9], [])
        self.assertGreater(len({file for file, _ in got}), 20)


class Refusals(Cut):
    SAMPLE = ROOT / "samples/alpine-cyrus.pcap"

    def test_nothing_chosen_leaves_the_file(self):
        self.out.write_bytes(b"before")
        done = run("cut", "--stream", 99, "-w", self.out, self.SAMPLE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"no connection is chosen", done.stderr)
        self.assertEqual((self.out.read_bytes(), list(self.folder.iterdir())), (b"before", [self.out]))

    def test_records_are_no_packets(self):
        lines = self.write("a.jsonl", run("-q", "-T", "jsonl", self.SAMPLE).stdout)
        done = run("cut", "-q", "-w", self.out, lines)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"a.jsonl: records of an earlier run", done.stderr)
        self.assertFalse(self.out.exists())
        # what else there is is written; in a folder records lie beside their captures
        self.assertEqual(run("cut", "-q", "-w", self.out, lines, self.SAMPLE).returncode, 2)
        self.assertEqual(len(pcapng.Capture(self.out.read_bytes()).packets), 24)
        inner = self.folder / "inner"
        inner.mkdir()
        shutil.copy(lines, inner)
        shutil.copy(self.SAMPLE, inner)
        self.assertEqual(len(self.cut(inner).packets), 24)

    def test_options_of_others(self):
        for words in (["--redact"], ["--follow"], ["-i", "lo"], ["-v"], ["-T", "jsonl"]):
            self.assertEqual(run("cut", *words, "-w", self.out, self.SAMPLE).returncode, 2, words)

    def test_standard_output(self):
        done = run("cut", "-q", self.SAMPLE)
        self.assertEqual((done.returncode, len(pcapng.Capture(done.stdout).packets)), (0, 24))
        main, side = os.openpty()
        try:
            done = subprocess.run([IMAPID, "cut", str(self.SAMPLE)], stdout=side, stderr=subprocess.PIPE, timeout=60, check=False)
        finally:
            os.close(main)
            os.close(side)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"terminal", done.stderr)

    def test_the_surroundings_fail(self):
        self.out.write_bytes(b"before")
        for words, environment, status in ((["-w", self.out], {"TMPDIR": "/nonexistent"}, 2), (["-w", "/dev/full"], {}, 3)):
            done = run("cut", "-q", *words, self.SAMPLE, env={**os.environ, **environment})
            self.assertEqual((done.returncode, done.stderr.count(b"\n")), (status, 1), done.stderr)
        # nothing is kept of a file that has no room
        limit = ["sh", "-c", "ulimit -f 1 && exec \"$@\"", "sh", IMAPID, "cut", "-q", "-w", str(self.out), *map(str, SAMPLES[:9])]
        self.assertEqual(subprocess.run(limit, capture_output=True, timeout=60, check=False).returncode, 2)
        self.assertEqual((self.out.read_bytes(), list(self.folder.iterdir())), (b"before", [self.out]))

    def test_a_signal_ends_a_pipe(self):
        child = subprocess.Popen([IMAPID, "cut", "-q", "-w", str(self.out), "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdin.write(self.SAMPLE.read_bytes())
        child.stdin.flush()
        waits = 0  # looks in a row at which it waits for more
        for _ in range(600):
            waits = waits + 1 if self.has_read(child) else 0
            if waits == 3:
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        try:
            _, errors = child.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
        self.assertEqual((child.returncode, errors), (130, b""))
        self.assertEqual(len(pcapng.Capture(self.out.read_bytes()).packets), 24)

    def has_read(self, child):
        """Is the pipe to the child empty, and does it sleep?"""
        n = array.array("i", [0])
        fcntl.ioctl(child.stdin.fileno(), termios.FIONREAD, n)
        state = pathlib.Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return n[0] == 0 and state == "S"

    def test_a_damaged_input(self):
        whole = self.SAMPLE.read_bytes()
        path = self.write("a.pcap", whole[:-5])
        done = run("cut", "-q", "-w", self.out, path)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(pcapng.Capture(self.out.read_bytes()).packets), 23)


if __name__ == "__main__":
    unittest.main()
