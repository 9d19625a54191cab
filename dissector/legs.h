/* SPDX-License-Identifier: GPL-2.0-or-later */
/* legs.h: two connections of one capture that are the legs of a proxied session: the proxy says on
 * one of them for whom it speaks, and that client speaks on the other. */
#ifndef IMAPID_DISSECTOR_LEGS_H
#define IMAPID_DISSECTOR_LEGS_H

#include "stream.h"

/* Is this command of the proxy's the one that shows another list than the client said, or none of
 * what it said? Only when all has been read: on later visits. Never where either leg is not whole.
 */
bool imapid_legs_is_changed(struct imapid_stream *stream, const struct imapid_ident *command);

#endif
