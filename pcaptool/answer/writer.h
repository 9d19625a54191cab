/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_ANSWER_WRITER_H
#define IMAPID_ANSWER_WRITER_H

#include "answer/items.h"
#include "terminal.h"

/* What the ways to write findings down are given. */
struct imapid_findings_report {
    const struct imapid_store_view *view;
    const struct imapid_items *items;
    const char *version;             /* of this program */
    const char *keylog;              /* the file that opens TLS; NULL: none, or several */
    struct imapid_terminal terminal; /* what it is written on */
    bool verbose;                    /* every place */
    enum imapid_severity show;       /* text: the least that is shown; what is below is counted */
    bool is_complete;                /* every input could be read whole */
    /* Takes what was written so far, so that it need not be kept; NULL: it is kept. */
    void (*put)(void *ctx, const char *text, size_t n);
    void *ctx;
};

/* For writers, between two findings: hands on what is in `out`, if that is worth while. */
void imapid_findings_pass_on(GString *out, const struct imapid_findings_report *report);

/* A way to write findings down. */
struct imapid_findings_writer {
    const char *name; /* as --format takes it */
    void (*write)(GString *out, const struct imapid_findings_report *report);
};

extern const struct imapid_findings_writer imapid_findings_text_writer;
extern const struct imapid_findings_writer imapid_findings_jsonl_writer;
extern const struct imapid_findings_writer imapid_findings_csv_writer;
extern const struct imapid_findings_writer imapid_findings_sarif_writer;

#endif
