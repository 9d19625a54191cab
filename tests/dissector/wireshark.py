# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs tshark and sharkd with the plugin, as a user who loads it.

Wireshark loads no plugins of a directory given by environment when it runs as root. So as root the
programs run as `nobody`, on copies that user can read; as anybody else they run as they are.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

USER = "nobody"
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../samples")
ENDINGS = (".pcap", ".pcapng")


def captures(folder=SAMPLES):
    """The captures of a folder, by name."""
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(ENDINGS))


def key_log(capture):
    """The key log beside a capture, or None."""
    path = os.path.splitext(capture)[0] + ".keys"
    return path if os.path.exists(path) else None


def noise_in(octets):
    """The lines that a program should not have written."""
    return [line for line in octets.decode().splitlines()
            if line and "Running as user" not in line and "file names are deprecated" not in line]


class Wireshark:
    """tshark and sharkd with the plugin in `plugins` (a folder with X.Y/epan/imapid.so)."""

    def __init__(self, plugins=None, preload=None):
        plugins = plugins or os.environ.get("IMAPID_PLUGINS", "build/plugins")
        for program in ("tshark", "sharkd"):
            if not shutil.which(program):
                sys.exit(f"{program} is not installed: the plugin cannot be tested")
        self.folder = tempfile.mkdtemp(prefix="imapid-test-")
        self.plugins = shutil.copytree(plugins, os.path.join(self.folder, "plugins"))
        self.home = os.path.join(self.folder, "home")
        os.mkdir(self.home)
        self.files = os.path.join(self.folder, "files")
        os.mkdir(self.files)
        # Nothing asks for names of manufacturers, services and enterprises: without their tables Wireshark starts in two thirds
        # of the time.
        tables = os.path.join(self.folder, "tables")
        os.mkdir(tables)
        self.open_up()
        self.environment = {
            "HOME": self.home, "LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.environ["PATH"],
            "WIRESHARK_PLUGIN_DIR": self.plugins, "WIRESHARK_DATA_DIR": tables,
        }
        self.sharkds = {}  # by preferences
        preload = preload or os.environ.get("IMAPID_PRELOAD")
        if preload:
            self.environment.update(LD_PRELOAD=preload, ASAN_OPTIONS="detect_leaks=0")

    def open_up(self):
        for folder, _, names in os.walk(self.folder):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o644)
        os.chmod(self.home, 0o777)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sharkd in self.sharkds.values():
            sharkd.__exit__()
        shutil.rmtree(self.folder)

    def command(self, arguments, with_plugin=True, **environment):
        values = {**self.environment, **environment}
        if not with_plugin:
            del values["WIRESHARK_PLUGIN_DIR"]
        words = ["env", "-i"] + [f"{name}={value}" for name, value in values.items()] + arguments
        return ["runuser", "-u", USER, "--"] + words if os.geteuid() == 0 else words

    def readable(self, path):
        """A copy of a file that the user can read."""
        copy = os.path.join(self.files, os.path.basename(path))
        if os.path.abspath(path) != copy:
            shutil.copyfile(path, copy)
        os.chmod(copy, 0o644)
        return copy

    def write(self, name, octets):
        """A file of that content that the user can read."""
        path = os.path.join(self.files, name)
        with open(path, "wb") as file:
            file.write(octets)
        os.chmod(path, 0o644)
        return path

    def tshark(self, capture, *arguments, with_plugin=True, with_keys=True, **environment):
        """Runs tshark on a capture; returns what it prints."""
        options = ["-n", "-r", self.readable(capture)]
        keys = key_log(capture)
        if keys and with_keys:
            options += ["-o", f"tls.keylog_file:{self.readable(keys)}"]
        done = subprocess.run(self.command(["tshark", *options, *arguments], with_plugin, **environment),
                              capture_output=True, check=False, cwd=self.folder)
        noise = noise_in(done.stderr)
        if done.returncode or noise:
            raise AssertionError(f"tshark {' '.join(arguments)} {capture}: status {done.returncode}\n"
                                 + "\n".join(noise))
        return done.stdout.decode("utf-8", "surrogateescape")

    def rows(self, capture, fields, *arguments, **options):
        """The values of fields, a list of them for each, frame by frame."""
        words = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x1e", "-E", "separator=\x1f"]
        for field in fields:
            words += ["-e", field]
        text = self.tshark(capture, *words, *arguments, **options)
        return [[column.split("\x1e") if column else [] for column in line.split("\x1f")]
                for line in text.split("\n") if line]

    def frames(self, capture, display_filter, *preferences):
        """The numbers of the frames that a filter selects, as in `tshark -2 -o PREFERENCE…`: asked of one sharkd for all
        captures, so that Wireshark is started once."""
        if preferences not in self.sharkds:
            self.sharkds[preferences] = self.sharkd()
        sharkd = self.sharkds[preferences]
        sharkd.load(capture, preferences)
        words = display_filter + " " * sharkd.number  # sharkd knows what a filter found before, in whichever capture
        numbers = [row["num"] for row in sharkd.ask("frames", filter=words)]
        noise = sharkd.noise()
        if noise:
            raise AssertionError(f"sharkd {display_filter} {capture}\n" + "\n".join(noise))
        return numbers

    def field_types(self):
        """The types of all fields that can be filtered, by name."""
        done = subprocess.run(self.command(["tshark", "-G", "fields"]), capture_output=True, check=True,
                              cwd=self.folder, timeout=300)
        lines = [line.split("\t") for line in done.stdout.decode().splitlines() if line.startswith("F\t")]
        return {line[2]: line[3] for line in lines}

    def field_names(self):
        return set(self.field_types())

    def trees(self, capture, *arguments, **options):
        """The packets' trees: lists of (name, value), where a value may be such a list."""
        text = self.tshark(capture, "-T", "json", *arguments, **options)
        packets = json.loads(text, object_pairs_hook=list)
        return [dict(dict(packet)["_source"])["layers"] for packet in packets]

    def pdml(self, capture, *arguments, **options):
        """The packets, as elements of PDML."""
        return xml.fromstring(self.tshark(capture, "-T", "pdml", *arguments, **options)).findall("packet")

    def sharkd(self, capture=None, with_plugin=True, **environment):
        """A sharkd that has loaded a capture, if one is given."""
        return Sharkd(self, capture, with_plugin, environment)


class Sharkd:
    """One sharkd: it drives the same dissection as the user interface, over JSON-RPC."""

    def __init__(self, wireshark, capture, with_plugin, environment):
        self.number = 0
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(wireshark.command(["sharkd", "-"], with_plugin, **environment),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        self.wireshark = wireshark
        if capture:
            self.load(capture)

    def load(self, capture, preferences=()):
        """Loads a capture, in place of the one before, with "NAME:VALUE" set, and for all that follow. sharkd keeps what a
        filter found in that one: ask for no filter twice."""
        keys = key_log(capture)
        self.ask("setconf", name="tls.keylog_file", value=self.wireshark.readable(keys) if keys else "")
        for name, value in (preference.split(":", 1) for preference in preferences):
            self.ask("setconf", name=name, value=value)
        self.ask("load", file=self.wireshark.readable(capture))

    def noise(self):
        """What it should not have written, beside what it does and when."""
        self.errors.seek(0)
        return [line for line in noise_in(self.errors.read()) if not line.startswith(("Hello in child", "load: filename="))]

    def columns(self, fields):
        """(frame number, the values of each field, joined by commas) of each frame."""
        rows = self.ask("frames", **{f"column{i}": f"{field}:0" for i, field in enumerate(fields)})
        return [(row["num"], row["c"]) for row in rows]

    def resident(self):
        """Octets of memory that it has."""
        process = self.process.pid
        while True:  # runuser stays above it
            with open(f"/proc/{process}/comm", encoding="utf-8") as file:
                if file.read().strip() == "sharkd":
                    break
            with open(f"/proc/{process}/task/{process}/children", encoding="utf-8") as file:
                process = int(file.read().split()[0])
        with open(f"/proc/{process}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def ask(self, method, **parameters):
        self.number += 1
        request = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": parameters}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(f"sharkd ended at {method} {parameters}")
            if not line.startswith(b"{"):
                continue
            answer = json.loads(line)
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise AssertionError(f"sharkd {method} {parameters}: {answer['error']}")
        return answer["result"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
        self.errors.close()
