# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions with a secret in every place where clients put one, broken in every way, from a seed.

Not in them, as nothing tells it from what is meant: a login without the name of its command inside a list, which
is then a list of two strings; and a server that repeats such a one of another command than the ID it answers.
"""
import base64
import random
import re
import struct

import pcap

SECRET = b"ZqXjVkWyGmBh"  # four letters of it in a row are in no other text
USER = b"bob"
GREETING = b"* OK [CAPABILITY IMAP4rev1 ID SASL-IR LITERAL+ AUTH=PLAIN] hi\r\n"


def patterns():
    """What gives the secret away: any piece of it, plain, in base64 at any offset, or as hexadecimal."""
    pieces = {SECRET[i:i + 4] for i in range(len(SECRET) - 3)}
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + SECRET)
        inner = coded[(0, 2, 3)[before] + (before > 0):len(coded) - 4]
        pieces |= {inner[i:i + 6] for i in range(len(inner) - 5)}
    wide = SECRET.decode().encode("utf-16-le")
    pieces.add(wide[:8])
    digits = SECRET.hex().encode()
    hexes = {digits[i:i + 8] for i in range(0, len(digits) - 7, 2)}
    coded = base64.b64encode(b"\0bob\0" + SECRET).hex().encode()
    hexes.add(coded[16:32])
    return re.compile(b"|".join(re.escape(piece) for piece in sorted(pieces)) + b"|(?i:" + b"|".join(sorted(hexes)) + b")")


def literal(octets, plus, n=None):
    return b"{%d%s}\r\n" % (len(octets) if n is None else n, b"+" if plus else b"") + octets


def sasl(mechanism):
    """What a client says in the mechanism, line by line, before base64."""
    return {
        b"PLAIN": [b"\0" + USER + b"\0" + SECRET],
        b"LOGIN": [USER, SECRET],
        b"CRAM-MD5": [USER + b" " + SECRET],
        b"XOAUTH2": [b"user=" + USER + b"\1auth=Bearer " + SECRET + b"\1\1"],
        b"SCRAM-SHA-256": [b"n,,n=bob,r=" + SECRET, b"c=biws,r=" + SECRET + b"x,p=" + SECRET],
        b"X-UNKNOWN": [SECRET, b"bob", SECRET],
        b"OAUTHBEARER": [b"n,a=bob,\1host=h\1port=143\1auth=Bearer " + SECRET + b"\1\1"],
    }[mechanism]


def logins():
    """The login commands without their tags: a list of lists of what the client sends before it waits for the server."""
    for name in (b"LOGIN", b"login", b"LoGiN"):
        yield [name + b" bob " + SECRET + b"\r\n"]
        yield [name + b' "bob" "' + SECRET + b'"\r\n']
        yield [name + b' "bob" "a\\"' + SECRET + b'"\r\n']
        yield [name + b" bob " + literal(SECRET, True) + b"\r\n"]
        yield [name + b" " + literal(USER, True) + b" " + literal(SECRET, True) + b"\r\n"]
        yield [name + b" {3}\r\n", b"bob {%d}\r\n" % len(SECRET), SECRET + b"\r\n"]
        yield [name + b"\tbob\t" + SECRET + b"\r\n"]
    yield [b"PASS " + SECRET + b"\r\n"]
    yield [b"UID LOGIN bob " + SECRET + b"\r\n"]
    yield [b"NOOP bob " + SECRET + b"\r\n"]
    yield [b"LOGIN bob my " + SECRET + b"\r\n"]
    yield [b"AUTH PLAIN " + base64.b64encode(b"\0bob\0" + SECRET) + b"\r\n"]
    yield [b'SETACL INBOX x y\r\nLOGIN bob "' + SECRET + b'"\r\n']
    for mechanism in (b"PLAIN", b"SCRAM-SHA-256", b"X-UNKNOWN", b"LOGIN", b"CRAM-MD5", b"XOAUTH2", b"OAUTHBEARER"):
        lines = [base64.b64encode(line) + b"\r\n" for line in sasl(mechanism)]
        yield [b"AUTHENTICATE " + mechanism + b"\r\n"] + lines
        yield [b"authenticate " + mechanism + b" " + lines[0]] + lines[1:]
        yield [b"AUTHENTICATE " + mechanism + b"\r\n"] + lines[:-1] + [b"*\r\n"]
        # In the same segment as what comes next; in pieces, as a long answer is; with what a client of another protocol says.
        yield [b"AUTHENTICATE " + mechanism + b"\r\n" + b"".join(lines) + b'a3 ID ("name" "w")\r\n']
        yield [b"AUTHENTICATE " + mechanism + b"\r\n", lines[0][:9], lines[0][9:]] + lines[1:]
        yield [b"AUTHENTICATE " + mechanism + b"\r\n", literal(lines[0][:-2], True) + b"\r\n"] + lines[1:]
        yield [b"AUTHENTICATE " + mechanism + b" " + literal(lines[0][:-2], True) + b"\r\n"] + lines[1:]
        yield [b"AUTHENTICATE " + mechanism + b'\r\na3 ID ("name" "w")\r\n'] + lines
        yield [b"AUTHENTICATE " + mechanism + b" " + lines[-1][:-2] + b" x\r\n"]


# The command ID and what follows it; %s is a login with its tag, %d the octets of a literal.
WAYS = [
    b'a1 ID ("name" "x")\r\n%s', b'a1 ID ("name" "x")%s', b'a1 ID ("name" "x") %s', b"a1 ID NIL%s", b"a1 ID NIL %s",
    b"a1 ID () %s", b"a1 ID() %s", b'a1 ID "name" "x" %s', b'a1 ID ("name" "x" %s', b'a1 ID ("name" "x %s', b'a1 ID ("name" "x"\r\n%s',
    b'a1 ID ("name" "x\r\n%s', b'a1 ID ("name" %s', b"a1 ID (%s", b'a1 ID ("%s', b"a1 ID (\r\n%s", b"a1 ID \r\n%s", b"a1 ID\r\n%s",
    b'a1 ID ("name" "x"))%s', b'a1 ID ("name" "x") ("os" "y") %s', b'a1 ID ("name" "x")\0%s', b'a1 ID ("name" "x\0")\0%s', b'a1 ID ("name" "x")\n%s',
    b'a1 ID ("name" "x")\r%s', b'a1 ID ("name" {%d+}\r\nx")\r\n%s', b'a1 ID ("name" {%d+}\r\nx)\r\n%s"y")\r\n', b'a1 ID ("name" {%d}\r\nx")\r\n%s',
    b'a1 ID ({%d+}\r\nname" "x")\r\n%s', b'a1 ID ({%d+}\r\nname" "x")\r\n%s "y")\r\n', b'a1 ID ("name" "x" "os" {1+}\r\nx"y)\r\n%s',
    b'a1 ID ("name" ~{%d+}\r\nx)\r\n%s', b'%sa1 ID ("name" "x")\r\n', b'%sa1 NOOP\r\na3 ID ("name" "x")\r\n', b"a1 ID %s", b"a1 ID  %s", b"a1 IDLE\r\n%s",
    b'a1 "ID" ("name" "x") %s', b'a1 ID ("name" "x", %s)', b'a1 ID ("name" "x" ("y" %s))', b'a1 ID ("name" "x") a2 NOOP %s', b"a1 XID %s",
]
# The same for a login without its name.
BARE = [b"a1 ID %s", b'a1 ID ("name" "x") %s', b'a1 ID ("name" "x")%s', b"a1 ID NIL %s", b'a1 ID "bob" %s']
ANSWERS = [b"a1 OK done\r\n", b"a1 BAD no\r\n", b"a1 NO what is %s\r\n", b"* BAD %s\r\n", b'* ID ("name" "y")\r\na1 OK done\r\n',
           b'* ID ("echo" "x") %s\r\na1 OK done\r\n', b"a1 BAD Error in IMAP command received by server: %s\r\n", b"a1 BAD [PARSE] `%s' is no command\r\n", 
           b"a2 NO [AUTHENTICATIONFAILED] bad password (%p) for bob\r\n", b"* BYE too many: %s\r\n", b"* OK [ALERT] %s\r\na1 OK\r\n", b"a2 OK [CAPABILITY IMAP4rev1] %s\r\n",
           b"a2 NO %s\r\n", b"* NO %s\r\na2 NO\r\n", b"+ %o\r\na2 NO [AUTHENTICATIONFAILED] x\r\n", b"+ %s\r\n", b"%s\r\n", b"a1 BAD %b\r\n", b"a2 NO %b\r\n", b"* BYE %b\r\n",
           b"a1 BAD {%n}\r\n%s\r\n", b"a1 BAD unknown: ID %s\r\n", b"* BYE %s\r\n",
           b"", b"+ go\r\na1 OK done\r\n", b"a2 BAD %s\r\na1 OK done\r\n"]


BASIC = base64.b64encode(b"bob:" + SECRET)
# What is said to a proxy before all else, and its answers.
PREFACES = [[]] * 12 + [
    [(b"PROXY TCP4 10.0.0.9 10.0.0.1 1000 143\r\n", b"")],
    [(b"PROXY UNKNOWN " + SECRET + b"\r\n", b"")],
    [(b"PROXY TCP4 10.0.0.9 10.0.0.1 1000 143 LOGIN bob " + SECRET + b"\r\n", b"")],
    [(b"\r\n\r\n\0\r\nQUIT\n!\x11" + struct.pack("!H", 12 + 3 + len(SECRET)) + bytes(12) + b"\xe0" + struct.pack("!H", len(SECRET)) + SECRET, b"")],
    [(b"CONNECT mail.example:143 HTTP/1.1\r\nProxy-Authorization: Basic " + BASIC + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")],
    [(b"CONNECT bob:" + SECRET + b"@mail.example:143 HTTP/1.1\r\n\r\n", b"HTTP/1.1 407 what is " + BASIC + b"\r\n\r\n")],
    [(b"\5\1\2", b"\5\2"), (b"\1\3bob" + bytes([len(SECRET)]) + SECRET, b"\1\0"), (b"\5\1\0\1\x0a\0\0\1\0\x8f", b"\5\0\0\1\x0a\0\0\1\0\x8f")],
    [(b"\4\1\0\x8f\x0a\0\0\1" + SECRET + b"\0", b"\0\x5a\0\x8f\x0a\0\0\1")],
]


def bare(parts):
    """A login without its name: what is left of it is its arguments."""
    return [re.sub(rb"^(?i:login|authenticate)[ \t]", b"", parts[0])] + parts[1:]


class Session:
    """One session: what was sent, so that a test can say which one gave its secret away."""

    def __init__(self, seed, port):
        self.seed, self.port = seed, port
        self.chance = random.Random(seed)
        self.way, self.answer = self.chance.choice(WAYS), self.chance.choice(ANSWERS)
        self.login = self.chance.choice(list(logins()))
        self.is_bare = self.is_lossy = False
        self.parts = self.make_parts()
        self.talk = pcap.Talk(client_port=port).handshake()
        self.play()

    def make_parts(self):
        """What the client sends, part by part, waiting for the server between them."""
        chance, parts = self.chance, list(self.login)
        if chance.random() < 0.1:
            self.way, parts, self.is_bare = chance.choice(BARE), bare(parts), True
        elif chance.random() < 0.1:
            parts[0] = parts[0].replace(b" ", b"", 1)  # its name runs into what follows
        tag = chance.choice((b"a2 ", b"a2 ", b"a2 ", b"a2", b"", b"A0002 "))
        line = self.way.replace(b"%s", b"\xff").replace(b"%d", b"%d" % chance.choice((1, 5, 12, 17, 22, 30, 45, 60, 90, chance.randrange(200), 900)))
        before, behind = line.split(b"\xff") if b"\xff" in line else (line, b"")
        parts = [tag + parts[0]] + parts[1:]
        parts[0], parts[-1] = before + parts[0], parts[-1] + behind
        if chance.random() < 0.3:
            parts[-1] += b'a5 ID ("name" "z" "version" "1")\r\n'
        damaged = [self.damage(part) for part in parts]
        self.is_plain = damaged == [b'a1 ID ("name" "x")\r\na2 ' + self.login[0]] + self.login[1:]
        return damaged

    def damage(self, part):
        """What a client may do wrong besides."""
        kind = self.chance.random()
        if kind < 0.1:
            return part.replace(b"\r\n", b"\n")
        if kind < 0.15:
            return part.replace(b"\r\n", b"")
        if kind < 0.2:
            at = self.chance.randrange(len(part) + 1)
            return part[:at] + b"\0" + part[at:]
        return part

    def fill(self, line):
        """The answer, with a line of the client in it; or in base64, as what OAuth tells of an error. The password alone is known for
        one where the login is as it should be."""
        error = b'{"status":"400","schemes":"bearer","detail":"' + line.replace(b'"', b"'") + b'"}'
        for mark, octets in ((b"%s", line), (b"%p", SECRET if self.is_plain and not self.is_lossy else b"?"), (b"%b", base64.b64encode(line)), (b"%o", base64.b64encode(error)), (b"%n", b"%d" % len(line))):
            self.answer = self.answer.replace(mark, octets) if mark in self.answer else self.answer
        return self.answer

    def client(self, octets):
        """Sends octets in segments; some are lost, repeated or late."""
        chance = self.chance
        size = chance.choice((1, 3, 7, 16, 50, 2000, 2000, 2000))
        lossy = chance.random() < 0.3
        for at in range(0, len(octets), size):
            piece = octets[at:at + size]
            if lossy and chance.random() < (0.05 if size < 16 else 0.3):
                self.talk.lose(0, len(piece))
                self.is_lossy = True
            else:
                self.talk.client(piece)
                if chance.random() < 0.02:
                    self.talk.again(0, piece, len(piece))

    def play(self):
        chance, pipelined = self.chance, self.chance.random() < 0.4
        for said, answer in chance.choice(PREFACES):
            self.talk.client(said)
            if answer:
                self.talk.server(answer)
        if chance.random() < 0.9:
            self.talk.server(GREETING)
        if pipelined:
            self.client(b"".join(self.parts))
        else:
            for part in self.parts:
                self.client(part)
                if part is not self.parts[-1]:
                    self.talk.server(chance.choice((b"+ \r\n", b"+ go\r\n", b"", b"+ VXNlcm5hbWU6\r\n")))
        said = b"".join(self.parts)
        name = re.search(b"(?i)login|authenticate", said)
        line = chance.choice((said, said[name.start():] if name else said, b"".join(self.login)))
        if self.is_bare and not self.answer.startswith(b"a1"):
            line = b""
        if chance.random() < 0.9:
            self.talk.server(self.fill(re.sub(rb"[\r\n]+", b" ", line).strip()))
        if chance.random() < 0.5:
            self.talk.server(chance.choice((b"a2 OK in\r\n", b"a2 NO Invalid credentials\r\n", b"a2 BAD no\r\n")) + b"a5 OK done\r\n")
        if chance.random() < 0.1:
            self.talk.quote()
        if chance.random() < 0.8:
            self.talk.close()

    def __str__(self):
        return f"seed {self.seed}: {self.parts} {self.answer}"


class Holed:
    """A session of which one run of the client's octets is not in the capture."""

    def __init__(self, port, octets, start, end):
        self.port, self.octets, self.hole = port, octets, (start, end)
        self.talk = pcap.Talk(client_port=port).handshake().server(GREETING)
        if start:
            self.talk.client(octets[:start])
        self.talk.lose(0, end - start)
        if end < len(octets):
            self.talk.client(octets[end:])
        self.talk.server(b"a1 OK\r\na2 OK\r\na3 OK\r\n").close()

    def __str__(self):
        return f"{self.octets} without {self.hole}"


def holed():
    """Every run that can be missing from a few sessions."""
    ports = iter(range(10000, 65000))
    coded = base64.b64encode(b"\0bob\0" + SECRET)
    for login in (b"LOGIN bob " + SECRET, b"LOGIN {3+}\r\nbob {12+}\r\n" + SECRET, b"AUTHENTICATE PLAIN\r\n" + coded, b"AUTHENTICATE PLAIN " + coded):
        octets = b'a1 ID ("name" "x")\r\na2 ' + login + b'\r\na3 ID ("name" {1+}\r\ny)\r\n'
        for start in range(len(octets)):
            for end in range(start + 1, len(octets) + 1):
                yield Holed(next(ports), octets, start, end)


def sessions(seed, n):
    return [Session(f"{seed}/{i}", 10000 + i) for i in range(n)]


def capture(made):
    packets = [packet for session in made for packet in session.talk.packets]
    return pcap.write([(1700000000 + i // 1000, i % 1000 * 1000, *packet[2:]) for i, packet in enumerate(packets)])
