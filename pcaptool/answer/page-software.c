/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page-software.c: client programs and servers as bars that open, how connections were protected, and how
 * clients logged in. All bars of a section have one scale; a part has a gap beside the next.
 *
 * Refuses to draw more than ROWS bars: the others are counted in a row that opens.
 *
 * Misuse: adding up bars of programs to get connections. Those without a name are told below them. */
#include "answer/page.h"

#include "answer/html.h"
#include "record/spell.h"

#include <string.h>

/* Bars; of the rest only names and numbers. */
#define ROWS 12u
/* Versions and systems that are named in the line below a bar, and in its tables. */
#define NAMED    2u
#define LISTED   50u
#define VERSIONS 4u /* with a colour of their own */

static const struct imapid_survey_program *get_program(const struct imapid_survey *survey, guint i)
{
    return &g_array_index(survey->programs, struct imapid_survey_program, i);
}

static const struct imapid_survey_server *get_server(const struct imapid_survey *survey, guint i)
{
    return &g_array_index(survey->servers, struct imapid_survey_server, i);
}

static const struct imapid_survey_count *get_count(const GArray *counts, guint i)
{
    return &g_array_index(counts, struct imapid_survey_count, i);
}

/* The first count of `a`, or of what follows it. */
static guint find_first(const GArray *counts, uint32_t a)
{
    guint low = 0, high = counts->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (get_count(counts, middle)->a < a)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static guint count_of(const GArray *counts, guint first, uint32_t a)
{
    guint n = 0;

    while (first + n < counts->len && get_count(counts, first + n)->a == a)
        n++;
    return n;
}

/* ---- bars ---- */

/* A part of a bar from `from` on, of `all`, which is the whole width. */
static void add_part(GString *out, const char *class, uint64_t from, uint64_t n, uint64_t all,
                     unsigned height)
{
    double x = 100.0 * (double)from / (double)all, width = 100.0 * (double)n / (double)all;

    g_string_append_printf(out,
                           "<rect class=\"f-%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"%u\"/>",
                           class, x, width, height);
    if (from)
        g_string_append_printf(out,
                               "<line class=\"hl\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" "
                               "y2=\"%u\"/>",
                               x, x, height);
}

static void add_version_bar(GString *out, const GArray *versions, guint first, guint n,
                            unsigned n_conns, unsigned n_max)
{
    unsigned at = 0;

    g_string_append_printf(out, "<svg aria-hidden=\"true\"><rect class=\"track\" width=\"100%%\" "
                                "height=\"14\"/>");
    for (guint i = 0; i < n && i < VERSIONS; i++) {
        unsigned n_of = i + 1 == VERSIONS ? n_conns - at : get_count(versions, first + i)->n;
        char class[2] = {(char)('0' + i), 0};

        add_part(out, class, at, n_of, n_max, 14);
        at += n_of;
    }
    g_string_append(out, "</svg>");
}

static void add_shades(GString *out, const unsigned n_shades[IMAPID_N_SHADES], unsigned n_max,
                       unsigned height)
{
    unsigned at = 0;

    for (int i = 0; i < IMAPID_N_SHADES; i++) {
        if (!n_shades[i])
            continue;
        add_part(out, imapid_page_shade_class((enum imapid_shade)i), at, n_shades[i], n_max,
                 height);
        at += n_shades[i];
    }
}

static void add_values(GString *out, unsigned n, unsigned n_all)
{
    g_string_append(out, "<span class=\"v\">");
    imapid_spell_grouped(out, n);
    g_string_append(out, "</span><span class=\"v m\">");
    imapid_page_share(out, n, n_all);
    g_string_append(out, "</span>");
}

static void begin_table(GString *out, const char *caption, const char *first, bool has_days)
{
    g_string_append_printf(out,
                           "<table class=\"t s\"><caption>%s</caption><thead><tr><th "
                           "scope=\"col\">%s</th><th scope=\"col\" class=\"n\">Connections</th>%s"
                           "</tr></thead><tbody>\n",
                           caption, first,
                           has_days ? "<th scope=\"col\" class=\"n\">Last seen</th>" : "");
}

static void end_table(GString *out, guint n, guint n_shown)
{
    if (n > n_shown)
        g_string_append_printf(out, "<tr><td>and %u more</td><td class=\"n\"></td></tr>\n",
                               n - n_shown);
    g_string_append(out, "</tbody></table>\n");
}

/* Those without a bar: of what, and how one is named and counted. */
struct others {
    const char *caption, *head, *one, *many;
    void (*write_name)(GString *out, struct imapid_report *report, guint place);
    unsigned (*count)(const struct imapid_survey *survey, guint place);
};

static void write_others(GString *out, struct imapid_report *report, const struct others *others,
                         guint n)
{
    guint n_shown = MIN(n, IMAPID_PAGE_GROUPS_MAX);

    if (n <= ROWS)
        return;
    g_string_append(out, "<li><details><summary>");
    imapid_page_count(out, n - ROWS, others->one, others->many);
    g_string_append(out, "</summary><div class=\"in\">\n");
    begin_table(out, others->caption, others->head, false);
    for (guint i = ROWS; i < n_shown; i++) {
        g_string_append(out, "<tr><td>");
        others->write_name(out, report, i);
        g_string_append(out, "</td><td class=\"n\">");
        imapid_spell_grouped(out, others->count(report->survey, i));
        g_string_append(out, "</td></tr>\n");
    }
    end_table(out, n, n_shown);
    g_string_append(out, "</div></details></li>\n");
}

/* ---- client programs ---- */

static bool get_version(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = row->program;
    *b = row->version;
    return row->program != 0;
}

static bool get_system(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = row->program;
    *b = row->os;
    return row->program && row->os;
}

/* "128.4.3, 115.16.1 and 2 more" */
static guint add_named(GString *out, const struct imapid_survey *survey, const GArray *counts,
                       guint first, guint n)
{
    guint n_named = 0;

    for (guint i = 0; i < n && n_named < NAMED; i++) {
        const char *text = imapid_survey_get_text(survey, get_count(counts, first + i)->b);

        if (!text)
            continue;
        g_string_append(out, n_named++ ? ", " : "");
        imapid_html_foreign(out, text, 40);
    }
    if (n_named && n > n_named)
        g_string_append_printf(out, " and %u more", n - n_named);
    return n_named;
}

static void write_versions(GString *out, struct imapid_report *report, const GArray *versions,
                           guint first, guint n, unsigned place)
{
    begin_table(out, "Versions", "Version", true);
    for (guint i = 0; i < MIN(n, LISTED); i++) {
        const struct imapid_survey_count *count = get_count(versions, first + i);
        const char *text = imapid_survey_get_text(report->survey, count->b);
        char *token = imapid_page_token("v%u.%u", place, count->b);
        char *name = g_strdup_printf("%s %s", get_program(report->survey, place)->name,
                                     text ? text : "(no version)");

        g_string_append(out, "<tr><td><a");
        imapid_page_link(out, report, token, name);
        g_string_append_c(out, '>');
        imapid_html_foreign(out, text ? text : "not said", 60);
        g_string_append(out, "</a></td><td class=\"n\">");
        imapid_spell_grouped(out, count->n);
        g_string_append(out, "</td><td class=\"n\">");
        imapid_page_day(out, report, count->last_ns, IMAPID_PAGE_DAY);
        g_string_append(out, "</td></tr>\n");
        g_free(token);
        g_free(name);
    }
    end_table(out, n, LISTED);
}

static void write_systems(GString *out, const struct imapid_report *report, const GArray *systems,
                          guint first, guint n)
{
    if (!n)
        return;
    begin_table(out, "Systems", "System", false);
    for (guint i = 0; i < MIN(n, LISTED); i++) {
        const struct imapid_survey_count *count = get_count(systems, first + i);

        g_string_append(out, "<tr><td>");
        imapid_html_foreign(out, imapid_survey_get_text(report->survey, count->b), 60);
        g_string_append(out, "</td><td class=\"n\">");
        imapid_spell_grouped(out, count->n);
        g_string_append(out, "</td></tr>\n");
    }
    end_table(out, n, LISTED);
}

static void write_name(GString *out, struct imapid_report *report, guint place)
{
    const char *name = get_program(report->survey, place)->name;
    char *token = imapid_page_token("p%u", place);

    g_string_append(out, "<a");
    imapid_page_link(out, report, token, name);
    g_string_append_c(out, '>');
    imapid_html_foreign(out, name, 60);
    g_string_append(out, "</a>");
    g_free(token);
}

static void write_program(GString *out, struct imapid_report *report, const GArray *versions,
                          const GArray *systems, guint place)
{
    const struct imapid_survey *survey = report->survey;
    const struct imapid_survey_program *program = get_program(survey, place);
    guint first = find_first(versions, place + 1), n = count_of(versions, first, place + 1);
    guint first_system = find_first(systems, place + 1);
    guint n_systems = count_of(systems, first_system, place + 1);
    gsize start;

    g_string_append(out, "<li><span class=\"nm\">");
    write_name(out, report, place);
    g_string_append(out, "</span>");
    add_version_bar(out, versions, first, n, program->n_conns, get_program(survey, 0)->n_conns);
    add_values(out, program->n_conns, survey->n_named);
    g_string_append(out, "<details><summary>");
    start = out->len;
    add_named(out, survey, versions, first, n);
    if (n_systems) {
        g_string_append(out, out->len > start ? " \xc2\xb7 " : "");
        add_named(out, survey, systems, first_system, n_systems);
    }
    g_string_append(out, out->len > start ? " \xc2\xb7 " : "");
    imapid_page_count(out, program->n_addresses, "address", "addresses");
    g_string_append(out, "</summary><div class=\"in\">\n");
    write_versions(out, report, versions, first, n, place);
    write_systems(out, report, systems, first_system, n_systems);
    g_string_append(out, "</div></details></li>\n");
}

static unsigned count_program(const struct imapid_survey *survey, guint place)
{
    return get_program(survey, place)->n_conns;
}

static const struct others other_programs = {"Other programs", "Program",  "other program",
                                             "other programs", write_name, count_program};

static void write_nameless(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    unsigned n_other = 0, n_hidden = 0;

    for (unsigned i = 0; i < survey->n_rows; i++) {
        bool is_unread = survey->rows[i].shade == IMAPID_SHADE_UNREAD;

        n_other += !survey->rows[i].program && !is_unread;
        n_hidden += !survey->rows[i].program && is_unread;
    }
    if (!n_other && !n_hidden)
        return;
    g_string_append(out, "<p class=\"m s sub\">");
    if (n_other) {
        g_string_append(out, "<a");
        imapid_page_link(out, report, "p-", "no program named");
        g_string_append_c(out, '>');
        imapid_page_count(out, n_other, "more connection", "more connections");
        g_string_append(out, "</a> named no program");
    }
    if (n_hidden) {
        g_string_append(out, n_other ? ", and <a" : "<a");
        imapid_page_link(out, report, "pu", "could not be read");
        g_string_append_c(out, '>');
        imapid_spell_grouped(out, n_hidden);
        g_string_append(out, "</a> could not be read");
    }
    g_string_append(out, ".</p>\n");
}

static void add_software_lead(GString *out, const struct imapid_survey *survey)
{
    const struct imapid_survey_program *first = get_program(survey, 0);

    g_string_append(out, "<p class=\"lead\">");
    if (survey->programs->len == 1) {
        g_string_append(out, "All connections that named a program named this one.");
    } else {
        imapid_html_foreign(out, first->name, 60);
        g_string_append(out, " makes ");
        imapid_page_share(out, first->n_conns, survey->n_named);
        g_string_append(out, " of the ");
        imapid_page_count(out, survey->n_named, "connection", "connections");
        g_string_append(out, " that named a program.");
    }
    g_string_append(out, " A bar is divided by version, the most used first.</p>\n");
}

void imapid_page_write_software(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    GArray *versions, *systems;

    if (!survey->n_rows)
        return;
    imapid_page_begin(out, "software", "Client software", NULL);
    if (survey->programs->len) {
        versions = imapid_survey_count(survey, get_version);
        systems = imapid_survey_count(survey, get_system);
        add_software_lead(out, survey);
        g_string_append(out, "<ul class=\"rows\">\n");
        for (guint i = 0; i < MIN(survey->programs->len, ROWS); i++)
            write_program(out, report, versions, systems, i);
        write_others(out, report, &other_programs, survey->programs->len);
        g_string_append(out, "</ul>\n");
        g_array_unref(versions);
        g_array_unref(systems);
    } else {
        g_string_append(out, "<p class=\"lead\">No client named its program.</p>\n");
    }
    write_nameless(out, report);
    g_string_append(out, "</section>\n");
}

/* ---- servers ---- */

static void write_server_name(GString *out, struct imapid_report *report, guint place)
{
    GString *address = g_string_new(NULL);
    char *token = imapid_page_token("s%u", place);

    imapid_spell_address(address, &get_server(report->survey, place)->end);
    g_string_append(out, "<a");
    imapid_page_link(out, report, token, address->str);
    g_string_append_printf(out, ">%s</a>", address->str);
    g_string_free(address, TRUE);
    g_free(token);
}

static void write_server(GString *out, struct imapid_report *report, guint place)
{
    const struct imapid_survey *survey = report->survey;
    const struct imapid_survey_server *server = get_server(survey, place);

    g_string_append(out, "<li><span class=\"nm\">");
    write_server_name(out, report, place);
    g_string_append(out, "</span><svg aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" "
                         "height=\"14\"/>");
    add_shades(out, server->n_shades, get_server(survey, 0)->n_conns, 14);
    g_string_append(out, "</svg>");
    add_values(out, server->n_conns, survey->n_rows);
    g_string_append(out, "<details><summary>");
    if (server->says) {
        imapid_html_foreign(out, imapid_survey_get_text(survey, server->says), 60);
        g_string_append(out, " \xc2\xb7 ");
    }
    if (server->os) {
        imapid_html_foreign(out, imapid_survey_get_text(survey, server->os), 40);
        g_string_append(out, " \xc2\xb7 ");
    }
    imapid_page_count(out, server->n_clients, "client address", "client addresses");
    g_string_append(out, "</summary><div class=\"in\">\n");
    begin_table(out, "Security", "Security", false);
    for (int i = 0; i < IMAPID_N_SHADES; i++) {
        if (!server->n_shades[i])
            continue;
        g_string_append_printf(out, "<tr><td>%s</td><td class=\"n\">",
                               imapid_page_shade((enum imapid_shade)i));
        imapid_spell_grouped(out, server->n_shades[i]);
        g_string_append(out, "</td></tr>\n");
    }
    end_table(out, 0, 0);
    g_string_append(out, "</div></details></li>\n");
}

static unsigned count_server(const struct imapid_survey *survey, guint place)
{
    return get_server(survey, place)->n_conns;
}

static const struct others other_servers = {"Other servers", "Server",          "other server",
                                            "other servers", write_server_name, count_server};

void imapid_page_write_servers(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;

    if (!survey->servers->len)
        return;
    imapid_page_begin(out, "servers", "Servers",
                      survey->servers->len == 1 ? "One server. Its bar is divided by security."
                                                : "A bar is divided by security.");
    g_string_append(out, "<ul class=\"rows\">\n");
    for (guint i = 0; i < MIN(survey->servers->len, ROWS); i++)
        write_server(out, report, i);
    write_others(out, report, &other_servers, survey->servers->len);
    g_string_append(out, "</ul>\n");
    imapid_page_legend(out, survey->n_shades);
    g_string_append(out, "</section>\n");
}

/* ---- security, logins ---- */

static void write_share(GString *out, struct imapid_report *report, const char *token,
                        const char *name, const char *class, unsigned n, unsigned n_all)
{
    g_string_append_printf(out,
                           "<li><svg aria-hidden=\"true\"><rect class=\"f-%s\" width=\"14\" "
                           "height=\"14\"/></svg><a",
                           class);
    imapid_page_link(out, report, token, name);
    g_string_append_c(out, '>');
    imapid_html_foreign(out, name, 40);
    g_string_append(out, "</a> <b class=\"n\">");
    imapid_spell_grouped(out, n);
    g_string_append(out, "</b> <span class=\"m\">");
    imapid_page_share(out, n, n_all);
    g_string_append(out, "</span></li>\n");
}

static bool get_login(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = 0;
    *b = row->login;
    return row->login != 0;
}

static void write_logins(GString *out, struct imapid_report *report)
{
    GArray *counts = imapid_survey_count(report->survey, get_login);
    unsigned n_all = 0, at = 0;
    GString *lead = g_string_new(NULL);

    for (guint i = 0; i < counts->len; i++)
        n_all += get_count(counts, i)->n;
    if (n_all) {
        imapid_page_say(lead, report->survey->n_concerns[IMAPID_CONCERN_PASSWORD], "password",
                        "passwords");
        lead->str[0] = g_ascii_toupper(lead->str[0]);
        g_string_append(lead, " sent without encryption, of ");
        imapid_page_count(lead, n_all, "login.", "logins.");
        imapid_page_begin(out, "login", "Login methods", lead->str);
        g_string_append(out, "<div class=\"share\"><svg aria-hidden=\"true\">");
        for (guint i = 0; i < MIN(counts->len, VERSIONS); i++) {
            char class[2] = {(char)('0' + i), 0};
            unsigned n = i + 1 == VERSIONS ? n_all - at : get_count(counts, i)->n;

            add_part(out, class, at, n, n_all, 28);
            at += n;
        }
        g_string_append(out, "</svg><ul class=\"lg\">\n");
        for (guint i = 0; i < counts->len; i++) {
            char class[2] = {(char)('0' + MIN(i, VERSIONS - 1)), 0};
            char *token = imapid_page_token("l%u", get_count(counts, i)->b);

            write_share(out, report, token,
                        imapid_survey_get_text(report->survey, get_count(counts, i)->b), class,
                        get_count(counts, i)->n, n_all);
            g_free(token);
        }
        g_string_append(out, "</ul></div>\n</section>\n");
    }
    g_string_free(lead, TRUE);
    g_array_unref(counts);
}

void imapid_page_write_security(GString *out, struct imapid_report *report)
{
    const struct imapid_survey *survey = report->survey;
    GString *lead = g_string_new(NULL);

    if (survey->n_rows) {
        imapid_page_share(lead, survey->n_shades[IMAPID_SHADE_CLEAR], survey->n_rows);
        g_string_append(lead, " of connections were in clear text.");
        imapid_page_begin(out, "security", "Security", lead->str);
        g_string_append(out, "<div class=\"share\"><svg aria-hidden=\"true\">");
        add_shades(out, survey->n_shades, survey->n_rows, 28);
        g_string_append(out, "</svg><ul class=\"lg\">\n");
        for (int i = 0; i < IMAPID_N_SHADES; i++) {
            char *token = imapid_page_token("x%d", i);

            if (survey->n_shades[i])
                write_share(out, report, token, imapid_page_shade((enum imapid_shade)i),
                            imapid_page_shade_class((enum imapid_shade)i), survey->n_shades[i],
                            survey->n_rows);
            g_free(token);
        }
        g_string_append(out, "</ul></div>\n</section>\n");
        write_logins(out, report);
    }
    g_string_free(lead, TRUE);
}
