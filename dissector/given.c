/* SPDX-License-Identifier: GPL-2.0-or-later */
/* given.c: which octets of a connection TCP gives to TLS, and which frames it withholds.
 *
 * TLS skips what it cannot decrypt and says nothing of it. So behind a hole application data out of
 * which nothing comes counts as missing, too.
 *
 * Refuses: nothing; a number far off the sequence only makes more of it count as missing.
 *
 * Misuse: telling it of a segment on a later visit, or twice. */
#include "given.h"

#include <imapid/order.h>

static wmem_map_t *withheld, *divided; /* frames; file scope */

static wmem_map_t *new_frames(void)
{
    return wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash,
                                  g_direct_equal);
}

void imapid_given_register(void)
{
    withheld = new_frames();
    divided = new_frames();
}

static void add_frame(wmem_map_t *frames, unsigned frame)
{
    wmem_map_insert(frames, GUINT_TO_POINTER(frame), GUINT_TO_POINTER(1));
}

static bool has_frame(wmem_map_t *frames, unsigned frame)
{
    return wmem_map_contains(frames, GUINT_TO_POINTER(frame));
}

bool imapid_given_is_withheld(unsigned frame)
{
    return has_frame(withheld, frame);
}

void imapid_given_withhold(unsigned frame)
{
    add_frame(withheld, frame);
}

bool imapid_given_is_divided(unsigned frame)
{
    return has_frame(divided, frame);
}

void imapid_given_divide(unsigned frame)
{
    add_frame(divided, frame);
}

void imapid_given_begin(struct imapid_given *given, int d, uint32_t begin)
{
    struct imapid_given_side *side = &given->sides[d];

    side->begin = begin;
    side->has_begin = true;
    if (!side->is_known)
        side->excused = begin;
}

unsigned imapid_given_count_clear(struct imapid_given *given, int d, uint32_t from, unsigned n,
                                  const packet_info *pinfo)
{
    struct imapid_given_side *side = &given->sides[d];
    bool may_be = pinfo->fd->visited ? pinfo->num <= side->clear_until : !side->is_far;

    if (!side->has_begin || !may_be || !imapid_seq_before(from, side->begin))
        return 0;
    side->clear_until = MAX(side->clear_until, pinfo->num);
    return MIN(n, side->begin - from);
}

bool imapid_hole_fill(struct imapid_hole *hole, uint32_t from, uint32_t to)
{
    if (!hole->is_open || !imapid_seq_before(from, hole->to) || !imapid_seq_before(hole->from, to))
        return false;
    hole->is_open = false;
    return true;
}

int imapid_given_direction(const packet_info *pinfo)
{
    return pinfo->srcport != pinfo->destport ? pinfo->srcport > pinfo->destport
                                             : cmp_address(&pinfo->src, &pinfo->dst) > 0;
}

static void move(struct imapid_given_side *side, uint32_t next)
{
    side->next = next;
    if (imapid_seq_before(side->excused, next))
        side->excused = next;
}

/* What TLS is given was sent with this acknowledgement, or an earlier one. */
static void note_ack(struct imapid_given_side *side, uint32_t ack)
{
    if (!side->has_ack || imapid_seq_before(side->ack, ack))
        side->ack = ack;
    side->has_ack = true;
}

static void give_pending(struct imapid_given_side *side, const struct imapid_given_frame *one)
{
    wmem_map_remove(withheld, GUINT_TO_POINTER(one->frame));
    note_ack(side, one->ack);
}

/* Frames whose octets begin before `to` were given; or not, where those from `lost` on are lost. */
static void settle_pending(struct imapid_given_side *side, uint32_t lost, uint32_t from,
                           uint32_t to)
{
    unsigned n_left = 0;

    for (unsigned i = 0; i < side->n_pending; i++) {
        const struct imapid_given_frame one = side->pending[i];

        if (!imapid_seq_before(one.from, to))
            side->pending[n_left++] = one;
        else if (!imapid_seq_before(one.from, lost) && imapid_seq_before(one.from, from))
            imapid_given_withhold(one.frame);
        else
            give_pending(side, &one);
    }
    side->n_pending = n_left;
}

void imapid_given_lose(struct imapid_given *given, int d)
{
    given->sides[d].is_broken = given->sides[d].is_missing = true;
}

void imapid_given_take(struct imapid_given *given, int d, uint32_t from, uint32_t to,
                       const struct imapid_own_segment *own)
{
    struct imapid_given_side *side = &given->sides[d];
    uint32_t lost = side->next;

    if (!side->is_known) {
        side->is_known = true;
        side->next = lost = from;
        if (!side->has_begin || imapid_seq_before(side->excused, from))
            side->excused = from;
    } else if (imapid_seq_before(side->next, from)) {
        side->hole = (struct imapid_hole){true, side->next, from};
        imapid_given_lose(given, d);
    }
    if (own->flags & TH_ACK && imapid_seq_before(own->seq, to))
        note_ack(side, own->ack);
    settle_pending(side, lost, from, to);
    side->end = to;
    side->is_far |= side->has_begin && imapid_seq_before(side->begin + IMAPID_ORDER_AHEAD_MAX, to);
    if (imapid_seq_before(side->next, to))
        move(side, to);
}

void imapid_given_note_silence(struct imapid_given *given, int d)
{
    given->sides[d].is_missing |= given->sides[d].is_broken;
}

static void add_pending(struct imapid_given_side *side, const struct imapid_own_segment *own)
{
    if (side->n_pending == IMAPID_GIVEN_PENDING_MAX)
        return;
    if (side->n_pending == side->pending_size) {
        side->pending_size = side->pending_size ? 2 * side->pending_size : 16;
        side->pending = (struct imapid_given_frame *)wmem_realloc(
            wmem_file_scope(), side->pending, side->pending_size * sizeof *side->pending);
    }
    side->pending[side->n_pending++] = (struct imapid_given_frame){own->frame, own->seq, own->ack};
}

void imapid_given_finish(struct imapid_given *given, int d, const struct imapid_own_segment *own)
{
    struct imapid_given_side *side = &given->sides[d];
    uint32_t end = own->seq + own->n + own->n_cut;
    bool is_new = imapid_seq_before(side->next, end);

    given->n_segments++;
    if (own->n_cut)
        imapid_given_lose(given, d);
    if (own->flags & TH_FIN && side->next == end)
        move(side, end + 1);
    if (!side->is_known || end == own->seq || own->is_given)
        return;
    if (imapid_hole_fill(&side->hole, own->seq, end) ||
        (is_new && imapid_seq_before(side->next, own->seq)))
        imapid_given_withhold(own->frame);
    if (is_new)
        add_pending(side, own);
}

bool imapid_given_miss(struct imapid_given *given, int d)
{
    bool is_missing = given->sides[d].is_missing;

    given->sides[d].is_missing = false;
    return is_missing;
}

bool imapid_given_awaits(const struct imapid_given *given, int d, uint32_t to)
{
    const struct imapid_given_side *side = &given->sides[d];

    return (side->is_known || side->has_begin) && to - side->excused - 1 < IMAPID_ORDER_AHEAD_MAX;
}

void imapid_given_excuse(struct imapid_given *given, int d, uint32_t to)
{
    if (!imapid_given_awaits(given, d, to))
        return;
    given->sides[d].excused = to;
    imapid_given_lose(given, d);
}
