/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-preface.c: what proxies say before IMAP. The input is a conversation: an octet that says the
 * side (its low bit) and a length (the rest), then so many octets. Shown whole and octet by octet
 * it is read the same. */
#include <imapid/preface.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define N_MAX 65536

struct side {
    uint8_t octets[N_MAX];
    size_t n, used;
    enum imapid_preface_status status;
};

static void read_on(struct imapid_preface *preface, struct side *side, bool is_client)
{
    size_t n_used = 0;

    for (;;) {
        side->status = imapid_preface_read(preface, is_client, side->octets + side->used,
                                           side->n - side->used, &n_used);
        if (side->status != IMAPID_PREFACE_OK)
            return;
        if (!n_used || n_used > side->n - side->used)
            abort();
        side->used += n_used;
    }
}

static void converse(struct imapid_preface *preface, struct side sides[2], const uint8_t *data,
                     size_t n, bool in_pieces)
{
    memset(preface, 0, sizeof *preface);
    for (int i = 0; i < 2; i++)
        sides[i].n = sides[i].used = 0;
    for (size_t at = 0; at < n;) {
        struct side *side = &sides[data[at] & 1];
        size_t n_say = data[at] >> 1;

        at++;
        if (n_say > n - at)
            n_say = n - at;
        for (size_t done = 0, step; done < n_say && side->n < N_MAX; done += step) {
            step = in_pieces ? 1 : n_say < N_MAX - side->n ? n_say : N_MAX - side->n;
            memcpy(side->octets + side->n, data + at + done, step);
            side->n += step;
            read_on(preface, side, side == &sides[1]);
        }
        at += n_say;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct side whole[2], pieces[2];
    struct imapid_preface a, b;

    if (n > N_MAX)
        return 0;
    converse(&a, whole, data, n, false);
    converse(&b, pieces, data, n, true);
    for (int i = 0; i < 2; i++)
        if (whole[i].used != pieces[i].used)
            abort();
    if (a.port != b.port || a.n_kinds != b.n_kinds)
        abort();
    return 0;
}
