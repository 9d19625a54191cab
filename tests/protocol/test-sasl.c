/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of protocol/sasl.c: messages of a security layer, in every size of piece, and what is not
 * readable. */

#include <imapid/sasl.h>

#include <glib.h>
#include <string.h>

static void add_message(GByteArray *octets, const char *text, gsize n)
{
    const guint8 length[4] = {0, 0, (guint8)((n + 16) >> 8), (guint8)(n + 16)};
    static const guint8 mac[16] = {0x88, 0x8f, 0, 1, '\r', '\n', 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 7};

    g_byte_array_append(octets, length, sizeof length);
    g_byte_array_append(octets, (const guint8 *)text, (guint)n);
    g_byte_array_append(octets, mac, sizeof mac);
}

/* What comes out, shown by `n_piece` octets. */
static char *read_all(const GByteArray *octets, gsize n_piece, bool *is_closed)
{
    struct imapid_sasl sasl = {.is_closed = false};
    GString *out = g_string_new(NULL);

    for (gsize at = 0; at < octets->len; at += n_piece) {
        gsize n = MIN(n_piece, octets->len - at), used = 0, n_used;
        guint8 *block = g_memdup2(octets->data + at, n);
        struct imapid_slice text;

        while (imapid_sasl_read(&sasl, block + used, n - used, &n_used, &text)) {
            g_assert_cmpuint(n_used, <=, n - used);
            g_assert_cmpuint(text.offset + text.n, ==, n_used);
            g_string_append_len(out, (const char *)block + used + text.offset, (gssize)text.n);
            used += n_used;
        }
        g_assert_cmpuint(n_used, ==, n - used);
        g_free(block);
    }
    *is_closed = sasl.is_closed;
    return g_string_free(out, FALSE);
}

static void check(const GByteArray *octets, const char *expected, bool is_closed)
{
    for (gsize n_piece = 1; n_piece < octets->len + 2; n_piece += n_piece < 30 ? 1 : 100) {
        bool closed;
        char *out = read_all(octets, n_piece, &closed);

        g_assert_cmpint(closed, ==, is_closed);
        if (!closed)
            g_assert_cmpstr(out, ==, expected);
        g_free(out);
    }
}

static void test_messages(void)
{
    GByteArray *octets = g_byte_array_new();
    char *text = g_strnfill(3000, 'x'), *all;

    add_message(octets, "a1 OK in\r\n", 10);
    add_message(octets, "", 0);
    add_message(octets, "* ID NIL\r\na2 ", 13);
    add_message(octets, "OK\r\n", 4);
    check(octets, "a1 OK in\r\n* ID NIL\r\na2 OK\r\n", false);
    add_message(octets, text, 3000);
    add_message(octets, "\xc3\x9c", 2); /* a message may hold anything */
    g_free(text);
    text = g_strnfill(3000, 'x');
    all = g_strconcat("a1 OK in\r\n* ID NIL\r\na2 OK\r\n", text, "\xc3\x9c", NULL);
    check(octets, all, false);
    g_free(all);
    g_free(text);
    g_byte_array_unref(octets);
}

static void test_closed(void)
{
    static const struct {
        const char *octets;
        gsize n;
    } closed[] = {
        {"\0\0\0\x0f", 4}, /* shorter than what stands behind the text */
        {"\1\0\0\x20", 4}, /* longer than any */
        {"\0\0\0\x20"
         "a1 \x93OK",
         10}, /* encrypted */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(closed); i++) {
        GByteArray *octets = g_byte_array_new();

        g_byte_array_append(octets, (const guint8 *)closed[i].octets, (guint)closed[i].n);
        check(octets, "", true);
        g_byte_array_unref(octets);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sasl/messages", test_messages);
    g_test_add_func("/sasl/closed", test_closed);
    return g_test_run();
}
