/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-frame.c: where units begin and end in one direction, in every segmentation. */
#include "feed.h"

#include <string.h>

static void client(const char *text, const char *expected)
{
    feed_frame_check(text, IMAPID_CLIENT, true, expected);
}

static void server(const char *text, const char *expected)
{
    feed_frame_check(text, IMAPID_SERVER, true, expected);
}

static void test_lines(void)
{
    client("C: a1 CAPABILITY\n"
           "C: a2 ID (\"name\" \"x\")\n"
           "C: a3 NOOP\n",
           "command a1|CAPABILITY||\n"
           "command a2|ID| (\"name\" \"x\")|\n"
           "command a3|NOOP||\n");
    server("S: * OK hi\n"
           "S: * ID NIL\n"
           "S: + go\n"
           "S: a1 OK done\n"
           "S: rubbish\n",
           "untagged |OK| hi|\n"
           "untagged |ID| NIL|\n"
           "continuation || go|\n"
           "tagged a1|OK| done|\n"
           "junk |||\n");
}

static void test_bare_newline(void)
{
    client("C. a1 ID NIL\\na2 ID (\"a\" {1}\\r\\nx)\\na3 NOOP\\r\\n\\n\\r\\n",
           "command a1|ID| NIL| bare\n"
           "command a2|ID| (\"a\" {1}\\x0d\\x0ax)| bare\n"
           "command a3|NOOP||\n"
           "junk ||| bare\n"
           "junk |||\n");
}

/* The list reaches over the literals, CRLF and quotes in them included. */
static void test_id_with_literals(void)
{
    client("C: a1 ID ({4}\n"
           "C: name {12+}\n"
           "C. \")\\r\\na2 ID NIL\n" /* 12 octets */
           "C:  \"version\" ~{0}\n"
           "C: )\n"
           "C: a3 NOOP\n",
           "command a1|ID| ({4}\\x0d\\x0aname {12+}\\x0d\\x0a\")\\x0d\\x0aa2 ID NIL \"version\" "
           "~{0}\\x0d\\x0a)|\n"
           "command a3|NOOP||\n");
}

/* Literals of other commands are passed over, decoys in them included. */
static void test_append(void)
{
    client("C: a1 APPEND INBOX (\\\\Seen) {22}\n"
           "C. d1 ID (\"name\" \"no\")\\r\\n\n"
           "C: \n"
           "C: a2 ID NIL\n",
           "command a1|APPEND| INBOX (\\Seen) {22}|\n"
           "command a2|ID| NIL|\n");
    /* MULTIAPPEND and a mailbox as a literal */
    client("C: a1 APPEND {5+}\n"
           "C. INBOX\n"
           "C:  {10+}\n"
           "C. d ID NIL\\r\\n\n"
           "C:  (\\\\Draft) {10}\n"
           "C. d ID NIL\\r\\n\n"
           "C: \n"
           "C: a2 ID NIL\n",
           "command a1|APPEND| {5+}|\n"
           "command a2|ID| NIL|\n");
    /* CATENATE and BINARY */
    client("C: a1 APPEND x CATENATE (URL \"/x\" TEXT {10+}\n"
           "C. d ID NIL\\r\\n\n"
           "C: )\n"
           "C: a2 APPEND x ~{11}\n"
           "C. d ID NIL\\x00\\r\\n\n"
           "C: \n"
           "C: a3 ID NIL\n",
           "command a1|APPEND| x CATENATE (URL \"/x\" TEXT {10+}|\n"
           "command a2|APPEND| x ~{11}|\n"
           "command a3|ID| NIL|\n");
}

static void test_login(void)
{
    client("C: a1 LOGIN {3}\n"
           "C: joe {8+}\n"
           "C: d ID NIL\n" /* 8 octets of password */
           "C: a2 ID NIL\n",
           "command a1|LOGIN| {3}|\n"
           "command a2|ID| NIL|\n");
}

static void test_fetch(void)
{
    server("S: * 1 FETCH (UID 5 BODY[] {12}\n"
           "S. * ID NIL\\r\\n\\r\n" /* 12 octets */
           "S:  BODY[1] {12}\n"
           "S: * ID NIL\\r\\nx FLAGS ())\n"
           "S: * ID NIL\n",
           "untagged |FETCH| (UID 5 BODY[] {12}|\n"
           "untagged |ID| NIL|\n");
}

/* A quoted string may end a line's announcement-like text; escapes are followed. */
static void test_quoted_braces(void)
{
    client("C: a1 LOGIN joe \"{5}\"\n"
           "C: a2 LOGIN joe \"x {5}\n"
           "C: a3 LOGIN \"j\\\\\\\\\" {5}\n"
           "C: hello\n"
           "C: a4 LOGIN \"j\\\\\" {5}\n"
           "C: a5 ID NIL\n",
           "command a1|LOGIN| joe \"{5}\"|\n"
           "command a2|LOGIN| joe \"x {5}|\n"
           "command a3|LOGIN| \"j\\\\\" {5}|\n"
           "command a4|LOGIN| \"j\\\" {5}|\n"
           "command a5|ID| NIL|\n");
}

/* What looks like an announcement and is none. */
static void test_no_announcement(void)
{
    client("C: a1 X {}\n"
           "C: a2 X {+}\n"
           "C: a3 X {5\n"
           "C: a4 X 5}\n"
           "C: a5 X {-5}\n"
           "C: a6 X {5} \n"
           "C: a7 X {5++}\n"
           "C: a8 X {000000000000000000001}\n"
           "C: a9 X {00000000000000000001}\n"
           "C: x\n"
           "C: b1 ID NIL\n",
           "command a1|X| {}|\n"
           "command a2|X| {+}|\n"
           "command a3|X| {5|\n"
           "command a4|X| 5}|\n"
           "command a5|X| {-5}|\n"
           "command a6|X| {5} |\n"
           "command a7|X| {5++}|\n"
           "command a8|X| {000000000000000000001}|\n"
           "command a9|X| {00000000000000000001}|\n"
           "command b1|ID| NIL|\n");
}

static void test_opaque_text(void)
{
    server("S: * OK see {5}\n"
           "S: * NO \"x\" {5}\n"
           "S: * BAD {5}\n"
           "S: * BYE {5+}\n"
           "S: * PREAUTH {5}\n"
           "S: + {5}\n"
           "S: +{5}\n"
           "S: a1 OK {5}\n"
           "S: a2 NO {5}\n"
           "S: a3 BAD {5}\n"
           "S: * ID NIL\n",
           "untagged |OK| see {5}|\n"
           "untagged |NO| \"x\" {5}|\n"
           "untagged |BAD| {5}|\n"
           "untagged |BYE| {5+}|\n"
           "untagged |PREAUTH| {5}|\n"
           "continuation || {5}|\n"
           "continuation ||{5}|\n"
           "tagged a1|OK| {5}|\n"
           "tagged a2|NO| {5}|\n"
           "tagged a3|BAD| {5}|\n"
           "untagged |ID| NIL|\n");
}

/* ---- holes ---- */

static void test_hole_in_foreign_literal(void)
{
    /* Wholly inside: nothing is lost. */
    client("C: a1 APPEND INBOX {20}\n"
           "C. 01234\n"
           "C! 10\n"
           "C. 56789\n"
           "C: \n"
           "C: a2 ID NIL\n",
           "command a1|APPEND| INBOX {20}|\n"
           "command a2|ID| NIL|\n");
    /* Up to its very end. */
    client("C: a1 APPEND INBOX {20}\n"
           "C. 0123456789\n"
           "C! 10\n"
           "C: \n"
           "C: a2 ID NIL\n",
           "command a1|APPEND| INBOX {20}|\n"
           "command a2|ID| NIL|\n");
    /* Beyond: a line start is found again. */
    client("C: a1 APPEND INBOX {20}\n"
           "C. 0123456789\n"
           "C! 11\n"
           "C: \n"
           "C: a2 ID NIL\n"
           "C: a3 NOOP\n",
           "command a1|APPEND| INBOX {20}|\n"
           "lost\n"
           "found\n"
           "command a2|ID| NIL| tentative\n"
           "command a3|NOOP|| tentative\n");
    /* Nobody knows how long. */
    client("C: a1 APPEND INBOX {20}\n"
           "C. 0123456789\n"
           "C! 0\n"
           "C. 01234567\\r\\n\n"
           "C: \n"
           "C: a2 ID NIL\n",
           "command a1|APPEND| INBOX {20}|\n"
           "lost\n"
           "found\n"
           "command a2|ID| NIL| tentative\n");
}

static void test_hole_in_id_literal(void)
{
    client("C: a1 ID (\"name\" {20+}\n"
           "C. 01234\n"
           "C! 10\n"
           "C. 56789\n"
           "C: )\n"
           "C: a2 NOOP\n",
           "command a1|ID| (\"name\" {20+}\\x0d\\x0a01234| cut\n"
           "command a2|NOOP||\n");
    client("C: a1 ID (\"name\" {20+}\n"
           "C. 01234\n"
           "C! 20\n"
           "C: a2 NOOP\n",
           "command a1|ID| (\"name\" {20+}\\x0d\\x0a01234| cut\n"
           "lost\n"
           "found\n"
           "command a2|NOOP|| tentative\n");
}

static void test_hole_in_line(void)
{
    client("C. a1 ID (\"name\" \"x\" \"ver\n"
           "C! 3\n"
           "C. ion\" \"1\")\\r\\n\n"
           "C: a2 NOOP\n",
           "command a1|ID| (\"name\" \"x\" \"ver| cut\n"
           "lost\n"
           "found\n"
           "command a2|NOOP|| tentative\n");
    /* Of other commands a beginning tells nothing. */
    client("C. a1 LOGIN joe se\n"
           "C! 3\n"
           "C: ret\n"
           "C: a2 NOOP\n",
           "lost\n"
           "found\n"
           "command a2|NOOP|| tentative\n");
}

/* A hole between lines: the next line is as good as it looks. */
static void test_hole_between_lines(void)
{
    client("C: a1 NOOP\n"
           "C! 50\n"
           "C: a2 ID NIL\n"
           "C: a3 XYZZY\n"
           "C: a4 NOOP\n",
           "command a1|NOOP||\n"
           "lost\n"
           "found\n"
           "command a2|ID| NIL| tentative\n"
           "lost\n"
           "found\n"
           "command a4|NOOP|| tentative\n");
}

/* A message that is begun in the middle: its text is no line of IMAP. */
static void test_middle_of_message(void)
{
    feed_frame_check("C: middle of a line\n"
                     "C: Subject: x\n"
                     "C: a1 IDENT x\n"
                     "C: a+ ID NIL\n"
                     "C: a1 LOGIN joe x\n",
                     IMAPID_CLIENT, false, "found\ncommand a1|LOGIN| joe x| tentative\n");
    feed_frame_check("S: text\n"
                     "S: * item of a list\n"
                     "S: + another\n"
                     "S: - \n"
                     "S:  UID 5)\n"
                     "S: a1 OK done\n",
                     IMAPID_SERVER, false,
                     "found\ncontinuation || another| tentative\nlost\nfound\n"
                     "tagged a1|OK| done| tentative\n");
}

/* ---- limits ---- */

/* Runs one direction in pieces of one size, windows in place. Writes units as "word n[ over]". */
static char *run_long(enum imapid_side side, const GString *octets, gsize piece)
{
    const guint8 *data = (const guint8 *)octets->str;
    GString *log = g_string_new(NULL);
    struct imapid_frame frame;
    gsize start = 0;

    imapid_frame_init(&frame, side, true);
    for (gsize end = MIN(piece, octets->len); start < octets->len;) {
        struct imapid_unit unit;
        gsize n_used;
        enum imapid_frame_status status =
            imapid_frame_read(&frame, data + start, end - start, &unit, &n_used);

        start += n_used;
        g_assert_cmpuint(start, <=, end);
        if (status == IMAPID_FRAME_UNIT)
            g_string_append_printf(log, "%d/%d %zu%s\n", unit.kind, unit.word, unit.n,
                                   unit.over_limit ? " over" : "");
        if (status != IMAPID_FRAME_MORE)
            continue;
        g_assert_cmpuint(end - start, <=, IMAPID_UNIT_MAX + piece);
        if (end == octets->len)
            break;
        end = MIN(end + piece, octets->len);
    }
    g_assert_cmpuint(octets->len - start, <=, IMAPID_UNIT_MAX);
    return g_string_free(log, FALSE);
}

/* The same with many piece sizes; `expected` is what each must say. */
static void check_long(enum imapid_side side, GString *octets, const char *expected)
{
    static const gsize pieces[] = {1, 2, 7, 1460, 4096, 8191, 8192, 8193, 65535, 65537, 10000000};

    for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
        char *said = run_long(side, octets, pieces[i]);

        g_assert_cmpstr(said, ==, expected);
        g_free(said);
    }
    g_string_free(octets, TRUE);
}

static GString *fill(GString *text, char c, gsize n)
{
    gsize at = text->len;

    g_string_set_size(text, at + n);
    memset(text->str + at, c, n);
    return text;
}

static char *describe_unit(enum imapid_unit_kind kind, enum imapid_word word, gsize n, bool over)
{
    return g_strdup_printf("%d/%d %zu%s\n", kind, word, n, over ? " over" : "");
}

/* An endless line is handed out at the limit and passed over. */
static void test_long_line(void)
{
    GString *text = fill(g_string_new("a1 SEARCH "), 'x', 300000);
    char *line = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_SEARCH, IMAPID_HEAD_MAX, true);
    char *next = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, 11, false);
    char *expected = g_strconcat(line, next, NULL);

    g_string_append(text, "\r\na2 ID NIL\r\n");
    check_long(IMAPID_CLIENT, text, expected);
    g_free(line);
    g_free(next);
    g_free(expected);
}

/* The end of an over-long line may still announce a literal, outside quotes alone. */
static void test_long_line_with_literal(void)
{
    char *line = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_SEARCH, IMAPID_HEAD_MAX, true);
    char *next = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, 11, false);
    char *expected = g_strconcat(line, next, NULL);

    for (gsize around = IMAPID_HEAD_MAX - 10; around < IMAPID_HEAD_MAX + 8; around++) {
        GString *text = fill(g_string_new("a1 SEARCH \""), 'x', around - 11);

        g_string_append(text, "\\\"\" {11+}\r\nd1 ID NIL\r\n {3}\r\nabc\r\na2 ID NIL\r\n");
        check_long(IMAPID_CLIENT, text, expected);
    }
    g_free(expected);
    expected = g_strconcat(line, next, next, NULL);
    {
        GString *text = fill(g_string_new("a1 SEARCH \""), 'x', IMAPID_HEAD_MAX);

        g_string_append(text, "{11+}\r\na2 ID NIL\r\na2 ID NIL\r\n");
        check_long(IMAPID_CLIENT, text, expected);
    }
    g_free(line);
    g_free(next);
    g_free(expected);
}

/* A line of exactly the limit is whole. */
static void test_line_at_limit(void)
{
    GString *text = fill(g_string_new("a1 NOOP "), 'x', IMAPID_HEAD_MAX - 10);
    char *expected = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_NOOP, IMAPID_HEAD_MAX, false);

    g_string_append(text, "\r\n");
    check_long(IMAPID_CLIENT, text, expected);
    g_free(expected);
}

static void test_long_id(void)
{
    GString *text = fill(g_string_new("a1 ID (\"name\" \""), 'x', IMAPID_UNIT_MAX - 15 - 4);
    char *whole = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, IMAPID_UNIT_MAX, false);
    char *over = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, IMAPID_UNIT_MAX, true);
    char *next = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, 11, false);
    char *expected = g_strconcat(whole, over, next, NULL);

    g_string_append(text, "\")\r\na2 ID (\"name\" \"");
    fill(text, 'x', IMAPID_UNIT_MAX);
    g_string_append(text, "\")\r\na3 ID NIL\r\n");
    check_long(IMAPID_CLIENT, text, expected);
    g_free(whole);
    g_free(over);
    g_free(next);
    g_free(expected);
}

/* An ID whose literal cannot be kept is handed out up to it; the literal is passed over. */
static void test_id_with_huge_literal(void)
{
    GString *text = g_string_new("a1 ID (\"name\" {200000+}\r\n");
    char *head = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, text->len, true);
    char *next = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, 11, false);
    char *expected = g_strconcat(head, next, NULL);

    while (text->len < 25 + 200000)
        g_string_append(text, "d1 ID NIL\r\n");
    g_string_truncate(text, 25 + 200000);
    g_string_append(text, " \"version\" {4+}\r\n1.0))\r\na2 ID NIL\r\n");
    check_long(IMAPID_CLIENT, text, expected);
    g_free(head);
    g_free(next);
    g_free(expected);
}

/* Blanks between tag and name are looked at once. */
static void test_blanks(void)
{
    GString *text = fill(g_string_new("a1"), ' ', 8000);
    char *whole = describe_unit(IMAPID_UNIT_COMMAND, IMAPID_WORD_ID, IMAPID_UNIT_MAX, true);
    char *junk = describe_unit(IMAPID_UNIT_JUNK, IMAPID_WORD_UNKNOWN, IMAPID_HEAD_MAX, true);
    char *expected = g_strconcat(whole, junk, NULL);

    g_string_append(text, "ID");
    fill(text, ' ', 100000);
    g_string_append(text, "\r\na2");
    fill(text, ' ', 100000);
    g_string_append(text, "\r\n");
    check_long(IMAPID_CLIENT, text, expected);
    g_free(whole);
    g_free(junk);
    g_free(expected);
}

/* Sizes nobody sends: nothing overflows, and holes of any size fit. */
static void test_huge_literals(void)
{
    static const char *const sizes[] = {"10737418240", "9223372036854775807",
                                        "18446744073709551615", "99999999999999999999"};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        char *text = g_strdup_printf("a1 APPEND x {%s+}\r\nd1 ID NIL\r\n", sizes[i]);
        struct imapid_frame frame;
        struct imapid_unit unit;
        gsize n_used, n = strlen(text);

        imapid_frame_init(&frame, IMAPID_CLIENT, true);
        g_assert_cmpint(imapid_frame_read(&frame, (guint8 *)text, n, &unit, &n_used), ==,
                        IMAPID_FRAME_UNIT);
        g_assert_cmpint(
            imapid_frame_read(&frame, (guint8 *)text + n_used, n - n_used, &unit, &n_used), ==,
            IMAPID_FRAME_MORE);
        g_assert_cmpuint(n_used, ==, 11);
        imapid_frame_gap(&frame, 10737418240 - 11 - 1);
        g_assert_true(frame.in_unit);
        g_free(text);
    }
}

/* ---- need more, octet by octet ---- */

static void test_need_more(void)
{
    static const char text[] = "a1 ID (\"name\" {3}\r\nabc \"version\" \"{5}\")\r\n";
    gsize n = sizeof text - 1;
    struct imapid_frame frame;
    struct imapid_unit unit;
    gsize n_used;

    imapid_frame_init(&frame, IMAPID_CLIENT, true);
    for (gsize i = 0; i < n; i++) {
        guint8 *block = g_memdup2(text, i);

        g_assert_cmpint(imapid_frame_read(&frame, block, i, &unit, &n_used), ==, IMAPID_FRAME_MORE);
        g_assert_cmpuint(n_used, ==, 0);
        g_assert_true(frame.awaits == (i == 19)); /* behind "{3}" CRLF and before "a" */
        g_free(block);
    }
    g_assert_cmpint(imapid_frame_read(&frame, (const guint8 *)text, n, &unit, &n_used), ==,
                    IMAPID_FRAME_UNIT);
    g_assert_cmpuint(n_used, ==, n);
    g_assert_cmpuint(unit.args.offset, ==, 5);
    g_assert_cmpuint(unit.args.n, ==, n - 5 - 2);
}

/* A window that was looked at, and dropped before it was used: what comes is read by itself, behind a
 * hole or not. */
static void test_dropped_window(void)
{
    static const char begun[] = "* OK and no line end behind it", next[] = "a1 OK\r\n";

    for (guint with_gap = 0; with_gap < 2; with_gap++)
        for (gsize n = 0; n < sizeof next; n++) {
            guint8 *block = g_memdup2(next, n);
            struct imapid_frame frame;
            struct imapid_unit unit;
            gsize n_used;

            imapid_frame_init(&frame, IMAPID_SERVER, false);
            while (imapid_frame_read(&frame, (const guint8 *)begun, sizeof begun - 1, &unit,
                                     &n_used) != IMAPID_FRAME_MORE)
                ;
            g_assert_cmpuint(frame.n_scanned, ==, sizeof begun - 1);
            if (with_gap)
                imapid_frame_gap(&frame, 0);
            for (gsize at = 0;; at += n_used) {
                enum imapid_frame_status status =
                    imapid_frame_read(&frame, block + at, n - at, &unit, &n_used);

                g_assert_cmpuint(n_used, <=, n - at);
                if (status == IMAPID_FRAME_UNIT) {
                    g_assert_cmpuint(unit.kind, ==, IMAPID_UNIT_TAGGED);
                    g_assert_cmpuint(n, ==, sizeof next - 1);
                } else if (status == IMAPID_FRAME_MORE) {
                    break;
                }
            }
            g_free(block);
        }
}

/* A refused literal ends its command: the octets of an ID up to it come out. */
static void test_refused(void)
{
    static const char id[] = "a1 ID (\"name\" {3}\r\n", append[] = "a2 APPEND x {3}\r\n";
    struct imapid_frame frame;
    struct imapid_unit unit;
    gsize n_used;

    imapid_frame_init(&frame, IMAPID_CLIENT, true);
    imapid_frame_refuse(&frame); /* awaits nothing: no harm */
    g_assert_cmpint(imapid_frame_read(&frame, (const guint8 *)id, 19, &unit, &n_used), ==,
                    IMAPID_FRAME_MORE);
    imapid_frame_refuse(&frame);
    g_assert_cmpint(imapid_frame_read(&frame, (const guint8 *)id, 19, &unit, &n_used), ==,
                    IMAPID_FRAME_UNIT);
    g_assert_true(unit.refused && n_used == 19 && !frame.in_unit);
    g_assert_cmpint(imapid_frame_read(&frame, (const guint8 *)append, 17, &unit, &n_used), ==,
                    IMAPID_FRAME_UNIT);
    g_assert_true(frame.in_unit && frame.awaits);
    imapid_frame_refuse(&frame);
    g_assert_false(frame.in_unit);
    g_assert_cmpint(imapid_frame_read(&frame, (const guint8 *)"a3 NOOP\r\n", 9, &unit, &n_used), ==,
                    IMAPID_FRAME_UNIT);
    g_assert_true(unit.word == IMAPID_WORD_NOOP);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/lines", test_lines);
    g_test_add_func("/frame/bare-newline", test_bare_newline);
    g_test_add_func("/frame/id-with-literals", test_id_with_literals);
    g_test_add_func("/frame/append", test_append);
    g_test_add_func("/frame/login", test_login);
    g_test_add_func("/frame/fetch", test_fetch);
    g_test_add_func("/frame/quoted-braces", test_quoted_braces);
    g_test_add_func("/frame/no-announcement", test_no_announcement);
    g_test_add_func("/frame/opaque-text", test_opaque_text);
    g_test_add_func("/frame/hole-in-foreign-literal", test_hole_in_foreign_literal);
    g_test_add_func("/frame/hole-in-id-literal", test_hole_in_id_literal);
    g_test_add_func("/frame/hole-in-line", test_hole_in_line);
    g_test_add_func("/frame/hole-between-lines", test_hole_between_lines);
    g_test_add_func("/frame/middle-of-message", test_middle_of_message);
    g_test_add_func("/frame/long-line", test_long_line);
    g_test_add_func("/frame/long-line-with-literal", test_long_line_with_literal);
    g_test_add_func("/frame/line-at-limit", test_line_at_limit);
    g_test_add_func("/frame/long-id", test_long_id);
    g_test_add_func("/frame/id-with-huge-literal", test_id_with_huge_literal);
    g_test_add_func("/frame/blanks-are-looked-at-once", test_blanks);
    g_test_add_func("/frame/huge-literals", test_huge_literals);
    g_test_add_func("/frame/need-more", test_need_more);
    g_test_add_func("/frame/dropped-window", test_dropped_window);
    g_test_add_func("/frame/refused", test_refused);
    return g_test_run();
}
