/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TLS_INFLATE_H
#define IMAPID_TLS_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One direction of a connection after COMPRESS DEFLATE (RFC 4978): raw DEFLATE (RFC 1951) in,
 * inflated octets out, as they come.
 *
 * Memory is that of zlib's window and state, about 40 KiB, taken at the first octet and given back
 * when the stream stops. What a small input may inflate to is not limited, because nothing of it
 * is kept: each piece is handed out and forgotten. */
struct imapid_inflate;

enum imapid_inflate_state {
    IMAPID_INFLATE_GOING,
    IMAPID_INFLATE_ENDED,   /* the stream's final block is over: RFC 4978 has none, but some end
                               with one at logout. What follows is not looked at */
    IMAPID_INFLATE_DAMAGED, /* the octets are not DEFLATE; what came before was given out */
    IMAPID_INFLATE_LOST,    /* after a gap nothing can be inflated: every octet may refer to what is
                               missing */
    IMAPID_INFLATE_STOPPED  /* output() said so */
};

/* The next inflated octets: 0 < n <= IMAPID_INFLATE_PIECE, good during the call only. False stops
 * the stream for good. Must not call back into the object. */
#define IMAPID_INFLATE_PIECE 16384
struct imapid_inflate_handler {
    bool (*output)(void *ctx, const uint8_t *octets, size_t n);
    void *ctx;
};

/* The handler is copied. */
struct imapid_inflate *imapid_inflate_new(const struct imapid_inflate_handler *handler);

/* The next n octets of the direction. Everything that can be inflated of them is given out before
 * the call returns, whatever kind of flush, or none, the sender made. */
enum imapid_inflate_state imapid_inflate_data(struct imapid_inflate *inflate, const uint8_t *octets,
                                              size_t n);

/* Octets are missing here: the stream stops. */
enum imapid_inflate_state imapid_inflate_gap(struct imapid_inflate *inflate);

/* The state that the last call returned; GOING before the first. */
enum imapid_inflate_state imapid_inflate_get_state(const struct imapid_inflate *inflate);

/* "the octets are not DEFLATE" and the like; a constant. */
const char *imapid_inflate_get_text(const struct imapid_inflate *inflate);

/* Octets of memory that it holds, zlib's included. */
size_t imapid_inflate_count_memory(const struct imapid_inflate *inflate);

/* NULL is allowed. */
void imapid_inflate_free(struct imapid_inflate *inflate);

#endif
