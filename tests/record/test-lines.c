/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole lines, whatever the pieces they come in. */
#include "record/lines.h"

#include <errno.h>
#include <string.h>

/* Gives `step` octets a time, then fails or ends. */
struct source {
    const char *data;
    size_t n, at, step;
    int error;
};

static ptrdiff_t read_some(void *ctx, uint8_t *octets, size_t n)
{
    struct source *source = ctx;

    n = MIN(MIN(n, source->step), source->n - source->at);
    if (!n && source->error) {
        errno = source->error;
        return -1;
    }
    memcpy(octets, source->data + source->at, n);
    source->at += n;
    return (ptrdiff_t)n;
}

/* All that comes, "<" and ">" around each piece, "!" for a line that was too long. */
static char *read_all(struct source source, size_t n_want, size_t n_max)
{
    struct imapid_lines lines = {read_some, &source, n_want, n_max, NULL, false};
    GByteArray *out = g_byte_array_new();
    GString *all = g_string_new(NULL);
    enum imapid_lines_result result;

    do {
        result = imapid_lines_next(&lines, out);
        if (result == IMAPID_LINES_SOME) {
            g_string_append_c(all, '<');
            g_string_append_len(all, (const char *)out->data, out->len);
            g_string_append_c(all, '>');
        } else if (result == IMAPID_LINES_TOO_LONG) {
            g_string_append_c(all, '!');
        }
    } while (result == IMAPID_LINES_SOME || result == IMAPID_LINES_TOO_LONG);
    g_string_append(all, result == IMAPID_LINES_END ? "end" : "error");
    g_byte_array_unref(out);
    imapid_lines_deinit(&lines);
    return g_string_free(all, FALSE);
}

static void assert_read(const char *data, size_t step, int error, size_t n_want, size_t n_max,
                        const char *want)
{
    struct source source = {data, strlen(data), 0, step, error};
    char *all = read_all(source, n_want, n_max);

    g_assert_cmpstr(all, ==, want);
    g_free(all);
}

static void test_pieces(void)
{
    assert_read("", 9, 0, 0, 99, "end");
    assert_read("a", 9, 0, 0, 99, "<a>end");
    assert_read("a\n", 9, 0, 0, 99, "<a\n>end");
    assert_read("a\nb\nc", 9, 0, 0, 99, "<a\nb\n><c>end");
    assert_read("a\nb\nc", 1, 0, 0, 99, "<a\n><b\n><c>end");
    assert_read("a\nbb\nccc\nd", 1, 0, 5, 99, "<a\nbb\n><ccc\n><d>end");
    assert_read("a\nbb\nccc\nd", 9, 0, 99, 99, "<a\nbb\nccc\nd>end");
}

static void test_long_lines(void)
{
    for (size_t step = 1; step < 9; step++) {
        char *all = read_all((struct source){"aaaaaaaa\nb\n", 11, 0, step, 0}, 0, 2);

        /* In pieces that are as large as the line it may come whole: who takes it counts. */
        g_assert_true(!strcmp(all, "!<b\n>end") || !strcmp(all, "<aaaaaaaa\nb\n>end"));
        g_free(all);
    }
    assert_read("aaaaaaaa", 1, 0, 0, 2, "!end");
    assert_read("a\naaaaaaaa\nb\naaaa\n", 1, 0, 0, 2, "<a\n>!<b\n>!end");
}

static void test_failures(void)
{
    assert_read("", 9, EIO, 0, 99, "error");
    assert_read("a\nb", 9, EIO, 0, 99, "<a\n>error");
    assert_read("a\nb", 9, EIO, 50, 99, "<a\n>error");
    assert_read("aaaa", 1, EIO, 0, 2, "error");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lines/pieces", test_pieces);
    g_test_add_func("/lines/long-lines", test_long_lines);
    g_test_add_func("/lines/failures", test_failures);
    return g_test_run();
}
