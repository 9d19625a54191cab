/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ARGUMENTS_H
#define IMAPID_ARGUMENTS_H

#include <glib.h>

/* The command line as GLib's parser takes it: "-j4", "-qTjsonl" become "-j" "4", "-q" "-T" "jsonl".
 * What is no such option, and everything behind "--", stays. Free with g_strfreev(). */
char **imapid_arguments_split(char *const *argv, const GOptionEntry *entries);

#endif
