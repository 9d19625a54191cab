/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_VALUE_H
#define IMAPID_SCRUB_VALUE_H

#include "scrub/mask.h"
#include "scrub/search.h"
#include "scrub/words.h"

/* Places of masked values, told apart where they are counted. */
enum imapid_masked {
    IMAPID_MASKED_ID,         /* in ID lists */
    IMAPID_MASKED_NAME,       /* names and addresses of users */
    IMAPID_MASKED_SECRET,     /* passwords, tokens, what they are made of */
    IMAPID_MASKED_MAILBOX,    /* names of mailboxes */
    IMAPID_MASKED_TEXT,       /* in texts of the server, and URLs */
    IMAPID_MASKED_MESSAGE,    /* messages, or parts of them */
    IMAPID_MASKED_OTHER,      /* other arguments */
    IMAPID_MASKED_UNREADABLE, /* what could not be read, and went whole */
    IMAPID_N_MASKED
};

/* "mailbox names": a phrase for people. */
const char *imapid_masked_phrase(enum imapid_masked place);

/* What is done with one value. A session is gone through twice, and both times all values pass here:
 * first they are learned and nothing is changed, then they are masked in place. */
struct imapid_hand {
    const struct imapid_mask *mask;
    struct imapid_search *search;
    bool is_learning;
    bool is_id;                         /* all that comes is of an ID list */
    uint64_t n_masked[IMAPID_N_MASKED]; /* values, in the second pass */
};

/* Each word by itself, so that it has the same mask wherever it stands; those of `words` stay. */
void imapid_value_take(struct imapid_hand *hand, uint8_t *octets, size_t n,
                       enum imapid_words words);

/* The same of somebody's name or address: no word stays, here and in texts. */
void imapid_value_take_name(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* A name of mailboxes, in modified UTF-7 or UTF-8. */
void imapid_value_take_mailbox(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* A password or a token: not even its marks stay. */
void imapid_value_take_secret(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* Octets of no text. */
void imapid_value_take_binary(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* Of a message, or unreadable: nothing is learned of it. Of what is unreadable NIL and the count of a
 * literal before a line end stay, so that it is read as before. */
void imapid_value_take_message(struct imapid_hand *hand, uint8_t *octets, size_t n);
void imapid_value_take_unreadable(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* The same of what is no string in an ID list: all its marks stay, as they are what is wrong with it. */
void imapid_value_take_malformed(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* A server's text (of people's words), or a URL in it: plain words stay unless they were learned. */
void imapid_value_take_text(struct imapid_hand *hand, uint8_t *octets, size_t n);

/* A URL of IMAP (RFC 5092, RFC 4467): its keywords, and numbers behind them, stay. */
void imapid_value_take_url(struct imapid_hand *hand, uint8_t *octets, size_t n);

#endif
