/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-time.c: connections over time, by how they were protected; and the same numbers as a table. Columns
 * are parts of the local calendar, so that a day is a day.
 *
 * Refuses more than BINS columns: they get wider.
 *
 * Misuse: taking a column for a day. The page says what it is. */
#include "answer/page.h"

#include "record/row.h"
#include "record/spell.h"

#include <string.h>

#define BINS   60u
#define TOP    8.0   /* pixels above the highest line, and of the columns */
#define HEIGHT 190.0 /* of the columns */

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

/* Widths of columns: seconds, or months where they are that long. */
static const struct {
    int64_t seconds; /* 0: of months */
    int months;
    const char *name; /* "per …" */
} steps[] = {{1, 0, "second"},      {10, 0, "10 seconds"},
             {MINUTE, 0, "minute"}, {10 * MINUTE, 0, "10 minutes"},
             {HOUR, 0, "hour"},     {6 * HOUR, 0, "6 hours"},
             {DAY, 0, "day"},       {7 * DAY, 0, "week"},
             {0, 1, "month"},       {0, 12, "year"},
             {0, 120, "10 years"},  {0, 1200, "century"}};

static int64_t floor_div(int64_t n, int64_t by)
{
    return n / by - (n % by < 0);
}

/* Seconds of the local clock, as if it were UTC. */
static int64_t get_local(const struct imapid_report *report, int64_t ts_ns)
{
    return floor_div(ts_ns, 1000000000) + imapid_terminal_offset(&report->terminal, ts_ns);
}

/* The number of the column in which a time is. Weeks begin on Mondays; 1 January 1970 was a Thursday. */
static int64_t find_number(const struct imapid_report *report, unsigned step, int64_t ts_ns)
{
    GDateTime *date;
    int64_t months;

    if (steps[step].seconds == 7 * DAY)
        return floor_div(get_local(report, ts_ns) + 3 * DAY, 7 * DAY);
    if (steps[step].seconds)
        return floor_div(get_local(report, ts_ns), steps[step].seconds);
    date = imapid_row_make_date(&report->terminal, ts_ns);
    if (!date)
        return 0;
    months = g_date_time_get_year(date) * 12 + g_date_time_get_month(date) - 1;
    g_date_time_unref(date);
    return floor_div(months, steps[step].months);
}

struct imapid_page_bins imapid_page_bins_make(const struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    struct imapid_page_bins bins = {.n = 0};

    if (!imapid_time_is_known(survey->first_ns))
        return bins;
    for (bins.step = 0; bins.step + 1 < G_N_ELEMENTS(steps); bins.step++)
        if (find_number(report, bins.step, survey->last_ns) -
                find_number(report, bins.step, survey->first_ns) <
            BINS)
            break;
    bins.from = find_number(report, bins.step, survey->first_ns);
    bins.n = (unsigned)MIN(find_number(report, bins.step, survey->last_ns) - bins.from + 1, BINS);
    return bins;
}

unsigned imapid_page_bins_find(const struct imapid_report *report,
                               const struct imapid_page_bins *bins, int64_t ts_ns)
{
    int64_t number = find_number(report, bins->step, ts_ns) - bins->from;

    if (!imapid_time_is_known(ts_ns))
        return bins->n;
    return (unsigned)CLAMP(number, 0, (int64_t)bins->n - 1);
}

/* ---- names of columns ---- */

/* "Wed 11 Nov", "09:10", "week of 2 Nov", "Nov 2026"; `is_short`: as the axis has it. */
static void add_bin(GString *out, const struct imapid_page_bins *bins, unsigned i, bool is_short)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int64_t number = bins->from + i, seconds = steps[bins->step].seconds;
    int by = steps[bins->step].months;
    GDateTime *date;

    if (!seconds) {
        if (by == 1)
            g_string_append_printf(out, "%s ", months[number - floor_div(number, 12) * 12]);
        g_string_append_printf(out, "%" G_GINT64_FORMAT, floor_div(number * by, 12));
        return;
    }
    date = g_date_time_new_from_unix_utc(number * seconds - (seconds == 7 * DAY ? 3 * DAY : 0));
    if (!date)
        return;
    if (seconds < DAY) {
        g_string_append_printf(out, "%02d:%02d", g_date_time_get_hour(date),
                               g_date_time_get_minute(date));
        if (seconds < MINUTE)
            g_string_append_printf(out, ":%02d", g_date_time_get_second(date));
    }
    if (seconds >= DAY || !is_short || (!g_date_time_get_hour(date) && seconds >= HOUR)) {
        if (!is_short && seconds == DAY)
            g_string_append_printf(out, "%s ", days[g_date_time_get_day_of_week(date) - 1]);
        if (!is_short && seconds == 7 * DAY)
            g_string_append(out, "week of ");
        if (seconds < DAY)
            g_string_append(out, ", ");
        g_string_append_printf(out, "%d %s", g_date_time_get_day_of_month(date),
                               months[g_date_time_get_month(date) - 1]);
    }
    g_date_time_unref(date);
}

static bool is_weekend(const struct imapid_page_bins *bins, unsigned i)
{
    return steps[bins->step].seconds == DAY && ((bins->from + i + 3) % 7 + 7) % 7 >= 5;
}

/* ---- the chart ---- */

struct chart {
    struct imapid_page_bins bins;
    unsigned n[BINS][IMAPID_N_SHADES];
    unsigned n_max, line; /* the highest line, and from one to the next */
};

static unsigned sum(const unsigned n[IMAPID_N_SHADES])
{
    unsigned all = 0;

    for (int i = 0; i < IMAPID_N_SHADES; i++)
        all += n[i];
    return all;
}

/* Lines are 1, 2 or 5 times a power of 10 apart, and at most five. */
static void choose_lines(struct chart *chart)
{
    static const unsigned by[] = {1, 2, 5};
    unsigned n_most = 0;
    uint64_t line = 1;

    for (unsigned i = 0; i < chart->bins.n; i++)
        n_most = MAX(n_most, sum(chart->n[i]));
    for (unsigned k = 0; (uint64_t)n_most > 4 * line; k++)
        line = k % 3 == 2 ? line / 5 * 10 : line / by[k % 3] * by[k % 3 + 1];
    chart->line = (unsigned)MIN(line, UINT_MAX);
    chart->n_max = (unsigned)MIN(((uint64_t)n_most + line - 1) / line * line, UINT_MAX);
    chart->n_max = MAX(chart->n_max, chart->line);
}

static double get_y(const struct chart *chart, unsigned n)
{
    return TOP + HEIGHT - HEIGHT * (double)n / (double)chart->n_max;
}

static void write_axis(GString *out, const struct chart *chart)
{
    g_string_append(out, "<svg aria-hidden=\"true\" width=\"36\" height=\"224\">");
    for (uint64_t n = 0; n <= chart->n_max; n += chart->line)
        g_string_append_printf(out, "<text x=\"30\" y=\"%.0f\" text-anchor=\"end\">%u</text>",
                               get_y(chart, (unsigned)n) + 4, (unsigned)n);
    g_string_append(out, "</svg>");
}

static void write_ground(GString *out, const struct chart *chart)
{
    double width = 100.0 / chart->bins.n;
    unsigned every = (chart->bins.n + 7) / 8;

    for (unsigned i = 0; i < chart->bins.n; i++)
        if (is_weekend(&chart->bins, i))
            g_string_append_printf(out,
                                   "<rect class=\"we\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.0f\" "
                                   "height=\"%.0f\"/>",
                                   i * width, width, TOP, HEIGHT);
    for (uint64_t n = 0; n <= chart->n_max; n += chart->line)
        g_string_append_printf(out,
                               "<line class=\"%s\" x1=\"0%%\" x2=\"100%%\" y1=\"%.1f\" "
                               "y2=\"%.1f\"/>",
                               n ? "grid" : "axis", get_y(chart, (unsigned)n),
                               get_y(chart, (unsigned)n));
    for (unsigned i = 0; i < chart->bins.n; i += every) {
        g_string_append_printf(out,
                               "<text class=\"l%u\" x=\"%.2f%%\" y=\"217\" "
                               "text-anchor=\"middle\">",
                               i / every % 2 + 1, (i + 0.5) * width);
        add_bin(out, &chart->bins, i, true);
        g_string_append(out, "</text>");
    }
}

/* "21 connections (12 TLS, 9 clear text)" */
static void add_numbers(GString *out, const unsigned n[IMAPID_N_SHADES])
{
    const char *before = " (";

    imapid_page_count(out, sum(n), "connection", "connections");
    for (int i = 0; i < IMAPID_N_SHADES; i++) {
        if (!n[i])
            continue;
        g_string_append_printf(out, "%s%u %s", before, n[i],
                               imapid_page_shade((enum imapid_shade)i));
        before = ", ";
    }
    g_string_append(out, sum(n) ? ")" : "");
}

static void write_bin(GString *out, struct imapid_report *report, const struct chart *chart,
                      unsigned i)
{
    double width = 100.0 / chart->bins.n;
    unsigned at = 0;
    GString *name = g_string_new(NULL);
    char *token = imapid_page_token("d%u", i);

    add_bin(name, &chart->bins, i, false);
    g_string_append(out, "<a class=\"bar\"");
    imapid_page_link(out, report, token, name->str);
    g_string_append_printf(out, " aria-label=\"%s: ", name->str);
    add_numbers(out, chart->n[i]);
    g_string_append(out, "\">");
    for (int k = 0; k < IMAPID_N_SHADES; k++) {
        double y;

        if (!chart->n[i][k])
            continue;
        y = get_y(chart, at + chart->n[i][k]);
        g_string_append_printf(
            out, "<rect class=\"f-%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.1f\" height=\"%.1f\"/>",
            imapid_page_shade_class((enum imapid_shade)k), (i + 0.12) * width, 0.76 * width, y,
            MAX(get_y(chart, at) - y - 1, 1));
        at += chart->n[i][k];
    }
    g_string_append_printf(out,
                           "<rect class=\"hit\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.0f\" "
                           "height=\"%.0f\"/></a>\n",
                           i * width, width, TOP, HEIGHT);
    g_string_free(name, TRUE);
    g_free(token);
}

static void write_table(GString *out, const struct chart *chart)
{
    g_string_append(
        out, "<details class=\"more\"><summary>As a table</summary>\n<section "
             "class=\"scroll\" tabindex=\"0\" aria-label=\"Connections "
             "over time, as a table\"><table class=\"t s\"><thead><tr><th scope=\"col\">Time</th>");
    for (int k = 0; k < IMAPID_N_SHADES; k++)
        g_string_append_printf(out, "<th scope=\"col\" class=\"n\">%s</th>",
                               imapid_page_shade((enum imapid_shade)k));
    g_string_append(out, "</tr></thead><tbody>\n");
    for (unsigned i = 0; i < chart->bins.n; i++) {
        if (!sum(chart->n[i]))
            continue;
        g_string_append(out, "<tr><th scope=\"row\">");
        add_bin(out, &chart->bins, i, false);
        g_string_append(out, "</th>");
        for (int k = 0; k < IMAPID_N_SHADES; k++)
            g_string_append_printf(out, "<td class=\"n\">%u</td>", chart->n[i][k]);
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody></table></section></details>\n");
}

static void add_lead(GString *out, const struct chart *chart)
{
    unsigned most = 0;

    for (unsigned i = 1; i < chart->bins.n; i++)
        if (sum(chart->n[i]) > sum(chart->n[most]))
            most = i;
    g_string_append(out, "Busiest: ");
    add_bin(out, &chart->bins, most, false);
    g_string_append_printf(out, ", with %u.", sum(chart->n[most]));
    if (steps[chart->bins.step].seconds == DAY)
        g_string_append(out, " Weekends are shaded.");
}

void imapid_page_write_time(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    struct chart chart = {.bins = imapid_page_bins_make(report)};
    const char *step = steps[chart.bins.step].name;
    GString *lead;

    if (chart.bins.n < 2)
        return;
    for (unsigned i = 0; i < survey->n_rows; i++)
        if (imapid_time_is_known(survey->rows[i].ts_ns))
            chart.n[imapid_page_bins_find(report, &chart.bins, survey->rows[i].ts_ns)]
                   [survey->rows[i].shade]++;
    choose_lines(&chart);
    lead = g_string_new(NULL);
    add_lead(lead, &chart);
    imapid_page_begin(out, "time", "Connections over time", lead->str);
    g_string_free(lead, TRUE);
    g_string_append_printf(
        out,
        "<figure><p class=\"s m read\" id=\"rd\">Connections per %s. <span class=\"scr\">Point at "
        "a "
        "column to read it; a click, or Enter, shows its connections.</span></p>\n<div "
        "class=\"plot\">",
        step);
    write_axis(out, &chart);
    g_string_append_printf(out,
                           "<svg role=\"group\" aria-label=\"Connections per %s\" width=\"100%%\" "
                           "height=\"224\" data-roam=\"rd\">",
                           step);
    write_ground(out, &chart);
    for (unsigned i = 0; i < chart.bins.n; i++)
        write_bin(out, report, &chart, i);
    g_string_append(out, "</svg></div>\n");
    imapid_page_legend(out, survey->n_shades);
    write_table(out, &chart);
    g_string_append(out, "</figure>\n</section>\n");
}
