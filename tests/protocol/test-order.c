/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-order.c: causes before effects, and when a hole is given up. */
#include <glib.h>
#include <imapid/order.h>

static struct imapid_order_doubt found[IMAPID_ORDER_DOUBTS];

static struct imapid_order begin(void)
{
    struct imapid_order order = {.doubts = found};

    imapid_order_set_next(&order.sides[0], 100);
    imapid_order_set_next(&order.sides[1], 500);
    return order;
}

static struct imapid_order_piece piece(uint32_t seq, uint32_t ack, uint64_t number)
{
    return (struct imapid_order_piece){true, true, seq, ack, number};
}

static struct imapid_order_segment segment(uint32_t seq, uint32_t n, uint32_t ack, uint64_t number)
{
    return (struct imapid_order_segment){
        .seq = seq, .n = n, .ack = ack, .has_ack = true, .number = number};
}

/* A segment that is read at once if it is next. Returns where it belongs. */
static enum imapid_order_place take(struct imapid_order *order, int d,
                                    struct imapid_order_segment what)
{
    enum imapid_order_place place;
    uint32_t n_old;

    imapid_order_take(order, d, &what);
    if (!what.n)
        return IMAPID_ORDER_OLD;
    (void)imapid_order_begins_anew(order, d, &what);
    place = imapid_order_find(order, d, &what, &n_old);
    if (place == IMAPID_ORDER_NEW && what.seq + n_old == order->sides[d].next)
        imapid_order_move(&order->sides[d], what.seq + what.n);
    return place;
}

static struct imapid_order_segment fin(uint32_t seq, uint32_t ack, uint64_t number)
{
    struct imapid_order_segment what = segment(seq, 0, ack, number);

    what.has_fin = true;
    return what;
}

static void reset(struct imapid_order *order, int d, uint32_t seq, uint64_t number)
{
    struct imapid_order_segment what = segment(seq, 0, 0, number);

    imapid_order_take_reset(order, d, &what);
}

static void syn(struct imapid_order *order, int d, uint32_t seq, uint32_t ack, uint64_t number)
{
    struct imapid_order_segment what = segment(seq, 0, ack, number);

    what.has_ack = d == 1;
    imapid_order_take_syn(order, d, &what, (const bool[2]){false, false});
}

static void expect_doubt(struct imapid_order *order, enum imapid_doubt doubt, uint64_t frame)
{
    g_assert_cmpuint(order->n_doubts, ==, 1);
    g_assert_cmpint(order->doubts[0].doubt, ==, doubt);
    g_assert_cmpuint(order->doubts[0].frame, ==, frame);
    order->n_doubts = 0;
}

static void test_an_answer_waits_for_its_command(void)
{
    struct imapid_order order = begin();
    struct imapid_order_piece pieces[2] = {{0}, piece(500, 110, 1)};

    g_assert_cmpint(imapid_order_next(&order, pieces, 0), ==, -1);
    pieces[0] = piece(100, 500, 2);
    g_assert_cmpint(imapid_order_next(&order, pieces, 1), ==, 0);
    imapid_order_move(&order.sides[0], 110);
    pieces[0].waits = false;
    g_assert_cmpint(imapid_order_next(&order, pieces, 0), ==, 1);
}

/* A client sends a command again, and with it one that it sent when it had the answer to the first; or the
 * server sends an answer again. */
static void test_what_is_sent_again_is_divided(void)
{
    struct imapid_order order = begin();

    for (int d = 0; d < 2; d++) {
        const struct imapid_order_piece pieces[2] = {piece(100, 520, 2 - (uint64_t)d),
                                                     piece(500, 110, 1 + (uint64_t)d)};

        g_assert_cmpint(imapid_order_next(&order, pieces, 0), ==, -1);
        for (int asked = 0; asked < 2; asked++) {
            struct imapid_order_step step = imapid_order_give_up(&order, pieces, asked, 600);

            g_assert_cmpint(step.act, ==, IMAPID_ORDER_READ);
            g_assert_cmpint(step.side, ==, d);
            g_assert_cmpuint(step.to, ==, d ? 520 : 110);
        }
    }
}

static void test_of_two_that_are_free_the_earlier_one(void)
{
    struct imapid_order order = begin();

    for (uint64_t i = 1; i < 4; i += 2) {
        const struct imapid_order_piece pieces[2] = {piece(100, 500, 2), piece(500, 100, i)};

        g_assert_cmpint(imapid_order_next(&order, pieces, -1), ==, i < 2);
        g_assert_cmpint(imapid_order_next(&order, pieces, 0), ==, 0);
        g_assert_cmpint(imapid_order_next(&order, pieces, 1), ==, 1);
        g_assert_cmpint(imapid_order_choose(&order, pieces), ==, i < 2);
    }
}

static void test_a_fin_is_acknowledged_as_well(void)
{
    struct imapid_order order = begin();

    take(&order, 0, fin(100, 500, 1));
    g_assert_false(imapid_order_is_held(&order, 1, true, 101));
    g_assert_true(imapid_order_is_held(&order, 1, true, 102));
}

static void test_what_was_acknowledged_is_waited_for(void)
{
    struct imapid_order order = begin();
    uint32_t to = 0;

    take(&order, 1, segment(500, 0, 120, 1));
    for (int i = 0; i < 3; i++) {
        g_assert_false(imapid_order_is_lost(&order, 0, 3, &to));
        take(&order, 0, segment(130, 1, 500, 2));
    }
    g_assert_true(imapid_order_is_lost(&order, 0, 3, &to));
    g_assert_cmpuint(to, ==, 120);
    g_assert_false(order.sides[0].is_absent);
    g_assert_cmpuint(imapid_order_count_lost_tail(&order, 0), ==, 20);
}

static void test_an_acknowledgement_is_taken_back(void)
{
    struct imapid_order order = begin();
    uint32_t to = 0;

    take(&order, 1, segment(500, 0, 5000, 7)); /* of what was never sent */
    take(&order, 0, segment(100, 10, 500, 8));
    g_assert_false(imapid_order_is_lost(&order, 0, 1, &to));
    take(&order, 1, segment(500, 5, 110, 9)); /* sent later */
    expect_doubt(&order, IMAPID_DOUBT_OFF_SEQUENCE, 7);
    g_assert_false(imapid_order_is_lost(&order, 0, 1, &to));
    g_assert_cmpuint(imapid_order_count_lost_tail(&order, 0), ==, 0);
}

static void test_an_acknowledgement_that_comes_late(void)
{
    struct imapid_order order = begin();

    take(&order, 1, segment(505, 5, 120, 1)); /* sent last, captured first */
    take(&order, 1, segment(500, 5, 110, 2));
    take(&order, 0, segment(100, 20, 500, 3));
    take(&order, 1, segment(510, 0, 120, 4));
    g_assert_cmpuint(order.n_doubts, ==, 0);
    g_assert_cmpuint(order.sides[0].acked, ==, 120);
}

static void test_a_reset_stands_until_its_side_goes_on(void)
{
    for (int way = 0; way < 3; way++) {
        struct imapid_order order = begin();

        take(&order, 0, segment(100, 10, 500, 1));
        reset(&order, 0, 110, 2);
        take(&order, 0, segment(100, 10, 500, 3)); /* sent before it, or again */
        take(&order, 1, segment(500, 10, 100, 4)); /* the peer had not heard of it */
        g_assert_true(order.reset.is_there);
        g_assert_cmpuint(order.n_doubts, ==, 0);
        if (way == 0)
            take(&order, 0, segment(110, 1, 500, 5)); /* octets behind it */
        else if (way == 1)
            take(&order, 0, segment(110, 0, 510, 5)); /* it heard the peer */
        else
            take(&order, 1, segment(510, 0, 120, 5)); /* the peer heard more of it */
        g_assert_false(order.reset.is_there);
        expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 2);
    }
}

/* A receiver asks back (RFC 5961); the end of the capture leaves open what became of it. */
static void test_a_reset_ahead(void)
{
    for (int way = 0; way < 4; way++) {
        struct imapid_order order = begin();

        take(&order, 0, segment(100, 10, 500, 1));
        reset(&order, 0, 150, 2);
        g_assert_false(imapid_order_is_reset(&order));
        if (way == 1)
            take(&order, 0, segment(110, 5, 500, 3)); /* it goes on, farther back */
        else if (way == 2)
            take(&order, 0, segment(110, 40, 500, 3)); /* what came late leads to it */
        else if (way == 3)
            reset(&order, 0, 110, 3); /* another guess, and this is the place */
        g_assert_cmpint(imapid_order_is_reset(&order), ==, way >= 2);
        if (way == 3)
            expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 2);
        imapid_order_settle_reset(&order);
        g_assert_cmpint(order.reset.is_there, ==, way != 1);
        if (way < 2)
            expect_doubt(&order, way ? IMAPID_DOUBT_RESET_IGNORED : IMAPID_DOUBT_OFF_SEQUENCE, 2);
        g_assert_cmpuint(order.n_doubts, ==, 0);
    }
}

static void test_a_reset_far_off(void)
{
    struct imapid_order order = begin();

    take(&order, 0, segment(100, 10, 500, 1));
    reset(&order, 0, 0x90000000, 2);
    g_assert_false(order.reset.is_there);
    expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 2);
}

static void test_a_fin_stands_until_its_side_goes_on(void)
{
    const struct imapid_order_piece behind = piece(120, 500, 7);
    struct imapid_order order = begin();

    take(&order, 0, fin(100, 500, 1));
    take(&order, 0, segment(100, 1, 500, 2)); /* a keep-alive */
    g_assert_true(order.sides[0].has_fin);
    g_assert_cmpuint(order.n_doubts, ==, 0);
    order = begin();
    take(&order, 0, fin(100, 500, 1));
    take(&order, 0, segment(100, 10, 500, 2));
    g_assert_false(order.sides[0].has_fin);
    expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 1);
    take(&order, 0, fin(110, 500, 3));
    g_assert_true(imapid_order_is_over(&order, 0, false));
    /* again; and one that is farther on */
    take(&order, 0, fin(110, 500, 4));
    g_assert_cmpuint(order.n_doubts, ==, 0);
    take(&order, 0, fin(150, 500, 5));
    expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 5);
    g_assert_true(imapid_order_is_over(&order, 0, false));
    g_assert_false(imapid_order_is_behind_fin(&order, 0, 120));
    g_assert_false(imapid_order_is_astray(&order, 0, &behind));
    take(&order, 1, segment(500, 0, 111, 6));
    g_assert_true(imapid_order_is_behind_fin(&order, 0, 120));
    g_assert_true(imapid_order_is_astray(&order, 0, &behind));
    g_assert_false(imapid_order_is_behind_fin(&order, 0, 109));
}

static void test_of_two_fins_the_first_place(void)
{
    struct imapid_order order = begin();

    take(&order, 0, fin(150, 500, 1));
    take(&order, 0, fin(100, 500, 2));
    expect_doubt(&order, IMAPID_DOUBT_RESET_IGNORED, 1);
    g_assert_true(imapid_order_is_over(&order, 0, false));
    g_assert_cmpuint(imapid_order_count_lost_tail(&order, 0), ==, 0);
}

/* A server that answers a SYN twice, with different numbers: the client says which it heard. */
static void test_of_two_syns_the_one_that_is_acknowledged(void)
{
    for (int which = 0; which < 2; which++) {
        struct imapid_order order = {.doubts = found};

        syn(&order, 0, 99, 0, 1);
        syn(&order, 1, 499, 100, 2);
        syn(&order, 1, 7999, 100, 3);
        take(&order, 0, segment(100, 0, which ? 8000 : 500, 4));
        g_assert_cmpuint(order.sides[1].next, ==, which ? 8000 : 500);
        expect_doubt(&order, IMAPID_DOUBT_NEW_SYN, 3);
        syn(&order, 1, 3999, 100, 5);
        expect_doubt(&order, IMAPID_DOUBT_NEW_SYN, 5);
        syn(&order, 1, which ? 7999 : 499, 100, 6);
        g_assert_cmpuint(order.sides[1].next, ==, which ? 8000 : 500);
        g_assert_cmpuint(order.n_doubts, ==, 0);
    }
}

/* The same, but octets came that wait in the sequence that it did not hear: these do not go along. */
static void test_what_waits_does_not_change_its_syn(void)
{
    struct imapid_order order = {.doubts = found};

    syn(&order, 0, 99, 0, 1);
    syn(&order, 1, 499, 100, 2);
    syn(&order, 1, 7999, 100, 3);
    g_assert_cmpint(take(&order, 1, segment(8100, 10, 100, 4)), ==, IMAPID_ORDER_NEW);
    take(&order, 0, segment(100, 0, 500, 5));
    g_assert_cmpuint(order.sides[1].next, ==, 8000);
    g_assert_cmpint(take(&order, 1, segment(500, 10, 100, 6)), ==, IMAPID_ORDER_NEW);
    expect_doubt(&order, IMAPID_DOUBT_NEW_SYN, 3);
    g_assert_cmpuint(order.sides[1].next, ==, 510);
}

/* Octets came with a SYN, and wait; then comes another SYN. Where the peer hears that one, they are none of
 * the direction's; where it hears the first, the second is none. */
static void test_octets_wait_with_a_syn(void)
{
    for (int hears = 0; hears < 2; hears++) {
        struct imapid_order order = {.doubts = found};
        struct imapid_order_segment second = segment(7999, 0, 100, 3);
        struct imapid_order_segment next = segment(hears ? 8000 : 510, 10, 100, 5);

        syn(&order, 0, 99, 0, 1);
        syn(&order, 1, 499, 100, 2);
        g_assert_cmpint(take(&order, 1, segment(510, 5, 100, 2)), ==, IMAPID_ORDER_NEW);
        order.n_doubts = 0;
        imapid_order_take_syn(&order, 1, &second, (const bool[2]){false, true});
        g_assert_cmpuint(order.sides[1].next, ==, 500);
        take(&order, 0, segment(100, 0, hears ? 8000 : 500, 4));
        g_assert_cmpint(imapid_order_begins_anew(&order, 1, &next), ==, hears);
        expect_doubt(&order, IMAPID_DOUBT_NEW_SYN, 3);
        g_assert_cmpuint(order.sides[1].next, ==, hears ? 8000 : 500);
        g_assert_false(imapid_order_begins_anew(&order, 1, &next));
        imapid_order_take_syn(&order, 1, &second, (const bool[2]){false, true});
        g_assert_cmpuint(order.n_doubts, ==, !hears);
    }
}

/* Octets of a side that has not sent its SYN yet are read where they are, until that goes on. One that is only
 * captured late has a number that is near. */
static void test_octets_before_a_syn(void)
{
    for (int is_near = 0; is_near < 2; is_near++) {
        struct imapid_order order = {.doubts = found};
        uint32_t first = is_near ? 5000000 : 500;

        syn(&order, 0, 99, 0, 1);
        take(&order, 1, segment(5000010, 10, 100, 2));
        syn(&order, 1, first - 1, 100, 3);
        take(&order, 0, segment(100, 0, first, 4));
        g_assert_cmpint(take(&order, 1, segment(first, 10, 100, 5)), ==,
                        is_near ? IMAPID_ORDER_OLD : IMAPID_ORDER_MOVED);
        if (is_near)
            continue;
        expect_doubt(&order, IMAPID_DOUBT_NEW_SYN, 3);
        imapid_order_restart(&order, 1, first);
        /* The stranger goes on, but that is no way back. */
        g_assert_cmpint(take(&order, 1, segment(5000020, 10, 100, 6)), ==, IMAPID_ORDER_NEW);
        g_assert_cmpuint(order.sides[1].next, ==, first);
        g_assert_cmpint(take(&order, 1, segment(first, 10, 100, 7)), ==, IMAPID_ORDER_NEW);
        g_assert_cmpuint(order.sides[1].next, ==, first + 10);
    }
}

/* No end sends octets in the place of its SYN, but for one of a keep-alive. */
static void test_octets_before_the_first(void)
{
    struct imapid_order order = {.doubts = found};

    syn(&order, 0, 99, 0, 1);
    syn(&order, 1, 499, 100, 2);
    g_assert_cmpint(take(&order, 1, segment(499, 14, 100, 3)), ==, IMAPID_ORDER_OFF);
    expect_doubt(&order, IMAPID_DOUBT_OFF_SEQUENCE, 3);
    g_assert_cmpint(take(&order, 1, segment(499, 1, 100, 4)), ==, IMAPID_ORDER_OLD);
    g_assert_cmpuint(order.n_doubts, ==, 0);
    g_assert_cmpint(take(&order, 1, segment(500, 9, 100, 5)), ==, IMAPID_ORDER_NEW);
    g_assert_cmpuint(order.sides[1].next, ==, 509);
}

/* Where a side begins its own SYN says, whatever somebody has acknowledged before it. */
static void test_an_answer_to_nothing(void)
{
    struct imapid_order order = {.doubts = found};
    struct imapid_order_segment answer = segment(4, 0, 505, 2);

    syn(&order, 0, 99, 0, 1);
    imapid_order_take_syn(&order, 0, &answer, (const bool[2]){false, false});
    syn(&order, 1, 499, 100, 3);
    g_assert_cmpuint(order.sides[0].next, ==, 100);
    g_assert_cmpuint(order.sides[1].next, ==, 500);
}

static void test_giving_up_helps_the_cause_first(void)
{
    struct imapid_order order = begin();
    struct imapid_order_piece pieces[2] = {piece(105, 500, 2), piece(500, 110, 1)};
    struct imapid_order_step step = imapid_order_give_up(&order, pieces, 1, 500);

    g_assert_cmpint(step.act, ==, IMAPID_ORDER_LOSE);
    g_assert_cmpint(step.side, ==, 0);
    g_assert_cmpuint(step.to, ==, 105);
    g_assert_cmpint(imapid_order_choose(&order, pieces), ==, 1);
}

/* Four segments go on before a piece far ahead, and the peer acknowledges these alone. */
static void test_what_others_pass_is_astray(void)
{
    struct imapid_order order = begin();
    struct imapid_order_piece far = piece(900, 500, 2), other = piece(800, 500, 3), none = {0};

    for (int i = 1; i <= 4; i++) {
        g_assert_false(imapid_order_is_astray(&order, 0, &far));
        imapid_order_move(&order.sides[0], 100 + 10 * (uint32_t)i);
        imapid_order_pass(&order, 0, true, &far, &far);
        take(&order, 1, segment(500, 0, 100 + 10 * (uint32_t)i, 10 + (uint64_t)i));
    }
    g_assert_true(imapid_order_is_astray(&order, 0, &far));
    g_assert_false(imapid_order_is_astray(&order, 0, &none));
    take(&order, 1, segment(500, 0, 150, 20)); /* and more than these */
    g_assert_false(imapid_order_is_astray(&order, 0, &far));
    imapid_order_move(&order.sides[0], 150);
    g_assert_true(imapid_order_is_astray(&order, 0, &far));
    imapid_order_pass(&order, 0, true, &far, &other); /* another one waits in front of it */
    g_assert_false(imapid_order_is_astray(&order, 0, &other));
}

static void test_less_is_answered_by_a_copy(void)
{
    g_assert_true(imapid_order_eases(true, 499, true, 500));
    g_assert_true(imapid_order_eases(false, 0, true, 500));
    g_assert_true(imapid_order_eases(true, UINT32_MAX, true, 0));
    g_assert_false(imapid_order_eases(true, 500, true, 500));
    g_assert_false(imapid_order_eases(true, 0, true, UINT32_MAX));
    g_assert_false(imapid_order_eases(true, 499, false, 500));
}

static void test_places(void)
{
    struct imapid_order order = begin();
    struct imapid_order_segment what = segment(90, 10, 500, 1);
    uint32_t n_old;

    g_assert_cmpint(imapid_order_find(&order, 0, &what, &n_old), ==, IMAPID_ORDER_OLD);
    what.n++;
    g_assert_cmpint(imapid_order_find(&order, 0, &what, &n_old), ==, IMAPID_ORDER_NEW);
    g_assert_cmpuint(n_old, ==, 10);
}

/* Four segments that go on far off. */
static enum imapid_order_place go_far_off(struct imapid_order *order)
{
    for (uint32_t i = 0; i < 3; i++)
        g_assert_cmpint(take(order, 0, segment(0x90000000 + i, 1, 500, 10 + i)), ==,
                        IMAPID_ORDER_OFF);
    return take(order, 0, segment(0x90000003, 1, 500, 13));
}

static void test_moved(void)
{
    struct imapid_order order = begin();

    /* The peer is not in the capture. */
    g_assert_cmpint(go_far_off(&order), ==, IMAPID_ORDER_MOVED);
    imapid_order_restart(&order, 0, 0x90000003);
    g_assert_cmpuint(order.sides[0].next, ==, 0x90000003);
    /* It is, and has to acknowledge that. */
    order = begin();
    take(&order, 1, segment(500, 1, 100, 1));
    g_assert_cmpint(go_far_off(&order), ==, IMAPID_ORDER_OFF);
    take(&order, 1, segment(501, 1, 0x90000004, 14));
    g_assert_cmpint(take(&order, 0, segment(0x90000004, 1, 502, 15)), ==, IMAPID_ORDER_MOVED);
    imapid_order_restart(&order, 0, 0x90000004);
    g_assert_cmpuint(order.n_doubts, ==, 0);
    /* The direction goes on where it was. */
    g_assert_cmpint(take(&order, 0, segment(100, 5, 502, 16)), ==, IMAPID_ORDER_BACK);
    imapid_order_return(&order, 0, 100);
    expect_doubt(&order, IMAPID_DOUBT_OFF_SEQUENCE, 10);
}

static void test_far_off_while_it_goes_on(void)
{
    struct imapid_order order = begin();

    take(&order, 1, segment(500, 1, 100, 1));
    g_assert_cmpint(go_far_off(&order), ==, IMAPID_ORDER_OFF);
    g_assert_cmpint(take(&order, 0, segment(100, 5, 501, 14)), ==, IMAPID_ORDER_NEW);
    expect_doubt(&order, IMAPID_DOUBT_OFF_SEQUENCE, 10);
}

static void test_what_was_given_up_comes(void)
{
    struct imapid_order order = begin();

    imapid_order_lose(&order.sides[0], 150);
    g_assert_cmpint(take(&order, 0, segment(120, 10, 500, 1)), ==, IMAPID_ORDER_BACK);
    /* But not behind what was read since. */
    g_assert_cmpint(take(&order, 0, segment(150, 10, 500, 2)), ==, IMAPID_ORDER_NEW);
    g_assert_cmpint(take(&order, 0, segment(120, 10, 500, 3)), ==, IMAPID_ORDER_OLD);
    g_assert_cmpuint(order.n_doubts, ==, 0);
}

static void test_the_former_of_two(void)
{
    struct imapid_order former = begin(), latter = {.doubts = found};
    struct imapid_order_segment near = segment(105, 5, 500, 1), far = segment(100, 5, 1 << 24, 2);

    /* A SYN elsewhere is all that there is of the latter. */
    syn(&latter, 0, 0x90000000, 0, 1);
    g_assert_true(imapid_order_is_of_former(&former, &latter, 0, &near));
    g_assert_false(imapid_order_is_of_former(&former, &latter, 0, &far));
    far.has_ack = false;
    g_assert_true(imapid_order_is_of_former(&former, &latter, 0, &far));
    near = segment(0x90000001, 5, 500, 3);
    g_assert_false(imapid_order_is_of_former(&former, &latter, 0, &near));
    /* The nearest has it. */
    imapid_order_set_next(&latter.sides[0], 110);
    imapid_order_set_next(&latter.sides[1], 500);
    near = segment(107, 5, 500, 4);
    g_assert_false(imapid_order_is_of_former(&former, &latter, 0, &near));
    near = segment(103, 5, 500, 5);
    g_assert_true(imapid_order_is_of_former(&former, &latter, 0, &near));
    /* Nothing is known of the former. */
    latter = (struct imapid_order){.doubts = found};
    g_assert_false(imapid_order_is_of_former(&latter, &former, 0, &near));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/an-answer-waits", test_an_answer_waits_for_its_command);
    g_test_add_func("/order/sent-again", test_what_is_sent_again_is_divided);
    g_test_add_func("/order/two-free", test_of_two_that_are_free_the_earlier_one);
    g_test_add_func("/order/a-fin", test_a_fin_is_acknowledged_as_well);
    g_test_add_func("/order/patience", test_what_was_acknowledged_is_waited_for);
    g_test_add_func("/order/giving-up", test_giving_up_helps_the_cause_first);
    g_test_add_func("/order/astray", test_what_others_pass_is_astray);
    g_test_add_func("/order/eased", test_less_is_answered_by_a_copy);
    g_test_add_func("/order/places", test_places);
    g_test_add_func("/order/ack-taken-back", test_an_acknowledgement_is_taken_back);
    g_test_add_func("/order/ack-late", test_an_acknowledgement_that_comes_late);
    g_test_add_func("/order/reset", test_a_reset_stands_until_its_side_goes_on);
    g_test_add_func("/order/reset-ahead", test_a_reset_ahead);
    g_test_add_func("/order/reset-far-off", test_a_reset_far_off);
    g_test_add_func("/order/fin-refuted", test_a_fin_stands_until_its_side_goes_on);
    g_test_add_func("/order/two-fins", test_of_two_fins_the_first_place);
    g_test_add_func("/order/two-syns", test_of_two_syns_the_one_that_is_acknowledged);
    g_test_add_func("/order/what-waits-does-not-change-its-syn",
                    test_what_waits_does_not_change_its_syn);
    g_test_add_func("/order/octets-before-a-syn", test_octets_before_a_syn);
    g_test_add_func("/order/octets-wait-with-a-syn", test_octets_wait_with_a_syn);
    g_test_add_func("/order/moved", test_moved);
    g_test_add_func("/order/before-the-first", test_octets_before_the_first);
    g_test_add_func("/order/answer-to-nothing", test_an_answer_to_nothing);
    g_test_add_func("/order/far-off", test_far_off_while_it_goes_on);
    g_test_add_func("/order/former", test_the_former_of_two);
    g_test_add_func("/order/given-up", test_what_was_given_up_comes);
    return g_test_run();
}
