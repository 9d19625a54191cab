/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/holders.c: who holds most, and what all hold, against a plain count. */
#include "follow/holders.h"

#define N 40

struct one {
    struct imapid_holder holder;
    int number;
};

static void begin(struct one *ones, int n)
{
    for (int i = 0; i < n; i++)
        ones[i] = (struct one){.holder.link.data = &ones[i], .number = i};
}

static int find(const struct imapid_holders *holders)
{
    const struct one *one = imapid_holders_find_greediest(holders, NULL);

    return one ? one->number : -1;
}

static void test_largest(void)
{
    struct imapid_holders holders = {0};
    struct one ones[3];

    begin(ones, 3);
    g_assert_cmpint(find(&holders), ==, -1);
    imapid_holders_set(&holders, &ones[0].holder, 1);
    imapid_holders_set(&holders, &ones[1].holder, 1000);
    imapid_holders_set(&holders, &ones[2].holder, 100);
    g_assert_cmpint(find(&holders), ==, 1);
    imapid_holders_set(&holders, &ones[2].holder, 2000);
    g_assert_cmpint(find(&holders), ==, 2);
    imapid_holders_set(&holders, &ones[2].holder, 0);
    g_assert_cmpint(find(&holders), ==, 1);
    imapid_holders_set(&holders, &ones[1].holder, 0);
    g_assert_cmpint(find(&holders), ==, 0);
    imapid_holders_set(&holders, &ones[0].holder, 0);
    g_assert_cmpint(find(&holders), ==, -1);
    g_assert_cmpuint(holders.n, ==, 0);
}

/* Of those that hold about as much it is the one that has done so for the longest. */
static void test_longest(void)
{
    struct imapid_holders holders = {0};
    struct one ones[2];

    begin(ones, 2);
    imapid_holders_set(&holders, &ones[0].holder, 1024);
    imapid_holders_set(&holders, &ones[1].holder, 2047);
    g_assert_cmpint(find(&holders), ==, 0);
    imapid_holders_set(&holders, &ones[0].holder, 1500); /* the same half: it keeps its place */
    g_assert_cmpint(find(&holders), ==, 0);
    imapid_holders_set(&holders, &ones[0].holder, 3000);
    imapid_holders_set(&holders, &ones[0].holder, 1500); /* away and back: behind the other */
    g_assert_cmpint(find(&holders), ==, 1);
    imapid_holders_set(&holders, &ones[0].holder, 0);
    imapid_holders_set(&holders, &ones[1].holder, 0);
}

/* Many that hold little together do not have one given up that holds a little more; one that holds much is. */
static void test_flood(void)
{
    struct imapid_holders holders = {0};
    static struct one ones[5000];
    struct one *some = &ones[4000], *large = &ones[4001];

    begin(ones, G_N_ELEMENTS(ones));
    for (int i = 0; i < 4000; i++)
        imapid_holders_set(&holders, &ones[i].holder, 1100);
    imapid_holders_set(&holders, &some->holder, 4000);
    g_assert_cmpint(find(&holders), ==, 0);
    imapid_holders_set(&holders, &ones[0].holder, 0);
    g_assert_cmpint(find(&holders), ==, 1);
    imapid_holders_set(&holders, &large->holder, 100000);
    g_assert_cmpint(find(&holders), ==, large->number);
    imapid_holders_set(&holders, &large->holder, 0);
    for (int i = 1; i < 3996; i++)
        imapid_holders_set(&holders, &ones[i].holder, 0);
    g_assert_cmpint(find(&holders), ==,
                    some->number); /* the flood is over, and it is the largest */
}

/* More than the last queue says still counts, and is found. */
static void test_enormous(void)
{
    struct imapid_holders holders = {0};
    struct one ones[2];

    begin(ones, 2);
    imapid_holders_set(&holders, &ones[0].holder, G_MAXUINT32);
    imapid_holders_set(&holders, &ones[1].holder, (gsize)1 << 40);
    g_assert_cmpuint(holders.n, ==, ((gsize)1 << 40) + G_MAXUINT32);
    g_assert_cmpint(find(&holders), ==, 0);
    imapid_holders_set(&holders, &ones[0].holder, 0);
    g_assert_cmpint(find(&holders), ==, 1);
    imapid_holders_set(&holders, &ones[1].holder, 0);
    g_assert_cmpint(find(&holders), ==, -1);
}

static void assert_list(const struct imapid_holders *holders, const struct one *ones)
{
    GPtrArray *list = imapid_holders_list(holders);
    gsize n = 0, largest = 0, sum = 0;

    for (int i = 0; i < N; i++) {
        n += ones[i].holder.n > 0;
        sum += ones[i].holder.n;
        largest = MAX(largest, ones[i].holder.n);
    }
    g_assert_cmpuint(list->len, ==, n);
    g_assert_cmpuint(holders->n, ==, sum);
    for (guint i = 0; i < list->len; i++) {
        const struct one *one = g_ptr_array_index(list, i);

        g_assert_cmpuint(one->holder.n, >, 0);
        for (guint k = 0; k < i; k++)
            g_assert_true(g_ptr_array_index(list, k) != one);
    }
    if (n)
        g_assert_cmpuint(ones[find(holders)].holder.n, >, largest / 2);
    else
        g_assert_cmpint(find(holders), ==, -1);
    g_ptr_array_unref(list);
}

static void test_random(void)
{
    struct imapid_holders holders = {0};
    struct one ones[N];

    begin(ones, N);
    for (int i = 0; i < 5000; i++) {
        struct one *one = &ones[g_test_rand_int_range(0, N)];
        gsize n = (gsize)1 << g_test_rand_int_range(0, 31);

        n = g_test_rand_int_range(0, 3) ? n + (gsize)g_test_rand_int_range(0, (int)MIN(n, 99) + 1)
                                        : 0;
        imapid_holders_set(&holders, &one->holder, n);
        assert_list(&holders, ones);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/holders/largest", test_largest);
    g_test_add_func("/holders/longest", test_longest);
    g_test_add_func("/holders/flood", test_flood);
    g_test_add_func("/holders/enormous", test_enormous);
    g_test_add_func("/holders/random", test_random);
    return g_test_run();
}
