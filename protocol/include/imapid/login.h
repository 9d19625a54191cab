/* SPDX-License-Identifier: GPL-2.0-or-later */
/* login.h: what commands other than ID tell of a session: how it logs in, whether quoted strings may
 * hold UTF-8, and what a server that wants an ID may lack. It reads units one by one;
 * what was missed is simply not known. No user name and no secret is kept. */
#ifndef IMAPID_LOGIN_H
#define IMAPID_LOGIN_H

#include <imapid/unit.h>

/* What a server that asks for an ID may lack. */
enum imapid_lack {
    IMAPID_LACK_NOTHING,  /* it had an ID with a value, sent after login and answered OK */
    IMAPID_LACK_ID,       /* none was sent */
    IMAPID_LACK_NAME,     /* the last one was NIL, or without a value */
    IMAPID_LACK_LOGIN,    /* it came before the login */
    IMAPID_LACK_APPROVAL, /* it was answered NO or BAD */
    IMAPID_N_LACKS
};

/* One attempt to log in. */
struct imapid_auth {
    const char *mechanism;   /* a SASL mechanism that is known by name, "LOGIN" also for the command
                                of that name; else "other". Static. */
    enum imapid_word status; /* OK, NO or BAD; UNKNOWN: its answer was not seen */
    bool cleartext_password; /* a password crossed the network unencrypted */
};

/* Attempts that are kept: past this many the last place is that of the newest. */
#define IMAPID_AUTHS_MAX 4

/* Commands that wait for their answer here; past this many the oldest is forgotten. */
#define IMAPID_LOGIN_WAITING_MAX 8

/* What of a LOGIN comes in literals, and is not looked at. */
enum imapid_login_rest {
    IMAPID_LOGIN_REST_NONE, /* nothing, or nobody knows whether it came */
    IMAPID_LOGIN_REST_PASSWORD,
    IMAPID_LOGIN_REST_ALL, /* the name of the user; then the password, in whatever form */
};

struct imapid_login_waiting {
    struct imapid_tag tag;
    struct imapid_auth attempt; /* if it is tentative */
    unsigned n_lines;           /* of data that the client sent for it */
    enum imapid_word word : 8;
    uint8_t auth;      /* index of the attempt; not for ID, nor where it is tentative */
    bool is_tentative; /* it stands behind a hole: an attempt only if its tag is answered */
    enum imapid_login_rest rest : 8;
    enum imapid_lack lack : 8; /* ID: what it lacks if it is answered OK */
};

/* Read what stands before `n_waiting`. Begins as all 0. */
struct imapid_login {
    bool enabled_utf8; /* the server confirmed ENABLE of UTF8=ACCEPT or IMAP4rev2 */
    bool is_rev2_only; /* its last capability list has IMAP4rev2 and not IMAP4rev1 */
    bool had_id, had_good_id;
    enum imapid_lack lack; /* of the last ID; see imapid_login_get_lack() */
    unsigned n_auths;
    struct imapid_auth auths[IMAPID_AUTHS_MAX];
    unsigned n_waiting;
    struct imapid_login_waiting waiting[IMAPID_LOGIN_WAITING_MAX];
};

/* Takes a unit. `is_early`: nobody is logged in. `is_encrypted`: TLS protects it. `is_tentative`:
 * nothing has confirmed it yet; of such units only a login counts, from the answer to its tag on. */
void imapid_login_take(struct imapid_login *login, const struct imapid_unit *unit, bool is_early,
                       bool is_encrypted, bool is_tentative);

/* The literal that the last command announced was refused, or may be missing from the capture. */
void imapid_login_lose_literal(struct imapid_login *login);

/* Did a password cross the network unencrypted? */
bool imapid_login_has_cleartext_password(const struct imapid_login *login);

/* The mechanism of that name, whatever its case, as a static string; "other" where no table knows
 * it. */
const char *imapid_login_find_mechanism(const uint8_t *name, size_t n);

/* May quoted strings hold UTF-8 (RFC 6855 3, RFC 9051 4.3)? */
bool imapid_login_allows_utf8(const struct imapid_login *login);

/* What would a server lack that refused service now because of the ID? */
enum imapid_lack imapid_login_get_lack(const struct imapid_login *login);

#endif
