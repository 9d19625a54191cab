/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/relay.c: what flows read, and what is known at which moment of the memory they hold, is the same
 * whether others help or nobody does. Connections go on changing while their octets wait. */
#include "follow/relay.h"

#include <imapid/doubts.h>

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { N_CONNS = 60, N_EVENTS = 20000, N_FILE = 16 << 20 };

struct run {
    GString *log;
    GString *
        dropped; /* which connections were of no further use, and behind which event that was known */
    struct imapid_record_sink sink;
    struct imapid_flow_context context;
    struct imapid_relay *relay;
    struct imapid_capture *capture; /* NULL: nobody helps */
    struct imapid_conn conns[N_CONNS];
    uint64_t number;
    GRand *draw;
    gint n_inside; /* who calls the sink */
};

/* ---- what is told ---- */

static void note_conn(struct run *run, const struct imapid_record_conn *conn)
{
    g_string_append_printf(run->log, " %u %u %u", conn->stream, conn->path.n, conn->server.port);
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        g_string_append_printf(run->log, " %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT,
                               (guint64)conn->doubts.of[i].n,
                               (guint64)conn->doubts.of[i].frames[0]);
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct run *run = ctx;
    g_assert_cmpint(g_atomic_int_add(&run->n_inside, 1), ==, 0);
    g_string_append_printf(run->log, "exchange %s %" G_GUINT64_FORMAT " %d", exchange->tag,
                           exchange->command.packet.number, exchange->complete);
    note_conn(run, &exchange->conn);
    g_string_append_c(run->log, '\n');
    g_atomic_int_add(&run->n_inside, -1);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct run *run = ctx;
    g_assert_cmpint(g_atomic_int_add(&run->n_inside, 1), ==, 0);
    g_string_append_printf(
        run->log, "session %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %d %" G_GINT64_FORMAT,
        session->n_exchanges, session->n_lost, session->ended, session->last_ns);
    note_conn(run, &session->conn);
    g_string_append_c(run->log, '\n');
    g_atomic_int_add(&run->n_inside, -1);
}

/* ---- connections ---- */

static void begin_conn(struct run *run, unsigned i)
{
    static const uint16_t ports[] = {143, 993, 143, 143};
    struct imapid_conn *conn = &run->conns[i];
    uint32_t stream = conn->stream + N_CONNS;

    *conn = (struct imapid_conn){
        .endpoint = {{{10, 0, 0, 1}, (uint16_t)(50000 + i), 4}, {{10, 0, 0, 2}, ports[i % 4], 4}},
        .from_start = i % 5 != 0,
        .client = i % 5 ? 0 : -1,
        .closer = -1,
        .stream = stream,
        .stream_in_file = stream};
    if (i % 6 == 5) { /* the port of IMAP is the client's, and it is none */
        conn->endpoint[0].port = 143;
        conn->endpoint[1].port = 50000;
    }
    if (i % 7 == 0) {
        conn->path = g_new0(struct imapid_path, 1);
        conn->path->n = 1;
    }
}

static void clear_conn(struct imapid_conn *conn)
{
    /* What a flow may still want to read has to be copied before. */
    if (conn->doubts)
        memset(conn->doubts, 0xa5, sizeof *conn->doubts);
    if (conn->path)
        memset(conn->path, 0xa5, sizeof *conn->path);
    if (conn->contested)
        memset(conn->contested, 0xa5, sizeof *conn->contested);
    if (conn->icmp)
        memset(conn->icmp, 0xa5, sizeof *conn->icmp);
    g_clear_pointer(&conn->doubts, g_free);
    g_clear_pointer(&conn->path, g_free);
    g_clear_pointer(&conn->contested, g_free);
    g_clear_pointer(&conn->icmp, g_free);
}

static struct imapid_stamp next_packet(struct run *run)
{
    struct imapid_stamp stamp = {++run->number, (int64_t)run->number * 1000};
    return stamp;
}

static void change(struct run *run, struct imapid_conn *conn)
{
    if (g_rand_int_range(run->draw, 0, 40) == 0) {
        if (!conn->doubts)
            conn->doubts = g_new0(struct imapid_doubts, 1);
        imapid_doubts_add(conn->doubts,
                          (enum imapid_doubt)g_rand_int_range(run->draw, 0, IMAPID_N_DOUBTS),
                          run->number);
    }
    if (g_rand_int_range(run->draw, 0, 60) == 0) {
        if (!conn->contested)
            conn->contested = g_new0(struct imapid_conn_contested, 1);
        conn->contested->of[1].from = conn->n_octets[1];
        conn->contested->of[1].to = conn->n_octets[1] + 10;
    }
    if (g_rand_int_range(run->draw, 0, 60) == 0 && !conn->icmp)
        conn->icmp = g_new0(struct imapid_conn_icmp, 1);
}

static const char *choose_text(struct run *run, const struct imapid_conn *conn, int dir)
{
    static const char *const client[] = {"a1 ID (\"name\" \"Mutt\")\r\n", "a2 NOOP\r\n", "x",
                                         "a3 ID NIL\r\n", "a4 LOGIN fred secret\r\n"};
    static const char *const server[] = {"* ID NIL\r\na1 OK done\r\n", "* 3 EXISTS\r\n",
                                         "a3 OK done\r\n", "a2 OK done\r\n* BYE over\r\n", "* ID "};

    if (conn->endpoint[0].port == 143)
        return "220 mail ESMTP\r\n";
    if (!conn->n_octets[1] && dir)
        return "* OK [CAPABILITY IMAP4rev1 ID] ready\r\n";
    return (dir ? server : client)[g_rand_int_range(run->draw, 0, 5)];
}

static void say(struct run *run, struct imapid_conn *conn)
{
    int dir = conn->n_octets[1] ? g_rand_int_range(run->draw, 0, 2) : 1;
    const char *text = choose_text(run, conn, dir);
    bool is_long = g_rand_int_range(run->draw, 0, 300) == 0;
    size_t n = is_long ? 70000 : strlen(text);
    uint8_t *octets = g_malloc0(n); /* exact size */

    memcpy(octets, text, strlen(text));
    conn->last = next_packet(run);
    if (!conn->first.number)
        conn->first = conn->last;
    imapid_relay_data(run->relay, &run->context, conn, dir, octets, n, &conn->last);
    conn->n_octets[dir] += n;
    memset(octets, 0xa5, n);
    g_free(octets);
}

static void step(struct run *run)
{
    unsigned i = (unsigned)g_rand_int_range(run->draw, 0, N_CONNS);
    struct imapid_conn *conn = &run->conns[i];
    int kind = g_rand_int_range(run->draw, 0, 400);
    struct imapid_stamp packet;

    change(run, conn);
    if (kind < 4) {
        packet = next_packet(run);
        imapid_relay_gap(run->relay, &run->context, conn, kind % 2, 100, &packet);
        conn->n_lost[kind % 2] += 100;
    } else if (kind < 12 && conn->user) {
        imapid_relay_end(run->relay, &run->context, conn,
                         kind < 8 ? IMAPID_TCP_FIN : IMAPID_TCP_LIMIT);
        g_assert_null(conn->user);
        clear_conn(conn);
        begin_conn(run, i);
    } else if (kind == 12) {
        imapid_relay_drops(run->relay, run->number + 1);
    } else if (kind == 13) {
        imapid_relay_settle(run->relay);
        g_assert_cmpuint(imapid_relay_count_memory(run->relay), ==, run->context.holders.n);
    } else {
        say(run, conn);
    }
}

/* What is of no further use may end at once. */
static void end_dropped(struct run *run)
{
    struct imapid_conn *conn;

    while ((conn = imapid_relay_take_dropped(run->relay))) {
        unsigned i = (unsigned)(conn - run->conns);

        g_assert_cmpuint(i, <, N_CONNS);
        g_assert_cmpuint(conn->endpoint[0].port, ==, 143);
        g_string_append_printf(run->dropped, "%u %" G_GUINT64_FORMAT "\n", conn->stream,
                               (guint64)run->number);
        imapid_relay_end(run->relay, &run->context, conn, IMAPID_TCP_LIMIT);
        clear_conn(conn);
        begin_conn(run, i);
    }
}

/* ---- runs ---- */

static uint64_t find_nothing(void *ctx, struct imapid_packet *packet, bool is_likely, void *room)
{
    (void)ctx;
    (void)packet;
    (void)is_likely;
    memset(room, 0, IMAPID_AHEAD_ROOM);
    return 0;
}

static size_t pass_none(void *ctx, const struct imapid_ahead_mark *marks, size_t n)
{
    (void)ctx;
    (void)marks;
    (void)n;
    return 0;
}

static bool help(void *ctx)
{
    return imapid_relay_help(((const struct run *)ctx)->relay);
}

static bool may_help(void *ctx)
{
    return imapid_relay_may_help(((const struct run *)ctx)->relay);
}

static void open_capture(struct run *run, const char *path, unsigned n_threads)
{
    struct imapid_packet packet;
    char *message = NULL;

    run->capture = imapid_ahead_new(imapid_capture_open(path, &message), n_threads);
    g_assert_cmpint(imapid_ahead_is_shared(run->capture), ==, n_threads > 1);
    imapid_ahead_set_user(run->capture, &(struct imapid_ahead_user){.find_out = find_nothing,
                                                                    .pass = pass_none,
                                                                    .may_pass = pass_none,
                                                                    .ctx = run,
                                                                    .help = help,
                                                                    .may_help = may_help});
    imapid_relay_share(run->relay, run->capture);
    g_assert_cmpint(imapid_capture_next(run->capture, &packet), ==, IMAPID_CAPTURE_PACKET);
}

/* Now there is more of the capture between two events, now none. */
static void read_on(struct run *run, unsigned i)
{
    struct imapid_packet packet;

    for (unsigned n = i / 500 % 8 == 7 ? 6 : 0; n; n--)
        imapid_capture_next(run->capture, &packet);
}

/* What is told, and what was known of memory behind each event, each behind what it is of. 0 threads: nobody helps. */
static char *run_all(const char *path, guint32 seed, unsigned n_threads, GArray *known)
{
    struct imapid_frames_file file = {"a.pcap", 0};
    struct run run = {.log = g_string_new(NULL),
                      .dropped = g_string_new("dropped\n"),
                      .draw = g_rand_new_with_seed(seed)};
    struct imapid_record_interval counts = {0};

    run.sink = (struct imapid_record_sink){on_exchange, on_session, NULL, &run, NULL};
    run.context = (struct imapid_flow_context){
        .files = g_array_new(FALSE, FALSE, sizeof file), .sink = &run.sink, .n_inflate = 1};
    g_array_append_val(run.context.files, file);
    run.relay = imapid_relay_new(&run.context);
    if (n_threads)
        open_capture(&run, path, n_threads);
    for (unsigned i = 0; i < N_CONNS; i++)
        begin_conn(&run, i);
    for (unsigned i = 0; i < N_EVENTS; i++) {
        step(&run);
        if (run.capture)
            read_on(&run, i);
        end_dropped(&run);
        gsize n = imapid_relay_count_memory(run.relay);
        g_array_append_val(known, n);
        imapid_relay_add_counts(run.relay, &counts); /* at any time */
    }
    if (run.capture)
        imapid_ahead_end(run.capture);
    imapid_relay_share(run.relay, NULL);
    for (unsigned i = 0; i < N_CONNS; i++) {
        if (run.conns[i].user)
            imapid_relay_end(run.relay, &run.context, &run.conns[i], IMAPID_TCP_CAPTURE_END);
        clear_conn(&run.conns[i]);
    }
    counts = (struct imapid_record_interval){0};
    imapid_relay_add_counts(run.relay, &counts);
    g_assert_cmpuint(counts.n_sessions, ==, run.context.n_sessions);
    g_assert_cmpuint(counts.n_sessions, >, 100);
    g_assert_cmpuint(run.context.holders.n, ==, 0);
    imapid_relay_free(run.relay);
    if (run.capture)
        imapid_capture_close(run.capture);
    imapid_large_clear(&run.context.readings);
    g_array_unref(run.context.files);
    g_rand_free(run.draw);
    g_assert_cmpuint(run.dropped->len, >, 100);
    g_string_append(run.log, run.dropped->str);
    g_string_free(run.dropped, TRUE);
    return g_string_free(run.log, FALSE);
}

/* A capture that is large enough to be read ahead; packed it is hardly smaller. */
static char *make_file(bool is_packed)
{
    static const guint32 header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
    static const guint32 packet[4] = {1, 0, 1000, 1000};
    GByteArray *file = g_byte_array_new();
    guint8 octets[1000] = {0};
    char *path = NULL;
    int fd = g_file_open_tmp("imapid-XXXXXX", &path, NULL);

    g_byte_array_append(file, (const guint8 *)header, sizeof header);
    while (file->len < N_FILE) {
        g_byte_array_append(file, (const guint8 *)packet, sizeof packet);
        g_byte_array_append(file, octets, sizeof octets);
    }
    if (is_packed) {
        gzFile packed = gzdopen(fd, "wb0");

        g_assert_cmpint(gzwrite(packed, file->data, file->len), ==, file->len);
        g_assert_cmpint(gzclose(packed), ==, Z_OK);
    } else {
        g_assert_cmpint(write(fd, file->data, file->len), ==, file->len);
        close(fd);
    }
    g_byte_array_unref(file);
    return path;
}

static void test_same(const void *data)
{
    guint32 seed = (guint32)g_test_rand_int();
    char *path = make_file(GPOINTER_TO_INT(data));
    GArray *known = g_array_new(FALSE, FALSE, sizeof(gsize));
    char *alone = run_all(path, seed, 0, known);
    gsize n_most = 0;

    for (guint i = 0; i < known->len; i++)
        n_most = MAX(n_most, g_array_index(known, gsize, i));
    g_assert_cmpuint(n_most, >, 10000);
    g_assert_nonnull(strstr(alone, "exchange a1"));
    for (unsigned n_threads = 1; n_threads < 5; n_threads++) {
        GArray *others = g_array_new(FALSE, FALSE, sizeof(gsize));
        char *helped = run_all(path, seed, n_threads, others);

        g_assert_cmpstr(alone, ==, helped);
        g_assert_cmpmem(known->data, known->len * sizeof(gsize), others->data,
                        others->len * sizeof(gsize));
        g_free(helped);
        g_array_unref(others);
    }
    g_array_unref(known);
    g_free(alone);
    g_unlink(path);
    g_free(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/relay/same", GINT_TO_POINTER(false), test_same);
    g_test_add_data_func("/relay/packed", GINT_TO_POINTER(true), test_same);
    return g_test_run();
}
