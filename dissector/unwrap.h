/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unwrap.h: takes octets out of the layer in which a connection goes on after COMPRESS, or after a
 * mechanism of AUTHENTICATE. */
#ifndef IMAPID_DISSECTOR_UNWRAP_H
#define IMAPID_DISSECTOR_UNWRAP_H

#include "stream.h"

/* Opens the next `n` octets of a direction. *text, in file scope, are the *n_text octets that can be
 * told so far; NULL where there are none. False: what follows cannot be read. */
bool imapid_unwrap(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                   size_t n, uint8_t **text, size_t *n_text);

/* The same of octets that came before the layer that began last was known of: they are in that one
 * alone. */
bool imapid_unwrap_last(struct imapid_stream *stream, enum imapid_side side, const uint8_t *octets,
                        size_t n, uint8_t **text, size_t *n_text);

#endif
