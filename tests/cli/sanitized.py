# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests must know of the sanitizers that a program may be built with."""

import os
import pathlib

# For a program that may get a signal while it ends. LeakSanitizer attaches to it then, as a debugger
# would, and waits for ever where a signal comes between the attaching and the stop.
WITHOUT_LEAKS = {**os.environ, "ASAN_OPTIONS": ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))}


def is_sanitized(program, *kinds):
    """Was it built with one of these sanitizers ("asan", "tsan"; default: AddressSanitizer)?"""
    octets = pathlib.Path(program).read_bytes()
    return any(f"__{kind}_init".encode() in octets for kind in kinds or ("asan",))


def some(program, items):
    """All of them; of a program built with AddressSanitizer each third, as what it reads wrongly shows in any of them."""
    return list(items)[::3 if is_sanitized(program) else 1]
