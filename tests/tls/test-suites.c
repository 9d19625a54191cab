/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/suites.c: the table agrees with itself, with libgcrypt, and with the
 * transcripts. */
#include "transcript.h"

#include "tls/cipher.h"
#include "tls/kdf.h"

#include <gcrypt.h>
#include <string.h>

static void test_table(void)
{
    const struct imapid_suite *suite, *before = NULL;

    for (size_t i = 0; (suite = imapid_suites_get(i)); before = suite, i++) {
        g_assert_true(!before || suite->id > before->id);
        g_assert_true(imapid_suites_find(suite->id) == suite);
        g_assert_true(imapid_suites_fit(suite, IMAPID_TLS_1_3) == (suite->id >> 8 == 0x13));
        g_assert_true(imapid_suites_fit(suite, IMAPID_TLS_1_2) !=
                      imapid_suites_fit(suite, IMAPID_TLS_1_3));
        g_assert_true(imapid_suites_fit(suite, IMAPID_TLS_1_0) ==
                      (g_str_has_suffix(suite->name, "_SHA") ||
                       g_str_has_suffix(suite->name, "_MD5") ||
                       (strstr(suite->name, "PSK_") && imapid_suites_mac_length(suite))));
        g_assert_true((strstr(suite->name, "_NULL_") != NULL) == imapid_suites_is_clear(suite));
        g_assert_true((suite->protection->n_tag == 0) == (imapid_suites_mac_length(suite) != 0));
        g_assert_true((strstr(suite->name, "_CBC_") != NULL) == imapid_suites_is_cbc(suite));
        g_assert_true((g_str_has_suffix(suite->name, "_SHA384") != 0) ==
                      (suite->hash == GCRY_MD_SHA384));
        g_assert_true((strstr(suite->name, "_256_") || strstr(suite->name, "CHACHA20")) ==
                      (suite->protection->n_key == 32));
        g_assert_true((g_str_has_suffix(suite->name, "CCM_8") ||
                       strstr(suite->name, "CCM_8_") != NULL) == (suite->protection->n_tag == 8));
    }
    g_assert_null(imapid_suites_find(0));
    g_assert_null(imapid_suites_find(0x00ff));
    g_assert_null(imapid_suites_find(0xffff));
}

static void test_libgcrypt(void)
{
    const struct imapid_suite *suite;

    for (size_t i = 0; (suite = imapid_suites_get(i)); i++) {
        struct imapid_cipher_origin origin = {.suite = suite, .version = IMAPID_TLS_1_2};
        struct imapid_secret secret = {.n = 48};
        struct imapid_cipher *cipher;

        if (!imapid_suites_is_held(suite))
            continue;
        if (imapid_suites_fit(suite, IMAPID_TLS_1_3)) {
            secret.n = (uint8_t)imapid_kdf_hash_length(imapid_suites_hash(suite));
            cipher = imapid_cipher_new_1_3(suite, &secret);
        } else {
            cipher = imapid_cipher_new_1_2(&origin, &secret, true);
        }
        g_assert_nonnull(cipher);
        imapid_cipher_free(cipher);
    }
}

/* Every kind of protection was seen at work. */
static void test_covered(void)
{
    GPtrArray *all = transcripts_load();
    const struct imapid_suite *suite;
    GHashTable *seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < all->len; i++) {
        const char *name = transcript_expects(g_ptr_array_index(all, i), "suite");

        for (size_t j = 0; name && (suite = imapid_suites_get(j)); j++)
            if (strcmp(suite->name, name) == 0)
                g_hash_table_add(seen, (gpointer)suite->protection);
    }
    /* Of ARIA one is enough: it goes the ways of AES, and OpenSSL has no more of it. */
    for (size_t j = 0; (suite = imapid_suites_get(j)); j++)
        if (!strstr(suite->name, "_ARIA_") && !g_hash_table_contains(seen, suite->protection))
            g_error("no transcript of what %s protects with", suite->name);
    g_hash_table_unref(seen);
    g_ptr_array_free(all, TRUE);
}

/* Records of any length, and of any octets, are refused without harm. */
static void test_garbage(void)
{
    GRand *rand = g_rand_new_with_seed(1);
    const struct imapid_suite *suite;

    for (size_t i = 0; (suite = imapid_suites_get(i)); i++) {
        if (!imapid_suites_is_held(suite))
            continue;

        bool is_1_3 = imapid_suites_fit(suite, IMAPID_TLS_1_3);
        struct imapid_cipher_origin origin = {
            .suite = suite, .version = IMAPID_TLS_1_2, .encrypt_then_mac = i % 2};
        struct imapid_secret secret = {
            .n = (uint8_t)(is_1_3 ? imapid_kdf_hash_length(imapid_suites_hash(suite)) : 48)};
        struct imapid_cipher *cipher = is_1_3 ? imapid_cipher_new_1_3(suite, &secret)
                                              : imapid_cipher_new_1_2(&origin, &secret, true);

        for (size_t n = 0; n < 120; n++) {
            uint8_t *record = g_malloc(n), *out = g_malloc(n), type;
            size_t n_out;

            for (size_t j = 0; j < n; j++)
                record[j] = (uint8_t)g_rand_int(rand);
            g_assert_false(imapid_cipher_open(cipher, n, record, n, out, &n_out, &type));
            g_free(record);
            g_free(out);
        }
        imapid_cipher_free(cipher);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    imapid_kdf_init();
    g_test_add_func("/suites/table", test_table);
    g_test_add_func("/suites/libgcrypt", test_libgcrypt);
    g_test_add_func("/suites/covered", test_covered);
    g_test_add_func("/suites/garbage", test_garbage);
    return g_test_run();
}
