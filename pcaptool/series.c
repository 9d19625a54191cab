/* SPDX-License-Identifier: GPL-2.0-or-later */
/* series.c: says which file of a folder that fills is read next, and when the one before is over.
 *
 * A file is given when it has a packet, as its place in the order is known then. A capture that
 * holds only its header waits. A file that is written anew under its name, as by tcpdump -W, is a
 * new file. One that gets another name, as by logrotate, is the same, and was read or is being read.
 *
 * Refuses to read on in a file that grows after it was over. It says so on standard error, once a
 * file.
 *
 * Misuse: a folder in which two captures grow at the same time. The earlier one is taken to be
 * over when the later one has a packet. */
#include "series.h"

#include "message.h"
#include "opener.h"
#include "stop.h"

#include "capture/capture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>

/* The shortest file that can be told: the header of a pcap file. */
#define HEADER 24

/* Looks at a capture that does not grow after which it is over if another one waits that begins
 * earlier: no ring buffer has such, so the files are put there whole. */
#define QUIET_LOOKS 8

/* Files that are remembered before those of them that are gone are forgotten. A folder that is away for a moment, as one
 * of another machine, is not read anew. */
#define N_REMEMBERED 1024u

enum state {
    WAITING, /* for its first packet */
    READY,   /* it has one, or is no capture */
    GIVEN,
    OVER, /* read; its size is that at the time */
};

struct file {
    char *path;
    enum state state;
    bool is_capture;
    int64_t first; /* when READY: time of its first packet; INT64_MIN of what is no capture */
    dev_t device;
    ino_t inode;
    goffset size; /* when it was last looked at */
    struct timespec changed;
    bool has_grown, is_anew;
};

struct imapid_series {
    char *folder;
    const char *output;
    GHashTable *files; /* path -> struct file */
    GHashTable *
        before; /* a set of those that were read, as they were before this look; by what file it is */
    guint n_files_max;         /* with so many, it is time to forget */
    GStringChunk *paths;       /* of all files ever */
    gint64 looked_us;          /* when the folder was last looked at; monotonic */
    struct file *given;        /* the one that next() gave last; NULL: none */
    unsigned n_quiet;          /* looks at it since it has grown */
    struct imapid_input input; /* that one, as it is told */
};

struct imapid_series *imapid_series_new(const char *folder, const char *output)
{
    struct imapid_series *series = g_new0(struct imapid_series, 1);

    series->folder = g_strdup(folder);
    series->output = output;
    series->files = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    series->n_files_max = N_REMEMBERED;
    series->paths = g_string_chunk_new(4096);
    return series;
}

void imapid_series_free(struct imapid_series *series)
{
    g_hash_table_destroy(series->files);
    g_string_chunk_free(series->paths);
    g_free(series->folder);
    g_free(series);
}

/* Is there a packet, or is it no capture? */
static void look_inside(struct file *file)
{
    char *message = NULL;
    struct imapid_capture *capture = imapid_capture_open(file->path, &message);
    enum imapid_capture_result result;
    struct imapid_packet packet = {.ts_ns = IMAPID_TIME_NONE};

    g_free(message);
    if (!capture)
        return;
    result = imapid_capture_next_timed(capture, &packet);
    file->is_capture = !g_strcmp0(imapid_capture_get_format(capture), "pcap") ||
                       !g_strcmp0(imapid_capture_get_format(capture), "pcapng");
    file->first = file->is_capture ? packet.ts_ns : INT64_MIN;
    if (result == IMAPID_CAPTURE_PACKET || !file->is_capture)
        file->state = READY;
    imapid_capture_close(capture);
}

static void begin_anew(struct file *file)
{
    file->state = WAITING;
    file->size = 0;
    file->has_grown = file->is_anew = false;
}

/* In its place, to the same size or a larger one. */
static bool begins_otherwise(const struct file *file)
{
    struct file now = {.path = file->path};

    look_inside(&now);
    return now.state == READY && now.first != file->first;
}

static void look_at_old(struct file *file, const GStatBuf *st)
{
    bool is_touched = st->st_size != file->size || st->st_mtim.tv_sec != file->changed.tv_sec ||
                      st->st_mtim.tv_nsec != file->changed.tv_nsec;

    if (file->is_anew || st->st_ino != file->inode || st->st_size < file->size ||
        (is_touched && begins_otherwise(file))) {
        begin_anew(file);
        return;
    }
    file->changed = st->st_mtim;
    if (st->st_size <= file->size || file->has_grown)
        return;
    file->has_grown = true;
    imapid_message("%s: grew after a later file was begun; the new packets are not read",
                   file->path);
}

static void look_again(struct file *file, const GStatBuf *st)
{
    if (file->state == OVER)
        look_at_old(file, st);
    else if (file->state == READY && st->st_ino != file->inode)
        begin_anew(file);
    if (file->state != WAITING || st->st_size < HEADER || st->st_size == file->size)
        return;
    file->device = st->st_dev;
    file->inode = st->st_ino;
    file->size = st->st_size;
    look_inside(file);
}

/* ---- other names ---- */

static guint hash_file(gconstpointer data)
{
    const struct file *file = data;

    return (guint)file->inode;
}

static gboolean is_one_file(gconstpointer one, gconstpointer other)
{
    const struct file *a = one, *b = other;

    return a->inode == b->inode && a->device == b->device;
}

/* In one look, files may get each other's names. */
static void remember(struct imapid_series *series)
{
    const struct file *file;
    GHashTableIter all;

    series->before = g_hash_table_new_full(hash_file, is_one_file, g_free, NULL);
    g_hash_table_iter_init(&all, series->files);
    while (g_hash_table_iter_next(&all, NULL, (void **)&file))
        if (file->state == OVER || file->state == GIVEN)
            g_hash_table_add(series->before, g_memdup2(file, sizeof *file));
}

/* The number of a file that was deleted may be another one's now. */
static bool is_still(const struct file *known, const char *path, const GStatBuf *st)
{
    const struct file now = {.path = (char *)path, .first = known->first};

    if (known->state == GIVEN) /* it is open */
        return true;
    if (st->st_size == known->size && st->st_mtim.tv_sec == known->changed.tv_sec &&
        st->st_mtim.tv_nsec == known->changed.tv_nsec)
        return true;
    return st->st_size >= known->size && known->is_capture && !begins_otherwise(&now);
}

/* Is it a file that was read, or is being read, under another name? */
static bool has_moved(const struct imapid_series *series, struct file *file, const GStatBuf *st)
{
    const struct file now = {.device = st->st_dev, .inode = st->st_ino};
    const struct file *known = g_hash_table_lookup(series->before, &now);
    char *path = file->path;

    if (file->state == GIVEN || is_one_file(file, &now) || !known || !is_still(known, path, st))
        return false;
    *file = *known;
    file->path = path;
    file->state = OVER;
    file->is_anew = false; /* that is who has its name now */
    return true;
}

/* What it has by now was read, whatever its names are. */
static void end_names(const struct imapid_series *series)
{
    struct file *file;
    GHashTableIter all;
    GStatBuf st;

    g_hash_table_iter_init(&all, series->files);
    while (g_hash_table_iter_next(&all, NULL, (void **)&file)) {
        if (!is_one_file(file, series->given))
            continue;
        if (g_stat(file->path, &st) == 0 && st.st_ino == file->inode && st.st_dev == file->device) {
            file->size = st.st_size;
            file->changed = st.st_mtim;
        } else {
            file->has_grown = true; /* or not: nothing is said of what nobody knows */
        }
    }
}

/* ---- looking ---- */

/* Of the file that is being read, another name. */
static bool is_open(const struct imapid_series *series, const struct file *file)
{
    return series->given && file != series->given && is_one_file(file, series->given);
}

static void take_path(struct imapid_series *series, const char *path, const GStatBuf *st)
{
    struct file *file = g_hash_table_lookup(series->files, path);

    if (!file) {
        file = g_new0(struct file, 1);
        file->path = g_string_chunk_insert(series->paths, path);
        g_hash_table_insert(series->files, file->path, file);
    }
    if (!has_moved(series, file, st) && !is_open(series, file))
        look_again(file, st);
}

/* What cannot be read now may be readable the next time. */
static void walk(struct imapid_series *series, const char *folder, int depth)
{
    int fd = depth > IMAPID_INPUTS_DEPTH_MAX ? -1 : imapid_opener_open(folder, O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char *path;
        GStatBuf st;
        bool is_there;

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        path = g_build_filename(folder, entry->d_name, NULL);
        is_there = g_stat(path, &st) == 0;

        if (is_there && S_ISREG(st.st_mode) && !imapid_inputs_is_output(path, series->output))
            take_path(series, path, &st);
        else if (is_there && S_ISDIR(st.st_mode) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK))
            walk(series, path, depth + 1);
        g_free(path);
    }
    if (dir)
        closedir(dir);
}

static void look_around(struct imapid_series *series)
{
    remember(series);
    walk(series, series->folder, 0);
    g_clear_pointer(&series->before, g_hash_table_destroy);
    series->looked_us = g_get_monotonic_time();
}

/* Where a folder has many files, looking at all of them for each of them would take long. */
static bool has_just_looked(const struct imapid_series *series)
{
    return series->looked_us && g_get_monotonic_time() - series->looked_us <
                                    IMAPID_SERIES_LOOK_MS * (G_USEC_PER_SEC / 1000);
}

static gboolean is_gone(gpointer path, gpointer value, gpointer ctx)
{
    const struct file *file = value;
    GStatBuf st;

    (void)ctx;
    return file->state == OVER && g_stat(path, &st) != 0 && errno == ENOENT;
}

/* Of a ring each file has a name of its own, and most of these are gone. */
static void forget(struct imapid_series *series)
{
    if (g_hash_table_size(series->files) < series->n_files_max)
        return;
    g_hash_table_foreach_remove(series->files, is_gone, NULL);
    series->n_files_max = MAX(N_REMEMBERED, 2 * g_hash_table_size(series->files));
}

static bool is_before(const struct file *one, const struct file *other)
{
    return one->first != other->first ? one->first < other->first
                                      : strcmp(one->path, other->path) < 0;
}

/* The first of those that have a packet at `least` or later, what is no capture before all. NULL:
 * there is none. */
static struct file *find_ready(const struct imapid_series *series, int64_t least)
{
    struct file *found = NULL, *file;
    GHashTableIter all;

    g_hash_table_iter_init(&all, series->files);
    while (g_hash_table_iter_next(&all, NULL, (void **)&file))
        if (file->state == READY && file->first >= least && (!found || is_before(file, found)))
            found = file;
    return found;
}

/* Has the file not grown for a while? */
static bool is_quiet(struct imapid_series *series)
{
    GStatBuf st;
    goffset size = g_stat(series->given->path, &st) == 0 ? st.st_size : 0;

    if (size != series->given->size)
        series->n_quiet = 0;
    series->given->size = size;
    return ++series->n_quiet > QUIET_LOOKS;
}

bool imapid_series_is_over(void *data)
{
    struct imapid_series *series = data;

    if (!series->given->is_capture)
        return true;
    if (has_just_looked(series) && find_ready(series, series->given->first))
        return true;
    look_around(series);
    return find_ready(series, is_quiet(series) ? INT64_MIN + 1 : series->given->first);
}

static void end_given(struct imapid_series *series)
{
    if (!series->given)
        return;
    series->given->state = OVER;
    end_names(series);
    if (series->given->is_anew || series->given->has_grown)
        series->looked_us = 0; /* another of its name may come before those that were seen */
    series->given = NULL;
}

void imapid_series_renew(struct imapid_series *series)
{
    series->given->is_anew = true;
}

const struct imapid_input *imapid_series_next(struct imapid_series *series)
{
    struct file *file = NULL;

    end_given(series);
    forget(series);
    if (has_just_looked(series))
        file = find_ready(series, INT64_MIN);
    while (!file && !imapid_stop_is_set()) {
        look_around(series);
        file = find_ready(series, INT64_MIN);
        if (!file && imapid_stop_wait(-1, IMAPID_SERIES_LOOK_MS) == IMAPID_STOP_WISHED)
            break;
    }
    if (!file || imapid_stop_is_set())
        return NULL;
    file->state = GIVEN;
    series->n_quiet = 0;
    series->given = file;
    series->input = (struct imapid_input){.path = file->path, .found = TRUE, .grows = TRUE};
    return &series->input;
}
