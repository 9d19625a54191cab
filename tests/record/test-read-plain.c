/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short way of a line, held against the one that reads all lines: on whole lines, and on lines with
 * random damage, it gives the same record or none. */
#include "record/read-plain.h"
#include "record/read-record.h"
#include "record/writer.h"

#include <string.h>

#define BEGIN "{\"type\":\"exchange\",\"schema\":1,\"file\":\"a.pcap\",\"stream\":3"
#define ENDS                                                                                       \
    ",\"client\":{\"ip\":\"10.0.0.5\",\"port\":50514},\"server\":{\"ip\":\"2001:db8::1\",\"port\"" \
    ":143}"
#define EXTRAS                                                                                     \
    ",\"session\":\"a.pcap:12\",\"community_id\":\"1:/hMnkdG23koBQnC9Xa865HSyUI=\",\"filter\":"    \
    "\"tcp\",\"path\":null,\"doubts\":[]"
#define COMMAND                                                                                    \
    ",\"tag\":\"a1\",\"time\":\"2026-01-02T03:04:05.000000006Z\",\"command\":{\"frame\":12,"       \
    "\"time\":\"2026-01-02T03:04:05.000000006Z\",\"params\":[[\"name\",\"Zo\xc3\xab\"],"           \
    "[\"version\",null],[null,\"\"]]}"
#define RESPONSE                                                                                   \
    ",\"response\":{\"frame\":14,\"time\":\"2026-01-02T03:04:05.000412006Z\",\"params\":null}"
#define REST                                                                                       \
    "\"security\":\"starttls\",\"compressed\":true,\"state\":\"not-authenticated\",\"complete\":"  \
    "true,\"findings\":["
#define FINDING                                                                                    \
    "{\"code\":\"missing-value\",\"severity\":\"error\",\"side\":\"server\",\"section\":\"RFC "    \
    "2971 4\",\"field\":\"os\",\"message\":\"a field has no value\"}"

/* Lines of the short way. */
static const char *const plain[] = {
    BEGIN ENDS ",\"proxied_client\":null" EXTRAS COMMAND RESPONSE
               ",\"result\":{\"frame\":15,\"status\":\"OK\",\"text\":\"done\",\"tagged\":true},"
               "\"rtt\":0.000412000," REST FINDING "," FINDING "]}",
    BEGIN ENDS ",\"proxied_client\":{\"ip\":\"192.0.2.7\",\"port\":9}" COMMAND RESPONSE
               ",\"result\":{\"frame\":15,\"status\":\"BYE\",\"text\":null},\"rtt\":-1.5," REST
               "]}",
    BEGIN ENDS ",\"proxied_client\":null,\"session\":null,\"path\":null,\"tag\":null,\"time\":"
               "\"1677-09-21T00:12:43.145224192Z\",\"command\":null" RESPONSE
               ",\"result\":null,\"rtt\":null," REST "]}",
};

/* Lines for the long way: good ones as well. */
static const char *const other[] = {
    "",
    "{}",
    BEGIN ENDS ",\"proxied_client\":null" COMMAND ",\"response\":null,\"result\":{\"frame\":15,"
               "\"status\":\"OK\",\"text\":\"done\",\"tagged\":true},\"rtt\":0.5," REST "]}",
    BEGIN ENDS ",\"proxied_client\":null" COMMAND RESPONSE ",\"result\":null,\"rtt\":null," REST
               "]} ",
    BEGIN ENDS ",\"proxied_client\":null,\"session\":\"a.pcap:012\"" COMMAND RESPONSE
               ",\"result\":null,\"rtt\":null," REST "]}",
    BEGIN ENDS ",\"proxied_client\":null" COMMAND RESPONSE
               ",\"result\":{\"frame\":15,\"status\":\"OK\",\"text\":\"\\\"\",\"tagged\":true},"
               "\"rtt\":null," REST "]}",
    BEGIN ENDS ",\"proxied_client\":null" COMMAND RESPONSE
               ",\"result\":{\"frame\":15,\"status\":\"OK\",\"text\":\"\xff\",\"tagged\":true},"
               "\"rtt\":null," REST "]}",
    BEGIN ENDS ",\"proxied_client\":null" COMMAND RESPONSE ",\"result\":null,\"rtt\":null," REST
               "{\"code\":\"required-by-server\",\"severity\":\"warning\",\"side\":\"client\","
               "\"section\":\"\",\"field\":null,\"message\":\"\"}]}",
    BEGIN "0000000000000000000" ENDS ",\"proxied_client\":null" COMMAND RESPONSE
          ",\"result\":null,\"rtt\":null," REST "]}",
};

static char *spell(const struct imapid_record_exchange *exchange)
{
    static const struct imapid_writer_style style;
    GString *text = g_string_new(NULL);

    imapid_jsonl_writer.exchange(text, &style, exchange);
    g_string_append_printf(text, "%" G_GINT64_FORMAT, exchange->result.ts_ns);
    return g_string_free(text, FALSE);
}

/* Was it read by the short way? Then as by the long one. */
static bool is_read(const char *octets, size_t n)
{
    struct imapid_arena arena = {NULL, 0};
    struct imapid_json_text text = {NULL, 0};
    struct imapid_read_record read = {.n_lines = 1};
    /* A block of its own, so that reading past its end is found. */
    uint8_t *copy = g_memdup2(octets, n);
    const struct imapid_record_exchange *exchange = imapid_read_plain(&arena, copy, n);

    if (exchange) {
        char *one = spell(exchange), *another;

        imapid_read_record(&read, &text, &arena, copy, n);
        g_assert_cmpint(read.outcome, ==, IMAPID_READ_EXCHANGE);
        another = spell(read.record);
        g_assert_cmpstr(one, ==, another);
        g_free(one);
        g_free(another);
    }
    imapid_json_deinit(&text);
    imapid_arena_deinit(&arena);
    g_free(copy);
    return exchange != NULL;
}

static void test_whole(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
        g_assert_true(is_read(plain[i], strlen(plain[i])));
    for (size_t i = 0; i < G_N_ELEMENTS(other); i++)
        g_assert_false(is_read(other[i], strlen(other[i])));
}

/* A line with `n` more of something where a list ends, behind `begin`. */
static char *repeat(const char *begin, const char *what, int n)
{
    const char *at = strstr(plain[1], begin) + strlen(begin);
    GString *line = g_string_new_len(plain[1], at - plain[1]);

    for (int i = 0; i < n; i++)
        g_string_append_printf(line, "%s%s", at[-1] != '[' || i ? "," : "", what);
    g_string_append(line, strchr(at, ']'));
    return g_string_free(line, FALSE);
}

/* As many as there is room for, and one more. */
static void test_many(void)
{
    static const struct {
        const char *begin, *what;
        int n;
    } lists[] = {{"\"findings\":[", FINDING, 8}, {"[null,\"\"]", "[\"a\",\"b\"]", 27}};

    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
        for (int more = 0; more < 2; more++) {
            char *line = repeat(lists[i].begin, lists[i].what, lists[i].n + more);

            g_assert_true(is_read(line, strlen(line)) == !more);
            g_free(line);
        }
}

static void test_cut(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
        for (size_t n = 0; n < strlen(plain[i]); n++)
            g_assert_false(is_read(plain[i], n));
}

/* Octets change, go, or come a second time. */
static void damage(GRand *draw, GString *line)
{
    static const char octets[] = "\"\\{}[],:.-+eE0123456789ntfu zZ\xc3\xff\t";
    gint32 at = g_rand_int_range(draw, 0, (gint32)line->len);
    gint32 n = g_rand_int_range(draw, 1, MIN(30, (gint32)line->len - at) + 1);
    char *some = g_strndup(line->str + at, (gsize)n);

    switch (g_rand_int_range(draw, 0, 5)) {
    case 0:
        line->str[at] = octets[g_rand_int_range(draw, 0, sizeof octets)];
        break;
    case 1:
        g_string_erase(line, at, 1);
        break;
    case 2:
        g_string_insert_c(line, at, octets[g_rand_int_range(draw, 0, sizeof octets)]);
        break;
    case 3:
        g_string_erase(line, at, n);
        break;
    default:
        g_string_insert_len(line, g_rand_int_range(draw, 0, (gint32)line->len), some, n);
    }
    g_free(some);
}

static void test_damaged(void)
{
    guint32 seed = g_test_rand_int() & G_MAXINT32;
    GRand *draw = g_rand_new_with_seed(seed);
    unsigned n_read = 0;

    g_test_message("seed %u", seed);
    for (int i = 0; i < 60000; i++) {
        GString *line = g_string_new(plain[i % (int)G_N_ELEMENTS(plain)]);

        for (gint32 n = g_rand_int_range(draw, 1, 3); n; n--)
            damage(draw, line);
        n_read += is_read(line->str, line->len);
        g_string_free(line, TRUE);
    }
    g_assert_cmpuint(n_read, >, 1000);
    g_rand_free(draw);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/record/read-plain/whole", test_whole);
    g_test_add_func("/record/read-plain/many", test_many);
    g_test_add_func("/record/read-plain/cut", test_cut);
    g_test_add_func("/record/read-plain/damaged", test_damaged);
    return g_test_run();
}
