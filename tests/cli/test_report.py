#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The report in a real browser: it runs nothing from the data, asks nothing of the network, sorts and searches.

test_report.py IMAPID
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from chromium import Chromium

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAPID = str(pathlib.Path(sys.argv.pop(1)).resolve())

MARK = "document.title='run'"
HOSTILE = [f"<script>{MARK}</script>", f"</script><script>{MARK}</script>", f"</style><script>{MARK}</script>",
           f"<img src=x onerror={MARK}>", f"\" onmouseover=\"{MARK}", f"' onfocus='{MARK}' autofocus tabindex=1 '", f"javascript:{MARK}",
           f"<svg onload={MARK}>", f"<iframe srcdoc='<script>{MARK}</script>'>", "<meta http-equiv=refresh content='0;url=https://example.org/'>",
           "<link rel=stylesheet href=https://example.org/x.css>", "<base href=https://example.org/>", "--><!--", "]]>", "&#60;b&#62;",
           "\u202eevil", "nul\0nul", "x" * 20000, "\ufffe\uffff", "</td></tr></table><h1>moved</h1>"]


def records():
    for i, value in enumerate(HOSTILE):
        time = f"2026-01-02T03:04:{i:02}.000000000Z"
        conn = {"schema": 1, "file": value.replace("\0", ""), "stream": i, "client": {"ip": "10.0.0.5", "port": 40000 + i},
                "server": {"ip": "2001:db8::1", "port": 143}}
        half = {"frame": 4, "time": time, "params": [["name", value], [value[:60], value], ["environment", value]], "raw": value}
        finding = {"severity": "x", "section": "x", "message": value}
        yield {"type": "exchange", **conn, "tag": value[:20].replace("\0", ""), "time": time, "command": half, "response": half,
               "result": {"frame": 5, "status": "BAD", "text": value}, "rtt": None, "security": "none", "compressed": False,
               "state": "unknown", "complete": True,
               "findings": [dict(finding, code=c, side=s, field=f) for c, s, f in
                            (("bad-string", "client", "name"), ("discloses-environment", "server", "environment"),
                             ("unique-identifier", "client", value[:60]), ("rejected", "server", None))]}
        yield {"type": "session", **conn, "first": time, "last": time, "security": "none", "compressed": False, "id_advertised": None,
               "exchanges": 1, "from_start": True, "lost_bytes": 0, "resyncs": 0, "decrypted": False,
               "not_decrypted": value[:100].replace("\0", ""), "findings": []}


def ended(records):
    records = list(records)
    return [*records, {"type": "end", "inputs": 1, "records": len(records)}]


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.chromium = Chromium()
        for name, data in (("samples", None), ("hostile", "".join(json.dumps(r) + "\n" for r in ended(records())).encode())):
            page = pathlib.Path(cls.folder.name, name + ".html")
            subprocess.run([IMAPID, "report", "-q", "-w", page, "-" if data else "samples"], input=data, cwd=ROOT, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.chromium.close()
        cls.folder.cleanup()

    def tearDown(self):
        self.chromium.call("Emulation.clearDeviceMetricsOverride")
        self.chromium.call("Emulation.setEmulatedMedia", media="", features=[])

    def open(self, name):
        self.chromium.goto(f"file://{self.folder.name}/{name}.html")

    def js(self, expression):
        return self.chromium.evaluate(expression)

    def test_nothing_from_the_data_runs(self):
        self.open("hostile")
        self.js("document.querySelectorAll('details').forEach(d => d.open = true)")
        self.js("document.querySelectorAll('#main *').forEach(e => { e.dispatchEvent(new Event('mouseover')); e.dispatchEvent(new Event('focus')); })")
        self.assertEqual(self.js("document.title"), "Who speaks IMAP")
        self.assertEqual(self.js("document.querySelectorAll('script').length"), 1)
        self.assertEqual(self.js("document.querySelectorAll('img,iframe,link,base,object,embed,form').length"), 0)
        self.assertEqual(self.js("Array.from(document.querySelectorAll('*')).filter(e => e.getAttributeNames().some(n => n.startsWith('on'))).length"), 0)
        self.assertEqual(self.js("document.querySelectorAll('h1').length"), 1)
        self.assertEqual(self.js("document.querySelector('#exchanges').tBodies[0].rows.length"), len(HOSTILE))
        self.assertIn(HOSTILE[0], self.js("document.querySelector('#exchanges').textContent"))

    def test_policy_is_in_force(self):
        self.open("samples")
        self.js(f"const s = document.createElement('script'); s.textContent = \"{MARK}\"; document.body.append(s)")
        self.js(f"const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i)")
        self.assertEqual(self.js("document.title"), "Who speaks IMAP")
        told = " ".join(json.dumps(e) for e in self.chromium.told("Log.entryAdded"))
        self.assertIn("Content Security Policy", told)

    def test_no_network_no_errors(self):
        for name in ("samples", "hostile"):
            self.open(name)
            self.js("document.querySelectorAll('details').forEach(d => d.open = true)")
            urls = {e["params"]["request"]["url"] for e in self.chromium.told("Network.requestWillBeSent")}
            self.assertEqual(urls, {f"file://{self.folder.name}/{name}.html"})
            self.assertEqual(self.chromium.told("Log.entryAdded", "Runtime.exceptionThrown"), [])

    def test_search(self):
        self.open("samples")
        self.js("const box = document.getElementById('search'); box.value = 'thunderbird tls'; box.dispatchEvent(new Event('input'))")
        shown = self.js("Array.from(document.querySelectorAll('#exchanges tbody tr')).filter(r => !r.hidden).map(r => r.textContent.toLowerCase())")
        self.assertTrue(0 < len(shown) < 60)
        self.assertTrue(all("thunderbird" in text and "tls" in text for text in shown))
        self.assertTrue(self.js("document.getElementById('count').textContent").startswith(f"{len(shown)} of "))

    def test_sort_with_the_keyboard(self):
        self.open("samples")
        column = "Array.from(document.querySelectorAll('#exchanges tbody tr')).map(r => r.cells[%d].textContent)"
        frame = self.js("Array.from(document.querySelectorAll('#exchanges thead th')).findIndex(h => h.textContent === 'Frame')")
        for index, key in ((0, str), (frame, int)):
            self.js(f"document.querySelectorAll('#exchanges thead button')[{index}].focus()")
            for direction in ("ascending", "descending"):
                self.chromium.press(" ", 32)
                values = list(map(key, self.js(column % index)))
                self.assertEqual(values, sorted(values, reverse=direction == "descending"))
                self.assertEqual(self.js(f"document.querySelectorAll('#exchanges th')[{index}].getAttribute('aria-sort')"), direction)

    def test_links_open_what_they_name(self):
        self.open("samples")
        name = self.js("document.querySelector('#findings').parentNode.querySelector('a[href^=\"#x\"]').getAttribute('href')")
        self.js(f"location.hash = '{name}'")
        self.chromium.screenshot()
        self.assertTrue(self.js(f"document.querySelector('{name} details').open"))

    def test_without_scripts_everything_is_there(self):
        self.chromium.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.open("samples")
            tree = self.chromium.call("Accessibility.getFullAXTree")["nodes"]
        finally:
            self.chromium.call("Emulation.setScriptExecutionDisabled", value=False)
        self.maxDiff = 300
        names = {(n["role"]["value"], n["name"]["value"]) for n in tree if "name" in n and "role" in n}
        self.assertIn(("heading", "Who speaks IMAP"), names)
        self.assertIn(("navigation", "Sections"), names)
        self.assertIn(("region", "Clients by version"), names)
        self.assertNotIn(("searchbox", "Search "), names)
        self.assertTrue(any(role == "image" and "over time" in name for role, name in names))

    def test_light_dark_and_paper(self):
        colours = set()
        for scheme in ("light", "dark"):
            self.chromium.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
            self.open("samples")
            colours.add(self.js("getComputedStyle(document.body).backgroundColor"))
            self.assertTrue(self.chromium.screenshot())
        self.assertEqual(len(colours), 2)
        self.chromium.call("Emulation.setEmulatedMedia", media="", features=[])
        self.assertTrue(self.chromium.call("Page.printToPDF")["data"])

    def test_paper(self):
        """On a sheet of A4 or Letter nothing is cut or dark, and heads can be repeated: no browser does with buttons in them."""
        for name in ("samples", "hostile"):
            for width in (690, 703, 725):  # margins taken off
                self.chromium.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
                self.chromium.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
                self.open(name)
                self.assertLessEqual(self.js("document.documentElement.scrollWidth"), width, name)
                self.assertEqual(self.js("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
                self.assertEqual(self.js("getComputedStyle(document.querySelector('.error')).color"), "rgb(179, 38, 30)")
                self.assertEqual(self.js("Array.from(document.querySelectorAll('thead button')).filter(b => b.offsetParent).length"), 0)
                self.assertEqual(self.js("Array.from(document.querySelectorAll('#exchanges th')).map(h => getComputedStyle(h, '::before').content).includes('none')"), False)
                self.assertEqual(self.js("Array.from(document.querySelectorAll('section')).filter(s => s.offsetHeight < 20).length"), 0)
                last = "getComputedStyle(document.querySelector('#exchanges tbody tr').lastElementChild).display"
                self.assertEqual(self.js(last), "none")
                self.js("document.querySelector('#exchanges details').open = true")
                self.assertNotEqual(self.js(last), "none")  # what was opened is printed

    def test_what_opens_comes_into_view(self):
        for width in (360, 1280):
            self.chromium.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
            self.open("samples")
            self.js("document.querySelector('#exchanges summary').focus()")
            self.chromium.press(" ", 32)
            self.chromium.screenshot()
            right = "Math.round(document.querySelector(%r).getBoundingClientRect().right)"
            self.assertTrue(self.js("document.querySelector('#exchanges details').open"))
            self.assertLessEqual(self.js(right % "#exchanges details"), self.js(right % "#exchanges") + 1)
            self.assertLessEqual(self.js(right % "#exchanges details"), width)

    def test_the_keyboard_reaches_everything_in_order(self):
        self.chromium.call("Emulation.setDeviceMetricsOverride", width=1280, height=800, deviceScaleFactor=1, mobile=False)
        self.open("samples")
        seen = []
        for _ in range(16):
            self.chromium.press("Tab", 9)
            seen.append(self.js("(e => e.tagName + ' ' + (e.getAttribute('href') || e.getAttribute('aria-labelledby') || e.textContent))(document.activeElement)"))
            self.assertNotEqual(self.js("getComputedStyle(document.activeElement).outlineStyle"), "none", seen[-1])
        self.assertEqual(seen[0], "A #main")
        self.assertEqual(seen[1:10], [f"A #{i}" for i in ("totals", "missed", "time", "clients", "servers", "findings", "privacy", "chains", "all-exchanges")])
        self.assertEqual(seen[10:15], ["SUMMARY Which ones", "SUMMARY The numbers", "DIV clients", "DIV servers", "DIV findings"])
        # whatever scrolls can be scrolled with the keyboard, and has a name
        self.assertEqual(self.js("Array.from(document.querySelectorAll('.scroll')).filter(e => e.tabIndex !== 0 || e.getAttribute('role') !== 'region'"
                                 " || !document.getElementById(e.getAttribute('aria-labelledby'))).length"), 0)

    def test_nothing_is_wider_than_the_window(self):
        for name in ("samples", "hostile"):
            for width in (360, 1280):
                self.chromium.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
                self.open(name)
                self.assertLessEqual(self.js("document.documentElement.scrollWidth"), width, name)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
