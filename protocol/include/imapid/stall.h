/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stall.h: what keeps one direction of a TCP connection from going on, while it does: segments sent
 * again in vain, a peer that is told to send nothing. */
#ifndef IMAPID_STALL_H
#define IMAPID_STALL_H

#include <imapid/moment.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one direction; begins as all 0. */
struct imapid_stall {
    /* The first segment that was sent again since the peer acknowledged something new, and how many
     * were; frame 0: none. */
    struct imapid_moment again;
    unsigned n_again;
    struct imapid_moment
        shut;       /* the first one with a window of 0, since any other; frame 0: none */
    uint32_t acked; /* with has_acked: the peer has what stands before this one */
    bool has_acked;
    bool has_answered; /* a SYN of the peer */
};

/* What an error of ICMP says of the packet that it quotes. */
struct imapid_icmp {
    /* "prohibited", by somebody's rules; "unreachable", the host or its network; "refused", nobody listens on the port. NULL:
     * not that it did not arrive. Static. */
    const char *error;
    /* It was too big: the octets of the largest that would go on. 0: it does not say. */
    uint32_t mtu;
};

/* The direction announces a window. Not that of a reset, nor of a SYN. */
void imapid_stall_take_window(struct imapid_stall *stall, unsigned window,
                              const struct imapid_moment *at);

/* The direction answers a SYN, and again as long as nobody acknowledges that. */
void imapid_stall_take_syn_ack(struct imapid_stall *stall, const struct imapid_moment *at);

/* The peer acknowledges what stands before `ack`. */
void imapid_stall_take_ack(struct imapid_stall *stall, uint32_t ack);

/* `n` octets of the direction that came before come again; the next one would be `end`. */
void imapid_stall_take_again(struct imapid_stall *stall, size_t n, uint32_t end,
                             const struct imapid_moment *at);

/* Reads the header of an error of ICMP (family 4: RFC 792, RFC 1191, RFC 1812) or ICMPv6 (6: RFC 4443): the first eight octets. */
struct imapid_icmp imapid_stall_icmp(unsigned family, const uint8_t header[8]);

#endif
