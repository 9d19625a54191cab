/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-secret.c: what of an ID, of a text and of a tag is told. tests/cli/test_secrets.py holds the
 * whole programs to it. */
#include "feed.h"

#include <imapid/secret.h>

#include <string.h>

/* An ID with these arguments (escaped), from an exact-size block, hidden; to be freed. */
static guint8 *make(enum imapid_side side, const char *args, struct imapid_unit *unit)
{
    char *line = g_strconcat(side == IMAPID_CLIENT ? "a1 ID" : "* ID", args, "\\r\\n", NULL);
    struct imapid_frame frame;
    gsize n, n_used;
    guint8 *octets = feed_unescape(line, &n), *block = g_memdup2(octets, n);

    imapid_frame_init(&frame, side, true);
    g_assert_cmpint(imapid_frame_read(&frame, block, n, unit, &n_used), ==, IMAPID_FRAME_UNIT);
    g_assert_cmpuint(n_used, ==, n);
    imapid_secret_hide(unit);
    g_free(octets);
    g_free(line);
    return block;
}

static void check(const char *args, const char *left)
{
    for (int side = IMAPID_CLIENT; side <= IMAPID_SERVER; side++) {
        struct imapid_unit unit;
        guint8 *block = make((enum imapid_side)side, args, &unit);
        gsize n_left, n;
        guint8 *expected = feed_unescape(left, &n_left), *all = feed_unescape(args, &n);

        g_assert_cmpmem(unit.data + unit.args.offset, unit.args.n, expected, n_left);
        g_assert_cmpuint(unit.args.n + unit.n_hidden, ==, n);
        g_free(all);
        g_free(expected);
        g_free(block);
    }
}

static void check_stays(const char *args)
{
    check(args, args);
}

static void test_stays(void)
{
    check_stays("");
    check_stays(" ");
    check_stays(" NIL");
    check_stays(" ()");
    check_stays(" (\"name\" \"x\" \"command\" \"LOGIN joe\")");
    check_stays(" (\"environment\" {16}\\r\\nLOGIN=joe\\r\\nA=B\\r\\n)");
    check_stays(" (\"environment\" {15}\\r\\na=b\\r\\na3 ID NIL\\r)");
    check_stays(" (name x)");
    check_stays(" name x");
    check_stays(" \"name\" \"x\" \"version\" \"1\"");
    check_stays(" (\"name\" \"x\"))");
    check_stays(" (\"name\" \"x\")+");
    check_stays(" (\"name\" \"x\")  ");
    check_stays(" (\"name\" \"x\") (\"version\" NIL \"a\\\\\"b\" \"c\")");
    check_stays(" \"NIL\"");
    check_stays(" )");
}

static void test_behind(void)
{
    check(" (\"name\" \"x\")a2 LOGIN joe secret", " (\"name\" \"x\")a2 LOGIN");
    check(" (\"name\" \"x\")a2LOGIN joe secret", " (\"name\" \"x\")a2LOGIN");
    check(" (\"name\" \"x\")LOGINjoe secret", " (\"name\" \"x\")LOGIN");
    check(" NIL a2 AUTHENTICATE PLAIN AGpvZQ==", " NIL a2 AUTHENTICATE");
    check(" NIL a2 NOOP a3 LOGIN joe secret", " NIL a2 NOOP");
    check(" () a2 {6+}\\r\\nsecret", " () ");
    check(" (\"name\" \"x\") joe secret", " (\"name\" \"x\") ");
    check(" (\"name\" \"x\") secret LOGIN joe", " (\"name\" \"x\") ");
    check(" (\"name\" \"x\") AGpvZQBzZWNyZXQ=", " (\"name\" \"x\") ");
    check(" (\"name\" \"x\") (\"joe\" secret)", " (\"name\" \"x\") ");
    check(" (\"name\" \"x\")) secret", " (\"name\" \"x\")) ");
    check(" (\"name\" \"x\")\\x00a2 LOGIN joe secret", " (\"name\" \"x\")");
}

static void test_instead(void)
{
    check(" login joe secret", " login");
    check(" a2 LOGIN joe secret", " a2 LOGIN");
    check(" joe secret", " ");
    check(" \"joe\" \"secret\"", " ");
    check(" AGpvZQBzZWNyZXQ=", " ");
    check(" {6+}\\r\\nsecret", " ");
}

/* Octets are missing behind what is no list. */
static void test_cut(void)
{
    static const struct {
        const char *line;
        size_t n_left;
    } cases[] = {{"a1 ID PLAINAGJvYgBacVhqVmtX", 0}, {"a1 ID (\"name\" \"Thunderb", 18}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct imapid_unit unit;

        imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)cases[i].line,
                         strlen(cases[i].line));
        unit.cut = true;
        imapid_secret_hide(&unit);
        g_assert_cmpuint(unit.args.n, ==, cases[i].n_left);
    }
}

static void test_inside(void)
{
    check(" (\"name\" \"x\" a2 LOGIN joe secret)", " (\"name\" \"x\" a2 LOGIN");
    check(" (\"name\" {9+}\\r\\nx\\r\\na2 LOGIN joe secret",
          " (\"name\" {9+}\\r\\nx\\r\\na2 LOGIN");
    check(" (\"name\" \"x a2 login joe secret", " (\"name\" \"x a2 login");
    check(" (\"name\" \"AGpvZQBzZWNyZXQ=", " (\"name\" \"");
    check(" (\"name\" x\\rAGpvZQBzZWNyZXQ=", " (\"name\" x\\r");
    check_stays(" (\"x-session-id\" \"AGpvZQBzZWNyZXQ=\")");
    check_stays(" (\"x-session-id\" \"AGpvZQBzZWNyZXQ=\"))");
    /* Closed by chance: the literal's count is too high. */
    check(" (\"name\" {25+}\\r\\nx)\\r\\na2 LOGIN joe secret\\r\\n)",
          " (\"name\" {25+}\\r\\nx)\\r\\na2 LOGIN");
}

/* What is hidden behind a list is a fault of its sender all the same. */
static void test_faults(void)
{
    static const char *const lists[] = {" (\"name\" \"x\") secret", " NIL secret", " (a b) secret"};

    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        struct imapid_unit unit;
        struct imapid_list list;
        struct imapid_pair pair;
        guint8 *block = make(IMAPID_CLIENT, lists[i], &unit);

        imapid_list_begin(&list, &unit);
        while (imapid_list_next(&list, &pair))
            ;
        g_assert_cmpuint(unit.n_hidden, ==, strlen("secret"));
        g_assert_true(list.faults & IMAPID_FAULT_TRAILING_DATA);
        g_free(block);
    }
}

static void check_text(const char *args, const char *text, const char *left)
{
    struct imapid_unit unit;
    guint8 *block = args ? make(IMAPID_CLIENT, args, &unit) : NULL;
    guint8 *octets = g_memdup2(text, strlen(text));
    size_t n = imapid_secret_measure_text(args ? &unit : NULL, octets, strlen(text));

    g_assert_cmpmem(octets, n, left, strlen(left));
    g_free(octets);
    g_free(block);
}

static void test_texts(void)
{
    static const char *const texts[] = {"",
                                        "ID completed (0.001 + 0.000 secs).",
                                        "Error in IMAP command ID: Missing '\"' (0.001).",
                                        "[CAPABILITY IMAP4rev1 AUTH=PLAIN] Unknown command",
                                        "no field \"version\"",
                                        "PASSWORD. Wrong password for joe, no PASSPORT AUTHOR x",
                                        "{x} {1 }"};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        check_text(NULL, texts[i], texts[i]);
    check_text(NULL, "what is LOGIN joe secret", "what is LOGIN");
    check_text(NULL, "what is a2LOGINjoe secret", "what is a2LOGIN");
    check_text(NULL, "PASS secret", "PASS");
    check_text(NULL, "unknown: XSETPASS joe secret", "unknown: XSETPASS");
    check_text(NULL, "unknown: a AUTH PLAIN secret", "unknown: a AUTH");
    check_text(NULL, "no \"joe\" \"secret\"", "no ");
    check_text(NULL, "no {3} joe {6} secret", "no ");
    check_text(NULL, "no AGpvZQBzZWNyZXQ= here", "no ");
    check_text(" NIL joe secret", "what is joe secret", "what is ");
    check_text(" NIL joe secret", "what is NIL", "what is NIL");
}

static void test_tags(void)
{
    static const char *const lines[][2] = {{"a1 ID NIL\r\n", "a1"},
                                           {"A00000001 ID NIL\r\n", "A00000001"},
                                           {"odd.TAG-1 ID NIL\r\n", "odd.TAG-1"},
                                           {"AGpvZQBzZWNyZXQ=a2 ID NIL\r\n", "(hidden)"}};

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        struct imapid_unit unit;
        const uint8_t *tag;
        size_t n;

        imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)lines[i][0], strlen(lines[i][0]));
        tag = imapid_secret_get_tag(&unit, &n);
        g_assert_cmpmem(tag, n, lines[i][1], strlen(lines[i][1]));
    }
}

/* A path is no answer of SASL, although it has small and capital letters and a slash. */
static void test_encoded(void)
{
    static const struct {
        const char *text;
        size_t at;
    } all[] = {
        {"Mailbox doesn't exist: Projects/Falcon (0.005 secs).", SIZE_MAX},
        {"no AGFsaWNlAHNlY3JldHBhc3N3b3Jk", 3},
        {"no YWxpY2U6c2VjcmV0cGFzc3dvcmQ=", 3},
        {"no YWxpY2U6c2VjcmV0cGFzc3dvc", 3},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        g_assert_cmpuint(
            imapid_secret_find_encoded((const uint8_t *)all[i].text, strlen(all[i].text)), ==,
            MIN(all[i].at, strlen(all[i].text)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/stays", test_stays);
    g_test_add_func("/secret/behind", test_behind);
    g_test_add_func("/secret/instead", test_instead);
    g_test_add_func("/secret/cut", test_cut);
    g_test_add_func("/secret/inside", test_inside);
    g_test_add_func("/secret/faults", test_faults);
    g_test_add_func("/secret/texts", test_texts);
    g_test_add_func("/secret/tags", test_tags);
    g_test_add_func("/secret/encoded", test_encoded);
    return g_test_run();
}
