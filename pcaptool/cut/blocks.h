/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_BLOCKS_H
#define IMAPID_CUT_BLOCKS_H

#include "capture/packet.h"

#include <glib.h>
#include <stddef.h>

/* Blocks of pcapng (draft-ietf-opsawg-pcapng), in the byte order of this machine. Each function appends one
 * to `out`, which holds whole blocks. */

/* The head of all that follows. The texts are UTF-8. */
void imapid_blocks_add_section(GByteArray *out, const char *application, const char *comment);

/* Do the n octets begin as that function writes them, with an application of which the name begins so? */
bool imapid_blocks_is_section_of(const uint8_t *octets, size_t n, const char *application);

/* What packets were captured from. */
void imapid_blocks_add_interface(GByteArray *out, const struct imapid_capture_interface *interface);

/* A packet of an interface, which was the one of this `number`, from 0, that was added. `options` are those it had;
 * `comment`, which is UTF-8, stands behind the comments among them; NULL: none. */
void imapid_blocks_add_packet(GByteArray *out, uint32_t number,
                              const struct imapid_capture_interface *interface,
                              const struct imapid_packet *packet,
                              const struct imapid_capture_options *options, const char *comment);

/* Where the number of the interface stands in the block of a packet. */
#define IMAPID_BLOCKS_INTERFACE 8u

/* Lines of a TLS key log. */
void imapid_blocks_add_secrets(GByteArray *out, const uint8_t *lines, size_t n);

#endif
