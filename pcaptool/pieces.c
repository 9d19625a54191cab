/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pieces.c: reads inputs that are consecutive pieces of one capture (--continuous), in the order
 * of the times of their first packets.
 *
 * Refuses pipes, interfaces and more than one folder that is followed: their first packets cannot
 * be looked at before they are read.
 *
 * Misuse: pieces that overlap, or of two captures. Packets are read in the order of the files,
 * whatever their times. */
#include "pieces.h"

#include "series.h"
#include "stop.h"

#include "capture/ahead.h"
#include "follow/collect.h"

#include <stdlib.h>

struct piece {
    const struct imapid_input *input;
    guint index;       /* as given */
    int64_t first;     /* time of its first packet; INT64_MAX: it has none */
    guint64 n_scanned; /* as of a job */
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *one = a, *other = b;

    if (one->first != other->first)
        return one->first < other->first ? -1 : 1;
    return one->index < other->index ? -1 : 1;
}

/* False: there is no such file. What else cannot be read is told when the piece is read. */
static gboolean find_first_time(struct imapid_job_context *context, struct piece *piece)
{
    char *message = NULL;
    struct imapid_capture *capture = imapid_capture_open(piece->input->path, &message);
    struct imapid_packet packet;

    if (!capture) {
        imapid_job_complain(context, message);
        g_free(message);
        return FALSE;
    }
    piece->first = imapid_capture_next_timed(capture, &packet) == IMAPID_CAPTURE_PACKET
                       ? packet.ts_ns
                       : INT64_MAX;
    imapid_capture_close(capture);
    return TRUE;
}

guint imapid_pieces_count(const GArray *inputs)
{
    guint n = 0;

    while (n < inputs->len && !g_array_index(inputs, struct imapid_input, n).begins)
        n++;
    return n;
}

static struct piece *order_pieces(struct imapid_job_context *context, guint *n)
{
    guint n_inputs = imapid_pieces_count(context->inputs);
    struct piece *pieces = g_new0(struct piece, n_inputs + 1);

    *n = 0;
    for (guint i = 0; i < n_inputs; i++) {
        struct piece *piece = &pieces[*n];

        piece->input = &g_array_index(context->inputs, struct imapid_input, i);
        piece->index = i;
        *n += find_first_time(context, piece) ? 1 : 0;
    }
    qsort(pieces, *n, sizeof *pieces, compare_pieces);
    return pieces;
}

/* False: it cannot be opened, and that was said. To be closed with close_capture() either way. */
static bool open_capture(struct imapid_job *job)
{
    char *message = NULL;

    job->capture = imapid_capture_open(job->input->path, &message);
    if (!job->capture) {
        imapid_job_complain(job->context, message);
        g_free(message);
        return false;
    }
    job->capture = imapid_ahead_new(job->capture, job->context->options->n_jobs);
    imapid_job_watch_capture(job);
    return true;
}

static void close_capture(struct imapid_job *job)
{
    imapid_capture_close(job->capture);
    job->capture = NULL;
}

static void add_piece(struct imapid_job *job, struct imapid_collect *collect, bool is_last)
{
    if (open_capture(job)) {
        imapid_collect_read(collect, job->capture, job->input->path);
        imapid_job_check_end(job, collect);
        imapid_collect_tell(collect, job->capture, job->input->path,
                            is_last || imapid_stop_is_set());
    }
    close_capture(job);
}

/* False: there is nothing to be read on for. */
static bool read_on(struct imapid_job *job, struct imapid_collect *collect,
                    struct imapid_keylog *keylog)
{
    bool is_open;

    (void)imapid_job_read_secrets(job, keylog, job->context->options->n_jobs);
    is_open = open_capture(job) &&
              imapid_collect_read_on(collect, job->capture, job->input->path, job->input->begins);
    close_capture(job);
    return is_open;
}

/* Behind the section, whose last piece was `job`'s. */
static void end_section(struct imapid_job *job, struct imapid_collect *collect,
                        struct imapid_keylog *keylog)
{
    const GArray *inputs = job->context->inputs;
    const struct imapid_input *last = job->input;
    bool is_open = true;

    imapid_collect_end_section(collect);
    for (guint i = imapid_pieces_count(inputs);
         i < inputs->len && is_open && !imapid_job_is_closed(job->context); i++) {
        job->input = &g_array_index(inputs, struct imapid_input, i);
        job->n_scanned = 0;
        is_open = read_on(job, collect, keylog);
    }
    job->input = last;
}

static void read_pieces(struct imapid_job_context *context, struct piece *pieces, guint n)
{
    struct imapid_job job = {.context = context};
    struct imapid_keylog *keylog =
        imapid_keylog_new_over(context->options->keylog, imapid_job_get_share(context));
    bool is_all = imapid_pieces_count(context->inputs) == context->inputs->len;
    struct imapid_collect *collect;
    struct imapid_job_sinks sinks;

    imapid_job_init_sinks(&sinks, &job);
    for (guint i = 0; i < n; i++) {
        struct imapid_job scan = {.context = context, .input = pieces[i].input};

        pieces[i].n_scanned = imapid_job_read_secrets(&scan, keylog, context->options->n_jobs);
    }
    collect = imapid_collect_new(context->filter, &context->options->decode, keylog, false,
                                 imapid_job_get_share(context), &sinks.first, sinks.complain);
    imapid_job_watch_packets(context, collect);
    for (job.part = 0; job.part < n; job.part++) {
        job.input = pieces[job.part].input;
        job.n_octets = job.n_scanned = pieces[job.part].n_scanned;
        if (!imapid_job_is_closed(context) && !imapid_stop_is_set())
            add_piece(&job, collect, is_all && job.part + 1 == n);
        if (!is_all && job.part + 1 == n && !imapid_stop_is_set()) {
            end_section(&job, collect, keylog);
            imapid_collect_finish(collect);
        }
        imapid_job_end_progress(&job);
        if (context->user->end)
            context->user->end(context->user->ctx, job.part);
    }
    imapid_collect_free(collect);
    imapid_job_end_sinks(&sinks);
    imapid_keylog_free(keylog);
}

/* The pieces of a folder that fills. */
static void read_series(struct imapid_job_context *context)
{
    const struct imapid_input *folder = &g_array_index(context->inputs, struct imapid_input, 0);
    struct imapid_job job = {.context = context};
    struct imapid_keylog *keylog =
        imapid_keylog_new_over(context->options->keylog, imapid_job_get_share(context));
    struct imapid_job_sinks sinks;

    imapid_job_init_sinks(&sinks, &job);
    job.begun_us = g_get_monotonic_time();
    job.series = imapid_series_new(folder->path, context->options->write);
    job.collect = imapid_collect_new(context->filter, &context->options->decode, keylog, true,
                                     imapid_job_get_share(context), &sinks.first, sinks.complain);
    while (!imapid_job_is_closed(context) && (job.input = imapid_series_next(job.series))) {
        struct imapid_source *source = imapid_job_open(&job);

        if (!source)
            continue;
        imapid_job_open_capture(&job, source);
        imapid_job_watch_capture(&job);
        imapid_collect_read(job.collect, job.capture, job.input->path);
        imapid_collect_tell(job.collect, job.capture, job.input->path,
                            imapid_stop_is_set() || imapid_job_is_closed(context));
        g_clear_pointer(&job.capture, imapid_capture_close);
    }
    imapid_collect_free(job.collect);
    imapid_job_end_sinks(&sinks);
    imapid_series_free(job.series);
    imapid_keylog_free(keylog);
    if (context->user->end)
        context->user->end(context->user->ctx, 0);
}

static bool is_one_folder(const GArray *inputs)
{
    return inputs->len == 1 && g_array_index(inputs, struct imapid_input, 0).is_folder;
}

void imapid_pieces_run(struct imapid_job_context *context)
{
    struct piece *pieces;
    guint n;

    if (imapid_inputs_count_live(context->inputs) && !is_one_folder(context->inputs)) {
        imapid_job_complain(context, context->options->follow
                                         ? "--continuous with --follow takes one folder"
                                         : "--continuous takes files and folders");
        return;
    }
    if (is_one_folder(context->inputs)) {
        read_series(context);
        return;
    }
    pieces = order_pieces(context, &n);
    read_pieces(context, pieces, n);
    for (; context->user->end && n < context->inputs->len; n++)
        context->user->end(context->user->ctx, n);
    g_free(pieces);
}
