/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SHARD_H
#define IMAPID_SHARD_H

#include "options.h"

/* A share of a plan's work, done, and what is done of all. */

/* extract --plan --shard --out: each unit of the share that is not done yet by a process of its own, which
 * writes its records, whole or not at all. The status is the gravest of all units, those done before
 * included. */
enum imapid_exit imapid_shard_run(const struct imapid_options *options);

/* DONE where every unit of the plan (--plan) is done in the folder. Says what is not. */
enum imapid_exit imapid_shard_check(const struct imapid_options *options, const char *folder);

/* Adds the partials of the plan's units in the folder. */
void imapid_shard_add(const struct imapid_options *options, GArray *inputs, const char *folder);

#endif
