/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-writers.c: records whose every text is the data's, through every writer; see outputs.h. A
 * record is what a reader of captures or of JSON Lines may hand on: texts of any octets, names
 * without NUL, findings that fit their list. */

#include "outputs.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct octets {
    const uint8_t *at;
    size_t n;
    GStringChunk *chunk;
};

static uint8_t take(struct octets *octets)
{
    if (!octets->n)
        return 0;
    octets->n--;
    return *octets->at++;
}

/* A length, then as many octets. */
static struct imapid_record_string take_string(struct octets *octets)
{
    size_t n = take(octets);
    struct imapid_record_string string = {.n = MIN(n, octets->n)};

    n = string.n;
    string.octets = (const uint8_t *)g_string_chunk_insert_len(octets->chunk,
                                                               (const char *)octets->at, (gssize)n);
    octets->at += n;
    octets->n -= n;
    return string;
}

/* The same without NUL; often NULL, where that is allowed. */
static const char *take_text(struct octets *octets, bool may_be_null)
{
    struct imapid_record_string string = take_string(octets);

    if (may_be_null && !string.n)
        return NULL;
    return g_string_chunk_insert_len(octets->chunk, (const char *)string.octets, (gssize)string.n);
}

static struct imapid_endpoint take_end(struct octets *octets)
{
    struct imapid_endpoint end = {.family = take(octets) & 1 ? 6 : 4};

    end.address[0] = take(octets);
    end.address[1] = take(octets);
    end.port = (uint16_t)(take(octets) << 8 | 143);
    return end;
}

static struct imapid_record_conn take_conn(struct octets *octets)
{
    struct imapid_record_conn conn = {.file = take_text(octets, false)};

    conn.stream = take(octets) & 3;
    conn.client = take_end(octets);
    conn.server = take_end(octets);
    conn.first_frame = take(octets);
    return conn;
}

static int64_t take_time(struct octets *octets)
{
    int64_t ts_ns = 0;

    for (int i = take(octets) & 7; i >= 0; i--)
        ts_ns = (int64_t)((uint64_t)ts_ns << 8 | take(octets));
    return ts_ns;
}

static void take_half(struct octets *octets, struct imapid_record_half *half)
{
    uint8_t flags = take(octets);
    struct imapid_record_string raw;

    half->seen = flags & 1;
    if (!half->seen)
        return;
    half->packet = (struct imapid_stamp){take(octets), take_time(octets)};
    half->has_list = flags & 2;
    half->n_pairs = half->has_list ? flags >> 4 : 0;
    half->pairs = g_new0(struct imapid_record_pair, half->n_pairs);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        half->pairs[i].field = take_string(octets);
        half->pairs[i].value = take_string(octets);
        half->pairs[i].value.is_nil = !half->pairs[i].value.n && take(octets) & 1;
    }
    half->is_malformed = flags & 4;
    if (!half->is_malformed)
        return;
    raw = take_string(octets);
    half->raw = raw.octets;
    half->n_raw = raw.n;
}

static void tell_exchange(struct octets *octets, const struct imapid_record_sink *sink)
{
    struct imapid_record_finding findings[15] = {0};
    struct imapid_record_exchange exchange = {.conn = take_conn(octets)};
    uint8_t flags = take(octets);

    exchange.tag = (char *)take_text(octets, true);
    take_half(octets, &exchange.command);
    take_half(octets, &exchange.response);
    exchange.status = (enum imapid_status)(flags % 5);
    exchange.result = (struct imapid_stamp){take(octets), take_time(octets)};
    exchange.text = take_string(octets);
    exchange.security = (enum imapid_security)((flags >> 3) % 3);
    exchange.state = (enum imapid_state)((flags >> 5) % 3);
    exchange.complete = flags & 128;
    exchange.findings = findings;
    exchange.n_findings = take(octets) & 15;
    for (unsigned i = 0; i < exchange.n_findings; i++) {
        findings[i].code = (enum imapid_finding_code)(take(octets) % IMAPID_N_FINDINGS);
        findings[i].side = (enum imapid_side)(take(octets) & 1);
        findings[i].field = take_string(octets);
        findings[i].field.is_nil = !findings[i].field.n;
    }
    sink->exchange(sink->ctx, &exchange);
    g_free(exchange.command.pairs);
    g_free(exchange.response.pairs);
}

static void tell_session(struct octets *octets, const struct imapid_record_sink *sink)
{
    struct imapid_record_session session = {.conn = take_conn(octets)};
    uint8_t flags = take(octets);

    session.first_ns = take_time(octets);
    session.last_ns = take_time(octets);
    session.security = (enum imapid_security)(flags % 3);
    session.from_start = flags & 4;
    session.ended = (enum imapid_record_ended)((flags >> 3) % 3);
    session.n_lost = take(octets);
    session.not_decrypted = take_text(octets, true);
    session.decrypted = session.not_decrypted ? IMAPID_NO : IMAPID_UNKNOWN;
    session.not_decrypted_phrase = session.not_decrypted;
    session.tls.seen = flags & 64;
    if (session.tls.seen) {
        session.tls.version = take_text(octets, true);
        session.tls.suite = take_text(octets, true);
        session.tls.server_name = take_text(octets, true);
        session.tls.alpn = take_text(octets, true);
    }
    sink->session(sink->ctx, &session);
}

static void tell_capture(struct octets *octets, const struct imapid_record_sink *sink)
{
    struct imapid_record_unread unread[3];
    struct imapid_record_capture capture = {.file = take_text(octets, false)};

    capture.format = take_text(octets, true);
    capture.n_packets = take(octets);
    capture.n_lost = take(octets);
    capture.n_unread = take(octets) & 3;
    capture.unread = unread;
    for (unsigned i = 0; i < capture.n_unread; i++)
        unread[i] = (struct imapid_record_unread){take_text(octets, false), take(octets),
                                                  take_text(octets, false), take(octets)};
    capture.error = (char *)take_text(octets, true);
    sink->capture(sink->ctx, &capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct octets octets = {data, size, g_string_chunk_new(1024)};
    struct outputs *outputs = outputs_new();
    struct imapid_record_sink sink = outputs_sink(outputs);

    while (octets.n) {
        switch (take(&octets) % 3) {
        case 0:
            tell_exchange(&octets, &sink);
            break;
        case 1:
            tell_session(&octets, &sink);
            break;
        default:
            tell_capture(&octets, &sink);
        }
    }
    outputs_check(outputs);
    g_string_chunk_free(octets.chunk);
    return 0;
}
