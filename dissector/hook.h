/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hook.h: gets hold of IMAP connections. */
#ifndef IMAPID_DISSECTOR_HOOK_H
#define IMAPID_DISSECTOR_HOOK_H

/* `proto` is our protocol. Registers the dissector of streams, which is in no one's way: a protocol
 * in name only below the built-in IMAP, switched on and off with that. */
void imapid_hook_register(int proto);

/* Puts it where IMAP connections come by. After the built-in dissectors have done so. */
void imapid_hook_handoff(void);

#endif
