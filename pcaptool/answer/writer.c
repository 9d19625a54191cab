/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c: what the writers of findings share.
 *
 * Refuses nothing.
 *
 * Misuse: remembering the length of `out` over a call that may empty it. */
#include "answer/writer.h"

/* Octets that are handed on at a time. */
#define PIECE (64u << 10)

void imapid_findings_pass_on(GString *out, const struct imapid_findings_report *report)
{
    if (!report->put || out->len < PIECE)
        return;
    report->put(report->ctx, out->str, out->len);
    g_string_truncate(out, 0);
}
