# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions that went wrong, and some that did not, with what has to come out: `cases()` gives (name, session, what came of
it). What came of it is "STAGE/PARTY/STATUS FRAME HEALTHY TEXT"; HEALTHY is one of yes, no and unknown."""
import base64
import random
import struct

SYN, ACK, PUSH, FIN, RST = 0x02, 0x10, 0x08, 0x01, 0x04
C, S = 0, 1
EMPTY_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)


class Session:
    """A TCP connection as one captures it. Each packet comes 0.05 s after the one before."""

    def __init__(self, port=143, ip6=False, ttl=(64, 52)):
        self.ip6, self.ports, self.ttl = ip6, (50000, port), list(ttl)
        self.next, self.sent, self.window = [1000, 9000000], [b"", b""], [65535, 65535]
        self.packets, self.now, self.secrets = [], 1_700_000_000.0, []
        self.addresses = ((bytes.fromhex("20010db8000000000000000000000017"), bytes.fromhex("20010db800000000000000000000000a"))
                          if ip6 else (b"\xc6\x33\x64\x17", b"\xc0\x00\x02\x0a"))

    def _ip(self, source, destination, protocol, octets, ttl, options=b""):
        if self.ip6:
            return struct.pack("!IHBB", 6 << 28, len(octets), protocol, ttl) + source + destination + octets
        header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(octets), 0, 0x4000, ttl, protocol, 0)
        return header + source + destination + options + octets

    def _capture(self, ip):
        self.now += 0.05
        self.packets.append((self.now, ip))
        return self

    def put(self, side, flags, octets=b"", seq=None, ttl=None, ack=None):
        seq, ack = self.next[side] if seq is None else seq, ack or self.next[1 - side]
        tcp = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], seq, ack if flags & ACK else 0,
                          5 << 4, flags, self.window[side], 0, 0) + octets
        self.last = self._ip(self.addresses[side], self.addresses[1 - side], 6, tcp, ttl or self.ttl[side])
        self._capture(self.last)
        self.next[side] = max(self.next[side], seq + len(octets) + (1 if flags & (SYN | FIN) else 0))
        return self

    def icmp(self, kind, code, router=b"\xc6\x33\x64\x01", rest=bytes(4), side=C, options=b""):
        """About the last segment, which that side sent."""
        if self.ip6:
            router = bytes.fromhex("20010db8000000000000000000000001")
        quoted = self.last[:48 if self.ip6 else 28]
        octets = bytes([kind, code, 0, 0]) + rest + quoted
        return self._capture(self._ip(router, self.addresses[side], 58 if self.ip6 else 1, octets, 63, options))

    def wait(self, seconds):
        self.now += seconds
        return self

    def open(self, greeting=b"* OK ready\r\n"):
        self.put(C, SYN).put(S, SYN | ACK).put(C, ACK)
        return self.s(greeting) if greeting else self

    def c(self, octets):
        return self.put(C, ACK | PUSH, octets)

    def s(self, octets):
        return self.put(S, ACK | PUSH, octets)

    def say(self, *lines):
        for line in lines:
            self.put("CS".index(line[0]), ACK | PUSH, line[3:].encode() + b"\r\n")
        return self

    def again(self, side, octets, times=1):
        """The last octets of a side, sent again."""
        for i in range(times):
            self.wait(0.2 * 2 ** i).put(side, ACK | PUSH, octets, self.next[side] - len(octets))
        return self

    def ack(self, side):
        return self.put(side, ACK)

    def close(self, side, *, both=True):
        self.put(side, FIN | ACK)
        if both:
            self.put(1 - side, FIN | ACK).put(side, ACK)
        return self

    def reset(self, side, ttl=None):
        return self.put(side, RST | ACK, ttl=ttl)

    def drop(self, *frames):
        """Those frames, counted from 1, are not in the capture."""
        self.packets = [p for i, p in enumerate(self.packets, 1) if i not in frames]
        return self

    def only(self, side):
        """One direction alone was captured."""
        at, n = (8, 16) if self.ip6 else (12, 4)
        self.packets = [p for p in self.packets if p[1][at:at + n] == self.addresses[side]]
        return self

    def _frame(self, ip, wrap):
        """In Ethernet; `wrap`: in a VLAN, and IP in IP."""
        ether_type = b"\x86\xdd" if self.ip6 else b"\x08\0"
        if wrap:
            outer = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(ip), 0, 0x4000, 9, 41 if self.ip6 else 4, 0)
            ip, ether_type = outer + b"\xcb\0\x71\1\xcb\0\x71\2" + ip, b"\x81\0\0\7\x08\0"
        return b"\2\0\0\0\0\1\2\0\0\0\0\2" + ether_type + ip

    def pcap(self, wrap=False, first=None):
        """The octets of a capture of the `first` packets, or of all; pcapng where there are secrets of TLS."""
        if self.secrets:
            return self._pcapng(wrap, first)
        parts = [EMPTY_PCAP]
        for time, ip in self.packets[:first]:
            frame = self._frame(ip, wrap)
            parts += (struct.pack("<IIII", int(time), int(time % 1 * 1e6), len(frame), len(frame)), frame)
        return b"".join(parts)


    def _pcapng(self, wrap, first):
        def block(kind, *parts):
            body = b"".join(part + bytes(-len(part) % 4) for part in parts)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

        secrets = "".join(self.secrets).encode()
        parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), block(1, struct.pack("<HHI", 1, 0, 262144)),
                 block(10, struct.pack("<II", 0x544C534B, len(secrets)), secrets)]
        for time, ip in self.packets[:first]:
            frame = self._frame(ip, wrap)
            parts.append(block(6, struct.pack("<IIIII", 0, *divmod(round(time * 1e6), 1 << 32), len(frame), len(frame)), frame))
        return b"".join(parts)

    def tls13(self):
        """A handshake with keys that are known: gives what makes records."""
        import tls13  # which needs this module
        return tls13.Connection(random.Random(13), lambda side, octets: self.put(side, ACK | PUSH, octets), self.secrets)


def record(kind, octets, version=0x0303):
    return struct.pack("!BHH", kind, version, len(octets)) + octets


def handshake(kind, octets):
    return record(22, bytes([kind]) + len(octets).to_bytes(3, "big") + octets)


def extension(number, octets):
    return struct.pack("!HH", number, len(octets)) + octets


def client_hello(versions=(0x0304, 0x0303), suites=(0x1301, 0xC02F), name=b"mail.example.org", legacy=0x0303):
    extensions = extension(0, struct.pack("!HBH", len(name) + 3, 0, len(name)) + name)
    if versions:
        extensions += extension(43, bytes([2 * len(versions)]) + struct.pack(f"!{len(versions)}H", *versions))
    body = struct.pack("!H", legacy) + bytes(range(32)) + b"\0" + struct.pack(f"!H{len(suites)}H", 2 * len(suites), *suites)
    return handshake(1, body + b"\1\0" + struct.pack("!H", len(extensions)) + extensions)


def server_hello(suite=0xC02F, version=None):
    extensions = extension(43, struct.pack("!H", version)) if version else b""
    body = struct.pack("!H", 0x0303) + bytes(range(32, 64)) + b"\0" + struct.pack("!HB", suite, 0)
    return handshake(2, body + struct.pack("!H", len(extensions)) + extensions)


def der(tag, *parts):
    octets = b"".join(parts)
    return bytes([tag]) + (bytes([len(octets)]) if len(octets) < 128 else b"\x82" + len(octets).to_bytes(2, "big")) + octets


def certificate(since=b"230101000000Z", until=b"280101000000Z", name=b"mail.example.org", issuer=b"Example CA"):
    """A Certificate message of TLS 1.2. Nobody looks at its key and signature."""
    def named(text):
        return der(0x30, der(0x31, der(0x30, der(6, b"\x55\x04\x03"), der(12, text))))
    names = der(0xA3, der(0x30, der(0x30, der(6, b"\x55\x1d\x11"), der(4, der(0x30, der(0x82, name))))))
    body = der(0x30, der(0xA0, der(2, b"\2")), der(2, b"\1"), der(0x30, der(6, b"*")), named(issuer), der(0x30, der(0x17, since), der(0x17, until)),
               named(name), der(0x30, der(3, b"\0" * 200)), names)
    whole = der(0x30, body, der(0x30, der(6, b"*")), der(3, b"\0" * 200))
    listed = len(whole).to_bytes(3, "big") + whole
    return handshake(11, len(listed).to_bytes(3, "big") + listed)


def alert(number, level=2):
    return record(21, bytes([level, number]))


# A ClientHello in the form of RFC 5246 E.2, as old clients have it.
SSL2_HELLO = bytes([0x80, 46, 1, 0, 2, 0, 21, 0, 0, 0, 16]) + bytes(37)
LOGIN_NO = ("S: * OK ready", "C: a1 LOGIN bob secret", "S: a1 NO [AUTHENTICATIONFAILED] Sorry")


def no_connection():
    yield "refused", Session().put(C, SYN).put(S, RST | ACK), "connect/server/refused 2 no"
    yield "refused-6", Session(993, ip6=True).put(C, SYN).put(S, RST | ACK), "connect/server/refused 2 no"
    yield "no-answer", Session().put(C, SYN).wait(1).put(C, SYN, seq=1000).wait(2).put(C, SYN, seq=1000), \
        "connect/network/timeout 3 no"
    yield "one-syn", Session().put(C, SYN), "connect/capture/capture-ends 1 unknown"
    unheard = Session().put(C, SYN).put(S, SYN | ACK)
    for seconds in (1, 2, 4, 8):
        unheard.wait(seconds).put(S, SYN | ACK, seq=9000000)
    yield "syn-ack-no-answer", unheard, "connect/network/timeout 6 no"
    yield "syn-ack-end", Session().put(C, SYN).wait(3).put(C, SYN, seq=1000).put(S, SYN | ACK), "connect/capture/capture-ends 1 unknown"
    yield "syn-ack-reset", Session(ip6=True).put(C, SYN).put(S, SYN | ACK).put(C, RST), "connect/client/RST 3 no"
    yield "syn-ack-heard-late", Session().put(C, SYN).put(S, SYN | ACK).wait(3).put(S, SYN | ACK, seq=9000000).put(C, ACK).wait(20).close(C), \
        "greeting/client/timeout 5 no"
    for code in (9, 10, 13):
        yield f"prohibited-{code}", Session(993).put(C, SYN).icmp(3, code), "connect/network/prohibited 2 no"
    yield "prohibited-twice", Session(993).put(C, SYN).icmp(3, 13).wait(1).put(C, SYN, seq=1000).icmp(3, 13), \
        "connect/network/prohibited 2 no"
    for code in (1, 5, 6):
        yield f"prohibited6-{code}", Session(993, ip6=True).put(C, SYN).icmp(1, code), "connect/network/prohibited 2 no"
    yield "unreachable-host", Session().put(C, SYN).icmp(3, 1), "connect/network/unreachable 2 no"
    yield "unreachable-net", Session().put(C, SYN).icmp(3, 0), "connect/network/unreachable 2 no"
    yield "unreachable6-route", Session(ip6=True).put(C, SYN).icmp(1, 0), "connect/network/unreachable 2 no"
    yield "ttl-exceeded", Session().put(C, SYN).icmp(11, 0), "connect/network/unreachable 2 no"
    yield "port-unreachable-router", Session().put(C, SYN).icmp(3, 3), "connect/network/refused 2 no"
    yield "port-unreachable-server", Session().put(C, SYN).icmp(3, 3, router=b"\xc0\x00\x02\x0a"), "connect/server/refused 2 no"
    yield "redirect", Session().put(C, SYN).icmp(5, 1).wait(1).put(C, SYN, seq=1000), "connect/network/timeout 3 no"
    yield "prohibited-router-alert", Session().put(C, SYN).icmp(3, 13, options=b"\x94\4\0\0"), "connect/network/prohibited 2 no"
    yield "port-unreachable-server-options", Session().put(C, SYN).icmp(
        3, 3, router=b"\xc0\x00\x02\x0a", options=b"\x94\4\0\0"), "connect/server/refused 2 no"
    yield "prohibited-then-open", Session().put(C, SYN).icmp(3, 13).put(C, SYN, seq=1000).put(S, SYN | ACK).put(C, ACK).say(
        "S: * OK ready", "C: a1 LOGOUT", "S: * BYE bye", "S: a1 OK done").close(S), "end/client/OK 9 yes"
    other = Session().put(C, SYN)
    other.last = other.last[:24] + struct.pack("!I", 77) + other.last[28:]
    yield "icmp-of-a-stranger", other.icmp(3, 13).put(S, RST | ACK), "connect/server/refused 3 no"


def greetings():
    yield "no-greeting", Session().open(None).wait(20).close(C), "greeting/client/timeout 4 no"
    yield "no-greeting-6", Session(ip6=True).open(None).wait(20).close(C), "greeting/client/timeout 4 no"
    for words in (b"* OK hi\r\n", b"* BYE sorry\r\n"):
        yield f"greeting-{words[2:4].decode()}-too-late", Session().open(None).wait(20).close(C, both=False).s(words).close(S), "greeting/client/timeout 4 no"
    request = b"GET / HTTP/1.1\r\nHost: mail.example.org\r\n\r\n"
    yield "client-http", Session().open(None).c(request).say("S: * OK hi", "S: GET BAD Unknown", "S: Host: BAD Unknown").close(S), \
        "greeting/client/not-imap:http 4 no"
    yield "client-http-greeted", Session(ip6=True).open().c(request).say("S: GET BAD Unknown").close(S), "greeting/client/not-imap:http 5 no"
    yield "client-http-no-answer", Session().open(None).c(request).close(S), "greeting/client/not-imap:http 4 no"
    yield "client-http-993", Session(993).open(None).c(request).s(alert(10)).close(S), "tls/client/plain-on-tls-port 4 no"
    yield "client-rdp", Session().open().c(b"\3\0\0\x2b\x26\xe0" + bytes(37)).wait(3).close(S), "login/client/not-imap:unknown 5 no"
    yield "no-greeting-server", Session().open(None).wait(60).close(S), "greeting/server/FIN 4 no"
    yield "no-greeting-reset", Session().open(None).reset(S), "greeting/server/RST 4 no"
    yield "no-greeting-foreign-reset", Session().open(None).reset(S, ttl=250), "greeting/network/RST 4 no"
    yield "accepted-then-end", Session().open(None), "greeting/capture/capture-ends 1 unknown"
    yield "bye", Session().open(b"* BYE overloaded\r\n").close(S), "greeting/server/BYE 4 no overloaded"
    for words, protocol in ((b"+OK ready <1@x>\r\n", "pop3"), (b"220 mx ESMTP\r\n", "smtp"), (b"SSH-2.0-OpenSSH_9\r\n", "ssh"),
                            (b"220 FTP ready\r\n", "ftp"), (b"554 go away\r\n", "smtp"),
                            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "http"), (b"200 news\r\n", "nntp"),
                            (b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\nOK\r\n', "sieve"), (b"\xff\xfd\x18login: ", "unknown")):
        yield f"greets-{protocol}-{words[:3].hex()}", Session().open(words).close(C), f"greeting/server/not-imap:{protocol} 4 no"
    yield "bye-on-another-port", Session(1143).open(b"* BYE overloaded\r\n").close(S), "greeting/server/BYE 4 no overloaded"
    for word in ("NO", "BAD"):
        yield f"greets-{word.lower()}", Session().open(f"* {word} down for work\r\n".encode()).close(S), f"greeting/server/{word} 4 no down for work"
    yield "greets-pop3-993", Session(993).open(b"+OK ready\r\n").close(C), "greeting/server/not-imap:pop3 4 no"


def logins():
    yield "login-no", Session().open(None).say(*LOGIN_NO).close(S), "login/server/NO 6 no [AUTHENTICATIONFAILED] Sorry"
    # The words of the server, but for those that repeat the password.
    for name, password, words, told in (
            ("one-letter", "C: a1 LOGIN bob x", "Sorry, no experts", " Sorry, no experts"), ("one-letter-repeated", 'C: a1 LOGIN bob "x"', "bob, not x", "")):
        yield f"login-{name}", Session().open().say(password, f"S: a1 NO {words}").close(S), f"login/server/NO 6 no{told}"
    for name, lines, words, told in (
            ("both", ("C: a1 LOGIN {3}", "S: + go", "C: bob {6}", "S: + go", "C: secret"), "bob is locked", " bob is locked"),
            ("both-repeated", ("C: a1 LOGIN {3}", "S: + go", "C: bob {6}", "S: + go", "C: secret"), "[CODE] not secret", ""),
            ("password", ("C: a1 LOGIN bob {6}", "S: + go", "C: secret"), "bob is locked", " bob is locked"),
            ("user-repeated", ("C: a1 LOGIN {3}", "S: + go", 'C: bob "sec\\"ret"'), 'bob: sec"ret', ""),
            ("user-atom-repeated", ("C: a1 LOGIN {3+}", "C: bob secret"), "bob: secret", ""),
            ("refused", ("C: a1 LOGIN {3}",), "no literals", "")):
        session = Session().open().say(*lines)
        yield f"login-literal-{name}", session.say(f"S: a1 NO {words}").close(S), \
            f"login/server/NO {len(session.packets) - 3} no" + (" [CODE]" if words.startswith("[") and not told else told)
    lost = Session().open().say("C: a1 LOGIN bob {6}", "S: + go").c(b"sec").c(b"ret\r\n").say("S: a1 NO bob is locked").close(S)
    yield "login-literal-lost", lost.drop(8), "login/server/NO 8 no"
    parted = Session().open().say("C: a1 LOGIN bob {6}", "S: + go").c(b"sec").c(b"ret\r\n").say("S: a1 NO no secret here").close(S)
    yield "login-literal-parted", parted, "login/server/NO 9 no"
    yield "login-bad", Session().open().say("C: a1 LOGIN bob", "S: a1 BAD Missing argument").close(C), \
        "login/client/BAD 6 no"
    yield "login-thrice", Session().open().say(
        "C: a0 ID NIL", "S: * ID NIL", "S: a0 OK", "C: a1 AUTHENTICATE CRAM-MD5", "S: + PDFAeD4=", "C: Ym9iIDEyMw==", "S: a1 NO no",
        "C: a2 AUTHENTICATE PLAIN AGJvYgB4", "S: a2 NO no", "C: a3 LOGIN bob x", "S: a3 NO really no", "C: a4 LOGOUT", "S: * BYE bye",
        "S: a4 OK").close(S), "login/server/NO 15 no really no"
    yield "login-then-right", Session().open().say("C: a1 LOGIN bob x", "S: a1 NO no", "C: a2 LOGIN bob y", "S: a2 OK in", "C: a3 LOGOUT",
                                                   "S: * BYE bye", "S: a3 OK").close(S), "end/client/OK 11 yes"
    yield "login-no-answer", Session().open().say("C: a1 LOGIN bob secret").ack(S).wait(30).close(C), "login/client/timeout 7 no"
    yield "login-no-answer-6", Session(ip6=True).open().say("C: a1 LOGIN bob secret").ack(S).wait(30).close(C), "login/client/timeout 7 no"
    # What comes when the client has given up is too late; behind a client that does not wait at all it counts.
    for name, answer in (("ok", "S: a1 OK in"), ("no", "S: a1 NO never")):
        yield f"login-{name}-too-late", Session().open().say("C: a1 LOGIN bob secret").wait(30).close(C, both=False).say(answer).close(S), \
            "login/client/timeout 6 no"
    yield "login-no-behind-fin", Session().open().say("C: a1 LOGIN bob secret", "C: a2 LOGOUT").close(C, both=False).say(
        "S: a1 NO never", "S: * BYE", "S: a2 OK").close(S), "login/server/NO 8 no never"
    yield "login-not-waited-for", Session().open().say("C: a1 LOGIN bob secret").close(C, both=False).say("S: a1 OK in").close(S), "login/client/FIN 6 no"
    yield "login-logout-not-waited-for", Session().open().say("C: a1 LOGIN bob secret", "C: a2 LOGOUT").close(C, both=False).say(
        "S: a1 OK in", "S: * BYE", "S: a2 OK").close(S), "end/client/OK 10 yes"
    yield "login-late-but-waited-for", Session().open().say("C: a1 LOGIN bob secret").wait(30).say("S: a1 OK in").close(C), "end/client/FIN 7 yes"
    yield "login-reset", Session().open().say("C: a1 LOGIN bob secret").reset(S), "login/server/RST 6 no"
    yield "login-foreign-reset", Session().open().say("C: a1 LOGIN bob secret").reset(S, ttl=61), "login/network/RST 6 no"
    yield "login-closed", Session().open().say("C: a1 LOGIN bob secret").close(S), "login/server/FIN 6 no"
    yield "login-bye", Session().open().say("C: a1 LOGIN bob secret", "S: * BYE [UNAVAILABLE] down").close(S), \
        "login/server/BYE 6 no [UNAVAILABLE] down"
    yield "login-cancelled", Session().open().say("C: a1 AUTHENTICATE GSSAPI", "S: + ", "C: *", "S: a1 BAD cancelled").close(C), \
        "login/client/BAD 8 no cancelled"
    challenge = base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"mail"}').decode()
    yield "oauth", Session().open().say("C: a1 AUTHENTICATE XOAUTH2 dXNlcj1ib2I=", f"S: + {challenge}", "C: ", "S: a1 NO bad token").close(C), \
        "login/server/NO 8 no bad token"
    yield "oauth-no-goodbye", Session().open().say("C: a1 AUTHENTICATE OAUTHBEARER bixhPWJvYiw=", f"S: + {challenge}").close(C), \
        "login/client/FIN 7 no"
    # The answer to the login is not in the capture.
    yield "login-lost-answer", Session().open().say("C: a1 LOGIN bob secret", "S: a1 NO no", "C: a2 LOGOUT", "S: * BYE", "S: a2 OK").close(S).drop(6), \
        "end/client/OK 8 unknown"
    yield "login-own-mechanism", Session().open().say("C: a1 AUTHENTICATE X-OWN", "S: a1 NO Sorry").close(S), "login/server/NO 6 no Sorry"
    yield "no-command", Session().open().c(b"\0\0\0\1\r\n").say("S: * BAD What is it?").close(C), "command/client/BAD 6 no"
    yield "nothing-said", Session().open().wait(60).close(S), "login/server/FIN 5 no"
    yield "nothing-said-client", Session().open().close(C), "login/client/FIN 5 unknown"
    yield "autologout", Session().open().wait(60).say("S: * BYE Disconnected for inactivity.").close(S), \
        "login/server/BYE 5 no Disconnected for inactivity."


def proxies():
    yield "proxy-header-bad", Session().open(None).say("C: PROXY TCP4 192.0.2.1 192.0.2.2 1 143", "S: * OK ready",
                                                       "S: PROXY BAD Unknown command").close(C), "command/client/BAD 6 no Unknown command"
    yield "proxy-header-overcome", Session().open(None).say(
        "C: PROXY TCP4 192.0.2.1 192.0.2.2 1 143", "S: * OK ready", "S: PROXY BAD Unknown command", "C: a1 LOGIN bob secret", "S: a1 OK in",
        "C: a2 LOGOUT", "S: * BYE bye", "S: a2 OK").close(S), "end/client/OK 11 yes"


    yield "proxy-header-no-greeting", Session().open(None).say("C: PROXY TCP4 192.0.2.1 192.0.2.2 1 143").close(S), "greeting/server/FIN 5 no"
    yield "proxy-header-on-993", Session(993).open(None).say("C: PROXY TCP4 192.0.2.1 192.0.2.2 1 993").s(alert(10)).close(S), \
        "tls/client/plain-on-tls-port 4 no"
    yield "proxy-header-then-closed", Session().open(None).say("C: PROXY TCP4 192.0.2.1 192.0.2.2 1 143", "S: * OK ready", "S: PROXY BAD Unknown command",
                                                               "C: a1 LOGIN bob secret", "S: a1 OK in").close(S), "end/server/FIN 9 no"
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 143])
    yield "proxy-header-2-bad", Session().open(None).c(header).say("S: * OK ready", "S: * BAD Error in IMAP command").close(C), \
        "command/client/BAD 6 no Error in IMAP command"


def starttls():
    yield "starttls-no", Session().open().say("C: a1 STARTTLS", "S: a1 NO not today").close(C), "starttls/server/NO 6 no not today"
    yield "starttls-bad", Session().open().say("C: a1 STARTTLS", "S: a1 BAD Unknown command").close(C), \
        "starttls/client/BAD 6 no Unknown command"
    yield "starttls-closed", Session().open().say("C: a1 STARTTLS").close(S), "starttls/server/FIN 6 no"
    yield "starttls-no-answer", Session().open().say("C: a1 STARTTLS").ack(S).wait(15).close(C), "starttls/client/timeout 7 no"
    for number, name in ((42, "bad_certificate"), (45, "certificate_expired"), (46, "certificate_unknown"), (48, "unknown_ca")):
        yield f"starttls-{name}", Session().open().say("C: a1 STARTTLS", "S: a1 OK go").c(client_hello((0x303,))).s(server_hello()).c(
            alert(number)).close(C), f"tls/client/{name} 9 no"
    for number, name, what in ((45, "certificate_expired", {"until": b"230601000000Z"}), (46, "certificate_unknown", {"since": b"491231000000Z", "until": b"491231235959Z"}),
                               (42, "bad_certificate", {"name": b"*.example.net"}), (48, "unknown_ca", {"issuer": b"mail.example.org"})):
        yield f"certificate-{name}", Session(993).open(None).c(client_hello((0x303,))).s(server_hello() + certificate(**what)).c(
            alert(number)).close(C), f"tls/client/{name} 6 no"
    yield "certificate-closed", Session(993).open(None).c(client_hello((0x303,))).s(server_hello() + certificate(until=b"230601000000Z")).close(C), \
        "tls/client/FIN 6 no"
    yield "starttls-then-nothing", Session().open().say("C: a1 STARTTLS", "S: a1 OK go").c(client_hello()).ack(S).wait(9).close(C), \
        "tls/client/timeout 9 no"
    yield "starttls-then-close", Session().open().say("C: a1 STARTTLS", "S: a1 OK go").close(C), "tls/client/FIN 7 no"
    # STARTTLS was accepted, and somebody goes on in the clear; the alert is what follows of it.
    agreed = ("C: a1 STARTTLS", "S: a1 OK go")
    plain = ("C: a2 LOGIN bob secret", "S: a2 OK in", "C: a3 LOGOUT", "S: * BYE", "S: a3 OK")
    yield "starttls-client-plain", Session().open().say(*agreed, *plain).close(S), "tls/client/plain-on-tls-port 7 no"
    yield "starttls-client-plain-6", Session(ip6=True).open().say(*agreed, plain[0]).close(S), "tls/client/plain-on-tls-port 7 no"
    yield "starttls-client-plain-alert", Session().open().say(*agreed, plain[0]).s(alert(10)).close(S), "tls/client/plain-on-tls-port 7 no"
    yield "starttls-server-plain", Session().open().say(*agreed).c(client_hello()).say("S: * BAD What is it?").close(C), "tls/server/plain-on-tls-port 8 no"
    yield "starttls-server-plain-alert", Session().open().say(*agreed).c(client_hello()).say("S: * BAD What is it?").c(alert(70)).close(C), \
        "tls/server/plain-on-tls-port 8 no"
    # What the client says behind STARTTLS without waiting is read in the clear.
    hasty = Session().open().c(b"a1 STARTTLS\r\na2 LOGIN bob secret\r\n").say("S: a1 OK go").c(client_hello())
    yield "starttls-hasty", hasty.say("S: a2 OK in").close(C), "tls/client/plain-on-tls-port 5 no"
    hasty = Session().open().c(b"a1 STARTTLS\r\na2 CAPABILITY\r\n").say("S: a1 OK go").c(client_hello((0x303,)))
    yield "starttls-hasty-alert", hasty.s(server_hello()).c(alert(48)).close(C), "tls/client/unknown_ca 9 no"
    yield "starttls-ssl2", Session().open().say(*agreed).c(SSL2_HELLO).close(S), "tls/server/FIN 8 no"
    yield "starttls-ssl2-alert", Session(ip6=True).open().say(*agreed).c(SSL2_HELLO).s(alert(70)).close(S), "tls/server/protocol_version 8 no"
    yield "starttls-server-goes-on", Session().open().say(*agreed, "S: * CAPABILITY IMAP4rev1").close(C), "tls/server/plain-on-tls-port 7 no"
    yield "starttls-server-adds", Session().open().say("C: a1 STARTTLS").s(b"a1 OK go\r\n* CAPABILITY IMAP4rev1\r\n").c(client_hello((0x303,))).s(
        server_hello()).c(alert(48)).close(C), "tls/client/unknown_ca 9 no"
    for mask in ("XXXXXXXA", "XXXXXXXX", "********"):
        yield f"starttls-{mask[-1]}-mask", Session().open(f"* OK [CAPABILITY IMAP4rev1 {mask} ID] hi\r\n".encode()).say(
            "C: a1 CAPABILITY", f"S: * CAPABILITY IMAP4rev1 {mask} ID", "S: a1 OK").close(C), "starttls/network/not-offered 4 no"
    yield "starttls-absent", Session().open().say("C: a1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 ID", "S: a1 OK").close(C), \
        "starttls/client/not-offered 6 no"


def tls():
    yield "tls-no-answer", Session(993).open(None).c(client_hello()).ack(S).wait(10).close(C), "tls/client/timeout 6 no"
    yield "tls-closed", Session(993).open(None).c(client_hello()).close(S), "tls/server/FIN 5 no"
    yield "tls-reset", Session(993).open(None).c(client_hello()).reset(S), "tls/server/RST 5 no"
    yield "tls-foreign-reset", Session(993).open(None).c(client_hello()).reset(S, ttl=255), "tls/network/RST 5 no"
    for number, name in ((40, "handshake_failure"), (70, "protocol_version"), (112, "unrecognized_name"), (80, "internal_error"),
                         (71, "insufficient_security"), (116, "certificate_required"), (120, "no_application_protocol")):
        yield f"tls-{name}", Session(993).open(None).c(client_hello()).s(alert(number)).close(S), f"tls/server/{name} 5 no"
        yield f"tls6-{name}", Session(993, ip6=True).open(None).c(client_hello()).s(alert(number)).close(S), f"tls/server/{name} 5 no"
    yield "tls-no-key", Session(993).open(None).c(client_hello()).s(server_hello(0x1301, 0x304) + record(20, b"\1") + record(23, bytes(900))).c(
        record(20, b"\1") + record(23, bytes(69))).s(record(23, bytes(60))).c(record(23, bytes(50))).s(record(23, bytes(80))).close(C), \
        "unknown/capture/no-key 4 unknown"
    for number, name in ((116, "certificate_required"), (42, "bad_certificate")):
        session = Session(993).open(None)
        alert_13 = session.tls13().sealers[1].seal(21, bytes([2, number]))
        yield f"tls13-late-{name}", session.s(alert_13).close(S), f"tls/server/{name} 8 no"
    session = Session(993).open(None)
    tls13 = session.tls13()
    session.s(tls13.seal(S, b"* OK ready\r\n")).c(tls13.seal(C, b"a1 LOGIN bob secret\r\n"))
    yield "tls13-alert-in-login", session.s(tls13.sealers[1].seal(21, b"\2\x50")).reset(S), "login/server/internal_error 10 no"
    yield "tls-on-143", Session().open(None).c(client_hello()).say("S: * OK ready", "S: * BAD Unknown command").close(S), \
        "tls/client/tls-on-plain-port 4 no"
    yield "tls-on-143-behind-greeting", Session().open().c(client_hello()).say("S: * BAD Unknown command").close(C), "tls/client/tls-on-plain-port 5 no"
    yield "tls-on-143-no-answer", Session().open().c(client_hello()).ack(S).wait(30).close(C), "tls/client/tls-on-plain-port 5 no"
    yield "plain-server-on-993", Session(993).open(None).c(client_hello()).say("S: * OK ready").close(C), "tls/server/tls-on-plain-port 4 no"
    yield "http-server-on-993", Session(993).open(None).c(client_hello()).say("S: HTTP/1.1 400 Bad Request").close(S), "greeting/server/not-imap:http 5 no"
    # Alerts that are no errors; what was said before counts more than what follows of it.
    yield "tls-close-notify", Session(993).open(None).c(client_hello()).s(alert(0, 1)).close(S), "tls/server/close_notify 5 no"
    yield "tls-warning", Session(993).open(None).c(client_hello()).s(alert(112, 1)).close(C), "tls/server/unrecognized_name 5 no"
    yield "tls-user-canceled", Session(993).open(None).c(client_hello((0x303,))).s(server_hello() + certificate()).c(alert(90, 1) + alert(0, 1)).close(C), \
        "tls/client/user_canceled 6 no"
    yield "tls-close-notify-late", Session(993).open(None).c(client_hello()).close(S, both=False).c(alert(0, 1)).close(C), "tls/server/FIN 5 no"
    yield "tls-gave-up-politely", Session(993).open(None).c(client_hello()).ack(S).wait(10).c(alert(0, 1)).close(C), "tls/client/timeout 7 no"
    yield "tls-alert-without-name", Session(993).open(None).c(client_hello()).s(alert(200)).close(S), "tls/server/alert 5 no"
    yield "plain-on-993", Session(993).open(None).say("C: a1 LOGIN bob secret").close(S), "tls/client/plain-on-tls-port 4 no"
    yield "plain-on-993-alert", Session(993).open(None).say("C: a1 CAPABILITY").s(alert(10)).close(S), "tls/client/plain-on-tls-port 4 no"
    yield "plain-both-on-993", Session(993).open().say("C: a1 LOGOUT", "S: * BYE", "S: a1 OK").close(S), "end/client/OK 7 yes"
    # TLS is begun by the client.
    yield "silent-on-993", Session(993).open(None).wait(30).close(C), "tls/client/timeout 4 no"
    yield "silent-on-993-server", Session(993).open(None).wait(30).close(S), "tls/server/FIN 4 no"
    yield "silent-on-993-reset", Session(993).open(None).reset(S), "tls/server/RST 4 no"
    yield "silent-on-993-end", Session(993).open(None), "tls/capture/capture-ends 1 unknown"
    old = SSL2_HELLO
    yield "ssl2", Session(993).open(None).c(old).close(S), "tls/server/FIN 5 no"
    yield "ssl2-alert", Session(993).open(None).c(old).s(alert(70)).close(S), "tls/server/protocol_version 5 no"
    yield "ssl2-no-answer", Session(993).open(None).c(old).wait(10).close(C), "tls/client/timeout 5 no"
    yield "ssl2-on-143", Session().open().c(old).say("S: * BAD What is it?").close(C), "tls/client/tls-on-plain-port 5 no"
    for octets in (b"\0\0\0\5hello", b"J\0\0\0\n8.0.30\0"):
        yield f"unknown-server-on-993-{octets[0]}", Session(993).open(None).c(client_hello()).s(octets).close(C), "greeting/server/not-imap:unknown 5 no"
    yield "tls-half-hello", Session(993).open(None).c(client_hello()[:60]).wait(10).close(S), "tls/server/FIN 5 no"


def after_login():
    begin = ("C: a1 LOGIN bob secret", "S: a1 OK in")
    yield "select-no", Session().open().say(*begin, "C: a2 SELECT x", "S: a2 NO [NONEXISTENT] none").close(C), \
        "select/server/NO 8 no [NONEXISTENT] none"
    yield "select-not-waited-for", Session().open().say(*begin, "C: a2 SELECT x").close(C, both=False).say("S: * 1 EXISTS", "S: a2 OK y").close(S), \
        "select/client/FIN 8 no"
    yield "icmp-in-session", Session().open().say(*begin, "C: a2 SELECT x").icmp(3, 1).icmp(3, 1).wait(30).close(C), "select/client/timeout 10 no"
    times = "(0.003 + 0.000 + 0.002 secs)."
    yield "bad-with-times", Session().open().say(*begin, "C: a2 FROB", f"S: a2 BAD Unknown command {times}").close(C), "command/client/BAD 8 no Unknown command"
    yield "no-with-times", Session().open().say(*begin, "C: a2 SELECT x", f"S: a2 NO Gone {times}").close(C), f"select/server/NO 8 no Gone {times}"
    yield "bad-with-what-is-no-times", Session().open().say(*begin, "C: a2 FROB", "S: a2 BAD Wait (3 or 4 secs).").close(C), \
        "command/client/BAD 8 no Wait (3 or 4 secs)."
    yield "id-no", Session().open().say("C: a0 ID NIL", "S: a0 NO never").close(S), "id/server/NO 6 no never"
    yield "id-bad", Session().open().say("C: a0 ID (", "S: a0 BAD never").close(C), "id/client/BAD 6 no"
    yield "idle-silence", Session().open().say(*begin, "C: a2 SELECT x", "S: a2 OK y", "C: a3 IDLE", "S: + idling").wait(1800).say("C: DONE").reset(
        S, ttl=61), "idle/network/RST 12 no"
    yield "idle-server-closes", Session().open().say(*begin, "C: a3 IDLE", "S: + idling").wait(600).close(S), "idle/server/FIN 9 no"
    yield "idle-client-leaves", Session().open().say(*begin, "C: a3 IDLE", "S: + idling").wait(600).close(C), "idle/client/FIN 9 yes"
    yield "idle-done-no-answer", Session().open().say(*begin, "C: a3 IDLE", "S: + idling").wait(600).say("C: DONE").ack(S).wait(30).close(C), \
        "idle/client/timeout 11 no"
    yield "idle-done-leaves", Session().open().say(*begin, "C: a3 IDLE", "S: + idling").wait(600).say("C: DONE").close(C), "idle/client/FIN 10 yes"
    yield "idle-not-begun", Session().open().say(*begin, "C: a3 IDLE").ack(S).wait(60).close(C), "idle/client/timeout 9 no"
    yield "idle-no", Session().open().say(*begin, "C: a3 IDLE", "S: a3 NO no idling").close(C), "idle/server/NO 8 no no idling"
    part = b"* 1 FETCH (BODY[] {9000}\r\n" + b"x" * 1400
    yield "fetch-in-part", Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").s(part).ack(C).wait(30).close(C), "command/client/timeout 10 no"
    # Not a second without an octet: the client did not give up waiting.
    flowing = Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").s(part)
    for _ in range(9):
        flowing.wait(0.9).s(b"y" * 700)
    yield "fetch-left-in-the-middle", flowing.close(C), "command/client/FIN 18 no"
    yield "fetch-in-part-reset", Session().open().say(*begin, "C: a2 UID FETCH 1 FLAGS", "S: * 1 FETCH (FLAGS ())").reset(S), "command/server/RST 9 no"
    yield "search-in-part-end", Session().open().say(*begin, "C: a2 SEARCH ALL", "S: * SEARCH 1"), "command/capture/capture-ends 7 no"
    yield "append-too-long", Session().open().say(*begin, "C: a2 APPEND x {5000}", "S: + go").c(b"x" * 1202).ack(S).wait(60).close(C), \
        "command/client/timeout 11 no"
    yield "append-too-long-bye", Session().open().say(*begin, "C: a2 APPEND x {5000+}").c(b"x" * 1202).ack(S).wait(1800).say(
        "S: * BYE Disconnected for inactivity in APPEND.").close(S), "command/server/BYE 10 no Disconnected for inactivity in APPEND."
    yield "fetch-no-answer", Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").ack(S).wait(30).close(C), "command/client/timeout 9 no"
    yield "fetch-retransmitted", Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").s(b"x" * 1400).again(S, b"x" * 1400, 5).put(
        C, FIN | ACK, ack=9000023), "command/network/retransmissions 9 no"
    for ip6 in (False, True):
        big = Session(ip6=ip6).open().say(*begin, "C: a2 FETCH 1 BODY[]").s(part)
        big.icmp(*((2, 0) if ip6 else (3, 4)), rest=struct.pack("!I", 1280), side=S)
        yield f"too-big-{6 if ip6 else 4}", big.again(S, part, 4).reset(C), "command/network/retransmissions 10 no"
    yield "command-retransmitted", Session().open().say(*begin).say("C: a2 NOOP").again(C, b"a2 NOOP\r\n", 5), \
        "command/network/retransmissions 8 no"
    yield "command-retransmitted-reset", Session().open().say(*begin).say("C: a2 NOOP").again(C, b"a2 NOOP\r\n", 5).reset(C), \
        "command/network/retransmissions 8 no"
    yield "retransmitted-but-acked", Session().open().say(*begin).say("C: a2 NOOP").again(C, b"a2 NOOP\r\n", 3).ack(S).wait(30).close(C), \
        "command/client/timeout 12 no"
    stuck = Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").s(b"* 1 FETCH (BODY[] {9000}\r\n" + b"x" * 1400)
    stuck.window[C] = 0
    yield "zero-window", stuck.ack(C).wait(1).ack(C).wait(2).ack(C).wait(60).reset(S), "command/client/zero-window 9 no"
    stuck = Session().open().say(*begin, "C: a2 APPEND x {9000}", "S: + go").c(b"x" * 1400)
    stuck.window[S] = 0
    yield "zero-window-server", stuck.ack(S).wait(1).ack(S).wait(2).ack(S), "command/server/zero-window 10 no"
    stuck = Session().open().say(*begin, "C: a2 FETCH 1 BODY[]").s(b"* 1 FETCH (BODY[] {1400}\r\n" + b"x" * 1400)
    stuck.window[C] = 0
    stuck.ack(C).wait(1)
    stuck.window[C] = 9000
    yield "window-opened", stuck.ack(C).say("S: )", "S: a2 OK", "C: a3 LOGOUT", "S: * BYE", "S: a3 OK").close(S), "end/client/OK 15 yes"
    yield "bye", Session().open().say(*begin, "S: * BYE shutdown").close(S), "command/server/BYE 7 no shutdown"
    yield "bad-deflate", Session().open().say(*begin, "C: a2 COMPRESS DEFLATE", "S: a2 OK go", "C: a3 NOOP", "S: * OK plain").close(S), "command/client/bad-deflate 9 no"
    yield "compress-no", Session().open().say(*begin, "C: a2 COMPRESS DEFLATE", "S: a2 NO [COMPRESSIONACTIVE] tls has it", "C: a3 LOGOUT",
                                              "S: * BYE", "S: a3 OK").close(S), "command/server/NO 8 no [COMPRESSIONACTIVE] tls has it"
    yield "logout", Session().open().say(*begin, "C: a3 LOGOUT", "S: * BYE", "S: a3 OK").close(S), "end/client/OK 9 yes"
    yield "leaves", Session().open().say(*begin, "C: a3 NOOP", "S: a3 OK").close(C), "end/client/FIN 9 yes"
    yield "closed-in-between", Session().open().say(*begin, "C: a3 NOOP", "S: a3 OK").wait(1800).close(S), "end/server/FIN 9 no"


def partial():
    whole = ("C: a1 LOGIN bob secret", "S: a1 OK in", "C: a2 SELECT x", "S: a2 OK y", "C: a3 LOGOUT", "S: * BYE", "S: a3 OK")
    yield "only-client", Session().open().say(*whole).close(S).only(C), "unknown/capture/server-side-missing 1 unknown"
    yield "only-server", Session().open().say(*whole).close(S).only(S), "unknown/capture/client-side-missing 1 unknown"
    yield "only-client-late", Session().open().say(*whole).close(S).only(C).drop(1, 2), "unknown/capture/server-side-missing 1 unknown"
    yield "begun-late", Session().open().say(*whole).close(S).drop(1, 2, 3, 4, 5, 6), "end/client/OK 5 yes"
    yield "begun-late-no", Session().open().say(*whole[:3], "S: a2 NO none", *whole[4:]).close(S).drop(1, 2, 3, 4, 5), "select/server/NO 3 no none"
    # The capture has nothing of what the client said. What a server answers does not tell the command, and may repeat a password.
    for name, lines, told in (("bye", ("* BYE Autologout",), "command/server/BYE 1 no Autologout"), ("no", ("A7 NO [EXPIRED] Gone",), "login/server/NO 1 no [EXPIRED]"),
                              ("bad", ("A7 BAD Sorry",), "command/client/BAD 1 no"), ("logout", ("* BYE Bye", "A7 OK done"), "end/client/OK 2 yes"),
                              ("overcome", ("A6 NO Gone", "A7 OK done"), "end/server/FIN 4 no"), ("no-line", ("* BYE Autologout", "it says."), "end/server/FIN 4 no")):
        yield f"server-late-{name}", Session().say(*(f"S: {line}" for line in lines)).ack(C).close(S), told
    yield "server-late-end", Session().say("S: * OK Still here").ack(C).wait(120).say("S: * OK Still here").ack(C), "unknown/capture/capture-ends 4 unknown"
    yield "server-late-left", Session().say("S: * OK Still here").ack(C).wait(60).close(C), "end/client/FIN 3 unknown"
    yield "client-late", Session().say("C: A7 NOOP").ack(S).wait(30).close(C), "command/client/timeout 3 no"
    yield "late-foreign-reset", Session().ack(C).ack(S).wait(1800).ack(C).reset(S, ttl=61), "end/network/RST 4 no"
    yield "late-bye", Session().open().say(*whole[:4], "S: * BYE Autologout").close(S).drop(1, 2, 3, 4, 5, 6), "command/server/BYE 3 no Autologout"
    yield "ends-early", Session().open().say(*whole[:3]), "select/capture/capture-ends 7 no"
    yield "ends-quietly", Session().open().say(*whole[:4]), "unknown/capture/capture-ends 8 unknown"


def cases():
    for part in (no_connection, greetings, logins, proxies, starttls, tls, after_login, partial):
        for name, session, told in part():
            yield f"{part.__name__}: {name}", session, told
