/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_ORDER_H
#define IMAPID_ANSWER_ORDER_H

#include "answer/keep.h"

/* The order of the store. Each function returns less than 0, 0, or more, as strcmp() does. */

/* By file, place in it, addresses. */
int imapid_order_compare_conns(const struct imapid_keep *keep, const struct imapid_kept_conn *a,
                               const struct imapid_kept_conn *b);

/* Two struct imapid_kept_exchange, by connection and time; of two states of one exchange the later one
 * comes first. */
int imapid_order_compare_exchanges(const struct imapid_keep *keep, const void *a, const void *b);

/* Is `next`, which comes behind `kept`, the same, or what was seen of it in a capture that was still
 * being written? */
bool imapid_order_is_same_exchange(const struct imapid_keep *keep, const void *kept,
                                   const void *next);

/* The same for two struct imapid_kept_session: of two states of one connection the later one comes first. */
int imapid_order_compare_sessions(const struct imapid_keep *keep, const void *a, const void *b);
bool imapid_order_is_same_session(const struct imapid_keep *keep, const void *kept,
                                  const void *next);

/* Two struct imapid_record_capture: 0 where they are the same. */
int imapid_order_compare_captures(const void *a, const void *b);

#endif
