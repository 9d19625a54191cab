/* SPDX-License-Identifier: GPL-2.0-or-later */
/* given.h: what TCP gives to TLS of a connection, and what it does not. It withholds what it takes for
 * sent again and, while it puts segments in order, what stands behind a hole. */
#ifndef IMAPID_DISSECTOR_GIVEN_H
#define IMAPID_DISSECTOR_GIVEN_H

#include "segment.h"

/* Octets that were not seen where they should have come. */
struct imapid_hole {
    bool is_open;
    uint32_t from, to; /* from this one to before that */
};

/* Octets from `from` to before `to` came. True: they belong into the hole, which is closed now. */
bool imapid_hole_fill(struct imapid_hole *hole, uint32_t from, uint32_t to);

/* Frames of a direction that are not given yet: the first of those that wait. */
#define IMAPID_GIVEN_N_PENDING 16

/* One direction. */
struct imapid_given_side {
    bool is_known;    /* TLS was given something of it */
    bool is_broken;   /* not all was given: what stands behind that may not be decrypted */
    bool is_missing;  /* the same, since imapid_given_miss() was last asked */
    uint32_t next;    /* TLS was given what stands before this one, or never will be */
    uint32_t excused; /* what stands before this one is not waited for; not before next */
    uint32_t ack;     /* with has_ack: of the peer's octets, sent with what TLS is given now */
    bool has_ack;
    struct imapid_hole hole; /* the last behind which TLS was given something */
    struct imapid_given_frame {
        unsigned frame;
        uint32_t from; /* its first octet */
        uint32_t ack;
    } pending[IMAPID_GIVEN_N_PENDING];
    unsigned n_pending;
};

/* Of a connection. All zero: nothing was given. */
struct imapid_given {
    struct imapid_given_side sides[2]; /* by imapid_given_direction() */
    unsigned n_segments;
    unsigned n_calls; /* that came out of TLS */
};

/* To be called once, before any of the others. */
void imapid_given_register(void);

/* The direction of a packet: 0 or 1. */
int imapid_given_direction(const packet_info *pinfo);

/* TCP gives TLS octets of direction `d`, from `from` to before `to`, in the first pass; the last of
 * them are `own`, or had to wait for it. To be called before TLS is. */
void imapid_given_take(struct imapid_given *given, int d, uint32_t from, uint32_t to,
                       const struct imapid_own_segment *own);

/* Octets of direction `d` are missing: they were not captured. */
void imapid_given_lose(struct imapid_given *given, int d);

/* Nothing came out of application data of direction `d`. */
void imapid_given_note_silence(struct imapid_given *given, int d);

/* TCP is done with a segment, in the first pass. */
void imapid_given_finish(struct imapid_given *given, int d, const struct imapid_own_segment *own);

/* A frame was withheld: what it carries cannot be read. */
void imapid_given_withhold(unsigned frame);

/* Was it, as far as is known? */
bool imapid_given_is_withheld(unsigned frame);

/* Is something of direction `d` missing that was not told before? The caller tells it now. */
bool imapid_given_miss(struct imapid_given *given, int d);

/* May TLS yet be given octets of direction `d` that stand before `to`? */
bool imapid_given_awaits(const struct imapid_given *given, int d, uint32_t to);

/* What stands before `to` in direction `d` is not waited for any longer: it is missing. */
void imapid_given_excuse(struct imapid_given *given, int d, uint32_t to);

#endif
