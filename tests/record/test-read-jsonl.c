/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON Lines to records: whatever the pieces they come in, and what a failing read leaves. */
#include "record/read-jsonl.h"
#include "record/writer.h"

#include <errno.h>
#include <string.h>

#define CONN                                                                                       \
    "\"schema\":1,\"site\":null,\"file\":\"a.pcap\",\"stream\":3,\"client\":{\"ip\":\"10.0.0.5\"," \
    "\"port\":"                                                                                    \
    "50514},"                                                                                      \
    "\"server\":{\"ip\":\"2001:db8::1\",\"port\":143},\"proxied_client\":null"
#define SAME                                                                                       \
    "\"community_id\":\"1:1/hMnkdG23koBQnC9Xa865HSyUI=\",\"filter\":\"(ip.addr eq 10.0.0.5 and "   \
    "ipv6.addr eq 2001:db8::1) and (tcp.port eq 50514 and tcp.port eq 143)\""
#define WAY                                                                                        \
    ",\"path\":[{\"kind\":\"vlan\",\"number\":5,\"from\":null,\"to\":null},{\"kind\":\"gre\","     \
    "\"number\":null,\"from\":\"192.0.2.1\",\"to\":\"192.0.2.2\"},{\"kind\":\"vxlan\",\"number\":" \
    "7,"                                                                                           \
    "\"from\":\"2001:db8::5\",\"to\":\"2001:db8::6\"}],\"doubts\":[{\"code\":\"conflicting-"       \
    "data\","                                                                                      \
    "\"count\":1,\"frames\":[9],\"message\":\"octets were sent a second time, and differ; the "    \
    "first "                                                                                       \
    "copy is told\"},{\"code\":\"off-sequence\",\"count\":70,\"frames\":[2,3,5,8],\"message\":"    \
    "\"segments, acknowledgements or resets have numbers of their own\"}]"

static const char exchange[] =
    "{\"type\":\"exchange\"," CONN ",\"session\":\"a.pcap:12\"," SAME WAY
    ",\"tag\":\"a1\",\"time\":\"2026-01-02T03:04:05.000000006Z\","
    "\"command\":{\"frame\":12,\"time\":\"2026-01-02T03:04:05.000000006Z\",\"params\":[[\"name\","
    "\"Zo\xef\xbf\xbd\"],[\"version\",null],[\"nul\",\"a\\u0000b\"]],\"params_hex\":[[\"6e616d65\","
    "\"5a6fdc\"],[\"76657273696f6e\",null],[\"6e756c\",\"610062\"]],\"raw\":\"a1 ID (\"},"
    "\"response\":null,\"result\":{\"frame\":13,\"status\":\"BAD\",\"text\":\"no\",\"tagged\":true}"
    ","
    "\"rtt\":0.000412001,\"security\":\"none\",\"compressed\":false,\"state\":\"unknown\","
    "\"complete\":true,\"findings\":[{\"code\":\"missing-value\",\"severity\":\"error\",\"side\":"
    "\"client\",\"section\":\"RFC 2971 4\",\"field\":null,\"message\":\"a field has no "
    "value\"}]}\n";

static const char session[] =
    "{\"type\":\"session\"," CONN ",\"id\":null," SAME
    ",\"path\":null,\"doubts\":[],\"first\":\"1969-12-31T23:59:59.999999999Z\",\"last\":"
    "\"2262-04-11T23:47:16.854775807Z\",\"security\":\"starttls\",\"compressed\":true,"
    "\"id_advertised\":null,\"exchanges\":1,\"from_start\":false,\"ended\":\"rst\",\"imap\":false,"
    "\"healthy\":false,\"outcome\":{\"stopped_at\":\"login\",\"by\":\"network\",\"status\":\"x\","
    "\"text\":\"no\",\"frame\":5,\"file\":\"b.pcap\",\"ended_by\":\"client\",\"ended_frame\":null},"
    "\"lost_bytes\":"
    "7,\"resyncs\":2,"
    "\"decrypted\":false,\"not_decrypted\":\"no-key\",\"tls\":{\"version\":\"TLS 1.2\","
    "\"suite\":\"0x1234\",\"server_name\":\"mail.example\",\"alpn\":null},\"auth\":[],\"findings\":"
    "[]}\n";

static const char capture[] =
    "{\"type\":\"capture\",\"schema\":1,\"site\":null,\"file\":\"a.pcap\",\"format\":null,"
    "\"first\":\"2026-01-02T03:04:05.000000001Z\",\"last\":\"2026-01-02T03:04:06.000000000Z\","
    "\"packets\":1,"
    "\"bytes\":2,\"tcp_connections\":3,\"imap_sessions\":4,\"exchanges\":5,"
    "\"sessions_not_decrypted\":6,\"lost_bytes\":7,\"cut_packets\":8,\"unknown_link_packets\":9,"
    "\"unread\":[{\"layer\":\"udp-port\",\"number\":8473,\"name\":\"looks like vxlan\","
    "\"packets\":3},{\"layer\":\"x\",\"number\":0,\"name\":\"\",\"packets\":0}],\"error\":\"x\"}\n";

/* Gives `step` octets a time, then fails or ends. */
struct source {
    const char *data;
    size_t n, at, step;
    int error;
    bool interrupted; /* the next read is interrupted first */
};

struct got {
    GString *records, *complaints;
    struct imapid_read_jsonl *stop_after_one;
};

static const struct imapid_writer_style style;

static ptrdiff_t read_some(void *ctx, uint8_t *octets, size_t n)
{
    struct source *source = ctx;

    if (source->interrupted) {
        source->interrupted = false;
        errno = EINTR;
        return -1;
    }
    n = MIN(MIN(n, source->step), source->n - source->at);
    if (!n && source->error) {
        errno = source->error;
        return -1;
    }
    memcpy(octets, source->data + source->at, n);
    source->at += n;
    return (ptrdiff_t)n;
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *record)
{
    struct got *got = ctx;

    imapid_jsonl_writer.exchange(got->records, &style, record);
    if (got->stop_after_one)
        got->stop_after_one->stop = true;
}

static void on_session(void *ctx, const struct imapid_record_session *record)
{
    imapid_jsonl_writer.session(((struct got *)ctx)->records, &style, record);
}

static void on_capture(void *ctx, const struct imapid_record_capture *record)
{
    imapid_jsonl_writer.capture(((struct got *)ctx)->records, &style, record);
}

static void on_complaint(void *ctx, const char *message)
{
    g_string_append_printf(((struct got *)ctx)->complaints, "%s\n", message);
}

/* Reads the source; compares what comes of it, spelled again, and the complaints. */
static void assert_read_as_is(struct source source, bool stop, const char *records,
                              const char *complaints)
{
    struct got got = {g_string_new(NULL), g_string_new(NULL), NULL};
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, &got, NULL};
    struct imapid_read_jsonl reader = {.name = "x",
                                       .read = read_some,
                                       .read_ctx = &source,
                                       .sink = &sink,
                                       .complain = on_complaint};
    bool good;

    if (stop)
        got.stop_after_one = &reader;
    good = imapid_read_jsonl(&reader);
    g_assert_cmpstr(got.records->str, ==, records);
    g_assert_cmpstr(got.complaints->str, ==, complaints);
    g_assert_cmpint(good, ==, !*complaints);
    g_string_free(got.records, TRUE);
    g_string_free(got.complaints, TRUE);
}

/* The same, with a line behind it that ends its records, but has no end itself. */
static void assert_read(struct source source, bool stop, const char *records,
                        const char *complaints)
{
    GString *all = g_string_new_len(source.data, (gssize)source.n);
    unsigned n = 0;

    if (all->str[all->len - 1] != '\n')
        g_string_append_c(all, '\n');
    for (size_t i = 1; i < all->len; i++)
        n += all->str[i] == '\n' && all->str[i - 1] == '}';
    g_string_append_printf(all, "{\"type\":\"end\",\"inputs\":1,\"records\":%u}", n);
    source.data = all->str;
    source.n = all->len;
    assert_read_as_is(source, stop, records, complaints);
    g_string_free(all, TRUE);
}

/* Lines may be put together and mixed; what is missing, or too much, is found all the same. */
static void test_end(void)
{
    static const char one[] = "{\"type\":\"end\",\"inputs\":3,\"records\":1}\n";
    static const char two[] = "{\"type\":\"end\",\"inputs\":1,\"records\":2}\n";
    static const char huge[] = "{\"type\":\"end\",\"inputs\":1,\"records\":9223372036854775807}\n";
    static const char none[] = "x: the file is cut: the line that ends it is missing\n";
    static const char more[] = "x: the file is cut: 2 records, but the lines that end it say 1\n";
    static const char less[] = "x: the file is cut: 1 record, but the lines that end it say 2\n";
    const struct {
        const char *lines[6], *complaints;
    } cases[] = {
        {{exchange, one}, ""},
        {{exchange, session, two}, ""},
        {{exchange, one, session, one}, ""},
        {{one, two, session, exchange, session}, ""},
        {{"{\"type\":\"of-later\"}\n", exchange, two}, ""},
        {{"{\"type\":\"comment\"}\n", exchange, one}, ""},
        {{exchange}, none},
        {{""}, none},
        {{exchange, session, one}, more},
        {{exchange, one, session}, more},
        {{exchange, two}, less},
        {{exchange, huge, huge, huge},
         "x: the file is cut: 1 record, but the lines that end it say 18446744073709551615\n"},
        {{exchange, "{\"type\":\"end\",\"inputs\":1}\n"},
         "x: line 2: there is no 'records'\nx: the file is cut: the line that ends it is "
         "missing\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GString *all = g_string_new(NULL), *want = g_string_new(NULL);

        for (size_t k = 0; k < 6 && cases[i].lines[k]; k++) {
            const char *line = cases[i].lines[k];

            g_string_append(all, line);
            if (line == exchange || line == session)
                g_string_append(want, line);
        }
        assert_read_as_is((struct source){.data = all->str, .n = all->len, .step = 11}, false,
                          want->str, cases[i].complaints);
        g_string_free(all, TRUE);
        g_string_free(want, TRUE);
    }
}

static void test_every_step(void)
{
    char *all = g_strconcat("\xef\xbb\xbf", exchange, "\r\n", session, capture, NULL);
    char *want = g_strconcat(exchange, session, capture, NULL);

    for (size_t step = 1; step <= strlen(all) + 1; step++)
        assert_read((struct source){.data = all, .n = strlen(all), .step = step}, false, want, "");
    /* The last line may lack its end. */
    assert_read((struct source){.data = all, .n = strlen(all) - 1, .step = 7}, false, want, "");
    g_free(all);
    g_free(want);
}

static void test_errors(void)
{
    char *all = g_strconcat(exchange, session, NULL);

    assert_read((struct source){.data = all, .n = strlen(all), .step = 50, .error = EIO}, false,
                all, "x: line 3: Input/output error\n");
    assert_read((struct source){.data = all, .n = strlen(all), .step = 50, .interrupted = true},
                false, all, "");
    assert_read((struct source){.data = all, .n = strlen(all), .step = 50}, true, exchange, "");
    assert_read((struct source){.data = all, .n = strlen(exchange) - 9, .step = 50}, false, "",
                "x: line 1: no JSON object\n");
    g_free(all);
}

static void test_messages_have_an_end(void)
{
    GString *lines = g_string_new(NULL), *want = g_string_new(NULL);

    for (int i = 1; i <= 30; i++) {
        g_string_append(lines, "{}\n");
        if (i <= 20)
            g_string_append_printf(want, "x: line %d: there is no 'type'%s\n", i,
                                   i == 20 ? " (further lines are not reported)" : "");
    }
    g_string_append(lines, capture);
    assert_read((struct source){.data = lines->str, .n = lines->len, .step = 100}, false, capture,
                want->str);
    g_string_free(lines, TRUE);
    g_string_free(want, TRUE);
}

/* Any place of it, as of a file. Nothing from `n` on where there is an error. */
static ptrdiff_t read_at(void *ctx, uint8_t *octets, size_t n, uint64_t at)
{
    const struct source *source = ctx;

    if (at >= source->n && source->error) {
        errno = source->error;
        return -1;
    }
    n = at < source->n ? MIN(n, source->n - at) : 0;
    memcpy(octets, source->data + at, n);
    return (ptrdiff_t)n;
}

struct told {
    char *records, *complaints;
    uint64_t n_records, n_lines;
};

static struct told read_with_threads(const GString *lines, int error, unsigned n_threads,
                                     bool has_places)
{
    struct got got = {g_string_new(NULL), g_string_new(NULL), NULL};
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, &got, NULL};
    struct source source = {.data = lines->str, .n = lines->len, .step = 5000, .error = error};
    struct imapid_read_jsonl reader = {.name = "x",
                                       .read = read_some,
                                       .read_at = has_places ? read_at : NULL,
                                       .read_ctx = &source,
                                       .sink = &sink,
                                       .complain = on_complaint,
                                       .n_threads = n_threads};

    g_assert_false(imapid_read_jsonl(&reader));
    return (struct told){g_string_free(got.records, FALSE), g_string_free(got.complaints, FALSE),
                         reader.n_records, reader.n_lines};
}

static void free_told(struct told told)
{
    g_free(told.records);
    g_free(told.complaints);
}

/* Several threads tell the same, in the same order, as one. */
static struct told assert_threads(const GString *lines, int error)
{
    struct told want = read_with_threads(lines, error, 1, false);

    for (unsigned n_threads = 1; n_threads <= 5; n_threads += 2)
        for (int has_places = 0; has_places < 2; has_places++) {
            struct told told = read_with_threads(lines, error, n_threads, has_places);

            g_assert_cmpstr(told.records, ==, want.records);
            g_assert_cmpstr(told.complaints, ==, want.complaints);
            g_assert_cmpuint(told.n_records, ==, want.n_records);
            g_assert_cmpuint(told.n_lines, ==, want.n_lines);
            free_told(told);
        }
    return want;
}

static void test_threads(void)
{
    GString *lines = g_string_new("\xef\xbb\xbf");
    struct told told;

    for (int i = 0; i < 4000; i++) {
        g_string_append(lines, i % 3 ? exchange : session);
        if (i % 701 == 0)
            g_string_append(lines, "{\"type\":}\n\n");
    }
    g_string_append(lines, "{\"type\":\"end\",\"inputs\":1,\"records\":4000}\n");
    told = assert_threads(lines, 0);
    g_assert_cmpuint(told.n_records, ==, 4000);
    g_assert_cmpuint(told.n_lines, ==, 4013);
    free_told(told);
    g_string_truncate(lines, lines->len * 2 / 3);
    told = assert_threads(lines, EIO);
    g_assert_nonnull(strstr(told.complaints, "Input/output error"));
    free_told(told);
    g_string_free(lines, TRUE);
}

/* One that is over the limit costs itself alone. */
static void test_threads_long_line(void)
{
    GString *lines = g_string_new(NULL);
    struct told told;

    for (int i = 0; i < 900; i++)
        g_string_append(lines, exchange);
    for (int i = 0; i < 9 << 20; i++)
        g_string_append_c(lines, 'x');
    g_string_append_c(lines, '\n');
    for (int i = 0; i < 900; i++)
        g_string_append(lines, session);
    told = assert_threads(lines, 0);
    g_assert_cmpuint(told.n_records, ==, 1800);
    g_assert_true(g_str_has_prefix(told.complaints, "x: line 901: the line is too long\n"));
    free_told(told);
    g_string_free(lines, TRUE);
}

struct counted {
    gint n_exchanges, n_sessions; /* atomic */
    struct got got;
};

static void count_exchange(void *ctx, const struct imapid_record_exchange *record)
{
    g_assert_cmpuint(record->conn.stream, ==, 3);
    g_atomic_int_inc(&((struct counted *)ctx)->n_exchanges);
}

static void count_session(void *ctx, const struct imapid_record_session *record)
{
    g_assert_cmpstr(record->not_decrypted, ==, "no-key");
    g_atomic_int_inc(&((struct counted *)ctx)->n_sessions);
}

static void on_counted_complaint(void *ctx, const char *message)
{
    g_string_append_printf(((struct counted *)ctx)->got.complaints, "%s\n", message);
}

/* By several threads; something is wrong with it. */
static struct imapid_read_jsonl read_in_any_order(const GString *lines,
                                                  ptrdiff_t (*at)(void *ctx, uint8_t *octets,
                                                                  size_t n, uint64_t at),
                                                  struct counted *counted)
{
    struct imapid_record_sink sink = {count_exchange, count_session, NULL, counted, NULL};
    struct source source = {.data = lines->str, .n = lines->len, .step = 5000};
    struct imapid_read_jsonl reader = {.name = "x",
                                       .read = read_some,
                                       .read_at = at,
                                       .read_ctx = &source,
                                       .sink = &sink,
                                       .complain = on_counted_complaint,
                                       .n_threads = 5,
                                       .any_order = true};

    g_assert_false(imapid_read_jsonl(&reader));
    return reader;
}

/* In any order none is lost, and messages keep theirs. */
static void test_any_order(void)
{
    GString *lines = g_string_new(NULL), *want = g_string_new(NULL);
    struct counted counted = {.got.complaints = g_string_new(NULL)};
    struct imapid_read_jsonl reader;

    for (int i = 0; i < 4000; i++) {
        g_string_append(lines, i % 4 ? exchange : session);
        if (i % 401)
            continue;
        g_string_append(lines, "{}\n");
        g_string_append_printf(want, "x: line %d: there is no 'type'\n", i + i / 401 + 2);
    }
    g_string_append(lines, "{\"type\":\"end\",\"inputs\":1,\"records\":4000}\n");
    reader = read_in_any_order(lines, NULL, &counted);
    g_assert_cmpint(counted.n_exchanges, ==, 3000);
    g_assert_cmpint(counted.n_sessions, ==, 1000);
    g_assert_cmpuint(reader.n_records, ==, 4000);
    g_assert_cmpstr(counted.got.complaints->str, ==, want->str);
    g_string_free(counted.got.complaints, TRUE);
    g_string_free(lines, TRUE);
    g_string_free(want, TRUE);
}

/* As read_at, but of a disk that takes its time to find out that it cannot read a place in the middle. */
static ptrdiff_t read_around(void *ctx, uint8_t *octets, size_t n, uint64_t at)
{
    const uint64_t hole = 300000;

    if (at <= hole && at + n > hole) {
        g_usleep(100000);
        errno = EIO;
        return -1;
    }
    return read_at(ctx, octets, n, at);
}

/* What others have read behind a failure is not told. */
static void test_any_order_failure(void)
{
    GString *lines = g_string_new(NULL);
    struct counted counted = {.got.complaints = g_string_new(NULL)};
    struct imapid_read_jsonl reader;

    for (int i = 0; i < 4000; i++)
        g_string_append(lines, exchange);
    g_assert_cmpuint(lines->len, >, 2000000);
    reader = read_in_any_order(lines, read_around, &counted);
    g_assert_true(reader.failed);
    g_assert_cmpint(counted.n_exchanges, >, 0);
    g_assert_cmpuint((guint)counted.n_exchanges, ==, reader.n_records);
    g_assert_cmpuint(reader.n_records * strlen(exchange), <, 300000);
    g_assert_cmpuint(reader.n_lines, ==, reader.n_records + 1);
    g_string_free(counted.got.complaints, TRUE);
    g_string_free(lines, TRUE);
}

/* One that has enough stops all of them. */
static void test_threads_stop(void)
{
    GString *lines = g_string_new(NULL);
    struct got got = {g_string_new(NULL), g_string_new(NULL), NULL};
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, &got, NULL};
    struct source source = {.step = 5000};
    struct imapid_read_jsonl reader = {.name = "x",
                                       .read = read_some,
                                       .read_ctx = &source,
                                       .sink = &sink,
                                       .complain = on_complaint,
                                       .n_threads = 4};

    for (int i = 0; i < 4000; i++)
        g_string_append(lines, exchange);
    source.data = lines->str;
    source.n = lines->len;
    got.stop_after_one = &reader;
    g_assert_true(imapid_read_jsonl(&reader));
    g_assert_cmpstr(got.records->str, ==, exchange);
    g_string_free(got.records, TRUE);
    g_string_free(got.complaints, TRUE);
    g_string_free(lines, TRUE);
}

static void test_keys_that_are_twice(void)
{
    char *all = g_strconcat("{\"type\":\"exchange\",\"stream\":1,", exchange + 1, capture, NULL);

    assert_read((struct source){.data = all, .n = strlen(all), .step = 50}, false, capture,
                "x: line 1: a key is there twice\n");
    g_free(all);
}

static bool is_jsonl(const char *octets, bool strict)
{
    uint8_t *copy = g_memdup2(octets, strlen(octets));
    bool is = imapid_read_jsonl_is(copy, strlen(octets), strict);

    g_free(copy);
    return is;
}

static void test_recognised(void)
{
    g_assert_true(is_jsonl("{", false));
    g_assert_true(is_jsonl("\xef\xbb\xbf{", false));
    g_assert_false(is_jsonl("", false));
    g_assert_false(is_jsonl("\xef\xbb\xbf", false));
    g_assert_false(is_jsonl("\n\r\r\n{", false)); /* how pcapng begins */
    g_assert_false(is_jsonl("[", false));
    g_assert_false(is_jsonl("{", true));
    g_assert_false(is_jsonl("{\"name\":\"package\"", true));
    for (int i = 0; i < 4; i++) {
        const char *lines[] = {exchange, session, capture, "{\"type\":\"end\",\"inputs\":0"};
        const char *line = lines[i];
        char *peek = g_strndup(line, IMAPID_READ_JSONL_PEEK);

        g_assert_true(is_jsonl(peek, true));
        g_free(peek);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/read-jsonl/every-step", test_every_step);
    g_test_add_func("/read-jsonl/end", test_end);
    g_test_add_func("/read-jsonl/errors", test_errors);
    g_test_add_func("/read-jsonl/messages-have-an-end", test_messages_have_an_end);
    g_test_add_func("/read-jsonl/threads", test_threads);
    g_test_add_func("/read-jsonl/threads-long-line", test_threads_long_line);
    g_test_add_func("/read-jsonl/any-order", test_any_order);
    g_test_add_func("/read-jsonl/any-order-failure", test_any_order_failure);
    g_test_add_func("/read-jsonl/threads-stop", test_threads_stop);
    g_test_add_func("/read-jsonl/keys-that-are-twice", test_keys_that_are_twice);
    g_test_add_func("/read-jsonl/recognised", test_recognised);
    return g_test_run();
}
