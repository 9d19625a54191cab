/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.c: the command cut. It reads every capture twice:
 *
 *     capture -> records -> which connections are chosen?       \
 *             -> which packet is of which connection? (framelog) -> capture again -> their packets (pick)
 *
 * then writes what was picked of all captures, in the order of time (merge). Each capture is read again
 * as soon as it was read, by the same thread; with --continuous, when all are. Of a pipe its octets are put
 * away, to be read again.
 *
 * Refuses records of earlier runs, and to write on a terminal. Where nothing is chosen, nothing is written.
 *
 * Misuse: inputs without an end. Nothing is written before it. */
#include "bug-report.h"
#include "message.h"
#include "number.h"
#include "output.h"
#include "run.h"
#include "share.h"
#include "stop.h"

#include "cut/blocks.h"
#include "cut/framelog.h"
#include "cut/merge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of captures that are written; behind it the version. */
#define APPLICATION "imapid "

/* An input. */
struct part {
    const struct imapid_input *input;
    struct imapid_framelog framelog;
    struct imapid_bits chosen;   /* streams; with --continuous those of all are the first one's */
    struct imapid_spill_run raw; /* what came, where it cannot be read again */
    struct imapid_pick pick;
    struct imapid_spill_run secrets; /* lines of a key log, of chosen connections */
    GArray
        *places; /* struct imapid_share_place, likewise as `chosen`; NULL: none is to be shared */
};

struct cut {
    const struct imapid_options *options;
    guint n_parts;
    struct part *parts;
    GHashTable *by_path; /* struct part, by the pointer to its input's path */
    struct imapid_spill *spill;
    struct imapid_output *output;
    struct imapid_output *report;         /* what to paste into a bug report; NULL: not asked for */
    GByteArray *section;                  /* the block at the head of what is written */
    struct imapid_spill_run *aside;       /* what is written goes there; NULL: to the output */
    gboolean has_end;                     /* the inputs have one, but for a signal */
    gint failed;                          /* atomic: of the second reading */
    struct imapid_pseudonyms *pseudonyms; /* NULL: packets are copied as they are */
    struct imapid_share share;            /* else: what is written instead */
};

/* ---- the first reading ---- */

static void on_exchange(void *ctx, guint part, const struct imapid_record_exchange *exchange)
{
    (void)ctx;
    (void)part;
    (void)exchange; /* its session will come */
}

/* The streams that are chosen. */
static struct imapid_bits *get_chosen(struct cut *cut, struct part *part)
{
    return cut->options->continuous ? &cut->parts[0].chosen : &part->chosen;
}

static void note_place(struct cut *cut, struct part *part,
                       const struct imapid_record_session *session)
{
    const struct part *begins = g_hash_table_lookup(cut->by_path, session->conn.file);
    struct imapid_share_place place = {
        .file = cut->options->continuous && begins ? begins->input->path : NULL,
        .frame = session->conn.first_frame,
        .first_ns = session->first_ns,
        .client = session->conn.client,
        .server = session->conn.server,
    };
    GArray **places = cut->options->continuous ? &cut->parts[0].places : &part->places;

    if (!*places)
        *places = g_array_new(FALSE, FALSE, sizeof place);
    g_array_append_val(*places, place);
}

static void on_session(void *ctx, guint part, const struct imapid_record_session *session)
{
    struct cut *cut = ctx;

    imapid_bits_set(get_chosen(cut, &cut->parts[part]), session->conn.stream_of_run);
    if (cut->pseudonyms)
        note_place(cut, &cut->parts[part], session);
}

static void on_capture(void *ctx, guint part, const struct imapid_record_capture *capture)
{
    (void)ctx;
    (void)part;
    (void)capture;
}

static void on_packet(void *ctx, const char *file, uint64_t number, uint32_t stream)
{
    struct cut *cut = ctx;
    struct part *part = g_hash_table_lookup(cut->by_path, file);

    imapid_framelog_add(&part->framelog, cut->spill, number, stream);
}

static void on_octets(void *ctx, guint part, const uint8_t *octets, size_t n)
{
    struct cut *cut = ctx;

    imapid_spill_add(cut->spill, &cut->parts[part].raw, octets, n);
}

static void on_secrets(void *ctx, const char *file, uint32_t stream, const char *lines, size_t n)
{
    struct cut *cut = ctx;
    struct part *part = g_hash_table_lookup(cut->by_path, file);

    if (imapid_bits_has(get_chosen(cut, part), stream))
        imapid_spill_add(cut->spill, &part->secrets, lines, n);
}

/* ---- what is written ---- */

static void complain(struct cut *cut, const char *of, const char *what)
{
    imapid_message("%s: %s", of, what);
    g_atomic_int_set(&cut->failed, 1);
}

static gboolean is_closed(void *ctx)
{
    return imapid_output_is_closed(((struct cut *)ctx)->output);
}

static void put(void *ctx, const uint8_t *octets, size_t n)
{
    struct cut *cut = ctx;

    if (cut->aside)
        imapid_spill_add(cut->spill, cut->aside, octets, n);
    else
        imapid_output_add(cut->output, 0, (const char *)octets, n);
}

/* Octets of secrets that become one block; none is cut. */
#define N_SECRETS 65536u

/* Gives whole lines, as far as there are, and takes them off. */
static void put_lines(struct cut *cut, GByteArray *lines)
{
    GByteArray *block = g_byte_array_new();
    guint n = lines->len;

    while (n && lines->data[n - 1] != '\n')
        n--;
    if (n) {
        imapid_blocks_add_secrets(block, lines->data, n);
        put(cut, block->data, block->len);
        g_byte_array_remove_range(lines, 0, n);
    }
    g_byte_array_unref(block);
}

static void put_secrets(struct cut *cut, const struct part *parts, guint n_parts)
{
    GByteArray *lines = g_byte_array_new();
    uint8_t octets[4096];
    ptrdiff_t n;

    for (guint i = 0; i < n_parts; i++) {
        struct imapid_spill_reader reader = {.spill = cut->spill, .run = &parts[i].secrets};

        while ((n = imapid_spill_read(&reader, octets, sizeof octets)) > 0) {
            g_byte_array_append(lines, octets, (guint)n);
            if (lines->len >= N_SECRETS)
                put_lines(cut, lines);
        }
        if (n < 0)
            complain(cut, "temporary file", g_strerror(errno));
    }
    put_lines(cut, lines);
    g_byte_array_unref(lines);
}

/* What was asked for may name somebody. */
static char *describe(const struct cut *cut)
{
    const struct imapid_where *where = cut->options->chosen;

    return cut->pseudonyms
               ? g_strdup("cut and masked by imapid")
               : g_strconcat("cut by imapid: the connections ", where ? "where " : "of IMAP",
                             where ? imapid_where_describe(where) : NULL, NULL);
}

static GByteArray *make_section(const struct cut *cut)
{
    GByteArray *section = g_byte_array_new();
    char *comment = describe(cut);

    imapid_blocks_add_section(section, APPLICATION IMAPID_VERSION, comment);
    g_free(comment);
    return section;
}

gboolean imapid_cut_has_written(const char *path)
{
    uint8_t octets[64];
    FILE *file = fopen(path, "re");
    size_t n = file ? fread(octets, 1, sizeof octets, file) : 0;

    if (file)
        (void)fclose(file);
    return imapid_blocks_is_section_of(octets, n, APPLICATION);
}

static void put_blocks(struct cut *cut, const GByteArray *blocks)
{
    if (blocks && blocks->len)
        put(cut, blocks->data, blocks->len);
}

/* ---- the second reading ---- */

/* NULL with a message. `reader` has to outlive it. */
static struct imapid_capture *open_again(struct cut *cut, const struct part *part,
                                         struct imapid_spill_reader *reader)
{
    char *message = NULL;
    struct imapid_window_source source = {.read = imapid_spill_read, .ctx = reader};
    struct imapid_capture *capture;

    *reader = (struct imapid_spill_reader){.spill = cut->spill, .run = &part->raw};
    if (part->raw.n)
        return imapid_capture_open_source(part->input->path, &source);
    capture = imapid_capture_open(part->input->path, &message);

    if (!capture) {
        imapid_message("%s", message);
        g_atomic_int_set(&cut->failed, 1);
    }
    g_free(message);
    return capture;
}

/* Of one capture there is nothing to be put in order. */
static void put_at_once(struct cut *cut, struct part *part)
{
    put_blocks(cut, cut->section);
    put_secrets(cut, cut->parts, cut->n_parts);
    part->pick.put = put;
    part->pick.put_ctx = cut;
}

static void pick(struct cut *cut, struct part *part)
{
    struct imapid_bits frames = {.n = 0};
    struct imapid_spill_reader reader;
    struct imapid_capture *capture = NULL;
    char *file = g_utf8_make_valid(
        strcmp(part->input->path, "-") ? part->input->path : "standard input", -1);

    imapid_spill_rest(cut->spill, &part->secrets);
    if (!imapid_framelog_choose(&part->framelog, cut->spill, get_chosen(cut, part), &frames))
        complain(cut, "temporary file", g_strerror(errno));
    imapid_spill_clear(cut->spill, &part->framelog.run);
    if (!cut->options->continuous && (cut->n_parts == 1 || cut->pseudonyms))
        part->pick.section = cut->section;
    if (frames.n && cut->n_parts == 1 && !cut->pseudonyms)
        put_at_once(cut, part);
    if (frames.n && (capture = open_again(cut, part, &reader)) &&
        !imapid_pick_read(&part->pick, capture, file, &frames, cut->spill))
        complain(cut, part->input->path, "changed while it was read");
    imapid_capture_close(capture);
    imapid_spill_clear(cut->spill, &part->raw);
    imapid_bits_clear(&frames);
    g_free(file);
}

static gboolean is_stopped(const struct cut *cut)
{
    return cut->has_end && imapid_stop_is_set();
}

static void on_end(void *ctx, guint part)
{
    struct cut *cut = ctx;

    if (!cut->options->continuous && !is_stopped(cut))
        pick(cut, &cut->parts[part]);
}

static void on_finish(void *ctx)
{
    struct cut *cut = ctx;

    for (guint i = 0; cut->options->continuous && i < cut->n_parts && !is_stopped(cut); i++)
        pick(cut, &cut->parts[i]);
}

/* ---- all of them together ---- */

/* False: nobody reads any more. */
static bool put_packet(void *ctx, const uint8_t *block, size_t n)
{
    put(ctx, block, n);
    return !is_closed(ctx);
}

static void put_packets(struct cut *cut, const struct imapid_pick *const *picks, guint n)
{
    if (!imapid_merge(cut->spill, picks, n, put_packet, cut))
        complain(cut, "temporary file", g_strerror(errno));
}

/* The packets of these inputs as they are. */
static void put_capture(struct cut *cut, const struct part *parts, guint n)
{
    const struct imapid_pick **picks = g_new(const struct imapid_pick *, n + 1);

    put_blocks(cut, cut->section);
    put_secrets(cut, parts, n);
    for (guint i = 0; i < n; i++) {
        picks[i] = &parts[i].pick;
        put_blocks(cut, parts[i].pick.interfaces);
    }
    put_packets(cut, picks, n);
    g_free(picks);
}

static guint64 count_packets(const struct cut *cut)
{
    guint64 n = 0;

    for (guint i = 0; i < cut->n_parts; i++)
        n += cut->parts[i].pick.n_packets;
    return n;
}

/* Is all there that was put away? */
static gboolean is_complete(struct cut *cut)
{
    char *why = imapid_spill_explain(cut->spill);

    if (why) {
        imapid_message("%s", why);
        cut->failed = 1;
    }
    g_free(why);
    return !cut->failed;
}

/* ---- what is shared ---- */

/* Reads what was cut of these inputs, and adds what comes of its sessions. */
static void share(struct cut *cut, const struct part *parts, guint n)
{
    struct imapid_spill_run whole = {.n = 0};
    struct imapid_spill_reader reader = {.spill = cut->spill, .run = &whole};
    struct imapid_window_source source = {.read = imapid_spill_read, .ctx = &reader};
    char *why;

    cut->aside = &whole;
    put_capture(cut, parts, n);
    cut->aside = NULL;
    imapid_spill_rest(cut->spill, &whole);
    cut->share.places = parts->places;
    why = imapid_share_read(&cut->share, imapid_capture_open_source("what was cut", &source));
    if (why)
        complain(cut, n == 1 ? parts->input->path : "the inputs", why);
    g_free(why);
    imapid_spill_clear(cut->spill, &whole);
}

/* The section of each session, from 0: one that was captured twice would be one of both if they stood side by side. */
static guint *share_out(const struct imapid_share *share, guint *n_sections)
{
    guint *sections = g_new0(guint, MAX(share->sessions->len, 1));
    GHashTable *latest = g_hash_table_new(g_bytes_hash, g_bytes_equal); /* its place, from 1 */

    *n_sections = 1;
    for (guint i = 0; i < share->sessions->len; i++) {
        gpointer ends = share->ends->pdata[i];
        guint before = GPOINTER_TO_UINT(g_hash_table_lookup(latest, ends));
        const struct imapid_pick *pick = share->sessions->pdata[i];

        if (before) {
            const struct imapid_pick *other = share->sessions->pdata[before - 1];

            sections[i] = sections[before - 1] + (pick->first_ns <= other->last_ns);
            *n_sections = MAX(*n_sections, sections[i] + 1);
        }
        g_hash_table_insert(latest, ends, GUINT_TO_POINTER(i + 1));
    }
    g_hash_table_destroy(latest);
    return sections;
}

static void put_shared(struct cut *cut)
{
    GByteArray *interface = g_byte_array_new();
    GPtrArray *sessions = cut->share.sessions, *chosen = g_ptr_array_new();
    guint n_sections, *sections = share_out(&cut->share, &n_sections);

    imapid_share_add_interface(interface);
    for (guint k = 0; k < n_sections; k++) {
        g_ptr_array_set_size(chosen, 0);
        for (guint i = 0; i < sessions->len; i++)
            if (sections[i] == k)
                g_ptr_array_add(chosen, sessions->pdata[i]);
        put_blocks(cut, cut->section);
        put_blocks(cut, interface);
        put_packets(cut, (const struct imapid_pick *const *)chosen->pdata, chosen->len);
    }
    g_free(sections);
    g_ptr_array_unref(chosen);
    g_byte_array_unref(interface);
}

/* What is written is read before it goes, so that the report says what its readers will see. */
static void put_and_report(struct cut *cut)
{
    struct imapid_spill_run whole = {.n = 0};
    struct imapid_spill_reader reader = {.spill = cut->spill, .run = &whole};
    struct imapid_spill_reader again = reader;
    struct imapid_window_source source = {.read = imapid_spill_read, .ctx = &reader};
    uint8_t octets[4096];
    GString *report;
    ptrdiff_t n;

    cut->aside = &whole;
    put_shared(cut);
    cut->aside = NULL;
    imapid_spill_rest(cut->spill, &whole);
    report =
        imapid_bug_report_new(&cut->share, imapid_capture_open_source("what was masked", &source));
    imapid_output_add(cut->report, 0, report->str, report->len);
    g_string_free(report, TRUE);
    while ((n = imapid_spill_read(&again, octets, sizeof octets)) > 0)
        put(cut, octets, (size_t)n);
    if (n < 0)
        complain(cut, "temporary file", g_strerror(errno));
    imapid_spill_clear(cut->spill, &whole);
}

/* All sessions, or nothing. */
static void share_all(struct cut *cut)
{
    guint n_at_a_time = cut->options->continuous ? cut->n_parts : 1;
    int64_t first_ns = IMAPID_TIME_NONE;

    for (guint i = 0; i < cut->n_parts; i++)
        if (cut->parts[i].pick.n_packets)
            first_ns = imapid_time_first(first_ns, cut->parts[i].pick.first_ns);
    cut->share.first_ns = first_ns;
    for (guint i = 0; i < cut->n_parts && !cut->failed; i += n_at_a_time)
        share(cut, &cut->parts[i], n_at_a_time);
    if (cut->failed || !is_complete(cut))
        return;
    if (cut->share.n_sealed)
        imapid_message("not decrypted, and shared without what was said in them: %" G_GUINT64_FORMAT
                       " session%s (see -l)",
                       cut->share.n_sealed, imapid_number_s(cut->share.n_sealed));
    if (cut->report)
        put_and_report(cut);
    else
        put_shared(cut);
}

static void free_pick(gpointer pick)
{
    imapid_pick_clear(pick);
    g_free(pick);
}

static void free_ends(gpointer ends)
{
    g_bytes_unref(ends);
}

/* Returns whether there is something to be kept. */
static gboolean write_all(struct cut *cut)
{
    if (!is_complete(cut) || !count_packets(cut))
        return FALSE;
    if (cut->pseudonyms)
        share_all(cut);
    else if (cut->n_parts > 1)
        put_capture(cut, cut->parts, cut->n_parts);
    return !cut->failed;
}

/* ---- the command ---- */

static void init_parts(struct cut *cut, const GArray *inputs)
{
    cut->n_parts = inputs->len;
    cut->parts = g_new0(struct part, MAX(inputs->len, 1));
    cut->by_path = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < inputs->len; i++) {
        cut->parts[i].input = &g_array_index(inputs, struct imapid_input, i);
        g_hash_table_insert(cut->by_path, cut->parts[i].input->path, &cut->parts[i]);
    }
}

static void free_parts(struct cut *cut)
{
    for (guint i = 0; i < cut->n_parts; i++) {
        struct part *part = &cut->parts[i];

        imapid_spill_clear(NULL, &part->framelog.run);
        imapid_spill_clear(NULL, &part->raw);
        imapid_spill_clear(NULL, &part->secrets);
        imapid_pick_clear(&part->pick);
        imapid_bits_clear(&part->chosen);
        if (part->places)
            g_array_unref(part->places);
    }
    g_hash_table_destroy(cut->by_path);
    g_free(cut->parts);
}

static void print_written(const struct cut *cut)
{
    guint64 n_streams = 0, n_packets = count_packets(cut);

    for (guint i = 0; i < cut->n_parts; i++)
        n_streams += cut->parts[i].chosen.n;
    imapid_message("written: %" G_GUINT64_FORMAT " packet%s of %" G_GUINT64_FORMAT " connection%s",
                   n_packets, imapid_number_s(n_packets), n_streams, imapid_number_s(n_streams));
}

/* False where something failed, or nothing was chosen. */
static gboolean run(struct cut *cut, const GArray *inputs)
{
    const struct imapid_options *options = cut->options;
    struct imapid_job_user user = {.exchange = on_exchange,
                                   .session = on_session,
                                   .capture = on_capture,
                                   .end = on_end,
                                   .is_closed = is_closed,
                                   .ctx = cut,
                                   .where = options->chosen,
                                   .packet = on_packet,
                                   .octets = on_octets,
                                   .secrets =
                                       options->no_secrets && !options->scrub ? NULL : on_secrets,
                                   .finish = on_finish};
    struct imapid_totals totals;
    gboolean good = imapid_run(options, inputs, &user, &totals);
    gboolean keep = !totals.is_stopped && write_all(cut);

    if (!options->quiet)
        imapid_totals_print(&totals, options->chosen, NULL, NULL);
    if (!keep && !cut->failed && !totals.is_stopped)
        imapid_message("no connection is chosen, and nothing is written");
    keep &= imapid_output_close(cut->output, keep);
    if (cut->report)
        keep &= imapid_output_close(cut->report, keep);
    if (keep && !options->quiet)
        print_written(cut);
    return good && keep;
}

enum imapid_exit imapid_cut(const struct imapid_options *options, const GArray *inputs)
{
    struct cut cut = {.options = options, .has_end = !imapid_inputs_count_live(inputs)};
    char *message = NULL;
    gboolean good;

    if (options->terminal.is_terminal) {
        imapid_message("a capture is not written to a terminal: --write FILE");
        return IMAPID_EXIT_FAILED;
    }
    if (options->bug_report && !options->scrub) {
        imapid_message("--bug-report is for --scrub");
        return IMAPID_EXIT_FAILED;
    }
    if (options->bug_report && imapid_output_is_standard(options->write)) {
        imapid_message("--bug-report is printed, so the capture needs a file: --write FILE");
        return IMAPID_EXIT_FAILED;
    }
    if (options->redact_key && !options->scrub) {
        imapid_message("--redact-key is for --scrub: packets are copied as they are");
        return IMAPID_EXIT_FAILED;
    }
    cut.spill = imapid_spill_new(&message);
    if (cut.spill && options->scrub)
        cut.pseudonyms = imapid_pseudonyms_new(options->redact_key, &message);
    if (message)
        imapid_message("%s", message);
    else
        cut.output = imapid_output_open(options->write, 1, IMAPID_OUTPUT_BUFFERED);
    if (cut.output && options->bug_report)
        cut.report = imapid_output_open(NULL, 1, IMAPID_OUTPUT_BUFFERED);
    g_free(message);
    if (!cut.output) {
        imapid_pseudonyms_free(cut.pseudonyms);
        imapid_spill_free(cut.spill);
        return IMAPID_EXIT_FAILED;
    }
    cut.share = (struct imapid_share){.pseudonyms = cut.pseudonyms,
                                      .decode = &options->decode,
                                      .n_memory = options->n_memory,
                                      .spill = cut.spill,
                                      .origins = g_ptr_array_new_with_free_func(g_free),
                                      .sessions = g_ptr_array_new_with_free_func(free_pick),
                                      .ends = g_ptr_array_new_with_free_func(free_ends)};
    cut.section = make_section(&cut);
    init_parts(&cut, inputs);
    good = run(&cut, inputs);
    free_parts(&cut);
    g_byte_array_unref(cut.section);
    g_ptr_array_unref(cut.share.origins);
    g_ptr_array_unref(cut.share.sessions);
    g_ptr_array_unref(cut.share.ends);
    imapid_pseudonyms_free(cut.pseudonyms);
    imapid_spill_free(cut.spill);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
