/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_FRAMES_H
#define IMAPID_FOLLOW_FRAMES_H

#include "record/record.h"

/* Packets are numbered over all files of a capture; in records they have the number that they have
 * in their file. */

/* A file of a capture. An array of these, in their order, is what the functions take. */
struct imapid_frames_file {
    const char *name;
    uint64_t n_before; /* packets of those before it */
};

/* Makes the number of a packet that of its file, and returns the file's name. There must be a file. */
const char *imapid_frames_locate(const GArray *files, uint64_t *number);

/* The same for all packets of a record whose conn.file is set, but not for those of `conn`. */
void imapid_frames_locate_exchange(const GArray *files, struct imapid_record_exchange *record);

#endif
