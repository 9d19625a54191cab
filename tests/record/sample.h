/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_TESTS_RECORD_SAMPLE_H
#define IMAPID_TESTS_RECORD_SAMPLE_H

#include "record/record.h"

/* Records made by hand. Every string is a block of exactly its size, so that a sanitizer sees a
 * step beyond its end. */
struct sample {
    struct imapid_record_exchange exchange; /* change what the test is about */
    GPtrArray *blocks;
};

/* 2026-01-02T03:04:05.000000006Z, the time of the first packet of every sample. */
#define SAMPLE_TIME_NS INT64_C(1767323045000000006)

/* An IPv4 endpoint, 10.0.0.`last`. */
struct imapid_endpoint sample_endpoint(uint8_t last, uint16_t port);

/* Client 10.0.0.1:50000, server 10.0.0.2:143, stream 0 of "a.pcap". */
struct imapid_record_conn sample_conn(void);

/* A complete exchange "a1" on that connection, with empty lists: the command in frame 4, the
 * response in frame 5 one millisecond later, the result OK in frame 6. Free with sample_free(). */
struct sample *sample_new(void);
void sample_free(struct sample *sample);

/* A copy of `n` octets that lives as long as the sample. */
struct imapid_record_string sample_string(struct sample *sample, const char *octets, size_t n);

/* Adds a pair to a half. A `value` of NULL is NIL. */
void sample_pair(struct sample *sample, enum imapid_side side, const char *field,
                 const char *value);
void sample_pair_octets(struct sample *sample, enum imapid_side side,
                        struct imapid_record_string field, struct imapid_record_string value);

/* Adds a finding. A `field` of NULL: it is about no field. */
void sample_finding(struct sample *sample, enum imapid_finding_code code, enum imapid_side side,
                    const char *field);

/* What the sender wrote: makes the half malformed. */
void sample_raw(struct sample *sample, enum imapid_side side, const char *raw);

/* How often `what` stands in a text. */
unsigned sample_count(const char *text, const char *what);

/* The session of that connection: seen from its start, nothing lost, one exchange. */
struct imapid_record_session sample_session(void);

/* The record of "a.pcap": no error. */
struct imapid_record_capture sample_capture(void);

#endif
