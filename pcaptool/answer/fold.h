/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_FOLD_H
#define IMAPID_ANSWER_FOLD_H

#include "record/record.h"

/* Spellings of one product that are counted as one: fold.def, and what a user adds. */
struct imapid_fold;

/* One with the built-in table; never NULL. What its functions return is independent of it. */
struct imapid_fold *imapid_fold_new(void);
void imapid_fold_free(struct imapid_fold *fold);

/* Reads lines "FIELD: SPELLING = PRODUCT": FIELD as RFC 2971 spells it, a "*" at the end of
 * SPELLING for any rest, "#" for comments. They go before those that are there. False: *message, to
 * be freed with g_free(), names file and line; lines before that one are in the table. */
bool imapid_fold_read(struct imapid_fold *fold, const char *path, char **message);

/* A value as it is counted: UTF-8, spaces trimmed and collapsed, the table applied. Two values that
 * differ in case alone are still two: compare with imapid_fold_key(). Never NULL; to be freed with
 * g_free(). */
char *imapid_fold_value(const struct imapid_fold *fold, enum imapid_field field,
                        const struct imapid_record_string *value);

/* What stands for all spellings of a value that differ in case. Never NULL; to be freed with g_free(). */
char *imapid_fold_key(const char *value);

/* Who a list says it is, as one line: name and version, both folded; NULL where it has no name. To
 * be freed with g_free(). */
char *imapid_fold_software(const struct imapid_fold *fold, const struct imapid_record_half *half);

#endif
