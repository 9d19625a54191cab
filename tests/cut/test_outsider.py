#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cut --scrub, attacked by who knows nothing of it: a second generator of sessions with secrets, of its own forms and packets.

It shares no code with test_leaks.py. Beside what IMAP says, secrets are in headers of packets, tunnels, ICMP and blocks of pcapng.

test_outsider.py IMAPID [--seed N] [--count N] [--keep FOLDER]
"""
import argparse
import base64
import binascii
import pathlib
import random
import ssl
import struct
import subprocess
import sys
import tempfile
import zlib

NAMES = ["quillon", "ferrabosco", "wojtyniak", "oxenbridge", "zabłocki", "müllensiefen", "ñandutí", "Ξενοφῶντας", "黒沢清水", "Жуковская", "hrafnkell", "tzitzimitl", "brzęczyk", "vandermeulen"]


def b64(octets):
    return base64.b64encode(octets).decode()


def mutf7(text):
    """RFC 3501 5.1.3."""
    out, wide = "", ""
    for c in text + "\0":
        if c == "\0" or " " <= c <= "~":
            if wide:
                out += "&" + b64(wide.encode("utf-16-be")).rstrip("=").replace("/", ",") + "-"
                wide = ""
            out += "" if c == "\0" else "&-" if c == "&" else c
        else:
            wide += c
    return out


class Secrets:
    def __init__(self, rand):
        self.rand, self.found = rand, []

    def word(self, ascii_only=True):
        while True:
            name = self.rand.choice(NAMES)
            if not ascii_only or name.isascii():
                break
        tail = "".join(self.rand.choice("qxzjkvw") + self.rand.choice("aeiou") for _ in range(3))
        word = name + tail
        if self.rand.randrange(3) == 0:
            word = word.capitalize()
        self.found.append(word)
        return word

    def wide(self):
        return self.word(False)

    def number(self, n=14):
        digits = self.rand.choice("123456789") + "".join(self.rand.choice("0123456789") for _ in range(n - 1))
        self.found.append(digits)
        return digits

    def hexed(self, n=24):
        word = "".join(self.rand.choice("0123456789abcdef") for _ in range(n))
        self.found.append(word)
        return word

    def v4(self):
        address = ".".join(str(self.rand.randint(100, 254)) for _ in range(4))
        self.found.append(address)
        return address

    def v6(self):
        address = "2a0f:" + ":".join(f"{self.rand.randrange(4096, 65536):x}" for _ in range(7))
        self.found.append(address)
        return address

    def mac(self):
        octets = bytes([0x3C] + [self.rand.randrange(1, 256) for _ in range(5)])
        self.found.append(octets)
        return octets


# ---- what is said: (who, octets) ----

def talk_of(s, r):
    """Some exchanges of each kind; tags are the caller's."""
    host = lambda: f"{s.word()}.{s.word()}.net".lower()
    user = lambda: f"{s.word()}@{host()}"
    q = lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def astring(text):
        data = text.encode()
        how = r.randrange(3)
        if how == 0 and text.isascii() and not set(text) & set(' (){%*"\\]'):
            return data
        if how == 1:
            return b"{%d+}\r\n" % len(data) + data
        return q(text).encode()

    def answer(text):
        data = text.encode()
        return b"{%d}\r\n" % len(data) + data if r.randrange(2) else q(text).encode()

    box = lambda: r.choice([lambda: mutf7(s.wide()), s.wide, lambda: f"INBOX.{s.word()}", lambda: f"Other Users/{s.word()}/{s.word()}", lambda: f"{s.word()} & {s.word()}".replace("&", "&-"),
                            lambda: f"#news.{s.word()}", lambda: f"{s.word()}/2024-{s.word()}"])()
    url = lambda: f"imap://{s.word()};AUTH=SCRAM-SHA-256@{host()}:1143/{s.word()}/{s.word()};UIDVALIDITY=1078863300/;UID=15/;SECTION=2.MIME"
    address = lambda: b"((" + answer(s.wide()) + b" NIL " + answer(s.word()) + b" " + answer(host()) + b"))"
    message = lambda: (f"Return-Path: <{user()}>\r\nDate: Fri, 3 Jan 2020 10:00:00 +0100\r\nX-Mailer: {s.word()}\r\nMessage-ID: <{s.hexed()}@{host()}>\r\n"
                       f"Subject: =?utf-8?B?{b64(s.wide().encode())}?=\r\n\r\nDear {s.wide()},\r\n{s.number()}\r\n").encode()
    kinds = {
        "list": lambda t: [("C", t + b" LIST \"\" " + astring(f"{s.word()}/%")), ("S", b"* LIST (\\HasChildren \\Archive) \"/\" " + answer(box())), ("S", b"* LIST (\\NonExistent) NIL " + answer(box())), ("S", t + b" OK listed")],
        "lsub": lambda t: [("C", t + b" LSUB " + astring(s.word()) + b" \"*\""), ("S", b"* LSUB (\\Noselect) \".\" " + answer(box())), ("S", t + f" OK {s.word()} has none".encode())],
        "xlist": lambda t: [("C", t + b" XLIST \"\" \"*\""), ("S", b"* XLIST (\\HasNoChildren \\AllMail) \"/\" " + answer(f"[Gmail]/{s.wide()}")), ("S", t + b" OK")],
        "status": lambda t: [("C", t + b" STATUS " + astring(box()) + b" (MESSAGES MAILBOXID SIZE)"), ("S", b"* STATUS " + answer(box()) + f" (MESSAGES 17 MAILBOXID ({s.hexed()}) SIZE 4)".encode()), ("S", t + b" OK")],
        "namespace": lambda t: [("C", t + b" NAMESPACE"), ("S", f'* NAMESPACE (("" "/")("#mh/{s.word()}/" "/")) (("~" "/" "TRANSLATION" ("{mutf7(s.wide())}/"))) (("#public/{s.word()}/" "/"))'.encode()), ("S", t + b" OK")],
        "acl": lambda t: [("C", t + b" SETACL " + astring(box()) + b" " + astring(s.word()) + b" -rw"), ("S", b"* ACL " + answer(box()) + f" {s.word()} rwip -{s.word()} l \"{user()}\" k".encode()), ("S", b"* MYRIGHTS " + answer(box()) + b" lrswi"),
                          ("S", t + f" NO [NOPERM] {s.word()} may not administer {s.word()}".encode())],
        "metadata": lambda t: [("C", t + b" SETMETADATA " + astring(box()) + b" (/private/comment " + astring(s.wide()) + b" /private/vendor/vendor.dovecot/x ~{5}\r\n\0\1\2\3\4)"), ("S", b"* METADATA " + answer(box()) + b" (/shared/comment " + answer(s.wide()) + b")"),
                               ("S", f'* METADATA "" /shared/comment /private/specialuse'.encode()), ("S", t + b" OK [METADATA TOOMANY] done")],
        "annotatemore": lambda t: [("C", t + b" GETANNOTATION " + astring(s.word()) + b" \"/vendor/cmu/*\" (\"value.shared\" \"size.priv\")"), ("S", f'* ANNOTATION "{s.word()}" "/vendor/cmu/cyrus-imapd/lastupdate" ("value.shared" "{s.word()}" "content-type.shared" "text/x-{s.word()}")'.encode()), ("S", t + b" OK")],
        "quota": lambda t: [("C", t + b" GETQUOTAROOT " + astring(box())), ("S", b"* QUOTAROOT " + answer(box()) + b" " + answer(f"user/{s.word()}") + b" " + answer(f"#{s.word()}")), ("S", b"* QUOTA " + answer(f"User quota {s.word()}") + b" (STORAGE 93 1000 MESSAGE 2 9)"), ("S", t + b" OK")],
        "envelope": lambda t: [("C", t + b" FETCH 2:4 (ENVELOPE BODY.PEEK[HEADER.FIELDS (X-" + s.word().encode() + b")])"), ("S", b"* 2 FETCH (INTERNALDATE \" 3-Jan-2020 10:00:00 +0100\" RFC822.SIZE 4286 ENVELOPE (" + answer(f"Fri, 3 Jan 2020 10:00:00 +0100 ({s.word()})") + b" " + answer(f"=?iso-8859-1?Q?{s.word()}?=") + b" " + b" ".join(address() for _ in range(6)) + b" NIL " + answer(f"<{s.hexed()}@{host()}>") + b"))"), ("S", t + b" OK")],
        "bodystructure": lambda t: [("C", t + b" UID FETCH 8 BODYSTRUCTURE"), ("S", b"* 8 FETCH (UID 88 BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\" \"FORMAT\" \"flowed\" \"X-" + s.word().upper().encode() + b"\" " + answer(s.word()) + b") NIL NIL \"QUOTED-PRINTABLE\" 91 4 NIL NIL NIL NIL)(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 342 ("
                                                                            + answer("Mon, 1 Jan 2018 1:00:00 +0000") + b" " + answer(s.wide()) + b" " + b" ".join(address() for _ in range(3)) + b" NIL NIL NIL NIL " + answer(f"<{s.hexed()}@x>") + b") (\"TEXT\" \"HTML\" NIL NIL " + answer(s.word()) + b" \"8BIT\" 3 1) 8 NIL (\"INLINE\" (\"FILENAME*0*\" " + answer("utf-8''" + s.word()) + b" \"FILENAME\" " + answer(f"{s.wide()}.docx") + b")) \"EN\" " + answer(f"file:///home/{s.word()}/x")
                                                                            + b") \"MIXED\" (\"BOUNDARY\" " + answer(f"=_{s.hexed()}") + b") NIL NIL NIL))"), ("S", t + b" OK")],
        "search": lambda t: [("C", t + b" UID SEARCH CHARSET " + r.choice([b"UTF-8", b"ISO-8859-15"]) + b" RETURN (COUNT SAVE) OR (FROM " + astring(user()) + b" NOT SUBJECT " + astring(s.wide()) + b") HEADER " + astring("X-" + s.word()) + b" " + astring(s.word()) + b" KEYWORD " + s.word().encode() + b" ON 3-Jan-2020 LARGER 100"),
                             ("S", b"* ESEARCH (TAG \"" + t + b"\") UID COUNT 4"), ("S", t + f" NO [BADCHARSET (\"UTF-8\")] cannot look for {s.word()}".encode())],
        "searchlit": lambda t: (lambda w: [("C", t + b" SEARCH TEXT {%d}" % len(w)), ("S", b"+ Ready for literal data"), ("C", w + b" X-GM-RAW " + q(f"has:attachment to:{s.word()}").encode()), ("S", b"* SEARCH 4"), ("S", t + b" OK")])(s.wide().encode()),
        "gmail": lambda t: [("C", t + b" UID STORE 4 +X-GM-LABELS.SILENT (" + s.word().encode() + b" " + q(mutf7(s.wide())).encode() + b" \\Starred)"), ("S", f'* 4 FETCH (X-GM-MSGID {s.number(18)} X-GM-THRID {s.number(19)} X-GM-LABELS ("\\\\Important" {s.word()} "{mutf7(s.wide())}") UID 4)'.encode()), ("S", t + b" OK Success")],
        "binary": lambda t: [("C", t + b" FETCH 1 (BINARY.PEEK[1.2]<0.100> BINARY.SIZE[1.2])"), ("S", b"* 1 FETCH (BINARY[1.2]<0> " + (lambda m: b"~{%d}\r\n" % len(m) + m)(s.wide().encode() + b"\0\1" + s.word().encode()) + b" BINARY.SIZE[1.2] 40)"), ("S", t + b" OK")],
        "append": lambda t: (lambda m: [("C", t + b" APPEND " + astring(box()) + b" (\\Flagged $MDNSent " + s.word().encode() + b") \" 3-Jan-2020 10:00:00 +0100\" CATENATE (URL " + q(f"/{s.word()}/;UID=20/;SECTION=1.{s.word()}").encode() + b" TEXT {%d+}\r\n" % len(m) + m + b" URL " + q(url()).encode() + b")"), ("S", t + f" NO [BADURL \"/{s.word()};UID=9\"] no {s.word()} there".encode())])(message()),
        "multiappend": lambda t: (lambda m, n: [("C", t + b" APPEND " + astring(s.word()) + b" {%d+}\r\n" % len(m) + m + b" (\\Seen) ~{%d+}\r\n" % len(n) + n), ("S", t + b" OK [APPENDUID 38505 3955:3956] done")])(message(), message()),
        "urlauth": lambda t: [("C", t + b" GENURLAUTH " + q(url() + f";urlauth=user+{s.word()}").encode() + b" XSAMPLE"), ("S", f'* GENURLAUTH "{url()};expire=2031-01-01T00:00:00Z;urlauth=authuser:internal:{s.hexed(32)}"'.encode()), ("S", t + b" OK")],
        "bye": lambda t: [("S", r.choice([f"* OK [ALERT] {s.wide()} {s.word()} owes {s.number()}", f"* NO Disk of {s.word()} on {host()} full (sda: {s.hexed()})", f"* OK [X-{s.word().upper()} {s.hexed()}] see https://{host()}:8443/~{s.word()}/?t={s.hexed()}#x", f"* BAD {s.v4()}: {s.v6()} is not {s.word()}'s", f'* OK "{s.wide()}" logged in from [{s.v6()}]:4711, pid={r.randrange(9999)}, session=<{b64(s.word().encode())}>']).encode())],
        "login": lambda t: [("C", t + b" LOGIN " + astring(user()) + b" " + astring(r.choice([s.wide(), s.word() + ' \\"' + s.word(), s.number()]))), ("S", t + r.choice([f" NO [AUTHENTICATIONFAILED] user {s.word()}@{host()} unknown at {host()} ({s.v4()})", f" OK [REFERRAL {url()}] try {host()}", f" OK {s.word()} authenticated (no protection) SESSIONID=<{host()}-{r.randrange(9999)}-{s.number()}-1-{s.number(17)}>"]).encode())],
        "xoauth2": lambda t: [("C", t + b" AUTHENTICATE XOAUTH2"), ("S", b"+ "), ("C", b64(f"user={user()}\1auth=Bearer ya29.{s.hexed(40)}-{s.word()}\1\1".encode()).encode()), ("S", b"+ " + b64(f'{{"status":"400","schemes":"Bearer","scope":"https://mail.{host()}/","hint":"{s.word()}"}}'.encode()).encode()), ("C", b""), ("S", t + b" NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")],
        "scram": lambda t: (lambda n: [("C", t + b" AUTHENTICATE SCRAM-SHA-1-PLUS " + b64(f"p=tls-exporter,a={s.word()},n={s.wide()},r={n}".encode()).encode()), ("S", b"+ " + b64(f"r={n}{s.word()},s={b64(s.word().encode())},i=10000,m={s.word()}".encode()).encode()),
                                       ("C", b64(f"c={b64(b'p=tls-exporter,,' + s.word().encode())},r={n},p={b64(s.word().encode())}".encode()).encode()), ("S", b"+ " + b64(f"e=unknown-user-{s.word()}".encode()).encode()), ("C", b"*"), ("S", t + b" BAD no")])(s.hexed()),
        "ntlm": lambda t: (lambda d, u, w: [("C", t + b" AUTHENTICATE NTLM " + b64(b"NTLMSSP\0" + struct.pack("<II", 1, 0xA2088207) + bytes(16)).encode()), ("S", b"+ " + b64(b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(d), len(d), 56, 0xA2898205) + bytes(32) + d + struct.pack("<HH", 3, len(w)) + w + bytes(4)).encode()),
                                            ("C", b64(b"NTLMSSP\0" + struct.pack("<I", 3) + b"".join(struct.pack("<HHI", len(x), len(x), 64 + i) for i, x in enumerate((b"", b"", d, u, w, b""))) + struct.pack("<I", 0xA2888205) + d + u + w + s.hexed().encode()).encode()), ("S", t + b" NO")])(s.word().upper().encode("utf-16-le"), s.word().encode("utf-16-le"), s.wide().encode("utf-16-le")),
        "gssapi": lambda t: [("C", t + b" AUTHENTICATE GSSAPI"), ("S", b"+"), ("C", b64(b"\x60\x81\x90\x06\x09*\x86H\x86\xf7\x12\x01\x02\x02\x01\0n\x82" + f"{s.word().upper()}.NET".encode() + b"\xa1\x03\x02\x01\x03imap" + host().encode() + bytes(range(128, 150))).encode()), ("S", b"+ " + b64(b"\x60\x33\x06\x09*\x86H" + s.word().encode()).encode()), ("C", b""), ("S", b"+ " + b64(b"\x05\x04\x01\xff" + bytes(8) + s.word().encode()).encode()), ("C", b64(b"\x01\0\0\0" + s.word().encode()).encode()), ("S", t + b" OK")],
        "external": lambda t: [("C", t + b" AUTHENTICATE EXTERNAL " + b64(user().encode()).encode()), ("S", t + b" OK in")],
        "odd": lambda t: [("C", t + b" X" + s.word().upper().encode() + b" " + s.word().encode() + b" " + astring(s.wide())), ("S", t + f" BAD Unknown command X{s.word()}: {s.word()} (0.001 secs)".encode()), ("S", f"* {s.word().upper()} {s.word()} 7 ({s.word()})".encode())],
        "capability": lambda t: [("S", f"* CAPABILITY IMAP4rev1 ID X-HOST-{s.word()} AUTH=X{s.word()} XID={s.number()} APPENDLIMIT=35651584 CONTEXT={s.word()}".encode())],
        "id": lambda t: [("C", t + b" ID (" + b" ".join(q(a).encode() + b" " + astring(v) for a, v in [("name", "Evolution"), ("version", "3.50"), ("address", f"{s.word()} <{user()}>, {s.v4()}"), ("support-url", f"mailto:{user()}"), ("x-mac", ":".join(f"{o:02x}" for o in s.mac())), ("environment", f"HOME=/Users/{s.word()};LANG=de"), (f"x-{s.word()}", s.v6()), ("host", host()), ("os", f"macOS ({s.word()}s-MBP)"), ("command", f"C:\\Users\\{s.word()}\\m.exe")]) + b")"),
                         ("S", f'* ID ("name" "Cyrus IMAPD" "server" "{host()}" "user" "{s.word()}" "x-session-id" "{s.hexed()}")'.encode()), ("S", t + b" OK")],
        "notify": lambda t: [("C", t + b" NOTIFY SET (personal (MessageNew (FLAGS)) MessageExpunge) (subtree (" + astring(s.word()) + b" " + astring(s.word()) + b") MailboxName)"), ("S", b"* LIST () \"/\" " + answer(box()) + b" (\"OLDNAME\" (" + answer(box()) + b"))"), ("S", t + b" OK")],
        "broken": lambda t: [("C", t + b" SELECT \"" + s.word().encode()), ("S", t + f" BAD missing quote near {s.word()}".encode()), ("C", s.word().encode() + b" " + s.word().encode()), ("S", s.word().encode() + b" BAD what"), ("S", b"* " + s.number().encode() + b" " + s.word().encode())],
        "thread": lambda t: [("C", t + b" SORT (DISPLAYFROM) UTF-8 CC " + astring(s.wide()) + b" MODSEQ \"/flags/" + s.word().encode() + b"\" all 620162338"), ("S", b"* SORT 2 4"), ("S", t + b" OK")],
        "push": lambda t: [("C", t + f" XAPPLEPUSHSERVICE \"aps-version\" \"1\" \"aps-account-id\" \"{s.hexed()}\" \"aps-device-token\" \"{s.hexed(64)}\" mailboxes (INBOX \"{s.word()}\")".encode()), ("S", f"* XAPPLEPUSHSERVICE \"aps-topic\" \"{s.hexed(36)}\"".encode()), ("S", t + b" OK")],
        "setquota": lambda t: [("C", t + b" SETQUOTA " + astring(s.word()) + b" (STORAGE 4)"), ("S", t + b" NO [OVERQUOTA] of " + s.wide().encode())],
        "language": lambda t: [("C", t + b" LANGUAGE " + s.word().encode()), ("S", t + b" NO no " + s.word().encode())],
    }
    greeting = r.choice([f"* OK [CAPABILITY IMAP4rev1 ID] {host()} ({s.v4()}) IMAP server of {s.word()} ready; {b64(s.word().encode())}", f"* OK {host()} InterMail IMAP4 server {s.hexed()} ready Fri, 3 Jan 2020", f"* OK [ALERT] {s.wide()}: IMAP4rev1 Courier-IMAP at {s.v6()}", f"* PREAUTH IMAP4rev1 server logged in as {s.word()}"])
    yield "S", greeting.encode()
    chosen = r.sample(sorted(kinds), r.randint(4, 12))
    for n, kind in enumerate(chosen):
        yield from kinds[kind](b"A%03d" % n)
    yield "C", b"Z999 LOGOUT"
    yield "S", f"* BYE {host()} says goodbye to {s.word()}".encode()
    yield "S", b"Z999 OK"


# ---- packets ----

def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets[:len(octets) & ~1])) + (octets[-1] << 8 if len(octets) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    """A connection with addresses that are secrets, on a network with more of them."""

    def __init__(self, s, r, port):
        self.s, self.r = s, r
        self.is6 = r.randrange(2)
        self.macs = [s.mac(), s.mac()]
        if self.is6:  # EUI-64: the MAC address in it
            ends = [b"\x2a\x0f" + bytes(r.randrange(1, 256) for _ in range(6)) + m[:3] + b"\xff\xfe" + m[3:] for m in self.macs]
        else:
            ends = [bytes(r.randrange(100, 255) for _ in range(4)) for _ in range(2)]
        self.ends = ends
        s.found += ends
        self.outer = [bytes(r.randrange(100, 255) for _ in range(4)) for _ in range(2)] if r.randrange(2) else None
        s.found += self.outer or []
        self.ports = [r.randrange(40000, 60000), port]
        self.seq = [r.randrange(2**32), r.randrange(2**32)]
        self.packets, self.now = [], 1_700_000_000_000_000 + r.randrange(10**12)
        self.cookie = bytes(r.randrange(256) for _ in range(8))
        s.found.append(self.cookie)

    def ip(self, ends, proto, payload, is6):
        if is6:
            return struct.pack("!IHBB", 6 << 28 | self.r.randrange(1 << 20), len(payload), proto, 57) + ends[0] + ends[1] + payload
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), self.r.randrange(65536), 0, 57, proto, 0) + ends[0] + ends[1]
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload

    def segment(self, side, flags, data=b"", seq=None):
        ends = self.ends if not side else self.ends[::-1]
        ports = self.ports if not side else self.ports[::-1]
        options = b"\x01\x01\x08\x0a" + struct.pack("!II", self.now & 0xFFFFFFFF, 7)
        if flags & 2:
            options = b"\x02\x04\x05\xb4\x22\x0a" + self.cookie + b"\x01\x01" + options
        options += b"\0" * (-len(options) % 4)
        seq = self.seq[side] if seq is None else seq
        tcp = struct.pack("!HHIIBBHHH", *ports, seq & 0xFFFFFFFF, self.seq[1 - side] & 0xFFFFFFFF if flags & 16 else 0, (20 + len(options)) << 2 & 0xF0, flags, 64000, 0, 0) + options + data
        pseudo = ends[0] + ends[1] + (struct.pack("!II", len(tcp), 6) if self.is6 else struct.pack("!HH", 6, len(tcp)))
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
        return self.ip(ends, 6, tcp, self.is6)

    def put(self, side, packet, is6=None):
        is6 = self.is6 if is6 is None else is6
        self.now += self.r.randrange(50, 90000)
        macs = self.macs if side else self.macs[::-1]
        frame = macs[0] + macs[1] + (b"\x86\xdd" if is6 else b"\x08\0") + packet
        if self.outer:
            outer = self.outer if not side else self.outer[::-1]
            vxlan = b"\x08\0\0\0\0\0\x07\0" + frame
            frame = macs[1] + macs[0] + b"\x81\0\x00\x07\x08\0" + self.ip(outer, 17, struct.pack("!HHHH", 50001, 4789, 8 + len(vxlan), 0) + vxlan, 0)
        if self.r.randrange(4) == 0:
            trailer = self.s.word().encode()
            frame += trailer
        self.packets.append((self.now, frame))

    def open(self):
        self.put(0, self.segment(0, 2))
        self.seq[0] += 1
        self.put(1, self.segment(1, 18))
        self.seq[1] += 1
        self.put(0, self.segment(0, 16))

    def say(self, side, data, harm):
        at = 0
        while at < len(data):
            n = self.r.choice([1, 3, 17, 200, 1300]) if harm & 1 else 1300
            part = data[at:at + n]
            at += n
            packet = self.segment(side, 24, part)
            lost = harm & 2 and self.r.randrange(30) == 0
            if not lost:
                self.put(side, packet)
            if harm & 4 and self.r.randrange(12) == 0 and not lost:
                other = part if self.r.randrange(2) else bytes(self.r.choice(b"qwertz") for _ in part)
                self.put(side, self.segment(side, 24, other))
            if harm & 8 and len(self.packets) > 2 and self.r.randrange(15) == 0:
                (a, first), (b, second) = self.packets[-2:]
                self.packets[-2:] = [(a, second), (b, first)]
            self.seq[side] += len(part)
            if self.r.randrange(3) == 0:
                self.put(1 - side, self.segment(1 - side, 16))
        if self.r.randrange(40) == 0:  # somebody on the way quotes a packet
            quoted = self.segment(side, 24, data[:8])
            router = bytes(self.r.randrange(100, 255) for _ in range(16 if self.is6 else 4))
            self.s.found.append(router)
            back = [router, self.ends[side]]
            icmp = (b"\x02\0" if self.is6 else b"\x03\x04") + b"\0\0" + struct.pack("!I", 1280) + quoted[:600 if self.is6 else 28]
            self.put(1 - side, self.ip(back, 58 if self.is6 else 1, icmp, self.is6))

    def close(self, is_clear):
        self.put(0, self.segment(0, 17))
        self.seq[0] += 1
        self.put(1, self.segment(1, 17, self.s.word().encode() if is_clear and self.r.randrange(3) == 0 else b""))

    def file(self):
        """pcapng with secrets in all its texts."""
        s = self.s

        def option(code, data):
            return struct.pack("<HH", code, len(data)) + data + b"\0" * (-len(data) % 4)

        def block(kind, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)
        out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(2, s.word().encode()) + option(3, s.word().encode()) + option(4, s.word().encode()) + option(1, s.wide().encode()) + option(0, b""))
        out += block(1, struct.pack("<HHI", 1, 0, 0) + option(2, s.word().encode()) + option(3, s.wide().encode()) + option(6, s.mac()) + option(11, b"\0" + f"host {s.word()}".encode()) + option(12, s.word().encode()) + option(15, s.word().encode()) + option(0, b""))
        out += block(4, struct.pack("<HH", 1, 24) + bytes(4) + s.word().ljust(20, "x").encode()[:19] + bytes(5))
        out += block(0xBAD, struct.pack("<I", 32473) + s.word().encode())
        for now, frame in self.packets:
            comment = option(1, s.wide().encode()) if self.r.randrange(10) == 0 else b""
            out += block(6, struct.pack("<IIIII", 0, now >> 32, now & 0xFFFFFFFF, len(frame), len(frame)) + frame + b"\0" * (-len(frame) % 4) + (comment + option(0, b"") if comment else b""))
        out += block(5, struct.pack("<III", 0, 0, 0) + option(1, s.word().encode()) + option(0, b""))
        return out


def proxied(s, r):
    if r.randrange(2):
        return f"PROXY TCP4 {s.v4()} {s.v4()} {r.randrange(1024, 65536)} 143\r\n".encode()
    tlvs = b"".join(bytes([kind]) + struct.pack("!H", len(v)) + v for kind, v in [(2, f"{s.word()}.net".encode()), (5, s.word().encode()), (0x20, b"\1" + struct.pack("!I", 0) + (lambda c: b"\x22" + struct.pack("!H", len(c)) + c)(s.word().encode())), (0xEA, s.word().encode())])
    ends = bytes(r.randrange(100, 255) for _ in range(8))
    s.found += [ends[:4], ends[4:]]
    body = ends + struct.pack("!HH", 4000, 143) + tlvs
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(body)) + body


class Sealer:
    """TLS of OpenSSL between two ends in memory: its octets, and lines of a key log. The certificate names somebody.

    All lengths are the same each time, so that a seed makes the same session."""

    def __init__(self, s, r, folder):
        self.log = folder / "keys"
        self.log.unlink(missing_ok=True)
        subject = f"/O={s.word()}/CN={s.word()}.net/emailAddress={s.word()}@{s.word()}.net"
        pair = folder / "pair.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-set_serial", "77", "-nodes", "-days", "9", "-subj", subject, "-addext", f"subjectAltName=DNS:{s.word()}.net,IP:{s.v4()}",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
        pair.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
        contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]
        contexts[0].check_hostname, contexts[0].verify_mode = False, ssl.CERT_NONE
        contexts[0].keylog_filename = str(self.log)
        contexts[1].load_cert_chain(pair)
        if r.randrange(2):
            contexts[0].maximum_version = ssl.TLSVersion.TLSv1_2
        self.came, self.sent = [ssl.MemoryBIO(), ssl.MemoryBIO()], [ssl.MemoryBIO(), ssl.MemoryBIO()]
        self.ends = [contexts[0].wrap_bio(self.came[0], self.sent[0], server_hostname=f"{s.word()}.net"), contexts[1].wrap_bio(self.came[1], self.sent[1], server_side=True)]

    def take(self, side):
        octets = self.sent[side].read()
        self.came[1 - side].write(octets)
        return octets

    def shake(self):
        done = [False, False]
        while not all(done):
            for side in 0, 1:
                try:
                    self.ends[side].do_handshake()
                    done[side] = True
                except ssl.SSLWantReadError:
                    pass
                octets = self.take(side)
                if octets:
                    yield side, octets

    def seal(self, side, octets):
        self.ends[side].write(octets)
        sealed = self.take(side)
        try:
            self.ends[1 - side].read(1 << 20)
        except ssl.SSLWantReadError:
            pass
        return sealed


# ---- the search ----

def forms(secret):
    """Octets that tell of the secret, and whether case counts."""
    if isinstance(secret, bytes):
        yield secret, True
        yield secret[::-1], True
        yield binascii.hexlify(secret), False
        yield b":".join(b"%02x" % c for c in secret), False
        if len(secret) == 4:
            yield b".".join(b"%d" % c for c in secret), True
        return
    if secret.count(".") == 3 and secret.replace(".", "").isdigit():
        yield from forms(bytes(map(int, secret.split("."))))
    texts = {secret, secret.lower(), secret.upper(), secret.capitalize()}
    for text in texts:
        yield text.encode(), False
        yield mutf7(text).encode(), True
        for code in ("utf-8", "utf-16-le", "utf-16-be"):
            octets = text.encode(code)
            yield octets, True
            yield octets[::-1], True
            yield binascii.hexlify(octets), False
            for shift in range(3):
                chars = base64.b64encode(bytes(shift) + octets)[-(-shift * 8 // 6):(shift + len(octets)) * 8 // 6]
                yield chars, True
                yield chars.replace(b"/", b",").replace(b"+", b"-"), True
                yield chars.replace(b"/", b"_").replace(b"+", b"-"), True
        yield "".join(f"%{c:02x}" for c in text.encode()).encode(), False
        yield "".join(f"={c:02x}" for c in text.encode()).encode(), False


def look(secrets, octets):
    """Of a file of raw IPv6: it, and what each side says."""
    data, at = [octets], 0
    sides = {}
    while at < len(octets):
        kind, n = struct.unpack_from("<II", octets, at)
        if kind == 6:
            caught = struct.unpack_from("<I", octets, at + 20)[0]
            packet = octets[at + 28:at + 28 + caught]
            if packet[6] == 6:
                sides.setdefault(packet[8:44], bytearray()).extend(packet[40 + (packet[52] >> 4) * 4:])
        at += n
    data += [bytes(side) for side in sides.values()]
    small = [d.lower() for d in data]
    for secret in secrets:
        for form, cased in forms(secret):
            if len(form) < 4:
                continue
            if any(form in d for d in data) if cased else any(form.lower() in d for d in small):
                yield secret, form
                break


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imapid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    n_secrets = n_leaks = n_refused = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(arguments.keep or name)
        key = pathlib.Path(name) / "pseudonyms"
        key.write_bytes(b"sixteen octets or more")
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            r = random.Random(f"outsider {seed}")
            s = Secrets(r)
            harm = r.choice([0, 0, 1, 9, 3, 5, 15])
            kind = r.choice(["clear", "clear", "starttls", "tls"])
            wire = Wire(s, r, 993 if kind == "tls" else 143)
            wire.open()
            if r.randrange(4) == 0:
                wire.say(0, proxied(s, r), harm & 9)
            packers = sealer = None
            is_packed = r.randrange(3) == 0
            if kind != "clear" or is_packed:
                harm &= ~2  # behind octets that are missing neither can be read
            if kind == "tls":
                sealer = Sealer(s, r, pathlib.Path(name))
                for side, octets in sealer.shake():
                    wire.say(side, octets, harm)

            def say(side, octets):
                side = "CS".index(side)
                if packers:
                    octets = packers[side].compress(octets) + packers[side].flush(zlib.Z_SYNC_FLUSH)
                wire.say(side, sealer.seal(side, octets) if sealer else octets, harm)
            for n, (side, line) in enumerate(talk_of(s, r)):
                say(side, line + b"\r\n")
                if n == 0 and kind == "starttls" and b"PREAUTH" not in line:
                    say("C", b"Y0 STARTTLS\r\n")
                    say("S", b"Y0 OK begin\r\n")
                    sealer = Sealer(s, r, pathlib.Path(name))
                    for side, octets in sealer.shake():
                        wire.say(side, octets, harm)
                if n == 0 and is_packed:
                    say("C", b"Y1 COMPRESS DEFLATE\r\n")
                    say("S", b"Y1 OK active\r\n")
                    packers = [zlib.compressobj(wbits=-15) for _ in range(2)]
            wire.close(not sealer and not packers)
            keys = ["-l", sealer.log] if sealer else []
            path, out = folder / f"{seed}.pcapng", folder / f"{seed}-out.pcapng"
            path.write_bytes(wire.file())
            done = subprocess.run([arguments.imapid, "cut", "-q", "--scrub", "--bug-report", "--redact-key", key, *keys, "-w", out, path], capture_output=True, check=False, timeout=60)
            if done.returncode:
                n_refused += 1
                print(f"seed {seed}: refused (harm {harm}): {done.stderr.decode(errors='replace').strip()}")
                continue
            n_secrets += len(s.found)
            for secret, form in [*look(s.found, out.read_bytes()), *((x, f) for x in s.found if isinstance(x, str) for f, _ in forms(x) if f.lower() in done.stdout.lower())]:
                n_leaks += 1
                print(f"seed {seed}: {secret} came out as {form}")
    print(f"{arguments.count} sessions, {n_secrets} secrets: {n_leaks} came out, {n_refused} sessions were refused")
    return 1 if n_leaks or n_refused > arguments.count // 10 else 0


if __name__ == "__main__":
    sys.exit(main())
