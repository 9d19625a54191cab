/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_ARENA_H
#define IMAPID_RECORD_ARENA_H

#include <stddef.h>

/* Memory that is given out piece by piece and taken back all at once. What was given out does not
 * move. Begins as all 0. */
struct imapid_arena {
    struct imapid_arena_chunk *chunks; /* the one in use first */
    size_t n_used;                     /* octets of it */
};

/* n octets, aligned to 8, of any content; never NULL. */
void *imapid_arena_take(struct imapid_arena *arena, size_t n);

/* The same as zeroes. */
void *imapid_arena_take_zeroed(struct imapid_arena *arena, size_t n);

/* Takes everything back; the memory of the chunk in use stays for what comes next. */
void imapid_arena_reset(struct imapid_arena *arena);

/* Takes everything back and frees it. */
void imapid_arena_deinit(struct imapid_arena *arena);

#endif
