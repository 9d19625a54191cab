/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.c: brings packet numbers of a capture of several files back to their files.
 *
 * Refuses nothing.
 *
 * Misuse: no file in the array; bringing a number back twice. */
#include "follow/frames.h"

const char *imapid_frames_locate(const GArray *files, uint64_t *number)
{
    guint i = files->len;
    const struct imapid_frames_file *file;

    do
        file = &g_array_index(files, struct imapid_frames_file, --i);
    while (i > 0 && *number <= file->n_before);
    *number -= file->n_before;
    return file->name;
}

/* The same; NULL where it is the file of the connection. */
static const char *locate_other(const GArray *files, const struct imapid_record_exchange *record,
                                uint64_t *number)
{
    const char *file = imapid_frames_locate(files, number);

    return file == record->conn.file ? NULL : file;
}

void imapid_frames_locate_exchange(const GArray *files, struct imapid_record_exchange *record)
{
    if (record->command.seen)
        record->command.file = locate_other(files, record, &record->command.packet.number);
    if (record->response.seen)
        record->response.file = locate_other(files, record, &record->response.packet.number);
    if (record->status != IMAPID_STATUS_NONE)
        record->result_file = locate_other(files, record, &record->result.number);
}
