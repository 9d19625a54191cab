/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unwrap.c: out of DEFLATE, or out of the security layer of SASL.
 *
 * Refuses: a layer of SASL that is closed (encrypted), and one layer in the other.
 *
 * Misuse: opening octets behind a hole. */
#include "unwrap.h"

#include <string.h>

static bool read_sasl(struct imapid_share *share, struct imapid_sasl *sasl, const uint8_t *octets,
                      size_t n, uint8_t **text, size_t *n_text)
{
    struct imapid_slice run;
    size_t n_used;

    *text = n ? (uint8_t *)imapid_budget_alloc(share, n) : NULL;
    while (n && imapid_sasl_read(sasl, octets, n, &n_used, &run)) {
        memcpy(*text + *n_text, octets + run.offset, run.n);
        *n_text += run.n;
        octets += n_used;
        n -= n_used;
    }
    return !sasl->is_closed;
}

bool imapid_unwrap(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                   size_t n, uint8_t **text, size_t *n_text)
{
    struct imapid_direction *direction = &stream->directions[side];

    *text = NULL;
    *n_text = 0;
    if (stream->is_wrapped && stream->is_compressed)
        return false;
    if (stream->is_wrapped)
        return read_sasl(stream->share, &direction->sasl, octets, n, text, n_text);
    if (!direction->inflate)
        direction->inflate = imapid_deflate_new(stream->share);
    return direction->inflate &&
           imapid_deflate_read(direction->inflate, stream->share, octets, n, text, n_text);
}
