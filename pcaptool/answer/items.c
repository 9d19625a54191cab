/* SPDX-License-Identifier: GPL-2.0-or-later */
/* items.c: findings with their evidence. A finding of a record has a code, a side and perhaps a
 * field. The text it is about is looked up in the same record, so that an item says what was
 * sent, by whom, and where.
 *
 * Refuses nothing.
 *
 * Misuse: moving or freeing the view while there are items. They point to it. */
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

/* By software, those without one first. */
static int compare_softwares(const struct imapid_items *items, const struct imapid_item_ref *a,
                             const struct imapid_item_ref *b)
{
    uint32_t rank_a = a->software ? items->ranks[a->software - 1] + 1 : 0;
    uint32_t rank_b = b->software ? items->ranks[b->software - 1] + 1 : 0;

    return (rank_a > rank_b) - (rank_a < rank_b);
}

/* The worst first. */
static int compare_severities(uint8_t code, uint8_t other)
{
    return (int)imapid_finding_severity((enum imapid_finding_code)other) -
           (int)imapid_finding_severity((enum imapid_finding_code)code);
}

int imapid_items_compare_by_kind(const void *a, const void *b, void *items)
{
    const struct imapid_item_ref *one = a, *other = b;
    int order = compare_severities(one->code, other->code);

    if (!order)
        order = (int)one->code - (int)other->code;
    if (!order)
        order = (int)one->lack - (int)other->lack;
    if (!order)
        order = (int)one->side - (int)other->side;
    return order ? order : compare_softwares(items, one, other);
}

static struct imapid_item_kind get_kind(const GArray *sorted, guint first)
{
    const struct imapid_item_ref *refs = (const struct imapid_item_ref *)(void *)sorted->data;
    struct imapid_item_kind kind = {.first = first,
                                    .end = first + 1,
                                    .code = refs[first].code,
                                    .side = refs[first].side,
                                    .lack = refs[first].lack};

    while (kind.end < sorted->len && refs[kind.end].code == kind.code &&
           refs[kind.end].side == kind.side && refs[kind.end].lack == kind.lack)
        kind.end++;
    return kind;
}

static int compare_kinds(const void *a, const void *b)
{
    const struct imapid_item_kind *one = a, *other = b;
    int order = compare_severities(one->code, other->code);

    if (!order)
        order = (one->n_conns < other->n_conns) - (one->n_conns > other->n_conns);
    return order ? order : (one->first > other->first) - (one->first < other->first);
}

unsigned imapid_items_mark_conns(const GArray *sorted, guint first, guint end, uint32_t *seen,
                                 uint32_t mark)
{
    const struct imapid_item_ref *refs = (const struct imapid_item_ref *)(void *)sorted->data;
    unsigned n = 0;

    for (guint i = first; i < end; i++) {
        n += seen[refs[i].conn] != mark;
        seen[refs[i].conn] = mark;
    }
    return n;
}

GArray *imapid_items_list_kinds(const GArray *sorted, unsigned n_conns)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(struct imapid_item_kind));
    uint32_t *seen = g_new0(uint32_t, n_conns + (gsize)1);

    for (guint i = 0; i < sorted->len;) {
        struct imapid_item_kind kind = get_kind(sorted, i);

        kind.n_conns = imapid_items_mark_conns(sorted, i, kind.end, seen, kinds->len + 1);
        i = kind.end;
        g_array_append_val(kinds, kind);
    }
    g_free(seen);
    g_array_sort(kinds, compare_kinds);
    return kinds;
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

/* ---- reading ---- */

static const struct imapid_leg *find_leg(const struct imapid_items *items, uint32_t index)
{
    return &g_array_index(items->legs, struct imapid_leg, index);
}

static void read_leg(const struct imapid_items *items, const struct imapid_leg *leg,
                     struct imapid_item_reading *reading)
{
    struct imapid_item *item = &reading->item;

    if (!reading->change)
        reading->change = g_string_new(NULL);
    g_string_truncate(reading->change, 0);
    imapid_legs_spell_change(reading->change, items->view, leg);
    item->place = leg->inner_exchange;
    item->exchange =
        imapid_store_read_exchange(items->view, leg->inner_exchange, &reading->exchange);
    if (leg->outer_exchange != IMAPID_STORE_NONE)
        item->related =
            imapid_store_read_exchange(items->view, leg->outer_exchange, &reading->related);
    item->text = (const uint8_t *)reading->change->str;
    item->n_text = reading->change->len;
    set_place(item);
}

const struct imapid_item *imapid_items_read(const struct imapid_items *items,
                                            const struct imapid_item_ref *ref,
                                            struct imapid_item_reading *reading)
{
    struct imapid_item *item = &reading->item;

    imapid_store_read_conn(items->view, ref->conn, &reading->conn);
    *item = (struct imapid_item){
        .code = (enum imapid_finding_code)ref->code,
        .side = (enum imapid_side)ref->side,
        .lack = (enum imapid_lack)ref->lack,
        .software =
            ref->software ? imapid_pool_get(items->softwares, ref->software - 1, NULL) : NULL,
        .conn = &reading->conn,
        .place = IMAPID_STORE_NONE,
    };
    if (ref->is_of_leg) {
        read_leg(items, find_leg(items, ref->which), reading);
    } else if (ref->exchange != IMAPID_STORE_NONE) {
        item->place = ref->exchange;
        item->exchange = imapid_store_read_exchange(items->view, ref->exchange, &reading->exchange);
        set_place(item);
        add_evidence(item, &item->exchange->findings[ref->which]);
    } else {
        item->file = reading->conn.conn.file;
        item->ts_ns = reading->conn.session.first_ns;
    }
    return item;
}

void imapid_items_reading_deinit(struct imapid_item_reading *reading)
{
    imapid_store_reading_deinit(&reading->exchange);
    imapid_store_reading_deinit(&reading->related);
    if (reading->change)
        g_string_free(reading->change, TRUE);
}

const char *imapid_items_message(const struct imapid_item *item)
{
    const struct imapid_record_finding finding = {.code = item->code, .lack = item->lack};

    return imapid_record_message(&finding);
}

/* ---- finding ---- */

/* What was found out about exchanges that say the same. */
struct saying {
    bool is_known;
    uint8_t n_findings;
    uint32_t first;       /* of its findings */
    uint32_t software[2]; /* by side, as in a reference */
};

struct finder {
    struct imapid_items items;
    const struct imapid_fold *fold;
    uint64_t ignored;
    struct saying *sayings;
    GArray *findings; /* code and side, two octets each */
    struct imapid_store_reading reading;
    uint32_t by_conn[2]; /* softwares of the connection in hand */
    bool is_conn_known;
};

static uint32_t keep_software(struct finder *finder, const struct imapid_record_half *half)
{
    char *software = imapid_fold_software(finder->fold, half);
    uint32_t number = 0;

    if (software)
        number = imapid_pool_add(finder->items.softwares, software, strlen(software)) + 1;
    g_free(software);
    return number;
}

static const struct saying *get_saying(struct finder *finder, unsigned place)
{
    struct saying *saying = &finder->sayings[imapid_store_get_said(finder->items.view, place)];
    const struct imapid_record_exchange *exchange;

    if (saying->is_known)
        return saying;
    exchange = imapid_store_read_exchange(finder->items.view, place, &finder->reading);
    saying->is_known = true;
    saying->first = finder->findings->len;
    saying->n_findings = (uint8_t)exchange->n_findings; /* at most IMAPID_FINDINGS_MAX */
    for (unsigned i = 0; i < exchange->n_findings; i++) {
        uint8_t finding[2] = {(uint8_t)exchange->findings[i].code,
                              (uint8_t)exchange->findings[i].side};

        g_array_append_val(finder->findings, finding);
    }
    for (int side = 0; side < 2; side++)
        saying->software[side] = keep_software(finder, half_of(exchange, (enum imapid_side)side));
    return saying;
}

/* Who the side of an item says it is, in its exchange or else another one of the connection. */
static uint32_t find_software(struct finder *finder, const struct imapid_item_ref *ref,
                              const struct saying *saying)
{
    struct imapid_store_span span;

    if (saying && saying->software[ref->side])
        return saying->software[ref->side];
    if (finder->is_conn_known)
        return finder->by_conn[ref->side];
    span = imapid_store_get_span(finder->items.view, ref->conn);
    for (int side = 0; side < 2; side++) {
        finder->by_conn[side] = 0;
        for (unsigned i = 0; !finder->by_conn[side] && i < span.n; i++)
            finder->by_conn[side] = get_saying(finder, span.first + i)->software[side];
    }
    finder->is_conn_known = true;
    return finder->by_conn[ref->side];
}

static void add(struct finder *finder, struct imapid_item_ref *ref, const struct saying *saying)
{
    enum imapid_finding_code code = (enum imapid_finding_code)ref->code;

    if (finder->ignored >> code & 1) {
        finder->items.n_ignored++;
        return;
    }
    ref->software = find_software(finder, ref, saying);
    finder->items.n_by_severity[imapid_finding_severity(code)]++;
    g_array_append_val(finder->items.list, *ref);
}

static void add_of_exchange(struct finder *finder, unsigned conn, unsigned place)
{
    const struct saying *saying = get_saying(finder, place);

    for (unsigned i = 0; i < saying->n_findings; i++) {
        const uint8_t *finding =
            (const uint8_t *)finder->findings->data + 2 * (saying->first + (gsize)i);
        struct imapid_item_ref ref = {
            .conn = conn, .exchange = place, .which = i, .code = finding[0], .side = finding[1]};

        add(finder, &ref, saying);
    }
}

static void add_of_session(struct finder *finder, unsigned index)
{
    struct imapid_store_conn conn;

    imapid_store_read_conn(finder->items.view, index, &conn);
    for (unsigned i = 0; i < conn.session.n_findings; i++) {
        struct imapid_item_ref ref = {.conn = index,
                                      .exchange = IMAPID_STORE_NONE,
                                      .which = i,
                                      .code = (uint8_t)conn.session.findings[i].code,
                                      .side = (uint8_t)conn.session.findings[i].side,
                                      .lack = (uint8_t)conn.session.findings[i].lack};

        add(finder, &ref, NULL);
    }
}

static void add_of_leg(struct finder *finder, uint32_t index)
{
    const struct imapid_leg *leg = find_leg(&finder->items, index);
    struct imapid_item_ref ref = {.conn = leg->inner,
                                  .exchange = leg->inner_exchange,
                                  .which = index,
                                  .is_of_leg = true,
                                  .code = IMAPID_FINDING_CHANGED_IN_TRANSIT,
                                  .side = IMAPID_CLIENT};

    add(finder, &ref, get_saying(finder, leg->inner_exchange));
}

static GArray *find_changed(const struct imapid_store_view *view)
{
    GArray *legs = imapid_legs_find(view);
    guint n = 0;

    for (guint i = 0; i < legs->len; i++)
        if (g_array_index(legs, struct imapid_leg, i).differs)
            g_array_index(legs, struct imapid_leg, n++) = g_array_index(legs, struct imapid_leg, i);
    g_array_set_size(legs, n);
    return legs;
}

struct imapid_items imapid_items_find(const struct imapid_store_view *view,
                                      const struct imapid_fold *fold, uint64_t ignored)
{
    struct finder finder = {
        .items = {.view = view,
                  .list = g_array_new(FALSE, FALSE, sizeof(struct imapid_item_ref)),
                  .softwares = imapid_pool_new(),
                  .legs = find_changed(view)},
        .fold = fold,
        .ignored = ignored,
        .sayings = g_new0(struct saying, view->n_said + (gsize)1),
        .findings = g_array_new(FALSE, FALSE, 2),
    };
    guint next = 0;

    for (unsigned i = 0; i < view->n_conns; i++) {
        struct imapid_store_span span = imapid_store_get_span(view, i);

        finder.is_conn_known = false;
        for (unsigned k = 0; k < span.n; k++)
            add_of_exchange(&finder, i, span.first + k);
        if (span.has_session)
            add_of_session(&finder, i);
        for (; next < finder.items.legs->len && find_leg(&finder.items, next)->inner == i; next++)
            add_of_leg(&finder, next);
    }
    g_free(finder.sayings);
    g_array_unref(finder.findings);
    imapid_store_reading_deinit(&finder.reading);
    finder.items.ranks = imapid_pool_rank_texts(finder.items.softwares);
    return finder.items;
}

void imapid_items_free(struct imapid_items *items)
{
    g_array_unref(items->list);
    g_array_unref(items->legs);
    imapid_pool_free(items->softwares);
    g_free(items->ranks);
}

/* ---- sorting ---- */

/* Items that no order tells apart. */
struct kind {
    struct imapid_item_ref ref; /* the first one */
    uint32_t number, n;
    uint32_t next; /* where the next one goes */
};

/* Their kinds, in the order of the first of each; *kinds_of has the number of each item's, or NONE. */
static GArray *find_kinds(const struct imapid_items *items,
                          bool (*wanted)(const struct imapid_item_ref *ref), uint32_t *kinds_of)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(struct kind));
    struct imapid_pool *keys = imapid_pool_new();

    for (guint i = 0; i < items->list->len; i++) {
        const struct imapid_item_ref *ref = &g_array_index(items->list, struct imapid_item_ref, i);
        uint32_t key[] = {ref->software, ref->code, ref->side, ref->lack};

        kinds_of[i] = IMAPID_STORE_NONE;
        if (wanted && !wanted(ref))
            continue;
        kinds_of[i] = imapid_pool_add(keys, key, sizeof key);
        if (kinds_of[i] == kinds->len) {
            struct kind kind = {.ref = *ref, .number = kinds_of[i]};

            g_array_append_val(kinds, kind);
        }
        g_array_index(kinds, struct kind, kinds_of[i]).n++;
    }
    imapid_pool_free(keys);
    return kinds;
}

/* Gives each kind the place of its first item; kinds that are the same in that order share theirs.
 * Returns which kind has the counter of each. */
static uint32_t *place_kinds(GArray *kinds,
                             int (*compare)(const void *a, const void *b, void *items),
                             const struct imapid_items *items)
{
    uint32_t *counters = g_new0(uint32_t, kinds->len + (gsize)1), place = 0;
    guint leader = 0;

    g_array_sort_with_data(kinds, compare, (void *)items); /* a kind begins with a reference */
    for (guint i = 0; i < kinds->len; i++) {
        struct kind *kind = &g_array_index(kinds, struct kind, i);

        if (compare(&g_array_index(kinds, struct kind, leader), kind, (void *)items))
            leader = i;
        kind->next = place;
        counters[kind->number] = leader;
        place += kind->n;
    }
    return counters;
}

/* There are few kinds of many items, so only kinds are compared. */
GArray *imapid_items_sort(const struct imapid_items *items,
                          bool (*wanted)(const struct imapid_item_ref *ref),
                          int (*compare)(const void *a, const void *b, void *items))
{
    GArray *sorted = g_array_new(FALSE, FALSE, sizeof(struct imapid_item_ref));
    uint32_t *kinds_of = g_new0(uint32_t, items->list->len + (gsize)1);
    GArray *kinds = find_kinds(items, wanted, kinds_of);
    uint32_t *counters = place_kinds(kinds, compare, items);
    guint n = 0;

    for (guint i = 0; i < kinds->len; i++)
        n += g_array_index(kinds, struct kind, i).n;
    g_array_set_size(sorted, n);
    for (guint i = 0; i < items->list->len; i++) {
        struct kind *kind;

        if (kinds_of[i] == IMAPID_STORE_NONE)
            continue;
        kind = &g_array_index(kinds, struct kind, counters[kinds_of[i]]);
        g_array_index(sorted, struct imapid_item_ref, kind->next++) =
            g_array_index(items->list, struct imapid_item_ref, i);
    }
    g_array_unref(kinds);
    g_free(kinds_of);
    g_free(counters);
    return sorted;
}
