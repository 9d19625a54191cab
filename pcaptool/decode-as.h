/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_DECODE_AS_H
#define IMAPID_DECODE_AS_H

#include "net/decode.h"

/* Adds what an option -d says ("udp.port==8472,vxlan"). NULL, or what is wrong with it, to be freed
 * with g_free(). */
char *imapid_decode_as_add(struct imapid_decode *decode, const char *text);

/* Sets the link type that --linktype says. NULL, or what is wrong with it, to be freed with
 * g_free(). */
char *imapid_decode_as_set_link_type(struct imapid_decode *decode, const char *text);

#endif
