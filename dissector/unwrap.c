/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unwrap.c: out of DEFLATE, out of the security layer of SASL, or out of both: DEFLATE is inside
 * (RFC 4978 section 3).
 *
 * Refuses: a layer of SASL that is closed (encrypted).
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

static bool inflate(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                    size_t n, uint8_t **text, size_t *n_text)
{
    struct imapid_direction *direction = &stream->directions[side];

    if (!direction->inflate)
        direction->inflate = imapid_deflate_new(stream->share);
    return direction->inflate &&
           imapid_deflate_read(direction->inflate, stream->share, octets, n, text, n_text);
}

bool imapid_unwrap_last(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                        size_t n, uint8_t **text, size_t *n_text)
{
    *text = NULL;
    *n_text = 0;
    return stream->is_compressed
               ? inflate(stream, side, octets, n, text, n_text)
               : read_sasl(stream->share, &stream->directions[side].sasl, octets, n, text, n_text);
}

bool imapid_unwrap(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                   size_t n, uint8_t **text, size_t *n_text)
{
    uint8_t *wrapped = NULL;
    size_t n_wrapped = 0;
    bool is_open = true;

    if (!stream->is_wrapped || !stream->is_compressed)
        return imapid_unwrap_last(stream, side, octets, n, text, n_text);
    *text = NULL;
    *n_text = 0;
    is_open =
        read_sasl(stream->share, &stream->directions[side].sasl, octets, n, &wrapped, &n_wrapped);
    return (!n_wrapped || inflate(stream, side, wrapped, n_wrapped, text, n_text)) && is_open;
}
