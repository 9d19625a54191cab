/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_RESULT_H
#define IMAPID_RECORD_RESULT_H

#include "record/record.h"

/* What came of a connection, in a few words that fit into a column. */

/* The most columns that the words take. */
#define IMAPID_RESULT_COLUMNS 16

/* From the best to the worst kind. */
enum imapid_mark {
    IMAPID_MARK_GOOD,
    IMAPID_MARK_WARNING,
    IMAPID_MARK_UNREAD, /* could not be looked into, or does not show whether all was well */
    IMAPID_MARK_WRONG,  /* refused, closed by a peer, breaks the standard */
};

/* result.c has the words of each. */
enum imapid_result {
    IMAPID_RESULT_OK,
    IMAPID_RESULT_NO_ID,      /* seen whole, and none was sent */
    IMAPID_RESULT_NONE_SEEN,  /* not seen whole, and none was seen */
    IMAPID_RESULT_UNANSWERED, /* the ID was, and nobody said that all went wrong */
    IMAPID_RESULT_INCOMPLETE, /* octets of the ID are missing */
    IMAPID_RESULT_DOUBTED,
    IMAPID_RESULT_WARNED,
    IMAPID_RESULT_NO_LOGIN,     /* the client left before one; whether all was well is not known */
    IMAPID_RESULT_CAPTURE_ENDS, /* while an answer was due */
    IMAPID_RESULT_ONE_SIDE,
    IMAPID_RESULT_NO_KEY,
    IMAPID_RESULT_UNREAD, /* for another reason than a key */
    IMAPID_RESULT_BROKEN, /* a finding of severity error */
    IMAPID_RESULT_LOGIN,
    IMAPID_RESULT_MAILBOX,
    IMAPID_RESULT_ID,
    IMAPID_RESULT_STARTTLS,
    IMAPID_RESULT_COMMAND,
    IMAPID_RESULT_GREETING,
    IMAPID_RESULT_TLS,
    IMAPID_RESULT_CERTIFICATE,
    IMAPID_RESULT_NO_STARTTLS, /* not offered */
    IMAPID_RESULT_TLS_ON_PLAIN,
    IMAPID_RESULT_PLAIN_ON_TLS,
    IMAPID_RESULT_DEFLATE,
    IMAPID_RESULT_NOT_IMAP,
    IMAPID_RESULT_PORT_CLOSED,
    IMAPID_RESULT_PROHIBITED,
    IMAPID_RESULT_UNREACHABLE,
    IMAPID_RESULT_TIMEOUT,
    IMAPID_RESULT_STALLED,
    IMAPID_RESULT_LOST,
    IMAPID_RESULT_CLOSED_BY_CLIENT,
    IMAPID_RESULT_CLOSED_BY_SERVER,
    IMAPID_RESULT_RESET_BY_CLIENT,
    IMAPID_RESULT_RESET_BY_SERVER,
    IMAPID_RESULT_RESET_BY_NETWORK,
    IMAPID_RESULT_WRONG, /* in a way that has no words here */
    IMAPID_N_RESULTS
};

/* What is known of a connection when its result is told. */
struct imapid_result_facts {
    const struct imapid_record_session *session; /* NULL: its record did not come */
    bool has_id;                                 /* an ID command or response was seen */
    bool is_answered, is_complete;               /* the one that says who the client is */
    bool is_refused;                             /* NO, BAD or BYE was its answer */
    unsigned n_errors, n_warnings;               /* findings */
};

/* The worst that is to be told: what went wrong, an error, what was not read, a doubt, a warning. */
enum imapid_result imapid_result_of(const struct imapid_result_facts *facts);

/* What an outcome with a status went wrong by. */
enum imapid_result imapid_result_of_outcome(const struct imapid_record_outcome *outcome);

/* Do the words of the result tell all that this status of an outcome does? */
bool imapid_result_tells(const char *status);

enum imapid_mark imapid_result_mark(enum imapid_result result);

/* Appends at most IMAPID_RESULT_COLUMNS columns: "login refused", "ok, 2 warnings". */
void imapid_result_spell(GString *out, enum imapid_result result, unsigned n_warnings);

/* The same behind a number: "1 login refused", "2 logins refused". */
void imapid_result_spell_count(GString *out, enum imapid_result result, uint64_t n);

#endif
