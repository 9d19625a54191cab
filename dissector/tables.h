/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables.h: Statistics > Conversations, Endpoints and Service Response Time, and `-z conv,imapid`,
 * `-z endpoints,imapid`, `-z imapid,srt`: from a row to its packets, and how long answers took. */
#ifndef IMAPID_DISSECTOR_TABLES_H
#define IMAPID_DISSECTOR_TABLES_H

#include "ws-compat.h"

/* Registers the tables, of the protocol of that number. */
void imapid_tables_register(int proto);

#endif
