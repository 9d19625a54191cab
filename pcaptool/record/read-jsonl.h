/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_READ_JSONL_H
#define IMAPID_RECORD_READ_JSONL_H

#include "record/record.h"
#include "record/terms.h"

#include <stddef.h>

/* Reads records back that imapid_jsonl_writer has written, here or on other machines. */

/* Octets to look at to know whether an input is JSON Lines, and the look. With `strict` it also has
 * to begin like a record: what is found in a folder may be anybody's JSON; without it white space
 * may stand before the first line. */
#define IMAPID_READ_JSONL_PEEK 20
bool imapid_read_jsonl_is(const uint8_t *octets, size_t n, bool strict);

/* One input on its way. Set what stands before `stop`, zero the rest. */
struct imapid_read_jsonl {
    const char *name; /* for messages */
    /* Gives up to n octets, 0 at the end, -1 on failure with errno set. */
    ptrdiff_t (*read)(void *ctx, uint8_t *octets, size_t n);
    /* The same from a place on, for several threads at the same time; NULL: it can only be read in order. */
    ptrdiff_t (*read_at)(void *ctx, uint8_t *octets, size_t n, uint64_t at);
    char *(*explain)(void *ctx); /* why it failed, to be freed; NULL: as errno says */
    void *read_ctx;
    const struct imapid_record_sink *sink;
    /* Takes messages, "NAME: line N: what is wrong", with the ctx of the sink. */
    void (*complain)(void *ctx, const char *message);
    const struct imapid_terms *terms; /* NULL: words are told as they are */
    /* How many threads read; 0 is 1. With more than one, `read` and the calls of the sink come from
     * any of them, but one at a time and in the order of the lines, and a record is only told when
     * some hundred KiB were read: not for pipes. */
    unsigned n_threads;
    /* The sink is called by all of them at the same time, and in any order; messages still come in the
     * order of the lines. What is behind a failure is not told here either. */
    bool any_order;

    int stop; /* atomic; set it from the sink: nothing more is wanted */
    uint64_t n_lines, n_records;
    uint64_t n_skipped; /* lines of another type, or of a later schema: no error */
    uint64_t n_bad;     /* lines that are no record; each was complained of, up to a limit */
    uint64_t n_ends, n_promised; /* lines that end a run, and how many records they say there are */
    bool failed;                 /* reading ended before the end */
    bool is_cut; /* there is no line that ends it, or not as many records as they say */
};

/* Reads to the end. A bad line costs that line. False when one was bad, reading failed or, which is
 * complained of as well, the input was cut. */
bool imapid_read_jsonl(struct imapid_read_jsonl *reader);

#endif
