/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shard.c: runs a share of a plan, and tells what is done.
 *
 * A process that has begun to read is confined and opens nothing more, so each unit has one of its own. What
 * is left behind where it is killed is whole units, and the next run goes on with the others.
 *
 * Refuses a folder that cannot be made, and shares that there are not.
 *
 * Misuse: one folder for two plans. What is of the other one is not taken for done, and written over. */
#include "shard.h"

#include "failure.h"
#include "gather.h"
#include "inputs.h"
#include "message.h"
#include "number.h"
#include "plan.h"
#include "planning.h"
#include "run.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* "K/N" of --shard: share *k, from 1 on, of *n. */
static bool parse_share(const char *text, guint *k, guint *n)
{
    char **parts = g_strsplit(text, "/", 2);
    guint64 first = 0, second = 0;
    bool good = parts[0] && parts[1] &&
                g_ascii_string_to_unsigned(parts[1], 10, 1, 1000000, &second, NULL) &&
                g_ascii_string_to_unsigned(parts[0], 10, 1, second, &first, NULL);

    *k = (guint)first;
    *n = (guint)second;
    g_strfreev(parts);
    return good;
}

/* ---- one unit ---- */

/* False: one of them is not there. */
static bool add_files(GArray *inputs, const struct imapid_plan_unit *unit)
{
    bool found_all = true;

    for (guint i = 0; i < unit->n_files; i++) {
        guint n_before = inputs->len;

        found_all &= imapid_inputs_add(inputs, unit->files[i], FALSE);
        for (guint k = n_before; k < inputs->len; k++)
            g_array_index(inputs, struct imapid_input, k).found = unit->found;
    }
    return found_all;
}

/* Where a section is read on: what is not there is missed once it is needed. */
static void add_sections(GArray *inputs, const struct imapid_plan_unit *unit)
{
    for (; unit; unit = unit->next)
        for (guint i = 0; i < unit->n_files; i++) {
            imapid_inputs_add_file(inputs, unit->files[i]);
            g_array_index(inputs, struct imapid_input, inputs->len - 1).begins = i == 0;
        }
}

/* In the process of the unit: its records. Returns the exit status. */
static int extract_records(const struct imapid_options *options, const struct imapid_plan *plan,
                           const struct imapid_plan_unit *unit, char *path)
{
    struct imapid_options own = *options;
    GArray *inputs = imapid_inputs_new();
    bool found_all = add_files(inputs, unit);
    enum imapid_exit status;

    add_sections(inputs, unit->next);
    own.write = path;
    own.continuous = inputs->len > 1;
    own.quiet = TRUE;
    own.plan_id = plan->id;
    own.unit = unit->number;
    /* A piece that is gone may be there again: nothing is written without it. */
    status = found_all ? imapid_extract(&own, inputs) : IMAPID_EXIT_AGAIN;
    imapid_inputs_free(inputs);
    return imapid_run_get_status(status);
}

/* The same: the partial of its records, which are as they are to be. */
static int make_partial(const struct imapid_options *options, const struct imapid_plan *plan,
                        const struct imapid_plan_unit *unit, const char *records, char *path)
{
    struct imapid_options own = {.write = path,
                                 .plan_id = plan->id,
                                 .unit = unit->number,
                                 .quiet = TRUE,
                                 .n_jobs = options->n_jobs,
                                 .n_memory = options->n_memory,
                                 .folded = options->folded,
                                 .show_progress = IMAPID_WHEN_NEVER};
    GArray *inputs = imapid_inputs_new();
    enum imapid_exit status = imapid_inputs_add(inputs, records, FALSE)
                                  ? imapid_gather_partial(&own, inputs)
                                  : IMAPID_EXIT_AGAIN;

    imapid_inputs_free(inputs);
    return imapid_run_get_status(status);
}

/* The exit status of the process; 128 + n of one that a signal ended. */
static int wait_for(pid_t process)
{
    int status = 0;

    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return IMAPID_EXIT_AGAIN;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What a unit needs to be done. */
struct work {
    const struct imapid_options *options;
    const struct imapid_plan *plan;
    const struct imapid_plan_unit *unit;
    char *records, *partial; /* paths */
};

static int work_on_records(const struct work *work)
{
    return extract_records(work->options, work->plan, work->unit, work->records);
}

static int work_on_partial(const struct work *work)
{
    return make_partial(work->options, work->plan, work->unit, work->records, work->partial);
}

/* Has it done by a process of its own; its exit status. */
static int run_apart(const struct work *work, int (*run)(const struct work *work))
{
    pid_t parent = getpid(), process = fork();

    if (!process) {
        /* Whoever ends the share ends its unit as well. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent)
            _exit(IMAPID_EXIT_AGAIN);
        exit(run(work));
    }
    return process < 0 ? IMAPID_EXIT_AGAIN : wait_for(process);
}

/* The graver of two: a signal, then what can be tried again, then what was damaged. */
static int choose_status(int one, int other)
{
    return MAX(one, other);
}

/* The records of another plan, or damaged ones, may have left a partial: it goes before they are written. So
 * a partial is always of the records beside it. */
static int run_records(const struct work *work)
{
    if (g_unlink(work->partial) && errno != ENOENT) {
        imapid_message("%s: %s", work->partial, imapid_failure_of_output(errno));
        return IMAPID_EXIT_AGAIN;
    }
    return run_apart(work, work_on_records);
}

static int run_unit(const struct imapid_options *options, const struct imapid_plan *plan,
                    const struct imapid_plan_unit *unit)
{
    struct work work = {options, plan, unit,
                        imapid_plan_spell_output(options->out, unit->number, "jsonl"),
                        imapid_plan_spell_output(options->out, unit->number, "partial")};
    bool is_whole;
    int status = IMAPID_EXIT_DONE;

    if (imapid_plan_look_at(plan, work.records, unit->number, IMAPID_PLAN_LINES, &is_whole) !=
        IMAPID_PLAN_DONE)
        status = run_records(&work);
    else if (!is_whole)
        status = IMAPID_EXIT_FAILED;
    if (status <= IMAPID_EXIT_FAILED)
        status = choose_status(status, run_apart(&work, work_on_partial));
    g_free(work.records);
    g_free(work.partial);
    return status;
}

/* ---- a share ---- */

static int run_share(const struct imapid_options *options, const struct imapid_plan *plan, guint k,
                     guint n)
{
    guint *shares = imapid_plan_share(plan, n), n_units = 0, n_done = 0, n_failed = 0;
    int status = IMAPID_EXIT_DONE;

    for (guint i = 0; i < plan->units->len && status < 128; i++) {
        bool is_whole = false;
        int one;

        if (shares[i] != k - 1)
            continue;
        n_units++;
        if (imapid_plan_look(plan, options->out, i + 1, IMAPID_PLAN_LINES, &is_whole) ==
            IMAPID_PLAN_DONE) {
            n_done++;
            one = is_whole ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
        } else {
            one = run_unit(options, plan, plan->units->pdata[i]);
            if (one < 128 && imapid_plan_look(plan, options->out, i + 1, IMAPID_PLAN_ENDS,
                                              &is_whole) != IMAPID_PLAN_DONE)
                one = IMAPID_EXIT_AGAIN; /* without its records it is not done */
            n_failed += one > IMAPID_EXIT_FAILED;
        }
        status = choose_status(status, one);
    }
    if (!options->quiet)
        imapid_message("share %u of %u: %u unit%s, %u done before, %u to be run again", k, n,
                       n_units, imapid_number_s(n_units), n_done, n_failed);
    g_free(shares);
    return status;
}

enum imapid_exit imapid_shard_run(const struct imapid_options *options)
{
    guint k = 1, n = 1;

    if (options->shard && !parse_share(options->shard, &k, &n)) {
        imapid_message("--shard takes K/N, the share K, from 1 on, of N");
        return IMAPID_EXIT_FAILED;
    }
    if (strcmp(options->planned->version, IMAPID_VERSION)) {
        imapid_message("%s: made by imapid %s, this is %s; make the plan anew", options->plan,
                       options->planned->version, IMAPID_VERSION);
        return IMAPID_EXIT_FAILED;
    }
    if (g_mkdir_with_parents(options->out, 0777)) {
        imapid_message("%s: %s", options->out, imapid_failure_of_output(errno));
        return IMAPID_EXIT_FAILED;
    }
    return (enum imapid_exit)run_share(options, options->planned, k, n);
}

/* ---- what is done ---- */

struct counts {
    guint n[IMAPID_PLAN_DAMAGED + 1], n_not_whole;
};

/* `again`: of each unit whether it is to be run again; may be NULL. */
static struct counts count(const struct imapid_plan *plan, const char *folder,
                           enum imapid_plan_depth depth, bool *again)
{
    struct counts counts = {.n_not_whole = 0};

    for (guint i = 0; i < plan->units->len; i++) {
        bool is_whole;
        enum imapid_plan_state state = imapid_plan_look(plan, folder, i + 1, depth, &is_whole);

        counts.n[state]++;
        counts.n_not_whole += state == IMAPID_PLAN_DONE && !is_whole;
        if (again)
            again[i] = state != IMAPID_PLAN_DONE;
    }
    return counts;
}

/* As sbatch --array takes them: "3,5,6". */
static void print_again(const struct imapid_plan *plan, const bool *again, guint n)
{
    guint *shares = imapid_plan_share(plan, n);
    bool *is_told = g_new0(bool, n);
    const char *comma = "";

    for (guint i = 0; i < plan->units->len; i++)
        if (again[i])
            is_told[shares[i]] = true;
    for (guint k = 0; k < n; k++)
        if (is_told[k]) {
            g_print("%s%u", comma, k + 1);
            comma = ",";
        }
    g_print("\n");
    g_free(is_told);
    g_free(shares);
}

/* Without --shard a share is a unit. */
static bool read_n_shares(const struct imapid_options *options, const struct imapid_plan *plan,
                          guint *n)
{
    guint64 number = 0;

    *n = MAX(plan->units->len, 1);
    if (!options->shard)
        return true;
    if (!g_ascii_string_to_unsigned(options->shard, 10, 1, 1000000, &number, NULL)) {
        imapid_message("plan --status: --shard takes the number of shares");
        return false;
    }
    *n = (guint)number;
    return true;
}

static const char *get_folder(const GArray *inputs)
{
    return inputs->len == 1 ? g_array_index(inputs, struct imapid_input, 0).path : NULL;
}

/* plan --status: what is done, and which shares are to be run again. */
static enum imapid_exit tell(const struct imapid_options *options, const GArray *inputs)
{
    struct imapid_plan *plan = imapid_plan_read(options->status);
    const char *folder = get_folder(inputs);
    struct counts counts;
    bool *again;
    guint n;

    if (!folder)
        imapid_message("plan --status takes one folder");
    if (!plan || !folder || !read_n_shares(options, plan, &n)) {
        imapid_plan_free(plan);
        return IMAPID_EXIT_FAILED;
    }
    again = g_new0(bool, plan->units->len + (gsize)1);
    counts = count(plan, folder, IMAPID_PLAN_LINES, again);
    imapid_message("%u unit%s: %u done (%u of them with captures that could not be read whole), %u "
                   "missing, %u damaged",
                   plan->units->len, imapid_number_s(plan->units->len), counts.n[IMAPID_PLAN_DONE],
                   counts.n_not_whole, counts.n[IMAPID_PLAN_MISSING],
                   counts.n[IMAPID_PLAN_DAMAGED]);
    if (counts.n[IMAPID_PLAN_DONE] < plan->units->len)
        print_again(plan, again, n);
    n = plan->units->len;
    g_free(again);
    imapid_plan_free(plan);
    return counts.n[IMAPID_PLAN_DONE] == n ? IMAPID_EXIT_DONE : IMAPID_EXIT_AGAIN;
}

enum imapid_exit imapid_plan(const struct imapid_options *options, const GArray *inputs)
{
    return options->status ? tell(options, inputs) : imapid_planning_run(options, inputs);
}

enum imapid_exit imapid_shard_check(const struct imapid_options *options, const char *folder)
{
    const struct imapid_plan *plan = options->planned;
    struct counts counts = count(plan, folder, IMAPID_PLAN_ENDS, NULL);

    if (counts.n[IMAPID_PLAN_DONE] == plan->units->len)
        return IMAPID_EXIT_DONE;
    imapid_message("%s: of %u unit%s of the plan %u missing and %u damaged, so there is no "
                   "answer; without --plan what is there is answered",
                   folder, plan->units->len, imapid_number_s(plan->units->len),
                   counts.n[IMAPID_PLAN_MISSING], counts.n[IMAPID_PLAN_DAMAGED]);
    return IMAPID_EXIT_AGAIN;
}

void imapid_shard_add(const struct imapid_options *options, GArray *inputs, const char *folder)
{
    for (guint i = 0; i < options->planned->units->len; i++) {
        char *path = imapid_plan_spell_output(folder, i + 1, "partial");

        imapid_inputs_add_file(inputs, path);
        g_free(path);
    }
}
