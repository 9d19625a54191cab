/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sessions.c: sessions, in as few octets as they need. Packed, the blocks that are 0 are left out: bits tell
 * which, the others stand behind those. One in hand stays so until its place is needed.
 *
 * Refuses nothing. Misuse: holding one over a call for another connection. */
#include "sessions.h"

#include <string.h>

#define N_IN_HAND 256 /* more connections than are busy at the same time, mostly */
#define N_BLOCK   16
#define N_BLOCKS  ((sizeof(struct imapid_session) + N_BLOCK - 1) / N_BLOCK)
#define N_BITS    ((N_BLOCKS + 7) / 8) /* octets of them */

static struct {
    struct imapid_kept_session *of; /* NULL: nobody's */
    bool is_changed;                /* since it was unpacked */
    union {
        struct imapid_session session;
        uint64_t words[N_BLOCKS][N_BLOCK / sizeof(uint64_t)];
    };
} in_hand[N_IN_HAND];
static unsigned n_sessions; /* never set back: it only has to spread them */

static void pack(struct imapid_kept_session *kept)
{
    uint8_t packed[N_BITS + N_BLOCKS * N_BLOCK];
    size_t n = N_BITS;

    memset(packed, 0, N_BITS);
    for (size_t i = 0; i < N_BLOCKS; i++) {
        const uint64_t *block = in_hand[kept->place].words[i];

        if (!(block[0] | block[1]))
            continue;
        packed[i / 8] |= (uint8_t)(1u << i % 8);
        memcpy(packed + n, block, N_BLOCK);
        n += N_BLOCK;
    }
    if (n > kept->n_packed) {
        kept->packed = (uint8_t *)wmem_realloc(wmem_file_scope(), kept->packed, n);
        kept->n_packed = n;
    }
    memcpy(kept->packed, packed, n);
}

static void unpack(const struct imapid_kept_session *kept)
{
    const uint8_t *at = kept->packed + N_BITS;

    memset(in_hand[kept->place].words, 0, sizeof in_hand[0].words);
    for (size_t i = 0; i < N_BLOCKS; i++)
        if (kept->packed[i / 8] & 1u << i % 8) {
            memcpy(in_hand[kept->place].words[i], at, N_BLOCK);
            at += N_BLOCK;
        }
}

static void put_away(struct imapid_kept_session *kept)
{
    if (in_hand[kept->place].is_changed)
        pack(kept);
    kept->session = NULL;
}

struct imapid_kept_session *imapid_sessions_new(void)
{
    struct imapid_kept_session *kept = wmem_new0(wmem_file_scope(), struct imapid_kept_session);

    kept->place = n_sessions++ % N_IN_HAND;
    return kept;
}

const struct imapid_session *imapid_sessions_get(struct imapid_kept_session *kept)
{
    if (kept->session)
        return kept->session;
    if (in_hand[kept->place].of)
        put_away(in_hand[kept->place].of);
    if (kept->packed)
        unpack(kept);
    else
        memset(in_hand[kept->place].words, 0, sizeof in_hand[0].words);
    in_hand[kept->place].of = kept;
    in_hand[kept->place].is_changed = false;
    kept->session = &in_hand[kept->place].session;
    return kept->session;
}

struct imapid_session *imapid_sessions_change(struct imapid_kept_session *kept)
{
    (void)imapid_sessions_get(kept);
    if (in_hand[kept->place].of == kept)
        in_hand[kept->place].is_changed = true;
    return kept->session;
}

void imapid_sessions_drop(const struct imapid_kept_session *kept)
{
    if (in_hand[kept->place].of == kept)
        in_hand[kept->place].of = NULL;
}
