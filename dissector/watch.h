/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h: looks at each frame for what comes to us by no call of a dissector. */
#ifndef IMAPID_DISSECTOR_WATCH_H
#define IMAPID_DISSECTOR_WATCH_H

/* Behind all dissectors of Wireshark, whose handles are known. */
void imapid_watch_handoff(void);

/* Looks up which ports the user gave to the built-in dissector. */
void imapid_watch_begin_capture(void);

#endif
