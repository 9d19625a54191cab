/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_FLOW_H
#define IMAPID_FOLLOW_FLOW_H

#include "large.h"

#include "follow/frames.h"
#include "follow/holders.h"
#include "net/tcp.h"
#include "record/record.h"
#include "tls/keylog.h"
#include "tls/tls-info.h"

/* One TCP connection, from the moment it carries octets: is it IMAP, which side is the server, and
 * what do its exchanges and the session say. */
struct imapid_flow;

/* Who hears what the sessions read, out of all layers. Directions are those of the connection. */
struct imapid_flow_listener {
    /* A segment of any connection, before all that comes of it (imapid_collect_listen() has it). */
    void (*segment)(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir);
    /* Octets of a session that may be one of IMAP. */
    void (*octets)(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                   size_t n, const struct imapid_stamp *packet);
    /* The last `n` of these belong to a layer: what comes out of it will be told. */
    void (*take_back)(void *ctx, const struct imapid_conn *conn, int dir, size_t n);
    /* A header of the PROXY protocol, before all else of its direction. */
    void (*proxy)(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                  size_t n, const struct imapid_stamp *packet);
    /* From here on both sides speak DEFLATE, and octets() has what comes out of it. */
    void (*deflate)(void *ctx, const struct imapid_conn *conn);
    /* `n` octets are no DEFLATE though that was agreed, or stand behind such; where it was not agreed, the SASL mechanism
     * encrypted them. gap() may follow. */
    void (*broken)(void *ctx, const struct imapid_conn *conn, int dir, size_t n,
                   const struct imapid_stamp *packet);
    /* Octets that go into TLS, before all that comes out of it. NULL: `n` are missing there, 0 when nobody knows how many. */
    void (*sealed)(void *ctx, const struct imapid_conn *conn, int dir, const uint8_t *octets,
                   size_t n, const struct imapid_stamp *packet);
    /* `n` are missing, 0 when nobody knows how many. */
    void (*gap)(void *ctx, const struct imapid_conn *conn, int dir, uint64_t n,
                const struct imapid_stamp *packet);
    /* The session is told; `client` is the client's direction, `from_start` and `security` are as its first
     * octets were read, `tls` is NULL where there was none, and `port` is the one that a proxy was asked for, or 0. The
     * last call for the connection. */
    void (*end)(void *ctx, const struct imapid_conn *conn, int client, bool from_start,
                enum imapid_security security, const struct imapid_tls_info *tls, uint16_t port);
    void *ctx;
};

/* What the flows of one capture share. Zero what the flows count. */
struct imapid_flow_context {
    GArray *files; /* struct imapid_frames_file; more may come */
    const struct imapid_record_sink *sink;
    struct imapid_keylog *keylog;                              /* NULL: none */
    size_t n_hold;                                             /* see imapid_tls_new() */
    uint64_t n_sessions, n_exchanges, n_not_decrypted, n_lost; /* counted by the flows */
    uint64_t n_drops,
        drop_frame;    /* how often packets were dropped, and the frame behind the last time */
    int64_t n_inflate; /* see imapid_layers_new(); set it */
    struct imapid_holders holders;               /* all flows */
    struct imapid_large_pool readings;           /* the flows'; clear it behind the last of them */
    const struct imapid_flow_listener *listener; /* NULL: none */
    /* Told of each session behind its record: the secrets of its connection, as imapid_tls_spell_secrets() has
     * them; not where there are none. NULL: of no interest. */
    void (*secrets)(void *ctx, const char *file, uint32_t stream, const char *lines, size_t n);
    void *secrets_ctx;
};

/* A flow that has not begun; never NULL. */
struct imapid_flow *imapid_flow_new(void);

/* It is that of a connection that nothing was delivered of yet. The context must outlive it; the connection may
 * change, and is given with each call. `home` is where it lies, for imapid_flow_find_greediest() alone. */
void imapid_flow_begin(struct imapid_flow *flow, struct imapid_flow_context *context,
                       const struct imapid_conn *conn, const struct imapid_conn *home);

/* The next octets of direction `dir`. False: this is no IMAP, the flow is of no further use. */
bool imapid_flow_data(struct imapid_flow *flow, const struct imapid_conn *conn, int dir,
                      const uint8_t *octets, size_t n, const struct imapid_stamp *packet);

/* `n` octets of `dir` are missing, 0 when nobody knows how many. */
void imapid_flow_gap(struct imapid_flow *flow, const struct imapid_conn *conn, int dir, uint64_t n,
                     const struct imapid_stamp *packet);

/* Looks for secrets that connections which are quiet wait for. For when there are new ones. */
void imapid_flow_retry_all(struct imapid_flow_context *context);

/* The connection or the capture ended: what is open is told, and the session if it was one. */
void imapid_flow_end(struct imapid_flow *flow, const struct imapid_conn *conn,
                     enum imapid_tcp_reason reason);

/* Is a connection told that never became IMAP? See imapid_decide_is_told(). */
bool imapid_flow_tells_anyway(const struct imapid_conn *conn);

/* The connection of the flow that is to give way where memory is short, of one context or two: see
 * imapid_holders_find_greediest(). NULL: there is no flow. */
const struct imapid_conn *imapid_flow_find_greediest(const struct imapid_flow_context *context,
                                                     const struct imapid_flow_context *other);

/* What the next call will need is brought near. From the thread that calls. */
void imapid_flow_fetch(const struct imapid_flow *flow);

/* It is of no further use: it forgets all, and calls from below do nothing. */
void imapid_flow_drop(struct imapid_flow *flow);

/* Tells nothing: imapid_flow_end() does. NULL is allowed. */
void imapid_flow_free(struct imapid_flow *flow);

#endif
