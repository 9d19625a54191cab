/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c: a file of counts for Prometheus, in its text format 0.0.4: a name, labels, a number a line, the lines of
 * one name together behind what it means.
 *
 *     # HELP imapid_packets_total Packets read.
 *     # TYPE imapid_packets_total counter
 *     imapid_packets_total{input="eth0"} 1200
 *
 * Refuses to leave half a file: one that could not be written whole is not published, and the earlier one stays.
 *
 * Misuse: an input's name that differs from run to run. Each makes a series of its own, which Prometheus keeps. */
#include "metrics.h"

#include "failure.h"
#include "newfile.h"

#include "record/spell.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
    char *name, *site; /* site: NULL: none */
    struct imapid_record_interval before,
        now; /* captures that are over, and the one that is read */
};

struct imapid_metrics {
    GMutex mutex;
    struct imapid_newfile *file;
    bool is_begun; /* there is a file that was not published */
    bool has_failed;
    char *path;
    gint64 started_us; /* since 1970 */
    GArray *inputs;
};

#define AT(member) offsetof(struct imapid_record_interval, member)

/* Of each input. A counter goes on over the captures of an input; a gauge is that of the one that is read. */
static const struct {
    const char *name, *what;
    bool is_gauge;
    size_t at; /* in struct imapid_record_interval */
} table[] = {
    {"imapid_packets_total", "Packets read.", false, AT(n_packets)},
    {"imapid_bytes_total", "Octets of packets read.", false, AT(n_octets)},
    {"imapid_dropped_packets_total", "Packets dropped before they could be read.", false,
     AT(n_drops)},
    {"imapid_tcp_connections_total", "TCP connections seen.", false, AT(n_conns)},
    {"imapid_sessions_total", "IMAP sessions seen.", false, AT(n_sessions)},
    {"imapid_sessions_not_decrypted_total", "Sessions in TLS that could not be decrypted.", false,
     AT(n_not_decrypted)},
    {"imapid_exchanges_total", "ID exchanges seen.", false, AT(n_exchanges)},
    {"imapid_lost_bytes_total", "Octets of sessions that are missing.", false, AT(n_lost)},
    {"imapid_connections_memory_bytes", "Memory of open connections.", true, AT(n_kept)},
};

static uint64_t *member_of(struct imapid_record_interval *counts, size_t at)
{
    return (uint64_t *)(void *)((char *)counts + at);
}

/* ---- text ---- */

/* In a label's value \, " and line ends are escaped, and all of it is UTF-8. */
static void spell_label(GString *out, const char *value)
{
    GString *text = g_string_new(NULL);

    imapid_spell_utf8(text, (const uint8_t *)value, strlen(value));
    g_string_replace(text, "\\", "\\\\", 0);
    g_string_replace(text, "\"", "\\\"", 0);
    g_string_replace(text, "\n", "\\n", 0);
    g_string_append(out, text->str);
    g_string_free(text, TRUE);
}

static void spell_head(GString *out, const char *name, const char *what, bool is_gauge)
{
    g_string_append_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, what, name,
                           is_gauge ? "gauge" : "counter");
}

/* Of which input a number is. Each number has it: collectors refuse two files with the same series, and there may be a
 * program, and a file, for each interface. */
static void spell_name(GString *out, const char *name, const struct input *input)
{
    g_string_append_printf(out, "%s{", name);
    if (input->site) {
        g_string_append(out, "site=\"");
        spell_label(out, input->site);
        g_string_append(out, "\",");
    }
    g_string_append(out, "input=\"");
    spell_label(out, input->name);
    g_string_append(out, "\"} ");
}

static void spell_row(GString *out, const struct imapid_metrics *metrics, size_t row)
{
    spell_head(out, table[row].name, table[row].what, table[row].is_gauge);
    for (guint i = 0; i < metrics->inputs->len; i++) {
        struct input *input = &g_array_index(metrics->inputs, struct input, i);
        uint64_t n = *member_of(&input->now, table[row].at);

        if (!table[row].is_gauge)
            n += *member_of(&input->before, table[row].at);
        spell_name(out, table[row].name, input);
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", n);
    }
}

/* A number of the program, the same for each input. */
static void spell_all(GString *out, const struct imapid_metrics *metrics, const char *name,
                      const char *what, const char *number)
{
    spell_head(out, name, what, true);
    for (guint i = 0; i < metrics->inputs->len; i++) {
        spell_name(out, name, &g_array_index(metrics->inputs, struct input, i));
        g_string_append_printf(out, "%s\n", number);
    }
}

static GString *spell(const struct imapid_metrics *metrics, uint64_t n_peak)
{
    GString *out = g_string_new(NULL);
    char number[64];

    for (size_t row = 0; row < G_N_ELEMENTS(table); row++)
        spell_row(out, metrics, row);
    g_snprintf(number, sizeof number, "%" G_GUINT64_FORMAT, n_peak);
    spell_all(out, metrics, "imapid_memory_peak_bytes", "Memory of the program at most.", number);
    g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT ".%06d",
               metrics->started_us / G_USEC_PER_SEC, (int)(metrics->started_us % G_USEC_PER_SEC));
    spell_all(out, metrics, "imapid_start_time_seconds", "When the program began, since 1970.",
              number);
    return out;
}

/* ---- the file ---- */

static bool write_all(int fd, const GString *text)
{
    for (gsize n = 0; n < text->len;) {
        ssize_t n_written = write(fd, text->str + n, text->len - n);

        if (n_written < 0 && errno != EINTR)
            return false;
        n += n_written < 0 ? 0 : (gsize)n_written;
    }
    return true;
}

/* 0, or errno. */
static int begin(struct imapid_metrics *metrics)
{
    int fd = -1, error = 0;

    if (!metrics->is_begun)
        error = imapid_newfile_begin_next(metrics->file, TRUE, &fd);
    metrics->is_begun = false;
    if (fd >= 0)
        close(fd);
    return error;
}

/* NULL, or what went wrong. */
static char *replace(struct imapid_metrics *metrics, const GString *text)
{
    char *message = NULL;
    int error = begin(metrics);

    if (!error && !write_all(imapid_newfile_get_fd(metrics->file), text))
        error = errno;
    if (error)
        return g_strdup_printf("%s: %s", metrics->path, imapid_failure_of_output(error));
    imapid_newfile_publish(metrics->file, &message);
    return message;
}

/* ---- what others call ---- */

static void clear_input(gpointer data)
{
    g_free(((struct input *)data)->name);
    g_free(((struct input *)data)->site);
}

struct imapid_metrics *imapid_metrics_open(const char *path, char **message)
{
    bool is_new = !g_file_test(path, G_FILE_TEST_EXISTS);
    struct imapid_newfile *file = imapid_newfile_open(path, IMAPID_NEWFILE_LASTING, message);
    struct imapid_metrics *metrics;

    if (!file)
        return NULL;
    /* Whoever collects it is another user; each next file is as the one before. */
    if (is_new && fchmod(imapid_newfile_get_fd(file), 0644) != 0) {
        *message = g_strdup_printf("%s: %s", path, imapid_failure_of_output(errno));
        imapid_newfile_free(file);
        return NULL;
    }
    metrics = g_new0(struct imapid_metrics, 1);
    g_mutex_init(&metrics->mutex);
    metrics->file = file;
    metrics->is_begun = true;
    metrics->path = g_strdup(path);
    metrics->started_us = g_get_real_time();
    metrics->inputs = g_array_new(FALSE, FALSE, sizeof(struct input));
    g_array_set_clear_func(metrics->inputs, clear_input);
    return metrics;
}

static struct input *get_input(const struct imapid_metrics *metrics, const char *name,
                               const char *site)
{
    struct input new = {.name = NULL};

    for (guint i = 0; i < metrics->inputs->len; i++)
        if (!strcmp(g_array_index(metrics->inputs, struct input, i).name, name))
            return &g_array_index(metrics->inputs, struct input, i);
    new.name = g_strdup(name);
    new.site = g_strdup(site);
    g_array_append_val(metrics->inputs, new);
    return &g_array_index(metrics->inputs, struct input, metrics->inputs->len - 1);
}

static void set(struct input *input, const struct imapid_record_interval *counts, bool is_last)
{
    input->now = *counts;
    if (!is_last)
        return;
    for (size_t row = 0; row < G_N_ELEMENTS(table); row++)
        *member_of(&input->before, table[row].at) += *member_of(&input->now, table[row].at);
    input->now = (struct imapid_record_interval){.file = NULL};
}

char *imapid_metrics_set(struct imapid_metrics *metrics, const char *input,
                         const struct imapid_record_interval *counts, bool is_last)
{
    GString *text;
    char *message;
    bool is_told;

    g_mutex_lock(&metrics->mutex);
    set(get_input(metrics, input, counts->site), counts, is_last);
    text = spell(metrics, counts->n_peak);
    message = replace(metrics, text);
    g_string_free(text, TRUE);
    is_told = metrics->has_failed;
    metrics->has_failed = message != NULL;
    g_mutex_unlock(&metrics->mutex);
    if (is_told)
        g_clear_pointer(&message, g_free);
    return message;
}

void imapid_metrics_free(struct imapid_metrics *metrics)
{
    if (!metrics)
        return;
    imapid_newfile_free(metrics->file);
    g_array_unref(metrics->inputs);
    g_mutex_clear(&metrics->mutex);
    g_free(metrics->path);
    g_free(metrics);
}
