/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SCRUB_REBUILD_H
#define IMAPID_SCRUB_REBUILD_H

#include "endpoint.h"
#include "scrub/scrub.h"

#include <imapid/stall.h>

/* One connection as plain TCP, of which nothing but its session is left: from the segments that were captured,
 * and the octets of its session (out of TLS, DEFLATE and what else they came through), to packets.
 *
 * A packet is written for each segment, at its time, with its TTL, flags, window and the options of its SYN that
 * tell of the path (MSS, window scale, SACK permitted). It carries the octets that came out of it: as a rule
 * those of the segment, none of a segment of a TLS handshake, none or some of others inside TLS. Sequence
 * numbers count octets of the session. A segment that came again is written again. DEFLATE that breaks stays
 * DEFLATE, or nobody would see that it does.
 *
 * Not kept: link layer, tunnels, fragments, other options (time stamps and SACK blocks among them), the first
 * of two copies that differ (both are as the one that was read), wrong checksums, ICMP but for the
 * first error that says that a packet did not arrive, and the first that says how large one may be. All is IPv6. */
struct imapid_rebuild;

/* What a reader may take for a hole of unknown length. */
#define IMAPID_REBUILD_UNKNOWN 65536u

struct imapid_rebuild *imapid_rebuild_new(void);
void imapid_rebuild_free(struct imapid_rebuild *rebuild); /* NULL is fine */

/* A segment of direction `dir`, in the order of the capture: `n` octets of it from its TCP header on, 16 or more,
 * of `n_wire`. */
void imapid_rebuild_add_segment(struct imapid_rebuild *rebuild, int dir,
                                const struct imapid_stamp *packet, uint8_t ttl,
                                const uint8_t *octets, uint32_t n, uint32_t n_wire);

/* Octets of the session, in the order in which it reads them; `number` is that of the packet which brought them,
 * or made them readable. */
void imapid_rebuild_add_octets(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                               const uint8_t *octets, size_t n);

/* Octets of TLS, which come before all that comes out of it; NULL: `n` are missing, 0 when nobody knows how many. They are forgotten as soon as
 * something comes out. */
void imapid_rebuild_add_sealed(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                               const uint8_t *octets, size_t n);

/* All is there, and TLS was read, if there is any: nothing was said in it. */
void imapid_rebuild_open(struct imapid_rebuild *rebuild);

/* All is there. What TLS had in direction `dir` was read: see imapid_sealed_reveal_handshake(). */
void imapid_rebuild_reveal_handshake(struct imapid_rebuild *rebuild, int dir, uint16_t version);

/* All is there. What TLS had last in direction `dir`, in that packet, was an alert: see imapid_sealed_reveal_alert(). */
void imapid_rebuild_reveal_alert(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                                 uint16_t version, uint8_t alert);

/* All is there. TLS behind which nothing was readable is written as imapid_sealed_mask() has it. Is there any? */
bool imapid_rebuild_keep_sealed(struct imapid_rebuild *rebuild);

/* A header of the PROXY protocol: no part of the session, and before it. */
void imapid_rebuild_add_proxy(struct imapid_rebuild *rebuild, int dir, uint64_t number,
                              const uint8_t *octets, size_t n);

/* Both sides speak DEFLATE from here on, and imapid_rebuild_add_octets() is told what comes out of it. Where all of it can
 * be read, that is written in the clear; else as DEFLATE, in blocks that are stored (RFC 1951 3.2.4). */
void imapid_rebuild_begin_deflate(struct imapid_rebuild *rebuild);

/* `n` octets that are none, or stand behind such: nothing more of the direction can be read. As many that are no DEFLATE
 * either are written. Before DEFLATE began they are of a security layer of SASL, which is encrypted: as many that are no
 * message of one either, all 0. */
void imapid_rebuild_add_broken(struct imapid_rebuild *rebuild, int dir, uint64_t number, size_t n);

/* The last `n` of them that came are none of the session after all. */
void imapid_rebuild_take_back(struct imapid_rebuild *rebuild, int dir, size_t n);

/* `n` octets of the session are missing; 0: nobody knows how many. */
void imapid_rebuild_add_gap(struct imapid_rebuild *rebuild, int dir, uint64_t number, uint64_t n);

/* It was masked. What direction `dir` said last is left out, and all that came behind that: a hole. False: that cannot be
 * done, and nothing is. */
bool imapid_rebuild_leave_end(struct imapid_rebuild *rebuild, int dir);

/* Did a segment carry data, read or not? */
bool imapid_rebuild_has_data(const struct imapid_rebuild *rebuild);

/* Octets of memory that it holds. */
size_t imapid_rebuild_count_memory(const struct imapid_rebuild *rebuild);

/* Masks the octets; `client` is the direction that sent the client's. As imapid_scrub() in all else. */
struct imapid_scrub_result imapid_rebuild_scrub(struct imapid_rebuild *rebuild,
                                                const struct imapid_pseudonyms *pseudonyms,
                                                int client, bool from_start,
                                                enum imapid_security security, size_t budget);

/* Who takes the packets: from the IPv6 header on, in the order of the segments; n octets of n_wire that it had. `comment` is UTF-8;
 * NULL: none. */
struct imapid_rebuild_out {
    void (*packet)(void *ctx, int64_t ts_ns, const uint8_t *octets, uint32_t n, uint32_t n_wire,
                   const char *comment);
    void *ctx;
};

/* An ICMP error about what direction `dir` sent. */
struct imapid_rebuild_error {
    struct imapid_icmp says;
    int dir;
    struct imapid_stamp packet;
    struct imapid_endpoint from;
};

/* Writes all packets; the errors are in the order of their packets. The endpoints are what stands in them, whatever their
 * family is: IPv6; port 993 becomes 143 where TLS was removed. `number` makes the first sequence numbers differ between
 * connections. `comment` stands on the first packet; NULL: none. */
void imapid_rebuild_write(const struct imapid_rebuild *rebuild,
                          const struct imapid_endpoint endpoint[2],
                          const struct imapid_rebuild_error *errors, size_t n_errors,
                          uint32_t number, const char *comment,
                          const struct imapid_rebuild_out *out);

#endif
