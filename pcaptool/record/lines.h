/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_LINES_H
#define IMAPID_RECORD_LINES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An input, some whole lines at a time. Set what stands before `rest`, zero the rest. */
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

#endif
