/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_FOREIGN_H
#define IMAPID_CAPTURE_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A format that is known by its first octets and not read here. */
struct imapid_foreign {
    size_t at; /* where the magic stands */
    const char *magic;
    size_t n_magic;
    const char *format; /* as records name it; NULL: no capture */
    const char *what;   /* what it is, and what to do with it */
};

/* So many octets are looked at. */
#define IMAPID_FOREIGN_PEEK 262

/* NULL: none of the table. */
const struct imapid_foreign *imapid_foreign_find(const uint8_t *octets, size_t n);

#endif
