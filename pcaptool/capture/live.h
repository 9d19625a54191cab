/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_LIVE_H
#define IMAPID_CAPTURE_LIVE_H

struct imapid_capture;

/* Captures from a network interface. `expression` is a libpcap filter, NULL: every packet. The
 * capture ends when `wake` becomes readable (-1: never). On failure NULL, and *message, to be freed
 * with g_free(), names the interface and the reason. Its format is "live". */
struct imapid_capture *imapid_capture_open_interface(const char *name, const char *expression,
                                                     int wake, char **message);

/* The descriptor of the interface: readable when packets come. Good until the capture is closed. */
int imapid_live_get_fd(const struct imapid_capture *capture);

/* Lets go of the interface, if the capture is of one. */
void imapid_live_close(struct imapid_capture *capture);

#endif
