/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-words.c: words, numbers, dates and links of the report, as all its sections use them.
 *
 * Refuses nothing. Misuse: a token made of what a stranger wrote. */
#include "answer/page.h"

#include "answer/html.h"
#include "record/row.h"
#include "record/spell.h"

#include <string.h>

/* ---- tokens ---- */

char *imapid_page_token(const char *format, ...)
{
    va_list args;
    char *token;

    va_start(args, format);
    token = g_strdup_vprintf(format, args);
    va_end(args);
    return token;
}

/* A script that is data ends at the first "</script": no "<" may stand in it. */
static void add_name(GString *names, const char *token, const char *name)
{
    GString *text = g_string_new(NULL);

    imapid_spell_json_text(text, name);
    g_string_append_printf(names, "%s\"%s\":", names->len ? "," : "", token);
    for (gsize i = 0; i < text->len; i++) {
        if (text->str[i] == '<')
            g_string_append(names, "\\u003c");
        else
            g_string_append_c(names, text->str[i]);
    }
    g_string_free(text, TRUE);
}

void imapid_page_link(GString *out, struct imapid_report *report, const char *token,
                      const char *name)
{
    g_string_append_printf(out, " href=\"#list\" data-k=\"%s\"", token);
    if (!name || g_hash_table_contains(report->tokens, token))
        return;
    g_hash_table_add(report->tokens, g_strdup(token));
    add_name(report->names, token, name);
}

/* ---- numbers ---- */

void imapid_page_count(GString *out, uint64_t n, const char *one, const char *many)
{
    imapid_spell_grouped(out, n);
    g_string_append_printf(out, " %s", n == 1 ? one : many);
}

void imapid_page_say(GString *out, uint64_t n, const char *one, const char *many)
{
    static const char *const words[] = {"no",   "one", "two",   "three", "four",
                                        "five", "six", "seven", "eight", "nine"};

    if (n >= G_N_ELEMENTS(words)) {
        imapid_page_count(out, n, one, many);
        return;
    }
    g_string_append_printf(out, "%s %s", words[n], n == 1 ? one : many);
}

void imapid_page_share(GString *out, uint64_t n, uint64_t n_all)
{
    double share = n_all ? 100.0 * (double)n / (double)n_all : 0;

    if (n && share < 1)
        g_string_append(out, "&lt;1%");
    else if (n < n_all && share > 99)
        g_string_append(out, "&gt;99%");
    else
        g_string_append_printf(out, "%.0f%%", MIN(share, 100.0));
}

/* ---- times ---- */

void imapid_page_day(GString *out, const struct imapid_report *report, int64_t ts_ns,
                     enum imapid_page_date form)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    GDateTime *date = imapid_row_make_date(&report->terminal, ts_ns);
    const char *month;

    if (!date) {
        g_string_append(out, "(no date)");
        return;
    }
    month = months[g_date_time_get_month(date) - 1];
    if (form == IMAPID_PAGE_LONG_DATE)
        g_string_append_printf(out, "%s %d %s %d", days[g_date_time_get_day_of_week(date) - 1],
                               g_date_time_get_day_of_month(date), month,
                               g_date_time_get_year(date));
    else
        g_string_append_printf(out, "%d %.3s", g_date_time_get_day_of_month(date), month);
    if (form == IMAPID_PAGE_DATE)
        g_string_append_printf(out, " %d", g_date_time_get_year(date));
    g_date_time_unref(date);
}

void imapid_page_clock(GString *out, const struct imapid_report *report, int64_t ts_ns)
{
    imapid_row_spell_clock(out, &report->terminal, ts_ns, 0, false);
}

void imapid_page_zone(GString *out, const struct imapid_report *report, int64_t ts_ns)
{
    int offset = imapid_terminal_offset(&report->terminal, ts_ns) / 60;

    g_string_append(out, "UTC");
    if (offset)
        g_string_append_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', ABS(offset) / 60,
                               ABS(offset) % 60);
}

/* ---- parts ---- */

void imapid_page_begin(GString *out, const char *id, const char *title, const char *lead)
{
    g_string_append_printf(
        out,
        "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\" tabindex=\"-1\">%s</h2>\n",
        id, id, id, title);
    if (lead)
        g_string_append_printf(out, "<p class=\"lead\">%s</p>\n", lead);
}

const char *imapid_page_shade(enum imapid_shade shade)
{
    static const char *const names[] = {"TLS", "STARTTLS", "clear text", "not readable"};

    return names[shade];
}

const char *imapid_page_shade_class(enum imapid_shade shade)
{
    static const char *const classes[] = {"tls", "starttls", "none", "unread"};

    return classes[shade];
}

void imapid_page_legend(GString *out, const unsigned n_shades[IMAPID_N_SHADES])
{
    g_string_append(out, "<ul class=\"lg\">");
    for (int i = 0; i < IMAPID_N_SHADES; i++)
        if (n_shades[i])
            g_string_append_printf(out,
                                   "<li><svg aria-hidden=\"true\"><rect class=\"f-%s\" "
                                   "width=\"14\" height=\"14\"/></svg>%s</li>",
                                   imapid_page_shade_class((enum imapid_shade)i),
                                   imapid_page_shade((enum imapid_shade)i));
    g_string_append(out, "</ul>\n");
}
