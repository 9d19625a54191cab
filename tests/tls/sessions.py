# SPDX-License-Identifier: GPL-2.0-or-later
"""TLS sessions made while one looks: OpenSSL talks to itself in memory, and what either side sends is kept, record by
record, with the key log. Also premaster secrets, which only the owner of the server's RSA key knows."""
import pathlib
import re
import ssl
import subprocess

EXTENDED_MASTER_SECRET_OFF = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
LEGACY_OK = ":@SECLEVEL=0"


class Server:
    """A certificate, and its RSA key as numbers."""

    def __init__(self, folder):
        self.key, self.certificate = pathlib.Path(folder) / "server.key", pathlib.Path(folder) / "server.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=imap.example.test", "-days",
                        "30", "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        self.group = pathlib.Path(folder) / "server.dh"
        subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", self.group],
                       check=True, capture_output=True)
        text = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-text"], check=True, capture_output=True).stdout
        self.modulus, self.exponent = (
            int(re.search(name + rb":\s*((?:[0-9a-f]{2}[:\s]*)+)", text)[1].translate(None, b": \n"), 16)
            for name in (b"modulus", b"privateExponent"))

    def open(self, encrypted):
        """The premaster secret that a ClientKeyExchange holds (RFC 8017 7.2.2)."""
        n = (self.modulus.bit_length() + 7) // 8
        return pow(int.from_bytes(encrypted, "big"), self.exponent, self.modulus).to_bytes(n, "big")[-48:]


def records(octets):
    at = 0
    while at < len(octets):
        end = at + 5 + int.from_bytes(octets[at + 3:at + 5], "big")
        yield octets[at:end]
        at = end


class Session:
    """One connection: `pieces` is (side, a record) in the order of sending, side 0 the client."""

    def __init__(self, server, keys, version=None, suites=None, resume=None, options=0, tickets=True, contexts=None):
        self.pieces, self.keys = [], []
        self.contexts = contexts or self._make_contexts(server, keys, version, suites, options, tickets)
        before = keys.read_text().splitlines() if keys.exists() else []
        bios = [ssl.MemoryBIO() for _ in range(4)]  # of each side: what comes in, what goes out
        self._bios = bios
        self._sides = [self.contexts[0].wrap_bio(bios[0], bios[1], server_hostname="imap.example.test",
                                                 session=resume),
                       self.contexts[1].wrap_bio(bios[2], bios[3], server_side=True)]
        done = [False, False]
        while not all(done):
            for side in 0, 1:
                done[side] = done[side] or self._try(self._sides[side].do_handshake)
                self._move(side)
        self._new_keys = lambda: keys.read_text().splitlines()[len(before):]

    @staticmethod
    def _make_contexts(server, keys, version, suites, options, tickets):
        contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for context in contexts:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.options |= options
            if not tickets:
                context.options |= ssl.OP_NO_TICKET
            if version:
                context.minimum_version = context.maximum_version = version
            context.set_ciphers((suites or "DEFAULT") + LEGACY_OK)
        contexts[0].keylog_filename = str(keys)
        contexts[1].load_cert_chain(server.certificate, server.key)
        contexts[1].load_dh_params(server.group)
        return contexts

    @staticmethod
    def _try(step):
        try:
            step()
            return True
        except ssl.SSLWantReadError:
            return False

    def _move(self, side):
        octets = self._bios[2 * side + 1].read()
        self.pieces += [(side, record) for record in records(octets)]
        self._bios[2 * (1 - side)].write(octets)
        return octets

    def say(self, side, octets):
        """One side says something, the other reads it."""
        self._sides[side].write(octets)
        self._move(side)
        assert self._sides[1 - side].read(len(octets) + 1) == octets
        return self

    def end(self):
        """Both say close_notify."""
        for side in 0, 1:
            self._try(self._sides[side].unwrap)
            self._move(side)
        self.keys = self._new_keys()
        return self

    @property
    def ticket(self):
        """What a later connection resumes this one by."""
        return self._sides[0].session

    @property
    def is_resumed(self):
        return self._sides[0].session_reused

    @property
    def suite(self):
        return self._sides[0].cipher()[0]

    def find_exchange(self):
        """What the client encrypted its premaster secret to; of a handshake with RSA key exchange."""
        for side, record in self.pieces:
            at = 5
            while side == 0 and record[0] == 22 and at + 4 <= len(record):
                n = int.from_bytes(record[at + 1:at + 4], "big")
                if record[at] == 16:
                    return record[at + 6:at + 4 + n]
                at += 4 + n
        raise AssertionError("no ClientKeyExchange")
