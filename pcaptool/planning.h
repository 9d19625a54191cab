/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_PLANNING_H
#define IMAPID_PLANNING_H

#include "options.h"

/* Writes the plan of the inputs (-w), see plan.h. What is no regular file is refused. */
enum imapid_exit imapid_planning_run(const struct imapid_options *options, const GArray *inputs);

#endif
