/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_PICK_H
#define IMAPID_CUT_PICK_H

#include "capture/capture.h"
#include "cut/bits.h"
#include "cut/spill.h"

/* The packets of one capture that are chosen, as blocks of pcapng. */
struct imapid_pick {
    GByteArray *interfaces; /* blocks, of those with packets; NULL: none */
    uint32_t n_interfaces;
    /* Of each packet a struct imapid_pick_head and its block, whose interface counts in the capture. */
    struct imapid_spill_run packets;
    uint64_t n_packets;
    int64_t first_ns, last_ns; /* of the first and the last of them */
    /* Set it where nothing is merged with these packets: blocks of interfaces stand among those of packets, and where a
     * capture begins inside of the capture, this block, of a section. */
    const GByteArray *section;
    /* Set it, too, where there is no other capture: takes the blocks at once, and none is kept. */
    void (*put)(void *ctx, const uint8_t *block, size_t n);
    void *put_ctx;
};

/* What stands before the block of a packet. */
struct imapid_pick_head {
    int64_t ts_ns;
    uint64_t n; /* octets of the block */
};

/* Adds the block of one packet, of `n` octets. imapid_spill_rest() of `packets` ends them. */
void imapid_pick_add(struct imapid_pick *pick, struct imapid_spill *spill, int64_t ts_ns,
                     const uint8_t *block, size_t n);

/* Reads the capture as far as the last frame of `frames`, which is not empty, and adds these packets to *pick, which begins
 * as 0 but for `put`. Of each a comment says the frame and `file`, which is UTF-8. False: not all of them are there. */
bool imapid_pick_read(struct imapid_pick *pick, struct imapid_capture *capture, const char *file,
                      const struct imapid_bits *frames, struct imapid_spill *spill);

/* Frees what it holds in memory. */
void imapid_pick_clear(struct imapid_pick *pick);

#endif
