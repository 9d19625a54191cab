/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SHARE_H
#define IMAPID_SHARE_H

#include "cut/pick.h"
#include "net/decode.h"
#include "record/pseudonym.h"
#include "record/record.h"
#include "scrub/value.h"

/* Where a connection begins in what the user gave, to name it by that. */
struct imapid_share_place {
    const char *file; /* NULL: the one that is named anyway */
    uint64_t frame;
    int64_t first_ns;
    struct imapid_endpoint client, server;
};

/* Connections that were cut -> their sessions in the clear, masked, as packets of plain TCP. */
struct imapid_share {
    const struct imapid_pseudonyms *pseudonyms;
    const struct imapid_decode *decode;
    size_t n_memory;
    struct imapid_spill *spill;
    const GArray *places; /* struct imapid_share_place, of the connections that are read next */
    int64_t first_ns;     /* this moment becomes the first one of the year 2000 */
    /* struct imapid_pick *: what came of each connection, in the order of their ends; and its addresses and ports, as
     * GBytes. */
    GPtrArray *sessions, *ends;
    uint64_t n_sealed;  /* sessions that nobody could decrypt: of TLS only its form is shared */
    GPtrArray *origins; /* char *: through what each session came */
    uint64_t n_masked[IMAPID_N_MASKED]; /* values, by their places */
    uint64_t n_searched;                /* of them, that were looked for in what came out */
};

/* Reads a capture of chosen connections, which has their secrets, and adds what comes of each to `sessions`. A session
 * is masked, searched for what was masked, and read again: it has to be the same, but for what was masked. The
 * capture is closed. NULL, or why one of them cannot be shared, to be freed. */
char *imapid_share_read(struct imapid_share *share, struct imapid_capture *capture);

/* Reads a capture that was made of such sessions, and closes it. Records call it `file`. */
void imapid_share_read_again(const struct imapid_share *share, struct imapid_capture *capture,
                             const char *file, const struct imapid_record_sink *sink);

/* The block of the one interface that the packets of all sessions have. */
void imapid_share_add_interface(GByteArray *out);

#endif
