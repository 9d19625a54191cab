/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_HEAD_H
#define IMAPID_CAPTURE_HEAD_H

#include "capture/window.h"

/* What files of either format begin with. One may stand behind the other in a file, so the reader of
 * each asks for both. */

/* pcap: magic numbers, in the byte order of who wrote the file; octets of the file header. */
#define IMAPID_HEAD_MICROSECONDS 0xa1b2c3d4u
#define IMAPID_HEAD_NANOSECONDS  0xa1b23c4du
#define IMAPID_HEAD_MODIFIED     0xa1b2cd34u

#define IMAPID_HEAD_PCAP_N 24u

/* pcapng: the type of a Section Header Block, and its Byte-Order Magic. */
#define IMAPID_HEAD_SECTION 0x0a0d0d0au
#define IMAPID_HEAD_ORDER   0x1a2b3c4du

/* Are four octets, as this machine reads them, the magic number of a format, in either byte order? */
bool imapid_head_is_pcap_magic(uint32_t magic);
bool imapid_head_is_pcapng_magic(uint32_t magic);

/* Whether the window begins with the header of a file of the format, and with no packet or block
 * that only has its magic number. Reads on to see it; false with window->is_paused: it is to be asked again
 * later. Only is_pcap() needs more octets than a header of a packet or a block has. */
bool imapid_head_is_pcap(struct imapid_window *window);
bool imapid_head_is_pcapng(struct imapid_window *window);

#endif
