/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: ties the legs of proxied sessions, and compares what the client said on one with what the
 * server was told on the other.
 *
 * The fields that proxies add are left out of the comparison, and so are the order of pairs and the
 * case of their names, which carry no meaning. The outer leg is the one connection that began at
 * the end that the proxy names; where there are two of them, nothing is said.
 *
 * Refuses: to compare a leg that is cut, unreadable or malformed: nothing is found in what the
 * capture lost.
 *
 * Misuse: asking on the first visit: the other leg may not have been read. */
#include "legs.h"

#include <string.h>

#include "address.h"
#include "ident.h"

/* As in the tool: clocks of two capture points may differ by so many seconds; within them a port is
 * rarely used again. */
#define CLOCK_SECONDS 60

/* End (struct imapid_origin) -> wmem_list_t of the streams that began there. In file scope, as what
 * is in it. */
static wmem_map_t *ends;

static void begin_file(void)
{
    ends = NULL;
}

void imapid_legs_register(void)
{
    register_init_routine(begin_file);
}

/* ---- ends ---- */

static unsigned hash_end(const void *end)
{
    return wmem_strong_hash((const uint8_t *)end, sizeof(struct imapid_origin));
}

static gboolean same_end(const void *a, const void *b)
{
    return !memcmp(a, b, sizeof(struct imapid_origin));
}

void imapid_legs_note_end(struct imapid_stream *stream, const struct imapid_origin *end)
{
    wmem_list_t *streams;

    if (!end->family)
        return;
    if (!ends)
        ends = wmem_map_new(wmem_file_scope(), hash_end, same_end);
    streams = (wmem_list_t *)wmem_map_lookup(ends, end);
    if (!streams) {
        streams = wmem_list_new(wmem_file_scope());
        wmem_map_insert(ends, wmem_memdup(wmem_file_scope(), end, sizeof *end), streams);
    }
    wmem_list_append(streams, stream);
}

static bool overlap(const struct imapid_stream *a, const struct imapid_stream *b)
{
    return a->first.secs - b->last.secs <= CLOCK_SECONDS &&
           b->first.secs - a->last.secs <= CLOCK_SECONDS;
}

static bool is_same_address(const struct imapid_origin *end, const address *address)
{
    int n = end->family == 4 ? 4 : 16;

    return address->len == n && !memcmp(address->data, end->address, (size_t)n);
}

/* Could the client that the proxy names have spoken there? */
static bool could_be_outer(const struct imapid_stream *outer, const struct imapid_stream *inner,
                           const struct imapid_origin *connected)
{
    if (outer == inner || outer->is_foreign || !overlap(outer, inner))
        return false;
    if (connected->family && !is_same_address(connected, &outer->server))
        return false;
    return !connected->port || connected->port == outer->server_port;
}

static const struct imapid_stream *find_outer(const struct imapid_stream *inner,
                                              const struct imapid_origin *origin,
                                              const struct imapid_origin *connected)
{
    const struct imapid_stream *found = NULL;
    wmem_list_t *streams;

    if (!ends || !origin->family || !origin->port)
        return NULL;
    streams = (wmem_list_t *)wmem_map_lookup(ends, origin);
    for (wmem_list_frame_t *frame = streams ? wmem_list_head(streams) : NULL; frame;
         frame = wmem_list_frame_next(frame)) {
        const struct imapid_stream *outer =
            (const struct imapid_stream *)wmem_list_frame_data(frame);

        if (!could_be_outer(outer, inner, connected))
            continue;
        if (found)
            return NULL;
        found = outer;
    }
    return found;
}

/* ---- lists ---- */

static bool is_whole(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        if (stream->directions[side].had_gap || stream->directions[side].is_lost ||
            stream->session.frame[side].n_resyncs)
            return false;
    for (wmem_list_frame_t *frame = wmem_list_head(stream->commands); frame;
         frame = wmem_list_frame_next(frame)) {
        const struct imapid_ident *command =
            (const struct imapid_ident *)wmem_list_frame_data(frame);

        if (command->unit.cut || !imapid_ident_is_clear(command))
            return false;
    }
    return stream->session.from_start;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *write_pair(const struct imapid_ident *command, const struct imapid_pair *pair)
{
    char *value = imapid_ident_text(NULL, command->unit.data, &pair->value);
    char *field = imapid_ident_text(NULL, command->unit.data, &pair->field);
    char *lower = g_ascii_strdown(field ? field : "", -1);
    char *text = g_strconcat(lower, value ? "\n=" : "\n", value, NULL);

    wmem_free(NULL, value);
    wmem_free(NULL, field);
    g_free(lower);
    return text;
}

/* The client's own pairs, in an order of their own, so that equal lists are equal texts. NULL:
 * there are none. */
static char *own_pairs(const struct imapid_ident *command)
{
    GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
    GString *all = g_string_new(NULL);
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, &command->unit);
    while (imapid_list_next(&list, &pair))
        if (!imapid_field_is_proxys(command->unit.data + pair.field.content.offset,
                                    pair.field.content.n))
            g_ptr_array_add(pairs, write_pair(command, &pair));
    g_ptr_array_sort(pairs, compare_texts);
    for (guint i = 0; i < pairs->len; i++)
        g_string_append_printf(all, "%s\n\n", (const char *)pairs->pdata[i]);
    g_ptr_array_unref(pairs);
    return g_string_free(all, !all->len);
}

/* The lists that the client of a stream said: texts as above; those of no pairs are left out. */
static GHashTable *collect_lists(const struct imapid_stream *stream)
{
    GHashTable *lists = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (wmem_list_frame_t *frame = wmem_list_head(stream->commands); frame;
         frame = wmem_list_frame_next(frame)) {
        char *own = own_pairs((const struct imapid_ident *)wmem_list_frame_data(frame));

        if (own)
            g_hash_table_add(lists, own);
    }
    return lists;
}

/* ---- comparing ---- */

/* The first command of a leg that says what the client did not say; `claim`, where nothing of what
 * it said arrives; NULL, where all is well. */
static const struct imapid_ident *find_changed(const struct imapid_stream *outer,
                                               const struct imapid_stream *inner,
                                               const struct imapid_ident *claim)
{
    GHashTable *said = collect_lists(outer);
    const struct imapid_ident *changed = g_hash_table_size(said) ? claim : NULL;
    bool is_new = false;

    for (wmem_list_frame_t *frame = wmem_list_head(inner->commands); frame && !is_new;
         frame = wmem_list_frame_next(frame)) {
        const struct imapid_ident *command =
            (const struct imapid_ident *)wmem_list_frame_data(frame);
        char *own = own_pairs(command);

        is_new = own && !g_hash_table_contains(said, own);
        if (own)
            changed = is_new ? command : NULL;
        g_free(own);
    }
    g_hash_table_destroy(said);
    return changed;
}

/* The command of a stream in which the proxy names the client, and what it names; NULL: none. */
static const struct imapid_ident *find_claim(const struct imapid_stream *stream,
                                             struct imapid_origin *origin,
                                             struct imapid_origin *connected)
{
    wmem_list_frame_t *frame = wmem_list_head(stream->commands);

    for (; frame; frame = wmem_list_frame_next(frame)) {
        const struct imapid_ident *command =
            (const struct imapid_ident *)wmem_list_frame_data(frame);

        if (command->origin.family && command->origin.port) {
            *origin = command->origin;
            imapid_address_connected(command, connected);
            return command;
        }
    }
    memset(connected, 0, sizeof *connected);
    *origin = stream->origin;
    frame = wmem_list_head(stream->commands);
    return frame && origin->family ? (const struct imapid_ident *)wmem_list_frame_data(frame)
                                   : NULL;
}

static const struct imapid_ident *judge(const struct imapid_stream *inner)
{
    struct imapid_origin origin, connected;
    const struct imapid_ident *claim = find_claim(inner, &origin, &connected);
    const struct imapid_stream *outer = claim ? find_outer(inner, &origin, &connected) : NULL;

    return outer && is_whole(outer) && is_whole(inner) ? find_changed(outer, inner, claim) : NULL;
}

bool imapid_legs_is_changed(struct imapid_stream *stream, const struct imapid_ident *command)
{
    struct imapid_leg *leg = &stream->leg;
    unsigned n_reads = imapid_stream_count_reads();

    if (!ends || (!stream->forwarded && !stream->origin.family))
        return false;
    if (leg->as_of != n_reads) {
        leg->as_of = n_reads;
        leg->changed = judge(stream);
    }
    return leg->changed == command;
}
