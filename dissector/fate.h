/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fate.h: what TCP and TLS show of each connection to a port of IMAP, or known to be IMAP: how it began,
 * who closed it, what did not get through. Taken in the first pass, judged later: see ending.h. */
#ifndef IMAPID_DISSECTOR_FATE_H
#define IMAPID_DISSECTOR_FATE_H

#include <imapid/checksum.h>
#include <imapid/order.h>
#include <imapid/stall.h>

#include "connection.h"

/* First octets of a side that are kept: enough to know a protocol by. */
#define IMAPID_FATE_HEAD_MAX 64

/* Of one connection; file scope. Directions are those of imapid_given_direction(). */
struct imapid_fate {
    struct imapid_fate *next_changed; /* of those that changed since they were judged */
    bool has_changed;
    struct imapid_stream *stream; /* NULL: none so far */
    int client;                   /* its direction */
    unsigned server_port;
    struct imapid_fate *former; /* on the same addresses and ports, before a SYN; NULL: none */
    bool goes_on;               /* behind the SYN of another one */
    bool is_read_behind;        /* and said nothing before that: its stream begins there */
    bool is_contested;          /* its former goes on: TCP gives out the octets of both as one */
    bool from_start;            /* a SYN was seen */
    bool is_cut[2];    /* the last octets of the direction were cut by the capture's snap length */
    bool is_full;      /* nothing is missing so far */
    bool is_forwarded; /* behind what is said to a proxy */
    struct imapid_order order;
    struct imapid_order_doubt
        doubts[IMAPID_ORDER_DOUBTS];      /* of the order; those before its stream begins */
    struct imapid_checksums checksums[2]; /* before its stream begins */
    struct imapid_hole hole[2];           /* the last one */
    struct imapid_stall stall[2];
    struct imapid_moment first, last; /* of its packets */
    struct imapid_moment started[2];  /* the packet with its first octets */
    struct imapid_moment fin[2], reset;
    uint8_t ttl[2],
        reset_ttl; /* of the last segment that is no reset, 0: none came; of the reset */
    uint8_t head[2][IMAPID_FATE_HEAD_MAX];
    unsigned n_head[2];
    bool starts_whole[2]; /* nothing is missing before these */
    const char *error;    /* see struct imapid_icmp */
    struct imapid_moment error_at;
    bool is_error_of_server;
    const char *error_from; /* whose error it is; NULL: not known; file scope */
    uint32_t mtu;           /* the same; 0: none */
    struct imapid_moment mtu_at;
    /* TLS. */
    bool is_tls, is_answered, is_new; /* TLS 1.3 was chosen */
    bool is_changed[2];               /* the direction has changed to the negotiated keys */
    bool has_data[2];                 /* it sent application data, or what is in its disguise */
    bool is_decrypted;                /* something came out of what is protected */
    bool has_sealed[2];               /* octets came since both sides agreed on TLS */
    struct imapid_moment plain[2];    /* where the first of those are words */
    struct imapid_moment hello, ssl2; /* the same in the form of SSL 2.0, behind STARTTLS */
    uint16_t tls_offered, tls_chosen; /* versions; 0: not known */
    unsigned n_suites;                /* offered; 0: not known */
    const uint8_t *server_name;       /* asked for; NULL: none, or it is not known; file scope */
    size_t n_server_name;
    const struct imapid_certificate *certificate; /* the server's; NULL: not read; file scope */
    struct imapid_moment certificate_at;
    int alert; /* the first that ends it, in the clear or decrypted; -1: none */
    int alert_direction;
    struct imapid_moment alert_at;
    int warning; /* the same of the first that does not end it */
    int warning_direction;
    struct imapid_moment warning_at;
    struct imapid_moment farewell[2]; /* an alert that is encrypted, behind the handshake */
    /* For ending.c. */
    unsigned told_in; /* the frame in which it is told; 0: in none */
};

/* A SYN that ended nothing. */
struct imapid_syn {
    const struct imapid_fate *former; /* what goes on behind it */
    unsigned frame;                   /* of the SYN */
};

void imapid_fate_register(void);

/* Takes the segment of a frame when TCP is done with it, in the first pass. `stream`: the connection's;
 * NULL: none so far. */
void imapid_fate_take(packet_info *pinfo, conversation_t *conversation,
                      struct imapid_stream *stream, const struct imapid_own_segment *own);

/* That of the connection which the segment of the frame belongs to, in the first pass, as it was before that
 * segment; NULL: there was none. Wireshark begins another conversation at a SYN, though the former may go on. */
struct imapid_fate *imapid_fate_find(const conversation_t *conversation, packet_info *pinfo);

/* The stream that this frame is of: one of a former connection, in the clear, that goes on behind the SYN of another one, and is
 * known by the frame on later visits; else `stream`, that of the conversation, or NULL. */
struct imapid_stream *imapid_fate_find_stream(const conversation_t *conversation,
                                              packet_info *pinfo, struct imapid_stream *stream);

/* Does the segment of the frame tell nothing of its connection? It answers octets that were not shown, and so has to wait; or it begins
 * before the first octet of its direction, where no end has sent anything. */
bool imapid_fate_tells_nothing(const conversation_t *conversation, packet_info *pinfo);

/* Takes what an error of ICMP quotes, in the first pass: a segment of which the first octets are there. */
void imapid_fate_take_error(packet_info *pinfo, tvbuff_t *tvb);

/* Takes what TCP gives to TLS, in the first pass. `has_out`: something came out of it; `decrypted`: the data sources that
 * Wireshark has made of it. */
void imapid_fate_take_tls(const conversation_t *conversation, packet_info *pinfo, tvbuff_t *tvb,
                          bool has_out, const GSList *decrypted);

/* What a packet shows of a SYN before it; NULL: nothing. In file scope. */
const struct imapid_syn *imapid_fate_find_syn(const packet_info *pinfo);

/* Takes one of those that have changed since it was last taken from there; NULL: none has. */
struct imapid_fate *imapid_fate_take_changed(void);

#endif
