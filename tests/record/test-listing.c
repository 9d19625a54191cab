/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records for a person: a row for each connection, in the order of time and as wide as the terminal,
 * and nothing that a stranger wrote moves the cursor. */
#include "record/listing.h"
#include "record/width.h"
#include "sample.h"

#include <string.h>

static const struct imapid_listing_style narrow = {
    {.utf8 = true, .columns = 80, .clock = IMAPID_CLOCK_UTC}, .n_memory = 1 << 20};

/* What one connection with this exchange and session is written as. Either may be NULL. */
static char *list(struct imapid_listing_style style, const struct imapid_record_exchange *exchange,
                  const struct imapid_record_session *session)
{
    struct imapid_listing *listing = imapid_listing_new(&style);
    GString *out = g_string_new(NULL);

    if (exchange)
        imapid_listing_add_exchange(listing, exchange);
    if (session)
        imapid_listing_add_session(listing, session);
    imapid_listing_end(listing, out);
    imapid_listing_free(listing);
    return g_string_free(out, FALSE);
}

static struct imapid_listing_style style_of(unsigned columns)
{
    struct imapid_listing_style style = narrow;

    style.terminal.columns = columns;
    return style;
}

/* The second line: the one behind the heading. Ends `text`. */
static char *get_row(char *text)
{
    char *heading_end = strchr(text, '\n'),
         *end = heading_end ? strchr(heading_end + 1, '\n') : NULL;

    g_assert(end);
    *end = 0;
    return heading_end + 1;
}

/* The head of the columns begins each of them where the rows do. */
static void check_columns(unsigned columns, char *row, const char *title, const char *cell)
{
    GString *head = g_string_new(NULL);
    struct imapid_listing_style style = style_of(columns);
    char *at = strstr(row, cell);
    gsize place;

    imapid_row_spell_head(head, &style.terminal);
    g_assert_nonnull(at);
    place = imapid_width_measure(row, (gsize)(at - row));
    g_assert_cmpuint(place, ==, (gsize)(strstr(head->str, title) - head->str));
    g_string_free(head, TRUE);
}

static void test_layouts(void)
{
    static const unsigned widths[] = {40, 80, 100, 119, 120, 160, 199, 200, 230};
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();

    sample_pair(sample, IMAPID_CLIENT, "name",
                "\xe3\x83\xa1\xe3\x83\xbc\xe3\x83\xab client of a long name");
    sample_pair(sample, IMAPID_CLIENT, "version", "2.2");
    sample_pair(sample, IMAPID_SERVER, "name", "Dovecot");
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "name");
    for (size_t i = 0; i < G_N_ELEMENTS(widths); i++) {
        unsigned columns = widths[i];
        char *text = list(style_of(columns), &sample->exchange, &session), *row = get_row(text);

        g_assert_cmpuint(imapid_width_measure(row, strlen(row)), <=, MAX(columns, 80));
        g_assert_true(g_str_has_prefix(text, "Fri 2 Jan 2026, UTC \xc2\xb7 a.pcap\n") ||
                      g_str_has_prefix(text, "Fri 2 Jan 2026, UTC \xc2\xb7 a.pcap"));
        g_assert_true(g_str_has_prefix(row, "! 03:04:05"));
        check_columns(columns, row, "RESULT", "ok, 1 warning");
        check_columns(columns, row, "SECURITY", "none");
        check_columns(columns, row, "SERVER", "10.0.0.2");
        if (columns < 120)
            check_columns(columns, row, "CLIENT", "\xe3\x83\xa1");
        else
            check_columns(columns, row, "CLIENT SAYS", "\xe3\x83\xa1");
        if (columns >= 200)
            check_columns(columns, row, "FINDINGS", "not-ascii");
        g_free(text);
    }
    sample_free(sample);
}

static void check_result(struct imapid_record_session *session, const char *words)
{
    char *text = list(narrow, NULL, session), *row = get_row(text);

    g_assert_true(g_str_has_suffix(row, words));
    g_assert_cmpuint(strlen(row) - strlen(words), ==, 64);
    g_free(text);
}

static void test_sessions(void)
{
    struct imapid_record_session session = sample_session();

    session.n_exchanges = 0;
    check_result(&session, "no ID seen");
    session.ended = IMAPID_ENDED_FIN;
    check_result(&session, "no ID sent");
    session.decrypted = IMAPID_NO;
    session.not_decrypted = "no-key";
    session.not_decrypted_phrase = "no key log was given (-l)";
    check_result(&session, "not read: no key");
    session.not_decrypted = "damaged";
    check_result(&session, "not read");
    session.not_decrypted = NULL;
    session.healthy = IMAPID_NO;
    session.outcome.status = "NO";
    session.outcome.stopped_at = IMAPID_STAGE_LOGIN;
    check_result(&session, "login refused");
}

/* A row has the worst of its connection, and who did speak, though a later list was refused. */
static void test_several(void)
{
    struct sample *good = sample_new(), *bad = sample_new();
    struct imapid_record_session session = sample_session();
    struct imapid_listing *listing = imapid_listing_new(&narrow);
    GString *out = g_string_new(NULL);

    sample_pair(good, IMAPID_CLIENT, "name", "Good");
    sample_pair(bad, IMAPID_CLIENT, "name", "Bad");
    bad->exchange.status = IMAPID_STATUS_BAD;
    imapid_listing_add_exchange(listing, &good->exchange);
    imapid_listing_add_exchange(listing, &bad->exchange);
    imapid_listing_take(listing, out);
    g_assert_cmpuint(out->len, ==, 0);
    imapid_listing_add_session(listing, &session);
    imapid_listing_end(listing, out);
    g_assert_nonnull(strstr(out->str, " Good "));
    g_assert_null(strstr(out->str, " Bad "));
    g_assert_true(g_str_has_suffix(out->str, "ok 1.0 ms\n"));
    g_assert_cmpuint(imapid_listing_get_counts(listing)->n, ==, 1);
    g_assert_cmpuint(imapid_listing_get_counts(listing)->n_named, ==, 1);
    imapid_listing_free(listing);
    g_string_free(out, TRUE);
    sample_free(good);
    sample_free(bad);
}

static void add_session(struct imapid_listing *listing, uint32_t stream, int64_t second)
{
    struct imapid_record_session session = sample_session();

    session.conn.stream = stream;
    session.first_ns += second * 1000000000;
    session.last_ns = session.first_ns;
    imapid_listing_add_session(listing, &session);
}

static void test_order(void)
{
    for (int is_live = 0; is_live < 2; is_live++) {
        struct imapid_listing_style style = narrow;
        struct imapid_listing *listing;
        GString *out = g_string_new(NULL);

        style.is_live = is_live;
        listing = imapid_listing_new(&style);
        add_session(listing, 11, 90000);
        add_session(listing, 22, 5);
        add_session(listing, 33, 90000);
        imapid_listing_take(listing, out);
        g_assert_cmpint(out->len > 0, ==, is_live);
        imapid_listing_end(listing, out);
        g_assert_cmpint(strstr(out->str, " 22 ") < strstr(out->str, " 11 "), ==, !is_live);
        g_assert_true(strstr(out->str, " 11 ") < strstr(out->str, " 33 "));
        /* A heading for each day, or whenever it changes. */
        g_assert_cmpuint(sample_count(out->str, "a.pcap"), ==, is_live ? 3 : 2);
        imapid_listing_free(listing);
        g_string_free(out, TRUE);
    }
}

/* Records of several files: each has its own order, but pieces of one capture have one. */
static void test_files(void)
{
    for (int is_one = 0; is_one < 2; is_one++) {
        struct imapid_listing_style style = narrow;
        struct imapid_listing *listing;
        GString *out = g_string_new(NULL);

        style.is_one = is_one;
        listing = imapid_listing_new(&style);
        for (uint32_t i = 0; i < 4; i++) {
            struct imapid_record_session session = sample_session();

            session.conn.file = i % 2 ? "b.pcap" : "c.pcap";
            session.conn.stream = i;
            session.first_ns += i * 1000000000;
            imapid_listing_add_session(listing, &session);
        }
        imapid_listing_end(listing, out);
        g_assert_cmpuint(sample_count(out->str, ".pcap\n"), ==, is_one ? 4 : 2);
        imapid_listing_free(listing);
        g_string_free(out, TRUE);
    }
}

/* Records of two machines may have the same file and stream: other ends, another connection. */
static void test_namesakes(void)
{
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();
    char *text;

    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    sample->exchange.conn.client = sample_endpoint(9, 50000);
    text = list(narrow, &sample->exchange, &session);
    g_assert_cmpuint(sample_count(text, " 10.0.0.2 "), ==, 2);
    g_assert_cmpuint(sample_count(text, " Mutt "), ==, 1);
    g_free(text);
    sample_free(sample);
}

/* Line by line: under a sanitizer each search in a text measures all the rest of it. */
static unsigned count_rows(const GString *out)
{
    const char *end = out->str + out->len;
    unsigned n = 0;

    for (const char *at = out->str, *next; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        char *line;

        g_assert_nonnull(stop);
        next = stop + 1;
        line = g_strndup(at, (gsize)(next - at));
        n += sample_count(line, "10.0.0.2");
        g_free(line);
    }
    return n;
}

/* What waits to be sorted is bounded; all rows come. */
static void test_bound(void)
{
    struct imapid_listing *listing = imapid_listing_new(&narrow);
    GString *out = g_string_new(NULL);
    unsigned n = 100000;

    for (unsigned i = 0; i < n; i++) {
        add_session(listing, i, n - i);
        imapid_listing_take(listing, out);
    }
    g_assert_cmpuint(out->len, >, 0);
    imapid_listing_end(listing, out);
    g_assert_cmpuint(count_rows(out), ==, n);
    imapid_listing_free(listing);
    g_string_free(out, TRUE);
}

/* What one connection whose client says `name` n times, in lists of n_pairs, is written as. */
static char *list_often(struct imapid_listing_style style, const char *name, unsigned n_pairs,
                        unsigned n)
{
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();
    struct imapid_listing *listing = imapid_listing_new(&style);
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < n_pairs; i++)
        sample_pair(sample, IMAPID_CLIENT, "name", name);
    for (unsigned i = 0; i < n; i++)
        imapid_listing_add_exchange(listing, &sample->exchange);
    imapid_listing_add_session(listing, &session);
    imapid_listing_end(listing, out);
    imapid_listing_free(listing);
    sample_free(sample);
    return g_string_free(out, FALSE);
}

/* Of a name as long as a list may be, a row has what fits, and no part of a character. */
static void test_long_name(void)
{
    GString *name = g_string_new(NULL);
    char *text;

    while (name->len < 60000)
        g_string_append(name, "\xe3\x83\xa1");
    text = list_often(style_of(200), name->str, 1, 1);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_null(strstr(text, "\\x"));
    g_assert_nonnull(strstr(text, "\xe3\x83\xa1\xe2\x80\xa6"));
    g_free(text);
    g_string_free(name, TRUE);
}

/* Lists and exchanges without end are told in part, and that is said. */
static void test_long_detail(void)
{
    struct imapid_listing_style style = narrow;
    char *text;

    style.verbose = true;
    text = list_often(style, "Mutt", 100, 1);
    g_assert_cmpuint(sample_count(text, "Mutt\n"), ==, 100);
    g_assert_null(strstr(text, " more)"));
    g_free(text);
    text = list_often(style, "Mutt", 10101, 1);
    g_assert_cmpuint(sample_count(text, "Mutt\n"), ==, 100);
    g_assert_nonnull(strstr(text, " (10,001 more)\n"));
    g_assert_null(strstr(text, "not shown"));
    g_free(text);
    text = list_often(style, "Mutt", 100, 50);
    g_assert_nonnull(strstr(text, "  ? not shown: "));
    g_assert_cmpuint(strlen(text), <, 1 << 20);
    g_free(text);
    style.n_memory = 0;
    text = list_often(style, "Mutt", 1, 3);
    g_assert_nonnull(strstr(text, "  ? not shown: 3 more ID exchanges; JSON Lines have all\n"));
    g_free(text);
}

/* Exchanges whose session does not come are rows at the end. */
static void test_loose(void)
{
    struct sample *sample = sample_new();
    char *text;

    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    text = list(narrow, &sample->exchange, NULL);
    g_assert_nonnull(strstr(text, " Mutt "));
    g_assert_true(g_str_has_suffix(text, " ok 1.0 ms\n"));
    g_free(text);
    sample_free(sample);
}

static void test_hostile(void)
{
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();

    sample_pair(sample, IMAPID_CLIENT, "name", "\x07\n\xe2\x80\xae\xff");
    sample_pair(sample, IMAPID_CLIENT, "version\x1b[2J", "x");
    sample->exchange.text = sample_string(sample, "\x1b]0;x\x07", 6);
    sample_raw(sample, IMAPID_SERVER, "* ID \x9b");
    sample->exchange.conn.file = session.conn.file = "a\x1b[2J\xe2\x80\xae.pcap";
    session.healthy = IMAPID_NO;
    session.outcome.status = "NO\x1b[2J";
    session.outcome.stopped_at = IMAPID_STAGE_LOGIN;
    session.outcome.text = sample_string(sample, "\x1b[31m", 5);
    for (int verbose = 0; verbose < 2; verbose++) {
        struct imapid_listing_style style = style_of(230);
        char *text;

        style.verbose = verbose;
        text = list(style, &sample->exchange, &session);
        for (const char *at = text; *at; at++)
            g_assert_true(*at == '\n' || !g_ascii_iscntrl(*at));
        g_assert_null(strstr(text, "\xe2\x80\xae"));
        g_assert_true(g_utf8_validate(text, -1, NULL));
        g_assert_cmpint(strstr(text, "wireshark") != NULL, ==, 0);
        g_free(text);
    }
    sample_free(sample);
}

static void test_verbose(void)
{
    struct sample *sample = sample_new();
    struct imapid_listing_style style = narrow;
    struct imapid_record_session session = sample_session();
    char *text;

    style.verbose = true;
    sample_pair(sample, IMAPID_CLIENT, "os", NULL);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "os");
    sample->exchange.conn.file = session.conn.file = "it's a.pcap";
    text = list(style, &sample->exchange, &session);
    g_assert_true(
        g_str_has_prefix(text, "Connection 0 in it's a.pcap: ok, 1 warning\n10.0.0.1:50000 to "));
    g_assert_nonnull(strstr(text, "        4  03:04:05.000000  <0.1 ms  C a1 ID\n"));
    g_assert_nonnull(strstr(text, " os                NIL\n"));
    g_assert_nonnull(strstr(text, "        5  03:04:05.001000  1.0 ms   S * ID ()\n"));
    g_assert_nonnull(strstr(text, " S a1 OK ID completed\n"));
    g_assert_nonnull(strstr(text, "  ! not-ascii (client, os): "));
    g_assert_nonnull(strstr(
        text, "  wireshark -r 'it'\\''s a.pcap' -Y 'tcp.stream == 0'        then: frame 4\n"));
    g_free(text);
    sample_free(sample);
}

/* A backslash is spelled double on a terminal, which does not hide what else is in a name. */
static void test_quoting(void)
{
    static const struct {
        const char *file, *command;
    } all[] = {{"a\\b.pcap", "  wireshark -r 'a\\b.pcap' "},
               {"-a.pcap", "  wireshark -r ./-a.pcap "},
               {"a\\\xe2\x80\xae.pcap", NULL},
               {"a\\\x1b[2J.pcap", NULL}};
    struct imapid_listing_style style = narrow;

    style.verbose = true;
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        struct imapid_record_session session = sample_session();
        char *text;

        session.conn.file = all[i].file;
        text = list(style, NULL, &session);
        g_assert_cmpint(strstr(text, "wireshark") != NULL, ==, all[i].command != NULL);
        if (all[i].command)
            g_assert_nonnull(strstr(text, all[i].command));
        g_assert_null(strstr(text, "\xe2\x80\xae"));
        g_free(text);
    }
}

/* Colours are around cells, and change nothing else. */
static void test_colours(void)
{
    struct sample *sample = sample_new();
    struct imapid_record_session session = sample_session();
    struct imapid_listing_style style = style_of(200);
    char *plain, *coloured;
    GRegex *sgr = g_regex_new("\x1b\\[[0-9]*m", 0, 0, NULL);

    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    session.healthy = IMAPID_NO;
    session.outcome.status = "BYE";
    plain = list(style, &sample->exchange, &session);
    style.terminal.color = true;
    coloured = list(style, &sample->exchange, &session);
    g_assert_nonnull(strstr(coloured, "\033[31mx\033[0m "));
    g_assert_nonnull(strstr(coloured, "\033[31mclosed by server\033[0m"));
    {
        char *stripped = g_regex_replace_literal(sgr, coloured, -1, 0, "", 0, NULL);

        g_assert_cmpstr(stripped, ==, plain);
        g_free(stripped);
    }
    g_regex_unref(sgr);
    g_free(plain);
    g_free(coloured);
    sample_free(sample);
}

static void test_durations(void)
{
    static const struct {
        int64_t ns;
        const char *text;
    } all[] = {{0, "<0.1 ms"},        {49000, "<0.1 ms"},    {50000, "0.1 ms"},
               {900000, "0.9 ms"},    {9940000, "9.9 ms"},   {9960000, "10 ms"},
               {41400000, "41 ms"},   {999400000, "999 ms"}, {999600000, "1.0 s"},
               {1900000000, "1.9 s"}, {30000000000, "30 s"}};
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_string_truncate(out, 0);
        imapid_row_spell_duration(out, all[i].ns);
        g_assert_cmpstr(out->str, ==, all[i].text);
    }
    g_string_free(out, TRUE);
}

static void test_counts(void)
{
    struct imapid_listing_counts counts = {.n = 1316, .n_named = 1, .n_silent = 2, .n_unread = 3},
                                 sum = {.n = 0};
    GString *out = g_string_new(NULL);

    counts.n_results[IMAPID_RESULT_LOGIN] = 2;
    counts.n_results[IMAPID_RESULT_BROKEN] = 1;
    counts.n_results[IMAPID_RESULT_OK] = 1000;
    imapid_listing_add_counts(&sum, &counts);
    imapid_listing_spell_counts(out, &sum);
    g_assert_cmpstr(out->str, ==,
                    "1,316 connections, 1 named its program, 2 sent no ID, 3 not read");
    g_string_truncate(out, 0);
    imapid_listing_spell_wrongs(out, &sum);
    g_assert_cmpstr(out->str, ==, "3 went wrong: 1 list breaks RFC 2971, 2 logins refused");
    g_string_free(out, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listing/layouts", test_layouts);
    g_test_add_func("/listing/sessions", test_sessions);
    g_test_add_func("/listing/several", test_several);
    g_test_add_func("/listing/order", test_order);
    g_test_add_func("/listing/files", test_files);
    g_test_add_func("/listing/namesakes", test_namesakes);
    g_test_add_func("/listing/bound", test_bound);
    g_test_add_func("/listing/long-name", test_long_name);
    g_test_add_func("/listing/long-detail", test_long_detail);
    g_test_add_func("/listing/loose", test_loose);
    g_test_add_func("/listing/hostile", test_hostile);
    g_test_add_func("/listing/verbose", test_verbose);
    g_test_add_func("/listing/quoting", test_quoting);
    g_test_add_func("/listing/colours", test_colours);
    g_test_add_func("/listing/durations", test_durations);
    g_test_add_func("/listing/counts", test_counts);
    return g_test_run();
}
