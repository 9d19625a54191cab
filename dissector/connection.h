/* SPDX-License-Identifier: GPL-2.0-or-later */
/* connection.h: where a call of ours is: in which connection, under which protocol, from which side. */
#ifndef IMAPID_DISSECTOR_CONNECTION_H
#define IMAPID_DISSECTOR_CONNECTION_H

#include "segment.h"
#include "stream.h"

/* What of Wireshark we stand between: looked up at registration and hand-off by hook.c, and only read
 * afterwards. For ever. */
extern struct imapid_wireshark {
    int proto_imapid, proto_stream; /* ours */
    int proto_imap, proto_tcp, proto_tls, proto_proxy, proto_data;
    protocol_t *protocol, *builtin; /* ours, and that of IMAP */
    dissector_handle_t stream_handle, imap_handle;
    dissector_handle_t tls_handle, closed_handle; /* TLS, and ours before it */
    dissector_handle_t tcp_before, tls_before;    /* who had our ports */
    dissector_table_t tcp_ports, tls_ports;
} imapid_wireshark;

/* To be called once, before any of the others. */
void imapid_connection_register(void);

/* Forgets the last capture. */
void imapid_connection_begin_capture(void);

/* The protocol whose payload this is; -1: none that carries IMAP. */
int imapid_connection_get_carrier(packet_info *pinfo);

/* Was a protocol dissected in this frame? */
bool imapid_connection_has_layer(packet_info *pinfo, int proto);

/* A stream was begun on this conversation. */
void imapid_connection_note(conversation_t *conversation, packet_info *pinfo);

/* The connection whose payload this is: never NULL. Conversations are Wireshark's, good as long as the
 * file. */
conversation_t *imapid_connection_find_here(packet_info *pinfo);

/* The connection of a frame that has been dissected, where a stream was begun on it; else NULL, or
 * one that is none of ours. */
conversation_t *imapid_connection_find_behind(packet_info *pinfo);

/* The stream that was begun on a connection, in file scope; NULL: none. */
struct imapid_stream *imapid_connection_get_stream(const conversation_t *conversation);

/* The same for the current call: that TCP carries no IMAP says nothing of the TLS in it. */
struct imapid_stream *imapid_connection_get_stream_here(const conversation_t *conversation,
                                                        packet_info *pinfo);

/* Does TCP offer here what TLS, whose connection it is by now, did not take? That is neither IMAP nor what
 * is inside TLS: the middle of a record whose beginning TLS was not given. `stream` is that of the call. */
bool imapid_connection_is_leftover(const conversation_t *conversation, packet_info *pinfo,
                                   const struct imapid_stream *stream);

/* What TCP knows of a connection; NULL: it knows nothing. Its own function for that forgets what it
 * found about the current segment. */
struct tcp_analysis *imapid_connection_get_analysis(const conversation_t *conversation,
                                                    const packet_info *pinfo);

/* Is there anything to do? Without the built-in dissector there is nothing to add to. */
bool imapid_connection_is_enabled(void);

/* Is this a call to be read? What an error packet quotes is no part of the connection: it may be
 * cut, and the segment itself comes as well. */
bool imapid_connection_is_readable(const packet_info *pinfo);

/* Does the current packet come from the server of this stream? */
bool imapid_connection_is_from_server(const struct imapid_stream *stream, packet_info *pinfo);

/* The segment of this frame, where a stream is read out of such; else NULL. Good while the frame is
 * dissected. */
struct imapid_own_segment *imapid_connection_get_segment(packet_info *pinfo,
                                                         const struct imapid_stream *stream);

/* Where a call is. `own`: of the segment; NULL: it has no sequence number. */
struct imapid_place imapid_connection_get_place(packet_info *pinfo,
                                                const conversation_t *conversation,
                                                const struct imapid_stream *stream,
                                                const struct imapid_own_segment *own);

/* What TLS is given of a connection: never NULL, all zero the first time. File scope. */
struct imapid_given *imapid_connection_get_given(conversation_t *conversation);

/* A server of IMAP has the port: from now on packets of it are looked at, in this capture. The second
 * says whether that was noted. */
void imapid_connection_note_port(uint32_t port);
bool imapid_connection_is_port_seen(uint32_t port);

#endif
