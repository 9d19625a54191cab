/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_PARTIAL_H
#define IMAPID_ANSWER_PARTIAL_H

#include "answer/store.h"
#include "record/terms.h"

#include <stddef.h>

/* The state of an answer in a file, a partial: all that a store holds, each thing that repeats once.
 * Who reads partials and records in any order, and partials made of partials, gets the answer of the records.
 *
 * "imapid partial 1\n", then blocks of at most IMAPID_PARTIAL_BLOCK_MAX octets, each
 *     its length (4 octets), its check (8 octets), both least significant first, and rows.
 * The check is SipHash-1-3 of the rows with zeroes behind them, one to eight, to a whole word; its key
 * is the place of the block in the file and the length. It finds damage, and blocks that are missing or
 * elsewhere; it proves nothing of who wrote them. A row does not go on in the next block. Numbers are
 * varints: seven bits an octet, the lowest first. */

#define IMAPID_PARTIAL_HEAD "imapid partial 1\n"

/* Octets to look at to know whether an input is a partial, of any version, and the look. */
#define IMAPID_PARTIAL_PEEK 15
bool imapid_partial_is(const uint8_t *octets, size_t n);

/* A record at all limits of JSON Lines, twice. */
#define IMAPID_PARTIAL_BLOCK_MAX (UINT32_C(16) << 20)

/* The unit of a plan whose records a partial has. */
struct imapid_partial_unit {
    const char *plan; /* its id */
    unsigned number;
};

/* Writes all of a view. `is_whole`: nothing was missing in what it was read from. `unit` is NULL where it is of none. */
void imapid_partial_write(const struct imapid_store_view *view, bool is_whole,
                          const struct imapid_partial_unit *unit,
                          void (*put)(void *ctx, const char *octets, size_t n), void *ctx);

/* One input on its way. Set what stands before `stop`, zero the rest. */
struct imapid_partial {
    const char *name; /* for messages */
    /* Gives up to n octets, 0 at the end, -1 on failure with errno set. */
    ptrdiff_t (*read)(void *ctx, uint8_t *octets, size_t n);
    char *(*explain)(void *ctx); /* why it failed, to be freed; NULL: as errno says */
    void *read_ctx;
    const struct imapid_record_sink *sink;
    /* Takes messages, "NAME: octet N: what is wrong", with the ctx of the sink. */
    void (*complain)(void *ctx, const char *message);
    const struct imapid_terms *terms; /* NULL: words are told as they are */
    const struct imapid_partial_unit
        *unit; /* imapid_partial_check(): it has to be of this one; NULL: of any, or of none */

    int stop; /* atomic; set it from the sink: nothing more is wanted */
    uint64_t n_records;
};

/* Reads to the end, or to what is damaged. Memory does not grow with the input: a block, and what rows
 * refer to, of which there is 8 MiB, and as much of it taken apart. False where it is damaged, not read whole,
 * or was itself written of inputs that were not; each was complained of. */
bool imapid_partial_read(struct imapid_partial *partial);

/* Is each block of a partial of `n` octets as it was written, the last one its end, and the unit the one that is wanted? No row is taken apart, so this
 * is as fast as the file is read, and takes the memory of a block. Of the sink only `ctx` is used. False: it was
 * complained of. One that was cut exactly behind a block may pass where a row happens to look like an end (about one in
 * 30,000 such cuts); imapid_partial_read() finds it. */
bool imapid_partial_check(struct imapid_partial *partial, uint64_t n);

#endif
