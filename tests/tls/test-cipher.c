/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/cipher.c against the example of RFC 8448 3: only the right record, of the
 * right number, unchanged to the last bit, is opened. Other suites are tested with whole sessions in
 * test-tls.c. */
#include "tls/cipher.h"

#include <glib.h>
#include <string.h>

#define TLS_AES_128_GCM_SHA256 0x1301
#define RSA_NULL_SHA256        0x003b

/* client_application_traffic_secret_0 and the client's first record under it */
static const char secret_hex[] = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char record_hex[] =
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e"
    "2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";

static size_t read_hex(const char *hex, uint8_t *octets)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        octets[i] =
            (uint8_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    return n;
}

static struct imapid_secret get_secret(void)
{
    struct imapid_secret secret = {.n = 32};

    g_assert_cmpuint(read_hex(secret_hex, secret.octets), ==, 32);
    return secret;
}

static struct imapid_cipher *make(void)
{
    struct imapid_secret secret = get_secret();
    struct imapid_cipher *cipher =
        imapid_cipher_new_1_3(imapid_suites_find(TLS_AES_128_GCM_SHA256), &secret);

    g_assert_nonnull(cipher);
    return cipher;
}

/* Opens a copy of exactly its size. */
static bool open_record(struct imapid_cipher *cipher, uint64_t sequence, const uint8_t *record,
                        size_t n, uint8_t *out, size_t *n_out, uint8_t *type)
{
    uint8_t *copy = g_memdup2(record, n);
    bool opened = imapid_cipher_open(cipher, sequence, copy, n, out, n_out, type);

    g_free(copy);
    return opened;
}

static void test_open(void)
{
    struct imapid_cipher *cipher = make();
    uint8_t record[128], out[128], type = 0;
    size_t n = read_hex(record_hex, record), n_out;

    g_assert_cmpuint(n, ==, 72);
    /* what fails leaves the object as it was */
    g_assert_false(open_record(cipher, 1, record, n, out, &n_out, &type));
    g_assert_true(open_record(cipher, 0, record, n, out, &n_out, &type));
    g_assert_cmpuint(type, ==, 23);
    g_assert_cmpuint(n_out, ==, 50);
    for (size_t i = 0; i < 50; i++)
        g_assert_cmpuint(out[i], ==, i);
    imapid_cipher_free(cipher);
}

static void test_changed(void)
{
    struct imapid_cipher *cipher = make();
    uint8_t record[128], out[128], type;
    size_t n = read_hex(record_hex, record), n_out;

    for (size_t i = 0; i < n; i++) {
        record[i] ^= 1;
        g_assert_false(open_record(cipher, 0, record, n, out, &n_out, &type));
        record[i] ^= 1;
    }
    for (size_t i = IMAPID_TLS_HEADER; i < n; i++)
        g_assert_false(open_record(cipher, 0, record, i, out, &n_out, &type));
    g_assert_true(open_record(cipher, 0, record, n, out, &n_out, &type));
    imapid_cipher_free(cipher);
}

static void test_secrets(void)
{
    const struct imapid_suite *suite = imapid_suites_find(TLS_AES_128_GCM_SHA256);
    struct imapid_secret secret = get_secret();
    struct imapid_cipher *cipher;
    uint8_t record[128], out[128], type;
    size_t n = read_hex(record_hex, record), n_out;

    secret.n = 31;
    g_assert_null(imapid_cipher_new_1_3(suite, &secret));
    secret.n = 32;
    g_assert_true(imapid_cipher_update_secret(suite, &secret));
    cipher = imapid_cipher_new_1_3(suite, &secret);
    g_assert_nonnull(cipher);
    g_assert_false(open_record(cipher, 0, record, n, out, &n_out, &type));
    imapid_cipher_free(cipher);
    imapid_cipher_free(NULL);
}

/* A suite that does not encrypt: the MAC of 32 octets is taken off and cannot be checked. */
static void test_clear(void)
{
    const struct imapid_suite *suite = imapid_suites_find(RSA_NULL_SHA256);
    struct imapid_cipher *cipher = imapid_cipher_new_clear(suite, IMAPID_TLS_1_2);
    uint8_t record[5 + 2 + 32] = {23, 3, 3, 0, 34, 'h', 'i'}, out[64], type;
    size_t n_out;

    g_assert_cmpuint(imapid_cipher_least(suite, IMAPID_TLS_1_2), <=, 33);
    g_assert_true(open_record(cipher, 7, record, sizeof record, out, &n_out, &type));
    g_assert_cmpmem(out, n_out, "hi", 2);
    g_assert_cmpuint(type, ==, 23);
    record[4] = 31;
    g_assert_false(open_record(cipher, 7, record, 5 + 31, out, &n_out, &type));
    imapid_cipher_free(cipher);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cipher/open", test_open);
    g_test_add_func("/cipher/changed", test_changed);
    g_test_add_func("/cipher/secrets", test_secrets);
    g_test_add_func("/cipher/clear", test_clear);
    return g_test_run();
}
