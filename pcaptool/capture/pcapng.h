/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PCAPNG_H
#define IMAPID_CAPTURE_PCAPNG_H

#include "capture/reader.h"

/* As imapid_pcap_begin(). */
enum imapid_capture_result imapid_pcapng_begin(struct imapid_capture *capture);

/* Frees what a capture keeps of its sections. */
void imapid_pcapng_deinit(struct imapid_pcapng *pcapng);

#endif
