/* SPDX-License-Identifier: GPL-2.0-or-later */
/* certificate.h: what a person is told of a server's certificate (X.509, RFC 5280) that a client refused.
 * Nothing of it is verified: it is what the server sent. */
#ifndef IMAPID_CERTIFICATE_H
#define IMAPID_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAPID_CERTIFICATE_NAME 64

struct imapid_certificate {
    /* Seconds since 1970; both are 0 where one could not be read. */
    int64_t not_before, not_after;
    /* For whom, and by whom: the first DNS name, or else the common name; the common name of the issuer, or else
     * its organization. Printable ASCII, longer ones cut; "" where there is none. */
    char name[IMAPID_CERTIFICATE_NAME], issuer[IMAPID_CERTIFICATE_NAME];
    bool is_own_issuer;  /* issuer and subject are the same */
    bool is_for_another; /* all its names were read, and none is the one that was wanted */
};

/* Octets of a Certificate message that are worth keeping: the server's own comes first, and what is read of it
 * stands before its key, but for the DNS names. */
#define IMAPID_CERTIFICATE_MAX 4096

/* Reads the first certificate of a Certificate message (RFC 5246 7.4.2, RFC 8446 4.4.2 where `is_13`) of which
 * the first `n` octets are there. `wanted`: the `n_wanted` octets of the name that it should be for; NULL: none. False: it has none, or no X.509; *certificate means nothing. */
bool imapid_certificate_read(const uint8_t *message, size_t n, bool is_13, const uint8_t *wanted,
                             size_t n_wanted, struct imapid_certificate *certificate);

#endif
