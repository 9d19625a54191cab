/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_DETAIL_H
#define IMAPID_RECORD_DETAIL_H

#include "record/row.h"

/* A connection told at length: what happened in the order of its frames, with the pairs of its ID
 * lists, what was found, and how to open it in Wireshark. Gathered from its records as they come. */
struct imapid_detail;

/* To be freed with imapid_detail_free(). */
struct imapid_detail *imapid_detail_new(void);
void imapid_detail_free(struct imapid_detail *detail);

/* Takes an exchange of the connection. Nothing of the record is kept but copies. */
void imapid_detail_add_exchange(struct imapid_detail *detail,
                                const struct imapid_record_exchange *exchange,
                                const struct imapid_terminal *terminal);

/* One that is not told, but counted. */
void imapid_detail_leave_out(struct imapid_detail *detail);

/* Octets of memory that the exchanges take. */
gsize imapid_detail_count_memory(const struct imapid_detail *detail);

/* The same as imapid_detail_spell(), without the line for a shell and the empty line at the end; with findings
 * or, where these are told elsewhere, without. */
void imapid_detail_spell_course(GString *out, struct imapid_detail *detail,
                                const struct imapid_row *row,
                                const struct imapid_terminal *terminal, int64_t origin_ns,
                                bool has_findings);

/* Appends all of it, with what the row and the record of its session say. To be called once. */
void imapid_detail_spell(GString *out, struct imapid_detail *detail, const struct imapid_row *row,
                         const struct imapid_terminal *terminal, int64_t origin_ns);

#endif
