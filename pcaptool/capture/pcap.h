/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_PCAP_H
#define IMAPID_CAPTURE_PCAP_H

#include "capture/reader.h"

/* At the header of a file: reads it and sets capture->next. ERROR where it cannot be read, and then
 * capture->next says END; else PACKET, with nothing read of a packet yet. */
enum imapid_capture_result imapid_pcap_begin(struct imapid_capture *capture);

#endif
