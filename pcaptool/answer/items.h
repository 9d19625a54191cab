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
    char *software;        /* name and version; NULL: it did not say */
    const struct imapid_store_conn *conn;
    const struct imapid_record_exchange *exchange; /* NULL: about the session */
    const struct imapid_record_exchange *related;  /* the other leg; NULL: none */
    const char *file;                              /* where `frame` counts */
    uint64_t frame;                                /* 0: none of its own */
    int64_t ts_ns;
    const struct imapid_record_string *field, *value; /* NULL: about no field */
    const uint8_t *text; /* what was sent: raw list, or text of the result; NULL: none */
    size_t n_text;
};

struct imapid_items {
    GArray *list; /* struct imapid_item, in the order of the store */
    unsigned n_by_severity[IMAPID_SEVERITY_ERROR + 1];
    unsigned n_ignored;
};

/* `ignored` has a bit (1 << code) for each code to leave out. Free with imapid_items_free(). */
struct imapid_items imapid_items_find(const struct imapid_store_view *view,
                                      const struct imapid_fold *fold, uint64_t ignored);
void imapid_items_free(struct imapid_items *items);

/* Who one side of a connection says it is, in this exchange or another one of the connection. NULL:
 * it does not. To be freed. */
char *imapid_items_software(const struct imapid_fold *fold, const struct imapid_store_conn *conn,
                            const struct imapid_record_exchange *exchange, enum imapid_side side);

/* The file in which the frame of imapid_record_when() counts. */
const char *imapid_items_first_file(const struct imapid_record_exchange *exchange);

/* What was sent, in one line for people: `field "value"`, or the text; nothing where there is
 * nothing to show. At most `max` columns or so, 0 being no limit. */
void imapid_items_spell_evidence(GString *out, const struct imapid_item *item, size_t max);

#endif
