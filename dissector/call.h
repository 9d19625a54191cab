/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call.h: one call of our dissector: read on its first visit, looked up on every later one, and
 * shown. */
#ifndef IMAPID_DISSECTOR_CALL_H
#define IMAPID_DISSECTOR_CALL_H

#include "connection.h"

/* Begins the stream of a connection on a port of ours. `tvb` has the octets that were seen first, `data`
 * is what TCP says of them, `fallback` gets what is no IMAP. The stream is claimed, and the
 * connection's own. */
struct imapid_stream *imapid_call_begin(conversation_t *conversation, tvbuff_t *tvb,
                                        packet_info *pinfo, const void *data,
                                        dissector_handle_t fallback);

/* A stream on our port begins with TLS here: it is TLS's from now on, also where TCP calls twice in a frame.
 * Behind STARTTLS what is inside is ours; else what it says tells. */
void imapid_call_begin_tls(const struct imapid_stream *stream, conversation_t *conversation,
                           packet_info *pinfo);

/* Reads a call, or, when it was seen before, finds its record; NULL: there is none, or nothing to
 * show. Of a segment, what TCP makes of it is not asked: TCP holds back and puts together. The record
 * is the stream's, as all calls: good until the capture is closed or the connection gives way. */
struct imapid_call *imapid_call_read(struct imapid_stream *stream, conversation_t *conversation,
                                     tvbuff_t *tvb, packet_info *pinfo, const proto_tree *tree);

/* Reads a segment that was never seen before, whoever got it. Returns the same. */
struct imapid_call *imapid_call_read_segment(struct imapid_stream *stream,
                                             conversation_t *conversation, packet_info *pinfo,
                                             const proto_tree *tree,
                                             const struct imapid_own_segment *own);

/* On a later visit nothing more comes: what waits is read, and may prove that this is IMAP. */
void imapid_call_settle(struct imapid_stream *stream);

/* Was the segment of this frame read, or shown, already? TCP calls more than once where it puts
 * segments together. */
bool imapid_call_is_taken(const struct imapid_stream *stream, packet_info *pinfo);

/* Shows a call. Returns the octets of the tvb, as a dissector does. */
int imapid_call_show(struct imapid_stream *stream, const struct imapid_call *call, tvbuff_t *tvb,
                     packet_info *pinfo, proto_tree *tree);

/* Is a connection known to be IMAP, by what was said on it: the server has said what only one of IMAP does,
 * or a client, of whose server nothing is in the capture, has sent an ID? */
bool imapid_call_is_imap(const struct imapid_stream *stream);

/* A connection that was read in silence is IMAP: it is ours from this frame on. */
void imapid_call_claim(struct imapid_stream *stream, conversation_t *conversation,
                       packet_info *pinfo);

/* Puts a note on this frame where what it carries was withheld. */
void imapid_call_show_notes(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree);

/* The header of a proxy with which a call begins, where it came whole; else NULL. Good as long as the
 * call. */
const struct imapid_part *imapid_call_get_header(const struct imapid_call *call);

/* Does a call hold nothing but that, or what else is said to a proxy or by it? */
bool imapid_call_is_preface(const struct imapid_call *call);

#endif
