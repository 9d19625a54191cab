/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_ROW_H
#define IMAPID_RECORD_ROW_H

#include "record/result.h"
#include "terminal.h"

/* A connection in one row of text for a person. There are three layouts, by the columns of the
 * terminal: below 120, below 200, and from there on. Widths do not depend on what is in the rows,
 * so that each can be written when it is known. */

/* Who one side says it is. Strings are copies, of `n` octets each; nil: it was not said. */
struct imapid_row_side {
    bool is_seen; /* an ID of the side was seen; else the others mean nothing */
    struct imapid_record_string name, version, os;
};

struct imapid_row {
    int64_t ts_ns;  /* when the connection began */
    uint64_t frame; /* the one to look at; 0: none */
    const struct imapid_record_conn *conn;
    struct imapid_row_side sides[2]; /* by enum imapid_side */
    enum imapid_security security;
    bool compressed;
    const struct imapid_record_session *session; /* NULL: its record did not come */
    int64_t rtt_ns;                              /* negative: not known */
    enum imapid_result result;
    unsigned n_warnings;
    const char *keylog; /* a file that opens TLS; NULL: none that can be named */
    uint64_t codes;     /* a bit (1 << code) for each finding of the connection and its exchanges */
};

/* What a run of octets of a line looks like on a terminal that has colours. */
enum imapid_look {
    IMAPID_LOOK_PLAIN,
    IMAPID_LOOK_WRONG,
    IMAPID_LOOK_WARNING,
    IMAPID_LOOK_UNREAD,
    IMAPID_LOOK_BOLD,
    IMAPID_LOOK_DIM,
    IMAPID_LOOK_CLIENT, /* dim where the row before has the same address there */
    IMAPID_LOOK_SERVER,
};

struct imapid_span {
    uint32_t at, n; /* octets of the line */
    enum imapid_look look;
};

#define IMAPID_ROW_SPANS_MAX 10

/* A row ready to be written: the line without its line end, and how its parts look, in order. */
struct imapid_row_line {
    GString *text;
    unsigned n_spans;
    struct imapid_span spans[IMAPID_ROW_SPANS_MAX];
};

/* The head of the columns, with its line end. */
void imapid_row_spell_head(GString *out, const struct imapid_terminal *terminal);

/* A row. `origin_ns`: what relative times count from. To be freed with imapid_row_line_free(). */
struct imapid_row_line *imapid_row_spell(const struct imapid_row *row,
                                         const struct imapid_terminal *terminal, int64_t origin_ns);
void imapid_row_line_free(struct imapid_row_line *line);

/* Appends the line with its line end, in colour where the terminal has them. `before`: the line that
 * stands over it, NULL where there is none. */
void imapid_row_write(GString *out, const struct imapid_row_line *line,
                      const struct imapid_row_line *before, const struct imapid_terminal *terminal);

/* "0.9 ms", "41 ms", "1.9 s": two figures, but "<0.1 ms". */
void imapid_row_spell_duration(GString *out, int64_t ns);

/* "09:14:22", with microseconds where `fine`; or what else the clock of the terminal says. */
void imapid_row_spell_clock(GString *out, const struct imapid_terminal *terminal, int64_t ts_ns,
                            int64_t origin_ns, bool fine);

/* A time in the zone of the terminal's clock, to be unreffed; NULL for a year that GLib does not have. */
GDateTime *imapid_row_make_date(const struct imapid_terminal *terminal, int64_t ts_ns);

/* "Fri 6 Nov 2026, UTC+01:00"; nothing where the clock has no date. */
void imapid_row_spell_date(GString *out, const struct imapid_terminal *terminal, int64_t ts_ns);

#endif
