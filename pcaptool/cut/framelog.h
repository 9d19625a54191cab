/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_FRAMELOG_H
#define IMAPID_CUT_FRAMELOG_H

#include "cut/bits.h"
#include "cut/spill.h"

/* Which connection each frame of a capture is of, written down as it is read: it is known only later which
 * connections are chosen. Two or three octets a frame, in a temporary file. */
struct imapid_framelog {
    struct imapid_spill_run run;
    uint64_t last_frame, last_stream;
};

/* A frame carries something of a stream. Frames come mostly in their order. */
void imapid_framelog_add(struct imapid_framelog *framelog, struct imapid_spill *spill,
                         uint64_t frame, uint32_t stream);

/* Adds to `frames` those of `streams`. False: they cannot be read back. */
bool imapid_framelog_choose(const struct imapid_framelog *framelog,
                            const struct imapid_spill *spill, const struct imapid_bits *streams,
                            struct imapid_bits *frames);

#endif
