/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preface.h: what stands on a connection before the protocol it was opened for, where a proxy is
 * in between: a PROXY header (versions 1 and 2), SOCKS 4, 4A and 5 (RFC 1928, RFC 1929), and
 * CONNECT of HTTP (RFC 9110, 9.3.6). Both sides speak one; they may follow upon each other. */
#ifndef IMAPID_PREFACE_H
#define IMAPID_PREFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <imapid/proxy.h>

/* As many follow upon each other at most. */
#define IMAPID_PREFACE_MAX 3

enum imapid_preface_kind {
    IMAPID_PREFACE_PROXY,
    IMAPID_PREFACE_SOCKS4,
    IMAPID_PREFACE_SOCKS5,
    IMAPID_PREFACE_CONNECT,
};

enum imapid_preface_status {
    IMAPID_PREFACE_NOT,     /* none begins here; of this side none ever will */
    IMAPID_PREFACE_MORE,    /* so far it looks like one: show the octets again, with more */
    IMAPID_PREFACE_OK,      /* *n_used octets belong to it: ask again with those behind them */
    IMAPID_PREFACE_REFUSED, /* the proxy refused, or encrypts: nothing of IMAP will follow */
};

/* Zeroed at the beginning of a connection. Read only, but for preface.c. */
struct imapid_preface {
    enum imapid_preface_kind kinds[IMAPID_PREFACE_MAX]; /* as the client began them */
    unsigned n_kinds, n_answered;
    unsigned step[2]; /* by side (0: server, 1: client), in the current one */
    bool is_over[2], is_refused;
    bool may_repeat;                   /* the proxy asked for credentials (HTTP 407) */
    uint64_t n_body;                   /* octets of an answer's body still to come */
    struct imapid_proxy_header client; /* whom a PROXY header names; family 0: none */
    uint16_t port;                     /* to which SOCKS or CONNECT leads; 0: none was named */
};

/* Reads the next octets of one side of a connection that was seen from its first octet. Octets are
 * shown in the order of causes: a proxy's answer behind what it answers. MORE is only returned for
 * fewer than 4 KiB. *n_used is only set with OK, and is not 0 then. `n` may be 0: the answer is MORE,
 * or NOT where that is known already. */
enum imapid_preface_status imapid_preface_read(struct imapid_preface *preface, bool is_client,
                                               const uint8_t *octets, size_t n, size_t *n_used);

#endif
