/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_CAPTURE_H
#define IMAPID_CAPTURE_CAPTURE_H

#include "capture/packet.h"
#include "capture/window.h"

#include <stddef.h>

/* A capture file, pipe or standard input, read as packets in the order they are stored.
 *
 * pcap (both byte orders, micro- and nanoseconds, modified header) and pcapng (any number of
 * sections and interfaces), also compressed, through a bounded buffer; a pipe yields each packet as
 * soon as it is complete. One object is used by one thread at a time; different objects are
 * independent.
 *
 *     struct imapid_capture *c = imapid_capture_open(path, &message);
 *     while ((result = imapid_capture_next(c, &packet)) != IMAPID_CAPTURE_END)
 *         if (result == IMAPID_CAPTURE_PACKET) … else … imapid_capture_get_error(c)
 */
struct imapid_capture;
struct stat;

/* Opens path, "-" being standard input. Nothing is read yet: that the contents are no capture is
 * said by the first imapid_capture_next(). On failure NULL, and *message, to be freed with
 * g_free(), names the file and the reason. */
struct imapid_capture *imapid_capture_open(const char *path, char **message);

/* The same of a file that is open and stands at its beginning; it is closed with the capture. `name`, which is
 * copied, is for messages. `opened` is what fstat() said of it, or NULL. Never NULL. */
struct imapid_capture *imapid_capture_open_fd(const char *name, int fd, const struct stat *opened);

/* The same over any source of octets, which is copied and closed with the capture. `name`, which is
 * copied, is for messages. Never NULL. */
struct imapid_capture *imapid_capture_open_source(const char *name,
                                                  const struct imapid_window_source *source);

/* Called from within imapid_capture_next() for each pcapng Decryption Secrets Block, before any
 * packet behind it. type as in the block (0x544c534b: TLS key log); the octets are good during the
 * call only. */
void imapid_capture_on_secrets(struct imapid_capture *capture,
                               void (*fn)(void *ctx, uint32_t type, const uint8_t *octets,
                                          size_t n),
                               void *ctx);

/* Called from within imapid_capture_next() with what is worth knowing and no error, worded as errors
 * are: that another capture begins inside of this one (`cat a b`), which is read as well. The message
 * is good during the call only. */
void imapid_capture_on_note(struct imapid_capture *capture,
                            void (*fn)(void *ctx, const char *message), void *ctx);

/* Called from within imapid_capture_next() every so many packets, each time where the size is not
 * known, and every so many octets, with the octets of the file read so far. */
void imapid_capture_on_progress(struct imapid_capture *capture,
                                void (*fn)(void *ctx, uint64_t place), void *ctx);

/* Called from within imapid_capture_next() from time to time while an interface has no packet. */
void imapid_capture_on_idle(struct imapid_capture *capture, void (*fn)(void *ctx), void *ctx);

/* Called from within imapid_capture_next() when it is seen that n more packets were dropped before anybody
 * had them. `where` is the interface; it is good during the call only. */
void imapid_capture_on_drops(struct imapid_capture *capture,
                             void (*fn)(void *ctx, const char *where, uint64_t n), void *ctx);

/* Of a packet that will be read soon, which was not peeked at before and is in memory: its octets, as
 * many as were captured, link type and number, as it seems. They are good until the next call of
 * imapid_capture_next(). False: there is none, or some have been peeked at. Nothing else changes: that
 * the packet can be read says only imapid_capture_next(). */
bool imapid_capture_peek(struct imapid_capture *capture, struct imapid_packet *packet);

/* Of captures that are copied: what the functions below tell is kept, 1 MiB of it at most. Before anything is read. */
void imapid_capture_keep_details(struct imapid_capture *capture);

/* The interface of the packet that imapid_capture_next() gave last; good until its next call. Options that are
 * malformed, or too much to be kept, are none. */
struct imapid_capture_interface imapid_capture_get_interface(const struct imapid_capture *capture,
                                                             const struct imapid_packet *packet);

/* The options of that packet, which may be malformed. */
struct imapid_capture_options imapid_capture_get_options(const struct imapid_capture *capture);

/* Reads the next packet. PACKET: *packet is set and good until the next call. ERROR: something could not
 * be read, imapid_capture_get_error() says what; call again. END: there is nothing more, now and with
 * every later call. With ERROR and END *packet means nothing. */
enum imapid_capture_result imapid_capture_next(struct imapid_capture *capture,
                                               struct imapid_packet *packet);

/* Reads on to the next packet that has a time, over what is damaged. PACKET, or END where there is
 * none. */
enum imapid_capture_result imapid_capture_next_timed(struct imapid_capture *capture,
                                                     struct imapid_packet *packet);

/* The message of the last ERROR: "FILE: octet PLACE: what is wrong", or, of a compressed file,
 * "FILE: octet PLACE of its contents: what is wrong". NULL when there was none.
 * Good until the next imapid_capture_next(). */
const char *imapid_capture_get_error(const struct imapid_capture *capture);

/* "pcap" or "pcapng", or the name of a format that is refused; NULL until the first
 * imapid_capture_next() has found out. */
const char *imapid_capture_get_format(const struct imapid_capture *capture);

/* Is it of a format that is known and refused: of another program, or an archive? */
bool imapid_capture_is_foreign(const struct imapid_capture *capture);

/* What was read so far. The counts go on; the pointer is good until the capture is closed. */
const struct imapid_capture_counts *imapid_capture_get_counts(const struct imapid_capture *capture);

/* The next imapid_capture_next(), and one that waits in a read that a signal has interrupted, says
 * END. May be called from a signal handler, or from another thread. */
void imapid_capture_stop(struct imapid_capture *capture);

/* Was it stopped? What is not read yet may be nothing. */
bool imapid_capture_is_stopped(const struct imapid_capture *capture);

/* NULL is allowed. */
void imapid_capture_close(struct imapid_capture *capture);

#endif
