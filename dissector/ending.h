/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ending.h: what became of each connection, in the frame that decides. Known when all was read, so it is
 * shown on later visits alone. */
#ifndef IMAPID_DISSECTOR_ENDING_H
#define IMAPID_DISSECTOR_ENDING_H

#include "ws-compat.h"

void imapid_ending_register(int proto);

/* Adds the doubt that a connection was another one behind a SYN, where it goes on. */
void imapid_ending_add_doubt(packet_info *pinfo, tvbuff_t *tvb, proto_tree *tree);

/* Adds what is to be told in this frame, if anything. */
void imapid_ending_add(packet_info *pinfo, tvbuff_t *tvb, proto_tree *tree);

#endif
