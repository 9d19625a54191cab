/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_TOGETHER_H
#define IMAPID_ANSWER_TOGETHER_H

/* Calls task(ctx, i) for each i below n, in any order, on up to n_threads threads at the same time, of
 * which the calling one is one. Returns when all is done. */
void imapid_together_run(unsigned n_threads, unsigned n, void (*task)(void *ctx, unsigned i),
                         void *ctx);

#endif
