/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c: whole lines out of an input that gives pieces, or that can be read at any place. Lines are
 * not looked into: each octet is copied once, and only what begins a line that is not there yet a
 * second time.
 *
 * Refuses: a line of more than n_max octets, which is passed over. Misuse: changing the members
 * after the first call. */
#include "record/lines.h"

#include <errno.h>
#include <string.h>

/* Octets asked for at a time. */
#define CHUNK 65536

/* The place behind the last line end at or after `from`, 0 where there is none. */
static guint find_end(const GByteArray *octets, guint from)
{
    for (guint at = octets->len; at > from; at--)
        if (octets->data[at - 1] == '\n')
            return at;
    return 0;
}

/* Appends what a read gives; 0 and -1 as from read(). */
static ptrdiff_t append(struct imapid_lines *lines, GByteArray *out)
{
    guint n_before = out->len;
    ptrdiff_t n;

    g_byte_array_set_size(out, n_before + CHUNK);
    do
        n = lines->read(lines->ctx, out->data + n_before, CHUNK);
    while (n < 0 && errno == EINTR);
    g_byte_array_set_size(out, n_before + (n > 0 ? (guint)n : 0));
    return n;
}

/* Keeps what stands behind `end` for the next call. */
static void split(struct imapid_lines *lines, GByteArray *out, guint end)
{
    g_byte_array_set_size(lines->rest, 0);
    g_byte_array_append(lines->rest, out->data + end, out->len - end);
    g_byte_array_set_size(out, end);
}

static enum imapid_lines_result pass_over(struct imapid_lines *lines, GByteArray *out)
{
    ptrdiff_t n;
    uint8_t *newline;

    do {
        g_byte_array_set_size(out, 0);
        n = append(lines, out);
        newline = n > 0 ? memchr(out->data, '\n', out->len) : NULL;
    } while (n > 0 && !newline);
    lines->is_end = n == 0;
    split(lines, out, newline ? (guint)(newline - out->data) + 1 : out->len);
    g_byte_array_set_size(out, 0);
    return n < 0 ? IMAPID_LINES_ERROR : IMAPID_LINES_TOO_LONG;
}

enum imapid_lines_result imapid_lines_next(struct imapid_lines *lines, GByteArray *out)
{
    guint end, n_looked_at = 0;
    ptrdiff_t n;

    g_byte_array_set_size(out, 0);
    if (!lines->rest)
        lines->rest = g_byte_array_new();
    g_byte_array_append(out, lines->rest->data, lines->rest->len);
    g_byte_array_set_size(lines->rest, 0);
    for (end = 0; !lines->is_end;) {
        guint more = find_end(out, n_looked_at);

        end = more ? more : end;
        n_looked_at = out->len;
        if (end && out->len >= lines->n_want)
            break;
        if (!end && out->len > lines->n_max)
            return pass_over(lines, out);
        n = append(lines, out);
        lines->is_end = n == 0;
        if (n >= 0)
            continue;
        g_byte_array_set_size(out, end);
        if (!end)
            return IMAPID_LINES_ERROR;
        break; /* it fails again on the next call */
    }
    if (lines->is_end)
        return out->len ? IMAPID_LINES_SOME : IMAPID_LINES_END;
    split(lines, out, end);
    return IMAPID_LINES_SOME;
}

void imapid_lines_deinit(struct imapid_lines *lines)
{
    if (lines->rest)
        g_byte_array_unref(lines->rest);
    lines->rest = NULL;
}

/* ---- parts ---- */

/* Octets that are read at a time for the end of a part's last line. */
#define MORE 2048u

/* Appends up to n octets of the input from `at` on; false: reading failed. Less is the end. */
static bool append_at(const struct imapid_lines_input *input, uint64_t at, size_t n,
                      GByteArray *out)
{
    guint n_before = out->len;
    size_t n_read = 0;
    ptrdiff_t n_more = 1;

    g_byte_array_set_size(out, n_before + (guint)n);
    while (n_read < n && n_more) {
        n_more = input->read_at(input->ctx, out->data + n_before + n_read, n - n_read, at + n_read);
        if (n_more < 0 && errno == EINTR)
            continue;
        if (n_more < 0)
            break;
        n_read += (size_t)n_more;
    }
    g_byte_array_set_size(out, n_before + (guint)n_read);
    return n_more >= 0;
}

/* Reads on to the end of the last line, of which `out` has what begins it at `line`. */
static enum imapid_lines_result read_last(const struct imapid_lines_input *input, uint64_t start,
                                          GByteArray *out, guint line)
{
    for (;;) {
        guint n_before = out->len;
        bool good = append_at(input, start + n_before, MORE, out);
        const uint8_t *newline = memchr(out->data + n_before, '\n', out->len - n_before);

        if (newline) {
            g_byte_array_set_size(out, (guint)(newline - out->data) + 1);
            return IMAPID_LINES_SOME;
        }
        if (good && out->len < n_before + MORE)
            return IMAPID_LINES_SOME; /* the input ends without a line end */
        if (!good || out->len - line > input->n_max) {
            g_byte_array_set_size(out, line);
            return good ? IMAPID_LINES_TOO_LONG : IMAPID_LINES_ERROR;
        }
    }
}

/* The octet before tells whether a line begins with the first one. */
enum imapid_lines_result imapid_lines_read_part(const struct imapid_lines_input *input,
                                                uint64_t from, size_t n, GByteArray *out,
                                                size_t *begin)
{
    size_t n_before = from ? 1 : 0;
    const uint8_t *newline;
    guint end;
    bool good;

    g_byte_array_set_size(out, 0);
    *begin = 0;
    good = append_at(input, from - n_before, n_before + n, out);
    if (good && out->len <= n_before)
        return IMAPID_LINES_END;
    end = find_end(out, 0);
    if (from) {
        newline = memchr(out->data, '\n', out->len);
        *begin = newline ? (size_t)(newline - out->data) + 1 : out->len;
    }
    if (!good) {
        g_byte_array_set_size(out, MAX(end, (guint)*begin));
        return IMAPID_LINES_ERROR;
    }
    if (out->len < n_before + n || *begin == out->len || end == out->len)
        return IMAPID_LINES_SOME;
    return read_last(input, from - n_before, out, MAX(end, (guint)*begin));
}
