/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How fast TLS is read, one core: a connection of sealed records is made in memory, and fed to
 * imapid_tls as TCP would; also key logs and deflated streams. One line each: what, MB/s (10^6
 * octets of what comes out, of a key log of its text) of processor time, best of several runs. */

#include "tls/inflate.h"
#include "tls/kdf.h"
#include "tls/suites.h"
#include "tls/tls.h"

#include <gcrypt.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define N_RUNS    7
#define N_OCTETS  (64u << 20)
#define N_SEGMENT 1448 /* octets of data in a full segment on Ethernet */

static uint64_t n_out;

static void on_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                    const struct imapid_stamp *stamp)
{
    (void)ctx, (void)dir, (void)octets, (void)stamp;
    n_out += n;
}

static void put_record(GByteArray *stream, uint8_t type, const uint8_t *body, size_t n)
{
    uint8_t header[5] = {type, 3, 3, (uint8_t)(n >> 8), (uint8_t)n};

    g_byte_array_append(stream, header, 5);
    g_byte_array_append(stream, body, (guint)n);
}

/* Both hellos of a TLS 1.3 handshake, as short as they can be; the client random is zeros. */
static void put_hello(GByteArray *stream, bool from_server, uint16_t suite)
{
    uint8_t message[128] = {from_server ? 2 : 1, 0, 0, 0, 3, 3};
    size_t n = 6 + 32 + 1;
    static const uint8_t client_end[] = {1, 0, 0, 7, 0, 43, 0, 3, 2, 3, 4};
    static const uint8_t server_end[] = {0, 0, 6, 0, 43, 0, 2, 3, 4};

    if (!from_server)
        message[n + 1] = 2, n += 2;
    message[n] = (uint8_t)(suite >> 8);
    message[n + 1] = (uint8_t)suite;
    n += 2;
    memcpy(message + n, from_server ? server_end : client_end,
           from_server ? sizeof server_end : sizeof client_end);
    n += from_server ? sizeof server_end : sizeof client_end;
    message[3] = (uint8_t)(n - 4);
    put_record(stream, 22, message, n);
}

/* Records of n_text octets each, sealed under a traffic secret of zeros. */
static void put_sealed(GByteArray *stream, const struct imapid_suite *suite, size_t n_text)
{
    static const uint8_t secret[48];
    const struct imapid_protection *protection = suite->protection;
    uint8_t key[32], iv[12], text[16385], body[16385 + 16], header[5] = {23, 3, 3};
    gcry_cipher_hd_t handle;
    int hash = imapid_suites_hash(suite);

    imapid_kdf_expand_label(hash, secret, "key", NULL, 0, key, protection->n_key);
    imapid_kdf_expand_label(hash, secret, "iv", NULL, 0, iv, sizeof iv);
    gcry_cipher_open(&handle, protection->algorithm, protection->mode, 0);
    gcry_cipher_setkey(handle, key, protection->n_key);
    for (uint64_t i = 0; i < N_OCTETS / n_text; i++) {
        size_t n = n_text + 1;
        uint8_t nonce[12];

        memset(text, (int)i, n_text);
        text[n_text] = 23;
        memcpy(nonce, iv, 12);
        for (int j = 0; j < 8; j++)
            nonce[11 - j] ^= (uint8_t)(i >> 8 * j);
        header[3] = (uint8_t)((n + 16) >> 8);
        header[4] = (uint8_t)(n + 16);
        gcry_cipher_setiv(handle, nonce, 12);
        gcry_cipher_authenticate(handle, header, 5);
        gcry_cipher_encrypt(handle, body, n, text, n);
        gcry_cipher_gettag(handle, body + n, 16);
        put_record(stream, 23, body, n + 16);
    }
    gcry_cipher_close(handle);
}

static void play(struct imapid_keylog *keylog, const GByteArray *client, const GByteArray *server,
                 size_t n_segment)
{
    struct imapid_tls_handler handler = {.data = on_data};
    struct imapid_tls *tls = imapid_tls_new(&handler, keylog, 0);
    struct imapid_stamp stamp = {1, 0};

    imapid_tls_data(tls, 0, client->data, client->len, &stamp);
    for (guint at = 0; at < server->len; at += (guint)n_segment)
        imapid_tls_data(tls, 1, server->data + at, MIN(n_segment, server->len - at), &stamp);
    imapid_tls_finish(tls);
    imapid_tls_free(tls);
}

/* Processor time, so that what else runs does not count; as openssl speed does. */
static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double best(double seconds, double best_so_far)
{
    return best_so_far == 0 || seconds < best_so_far ? seconds : best_so_far;
}

static void bench_suite(uint16_t id, size_t n_text)
{
    const struct imapid_suite *suite = imapid_suites_find(id);
    GByteArray *client = g_byte_array_new(), *server = g_byte_array_new();
    struct imapid_keylog *keylog = imapid_keylog_new();
    char *zeros = g_strnfill(96, '0');
    char *line =
        g_strdup_printf("SERVER_TRAFFIC_SECRET_0 %.64s %.*s\n", zeros,
                        (int)(2 * imapid_kdf_hash_length(imapid_suites_hash(suite))), zeros);
    double seconds = 0;

    imapid_keylog_add(keylog, (const uint8_t *)line, strlen(line));
    put_hello(client, false, id);
    put_hello(server, true, id);
    put_sealed(server, suite, n_text);
    for (int i = 0; i < N_RUNS; i++) {
        double start = now();

        n_out = 0;
        play(keylog, client, server, N_SEGMENT);
        seconds = best(now() - start, seconds);
    }
    if (n_out != N_OCTETS / n_text * n_text)
        g_error("%s: %" G_GUINT64_FORMAT " octets came out", suite->name, n_out);
    printf("%s, records of %zu: %.0f\n", suite->name, n_text, (double)n_out / seconds / 1e6);
    g_free(line);
    g_free(zeros);
    imapid_keylog_free(keylog);
    g_byte_array_free(client, TRUE);
    g_byte_array_free(server, TRUE);
}

static void put_line(GString *text, GRand *rand)
{
    g_string_append(text, "CLIENT_RANDOM ");
    for (int i = 0; i < 8; i++)
        g_string_append_printf(text, "%08x", g_rand_int(rand));
    g_string_append_c(text, ' ');
    for (int i = 0; i < 12; i++)
        g_string_append_printf(text, "%08x", g_rand_int(rand));
    g_string_append_c(text, '\n');
}

static void bench_keylog(unsigned n_lines)
{
    GString *text = g_string_new(NULL);
    GRand *rand = g_rand_new_with_seed(1);
    double seconds = 0;

    for (unsigned i = 0; i < n_lines; i++)
        put_line(text, rand);
    for (int i = 0; i < 3; i++) {
        struct imapid_keylog *keylog = imapid_keylog_new();
        double start = now();

        imapid_keylog_add(keylog, (const uint8_t *)text->str, text->len);
        seconds = best(now() - start, seconds);
        imapid_keylog_free(keylog);
    }
    printf("key log of %u lines: %.0f\n", n_lines, (double)text->len / seconds / 1e6);
    g_string_free(text, TRUE);
    g_rand_free(rand);
}

static bool on_output(void *ctx, const uint8_t *octets, size_t n)
{
    (void)ctx, (void)octets;
    n_out += n;
    return true;
}

static void bench_inflate(void)
{
    GString *text = g_string_new(NULL);
    GRand *rand = g_rand_new_with_seed(1);
    uLong n_room;
    uint8_t *room;
    z_stream stream = {0};
    double seconds = 0;

    while (text->len < 16 << 20)
        g_string_append_printf(text, "* %u FETCH (FLAGS (\\Seen) UID %u)\r\n",
                               g_rand_int(rand) % 999, g_rand_int(rand) % 99999);
    n_room = compressBound(text->len);
    room = g_malloc(n_room);
    deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
    stream.next_in = (Bytef *)text->str;
    stream.avail_in = (uInt)text->len;
    stream.next_out = room;
    stream.avail_out = (uInt)n_room;
    deflate(&stream, Z_SYNC_FLUSH);
    for (int i = 0; i < N_RUNS; i++) {
        struct imapid_inflate_handler handler = {on_output, NULL};
        struct imapid_inflate *inflate = imapid_inflate_new(&handler);
        double start = now();

        n_out = 0;
        for (uLong at = 0; at < stream.total_out; at += N_SEGMENT)
            imapid_inflate_data(inflate, room + at, MIN(N_SEGMENT, stream.total_out - at));
        seconds = best(now() - start, seconds);
        imapid_inflate_free(inflate);
    }
    printf("inflate, %.1f to 1: %.0f\n", (double)text->len / (double)stream.total_out,
           (double)n_out / seconds / 1e6);
    deflateEnd(&stream);
    g_free(room);
    g_string_free(text, TRUE);
    g_rand_free(rand);
}

int main(void)
{
    static const uint16_t suites[] = {0x1301, 0x1302, 0x1303};

    imapid_kdf_init();
    for (size_t i = 0; i < G_N_ELEMENTS(suites); i++) {
        bench_suite(suites[i], 16384);
        bench_suite(suites[i], 1000);
        bench_suite(suites[i], 64);
    }
    bench_keylog(1000000);
    bench_inflate();
    return 0;
}
