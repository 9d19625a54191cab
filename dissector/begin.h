/* SPDX-License-Identifier: GPL-2.0-or-later */
/* begin.h: the first octets of a connection: is this IMAP, who is the server, what stands before it. */
#ifndef IMAPID_DISSECTOR_BEGIN_H
#define IMAPID_DISSECTOR_BEGIN_H

#include <imapid/decide.h>

#include "connection.h"

/* What the first call of a connection tells. Good while its frame is dissected. */
struct imapid_begin {
    conversation_t *conversation;
    struct tcp_analysis *tcp; /* NULL: no TCP */
    int carrier;
    bool is_start; /* these are the first octets of their direction */
    const struct imapid_proxy_header *before_tls;
    const uint8_t *octets; /* behind what is said to a proxy */
    size_t n;              /* 0: none, or that may go on */
    enum imapid_decide_status status;
    int client; /* direction, see decide.h: 0 is that of the sender; -1: nobody knows */
    struct imapid_decide decide; /* what it was decided by */
};

void imapid_begin_register(void);

/* Looks at the first call of a connection. `data` is what the carrier gave to the dissector. */
struct imapid_begin imapid_begin_look(conversation_t *conversation, packet_info *pinfo,
                                      tvbuff_t *tvb, const void *data);

/* May a stream begin there? At a connection's start the server greets, and a client that does not
 * wait speaks to a port that will. Where the first octets of a direction are missing, as where the
 * handshake is, any line may come first. */
bool imapid_begin_may_be_imap(const struct imapid_begin *first);

/* Begins a stream there, and attaches it to the conversation. Never NULL; it may be foreign. */
struct imapid_stream *imapid_begin_stream(const struct imapid_begin *first, packet_info *pinfo);

/* Is a foreign stream text all the same? The capture began in the middle of a string or message with octets that text has
 * not, and so it passed for TLS. A stream begins anew here. */
bool imapid_begin_is_text(const struct imapid_stream *stream, tvbuff_t *tvb);

/* Is this call of a server whose SYN was not seen? Anybody can have sent that, and the client has dropped it then: it does
 * not tell that this is no IMAP. */
bool imapid_begin_may_be_strangers(const conversation_t *conversation, packet_info *pinfo);

/* Makes the sender of a call, or its receiver, the server of a stream. */
void imapid_begin_set_server(struct imapid_stream *stream, packet_info *pinfo, bool is_sender);

/* Marks a connection as one that was looked at and is no IMAP. A capture has many: all with the
 * same carrier share the mark. */
void imapid_begin_mark_foreign(conversation_t *conversation, packet_info *pinfo);

/* Does the server of a connection that is not known to be IMAP begin as none of IMAP would? */
bool imapid_begin_is_refuted(const struct imapid_stream *stream, const conversation_t *conversation,
                             tvbuff_t *tvb, packet_info *pinfo, const void *data);

/* The same of a segment that came by no call of a dissector: another may have it, whom the PROXY
 * protocol's dissector asked by the port in the header. */
bool imapid_begin_is_refuted_by(const struct imapid_stream *stream, packet_info *pinfo,
                                const struct imapid_own_segment *own);

/* Does Wireshark have a dissector for what is said to a proxy here? It hands on what comes behind. */
bool imapid_begin_has_other_dissector(const struct imapid_stream *stream);

#endif
