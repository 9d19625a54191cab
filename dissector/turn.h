/* SPDX-License-Identifier: GPL-2.0-or-later */
/* turn.h: a connection seen from its middle, whose sides were taken for one another. */
#ifndef IMAPID_DISSECTOR_TURN_H
#define IMAPID_DISSECTOR_TURN_H

#include "connection.h"

/* Looks at a segment of a stream that nothing has proven yet, in the first pass, before it is read.
 * Where both sides speak like the other one, client and server change places: what was read is
 * forgotten, but for the segments that waited for the other side to speak; those are read anew. */
void imapid_turn_if_wrong(struct imapid_stream *stream, conversation_t *conversation,
                          packet_info *pinfo, const struct imapid_own_segment *own);

#endif
