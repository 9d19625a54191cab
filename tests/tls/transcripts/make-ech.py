#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes of 1.3-aes128-gcm.tls and 1.3-retry.tls the sessions of a client that hides its ClientHello (RFC 9849) and logs how
(RFC 9850): what the real client sent becomes the inner hello, sealed in one with another random and name. Everything behind it
is as it was, since the secrets of a session do not tell which hello they come from.

No server was asked, so the shared secret is random, and no key is behind it. Needs python3-cryptography.
"""
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = os.path.dirname(os.path.abspath(__file__))
KEM, KDF, AEAD = 0x20, 1, 1
NUMBER = 7


def vector(octets, n=2):
    return len(octets).to_bytes(n, "big") + octets


def derive(shared, info):
    head = b"HPKE-v1HPKE" + struct.pack("!HHH", KEM, KDF, AEAD)

    def mac(key, octets):
        return hmac.new(key, octets, hashlib.sha256).digest()

    def extract(salt, label, octets):
        return mac(salt, head + label + octets)

    def expand(secret, label, n):  # n octets of one hash
        return mac(secret, struct.pack("!H", n) + head + label + context + b"\1")[:n]

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return expand(secret, b"key", 16), expand(secret, b"base_nonce", 12)


def split(body):
    """Version and random, session identifier, suites and compression, extensions."""
    at = 34 + 1 + body[34]
    end = at + 2 + int.from_bytes(body[at:at + 2], "big")
    end += 1 + body[end]
    return body[:34], body[34:at], body[at:end], body[end + 2:]


class Client:
    def __init__(self):
        self.random, self.shared, self.key = os.urandom(32), os.urandom(32), os.urandom(32)
        contents = (bytes((NUMBER,)) + struct.pack("!H", KEM) + vector(os.urandom(32)) + vector(struct.pack("!HH", KDF, AEAD))
                    + b"\0" + vector(b"public.example", 1) + vector(b""))
        self.config = b"\xfe\x0d" + vector(contents)
        self.n_sealed = 0

    def hide(self, record):
        """A record with a ClientHello, for one that hides it."""
        start, session, middle, extensions = split(record[9:])
        inner = start + b"\0" + middle + vector(extensions + b"\xfe\x0d\0\1\1") + bytes(9)
        others = b"\0\0" + vector(vector(b"\0" + vector(b"public.example"))) + b"\0\x2b\0\3\2\3\4"
        head = b"\0" + struct.pack("!HHB", KDF, AEAD, NUMBER) + vector(b"" if self.n_sealed else self.key)

        def outer(payload):
            return start[:2] + self.random + session + middle + vector(others + b"\xfe\x0d" + vector(head + vector(payload)))

        key, nonce = derive(self.shared, b"tls ech\0" + self.config)
        nonce = nonce[:-1] + bytes((nonce[-1] ^ self.n_sealed,))
        body = outer(AESGCM(key).encrypt(nonce, inner, outer(bytes(len(inner) + 16))))
        self.n_sealed += 1
        return record[:3] + vector(b"\1" + vector(body, 3))

    def lines(self):
        for label, octets in (("ECH_SECRET", self.shared), ("ECH_CONFIG", self.config)):
            yield f"key {label} {self.random.hex()} {octets.hex()}"


def main():
    for name in "aes128-gcm", "retry":
        client, lines = Client(), []
        with open(f"{HERE}/1.3-{name}.tls", encoding="ascii") as file:
            for line in file.read().splitlines():
                octets = bytes.fromhex(line[2:]) if line.startswith("> ") else b""
                n = 5 + int.from_bytes(octets[3:5], "big")
                if octets[:1] == b"\x16" and octets[5:6] == b"\1":
                    line = "> " + (client.hide(octets[:n]) + octets[n:]).hex()
                elif octets[:6] == b"\x14\3\3\0\1\1" and octets[6:7] == b"\x16" and octets[11:12] == b"\1":
                    line = "> " + (octets[:6] + client.hide(octets[6:])).hex()  # behind a HelloRetryRequest
                lines.append(line)
        assert client.n_sealed == (2 if name == "retry" else 1), name
        last = max(i for i, line in enumerate(lines) if line.startswith("key "))
        lines[last + 1:last + 1] = client.lines()
        lines.insert(2, "# its ClientHello hidden by make-ech.py")
        with open(f"{HERE}/1.3-ech-{name}.tls", "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")


main()
