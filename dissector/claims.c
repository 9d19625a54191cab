/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claims.c: which connections began at an end, and which carry a session id, so that few candidates
 * have to be looked at for the legs of a proxied session.
 *
 * Written in the first pass. What a list claims is read in protocol/legs.c.
 *
 * Refuses: more session ids of a connection than the bounds in claims.h allow.
 *
 * Misuse: noting a command twice; then its connection passes for two. */
#include "claims.h"

#include <string.h>

/* End (struct imapid_end) -> wmem_list_t of the streams that began there. In file scope, as what is
 * in it. */
static wmem_map_t *ends;

/* Session id (struct imapid_leg_text) -> wmem_list_t of its carriers. The same. */
static wmem_map_t *ids;

static void begin_file(void)
{
    ends = ids = NULL;
}

void imapid_claims_register(void)
{
    register_init_routine(begin_file);
}

/* ---- lists ---- */

static struct imapid_leg_text read_text(const uint8_t *data, const struct imapid_string *string,
                                        uint8_t **octets)
{
    struct imapid_leg_text text = {*octets, 0, string->kind < IMAPID_STRING_QUOTED};

    if (!text.is_nil) {
        text.n = imapid_string_decode(data, string, *octets, string->content.n);
        *octets += text.n;
    }
    return text;
}

/* Undoing escapes makes no string longer, so all have room in as many octets as the unit. */
struct imapid_claims_pairs imapid_claims_read_pairs(const struct imapid_ident *command)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct imapid_leg_pair));
    const struct imapid_unit *unit = &command->unit;
    struct imapid_claims_pairs pairs = {.octets = (uint8_t *)g_malloc(unit->n + 1)};
    uint8_t *octets = pairs.octets;
    struct imapid_list reader;
    struct imapid_pair pair;

    imapid_list_begin(&reader, unit);
    while (imapid_list_next(&reader, &pair)) {
        struct imapid_leg_pair copy;

        copy.field = read_text(unit->data, &pair.field, &octets);
        copy.value = read_text(unit->data, &pair.value, &octets);
        g_array_append_val(list, copy);
    }
    pairs.n = list->len;
    pairs.list = (struct imapid_leg_pair *)(void *)g_array_free(list, FALSE);
    return pairs;
}

void imapid_claims_forget_pairs(struct imapid_claims_pairs *pairs)
{
    g_free(pairs->list);
    g_free(pairs->octets);
}

/* ---- who began where, and who carries which id ---- */

static unsigned hash_end(const void *end)
{
    return wmem_strong_hash((const uint8_t *)end, sizeof(struct imapid_end));
}

static gboolean same_end(const void *a, const void *b)
{
    return !imapid_end_compare((const struct imapid_end *)a, (const struct imapid_end *)b);
}

static unsigned hash_id(const void *id)
{
    const struct imapid_leg_text *text = (const struct imapid_leg_text *)id;

    return wmem_strong_hash(text->octets, text->n);
}

static gboolean same_id(const void *a, const void *b)
{
    return !imapid_leg_compare_session_ids((const struct imapid_leg_text *)a,
                                           (const struct imapid_leg_text *)b);
}

void imapid_claims_note_end(struct imapid_stream *stream, const struct imapid_end *end)
{
    wmem_list_t *streams;

    if (!end->family)
        return;
    stream->has_claim |= end == &stream->origin;
    if (!ends)
        ends = wmem_map_new(wmem_file_scope(), hash_end, same_end);
    streams = (wmem_list_t *)wmem_map_lookup(ends, end);
    if (!streams) {
        streams = wmem_list_new(wmem_file_scope());
        wmem_map_insert(ends, wmem_memdup(wmem_file_scope(), end, sizeof *end), streams);
    }
    wmem_list_append(streams, stream);
}

static wmem_list_t *new_carriers(const struct imapid_leg_text *id)
{
    struct imapid_leg_text *copy =
        (struct imapid_leg_text *)wmem_memdup(wmem_file_scope(), id, sizeof *id);
    wmem_list_t *carriers = wmem_list_new(wmem_file_scope());

    copy->octets = (const uint8_t *)wmem_memdup(wmem_file_scope(), id->octets, id->n);
    wmem_map_insert(ids, copy, carriers);
    return carriers;
}

static void note_carrier(const struct imapid_leg_text *id,
                         const struct imapid_claims_carrier *carrier)
{
    wmem_list_t *carriers;

    if (!ids)
        ids = wmem_map_new(wmem_file_scope(), hash_id, same_id);
    carriers = (wmem_list_t *)wmem_map_lookup(ids, id);
    if (!carriers)
        carriers = new_carriers(id);
    wmem_list_append(carriers, wmem_memdup(wmem_file_scope(), carrier, sizeof *carrier));
}

void imapid_claims_note_command(struct imapid_stream *stream, struct imapid_ident *command)
{
    const struct imapid_claims_carrier carrier = {stream, command};
    struct imapid_claims_pairs pairs = imapid_claims_read_pairs(command);
    struct imapid_leg_claim claim;

    imapid_leg_read_claim(&claim, pairs.list, pairs.n);
    stream->has_claim |= imapid_leg_names_end(&claim) || !claim.session_id.is_nil;
    if (!claim.session_id.is_nil && claim.session_id.n <= IMAPID_CLAIMS_ID_MAX &&
        stream->n_ids++ < IMAPID_CLAIMS_N_IDS_MAX)
        note_carrier(&claim.session_id, &carrier);
    imapid_claims_forget_pairs(&pairs);
}

wmem_list_t *imapid_claims_find_by_end(const struct imapid_leg_claim *claim)
{
    return ends && imapid_leg_names_end(claim)
               ? (wmem_list_t *)wmem_map_lookup(ends, &claim->origin)
               : NULL;
}

wmem_list_t *imapid_claims_find_by_id(const struct imapid_leg_claim *claim)
{
    return ids && !claim->session_id.is_nil
               ? (wmem_list_t *)wmem_map_lookup(ids, &claim->session_id)
               : NULL;
}
