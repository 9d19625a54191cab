/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claims.h: where connections of a capture began, and for whom they claim to speak. */
#ifndef IMAPID_DISSECTOR_CLAIMS_H
#define IMAPID_DISSECTOR_CLAIMS_H

#include <imapid/legs.h>

#include "stream.h"

/* Session ids that are remembered of a connection, and how long each may be: a proxied session has
 * one, and what is remembered for others is kept even when the connection gives way. */
#define IMAPID_CLAIMS_N_IDS_MAX 16
#define IMAPID_CLAIMS_ID_MAX    1024

/* A connection on which a session id was sent. File scope. */
struct imapid_claims_carrier {
    struct imapid_stream *stream;
    const struct imapid_ident *command;
};

/* The pairs of one command. The caller's, to be freed with imapid_claims_forget_pairs(). */
struct imapid_claims_pairs {
    struct imapid_leg_pair *list;
    unsigned n;
    uint8_t *octets; /* to which they point */
};

void imapid_claims_register(void);

/* Reads the list of a command, with escapes undone. */
struct imapid_claims_pairs imapid_claims_read_pairs(const struct imapid_ident *command);
void imapid_claims_forget_pairs(struct imapid_claims_pairs *pairs);

/* Remembers the client's end of a connection: its own, or the one that a proxy's header names.
 * Called once for each. */
void imapid_claims_note_end(struct imapid_stream *stream, const struct imapid_end *end);

/* Remembers what a proxy says in an ID command of a connection. Called once for each. */
void imapid_claims_note_command(struct imapid_stream *stream, struct imapid_ident *command);

/* The streams that began at the end a claim names; NULL: there are none. File scope. */
wmem_list_t *imapid_claims_find_by_end(const struct imapid_leg_claim *claim);

/* The carriers (struct imapid_claims_carrier) of its session id; NULL: there are none. File scope. */
wmem_list_t *imapid_claims_find_by_id(const struct imapid_leg_claim *claim);

#endif
