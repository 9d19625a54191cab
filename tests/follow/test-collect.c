/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/collect.c: captures in memory to their records, and to the counts and errors
 * that belong to each. */
#include "follow/collect.h"

#include <string.h>

#define GREETING "* OK [CAPABILITY IMAP4rev1 ID] ready\r\n"
#define COMMAND  "a1 ID (\"name\" \"Mutt\")\r\n"
#define ANSWER   "* ID NIL\r\na1 OK done\r\n"

#define LINKTYPE_RAW 101
#define SYN          0x02
#define ACK          0x10
#define FIN          0x01

/* ---- a capture ---- */

static void put16(GByteArray *file, guint16 value)
{
    value = GUINT16_TO_BE(value);
    g_byte_array_append(file, (const guint8 *)&value, 2);
}

static void put32(GByteArray *file, guint32 value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(file, (const guint8 *)&value, 4);
}

static GByteArray *begin_file(guint32 link_type)
{
    GByteArray *file = g_byte_array_new();

    put32(file, 0xa1b2c3d4);
    put16(file, 2);
    put16(file, 4);
    put32(file, 0);
    put32(file, 0);
    put32(file, 65535);
    put32(file, link_type);
    return file;
}

/* A TCP connection from 10.0.0.1 to 10.0.0.2; client and server have one sequence each. */
struct conn {
    guint16 port;
    guint32 seq[2];
};

static void put_segment(GByteArray *file, struct conn *conn, int dir, guint8 flags,
                        const char *text)
{
    guint32 n = (guint32)strlen(text);
    const guint16 ports[2] = {conn->port, 143};

    put32(file, 1);
    put32(file, 0);
    put32(file, 40 + n);
    put32(file, 40 + n);
    put16(file, 0x4500);
    put16(file, (guint16)(40 + n));
    put32(file, 0);
    put32(file, 64u << 24 | 6u << 16);
    put32(file, dir ? 0x0a000002 : 0x0a000001);
    put32(file, dir ? 0x0a000001 : 0x0a000002);
    put16(file, ports[dir]);
    put16(file, ports[!dir]);
    put32(file, conn->seq[dir]);
    put32(file, conn->seq[!dir]);
    put16(file, (guint16)(0x5000 | flags));
    put16(file, 8192);
    put32(file, 0);
    g_byte_array_append(file, (const guint8 *)text, n);
    conn->seq[dir] += n + !!(flags & (SYN | FIN));
}

static void put_opening(GByteArray *file, struct conn *conn)
{
    put_segment(file, conn, 0, SYN, "");
    put_segment(file, conn, 1, SYN | ACK, "");
    put_segment(file, conn, 1, ACK, GREETING);
}

static void put_end(GByteArray *file, struct conn *conn)
{
    put_segment(file, conn, 0, FIN | ACK, "");
    put_segment(file, conn, 1, FIN | ACK, "");
}

/* ---- what is told ---- */

struct run {
    struct imapid_record_sink sink;
    struct imapid_decode decode;
    struct imapid_collect *collect;
    GString *log;
};

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct run *run = ctx;

    g_string_append_printf(run->log, "exchange %s %s/%" G_GUINT64_FORMAT, exchange->tag,
                           exchange->conn.file, exchange->command.packet.number);
    if (exchange->status != IMAPID_STATUS_NONE)
        g_string_append_printf(run->log, " %s/%" G_GUINT64_FORMAT,
                               exchange->result_file ? exchange->result_file : exchange->conn.file,
                               exchange->result.number);
    g_string_append(run->log, exchange->complete ? "\n" : " incomplete\n");
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct run *run = ctx;

    g_string_append_printf(run->log, "session %s %" G_GUINT64_FORMAT "%s%s\n", session->conn.file,
                           session->n_exchanges, session->ended == IMAPID_ENDED_FIN ? " fin" : "",
                           session->gave_way ? " gave way" : "");
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct run *run = ctx;

    g_string_append_printf(run->log,
                           "capture %s %" G_GUINT64_FORMAT " packets %" G_GUINT64_FORMAT
                           " conns %" G_GUINT64_FORMAT " sessions %" G_GUINT64_FORMAT
                           " exchanges%s\n",
                           capture->file, capture->n_packets, capture->n_conns, capture->n_sessions,
                           capture->n_exchanges, capture->error ? " error" : "");
    for (unsigned i = 0; i < capture->n_unread; i++)
        g_string_append_printf(run->log, "unread %s %s %" G_GUINT64_FORMAT "\n",
                               capture->unread[i].layer, capture->unread[i].name,
                               capture->unread[i].n_packets);
}

static void complain(void *ctx, const char *message)
{
    struct run *run = ctx;

    g_string_append_printf(run->log, "complaint %s\n", message);
}

static void begin(struct run *run, size_t n_memory)
{
    memset(run, 0, sizeof *run);
    run->sink = (struct imapid_record_sink){on_exchange, on_session, on_capture, run, NULL};
    run->log = g_string_new(NULL);
    run->collect =
        imapid_collect_new(NULL, &run->decode, NULL, false, n_memory, &run->sink, complain);
}

struct source {
    const GByteArray *file;
    size_t at;
};

static ptrdiff_t read_source(void *ctx, uint8_t *octets, size_t n)
{
    struct source *source = ctx;

    n = MIN(n, source->file->len - source->at);
    memcpy(octets, source->file->data + source->at, n);
    source->at += n;
    return (ptrdiff_t)n;
}

/* Reads and frees the file. */
static bool read_file(struct run *run, GByteArray *file, const char *name, bool is_last)
{
    struct source source = {file, 0};
    const struct imapid_window_source from = {.read = read_source, .ctx = &source};
    struct imapid_capture *capture = imapid_capture_open_source(name, &from);
    bool good;

    imapid_collect_read(run->collect, capture, name);
    good = imapid_collect_tell(run->collect, capture, name, is_last);
    imapid_capture_close(capture);
    g_byte_array_unref(file);
    return good;
}

static void end(struct run *run, const char *expected)
{
    imapid_collect_free(run->collect);
    g_assert_cmpstr(run->log->str, ==, expected);
    g_string_free(run->log, TRUE);
}

/* ---- tests ---- */

#define MEMORY ((size_t)64 << 20)

/* Begins with a file that holds the opening of a connection and its command. */
static GByteArray *begin_asked(struct run *run, struct conn *conn)
{
    GByteArray *file = begin_file(LINKTYPE_RAW);

    *conn = (struct conn){.port = 50000};
    begin(run, MEMORY);
    put_opening(file, conn);
    put_segment(file, conn, 0, ACK, COMMAND);
    return file;
}

static void test_capture(void)
{
    struct run run;
    struct conn conn;
    GByteArray *file = begin_asked(&run, &conn);

    put_segment(file, &conn, 1, ACK, ANSWER);
    put_end(file, &conn);
    g_assert_true(read_file(&run, file, "a", true));
    end(&run, "exchange a1 a/4 a/5\n"
              "session a 1 fin\n"
              "capture a 7 packets 1 conns 1 sessions 1 exchanges\n");
}

/* A connection over two pieces: packets are numbered anew in the second, whose record has counts of
 * its own. */
static void test_pieces(void)
{
    struct run run;
    struct conn conn;
    GByteArray *first = begin_asked(&run, &conn), *second = begin_file(LINKTYPE_RAW);

    put_segment(second, &conn, 1, ACK, ANSWER);
    put_end(second, &conn);
    g_assert_true(read_file(&run, first, "a", false));
    g_assert_true(read_file(&run, second, "b", true));
    end(&run, "capture a 4 packets 1 conns 0 sessions 0 exchanges\n"
              "exchange a1 a/4 b/1\n"
              "session a 1 fin\n"
              "capture b 3 packets 0 conns 1 sessions 1 exchanges\n");
}

/* What is open when the last piece ends is told before its record. */
static void test_open_end(void)
{
    struct run run;
    struct conn conn;
    GByteArray *file = begin_asked(&run, &conn);

    g_assert_true(read_file(&run, file, "a", true));
    end(&run, "exchange a1 a/4 incomplete\n"
              "session a 1\n"
              "capture a 4 packets 1 conns 1 sessions 1 exchanges\n");
}

/* A damaged end is told, and what stands before it as well. */
static void test_damaged(void)
{
    struct run run;
    struct conn conn;
    GByteArray *file = begin_asked(&run, &conn);

    put_segment(file, &conn, 1, ACK, ANSWER);
    g_byte_array_set_size(file, file->len - 1);
    g_assert_false(read_file(&run, file, "a", true));
    g_assert_nonnull(strstr(run.log->str, "complaint a: octet "));
    g_assert_nonnull(strstr(run.log->str, "exchange a1 a/4"));
    g_assert_nonnull(strstr(run.log->str, " 1 exchanges error\n"));
    g_string_truncate(run.log, 0);
    end(&run, "");
}

/* A capture of a link type that is not known says so. */
static void test_unread(void)
{
    struct run run;
    struct conn conn = {.port = 50000};
    GByteArray *file = begin_file(147);

    begin(&run, MEMORY);
    put_opening(file, &conn);
    g_assert_false(read_file(&run, file, "a", true));
    end(&run, "complaint a: 3 of 3 packets were not read, most of them of link type 147 (USER0)\n"
              "capture a 3 packets 0 conns 0 sessions 0 exchanges error\n"
              "unread link-type USER0 3\n");

    /* unless the user says what it is */
    conn.seq[0] = conn.seq[1] = 0;
    file = begin_file(147);
    begin(&run, MEMORY);
    run.decode.has_link_type = true;
    run.decode.link_type = LINKTYPE_RAW;
    put_opening(file, &conn);
    g_assert_true(read_file(&run, file, "a", true));
    end(&run, "session a 0\n"
              "capture a 3 packets 1 conns 1 sessions 0 exchanges\n");
}

/* The connection that holds most gives way when there is too little memory for all; the others are
 * read on. */
static void test_memory(void)
{
    struct run run;
    struct conn small = {.port = 50000}, large = {.port = 50001};
    GByteArray *file = begin_file(LINKTYPE_RAW);
    char *value = g_strnfill(39000, 'x'), *begun = g_strdup_printf("b1 ID (\"name\" \"%s", value);

    begin(&run, 40000);
    put_opening(file, &small);
    put_opening(file, &large);
    put_segment(file, &large, 0, ACK, begun);
    put_segment(file, &small, 0, ACK, COMMAND);
    put_segment(file, &small, 1, ACK, ANSWER);
    put_end(file, &small);
    g_assert_false(read_file(&run, file, "a", true));
    end(&run, "exchange b1 a/7 incomplete\n"
              "session a 1 gave way\n"
              "exchange a1 a/8 a/9\n"
              "session a 1 fin\n"
              "complaint a: 1 connection was given up: the memory for sessions is 35000 octets"
              " (--memory)\n"
              "capture a 11 packets 2 conns 2 sessions 2 exchanges error\n");
    g_free(begun);
    g_free(value);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/collect/capture", test_capture);
    g_test_add_func("/collect/pieces", test_pieces);
    g_test_add_func("/collect/open-end", test_open_end);
    g_test_add_func("/collect/damaged", test_damaged);
    g_test_add_func("/collect/unread", test_unread);
    g_test_add_func("/collect/memory", test_memory);
    return g_test_run();
}
