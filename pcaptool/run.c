/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: all inputs to one user of records. Each input is read by one thread; how many threads
 * there are changes nothing but the time.
 *
 *     input -> what is it? -> capture    -> collect   \
 *                          -> JSON Lines -> read back  -> user
 *
 * Refused: what is neither, unless a folder was walked to find it. */
#include "run.h"

#include "progress.h"
#include "source.h"
#include "stop.h"

#include "capture/live.h"
#include "net/unread.h"
#include "record/collect.h"
#include "record/read-jsonl.h"
#include "record/redact.h"
#include "record/spell.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct run {
    const struct imapid_options *options;
    const GArray *inputs;
    const struct imapid_run_user *user;
    struct imapid_redact *redact; /* NULL: records stay as they are */
    void (*on_complaint)(void *ctx, const char *message);
    struct imapid_progress *progress; /* NULL: none is shown */
    guint n_threads;                  /* for one input, where that can be shared */
    guint n_at_a_time;                /* inputs */
    GMutex mutex;                     /* guards what follows */
    gboolean failed;
    struct imapid_run_totals *totals;
};

/* One input on its way. */
struct job {
    struct run *run;
    guint part;
    const struct imapid_input *input;
    struct imapid_capture *capture;   /* NULL: the input is JSON Lines */
    struct imapid_read_jsonl *reader; /* NULL: it is a capture */
    guint64 n_octets;                 /* that progress was told of */
    guint64 n_scanned;                /* of these, while it was read for its secrets alone */
};

static void complain(struct run *run, const char *message)
{
    g_mutex_lock(&run->mutex);
    run->failed = TRUE;
    imapid_progress_clear(run->progress);
    g_printerr("imapid: %s\n", message);
    g_mutex_unlock(&run->mutex);
}

/* ---- progress ---- */

static gboolean wants_progress(const struct run *run)
{
    const char *when = run->options->progress;

    if (when && strcmp(when, "auto"))
        return !strcmp(when, "always");
    return isatty(STDERR_FILENO) && !run->user->is_terminal && !run->options->quiet;
}

/* 0 where there is no telling. */
static guint64 get_size(const struct imapid_input *input)
{
    GStatBuf st;

    if (input->is_interface || !strcmp(input->path, "-") || g_stat(input->path, &st) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? (guint64)st.st_size : 0;
}

static struct imapid_progress *begin_progress(const struct run *run)
{
    guint64 n_octets = 0;

    if (!wants_progress(run))
        return NULL;
    if (!imapid_inputs_count_live(run->inputs))
        for (guint i = 0; i < run->inputs->len; i++)
            n_octets += get_size(&g_array_index(run->inputs, struct imapid_input, i));
    return imapid_progress_new(run->inputs->len, n_octets);
}

static void tell_progress(struct job *job, guint64 place)
{
    guint64 n_more = place > job->n_octets ? place - job->n_octets : 0;

    job->n_octets += n_more;
    imapid_progress_add(job->run->progress, n_more, 0, 0);
}

/* A file that is read twice counts by halves. */
static void on_scan_progress(void *ctx, uint64_t place)
{
    tell_progress(ctx, place / 2);
}

static void on_progress(void *ctx, uint64_t place)
{
    struct job *job = ctx;

    tell_progress(job, job->n_scanned ? job->n_scanned + place / 2 : place);
}

/* Takes the secrets of a file. Returns how much of it that is of all the reading to be done. */
static guint64 read_secrets(struct job *job, struct imapid_keylog *keylog)
{
    bool shown = job->run->progress != NULL;

    if (!imapid_collect_secrets(job->input->path, keylog, shown ? on_scan_progress : NULL, job) ||
        !shown)
        return 0;
    on_scan_progress(job, get_size(job->input));
    return job->n_octets;
}

/* What is worth knowing and no failure. */
static void on_note(void *ctx, const char *message)
{
    struct job *job = ctx;

    g_mutex_lock(&job->run->mutex);
    imapid_progress_clear(job->run->progress);
    g_printerr("imapid: %s\n", message);
    g_mutex_unlock(&job->run->mutex);
}

static void watch_capture(struct job *job)
{
    imapid_capture_on_note(job->capture, on_note, job);
    if (job->run->progress)
        imapid_capture_on_progress(job->capture, on_progress, job);
}

/* A file counts whole when it is finished, whatever of it was of use. */
static void end_progress(struct job *job)
{
    if (job->run->progress)
        tell_progress(job, get_size(job->input));
    imapid_progress_add(job->run->progress, 0, 1, 0);
    job->n_octets = 0;
}

/* ---- the sink ---- */

static gboolean is_closed(const struct run *run)
{
    return run->user->is_closed && run->user->is_closed(run->user->ctx);
}

static void stop_job(void *ctx)
{
    struct job *job = ctx;

    if (job->capture)
        imapid_capture_stop(job->capture);
    if (job->reader)
        job->reader->stop = true;
}

static void stop_if_closed(struct job *job)
{
    if (is_closed(job->run) || imapid_stop_is_set())
        stop_job(job);
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct job *job = ctx;

    job->run->user->exchange(job->run->user->ctx, job->part, exchange);
    imapid_progress_add(job->run->progress, 0, 0, 1);
    stop_if_closed(job);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct job *job = ctx;

    job->run->user->session(job->run->user->ctx, job->part, session);
    stop_if_closed(job);
}

/* More kinds than there is room for are in the records alone. */
static void add_unread(struct imapid_run_totals *totals, const struct imapid_record_unread *unread)
{
    struct imapid_run_unread *kind = totals->unread;
    const struct imapid_run_unread *end = kind + totals->n_unread;
    struct imapid_run_unread one = {.number = unread->number};

    g_strlcpy(one.layer, unread->layer, sizeof one.layer);
    g_strlcpy(one.name, unread->name, sizeof one.name);
    while (kind < end && (kind->number != one.number || strcmp(kind->layer, one.layer) ||
                          strcmp(kind->name, one.name)))
        kind++;
    if (totals->n_unread == IMAPID_RUN_UNREAD_MAX && kind == end)
        return;
    if (kind == end) {
        *kind = one;
        totals->n_unread++;
    }
    kind->n_packets += unread->n_packets;
}

static void add_totals(struct run *run, const struct imapid_record_capture *capture)
{
    struct imapid_run_totals *totals = run->totals;

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
    for (unsigned i = 0; i < capture->n_unread; i++)
        add_unread(totals, &capture->unread[i]);
    g_mutex_unlock(&run->mutex);
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

/* Some other file, which a folder that was walked happens to hold? */
static bool is_chance_find(const struct job *job, const char *format)
{
    return job->capture && !format && job->input->found && !has_name_of_capture(job->input->path);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct job *job = ctx;

    if (is_chance_find(job, capture->format))
        return;
    add_totals(job->run, capture);
    job->run->user->capture(job->run->user->ctx, job->part, capture);
    stop_if_closed(job);
}

static void on_complaint(void *ctx, const char *message)
{
    struct job *job = ctx;

    if (!job->capture || !is_chance_find(job, imapid_capture_get_format(job->capture)))
        complain(job->run, message);
}

/* The same from behind a redacting sink. Messages are for who has the inputs: they name them. */
static void on_complaint_redacting(void *ctx, const char *message)
{
    const struct imapid_redact_sink *sink = ctx;

    on_complaint(sink->next->ctx, message);
}

/* Where the records of a job go first: to the redactor, if there is one. */
struct sinks {
    struct imapid_record_sink plain;
    struct imapid_redact_sink redacting;
    struct imapid_record_sink first;
};

static void init_sinks(struct sinks *sinks, struct job *job)
{
    sinks->plain = (struct imapid_record_sink){on_exchange, on_session, on_capture, job};
    sinks->redacting = (struct imapid_redact_sink){job->run->redact, &sinks->plain};
    sinks->first = job->run->redact ? imapid_redact_wrap(&sinks->redacting) : sinks->plain;
}

/* ---- jobs ---- */

/* The memory of one of the captures that are read at a time. */
static gsize get_share(const struct run *run)
{
    return run->options->n_memory / MAX(run->n_at_a_time, 1);
}

/* An input, as messages name it. */
static const char *spell_path(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

/* A file is opened anew, so that its size is known to who shows progress. */
static struct imapid_capture *open_capture(const char *path, struct imapid_source *source,
                                           char **message)
{
    struct imapid_capture_source from = {imapid_source_read, imapid_source_close, source};

    if (!imapid_source_is_regular(source))
        return imapid_capture_open_source(spell_path(path), &from);
    imapid_source_close(source);
    return imapid_capture_open(path, message);
}

static void read_capture(struct job *job, struct imapid_source *source,
                         const struct imapid_record_sink *sink)
{
    const char *path = job->input->path;
    const char *expression = job->run->options->filter;
    struct imapid_filter *filter = NULL;
    struct imapid_keylog *keylog;
    bool live = !imapid_source_is_regular(source);
    char *message = NULL;

    if (expression && !(filter = imapid_filter_new(expression, &message))) {
        complain(job->run, message);
        g_free(message);
        imapid_source_close(source);
        return;
    }
    job->capture = open_capture(path, source, &message);
    if (job->capture) {
        watch_capture(job);
        keylog = imapid_keylog_new_over(job->run->options->keylog);
        if (!live)
            job->n_scanned = read_secrets(job, keylog);
        imapid_collect(job->capture, path, filter, &job->run->options->decode, keylog, live,
                       get_share(job->run), sink, job->run->on_complaint);
        imapid_keylog_free(keylog);
        imapid_capture_close(job->capture);
    } else {
        complain(job->run, message);
        g_free(message);
    }
    imapid_filter_free(filter);
}

/* The filter is the kernel's. */
static void read_interface(struct job *job, const struct imapid_record_sink *sink)
{
    const struct imapid_options *options = job->run->options;
    struct imapid_keylog *keylog;
    char *message = NULL;

    job->capture = imapid_capture_open_interface(job->input->path, options->filter,
                                                 imapid_stop_get_fd(), &message);
    if (!job->capture) {
        complain(job->run, message);
        g_free(message);
        return;
    }
    watch_capture(job);
    keylog = imapid_keylog_new_over(options->keylog);
    imapid_collect(job->capture, job->input->path, NULL, &options->decode, keylog, true,
                   get_share(job->run), sink, job->run->on_complaint);
    imapid_keylog_free(keylog);
    imapid_capture_close(job->capture);
}

/* A source that is read by a job. */
struct reading {
    struct job *job;
    struct imapid_source *source;
};

static ptrdiff_t read_records(void *ctx, uint8_t *octets, size_t n)
{
    struct reading *reading = ctx;
    ptrdiff_t n_read = imapid_source_read_unpacked(reading->source, octets, n);

    if (reading->job->run->progress)
        on_progress(reading->job, imapid_source_get_place(reading->source));
    return n_read;
}

static char *explain_failure(void *ctx)
{
    char *why = imapid_source_get_error(((struct reading *)ctx)->source);

    return why ? why : g_strdup(g_strerror(errno));
}

static void read_jsonl(struct job *job, struct imapid_source *source,
                       const struct imapid_record_sink *sink)
{
    struct reading reading = {job, source};
    struct imapid_read_jsonl reader = {
        .name = spell_path(job->input->path),
        .read = read_records,
        .explain = explain_failure,
        .read_ctx = &reading,
        .sink = sink,
        .complain = job->run->on_complaint,
        .n_threads = imapid_source_is_regular(source) ? job->run->n_threads : 1,
    };

    job->reader = &reader;
    imapid_read_jsonl(&reader);
    job->reader = NULL;
    imapid_source_close(source);
    g_mutex_lock(&job->run->mutex);
    job->run->totals->n_skipped += reader.n_skipped;
    g_mutex_unlock(&job->run->mutex);
}

static void read_input(struct job *job)
{
    struct sinks sinks;
    struct imapid_source *source =
        job->input->is_interface ? NULL : imapid_source_open(job->input->path, stop_job, job);

    init_sinks(&sinks, job);
    if (job->input->is_interface) {
        read_interface(job, &sinks.first);
    } else if (!source) {
        char *message = g_strdup_printf("%s: %s", job->input->path, g_strerror(errno));

        complain(job->run, message);
        g_free(message);
    } else if (imapid_source_is_jsonl(source, job->input->found)) {
        read_jsonl(job, source, &sinks.first);
    } else {
        read_capture(job, source, &sinks.first);
    }
}

static void run_job(void *data, void *user_data)
{
    struct run *run = user_data;
    guint part = GPOINTER_TO_UINT(data) - 1;
    struct job job = {
        .run = run, .part = part, .input = &g_array_index(run->inputs, struct imapid_input, part)};

    if (!is_closed(run) && !imapid_stop_is_set())
        read_input(&job);
    end_progress(&job);
    if (run->user->end)
        run->user->end(run->user->ctx, part);
}

/* Each live input needs a thread of its own, as it has no end. Returns how many there are. */
static guint prepare_live(const GArray *inputs)
{
    guint n_live = imapid_inputs_count_live(inputs);

    if (n_live)
        imapid_stop_install();
    return n_live;
}

/* ---- pieces of one capture ---- */

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
static gboolean find_first_time(struct run *run, struct piece *piece)
{
    char *message = NULL;
    struct imapid_capture *capture = imapid_capture_open(piece->input->path, &message);
    enum imapid_capture_result result;
    struct imapid_packet packet = {.has_ts = false};

    if (!capture) {
        complain(run, message);
        g_free(message);
        return FALSE;
    }
    do
        result = imapid_capture_next(capture, &packet);
    while (result == IMAPID_CAPTURE_ERROR || (result == IMAPID_CAPTURE_PACKET && !packet.has_ts));
    imapid_capture_close(capture);
    piece->first = result == IMAPID_CAPTURE_PACKET ? packet.ts_ns : INT64_MAX;
    return TRUE;
}

static struct piece *order_pieces(struct run *run, guint *n)
{
    struct piece *pieces = g_new0(struct piece, run->inputs->len + 1);

    *n = 0;
    for (guint i = 0; i < run->inputs->len; i++) {
        struct piece *piece = &pieces[*n];

        piece->input = &g_array_index(run->inputs, struct imapid_input, i);
        piece->index = i;
        *n += find_first_time(run, piece) ? 1 : 0;
    }
    qsort(pieces, *n, sizeof *pieces, compare_pieces);
    return pieces;
}

static void add_piece(struct job *job, struct imapid_collect *collect, bool is_last)
{
    char *message = NULL;

    job->capture = imapid_capture_open(job->input->path, &message);
    if (!job->capture) {
        complain(job->run, message);
        g_free(message);
    } else {
        watch_capture(job);
        imapid_collect_add(collect, job->capture, job->input->path, is_last);
    }
    imapid_capture_close(job->capture);
    job->capture = NULL;
}

static void read_pieces(struct run *run, struct piece *pieces, guint n,
                        struct imapid_filter *filter)
{
    struct job job = {.run = run};
    struct imapid_keylog *keylog = imapid_keylog_new_over(run->options->keylog);
    struct imapid_collect *collect;
    struct sinks sinks;

    init_sinks(&sinks, &job);
    for (guint i = 0; i < n; i++) {
        struct job scan = {.run = run, .input = pieces[i].input};

        pieces[i].n_scanned = read_secrets(&scan, keylog);
    }
    collect = imapid_collect_new(filter, &run->options->decode, keylog, false, get_share(run),
                                 &sinks.first, run->on_complaint);
    for (job.part = 0; job.part < n; job.part++) {
        job.input = pieces[job.part].input;
        job.n_octets = job.n_scanned = pieces[job.part].n_scanned;
        if (!is_closed(run))
            add_piece(&job, collect, job.part + 1 == n);
        end_progress(&job);
        if (run->user->end)
            run->user->end(run->user->ctx, job.part);
    }
    imapid_collect_free(collect);
    imapid_keylog_free(keylog);
}

static void run_continuous(struct run *run)
{
    struct imapid_filter *filter = NULL;
    char *message = NULL;
    struct piece *pieces;
    guint n;

    if (imapid_inputs_count_live(run->inputs)) {
        complain(run, "--continuous takes files and folders");
        return;
    }
    if (run->options->filter && !(filter = imapid_filter_new(run->options->filter, &message))) {
        complain(run, message);
        g_free(message);
        return;
    }
    pieces = order_pieces(run, &n);
    read_pieces(run, pieces, n, filter);
    for (; run->user->end && n < run->inputs->len; n++)
        run->user->end(run->user->ctx, n);
    g_free(pieces);
    imapid_filter_free(filter);
}

/* ---- all inputs ---- */

static void run_each(struct run *run)
{
    guint n_inputs = run->inputs->len, n_live = prepare_live(run->inputs);
    guint n_jobs = MIN(MAX((guint)run->options->n_jobs, n_live ? n_live + 1 : 1), n_inputs);
    GThreadPool *pool;

    run->n_at_a_time = n_jobs;
    pool = n_jobs > 1 ? g_thread_pool_new(run_job, run, (int)n_jobs, FALSE, NULL) : NULL;

    run->n_threads = (guint)MAX(run->options->n_jobs, 1) / MAX(n_inputs, 1);
    for (guint i = 0; i < n_inputs; i++)
        if (pool)
            g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
        else
            run_job(GUINT_TO_POINTER(i + 1), run);
    if (pool)
        g_thread_pool_free(pool, FALSE, TRUE);
}

gboolean imapid_run(const struct imapid_options *options, const GArray *inputs,
                    const struct imapid_run_user *user, struct imapid_run_totals *totals)
{
    struct run run = {.options = options, .inputs = inputs, .user = user, .totals = totals};
    char *message = NULL;

    memset(totals, 0, sizeof *totals);
    if (options->redact && !(run.redact = imapid_redact_new(options->redact_key, &message))) {
        g_printerr("imapid: %s\n", message);
        g_free(message);
        return FALSE;
    }
    run.on_complaint = run.redact ? on_complaint_redacting : on_complaint;
    g_mutex_init(&run.mutex);
    run.progress = begin_progress(&run);
    if (options->continuous)
        run_continuous(&run);
    else
        run_each(&run);
    imapid_progress_free(run.progress);
    g_mutex_clear(&run.mutex);
    imapid_redact_free(run.redact);
    return !run.failed;
}

#define N G_GUINT64_FORMAT

/* "1 capture", "2 captures". */
static void add_number(GString *text, guint64 n, const char *what)
{
    g_string_append_printf(text, "%" N " %s%s", n, what, n == 1 ? "" : "s");
}

static void add_count(GString *text, guint64 n, const char *what, const char *more)
{
    if (!n)
        return;
    add_number(g_string_append(text, "; "), n, what);
    g_string_append(text, more);
}

static int compare_unread(const void *a, const void *b)
{
    const struct imapid_run_unread *one = a, *other = b;
    int order = strcmp(one->layer, other->layer);

    if (one->n_packets != other->n_packets)
        return one->n_packets > other->n_packets ? -1 : 1;
    if (one->number != other->number)
        return one->number < other->number ? -1 : 1;
    return order ? order : strcmp(one->name, other->name);
}

/* A line for each kind that was not read, the largest first, with what helps. */
static void print_unread(const struct imapid_run_totals *totals)
{
    struct imapid_run_unread kinds[IMAPID_RUN_UNREAD_MAX];

    memcpy(kinds, totals->unread, sizeof kinds);
    qsort(kinds, totals->n_unread, sizeof *kinds, compare_unread);
    for (guint i = 0; i < totals->n_unread; i++) {
        const struct imapid_run_unread *kind = &kinds[i];
        char *help = imapid_unread_make_help(kind->layer, kind->number, kind->name);
        char *phrase = imapid_unread_make_phrase(kind->layer, kind->number, kind->name);
        GString *line = g_string_new("");

        imapid_spell_terminal(line, (const uint8_t *)phrase, strlen(phrase), 0);
        g_printerr("imapid: not read: %" N " packets of %s%s%s\n", kind->n_packets, line->str,
                   help ? "; " : "", help ? help : "");
        g_free(phrase);
        g_string_free(line, TRUE);
        g_free(help);
    }
}

void imapid_run_print_totals(const struct imapid_run_totals *totals)
{
    GString *text = g_string_new("imapid: ");

    add_number(text, totals->n_captures, "capture");
    add_number(g_string_append(text, ", "), totals->n_packets, "packet");
    add_number(g_string_append(text, ", "), totals->n_conns, "TCP connection");
    add_number(g_string_append(text, ", "), totals->n_sessions, "IMAP session");
    add_number(g_string_append(text, ", "), totals->n_exchanges, "ID exchange");
    add_count(text, totals->n_not_decrypted, "session", " not readable");
    add_count(text, totals->n_lost, "octet", " missing");
    add_count(text, totals->n_cut, "packet", " cut");
    add_count(text, totals->n_unknown_link, "packet", " of unknown link types");
    add_count(text, totals->n_skipped, "line", " without a record of this version");
    g_printerr("%s\n", text->str);
    g_string_free(text, TRUE);
    print_unread(totals);
}
