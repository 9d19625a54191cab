/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check.c: the command check. It prints the findings in the ID exchanges of all inputs, and sets
 * the exit status by the worst of them.
 *
 * An input that could not be read whole comes first: the status is 2 then, as findings may be
 * missing. Records of a capture that could not say so as well.
 *
 * Refuses an unknown code in --ignore and an unknown word in --fail-on and --show, before anything is read.
 *
 * As "partial" it prints what it would find them in, and the status says nothing of findings.
 *
 * Misuse: a format that is not in the table of main.c; there is no writer for it. */
#include "answer/unreadable.h"
#include "answer/writer.h"
#include "gather.h"
#include "keylogs.h"
#include "message.h"
#include "near.h"
#include "output.h"

#include <string.h>

/* `name` is one of the formats that the command has. */
static const struct imapid_findings_writer *get_writer(const char *name)
{
    static const struct imapid_findings_writer *const writers[] = {
        &imapid_findings_text_writer, &imapid_findings_jsonl_writer, &imapid_findings_csv_writer,
        &imapid_findings_sarif_writer};

    for (size_t i = 0; i < G_N_ELEMENTS(writers); i++)
        if (!strcmp(writers[i]->name, name))
            return writers[i];
    g_assert_not_reached();
}

/* What makes the exit status 1. */
struct fail_on {
    int severity;    /* a finding from this one on; one more than the worst for "never" */
    gboolean unread; /* a connection that could not be looked into */
};

static gboolean read_severity(const char *name, int *severity)
{
    for (int i = IMAPID_SEVERITY_NOTE; i <= IMAPID_SEVERITY_ERROR; i++)
        if (!strcmp(name, imapid_severity_name((enum imapid_severity)i))) {
            *severity = i;
            return TRUE;
        }
    return FALSE;
}

/* "unread" comes on top of the default. */
static gboolean read_fail_on(const char *name, struct fail_on *fail_on)
{
    fail_on->unread = !strcmp(name, "unread");
    if (read_severity(fail_on->unread ? "error" : name, &fail_on->severity))
        return TRUE;
    fail_on->severity = IMAPID_SEVERITY_ERROR + 1;
    return !strcmp(name, "never");
}

static void complain_of_code(const char *code)
{
    struct imapid_near near = {.word = code};
    char *help;

    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        imapid_near_try(&near, imapid_finding_code((enum imapid_finding_code)i));
    help = imapid_near_ask(&near, "imapid-findings(7) has them all");
    imapid_message("there is no finding '%s'; %s", code, help);
    g_free(help);
}

static gboolean read_ignored(char **codes, uint64_t *ignored)
{
    *ignored = 0;
    for (; codes && *codes; codes++) {
        int i = 0;

        while (i < IMAPID_N_FINDINGS &&
               strcmp(*codes, imapid_finding_code((enum imapid_finding_code)i)))
            i++;
        if (i == IMAPID_N_FINDINGS) {
            complain_of_code(*codes);
            return FALSE;
        }
        *ignored |= UINT64_C(1) << i;
    }
    return TRUE;
}

/* Formats without a line of counts leave it to this one, whatever --quiet says. */
static void print_unread(const struct imapid_options *options,
                         const struct imapid_gathered *gathered)
{
    GString *text;

    if (strcmp(options->format, "csv") && strcmp(options->format, "sarif"))
        return;
    text = g_string_new(NULL);
    imapid_unreadable_spell(text, &gathered->view);
    if (text->len)
        imapid_message("%s", text->str);
    g_string_free(text, TRUE);
}

/* Were all inputs read whole, and the captures of which they are the records? */
static bool is_complete(const struct imapid_gathered *gathered)
{
    return gathered->is_complete && !imapid_unreadable_count_failed(&gathered->view);
}

static enum imapid_exit get_status(const struct imapid_gathered *gathered,
                                   const struct imapid_items *items, const struct fail_on *fail_on)
{
    if (!is_complete(gathered) || imapid_unreadable_is_all(&gathered->view))
        return IMAPID_EXIT_FAILED; /* what was found may not be all */
    for (int i = fail_on->severity; i <= IMAPID_SEVERITY_ERROR; i++)
        if (items->n_by_severity[i])
            return IMAPID_EXIT_FOUND;
    return fail_on->unread && imapid_unreadable_count(&gathered->view) ? IMAPID_EXIT_FOUND
                                                                       : IMAPID_EXIT_DONE;
}

static enum imapid_exit answer(const struct imapid_options *options,
                               struct imapid_gathered *gathered,
                               const struct imapid_findings_writer *writer,
                               const struct fail_on *fail_on, int show, uint64_t ignored)
{
    struct imapid_items items = imapid_items_find(&gathered->view, gathered->fold, ignored);
    struct imapid_findings_report report = {
        .view = &gathered->view,
        .items = &items,
        .version = IMAPID_VERSION,
        .keylog = imapid_keylogs_name(options),
        .terminal = options->terminal,
        .verbose = options->verbose,
        .show = (enum imapid_severity)show,
        .is_complete = is_complete(gathered),
    };
    GString *text = g_string_new(NULL);
    enum imapid_exit status = get_status(gathered, &items, fail_on);

    report.put = imapid_gather_put;
    report.ctx = gathered;
    writer->write(text, &report);
    if (!imapid_gather_write(options, gathered, text))
        status = IMAPID_EXIT_FAILED;
    print_unread(options, gathered);
    g_string_free(text, TRUE);
    imapid_items_free(&items);
    return status;
}

enum imapid_exit imapid_check(const struct imapid_options *options, const GArray *inputs)
{
    gboolean is_partial = !strcmp(options->format, "partial");
    struct imapid_gathered gathered;
    enum imapid_exit status;
    uint64_t ignored;
    struct fail_on fail_on;
    int show;

    if (!read_fail_on(options->fail_on ? options->fail_on : "error", &fail_on)) {
        imapid_message("--fail-on takes note, warning, error, unread or never");
        return IMAPID_EXIT_FAILED;
    }
    if (!read_severity(options->show ? options->show : "warning", &show)) {
        imapid_message("--show takes note, warning or error");
        return IMAPID_EXIT_FAILED;
    }
    if (!read_ignored(options->ignore, &ignored))
        return IMAPID_EXIT_FAILED;
    if (is_partial)
        return imapid_gather_partial(options, inputs);
    if (!imapid_gather(options, inputs, &gathered))
        return IMAPID_EXIT_FAILED;
    status = answer(options, &gathered, get_writer(options->format), &fail_on, show, ignored);
    imapid_gather_free(&gathered);
    return status;
}
