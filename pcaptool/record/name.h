/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_NAME_H
#define IMAPID_RECORD_NAME_H

#include "record/record.h"

/* What names a connection among records: of other machines they may have the same file and frame, but
 * not the same site, or not the same ends as well. */
struct imapid_record_name {
    const char *site; /* of the record it was made of; NULL: none */
    const char *file; /* of the record it was made of */
    uint64_t first_frame;
    uint32_t stream; /* 0 where the first frame is known, which tells it */
    struct imapid_endpoint client, server;
};

struct imapid_record_name imapid_record_name_of(const struct imapid_record_conn *conn);

/* For GHashTable, of struct imapid_record_name. The hash has a key that is made in each run, so that
 * nobody can choose names that meet. */
guint imapid_record_name_hash(gconstpointer name);
gboolean imapid_record_name_equal(gconstpointer a, gconstpointer b);

#endif
