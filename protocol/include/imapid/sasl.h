/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sasl.h: the security layer that a SASL mechanism may bring (RFC 4422 3.7): messages behind their
 * length. Of DIGEST-MD5 with integrity alone (RFC 2831 2.3) the text is readable; where it is
 * encrypted, as with GSSAPI and DIGEST-MD5 with confidentiality, it is not. */
#ifndef IMAPID_SASL_H
#define IMAPID_SASL_H

#include <stdbool.h>

#include <imapid/octets.h>

/* One direction. Begins as all 0; read `is_closed` alone. */
struct imapid_sasl {
    bool is_closed; /* it is encrypted, or damaged: nothing more of it can be read */
    unsigned n_head, n_judged;
    uint32_t length, n_text, n_mac; /* of the message: the last two are still to come */
};

/* Reads the next octets of a direction, without a hole. *n_used of them are used; *text is a run of
 * text in those. Returns false where there is none: then all octets are used up, or it is closed. */
bool imapid_sasl_read(struct imapid_sasl *sasl, const uint8_t *octets, size_t n, size_t *n_used,
                      struct imapid_slice *text);

#endif
