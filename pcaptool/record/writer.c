/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c: finds an output format by its name.
 *
 * Refuses a name that is in no writer: there is none for it.
 *
 * Misuse: "text" and "sqlite". They put records together, and have modules of their own: listing.c,
 * database.c. */
#include "record/writer.h"

#include <string.h>

const struct imapid_writer *imapid_writer_find(const char *name)
{
    static const struct imapid_writer *const writers[] = {&imapid_jsonl_writer, &imapid_csv_writer,
                                                          &imapid_tsv_writer};

    for (size_t i = 0; i < G_N_ELEMENTS(writers); i++)
        if (!strcmp(writers[i]->name, name))
            return writers[i];
    return NULL;
}
