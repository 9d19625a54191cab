#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `cmake --install` puts where, and what Wireshark makes of it."""
import os
import pathlib
import re
import subprocess
import unittest
import zipfile

import case
import pcap

BUILD = os.path.dirname(os.path.abspath(os.environ.get("IMAPID_PLUGINS", "build/plugins")))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROFILE = "IMAP ID"


def install(*arguments, **environment):
    done = subprocess.run(["cmake", "--install", BUILD, *arguments], capture_output=True, check=False, text=True,
                          env={**os.environ, **environment})
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)


def files(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


TOOL = ["bin/imapid", "share/bash-completion/completions/imapid", "share/doc/imapid/imapid-findings.7.html", "share/doc/imapid/imapid-fleet.7.html",
        "share/doc/imapid/imapid.1.html", "share/doc/imapid/manual.css", "share/fish/vendor_completions.d/imapid.fish", "share/imapid/imapid-records.schema.json", "share/imapid/imapid@.service", "share/man/man1/imapid.1", "share/man/man7/imapid-findings.7", "share/man/man7/imapid-fleet.7", "share/zsh/site-functions/_imapid"]


class System(case.Case):
    def test_parts(self):
        found = {}
        for part in ("tool", "plugin", "system"):
            root = os.path.join(self.shark.folder, part)
            install("--prefix", "/opt/some where", "--component", part, DESTDIR=root)
            found[part] = files(root)
        self.assertEqual(found["tool"], [f"opt/some where/{path}" for path in TOOL])
        self.assertEqual(found["system"], sorted(found["tool"] + found["plugin"]))
        self.assertIn("usr/share/metainfo/org.wireshark.Wireshark.Plugin.imapid.metainfo.xml", found["plugin"])

    def test_manuals_as_pages(self):
        """They link to each other, and nowhere to what is not there."""
        root = os.path.join(self.shark.folder, "pages")
        install("--prefix", "/usr", "--component", "tool", DESTDIR=root)
        folder = pathlib.Path(root, "usr/share/doc/imapid")
        for name, other in (("imapid.1.html", "imapid-findings.7.html"), ("imapid-findings.7.html", "imapid.1.html"),
                            ("imapid-fleet.7.html", "imapid.1.html")):
            text = (folder / name).read_text(encoding="utf-8")
            links = set(re.findall(r'href="([^"#]+)', text))
            self.assertIn(other, links)
            self.assertEqual({link for link in links if "://" not in link} - set(files(folder)), set())
            self.assertIn("</html>", text)

    def test_beside_wireshark(self):
        root = os.path.join(self.shark.folder, "root")
        install(DESTDIR=root)
        found = files(root)
        plugins = [path for path in found if path.endswith("/imapid.so")]
        profile = [path for path in found if f"/profiles/{PROFILE}/" in path]
        self.assertRegex(plugins[0], r"^usr/lib/.*wireshark/plugins/\d+\.\d+/epan/imapid\.so$")
        self.assertEqual(len(plugins), 1)
        self.assertEqual([os.path.basename(path) for path in profile],
                         ["colorfilters", "dfilter_buttons", "preferences", "recent"])
        self.assertTrue(all(path.startswith("usr/share/wireshark/profiles/") for path in profile), profile)


class User(case.Case):
    """The plugin and the profile of the user's own folder, with nothing else told to tshark."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        install("--component", "user", HOME=cls.shark.home, XDG_CONFIG_HOME="")
        cls.shark.open_up()
        cls.shark.environment["WIRESHARK_PLUGIN_DIR"] = os.path.join(cls.shark.folder, "none")

    def tshark(self, name, *arguments):
        # The personal plugins, but not those of the environment.
        return self.shark.tshark(self.sample(name), *arguments, with_plugin=False)

    def test_nothing_else_is_there(self):
        found = [path for path in files(self.shark.home) if not path.startswith(f".config/wireshark/profiles/{PROFILE}/")]
        plugin = [path for path in found if path.startswith(".local/lib/")]
        self.assertRegex(" ".join(plugin), r"^\.local/lib/wireshark/plugins/\d+\.\d+/epan/imapid\.so$")
        self.assertEqual(found, sorted([f".local/{path}" for path in TOOL] + plugin))

    def test_the_plugin_is_loaded(self):
        self.assertIn("ID: Thunderbird", self.tshark("thunderbird-dovecot.pcapng", "-Y", "imapid.request"))

    def test_columns(self):
        text = self.tshark("thunderbird-dovecot.pcapng", "-C", PROFILE, "-2")
        for line in text.splitlines():
            self.assertRegex(line, r"Thunderbird\s+153\.7\.0\s+Dovecot")

    def test_out_of_order_is_put_in_order(self):
        talk = pcap.Talk().handshake().server(b"* OK ready\r\n").client(b'a1 ID ("name" ').client(b'"x")\r\n')
        talk.packets[4:6] = reversed(talk.packets[4:6])
        for profile in (("-C", PROFILE), ()):
            shown = self.shark.tshark(self.capture(talk), *profile, "-Y", "imapid.request", with_plugin=False)
            self.assertIn("ID: x", shown, profile)

    def test_inside_tls_the_profile_puts_in_order(self):
        """In the clear the plugin does so itself; TLS is given segments by TCP."""
        path = os.path.join(self.shark.home, ".config/wireshark/profiles", PROFILE, "preferences")
        with open(path, encoding="utf-8") as file:
            self.assertIn("tcp.reassemble_out_of_order: TRUE\n", file.readlines())

    def test_filters_are_filters(self):
        """Of the buttons and the colours: tshark says where one cannot be understood."""
        folder = os.path.join(self.shark.home, ".config/wireshark/profiles", PROFILE)
        with open(os.path.join(folder, "dfilter_buttons"), encoding="utf-8") as file:
            buttons = [line.split('","')[2].replace(r"\x22", '"') for line in file if line.startswith('"')]
        with open(os.path.join(folder, "colorfilters"), encoding="utf-8") as file:
            colours = [line.split("@")[2] for line in file if line.startswith("@")]
        self.assertEqual((len(buttons), len(colours)), (5, 9))
        for display_filter in buttons + colours:
            self.tshark("dovecot-proxy.pcapng", "-2", "-Y", display_filter)
        self.assertTrue(self.tshark("dovecot-proxy.pcapng", "-2", "-Y", buttons[3]))

    def test_the_archive(self):
        with zipfile.ZipFile(os.path.join(BUILD, "imapid-profile.zip")) as archive:
            names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        self.assertEqual(names, [f"{PROFILE}/{name}" for name in ("colorfilters", "dfilter_buttons", "preferences", "recent")])


def manifest(folder):
    """Every file and folder, with what is in it."""
    return {os.path.join(where, name): name in names and pathlib.Path(where, name).read_bytes()
            for where, folders, names in os.walk(folder) for name in folders + names}


class Dev(case.Case):
    """./dev install --user and ./dev uninstall --user, of a user who cannot write beside the build."""

    def dev(self, *words):
        command = ["./dev", *words]
        if not os.geteuid():
            command = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300,
                              env={**os.environ, "HOME": self.shark.home, "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""})
        return done.returncode, done.stdout + done.stderr

    def test_what_was_there_is_there_again(self):
        if os.path.join(ROOT, "build") != BUILD:
            self.skipTest("./dev installs what stands in build/")
        self.shark.open_up()
        mine = pathlib.Path(self.shark.home, ".config/wireshark/profiles/mine")
        mine.mkdir(parents=True)
        (mine / "preferences").write_text("# mine\n")
        subprocess.run(["chmod", "-R", "a+rwX", self.shark.home], check=True)
        before = manifest(self.shark.home)
        for _ in range(2):  # the second time over the first
            self.assertEqual(self.dev("install", "--user")[0], 0)
        tool = os.path.join(self.shark.home, ".local/bin/imapid")
        self.assertIn("imapid 0.", subprocess.run([tool, "-V"], capture_output=True, text=True, check=True).stdout)
        profile = pathlib.Path(self.shark.home, ".config/wireshark/profiles", PROFILE)
        self.assertTrue((profile / "preferences").is_file())
        (profile / "mine too").write_text("")
        self.assertEqual(self.dev("uninstall", "--user")[0], 0)
        self.assertEqual(files(profile), ["mine too"])
        (profile / "mine too").unlink()
        profile.rmdir()
        self.assertEqual(manifest(self.shark.home), before)
        status, said = self.dev("uninstall", "--user")
        self.assertEqual(status, 1)
        self.assertIn("has installed nothing here", said)


if __name__ == "__main__":
    unittest.main()
