/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of JSON, held against json-glib: on records with random damage both have to see the
 * same values, or this one refuses what RFC 8259 does not allow. And what it refuses by itself. */
#include "record/json.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <string.h>

static enum imapid_json_fault read_text(const char *octets)
{
    struct imapid_json_text text = {NULL, 0};
    /* A block of its own, so that reading past its end is found. */
    uint8_t *copy = g_memdup2(octets, strlen(octets));
    enum imapid_json_fault fault = imapid_json_read(&text, copy, strlen(octets));

    imapid_json_deinit(&text);
    g_free(copy);
    return fault;
}

static void test_grammar(void)
{
    static const char *const good[] = {"null",
                                       " true ",
                                       "\t[\r\n]",
                                       "{}",
                                       "[[],{}]",
                                       "0",
                                       "-0",
                                       "10",
                                       "1.0",
                                       "1e9",
                                       "1E-9",
                                       "-1.5e+3",
                                       "\"\"",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
                                       "{\"a\":{\"a\":1},\"b\":[1,2]}",
                                       "\"\x7f\"",
                                       "\"\\ud800\"",
                                       "[1 , 2]",
                                       "{\"\":1,\"x\":2}"};
    static const char *const bad[] = {"",          " ",          "nul",
                                      "nullx",     "TRUE",       "[",
                                      "]",         "[1",         "[1,",
                                      "[1,]",      "[,1]",       "{",
                                      "{\"a\"",    "{\"a\":",    "{\"a\":1",
                                      "{\"a\":1,", "{\"a\":1,}", "{a:1}",
                                      "{1:1}",     "{'a':1}",    "00",
                                      "01",        "-",          "+1",
                                      ".5",        "1.",         "1e",
                                      "1e+",       "0x1",        "\"",
                                      "\"a",       "\"\\",       "\"\\\"",
                                      "\"\\q\"",   "\"\\u12\"",  "\"\\u12g4\"",
                                      "\"\t\"",    "\"\n\"",     "1 2",
                                      "{}{}",      "[1]/**/",    "//\n1",
                                      "[1 2]",     "{\"a\" 1}",  "\xef\xbb\xbf{}",
                                      "\v1"};
    static const char *const no_utf8[] = {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"",
                                          "\"\xc0\x80\"", "[\xc3\xa9\xff]"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpint(read_text(good[i]), ==, IMAPID_JSON_GOOD);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(read_text(bad[i]), ==, IMAPID_JSON_NO_JSON);
    for (size_t i = 0; i < G_N_ELEMENTS(no_utf8); i++)
        g_assert_cmpint(read_text(no_utf8[i]), ==, IMAPID_JSON_NO_UTF8);
}

static void test_names_that_are_twice(void)
{
    g_assert_cmpint(read_text("{\"a\":1,\"b\":2,\"a\":1}"), ==, IMAPID_JSON_TWICE);
    g_assert_cmpint(read_text("{\"a\":1,\"\\u0061\":2}"), ==, IMAPID_JSON_TWICE);
    g_assert_cmpint(read_text("{\"\\u0061\":1,\"a\":2}"), ==, IMAPID_JSON_TWICE);
    g_assert_cmpint(read_text("[{\"x\":{\"y\":[],\"z\":1,\"y\":2}}]"), ==, IMAPID_JSON_TWICE);
    g_assert_cmpint(read_text("{\"\":1,\"\":2}"), ==, IMAPID_JSON_TWICE);
    g_assert_cmpint(read_text("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), ==, IMAPID_JSON_GOOD);
}

/* `n` times `what`, between two others. */
static enum imapid_json_fault read_repeated(const char *before, const char *what, unsigned n,
                                            const char *after)
{
    GString *text = g_string_new(before);
    enum imapid_json_fault fault;

    for (unsigned i = 0; i < n; i++)
        g_string_append(text, what);
    g_string_append(text, after);
    fault = read_text(text->str);
    g_string_free(text, TRUE);
    return fault;
}

static void test_limits(void)
{
    GString *members = g_string_new("{\"x\":0");

    g_assert_cmpint(read_repeated("", "[", IMAPID_JSON_DEPTH_MAX, "]]]]]]]]]]]]]]]]"), ==,
                    IMAPID_JSON_GOOD);
    g_assert_cmpint(read_repeated("", "[", 17, "]"), ==, IMAPID_JSON_TOO_DEEP);
    g_assert_cmpint(read_repeated("", "{\"a\":", 17, "1}"), ==, IMAPID_JSON_TOO_DEEP);
    g_assert_cmpint(read_repeated("[0", ",0", IMAPID_JSON_MARKS_MAX - 1, "]"), ==,
                    IMAPID_JSON_GOOD);
    g_assert_cmpint(read_repeated("[0", ",0", IMAPID_JSON_MARKS_MAX, "]"), ==,
                    IMAPID_JSON_TOO_MANY);
    for (unsigned i = 1; i < IMAPID_JSON_MEMBERS_MAX; i++)
        g_string_append_printf(members, ",\"%u\":0", i);
    g_string_append_c(members, '}');
    g_assert_cmpint(read_text(members->str), ==, IMAPID_JSON_GOOD);
    g_string_truncate(members, members->len - 1);
    g_string_append(members, ",\"y\":0}");
    g_assert_cmpint(read_text(members->str), ==, IMAPID_JSON_TOO_MANY);
    g_string_free(members, TRUE);
}

static void test_members_in_any_order(void)
{
    static const char octets[] = "{\"a\":1,\"long\":{\"b\":7},\"b\":3,\"\\u0063\":4}";
    static const char *const names[] = {"a", "long", "b", "c", "d", ""};
    struct imapid_json_text text = {NULL, 0};

    g_assert_cmpint(imapid_json_read(&text, (const uint8_t *)octets, strlen(octets)), ==,
                    IMAPID_JSON_GOOD);
    for (size_t i = 0; i < 36; i++) {
        const char *name = names[i * 7 % 6];
        struct imapid_json *value = imapid_json_find(text.tokens, name);

        g_assert_true((value != NULL) == (*name && strcmp(name, "d") != 0));
        if (value && strcmp(name, "long") != 0)
            g_assert_cmpint(*value->octets, ==, *name == 'a' ? '1' : *name == 'b' ? '3' : '4');
        (void)imapid_json_find(text.tokens, names[i / 6]);
    }
    imapid_json_deinit(&text);
}

static void test_integers(void)
{
    static const struct {
        const char *text;
        bool fits;
        int64_t number;
    } cases[] = {{"0", true, 0},
                 {"-0", true, 0},
                 {"9223372036854775807", true, INT64_MAX},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"-9223372036854775809", false, 0},
                 {"99999999999999999999999", false, 0}};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct imapid_json value = {.octets = (const uint8_t *)cases[i].text,
                                    .n = (uint32_t)strlen(cases[i].text)};
        int64_t number = 0;

        g_assert_true(imapid_json_get_integer(&value, &number) == cases[i].fits);
        if (cases[i].fits)
            g_assert_true(number == cases[i].number);
    }
}

/* Every length and place of a special octet, so that each step of the loops is met. */
static void test_strings_of_every_length(void)
{
    for (unsigned n = 0; n < 70; n++)
        for (unsigned at = 0; at <= n; at++) {
            GString *text = g_string_new("\"");
            struct imapid_json_text tokens = {NULL, 0};
            uint8_t *copy;

            for (unsigned i = 0; i < n; i++)
                g_string_append(text, i == at ? "\\n" : i % 2 ? "\xc3\xa9" : "x");
            g_string_append_c(text, '"');
            copy = g_memdup2(text->str, text->len);
            g_assert_cmpint(imapid_json_read(&tokens, copy, text->len), ==, IMAPID_JSON_GOOD);
            g_assert_cmpuint(tokens.tokens->n, ==, text->len - 2);
            g_assert_true(tokens.tokens->is_escaped == (at < n));
            copy[text->len - 1] = 'x'; /* no end */
            g_assert_cmpint(imapid_json_read(&tokens, copy, text->len), ==, IMAPID_JSON_NO_JSON);
            imapid_json_deinit(&tokens);
            g_free(copy);
            g_string_free(text, TRUE);
        }
}

/* ---- against json-glib ---- */

static void assert_same(const struct imapid_json *value, JsonNode *node);

static void assert_same_string(const struct imapid_json *value, JsonNode *node)
{
    char *decoded = g_malloc0(value->n + (gsize)1);
    size_t n = imapid_json_decode(value, (uint8_t *)decoded);

    g_assert_cmpuint(n, <=, value->n);
    /* json-glib ends a string at U+0000. */
    g_assert_cmpstr(decoded, ==, json_node_get_string(node));
    g_free(decoded);
}

static void assert_same_object(const struct imapid_json *value, JsonNode *node)
{
    JsonObject *object = json_node_get_object(node);
    const struct imapid_json *member = value + 1;

    g_assert_cmpuint(value->n, ==, json_object_get_size(object));
    for (uint32_t i = 0; i < value->n; i++, member += 1 + member[1].n_tokens) {
        char *name = g_malloc0(member->n + (gsize)1);

        imapid_json_decode(member, (uint8_t *)name);
        assert_same(member + 1, json_object_get_member(object, name));
        g_free(name);
    }
    g_assert_true(member == value + value->n_tokens);
}

static void assert_same_array(const struct imapid_json *value, JsonNode *node)
{
    JsonArray *array = json_node_get_array(node);
    const struct imapid_json *element = value + 1;

    g_assert_cmpuint(value->n, ==, json_array_get_length(array));
    for (uint32_t i = 0; i < value->n; i++, element += element->n_tokens)
        assert_same(element, json_array_get_element(array, i));
    g_assert_true(element == value + value->n_tokens);
}

static void assert_same(const struct imapid_json *value, JsonNode *node)
{
    int64_t number;

    g_assert_nonnull(node);
    switch ((enum imapid_json_kind)value->kind) {
    case IMAPID_JSON_NULL:
        g_assert_true(JSON_NODE_HOLDS_NULL(node));
        break;
    case IMAPID_JSON_FALSE:
    case IMAPID_JSON_TRUE:
        g_assert_true(json_node_get_value_type(node) == G_TYPE_BOOLEAN);
        g_assert_true(json_node_get_boolean(node) == (value->kind == IMAPID_JSON_TRUE));
        break;
    case IMAPID_JSON_INTEGER:
        g_assert_true(json_node_get_value_type(node) == G_TYPE_INT64);
        if (imapid_json_get_integer(value, &number))
            g_assert_true(json_node_get_int(node) == number);
        break;
    case IMAPID_JSON_REAL:
        g_assert_true(json_node_get_value_type(node) == G_TYPE_DOUBLE);
        g_assert_true(json_node_get_double(node) ==
                      g_ascii_strtod((const char *)value->octets, NULL));
        break;
    case IMAPID_JSON_STRING:
        assert_same_string(value, node);
        break;
    case IMAPID_JSON_ARRAY:
        assert_same_array(value, node);
        break;
    case IMAPID_JSON_OBJECT:
        assert_same_object(value, node);
        break;
    }
}

/* Some random octets replaced, taken out or put in; mostly such as JSON has. */
static void damage(GString *text, GRand *random)
{
    static const char octets[] = "\"\\{}[],:0a-.eE tnu\x01\x7f";
    unsigned n = (unsigned)g_rand_int_range(random, 0, 4);

    for (unsigned i = 0; i < n && text->len; i++) {
        gssize at = g_rand_int_range(random, 0, (gint32)text->len);
        char octet = octets[g_rand_int_range(random, 0, (gint32)sizeof octets - 1)];

        switch (g_rand_int_range(random, 0, 3)) {
        case 0:
            text->str[at] = octet;
            break;
        case 1:
            g_string_erase(text, at, 1);
            break;
        default:
            g_string_insert_c(text, at, octet);
        }
    }
}

/* json-glib aborts on half of a surrogate pair. It takes several values in a row for the first
 * one, and much else that is no JSON, so only what this reader takes is compared. */
static void test_against_json_glib(void)
{
    static const char *const seeds[] = {
        "{\"type\":\"exchange\",\"schema\":1,\"client\":{\"ip\":\"10.0.0.5\",\"port\":50514},"
        "\"tag\":null,\"rtt\":0.000412001,\"complete\":true,\"params\":[[\"name\",\"Zo\xc3\xa9\"],"
        "[\"version\",null],[\"x\",\"a\\u0000b\\n\\u00e9\"]],\"findings\":[],\"more\":{}}",
        "[0,-1,2.5,1e3,-0.5E-7,9223372036854775807,[[[]]],{\"a\":{\"b\":{\"c\":[false,true]}}}]"};
    GRand *random = g_rand_new_with_seed(2971);
    JsonParser *parser = json_parser_new();
    struct imapid_json_text tokens = {NULL, 0};
    unsigned n_read = 0;

    for (unsigned i = 0; i < 40000; i++) {
        GString *text = g_string_new(seeds[i % G_N_ELEMENTS(seeds)]);
        uint8_t *copy;

        damage(text, random);
        copy = g_memdup2(text->str, text->len + 1);
        if (imapid_json_read(&tokens, copy, text->len) == IMAPID_JSON_GOOD) {
            n_read++;
            g_assert_true(json_parser_load_from_data(parser, text->str, (gssize)text->len, NULL));
            assert_same(tokens.tokens, json_parser_get_root(parser));
        }
        g_free(copy);
        g_string_free(text, TRUE);
    }
    g_assert_cmpuint(n_read, >, 10000);
    imapid_json_deinit(&tokens);
    g_object_unref(parser);
    g_rand_free(random);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/grammar", test_grammar);
    g_test_add_func("/json/names-that-are-twice", test_names_that_are_twice);
    g_test_add_func("/json/limits", test_limits);
    g_test_add_func("/json/members-in-any-order", test_members_in_any_order);
    g_test_add_func("/json/integers", test_integers);
    g_test_add_func("/json/strings-of-every-length", test_strings_of_every_length);
    g_test_add_func("/json/against-json-glib", test_against_json_glib);
    return g_test_run();
}
