/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TESTS_TLS_TRANSCRIPT_H
#define IMAPID_TESTS_TLS_TRANSCRIPT_H

#include "tls/tls.h"

#include <glib.h>

/* A session taken down by transcripts/make.py, and what imapid_tls makes of it. */

struct piece {
    int dir; /* 0 the client's */
    GByteArray *octets;
};

struct transcript {
    char *name;
    GString *keys;      /* as a key log */
    GPtrArray *pieces;  /* of struct piece */
    GString *said[2];   /* what was said inside */
    GHashTable *expect; /* word to value */
};

/* Every *.tls of the folder, sorted by name. */
GPtrArray *transcripts_load(void);
struct transcript *transcript_load(const char *name);
void transcript_free(struct transcript *transcript);

/* A copy whose every stretch of one direction is one piece. */
struct transcript *transcript_join(const struct transcript *transcript);

/* NULL: nothing was expected of it. */
const char *transcript_expects(const struct transcript *transcript, const char *word);

/* What came out. */
struct outcome {
    GPtrArray *data[2]; /* GString, one for each callback */
    GString *all[2];
    unsigned n_gaps[2], n_stopped[2], n_closed[2], n_readable[2], n_hellos;
    uint64_t last_stamp;
    struct imapid_tls_info info; /* its pointers are of no use any more */
    GString *names;              /* server name, "/", ALPN */
    enum imapid_tls_reason reason;
};

struct outcome *outcome_new(void);
void outcome_free(struct outcome *outcome);
struct imapid_tls_handler outcome_handler(struct outcome *outcome);

/* The end of a connection: finishes and frees it, and keeps what is known of it. */
void outcome_take(struct outcome *outcome, struct imapid_tls *tls);

/* Octets copied to a block of exactly their size, so that a sanitizer sees a step beyond. */
void feed(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n, uint64_t number);

/* A key log with the transcript's secrets. */
struct imapid_keylog *transcript_keylog(const struct transcript *transcript);

/* Runs it all, in pieces of at most n_chunk octets (0: as they came). */
struct outcome *transcript_run(const struct transcript *transcript, struct imapid_keylog *keylog,
                               size_t n_chunk);

#endif
