/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tests of protocol/decide.c: whose octets these are, and what is made of the first of both
 * directions. */
#include "feed.h"

#include <imapid/decide.h>

#include <string.h>

static void check_speaker(const char *escaped, bool at_start, enum imapid_speaker expected)
{
    gsize n;
    guint8 *octets = feed_unescape(escaped, &n);
    guint8 *block = g_memdup2(octets, n);

    g_assert_cmpint(imapid_decide_speaker(block, n, at_start), ==, expected);
    g_free(block);
    g_free(octets);
}

static void test_recognise(void)
{
    check_speaker("* OK ready\\r\\n", true, IMAPID_SPEAKER_SERVER);
    check_speaker("* PREAUTH x\\r\\n", true, IMAPID_SPEAKER_SERVER);
    check_speaker("* BYE busy\\r\\n", true, IMAPID_SPEAKER_SERVER);
    check_speaker("a1 CAPABILITY\\r\\n", true, IMAPID_SPEAKER_CLIENT);
    check_speaker("* O", true, IMAPID_SPEAKER_UNCLEAR);
    check_speaker("", true, IMAPID_SPEAKER_UNCLEAR);
    check_speaker("+OK POP3 ready\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("220 mail ESMTP\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("GET / HTTP/1.1\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("EHLO x\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("SSH-2.0-x\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("\\x16\\x03\\x01\\x02\\x00", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("a1 OK done\\r\\n", true, IMAPID_SPEAKER_NOBODY);
    check_speaker("a1 OK done\\r\\n", false, IMAPID_SPEAKER_SERVER);
    check_speaker("+ idling\\r\\n", false, IMAPID_SPEAKER_SERVER);
    check_speaker("the middle of a message", false, IMAPID_SPEAKER_UNCLEAR);
}

/* ---- a connection ---- */

enum { FIRST, SECOND };

/* Shows octets as they are read: each direction grows, and loses what is dropped. */
struct shown {
    struct imapid_decide decide;
    GByteArray *early[2];
};

static struct shown begin(bool from_start, int by_syn, int by_port)
{
    struct shown shown = {.early = {g_byte_array_new(), g_byte_array_new()}};

    imapid_decide_init(&shown.decide, from_start, false, by_syn, by_port);
    return shown;
}

static void end(struct shown *shown)
{
    g_byte_array_unref(shown->early[0]);
    g_byte_array_unref(shown->early[1]);
}

static void get_early(const struct shown *shown, struct imapid_decide_early early[2])
{
    for (int dir = 0; dir < 2; dir++)
        early[dir] = (struct imapid_decide_early){shown->early[dir]->data, shown->early[dir]->len};
}

static enum imapid_decide_status say_octets(struct shown *shown, int dir, const void *octets,
                                            size_t n)
{
    struct imapid_decide_early early[2];
    enum imapid_decide_status status;
    size_t n_drop;

    g_byte_array_append(shown->early[dir], (const guint8 *)octets, (guint)n);
    get_early(shown, early);
    status = imapid_decide_begin(&shown->decide, dir, early, &n_drop);
    g_assert_cmpuint(n_drop, <=, early[dir].n);
    g_byte_array_remove_range(shown->early[dir], 0, (guint)n_drop);
    return status;
}

static enum imapid_decide_status say(struct shown *shown, int dir, const char *octets)
{
    return say_octets(shown, dir, octets, strlen(octets));
}

#define assert_says(shown, dir, octets, expected)                                                  \
    g_assert_cmpint(say(shown, dir, octets), ==, IMAPID_DECIDE_##expected)

static void test_greeting(void)
{
    struct shown shown = begin(true, FIRST, -1);

    assert_says(&shown, SECOND, "* O", MORE);
    assert_says(&shown, SECOND, "K ready\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, FIRST);
    g_assert_true(shown.decide.is_greeted);
    end(&shown);

    shown = begin(true, FIRST, -1); /* not every client waits */
    assert_says(&shown, FIRST, "a1 ID NIL\r\n", MORE);
    assert_says(&shown, SECOND, "* OK ready\r\n", IMAP);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* a port does not make it IMAP */
    assert_says(&shown, SECOND, "+OK ready\r\n", NOT);
    end(&shown);

    shown = begin(true, FIRST,
                  FIRST); /* but for a server whose SYN was lost, and its greeting with that */
    shown.decide.is_half_seen = true;
    assert_says(&shown, FIRST, "a1 NOOP\r\n", MORE);
    assert_says(&shown, SECOND, "a1 OK done\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, FIRST);
    end(&shown);

    shown = begin(true, FIRST, -1); /* on another port nothing says so */
    shown.decide.is_half_seen = true;
    assert_says(&shown, SECOND, "a1 OK done\r\n", NOT);
    end(&shown);

    shown = begin(true, -1, SECOND); /* who speaks how outweighs a port */
    assert_says(&shown, FIRST, "a1 ID NIL\\r\\n", MORE);
    g_assert_cmpint(shown.decide.client, ==, FIRST);
    assert_says(&shown, SECOND, "* OK ready\\r\\n", IMAP);
    end(&shown);

    shown = begin(true, FIRST, -1);
    assert_says(&shown, FIRST, "* OK ready\r\n", NOT);
    end(&shown);
}

static void test_start_without_greeting(void)
{
    struct imapid_decide_early early[2];
    struct shown shown = begin(true, FIRST, -1);

    assert_says(&shown, FIRST, "a1 ID NIL\r\n", MORE);
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_last(&shown.decide, early), ==, IMAPID_DECIDE_IMAP);
    g_assert_false(shown.decide.is_greeted); /* an ID has to prove it */
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* the greeting is what is lost */
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_lost(&shown.decide, SECOND, early, true), ==, IMAPID_DECIDE_IMAP);
    g_assert_true(shown.decide.is_greeted);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* something else was to come first */
    g_assert_cmpint(imapid_decide_lost(&shown.decide, SECOND, early, false), ==,
                    IMAPID_DECIDE_MORE);
    g_assert_false(shown.decide.from_start);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* a part of it is: the client's octets are all there */
    assert_says(&shown, SECOND, "* ", MORE);
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_lost(&shown.decide, SECOND, early, true), ==, IMAPID_DECIDE_IMAP);
    g_assert_true(shown.decide.is_greeted);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* of the client something came first */
    assert_says(&shown, FIRST, "a", MORE);
    assert_says(&shown, SECOND, "* ", MORE);
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_lost(&shown.decide, SECOND, early, true), ==, IMAPID_DECIDE_MORE);
    assert_says(&shown, FIRST, "1 NOOP\r\n", IMAP);
    g_assert_true(shown.decide.is_greeted);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* a stranger's copy of the greeting came first */
    assert_says(&shown, SECOND, "* what is this\r\n", MORE);
    assert_says(&shown, FIRST, "a1 ", MORE);
    assert_says(&shown, FIRST, "NOOP\r\n", IMAP);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* the client speaks no IMAP to it */
    assert_says(&shown, SECOND, "* what is this\r\n", MORE);
    assert_says(&shown, FIRST, "QUIT\r\n", NOT);
    end(&shown);

    shown = begin(true, FIRST, FIRST); /* what the server says first may yet be a greeting */
    assert_says(&shown, FIRST, "a1 NOOP\r\n", MORE);
    assert_says(&shown, SECOND, "*", MORE);
    end(&shown);

    shown = begin(true, FIRST, -1); /* on no port of IMAP nobody waits */
    assert_says(&shown, SECOND, "* what is this\r\n", NOT);
    end(&shown);

    shown = begin(true, FIRST, -1); /* on another port, too; it has to be a command */
    assert_says(&shown, SECOND, "* ", MORE);
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_lost(&shown.decide, SECOND, early, true), ==, IMAPID_DECIDE_MORE);
    assert_says(&shown, FIRST, "hello\r\n", MORE);
    assert_says(&shown, FIRST, "a1 NOOP\r\n", IMAP);
    g_assert_true(shown.decide.is_greeted);
    end(&shown);

    shown = begin(true, FIRST, -1); /* octets of the client are missing as well */
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_lost(&shown.decide, FIRST, early, true), ==, IMAPID_DECIDE_MORE);
    assert_says(&shown, FIRST, "a1 NOOP\r\n", IMAP);
    g_assert_false(shown.decide.is_greeted);
    end(&shown);
}

static void test_middle(void)
{
    struct shown shown = begin(false, -1, -1);

    assert_says(&shown, FIRST, "of a message\r\nand more\r\n", MORE);
    g_assert_cmpuint(shown.early[FIRST]->len, ==, 0);
    assert_says(&shown, FIRST, "* 3 EXISTS\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, SECOND);
    end(&shown);

    shown = begin(false, SECOND, -1); /* what is said does not outweigh the SYN */
    assert_says(&shown, SECOND, "* 3 EXISTS\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, SECOND);
    end(&shown);

    shown = begin(false, -1, FIRST);
    assert_says(&shown, SECOND, "of a message\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, FIRST);
    end(&shown);
}

/* One side may carry a message that looks like anything; both do not. */
static void test_port_of_a_client(void)
{
    struct imapid_decide_early early[2];
    struct shown shown = begin(false, -1, FIRST);

    assert_says(&shown, FIRST, "* 3 EXISTS\r\n", MORE);
    get_early(&shown, early);
    g_assert_cmpint(imapid_decide_last(&shown.decide, early), ==, IMAPID_DECIDE_IMAP);
    g_assert_cmpint(shown.decide.client, ==, FIRST);
    end(&shown);

    shown = begin(false, -1, FIRST);
    assert_says(&shown, FIRST, "* 3 EXISTS\r\n", MORE);
    assert_says(&shown, SECOND, "a1 NOOP\r\n", IMAP);
    g_assert_cmpint(shown.decide.client, ==, SECOND);
    end(&shown);
}

static enum imapid_decide_status unproven(struct shown *shown, int dir, const char *octets)
{
    return imapid_decide_unproven(&shown->decide, dir, (const uint8_t *)octets, strlen(octets));
}

static void test_turned(void)
{
    struct shown shown = begin(false, -1, -1);

    assert_says(&shown, FIRST, "a1 NOOP\r\n", IMAP);
    g_assert_cmpint(unproven(&shown, FIRST, "of a message\r\n"), ==, IMAPID_DECIDE_IMAP);
    g_assert_cmpint(unproven(&shown, FIRST, "* 3 EXISTS\r\n"), ==, IMAPID_DECIDE_TURNED);
    g_assert_cmpint(shown.decide.client, ==, SECOND);
    end(&shown);

    shown = begin(false, -1, FIRST);
    assert_says(&shown, FIRST, "of a message\r\n", IMAP);
    g_assert_cmpint(unproven(&shown, FIRST, "* 3 EXISTS\r\n"), ==, IMAPID_DECIDE_IMAP);
    g_assert_cmpint(unproven(&shown, SECOND, "a1 NOOP\r\n"), ==, IMAPID_DECIDE_TURNED);
    end(&shown);
}

/* Octets that decide nothing end it, with and without line ends. */
static void test_patience(void)
{
    static const char *const noise[] = {"of a message, which is long\r\n", "without an end"};

    for (size_t i = 0; i < G_N_ELEMENTS(noise); i++) {
        struct shown shown = begin(false, -1, -1);
        size_t n = 0;

        while (say(&shown, FIRST, noise[i]) == IMAPID_DECIDE_MORE) {
            n += strlen(noise[i]);
            g_assert_cmpuint(n, <, 2 * IMAPID_DECIDE_PATIENCE);
            g_assert_cmpuint(shown.early[FIRST]->len, <=, IMAPID_DECIDE_EARLY_MAX);
        }
        g_assert_cmpuint(n, >, IMAPID_DECIDE_PATIENCE / 2);
        end(&shown);
    }
}

static void test_ports(void)
{
    g_assert_cmpint(imapid_decide_client_by_port(50000, 143), ==, 0);
    g_assert_cmpint(imapid_decide_client_by_port(993, 50000), ==, 1);
    g_assert_cmpint(imapid_decide_client_by_port(993, 143), ==, -1);
    g_assert_cmpint(imapid_decide_client_by_port(1, 2), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decide/speaker", test_recognise);
    g_test_add_func("/decide/greeting", test_greeting);
    g_test_add_func("/decide/start-without-greeting", test_start_without_greeting);
    g_test_add_func("/decide/middle", test_middle);
    g_test_add_func("/decide/port-of-a-client", test_port_of_a_client);
    g_test_add_func("/decide/turned", test_turned);
    g_test_add_func("/decide/patience", test_patience);
    g_test_add_func("/decide/ports", test_ports);
    return g_test_run();
}
