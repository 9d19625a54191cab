/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_TERMS_H
#define IMAPID_RECORD_TERMS_H

#include <stdbool.h>
#include <stdint.h>

/* Records hold words of the layers below, and those read back from JSON Lines may hold any others.
 * Who reads captures knows which of them are words of this program (follow/terms.h). */
struct imapid_terms {
    /* What a person is told of why a session was not decrypted: a constant, or NULL where the word is
     * not one of ours. */
    const char *(*explain_reason)(const char *word);
    /* Is it the name of a cipher suite that we know? */
    bool (*is_suite)(const char *name);
    /* The name of a kind that was not read, made again out of what we know of it. To be freed with
     * g_free(); never NULL. */
    char *(*remake_unread)(const char *layer, uint64_t number, const char *name);
};

#endif
