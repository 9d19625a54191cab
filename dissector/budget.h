/* SPDX-License-Identifier: GPL-2.0-or-later */
/* budget.h: what is kept of connections until the capture is closed. A stranger decides how much that
 * would be, so all of them share one budget, and the one that keeps most gives way. */
#ifndef IMAPID_DISSECTOR_BUDGET_H
#define IMAPID_DISSECTOR_BUDGET_H

#include <epan/prefs.h>

#include "ws-compat.h"

struct imapid_kept;

/* What one connection keeps. Set `owner`, zero the rest; it must not move. */
struct imapid_share {
    void *owner;
    size_t n;                 /* octets */
    struct imapid_kept *kept; /* all that was allocated, the newest first; file scope */
    GList link;               /* in the queue of those of its size */
};

void imapid_budget_register(module_t *preferences);

/* Memory in file scope that counts to a share: n octets, zeroed, or a copy of `data`. Never NULL. Good
 * until the share is freed. */
void *imapid_budget_alloc(struct imapid_share *share, size_t n);
void *imapid_budget_copy(struct imapid_share *share, const void *data, size_t n);

/* Of what its owner allocates and frees itself a share has `now` octets, where it had `before`. */
void imapid_budget_count(struct imapid_share *share, size_t before, size_t now);

/* Frees all that was allocated for a share, and forgets the share. */
void imapid_budget_free(struct imapid_share *share);

/* The owner of the share that has most, to within half of it, where all together have more than they
 * may; else NULL. */
void *imapid_budget_find_excess(void);

#endif
