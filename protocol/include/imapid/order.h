/* SPDX-License-Identifier: GPL-2.0-or-later */
/* order.h: in which order the octets of the two directions of a TCP connection are read.
 *
 * The rule: octets are read in sequence, and causes before effects. A segment that acknowledges
 * octets of the peer was sent after them; it waits until they are read, whatever the order of the
 * capture. What is sent again acknowledges more than it did at first, and may have new octets with it:
 * then it is divided where the peer had acknowledged it. Octets that do not come are given up for lost: when the peer has acknowledged them and
 * they do not show up within some more packets; or when the caller cannot wait any longer.
 *
 * What a stranger can send moves nothing while the two ends go on as they did (RFC 5961). A reset or
 * a FIN stands until the side that it is of goes on behind it. What comes at numbers far off is
 * nothing until the peer acknowledges it. An acknowledgement counts until the peer takes it back.
 * What was not believed is noted as a doubt.
 *
 * The caller keeps the octets that wait, sorted by sequence number for each direction, and shows
 * the facts of the first of them. Sequence numbers wrap. Nothing here fails. */
#ifndef IMAPID_ORDER_H
#define IMAPID_ORDER_H

#include <imapid/doubts.h>

/* The largest window TCP can have (RFC 7323): nothing is sent, and nothing acknowledged, farther
 * ahead. */
#define IMAPID_ORDER_AHEAD_MAX (1u << 30)

/* How far a packet that took another way, or is of another connection on the same ports, may be from the
 * others of its connection: what may be under way. By chance one of four million is, both its numbers
 * taken together. */
#define IMAPID_ORDER_ASTRAY_MAX (1u << 20)

/* What a packet that came first may be older than one that told of it. */
#define IMAPID_ORDER_GUESS_MAX 65536u

/* Packets of a connection after which acknowledged octets that were not seen count as lost.
 * Captures that merge several queues are out of order by less. */
#define IMAPID_ORDER_PATIENCE 32

/* How a direction left the place where it was. */
enum imapid_order_left {
    IMAPID_ORDER_LEFT_NOT,
    IMAPID_ORDER_LEFT_LOST,  /* octets were given up, and nothing was read since */
    IMAPID_ORDER_LEFT_MOVED, /* it goes on elsewhere */
};

/* Doubts that one segment may raise. */
#define IMAPID_ORDER_DOUBTS 12

/* One direction. Callers read it; the functions below change it. */
struct imapid_order_side {
    uint32_t next;      /* the octet that is read next, with is_known */
    uint32_t acked;     /* octets before this one were acknowledged; not before next */
    uint32_t acked_by;  /* the end of the segment that did so */
    uint32_t sent;      /* with is_known: the end of all that was seen, a FIN counted */
    uint32_t fin;       /* with has_fin: the place of the FIN */
    uint32_t from;      /* with `left`: where it was before */
    uint32_t other;     /* with has_other: where it begins by another SYN */
    uint32_t wait_to;   /* with n_waited: what was acknowledged when the waiting began */
    uint32_t n_waited;  /* packets of the connection since octets were acknowledged but not seen */
    uint32_t n_passed;  /* segments in a row that went on in front of the first piece that waits */
    uint32_t off_next;  /* with n_off: where the other sequence goes on */
    uint32_t first;     /* with has_first: the first octet, behind the SYN */
    uint64_t fin_frame; /* with has_fin */
    uint64_t off_frame; /* with is_off: the first segment off the sequence */
    uint64_t ahead_frame;        /* with is_ahead: the acknowledgement of what was never seen */
    uint64_t other_frame;        /* with has_other */
    enum imapid_order_left left; /* how `from` was left */
    uint8_t n_off;               /* segments in a row off the sequence */
    bool is_known;               /* next and acked are set */
    bool is_guessed;             /* by an acknowledgement of the peer: no segment was seen yet */
    bool is_started;             /* octets were read or lost */
    bool has_fin;
    bool has_first;
    bool has_other;
    bool is_other_acked; /* the peer has heard that one, but octets came that may wait here */
    bool may_wait;       /* octets came that were neither read nor given up, until it is started */
    bool is_off;         /* what came off the sequence may yet be where it goes on */
    bool is_off_acked;   /* the peer acknowledged it */
    bool is_ahead;
    bool is_acked;  /* the peer acknowledged something, and that was in this sequence */
    bool is_silent; /* no packet since the waiting began */
    bool is_absent; /* only the peer is in the capture, for the time being */
};

struct imapid_order_doubt {
    uint64_t doubt : 8; /* enum imapid_doubt */
    uint64_t frame : 56;
};

/* Both directions, in an order that is the caller's. All zero but `doubts`: nothing is known. */
struct imapid_order {
    struct imapid_order_side sides[2];
    /* A reset that stands so far: of `side`, with these places of both directions, as they were. `own`
     * is its number, if that is ahead of what its side was seen to send, which then was `seen`. */
    struct {
        bool is_there;
        int side;
        uint32_t own, seen, peer;
        uint64_t frame;
    } reset;
    /* Doubts of the last segment that the caller has not taken, in room for IMAPID_ORDER_DOUBTS. That is the caller's, so
     * that many orders can share it. */
    unsigned n_doubts;
    struct imapid_order_doubt *doubts;
};

/* A segment, as far as the rule asks. */
struct imapid_order_segment {
    uint32_t seq, ack, n; /* n: octets of data */
    bool has_ack, has_fin;
    uint64_t number; /* of its packet */
};

/* The first piece that waits in a direction. */
struct imapid_order_piece {
    bool waits; /* false: nothing does, and the rest means nothing */
    bool has_ack;
    uint32_t seq;
    uint32_t ack;    /* acknowledgement it came with, with has_ack */
    uint64_t number; /* of the packet it came in */
};

enum imapid_order_act {
    IMAPID_ORDER_READ, /* read what the first piece of this direction has before `to`; all, if it ends there */
    IMAPID_ORDER_LOSE, /* octets of this direction are lost: from its next to before `to` */
};

struct imapid_order_step {
    enum imapid_order_act act;
    int side;
    uint32_t to;
};

enum imapid_order_place {
    IMAPID_ORDER_NEW, /* it goes on from n_old octets behind its beginning; those were read */
    IMAPID_ORDER_OLD, /* all of it was read, or given up */
    IMAPID_ORDER_OFF, /* nowhere near: damaged, or of another connection */
    /* The last of some segments that go on far away, or where the peer has heard another SYN, though octets were read: the
     * connection is there now. The caller gives up what waits in this direction, then calls imapid_order_restart(). */
    IMAPID_ORDER_MOVED,
    /* The direction goes on where it was before it was moved, or before octets were given up: the
     * same, but what waits may wait on, and imapid_order_return() is called. */
    IMAPID_ORDER_BACK,
};

/* Is `a` before `b`? Sequence numbers wrap: the two are less than 2^31 apart. */
static inline bool imapid_seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* The octet read next is this one, and nothing before it is missing. */
void imapid_order_set_next(struct imapid_order_side *side, uint32_t next);

/* The same by a SYN, so that octets before this one, and another SYN, are none of the direction's. */
void imapid_order_set_first(struct imapid_order_side *side, uint32_t first);

/* Octets before `next` were read; or they are lost. */
void imapid_order_move(struct imapid_order_side *side, uint32_t next);
void imapid_order_lose(struct imapid_order_side *side, uint32_t next);

/* A SYN of direction `d`; `waits`: does a piece wait in each direction? */
void imapid_order_take_syn(struct imapid_order *order, int d,
                           const struct imapid_order_segment *segment, const bool waits[2]);

/* Any other segment of direction `d` but a reset: the first one tells where the direction begins,
 * later ones may show that what seemed its end is none. Its acknowledgement and its FIN are taken as
 * well, but not its octets. */
void imapid_order_take(struct imapid_order *order, int d,
                       const struct imapid_order_segment *segment);

/* A reset of direction `d`. It stands until the connection goes on; see imapid_order.reset. */
void imapid_order_take_reset(struct imapid_order *order, int d,
                             const struct imapid_order_segment *segment);

/* Does a reset stand that its receiver believes? The number is the one that comes next. Of one that is
 * ahead, while octets before it are missing, it believes nothing, and asks back (RFC 5961, 3.2); but it
 * may be the capture that lacks them. */
bool imapid_order_is_reset(const struct imapid_order *order);

/* No segment comes any more. A reset that stands and is ahead is doubted, and withdrawn if anything came
 * behind it. */
void imapid_order_settle_reset(struct imapid_order *order);

/* A doubt that the caller has found in the segment. More than IMAPID_ORDER_DOUBTS are dropped. */
void imapid_order_doubt(struct imapid_order *order, enum imapid_doubt what, uint64_t frame);

/* Asked before imapid_order_find(): does direction `d` begin with this segment, behind a SYN that the peer has heard, while
 * nothing was read but what came by another SYN, or before any, waits? That is none of the direction: the caller drops it. */
bool imapid_order_begins_anew(struct imapid_order *order, int d,
                              const struct imapid_order_segment *segment);

/* Where `n` octets of direction `d` belong. `n_old`: how many of the first were read already; set
 * for NEW. */
enum imapid_order_place imapid_order_find(struct imapid_order *order, int d,
                                          const struct imapid_order_segment *segment,
                                          uint32_t *n_old);

/* Behind MOVED, or BACK: direction `d` goes on at `seq`. */
void imapid_order_restart(struct imapid_order *order, int d, uint32_t seq);
void imapid_order_return(struct imapid_order *order, int d, uint32_t seq);

/* Of two connections on the same addresses and ports, one begun behind a SYN in the other, is a segment
 * of the former? Of those that are near, the nearest has it. A SYN is told by its number, of which this
 * knows nothing. */
bool imapid_order_is_of_former(const struct imapid_order *former, const struct imapid_order *latter,
                               int d, const struct imapid_order_segment *segment);

/* Do n octets at `seq` begin before the first one of their direction? No end has sent these, but for one of a keep-alive,
 * nor what comes with them. */
bool imapid_order_is_before_first(const struct imapid_order_side *side, uint32_t seq, uint32_t n);

/* Does what came in direction `d` with this acknowledgement answer octets of the peer that were
 * not read yet? */
bool imapid_order_is_held(const struct imapid_order *order, int d, bool has_ack, uint32_t ack);

/* The direction whose first piece can be read now, `d` itself before the other, or with -1 the one that was
 * captured earlier; -1: neither. To be asked again with the direction that was read, since packets of one
 * direction are in order, and the other's may follow them. */
int imapid_order_next(const struct imapid_order *order, const struct imapid_order_piece pieces[2],
                      int d);

/* Direction `d` cannot go on: what to do, no farther than `to`, so that it (or, first, the other
 * one that it is held for) can. Something waits in `d`, or octets before `to` are lost. */
struct imapid_order_step imapid_order_give_up(const struct imapid_order *order,
                                              const struct imapid_order_piece pieces[2], int d,
                                              uint32_t to);

/* Which direction to help on when both have something waiting: the one that is held, since that
 * shows which octets were earlier; else the one captured earlier. Something waits. */
int imapid_order_choose(const struct imapid_order *order,
                        const struct imapid_order_piece pieces[2]);

/* One packet of the connection more, of either direction. True: octets of direction `d` were
 * waited for long enough, give them up to before `to`. */
bool imapid_order_is_lost(struct imapid_order *order, int d, uint32_t n_patience, uint32_t *to);

/* How many octets are known to have been sent, but neither came nor have anything behind them;
 * asked when nothing waits any more. */
uint32_t imapid_order_count_lost_tail(const struct imapid_order *order, int d);

/* Octets that wait, with the acknowledgement `ack`, came again with another one, `again`; or what stands behind them in
 * their direction came with that, and so was not sent before them. Does that answer less of the peer, so that they can be
 * read earlier than was known? It is theirs then. */
bool imapid_order_eases(bool has_again, uint32_t again, bool has_ack, uint32_t ack);

/* A segment of direction `d` was taken while pieces wait there: `is_next`, it began at the octet that is read
 * next. `before` and `now`: the first piece that waits, without the segment and with it. */
void imapid_order_pass(struct imapid_order *order, int d, bool is_next,
                       const struct imapid_order_piece *before,
                       const struct imapid_order_piece *now);

/* Is the first piece that waits in direction `d` none of it? So it is behind a FIN that the peer has
 * acknowledged, or where some segments went on in front of it and the peer acknowledges these and no more. */
bool imapid_order_is_astray(const struct imapid_order *order, int d,
                            const struct imapid_order_piece *piece);

/* Can octets from `seq` on, behind a hole, be none of direction `d`? The peer has acknowledged its FIN
 * before them. */
bool imapid_order_is_behind_fin(const struct imapid_order *order, int d, uint32_t seq);

/* Was everything read, up to the FIN? `waits`: does a piece wait? */
bool imapid_order_is_over(const struct imapid_order *order, int d, bool waits);

#endif
