/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.c: the words for what records say, and the values behind them. One table gives names to --by and
 * --where, so a value that one prints the other takes.
 *
 * Refuses a name that is in no table.
 *
 * Misuse: taking what a record in the middle of a connection says for all that there is; only
 * imapid_key_is_of_conn() is settled then. */
#include "answer/keys.h"

#include "answer/store.h"
#include "near.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <string.h>

static const struct {
    const char *name;
    enum imapid_key_kind kind;
} plain_keys[] = {
    {"security", IMAPID_KEY_SECURITY},
    {"state", IMAPID_KEY_STATE},
    {"status", IMAPID_KEY_STATUS},
    {"day", IMAPID_KEY_DAY},
    {"month", IMAPID_KEY_MONTH},
    {"file", IMAPID_KEY_FILE},
    {"site", IMAPID_KEY_SITE},
    {"client_ip", IMAPID_KEY_CLIENT_IP},
    {"server_ip", IMAPID_KEY_SERVER_IP},
    {"server_port", IMAPID_KEY_SERVER_PORT},
    {"tls_version", IMAPID_KEY_TLS_VERSION},
    {"unread", IMAPID_KEY_UNREAD},
    {"auth", IMAPID_KEY_AUTH},
    {"stream", IMAPID_KEY_STREAM},
    {"client_port", IMAPID_KEY_CLIENT_PORT},
    {"id", IMAPID_KEY_ID},
    {"community_id", IMAPID_KEY_COMMUNITY_ID},
    {"finding", IMAPID_KEY_FINDING},
    {"severity", IMAPID_KEY_SEVERITY},
    {"doubt", IMAPID_KEY_DOUBT},
    {"text", IMAPID_KEY_TEXT},
    {"ended", IMAPID_KEY_ENDED},
    {"outcome", IMAPID_KEY_OUTCOME},
    {"healthy", IMAPID_KEY_HEALTHY},
    {"imap", IMAPID_KEY_IMAP},
    {"sni", IMAPID_KEY_SNI},
    {"alpn", IMAPID_KEY_ALPN},
};

/* What is known, in the words of people and of JSON. */
static const char *const known_words[][2] = {
    [IMAPID_YES] = {"yes", "true"}, [IMAPID_NO] = {"no", "false"}};

/* ---- names ---- */

static bool has_use(enum imapid_key_kind kind, enum imapid_key_use use)
{
    return use == IMAPID_KEY_TO_CHOOSE || kind < IMAPID_KEY_STREAM;
}

bool imapid_key_find(const char *name, enum imapid_key_use use, struct imapid_key *key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain_keys); i++)
        if (!strcmp(name, plain_keys[i].name) && has_use(plain_keys[i].kind, use)) {
            *key = (struct imapid_key){.kind = (int)plain_keys[i].kind};
            return true;
        }
    for (int side = 0; side < 2; side++) {
        if (!g_str_has_prefix(name, side ? "server_" : "client_"))
            continue;
        for (int i = 0; i < IMAPID_N_FIELDS; i++)
            if (!strcmp(name + strlen("client_"), imapid_field_column((enum imapid_field)i))) {
                *key = (struct imapid_key){IMAPID_KEY_FIELD, (enum imapid_side)side,
                                           (enum imapid_field)i};
                return true;
            }
    }
    return false;
}

char **imapid_key_list(enum imapid_key_use use)
{
    GPtrArray *names = g_ptr_array_new();

    for (int side = 0; side < 2; side++)
        for (int i = 0; i < IMAPID_N_FIELDS; i++)
            g_ptr_array_add(names, g_strconcat(side ? "server_" : "client_",
                                               imapid_field_column((enum imapid_field)i), NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(plain_keys); i++)
        if (has_use(plain_keys[i].kind, use))
            g_ptr_array_add(names, g_strdup(plain_keys[i].name));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

char *imapid_key_help(const char *name, enum imapid_key_use use)
{
    char **names = imapid_key_list(use), *both = NULL, *help;
    char *client = g_strconcat("client_", name, NULL), *server = g_strconcat("server_", name, NULL);
    struct imapid_key key;

    if (imapid_key_find(client, use, &key) && imapid_key_find(server, use, &key))
        both = g_strdup_printf("did you mean '%s' or '%s'?", client, server);
    help = imapid_near_ask_among(name, names, both);
    g_free(both);
    g_free(client);
    g_free(server);
    g_strfreev(names);
    return help;
}

/* The i-th word of a closed list, from 0. NULL: there are no more, or the values are no closed list. */
static const char *get_word(enum imapid_key_kind kind, int i)
{
    switch (kind) {
    case IMAPID_KEY_SECURITY:
        i += IMAPID_SECURITY_NONE;
        return i <= IMAPID_SECURITY_TLS ? imapid_record_security((enum imapid_security)i) : NULL;
    case IMAPID_KEY_STATE:
        i += IMAPID_STATE_UNKNOWN;
        return i <= IMAPID_STATE_AUTHENTICATED ? imapid_record_state((enum imapid_state)i) : NULL;
    case IMAPID_KEY_STATUS:
        i += IMAPID_STATUS_OK;
        return i <= IMAPID_STATUS_BYE ? imapid_record_status((enum imapid_status)i) : NULL;
    case IMAPID_KEY_FINDING:
        return i < IMAPID_N_FINDINGS ? imapid_finding_code((enum imapid_finding_code)i) : NULL;
    case IMAPID_KEY_SEVERITY:
        i += IMAPID_SEVERITY_NOTE;
        return i <= IMAPID_SEVERITY_ERROR ? imapid_severity_name((enum imapid_severity)i) : NULL;
    case IMAPID_KEY_DOUBT:
        return i < IMAPID_N_DOUBTS ? imapid_doubt_code((enum imapid_doubt)i) : NULL;
    case IMAPID_KEY_ENDED:
        i += IMAPID_ENDED_FIN;
        return i <= IMAPID_ENDED_RST ? imapid_record_ended((enum imapid_record_ended)i) : NULL;
    case IMAPID_KEY_HEALTHY:
    case IMAPID_KEY_IMAP:
        return i < 4 ? known_words[i < 2 ? IMAPID_YES : IMAPID_NO][i % 2] : NULL;
    default:
        return NULL;
    }
}

char **imapid_key_list_words(const struct imapid_key *key)
{
    GPtrArray *words = g_ptr_array_new();
    const char *word;

    while ((word = get_word((enum imapid_key_kind)key->kind, (int)words->len)))
        g_ptr_array_add(words, g_strdup(word));
    if (words->len)
        g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, !words->len);
}

bool imapid_key_is_of_conn(const struct imapid_key *key)
{
    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_FILE:
    case IMAPID_KEY_SITE:
    case IMAPID_KEY_CLIENT_IP:
    case IMAPID_KEY_SERVER_IP:
    case IMAPID_KEY_SERVER_PORT:
    case IMAPID_KEY_STREAM:
    case IMAPID_KEY_CLIENT_PORT:
    case IMAPID_KEY_ID:
    case IMAPID_KEY_COMMUNITY_ID:
        return true;
    default:
        return false;
    }
}

/* ---- the one value ---- */

static char *spell_date(int64_t ts_ns, gsize n)
{
    GString *text;

    if (!imapid_time_is_known(ts_ns))
        return NULL;
    text = g_string_new(NULL);
    imapid_spell_time(text, ts_ns);
    if (text->len > n)
        g_string_truncate(text, n);
    return g_string_free(text, FALSE);
}

static char *spell_address(const struct imapid_endpoint *endpoint)
{
    GString *text = g_string_new(NULL);

    imapid_spell_address(text, endpoint);
    return g_string_free(text, FALSE);
}

const char *imapid_key_get_tls_version(const struct imapid_record_session *session,
                                       enum imapid_security security)
{
    if (security == IMAPID_SECURITY_NONE)
        return "none";
    return session && session->tls.seen ? session->tls.version : NULL;
}

static char *spell_auth(const struct imapid_auth *auth)
{
    return g_strconcat(auth->mechanism, auth->cleartext_password ? ", password in the clear" : "",
                       auth->status == IMAPID_WORD_OK ? "" : ", not confirmed", NULL);
}

/* How a connection logged in: the attempt that was answered OK, or else the last one. NULL: none was
 * seen. */
static char *spell_login(const struct imapid_record_session *session)
{
    const struct imapid_auth *auth = NULL;

    for (unsigned i = 0; session && i < session->n_auths; i++)
        if (!auth || auth->status != IMAPID_WORD_OK || session->auths[i].status == IMAPID_WORD_OK)
            auth = &session->auths[i];
    return auth ? spell_auth(auth) : NULL;
}

bool imapid_key_get_of_conn(const struct imapid_key *key, const struct imapid_record_conn *conn,
                            const struct imapid_record_session *session, int64_t ts_ns,
                            char **value)
{
    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_DAY:
        *value = spell_date(ts_ns, strlen("2026-01-02"));
        return true;
    case IMAPID_KEY_MONTH:
        *value = spell_date(ts_ns, strlen("2026-01"));
        return true;
    case IMAPID_KEY_FILE:
        *value = g_strdup(conn->file);
        return true;
    case IMAPID_KEY_SITE:
        *value = g_strdup(conn->site);
        return true;
    case IMAPID_KEY_CLIENT_IP:
        *value = spell_address(imapid_store_get_client(conn));
        return true;
    case IMAPID_KEY_SERVER_IP:
        *value = spell_address(&conn->server);
        return true;
    case IMAPID_KEY_SERVER_PORT:
        *value = g_strdup_printf("%u", conn->server.port);
        return true;
    case IMAPID_KEY_UNREAD:
        *value = g_strdup(session ? session->not_decrypted : NULL);
        return true;
    case IMAPID_KEY_AUTH:
        *value = spell_login(session);
        return true;
    default:
        return false;
    }
}

/* ---- all values ---- */

/* Who is shown values. */
struct viewer {
    bool (*see)(void *ctx, const char *value, gsize n);
    void *ctx;
    bool is_done;
};

/* Text for patterns, which end at a NUL: U+FFFD stands for one. */
static GString *read_value(const char *octets, gsize n)
{
    GString *text = g_string_sized_new(n + 1);

    for (const char *nul; n; n -= (gsize)(nul - octets), octets = nul) {
        nul = memchr(octets, 0, n);
        if (nul == octets) {
            g_string_append(text, "\xef\xbf\xbd");
            nul++;
            continue;
        }
        nul = nul ? nul : octets + n;
        imapid_spell_utf8(text, (const uint8_t *)octets, (gsize)(nul - octets));
    }
    return text;
}

static void show(struct viewer *viewer, const char *octets, gsize n)
{
    GString *text;

    if (!n || viewer->is_done)
        return;
    text = read_value(octets, n);
    viewer->is_done = !viewer->see(viewer->ctx, text->str, text->len);
    g_string_free(text, TRUE);
}

static void show_word(struct viewer *viewer, const char *word)
{
    if (word)
        show(viewer, word, strlen(word));
}

/* The same, and frees it. */
static void show_taken(struct viewer *viewer, char *word)
{
    show_word(viewer, word);
    g_free(word);
}

static void show_string(struct viewer *viewer, const struct imapid_record_string *string)
{
    if (!string->is_nil)
        show(viewer, (const char *)string->octets, string->n);
}

static void show_number(struct viewer *viewer, uint64_t number)
{
    show_taken(viewer, g_strdup_printf("%" G_GUINT64_FORMAT, number));
}

static void show_known(struct viewer *viewer, enum imapid_known known)
{
    for (size_t i = 0; known != IMAPID_UNKNOWN && i < 2; i++)
        show_word(viewer, known_words[known][i]);
}

/* As it was sent, and as it is counted. */
static void show_field(struct viewer *viewer, const struct imapid_key *key,
                       const struct imapid_fold *fold,
                       const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_half *half =
        key->side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
    const struct imapid_record_string *string =
        half->seen ? imapid_record_find(half, key->field) : NULL;

    if (!string || !string->n)
        return;
    show_string(viewer, string);
    show_taken(viewer, imapid_fold_value(fold, key->field, string));
}

static void show_findings(struct viewer *viewer, bool severities,
                          const struct imapid_record_finding *findings, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        show_word(viewer, severities
                              ? imapid_severity_name(imapid_finding_severity(findings[i].code))
                              : imapid_finding_code(findings[i].code));
}

static void show_doubts(struct viewer *viewer, const struct imapid_doubts *doubts)
{
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        if (doubts->of[i].n)
            show_word(viewer, imapid_doubt_code((enum imapid_doubt)i));
}

/* Each of its words, and all of them. */
static void show_outcome(struct viewer *viewer, const struct imapid_record_outcome *outcome)
{
    if (!outcome->status)
        return;
    show_word(viewer, imapid_stage_name(outcome->stopped_at));
    show_word(viewer, imapid_party_name(outcome->by));
    show_word(viewer, outcome->status);
    show_taken(viewer, g_strdup_printf("%s/%s/%s", imapid_stage_name(outcome->stopped_at),
                                       imapid_party_name(outcome->by), outcome->status));
}

static void show_file(struct viewer *viewer, const char *file)
{
    const char *slash = strrchr(file, '/');

    show_word(viewer, file);
    if (slash)
        show_word(viewer, slash + 1);
}

/* Both ends, where somebody speaks for another one. */
static void show_client(struct viewer *viewer, const struct imapid_record_conn *conn, bool port)
{
    const struct imapid_endpoint *ends[] = {&conn->client, &conn->proxied_client};

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++)
        if (ends[i]->family && port)
            show_number(viewer, ends[i]->port);
        else if (ends[i]->family)
            show_taken(viewer, spell_address(ends[i]));
}

static void show_spelled(struct viewer *viewer, const struct imapid_record_conn *conn,
                         void (*spell)(GString *out, const struct imapid_record_conn *conn))
{
    GString *text = g_string_new(NULL);

    spell(text, conn);
    show(viewer, text->str, text->len);
    g_string_free(text, TRUE);
}

/* False: it is none that a connection has. */
static bool visit_conn(struct viewer *viewer, const struct imapid_key *key,
                       const struct imapid_record_conn *conn)
{
    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_FILE:
        show_file(viewer, conn->file);
        return true;
    case IMAPID_KEY_SITE:
        if (conn->site)
            show(viewer, conn->site, strlen(conn->site));
        return true;
    case IMAPID_KEY_CLIENT_IP:
    case IMAPID_KEY_CLIENT_PORT:
        show_client(viewer, conn, key->kind == IMAPID_KEY_CLIENT_PORT);
        return true;
    case IMAPID_KEY_STREAM:
        show_number(viewer, conn->stream);
        return true;
    case IMAPID_KEY_ID:
        show_spelled(viewer, conn, imapid_spell_session_id);
        return true;
    case IMAPID_KEY_COMMUNITY_ID:
        show_spelled(viewer, conn, imapid_spell_community_id);
        return true;
    case IMAPID_KEY_DOUBT:
        show_doubts(viewer, &conn->doubts);
        return true;
    default:
        return false;
    }
}

static void visit_exchange(struct viewer *viewer, const struct imapid_key *key,
                           const struct imapid_fold *fold,
                           const struct imapid_record_exchange *exchange)
{
    char *value = NULL;

    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_FIELD:
        show_field(viewer, key, fold, exchange);
        break;
    case IMAPID_KEY_SECURITY:
        show_word(viewer, imapid_record_security(exchange->security));
        break;
    case IMAPID_KEY_STATE:
        show_word(viewer, imapid_record_state(exchange->state));
        break;
    case IMAPID_KEY_STATUS:
        show_word(viewer, imapid_record_status(exchange->status));
        break;
    case IMAPID_KEY_TLS_VERSION:
        show_word(viewer, imapid_key_get_tls_version(NULL, exchange->security));
        break;
    case IMAPID_KEY_FINDING:
    case IMAPID_KEY_SEVERITY:
        show_findings(viewer, key->kind == IMAPID_KEY_SEVERITY, exchange->findings,
                      exchange->n_findings);
        break;
    case IMAPID_KEY_TEXT:
        if (exchange->status != IMAPID_STATUS_NONE)
            show_string(viewer, &exchange->text);
        break;
    default:
        if (imapid_key_get_of_conn(key, &exchange->conn, NULL, imapid_record_when(exchange).ts_ns,
                                   &value))
            show_taken(viewer, value);
    }
}

static void show_logins(struct viewer *viewer, const struct imapid_record_session *session)
{
    for (unsigned i = 0; i < session->n_auths; i++) {
        show_word(viewer, session->auths[i].mechanism);
        show_taken(viewer, spell_auth(&session->auths[i]));
    }
}

static void visit_session(struct viewer *viewer, const struct imapid_key *key,
                          const struct imapid_record_session *session)
{
    char *value = NULL;

    switch ((enum imapid_key_kind)key->kind) {
    case IMAPID_KEY_SECURITY:
        show_word(viewer, imapid_record_security(session->security));
        break;
    case IMAPID_KEY_TLS_VERSION:
        show_word(viewer, imapid_key_get_tls_version(session, session->security));
        break;
    case IMAPID_KEY_AUTH:
        show_logins(viewer, session);
        break;
    case IMAPID_KEY_FINDING:
    case IMAPID_KEY_SEVERITY:
        show_findings(viewer, key->kind == IMAPID_KEY_SEVERITY, session->findings,
                      session->n_findings);
        break;
    case IMAPID_KEY_TEXT:
        if (session->outcome.status)
            show_string(viewer, &session->outcome.text);
        break;
    case IMAPID_KEY_ENDED:
        show_word(viewer, imapid_record_ended(session->ended));
        break;
    case IMAPID_KEY_OUTCOME:
        show_outcome(viewer, &session->outcome);
        break;
    case IMAPID_KEY_HEALTHY:
        show_known(viewer, session->healthy);
        break;
    case IMAPID_KEY_IMAP:
        show_known(viewer, session->not_imap ? IMAPID_NO : IMAPID_YES);
        break;
    case IMAPID_KEY_SNI:
        show_word(viewer, session->tls.seen ? session->tls.server_name : NULL);
        break;
    case IMAPID_KEY_ALPN:
        show_word(viewer, session->tls.seen ? session->tls.alpn : NULL);
        break;
    default:
        if (imapid_key_get_of_conn(key, &session->conn, session, session->first_ns, &value))
            show_taken(viewer, value);
    }
}

void imapid_key_visit(const struct imapid_key *key, const struct imapid_fold *fold,
                      const struct imapid_key_record *record,
                      bool (*see)(void *ctx, const char *value, gsize n), void *ctx)
{
    struct viewer viewer = {.see = see, .ctx = ctx};

    if (visit_conn(&viewer, key, record->conn))
        return;
    if (record->exchange)
        visit_exchange(&viewer, key, fold, record->exchange);
    else
        visit_session(&viewer, key, record->session);
}
