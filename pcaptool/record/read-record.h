/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_READ_RECORD_H
#define IMAPID_RECORD_READ_RECORD_H

#include "record/arena.h"
#include "record/json.h"
#include "record/record.h"

/* One line that imapid_jsonl_writer has written, here or elsewhere, read back. */

/* What a line came to. */
enum imapid_read_outcome {
    IMAPID_READ_SKIPPED, /* of another type, or of a later schema */
    IMAPID_READ_BAD,
    IMAPID_READ_END, /* of a run that wrote records */
    IMAPID_READ_EXCHANGE,
    IMAPID_READ_SESSION,
    IMAPID_READ_CAPTURE,
    IMAPID_READ_CONTINUED,
    IMAPID_READ_INTERVAL, /* counts on the way, which the capture's record has in the end */
};

struct imapid_read_record {
    uint64_t n_lines; /* the caller's: its number */
    enum imapid_read_outcome outcome;
    /* By outcome: the record; of END the number of records, a uint64_t; else it means nothing. It is
     * good as long as the octets and the arena. */
    const void *record;
    const char *error; /* of BAD: what is wrong; in the arena, or static */
};

/* Reads a line without its end: sets all of *read but n_lines. `text` holds its tokens and may be
 * used for the next line. */
void imapid_read_record(struct imapid_read_record *read, struct imapid_json_text *text,
                        struct imapid_arena *arena, const uint8_t *octets, size_t n);

#endif
