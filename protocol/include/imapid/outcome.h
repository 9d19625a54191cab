/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outcome.h: what became of a session beside its ID exchanges: was its login refused, or its mailbox,
 * and did the server say BYE. It is told of units that are believed; what was missed is not known. */
#ifndef IMAPID_OUTCOME_H
#define IMAPID_OUTCOME_H

#include <imapid/unit.h>

enum imapid_refusal {
    IMAPID_REFUSAL_NONE,
    IMAPID_REFUSAL_LOGIN,   /* the last attempt to log in was answered NO or BAD */
    IMAPID_REFUSAL_MAILBOX, /* so was the last SELECT or EXAMINE, and none was ever answered OK */
    IMAPID_N_REFUSALS
};

/* Octets of the server's words that are kept. */
#define IMAPID_OUTCOME_TEXT_MAX 100

struct imapid_outcome_text {
    uint8_t n;
    bool cut; /* there was more of it, or what may be a password */
    uint8_t octets[IMAPID_OUTCOME_TEXT_MAX];
};

/* Begins as all 0. */
struct imapid_outcome {
    enum imapid_refusal refusal;
    enum imapid_word status; /* of the refusal: NO or BAD */
    bool has_bye;            /* the server said BYE, and no LOGOUT asked for it */
    bool has_opened;         /* a mailbox was opened */
    /* Of a login only a response code that is an atom ("[AUTHENTICATIONFAILED]"): what else a
     * server answers may quote the user's name or password. So with a BYE where a login is under
     * way or was refused. */
    struct imapid_outcome_text text, bye;
};

/* Takes the tagged response to a command that is known: its name, and the response. */
void imapid_outcome_answer(struct imapid_outcome *outcome, enum imapid_word command,
                           const struct imapid_unit *response);

/* Takes an untagged BYE that no LOGOUT asked for (RFC 9051 7.1.5). `is_login_open`: a login waits for
 * its answer. */
void imapid_outcome_bye(struct imapid_outcome *outcome, const struct imapid_unit *response,
                        bool is_login_open);

/* "login refused", "mailbox refused"; NULL for NONE. Static. */
const char *imapid_outcome_refusal(enum imapid_refusal refusal);

#endif
