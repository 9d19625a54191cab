/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap.c: the pcap format (draft-ietf-opsawg-pcap): a file header of 24 octets, then packets, each
 * after a header of 16 octets (24 in the format of Kuznetzov's patch to libpcap).
 *
 * Refuses to go on after a packet header that cannot be right: nothing in the rest of the file
 * tells where the next one is.
 *
 * Misuse: asking for a packet before the file header was read. */

#include "capture/pcap.h"

#include "capture/head.h"

/* tcpdump's limit on packets of networks: holds a TSO segment with every header. A longer one is a
 * damaged header, except on the few kinds of links where packets are no packets. */
#define N_NETWORK_MAX 262144u

static const uint16_t long_link_types[] = {
    231, /* D-Bus */
    249, /* USBPcap */
    279, /* EBHSCR */
};

static uint32_t packet_max(uint16_t link_type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(long_link_types); i++)
        if (link_type == long_link_types[i])
            return IMAPID_CAPTURE_PACKET_MAX;
    return N_NETWORK_MAX;
}

/* libpcap before 0.4 wrote the two lengths the other way round, or as it came. */
static void order_lengths(unsigned n_minor, uint32_t *n, uint32_t *n_wire)
{
    if (n_minor < 3 || (n_minor == 3 && *n > *n_wire)) {
        uint32_t other = *n;
        *n = *n_wire;
        *n_wire = other;
    }
}

static bool is_magic(const uint8_t *octets)
{
    uint32_t magic = imapid_number_host32(octets, false);
    return imapid_pcap_is_rare(octets) &&
           (imapid_head_is_pcap_magic(magic) || imapid_head_is_pcapng_magic(magic));
}

enum imapid_capture_result imapid_pcap_next(struct imapid_capture *capture,
                                            struct imapid_packet *packet)
{
    const struct imapid_pcap *pcap = &capture->pcap;
    struct imapid_window *window = &capture->window;
    uint64_t place = imapid_window_place(window);
    uint32_t n_header = pcap->n_header;
    if (imapid_pcap_take(capture, packet))
        return IMAPID_CAPTURE_PACKET;
    if (!imapid_window_need_whole(window, n_header))
        return imapid_reader_fail_end(capture, place, n_header, "packet header");
    if (is_magic(window->at)) {
        if (imapid_reader_ends_here(capture,
                                    imapid_head_is_pcapng(window) || imapid_head_is_pcap(window)))
            return IMAPID_CAPTURE_END;
        if (window->is_paused)
            return IMAPID_CAPTURE_PAUSE;
    }
    uint32_t n = imapid_number_host32(window->at + 8, pcap->swapped);
    uint32_t n_wire = imapid_number_host32(window->at + 12, pcap->swapped);
    order_lengths(pcap->n_minor, &n, &n_wire);
    if (n > pcap->n_packet_max) {
        capture->next = imapid_reader_next_none;
        return imapid_reader_fail(capture, place, "packet header with a length of %u octets", n);
    }
    if (!imapid_window_need_whole(window, n_header + n))
        return imapid_reader_fail_end(capture, place, n_header + n, "packet");
    imapid_pcap_fill(pcap, window->at, n, n_wire, packet);
    window->at += n_header + n;
    return IMAPID_CAPTURE_PACKET;
}

static bool pcap_peek(const struct imapid_capture *capture, const uint8_t **at,
                      struct imapid_packet *packet)
{
    const struct imapid_pcap *pcap = &capture->pcap;
    size_t left = (size_t)(capture->window.end - *at);
    if (left < pcap->n_header || is_magic(*at))
        return false;
    uint32_t n = imapid_number_host32(*at + 8, pcap->swapped);
    if (n > pcap->n_packet_max || left - pcap->n_header < n)
        return false;
    packet->data = *at + pcap->n_header;
    packet->n = packet->n_wire = n;
    packet->link_type = pcap->link_type;
    *at += pcap->n_header + n;
    return true;
}

enum imapid_capture_result imapid_pcap_begin(struct imapid_capture *capture)
{
    struct imapid_pcap *pcap = &capture->pcap;
    struct imapid_window *window = &capture->window;
    uint64_t place = imapid_window_place(window);
    capture->format = "pcap";
    if (!imapid_window_need(window, IMAPID_HEAD_PCAP_N))
        return imapid_reader_fail_end(capture, place, IMAPID_HEAD_PCAP_N, "file header");
    uint32_t magic = imapid_number_host32(window->at, false);
    pcap->swapped = magic != IMAPID_HEAD_MICROSECONDS && magic != IMAPID_HEAD_NANOSECONDS &&
                    magic != IMAPID_HEAD_MODIFIED;
    magic = imapid_number_host32(window->at, pcap->swapped);
    unsigned n_major = imapid_number_host16(window->at + 4, pcap->swapped);
    unsigned n_minor = imapid_number_host16(window->at + 6, pcap->swapped);
    if (n_major != 2) {
        capture->next = imapid_reader_next_none;
        return imapid_reader_fail(capture, place, "pcap version %u.%u is not known", n_major,
                                  n_minor);
    }
    pcap->n_minor = (uint8_t)MIN(n_minor, 255);
    pcap->n_fraction_ns = magic == IMAPID_HEAD_NANOSECONDS ? 1 : 1000;
    pcap->n_header = magic == IMAPID_HEAD_MODIFIED ? 24 : 16;
    /* The upper half has the length of the frame check sequence. */
    pcap->link_type = (uint16_t)imapid_number_host32(window->at + 20, pcap->swapped);
    pcap->n_snap = imapid_number_host32(window->at + 16, pcap->swapped);
    pcap->n_packet_max = packet_max(pcap->link_type);
    window->at += IMAPID_HEAD_PCAP_N;
    capture->next = imapid_pcap_next;
    capture->peek = pcap_peek;
    return IMAPID_CAPTURE_PACKET;
}
