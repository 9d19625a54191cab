/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PCAP_H
#define IMAPID_CAPTURE_PCAP_H

#include "capture/reader.h"

/* At the header of a file: reads it and sets capture->next. ERROR where it cannot be read, and then
 * capture->next says END; else PACKET, with nothing read of a packet yet. */
enum imapid_capture_result imapid_pcap_begin(struct imapid_capture *capture);

/* capture->next behind the header of a file. */
enum imapid_capture_result imapid_pcap_next(struct imapid_capture *capture,
                                            struct imapid_packet *packet);

/* Whether a packet's first four octets may be a magic number; few seconds are. */
static inline bool imapid_pcap_is_rare(const uint8_t *octets)
{
    return octets[0] == 0xa1 || octets[0] == 0x0a || octets[3] == 0xa1;
}

/* The packet of n octets at the header `at`, all but its number. */
static inline void imapid_pcap_fill(const struct imapid_pcap *pcap, const uint8_t *at, uint32_t n,
                                    uint32_t n_wire, struct imapid_packet *packet)
{
    packet->data = at + pcap->n_header;
    packet->n = n;
    packet->n_wire = n > n_wire ? n : n_wire;
    packet->ts_ns = (int64_t)imapid_number_host32(at, pcap->swapped) * 1000000000 +
                    (int64_t)imapid_number_host32(at + 4, pcap->swapped) * pcap->n_fraction_ns;
    packet->interface = 0;
    packet->link_type = pcap->link_type;
}

/* What imapid_pcap_next() does with a packet that is as nearly all are: whole in the window, of format 2.4, and
 * by no chance the head of another file. False: with this one, nothing was done. */
static inline bool imapid_pcap_take(struct imapid_capture *capture, struct imapid_packet *packet)
{
    const struct imapid_pcap *pcap = &capture->pcap;
    const uint8_t *at = capture->window.at;
    size_t left = imapid_window_left(&capture->window);
    if (left < pcap->n_header || pcap->n_minor < 4 || imapid_pcap_is_rare(at))
        return false;
    uint32_t n = imapid_number_host32(at + 8, pcap->swapped);
    if (n > pcap->n_packet_max || left - pcap->n_header < n)
        return false;
    imapid_pcap_fill(pcap, at, n, imapid_number_host32(at + 12, pcap->swapped), packet);
    capture->window.at = packet->data + n;
    return true;
}

#endif
