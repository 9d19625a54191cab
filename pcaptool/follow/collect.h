/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_COLLECT_H
#define IMAPID_FOLLOW_COLLECT_H

#include "capture/capture.h"
#include "capture/filter.h"
#include "follow/flow.h"
#include "net/decode.h"
#include "record/record.h"
#include "tls/keylog.h"

/* Captures to their records: exchanges as they are complete, each session as it ends, a capture's own
 * when it was read. Several captures that are pieces of one are read one after the other: connections,
 * and what they hold, span them.
 *
 *     collect = imapid_collect_new(…);
 *     imapid_collect_read(collect, capture, file);
 *     imapid_collect_tell(collect, capture, file, is_last);
 *     imapid_collect_free(collect);
 */
struct imapid_collect;

/* `filter` may be NULL. `decode` is what the user says that packets are, for the filter as well.
 * `keylog` has the secrets known so far and is given those inside the captures as they are met. With
 * `live`, octets wait for a while for secrets that may come later. `n_memory` octets are what is
 * kept of connections at most, what waits out of order included; then the largest gives way, which
 * is an error that is told. The tables of connections and fragments come on top, see net/tcp.h.
 * Errors are told to `complain` (message, ctx of the sink) as they are met; what can be read is told
 * all the same. All that is given must outlive the object. */
struct imapid_collect *imapid_collect_new(const struct imapid_filter *filter,
                                          const struct imapid_decode *decode,
                                          struct imapid_keylog *keylog, bool live, size_t n_memory,
                                          const struct imapid_record_sink *sink,
                                          void (*complain)(void *ctx, const char *message));

/* Who is told which connection each packet is of, as it is read: the number of the packet in its `file`, which
 * is what imapid_collect_read() was given, and that of the stream. Before anything is read. */
void imapid_collect_on_packet(struct imapid_collect *collect,
                              void (*fn)(void *ctx, const char *file, uint64_t number,
                                         uint32_t stream),
                              void *ctx);

/* Who is told the secrets of each session, behind its record: lines of a key log, see imapid_tls_spell_secrets(). `file` and
 * `stream` are those of the record. Before anything is read. */
void imapid_collect_on_secrets(struct imapid_collect *collect,
                               void (*fn)(void *ctx, const char *file, uint32_t stream,
                                          const char *lines, size_t n),
                               void *ctx);

/* Who hears what sessions read, and the segments of all connections; it must outlive the object. Not together with
 * imapid_collect_on_packet(). Before anything is read. */
void imapid_collect_listen(struct imapid_collect *collect,
                           const struct imapid_flow_listener *listener);

/* Reads a capture to its end. `file` is spelled in the records and must outlive the object. The sink may be called by threads that
 * read the capture ahead, but never by two at once. */
void imapid_collect_read(struct imapid_collect *collect, struct imapid_capture *capture,
                         const char *file);

/* The capture that was just read was stopped before its end, which is its error whatever else there was. */
void imapid_collect_interrupt(struct imapid_collect *collect, const struct imapid_capture *capture,
                              const char *file);

/* Tells the record of the capture that was read, with counts of its own: what was met, or came to its
 * end, while it was read. After the last one, all that is open ends before. False when something
 * could not be read. */
bool imapid_collect_tell(struct imapid_collect *collect, const struct imapid_capture *capture,
                         const char *file, bool is_last);

/* The captures that were read and told are a section of a chain: connections that begin from here on are the next section's to
 * tell, and no captures are told any more. Once. */
void imapid_collect_end_section(struct imapid_collect *collect);

/* Reads on in the next capture, for what is open. Where another section `begins` there, or goes on, connections
 * that it meets are told to it (struct imapid_record_continued). The first capture is read whole, of others no more than is
 * needed. False: nothing is open any more. */
bool imapid_collect_read_on(struct imapid_collect *collect, struct imapid_capture *capture,
                            const char *file, bool begins);

/* Tells what is open, where no imapid_collect_tell() was the last one. */
void imapid_collect_finish(struct imapid_collect *collect);

/* For while there are no packets, from within imapid_capture_next(): looks for secrets that were
 * written meanwhile, and what waits for them is read; tells the sessions of a live capture that were
 * closed some time ago. Cheap where there is nothing to do. */
void imapid_collect_idle(struct imapid_collect *collect);

/* What was counted until now; all but file and times, which are left as they are. From within
 * imapid_capture_next(). */
void imapid_collect_count(const struct imapid_collect *collect,
                          const struct imapid_capture *capture,
                          struct imapid_record_interval *interval);

/* It was seen just now that packets were dropped: connections that are open may lack octets. */
void imapid_collect_drops(struct imapid_collect *collect);

/* Finishes first, where it is not finished. */
void imapid_collect_free(struct imapid_collect *collect);

/* Reads a file for the secrets inside it alone (Decryption Secrets Blocks may stand behind the
 * packets they belong to). By so many threads. Errors are left to be found by whoever reads its packets. `goes_on` is
 * told of progress as imapid_capture_on_progress() has it, and says whether to go on. False where the file was not read to
 * its end: it was to stop, or is of no kind that has secrets. */
bool imapid_collect_secrets(const char *path, struct imapid_keylog *keylog, unsigned n_threads,
                            bool (*goes_on)(void *ctx, uint64_t place), void *ctx);

#endif
