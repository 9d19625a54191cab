/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed.h: the TLS around IMAP, as far as it stays closed. Wireshark decrypts; what it has no secrets
 * for never comes to us, and that has to be said. */
#ifndef IMAPID_DISSECTOR_CLOSED_H
#define IMAPID_DISSECTOR_CLOSED_H

#include "ws-compat.h"

#include <imapid/proxy.h>

/* Registers a protocol in name only below TLS, and its dissector. */
void imapid_closed_register(void);

/* Returns the dissector to which connections known to carry IMAP in TLS are to be given: it calls
 * that of TLS, and keeps count in packets that `may_read` says yes to. For ever. */
dissector_handle_t imapid_closed_handoff(dissector_handle_t tls,
                                         bool (*may_read)(const packet_info *pinfo));

/* Do n octets begin with a ClientHello that offers the protocol "imap" (RFC 7301), or one that is not
 * all there and may still offer it? */
bool imapid_closed_may_offer_imap(const uint8_t *octets, size_t n);

/* A connection that is given to our dissector because of such octets, and not for its port: nothing
 * is said of it unless the offer is there. */
void imapid_closed_watch_offer(conversation_t *conversation, const uint8_t *octets, size_t n);

/* Something of this connection came out of TLS: it is not closed. */
void imapid_closed_note_open(conversation_t *conversation);

/* That a connection is not read, or from an earlier frame on is not, as a label, static. NULL: it is,
 * or nobody knows yet: then all frames were not seen. */
const char *imapid_closed_describe(const conversation_t *conversation, const packet_info *pinfo);

/* The header of a proxy that stood before the TLS of this connection; NULL: there was none. File
 * scope. */
const struct imapid_proxy_header *imapid_closed_proxy_header(conversation_t *conversation);

#endif
