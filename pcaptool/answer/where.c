/* SPDX-License-Identifier: GPL-2.0-or-later */
/* where.c: which connections are chosen. A term is seen when one of the connection's values matched;
 * that stays, so many connections are decided before their last record.
 *
 * Refuses fields that there are not, and more than IMAPID_WHERE_MAX terms.
 *
 * Misuse: judging one record for its connection, unless imapid_where_is_of_conn(). */
#include "answer/where.h"

#include "answer/legs.h"
#include "answer/pattern.h"
#include "near.h"

#include <string.h>

struct term {
    char *text; /* as it was given */
    struct imapid_key key;
    struct imapid_pattern *pattern;
    bool is_not;
};

struct imapid_where {
    const struct imapid_fold *fold;
    unsigned n;
    struct term terms[IMAPID_WHERE_MAX];
    char *description;
    bool is_of_conn;
};

/* ---- terms ---- */

/* Cuts FIELD off; sets what stands between it and the pattern. NULL: there is nothing. */
static char *split(const char *text, bool *is_not, bool *is_regex, const char **pattern)
{
    size_t n = strcspn(text, "=!~");
    const char *at = text + n;

    *is_not = *at == '!';
    at += *is_not;
    *is_regex = *at == '~';
    if (!n || (*at != '=' && *at != '~'))
        return NULL;
    *pattern = at + 1 + (at[0] == '=' && at[1] == '=');
    return g_strndup(text, n);
}

/* NULL, or why no value can match. */
static char *explain_no_word(const struct term *term, const char *pattern)
{
    char **words = imapid_key_list_words(&term->key), *help = NULL, *asked;
    bool found = !words;

    for (char **word = words; word && *word; word++)
        found |= imapid_pattern_matches(term->pattern, *word, strlen(*word));
    if (!found) {
        asked = imapid_near_ask_among(pattern, words, NULL);
        help = g_strconcat("no value can match; ", asked, NULL);
        g_free(asked);
    }
    g_strfreev(words);
    return help;
}

static char *read_pattern(struct term *term, const char *pattern, bool is_regex)
{
    char *message = NULL;

    /* Is there nothing? That is: no value of one character or more. */
    if (!*pattern && !is_regex) {
        term->is_not = !term->is_not;
        pattern = "?*";
    }
    term->pattern = is_regex ? imapid_pattern_new_regex(pattern, &message)
                             : imapid_pattern_new_glob(pattern, &message);
    return message ? message : explain_no_word(term, pattern);
}

/* NULL, or what is wrong. */
static char *read_term(struct term *term, const char *text)
{
    const char *pattern = "";
    bool is_regex;
    char *name = split(text, &term->is_not, &is_regex, &pattern), *message = NULL, *told;

    if (!name)
        return g_strdup_printf("'%s' is not FIELD=PATTERN, FIELD!=PATTERN or FIELD~EXPRESSION",
                               text);
    if (imapid_key_find(name, IMAPID_KEY_TO_CHOOSE, &term->key)) {
        message = read_pattern(term, pattern, is_regex);
        told = message ? g_strdup_printf("'%s': %s", text, message) : NULL;
    } else {
        message = imapid_key_help(name, IMAPID_KEY_TO_CHOOSE);
        told = g_strdup_printf("there is no field '%s'; %s", name, message);
    }
    term->text = g_strdup(text);
    g_free(message);
    g_free(name);
    return told;
}

struct imapid_where *imapid_where_new(char *const *texts, const struct imapid_fold *fold,
                                      char **message)
{
    struct imapid_where *where = g_new0(struct imapid_where, 1);

    where->fold = fold;
    where->is_of_conn = true;
    where->description = g_strjoinv(" and ", (char **)texts);
    *message = NULL;
    for (; *texts && !*message; texts++) {
        if (where->n == IMAPID_WHERE_MAX) {
            *message = g_strdup_printf("at most %u are joined", IMAPID_WHERE_MAX);
            break;
        }
        *message = read_term(&where->terms[where->n], *texts);
        where->is_of_conn &= imapid_key_is_of_conn(&where->terms[where->n++].key);
    }
    if (!*message)
        return where;
    imapid_where_free(where);
    return NULL;
}

void imapid_where_free(struct imapid_where *where)
{
    if (!where)
        return;
    for (unsigned i = 0; i < where->n; i++) {
        imapid_pattern_free(where->terms[i].pattern);
        g_free(where->terms[i].text);
    }
    g_free(where->description);
    g_free(where);
}

const char *imapid_where_describe(const struct imapid_where *where)
{
    return where->description;
}

bool imapid_where_is_of_conn(const struct imapid_where *where)
{
    return where->is_of_conn;
}

/* ---- judging ---- */

struct look {
    struct imapid_pattern *pattern;
    bool found;
};

static bool look_at(void *ctx, const char *value, gsize n)
{
    struct look *look = ctx;

    look->found = imapid_pattern_matches(look->pattern, value, n);
    return !look->found;
}

/* `is_all`: nothing more comes. */
static enum imapid_where_verdict judge(const struct imapid_where *where, uint64_t seen, bool is_all)
{
    bool open = false;

    for (unsigned i = 0; i < where->n; i++) {
        const struct term *term = &where->terms[i];
        bool found = seen >> i & 1;

        if (!found && !is_all && !imapid_key_is_of_conn(&term->key))
            open = true;
        else if (found == term->is_not)
            return IMAPID_WHERE_LEFT;
    }
    return open ? IMAPID_WHERE_OPEN : IMAPID_WHERE_CHOSEN;
}

enum imapid_where_verdict imapid_where_see(const struct imapid_where *where, uint64_t *seen,
                                           const struct imapid_key_record *record)
{
    for (unsigned i = 0; i < where->n; i++) {
        struct look look = {.pattern = where->terms[i].pattern};

        if (*seen >> i & 1)
            continue;
        imapid_key_visit(&where->terms[i].key, where->fold, record, look_at, &look);
        *seen |= (uint64_t)look.found << i;
    }
    return judge(where, *seen, false);
}

enum imapid_where_verdict imapid_where_conclude(const struct imapid_where *where, uint64_t seen)
{
    return judge(where, seen, true);
}

char *imapid_where_explain(const struct imapid_where *where)
{
    for (unsigned i = 0; i < where->n; i++)
        if (imapid_pattern_has_given_up(where->terms[i].pattern))
            return g_strdup_printf(
                "--where %s: a value takes too many steps to match; it counts as "
                "one that does not",
                where->terms[i].text);
    return NULL;
}

/* ---- in a store ---- */

struct choosing {
    const struct imapid_where *where;
    const struct imapid_store_view *view;
    uint8_t *
        is_changed; /* by connection: a leg of a session whose list is another on its other leg; NULL: nobody asks */
    struct imapid_store_reading reading;
};

static bool asks_for_findings(const struct imapid_where *where)
{
    for (unsigned i = 0; i < where->n; i++)
        if (where->terms[i].key.kind == IMAPID_KEY_FINDING ||
            where->terms[i].key.kind == IMAPID_KEY_SEVERITY)
            return true;
    return false;
}

/* Both legs: with one alone nobody finds it again. */
static void find_changed(struct choosing *choosing)
{
    GArray *legs = imapid_legs_find(choosing->view);

    choosing->is_changed = g_malloc0(choosing->view->n_conns + (gsize)1);
    for (guint i = 0; i < legs->len; i++) {
        const struct imapid_leg *leg = &g_array_index(legs, struct imapid_leg, i);

        if (leg->differs)
            choosing->is_changed[leg->outer] = choosing->is_changed[leg->inner] = 1;
    }
    g_array_unref(legs);
}

/* The finding that no record has, as it is about two of them. */
static void see_change(const struct imapid_where *where, uint64_t *seen)
{
    const char *code = imapid_finding_code(IMAPID_FINDING_CHANGED_IN_TRANSIT);
    const char *severity =
        imapid_severity_name(imapid_finding_severity(IMAPID_FINDING_CHANGED_IN_TRANSIT));

    for (unsigned i = 0; i < where->n; i++) {
        const struct term *term = &where->terms[i];
        const char *value = term->key.kind == IMAPID_KEY_FINDING    ? code
                            : term->key.kind == IMAPID_KEY_SEVERITY ? severity
                                                                    : NULL;

        if (value && imapid_pattern_matches(term->pattern, value, strlen(value)))
            *seen |= UINT64_C(1) << i;
    }
}

static bool is_chosen(void *ctx, unsigned index)
{
    struct choosing *choosing = ctx;
    enum imapid_where_verdict verdict = IMAPID_WHERE_OPEN;
    struct imapid_store_conn conn;
    uint64_t seen = 0;

    imapid_store_read_conn(choosing->view, index, &conn);
    if (choosing->is_changed && choosing->is_changed[index])
        see_change(choosing->where, &seen);
    if (conn.has_session)
        verdict = imapid_where_see(
            choosing->where, &seen,
            &(struct imapid_key_record){.conn = &conn.session.conn, .session = &conn.session});
    for (unsigned i = 0; i < conn.n_exchanges && verdict == IMAPID_WHERE_OPEN; i++) {
        const struct imapid_record_exchange *exchange =
            imapid_store_read_exchange(choosing->view, conn.first + i, &choosing->reading);

        verdict = imapid_where_see(
            choosing->where, &seen,
            &(struct imapid_key_record){.conn = &exchange->conn, .exchange = exchange});
    }
    return (verdict == IMAPID_WHERE_OPEN ? imapid_where_conclude(choosing->where, seen)
                                         : verdict) == IMAPID_WHERE_CHOSEN;
}

void imapid_where_choose(const struct imapid_where *where, struct imapid_store *store,
                         struct imapid_store_view *view)
{
    struct choosing choosing = {.where = where, .view = view};

    if (asks_for_findings(where))
        find_changed(&choosing);
    imapid_store_choose(store, view, is_chosen, &choosing);
    imapid_store_reading_deinit(&choosing.reading);
    g_free(choosing.is_changed);
}
