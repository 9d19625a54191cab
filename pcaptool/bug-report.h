/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_BUG_REPORT_H
#define IMAPID_BUG_REPORT_H

#include "share.h"

/* What to paste beside a capture of masked sessions, to be freed: who made it, how each session went with both IDs, as
 * a reader of that capture sees them, and what was masked. The capture is closed. */
GString *imapid_bug_report_new(const struct imapid_share *share, struct imapid_capture *capture);

#endif
