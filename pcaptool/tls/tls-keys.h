/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_TLS_KEYS_H
#define IMAPID_TLS_TLS_KEYS_H

#include "tls/tls-flow.h"

/* Which key opens a record. */

/* What came of a record. */
enum imapid_tls_result {
    IMAPID_TLS_TAKEN,  /* read, or passed over */
    IMAPID_TLS_WAIT,   /* no secret fits it, and one may come: nothing was changed */
    IMAPID_TLS_PASSED, /* no secret fits it, but it is one of which that was to be expected, or the
                          first of few: passed over */
    IMAPID_TLS_FAILED  /* no secret fits it, and none is waited for */
};

/* Makes a protected epoch begin: its keys are to be found with its first record. */
void imapid_tls_change_epoch(struct imapid_tls *tls, int dir, enum imapid_tls_epoch epoch);

/* 1.3: the sender goes on to the next traffic secret. */
void imapid_tls_update_keys(struct imapid_tls *tls, int dir);

/* Names a session by its ticket; by none where n is 0. */
void imapid_tls_set_ticket(struct imapid_tls_session *session, const uint8_t *ticket, size_t n);

/* Is the record of n octets, header included, authentic under the keys the direction has or could
 * have by now? True: it is read to *content, the keys are in use and the sequence number counts
 * on. False: nothing was changed; *reason says why. */
bool imapid_tls_try(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n,
                    struct imapid_tls_content *content, enum imapid_tls_reason *reason);

/* The same of a record that stands where one has to stand, in a protected epoch: if it cannot be
 * read the direction takes note. FAILED: *reason says why. */
enum imapid_tls_result imapid_tls_decrypt(struct imapid_tls *tls, int dir, const uint8_t *record,
                                          size_t n, struct imapid_tls_content *content,
                                          enum imapid_tls_reason *reason);

/* That many octets in records of unknown number are missing; 0: nobody knows how many. */
void imapid_tls_lose_records(struct imapid_tls *tls, int dir, uint64_t n_lost);

#endif
