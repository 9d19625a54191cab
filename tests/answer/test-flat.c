/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/answer/flat.c: what is laid flat and taken again is the same, and takes as many
 * octets as was said. */
#include "answer/flat.h"

#include <string.h>

static void test_differences(void)
{
    static const uint64_t values[] = {0,
                                      1,
                                      63,
                                      64,
                                      127,
                                      8191,
                                      8192,
                                      UINT32_MAX,
                                      INT64_MAX,
                                      (uint64_t)INT64_MIN,
                                      UINT64_MAX,
                                      (uint64_t)-64,
                                      (uint64_t)-65};

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        uint8_t octets[IMAPID_FLAT_DIFFERENCE_MAX];
        const uint8_t *end = imapid_flat_put_difference(octets, values[i]), *at = octets;

        g_assert_cmpuint((size_t)(end - octets), <=, sizeof octets);
        g_assert_cmpuint(imapid_flat_take_difference(&at), ==, values[i]);
        g_assert_true(at == end);
    }
}

/* Small differences of either sign are short: they are what there is most of. */
static void test_short(void)
{
    uint8_t octets[IMAPID_FLAT_DIFFERENCE_MAX];

    g_assert_cmpint(imapid_flat_put_difference(octets, 63) - octets, ==, 1);
    g_assert_cmpint(imapid_flat_put_difference(octets, (uint64_t)-64) - octets, ==, 1);
    g_assert_cmpint(imapid_flat_put_difference(octets, 64) - octets, ==, 2);
}

/* Clocks run backwards, and records from elsewhere hold any numbers. */
static void test_stamps(void)
{
    static const struct imapid_stamp stamps[] = {
        {1, 0}, {2, 5}, {1, -5}, {UINT64_MAX, INT64_MAX}, {0, INT64_MIN}};

    for (size_t i = 0; i < G_N_ELEMENTS(stamps); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(stamps); k++) {
            uint8_t octets[2 * IMAPID_FLAT_DIFFERENCE_MAX];
            const uint8_t *end = imapid_flat_put_stamp(octets, &stamps[i], &stamps[k]),
                          *at = octets;
            struct imapid_stamp stamp = imapid_flat_take_stamp(&at, &stamps[k]);

            g_assert_cmpuint(stamp.number, ==, stamps[i].number);
            g_assert_cmpint(stamp.ts_ns, ==, stamps[i].ts_ns);
            g_assert_true(at == end);
        }
}

static struct imapid_record_string string_of(const char *text)
{
    return (struct imapid_record_string){
        .is_nil = !text, .octets = (const uint8_t *)text, .n = text ? strlen(text) : 0};
}

static void assert_string(const struct imapid_record_string *string, const char *expected)
{
    g_assert_cmpint(string->is_nil, ==, !expected);
    if (expected)
        g_assert_cmpmem(string->octets, string->n, expected, strlen(expected));
}

static void test_pairs(void)
{
    static const char *const texts[] = {"name", "Mutt", "os",   NULL, "",
                                        "",     "abc",  "abcd", NULL, "x"};
    struct imapid_record_pair pairs[G_N_ELEMENTS(texts) / 2];
    struct imapid_record_half half = {.n_pairs = G_N_ELEMENTS(pairs), .pairs = pairs}, again = {0};
    struct imapid_arena arena = {NULL, 0};
    size_t n;
    uint8_t *flat;

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        pairs[i].field = string_of(texts[2 * i]);
        pairs[i].value = string_of(texts[2 * i + 1]);
    }
    n = imapid_flat_measure_pairs(&half);
    flat = g_malloc(n); /* exact size */
    imapid_flat_put_pairs(flat, &half);
    imapid_flat_take_pairs(flat, &again, &arena);
    g_assert_cmpuint(again.n_pairs, ==, half.n_pairs);
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        assert_string(&again.pairs[i].field, texts[2 * i]);
        assert_string(&again.pairs[i].value, texts[2 * i + 1]);
    }
    imapid_arena_deinit(&arena);
    g_free(flat);
}

/* Equal lists have equal octets, whatever was in the room before; others have others. */
static void test_equal(void)
{
    struct imapid_record_pair pair = {string_of("name"), string_of("abcde")};
    struct imapid_record_half half = {.n_pairs = 1, .pairs = &pair};
    size_t n = imapid_flat_measure_pairs(&half);
    uint8_t *one = g_malloc(n), *other = g_malloc(n);

    memset(one, 0x55, n);
    memset(other, 0xaa, n);
    imapid_flat_put_pairs(one, &half);
    imapid_flat_put_pairs(other, &half);
    g_assert_cmpmem(one, n, other, n);
    pair.value = string_of("abcdf");
    imapid_flat_put_pairs(other, &half);
    g_assert_true(memcmp(one, other, n) != 0);
    g_free(one);
    g_free(other);
}

static void test_findings(void)
{
    struct imapid_record_finding findings[] = {
        {IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, string_of(NULL), IMAPID_LACK_NOTHING},
        {IMAPID_FINDING_REQUIRED_BY_SERVER, IMAPID_SERVER, string_of("odd"), IMAPID_LACK_LOGIN}};
    size_t n = imapid_flat_measure_findings(findings, G_N_ELEMENTS(findings));
    uint8_t *flat = g_malloc(n);
    const uint8_t *at = flat;

    imapid_flat_put_findings(flat, findings, G_N_ELEMENTS(findings));
    for (size_t i = 0; i < G_N_ELEMENTS(findings); i++) {
        struct imapid_record_finding finding = imapid_flat_take_finding(&at);

        g_assert_cmpint(finding.code, ==, findings[i].code);
        g_assert_cmpint(finding.side, ==, findings[i].side);
        g_assert_cmpint(finding.lack, ==, findings[i].lack);
        assert_string(&finding.field, i ? "odd" : NULL);
    }
    g_assert_true(at == flat + n);
    g_free(flat);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flat/differences", test_differences);
    g_test_add_func("/flat/short", test_short);
    g_test_add_func("/flat/stamps", test_stamps);
    g_test_add_func("/flat/pairs", test_pairs);
    g_test_add_func("/flat/equal", test_equal);
    g_test_add_func("/flat/findings", test_findings);
    return g_test_run();
}
