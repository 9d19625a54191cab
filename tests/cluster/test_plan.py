#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans, shares of them, and what is said of what is missing.

test_plan.py IMAPID

What shares give together has to be what one process gives of the same captures, to the octet."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
CONTRIB = pathlib.Path(__file__).resolve().parents[2] / "contrib"
ANSWERS = (("stats", "-v"), ("check", "-v", "--show", "note", "--fail-on", "never"), ("report",))
IMAPID = None


def run(*words, status=0, **more):
    done = subprocess.run([IMAPID, *map(str, words)], check=False, capture_output=True, **more)
    assert done.returncode == status, (words, done.returncode, done.stderr)
    return done


def cut(capture, folder, n, ring):
    """A pcap in `n` pieces, named as dumpcap names those of a ring."""
    data = capture.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, packets = 24, []
    while at < len(data):
        size = 16 + struct.unpack_from(order + "8xI", data, at)[0]
        packets.append(data[at:at + size])
        at += size
    assert len(packets) > n
    for i in range(n):
        part = packets[len(packets) * i // n:len(packets) * (i + 1) // n]
        (folder / f"{ring}_{i + 1:05}_20260102030{i:03}.pcap").write_bytes(data[:24] + b"".join(part))


class Plan(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.store, self.plan, self.out = (self.folder / name for name in ("store", "plan", "out"))
        self.store.mkdir()
        for name in ("alpine-dovecot.pcapng", "courier.pcap", "malformed-lists.pcapng", "mbsync-dovecot.pcap"):
            shutil.copy(SAMPLES / name, self.store)
        cut(SAMPLES / "idle.pcap", self.store, 3, "ring")

    def make(self, *words):
        run("plan", "-q", "-w", self.plan, *words, self.store)
        head, *units, end = (json.loads(line) for line in self.plan.read_text().splitlines())
        self.assertEqual((head["type"], end["type"]), ("plan", "end"))
        return [head, *units]

    def share(self, k, n, status=0, **more):
        return run("-q", "--plan", self.plan, "--shard", f"{k}/{n}", "--out", self.out, status=status, **more)

    def tell(self, n, status):
        return run("plan", "--status", self.plan, "--shard", n, self.out, status=status).stdout.decode().strip()

    def state(self):
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in self.out.iterdir()}

    def test_units(self):
        head, *units = self.make()
        self.assertEqual((head["type"], head["units"], head["files"]), ("plan", len(units), 7))
        self.assertEqual([unit["unit"] for unit in units], list(range(1, 6)))
        sizes = [unit["bytes"] for unit in units]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(sum(sizes), sum(path.stat().st_size for path in self.store.iterdir()))
        ring = [unit["files"] for unit in units if len(unit["files"]) > 1]
        self.assertEqual(ring, [[str(path) for path in sorted(self.store.glob("ring_*"))]])
        for words, n_units in ((("--chain", ""), 7), (("--chain", "/(ring|courier)[^/]*$"), 5), (("--chain", "/[^/]*$"), 7),
                               (("--chain", r"\.(pcapng)$"), 6)):
            self.assertEqual(len(self.make(*words)) - 1, n_units, words)
        run("plan", "--chain", "(", "-w", self.plan, self.store, status=2)

    def test_shares_are_the_whole(self):
        run("-q", "-T", "jsonl", "--continuous", "-w", self.folder / "ring.jsonl", *sorted(self.store.glob("ring_*")))
        rest = [path for path in sorted(self.store.iterdir()) if not path.name.startswith("ring_")]
        self.make()
        for n in (2, 7):
            for k in reversed(range(1, n + 1)):
                self.share(k, n)
            self.assertEqual(self.tell(n, 0), "")
            for answer in ANSWERS:
                self.assertEqual(run(*answer, "-q", "--plan", self.plan, self.out).stdout,
                                 run(*answer, "-q", self.folder / "ring.jsonl", *rest).stdout, (n, answer))
            shutil.rmtree(self.out)

    def test_one_is_no_plural(self):
        for path in self.store.iterdir():
            if path.name != "courier.pcap":
                path.unlink()
        self.assertRegex(run("plan", "-w", self.plan, self.store).stderr, rb"^imapid: 1 file, \d+ octets: 1 unit\n$")
        self.assertIn(b"of 1 unit of the plan 1 missing", run("stats", "--plan", self.plan, self.out, status=3).stderr)
        self.assertIn(b"share 1 of 1: 1 unit, 0 done", run("--plan", self.plan, "--out", self.out).stderr)
        self.assertIn(b"1 unit: 1 done", run("plan", "--status", self.plan, self.out).stderr)

    def test_a_plan_from_a_pipe(self):
        self.make()
        run("-q", "--plan", "-", "--out", self.out, input=self.plan.read_bytes())
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", str(self.plan)], stdout=subprocess.PIPE) as cat, \
                subprocess.Popen(["sh", "-c", 'cat >"$0"', pipe], stdin=cat.stdout):
            told = run("stats", "-q", "--plan", pipe, self.out).stdout
        self.assertEqual(told, run("stats", "-q", "--plan", self.plan, self.out).stdout)

    def test_missing(self):
        self.make()
        self.share(2, 3)
        self.assertEqual(self.tell(3, 3), "1,3")
        for answer in ANSWERS:
            self.assertEqual(run(*answer, "--plan", self.plan, self.out, status=3).stdout, b"")
        run("stats", self.out)  # what is there, where nobody asked for all of it
        before = self.state()
        self.share(1, 1)
        self.assertEqual(before, {name: state for name, state in self.state().items() if name in before}, "done is not done again")
        self.assertEqual(self.tell(3, 0), "")

    def test_damaged_outputs_are_made_again(self):
        self.make()
        self.share(1, 1)
        whole = {path.name: path.read_bytes() for path in self.out.iterdir()}
        for damage in (lambda data: b"", lambda data: data[:-1], lambda data: data[:data.rstrip(b"\n").rfind(b"\n") + 1],
                       lambda data: data.replace(b'"unit":2', b'"unit":3'), lambda data: data.replace(b'"plan":"', b'"plan":"0')):
            path = self.out / "unit-000002.jsonl"
            path.write_bytes(damage(whole[path.name]))
            (self.out / "unit-000002.partial").write_bytes(b"of other records")
            self.assertEqual(self.tell(5, 3), "2")
            run("stats", "--plan", self.plan, self.out, status=3)
            self.share(2, 5)
            self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, whole)

    def test_damage_in_the_middle(self):
        """Of partials each octet is held, and whose they are; of records, which no answer of a plan reads, their size; and the number
        of lines, for which a plan's state is asked."""
        self.make()
        self.share(1, 1)
        whole = {path.name: path.read_bytes() for path in self.out.iterdir()}

        def middle(data):
            lines = data.splitlines(keepends=True)
            return b"".join(lines[:1] + lines[2:])

        for name, refuses, damage in (("unit-000004.partial", True, lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:]),
                                      ("unit-000004.partial", True, lambda data: data[:-3]), ("unit-000004.partial", True, lambda data: data[:17]),
                                      ("unit-000004.partial", True, lambda data: b""), ("unit-000004.partial", True, lambda data: data + b"\n"),
                                      ("unit-000004.partial", True, lambda data: whole["unit-000003.partial"]),
                                      ("unit-000004.jsonl", True, middle), ("unit-000004.jsonl", True, lambda data: data * 2),
                                      ("unit-000004.jsonl", True, lambda data: b"{}\n" + data), ("unit-000004.jsonl", False, lambda data: bytes(999) + data[999:])):
            (self.out / name).write_bytes(damage(whole[name]))
            told = run("plan", "--status", self.plan, "--shard", 5, self.out, status=3)
            self.assertEqual(told.stdout, b"4\n")
            self.assertIn(b"5 units: 4 done (0 of them with captures that could not be read whole), 0 missing, 1 damaged", told.stderr)
            if refuses:
                self.assertEqual(run("stats", "--plan", self.plan, self.out, status=3).stdout, b"")
            self.share(4, 5)
            self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, whole)

    def test_a_partial_that_is_missing(self):
        """It is made again, of the records that are there."""
        self.make()
        self.share(1, 1)
        before = self.state()
        whole = (self.out / "unit-000003.partial").read_bytes()
        (self.out / "unit-000003.partial").unlink()
        self.assertEqual(self.tell(5, 3), "3")
        self.share(3, 5)
        self.assertEqual((self.out / "unit-000003.partial").read_bytes(), whole)
        self.assertEqual({name: state for name, state in self.state().items() if name != "unit-000003.partial"},
                         {name: state for name, state in before.items() if name != "unit-000003.partial"})

    def test_another_plan(self):
        """Other files, other options: nothing of it is done, and what is there is replaced."""
        self.make()
        self.share(1, 1)
        shutil.copy(SAMPLES / "starttls.pcap", self.store)
        for words in ((), ("--site", "oslo"), ("-f", "tcp port 143")):
            self.make(*words)
            self.assertEqual(len(self.tell(6, 3).split(",")), 6, words)
            self.share(1, 1)
            self.assertEqual(self.tell(6, 0), "")
        self.make()
        self.assertEqual(len(self.tell(6, 3).split(",")), 6)

    def test_options_are_of_the_plan(self):
        """What records depend on is said when the plan is made, and by nobody else."""
        key = self.folder / "key"
        key.write_bytes(bytes(range(32)))
        head = self.make("--site", "oslo", "-f", "tcp port 143", "-d", "udp.port==8473,vxlan", "-d", "udp.port==8474,vxlan",
                         "--memory", "64M", "--redact-key", key)[0]
        self.assertEqual(head["options"], ["--filter=tcp port 143", "--decode-as=udp.port==8473,vxlan", "--decode-as=udp.port==8474,vxlan",
                                           "--memory=64M", "--site=oslo", f"--redact-key={key}"])
        self.share(1, 1)
        rest = [path for path in sorted(self.store.iterdir()) if not path.name.startswith("ring_")]
        options = ("--site", "oslo", "-f", "tcp port 143", "--redact-key", key)
        run("-q", "-T", "jsonl", "--continuous", *options, "-w", self.folder / "ring.jsonl", *sorted(self.store.glob("ring_*")))
        run("-q", "-T", "jsonl", *options, "-w", self.folder / "rest.jsonl", *rest)
        self.assertEqual(run("stats", "-q", "-v", "--plan", self.plan, self.out).stdout,
                         run("stats", "-q", "-v", self.folder / "ring.jsonl", self.folder / "rest.jsonl").stdout)
        for words in (("--site", "oslo"), ("-f", "tcp"), ("-l", key), ("--redact-key", key), ("--memory", "1G"), ("--where", "stream=1"), ("--redact",)):
            self.assertIn(words[0].replace("-f", "--filter").replace("-l", "--keylog").encode(), run("--plan", self.plan, "--out", self.out, *words,
                                                                                           status=2).stderr)

    def test_another_version(self):
        """One that made no plan does no share of it."""
        self.make()
        lines = self.plan.read_bytes().splitlines(keepends=True)
        lines[0] = lines[0].replace(b'"version":"', b'"version":"0.')
        lines[-1] = json.dumps({"type": "end", "sha256": hashlib.sha256(b"".join(lines[:-1])).hexdigest()}).encode() + b"\n"
        self.plan.write_bytes(b"".join(lines))
        self.assertIn(b"make the plan anew", run("--plan", self.plan, "--out", self.out, status=2).stderr)

    def test_a_damaged_plan(self):
        """Whatever octet of it is another one: it is no plan."""
        self.make()
        whole = self.plan.read_bytes()
        for place in range(0, len(whole), 97):
            self.plan.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
            run("--plan", self.plan, "--out", self.out, status=2)
        self.assertFalse(self.out.exists())

    def test_two_workers_on_one_share(self):
        self.make()
        self.share(1, 1)
        whole = {path.name: path.read_bytes() for path in self.out.iterdir()}
        shutil.rmtree(self.out)
        workers = [subprocess.Popen([IMAPID, "-q", "--plan", self.plan, "--out", self.out]) for _ in range(3)]
        self.assertEqual([worker.wait(300) for worker in workers], [0, 0, 0])
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, whole)

    def test_the_folder_without_the_plan(self):
        """A partial beside its records is no second answer."""
        self.make()
        self.share(1, 1)
        done = run("stats", "-v", self.out)
        self.assertNotIn(b"more than once", done.stderr)
        self.assertEqual(done.stdout, run("stats", "-q", "-v", "--plan", self.plan, self.out).stdout)

    def test_a_damaged_capture_is_done_and_said(self):
        (self.store / "broken.pcap").write_bytes(b"no capture at all, whatever its name says")
        (self.store / "cut.pcap").write_bytes((SAMPLES / "idle.pcap").read_bytes()[:-7])
        self.make()
        self.share(1, 1, status=2)
        self.assertEqual(self.tell(1, 0), "")
        before = self.state()
        self.share(1, 1, status=2)  # and the second time, from what is written
        self.assertEqual(self.state(), before)
        self.assertIn(b'"whole":false', b"".join(path.read_bytes() for path in self.out.iterdir()))

    def test_a_capture_that_is_gone(self):
        units = self.make()[1:]
        ring = next(unit for unit in units if len(unit["files"]) > 1)
        hidden = self.store / "ring_00002_20260102030001.pcap"
        hidden.rename(self.folder / "hidden")
        self.share(1, 1, status=3)
        self.assertEqual(self.tell(len(units), 3), str(ring["unit"]), "the others are done, of this one nothing")
        (self.folder / "hidden").rename(hidden)
        self.share(1, 1)
        self.assertEqual(self.tell(1, 0), "")

    def test_no_space(self):
        """A disk that is full is for another time; /dev/full is one."""
        with open("/dev/full", "wb") as full:
            done = subprocess.run([IMAPID, "-q", "-T", "jsonl", SAMPLES / "idle.pcap"], stdout=full, check=False, capture_output=False,
                                  stderr=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 3)

    def test_ended_by_a_signal(self):
        """What was begun is not there, and the next run does it."""
        (self.store / "pipe.pcap").write_bytes(b"")
        self.make()
        (self.store / "pipe.pcap").unlink()
        subprocess.run(["mkfifo", self.store / "pipe.pcap"], check=True)  # where the share waits for ever
        started = subprocess.Popen([IMAPID, "-q", "--plan", self.plan, "--out", self.out], stderr=subprocess.DEVNULL)
        with open(self.store / "pipe.pcap", "wb"):  # opened: the unit is being read
            started.send_signal(signal.SIGTERM)
            self.assertEqual(started.wait(60), -signal.SIGTERM)
        (self.store / "pipe.pcap").unlink()
        (self.store / "pipe.pcap").write_bytes(b"")
        self.assertEqual(self.tell(6, 3).count(",") + 1, 6 - len(list(self.out.glob("unit-*.partial"))))
        self.share(1, 1, status=2)
        self.assertEqual(self.tell(6, 0), "")

    @unittest.skipUnless(shutil.which("parallel"), "GNU parallel is not installed")
    def test_gnu_parallel(self):
        """The script that Slurm runs, under GNU parallel: all, a capture that is gone, one that is damaged."""
        units = self.make("--site", "oslo")[1:]

        def all_shares(status):
            done = subprocess.run([CONTRIB / "parallel/run.sh", self.plan, "3", self.out], check=False, capture_output=True,
                                  env={**os.environ, "IMAPID": str(IMAPID), "JOBS": "2"})
            self.assertEqual(done.returncode, status, done.stderr)

        def answer(status):
            done = subprocess.run([CONTRIB / "answer.sh", self.plan, "3", self.out, "stats", "-q", "-v"], check=False, capture_output=True,
                                  env={**os.environ, "IMAPID": str(IMAPID)})
            self.assertEqual(done.returncode, status, done.stderr)
            return done.stdout

        (self.store / "courier.pcap").rename(self.folder / "hidden")
        all_shares(3)
        self.assertRegex(answer(3).decode(), r"^[123]\n$")
        (self.folder / "hidden").rename(self.store / "courier.pcap")
        all_shares(0)
        run("-q", "-T", "jsonl", "--continuous", "--site", "oslo", "-w", self.folder / "ring.jsonl", *sorted(self.store.glob("ring_*")))
        rest = [path for path in sorted(self.store.iterdir()) if not path.name.startswith("ring_")]
        self.assertEqual(answer(0), run("stats", "-q", "-v", "--site", "oslo", self.folder / "ring.jsonl", *rest).stdout)
        self.assertEqual(len(units), 5)
        (self.store / "broken.pcap").write_bytes(b"no capture at all")
        self.make()
        shutil.rmtree(self.out)
        all_shares(2)

    def test_usage(self):
        self.make()
        for words in (("--plan", self.plan), ("--out", self.out), ("--shard", "1/2", self.store), ("--plan", self.plan, "--out", self.out, self.store),
                      ("--plan", self.plan, "--out", self.out, "-T", "csv"), ("--plan", self.plan, "--out", self.out, "--redact"),
                      *(("--plan", self.plan, "--out", self.out, "--shard", bad) for bad in ("0/2", "3/2", "2", "a/b", "1/0", "-1/2", "1/2/3"))):
            run(*words, status=2)
        self.assertFalse(self.out.exists())
        run("--plan", self.folder / "none", "--out", self.out, status=3)
        for bad in (b"", b"{}\n", b"x", self.plan.read_bytes()[:-9], b"\n".join(self.plan.read_bytes().splitlines()[:-1]) + b"\n"):
            self.plan.write_bytes(bad)
            run("--plan", self.plan, "--out", self.out, status=2)


if __name__ == "__main__":
    IMAPID = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
