/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_KEYS_H
#define IMAPID_ANSWER_KEYS_H

#include "answer/fold.h"

/* The words for what records say: what can be counted by (--by), and chosen by (--where). */

struct imapid_key {
    int kind; /* an enum imapid_key_kind */
    enum imapid_side side;
    enum imapid_field field;
};

enum imapid_key_kind {
    IMAPID_KEY_FIELD, /* of a list: "client_name", "server_os" */
    IMAPID_KEY_SECURITY,
    IMAPID_KEY_STATE,
    IMAPID_KEY_STATUS,
    IMAPID_KEY_DAY,
    IMAPID_KEY_MONTH,
    IMAPID_KEY_FILE,
    IMAPID_KEY_SITE,
    IMAPID_KEY_CLIENT_IP,
    IMAPID_KEY_SERVER_IP,
    IMAPID_KEY_SERVER_PORT,
    IMAPID_KEY_TLS_VERSION,
    IMAPID_KEY_UNREAD,
    IMAPID_KEY_AUTH,
    /* These choose alone. */
    IMAPID_KEY_STREAM,
    IMAPID_KEY_CLIENT_PORT,
    IMAPID_KEY_ID,
    IMAPID_KEY_COMMUNITY_ID,
    IMAPID_KEY_FINDING,
    IMAPID_KEY_SEVERITY,
    IMAPID_KEY_DOUBT,
    IMAPID_KEY_TEXT,
    IMAPID_KEY_ENDED,
    IMAPID_KEY_OUTCOME,
    IMAPID_KEY_HEALTHY,
    IMAPID_KEY_IMAP,
    IMAPID_KEY_SNI,
    IMAPID_KEY_ALPN,
};

enum imapid_key_use { IMAPID_KEY_TO_COUNT, IMAPID_KEY_TO_CHOOSE };

/* The key of that name. False: there is none for this use, *key means nothing. */
bool imapid_key_find(const char *name, enum imapid_key_use use, struct imapid_key *key);

/* The names of all keys of this use. To be freed. */
char **imapid_key_list(enum imapid_key_use use);

/* What there is instead of a name that is none: "did you mean 'client_name'?"; of a name that both sides have, both; where
 * none is near, "there are: …". To be freed. */
char *imapid_key_help(const char *name, enum imapid_key_use use);

/* All words that its values may be, as imapid_key_visit() has them. NULL: they are no closed list. To be freed. */
char **imapid_key_list_words(const struct imapid_key *key);

/* Is it known with the first record of a connection, whichever that is, and stays as it is? */
bool imapid_key_is_of_conn(const struct imapid_key *key);

/* ---- the one value to be counted by ---- */

/* What a key says of a connection, whatever was read of it; at `ts_ns`. `session` NULL: there is none. False:
 * it asks for what exchanges say, *value is as it was. To be freed; NULL: it does not say. */
bool imapid_key_get_of_conn(const struct imapid_key *key, const struct imapid_record_conn *conn,
                            const struct imapid_record_session *session, int64_t ts_ns,
                            char **value);

/* The version of TLS under that security: "none" in the clear. NULL: not known. */
const char *imapid_key_get_tls_version(const struct imapid_record_session *session,
                                       enum imapid_security security);

/* ---- all values to be chosen by ---- */

/* One record of a connection. One of exchange and session is NULL. */
struct imapid_key_record {
    const struct imapid_record_conn *conn;
    const struct imapid_record_exchange *exchange;
    const struct imapid_record_session *session;
};

/* Calls `see` for each value of the key in the record: UTF-8 without NUL (U+FFFD stands for what is none), not empty, `n` octets and a NUL behind them. Values
 * that --by counts by are there as that spells them; a value of a list also as it was sent. `see` returns
 * false to see no more. */
void imapid_key_visit(const struct imapid_key *key, const struct imapid_fold *fold,
                      const struct imapid_key_record *record,
                      bool (*see)(void *ctx, const char *value, gsize n), void *ctx);

#endif
