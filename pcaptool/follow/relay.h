/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_RELAY_H
#define IMAPID_FOLLOW_RELAY_H

#include "capture/ahead.h"
#include "follow/flow.h"

/* The flows of connections to ports of IMAP, which the threads of a capture may follow: what TCP delivers of them is put
 * off in batches, in its order. What is read, and at which packet it is known how much memory that takes, is the same with
 * them and without. */
struct imapid_relay;

/* The context is that of its flows, and must outlive the object. */
struct imapid_relay *imapid_relay_new(struct imapid_flow_context *context);

/* While a capture is read, threads that read it ahead may follow them (imapid_relay_help()), where no secrets are known: so nothing
 * but the order of its own octets decides what a flow reads. Until that is over (NULL, behind imapid_ahead_end()) the context's sink is called
 * by any of them, one at a time, and who else wants to look at the context calls imapid_relay_settle() first. Not where anybody
 * listens, or waits for what is written meanwhile. */
void imapid_relay_share(struct imapid_relay *relay, struct imapid_capture *capture);

/* Works batches off, as long as there are any, in any thread of the capture. False: there was none, or somebody else does. */
bool imapid_relay_help(struct imapid_relay *relay);

/* Is there as much that it is worth to awaken somebody? */
bool imapid_relay_may_help(const struct imapid_relay *relay);

/* The next octets, octets that are missing, and the end: see imapid_flow_data(), imapid_flow_gap() and imapid_flow_end(). The flow,
 * which is conn->user, begins with the first of them, in the `context`: that of the relay, or, where it is not shared, any. A flow
 * that is of no further use stays, as little more than a name, until its end, which frees it: see imapid_relay_take_dropped(). */
void imapid_relay_data(struct imapid_relay *relay, struct imapid_flow_context *context,
                       struct imapid_conn *conn, int dir, const uint8_t *octets, size_t n,
                       const struct imapid_stamp *packet);
void imapid_relay_gap(struct imapid_relay *relay, struct imapid_flow_context *context,
                      struct imapid_conn *conn, int dir, uint64_t n,
                      const struct imapid_stamp *packet);
void imapid_relay_end(struct imapid_relay *relay, struct imapid_flow_context *context,
                      struct imapid_conn *conn, enum imapid_tcp_reason reason);

/* Packets were dropped before this frame. */
void imapid_relay_drops(struct imapid_relay *relay, uint64_t frame);

/* A connection whose flow is of no further use, so that it may end now; NULL: none more is known of. It may be asked for behind
 * each packet, and says the same behind the same packet in each run. */
struct imapid_conn *imapid_relay_take_dropped(struct imapid_relay *relay);

/* Afterwards all that was given is worked off, and no other thread looks at anything of it. */
void imapid_relay_settle(struct imapid_relay *relay);

/* The same, where it will be wanted again soon: the rest of a batch is not put off. */
void imapid_relay_settle_closely(struct imapid_relay *relay);

/* Octets that the flows may hold: what they did half a MiB of octets ago, or at imapid_relay_settle() if that was since, and what may have
 * come since at most. */
size_t imapid_relay_count_memory(const struct imapid_relay *relay);

/* Adds what the flows have counted until now, or a moment ago, and what they hold. */
void imapid_relay_add_counts(struct imapid_relay *relay, struct imapid_record_interval *counts);

/* Works off what was given. NULL is allowed. */
void imapid_relay_free(struct imapid_relay *relay);

#endif
