/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jsonl.c: records as JSON Lines, the interchange: one object a line, "type" first, every key
 * always there. Keys are written here in one place each, in the order the manual lists them.
 *
 * Refuses nothing. Misuse: one key twice in an object; the reader refuses such a line. */
#include "record/spell-record.h"
#include "record/spell.h"
#include "record/writer.h"

static void add_text(GString *out, const char *name, const char *text)
{
    imapid_spell_key(out, name);
    imapid_spell_json_text(out, text);
}

static void add_number(GString *out, const char *name, uint64_t number)
{
    imapid_spell_key(out, name);
    imapid_spell_number(out, number);
}

static void add_bool(GString *out, const char *name, bool value)
{
    imapid_spell_key(out, name);
    imapid_spell_word(out, value ? "true" : "false");
}

static void add_known(GString *out, const char *name, enum imapid_known value)
{
    if (value == IMAPID_UNKNOWN)
        add_text(out, name, NULL);
    else
        add_bool(out, name, value == IMAPID_YES);
}

static void add_time(GString *out, const char *name, int64_t ts_ns)
{
    imapid_spell_key(out, name);
    imapid_spell_json_time(out, ts_ns);
}

static void add_time_if(GString *out, const char *name, bool is_known, int64_t ts_ns)
{
    if (is_known)
        add_time(out, name, ts_ns);
    else
        add_text(out, name, NULL);
}

static void add_string(GString *out, const struct imapid_record_string *string)
{
    if (string->is_nil)
        imapid_spell_word(out, "null");
    else
        imapid_spell_json(out, string->octets, string->n);
}

static void add_hex_string(GString *out, const struct imapid_record_string *string)
{
    if (string->is_nil) {
        imapid_spell_word(out, "null");
        return;
    }
    g_string_append_c(out, '"');
    imapid_spell_hex(out, string->octets, string->n);
    g_string_append_c(out, '"');
}

static void add_hex_pairs(GString *out, const struct imapid_record_half *half)
{
    imapid_spell_key(out, "params_hex");
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < half->n_pairs; i++) {
        imapid_spell_word(out, i ? ",[" : "[");
        add_hex_string(out, &half->pairs[i].field);
        g_string_append_c(out, ',');
        add_hex_string(out, &half->pairs[i].value);
        g_string_append_c(out, ']');
    }
    g_string_append_c(out, ']');
}

static bool is_utf8(const struct imapid_record_string *string)
{
    return string->is_nil || imapid_spell_is_utf8(string->octets, string->n);
}

static bool all_utf8(const struct imapid_record_half *half)
{
    for (unsigned i = 0; i < half->n_pairs; i++)
        if (!is_utf8(&half->pairs[i].field) || !is_utf8(&half->pairs[i].value))
            return false;
    return true;
}

static void add_half(GString *out, const char *name, const struct imapid_record_half *half)
{
    imapid_spell_key(out, name);
    if (!half->seen) {
        imapid_spell_word(out, "null");
        return;
    }
    imapid_spell_word(out, "{\"frame\":");
    imapid_spell_number(out, half->packet.number);
    if (half->file)
        add_text(out, "file", half->file);
    add_time(out, "time", half->packet.ts_ns);
    imapid_spell_key(out, "params");
    imapid_spell_pairs(out, half);
    if (half->has_list && !all_utf8(half))
        add_hex_pairs(out, half);
    if (half->is_malformed) {
        imapid_spell_key(out, "raw");
        imapid_spell_json(out, half->raw, half->n_raw);
    }
    g_string_append_c(out, '}');
}

static void add_endpoint(GString *out, const char *name, const struct imapid_endpoint *endpoint)
{
    imapid_spell_key(out, name);
    imapid_spell_word(out, "{\"ip\":\"");
    imapid_spell_address(out, endpoint);
    imapid_spell_word(out, "\",\"port\":");
    imapid_spell_number(out, endpoint->port);
    g_string_append_c(out, '}');
}

/* A text that is spelled from the connection; null where there is none. It is spelled in its place,
 * and there it stays unless something in it is to be escaped. */
static void add_spelled(GString *out, const char *name,
                        void (*spell)(GString *, const struct imapid_record_conn *),
                        const struct imapid_record_conn *conn)
{
    gsize start;

    imapid_spell_key(out, name);
    start = out->len;
    g_string_append_c(out, '"');
    spell(out, conn);
    if (out->len > start + 1 &&
        imapid_spell_is_plain((const uint8_t *)out->str + start + 1, out->len - start - 1)) {
        g_string_append_c(out, '"');
    } else {
        char *text = g_strndup(out->str + start + 1, out->len - start - 1);

        g_string_truncate(out, start);
        imapid_spell_json_text(out, *text ? text : NULL);
        g_free(text);
    }
}

/* `id` is what the key of the connection is called here. */
static void add_conn(GString *out, const struct imapid_record_conn *conn, const char *id)
{
    add_number(out, "schema", IMAPID_RECORD_SCHEMA);
    add_text(out, "site", conn->site);
    add_text(out, "file", conn->file);
    add_number(out, "stream", conn->stream);
    add_endpoint(out, "client", &conn->client);
    add_endpoint(out, "server", &conn->server);
    if (conn->proxied_client.family) {
        add_endpoint(out, "proxied_client", &conn->proxied_client);
    } else {
        imapid_spell_key(out, "proxied_client");
        imapid_spell_word(out, "null");
    }
    add_spelled(out, id, imapid_spell_session_id, conn);
    add_spelled(out, "community_id", imapid_spell_community_id, conn);
    add_spelled(out, "filter", imapid_spell_filter, conn);
    imapid_spell_key(out, "path");
    imapid_spell_path(out, conn);
    imapid_spell_key(out, "doubts");
    imapid_spell_doubts(out, conn);
}

static void add_findings(GString *out, const struct imapid_record_finding *findings, unsigned n)
{
    imapid_spell_key(out, "findings");
    imapid_spell_findings(out, findings, n);
}

static void add_result(GString *out, const struct imapid_record_exchange *exchange)
{
    imapid_spell_key(out, "result");
    if (exchange->status == IMAPID_STATUS_NONE) {
        imapid_spell_word(out, "null");
        return;
    }
    imapid_spell_word(out, "{\"frame\":");
    imapid_spell_number(out, exchange->result.number);
    if (exchange->result_file)
        add_text(out, "file", exchange->result_file);
    add_text(out, "status", imapid_record_status(exchange->status));
    imapid_spell_key(out, "text");
    add_string(out, &exchange->text);
    add_bool(out, "tagged", !exchange->is_untagged);
    g_string_append_c(out, '}');
}

static void add_rtt(GString *out, int64_t rtt_ns, bool known)
{
    imapid_spell_key(out, "rtt");
    if (known)
        imapid_spell_seconds(out, rtt_ns);
    else
        imapid_spell_word(out, "null");
}

static void write_exchange(GString *out, const struct imapid_writer_style *style,
                           const struct imapid_record_exchange *exchange)
{
    int64_t rtt_ns = 0;
    bool rtt_known = imapid_record_rtt_ns(exchange, &rtt_ns);

    (void)style;
    imapid_spell_word(out, "{\"type\":\"exchange\"");
    add_conn(out, &exchange->conn, "session");
    add_text(out, "tag", exchange->tag);
    add_time(out, "time", imapid_record_when(exchange).ts_ns);
    add_half(out, "command", &exchange->command);
    add_half(out, "response", &exchange->response);
    add_result(out, exchange);
    add_rtt(out, rtt_ns, rtt_known);
    add_text(out, "security", imapid_record_security(exchange->security));
    add_bool(out, "compressed", exchange->compressed);
    add_text(out, "state", imapid_record_state(exchange->state));
    add_bool(out, "complete", exchange->complete);
    add_findings(out, exchange->findings, exchange->n_findings);
    imapid_spell_word(out, "}\n");
}

static void add_tls(GString *out, const struct imapid_record_tls *tls)
{
    imapid_spell_key(out, "tls");
    if (!tls->seen) {
        imapid_spell_word(out, "null");
        return;
    }
    imapid_spell_word(out, "{\"version\":");
    imapid_spell_json_text(out, tls->version);
    add_text(out, "suite", tls->suite);
    add_text(out, "server_name", tls->server_name);
    add_text(out, "alpn", tls->alpn);
    g_string_append_c(out, '}');
}

static void add_frame(GString *out, const char *name, uint64_t frame)
{
    if (frame)
        add_number(out, name, frame);
    else
        add_text(out, name, NULL);
}

static void add_outcome(GString *out, const struct imapid_record_outcome *outcome)
{
    imapid_spell_key(out, "outcome");
    if (!outcome->status) {
        imapid_spell_word(out, "null");
        return;
    }
    imapid_spell_word(out, "{\"stopped_at\":");
    imapid_spell_json_text(out, imapid_stage_name(outcome->stopped_at));
    add_text(out, "by", imapid_party_name(outcome->by));
    add_text(out, "status", outcome->status);
    imapid_spell_key(out, "text");
    add_string(out, &outcome->text);
    add_frame(out, "frame", outcome->frame);
    if (outcome->file)
        add_text(out, "file", outcome->file);
    add_text(out, "ended_by", imapid_party_name(outcome->ended_by));
    add_frame(out, "ended_frame", outcome->ended_frame);
    if (outcome->ended_file)
        add_text(out, "ended_file", outcome->ended_file);
    g_string_append_c(out, '}');
}

static void write_session(GString *out, const struct imapid_writer_style *style,
                          const struct imapid_record_session *session)
{
    (void)style;
    imapid_spell_word(out, "{\"type\":\"session\"");
    add_conn(out, &session->conn, "id");
    add_time(out, "first", session->first_ns);
    add_time(out, "last", session->last_ns);
    add_text(out, "security", imapid_record_security(session->security));
    add_bool(out, "compressed", session->compressed);
    add_known(out, "id_advertised", session->id_advertised);
    add_number(out, "exchanges", session->n_exchanges);
    add_bool(out, "from_start", session->from_start);
    add_text(out, "ended", imapid_record_ended(session->ended));
    add_bool(out, "imap", !session->not_imap);
    add_known(out, "healthy", session->healthy);
    add_outcome(out, &session->outcome);
    if (session->gave_way)
        add_bool(out, "gave_way", true);
    add_number(out, "lost_bytes", session->n_lost);
    add_number(out, "resyncs", session->n_resyncs);
    add_known(out, "decrypted", session->decrypted);
    add_text(out, "not_decrypted", session->not_decrypted);
    add_tls(out, &session->tls);
    imapid_spell_key(out, "auth");
    imapid_spell_auths(out, session);
    add_findings(out, session->findings, session->n_findings);
    imapid_spell_word(out, "}\n");
}

static void write_capture(GString *out, const struct imapid_writer_style *style,
                          const struct imapid_record_capture *capture)
{
    (void)style;
    imapid_spell_word(out, "{\"type\":\"capture\"");
    add_number(out, "schema", IMAPID_RECORD_SCHEMA);
    add_text(out, "site", capture->site);
    add_text(out, "file", capture->file);
    add_text(out, "format", capture->format);
    add_time_if(out, "first", capture->has_times, capture->first_ns);
    add_time_if(out, "last", capture->has_times, capture->last_ns);
    add_number(out, "packets", capture->n_packets);
    add_number(out, "bytes", capture->n_octets);
    add_number(out, "tcp_connections", capture->n_conns);
    add_number(out, "imap_sessions", capture->n_sessions);
    add_number(out, "exchanges", capture->n_exchanges);
    add_number(out, "sessions_not_decrypted", capture->n_not_decrypted);
    add_number(out, "lost_bytes", capture->n_lost);
    add_number(out, "cut_packets", capture->n_cut);
    add_number(out, "unknown_link_packets", capture->n_unknown_link);
    if (capture->n_drops || !g_strcmp0(capture->format, "live"))
        add_number(out, "drops", capture->n_drops);
    if (capture->n_forgotten)
        add_number(out, "forgotten_connections", capture->n_forgotten);
    imapid_spell_key(out, "unread");
    imapid_spell_unread(out, capture);
    add_text(out, "error", capture->error);
    imapid_spell_word(out, "}\n");
}

/* Everything since the capture began: who misses one of these misses nothing. */
static void write_interval(GString *out, const struct imapid_record_interval *interval)
{
    imapid_spell_word(out, "{\"type\":\"interval\",\"schema\":1");
    add_text(out, "site", interval->site);
    add_text(out, "file", interval->file);
    add_time(out, "time", interval->ts_ns);
    imapid_spell_key(out, "seconds");
    g_string_append_printf(out, "%" G_GINT64_FORMAT ".%03d", interval->took_ns / 1000000000,
                           (int)(interval->took_ns / 1000000 % 1000));
    add_number(out, "packets", interval->n_packets);
    add_number(out, "bytes", interval->n_octets);
    add_number(out, "tcp_connections", interval->n_conns);
    add_number(out, "imap_sessions", interval->n_sessions);
    add_number(out, "exchanges", interval->n_exchanges);
    add_number(out, "sessions_not_decrypted", interval->n_not_decrypted);
    add_number(out, "lost_bytes", interval->n_lost);
    add_number(out, "drops", interval->n_drops);
    add_number(out, "memory", interval->n_kept);
    add_number(out, "memory_peak", interval->n_peak);
    imapid_spell_word(out, "}\n");
}

static void write_continued(GString *out, const struct imapid_record_continued *continued)
{
    imapid_spell_word(out, "{\"type\":\"continued\",\"schema\":1");
    add_text(out, "site", continued->site);
    add_text(out, "file", continued->file);
    imapid_spell_key(out, "frames");
    for (unsigned i = 0; i < continued->n; i++) {
        g_string_append_c(out, i ? ',' : '[');
        imapid_spell_number(out, continued->frames[i]);
    }
    imapid_spell_word(out, continued->n ? "]}\n" : "[]}\n");
}

static void write_end(GString *out, const struct imapid_writer_end *end)
{
    imapid_spell_word(out, "{\"type\":\"end\"");
    add_number(out, "inputs", end->n_inputs);
    add_number(out, "records", end->n_records);
    if (end->is_choice) {
        add_number(out, "connections", end->n_conns);
        add_number(out, "chosen", end->n_chosen);
    }
    if (end->plan) {
        add_text(out, "plan", end->plan);
        add_number(out, "unit", end->unit);
        add_number(out, "bytes", end->n_octets);
        add_bool(out, "whole", end->is_whole);
    }
    imapid_spell_word(out, "}\n");
}

const struct imapid_writer imapid_jsonl_writer = {
    .name = "jsonl",
    .what = "JSON Lines: every record with everything in it",
    .exchange = write_exchange,
    .session = write_session,
    .capture = write_capture,
    .interval = write_interval,
    .continued = write_continued,
    .end = write_end,
};
