/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-proxy.c: headers of the PROXY protocol. What is one stays one, with the same meaning,
 * whatever comes behind it; and what is none does not become one. */
#include <imapid/proxy.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Octets between the members may differ. */
static bool is_same(const struct imapid_proxy_header *a, const struct imapid_proxy_header *b)
{
    return a->n == b->n && a->family == b->family && a->port == b->port &&
           !memcmp(a->address, b->address, sizeof a->address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct imapid_proxy_header whole, part;
    enum imapid_proxy_status status = imapid_proxy_parse(data, n, &whole);

    if (status == IMAPID_PROXY_OK && (!whole.n || whole.n > n))
        abort();
    for (size_t i = 0; i < n && i < 256; i++) {
        enum imapid_proxy_status early = imapid_proxy_parse(data, i, &part);

        if (early == IMAPID_PROXY_MORE)
            continue;
        if (early != status || (early == IMAPID_PROXY_OK && !is_same(&part, &whole)))
            abort();
    }
    return 0;
}
