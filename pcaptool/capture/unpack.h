/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_UNPACK_H
#define IMAPID_CAPTURE_UNPACK_H

#include "capture/window.h"

/* What a compressed stream holds: gzip, zstd, xz, lz4 and bzip2, any number of members or frames
 * behind each other. Nothing is held but the decoder's own window and what `packed` holds. */
struct imapid_unpack;

/* So many octets say whether a stream is compressed. */
#define IMAPID_UNPACK_PEEK 6

/* Do these first octets begin a compressed stream? With fewer than IMAPID_UNPACK_PEEK octets false where
 * they do not tell. */
bool imapid_unpack_is_packed(const uint8_t *octets, size_t n);

/* Over a window that begins with a compressed stream, and that must outlive the object. Never NULL. */
struct imapid_unpack *imapid_unpack_new(struct imapid_window *packed);

/* As the read() of struct imapid_window_source: what could be decoded comes before the failure. */
ptrdiff_t imapid_unpack_read(void *unpack, uint8_t *octets, size_t n);

/* What is wrong with the compressed stream, and at which octet of it; NULL when nothing is. */
const char *imapid_unpack_get_error(const struct imapid_unpack *unpack, uint64_t *place);

/* NULL is allowed. */
void imapid_unpack_free(struct imapid_unpack *unpack);

#endif
