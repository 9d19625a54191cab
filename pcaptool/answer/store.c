/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: records kept, put in order, counted once.
 *
 * A record is taken apart on the way in: what repeats from one to the next (names, lists, addresses,
 * everything an exchange says) goes into pools and is a number from then on; frames and times are
 * kept as differences. Texts are made UTF-8, and what JSON Lines leave out (the raw text of a
 * well-formed list) is left out, so that a record from a capture and the same one read back are
 * equal. Misuse: adding after settling.
 *
 * Refuses: a record that is there already; it is counted. */
#include "answer/store.h"

#include "record/pool.h"
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/writer.h"

#include <string.h>

/* ---- what is kept ---- */

/* The connection of a record. */
/* How a connection came, and what speaks against it; most have neither. */
struct way {
    struct imapid_path path;
    struct imapid_doubts doubts;
};

struct kept_conn {
    uint32_t file, stream;
    uint32_t client, server; /* addresses */
    uint32_t proxied;        /* blobs + 1: address and port */
    uint32_t way;            /* blobs + 1: a struct way */
    uint16_t client_port, server_port;
    uint64_t first_frame;
};

/* What exchanges have in common: all of one but its connection, tag, text, frames and times. */
struct said {
    uint32_t pairs[2];        /* blobs; by side, as the next ones */
    uint32_t raw[2], file[2]; /* texts + 1 */
    uint32_t result_file;     /* texts + 1 */
    uint32_t n_findings;      /* laid flat behind this */
    uint8_t is_seen[2], has_list[2], is_malformed[2];
    uint8_t status, is_untagged, security, compressed, state, complete;
};

struct kept_exchange {
    struct kept_conn conn;
    uint32_t tag, text; /* texts + 1 */
    uint32_t said;      /* sayings */
    int64_t when_ns;
    const uint8_t *stamps; /* the frame of `when`, and differences of what came later */
};

/* The same of a session. */
struct session_said {
    uint32_t not_decrypted; /* texts + 1, as the next four, which are those of TLS */
    uint32_t version, suite, server_name, alpn;
    uint32_t mechanisms[IMAPID_AUTHS_MAX]; /* texts + 1 */
    uint8_t auth_status[IMAPID_AUTHS_MAX], has_clear_password[IMAPID_AUTHS_MAX], n_auths;
    uint32_t n_findings; /* laid flat behind this */
    uint8_t security, compressed, id_advertised, from_start, ended, gave_way, decrypted, has_tls;
};

struct kept_session {
    struct kept_conn conn;
    uint32_t said; /* blobs */
    int64_t first_ns, last_ns;
    uint64_t n_exchanges, n_lost, n_resyncs;
};

/* One connection of the view. */
struct kept_joint {
    uint32_t first, n_exchanges;
    uint32_t session; /* place + 1; 0: none */
};

struct imapid_store {
    GMutex mutex;
    struct imapid_pool *files, *texts, *addresses, *blobs, *sayings;
    const char *last_file; /* the one that came last, as it is kept, and its number */
    uint32_t last_number;
    struct imapid_arena stamps;
    size_t n_stamps; /* octets left of the piece in use, which begins at next_stamp */
    uint8_t *next_stamp;
    uint8_t *scratch;
    size_t n_scratch;
    GArray *exchanges, *sessions, *captures, *joints;
    GPtrArray *unread;                        /* the lists of captures */
    uint32_t *exchange_order, *session_order; /* places to indices */
    uint32_t *file_ranks;
};

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

static const char *keep_text(struct imapid_store *store, const char *text)
{
    return get_text(store->texts, add_text(store->texts, text));
}

/* ---- connections ---- */

/* Of an IPv4 address four octets are enough, if the others are what they should be. */
static uint32_t add_address(struct imapid_store *store, const struct imapid_endpoint *endpoint)
{
    static const uint8_t zeroes[12];
    uint8_t octets[sizeof endpoint->address + 1];

    if (endpoint->family == 4 && !memcmp(endpoint->address + 4, zeroes, sizeof zeroes))
        return imapid_pool_add(store->addresses, endpoint->address, 4);
    memcpy(octets, endpoint->address, sizeof endpoint->address);
    octets[sizeof endpoint->address] = endpoint->family;
    return imapid_pool_add(store->addresses, octets, sizeof octets);
}

static struct imapid_endpoint get_endpoint(const struct imapid_store *store, uint32_t address,
                                           uint16_t port)
{
    struct imapid_endpoint endpoint = {.port = port, .family = 4};
    size_t n;
    const uint8_t *octets = imapid_pool_get(store->addresses, address, &n);

    memcpy(endpoint.address, octets, MIN(n, sizeof endpoint.address));
    if (n > sizeof endpoint.address)
        endpoint.family = octets[sizeof endpoint.address];
    return endpoint;
}

/* Records of one file mostly come one after the other. */
static uint32_t add_file(struct imapid_store *store, const char *file)
{
    if (!store->last_file || strcmp(file, store->last_file)) {
        store->last_number = add_octets(store->files, (const uint8_t *)file, strlen(file));
        store->last_file = imapid_pool_get(store->files, store->last_number, NULL);
    }
    return store->last_number;
}

static struct kept_conn keep_conn(struct imapid_store *store, const struct imapid_record_conn *conn)
{
    struct kept_conn kept = {
        .file = add_file(store, conn->file),
        .stream = conn->stream,
        .client = add_address(store, &conn->client),
        .server = add_address(store, &conn->server),
        .client_port = conn->client.port,
        .server_port = conn->server.port,
        .first_frame = conn->first_frame,
    };

    if (conn->proxied_client.family) {
        uint32_t end[2] = {add_address(store, &conn->proxied_client), conn->proxied_client.port};

        kept.proxied = imapid_pool_add(store->blobs, end, sizeof end) + 1;
    }
    if (conn->path.n || imapid_doubts_has_any(&conn->doubts)) {
        struct way way;

        memset(&way, 0, sizeof way); /* the gaps too: the same ones are kept once */
        way.path = conn->path;
        way.doubts = conn->doubts;
        kept.way = imapid_pool_add(store->blobs, &way, sizeof way) + 1;
    }
    return kept;
}

static const uint32_t *get_proxied(const struct imapid_store *store, const struct kept_conn *kept)
{
    return imapid_pool_get(store->blobs, kept->proxied - 1, NULL);
}

static struct imapid_record_conn get_conn(const struct imapid_store *store,
                                          const struct kept_conn *kept)
{
    struct imapid_record_conn conn = {
        .file = imapid_pool_get(store->files, kept->file, NULL),
        .stream = kept->stream,
        .client = get_endpoint(store, kept->client, kept->client_port),
        .server = get_endpoint(store, kept->server, kept->server_port),
        .first_frame = kept->first_frame,
    };

    if (kept->proxied) {
        const uint32_t *end = get_proxied(store, kept);

        conn.proxied_client = get_endpoint(store, end[0], (uint16_t)end[1]);
    }
    if (kept->way) {
        const struct way *way = imapid_pool_get(store->blobs, kept->way - 1, NULL);

        conn.path = way->path;
        conn.doubts = way->doubts;
    }
    return conn;
}

const struct imapid_endpoint *imapid_store_get_client(const struct imapid_record_conn *conn)
{
    return conn->proxied_client.family ? &conn->proxied_client : &conn->client;
}

/* ---- lists and findings, laid flat ---- */

/* Stands for the length of NIL. */
#define NIL UINT32_MAX

static size_t round_up(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t measure(const struct imapid_record_string *string)
{
    return sizeof(uint32_t) + (string->is_nil ? 0 : round_up(string->n));
}

/* Room for what is laid flat next. */
static uint8_t *make_room(struct imapid_store *store, size_t n)
{
    if (n > store->n_scratch) {
        store->n_scratch = 2 * n;
        g_free(store->scratch);
        store->scratch = g_malloc(store->n_scratch);
    }
    return store->scratch;
}

static uint8_t *put_number(uint8_t *at, uint32_t number)
{
    memcpy(at, &number, sizeof number);
    return at + sizeof number;
}

static uint8_t *put_string(uint8_t *at, const struct imapid_record_string *string)
{
    uint32_t zero = 0;
    size_t n = round_up(string->n);

    at = put_number(at, string->is_nil ? NIL : (uint32_t)string->n);
    if (string->is_nil || !n)
        return at;
    memcpy(at + n - sizeof zero, &zero, sizeof zero); /* equal strings, equal octets */
    memcpy(at, string->octets, string->n);
    return at + n;
}

static uint32_t take_number(const uint8_t **at)
{
    uint32_t number;

    memcpy(&number, *at, sizeof number);
    *at += sizeof number;
    return number;
}

static struct imapid_record_string take_string(const uint8_t **at)
{
    struct imapid_record_string string = {.octets = *at + sizeof(uint32_t)};
    uint32_t n = take_number(at);

    if (n == NIL)
        return (struct imapid_record_string){.is_nil = true};
    string.n = n;
    *at += round_up(n);
    return string;
}

static uint32_t add_pairs(struct imapid_store *store, const struct imapid_record_half *half)
{
    size_t n = sizeof(uint32_t);
    uint8_t *start, *at;

    for (unsigned i = 0; i < half->n_pairs; i++)
        n += measure(&half->pairs[i].field) + measure(&half->pairs[i].value);
    start = make_room(store, n);
    at = put_number(start, half->n_pairs);
    for (unsigned i = 0; i < half->n_pairs; i++)
        at = put_string(put_string(at, &half->pairs[i].field), &half->pairs[i].value);
    return imapid_pool_add(store->blobs, start, n);
}

static void get_pairs(const struct imapid_store *store, uint32_t number,
                      struct imapid_record_half *half, struct imapid_arena *arena)
{
    const uint8_t *at = imapid_pool_get(store->blobs, number, NULL);

    half->n_pairs = take_number(&at);
    half->pairs = imapid_arena_take(arena, half->n_pairs * sizeof *half->pairs);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        half->pairs[i].field = take_string(&at);
        half->pairs[i].value = take_string(&at);
    }
}

static size_t measure_findings(const struct imapid_record_finding *findings, unsigned n_findings)
{
    size_t n = 0;

    for (unsigned i = 0; i < n_findings; i++)
        n += 3 * sizeof(uint32_t) + measure(&findings[i].field);
    return n;
}

static void put_findings(uint8_t *at, const struct imapid_record_finding *findings,
                         unsigned n_findings)
{
    for (unsigned i = 0; i < n_findings; i++) {
        at = put_number(put_number(at, findings[i].code), findings[i].side);
        at = put_number(at, findings[i].lack);
        at = put_string(at, &findings[i].field);
    }
}

static struct imapid_record_finding take_finding(const uint8_t **at)
{
    struct imapid_record_finding finding = {.code = (enum imapid_finding_code)take_number(at)};

    finding.side = (enum imapid_side)take_number(at);
    finding.lack = (enum imapid_lack)take_number(at);
    finding.field = take_string(at);
    return finding;
}

/* ---- stamps ---- */

/* The most octets of a difference, and of the stamps of an exchange: a frame, and frames and times
 * of a response and a result. */
#define DIFFERENCE_MAX 10
#define STAMPS_MAX     (5 * DIFFERENCE_MAX)

/* Seven bits an octet, the lowest first; small differences of either sign are short. */
static uint8_t *put_difference(uint8_t *at, uint64_t difference)
{
    uint64_t rest = difference << 1 ^ (0 - (difference >> 63));

    for (; rest > 127; rest >>= 7)
        *at++ = (uint8_t)(rest | 128);
    *at++ = (uint8_t)rest;
    return at;
}

static uint64_t take_difference(const uint8_t **at)
{
    uint64_t rest = 0;
    int shift = 0;

    do
        rest |= (uint64_t)(**at & 127) << shift;
    while (shift += 7, *(*at)++ & 128);
    return rest >> 1 ^ (0 - (rest & 1));
}

static uint8_t *put_stamp(uint8_t *at, const struct imapid_stamp *stamp,
                          const struct imapid_stamp *from)
{
    at = put_difference(at, (uint64_t)stamp->ts_ns - (uint64_t)from->ts_ns);
    return put_difference(at, stamp->number - from->number);
}

static struct imapid_stamp take_stamp(const uint8_t **at, const struct imapid_stamp *from)
{
    uint64_t ts_ns = (uint64_t)from->ts_ns + take_difference(at);

    return (struct imapid_stamp){.number = from->number + take_difference(at),
                                 .ts_ns = (int64_t)ts_ns};
}

static uint64_t get_frame(const struct kept_exchange *kept)
{
    const uint8_t *at = kept->stamps;

    return take_difference(&at);
}

static const uint8_t *add_stamps(struct imapid_store *store,
                                 const struct imapid_record_exchange *exchange)
{
    struct imapid_stamp when = imapid_record_when(exchange);
    uint8_t *start, *at;

    if (store->n_stamps < STAMPS_MAX) {
        store->n_stamps = 4096;
        store->next_stamp = imapid_arena_take(&store->stamps, store->n_stamps);
    }
    start = store->next_stamp;
    at = put_difference(start, when.number);
    if (exchange->response.seen)
        at = put_stamp(at, &exchange->response.packet, &when);
    if (exchange->status != IMAPID_STATUS_NONE)
        at = put_stamp(at, &exchange->result, &when);
    store->next_stamp = at;
    store->n_stamps -= (size_t)(at - start);
    return start;
}

/* ---- exchanges ---- */

static uint32_t add_said(struct imapid_store *store, const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *halves[] = {&exchange->command, &exchange->response};
    struct said said;
    uint8_t *flat;
    size_t n;

    memset(&said, 0, sizeof said);
    for (int side = 0; side < 2; side++) {
        const struct imapid_record_half *half = halves[side];

        said.is_seen[side] = half->seen;
        said.has_list[side] = half->has_list;
        said.is_malformed[side] = half->is_malformed;
        said.pairs[side] = add_pairs(store, half);
        said.file[side] = add_text(store->texts, half->file);
        if (half->is_malformed)
            said.raw[side] = add_octets(store->texts, half->raw, half->n_raw) + 1;
    }
    said.result_file = add_text(store->texts, exchange->result_file);
    said.n_findings = exchange->n_findings;
    said.status = (uint8_t)exchange->status;
    said.is_untagged = exchange->is_untagged;
    said.security = (uint8_t)exchange->security;
    said.compressed = exchange->compressed;
    said.state = (uint8_t)exchange->state;
    said.complete = exchange->complete;
    n = sizeof said + measure_findings(exchange->findings, exchange->n_findings);
    flat = make_room(store, n);
    memcpy(flat, &said, sizeof said);
    put_findings(flat + sizeof said, exchange->findings, exchange->n_findings);
    return imapid_pool_add(store->sayings, flat, n);
}

void imapid_store_add_exchange(struct imapid_store *store,
                               const struct imapid_record_exchange *exchange)
{
    struct kept_exchange kept = {.when_ns = imapid_record_when(exchange).ts_ns};

    g_mutex_lock(&store->mutex);
    kept.conn = keep_conn(store, &exchange->conn);
    kept.tag = add_text(store->texts, exchange->tag);
    if (exchange->status != IMAPID_STATUS_NONE && !exchange->text.is_nil)
        kept.text = add_octets(store->texts, exchange->text.octets, exchange->text.n) + 1;
    kept.said = add_said(store, exchange);
    kept.stamps = add_stamps(store, exchange);
    g_array_append_val(store->exchanges, kept);
    g_mutex_unlock(&store->mutex);
}

static struct imapid_record_string get_string(const struct imapid_pool *pool, uint32_t number)
{
    struct imapid_record_string string = {.is_nil = !number};

    if (number)
        string.octets = imapid_pool_get(pool, number - 1, &string.n);
    return string;
}

static void get_half(const struct imapid_store *store, const struct said *said, int side,
                     struct imapid_record_half *half, struct imapid_arena *arena)
{
    struct imapid_record_string raw = get_string(store->texts, said->raw[side]);

    half->seen = said->is_seen[side];
    half->file = get_text(store->texts, said->file[side]);
    half->has_list = said->has_list[side];
    half->is_malformed = said->is_malformed[side];
    half->raw = raw.octets;
    half->n_raw = raw.n;
    get_pairs(store, said->pairs[side], half, arena);
}

static void get_said(const struct imapid_store *store, const struct said *said,
                     struct imapid_record_exchange *exchange, struct imapid_arena *arena)
{
    const uint8_t *at = (const uint8_t *)(said + 1);

    get_half(store, said, IMAPID_CLIENT, &exchange->command, arena);
    get_half(store, said, IMAPID_SERVER, &exchange->response, arena);
    exchange->result_file = get_text(store->texts, said->result_file);
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
        exchange->findings[i] = take_finding(&at);
}

static const struct imapid_record_exchange *get_exchange(const struct imapid_store *store,
                                                         const struct kept_exchange *kept,
                                                         struct imapid_store_reading *reading)
{
    struct imapid_record_exchange *exchange = &reading->record;
    const uint8_t *at = kept->stamps;
    struct imapid_stamp when = {.number = take_difference(&at), .ts_ns = kept->when_ns};

    imapid_arena_reset(&reading->arena);
    memset(exchange, 0, sizeof *exchange);
    exchange->conn = get_conn(store, &kept->conn);
    exchange->tag = (char *)get_text(store->texts, kept->tag);
    exchange->text = get_string(store->texts, kept->text);
    get_said(store, imapid_pool_get(store->sayings, kept->said, NULL), exchange, &reading->arena);
    if (exchange->response.seen)
        exchange->response.packet = take_stamp(&at, &when);
    if (exchange->status != IMAPID_STATUS_NONE)
        exchange->result = take_stamp(&at, &when);
    if (exchange->command.seen)
        exchange->command.packet = when;
    else if (!exchange->response.seen)
        exchange->result = when;
    return exchange;
}

/* ---- sessions and captures ---- */

void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session)
{
    struct kept_session kept = {
        .first_ns = session->first_ns,
        .last_ns = session->last_ns,
        .n_exchanges = session->n_exchanges,
        .n_lost = session->n_lost,
        .n_resyncs = session->n_resyncs,
    };
    size_t n =
        sizeof(struct session_said) + measure_findings(session->findings, session->n_findings);
    struct session_said said;
    uint8_t *flat;

    memset(&said, 0, sizeof said);
    said.n_findings = session->n_findings;
    said.security = (uint8_t)session->security;
    said.compressed = session->compressed;
    said.id_advertised = (uint8_t)session->id_advertised;
    said.from_start = session->from_start;
    said.ended = (uint8_t)session->ended;
    said.gave_way = session->gave_way;
    said.decrypted = (uint8_t)session->decrypted;
    g_mutex_lock(&store->mutex);
    said.not_decrypted = add_text(store->texts, session->not_decrypted);
    said.has_tls = session->tls.seen;
    said.version = add_text(store->texts, session->tls.version);
    said.suite = add_text(store->texts, session->tls.suite);
    said.server_name = add_text(store->texts, session->tls.server_name);
    said.alpn = add_text(store->texts, session->tls.alpn);
    said.n_auths = (uint8_t)session->n_auths;
    for (unsigned i = 0; i < session->n_auths; i++) {
        said.mechanisms[i] = add_text(store->texts, session->auths[i].mechanism);
        said.auth_status[i] = (uint8_t)session->auths[i].status;
        said.has_clear_password[i] = session->auths[i].cleartext_password;
    }
    kept.conn = keep_conn(store, &session->conn);
    flat = make_room(store, n);
    memcpy(flat, &said, sizeof said);
    put_findings(flat + sizeof said, session->findings, session->n_findings);
    kept.said = imapid_pool_add(store->blobs, flat, n);
    g_array_append_val(store->sessions, kept);
    g_mutex_unlock(&store->mutex);
}

static void get_session(const struct imapid_store *store, const struct kept_session *kept,
                        struct imapid_record_session *session)
{
    const struct session_said *said = imapid_pool_get(store->blobs, kept->said, NULL);
    const uint8_t *at = (const uint8_t *)(said + 1);

    *session = (struct imapid_record_session){
        .conn = get_conn(store, &kept->conn),
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
        .not_decrypted = get_text(store->texts, said->not_decrypted),
        .not_decrypted_phrase = get_text(store->texts, said->not_decrypted),
        .tls = {.seen = said->has_tls,
                .version = get_text(store->texts, said->version),
                .suite = get_text(store->texts, said->suite),
                .server_name = get_text(store->texts, said->server_name),
                .alpn = get_text(store->texts, said->alpn)},
        .n_auths = said->n_auths,
        .n_findings = said->n_findings,
    };
    for (unsigned i = 0; i < session->n_auths; i++)
        session->auths[i] = (struct imapid_auth){
            .mechanism = get_text(store->texts, said->mechanisms[i]),
            .status = (enum imapid_word)said->auth_status[i],
            .cleartext_password = said->has_clear_password[i],
        };
    for (unsigned i = 0; i < session->n_findings; i++)
        session->findings[i] = take_finding(&at);
}

static const struct imapid_record_unread *keep_unread(struct imapid_store *store,
                                                      const struct imapid_record_capture *capture)
{
    struct imapid_record_unread *kinds =
        g_new0(struct imapid_record_unread, (gsize)capture->n_unread + 1);

    for (unsigned i = 0; i < capture->n_unread; i++) {
        kinds[i] = capture->unread[i];
        kinds[i].layer = keep_text(store, kinds[i].layer);
        kinds[i].name = keep_text(store, kinds[i].name);
    }
    g_ptr_array_add(store->unread, kinds);
    return kinds;
}

void imapid_store_add_capture(struct imapid_store *store,
                              const struct imapid_record_capture *capture)
{
    struct imapid_record_capture copy = *capture;

    g_mutex_lock(&store->mutex);
    copy.file = keep_text(store, copy.file);
    copy.format = keep_text(store, copy.format);
    copy.error = (char *)keep_text(store, copy.error);
    copy.unread = keep_unread(store, capture);
    g_array_append_val(store->captures, copy);
    g_mutex_unlock(&store->mutex);
}

/* ---- order ---- */

#define COMPARE(a, b)                                                                              \
    do {                                                                                           \
        if ((a) != (b))                                                                            \
            return (a) < (b) ? -1 : 1;                                                             \
    } while (0)

static int compare_addresses(const struct imapid_store *store, uint32_t a, uint32_t b)
{
    struct imapid_endpoint one, other;

    if (a == b)
        return 0;
    one = get_endpoint(store, a, 0);
    other = get_endpoint(store, b, 0);
    COMPARE(one.family, other.family);
    return memcmp(one.address, other.address, sizeof one.address);
}

static int compare_conns(const struct imapid_store *store, const struct kept_conn *a,
                         const struct kept_conn *b)
{
    int order;

    COMPARE(store->file_ranks[a->file], store->file_ranks[b->file]);
    COMPARE(a->stream, b->stream);
    order = compare_addresses(store, a->client, b->client);
    if (order)
        return order;
    COMPARE(a->client_port, b->client_port);
    order = compare_addresses(store, a->server, b->server);
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

static int compare_kept_spelled(const struct imapid_store *store, const struct kept_exchange *a,
                                const struct kept_exchange *b,
                                void (*spell)(GString *out, const void *record))
{
    struct imapid_store_reading one = {.arena = {NULL, 0}}, other = {.arena = {NULL, 0}};
    int order =
        compare_spelled(get_exchange(store, a, &one), get_exchange(store, b, &other), spell);

    imapid_store_reading_deinit(&one);
    imapid_store_reading_deinit(&other);
    return order;
}

static const struct said *said_of(const struct imapid_store *store,
                                  const struct kept_exchange *kept)
{
    return imapid_pool_get(store->sayings, kept->said, NULL);
}

/* Where and with what an exchange begins. */
static int compare_beginnings(const struct imapid_store *store, const struct kept_exchange *a,
                              const struct kept_exchange *b)
{
    int order = compare_conns(store, &a->conn, &b->conn);

    if (order)
        return order;
    COMPARE(a->when_ns, b->when_ns);
    COMPARE(get_frame(a), get_frame(b));
    COMPARE(said_of(store, a)->is_seen[IMAPID_CLIENT], said_of(store, b)->is_seen[IMAPID_CLIENT]);
    if (a->tag != b->tag) {
        order = g_strcmp0(get_text(store->texts, a->tag), get_text(store->texts, b->tag));
        if (order)
            return order;
    }
    return a->said == b->said ? 0 : compare_kept_spelled(store, a, b, spell_first_list);
}

/* How much of it was seen. */
static int get_stage(const struct imapid_store *store, const struct kept_exchange *exchange)
{
    const struct said *said = said_of(store, exchange);

    return 2 * (said->status != IMAPID_STATUS_NONE) + said->is_seen[IMAPID_SERVER];
}

/* Two kept exchanges of one connection and time: are they the same to the last octet? */
static bool is_repeated(const struct imapid_store *store, const struct kept_exchange *a,
                        const struct kept_exchange *b)
{
    const uint8_t *at_a = a->stamps, *at_b = b->stamps;
    const struct said *said = said_of(store, a);
    int n = 1 + 2 * said->is_seen[IMAPID_SERVER] + 2 * (said->status != IMAPID_STATUS_NONE);

    if (a->said != b->said || a->text != b->text || a->tag != b->tag ||
        a->conn.proxied != b->conn.proxied)
        return false;
    while (n && take_difference(&at_a) == take_difference(&at_b))
        n--;
    return !n;
}

/* Of two states of one exchange the later one comes first. */
static int compare_exchanges(const struct imapid_store *store, const void *a, const void *b)
{
    int order = compare_beginnings(store, a, b);

    if (order)
        return order;
    COMPARE(get_stage(store, b), get_stage(store, a));
    return is_repeated(store, a, b) ? 0 : compare_kept_spelled(store, a, b, spell_exchange);
}

/* Of two states of one connection the later one comes first. */
static int compare_sessions(const struct imapid_store *store, const void *a, const void *b)
{
    const struct kept_session *one = a, *other = b;
    struct imapid_record_session record_one, record_other;
    int order = compare_conns(store, &one->conn, &other->conn);

    if (order)
        return order;
    COMPARE(other->last_ns, one->last_ns);
    COMPARE(other->n_exchanges, one->n_exchanges);
    get_session(store, one, &record_one);
    get_session(store, other, &record_other);
    return compare_spelled(&record_one, &record_other, spell_session);
}

static int compare_captures(const void *a, const void *b)
{
    const struct imapid_record_capture *one = a, *other = b;
    int order = strcmp(one->file, other->file);

    return order ? order : compare_spelled(a, b, spell_capture);
}

static bool same_session(const struct imapid_store *store, const void *kept, const void *next)
{
    return !compare_conns(store, kept, next); /* they begin with it */
}

/* The same, or what was seen of it in a capture that was still being written. */
static bool same_exchange(const struct imapid_store *store, const void *kept, const void *next)
{
    return !compare_beginnings(store, kept, next) &&
           (get_stage(store, next) < get_stage(store, kept) || is_repeated(store, kept, next) ||
            !compare_kept_spelled(store, kept, next, spell_exchange));
}

static unsigned sort_captures(GArray *captures)
{
    guint n = 0, n_all = captures->len;

    g_array_sort(captures, compare_captures);
    for (guint i = 0; i < n_all; i++) {
        struct imapid_record_capture *next =
            &g_array_index(captures, struct imapid_record_capture, i);

        if (!n || compare_captures(next - (i - n) - 1, next))
            g_array_index(captures, struct imapid_record_capture, n++) = *next;
    }
    g_array_set_size(captures, n);
    return n_all - n;
}

/* Records of one kind that are being put in order. */
struct sorting {
    const struct imapid_store *store;
    const char *records;
    size_t size; /* of a record */
    int (*compare)(const struct imapid_store *store, const void *a, const void *b);
    bool (*same)(const struct imapid_store *store, const void *kept, const void *next);
};

static const void *record_at(const struct sorting *sorting, uint32_t index)
{
    return sorting->records + index * sorting->size;
}

static int compare_indices(const void *a, const void *b, void *user_data)
{
    const struct sorting *sorting = user_data;

    return sorting->compare(sorting->store, record_at(sorting, *(const uint32_t *)a),
                            record_at(sorting, *(const uint32_t *)b));
}

/* The indices of `array` in the order of the records, of those that are the same the first alone;
 * *n of them. Records mostly come in order, and then nothing needs to be sorted. */
static uint32_t *sort_once(const struct imapid_store *store, const GArray *array,
                           struct sorting *sorting, unsigned *n)
{
    GArray *indices = g_array_sized_new(FALSE, FALSE, sizeof(uint32_t), array->len + 1);
    uint32_t *order;
    bool is_sorted = true;

    sorting->store = store;
    sorting->records = array->data;
    sorting->size = g_array_get_element_size((GArray *)array);
    for (guint i = 0; i < array->len; i++) {
        guint previous = i - 1;

        g_array_append_val(indices, i);
        is_sorted = is_sorted && (!i || compare_indices(&previous, &i, sorting) <= 0);
    }
    if (!is_sorted)
        g_array_sort_with_data(indices, compare_indices, sorting);
    order = (uint32_t *)(void *)g_array_free(indices, FALSE);
    *n = 0;
    for (guint i = 0; i < array->len; i++)
        if (!*n ||
            !sorting->same(store, record_at(sorting, order[*n - 1]), record_at(sorting, order[i])))
            order[(*n)++] = order[i];
    return order;
}

/* ---- connections ---- */

static const struct kept_exchange *exchange_at(const struct imapid_store *store, unsigned place)
{
    return &g_array_index(store->exchanges, struct kept_exchange, store->exchange_order[place]);
}

static const struct kept_session *session_at(const struct imapid_store *store, unsigned place)
{
    return &g_array_index(store->sessions, struct kept_session, store->session_order[place]);
}

/* Joins exchanges and sessions, both in the order of connections. */
static void join(struct imapid_store *store, unsigned n_exchanges, unsigned n_sessions)
{
    unsigned e = 0, s = 0;

    while (e < n_exchanges || s < n_sessions) {
        const struct kept_conn *exchange = e < n_exchanges ? &exchange_at(store, e)->conn : NULL;
        const struct kept_conn *session = s < n_sessions ? &session_at(store, s)->conn : NULL;
        int order = !exchange ? 1 : !session ? -1 : compare_conns(store, exchange, session);
        struct kept_joint joint = {.first = e, .session = order >= 0 ? ++s : 0};

        while (order <= 0 && e < n_exchanges &&
               !compare_conns(store, &exchange_at(store, e)->conn, exchange)) {
            joint.n_exchanges++;
            e++;
        }
        g_array_append_val(store->joints, joint);
    }
}

struct imapid_store_view imapid_store_settle(struct imapid_store *store)
{
    struct sorting exchanges = {.compare = compare_exchanges, .same = same_exchange};
    struct sorting sessions = {.compare = compare_sessions, .same = same_session};
    struct imapid_store_view view = {.store = store};
    unsigned n_sessions;

    imapid_pool_seal(store->files);
    imapid_pool_seal(store->texts);
    imapid_pool_seal(store->addresses);
    imapid_pool_seal(store->blobs);
    imapid_pool_seal(store->sayings);
    store->file_ranks = imapid_pool_rank_texts(store->files);
    store->exchange_order = sort_once(store, store->exchanges, &exchanges, &view.n_exchanges);
    store->session_order = sort_once(store, store->sessions, &sessions, &n_sessions);
    view.n_duplicates = store->exchanges->len - view.n_exchanges + store->sessions->len -
                        n_sessions + sort_captures(store->captures);
    join(store, view.n_exchanges, n_sessions);
    view.n_conns = store->joints->len;
    view.n_said = imapid_pool_count(store->sayings);
    view.n_addresses = imapid_pool_count(store->addresses);
    view.captures = (const struct imapid_record_capture *)(void *)store->captures->data;
    view.n_captures = store->captures->len;
    return view;
}

/* ---- reading ---- */

static const struct kept_conn *conn_of(const struct imapid_store *store,
                                       const struct kept_joint *joint)
{
    return joint->n_exchanges ? &exchange_at(store, joint->first)->conn
                              : &session_at(store, joint->session - 1)->conn;
}

static const struct kept_joint *joint_at(const struct imapid_store_view *view, unsigned conn)
{
    return &g_array_index(view->store->joints, struct kept_joint, conn);
}

void imapid_store_read_conn(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn)
{
    const struct kept_joint *joint = joint_at(view, index);

    conn->index = index;
    conn->conn = get_conn(view->store, conn_of(view->store, joint));
    conn->has_session = joint->session != 0;
    conn->first = joint->first;
    conn->n_exchanges = joint->n_exchanges;
    if (conn->has_session)
        get_session(view->store, session_at(view->store, joint->session - 1), &conn->session);
}

const struct imapid_record_exchange *
imapid_store_read_exchange(const struct imapid_store_view *view, unsigned index,
                           struct imapid_store_reading *reading)
{
    return get_exchange(view->store, exchange_at(view->store, index), reading);
}

void imapid_store_reading_deinit(struct imapid_store_reading *reading)
{
    imapid_arena_deinit(&reading->arena);
}

struct imapid_store_span imapid_store_get_span(const struct imapid_store_view *view, unsigned conn)
{
    const struct kept_joint *joint = joint_at(view, conn);

    return (struct imapid_store_span){joint->first, joint->n_exchanges, joint->session != 0};
}

int64_t imapid_store_get_when(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->when_ns;
}

unsigned imapid_store_get_said(const struct imapid_store_view *view, unsigned exchange)
{
    return exchange_at(view->store, exchange)->said;
}

unsigned imapid_store_get_address(const struct imapid_store_view *view, unsigned conn)
{
    const struct kept_conn *kept = conn_of(view->store, joint_at(view, conn));

    return kept->proxied ? get_proxied(view->store, kept)[0] : kept->client;
}

/* ---- the store ---- */

struct imapid_store *imapid_store_new(void)
{
    struct imapid_store *store = g_new0(struct imapid_store, 1);

    g_mutex_init(&store->mutex);
    store->files = imapid_pool_new();
    store->texts = imapid_pool_new();
    store->addresses = imapid_pool_new();
    store->blobs = imapid_pool_new();
    store->sayings = imapid_pool_new();
    store->exchanges = g_array_new(FALSE, FALSE, sizeof(struct kept_exchange));
    store->sessions = g_array_new(FALSE, FALSE, sizeof(struct kept_session));
    store->captures = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_capture));
    store->joints = g_array_new(FALSE, FALSE, sizeof(struct kept_joint));
    store->unread = g_ptr_array_new_with_free_func(g_free);
    return store;
}

void imapid_store_free(struct imapid_store *store)
{
    if (!store)
        return;
    imapid_pool_free(store->files);
    imapid_pool_free(store->texts);
    imapid_pool_free(store->addresses);
    imapid_pool_free(store->blobs);
    imapid_pool_free(store->sayings);
    imapid_arena_deinit(&store->stamps);
    g_array_unref(store->exchanges);
    g_array_unref(store->sessions);
    g_array_unref(store->captures);
    g_ptr_array_unref(store->unread);
    g_array_unref(store->joints);
    g_free(store->exchange_order);
    g_free(store->session_order);
    g_free(store->file_ranks);
    g_free(store->scratch);
    g_mutex_clear(&store->mutex);
    g_free(store);
}
