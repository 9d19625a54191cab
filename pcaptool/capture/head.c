/* SPDX-License-Identifier: GPL-2.0-or-later */
/* head.c: recognises the file headers of pcap and pcapng.
 *
 * Refuses pcap of other versions than 2.4, and a pcap header with values in its unused fields:
 * headers are also looked for in the middle of a file, where octets of a packet can look like one.
 *
 * Misuse: the four octets of a magic number alone. Packets can hold them. */

#include "capture/head.h"

#include "number.h"

/* Type and length of a block, then the Byte-Order Magic. */
#define N_SECTION 12u

bool imapid_head_is_pcap_magic(uint32_t magic)
{
    uint32_t other = __builtin_bswap32(magic);
    return magic == IMAPID_HEAD_MICROSECONDS || magic == IMAPID_HEAD_NANOSECONDS ||
           magic == IMAPID_HEAD_MODIFIED || other == IMAPID_HEAD_MICROSECONDS ||
           other == IMAPID_HEAD_NANOSECONDS || other == IMAPID_HEAD_MODIFIED;
}

bool imapid_head_is_pcap(struct imapid_window *window)
{
    if (!imapid_window_need_whole(window, IMAPID_HEAD_PCAP_N))
        return false;
    uint32_t magic = imapid_number_host32(window->at, false);
    bool swapped = magic != IMAPID_HEAD_MICROSECONDS && magic != IMAPID_HEAD_NANOSECONDS &&
                   magic != IMAPID_HEAD_MODIFIED;
    /* Version 2.4, and two fields that nobody has used: of a packet, its lengths. */
    return imapid_head_is_pcap_magic(magic) && imapid_number_host16(window->at + 4, swapped) == 2 &&
           imapid_number_host16(window->at + 6, swapped) == 4 &&
           imapid_number_host32(window->at + 8, false) == 0 &&
           imapid_number_host32(window->at + 12, false) == 0;
}

bool imapid_head_is_pcapng_magic(uint32_t magic)
{
    return magic == IMAPID_HEAD_SECTION;
}

bool imapid_head_is_pcapng(struct imapid_window *window)
{
    if (!imapid_window_need_whole(window, N_SECTION))
        return false;
    uint32_t order = imapid_number_host32(window->at + 8, false);
    return imapid_number_host32(window->at, false) == IMAPID_HEAD_SECTION &&
           (order == IMAPID_HEAD_ORDER || order == __builtin_bswap32(IMAPID_HEAD_ORDER));
}
