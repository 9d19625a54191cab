/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_LIVE_H
#define IMAPID_CAPTURE_LIVE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct imapid_capture;

/* What is captured, and how. */
struct imapid_live_options {
    const char *filter; /* a libpcap filter; NULL: every packet */
    uint32_t n_buffer;  /* KiB that the kernel keeps for each interface; 0: IMAPID_LIVE_BUFFER */
    uint32_t n_snap;    /* octets of a packet; 0: IMAPID_LIVE_SNAP */
    bool is_modest;     /* not in promiscuous mode */
    bool is_immediate;  /* each packet as it comes, not when the kernel has a block of them */
    uint64_t n_packets; /* the capture ends after so many; 0: it does not */
    uint32_t n_seconds; /* and after so long; 0: it does not */
    int wake;           /* and when this is readable; -1: it does not */
};

#define IMAPID_LIVE_BUFFER 131072u
#define IMAPID_LIVE_SNAP   262144u

/* More interfaces are a mistake. */
#define IMAPID_LIVE_N_MAX 32u

/* Captures from network interfaces, which make one capture, the packets in the order of their times as far
 * as the kernel gives them in time. Its name is theirs, and when it began; its format is "live".
 * On failure NULL, and *message, to be freed with g_free(), names an interface and the reason. */
struct imapid_capture *imapid_capture_open_interfaces(char *const *names,
                                                      const struct imapid_live_options *options,
                                                      char **message);

/* The interfaces there are, a line each: name and, in brackets, what it is. To be freed. NULL where they
 * cannot be listed, with *message. */
char *imapid_live_list(char **message);

/* A line for each interface that is captured from, as tcpdump has it: "listening on lo, link-type EN10MB
 * (Ethernet), snapshot length 262144 bytes". To be freed. */
char *imapid_live_describe(const struct imapid_capture *capture);

/* "lo@2026-01-02T03:04:05.678901Z": the interfaces, and when the capture began, so that what is told of
 * it is told of no other. Good until the capture is closed. */
const char *imapid_live_get_name(const struct imapid_capture *capture);

/* Adds the descriptors of the interfaces (int): readable when packets come. Good until the capture is
 * closed. */
void imapid_live_list_fds(const struct imapid_capture *capture, GArray *fds);

/* Lets go of the interfaces, if the capture is of any. */
void imapid_live_close(struct imapid_capture *capture);

#endif
