/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_GUNZIP_H
#define IMAPID_CAPTURE_GUNZIP_H

#include <stddef.h>
#include <stdint.h>

/* What one member of gzip holds, as zlib tells it, to the octet and in the same words, in half of its time. */
struct imapid_gunzip;

enum imapid_gunzip_status {
    IMAPID_GUNZIP_GOING_ON, /* all input was used, or all room */
    IMAPID_GUNZIP_END, /* of the member; what it held was given, and what follows it was not used */
    IMAPID_GUNZIP_BAD  /* what stood before the damage was given */
};

/* Before its first member. Never NULL. */
struct imapid_gunzip *imapid_gunzip_new(void);

/* The next member begins with the next octet. */
void imapid_gunzip_begin(struct imapid_gunzip *gunzip);

/* Reads from `*in` up to `in_end`, and moves `*in` behind what was used. Writes `*n_out` octets at most, and sets it to how
 * many those are. After END and BAD only begin() may follow. */
enum imapid_gunzip_status imapid_gunzip_read(struct imapid_gunzip *gunzip, const uint8_t **in,
                                             const uint8_t *in_end, uint8_t *out, size_t *n_out);

/* What is wrong, after BAD. */
const char *imapid_gunzip_get_error(const struct imapid_gunzip *gunzip);

/* NULL is allowed. */
void imapid_gunzip_free(struct imapid_gunzip *gunzip);

#endif
