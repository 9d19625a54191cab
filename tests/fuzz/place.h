/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FUZZ_PLACE_H
#define IMAPID_FUZZ_PLACE_H

#include "net/layer.h"

#include <stdlib.h>

/* What has to be true of a cursor in a block of octets, whatever the octets are. */

static inline void place_check(const uint8_t *block, size_t n_block, const uint8_t *at, uint32_t n,
                               uint32_t n_wire)
{
    if (n > n_wire || at < block || at > block + n_block || n > (size_t)(block + n_block - at))
        abort();
}

/* Also what a function that takes layers off may say of it. Returns whether IP begins there. */
static inline bool place_check_layer(const uint8_t *block, size_t n_block, enum imapid_layer layer,
                                     const struct imapid_cursor *cursor)
{
    if (layer < IMAPID_LAYER_IP4 || layer > IMAPID_LAYER_UNREAD)
        abort();
    if (layer == IMAPID_LAYER_UNREAD && cursor->unread.space >= IMAPID_N_NUMBER_SPACES)
        abort();
    place_check(block, n_block, cursor->at, cursor->n, cursor->n_wire);
    return layer == IMAPID_LAYER_IP4 || layer == IMAPID_LAYER_IP6;
}

#endif
