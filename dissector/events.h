/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.h: what the session tells of its exchanges, written into records. */
#ifndef IMAPID_DISSECTOR_EVENTS_H
#define IMAPID_DISSECTOR_EVENTS_H

#include "stream.h"

/* A unit that was read, or octets that were passed over, with what they came in. */
struct imapid_taking {
    struct imapid_stream *stream;
    enum imapid_side side;
    struct imapid_call *call;       /* in which the last octet came; NULL: none has come */
    const struct imapid_unit *unit; /* NULL: it is none */
    struct imapid_part *part;       /* that shows it; NULL: none does */
};

/* Takes all events that the session has after it. Sets stream->to, is_compressed and is_wrapped where
 * the octets behind it have another meaning. */
void imapid_events_take(const struct imapid_taking *taking);

#endif
