/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_REMEDY_H
#define IMAPID_ANSWER_REMEDY_H

#include "answer/items.h"

/* What a person needs to mend a finding: what was seen, what would be right, and what is to do. */
struct imapid_remedy {
    GString *seen; /* octets as sent, or words of the records; empty: there is nothing to show */
    gsize mark;    /* where in `seen` the wrong part begins */
    gsize n_mark;  /* 0: no part of it is the wrong one */
    GString
        *right; /* the line that should have been sent; empty: it does not follow from what was */
};

/* Fills *remedy, which is freed with imapid_remedy_deinit(). What is right was read again by the rules that
 * found the fault, and has none; and nothing that was sent is missing in it but what is the fault. */
void imapid_remedy_find(struct imapid_remedy *remedy, const struct imapid_item *item);
void imapid_remedy_deinit(struct imapid_remedy *remedy);

/* Why it matters: a sentence, static, never NULL. */
const char *imapid_remedy_why(enum imapid_finding_code code);

/* Appends for whom it is to act, and what: "For the client's vendor: write NIL for ...". */
void imapid_remedy_spell(GString *out, enum imapid_finding_code code, enum imapid_side side);

#endif
