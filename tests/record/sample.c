/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample.c: records made by hand, each string in a block of its own. */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

static struct imapid_record_half *half_of(struct sample *sample, enum imapid_side side)
{
    return side == IMAPID_CLIENT ? &sample->exchange.command : &sample->exchange.response;
}

struct imapid_endpoint sample_endpoint(uint8_t last, uint16_t port)
{
    return (struct imapid_endpoint){{10, 0, 0, last}, port, 4};
}

struct imapid_record_conn sample_conn(void)
{
    return (struct imapid_record_conn){
        .file = "a.pcap",
        .client = sample_endpoint(1, 50000),
        .server = sample_endpoint(2, 143),
    };
}

struct sample *sample_new(void)
{
    struct sample *sample = g_new0(struct sample, 1);
    struct imapid_record_exchange *exchange = &sample->exchange;

    sample->blocks = g_ptr_array_new_with_free_func(free);
    exchange->conn = sample_conn();
    exchange->tag = g_strdup("a1");
    exchange->command =
        (struct imapid_record_half){.seen = true, .packet = {4, SAMPLE_TIME_NS}, .has_list = true};
    exchange->response = (struct imapid_record_half){
        .seen = true, .packet = {5, SAMPLE_TIME_NS + 1000000}, .has_list = true};
    exchange->status = IMAPID_STATUS_OK;
    exchange->result = (struct imapid_stamp){6, SAMPLE_TIME_NS + 2000000};
    exchange->text = sample_string(sample, "ID completed", 12);
    exchange->complete = true;
    return sample;
}

void sample_free(struct sample *sample)
{
    g_free(sample->exchange.tag);
    g_free(sample->exchange.command.pairs);
    g_free(sample->exchange.response.pairs);
    g_free(sample->exchange.findings);
    g_ptr_array_unref(sample->blocks);
    g_free(sample);
}

/* malloc() and not g_malloc(): no octets have an address as well. */
struct imapid_record_string sample_string(struct sample *sample, const char *octets, size_t n)
{
    uint8_t *copy = malloc(n);

    g_assert(copy || !n);
    if (copy && n)
        memcpy(copy, octets, n);
    g_ptr_array_add(sample->blocks, copy);
    return (struct imapid_record_string){.octets = copy, .n = n};
}

void sample_pair_octets(struct sample *sample, enum imapid_side side,
                        struct imapid_record_string field, struct imapid_record_string value)
{
    struct imapid_record_half *half = half_of(sample, side);

    half->pairs = g_renew(struct imapid_record_pair, half->pairs, half->n_pairs + 1);
    half->pairs[half->n_pairs++] = (struct imapid_record_pair){field, value};
}

void sample_pair(struct sample *sample, enum imapid_side side, const char *field, const char *value)
{
    struct imapid_record_string nil = {.is_nil = true};

    sample_pair_octets(sample, side, sample_string(sample, field, strlen(field)),
                       value ? sample_string(sample, value, strlen(value)) : nil);
}

void sample_finding(struct sample *sample, enum imapid_finding_code code, enum imapid_side side,
                    const char *field)
{
    struct imapid_record_exchange *exchange = &sample->exchange;
    struct imapid_record_finding finding = {code, side, {.is_nil = true}, IMAPID_LACK_NOTHING};

    if (field)
        finding.field = sample_string(sample, field, strlen(field));
    exchange->findings =
        g_renew(struct imapid_record_finding, exchange->findings, exchange->n_findings + 1);
    exchange->findings[exchange->n_findings++] = finding;
}

void sample_raw(struct sample *sample, enum imapid_side side, const char *raw)
{
    struct imapid_record_half *half = half_of(sample, side);
    struct imapid_record_string string = sample_string(sample, raw, strlen(raw));

    half->is_malformed = true;
    half->raw = string.octets;
    half->n_raw = string.n;
}

struct imapid_record_session sample_session(void)
{
    return (struct imapid_record_session){
        .conn = sample_conn(),
        .first_ns = SAMPLE_TIME_NS,
        .last_ns = SAMPLE_TIME_NS + 2000000,
        .id_advertised = IMAPID_YES,
        .n_exchanges = 1,
        .from_start = true,
        .decrypted = IMAPID_UNKNOWN,
    };
}

struct imapid_record_capture sample_capture(void)
{
    return (struct imapid_record_capture){
        .file = "a.pcap",
        .format = "pcap",
        .n_packets = 9,
        .n_octets = 900,
        .n_conns = 1,
        .n_sessions = 1,
        .n_exchanges = 1,
    };
}

unsigned sample_count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}
