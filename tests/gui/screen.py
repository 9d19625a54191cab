# SPDX-License-Identifier: GPL-2.0-or-later
"""The picture on the screen of an Xvfb, as a small PNG.

Xvfb -fbdir keeps its screen in a file in the format of xwd: a header of big-endian words, a table of
colours, and 32-bit pixels. The picture gets a palette; where it has too many colours for one,
they are made alike, a little at first."""
import struct
import zlib

# Places of words in the header of an xwd file.
HEADER_SIZE, WIDTH, HEIGHT, BITS_PER_PIXEL, BYTES_PER_LINE, N_COLOURS = 0, 4, 5, 11, 12, 19
PALETTE = 256
STEPS = (1, 3, 5, 15, 17, 51)  # divisors of 255, so that black stays black and white white


def read(path, place=None):
    """The rows of the picture, or of the part x, y, width, height: lists of (red, green, blue)."""
    with open(path, "rb") as file:
        octets = file.read()
    words = struct.unpack_from(">25I", octets)
    if words[BITS_PER_PIXEL] != 32:
        raise ValueError(f"{path}: {words[BITS_PER_PIXEL]} bits per pixel are not known here")
    pixels = words[HEADER_SIZE] + 12 * words[N_COLOURS]
    x, y, width, height = place or (0, 0, words[WIDTH], words[HEIGHT])
    rows = []
    for line in range(max(y, 0), min(y + height, words[HEIGHT])):
        start = pixels + line * words[BYTES_PER_LINE]
        row = octets[start + 4 * max(x, 0):start + 4 * min(x + width, words[WIDTH])]
        rows.append([pixel[2::-1] for (pixel,) in struct.iter_unpack("4s", row)])
    return rows


def _with_palette(rows):
    """The rows as numbers of colours, and the colours."""
    for step in STEPS:
        alike = {colour: bytes(round(part / step) * step for part in colour)
                 for colour in {pixel for row in rows for pixel in row}}
        colours = sorted(set(alike.values()))
        if len(colours) <= PALETTE:
            break
    number = {colour: colours.index(alike[colour]) for colour in alike}
    return [bytes(number[pixel] for pixel in row) for row in rows], colours


def _chunk(name, octets):
    return struct.pack(">I", len(octets)) + name + octets + struct.pack(">I", zlib.crc32(name + octets))


def png(rows):
    """The octets of a PNG."""
    lines, colours = _with_palette(rows)
    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 3, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + line for line in lines), 9)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"PLTE", b"".join(colours))
            + _chunk(b"IDAT", data) + _chunk(b"IEND", b""))
