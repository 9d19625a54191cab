# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts the ID exchanges of a capture together from what the plugin shows.

An exchange is a dict: stream, tag, command, response (frame and params, or None), result (frame and
status, or None), findings (their codes, in order). Params are a list of [field, value], or None for NIL and for no list at all.
"""
import os
import re


# Inside TLS Wireshark then puts segments in order, but waits for ever for octets that are missing. What is in
# the clear is read in the same way with and without it.
IN_ORDER = ("-o", "tcp.reassemble_out_of_order:TRUE")


def value_of(item, name):
    """The first field of that name anywhere below an item, as shown; None where there is none."""
    for key, value in item:
        if key == name:
            return value
        if isinstance(value, list):
            below = value_of(value, name)
            if below is not None:
                return below
    return None


def items_of(layers):
    """The items of ID commands, responses and results, in order. Some link layers stand above all else."""
    for key, value in layers:
        if key == "imapid":
            yield value
        elif isinstance(value, list):
            yield from items_of(value)


def read_codes():
    """The codes of findings, as filters spell them -> as they are."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../protocol/include/imapid/findings.def")
    with open(path, encoding="utf-8") as file:
        codes = re.findall(r'^IMAPID_FINDING\(\w+, "([a-z-]+)"', file.read(), re.M)
    return {"imapid." + code.replace("-", "_"): code for code in codes}


CODES = read_codes()


def codes_of(item):
    """The codes of all findings below an item."""
    found = set()
    for key, value in item:
        if key in CODES:
            found.add(CODES[key])
        if isinstance(value, list):
            found |= codes_of(value)
    return found


def params_of(item):
    if value_of(item, "imapid.count") is None or value_of(item, "imapid.nil") is not None:
        return None
    return [[value_of(pair, name) for name in ("imapid.field", "imapid.value")]
            for key, pair in item if key == "imapid.pair"]


def number(text):
    return None if text is None else int(text)


class Builder:
    """One capture's exchanges."""

    def __init__(self, passes=2, streams=None):
        self.exchanges = []
        self.of_stream = {}  # the same, by their streams
        self.of_command = {}  # and by the frames of their commands
        self.early = []
        self.n_extra = 0
        self.passes = passes
        self.streams = streams

    def find(self, tag, request_in, without):
        """The first exchange of that command that has no such part yet; else any. Wireshark may have another stream for what
        goes on behind somebody else's SYN."""
        fits = [e for e in self.of_command.get(request_in, ()) if tag in (None, e["tag"])]
        for exchange in fits:
            if exchange[without] is None:
                return exchange
        return fits[0] if fits else None

    def new(self, stream, tag):
        exchange = {"stream": stream, "tag": tag, "command": None, "response": None, "result": None,
                    "findings": set()}
        self.exchanges.append(exchange)
        self.of_stream.setdefault(stream, []).append(exchange)
        return exchange

    def add_ident(self, stream, frame, item):
        half = {"frame": frame, "params": params_of(item)}
        tag = value_of(item, "imapid.tag")
        if value_of(item, "imapid.request") is not None:
            exchange = self.new(stream, tag)
            exchange["command"] = half
            self.of_command.setdefault(frame, []).append(exchange)
            exchange["findings"] |= codes_of(item)
            return
        exchange = self.find(tag, number(value_of(item, "imapid.request_in")), "response")
        if exchange and exchange["response"]:
            self.n_extra += 1
            exchange["findings"] |= codes_of(item) & {"extra-response"}
            return
        exchange = exchange or self.new(stream, tag)
        exchange["findings"] |= codes_of(item)
        exchange["response"] = half
        if not exchange["command"]:
            exchange["asked_in"] = number(value_of(item, "imapid.request_in"))
        if value_of(item, "imapid.status") is not None:
            exchange["result"] = {"frame": frame, "status": value_of(item, "imapid.status")}

    def add_result(self, stream, frame, item):
        """False: in two passes it has no response so far."""
        tag = value_of(item, "imapid.tag")
        result = {"frame": frame, "status": value_of(item, "imapid.status")}
        exchange = self.find(tag, number(value_of(item, "imapid.request_in")), "result")
        if not exchange:
            # A response in the same frame bears the status as well.
            orphans = [e for e in self.of_stream.get(stream, ()) if not e["command"] and e["result"] in (None, result)
                       and not e.get("asked_in") and e["tag"] in (None, tag)]
            orphans.sort(key=lambda e: e["tag"] is None)  # a response with that tag before one without
            if not orphans and self.passes == 2:
                return False
            exchange = orphans[0] if orphans and value_of(item, "imapid.request_in") is None else self.new(stream, tag)
            exchange["tag"] = tag
        exchange["result"] = result
        exchange["findings"] |= codes_of(item)
        return True

    def add_early_results(self):
        """The end of a result may have been captured before its response, which was then sent once more."""
        for stream, frame, item in self.early:
            if not self.add_result(stream, frame, item):
                raise AssertionError(f"frame {frame}: a result of nothing")

    def add_packet(self, layers, requests):
        """Adds the requests of a packet, or what answers them."""
        frame = int(value_of(layers, "frame.number"))
        stream = self.streams[frame - 1] if self.streams else number(value_of(layers, "tcp.stream"))
        for item in items_of(layers):
            if requests != (value_of(item, "imapid.request") is not None):
                continue
            if requests or value_of(item, "imapid.response") is not None:
                self.add_ident(stream, frame, item)
            elif not self.add_result(stream, frame, item):
                self.early.append((stream, frame, item))


def of_capture(wireshark, capture, *arguments, passes=2, streams=None):
    """The exchanges of a capture in the order of their first frames. In one pass a packet tells what is known when it is
    read: of a command that its answer confirms the answer alone. Where the caller knows the streams of all frames, tshark
    needs to print less of each."""
    builder = Builder(passes, streams)
    options = (("-2",) if passes == 2 else ()) + (("-J", "frame imapid") if streams else ())
    packets = list(wireshark.trees(capture, *options, *arguments, "-Y", "imapid"))
    for requests in (True, False):  # an answer may have been captured before its command
        for layers in packets:
            builder.add_packet(layers, requests)
    builder.add_early_results()
    for exchange in builder.exchanges:
        exchange["findings"] = sorted(exchange["findings"])
    return builder.exchanges
