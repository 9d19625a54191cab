/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/record/member.c: each type from what it is and from what it is not, and that the
 * first fault is the one that is told. */
#include "record/member.h"

#include <string.h>

struct reading {
    struct imapid_json_text text;
    struct imapid_arena arena;
    struct imapid_member_line line;
    char *octets;
};

static struct imapid_json *begin(struct reading *reading, const char *json)
{
    memset(reading, 0, sizeof *reading);
    reading->octets = g_strdup(json);
    reading->line.arena = &reading->arena;
    g_assert_cmpint(
        imapid_json_read(&reading->text, (const uint8_t *)reading->octets, strlen(json)), ==,
        IMAPID_JSON_GOOD);
    return reading->text.tokens;
}

static void end(struct reading *reading, const char *error)
{
    g_assert_cmpstr(reading->line.error, ==, error);
    imapid_json_deinit(&reading->text);
    imapid_arena_deinit(&reading->arena);
    g_free(reading->octets);
}

static void test_good(void)
{
    struct reading r;
    struct imapid_json *object =
        begin(&r, "{\"t\":\"a\\u0000b\",\"none\":null,\"n\":255,\"yes\":true,\"no\":false,"
                  "\"o\":{\"x\":1},\"when\":\"1970-01-01T00:00:01.000000002Z\",\"l\":[{},{}]}");
    struct imapid_record_string octets = imapid_member_get_octets(&r.line, object, "t");

    g_assert_cmpmem(octets.octets, octets.n, "a\0b", 3);
    g_assert_true(imapid_member_get_octets(&r.line, object, "none").is_nil);
    g_assert_null(imapid_member_get_text(&r.line, object, "none"));
    g_assert_cmpstr(imapid_member_get_name(&r.line, object, "t"), ==, "a");
    g_assert_cmpuint(imapid_member_get_number(&r.line, object, "n", 255), ==, 255);
    g_assert_true(imapid_member_get_bool(&r.line, object, "yes"));
    g_assert_false(imapid_member_get_bool(&r.line, object, "no"));
    g_assert_cmpint(imapid_member_get_known(&r.line, object, "none"), ==, IMAPID_UNKNOWN);
    g_assert_cmpint(imapid_member_get_known(&r.line, object, "yes"), ==, IMAPID_YES);
    g_assert_cmpint(imapid_member_get_known(&r.line, object, "no"), ==, IMAPID_NO);
    g_assert_nonnull(imapid_member_get_object(&r.line, object, "o"));
    g_assert_null(imapid_member_get_object(&r.line, object, "none"));
    g_assert_cmpint(imapid_member_get_time(&r.line, object, "when"), ==, 1000000002);
    g_assert_cmpuint(imapid_member_find_objects(&r.line, object, "l")->n, ==, 2);
    g_assert_null(imapid_member_find_objects(&r.line, object, "none"));
    g_assert_null(imapid_member_find_objects(&r.line, object, "missing"));
    g_assert_null(imapid_member_find(NULL, "x"));
    end(&r, NULL);
}

static const char *spell(int i)
{
    return i ? "second" : "first";
}

static void test_words(void)
{
    struct reading r;
    struct imapid_json *object = begin(&r, "{\"a\":\"second\",\"b\":\"secon\"}");

    g_assert_cmpint(imapid_member_get_word(&r.line, object, "a", 2, spell), ==, 1);
    g_assert_null(r.line.error);
    g_assert_cmpint(imapid_member_get_word(&r.line, object, "b", 2, spell), ==, 0);
    end(&r, "no known word in 'b'");
}

static void get_text(struct imapid_member_line *line, struct imapid_json *object)
{
    g_assert_null(imapid_member_get_text(line, object, "x"));
}

static void get_name(struct imapid_member_line *line, struct imapid_json *object)
{
    g_assert_cmpstr(imapid_member_get_name(line, object, "x"), ==, "");
}

static void get_number(struct imapid_member_line *line, struct imapid_json *object)
{
    (void)imapid_member_get_number(line, object, "x", 255);
}

static void get_bool(struct imapid_member_line *line, struct imapid_json *object)
{
    g_assert_false(imapid_member_get_bool(line, object, "x"));
}

static void get_object(struct imapid_member_line *line, struct imapid_json *object)
{
    g_assert_null(imapid_member_get_object(line, object, "x"));
}

static void get_time(struct imapid_member_line *line, struct imapid_json *object)
{
    (void)imapid_member_get_time(line, object, "x");
}

static void find_objects(struct imapid_member_line *line, struct imapid_json *object)
{
    g_assert_null(imapid_member_find_objects(line, object, "x"));
}

static void test_faults(void)
{
    static const struct {
        const char *json;
        void (*get)(struct imapid_member_line *line, struct imapid_json *object);
        const char *error;
    } cases[] = {
        {"{}", get_text, "there is no 'x'"},
        {"{\"x\":1}", get_text, "no string in 'x'"},
        {"{\"x\":null}", get_name, "no string in 'x'"},
        {"{\"x\":256}", get_number, "no number, or one out of range, in 'x'"},
        {"{\"x\":-1}", get_number, "no number, or one out of range, in 'x'"},
        {"{\"x\":1.0}", get_number, "no number, or one out of range, in 'x'"},
        {"{\"x\":99999999999999999999}", get_number, "no number, or one out of range, in 'x'"},
        {"{\"x\":null}", get_bool, "neither true nor false in 'x'"},
        {"{\"x\":[]}", get_object, "no object in 'x'"},
        {"{\"x\":\"2026-13-01T00:00:00.000000000Z\"}", get_time, "no time in 'x'"},
        {"{\"x\":\"2026-01-01T00:00:00Z\"}", get_time, "no time in 'x'"},
        {"{\"x\":{}}", find_objects, "no list in 'x'"},
        {"{\"x\":[{},1]}", find_objects, "no objects in 'x'"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct reading r;
        struct imapid_json *object = begin(&r, cases[i].json);

        cases[i].get(&r.line, object);
        imapid_member_fail(&r.line, "something else in", "y"); /* the first one stays */
        end(&r, cases[i].error);
    }
}

/* The ends of the range, to the nanosecond. */
static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {{"1970-01-01T00:00:00.000000000Z", 0},
                 {"1969-12-31T23:59:59.999999999Z", -1},
                 {"2000-02-29T12:00:00.000000000Z", INT64_C(951825600000000000)},
                 {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
                 {"1677-09-21T00:12:44.000000000Z", INT64_C(-9223372036000000000)},
                 {"1677-09-21T00:12:43.145224192Z", IMAPID_TIME_NONE},
                 {NULL, IMAPID_TIME_NONE}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct reading r;
        char *json = cases[i].text ? g_strdup_printf("{\"x\":\"%s\"}", cases[i].text)
                                   : g_strdup("{\"x\":null}");
        struct imapid_json *object = begin(&r, json);

        g_assert_cmpint(imapid_member_get_time(&r.line, object, "x"), ==, cases[i].ns);
        end(&r, NULL);
        g_free(json);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/member/good", test_good);
    g_test_add_func("/member/words", test_words);
    g_test_add_func("/member/faults", test_faults);
    g_test_add_func("/member/times", test_times);
    return g_test_run();
}
