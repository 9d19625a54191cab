/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pass.c: the first pass over a connection.
 *
 *     octets of a call -> what is new of them -> reader -> parts, idents, exchanges
 *
 * In the clear it is given whole segments, and the rule of order.h says which are read when; those
 * that have to wait are kept here, each in a copy.
 *
 * Refuses: octets that were read or given up before, and those far off the sequence.
 *
 * Misuse: reading a call twice; then its octets count as sent again, or, without sequence numbers,
 * as new ones. */
#include "pass.h"

#include <string.h>

#include <imapid/hello.h>

#include "reader.h"
#include "segment.h"

/* ---- segments, in the order of order.h ---- */

/* One segment being taken. */
struct turn {
    struct imapid_stream *stream;
    const struct imapid_place *place;
    size_t n;                 /* octets it has */
    struct imapid_call *call; /* its record; NULL: nothing is to be seen in it so far */
    bool is_settling;         /* no segment at all: what waits is read where it came */
};

static struct imapid_call *turn_call(struct turn *turn)
{
    if (!turn->call)
        turn->call = imapid_stream_add_call(turn->stream, turn->place, turn->n);
    return turn->call;
}

static void look(const struct imapid_stream *stream, struct imapid_order_piece pieces[2])
{
    for (int side = 0; side < 2; side++) {
        const struct imapid_waiting *first = stream->directions[side].waiting;

        pieces[side] = first ? first->piece : (struct imapid_order_piece){.waits = false};
    }
}

static bool has_waiting(const struct imapid_stream *stream)
{
    return stream->directions[0].waiting || stream->directions[1].waiting;
}

static uint32_t end_of(const struct imapid_waiting *waiting)
{
    return waiting->piece.seq + waiting->n + waiting->n_cut;
}

static void drop_first(struct imapid_share *share, struct imapid_direction *direction)
{
    struct imapid_waiting *first = direction->waiting;

    direction->waiting = first->next;
    direction->n_waiting--;
    direction->n_waiting_octets -= first->n;
    imapid_budget_count(share, sizeof *first, 0);
    wmem_free(wmem_file_scope(), first);
}

/* The connection is TLS from here on: what waits is not for us. */
static void drop_waiting(struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        imapid_stream_drop_waiting(stream, &stream->directions[side]);
}

/* Takes off its first `n` octets: no more than it has. */
static void cut_front(struct imapid_waiting *waiting, uint32_t n)
{
    unsigned n_data = MIN(n, waiting->n);

    waiting->piece.seq += n;
    waiting->octets += n_data;
    waiting->n -= n_data;
    waiting->n_cut -= n - n_data;
}

/* Leaves its first `n` octets: no more than it has. */
static void cut_back(struct imapid_waiting *waiting, uint32_t n)
{
    waiting->n = MIN(n, waiting->n);
    waiting->n_cut = n - waiting->n;
}

/* Takes off what waits of the octets before `to`. */
static void take_off(struct imapid_stream *stream, enum imapid_side side, uint32_t to)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct imapid_waiting *first;

    while ((first = direction->waiting) && imapid_seq_before(first->piece.seq, to)) {
        uint32_t n = to - first->piece.seq;

        if (n >= first->n + first->n_cut) {
            drop_first(stream->share, direction);
            continue;
        }
        direction->n_waiting_octets -= MIN(n, first->n);
        cut_front(first, n);
    }
}

static void lose_to(struct imapid_stream *stream, enum imapid_side side, uint32_t to)
{
    struct imapid_direction *direction = &stream->directions[side];
    uint32_t next = stream->order.sides[side].next;

    imapid_stream_note_read(stream);
    direction->hole = (struct imapid_hole){true, next, to};
    imapid_reader_lose(stream, side, to - next);
    imapid_order_lose(&stream->order.sides[side], to);
    take_off(stream, side, to);
}

/* Keeps what was read now, for copies of it that come later. */
static void keep_past(struct imapid_stream *stream, enum imapid_side side, uint32_t seq,
                      const uint8_t *octets, unsigned n)
{
    if (!stream->gave_way)
        imapid_pasts_add(&imapid_stream_pasts, &stream->directions[side].past, seq, octets, n);
}

/* Holds what came now against what was read. */
static void check_copy(struct turn *turn, const uint8_t *octets, unsigned n)
{
    const struct imapid_place *place = turn->place;
    struct imapid_order *order = &turn->stream->order;

    if (imapid_past_differs(&turn->stream->directions[place->side].past,
                            order->sides[place->side].next, place->seq, octets, n))
        imapid_order_doubt(order, IMAPID_DOUBT_CONFLICTING_DATA, place->frame);
}

/* What was read of an earlier call is to be shown in this one, too. */
static void add_released(struct turn *turn, struct imapid_section *first)
{
    struct imapid_released **at, *released;

    if (turn->is_settling || first->call == turn_call(turn))
        return;
    released = (struct imapid_released *)imapid_budget_alloc(turn->stream->share, sizeof *released);
    released->first = first;
    released->last = first->call->last;
    for (at = &turn->call->released; *at;)
        at = &(*at)->next;
    *at = released;
    for (struct imapid_section *section = first; section; section = section->next)
        section->is_released = true;
}

/* Reads octets that waited. */
static void read_waited(struct turn *turn, enum imapid_side side,
                        const struct imapid_waiting *first)
{
    struct imapid_section *section = imapid_records_add_section(
        first->call, first->is_elsewhere ? 0 : first->piece.seq - first->call->seq, first->n);

    section->side = side;
    section->octets = first->octets;
    section->is_late = true;
    section->is_own = !first->is_elsewhere;
    imapid_reader_read(turn->stream, section, first->octets);
    add_released(turn, section);
}

/* Reads what the first piece that waits has before `to`. */
static void read_first(struct turn *turn, enum imapid_side side, uint32_t to)
{
    struct imapid_stream *stream = turn->stream;
    struct imapid_waiting first = *stream->directions[side].waiting;

    *first.read_in = first.call->frame;
    if (imapid_seq_before(to, end_of(&first)))
        cut_back(&first, to - first.piece.seq);
    take_off(stream, side, end_of(&first));
    imapid_order_move(&stream->order.sides[side], first.piece.seq + first.n + first.n_cut);
    if (first.n) {
        keep_past(stream, side, first.piece.seq, first.octets, first.n);
        read_waited(turn, side, &first);
    }
    if (first.n_cut && !stream->to)
        imapid_reader_lose(stream, side, first.n_cut);
}

/* Reads all that waits and need not wait any more. */
static void pump(struct turn *turn)
{
    struct imapid_order_piece pieces[2];
    int side = -1;

    while (!turn->stream->to) {
        look(turn->stream, pieces);
        side = imapid_order_next(&turn->stream->order, pieces, side);
        if (side < 0)
            return;
        read_first(turn, (enum imapid_side)side, end_of(turn->stream->directions[side].waiting));
    }
}

static void give_up(struct turn *turn, enum imapid_side side, uint32_t to)
{
    struct imapid_order_piece pieces[2];
    struct imapid_order_step step;

    look(turn->stream, pieces);
    step = imapid_order_give_up(&turn->stream->order, pieces, side, to);
    if (step.act == IMAPID_ORDER_LOSE)
        lose_to(turn->stream, (enum imapid_side)step.side, step.to);
    else
        read_first(turn, (enum imapid_side)step.side, step.to);
    pump(turn);
}

static void add_doubts(struct imapid_call *call, struct imapid_order *order)
{
    for (unsigned i = 0; i < order->n_doubts; i++) {
        struct imapid_doubted *doubted =
            (struct imapid_doubted *)imapid_budget_alloc(call->share, sizeof *doubted);

        doubted->doubt = order->doubts[i].doubt;
        doubted->frame = (unsigned)order->doubts[i].frame;
        doubted->next = call->doubted;
        call->doubted = doubted;
    }
    order->n_doubts = 0;
}

/* Notes in the segment what it, or what was read now, makes doubtful. */
static void take_doubts(struct turn *turn)
{
    if (turn->stream->order.n_doubts)
        add_doubts(turn_call(turn), &turn->stream->order);
}

/* What waits in a direction is none of it. */
static void drop_astray(struct imapid_stream *stream, int side)
{
    struct imapid_direction *direction = &stream->directions[side];

    imapid_order_doubt(&stream->order, IMAPID_DOUBT_OFF_SEQUENCE, direction->waiting->piece.number);
    add_doubts(direction->waiting->call, &stream->order);
    imapid_stream_drop_waiting(stream, direction);
}

/* Nothing more is waited for. */
static void give_all_up(struct turn *turn)
{
    struct imapid_order_piece pieces[2];
    int side;

    look(turn->stream, pieces);
    for (side = 0; side < 2; side++)
        if (imapid_order_is_astray(&turn->stream->order, side, &pieces[side]))
            drop_astray(turn->stream, side);
    while (has_waiting(turn->stream) && !turn->stream->to) {
        look(turn->stream, pieces);
        side = imapid_order_choose(&turn->stream->order, pieces);
        give_up(turn, (enum imapid_side)side, pieces[side].seq);
    }
}

/* Has the piece other octets than `there`, which begins no later, in the place they share? */
static bool differs(const struct imapid_waiting *there, const struct imapid_waiting *piece)
{
    uint32_t at = piece->piece.seq - there->piece.seq;

    return at < there->n &&
           memcmp(there->octets + at, piece->octets, MIN(piece->n, there->n - at)) != 0;
}

/* Puts the first `n` octets of a piece at `at`. The octets themselves are not copied. */
static void insert(struct imapid_share *share, struct imapid_direction *direction,
                   struct imapid_waiting **at, const struct imapid_waiting *piece, uint32_t n)
{
    struct imapid_waiting *copy =
        (struct imapid_waiting *)wmem_memdup(wmem_file_scope(), piece, sizeof *piece);

    copy->n = MIN(n, piece->n);
    copy->n_cut = n - copy->n;
    copy->next = *at;
    *at = copy;
    imapid_budget_count(share, 0, sizeof *copy);
    direction->n_waiting++;
    direction->n_waiting_octets += copy->n;
}

/* Makes two of one, the second one beginning `n` octets later. */
static void split(struct imapid_share *share, struct imapid_direction *direction,
                  struct imapid_waiting *waiting, uint32_t n)
{
    struct imapid_waiting rest = *waiting;

    cut_front(&rest, n);
    waiting->n -= rest.n;
    waiting->n_cut -= rest.n_cut;
    direction->n_waiting_octets -= rest.n;
    insert(share, direction, &waiting->next, &rest, rest.n + rest.n_cut);
}

static bool eases(const struct imapid_order_piece *later, const struct imapid_order_piece *piece)
{
    return imapid_order_eases(later->has_ack, later->ack, piece->has_ack, piece->ack);
}

static void take_ack(struct imapid_order_piece *piece, const struct imapid_order_piece *from)
{
    piece->has_ack = from->has_ack;
    piece->ack = from->ack;
}

/* What stands before the end of `later`. See imapid_order_eases(). */
static void ease(struct imapid_share *share, struct imapid_direction *direction,
                 const struct imapid_waiting *later)
{
    uint32_t end = end_of(later);

    for (struct imapid_waiting *waiting = direction->waiting;
         waiting && imapid_seq_before(waiting->piece.seq, end); waiting = waiting->next) {
        if (!eases(&later->piece, &waiting->piece))
            continue;
        if (imapid_seq_before(end, end_of(waiting)))
            split(share, direction, waiting, end - waiting->piece.seq);
        take_ack(&waiting->piece, &later->piece);
    }
}

/* Puts what is not waiting already of these octets where it belongs. `piece` says where. False: some
 * of those that do differ. */
static bool add_waiting(struct imapid_share *share, struct imapid_direction *direction,
                        struct imapid_waiting piece)
{
    struct imapid_waiting **at = &direction->waiting;
    uint32_t end = end_of(&piece);
    bool is_same = true;

    ease(share, direction, &piece);
    while (imapid_seq_before(piece.piece.seq, end)) {
        uint32_t n = end - piece.piece.seq;

        while (*at && !imapid_seq_before(piece.piece.seq, end_of(*at)))
            at = &(*at)->next;
        if (*at && !imapid_seq_before(piece.piece.seq, (*at)->piece.seq)) {
            n = MIN(n, end_of(*at) - piece.piece.seq); /* waits already */
            is_same &= !differs(*at, &piece);
        } else {
            if (*at)
                n = MIN(n, (*at)->piece.seq - piece.piece.seq);
            insert(share, direction, at, &piece, n);
            if ((*at)->next && eases(&(*at)->next->piece, &(*at)->piece))
                take_ack(&(*at)->piece, &(*at)->next->piece);
        }
        cut_front(&piece, n);
    }
    return is_same;
}

/* What waits from `next` on without a hole, and behind what this segment brought, belongs to it: it
 * filled the hole before that. As the tool has it (net/tcp-queue). */
static void stamp_run(struct turn *turn, uint32_t next, bool is_behind)
{
    struct imapid_waiting *waiting = turn->stream->directions[turn->place->side].waiting;

    for (; waiting && waiting->piece.seq == next; waiting = waiting->next) {
        next = end_of(waiting);
        if (waiting->call == turn->call) {
            is_behind = true;
        } else if (is_behind) {
            waiting->call = turn->call;
            waiting->is_elsewhere = true;
        }
    }
}

static void wait(struct turn *turn, const uint8_t *octets, unsigned n_old, unsigned n,
                 unsigned n_cut)
{
    const struct imapid_place *place = turn->place;
    struct imapid_direction *direction = &turn->stream->directions[place->side];
    struct imapid_call *call = turn_call(turn);
    struct imapid_waiting waiting = {
        .piece = {true, (place->flags & TH_ACK) != 0, place->seq + n_old, place->ack, place->frame},
        .call = call,
        .n_cut = n_old > n ? n_cut - (n_old - n) : n_cut,
        .read_in = (unsigned *)imapid_budget_alloc(turn->stream->share, sizeof(unsigned)),
    };

    imapid_stream_note_read(turn->stream);
    if (n_old < n) {
        struct imapid_section *section = imapid_records_add_section(call, n_old, n - n_old);

        waiting.n = n - n_old;
        waiting.octets =
            (const uint8_t *)imapid_budget_copy(turn->stream->share, octets + n_old, waiting.n);
        imapid_records_add_part(section, IMAPID_PART_EARLY, 0, waiting.n)->ends_in =
            waiting.read_in;
    }
    if (!add_waiting(turn->stream->share, direction, waiting))
        imapid_order_doubt(&turn->stream->order, IMAPID_DOUBT_CONFLICTING_DATA, place->frame);
    stamp_run(turn, turn->stream->order.sides[place->side].next, false);
    pump(turn);
    while ((direction->n_waiting > IMAPID_STREAM_N_WAITING_MAX ||
            direction->n_waiting_octets > IMAPID_STREAM_WAITING_MAX) &&
           !turn->stream->to)
        give_up(turn, place->side, direction->waiting->piece.seq);
}

/* Adds what is passed over in a call: octets that came before. */
static void pass_over(struct imapid_call *call, unsigned from, unsigned to)
{
    if (from < to)
        imapid_records_add_part(imapid_records_add_section(call, from, to - from), IMAPID_PART_OLD,
                                0, to - from);
}

/* Octets that are next, behind `n_old` that are not. None of them waits already. */
static void read_now(struct turn *turn, const uint8_t *octets, unsigned n_old, unsigned n,
                     unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    enum imapid_side side = turn->place->side;
    uint32_t end = turn->place->seq + n + n_cut;
    unsigned n_lost = n_old > n ? n_cut - (n_old - n) : n_cut;

    if (n_old < n) {
        keep_past(stream, side, turn->place->seq + n_old, octets + n_old, n - n_old);
        imapid_reader_read(stream, imapid_records_add_section(turn->call, n_old, n - n_old),
                           octets + n_old);
    }
    if (n_lost && !stream->to)
        imapid_reader_lose(stream, side, n_lost);
    imapid_order_move(&stream->order.sides[side], end);
    take_off(stream, side, end);
    stamp_run(turn, end, true);
    pump(turn);
}

/* Octets that are next, behind `n_old` that are not. Of those that wait already, the first copy
 * counts, as in the tool. */
static void take_next(struct turn *turn, const uint8_t *octets, unsigned n_old, unsigned n,
                      unsigned n_cut)
{
    const struct imapid_place *place = turn->place;
    struct imapid_stream *stream = turn->stream;
    const struct imapid_direction *direction = &stream->directions[place->side];
    uint32_t end = n + n_cut;

    while (n_old < end && !stream->to) {
        uint32_t to = end;

        if (direction->waiting)
            to = MIN(end, direction->waiting->piece.seq - place->seq);
        if (to == n_old) { /* what waits there is held */
            wait(turn, octets, n_old, n, n_cut);
            return;
        }
        read_now(turn, octets, n_old, MIN(n, to), to - MIN(n, to));
        n_old = stream->order.sides[place->side].next - place->seq;
        if (to < MIN(n, n_old))
            check_copy(turn, octets, n);
        pass_over(turn->call, to, MIN(n, n_old));
    }
}

static void give_up_before(struct turn *turn, enum imapid_side side, uint32_t to)
{
    struct imapid_stream *stream = turn->stream;

    while (imapid_seq_before(stream->order.sides[side].next, to) && !stream->to)
        give_up(turn, side, to);
}

/* A ClientHello where STARTTLS, or its answer, was acknowledged and is not in the capture: it cannot
 * wait, as Wireshark has to be told in this frame. */
static void give_up_before_hello(struct turn *turn, const uint8_t *octets, unsigned n)
{
    const struct imapid_place *place = turn->place;
    const struct imapid_order_side *sides = turn->stream->order.sides;
    bool acks_unseen =
        (place->flags & TH_ACK) && imapid_seq_before(sides[IMAPID_SERVER].next, place->ack);

    if (place->side != IMAPID_CLIENT || !imapid_hello_is_clients(octets, n) ||
        (imapid_seq_before(sides[IMAPID_CLIENT].acked, place->seq) && !acks_unseen))
        return;
    give_up_before(turn, IMAPID_CLIENT, place->seq);
    if (acks_unseen)
        give_up_before(turn, IMAPID_SERVER, place->ack);
}

static void take_octets(struct turn *turn, const struct imapid_order_segment *segment,
                        const uint8_t *octets, unsigned n, unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;
    struct imapid_direction *direction = &stream->directions[place->side];
    struct imapid_order_piece before[2], now[2];
    uint32_t n_old = 0;
    bool is_next;

    if (imapid_order_begins_anew(&stream->order, place->side, segment) && direction->waiting) {
        take_doubts(turn);
        drop_astray(stream, place->side);
    }
    switch (imapid_order_find(&stream->order, place->side, segment, &n_old)) {
    case IMAPID_ORDER_OLD:
        check_copy(turn, octets, n);
        pass_over(turn_call(turn), 0, n);
        return;
    case IMAPID_ORDER_OFF:
        imapid_records_add_part(imapid_records_add_section(turn_call(turn), 0, n),
                                IMAPID_PART_NOISE, 0, n);
        return;
    case IMAPID_ORDER_MOVED:
        while (direction->waiting && !stream->to)
            give_up(turn, place->side, direction->waiting->piece.seq);
        imapid_reader_lose(stream, place->side, 0);
        imapid_order_restart(&stream->order, place->side, place->seq);
        break;
    case IMAPID_ORDER_BACK:
        if (stream->order.sides[place->side].left == IMAPID_ORDER_LEFT_MOVED && direction->waiting)
            drop_astray(stream, place->side);
        imapid_reader_lose(stream, place->side, 0);
        imapid_order_return(&stream->order, place->side, place->seq);
        break;
    case IMAPID_ORDER_NEW:
        if (n_old)
            check_copy(turn, octets, n);
        break;
    }
    if (stream->to)
        return;
    pass_over(turn_call(turn), 0, MIN(n_old, n));
    give_up_before_hello(turn, octets, n);
    if (stream->to) { /* an answer to STARTTLS had waited behind what was given up now */
        stream->to = IMAPID_SWITCH_TLS_HERE;
        turn_call(turn)->tls_at = n_old;
        return;
    }
    look(stream, before);
    is_next = place->seq + n_old == stream->order.sides[place->side].next;
    if (is_next && !imapid_order_is_held(&stream->order, place->side, (place->flags & TH_ACK) != 0,
                                         place->ack))
        take_next(turn, octets, n_old, n, n_cut);
    else
        wait(turn, octets, n_old, n, n_cut);
    look(stream, now);
    imapid_order_pass(&stream->order, place->side, is_next, &before[place->side],
                      &now[place->side]);
}

static void wait_for_acked(struct turn *turn, enum imapid_side side)
{
    struct imapid_stream *stream = turn->stream;
    uint32_t to;

    if (stream->to || !imapid_order_is_lost(&stream->order, side, IMAPID_ORDER_PATIENCE, &to))
        return;
    while (imapid_seq_before(stream->order.sides[side].next, to) && !stream->to)
        give_up(turn, side, to);
}

/* Have both sides ended, and seen the other's end? Nothing is sent after that. */
static bool is_closed(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++)
        if (!stream->order.sides[side].has_fin ||
            !imapid_seq_before(stream->order.sides[side].fin, stream->order.sides[side].acked))
            return false;
    return true;
}

static void take_segment(struct turn *turn, const uint8_t *octets, unsigned n, unsigned n_cut)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;
    enum imapid_side other = imapid_side_other(place->side);
    struct imapid_order *order = &stream->order;
    struct imapid_order_segment segment = {
        .seq = place->seq,
        .ack = place->ack,
        .n = n + n_cut,
        .has_ack = (place->flags & TH_ACK) != 0,
        .has_fin = (place->flags & TH_FIN) != 0,
        .number = place->frame,
    };

    /* A reset that was there before the first octets. */
    if (!stream->n_reads && order->reset.is_there && !imapid_order_is_reset(order))
        stream->reset_call = turn_call(turn);
    imapid_segment_note_checksum(order, &stream->directions[place->side].checksums, place->checksum,
                                 place->frame);
    if (place->flags & TH_RST) {
        imapid_order_take_reset(order, place->side, &segment);
        segment.n = 0;
        /* If nothing comes behind it, only the end tells: imapid_pass_tell_end(). */
        if (order->reset.is_there && order->reset.frame == place->frame)
            stream->reset_call = imapid_order_is_reset(order) ? NULL : turn_call(turn);
    } else if (place->flags & TH_SYN) {
        const bool waits[2] = {stream->directions[0].waiting, stream->directions[1].waiting};

        segment.seq--;
        imapid_order_take_syn(order, place->side, &segment, waits);
        segment.seq++;
    } else {
        imapid_order_take(order, place->side, &segment);
    }
    if (order->sides[other].is_absent)
        wait_for_acked(turn, other);
    if (segment.n)
        take_octets(turn, &segment, octets, n, n_cut);
    for (int side = 0; side < 2; side++)
        wait_for_acked(turn, (enum imapid_side)side);
    take_doubts(turn);
    /* More may come late. Where there is another visit, all that comes is there first. */
    if (is_closed(stream) && place->is_shown)
        give_all_up(turn);
}

/* ---- calls inside TLS ---- */

/* TLS gives the octets of a direction in order, and without sequence numbers of their own. What they
 * answer may come later: then they wait, each with the segment it came in. */

static int given_side(const struct imapid_stream *stream, enum imapid_side side)
{
    return side == IMAPID_CLIENT ? stream->given_client : !stream->given_client;
}

/* Was `ack` sent after octets of the other side that were not read, but may yet come? */
static bool is_call_held(const struct imapid_stream *stream, enum imapid_side side, uint32_t ack)
{
    enum imapid_side other = imapid_side_other(side);
    const struct imapid_waiting *first = stream->directions[other].waiting;

    return imapid_given_awaits(stream->given, given_side(stream, other), ack) ||
           (first && !imapid_seq_before(ack, first->piece.seq));
}

static void add_last(struct imapid_stream *stream, enum imapid_side side,
                     const struct imapid_waiting *waiting)
{
    struct imapid_direction *direction = &stream->directions[side];
    struct imapid_waiting **at = &direction->waiting;

    while (*at)
        at = &(*at)->next;
    *at = (struct imapid_waiting *)wmem_memdup(wmem_file_scope(), waiting, sizeof *waiting);
    imapid_budget_count(stream->share, 0, sizeof *waiting);
    direction->n_waiting++;
    direction->n_waiting_octets += waiting->n;
}

static void wait_call(struct turn *turn, const uint8_t *octets, unsigned n)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;
    struct imapid_waiting waiting = {
        .octets = (const uint8_t *)imapid_budget_copy(stream->share, octets, n),
        .piece = {true, (place->flags & TH_ACK) != 0, place->seq, place->ack,
                  stream->given->n_segments},
        .n = n,
        .call = turn->call,
        .read_in = (unsigned *)imapid_budget_alloc(stream->share, sizeof(unsigned)),
    };

    imapid_stream_note_read(stream);
    imapid_records_add_part(imapid_records_add_section(turn->call, 0, n), IMAPID_PART_EARLY, 0, n)
        ->ends_in = waiting.read_in;
    add_last(stream, place->side, &waiting);
}

static void read_first_call(struct turn *turn, enum imapid_side side)
{
    struct imapid_stream *stream = turn->stream;
    struct imapid_waiting first = *stream->directions[side].waiting;

    drop_first(stream->share, &stream->directions[side]);
    if (!first.call) {
        imapid_reader_lose(stream, side, 0);
        return;
    }
    *first.read_in = first.call->frame;
    read_waited(turn, side, &first);
}

/* TLS was not given, or did not decrypt, octets of a side: they are missing behind what waits. */
static void lose_missing(struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++) {
        const struct imapid_waiting nothing = {.piece = {.waits = true}};

        if (!imapid_given_miss(stream->given, given_side(stream, (enum imapid_side)side)))
            continue;
        if (stream->directions[side].waiting)
            add_last(stream, (enum imapid_side)side, &nothing);
        else
            imapid_reader_lose(stream, (enum imapid_side)side, 0);
    }
}

/* The side whose first call need not wait any more; -1: none. What TLS is given at once may have come
 * in several segments, so that each side seems to answer the other: then the client was first, as
 * a command before its time does no harm. */
static int find_free(const struct imapid_stream *stream)
{
    const struct imapid_waiting *first[2] = {stream->directions[0].waiting,
                                             stream->directions[1].waiting};

    for (int side = 0; side < 2; side++)
        if (first[side] && (!first[side]->call || !first[side]->piece.has_ack ||
                            !is_call_held(stream, (enum imapid_side)side, first[side]->piece.ack)))
            return side;
    return first[IMAPID_CLIENT] && first[IMAPID_SERVER] &&
                   !imapid_given_awaits(stream->given, given_side(stream, IMAPID_SERVER),
                                        first[IMAPID_CLIENT]->piece.ack)
               ? IMAPID_CLIENT
               : -1;
}

static void pump_calls(struct turn *turn)
{
    int side;

    while ((side = find_free(turn->stream)) >= 0)
        read_first_call(turn, (enum imapid_side)side);
}

/* Reads the call that waits longest, though what it answers did not come. */
static void give_call_up(struct turn *turn)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_waiting *first[2] = {stream->directions[0].waiting,
                                             stream->directions[1].waiting};
    int side = !first[0] || (first[1] && first[1]->piece.number < first[0]->piece.number);

    imapid_given_excuse(
        stream->given, given_side(stream, imapid_side_other((enum imapid_side)side)),
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) ; called where one waits */
        first[side]->piece.ack);
    lose_missing(stream);
    read_first_call(turn, (enum imapid_side)side);
    pump_calls(turn);
}

static bool has_waited_enough(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2; side++) {
        const struct imapid_direction *direction = &stream->directions[side];

        if (direction->waiting &&
            (stream->given->n_segments - direction->waiting->piece.number > IMAPID_ORDER_PATIENCE ||
             direction->n_waiting > IMAPID_STREAM_N_WAITING_MAX ||
             direction->n_waiting_octets > IMAPID_STREAM_WAITING_MAX))
            return true;
    }
    return false;
}

static void take_call(struct turn *turn, const uint8_t *octets, unsigned n)
{
    struct imapid_stream *stream = turn->stream;
    const struct imapid_place *place = turn->place;

    if (stream->given)
        lose_missing(stream);
    if (stream->given && (stream->directions[place->side].waiting ||
                          (place->flags & TH_ACK && is_call_held(stream, place->side, place->ack))))
        wait_call(turn, octets, n);
    else if (n)
        imapid_reader_read(stream, imapid_records_add_section(turn->call, 0, n), octets);
    if (stream->given)
        pump_calls(turn);
    while (stream->given && has_waited_enough(stream))
        give_call_up(turn);
    if (stream->given)
        stream->given->is_waited_for = has_waiting(stream);
}

void imapid_pass_settle(struct imapid_stream *stream)
{
    struct turn turn = {.stream = stream, .is_settling = true};

    if (!has_waiting(stream) || stream->gave_way)
        return;
    stream->to = IMAPID_SWITCH_NONE;
    stream->is_settling = true;
    while (stream->given && has_waiting(stream))
        give_call_up(&turn);
    give_all_up(&turn);
    drop_waiting(stream);
    stream->is_settling = false;
}

/* Did the connection end, and was everything before that read? Known of segments alone. */
static bool has_ended(const struct imapid_stream *stream)
{
    for (int side = 0; side < 2 && !imapid_order_is_reset(&stream->order); side++)
        if (!imapid_order_is_over(&stream->order, side, stream->directions[side].waiting))
            return false;
    return true;
}

struct imapid_call *imapid_pass_read(struct imapid_stream *stream, const struct imapid_place *place,
                                     const uint8_t *octets, size_t n, size_t n_cut)
{
    struct turn turn = {.stream = stream, .place = place, .n = n};
    struct imapid_stream *largest;

    while ((largest = (struct imapid_stream *)imapid_budget_find_excess()))
        imapid_stream_give_way(largest);
    if (stream->gave_way)
        return NULL;
    stream->last = place->time;
    stream->now = place->frame;
    if (!stream->n_reads)
        stream->first = place->time;
    stream->to = IMAPID_SWITCH_NONE;
    if (place->has_seq) {
        take_segment(&turn, octets, (unsigned)n, (unsigned)n_cut);
        if (stream->to)
            drop_waiting(stream);
        for (int side = 0; side < 2 && has_ended(stream); side++)
            imapid_pasts_end(&imapid_stream_pasts, &stream->directions[side].past);
        return turn.call;
    }
    turn.call = imapid_stream_add_call(stream, place, n);
    take_call(&turn, octets, (unsigned)n);
    if (n_cut)
        imapid_reader_lose(stream, place->side, n_cut);
    return turn.call;
}

/* ---- the end ---- */

/* Of an exchange that is open when all was read, is something missing? Else the capture shows that
 * it was not answered. */
static bool lacks_open(const struct imapid_stream *stream)
{
    const struct imapid_session *session = imapid_stream_get_session(stream);

    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        if (session->exchanges.slots[i].open &&
            (session->exchanges.slots[i].lost || !session->exchanges.seen[IMAPID_SERVER] ||
             !has_ended(stream)))
            return true;
    return false;
}

void imapid_pass_tell_end(struct imapid_stream *stream)
{
    struct imapid_stream copy = *stream;
    const struct imapid_exchange_record *at_end[IMAPID_SLOTS];
    struct imapid_session session;
    struct imapid_kept_session kept = {.session = &session};

    if (stream->n_told_end == stream->n_reads || stream->gave_way)
        return;
    stream->n_told_end = stream->n_reads;
    session = *imapid_stream_get_session(stream);
    copy.session = &kept;
    imapid_order_settle_reset(&copy.order);
    if (stream->reset_call && copy.order.n_doubts) {
        add_doubts(stream->reset_call, &copy.order);
        stream->reset_call = NULL;
    }
    copy.as_ended_at = stream->n_reads;
    memset(copy.ended, 0, sizeof copy.ended); /* the records behind it are not of the copy */
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (copy.slots[i])
            copy.slots[i] = (struct imapid_exchange_record *)imapid_budget_copy(
                stream->share, copy.slots[i], sizeof *copy.slots[i]);
        at_end[i] = copy.slots[i];
    }
    for (int side = 0; side < 2; side++) {
        struct imapid_direction *direction = &copy.directions[side];

        direction->ends_in = NULL;
        if (!direction->n_held || direction->is_lost) {
            direction->held = NULL; /* that of the stream itself */
            direction->n_held = direction->held_size = 0;
            continue;
        }
        direction->held = (uint8_t *)wmem_memdup(NULL, direction->held, direction->n_held);
        direction->held_size = direction->n_held;
        imapid_budget_count(stream->share, 0, direction->held_size);
        if (stream->order.reset.is_there || !has_ended(stream))
            imapid_reader_lose(&copy, (enum imapid_side)side, 0);
        else
            imapid_reader_close(&copy, (enum imapid_side)side);
        imapid_stream_drop_held(&copy, direction);
    }
    if (!stream->outcome) {
        stream->outcome =
            (struct imapid_outcome *)imapid_budget_alloc(stream->share, sizeof *stream->outcome);
        stream->login =
            (struct imapid_login *)imapid_budget_alloc(stream->share, sizeof *stream->login);
    }
    *stream->outcome = session.outcome;
    *stream->login = session.login;
    stream->lacks_id = copy.has_lost || lacks_open(&copy);
    /* What is cut at the end may have been the answer, and so may what TLS behind STARTTLS has. */
    if (stream->to)
        imapid_reader_lose(&copy, IMAPID_SERVER, 0);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++) {
        if (!at_end[i])
            continue;
        stream->slots[i]->untagged_status = at_end[i]->untagged_status;
        if (copy.slots[i] != at_end[i])
            continue;
        stream->slots[i]->untagged_status = session.exchanges.slots[i].untagged_status;
        stream->slots[i]->tentative |= session.exchanges.slots[i].tentative;
    }
}
