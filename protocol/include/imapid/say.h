/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.h: what became of a connection, in one sentence for a person, from a verdict and what it was made
 * of. Only what the capture shows is said. */
#ifndef IMAPID_SAY_H
#define IMAPID_SAY_H

#include <imapid/login.h>
#include <imapid/verdict.h>

#define IMAPID_SAY_MAX 640

/* The sentence holds the server's words as they were sent: to be escaped before it is shown. */
struct imapid_say {
    /* A frame as its file counts, 0: it is in another file; NULL: frames are what they are. */
    uint64_t (*locate)(const void *ctx, uint64_t frame);
    const void *ctx;
    size_t n;
    uint8_t octets[IMAPID_SAY_MAX]; /* not NUL-terminated; cut where there is no more room */
};

/* Fills `say`, whose two first members are set. `login` is NULL where the session was not read. */
void imapid_say(struct imapid_say *say, const struct imapid_outcome *outcome,
                const struct imapid_login *login, const struct imapid_verdict_facts *facts,
                const struct imapid_verdict *verdict);

#endif
