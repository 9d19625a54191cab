#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sessions of known truth, damaged in known ways, through tool and plugin.

    random_sessions.py [--seed N] [--count N] [--layer clear|starttls|compress|both] [DAMAGE…]

Each connection has its own names in its lists, so that an answer beside another's command shows. Nobody may tell such a
pair, in one pass or two, nor find anything that the sessions do not hold: they are without fault, but for the cleartext. Both
front ends must tell the same exchanges, with the preference that puts segments in order and without it. Inside TLS and
DEFLATE the same holds where nothing is missing and nothing moved: what Wireshark is not given in order it does not
decrypt, and nothing inflates what stands behind a hole. By default the layers are tried with fewer connections, and TLS with fewer
damages."""
import argparse
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import exchanges
import parity
import pcap
import wireshark

PORT = 20000
PLAIN = {"cleartext"}

# Where the front ends are known to differ when Wireshark puts segments in order: lines of difference at most, and
# why. Never a wrong pair, nor a finding.
KNOWN = {
    "loss-30": (30, "TCP gives nobody what stands behind a hole at the very start: the connection is not found"),
    "moved": (8, "an answer whose beginning came last is shown in the frame of its last octet by number, on later visits"),
    "swapped": (2, "the second half of an answer, captured first, is shown in its own frame; not understood"),
}


# The layers of a session, and how many connections are tried by default.
LAYERS = {"clear": 100, "starttls": 25, "compress": 25, "both": 25}
# Inside TLS the others are tried where they are asked for alone.
SURE_IN_TLS = ["whole", "loss-1", "loss-5", "swapped", "moved", "repeated", "client-alone", "server-alone", "snapped"]
# Damages after which both front ends must tell the same inside a layer.
ALIKE_IN_LAYERS = {"whole", "repeated"}


class Layer:
    """What the octets of both sides go through."""

    def __init__(self):
        self.tls = self.deflate = None

    def wrap(self, side, octets):
        if self.deflate:
            octets = self.deflate[side].compress(octets) + self.deflate[side].flush(zlib.Z_SYNC_FLUSH)
        if self.tls:
            connection, out = self.tls[side]
            connection.write(octets)
            octets = out.read()
        return octets

    def begin_tls(self, contexts, deliver):
        ways = [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
        ends = [contexts[0].wrap_bio(*ways[0]), contexts[1].wrap_bio(*ways[1], server_side=True)]
        done = [False, False]
        while not all(done):
            for side, end in enumerate(ends):
                try:
                    end.do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                octets = ways[side][1].read()
                if octets:
                    deliver(side, octets)
                    ways[1 - side][0].write(octets)
        self.tls = [(end, way[1]) for end, way in zip(ends, ways)]

    def begin_deflate(self):
        self.deflate = [zlib.compressobj(wbits=-15) for _ in range(2)]


def make_contexts(folder):
    """Of client and server; the client's keeps a key log in the folder."""
    names = [os.path.join(folder, name) for name in ("key.pem", "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=imap.example.test",
                    "-keyout", names[0], "-out", names[1]], check=True, capture_output=True)
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.keylog_filename = os.path.join(folder, "keys")
    server.load_cert_chain(names[1], names[0])
    return client, server


def send(rng, talk, side, octets, layer=None):
    """In one segment or two; sometimes the other side acknowledges it at once."""
    octets = layer.wrap(side, octets) if layer else octets
    cut = rng.randrange(1, len(octets)) if rng.random() < .3 else len(octets)
    for part in filter(None, (octets[:cut], octets[cut:])):
        (talk.server if side else talk.client)(part)
    if rng.random() < .5:
        talk.acknowledge(1 - side)


def session(rng, number, layers=(), contexts=None):
    """A connection, and the truth: tag -> names of client and server."""
    talk, truth, layer = pcap.Talk(client_port=PORT + number).handshake(), {}, Layer()

    def say(side, octets):
        send(rng, talk, side, octets, layer)

    say(1, rng.choice((b"* OK [CAPABILITY IMAP4rev1 ID] hi\r\n", b"* OK hi\r\n")))
    if "starttls" in layers:
        say(0, b"t STARTTLS\r\n")
        say(1, b"t OK begin\r\n")
        layer.begin_tls(contexts, lambda side, octets: send(rng, talk, side, octets))
    if "compress" in layers:
        say(0, b"d COMPRESS DEFLATE\r\n")
        say(1, b"d OK begin\r\n")
        layer.begin_deflate()
    for i in range(rng.randint(3, 6)):
        if rng.random() < .5:
            say(0, b"n%d NOOP\r\n" % i)
            say(1, b"* %d EXISTS\r\nn%d OK done\r\n" % (i, i))
        names = (f"c{number}-{i}", f"s{number}-{i}")
        truth[f"a{i}"] = names
        say(0, b'a%d ID ("name" "%s" "version" "1")\r\n' % (i, names[0].encode()))
        say(1, b'* ID ("name" "%s")\r\na%d OK done\r\n' % (names[1].encode(), i))
    say(0, b"z LOGOUT\r\n")
    say(1, b"* BYE\r\nz OK\r\n")
    return talk.close().packets, truth


def lose(rng, packets, share):
    return [packet for packet in packets if rng.random() >= share]


def move(rng, packets, share, distance):
    for i in range(3, len(packets) - distance):
        if rng.random() < share:
            packets.insert(i + rng.randint(1, distance), packets.pop(i))
    return packets


def repeat(rng, packets):
    return [packet for one in packets for packet in [one] * (2 if rng.random() < .2 else 1)]


def cut(rng, packets):
    return [(seconds, micros, octets[:rng.randint(54, len(octets))] if rng.random() < .05 else octets, n)
            for seconds, micros, octets, n in packets]


def from_client(packet):
    return int.from_bytes(packet[2][34:36], "big") >= PORT


DAMAGES = {
    "whole": lambda rng, packets: packets,
    "loss-1": lambda rng, packets: lose(rng, packets, .01),
    "loss-5": lambda rng, packets: lose(rng, packets, .05),
    "loss-30": lambda rng, packets: lose(rng, packets, .3),
    "swapped": lambda rng, packets: move(rng, packets, .08, 1),
    "moved": lambda rng, packets: move(rng, packets, .05, 5),
    "repeated": repeat,
    "begun-late": lambda rng, packets: packets[rng.randint(1, len(packets) - 1):],
    "client-alone": lambda rng, packets: list(filter(from_client, packets)),
    "server-alone": lambda rng, packets: [packet for packet in packets if not from_client(packet)],
    "snapped": cut,
}


def make(damage, seed, count, layers=(), contexts=None):
    """A capture, its connections one behind the other, and (number, tag) -> names."""
    rng, packets, truth = random.Random(f"{damage} {seed}"), [], {}
    for number in range(count):
        whole, told = session(rng, number, layers, contexts)
        packets += DAMAGES[damage](rng, whole)
        truth.update({(number, tag): names for tag, names in told.items()})
    return pcap.write([(1700000000 + i // 1000, i % 1000 * 1000, octets, n)
                       for i, (_, _, octets, n) in enumerate(packets)]), truth


def name_of(half):
    """What the first pair of a list says, whole or not; None: no list."""
    pairs = half and half["params"]
    return pairs[0][1] if pairs and len(pairs[0]) > 1 else None


def is_told(exchange, names):
    return (name_of(exchange["command"]), name_of(exchange["response"])) == names and exchange["result"] is not None


def judge(who, told, truth, number_of, faults):
    """How many exchanges are told exactly; what is wrong goes to `faults`."""
    n = 0
    for exchange in told:
        number = number_of(exchange)
        names = truth.get((number, exchange["tag"]), (None, None))
        client, server = name_of(exchange["command"]), name_of(exchange["response"])
        if client and server and client[1:] != server[1:]:
            faults.append(f"{who}: an answer beside another's command: {exchange}")
        codes = set(parity.codes_of(exchange["findings"])) - PLAIN
        if codes:
            faults.append(f"{who}: finds {codes}: {exchange}")
        n += is_told(exchange, names)
    return n


def judge_one_pass(shark, capture, options, told, faults):
    """What a single pass shows of each packet, which it cannot take back: `told` is what two passes tell."""
    names = {(one["command"]["frame"], one["tag"]): name_of(one["command"]) for one in told if one["command"]}
    for layers in shark.trees(capture, *options, "-Y", "imapid"):
        frame = exchanges.value_of(layers, "frame.number")
        for item in exchanges.items_of(layers):
            codes = exchanges.codes_of(item) - PLAIN
            if codes:
                faults.append(f"one pass: finds {codes} in frame {frame}")
            asked = exchanges.value_of(item, "imapid.request_in")
            if asked is None or exchanges.value_of(item, "imapid.response") is None:
                continue
            client = names.get((int(asked), exchanges.value_of(item, "imapid.tag")))
            server = name_of({"params": exchanges.params_of(item)})
            if client and server and client[1:] != server[1:]:
                faults.append(f"one pass: {server} beside {client} in frame {frame}")


def run(tool, shark, damage, seed, count, name):
    """Prints a line of the table; returns what is wrong."""
    layers = {"clear": (), "both": ("starttls", "compress")}.get(name, (name,))
    with tempfile.TemporaryDirectory() as folder:
        contexts = make_contexts(folder) if "starttls" in layers else None
        octets, truth = make(damage, seed, count, layers, contexts)
        if contexts:
            with open(contexts[0].keylog_filename, "rb") as keys:
                shark.write(f"{damage}-{name}.keys", keys.read())
    capture, faults = shark.write(f"{damage}-{name}.pcap", octets), []
    keys = wireshark.key_log(capture)
    done = subprocess.run([tool, "-q", "-T", "jsonl", *(("-l", keys) if keys else ()), capture], capture_output=True,
                          check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    ours = [record for record in records if record["type"] == "exchange"]
    numbers = {record["stream"]: record["client"]["port"] - PORT for record in ours}
    ports = {int(row[0][0]): max(int(row[1][0]), int(row[2][0])) - PORT
             for row in shark.rows(capture, ["tcp.stream", "tcp.srcport", "tcp.dstport"])}
    counts = [judge("tool", ours, truth, lambda e: numbers[e["stream"]], faults)]
    ours = sorted(map(parity.comparable, ours), key=parity.sort_key)
    for options in ((), exchanges.IN_ORDER):
        theirs = exchanges.of_capture(shark, capture, *options)
        counts.append(judge("plugin", theirs, truth, lambda e: ports[e["stream"]], faults))
        judge_one_pass(shark, capture, options, theirs, faults)
        theirs = sorted(map(parity.comparable, theirs), key=parity.sort_key)
        if layers and damage not in ALIKE_IN_LAYERS:
            continue
        lines = parity.differences(ours, theirs)
        n_known, reason = KNOWN.get(damage, (0, "")) if options else (0, "")
        if lines and len(lines) <= n_known:
            print(f"  known, {len(lines)} lines of difference: {reason}")
        else:
            faults += lines
    if damage == "whole" and counts != [len(truth)] * 3:
        faults.append(f"of {len(truth)} exchanges of whole sessions are told: {counts}")
    print(f"| {name:8} | {damage:12} | {len(truth):5} | " + " | ".join(f"{n:6}" for n in counts)
          + f" | {len(faults):6} |", flush=True)
    return faults


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--count", type=int, help="connections of each kind; default: " + str(LAYERS))
    options.add_argument("--layer", choices=LAYERS, action="append")
    options.add_argument("damages", nargs="*")
    options = options.parse_args()
    tool, faults = os.environ.get("IMAPID_TOOL", "build/bin/imapid"), []
    print("| layer    | damage       | IDs   | tool   | plugin | in order | faults |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with wireshark.Wireshark() as shark:
        for layer in options.layer or LAYERS:
            for damage in options.damages or (list(DAMAGES) if layer in ("clear", "compress") else SURE_IN_TLS):
                found = run(tool, shark, damage, options.seed, options.count or LAYERS[layer], layer)
                print(*found[:10], sep="\n", end="\n" if found else "")
                faults += found
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
