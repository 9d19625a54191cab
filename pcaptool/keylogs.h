/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_KEYLOGS_H
#define IMAPID_KEYLOGS_H

#include "options.h"

enum imapid_keylogs {
    IMAPID_KEYLOGS_READ,
    IMAPID_KEYLOGS_EMPTY, /* one that was named holds no secret, or more than there is memory for: the rest can be
                             done, but is not what was asked for */
    IMAPID_KEYLOGS_FAILED /* one that was named cannot be read */
};

/* Reads the key logs that were named into options->keylog, which it makes; where none was named,
 * the one that SSLKEYLOGFILE names, if there is one. What is wrong is said on standard error.
 * `may_grow`: an empty one is good, more may be written while packets come. */
enum imapid_keylogs imapid_keylogs_read(struct imapid_options *options, bool may_grow);

/* Says how many sessions had to give way since this was said last. Returns whether any. */
bool imapid_keylogs_tell_gave_way(const struct imapid_options *options);

/* The only key log that was named, there or here; NULL: there is none, or Wireshark, which takes one, would lack
 * the others. Good as long as the options. */
const char *imapid_keylogs_name(const struct imapid_options *options);

#endif
