# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads what a program shows, as a screen reader does: AT-SPI, spoken directly over D-Bus.

libatspi would keep copies of what was asked before; here each question goes to the program, so that
an answer is what is on the screen now. Trees and tables are read row by row as they are shown:
what is collapsed is not there.

Misuse: keeping a Node while the program changes: what it stood for may be gone, which raises Gone."""
import contextlib
import time

from gi.repository import Gio, GLib

ROOT = "/org/a11y/atspi/accessible/root"
NOTHING = "/org/a11y/atspi/null"
ACCESSIBLE = "org.a11y.atspi.Accessible"
SHOWING = 1 << 25
FLAGS = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION


class Gone(Exception):
    """The program does not answer, or what is asked for is no more."""


class NotShown(AssertionError):
    """What was waited for did not come."""


def wait_for(what, look, seconds=40):
    """What look() returns, once that is true."""
    end = time.monotonic() + seconds
    seen = None
    while time.monotonic() < end:
        try:
            seen = look()
            if seen:
                return seen
        except Gone as gone:
            seen = gone
        time.sleep(0.05)
    raise NotShown(f"{what}: not within {seconds} s; last: {seen!r}")


class Bus:
    """A connection to the message bus of that address."""

    def __init__(self, address):
        self.connection = Gio.DBusConnection.new_for_address_sync(address, FLAGS, None, None)

    def ask(self, name, path, interface, method, arguments=None, seconds=10):
        try:
            answer = self.connection.call_sync(name, path, interface, method, arguments, None,
                                               Gio.DBusCallFlags.NONE, seconds * 1000, None)
        except GLib.Error as error:
            raise Gone(f"{method} of {path}: {error.message}") from error
        values = answer.unpack()
        return values[0] if values else None

    def tell(self, name, path, interface, method, arguments=None):
        """Asks without waiting for an answer: what opens a dialog may answer when that is closed."""
        self.connection.call(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, -1,
                             None, None)
        self.connection.flush_sync(None)

    def program(self, pid):
        """The root of what a process shows, or None as long as it shows nothing."""
        def of_bus(method, arguments=None):
            return self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, arguments)

        for name in of_bus("ListNames"):
            if name.startswith(":") and of_bus("GetConnectionUnixProcessID", GLib.Variant("(s)", (name,))) == pid:
                root = Node(self, name, ROOT)
                return root if root.children else None
        return None

    def close(self):
        self.connection.close_sync(None)


class Node:
    """Something that a program shows."""

    def __init__(self, bus, owner, path):
        self.bus, self.owner, self.path = bus, owner, path

    def __repr__(self):
        try:
            return f"<{self.role} {self.name!r}>"
        except Gone:
            return "<gone>"

    def _ask(self, method, signature=None, *values, interface=ACCESSIBLE):
        arguments = GLib.Variant(signature, values) if signature else None
        return self.bus.ask(self.owner, self.path, interface, method, arguments)

    def _property(self, name, interface=ACCESSIBLE):
        return self._ask("Get", "(ss)", interface, name, interface="org.freedesktop.DBus.Properties")

    name = property(lambda self: self._property("Name"))
    description = property(lambda self: self._property("Description"))
    role = property(lambda self: self._ask("GetRoleName"))
    is_showing = property(lambda self: bool(self._ask("GetState")[0] & SHOWING))

    @property
    def children(self):
        return [Node(self.bus, owner, path) for owner, path in self._ask("GetChildren") if path != NOTHING]

    def child(self, part_of_name, but=()):
        """The first child with that in its name, or None; not one of these paths. One that is just going
        is passed over."""
        for child in self.children:
            with contextlib.suppress(Gone):
                if child.path not in but and part_of_name in child.name:
                    return child
        return None

    def walk(self, skip=("tree", "table", "popup menu", "list")):
        """Everything below, but not the contents of what may be long."""
        for child in self.children:
            yield child
            if child.role not in skip:
                yield from child.walk(skip)

    def find(self, role, name=None):
        """The first of that role and name below, or None."""
        for node in self.walk():
            if node.role == role and (name is None or node.name == name):
                return node
        return None

    def menu_item(self, *names):
        """An item of the menus: the names of the menus that lead to it and its own."""
        node = self.find("menu bar")
        for name in names:
            below = node.children
            if below and below[0].role == "popup menu":
                below = below[0].children
            node = next((item for item in below if item.role == "menu item" and item.name == name), None)
            if not node:
                return None
        return node

    def act(self):
        """What a click on it does."""
        self.bus.tell(self.owner, self.path, "org.a11y.atspi.Action", "DoAction", GLib.Variant("(i)", (0,)))

    @property
    def text(self):
        """The text of a field to type into."""
        return self._ask("GetText", "(ii)", 0, -1, interface="org.a11y.atspi.Text")

    @property
    def place(self):
        """Where it is on the screen: x, y, width, height."""
        return self._ask("GetExtents", "(u)", 0, interface="org.a11y.atspi.Component")

    # ---- trees and tables ----

    @property
    def n_columns(self):
        return self._property("NColumns", interface="org.a11y.atspi.Table")

    @property
    def cells(self):
        """The cells, row by row, without the headings."""
        n = self.n_columns
        cells = self.children
        return [cells[i:i + n] for i in range(n, len(cells), n)]

    @property
    def headings(self):
        return [cell.name for cell in self.children[:self.n_columns]]

    @property
    def rows(self):
        """The texts of the cells, row by row."""
        return [[cell.name for cell in row] for row in self.cells]

    def column(self, heading):
        """The texts of one column."""
        at = self.headings.index(heading)
        return [row[at].name for row in self.cells]
