/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-jsonl.c: JSON Lines to records, the way back from jsonl.c. What a sink gets is what the capture
 * would have given, but for what JSON does not keep (read-record.c).
 *
 * Several threads may read one input, a block of lines each; their records are told in the order of
 * the lines, unless the sink takes them in any. A file is read by each thread where its block is.
 *
 * The lines may come from anywhere. Refuses a line that is no record, with a message that names it,
 * and a line over a limit; the others are read. Lines of other types and of later schemas are skipped
 * and counted.
 *
 * Misuse: keeping a record after the sink's call. */
#include "record/read-jsonl.h"

#include "number.h"

#include "record/arena.h"
#include "record/json.h"
#include "record/lines.h"
#include "record/read-plain.h"
#include "record/read-record.h"

#include <errno.h>
#include <string.h>

/* The longest line: both halves of an exchange at the 64 KiB that are kept, their raw text, the hex
 * of both lists, every octet as six of JSON. */
#define LINE_MAX_OCTETS (8u << 20)

static const char too_long[] = "the line is too long";

/* Octets of lines that a thread reads at a time, where there are several; and how many there may
 * be. */
#define BLOCK       (256u << 10)
#define THREADS_MAX 64u

bool imapid_read_jsonl_is(const uint8_t *octets, size_t n, bool strict)
{
    static const char *const begins[] = {"{\"type\":\"exchange",  "{\"type\":\"session",
                                         "{\"type\":\"capture",   "{\"type\":\"interval",
                                         "{\"type\":\"continued", "{\"type\":\"end"};

    if (n >= 4 && !memcmp(octets, "\xef\xbb\xbf", 3)) {
        octets += 3;
        n -= 3;
    }
    for (size_t i = 0; strict && i < G_N_ELEMENTS(begins); i++)
        if (n >= strlen(begins[i]) && !memcmp(octets, begins[i], strlen(begins[i])))
            return true;
    if (n >= 4 && !memcmp(octets, "\n\r\r\n", 4))
        return false; /* pcapng */
    while (!strict && n && strchr(" \t\r\n", octets[0]) && octets[0]) {
        octets++;
        n--;
    }
    return !strict && n && octets[0] == '{';
}

/* ---- blocks of lines ---- */

/* Blocks that there are for each thread. With more than one it goes on to the next while the one that it has read waits
 * for its turn. */
#define BLOCKS_EACH 2u

/* Lines that are read together: by one thread, and told when it is their turn. */
struct block {
    GByteArray *text;
    struct imapid_arena arena;
    struct imapid_json_text json;
    GArray *parsed; /* struct imapid_read_record: the lines that are not blank */
    size_t begin;   /* of the first line in the text */
    uint64_t n_lines, turn;
    bool is_first, is_too_long; /* a line that is too long stands behind the others */
    bool is_read;               /* it waits for its turn */
    bool is_reading;            /* the crew's: its octets are not all there yet */
    bool is_told;               /* before its turn */
    char *failure;              /* reading ended here, and why; NULL: it did not */
};

/* Those who read one input together. */
struct crew {
    struct imapid_read_jsonl *reader;
    GMutex reading; /* guards what follows */
    struct imapid_lines lines;
    uint64_t n_taken;
    bool is_over;
    uint64_t failed_turn; /* the first; UINT64_MAX: none */
    GMutex telling;       /* and this: the sink, the counts of the reader */
    GCond told;
    uint64_t n_told;
    struct block *blocks;
    unsigned n_blocks;
    GPtrArray *idle; /* blocks that nobody reads */
    bool has_ended;  /* by a failure: what is behind it is not told */
    gint is_stopped; /* atomic */
};

static bool is_blank(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", octets[i]) || !octets[i])
            return false;
    return true;
}

static void add_bad(struct block *block, const char *error)
{
    struct imapid_read_record parsed = {block->n_lines, IMAPID_READ_BAD, NULL, error};

    g_array_append_val(block->parsed, parsed);
}

/* A line without its end. A byte order mark before the first one is dropped. */
static void parse_line(struct block *block, const uint8_t *octets, size_t n)
{
    struct imapid_read_record parsed = {.n_lines = ++block->n_lines};

    if (block->is_first && block->n_lines == 1 && n >= 3 && !memcmp(octets, "\xef\xbb\xbf", 3)) {
        octets += 3;
        n -= 3;
    }
    if (n > LINE_MAX_OCTETS) {
        add_bad(block, too_long);
    } else if (!is_blank(octets, n)) {
        parsed.record = imapid_read_plain(&block->arena, octets, n);
        parsed.outcome = IMAPID_READ_EXCHANGE;
        if (!parsed.record)
            imapid_read_record(&parsed, &block->json, &block->arena, octets, n);
        g_array_append_val(block->parsed, parsed);
    }
}

static void parse_block(struct block *block)
{
    const uint8_t *at = block->text->data + block->begin;
    const uint8_t *end = block->text->data + block->text->len;

    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = newline ? newline : end;

        parse_line(block, at, (size_t)(stop - at));
        at = newline ? newline + 1 : end;
    }
    block->n_lines += block->is_too_long || block->failure;
    if (block->is_too_long)
        add_bad(block, too_long);
    if (block->failure)
        add_bad(block, block->failure);
}

static char *explain(const struct imapid_read_jsonl *reader, int error)
{
    return reader->explain ? reader->explain(reader->read_ctx) : g_strdup(g_strerror(error));
}

/* What an input that can be read at any place has for a block. A thread does not wait for the others. */
static enum imapid_lines_result read_part(const struct crew *crew, struct block *block)
{
    const struct imapid_read_jsonl *reader = crew->reader;
    const struct imapid_lines_input input = {reader->read_at, reader->read_ctx, LINE_MAX_OCTETS};

    return imapid_lines_read_part(&input, block->turn * BLOCK, BLOCK, block->text, &block->begin);
}

/* False: there is nothing more to do. */
static bool take_block(struct crew *crew, struct block *block)
{
    enum imapid_lines_result result = IMAPID_LINES_END;
    bool in_parts = crew->reader->read_at && crew->reader->n_threads > 1, goes_on;
    int error;

    imapid_arena_reset(&block->arena);
    g_array_set_size(block->parsed, 0);
    block->n_lines = 0;
    g_mutex_lock(&crew->reading);
    goes_on = !crew->is_over && !g_atomic_int_get(&crew->is_stopped);
    block->turn = crew->n_taken++;
    block->is_first = !block->turn;
    block->is_told = false;
    block->is_reading = goes_on;
    if (goes_on && !in_parts)
        result = imapid_lines_next(&crew->lines, block->text);
    if (goes_on && in_parts) {
        g_mutex_unlock(&crew->reading);
        result = read_part(crew, block);
        error = errno;
        g_mutex_lock(&crew->reading);
        errno = error;
    }
    if (result == IMAPID_LINES_ERROR)
        block->failure = explain(crew->reader, errno);
    crew->is_over |= result == IMAPID_LINES_END || result == IMAPID_LINES_ERROR;
    if (block->failure)
        crew->failed_turn = MIN(crew->failed_turn, block->turn);
    block->is_reading = false;
    g_mutex_unlock(&crew->reading);
    block->is_too_long = result == IMAPID_LINES_TOO_LONG;
    return result != IMAPID_LINES_END;
}

static void complain(struct imapid_read_jsonl *reader, const char *what)
{
    char *message;

    if (++reader->n_bad > IMAPID_COMPLAINTS_MAX)
        return;
    message = g_strdup_printf(
        "%s: line %" G_GUINT64_FORMAT ": %s%s", reader->name, reader->n_lines, what,
        reader->n_bad == IMAPID_COMPLAINTS_MAX ? " (further lines are not reported)" : "");
    reader->complain(reader->sink->ctx, message);
    g_free(message);
}

/* What a person is told of a reason; the word itself where this version does not know it. */
static void tell_session(const struct imapid_read_jsonl *reader,
                         const struct imapid_record_session *session)
{
    struct imapid_record_session told = *session;
    const char *word = session->not_decrypted;
    const char *phrase = word && reader->terms ? reader->terms->explain_reason(word) : NULL;

    told.not_decrypted_phrase = phrase ? phrase : word;
    reader->sink->session(reader->sink->ctx, &told);
}

/* Lines may come from anywhere: a sum past all numbers is one that is not met either. */
static void add_promised(struct imapid_read_jsonl *reader, uint64_t n)
{
    if (__builtin_add_overflow(reader->n_promised, n, &reader->n_promised))
        reader->n_promised = UINT64_MAX;
}

static bool is_stopped(const struct imapid_read_jsonl *reader)
{
    return g_atomic_int_get(&reader->stop) != 0;
}

/* Gives a record to the sink. */
static void tell(const struct imapid_read_jsonl *reader, const struct imapid_read_record *parsed)
{
    const struct imapid_record_sink *sink = reader->sink;

    switch (parsed->outcome) {
    case IMAPID_READ_EXCHANGE:
        sink->exchange(sink->ctx, parsed->record);
        break;
    case IMAPID_READ_SESSION:
        tell_session(reader, parsed->record);
        break;
    case IMAPID_READ_CAPTURE:
        sink->capture(sink->ctx, parsed->record);
        break;
    case IMAPID_READ_CONTINUED:
        if (sink->continued)
            sink->continued(sink->ctx, parsed->record);
        break;
    default:
        break; /* no record */
    }
}

static void count(struct imapid_read_jsonl *reader, const struct imapid_read_record *parsed)
{
    switch (parsed->outcome) {
    case IMAPID_READ_SKIPPED:
        reader->n_skipped++;
        break;
    case IMAPID_READ_BAD:
        complain(reader, parsed->error);
        break;
    case IMAPID_READ_END:
        reader->n_ends++;
        add_promised(reader, *(const uint64_t *)parsed->record);
        break;
    default:
        reader->n_records++;
    }
}

static const struct imapid_read_record *get_parsed(const struct block *block, guint i)
{
    return &g_array_index(block->parsed, struct imapid_read_record, i);
}

/* Behind a failure nothing is told, so those before have to be read, though not told. */
static bool may_tell_early(struct crew *crew, const struct block *block)
{
    bool may = crew->reader->any_order;

    g_mutex_lock(&crew->reading);
    may = may && crew->failed_turn >= block->turn;
    for (unsigned i = 0; may && i < crew->n_blocks; i++)
        may = !crew->blocks[i].is_reading || crew->blocks[i].turn > block->turn;
    g_mutex_unlock(&crew->reading);
    return may;
}

/* Without waiting for others. */
static void tell_early(struct crew *crew, struct block *block)
{
    block->is_told = may_tell_early(crew, block);
    for (guint i = 0; block->is_told && i < block->parsed->len && !is_stopped(crew->reader); i++)
        tell(crew->reader, get_parsed(block, i));
}

static void tell_block(struct crew *crew, const struct block *block)
{
    struct imapid_read_jsonl *reader = crew->reader;
    uint64_t n_before = reader->n_lines;

    for (guint i = 0; i < block->parsed->len && !crew->has_ended && !is_stopped(reader); i++) {
        reader->n_lines = n_before + get_parsed(block, i)->n_lines;
        count(reader, get_parsed(block, i));
        if (!block->is_told)
            tell(reader, get_parsed(block, i));
    }
    if (!crew->has_ended && !is_stopped(reader))
        reader->n_lines = n_before + block->n_lines;
    crew->has_ended |= block->failure != NULL;
    g_atomic_int_set(&crew->is_stopped, is_stopped(reader));
}

/* The one whose turn it is; NULL: it is still read. */
static struct block *find_next(const struct crew *crew)
{
    for (unsigned i = 0; i < crew->n_blocks; i++)
        if (crew->blocks[i].is_read && crew->blocks[i].turn == crew->n_told)
            return &crew->blocks[i];
    return NULL;
}

/* Whoever ends the block that others wait for tells theirs as well. */
static void tell_in_turn(struct crew *crew, struct block *block)
{
    g_mutex_lock(&crew->telling);
    block->is_read = true;
    while ((block = find_next(crew))) {
        tell_block(crew, block);
        block->is_read = false;
        crew->n_told++;
        g_ptr_array_add(crew->idle, block);
    }
    g_cond_broadcast(&crew->told);
    g_mutex_unlock(&crew->telling);
}

/* One that is not idle is read by somebody, or waits for one that is. */
static struct block *get_idle(struct crew *crew)
{
    struct block *block;

    g_mutex_lock(&crew->telling);
    while (!crew->idle->len)
        g_cond_wait(&crew->told, &crew->telling);
    block = g_ptr_array_steal_index_fast(crew->idle, crew->idle->len - 1);
    g_mutex_unlock(&crew->telling);
    return block;
}

static void *work(void *data)
{
    struct crew *crew = data;
    struct block *block;

    while (take_block(crew, block = get_idle(crew))) {
        parse_block(block);
        tell_early(crew, block);
        tell_in_turn(crew, block);
    }
    return NULL;
}

static void make_blocks(struct crew *crew, unsigned n_threads)
{
    crew->n_blocks = n_threads > 1 ? BLOCKS_EACH * n_threads : 1;
    crew->blocks = g_new0(struct block, crew->n_blocks);
    crew->idle = g_ptr_array_new();
    for (unsigned i = 0; i < crew->n_blocks; i++) {
        crew->blocks[i].text = g_byte_array_new();
        crew->blocks[i].parsed = g_array_new(FALSE, FALSE, sizeof(struct imapid_read_record));
        g_ptr_array_add(crew->idle, &crew->blocks[i]);
    }
}

static void free_blocks(struct crew *crew)
{
    for (unsigned i = 0; i < crew->n_blocks; i++) {
        struct block *block = &crew->blocks[i];

        g_free(block->failure);
        imapid_json_deinit(&block->json);
        imapid_arena_deinit(&block->arena);
        g_array_unref(block->parsed);
        g_byte_array_unref(block->text);
    }
    g_ptr_array_unref(crew->idle);
    g_free(crew->blocks);
}

/* Each run ends its records by how many they are. Files may stand one behind the other, and lines in
 * any order, so it is the sums that are compared. */
static void judge_end(struct imapid_read_jsonl *reader)
{
    uint64_t n_at_most = reader->n_records + reader->n_skipped + reader->n_bad;
    char *message;

    if (is_stopped(reader) || reader->failed)
        return;
    if (reader->n_ends && reader->n_promised >= reader->n_records &&
        reader->n_promised <= n_at_most)
        return;
    reader->is_cut = true;
    if (!reader->n_ends)
        message =
            g_strdup_printf("%s: the file is cut: the line that ends it is missing", reader->name);
    else
        message = g_strdup_printf("%s: the file is cut: %" G_GUINT64_FORMAT
                                  " record%s, but the lines that end it say %" G_GUINT64_FORMAT,
                                  reader->name, n_at_most, imapid_number_s(n_at_most),
                                  reader->n_promised);
    reader->complain(reader->sink->ctx, message);
    g_free(message);
}

bool imapid_read_jsonl(struct imapid_read_jsonl *reader)
{
    unsigned n_more = reader->n_threads > 1 ? MIN(reader->n_threads, THREADS_MAX) - 1 : 0;
    GThread *threads[THREADS_MAX];
    struct crew crew = {
        .reader = reader,
        .lines = {reader->read, reader->read_ctx, n_more ? BLOCK : 0, LINE_MAX_OCTETS, NULL, false},
        .failed_turn = UINT64_MAX,
    };

    g_mutex_init(&crew.reading);
    g_mutex_init(&crew.telling);
    g_cond_init(&crew.told);
    make_blocks(&crew, n_more + 1);
    for (unsigned i = 0; i < n_more; i++)
        threads[i] = g_thread_new("records", work, &crew);
    work(&crew);
    for (unsigned i = 0; i < n_more; i++)
        g_thread_join(threads[i]);
    free_blocks(&crew);
    imapid_lines_deinit(&crew.lines);
    g_cond_clear(&crew.told);
    g_mutex_clear(&crew.telling);
    g_mutex_clear(&crew.reading);
    reader->failed = crew.failed_turn != UINT64_MAX;
    judge_end(reader);
    return !reader->n_bad && !reader->is_cut;
}
