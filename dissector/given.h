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

/* Frames of a direction that are not given yet: the first of those that wait. What is behind them stays
 * noted as withheld though it may be given. */
#define IMAPID_GIVEN_PENDING_MAX 1024

struct imapid_given_frame {
    unsigned frame;
    uint32_t from; /* its first octet */
    uint32_t ack;
};

/* One direction. */
struct imapid_given_side {
    bool is_known;    /* TLS was given something of it */
    bool is_broken;   /* not all was given: what stands behind that may not be decrypted */
    bool is_missing;  /* the same, since imapid_given_miss() was last asked */
    uint32_t next;    /* TLS was given what stands before this one, or never will be */
    uint32_t excused; /* with is_known or has_begin: what stands before this one is not waited for;
                         not before next */
    uint32_t end;     /* of what TLS is given now */
    uint32_t ack;     /* with has_ack: of the peer's octets, sent with what TLS is given now */
    bool has_ack;
    uint32_t begin; /* with has_begin: TLS is to be given this octet, and none before it */
    bool has_begin;
    bool is_far;          /* behind which so much was given that numbers before it are new ones */
    unsigned clear_until; /* the last frame with octets before it; 0: none */
    struct imapid_hole hole;            /* the last behind which TLS was given something */
    struct imapid_given_frame *pending; /* file scope */
    unsigned n_pending, pending_size;
};

/* Of a connection. All zero: nothing was given. */
struct imapid_given {
    struct imapid_given_side sides[2]; /* by imapid_given_direction() */
    unsigned n_segments;
    unsigned n_calls;   /* that came out of TLS */
    bool is_waited_for; /* some of these wait for octets that TLS has yet to be given */
};

/* To be called once, before any of the others. */
void imapid_given_register(void);

/* The direction of a packet: 0 or 1. */
int imapid_given_direction(const packet_info *pinfo);

/* TCP gives TLS octets of direction `d`, from `from` to before `to`, in the first pass; the last of
 * them are `own`, or had to wait for it. To be called before TLS is. */
void imapid_given_take(struct imapid_given *given, int d, uint32_t from, uint32_t to,
                       const struct imapid_own_segment *own);

/* TLS begins in mid-session: octets of direction `d` before `begin` are in the clear, or were given already. */
void imapid_given_begin(struct imapid_given *given, int d, uint32_t begin);

/* How many of the `n` octets from `from` on that TCP gives in a frame are not for TLS. The same on the first
 * visit and on later ones. */
unsigned imapid_given_count_clear(struct imapid_given *given, int d, uint32_t from, unsigned n,
                                  const packet_info *pinfo);

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

/* What TCP gives TLS in a frame is divided: it was given record by record. */
void imapid_given_divide(unsigned frame);
bool imapid_given_is_divided(unsigned frame);

/* Is something of direction `d` missing that was not told before? The caller tells it now. */
bool imapid_given_miss(struct imapid_given *given, int d);

/* May TLS yet be given octets of direction `d` that stand before `to`? */
bool imapid_given_awaits(const struct imapid_given *given, int d, uint32_t to);

/* What stands before `to` in direction `d` is not waited for any longer: it is missing. */
void imapid_given_excuse(struct imapid_given *given, int d, uint32_t to);

#endif
