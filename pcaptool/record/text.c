/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.c: records for a person in front of a terminal: a line per exchange, who says what to whom
 * and what came of it; with --verbose every pair and finding below it. Everything a stranger wrote
 * goes through imapid_spell_terminal().
 *
 * Refuses nothing. Misuse: reading it with a program: its columns may change; JSON Lines are for
 * that. */
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/writer.h"

#include <string.h>

/* Columns. Longer contents push the rest to the right rather than being cut off; identities alone
 * are cut, since --verbose has them whole. */
#define WIDTH_TIME     27
#define WIDTH_ENDPOINT 21
#define WIDTH_SECURITY 16
#define WIDTH_IDENTITY 24

static const char bold[] = "1", dim[] = "2", red[] = "31", yellow[] = "33", cyan[] = "36";

static void begin_colour(GString *out, const struct imapid_writer_style *style, const char *colour)
{
    if (style->colour)
        g_string_append_printf(out, "\033[%sm", colour);
}

static void end_colour(GString *out, const struct imapid_writer_style *style)
{
    if (style->colour)
        g_string_append(out, "\033[0m");
}

/* Pads what was appended since `start` to `width` columns, and adds the space between columns. */
static void end_column(GString *out, size_t start, long width)
{
    for (long n = g_utf8_strlen(out->str + start, -1); n < width; n++)
        g_string_append_c(out, ' ');
    g_string_append(out, "  ");
}

static void add_column(GString *out, const char *text, long width)
{
    size_t start = out->len;

    g_string_append(out, text);
    end_column(out, start, width);
}

static void write_head(GString *out, const struct imapid_writer_style *style)
{
    begin_colour(out, style, bold);
    add_column(out, "TIME", WIDTH_TIME);
    add_column(out, "CLIENT", WIDTH_ENDPOINT);
    add_column(out, "SERVER", WIDTH_ENDPOINT);
    add_column(out, "SECURITY", WIDTH_SECURITY);
    add_column(out, "CLIENT SAYS", WIDTH_IDENTITY);
    add_column(out, "SERVER SAYS", WIDTH_IDENTITY);
    g_string_append(out, "RESULT");
    end_colour(out, style);
    g_string_append_c(out, '\n');
}

static void write_file(GString *out, const struct imapid_writer_style *style, const char *file)
{
    if (!style->many)
        return;
    begin_colour(out, style, bold);
    imapid_spell_terminal(out, (const uint8_t *)file, strlen(file), 0);
    g_string_append_c(out, ':');
    end_colour(out, style);
    g_string_append_c(out, '\n');
}

/* To the microsecond: six of the nine decimals. */
static void add_time(GString *out, int64_t ts_ns)
{
    size_t start = out->len;

    imapid_spell_time(out, ts_ns);
    g_string_truncate(out, out->len - strlen("000Z"));
    g_string_append_c(out, 'Z');
    end_column(out, start, WIDTH_TIME);
}

static void add_conn(GString *out, int64_t ts_ns, const struct imapid_record_conn *conn)
{
    size_t start;

    add_time(out, ts_ns);
    start = out->len;
    imapid_spell_endpoint(out, &conn->client);
    end_column(out, start, WIDTH_ENDPOINT);
    start = out->len;
    imapid_spell_endpoint(out, &conn->server);
    end_column(out, start, WIDTH_ENDPOINT);
}

static void add_security(GString *out, enum imapid_security security, bool compressed)
{
    size_t start = out->len;

    g_string_append(out, imapid_record_security(security));
    if (compressed)
        g_string_append(out, "+deflate");
    end_column(out, start, WIDTH_SECURITY);
}

static void add_string(GString *out, const struct imapid_record_string *string, size_t max)
{
    imapid_spell_terminal(out, string->octets, string->n, max);
}

/* Who it says it is: name and version, or whatever comes first. */
static void add_identity(GString *out, const struct imapid_writer_style *style,
                         const struct imapid_record_half *half, const char *colour)
{
    const struct imapid_record_string *name = imapid_record_find(half, IMAPID_FIELD_NAME);
    const struct imapid_record_string *version = imapid_record_find(half, IMAPID_FIELD_VERSION);
    GString *text = g_string_new(NULL);
    size_t start;

    if (!half->seen) {
        g_string_append_c(text, '-');
    } else if (name) {
        add_string(text, name, WIDTH_IDENTITY - 3);
        if (version && text->len + 5 < WIDTH_IDENTITY) {
            g_string_append_c(text, ' ');
            add_string(text, version, WIDTH_IDENTITY - 3 - text->len);
        }
    } else if (!half->n_pairs) {
        g_string_append(text, half->has_list ? "()" : "NIL");
    } else {
        const struct imapid_record_pair *pair = &half->pairs[0];

        add_string(text, &pair->field, WIDTH_IDENTITY / 2);
        g_string_append_c(text, '=');
        if (pair->value.is_nil)
            g_string_append(text, "NIL");
        else
            add_string(text, &pair->value, WIDTH_IDENTITY / 2);
    }
    begin_colour(out, style, colour);
    start = out->len;
    g_string_append(out, text->str);
    for (long n = g_utf8_strlen(out->str + start, -1); n < WIDTH_IDENTITY; n++)
        g_string_append_c(out, ' ');
    end_colour(out, style);
    g_string_append(out, "  ");
    g_string_free(text, TRUE);
}

static const char *colour_of(enum imapid_severity severity)
{
    return severity == IMAPID_SEVERITY_ERROR     ? red
           : severity == IMAPID_SEVERITY_WARNING ? yellow
                                                 : dim;
}

/* The codes of errors and warnings at the end of a line; notes are for --verbose. */
static void add_codes(GString *out, const struct imapid_writer_style *style,
                      const struct imapid_record_finding *findings, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        enum imapid_severity severity = imapid_finding_severity(findings[i].code);
        bool told = severity == IMAPID_SEVERITY_NOTE;

        for (unsigned k = 0; k < i && !told; k++)
            told = findings[k].code == findings[i].code;
        if (told)
            continue;
        g_string_append_c(out, ' ');
        begin_colour(out, style, colour_of(severity));
        g_string_append(out, imapid_finding_code(findings[i].code));
        end_colour(out, style);
    }
}

static void add_doubts(GString *out, const struct imapid_writer_style *style,
                       const struct imapid_record_conn *conn)
{
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        if (!conn->doubts.of[i].n)
            continue;
        g_string_append_c(out, ' ');
        begin_colour(out, style, yellow);
        g_string_append(out, imapid_doubt_code((enum imapid_doubt)i));
        end_colour(out, style);
    }
}

/* The tunnels that it came through: who sent it is who sent these packets. */
static void add_tunnels(GString *out, const struct imapid_record_conn *conn)
{
    for (unsigned i = 0; i < conn->path.n; i++) {
        const struct imapid_hop *hop = &conn->path.hops[i];
        struct imapid_endpoint end = {.family = hop->family};

        if (!hop->family)
            continue;
        memcpy(end.address, hop->from, sizeof end.address);
        g_string_append_printf(out, " in %s from ", imapid_spell_path_kind(hop->kind));
        imapid_spell_address(out, &end);
    }
}

static void add_result(GString *out, const struct imapid_writer_style *style,
                       const struct imapid_record_exchange *exchange)
{
    int64_t rtt_ns;

    if (exchange->status == IMAPID_STATUS_NONE) {
        g_string_append(out, "no result");
    } else {
        bool good = exchange->status == IMAPID_STATUS_OK;

        if (!good)
            begin_colour(out, style, red);
        g_string_append(out, imapid_record_status(exchange->status));
        if (exchange->is_untagged)
            g_string_append(out, " (untagged)");
        if (!good)
            end_colour(out, style);
    }
    if (imapid_record_rtt_ns(exchange, &rtt_ns))
        g_string_append_printf(out, " %.1f ms", (double)rtt_ns / 1e6);
    if (!exchange->complete)
        g_string_append(out, " incomplete");
}

/* A frame, and its file where that is another one than the connection's. */
static void add_frame(GString *out, const char *who, uint64_t number, const char *file)
{
    g_string_append_printf(out, "    %s, frame %" G_GUINT64_FORMAT, who, number);
    if (file) {
        g_string_append(out, " of ");
        imapid_spell_terminal(out, (const uint8_t *)file, strlen(file), 0);
    }
}

static void add_pairs(GString *out, const struct imapid_writer_style *style, const char *who,
                      const struct imapid_record_half *half)
{
    if (!half->seen)
        return;
    begin_colour(out, style, dim);
    add_frame(out, who, half->packet.number, half->file);
    end_colour(out, style);
    if (!half->n_pairs)
        g_string_append(out, half->has_list ? "  ()" : "  NIL");
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];
        size_t start;

        g_string_append(out, "        ");
        start = out->len;
        if (pair->field.is_nil)
            g_string_append(out, "NIL");
        else
            add_string(out, &pair->field, 0);
        end_column(out, start, 16);
        if (pair->value.is_nil)
            g_string_append(out, "NIL");
        else
            add_string(out, &pair->value, 0);
        g_string_append_c(out, '\n');
    }
    if (half->is_malformed) {
        g_string_append(out, "        as sent: ");
        imapid_spell_terminal(out, half->raw, half->n_raw, 0);
        g_string_append_c(out, '\n');
    }
}

static void add_findings(GString *out, const struct imapid_writer_style *style,
                         const struct imapid_record_finding *findings, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct imapid_record_finding *finding = &findings[i];
        enum imapid_severity severity = imapid_finding_severity(finding->code);

        g_string_append(out, "    ");
        begin_colour(out, style, colour_of(severity));
        g_string_append_printf(out, "%s %s", imapid_severity_name(severity),
                               imapid_finding_code(finding->code));
        end_colour(out, style);
        g_string_append_printf(out, " (%s", finding->side == IMAPID_CLIENT ? "client" : "server");
        if (!finding->field.is_nil) {
            g_string_append(out, ", ");
            add_string(out, &finding->field, 64);
        }
        g_string_append_printf(out, "): %s [%s]\n", imapid_record_message(finding),
                               imapid_finding_section(finding->code));
    }
}

/* The whole path, and the doubts with their frames. */
static void add_way(GString *out, const struct imapid_record_conn *conn)
{
    if (conn->path.n) {
        g_string_append(out, "    path ");
        imapid_spell_path_text(out, &conn->path);
        g_string_append_c(out, '\n');
    }
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        if (!conn->doubts.of[i].n)
            continue;
        g_string_append(out, "    doubt ");
        imapid_spell_doubt_text(out, &conn->doubts, (enum imapid_doubt)i);
        g_string_append_c(out, '\n');
    }
}

static void write_exchange(GString *out, const struct imapid_writer_style *style,
                           const struct imapid_record_exchange *exchange)
{
    add_conn(out, imapid_record_when(exchange).ts_ns, &exchange->conn);
    add_security(out, exchange->security, exchange->compressed);
    add_identity(out, style, &exchange->command, cyan);
    add_identity(out, style, &exchange->response, cyan);
    add_result(out, style, exchange);
    add_tunnels(out, &exchange->conn);
    add_doubts(out, style, &exchange->conn);
    if (!style->verbose)
        add_codes(out, style, exchange->findings, exchange->n_findings);
    g_string_append_c(out, '\n');
    if (!style->verbose)
        return;
    add_pairs(out, style, "client", &exchange->command);
    add_pairs(out, style, "server", &exchange->response);
    if (exchange->status != IMAPID_STATUS_NONE) {
        begin_colour(out, style, dim);
        add_frame(out, "result", exchange->result.number, exchange->result_file);
        end_colour(out, style);
        g_string_append_printf(out, "  %s%s ", exchange->is_untagged ? "* " : "",
                               imapid_record_status(exchange->status));
        add_string(out, &exchange->text, 0);
        g_string_append_c(out, '\n');
    }
    add_way(out, &exchange->conn);
    add_findings(out, style, exchange->findings, exchange->n_findings);
}

/* What was not seen is not said to be missing. */
static void add_silence(GString *out, const struct imapid_record_session *session)
{
    g_string_append(out, session->n_exchanges              ? "session"
                         : imapid_record_is_whole(session) ? "no ID was sent"
                                                           : "no ID was seen");
}

/* What became of a session: what went wrong, and who closed it. */
static void add_outcome(GString *out, const struct imapid_writer_style *style,
                        const struct imapid_record_session *session)
{
    const struct imapid_record_outcome *outcome = &session->outcome;

    if (session->healthy == IMAPID_NO) {
        GString *phrase = g_string_new(NULL);

        imapid_spell_outcome(phrase, outcome);
        g_string_append(out, "; ");
        begin_colour(out, style, red);
        imapid_spell_terminal(out, (const uint8_t *)phrase->str, phrase->len, 0);
        end_colour(out, style);
        if (!outcome->text.is_nil) {
            g_string_append_c(out, ' ');
            imapid_spell_terminal(out, outcome->text.octets, outcome->text.n, 0);
        }
        if (outcome->frame)
            g_string_append_printf(out, " (frame %" G_GUINT64_FORMAT ")", outcome->frame);
        g_string_free(phrase, TRUE);
    }
    if (session->gave_way)
        g_string_append(out, "; given up to make room");
    if (outcome->ended_by)
        g_string_append_printf(out, "; %s by %s",
                               session->ended == IMAPID_ENDED_RST ? "reset" : "closed",
                               imapid_party_name(outcome->ended_by));
}

/* A session shows in its exchanges; what is left to tell is one without any, or its own findings.
 */
static void write_session(GString *out, const struct imapid_writer_style *style,
                          const struct imapid_record_session *session)
{
    if (session->n_exchanges && !session->n_findings && !session->not_decrypted &&
        session->healthy != IMAPID_NO && !session->gave_way &&
        !imapid_doubts_has_any(&session->conn.doubts))
        return;
    add_conn(out, session->first_ns, &session->conn);
    add_security(out, session->security, session->compressed);
    begin_colour(out, style, dim);
    if (session->not_imap) {
        g_string_append(out, "no IMAP session");
    } else if (session->not_decrypted) {
        g_string_append(out, "not readable: ");
        imapid_spell_terminal(out, (const uint8_t *)session->not_decrypted_phrase,
                              strlen(session->not_decrypted_phrase), 100);
    } else {
        add_silence(out, session);
    }
    end_colour(out, style);
    add_outcome(out, style, session);
    add_tunnels(out, &session->conn);
    add_doubts(out, style, &session->conn);
    add_codes(out, style, session->findings, session->n_findings);
    g_string_append_c(out, '\n');
    if (!style->verbose)
        return;
    add_way(out, &session->conn);
    add_findings(out, style, session->findings, session->n_findings);
}

const struct imapid_writer imapid_text_writer = {
    .name = "text",
    .what = "a line per exchange, for people",
    .head = write_head,
    .file = write_file,
    .exchange = write_exchange,
    .session = write_session,
};
