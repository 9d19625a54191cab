# SPDX-License-Identifier: GPL-2.0-or-later
"""Wireshark itself, on a screen that nobody sees, with the plugin, as a user who loads it.

A Desktop is an Xvfb on a free display, a session bus of its own and one Wireshark, all with
the home and the user of a wireshark.Wireshark; all of them end with it, by their process groups. There is
no window manager, so windows have no frames; what is typed goes to the window that was opened last."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../dissector"))

import screen  # noqa: E402
import wireshark  # noqa: E402

try:
    import accessible
except ImportError as missing:
    sys.exit(f"python3-gi is not installed for {sys.executable}: the user interface cannot be tested ({missing})")

from accessible import Bus, wait_for  # noqa: E402

PROGRAMS = {"wireshark": "wireshark", "Xvfb": "xvfb", "xdotool": "xdotool", "dbus-daemon": "dbus-daemon"}
BUS_LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")
DOUBLE_CLICK = 0.6  # seconds, more than Qt's
WIDTH, HEIGHT = 1100, 750
PACKETS = re.compile(r"Packets: (\d+)(?:.*Displayed: (\d+))?")
RECENT = f"""\
gui.geometry_main_x: 0
gui.geometry_main_y: 0
gui.geometry_main_width: {WIDTH}
gui.geometry_main_height: {HEIGHT}
gui.geometry_main_maximized: FALSE
"""


def require():
    """Ends the tests, as a failure, where something to run them with is missing."""
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not any(os.path.exists(path) for path in BUS_LAUNCHERS):
        missing.append("at-spi2-core")
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}: the user interface cannot be tested")


@contextlib.contextmanager
def as_user():
    """The bus of a user is for that user alone."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(int(subprocess.check_output(["id", "-u", wireshark.USER])))
    try:
        yield
    finally:
        os.seteuid(0)


class Desktop:
    """A screen with a Wireshark, which was given these arguments."""

    def __init__(self, shark, capture, *arguments):
        require()
        self.processes = []
        self.bus = None
        self.shark = shark
        self.runtime = os.path.join(shark.folder, "runtime")
        shutil.rmtree(self.runtime, ignore_errors=True)
        os.mkdir(self.runtime, 0o700)
        if os.geteuid() == 0:
            shutil.chown(self.runtime, wireshark.USER)
        self.screen = os.path.join(self.runtime, "Xvfb_screen0")
        self.clicked = (None, 0)
        self.environment = {**shark.environment, "XDG_RUNTIME_DIR": self.runtime,
                            "QT_ACCESSIBILITY": "1", "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
        self._write_recent()
        try:
            self._start_screen()
            self._start_bus()
            self._start_wireshark(capture, arguments)
        except BaseException:
            self.close()
            raise

    def _write_recent(self):
        """The window as large as the screen, in whichever profile."""
        config = os.path.join(self.shark.home, ".config/wireshark")
        profiles = os.path.join(config, "profiles")
        os.makedirs(profiles, exist_ok=True)
        for folder in (config, *(os.path.join(profiles, name) for name in os.listdir(profiles))):
            for name in ("recent", "recent_common"):
                with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
                    file.write(RECENT)
        for folder, _, names in os.walk(os.path.join(self.shark.home, ".config")):
            os.chmod(folder, 0o777)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o666)

    def _start(self, words, **options):
        if os.geteuid() == 0:
            options.update(user=wireshark.USER, group="nogroup", extra_groups=[])
        with open(os.path.join(self.shark.folder, f"{words[0]}.log"), "wb") as log:
            self.processes.append(subprocess.Popen(
                words, env=self.environment, cwd=self.shark.folder, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, **options))
        return self.processes[-1]

    def _start_and_read(self, words, option):
        """Starts a program that tells a line on the descriptor which the option names."""
        reading, writing = os.pipe()
        try:
            process = self._start([*words, *(part.format(writing) for part in option)], pass_fds=[writing])
        finally:
            os.close(writing)
        with open(reading, encoding="utf-8") as file:
            line = file.readline().strip()
        if not line:
            raise AssertionError(f"{words[0]} does not start, status {process.poll()}: {self.told(words[0])}")
        return line

    def _start_screen(self):
        display = self._start_and_read(
            # Without -noreset it would begin anew whenever its last client leaves, as xdotool does.
            ["Xvfb", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp", "-noreset", "-nocursor",
             "-fbdir", self.runtime],
            ["-displayfd", "{}"])
        self.environment["DISPLAY"] = f":{display}"

    def _start_bus(self):
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self._start_and_read(
            ["dbus-daemon", "--session", "--nofork"], ["--print-address={}"])

    def _offer_accessibility(self):
        """Starts the bus of accessibility, and only when the program runs already: Qt watches out for it,
        but where it is there from the beginning Qt may register on it before it is connected."""
        with as_user():
            session = Bus(self.environment["DBUS_SESSION_BUS_ADDRESS"])
            address = session.ask("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
            session.close()
            self.bus = Bus(address)

    def _start_wireshark(self, capture, arguments):
        options = ["-n", "-r", self.shark.readable(capture)]
        keys = wireshark.key_log(capture)
        if keys:
            options += ["-o", f"tls.keylog_file:{self.shark.readable(keys)}"]
        self.wireshark = self._start(["wireshark", *options, *arguments])
        self.wait_for("a window", lambda: self.input("search", "--onlyvisible", "--class", "wireshark"))
        self._offer_accessibility()
        self.program = self.wait_for("a window of Wireshark", lambda: self.bus.program(self.wireshark.pid))
        self.window = self.wait_for("the capture", self._loaded_window)

    def _loaded_window(self):
        """The main window, once it has its parts and the capture is read."""
        for window in self.program.children:
            parts = {
                "details": window.find("tree", "Packet details"),
                "packets": window.find("tree", "Packet list"),
                # There are other fields of that name, but not in a tool bar. Not all Wiresharks name the bars.
                "field": next((bar.find("text", "Display filter entry") for bar in window.children
                               if bar.role == "tool bar" and bar.find("text", "Display filter entry")), None),
                "status": next((node for node in window.walk() if PACKETS.search(node.name)), None),
            }
            if all(parts.values()):
                self.details, self.packets, self.status = parts["details"], parts["packets"], parts["status"]
                self.field = parts["field"]
                return window
        return None

    def wait_for(self, what, look, seconds=30):
        def look_while_it_runs():
            if self.wireshark.poll() is not None:
                raise AssertionError(f"Wireshark ended, status {self.wireshark.poll()}: {self.told('wireshark')}")
            return look()

        try:
            return wait_for(what, look_while_it_runs, seconds)
        except accessible.NotShown:
            self._keep_picture()
            raise

    def _keep_picture(self):
        """What was on the screen when something did not come, for who wants to know why."""
        path = os.environ.get("IMAPID_GUI_PICTURE")
        if path:
            with open(path, "wb") as file:
                file.write(screen.png(screen.read(self.screen)))
            print(f"what the screen shows: {path}", file=sys.stderr)

    def told(self, program):
        """The end of what a program wrote."""
        with open(os.path.join(self.shark.folder, f"{program}.log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    # ---- what is shown ----

    def counts(self):
        """Packets and displayed packets, as the status bar says."""
        packets, displayed = PACKETS.search(self.status.name).groups()
        return int(packets), int(displayed or packets)

    def wait_for_displayed(self, n):
        """Waits until that many packets are displayed, in the status bar and in the list."""
        self.wait_for(f"{n} displayed packets", lambda: self.counts()[1] == n and len(self.packets.cells) == n)

    def details_of(self, frame):
        """The lines of the packet details, once they are those of that frame."""
        def lines():
            shown = [row[0] for row in self.details.rows]
            return shown if shown and shown[0].startswith(f"Frame {frame}:") else None

        return self.wait_for(f"the details of frame {frame}", lines)

    def packet(self, frame):
        """The texts of a row of the packet list, by heading."""
        def texts():
            headings = self.packets.headings
            rows = (dict(zip(headings, row)) for row in self.packets.rows)
            return next((row for row in rows if row["No."] == str(frame)), None)

        return self.wait_for(f"frame {frame} in the packet list", texts)

    def packets_in_sight(self):
        """Of the rows of the packet list that can be clicked on: the frames, and the place of a cell of each.

        Not the cells: another packet chosen, or a row drawn anew, and Qt may have new ones for them."""
        def look():
            _, top, _, height = self.packets.place
            number = self.packets.headings.index("No.")
            found = {}
            for row in self.packets.cells:
                _, y, _, n = place = row[number].place
                # The heading is above them, and a scroll bar may be below.
                if n and top + n <= y and y + 2 * n <= top + height:
                    found[int(row[number].name)] = place
            return found

        return self.wait_for("packets in sight", look)

    def dialog(self, title, *menu):
        """The window that an item of the menus opens, with that in its title.

        It stays open: Qt 5 does not always tell of a window that took the place in memory of one that
        was closed. So this is for a Wireshark in which nothing below the window has to be clicked on."""
        before = {node.path for node in self.program.children}
        self.choose(*menu)
        return self.wait_for(f"a window {title!r}", lambda: self.program.child(title, before))

    def picture(self, place=None):
        """The screen, or a part of it, as a PNG, once it stands still."""
        seen = []

        def still():
            seen.append(screen.read(self.screen, place))
            time.sleep(0.2)
            return len(seen) > 1 and seen[-1] == seen[-2] and seen[-1]

        return screen.png(self.wait_for("a screen that stands still", still))

    # ---- what a user does ----

    def choose(self, *names):
        """Chooses an item of the menus."""
        self.wait_for(" > ".join(names), lambda: self.window.menu_item(*names)).act()

    def input(self, *words):
        """Has keys pressed or the mouse moved, by xdotool; whether it could."""
        return subprocess.run(self.shark.command(["xdotool", *words], DISPLAY=self.environment["DISPLAY"]),
                              check=False, capture_output=True, timeout=30).returncode == 0

    def click(self, node):
        self.click_on(self.wait_for("what is clicked on", lambda: node.place))

    def click_on(self, place):
        x, y, width, height = place
        place = str(x + min(width, 60) // 2), str(y + height // 2)
        # A second click on the same place is another one, not a double click.
        while place == self.clicked[0] and time.monotonic() < self.clicked[1] + DOUBLE_CLICK:
            time.sleep(0.05)
        self.input("mousemove", *place, "click", "1")
        self.clicked = place, time.monotonic()

    def expand(self, line):
        """Expands a line of the packet details by the keyboard; returns the lines that were not there before."""
        def look():
            cells = [row[0] for row in self.details.cells]
            names = [cell.name for cell in cells]
            return line in names and (names, cells[names.index(line)].place)

        before, place = self.wait_for(f"{line!r} in the packet details", look)
        self.click_on(place)
        self.input("key", "Right")
        at = before.index(line) + 1

        def more():
            lines = [row[0] for row in self.details.rows]
            n = len(lines) - len(before)
            return n > 0 and lines[at:at + n]

        return self.wait_for(f"what is below {line!r}", more)

    def filter(self, text):
        """Types a display filter into the bar, in place of what is there, and presses Enter."""
        self.click(self.field)
        self.input("key", "ctrl+a")
        self.input("key", "BackSpace")
        self.wait_for("an empty filter bar", lambda: not self.field.text)
        self.input("type", "--delay", "10", text)
        self.wait_for(f"{text} in the filter bar", lambda: self.field.text == text)
        # The first Enter may only close the list of completions.
        self.input("key", "Escape")
        self.input("key", "Return")

    # ---- the end ----

    def close(self):
        if self.bus:
            with contextlib.suppress(Exception):
                self.bus.close()
        for process in reversed(self.processes):
            self._end(process)

    @staticmethod
    def _end(process):
        """Ends a process and those it started, which are of its group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
