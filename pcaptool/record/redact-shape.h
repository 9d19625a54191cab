/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_REDACT_SHAPE_H
#define IMAPID_RECORD_REDACT_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which texts are harmless, by their shape: names of products, systems and vendors, versions,
 * dates, addresses of web pages. False for all else, whether or not it looks like a secret. */
enum imapid_shape {
    IMAPID_SHAPE_NAME,    /* may hold a version: "Windows 10", "Linux 6.1.0-13-amd64" */
    IMAPID_SHAPE_VERSION, /* may have four small numbers, as an IPv4 address has */
    IMAPID_SHAPE_DATE,    /* of IMAP, of mail, ISO 8601 */
};

/* Octets that are not UTF-8 count as Latin-1. Takes time in proportion to n. */
bool imapid_shape_is_harmless(enum imapid_shape shape, const uint8_t *octets, size_t n);

/* Is the word, whatever its case, one that names of software are made of? */
bool imapid_shape_is_product_word(const uint8_t *word, size_t n);

/* What of a URL is harmless: [0, n_scheme) and [host, end), that is, scheme, host and port, and the
 * first steps of the path. What stands between the two is a user. */
struct imapid_shape_url {
    size_t n_scheme; /* 0: it has none */
    size_t host;
    size_t end;
};

/* False where not even the host is harmless, or it is no URL of a page; then only n_scheme says
 * something. */
bool imapid_shape_read_url(struct imapid_shape_url *url, const uint8_t *octets, size_t n);

#endif
