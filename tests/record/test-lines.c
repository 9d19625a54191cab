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

/* ---- parts ---- */

struct place {
    const char *data;
    size_t n;
    uint64_t bad; /* it cannot be read from here on; 0: it can */
};

/* Three octets at most, now and then interrupted. */
static ptrdiff_t read_at(void *ctx, uint8_t *octets, size_t n, uint64_t at)
{
    static unsigned n_calls;
    const struct place *place = ctx;
    size_t end = place->bad ? place->bad : place->n;

    if (++n_calls % 5 == 0) {
        errno = EINTR;
        return -1;
    }
    if (place->bad && at >= place->bad) {
        errno = EIO;
        return -1;
    }
    n = at < end ? MIN(MIN(n, 3), end - at) : 0;
    memcpy(octets, place->data + at, n);
    return (ptrdiff_t)n;
}

/* All parts of n octets, one behind the other, as read_all() gives them. */
static char *read_parts(struct place place, size_t n, size_t n_max)
{
    const struct imapid_lines_input input = {read_at, &place, n_max};
    GByteArray *out = g_byte_array_new();
    GString *all = g_string_new(NULL);
    enum imapid_lines_result result;
    uint64_t from = 0;
    size_t begin;

    do {
        result = imapid_lines_read_part(&input, from, n, out, &begin);
        if (result == IMAPID_LINES_END)
            break;
        g_string_append_c(all, '<');
        g_string_append_len(all, (const char *)out->data + begin, (gssize)(out->len - begin));
        g_string_append_c(all, '>');
        if (result == IMAPID_LINES_TOO_LONG)
            g_string_append_c(all, '!');
        from += n;
    } while (result != IMAPID_LINES_ERROR);
    g_string_append(all, result == IMAPID_LINES_END ? "end" : "error");
    g_byte_array_unref(out);
    return g_string_free(all, FALSE);
}

static void assert_parts(const char *data, uint64_t bad, size_t n, size_t n_max, const char *want)
{
    char *all = read_parts((struct place){data, strlen(data), bad}, n, n_max);

    g_assert_cmpstr(all, ==, want);
    g_free(all);
}

static void test_parts(void)
{
    assert_parts("", 0, 4, 99, "end");
    assert_parts("a", 0, 4, 99, "<a>end");
    assert_parts("a\nb\nc", 0, 99, 99, "<a\nb\nc>end");
    assert_parts("a\nb\nc", 0, 2, 99, "<a\n><b\n><c>end");
    assert_parts("a\nb\nc", 0, 1, 99, "<a\n><><b\n><><c>end");
    assert_parts("aaa\nbbb\nc\n", 0, 3, 99, "<aaa\n><bbb\n><c\n><>end");
    assert_parts("aaaaaaa\nb", 0, 3, 99, "<aaaaaaa\n><><b>end");
    assert_parts("\n\n\n", 0, 2, 99, "<\n\n><\n>end");
}

static void test_parts_fail(void)
{
    assert_parts("a\nbb\nccc\n", 6, 99, 99, "<a\nbb\n>error");
    assert_parts("a\nbb\nccc\n", 6, 3, 99, "<a\nbb\n><>error");
    assert_parts("a\nbb\nccc\n", 6, 6, 99, "<a\nbb\n>error");
    assert_parts("a\nbb\nccc\n", 5, 5, 99, "<a\nbb\n><>error");
}

/* A line is looked at for its end some thousand octets at a time. */
static void test_parts_long_lines(void)
{
    char *line = g_strnfill(5000, 'a');
    char *data = g_strconcat("b\n", line, "\nc\n", NULL);
    char *whole = g_strconcat("<b\n", line, "\n><c\n>end", NULL);

    assert_parts(data, 0, 1000, 2000, "<b\n>!<><><><><c\n>end");
    assert_parts(data, 0, 5001, 9999, whole);
    g_free(whole);
    g_free(data);
    g_free(line);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lines/pieces", test_pieces);
    g_test_add_func("/lines/long-lines", test_long_lines);
    g_test_add_func("/lines/failures", test_failures);
    g_test_add_func("/lines/parts", test_parts);
    g_test_add_func("/lines/parts-fail", test_parts_fail);
    g_test_add_func("/lines/parts-long-lines", test_parts_long_lines);
    return g_test_run();
}
