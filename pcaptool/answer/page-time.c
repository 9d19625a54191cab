/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-time.c: clients over time, as a chart and as a table of the same numbers.
 *
 * Refuses nothing. A long time gets wider columns.
 *
 * Misuse: taking a column for a day. The page says how wide it is. */
#include "answer/groups.h"
#include "answer/html.h"
#include "answer/page.h"

#include "record/spell.h"

#include <string.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)

/* Names with a colour of their own; the others share the last one. */
#define SERIES 5

/* Columns of the chart: what a screen can tell apart. */
#define COLUMNS_MAX 400

#define CHART_WIDTH  1000
#define CHART_HEIGHT 160

struct timeline {
    int64_t from_ns, step_ns;
    guint n_columns;
    GPtrArray *names;  /* at most SERIES, the largest first; owned */
    guint64 *counts;   /* [column * (SERIES + 1) + series]: connections */
    guint64 n_highest; /* of a column, all series together */
};

static bool find_span(const struct imapid_store_view *view, int64_t *first, int64_t *last)
{
    *first = INT64_MAX;
    *last = INT64_MIN;
    for (unsigned i = 0; i < view->n_exchanges; i++) {
        int64_t when = imapid_store_get_when(view, i);

        *first = MIN(*first, when);
        *last = MAX(*last, when);
    }
    return view->n_exchanges > 0;
}

/* Hours for up to four days, days for up to four months, weeks, and then whatever fits. */
static void choose_step(struct timeline *timeline, int64_t first, int64_t last)
{
    static const int64_t hours[] = {1, 24, 24 * 7};
    double span = (double)last - (double)first;
    int64_t rest;
    size_t i = 0;

    while (i + 1 < G_N_ELEMENTS(hours) && span > (double)hours[i] * (double)HOUR_NS * 120)
        i++;
    timeline->step_ns = hours[i] * HOUR_NS;
    while (span / (double)timeline->step_ns > COLUMNS_MAX)
        timeline->step_ns *= 2;
    rest = (first % timeline->step_ns + timeline->step_ns) % timeline->step_ns;
    if (__builtin_sub_overflow(first, rest, &timeline->from_ns))
        timeline->from_ns = first; /* there is no earlier time */
    timeline->n_columns =
        (guint)(((double)last - (double)timeline->from_ns) / (double)timeline->step_ns) + 1;
}

static void choose_names(struct timeline *timeline, const struct imapid_page *page)
{
    struct imapid_grouping grouping;
    GArray *groups;
    char *message;

    timeline->names = g_ptr_array_new_with_free_func(g_free);
    if (!imapid_grouping_read(&grouping, "client_name", &message)) {
        g_free(message);
        return;
    }
    groups = imapid_groups_count(page->view, page->fold, &grouping);
    for (guint i = 0; i < groups->len && timeline->names->len < SERIES; i++) {
        const char *name = g_array_index(groups, struct imapid_group, i).values[0];

        if (name)
            g_ptr_array_add(timeline->names, g_strdup(name));
    }
    imapid_groups_free(groups);
}

/* Not an ID of a client. */
#define NO_SERIES (SERIES + 1)

static guint find_series(const struct timeline *timeline, const struct imapid_page *page,
                         const struct imapid_record_exchange *exchange)
{
    const struct imapid_record_string *name =
        imapid_record_find(&exchange->command, IMAPID_FIELD_NAME);
    char *value, *key;
    guint series = 0;

    if (!exchange->command.seen)
        return NO_SERIES;
    if (!name || !name->n)
        return SERIES;
    value = imapid_fold_value(page->fold, IMAPID_FIELD_NAME, name);
    key = imapid_fold_key(value);
    for (; series < timeline->names->len; series++) {
        char *other = imapid_fold_key(timeline->names->pdata[series]);
        bool same = !strcmp(key, other);

        g_free(other);
        if (same)
            break;
    }
    g_free(value);
    g_free(key);
    return series < timeline->names->len ? series : SERIES;
}

static guint find_column(const struct timeline *timeline, int64_t when)
{
    double offset = (double)when - (double)timeline->from_ns;
    guint column = (guint)(offset / (double)timeline->step_ns);

    return MIN(column, timeline->n_columns - 1);
}

/* A connection counts where its first ID of a client is, and as what that says. */
static void count(struct timeline *timeline, const struct imapid_page *page)
{
    const struct imapid_store_view *view = page->view;
    uint8_t *known = g_malloc0(view->n_said + (gsize)1); /* series + 1, by what is said */
    struct imapid_store_reading reading = {.arena = {NULL, 0}};

    timeline->counts = g_new0(guint64, (gsize)timeline->n_columns * (SERIES + 1));
    for (unsigned i = 0; i < view->n_conns; i++) {
        struct imapid_store_span span = imapid_store_get_span(view, i);

        for (unsigned k = span.first; k < span.first + span.n; k++) {
            uint8_t *series = &known[imapid_store_get_said(view, k)];

            if (!*series)
                *series = (uint8_t)(find_series(timeline, page,
                                                imapid_store_read_exchange(view, k, &reading)) +
                                    1);
            if (*series - 1 == NO_SERIES)
                continue;
            timeline->counts[find_column(timeline, imapid_store_get_when(view, k)) * (SERIES + 1) +
                             *series - 1]++;
            break;
        }
    }
    imapid_store_reading_deinit(&reading);
    g_free(known);
    for (guint i = 0; i < timeline->n_columns; i++) {
        guint64 sum = 0;

        for (guint k = 0; k <= SERIES; k++)
            sum += timeline->counts[i * (SERIES + 1) + k];
        timeline->n_highest = MAX(timeline->n_highest, sum);
    }
}

static void write_chart(GString *out, const struct timeline *timeline)
{
    double width = (double)CHART_WIDTH / timeline->n_columns;

    g_string_append_printf(
        out,
        "<svg class=\"chart\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
        "role=\"img\" aria-label=\"Connections over time by client; the table "
        "below has the numbers\">\n",
        CHART_WIDTH, CHART_HEIGHT);
    for (guint i = 0; i < timeline->n_columns; i++) {
        double y = CHART_HEIGHT;

        for (guint k = 0; k <= SERIES; k++) {
            guint64 n = timeline->counts[i * (SERIES + 1) + k];
            double height =
                timeline->n_highest ? (double)n * CHART_HEIGHT / (double)timeline->n_highest : 0;

            y -= height;
            if (n)
                g_string_append_printf(
                    out,
                    "<rect class=\"s%u\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n",
                    k, i * width + width * 0.06, y, width * 0.88, height);
        }
    }
    g_string_append(out, "</svg>\n<div class=\"axis\" aria-hidden=\"true\"><span>");
    imapid_html_time(out, timeline->from_ns);
    g_string_append_printf(out, "</span><span>highest: %" G_GUINT64_FORMAT "</span><span>",
                           timeline->n_highest);
    imapid_html_time(out,
                     timeline->from_ns + (int64_t)(timeline->n_columns - 1) * timeline->step_ns);
    g_string_append(out, "</span></div>\n");
}

static void write_name(GString *out, const struct timeline *timeline, guint series)
{
    if (series < timeline->names->len)
        imapid_html_foreign(out, timeline->names->pdata[series], 40);
    else
        g_string_append(out, "all others");
}

static void write_key(GString *out, const struct timeline *timeline)
{
    g_string_append(out, "<ul class=\"key\">\n");
    for (guint k = 0; k <= SERIES; k++) {
        if (k < SERIES && k >= timeline->names->len)
            continue;
        g_string_append_printf(out,
                               "<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect "
                               "class=\"s%u\" width=\"12\" height=\"12\"/></svg> ",
                               k);
        write_name(out, timeline, k);
        g_string_append(out, "</li>\n");
    }
    g_string_append(out, "</ul>\n");
}

static void write_table(GString *out, const struct timeline *timeline)
{
    g_string_append(out,
                    "<details class=\"data\"><summary>The numbers</summary>\n<div "
                    "class=\"scroll\" tabindex=\"0\" role=\"region\" "
                    "aria-labelledby=\"time\">\n<table>\n<thead><tr><th scope=\"col\">From</th>");
    for (guint k = 0; k <= SERIES; k++) {
        if (k < SERIES && k >= timeline->names->len)
            continue;
        g_string_append(out, "<th scope=\"col\" class=\"n\">");
        write_name(out, timeline, k);
        g_string_append(out, "</th>");
    }
    g_string_append(out, "</tr></thead>\n<tbody>\n");
    for (guint i = 0; i < timeline->n_columns; i++) {
        guint64 sum = 0;

        for (guint k = 0; k <= SERIES; k++)
            sum += timeline->counts[i * (SERIES + 1) + k];
        if (!sum)
            continue;
        g_string_append(out, "<tr><th scope=\"row\">");
        imapid_html_time(out, timeline->from_ns + (int64_t)i * timeline->step_ns);
        g_string_append(out, "</th>");
        for (guint k = 0; k <= SERIES; k++)
            if (k == SERIES || k < timeline->names->len)
                g_string_append_printf(out, "<td class=\"n\">%" G_GUINT64_FORMAT "</td>",
                                       timeline->counts[i * (SERIES + 1) + k]);
        g_string_append(out, "</tr>\n");
    }
    g_string_append(out, "</tbody>\n</table>\n</div>\n</details>\n");
}

void imapid_page_write_time(GString *out, const struct imapid_page *page)
{
    struct timeline timeline = {0};
    int64_t first, last;

    g_string_append(out, "<section aria-labelledby=\"time\">\n<h2 id=\"time\">Clients over "
                         "time</h2>\n");
    if (find_span(page->view, &first, &last)) {
        choose_step(&timeline, first, last);
        choose_names(&timeline, page);
        count(&timeline, page);
        g_string_append_printf(out,
                               "<p class=\"dim\">Connections with an ID of the client, in steps of "
                               "%" G_GINT64_FORMAT " hour%s.</p>\n",
                               timeline.step_ns / HOUR_NS, timeline.step_ns > HOUR_NS ? "s" : "");
        write_chart(out, &timeline);
        write_key(out, &timeline);
        write_table(out, &timeline);
        g_ptr_array_unref(timeline.names);
        g_free(timeline.counts);
    } else {
        g_string_append(out, "<p>There was no ID exchange.</p>\n");
    }
    g_string_append(out, "</section>\n");
}
