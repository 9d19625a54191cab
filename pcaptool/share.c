/* SPDX-License-Identifier: GPL-2.0-or-later */
/* share.c: what `cut --scrub` makes of connections:
 *
 *     capture of the chosen ones -> collect -> octets of each session, and its segments -> rebuild, which masks
 *                                           -> what its records say     -> packets -> collect -> the same?
 *
 * Refuses to let one session go that still has a value that was masked, or is read otherwise than before. Then nothing
 * is to be written.
 *
 * Misuse: a capture of which not every connection was chosen. */
#include "share.h"

#include "cut/blocks.h"
#include "follow/collect.h"
#include "record/spell.h"
#include "scrub/rebuild.h"

#include <string.h>

#define LINK_TYPE_RAW 101
#define YEAR_2000_NS  (INT64_C(946684800) * 1000000000)

static const struct imapid_capture_interface interface = {.link_type = LINK_TYPE_RAW,
                                                          .n_digits = 9};

void imapid_share_add_interface(GByteArray *out)
{
    imapid_blocks_add_interface(out, &interface);
}

/* ---- what records say ---- */

/* Of a connection, in lines: what must be the same before and after. Values, frames, times, and what TLS has to do with
 * it are not in it. */
struct digests {
    GHashTable *by_stream; /* GString */
    char *origin;          /* through what the session told last came */
    bool is_hidden;        /* that one was not decrypted */
    bool is_read;          /* all of it */
    bool is_unfinished;    /* it stopped in the handshake of TLS */
    bool is_damaged;       /* nobody knows what became of it: octets of a layer were not read */
    char *explanation;     /* why it may be another in the clear; NULL: nobody knows */
};

static struct digests new_digests(void)
{
    return (struct digests){.by_stream = g_hash_table_new(NULL, NULL)};
}

static GString *get_digest(struct digests *digests, uint32_t stream)
{
    GString *digest = g_hash_table_lookup(digests->by_stream, GUINT_TO_POINTER(stream));

    if (!digest) {
        digest = g_string_new(NULL);
        g_hash_table_insert(digests->by_stream, GUINT_TO_POINTER(stream), digest);
    }
    return digest;
}

static void free_digests(struct digests *digests)
{
    GHashTableIter iter;
    gpointer digest;

    g_hash_table_iter_init(&iter, digests->by_stream);
    while (g_hash_table_iter_next(&iter, NULL, &digest))
        g_string_free(digest, TRUE);
    g_hash_table_destroy(digests->by_stream);
    g_free(digests->origin);
    g_free(digests->explanation);
}

/* In the clear all passwords are, and there is no STARTTLS. */
static bool is_of_clear(enum imapid_finding_code code)
{
    return code == IMAPID_FINDING_CLEARTEXT || code == IMAPID_FINDING_CLEARTEXT_PASSWORD ||
           code == IMAPID_FINDING_OBSOLETE_TLS || code == IMAPID_FINDING_BEHIND_STARTTLS;
}

/* What names and values say. Where nobody knows what is a name, all of them are masked. */
static bool is_of_words(enum imapid_finding_code code)
{
    switch (code) {
    case IMAPID_FINDING_DUPLICATE_FIELD:
    case IMAPID_FINDING_NOT_ASCII:
    case IMAPID_FINDING_BAD_DATE:
    case IMAPID_FINDING_BAD_URL:
    case IMAPID_FINDING_UNIQUE_IDENTIFIER:
    case IMAPID_FINDING_DISCLOSES_ENVIRONMENT:
    case IMAPID_FINDING_FORWARDED_ADDRESS:
        return true;
    default:
        return false;
    }
}

/* `is_whole`: by side, whether its list is all there, and well formed. */
static void add_findings(GString *digest, const struct imapid_record_finding *findings, unsigned n,
                         const bool is_whole[2])
{
    for (unsigned i = 0; i < n; i++)
        if (!is_of_clear(findings[i].code) &&
            (is_whole[findings[i].side] || !is_of_words(findings[i].code)))
            g_string_append_printf(digest, " %s", imapid_finding_code(findings[i].code));
    g_string_append_c(digest, '\n');
}

static void add_half(GString *digest, const char *name, const struct imapid_record_half *half)
{
    if (!half->seen)
        return;
    g_string_append_printf(digest, ", %s%s of %u pairs", name,
                           half->has_list ? "" : " without a list", half->n_pairs);
    if (half->is_malformed)
        g_string_append(digest, ", malformed");
}

#define INCOMPLETE ", not complete"
#define CONTESTED  ", contested"
#define BY_PORT    ", by its port"
#define NO_IMAP    ", no IMAP"

static void digest_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    GString *digest = get_digest(ctx, exchange->conn.stream_of_run);
    bool contested = exchange->conn.doubts.of[IMAPID_DOUBT_CONFLICTING_DATA].n,
         is_there = exchange->complete || contested;

    g_string_append_printf(digest, "ID: %s%s, %s", imapid_record_status(exchange->status),
                           contested            ? CONTESTED
                           : exchange->complete ? ""
                                                : INCOMPLETE,
                           imapid_record_state(exchange->state));
    add_half(digest, "command", &exchange->command);
    add_half(digest, "response", &exchange->response);
    add_findings(digest, exchange->findings, exchange->n_findings,
                 (const bool[]){[IMAPID_CLIENT] = is_there && !exchange->command.is_malformed,
                                [IMAPID_SERVER] = is_there && !exchange->response.is_malformed});
}

/* What was lost inside a layer, came damaged or is not whole there, is lost without it. */
static const char *get_status(const struct imapid_record_outcome *outcome)
{
    if (!outcome->status)
        return "well";
    if (g_str_has_prefix(outcome->status, "lost-") || !strcmp(outcome->status, "damaged") ||
        !strcmp(outcome->status, "malformed") || !strcmp(outcome->status, "cut"))
        return "lost";
    return outcome->status;
}

static char *describe_origin(const struct imapid_record_session *session)
{
    const char *suite = session->tls.seen ? session->tls.suite : NULL,
               *version = session->tls.seen ? session->tls.version : NULL;

    if (session->security == IMAPID_SECURITY_NONE && !session->compressed)
        return g_strdup("in the clear");
    return g_strdup_printf("%s%s%s%s%s%s", imapid_record_security(session->security),
                           version ? ", " : "", version ? version : "", suite ? ", " : "",
                           suite ? suite : "", session->compressed ? ", COMPRESS" : "");
}

/* Of a session that is not what it was. */
static char *explain_session(const struct imapid_record_session *session)
{
    const struct imapid_record_outcome *outcome = &session->outcome;
    const char *status = outcome->status ? outcome->status : "";

    if (!strcmp(status, "too-much-deflate"))
        return g_strdup("more comes out of its DEFLATE than is read");
    if (session->not_decrypted && outcome->stopped_at != IMAPID_STAGE_TLS)
        return g_strdup_printf("it could not be decrypted whole: %s",
                               session->not_decrypted_phrase);
    if (outcome->stopped_at == IMAPID_STAGE_TLS)
        return g_strdup("something was said beside TLS, and is read otherwise without it");
    if (g_str_has_suffix(status, "-side-missing"))
        return g_strdup("one side alone was captured, and is read otherwise when it is masked");
    return NULL;
}

static void digest_session(void *ctx, const struct imapid_record_session *session)
{
    struct digests *digests = ctx;
    GString *digest = get_digest(digests, session->conn.stream_of_run);
    const struct imapid_record_outcome *outcome = &session->outcome;
    const char *stage = imapid_stage_name(outcome->stopped_at),
               *by = imapid_party_name(outcome->by), *ended = imapid_record_ended(session->ended);

    g_string_append_printf(
        digest, "session: %s at %s by %s, ended by %s, %" G_GUINT64_FORMAT " exchanges, logins",
        get_status(outcome), stage ? stage : "-", by ? by : "-", ended ? ended : "-",
        session->n_exchanges);
    g_free(digests->origin);
    digests->origin = describe_origin(session);
    g_free(digests->explanation);
    digests->explanation = explain_session(session);
    digests->is_read = !session->not_decrypted && outcome->stopped_at != IMAPID_STAGE_TLS;
    digests->is_unfinished = outcome->stopped_at == IMAPID_STAGE_TLS;
    digests->is_damaged = session->not_decrypted && outcome->by == IMAPID_PARTY_CAPTURE &&
                          !strcmp(get_status(outcome), "lost");
    digests->is_hidden = session->not_decrypted && outcome->by == IMAPID_PARTY_CAPTURE;
    for (unsigned i = 0; i < session->n_auths; i++)
        g_string_append_printf(digest, " %s %u", session->auths[i].mechanism,
                               (unsigned)session->auths[i].status);
    g_string_append_printf(digest, "%s%s%s", session->from_start ? ", from the start" : "",
                           session->not_imap ? NO_IMAP : "",
                           session->security != IMAPID_SECURITY_NONE ? BY_PORT : "");
    add_findings(digest, session->findings, session->n_findings, (const bool[]){true, true});
}

static void digest_capture(void *ctx, const struct imapid_record_capture *capture)
{
    (void)ctx;
    (void)capture;
}

static struct imapid_record_sink get_sink(struct digests *digests)
{
    return (struct imapid_record_sink){digest_exchange, digest_session, digest_capture, digests,
                                       NULL};
}

/* What was told when the capture was read first is not told again. */
static void ignore_complaint(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

static void on_secrets(void *ctx, uint32_t type, const uint8_t *octets, size_t n)
{
    (void)type; /* cut writes one kind */
    imapid_keylog_add(ctx, octets, n);
}

/* Reads a capture to its end, and closes it. */
static void read_capture(const struct imapid_share *share, struct imapid_capture *capture,
                         const char *file, const struct imapid_record_sink *sink,
                         const struct imapid_flow_listener *listener)
{
    static const struct imapid_decode none;
    struct imapid_keylog *keylog = imapid_keylog_new_over(NULL, share->n_memory / 4);
    struct imapid_collect *collect =
        imapid_collect_new(NULL, listener ? share->decode : &none, keylog, false,
                           share->n_memory / 4, sink, ignore_complaint);

    imapid_capture_on_secrets(capture, on_secrets, keylog);
    if (listener)
        imapid_collect_listen(collect, listener);
    imapid_collect_read(collect, capture, file);
    imapid_collect_tell(collect, capture, file, true);
    imapid_collect_free(collect);
    imapid_keylog_free(keylog);
    imapid_capture_close(capture);
}

void imapid_share_read_again(const struct imapid_share *share, struct imapid_capture *capture,
                             const char *file, const struct imapid_record_sink *sink)
{
    read_capture(share, capture, file, sink, NULL);
}

/* ---- what came out, read again ---- */

struct octets {
    const uint8_t *at;
    size_t n;
};

static ptrdiff_t read_octets(void *ctx, uint8_t *to, size_t n)
{
    struct octets *octets = ctx;

    n = MIN(n, octets->n);
    if (n)
        memcpy(to, octets->at, n);
    octets->at += n;
    octets->n -= n;
    return (ptrdiff_t)n;
}

static char *drop(const char *line, const char *part)
{
    char **pieces = g_strsplit(line, part, -1), *rest = g_strjoinv(NULL, pieces);

    g_strfreev(pieces);
    return rest;
}

/* Is it the same, but that one has `part`, and the other may have `instead`? */
static bool is_same_but(const char *old, const char *part, const char *new, const char *instead)
{
    char *one = drop(old, part), *other = drop(new, instead);
    bool same = strcmp(old, one) != 0 && !strcmp(one, other);

    g_free(one);
    g_free(other);
    return same;
}

/* Copies that differed are equal in what is shared: an exchange may be complete for that. And of what was said in TLS
 * the port may have told that it is IMAP. */
static bool is_same(const char *old, const char *new)
{
    return !strcmp(old, new) || is_same_but(old, CONTESTED, new, INCOMPLETE) ||
           is_same_but(old, BY_PORT, new, NO_IMAP);
}

/* NULL, or in what it differs. */
static char *compare(const struct imapid_share *share, const GByteArray *capture,
                     struct digests *all, uint32_t stream)
{
    const GString *before = get_digest(all, stream);
    struct octets octets = {capture->data, capture->len};
    struct imapid_window_source source = {.read = read_octets, .ctx = &octets};
    struct digests digests = new_digests();
    struct imapid_record_sink sink = get_sink(&digests);
    char **old = NULL, **new = NULL, *difference = NULL;
    guint i = 0;

    read_capture(share, imapid_capture_open_source("what was masked", &source), "", &sink, NULL);
    old = g_strsplit(before->str, "\n", -1);
    new = g_strsplit(get_digest(&digests, 0)->str, "\n", -1);
    while (old[i] && new[i] && is_same(old[i], new[i]))
        i++;
    if (old[i] || new[i] || g_hash_table_size(digests.by_stream) != 1)
        difference =
            all->explanation
                ? g_strdup(all->explanation)
                : g_strdup_printf("in the clear it is not what it was (\"%s\"; before: \"%s\")",
                                  new[i] ? new[i] : "", old[i] ? old[i] : "");
    g_strfreev(old);
    g_strfreev(new);
    free_digests(&digests);
    return difference;
}

/* ---- sessions ---- */

struct sharing {
    struct imapid_share *share;
    struct digests digests;
    GHashTable *rebuilds; /* by stream */
    GHashTable *is_done;  /* streams: what comes behind their end is left out */
    size_t n_held; /* octets of memory of all of them; that of the one in hand before it changed */
    size_t n_before;
    char *why; /* the first failure */
};

static struct imapid_rebuild *get_rebuild(struct sharing *sharing, uint32_t stream)
{
    struct imapid_rebuild *rebuild =
        g_hash_table_lookup(sharing->rebuilds, GUINT_TO_POINTER(stream));

    if (!rebuild) {
        rebuild = imapid_rebuild_new();
        sharing->n_held += imapid_rebuild_count_memory(rebuild);
        g_hash_table_insert(sharing->rebuilds, GUINT_TO_POINTER(stream), rebuild);
    }
    return rebuild;
}

/* To add to it; NULL: something failed, memory is used up, or it has ended. */
static struct imapid_rebuild *take(struct sharing *sharing, uint32_t stream)
{
    struct imapid_rebuild *rebuild;

    if (sharing->why || g_hash_table_contains(sharing->is_done, GUINT_TO_POINTER(stream)))
        return NULL;
    rebuild = get_rebuild(sharing, stream);
    sharing->n_before = imapid_rebuild_count_memory(rebuild);
    return rebuild;
}

/* It was added to. */
static void put_back(struct sharing *sharing, const struct imapid_rebuild *rebuild)
{
    sharing->n_held += imapid_rebuild_count_memory(rebuild) - sharing->n_before;
    if (sharing->n_held <= sharing->share->n_memory / 4)
        return;
    sharing->why = g_strdup("the sessions that are open at a time take more memory than there is "
                            "(--memory gives more)");
    g_hash_table_remove_all(sharing->rebuilds);
    sharing->n_held = 0;
}

static void on_segment(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_segment(rebuild, dir, &segment->packet, segment->ttl, segment->octets,
                               segment->n, segment->n_wire);
    put_back(sharing, rebuild);
}

static void on_octets(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                      size_t n, const struct imapid_stamp *packet)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_octets(rebuild, dir, packet->number, octets, n);
    put_back(sharing, rebuild);
}

static void on_sealed(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                      size_t n, const struct imapid_stamp *packet)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_sealed(rebuild, dir, packet->number, octets, n);
    put_back(sharing, rebuild);
}

static void on_take_back(void *ctx, const struct imapid_conn *conn, int dir, size_t n)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_take_back(rebuild, dir, n);
    put_back(sharing, rebuild);
}

static void on_proxy(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                     size_t n, const struct imapid_stamp *packet)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_proxy(rebuild, dir, packet->number, octets, n);
    put_back(sharing, rebuild);
}

static void on_deflate(void *ctx, const struct imapid_conn *conn)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_begin_deflate(rebuild);
    put_back(sharing, rebuild);
}

static void on_broken(void *ctx, const struct imapid_conn *conn, int dir, size_t n,
                      const struct imapid_stamp *packet)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_broken(rebuild, dir, packet->number, n);
    put_back(sharing, rebuild);
}

static void on_gap(void *ctx, const struct imapid_conn *conn, int dir, uint64_t n,
                   const struct imapid_stamp *packet)
{
    struct sharing *sharing = ctx;
    struct imapid_rebuild *rebuild = take(sharing, conn->stream);

    if (!rebuild)
        return;
    imapid_rebuild_add_gap(rebuild, dir, packet->number, n);
    put_back(sharing, rebuild);
}

/* ---- the end of a session ---- */

struct writing {
    struct imapid_share *share;
    struct imapid_pick *pick;
    GByteArray *capture; /* the session's own, to be read again */
};

static void on_packet(void *ctx, int64_t ts_ns, const uint8_t *octets, uint32_t n, uint32_t n_wire,
                      const char *comment)
{
    struct writing *writing = ctx;
    struct imapid_packet packet = {
        .data = octets,
        .n = n,
        .n_wire = n_wire,
        .ts_ns = imapid_time_is_known(ts_ns)
                     ? MIN(imapid_ns_between(writing->share->first_ns, ts_ns),
                           INT64_MAX - YEAR_2000_NS) +
                           YEAR_2000_NS
                     : IMAPID_TIME_NONE,
    };
    guint at = writing->capture->len;

    imapid_blocks_add_packet(writing->capture, 0, &interface, &packet,
                             &(struct imapid_capture_options){.n = 0}, comment);
    imapid_pick_add(writing->pick, writing->share->spill, packet.ts_ns, writing->capture->data + at,
                    writing->capture->len - at);
}

static void disguise(const struct imapid_share *share, const struct imapid_conn *conn,
                     struct imapid_endpoint endpoint[2])
{
    for (int dir = 0; dir < 2; dir++) {
        endpoint[dir] = conn->endpoint[dir];
        imapid_pseudonyms_replace_endpoint(share->pseudonyms, &endpoint[dir]);
    }
}

static GBytes *make_ends(const struct imapid_endpoint endpoint[2])
{
    GByteArray *octets = g_byte_array_new();

    for (int dir = 0; dir < 2; dir++) {
        g_byte_array_append(octets, endpoint[dir].address, sizeof endpoint[dir].address);
        g_byte_array_append(octets, (const uint8_t *)&endpoint[dir].port,
                            sizeof endpoint[dir].port);
    }
    return g_byte_array_free_to_bytes(octets);
}

static const char *explain(enum imapid_scrub_status status)
{
    switch (status) {
    case IMAPID_SCRUB_OVER:
        return "it takes more memory than there is (--memory gives more)";
    case IMAPID_SCRUB_LEAKED:
        return "a value that was masked would still be in it";
    case IMAPID_SCRUB_CHANGED:
        return "masked, it is read otherwise";
    default:
        return NULL;
    }
}

static struct imapid_rebuild_error make_error(const struct imapid_share *share,
                                              const struct imapid_conn *conn,
                                              const struct imapid_conn_error *of)
{
    struct imapid_rebuild_error error = {.dir = of->dir, .packet = of->at};

    error.from.family = conn->endpoint[0].family;
    memcpy(error.from.address, of->from, sizeof error.from.address);
    imapid_pseudonyms_replace_endpoint(share->pseudonyms, &error.from);
    return error;
}

/* What ICMP said of the connection, in the order of time; their number. */
static size_t make_errors(const struct imapid_share *share, const struct imapid_conn *conn,
                          struct imapid_rebuild_error errors[2])
{
    const struct imapid_conn_icmp *icmp = conn->icmp;
    size_t n = 0;

    if (icmp && icmp->error) {
        errors[n] = make_error(share, conn, &icmp->of_error);
        errors[n++].says.error = icmp->error;
    }
    if (icmp && icmp->mtu) {
        errors[n] = make_error(share, conn, &icmp->of_mtu);
        errors[n++].says.mtu = icmp->mtu;
    }
    if (n == 2 && errors[1].packet.number < errors[0].packet.number) {
        struct imapid_rebuild_error first = errors[1];

        errors[1] = errors[0];
        errors[0] = first;
    }
    return n;
}

/* NULL, or why it cannot go. */
static char *write_session(struct sharing *sharing, const struct imapid_conn *conn,
                           const struct imapid_endpoint endpoint[2],
                           const struct imapid_rebuild *rebuild)
{
    struct imapid_share *share = sharing->share;
    struct imapid_pick *pick = g_new0(struct imapid_pick, 1);
    struct writing writing = {share, pick, g_byte_array_new()};
    const struct imapid_rebuild_out out = {on_packet, &writing};
    struct imapid_rebuild_error errors[2];
    size_t n_errors = make_errors(share, conn, errors);
    char *why;

    imapid_blocks_add_section(writing.capture, "", "");
    imapid_share_add_interface(writing.capture);
    imapid_rebuild_write(rebuild, endpoint, errors, n_errors, share->sessions->len + 1,
                         "masked, and in the clear: made of a session by imapid cut --scrub", &out);
    imapid_spill_rest(share->spill, &pick->packets);
    why = compare(share, writing.capture, &sharing->digests, conn->stream);
    g_byte_array_unref(writing.capture);
    if (why) {
        imapid_pick_clear(pick);
        g_free(pick);
    } else {
        g_ptr_array_add(share->sessions, pick);
        g_ptr_array_add(share->ends, make_ends(endpoint));
    }
    return why;
}

/* NULL: it is not known. */
static const struct imapid_share_place *find_place(const struct imapid_share *share,
                                                   const struct imapid_conn *conn, int client)
{
    for (guint i = 0; share->places && i < share->places->len; i++) {
        const struct imapid_share_place *place =
            &g_array_index(share->places, struct imapid_share_place, i);

        if (place->first_ns == conn->first.ts_ns &&
            imapid_endpoint_is_same(&place->client, &conn->endpoint[client]) &&
            imapid_endpoint_is_same(&place->server, &conn->endpoint[!client]))
            return place;
    }
    return NULL;
}

/* Who it is, for the person whose capture it is, and what can be done. */
static char *name(const struct imapid_share *share, const struct imapid_conn *conn, int client,
                  const char *why)
{
    const struct imapid_share_place *place = find_place(share, conn, client);
    GString *text = g_string_new("the session of ");

    imapid_spell_endpoint(text, &conn->endpoint[client]);
    g_string_append(text, " and ");
    imapid_spell_endpoint(text, &conn->endpoint[!client]);
    if (place)
        g_string_append_printf(text, ", from frame %" G_GUINT64_FORMAT "%s%s on,", place->frame,
                               place->file ? " of " : "", place->file ? place->file : "");
    g_string_append_printf(
        text,
        " cannot be shared: %s; leave it out (--where), or cut it without --scrub "
        "for those who may see it",
        why);
    return g_string_free(text, FALSE);
}

/* TLS was read, and all that was said in it is missing: no key would help. */
static void open_damaged(struct imapid_rebuild *rebuild, const struct imapid_conn *conn,
                         const struct imapid_tls_info *tls)
{
    if (!tls->readable[0] && !tls->readable[1])
        return;
    imapid_rebuild_open(rebuild);
    for (int dir = 0; dir < 2; dir++)
        if (tls->stopped[dir] != IMAPID_TLS_OK)
            imapid_rebuild_add_gap(rebuild, dir, conn->last.number, 0);
}

static void on_end(void *ctx, const struct imapid_conn *conn, int client, bool from_start,
                   enum imapid_security security, const struct imapid_tls_info *tls, uint16_t port)
{
    struct sharing *sharing = ctx;
    struct imapid_share *share = sharing->share;
    struct imapid_rebuild *rebuild;
    struct imapid_endpoint endpoint[2];
    bool is_sealed;
    struct imapid_scrub_result result;
    char *why;

    rebuild = take(sharing, conn->stream);
    if (!rebuild)
        return;
    sharing->n_held -= sharing->n_before;
    if (tls && tls->fatal >= 0) {
        imapid_rebuild_reveal_alert(rebuild, tls->fatal_dir, tls->fatal_at.number, tls->version,
                                    (uint8_t)tls->fatal);
        if (!sharing->digests.explanation)
            sharing->digests.explanation =
                g_strdup("an alert of TLS ended it, and there is none in the clear");
    } else if (sharing->digests.is_read) {
        imapid_rebuild_open(rebuild);
    } else if (sharing->digests.is_damaged && tls) {
        open_damaged(rebuild, conn, tls);
    }
    for (int dir = 0; tls && dir < 2; dir++)
        if (sharing->digests.is_unfinished && tls->n_records[dir])
            imapid_rebuild_reveal_handshake(rebuild, dir, tls->version);
    is_sealed = imapid_rebuild_keep_sealed(rebuild);
    share->n_sealed += is_sealed && sharing->digests.is_hidden;
    disguise(share, conn, endpoint);
    if (is_sealed && port) /* what told that it is IMAP; the proxy's own is gone with its words */
        endpoint[!client].port = port;
    result = imapid_rebuild_scrub(rebuild, share->pseudonyms, client, from_start, security,
                                  share->n_memory / 2);
    for (unsigned i = 0; i < IMAPID_N_MASKED; i++)
        share->n_masked[i] += result.n_masked[i];
    share->n_searched += result.n_searched;
    g_ptr_array_add(share->origins, g_strdup(sharing->digests.origin));
    why = g_strdup(result.status == IMAPID_SCRUB_CHANGED && sharing->digests.explanation
                       ? sharing->digests.explanation
                       : explain(result.status));
    if (!why)
        why = write_session(sharing, conn, endpoint, rebuild);
    /* Behind what was not read inside a layer a reader trusts nothing; without the layer it believes a farewell. */
    if (why && sharing->digests.is_damaged && imapid_rebuild_leave_end(rebuild, client)) {
        g_free(why);
        why = write_session(sharing, conn, endpoint, rebuild);
    }
    if (why)
        sharing->why = name(share, conn, client, why);
    g_free(why);
    g_hash_table_remove(sharing->rebuilds, GUINT_TO_POINTER(conn->stream));
    g_hash_table_add(sharing->is_done, GUINT_TO_POINTER(conn->stream));
}

static void free_rebuild(gpointer rebuild)
{
    imapid_rebuild_free(rebuild);
}

/* A connection that said something, and did not end as one that is read. What is cut out beside the chosen ones, a SYN
 * that speaks against one of them, said nothing. */
static bool has_other(GHashTable *rebuilds)
{
    GHashTableIter iter;
    gpointer rebuild;

    g_hash_table_iter_init(&iter, rebuilds);
    while (g_hash_table_iter_next(&iter, NULL, &rebuild))
        if (imapid_rebuild_has_data(rebuild))
            return true;
    return false;
}

char *imapid_share_read(struct imapid_share *share, struct imapid_capture *capture)
{
    struct sharing sharing = {
        .share = share,
        .digests = new_digests(),
        .rebuilds = g_hash_table_new_full(NULL, NULL, NULL, free_rebuild),
        .is_done = g_hash_table_new(NULL, NULL),
    };
    const struct imapid_flow_listener listener = {
        .segment = on_segment,
        .octets = on_octets,
        .take_back = on_take_back,
        .proxy = on_proxy,
        .deflate = on_deflate,
        .broken = on_broken,
        .sealed = on_sealed,
        .gap = on_gap,
        .end = on_end,
        .ctx = &sharing,
    };
    const struct imapid_record_sink sink = get_sink(&sharing.digests);

    read_capture(share, capture, "", &sink, &listener);
    if (!sharing.why && has_other(sharing.rebuilds))
        sharing.why = g_strdup("read alone, the chosen packets are no connection");
    g_hash_table_destroy(sharing.rebuilds);
    g_hash_table_destroy(sharing.is_done);
    free_digests(&sharing.digests);
    return sharing.why;
}
