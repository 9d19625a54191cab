/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader.h: reads the octets of one direction of a connection, in order, into the records of the
 * calls in which they came. */
#ifndef IMAPID_DISSECTOR_READER_H
#define IMAPID_DISSECTOR_READER_H

#include "stream.h"

/* Reads the octets of a new section, which stand behind all that was read of its side. Sets
 * stream->to where they change their meaning: what is behind that is not read. */
void imapid_reader_read(struct imapid_stream *stream, struct imapid_section *section,
                        const uint8_t *octets);

/* `n` octets (0: nobody knows how many) are missing behind those read so far. What is held is told
 * as far as it goes. */
void imapid_reader_lose(struct imapid_stream *stream, enum imapid_side side, size_t n);

/* Nothing comes behind the octets read so far, and none of them is missing. */
void imapid_reader_close(struct imapid_stream *stream, enum imapid_side side);

#endif
