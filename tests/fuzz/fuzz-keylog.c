/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A text, added whole and again in two parts at a line end: the same must be found. */

#include "tls/keylog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Every random that stands in the text is looked up in both. */
static void compare(struct imapid_keylog *a, struct imapid_keylog *b, const uint8_t *random)
{
    for (int kind = 0; kind < IMAPID_N_SECRET_KINDS; kind++) {
        struct imapid_secret in_a[IMAPID_KEYLOG_BATCH], in_b[IMAPID_KEYLOG_BATCH];
        unsigned n = imapid_keylog_find(a, random, (enum imapid_secret_kind)kind, 0, in_a);

        check(n == imapid_keylog_find(b, random, (enum imapid_secret_kind)kind, 0, in_b));
        for (unsigned i = 0; i < n; i++)
            check(in_a[i].n == in_b[i].n && memcmp(in_a[i].octets, in_b[i].octets, in_a[i].n) == 0);
    }
    for (int kind = 0; kind < IMAPID_N_LONG_KINDS; kind++)
        check(imapid_keylog_count_long(a, (enum imapid_long_kind)kind, random) ==
              imapid_keylog_count_long(b, (enum imapid_long_kind)kind, random));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imapid_keylog *whole = imapid_keylog_new(), *parts = imapid_keylog_new();
    const uint8_t *newline = size ? memchr(data + size / 2, '\n', size - size / 2) : NULL;
    size_t n_first = newline ? (size_t)(newline + 1 - data) : size;
    struct imapid_keylog_counts counts;
    static const uint8_t zero[IMAPID_TLS_RANDOM];

    imapid_keylog_add(whole, data, size);
    imapid_keylog_add(parts, data, n_first);
    /* A mark of UTF-8 counts at the start of a text only. */
    if (size - n_first < 3 || memcmp(data + n_first, "\xef\xbb\xbf", 3) != 0) {
        imapid_keylog_add(parts, data + n_first, size - n_first);
        check(imapid_keylog_get_counts(whole).n_secrets ==
              imapid_keylog_get_counts(parts).n_secrets);
        compare(whole, parts, zero);
        for (size_t i = 0; i + IMAPID_TLS_RANDOM <= size && i < 256; i++)
            compare(whole, parts, data + i);
    }
    counts = imapid_keylog_get_counts(whole);
    check(counts.n_lines == counts.n_secrets + counts.n_ech + counts.n_duplicates +
                                counts.n_dropped + counts.n_comments + counts.n_ignored +
                                counts.n_garbage);
    check(imapid_keylog_get_generation(whole) == counts.n_secrets + counts.n_ech);
    imapid_keylog_free(whole);
    imapid_keylog_free(parts);
    return 0;
}
