/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output.c: many writers, one order. */
#include "output.h"

#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* What a part that is not due may keep in memory, all of them together four times as much on most
 * machines: past it the part goes to a temporary file. */
#define PART_MAX (1 << 20)

/* How far a part may be ahead of the one that is due: its thread waits then, so that thousands of
 * small captures behind a large one keep neither all memory nor all file descriptors. */
#define AHEAD_MAX 256

struct part {
    GString *text;
    FILE *spilled;
    gboolean ended;
};

struct imapid_output {
    GMutex mutex;
    GCond moved; /* another part is due, or nothing is of use any more */
    FILE *file;
    char *path; /* NULL: standard output */
    gboolean live, unordered, closed;
    int failure; /* errno of the first one */
    guint n_parts, due;
    struct part *parts;
};

struct imapid_output *imapid_output_open(const char *path, guint n_parts,
                                         enum imapid_output_mode mode)
{
    struct imapid_output *output;
    FILE *file = path ? fopen(path, "wb") : stdout;

    if (!file) {
        imapid_message("%s: %s", path, g_strerror(errno));
        return NULL;
    }
    output = g_new0(struct imapid_output, 1);
    g_mutex_init(&output->mutex);
    g_cond_init(&output->moved);
    output->file = file;
    output->path = g_strdup(path);
    output->live = mode != IMAPID_OUTPUT_BUFFERED;
    output->unordered = mode == IMAPID_OUTPUT_UNORDERED;
    output->n_parts = n_parts;
    output->parts = g_new0(struct part, n_parts ? n_parts : 1);
    return output;
}

gboolean imapid_output_is_terminal(const char *path)
{
    return !path && isatty(STDOUT_FILENO);
}

gboolean imapid_output_has_colour(const char *path)
{
    const char *never = g_getenv("NO_COLOR");

    return imapid_output_is_terminal(path) && !(never && *never) &&
           g_strcmp0(g_getenv("TERM"), "dumb");
}

static void put(struct imapid_output *output, const char *text, gsize n)
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

static void put_spilled(struct imapid_output *output, struct part *part)
{
    char buffer[65536];
    size_t n;

    if (!part->spilled)
        return;
    rewind(part->spilled);
    while ((n = fread(buffer, 1, sizeof buffer, part->spilled)) > 0)
        put(output, buffer, n);
    fclose(part->spilled);
    part->spilled = NULL;
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

static void keep(struct imapid_output *output, struct part *part, const char *text, gsize n)
{
    if (!part->text)
        part->text = g_string_new(NULL);
    g_string_append_len(part->text, text, (gssize)n);
    if (part->text->len < PART_MAX)
        return;
    if (!part->spilled)
        part->spilled = tmpfile();
    if (!part->spilled ||
        fwrite(part->text->str, 1, part->text->len, part->spilled) != part->text->len)
        output->failure = errno;
    g_string_truncate(part->text, 0);
}

void imapid_output_add(struct imapid_output *output, guint part, const char *text, gsize n)
{
    g_mutex_lock(&output->mutex);
    while (part > output->due + AHEAD_MAX && !output->unordered && !output->closed &&
           !output->failure)
        g_cond_wait(&output->moved, &output->mutex);
    if (part == output->due || output->unordered)
        put(output, text, n);
    else
        keep(output, &output->parts[part], text, n);
    g_mutex_unlock(&output->mutex);
}

void imapid_output_end(struct imapid_output *output, guint part)
{
    g_mutex_lock(&output->mutex);
    output->parts[part].ended = TRUE;
    while (output->due < output->n_parts && output->parts[output->due].ended)
        if (++output->due < output->n_parts)
            put_waiting(output, &output->parts[output->due]);
    g_cond_broadcast(&output->moved);
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

gboolean imapid_output_close(struct imapid_output *output)
{
    gboolean good;

    if (fflush(output->file) && !output->failure && !output->closed) {
        output->closed = errno == EPIPE;
        output->failure = errno == EPIPE ? 0 : errno;
    }
    if (output->path && fclose(output->file) && !output->failure)
        output->failure = errno;
    good = !output->failure;
    if (!good)
        imapid_message("%s: %s", output->path ? output->path : "standard output",
                       g_strerror(output->failure));
    for (guint i = 0; i < output->n_parts; i++) {
        if (output->parts[i].spilled)
            fclose(output->parts[i].spilled);
        if (output->parts[i].text)
            g_string_free(output->parts[i].text, TRUE);
    }
    g_cond_clear(&output->moved);
    g_mutex_clear(&output->mutex);
    g_free(output->parts);
    g_free(output->path);
    g_free(output);
    return good;
}
