/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-order.c: causes before effects, and when a hole is given up. */
#include <glib.h>
#include <imapid/order.h>

static struct imapid_order begin(void)
{
    struct imapid_order order = {0};

    imapid_order_set_next(&order.sides[0], 100);
    imapid_order_set_next(&order.sides[1], 500);
    return order;
}

static struct imapid_order_piece piece(uint32_t seq, uint32_t ack, uint64_t number)
{
    return (struct imapid_order_piece){true, true, seq, ack, number};
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

static void test_a_fin_is_acknowledged_as_well(void)
{
    struct imapid_order order = begin();

    imapid_order_take_fin(&order, 0, 100);
    g_assert_false(imapid_order_is_held(&order, 1, true, 101));
    g_assert_true(imapid_order_is_held(&order, 1, true, 102));
}

static void test_what_was_acknowledged_is_waited_for(void)
{
    struct imapid_order order = begin();
    uint32_t to = 0;

    imapid_order_take_ack(&order, 0, 120);
    for (int i = 0; i < 3; i++) {
        g_assert_false(imapid_order_is_lost(&order, 0, 3, &to));
        imapid_order_take_seen(&order, 0, 130, 1);
    }
    g_assert_true(imapid_order_is_lost(&order, 0, 3, &to));
    g_assert_cmpuint(to, ==, 120);
    g_assert_false(order.sides[0].is_absent);
    g_assert_cmpuint(imapid_order_count_lost_tail(&order, 0), ==, 20);
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

static void test_places(void)
{
    struct imapid_order order = begin();
    uint32_t n_old;

    g_assert_cmpint(imapid_order_find(&order, 0, 90, 10, &n_old), ==, IMAPID_ORDER_OLD);
    g_assert_cmpint(imapid_order_find(&order, 0, 90, 11, &n_old), ==, IMAPID_ORDER_NEW);
    g_assert_cmpuint(n_old, ==, 10);
    for (uint32_t i = 0; i < 3; i++)
        g_assert_cmpint(imapid_order_find(&order, 0, 0x90000000 + i, 1, &n_old), ==,
                        IMAPID_ORDER_OFF);
    g_assert_cmpint(imapid_order_find(&order, 0, 0x90000003, 1, &n_old), ==, IMAPID_ORDER_MOVED);
    imapid_order_restart(&order, 0, 0x90000003);
    g_assert_cmpuint(order.sides[0].next, ==, 0x90000003);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/an-answer-waits", test_an_answer_waits_for_its_command);
    g_test_add_func("/order/a-fin", test_a_fin_is_acknowledged_as_well);
    g_test_add_func("/order/patience", test_what_was_acknowledged_is_waited_for);
    g_test_add_func("/order/giving-up", test_giving_up_helps_the_cause_first);
    g_test_add_func("/order/places", test_places);
    return g_test_run();
}
