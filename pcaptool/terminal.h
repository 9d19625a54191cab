/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TERMINAL_H
#define IMAPID_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* What the text for a person is written on, and how he wants his times. Decided here and nowhere
 * else; whoever writes text takes the struct. */

/* --color and --progress */
enum imapid_when { IMAPID_WHEN_AUTO, IMAPID_WHEN_ALWAYS, IMAPID_WHEN_NEVER };

/* --time: how text shows times. JSON Lines and tables are in UTC whatever it is. */
enum imapid_clock {
    IMAPID_CLOCK_LOCAL,    /* of the zone this program runs in (TZ), its offset in the heading */
    IMAPID_CLOCK_UTC,      /* the same with offset 0 */
    IMAPID_CLOCK_RELATIVE, /* seconds since the first packet of the capture */
    IMAPID_CLOCK_EPOCH,    /* seconds since 1970 */
};

/* The largest number of columns: COLUMNS may say anything, and rows are padded to it. */
#define IMAPID_TERMINAL_COLUMNS_MAX 1000u

struct imapid_terminal {
    bool is_terminal; /* it obeys control characters: none may get there */
    bool color;       /* SGR sequences may be written */
    bool utf8;        /* shows UTF-8; else ASCII alone */
    unsigned columns; /* 1 to IMAPID_TERMINAL_COLUMNS_MAX; 120 where nothing is known */
    enum imapid_clock clock;
};

/* What `fd` is; -1 is a file that -w names: no terminal, and CLICOLOR_FORCE is not meant for it.
 * Colours, where `color` is AUTO: if NO_COLOR is set (and not empty), none; if CLICOLOR_FORCE is set
 * (and neither empty nor "0"), yes; else on a terminal whose TERM is set and not "dumb". Columns: those of the
 * terminal, else COLUMNS, else 120. After setlocale(LC_CTYPE), before the sandbox: files of the
 * time zone are read here, so that imapid_terminal_offset() opens none. */
struct imapid_terminal imapid_terminal_of(int fd, enum imapid_when color, enum imapid_clock clock);

/* Reads "auto", "always", "never". False, with nothing set, for another word. */
bool imapid_terminal_read_when(const char *word, enum imapid_when *when);

/* Reads "local", "utc", "relative", "epoch". False, with nothing set, for another word. */
bool imapid_terminal_read_clock(const char *word, enum imapid_clock *clock);

/* Seconds to be added to UTC for the clock of `terminal` at `ts_ns` (nanoseconds since 1970), summer
 * time included: 3600 is UTC+01:00. 0 for all clocks but LOCAL, and for times that the C library
 * cannot convert. Thread-safe. */
int imapid_terminal_offset(const struct imapid_terminal *terminal, int64_t ts_ns);

#endif
