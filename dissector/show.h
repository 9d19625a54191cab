/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show.h: shows the record of a call: the built-in dissector on its units, then the ID items. */
#ifndef IMAPID_DISSECTOR_SHOW_H
#define IMAPID_DISSECTOR_SHOW_H

#include "stream.h"

/* `proto` is our protocol, `imap` the built-in dissector. */
void imapid_show_register(int proto);
void imapid_show_handoff(dissector_handle_t imap);

/* Shows a call. `tvb` holds its octets. The same on every visit; columns, tree and taps are written
 * whether or not there is a tree. */
void imapid_show_call(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                      packet_info *pinfo, proto_tree *tree);

#endif
