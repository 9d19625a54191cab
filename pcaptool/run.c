/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: reads all inputs, on as many threads as asked for, and gives their records to one user.
 * Each capture is read by one thread. The number of threads changes the time, never the records.
 *
 * Refuses a key for pseudonyms that cannot be used.
 *
 * Misuse: two runs at a time in one process. The signals and standard error are theirs together. */
#include "run.h"

#include "message.h"
#include "pieces.h"
#include "progress.h"
#include "stop.h"

#include "follow/terms.h"

/* The memory is shared by so many inputs at most, and no more are read at a time. Were it shared by
 * the threads there are, what is read of a capture would depend on them. */
#define N_SHARES 16u

static void run_job(void *data, void *user_data)
{
    struct imapid_job_context *context = user_data;
    guint part = GPOINTER_TO_UINT(data) - 1;
    struct imapid_job job = {.context = context,
                             .part = part,
                             .input = &g_array_index(context->inputs, struct imapid_input, part)};

    if (!imapid_job_is_closed(context) && !imapid_stop_is_set())
        imapid_job_read(&job);
    imapid_job_end_progress(&job);
    if (context->user->end)
        context->user->end(context->user->ctx, part);
}

static void run_each(struct imapid_job_context *context)
{
    guint n_inputs = context->inputs->len, n_live = imapid_inputs_count_live(context->inputs);
    /* Each live input needs a thread of its own, as it has no end. */
    guint n_jobs = MIN(MAX((guint)context->options->n_jobs, n_live ? n_live + 1 : 1), n_inputs);
    GThreadPool *pool;

    context->n_at_a_time = MIN(MAX(N_SHARES, n_live + 1), n_inputs);
    n_jobs = MIN(n_jobs, context->n_at_a_time);
    pool = n_jobs > 1 ? g_thread_pool_new(run_job, context, (int)n_jobs, FALSE, NULL) : NULL;

    context->n_threads = (guint)MAX(context->options->n_jobs, 1) / MAX(n_inputs, 1);
    for (guint i = 0; i < n_inputs; i++)
        if (pool)
            g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
        else
            run_job(GUINT_TO_POINTER(i + 1), context);
    if (pool)
        g_thread_pool_free(pool, FALSE, TRUE);
}

gboolean imapid_run(const struct imapid_options *options, const GArray *inputs,
                    const struct imapid_job_user *user, struct imapid_totals *totals)
{
    struct imapid_job_context context = {
        .options = options, .inputs = inputs, .user = user, .totals = totals};
    char *message = NULL;

    *totals = (struct imapid_totals){.n_inputs = inputs->len};
    if (options->redact && !(context.redact = imapid_redact_new(options->redact_key,
                                                                &imapid_follow_terms, &message))) {
        imapid_message("%s", message);
        g_free(message);
        return FALSE;
    }
    g_mutex_init(&context.mutex);
    imapid_stop_install();
    context.progress = imapid_job_begin_progress(&context);
    if (options->continuous)
        imapid_pieces_run(&context);
    else
        run_each(&context);
    imapid_progress_free(context.progress);
    g_mutex_clear(&context.mutex);
    imapid_redact_free(context.redact);
    imapid_stop_release();
    totals->is_stopped = imapid_stop_is_set() && !imapid_inputs_count_live(inputs);
    return !context.failed && !totals->is_stopped;
}
