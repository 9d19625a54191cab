/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extract.c: the records of all inputs, written down in the order of the inputs. Each input is read
 * by one thread; how many threads there are changes nothing but the time. */
#include "inputs.h"
#include "options.h"
#include "output.h"
#include "record/collect.h"

#include <string.h>

struct totals {
    guint64 n_captures, n_packets, n_conns, n_sessions, n_exchanges, n_not_decrypted, n_lost, n_cut,
        n_unknown_link;
};

struct run {
    const struct imapid_options *options;
    const GArray *inputs;
    struct imapid_writer_style style;
    struct imapid_output *output;
    GMutex mutex; /* guards what follows */
    gboolean failed;
    struct totals totals;
};

/* One input on its way. */
struct job {
    struct run *run;
    guint part;
    const struct imapid_input *input;
    struct imapid_capture *capture;
    GString *text;
    gboolean headed; /* the file's name was written */
};

static void complain(struct run *run, const char *message)
{
    g_mutex_lock(&run->mutex);
    run->failed = TRUE;
    g_printerr("imapid: %s\n", message);
    g_mutex_unlock(&run->mutex);
}

/* ---- the sink ---- */

static void begin_record(struct job *job)
{
    const struct imapid_writer *writer = job->run->options->writer;

    g_string_truncate(job->text, 0);
    if (!job->headed && writer->file)
        writer->file(job->text, &job->run->style, job->input->path);
    job->headed = TRUE;
}

static void end_record(struct job *job)
{
    imapid_output_add(job->run->output, job->part, job->text->str, job->text->len);
    if (imapid_output_is_closed(job->run->output))
        imapid_capture_stop(job->capture);
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct job *job = ctx;

    begin_record(job);
    job->run->options->writer->exchange(job->text, &job->run->style, exchange);
    end_record(job);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct job *job = ctx;

    if (!job->run->options->writer->session)
        return;
    begin_record(job);
    job->run->options->writer->session(job->text, &job->run->style, session);
    end_record(job);
}

static void add_totals(struct run *run, const struct imapid_record_capture *capture)
{
    struct totals *totals = &run->totals;

    g_mutex_lock(&run->mutex);
    totals->n_captures++;
    totals->n_packets += capture->n_packets;
    totals->n_conns += capture->n_conns;
    totals->n_sessions += capture->n_sessions;
    totals->n_exchanges += capture->n_exchanges;
    totals->n_not_decrypted += capture->n_not_decrypted;
    totals->n_lost += capture->n_lost;
    totals->n_cut += capture->n_cut;
    totals->n_unknown_link += capture->n_unknown_link;
    g_mutex_unlock(&run->mutex);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct job *job = ctx;

    if (!capture->format && job->input->found)
        return; /* some other file in a folder */
    add_totals(job->run, capture);
    if (!job->run->options->writer->capture)
        return;
    begin_record(job);
    job->run->options->writer->capture(job->text, &job->run->style, capture);
    end_record(job);
}

static void on_complaint(void *ctx, const char *message)
{
    struct job *job = ctx;

    if (imapid_capture_get_format(job->capture) || !job->input->found)
        complain(job->run, message);
}

/* ---- jobs ---- */

static void read_input(struct job *job)
{
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, job};
    const char *expression = job->run->options->filter;
    struct imapid_filter *filter = NULL;
    char *message = NULL;

    if (expression && !(filter = imapid_filter_new(expression, &message))) {
        complain(job->run, message);
        g_free(message);
        return;
    }
    job->capture = imapid_capture_open(job->input->path, &message);
    if (job->capture) {
        job->text = g_string_new(NULL);
        imapid_collect(job->capture, job->input->path, filter, &sink, on_complaint);
        imapid_capture_close(job->capture);
        g_string_free(job->text, TRUE);
    } else {
        complain(job->run, message);
        g_free(message);
    }
    imapid_filter_free(filter);
}

static void run_job(void *data, void *user_data)
{
    struct run *run = user_data;
    guint part = GPOINTER_TO_UINT(data) - 1;
    struct job job = {
        .run = run, .part = part, .input = &g_array_index(run->inputs, struct imapid_input, part)};

    if (!imapid_output_is_closed(run->output))
        read_input(&job);
    imapid_output_end(run->output, part);
}

static void run_jobs(struct run *run)
{
    guint n_jobs = MIN((guint)run->options->n_jobs, run->inputs->len);
    GThreadPool *pool =
        n_jobs > 1 ? g_thread_pool_new(run_job, run, (int)n_jobs, FALSE, NULL) : NULL;

    for (guint i = 0; i < run->inputs->len; i++)
        if (pool)
            g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
        else
            run_job(GUINT_TO_POINTER(i + 1), run);
    if (pool)
        g_thread_pool_free(pool, FALSE, TRUE);
}

#define N G_GUINT64_FORMAT

static void print_totals(const struct totals *totals)
{
    GString *text = g_string_new("imapid: ");

    g_string_append_printf(text,
                           "%" N " captures, %" N " packets, %" N " TCP connections, %" N
                           " IMAP sessions, %" N " ID exchanges",
                           totals->n_captures, totals->n_packets, totals->n_conns,
                           totals->n_sessions, totals->n_exchanges);
    if (totals->n_not_decrypted)
        g_string_append_printf(text, "; %" N " sessions not readable", totals->n_not_decrypted);
    if (totals->n_lost)
        g_string_append_printf(text, "; %" N " octets missing", totals->n_lost);
    if (totals->n_cut)
        g_string_append_printf(text, "; %" N " packets cut", totals->n_cut);
    if (totals->n_unknown_link)
        g_string_append_printf(text, "; %" N " packets of unknown link types",
                               totals->n_unknown_link);
    g_printerr("%s\n", text->str);
    g_string_free(text, TRUE);
}

static gboolean is_live(const GArray *inputs)
{
    for (guint i = 0; i < inputs->len; i++) {
        const char *path = g_array_index(inputs, struct imapid_input, i).path;

        if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return TRUE;
    }
    return FALSE;
}

enum imapid_exit imapid_extract(const struct imapid_options *options, const GArray *inputs)
{
    struct run run = {.options = options, .inputs = inputs};
    GString *head = g_string_new(NULL);
    gboolean live = is_live(inputs);
    gboolean closed;

    g_mutex_init(&run.mutex);
    /* Part 0 is due at once, so the head is written before any record. */
    run.output = imapid_output_open(options->write, inputs->len, live);
    if (!run.output) {
        g_string_free(head, TRUE);
        return IMAPID_EXIT_FAILED;
    }
    run.style = (struct imapid_writer_style){
        .colour = !options->write && g_log_writer_supports_color(1),
        .verbose = options->verbose,
        .many = inputs->len > 1,
    };
    if (options->writer->head)
        options->writer->head(head, &run.style);
    imapid_output_add(run.output, 0, head->str, head->len);
    g_string_free(head, TRUE);
    run_jobs(&run);
    closed = imapid_output_is_closed(run.output);
    run.failed |= !imapid_output_close(run.output);
    if (!options->quiet && !closed)
        print_totals(&run.totals);
    g_mutex_clear(&run.mutex);
    return run.failed ? IMAPID_EXIT_FAILED : IMAPID_EXIT_DONE;
}
