/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CUT_MERGE_H
#define IMAPID_CUT_MERGE_H

#include "cut/pick.h"

/* Gives the blocks of all packets that were picked, in the order of time; what was picked of one capture stays in its
 * order, and of packets of the same time those of the first one come first. Their interfaces count over all `picks`.
 * `put` takes octets, and returns whether it wants more. False with errno: something could not be read. */
bool imapid_merge(const struct imapid_spill *spill, const struct imapid_pick *const *picks,
                  unsigned n, bool (*put)(void *ctx, const uint8_t *octets, size_t n), void *ctx);

#endif
