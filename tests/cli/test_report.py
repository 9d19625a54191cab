#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The report in a real browser: it runs nothing from the data, asks nothing of the network, filters, sorts and opens.

test_report.py IMAPID: without Chromium it is skipped; without what npm/package-lock.json names, which `./dev test` puts into build/npm,
axe-core and html-validate are. A sanitized program makes the pages, and the browser sees those of the other one.
"""
import base64
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from chromium import Chromium
from sanitized import is_sanitized

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MODULES = ROOT / "build/npm/node_modules"
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


def many(n):
    """Connections of some programs and servers, over 25 days."""
    draw, n_records = random.Random(1), 0
    programs = [("Thunderbird", ["128.4.3", "115.16.1"]), ("iPhone Mail", ["22B83", "22A3370"]), ("Outlook", ["16.0"]), ("imapsync", ["2.290"])]
    for i in range(n):
        program, versions = draw.choice(programs)
        began = datetime.datetime(2026, 11, 1) + datetime.timedelta(seconds=i * 2160000 / n)
        time = began.strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
        security = draw.choice(["tls", "tls", "starttls", "none"])
        conn = {"schema": 1, "file": f"captures/imap-{i // 100}.pcapng", "stream": i % 100, "client": {"ip": f"198.51.100.{i % 90}", "port": 20000 + i},
                "server": {"ip": f"203.0.113.{draw.randrange(10, 17)}", "port": 993}}
        yield {"type": "exchange", **conn, "tag": "a2", "time": time,
               "command": {"frame": 9, "time": time, "params": [["name", program], ["version", draw.choice(versions)]]},
               "response": {"frame": 11, "time": time, "params": [["name", "Dovecot"], ["version", "2.3.21"]]},
               "result": {"frame": 11, "status": "OK", "text": "ID completed."}, "rtt": None, "security": security, "compressed": False,
               "state": "unknown", "complete": True, "findings": []}
        yield {"type": "session", **conn, "first": time, "last": time, "security": security, "compressed": False, "id_advertised": None, "exchanges": 1,
               "from_start": True, "lost_bytes": 0, "resyncs": 0, "decrypted": None, "not_decrypted": None, "findings": []}


FEW = ("dovecot-proxy.pcapng", "malformed-before-login.pcap", "tls-no-keys.pcap", "thunderbird-*.pcap*", "curl-*.pcap*", "imapflow-*.pcap*",
       "idle.pcap", "begun-late.pcap")  # of everything something, for what looks at each element
PAGES = {"samples": ["samples"], "one": ["samples/thunderbird-dovecot-compress.pcapng"], "hostile": records, "many": lambda: many(300),
         "few": sorted(str(path) for name in FEW for path in (ROOT / "samples").glob(name))}
CHECKED = ("few", "one", "hostile")  # by axe-core and html-validate


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        for name, source in PAGES.items():
            data = None if isinstance(source, list) else "".join(json.dumps(r) + "\n" for r in ended(source())).encode()
            subprocess.run([IMAPID, "report", "-q", "-w", cls.path(name), *(source if data is None else "-")], input=data, cwd=ROOT, check=True,
                           env={**os.environ, "TZ": "UTC"})
        if is_sanitized(IMAPID):
            raise unittest.SkipTest("the pages are made; what a browser does with them is the same without sanitizers")
        if not shutil.which("chromium"):
            raise unittest.SkipTest("there is no chromium")
        cls.chromium = Chromium()
        cls.addClassCleanup(cls.chromium.close)

    @classmethod
    def path(cls, name):
        return pathlib.Path(cls.folder.name, name + ".html")

    def tearDown(self):
        self.chromium.call("Emulation.clearDeviceMetricsOverride")
        self.chromium.call("Emulation.setEmulatedMedia", media="", features=[])

    def open(self, name, tokens=""):
        self.chromium.goto("about:blank")
        self.chromium.goto(f"file://{self.path(name)}{tokens}")

    def width(self, width, height=900):
        self.chromium.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def js(self, expression):
        return self.chromium.evaluate(expression)

    def click(self, selector):
        self.js(f"document.querySelector({selector!r}).dispatchEvent(new MouseEvent('click', {{bubbles: true, cancelable: true}}))")

    def shown(self):
        return self.js("Array.from(document.querySelectorAll('#x tbody[data-k]')).filter(r => !r.hidden).length")

    def matching(self, token):
        return self.js(f"Array.from(document.querySelectorAll('#x tbody[data-k]')).filter(r => r.dataset.k.includes(' {token} ')).length")

    # ---- hostile ----

    def test_nothing_from_the_data_runs(self):
        self.open("hostile")
        self.js("document.querySelectorAll('details').forEach(d => d.open = true)")
        self.js("document.querySelectorAll('#main *').forEach(e => { e.dispatchEvent(new Event('mouseover')); e.dispatchEvent(new Event('focus')); })")
        self.assertEqual(self.js("document.title"), "Who speaks IMAP")
        self.assertEqual(self.js("Array.from(document.scripts).map(s => s.type)"), ["", "application/json", ""])
        self.assertEqual(self.js("document.querySelectorAll('img,iframe,link,base,object,embed,form').length"), 0)
        self.assertEqual(self.js("Array.from(document.querySelectorAll('*')).filter(e => e.getAttributeNames().some(n => n.startsWith('on') || n == 'style')).length"), 0)
        self.assertEqual(self.js("document.querySelectorAll('h1').length"), 1)
        self.assertEqual(self.js("document.querySelectorAll('#x tbody[data-k]').length"), len(HOSTILE))
        self.assertIn(HOSTILE[0], self.js("document.querySelector('#x').textContent"))
        names = json.loads(self.js("document.querySelector('#names').textContent"))
        self.assertTrue(any("<script>" in name for name in names.values()))
        self.assertTrue(all(re.fullmatch(r"[a-z][a-z0-9.-]*", token) for token in names), names.keys())

    def test_policy_is_in_force(self):
        self.open("samples")
        self.js(f"const s = document.createElement('script'); s.textContent = \"{MARK}\"; document.body.append(s)")
        self.js(f"const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i)")
        self.assertEqual(self.js("document.title"), "Who speaks IMAP")
        told = " ".join(json.dumps(e) for e in self.chromium.told("Log.entryAdded"))
        self.assertIn("Content Security Policy", told)

    def test_policy_has_the_hashes_of_what_is_there(self):
        text = self.path("samples").read_text()
        blocks = re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", text, re.S)
        hashes = {base64.b64encode(hashlib.sha256("".join(b).encode()).digest()).decode() for b in blocks}
        self.assertEqual(len(hashes), 3)
        self.assertEqual(set(re.findall(r"'sha256-([^']*)'", text)), hashes)

    def test_no_network_no_errors(self):
        for name in PAGES:
            self.open(name)
            self.js("document.querySelectorAll('details').forEach(d => d.open = true)")
            urls = {e["params"]["request"]["url"] for e in self.chromium.told("Network.requestWillBeSent")} - {"about:blank"}
            self.assertEqual(urls, {f"file://{self.path(name)}"})
            self.assertEqual(self.chromium.told("Log.entryAdded", "Runtime.exceptionThrown"), [])

    # ---- what a click finds ----

    def test_every_number_leads_to_so_many_rows(self):
        """A bar, a part of the chart, a cell that says n shows n rows."""
        for name in ("samples", "many"):
            self.open(name)
            links = self.js("""Array.from(document.querySelectorAll('#main a[data-k]')).map(a => {
                const row = a.closest('li, tr'), cell = a.closest('.mx td');
                const number = a.matches('.bar') ? a.getAttribute('aria-label').match(/: ([0-9,]+) conn/)[1]
                    : cell ? a.lastChild.textContent : row && row.querySelector('.v, b.n, td.n, .ns b') ? row.querySelector('.v, b.n, td.n, .ns b').textContent : null;
                return a.closest('.lat, .cards, #findings, .ns') ? null : [a.dataset.k, number];
            }).filter(x => x && x[1])""")
            self.assertGreater(len(links), 20)
            tokens = self.js("Array.from(document.querySelectorAll('#x tbody[data-k]')).map(r => r.dataset.k.split(' '))")
            for token, number in links:
                n = sum(all(t in row for t in token.split(" ")) for row in tokens)
                self.assertEqual(n, int(number.replace(",", "")), (name, token))

    def test_a_link_chooses_and_back_undoes_it(self):
        self.open("many")
        n = self.matching("p0")
        self.click("#software a[data-k=p0]")
        self.assertEqual(self.js("location.hash"), "#f=p0")
        self.assertIn(str(n), self.js("document.querySelector('#count').textContent"))
        self.assertEqual(self.shown(), n)
        self.click("#chips button")  # takes the filter away
        self.assertEqual(self.js("document.querySelector('#chips').children.length"), 0)
        self.js("history.back()")
        self.chromium.screenshot()
        self.assertEqual(self.js("document.querySelector('#chips').children.length"), 1)

    def test_an_address_can_be_sent(self):
        self.open("many", "#f=p1+s2")
        n = self.js("Array.from(document.querySelectorAll('#x tbody[data-k]')).filter(r => r.dataset.k.includes(' p1 ') && r.dataset.k.includes(' s2 ')).length")
        self.assertGreater(n, 0)
        self.assertEqual(self.shown(), min(n, 100))
        self.open("many", "#f=constructor+__proto__+p9999")  # what is no token chooses nothing
        self.assertEqual(self.chromium.told("Runtime.exceptionThrown"), [])
        self.assertEqual(self.shown(), 100)
        self.click("#more")
        self.assertEqual(self.shown(), 300)

    def test_search(self):
        self.open("samples", "#q=thunderbird+tls")
        shown = self.js("Array.from(document.querySelectorAll('#x tbody[data-k]')).filter(r => !r.hidden).map(r => r.textContent.toLowerCase())")
        self.assertTrue(0 < len(shown) < 60)
        self.assertTrue(all("thunderbird" in text and "tls" in text for text in shown))
        self.assertIn(f"{len(shown)} of ", self.js("document.querySelector('#count').textContent"))

    def test_sort_with_the_keyboard(self):
        self.open("many")
        column = "Array.from(document.querySelectorAll('#x tbody[data-k]')).map(r => r.querySelector('[data-c=c]').textContent.toLowerCase())"
        self.js("document.querySelectorAll('#x thead button')[1].focus()")
        for direction in ("ascending", "descending"):
            self.chromium.press(" ", 32)
            values = self.js(column)
            self.assertEqual(values, sorted(values, reverse=direction == "descending"))
            self.assertEqual(self.js("document.querySelectorAll('#x th')[1].getAttribute('aria-sort')"), direction)

    def test_a_chart_is_one_stop_and_arrows_walk_in_it(self):
        self.open("many")
        self.assertEqual(self.js("Array.from(document.querySelectorAll('#time a.bar')).filter(b => b.getAttribute('tabindex') === '0').length"), 1)
        self.js("document.querySelector('#time a.bar').focus()")
        first = self.js("document.querySelector('#rd').textContent")
        self.chromium.press("ArrowRight", 39)
        second = self.js("document.querySelector('#rd').textContent")
        self.assertNotEqual(first, second)
        self.assertRegex(second, r"connections \(\d+ TLS")

    def test_a_row_opens(self):
        for width in (360, 1280):
            self.width(width)
            self.open("samples")
            self.js("document.querySelector('#x .r button').focus()")
            self.chromium.press(" ", 32)
            self.assertEqual(self.js("document.querySelector('#x .r button').getAttribute('aria-expanded')"), "true")
            self.assertIn("wireshark -r ", self.js("document.querySelector('#x .d.open').innerText"))
            self.assertEqual(self.js("document.querySelector('#x .d.open button').textContent"), "Copy")
            self.assertLessEqual(self.js("Math.round(document.querySelector('#x .d.open div').getBoundingClientRect().right)"), width)

    def test_one_connection_has_a_page_of_its_own(self):
        self.open("one")
        self.assertIn("Thunderbird", self.js("document.querySelector('h1').textContent"))
        self.assertEqual(self.js("document.querySelectorAll('.id').length"), 2)
        self.assertIn("C 66 ID", self.js("document.querySelector('#list pre').textContent"))
        self.assertEqual(self.js("document.querySelectorAll('#x, #time, #pairs, .rows').length"), 0)

    # ---- by others' rules ----

    def module(self, path):
        if not (MODULES / path).exists():
            self.skipTest(f"there is no {MODULES / path}: ./dev test installs it, with npm and a network")
        return MODULES / path

    def test_axe(self):
        """No violation, all opened: in the light every rule, in the dark those of colours, on a phone the others."""
        source = self.module("axe-core/axe.min.js").read_text()
        colours = ["color-contrast", "link-in-text-block"]
        standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        looks = {("light", 1280): {"runOnly": standards}, ("dark", 1280): {"runOnly": colours},
                 ("light", 390): {"runOnly": standards, "rules": {rule: {"enabled": False} for rule in colours}}}
        self.chromium.call("Page.setBypassCSP", enabled=True)
        self.addCleanup(self.chromium.call, "Page.setBypassCSP", enabled=False)
        self.open("samples")
        sections = "Array.from(document.querySelectorAll('#main > section')).map(s => s.id)"
        every = self.js(sections)
        for name in CHECKED:
            self.open(name)
            if name == "few":
                self.assertEqual(self.js(sections), every)
            self.js("document.querySelectorAll('details').forEach(d => d.open = true); document.querySelectorAll('#x .r').forEach(r => r.click())")
            self.js(source)
            for (scheme, width), options in looks.items():
                self.width(width)
                self.chromium.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
                found = self.chromium.call("Runtime.evaluate", awaitPromise=True, returnByValue=True, expression=f"""
                    axe.run(document, {json.dumps({"resultTypes": ["violations"], **options})}).then(done => [done.passes.length,
                        ...done.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + ' ' + n.failureSummary).join('; '))])""")
                n_passes, *violations = found["result"]["value"]
                self.assertEqual(violations, [], (name, scheme, width))
                self.assertGreater(n_passes, 0)

    def test_html_validate(self):
        program = self.module("html-validate/bin/html-validate.mjs")
        done = subprocess.run(["node", program, "--config", HERE / "npm/htmlvalidate.json", *map(self.path, CHECKED), self.path("samples")], capture_output=True,
                              text=True, check=False, cwd=HERE)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    # ---- everywhere ----

    def test_without_scripts_everything_is_there(self):
        self.chromium.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.open("many")
            tree = self.chromium.call("Accessibility.getFullAXTree")["nodes"]
        finally:
            self.chromium.call("Emulation.setScriptExecutionDisabled", value=False)
        self.maxDiff = 300
        names = {(n["role"]["value"], n["name"]["value"]) for n in tree if "name" in n and "role" in n and not n.get("ignored")}
        self.assertIn(("navigation", "Sections"), names)
        self.assertIn(("region", "Client software"), names)
        self.assertFalse(any(role == "searchbox" for role, _ in names))
        text = " ".join(name for role, name in names if role == "StaticText")
        self.assertGreaterEqual(len(re.findall(r"wireshark -r captures/imap-\d+\.pcapng", " ".join(n["name"]["value"] for n in tree if "name" in n
                                                                                              and n["role"]["value"] == "StaticText"))), 300, text[:100])

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
        """On a sheet of A4 or Letter nothing is cut or dark, and what only a screen can do is not there."""
        for name in ("samples", "hostile", "one"):
            for width in (690, 725):  # margins taken off
                self.width(width)
                self.chromium.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
                self.open(name)
                self.assertLessEqual(self.js("document.documentElement.scrollWidth"), width, name)
                self.assertEqual(self.js("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
                self.assertEqual(self.js("Array.from(document.querySelectorAll('nav, .js, #q, .go')).filter(e => e.offsetParent).length"), 0)
                self.assertEqual(self.js("Array.from(document.querySelectorAll('section')).filter(s => s.offsetHeight < 20).length"), 0)

    def test_the_keyboard_reaches_everything_in_order(self):
        self.width(1280)
        self.open("samples")
        seen = []
        for _ in range(14):
            self.chromium.press("Tab", 9)
            seen.append(self.js("(e => e.tagName + ' ' + (e.getAttribute('href') || e.getAttribute('aria-label') || e.textContent))(document.activeElement)"))
            self.assertNotEqual(self.js("getComputedStyle(document.activeElement).outlineStyle"), "none", seen[-1])
        self.assertEqual(seen[0], "A #main")
        self.assertEqual(seen[1:12], [f"A #{i}" for i in ("todo", "missed", "software", "servers", "security", "time", "pairs", "answers", "findings", "chains", "list")])
        self.assertEqual(seen[12], "A #list")
        # whatever scrolls can be scrolled with the keyboard, and has a name
        self.assertEqual(self.js("Array.from(document.querySelectorAll('.scroll')).filter(e => e.tabIndex !== 0 || e.tagName !== 'SECTION'"
                                 " || !e.getAttribute('aria-label')).length"), 0)

    def test_nothing_is_wider_than_the_window(self):
        for name in PAGES:
            for width in (360, 1280):
                self.width(width)
                self.open(name)
                self.assertLessEqual(self.js("document.documentElement.scrollWidth"), width, name)

    def test_budgets(self):
        data = "".join(json.dumps(r) + "\n" for r in ended(many(2000))).encode()
        text = subprocess.run([IMAPID, "report", "-q", "-"], input=data, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        self.assertLessEqual(len(text), 2_600_000)
        self.assertLessEqual(len(re.findall(rb"<[a-z]", text)), 60_000)
        self.assertLessEqual(len(re.search(rb"<style>(.*?)</style>", text, re.S)[1]), 20_000)
        self.assertLessEqual(sum(map(len, re.findall(rb"<script>(.*?)</script>", text, re.S))), 10_000)


if __name__ == "__main__":
    ran = unittest.main(argv=[sys.argv[0]], verbosity=1, exit=False).result
    for test, why in ran.skipped:
        print(f"skipped: {test}: {why}")
    sys.exit(not ran.wasSuccessful() or (0 if ran.testsRun else 77))
