/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row.c: a connection in one row of text, as wide as the terminal.
 *
 * What a stranger wrote is escaped before it is measured and cut. What does not fit into the narrow
 * layouts (ports, the login, findings) is left out, the result never. Numbers too wide for their
 * column push the rest to the right.
 *
 * Refuses nothing. Misuse: reading rows with a program; JSON Lines are for that. */
#include "record/row.h"

#include "record/gist.h"
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/width.h"

#include <string.h>

#define NARROW 80u
#define MIDDLE 120u
#define WIDE   200u

/* ---- layouts ---- */

/* Columns of each cell; 0: there is none. */
struct layout {
    unsigned time, frame, client, client_says, system, server, server_says, security, login,
        findings;
    bool is_fine; /* microseconds, ports, "+deflate" */
};

#define STREAM 6u

static struct layout choose(const struct imapid_terminal *terminal)
{
    unsigned columns = terminal->columns, extra;
    struct layout layout;

    if (columns >= WIDE) {
        layout = (struct layout){15, 6, 22, 25, 8, 18, 19, 16, 7, 29, true};
        extra = columns - WIDE;
    } else if (columns >= MIDDLE) {
        layout = (struct layout){8, 6, 15, 21, 0, 15, 15, 8, 0, 0, false};
        extra = columns - MIDDLE;
    } else {
        layout = (struct layout){8, 0, 20, 0, 0, 15, 0, 8, 0, 0, false};
        extra = columns > NARROW ? columns - NARROW : 0;
    }
    /* Seconds since 1970 have two figures more than a time of the day. */
    if (terminal->clock == IMAPID_CLOCK_EPOCH) {
        layout.time += 2;
        if (extra >= 2)
            extra -= 2;
        else
            layout.client -= 2;
    }
    if (layout.findings)
        layout.findings += extra;
    else if (layout.client_says)
        layout.client_says += extra;
    else
        layout.client += extra;
    return layout;
}

static void end_cell(GString *out, size_t start, unsigned columns)
{
    imapid_width_pad(out, start, columns);
    g_string_append_c(out, ' ');
}

/* `pad`: behind the title, or before it where numbers stand below. */
static void add_title(GString *out, const char *title, unsigned columns,
                      void (*pad)(GString *out, gsize start, unsigned columns))
{
    size_t start = out->len;

    if (!columns)
        return;
    g_string_append(out, title);
    pad(out, start, columns);
    g_string_append_c(out, ' ');
}

void imapid_row_spell_head(GString *out, const struct imapid_terminal *terminal)
{
    struct layout layout = choose(terminal);

    g_string_append(out, terminal->color ? "\033[1m  " : "  ");
    add_title(out, "TIME", layout.time, imapid_width_pad);
    add_title(out, "STREAM", STREAM, imapid_width_pad_before);
    add_title(out, "FRAME", layout.frame, imapid_width_pad_before);
    add_title(out, "CLIENT", layout.client, imapid_width_pad);
    add_title(out, "CLIENT SAYS", layout.client_says, imapid_width_pad);
    add_title(out, "SYSTEM", layout.system, imapid_width_pad);
    add_title(out, "SERVER", layout.server, imapid_width_pad);
    add_title(out, "SERVER SAYS", layout.server_says, imapid_width_pad);
    add_title(out, "SECURITY", layout.security, imapid_width_pad);
    add_title(out, "LOGIN", layout.login, imapid_width_pad);
    add_title(out, "RESULT", layout.findings ? IMAPID_RESULT_COLUMNS : 6, imapid_width_pad);
    if (layout.findings)
        g_string_append(out, "FINDINGS");
    else
        g_string_truncate(out, out->len - 1);
    g_string_append(out, terminal->color ? "\033[0m\n" : "\n");
}

/* ---- times ---- */

void imapid_row_spell_duration(GString *out, int64_t ns)
{
    double ms = (double)ns / 1e6;

    if (ms < 0.05)
        g_string_append(out, "<0.1 ms");
    else if (ms < 9.95)
        g_string_append_printf(out, "%.1f ms", ms);
    else if (ms < 999.5)
        g_string_append_printf(out, "%.0f ms", ms);
    else if (ms < 9950)
        g_string_append_printf(out, "%.1f s", ms / 1e3);
    else
        g_string_append_printf(out, "%.0f s", ms / 1e3);
}

GDateTime *imapid_row_make_date(const struct imapid_terminal *terminal, int64_t ts_ns)
{
    int64_t seconds = ts_ns / 1000000000 - (ts_ns % 1000000000 < 0);

    if (!imapid_time_is_known(ts_ns))
        return NULL;
    return g_date_time_new_from_unix_utc(seconds + imapid_terminal_offset(terminal, ts_ns));
}

static unsigned get_micros(int64_t ts_ns)
{
    int64_t rest = ts_ns % 1000000000;

    return (unsigned)((rest < 0 ? rest + 1000000000 : rest) / 1000);
}

/* Seconds as the clocks that count have them. */
static void add_seconds(GString *out, int64_t ns, bool fine, bool whole)
{
    if (whole && !fine)
        g_string_append_printf(out, "%" G_GINT64_FORMAT, ns / 1000000000);
    else
        g_string_append_printf(out, fine ? "%.6f" : "%.3f", (double)ns / 1e9);
}

void imapid_row_spell_clock(GString *out, const struct imapid_terminal *terminal, int64_t ts_ns,
                            int64_t origin_ns, bool fine)
{
    GDateTime *date;

    if (!imapid_time_is_known(ts_ns) ||
        (terminal->clock == IMAPID_CLOCK_RELATIVE && !imapid_time_is_known(origin_ns))) {
        g_string_append(out, "--:--:--");
        return;
    }
    if (terminal->clock == IMAPID_CLOCK_RELATIVE) {
        add_seconds(out, imapid_ns_between(origin_ns, ts_ns), fine, false);
        return;
    }
    if (terminal->clock == IMAPID_CLOCK_EPOCH) {
        add_seconds(out, ts_ns, fine, true);
        return;
    }
    date = imapid_row_make_date(terminal, ts_ns);
    if (!date) {
        g_string_append(out, "--:--:--");
        return;
    }
    g_string_append_printf(out, "%02d:%02d:%02d", g_date_time_get_hour(date),
                           g_date_time_get_minute(date), g_date_time_get_second(date));
    if (fine)
        g_string_append_printf(out, ".%06u", get_micros(ts_ns));
    g_date_time_unref(date);
}

void imapid_row_spell_date(GString *out, const struct imapid_terminal *terminal, int64_t ts_ns)
{
    static const char days[][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int offset = imapid_terminal_offset(terminal, ts_ns) / 60;
    GDateTime *date;

    if (terminal->clock == IMAPID_CLOCK_RELATIVE || terminal->clock == IMAPID_CLOCK_EPOCH)
        return;
    date = imapid_row_make_date(terminal, ts_ns);
    if (!date)
        return;
    g_string_append_printf(out, "%s %d %s %d, UTC", days[g_date_time_get_day_of_week(date) - 1],
                           g_date_time_get_day_of_month(date),
                           months[g_date_time_get_month(date) - 1], g_date_time_get_year(date));
    if (offset)
        g_string_append_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', ABS(offset) / 60,
                               ABS(offset) % 60);
    g_date_time_unref(date);
}

/* ---- cells ---- */

struct spelling {
    const struct imapid_row *row;
    const struct imapid_terminal *terminal;
    struct layout layout;
    struct imapid_row_line *line;
    GString *out; /* of the line */
};

/* What was appended since `start` looks like this. */
static void mark(struct spelling *spelling, size_t start, enum imapid_look look)
{
    struct imapid_row_line *line = spelling->line;

    if (look != IMAPID_LOOK_PLAIN && line->n_spans < IMAPID_ROW_SPANS_MAX)
        line->spans[line->n_spans++] =
            (struct imapid_span){(uint32_t)start, (uint32_t)(spelling->out->len - start), look};
}

static enum imapid_look get_look(enum imapid_mark mark)
{
    return mark == IMAPID_MARK_WRONG     ? IMAPID_LOOK_WRONG
           : mark == IMAPID_MARK_UNREAD  ? IMAPID_LOOK_UNREAD
           : mark == IMAPID_MARK_WARNING ? IMAPID_LOOK_WARNING
                                         : IMAPID_LOOK_PLAIN;
}

/* A good result has a warning beside it where the connection has one. */
static enum imapid_mark get_mark(const struct imapid_row *row)
{
    enum imapid_mark of = imapid_result_mark(row->result);

    return of == IMAPID_MARK_GOOD && row->n_warnings ? IMAPID_MARK_WARNING : of;
}

static void add_gutter(struct spelling *spelling)
{
    enum imapid_mark of = get_mark(spelling->row);

    g_string_append_c(spelling->out, of == IMAPID_MARK_WRONG     ? 'x'
                                     : of == IMAPID_MARK_UNREAD  ? '?'
                                     : of == IMAPID_MARK_WARNING ? '!'
                                                                 : ' ');
    mark(spelling, spelling->out->len - 1, get_look(of));
    g_string_append_c(spelling->out, ' ');
}

static void add_time(struct spelling *spelling, int64_t origin_ns)
{
    size_t start = spelling->out->len, dot;
    const char *at;

    imapid_row_spell_clock(spelling->out, spelling->terminal, spelling->row->ts_ns, origin_ns,
                           spelling->layout.is_fine);
    imapid_width_pad_before(spelling->out, start, spelling->layout.time);
    at = spelling->layout.is_fine ? strchr(spelling->out->str + start, '.') : NULL;
    if (at) {
        dot = (size_t)(at - spelling->out->str);
        mark(spelling, dot, IMAPID_LOOK_DIM);
    }
    g_string_append_c(spelling->out, ' ');
}

/* Blank for 0 where that is no number. */
static void add_number(struct spelling *spelling, uint64_t number, bool is_there, unsigned columns)
{
    size_t start = spelling->out->len;

    if (!columns)
        return;
    if (is_there)
        imapid_spell_number(spelling->out, number);
    imapid_width_pad_before(spelling->out, start, columns);
    g_string_append_c(spelling->out, ' ');
}

/* 192.0.2.1, or 192.0.2.1:143 and [2001:db8::1]:143; the port is never cut. */
static void add_address(struct spelling *spelling, const struct imapid_endpoint *end,
                        unsigned columns, enum imapid_look look)
{
    bool utf8 = spelling->terminal->utf8, has_port = spelling->layout.is_fine;
    bool in_brackets = has_port && end->family == 6;
    GString *out = spelling->out;
    size_t start = out->len, inside;
    char port[12] = "";

    if (has_port)
        g_snprintf(port, sizeof port, "%s:%u", in_brackets ? "]" : "", end->port);
    if (in_brackets)
        g_string_append_c(out, '[');
    inside = out->len;
    imapid_spell_address(out, end);
    imapid_width_cut_middle(out, inside, columns - (unsigned)(inside - start + strlen(port)), utf8);
    g_string_append(out, port);
    mark(spelling, start, look);
    end_cell(out, start, columns);
}

static bool has_words(const struct imapid_row_side *side)
{
    return side->is_seen && (!side->name.is_nil || !side->version.is_nil);
}

/* Was the connection read, so far as it goes, with nothing hidden? */
static bool was_read(const struct imapid_row *row)
{
    return !row->session || !row->session->not_decrypted;
}

static void add_words(struct spelling *spelling, const struct imapid_row_side *side,
                      unsigned columns)
{
    size_t start = spelling->out->len;

    imapid_width_add_software(spelling->out, &side->name, &side->version, columns,
                              spelling->terminal->utf8);
    mark(spelling, start, IMAPID_LOOK_BOLD);
    end_cell(spelling->out, start, columns);
}

/* The client's program; without one its address where no other cell has it, or why there is none. */
static void add_client(struct spelling *spelling)
{
    const struct imapid_row *row = spelling->row;
    const struct imapid_row_side *side = &row->sides[IMAPID_CLIENT];
    unsigned columns = spelling->layout.client_says;
    size_t start;

    if (!columns) {
        if (has_words(side))
            add_words(spelling, side, spelling->layout.client);
        else
            add_address(spelling, &row->conn->client, spelling->layout.client, IMAPID_LOOK_CLIENT);
        return;
    }
    add_address(spelling, &row->conn->client, spelling->layout.client, IMAPID_LOOK_CLIENT);
    if (has_words(side)) {
        add_words(spelling, side, columns);
        return;
    }
    start = spelling->out->len;
    g_string_append(spelling->out, side->is_seen                            ? "(no name)"
                                   : !was_read(row)                         ? "(not read)"
                                   : row->session && row->session->not_imap ? ""
                                   : row->result == IMAPID_RESULT_NONE_SEEN ||
                                           row->result == IMAPID_RESULT_ONE_SIDE
                                       ? "(none seen)"
                                       : "(no ID)");
    mark(spelling, start, IMAPID_LOOK_DIM);
    end_cell(spelling->out, start, columns);
}

static void add_system(struct spelling *spelling)
{
    const struct imapid_row_side *side = &spelling->row->sides[IMAPID_CLIENT];
    unsigned columns = spelling->layout.system;
    size_t start = spelling->out->len;

    if (!columns)
        return;
    if (side->is_seen && !side->os.is_nil)
        imapid_spell_value(spelling->out, side->os.octets, side->os.n, spelling->terminal->utf8);
    imapid_width_fit(spelling->out, start, columns, spelling->terminal->utf8);
    g_string_append_c(spelling->out, ' ');
}

static void add_server(struct spelling *spelling)
{
    const struct imapid_row *row = spelling->row;
    const struct imapid_row_side *side = &row->sides[IMAPID_SERVER];
    unsigned columns = spelling->layout.server_says;
    size_t start;

    add_address(spelling, &row->conn->server, spelling->layout.server, IMAPID_LOOK_SERVER);
    if (!columns)
        return;
    if (has_words(side)) {
        add_words(spelling, side, columns);
        return;
    }
    start = spelling->out->len;
    if (side->is_seen)
        g_string_append(spelling->out, "(no name)");
    mark(spelling, start, IMAPID_LOOK_DIM);
    end_cell(spelling->out, start, columns);
}

static bool has_clear_password(const struct imapid_row *row)
{
    return row->codes >> IMAPID_FINDING_CLEARTEXT_PASSWORD & 1;
}

static void add_security(struct spelling *spelling)
{
    const struct imapid_row *row = spelling->row;
    size_t start = spelling->out->len;

    g_string_append(spelling->out, row->security == IMAPID_SECURITY_TLS        ? "TLS"
                                   : row->security == IMAPID_SECURITY_STARTTLS ? "STARTTLS"
                                                                               : "none");
    mark(spelling, start, has_clear_password(row) ? IMAPID_LOOK_WRONG : IMAPID_LOOK_PLAIN);
    if (row->compressed && spelling->layout.is_fine)
        g_string_append(spelling->out, "+deflate");
    end_cell(spelling->out, start, spelling->layout.security);
}

static void add_login(struct spelling *spelling)
{
    const char *mechanism = imapid_gist_get_login(spelling->row->session);
    size_t start = spelling->out->len;

    if (!spelling->layout.login)
        return;
    g_string_append(spelling->out, mechanism ? mechanism : "");
    imapid_width_fit(spelling->out, start, spelling->layout.login, spelling->terminal->utf8);
    g_string_append_c(spelling->out, ' ');
}

static void add_result(struct spelling *spelling)
{
    const struct imapid_row *row = spelling->row;
    GString *out = spelling->out;
    size_t start = out->len;

    imapid_result_spell(out, row->result, row->n_warnings);
    if (row->result == IMAPID_RESULT_OK && row->rtt_ns >= 0) {
        g_string_append_c(out, ' ');
        imapid_row_spell_duration(out, row->rtt_ns);
    }
    mark(spelling, start, get_look(get_mark(row)));
    if (!spelling->layout.findings)
        return;
    imapid_width_pad(out, start, IMAPID_RESULT_COLUMNS);
    g_string_append_c(out, ' ');
}

/* ---- findings, in the wide layout ---- */

static void add_code(GString *out, size_t start, const char *code)
{
    if (out->len > start)
        g_string_append(out, ", ");
    g_string_append(out, code);
}

/* What the peer said. Behind the finding that says why, where there is one. */
static void add_outcome(struct spelling *spelling, size_t start)
{
    const struct imapid_row *row = spelling->row;
    const struct imapid_record_outcome *outcome = row->session ? &row->session->outcome : NULL;
    GString *out = spelling->out;

    if (!outcome || row->session->healthy != IMAPID_NO || !outcome->status ||
        imapid_result_tells(outcome->status))
        return;
    if (row->codes >> IMAPID_FINDING_REQUIRED_BY_SERVER & 1) {
        add_code(out, start, imapid_finding_code(IMAPID_FINDING_REQUIRED_BY_SERVER));
        g_string_append(out, ": ");
    } else if (out->len > start) {
        g_string_append(out, ", ");
    }
    imapid_spell_value(out, (const uint8_t *)outcome->status, strlen(outcome->status),
                       spelling->terminal->utf8);
    if (outcome->text.is_nil)
        return;
    g_string_append_c(out, ' ');
    imapid_spell_value(out, outcome->text.octets, outcome->text.n, spelling->terminal->utf8);
}

static void add_codes(GString *out, size_t start, uint64_t codes, enum imapid_severity severity)
{
    for (unsigned code = 0; code < IMAPID_N_FINDINGS; code++)
        if (codes >> code & 1 &&
            imapid_finding_severity((enum imapid_finding_code)code) == severity)
            add_code(out, start, imapid_finding_code((enum imapid_finding_code)code));
}

static void add_findings(struct spelling *spelling)
{
    const struct imapid_row *row = spelling->row;
    GString *out = spelling->out;
    size_t start = out->len;
    uint64_t codes = row->codes;

    if (!spelling->layout.findings)
        return;
    add_codes(out, start, row->codes, IMAPID_SEVERITY_ERROR);
    add_outcome(spelling, start);
    if (out->len > start)
        codes &= ~(UINT64_C(1) << IMAPID_FINDING_REQUIRED_BY_SERVER);
    if (row->session && row->session->not_decrypted && row->session->not_decrypted_phrase) {
        add_code(out, start, "");
        imapid_spell_value(out, (const uint8_t *)row->session->not_decrypted_phrase,
                           strlen(row->session->not_decrypted_phrase), spelling->terminal->utf8);
    }
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        if (row->conn->doubts.of[i].n)
            add_code(out, start, imapid_doubt_code((enum imapid_doubt)i));
    add_codes(out, start, codes, IMAPID_SEVERITY_WARNING);
    add_codes(out, start, codes, IMAPID_SEVERITY_NOTE);
    imapid_width_cut(out, start, spelling->layout.findings, spelling->terminal->utf8);
}

static void trim(GString *line)
{
    while (line->len && line->str[line->len - 1] == ' ')
        g_string_truncate(line, line->len - 1);
}

struct imapid_row_line *imapid_row_spell(const struct imapid_row *row,
                                         const struct imapid_terminal *terminal, int64_t origin_ns)
{
    struct imapid_row_line *line = g_new0(struct imapid_row_line, 1);
    struct spelling spelling = {row, terminal, choose(terminal), line, g_string_sized_new(256)};

    line->text = spelling.out;
    add_gutter(&spelling);
    add_time(&spelling, origin_ns);
    add_number(&spelling, row->conn->stream, true, STREAM);
    add_number(&spelling, row->frame, row->frame != 0, spelling.layout.frame);
    add_client(&spelling);
    add_system(&spelling);
    add_server(&spelling);
    add_security(&spelling);
    add_login(&spelling);
    add_result(&spelling);
    add_findings(&spelling);
    trim(line->text);
    return line;
}

void imapid_row_line_free(struct imapid_row_line *line)
{
    g_string_free(line->text, TRUE);
    g_free(line);
}

/* ---- colours ---- */

/* The octets of the first span of that look; nothing where there is none. */
static const char *find_span(const struct imapid_row_line *line, enum imapid_look look, uint32_t *n)
{
    for (unsigned i = 0; i < line->n_spans; i++) {
        if (line->spans[i].look != look)
            continue;
        *n = line->spans[i].n;
        return line->text->str + line->spans[i].at;
    }
    return NULL;
}

static bool is_repeated(const struct imapid_row_line *line, const struct imapid_row_line *before,
                        const struct imapid_span *span)
{
    uint32_t n = 0;
    const char *above = before ? find_span(before, span->look, &n) : NULL;

    return above && n == span->n && !memcmp(above, line->text->str + span->at, n);
}

/* The eight base colours, so that the person's own theme decides. */
static const char *get_sequence(const struct imapid_row_line *line,
                                const struct imapid_row_line *before,
                                const struct imapid_span *span)
{
    switch (span->look) {
    case IMAPID_LOOK_WRONG:
        return "\033[31m";
    case IMAPID_LOOK_WARNING:
        return "\033[33m";
    case IMAPID_LOOK_UNREAD:
        return "\033[35m";
    case IMAPID_LOOK_BOLD:
        return "\033[1m";
    case IMAPID_LOOK_DIM:
        return "\033[2m";
    case IMAPID_LOOK_CLIENT:
    case IMAPID_LOOK_SERVER:
        return is_repeated(line, before, span) ? "\033[2m" : NULL;
    default:
        return NULL;
    }
}

void imapid_row_write(GString *out, const struct imapid_row_line *line,
                      const struct imapid_row_line *before, const struct imapid_terminal *terminal)
{
    uint32_t at = 0;

    for (unsigned i = 0; terminal->color && i < line->n_spans; i++) {
        const struct imapid_span *span = &line->spans[i];
        const char *sequence = get_sequence(line, before, span);

        if (!sequence || !span->n)
            continue;
        g_string_append_len(out, line->text->str + at, (gssize)(span->at - at));
        g_string_append(out, sequence);
        g_string_append_len(out, line->text->str + span->at, (gssize)span->n);
        g_string_append(out, "\033[0m");
        at = span->at + span->n;
    }
    g_string_append(out, line->text->str + at);
    g_string_append_c(out, '\n');
}
