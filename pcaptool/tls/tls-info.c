/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-info.c: the words and texts for why a direction is not read.
 *
 * Refuses nothing. A number that is no reason is "unknown".
 *
 * Misuse: comparing texts. Only words stay the same from version to version. */
#include "tls/tls-info.h"

static const struct {
    const char *word, *text;
} reasons[] = {
#define IMAPID_TLS_REASON(name, word, text) {word, text},
#include "tls/reasons.def"
#undef IMAPID_TLS_REASON
};

const char *imapid_tls_reason_word(enum imapid_tls_reason reason)
{
    return (unsigned)reason < IMAPID_TLS_N_REASONS ? reasons[reason].word : "unknown";
}

const char *imapid_tls_reason_text(enum imapid_tls_reason reason)
{
    return (unsigned)reason < IMAPID_TLS_N_REASONS ? reasons[reason].text : "unknown";
}
