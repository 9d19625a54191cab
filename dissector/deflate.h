/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deflate.h: one direction of COMPRESS=DEFLATE (RFC 4978: raw DEFLATE, RFC 1951). */
#ifndef IMAPID_DISSECTOR_DEFLATE_H
#define IMAPID_DISSECTOR_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"

/* DEFLATE can grow a thousandfold, and what comes out is kept until the capture is closed. So one
 * call may inflate to 4 MiB, which a TLS record or a segment of text stays far below; and all those
 * of a capture to 64 MiB more than 64 times their octets, which text does not reach. */
#define IMAPID_DEFLATE_MAX       (4 * 1024 * 1024)
#define IMAPID_DEFLATE_FREE      (64 * 1024 * 1024)
#define IMAPID_DEFLATE_RATIO_MAX 64

struct imapid_deflate;

/* Called once. */
void imapid_deflate_register(void);

/* It is gone with the share it counts to. NULL where zlib gives none. */
struct imapid_deflate *imapid_deflate_new(struct imapid_share *share);

/* Inflates the next `n` octets of the stream. *out is all that can be told
 * so far, *n_out octets that count to the share, NULL where it is none. False: what follows cannot be read (no DEFLATE,
 * over the limit, or it ended); what came before that is in *out, and no further call is to be
 * made. */
bool imapid_deflate_read(struct imapid_deflate *stream, struct imapid_share *share,
                         const uint8_t *octets, size_t n, uint8_t **out, size_t *n_out);

/* Were octets no DEFLATE? */
bool imapid_deflate_is_damaged(const struct imapid_deflate *stream);

#endif
