/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.h: File > Export Objects > IMAP ID, and `--export-objects imapid,FOLDER`: all identities
 * of the capture as one table. */
#ifndef IMAPID_DISSECTOR_EXPORT_H
#define IMAPID_DISSECTOR_EXPORT_H

#include "records.h"

void imapid_export_register(int proto);

/* Adds an ID command or response that is shown. On every visit, with or without a tree. */
void imapid_export_add(packet_info *pinfo, const struct imapid_ident *ident);

#endif
