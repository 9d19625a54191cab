/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of protocol/hello.c on the hellos of the transcripts: every start of them, every octet
 * changed, each in a block of exactly its size. */
#include "transcript.h"

#include <imapid/hello.h>

#include <string.h>

/* The first handshake message of a direction, without its header. */
static GByteArray *get_hello(const struct transcript *t, int dir)
{
    GByteArray *octets = g_byte_array_new();

    for (guint i = 0; i < t->pieces->len; i++) {
        const struct piece *piece = g_ptr_array_index(t->pieces, i);

        if (piece->dir == dir && piece->octets->data[0] == 22) {
            guint n = (guint)piece->octets->data[6] << 16 | (guint)piece->octets->data[7] << 8 |
                      piece->octets->data[8];

            if (piece->octets->len >= 9 + n)
                g_byte_array_append(octets, piece->octets->data + 9, n);
            break;
        }
    }
    return octets;
}

static bool read_hello(int dir, const uint8_t *octets, size_t n, struct imapid_hello *hello)
{
    return dir ? imapid_hello_read_server(octets, n, hello)
               : imapid_hello_read_client(octets, n, hello);
}

static void check_hello(int dir, const GByteArray *message)
{
    struct imapid_hello hello;

    g_assert_true(read_hello(dir, message->data, message->len, &hello));
    g_assert_nonnull(hello.random);
    for (guint n = 0; n < message->len; n++) {
        uint8_t *start = g_memdup2(message->data, n);

        read_hello(dir, start, n, &hello);
        g_free(start);
    }
    for (guint at = 0; at < message->len; at++) {
        uint8_t *changed = g_memdup2(message->data, message->len);

        for (int bit = 0; bit < 8; bit++) {
            changed[at] ^= (uint8_t)(1 << bit);
            if (read_hello(dir, changed, message->len, &hello) && hello.n_alpn) {
                size_t i = 0;

                while (i < hello.n_alpn)
                    i += 1u + hello.alpn[i];
                g_assert_cmpuint(i, ==, hello.n_alpn);
            }
            changed[at] ^= (uint8_t)(1 << bit);
        }
        g_free(changed);
    }
}

static void test_transcripts(void)
{
    GPtrArray *all = transcripts_load();
    unsigned n = 0;

    for (guint i = 0; i < all->len; i++)
        for (int dir = 0; dir < 2; dir++) {
            GByteArray *message = get_hello(g_ptr_array_index(all, i), dir);

            if (message->len) {
                check_hello(dir, message);
                n++;
            }
            g_byte_array_free(message, TRUE);
        }
    g_assert_cmpuint(n, >, 90);
    g_ptr_array_free(all, TRUE);
}

static void test_fields(void)
{
    struct transcript *t = transcript_load("1.3-aes128-gcm");
    GByteArray *client = get_hello(t, 0), *server = get_hello(t, 1);
    struct imapid_hello hello;

    g_assert_true(imapid_hello_read_client(client->data, client->len, &hello));
    g_assert_cmpmem(hello.server_name, hello.n_server_name, "imap.example", 12);
    g_assert_cmpmem(hello.alpn, hello.n_alpn, "\4acap\4imap", 10);
    g_assert_cmpuint(hello.version, ==, 0x0303);
    g_assert_true(hello.extended_master_secret);
    g_assert_false(hello.early_data);
    g_assert_true(imapid_hello_read_server(server->data, server->len, &hello));
    g_assert_cmpuint(hello.version, ==, 0x0304);
    g_assert_cmpuint(hello.suite, ==, 0x1301);
    g_assert_false(hello.is_retry);
    g_byte_array_free(client, TRUE);
    g_byte_array_free(server, TRUE);
    transcript_free(t);

    t = transcript_load("1.3-retry");
    server = get_hello(t, 1);
    g_assert_true(imapid_hello_read_server(server->data, server->len, &hello));
    g_assert_true(hello.is_retry);
    g_byte_array_free(server, TRUE);
    transcript_free(t);
}

/* A hello of before extensions. */
static void test_bare(void)
{
    uint8_t message[2 + 32 + 1 + 2 + 2 + 2] = {3, 1};
    struct imapid_hello hello;

    message[36] = 2; /* octets of suites */
    message[39] = 1; /* of compression methods */
    g_assert_true(imapid_hello_read_client(message, sizeof message, &hello));
    g_assert_cmpuint(hello.version, ==, 0x0301);
    g_assert_null(hello.server_name);
    g_assert_false(imapid_hello_read_client(message, sizeof message - 1, &hello));
    g_assert_true(imapid_hello_read_extensions(message, 0, &hello));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hello/transcripts", test_transcripts);
    g_test_add_func("/hello/fields", test_fields);
    g_test_add_func("/hello/bare", test_bare);
    return g_test_run();
}
