/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_METRICS_H
#define IMAPID_METRICS_H

#include "record/record.h"

/* Counts of what is read, in a file for Prometheus: its text format, as node_exporter's textfile collector takes
 * it. The file is replaced as a whole each time, and has a series of each input. */
struct imapid_metrics;

/* Begins to keep the file at `path`; there is nothing in it yet. A new one may be read by everybody. Called before there
 * are threads and before the process is confined. NULL with *message, to be freed, as imapid_newfile_open(). */
struct imapid_metrics *imapid_metrics_open(const char *path, char **message);

/* What was counted so far of a capture of this input, which stands in a label, as does the site of
 * `counts`, if there is one. `is_last`: nothing more comes of this
 * capture, and counts of the next one of the same input are added to these. Thread-safe. Returns NULL, or why
 * the file could not be replaced, to be freed; that is not returned twice in a row. */
char *imapid_metrics_set(struct imapid_metrics *metrics, const char *input,
                         const struct imapid_record_interval *counts, bool is_last);

/* The file stays. NULL is allowed. */
void imapid_metrics_free(struct imapid_metrics *metrics);

#endif
