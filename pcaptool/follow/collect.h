/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_COLLECT_H
#define IMAPID_FOLLOW_COLLECT_H

#include "capture/capture.h"
#include "capture/filter.h"
#include "net/decode.h"
#include "record/record.h"
#include "tls/keylog.h"

/* Reads one capture from its beginning to its end and tells its records: exchanges as they are
 * complete, each session as it ends, the capture last.
 *
 * `file` is spelled in the records; `filter` may be NULL. `decode` is what the user says that packets
 * are, for the filter as well. Errors of the capture stand in its record
 * and are told to `complain` (message, ctx of the sink) as they are met; what can be read is told
 * all the same. Returns false when something could not be read.
 *
 * `keylog` has the secrets known so far and is given those inside the capture as they are met. With
 * `live`, octets wait for a while for secrets that may come later. `n_memory` octets are what is
 * kept of connections at most, what waits out of order included; then the largest gives way, which
 * is an error that is told. The tables of connections and fragments come on top, see net/tcp.h. */
bool imapid_collect(struct imapid_capture *capture, const char *file, struct imapid_filter *filter,
                    const struct imapid_decode *decode, struct imapid_keylog *keylog, bool live,
                    size_t n_memory, const struct imapid_record_sink *sink,
                    void (*complain)(void *ctx, const char *message));

/* The same for captures that are pieces of one: their packets in the order in which the pieces are
 * added, connections and what they hold spanning them. A piece's record has counts of its own: what
 * was met, or came to its end, while it was read; what is open at the end is of the last one. */
struct imapid_collect;
struct imapid_collect *imapid_collect_new(struct imapid_filter *filter,
                                          const struct imapid_decode *decode,
                                          struct imapid_keylog *keylog, bool live, size_t n_memory,
                                          const struct imapid_record_sink *sink,
                                          void (*complain)(void *ctx, const char *message));
/* `file` must outlive the collector. */
bool imapid_collect_add(struct imapid_collect *collect, struct imapid_capture *capture,
                        const char *file, bool is_last);
void imapid_collect_free(struct imapid_collect *collect);

/* Reads a file for the secrets inside it alone (Decryption Secrets Blocks may stand behind the
 * packets they belong to). Errors are left to be found by whoever reads its packets. `on_progress`,
 * which may be NULL, as imapid_capture_on_progress() has it. False where the file was not read to
 * its end, as it is of no kind that has secrets. */
bool imapid_collect_secrets(const char *path, struct imapid_keylog *keylog,
                            void (*on_progress)(void *ctx, uint64_t place), void *ctx);

#endif
