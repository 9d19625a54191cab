/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-list.c: every connection in a row, in the order of time, with how it went folded below; and who both
 * sides are, where there is one connection.
 *
 * Refuses rows past IMAPID_PAGE_ROWS_MAX, details past PAGE_MAX octets of the page, and lines past
 * COURSE_MAX; the page says so.
 *
 * Misuse: a token that no row has. */
#include "answer/page.h"

#include "answer/html.h"
#include "answer/radix.h"
#include "record/detail.h"
#include "record/gist.h"
#include "large.h"
#include "record/shell.h"
#include "record/spell.h"

#include <stdlib.h>
#include <string.h>

/* Octets of a page, behind which rows get no more details: a browser has to hold it. */
#define PAGE_MAX (32u << 20)
/* Octets that one connection is told in, and exchanges. */
#define COURSE_MAX    8000u
#define EXCHANGES_MAX 16u
/* Characters of a cell. */
#define CELL_MAX 60u
/* Rows that are shown before a person asks for more. */
#define ROWS_FIRST 100u

struct listing {
    struct imapid_report *report;
    struct imapid_page_bins bins;
    uint32_t *places; /* of the rows that are shown, by time */
    unsigned n;
    struct imapid_store_reading reading;
};

/* ---- which rows, in which order ---- */

struct candidate {
    uint64_t age; /* the newest is the smallest */
    uint64_t place;
};

G_STATIC_ASSERT(sizeof(struct candidate) == 2 * sizeof(uint64_t));

static int compare_time(const void *a, const void *b)
{
    const struct candidate *one = a, *other = b;

    if (one->age != other->age)
        return one->age > other->age ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

/* Those where there is something to do, then the others, the newest first. */
static struct candidate *sort_rows(const struct imapid_survey *survey)
{
    struct candidate *all = imapid_large_new(survey->n_rows, sizeof *all);
    unsigned n = 0;

    for (int turn = 0; turn < 2; turn++) {
        unsigned first = n;

        for (unsigned i = 0; i < survey->n_rows; i++) {
            bool acts = (survey->rows[i].concerns & IMAPID_CONCERNS_TO_ACT) != 0;

            if (acts == !turn)
                all[n++] =
                    (struct candidate){(uint64_t)INT64_MAX - (uint64_t)survey->rows[i].ts_ns, i};
        }
        imapid_radix_sort(&all[first].age, n - first, 2);
    }
    return all;
}

static void choose_rows(struct listing *listing)
{
    const struct imapid_survey *survey = listing->report->survey;
    struct candidate *all = sort_rows(survey);

    listing->n = MIN(survey->n_rows, IMAPID_PAGE_ROWS_MAX);
    qsort(all, listing->n, sizeof *all, compare_time);
    listing->places = g_new(uint32_t, listing->n + (gsize)1);
    for (unsigned i = 0; i < listing->n; i++)
        listing->places[i] = (uint32_t)all[i].place;
    imapid_large_free(all);
}

/* ---- tokens ---- */

static void add_tokens(GString *out, const struct listing *listing,
                       const struct imapid_survey_row *row)
{
    if (row->program)
        g_string_append_printf(out, " p%u v%u.%u", row->program - 1, row->program - 1,
                               row->version);
    else
        g_string_append(out, row->shade == IMAPID_SHADE_UNREAD ? " pu" : " p-");
    g_string_append_printf(out, " s%u x%u o%u d%u", row->server, row->shade, row->result,
                           imapid_page_bins_find(listing->report, &listing->bins, row->ts_ns));
    if (row->login)
        g_string_append_printf(out, " l%u", row->login);
    if (row->reason)
        g_string_append_printf(out, " r%u.%u", row->reason, row->phrase);
    if (row->is_silent)
        g_string_append(out, " n1");
    if (row->is_late)
        g_string_append(out, " b1");
    if (row->concerns & IMAPID_CONCERNS_TO_ACT)
        g_string_append(out, " a1");
    for (int i = 0; i < IMAPID_N_CONCERNS; i++)
        if (row->concerns >> i & 1)
            g_string_append_printf(out, " k%d", i);
    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        if (row->codes >> i & 1)
            g_string_append_printf(out, " f%s", imapid_finding_code((enum imapid_finding_code)i));
    g_string_append_c(out, ' ');
}

/* ---- the course of a connection ---- */

/* What a connection is told of, read again. */
struct reading {
    struct imapid_store_conn conn;
    struct imapid_detail *detail;
    struct imapid_gist gist;
    struct imapid_row row;
};

static void read_exchange(struct reading *reading, const struct listing *listing,
                          const struct imapid_record_exchange *exchange, bool is_told)
{
    struct imapid_stamp when = imapid_record_when(exchange);
    struct imapid_gist_said said;
    int64_t rtt_ns;
    bool tells[2];

    imapid_gist_look(exchange, &said);
    imapid_gist_add(&reading->gist, &said, when.ts_ns, when.number,
                    imapid_record_rtt_ns(exchange, &rtt_ns) ? rtt_ns : -1, tells);
    if (is_told && imapid_detail_count_memory(reading->detail) < COURSE_MAX)
        imapid_detail_add_exchange(reading->detail, exchange, &listing->report->terminal);
    else
        imapid_detail_leave_out(reading->detail);
}

static void read_conn(struct reading *reading, struct listing *listing, unsigned place)
{
    const struct imapid_store_view *view = listing->report->page->view;
    const struct imapid_record_session *session;

    *reading = (struct reading){.gist = IMAPID_GIST_BEGUN, .detail = imapid_detail_new()};
    imapid_store_read_conn(view, place, &reading->conn);
    for (unsigned i = 0; i < reading->conn.n_exchanges; i++)
        read_exchange(reading, listing,
                      imapid_store_read_exchange(view, reading->conn.first + i, &listing->reading),
                      i < EXCHANGES_MAX);
    session = reading->conn.has_session ? &reading->conn.session : NULL;
    reading->row = (struct imapid_row){
        .result = imapid_gist_close(&reading->gist, session),
        .conn = &reading->conn.conn,
        .session = session,
    };
    reading->row.ts_ns = reading->gist.ts_ns;
    reading->row.frame = imapid_gist_get_frame(&reading->gist, session);
    reading->row.n_warnings = reading->gist.n_warnings;
    reading->row.rtt_ns = reading->gist.rtt_ns;
    reading->row.security = reading->gist.security;
    reading->row.compressed = reading->gist.compressed;
}

/* Blanks before the pairs of a list, which a terminal has room for. */
#define BLANKS      40u
#define BLANKS_LEFT 8u

static void write_lines(GString *out, const char *text)
{
    g_string_append(out, "<pre>");
    while (*text) {
        size_t n_blanks = strspn(text, " "), n;
        char *line;

        if (n_blanks > BLANKS)
            text += n_blanks - BLANKS_LEFT;
        n = strcspn(text, "\n");
        line = g_strndup(text, n + (text[n] == '\n'));
        imapid_html_text(out, line);
        g_free(line);
        text += n + (text[n] == '\n');
    }
    g_string_append(out, "</pre>\n");
}

/* The steps, and the line for a shell with a button behind it; in rows a script puts that there. The text is safe for terminals; here for HTML too. */
static void write_course(GString *out, const struct listing *listing, struct reading *reading,
                         const char *button)
{
    const struct imapid_record_conn *conn = &reading->conn.conn;
    GString *text = g_string_new(NULL);
    gsize n;

    imapid_detail_spell_course(text, reading->detail, &reading->row, &listing->report->terminal,
                               reading->row.ts_ns, button[0] != '\0');
    g_strchomp(text->str);
    g_string_set_size(text, strlen(text->str));
    n = text->len;
    if (n > COURSE_MAX) {
        n = COURSE_MAX;
        while (n && (text->str[n] & 0xc0) == 0x80)
            n--;
        g_string_truncate(text, n);
        g_string_append(text, "\xe2\x80\xa6\n(imapid extract -v has all of it)");
    }
    write_lines(out, text->str);
    g_string_truncate(text, 0);
    if (imapid_shell_spell_wireshark(text, conn->file, NULL, conn->stream, reading->row.frame)) {
        g_strchomp(text->str);
        g_string_append(out, "<div class=\"cp\"><code>");
        imapid_html_text(out, text->str);
        g_string_append_printf(out, "</code>%s</div>", button);
    }
    g_string_free(text, TRUE);
}

/* ---- rows ---- */

static void write_client(GString *out, const struct listing *listing,
                         const struct imapid_survey_row *row, const struct imapid_record_conn *conn)
{
    const struct imapid_survey *survey = listing->report->survey;
    const char *version = imapid_survey_get_text(survey, row->version);

    if (row->program) {
        imapid_html_foreign(
            out,
            g_array_index(survey->programs, struct imapid_survey_program, row->program - 1).name,
            CELL_MAX);
        if (version) {
            g_string_append_c(out, ' ');
            imapid_html_foreign(out, version, CELL_MAX);
        }
    } else {
        g_string_append_printf(out, "<b class=\"m\">%s</b>",
                               row->has_id                         ? "no name"
                               : row->shade == IMAPID_SHADE_UNREAD ? "not readable"
                                                                   : "no ID seen");
    }
    g_string_append(out, "<span>");
    imapid_spell_address(out, imapid_store_get_client(conn));
    g_string_append(out, "</span>");
}

static const char *get_sign(enum imapid_mark mark)
{
    return mark == IMAPID_MARK_WRONG ? "error" : mark == IMAPID_MARK_WARNING ? "warning" : NULL;
}

static void write_result(GString *out, const struct reading *reading)
{
    const struct imapid_row *row = &reading->row;
    enum imapid_mark mark = imapid_result_mark(row->result);
    bool is_good = row->result == IMAPID_RESULT_OK || row->result == IMAPID_RESULT_WARNED;
    const char *sign = is_good ? NULL : get_sign(mark);
    GString *text = g_string_new(NULL);

    if (sign)
        g_string_append_printf(out, "<span class=\"sv sv-%s\">%s ", sign,
                               mark == IMAPID_MARK_WRONG ? "\xe2\x9c\x96" : "\xe2\x96\xb2");
    if (is_good)
        g_string_assign(text, "OK"); /* warnings stand beside it */
    else
        imapid_result_spell(text, row->result, 0);
    imapid_html_text(out, text->str);
    g_string_append(out, sign ? "</span>" : "");
    if (is_good && row->rtt_ns >= 0) {
        g_string_truncate(text, 0);
        imapid_row_spell_duration(text, row->rtt_ns);
        g_string_append(out, " <b class=\"m\">");
        imapid_html_text(out, text->str);
        g_string_append(out, "</b>");
    }
    g_string_free(text, TRUE);
}

static void write_codes(GString *out, uint64_t codes, const struct imapid_record_conn *conn)
{
    static const char *const signs[] = {"\xe2\x97\x8f", "\xe2\x96\xb2", "\xe2\x9c\x96"};
    bool has_any = false;

    for (int severity = IMAPID_SEVERITY_ERROR; severity >= IMAPID_SEVERITY_NOTE; severity--)
        for (int i = 0; i < IMAPID_N_FINDINGS; i++) {
            enum imapid_finding_code code = (enum imapid_finding_code)i;

            if (!(codes >> i & 1) ||
                imapid_finding_severity(code) != (enum imapid_severity)severity)
                continue;
            g_string_append_printf(out, "%s<b class=\"sv-%s\">%s</b> %s", has_any ? ", " : "",
                                   imapid_severity_name((enum imapid_severity)severity),
                                   signs[severity], imapid_finding_code(code));
            has_any = true;
        }
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        if (conn->doubts.of[i].n) {
            g_string_append_printf(out, "%s<b class=\"sv-warning\">?</b> %s", has_any ? ", " : "",
                                   imapid_doubt_code((enum imapid_doubt)i));
            has_any = true;
        }
}

static void add_date(GString *out, const struct listing *listing, int64_t ts_ns)
{
    GDateTime *date = imapid_row_make_date(&listing->report->terminal, ts_ns);
    char *text = date ? g_date_time_format(date, "%Y-%m-%d") : g_strdup("none");

    g_string_append(out, text);
    g_free(text);
    if (date)
        g_date_time_unref(date);
}

static void write_row(GString *out, struct listing *listing, unsigned i)
{
    const struct imapid_survey *survey = listing->report->survey;
    const struct imapid_survey_row *row = &survey->rows[listing->places[i]];
    const char *says = imapid_survey_get_text(survey, row->says);
    struct reading reading;

    read_conn(&reading, listing, listing->places[i]);
    g_string_append_printf(out, "<tbody%s data-k=\"", i >= ROWS_FIRST ? " hidden" : "");
    add_tokens(out, listing, row);
    g_string_append(out, "\" data-d=\"");
    add_date(out, listing, row->ts_ns);
    g_string_append_printf(out,
                           "\" data-t=\"%u\" data-r=\"%" G_GINT64_FORMAT
                           "\"><tr class=\"r\"><td><button type=\"button\" "
                           "aria-expanded=\"false\"><span class=\"dt\">",
                           i, reading.row.rtt_ns < 0 ? -1 : reading.row.rtt_ns / 1000);
    imapid_page_day(out, listing->report, row->ts_ns, IMAPID_PAGE_DAY);
    g_string_append(out, " </span>");
    imapid_page_clock(out, listing->report, row->ts_ns);
    g_string_append(out, "</button></td><td data-c=\"c\">");
    write_client(out, listing, row, &reading.conn.conn);
    g_string_append(out, "</td><td class=\"p0\" data-c=\"s\">");
    if (says)
        imapid_html_foreign(out, says, CELL_MAX);
    g_string_append(out, "<span>");
    imapid_spell_address(out, &reading.conn.conn.server);
    g_string_append_printf(out, "</span></td><td class=\"p0\">%s%s</td><td>",
                           reading.row.security == IMAPID_SECURITY_TLS        ? "TLS"
                           : reading.row.security == IMAPID_SECURITY_STARTTLS ? "STARTTLS"
                                                                              : "none",
                           reading.row.compressed ? " + deflate" : "");
    write_result(out, &reading);
    g_string_append(out, "</td><td class=\"p0 s\">");
    write_codes(out, row->codes, &reading.conn.conn);
    g_string_append(out, "</td></tr><tr class=\"d\"><td colspan=\"6\"><div>");
    if (out->len < PAGE_MAX)
        write_course(out, listing, &reading, "");
    else
        g_string_append(out, "<p>The page has no more room; imapid extract -v has it.</p>");
    g_string_append(out, "</div></td></tr></tbody>\n");
    imapid_detail_free(reading.detail);
}

/* ---- days ---- */

static bool is_of_day(const struct listing *listing, unsigned i, const GString *day)
{
    GString *other = g_string_new(NULL);
    bool is_same;

    add_date(other, listing, listing->report->survey->rows[listing->places[i]].ts_ns);
    is_same = g_string_equal(other, day);
    g_string_free(other, TRUE);
    return is_same;
}

/* The heading of the day that begins with the row. */
static void write_day(GString *out, const struct listing *listing, unsigned first,
                      const GString *day)
{
    unsigned n = 1;

    while (first + n < listing->n && is_of_day(listing, first + n, day))
        n++;
    g_string_append_printf(out,
                           "<tbody class=\"day\"%s data-d=\"%s\" data-n=\"%u\"><tr><th "
                           "colspan=\"6\" scope=\"rowgroup\">",
                           first >= ROWS_FIRST ? " hidden" : "", day->str, n);
    imapid_page_day(out, listing->report,
                    listing->report->survey->rows[listing->places[first]].ts_ns,
                    IMAPID_PAGE_LONG_DATE);
    g_string_append(out, " <span>");
    imapid_page_count(out, n, "connection", "connections");
    g_string_append(out, "</span></th></tr></tbody>\n");
}

static void write_rows(GString *out, struct listing *listing)
{
    GString *day = g_string_new(NULL);

    for (unsigned i = 0; i < listing->n; i++) {
        if (!i || !is_of_day(listing, i, day)) {
            g_string_truncate(day, 0);
            add_date(day, listing, listing->report->survey->rows[listing->places[i]].ts_ns);
            write_day(out, listing, i, day);
        }
        write_row(out, listing, i);
    }
    g_string_free(day, TRUE);
}

/* ---- the list ---- */

static void write_chip(GString *out, struct imapid_report *report, const char *token,
                       const char *name, unsigned n)
{
    GString *link;

    if (!n)
        return;
    link = g_string_new(NULL);
    imapid_page_link(link, report, token, name); /* notes the name */
    g_string_free(link, TRUE);
    g_string_append_printf(out,
                           "<button type=\"button\" class=\"chip\" data-k=\"%s\">%s <span "
                           "class=\"n\">%u</span></button>",
                           token, name, n);
}

static void write_tools(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    char *login = imapid_page_token("o%d", IMAPID_RESULT_LOGIN);
    char *mailbox = imapid_page_token("o%d", IMAPID_RESULT_MAILBOX);

    g_string_append(out, "<div class=\"bar2 js\"><label for=\"q\">Search</label><input "
                         "type=\"search\" id=\"q\" placeholder=\"address, program, frame\" "
                         "autocomplete=\"off\">");
    write_chip(out, report, "a1", "Needs action", survey->n_to_act);
    write_chip(out, report, login, "Login refused", survey->n_results[IMAPID_RESULT_LOGIN]);
    write_chip(out, report, mailbox, "Mailbox refused", survey->n_results[IMAPID_RESULT_MAILBOX]);
    write_chip(out, report, "x2", "Clear text", survey->n_shades[IMAPID_SHADE_CLEAR]);
    g_string_append(out, "</div>\n<div class=\"bar2 js\"><span id=\"chips\"></span><button "
                         "type=\"button\" class=\"b\" id=\"clear\" hidden>Clear all</button><span "
                         "id=\"count\" class=\"m s\" role=\"status\"></span></div>\n");
    g_free(login);
    g_free(mailbox);
}

static void write_table(GString *out, struct listing *listing)
{
    g_string_append(
        out,
        "<table class=\"x\" id=\"x\"><caption class=\"u\">Connections, in order of time</caption>"
        "<colgroup><col class=\"a\"><col><col class=\"p0\"><col class=\"e\"><col class=\"g\"><col "
        "class=\"f\"></colgroup><thead><tr><th scope=\"col\" aria-sort=\"ascending\" "
        "data-s=\"t\"><button type=\"button\">Time</button></th><th scope=\"col\" "
        "aria-sort=\"none\" data-s=\"c\"><button type=\"button\">Client</button></th><th "
        "scope=\"col\" class=\"p0\" aria-sort=\"none\" data-s=\"s\"><button "
        "type=\"button\">Server</button></th><th scope=\"col\" class=\"p0\">Security</th><th "
        "scope=\"col\" aria-sort=\"none\" data-s=\"r\"><button type=\"button\">Answer</button>"
        "</th><th scope=\"col\" class=\"p0\">Findings</th></tr></thead>\n");
    write_rows(out, listing);
    g_string_append(out, "</table>\n<p class=\"js blk\"><button type=\"button\" class=\"b\" "
                         "id=\"more\" hidden></button></p>\n");
}

void imapid_page_write_list(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    struct listing listing = {.report = report, .bins = imapid_page_bins_make(report)};
    GString *lead = g_string_new(NULL);

    if (survey->n_rows) {
        choose_rows(&listing);
        if (listing.n < survey->n_rows) {
            imapid_spell_grouped(lead, listing.n);
            g_string_append(lead, " of ");
            imapid_spell_grouped(lead, survey->n_rows);
            g_string_append(lead, " are in this page: those that need action, then the newest. ");
        }
        g_string_append(lead, "In order of time, ");
        imapid_page_count(lead, report->overview.n_exchanges, "ID exchange", "ID exchanges");
        g_string_append(lead, " in ");
        imapid_page_count(lead, survey->n_rows, "connection.", "connections.");
        g_string_append(lead, " <span class=\"scr\">A row opens to how it went, and to the line "
                              "that shows it in Wireshark.</span>");
        imapid_page_begin(out, "list", survey->n_rows == 1 ? "How it went" : "Connections",
                          survey->n_rows == 1 ? NULL : lead->str);
        if (survey->n_rows == 1) {
            struct reading reading;

            read_conn(&reading, &listing, 0);
            g_string_append(out, "<div class=\"said\">");
            write_course(out, &listing, &reading,
                         "<button type=\"button\" class=\"b js\" data-copy>Copy</button>");
            g_string_append(out, "</div>\n");
            imapid_detail_free(reading.detail);
        } else {
            write_tools(out, report);
            write_table(out, &listing);
        }
        g_string_append(out, "</section>\n");
        imapid_store_reading_deinit(&listing.reading);
        g_free(listing.places);
    }
    g_string_free(lead, TRUE);
}

/* ---- who both sides are, in the only connection ---- */

static void write_identity(GString *out, const struct imapid_record_half *half,
                           const struct imapid_endpoint *end, const char *side,
                           const char *software)
{
    g_string_append_printf(out, "<article class=\"id\"><p class=\"s m\">%s \xc2\xb7 ", side);
    imapid_html_endpoint(out, end);
    if (half->seen)
        g_string_append_printf(out, " \xc2\xb7 frame %" G_GUINT64_FORMAT, half->packet.number);
    g_string_append(out, "</p><h3 class=\"big\">");
    if (software)
        imapid_html_foreign(out, software, 120);
    else
        g_string_append(out, half->seen ? "Gave no name" : "No ID seen");
    g_string_append(out, "</h3>");
    if (half->n_pairs)
        g_string_append(out, "<dl>");
    for (unsigned i = 0; i < MIN(half->n_pairs, 30); i++) {
        g_string_append(out, "<dt>");
        imapid_html_string(out, &half->pairs[i].field, 60);
        g_string_append(out, "</dt><dd>");
        imapid_html_string(out, &half->pairs[i].value, 400);
        g_string_append(out, "</dd>");
    }
    if (half->n_pairs)
        g_string_append(out, "</dl>");
    g_string_append(out, "</article>\n");
}

void imapid_page_write_identities(GString *out, struct imapid_report *report)
{
    struct listing listing = {.report = report};
    static const struct imapid_record_half none = {.seen = false};
    const struct imapid_record_half *halves[2] = {&none, &none};
    struct imapid_store_reading readings[2] = {{.arena = {NULL, 0}}, {.arena = {NULL, 0}}};
    struct imapid_gist gist = IMAPID_GIST_BEGUN;
    struct imapid_store_conn conn;

    imapid_store_read_conn(report->page->view, 0, &conn);
    for (unsigned i = 0; i < conn.n_exchanges; i++) {
        const struct imapid_record_exchange *exchange =
            imapid_store_read_exchange(report->page->view, conn.first + i, &listing.reading);
        struct imapid_gist_said said;
        bool tells[2];

        imapid_gist_look(exchange, &said);
        imapid_gist_add(&gist, &said, 0, 0, -1, tells);
        for (int side = 0; side < 2; side++) {
            if (!tells[side])
                continue;
            exchange =
                imapid_store_read_exchange(report->page->view, conn.first + i, &readings[side]);
            halves[side] = side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
        }
    }
    imapid_page_begin(out, "who", "Who", "All that each side said of itself, as sent.");
    g_string_append(out, "<div class=\"ids\">\n");
    for (int side = 0; side < 2; side++) {
        char *software =
            halves[side]->seen ? imapid_fold_software(report->page->fold, halves[side]) : NULL;

        write_identity(out, halves[side],
                       side == IMAPID_CLIENT ? imapid_store_get_client(&conn.conn)
                                             : &conn.conn.server,
                       side == IMAPID_CLIENT ? "Client" : "Server", software);
        g_free(software);
        imapid_store_reading_deinit(&readings[side]);
    }
    g_string_append(out, "</div>\n</section>\n");
    imapid_store_reading_deinit(&listing.reading);
}
