/* SPDX-License-Identifier: GPL-2.0-or-later */
/* milestones.h: how a session went, command by command, for a person who has to follow it: the greeting,
 * each command with its answer, a BYE. Of a long session the first and the last are kept, and what was
 * refused sooner than the rest. No arguments of commands are kept but the mechanism of AUTHENTICATE and
 * the command behind UID. */
#ifndef IMAPID_MILESTONES_H
#define IMAPID_MILESTONES_H

#include <imapid/stall.h>
#include <imapid/unit.h>

/* Milestones that are kept, and how many of them are the first ones. */
#define IMAPID_MILESTONES_MAX   12
#define IMAPID_MILESTONES_FIRST 6

/* Octets of a tag that are kept of each, and of the server's words. */
#define IMAPID_MILESTONE_TAG_MAX  15
#define IMAPID_MILESTONE_TEXT_MAX 60

struct imapid_milestone {
    struct imapid_tag tag; /* none: the server said it unasked */
    const char *argument;  /* the mechanism of AUTHENTICATE, the command behind UID; static; NULL */
    struct imapid_moment asked, answered; /* frame 0: not seen */
    uint32_t asked_order, answered_order; /* in which these were read: the smaller the earlier */
    /* The command, UNKNOWN: it is in no table; unasked: OK, PREAUTH, BYE. */
    enum imapid_word word : 8;
    enum imapid_word status : 8; /* OK, NO or BAD; UNKNOWN: no answer was seen */
    bool is_cut;                 /* there was more of the text */
    uint8_t n_tag;               /* of all the tag */
    uint8_t tag_head[IMAPID_MILESTONE_TAG_MAX];
    uint8_t n_text;
    uint8_t text[IMAPID_MILESTONE_TEXT_MAX];
};

/* Begins as all 0. */
struct imapid_milestones {
    uint64_t n_left_out; /* behind `list[n_before - 1]` */
    unsigned n_before;   /* how many stand before those; see n_left_out */
    uint32_t order;
    unsigned n;
    struct imapid_milestone list[IMAPID_MILESTONES_MAX];
};

/* The server said it unasked: a greeting, a BYE. */
void imapid_milestones_say(struct imapid_milestones *milestones, enum imapid_word word,
                           const struct imapid_moment *at, const uint8_t *text, size_t n,
                           bool is_cut);

/* The client sent a command. `unit`: that, or its answer: one with its tag. */
void imapid_milestones_ask(struct imapid_milestones *milestones, const struct imapid_unit *unit,
                           enum imapid_word word, const char *argument,
                           const struct imapid_moment *at);

/* The answer to the newest command of that tag that has none; false where it is not among them. */
bool imapid_milestones_answer(struct imapid_milestones *milestones, const struct imapid_tag *tag,
                              enum imapid_word status, const struct imapid_moment *at,
                              const uint8_t *text, size_t n, bool is_cut);

#endif
