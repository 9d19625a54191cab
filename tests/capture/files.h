/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TESTS_CAPTURE_FILES_H
#define IMAPID_TESTS_CAPTURE_FILES_H

#include "capture/capture.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

/* Captures put together in memory, in either byte order, and read back in any portions. */

struct file {
    GByteArray *octets;
    bool swapped; /* written in the byte order that is not this machine's */
};

static inline void put16(struct file *file, guint16 value)
{
    value = file->swapped ? GUINT16_SWAP_LE_BE(value) : value;
    g_byte_array_append(file->octets, (const guint8 *)&value, 2);
}

static inline void put32(struct file *file, guint32 value)
{
    value = file->swapped ? GUINT32_SWAP_LE_BE(value) : value;
    g_byte_array_append(file->octets, (const guint8 *)&value, 4);
}

static inline void put64(struct file *file, guint64 value)
{
    value = file->swapped ? GUINT64_SWAP_LE_BE(value) : value;
    g_byte_array_append(file->octets, (const guint8 *)&value, 8);
}

static inline void put_text(struct file *file, const char *text, guint n)
{
    g_byte_array_append(file->octets, (const guint8 *)text, n);
}

/* A source that gives at most n_portion octets at a time, and fails behind the end if told so. */
struct portions {
    const guint8 *octets;
    gsize n, place, n_portion;
    int error;
};

static inline ptrdiff_t read_portion(void *ctx, uint8_t *octets, size_t n)
{
    struct portions *p = ctx;
    gsize n_now = MIN(MIN(n, p->n_portion), p->n - p->place);
    if (n_now == 0 && p->error) {
        errno = p->error;
        return -1;
    }
    memcpy(octets, p->octets + p->place, n_now);
    p->place += n_now;
    return (ptrdiff_t)n_now;
}

static inline void log_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    g_string_append_printf(ctx, "secrets(%x,%.*s) ", type, (int)n, (const char *)octets);
}

static inline void log_note(void *ctx, const char *message)
{
    g_string_append_printf(ctx, "~%s ", message);
}

static inline void log_drops(void *ctx, const char *where, uint64_t n)
{
    g_string_append_printf(ctx, "drops(%s,%" G_GUINT64_FORMAT ") ", where, n);
}

/* What reading the octets gives: "NUMBER:TEXT/ON-WIRE[link type]@ns " for each packet (the link
 * type if not 1, the time if not 0), "!MESSAGE " for each error,
 * "~MESSAGE " for each note. */
static inline char *read_log(const guint8 *octets, gsize n, gsize n_portion)
{
    guint8 *copy = n ? g_memdup2(octets, n) : g_malloc(1);
    struct portions portions = {.octets = copy, .n = n, .n_portion = n_portion};
    struct imapid_window_source source = {read_portion, NULL, &portions};
    struct imapid_capture *capture = imapid_capture_open_source("F", &source);
    enum imapid_capture_result result;
    struct imapid_packet packet;
    GString *log = g_string_new(NULL);
    imapid_capture_on_secrets(capture, log_secrets, log);
    imapid_capture_on_note(capture, log_note, log);
    imapid_capture_on_drops(capture, log_drops, log);
    while ((result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END) {
        if (result == IMAPID_CAPTURE_ERROR) {
            g_string_append_printf(log, "!%s ", imapid_capture_get_error(capture));
            continue;
        }
        g_string_append_printf(log, "%d:%.*s", (int)packet.number, (int)packet.n,
                               (const char *)packet.data);
        if (packet.n_wire != packet.n)
            g_string_append_printf(log, "/%u", packet.n_wire);
        if (packet.link_type != 1)
            g_string_append_printf(log, "[%u]", packet.link_type);
        if (packet.interface != 0)
            g_string_append_printf(log, "i%u", packet.interface);
        if (!imapid_time_is_known(packet.ts_ns))
            g_string_append(log, "@-");
        else if (packet.ts_ns != 0)
            g_string_append_printf(log, "@%" G_GINT64_FORMAT, packet.ts_ns);
        g_string_append_c(log, ' ');
    }
    g_assert_cmpint(imapid_capture_next(capture, &packet), ==, IMAPID_CAPTURE_END);
    imapid_capture_close(capture);
    g_free(copy);
    return g_string_free(log, FALSE);
}

static inline void check_log(const struct file *file, const char *expected)
{
    static const gsize portions[] = {1, 2, 3, 7, 64, 100000000};
    for (gsize i = 0; i < G_N_ELEMENTS(portions); i++) {
        char *log = read_log(file->octets->data, file->octets->len, portions[i]);
        g_assert_cmpstr(log, ==, expected);
        g_free(log);
    }
}

#endif
