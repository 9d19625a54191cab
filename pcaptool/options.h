/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_OPTIONS_H
#define IMAPID_OPTIONS_H

#include "answer/where.h"
#include "capture/live.h"
#include "net/decode.h"
#include "record/writer.h"
#include "terminal.h"
#include "tls/keylog.h"

/* Exit statuses; the manual promises them. */
enum imapid_exit {
    IMAPID_EXIT_DONE = 0,
    IMAPID_EXIT_FOUND = 1,  /* check found something */
    IMAPID_EXIT_FAILED = 2, /* usage error, or an input that could not be read whole */
    IMAPID_EXIT_AGAIN = 3   /* the surroundings failed: it may be well another time */
};

struct imapid_plan;

/* What the command line asks for. */
struct imapid_options {
    char *format; /* one of the command's */
    char *write;  /* NULL: standard output */
    char *filter; /* NULL: none */
    char *files_from;
    char **interfaces;                         /* NULL: none */
    char *buffer, *snap;                       /* -B, -s as given; NULL: the defaults */
    char *n_packets;                           /* -c as given; NULL: no end */
    char *interval;                            /* --interval as given; NULL: none */
    guint64 n_interval;                        /* seconds; 0: none */
    char *metrics;                             /* NULL: none */
    char **stop_at;                            /* -a as given; NULL: none */
    char **rotate;                             /* -b as given; NULL: none */
    guint64 n_rotate_octets, n_rotate_seconds; /* what it says; 0: not for that */
    gboolean is_modest, is_immediate;
    struct imapid_live_options live; /* what these say */
    char **keylogs;                  /* files; NULL: none */
    struct imapid_keylog *keylog;    /* what they say */
    char **decode_as;                /* -d; NULL: none */
    char *link_type;                 /* NULL: none */
    struct imapid_decode decode;     /* what these two say */
    int n_jobs;
    char *memory; /* as given; NULL: the default */
    gsize n_memory;
    char *site;                  /* NULL: none */
    char *chain;                 /* plan; NULL: the names of dumpcap's rings */
    char *shard_bytes;           /* plan, as given; NULL: chains are not cut */
    guint64 n_shard_octets;      /* what it says; 0: the same */
    char *status;                /* plan: a plan; NULL: one is to be made */
    char *plan;                  /* extract, answers; NULL: none */
    struct imapid_plan *planned; /* what it says */
    char *shard, *out;           /* extract, with a plan */
    const char *plan_id;         /* of the unit that is extracted; NULL: there is no plan */
    guint unit;                  /* its number */
    char *by;                    /* stats; NULL: the usual ones */
    int top;                     /* stats; 0: all */
    char *fold;                  /* a table of spellings; NULL: the built-in one */
    struct imapid_fold *folded;  /* with that table */
    char **where;                /* as given; NULL: all connections */
    char *stream;                /* the same of the stream's number */
    struct imapid_where *chosen; /* what both say; NULL: all */
    char *fail_on;               /* check; NULL: error */
    char *show;                  /* check; NULL: warning */
    char **ignore;               /* check; NULL: none */
    gboolean redact;
    char *redact_key;    /* NULL: a key of this run */
    gboolean continuous; /* the inputs are pieces of one capture */
    gboolean follow;     /* files grow, folders fill */
    gboolean no_secrets; /* cut */
    gboolean scrub;      /* cut */
    gboolean bug_report; /* cut, with scrub */
    gboolean no_sandbox;
    char *progress;                  /* as given; NULL: auto */
    char *time, *color;              /* as given; NULL: local, auto */
    enum imapid_when show_progress;  /* what the first of these says */
    struct imapid_terminal terminal; /* what text is written on; the others say more of it */
    gboolean is_array;               /* `format` is jsonl, and its lines are to be an array */
    char **read;                     /* inputs given with -r; NULL: none */
    gboolean list_interfaces;
    gboolean verbose, quiet, help, version;
    char **arguments; /* what is left: the inputs */
};

/* A sub-command. usage.c has the table. */
struct imapid_command {
    const char *name;
    const char *what;    /* for --help */
    const char *formats; /* the first one is the default */
    enum imapid_exit (*run)(const struct imapid_options *options, const GArray *inputs);
};

/* The commands. Each reads all inputs, writes its answer, and returns the exit status of the program.
 * Messages went to standard error. */
enum imapid_exit imapid_extract(const struct imapid_options *options, const GArray *inputs);
enum imapid_exit imapid_stats(const struct imapid_options *options, const GArray *inputs);
enum imapid_exit imapid_check(const struct imapid_options *options, const GArray *inputs);
enum imapid_exit imapid_report(const struct imapid_options *options, const GArray *inputs);
enum imapid_exit imapid_plan(const struct imapid_options *options, const GArray *inputs);
enum imapid_exit imapid_cut(const struct imapid_options *options, const GArray *inputs);

/* Did `cut` write the capture at `path`? False, where it cannot be read. */
gboolean imapid_cut_has_written(const char *path);

#endif
