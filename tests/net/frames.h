/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TESTS_NET_FRAMES_H
#define IMAPID_TESTS_NET_FRAMES_H

#include <glib.h>
#include <string.h>

/* Packets put together layer by layer, from the inside out: each function takes what is to be
 * inside, and returns it with the header before it. */

static inline GByteArray *frame_of(const void *head, guint n, GByteArray *inner)
{
    g_byte_array_prepend(inner, head, n);
    return inner;
}

static inline GByteArray *frame_text(const char *text)
{
    GByteArray *array = g_byte_array_new();
    return g_byte_array_append(array, (const guint8 *)text, (guint)strlen(text));
}

static inline GByteArray *frame_tcp(guint16 source, guint16 destination, guint32 seq, guint8 flags,
                                    GByteArray *inner)
{
    guint8 head[20] = {(guint8)(source >> 8),
                       (guint8)source,
                       (guint8)(destination >> 8),
                       (guint8)destination,
                       (guint8)(seq >> 24),
                       (guint8)(seq >> 16),
                       (guint8)(seq >> 8),
                       (guint8)seq,
                       0,
                       0,
                       0,
                       0,
                       0x50,
                       flags};
    return frame_of(head, sizeof head, inner);
}

/* fragment: the flags and offset field */
static inline GByteArray *frame_ip4(guint8 protocol, guint16 fragment, GByteArray *inner)
{
    guint n = inner->len + 20;
    guint8 head[20] = {0x45,
                       0,
                       (guint8)(n >> 8),
                       (guint8)n,
                       0x12,
                       0x34,
                       (guint8)(fragment >> 8),
                       (guint8)fragment,
                       64,
                       protocol,
                       0,
                       0,
                       10,
                       0,
                       0,
                       1,
                       10,
                       0,
                       0,
                       2};
    return frame_of(head, sizeof head, inner);
}

static inline GByteArray *frame_ip6(guint8 next_header, GByteArray *inner)
{
    guint8 head[40] = {0x60,        0, 0, 0, (guint8)(inner->len >> 8), (guint8)inner->len,
                       next_header, 64};
    head[23] = 1;
    head[39] = 2;
    return frame_of(head, sizeof head, inner);
}

static inline GByteArray *frame_ethernet(guint16 type, GByteArray *inner)
{
    guint8 head[14] = {0};
    head[12] = (guint8)(type >> 8);
    head[13] = (guint8)type;
    return frame_of(head, sizeof head, inner);
}

static inline GByteArray *frame_vlan(guint16 id, guint16 type, GByteArray *inner)
{
    guint8 head[4] = {(guint8)(id >> 8), (guint8)id, (guint8)(type >> 8), (guint8)type};
    return frame_of(head, sizeof head, inner);
}

#endif
