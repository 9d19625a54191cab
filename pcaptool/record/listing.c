/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listing.c: puts the records of a connection together and its row in its place.
 *
 * Exchanges are told before their session. What is kept of them until then is who the two sides say
 * they are; record/gist.h decides which of several counts.
 *
 * Refuses to keep exchanges for ever whose sessions do not come, as JSON Lines may have them: past
 * OPEN_MAX connections all are told as they are. Of what strangers say it keeps no more than a row can
 * show, and of what is told at length no more than the style has memory for, and DETAIL_MAX of a
 * connection; what is left out is counted.
 *
 * Misuse: records of several inputs in one listing. Streams count in an input. */
#include "record/listing.h"

#include "record/detail.h"
#include "record/gist.h"
#include "record/name.h"
#include "record/spell-record.h"
#include "record/spell.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 100000u

/* Octets of exchanges of one connection that are told at length: past it no further ones are. */
#define DETAIL_MAX (256u << 10)

/* A character has up to four octets; the rest is for some that take no column. */
#define KEPT_OF(columns) (4 * (gsize)(columns) + 256)

/* A connection whose session did not come yet. */
struct open {
    struct imapid_record_name name; /* first */
    struct imapid_record_conn conn; /* `file` is a copy */
    uint64_t order;                 /* the earlier it came the smaller */
    struct imapid_row_side sides[2];
    struct imapid_gist gist;
    struct imapid_detail *detail; /* NULL: not asked for */
};

/* A row that waits for its turn. */
struct waiting {
    guint file; /* its place among the files of the listing, as they came */
    int64_t ts_ns;
    uint64_t order;
    struct imapid_row_line *line; /* NULL: it is told at length */
    char *text;                   /* at length */
    char *heading;
    size_t n; /* octets of memory */
};

struct imapid_listing {
    const struct imapid_listing_style *style;
    GHashTable *open;  /* struct open */
    GPtrArray *rows;   /* struct waiting */
    GHashTable *files; /* their places + 1, by name */
    size_t n_waiting;  /* octets of them */
    size_t n_details;  /* octets of what open connections will tell at length */
    uint64_t order;
    int64_t origin_ns; /* the earliest time so far, or IMAPID_TIME_NONE */
    char *heading;     /* the last one written */
    struct imapid_row_line *last;
    struct imapid_listing_counts counts;
};

/* ---- connections by their key ---- */

static void free_side(struct imapid_row_side *side)
{
    g_free((void *)side->name.octets);
    g_free((void *)side->version.octets);
    g_free((void *)side->os.octets);
}

static void free_open(gpointer data)
{
    struct open *open = data;

    free_side(&open->sides[0]);
    free_side(&open->sides[1]);
    imapid_detail_free(open->detail);
    g_free((char *)open->conn.site);
    g_free((char *)open->conn.file);
    g_free(open);
}

static void free_waiting(gpointer data)
{
    struct waiting *waiting = data;

    if (waiting->line)
        imapid_row_line_free(waiting->line);
    g_free(waiting->text);
    g_free(waiting->heading);
    g_free(waiting);
}

struct imapid_listing *imapid_listing_new(const struct imapid_listing_style *style)
{
    struct imapid_listing *listing = g_new0(struct imapid_listing, 1);

    listing->style = style;
    listing->origin_ns = IMAPID_TIME_NONE;
    listing->open =
        g_hash_table_new_full(imapid_record_name_hash, imapid_record_name_equal, NULL, free_open);
    listing->rows = g_ptr_array_new_with_free_func(free_waiting);
    listing->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return listing;
}

void imapid_listing_free(struct imapid_listing *listing)
{
    if (!listing)
        return;
    g_hash_table_unref(listing->open);
    g_ptr_array_unref(listing->rows);
    g_hash_table_unref(listing->files);
    if (listing->last)
        imapid_row_line_free(listing->last);
    g_free(listing->heading);
    g_free(listing);
}

static struct open *get_open(struct imapid_listing *listing, const struct imapid_record_conn *conn)
{
    struct imapid_record_name name = imapid_record_name_of(conn);
    struct open *open = g_hash_table_lookup(listing->open, &name);

    if (open)
        return open;
    open = g_new0(struct open, 1);
    open->conn = *conn;
    open->conn.site = g_strdup(conn->site);
    open->conn.file = g_strdup(conn->file);
    open->name = imapid_record_name_of(&open->conn);
    open->order = listing->order++;
    open->gist = IMAPID_GIST_BEGUN;
    if (listing->style->verbose)
        open->detail = imapid_detail_new();
    g_hash_table_add(listing->open, open);
    return open;
}

/* ---- exchanges ---- */

/* At most n_max octets of it, and no part of a character at its end. */
static struct imapid_record_string copy_string(const struct imapid_record_string *string,
                                               gsize n_max)
{
    gsize n;

    if (!string || string->is_nil)
        return (struct imapid_record_string){.is_nil = true};
    n = MIN(string->n, n_max);
    while (n && n < string->n && (string->octets[n] & 0xc0) == 0x80)
        n--;
    return (struct imapid_record_string){
        false, g_memdup2(n ? string->octets : (const uint8_t *)"", n + !n), n};
}

static void take_side(struct open *open, const struct imapid_record_exchange *exchange,
                      enum imapid_side side, unsigned columns)
{
    gsize n_max = KEPT_OF(columns);
    const struct imapid_record_half *half =
        side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
    struct imapid_row_side *known = &open->sides[side];

    free_side(known);
    known->is_seen = true;
    known->name = copy_string(imapid_record_find(half, IMAPID_FIELD_NAME), n_max);
    known->version = copy_string(imapid_record_find(half, IMAPID_FIELD_VERSION), n_max);
    known->os = copy_string(imapid_record_find(half, IMAPID_FIELD_OS), n_max);
}

static void note_time(struct imapid_listing *listing, int64_t ts_ns)
{
    listing->origin_ns = imapid_time_first(listing->origin_ns, ts_ns);
}

static void finish(struct imapid_listing *listing, struct open *open,
                   const struct imapid_record_session *session);

/* In the order they came. */
static gint compare_open(gconstpointer a, gconstpointer b)
{
    const struct open *one = *(struct open *const *)a, *other = *(struct open *const *)b;

    return one->order < other->order ? -1 : one->order > other->order;
}

static void finish_all(struct imapid_listing *listing)
{
    GPtrArray *all = g_ptr_array_new();
    GHashTableIter iter;
    gpointer open;

    g_hash_table_iter_init(&iter, listing->open);
    while (g_hash_table_iter_next(&iter, &open, NULL))
        g_ptr_array_add(all, open);
    g_ptr_array_sort(all, compare_open);
    for (guint i = 0; i < all->len; i++)
        finish(listing, all->pdata[i], NULL);
    g_ptr_array_unref(all);
}

static void add_detail(struct imapid_listing *listing, struct imapid_detail *detail,
                       const struct imapid_record_exchange *exchange)
{
    gsize n_before = imapid_detail_count_memory(detail);

    if (n_before >= DETAIL_MAX || listing->n_details >= listing->style->n_memory) {
        imapid_detail_leave_out(detail);
        return;
    }
    imapid_detail_add_exchange(detail, exchange, &listing->style->terminal);
    listing->n_details += imapid_detail_count_memory(detail) - n_before;
}

void imapid_listing_add_exchange(struct imapid_listing *listing,
                                 const struct imapid_record_exchange *exchange)
{
    struct imapid_stamp when = imapid_record_when(exchange);
    struct imapid_gist_said said;
    struct open *open;
    int64_t rtt_ns;
    bool tells[2];

    if (g_hash_table_size(listing->open) >= OPEN_MAX)
        finish_all(listing);
    open = get_open(listing, &exchange->conn);
    open->conn.doubts = exchange->conn.doubts;
    imapid_gist_look(exchange, &said);
    imapid_gist_add(&open->gist, &said, when.ts_ns, when.number,
                    imapid_record_rtt_ns(exchange, &rtt_ns) ? rtt_ns : -1, tells);
    note_time(listing, open->gist.ts_ns);
    for (int side = 0; side < 2; side++)
        if (tells[side])
            take_side(open, exchange, (enum imapid_side)side, listing->style->terminal.columns);
    if (open->detail)
        add_detail(listing, open->detail, exchange);
}

/* ---- rows ---- */

/* The tunnels that it came through, if any: who sent it is who sent these packets. */
static void add_tunnels(GString *out, const struct imapid_record_conn *conn)
{
    struct imapid_path tunnels = {.n = 0};

    for (unsigned i = 0; i < conn->path.n; i++)
        if (conn->path.hops[i].family)
            tunnels.hops[tunnels.n++] = conn->path.hops[i];
    if (!tunnels.n)
        return;
    g_string_append(out, "in ");
    imapid_spell_path_text(out, &tunnels);
}

static void add_part(GString *heading, GString *part, bool utf8)
{
    if (heading->len && part->len)
        g_string_append(heading, utf8 ? " \xc2\xb7 " : " - ");
    g_string_append_len(heading, part->str, (gssize)part->len);
    g_string_truncate(part, 0);
}

/* The day, the file and the tunnels. */
static char *make_heading(const struct imapid_listing *listing, const struct imapid_row *row)
{
    const struct imapid_terminal *terminal = &listing->style->terminal;
    GString *heading = g_string_new(NULL), *part = g_string_new(NULL);
    const char *file = row->conn->file;

    imapid_row_spell_date(heading, terminal, row->ts_ns);
    if (file)
        imapid_spell_value(part, (const uint8_t *)file, strlen(file), terminal->utf8);
    add_part(heading, part, terminal->utf8);
    add_tunnels(part, row->conn);
    add_part(heading, part, terminal->utf8);
    g_string_free(part, TRUE);
    return g_string_free(heading, FALSE);
}

static void count(struct imapid_listing *listing, const struct imapid_row *row)
{
    const struct imapid_row_side *client = &row->sides[IMAPID_CLIENT];

    listing->counts.n++;
    listing->counts.n_named += client->is_seen && (!client->name.is_nil || !client->version.is_nil);
    listing->counts.n_silent += !client->is_seen && row->session &&
                                imapid_record_is_whole(row->session) && !row->session->not_imap;
    listing->counts.n_unread += row->session && row->session->not_decrypted;
    listing->counts.n_results[row->result]++;
}

/* Records read back may be of many files, each with its own order of time. */
static guint find_file(struct imapid_listing *listing, const char *file)
{
    guint place;

    if (listing->style->is_one || !file)
        return 0;
    place = GPOINTER_TO_UINT(g_hash_table_lookup(listing->files, file));
    if (!place) {
        place = g_hash_table_size(listing->files) + 1;
        g_hash_table_insert(listing->files, g_strdup(file), GUINT_TO_POINTER(place));
    }
    return place;
}

static void add_row(struct imapid_listing *listing, const struct imapid_row *row, uint64_t order,
                    struct imapid_detail *detail)
{
    struct waiting *waiting = g_new0(struct waiting, 1);
    const struct imapid_terminal *terminal = &listing->style->terminal;

    waiting->file = find_file(listing, row->conn->file);
    waiting->ts_ns = row->ts_ns;
    waiting->order = order;
    if (detail) {
        GString *text = g_string_new(NULL);

        imapid_detail_spell(text, detail, row, terminal, listing->origin_ns);
        waiting->n = text->len;
        waiting->text = g_strndup(text->str, text->len); /* what it has grown by is not kept */
        g_string_free(text, TRUE);
    } else {
        waiting->line = imapid_row_spell(row, terminal, listing->origin_ns);
        waiting->heading = make_heading(listing, row);
        waiting->n = waiting->line->text->allocated_len + strlen(waiting->heading);
    }
    waiting->n += sizeof *waiting + sizeof *waiting->line;
    listing->n_waiting += waiting->n;
    g_ptr_array_add(listing->rows, waiting);
    count(listing, row);
}

/* Makes the row of a connection, and forgets it. */
static void finish(struct imapid_listing *listing, struct open *open,
                   const struct imapid_record_session *session)
{
    struct imapid_gist *gist = &open->gist;
    enum imapid_result result = imapid_gist_close(gist, session);
    struct imapid_row row = {.ts_ns = gist->ts_ns,
                             .frame = imapid_gist_get_frame(gist, session),
                             .conn = session ? &session->conn : &open->conn,
                             .security = gist->security,
                             .compressed = gist->compressed,
                             .session = session,
                             .rtt_ns = gist->rtt_ns,
                             .result = result,
                             .n_warnings = gist->n_warnings,
                             .keylog = listing->style->keylog,
                             .codes = gist->codes};

    memcpy(row.sides, open->sides, sizeof row.sides);
    note_time(listing, row.ts_ns);
    if (open->detail)
        listing->n_details -= imapid_detail_count_memory(open->detail);
    add_row(listing, &row, open->order, open->detail);
    g_hash_table_remove(listing->open, open);
}

void imapid_listing_add_session(struct imapid_listing *listing,
                                const struct imapid_record_session *session)
{
    finish(listing, get_open(listing, &session->conn), session);
}

/* ---- writing ---- */

static gint compare_rows(gconstpointer a, gconstpointer b)
{
    const struct waiting *one = *(struct waiting *const *)a, *other = *(struct waiting *const *)b;

    if (one->file != other->file)
        return one->file < other->file ? -1 : 1;
    if (one->ts_ns != other->ts_ns)
        return one->ts_ns < other->ts_ns ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

static void write_heading(struct imapid_listing *listing, const char *heading, GString *out)
{
    bool color = listing->style->terminal.color;

    if (!g_strcmp0(heading, listing->heading))
        return;
    g_string_append_printf(out, "%s%s%s\n", color ? "\033[1m" : "", heading,
                           color ? "\033[0m" : "");
    g_free(listing->heading);
    listing->heading = g_strdup(heading);
    if (listing->last)
        imapid_row_line_free(listing->last);
    listing->last = NULL;
}

static void write_row(struct imapid_listing *listing, struct waiting *waiting, GString *out)
{
    listing->n_waiting -= waiting->n;
    if (waiting->text) {
        g_string_append(out, waiting->text);
        g_clear_pointer(&waiting->text, g_free);
        return;
    }
    write_heading(listing, waiting->heading, out);
    imapid_row_write(out, waiting->line, listing->last, &listing->style->terminal);
    if (listing->last)
        imapid_row_line_free(listing->last);
    listing->last = waiting->line;
    waiting->line = NULL;
}

static void write_rows(struct imapid_listing *listing, guint n, GString *out)
{
    if (!listing->style->is_live)
        g_ptr_array_sort(listing->rows, compare_rows);
    for (guint i = 0; i < n; i++)
        write_row(listing, listing->rows->pdata[i], out);
    if (n)
        g_ptr_array_remove_range(listing->rows, 0, n);
}

void imapid_listing_take(struct imapid_listing *listing, GString *out)
{
    if (listing->style->is_live)
        write_rows(listing, listing->rows->len, out);
    else if (listing->n_waiting > listing->style->n_memory)
        write_rows(listing, listing->rows->len / 2, out);
}

void imapid_listing_end(struct imapid_listing *listing, GString *out)
{
    finish_all(listing);
    write_rows(listing, listing->rows->len, out);
}

/* ---- counts ---- */

const struct imapid_listing_counts *imapid_listing_get_counts(const struct imapid_listing *listing)
{
    return &listing->counts;
}

void imapid_listing_add_counts(struct imapid_listing_counts *counts,
                               const struct imapid_listing_counts *more)
{
    counts->n += more->n;
    counts->n_named += more->n_named;
    counts->n_silent += more->n_silent;
    counts->n_unread += more->n_unread;
    for (int i = 0; i < IMAPID_N_RESULTS; i++)
        counts->n_results[i] += more->n_results[i];
}

void imapid_listing_spell_counts(GString *out, const struct imapid_listing_counts *counts)
{
    imapid_spell_grouped(out, counts->n);
    g_string_append(out, counts->n == 1 ? " connection, " : " connections, ");
    imapid_spell_grouped(out, counts->n_named);
    g_string_append(out, counts->n_named == 1 ? " named its program" : " named their program");
    if (counts->n_silent) {
        g_string_append(out, ", ");
        imapid_spell_grouped(out, counts->n_silent);
        g_string_append(out, " sent no ID");
    }
    if (counts->n_unread) {
        g_string_append(out, ", ");
        imapid_spell_grouped(out, counts->n_unread);
        g_string_append(out, " not read");
    }
}

void imapid_listing_spell_wrongs(GString *out, const struct imapid_listing_counts *counts)
{
    uint64_t n = 0;
    const char *before = ": ";

    for (int i = 0; i < IMAPID_N_RESULTS; i++)
        if (imapid_result_mark((enum imapid_result)i) == IMAPID_MARK_WRONG)
            n += counts->n_results[i];
    if (!n)
        return;
    imapid_spell_grouped(out, n);
    g_string_append(out, " went wrong");
    for (int i = 0; i < IMAPID_N_RESULTS; i++) {
        if (!counts->n_results[i] || imapid_result_mark((enum imapid_result)i) != IMAPID_MARK_WRONG)
            continue;
        g_string_append(out, before);
        imapid_result_spell_count(out, (enum imapid_result)i, counts->n_results[i]);
        before = ", ";
    }
}
