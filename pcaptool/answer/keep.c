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

G_STATIC_ASSERT(IMAPID_KEPT_STAMPS_MAX == 4 * IMAPID_FLAT_DIFFERENCE_MAX);

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
    uint32_t status, text; /* of the outcome: texts + 1, as the files */
    uint32_t outcome_file, ended_file;
    uint32_t n_findings; /* laid flat behind this */
    uint8_t security, compressed, id_advertised, from_start, ended, gave_way, decrypted, has_tls;
    uint8_t healthy, not_imap, stopped_at, by, ended_by;
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

/* Many records in a row have one server. */
static uint32_t add_server(struct imapid_keep *keep, const struct imapid_endpoint *server)
{
    struct imapid_endpoint *last = &keep->last_server;

    if (last->family != server->family ||
        memcmp(last->address, server->address, sizeof last->address)) {
        keep->last_server_number = imapid_addresses_add(keep->addresses, server);
        *last = *server;
    }
    return keep->last_server_number;
}

struct imapid_endpoint imapid_keep_read_end(const struct imapid_keep *keep, uint32_t address,
                                            uint16_t port)
{
    struct imapid_endpoint endpoint = imapid_addresses_get(keep->addresses, address);

    endpoint.port = port;
    return endpoint;
}

/* What stands behind the NUL of the file: its site, if there is one. */
static const char *get_site(const char *file, size_t n)
{
    size_t n_file = strlen(file);

    return n_file < n ? file + n_file + 1 : NULL;
}

/* The site of a file by its number; NULL: none. */
static const char *get_site_of(const struct imapid_keep *keep, uint32_t number)
{
    size_t n;
    const char *file = imapid_pool_get(keep->files, number, &n);

    return get_site(file, n);
}

static uint32_t add_captured(struct imapid_keep *keep, const char *site, const char *file)
{
    GString *both = g_string_new(NULL);
    uint32_t number;

    imapid_spell_utf8(both, (const uint8_t *)file, strlen(file));
    if (site) {
        g_string_append_c(both, '\0');
        imapid_spell_utf8(both, (const uint8_t *)site, strlen(site));
    }
    number = imapid_pool_add(keep->files, both->str, both->len);
    g_string_free(both, TRUE);
    return number;
}

/* Records of one file mostly come one after the other. */
uint32_t imapid_keep_file(struct imapid_keep *keep, const char *site, const char *file)
{
    if (!keep->last_file || strcmp(file, keep->last_file) || g_strcmp0(site, keep->last_site)) {
        keep->last_number = add_captured(keep, site, file);
        keep->last_file = imapid_pool_get(keep->files, keep->last_number, NULL);
        keep->last_site = get_site_of(keep, keep->last_number);
    }
    return keep->last_number;
}

const char *imapid_keep_get_file(const struct imapid_keep *keep, uint32_t number, const char **site)
{
    *site = get_site_of(keep, number);
    return imapid_pool_get(keep->files, number, NULL);
}

static struct imapid_kept_conn keep_conn(struct imapid_keep *keep,
                                         const struct imapid_record_conn *conn)
{
    struct imapid_kept_conn kept = {
        .file = imapid_keep_file(keep, conn->site, conn->file),
        .stream = conn->stream,
        .client = imapid_addresses_add(keep->addresses, &conn->client),
        .server = add_server(keep, &conn->server),
        .client_port = conn->client.port,
        .server_port = conn->server.port,
        .first_frame = conn->first_frame,
    };

    if (conn->proxied_client.family) {
        uint32_t end[2] = {imapid_addresses_add(keep->addresses, &conn->proxied_client),
                           conn->proxied_client.port};

        kept.proxied = imapid_pool_add(keep->ends, end, sizeof end) + 1;
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
    return imapid_pool_get(keep->ends, kept->proxied - 1, NULL);
}

struct imapid_record_conn imapid_keep_read_conn(const struct imapid_keep *keep,
                                                const struct imapid_kept_conn *kept)
{
    struct imapid_record_conn conn = {
        .site = get_site_of(keep, kept->file),
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

static void add_stamps(struct imapid_kept_exchange *kept,
                       const struct imapid_record_exchange *exchange)
{
    struct imapid_stamp before = imapid_record_when(exchange);
    uint8_t *at = kept->stamps;

    kept->when_ns = before.ts_ns;
    kept->frame = before.number;
    if (exchange->response.seen) {
        at = imapid_flat_put_stamp(at, &exchange->response.packet, &before);
        before = exchange->response.packet;
    }
    if (exchange->status != IMAPID_STATUS_NONE)
        at = imapid_flat_put_stamp(at, &exchange->result, &before);
    kept->n_stamps = (uint8_t)(at - kept->stamps);
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

/* It is looked at once of all exchanges that share a note. */
static uint32_t find_said(struct imapid_keep *keep, const struct imapid_record_exchange *exchange)
{
    struct imapid_record_note *note = exchange->note;

    if (!note)
        return add_said(keep, exchange);
    if (note->keeper != keep)
        *note = (struct imapid_record_note){keep, add_said(keep, exchange)};
    return note->number;
}

struct imapid_kept_exchange imapid_keep_exchange(struct imapid_keep *keep,
                                                 const struct imapid_record_exchange *exchange)
{
    struct imapid_kept_exchange kept = {.tag = 0};

    imapid_addresses_fetch(keep->addresses, &exchange->conn.client);
    kept.tag = add_text(keep->texts, exchange->tag);
    if (exchange->status != IMAPID_STATUS_NONE && !exchange->text.is_nil)
        kept.text = add_octets(keep->texts, exchange->text.octets, exchange->text.n) + 1;
    kept.said = find_said(keep, exchange);
    add_stamps(&kept, exchange);
    kept.conn = keep_conn(keep, &exchange->conn); /* last: by now the slot is there */
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
    struct imapid_stamp when = {.number = kept->frame, .ts_ns = kept->when_ns}, before = when;

    memset(exchange, 0, sizeof *exchange);
    exchange->conn = imapid_keep_read_conn(keep, &kept->conn);
    exchange->tag = (char *)get_text(keep->texts, kept->tag);
    exchange->text = get_string(keep->texts, kept->text);
    get_said(keep, imapid_pool_get(keep->sayings, kept->said, NULL), exchange, arena);
    if (exchange->response.seen)
        exchange->response.packet = before = imapid_flat_take_stamp(&at, &before);
    if (exchange->status != IMAPID_STATUS_NONE)
        exchange->result = imapid_flat_take_stamp(&at, &before);
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

/* What answers is the first of the stamps. */
bool imapid_keep_get_rtt_ns(const struct imapid_keep *keep, const struct imapid_kept_exchange *kept,
                            int64_t *rtt_ns)
{
    const struct imapid_kept_said *said = imapid_keep_get_said(keep, kept);
    const uint8_t *at = kept->stamps;
    int64_t answer_ns;

    if (!said->is_seen[IMAPID_CLIENT] ||
        (!said->is_seen[IMAPID_SERVER] && said->status == IMAPID_STATUS_NONE))
        return false;
    answer_ns = (int64_t)((uint64_t)kept->when_ns + imapid_flat_take_difference(&at));
    return imapid_ns_took(kept->when_ns, answer_ns, rtt_ns);
}

/* ---- sessions ---- */

static void keep_outcome(struct imapid_keep *keep, struct session_said *said,
                         const struct imapid_record_outcome *outcome)
{
    said->status = add_text(keep->texts, outcome->status);
    if (!outcome->text.is_nil)
        said->text = add_octets(keep->texts, outcome->text.octets, outcome->text.n) + 1;
    said->outcome_file = add_text(keep->texts, outcome->file);
    said->ended_file = add_text(keep->texts, outcome->ended_file);
    said->stopped_at = (uint8_t)outcome->stopped_at;
    said->by = (uint8_t)outcome->by;
    said->ended_by = (uint8_t)outcome->ended_by;
}

static struct imapid_record_outcome read_outcome(const struct imapid_keep *keep,
                                                 const struct session_said *said,
                                                 const struct imapid_kept_session *kept)
{
    struct imapid_record_outcome outcome = {
        .status = get_text(keep->texts, said->status),
        .stopped_at = (enum imapid_stage)said->stopped_at,
        .by = (enum imapid_party)said->by,
        .text = {.is_nil = !said->text},
        .frame = kept->frame,
        .file = get_text(keep->texts, said->outcome_file),
        .ended_by = (enum imapid_party)said->ended_by,
        .ended_frame = kept->ended_frame,
        .ended_file = get_text(keep->texts, said->ended_file),
    };

    if (said->text)
        outcome.text.octets = imapid_pool_get(keep->texts, said->text - 1, &outcome.text.n);
    return outcome;
}

struct imapid_kept_session imapid_keep_session(struct imapid_keep *keep,
                                               const struct imapid_record_session *session)
{
    struct imapid_kept_session kept = {
        .first_ns = session->first_ns,
        .last_ns = session->last_ns,
        .n_exchanges = session->n_exchanges,
        .n_lost = session->n_lost,
        .n_resyncs = session->n_resyncs,
        .frame = session->outcome.frame,
        .ended_frame = session->outcome.ended_frame,
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
    said.healthy = (uint8_t)session->healthy;
    said.not_imap = session->not_imap;
    keep_outcome(keep, &said, &session->outcome);
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
    kept.said = add_with_findings(keep, keep->session_sayings, &said, sizeof said,
                                  session->findings, session->n_findings);
    return kept;
}

void imapid_keep_read_session(const struct imapid_keep *keep,
                              const struct imapid_kept_session *kept,
                              struct imapid_record_session *session)
{
    const struct session_said *said = imapid_pool_get(keep->session_sayings, kept->said, NULL);
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
        .healthy = (enum imapid_known)said->healthy,
        .not_imap = said->not_imap,
        .outcome = read_outcome(keep, said, kept),
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

/* ---- what was kept elsewhere ---- */

/* Adds all of another pool, which is freed. `renumber`, if any, changes the numbers inside to ours. */
static uint32_t *absorb(struct imapid_keep *keep, struct imapid_pool *pool,
                        struct imapid_pool *other, const struct imapid_keep_map *map,
                        void (*renumber)(const struct imapid_keep_map *map, void *octets))
{
    uint32_t n = imapid_pool_count(other), *numbers = g_new(uint32_t, n + (gsize)1);

    for (uint32_t i = 0; i < n; i++) {
        size_t n_octets;
        const void *octets = imapid_pool_get(other, i, &n_octets);

        if (renumber) {
            octets = memcpy(make_room(keep, n_octets), octets, n_octets);
            renumber(map, keep->scratch);
        }
        numbers[i] = imapid_pool_add(pool, octets, n_octets);
    }
    imapid_pool_free(other);
    return numbers;
}

/* Of a number + 1; 0 stays. */
static void move(uint32_t *number, const uint32_t *numbers)
{
    if (*number)
        *number = numbers[*number - 1] + 1;
}

static void renumber_end(const struct imapid_keep_map *map, void *octets)
{
    uint32_t *end = octets;

    end[0] = map->addresses[end[0]];
}

static void renumber_said(const struct imapid_keep_map *map, void *octets)
{
    struct imapid_kept_said *said = octets;

    for (int side = 0; side < 2; side++) {
        said->pairs[side] = map->blobs[said->pairs[side]];
        move(&said->raw[side], map->texts);
        move(&said->file[side], map->texts);
    }
    move(&said->result_file, map->texts);
}

static void renumber_session_said(const struct imapid_keep_map *map, void *octets)
{
    struct session_said *said = octets;
    uint32_t *texts[] = {&said->not_decrypted, &said->version,      &said->suite,
                         &said->server_name,   &said->alpn,         &said->status,
                         &said->text,          &said->outcome_file, &said->ended_file};

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        move(texts[i], map->texts);
    for (unsigned i = 0; i < said->n_auths; i++)
        move(&said->mechanisms[i], map->texts);
}

struct imapid_keep_map imapid_keep_absorb(struct imapid_keep *keep, struct imapid_keep *other)
{
    struct imapid_keep_map map = {
        .files = absorb(keep, keep->files, other->files, NULL, NULL),
        .texts = absorb(keep, keep->texts, other->texts, NULL, NULL),
        .addresses = imapid_addresses_absorb(keep->addresses, other->addresses),
        .blobs = absorb(keep, keep->blobs, other->blobs, NULL, NULL),
    };

    map.ends = absorb(keep, keep->ends, other->ends, &map, renumber_end);
    map.sayings = absorb(keep, keep->sayings, other->sayings, &map, renumber_said);
    map.session_sayings =
        absorb(keep, keep->session_sayings, other->session_sayings, &map, renumber_session_said);
    g_free(other->scratch);
    *other = (struct imapid_keep){.files = NULL};
    return map;
}

void imapid_keep_map_deinit(struct imapid_keep_map *map)
{
    g_free(map->files);
    g_free(map->texts);
    g_free(map->addresses);
    g_free(map->ends);
    g_free(map->blobs);
    g_free(map->sayings);
    g_free(map->session_sayings);
}

static void move_conn(const struct imapid_keep_map *map, struct imapid_kept_conn *conn)
{
    conn->file = map->files[conn->file];
    conn->client = map->addresses[conn->client];
    conn->server = map->addresses[conn->server];
    move(&conn->proxied, map->ends);
    move(&conn->way, map->blobs);
}

void imapid_keep_move_exchange(const struct imapid_keep_map *map, struct imapid_kept_exchange *kept)
{
    move_conn(map, &kept->conn);
    move(&kept->tag, map->texts);
    move(&kept->text, map->texts);
    kept->said = map->sayings[kept->said];
}

void imapid_keep_move_session(const struct imapid_keep_map *map, struct imapid_kept_session *kept)
{
    move_conn(map, &kept->conn);
    kept->said = map->session_sayings[kept->said];
}

/* ---- all of it ---- */

void imapid_keep_init(struct imapid_keep *keep)
{
    *keep = (struct imapid_keep){.files = imapid_pool_new(),
                                 .texts = imapid_pool_new(),
                                 .addresses = imapid_addresses_new(),
                                 .ends = imapid_pool_new(),
                                 .blobs = imapid_pool_new(),
                                 .sayings = imapid_pool_new(),
                                 .session_sayings = imapid_pool_new()};
}

void imapid_keep_seal(struct imapid_keep *keep)
{
    imapid_pool_seal(keep->files);
    imapid_pool_seal(keep->texts);
    imapid_addresses_seal(keep->addresses);
    imapid_pool_seal(keep->ends);
    imapid_pool_seal(keep->blobs);
    imapid_pool_seal(keep->sayings);
    imapid_pool_seal(keep->session_sayings);
}

void imapid_keep_deinit(struct imapid_keep *keep)
{
    imapid_pool_free(keep->files);
    imapid_pool_free(keep->texts);
    imapid_addresses_free(keep->addresses);
    imapid_pool_free(keep->ends);
    imapid_pool_free(keep->blobs);
    imapid_pool_free(keep->sayings);
    imapid_pool_free(keep->session_sayings);
    g_free(keep->scratch);
}
