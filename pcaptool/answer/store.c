/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: records kept, put in order, counted once.
 *
 * Texts are made UTF-8 on the way in, and what JSON Lines leave out (the raw text of a well-formed
 * list) is left out, so that a record from a capture and the same one read back are equal. Misuse:
 * adding after settling. */
#include "answer/store.h"

#include "record/spell-record.h"
#include "record/spell.h"
#include "record/writer.h"

#include <string.h>

/* Octets that may repeat, kept once. */
struct blob {
    size_t n;
    _Alignas(16) uint8_t octets[];
};

struct imapid_store {
    GMutex mutex;
    GTree *blobs; /* a tree: no sender can make it slow, as with hashes */
    GArray *exchanges, *sessions, *captures, *conns;
    GPtrArray *unread; /* the lists of captures */
};

/* ---- keeping once ---- */

static int compare_blobs(const void *a, const void *b, void *unused)
{
    const struct blob *one = a, *other = b;

    (void)unused;
    if (one->n != other->n)
        return one->n < other->n ? -1 : 1;
    return memcmp(one->octets, other->octets, one->n);
}

static const void *keep(struct imapid_store *store, const void *octets, size_t n)
{
    struct blob *blob = g_malloc(sizeof *blob + n + 1);
    struct blob *kept;

    blob->n = n;
    if (n)
        memcpy(blob->octets, octets, n);
    blob->octets[n] = '\0';
    kept = g_tree_lookup(store->blobs, blob);
    if (kept) {
        g_free(blob);
        return kept->octets;
    }
    g_tree_insert(store->blobs, blob, blob);
    return blob->octets;
}

/* A text as JSON spells it: what is no UTF-8 becomes U+FFFD. */
static const char *keep_text(struct imapid_store *store, const char *text)
{
    GString *valid;
    const char *kept;

    if (!text)
        return NULL;
    valid = g_string_new(NULL);
    imapid_spell_utf8(valid, (const uint8_t *)text, strlen(text));
    kept = keep(store, valid->str, valid->len);
    g_string_free(valid, TRUE);
    return kept;
}

static void keep_octets_as_text(struct imapid_store *store, const uint8_t **octets, size_t *n)
{
    GString *valid = g_string_new(NULL);

    imapid_spell_utf8(valid, *octets, *n);
    *octets = keep(store, valid->str, valid->len);
    *n = valid->len;
    g_string_free(valid, TRUE);
}

/* Member by member into zeroes, so that equal strings are equal octets. */
static void keep_string(struct imapid_store *store, struct imapid_record_string *to,
                        const struct imapid_record_string *from)
{
    to->is_nil = from->is_nil;
    if (from->is_nil)
        return;
    to->n = from->n;
    to->octets = keep(store, from->octets, from->n);
}

static void keep_half(struct imapid_store *store, struct imapid_record_half *half)
{
    struct imapid_record_pair *pairs = g_new0(struct imapid_record_pair, half->n_pairs + 1);

    for (unsigned i = 0; i < half->n_pairs; i++) {
        keep_string(store, &pairs[i].field, &half->pairs[i].field);
        keep_string(store, &pairs[i].value, &half->pairs[i].value);
    }
    half->file = keep_text(store, half->file);
    half->pairs =
        (struct imapid_record_pair *)keep(store, pairs, half->n_pairs * sizeof *half->pairs);
    g_free(pairs);
    if (half->is_malformed) {
        keep_octets_as_text(store, &half->raw, &half->n_raw);
    } else {
        half->raw = NULL;
        half->n_raw = 0;
    }
}

static struct imapid_record_finding *
keep_findings(struct imapid_store *store, const struct imapid_record_finding *from, unsigned n)
{
    struct imapid_record_finding *findings = g_new0(struct imapid_record_finding, n + 1);
    const void *kept;

    for (unsigned i = 0; i < n; i++) {
        findings[i].code = from[i].code;
        findings[i].side = from[i].side;
        keep_string(store, &findings[i].field, &from[i].field);
    }
    kept = keep(store, findings, n * sizeof *findings);
    g_free(findings);
    return (struct imapid_record_finding *)kept;
}

/* ---- adding ---- */

void imapid_store_add_exchange(struct imapid_store *store,
                               const struct imapid_record_exchange *exchange)
{
    struct imapid_record_exchange copy = *exchange;

    g_mutex_lock(&store->mutex);
    copy.conn.file = keep_text(store, copy.conn.file);
    copy.result_file = keep_text(store, copy.result_file);
    copy.tag = (char *)keep_text(store, copy.tag);
    keep_half(store, &copy.command);
    keep_half(store, &copy.response);
    if (copy.status == IMAPID_STATUS_NONE)
        copy.text = (struct imapid_record_string){.is_nil = true};
    if (!copy.text.is_nil)
        keep_octets_as_text(store, &copy.text.octets, &copy.text.n);
    copy.findings = keep_findings(store, copy.findings, copy.n_findings);
    copy.store = NULL;
    g_array_append_val(store->exchanges, copy);
    g_mutex_unlock(&store->mutex);
}

void imapid_store_add_session(struct imapid_store *store,
                              const struct imapid_record_session *session)
{
    struct imapid_record_session copy = *session;

    g_mutex_lock(&store->mutex);
    copy.conn.file = keep_text(store, copy.conn.file);
    copy.not_decrypted = keep_text(store, copy.not_decrypted);
    copy.not_decrypted_phrase = copy.not_decrypted;
    for (unsigned i = 0; i < copy.n_findings; i++)
        keep_string(store, &copy.findings[i].field, &session->findings[i].field);
    g_array_append_val(store->sessions, copy);
    g_mutex_unlock(&store->mutex);
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

static int compare_endpoints(const struct imapid_endpoint *a, const struct imapid_endpoint *b)
{
    int order = memcmp(a->address, b->address, sizeof a->address);

    COMPARE(a->family, b->family);
    if (order)
        return order;
    COMPARE(a->port, b->port);
    return 0;
}

const struct imapid_endpoint *imapid_store_get_client(const struct imapid_record_conn *conn)
{
    return conn->proxied_client.family ? &conn->proxied_client : &conn->client;
}

int imapid_store_compare_conns(const struct imapid_record_conn *a,
                               const struct imapid_record_conn *b)
{
    int order = a->file == b->file ? 0 : strcmp(a->file, b->file);

    if (order)
        return order;
    COMPARE(a->stream, b->stream);
    order = compare_endpoints(&a->client, &b->client);
    return order ? order : compare_endpoints(&a->server, &b->server);
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

/* Where and with what an exchange begins. */
static int compare_beginnings(const struct imapid_record_exchange *a,
                              const struct imapid_record_exchange *b)
{
    struct imapid_stamp when_a = imapid_record_when(a), when_b = imapid_record_when(b);
    int order = imapid_store_compare_conns(&a->conn, &b->conn);

    if (order)
        return order;
    COMPARE(when_a.ts_ns, when_b.ts_ns);
    COMPARE(when_a.number, when_b.number);
    COMPARE(a->command.seen, b->command.seen);
    order = g_strcmp0(a->tag, b->tag);
    return order ? order : compare_spelled(a, b, spell_first_list);
}

/* How much of it was seen. */
static int get_stage(const struct imapid_record_exchange *exchange)
{
    return 2 * (exchange->status != IMAPID_STATUS_NONE) + exchange->response.seen;
}

/* Of two states of one exchange the later one comes first. */
static int compare_exchanges(const void *a, const void *b)
{
    int order = compare_beginnings(a, b);

    if (order)
        return order;
    COMPARE(get_stage(b), get_stage(a));
    return compare_spelled(a, b, spell_exchange);
}

/* Of two states of one connection the later one comes first. */
static int compare_sessions(const void *a, const void *b)
{
    const struct imapid_record_session *one = a, *other = b;
    int order = imapid_store_compare_conns(&one->conn, &other->conn);

    if (order)
        return order;
    COMPARE(other->last_ns, one->last_ns);
    COMPARE(other->n_exchanges, one->n_exchanges);
    return compare_spelled(a, b, spell_session);
}

static int compare_captures(const void *a, const void *b)
{
    const struct imapid_record_capture *one = a, *other = b;
    int order = strcmp(one->file, other->file);

    return order ? order : compare_spelled(a, b, spell_capture);
}

static bool same_session(const void *a, const void *b)
{
    const struct imapid_record_session *one = a, *other = b;

    return !imapid_store_compare_conns(&one->conn, &other->conn);
}

/* The same, or what was seen of it in a capture that was still being written. */
static bool same_exchange(const void *kept, const void *next)
{
    return !compare_beginnings(kept, next) &&
           (get_stage(next) < get_stage(kept) || !compare_spelled(kept, next, spell_exchange));
}

static bool same_capture(const void *a, const void *b)
{
    return !compare_captures(a, b);
}

/* Sorts, keeps the first of those that are the same, returns how many were dropped. */
static unsigned sort_once(GArray *array, int (*compare)(const void *, const void *),
                          bool (*same)(const void *, const void *))
{
    guint size = g_array_get_element_size(array), n = 0, n_all = array->len;
    char *data = array->data;

    g_array_sort(array, compare);
    for (guint i = 0; i < n_all; i++) {
        if (n && same(data + (size_t)(n - 1) * size, data + (size_t)i * size))
            continue;
        if (n != i)
            memcpy(data + (size_t)n * size, data + (size_t)i * size, size);
        n++;
    }
    g_array_set_size(array, n);
    return n_all - n;
}

/* ---- connections ---- */

/* Joins exchanges and sessions, both in the order of connections. */
static void join(struct imapid_store *store)
{
    guint e = 0, s = 0;

    while (e < store->exchanges->len || s < store->sessions->len) {
        const struct imapid_record_exchange *exchange =
            e < store->exchanges->len
                ? &g_array_index(store->exchanges, struct imapid_record_exchange, e)
                : NULL;
        const struct imapid_record_session *session =
            s < store->sessions->len
                ? &g_array_index(store->sessions, struct imapid_record_session, s)
                : NULL;
        int order = !exchange  ? 1
                    : !session ? -1
                               : imapid_store_compare_conns(&exchange->conn, &session->conn);
        struct imapid_store_conn conn = {.conn = order <= 0 ? exchange->conn : session->conn};

        if (order >= 0) {
            conn.session = session;
            s++;
        }
        if (order <= 0)
            conn.exchanges = exchange;
        while (order <= 0 && e < store->exchanges->len &&
               !imapid_store_compare_conns(
                   &g_array_index(store->exchanges, struct imapid_record_exchange, e).conn,
                   &conn.conn)) {
            conn.n_exchanges++;
            e++;
        }
        g_array_append_val(store->conns, conn);
    }
}

struct imapid_store_view imapid_store_settle(struct imapid_store *store)
{
    struct imapid_store_view view = {0};

    view.n_duplicates = sort_once(store->exchanges, compare_exchanges, same_exchange) +
                        sort_once(store->sessions, compare_sessions, same_session) +
                        sort_once(store->captures, compare_captures, same_capture);
    join(store);
    view.conns = (const struct imapid_store_conn *)(void *)store->conns->data;
    view.n_conns = store->conns->len;
    view.exchanges = (const struct imapid_record_exchange *)(void *)store->exchanges->data;
    view.n_exchanges = store->exchanges->len;
    view.captures = (const struct imapid_record_capture *)(void *)store->captures->data;
    view.n_captures = store->captures->len;
    return view;
}

struct imapid_store *imapid_store_new(void)
{
    struct imapid_store *store = g_new0(struct imapid_store, 1);

    g_mutex_init(&store->mutex);
    store->blobs = g_tree_new_full(compare_blobs, NULL, g_free, NULL);
    store->exchanges = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_exchange));
    store->sessions = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_session));
    store->captures = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_capture));
    store->conns = g_array_new(FALSE, FALSE, sizeof(struct imapid_store_conn));
    store->unread = g_ptr_array_new_with_free_func(g_free);
    return store;
}

void imapid_store_free(struct imapid_store *store)
{
    if (!store)
        return;
    g_array_unref(store->exchanges);
    g_array_unref(store->sessions);
    g_array_unref(store->captures);
    g_array_unref(store->conns);
    g_ptr_array_unref(store->unread);
    g_tree_destroy(store->blobs);
    g_mutex_clear(&store->mutex);
    g_free(store);
}
