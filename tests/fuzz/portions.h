/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FUZZ_PORTIONS_H
#define IMAPID_FUZZ_PORTIONS_H

#include <glib.h>
#include <stddef.h>
#include <string.h>

/* Octets that come in portions, as a pipe gives them. */
struct portions {
    const uint8_t *octets; /* what is left */
    size_t n, n_portion;
};

/* As read(): 0 at the end. `ctx` is a struct portions. */
static inline ptrdiff_t portions_read(void *ctx, uint8_t *octets, size_t n)
{
    struct portions *portions = ctx;

    n = MIN(MIN(n, portions->n_portion), portions->n);
    if (n)
        memcpy(octets, portions->octets, n);
    portions->octets += n;
    portions->n -= n;
    return (ptrdiff_t)n;
}

#endif
