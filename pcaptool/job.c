/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job.c: reads one input and gives its records to the user of the run. A job is done by one
 * thread; the context is shared by all jobs of a run.
 *
 *     input -> what is it? -> capture    -> collect   \
 *                          -> JSON Lines -> read back  -> (redact) -> user
 *                          -> partial    /
 *
 * Refuses an input that is none of them. In a folder such a file is passed over without a message,
 * unless its name is that of a capture.
 *
 * Misuse: touching `failed` or `totals` of the context without its mutex. */
#include "job.h"

#include "failure.h"
#include "message.h"
#include "number.h"
#include "progress.h"
#include "series.h"
#include "stop.h"

#include "answer/partial.h"
#include "capture/ahead.h"
#include "capture/live.h"
#include "follow/collect.h"
#include "follow/terms.h"
#include "record/read-jsonl.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define N G_GUINT64_FORMAT

static void tell(struct imapid_job_context *context, const char *message, gboolean failed)
{
    g_mutex_lock(&context->mutex);
    context->failed |= failed;
    imapid_progress_clear(context->progress);
    imapid_message("%s", message);
    g_mutex_unlock(&context->mutex);
}

void imapid_job_complain(struct imapid_job_context *context, const char *message)
{
    tell(context, message, TRUE);
}

/* ---- progress ---- */

static gboolean wants_progress(const struct imapid_job_context *context)
{
    if (context->options->show_progress != IMAPID_WHEN_AUTO)
        return context->options->show_progress == IMAPID_WHEN_ALWAYS;
    return isatty(STDERR_FILENO) && !context->user->is_terminal && !context->options->quiet;
}

/* 0 where there is no telling. */
static guint64 get_size(const struct imapid_input *input)
{
    GStatBuf st;

    if (input->is_interface || !strcmp(input->path, "-") || g_stat(input->path, &st) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? (guint64)st.st_size : 0;
}

struct imapid_progress *imapid_job_begin_progress(const struct imapid_job_context *context)
{
    guint64 n_octets = 0;

    if (!wants_progress(context))
        return NULL;
    if (!imapid_inputs_count_live(context->inputs))
        for (guint i = 0; i < context->inputs->len; i++)
            n_octets += get_size(&g_array_index(context->inputs, struct imapid_input, i));
    return imapid_progress_new(context->inputs->len, n_octets);
}

static void tell_progress(struct imapid_job *job, guint64 place)
{
    guint64 n_more = place > job->n_octets ? place - job->n_octets : 0;

    job->n_octets += n_more;
    imapid_progress_add(job->context->progress, n_more, 0, 0);
}

/* An interface sees itself that a signal came, and gives first what it has. */
static bool is_to_stop(const struct imapid_job *job)
{
    return imapid_stop_is_set() && !job->input->is_interface;
}

/* A file that is read twice counts by halves. */
static bool on_scan_progress(void *ctx, uint64_t place)
{
    struct imapid_job *job = ctx;

    if (job->context->progress)
        tell_progress(job, place / 2);
    return !is_to_stop(job);
}

/* Takes the secrets of a file. Returns how much of it that is of all the reading to be done. */
guint64 imapid_job_read_secrets(struct imapid_job *job, struct imapid_keylog *keylog,
                                guint n_threads)
{
    if (!imapid_collect_secrets(job->input->path, keylog, n_threads, on_scan_progress, job) ||
        !job->context->progress)
        return 0;
    on_scan_progress(job, get_size(job->input));
    return job->n_octets;
}

/* What is worth knowing and no failure. What an interface drops is told as it happens; a file may say anything. */
static void tell_notice(struct imapid_job *job, const char *message)
{
    char *last;

    if (job->input->is_interface || ++job->n_notices < IMAPID_COMPLAINTS_MAX) {
        tell(job->context, message, FALSE);
    } else if (job->n_notices == IMAPID_COMPLAINTS_MAX) {
        last = g_strconcat(message, " (further notices are not reported)", NULL);
        tell(job->context, last, FALSE);
        g_free(last);
    }
}

static void on_note(void *ctx, const char *message)
{
    tell_notice(ctx, message);
}

/* At once, and for who reads the records as well: they have the sum. */
static void on_drops(void *ctx, const char *where, uint64_t n)
{
    struct imapid_job *job = ctx;
    uint64_t n_all = imapid_capture_get_counts(job->capture)->n_drops;
    char *message =
        g_strdup_printf("notice: %s: %" G_GUINT64_FORMAT
                        " packet%s %s dropped before being read; %" G_GUINT64_FORMAT " so far",
                        where, n, imapid_number_s(n), imapid_number_was(n), n_all);

    tell_notice(job, message);
    g_free(message);
    if (job->collect)
        imapid_collect_drops(job->collect);
}

/* ---- what is asked for while it runs ---- */

static const char *get_name(const struct imapid_job *job)
{
    return job->name ? job->name : job->input->path;
}

static void spell_counts(struct imapid_job *job, const struct imapid_record_interval *counts)
{
    char *message = g_strdup_printf(
        "%s: so far %" N " packet%s, %" N " TCP connection%s, %" N " IMAP session%s, %" N
        " ID exchange%s; %" N " session%s not decrypted, %" N " octet%s missing, %" N
        " packet%s dropped; %" N " KiB kept of connections",
        get_name(job), counts->n_packets, imapid_number_s(counts->n_packets), counts->n_conns,
        imapid_number_s(counts->n_conns), counts->n_sessions, imapid_number_s(counts->n_sessions),
        counts->n_exchanges, imapid_number_s(counts->n_exchanges), counts->n_not_decrypted,
        imapid_number_s(counts->n_not_decrypted), counts->n_lost, imapid_number_s(counts->n_lost),
        counts->n_drops, imapid_number_s(counts->n_drops), counts->n_kept >> 10);
    tell(job->context, message, FALSE);
    g_free(message);
}

/* False where there is nothing to count. */
static bool count(const struct imapid_job *job, struct imapid_record_interval *counts)
{
    struct rusage usage = {.ru_maxrss = 0};

    if (!job->collect || !job->capture)
        return false;
    *counts =
        (struct imapid_record_interval){.ts_ns = g_get_real_time() * 1000,
                                        .took_ns = (g_get_monotonic_time() - job->begun_us) * 1000};
    imapid_collect_count(job->collect, job->capture, counts);
    getrusage(RUSAGE_SELF, &usage);
    counts->n_peak = (uint64_t)usage.ru_maxrss << 10;
    return true;
}

/* As it is told: NULL, or a pseudonym, to be freed. */
static char *hide(const struct imapid_job *job, const char *file)
{
    return job->context->redact ? imapid_redact_file(job->context->redact, file) : NULL;
}

/* What --site says, as it is told; to be freed. NULL: nothing. */
static char *spell_site(const struct imapid_job *job)
{
    const char *site = job->context->options->site;

    return job->context->redact ? imapid_redact_site(job->context->redact, site) : g_strdup(site);
}

/* As a record, or for a person. */
static void tell_counts(struct imapid_job *job, gboolean is_record)
{
    const struct imapid_job_user *user = job->context->user;
    struct imapid_record_interval counts;
    char *file, *site;

    if (!count(job, &counts))
        return;
    if (!is_record || !user->interval) {
        spell_counts(job, &counts);
        return;
    }
    file = hide(job, get_name(job));
    site = spell_site(job);
    counts.file = file ? file : get_name(job);
    counts.site = site;
    user->interval(user->ctx, job->part, &counts);
    g_free(site);
    g_free(file);
}

/* The label is the same in each run: what was named, not what became of it. */
static void keep_metrics(struct imapid_job *job, bool is_last)
{
    const struct imapid_job_context *context = job->context;
    const char *input = g_array_index(context->inputs, struct imapid_input, job->part).path;
    struct imapid_record_interval counts;
    char *label, *site, *message;

    if (!context->metrics || !count(job, &counts))
        return;
    label = hide(job, input);
    site = spell_site(job);
    counts.site = site;
    message = imapid_metrics_set(context->metrics, label ? label : input, &counts, is_last);
    if (message)
        tell(job->context, message, FALSE);
    g_free(message);
    g_free(site);
    g_free(label);
}

static void tell_interval(struct imapid_job *job)
{
    guint64 n_seconds = job->context->options->n_interval, n;

    if (!n_seconds || !job->begun_us)
        return;
    n = (guint64)((g_get_monotonic_time() - job->begun_us) / G_USEC_PER_SEC) / n_seconds;
    if (n == job->n_intervals)
        return;
    job->n_intervals = n;
    if (job->context->options->interval)
        tell_counts(job, TRUE);
    keep_metrics(job, false);
}

/* Of several jobs one has the output opened anew. */
static void reopen(struct imapid_job_context *context)
{
    gint n = imapid_stop_count_reopen(), n_before = g_atomic_int_get(&context->n_reopened);

    if (n != n_before && context->user->reopen &&
        g_atomic_int_compare_and_exchange(&context->n_reopened, n_before, n))
        context->user->reopen(context->user->ctx);
}

static void heed_signals(struct imapid_job *job)
{
    gint n_asked = imapid_stop_count_asked();

    reopen(job->context);
    if (job->context->user->tick)
        job->context->user->tick(job->context->user->ctx);
    tell_interval(job);
    if (n_asked == job->n_asked)
        return;
    job->n_asked = n_asked;
    tell_counts(job, FALSE);
}

/* ---- the end of it ---- */

gboolean imapid_job_is_closed(const struct imapid_job_context *context)
{
    return context->user->is_closed && context->user->is_closed(context->user->ctx);
}

static void stop_job(void *ctx)
{
    struct imapid_job *job = ctx;

    if (job->capture)
        imapid_capture_stop(job->capture);
    if (job->reader)
        g_atomic_int_set(&job->reader->stop, 1);
    if (job->partial)
        g_atomic_int_set(&job->partial->stop, 1);
}

/* A capture's records may come from a thread that reads it ahead: then it is seen with the next packets. */
static void stop_if_closed(struct imapid_job *job)
{
    if (job->capture && job->reads != g_thread_self())
        return;
    if (imapid_job_is_closed(job->context) || is_to_stop(job))
        stop_job(job);
}

/* Nothing comes: secrets may have come, and sessions may be over. So may be the output: a database knows of its
 * failure only when it is written. */
static void on_idle(void *ctx)
{
    struct imapid_job *job = ctx;

    heed_signals(job);
    stop_if_closed(job);
    if (job->collect)
        imapid_collect_idle(job->collect);
}

/* Called every so many packets: where none has a record in it, it is here that the wish to end is
 * seen. */
static void on_progress(void *ctx, uint64_t place)
{
    struct imapid_job *job = ctx;

    if (job->context->progress)
        tell_progress(job, job->n_scanned ? job->n_scanned + place / 2 : place);
    heed_signals(job);
    stop_if_closed(job);
}

void imapid_job_watch_capture(struct imapid_job *job)
{
    job->n_notices = 0;
    imapid_capture_on_note(job->capture, on_note, job);
    imapid_capture_on_idle(job->capture, on_idle, job);
    imapid_capture_on_drops(job->capture, on_drops, job);
    imapid_capture_on_progress(job->capture, on_progress, job);
}

void imapid_job_watch_packets(const struct imapid_job_context *context,
                              struct imapid_collect *collect)
{
    if (context->user->packet)
        imapid_collect_on_packet(collect, context->user->packet, context->user->ctx);
    if (context->user->secrets)
        imapid_collect_on_secrets(collect, context->user->secrets, context->user->ctx);
}

void imapid_job_check_end(const struct imapid_job *job, struct imapid_collect *collect)
{
    if (imapid_stop_is_set() && imapid_capture_is_stopped(job->capture))
        imapid_collect_interrupt(collect, job->capture, job->input->path);
}

/* A file counts whole when it is finished, whatever of it was of use. */
void imapid_job_end_progress(struct imapid_job *job)
{
    if (job->context->progress)
        tell_progress(job, get_size(job->input));
    imapid_progress_add(job->context->progress, 0, 1, 0);
    job->n_octets = 0;
}

/* ---- the sink ---- */

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct imapid_job *job = ctx;

    job->context->user->exchange(job->context->user->ctx, job->part, exchange);
    imapid_progress_add(job->context->progress, 0, 0, 1);
    stop_if_closed(job);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct imapid_job *job = ctx;

    job->context->user->session(job->context->user->ctx, job->part, session);
    stop_if_closed(job);
}

/* Is it called a capture? One whose first octets are damaged still is. */
static bool has_name_of_capture(const char *path)
{
    static const char *const endings[] = {".pcap", ".pcapng", ".cap", ".ntar", ".dmp"};
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        const char *at = strstr(name, endings[i]);
        const char *rest = at ? at + strlen(endings[i]) : NULL;

        /* "a.pcap.gz", "a.pcap3" of tcpdump's -C. */
        if (rest && (!*rest || *rest == '.' || g_ascii_isdigit(*rest)))
            return true;
    }
    return false;
}

/* Some other file, which a folder that was walked happens to hold? An archive is none: it may hold
 * captures. */
static bool is_chance_find(const struct imapid_job *job, const char *format)
{
    return job->capture && !format && !imapid_capture_is_foreign(job->capture) &&
           job->input->found && !has_name_of_capture(job->input->path);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct imapid_job *job = ctx;

    if (is_chance_find(job, capture->format))
        return;
    g_mutex_lock(&job->context->mutex);
    imapid_totals_add(job->context->totals, capture);
    g_mutex_unlock(&job->context->mutex);
    job->context->user->capture(job->context->user->ctx, job->part, capture);
    stop_if_closed(job);
}

static void on_continued(void *ctx, const struct imapid_record_continued *continued)
{
    const struct imapid_job *job = ctx;

    if (job->context->user->continued)
        job->context->user->continued(job->context->user->ctx, job->part, continued);
}

/* ---- the chain of sinks ---- */

static const char *get_site(const struct imapid_job_sinks *sinks)
{
    return sinks->job->context->options->site;
}

/* --site says it of records that do not: those of captures, and JSON Lines written without. */
static bool needs_site(const struct imapid_job_sinks *sinks, const char *site)
{
    return !site && get_site(sinks);
}

static void pass_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    const struct imapid_job_sinks *sinks = ctx;
    struct imapid_record_exchange sited;

    if (needs_site(sinks, exchange->conn.site)) {
        sited = *exchange;
        sited.conn.site = get_site(sinks);
        exchange = &sited;
    }
    sinks->chosen.exchange(sinks->chosen.ctx, exchange);
}

static void pass_session(void *ctx, const struct imapid_record_session *session)
{
    const struct imapid_job_sinks *sinks = ctx;
    struct imapid_record_session sited;

    if (needs_site(sinks, session->conn.site)) {
        sited = *session;
        sited.conn.site = get_site(sinks);
        session = &sited;
    }
    sinks->chosen.session(sinks->chosen.ctx, session);
}

static void pass_capture(void *ctx, const struct imapid_record_capture *capture)
{
    const struct imapid_job_sinks *sinks = ctx;
    struct imapid_record_capture sited;

    if (needs_site(sinks, capture->site)) {
        sited = *capture;
        sited.site = get_site(sinks);
        capture = &sited;
    }
    sinks->chosen.capture(sinks->chosen.ctx, capture);
}

static void pass_continued(void *ctx, const struct imapid_record_continued *continued)
{
    const struct imapid_job_sinks *sinks = ctx;
    struct imapid_record_continued sited = *continued;

    if (needs_site(sinks, sited.site))
        sited.site = get_site(sinks);
    sinks->chosen.continued(sinks->chosen.ctx, &sited);
}

/* Messages are for who has the inputs: they name them, redacted or not. */
static void on_complaint(void *ctx, const char *message)
{
    const struct imapid_job *job = ((const struct imapid_job_sinks *)ctx)->job;

    if (!job->capture || !is_chance_find(job, imapid_capture_get_format(job->capture)))
        imapid_job_complain(job->context, message);
}

/* Of all that memory what is for the records that are held back. */
static gsize get_held_share(const struct imapid_job_context *context)
{
    const struct imapid_where *where = context->user->where;

    if (!where || imapid_where_is_of_conn(where))
        return 0;
    return context->options->n_memory / MAX(context->n_at_a_time, 1) / IMAPID_CHOOSE_SHARE;
}

void imapid_job_init_sinks(struct imapid_job_sinks *sinks, struct imapid_job *job)
{
    const struct imapid_where *where = job->context->user->where;

    sinks->job = job;
    job->reads = g_thread_self();
    sinks->plain =
        (struct imapid_record_sink){on_exchange, on_session, on_capture, job, on_continued};
    sinks->redacting = (struct imapid_redact_sink){job->context->redact, &sinks->plain};
    sinks->told = job->context->redact ? imapid_redact_wrap(&sinks->redacting) : sinks->plain;
    sinks->choose =
        where ? imapid_choose_new(where, get_held_share(job->context), &sinks->told) : NULL;
    sinks->chosen = where ? imapid_choose_get_sink(sinks->choose) : sinks->told;
    sinks->first = (struct imapid_record_sink){pass_exchange, pass_session, pass_capture, sinks,
                                               pass_continued};
    sinks->complain = on_complaint;
}

void imapid_job_end_sinks(struct imapid_job_sinks *sinks)
{
    struct imapid_job_context *context = sinks->job->context;
    struct imapid_choose_counts counts;
    char *message;

    if (!sinks->choose)
        return;
    counts = imapid_choose_end(sinks->choose);
    g_mutex_lock(&context->mutex);
    context->totals->n_all_conns += counts.n_conns;
    context->totals->n_chosen += counts.n_chosen;
    g_mutex_unlock(&context->mutex);
    if (!counts.n_gave_way)
        return;
    message = g_strdup_printf("--where: %" G_GUINT64_FORMAT
                              " connection%s %s left out undecided: their records would take more "
                              "memory than there is (--memory)",
                              counts.n_gave_way, imapid_number_s(counts.n_gave_way),
                              imapid_number_was(counts.n_gave_way));
    imapid_job_complain(context, message);
    g_free(message);
}

/* ---- jobs ---- */

/* The memory of one of the captures that are read at a time, without that of records. */
gsize imapid_job_get_share(const struct imapid_job_context *context)
{
    return context->options->n_memory / MAX(context->n_at_a_time, 1) - get_held_share(context);
}

/* An input, as messages name it. */
static const char *spell_path(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

static bool is_series_over(void *ctx)
{
    return imapid_series_is_over(((struct imapid_job *)ctx)->series);
}

static void on_anew(void *ctx)
{
    struct imapid_job *job = ctx;

    job->is_anew = true;
    if (job->series)
        imapid_series_renew(job->series);
}

/* Only the program's end is the end of a file that is followed. */
static bool is_never_over(void *ctx)
{
    (void)ctx;
    return false;
}

struct imapid_source *imapid_job_open(struct imapid_job *job)
{
    struct imapid_source_watch watch = {
        .on_stop = stop_job, .on_idle = on_idle, .on_anew = on_anew, .ctx = job};
    struct imapid_source *source;

    if (job->series)
        watch.is_over = is_series_over;
    else if (job->input->grows)
        watch.is_over = is_never_over;
    source = imapid_source_open(job->input->path, &watch);
    if (!source) {
        char *message = g_strdup_printf("%s: %s", job->input->path, imapid_failure_of_input(errno));

        imapid_job_complain(job->context, message);
        g_free(message);
    }
    return source;
}

/* A source whose octets the user wants, too. */
struct tee {
    struct imapid_job_context *context;
    guint part;
    struct imapid_source *source;
};

static ptrdiff_t read_tee(void *ctx, uint8_t *octets, size_t n)
{
    const struct tee *tee = ctx;
    const struct imapid_job_user *user = tee->context->user;
    ptrdiff_t n_read = imapid_source_read(tee->source, octets, n);

    if (n_read > 0)
        user->octets(user->ctx, tee->part, octets, (size_t)n_read);
    return n_read;
}

static void close_tee(void *ctx)
{
    imapid_source_close(((struct tee *)ctx)->source);
    g_free(ctx);
}

static struct imapid_window_source make_window_source(struct imapid_job *job,
                                                      struct imapid_source *source)
{
    struct tee *tee;

    if (!job->context->user->octets)
        return (struct imapid_window_source){imapid_source_read, imapid_source_close, source};
    tee = g_new(struct tee, 1);
    *tee = (struct tee){job->context, job->part, source};
    return (struct imapid_window_source){read_tee, close_tee, tee};
}

/* A file is read as such, so that its size is known to who shows progress. */
void imapid_job_open_capture(struct imapid_job *job, struct imapid_source *source)
{
    const char *name = spell_path(job->input->path);

    if (imapid_source_is_regular(source)) {
        struct stat opened;
        int fd = imapid_source_take_fd(source, &opened);

        job->capture = imapid_capture_open_fd(name, fd, &opened);
        imapid_source_close(source);
        job->capture = imapid_ahead_new(job->capture, job->context->n_threads);
    } else {
        struct imapid_window_source from = make_window_source(job, source);

        job->capture = imapid_capture_open_source(name, &from);
    }
}

/* Reads the capture of the job to its end and closes it; a file that may have secrets inside is read for
 * these first. */
static void collect(struct imapid_job *job, const char *file, const struct imapid_filter *filter,
                    bool live, bool has_secrets, const struct imapid_job_sinks *sinks)
{
    const struct imapid_options *options = job->context->options;
    struct imapid_keylog *keylog =
        imapid_keylog_new_over(options->keylog, imapid_job_get_share(job->context));

    imapid_job_watch_capture(job);
    if (has_secrets)
        job->n_scanned = imapid_job_read_secrets(job, keylog, job->context->n_threads);
    job->name = file;
    job->begun_us = g_get_monotonic_time();
    job->n_intervals = 0;
    job->n_asked = imapid_stop_count_asked();
    job->collect =
        imapid_collect_new(filter, &options->decode, keylog, live,
                           imapid_job_get_share(job->context), &sinks->first, sinks->complain);
    imapid_job_watch_packets(job->context, job->collect);
    keep_metrics(job, false);
    stop_if_closed(job); /* the wish to end may have come before there was a packet */
    imapid_collect_read(job->collect, job->capture, file);
    if (!live)
        imapid_job_check_end(job, job->collect);
    imapid_collect_tell(job->collect, job->capture, file, true);
    keep_metrics(job, true);
    g_clear_pointer(&job->collect, imapid_collect_free);
    imapid_keylog_free(keylog);
    g_clear_pointer(&job->capture, imapid_capture_close);
}

static void read_capture(struct imapid_job *job, struct imapid_source *source,
                         const struct imapid_job_sinks *sinks)
{
    bool live = !imapid_source_is_regular(source);
    bool has_secrets = !live && imapid_source_may_have_secrets(source);

    imapid_job_open_capture(job, source);
    collect(job, job->input->path, job->context->filter, live, has_secrets, sinks);
}

/* It was opened before, where that was possible. The filter is the kernel's. */
static void read_interface(struct imapid_job *job, const struct imapid_job_sinks *sinks)
{
    job->capture = g_steal_pointer(&job->context->live);
    if (job->capture)
        collect(job, imapid_live_get_name(job->capture), NULL, true, false, sinks);
}

/* A source that is read by a job. */
struct reading {
    struct imapid_job *job;
    struct imapid_source *source;
};

static ptrdiff_t read_records(void *ctx, uint8_t *octets, size_t n)
{
    struct reading *reading = ctx;
    ptrdiff_t n_read = imapid_source_read_unpacked(reading->source, octets, n);

    if (reading->job->context->progress)
        tell_progress(reading->job, imapid_source_get_place(reading->source));
    return n_read;
}

/* By several threads. */
static ptrdiff_t read_records_at(void *ctx, uint8_t *octets, size_t n, uint64_t at)
{
    struct reading *reading = ctx;
    struct imapid_job_context *context = reading->job->context;
    ptrdiff_t n_read = imapid_source_read_at(reading->source, octets, n, at);

    if (context->progress && n_read > 0) {
        g_mutex_lock(&context->mutex);
        tell_progress(reading->job, at + (uint64_t)n_read);
        g_mutex_unlock(&context->mutex);
    }
    return n_read;
}

static char *explain_failure(void *ctx)
{
    char *why = imapid_source_get_error(((struct reading *)ctx)->source);

    return why ? why : g_strdup(imapid_failure_of_input(errno));
}

/* One that grew may be whole as far as it was read; of one that became shorter something is missing. */
static void tell_change(struct imapid_job *job, const struct imapid_source *source)
{
    guint64 before = 0, now = 0;
    enum imapid_source_change change = imapid_source_find_change(source, &before, &now);
    const char *name = spell_path(job->input->path);
    char *message;

    if (change == IMAPID_SOURCE_GREW) {
        message =
            g_strdup_printf("notice: %s: grew while it was read; what stands behind its first %" N
                            " octets is not read",
                            name, before);
        tell_notice(job, message);
        g_free(message);
    } else if (change == IMAPID_SOURCE_SHRANK) {
        message = g_strdup_printf("%s: octet %" N ": the file ends here, of the %" N
                                  " octets that it had; the file was written while it was read",
                                  name, now, before);
        imapid_job_complain(job->context, message);
        g_free(message);
    }
}

/* `is_read`: it has records, or may be said to have none. */
static void end_records(struct imapid_job *job, struct imapid_source *source,
                        const struct imapid_job_sinks *sinks, bool is_read, uint64_t n_skipped)
{
    if (sinks->choose)
        imapid_choose_flush(sinks->choose); /* each file has whole connections */
    tell_change(job, source);
    imapid_source_close(source);
    g_mutex_lock(&job->context->mutex);
    job->context->totals->n_skipped += n_skipped;
    job->context->totals->n_read += is_read;
    g_mutex_unlock(&job->context->mutex);
}

static void read_jsonl(struct imapid_job *job, struct imapid_source *source,
                       const struct imapid_job_sinks *sinks)
{
    struct reading reading = {job, source};
    struct imapid_read_jsonl reader = {
        .name = spell_path(job->input->path),
        .read = read_records,
        .read_at = imapid_source_has_places(source) ? read_records_at : NULL,
        .explain = explain_failure,
        .read_ctx = &reading,
        .sink = &sinks->first,
        .complain = sinks->complain,
        .terms = &imapid_follow_terms,
        .n_threads = imapid_source_is_regular(source) ? job->context->n_threads : 1,
        .any_order = job->context->user->any_order && !sinks->choose,
    };

    job->reader = &reader;
    imapid_read_jsonl(&reader);
    job->reader = NULL;
    end_records(job, source, sinks, reader.n_records || !reader.n_bad, reader.n_skipped);
}

static void read_partial(struct imapid_job *job, struct imapid_source *source,
                         const struct imapid_job_sinks *sinks)
{
    struct reading reading = {job, source};
    struct imapid_partial partial = {
        .name = spell_path(job->input->path),
        .read = read_records,
        .explain = explain_failure,
        .read_ctx = &reading,
        .sink = &sinks->first,
        .complain = sinks->complain,
        .terms = &imapid_follow_terms,
    };
    bool is_whole;

    job->partial = &partial;
    is_whole = imapid_partial_read(&partial);
    job->partial = NULL;
    end_records(job, source, sinks, partial.n_records || is_whole, 0);
}

/* Records have no packets. In a folder they may lie beside their captures. */
static void refuse_records(struct imapid_job *job, struct imapid_source *source, const char *what)
{
    char *message = g_strdup_printf("%s: %s, where packets of captures are wanted",
                                    spell_path(job->input->path), what);

    if (!job->input->found)
        imapid_job_complain(job->context, message);
    g_free(message);
    imapid_source_close(source);
}

static void read_file(struct imapid_job *job, const struct imapid_job_sinks *sinks)
{
    struct imapid_source *source = imapid_job_open(job);
    bool is_jsonl = source && imapid_source_is_jsonl(source, job->input->found);
    bool is_partial = source && imapid_source_is_partial(source);

    if ((is_jsonl || is_partial) && job->context->user->packet)
        refuse_records(job, source,
                       is_jsonl ? "records of an earlier run (JSON Lines)"
                                : "the state of an earlier answer (partial)");
    else if (is_jsonl)
        read_jsonl(job, source, sinks);
    else if (is_partial)
        read_partial(job, source, sinks);
    else if (source)
        read_capture(job, source, sinks);
}

/* Between deleting a file and making it anew there may be a moment. False: the program is to end. */
static bool wait_for_file(const char *path)
{
    GStatBuf st;

    while (g_stat(path, &st) != 0 && errno == ENOENT)
        if (imapid_stop_wait(-1, IMAPID_SERIES_LOOK_MS) == IMAPID_STOP_WISHED)
            return false;
    return !imapid_stop_is_set();
}

/* One that is followed may be written anew: what it holds then is a capture of its own. */
static void read_named(struct imapid_job *job, const struct imapid_job_sinks *sinks)
{
    do {
        job->is_anew = false;
        read_file(job, sinks);
    } while (job->is_anew && !imapid_job_is_closed(job->context) &&
             wait_for_file(job->input->path));
}

/* A folder that fills: one file after the other. */
static void read_folder(struct imapid_job *job, const struct imapid_job_sinks *sinks)
{
    const struct imapid_input *folder = job->input;

    job->series = imapid_series_new(folder->path, job->context->options->write);
    while (!imapid_job_is_closed(job->context) && (job->input = imapid_series_next(job->series)))
        read_file(job, sinks);
    job->input = folder;
    g_clear_pointer(&job->series, imapid_series_free);
}

void imapid_job_read(struct imapid_job *job)
{
    struct imapid_job_sinks sinks;

    imapid_job_init_sinks(&sinks, job);
    if (job->input->is_interface)
        read_interface(job, &sinks);
    else if (job->input->is_folder)
        read_folder(job, &sinks);
    else
        read_named(job, &sinks);
    imapid_job_end_sinks(&sinks);
}
