/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The first octet says in how long pieces the rest is shown; octet by octet the same must come
 * out, and the same state in the end. What inflates to more than 4 MiB is left off. */

#include "tls/inflate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    uint64_t n, hash;
};

static bool on_output(void *ctx, const uint8_t *octets, size_t n)
{
    struct run *run = ctx;

    if (!n || n > IMAPID_INFLATE_PIECE)
        abort();
    for (size_t i = 0; i < n; i++)
        run->hash = (run->hash ^ octets[i]) * 0x100000001b3;
    run->n += n;
    return run->n < 4 << 20;
}

static enum imapid_inflate_state play(struct run *run, const uint8_t *data, size_t size,
                                      size_t n_piece)
{
    struct imapid_inflate_handler handler = {on_output, run};
    struct imapid_inflate *inflate = imapid_inflate_new(&handler);
    enum imapid_inflate_state state;

    for (size_t at = 0; at < size; at += n_piece) {
        size_t n = size - at < n_piece ? size - at : n_piece;
        uint8_t *copy = malloc(n);

        if (!copy)
            abort();
        memcpy(copy, data + at, n);
        imapid_inflate_data(inflate, copy, n);
        free(copy);
    }
    state = imapid_inflate_get_state(inflate);
    imapid_inflate_gap(inflate);
    imapid_inflate_free(inflate);
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run pieces = {0, 0}, octets = {0, 0};
    enum imapid_inflate_state state;

    if (!size)
        return 0;
    state = play(&pieces, data + 1, size - 1, 1 + (size_t)data[0]);
    if (state == IMAPID_INFLATE_STOPPED)
        return 0;
    if (play(&octets, data + 1, size - 1, 1) != state || octets.n != pieces.n ||
        octets.hash != pieces.hash)
        abort();
    return 0;
}
