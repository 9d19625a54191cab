/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_PAGE_H
#define IMAPID_ANSWER_PAGE_H

#include "answer/overview.h"
#include "answer/items.h"
#include "answer/survey.h"
#include "terminal.h"

/* The report: one HTML page that needs nothing else. All of it is there without scripts; the scripts filter, sort
 * and open. A policy in the page forbids everything but these scripts and this style, by their hashes.
 *
 * Every picture, list and link counts connections: a bar that says 21 leads to 21 rows. */
struct imapid_page {
    const struct imapid_store_view *view;
    const struct imapid_fold *fold;
    const char *version; /* of this program */
    bool is_complete;    /* every input could be read whole */
    bool is_redacted;
    enum imapid_clock clock; /* LOCAL: times of the zone that this program runs in; else UTC */
    unsigned n_threads;      /* to compute it with; 0 is 1 */
};

/* Appends the whole page. */
void imapid_page_write(GString *out, const struct imapid_page *page);

/* Connections whose rows are shown: those that need action, then the newest. */
#define IMAPID_PAGE_ROWS_MAX 5000

/* ---- what the sections share; page.c makes it ---- */

struct imapid_report {
    const struct imapid_page *page;
    struct imapid_terminal terminal; /* what words for people are spelled for: UTF-8, no colours */
    struct imapid_survey *survey;
    struct imapid_overview overview;
    struct imapid_items items;
    GHashTable *tokens; /* those that were linked to */
    GString *names;     /* their names, as members of a JSON object */
};

/* Programs, servers and findings that have a token of their own, and rows of a list. */
#define IMAPID_PAGE_GROUPS_MAX 200u

/* How a row is chosen by a click: a token for each thing that is so of it. The first letter is the kind of
 * thing. Made of numbers and of words of this program, never of what a stranger wrote. */
char *imapid_page_token(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Appends ` href="#list" data-k="TOKEN"` for a link, and notes the name of the token; a stranger may have
 * chosen that. `name` NULL: the tokens (there may be two, with a blank between) were named elsewhere. */
void imapid_page_link(GString *out, struct imapid_report *report, const char *token,
                      const char *name);

/* "1,316 connections", "1 connection" */
void imapid_page_count(GString *out, uint64_t n, const char *one, const char *many);

/* The same in a sentence: "three connections"; numbers below ten are words. */
void imapid_page_say(GString *out, uint64_t n, const char *one, const char *many);

/* "22%", "<1%", ">99%": whole, and never all or nothing where it is not; escaped for HTML. */
void imapid_page_share(GString *out, uint64_t n, uint64_t n_all);

/* "26 Nov"; "26 Nov 2026"; "Thursday 26 November 2026". */
enum imapid_page_date { IMAPID_PAGE_DAY, IMAPID_PAGE_DATE, IMAPID_PAGE_LONG_DATE };
void imapid_page_day(GString *out, const struct imapid_report *report, int64_t ts_ns,
                     enum imapid_page_date form);

/* "09:14:22" */
void imapid_page_clock(GString *out, const struct imapid_report *report, int64_t ts_ns);

/* "UTC", "UTC+01:00": the offset at that time. */
void imapid_page_zone(GString *out, const struct imapid_report *report, int64_t ts_ns);

/* Begins a section with its heading and, unless NULL, a sentence of our own below it. */
void imapid_page_begin(GString *out, const char *id, const char *title, const char *lead);

/* The name of a shade, and its CSS class. Static. */
const char *imapid_page_shade(enum imapid_shade shade);
const char *imapid_page_shade_class(enum imapid_shade shade);

/* The legend of the shades that there are. */
void imapid_page_legend(GString *out, const unsigned n_shades[IMAPID_N_SHADES]);

/* ---- columns of time: page-time.c ---- */

struct imapid_page_bins {
    unsigned n;    /* at most 60 */
    int64_t from;  /* the number of the first */
    unsigned step; /* which width */
};
struct imapid_page_bins imapid_page_bins_make(const struct imapid_report *report);
unsigned imapid_page_bins_find(const struct imapid_report *report,
                               const struct imapid_page_bins *bins, int64_t ts_ns);

/* ---- sections, each a file but for small ones ---- */

void imapid_page_write_verdict(GString *out, const struct imapid_report *report);
void imapid_page_write_todo(GString *out, struct imapid_report *report);
void imapid_page_write_missed(GString *out, struct imapid_report *report);
void imapid_page_write_software(GString *out, struct imapid_report *report);
void imapid_page_write_servers(GString *out, struct imapid_report *report);
void imapid_page_write_security(GString *out, struct imapid_report *report);
void imapid_page_write_time(GString *out, struct imapid_report *report);
void imapid_page_write_pairs(GString *out, struct imapid_report *report);
void imapid_page_write_answers(GString *out, struct imapid_report *report);
void imapid_page_write_findings(GString *out, struct imapid_report *report);
void imapid_page_write_chains(GString *out, struct imapid_report *report);
void imapid_page_write_identities(GString *out, struct imapid_report *report);
void imapid_page_write_list(GString *out, struct imapid_report *report);

#endif
