/* SPDX-License-Identifier: GPL-2.0-or-later */
/* extract.c: the command extract. It writes each record as soon as it is complete, in the order of
 * the inputs, or into a database; and for people a row for each connection.
 *
 * Refuses a database on standard output.
 *
 * Misuse: taking a file of JSON Lines without a line of type "end" for whole. That line is left
 * out when something is missing. */
#include "failure.h"
#include "keylogs.h"
#include "message.h"
#include "newfile.h"
#include "output.h"
#include "record/database.h"
#include "record/listing.h"
#include "run.h"
#include "stop.h"

#include <string.h>

struct extract {
    const struct imapid_writer *writer;
    struct imapid_writer_style style;
    struct imapid_output *output;
    guint n_inputs;
    char **headed;     /* by part: the file whose name was written last */
    gint has_sections; /* atomic: connections of others were met */
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

static void on_continued(void *ctx, guint part, const struct imapid_record_continued *continued)
{
    struct extract *extract = ctx;
    GString *text;

    g_atomic_int_set(&extract->has_sections, 1);
    if (!extract->writer->continued)
        return;
    text = begin_record(extract, part, continued->file);
    imapid_output_begin(extract->output);
    extract->writer->continued(text, continued);
    end_record(extract, part, text);
}

static void on_interval(void *ctx, guint part, const struct imapid_record_interval *interval)
{
    struct extract *extract = ctx;
    GString *text = begin_record(extract, part, interval->file);

    imapid_output_begin(extract->output);
    extract->writer->interval(text, interval);
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

/* NULL with a message. */
static struct imapid_output *open_output(const struct imapid_options *options, const GArray *inputs)
{
    enum imapid_output_mode mode = find_mode(inputs);
    struct imapid_output *output;

    if (options->rotate && mode == IMAPID_OUTPUT_BUFFERED) {
        imapid_message("-b is for inputs that have no end: -i, -, --follow");
        return NULL;
    }
    output = imapid_output_open(options->write, inputs->len, mode);
    if (!output ||
        imapid_output_set_rotation(output, options->n_rotate_octets, options->n_rotate_seconds))
        return output;
    imapid_output_close(output, FALSE);
    return NULL;
}

/* Of a file that is rotated: what it has is whole, and of no choice counts are known yet. */
static void spell_tail(void *ctx, GString *tail, guint64 n_records)
{
    const struct extract *extract = ctx;
    const struct imapid_writer_end end = {.n_inputs = extract->n_inputs, .n_records = n_records};

    if (extract->writer->end)
        extract->writer->end(tail, &end);
}

static void write_head(struct extract *extract)
{
    GString *head = g_string_new(NULL);

    if (extract->writer->head)
        extract->writer->head(head, &extract->style);
    imapid_output_set_ends(extract->output, head->str, spell_tail, extract);
    g_string_free(head, TRUE);
}

static void reopen(void *ctx)
{
    imapid_output_reopen(((struct extract *)ctx)->output);
}

static void tick(void *ctx)
{
    imapid_output_tick(((struct extract *)ctx)->output);
}

/* A unit of which all was read that can be: what is damaged stays so, and need not be read again. */
static bool is_unit_done(const struct imapid_options *options, const struct imapid_totals *totals)
{
    return options->plan_id && !totals->is_stopped && !imapid_failure_is_outside();
}

/* Whether the file is to take its place. */
static bool is_kept(const struct imapid_options *options, const struct imapid_totals *totals,
                    gboolean good)
{
    return options->plan_id ? is_unit_done(options, totals)
                            : imapid_totals_has_answer(totals, good);
}

/* Whoever finds it knows that nothing is missing behind; so it is not there where something is. */
static void write_end(struct extract *extract, const struct imapid_options *options,
                      const struct imapid_totals *totals, gboolean good)
{
    const struct imapid_output_counts counts = imapid_output_count(extract->output);
    const struct imapid_writer_end end = {.n_inputs = totals->n_inputs,
                                          .n_records = counts.n_pieces,
                                          .is_choice = options->chosen != NULL,
                                          .n_conns = totals->n_all_conns,
                                          .n_chosen = totals->n_chosen,
                                          .plan = options->plan_id,
                                          .unit = options->unit,
                                          .n_octets = counts.n_octets,
                                          .is_whole = good};
    GString *text = g_string_new(NULL);

    if (extract->writer->end && !totals->is_stopped &&
        (good || counts.n_pieces || is_unit_done(options, totals)))
        extract->writer->end(text, &end);
    imapid_output_add_last(extract->output, text->str, text->len);
    g_string_free(text, TRUE);
}

/* ---- for people ---- */

struct lister {
    struct imapid_listing_style style;
    struct imapid_output *output;
    struct imapid_listing **listings; /* by part; where the parts are pieces of one capture, which
                                         connections span, the first is that of all */
    guint n_parts;
    GMutex mutex; /* guards the counts */
    struct imapid_listing_counts counts;
};

static struct imapid_listing *get_listing(struct lister *lister, guint part)
{
    struct imapid_listing **listing = &lister->listings[lister->style.is_one ? 0 : part];

    if (!*listing)
        *listing = imapid_listing_new(&lister->style);
    return *listing;
}

static void put_rows(struct lister *lister, guint part, bool is_end)
{
    GString *text = g_string_new(NULL);

    (is_end ? imapid_listing_end : imapid_listing_take)(get_listing(lister, part), text);
    if (text->len)
        imapid_output_add(lister->output, part, text->str, text->len);
    g_string_free(text, TRUE);
}

static void list_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    struct lister *lister = ctx;

    imapid_output_begin(lister->output);
    imapid_listing_add_exchange(get_listing(lister, part), exchange);
    put_rows(lister, part, false);
}

static void list_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    struct lister *lister = ctx;

    imapid_output_begin(lister->output);
    imapid_listing_add_session(get_listing(lister, part), session);
    put_rows(lister, part, false);
}

static void list_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    struct lister *lister = ctx;

    (void)part;
    if (capture->format)
        imapid_output_begin(lister->output);
}

static void end_listing(void *ctx, guint part)
{
    struct lister *lister = ctx;

    if (!lister->style.is_one || part + 1 == lister->n_parts) {
        struct imapid_listing **listing = &lister->listings[lister->style.is_one ? 0 : part];

        put_rows(lister, part, true);
        g_mutex_lock(&lister->mutex);
        imapid_listing_add_counts(&lister->counts, imapid_listing_get_counts(*listing));
        g_mutex_unlock(&lister->mutex);
        imapid_listing_free(*listing);
        *listing = NULL;
    }
    imapid_output_end(lister->output, part);
}

static gboolean has_no_reader(void *ctx)
{
    return imapid_output_is_closed(((struct lister *)ctx)->output);
}

static void list_head(void *ctx)
{
    struct lister *lister = ctx;
    GString *head = g_string_new(NULL);

    if (!lister->style.verbose)
        imapid_row_spell_head(head, &lister->style.terminal);
    imapid_output_set_ends(lister->output, head->str, NULL, NULL);
    g_string_free(head, TRUE);
}

static void reopen_listing(void *ctx)
{
    imapid_output_reopen(((struct lister *)ctx)->output);
}

static void tick_listing(void *ctx)
{
    imapid_output_tick(((struct lister *)ctx)->output);
}

static void print_counts(const struct lister *lister, const struct imapid_totals *totals,
                         const struct imapid_where *where)
{
    GString *counts = g_string_new(NULL), *wrongs = g_string_new(NULL);

    imapid_listing_spell_counts(counts, &lister->counts);
    imapid_listing_spell_wrongs(wrongs, &lister->counts);
    if (wrongs->len)
        g_string_append(wrongs, lister->style.verbose ? "" : " (imapid check; imapid -v)");
    imapid_totals_print(totals, where, counts->str, wrongs->str);
    g_string_free(counts, TRUE);
    g_string_free(wrongs, TRUE);
}

/* What the rows of an input take of its share of the memory, and what is told at length as much again. */
#define ROWS_SHARE 16

static enum imapid_exit list(const struct imapid_options *options, const GArray *inputs)
{
    struct lister lister = {
        .style = {.terminal = options->terminal,
                  .keylog = imapid_keylogs_name(options),
                  .verbose = options->verbose,
                  .is_live = imapid_inputs_count_live(inputs) > 0,
                  .is_one = options->continuous,
                  .n_memory = imapid_run_get_share(options, inputs) / ROWS_SHARE},
        .n_parts = inputs->len};
    struct imapid_job_user user = {.begin = list_head,
                                   .exchange = list_exchange,
                                   .session = list_session,
                                   .capture = list_capture,
                                   .end = end_listing,
                                   .is_closed = has_no_reader,
                                   .ctx = &lister,
                                   .is_terminal = options->terminal.is_terminal,
                                   .where = options->chosen};
    struct imapid_totals totals;
    gboolean good, closed;

    lister.output = open_output(options, inputs);
    if (!lister.output)
        return IMAPID_EXIT_FAILED;
    g_mutex_init(&lister.mutex);
    lister.listings = g_new0(struct imapid_listing *, inputs->len + 1);
    if (imapid_output_is_file(lister.output)) {
        user.reopen = reopen_listing;
        user.tick = tick_listing;
    }
    good = imapid_run(options, inputs, &user, &totals);
    closed = imapid_output_is_closed(lister.output);
    good &= imapid_output_close(lister.output, imapid_totals_has_answer(&totals, good));
    if (!options->quiet && !closed && (good || totals.n_captures))
        print_counts(&lister, &totals, options->chosen);
    for (guint i = 0; i < inputs->len; i++)
        imapid_listing_free(lister.listings[i]);
    g_free(lister.listings);
    g_mutex_clear(&lister.mutex);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}

/* ---- into a database ---- */

struct storage {
    const struct imapid_options *options;
    struct imapid_newfile *file; /* NULL: the database is written where it stands */
    struct imapid_database *database;
};

static void store_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    (void)part;
    imapid_database_add_exchange(((struct storage *)ctx)->database, exchange);
}

static void store_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    (void)part;
    imapid_database_add_session(((struct storage *)ctx)->database, session);
}

static void store_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    (void)part;
    imapid_database_add_capture(((struct storage *)ctx)->database, capture);
}

static void store_continued(void *ctx, guint part, const struct imapid_record_continued *continued)
{
    (void)part;
    imapid_database_add_continued(((struct storage *)ctx)->database, continued);
}

static gboolean has_failed(void *ctx)
{
    const struct storage *storage = ctx;

    return !storage->database || imapid_database_has_failed(storage->database);
}

/* How long another program may have the database locked before it is said, and how long after the wish to
 * end. */
#define PATIENCE_MS 10000u

/* No record is given up because somebody else writes. */
static bool gives_up(unsigned milliseconds)
{
    if (milliseconds && milliseconds % PATIENCE_MS == 0)
        imapid_message("another program has locked the database for %u seconds",
                       milliseconds / 1000);
    return milliseconds >= PATIENCE_MS && imapid_stop_is_set();
}

/* What comes without an end goes into the file as it comes, once it is sure that it comes: nobody finds an empty
 * database of an interface that is not there. What a pipe brings may be nothing at all, and then the file is to stay as
 * it was. */
static char *open_database(void *ctx)
{
    struct storage *storage = ctx;
    const struct imapid_options *options = storage->options;
    char *message = NULL;

    if (options->interfaces || options->follow)
        storage->database = imapid_database_open_live(options->write, gives_up, &message);
    else if ((storage->file =
                  imapid_newfile_open(options->write, IMAPID_NEWFILE_DATABASE, &message)))
        storage->database =
            imapid_database_open(imapid_newfile_get_name(storage->file), options->write, &message);
    if (storage->database && options->continuous)
        imapid_database_expect_pieces(storage->database);
    return message;
}

/* NULL, or what went wrong. */
static char *finish_database(const struct storage *storage, bool has_answer)
{
    char *message = NULL;

    if (imapid_database_finish(storage->database, &message) && storage->file && has_answer)
        imapid_newfile_publish(storage->file, &message);
    return message;
}

static enum imapid_exit extract_database(const struct imapid_options *options, const GArray *inputs)
{
    struct storage storage = {.options = options};
    struct imapid_job_user user = {.open = open_database,
                                   .exchange = store_exchange,
                                   .session = store_session,
                                   .capture = store_capture,
                                   .continued = store_continued,
                                   .is_closed = has_failed,
                                   .ctx = &storage,
                                   .where = options->chosen};
    struct imapid_totals totals;
    char *message = NULL;
    gboolean good;

    if (!options->write) {
        imapid_message("sqlite needs a file: --write FILE");
        return IMAPID_EXIT_FAILED;
    }
    good = imapid_run(options, inputs, &user, &totals);
    if (storage.database)
        message = finish_database(&storage, imapid_totals_has_answer(&totals, good));
    if (message)
        imapid_message("%s", message);
    else if (storage.database && !options->quiet)
        imapid_totals_print(&totals, options->chosen, NULL, NULL);
    imapid_database_free(storage.database);
    imapid_newfile_free(storage.file);
    good &= !message;
    g_free(message);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}

enum imapid_exit imapid_extract(const struct imapid_options *options, const GArray *inputs)
{
    struct extract extract = {.writer = imapid_writer_find(options->format)};
    struct imapid_job_user user = {.exchange = on_exchange,
                                   .session = on_session,
                                   .capture = on_capture,
                                   .continued = on_continued,
                                   .end = on_end,
                                   .is_closed = is_closed,
                                   .ctx = &extract,
                                   .is_terminal = options->terminal.is_terminal,
                                   .where = options->chosen};
    struct imapid_totals totals;
    gboolean good, closed;

    if (!strcmp(options->format, "sqlite"))
        return extract_database(options, inputs);
    if (!strcmp(options->format, "text"))
        return list(options, inputs);
    extract.output = open_output(options, inputs);
    if (!extract.output)
        return IMAPID_EXIT_FAILED;
    if (options->is_array)
        imapid_output_set_array(extract.output);
    if (extract.writer->interval)
        user.interval = on_interval;
    if (imapid_output_is_file(extract.output)) {
        user.reopen = reopen;
        user.tick = tick;
    }
    extract.n_inputs = inputs->len;
    extract.style = (struct imapid_writer_style){
        .terminal = options->terminal,
        .verbose = options->verbose,
        .many = inputs->len > 1,
    };
    extract.headed = g_new0(char *, inputs->len + 1);
    write_head(&extract);
    good = imapid_run(options, inputs, &user, &totals);
    write_end(&extract, options, &totals, good);
    if (extract.has_sections && !extract.writer->continued)
        imapid_message(
            "sections of a chain: what two of them tell of one connection is twice in %s, "
            "once in -T sqlite",
            options->format);
    closed = imapid_output_is_closed(extract.output);
    good &= imapid_output_close(extract.output, is_kept(options, &totals, good));
    for (guint i = 0; i < inputs->len; i++)
        g_free(extract.headed[i]);
    g_free(extract.headed);
    if (!options->quiet && !closed)
        imapid_totals_print(&totals, options->chosen, NULL, NULL);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
