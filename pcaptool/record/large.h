/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_LARGE_H
#define IMAPID_RECORD_LARGE_H

#include <stddef.h>

/* n items of `size` octets, all zero; never NULL, to be freed with free(). What takes megabytes lies in huge
 * pages where the kernel has some: it is met in no order, and in small pages most of it would cost a walk
 * through the page table, too. */
void *imapid_large_new(size_t n, size_t size);

#endif
