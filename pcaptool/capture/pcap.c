/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The pcap format (draft-ietf-opsawg-pcap): a file header of 24 octets, then packets, each behind
 * a header of 16 (or 24, in the format of Kuznetzov's patch to libpcap).
 *
 * A packet header has nothing to recognise it by: behind one that cannot be right, nothing of the
 * file can be trusted, and reading ends. */

#include "capture/reader.h"

#define MAGIC_MICROSECONDS 0xa1b2c3d4u
#define MAGIC_NANOSECONDS  0xa1b23c4du
#define MAGIC_MODIFIED     0xa1b2cd34u

#define N_FILE_HEADER 24u

/* tcpdump's limit on packets of networks: holds a TSO segment with every header. A longer one is a
 * damaged header, except on the few kinds of links where packets are no packets. */
#define N_NETWORK_MAX 262144u

static const uint16_t long_link_types[] = {
    231, /* D-Bus */
    249, /* USBPcap */
    279, /* EBHSCR */
};

bool imapid_pcap_is_magic(uint32_t magic)
{
    uint32_t other = __builtin_bswap32(magic);
    return magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS || magic == MAGIC_MODIFIED ||
           other == MAGIC_MICROSECONDS || other == MAGIC_NANOSECONDS || other == MAGIC_MODIFIED;
}

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

bool imapid_pcap_is_head(struct imapid_window *window)
{
    if (!imapid_window_need(window, N_FILE_HEADER))
        return false;
    uint32_t magic = imapid_get32(window->at, false);
    bool swapped =
        magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS && magic != MAGIC_MODIFIED;
    /* Version 2.4, and two fields that nobody has used: of a packet, its lengths. */
    return imapid_pcap_is_magic(magic) && imapid_get16(window->at + 4, swapped) == 2 &&
           imapid_get16(window->at + 6, swapped) == 4 && imapid_get32(window->at + 8, false) == 0 &&
           imapid_get32(window->at + 12, false) == 0;
}

/* Whether a packet's first four octets are a magic number; few seconds are. */
static bool is_rare(const uint8_t *octets)
{
    /* Enough for nearly all packets. */
    if (octets[0] != 0xa1 && octets[0] != 0x0a && octets[3] != 0xa1)
        return false;
    uint32_t magic = imapid_get32(octets, false);
    return imapid_pcap_is_magic(magic) || imapid_pcapng_is_magic(magic);
}

static enum imapid_capture_result pcap_next(struct imapid_capture *capture,
                                            struct imapid_packet *packet)
{
    const struct imapid_pcap *pcap = &capture->pcap;
    struct imapid_window *window = &capture->window;
    uint64_t place = imapid_window_place(window);
    uint32_t n_header = pcap->n_header;
    if (!imapid_window_need(window, n_header))
        return imapid_capture_fail_end(capture, place, n_header, "packet header");
    if (is_rare(window->at) && imapid_capture_ends_here(capture, imapid_pcap_is_head(window) ||
                                                                     imapid_pcapng_is_head(window)))
        return IMAPID_CAPTURE_END;
    uint32_t seconds = imapid_get32(window->at, pcap->swapped);
    uint32_t fraction = imapid_get32(window->at + 4, pcap->swapped);
    uint32_t n = imapid_get32(window->at + 8, pcap->swapped);
    uint32_t n_wire = imapid_get32(window->at + 12, pcap->swapped);
    order_lengths(pcap->n_minor, &n, &n_wire);
    if (n > pcap->n_packet_max) {
        capture->next = imapid_capture_next_none;
        return imapid_capture_fail(capture, place, "packet header with a length of %u octets", n);
    }
    if (!imapid_window_need(window, n_header + n))
        return imapid_capture_fail_end(capture, place, n_header + n, "packet");
    packet->data = window->at + n_header;
    packet->n = n;
    packet->n_wire = MAX(n, n_wire);
    packet->ts_ns = (int64_t)seconds * 1000000000 +
                    (pcap->nanoseconds ? (int64_t)fraction : (int64_t)fraction * 1000);
    packet->interface = 0;
    packet->link_type = pcap->link_type;
    packet->has_ts = true;
    window->at += n_header + n;
    return IMAPID_CAPTURE_PACKET;
}

enum imapid_capture_result imapid_pcap_begin(struct imapid_capture *capture)
{
    struct imapid_pcap *pcap = &capture->pcap;
    struct imapid_window *window = &capture->window;
    uint64_t place = imapid_window_place(window);
    capture->format = "pcap";
    if (!imapid_window_need(window, N_FILE_HEADER))
        return imapid_capture_fail_end(capture, place, N_FILE_HEADER, "file header");
    uint32_t magic = imapid_get32(window->at, false);
    pcap->swapped =
        magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS && magic != MAGIC_MODIFIED;
    magic = imapid_get32(window->at, pcap->swapped);
    unsigned n_major = imapid_get16(window->at + 4, pcap->swapped);
    unsigned n_minor = imapid_get16(window->at + 6, pcap->swapped);
    if (n_major != 2) {
        capture->next = imapid_capture_next_none;
        return imapid_capture_fail(capture, place, "pcap version %u.%u is not known", n_major,
                                   n_minor);
    }
    pcap->n_minor = (uint8_t)MIN(n_minor, 255);
    pcap->nanoseconds = magic == MAGIC_NANOSECONDS;
    pcap->n_header = magic == MAGIC_MODIFIED ? 24 : 16;
    /* The upper half has the length of the frame check sequence. */
    pcap->link_type = (uint16_t)imapid_get32(window->at + 20, pcap->swapped);
    pcap->n_packet_max = packet_max(pcap->link_type);
    window->at += N_FILE_HEADER;
    capture->next = pcap_next;
    return IMAPID_CAPTURE_PACKET;
}
