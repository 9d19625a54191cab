# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole connections through the program: whether they are IMAP, who is the server, and in which
order the sides spoke. Usage: test_flow.py IMAPID"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "dissector"))
import pcap  # noqa: E402

IMAPID = sys.argv[1]
GREETING = b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
COMMAND = b'a1 ID ("name" "Mutt")\r\n'
ANSWER = b'* ID ("name" "Dovecot")\r\na1 OK done\r\n'
MUTT, DOVECOT = [["name", "Mutt"]], [["name", "Dovecot"]]


def records(packets):
    """The exchanges and the sessions of a capture."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pcap.write(packets))
        file.flush()
        done = subprocess.run([IMAPID, "-q", "-T", "jsonl", file.name], capture_output=True, check=False)
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [[record for record in found if record["type"] == kind] for kind in ("exchange", "session")]


def of_side(talk, side):
    """The packets of one side: of the client, or of the server."""
    port = talk.ports[side].to_bytes(2, "big")
    return [packet for packet in talk.packets if packet[2][34:36] == port]


def check_whole(packets, client_port=50000, state="not-authenticated"):
    """A capture with one exchange, of which nothing is missing."""
    exchanges, sessions = records(packets)
    assert len(exchanges) == len(sessions) == 1, exchanges
    exchange = exchanges[0]
    assert exchange["command"]["params"] == MUTT and exchange["response"]["params"] == DOVECOT, exchange
    assert exchange["result"]["status"] == "OK" and exchange["complete"], exchange
    assert exchange["client"]["port"] == client_port and exchange["state"] == state, exchange


def test_how_it_ended():
    talk = pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)
    for more, want in ((lambda t: t, None), (lambda t: t.close(), "fin"), (lambda t: t.reset(0), "rst"), (lambda t: t.reset(1), "rst")):
        exchanges, sessions = records(more(pcap.Talk().handshake().server(GREETING).client(COMMAND).server(ANSWER)).packets)
        assert [session["ended"] for session in sessions] == [want], (sessions, want)
        assert exchanges[0]["session"] == sessions[0]["id"] and sessions[0]["id"].endswith(":1"), sessions
    # The connection is the same whatever stands before it in the capture.
    other = pcap.Talk(client_port=50001).handshake().packets
    _, sessions = records(other + talk.packets)
    assert [session["imap"] for session in sessions] == [False, True], sessions
    assert sessions[1]["id"].endswith(f":{len(other) + 1}"), sessions


def test_a_command_that_was_never_sent_whole():
    """Where the client ended the connection nothing is missing; where the capture ends, it may be."""
    for text in (b'a1 ID ("name" "Mutt" "os" {5}\r\n', b'a1 ID ("name" "Mutt" "os'):
        for end, complete in ((lambda t: t.close(), True), (lambda t: t, False), (lambda t: t.reset(0), False)):
            exchanges, _ = records(end(pcap.Talk().handshake().server(GREETING).client(text)).packets)
            assert [e["complete"] for e in exchanges] == [complete], (exchanges, complete)
            assert exchanges[0]["command"]["params"][0] == ["name", "Mutt"] and not exchanges[0]["result"], exchanges
            assert {f["code"] for f in exchanges[0]["findings"]} == {"cleartext"}, exchanges


def test_client_does_not_wait():
    for port in 143, 4711:
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND).server(GREETING + ANSWER).packets)
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND).server(GREETING).server(ANSWER).packets)
        check_whole(pcap.Talk(server_port=port).handshake().client(COMMAND[:9]).server(GREETING[:1])
                    .client(COMMAND[9:]).server(GREETING[1:] + ANSWER).packets)


def test_unsolicited_before_the_client_speaks():
    asked = pcap.Talk().handshake().server(GREETING).server(b"* ID NIL\r\n").client(COMMAND).server(ANSWER)
    exchanges, _ = records(asked.packets)
    assert [exchange["complete"] for exchange in exchanges] == [True, True], exchanges
    codes = [finding["code"] for finding in exchanges[0]["findings"]]
    assert exchanges[0]["command"] is None and "unsolicited-response" in codes, exchanges
    assert exchanges[1]["command"]["params"] == MUTT and exchanges[1]["response"]["params"] == DOVECOT, exchanges
    # What is not in the capture may have asked.
    exchanges, _ = records(of_side(asked, 1))
    codes = [finding["code"] for exchange in exchanges for finding in exchange["findings"]]
    assert exchanges and "unsolicited-response" not in codes, exchanges


def check_client_only(packets, from_start):
    exchanges, sessions = records(packets)
    assert len(exchanges) == len(sessions) == 1, exchanges
    exchange = exchanges[0]
    assert exchange["command"]["params"] == MUTT and exchange["client"]["port"] == 50000, exchange
    assert not exchange["response"] and not exchange["result"] and not exchange["complete"], exchange
    assert sessions[0]["from_start"] == from_start, sessions


def test_client_alone():
    for port in 143, 4711:
        def talk():
            return pcap.Talk(server_port=port).handshake()

        waits = talk().server(GREETING).client(COMMAND).server(ANSWER).client(b"a2 NOOP\r\n")
        check_client_only(of_side(waits, 0)[2:], False)
        if port == 143:  # the greeting is missing, not the client's beginning: its lines are lines
            check_client_only(of_side(waits.client(b"a3 XFOO\r\n"), 0), True)
        # Nothing but its last packet says that the server spoke; or not even that does.
        check_client_only(of_side(talk().client(COMMAND).server(GREETING + ANSWER).client(b"a2 NOOP\r\n"), 0), True)
        check_client_only(of_side(talk().client(COMMAND), 0), True)
        check_client_only(talk().client(COMMAND).packets, True)
        long = talk().client(COMMAND + b"a2 APPEND x {5000+}\r\n").client(b"x" * 5000 + b"\r\n")
        check_client_only(of_side(long, 0), True)
        # Only the text of a message, as far as anybody knows: the server is there and answers nothing.
        text = talk().server(GREETING).lose(0, 5).client(COMMAND).server(b"a0 OK appended\r\n").client(b"a2 NOOP\r\n")
        assert records(text.server(b"a2 OK\r\n").packets)[0] == [], text


def test_no_imap_of_a_client_alone():
    for text in b"get id\r\n", b"get list\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n":
        talk = pcap.Talk(server_port=11211).handshake().client(text).server(b"END\r\n").client(text)
        assert records(of_side(talk, 0)) == [[], []], text
        assert records(talk.packets) == [[], []], text


def test_client_has_the_port_of_imap():
    talk = pcap.Talk(client_port=143, server_port=1999).server(GREETING).client(COMMAND).server(ANSWER)
    check_whole(talk.packets, client_port=143, state="unknown")
    talk = pcap.Talk(client_port=143, server_port=1999).client(COMMAND).server(ANSWER)
    check_whole(talk.packets, client_port=143, state="unknown")
    talk = pcap.Talk(client_port=143, server_port=1999).server(b"rest of a message\r\n").server(b")\r\na0 OK fetched\r\n")
    check_whole(talk.client(b"a0 NOOP\r\n").server(b"a0 OK\r\n").client(COMMAND).server(ANSWER).packets, client_port=143,
                state="unknown")
    # Who was sent the SYN is the server, also behind a hole.
    for ports in (143, 1999), (50000, 1999):
        talk = pcap.Talk(*ports).handshake().lose(1, 20).client(b"* 3 EXISTS\r\n").client(COMMAND).server(ANSWER)
        check_whole(talk.packets, client_port=ports[0], state="unknown")
    # And of a client that is seen from its SYN on no line was missed, whatever its first one is.
    talk = pcap.Talk(50000, 1999).handshake().lose(1, 20).client(b"strange\r\n").client(COMMAND).server(ANSWER)
    check_whole(talk.packets, client_port=50000, state="unknown")


def test_message_does_not_turn_the_sides():
    """The middle of a message, of the server or of the client, with lines of the other side."""
    talk = pcap.Talk().server(b"a7 NOOP\r\n").server(b"b1 ID NIL\r\n").server(b")\r\na0 OK fetched\r\n")
    check_whole(talk.client(COMMAND).server(ANSWER).packets, state="unknown")
    talk = pcap.Talk().client(b"* 3 EXISTS\r\n").client(b"* ID NIL\r\n").client(b"the end\r\n").server(b"a0 OK appended\r\n")
    check_whole(talk.client(COMMAND).server(ANSWER).packets, state="unknown")
    talk = pcap.Talk().server(b"a7 NOOP\r\n").server(GREETING).server(ANSWER)
    exchanges, sessions = records(talk.packets)
    assert sessions[0]["client"]["port"] == 50000 and exchanges[0]["response"]["params"] == DOVECOT, exchanges


for name, test in list(globals().items()):
    if name.startswith("test_"):
        test()
