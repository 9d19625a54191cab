/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doubts.h: what speaks against what is told of a connection. doubts.def is the table. */
#ifndef IMAPID_DOUBTS_H
#define IMAPID_DOUBTS_H

#include <stdbool.h>
#include <stdint.h>

enum imapid_doubt {
#define IMAPID_DOUBT(symbol, code, kind, message) IMAPID_DOUBT_##symbol,
#include <imapid/doubts.def>
#undef IMAPID_DOUBT
    IMAPID_N_DOUBTS
};

enum imapid_doubt_kind {
    IMAPID_DOUBT_OF_OTHERS,  /* somebody else may have sent part of it */
    IMAPID_DOUBT_OF_MISSING, /* part of it may not be there */
    IMAPID_DOUBT_OF_CLOCK,   /* when it was, and how long it took, is not known; what was said is */
};

/* Frames that are kept of one kind; more are counted only. */
#define IMAPID_DOUBT_FRAMES 4

/* All zero: there is none. */
struct imapid_doubts {
    struct {
        uint64_t n;
        uint64_t frames[IMAPID_DOUBT_FRAMES]; /* the first of the n, in the order they were found */
    } of[IMAPID_N_DOUBTS];
};

/* One more of its kind, in this frame. Twice in a row of the same frame is one. */
void imapid_doubts_add(struct imapid_doubts *doubts, enum imapid_doubt doubt, uint64_t frame);

/* How many frames of this kind are kept. */
unsigned imapid_doubts_count_frames(const struct imapid_doubts *doubts, enum imapid_doubt doubt);

/* Is there any? NULL: no. */
bool imapid_doubts_has_any(const struct imapid_doubts *doubts);

/* Is there one of that kind? */
bool imapid_doubts_has(const struct imapid_doubts *doubts, enum imapid_doubt_kind kind);

/* May more or other have been said than is told: is there one that is not of the clock? */
bool imapid_doubts_is_of_content(const struct imapid_doubts *doubts);

/* "conflicting-data", and what people are told. */
const char *imapid_doubt_code(enum imapid_doubt doubt);
const char *imapid_doubt_message(enum imapid_doubt doubt);

#endif
