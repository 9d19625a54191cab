/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_ITEMS_H
#define IMAPID_ANSWER_ITEMS_H

#include "answer/fold.h"
#include "answer/legs.h"
#include "record/pool.h"

/* Every finding of all records with what it is about: those of exchanges, those of sessions, and
 * the one that needs two sessions side by side (changed-in-transit). */
struct imapid_item {
    enum imapid_finding_code code;
    enum imapid_side side; /* whose software it is about */
    const char *software;  /* name and version; NULL: it did not say */
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange; /* NULL: about the session */
    unsigned place;                                /* of the exchange; or IMAPID_STORE_NONE */
    const struct imapid_record_exchange *related;  /* the other leg; NULL: none */
    const char *file;                              /* where `frame` counts */
    uint64_t frame;                                /* 0: none of its own */
    int64_t ts_ns;
    const struct imapid_record_string *field, *value; /* NULL: about no field */
    enum imapid_lack lack;                            /* of required-by-server */
    const uint8_t *text; /* what was sent: raw list, text of the result, what changed; NULL: none */
    size_t n_text;
};

/* An item as it is kept: there may be millions. */
struct imapid_item_ref {
    uint32_t conn, exchange; /* places; or IMAPID_STORE_NONE */
    uint32_t software;       /* number + 1; 0: it did not say */
    uint32_t which;          /* of the findings of the exchange or session, or of the legs */
    uint8_t code, side, lack;
    bool is_of_leg;
};

struct imapid_items {
    const struct imapid_store_view *view;
    GArray *list;                  /* struct imapid_item_ref, in the order of the store */
    struct imapid_pool *softwares; /* numbers of `software` */
    uint32_t *ranks;               /* by number: their order */
    GArray *legs;                  /* struct imapid_leg: those that differ, in order */
    unsigned n_by_severity[IMAPID_SEVERITY_ERROR + 1];
    unsigned n_ignored;
};

/* `ignored` has a bit (1 << code) for each code to leave out; such items are counted in n_ignored. To be
 * freed with imapid_items_free(). The view must stay in its place until then; `fold` need not. */
struct imapid_items imapid_items_find(const struct imapid_store_view *view,
                                      const struct imapid_fold *fold, uint64_t ignored);
void imapid_items_free(struct imapid_items *items);

/* An item that was read. Begins as all 0. */
struct imapid_item_reading {
    struct imapid_item item;
    struct imapid_store_conn conn;
    struct imapid_store_reading exchange, related;
    GString *change;
};

/* All of an item; never NULL, good until the next one is read with the same `reading`, which is freed
 * with imapid_items_reading_deinit(). */
const struct imapid_item *imapid_items_read(const struct imapid_items *items,
                                            const struct imapid_item_ref *ref,
                                            struct imapid_item_reading *reading);
void imapid_items_reading_deinit(struct imapid_item_reading *reading);

/* The items for which `wanted` says so (NULL: all) in the order of `compare`, which is given
 * references and the items, and looks at nothing but code, side, lack and software of a reference; of
 * two that are equal the first in the store comes first. References, to be freed with g_array_unref(). */
GArray *imapid_items_sort(const struct imapid_items *items,
                          bool (*wanted)(const struct imapid_item_ref *ref),
                          int (*compare)(const void *a, const void *b, void *items));

static inline const struct imapid_item_ref *imapid_items_at(const GArray *sorted, guint i)
{
    return &g_array_index(sorted, struct imapid_item_ref, i);
}

/* Items of one finding about one side: places in a list that is sorted by kind, from `first` to before `end`. */
struct imapid_item_kind {
    guint first, end;
    unsigned n_conns; /* each counted once, whatever programs it has */
    uint8_t code, side, lack;
};

static inline enum imapid_severity imapid_item_kind_severity(const struct imapid_item_kind *kind)
{
    return imapid_finding_severity((enum imapid_finding_code)kind->code);
}

/* For imapid_items_sort(): the worst first; those of a kind and program together. */
int imapid_items_compare_by_kind(const void *a, const void *b, void *items);

/* Connections of the items from `first` to before `end` that do not have this mark (not 0) in `seen`, which has a place for each of
 * the store; now they have. */
unsigned imapid_items_mark_conns(const GArray *sorted, guint first, guint end, uint32_t *seen,
                                 uint32_t mark);

/* The kinds of that list, which is of a store of so many connections: the worst first, then those of most connections. Of struct
 * imapid_item_kind, to be freed with g_array_unref(). */
GArray *imapid_items_list_kinds(const GArray *sorted, unsigned n_conns);

/* The file in which the frame of imapid_record_when() counts. */
const char *imapid_items_first_file(const struct imapid_record_exchange *exchange);

/* What was sent, in one line for people: `field "value"`, or the text; nothing where there is
 * nothing to show. At most `max` columns or so, 0 being no limit. */
void imapid_items_spell_evidence(GString *out, const struct imapid_item *item, size_t max);

/* What a person is told of an item: a sentence, static. */
const char *imapid_items_message(const struct imapid_item *item);

#endif
