#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the transcripts anew: real TLS sessions of OpenSSL and GnuTLS, taken down between the two.

    tests/tls/transcripts/make.py [NAME…]

A transcript, NAME.tls, is lines of text:

    # anything               how it was made
    key LABEL RANDOM SECRET  a line of the key log
    > HEX                    octets the client sent, as they came
    < HEX                    octets the server sent
    say> TEXT                what the client said inside, \\r\\n written so
    say< TEXT                what the server said inside
    expect WORD VALUE        what a reader must find out

Those in long/ are for one test each: others play every transcript in hundreds of ways.

Needs openssl and gnutls-bin (Debian 12). Certificates and keys are made for the run.
"""
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = iter(range(21000, 29000, 2))
SERVER_SAYS = ["* OK ready\r\n", "* ID (\"name\" \"Dove\")\r\na1 OK ID completed.\r\n", "a2 OK done\r\n"]
EARLY = "a0 NOOP\r\n"
CLIENT_SAYS = ["a1 ID (\"name\" \"Thunderbird\" \"version\" NIL)\r\n", "a2 NOOP\r\n"]


class Relay:
    """Between client and server: hands octets on, one way at a time, and takes them down."""

    def __init__(self, port_in, port_out):
        self.log = []
        self.last = time.monotonic()
        self.port_out = port_out
        self.listener = socket.create_server(("127.0.0.1", port_in))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def connect(self):
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", self.port_out))
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("no server")

    def run(self):
        client, _ = self.listener.accept()
        server = self.connect()
        open_ends = {client: (server, ">"), server: (client, "<")}
        while open_ends:
            for end in select.select(list(open_ends), [], [])[0]:
                other, mark = open_ends[end]
                try:
                    data = end.recv(65536)
                except OSError:
                    data = b""
                if data:
                    self.log.append((mark, data))
                    self.last = time.monotonic()
                    try:
                        other.sendall(data)
                    except OSError:
                        pass
                else:
                    del open_ends[end]
                    try:
                        other.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
        client.close()
        server.close()
        self.listener.close()

    def settle(self, n_before):
        """Waits for something new, and then for quiet."""
        end = time.monotonic() + 3
        while len(self.log) == n_before and time.monotonic() < end:
            time.sleep(0.005)
        while time.monotonic() - self.last < 0.06:
            time.sleep(0.005)


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates():
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", "ec.key", "-out", "ec.crt", "-subj", "/CN=imap.example", "-days", "3650")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa.key",
        "-out", "rsa.crt", "-subj", "/CN=imap.example", "-days", "3650")


def start(command, env=None):
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=env, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def end(process):
    try:
        process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(1.5)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()


class Session:
    """One connection. `script` is a list of (who, what it is told, what it says of that inside);
    `before`, a client command, makes a connection of its own to the same server first."""

    def __init__(self, server, client, script, keylog, env=None, before=None):
        self.port, server_port = next(PORTS), next(PORTS)
        self.commands = server, client
        self.said = {"C": "", "S": ""}
        self.server = start([w.format(PORT=server_port) for w in server])
        time.sleep(0.15)
        if before:
            self.go_before([w.format(RELAY=server_port, KEYS=keylog) for w in before])
            os.path.exists(keylog) and os.unlink(keylog)
        self.relay = Relay(self.port, server_port)
        self.client = start([w.format(RELAY=self.port, KEYS=keylog) for w in client],
                            dict(os.environ, **{k: v.format(KEYS=keylog)
                                                for k, v in (env or {}).items()}))
        self.relay.settle(0)
        for who, text, said in script:
            self.tell(who, text)
            self.said[who] += said
        end(self.client)
        end(self.server)
        self.relay.thread.join(3)

    def go_before(self, command):
        client = start(command)
        time.sleep(0.3)
        self.server.stdin.write(b"* OK before\r\n")
        self.server.stdin.flush()
        time.sleep(0.3)
        # A session whose connection was cut off is not taken up again.
        client.stdin.write(b"Q\n")
        end(client)

    def tell(self, who, text):
        n_before = len(self.relay.log)
        process = self.client if who == "C" else self.server
        try:
            process.stdin.write(text.encode())
            process.stdin.flush()
        except OSError:
            return
        self.relay.settle(n_before)


def say(who, text):
    return (who, text, text)


DIALOGUE = [say("S", SERVER_SAYS[0]), say("C", CLIENT_SAYS[0]), say("S", SERVER_SAYS[1]),
            say("C", CLIENT_SAYS[1]), say("S", SERVER_SAYS[2])]


def s_server(*more, cert="ec", quiet=True):
    return (["openssl", "s_server", "-accept", "{PORT}", "-naccept", "1", "-cert", cert + ".crt",
             "-key", cert + ".key"] + (["-quiet"] if quiet else []) + list(more))


def s_client(*more, quiet=True):
    return (["openssl", "s_client", "-connect", "127.0.0.1:{RELAY}", "-keylogfile", "{KEYS}"] +
            (["-quiet"] if quiet else []) + list(more))


def gnutls_serv(priority, *more, cert="ec"):
    return ["gnutls-serv", "--port", "{PORT}", "--x509certfile", cert + ".crt", "--x509keyfile",
            cert + ".key", "--priority", priority, "--echo", *more]


def gnutls_cli(priority, *more):
    return ["gnutls-cli", "127.0.0.1", "-p", "{RELAY}", "--insecure", "--priority", priority,
            "--no-ca-verification", *more]


def escape(text):
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def write(name, session, keylog, expect):
    with open(os.path.join(HERE, name + ".tls"), "w") as out:
        for command in session.commands:
            out.write("# " + " ".join(command) + "\n")
        if os.path.exists(keylog):
            with open(keylog) as lines:
                out.writelines("key " + line for line in lines if not line.startswith("#"))
        for mark, data in session.relay.log:
            out.write(f"{mark} {data.hex()}\n")
        for who, mark in (("C", ">"), ("S", "<")):
            if session.said[who]:
                out.write(f"say{mark} {escape(session.said[who])}\n")
        for word, value in expect.items():
            out.write(f"expect {word} {value}\n")


def make(name, server, client, script=None, env=None, before=None, echoed=False, **expect):
    keylog = os.path.abspath(name.replace("/", "-") + ".keys")
    os.path.exists(keylog) and os.unlink(keylog)
    session = Session(server, client, DIALOGUE if script is None else script, keylog, env, before)
    if expect.get("early") == "accepted":
        session.said["C"] = EARLY + session.said["C"]
    if echoed:
        session.said["S"] = session.said["C"].replace("\r", "")  # gnutls-serv takes it away
    write(name, session, keylog, expect)
    print(name, sum(len(d) for _, d in session.relay.log), "octets", flush=True)


def echo(text):
    """gnutls-serv --echo: the server says what the client said."""
    return ("C", text, text)


# ---- the sessions ----

CASES = {}


def case(name):
    def add(fn):
        CASES[name] = fn
        return fn
    return add


def tls13(name, suite):
    CASES[name] = lambda: make(
        name, s_server("-tls1_3", "-ciphersuites", suite, "-num_tickets", "1", "-alpn", "imap"),
        s_client("-tls1_3", "-ciphersuites", suite, "-servername", "imap.example", "-alpn",
                 "acap,imap"), suite=suite, version="0304", alpn="imap", sni="imap.example")


for _name, _suite in (("aes128-gcm", "TLS_AES_128_GCM_SHA256"),
                      ("aes256-gcm", "TLS_AES_256_GCM_SHA384"),
                      ("chacha20", "TLS_CHACHA20_POLY1305_SHA256"),
                      ("aes128-ccm", "TLS_AES_128_CCM_SHA256"),
                      ("aes128-ccm8", "TLS_AES_128_CCM_8_SHA256")):
    tls13("1.3-" + _name, _suite)

ALL = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


def tls12(name, cipher, suite, cert="ec", etm=True, option="-tls1_2", version="0303", client_etm=True,
          more=(), client_more=()):
    no_etm = [] if etm else ["-no_etm"]
    CASES[name] = lambda: make(
        name, s_server(option, "-cipher", cipher + ":@SECLEVEL=0", *more, cert=cert),
        s_client(option, "-cipher", cipher + ":@SECLEVEL=0", "-servername", "imap.example", *no_etm,
                 *client_more),
        suite=suite, version=version)


tls12("1.2-aes128-gcm", "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
tls12("1.2-aes256-gcm", "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
tls12("1.2-aes128-gcm-ecdhe-rsa", "ECDHE-RSA-AES128-GCM-SHA256",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "rsa")
tls12("1.2-aes128-gcm-rsa", "AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", "rsa")
tls12("1.2-aes256-gcm-dhe", "DHE-RSA-AES256-GCM-SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "rsa")
tls12("1.2-chacha20", "ECDHE-ECDSA-CHACHA20-POLY1305",
      "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
tls12("1.2-chacha20-dhe", "DHE-RSA-CHACHA20-POLY1305", "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
      "rsa")
tls12("1.2-aes128-ccm", "ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM")
tls12("1.2-aes256-ccm8", "ECDHE-ECDSA-AES256-CCM8", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8")
tls12("1.2-aes128-cbc-sha", "ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA")
tls12("1.2-aes256-cbc-sha-no-etm", "ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
      etm=False)
tls12("1.2-aes128-cbc-sha256", "ECDHE-ECDSA-AES128-SHA256",
      "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256")
tls12("1.2-aes128-cbc-sha256-no-etm", "AES128-SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256", "rsa",
      etm=False)
tls12("1.2-aes256-cbc-sha384", "ECDHE-ECDSA-AES256-SHA384",
      "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384")
tls12("1.2-aes256-cbc-sha384-no-etm", "ECDHE-RSA-AES256-SHA384",
      "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", "rsa", etm=False)
tls12("1.2-camellia128-cbc", "CAMELLIA128-SHA", "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA", "rsa")
tls12("1.2-camellia256-cbc-sha384", "ECDHE-ECDSA-CAMELLIA256-SHA384",
      "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_CBC_SHA384", etm=False)
tls12("1.2-psk", "PSK-AES128-GCM-SHA256", "TLS_PSK_WITH_AES_128_GCM_SHA256", "rsa",
      more=("-psk", "6162"), client_more=("-psk", "6162"))
tls12("1.1-aes128-cbc", "ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
      option="-tls1_1", version="0302")
tls12("1.1-aes128-cbc-no-etm", "ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
      option="-tls1_1", version="0302", etm=False)
tls12("1.0-aes256-cbc", "ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
      option="-tls1", version="0301")
tls12("1.0-aes128-cbc-no-etm", "ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
      option="-tls1", version="0301", etm=False)

tls12("1.1-psk-sha256", "PSK-AES128-CBC-SHA256", "TLS_PSK_WITH_AES_128_CBC_SHA256", "rsa",
      option="-tls1_1", version="0302", more=("-psk", "6162"), client_more=("-psk", "6162"))
tls12("1.0-psk-sha384", "ECDHE-PSK-AES256-CBC-SHA384", "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384", "rsa",
      option="-tls1", version="0301", more=("-psk", "6162"), client_more=("-psk", "6162"))


@case("1.2-null")
def null():
    make("1.2-null", s_server("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0", cert="rsa"),
         s_client("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"), clear="1",
         suite="TLS_RSA_WITH_NULL_SHA256", version="0303")


@case("1.2-aria")
def aria():
    make("1.2-aria", s_server("-tls1_2", "-cipher", "ECDHE-ARIA128-GCM-SHA256", cert="rsa"),
         s_client("-tls1_2", "-cipher", "ECDHE-ARIA128-GCM-SHA256"), reason="unsupported-suite",
         suite="TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", version="0303")


@case("refused")
def refused():
    make("refused", s_server("-tls1_3"), s_client("-tls1_2"), script=[], reason="refused")


@case("1.3-retry")
def retry():
    make("1.3-retry", s_server("-tls1_3", "-groups", "P-384"),
         s_client("-tls1_3", "-groups", "X25519:P-384"), retried="1", version="0304")


@case("1.3-padding")
def padding():
    make("1.3-padding", s_server("-tls1_3", "-record_padding", "512"),
         s_client("-tls1_3", "-record_padding", "256"), version="0304")


@case("1.3-fragments")
def fragments():
    make("1.3-fragments", s_server("-tls1_3", "-max_send_frag", "512", cert="rsa"),
         s_client("-tls1_3", "-max_send_frag", "512"), version="0304",
         script=DIALOGUE + [say("S", "* 1 FETCH (BODY[] {2000}\r\n" + "x" * 2000 + ")\r\n")])


@case("1.2-fragments")
def fragments_12():
    make("1.2-fragments", s_server("-tls1_2", "-max_send_frag", "512", cert="rsa"),
         s_client("-tls1_2", "-max_send_frag", "512"), version="0303",
         script=DIALOGUE + [say("S", "* 1 FETCH (BODY[] {2000}\r\n" + "x" * 2000 + ")\r\n")])


@case("1.3-client-certificate")
def client_certificate():
    make("1.3-client-certificate", s_server("-tls1_3", "-Verify", "1"),
         s_client("-tls1_3", "-cert", "rsa.crt", "-key", "rsa.key"), version="0304")


@case("1.3-large")
def large():
    make("1.3-large", s_server("-tls1_3"), s_client("-tls1_3"), version="0304",
         script=DIALOGUE[:2] + [say("S", "x" * 40000 + "\r\n")])


@case("long/1.3-many-records")
def many_records():
    make("long/1.3-many-records", s_server("-tls1_3", "-max_send_frag", "512"), s_client("-tls1_3"), version="0304",
         script=DIALOGUE[:2] + [say("S", "x" * 50000 + "\r\n")])


@case("1.3-key-update")
def key_update():
    make("1.3-key-update", s_server("-tls1_3", quiet=False), s_client("-tls1_3", quiet=False),
         version="0304", updates="2",
         script=DIALOGUE[:3] + [("C", "K\n", ""), say("C", CLIENT_SAYS[1]), say("S", SERVER_SAYS[2]),
                                ("S", "k\n", ""), say("S", "* BYE\r\n"), say("C", "a3 NOOP\r\n")])


@case("1.2-renegotiation")
def renegotiation():
    make("1.2-renegotiation", s_server("-tls1_2", "-client_renegotiation", quiet=False),
         s_client("-tls1_2", quiet=False), version="0303", renegotiations="1",
         script=DIALOGUE[:3] + [("C", "R\n", ""), say("C", CLIENT_SAYS[1]), say("S", SERVER_SAYS[2])])


def resumed(name, option, *more, early=None, n_connections="2"):
    def fn():
        server = s_server(option, *more)
        server[server.index("-naccept") + 1] = n_connections
        client = s_client(option, "-sess_in", "session")
        expect = {"resumed": "1", "version": "0304" if option == "-tls1_3" else "0303"}
        if early:
            with open("early", "w", newline="") as file:
                file.write(EARLY)
            client += ["-early_data", "early"]
            expect["early"] = early
        make(name, server, client,
             before=s_client(option, "-sess_out", "session", quiet=False), **expect)
    CASES[name] = fn


resumed("1.3-resumed", "-tls1_3")
resumed("1.2-resumed-ticket", "-tls1_2")
resumed("1.2-resumed-session-id", "-tls1_2", "-no_ticket")
resumed("1.3-early-data", "-tls1_3", "-early_data", early="accepted")
resumed("1.3-early-data-refused", "-tls1_3", "-max_early_data", "1000", early="refused")


def gnutls(name, priority, suite, version="0303", cert="ec", cli=(), script=None, **expect):
    CASES[name] = lambda: make(
        name, gnutls_serv(priority, cert=cert), gnutls_cli(priority, *cli),
        script or [echo(t) for t in CLIENT_SAYS], {"SSLKEYLOGFILE": "{KEYS}"}, echoed=True,
        suite=suite, version=version, **expect)


BASE12 = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:"
gnutls("gnutls-1.2-camellia128-gcm", BASE12 + "+CAMELLIA-128-GCM",
       "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256")
gnutls("gnutls-1.2-camellia256-gcm", BASE12 + "+CAMELLIA-256-GCM:-KX-ALL:+RSA",
       "TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384", cert="rsa")
gnutls("gnutls-1.2-3des", BASE12 + "+3DES-CBC:+SHA1:-KX-ALL:+RSA", "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
       cert="rsa")
gnutls("gnutls-1.2-3des-no-etm", BASE12 + "+3DES-CBC:+SHA1:%NO_ETM", "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA")
gnutls("gnutls-1.2-rc4", BASE12 + "+ARCFOUR-128:+SHA1:-KX-ALL:+RSA", "TLS_RSA_WITH_RC4_128_SHA",
       cert="rsa")
gnutls("gnutls-1.0-rc4-md5", "NORMAL:-VERS-ALL:+VERS-TLS1.0:-CIPHER-ALL:+ARCFOUR-128:+MD5:-MAC-ALL:"
       "+MD5:-KX-ALL:+RSA", "TLS_RSA_WITH_RC4_128_MD5", "0301", cert="rsa")
gnutls("gnutls-1.2-aes256-ccm", BASE12 + "+AES-256-CCM", "TLS_ECDHE_ECDSA_WITH_AES_256_CCM")
gnutls("gnutls-1.2-aes128-ccm8", BASE12 + "+AES-128-CCM-8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8")
gnutls("gnutls-1.3-aes256-gcm", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
       "TLS_AES_256_GCM_SHA384", "0304")
gnutls("gnutls-1.3-key-update", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305",
       "TLS_CHACHA20_POLY1305_SHA256", "0304", cli=("--inline-commands",),
       script=[echo(CLIENT_SAYS[0]), ("C", "^rekey^\n", ""), echo(CLIENT_SAYS[1])], updates="2")
gnutls("gnutls-1.2-renegotiation", BASE12 + "+AES-128-GCM:%UNSAFE_RENEGOTIATION",
       "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", cli=("--inline-commands",),
       script=[echo(CLIENT_SAYS[0]), ("C", "^renegotiate^\n", ""), echo(CLIENT_SAYS[1])],
       renegotiations="1")


def main():
    names = sys.argv[1:] or list(CASES)
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        make_certificates()
        for name in names:
            CASES[name]()
    finally:
        os.chdir(HERE)
        shutil.rmtree(folder)


main()
