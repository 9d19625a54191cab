/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_FLAT_H
#define IMAPID_ANSWER_FLAT_H

#include "record/arena.h"
#include "record/record.h"

/* Lists, findings and stamps of records as runs of octets, and back. A run is in this machine's byte
 * order: it is kept in memory, and not written down. put functions need room for what the measure
 * function says; take functions trust what they read. */

/* Octets that the pairs of a half take, the number of pairs included. */
size_t imapid_flat_measure_pairs(const struct imapid_record_half *half);
void imapid_flat_put_pairs(uint8_t *at, const struct imapid_record_half *half);

/* Sets n_pairs and pairs of the half. The pairs are the arena's, their strings point into the run. */
void imapid_flat_take_pairs(const uint8_t *at, struct imapid_record_half *half,
                            struct imapid_arena *arena);

/* Octets that findings take. How many there are is not kept. */
size_t imapid_flat_measure_findings(const struct imapid_record_finding *findings,
                                    unsigned n_findings);
void imapid_flat_put_findings(uint8_t *at, const struct imapid_record_finding *findings,
                              unsigned n_findings);

/* The finding at *at, which moves on behind it. Its strings point into the run. */
struct imapid_record_finding imapid_flat_take_finding(const uint8_t **at);

/* The most octets of a difference; a stamp is two of them. */
#define IMAPID_FLAT_DIFFERENCE_MAX 10

/* Writes a difference of 64 bits, in as few octets as it needs. Returns the place behind it. */
uint8_t *imapid_flat_put_difference(uint8_t *at, uint64_t difference);

/* Reads it again; *at moves on behind it. It is most of what reading a run takes, so it is here. */
static inline uint64_t imapid_flat_take_difference(const uint8_t **at)
{
    uint64_t rest = **at & 127;
    int shift = 0;

    while (*(*at)++ & 128)
        rest |= (uint64_t)(**at & 127) << (shift += 7);
    return rest >> 1 ^ (0 - (rest & 1));
}

/* The same for a stamp, as what it differs by from another one. */
uint8_t *imapid_flat_put_stamp(uint8_t *at, const struct imapid_stamp *stamp,
                               const struct imapid_stamp *from);
struct imapid_stamp imapid_flat_take_stamp(const uint8_t **at, const struct imapid_stamp *from);

#endif
