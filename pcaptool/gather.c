/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.c: puts all records of all inputs into one store, for check, stats and report.
 *
 * The output is opened first: there is no use in reading for an hour and then failing to write.
 *
 * Which connections are chosen is decided here, when all records are there: they may come in any
 * order, and from several inputs.
 *
 * Refuses: nothing. Misuse: imapid_gather_put() after imapid_gather_write(), which closes the output. */
#include "gather.h"

#include "answer/partial.h"
#include "message.h"
#include "number.h"
#include "output.h"

static void on_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    (void)part;
    imapid_store_add_exchange(ctx, exchange);
}

static void on_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    (void)part;
    if (!session->not_imap) /* the answers are about IMAP */
        imapid_store_add_session(ctx, session);
}

static void on_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    (void)part;
    imapid_store_add_capture(ctx, capture);
}

static void on_continued(void *ctx, guint part, const struct imapid_record_continued *continued)
{
    (void)part;
    imapid_store_add_continued(ctx, continued);
}

gboolean imapid_gather(const struct imapid_options *options, const GArray *inputs,
                       struct imapid_gathered *gathered)
{
    struct imapid_job_user user = {.exchange = on_exchange,
                                   .session = on_session,
                                   .capture = on_capture,
                                   .any_order = TRUE,
                                   .continued = on_continued};

    *gathered = (struct imapid_gathered){.fold = options->folded};
    gathered->output = imapid_output_open(options->write, 1, IMAPID_OUTPUT_BUFFERED);
    if (!gathered->output)
        return FALSE;
    if (options->is_array)
        imapid_output_set_array(gathered->output);
    gathered->store = imapid_store_new();
    user.ctx = gathered->store;
    gathered->is_complete = imapid_run(options, inputs, &user, &gathered->totals);
    gathered->view = imapid_store_settle(gathered->store);
    if (options->chosen) {
        imapid_where_choose(options->chosen, gathered->store, &gathered->view);
        gathered->totals.n_all_conns = gathered->view.n_all_conns;
        gathered->totals.n_chosen = gathered->view.n_conns;
    }
    return TRUE;
}

void imapid_gather_free(struct imapid_gathered *gathered)
{
    imapid_store_free(gathered->store);
}

void imapid_gather_put(void *gathered, const char *text, size_t n)
{
    imapid_output_add(((struct imapid_gathered *)gathered)->output, 0, text, n);
}

static gboolean end(const struct imapid_options *options, struct imapid_gathered *gathered)
{
    gboolean good, closed;

    imapid_output_end(gathered->output, 0);
    closed = imapid_output_is_closed(gathered->output);
    good = imapid_output_close(gathered->output,
                               imapid_totals_has_answer(&gathered->totals, gathered->is_complete));
    gathered->output = NULL;
    if (!options->quiet && !closed) {
        imapid_totals_print(&gathered->totals, options->chosen, NULL, NULL);
        if (gathered->view.n_duplicates)
            imapid_message("%u record%s %s given more than once; such a one counts once",
                           gathered->view.n_duplicates,
                           imapid_number_s(gathered->view.n_duplicates),
                           imapid_number_was(gathered->view.n_duplicates));
    }
    return good;
}

gboolean imapid_gather_write(const struct imapid_options *options, struct imapid_gathered *gathered,
                             const GString *text)
{
    imapid_gather_put(gathered, text->str, text->len);
    return end(options, gathered);
}

enum imapid_exit imapid_gather_partial(const struct imapid_options *options, const GArray *inputs)
{
    const struct imapid_partial_unit unit = {options->plan_id, options->unit};
    struct imapid_gathered gathered;
    gboolean good;

    if (options->terminal.is_terminal) {
        imapid_message("a partial is not written to a terminal: --write FILE");
        return IMAPID_EXIT_FAILED;
    }
    if (!imapid_gather(options, inputs, &gathered))
        return IMAPID_EXIT_FAILED;
    imapid_partial_write(&gathered.view, gathered.is_complete, unit.plan ? &unit : NULL,
                         imapid_gather_put, &gathered);
    good = end(options, &gathered) && gathered.is_complete;
    imapid_gather_free(&gathered);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
