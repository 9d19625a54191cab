/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_LINES_H
#define IMAPID_RECORD_LINES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An input in its order, some whole lines at a time. Set what stands before `rest`, zero the rest. */
struct imapid_lines {
    /* Gives up to n octets, 0 at the end, -1 on failure with errno set. */
    ptrdiff_t (*read)(void *ctx, uint8_t *octets, size_t n);
    void *ctx;
    size_t n_want; /* octets to wait for; 0: give whatever lines are there */
    size_t n_max;  /* of a line */

    GByteArray *rest; /* begins the next line */
    bool is_end;
};

enum imapid_lines_result {
    IMAPID_LINES_SOME, /* octets of whole lines, each with its line end, but for the very last */
    IMAPID_LINES_TOO_LONG, /* a line over n_max was passed over */
    IMAPID_LINES_END,
    IMAPID_LINES_ERROR, /* reading failed; errno says why. What was read of a line is dropped */
};

/* Replaces what `out` holds. After END and ERROR there is no more. */
enum imapid_lines_result imapid_lines_next(struct imapid_lines *lines, GByteArray *out);
void imapid_lines_deinit(struct imapid_lines *lines);

/* An input of which several threads read parts at the same time. */
struct imapid_lines_input {
    /* Gives up to n octets from a place on, 0 behind the end, -1 on failure with errno set; thread-safe. */
    ptrdiff_t (*read_at)(void *ctx, uint8_t *octets, size_t n, uint64_t at);
    void *ctx;
    size_t n_max; /* of a line */
};

/* Finds the lines that begin among the `n` octets from `from` on; n is not 0. They are in what `out` then holds, from
 * *begin on; for SOME there may be none. With TOO_LONG and ERROR they are those before: a line that is too long is
 * the last one of its part. END: the input has no octet at `from`. */
enum imapid_lines_result imapid_lines_read_part(const struct imapid_lines_input *input,
                                                uint64_t from, size_t n, GByteArray *out,
                                                size_t *begin);

#endif
