/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: one order whatever the order of coming, what comes twice is there once, and everything
 * is a copy. */
#include "answer/store.h"
#include "record/writer.h"
#include "sample.h"

#include <string.h>

/* Exchange `i` of eight: two connections in each of two files, two exchanges each. */
static void add(struct imapid_store *store, unsigned i)
{
    struct sample *sample = sample_new();
    struct imapid_record_exchange *exchange = &sample->exchange;
    char tag[8];

    g_snprintf(tag, sizeof tag, "a%u", i);
    g_free(exchange->tag);
    exchange->tag = g_strdup(tag);
    exchange->conn.file = i & 4 ? "b.pcap" : "a.pcap";
    exchange->conn.stream = i >> 1 & 1;
    exchange->conn.client.port = (uint16_t)(50000 + exchange->conn.stream);
    exchange->command.packet.number += i & 1 ? 10 : 0;
    exchange->command.packet.ts_ns += i & 1 ? 1000 : 0;
    sample_pair(sample, IMAPID_CLIENT, "name", i & 1 ? "Mutt" : "Alpine");
    imapid_store_add_exchange(store, exchange);
    sample_free(sample); /* the store has copies */
}

static void test_order(void)
{
    static const unsigned orders[][8] = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {3, 7, 0, 4, 6, 1, 5, 2}};

    for (size_t k = 0; k < G_N_ELEMENTS(orders); k++) {
        struct imapid_store *store = imapid_store_new();
        struct imapid_store_reading reading = {.arena = {NULL, 0}};
        struct imapid_store_view view;

        for (unsigned i = 0; i < 8; i++)
            add(store, orders[k][i]);
        view = imapid_store_settle(store);
        g_assert_cmpuint(view.n_conns, ==, 4);
        g_assert_cmpuint(view.n_exchanges, ==, 8);
        g_assert_cmpuint(view.n_duplicates, ==, 0);
        for (unsigned i = 0; i < 4; i++) /* ports do not count */
            g_assert_cmpuint(imapid_store_get_address(&view, i), ==,
                             imapid_store_get_address(&view, 0));
        for (unsigned i = 0; i < 8; i++) {
            const struct imapid_record_exchange *exchange =
                imapid_store_read_exchange(&view, i, &reading);
            char want[8];

            g_snprintf(want, sizeof want, "a%u", i);
            g_assert_cmpstr(exchange->tag, ==, want);
            g_assert_cmpmem(exchange->command.pairs[0].value.octets,
                            exchange->command.pairs[0].value.n, i & 1 ? "Mutt" : "Alpine",
                            i & 1 ? 4 : 6);
            g_assert_cmpint(imapid_store_get_when(&view, i), ==, exchange->command.packet.ts_ns);
        }
        imapid_store_reading_deinit(&reading);
        imapid_store_free(store);
    }
}

static void test_twice(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_record_session session = sample_session();
    struct imapid_record_capture capture = sample_capture();
    struct imapid_store_view view;

    for (int i = 0; i < 3; i++) {
        add(store, 0);
        imapid_store_add_session(store, &session);
        imapid_store_add_capture(store, &capture);
    }
    view = imapid_store_settle(store);
    g_assert_cmpuint(view.n_exchanges, ==, 1);
    g_assert_cmpuint(view.n_conns, ==, 1);
    g_assert_cmpuint(view.n_captures, ==, 1);
    g_assert_cmpuint(view.n_duplicates, ==, 6);
    g_assert_true(imapid_store_get_span(&view, 0).has_session);
    imapid_store_free(store);
}

static void test_said(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;

    for (unsigned i = 0; i < 8; i++)
        add(store, i);
    view = imapid_store_settle(store);
    g_assert_cmpuint(view.n_said, ==, 2); /* tags, frames and connections do not count */
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmpuint(imapid_store_get_said(&view, i), <, view.n_said);
        g_assert_cmpuint(imapid_store_get_said(&view, i), ==, imapid_store_get_said(&view, i & 1));
    }
    g_assert_cmpuint(imapid_store_get_said(&view, 0), !=, imapid_store_get_said(&view, 1));
    imapid_store_free(store);
}

/* The `i`-th of many records, with all that is kept as a number: ends, ways, texts, lists. */
static void add_one(struct imapid_store *store, unsigned i)
{
    struct imapid_record_session session = sample_session();
    struct sample *sample = sample_new();
    struct imapid_record_exchange *exchange = &sample->exchange;
    char *name = g_strdup_printf("%u", i % 17), *file = g_strdup_printf("%u.pcap", i % 5);

    exchange->conn.file = exchange->command.file = file;
    exchange->conn.stream = i / 3;
    exchange->conn.client = sample_endpoint((uint8_t)(i % 97), 50000);
    if (i % 4 == 1)
        exchange->conn.proxied_client = sample_endpoint((uint8_t)(i % 89), 3);
    exchange->conn.server = sample_endpoint(i % 8 ? 2 : 3, 143);
    exchange->conn.first_frame = i % 3 ? i : 0;
    exchange->command.seen = i % 10 != 3;
    exchange->response.seen = i % 4 != 0;
    exchange->response.packet.ts_ns += i % 5 ? i : -(int64_t)i * 1000000;
    exchange->status = i % 7 ? IMAPID_STATUS_OK : IMAPID_STATUS_NONE;
    exchange->conn.doubts.of[i % IMAPID_N_DOUBTS].n = i % 7;
    exchange->command.packet.number += i;
    exchange->response.file = i % 11 ? NULL : "b.pcap";
    exchange->result_file = i % 13 ? NULL : "c.pcap";
    sample_pair(sample, IMAPID_CLIENT, "name", name);
    sample_finding(sample, IMAPID_FINDING_MISSING_VALUE, IMAPID_CLIENT, i % 2 ? name : NULL);
    if (i % 6 == 2)
        sample_raw(sample, IMAPID_SERVER, name);
    session.conn = exchange->conn;
    session.outcome.status = name;
    session.outcome.text = sample_string(sample, name, strlen(name));
    session.outcome.file = session.outcome.ended_file = i % 2 ? NULL : file;
    session.not_decrypted = i % 5 ? NULL : name;
    session.n_auths = i % 3;
    for (unsigned k = 0; k < session.n_auths; k++)
        session.auths[k] = (struct imapid_auth){.mechanism = k ? name : "PLAIN"};
    session.tls.seen = i % 2;
    session.tls.server_name = session.tls.seen ? name : NULL;
    imapid_store_add_exchange(store, exchange);
    imapid_store_add_session(store, &session);
    sample_free(sample);
    g_free(name);
    g_free(file);
}

#define N_MANY    20000u /* more than are put in order at a time */
#define N_THREADS 20u    /* more than there is room for apart */

struct adding {
    struct imapid_store *store;
    unsigned first, step;
};

static void *add_share(void *data)
{
    const struct adding *adding = data;

    for (unsigned i = adding->first; i < N_MANY; i += adding->step)
        add_one(adding->store, i);
    return NULL;
}

/* What can be had without reading is what is read. */
static void check_shortcuts(const struct imapid_store_view *view, unsigned conn, unsigned index,
                            const struct imapid_record_exchange *exchange)
{
    int64_t wanted_ns = 0, ns = 0;
    bool has = imapid_record_rtt_ns(exchange, &wanted_ns);

    g_assert_true(imapid_store_get_rtt_ns(view, index, &ns) == has);
    g_assert_cmpint(ns, ==, wanted_ns);
    g_assert_cmpint(imapid_store_get_when(view, index), ==, imapid_record_when(exchange).ts_ns);
    g_assert_true(imapid_store_is_proxied(view, conn) == !!exchange->conn.proxied_client.family);
    g_assert_true((imapid_store_get_server(view, conn) == imapid_store_get_server(view, 0)) ==
                  (exchange->conn.server.address[3] == 3)); /* as that of the first */
}

static char *spell_all(struct imapid_store *store)
{
    static const struct imapid_writer_style style;
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < view.n_conns; i++) {
        struct imapid_store_conn conn;

        imapid_store_read_conn(&view, i, &conn);
        if (conn.has_session)
            imapid_jsonl_writer.session(text, &style, &conn.session);
        for (unsigned k = 0; k < conn.n_exchanges; k++) {
            const struct imapid_record_exchange *exchange =
                imapid_store_read_exchange(&view, conn.first + k, &reading);

            imapid_jsonl_writer.exchange(text, &style, exchange);
            check_shortcuts(&view, i, conn.first + k, exchange);
        }
    }
    g_string_append_printf(text, "%u %u %u", view.n_said, view.n_addresses, view.n_duplicates);
    imapid_store_reading_deinit(&reading);
    imapid_store_free(store);
    return g_string_free(text, FALSE);
}

/* Whoever adds, it is the same store. */
static void test_threads(void)
{
    struct adding one = {imapid_store_new(), 0, 1}, shares[N_THREADS];
    struct imapid_store *store = imapid_store_new();
    GThread *threads[N_THREADS];
    char *wanted, *had;

    add_share(&one);
    add_one(one.store, 7); /* a duplicate */
    for (unsigned i = 0; i < N_THREADS; i++) {
        shares[i] = (struct adding){store, i, N_THREADS};
        threads[i] = g_thread_new("adding", add_share, &shares[i]);
    }
    for (unsigned i = 0; i < N_THREADS; i++)
        g_thread_join(threads[i]);
    add_one(store, 7);
    wanted = spell_all(one.store);
    had = spell_all(store);
    g_assert_nonnull(strstr(wanted, "{\"type\":\"exchange\""));
    g_assert_true(g_str_has_suffix(wanted, " 2")); /* duplicates */
    g_assert_cmpstr(had, ==, wanted);
    g_free(wanted);
    g_free(had);
}

static void test_session(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_record_session session = sample_session();
    struct imapid_store_view view;
    struct imapid_store_conn conn;
    char *reason = g_strdup("no-key");

    session.not_decrypted = reason;
    session.decrypted = IMAPID_NO;
    session.n_lost = 7;
    session.ended = IMAPID_ENDED_RST;
    imapid_store_add_session(store, &session);
    memset(reason, 'x', strlen(reason));
    g_free(reason);
    view = imapid_store_settle(store);
    g_assert_cmpuint(view.n_conns, ==, 1);
    imapid_store_read_conn(&view, 0, &conn);
    g_assert_true(conn.has_session);
    g_assert_cmpuint(conn.n_exchanges, ==, 0);
    g_assert_cmpstr(conn.session.not_decrypted, ==, "no-key");
    g_assert_cmpuint(conn.session.n_lost, ==, 7);
    g_assert_cmpint(conn.session.ended, ==, IMAPID_ENDED_RST);
    g_assert_cmpstr(conn.conn.file, ==, "a.pcap");
    imapid_store_free(store);
}

/* Connections with no exchange, some, and more than fit into the octet that is kept of each; each one is found
 * in any order, also when it was chosen. */
static unsigned count_of(unsigned conn)
{
    static const unsigned counts[] = {0, 1, 126, 127, 128, 300, 2};

    return counts[conn % G_N_ELEMENTS(counts)];
}

#define N_CONNS 50u

static bool is_even(void *unused, unsigned conn)
{
    (void)unused;
    return conn % 2 == 0;
}

static void check_spans(const struct imapid_store_view *view, unsigned step)
{
    struct imapid_store_reading reading = {.arena = {NULL, 0}};
    unsigned n_exchanges = 0;

    g_assert_cmpuint(view->n_conns, ==, N_CONNS / step);
    for (unsigned i = 0; i < view->n_conns; i++) {
        unsigned place = view->n_conns - 1 - i;
        struct imapid_store_conn conn;

        imapid_store_read_conn(view, place, &conn);
        g_assert_cmpuint(conn.conn.stream, ==, place * step);
        g_assert_cmpuint(conn.n_exchanges, ==, count_of(place * step));
        g_assert_true(conn.has_session == (place * step % 3 == 0 || !conn.n_exchanges));
        g_assert_true(!conn.has_session || conn.session.n_lost == place * step);
        for (unsigned k = 0; k < conn.n_exchanges; k++)
            g_assert_cmpuint(
                imapid_store_read_exchange(view, conn.first + k, &reading)->command.packet.number,
                ==, k + 1);
        n_exchanges += conn.n_exchanges;
    }
    g_assert_cmpuint(view->n_exchanges, ==, n_exchanges);
    imapid_store_reading_deinit(&reading);
}

static void test_spans(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view;

    for (unsigned i = N_CONNS; i-- > 0;) {
        struct imapid_record_session session = sample_session();
        struct sample *sample = sample_new();

        sample->exchange.conn.stream = session.conn.stream = i;
        session.n_lost = i;
        for (unsigned k = count_of(i); k > 0; k--) {
            sample->exchange.command.packet = (struct imapid_stamp){.number = k, .ts_ns = k};
            imapid_store_add_exchange(store, &sample->exchange);
        }
        if (i % 3 == 0 || !count_of(i))
            imapid_store_add_session(store, &session);
        sample_free(sample);
    }
    view = imapid_store_settle(store);
    check_spans(&view, 1);
    imapid_store_choose(store, &view, is_even, NULL);
    check_spans(&view, 2);
    imapid_store_free(store);
}

static void test_client(void)
{
    struct imapid_record_conn conn = sample_conn();

    g_assert_true(imapid_store_get_client(&conn) == &conn.client);
    conn.proxied_client = sample_endpoint(9, 1);
    g_assert_true(imapid_store_get_client(&conn) == &conn.proxied_client);
}

static void test_empty(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view = imapid_store_settle(store);

    g_assert_cmpuint(view.n_conns + view.n_exchanges + view.n_captures, ==, 0);
    imapid_store_free(store);
    imapid_store_free(imapid_store_new()); /* never settled */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/order", test_order);
    g_test_add_func("/store/twice", test_twice);
    g_test_add_func("/store/said", test_said);
    g_test_add_func("/store/threads", test_threads);
    g_test_add_func("/store/session", test_session);
    g_test_add_func("/store/spans", test_spans);
    g_test_add_func("/store/client", test_client);
    g_test_add_func("/store/empty", test_empty);
    return g_test_run();
}
