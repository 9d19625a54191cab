/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extract.c: the command extract. It writes each record as soon as it is complete, in the order of
 * the inputs, as text or into a database.
 *
 * Refuses a database on standard output.
 *
 * Misuse: taking a file of JSON Lines without a line of type "end" for whole. That line is left
 * out when something is missing. */
#include "message.h"
#include "newfile.h"
#include "output.h"
#include "record/database.h"
#include "run.h"

#include <string.h>

struct extract {
    const struct imapid_writer *writer;
    struct imapid_writer_style style;
    struct imapid_output *output;
    gsize n_records; /* atomic */
    char **headed;   /* by part: the file whose name was written last */
};

/* ---- records to text ---- */

static GString *begin_record(struct extract *extract, guint part, const char *file)
{
    GString *text = g_string_sized_new(2048); /* of few records more */

    if (!extract->writer->file || !g_strcmp0(extract->headed[part], file))
        return text;
    extract->writer->file(text, &extract->style, file);
    g_free(extract->headed[part]);
    extract->headed[part] = g_strdup(file);
    return text;
}

static void end_record(struct extract *extract, guint part, GString *text)
{
    imapid_output_add(extract->output, part, text->str, text->len);
    g_atomic_pointer_add(&extract->n_records, 1);
    g_string_free(text, TRUE);
}

static void on_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    struct extract *extract = ctx;
    GString *text = begin_record(extract, part, exchange->conn.file);

    imapid_output_begin(extract->output);
    extract->writer->exchange(text, &extract->style, exchange);
    end_record(extract, part, text);
}

static void on_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    struct extract *extract = ctx;
    GString *text;

    if (!extract->writer->session)
        return;
    imapid_output_begin(extract->output);
    text = begin_record(extract, part, session->conn.file);
    extract->writer->session(text, &extract->style, session);
    end_record(extract, part, text);
}

static void on_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    struct extract *extract = ctx;
    GString *text;

    if (!extract->writer->capture)
        return;
    if (capture->format)
        imapid_output_begin(extract->output);
    text = begin_record(extract, part, capture->file);
    extract->writer->capture(text, &extract->style, capture);
    end_record(extract, part, text);
}

static void on_end(void *ctx, guint part)
{
    imapid_output_end(((struct extract *)ctx)->output, part);
}

static gboolean is_closed(void *ctx)
{
    return imapid_output_is_closed(((struct extract *)ctx)->output);
}

/* ---- the command ---- */

static enum imapid_output_mode find_mode(const GArray *inputs)
{
    guint n_live = imapid_inputs_count_live(inputs);

    if (n_live > 1)
        return IMAPID_OUTPUT_UNORDERED;
    return n_live ? IMAPID_OUTPUT_LIVE : IMAPID_OUTPUT_BUFFERED;
}

static void write_head(struct extract *extract)
{
    GString *head = g_string_new(NULL);

    if (extract->writer->head)
        extract->writer->head(head, &extract->style);
    /* Part 0 is due at once, so the head is written before any record. */
    imapid_output_add(extract->output, 0, head->str, head->len);
    g_string_free(head, TRUE);
}

/* Whoever finds it knows that nothing is missing behind; so it is not there where something is. */
static void write_end(struct extract *extract, const struct imapid_totals *totals, gboolean good)
{
    GString *end = g_string_new(NULL);

    if (extract->writer->end && !totals->is_stopped && (good || extract->n_records))
        extract->writer->end(end, totals->n_inputs, extract->n_records);
    imapid_output_add_last(extract->output, end->str, end->len);
    g_string_free(end, TRUE);
}

/* ---- into a database ---- */

static void store_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    (void)part;
    imapid_database_add_exchange(ctx, exchange);
}

static void store_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    (void)part;
    imapid_database_add_session(ctx, session);
}

static void store_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    (void)part;
    imapid_database_add_capture(ctx, capture);
}

static gboolean has_failed(void *ctx)
{
    return imapid_database_has_failed(ctx);
}

/* NULL with a message. */
static struct imapid_database *open_database(const struct imapid_options *options,
                                             struct imapid_newfile **file, char **message)
{
    *file = imapid_newfile_open(options->write, IMAPID_NEWFILE_DATABASE, message);
    if (!*file)
        return NULL;
    return imapid_database_open(imapid_newfile_get_name(*file), options->write, message);
}

static enum imapid_exit extract_database(const struct imapid_options *options, const GArray *inputs)
{
    struct imapid_job_user user = {.exchange = store_exchange,
                                   .session = store_session,
                                   .capture = store_capture,
                                   .is_closed = has_failed};
    struct imapid_newfile *file = NULL;
    struct imapid_totals totals;
    char *message = NULL;
    gboolean good;

    if (!options->write) {
        imapid_message("sqlite needs a file: --write FILE");
        return IMAPID_EXIT_FAILED;
    }
    user.ctx = open_database(options, &file, &message);
    good = user.ctx && imapid_run(options, inputs, &user, &totals);
    if (user.ctx && imapid_database_finish(user.ctx, &message) &&
        (!imapid_totals_has_answer(&totals, good) || imapid_newfile_publish(file, &message)) &&
        !options->quiet)
        imapid_totals_print(&totals);
    if (message)
        imapid_message("%s", message);
    imapid_database_free(user.ctx);
    imapid_newfile_free(file);
    good &= !message;
    g_free(message);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}

enum imapid_exit imapid_extract(const struct imapid_options *options, const GArray *inputs)
{
    struct extract extract = {.writer = imapid_writer_find(options->format)};
    struct imapid_job_user user = {on_exchange, on_session, on_capture, on_end,
                                   is_closed,   &extract,   FALSE};
    struct imapid_totals totals;
    gboolean good, closed;

    if (!strcmp(options->format, "sqlite"))
        return extract_database(options, inputs);
    extract.output = imapid_output_open(options->write, inputs->len, find_mode(inputs));
    if (!extract.output)
        return IMAPID_EXIT_FAILED;
    user.is_terminal = imapid_output_is_terminal(options->write);
    extract.style = (struct imapid_writer_style){
        .colour = imapid_output_has_colour(options->write),
        .is_terminal = user.is_terminal,
        .verbose = options->verbose,
        .many = inputs->len > 1,
    };
    extract.headed = g_new0(char *, inputs->len + 1);
    write_head(&extract);
    good = imapid_run(options, inputs, &user, &totals);
    write_end(&extract, &totals, good);
    closed = imapid_output_is_closed(extract.output);
    good &= imapid_output_close(extract.output, imapid_totals_has_answer(&totals, good));
    for (guint i = 0; i < inputs->len; i++)
        g_free(extract.headed[i]);
    g_free(extract.headed);
    if (!options->quiet && !closed)
        imapid_totals_print(&totals);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
