/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_UNREADABLE_H
#define IMAPID_ANSWER_UNREADABLE_H

#include "answer/store.h"

/* What could not be looked into: an answer says it, so that nobody takes silence for health. */

/* Is there something in the connection that could not be read (TLS without a key and the like)? */
bool imapid_unreadable_is_conn(const struct imapid_store_conn *conn);

/* Has its client surely sent no ID so far? All was read from the first octet on, and all exchanges that its session counts are
 * among the records. `sent`: one of them has the command. A session that has not ended may yet bring one. */
bool imapid_unreadable_is_silent(const struct imapid_store_conn *conn, bool sent);

/* The same as imapid_unreadable_is_conn() of the connection at a place of the view, which is read into *conn if it is so. */
bool imapid_unreadable_read(const struct imapid_store_view *view, unsigned index,
                            struct imapid_store_conn *conn);

/* Captures that could not be read whole, as their records say. */
unsigned imapid_unreadable_count_failed(const struct imapid_store_view *view);

/* How many of them there are. */
uint64_t imapid_unreadable_count(const struct imapid_store_view *view);

/* Was something there, and nothing of it could be read: every connection is unread and has no
 * exchange, or all packets of a capture are of link types that nobody reads? */
bool imapid_unreadable_is_all(const struct imapid_store_view *view);

/* "2 of 3 connections could not be looked into: no-key 2"; or that a capture is of unknown link
 * types, or that octets are missing. Appends nothing where all was read. What JSON Lines brought is made safe for terminals. */
void imapid_unreadable_spell(GString *out, const struct imapid_store_view *view);

/* Why sessions could not be read: array of struct imapid_unreadable_reason, in the order of words, to
 * be freed with g_array_unref(). */
struct imapid_unreadable_reason {
    const char *word; /* of the store */
    uint64_t n;
};
GArray *imapid_unreadable_count_reasons(const struct imapid_store_view *view);

/* The same as a JSON object: {"no-key":2} */
void imapid_unreadable_spell_reasons(GString *out, const struct imapid_store_view *view);

/* What was not read between the wire and TCP, by kind, the largest first: array of struct
 * imapid_record_unread, whose words are the store's; to be freed with g_array_unref(). */
GArray *imapid_unreadable_list_kinds(const struct imapid_store_view *view);

#endif
