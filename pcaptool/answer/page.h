/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_PAGE_H
#define IMAPID_ANSWER_PAGE_H

#include "answer/items.h"

/* The report: one HTML page that needs nothing else. It works without scripts; the one script there
 * is sorts and searches. A policy in the page forbids everything but that script and that style,
 * by their hashes. */
struct imapid_page {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const char *version; /* of this program */
    bool is_complete;    /* every input could be read whole */
    bool is_redacted;
    unsigned n_threads; /* to compute it with; 0 is 1 */
};

/* Appends the whole page. */
void imapid_page_write(GString *out, const struct imapid_page *page);

/* Sections, each a file; page.c puts them together. */
void imapid_page_write_time(GString *out, const struct imapid_page *page);
void imapid_page_write_findings(GString *out, const struct imapid_page *page,
                                const struct imapid_items *items);
void imapid_page_write_privacy(GString *out, const struct imapid_page *page,
                               const struct imapid_items *items);
void imapid_page_write_chains(GString *out, const struct imapid_page *page);
void imapid_page_write_exchanges(GString *out, const struct imapid_page *page,
                                 const struct imapid_items *items);

/* A link to an exchange, file and frame being its text; plain text where its row is not shown. */
void imapid_page_write_place(GString *out, const struct imapid_page *page,
                             const struct imapid_item *item);

/* Exchanges whose rows are shown: the last ones, when there are more. */
#define IMAPID_PAGE_ROWS_MAX 2000

#endif
