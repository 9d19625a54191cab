/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.c: the progress line. It has no thread of its own: the line changes only when something
 * was read, so that a program that hangs does not look busy.
 *
 * Refuses nothing.
 *
 * Misuse: writing to standard error without imapid_progress_clear() before. */
#include "progress.h"

#include "number.h"

#include <unistd.h>

/* Between two lines; in microseconds. */
#define PAUSE_TERMINAL (G_USEC_PER_SEC / 5)
#define PAUSE_OTHER    G_USEC_PER_SEC

struct imapid_progress {
    GMutex mutex;
    gboolean is_terminal, is_shown;
    guint n_files, n_files_done;
    guint64 n_octets, n_octets_done, n_exchanges;
    gint64 begun, due;
};

struct imapid_progress *imapid_progress_new(guint n_files, guint64 n_octets)
{
    struct imapid_progress *progress = g_new0(struct imapid_progress, 1);

    g_mutex_init(&progress->mutex);
    progress->is_terminal = isatty(STDERR_FILENO);
    progress->n_files = n_files;
    progress->n_octets = n_octets;
    progress->begun = g_get_monotonic_time();
    progress->due = progress->begun + (progress->is_terminal ? PAUSE_TERMINAL : PAUSE_OTHER);
    return progress;
}

/* 999 B, 9.9 kB, 99 MB: three places at most. */
static void add_octets(GString *line, guint64 n)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)n;
    guint unit = 0;

    for (; value >= 999.5 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1000;
    g_string_append_printf(line, unit && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void add_left(GString *line, const struct imapid_progress *progress, double rate)
{
    guint64 seconds = (guint64)((double)(progress->n_octets - progress->n_octets_done) / rate);

    g_string_append_printf(line, ", %" G_GUINT64_FORMAT ":%02u left", seconds / 60,
                           (unsigned)(seconds % 60));
}

static GString *describe(const struct imapid_progress *progress)
{
    double elapsed = (double)(g_get_monotonic_time() - progress->begun) / G_USEC_PER_SEC;
    double rate = elapsed > 0 ? (double)progress->n_octets_done / elapsed : 0;
    GString *line = g_string_new("imapid: ");

    add_octets(line, progress->n_octets_done);
    if (progress->n_octets) {
        g_string_append(line, " of ");
        add_octets(line, progress->n_octets);
    }
    g_string_append_printf(line, ", %u of %u file%s, ", progress->n_files_done, progress->n_files,
                           imapid_number_s(progress->n_files));
    add_octets(line, (guint64)rate);
    g_string_append(line, "/s");
    if (rate > 0 && progress->n_octets > progress->n_octets_done)
        add_left(line, progress, rate);
    g_string_append_printf(line, ", %" G_GUINT64_FORMAT " exchange%s", progress->n_exchanges,
                           imapid_number_s(progress->n_exchanges));
    return line;
}

static void show(struct imapid_progress *progress)
{
    GString *line = describe(progress);

    g_printerr(progress->is_terminal ? "\r%s\033[K" : "%s\n", line->str);
    g_string_free(line, TRUE);
    progress->is_shown = TRUE;
}

static void clear(struct imapid_progress *progress)
{
    if (progress->is_terminal && progress->is_shown)
        g_printerr("\r\033[K");
    progress->is_shown = FALSE;
}

void imapid_progress_add(struct imapid_progress *progress, guint64 n_octets, guint n_files,
                         guint64 n_exchanges)
{
    gint64 now;

    if (!progress)
        return;
    g_mutex_lock(&progress->mutex);
    progress->n_octets_done += n_octets;
    progress->n_files_done += n_files;
    progress->n_exchanges += n_exchanges;
    now = g_get_monotonic_time();
    if (now >= progress->due) {
        progress->due = now + (progress->is_terminal ? PAUSE_TERMINAL : PAUSE_OTHER);
        show(progress);
    }
    g_mutex_unlock(&progress->mutex);
}

void imapid_progress_clear(struct imapid_progress *progress)
{
    if (!progress)
        return;
    g_mutex_lock(&progress->mutex);
    clear(progress);
    g_mutex_unlock(&progress->mutex);
}

void imapid_progress_free(struct imapid_progress *progress)
{
    if (!progress)
        return;
    if (progress->is_terminal)
        clear(progress);
    else
        show(progress);
    g_mutex_clear(&progress->mutex);
    g_free(progress);
}
