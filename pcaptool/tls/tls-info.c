/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-info.c: the words for why a direction is not read.
 *
 * Refuses nothing: a number that is no reason is "unknown". */
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
