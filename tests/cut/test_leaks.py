#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""cut --scrub lets nothing of anybody out: sessions with a mark of its own in each place that may hold something personal.

The places are written down here by the RFCs, and looked for by code that knows nothing of the masks. A mark is looked for as it is,
backwards, in hexadecimal, in base64, UTF-16, modified UTF-7, quoted-printable and percent-encoding, in the file, in
what the packets of each side carry together, and in the bug report.

test_leaks.py IMAPID [--seed N] [--count N] [--show] [--keep FOLDER]
"""
import argparse
import base64
import binascii
import hashlib
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / folder) for folder in ("dissector", "parity"))]
import pcap  # noqa: E402
import pcapng  # noqa: E402
import tls13  # noqa: E402

CONSONANTS, VOWELS = "bdfgklmnprstvwz", "aeiou"


class Maker:
    """Lines of a session, and the marks in them."""

    def __init__(self, rand):
        self.rand, self.marks = rand, []
        self.user = self.w()  # whose name stands in that of a program, too

    def syllables(self, n):
        return "".join(self.rand.choice(CONSONANTS) + self.rand.choice(VOWELS) for _ in range(n))

    def keep(self, mark):
        self.marks.append(mark)
        return mark

    def m(self):
        """A mark of ASCII that may be an atom."""
        kind = self.rand.randrange(6)
        if kind == 0:
            return self.keep("".join(self.rand.choice("0123456789") for _ in range(self.rand.randint(11, 14))))
        if kind == 1:
            return self.keep("".join(self.rand.choice("bcdfghjkmnpqrstvwxz23456789BCDFGHJKMNPQRSTVWXZ") for _ in range(12)))
        if kind == 2:
            return self.keep(self.syllables(4).upper())
        if kind == 3:
            first, second = self.keep(self.syllables(4)), self.keep(self.syllables(4))
            return first + self.rand.choice(".-_") + second
        return self.keep(self.syllables(5).capitalize())

    def w(self):
        """A mark of letters: a word."""
        return self.keep(self.syllables(5).capitalize())

    def u(self):
        """A mark that need not be ASCII."""
        if self.rand.randrange(3):
            return self.m()
        return self.keep("".join(self.rand.choice("äöüßéèñøåçжшщюябдгфπλσωθ日本語漢字山川田中") for _ in range(7)))

    def host(self):
        return f"{self.w()}.{self.w()}.example".lower()

    def ip(self):
        octets = [self.rand.randint(101, 223) for _ in range(4)]
        return self.keep(".".join(map(str, octets)))

    def mail(self):
        return f"{self.m()}@{self.host()}"

    def token(self):
        return self.keep("".join(self.rand.choice("bcdfghjkmnpqrstvwxzBCDFGHJKMNPQRSTVWXZ0123456789") for _ in range(32)))

    def hex(self, n=32):
        return self.keep("".join(self.rand.choice("0123456789abcdef") for _ in range(n)))

    def string(self, text, literals=True):
        """In one of the forms of a string; bytes, and where the client waits None stands for the server's word."""
        octets = text.encode() if isinstance(text, str) else text
        kinds = ["quoted", "literal", "plus", "minus"] if literals else ["quoted"]
        if octets and all(c > 32 and c < 127 and c not in b'(){"%*\\]' for c in octets):
            kinds.append("atom")
        kind = self.rand.choice(kinds)
        if kind == "quoted" and not set(octets) & set(b"\r\n\0"):
            return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        if kind == "atom":
            return octets
        return b"{%d%s}\r\n" % (len(octets), b"+" if kind in ("plus", "minus") else b"") + (b"\0WAIT" if kind == "literal" else b"") + octets

    def server_string(self, text):
        octets = text.encode() if isinstance(text, str) else text
        if self.rand.randrange(2):
            return b"{%d}\r\n" % len(octets) + octets
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def utf7(text):
    out = []
    for c in text:
        if " " <= c <= "~":
            out.append(c if c != "&" else "&-")
        else:
            wide = base64.b64encode(c.encode("utf-16-be")).decode().rstrip("=").replace("/", ",")
            out.append(f"&{wide}-")
    return "".join(out).replace("-&", "-&")


def b64(octets):
    return base64.b64encode(octets if isinstance(octets, bytes) else octets.encode())


def percent(text):
    return "".join(f"%{c:02X}" for c in text.encode())


def quoted_printable(text):
    return "".join(f"={c:02X}" for c in text.encode())


# ---- places. Each gives turns: (side, octets of a line without its end) ----

def place_greeting(k, tag):
    forms = [lambda: f"* OK {k.host()} IMAP4rev1 ready {k.hex()}", lambda: f"* OK [CAPABILITY IMAP4rev1 ID] Dovecot ready. <{k.m()}@{k.host()}>",
             lambda: f"* OK Gimap ready for requests from {k.ip()} {k.token()}", lambda: f"* OK {k.host()} Cyrus IMAP 3.6.1 server ready [{k.w()}]",
             lambda: f"* PREAUTH [ALERT] welcome {k.w()} ({k.mail()})", lambda: f"* OK The Microsoft Exchange IMAP4 service is ready. [{b64(k.w()).decode()}]"]
    return [("S", k.rand.choice(forms)().encode())]


def place_login(k, tag):
    user = k.rand.choice([k.m, k.mail, k.u, lambda: f"{k.user}@{k.host()}".lower()])()
    password = k.rand.choice([k.u, lambda: k.m() + "\\\"" + k.m(), lambda: "pa ss " + k.m()])()
    answer = k.rand.choice([f"NO [AUTHENTICATIONFAILED] Invalid credentials for {user}", f"OK [CAPABILITY IMAP4rev1] Logged in as {user} from {k.ip()}",
                            f"NO [ALERT] Please log in via your web browser: https://{k.host()}/{k.m()}?{k.w()}={k.token()} (Failure)",
                            f"NO [UNAVAILABLE] Temporary authentication failure. [{k.host()}:2026-11-27 07:26:12]",
                            f"NO [REFERRAL imap://{k.w()};AUTH=*@{k.host()}/] Specified user is invalid on this server. Try {k.host()}.",
                            f"NO login for user={k.m()} session=<{k.token()}> failed, {k.w()} said no", f"OK Welcome back, {k.w()} {k.w()}!"])
    return [("C", tag + b" LOGIN " + k.string(user) + b" " + k.string(password)), ("S", tag + b" " + answer.encode())]


def place_plain(k, tag):
    message = b64(f"{k.rand.choice(['', k.m()])}\0{k.u()}\0{k.u()}{k.rand.choice(['', '!$%'])}")
    end = ("S", tag + k.rand.choice([b" OK done", b" NO [AUTHENTICATIONFAILED] no " + k.mail().encode()]))
    if k.rand.randrange(2):
        return [("C", tag + b" AUTHENTICATE PLAIN " + message), end]
    return [("C", tag + b" AUTHENTICATE PLAIN"), ("S", b"+ "), ("C", message), end]


def place_auth_login(k, tag):
    return [("C", tag + b" AUTHENTICATE LOGIN"), ("S", b"+ VXNlcm5hbWU6"), ("C", b64(k.mail())), ("S", b"+ UGFzc3dvcmQ6"), ("C", b64(k.u())), ("S", tag + b" NO " + k.w().encode())]


def place_cram(k, tag):
    digest = hashlib.md5(k.m().encode()).hexdigest()
    return [("C", tag + b" AUTHENTICATE CRAM-MD5"), ("S", b"+ " + b64(f"<{k.m()}.{k.rand.randint(10**9, 10**10)}@{k.host()}>")),
            ("C", b64(f"{k.mail()} {k.keep(digest)}")), ("S", tag + b" OK done")]


def place_digest(k, tag):
    return [("C", tag + b" AUTHENTICATE DIGEST-MD5"),
            ("S", b"+ " + b64(f'realm="{k.host()}",nonce="{k.token()}",qop="auth",charset=utf-8,algorithm=md5-sess')),
            ("C", b64(f'username="{k.w()}",realm="{k.w()}",nonce="{k.token()}",cnonce="{k.token()}",nc=00000001,qop=auth,digest-uri="imap/{k.host()}",response={k.hex()},charset=utf-8')),
            ("S", b"+ " + b64(f"rspauth={k.hex()}")), ("C", b""), ("S", tag + b" OK done")]


def place_scram(k, tag):
    nonce, more = k.token(), k.token()
    user, authzid = k.w(), k.rand.choice(["", f"a={k.w()}"])
    return [("C", tag + b" AUTHENTICATE SCRAM-SHA-256 " + b64(f"n,{authzid},n={user},r={nonce}")),
            ("S", b"+ " + b64(f"r={nonce}{more},s={b64(k.w()).decode()},i=4096")),
            ("C", b64(f"c=biws,r={nonce}{more},p={b64(k.token()).decode()}")),
            ("S", b"+ " + b64(f"v={b64(k.token()).decode()}")), ("C", b""), ("S", tag + b" OK done")]


def place_oauth(k, tag):
    scope = b64(f'{{"status":"{k.rand.choice(["400", "401", "invalid_token"])}","schemes":"bearer","scope":"https://{k.host()}/{k.w()}"}}')
    jwt = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ('{"alg":"none"}', f'{{"sub":"{k.w()}","email":"{k.mail()}"}}', k.token()))
    if k.rand.randrange(2):
        message = f"n,a={k.mail()},\1host={k.host()}\1port=993\1auth=Bearer {k.rand.choice([k.token(), jwt])}\1\1"
        return [("C", tag + b" AUTHENTICATE OAUTHBEARER " + b64(message)), ("S", b"+ " + scope), ("C", b"AQ=="), ("S", tag + b" NO no")]
    message = f"user={k.mail()}\1auth=Bearer {k.rand.choice([k.token(), jwt])}\1\1"
    return [("C", tag + b" AUTHENTICATE XOAUTH2 " + b64(message)), ("S", b"+ " + scope), ("C", b""), ("S", tag + b" NO no")]


def place_ntlm(k, tag):
    def message(kind, head, texts):
        at, fields, data = head, b"", b""
        for text in texts:
            wide = text.encode("utf-16-le")
            fields += struct.pack("<HHI", len(wide), len(wide), at)
            at += len(wide)
            data += wide
        body = b"NTLMSSP\0" + struct.pack("<I", kind) + fields
        return b64(body.ljust(head, b"\0") + data)
    domain = message(1, 32, [])
    first = b64(b"NTLMSSP\0" + struct.pack("<II", 1, 0xB207) + struct.pack("<HHI", 9, 9, 40) + struct.pack("<HHI", 9, 9, 49) + bytes(8) + k.keep(k.syllables(5).upper())[:9].encode() + k.keep(k.syllables(5).upper())[:9].encode())
    return [("C", tag + b" AUTHENTICATE NTLM"), ("S", b"+ "), ("C", k.rand.choice([domain, first])), ("S", b"+ " + message(2, 56, [k.w()])),
            ("C", message(3, 72, [k.w(), k.w(), k.w()])), ("S", tag + b" OK done")]


def place_gssapi(k, tag):
    ticket = b"\x60\x82\x02\x30\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02" + k.w().encode() + b"\xa2\x03" + k.host().encode() + b"\x90\x91"
    return [("C", tag + b" AUTHENTICATE GSSAPI " + b64(ticket)), ("S", b"+ " + b64(b"\x05\x04\x05\xff" + k.w().encode())), ("C", b"*"), ("S", tag + b" BAD aborted")]


def place_unknown_mechanism(k, tag):
    return [("C", tag + f" AUTHENTICATE X-{k.w()} ".encode() + b64(k.u())), ("S", b"+ " + b64(k.u())), ("C", b64(k.mail())), ("S", tag + f" NO Unsupported authentication mechanism {k.w()}.".encode())]


def place_url(k, tag):
    url = f"imap://{k.w()}:{k.w()}@{k.host()}/{percent(k.w())}/{k.m()};UIDVALIDITY=385759045/;UID=20;SECTION=1.2"
    return [("C", tag + f" CATENATE {k.w()}".encode()), ("S", tag + f' NO [BADURL "{url}"] {url} cannot be resolved'.encode())]


def place_mailboxes(k, tag):
    name = k.rand.choice([k.m(), f"INBOX/{k.w()}/{k.m()}", f"user/{k.w()}/Sent", utf7(k.u()), f"Shared Folders/{k.w()}", k.u(), f"{k.w()} {k.w()} (old)"])
    box = k.string(name)
    command = k.rand.choice([b"SELECT", b"EXAMINE", b"CREATE", b"DELETE", b"SUBSCRIBE", b"UNSUBSCRIBE", b"STATUS", b"MYRIGHTS", b"GETACL", b"GETQUOTAROOT"])
    more = b" (MESSAGES UIDNEXT)" if command == b"STATUS" else b""
    return [("C", tag + b" " + command + b" " + box + more), ("S", b'* LIST (\\HasNoChildren) "/" ' + k.server_string(name)), ("S", b'* LSUB () "." ' + k.server_string(k.m())),
            ("S", tag + f" NO [NONEXISTENT] Mailbox doesn't exist: {name}".encode())]


def place_rename(k, tag):
    return [("C", tag + b" RENAME " + k.string(k.m()) + b" " + k.string(utf7(k.u()))), ("S", tag + f" NO [ALREADYEXISTS] {k.w()} exists".encode())]


def place_list(k, tag):
    return [("C", tag + b" LIST (SUBSCRIBED) " + k.string(k.w()) + b" (" + k.string(k.w() + "/%") + b" *) RETURN (CHILDREN STATUS (MESSAGES))"),
            ("S", b'* LIST (\\Sent) "/" ' + k.server_string(k.u()) + b' ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" (' + k.server_string(k.w()) + b"))"),
            ("S", b"* STATUS " + k.server_string(k.u()) + b" (MESSAGES 3)"), ("S", tag + b" OK done")]


def place_namespace(k, tag):
    return [("C", tag + b" NAMESPACE"), ("S", f'* NAMESPACE (("{k.w()}/" "/")) (("user/{k.w()}/" "/")("~{k.w()}" "/" "X-PARAM" ("{k.w()}"))) (("#shared.{k.w()}." "."))'.encode()), ("S", tag + b" OK done")]


def place_quota(k, tag):
    root = k.w()
    return [("C", tag + b" SETQUOTA " + k.string(root) + b" (STORAGE 512)"), ("S", f'* QUOTA "{k.w()}" (STORAGE 10 512)'.encode()),
            ("S", b"* QUOTAROOT " + k.server_string(k.u()) + b" " + k.server_string(k.m())), ("S", tag + f" NO [OVERQUOTA] Quota exceeded (mailbox for {k.mail()} is full)".encode())]


def place_acl(k, tag):
    return [("C", tag + b" SETACL " + k.string(k.u()) + b" " + k.string(k.mail()) + b" +lrs"), ("C", tag + b"x DELETEACL " + k.string(k.m()) + b" " + k.string("-" + k.w())),
            ("C", tag + b"y LISTRIGHTS " + k.string(k.m()) + b" " + k.string(k.w())),
            ("S", b"* ACL " + k.server_string(k.u()) + f' {k.w()} lrswipkxtecda "{k.mail()}" lr group:{k.w()} l'.encode()),
            ("S", b"* LISTRIGHTS " + k.server_string(k.u()) + f" {k.w()} la r swicdkxte".encode()), ("S", tag + b" OK done"), ("S", tag + b"x NO no"), ("S", tag + b"y OK done")]


def place_metadata(k, tag):
    return [("C", tag + b" SETMETADATA " + k.string(k.u()) + b" (/private/comment " + k.string(k.u()) + b" /shared/vendor/cmu/cyrus-imapd/sieve " + k.string(k.w()) + b")"),
            ("C", tag + b"x GETMETADATA (MAXSIZE 1024 DEPTH infinity) " + k.string(k.m()) + f" (/shared/comment /private/vendor/{k.w()}/{k.w()})".encode()),
            ("S", b"* METADATA " + k.server_string(k.u()) + b" (/shared/comment " + k.server_string(k.u()) + b" /shared/admin " + k.server_string("mailto:" + k.mail()) + b")"),
            ("S", b'* METADATA "" (/shared/comment "' + k.w().encode() + b'")'), ("S", tag + b" OK done"), ("S", tag + b"x OK [METADATA LONGENTRIES 2199] done")]


def place_annotate(k, tag):
    return [("C", tag + b' SETANNOTATION "' + k.w().encode() + b'" "/comment" ("value.priv" "' + k.w().encode() + b'")'), ("S", f'* ANNOTATION "{k.w()}" "/comment" ("value.shared" "{k.w()}")'.encode()), ("S", tag + b" OK done")]


def place_notify(k, tag):
    return [("C", tag + b" NOTIFY SET STATUS (selected MessageNew (UID BODY.PEEK[HEADER.FIELDS (" + k.w().encode() + b")]) MessageExpunge) (subtree " + k.string(k.u(), False) + b" MessageNew) (mailboxes (" + k.string(k.m(), False) + b" " + k.string(k.w(), False) + b") MessageNew)"),
            ("S", b"* STATUS " + k.server_string(k.m()) + b" (MESSAGES 4)"), ("S", tag + b" OK done")]


def place_search(k, tag):
    keys = [lambda: b"SUBJECT " + k.string(k.u()), lambda: b"HEADER " + k.string(k.w()) + b" " + k.string(k.u()), lambda: b"KEYWORD " + k.w().encode(), lambda: b"FROM " + k.string(k.mail()),
            lambda: b"OR TO " + k.string(k.w()) + b" (BCC " + k.string(k.m()) + b" CC " + k.string(k.w()) + b")", lambda: b"NOT TEXT " + k.string(k.u()), lambda: b"BODY " + k.string(k.w()),
            lambda: b"SINCE 1-Jan-2020", lambda: b"X-GM-RAW " + k.string("from:" + k.w()), lambda: b"UID 1:5", lambda: b"FUZZY SUBJECT " + k.string(k.w()), lambda: b"UNKEYWORD " + k.w().encode()]
    chosen = b" ".join(key() for key in k.rand.sample(keys, 5))
    verb = k.rand.choice([b"SEARCH CHARSET UTF-8 ", b"UID SEARCH RETURN (MIN ALL) ", b"UID SORT (REVERSE DATE) UTF-8 ", b"THREAD REFERENCES UTF-8 ", b"SEARCH "])
    return [("C", tag + b" " + verb + chosen), ("S", b"* SEARCH 1 2 3"), ("S", f'* ESEARCH (TAG "{tag.decode()}") UID ALL 1:3'.encode()), ("S", tag + f" BAD [BADCHARSET (UTF-8)] Error in {k.w()}".encode())]


def address(k):
    return b"((" + b" ".join((k.server_string(k.u()), b"NIL", k.server_string(k.m()), k.server_string(k.host()))) + b"))"


def place_fetch(k, tag):
    envelope = b"ENVELOPE (" + k.server_string(f"Mon, 7 Feb 1994 21:52:25 -0800 ({k.w()})") + b" " + k.server_string(f"=?UTF-8?B?{b64(k.u()).decode()}?= {k.u()} =?utf-8?Q?{quoted_printable(k.w())}?=") + b" " + b" ".join(
        k.rand.choice([b"NIL", address(k)]) for _ in range(6)) + b" " + k.server_string(f"<{k.m()}@{k.host()}>") + b" " + k.server_string(f"<{k.m()}@{k.host()}>") + b")"
    structure = (b'BODYSTRUCTURE (("TEXT" "PLAIN" ("CHARSET" "UTF-8" "NAME" ' + k.server_string(k.u()) + b") " + k.server_string(f"<{k.m()}@{k.host()}>") + b" " + k.server_string(k.u()) + b' "7BIT" 10 2 '
                 + k.server_string(k.hex()) + b' ("ATTACHMENT" ("FILENAME" ' + k.server_string(k.u() + ".pdf") + b')) ("DE" "EN") ' + k.server_string(f"http://{k.host()}/{k.w()}")
                 + b') ("APPLICATION" ' + k.server_string("x-" + k.w()) + b' ("NAME*" "UTF-8\'\'' + percent(k.w()).encode() + b'") NIL NIL "BASE64" 99) "MIXED" ("BOUNDARY" "' + k.token().encode() + b'"))')
    message = f"From: {k.u()} <{k.mail()}>\r\nSubject: {k.u()}\r\n\r\n{k.u()} {quoted_printable(k.w())}\r\n{b64(k.w() * 3).decode()}\r\n"
    items = [envelope, structure, b"BODY[HEADER.FIELDS (Subject " + k.w().encode() + b")] " + k.server_string(message), b"BODY[]<0> " + k.server_string(message), b"RFC822.HEADER " + k.server_string(message),
             b"FLAGS (\\Seen $Forwarded " + k.w().encode() + b")", b"EMAILID (" + k.token().encode() + b")", b"THREADID (" + k.token().encode() + b")", b"X-GM-LABELS (" + k.server_string(k.u()) + b" \\Inbox " + k.w().encode() + b")",
             b"X-GM-MSGID " + k.keep("".join(k.rand.choice("123456789") for _ in range(19))).encode(), b"PREVIEW " + k.server_string(k.u()), b"X-" + k.w().encode() + b" " + k.server_string(k.u()),
             b"BINARY[1] ~{%d}\r\n" % len(message.encode()) + message.encode(), b"ANNOTATION (/comment (value.priv " + k.server_string(k.w()) + b"))", b"SNIPPET (FUZZY " + k.server_string(k.u()) + b")"]
    chosen = b" ".join(k.rand.sample(items, 5))
    return [("C", tag + b" UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (Subject X-" + k.w().encode() + b")] ENVELOPE)"), ("S", b"* 1 FETCH (UID 9 " + chosen + b")"), ("S", tag + b" OK done")]


def place_append(k, tag):
    message = f"From: {k.u()} <{k.mail()}>\r\nReceived: from {k.host()} ([{k.ip()}])\r\nSubject: {k.u()}\r\n\r\n{k.u()}\r\n".encode()
    kind = k.rand.choice([b"{%d}\r\n\0WAIT", b"{%d+}\r\n", b"UTF8 (~{%d+}\r\n"])
    return [("C", tag + b" APPEND " + k.string(k.u()) + b" (\\Seen " + k.w().encode() + b') "17-Jul-2026 02:44:25 -0700" ' + kind % len(message) + message + (b")" if b"UTF8" in kind else b"")), ("S", tag + b" OK [APPENDUID 38505 3955] done")]


def place_append_short(k, tag):
    """The count is too small: what is left is read as commands, and comes back in BADs."""
    message = f"From: {k.mail()}\r\nSubject: {k.u()}\r\n\r\nHello {k.w()} and {k.w()}\r\n{k.w()} {k.w()}\r\n".encode()
    words = message.split(b"\r\n")[3].split(b" ")
    return [("C", tag + b" APPEND INBOX {%d+}\r\n" % (len(message) // 2) + message), ("S", tag + b" BAD Error in IMAP command APPEND: Invalid arguments."), ("S", words[0] + b" BAD Error in IMAP command " + words[1].upper() + b": Unknown command."), ("S", b"* BAD " + k.w().encode())]


def place_store(k, tag):
    return [("C", tag + b" STORE 1 +FLAGS (\\Deleted " + k.w().encode() + b")"), ("S", b"* FLAGS (\\Seen \\Deleted " + k.w().encode() + b")"), ("S", b"* OK [PERMANENTFLAGS (\\Seen " + k.w().encode() + b" \\*)] Flags permitted."), ("S", tag + f" BAD Unknown flag {k.w()}".encode())]


def place_urlauth(k, tag):
    url = f"imap://{k.w()}@{k.host()}/{k.w()}/;uid=20;expire=2026-12-01T00:00:00Z;urlauth=submit+{k.w()}"
    return [("C", tag + f' GENURLAUTH "{url}" INTERNAL'.encode()), ("S", f'* GENURLAUTH "{url}:internal:{k.hex()}"'.encode()), ("S", tag + b" OK done"),
            ("C", tag + f'x URLFETCH "{url}:internal:{k.hex()}"'.encode()), ("S", f'* URLFETCH "{url}" '.encode() + k.server_string(k.u())), ("S", tag + b"x OK done"),
            ("C", tag + b"y RESETKEY " + k.string(k.m()) + b" INTERNAL"), ("S", tag + b'y OK [URLMECH INTERNAL XSAMPLE="' + k.token().encode() + b'"] done')]


def place_push(k, tag):
    return [("C", tag + f" XAPPLEPUSHSERVICE aps-version 2 aps-account-id {k.token()} aps-device-token {k.hex()} aps-subtopic com.apple.mobilemail mailboxes (INBOX {k.w()})".encode()),
            ("S", f'* XAPPLEPUSHSERVICE aps-version "2" aps-topic "com.apple.mail.XServer.{k.hex()}"'.encode()), ("S", tag + b" OK done")]


def place_clientid(k, tag):
    return [("C", tag + f" CLIENTID UUID {k.token()}".encode()), ("S", tag + f" BAD Unknown command: CLIENTID UUID {k.token()}".encode())]


def place_id(k, tag):
    fields = [("name", "Thunderbird"), ("version", "128.0"), ("x-" + k.w(), k.m()), ("user", k.mail()), ("address", k.ip()), ("environment", k.u()), ("support-url", f"https://{k.host()}/{k.w()}"), ("host", k.host()),
              ("name", k.w() + "'s iPhone"), ("os", f"Linux of {k.user}"), ("arguments", k.u()), ("x-originating-ip", k.ip()), ("guid", k.hex()), ("vendor", k.mail()), ("command", f"/home/{k.w()}/bin/{k.w()}")]
    pairs = b" ".join(k.string(a, False) + b" " + k.string(b) for a, b in k.rand.sample(fields, 6))
    server = b" ".join(b'"%s" "%s"' % (a.encode(), b.encode()) for a, b in [("name", "Dovecot"), ("x-" + k.w(), k.m()), ("remote-host", k.host())])
    return [("C", tag + b" ID (" + pairs + b")"), ("S", b"* ID (" + server + b")"), ("S", tag + b" OK ID completed.")]


def place_bye(k, tag):
    texts = [f"* BYE {k.host()} closing, {k.w()} was too long idle [{k.ip()}]", f"* BYE [ALERT] Too many connections of {k.mail()} from {k.ip()} (session {k.token()})", f"* OK [ALERT] Dear {k.w()} {k.w()}, your password {k.m()} expires; call {k.w()}",
             f"* NO [INUSE] {k.w()} is locked by {k.w()}@{k.w()} pid 40123", f"* OK [HIGHESTMODSEQ 12] {k.w()}", f"* OK [{k.w().upper()} {k.m()}] {k.w()}", f"* BAD {k.w()} said '{k.w()}' in \"{k.u()}\"", f"* OK [COMMENT {k.m()}] {b64(k.w()).decode()}",
             f"* {k.w().upper()} {k.m()} (\"{k.u()}\")", f"* OK queue is /var/spool/{k.w()}/{k.w()}.d", f"* OK [MAILBOXID ({k.token()})] Ok", f"* OK Logged in: {k.w()}\\{k.w()} uid={k.w()}"]
    return [("S", k.rand.choice(texts).encode()) for _ in range(2)]


def place_tags(k, tag):
    own = k.w().encode()
    return [("C", own + b" NOOP"), ("S", own + b" OK done"), ("S", k.w().encode() + b" BAD Error in IMAP command " + k.w().encode()), ("C", tag + b" " + k.w().encode() + b" " + k.m().encode() + b" (" + k.string(k.u(), False) + b")"), ("S", tag + b" BAD what is " + k.w().encode())]


def place_capability(k, tag):
    return [("C", tag + b" CAPABILITY"), ("S", f"* CAPABILITY IMAP4rev1 ID AUTH=PLAIN AUTH=X-{k.w()} X-HOST={k.host()} XSERVER{k.w()}".encode()), ("S", tag + b" OK done")]


def place_jmap(k, tag):
    return [("C", tag + b" GETJMAPACCESS"), ("S", f'* JMAPACCESS "https://{k.host()}/{k.w()}/session"'.encode()), ("S", tag + b" OK done")]


def place_proxyauth(k, tag):
    return [("C", tag + b" PROXYAUTH " + k.string(k.u())), ("S", tag + b" OK done"), ("C", tag + b"x UNAUTHENTICATE"), ("S", tag + b"x OK bye " + k.w().encode())]


def place_esearch(k, tag):
    return [("C", tag + b" ESEARCH IN (mailboxes " + k.string(k.w(), False) + b" subtree " + k.string(k.m(), False) + b") SUBJECT " + k.string(k.w(), False)),
            ("S", f'* ESEARCH (TAG "{tag.decode()}" MAILBOX "{k.w()}" UIDVALIDITY 1) UID ALL 4001'.encode()), ("S", tag + b" OK done")]


def place_filters(k, tag):
    return [("C", tag + f" GETMETADATA \"\" /private/filters/values/{k.w()}".encode()), ("S", f'* METADATA "" (/private/filters/values/{k.w()} "SUBJECT {k.w()}")'.encode()), ("S", tag + b" OK done"),
            ("C", tag + f"x SEARCH FILTER {k.w()}".encode()), ("S", tag + f"x NO [UNDEFINED-FILTER {k.w()}] no".encode())]


def place_convert(k, tag):
    return [("C", tag + b' CONVERT 3:4 ("image/png" ("pix-x" "128" "name" "' + k.w().encode() + b'")) BINARY[3]'), ("S", b'* 3 CONVERTED (TAG "' + tag + b'") (BINARY[3] ' + k.server_string(k.w() * 2) + b")"), ("S", tag + b" OK done")]


PLACES = {name[6:]: fn for name, fn in list(globals().items()) if name.startswith("place_")}


def make_turns(k, n):
    """Whole turns: (side, octets), and what a client says behind a literal that it announced stands apart."""
    turns = [("S", line + b"\r\n") for _, line in place_greeting(k, b"")]
    # Whose session it is, is known somewhere; what of this name stands in that of a program goes.
    turns.append(("C", b"z9 LOGIN " + k.user.lower().encode() + b" x\r\n"))
    turns.append(("S", b"z9 OK done\r\n"))
    names = [name for name in PLACES if name != "greeting"]
    for i, name in enumerate(k.rand.sample(names, min(n, len(names)))):
        for side, line in PLACES[name](k, b"a%d" % (i + 1)):
            if side == "S":
                turns.append((side, line + b"\r\n"))
                continue
            parts = line.split(b"\0WAIT")
            for j, part in enumerate(parts):
                turns.append(("C", part + (b"\r\n" if j == len(parts) - 1 else b"")))
                if j < len(parts) - 1:
                    turns.append(("S", b"+ go on\r\n"))
    return turns


def deflate_turns(turns):
    """As they are, with COMPRESS agreed on behind the greeting."""
    packers = {side: zlib.compressobj(wbits=-15) for side in "CS"}
    out = [turns[0], ("C", b"z0 COMPRESS DEFLATE\r\n"), ("S", b"z0 OK active\r\n")]
    for side, octets in turns[1:]:
        out.append((side, packers[side].compress(octets) + packers[side].flush(zlib.Z_SYNC_FLUSH)))
    return out


def seal_turns(rand, turns, key_log):
    """As they are, inside TLS 1.3."""
    out = []
    tls = tls13.Connection(rand, lambda side, octets: out.append(("CS"[side], octets)), key_log)
    return out + [(side, tls.seal("CS".index(side), octets)) for side, octets in turns]


def make_capture(rand, turns, damage, port):
    talk = pcap.Talk(server_port=port).handshake()
    for side, octets in turns:
        at = 0
        while at < len(octets):
            n = len(octets) if not damage & 1 else rand.choice([1, 7, 40, 400, 1400])
            part = octets[at:at + n]
            at += n
            if damage & 2 and rand.randrange(25) == 0:
                talk.lose("CS".index(side), len(part))
            elif side == "C":
                talk.client(part)
            else:
                talk.server(part)
            if damage & 4 and rand.randrange(12) == 0 and len(part) > 3:
                wrong = bytes(rand.choice(b"abcxyz") for _ in part) if rand.randrange(2) else part
                talk.again("CS".index(side), wrong, len(part))
    if damage & 8:
        talk.close()
    return talk.octets()


# ---- the search ----

def spell(mark):
    """All encodings in which it is looked for, in small letters where case tells nothing."""
    octets = mark.lower().encode()
    yield "plain", octets
    yield "backwards", octets[::-1]
    yield "hex", binascii.hexlify(octets)
    yield "hex of capitals", binascii.hexlify(mark.encode())
    yield "percent", percent(mark).lower().encode()
    yield "quoted-printable", quoted_printable(mark).lower().encode()
    for wide in ("utf-16-le", "utf-16-be"):
        yield wide, mark.lower().encode(wide)


def spell_cased(mark):
    for name, octets in ((f"base64 of {name}", octets) for text in {mark, mark.lower(), mark.upper()} for name, octets in (("octets", text.encode()), ("utf-16-le", text.encode("utf-16-le")), ("utf-16-be", text.encode("utf-16-be")))):
        for shift in range(3):
            text = base64.b64encode(b"\0" * shift + octets)
            first, last = -(-shift * 8 // 6), (shift + len(octets)) * 8 // 6
            for variant in {text[first:last], text[first:last].replace(b"/", b",").replace(b"+", b"-")}:
                yield name, variant


def find_leaks(marks, file, report):
    sides = {}
    for packet in pcapng.Capture(file).packets:
        header = 40 + 4 * (packet.data[52] >> 4)
        sides.setdefault(packet.data[8:24], bytearray()).extend(packet.data[header:])
    data = [file, report, *map(bytes, sides.values())]
    lower = [d.lower() for d in data]
    found = []
    for mark in marks:
        # A part of a mark tells of it, too.
        parts = {mark} | ({mark[:8], mark[-8:]} if len(mark) > 9 else set())
        for part in parts:
            for name, octets in spell(part):
                if len(octets) >= 6 and any(octets in d for d in lower):
                    found.append((mark, part, name))
            for name, octets in spell_cased(part):
                if len(octets) >= 9 and any(octets in d for d in data):
                    found.append((mark, part, name))
    return found, data


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("imapid")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--keep", help="the captures stay in this folder")
    arguments = parser.parse_args()
    n_leaks = n_refused = n_marks = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        key = folder / "key"
        key.write_bytes(b"sixteen octets or more")
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            rand = random.Random(seed)
            k = Maker(rand)
            turns = make_turns(k, rand.choice([3, 8, 20]))
            damage = rand.choice([0, 0, 1, 8, 3, 5, 15]) | 8
            said = deflate_turns(turns) if seed % 4 == 3 else turns
            is_sealed, key_log = seed % 8 in (1, 7), []
            if is_sealed:
                said = seal_turns(rand, said, key_log)
                damage &= ~2  # behind octets that are missing TLS cannot be read, and is not shared
            capture = make_capture(rand, said, damage, 993 if is_sealed else 143)
            path, out, log = folder / "in.pcap", folder / "out.pcapng", folder / "log"
            path.write_bytes(capture)
            log.write_text("".join(key_log))
            if arguments.keep:
                (pathlib.Path(arguments.keep) / f"{seed}.pcap").write_bytes(capture)
            out.unlink(missing_ok=True)
            done = subprocess.run([arguments.imapid, "cut", "-q", "--scrub", "--bug-report", "--redact-key", key, *(["-l", log] if key_log else []), "-w", out, path], capture_output=True, check=False, timeout=60)
            if done.returncode:
                n_refused += 1
                print(f"seed {seed}: refused (damage {damage}): {done.stderr.decode(errors='replace').strip()}")
                continue
            if damage & 6:
                k.marks = [mark for mark in k.marks if mark != k.user]  # where the login is lost nobody knows it
            n_marks += len(k.marks)
            leaks, data = find_leaks(k.marks, out.read_bytes(), done.stdout)
            for mark, part, how in leaks:
                n_leaks += 1
                print(f"seed {seed}: {mark} is there, {part} in {how}")
                if arguments.show:
                    for where in data[1:]:
                        for line in where.split(b"\r\n"):
                            if part.lower().encode() in line.lower():
                                print("    ", line[:300])
    print(f"{arguments.count} sessions, {n_marks} marks of {len(PLACES)} places: {n_leaks} came out, {n_refused} sessions were refused")
    return 1 if n_leaks or n_refused > arguments.count // 10 else 0


if __name__ == "__main__":
    sys.exit(main())
