/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_WORDS_H
#define IMAPID_SCRUB_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Words that name nobody and stay where a session is masked. words.def has them. */
enum imapid_words {
    IMAPID_WORDS_NONE,    /* nothing stays */
    IMAPID_WORDS_TEXT,    /* of a server's text; those of ATOM stay there, too */
    IMAPID_WORDS_ATOM,    /* of commands and responses */
    IMAPID_WORDS_MAILBOX, /* INBOX, and the names of special use (RFC 6154) */
    IMAPID_WORDS_HEADER,  /* names of headers */
    IMAPID_WORDS_SASL,    /* keys of SASL messages */
};

/* Does the word, whatever its case, stay there? No word of no octets does. */
bool imapid_words_has(enum imapid_words words, const uint8_t *word, size_t n);

/* Is it, whatever its case, a part of any word that may stay anywhere? */
bool imapid_words_hold(const uint8_t *part, size_t n);

#endif
