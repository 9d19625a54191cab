/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of chosen connections, in whatever order records come: what is told, when, and what is
 * held meanwhile. */
#include "choose.h"

#include "sample.h"

#include <string.h>

/* What came out: "e3 " for an exchange of stream 3, "s3 " for its session, "c " for a capture. */
static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    g_string_append_printf(ctx, "e%u ", exchange->conn.stream);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    g_string_append_printf(ctx, "s%u ", session->conn.stream);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    (void)capture;
    g_string_append(ctx, "c ");
}

struct bench {
    struct imapid_fold *fold;
    struct imapid_where *where;
    struct imapid_record_sink out, in;
    struct imapid_choose *choose;
};

static struct bench *make(const char *term, gsize n_memory)
{
    char *texts[] = {(char *)term, NULL}, *message = NULL;
    struct bench *bench = g_new0(struct bench, 1);

    bench->fold = imapid_fold_new();
    bench->where = imapid_where_new(texts, bench->fold, &message);
    g_assert_nonnull(bench->where);
    bench->out =
        (struct imapid_record_sink){on_exchange, on_session, on_capture, g_string_new(NULL), NULL};
    bench->choose = imapid_choose_new(bench->where, n_memory, &bench->out);
    bench->in = imapid_choose_get_sink(bench->choose);
    return bench;
}

/* "e3Mutt": an exchange of stream 3 by Mutt; "s3x2": its session, which counts two; "c": a capture. */
static void feed(struct bench *bench, const char *words)
{
    char **each = g_strsplit(words, " ", -1);

    for (char **word = each; *word; word++) {
        unsigned stream = (unsigned)((*word)[0] ? (*word)[1] - '0' : 0);

        if (**word == 'e') {
            struct sample *sample = sample_new();

            sample->exchange.conn.stream = stream;
            sample_pair(sample, IMAPID_CLIENT, "name", *word + 2);
            bench->in.exchange(bench->in.ctx, &sample->exchange);
            sample_free(sample);
        } else if (**word == 's') {
            struct imapid_record_session session = sample_session();

            session.conn.stream = stream;
            session.n_exchanges = (uint64_t)((*word)[3] - '0');
            bench->in.session(bench->in.ctx, &session);
        } else if (**word == 'c') {
            struct imapid_record_capture capture = sample_capture();

            bench->in.capture(bench->in.ctx, &capture);
        }
    }
    g_strfreev(each);
}

static void assert_told(struct bench *bench, const char *want)
{
    GString *told = bench->out.ctx;

    g_assert_cmpstr(told->str, ==, want);
    g_string_truncate(told, 0);
}

static struct imapid_choose_counts end(struct bench *bench, const char *want)
{
    struct imapid_choose_counts counts = imapid_choose_end(bench->choose);

    assert_told(bench, want);
    g_string_free(bench->out.ctx, TRUE);
    imapid_where_free(bench->where);
    imapid_fold_free(bench->fold);
    g_free(bench);
    return counts;
}

#define PLENTY (1u << 20)

/* A connection is told as a whole: what waited comes before what decided it. */
static void test_whole(void)
{
    struct bench *bench = make("client_name=Mutt", PLENTY);
    struct imapid_choose_counts counts;

    feed(bench, "e0Alpine e1Alpine");
    assert_told(bench, "");
    feed(bench, "e0Mutt");
    assert_told(bench, "e0 e0 ");
    feed(bench, "e0Alpine s0x3");
    assert_told(bench, "e0 s0 ");
    feed(bench, "s1x1 c");
    assert_told(bench, "c ");
    counts = end(bench, "");
    g_assert_cmpuint(counts.n_conns, ==, 2);
    g_assert_cmpuint(counts.n_chosen, ==, 1);
    g_assert_cmpuint(counts.n_gave_way, ==, 0);
}

/* Only the end tells that no value matched. */
static void test_not(void)
{
    struct bench *bench = make("client_name!=Mutt", PLENTY);

    feed(bench, "e0Alpine e1Mutt e0Alpine");
    assert_told(bench, "");
    feed(bench, "s0x2 s1x1");
    assert_told(bench, "e0 e0 s0 ");
    g_assert_cmpuint(end(bench, "").n_conns, ==, 2);
}

/* JSON Lines may come in any order, and without sessions. */
static void test_orders(void)
{
    struct bench *bench = make("client_name=Mutt", PLENTY);
    struct imapid_choose_counts counts;

    feed(bench, "s0x2 s1x1 e1Alpine e0Alpine");
    assert_told(bench, "");
    feed(bench, "e0Mutt e2Mutt e3Alpine");
    assert_told(bench, "e0 s0 e0 e2 ");
    counts = end(bench, "");
    g_assert_cmpuint(counts.n_conns, ==, 4);
    g_assert_cmpuint(counts.n_chosen, ==, 2);

    bench = make("client_name!=Mutt", PLENTY);
    feed(bench, "s5x2 e4Alpine e5Alpine e1Alpine");
    assert_told(bench, "");
    counts = end(bench, "e5 s5 e4 e1 ");
    g_assert_cmpuint(counts.n_conns, ==, 3);
}

/* A later file may have the same connection again. */
static void test_flush(void)
{
    struct bench *bench = make("client_name!=Mutt", PLENTY);

    feed(bench, "e0Alpine");
    imapid_choose_flush(bench->choose);
    assert_told(bench, "e0 ");
    feed(bench, "e0Mutt");
    g_assert_cmpuint(end(bench, "").n_chosen, ==, 1);
}

/* What each record says by itself waits for nothing. */
static void test_of_conn(void)
{
    struct bench *bench = make("stream=1", 0);
    struct imapid_choose_counts counts;

    feed(bench, "e0Mutt e1Mutt s0x1 e1Mutt s1x2 c");
    assert_told(bench, "e1 e1 s1 c ");
    counts = end(bench, "");
    g_assert_cmpuint(counts.n_conns, ==, 2);
    g_assert_cmpuint(counts.n_chosen, ==, 1);
}

/* The largest gives way, as a whole: what comes of it later is left out with it. */
static void test_memory(void)
{
    struct bench *bench = make("client_name!=Mutt", 40000);
    struct imapid_choose_counts counts;

    feed(bench, "e0Alpine");
    for (int i = 0; i < 100; i++)
        feed(bench, "e1Alpine");
    feed(bench, "e1Alpine s0x1 s1x9");
    assert_told(bench, "e0 s0 ");
    counts = end(bench, "");
    g_assert_cmpuint(counts.n_conns, ==, 2);
    g_assert_cmpuint(counts.n_chosen, ==, 1);
    g_assert_cmpuint(counts.n_gave_way, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/choose/whole", test_whole);
    g_test_add_func("/choose/not", test_not);
    g_test_add_func("/choose/orders", test_orders);
    g_test_add_func("/choose/flush", test_flush);
    g_test_add_func("/choose/of-conn", test_of_conn);
    g_test_add_func("/choose/memory", test_memory);
    return g_test_run();
}
