/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stall.c: does a direction of a TCP connection go on?
 *
 * Refuses to count what the peer has already, and what may be a keep-alive: one octet.
 *
 * Misuse: telling it of octets that fill a hole as if they came again. */
#include <imapid/stall.h>

#include <imapid/octets.h>
#include <imapid/order.h>

void imapid_stall_take_window(struct imapid_stall *stall, unsigned window,
                              const struct imapid_moment *at)
{
    if (window)
        stall->shut.frame = 0;
    else if (!stall->shut.frame)
        stall->shut = *at;
}

static void count_again(struct imapid_stall *stall, const struct imapid_moment *at)
{
    if (!stall->n_again)
        stall->again = *at;
    stall->n_again += stall->n_again < UINT8_MAX;
}

void imapid_stall_take_syn_ack(struct imapid_stall *stall, const struct imapid_moment *at)
{
    if (stall->has_answered && !stall->has_acked)
        count_again(stall, at);
    stall->has_answered = true;
}

void imapid_stall_take_ack(struct imapid_stall *stall, uint32_t ack)
{
    if (stall->has_acked && !imapid_seq_before(stall->acked, ack))
        return;
    stall->has_acked = true;
    stall->acked = ack;
    stall->again.frame = stall->n_again = 0;
}

void imapid_stall_take_again(struct imapid_stall *stall, size_t n, uint32_t end,
                             const struct imapid_moment *at)
{
    if (n <= 1 || (stall->has_acked && !imapid_seq_before(stall->acked, end)))
        return;
    count_again(stall, at);
}

static const char *name_icmp4(uint8_t code)
{
    switch (code) {
    case 3:
        return "refused";
    case 4: /* fragmentation needed: a smaller one may arrive */
        return NULL;
    case 9:
    case 10:
    case 13:
        return "prohibited";
    default:
        return "unreachable";
    }
}

static const char *name_icmp6(uint8_t code)
{
    switch (code) {
    case 1:
    case 5:
    case 6:
        return "prohibited";
    case 4:
        return "refused";
    default:
        return "unreachable";
    }
}

static const char *name_icmp(unsigned family, uint8_t type, uint8_t code)
{
    if (type == (family == 4 ? 11 : 3)) /* it was on its way for too long */
        return "unreachable";
    if (type != (family == 4 ? 3 : 1))
        return NULL;
    return family == 4 ? name_icmp4(code) : name_icmp6(code);
}

struct imapid_icmp imapid_stall_icmp(unsigned family, const uint8_t header[8])
{
    uint32_t low = imapid_octets_get16(header + 6),
             all = (uint32_t)imapid_octets_get16(header + 4) << 16 | low;
    bool is_too_big = family == 4 ? header[0] == 3 && header[1] == 4 : header[0] == 2;

    return (struct imapid_icmp){.error = name_icmp(family, header[0], header[1]),
                                .mtu = !is_too_big   ? 0
                                       : family == 4 ? low
                                                     : all};
}
