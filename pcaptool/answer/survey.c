/* SPDX-License-Identifier: GPL-2.0-or-later */
/* survey.c: one look at every connection. What an exchange says is looked at once for all that say the
 * same (imapid_store_get_said()), so a million connections cost little more than reading their sessions.
 *
 * Numbers that belong together are counted by sorting them.
 *
 * Refuses nothing. Misuse: rows of another view. */
#include "answer/survey.h"

#include "answer/radix.h"
#include "answer/unreadable.h"
#include "record/gist.h"
#include "large.h"

#include <stdlib.h>
#include <string.h>

/* What exchanges with one number of imapid_store_get_said() say. Texts are numbers + 1. */
struct said {
    bool is_known;
    bool is_sent; /* the command is there */
    struct imapid_gist_said gist;
    uint32_t key, name, version, os; /* of the client; `key`: of the program, whatever the case */
    uint32_t says, says_os;          /* of the server */
};

struct surveying {
    struct imapid_survey *survey;
    const struct imapid_fold *fold;
    struct said *said;
    struct imapid_pool *keys;
    GArray *names;       /* guint32: how many rows have a text as the name of the program */
    GArray *key_of;      /* guint32: the key of a text that is a name */
    uint32_t *server_of; /* by the number of an address: place + 1 */
    GArray *server_os;   /* guint32 by row: what the server says of its system */
    struct imapid_store_reading reading;
};

const char *imapid_survey_get_text(const struct imapid_survey *survey, uint32_t number)
{
    size_t n;

    return number ? imapid_pool_get(survey->texts, number - 1, &n) : NULL;
}

/* The number + 1 of a text; 0 of NULL and of nothing. */
static uint32_t keep_text(struct imapid_survey *survey, const char *text)
{
    return text && *text ? imapid_pool_add(survey->texts, text, strlen(text)) + 1 : 0;
}

/* ---- what exchanges say ---- */

static uint32_t keep_value(struct surveying *surveying, const struct imapid_record_half *half,
                           enum imapid_field field)
{
    const struct imapid_record_string *string = half->seen ? imapid_record_find(half, field) : NULL;
    char *value = string && string->n ? imapid_fold_value(surveying->fold, field, string) : NULL;
    uint32_t number = keep_text(surveying->survey, value);

    g_free(value);
    return number;
}

static const struct said *look(struct surveying *surveying, unsigned index)
{
    unsigned number = imapid_store_get_said(surveying->survey->view, index);
    struct said *said = &surveying->said[number];
    const struct imapid_record_exchange *exchange;
    char *software;

    if (said->is_known)
        return said;
    said->is_known = true;
    exchange = imapid_store_read_exchange(surveying->survey->view, index, &surveying->reading);
    said->is_sent = exchange->command.seen;
    imapid_gist_look(exchange, &said->gist);
    said->name = keep_value(surveying, &exchange->command, IMAPID_FIELD_NAME);
    said->version = keep_value(surveying, &exchange->command, IMAPID_FIELD_VERSION);
    said->os = keep_value(surveying, &exchange->command, IMAPID_FIELD_OS);
    said->says_os = keep_value(surveying, &exchange->response, IMAPID_FIELD_OS);
    software =
        exchange->response.seen ? imapid_fold_software(surveying->fold, &exchange->response) : NULL;
    said->says = keep_text(surveying->survey, software);
    g_free(software);
    if (said->name) {
        char *key = imapid_fold_key(imapid_survey_get_text(surveying->survey, said->name));

        said->key = imapid_pool_add(surveying->keys, key, strlen(key)) + 1;
        g_free(key);
    }
    return said;
}

/* ---- rows ---- */

static uint32_t find_server(struct surveying *surveying, unsigned index,
                            const struct imapid_endpoint *end)
{
    uint32_t *place =
        &surveying->server_of[imapid_store_get_server(surveying->survey->view, index)];

    if (!*place) {
        struct imapid_survey_server server = {.end = *end};

        g_array_append_val(surveying->survey->servers, server);
        *place = surveying->survey->servers->len;
    }
    return *place - 1;
}

static void count_name(struct surveying *surveying, const struct said *said)
{
    if (!said->name)
        return;
    if (said->name > surveying->names->len) {
        g_array_set_size(surveying->names, said->name);
        g_array_set_size(surveying->key_of, said->name);
    }
    g_array_index(surveying->names, guint32, said->name - 1)++;
    g_array_index(surveying->key_of, guint32, said->name - 1) = said->key;
}

/* What its exchanges tell of a connection. Is a command among them? */
static bool add_exchanges(struct surveying *surveying, struct imapid_survey_row *row,
                          struct imapid_gist *gist, const struct imapid_store_span *span,
                          guint32 *server_os)
{
    const struct imapid_store_view *view = surveying->survey->view;
    const struct said *client = NULL;
    bool is_sent = false;

    for (unsigned i = span->first; i < span->first + span->n; i++) {
        const struct said *said = look(surveying, i);
        int64_t rtt_ns;
        bool tells[2];

        is_sent |= said->is_sent;
        imapid_gist_add(gist, &said->gist, imapid_store_get_when(view, i), 0,
                        imapid_store_get_rtt_ns(view, i, &rtt_ns) ? rtt_ns : -1, tells);
        if (tells[IMAPID_CLIENT])
            client = said;
        if (tells[IMAPID_SERVER]) {
            row->says = said->says;
            *server_os = said->says_os;
        }
    }
    if (!client)
        return is_sent;
    row->program = client->key;
    row->version = client->version;
    row->os = client->os;
    row->has_id = true;
    count_name(surveying, client);
    return is_sent;
}

static enum imapid_shade find_shade(const struct imapid_store_conn *conn,
                                    const struct imapid_gist *gist)
{
    if (imapid_unreadable_is_conn(conn))
        return IMAPID_SHADE_UNREAD;
    return gist->security == IMAPID_SECURITY_TLS        ? IMAPID_SHADE_TLS
           : gist->security == IMAPID_SECURITY_STARTTLS ? IMAPID_SHADE_STARTTLS
                                                        : IMAPID_SHADE_CLEAR;
}

static void make_row(struct surveying *surveying, unsigned index)
{
    struct imapid_survey *survey = surveying->survey;
    struct imapid_survey_row *row = &survey->rows[index];
    struct imapid_store_span span = imapid_store_get_span(survey->view, index);
    struct imapid_gist gist = IMAPID_GIST_BEGUN;
    const struct imapid_record_session *session;
    struct imapid_store_conn conn;

    imapid_store_read_conn(survey->view, index, &conn);
    session = conn.has_session ? &conn.session : NULL;
    bool is_sent = add_exchanges(surveying, row, &gist, &span,
                                 &g_array_index(surveying->server_os, guint32, index));
    row->result = (uint8_t)imapid_gist_close(&gist, session);
    row->ts_ns = gist.ts_ns;
    row->codes = gist.codes;
    row->n_warnings = (uint8_t)MIN(gist.n_warnings, UINT8_MAX);
    row->shade = (uint8_t)find_shade(&conn, &gist);
    row->server = find_server(surveying, index, &conn.conn.server);
    if (!session)
        return;
    row->login = keep_text(survey, imapid_gist_get_login(session));
    row->reason = keep_text(survey, session->not_decrypted);
    row->phrase = keep_text(survey, session->not_decrypted_phrase);
    row->is_silent =
        session->ended != IMAPID_ENDED_NOT && imapid_unreadable_is_silent(&conn, is_sent);
    row->is_late = !session->from_start;
}

/* ---- concerns ---- */

static uint64_t list_errors(void)
{
    uint64_t codes = 0;

    for (int code = 0; code < IMAPID_N_FINDINGS; code++)
        if (imapid_finding_severity((enum imapid_finding_code)code) == IMAPID_SEVERITY_ERROR &&
            code != IMAPID_FINDING_BEHIND_STARTTLS)
            codes |= UINT64_C(1) << code;
    return codes;
}

/* What went wrong, by its result. */
static int find_concern(enum imapid_result result)
{
    switch (result) {
    case IMAPID_RESULT_TLS:
    case IMAPID_RESULT_CERTIFICATE:
    case IMAPID_RESULT_STARTTLS:
    case IMAPID_RESULT_NO_STARTTLS:
    case IMAPID_RESULT_TLS_ON_PLAIN:
    case IMAPID_RESULT_PLAIN_ON_TLS:
        return IMAPID_CONCERN_NO_TLS;
    case IMAPID_RESULT_LOGIN:
        return IMAPID_CONCERN_LOGIN;
    case IMAPID_RESULT_MAILBOX:
    case IMAPID_RESULT_ID:
    case IMAPID_RESULT_COMMAND:
    case IMAPID_RESULT_GREETING:
    case IMAPID_RESULT_DEFLATE:
        return IMAPID_CONCERN_REFUSED;
    case IMAPID_RESULT_PORT_CLOSED:
    case IMAPID_RESULT_PROHIBITED:
    case IMAPID_RESULT_UNREACHABLE:
    case IMAPID_RESULT_TIMEOUT:
    case IMAPID_RESULT_NOT_IMAP:
        return IMAPID_CONCERN_NO_SERVER;
    case IMAPID_RESULT_CLOSED_BY_SERVER:
    case IMAPID_RESULT_RESET_BY_SERVER:
        return IMAPID_CONCERN_CLOSED;
    case IMAPID_RESULT_BROKEN:
        return IMAPID_CONCERN_BROKEN;
    default:
        return imapid_result_mark(result) == IMAPID_MARK_WRONG ? IMAPID_CONCERN_BROKE_OFF : -1;
    }
}

static bool has(const struct imapid_survey_row *row, enum imapid_finding_code code)
{
    return row->codes >> code & 1;
}

static void set(struct imapid_survey_row *row, bool is_so, enum imapid_concern concern)
{
    row->concerns |= (uint16_t)(is_so ? 1u << concern : 0);
}

static void judge(struct imapid_survey_row *row, uint64_t errors, bool is_frequent)
{
    int concern = find_concern((enum imapid_result)row->result);

    set(row, has(row, IMAPID_FINDING_REQUIRED_BY_SERVER), IMAPID_CONCERN_MAILBOX);
    set(row, has(row, IMAPID_FINDING_CLEARTEXT_PASSWORD), IMAPID_CONCERN_PASSWORD);
    set(row, (row->codes & errors) != 0, IMAPID_CONCERN_BROKEN);
    set(row, has(row, IMAPID_FINDING_BEHIND_STARTTLS), IMAPID_CONCERN_INJECTED);
    set(row, has(row, IMAPID_FINDING_UNIQUE_IDENTIFIER), IMAPID_CONCERN_DEVICE);
    set(row, has(row, IMAPID_FINDING_OBSOLETE_TLS), IMAPID_CONCERN_OLD_TLS);
    /* One thing is said once: a mailbox that was refused for want of an ID is no further refusal, and neither is
     * what only breaks the standard by octets before TLS. */
    if (concern < 0 ||
        (concern == IMAPID_CONCERN_REFUSED && row->concerns & 1u << IMAPID_CONCERN_MAILBOX) ||
        concern == IMAPID_CONCERN_BROKEN)
        return;
    if (concern == IMAPID_CONCERN_LOGIN && is_frequent)
        concern = IMAPID_CONCERN_LOGINS;
    set(row, true, (enum imapid_concern)concern);
}

static void judge_all(struct imapid_survey *survey)
{
    const struct imapid_store_view *view = survey->view;
    unsigned *n_logins = g_new0(unsigned, view->n_addresses + (gsize)1);
    uint64_t errors = list_errors();

    for (unsigned i = 0; i < survey->n_rows; i++)
        n_logins[imapid_store_get_address(view, i)] +=
            survey->rows[i].result == IMAPID_RESULT_LOGIN;
    for (unsigned i = 0; i < survey->n_rows; i++) {
        struct imapid_survey_row *row = &survey->rows[i];

        judge(row, errors, n_logins[imapid_store_get_address(view, i)] >= IMAPID_SURVEY_LOGINS);
        for (int k = 0; k < IMAPID_N_CONCERNS; k++)
            survey->n_concerns[k] += row->concerns >> k & 1;
        survey->n_to_act += (row->concerns & IMAPID_CONCERNS_TO_ACT) != 0;
        survey->n_shades[row->shade]++;
        survey->n_results[row->result]++;
        survey->n_named += row->program != 0;
        survey->n_silent += row->is_silent;
        survey->first_ns = imapid_time_first(survey->first_ns, row->ts_ns);
        survey->last_ns = MAX(survey->last_ns, row->ts_ns);
    }
    g_free(n_logins);
}

/* ---- counting by two numbers ---- */

struct entry {
    uint64_t key;
    int64_t ts_ns;
};

G_STATIC_ASSERT(sizeof(struct entry) == 2 * sizeof(uint64_t));

static int compare_counts(const void *a, const void *b)
{
    const struct imapid_survey_count *one = a, *other = b;

    if (one->a != other->a)
        return one->a < other->a ? -1 : 1;
    if (one->n != other->n)
        return one->n > other->n ? -1 : 1;
    return (one->b > other->b) - (one->b < other->b);
}

/* Counts entries of the same key; sorts them. */
static GArray *count_entries(struct entry *entries, size_t n)
{
    GArray *counts = g_array_new(FALSE, FALSE, sizeof(struct imapid_survey_count));

    imapid_radix_sort(&entries->key, n, 2);
    for (size_t i = 0; i < n;) {
        struct imapid_survey_count count = {(uint32_t)(entries[i].key >> 32),
                                            (uint32_t)entries[i].key, 0, entries[i].ts_ns};
        uint64_t key = entries[i].key;

        for (; i < n && entries[i].key == key; i++, count.n++)
            count.last_ns = MAX(count.last_ns, entries[i].ts_ns);
        g_array_append_val(counts, count);
    }
    g_array_sort(counts, compare_counts);
    return counts;
}

GArray *imapid_survey_count(const struct imapid_survey *survey,
                            bool (*get)(const struct imapid_survey_row *row, uint32_t *a,
                                        uint32_t *b))
{
    struct entry *entries = imapid_large_new(survey->n_rows, sizeof *entries);
    GArray *counts;
    size_t n = 0;

    for (unsigned i = 0; i < survey->n_rows; i++) {
        uint32_t a, b;

        if (get(&survey->rows[i], &a, &b))
            entries[n++] = (struct entry){(uint64_t)a << 32 | b, survey->rows[i].ts_ns};
    }
    counts = count_entries(entries, n);
    imapid_large_free(entries);
    return counts;
}

/* How many different addresses of clients each `a` has: calls see() for each pair. */
static void count_addresses(struct imapid_survey *survey,
                            uint32_t (*get)(const struct imapid_survey_row *row),
                            void (*see)(struct imapid_survey *survey, uint32_t a))
{
    uint64_t *pairs = imapid_large_new(survey->n_rows, sizeof *pairs);
    size_t n = survey->n_rows;

    for (unsigned i = 0; i < survey->n_rows; i++)
        pairs[i] =
            (uint64_t)get(&survey->rows[i]) << 32 | imapid_store_get_address(survey->view, i);
    imapid_radix_sort(pairs, n, 1);
    for (size_t i = 0; i < n; i++)
        if (!i || pairs[i] != pairs[i - 1])
            see(survey, (uint32_t)(pairs[i] >> 32));
    imapid_large_free(pairs);
}

static uint32_t get_program(const struct imapid_survey_row *row)
{
    return row->program;
}

static void see_program(struct imapid_survey *survey, uint32_t program)
{
    if (program)
        g_array_index(survey->programs, struct imapid_survey_program, program - 1).n_addresses++;
}

static uint32_t get_server(const struct imapid_survey_row *row)
{
    return row->server;
}

static void see_server(struct imapid_survey *survey, uint32_t server)
{
    g_array_index(survey->servers, struct imapid_survey_server, server).n_clients++;
}

/* ---- programs and servers, the most frequent first ---- */

/* A program or server on its way to its place. */
struct ranked {
    unsigned n;
    uint32_t number; /* before */
    const char *name;
    const struct imapid_endpoint *end;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *one = a, *other = b;
    int order;

    if (one->n != other->n)
        return one->n > other->n ? -1 : 1;
    order = one->end ? memcmp(one->end->address, other->end->address, sizeof one->end->address)
                     : strcmp(one->name, other->name);
    return order ? order : (one->number > other->number) - (one->number < other->number);
}

/* Of several spellings the most frequent one, else the first in their order. */
static void choose_name(struct ranked *program, const char *name, unsigned n, unsigned *n_best)
{
    if (program->name && (n < *n_best || (n == *n_best && g_strcmp0(name, program->name) >= 0)))
        return;
    program->name = name;
    *n_best = n;
}

static void rank_programs(struct surveying *surveying)
{
    struct imapid_survey *survey = surveying->survey;
    uint32_t n = imapid_pool_count(surveying->keys);
    struct ranked *ranked = g_new0(struct ranked, n + (gsize)1);
    unsigned *n_best = g_new0(unsigned, n + (gsize)1);
    uint32_t *place = g_new0(uint32_t, n + (gsize)1);

    for (uint32_t i = 0; i < n; i++)
        ranked[i].number = i;
    for (guint text = 0; text < surveying->names->len; text++) {
        unsigned n_rows = g_array_index(surveying->names, guint32, text);
        uint32_t key = g_array_index(surveying->key_of, guint32, text);

        if (!n_rows)
            continue;
        ranked[key - 1].n += n_rows;
        choose_name(&ranked[key - 1], imapid_survey_get_text(survey, text + 1), n_rows,
                    &n_best[key - 1]);
    }
    for (uint32_t i = 0; i < n; i++)
        if (!ranked[i].name)
            ranked[i].name = ""; /* said, but not by what counts */
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    for (uint32_t i = 0; i < n; i++) {
        struct imapid_survey_program program = {.name = ranked[i].name, .n_conns = ranked[i].n};

        place[ranked[i].number] = i + 1;
        if (ranked[i].n)
            g_array_append_val(survey->programs, program);
    }
    for (unsigned i = 0; i < survey->n_rows; i++)
        if (survey->rows[i].program)
            survey->rows[i].program = place[survey->rows[i].program - 1];
    g_free(ranked);
    g_free(n_best);
    g_free(place);
}

static void rank_servers(struct imapid_survey *survey)
{
    guint n = survey->servers->len;
    struct ranked *ranked = g_new0(struct ranked, n + (gsize)1);
    uint32_t *place = g_new0(uint32_t, n + (gsize)1);
    GArray *sorted = g_array_new(FALSE, FALSE, sizeof(struct imapid_survey_server));

    for (unsigned i = 0; i < survey->n_rows; i++) {
        struct imapid_survey_server *server =
            &g_array_index(survey->servers, struct imapid_survey_server, survey->rows[i].server);

        server->n_conns++;
        server->n_shades[survey->rows[i].shade]++;
    }
    for (guint i = 0; i < n; i++) {
        const struct imapid_survey_server *server =
            &g_array_index(survey->servers, struct imapid_survey_server, i);

        ranked[i] = (struct ranked){server->n_conns, i, NULL, &server->end};
    }
    qsort(ranked, n, sizeof *ranked, compare_ranked);
    for (guint i = 0; i < n; i++) {
        place[ranked[i].number] = i;
        g_array_append_val(
            sorted, g_array_index(survey->servers, struct imapid_survey_server, ranked[i].number));
    }
    for (unsigned i = 0; i < survey->n_rows; i++)
        survey->rows[i].server = place[survey->rows[i].server];
    g_array_unref(survey->servers);
    survey->servers = sorted;
    g_free(ranked);
    g_free(place);
}

static bool get_says(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = row->server;
    *b = row->says;
    return row->says != 0;
}

/* What each server says of itself most often, and of its system. */
static void choose_words(struct surveying *surveying)
{
    struct imapid_survey *survey = surveying->survey;
    GArray *counts = imapid_survey_count(survey, get_says);

    for (guint i = 0; i < counts->len; i++) {
        const struct imapid_survey_count *count =
            &g_array_index(counts, struct imapid_survey_count, i);

        if (!i || count->a != g_array_index(counts, struct imapid_survey_count, i - 1).a)
            g_array_index(survey->servers, struct imapid_survey_server, count->a).says = count->b;
    }
    g_array_unref(counts);
    for (unsigned i = survey->n_rows; i-- > 0;) {
        guint32 os = g_array_index(surveying->server_os, guint32, i);

        if (os)
            g_array_index(survey->servers, struct imapid_survey_server, survey->rows[i].server).os =
                os;
    }
}

/* ---- times ---- */

GArray **imapid_survey_gather_times(const struct imapid_survey *survey, unsigned n)
{
    GArray **times = g_new(GArray *, n + (gsize)1);

    for (unsigned i = 0; i < n; i++)
        times[i] = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (unsigned i = 0; i < survey->n_rows; i++) {
        struct imapid_store_span span = imapid_store_get_span(survey->view, i);

        for (unsigned k = span.first; k < span.first + span.n && survey->rows[i].server < n; k++) {
            int64_t rtt_ns;

            if (imapid_store_get_rtt_ns(survey->view, k, &rtt_ns) && rtt_ns >= 0)
                g_array_append_val(times[survey->rows[i].server], rtt_ns);
        }
    }
    for (unsigned i = 0; i < n; i++)
        imapid_radix_sort((uint64_t *)(void *)times[i]->data, times[i]->len, 1);
    return times;
}

/* ---- all of it ---- */

struct imapid_survey *imapid_survey_make(const struct imapid_store_view *view,
                                         const struct imapid_fold *fold)
{
    struct imapid_survey *survey = g_new0(struct imapid_survey, 1);
    struct surveying surveying = {
        .survey = survey,
        .fold = fold,
        .said = g_new0(struct said, view->n_said + (gsize)1),
        .keys = imapid_pool_new(),
        .names = g_array_new(FALSE, TRUE, sizeof(guint32)),
        .key_of = g_array_new(FALSE, TRUE, sizeof(guint32)),
        .server_of = g_new0(uint32_t, view->n_addresses + (gsize)1),
        .server_os = g_array_new(FALSE, TRUE, sizeof(guint32)),
    };

    survey->view = view;
    survey->first_ns = survey->last_ns = IMAPID_TIME_NONE;
    survey->n_rows = view->n_conns;
    survey->rows = imapid_large_new(view->n_conns, sizeof *survey->rows);
    survey->programs = g_array_new(FALSE, FALSE, sizeof(struct imapid_survey_program));
    survey->servers = g_array_new(FALSE, FALSE, sizeof(struct imapid_survey_server));
    survey->texts = imapid_pool_new();
    g_array_set_size(surveying.server_os, view->n_conns + 1);
    for (unsigned i = 0; i < view->n_conns; i++)
        make_row(&surveying, i);
    rank_programs(&surveying);
    rank_servers(survey);
    judge_all(survey);
    choose_words(&surveying);
    count_addresses(survey, get_program, see_program);
    count_addresses(survey, get_server, see_server);
    imapid_store_reading_deinit(&surveying.reading);
    g_free(surveying.said);
    imapid_pool_free(surveying.keys);
    g_array_unref(surveying.names);
    g_array_unref(surveying.key_of);
    g_free(surveying.server_of);
    g_array_unref(surveying.server_os);
    return survey;
}

void imapid_survey_free(struct imapid_survey *survey)
{
    g_array_unref(survey->programs);
    g_array_unref(survey->servers);
    imapid_pool_free(survey->texts);
    imapid_large_free(survey->rows);
    g_free(survey);
}
