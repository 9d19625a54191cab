/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of pcaptool/net/tcp.c: scripts of segments against the log of what the handler was told.
 * Every script runs with several initial sequence numbers, so that each of them also wraps. */

#include "net/tcp.h"

#include <glib.h>
#include <string.h>

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define PSH 0x08u
#define ACK 0x10u

/* Endpoint 0 is 10.0.0.1:50000, endpoint 1 is 10.0.0.2:143. */
struct step {
    int dir;
    unsigned flags;
    /* from the initial sequence number of the direction, and of its peer: 1 is the first octet */
    uint32_t seq, ack;
    const char *text;
    uint32_t n_cut;
};

struct log {
    GString *text;
    const char *ignore_at; /* data that is answered with IGNORE */
    bool with_numbers;
    bool with_streams;
    int last_dir; /* of data that may be continued on the same line */
    struct imapid_conn last_conn;
    const struct imapid_conn *home; /* where it lies */
    unsigned n_quiet;               /* connections that carried nothing */
};

static enum imapid_tcp_verdict on_data(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    struct log *log = ctx;
    g_assert_cmpuint(n, >, 0);
    log->last_conn = *conn;
    log->home = conn;
    if (log->with_streams)
        g_string_append_printf(log->text, "[%u]", conn->stream);
    if (log->with_numbers)
        g_string_append_printf(log->text, "%d@%d:", dir, (int)packet->number);
    else if (log->last_dir != dir)
        g_string_append_printf(log->text, "%d:", dir);
    g_string_append_len(log->text, (const char *)octets, (gssize)n);
    if (log->with_numbers)
        g_string_append_c(log->text, ' ');
    log->last_dir = dir;
    if (log->ignore_at && n == strlen(log->ignore_at) && memcmp(octets, log->ignore_at, n) == 0)
        return IMAPID_TCP_IGNORE;
    return IMAPID_TCP_WANTED;
}

static void on_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                   const struct imapid_stamp *packet)
{
    struct log *log = ctx;
    (void)conn;
    g_string_append_printf(log->text, "<%d:%d", dir, (int)n_lost);
    if (log->with_numbers)
        g_string_append_printf(log->text, "@%d", (int)packet->number);
    g_string_append(log->text, ">");
    log->last_dir = -1;
}

static void on_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    static const char *const names[] = {"FIN", "RST", "REUSED", "END", "LIMIT"};
    struct log *log = ctx;
    log->last_conn = *conn;
    g_string_append_printf(log->text, "{%s}", names[reason]);
    log->last_dir = -1;
}

static void put32(uint8_t *to, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    memcpy(to, &value, 4);
}

struct feeder {
    struct imapid_tcp *tcp;
    uint32_t isn[2];
    uint64_t number;
    uint16_t client_port, server_port;
    uint32_t path;
    uint8_t address[2][16];
    uint8_t family;
};

static void feed(struct feeder *f, const struct step *step)
{
    size_t n_text = step->text ? strlen(step->text) : 0, n = 20 + n_text;
    uint8_t *octets = g_malloc0(n); /* exact: a read beyond it shows */
    uint16_t port[2] = {f->client_port, f->server_port};
    octets[0] = (uint8_t)(port[step->dir] >> 8);
    octets[1] = (uint8_t)port[step->dir];
    octets[2] = (uint8_t)(port[!step->dir] >> 8);
    octets[3] = (uint8_t)port[!step->dir];
    put32(octets + 4, f->isn[step->dir] + step->seq);
    put32(octets + 8, step->flags & ACK ? f->isn[!step->dir] + step->ack : 0);
    octets[12] = 0x50;
    octets[13] = (uint8_t)step->flags;
    if (n_text > 0)
        memcpy(octets + 20, step->text, n_text);
    struct imapid_segment segment = {
        .source = f->address[step->dir],
        .destination = f->address[!step->dir],
        .family = f->family,
        .path = f->path,
        .octets = octets,
        .n = (uint32_t)n,
        .n_wire = (uint32_t)n + step->n_cut,
        .packet = {++f->number, (int64_t)f->number * 1000},
    };
    if (f->number % 2)
        imapid_tcp_foresee(f->tcp, f->number, octets, imapid_tcp_digest(f->tcp, &segment));
    imapid_tcp_segment(f->tcp, &segment);
    g_free(octets);
}

static void on_quiet(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    struct log *log = ctx;
    (void)reason;
    log->n_quiet++;
    log->last_conn = *conn;
}

static bool may_be_quiet(void *ctx, uint16_t port0, uint16_t port1)
{
    (void)ctx;
    return port0 == 143 || port1 == 143;
}

static struct imapid_tcp_handler handler_of(struct log *log)
{
    return (struct imapid_tcp_handler){on_data, on_gap, on_end, log, on_quiet, may_be_quiet};
}

static struct feeder feeder_new(struct log *log, const struct imapid_tcp_limits *limits,
                                uint32_t isn)
{
    struct imapid_tcp_handler handler = handler_of(log);
    struct imapid_tcp_limits small = imapid_tcp_default_limits;
    small.n_conns = 256; /* quicker to set up */
    small.n_wanted = 64;
    limits = limits ? limits : &small;
    struct feeder f = {.tcp = imapid_tcp_new(&handler, limits),
                       .isn = {isn, isn * 3 + 17},
                       .client_port = 50000,
                       .server_port = 143,
                       .family = 4,
                       .address = {{10, 0, 0, 1}, {10, 0, 0, 2}}};
    return f;
}

static void check_with(struct log *log, const struct imapid_tcp_limits *limits,
                       const struct step *steps, size_t n, const char *expected)
{
    static const uint32_t isns[] = {0, 1000, 0x7ffffffa, 0xfffffff0, 0xfffffffe, 0xffffffff};
    for (size_t i = 0; i < G_N_ELEMENTS(isns); i++) {
        log->text = g_string_new(NULL);
        log->last_dir = -1;
        struct feeder f = feeder_new(log, limits, isns[i]);
        for (size_t j = 0; j < n; j++)
            feed(&f, &steps[j]);
        imapid_tcp_finish(f.tcp);
        g_assert_cmpstr(log->text->str, ==, expected);
        imapid_tcp_free(f.tcp);
        g_string_free(log->text, TRUE);
    }
}

#define CHECK(expected, ...)                                                                       \
    do {                                                                                           \
        struct log log_ = {0};                                                                     \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        check_with(&log_, NULL, steps_, G_N_ELEMENTS(steps_), expected);                           \
    } while (0)

#define CHECK_NUMBERS(expected, ...)                                                               \
    do {                                                                                           \
        struct log log_ = {.with_numbers = true};                                                  \
        const struct step steps_[] = {__VA_ARGS__};                                                \
        check_with(&log_, NULL, steps_, G_N_ELEMENTS(steps_), expected);                           \
    } while (0)

#define HANDSHAKE                                                                                  \
    {0, SYN, 0, 0, NULL, 0}, {1, SYN | ACK, 0, 1, NULL, 0},                                        \
    {                                                                                              \
        0, ACK, 1, 1, NULL, 0                                                                      \
    }

static void test_plain(void)
{
    CHECK("1:hello0:cmd1:ok{FIN}", HANDSHAKE, {1, ACK, 1, 1, "hello", 0}, {0, ACK, 1, 6, "cmd", 0},
          {1, ACK, 6, 4, "ok", 0}, {0, FIN | ACK, 4, 8, NULL, 0}, {1, FIN | ACK, 8, 5, NULL, 0},
          {0, ACK, 5, 9, NULL, 0});
}

static void test_nothing_said(void)
{
    CHECK("", HANDSHAKE, {0, FIN | ACK, 1, 1, NULL, 0}, {1, FIN | ACK, 1, 2, NULL, 0});
    CHECK("", {0, SYN, 0, 0, NULL, 0}, {1, RST | ACK, 0, 1, NULL, 0});
}

/* It is told apart that nothing was said, with who closed and where. */
static void test_quiet(void)
{
    static const struct step refused[] = {{0, SYN, 0, 0, NULL, 0}, {1, RST | ACK, 0, 1, NULL, 0}};
    static const struct step closed[] = {HANDSHAKE, {1, FIN | ACK, 1, 1, NULL, 0}};
    static const struct step spoken[] = {HANDSHAKE, {1, ACK, 1, 1, "hi", 0}};
    static const struct {
        const struct step *steps;
        size_t n;
        unsigned n_quiet;
        bool is_reset;
    } cases[] = {{refused, 2, 1, true},
                 {closed, G_N_ELEMENTS(closed), 1, false},
                 {spoken, G_N_ELEMENTS(spoken), 0, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct log log = {.text = g_string_new(NULL), .last_dir = -1};
        struct feeder f = feeder_new(&log, NULL, 5);
        for (size_t k = 0; k < cases[i].n; k++)
            feed(&f, &cases[i].steps[k]);
        imapid_tcp_finish(f.tcp);
        g_assert_cmpuint(log.n_quiet, ==, cases[i].n_quiet);
        if (log.n_quiet) {
            g_assert_true(log.last_conn.closer >= 0 &&
                          log.last_conn.closer != log.last_conn.client);
            g_assert_cmpint(log.last_conn.is_reset, ==, cases[i].is_reset);
            g_assert_cmpuint(log.last_conn.closed.number, ==, cases[i].n);
        }
        imapid_tcp_free(f.tcp);
        g_string_free(log.text, TRUE);
    }
}

/* Of many segments foreseen at once each is its own connection's, also where two have one number and
 * where one never comes. */
static void test_foreseen(void)
{
    enum { N = 200 };
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct imapid_tcp_handler handler = handler_of(&log);
    struct imapid_tcp *tcp = imapid_tcp_new(&handler, NULL);
    static const uint8_t addresses[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
    uint8_t octets[N][20] = {{0}};
    struct imapid_segment segments[N];
    unsigned n_foreseen = 0;
    for (unsigned i = 0; i < N; i++) {
        octets[i][1] = 143;
        octets[i][3] = (uint8_t)(i / 2 % 50); /* so many connections */
        octets[i][12] = 0x50;
        octets[i][13] = SYN;
        segments[i] = (struct imapid_segment){.source = addresses[0],
                                              .destination = addresses[1],
                                              .family = 4,
                                              .octets = octets[i],
                                              .n = 20,
                                              .n_wire = 20,
                                              .packet = {1 + i - i % 3 / 2, 1000}};
    }
    for (unsigned i = 0; i < N; i++) {
        for (; n_foreseen < N && n_foreseen < i + 16; n_foreseen++) {
            const struct imapid_segment *segment = &segments[n_foreseen];
            imapid_tcp_foresee(tcp, segment->packet.number, segment->octets,
                               imapid_tcp_digest(tcp, segment));
        }
        if (i % 7)
            imapid_tcp_segment(tcp, &segments[i]);
    }
    g_assert_cmpuint(imapid_tcp_get_counts(tcp)->n_conns, ==, 50);
    imapid_tcp_free(tcp);
    g_string_free(log.text, TRUE);
}

/* ---- what is passed by its digest ---- */

static enum imapid_tcp_verdict note_data(void *ctx, struct imapid_conn *conn, int dir,
                                         const uint8_t *octets, size_t n,
                                         const struct imapid_stamp *packet)
{
    g_string_append_printf(ctx, "data %u %d %.*s %" G_GUINT64_FORMAT "\n", conn->stream, dir,
                           (int)n, (const char *)octets, packet->number);
    return conn->stream % 4 ? IMAPID_TCP_IGNORE : IMAPID_TCP_WANTED;
}

static void note_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                     const struct imapid_stamp *packet)
{
    g_string_append_printf(ctx, "gap %u %d %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n",
                           conn->stream, dir, n_lost, packet->number);
}

static void note_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    g_string_append_printf(ctx, "end %u %d %" G_GUINT64_FORMAT "\n", conn->stream, (int)reason,
                           conn->last.number);
}

/* Segments of few connections, on two paths, with all flags; clocks that go on, stand still, and go back. */
static void draw_segment(GRand *draw, int n_same_path, uint64_t number, uint8_t *octets,
                         struct imapid_segment *segment)
{
    static const uint8_t addresses[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
    static const uint8_t flags[] = {ACK, ACK, ACK, ACK, ACK | FIN, RST, SYN, SYN | ACK};
    int dir = g_rand_boolean(draw);
    memset(octets, 0, 24);
    octets[dir ? 1 : 3] = 143;
    octets[dir ? 3 : 1] = (uint8_t)g_rand_int_range(draw, 1, 12);
    put32(octets + 4, 1000u * (1 + (unsigned)dir) + (guint32)g_rand_int_range(draw, 0, 40));
    put32(octets + 8, 1000u * (1 + (unsigned)!dir) + (guint32)g_rand_int_range(draw, 0, 40));
    octets[12] = g_rand_int_range(draw, 0, 30) ? 0x50 : (uint8_t)g_rand_int(draw);
    octets[13] = flags[g_rand_int_range(draw, 0, g_rand_int_range(draw, 0, 8) ? 5 : 8)];
    memcpy(octets + 20, "abcd", 4);
    *segment = (struct imapid_segment){
        .source = addresses[dir],
        .destination = addresses[!dir],
        .family = 4,
        .path = g_rand_int_range(draw, 0, n_same_path) ? 0 : 7,
        .octets = octets,
        .n = 20 + (uint32_t)g_rand_int_range(draw, 0, 5),
        .packet = {number, (int64_t)(number / 3 % 500) * INT64_C(1000000000)},
    };
    segment->n_wire = segment->n;
}

/* A reader that passes what can be passed tells what one does that takes all, and counts the same, also
 * where connections are forgotten for others. */
static void test_passed(void)
{
    unsigned n_passed = 0;
    for (int round = 0; round < 300; round++) {
        GRand *draw = g_rand_new_with_seed((guint32)g_test_rand_int());
        GString *log[2] = {g_string_new(NULL), g_string_new(NULL)};
        struct imapid_tcp *tcp[2];
        struct imapid_tcp_limits limits = imapid_tcp_default_limits;
        uint8_t octets[24];
        struct imapid_segment segment;
        limits.n_conns = (uint32_t)g_rand_int_range(draw, 4, 40);
        limits.n_wanted = (uint32_t)g_rand_int_range(draw, 2, 20);
        for (int i = 0; i < 2; i++)
            tcp[i] = imapid_tcp_new(
                &(struct imapid_tcp_handler){note_data, note_gap, note_end, log[i], NULL, NULL},
                &limits);
        for (uint64_t number = 1; number < 1000; number++) {
            draw_segment(draw, round % 2 ? 40 : 4, number, octets, &segment);
            imapid_tcp_segment(tcp[0], &segment);
            uint64_t digest = imapid_tcp_digest(tcp[1], &segment);
            const struct imapid_ahead_mark mark = {
                .key = digest, .number = number - 1, .ts_ns = segment.packet.ts_ns};
            if (imapid_tcp_is_passable(segment.octets, MAX(segment.n, segment.n_wire)) &&
                imapid_tcp_pass(tcp[1], &mark, 1, 1)) {
                n_passed++;
                continue;
            }
            imapid_tcp_foresee(tcp[1], number, octets, digest);
            imapid_tcp_segment(tcp[1], &segment);
        }
        for (int i = 0; i < 2; i++)
            imapid_tcp_finish(tcp[i]);
        g_assert_cmpstr(log[0]->str, ==, log[1]->str);
        g_assert_cmpmem(imapid_tcp_get_counts(tcp[0]), sizeof(struct imapid_tcp_counts),
                        imapid_tcp_get_counts(tcp[1]), sizeof(struct imapid_tcp_counts));
        for (int i = 0; i < 2; i++) {
            imapid_tcp_free(tcp[i]);
            g_string_free(log[i], TRUE);
        }
        g_rand_free(draw);
    }
    g_assert_cmpuint(n_passed, >, 10000);
}

static void test_endpoints(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 5);
    static const struct step steps[] = {HANDSHAKE, {1, ACK, 1, 1, "hi", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        feed(&f, &steps[i]);
    const struct imapid_conn *conn = &log.last_conn;
    g_assert_cmpint(conn->client, ==, 0);
    g_assert_true(conn->from_start);
    g_assert_cmpuint(conn->endpoint[conn->client].port, ==, 50000);
    g_assert_cmpuint(conn->endpoint[!conn->client].port, ==, 143);
    g_assert_cmpuint(conn->endpoint[0].address[3], ==, 1);
    g_assert_cmpuint(conn->endpoint[0].family, ==, 4);
    g_assert_cmpuint(conn->first.number, ==, 1);
    g_assert_cmpuint(conn->last.number, ==, 4);
    g_assert_null(conn->user);
    imapid_tcp_finish(f.tcp);
    g_assert_cmpuint(log.last_conn.n_octets[1], ==, 2);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_client_from_syn_ack(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 5);
    static const struct step steps[] = {{1, SYN | ACK, 0, 1, NULL, 0}, {1, ACK, 1, 1, "hi", 0}};
    feed(&f, &steps[0]);
    feed(&f, &steps[1]);
    g_assert_cmpint(log.last_conn.client, ==, 0);
    g_assert_true(log.last_conn.from_start);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_begun_midway(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 5);
    static const struct step step = {1, ACK, 100, 1, "hi", 0};
    feed(&f, &step);
    g_assert_cmpint(log.last_conn.client, ==, -1);
    g_assert_false(log.last_conn.from_start);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
    CHECK("0:cmd1:ok{END}", {0, ACK, 500, 900, "cmd", 0}, {1, ACK, 900, 503, "ok", 0});
    /* captured the other way round at the very beginning */
    CHECK("1:ok0:cmd{END}", {1, ACK, 900, 503, "ok", 0}, {0, ACK, 500, 900, "cmd", 0});
    /* a keep-alive's octet is none */
    CHECK("1:ok{END}", {1, ACK, 900, 503, "ok", 0}, {0, ACK, 502, 902, "x", 0});
}

static void test_retransmission(void)
{
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 1, 1, "abc", 0},
          {0, ACK, 4, 1, "def", 0}, {0, ACK, 1, 1, "abcdef", 0});
    /* repacketised: the first copy of an octet wins */
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abcd", 0}, {0, ACK, 1, 1, "ABCDef", 0});
    CHECK("0:abcdefg{END}", HANDSHAKE, {0, ACK, 4, 1, "d", 0}, {0, ACK, 6, 1, "f", 0},
          {0, ACK, 1, 1, "abcDeFg", 0});
}

static void test_reordering(void)
{
    CHECK("0:abcdefghi{END}", HANDSHAKE, {0, ACK, 7, 1, "ghi", 0}, {0, ACK, 4, 1, "def", 0},
          {0, ACK, 1, 1, "abc", 0});
    CHECK_NUMBERS("0@4:abc 0@6:def 0@6:ghi 0@7:jkl {END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0},
                  {0, ACK, 7, 1, "ghi", 0}, {0, ACK, 4, 1, "def", 0}, {0, ACK, 10, 1, "jkl", 0});
}

static void test_keep_alive_and_probe(void)
{
    CHECK("0:abcd{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 3, 1, "x", 0},
          {0, ACK, 3, 1, NULL, 0}, {1, ACK, 1, 4, NULL, 0}, {0, ACK, 4, 1, "d", 0});
    /* a window probe sends the octet that is next */
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 4, 1, "d", 0},
          {1, ACK, 1, 4, NULL, 0}, {0, ACK, 4, 1, "def", 0});
}

static void test_fast_open(void)
{
    CHECK("0:abcdef{END}", {0, SYN, 0, 0, "abc", 0}, {1, SYN | ACK, 0, 4, NULL, 0},
          {0, ACK, 4, 1, "def", 0});
    /* the server did not take it: it is sent again */
    CHECK("0:abcdef{END}", {0, SYN, 0, 0, "abc", 0}, {1, SYN | ACK, 0, 1, NULL, 0},
          {0, ACK, 1, 1, "abcdef", 0});
}

static void test_causality(void)
{
    /* the answer was captured before the command */
    CHECK_NUMBERS("0@5:cmd 1@4:ok {END}", HANDSHAKE, {1, ACK, 1, 4, "ok", 0},
                  {0, ACK, 1, 1, "cmd", 0});
    CHECK("0:cmd1:ok0:next{END}", HANDSHAKE, {0, ACK, 4, 3, "next", 0}, {1, ACK, 1, 4, "ok", 0},
          {0, ACK, 1, 1, "cmd", 0});
    /* all the same the server's + comes before the literal */
    CHECK("0:{2}1:+0:xy1:ok{END}", HANDSHAKE, {0, ACK, 1, 1, "{2}", 0}, {0, ACK, 4, 2, "xy", 0},
          {1, ACK, 2, 6, "ok", 0}, {1, ACK, 1, 4, "+", 0});
}

static const struct step quiet = {1, ACK, 1, 1, NULL, 0};

static void test_gap_by_acknowledgement(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 0xfffffffe);
    static const struct step steps[] = {
        HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 7, 1, "ghi", 0}, {1, ACK, 1, 10, "ok", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        feed(&f, &steps[i]);
    g_assert_cmpstr(log.text->str, ==, "0:abc");
    for (uint32_t i = 1; i < imapid_tcp_default_limits.n_patience; i++)
        feed(&f, &quiet);
    g_assert_cmpstr(log.text->str, ==, "0:abc");
    feed(&f, &quiet);
    g_assert_cmpstr(log.text->str, ==, "0:abc<0:3>0:ghi1:ok");
    imapid_tcp_finish(f.tcp);
    g_assert_cmpuint(log.last_conn.n_lost[0], ==, 3);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_lost, ==, 3);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_gaps, ==, 1);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_no_gap_without_acknowledgement(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 7);
    static const struct step steps[] = {HANDSHAKE, {0, ACK, 4, 1, "def", 0}};
    static const struct step late = {0, ACK, 1, 1, "abc", 0};
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        feed(&f, &steps[i]);
    for (int i = 0; i < 500; i++)
        feed(&f, &quiet);
    feed(&f, &late);
    g_assert_cmpstr(log.text->str, ==, "0:abcdef");
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_one_direction_only(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 0xfffffff0);
    struct step step = {1, SYN | ACK, 0, 1, NULL, 0};
    feed(&f, &step);
    step = (struct step){1, ACK, 1, 1, "a", 0};
    for (uint32_t i = 0; i < 60; i++) {
        feed(&f, &step);
        step.seq++;
        step.ack += 10; /* a command that nobody saw */
    }
    /* Once it is clear that the other side is not there, nothing waits for it. */
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_octets, ==, 60);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_lost, ==, 590);
    g_assert_true(g_str_has_suffix(log.text->str, "<0:10>1:a<0:10>1:a"));
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_end_of_capture(void)
{
    CHECK("0:abc<0:3>0:ghi{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 7, 1, "ghi", 0});
    /* two holes, and what is between the directions stays in order */
    CHECK("<0:3>0:def1:ok<0:2>0:ij{END}", HANDSHAKE, {0, ACK, 4, 1, "def", 0},
          {1, ACK, 1, 7, "ok", 0}, {0, ACK, 9, 3, "ij", 0});
    /* nothing behind the hole but the acknowledgement */
    CHECK("1:ok<0:3>{END}", HANDSHAKE, {1, ACK, 1, 1, "ok", 0}, {1, ACK, 3, 4, NULL, 0});
    CHECK("1:ok<0:3>{END}", HANDSHAKE, {1, ACK, 1, 1, "ok", 0}, {0, FIN | ACK, 4, 3, NULL, 0});
    /* one octet that nobody saw at the end was a FIN */
    CHECK("1:ok{END}", HANDSHAKE, {1, ACK, 1, 1, "ok", 0}, {1, ACK, 3, 2, NULL, 0});
}

static void test_frame_behind_gap(void)
{
    /* Behind a gap the frame is the one that carried the octets. */
    CHECK_NUMBERS("0@4:abc <0:3@5>0@5:ghi 0@6:jkl {END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0},
                  {0, ACK, 7, 1, "ghi", 0}, {0, ACK, 10, 1, "jkl", 0});
}

static void test_cut_segments(void)
{
    CHECK("0:ab<0:3>0:f{END}", HANDSHAKE, {0, ACK, 1, 1, "ab", 3}, {0, ACK, 6, 1, "f", 0});
    CHECK("<0:5>0:f{END}", HANDSHAKE, {0, ACK, 1, 1, NULL, 5}, {0, ACK, 6, 1, "f", 0});
    /* out of order too */
    CHECK("0:xab<0:3>0:f{END}", HANDSHAKE, {0, ACK, 2, 1, "ab", 3}, {0, ACK, 7, 1, "f", 0},
          {0, ACK, 1, 1, "x", 0});
    /* a retransmission that begins in what was cut */
    CHECK("0:ab<0:3>0:f{END}", HANDSHAKE, {0, ACK, 1, 1, "ab", 3}, {0, ACK, 4, 1, "def", 0});
}

static void test_reset(void)
{
    /* what the other side sent before it heard of it is read */
    CHECK("0:abcdef{RST}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {1, RST | ACK, 1, 4, NULL, 0},
          {0, ACK, 4, 1, "def", 0});
    CHECK("0:abc<0:3>0:ghi{RST}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 7, 1, "ghi", 0},
          {0, RST, 10, 0, NULL, 0});
    /* far away from the sequence: somebody else's */
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, RST, 0x80000000, 0, NULL, 0},
          {0, ACK, 4, 1, "def", 0});
    /* its text is not the stream's */
    CHECK("0:abc{RST}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, RST, 4, 0, "go away", 0});
}

/* A reset ahead of all that came ends nothing while the capture goes on. */
static void test_reset_ahead(void)
{
    CHECK("0:abc<0:0><1:0>{RST}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, RST, 1000, 0, NULL, 0});
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, RST, 1000, 0, NULL, 0},
          {0, ACK, 4, 1, "def", 0});
    CHECK("0:abc{RST}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, RST, 1000, 0, NULL, 0},
          {0, RST, 4, 0, NULL, 0});
}

/* Who closed, and with which packet, where that changes. */
static void test_closer(void)
{
    static const struct step one[] = {HANDSHAKE,
                                      {0, FIN | ACK, 1, 1, NULL, 0}, /* 4: none of its own */
                                      {1, FIN | ACK, 1, 2, NULL, 0},
                                      {0, ACK, 1, 1, "abc", 0}};
    static const struct step two[] = {HANDSHAKE,
                                      {0, FIN | ACK, 9, 1, NULL, 0}, /* 4: too far */
                                      {0, ACK, 1, 1, "abc", 0},
                                      {0, FIN | ACK, 4, 1, NULL, 0}};
    static const struct step reset[] = {HANDSHAKE,
                                        {0, FIN | ACK, 1, 1, NULL, 0}, /* 4: none of its own */
                                        {1, RST | ACK, 1, 1, NULL, 0},
                                        {0, ACK, 1, 1, "abc", 0}};
    static const struct {
        const struct step *steps;
        size_t n;
        int closer;
        uint64_t number;
        bool is_reset;
    } cases[] = {{one, G_N_ELEMENTS(one), 1, G_N_ELEMENTS(one) - 1, false},
                 {two, G_N_ELEMENTS(two), 0, G_N_ELEMENTS(two), false},
                 {reset, G_N_ELEMENTS(reset), 1, G_N_ELEMENTS(reset) - 1, true}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct log log = {.text = g_string_new(NULL), .last_dir = -1};
        struct feeder f = feeder_new(&log, NULL, 5);
        for (size_t k = 0; k < cases[i].n; k++)
            feed(&f, &cases[i].steps[k]);
        imapid_tcp_finish(f.tcp);
        g_assert_cmpint(log.last_conn.closer == log.last_conn.client ? 0 : 1, ==, cases[i].closer);
        g_assert_cmpint(log.last_conn.is_reset, ==, cases[i].is_reset);
        g_assert_cmpuint(log.last_conn.closed.number, ==, cases[i].number);
        imapid_tcp_free(f.tcp);
        g_string_free(log.text, TRUE);
    }
}

static void test_fin(void)
{
    /* with the last octets; before them */
    CHECK("0:abc1:ok{FIN}", HANDSHAKE, {0, FIN | ACK, 1, 1, "abc", 0},
          {1, FIN | ACK, 1, 5, "ok", 0});
    CHECK("0:abc1:ok{FIN}", HANDSHAKE, {0, FIN | ACK, 4, 1, NULL, 0}, {0, ACK, 1, 1, "abc", 0},
          {1, FIN | ACK, 1, 5, "ok", 0});
    /* half closed */
    CHECK("0:abc1:okmore{END}", HANDSHAKE, {0, FIN | ACK, 1, 1, "abc", 0}, {1, ACK, 1, 5, "ok", 0},
          {1, ACK, 3, 5, "more", 0});
    /* late copies after the end */
    /* only a hole kept it open when the capture ended */
    CHECK("1:ok<0:3>0:more{FIN}", HANDSHAKE, {1, ACK, 1, 1, "ok", 0},
          {0, FIN | ACK, 4, 3, "more", 0}, {1, FIN | ACK, 3, 9, NULL, 0});
    CHECK("0:abc{FIN}", HANDSHAKE, {0, FIN | ACK, 1, 1, "abc", 0}, {1, FIN | ACK, 1, 5, NULL, 0},
          {0, FIN | ACK, 1, 1, "abc", 0}, {0, ACK, 5, 2, NULL, 0});
}

static void test_port_reuse(void)
{
    struct log log = {.with_streams = true};
    const struct step steps[] = {
        HANDSHAKE,
        {0, ACK, 1, 1, "abc", 0},
        {0, SYN, 0, 0, NULL, 0}, /* again: the same connection */
        {0, SYN, 70000, 0, NULL, 0},
        {1, SYN | ACK, 90000, 70001, NULL, 0},
        {0, ACK, 70001, 90001, "xyz", 0},
    };
    check_with(&log, NULL, steps, G_N_ELEMENTS(steps), "[0]0:abc[1]xyz{REUSED}{END}");
}

static void test_ignore(void)
{
    struct log log = {.ignore_at = "cmd"};
    const struct step steps[] = {
        HANDSHAKE,
        {1, ACK, 1, 1, "hello", 0},
        {0, ACK, 1, 6, "cmd", 0},
        {1, ACK, 6, 4, "ok", 0},
        {0, FIN | ACK, 4, 8, NULL, 0},
        {1, FIN | ACK, 8, 5, NULL, 0},
        {0, SYN, 70000, 0, NULL, 0},
        {0, ACK, 70001, 1, "new", 0},
    };
    check_with(&log, NULL, steps, G_N_ELEMENTS(steps), "1:hello0:cmdnew{END}");
}

static void test_ignore_in_queue(void)
{
    struct log log = {.ignore_at = "b"};
    const struct step steps[] = {
        HANDSHAKE, {0, ACK, 3, 1, "c", 0}, {0, ACK, 2, 1, "b", 0}, {0, ACK, 1, 1, "a", 0}};
    check_with(&log, NULL, steps, G_N_ELEMENTS(steps), "0:ab");
}

/* Between segments, while some wait: as if the last octets had been answered so. */
static void test_ignore_later(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    const struct step before[] = {HANDSHAKE,
                                  {1, ACK, 1, 1, "hello", 0},
                                  {0, ACK, 1, 6, "cmd", 0},
                                  {0, ACK, 7, 6, "waits", 0}};
    const struct step behind[] = {{0, ACK, 4, 6, "abc", 0},
                                  {1, ACK, 6, 4, "ok", 0},
                                  {0, FIN | ACK, 12, 8, NULL, 0},
                                  {0, SYN, 70000, 0, NULL, 0},
                                  {0, ACK, 70001, 1, "new", 0}};
    struct feeder f = feeder_new(&log, NULL, 1000);
    for (size_t i = 0; i < G_N_ELEMENTS(before); i++)
        feed(&f, &before[i]);
    imapid_tcp_ignore(f.tcp, log.home);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_ignored, ==, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(behind); i++)
        feed(&f, &behind[i]);
    imapid_tcp_finish(f.tcp);
    g_assert_cmpstr(log.text->str, ==, "1:hello0:cmdnew{END}");
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_off_sequence(void)
{
    /* one stray segment is nothing */
    CHECK("0:abcdef{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0}, {0, ACK, 0x70000000, 1, "zzz", 0},
          {0, ACK, 4, 1, "def", 0});
    /* a connection that goes on elsewhere, whose SYN was lost */
    CHECK("0:abc<0:0>0:4{END}", HANDSHAKE, {0, ACK, 1, 1, "abc", 0},
          {0, ACK, 0x70000001, 1, "1", 0}, {0, ACK, 0x70000002, 1, "2", 0},
          {0, ACK, 0x70000003, 1, "3", 0}, {1, ACK, 1, 0x70000003, NULL, 0},
          {0, ACK, 0x70000004, 1, "4", 0});
}

static void test_limit_of_one_queue(void)
{
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;
    limits.n_queue_segs = 3;
    struct log log = {0};
    const struct step steps[] = {HANDSHAKE,
                                 {0, ACK, 3, 1, "c", 0},
                                 {0, ACK, 4, 1, "d", 0},
                                 {0, ACK, 6, 1, "f", 0},
                                 {0, ACK, 8, 1, "h", 0},
                                 {0, ACK, 5, 1, "e", 0}};
    check_with(&log, &limits, steps, G_N_ELEMENTS(steps), "<0:2>0:cdef<0:1>0:h{END}");
}

static void test_limit_of_all_queues(void)
{
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;
    limits.n_queue_all = 1000;
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, &limits, 9);
    char text[101];
    memset(text, 'x', 100);
    text[100] = 0;
    for (uint16_t port = 1; port <= 50; port++) {
        f.client_port = port;
        struct step steps[] = {HANDSHAKE, {0, ACK, 5, 1, text, 0}};
        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
            feed(&f, &steps[i]);
    }
    /* The oldest ones went on over a gap; what waits fits. */
    const struct imapid_tcp_counts *counts = imapid_tcp_get_counts(f.tcp);
    g_assert_cmpuint(counts->n_limit_all, >=, 40);
    g_assert_cmpuint(counts->n_limit_all, <, 50);
    g_assert_cmpuint(counts->n_octets, ==, counts->n_limit_all * 100);
    imapid_tcp_finish(f.tcp);
    g_assert_cmpuint(counts->n_octets, ==, 5000);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void flood_wanted(uint16_t server_port)
{
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;
    limits.n_wanted = 4;
    struct log log = {.text = g_string_new(NULL), .with_streams = true, .last_dir = -1};
    struct feeder f = feeder_new(&log, &limits, 9);
    f.server_port = server_port;
    struct step syn = {0, SYN, 0, 0, NULL, 0}, data = {0, ACK, 1, 1, "a", 0};
    /* One that says something, then a flood of those that do not. */
    feed(&f, &syn);
    feed(&f, &data);
    for (uint16_t port = 1; port <= 1000; port++) {
        f.client_port = port;
        feed(&f, &syn);
    }
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_limit_wanted, ==, 0);
    /* It goes on, and so does one whose state was given up before it had said anything. */
    f.client_port = 50000;
    data = (struct step){0, ACK, 2, 1, "b", 0};
    feed(&f, &data);
    f.client_port = 500;
    data = (struct step){0, ACK, 1, 1, "c", 0};
    feed(&f, &data);
    g_assert_cmpstr(log.text->str, ==, "[0]0:a[0]b[500]c");
    g_assert_true(log.last_conn.from_start);
    /* Five that say something are one too many. */
    for (uint16_t port = 501; port <= 503; port++) {
        f.client_port = port;
        feed(&f, &data);
    }
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_limit_wanted, ==, 1);
    g_assert_nonnull(strstr(log.text->str, "{LIMIT}"));
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_limit_of_wanted(void)
{
    flood_wanted(143);
    flood_wanted(80);
}

/* Where no state is left, a connection elsewhere has none before its first octets. One to a port of IMAP is told
 * without any. */
static void test_full_of_silent(void)
{
    static const struct step syn = {0, SYN, 0, 0, NULL, 0}, syn_ack = {1, SYN | ACK, 0, 1, NULL, 0},
                             data = {0, ACK, 1, 1, "a", 0}, reset = {1, RST | ACK, 0, 1, NULL, 0};
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;
    limits.n_wanted = 4;
    struct log log = {.text = g_string_new(NULL), .with_streams = true, .last_dir = -1};
    struct feeder f = feeder_new(&log, &limits, 9);
    f.server_port = 80;
    for (f.client_port = 1; f.client_port <= 5; f.client_port++)
        feed(&f, &syn);
    f.client_port = 5;
    feed(&f, &syn_ack);
    feed(&f, &data);
    g_assert_cmpuint(log.last_conn.first.number, ==, f.number);
    g_assert_true(log.last_conn.from_start);
    g_assert_false(log.last_conn.is_half_seen);
    f.client_port = 4;
    feed(&f, &data);
    g_assert_cmpuint(log.last_conn.first.number, ==, 4);
    f.server_port = 143;
    f.client_port = 6;
    feed(&f, &syn);
    feed(&f, &reset);
    imapid_tcp_finish(f.tcp);
    g_assert_cmpuint(log.n_quiet, >, 0);
    g_assert_cmpuint(log.last_conn.stream, ==, 5);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_limit_wanted, ==, 0);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 6);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_limit_of_connections(void)
{
    struct imapid_tcp_limits limits = imapid_tcp_default_limits;
    limits.n_conns = 100;
    limits.n_wanted = 10;
    struct log log = {.text = g_string_new(NULL), .with_streams = true, .last_dir = -1};
    struct feeder f = feeder_new(&log, &limits, 9);
    struct step syn = {0, SYN, 0, 0, NULL, 0}, data = {0, ACK, 1, 1, "a", 0};
    feed(&f, &syn);
    feed(&f, &data);
    for (uint16_t port = 1; port <= 10000; port++) {
        f.client_port = port;
        feed(&f, &syn);
    }
    const struct imapid_tcp_counts *counts = imapid_tcp_get_counts(f.tcp);
    g_assert_cmpuint(counts->n_conns, ==, 10001);
    g_assert_cmpuint(counts->n_limit_conns, ==, 10001 - 100);
    data = (struct step){0, ACK, 2, 1, "b", 0};
    f.client_port = 50000;
    feed(&f, &data);
    g_assert_cmpstr(log.text->str, ==, "[0]0:a[0]b");
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_paths(void)
{
    struct log log = {.text = g_string_new(NULL), .with_streams = true, .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 9);
    static const struct step steps[] = {
        {0, SYN, 0, 0, NULL, 0}, {1, SYN | ACK, 0, 1, NULL, 0}, {0, ACK, 1, 1, "a", 0}};
    /* alike but for the VLAN and the sequence numbers: two */
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        for (f.path = 1; f.path <= 2; f.path++) {
            f.isn[0] = f.isn[1] = f.path << 24;
            feed(&f, &steps[i]);
        }
    g_assert_cmpstr(log.text->str, ==, "[0]0:a[1]a");
    /* one whose two directions have different tags: one */
    f.client_port = 77;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        f.path = 1 + (uint32_t)steps[i].dir;
        feed(&f, &steps[i]);
    }
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 3);
    /* with the numbers the same it was copied from one VLAN to another: one, but when it is over */
    f.client_port = 78;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        for (f.path = 1; f.path <= 2; f.path++)
            feed(&f, &steps[i]);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 4);
    /* but not where something between answers otherwise, behind the SYN that it passes on */
    f.client_port = 79;
    g_string_truncate(log.text, 0);
    f.isn[0] = f.isn[1] = 9;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        for (f.path = 1; f.path <= 2; f.path++) {
            f.isn[1] = f.path << 28;
            feed(&f, &steps[i]);
        }
    g_assert_cmpstr(log.text->str, ==, "[4]a[5]a");
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 6);
    f.client_port = 78;
    f.isn[0] = f.isn[1] = 2u << 24;
    f.path = 1;
    feed(&f, &(struct step){0, ACK | FIN, 2, 1, NULL, 0});
    feed(&f, &(struct step){1, ACK | FIN, 1, 3, NULL, 0});
    feed(&f, &(struct step){0, ACK, 3, 2, NULL, 0});
    f.path = 3;
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        feed(&f, &steps[i]);
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 7);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

/* The same connection in the clear and in a VLAN: a mirrored port, or both ends of a tunnel. */
static void test_paths_of_one(void)
{
    struct log log = {.text = g_string_new(NULL), .with_streams = true, .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 9);
    static const struct step steps[] = {
        {0, SYN, 0, 0, NULL, 0}, {1, SYN | ACK, 0, 1, NULL, 0}, {0, ACK, 1, 1, "a", 0},
        {1, ACK, 1, 2, "b", 0},  {0, ACK, 2, 2, "c", 0},
    };
    for (uint32_t first = 0; first <= 1; first++, f.client_port++)
        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
            for (uint32_t j = 0; j <= 1; j++) {
                f.path = (first ^ j) * 7;
                feed(&f, &steps[i]);
            }
    g_assert_cmpstr(log.text->str, ==, "[0]0:a[0]1:b[0]0:c[1]a[1]1:b[1]0:c");
    /* in three VLANs from its middle on: a path that changes */
    for (f.path = 8; f.path <= 10; f.path++)
        feed(&f, &(struct step){0, ACK, f.path - 7, 2, "d", 0});
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 2 + 1);
    /* another connection in a VLAN, with numbers of its own */
    f.client_port = 99;
    f.path = 0;
    feed(&f, &steps[0]);
    f.path = 7;
    feed(&f, &(struct step){0, SYN, 5000000, 0, NULL, 0});
    feed(&f, &(struct step){1, SYN | ACK, 7000000, 5000001, NULL, 0});
    f.path = 0;
    feed(&f, &steps[1]);
    feed(&f, &(struct step){0, ACK, 1, 1, "e", 0});
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 5);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_ip6(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 9);
    f.family = 6;
    memset(f.address, 0x20, sizeof f.address);
    f.address[0][15] = 0x30;
    static const struct step steps[] = {HANDSHAKE, {0, ACK, 1, 1, "a", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        feed(&f, &steps[i]);
    /* The greater address is endpoint 1. */
    g_assert_cmpint(log.last_conn.client, ==, 1);
    g_assert_cmpmem(log.last_conn.endpoint[1].address, 16, f.address[0], 16);
    g_assert_cmpuint(log.last_conn.endpoint[1].family, ==, 6);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

static void test_short_headers(void)
{
    struct log log = {.text = g_string_new(NULL), .last_dir = -1};
    struct feeder f = feeder_new(&log, NULL, 9);
    for (uint32_t n = 0; n <= 40; n++) {
        for (unsigned offset = 0; offset < 16; offset++) {
            uint8_t *octets = g_malloc0(n ? n : 1);
            if (n > 12)
                octets[12] = (uint8_t)(offset << 4);
            struct imapid_segment segment = {.source = f.address[0],
                                             .destination = f.address[1],
                                             .family = 4,
                                             .octets = octets,
                                             .n = n,
                                             .n_wire = n};
            imapid_tcp_segment(f.tcp, &segment);
            g_free(octets);
        }
    }
    g_assert_cmpuint(imapid_tcp_get_counts(f.tcp)->n_conns, ==, 1);
    imapid_tcp_free(f.tcp);
    g_string_free(log.text, TRUE);
}

/* ---- a conversation in any order the capture may have it ---- */

#define N_MESSAGES 60

struct talk {
    uint8_t *octets[2];
    uint32_t n[2];      /* octets of each direction */
    uint32_t n_done[2]; /* delivered, or lost */
    uint32_t message_end[N_MESSAGES + 1];
    int next_message;
    bool lossy;
};

/* Octets are those that were sent; and no message comes before the one it answers. */
static enum imapid_tcp_verdict on_talk(void *ctx, struct imapid_conn *conn, int dir,
                                       const uint8_t *octets, size_t n,
                                       const struct imapid_stamp *packet)
{
    struct talk *talk = ctx;
    (void)packet;
    g_assert_cmpuint(talk->n_done[dir], ==, conn->n_octets[dir] + conn->n_lost[dir]);
    g_assert_cmpuint(talk->n_done[dir] + n, <=, talk->n[dir]);
    g_assert_cmpmem(octets, n, talk->octets[dir] + talk->n_done[dir], n);
    talk->n_done[dir] += (uint32_t)n;
    for (int m = 0; m < N_MESSAGES && !talk->lossy; m++)
        if (m % 2 == dir && m > 0 && talk->n_done[dir] > talk->message_end[m] - 1 &&
            talk->n_done[!dir] < talk->message_end[m - 1])
            g_error("message %d before the one it answers", m);
    return IMAPID_TCP_WANTED;
}

static void on_talk_gap(void *ctx, struct imapid_conn *conn, int dir, uint64_t n_lost,
                        const struct imapid_stamp *packet)
{
    struct talk *talk = ctx;
    (void)conn;
    (void)packet;
    g_assert_true(talk->lossy);
    g_assert_cmpuint(n_lost, >, 0);
    talk->n_done[dir] += (uint32_t)n_lost;
}

static void on_talk_end(void *ctx, struct imapid_conn *conn, enum imapid_tcp_reason reason)
{
    (void)ctx;
    (void)conn;
    (void)reason;
}

struct sent {
    struct step step;
    double time;
    char text[64];
};

static int compare_times(const void *a, const void *b)
{
    const struct sent *x = a, *y = b;
    return (x->time > y->time) - (x->time < y->time);
}

/* Splits the messages into segments; each comes later by up to `disorder` places, is repeated with
 * overlaps, and is lost with the given probability. */
static void run_talk(GRand *rand, double disorder, double loss)
{
    struct talk talk = {.lossy = loss > 0};
    GArray *sent = g_array_new(FALSE, TRUE, sizeof(struct sent));
    for (int m = 0; m < N_MESSAGES; m++) {
        int d = m % 2;
        uint32_t left = (uint32_t)g_rand_int_range(rand, 1, 120);
        talk.octets[d] = g_realloc(talk.octets[d], talk.n[d] + left);
        for (uint32_t i = 0; i < left; i++)
            talk.octets[d][talk.n[d] + i] = (uint8_t)g_rand_int_range(rand, 'a', 'z');
        while (left > 0) {
            uint32_t n = (uint32_t)g_rand_int_range(rand, 1, 40);
            uint32_t back = g_rand_boolean(rand) ? (uint32_t)g_rand_int_range(rand, 0, 20) : 0;
            n = MIN(n, left);
            back = MIN(back, talk.n[d]);
            struct sent s = {.step = {d, ACK, talk.n[d] - back + 1, talk.n[!d] + 1, NULL, 0},
                             .time = sent->len + g_rand_double(rand) * disorder};
            memcpy(s.text, talk.octets[d] + talk.n[d] - back, n + back);
            if (g_rand_double(rand) >= loss)
                g_array_append_val(sent, s);
            talk.n[d] += n;
            left -= n;
        }
        talk.message_end[m] = talk.n[d];
    }
    qsort(sent->data, sent->len, sizeof(struct sent), compare_times);
    struct imapid_tcp_handler handler = {on_talk, on_talk_gap, on_talk_end, &talk, NULL, NULL};
    struct log unused = {0};
    struct feeder f = feeder_new(&unused, NULL, g_rand_int(rand));
    imapid_tcp_free(f.tcp);
    struct imapid_tcp_limits small = imapid_tcp_default_limits;
    small.n_conns = small.n_wanted = 16;
    f.tcp = imapid_tcp_new(&handler, &small);
    static const struct step handshake[] = {HANDSHAKE};
    for (size_t i = 0; i < G_N_ELEMENTS(handshake); i++)
        feed(&f, &handshake[i]);
    for (guint i = 0; i < sent->len; i++) {
        struct sent *s = &g_array_index(sent, struct sent, i);
        s->step.text = s->text;
        feed(&f, &s->step);
    }
    imapid_tcp_finish(f.tcp);
    for (int d = 0; d < 2; d++) {
        g_assert_cmpuint(talk.n_done[d], <=, talk.n[d]);
        if (!talk.lossy)
            g_assert_cmpuint(talk.n_done[d], ==, talk.n[d]);
        g_free(talk.octets[d]);
    }
    imapid_tcp_free(f.tcp);
    g_array_free(sent, TRUE);
}

static void test_any_order(void)
{
    GRand *rand = g_rand_new_with_seed(20260102);
    for (int i = 0; i < 300; i++)
        run_talk(rand, i % 20, 0);
    g_rand_free(rand);
}

static void test_any_loss(void)
{
    GRand *rand = g_rand_new_with_seed(20260103);
    for (int i = 0; i < 300; i++)
        run_talk(rand, i % 10, 0.02 * (1 + i % 20));
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tcp/plain", test_plain);
    g_test_add_func("/tcp/nothing-said", test_nothing_said);
    g_test_add_func("/tcp/quiet", test_quiet);
    g_test_add_func("/tcp/passed", test_passed);
    g_test_add_func("/tcp/endpoints", test_endpoints);
    g_test_add_func("/tcp/client-from-syn-ack", test_client_from_syn_ack);
    g_test_add_func("/tcp/begun-midway", test_begun_midway);
    g_test_add_func("/tcp/retransmission", test_retransmission);
    g_test_add_func("/tcp/reordering", test_reordering);
    g_test_add_func("/tcp/keep-alive-and-probe", test_keep_alive_and_probe);
    g_test_add_func("/tcp/fast-open", test_fast_open);
    g_test_add_func("/tcp/causality", test_causality);
    g_test_add_func("/tcp/gap-by-acknowledgement", test_gap_by_acknowledgement);
    g_test_add_func("/tcp/no-gap-without-acknowledgement", test_no_gap_without_acknowledgement);
    g_test_add_func("/tcp/one-direction-only", test_one_direction_only);
    g_test_add_func("/tcp/end-of-capture", test_end_of_capture);
    g_test_add_func("/tcp/frame-behind-gap", test_frame_behind_gap);
    g_test_add_func("/tcp/cut-segments", test_cut_segments);
    g_test_add_func("/tcp/reset", test_reset);
    g_test_add_func("/tcp/reset-ahead", test_reset_ahead);
    g_test_add_func("/tcp/closer", test_closer);
    g_test_add_func("/tcp/fin", test_fin);
    g_test_add_func("/tcp/port-reuse", test_port_reuse);
    g_test_add_func("/tcp/ignore", test_ignore);
    g_test_add_func("/tcp/ignore-in-queue", test_ignore_in_queue);
    g_test_add_func("/tcp/ignore-later", test_ignore_later);
    g_test_add_func("/tcp/off-sequence", test_off_sequence);
    g_test_add_func("/tcp/limit-of-one-queue", test_limit_of_one_queue);
    g_test_add_func("/tcp/limit-of-all-queues", test_limit_of_all_queues);
    g_test_add_func("/tcp/limit-of-wanted", test_limit_of_wanted);
    g_test_add_func("/tcp/full-of-silent", test_full_of_silent);
    g_test_add_func("/tcp/limit-of-connections", test_limit_of_connections);
    g_test_add_func("/tcp/paths", test_paths);
    g_test_add_func("/tcp/paths-of-one", test_paths_of_one);
    g_test_add_func("/tcp/ip6", test_ip6);
    g_test_add_func("/tcp/foreseen", test_foreseen);
    g_test_add_func("/tcp/short-headers", test_short_headers);
    g_test_add_func("/tcp/any-order", test_any_order);
    g_test_add_func("/tcp/any-loss", test_any_loss);
    return g_test_run();
}
