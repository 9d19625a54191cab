/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PCAPNG_H
#define IMAPID_CAPTURE_PCAPNG_H

#include "capture/reader.h"

/* As imapid_pcap_begin(). */
enum imapid_capture_result imapid_pcapng_begin(struct imapid_capture *capture);

/* The interface with this number, which a packet has that was given last. pcapng->kept is there. */
struct imapid_capture_interface imapid_pcapng_get_interface(const struct imapid_pcapng *pcapng,
                                                            uint32_t number);

/* Frees what a capture keeps of its sections. */
void imapid_pcapng_deinit(struct imapid_pcapng *pcapng);

#endif
