/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_WRITER_H
#define IMAPID_RECORD_WRITER_H

#include "record/record.h"
#include "terminal.h"

struct imapid_writer_style {
    struct imapid_terminal terminal; /* what it is written on */
    bool verbose;                    /* every pair */
    bool many;                       /* more than one capture: records say which one they are of */
};

/* What a run wrote. */
struct imapid_writer_end {
    uint64_t n_inputs, n_records;
    bool is_choice; /* of the connections only some were asked for */
    uint64_t n_conns, n_chosen;
    const char *plan; /* NULL: there is none, and the next three mean nothing */
    unsigned unit;
    uint64_t n_octets; /* of the lines before this one */
    bool is_whole;     /* all of its captures could be read whole */
};

/* A way to write records down. Writers have no state: each function appends what one record reads
 * like to `out`. A run is `head`, then for each capture that has something to tell `file` and its
 * records. NULL members are left out. */
struct imapid_writer {
    const char *name; /* as --format takes it */
    const char *what; /* for --help */
    void (*head)(GString *out, const struct imapid_writer_style *style);
    void (*file)(GString *out, const struct imapid_writer_style *style, const char *file);
    void (*exchange)(GString *out, const struct imapid_writer_style *style,
                     const struct imapid_record_exchange *exchange);
    void (*session)(GString *out, const struct imapid_writer_style *style,
                    const struct imapid_record_session *session);
    void (*capture)(GString *out, const struct imapid_writer_style *style,
                    const struct imapid_record_capture *capture);
    void (*interval)(GString *out, const struct imapid_record_interval *interval);
    void (*continued)(GString *out, const struct imapid_record_continued *continued);
    void (*end)(GString *out, const struct imapid_writer_end *end); /* of the run */
};

extern const struct imapid_writer imapid_jsonl_writer;
extern const struct imapid_writer imapid_csv_writer;
extern const struct imapid_writer imapid_tsv_writer;

/* The writer of that name, NULL where there is none. */
const struct imapid_writer *imapid_writer_find(const char *name);

#endif
