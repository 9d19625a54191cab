# SPDX-License-Identifier: GPL-2.0-or-later
"""Both sides of a TLS 1.3 connection (RFC 8446), in which every octet follows from a random.Random.

The two agree on nothing: their secrets are made up and told in a key log. Whoever decrypts needs no more than that, and the
same sessions come out of every run, which no library of TLS does."""
import ctypes
import hashlib
import hmac
import struct

import broken_sessions

HANDSHAKE, APPLICATION_DATA = 22, 23
CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET = 1, 2, 4
ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED = 8, 11, 15, 20
TLS_AES_128_GCM_SHA256 = 0x1301
CHANGE_CIPHER_SPEC = broken_sessions.record(20, b"\1")
N_TAG = 16
GET_TAG = 0x10  # of EVP_CIPHER_CTX_ctrl()

# The certificate in a message of TLS 1.2: behind the headers of record and message, the length of the list and its own.
DER = broken_sessions.certificate()[5 + 4 + 3 + 3:]

crypto = ctypes.CDLL("libcrypto.so.3")
crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
crypto.EVP_aes_128_gcm.restype = ctypes.c_void_p


def encrypt(key, nonce, octets, header):
    """AES-128-GCM: what the octets become, and the tag."""
    context, n = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new()), ctypes.c_int()
    out, tag = ctypes.create_string_buffer(len(octets)), ctypes.create_string_buffer(N_TAG)
    good = (crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(crypto.EVP_aes_128_gcm()), None, key, nonce),
            crypto.EVP_EncryptUpdate(context, None, ctypes.byref(n), header, len(header)),
            crypto.EVP_EncryptUpdate(context, out, ctypes.byref(n), octets, len(octets)),
            crypto.EVP_EncryptFinal_ex(context, None, ctypes.byref(n)),
            crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, N_TAG, tag))
    crypto.EVP_CIPHER_CTX_free(context)
    assert good == (1,) * len(good), good
    return out.raw + tag.raw


def expand_label(secret, label, n):
    """HKDF-Expand-Label (RFC 8446 7.1) of no context; no more than one block of the hash."""
    label = b"tls13 " + label
    return hmac.new(secret, struct.pack("!HB", n, len(label)) + label + b"\0\1", hashlib.sha256).digest()[:n]


class Sealer:
    """Makes the records of one side with one secret."""

    def __init__(self, secret):
        self.key, self.iv = expand_label(secret, b"key", 16), expand_label(secret, b"iv", 12)
        self.number = 0

    def seal(self, kind, octets):
        octets += bytes([kind])
        header = struct.pack("!BHH", APPLICATION_DATA, 0x0303, len(octets) + N_TAG)
        nonce = (int.from_bytes(self.iv, "big") ^ self.number).to_bytes(12, "big")
        self.number += 1
        return header + encrypt(self.key, nonce, octets, header)


def message(kind, octets):
    return bytes([kind]) + len(octets).to_bytes(3, "big") + octets


def hello(kind, fixed, extensions):
    return broken_sessions.record(HANDSHAKE, message(kind, fixed + struct.pack("!H", len(extensions)) + extensions))


class Connection:
    """A handshake, and what comes behind it. `deliver(side, octets)` gets the flights of the handshake; side 0 is the client."""

    def __init__(self, rng, deliver, key_log):
        random = [rng.randbytes(32) for _ in range(2)]
        secrets = {name: rng.randbytes(32) for name in ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                                        "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")}
        key_log += [f"{name} {random[0].hex()} {secret.hex()}\n" for name, secret in secrets.items()]
        sealers = [Sealer(secret) for secret in secrets.values()]
        self.sealers = sealers[2:]
        deliver(0, self.client_hello(rng, random[0]))
        deliver(1, self.server_hello(rng, random[1]) + CHANGE_CIPHER_SPEC + sealers[1].seal(HANDSHAKE, self.server_rest(rng)))
        deliver(0, CHANGE_CIPHER_SPEC + sealers[0].seal(HANDSHAKE, message(FINISHED, rng.randbytes(32))))
        deliver(1, b"".join(self.sealers[1].seal(HANDSHAKE, self.ticket(rng)) for _ in range(2)))

    def seal(self, side, octets):
        """A record of application data."""
        return self.sealers[side].seal(APPLICATION_DATA, octets)

    @staticmethod
    def client_hello(rng, random):
        share = struct.pack("!HHH", 36, 29, 32) + rng.randbytes(32)
        extensions = broken_sessions.extension(43, b"\2\3\4") + broken_sessions.extension(51, share)
        fixed = b"\3\3" + random + b"\0" + struct.pack("!HH", 2, TLS_AES_128_GCM_SHA256) + b"\1\0"
        extensions += broken_sessions.extension(21, bytes(400))  # padding: as long as those of others
        return hello(CLIENT_HELLO, fixed, extensions)

    @staticmethod
    def server_hello(rng, random):
        share = struct.pack("!HH", 29, 32) + rng.randbytes(32)
        extensions = broken_sessions.extension(43, b"\3\4") + broken_sessions.extension(51, share)
        return hello(SERVER_HELLO, b"\3\3" + random + b"\0" + struct.pack("!H", TLS_AES_128_GCM_SHA256) + b"\0", extensions)

    @staticmethod
    def server_rest(rng):
        entry = len(DER).to_bytes(3, "big") + DER + b"\0\0"
        return (message(ENCRYPTED_EXTENSIONS, b"\0\0") + message(CERTIFICATE, b"\0" + len(entry).to_bytes(3, "big") + entry)
                + message(CERTIFICATE_VERIFY, struct.pack("!HH", 0x0804, 256) + rng.randbytes(256))
                + message(FINISHED, rng.randbytes(32)))

    @staticmethod
    def ticket(rng):
        return message(NEW_SESSION_TICKET, struct.pack("!I", 7200) + rng.randbytes(4) + b"\x08" + rng.randbytes(8)
                       + struct.pack("!H", 192) + rng.randbytes(192) + b"\0\0")
