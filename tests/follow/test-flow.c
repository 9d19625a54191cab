/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection by calls: what is IMAP, what is told when, and that nothing is held afterwards.
 * Connections out of captures are in test_flow.py. */
#include "follow/flow.h"

#include "follow/layers.h"

#include <malloc.h>
#include <string.h>

struct told {
    unsigned n_exchanges, n_sessions;
    bool complete, from_start;
    char status[32]; /* of the session's outcome */
    uint64_t n_lost;
    char tag[8];
};

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct told *told = ctx;

    told->n_exchanges++;
    told->complete = exchange->complete;
    g_strlcpy(told->tag, exchange->tag ? exchange->tag : "", sizeof told->tag);
    g_assert_cmpuint(exchange->conn.server.port, ==, 143);
    g_assert_cmpstr(exchange->conn.file, ==, "a.pcap");
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct told *told = ctx;

    told->n_sessions++;
    told->from_start = session->from_start;
    g_strlcpy(told->status, session->outcome.status ? session->outcome.status : "",
              sizeof told->status);
    told->n_lost = session->n_lost;
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    (void)ctx;
    (void)capture;
    g_assert_not_reached();
}

struct run {
    struct told told;
    struct imapid_record_sink sink;
    struct imapid_flow_context context;
    struct imapid_conn conn;
    struct imapid_flow *flow;
    struct imapid_stamp packet;
};

static void begin(struct run *run)
{
    struct imapid_frames_file file = {"a.pcap", 0};

    memset(run, 0, sizeof *run);
    run->sink = (struct imapid_record_sink){on_exchange, on_session, on_capture, &run->told, NULL};
    run->context.files = g_array_new(FALSE, FALSE, sizeof file);
    g_array_append_val(run->context.files, file);
    run->context.sink = &run->sink;
    run->context.n_inflate = IMAPID_LAYERS_INFLATE_FREE;
    run->conn = (struct imapid_conn){
        .endpoint = {{{10, 0, 0, 1}, 50000, 4}, {{10, 0, 0, 2}, 143, 4}}, .from_start = true};
    run->packet.number = 1;
    run->conn.first = run->conn.last = run->packet;
    run->flow = imapid_flow_new();
    imapid_flow_begin(run->flow, &run->context, &run->conn, &run->conn);
}

static bool say(struct run *run, int dir, const char *text)
{
    size_t n = strlen(text);
    uint8_t *copy = g_memdup2(text, n); /* exact size */
    bool wanted;

    run->packet.number++;
    run->conn.last = run->packet;
    wanted = imapid_flow_data(run->flow, &run->conn, dir, copy, n, &run->packet);
    run->conn.n_octets[dir] += n;
    g_free(copy);
    return wanted;
}

static void end(struct run *run)
{
    imapid_flow_end(run->flow, &run->conn, IMAPID_TCP_FIN);
    imapid_flow_free(run->flow);
    g_assert_cmpuint(run->context.holders.n, ==, 0);
    g_assert_null(imapid_flow_find_greediest(&run->context, NULL));
    g_array_unref(run->context.files);
    imapid_large_clear(&run->context.readings);
}

static void test_exchange(void)
{
    struct run run;

    begin(&run);
    g_assert_true(say(&run, 1, "* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"));
    g_assert_true(say(&run, 0, "a1 ID (\"name\" \"Mutt\")\r\n"));
    g_assert_cmpuint(run.told.n_exchanges, ==, 0);
    g_assert_true(say(&run, 1, "* ID NIL\r\na1 OK done\r\n"));
    g_assert_cmpuint(run.told.n_exchanges, ==, 1); /* when it ends, not when the connection does */
    g_assert_true(run.told.complete);
    g_assert_cmpstr(run.told.tag, ==, "a1");
    g_assert_cmpuint(run.told.n_sessions, ==, 0);
    end(&run);
    g_assert_cmpuint(run.told.n_sessions, ==, 1);
    g_assert_true(run.told.from_start);
    g_assert_cmpuint(run.context.n_sessions, ==, 1);
    g_assert_cmpuint(run.context.n_exchanges, ==, 1);
}

static void test_other_protocols(void)
{
    static const char *const greetings[] = {"220 mail ESMTP\r\n", "+OK POP3\r\n",
                                            "HTTP/1.1 200 OK\r\n\r\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(greetings); i++) {
        struct run run;
        bool wanted;

        begin(&run);
        run.conn.endpoint[1].port = 1143;
        wanted = say(&run, 1, greetings[i]);
        if (wanted)
            wanted = say(&run, 0, "EHLO x\r\n") && say(&run, 1, greetings[i]);
        g_assert_false(wanted);
        imapid_flow_free(run.flow);
        g_assert_cmpuint(run.told.n_sessions + run.told.n_exchanges, ==, 0);
        g_array_unref(run.context.files);
    }
}

/* What a session needs is there when it is IMAP, not before: strangers open many connections. */
static void test_undecided_is_small(void)
{
    struct run run;

    begin(&run);
    g_assert_true(say(&run, 1, "* O"));
    g_assert_cmpuint(run.context.holders.n, >, imapid_tcp_count_memory());
    g_assert_cmpuint(run.context.holders.n, <, imapid_tcp_count_memory() + 640);
    g_assert_true(say(&run, 1, "K IMAP4rev1 ready\r\n"));
    g_assert_cmpuint(run.context.holders.n, >,
                     imapid_tcp_count_memory() + sizeof(struct imapid_session));
    end(&run);
    g_assert_cmpuint(run.told.n_sessions, ==, 1);
}

/* Begun in the middle of what may be a message: lines that are none of IMAP leave no room behind that they took. */
static void test_passed_is_small(void)
{
    enum { N = 100 };
    static struct run runs[N];
    char *text = g_strnfill(1448, 'x');
    size_t n_before;

    memcpy(text + 1400, "\r\n", 2);
    for (int i = 0; i < N; i++) {
        begin(&runs[i]);
        imapid_flow_free(runs[i].flow);
        runs[i].conn.endpoint[1].port = 1143;
        runs[i].conn.from_start = false;
        runs[i].conn.client = -1;
    }
    n_before = mallinfo2().uordblks;
    for (int i = 0; i < N; i++) {
        runs[i].flow = imapid_flow_new();
        imapid_flow_begin(runs[i].flow, &runs[i].context, &runs[i].conn, &runs[i].conn);
        g_assert_true(say(&runs[i], 1, text));
    }
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    (void)n_before;
    g_test_skip("the allocator of a sanitizer does not count this way");
#else
    g_assert_cmpuint((mallinfo2().uordblks - n_before) / N, <, 1024);
#endif
    for (int i = 0; i < N; i++)
        end(&runs[i]);
    g_free(text);
}

/* On a port of IMAP it is told, but not counted as IMAP. */
static void test_no_imap_on_its_port(void)
{
    struct run run;

    begin(&run);
    g_assert_true(say(&run, 1, "+OK POP3\r\n"));
    g_assert_true(say(&run, 0, "USER x\r\n") && say(&run, 1, "+OK\r\n"));
    end(&run);
    g_assert_cmpuint(run.told.n_sessions, ==, 1);
    g_assert_cmpstr(run.told.status, ==, "not-imap:pop3");
    g_assert_cmpuint(run.context.n_sessions, ==, 0);
}

static void test_lost_answer(void)
{
    struct run run;

    begin(&run);
    say(&run, 1, "* OK IMAP4rev1 ready\r\n");
    say(&run, 0, "a1 ID (\"name\" \"Mutt\")\r\n");
    imapid_flow_gap(run.flow, &run.conn, 1, 50, &run.packet);
    run.conn.n_lost[1] = 50;
    end(&run);
    g_assert_cmpuint(run.told.n_exchanges, ==, 1);
    g_assert_false(run.told.complete);
    g_assert_cmpuint(run.told.n_lost, ==, 50);
}

/* The client's first command is there, whatever was lost of the greeting: it is told, though its answer
 * was lost as well. */
static void test_lost_greeting(void)
{
    struct run run;

    begin(&run);
    say(&run, 1, "* ");
    imapid_flow_gap(run.flow, &run.conn, 1, 7, &run.packet);
    say(&run, 0, "a0 ID (\"name\" \"Mutt\")\r\n");
    imapid_flow_gap(run.flow, &run.conn, 1, 50, &run.packet);
    say(&run, 0, "a1 NOOP\r\n");
    say(&run, 1, "a1 OK done\r\n");
    end(&run);
    g_assert_cmpuint(run.told.n_exchanges, ==, 1);
    g_assert_cmpstr(run.told.tag, ==, "a0");
    g_assert_false(run.told.complete);
    g_assert_cmpuint(run.context.n_sessions, ==, 1);
}

/* A connection that ends before it is known what it is is no session. */
static void test_silent(void)
{
    struct run run;

    begin(&run);
    run.conn.endpoint[1].port = 1143;
    say(&run, 1, "* O");
    end(&run);
    g_assert_cmpuint(run.told.n_sessions, ==, 0);
    begin(&run);
    say(&run, 1, "* O");
    end(&run);
    g_assert_cmpuint(run.told.n_sessions, ==, 1);
    g_assert_cmpuint(run.context.n_sessions, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow/exchange", test_exchange);
    g_test_add_func("/flow/other-protocols", test_other_protocols);
    g_test_add_func("/flow/undecided-is-small", test_undecided_is_small);
    g_test_add_func("/flow/passed-is-small", test_passed_is_small);
    g_test_add_func("/flow/no-imap-on-its-port", test_no_imap_on_its_port);
    g_test_add_func("/flow/lost-answer", test_lost_answer);
    g_test_add_func("/flow/lost-greeting", test_lost_greeting);
    g_test_add_func("/flow/silent", test_silent);
    return g_test_run();
}
