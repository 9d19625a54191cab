/* SPDX-License-Identifier: GPL-2.0-or-later */
/* known.h: an answer that a capture may leave open. */
#ifndef IMAPID_KNOWN_H
#define IMAPID_KNOWN_H

enum imapid_known {
    IMAPID_UNKNOWN,
    IMAPID_NO,
    IMAPID_YES,
};

#endif
