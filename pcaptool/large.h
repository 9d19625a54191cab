/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_LARGE_H
#define IMAPID_LARGE_H

#include <stddef.h>

/* What takes megabytes lies in huge pages where the kernel has some: it is met in no order, and each small page
 * would cost a fault, and later a walk through the page table. */

/* n items of `size` octets, all zero; never NULL, to be freed with free(). */
void *imapid_large_new(size_t n, size_t size);

/* Room for n items of `size` octets, of which fewer may ever be used: not set; it costs memory as far as it is used,
 * from its beginning on. Never NULL, to be freed with free(). */
void *imapid_large_reserve(size_t n, size_t size);

#endif
