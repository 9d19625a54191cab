/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terminal.c: what text is written on: colours, width, character set, clock.
 *
 * Refuses a width of COLUMNS that is no number from 1 to IMAPID_TERMINAL_COLUMNS_MAX; it is as if
 * not set.
 *
 * Misuse: asking for an offset before imapid_terminal_of(). The sandbox then hides the time zone, and
 * local time is UTC. */
#define _GNU_SOURCE /* tm_gmtoff */
#include "terminal.h"

#include <glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Where nothing is known: the middle of the three layouts. */
#define COLUMNS_DEFAULT 120u

/* Set and not empty? */
static const char *find_variable(const char *name)
{
    const char *value = g_getenv(name);

    return value && *value ? value : NULL;
}

static bool has_color(int fd, bool is_terminal)
{
    const char *force = find_variable("CLICOLOR_FORCE"), *term = find_variable("TERM");

    if (find_variable("NO_COLOR"))
        return false;
    if (fd >= 0 && force && strcmp(force, "0"))
        return true;
    return is_terminal && term && strcmp(term, "dumb");
}

static unsigned get_columns(int fd)
{
    const char *text = find_variable("COLUMNS");
    struct winsize size;
    guint64 n;

    if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
        return MIN(size.ws_col, IMAPID_TERMINAL_COLUMNS_MAX);
    if (text && g_ascii_string_to_unsigned(text, 10, 1, IMAPID_TERMINAL_COLUMNS_MAX, &n, NULL))
        return (unsigned)n;
    return COLUMNS_DEFAULT;
}

struct imapid_terminal imapid_terminal_of(int fd, enum imapid_when color, enum imapid_clock clock)
{
    struct imapid_terminal terminal = {
        .is_terminal = fd >= 0 && isatty(fd),
        .utf8 = g_get_charset(NULL),
        .columns = get_columns(fd),
        .clock = clock,
    };

    terminal.color = color == IMAPID_WHEN_AUTO ? has_color(fd, terminal.is_terminal)
                                               : color == IMAPID_WHEN_ALWAYS;
    tzset();
    return terminal;
}

/* The place of `word` in a table of `n`; n: it is not there. */
static unsigned find_word(const char *const *words, unsigned n, const char *word)
{
    unsigned i = 0;

    while (i < n && strcmp(words[i], word))
        i++;
    return i;
}

bool imapid_terminal_read_when(const char *word, enum imapid_when *when)
{
    static const char *const words[] = {"auto", "always", "never"};
    unsigned i = find_word(words, G_N_ELEMENTS(words), word);

    if (i < G_N_ELEMENTS(words))
        *when = (enum imapid_when)i;
    return i < G_N_ELEMENTS(words);
}

bool imapid_terminal_read_clock(const char *word, enum imapid_clock *clock)
{
    static const char *const words[] = {"local", "utc", "relative", "epoch"};
    unsigned i = find_word(words, G_N_ELEMENTS(words), word);

    if (i < G_N_ELEMENTS(words))
        *clock = (enum imapid_clock)i;
    return i < G_N_ELEMENTS(words);
}

int imapid_terminal_offset(const struct imapid_terminal *terminal, int64_t ts_ns)
{
    /* Rounded down, before 1970 as well. */
    time_t seconds = (time_t)(ts_ns / 1000000000 - (ts_ns % 1000000000 < 0));
    struct tm local;

    if (terminal->clock != IMAPID_CLOCK_LOCAL || !localtime_r(&seconds, &local))
        return 0;
    return (int)local.tm_gmtoff;
}
