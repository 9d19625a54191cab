/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: the command report. It writes one HTML page about all inputs.
 *
 * When an input could not be read whole, the page says so, and the exit status is 2.
 *
 * Refuses: nothing of its own. Misuse: taking the page for whole when the status is 2. */
#include "answer/page.h"
#include "gather.h"

#include <string.h>

enum imapid_exit imapid_report(const struct imapid_options *options, const GArray *inputs)
{
    struct imapid_gathered gathered;
    GString *text;
    gboolean good;

    if (!strcmp(options->format, "partial"))
        return imapid_gather_partial(options, inputs);
    if (!imapid_gather(options, inputs, &gathered))
        return IMAPID_EXIT_FAILED;
    text = g_string_new(NULL);
    imapid_page_write(text, &(struct imapid_page){
                                .view = &gathered.view,
                                .fold = gathered.fold,
                                .version = IMAPID_VERSION,
                                .is_complete = gathered.is_complete,
                                .is_redacted = options->redact,
                                .clock = options->terminal.clock,
                                .n_threads = (unsigned)options->n_jobs,
                            });
    good = imapid_gather_write(options, &gathered, text) && gathered.is_complete;
    g_string_free(text, TRUE);
    imapid_gather_free(&gathered);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
