/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep.c: records taken apart, and put together again.
 *
 * What repeats from one to the next (names, lists, addresses, everything an exchange says) goes into
 * pools and is a number from then on; frames and times are kept as differences. Texts are made UTF-8,
 * and what JSON Lines leave out (the raw text of a well-formed list) is left out, so that a record
 * from a capture and the same one read back are equal.
 *
 * Refuses nothing.
 *
 * Misuse: keeping a record after the pools were sealed; two threads at once. */
#include "answer/keep.h"

#include "answer/flat.h"
#include "record/spell.h"

#include <string.h>

/* The stamps of an exchange: a frame, and frames and times of a response and a result. */
#define STAMPS_MAX (5 * IMAPID_FLAT_DIFFERENCE_MAX)

/* How a connection came, and what speaks against it; most have neither. */
struct way {
    struct imapid_path path;
    struct imapid_doubts doubts;
};

/* What sessions have in common, as imapid_kept_said. */
struct session_said {
    uint32_t not_decrypted; /* texts + 1, as the next four, which are those of TLS */
    uint32_t version, suite, server_name, alpn;
    uint32_t mechanisms[IMAPID_AUTHS_MAX]; /* texts + 1 */
    uint8_t auth_status[IMAPID_AUTHS_MAX], has_clear_password[IMAPID_AUTHS_MAX], n_auths;
    uint32_t n_findings; /* laid flat behind this */
    uint8_t security, compressed, id_advertised, from_start, ended, gave_way, decrypted, has_tls;
};

/* Room for what is laid flat next. */
static uint8_t *make_room(struct imapid_keep *keep, size_t n)
{
    if (n > keep->n_scratch) {
        keep->n_scratch = 2 * n;
        g_free(keep->scratch);
        keep->scratch = g_malloc(keep->n_scratch);
    }
    return keep->scratch;
}

/* ---- texts ---- */

/* A text as JSON spells it: what is no UTF-8 becomes U+FFFD. */
static uint32_t add_octets(struct imapid_pool *pool, const uint8_t *octets, size_t n)
{
    GString *valid;
    uint32_t number;

    if (imapid_spell_is_utf8(octets, n))
        return imapid_pool_add(pool, octets, n);
    valid = g_string_new(NULL);
    imapid_spell_utf8(valid, octets, n);
    number = imapid_pool_add(pool, valid->str, valid->len);
    g_string_free(valid, TRUE);
    return number;
}

/* A number + 1, 0 for NULL. */
static uint32_t add_text(struct imapid_pool *pool, const char *text)
{
    return text ? add_octets(pool, (const uint8_t *)text, strlen(text)) + 1 : 0;
}

static const char *get_text(const struct imapid_pool *pool, uint32_t number)
{
    return number ? imapid_pool_get(pool, number - 1, NULL) : NULL;
}

const char *imapid_keep_text(struct imapid_keep *keep, const char *text)
{
    return get_text(keep->texts, add_text(keep->texts, text));
}

const char *imapid_keep_get_text(const struct imapid_keep *keep, uint32_t number)
{
    return get_text(keep->texts, number);
}

/* ---- connections ---- */

/* Of an IPv4 address four octets are enough, if the others are what they should be. */
static uint32_t add_address(struct imapid_keep *keep, const struct imapid_endpoint *endpoint)
{
    static const uint8_t zeroes[12];
    uint8_t octets[sizeof endpoint->address + 1];

    if (endpoint->family == 4 && !memcmp(endpoint->address + 4, zeroes, sizeof zeroes))
        return imapid_pool_add(keep->addresses, endpoint->address, 4);
    memcpy(octets, endpoint->address, sizeof endpoint->address);
    octets[sizeof endpoint->address] = endpoint->family;
    return imapid_pool_add(keep->addresses, octets, sizeof octets);
}

struct imapid_endpoint imapid_keep_read_end(const struct imapid_keep *keep, uint32_t address,
                                            uint16_t port)
{
    struct imapid_endpoint endpoint = {.port = port, .family = 4};
    size_t n;
    const uint8_t *octets = imapid_pool_get(keep->addresses, address, &n);

    memcpy(endpoint.address, octets, MIN(n, sizeof endpoint.address));
    if (n > sizeof endpoint.address)
        endpoint.family = octets[sizeof endpoint.address];
    return endpoint;
}

/* Records of one file mostly come one after the other. */
static uint32_t add_file(struct imapid_keep *keep, const char *file)
{
    if (!keep->last_file || strcmp(file, keep->last_file)) {
        keep->last_number = add_octets(keep->files, (const uint8_t *)file, strlen(file));
        keep->last_file = imapid_pool_get(keep->files, keep->last_number, NULL);
    }
    return keep->last_number;
}

static struct imapid_kept_conn keep_conn(struct imapid_keep *keep,
                                         const struct imapid_record_conn *conn)
{
    struct imapid_kept_conn kept = {
        .file = add_file(keep, conn->file),
        .stream = conn->stream,
        .client = add_address(keep, &conn->client),
        .server = add_address(keep, &conn->server),
        .client_port = conn->client.port,
        .server_port = conn->server.port,
        .first_frame = conn->first_frame,
    };

    if (conn->proxied_client.family) {
        uint32_t end[2] = {add_address(keep, &conn->proxied_client), conn->proxied_client.port};

        kept.proxied = imapid_pool_add(keep->blobs, end, sizeof end) + 1;
    }
    if (conn->path.n || imapid_doubts_has_any(&conn->doubts)) {
        struct way way;

        memset(&way, 0, sizeof way); /* the gaps too: the same ones are kept once */
        way.path = conn->path;
        way.doubts = conn->doubts;
        kept.way = imapid_pool_add(keep->blobs, &way, sizeof way) + 1;
    }
    return kept;
}

static const uint32_t *get_proxied(const struct imapid_keep *keep,
                                   const struct imapid_kept_conn *kept)
{
    return imapid_pool_get(keep->blobs, kept->proxied - 1, NULL);
}

struct imapid_record_conn imapid_keep_read_conn(const struct imapid_keep *keep,
                                                const struct imapid_kept_conn *kept)
{
    struct imapid_record_conn conn = {
        .file = imapid_pool_get(keep->files, kept->file, NULL),
        .stream = kept->stream,
        .client = imapid_keep_read_end(keep, kept->client, kept->client_port),
        .server = imapid_keep_read_end(keep, kept->server, kept->server_port),
        .first_frame = kept->first_frame,
    };

    if (kept->proxied) {
        const uint32_t *end = get_proxied(keep, kept);

        conn.proxied_client = imapid_keep_read_end(keep, end[0], (uint16_t)end[1]);
    }
    if (kept->way) {
        const struct way *way = imapid_pool_get(keep->blobs, kept->way - 1, NULL);

        conn.path = way->path;
        conn.doubts = way->doubts;
    }
    return conn;
}

uint32_t imapid_keep_get_client(const struct imapid_keep *keep, const struct imapid_kept_conn *kept)
{
    return kept->proxied ? get_proxied(keep, kept)[0] : kept->client;
}

/* ---- stamps ---- */

uint64_t imapid_kept_get_frame(const struct imapid_kept_exchange *kept)
{
    const uint8_t *at = kept->stamps;

    return imapid_flat_take_difference(&at);
}

static const uint8_t *add_stamps(struct imapid_keep *keep,
                                 const struct imapid_record_exchange *exchange)
{
    struct imapid_stamp when = imapid_record_when(exchange);
    uint8_t *start, *at;

    if (keep->n_stamps < STAMPS_MAX) {
        keep->n_stamps = 4096;
        keep->next_stamp = imapid_arena_take(&keep->stamps, keep->n_stamps);
    }
    start = keep->next_stamp;
    at = imapid_flat_put_difference(start, when.number);
    if (exchange->response.seen)
        at = imapid_flat_put_stamp(at, &exchange->response.packet, &when);
    if (exchange->status != IMAPID_STATUS_NONE)
        at = imapid_flat_put_stamp(at, &exchange->result, &when);
    keep->next_stamp = at;
    keep->n_stamps -= (size_t)(at - start);
    return start;
}

/* ---- exchanges ---- */

static uint32_t add_pairs(struct imapid_keep *keep, const struct imapid_record_half *half)
{
    size_t n = imapid_flat_measure_pairs(half);
    uint8_t *flat = make_room(keep, n);

    imapid_flat_put_pairs(flat, half);
    return imapid_pool_add(keep->blobs, flat, n);
}

/* Adds what was said, `n` octets without a gap that is not 0, with the findings flat behind it. */
static uint32_t add_with_findings(struct imapid_keep *keep, struct imapid_pool *pool,
                                  const void *said, size_t n,
                                  const struct imapid_record_finding *findings, unsigned n_findings)
{
    size_t n_all = n + imapid_flat_measure_findings(findings, n_findings);
    uint8_t *flat = make_room(keep, n_all);

    memcpy(flat, said, n);
    imapid_flat_put_findings(flat + n, findings, n_findings);
    return imapid_pool_add(pool, flat, n_all);
}

static uint32_t add_said(struct imapid_keep *keep, const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *halves[] = {&exchange->command, &exchange->response};
    struct imapid_kept_said said;

    memset(&said, 0, sizeof said);
    for (int side = 0; side < 2; side++) {
        const struct imapid_record_half *half = halves[side];

        said.is_seen[side] = half->seen;
        said.has_list[side] = half->has_list;
        said.is_malformed[side] = half->is_malformed;
        said.pairs[side] = add_pairs(keep, half);
        said.file[side] = add_text(keep->texts, half->file);
        if (half->is_malformed)
            said.raw[side] = add_octets(keep->texts, half->raw, half->n_raw) + 1;
    }
    said.result_file = add_text(keep->texts, exchange->result_file);
    said.n_findings = exchange->n_findings;
    said.status = (uint8_t)exchange->status;
    said.is_untagged = exchange->is_untagged;
    said.security = (uint8_t)exchange->security;
    said.compressed = exchange->compressed;
    said.state = (uint8_t)exchange->state;
    said.complete = exchange->complete;
    return add_with_findings(keep, keep->sayings, &said, sizeof said, exchange->findings,
                             exchange->n_findings);
}

struct imapid_kept_exchange imapid_keep_exchange(struct imapid_keep *keep,
                                                 const struct imapid_record_exchange *exchange)
{
    struct imapid_kept_exchange kept = {.when_ns = imapid_record_when(exchange).ts_ns};

    kept.conn = keep_conn(keep, &exchange->conn);
    kept.tag = add_text(keep->texts, exchange->tag);
    if (exchange->status != IMAPID_STATUS_NONE && !exchange->text.is_nil)
        kept.text = add_octets(keep->texts, exchange->text.octets, exchange->text.n) + 1;
    kept.said = add_said(keep, exchange);
    kept.stamps = add_stamps(keep, exchange);
    return kept;
}

static struct imapid_record_string get_string(const struct imapid_pool *pool, uint32_t number)
{
    struct imapid_record_string string = {.is_nil = !number};

    if (number)
        string.octets = imapid_pool_get(pool, number - 1, &string.n);
    return string;
}

static void get_half(const struct imapid_keep *keep, const struct imapid_kept_said *said, int side,
                     struct imapid_record_half *half, struct imapid_arena *arena)
{
    struct imapid_record_string raw = get_string(keep->texts, said->raw[side]);

    half->seen = said->is_seen[side];
    half->file = get_text(keep->texts, said->file[side]);
    half->has_list = said->has_list[side];
    half->is_malformed = said->is_malformed[side];
    half->raw = raw.octets;
    half->n_raw = raw.n;
    imapid_flat_take_pairs(imapid_pool_get(keep->blobs, said->pairs[side], NULL), half, arena);
}

static void get_said(const struct imapid_keep *keep, const struct imapid_kept_said *said,
                     struct imapid_record_exchange *exchange, struct imapid_arena *arena)
{
    const uint8_t *at = (const uint8_t *)(said + 1);

    get_half(keep, said, IMAPID_CLIENT, &exchange->command, arena);
    get_half(keep, said, IMAPID_SERVER, &exchange->response, arena);
    exchange->result_file = get_text(keep->texts, said->result_file);
    exchange->status = (enum imapid_status)said->status;
    exchange->is_untagged = said->is_untagged;
    exchange->security = (enum imapid_security)said->security;
    exchange->compressed = said->compressed;
    exchange->state = (enum imapid_state)said->state;
    exchange->complete = said->complete;
    exchange->n_findings = said->n_findings;
    exchange->findings =
        imapid_arena_take(arena, exchange->n_findings * sizeof *exchange->findings);
    for (unsigned i = 0; i < exchange->n_findings; i++)
        exchange->findings[i] = imapid_flat_take_finding(&at);
}

void imapid_keep_read_exchange(const struct imapid_keep *keep,
                               const struct imapid_kept_exchange *kept,
                               struct imapid_record_exchange *exchange, struct imapid_arena *arena)
{
    const uint8_t *at = kept->stamps;
    struct imapid_stamp when = {.number = imapid_flat_take_difference(&at), .ts_ns = kept->when_ns};

    memset(exchange, 0, sizeof *exchange);
    exchange->conn = imapid_keep_read_conn(keep, &kept->conn);
    exchange->tag = (char *)get_text(keep->texts, kept->tag);
    exchange->text = get_string(keep->texts, kept->text);
    get_said(keep, imapid_pool_get(keep->sayings, kept->said, NULL), exchange, arena);
    if (exchange->response.seen)
        exchange->response.packet = imapid_flat_take_stamp(&at, &when);
    if (exchange->status != IMAPID_STATUS_NONE)
        exchange->result = imapid_flat_take_stamp(&at, &when);
    if (exchange->command.seen)
        exchange->command.packet = when;
    else if (!exchange->response.seen)
        exchange->result = when;
}

const struct imapid_kept_said *imapid_keep_get_said(const struct imapid_keep *keep,
                                                    const struct imapid_kept_exchange *kept)
{
    return imapid_pool_get(keep->sayings, kept->said, NULL);
}

/* ---- sessions ---- */

struct imapid_kept_session imapid_keep_session(struct imapid_keep *keep,
                                               const struct imapid_record_session *session)
{
    struct imapid_kept_session kept = {
        .first_ns = session->first_ns,
        .last_ns = session->last_ns,
        .n_exchanges = session->n_exchanges,
        .n_lost = session->n_lost,
        .n_resyncs = session->n_resyncs,
    };
    struct session_said said;

    memset(&said, 0, sizeof said);
    said.n_findings = session->n_findings;
    said.security = (uint8_t)session->security;
    said.compressed = session->compressed;
    said.id_advertised = (uint8_t)session->id_advertised;
    said.from_start = session->from_start;
    said.ended = (uint8_t)session->ended;
    said.gave_way = session->gave_way;
    said.decrypted = (uint8_t)session->decrypted;
    said.not_decrypted = add_text(keep->texts, session->not_decrypted);
    said.has_tls = session->tls.seen;
    said.version = add_text(keep->texts, session->tls.version);
    said.suite = add_text(keep->texts, session->tls.suite);
    said.server_name = add_text(keep->texts, session->tls.server_name);
    said.alpn = add_text(keep->texts, session->tls.alpn);
    said.n_auths = (uint8_t)session->n_auths;
    for (unsigned i = 0; i < session->n_auths; i++) {
        said.mechanisms[i] = add_text(keep->texts, session->auths[i].mechanism);
        said.auth_status[i] = (uint8_t)session->auths[i].status;
        said.has_clear_password[i] = session->auths[i].cleartext_password;
    }
    kept.conn = keep_conn(keep, &session->conn);
    kept.said = add_with_findings(keep, keep->blobs, &said, sizeof said, session->findings,
                                  session->n_findings);
    return kept;
}

void imapid_keep_read_session(const struct imapid_keep *keep,
                              const struct imapid_kept_session *kept,
                              struct imapid_record_session *session)
{
    const struct session_said *said = imapid_pool_get(keep->blobs, kept->said, NULL);
    const uint8_t *at = (const uint8_t *)(said + 1);

    *session = (struct imapid_record_session){
        .conn = imapid_keep_read_conn(keep, &kept->conn),
        .first_ns = kept->first_ns,
        .last_ns = kept->last_ns,
        .n_exchanges = kept->n_exchanges,
        .n_lost = kept->n_lost,
        .n_resyncs = kept->n_resyncs,
        .security = (enum imapid_security)said->security,
        .compressed = said->compressed,
        .id_advertised = (enum imapid_known)said->id_advertised,
        .from_start = said->from_start,
        .ended = (enum imapid_record_ended)said->ended,
        .gave_way = said->gave_way,
        .decrypted = (enum imapid_known)said->decrypted,
        .not_decrypted = get_text(keep->texts, said->not_decrypted),
        .not_decrypted_phrase = get_text(keep->texts, said->not_decrypted),
        .tls = {.seen = said->has_tls,
                .version = get_text(keep->texts, said->version),
                .suite = get_text(keep->texts, said->suite),
                .server_name = get_text(keep->texts, said->server_name),
                .alpn = get_text(keep->texts, said->alpn)},
        .n_auths = said->n_auths,
        .n_findings = said->n_findings,
    };
    for (unsigned i = 0; i < session->n_auths; i++)
        session->auths[i] = (struct imapid_auth){
            .mechanism = get_text(keep->texts, said->mechanisms[i]),
            .status = (enum imapid_word)said->auth_status[i],
            .cleartext_password = said->has_clear_password[i],
        };
    for (unsigned i = 0; i < session->n_findings; i++)
        session->findings[i] = imapid_flat_take_finding(&at);
}

/* ---- all of it ---- */

void imapid_keep_init(struct imapid_keep *keep)
{
    *keep = (struct imapid_keep){.files = imapid_pool_new(),
                                 .texts = imapid_pool_new(),
                                 .addresses = imapid_pool_new(),
                                 .blobs = imapid_pool_new(),
                                 .sayings = imapid_pool_new()};
}

void imapid_keep_seal(struct imapid_keep *keep)
{
    imapid_pool_seal(keep->files);
    imapid_pool_seal(keep->texts);
    imapid_pool_seal(keep->addresses);
    imapid_pool_seal(keep->blobs);
    imapid_pool_seal(keep->sayings);
}

void imapid_keep_deinit(struct imapid_keep *keep)
{
    imapid_pool_free(keep->files);
    imapid_pool_free(keep->texts);
    imapid_pool_free(keep->addresses);
    imapid_pool_free(keep->blobs);
    imapid_pool_free(keep->sayings);
    imapid_arena_deinit(&keep->stamps);
    g_free(keep->scratch);
}
