/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output.c: puts texts of many threads into one order, and writes them to one file.
 *
 *     part that is due    -> file
 *     later parts         -> memory -> (past 1 MiB each) temporary file -> file, when they are due
 *     part far ahead      -> its thread waits
 *
 * After the first failure nothing more is written, and everybody who waits goes on.
 *
 * Refuses to write what stands behind all parts when one of them did not end.
 *
 * Misuse: beginning a part while no thread works on the one that is due. It waits for ever once it
 * is AHEAD_MAX ahead. */
#define _GNU_SOURCE /* fallocate */
#include "output.h"

#include "failure.h"
#include "message.h"
#include "newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a part that is not due may keep in memory: past it, pieces of this size go to a temporary
 * file, one for all parts. */
#define PART_MAX (1 << 20)

/* How far a part may be ahead of the one that is due: its thread waits then, so that thousands of
 * small captures behind a large one do not keep all memory. */
#define AHEAD_MAX 256

/* Octets between two calls of the kernel, where nobody waits for a line: stdio has 4096. */
#define BUFFER_MAX (64u << 10)

/* Octets of a part in the temporary file. */
struct piece {
    off_t at;
    gsize n;
};

struct part {
    GString *text;
    GArray *spilled; /* struct piece: what stands before the text; NULL: nothing */
    gboolean ended;
};

struct imapid_output {
    GMutex mutex;
    GCond moved;     /* another part is due, or nothing is of use any more */
    guint n_waiting; /* for that */
    FILE *file;
    char *buffer;                /* of the first file; NULL: stdio's own */
    char *path;                  /* NULL: standard output */
    struct imapid_newfile *anew; /* NULL: no regular file */
    gboolean live, unordered, closed, published;
    gboolean is_array, has_element; /* see put_elements() */
    char *head;                     /* of each file; NULL: none */
    void (*spell_tail)(void *ctx, GString *tail, guint64 n_pieces);
    void *tail_ctx;
    guint64 n_pieces;                    /* of parts, in this file */
    guint64 n_octets_max, n_seconds_max; /* of each file; 0: no end */
    guint64 n_octets;                    /* in this file, behind its head */
    gint64 begun_us;                     /* when it began, monotonic */
    int failure;                         /* errno of the first one */
    gboolean has_stayed;                 /* a file could not end where it was to */
    guint n_parts, due;
    struct part *parts;
    int spill; /* the temporary file; -1: none */
    off_t n_spilled;
};

static void tell(const char *path, int error)
{
    imapid_message("%s: %s", path ? path : "standard output", imapid_failure_of_output(error));
}

/* Standard output by another name is written as such: /dev/stdout, of which the shell knows more. */
gboolean imapid_output_is_standard(const char *path)
{
    struct stat mine, other;

    return !path || (stat(path, &mine) == 0 && fstat(STDOUT_FILENO, &other) == 0 &&
                     mine.st_dev == other.st_dev && mine.st_ino == other.st_ino);
}

/* Pipes, devices: there is nothing to be replaced. */
static gboolean is_special(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static gboolean open_file(struct imapid_output *output)
{
    const char *path = output->path;
    char *message = NULL;

    if (!path) {
        output->file = stdout;
    } else if (is_special(path)) {
        output->file = fopen(path, "wbe");
        if (!output->file)
            tell(path, errno);
    } else {
        output->anew = imapid_newfile_open(path, IMAPID_NEWFILE_TEXT, &message);
        if (output->anew)
            output->file = fdopen(dup(imapid_newfile_get_fd(output->anew)), "wb");
        if (message)
            imapid_message("%s", message);
        g_free(message);
    }
    return output->file != NULL;
}

/* Of standard output somebody may want the first lines alone, and soon. */
static void set_buffer(struct imapid_output *output)
{
    if (output->live || !output->path)
        return;
    output->buffer = g_malloc(BUFFER_MAX);
    (void)setvbuf(output->file, output->buffer, _IOFBF, BUFFER_MAX);
}

/* Once there are threads no file may be opened. Without one, parts stay in memory. */
static int open_spill(guint n_parts)
{
    FILE *file = n_parts > 1 ? tmpfile() : NULL;
    int fd = file ? dup(fileno(file)) : -1;

    if (file)
        (void)fclose(file);
    return fd;
}

struct imapid_output *imapid_output_open(const char *path, guint n_parts,
                                         enum imapid_output_mode mode)
{
    struct imapid_output *output = g_new0(struct imapid_output, 1);

    output->path = imapid_output_is_standard(path) ? NULL : g_strdup(path);
    if (!open_file(output)) {
        imapid_newfile_free(output->anew);
        g_free(output->path);
        g_free(output);
        return NULL;
    }
    g_mutex_init(&output->mutex);
    g_cond_init(&output->moved);
    output->spill = open_spill(n_parts);
    output->live = mode != IMAPID_OUTPUT_BUFFERED;
    output->unordered = mode == IMAPID_OUTPUT_UNORDERED;
    set_buffer(output);
    output->n_parts = n_parts;
    output->parts = g_new0(struct part, n_parts ? n_parts : 1);
    return output;
}

static void put_octets(struct imapid_output *output, const char *text, gsize n)
{
    if (output->closed || output->failure)
        return;
    if (fwrite(text, 1, n, output->file) == n && (!output->live || fflush(output->file) == 0))
        return;
    if (errno == EPIPE)
        output->closed = TRUE;
    else
        output->failure = errno;
    g_cond_broadcast(&output->moved);
}

/* Lines as elements of an array: a line's end is written when it is known what stands behind it. No line
 * is cut by a call. */
static void put_elements(struct imapid_output *output, const char *text, gsize n)
{
    GString *out = g_string_sized_new(n + 16);

    for (const char *at = text, *end = text + n, *next; at < end; at = next + 1) {
        next = memchr(at, '\n', (gsize)(end - at));
        next = next ? next : end;
        g_string_append(out, output->has_element ? ",\n" : "[\n");
        g_string_append_len(out, at, next - at);
        output->has_element = TRUE;
    }
    put_octets(output, out->str, out->len);
    g_string_free(out, TRUE);
}

static void put(struct imapid_output *output, const char *text, gsize n)
{
    (output->is_array ? put_elements : put_octets)(output, text, n);
}

void imapid_output_set_array(struct imapid_output *output)
{
    output->is_array = TRUE;
}

void imapid_output_set_ends(struct imapid_output *output, const char *head,
                            void (*spell)(void *ctx, GString *tail, guint64 n_pieces), void *ctx)
{
    output->head = g_strdup(head);
    output->spell_tail = spell;
    output->tail_ctx = ctx;
    /* Part 0 is due at once, so this is written before any piece. */
    put(output, head, strlen(head));
}

/* Room for others; where the file system cannot, the file is only larger. */
static void free_piece(const struct imapid_output *output, const struct piece *piece)
{
    if (fallocate(output->spill, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, piece->at,
                  (off_t)piece->n) != 0)
        return;
}

static gboolean read_piece(const struct imapid_output *output, const struct piece *piece,
                           char *octets)
{
    for (gsize n = 0; n < piece->n;) {
        ssize_t n_read = pread(output->spill, octets + n, piece->n - n, piece->at + (off_t)n);

        if (n_read <= 0)
            return FALSE;
        n += (gsize)n_read;
    }
    return TRUE;
}

static void put_spilled(struct imapid_output *output, struct part *part)
{
    for (guint i = 0; part->spilled && i < part->spilled->len; i++) {
        const struct piece *piece = &g_array_index(part->spilled, struct piece, i);
        char *octets = g_malloc(piece->n);

        if (read_piece(output, piece, octets))
            put(output, octets, piece->n);
        else
            output->failure = errno ? errno : EIO;
        free_piece(output, piece);
        g_free(octets);
    }
    g_clear_pointer(&part->spilled, g_array_unref);
}

/* What waited of the part whose turn it is now. */
static void put_waiting(struct imapid_output *output, struct part *part)
{
    put_spilled(output, part);
    if (part->text) {
        put(output, part->text->str, part->text->len);
        g_string_free(part->text, TRUE);
        part->text = NULL;
    }
}

static void spill(struct imapid_output *output, struct part *part)
{
    struct piece piece = {output->n_spilled, part->text->len};

    for (gsize n = 0; n < piece.n;) {
        ssize_t n_written =
            pwrite(output->spill, part->text->str + n, piece.n - n, piece.at + (off_t)n);

        if (n_written < 0) {
            output->failure = errno;
            return;
        }
        n += (gsize)n_written;
    }
    if (!part->spilled)
        part->spilled = g_array_new(FALSE, FALSE, sizeof piece);
    g_array_append_val(part->spilled, piece);
    output->n_spilled += (off_t)piece.n;
    g_string_truncate(part->text, 0);
}

static void keep(struct imapid_output *output, struct part *part, const char *text, gsize n)
{
    if (!part->text)
        part->text = g_string_new(NULL);
    g_string_append_len(part->text, text, (gssize)n);
    if (part->text->len >= PART_MAX && output->spill >= 0)
        spill(output, part);
}

static gboolean is_rotated(const struct imapid_output *output)
{
    return output->n_octets_max || output->n_seconds_max;
}

static gboolean set_aside_and_publish(const struct imapid_output *output, char **message)
{
    return (!is_rotated(output) || imapid_newfile_set_aside(output->anew, message)) &&
           imapid_newfile_publish(output->anew, message);
}

/* Gives the file its name. */
static void publish(struct imapid_output *output)
{
    char *message = NULL;

    if (!output->anew || output->published || output->failure)
        return;
    output->published = set_aside_and_publish(output, &message);
    if (!message)
        return;
    imapid_message("%s", message);
    g_free(message);
    output->failure = -1; /* told */
}

/* ---- log rotation ---- */

gboolean imapid_output_is_file(const struct imapid_output *output)
{
    return output->live && output->anew;
}

struct imapid_output_counts imapid_output_count(struct imapid_output *output)
{
    struct imapid_output_counts counts;

    g_mutex_lock(&output->mutex);
    counts = (struct imapid_output_counts){output->n_pieces, output->n_octets};
    g_mutex_unlock(&output->mutex);
    return counts;
}

static void put_array_end(struct imapid_output *output)
{
    if (output->is_array)
        put_octets(output, output->has_element ? "\n]\n" : "[]\n", 3);
    output->has_element = FALSE;
}

static void put_tail(struct imapid_output *output)
{
    GString *tail = g_string_new(NULL);

    if (output->spell_tail)
        output->spell_tail(output->tail_ctx, tail, output->n_pieces);
    put(output, tail->str, tail->len);
    g_string_free(tail, TRUE);
    put_array_end(output);
}

/* Nothing of other parts waits that was counted for this file. */
static gboolean is_at_boundary(const struct imapid_output *output)
{
    return output->unordered || output->due + 1 >= output->n_parts;
}

static void put_head(struct imapid_output *output)
{
    output->n_pieces = output->n_octets = 0;
    output->begun_us = g_get_monotonic_time();
    put(output, output->head ? output->head : "", output->head ? strlen(output->head) : 0);
}

/* The next file, without its name; NULL where there is none, with a message but for one that is there already. */
static FILE *open_next(struct imapid_output *output, gboolean replaces)
{
    int fd = -1, error = imapid_newfile_begin_next(output->anew, replaces, &fd);
    FILE *next = error ? NULL : fdopen(fd, "wb");

    if (next || error == EALREADY)
        return next;
    tell(output->path, error ? error : errno);
    output->has_stayed = TRUE;
    return NULL;
}

/* Says what there is to say. */
static gboolean is_good(gboolean good, char **message)
{
    if (!good)
        imapid_message("%s", *message);
    g_clear_pointer(message, g_free);
    return good;
}

/* From now on to the next file. */
static void turn_to(struct imapid_output *output, FILE *next)
{
    if (fclose(output->file) && !output->failure)
        output->failure = errno;
    output->file = next;
    put_head(output);
}

/* The next file could not have its name: no record is given up for that. */
static void stay(struct imapid_output *output, FILE *next)
{
    (void)fclose(next);
    output->has_stayed = TRUE;
}

/* Somebody gave the file another name. It stays open until its last line is written; and where there is no
 * next one, no record is given up for that. */
static void begin_next(struct imapid_output *output)
{
    FILE *next = open_next(output, FALSE);
    char *message = NULL;

    if (!next)
        return;
    if (!is_good(imapid_newfile_publish(output->anew, &message), &message)) {
        stay(output, next);
        return;
    }
    put_tail(output);
    turn_to(output, next);
}

/* The file gets its last line first, and then another name, so that what has one is whole. Where there is no next
 * one it goes on: behind that line others may stand. */
static void rotate(struct imapid_output *output)
{
    FILE *next = open_next(output, TRUE);
    char *message = NULL;

    output->begun_us = g_get_monotonic_time(); /* tried once a period */
    output->n_octets = 0;
    if (!next)
        return;
    put_tail(output);
    output->n_pieces = 0;
    if (is_good(set_aside_and_publish(output, &message), &message))
        turn_to(output, next);
    else
        stay(output, next);
}

/* Can the file end here? */
static gboolean may_end(const struct imapid_output *output)
{
    return imapid_output_is_file(output) && output->published && is_at_boundary(output) &&
           !output->failure;
}

void imapid_output_reopen(struct imapid_output *output)
{
    g_mutex_lock(&output->mutex);
    if (may_end(output))
        begin_next(output);
    g_mutex_unlock(&output->mutex);
}

static gboolean is_full(const struct imapid_output *output)
{
    gint64 age_us = g_get_monotonic_time() - output->begun_us;

    return output->n_pieces &&
           ((output->n_octets_max && output->n_octets >= output->n_octets_max) ||
            (output->n_seconds_max && (guint64)age_us / G_USEC_PER_SEC >= output->n_seconds_max));
}

static void rotate_if_full(struct imapid_output *output)
{
    if (is_rotated(output) && is_full(output) && may_end(output))
        rotate(output);
}

gboolean imapid_output_set_rotation(struct imapid_output *output, guint64 n_octets,
                                    guint64 n_seconds)
{
    char *message = NULL;

    output->n_octets_max = n_octets;
    output->n_seconds_max = n_seconds;
    output->begun_us = g_get_monotonic_time();
    return !is_rotated(output) || !output->anew ||
           is_good(imapid_newfile_may_set_aside(output->anew, &message), &message);
}

void imapid_output_tick(struct imapid_output *output)
{
    g_mutex_lock(&output->mutex);
    rotate_if_full(output);
    g_mutex_unlock(&output->mutex);
}

/* ---- what comes ---- */

void imapid_output_add(struct imapid_output *output, guint part, const char *text, gsize n)
{
    g_mutex_lock(&output->mutex);
    while (part > output->due + AHEAD_MAX && !output->unordered && !output->closed &&
           !output->failure) {
        output->n_waiting++;
        g_cond_wait(&output->moved, &output->mutex);
        output->n_waiting--;
    }
    output->n_pieces++;
    if (part == output->due || output->unordered)
        put(output, text, n);
    else
        keep(output, &output->parts[part], text, n);
    output->n_octets += n;
    rotate_if_full(output);
    g_mutex_unlock(&output->mutex);
}

void imapid_output_end(struct imapid_output *output, guint part)
{
    g_mutex_lock(&output->mutex);
    output->parts[part].ended = TRUE;
    while (output->due < output->n_parts && output->parts[output->due].ended)
        if (++output->due < output->n_parts)
            put_waiting(output, &output->parts[output->due]);
    if (output->n_waiting) /* GLib would ask the kernel who waits */
        g_cond_broadcast(&output->moved);
    g_mutex_unlock(&output->mutex);
}

void imapid_output_add_last(struct imapid_output *output, const char *text, gsize n)
{
    g_mutex_lock(&output->mutex);
    if (output->due == output->n_parts)
        put(output, text, n);
    g_mutex_unlock(&output->mutex);
}

void imapid_output_begin(struct imapid_output *output)
{
    if (!output->live)
        return;
    g_mutex_lock(&output->mutex);
    publish(output);
    g_mutex_unlock(&output->mutex);
}

gboolean imapid_output_is_closed(struct imapid_output *output)
{
    gboolean closed;

    g_mutex_lock(&output->mutex);
    closed = output->closed || output->failure;
    g_mutex_unlock(&output->mutex);
    return closed;
}

static void flush(struct imapid_output *output)
{
    if (fflush(output->file) && !output->failure && !output->closed) {
        output->closed = errno == EPIPE;
        output->failure = errno == EPIPE ? 0 : errno;
    }
}

gboolean imapid_output_close(struct imapid_output *output, gboolean keep)
{
    gboolean good;

    put_array_end(output);
    flush(output);
    if (keep)
        publish(output);
    if (output->path && fclose(output->file) && !output->failure)
        output->failure = errno;
    good = !output->failure && !output->has_stayed;
    if (output->failure > 0)
        tell(output->path, output->failure);
    for (guint i = 0; i < output->n_parts; i++) {
        if (output->parts[i].spilled)
            g_array_unref(output->parts[i].spilled);
        if (output->parts[i].text)
            g_string_free(output->parts[i].text, TRUE);
    }
    if (output->spill >= 0)
        close(output->spill);
    imapid_newfile_free(output->anew);
    g_cond_clear(&output->moved);
    g_mutex_clear(&output->mutex);
    g_free(output->parts);
    g_free(output->head);
    g_free(output->path);
    g_free(output->buffer);
    g_free(output);
    return good;
}
