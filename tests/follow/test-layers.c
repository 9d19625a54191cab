/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layers one over the other: what goes through, where a hole ends a layer, and that a bomb is cut off. */
#include "follow/layers.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

static const struct imapid_stamp stamp = {1, 0};

/* What came out, of both directions: "C:" and "S:", "!" for a gap. */
struct heard {
    GString *text;
    int64_t n_inflate;
};

static void on_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                    const struct imapid_stamp *packet)
{
    struct heard *heard = ctx;

    g_assert_true(packet == &stamp);
    g_string_append(heard->text, dir ? "S:" : "C:");
    g_string_append_len(heard->text, (const char *)octets, (gssize)n);
}

static void on_gap(void *ctx, int dir, uint64_t n, const struct imapid_stamp *packet)
{
    struct heard *heard = ctx;

    (void)packet;
    g_string_append_printf(heard->text, "%c!%u", dir ? 'S' : 'C', (unsigned)n);
}

static void on_stop(void *ctx, int dir)
{
    struct heard *heard = ctx;

    g_string_append_printf(heard->text, "%c.", dir ? 'S' : 'C');
}

static struct imapid_layers *begin(struct heard *heard)
{
    struct imapid_layers_handler handler = {on_data, on_gap, NULL, on_stop, heard};

    heard->text = g_string_new(NULL);
    heard->n_inflate = IMAPID_LAYERS_INFLATE_FREE;
    return imapid_layers_new(&handler, NULL, 0, &heard->n_inflate);
}

static void end(struct imapid_layers *layers, struct heard *heard, const char *text,
                const char *reason)
{
    const char *phrase = NULL;

    imapid_layers_finish(layers);
    g_assert_cmpstr(heard->text->str, ==, text);
    g_assert_cmpstr(imapid_layers_get_reason(layers, 0, &phrase), ==, reason);
    g_assert_true(!reason || phrase);
    imapid_layers_free(layers);
    g_string_free(heard->text, TRUE);
}

static void data(struct imapid_layers *layers, int dir, const void *octets, size_t n)
{
    uint8_t *copy = g_memdup2(octets, n); /* exact size */

    imapid_layers_data(layers, dir, copy, n, &stamp);
    g_free(copy);
}

/* Text as one flush of raw DEFLATE. */
static size_t deflate_text(const uint8_t *text, size_t n, uint8_t *out, size_t n_max)
{
    z_stream stream = {0};

    g_assert_cmpint(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    stream.next_in = (Bytef *)text;
    stream.avail_in = (uInt)n;
    stream.next_out = out;
    stream.avail_out = (uInt)n_max;
    g_assert_cmpint(deflate(&stream, Z_SYNC_FLUSH), ==, Z_OK);
    deflateEnd(&stream);
    return stream.total_out;
}

static void test_none(void)
{
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);

    data(layers, 0, "ab", 2);
    imapid_layers_gap(layers, 1, 7, &stamp);
    imapid_layers_feed(layers, 1, (const uint8_t *)"c", 1, &stamp);
    imapid_layers_feed(layers, 1, NULL, 0, &stamp);
    g_assert_null(imapid_layers_get_tls(layers));
    end(layers, &heard, "C:abS!7S:c", NULL);
    imapid_layers_free(NULL);
}

static void test_deflate(void)
{
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);
    uint8_t out[64];
    size_t n = deflate_text((const uint8_t *)"a1 NOOP", 7, out, sizeof out);

    imapid_layers_add_deflate(layers);
    imapid_layers_add_deflate(layers); /* once is enough */
    data(layers, 0, out, n);
    imapid_layers_feed(layers, 1, out, n, &stamp); /* came out before the layer was known */
    g_assert_cmpuint(imapid_layers_count_memory(layers), >, 0);
    end(layers, &heard, "C:a1 NOOPS:a1 NOOP", NULL);
}

/* Behind a hole DEFLATE gives text that nobody sent: one gap of unknown length, then nothing. */
static void test_lost_deflate(void)
{
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);
    uint8_t out[64];
    size_t n = deflate_text((const uint8_t *)"a1 NOOP", 7, out, sizeof out);

    imapid_layers_add_deflate(layers);
    imapid_layers_gap(layers, 0, 9, &stamp);
    data(layers, 0, out, n);
    imapid_layers_gap(layers, 0, 9, &stamp);
    data(layers, 1, out, n); /* the other direction goes on */
    end(layers, &heard, "C!0S:a1 NOOP", "lost-deflate");
}

static void test_bomb(void)
{
    static uint8_t zeros[1 << 22], out[1 << 16];
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);
    size_t n = deflate_text(zeros, sizeof zeros, out, sizeof out);

    imapid_layers_add_deflate(layers);
    data(layers, 0, out, n);
    g_assert_cmpuint(heard.text->len, <=,
                     ((size_t)IMAPID_LAYERS_INFLATE_FREE + n * IMAPID_LAYERS_INFLATE_RATIO) * 2);
    g_assert_cmpuint(heard.text->len, <, sizeof zeros);
    g_assert_true(g_str_has_suffix(heard.text->str + heard.text->len - 3, "C!0"));
    g_string_truncate(heard.text, 0);
    end(layers, &heard, "", "too-much-deflate");
}

/* What is told costs, too, but only of what came out of DEFLATE. */
static void test_charge(void)
{
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);
    uint8_t out[64];
    size_t n = deflate_text((const uint8_t *)"a1 NOOP", 7, out, sizeof out);

    for (unsigned i = 0; i < 2 * IMAPID_LAYERS_INFLATE_FREE / IMAPID_LAYERS_RECORD; i++)
        imapid_layers_charge(layers, 0);
    imapid_layers_add_deflate(layers);
    data(layers, 0, out, n);
    imapid_layers_charge(layers, 2 * (size_t)IMAPID_LAYERS_INFLATE_FREE);
    data(layers, 1, out, n);
    end(layers, &heard, "C:a1 NOOPS!0", "too-much-deflate");
}

/* RFC 2831 2.3: length, text, a MAC of 10 octets, a version and a number. */
static void test_sasl(void)
{
    static const uint8_t message[] = {0, 0, 0, 2 + 16, 'h', 'i', 0, 0, 0, 0, 0,
                                      0, 0, 0, 0,      0,   0,   1, 0, 0, 0, 0};
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);

    imapid_layers_add_sasl(layers);
    for (size_t i = 0; i < sizeof message; i++)
        data(layers, 0, message + i, 1);
    imapid_layers_gap(layers, 0, 3, &stamp);
    data(layers, 0, message, sizeof message);
    g_assert_true(g_str_has_prefix(heard.text->str, "C:hC:i") ||
                  g_str_has_prefix(heard.text->str, "C:hi"));
    g_assert_true(g_str_has_suffix(heard.text->str, "iC!0"));
    g_string_truncate(heard.text, 0);
    end(layers, &heard, "", "lost-sasl-layer");
}

static void test_tls(void)
{
    struct heard heard = {NULL, 0};
    struct imapid_layers *layers = begin(&heard);

    imapid_layers_add_tls(layers);
    g_assert_nonnull(imapid_layers_get_tls(layers));
    data(layers, 0, "a1 LOGIN joe secret\r\n", 21); /* no TLS: nothing comes out */
    end(layers, &heard, "C.S.", "malformed");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/layers/none", test_none);
    g_test_add_func("/layers/deflate", test_deflate);
    g_test_add_func("/layers/lost-deflate", test_lost_deflate);
    g_test_add_func("/layers/bomb", test_bomb);
    g_test_add_func("/layers/charge", test_charge);
    g_test_add_func("/layers/sasl", test_sasl);
    g_test_add_func("/layers/tls", test_tls);
    return g_test_run();
}
