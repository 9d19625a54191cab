/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redact.c: records under --redact. A record is rebuilt, never edited: what is not copied here
 * is missing from it. What of one value stays is decided in redact-value.c.
 *
 * Refuses a key that cannot be used.
 *
 * Misuse: redacting twice. It gives other pseudonyms. */
#include "record/redact.h"

#include "record/redact-value.h"
#include "record/spell.h"

#include <string.h>

struct imapid_redact {
    struct imapid_pseudonyms *pseudonyms;
    GHashTable *words; /* of results, that stay */
    const struct imapid_terms *terms;
};

/* ---- raw text ---- */

static bool ends_word(uint8_t c)
{
    return c <= ' ' || strchr("\"(){}\\,", c);
}

/* Adds the words of a string that stays. All are compared as UTF-8: the raw text of JSON Lines is.
 */
static void add_words(GHashTable *words, const struct imapid_record_string *string)
{
    GString *text = g_string_new(NULL);
    gsize end;

    if (!string->is_nil)
        imapid_spell_utf8(text, string->octets, string->n);
    for (gsize at = 0; at < text->len; at = end + 1) {
        for (end = at; end < text->len && !ends_word((uint8_t)text->str[end]); end++)
            ;
        if (end > at)
            g_hash_table_add(words, g_ascii_strdown(text->str + at, (gssize)(end - at)));
    }
    g_string_free(text, TRUE);
}

/* Letters to x, digits to 9, one for each character; what is neither stays. */
static void add_masked(GString *out, const uint8_t *octets, size_t n)
{
    GString *valid = g_string_new(NULL);

    imapid_spell_utf8(valid, octets, n);
    for (const char *at = valid->str; at < valid->str + valid->len; at = g_utf8_next_char(at)) {
        uint8_t c = (uint8_t)*at;

        g_string_append_c(out, g_ascii_isdigit((gchar)c)                ? '9'
                               : g_ascii_isalpha((gchar)c) || c >= 0x80 ? 'x'
                                                                        : (gchar)c);
    }
    g_string_free(valid, TRUE);
}

static bool is_word(GHashTable *words, const uint8_t *octets, size_t n)
{
    char *lower = g_ascii_strdown((const char *)octets, (gssize)n);
    bool found = g_hash_table_contains(words, lower);

    g_free(lower);
    return found;
}

/* Is it the size of a literal, which tells nothing new? Longer numbers are none. */
static bool announces(const uint8_t *raw, size_t n, size_t at, size_t end)
{
    size_t digits = at;

    while (digits < end && g_ascii_isdigit((gchar)raw[digits]))
        digits++;
    return at && raw[at - 1] == '{' && end < n && raw[end] == '}' && digits - at <= 6 &&
           end - digits <= 1 && (end == digits || raw[digits] == '+');
}

static void mask_raw(GString *out, GHashTable *words, const uint8_t *raw, size_t n)
{
    size_t end;

    for (size_t at = 0; at < n; at = end) {
        for (end = at; end < n && !ends_word(raw[end]); end++)
            ;
        if (end == at)
            g_string_append_c(out, (gchar)raw[end++]);
        else if (announces(raw, n, at, end) || is_word(words, raw + at, end - at))
            g_string_append_len(out, (const char *)raw + at, (gssize)(end - at));
        else
            add_masked(out, raw + at, end - at);
    }
}

/* ---- exchanges ---- */

static struct imapid_record_string redact_name(const struct imapid_redact *redact,
                                               struct imapid_record_exchange *to,
                                               const struct imapid_record_string *field)
{
    struct imapid_record_string string = {.is_nil = true};
    GString *text;

    if (field->is_nil)
        return string;
    text = g_string_new(NULL);
    imapid_redact_add_name(redact->pseudonyms, text, field);
    string = imapid_record_copy(to, (const uint8_t *)text->str, text->len);
    g_string_free(text, TRUE);
    return string;
}

static struct imapid_record_string redact_value(const struct imapid_redact *redact,
                                                struct imapid_record_exchange *to,
                                                const struct imapid_record_pair *pair)
{
    struct imapid_record_string string = {.is_nil = true};
    GString *text;

    if (pair->value.is_nil)
        return string;
    text = g_string_new(NULL);
    imapid_redact_add_value(redact->pseudonyms, text, pair);
    string = imapid_record_copy(to, (const uint8_t *)text->str, text->len);
    g_string_free(text, TRUE);
    return string;
}

static char *redact_tag(const struct imapid_redact *redact, const char *tag)
{
    size_t n_letters = 0, n_digits = 0, n;
    GString *text;

    if (!tag)
        return NULL;
    n = strlen(tag);
    while (n_letters < n && g_ascii_isalpha(tag[n_letters]))
        n_letters++;
    while (n_letters + n_digits < n && g_ascii_isdigit(tag[n_letters + n_digits]))
        n_digits++;
    if (n_letters + n_digits == n && n_letters <= 4 && n_digits <= 8)
        return g_strdup(tag);
    text = g_string_new("tag-");
    imapid_pseudonyms_add_hex(redact->pseudonyms, text, "tag", tag, n);
    return g_string_free(text, FALSE);
}

static void redact_raw(struct imapid_record_exchange *to, struct imapid_record_half *half,
                       const struct imapid_record_half *from)
{
    static const char *const syntax[] = {"id", "nil", "*"};
    GHashTable *words = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GString *text = g_string_new(NULL), *valid = g_string_new(NULL);
    struct imapid_record_string raw;

    for (size_t i = 0; i < G_N_ELEMENTS(syntax); i++)
        g_hash_table_add(words, g_strdup(syntax[i]));
    if (to->tag)
        g_hash_table_add(words, g_ascii_strdown(to->tag, -1));
    for (unsigned i = 0; i < half->n_pairs; i++) {
        add_words(words, &half->pairs[i].field);
        add_words(words, &half->pairs[i].value);
    }
    imapid_spell_utf8(valid, from->raw, from->n_raw);
    mask_raw(text, words, (const uint8_t *)valid->str, valid->len);
    raw = imapid_record_copy(to, (const uint8_t *)text->str, text->len);
    half->raw = raw.octets;
    half->n_raw = raw.n;
    g_string_free(text, TRUE);
    g_string_free(valid, TRUE);
    g_hash_table_destroy(words);
}

char *imapid_redact_file(const struct imapid_redact *redact, const char *file)
{
    static const char *const endings[] = {".pcap", ".pcapng", ".cap", ".gz",
                                          ".zst",  ".xz",     ".lz4", ".bz2"};
    GString *text = g_string_new("capture-"), *valid = g_string_new(NULL);
    char *lower = g_ascii_strdown(file, -1);

    imapid_spell_utf8(valid, (const uint8_t *)file, strlen(file));
    if (!strcmp(file, "-"))
        g_string_assign(text, "-");
    else
        imapid_pseudonyms_add_hex(redact->pseudonyms, text, "file", valid->str, valid->len);
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(lower, endings[i]))
            g_string_append(text, endings[i]);
    g_string_free(valid, TRUE);
    g_free(lower);
    return g_string_free(text, FALSE);
}

char *imapid_redact_site(const struct imapid_redact *redact, const char *site)
{
    GString *text;

    if (!site)
        return NULL;
    text = g_string_new("site-");
    imapid_pseudonyms_add_hex(redact->pseudonyms, text, "site", site, strlen(site));
    return g_string_free(text, FALSE);
}

/* The file of a frame; NULL stays NULL. */
static const char *redact_other_file(const struct imapid_redact *redact,
                                     struct imapid_record_exchange *to, const char *file)
{
    const char *kept;
    char *redacted;

    if (!file)
        return NULL;
    redacted = imapid_redact_file(redact, file);
    kept = g_string_chunk_insert(to->store, redacted);
    g_free(redacted);
    return kept;
}

static void redact_half(const struct imapid_redact *redact, struct imapid_record_exchange *to,
                        struct imapid_record_half *half, const struct imapid_record_half *from)
{
    *half = (struct imapid_record_half){
        .seen = from->seen,
        .packet = from->packet,
        .has_list = from->has_list,
        .n_pairs = from->n_pairs,
        .is_malformed = from->is_malformed,
    };
    half->pairs = g_new0(struct imapid_record_pair, from->n_pairs + 1);
    for (unsigned i = 0; i < from->n_pairs; i++) {
        half->pairs[i].field = redact_name(redact, to, &from->pairs[i].field);
        half->pairs[i].value = redact_value(redact, to, &from->pairs[i]);
    }
    half->file = redact_other_file(redact, to, from->file);
    if (from->is_malformed)
        redact_raw(to, half, from);
}

/* Of a server's words only those of the table stay; digits never do. */
static void add_said(GString *text, const struct imapid_redact *redact,
                     const struct imapid_record_string *from)
{
    size_t end;

    for (size_t at = 0; !from->is_nil && at < from->n; at = end) {
        for (end = at; end < from->n && g_ascii_isalpha((gchar)from->octets[end]); end++)
            ;
        if (end > at && is_word(redact->words, from->octets + at, end - at)) {
            g_string_append_len(text, (const char *)from->octets + at, (gssize)(end - at));
        } else if (end > at) {
            add_masked(text, from->octets + at, end - at);
        } else {
            for (; end < from->n && !g_ascii_isalpha((gchar)from->octets[end]); end++)
                ;
            add_masked(text, from->octets + at, end - at);
        }
    }
}

static void redact_result(const struct imapid_redact *redact, struct imapid_record_exchange *to,
                          const struct imapid_record_string *from)
{
    GString *text = g_string_new(NULL);

    add_said(text, redact, from);
    if (!from->is_nil)
        to->text = imapid_record_copy(to, (const uint8_t *)text->str, text->len);
    g_string_free(text, TRUE);
}

/* A tunnel's number can be a subscriber's. */
static void redact_hop(const struct imapid_redact *redact, struct imapid_hop *hop)
{
    uint8_t *const addresses[] = {hop->from, hop->to};

    if (hop->kind != IMAPID_PATH_VLAN)
        hop->has_number = false;
    for (size_t i = 0; hop->family && i < G_N_ELEMENTS(addresses); i++) {
        struct imapid_endpoint end = {.family = hop->family};

        memcpy(end.address, addresses[i], sizeof end.address);
        imapid_pseudonyms_replace_endpoint(redact->pseudonyms, &end);
        memcpy(addresses[i], end.address, sizeof end.address);
        if (i)
            hop->family = end.family;
    }
}

static struct imapid_record_conn redact_conn(const struct imapid_redact *redact,
                                             const struct imapid_record_conn *from, char *site,
                                             char *file)
{
    struct imapid_record_conn conn = {
        .site = site,
        .file = file,
        .stream = from->stream,
        .stream_of_run = from->stream_of_run,
        .client = from->client,
        .server = from->server,
        .proxied_client = from->proxied_client,
        .first_frame = from->first_frame,
        .path = from->path,
        .doubts = from->doubts,
    };

    imapid_pseudonyms_replace_endpoint(redact->pseudonyms, &conn.client);
    if (conn.proxied_client.family)
        imapid_pseudonyms_replace_endpoint(redact->pseudonyms, &conn.proxied_client);
    imapid_pseudonyms_replace_endpoint(redact->pseudonyms, &conn.server);
    for (unsigned i = 0; i < conn.path.n; i++)
        redact_hop(redact, &conn.path.hops[i]);
    return conn;
}

static struct imapid_record_exchange *redact_exchange(const struct imapid_redact *redact,
                                                      const struct imapid_record_exchange *from,
                                                      char *site, char *file)
{
    struct imapid_record_exchange *to = imapid_record_exchange_new();

    to->conn = redact_conn(redact, &from->conn, site, file);
    to->tag = redact_tag(redact, from->tag);
    redact_half(redact, to, &to->command, &from->command);
    redact_half(redact, to, &to->response, &from->response);
    to->status = from->status;
    to->is_untagged = from->is_untagged;
    to->result = from->result;
    to->result_file = redact_other_file(redact, to, from->result_file);
    redact_result(redact, to, &from->text);
    to->security = from->security;
    to->compressed = from->compressed;
    to->state = from->state;
    to->complete = from->complete;
    to->n_findings = from->n_findings;
    to->findings = g_new0(struct imapid_record_finding, from->n_findings + 1);
    for (unsigned i = 0; i < from->n_findings; i++) {
        to->findings[i].code = from->findings[i].code;
        to->findings[i].side = from->findings[i].side;
        to->findings[i].lack = from->findings[i].lack;
        to->findings[i].field = redact_name(redact, to, &from->findings[i].field);
    }
    return to;
}

/* ---- the sink ---- */

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    const struct imapid_redact_sink *sink = ctx;
    char *site = imapid_redact_site(sink->redact, exchange->conn.site);
    char *file = imapid_redact_file(sink->redact, exchange->conn.file);
    struct imapid_record_exchange *redacted = redact_exchange(sink->redact, exchange, site, file);

    sink->next->exchange(sink->next->ctx, redacted);
    imapid_record_exchange_free(redacted);
    g_free(site);
    g_free(file);
}

/* A word of this program; JSON Lines may bring others. */
static const char *keep_word(const char *word)
{
    size_t n = word ? strspn(word, "abcdefghijklmnopqrstuvwxyz-") : 0;

    return !word || (!word[n] && n <= 32) ? word : "unknown";
}

/* Texts of this program, and names of protocols, stay; whose server it is goes. */
static struct imapid_record_tls redact_tls(const struct imapid_redact *redact,
                                           const struct imapid_record_tls *from, GString *name)
{
    struct imapid_record_tls tls = {
        .seen = from->seen,
        .version = from->version,
        .suite = from->suite,
        .alpn = keep_word(from->alpn),
    };

    if (tls.version && !imapid_record_is_tls_version(tls.version))
        tls.version = "unknown";
    if (tls.suite && !imapid_record_is_tls_number(tls.suite) && !redact->terms->is_suite(tls.suite))
        tls.suite = "unknown";
    if (from->server_name) {
        g_string_assign(name, "server-");
        imapid_pseudonyms_add_hex(redact->pseudonyms, name, "server name", from->server_name,
                                  strlen(from->server_name));
        tls.server_name = name->str;
    }
    return tls;
}

/* A status of ours, or the name of an alert. */
static const char *keep_status(const char *status)
{
    size_t n = status ? strspn(status, "ABCDEFINORSTYK") : 0;

    if (!status || (n && n <= 3 && !status[n]))
        return status;
    n = strspn(status, "abcdefghijklmnopqrstuvwxyz3_:-");
    return !status[n] && n <= 40 ? status : "unknown";
}

/* The words go to `text`, the files are to be freed. */
static struct imapid_record_outcome redact_outcome(const struct imapid_redact *redact,
                                                   const struct imapid_record_outcome *outcome,
                                                   GString *text)
{
    struct imapid_record_outcome redacted = *outcome;

    redacted.status = keep_status(outcome->status);
    add_said(text, redact, &outcome->text);
    redacted.text.octets = (const uint8_t *)text->str;
    redacted.text.n = text->len;
    redacted.say = (struct imapid_record_string){.is_nil = true}; /* it has the words */
    redacted.file = outcome->file ? imapid_redact_file(redact, outcome->file) : NULL;
    redacted.ended_file =
        outcome->ended_file ? imapid_redact_file(redact, outcome->ended_file) : NULL;
    return redacted;
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    const struct imapid_redact_sink *sink = ctx;
    char *site = imapid_redact_site(sink->redact, session->conn.site);
    char *file = imapid_redact_file(sink->redact, session->conn.file);
    GString *name = g_string_new(NULL), *words = g_string_new(NULL);
    struct imapid_record_session redacted = {
        .conn = redact_conn(sink->redact, &session->conn, site, file),
        .first_ns = session->first_ns,
        .last_ns = session->last_ns,
        .security = session->security,
        .compressed = session->compressed,
        .id_advertised = session->id_advertised,
        .n_exchanges = session->n_exchanges,
        .from_start = session->from_start,
        .ended = session->ended,
        .gave_way = session->gave_way,
        .outcome = redact_outcome(sink->redact, &session->outcome, words),
        .healthy = session->healthy,
        .not_imap = session->not_imap,
        .n_lost = session->n_lost,
        .n_resyncs = session->n_resyncs,
        .decrypted = session->decrypted,
        .not_decrypted = keep_word(session->not_decrypted),
        .not_decrypted_phrase = session->not_decrypted_phrase,
        .tls = redact_tls(sink->redact, &session->tls, name),
        .n_auths = session->n_auths,
        .n_findings = session->n_findings,
    };

    if (redacted.not_decrypted != session->not_decrypted)
        redacted.not_decrypted_phrase = redacted.not_decrypted;
    memcpy(redacted.auths, session->auths, sizeof redacted.auths); /* words of a table */
    for (unsigned i = 0; i < redacted.n_findings; i++) {
        redacted.findings[i] = session->findings[i];
        redacted.findings[i].field = (struct imapid_record_string){.is_nil = true};
    }
    sink->next->session(sink->next->ctx, &redacted);
    g_string_free(name, TRUE);
    g_string_free(words, TRUE);
    g_free((char *)redacted.outcome.file);
    g_free((char *)redacted.outcome.ended_file);
    g_free(site);
    g_free(file);
}

/* Layers and numbers are of the network's make, not of its users. A name is made again, as JSON Lines
 * may bring any. To be freed, the names too. */
static struct imapid_record_unread *redact_unread(const struct imapid_redact *redact,
                                                  const struct imapid_record_capture *capture)
{
    struct imapid_record_unread *kinds =
        g_new0(struct imapid_record_unread, (gsize)capture->n_unread + 1);

    for (unsigned i = 0; i < capture->n_unread; i++) {
        kinds[i] = capture->unread[i];
        kinds[i].layer = keep_word(kinds[i].layer);
        kinds[i].name =
            redact->terms->remake_unread(kinds[i].layer, kinds[i].number, kinds[i].name);
    }
    return kinds;
}

/* Messages name the file and quote nothing else of a capture, but the system's words are not ours
 * to know: where and why goes, that something failed stays. */
static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    const struct imapid_redact_sink *sink = ctx;
    char *site = imapid_redact_site(sink->redact, capture->site);
    char *file = imapid_redact_file(sink->redact, capture->file);
    struct imapid_record_unread *unread = redact_unread(sink->redact, capture);
    struct imapid_record_capture redacted = {
        .site = site,
        .file = file,
        .format = keep_word(capture->format),
        .has_times = capture->has_times,
        .first_ns = capture->first_ns,
        .last_ns = capture->last_ns,
        .n_packets = capture->n_packets,
        .n_octets = capture->n_octets,
        .n_conns = capture->n_conns,
        .n_sessions = capture->n_sessions,
        .n_exchanges = capture->n_exchanges,
        .n_not_decrypted = capture->n_not_decrypted,
        .n_lost = capture->n_lost,
        .n_cut = capture->n_cut,
        .n_unknown_link = capture->n_unknown_link,
        .n_drops = capture->n_drops,
        .n_forgotten = capture->n_forgotten,
        .n_unread = capture->n_unread,
        .unread = unread,
        .error = capture->error ? (char *)"it could not be read whole" : NULL,
    };

    sink->next->capture(sink->next->ctx, &redacted);
    for (unsigned i = 0; i < capture->n_unread; i++)
        g_free((char *)unread[i].name);
    g_free(unread);
    g_free(site);
    g_free(file);
}

static void on_continued(void *ctx, const struct imapid_record_continued *continued)
{
    const struct imapid_redact_sink *sink = ctx;
    char *site = imapid_redact_site(sink->redact, continued->site);
    char *file = imapid_redact_file(sink->redact, continued->file);
    const struct imapid_record_continued redacted = {site, file, continued->frames, continued->n};

    if (sink->next->continued)
        sink->next->continued(sink->next->ctx, &redacted);
    g_free(site);
    g_free(file);
}

struct imapid_record_sink imapid_redact_wrap(struct imapid_redact_sink *sink)
{
    return (struct imapid_record_sink){on_exchange, on_session, on_capture, sink, on_continued};
}

/* ---- made and freed ---- */

static void add_result_words(GHashTable *words)
{
    static const char *const list[] = {
#include "record/redact-words.def"
    };

    for (size_t i = 0; i < G_N_ELEMENTS(list); i++)
        g_hash_table_add(words, (char *)list[i]);
}

struct imapid_redact *imapid_redact_new(const char *key_file, const struct imapid_terms *terms,
                                        char **message)
{
    struct imapid_redact *redact = g_new0(struct imapid_redact, 1);

    redact->terms = terms;
    redact->words = g_hash_table_new(g_str_hash, g_str_equal);
    add_result_words(redact->words);
    redact->pseudonyms = imapid_pseudonyms_new(key_file, message);
    if (!redact->pseudonyms) {
        imapid_redact_free(redact);
        return NULL;
    }
    return redact;
}

void imapid_redact_free(struct imapid_redact *redact)
{
    if (!redact)
        return;
    imapid_pseudonyms_free(redact->pseudonyms);
    g_hash_table_destroy(redact->words);
    g_free(redact);
}
