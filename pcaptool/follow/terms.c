/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terms.c: the words of net/ and tls/, for record/, which knows neither of the two.
 *
 * Refuses a word that is none of these: it has no explanation.
 *
 * Misuse: a second table of such words elsewhere. */
#include "follow/terms.h"

#include "net/unread.h"
#include "tls/suites.h"
#include "tls/tls.h"

#include <string.h>

static const char *explain_reason(const char *word)
{
    for (int i = 0; i < IMAPID_TLS_N_REASONS; i++)
        if (!strcmp(word, imapid_tls_reason_word((enum imapid_tls_reason)i)))
            return imapid_tls_reason_text((enum imapid_tls_reason)i);
    return NULL;
}

static bool is_suite(const char *name)
{
    const struct imapid_suite *suite;

    for (size_t i = 0; (suite = imapid_suites_get(i)); i++)
        if (!strcmp(name, suite->name))
            return true;
    return false;
}

const struct imapid_terms imapid_follow_terms = {explain_reason, is_suite,
                                                 imapid_unread_remake_name};
