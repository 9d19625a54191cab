/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.c: which of two records comes first. That is by what they say, and in the end by how they are
 * spelled; it never depends on when they came, nor on the numbers under which they were kept.
 *
 * Refuses nothing.
 *
 * Misuse: records of two keeps. */
#include "answer/order.h"

#include "record/spell-record.h"
#include "record/writer.h"

#include <string.h>

#define COMPARE(a, b)                                                                              \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

static int compare_addresses(const struct imapid_keep *keep, uint32_t a, uint32_t b)
{
    struct imapid_endpoint one, other;

    if (a == b)
        return 0;
    one = imapid_keep_read_end(keep, a, 0);
    other = imapid_keep_read_end(keep, b, 0);
    COMPARE(one.family, other.family);
    return memcmp(one.address, other.address, sizeof one.address);
}

int imapid_order_compare_conns(const struct imapid_keep *keep, const struct imapid_kept_conn *a,
                               const struct imapid_kept_conn *b)
{
    int order;

    if (a->file != b->file)
        return imapid_pool_compare_texts(keep->files, a->file, b->file);
    COMPARE(a->first_frame, b->first_frame);
    if (!a->first_frame)
        COMPARE(a->stream, b->stream);
    order = compare_addresses(keep, a->client, b->client);
    if (order)
        return order;
    COMPARE(a->client_port, b->client_port);
    order = compare_addresses(keep, a->server, b->server);
    if (order)
        return order;
    COMPARE(a->server_port, b->server_port);
    return 0;
}

/* The last word on two records of which everything cheap is the same: how they are spelled. */
static int compare_spelled(const void *a, const void *b,
                           void (*spell)(GString *out, const void *record))
{
    GString *one = g_string_new(NULL), *other = g_string_new(NULL);
    int order;

    spell(one, a);
    spell(other, b);
    order = strcmp(one->str, other->str);
    g_string_free(one, TRUE);
    g_string_free(other, TRUE);
    return order;
}

static const struct imapid_writer_style plain;

static void spell_exchange(GString *out, const void *record)
{
    imapid_jsonl_writer.exchange(out, &plain, record);
}

static void spell_session(GString *out, const void *record)
{
    imapid_jsonl_writer.session(out, &plain, record);
}

static void spell_capture(GString *out, const void *record)
{
    imapid_jsonl_writer.capture(out, &plain, record);
}

/* The list an exchange begins with. */
static void spell_first_list(GString *out, const void *record)
{
    const struct imapid_record_exchange *exchange = record;

    imapid_spell_pairs(out, exchange->command.seen ? &exchange->command : &exchange->response);
}

static int compare_kept_spelled(const struct imapid_keep *keep,
                                const struct imapid_kept_exchange *a,
                                const struct imapid_kept_exchange *b,
                                void (*spell)(GString *out, const void *record))
{
    struct imapid_record_exchange one, other;
    struct imapid_arena arena = {NULL, 0};
    int order;

    imapid_keep_read_exchange(keep, a, &one, &arena);
    imapid_keep_read_exchange(keep, b, &other, &arena);
    order = compare_spelled(&one, &other, spell);
    imapid_arena_deinit(&arena);
    return order;
}

/* Where and with what an exchange begins. */
static int compare_beginnings(const struct imapid_keep *keep, const struct imapid_kept_exchange *a,
                              const struct imapid_kept_exchange *b)
{
    int order = imapid_order_compare_conns(keep, &a->conn, &b->conn);

    if (order)
        return order;
    COMPARE(a->when_ns, b->when_ns);
    COMPARE(a->frame, b->frame);
    COMPARE(imapid_keep_get_said(keep, a)->is_seen[IMAPID_CLIENT],
            imapid_keep_get_said(keep, b)->is_seen[IMAPID_CLIENT]);
    if (a->tag != b->tag) {
        order = g_strcmp0(imapid_keep_get_text(keep, a->tag), imapid_keep_get_text(keep, b->tag));
        if (order)
            return order;
    }
    return a->said == b->said ? 0 : compare_kept_spelled(keep, a, b, spell_first_list);
}

/* How much of it was seen. */
static int get_stage(const struct imapid_keep *keep, const struct imapid_kept_exchange *exchange)
{
    const struct imapid_kept_said *said = imapid_keep_get_said(keep, exchange);

    return 2 * (said->status != IMAPID_STATUS_NONE) + said->is_seen[IMAPID_SERVER];
}

/* Two kept exchanges of one connection and time: are they the same to the last octet? */
static bool is_repeated(const struct imapid_kept_exchange *a, const struct imapid_kept_exchange *b)
{
    return a->said == b->said && a->text == b->text && a->tag == b->tag &&
           a->conn.proxied == b->conn.proxied && a->frame == b->frame &&
           a->n_stamps == b->n_stamps && !memcmp(a->stamps, b->stamps, a->n_stamps);
}

int imapid_order_compare_exchanges(const struct imapid_keep *keep, const void *a, const void *b)
{
    const struct imapid_kept_exchange *one = a, *other = b;
    int order = compare_beginnings(keep, a, b);

    if (order)
        return order;
    COMPARE(get_stage(keep, b), get_stage(keep, a));
    if (is_repeated(a, b) && one->conn.stream == other->conn.stream &&
        one->conn.way == other->conn.way && one->conn.first_frame == other->conn.first_frame)
        return 0;
    return compare_kept_spelled(keep, a, b, spell_exchange);
}

int imapid_order_compare_sessions(const struct imapid_keep *keep, const void *a, const void *b)
{
    const struct imapid_kept_session *one = a, *other = b;
    struct imapid_record_session record_one, record_other;
    int order = imapid_order_compare_conns(keep, &one->conn, &other->conn);

    if (order)
        return order;
    COMPARE(other->last_ns, one->last_ns);
    COMPARE(other->n_exchanges, one->n_exchanges);
    imapid_keep_read_session(keep, one, &record_one);
    imapid_keep_read_session(keep, other, &record_other);
    return compare_spelled(&record_one, &record_other, spell_session);
}

int imapid_order_compare_captures(const void *a, const void *b)
{
    const struct imapid_record_capture *one = a, *other = b;
    int order = g_strcmp0(one->site, other->site);

    if (!order)
        order = strcmp(one->file, other->file);
    return order ? order : compare_spelled(a, b, spell_capture);
}

bool imapid_order_is_same_session(const struct imapid_keep *keep, const void *kept,
                                  const void *next)
{
    return !imapid_order_compare_conns(keep, kept, next); /* they begin with it */
}

bool imapid_order_is_same_exchange(const struct imapid_keep *keep, const void *kept,
                                   const void *next)
{
    return !compare_beginnings(keep, kept, next) &&
           (get_stage(keep, next) < get_stage(keep, kept) || is_repeated(kept, next) ||
            !compare_kept_spelled(keep, kept, next, spell_exchange));
}
