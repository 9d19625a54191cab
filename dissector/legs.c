/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.c: the legs of proxied sessions among the connections of a capture.
 *
 * claims.c tells the candidates. What ties two connections, and whether their lists are the same, is
 * decided in protocol/legs.c.
 *
 * Refuses: to call two lists different where octets of either may be missing.
 *
 * Misuse: asking on the first visit: the other leg may not have been read. */
#include "legs.h"

#include <stdlib.h>
#include <string.h>

#include <epan/dissectors/packet-tcp.h>
#include "claims.h"
#include "ident.h"
#include "pass.h"

/* ---- lists ---- */

static bool is_shown(const struct imapid_stream *stream, const struct imapid_ident *command)
{
    return imapid_records_is_shown(command, true,
                                   imapid_stream_get_session(stream)->exchanges.seen);
}

/* The client's own lists of a connection, in order of time. */
struct lists {
    unsigned n;
    struct imapid_claims_pairs *pairs;
    struct imapid_leg_list *lists; /* owned by their commands */
};

static struct lists read_lists(const struct imapid_stream *stream)
{
    unsigned n_all = wmem_list_count(stream->commands);
    struct lists lists = {0, g_new(struct imapid_claims_pairs, n_all),
                          g_new(struct imapid_leg_list, n_all)};

    for (wmem_list_frame_t *frame = wmem_list_head(stream->commands); frame;
         frame = wmem_list_frame_next(frame)) {
        struct imapid_ident *command = (struct imapid_ident *)wmem_list_frame_data(frame);
        struct imapid_claims_pairs pairs;

        if (!is_shown(stream, command))
            continue;
        pairs = imapid_claims_read_pairs(command);
        pairs.n = imapid_leg_keep_own(pairs.list, pairs.n);
        if (pairs.n)
            qsort(pairs.list, pairs.n, sizeof *pairs.list, imapid_leg_compare_pairs);
        lists.lists[lists.n] = (struct imapid_leg_list){pairs.list, pairs.n, command};
        lists.pairs[lists.n++] = pairs;
    }
    return lists;
}

static void forget_lists(struct lists *lists)
{
    for (unsigned i = 0; i < lists->n; i++)
        imapid_claims_forget_pairs(&lists->pairs[i]);
    g_free(lists->pairs);
    g_free(lists->lists);
}

/* ---- facts ---- */

/* TCP has seen segments that were not for us: the handshake and the end. */
static struct imapid_leg_facts facts_of(const struct imapid_stream *stream)
{
    struct imapid_leg_facts facts = {
        .owner = stream,
        .client = stream->ends[IMAPID_CLIENT],
        .server = stream->ends[IMAPID_SERVER],
        .proxied_client = stream->origin,
        .first_ns = imapid_time_ns(&stream->first),
        .last_ns = imapid_time_ns(&stream->last),
    };

    if (stream->tcp) {
        facts.first_ns = imapid_time_first(facts.first_ns, imapid_time_ns(&stream->tcp->ts_first));
        facts.last_ns = MAX(facts.last_ns, imapid_time_ns(&stream->tcp->ts_prev));
    }
    return facts;
}

static bool is_whole(struct imapid_stream *stream)
{
    struct imapid_leg_reading reading = {
        .from_start = imapid_stream_get_session(stream)->exchanges.from_start};

    imapid_pass_settle(stream);
    imapid_pass_tell_end(stream);
    for (int side = 0; side < 2; side++)
        reading.has_gap |= stream->directions[side].had_gap || stream->directions[side].is_lost ||
                           imapid_stream_get_session(stream)->frame[side].n_resyncs;
    reading.is_unreadable = stream->to != IMAPID_SWITCH_NONE;
    reading.is_id_missing = stream->lacks_id;
    for (wmem_list_frame_t *frame = wmem_list_head(stream->commands);
         frame && imapid_leg_is_whole(&reading); frame = wmem_list_frame_next(frame)) {
        const struct imapid_ident *command =
            (const struct imapid_ident *)wmem_list_frame_data(frame);

        if (!is_shown(stream, command))
            continue;
        reading.is_id_missing = command->unit.cut;
        reading.is_unclear = !imapid_ident_is_clear(command);
    }
    return imapid_leg_is_whole(&reading);
}

/* ---- ties ---- */

/* What is known while the ties of one connection are looked for. */
struct finder {
    struct imapid_stream *inner;
    GHashTable *outers; /* outer leg -> the first command that ties it to the inner one */
};

static void add_tie(struct finder *finder, const void *outer, struct imapid_ident *command)
{
    if (outer && !g_hash_table_contains(finder->outers, outer))
        g_hash_table_insert(finder->outers, (void *)outer, command);
}

static void tie_by_end(struct finder *finder, const struct imapid_leg_claim *claim,
                       struct imapid_ident *command)
{
    wmem_list_t *streams = imapid_claims_find_by_end(claim);
    struct imapid_leg_facts inner = facts_of(finder->inner);
    struct imapid_leg_choice choice = {NULL, NULL, false};

    for (wmem_list_frame_t *frame = streams ? wmem_list_head(streams) : NULL;
         frame && !choice.is_ambiguous; frame = wmem_list_frame_next(frame)) {
        const struct imapid_stream *stream =
            (const struct imapid_stream *)wmem_list_frame_data(frame);
        struct imapid_leg_facts facts = facts_of(stream);

        if (!stream->is_foreign)
            imapid_leg_consider(&choice, claim, &inner, &facts);
    }
    add_tie(finder, choice.outer, command);
}

static void tie_by_id(struct finder *finder, const struct imapid_leg_claim *claim,
                      struct imapid_ident *command)
{
    wmem_list_t *carriers = imapid_claims_find_by_id(claim);
    struct imapid_leg_chain chain = {.n_legs = 0};
    const void *outer, *inner;

    for (wmem_list_frame_t *frame = carriers ? wmem_list_head(carriers) : NULL;
         frame && chain.n_legs < 3; frame = wmem_list_frame_next(frame)) {
        const struct imapid_claims_carrier *carrier =
            (const struct imapid_claims_carrier *)wmem_list_frame_data(frame);
        struct imapid_leg_facts facts = facts_of(carrier->stream);

        if (!carrier->stream->is_foreign && !carrier->stream->gave_way &&
            is_shown(carrier->stream, carrier->command))
            imapid_leg_add_carrier(&chain, &facts);
    }
    if (imapid_leg_tie_chain(&chain, &outer, &inner) && inner == finder->inner)
        add_tie(finder, outer, command);
}

/* Looks for the outer legs of a connection. */
static void find_outers(struct finder *finder)
{
    const struct imapid_end *named = &finder->inner->origin;
    bool is_first = true;

    for (wmem_list_frame_t *frame = wmem_list_head(finder->inner->commands); frame;
         frame = wmem_list_frame_next(frame)) {
        struct imapid_ident *command = (struct imapid_ident *)wmem_list_frame_data(frame);
        struct imapid_leg_claim claim;
        struct imapid_claims_pairs pairs;

        if (!is_shown(finder->inner, command))
            continue;
        if (is_first && named->family) {
            claim = imapid_leg_claim_of_header(named);
            tie_by_end(finder, &claim, command);
        }
        is_first = false;
        pairs = imapid_claims_read_pairs(command);
        imapid_leg_read_claim(&claim, pairs.list, pairs.n);
        tie_by_end(finder, &claim, command);
        tie_by_id(finder, &claim, command);
        imapid_claims_forget_pairs(&pairs);
    }
}

/* ---- comparing ---- */

/* Marks the command of the inner leg that shows another list, or the one that tied both legs. */
static void compare(const struct imapid_stream *outer, const struct lists *inner,
                    struct imapid_ident *tied_by, unsigned as_of)
{
    struct lists said = read_lists(outer);
    enum imapid_leg_change change;
    unsigned changed;

    if (said.n)
        qsort(said.lists, said.n, sizeof *said.lists, imapid_leg_compare_lists);
    change = imapid_leg_compare(said.lists, said.n, inner->lists, inner->n, &changed);
    if (change == IMAPID_LEG_OTHER_LIST)
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) ; read_lists() set the owner of each */
        tied_by = (struct imapid_ident *)inner->lists[changed].owner;
    if (change != IMAPID_LEG_SAME)
        tied_by->changed_as_of = as_of;
    forget_lists(&said);
}

static void judge(struct imapid_stream *inner, unsigned as_of)
{
    struct finder finder = {inner, g_hash_table_new(NULL, NULL)};
    struct lists lists;
    GHashTableIter iter;
    void *outer, *command;

    find_outers(&finder);
    if (g_hash_table_size(finder.outers) && is_whole(inner)) {
        lists = read_lists(inner);
        g_hash_table_iter_init(&iter, finder.outers);
        while (g_hash_table_iter_next(&iter, &outer, &command))
            if (is_whole((struct imapid_stream *)outer))
                compare((const struct imapid_stream *)outer, &lists, (struct imapid_ident *)command,
                        as_of);
        forget_lists(&lists);
    }
    g_hash_table_destroy(finder.outers);
}

bool imapid_legs_is_changed(struct imapid_stream *stream, const struct imapid_ident *command)
{
    unsigned as_of = imapid_stream_count_reads();

    if (!stream->has_claim)
        return false;
    if (stream->judged_as_of != as_of) {
        stream->judged_as_of = as_of;
        judge(stream, as_of);
    }
    return command->changed_as_of == as_of;
}
