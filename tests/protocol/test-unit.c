/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-unit.c: how first lines are read, and which beginnings of lines are plausible. */
#include "feed.h"

#include <string.h>

/* Reads a line from an exact-size block and writes it as "kind tag|name|args". */
static char *read_line(enum imapid_side side, const char *escaped)
{
    static const char *const kinds[] = {"junk",     "command", "continued",
                                        "untagged", "tagged",  "continuation"};
    gsize n;
    guint8 *octets = feed_unescape(escaped, &n);
    guint8 *block = g_malloc(n);
    struct imapid_unit unit;
    char *text;

    if (n)
        memcpy(block, octets, n);
    imapid_unit_read(&unit, side, block, n);
    g_assert_true(unit.data == block && unit.n == n);
    text = g_strdup_printf(
        "%s%s %.*s|%.*s|%.*s", kinds[unit.kind], unit.word == IMAPID_WORD_UNKNOWN ? "" : "!",
        (int)unit.tag.n, (char *)block + unit.tag.offset, (int)unit.name.n,
        (char *)block + unit.name.offset, (int)unit.args.n, (char *)block + unit.args.offset);
    g_free(block);
    g_free(octets);
    return text;
}

static void check(enum imapid_side side, const char *line, const char *expected)
{
    char *text = read_line(side, line);

    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

static void test_commands(void)
{
    check(IMAPID_CLIENT, "a1 ID (\"name\" \"x\")\\r\\n", "command! a1|ID| (\"name\" \"x\")");
    check(IMAPID_CLIENT, "a1 id NIL\\n", "command! a1|id| NIL");
    check(IMAPID_CLIENT, "a1 ID", "command! a1|ID|");
    check(IMAPID_CLIENT, "a1 ID(\"name\" \"x\")", "command! a1|ID|(\"name\" \"x\")");
    check(IMAPID_CLIENT, "a1 \"ID\" (\"a\" \"b\")", "command! a1|ID| (\"a\" \"b\")");
    check(IMAPID_CLIENT, "a1  \\tID NIL", "command! a1|ID| NIL");
    check(IMAPID_CLIENT, "a]1 IDLE\\r\\n", "command! a]1|IDLE|");
    check(IMAPID_CLIENT, "a1 XYZZY foo", "command a1|XYZZY| foo");
    check(IMAPID_CLIENT, "a1 UID FETCH 1 ALL", "command! a1|UID| FETCH 1 ALL");
}

/* A command name is none of a response and the other way round. */
static void test_words_have_their_side(void)
{
    check(IMAPID_CLIENT, "a1 OK done", "command a1|OK| done");
    check(IMAPID_CLIENT, "a1 EXISTS", "command a1|EXISTS|");
    check(IMAPID_SERVER, "* LOGIN x", "untagged |LOGIN| x");
    check(IMAPID_SERVER, "a1 ID (\"name\" \"x\")", "junk ||");
    check(IMAPID_SERVER, "a1 BYE", "junk ||");
    check(IMAPID_SERVER, "a1 PREAUTH", "junk ||");
    check(IMAPID_CLIENT, "* ID NIL", "junk ||");
}

static void test_responses(void)
{
    check(IMAPID_SERVER, "* ID (\"name\" \"x\")\\r\\n", "untagged! |ID| (\"name\" \"x\")");
    check(IMAPID_SERVER, "*  ID NIL\\r\\n", "untagged! |ID| NIL");
    check(IMAPID_SERVER, "* 12 FETCH (UID 5)", "untagged! |FETCH| (UID 5)");
    check(IMAPID_SERVER, "* 3 EXISTS\\r\\n", "untagged! |EXISTS|");
    check(IMAPID_SERVER, "* 3", "untagged |3|");
    check(IMAPID_SERVER, "* OK [CAPABILITY IMAP4rev1] hi",
          "untagged! |OK| [CAPABILITY IMAP4rev1] hi");
    check(IMAPID_SERVER, "a1 OK done", "tagged! a1|OK| done");
    check(IMAPID_SERVER, "a1 ok", "tagged! a1|ok|");
    check(IMAPID_SERVER, "a1 BAD\\r\\n", "tagged! a1|BAD|");
    check(IMAPID_SERVER, "+ go ahead\\r\\n", "continuation || go ahead");
    check(IMAPID_SERVER, "+\\r\\n", "continuation ||");
    check(IMAPID_SERVER, "+", "continuation ||");
}

static void test_junk(void)
{
    static const char *const lines[] = {"",
                                        "\\r\\n",
                                        "\\n",
                                        "\\r",
                                        "a1",
                                        "a1 ",
                                        "a1  \\r\\n",
                                        " a",
                                        "*",
                                        "* ",
                                        "*\\r\\n",
                                        "a+1 ID NIL",
                                        "\\x00\\xff ID NIL",
                                        "(a ID NIL",
                                        "a1 \"",
                                        "a1 \"ID (x"};

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        check(IMAPID_CLIENT, lines[i], "junk ||");
        if (lines[i][0] != '+')
            check(IMAPID_SERVER, lines[i], "junk ||");
    }
}

static char *long_tag(gsize n)
{
    char *tag = g_strnfill(n, 't');
    char *line = g_strconcat(tag, " ID NIL", NULL);

    g_free(tag);
    return line;
}

static void test_tag_limit(void)
{
    char *fits = long_tag(IMAPID_TAG_MAX), *too_long = long_tag(IMAPID_TAG_MAX + 1);
    char *text = read_line(IMAPID_CLIENT, fits);

    g_assert_true(g_str_has_prefix(text, "command! t"));
    check(IMAPID_CLIENT, too_long, "junk ||");
    g_free(text);
    g_free(fits);
    g_free(too_long);
}

static struct imapid_tag tag_of(const char *line)
{
    struct imapid_unit unit;

    imapid_unit_read(&unit, IMAPID_CLIENT, (const guint8 *)line, strlen(line));
    return imapid_unit_tag(&unit);
}

static void test_tags(void)
{
    struct imapid_tag a = tag_of("a1 NOOP"), same = tag_of("a1 ID NIL"), other = tag_of("A1 NOOP");
    struct imapid_tag longer = tag_of("0123456789abcdefX NOOP"),
                      long_other = tag_of("0123456789abcdefY NOOP");

    g_assert_true(imapid_tag_same(&a, &same));
    g_assert_false(imapid_tag_same(&a, &other)); /* case matters */
    g_assert_false(imapid_tag_same(&longer, &long_other));
}

static void test_text(void)
{
    static const char line[] = "a1 OK  done {5}\r\n";
    struct imapid_unit unit;
    struct imapid_slice text;

    imapid_unit_read(&unit, IMAPID_SERVER, (const guint8 *)line, sizeof line - 1);
    text = imapid_unit_text(&unit);
    g_assert_cmpuint(text.offset, ==, 7);
    g_assert_cmpuint(text.n, ==, strlen("done {5}"));
}

static void test_capabilities(void)
{
    static const struct {
        const char *line, *list; /* NULL: it tells none */
    } cases[] = {
        {"* CAPABILITY IMAP4rev1 ID\r\n", " IMAP4rev1 ID"},
        {"* CAPABILITY\r\n", ""},
        {"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n", "IMAP4rev1 ID"},
        {"* PREAUTH [capability ID]\r\n", "ID"},
        {"a OK [CAPABILITY ] in\r\n", ""},
        {"a OK [CAPABILITY ID\r\n", NULL},
        {"a OK [CAPABILITY] in\r\n", NULL},
        {"a OK in [CAPABILITY ID]\r\n", NULL},
        {"a OK\r\n", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t n = strlen(cases[i].line);
        guint8 *line = g_memdup2(cases[i].line, n); /* exact size */
        struct imapid_slice list = {0, 0};
        struct imapid_unit unit;

        imapid_unit_read(&unit, IMAPID_SERVER, line, n);
        g_assert_true(imapid_unit_capabilities(&unit, &list) == (cases[i].list != NULL));
        if (cases[i].list)
            g_assert_cmpmem(line + list.offset, list.n, cases[i].list, strlen(cases[i].list));
        g_free(line);
    }
}

static void test_opaque(void)
{
    static const char *const opaque[] = {"* OK x", "* NO x",      "* BAD x", "* BYE x",
                                         "+ x",    "* PREAUTH x", "a OK x",  "a NO x"};
    static const char *const open[] = {"* ID NIL", "* 1 FETCH (X", "* LIST () x"};
    struct imapid_unit unit;

    for (guint i = 0; i < G_N_ELEMENTS(opaque); i++) {
        imapid_unit_read(&unit, IMAPID_SERVER, (const guint8 *)opaque[i], strlen(opaque[i]));
        g_assert_true(imapid_unit_is_opaque(&unit));
    }
    for (guint i = 0; i < G_N_ELEMENTS(open); i++) {
        imapid_unit_read(&unit, IMAPID_SERVER, (const guint8 *)open[i], strlen(open[i]));
        g_assert_false(imapid_unit_is_opaque(&unit));
    }
}

static enum imapid_plausible plausible(enum imapid_side side, const char *line, gsize n)
{
    guint8 *block = g_malloc(n);
    enum imapid_plausible answer;

    if (n)
        memcpy(block, line, n);
    answer = imapid_unit_plausible(side, block, n);
    g_free(block);
    return answer;
}

/* The answer to a line's beginnings is MORE up to some octet and then what it stays. */
static void check_plausible(enum imapid_side side, const char *escaped,
                            enum imapid_plausible expected)
{
    gsize n, i = 0;
    guint8 *line = feed_unescape(escaped, &n);

    while (i < n && plausible(side, (char *)line, i) == IMAPID_PLAUSIBLE_MORE)
        i++;
    for (; i < n; i++)
        g_assert_cmpint(plausible(side, (char *)line, i), ==, expected);
    g_assert_cmpint(plausible(side, (char *)line, n), ==, expected);
    g_free(line);
}

static void test_plausible(void)
{
    check_plausible(IMAPID_CLIENT, "a1 ID (\"x\" NIL)\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_CLIENT, "a1 ID(\"x\" NIL)\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_CLIENT, "12 noop\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_SERVER, "* 23 FETCH (UID 7)\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_SERVER, "* ID NIL\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_SERVER, "a1 OK\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_SERVER, "+ go\\r\\n", IMAPID_PLAUSIBLE_YES);
    check_plausible(IMAPID_SERVER, "+\\r\\n", IMAPID_PLAUSIBLE_YES);
}

static void test_implausible(void)
{
    static const char *const lines[] = {"Dear reader, ID is\\r\\n",
                                        "a1 IDENT x\\r\\n",
                                        "Subject: x\\r\\n",
                                        "\\r\\n",
                                        "hello\\r\\n",
                                        "DONE\\r\\n",
                                        "AGpvZQBzZWNyZXQ=\\r\\n",
                                        "> a1 ID NIL\\r\\n",
                                        "-- \\r\\n",
                                        "a1 XYZZY\\r\\n",
                                        "a1 ID\\x00\\r\\n",
                                        "+++ b/file\\r\\n",
                                        "\\x16\\x03\\x01\\r\\n",
                                        "the login\\x80\\r\\n"};

    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        check_plausible(IMAPID_CLIENT, lines[i], IMAPID_PLAUSIBLE_NO);
        check_plausible(IMAPID_SERVER, lines[i], IMAPID_PLAUSIBLE_NO);
    }
}

/* What more octets say never changes an answer: else it would depend on where segments end. */
static void test_plausible_is_final(void)
{
    static const char *const parts[] = {"a",  "1",  " ",     "\t", "*",    "+",
                                        "\r", "\n", "\"",    "ID", "NOOP", "OK",
                                        "(",  "12", "FETCH", ".",  "]",    "\xff"};

    for (int i = 0; i < 200000; i++) {
        enum imapid_side side = g_test_rand_bit() ? IMAPID_CLIENT : IMAPID_SERVER;
        enum imapid_plausible before = IMAPID_PLAUSIBLE_MORE;
        GString *line = g_string_new(NULL);

        for (int n = g_test_rand_int_range(1, 9); n > 0; n--)
            g_string_append(line, parts[g_test_rand_int_range(0, G_N_ELEMENTS(parts))]);
        for (gsize n = 0; n <= line->len; n++) {
            enum imapid_plausible now = imapid_unit_plausible(side, (const guint8 *)line->str, n);

            if (before != IMAPID_PLAUSIBLE_MORE && now != before)
                g_error("%d, then %d at %zu of %s", before, now, n, line->str);
            before = now;
        }
        g_string_free(line, TRUE);
    }
}

/* It never asks for more than 256 octets. */
static void test_plausible_is_bounded(void)
{
    char *line = g_strnfill(1000, 'a');

    g_assert_cmpint(plausible(IMAPID_CLIENT, line, 255), ==, IMAPID_PLAUSIBLE_MORE);
    g_assert_cmpint(plausible(IMAPID_CLIENT, line, 256), ==, IMAPID_PLAUSIBLE_NO);
    g_assert_cmpint(plausible(IMAPID_SERVER, line, 1000), ==, IMAPID_PLAUSIBLE_NO);
    g_free(line);
}

/* Every word of the table is found, in any case, on its side, and no neighbour of it is. */
static void test_words(void)
{
    static const char *const spellings[] = {
#define IMAPID_WORD(symbol, spelling, where) spelling,
#include <imapid/words.def>
#undef IMAPID_WORD
    };

    for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) {
        char *lower = g_ascii_strdown(spellings[i], -1);
        char *lines[] = {g_strconcat("* ", spellings[i], NULL), g_strconcat("a ", lower, NULL),
                         g_strconcat("* ", spellings[i], "X", NULL)};
        struct imapid_unit untagged, command, neighbour;

        imapid_unit_read(&untagged, IMAPID_SERVER, (guint8 *)lines[0], strlen(lines[0]));
        imapid_unit_read(&command, IMAPID_CLIENT, (guint8 *)lines[1], strlen(lines[1]));
        imapid_unit_read(&neighbour, IMAPID_SERVER, (guint8 *)lines[2], strlen(lines[2]));
        g_assert_true(untagged.word == i + 1 || command.word == i + 1);
        g_assert_true(neighbour.word != i + 1);
        if (i)
            g_assert_cmpstr(spellings[i - 1], <, spellings[i]);
        for (guint k = 0; k < G_N_ELEMENTS(lines); k++)
            g_free(lines[k]);
        g_free(lower);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unit/commands", test_commands);
    g_test_add_func("/unit/words-have-their-side", test_words_have_their_side);
    g_test_add_func("/unit/responses", test_responses);
    g_test_add_func("/unit/junk", test_junk);
    g_test_add_func("/unit/tag-limit", test_tag_limit);
    g_test_add_func("/unit/tags-compare-by-case", test_tags);
    g_test_add_func("/unit/text", test_text);
    g_test_add_func("/unit/capabilities", test_capabilities);
    g_test_add_func("/unit/opaque", test_opaque);
    g_test_add_func("/unit/plausible", test_plausible);
    g_test_add_func("/unit/implausible", test_implausible);
    g_test_add_func("/unit/plausible-is-final", test_plausible_is_final);
    g_test_add_func("/unit/plausible-is-bounded", test_plausible_is_bounded);
    g_test_add_func("/unit/words-are-sorted-and-found", test_words);
    return g_test_run();
}
