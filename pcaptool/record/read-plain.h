/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_READ_PLAIN_H
#define IMAPID_RECORD_READ_PLAIN_H

#include "record/arena.h"
#include "record/record.h"

/* The exchange of a line that is spelled as imapid_jsonl_writer spells most of them; NULL of every other
 * line, good or bad, which imapid_read_record() has to read. What is not NULL is the record that it
 * would have given. Good as long as the octets and the arena. */
const struct imapid_record_exchange *imapid_read_plain(struct imapid_arena *arena,
                                                       const uint8_t *octets, size_t n);

#endif
