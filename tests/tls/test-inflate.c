/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/tls/inflate.c against zlib's deflate: every kind of flush, every chunking, a
 * bomb, damage at every octet, gaps. */
#include "tls/inflate.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

struct result {
    GString *text;
    uint64_t n;
    bool keep, refuse;
};

static bool on_output(void *ctx, const uint8_t *octets, size_t n)
{
    struct result *result = ctx;

    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(n, <=, IMAPID_INFLATE_PIECE);
    result->n += n;
    if (result->keep)
        g_string_append_len(result->text, (const char *)octets, (gssize)n);
    return !result->refuse;
}

static GString *make_text(unsigned n_lines)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < n_lines; i++)
        g_string_append_printf(text, "* %u FETCH (FLAGS (\\Seen) UID %u)\r\na%u OK done %08x\r\n",
                               i, i * 7, i, g_str_hash("x") * i);
    return text;
}

/* Deflates with a flush of the given kind every n_every octets; *ends gets where each one ends in
 * the output and how much had gone in by then. */
static GByteArray *deflate_text(const GString *text, int flush, size_t n_every, int level,
                                GArray *ends)
{
    z_stream stream = {0};
    GByteArray *out = g_byte_array_new();
    uint8_t room[4096];

    g_assert_cmpint(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    for (size_t at = 0; at < text->len; at += n_every) {
        stream.next_in = (Bytef *)text->str + at;
        stream.avail_in = (uInt)MIN(n_every, text->len - at);
        do {
            stream.next_out = room;
            stream.avail_out = sizeof room;
            deflate(&stream, flush);
            g_byte_array_append(out, room, (guint)(sizeof room - stream.avail_out));
        } while (!stream.avail_out);
        if (ends) {
            size_t end[2] = {out->len, at + MIN(n_every, text->len - at)};

            g_array_append_val(ends, end);
        }
    }
    deflateEnd(&stream);
    return out;
}

static struct imapid_inflate *new_inflate(struct result *result)
{
    struct imapid_inflate_handler handler = {on_output, result};

    return imapid_inflate_new(&handler);
}

static void feed(struct imapid_inflate *inflate, const uint8_t *octets, size_t n)
{
    uint8_t *copy = g_malloc(n);

    memcpy(copy, octets, n);
    imapid_inflate_data(inflate, copy, n);
    g_free(copy);
}

/* What was flushed comes out at once, whatever the kind of flush. */
static void check_flush(int flush, size_t n_every, int level)
{
    GString *text = make_text(40);
    size_t at = 0;
    struct result result = {g_string_new(NULL), 0, true, false};
    struct imapid_inflate *inflate = new_inflate(&result);
    GArray *ends = g_array_new(FALSE, FALSE, 2 * sizeof(size_t));
    GByteArray *deflated = deflate_text(text, flush, n_every, level, ends);

    for (guint i = 0; i < ends->len; i++) {
        const size_t *end = &((size_t *)(void *)ends->data)[2 * i];

        feed(inflate, deflated->data + at, end[0] - at);
        at = end[0];
        g_assert_cmpint(imapid_inflate_get_state(inflate), ==, IMAPID_INFLATE_GOING);
        /* A partial flush may keep some bits of the end marker back, no octets. */
        g_assert_cmpuint(result.text->len, ==, end[1]);
    }
    g_assert_cmpstr(result.text->str, ==, text->str);
    imapid_inflate_free(inflate);
    g_byte_array_free(deflated, TRUE);
    g_array_free(ends, TRUE);
    g_string_free(result.text, TRUE);
    g_string_free(text, TRUE);
}

static void test_flushes(void)
{
    static const int flushes[] = {Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH};
    static const size_t sizes[] = {1, 7, 40, 1000, 100000};

    for (size_t i = 0; i < G_N_ELEMENTS(flushes); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(sizes); j++)
            for (int level = 0; level <= 9; level += 3)
                check_flush(flushes[i], sizes[j], level);
}

static void test_chunks(void)
{
    GString *text = make_text(300);
    GByteArray *deflated = deflate_text(text, Z_SYNC_FLUSH, 500, 6, NULL);

    for (size_t n_chunk = 1; n_chunk < deflated->len; n_chunk += 1 + n_chunk / 3) {
        struct result result = {g_string_new(NULL), 0, true, false};
        struct imapid_inflate *inflate = new_inflate(&result);

        for (size_t at = 0; at < deflated->len; at += n_chunk)
            feed(inflate, deflated->data + at, MIN(n_chunk, deflated->len - at));
        g_assert_cmpstr(result.text->str, ==, text->str);
        imapid_inflate_free(inflate);
        g_string_free(result.text, TRUE);
    }
    g_byte_array_free(deflated, TRUE);
    g_string_free(text, TRUE);
}

static void test_end(void)
{
    GString *text = make_text(10);
    GByteArray *deflated = deflate_text(text, Z_FINISH, 100000, 6, NULL);
    struct result result = {g_string_new(NULL), 0, true, false};
    struct imapid_inflate *inflate = new_inflate(&result);
    guint n = deflated->len;

    g_byte_array_append(deflated, (const guint8 *)"junk", 4);
    feed(inflate, deflated->data, deflated->len);
    g_assert_cmpint(imapid_inflate_get_state(inflate), ==, IMAPID_INFLATE_ENDED);
    g_assert_cmpstr(result.text->str, ==, text->str);
    g_assert_cmpint(imapid_inflate_data(inflate, deflated->data, n), ==, IMAPID_INFLATE_ENDED);
    g_assert_cmpint(imapid_inflate_gap(inflate), ==, IMAPID_INFLATE_ENDED);
    imapid_inflate_free(inflate);
    g_byte_array_free(deflated, TRUE);
    g_string_free(result.text, TRUE);
    g_string_free(text, TRUE);
}

/* 64 MiB of zeros out of 64 KiB, with no more memory than ever. */
static void test_bomb(void)
{
    GString *text = g_string_new(NULL);
    GByteArray *deflated;
    struct result result = {NULL, 0, false, false};
    struct imapid_inflate *inflate = new_inflate(&result);

    g_string_set_size(text, 64 << 20);
    memset(text->str, 0, text->len);
    deflated = deflate_text(text, Z_SYNC_FLUSH, text->len, 9, NULL);
    g_assert_cmpuint(deflated->len, <, 100000);
    imapid_inflate_data(inflate, deflated->data, deflated->len);
    g_assert_cmpuint(result.n, ==, 64 << 20);
    imapid_inflate_free(inflate);

    /* Who has enough says so. */
    result.refuse = true;
    result.n = 0;
    inflate = new_inflate(&result);
    g_assert_cmpint(imapid_inflate_data(inflate, deflated->data, deflated->len), ==,
                    IMAPID_INFLATE_STOPPED);
    g_assert_cmpuint(result.n, <=, IMAPID_INFLATE_PIECE);
    imapid_inflate_free(inflate);
    g_byte_array_free(deflated, TRUE);
    g_string_free(text, TRUE);
}

static void test_damage(void)
{
    GString *text = make_text(20);
    GByteArray *deflated = deflate_text(text, Z_SYNC_FLUSH, 100, 6, NULL);

    for (guint at = 0; at < deflated->len; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct result result = {g_string_new(NULL), 0, true, false};
            struct imapid_inflate *inflate = new_inflate(&result);

            deflated->data[at] ^= (guint8)(1 << bit);
            feed(inflate, deflated->data, deflated->len);
            deflated->data[at] ^= (guint8)(1 << bit);
            g_assert_nonnull(imapid_inflate_get_text(inflate));
            imapid_inflate_free(inflate);
            g_string_free(result.text, TRUE);
        }
    g_byte_array_free(deflated, TRUE);
    g_string_free(text, TRUE);
}

static void test_text(void)
{
    struct result result = {g_string_new(NULL), 0, true, false};
    struct imapid_inflate *inflate = new_inflate(&result);

    /* The first octet has block type 3, which there is none of. */
    feed(inflate, (const uint8_t *)"a1 OK not compressed at all\r\n", 29);
    feed(inflate, (const uint8_t *)"\xff\xff", 2);
    g_assert_cmpint(imapid_inflate_get_state(inflate), ==, IMAPID_INFLATE_DAMAGED);
    g_assert_cmpuint(result.n, ==, 0);
    imapid_inflate_free(inflate);
    g_string_free(result.text, TRUE);
}

static void test_gap(void)
{
    GString *text = make_text(20);
    GByteArray *deflated = deflate_text(text, Z_SYNC_FLUSH, 100, 6, NULL);
    struct result result = {g_string_new(NULL), 0, true, false};
    struct imapid_inflate *inflate = new_inflate(&result);
    gsize n;

    feed(inflate, deflated->data, deflated->len / 2);
    n = result.text->len;
    g_assert_true(g_str_has_prefix(text->str, result.text->str));
    g_assert_cmpint(imapid_inflate_gap(inflate), ==, IMAPID_INFLATE_LOST);
    feed(inflate, deflated->data + deflated->len / 2, deflated->len - deflated->len / 2);
    g_assert_cmpuint(result.text->len, ==, n);
    g_assert_cmpint(imapid_inflate_get_state(inflate), ==, IMAPID_INFLATE_LOST);
    imapid_inflate_free(inflate);
    imapid_inflate_free(NULL);
    g_byte_array_free(deflated, TRUE);
    g_string_free(result.text, TRUE);
    g_string_free(text, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inflate/flushes", test_flushes);
    g_test_add_func("/inflate/chunks", test_chunks);
    g_test_add_func("/inflate/end", test_end);
    g_test_add_func("/inflate/bomb", test_bomb);
    g_test_add_func("/inflate/damage", test_damage);
    g_test_add_func("/inflate/text", test_text);
    g_test_add_func("/inflate/gap", test_gap);
    return g_test_run();
}
