/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-list.c: valid lists are read exactly and earn nothing; malformed ones give the pairs that
 * are plainly meant, and their faults; cut ones give what is there. */
#include "feed.h"

#include <string.h>

/* A unit made by the frame from an exact-size block. */
struct made {
    guint8 *block;
    struct imapid_unit unit;
};

/* `n_shown` octets are in the capture; those behind it are a hole. */
static void make_octets(struct made *made, enum imapid_side side, const guint8 *octets, gsize n,
                        gsize n_shown)
{
    enum imapid_frame_status status;
    struct imapid_frame frame;
    gsize n_used;

    made->block = g_memdup2(octets, n_shown);
    imapid_frame_init(&frame, side, true);
    status = imapid_frame_read(&frame, made->block, n_shown, &made->unit, &n_used);
    if (n_shown < n) {
        g_assert_cmpint(status, ==, IMAPID_FRAME_MORE);
        imapid_frame_gap(&frame, n - n_shown);
        status = imapid_frame_read(&frame, made->block, n_shown, &made->unit, &n_used);
    }
    g_assert_cmpint(status, ==, IMAPID_FRAME_UNIT);
    g_assert_true(imapid_unit_is_id(&made->unit));
    g_assert_cmpuint(n_used, ==, n_shown);
}

static guint8 *make_line(enum imapid_side side, const char *args, gsize *n)
{
    char *line = g_strconcat(side == IMAPID_CLIENT ? "a1 ID" : "* ID", args, "\\r\\n", NULL);
    guint8 *octets = feed_unescape(line, n);

    g_free(line);
    return octets;
}

static void check_on(enum imapid_side side, const char *args, const char *expected,
                     const char *expected_faults)
{
    struct made made;
    gsize n;
    guint8 *octets = make_line(side, args, &n);
    unsigned faults;
    char *text, *fault_text;

    make_octets(&made, side, octets, n, n);
    text = feed_list_text(&made.unit, &faults);
    fault_text = feed_faults_text(faults);
    g_assert_cmpstr(text, ==, expected);
    g_assert_cmpstr(fault_text, ==, expected_faults);
    g_free(text);
    g_free(fault_text);
    g_free(made.block);
    g_free(octets);
}

/* What stands behind ID (escaped), the pairs read, the faults. */
static void check(const char *args, const char *expected, const char *faults)
{
    check_on(IMAPID_CLIENT, args, expected, faults);
    check_on(IMAPID_SERVER, args, expected, faults);
}

/* ---- valid lists ---- */

static void test_valid(void)
{
    check(" NIL", "NIL", "");
    check(" nil", "NIL", "");
    check(" ()", "()", "");
    check(" (\"name\" \"x\")", "(name=x)", "");
    check(" (\"name\" NIL)", "(name=NIL)", "");
    check(" (\"name\" nIl \"version\" \"1\")", "(name=NIL version=1)", "");
    check(" (\"name\" \"NIL\")", "(name=NIL)", "");
    check(" (\"\" \"\")", "(=)", "");
    check(" (\"a\" \"\" \"\" \"b\")", "(a= =b)", "");
    check(" (\"a(b\" \"c)d\")", "(a(b=c)d)", "");
    check(" (\"a,b\" \"c, d\")", "(a,b=c, d)", "");
    check(" (\"a\" \"\\\\\"\")", "(a=\")", "");
    check(" (\"a\" \"\\\\\\\\\")", "(a=\\)", "");
    check(" (\"a\" \"\\\\\\\\\\\\\"\" \"b\" \"\\\\\" \\\\\"\")", "(a=\\\" b=\" \")", "");
    check(" (\"a\" \"{5}\")", "(a={5})", "");
    check(" (\"a\" \" \" \" \" \"b\")", "(a=   =b)", "");
    check(" (\"a\tb\" \"\x7f\")", "(a\\x09b=\\x7f)", "");
}

static void test_valid_literals(void)
{
    check(" ({4}\\r\\nname {3}\\r\\nfoo)", "(name=foo)", "");
    check(" ({0}\\r\\n {0}\\r\\n)", "(=)", "");
    /* RFC 7888 3: a client's alone. */
    check_on(IMAPID_CLIENT, " ({4}\\r\\nname {3+}\\r\\nfoo)", "(name=foo)", "");
    check_on(IMAPID_SERVER, " ({4}\\r\\nname {3+}\\r\\nfoo)", "(name=foo)", "bad-string");
    check(" (\"a\" {5}\\r\\n\")\\r\\n\\\\)", "(a=\")\\x0d\\x0a\\)", "");
    check(" (\"a\" {7}\\r\\n{3}\\r\\na\" \"b\" \"c\")", "(a={3}\\x0d\\x0aa\" b=c)", "");
    check(" (\"a\" {2}\\r\\n\\xc3\\x9c)", "(a=\\xc3\\x9c)", "");
    check(" (\"a\" {6}\\r\\n\" \"b\" )", "(a=\" \"b\" )", "");
    check(" ({1}\\r\\na NIL {1}\\r\\nb NIL)", "(a=NIL b=NIL)", "");
    /* In a literal a backslash is itself. */
    check(" (\"a\" {2}\\r\\n\\\\\")", "(a=\\\")", "");
}

/* ---- a generator of valid lists ---- */

static guint8 random_text_char(void)
{
    static const char liked[] = "\"\\ (){},NIL+~5\t";

    return (guint8)(g_test_rand_bit() ? liked[g_test_rand_int_range(0, sizeof liked - 1)]
                                      : g_test_rand_int_range(32, 127));
}

static void add_quoted(GString *wire, const GString *string)
{
    g_string_append_c(wire, '"');
    for (gsize i = 0; i < string->len; i++) {
        if (string->str[i] == '"' || string->str[i] == '\\')
            g_string_append_c(wire, '\\');
        g_string_append_c(wire, string->str[i]);
    }
    g_string_append_c(wire, '"');
}

static void add_literal(GString *wire, const GString *string)
{
    bool may_be_nonsync = wire->str[0] != '*'; /* a server's may not */

    g_string_append_printf(wire, "{%zu%s}\r\n", string->len,
                           may_be_nonsync && g_test_rand_bit() ? "+" : "");
    g_string_append_len(wire, string->str, (gssize)string->len);
}

/* Adds a random string to the wire, and what it means to `meant` (as feed_list_text writes it). */
static void add_random_string(GString *wire, GString *meant)
{
    bool literal = g_test_rand_int_range(0, 3) == 0;
    GString *string = g_string_new(NULL);

    for (int n = g_test_rand_int_range(0, 12); n > 0; n--) {
        int c = literal ? g_test_rand_int_range(1, 256) : random_text_char();

        if (literal && g_test_rand_bit())
            c = (unsigned char)"\r\n\"\\{}()"[g_test_rand_int_range(0, 8)];
        g_string_append_c(string, (char)c);
        if (c >= ' ' && c < 127)
            g_string_append_c(meant, (char)c);
        else
            g_string_append_printf(meant, "\\x%02x", c);
    }
    if (literal)
        add_literal(wire, string);
    else
        add_quoted(wire, string);
    g_string_free(string, TRUE);
}

static void add_random_list(GString *wire, GString *meant)
{
    int n = g_test_rand_int_range(0, 6);

    g_string_append(wire, " (");
    g_string_append_c(meant, '(');
    for (int i = 0; i < n; i++) {
        if (i) {
            g_string_append_c(wire, ' ');
            g_string_append_c(meant, ' ');
        }
        add_random_string(wire, meant);
        g_string_append_c(wire, ' ');
        g_string_append_c(meant, '=');
        if (g_test_rand_int_range(0, 5) == 0) {
            g_string_append(wire, g_test_rand_bit() ? "NIL" : "nil");
            g_string_append(meant, "NIL");
        } else {
            add_random_string(wire, meant);
        }
    }
    g_string_append_c(wire, ')');
    g_string_append_c(meant, ')');
}

struct end {
    gsize at;
    bool needs_delimiter; /* NIL is known as NIL by what follows */
};

/* Where each pair of a list ends. */
static GArray *find_ends(const struct imapid_unit *unit)
{
    GArray *ends = g_array_new(FALSE, FALSE, sizeof(struct end));
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair)) {
        struct end end = {pair.span.offset + pair.span.n,
                          pair.value.kind < IMAPID_STRING_QUOTED ||
                              pair.value.kind == IMAPID_STRING_ATOM};

        g_array_append_val(ends, end);
    }
    return ends;
}

/* Cuts a list everywhere: exactly the pairs that are there whole are given, and no fault. */
static void check_cuts(enum imapid_side side, const guint8 *octets, gsize n)
{
    struct made whole;
    GArray *ends;

    make_octets(&whole, side, octets, n, n);
    ends = find_ends(&whole.unit);
    for (gsize k = whole.unit.args.offset; k < n; k++) {
        unsigned expected = 0, given = 0;
        struct imapid_list list;
        struct imapid_pair pair;
        struct made cut;

        make_octets(&cut, side, octets, n, k);
        g_assert_true(cut.unit.cut);
        imapid_list_begin(&list, &cut.unit);
        while (imapid_list_next(&list, &pair)) {
            const struct end *end = &g_array_index(ends, struct end, given);

            g_assert_cmpuint(pair.span.offset + pair.span.n, ==, end->at);
            given++;
        }
        for (guint i = 0; i < ends->len; i++) {
            const struct end *end = &g_array_index(ends, struct end, i);

            expected += end->at + end->needs_delimiter <= k;
        }
        g_assert_cmpuint(given, ==, expected);
        g_assert_cmpuint(list.faults, ==, 0);
        g_free(cut.block);
    }
    g_array_free(ends, TRUE);
    g_free(whole.block);
}

/* The reader is exact on every valid list, whole and cut anywhere. */
static void test_random_valid(void)
{
    for (int i = 0; i < 4000; i++) {
        enum imapid_side side = g_test_rand_bit() ? IMAPID_CLIENT : IMAPID_SERVER;
        GString *wire = g_string_new(side == IMAPID_CLIENT ? "a1 ID" : "* ID");
        GString *meant = g_string_new(NULL);
        struct made made;
        unsigned faults;
        char *text;

        add_random_list(wire, meant);
        g_string_append(wire, "\r\n");
        make_octets(&made, side, (guint8 *)wire->str, wire->len, wire->len);
        text = feed_list_text(&made.unit, &faults);
        g_assert_cmpstr(text, ==, meant->str);
        g_assert_cmpuint(faults, ==, 0);
        if (i % 8 == 0)
            check_cuts(side, (guint8 *)wire->str, wire->len);
        g_free(text);
        g_free(made.block);
        g_string_free(wire, TRUE);
        g_string_free(meant, TRUE);
    }
}

/* ---- malformed lists from real software ---- */

static void test_spacing(void)
{
    check("(\"name\" \"x\")", "(name=x)", "spacing");
    check("  (\"name\" \"x\")", "(name=x)", "spacing");
    check("\\t(\"name\" \"x\")", "(name=x)", "spacing");
    check(" (\"name\" \"x\" )", "(name=x)", "spacing");
    check(" ( \"name\" \"x\")", "(name=x)", "spacing");
    check(" ( \"name\" \"x\" )", "(name=x)", "spacing");
    check(" (\"name\"  \"x\")", "(name=x)", "spacing");
    check(" (\"name\"\\t\"x\")", "(name=x)", "spacing");
    check(" (\"name\"\"x\")", "(name=x)", "spacing");
    check(" (\"name\" \"x\"\"version\" \"1\")", "(name=x version=1)", "spacing");
    check(" (\"name\" {1}\\r\\nx\"version\" \"1\")", "(name=x version=1)", "spacing");
    check(" (\"name\" \"x\") ", "(name=x)", "spacing");
    check(" (\"name\" \"x\")  \\t", "(name=x)", "spacing");
    check(" ( )", "()", "spacing");
    check(" NIL ", "NIL", "spacing");
    check("  NIL", "NIL", "spacing");
}

static void test_commas(void)
{
    check(" (\"name\", \"x\")", "(name=x)", "not-a-string");
    check(" (\"name\" \"x\", \"version\" \"1\")", "(name=x version=1)", "not-a-string");
    check(" (\"name\",\"x\")", "(name=x)", "not-a-string spacing");
    check(" (\"name\" \"x\",)", "(name=x)", "not-a-string");
}

static void test_atoms(void)
{
    check(" (name \"x\")", "('name'=x)", "not-a-string");
    check(" (\"name\" x)", "(name='x')", "not-a-string");
    check(" (\"version\" 1.0.2 \"os\" \"y\")", "(version='1.0.2' os=y)", "not-a-string");
    check(" (name x version 1)", "('name'='x' 'version'='1')", "not-a-string");
    check(" (name NIL)", "('name'=NIL)", "not-a-string");
    check(" (\"name\" {x})", "(name='{x}')", "not-a-string");
    check(" (\"name\" NILS)", "(name='NILS')", "not-a-string");
    check(" (name\"x\")", "('name'=x)", "not-a-string spacing");
}

static void test_odd(void)
{
    check(" (\"name\")", "(name=?)", "missing-value");
    check(" (\"name\" \"x\" \"version\")", "(name=x version=?)", "missing-value");
    check(" (\"name\" \"x\" \"version\" )", "(name=x version=?)", "missing-value spacing");
}

static void test_nil_fields(void)
{
    check(" (NIL \"x\")", "(NIL=x)", "nil-field");
    check(" (\"name\" \"x\" NIL)", "(name=x)", "nil-field");
    check(" (\"name\" \"x\" NIL NIL)", "(name=x NIL=NIL)", "nil-field");
    check(" (NIL)", "()", "nil-field");
}

static void test_parentheses(void)
{
    check(" (\"name\" \"x\"", "(name=x)", "unbalanced");
    check(" (\"name\" \"x\" ", "(name=x)", "unbalanced spacing");
    check(" (\"name\" \"x", "(name=x)", "unbalanced bad-string");
    check(" (\"name\" \"x)", "(name=x)", "bad-string");
    check(" (", "()", "unbalanced");
    check(" \"name\" \"x\"", "(name=x)", "unbalanced");
    check(" \"name\" \"x\")", "(name=x)", "unbalanced");
    check(" name x", "('name'='x')", "not-a-string unbalanced");
    check(" (\"name\" \"x\"))", "(name=x)", "unbalanced");
    check(" ((\"name\" \"x\"))", "(name=x)", "unbalanced");
    check(" ((\"name\" \"x\") (\"version\" \"1\"))", "(name=x version=1)", "unbalanced");
    check(" (\"name\" (\"x\"))", "(name=x)", "unbalanced");
    check(" NIL)", "NIL", "unbalanced");
}

static void test_missing_arguments(void)
{
    check("", "-", "missing-arguments");
    check(" ", "-", "missing-arguments");
    check(" )", "-", "unbalanced missing-arguments");
    check(" \"NIL\"", "NIL", "missing-arguments");
    check(" \"nil\" ", "NIL", "missing-arguments spacing");
}

static void test_trailing_data(void)
{
    check(" (\"name\" \"x\")+", "(name=x)", "trailing-data");
    check(" (\"name\" \"x\") +", "(name=x)", "trailing-data");
    check(" (\"name\" \"x\") (\"version\" \"1\")", "(name=x)", "trailing-data");
    check(" () NIL", "()", "trailing-data");
    check(" NIL NIL", "NIL", "trailing-data");
    check(" (\"name\" \"x\") {3}\\r\\nabc", "(name=x)", "trailing-data");
}

static void test_unescaped_quotes(void)
{
    check(" (\"name\" \"My \"best\" client\" \"version\" \"1\")",
          "(name=My \"best\" client version=1)", "bad-string");
    check(" (\"name\" \"My \"best\"\" \"version\" \"1\")", "(name=My \"best\" version=1)",
          "bad-string");
    check(" (\"name\" \"\"best\" client\")", "(name=\"best\" client)", "bad-string");
    check(" (\"name\" \"My \"best\"\")", "(name=My \"best\")", "bad-string");
    check(" (\"size\" \"12\" screen\" \"os\" \"y\")", "(size=12\" screen os=y)", "bad-string");
    check(" (\"na\"me\" \"x\")", "(na\"me=x)", "bad-string");
}

static void test_bad_strings(void)
{
    check(" (\"path\" \"C:\\\\Program Files\\\\x\")", "(path=C:\\Program Files\\x)", "bad-string");
    check(" (\"a\" \"b\\x00c\")", "(a=b\\x00c)", "bad-string");
    check(" (\"a\" \"b\\rc\")", "(a=b\\x0dc)", "bad-string");
    check(" (\"a\" {3}\\r\\nb\\x00c)", "(a=b\\x00c)", "bad-string");
    check(" (\"a\" ~{3}\\r\\nbcd)", "(a=bcd)", "bad-string");
    check(" (\"a\" \"\\xdc\")", "(a=\\xdc)", "not-ascii");
    check(" (\"\\xc3\\xbc\" \"x\")", "(\\xc3\\xbc=x)", "not-ascii");
    check(" (\"a\" \"{5}\\r)", "(a={5}\\x0d)", "bad-string");
}

/* A fault is told with the pair it is in. */
static void test_faults_of_pairs(void)
{
    struct made made;
    struct imapid_list list;
    struct imapid_pair pair;
    gsize n;
    guint8 *octets = make_line(IMAPID_CLIENT, " (\"a\" 1 \"b\" \"c\" \"d\" \"\\xff\")", &n);

    make_octets(&made, IMAPID_CLIENT, octets, n, n);
    imapid_list_begin(&list, &made.unit);
    g_assert_true(imapid_list_next(&list, &pair));
    g_assert_cmpuint(pair.faults, ==, IMAPID_FAULT_NOT_A_STRING);
    g_assert_cmpuint(pair.span.offset, ==, 7);
    g_assert_cmpuint(pair.span.n, ==, 5);
    g_assert_cmpuint(pair.field.token.offset, ==, 7);
    g_assert_cmpuint(pair.field.token.n, ==, 3);
    g_assert_cmpuint(pair.field.content.offset, ==, 8);
    g_assert_cmpuint(pair.field.content.n, ==, 1);
    g_assert_cmpuint(pair.value.token.offset, ==, 11);
    g_assert_true(imapid_list_next(&list, &pair));
    g_assert_cmpuint(pair.faults, ==, 0);
    g_assert_true(imapid_list_next(&list, &pair));
    g_assert_cmpuint(pair.faults, ==, IMAPID_FAULT_NOT_ASCII);
    g_assert_false(imapid_list_next(&list, &pair));
    g_assert_cmpuint(list.span.offset, ==, 6);
    g_assert_cmpuint(list.span.n, ==, n - 6 - 2);
    g_free(made.block);
    g_free(octets);
}

static void test_places_of_literals(void)
{
    struct made made;
    struct imapid_list list;
    struct imapid_pair pair;
    gsize n;
    guint8 *octets = make_line(IMAPID_SERVER, " ({1}\\r\\na {3+}\\r\\nbcd)", &n);

    make_octets(&made, IMAPID_SERVER, octets, n, n);
    imapid_list_begin(&list, &made.unit);
    g_assert_true(imapid_list_next(&list, &pair));
    g_assert_cmpint(pair.field.kind, ==, IMAPID_STRING_LITERAL);
    g_assert_cmpuint(pair.field.token.offset, ==, 6);
    g_assert_cmpuint(pair.field.token.n, ==, 6);
    g_assert_cmpuint(pair.field.content.offset, ==, 11);
    g_assert_cmpuint(pair.value.n_announced, ==, 3);
    g_assert_cmpuint(pair.value.content.offset, ==, 19);
    g_assert_cmpuint(pair.value.content.n, ==, 3);
    g_free(made.block);
    g_free(octets);
}

/* ---- cut lists ---- */

/* Where octets are missing nothing is found in them, whatever is wrong before: a malformed list
 * that is cut has no more faults than the whole one. */
static void test_cut_malformed(void)
{
    static const char *const lists[] = {
        "(\"name\" \"x\")",
        "  ( \"name\",\"x\" )+",
        " (name 1 \"version\" 2)",
        " (\"name\" \"x\" \"version\")",
        " (NIL \"x\" NIL)",
        " ((\"name\" \"x\"))",
        " (\"name\" ~{3}\\r\\nb\\x00c \"\\xdc\" \"\\\\x\")",
        " \"name\" \"x\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        gsize n;
        guint8 *octets = make_line(IMAPID_CLIENT, lists[i], &n);
        struct made whole, cut;
        unsigned whole_faults, faults;
        char *whole_text, *text;

        make_octets(&whole, IMAPID_CLIENT, octets, n, n);
        whole_text = feed_list_text(&whole.unit, &whole_faults);
        for (gsize k = 5; k < n; k++) {
            make_octets(&cut, IMAPID_CLIENT, octets, n, k);
            text = feed_list_text(&cut.unit, &faults);
            g_assert_cmpuint(faults & ~whole_faults, ==, 0);
            if (text[0] == '(' && text[1] != ')') {
                text[strlen(text) - 1] = 0;
                g_assert_true(g_str_has_prefix(whole_text, text));
            }
            g_free(text);
            g_free(cut.block);
        }
        g_free(whole_text);
        g_free(whole.block);
        g_free(octets);
    }
}

/* A list that is closed before the cut is judged to its end. */
static void test_cut_behind_list(void)
{
    gsize n;
    guint8 *octets = make_line(IMAPID_CLIENT, " (\"name\")", &n);
    struct made made;
    unsigned faults;
    char *text;

    make_octets(&made, IMAPID_CLIENT, octets, n, n - 2);
    text = feed_list_text(&made.unit, &faults);
    g_assert_cmpstr(text, ==, "(name=?)");
    g_assert_cmpuint(faults, ==, IMAPID_FAULT_MISSING_VALUE);
    g_free(text);
    g_free(made.block);
    g_free(octets);
}

/* ---- refused literals, and lists over the limit ---- */

static void test_refused(void)
{
    static const char text[] = "a1 ID (\"name\" \"x\" \"version\" {3}\r\n";
    gsize n = sizeof text - 1, n_used;
    guint8 *block = g_memdup2(text, n);
    struct imapid_frame frame;
    struct imapid_unit unit;
    unsigned faults;
    char *said;

    imapid_frame_init(&frame, IMAPID_CLIENT, true);
    imapid_frame_read(&frame, block, n, &unit, &n_used);
    imapid_frame_refuse(&frame);
    imapid_frame_read(&frame, block, n, &unit, &n_used);
    said = feed_list_text(&unit, &faults);
    g_assert_cmpstr(said, ==, "(name=x)");
    g_assert_cmpuint(faults, ==, 0);
    g_free(said);
    g_free(block);
}

/* Reads an over-long ID; returns its list as text, shortened. */
static char *read_over_limit(const GString *wire, unsigned *faults)
{
    guint8 *block = g_memdup2(wire->str, wire->len);
    struct imapid_frame frame;
    struct imapid_unit unit;
    gsize n_used;
    char *text;

    imapid_frame_init(&frame, IMAPID_CLIENT, true);
    g_assert_cmpint(imapid_frame_read(&frame, block, wire->len, &unit, &n_used), ==,
                    IMAPID_FRAME_UNIT);
    g_assert_true(unit.over_limit);
    text = feed_list_text(&unit, faults);
    g_free(block);
    if (strlen(text) > 40)
        memcpy(text + 36, "...", 4);
    return text;
}

static void test_over_limit(void)
{
    GString *wire = g_string_new("a1 ID (\"name\" \"x\" \"version\" \"");
    unsigned faults;
    char *text;

    while (wire->len < 70000)
        g_string_append(wire, "0123456789");
    text = read_over_limit(wire, &faults);
    g_assert_cmpstr(text, ==, "(name=x version=01234567890123456789...");
    g_assert_cmpuint(faults, ==, 0);
    g_free(text);
    g_string_assign(wire, "a1 ID (\"name\" \"x\" {10737418240}\r\nx");
    text = read_over_limit(wire, &faults);
    g_assert_cmpstr(text, ==, "(name=x ...=?)");
    g_assert_cmpuint(faults, ==, 0);
    g_free(text);
    g_string_assign(wire, "a1 ID (\"name\" {99999+}\r\nx");
    text = read_over_limit(wire, &faults);
    g_assert_cmpstr(text, ==, "(name=...)");
    g_assert_cmpuint(faults, ==, 0);
    g_free(text);
    g_string_free(wire, TRUE);
}

/* ---- decoding ---- */

static void test_decode(void)
{
    static const guint8 octets[] = "a\\\"b\\\\c\\d\\";
    struct imapid_string string = {
        .kind = IMAPID_STRING_QUOTED, .content = {0, sizeof octets - 1}, .has_escapes = true};
    guint8 out[4] = {0};

    g_assert_cmpuint(imapid_string_decode(octets, &string, NULL, 0), ==, 8);
    g_assert_cmpuint(imapid_string_decode(octets, &string, out, 3), ==, 8);
    g_assert_cmpmem(out, 4, "a\"b\0", 4);
    string.has_escapes = false;
    g_assert_cmpuint(imapid_string_decode(octets, &string, out, 4), ==, 10);
    g_assert_cmpmem(out, 4, "a\\\"b", 4);
}

/* ---- time ---- */

/* Every kind of list, as long as an ID may be, is read in one go: were it quadratic, this would
 * take minutes. */
static void test_linear(void)
{
    static const char *const parts[] = {"\"", "\"\" ", "\"a\"b", "{", "{1", "~{9}", "(",   ",",
                                        "a ", "\\\"",  "{9}\"",  " ", ")",  "\" ",  "NIL "};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        GString *wire = g_string_new("a1 ID (");
        struct made made;

        while (wire->len < IMAPID_UNIT_MAX - 10)
            g_string_append(wire, parts[i]);
        g_string_append(wire, "x\r\n");
        make_octets(&made, IMAPID_CLIENT, (guint8 *)wire->str, wire->len, wire->len);
        for (int again = 0; again < 20; again++) {
            struct imapid_list list;
            struct imapid_pair pair;

            imapid_list_begin(&list, &made.unit);
            while (imapid_list_next(&list, &pair))
                ;
        }
        g_free(made.block);
        g_string_free(wire, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/list/valid", test_valid);
    g_test_add_func("/list/valid-literals", test_valid_literals);
    g_test_add_func("/list/random-valid", test_random_valid);
    g_test_add_func("/list/spacing", test_spacing);
    g_test_add_func("/list/commas", test_commas);
    g_test_add_func("/list/atoms", test_atoms);
    g_test_add_func("/list/odd", test_odd);
    g_test_add_func("/list/nil-fields", test_nil_fields);
    g_test_add_func("/list/parentheses", test_parentheses);
    g_test_add_func("/list/missing-arguments", test_missing_arguments);
    g_test_add_func("/list/trailing-data", test_trailing_data);
    g_test_add_func("/list/unescaped-quotes", test_unescaped_quotes);
    g_test_add_func("/list/bad-strings", test_bad_strings);
    g_test_add_func("/list/faults-of-pairs", test_faults_of_pairs);
    g_test_add_func("/list/places-of-literals", test_places_of_literals);
    g_test_add_func("/list/cut-malformed", test_cut_malformed);
    g_test_add_func("/list/cut-behind-list", test_cut_behind_list);
    g_test_add_func("/list/refused", test_refused);
    g_test_add_func("/list/over-limit", test_over_limit);
    g_test_add_func("/list/decode", test_decode);
    g_test_add_func("/list/linear", test_linear);
    return g_test_run();
}
