/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_RESERVE_H
#define IMAPID_NET_RESERVE_H

#include <stddef.h>

/* Room for n items of `size` octets, not set; it costs memory as far as it is used, from its beginning on. To be freed
 * with free(). The process ends where the address space for it is not to be had. */
void *imapid_reserve(size_t n, size_t size);

#endif
