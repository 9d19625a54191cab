/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flat.c: parts of records laid flat, as a run of octets that can be kept once for all that are equal:
 * equal values have equal octets.
 *
 * Refuses nothing.
 *
 * Misuse: octets that were not laid flat here. Nothing is checked when they are taken again. */
#include "answer/flat.h"

#include <string.h>

/* ---- numbers and strings ---- */

/* Stands for the length of NIL. */
#define NIL UINT32_MAX

static size_t round_up(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static size_t measure(const struct imapid_record_string *string)
{
    return sizeof(uint32_t) + (string->is_nil ? 0 : round_up(string->n));
}

static uint8_t *put_number(uint8_t *at, uint32_t number)
{
    memcpy(at, &number, sizeof number);
    return at + sizeof number;
}

static uint8_t *put_string(uint8_t *at, const struct imapid_record_string *string)
{
    uint32_t zero = 0;
    size_t n = round_up(string->n);

    at = put_number(at, string->is_nil ? NIL : (uint32_t)string->n);
    if (string->is_nil || !n)
        return at;
    memcpy(at + n - sizeof zero, &zero, sizeof zero); /* equal strings, equal octets */
    memcpy(at, string->octets, string->n);
    return at + n;
}

static uint32_t take_number(const uint8_t **at)
{
    uint32_t number;

    memcpy(&number, *at, sizeof number);
    *at += sizeof number;
    return number;
}

static struct imapid_record_string take_string(const uint8_t **at)
{
    struct imapid_record_string string = {.octets = *at + sizeof(uint32_t)};
    uint32_t n = take_number(at);

    if (n == NIL)
        return (struct imapid_record_string){.is_nil = true};
    string.n = n;
    *at += round_up(n);
    return string;
}

/* ---- lists ---- */

size_t imapid_flat_measure_pairs(const struct imapid_record_half *half)
{
    size_t n = sizeof(uint32_t);

    for (unsigned i = 0; i < half->n_pairs; i++)
        n += measure(&half->pairs[i].field) + measure(&half->pairs[i].value);
    return n;
}

void imapid_flat_put_pairs(uint8_t *at, const struct imapid_record_half *half)
{
    at = put_number(at, half->n_pairs);
    for (unsigned i = 0; i < half->n_pairs; i++)
        at = put_string(put_string(at, &half->pairs[i].field), &half->pairs[i].value);
}

void imapid_flat_take_pairs(const uint8_t *at, struct imapid_record_half *half,
                            struct imapid_arena *arena)
{
    half->n_pairs = take_number(&at);
    half->pairs = imapid_arena_take(arena, half->n_pairs * sizeof *half->pairs);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        half->pairs[i].field = take_string(&at);
        half->pairs[i].value = take_string(&at);
    }
}

/* ---- findings ---- */

size_t imapid_flat_measure_findings(const struct imapid_record_finding *findings,
                                    unsigned n_findings)
{
    size_t n = 0;

    for (unsigned i = 0; i < n_findings; i++)
        n += 3 * sizeof(uint32_t) + measure(&findings[i].field);
    return n;
}

void imapid_flat_put_findings(uint8_t *at, const struct imapid_record_finding *findings,
                              unsigned n_findings)
{
    for (unsigned i = 0; i < n_findings; i++) {
        at = put_number(put_number(at, findings[i].code), findings[i].side);
        at = put_number(at, findings[i].lack);
        at = put_string(at, &findings[i].field);
    }
}

struct imapid_record_finding imapid_flat_take_finding(const uint8_t **at)
{
    struct imapid_record_finding finding = {.code = (enum imapid_finding_code)take_number(at)};

    finding.side = (enum imapid_side)take_number(at);
    finding.lack = (enum imapid_lack)take_number(at);
    finding.field = take_string(at);
    return finding;
}

/* ---- stamps ---- */

/* Seven bits an octet, the lowest first; small differences of either sign are short. */
uint8_t *imapid_flat_put_difference(uint8_t *at, uint64_t difference)
{
    uint64_t rest = difference << 1 ^ (0 - (difference >> 63));

    for (; rest > 127; rest >>= 7)
        *at++ = (uint8_t)(rest | 128);
    *at++ = (uint8_t)rest;
    return at;
}

uint8_t *imapid_flat_put_stamp(uint8_t *at, const struct imapid_stamp *stamp,
                               const struct imapid_stamp *from)
{
    at = imapid_flat_put_difference(at, (uint64_t)stamp->ts_ns - (uint64_t)from->ts_ns);
    return imapid_flat_put_difference(at, stamp->number - from->number);
}

struct imapid_stamp imapid_flat_take_stamp(const uint8_t **at, const struct imapid_stamp *from)
{
    uint64_t ts_ns = (uint64_t)from->ts_ns + imapid_flat_take_difference(at);

    return (struct imapid_stamp){.number = from->number + imapid_flat_take_difference(at),
                                 .ts_ns = (int64_t)ts_ns};
}
