/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending.h: the commands of one connection that wait for their tagged response (RFC 9051 2.2.1).
 *
 * Only of ID, STARTTLS, COMPRESS, AUTHENTICATE, LOGIN and IDLE does the answer change anything; the
 * others are kept because an answer to a known tag proves that both readers stand at line starts. */
#ifndef IMAPID_PENDING_H
#define IMAPID_PENDING_H

#include <imapid/unit.h>

/* ID commands that wait for their answer at the same time, and one slot that stays free. Clients
 * pipeline one or two. */
#define IMAPID_SLOTS 8

/* Commands that wait for theirs. Clients pipeline a handful; past this the oldest that is no ID is
 * forgotten, which costs no more than the means to recognise its answer. */
#define IMAPID_PENDING_MAX 16

struct imapid_pending_command {
    struct imapid_tag tag;
    uint64_t order; /* rises from command to command */
    enum imapid_word word : 8;
    bool tentative;       /* it stands behind a hole and nothing has confirmed it yet */
    bool sends_data;      /* the client's lines belong to it until it is answered */
    bool may_be_answered; /* its answer may be missing: a hole, or another of the same tag */
    bool follows_unseen;  /* commands before it may be missing, and with them their tags */
    bool shares_tag;      /* one of these had its tag, or so an answer shows */
    bool is_passed;       /* both sides have gone on to another layer since */
    uint8_t slot;         /* of its exchange; IMAPID_SLOTS where it is no ID */
};

/* In the order in which they were read. All zero is the empty one. */
struct imapid_pending {
    unsigned n;
    struct imapid_pending_command commands[IMAPID_PENDING_MAX];
};

/* Adds the command `unit`, whose tag is copied. `slot` is that of its exchange, IMAPID_SLOTS where it
 * is no ID; at most IMAPID_SLOTS of them may be IDs. Where there is no room, the oldest that is no ID
 * is forgotten. */
void imapid_pending_add(struct imapid_pending *pending, const struct imapid_unit *unit,
                        uint64_t order, unsigned slot, bool tentative);

/* Removes command `i`, of which there has to be one. Those behind it move up by one. */
void imapid_pending_remove(struct imapid_pending *pending, unsigned i);

/* Removes the command of an exchange, if it is there. */
void imapid_pending_remove_slot(struct imapid_pending *pending, unsigned slot);

/* Answers may have been missed: to any that waits. */
void imapid_pending_miss_answers(struct imapid_pending *pending);

/* Removes those that are no ID, were read before the one of this order, which is answered, and whose
 * own answer may have been missed: servers answer in order. */
void imapid_pending_settle(struct imapid_pending *pending, uint64_t order);

/* Removes all of this word. */
void imapid_pending_forget(struct imapid_pending *pending, enum imapid_word word);

/* Removes those that are no ID and that nothing has confirmed. */
void imapid_pending_distrust(struct imapid_pending *pending);

/* The place of the oldest command with this tag, or -1: the same tag twice is answered in order. */
int imapid_pending_find(const struct imapid_pending *pending, const struct imapid_tag *tag);

/* Is there one of this word? */
bool imapid_pending_has(const struct imapid_pending *pending, enum imapid_word word);

/* Do the client's lines belong to one of them, and not to commands? */
bool imapid_pending_sends_data(const struct imapid_pending *pending);

/* The same, and to nothing but AUTHENTICATE. */
bool imapid_pending_sends_sasl(const struct imapid_pending *pending);

/* `word` (or, if UNKNOWN, every command) asks for no more lines of data. */
void imapid_pending_stop_data(struct imapid_pending *pending, enum imapid_word word);

/* Both sides go on to another layer: no command asks for data any more. */
void imapid_pending_pass(struct imapid_pending *pending);

/* The order of the oldest command in whose name a server may have asked for data: AUTHENTICATE, or
 * one that nobody here knows, unless both sides have passed it; UINT64_MAX where there is none. */
uint64_t imapid_pending_may_be_asked(const struct imapid_pending *pending);

#endif
