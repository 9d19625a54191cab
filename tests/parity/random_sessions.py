#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random sessions of known truth, damaged in known ways, through tool and plugin.

    random_sessions.py [--seed N] [--count N] [--layer clear|starttls|compress|both] [DAMAGE…]

Each connection has its own names in its lists, so that an answer beside another's command shows. Nobody may tell such a
pair, nor find anything that the sessions do not hold: they are without fault, but for the cleartext. In the clear both front ends
must tell the same exchanges in two passes, with the preference that puts segments in order and without it. In one pass the plugin may
tell less, as what proves a line behind a hole comes later, but nothing else. Inside TLS the plugin tells what Wireshark decrypts: that is
asked of Wireshark itself, with the plugin and without it, and what it does not decrypt has to have a reason that decrypted.py names.
Every octet of a capture follows from seed, count, layer and damages.

The table has, of each layer and damage: the IDs that were sent; how many exchanges are told exactly, by the tool and by the plugin in each
way (of one side alone: that half of them); wrong pairs and findings; lines of difference between tool and plugin in each way."""
import argparse
import concurrent.futures
import json
import os
import random
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../dissector"))

import decrypted
import exchanges
import parity
import pcap
import tls13
import wireshark

PORT = 20000
HEADERS = 54  # octets of a frame without data
PLAIN = {"cleartext"}

# How the plugin is run: with the preference that puts segments in order and without it, in two passes and in one.
WAYS = {"off, 2": ((), 2), "on, 2": (exchanges.IN_ORDER, 2), "off, 1": ((), 1), "on, 1": (exchanges.IN_ORDER, 1)}

# The layers of a session, and how many connections of each damage are tried by default. Inside TLS it takes Wireshark four times as long.
LAYERS = {"clear": 200, "starttls": 60, "compress": 100, "both": 20}


class Layer:
    """What the octets of both sides go through."""

    def __init__(self):
        self.tls = self.deflate = None

    def wrap(self, side, octets):
        if self.deflate:
            octets = self.deflate[side].compress(octets) + self.deflate[side].flush(zlib.Z_SYNC_FLUSH)
        return self.tls.seal(side, octets) if self.tls else octets

    def begin_deflate(self):
        self.deflate = [zlib.compressobj(wbits=-15) for _ in range(2)]


def send(rng, talk, side, octets, layer=None):
    """In one segment or two; sometimes the other side acknowledges it at once."""
    octets = layer.wrap(side, octets) if layer else octets
    cut = rng.randrange(1, len(octets)) if rng.random() < .3 else len(octets)
    for part in filter(None, (octets[:cut], octets[cut:])):
        (talk.server if side else talk.client)(part)
    if rng.random() < .5:
        talk.acknowledge(1 - side)


def session(rng, number, layers, key_log):
    """A connection, and the truth: tag -> names of client and server. Adds its secrets to `key_log`."""
    talk, truth, layer = pcap.Talk(client_port=PORT + number).handshake(), {}, Layer()

    def say(side, octets):
        send(rng, talk, side, octets, layer)

    say(1, rng.choice((b"* OK [CAPABILITY IMAP4rev1 ID] hi\r\n", b"* OK hi\r\n")))
    if "starttls" in layers:
        say(0, b"t STARTTLS\r\n")
        say(1, b"t OK begin\r\n")
        layer.tls = tls13.Connection(rng, lambda side, octets: send(rng, talk, side, octets), key_log)
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


def delay(rng, packets):
    """One segment of the server's is captured behind the end of the connection."""
    server = [i for i, packet in enumerate(packets) if not from_client(packet) and len(packet[2]) > HEADERS]
    return packets + [packets.pop(rng.choice(server))]


def repeat(rng, packets):
    return [packet for one in packets for packet in [one] * (2 if rng.random() < .2 else 1)]


def cut(rng, packets):
    return [(seconds, micros, octets[:rng.randint(HEADERS, len(octets))] if rng.random() < .05 else octets, n)
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
    "delayed": delay,
    "repeated": repeat,
    "begun-late": lambda rng, packets: packets[rng.randint(1, len(packets) - 1):],
    "client-alone": lambda rng, packets: list(filter(from_client, packets)),
    "server-alone": lambda rng, packets: [packet for packet in packets if not from_client(packet)],
    "snapped": cut,
}


def make(damages, seed, count, layers):
    """A capture, its connections one behind the other, `count` of each damage; (number, tag) -> names; inside TLS,
    number -> why Wireshark may not decrypt it, and a key log. All of it follows from the arguments."""
    packets, truth, reasons, key_log = [], {}, {}, []
    for damage in damages:
        rng = random.Random(f"{damage} {seed}")
        first = damages.index(damage) * count
        for number in range(first, first + count):
            whole, told = session(rng, number, layers, key_log)
            damaged = DAMAGES[damage](rng, list(whole))
            if "starttls" in layers:
                reasons[number] = decrypted.reasons(whole, damaged)
            packets += damaged
            truth.update({(number, tag): names for tag, names in told.items()})
    return pcap.write([(1700000000 + i // 1000, i % 1000 * 1000, octets, n)
                       for i, (_, _, octets, n) in enumerate(packets)]), truth, reasons, "".join(key_log).encode()


def name_of(half):
    """What the first pair of a list says, whole or not; None: no list."""
    pairs = half and half["params"]
    return pairs[0][1] if pairs and len(pairs[0]) > 1 else None


# Of one side alone there is one half of each exchange.
HALVES = {"client-alone": "command", "server-alone": "response"}


def is_told(exchange, names, half=None):
    told = name_of(exchange["command"]), name_of(exchange["response"])
    if half:
        return told == (names[0], None) if half == "command" else told == (None, names[1])
    return told == names and exchange["result"] is not None


def judge(who, told, truth, number_of, half, faults):
    """How many exchanges are told exactly; what is wrong goes to `faults`."""
    n = 0
    for exchange in told:
        names = truth.get((number_of(exchange), exchange["tag"]), (None, None))
        client, server = name_of(exchange["command"]), name_of(exchange["response"])
        if client and server and client[1:] != server[1:]:
            faults.append(f"{who}: an answer beside another's command: {exchange}")
        codes = set(parity.codes_of(exchange["findings"])) - PLAIN
        if codes:
            faults.append(f"{who}: finds {codes}: {exchange}")
        n += is_told(exchange, names, half)
    return n


def judge_one_pass(way, told, in_two, wrong):
    """An answer that one pass shows without its command, as nothing had confirmed that yet, says where it is."""
    names = {(one["command"]["frame"], one["tag"]): name_of(one["command"]) for one in in_two if one["command"]}
    for exchange in told:
        client, server = names.get((exchange.get("asked_in"), exchange["tag"])), name_of(exchange["response"])
        if client and server and client[1:] != server[1:]:
            wrong.append(f"{way}: {server} beside {client}: {exchange}")


def is_part(exchange, whole):
    """Is each half that is told of an exchange that of the other, or the beginning of its list, wherever it is shown?"""
    if exchange["command"] == whole["command"] and not whole["response"] and not whole["result"]:
        return True  # a hole came behind the response, which may be another's then; one pass has shown it
    for half in ("command", "response"):
        pairs, all_pairs = ((one[half] or {}).get("params") or [] for one in (exchange, whole))
        if (exchange[half] and not whole[half]) or pairs != all_pairs[:len(pairs)]:
            return False
    results = [one["result"] and one["result"]["status"] for one in (exchange, whole)]
    return results[0] in (None, results[1])


def more_than(ours, told):
    """What one pass tells and the tool does not. It may tell less: what proves that a line behind a hole is one comes
    later, and so does the hole in a list."""
    wholes = {}
    for exchange in ours:
        wholes.setdefault((exchange["stream"], exchange["tag"]), []).append(exchange)
    return [f"  only the plugin: {json.dumps(exchange)}" for exchange in told
            if not any(is_part(exchange, whole) for whole in wholes.get((exchange["stream"], exchange["tag"]), ()))]


def by_kind(told, number_of, count):
    """The exchanges of each kind of damage, by the numbers of their connections."""
    kinds = {}
    for exchange in told:
        kinds.setdefault(number_of(exchange) // count, []).append(exchange)
    return kinds


class Told:
    """What tool and plugin tell of a capture, kind by kind."""

    def __init__(self, tool, shark, capture, count):
        keys = wireshark.key_log(capture)
        done = subprocess.run([tool, "-q", "-T", "jsonl", *(("-l", keys) if keys else ()), capture], capture_output=True,
                              check=True)
        rows = [[int(column[0]) for column in row]
                for row in shark.rows(capture, ["tcp.stream", "tcp.srcport", "tcp.dstport"])]
        streams, numbers = [row[0] for row in rows], {row[0]: max(row[1:]) - PORT for row in rows}
        self.number_of = lambda exchange: numbers[exchange["stream"]]
        self.tool = by_kind([record for record in map(json.loads, done.stdout.splitlines())
                             if record["type"] == "exchange"], self.number_of, count)
        with concurrent.futures.ProcessPoolExecutor(2) as pool:  # more would take much memory
            ways = [pool.submit(exchanges.of_capture, shark, capture, *options, passes=passes, streams=streams)
                    for options, passes in WAYS.values()]
            self.plugin = {name: by_kind(way.result(), self.number_of, count) for name, way in zip(WAYS, ways)}


class Decrypted:
    """What Wireshark decrypts of a capture, and why no more."""

    def __init__(self, shark, capture, reasons):
        self.reasons, self.texts = reasons, {}
        for way, (options, passes) in WAYS.items():
            self.texts[way] = [decrypted.of_capture(shark, capture, *options, passes=passes, with_plugin=with_plugin)
                               for with_plugin in (True, False)]

    def has(self, way, number, tag, side, name):
        """Does Wireshark, with the plugin or without it, decrypt that half of an exchange?"""
        find = decrypted.responses if side else decrypted.commands
        return any(find(texts.get((PORT + number, side), b"")).get(tag) == name for texts in self.texts[way])

    def why_not(self, way, number, side):
        """The reasons for which not all of a direction is decrypted. What stands behind COMPRESS needs both."""
        preference, text = way.split(",")[0], self.texts[way][0]
        names = set(self.reasons[number][preference, side])
        if not all(line in text.get((PORT + number, end), b"") for end, line in enumerate(decrypted.COMPRESS)):
            names |= self.reasons[number][preference, 1 - side]
        return names

    def judge(self, way, truth, told, number_of):
        """What is decrypted and not told, and what is not decrypted for no reason. In one pass the plugin may wait where something
        is lost, or came out of order."""
        halves, pairs, faults = set(), set(), []
        for exchange in told:
            found = (number_of(exchange), exchange["tag"], name_of(exchange["command"]), name_of(exchange["response"]))
            halves |= {found[:2] + (0, found[2]), found[:2] + (1, found[3])}
            pairs |= {found} if exchange["result"] else set()
        for (number, tag), names in truth.items():
            has = [self.has(way, number, tag, side, names[side]) for side in (0, 1)]
            why = [self.why_not(way, number, side) for side in (0, 1)]
            may_wait = WAYS[way][1] == 1 and any(why)
            for side in (0, 1):
                if not has[side] and not why[side]:
                    faults.append(f"{way}: {names[side]} is not decrypted, for no reason that is known")
                elif has[side] and not may_wait and (number, tag, side, names[side]) not in halves:
                    faults.append(f"{way}: {names[side]} is decrypted, and not told")
            if all(has) and WAYS[way][1] == 2 and (number, tag, *names) not in pairs:
                faults.append(f"{way}: {names} are decrypted, and not told as a pair")
        return faults

    def explains(self, way, line, lines, number_of):
        """Is that line of difference one of what Wireshark does not decrypt?"""
        who, exchange = line.split(": ", 1)[0], json.loads(line.split(": ", 1)[1])
        if "plugin" in who:
            wholes = [json.loads(other.split(": ", 1)[1]) for other in lines if "only the tool" in other]
            return any((whole["stream"], whole["tag"]) == (exchange["stream"], exchange["tag"]) and is_part(exchange, whole)
                       for whole in wholes)
        names = name_of(exchange["command"]), name_of(exchange["response"])
        return not all(self.has(way, number_of(exchange), exchange["tag"], side, name) for side, name in enumerate(names))


def compare(way, ours, theirs):
    """Where tool and plugin differ."""
    ours, theirs = ([parity.comparable(exchange) for exchange in side] for side in (ours, theirs))
    if WAYS[way][1] == 1:
        return more_than(ours, theirs)
    return parity.differences(sorted(ours, key=parity.sort_key), sorted(theirs, key=parity.sort_key))


def show(layer, damage, truth, ours, theirs, opened, number_of):
    """Prints a line of the table; returns what is wrong."""
    half, wrong, faults = HALVES.get(damage), [], []
    counts = [judge("tool", ours, truth, number_of, half, faults)]
    counts += [judge(way, theirs[way], truth, number_of, half, wrong) for way in WAYS]
    for way in ("off", "on"):
        judge_one_pass(way, theirs[f"{way}, 1"], theirs[f"{way}, 2"], wrong)
    if damage == "whole" and set(counts) != {len(truth)}:
        faults.append(f"of {len(truth)} exchanges of whole sessions are told: {counts}")
    differ = []
    for way in WAYS:
        lines = compare(way, ours, theirs[way])
        differ.append(len(lines))
        if opened:
            faults += opened.judge(way, truth, theirs[way], number_of)
            lines = [line for line in lines if not opened.explains(way, line, lines, number_of)]
        faults += [f"{way}: {line}" for line in lines]
    print(f"| {layer:8} | {damage:12} | {len(truth):5} | " + " | ".join(f"{n:6}" for n in counts)
          + f" | {len(wrong):5} | " + " | ".join(f"{n:6}" for n in differ) + " |", flush=True)
    return faults + wrong


def run(tool, shark, layer, damages, seed, count):
    """Prints the lines of a layer; returns what is wrong. One capture has all damages: most of the time is tshark's."""
    layers = {"clear": (), "both": ("starttls", "compress")}.get(layer, (layer,))
    if "starttls" in layers:
        damages = [damage for damage in damages if damage != "delayed"]  # TCP gives what waits to TLS in the late frame
    octets, truth, reasons, key_log = make(damages, seed, count, layers)
    if key_log:
        shark.write(f"{layer}.keys", key_log)
    capture = shark.write(f"{layer}.pcap", octets)
    told, faults = Told(tool, shark, capture, count), []
    opened = Decrypted(shark, capture, reasons) if key_log else None
    for kind, damage in enumerate(damages):
        names = {key: value for key, value in truth.items() if key[0] // count == kind}
        theirs = {way: kinds.get(kind, []) for way, kinds in told.plugin.items()}
        faults += show(layer, damage, names, told.tool.get(kind, []), theirs, opened, told.number_of)
    return faults


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--count", type=int, help="connections of each kind; default: " + str(LAYERS))
    options.add_argument("--layer", choices=LAYERS, action="append")
    options.add_argument("damages", nargs="*")
    options = options.parse_args()
    tool, faults = os.environ.get("IMAPID_TOOL", "build/bin/imapid"), []
    ways = " | ".join(WAYS)
    print(f"| layer    | damage       | IDs   | tool   | {ways} | wrong | {ways} |")
    print("| --- " * (5 + 2 * len(WAYS)) + "|")
    with wireshark.Wireshark() as shark:
        for layer in options.layer or LAYERS:
            found = run(tool, shark, layer, options.damages or list(DAMAGES), options.seed, options.count or LAYERS[layer])
            print(*found[:10], sep="\n", end="\n" if found else "")
            faults += found
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
