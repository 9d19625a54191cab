# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of captures that grow share: the program while it runs, and a network of their own."""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import time

from tool import IMAPID, ROOT

PATIENCE = 20  # seconds: machines under load are slow


def enter_namespace():
    """A network of this process alone, its loopback up. False where that is not allowed."""
    clone_newnet = 0x40000000
    if os.getuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        get_flags, set_flags, up = 0x8913, 0x8914, 1
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(control, get_flags, request)
        flags, = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | up)
        fcntl.ioctl(control, set_flags, bytes(request))
    return True


IS_ALONE = enter_namespace()


def serve(listener):
    """An IMAP server that knows ID and LOGOUT, for one client after the other."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with contextlib.suppress(ConnectionError), peer:  # a client may leave without reading the answer
            talk(peer)


def talk(peer):
    """The server's side of a session."""
    with peer.makefile("rwb") as stream:
        stream.write(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
        stream.flush()
        for line in stream:
            tag, name = line.split()[:2]
            if name == b"ID":
                stream.write(b'* ID ("name" "Example")\r\n')
            stream.write(tag + b" OK done\r\n")
            stream.flush()
            if name == b"LOGOUT":
                break


def say(peer, name):
    """The client's side of a session."""
    with peer.makefile("rwb") as stream:
        stream.readline()
        stream.write(b'a ID ("name" "%s")\r\n' % name)
        stream.flush()
        stream.readline()
        stream.readline()
        stream.write(b"b LOGOUT\r\n")
        stream.flush()
        stream.readline()


def speak(port, name):
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as peer:
        say(peer, name)


class Program:
    """The program while it runs."""
    imapid = IMAPID

    def __init__(self, *arguments, **options):
        self.process = subprocess.Popen([IMAPID, "-T", "jsonl", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
                                        bufsize=0, **options)
        self.said = b""  # read of standard error

    def catches(self, number):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> number - 1 & 1

    def waits_for_input(self):
        folder = pathlib.Path(f"/proc/{self.process.pid}")
        return "poll" in (folder / "wchan").read_text() or "do_sys_poll" in (folder / "stack").read_text()

    def read_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        if not ready:
            self.process.kill()
            raise AssertionError(f"no record came: {self.process.stderr.read()}")
        return json.loads(self.process.stdout.readline())

    def read_message(self, pattern):
        """The first message that has the pattern; end() gives all of them."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(rb"^.*(?:%s).*\n" % pattern, self.said, re.MULTILINE)):
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, deadline - time.monotonic()))
            more = ready and os.read(self.process.stderr.fileno(), 65536)
            if not more:
                self.process.kill()
                raise AssertionError(f"no message has {pattern}: {self.said}")
            self.said += more
        return found[0]

    def end(self, number=None):
        """Exit status, the records that are left, standard error."""
        if number:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, [json.loads(line) for line in out.splitlines()], self.said + err


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.02)


def count_packet_sockets(bound_only=False):
    lines = pathlib.Path("/proc/self/net/packet").read_text().splitlines()[1:]
    return sum(not bound_only or line.split()[5] == "1" for line in lines)
