/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: reads all inputs, on as many threads as asked for, and gives their records to one user.
 * Each capture is read by one thread. The number of threads changes the time, never the records.
 *
 * Refuses a key for pseudonyms that cannot be used.
 *
 * Misuse: two runs at a time in one process. The signals and standard error are theirs together. */
#include "run.h"

#include "failure.h"
#include "message.h"
#include "opener.h"
#include "pieces.h"
#include "progress.h"
#include "sandbox.h"
#include "stop.h"

#include "capture/filter.h"
#include "capture/live.h"
#include "follow/terms.h"
#include "net/numbers.h"
#include "tls/kdf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The memory is shared by so many inputs at most, and no more are read at a time. Were it shared by
 * the threads there are, what is read of a capture would depend on them. */
#define N_SHARES 16u

/* Inputs that are read at a time, at most. Each live input needs a thread of its own, as it has no end. */
static guint count_at_a_time(const GArray *inputs)
{
    return MIN(MAX(N_SHARES, imapid_inputs_count_live(inputs) + 1), inputs->len);
}

gsize imapid_run_get_share(const struct imapid_options *options, const GArray *inputs)
{
    return options->n_memory / MAX(count_at_a_time(inputs), 1);
}

static void run_job(struct imapid_job_context *context, guint part)
{
    struct imapid_job job = {.context = context,
                             .part = part,
                             .input = &g_array_index(context->inputs, struct imapid_input, part)};

    if (!imapid_job_is_closed(context) && !imapid_stop_is_set())
        imapid_job_read(&job);
    imapid_job_end_progress(&job);
    if (context->user->end)
        context->user->end(context->user->ctx, part);
}

/* Takes one input after the other, as long as there are any. */
static void *run_jobs(void *data)
{
    struct imapid_job_context *context = data;
    guint part;

    while ((part = (guint)g_atomic_int_add(&context->next, 1)) < context->inputs->len)
        run_job(context, part);
    return NULL;
}

static void run_each(struct imapid_job_context *context)
{
    guint n_inputs = context->inputs->len, n_live = imapid_inputs_count_live(context->inputs);
    guint n_jobs = MIN(MAX((guint)context->options->n_jobs, n_live ? n_live + 1 : 1), n_inputs);
    GPtrArray *threads = g_ptr_array_new();

    context->n_at_a_time = count_at_a_time(context->inputs);
    n_jobs = MIN(n_jobs, context->n_at_a_time);
    context->n_threads = (guint)MAX(context->options->n_jobs, 1) / MAX(n_inputs, 1);
    for (guint i = 1; i < n_jobs; i++)
        g_ptr_array_add(threads, g_thread_new("job", run_jobs, context));
    run_jobs(context);
    for (guint i = 0; i < threads->len; i++)
        g_thread_join(threads->pdata[i]);
    g_ptr_array_free(threads, TRUE);
}

/* ---- what is opened before the first packet is read ---- */

static bool is_any_file(const GArray *inputs)
{
    guint n_interfaces = 0;

    for (guint i = 0; i < inputs->len; i++)
        n_interfaces += g_array_index(inputs, struct imapid_input, i).is_interface ? 1 : 0;
    return n_interfaces < inputs->len;
}

/* NULL with a message. */
static struct imapid_filter *make_filter(const char *expression, char **message)
{
    uint16_t types[256];
    size_t n = imapid_numbers_list_link_types(types, G_N_ELEMENTS(types));

    return imapid_filter_new(expression, types, n, message);
}

/* False where there are none. That one cannot be opened is told; then none is read. */
static bool open_interfaces(struct imapid_job_context *context)
{
    struct imapid_live_options live = context->options->live;
    char *message = NULL, *text;

    if (!context->options->interfaces)
        return false;
    live.wake = imapid_stop_get_fd();
    context->live = imapid_capture_open_interfaces(context->options->interfaces, &live, &message);
    if (message)
        imapid_job_complain(context, message);
    g_free(message);
    if (!context->live || context->options->quiet)
        return true;
    text = imapid_live_describe(context->live);
    imapid_message_lines(text);
    g_free(text);
    return true;
}

static void confine_opener(void)
{
    char *message = NULL;

    if (imapid_sandbox_enter(IMAPID_SANDBOX_OPENER, "/", &message))
        return;
    imapid_message("%s", message);
    _exit(1);
}

static void allow_inputs(const GArray *inputs)
{
    for (guint i = 0; i < inputs->len; i++) {
        const struct imapid_input *input = &g_array_index(inputs, struct imapid_input, i);

        if (input->is_folder)
            imapid_opener_allow_folder(input->path);
        else if (!input->is_interface && strcmp(input->path, "-"))
            imapid_opener_allow(input->path, input->found);
    }
}

/* What the user writes to, unless there is nothing to read. */
static bool open_user(const struct imapid_job_context *context, bool is_live, char **message)
{
    if ((!is_live || context->live) && context->user->open)
        *message = context->user->open(context->user->ctx);
    return !*message;
}

static bool forbid_sending(const struct imapid_job_context *context, char **message)
{
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));
    bool good;

    if (context->live)
        imapid_live_list_fds(context->live, fds);
    good = !fds->len ||
           imapid_sandbox_forbid_writing((const int *)(void *)fds->data, fds->len, message);
    g_array_unref(fds);
    return good;
}

/* From here on this process reads what strangers sent, and can do little else. */
static bool confine(const struct imapid_job_context *context, bool is_live, char **message)
{
    if (imapid_sandbox_is_disabled())
        return true;
    allow_inputs(context->inputs);
    imapid_kdf_init();
    if (!imapid_opener_start(confine_opener)) {
        *message = g_strdup_printf("no process can be started: %s", g_strerror(errno));
        return false;
    }
    return imapid_sandbox_drop_privileges(is_live, message) && forbid_sending(context, message) &&
           imapid_sandbox_enter(is_live ? IMAPID_SANDBOX_CAPTURER : IMAPID_SANDBOX_READER, NULL,
                                message);
}

static void read_all(struct imapid_job_context *context, bool is_live)
{
    const struct imapid_job_user *user = context->user;

    if (user->begin && (!is_live || context->live))
        user->begin(user->ctx);
    if (context->options->continuous)
        imapid_pieces_run(context);
    else
        run_each(context);
    if (user->finish)
        user->finish(user->ctx);
}

static void run_all(struct imapid_job_context *context)
{
    struct imapid_filter *filter = NULL;
    bool is_live;
    char *message = NULL;

    if (context->options->filter && is_any_file(context->inputs) &&
        !(filter = make_filter(context->options->filter, &message))) {
        imapid_job_complain(context, message);
        g_free(message);
        return;
    }
    context->filter = filter;
    is_live = open_interfaces(context);
    if (open_user(context, is_live, &message) && confine(context, is_live, &message))
        read_all(context, is_live);
    else
        imapid_job_complain(context, message);
    g_free(message);
    imapid_capture_close(context->live);
    imapid_opener_end();
    imapid_filter_free(filter);
}

gboolean imapid_run(const struct imapid_options *options, const GArray *inputs,
                    const struct imapid_job_user *user, struct imapid_totals *totals)
{
    struct imapid_job_context context = {
        .options = options, .inputs = inputs, .user = user, .totals = totals};
    char *message = NULL;

    *totals = (struct imapid_totals){.n_inputs = imapid_pieces_count(inputs)};
    if (options->redact && !(context.redact = imapid_redact_new(options->redact_key,
                                                                &imapid_follow_terms, &message))) {
        imapid_message("%s", message);
        g_free(message);
        return FALSE;
    }
    if (options->metrics && !(context.metrics = imapid_metrics_open(options->metrics, &message))) {
        imapid_message("%s", message);
        g_free(message);
        imapid_redact_free(context.redact);
        return FALSE;
    }
    g_mutex_init(&context.mutex);
    imapid_stop_install(user->reopen != NULL);
    context.progress = imapid_job_begin_progress(&context);
    run_all(&context);
    imapid_metrics_free(context.metrics);
    imapid_progress_free(context.progress);
    g_mutex_clear(&context.mutex);
    imapid_redact_free(context.redact);
    imapid_stop_release();
    totals->is_stopped = imapid_stop_is_set() && !imapid_inputs_count_live(inputs);
    return !context.failed && !totals->is_stopped;
}

int imapid_run_get_status(enum imapid_exit status)
{
    if (imapid_stop_is_set())
        return 128 + imapid_stop_get_signal();
    return status == IMAPID_EXIT_FAILED && imapid_failure_is_outside() ? IMAPID_EXIT_AGAIN
                                                                       : (int)status;
}
