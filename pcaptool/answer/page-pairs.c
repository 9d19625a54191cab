/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-pairs.c: which client programs speak to which servers, as a table of numbers whose ground says how
 * many; and how long servers take to answer an ID.
 *
 * Refuses more than so many rows and columns: the rest is "others".
 *
 * Misuse: a row's sum for the program's number where it stands in "others". */
#include "answer/page.h"

#include "number.h"

#include "answer/html.h"
#include "record/row.h"
#include "record/spell.h"

#include <math.h>
#include <string.h>

#define PROGRAMS 20u
#define SERVERS  10u
#define LEVELS   5

/* ---- who talks to whom ---- */

struct pairs {
    struct imapid_report *report;
    unsigned n_programs, n_servers; /* with others, where there are */
    bool has_other_programs, has_other_servers;
    unsigned n[PROGRAMS + 1][SERVERS + 1];
    unsigned n_max;
};

static const struct imapid_survey_server *get_server(const struct imapid_report *report, guint i)
{
    return &g_array_index(report->survey->servers, struct imapid_survey_server, i);
}

static void add_address(GString *out, const struct imapid_report *report, guint place)
{
    imapid_spell_address(out, &get_server(report, place)->end);
}

static const char *get_name(const struct pairs *pairs, unsigned i)
{
    return i >= PROGRAMS
               ? "others"
               : g_array_index(pairs->report->survey->programs, struct imapid_survey_program, i)
                     .name;
}

static void write_heads(GString *out, const struct pairs *pairs)
{
    const struct imapid_survey *survey = pairs->report->survey;

    g_string_append(out, "<thead><tr><th scope=\"col\"><span class=\"u\">Program</span></th>");
    for (unsigned k = 0; k < pairs->n_servers; k++) {
        g_string_append(out, "<th scope=\"col\">");
        if (k >= SERVERS) {
            g_string_append(out, "others");
        } else {
            const char *says = imapid_survey_get_text(survey, get_server(pairs->report, k)->says);

            if (says) {
                imapid_html_foreign(out, says, 30);
                g_string_append(out, "<br>");
            }
            g_string_append(out, "<span class=\"m\">");
            add_address(out, pairs->report, k);
            g_string_append(out, "</span>");
        }
        g_string_append(out, "</th>");
    }
    g_string_append(out, "<th scope=\"col\" class=\"m tot\">All</th></tr></thead>\n<tbody>\n");
}

static void write_cell(GString *out, const struct pairs *pairs, unsigned i, unsigned k)
{
    unsigned n = pairs->n[i][k];
    int level = (int)ceil(sqrt((double)n / (double)pairs->n_max) * LEVELS);
    char *token;

    if (!n) {
        g_string_append(out, "<td class=\"m\">\xc2\xb7</td>");
        return;
    }
    if (i >= PROGRAMS || k >= SERVERS) { /* no one thing leads there */
        g_string_append_printf(out, "<td><span class=\"k%d\">%u</span></td>", level, n);
        return;
    }
    token = imapid_page_token("p%u s%u", i, k);
    g_string_append_printf(out, "<td><a class=\"k%d\"", level);
    imapid_page_link(out, pairs->report, token, NULL);
    g_string_append_printf(out, "><span class=\"u\">");
    imapid_html_foreign(out, get_name(pairs, i), 40);
    g_string_append(out, " to ");
    add_address(out, pairs->report, k);
    g_string_append_printf(out, ": </span>%u</a></td>", n);
    g_free(token);
}

static void write_row(GString *out, const struct pairs *pairs, unsigned i)
{
    unsigned n = 0;

    g_string_append(out, "<tr><th scope=\"row\">");
    imapid_html_foreign(out, get_name(pairs, i), 40);
    g_string_append(out, "</th>");
    for (unsigned k = 0; k < pairs->n_servers; k++) {
        write_cell(out, pairs, i, k);
        n += pairs->n[i][k];
    }
    g_string_append_printf(out, "<td class=\"tot\">%u</td></tr>\n", n);
}

static void count_pairs(struct pairs *pairs)
{
    const struct imapid_survey *survey = pairs->report->survey;

    for (unsigned i = 0; i < survey->n_rows; i++) {
        const struct imapid_survey_row *row = &survey->rows[i];

        if (row->program)
            pairs->n[MIN(row->program - 1, PROGRAMS)][MIN(row->server, SERVERS)]++;
    }
    for (unsigned i = 0; i < pairs->n_programs; i++)
        for (unsigned k = 0; k < pairs->n_servers; k++)
            pairs->n_max = MAX(pairs->n_max, pairs->n[i][k]);
}

void imapid_page_write_pairs(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    struct pairs pairs = {.report = report,
                          .n_programs = MIN(survey->programs->len, PROGRAMS + 1),
                          .n_servers = MIN(survey->servers->len, SERVERS + 1)};

    if (pairs.n_programs < 2 || pairs.n_servers < 2)
        return;
    count_pairs(&pairs);
    imapid_page_begin(out, "pairs", "Who talks to whom",
                      "Connections by client program and server; the stronger the colour, the "
                      "more. <span class=\"scr\">A number shows its connections.</span>");
    g_string_append(out, "<section class=\"scroll\" tabindex=\"0\" aria-label=\"Client "
                         "programs by server\">\n<table class=\"mx\">\n<caption "
                         "class=\"u\">Connections by client program and server</caption>\n");
    write_heads(out, &pairs);
    for (unsigned i = 0; i < pairs.n_programs; i++)
        write_row(out, &pairs, i);
    g_string_append(out, "</tbody>\n</table>\n</section>\n</section>\n");
}

/* ---- answer times ---- */

/* Bins of a factor 10, and factors from 0.1 ms to 10 s. */
#define PER_DECADE 6
#define DECADES    5
#define N_BINS     (PER_DECADE * DECADES)
#define FEW        20u /* values that are shown one by one */
#define SLOW_NS    INT64_C(1000000000)

/* The place on the scale, from 0 to 1. */
static double scale(int64_t ns)
{
    return CLAMP(log10(MAX((double)ns, 1) / 1e5) / DECADES, 0, 1);
}

static int64_t get_quantile(const GArray *times, unsigned percent)
{
    return g_array_index(times, int64_t, imapid_number_rank(times->len, percent));
}

static void write_grid(GString *out)
{
    for (int i = 0; i <= DECADES; i++)
        g_string_append_printf(out,
                               "<line class=\"grid\" x1=\"%d%%\" x2=\"%d%%\" y1=\"0\" y2=\"48\"/>",
                               i * 100 / DECADES, i * 100 / DECADES);
}

static void write_dots(GString *out, const GArray *times)
{
    for (guint i = 0; i < times->len; i++) {
        int64_t ns = g_array_index(times, int64_t, i);

        g_string_append_printf(out, "<circle%s cx=\"%.2f%%\" cy=\"%u\" r=\"4\"/>",
                               ns > SLOW_NS ? " class=\"slow\"" : "", 100 * scale(ns),
                               12 + i % 3 * 12);
    }
}

static void write_histogram(GString *out, const GArray *times)
{
    guint n[N_BINS] = {0}, n_max = 1;

    for (guint i = 0; i < times->len; i++) {
        int bin = (int)(scale(g_array_index(times, int64_t, i)) * N_BINS);

        bin = MIN(bin, N_BINS - 1);
        n[bin]++;
        n_max = MAX(n_max, n[bin]);
    }
    for (int i = 0; i < N_BINS; i++) {
        double height = MAX(40.0 * n[i] / n_max, 1);

        if (n[i])
            g_string_append_printf(out,
                                   "<rect class=\"hist%s\" x=\"%.2f%%\" width=\"%.2f%%\" "
                                   "y=\"%.1f\" height=\"%.1f\"/>",
                                   i >= 4 * PER_DECADE ? " slow" : "", 100.0 * i / N_BINS + 0.2,
                                   100.0 / N_BINS - 0.4, 44 - height, height);
    }
}

static void add_duration(GString *out, int64_t ns)
{
    GString *text = g_string_new(NULL);

    imapid_row_spell_duration(text, ns); /* "<0.1 ms" */
    imapid_html_text(out, text->str);
    g_string_free(text, TRUE);
}

static void write_times(GString *out, struct imapid_report *report, guint place,
                        const GArray *times)
{
    const char *says = imapid_survey_get_text(report->survey, get_server(report, place)->says);
    double median = 100 * scale(get_quantile(times, 50));
    GString *address = g_string_new(NULL);
    char *token = imapid_page_token("s%u", place);

    add_address(address, report, place);
    g_string_append(out, "<li><span class=\"d\"><a");
    imapid_page_link(out, report, token, address->str);
    g_string_append_printf(out, ">%s</a><br><span class=\"m\">", address->str);
    if (says)
        imapid_html_foreign(out, says, 40);
    g_string_append(out, "</span></span><svg aria-hidden=\"true\">");
    write_grid(out);
    if (times->len < FEW)
        write_dots(out, times);
    else
        write_histogram(out, times);
    g_string_append_printf(out,
                           "<line class=\"med\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"48\"/>"
                           "<line class=\"axis\" x1=\"0%%\" x2=\"100%%\" y1=\"44.5\" "
                           "y2=\"44.5\"/></svg><span class=\"d n\"><b>",
                           median, median);
    add_duration(out, get_quantile(times, 50));
    g_string_append(out, "</b> <span class=\"m\">median of ");
    imapid_spell_grouped(out, times->len);
    g_string_append(out, "<br>95% under ");
    add_duration(out, get_quantile(times, 95));
    g_string_append(out, ", slowest ");
    add_duration(out, g_array_index(times, int64_t, times->len - 1));
    g_string_append(out, "</span></span></li>\n");
    g_string_free(address, TRUE);
    g_free(token);
}

void imapid_page_write_answers(GString *out, struct imapid_report *report)
{
    static const char *const labels[] = {"0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s"};
    unsigned n = MIN(report->survey->servers->len, 12), n_slow = 0;
    GArray **times = imapid_survey_gather_times(report->survey, n);
    bool has_any = false;
    GString *lead = g_string_new("From the ID command to its answer. ");

    for (unsigned i = 0; i < n; i++) {
        has_any |= times[i]->len > 0;
        for (guint k = times[i]->len; k-- && g_array_index(times[i], int64_t, k) > SLOW_NS;)
            n_slow++;
    }
    if (n_slow)
        imapid_page_say(lead, n_slow, "answer took longer than a second. ",
                        "answers took longer than a second. ");
    g_string_append(lead, "The scale is logarithmic; the line is the median.");
    if (has_any) {
        imapid_page_begin(out, "answers", "Answer times", lead->str);
        g_string_append(out, "<ul class=\"lat\">\n");
        for (unsigned i = 0; i < n; i++)
            if (times[i]->len)
                write_times(out, report, i, times[i]);
        g_string_append(out, "<li class=\"ax\" aria-hidden=\"true\"><svg>");
        for (int i = 0; i <= DECADES; i++)
            g_string_append_printf(out, "<text x=\"%d%%\" y=\"14\" text-anchor=\"%s\">%s</text>",
                                   i * 100 / DECADES,
                                   !i             ? "start"
                                   : i == DECADES ? "end"
                                                  : "middle",
                                   labels[i]);
        g_string_append(out, "</svg></li>\n</ul>\n</section>\n");
    }
    for (unsigned i = 0; i < n; i++)
        g_array_unref(times[i]);
    g_free(times);
    g_string_free(lead, TRUE);
}
