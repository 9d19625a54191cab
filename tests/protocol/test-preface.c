/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of protocol/preface.c: conversations with proxies, shown in every size of piece, and what
 * only begins like one. */

#include <imapid/preface.h>

#include <glib.h>
#include <string.h>

#define SERVER 0
#define CLIENT 1

/* Behind the last octet of a preface stands one of these. */
#define REST_OF_CLIENT "a1 ID NIL\r\n"
#define REST_OF_SERVER "* OK IMAP4rev1\r\n"

#define N_SAYS 8

struct say {
    int side;
    const char *octets;
    size_t n;
};

struct sample {
    const char *name;
    uint16_t port;
    enum imapid_preface_status end; /* REFUSED: by the last say; NOT: all is taken off */
    struct say says[N_SAYS];        /* in the order of causes; n 0: no more */
};

#define C(text)                                                                                    \
    {                                                                                              \
        CLIENT, text, sizeof(text) - 1                                                             \
    }
#define S(text)                                                                                    \
    {                                                                                              \
        SERVER, text, sizeof(text) - 1                                                             \
    }

#define TO_143  "\5\1\0\1\xc0\0\2\1\0\x8f"
#define TO_NAME "\5\1\0\3\x0bmail.exampl\3\xe1"
#define TO_IPV6                                                                                    \
    "\5\1\0\4"                                                                                     \
    "0123456789abcdef"                                                                             \
    "\3\xe1"
#define GRANTED   "\5\0\0\1\0\0\0\0\0\0"
#define HEAD      "CONNECT mail.example:993 HTTP/1.1\r\nHost: mail.example:993\r\n\r\n"
#define HTTP_OK   "HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n"
#define HTTP_ASKS "HTTP/1.1 407 Who are you\r\nCONTENT-Length: 5\r\n\r\nhello"

static const struct sample samples[] = {
    {"nothing", 0, IMAPID_PREFACE_NOT, {{0}}},
    {"header 1", 0, IMAPID_PREFACE_NOT, {C("PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n")}},
    {"socks 4", 143, IMAPID_PREFACE_NOT, {C("\4\1\0\x8f\xc0\0\2\1me\0"), S("\0\x5a\0\0\0\0\0\0")}},
    {"socks 4a",
     143,
     IMAPID_PREFACE_NOT,
     {C("\4\1\0\x8f\0\0\0\1me\0mail.example\0"), S("\0\x5a\0\0\0\0\0\0")}},
    {"socks 4, refused",
     143,
     IMAPID_PREFACE_REFUSED,
     {C("\4\1\0\x8f\xc0\0\2\1\0"), S("\0\x5b\0\0\0\0\0\0")}},
    {"socks 5", 143, IMAPID_PREFACE_NOT, {C("\5\1\0"), S("\5\0"), C(TO_143), S(GRANTED)}},
    {"socks 5 to a name",
     993,
     IMAPID_PREFACE_NOT,
     {C("\5\2\0\2"), S("\5\0"), C(TO_NAME), S("\5\0\0\3\4name\0\1")}},
    {"socks 5 to IPv6",
     993,
     IMAPID_PREFACE_NOT,
     {C("\5\1\0"), S("\5\0"), C(TO_IPV6),
      S("\5\0\0\4"
        "0123456789abcdef"
        "\0\1")}},
    {"socks 5 with a password",
     143,
     IMAPID_PREFACE_NOT,
     {C("\5\2\0\2"), S("\5\2"), C("\1\2me\4word"), S("\1\0"), C(TO_143), S(GRANTED)}},
    {"socks 5 all at once", 143, IMAPID_PREFACE_NOT, {C("\5\1\0" TO_143), S("\5\0" GRANTED)}},
    {"socks 5, wrong password",
     0,
     IMAPID_PREFACE_REFUSED,
     {C("\5\1\2"), S("\5\2"), C("\1\2me\4word"), S("\1\1")}},
    {"socks 5, no method", 0, IMAPID_PREFACE_REFUSED, {C("\5\1\0"), S("\5\xff")}},
    {"socks 5, GSSAPI", 0, IMAPID_PREFACE_REFUSED, {C("\5\1\1"), S("\5\1")}},
    {"socks 5, refused",
     143,
     IMAPID_PREFACE_REFUSED,
     {C("\5\1\0"), S("\5\0"), C(TO_143), S("\5\5\0\1\0\0\0\0\0\0")}},
    {"socks 5, UDP", 0, IMAPID_PREFACE_REFUSED, {C("\5\1\0"), S("\5\0"), C("\5\3\0\1")}},
    {"connect", 993, IMAPID_PREFACE_NOT, {C(HEAD), S(HTTP_OK)}},
    {"connect, with an interim answer",
     993,
     IMAPID_PREFACE_NOT,
     {C(HEAD), S("HTTP/1.1 100 Continue\r\n\r\n" HTTP_OK)}},
    {"connect, bare LF",
     143,
     IMAPID_PREFACE_NOT,
     {C("CONNECT [::1]:143 HTTP/1.0\n\n"), S("HTTP/1.0 200 \n\n")}},
    {"connect, asked for a password",
     993,
     IMAPID_PREFACE_NOT,
     {C(HEAD), S(HTTP_ASKS), C(HEAD), S(HTTP_OK)}},
    {"connect, refused", 993, IMAPID_PREFACE_REFUSED, {C(HEAD), S("HTTP/1.1 403 no\r\n\r\n")}},
    {"connect, a body of unknown length",
     993,
     IMAPID_PREFACE_REFUSED,
     {C(HEAD), S("HTTP/1.1 407 no\r\nTransfer-Encoding: chunked\r\n\r\n")}},
    {"one inside another",
     143,
     IMAPID_PREFACE_NOT,
     {C("PROXY UNKNOWN\r\n" HEAD), S(HTTP_OK), C("\5\1\0"), S("\5\0"), C(TO_143), S(GRANTED)}},
};

/* These are octets of the protocol itself. */
static const struct say others[] = {
    C("CONNECT ID NIL\r\n"),
    C("CONNECTION OPEN\r\n"),
    C("C1 ID NIL\r\n"),
    C("\5\0\1"),
    C("\4\2\0\x8f"),
    S("HTTP/1.1 200 OK\r\n\r\n"),
    S("\0\x5a\0\0\0\0\0\0"),
    S("\5\0"),
    C("CONNECT a:1 HTTP/2\r\n\r\n"),
    C("PROXY TCP4 1.2.3.4\r\n"),
};

/* The octets of a side that were shown and not used. */
struct shown {
    GByteArray *left[2];
};

static enum imapid_preface_status show(struct imapid_preface *preface, struct shown *shown,
                                       int side, const char *octets, size_t n)
{
    enum imapid_preface_status status;
    size_t n_used = 0;

    g_byte_array_append(shown->left[side], (const guint8 *)octets, (guint)n);
    while ((status = imapid_preface_read(preface, side, shown->left[side]->data,
                                         shown->left[side]->len, &n_used)) == IMAPID_PREFACE_OK) {
        g_assert_cmpuint(n_used, >, 0);
        g_assert_cmpuint(n_used, <=, shown->left[side]->len);
        g_byte_array_remove_range(shown->left[side], 0, (guint)n_used);
    }
    return status;
}

static enum imapid_preface_status show_pieces(struct imapid_preface *preface, struct shown *shown,
                                              const struct say *say, size_t n_piece)
{
    enum imapid_preface_status status = IMAPID_PREFACE_MORE;

    for (size_t at = 0; at < say->n; at += n_piece)
        status = show(preface, shown, say->side, say->octets + at, MIN(n_piece, say->n - at));
    return status;
}

static void assert_rest(const struct shown *shown, int side, const char *rest)
{
    g_assert_cmpmem(shown->left[side]->data, shown->left[side]->len, rest, strlen(rest));
}

static void check(const struct sample *sample, size_t n_piece)
{
    struct imapid_preface preface = {0};
    struct shown shown = {{g_byte_array_new(), g_byte_array_new()}};
    enum imapid_preface_status status = IMAPID_PREFACE_MORE;

    g_test_message("%s, by %zu", sample->name, n_piece);
    for (unsigned i = 0; i < N_SAYS && sample->says[i].n; i++) {
        g_assert_cmpint(status, ==, IMAPID_PREFACE_MORE);
        status = show_pieces(&preface, &shown, &sample->says[i], n_piece);
    }
    if (sample->end == IMAPID_PREFACE_NOT) {
        const struct say client = C(REST_OF_CLIENT), server = S(REST_OF_SERVER);

        g_assert_cmpint(status, ==, IMAPID_PREFACE_MORE);
        status = show_pieces(&preface, &shown, &server, n_piece);
        g_assert_cmpint(status, ==, IMAPID_PREFACE_NOT);
        status = show_pieces(&preface, &shown, &client, n_piece);
        assert_rest(&shown, SERVER, REST_OF_SERVER);
        assert_rest(&shown, CLIENT, REST_OF_CLIENT);
    }
    g_assert_cmpint(status, ==, sample->end);
    g_assert_cmpuint(preface.port, ==, sample->port);
    g_byte_array_unref(shown.left[0]);
    g_byte_array_unref(shown.left[1]);
}

static void test_samples(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++)
        for (size_t n_piece = 1; n_piece < 200; n_piece += n_piece < 16 ? 1 : 50)
            check(&samples[i], n_piece);
}

static void test_others(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        for (size_t n_piece = 1; n_piece < 30; n_piece++) {
            struct imapid_preface preface = {0};
            struct shown shown = {{g_byte_array_new(), g_byte_array_new()}};

            g_assert_cmpint(show_pieces(&preface, &shown, &others[i], n_piece), ==,
                            IMAPID_PREFACE_NOT);
            g_assert_cmpuint(shown.left[others[i].side]->len, ==, others[i].n);
            g_byte_array_unref(shown.left[0]);
            g_byte_array_unref(shown.left[1]);
        }
}

/* A head without end is given up. */
static void test_endless(void)
{
    struct imapid_preface preface = {0};
    GByteArray *head = g_byte_array_new();
    size_t n_used;

    g_byte_array_append(head, (const guint8 *)HEAD, sizeof HEAD - 3);
    while (imapid_preface_read(&preface, true, head->data, head->len, &n_used) ==
           IMAPID_PREFACE_MORE) {
        g_assert_cmpuint(head->len, <, 5000);
        g_byte_array_append(head, (const guint8 *)"a: b\r\n", 6);
    }
    g_byte_array_unref(head);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/preface/samples", test_samples);
    g_test_add_func("/preface/others", test_others);
    g_test_add_func("/preface/endless", test_endless);
    return g_test_run();
}
