/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/tcp-queue.c against a model: an array that says of each octet of the
 * sequence which piece brought it first. */

#include "net/tcp-queue.h"

#include <glib.h>
#include <string.h>

#define N 64

static struct imapid_tcp_piece make_piece(const uint8_t *octets, uint32_t seq, uint32_t n,
                                          uint64_t number)
{
    return (struct imapid_tcp_piece){.octets = octets, .seq = seq, .n = n, .packet = {number, 0}};
}

static void check_model(const struct imapid_tcp_queue *queue, const int *model, uint32_t base)
{
    uint32_t n_octets = 0, n_pieces = 0, place = 0;
    const struct imapid_tcp_piece *last = NULL;
    for (const struct imapid_tcp_piece *p = queue->first; p; p = p->next) {
        uint32_t start = p->seq - base;
        g_assert_cmpuint(start, >=, place);
        for (; place < start; place++)
            g_assert_cmpint(model[place], ==, -1);
        for (uint32_t i = 0; i < p->n; i++, place++)
            g_assert_cmpint(model[place], ==, p->octets[i]);
        n_octets += p->n_block;
        n_pieces++;
        last = p;
    }
    for (; place < N; place++)
        g_assert_cmpint(model[place], ==, -1);
    g_assert_cmpuint(queue->n_octets, ==, n_octets);
    g_assert_cmpuint(queue->n_pieces, ==, n_pieces);
    g_assert_true(queue->last == last);
}

static void test_model(void)
{
    GRand *rand = g_rand_new_with_seed(7);
    for (int round = 0; round < 3000; round++) {
        struct imapid_tcp_queue queue = {0};
        uint32_t base = round % 2 ? 0xffffffe0 : g_rand_int(rand);
        int model[N];
        memset(model, 0xff, sizeof model);
        for (int k = 0; k < 20; k++) {
            uint32_t start = (uint32_t)g_rand_int_range(rand, 0, N);
            uint32_t n = (uint32_t)g_rand_int_range(rand, 1, (gint32)(N - start) + 1);
            uint8_t *octets = g_malloc(n);
            memset(octets, k, n);
            struct imapid_tcp_piece piece = make_piece(octets, base + start, n, (uint64_t)k);
            piece.has_ack = g_rand_boolean(rand);
            piece.ack = (uint32_t)g_rand_int_range(rand, 0, 5);
            imapid_tcp_queue_add(&queue, piece, base);
            g_free(octets);
            for (uint32_t i = start; i < start + n; i++)
                if (model[i] < 0)
                    model[i] = k;
            check_model(&queue, model, base);
        }
        imapid_tcp_queue_clear(&queue);
        g_assert_cmpuint(queue.n_octets, ==, 0);
        g_assert_cmpuint(queue.n_pieces, ==, 0);
    }
    g_rand_free(rand);
}

static void test_cut(void)
{
    struct imapid_tcp_queue queue = {0};
    struct imapid_tcp_piece piece = make_piece((const uint8_t *)"ab", 10, 2, 1);
    piece.n_cut = 5;
    imapid_tcp_queue_add(&queue, piece, 0);
    /* what was cut counts as there */
    imapid_tcp_queue_add(&queue, make_piece((const uint8_t *)"012345678", 9, 9, 2), 0);
    struct imapid_tcp_piece *p = queue.first;
    g_assert_cmpuint(p->n, ==, 1);
    p = p->next;
    g_assert_cmpmem(p->octets, p->n, "ab", 2);
    g_assert_cmpuint(p->n_cut, ==, 5);
    p = p->next;
    g_assert_cmpmem(p->octets, p->n, "8", 1);
    g_assert_cmpuint(p->seq, ==, 17);
    /* a piece of which only what was cut is new */
    piece = make_piece((const uint8_t *)"8", 17, 1, 3);
    piece.n_cut = 2;
    imapid_tcp_queue_add(&queue, piece, 0);
    p = p->next;
    g_assert_cmpuint(p->n, ==, 0);
    g_assert_cmpuint(p->n_cut, ==, 2);
    imapid_tcp_queue_clear(&queue);
}

static void test_stamps(void)
{
    struct imapid_tcp_queue queue = {0};
    imapid_tcp_queue_add(&queue, make_piece((const uint8_t *)"c", 2, 1, 1), 0);
    imapid_tcp_queue_add(&queue, make_piece((const uint8_t *)"e", 4, 1, 2), 0);
    imapid_tcp_queue_add(&queue, make_piece((const uint8_t *)"b", 1, 1, 3), 0);
    imapid_tcp_queue_add(&queue, make_piece((const uint8_t *)"a", 0, 1, 4), 0);
    static const uint64_t numbers[] = {4, 4, 4, 2};
    for (size_t i = 0; i < 4; i++) {
        struct imapid_tcp_piece *p = imapid_tcp_queue_take(&queue, 6);
        g_assert_cmpuint(p->packet.number, ==, numbers[i]);
        g_free(p);
    }
    g_assert_null(queue.first);
}

static void test_ease(void)
{
    struct imapid_tcp_queue queue = {0};
    struct imapid_tcp_piece piece = make_piece((const uint8_t *)"abcdef", 0, 6, 1);
    piece.has_ack = true;
    piece.ack = 50;
    imapid_tcp_queue_add(&queue, piece, 0);
    piece = make_piece((const uint8_t *)"CD", 2, 2, 2);
    piece.has_ack = true;
    piece.ack = 40;
    imapid_tcp_queue_add(&queue, piece, 0);
    static const struct {
        const char *text;
        uint32_t ack;
    } expected[] = {{"abcd", 40}, {"ef", 50}};
    for (size_t i = 0; i < 2; i++) {
        struct imapid_tcp_piece *p = imapid_tcp_queue_take(&queue, 6);
        g_assert_cmpmem(p->octets, p->n, expected[i].text, strlen(expected[i].text));
        g_assert_cmpuint(p->ack, ==, expected[i].ack);
        g_free(p);
    }
}

/* A piece that is taken in two: the octets it has, and those that were cut off. */
static void test_take_a_part(void)
{
    struct imapid_tcp_queue queue = {0};
    struct imapid_tcp_piece piece = make_piece((const uint8_t *)"abcdef", 0, 6, 1);
    piece.n_cut = 2;
    imapid_tcp_queue_add(&queue, piece, 0);
    static const struct {
        const char *text;
        uint32_t to, n_cut;
    } expected[] = {{"ab", 2, 0}, {"cdef", 7, 1}, {"", 100, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct imapid_tcp_piece *p = imapid_tcp_queue_take(&queue, expected[i].to);
        g_assert_cmpmem(p->octets, p->n, expected[i].text, strlen(expected[i].text));
        g_assert_cmpuint(p->n_cut, ==, expected[i].n_cut);
        g_assert_cmpuint(queue.n_pieces, ==, i < 2);
        g_assert_cmpuint(queue.n_octets > 0, ==, i < 2);
        g_free(p);
    }
    g_assert_null(queue.first);
    g_assert_null(queue.last);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcp-queue/model", test_model);
    g_test_add_func("/tcp-queue/take-a-part", test_take_a_part);
    g_test_add_func("/tcp-queue/cut", test_cut);
    g_test_add_func("/tcp-queue/stamps", test_stamps);
    g_test_add_func("/tcp-queue/ease", test_ease);
    return g_test_run();
}
