/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gather.c: all records of all inputs, for the commands that answer when everything was read. */
#include "gather.h"

#include "message.h"
#include "output.h"

static void on_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    (void)part;
    imapid_store_add_exchange(ctx, exchange);
}

static void on_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    (void)part;
    imapid_store_add_session(ctx, session);
}

static void on_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    (void)part;
    imapid_store_add_capture(ctx, capture);
}

gboolean imapid_gather(const struct imapid_options *options, const GArray *inputs,
                       struct imapid_gathered *gathered)
{
    struct imapid_job_user user = {
        .exchange = on_exchange, .session = on_session, .capture = on_capture};
    char *message = NULL;

    *gathered = (struct imapid_gathered){.fold = imapid_fold_new()};
    if (options->fold && !imapid_fold_read(gathered->fold, options->fold, &message)) {
        imapid_message("%s", message);
        g_free(message);
        imapid_fold_free(gathered->fold);
        return FALSE;
    }
    gathered->store = imapid_store_new();
    user.ctx = gathered->store;
    gathered->is_complete = imapid_run(options, inputs, &user, &gathered->totals);
    gathered->view = imapid_store_settle(gathered->store);
    return TRUE;
}

void imapid_gather_free(struct imapid_gathered *gathered)
{
    imapid_store_free(gathered->store);
    imapid_fold_free(gathered->fold);
}

gboolean imapid_gather_write(const struct imapid_options *options,
                             const struct imapid_gathered *gathered, const GString *text)
{
    struct imapid_output *output = imapid_gather_open(options);

    if (!output)
        return FALSE;
    imapid_gather_put(output, text->str, text->len);
    return imapid_gather_close(options, gathered, output);
}

struct imapid_output *imapid_gather_open(const struct imapid_options *options)
{
    return imapid_output_open(options->write, 1, IMAPID_OUTPUT_BUFFERED);
}

void imapid_gather_put(void *output, const char *text, size_t n)
{
    imapid_output_add(output, 0, text, n);
}

gboolean imapid_gather_close(const struct imapid_options *options,
                             const struct imapid_gathered *gathered, struct imapid_output *output)
{
    gboolean good, closed;

    imapid_output_end(output, 0);
    closed = imapid_output_is_closed(output);
    good = imapid_output_close(output);
    if (!options->quiet && !closed) {
        imapid_totals_print(&gathered->totals);
        if (gathered->view.n_duplicates)
            imapid_message("%u records came more than once and are counted once",
                           gathered->view.n_duplicates);
    }
    return good;
}
