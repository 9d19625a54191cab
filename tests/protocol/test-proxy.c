/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of protocol/proxy.c: headers shown octet by octet, and what only begins like one. */

#include <imapid/proxy.h>

#include <glib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

struct sample {
    const char *octets;
    size_t n;
    uint8_t family; /* of the address that is named; 0: none */
    const char *address;
    uint16_t port;
};

#define SAMPLE(text, ...)                                                                          \
    {                                                                                              \
        text, sizeof(text) - 1, __VA_ARGS__                                                        \
    }

static const struct sample headers[] = {
    SAMPLE("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n", 4, "\xc0\0\2\1", 56324),
    SAMPLE("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n", 6, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1",
           1),
    SAMPLE("PROXY UNKNOWN\r\n", 0, NULL, 0),
    SAMPLE("PROXY UNKNOWN ffff:f...f:ffff 65535\r\n", 0, NULL, 0),
    SAMPLE(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\0\x8f", 4, "\xc0\0\2\1", 56324),
    /* with a value of another kind behind the addresses */
    SAMPLE(SIGNATURE "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\2\xdc\4\0\x8f\4\0\1x", 4, "\xc0\0\2\1",
           56324),
    SAMPLE(SIGNATURE "\x21\x21\0\x24"
                     "0123456789abcdef"
                     "0123456789abcdef"
                     "\0\1\0\x8f",
           6, "0123456789abcdef", 1),
    SAMPLE(SIGNATURE "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\0\x8f", 0, NULL, 0), /* LOCAL */
    SAMPLE(SIGNATURE "\x21\0\0\0", 0, NULL, 0),
    SAMPLE(SIGNATURE "\x21\x12\0\x0c............", 0, NULL, 0), /* UDP */
    SAMPLE(SIGNATURE "\x21\x11\0\x0b...........", 0, NULL, 0),  /* too short for what it says */
};

static const struct sample others[] = {
    SAMPLE("a1 ID NIL\r\n", 0, NULL, 0),
    SAMPLE("PROXY1 ID NIL\r\n", 0, NULL, 0),
    SAMPLE("PROXY ID NIL\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143 x\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 192.0.2.1 198.51.100.2 65536 143\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 192.0.2.256 198.51.100.2 1 143\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 ::1 ::1 1 143\r\n", 0, NULL, 0),
    SAMPLE("PROXY TCP4 192.0.2.1 198.51.100.2 1 143\n", 0, NULL, 0),
    SAMPLE("PROXY UNKNOWN\0\r\n", 0, NULL, 0),
    SAMPLE(SIGNATURE "\x31\x11\0\x0c............", 0, NULL, 0), /* version 3 */
    SAMPLE(SIGNATURE "\x22\x11\0\x0c............", 0, NULL, 0), /* no command */
    SAMPLE(SIGNATURE "\x21\x11\xff\xff............", 0, NULL, 0),
};

/* Octets in a block of their exact size */
static enum imapid_proxy_status parse(const char *octets, size_t n,
                                      struct imapid_proxy_header *header)
{
    uint8_t *copy = g_memdup2(octets, n);
    enum imapid_proxy_status status = imapid_proxy_parse(copy, n, header);
    g_free(copy);
    return status;
}

static void test_headers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        const struct sample *sample = &headers[i];
        struct imapid_proxy_header header;
        GString *followed = g_string_new_len(sample->octets, (gssize)sample->n);
        for (size_t n = 1; n < sample->n; n++)
            g_assert_cmpint(parse(sample->octets, n, &header), ==, IMAPID_PROXY_MORE);
        for (int more = 0; more < 2; more++) {
            g_assert_cmpint(parse(followed->str, followed->len, &header), ==, IMAPID_PROXY_OK);
            g_assert_cmpuint(header.n, ==, sample->n);
            g_assert_cmpuint(header.family, ==, sample->family);
            g_assert_cmpuint(header.port, ==, sample->port);
            if (sample->family)
                g_assert_cmpmem(header.address, sample->family == 4 ? 4u : 16u, sample->address,
                                sample->family == 4 ? 4u : 16u);
            g_string_append(followed, "a1 NOOP\r\n");
        }
        g_string_free(followed, TRUE);
    }
}

static void test_others(void)
{
    struct imapid_proxy_header header;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_cmpint(parse(others[i].octets, others[i].n, &header), ==, IMAPID_PROXY_NOT);
    /* a line that does not end where it must */
    char line[200];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    g_assert_cmpint(parse(line, 106, &header), ==, IMAPID_PROXY_MORE);
    g_assert_cmpint(parse(line, 107, &header), ==, IMAPID_PROXY_NOT);
    memcpy(line + 105, "\r\n", 2);
    g_assert_cmpint(parse(line, 200, &header), ==, IMAPID_PROXY_OK);
    memcpy(line + 106, "\r\n", 2);
    g_assert_cmpint(parse(line, 200, &header), ==, IMAPID_PROXY_NOT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/protocol/proxy/headers", test_headers);
    g_test_add_func("/protocol/proxy/others", test_others);
    return g_test_run();
}
