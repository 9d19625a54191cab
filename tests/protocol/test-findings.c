/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-findings.c: what lists and exchanges earn, and above all what they do not. */
#include "feed.h"

#include <string.h>

/* The findings of one ID line (escaped, from the tag or star on), as "code(field) code ...". */
static char *find(enum imapid_side side, const char *line)
{
    gsize n, n_used;
    guint8 *octets = feed_unescape(line, &n);
    guint8 *block = g_memdup2(octets, n);
    struct imapid_frame frame;
    struct imapid_unit unit;
    struct imapid_findings findings;
    GString *text = g_string_new(NULL);

    imapid_frame_init(&frame, side, true);
    g_assert_cmpint(imapid_frame_read(&frame, block, n, &unit, &n_used), ==, IMAPID_FRAME_UNIT);
    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, side, &unit);
    for (unsigned i = 0; i < findings.n; i++) {
        const struct imapid_finding *finding = &findings.list[i];

        g_assert_cmpuint(finding->place.offset + finding->place.n, <=, unit.n);
        g_assert_cmpuint(finding->field.offset + finding->field.n, <=, unit.n);
        g_assert_true(finding->side == side);
        g_string_append_printf(text, "%s%s", i ? " " : "", imapid_finding_code(finding->code));
        if (finding->field.n)
            g_string_append_printf(text, "(%.*s)", (int)finding->field.n,
                                   (char *)block + finding->field.offset);
    }
    g_free(block);
    g_free(octets);
    return g_string_free(text, FALSE);
}

static void check_line(enum imapid_side side, const char *line, const char *expected)
{
    char *text = find(side, line);

    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

/* Both sides are judged alike. */
static void check(const char *args, const char *expected)
{
    char *command = g_strconcat("a1 ID", args, "\\r\\n", NULL);
    char *response = g_strconcat("* ID", args, "\\r\\n", NULL);

    check_line(IMAPID_CLIENT, command, expected);
    check_line(IMAPID_SERVER, response, expected);
    g_free(command);
    g_free(response);
}

static void test_table(void)
{
    static const char *const severities[] = {"note", "warning", "error"};

    for (int i = 0; i < IMAPID_N_FINDINGS; i++) {
        enum imapid_finding_code code = (enum imapid_finding_code)i;

        g_assert_true(g_str_has_prefix(imapid_finding_section(code), "RFC "));
        g_assert_cmpuint(strlen(imapid_finding_message(code)), >, 10);
        g_assert_cmpstr(imapid_severity_name(imapid_finding_severity(code)), ==,
                        severities[imapid_finding_severity(code)]);
        for (const char *c = imapid_finding_code(code); *c; c++)
            g_assert_true(g_ascii_islower(*c) || *c == '-');
        for (int other = 0; other < i; other++)
            g_assert_cmpstr(imapid_finding_code(code), !=,
                            imapid_finding_code((enum imapid_finding_code)other));
    }
    g_assert_true(imapid_finding_is_form(IMAPID_FINDING_MISSING_VALUE));
    g_assert_true(imapid_finding_is_form(IMAPID_FINDING_BARE_NEWLINE));
    g_assert_false(imapid_finding_is_form(IMAPID_FINDING_BAD_DATE));
    g_assert_false(imapid_finding_is_form(IMAPID_FINDING_DUPLICATE_FIELD));
}

/* ---- nothing is found in valid lists ---- */

static void test_valid(void)
{
    static const char *const lists[] = {
        " NIL",
        " ()",
        " (\"name\" \"Thunderbird\" \"version\" \"153.0\")",
        " (\"name\" NIL \"version\" NIL)",
        " ({4}\\r\\nname {12}\\r\\na\\r\\n\"b\\xff)(,{1})",
        " (\"name\" \"\\\\\"x\\\\\\\\\" \"os\" \"\")",
        " (\"name\" \"x\" \"names\" \"x\" \"nam\" \"x\")",
        " (\"os\" \"Linux\" \"os-version\" \"6.1\")",
        " (\"date\" \"17-Jul-1996 02:44:25 -0700\" \"support-url\" \"https://example.org/\")",
        " (\"date\" \" 7-jul-1996 02:44:25 +0000\" \"support-url\" \"mailto:help@example.org\")",
        " (\"date\" NIL \"support-url\" NIL \"command\" NIL)",
        " (\"command\" \"\" \"arguments\" \"\")",
        " (\"GUID\" \"1\")",
        " (\"x-originating-ip\" NIL)",
        " (\"123456789012345678901234567890\" \"thirty octets\")",
        " (\"vendor\" \"a@b.example\" \"address\" \"x@y.example\")",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        check(lists[i], "");
}

/* ---- limits ---- */

static char *make_pairs(int n)
{
    GString *list = g_string_new(" (");

    for (int i = 0; i < n; i++)
        g_string_append_printf(list, "%s\"f%d\" \"v\"", i ? " " : "", i);
    g_string_append_c(list, ')');
    return g_string_free(list, FALSE);
}

static void test_pairs_limit(void)
{
    static const struct {
        int n;
        const char *expected;
    } cases[] = {{30, ""}, {31, "too-many-pairs(f30)"}, {400, "too-many-pairs(f30)"}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *list = make_pairs(cases[i].n);

        check(list, cases[i].expected);
        g_free(list);
    }
}

/* Octets are counted as meant: an escaped quote is one. */
static void check_length(const char *format, gsize n, const char *unit, const char *expected)
{
    GString *filling = g_string_new(NULL);
    char *list;

    for (gsize i = 0; i < n; i++)
        g_string_append(filling, unit);
    list = g_strdup_printf(format, filling->str);
    check(list, expected);
    g_free(list);
    g_string_free(filling, TRUE);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void test_lengths(void)
{
    check_length(" (\"%s\" \"x\")", 30, "f", "");
    check_length(" (\"%s\" \"x\")", 31, "f", "field-too-long(fffffffffffffffffffffffffffffff)");
    check_length(" (\"%s\" \"x\")", 30, "\\\\\"", "");
    check_length(" ({30}\\r\\n%s \"x\")", 30, "\\\"", "");
    check_length(" ({31}\\r\\n%s \"x\")", 31, "f",
                 "field-too-long(fffffffffffffffffffffffffffffff)");
    check_length(" (\"f\" \"%s\")", 1024, "v", "");
    check_length(" (\"f\" \"%s\")", 1025, "v", "value-too-long(f)");
    check_length(" (\"f\" \"%s\")", 1024, "\\\\\"", "");
    check_length(" (\"f\" \"%s\")", 1025, "\\\\\"", "value-too-long(f)");
    check_length(" (\"f\" {1024}\\r\\n%s)", 1024, "\\n", "");
    check_length(" (\"f\" {1025}\\r\\n%s)", 1025, "\\n", "value-too-long(f)");
    check_length(" (\"f\" %s)", 1025, "v", "not-a-string(f) value-too-long(f)");
}
#pragma GCC diagnostic pop

/* The largest valid list there is: 64 KiB. */
static void test_largest_valid(void)
{
    GString *list = g_string_new(" (");

    for (int i = 0; i < 30; i++) {
        g_string_append_printf(list, "%s\"%02d", i ? " " : "", i);
        for (int k = 0; k < 28; k++)
            g_string_append(list, "\\\\\"");
        g_string_append(list, "\" \"");
        for (int k = 0; k < 1024; k++)
            g_string_append(list, "\\\\\\\\");
        g_string_append_c(list, '"');
    }
    g_string_append_c(list, ')');
    check(list->str, "");
    g_string_free(list, TRUE);
}

static void test_over_limit(void)
{
    check(" (\"f\" {10737418240}\\r\\nx", "value-too-long(f)");
    check(" ({10737418240}\\r\\nx", "field-too-long");
}

/* More findings than there is room for are counted. */
static void test_room(void)
{
    GString *line = g_string_new("a1 ID (");
    struct imapid_findings findings;
    struct imapid_unit unit;
    struct imapid_frame frame;
    gsize n_used;

    for (int i = 0; i < 200; i++)
        g_string_append(line, "x y ");
    g_string_append(line, "x y)\r\n");
    imapid_frame_init(&frame, IMAPID_CLIENT, true);
    imapid_frame_read(&frame, (guint8 *)line->str, line->len, &unit, &n_used);
    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, IMAPID_CLIENT, &unit);
    g_assert_cmpuint(findings.n, ==, IMAPID_FINDINGS_MAX);
    /* 201 not-a-string, 200 duplicate-field, too-many-pairs */
    g_assert_cmpuint(findings.n + findings.n_left_out, ==, 402);
    g_string_free(line, TRUE);
}

/* ---- form ---- */

static void test_form(void)
{
    check("(\"name\" \"x\")", "bad-spacing");
    check(" (\"name\", \"x\")", "not-a-string");
    check(" (\"name\",\"x\")", "bad-spacing not-a-string");
    check(" (\"name\" \"x\" )", "bad-spacing");
    check(" ( \"name\" \"x\" )", "bad-spacing");
    check(" (\"name\" \"x\")+", "trailing-data");
    check(" (name 1)", "not-a-string(name)");
    check(" (\"name\" \"x\") ", "bad-spacing");
    check("", "missing-arguments");
    check(" )", "unbalanced-list missing-arguments");
    check("  (\"name\" \"x\")", "bad-spacing");
    check(" (\"name\")", "missing-value(name)");
    check(" \"NIL\"", "missing-arguments");
    check(" (\"name\" \"x\" NIL)", "nil-field");
    check(" (NIL \"x\")", "nil-field");
    check(" (\"name\" \"x\"", "unbalanced-list");
    check(" (\"name\" \"my \"x\" y\")", "bad-string(name)");
    check(" (\"name\"\\t\"x\")", "bad-spacing");
    check(" (\"name\" \"\\xdc\")", "not-ascii(name)");
    check(" (\"name\" ~{1}\\r\\nx)", "bad-string(name)");
}

static void test_head(void)
{
    check_line(IMAPID_CLIENT, "a1 \"ID\" (\"name\" \"x\")\\r\\n", "bad-string");
    check_line(IMAPID_CLIENT, "a1  ID NIL\\r\\n", "bad-spacing");
    check_line(IMAPID_CLIENT, "a1\\tID NIL\\r\\n", "bad-spacing");
    check_line(IMAPID_SERVER, "*  ID NIL\\r\\n", "bad-spacing");
    check_line(IMAPID_SERVER, "* ID (\"f\" {1+}\\r\\nx)\\r\\n",
               "bad-string(f)"); /* RFC 7888 3: clients alone */
    check_line(IMAPID_CLIENT, "a1 ID (\"f\" {1+}\\r\\nx)\\r\\n", "");
    check_line(IMAPID_SERVER, " * ID NIL\\r\\n", "bad-spacing");
    check_line(IMAPID_SERVER, "* ID NIL\\n", "bare-newline");
    check_line(IMAPID_CLIENT, "a1 ID (\"a\" {1}\\nx)\\r\\n", "bare-newline");
    check_line(IMAPID_CLIENT, "a1 ID (\"a\" {1}\\r\\n\\n)\\r\\n", "");
    check_line(IMAPID_CLIENT, "a1 id nil\\r\\n", "");
}

static void test_duplicates(void)
{
    check(" (\"name\" \"x\" \"NAME\" \"y\")", "duplicate-field(NAME)");
    check(" (\"name\" \"x\" {4}\\r\\nName \"y\")", "duplicate-field(Name)");
    check(" (\"a\\\\\"\" \"x\" {2}\\r\\na\\\" \"y\")", "duplicate-field(a\")");
    check(" (\"name\" NIL \"name\" NIL \"name\" NIL)",
          "duplicate-field(name) duplicate-field(name)");
    check(" (\"x\" \"1\" \"y\" \"1\")", "");
    check(" (NIL \"1\" NIL \"1\")", "nil-field nil-field");
}

/* ---- values ---- */

static void test_dates(void)
{
    static const char *const bad[] = {
        "",
        "2024-01-01",
        "17-Jul-96 02:44:25 -0700",
        "7-Jul-1996 02:44:25 -0700",
        "17-Jux-1996 02:44:25 -0700",
        "17-Jul-1996 02:44:25",
        "17-Jul-1996 02:44:25 0700 ",
        "17-Jul-1996 02:44:25 -0700 ",
        "17-Jul-1996T02:44:25 -0700",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        char *list = g_strdup_printf(" (\"Date\" \"%s\")", bad[i]);

        check(list, "bad-date(Date)");
        g_free(list);
    }
}

static void test_urls(void)
{
    check(" (\"support-url\" \"www.example.org\")", "bad-url(support-url)");
    check(" (\"support-url\" \"www.example.org:80\")", "bad-url(support-url)");
    check(" (\"support-url\" \"\")", "bad-url(support-url)");
    check(" (\"support-url\" \"http:\")", "bad-url(support-url)");
    check(" (\"support-url\" \"//example.org\")", "bad-url(support-url)");
    check(" (\"support-url\" \"see http://example.org\")", "bad-url(support-url)");
    check(" (\"support-url\" \"HTTP://EXAMPLE.ORG\")", "");
}

static void test_identifiers(void)
{
    check(" (\"x\" \"123e4567-e89b-12d3-a456-426614174000\")", "unique-identifier(x)");
    check(" (\"x\" \"{123E4567-E89B-12D3-A456-426614174000}\")", "unique-identifier(x)");
    check(" (\"x\" \"00:1A:2b:3c:4d:5e\")", "unique-identifier(x)");
    check(" (\"x\" \"00-1A-2b-3c-4d-5e\")", "unique-identifier(x)");
    check(" (\"user\" \"joe@example.org\")", "unique-identifier(user)");
    check(" (\"support-email\" \"help@example.org\" \"vendor-contact\" \"a@example.org\")", "");
    check(" (\"Support\" \"00:1A:2b:3c:4d:5e\")", "unique-identifier(Support)");
    check(" (\"serial\" \"C02XK0AAJGH5\")", "unique-identifier(serial)");
    check(" (\"connection-token\" \"abcdef123456\")", "unique-identifier(connection-token)");
    check(" (\"device-id\" \"0123456789\")", "unique-identifier(device-id)");
    /* Neither of these is one. */
    check(" (\"x\" \"00000000-0000-0000-0000-000000000000\")", "");
    check(" (\"x\" \"00:00:00:00:00:00\")", "");
    check(" (\"x\" \"2024-10-12 10:20:30\")", "");
    check(" (\"x\" \"123e4567-e89b-12d3-a456-42661417400\")", "");
    check(" (\"x\" \"joe@localhost\")", "");
    check(" (\"x\" \"@example.org\")", "");
    check(" (\"version\" \"10:20:30:40:50:60:70\")", "");
}

static void exchange(const char *transcript, const char *expected);

/* UTF-8 in quoted strings: where ENABLE was confirmed (RFC 6855 3), or with a server of IMAP4rev2
 * alone (RFC 9051 4.3). */
static void test_utf8(void)
{
#define ASK(value) "C: a2 ID (\"name\" \"" value "\")\nS: * ID NIL\nS: a2 OK\n"
    exchange("S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 ID] hi\n" ASK("Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=yes c:not-ascii c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev2 ID] hi\n" ASK("Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=yes c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev2 ID] hi\n" ASK("Caf\xe9"),
             "a2 (name=Caf\\xe9) -> NIL OK state=no id=yes c:not-ascii c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev2 ID] hi\n" ASK("Caf\xc0\x80"),
             "a2 (name=Caf\\xc0\\x80) -> NIL OK state=no id=yes c:not-ascii c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev1 ID] hi\nC: a1 ENABLE UTF8=ACCEPT\n"
             "S: * ENABLED UTF8=ACCEPT\nS: a1 OK\n" ASK("Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=yes c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev1 ID] hi\nC: a1 ENABLE IMAP4rev2\n"
             "S: * ENABLED IMAP4rev2\nS: a1 OK\n" ASK("Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=yes c:cleartext\n");
    exchange("S: * OK [CAPABILITY IMAP4rev1 ID] hi\nC: a1 ENABLE UTF8=ACCEPT\n"
             "S: * ENABLED\nS: a1 OK\n" ASK("Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=yes c:not-ascii c:cleartext\n");
    /* The server's answer to ENABLE may have been in the hole. */
    exchange("S: * OK [CAPABILITY IMAP4rev1 ID] hi\nC: a1 ENABLE UTF8=ACCEPT\nS! 40\n" ASK(
                 "Caf\xc3\xa9"),
             "a2 (name=Caf\\xc3\\xa9) -> NIL OK state=no id=? c:cleartext\n");
    exchange(
        "S: * OK [CAPABILITY IMAP4rev1 ID] hi\nC: a1 ENABLE UTF8=ACCEPT\nS! 40\n" ASK("Caf\xe9"),
        "a2 (name=Caf\\xe9) -> NIL OK state=no id=? c:not-ascii c:cleartext\n");
#undef ASK
}

static void test_environment(void)
{
    check(" (\"command\" \"/usr/bin/x\")", "discloses-environment(command)");
    check(" (\"ARGUMENTS\" \"-v\" \"environment\" \"y\")", "discloses-environment(ARGUMENTS)");
    check(" (\"x-originating-ip\" \"192.0.2.1\")", "forwarded-address(x-originating-ip)");
    check(" (\"address\" \"198.51.100.7\")", "forwarded-address(address)");
    check(" (\"x\" \"2001:db8::7\")", "forwarded-address(x)");
    check(" (\"x\" \"198.51.100.7:993\" \"y\" \"198.51.100\" \"z\" \"at 10.0.0.1\")", "");
    check(" (\"version\" \"1.2.3.4\" \"os-version\" \"10.0.19045.1\" \"Build\" \"1.2.3.4\")", "");
    check(" (\"x-plugin-version\" \"1.2.3.4\" \"revision\" \"1.2.3.4\" \"ver\" \"1.2.3.4\")", "");
    check(" (\"x-originating-ip\" \"192.0.2.1\" \"x-originating-port\" \"5\")",
          "forwarded-address(x-originating-ip)");
    check(" (\"x-session-id\" \"abc\")", "");
}

/* ---- exchanges ---- */

static void exchange(const char *transcript, const char *expected)
{
    struct feed_options options = {.findings = true};

    feed_check(transcript, &options, expected);
}

static void test_advertised(void)
{
    exchange("S: * OK [CAPABILITY IMAP4rev1 IDLE] hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=no c:not-advertised\n");
    exchange("S: * OK [CAPABILITY IMAP4rev1 id] hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=yes\n");
    /* No list, no finding. */
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=?\n");
    /* A response is nobody's fault who read the list. */
    exchange("S: * OK [CAPABILITY IMAP4rev1] hi\n"
             "C: a1 NOOP\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "- - -> NIL none state=no id=no unsolicited s:unsolicited-response\n");
}

static void test_results(void)
{
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> - OK state=no id=? s:no-response\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: a1 NO not now\n",
             "a1 NIL -> - NO state=no id=? s:refused\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: a1 BAD what\n",
             "a1 NIL -> - BAD state=no id=? s:rejected\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=? responses=2 s:extra-response\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n",
             "a1 NIL -> - none state=no id=?\n");
}

/* What a hole may have swallowed is not missed. */
static void test_lost(void)
{
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S! 12\n"
             "S: a1 OK done\n",
             "a1 NIL -> - OK state=no id=? lost\n");
    exchange("S: * OK hi\n"
             "C! 30\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "- - -> NIL OK state=? id=? lost\n");
    /* Between two responses a hole may have swallowed the answer to the command: then the second
     * is another's. One behind them swallows nothing of that. */
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S! 12\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=? lost responses=2\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S. * ID (\"name\" \n"
             "S! 12\n"
             "S. \"y\")\\r\\n\n"
             "S: * ID NIL\n"
             "S: a1 OK done\n",
             "a1 NIL -> () OK state=no id=? lost responses=2\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: * ID NIL\n"
             "S: * ID NIL\n"
             "S! 12\n"
             "S: a1 OK done\n",
             "a1 NIL -> NIL OK state=no id=? lost responses=2 s:extra-response\n");
}

static void test_cleartext(void)
{
    struct feed_options tls = {.findings = true, .security = IMAPID_SECURITY_TLS};
    static const char text[] = "S: * OK hi\n"
                               "C: a1 ID (\"name\" \"x\")\n"
                               "S: * ID (\"name\" \"y\")\n"
                               "S: a1 OK done\n";

    exchange(text, "a1 (name=x) -> (name=y) OK state=no id=? c:cleartext\n");
    feed_check(text, &tls, "a1 (name=x) -> (name=y) OK state=no id=? tls\n");
    exchange("S: * OK hi\n"
             "C: a1 ID NIL\n"
             "S: * ID (\"name\" \"y\")\n"
             "S: a1 OK done\n",
             "a1 NIL -> (name=y) OK state=no id=? s:cleartext\n");
    /* Nobody named himself. */
    exchange("S: * OK hi\n"
             "C: a1 ID (\"name\" NIL \"os\" \"\")\n"
             "S: * ID ()\n"
             "S: a1 OK done\n",
             "a1 (name=NIL os=) -> () OK state=no id=?\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/findings/table", test_table);
    g_test_add_func("/findings/valid-earns-nothing", test_valid);
    g_test_add_func("/findings/pairs-limit", test_pairs_limit);
    g_test_add_func("/findings/lengths", test_lengths);
    g_test_add_func("/findings/largest-valid", test_largest_valid);
    g_test_add_func("/findings/over-limit", test_over_limit);
    g_test_add_func("/findings/room", test_room);
    g_test_add_func("/findings/form", test_form);
    g_test_add_func("/findings/head", test_head);
    g_test_add_func("/findings/duplicates", test_duplicates);
    g_test_add_func("/findings/dates", test_dates);
    g_test_add_func("/findings/urls", test_urls);
    g_test_add_func("/findings/identifiers", test_identifiers);
    g_test_add_func("/findings/environment", test_environment);
    g_test_add_func("/findings/advertised", test_advertised);
    g_test_add_func("/findings/results", test_results);
    g_test_add_func("/findings/lost", test_lost);
    g_test_add_func("/findings/cleartext", test_cleartext);
    g_test_add_func("/findings/utf8", test_utf8);
    return g_test_run();
}
