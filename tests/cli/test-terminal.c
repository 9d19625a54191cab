/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What text is written on: colours and columns by what is set and what the file is; the clock. */
#include "terminal.h"

#include <fcntl.h>
#include <glib.h>
#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int terminal_fd, pipe_fd;

/* "NAME=value" words, all others unset. */
static void set_variables(const char *words)
{
    static const char *const names[] = {"NO_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS"};
    char **each = g_strsplit(words, " ", -1);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        g_unsetenv(names[i]);
    for (char **word = each; *word; word++) {
        char **parts = g_strsplit(*word, "=", 2);

        if (parts[0])
            g_setenv(parts[0], parts[1], TRUE);
        g_strfreev(parts);
    }
    g_strfreev(each);
}

static void test_color(void)
{
    static const struct {
        const char *variables;
        bool terminal, pipe, file;
    } cases[] = {
        {"TERM=xterm", true, false, false},
        {"TERM=dumb", false, false, false},
        {"", false, false, false},
        {"TERM=xterm NO_COLOR=1", false, false, false},
        {"TERM=xterm NO_COLOR=", true, false, false},
        {"TERM=dumb CLICOLOR_FORCE=1", true, true, false},
        {"TERM=xterm CLICOLOR_FORCE=0", true, false, false},
        {"TERM=xterm CLICOLOR_FORCE=", true, false, false},
        {"TERM=xterm CLICOLOR_FORCE=1 NO_COLOR=1", false, false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const bool want[] = {cases[i].terminal, cases[i].pipe, cases[i].file};
        const int fds[] = {terminal_fd, pipe_fd, -1};

        set_variables(cases[i].variables);
        for (int k = 0; k < 3; k++) {
            struct imapid_terminal found =
                imapid_terminal_of(fds[k], IMAPID_WHEN_AUTO, IMAPID_CLOCK_LOCAL);

            g_assert_cmpint(found.color, ==, want[k]);
            g_assert_cmpint(found.is_terminal, ==, k == 0);
            g_assert_true(imapid_terminal_of(fds[k], IMAPID_WHEN_ALWAYS, IMAPID_CLOCK_LOCAL).color);
            g_assert_false(imapid_terminal_of(fds[k], IMAPID_WHEN_NEVER, IMAPID_CLOCK_LOCAL).color);
        }
    }
}

static unsigned columns_of(int fd)
{
    return imapid_terminal_of(fd, IMAPID_WHEN_AUTO, IMAPID_CLOCK_LOCAL).columns;
}

static void test_columns(void)
{
    static const char *const bad[] = {"",
                                      "COLUMNS=",
                                      "COLUMNS=0",
                                      "COLUMNS=-80",
                                      "COLUMNS=80x",
                                      "COLUMNS=1001",
                                      "COLUMNS=99999999999999999999"};
    struct winsize size = {.ws_col = 93, .ws_row = 24};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        set_variables(bad[i]);
        g_assert_cmpuint(columns_of(pipe_fd), ==, 120);
        g_assert_cmpuint(columns_of(-1), ==, 120);
    }
    set_variables("COLUMNS=80");
    g_assert_cmpuint(columns_of(pipe_fd), ==, 80);
    g_assert_cmpuint(columns_of(terminal_fd), ==, 80); /* it has no size of its own */
    g_assert_cmpint(ioctl(terminal_fd, TIOCSWINSZ, &size), ==, 0);
    g_assert_cmpuint(columns_of(terminal_fd), ==, 93);
    g_assert_cmpuint(columns_of(pipe_fd), ==, 80);
    size.ws_col = 65535;
    g_assert_cmpint(ioctl(terminal_fd, TIOCSWINSZ, &size), ==, 0);
    g_assert_cmpuint(columns_of(terminal_fd), ==, IMAPID_TERMINAL_COLUMNS_MAX);
}

static void test_words(void)
{
    enum imapid_when when = IMAPID_WHEN_NEVER;
    enum imapid_clock clock = IMAPID_CLOCK_EPOCH;

    g_assert_false(imapid_terminal_read_when("sometimes", &when));
    g_assert_false(imapid_terminal_read_when("", &when));
    g_assert_false(imapid_terminal_read_clock("LOCAL", &clock));
    g_assert_cmpint(when, ==, IMAPID_WHEN_NEVER);
    g_assert_cmpint(clock, ==, IMAPID_CLOCK_EPOCH);
    g_assert_true(imapid_terminal_read_when("auto", &when));
    g_assert_cmpint(when, ==, IMAPID_WHEN_AUTO);
    g_assert_true(imapid_terminal_read_when("always", &when));
    g_assert_cmpint(when, ==, IMAPID_WHEN_ALWAYS);
    g_assert_true(imapid_terminal_read_clock("utc", &clock));
    g_assert_cmpint(clock, ==, IMAPID_CLOCK_UTC);
    g_assert_true(imapid_terminal_read_clock("relative", &clock));
    g_assert_cmpint(clock, ==, IMAPID_CLOCK_RELATIVE);
}

/* Central Europe, written as a rule, as the zone files need not be there. */
static void test_offset(void)
{
    struct imapid_terminal terminal;

    g_setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", TRUE);
    terminal = imapid_terminal_of(-1, IMAPID_WHEN_AUTO, IMAPID_CLOCK_LOCAL);
    g_assert_cmpint(imapid_terminal_offset(&terminal, INT64_C(1773705600000000000)), ==, 3600);
    g_assert_cmpint(imapid_terminal_offset(&terminal, INT64_C(1784332800000000000)), ==, 7200);
    /* The last nanosecond of winter time, and the first of summer time. */
    g_assert_cmpint(imapid_terminal_offset(&terminal, INT64_C(1774745999999999999)), ==, 3600);
    g_assert_cmpint(imapid_terminal_offset(&terminal, INT64_C(1774746000000000000)), ==, 7200);
    (void)imapid_terminal_offset(&terminal, INT64_MIN);
    (void)imapid_terminal_offset(&terminal, INT64_MAX);
    terminal.clock = IMAPID_CLOCK_UTC;
    g_assert_cmpint(imapid_terminal_offset(&terminal, INT64_C(1784332800000000000)), ==, 0);
}

static void test_charset(void)
{
    g_assert_cmpint(imapid_terminal_of(-1, IMAPID_WHEN_AUTO, IMAPID_CLOCK_LOCAL).utf8, ==,
                    g_str_has_suffix(setlocale(LC_CTYPE, NULL), "UTF-8"));
}

int main(int argc, char **argv)
{
    int fds[2], other;

    (void)setlocale(LC_CTYPE, argc > 1 && argv[1][0] != '-' ? argv[1] : "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(openpty(&other, &terminal_fd, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(pipe(fds), ==, 0);
    pipe_fd = fds[1];
    g_test_add_func("/terminal/color", test_color);
    g_test_add_func("/terminal/columns", test_columns);
    g_test_add_func("/terminal/words", test_words);
    g_test_add_func("/terminal/offset", test_offset);
    g_test_add_func("/terminal/charset", test_charset);
    return g_test_run();
}
