/* SPDX-License-Identifier: GPL-2.0-or-later */
/* items.c: findings with their evidence. A finding of a record has a code, a side and perhaps a
 * field; the text it is about is looked up in the same record, so that an item says what a reader
 * would ask next: what was sent, by whom, where. */
#include "answer/items.h"

#include "record/spell.h"

#include <string.h>

static const struct imapid_record_half *half_of(const struct imapid_record_exchange *exchange,
                                                enum imapid_side side)
{
    return side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
}

/* ---- evidence ---- */

static bool same_octets(const struct imapid_record_string *a, const struct imapid_record_string *b)
{
    return a->n == b->n &&
           !g_ascii_strncasecmp((const char *)a->octets, (const char *)b->octets, a->n);
}

/* Which of several pairs of one name is meant: of duplicates the second, of values the longest. */
static const struct imapid_record_string *find_value(const struct imapid_record_half *half,
                                                     const struct imapid_record_finding *finding)
{
    const struct imapid_record_string *value = NULL;

    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];

        if (pair->field.is_nil || !same_octets(&pair->field, &finding->field))
            continue;
        if (!value || finding->code == IMAPID_FINDING_DUPLICATE_FIELD || pair->value.n > value->n)
            value = &pair->value;
    }
    return value;
}

static bool is_about_result(enum imapid_finding_code code)
{
    return code == IMAPID_FINDING_REFUSED || code == IMAPID_FINDING_REJECTED ||
           code == IMAPID_FINDING_NO_RESPONSE;
}

static void add_evidence(struct imapid_item *item, const struct imapid_record_finding *finding)
{
    const struct imapid_record_exchange *exchange = item->exchange;
    const struct imapid_record_half *half = half_of(exchange, item->side);

    if (!finding->field.is_nil) {
        item->field = &finding->field;
        item->value = find_value(half, finding);
    }
    if (is_about_result(item->code) && !exchange->text.is_nil) {
        item->text = exchange->text.octets;
        item->n_text = exchange->text.n;
    } else if (imapid_finding_is_form(item->code) && half->raw) {
        item->text = half->raw;
        item->n_text = half->n_raw;
    }
}

const char *imapid_items_first_file(const struct imapid_record_exchange *exchange)
{
    const char *file = exchange->command.seen    ? exchange->command.file
                       : exchange->response.seen ? exchange->response.file
                                                 : exchange->result_file;

    return file ? file : exchange->conn.file;
}

static void set_place(struct imapid_item *item)
{
    const struct imapid_record_exchange *exchange = item->exchange;
    const struct imapid_record_half *half = half_of(exchange, item->side);

    item->frame = imapid_record_when(exchange).number;
    item->file = imapid_items_first_file(exchange);
    if (is_about_result(item->code) && exchange->status != IMAPID_STATUS_NONE) {
        item->frame = exchange->result.number;
        item->file = exchange->result_file;
    } else if (half->seen) {
        item->frame = half->packet.number;
        item->file = half->file;
    }
    if (!item->file)
        item->file = exchange->conn.file;
    /* The time of a result is no part of a record: that of the exchange is what all have. */
    item->ts_ns = imapid_record_when(exchange).ts_ns;
}

void imapid_items_spell_evidence(GString *out, const struct imapid_item *item, size_t max)
{
    if (item->text) {
        imapid_spell_terminal(out, item->text, item->n_text, max);
        return;
    }
    if (!item->field)
        return;
    imapid_spell_terminal(out, item->field->octets, item->field->n, max);
    if (!item->value)
        return;
    if (item->value->is_nil) {
        g_string_append(out, " NIL");
        return;
    }
    g_string_append(out, " \"");
    imapid_spell_terminal(out, item->value->octets, item->value->n, max);
    g_string_append_c(out, '"');
}

/* ---- finding ---- */

struct finder {
    struct imapid_items items;
    const struct imapid_fold *fold;
    uint64_t ignored;
    /* Who the sides of the connection and of the exchange looked at last say they are: an exchange
     * may have many findings and a long name, a connection many exchanges without one. */
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange;
    const char *by_conn[2], *by_exchange[2];
};

static const char *keep_software(struct finder *finder, const struct imapid_record_half *half)
{
    char *software = imapid_fold_software(finder->fold, half);

    if (software)
        g_ptr_array_add(finder->items.softwares, software);
    return software;
}

static void look_at_conn(struct finder *finder, const struct imapid_store_conn *conn)
{
    finder->conn = conn;
    finder->exchange = NULL;
    for (int side = 0; side < 2; side++) {
        finder->by_conn[side] = NULL;
        for (unsigned i = 0; !finder->by_conn[side] && i < conn->n_exchanges; i++)
            finder->by_conn[side] =
                keep_software(finder, half_of(&conn->exchanges[i], (enum imapid_side)side));
    }
}

/* Who the side of an item says it is, in its exchange or else another one of the connection. */
static const char *find_software(struct finder *finder, const struct imapid_item *item)
{
    if (finder->conn != item->conn)
        look_at_conn(finder, item->conn);
    if (item->exchange && finder->exchange != item->exchange) {
        finder->exchange = item->exchange;
        for (int side = 0; side < 2; side++)
            finder->by_exchange[side] =
                keep_software(finder, half_of(item->exchange, (enum imapid_side)side));
    }
    if (item->exchange && finder->by_exchange[item->side])
        return finder->by_exchange[item->side];
    return finder->by_conn[item->side];
}

static void add(struct finder *finder, struct imapid_item *item)
{
    if (finder->ignored >> item->code & 1) {
        finder->items.n_ignored++;
        return;
    }
    item->software = find_software(finder, item);
    finder->items.n_by_severity[imapid_finding_severity(item->code)]++;
    g_array_append_val(finder->items.list, *item);
}

static void add_of_exchange(struct finder *finder, const struct imapid_store_conn *conn,
                            const struct imapid_record_exchange *exchange)
{
    for (unsigned i = 0; i < exchange->n_findings; i++) {
        const struct imapid_record_finding *finding = &exchange->findings[i];
        struct imapid_item item = {
            .code = finding->code, .side = finding->side, .conn = conn, .exchange = exchange};

        set_place(&item);
        add_evidence(&item, finding);
        add(finder, &item);
    }
}

static void add_of_session(struct finder *finder, const struct imapid_store_conn *conn)
{
    for (unsigned i = 0; conn->session && i < conn->session->n_findings; i++) {
        struct imapid_item item = {
            .code = conn->session->findings[i].code,
            .side = conn->session->findings[i].side,
            .conn = conn,
            .file = conn->conn.file,
            .ts_ns = conn->session->first_ns,
        };

        add(finder, &item);
    }
}

static void add_of_leg(struct finder *finder, const struct imapid_leg *leg)
{
    struct imapid_item item = {
        .code = IMAPID_FINDING_CHANGED_IN_TRANSIT,
        .side = IMAPID_CLIENT,
        .conn = leg->inner,
        .exchange = leg->inner_exchange,
        .related = leg->outer_exchange,
    };
    GString *change = g_string_new(NULL);

    imapid_legs_spell_change(change, leg);
    item.n_text = change->len;
    item.text = (const uint8_t *)g_string_free(change, FALSE);
    g_ptr_array_add(finder->items.changes, (void *)item.text);
    set_place(&item);
    add(finder, &item);
}

struct imapid_items imapid_items_find(const struct imapid_store_view *view,
                                      const struct imapid_fold *fold, uint64_t ignored)
{
    struct finder finder = {.fold = fold, .ignored = ignored};
    GArray *legs = imapid_legs_find(view);
    guint next = 0;

    finder.items.list = g_array_new(FALSE, FALSE, sizeof(struct imapid_item));
    finder.items.softwares = g_ptr_array_new_with_free_func(g_free);
    finder.items.changes = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < view->n_conns; i++) {
        const struct imapid_store_conn *conn = &view->conns[i];

        for (unsigned k = 0; k < conn->n_exchanges; k++)
            add_of_exchange(&finder, conn, &conn->exchanges[k]);
        add_of_session(&finder, conn);
        for (; next < legs->len && g_array_index(legs, struct imapid_leg, next).inner == conn;
             next++)
            if (g_array_index(legs, struct imapid_leg, next).differs)
                add_of_leg(&finder, &g_array_index(legs, struct imapid_leg, next));
    }
    g_array_unref(legs);
    return finder.items;
}

void imapid_items_free(struct imapid_items *items)
{
    g_array_unref(items->list);
    g_ptr_array_unref(items->softwares);
    g_ptr_array_unref(items->changes);
}
