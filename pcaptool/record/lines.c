/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c: whole lines out of an input that gives pieces. Lines are not looked into: each octet is
 * copied once, and only what begins a line that is not there yet a second time.
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
