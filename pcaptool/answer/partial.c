/* SPDX-License-Identifier: GPL-2.0-or-later */
/* partial.c: records as octets, and back. What they have in common (file, connection, what is said, tag)
 * is a run of octets, which stands where it is first used and has a number from then on; the rest of
 * a row are numbers, most of them differences from the row before.
 *
 * Each layout stands here once: a pass over a record either puts its members or takes them, so that
 * writer and reader can't disagree.
 *
 * Refuses what a record of JSON Lines can't have: words and counts past their limits.
 *
 * Misuse: runs after the next row has begun, where they may be forgotten. */
#include "answer/partial.h"

#include "record/pool.h"
#include "siphash.h"

#include <errno.h>
#include <imapid/login.h>
#include <string.h>

G_STATIC_ASSERT(!offsetof(struct imapid_record_exchange, conn));
G_STATIC_ASSERT(!offsetof(struct imapid_record_session, conn));

static const char magic[] = IMAPID_PARTIAL_HEAD;

/* A block ends behind the row that reaches this. */
#define BLOCK 65536u

/* Length and check. */
#define BLOCK_HEAD 12

/* What rows may refer to; past either, all of it is forgotten, by writer and reader at the same row. */
#define RUNS_MAX   65536u
#define OCTETS_MAX (8u << 20)

/* Past so many octets no more is kept of runs, taken apart. */
#define TAKEN_MAX ((size_t)8 << 20)

/* Of a list of JSON Lines (json.h: 262,144 values). */
#define PAIRS_MAX 131072u

/* How a row begins. */
enum kind {
    KIND_END,
    KIND_EXCHANGE,
    KIND_SESSION,
    KIND_CAPTURE,
    KIND_CONTINUED,
    KIND_UNIT,
    N_KINDS
};

/* ---- passes ---- */

/* What is put. Most of it is numbers of an octet or two. */
struct octets {
    uint8_t *data;
    size_t n, room;
};

struct pass {
    struct octets *out;         /* NULL: it takes */
    const uint8_t *at, *end;    /* of what is taken */
    struct imapid_arena *arena; /* holds what is taken */
    size_t n_room;              /* octets of it */
    const char *error; /* what is wrong, the first of it; all that is taken is 0 from then on */
};

static void fail(struct pass *pass, const char *error)
{
    if (!pass->error)
        pass->error = error;
    pass->at = pass->end;
}

/* n octets for what is taken. */
static void *make_room(struct pass *pass, size_t n)
{
    pass->n_room += n;
    return imapid_arena_take_zeroed(pass->arena, n);
}

/* The end, with room for n octets. */
static uint8_t *reserve(struct octets *out, size_t n)
{
    if (out->room - out->n < n) {
        out->room = 2 * out->room + n;
        out->data = g_realloc(out->data, out->room);
    }
    return out->data + out->n;
}

static void put_octets(struct octets *out, const void *octets, size_t n)
{
    if (n)
        memcpy(reserve(out, n), octets, n);
    out->n += n;
}

static void put_number(struct octets *out, uint64_t n)
{
    uint8_t *at = reserve(out, 10);

    for (; n > 127; n >>= 7)
        *at++ = (uint8_t)(n | 128);
    *at++ = (uint8_t)n;
    out->n = (size_t)(at - out->data);
}

static uint64_t take_number(struct pass *pass)
{
    uint64_t n = 0, bits;

    if (pass->at < pass->end && *pass->at < 128)
        return *pass->at++;
    for (unsigned shift = 0; pass->at < pass->end && shift < 64; shift += 7) {
        bits = *pass->at & 127;
        if (bits << shift >> shift != bits)
            break;
        n |= bits << shift;
        if (*pass->at++ < 128)
            return n;
    }
    fail(pass, "a number that does not end");
    return 0;
}

/* One up to `max`. */
static uint64_t pass_number(struct pass *pass, uint64_t n, uint64_t max)
{
    if (pass->out) {
        put_number(pass->out, n);
        return n;
    }
    n = take_number(pass);
    if (n <= max)
        return n;
    fail(pass, "a number past its limit");
    return 0;
}

/* The same of a member, whatever its type. */
#define NUMBER(pass, member, max)                                                                  \
    ((member) = (__typeof__(member))pass_number(pass, (uint64_t)(member), (uint64_t)(max)))

/* A difference of either sign, from `from`. */
static uint64_t pass_difference(struct pass *pass, uint64_t n, uint64_t from)
{
    uint64_t rest = n - from;

    rest = pass_number(pass, rest << 1 ^ (0 - (rest >> 63)), UINT64_MAX);
    return from + (rest >> 1 ^ (0 - (rest & 1)));
}

#define DIFFERENCE(pass, member, from)                                                             \
    ((member) = (__typeof__(member))pass_difference(pass, (uint64_t)(member), (uint64_t)(from)))

/* Sets *octets to n of what is taken, where there are as many. */
static bool take_octets(struct pass *pass, const uint8_t **octets, uint64_t n)
{
    *octets = pass->at;
    if (n > (uint64_t)(pass->end - pass->at)) {
        fail(pass, "something longer than its row");
        return false;
    }
    pass->at += n;
    return true;
}

static void pass_octets(struct pass *pass, uint8_t *octets, size_t n)
{
    const uint8_t *taken;

    if (pass->out)
        put_octets(pass->out, octets, n);
    else if (take_octets(pass, &taken, n))
        memcpy(octets, taken, n);
}

static void pass_string(struct pass *pass, struct imapid_record_string *string)
{
    uint64_t n = pass_number(pass, string->is_nil ? 0 : string->n + 1, UINT64_MAX);

    if (pass->out && n) {
        put_octets(pass->out, string->octets, string->n);
    } else if (!pass->out) {
        *string = (struct imapid_record_string){.is_nil = true};
        if (n && take_octets(pass, &string->octets, n - 1)) {
            string->n = (size_t)(n - 1);
            string->is_nil = false;
        }
    }
}

/* NULL being nil. */
static void pass_text(struct pass *pass, const char **text)
{
    struct imapid_record_string string = {.is_nil = !*text};

    if (*text) {
        string.octets = (const uint8_t *)*text;
        string.n = strlen(*text);
    }
    pass_string(pass, &string);
    if (!pass->out && string.is_nil) {
        *text = NULL;
    } else if (!pass->out) {
        char *copy = make_room(pass, string.n + 1);

        memcpy(copy, string.octets, string.n);
        copy[string.n] = '\0';
        *text = copy;
    }
}

/* ---- connections ---- */

static void pass_address(struct pass *pass, uint8_t address[16], unsigned family)
{
    if (family)
        pass_octets(pass, address, family == 4 ? 4 : 16);
}

static void pass_family(struct pass *pass, uint8_t *family)
{
    NUMBER(pass, *family, 6);
    if (*family && *family != 4 && *family != 6)
        fail(pass, "an address that is neither IPv4 nor IPv6");
}

static void pass_end(struct pass *pass, struct imapid_endpoint *end)
{
    pass_family(pass, &end->family);
    pass_address(pass, end->address, end->family);
    if (end->family)
        NUMBER(pass, end->port, UINT16_MAX);
}

static void pass_hop(struct pass *pass, struct imapid_hop *hop)
{
    NUMBER(pass, hop->kind, IMAPID_N_PATH_KINDS - 1);
    NUMBER(pass, hop->has_number, 1);
    NUMBER(pass, hop->number, UINT32_MAX);
    pass_family(pass, &hop->family);
    pass_address(pass, hop->from, hop->family);
    pass_address(pass, hop->to, hop->family);
}

static void pass_doubts(struct pass *pass, struct imapid_doubts *doubts)
{
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        NUMBER(pass, doubts->of[i].n, INT64_MAX);
        for (unsigned k = 0; doubts->of[i].n && k < IMAPID_DOUBT_FRAMES; k++)
            NUMBER(pass, doubts->of[i].frames[k], INT64_MAX);
    }
}

/* All of it but its file. */
static void pass_conn(struct pass *pass, void *record)
{
    struct imapid_record_conn *conn = record;

    NUMBER(pass, conn->stream, UINT32_MAX);
    pass_end(pass, &conn->client);
    pass_end(pass, &conn->server);
    if (!conn->client.family || !conn->server.family)
        fail(pass, "a connection without addresses");
    pass_end(pass, &conn->proxied_client);
    NUMBER(pass, conn->first_frame, INT64_MAX);
    NUMBER(pass, conn->path.n, IMAPID_PATH_N_MAX);
    for (unsigned i = 0; i < conn->path.n; i++)
        pass_hop(pass, &conn->path.hops[i]);
    pass_doubts(pass, &conn->doubts);
    pass_text(pass, &conn->site);
}

/* ---- what exchanges and sessions say ---- */

static void pass_findings(struct pass *pass, struct imapid_record_finding *findings, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        NUMBER(pass, findings[i].code, IMAPID_N_FINDINGS - 1);
        NUMBER(pass, findings[i].side, IMAPID_SERVER);
        NUMBER(pass, findings[i].lack, IMAPID_N_LACKS - 1);
        pass_string(pass, &findings[i].field);
    }
}

/* Of as many pairs as there are octets for. */
static void pass_pairs(struct pass *pass, struct imapid_record_half *half)
{
    NUMBER(pass, half->n_pairs, PAIRS_MAX);
    if (!pass->out) {
        if (half->n_pairs > (size_t)(pass->end - pass->at) / 2)
            fail(pass, "a list longer than its row");
        if (pass->error)
            half->n_pairs = 0;
        half->pairs = make_room(pass, half->n_pairs * sizeof *half->pairs);
    }
    for (unsigned i = 0; i < half->n_pairs; i++) {
        pass_string(pass, &half->pairs[i].field);
        pass_string(pass, &half->pairs[i].value);
    }
}

static void pass_half(struct pass *pass, struct imapid_record_half *half)
{
    struct imapid_record_string raw = {.octets = half->raw, .n = half->n_raw};

    NUMBER(pass, half->seen, 1);
    if (!half->seen)
        return;
    pass_text(pass, &half->file);
    NUMBER(pass, half->has_list, 1);
    pass_pairs(pass, half);
    NUMBER(pass, half->is_malformed, 1);
    if (half->is_malformed)
        pass_string(pass, &raw);
    half->raw = raw.octets;
    half->n_raw = raw.n;
}

/* All that exchanges may have in common, as the store has it. */
static void pass_said(struct pass *pass, void *record)
{
    struct imapid_record_exchange *exchange = record;

    pass_half(pass, &exchange->command);
    pass_half(pass, &exchange->response);
    NUMBER(pass, exchange->status, IMAPID_STATUS_BYE);
    NUMBER(pass, exchange->is_untagged, 1);
    pass_text(pass, &exchange->result_file);
    NUMBER(pass, exchange->security, IMAPID_SECURITY_TLS);
    NUMBER(pass, exchange->compressed, 1);
    NUMBER(pass, exchange->state, IMAPID_STATE_AUTHENTICATED);
    NUMBER(pass, exchange->complete, 1);
    NUMBER(pass, exchange->n_findings, IMAPID_FINDINGS_MAX);
    if (!pass->out)
        exchange->findings = make_room(pass, exchange->n_findings * sizeof *exchange->findings);
    pass_findings(pass, exchange->findings, exchange->n_findings);
}

static void pass_outcome(struct pass *pass, struct imapid_record_outcome *outcome)
{
    pass_text(pass, &outcome->status);
    NUMBER(pass, outcome->stopped_at, IMAPID_N_STAGES - 1);
    NUMBER(pass, outcome->by, IMAPID_N_PARTIES - 1);
    pass_string(pass, &outcome->text);
    pass_text(pass, &outcome->file);
    NUMBER(pass, outcome->ended_by, IMAPID_N_PARTIES - 1);
    pass_text(pass, &outcome->ended_file);
}

/* As in records of JSON Lines, a mechanism is one of this version's table. */
static void pass_auth(struct pass *pass, struct imapid_auth *auth)
{
    pass_text(pass, &auth->mechanism);
    if (!pass->out && !auth->mechanism)
        fail(pass, "a login without a mechanism");
    else if (!pass->out)
        auth->mechanism =
            imapid_login_find_mechanism((const uint8_t *)auth->mechanism, strlen(auth->mechanism));
    NUMBER(pass, auth->status, IMAPID_N_WORDS - 1);
    NUMBER(pass, auth->cleartext_password, 1);
}

static void pass_session_said(struct pass *pass, void *record)
{
    struct imapid_record_session *session = record;

    NUMBER(pass, session->security, IMAPID_SECURITY_TLS);
    NUMBER(pass, session->compressed, 1);
    NUMBER(pass, session->id_advertised, IMAPID_YES);
    NUMBER(pass, session->from_start, 1);
    NUMBER(pass, session->ended, IMAPID_ENDED_RST);
    pass_outcome(pass, &session->outcome);
    NUMBER(pass, session->healthy, IMAPID_YES);
    NUMBER(pass, session->not_imap, 1);
    NUMBER(pass, session->gave_way, 1);
    NUMBER(pass, session->decrypted, IMAPID_YES);
    pass_text(pass, &session->not_decrypted);
    NUMBER(pass, session->tls.seen, 1);
    pass_text(pass, &session->tls.version);
    pass_text(pass, &session->tls.suite);
    pass_text(pass, &session->tls.server_name);
    pass_text(pass, &session->tls.alpn);
    NUMBER(pass, session->n_auths, IMAPID_AUTHS_MAX);
    for (unsigned i = 0; i < session->n_auths; i++)
        pass_auth(pass, &session->auths[i]);
    NUMBER(pass, session->n_findings, IMAPID_RECORD_SESSION_FINDINGS);
    pass_findings(pass, session->findings, session->n_findings);
}

/* ---- rows ---- */

typedef void pass_part_of(struct pass *pass, void *record);

/* What rows refer to: octets with a NUL behind them. */
struct run {
    struct imapid_record_note note; /* where it is what an exchange says */
    pass_part_of *part;             /* took it apart; NULL: nobody did, or it was not kept */
    const void *taken;              /* a record with that */
    size_t n;
    uint8_t octets[];
};

/* What rows refer to, and the row before. A run of n octets is a 0, n and they, where it stands first;
 * else its number + 1. */
struct rows {
    struct pass pass;
    struct imapid_pool *known; /* runs that were put */
    GPtrArray *runs;           /* runs that were taken, in run_arena */
    struct imapid_arena run_arena;
    size_t n_octets; /* of either */
    size_t n_taken;  /* octets of what is kept of runs, taken apart */
    int64_t ts_ns;
    uint64_t frame, n_records;
    struct octets scratch; /* a run that is made */
    /* By numbers of what exchanges say in the store that is written: those of their runs. */
    struct imapid_record_note *notes;
    size_t n_notes;
    struct imapid_arena arena;
};

static void init_rows(struct rows *rows, struct octets *out)
{
    *rows = (struct rows){.known = imapid_pool_new(), .runs = g_ptr_array_new()};
    rows->pass = (struct pass){.out = out, .arena = &rows->arena};
}

static void deinit_rows(struct rows *rows)
{
    imapid_pool_free(rows->known);
    g_ptr_array_unref(rows->runs);
    imapid_arena_deinit(&rows->run_arena);
    g_free(rows->scratch.data);
    g_free(rows->notes);
    imapid_arena_deinit(&rows->arena);
}

static void forget_some(struct rows *rows)
{
    imapid_arena_reset(&rows->arena);
    if (imapid_pool_count(rows->known) + rows->runs->len < RUNS_MAX && rows->n_octets < OCTETS_MAX)
        return;
    imapid_pool_free(rows->known);
    rows->known = imapid_pool_new();
    g_ptr_array_set_size(rows->runs, 0);
    imapid_arena_deinit(&rows->run_arena);
    rows->n_octets = rows->n_taken = 0;
    if (rows->notes)
        memset(rows->notes, 0, rows->n_notes * sizeof *rows->notes);
}

/* Returns its number. */
static uint32_t put_run(struct rows *rows, const void *octets, size_t n)
{
    uint32_t n_before = imapid_pool_count(rows->known);
    uint32_t number = imapid_pool_add(rows->known, octets, n);

    if (number < n_before) {
        put_number(rows->pass.out, number + UINT64_C(1));
        return number;
    }
    rows->n_octets += n;
    put_number(rows->pass.out, 0);
    put_number(rows->pass.out, n);
    put_octets(rows->pass.out, octets, n);
    return number;
}

/* NULL where it fails. */
static struct run *take_run(struct rows *rows)
{
    struct pass *pass = &rows->pass;
    uint64_t number = take_number(pass);
    const uint8_t *octets;
    struct run *run;
    size_t n;

    if (number > rows->runs->len)
        fail(pass, "something that was not told before");
    if (number && !pass->error)
        return rows->runs->pdata[number - 1];
    if (pass->error || !take_octets(pass, &octets, take_number(pass)))
        return NULL;
    n = (size_t)(pass->at - octets);
    run = imapid_arena_take(&rows->run_arena, sizeof *run + n + 1);
    *run = (struct run){.n = n};
    memcpy(run->octets, octets, n);
    run->octets[n] = '\0';
    rows->n_octets += n;
    g_ptr_array_add(rows->runs, run);
    return run;
}

/* A text; NULL is read back as an empty one. */
static void pass_text_run(struct rows *rows, const char **text)
{
    const struct run *run;

    if (rows->pass.out) {
        put_run(rows, *text, *text ? strlen(*text) : 0);
        return;
    }
    run = take_run(rows);
    *text = run ? (const char *)run->octets : "";
}

/* One that may be nil. */
static void pass_string_run(struct rows *rows, struct imapid_record_string *string)
{
    const struct run *run;

    if (pass_number(&rows->pass, string->is_nil, 1)) {
        *string = (struct imapid_record_string){.is_nil = true};
    } else if (rows->pass.out) {
        put_run(rows, string->octets, string->n);
    } else {
        run = take_run(rows);
        *string = run ? (struct imapid_record_string){.octets = run->octets, .n = run->n}
                      : (struct imapid_record_string){.is_nil = true};
    }
}

/* Returns the octets of the arena that it took. */
static size_t take_apart(struct rows *rows, const struct run *run, void *record, pass_part_of *part,
                         struct imapid_arena *arena)
{
    struct pass pass = {.arena = arena, .at = run->octets, .end = run->octets + run->n};

    part(&pass, record);
    if (pass.at < pass.end)
        fail(&pass, "something behind its end");
    if (pass.error)
        fail(&rows->pass, pass.error);
    return pass.n_room;
}

/* Returns the number of the run. */
static uint32_t put_part(struct rows *rows, void *record, pass_part_of *part)
{
    struct pass pass = {.out = &rows->scratch};

    rows->scratch.n = 0;
    part(&pass, record);
    return put_run(rows, rows->scratch.data, rows->scratch.n);
}

static void pass_conn_run(struct rows *rows, struct imapid_record_conn *conn)
{
    const struct run *run;

    pass_text_run(rows, &conn->file);
    if (rows->pass.out) {
        put_part(rows, conn, pass_conn);
        return;
    }
    run = take_run(rows);
    if (run)
        take_apart(rows, run, conn, pass_conn, &rows->arena);
}

/* What stands behind the connection of a record, of `size` octets, which is still as it began. Many rows have
 * the same, so it is taken apart once and kept, as far as there is room; and spelled once where they share a
 * note. Returns its run; NULL where it is put, or fails. */
static struct run *pass_said_run(struct rows *rows, void *record, size_t size, pass_part_of *part,
                                 struct imapid_record_note *note)
{
    const size_t n_conn = sizeof(struct imapid_record_conn);
    struct run *run;

    if (rows->pass.out && note && note->keeper) {
        put_number(rows->pass.out, note->number + UINT64_C(1));
        return NULL;
    }
    if (rows->pass.out) {
        uint32_t number = put_part(rows, record, part);

        if (note)
            *note = (struct imapid_record_note){rows, number};
        return NULL;
    }
    run = take_run(rows);
    if (!run)
        return NULL;
    if (run->part == part) {
        memcpy((char *)record + n_conn, (const char *)run->taken + n_conn, size - n_conn);
        return run;
    }
    if (run->part || rows->n_taken > TAKEN_MAX) {
        take_apart(rows, run, record, part, &rows->arena);
        return run;
    }
    rows->n_taken += size + take_apart(rows, run, record, part, &rows->run_arena);
    run->taken = memcpy(imapid_arena_take(&rows->run_arena, size), record, size);
    run->part = part;
    return run;
}

static void pass_stamp(struct pass *pass, struct imapid_stamp *stamp,
                       const struct imapid_stamp *from)
{
    DIFFERENCE(pass, stamp->ts_ns, from->ts_ns);
    DIFFERENCE(pass, stamp->number, from->number);
    if (stamp->number > INT64_MAX)
        fail(pass, "a frame past all limits");
}

/* The first stamp is kept as its difference from the row before, those behind it as theirs from it. */
static void pass_stamps(struct rows *rows, struct imapid_record_exchange *exchange)
{
    struct pass *pass = &rows->pass;
    struct imapid_stamp when = imapid_record_when(exchange);
    struct imapid_stamp before = {.number = rows->frame, .ts_ns = rows->ts_ns};

    pass_stamp(pass, &when, &before);
    rows->ts_ns = when.ts_ns;
    rows->frame = when.number;
    if (exchange->command.seen)
        exchange->command.packet = when;
    else if (exchange->response.seen)
        exchange->response.packet = when;
    else
        exchange->result = when;
    if (exchange->command.seen && exchange->response.seen)
        pass_stamp(pass, &exchange->response.packet, &when);
    if ((exchange->command.seen || exchange->response.seen) &&
        exchange->status != IMAPID_STATUS_NONE)
        pass_stamp(pass, &exchange->result, &when);
}

static void pass_exchange(struct rows *rows, struct imapid_record_exchange *exchange)
{
    struct imapid_record_string tag = {.is_nil = !exchange->tag};
    struct run *said;

    if (exchange->tag) {
        tag.octets = (const uint8_t *)exchange->tag;
        tag.n = strlen(exchange->tag);
    }
    pass_conn_run(rows, &exchange->conn);
    said = pass_said_run(rows, exchange, sizeof *exchange, pass_said, exchange->note);
    exchange->note = said ? &said->note : NULL;
    pass_string_run(rows, &tag);
    exchange->tag = tag.is_nil ? NULL : (char *)tag.octets;
    pass_string_run(rows, &exchange->text);
    pass_stamps(rows, exchange);
}

static void pass_session(struct rows *rows, struct imapid_record_session *session)
{
    struct pass *pass = &rows->pass;

    pass_conn_run(rows, &session->conn);
    pass_said_run(rows, session, sizeof *session, pass_session_said, NULL);
    DIFFERENCE(pass, session->first_ns, rows->ts_ns);
    DIFFERENCE(pass, session->last_ns, session->first_ns);
    rows->ts_ns = session->first_ns;
    NUMBER(pass, session->n_exchanges, INT64_MAX);
    NUMBER(pass, session->n_lost, INT64_MAX);
    NUMBER(pass, session->n_resyncs, INT64_MAX);
    NUMBER(pass, session->outcome.frame, INT64_MAX);
    NUMBER(pass, session->outcome.ended_frame, INT64_MAX);
}

static void pass_unread(struct rows *rows, struct imapid_record_capture *capture)
{
    struct pass *pass = &rows->pass;
    struct imapid_record_unread *kinds =
        imapid_arena_take(&rows->arena, IMAPID_RECORD_UNREAD_MAX * sizeof *kinds);

    NUMBER(pass, capture->n_unread, IMAPID_RECORD_UNREAD_MAX);
    for (unsigned i = 0; i < capture->n_unread; i++) {
        kinds[i] = pass->out ? capture->unread[i] : (struct imapid_record_unread){.number = 0};
        pass_text_run(rows, &kinds[i].layer);
        NUMBER(pass, kinds[i].number, UINT32_MAX);
        pass_text_run(rows, &kinds[i].name);
        NUMBER(pass, kinds[i].n_packets, INT64_MAX);
    }
    capture->unread = kinds;
}

static void pass_capture(struct rows *rows, struct imapid_record_capture *capture)
{
    struct pass *pass = &rows->pass;
    uint64_t *const counts[] = {
        &capture->n_packets,      &capture->n_octets,    &capture->n_conns,
        &capture->n_sessions,     &capture->n_exchanges, &capture->n_not_decrypted,
        &capture->n_lost,         &capture->n_cut,       &capture->n_drops,
        &capture->n_unknown_link, &capture->n_forgotten};
    const char *error = capture->error;

    pass_text_run(rows, &capture->file);
    pass_text(pass, &capture->site);
    pass_text(pass, &capture->format);
    NUMBER(pass, capture->has_times, 1);
    if (capture->has_times) {
        DIFFERENCE(pass, capture->first_ns, 0);
        DIFFERENCE(pass, capture->last_ns, capture->first_ns);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        NUMBER(pass, *counts[i], INT64_MAX);
    pass_text(pass, &error);
    capture->error = (char *)error;
    pass_unread(rows, capture);
}

static void pass_continued(struct rows *rows, struct imapid_record_continued *continued)
{
    struct pass *pass = &rows->pass;
    uint64_t *frames =
        imapid_arena_take(&rows->arena, IMAPID_RECORD_CONTINUED_MAX * sizeof *frames);
    uint64_t last = 0;

    pass_text_run(rows, &continued->file);
    pass_text(pass, &continued->site);
    NUMBER(pass, continued->n, IMAPID_RECORD_CONTINUED_MAX);
    for (unsigned i = 0; i < continued->n; i++) {
        frames[i] = pass->out ? continued->frames[i] : 0;
        frames[i] = last + pass_number(pass, frames[i] - last, INT64_MAX - last);
        last = frames[i];
    }
    continued->frames = frames;
}

/* ---- blocks ---- */

static uint64_t check(uint64_t place, const uint8_t *rows, size_t n)
{
    const uint64_t key[2] = {place, n};
    size_t n_words = n / sizeof(uint64_t) + 1;
    uint64_t *words = g_new0(uint64_t, n_words), sum;

    if (n)
        memcpy(words, rows, n);
    for (size_t i = 0; i < n_words; i++)
        words[i] = GUINT64_FROM_LE(words[i]);
    sum = imapid_siphash(key, words, n_words);
    g_free(words);
    return sum;
}

/* Puts a head on the block of n octets. */
static void seal(uint8_t head[BLOCK_HEAD], uint64_t place, const uint8_t *rows, size_t n)
{
    uint32_t length = GUINT32_TO_LE((uint32_t)n);
    uint64_t sum = GUINT64_TO_LE(check(place, rows, n));

    memcpy(head, &length, sizeof length);
    memcpy(head + sizeof length, &sum, sizeof sum);
}

/* ---- writing ---- */

struct writing {
    struct rows rows;
    uint64_t place; /* of the block in the file */
    void (*put)(void *ctx, const char *octets, size_t n);
    void *ctx;
};

static void write_octets(struct writing *writing, const void *octets, size_t n)
{
    writing->put(writing->ctx, octets, n);
    writing->place += n;
}

static void put_block(struct writing *writing)
{
    struct octets *block = writing->rows.pass.out;
    uint8_t head[BLOCK_HEAD];

    seal(head, writing->place, block->data, block->n);
    write_octets(writing, head, sizeof head);
    write_octets(writing, block->data, block->n);
    block->n = 0;
}

static void begin_row(struct writing *writing, enum kind kind)
{
    if (writing->rows.pass.out->n >= BLOCK)
        put_block(writing);
    forget_some(&writing->rows);
    put_number(writing->rows.pass.out, kind);
    writing->rows.n_records += kind != KIND_END && kind != KIND_UNIT;
}

static void put_conn(struct writing *writing, const struct imapid_store_view *view, unsigned index,
                     struct imapid_store_reading *reading)
{
    struct imapid_store_conn conn;

    imapid_store_read_conn(view, index, &conn);
    for (unsigned i = 0; i < conn.n_exchanges; i++) {
        struct imapid_record_exchange exchange =
            *imapid_store_read_exchange(view, conn.first + i, reading);

        exchange.note = &writing->rows.notes[imapid_store_get_said(view, conn.first + i)];
        begin_row(writing, KIND_EXCHANGE);
        pass_exchange(&writing->rows, &exchange);
    }
    if (conn.has_session) {
        begin_row(writing, KIND_SESSION);
        pass_session(&writing->rows, &conn.session);
    }
}

/* The parts of one file, from `first` on, as many as a record has; returns where the next begin. */
static unsigned put_parts(struct writing *writing, const struct imapid_store_view *view,
                          unsigned first)
{
    uint64_t frames[IMAPID_RECORD_CONTINUED_MAX];
    struct imapid_record_continued continued = {.frames = frames};
    uint32_t file = view->parts[first].file;

    for (; first < view->n_parts && view->parts[first].file == file &&
           continued.n < IMAPID_RECORD_CONTINUED_MAX;
         first++)
        frames[continued.n++] = view->parts[first].frame;
    continued.file = imapid_store_get_file(view, file, &continued.site);
    begin_row(writing, KIND_CONTINUED);
    pass_continued(&writing->rows, &continued);
    return first;
}

/* The first row, if it is there. */
static void pass_unit(struct pass *pass, struct imapid_partial_unit *unit)
{
    pass_text(pass, &unit->plan);
    NUMBER(pass, unit->number, G_MAXUINT);
}

void imapid_partial_write(const struct imapid_store_view *view, bool is_whole,
                          const struct imapid_partial_unit *unit,
                          void (*put)(void *ctx, const char *octets, size_t n), void *ctx)
{
    struct octets block = {0};
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    struct writing writing = {.put = put, .ctx = ctx};

    init_rows(&writing.rows, &block);
    writing.rows.n_notes = view->n_said;
    writing.rows.notes = g_new0(struct imapid_record_note, view->n_said + (gsize)1);
    write_octets(&writing, magic, strlen(magic));
    if (unit) {
        struct imapid_partial_unit own = *unit;

        begin_row(&writing, KIND_UNIT);
        pass_unit(&writing.rows.pass, &own);
    }
    for (unsigned i = 0; i < view->n_conns; i++)
        put_conn(&writing, view, i, &reading);
    for (unsigned i = 0; i < view->n_captures; i++) {
        struct imapid_record_capture capture = view->captures[i];

        begin_row(&writing, KIND_CAPTURE);
        pass_capture(&writing.rows, &capture);
    }
    for (unsigned i = 0; i < view->n_parts;)
        i = put_parts(&writing, view, i);
    begin_row(&writing, KIND_END);
    put_number(&block, writing.rows.n_records);
    put_number(&block, is_whole);
    put_block(&writing);
    imapid_store_reading_deinit(&reading);
    deinit_rows(&writing.rows);
    g_free(block.data);
}

/* ---- reading ---- */

struct reading {
    struct imapid_partial *partial;
    struct rows rows;
    uint64_t place; /* in the file: of what is read next */
    bool is_over, is_bad;
};

/* Reading ends with it. */
static void complain(struct reading *reading, uint64_t place, const char *what)
{
    struct imapid_partial *partial = reading->partial;
    char *message =
        g_strdup_printf("%s: octet %" G_GUINT64_FORMAT ": %s", partial->name, place, what);

    partial->complain(partial->sink->ctx, message);
    reading->is_bad = reading->is_over = true;
    g_free(message);
}

static void complain_of_failure(struct reading *reading)
{
    struct imapid_partial *partial = reading->partial;
    char *why =
        partial->explain ? partial->explain(partial->read_ctx) : g_strdup(g_strerror(errno));

    complain(reading, reading->place, why);
    g_free(why);
}

/* As many of n octets as there are; false where reading fails. */
static bool read_octets(struct reading *reading, uint8_t *octets, size_t n, size_t *n_read)
{
    const struct imapid_partial *partial = reading->partial;
    ptrdiff_t more = 1;

    for (*n_read = 0; *n_read < n && more > 0; *n_read += more > 0 ? (size_t)more : 0)
        more = partial->read(partial->read_ctx, octets + *n_read, n - *n_read);
    if (more < 0)
        complain_of_failure(reading);
    reading->place += *n_read;
    return more >= 0;
}

static const char cut[] = "the partial is cut: its end is missing";

/* A block is read as it comes: what it says of its length may be wrong. */
static bool read_block(struct reading *reading, GByteArray *block)
{
    uint8_t given[BLOCK_HEAD], wanted[BLOCK_HEAD];
    uint64_t place = reading->place;
    uint32_t n;
    size_t n_read, n_portion;

    if (!read_octets(reading, given, sizeof given, &n_read))
        return false;
    if (n_read < sizeof given) {
        complain(reading, reading->place, cut);
        return false;
    }
    memcpy(&n, given, sizeof n);
    n = GUINT32_FROM_LE(n);
    g_byte_array_set_size(block, 0);
    if (!n || n > IMAPID_PARTIAL_BLOCK_MAX) {
        complain(reading, place, "the partial is damaged: a block of no possible length");
        return false;
    }
    for (; n_read && block->len < n;) {
        guint at = block->len;

        n_portion = MIN(n - at, BLOCK);
        g_byte_array_set_size(block, at + (guint)n_portion);
        if (!read_octets(reading, block->data + at, n_portion, &n_read))
            return false;
        g_byte_array_set_size(block, at + (guint)n_read);
    }
    if (block->len < n) {
        complain(reading, reading->place, cut);
        return false;
    }
    seal(wanted, place, block->data, n);
    if (memcmp(wanted, given, sizeof wanted))
        complain(reading, place, "the partial is damaged: a block is not as it was written");
    return !reading->is_bad;
}

static void take_exchange(struct reading *reading)
{
    const struct imapid_record_sink *sink = reading->partial->sink;
    struct imapid_record_exchange exchange;

    memset(&exchange, 0, sizeof exchange);
    pass_exchange(&reading->rows, &exchange);
    if (!reading->rows.pass.error)
        sink->exchange(sink->ctx, &exchange);
}

/* A person is told of a reason in our words, where we have any. */
static void take_session(struct reading *reading)
{
    const struct imapid_record_sink *sink = reading->partial->sink;
    const struct imapid_terms *terms = reading->partial->terms;
    struct imapid_record_session session;
    const char *phrase = NULL;

    memset(&session, 0, sizeof session);
    session.outcome.say.is_nil = true;
    pass_session(&reading->rows, &session);
    if (session.not_decrypted && terms)
        phrase = terms->explain_reason(session.not_decrypted);
    session.not_decrypted_phrase = phrase ? phrase : session.not_decrypted;
    if (!reading->rows.pass.error)
        sink->session(sink->ctx, &session);
}

static void take_capture(struct reading *reading)
{
    const struct imapid_record_sink *sink = reading->partial->sink;
    struct imapid_record_capture capture;

    memset(&capture, 0, sizeof capture);
    pass_capture(&reading->rows, &capture);
    if (!reading->rows.pass.error)
        sink->capture(sink->ctx, &capture);
}

static void take_continued(struct reading *reading)
{
    const struct imapid_record_sink *sink = reading->partial->sink;
    struct imapid_record_continued continued;

    memset(&continued, 0, sizeof continued);
    pass_continued(&reading->rows, &continued);
    if (!reading->rows.pass.error && sink->continued)
        sink->continued(sink->ctx, &continued);
}

static void take_end(struct reading *reading)
{
    struct pass *pass = &reading->rows.pass;
    uint64_t n_records = take_number(pass), is_whole = pass_number(pass, 0, 1);

    reading->is_over = true;
    if (!pass->error && n_records != reading->rows.n_records)
        fail(pass, "not as many records as it says");
    else if (!pass->error && pass->at < pass->end)
        fail(pass, "something behind its end");
    else if (!pass->error && !is_whole)
        complain(reading, reading->place,
                 "the partial was made of inputs that could not be read whole");
}

static void take_row(struct reading *reading)
{
    struct imapid_partial_unit unit = {NULL, 0};

    forget_some(&reading->rows);
    switch (pass_number(&reading->rows.pass, 0, N_KINDS - 1)) {
    case KIND_EXCHANGE:
        take_exchange(reading);
        break;
    case KIND_SESSION:
        take_session(reading);
        break;
    case KIND_CAPTURE:
        take_capture(reading);
        break;
    case KIND_CONTINUED:
        take_continued(reading);
        break;
    case KIND_UNIT:
        pass_unit(&reading->rows.pass, &unit); /* whoever reads records wants those of all */
        return;
    default:
        if (!reading->rows.pass.error)
            take_end(reading);
        return;
    }
    reading->rows.n_records += !reading->rows.pass.error;
}

static void take_rows(struct reading *reading, const GByteArray *block)
{
    struct pass *pass = &reading->rows.pass;
    uint64_t place = reading->place - block->len;
    const uint8_t *row = block->data;
    char *message;

    pass->at = block->data;
    pass->end = block->data + block->len;
    while (pass->at < pass->end && !reading->is_over &&
           !g_atomic_int_get(&reading->partial->stop)) {
        row = pass->at;
        take_row(reading);
    }
    if (!pass->error)
        return;
    message = g_strdup_printf("the partial is damaged: %s", pass->error);
    complain(reading, place + (uint64_t)(row - block->data), message);
    g_free(message);
}

static bool read_head(struct reading *reading)
{
    uint8_t octets[sizeof magic - 1];
    size_t n_read;

    if (!read_octets(reading, octets, sizeof octets, &n_read))
        return false;
    if (n_read == sizeof octets && !memcmp(octets, magic, sizeof octets))
        return true;
    if (!memcmp(octets, magic, n_read))
        complain(reading, n_read, cut);
    else
        complain(reading, 0, "no partial of this version");
    return false;
}

/* Behind the end there is nothing. */
static void read_end(struct reading *reading)
{
    uint64_t place = reading->place;
    size_t n_read;
    uint8_t octet;

    if (!reading->is_bad && read_octets(reading, &octet, 1, &n_read) && n_read)
        complain(reading, place, "something behind the end of the partial");
}

/* Does a block end as the last one does: the kind, how many records, whether all was whole? */
static bool has_end(const GByteArray *block)
{
    guint at = block->len;

    if (at < 3 || block->data[at - 1] > 1 || block->data[at - 2] & 0x80)
        return false;
    for (at -= 2; at && block->data[at - 1] & 0x80; at--)
        ;
    return at && block->data[at - 1] == KIND_END;
}

/* Does the first block begin with the unit that is wanted? */
static bool is_of_unit(struct reading *reading, const GByteArray *block)
{
    const struct imapid_partial_unit *wanted = reading->partial->unit;
    struct imapid_partial_unit unit = {NULL, 0};
    struct pass *pass = &reading->rows.pass;
    bool good;

    init_rows(&reading->rows, NULL);
    pass->at = block->data;
    pass->end = block->data + block->len;
    if (pass_number(pass, 0, N_KINDS - 1) == KIND_UNIT)
        pass_unit(pass, &unit);
    good = !pass->error && !g_strcmp0(unit.plan, wanted->plan) && unit.number == wanted->number;
    deinit_rows(&reading->rows);
    return good;
}

bool imapid_partial_check(struct imapid_partial *partial, uint64_t n)
{
    struct reading reading = {.partial = partial};
    GByteArray *block = g_byte_array_new();
    bool is_first = partial->unit != NULL;

    reading.is_over = !read_head(&reading);
    do {
        if (!reading.is_over && !read_block(&reading, block))
            reading.is_over = true;
        if (is_first && !reading.is_bad && !is_of_unit(&reading, block))
            complain(&reading, reading.place, "the partial is of another unit or plan");
        is_first = false;
    } while (!reading.is_over && reading.place < n);
    if (!reading.is_bad && !has_end(block))
        complain(&reading, reading.place, cut);
    g_byte_array_unref(block);
    return !reading.is_bad;
}

bool imapid_partial_is(const uint8_t *octets, size_t n)
{
    return n >= IMAPID_PARTIAL_PEEK && !memcmp(octets, magic, IMAPID_PARTIAL_PEEK);
}

bool imapid_partial_read(struct imapid_partial *partial)
{
    struct reading reading = {.partial = partial};
    GByteArray *block = g_byte_array_new();

    init_rows(&reading.rows, NULL);
    reading.is_over = !read_head(&reading);
    while (!reading.is_over && !g_atomic_int_get(&partial->stop) && read_block(&reading, block))
        take_rows(&reading, block);
    if (!g_atomic_int_get(&partial->stop))
        read_end(&reading);
    partial->n_records = reading.rows.n_records;
    deinit_rows(&reading.rows);
    g_byte_array_unref(block);
    return !reading.is_bad;
}
