/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_JOB_H
#define IMAPID_JOB_H

#include "choose.h"
#include "inputs.h"
#include "metrics.h"
#include "options.h"
#include "source.h"
#include "totals.h"

#include "capture/capture.h"
#include "record/redact.h"

/* Who takes the records. `part` is the index of the input. The calls for one part come in order
 * and one at a time, unless he asks for any order; those for different parts may come at the same time. Records are good
 * during the call. */
struct imapid_job_user {
    void (*exchange)(void *ctx, guint part, const struct imapid_record_exchange *exchange);
    void (*session)(void *ctx, guint part, const struct imapid_record_session *session);
    void (*capture)(void *ctx, guint part, const struct imapid_record_capture *capture);
    /* Interfaces and filters are opened, and it may open files itself; NULL: what was wrong, to be freed. May be
     * NULL itself. */
    char *(*open)(void *ctx);
    void (*begin)(void *ctx); /* interfaces and filters are opened: it is read now; may be NULL */
    void (*end)(void *ctx, guint part); /* nothing more of this part; may be NULL */
    gboolean (*is_closed)(void *ctx);   /* nobody wants more: stop early; may be NULL */
    void *ctx;
    gboolean any_order;   /* so may those for one part, in whatever order */
    gboolean is_terminal; /* records go to a terminal as they come: no line between them */
    const struct imapid_where *where; /* he wants these connections alone; NULL: all */
    /* He wants packets, so JSON Lines are refused; NULL: he does not. Which connection each packet is of: `file`
     * is the path of its input, the same pointer. Nearly in the order of the file, but those of datagrams that
     * were put together come later. */
    void (*packet)(void *ctx, const char *file, uint64_t number, uint32_t stream);
    /* The octets of an input that cannot be read again, as they are read; may be NULL. */
    void (*octets)(void *ctx, guint part, const uint8_t *octets, size_t n);
    /* The secrets of each session, told behind its record, chosen or not; may be NULL. See imapid_collect_on_secrets(). */
    void (*secrets)(void *ctx, const char *file, uint32_t stream, const char *lines, size_t n);
    /* All has been read, but files may still be opened; may be NULL. */
    void (*finish)(void *ctx);
    /* May be NULL. */
    void (*continued)(void *ctx, guint part, const struct imapid_record_continued *continued);
    /* What was counted so far (--interval); NULL: it goes to standard error. */
    void (*interval)(void *ctx, guint part, const struct imapid_record_interval *interval);
    void (*tick)(void *ctx);   /* called from time to time, packets or none; may be NULL */
    void (*reopen)(void *ctx); /* open the output anew; NULL: it has none that can be */
};

struct imapid_job_context {
    const struct imapid_options *options;
    const GArray *inputs;
    const struct imapid_job_user *user;
    struct imapid_redact *redact;       /* NULL: records stay as they are */
    const struct imapid_filter *filter; /* of files; NULL: all packets are read */
    struct imapid_capture *live;      /* interfaces, opened, and nobody reads them yet; else NULL */
    struct imapid_progress *progress; /* NULL: none is shown */
    struct imapid_metrics *metrics;   /* NULL: none are kept */
    guint n_threads;                  /* for one input, where that can be shared */
    guint n_at_a_time;                /* inputs */
    gint next;                        /* atomic: the input that is to be taken next */
    gint n_reopened; /* atomic: the last request for a new output that was heeded */
    GMutex mutex;    /* guards what follows */
    gboolean failed;
    struct imapid_totals *totals;
};

/* One input on its way. */
struct imapid_job {
    struct imapid_job_context *context;
    guint part;
    const struct imapid_input *input;
    struct imapid_capture *capture;   /* NULL: the input has records */
    struct imapid_read_jsonl *reader; /* NULL: it is no JSON Lines */
    struct imapid_partial *partial;   /* NULL: it is none */
    struct imapid_collect *collect;   /* of the capture; NULL: it is not read yet */
    GThread *reads;                   /* the thread that set its sinks up, and reads */
    struct imapid_series *series;     /* that the input is of; NULL: of none */
    bool is_anew;                     /* the file that was followed: another one has its name */
    const char *name;                 /* of the capture, in records; NULL: none yet */
    gint64 begun_us;                  /* when it was begun to be read, monotonic */
    guint64 n_intervals;              /* that were told */
    guint64 n_notices;                /* of the capture that is read */
    gint n_asked;                     /* the last request for counts that was heeded */
    guint64 n_octets;                 /* that progress was told of */
    guint64 n_scanned;                /* of these, while it was read for its secrets alone */
};

/* The way of a job's records: those of chosen connections, to the redactor, to the user; each step is
 * left out where nobody asked for it. */
struct imapid_job_sinks {
    struct imapid_job *job;
    struct imapid_record_sink first; /* takes the records; its ctx is this struct */
    struct imapid_choose *choose;
    struct imapid_record_sink chosen;
    struct imapid_redact_sink redacting;
    struct imapid_record_sink told, plain;
    void (*complain)(void *ctx, const char *message); /* ctx: that of `first` */
};

/* Sets the sinks up; they must not move, nor the job. By the thread that will read. */
void imapid_job_init_sinks(struct imapid_job_sinks *sinks, struct imapid_job *job);

/* Nothing more comes: what waited is told, and counted. */
void imapid_job_end_sinks(struct imapid_job_sinks *sinks);

/* Opens a file or pipe. NULL: it cannot be opened, and was complained of. */
struct imapid_source *imapid_job_open(struct imapid_job *job);

/* Sets job->capture to one that reads the source, which it closes. */
void imapid_job_open_capture(struct imapid_job *job, struct imapid_source *source);

/* Gives the user what he wants of the packets. Before anything is read. */
void imapid_job_watch_packets(const struct imapid_job_context *context,
                              struct imapid_collect *collect);

/* Behind imapid_collect_read() of a file: says if a signal ended it. */
void imapid_job_check_end(const struct imapid_job *job, struct imapid_collect *collect);

/* Reads the input of the job, whatever it is, to its end. */
void imapid_job_read(struct imapid_job *job);

/* Says what is wrong, and that the run has failed. */
void imapid_job_complain(struct imapid_job_context *context, const char *message);

/* Does nobody want more records? */
gboolean imapid_job_is_closed(const struct imapid_job_context *context);

/* The memory of one of the captures that are read at a time. */
gsize imapid_job_get_share(const struct imapid_job_context *context);

/* Progress, and what is worth knowing, of the capture of the job. */
void imapid_job_watch_capture(struct imapid_job *job);

/* Takes the secrets of a file. Returns how much of it that is of all the reading to be done. */
guint64 imapid_job_read_secrets(struct imapid_job *job, struct imapid_keylog *keylog,
                                guint n_threads);

/* NULL where none is to be shown. */
struct imapid_progress *imapid_job_begin_progress(const struct imapid_job_context *context);

/* A file counts whole when it is finished, whatever of it was of use. */
void imapid_job_end_progress(struct imapid_job *job);

#endif
