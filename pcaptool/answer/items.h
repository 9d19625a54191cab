/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_ITEMS_H
#define IMAPID_ANSWER_ITEMS_H

#include "answer/fold.h"
#include "answer/legs.h"

/* Every finding of all records with what it is about: those of exchanges, those of sessions, and
 * the one that needs two sessions side by side (changed-in-transit). */
struct imapid_item {
    enum imapid_finding_code code;
    enum imapid_side side; /* whose software it is about */
    const char *software;  /* name and version; NULL: it did not say */
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange; /* NULL: about the session */
    const struct imapid_record_exchange *related;  /* the other leg; NULL: none */
    const char *file;                              /* where `frame` counts */
    uint64_t frame;                                /* 0: none of its own */
    int64_t ts_ns;
    const struct imapid_record_string *field, *value; /* NULL: about no field */
    const uint8_t *text; /* what was sent: raw list, text of the result, what changed; NULL: none */
    size_t n_text;
};

struct imapid_items {
    GArray *list;         /* struct imapid_item, in the order of the store */
    GPtrArray *softwares; /* what their `software` points to */
    GPtrArray *changes;   /* and the `text` of those of two legs */
    unsigned n_by_severity[IMAPID_SEVERITY_ERROR + 1];
    unsigned n_ignored;
};

/* `ignored` has a bit (1 << code) for each code to leave out. Free with imapid_items_free(). */
struct imapid_items imapid_items_find(const struct imapid_store_view *view,
                                      const struct imapid_fold *fold, uint64_t ignored);
void imapid_items_free(struct imapid_items *items);

/* The file in which the frame of imapid_record_when() counts. */
const char *imapid_items_first_file(const struct imapid_record_exchange *exchange);

/* What was sent, in one line for people: `field "value"`, or the text; nothing where there is
 * nothing to show. At most `max` columns or so, 0 being no limit. */
void imapid_items_spell_evidence(GString *out, const struct imapid_item *item, size_t max);

#endif
