/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inputs.c: lists the inputs: what was named, and what folders hold. Nothing is opened here but
 * lists.
 *
 * Refuses folders more than IMAPID_INPUTS_DEPTH_MAX deep, links to folders inside of folders,
 * lists that are no text, and the file that is being written.
 *
 * Misuse: expecting a found file to be a capture. Only job.c finds out. */
#include "inputs.h"

#include "failure.h"
#include "message.h"

#include <dirent.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Octets of a line of a list of inputs, its end included: Linux takes no longer path (PATH_MAX). */
#define LINE_MAX_OCTETS 4096

/* Messages about the lines of one list, or what one folder holds. */
#define COMPLAINTS_MAX 20u

static void clear_input(void *data)
{
    g_free(((struct imapid_input *)data)->path);
}

GArray *imapid_inputs_new(void)
{
    GArray *inputs = g_array_new(FALSE, FALSE, sizeof(struct imapid_input));

    g_array_set_clear_func(inputs, clear_input);
    return inputs;
}

void imapid_inputs_free(GArray *inputs)
{
    g_array_unref(inputs);
}

static void add_file(GArray *inputs, const char *path, gboolean found)
{
    struct imapid_input input = {.path = g_strdup(path), .found = found};

    g_array_append_val(inputs, input);
}

void imapid_inputs_add_file(GArray *inputs, const char *path)
{
    add_file(inputs, path, FALSE);
}

void imapid_inputs_add_interfaces(GArray *inputs, char **names)
{
    struct imapid_input input = {.path = g_strjoinv(",", names), .is_interface = TRUE};

    g_array_append_val(inputs, input);
}

/* Standard input may be one; what was found in a folder is. */
static gboolean is_regular(const struct imapid_input *input)
{
    GStatBuf st;

    if (input->is_interface || input->grows)
        return FALSE;
    if (input->found)
        return TRUE;
    return (strcmp(input->path, "-") ? g_stat(input->path, &st) : fstat(STDIN_FILENO, &st)) == 0 &&
           S_ISREG(st.st_mode);
}

guint imapid_inputs_count_live(const GArray *inputs)
{
    guint n_live = 0;

    for (guint i = 0; i < inputs->len; i++) {
        const struct imapid_input *input = &g_array_index(inputs, struct imapid_input, i);

        n_live += !is_regular(input);
    }
    return n_live;
}

/* What a folder holds. */
struct entry {
    char *path;
    unsigned char type; /* of dirent: DT_UNKNOWN, where the file system does not say */
};

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static void clear_entry(void *data)
{
    g_free(((struct entry *)data)->path);
}

/* A folder that was named, with what is below it. */
struct walk {
    GArray *inputs;
    guint n_bad;
};

static void complain_of_place(struct walk *walk, const char *path, const char *what)
{
    if (++walk->n_bad <= COMPLAINTS_MAX)
        imapid_message("%s: %s%s", path, what,
                       walk->n_bad == COMPLAINTS_MAX ? " (further ones are not reported)" : "");
}

static void add_folder(struct walk *walk, const char *folder, int depth);

/* A symbolic link to nothing is nothing. */
static void add_unknown(struct walk *walk, const char *path, int depth)
{
    GStatBuf st;

    if (g_stat(path, &st) != 0) {
        if (errno != ENOENT && errno != ELOOP)
            complain_of_place(walk, path, imapid_failure_of_input(errno));
    } else if (S_ISREG(st.st_mode)) {
        add_file(walk->inputs, path, TRUE);
    } else if (S_ISDIR(st.st_mode) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        add_folder(walk, path, depth + 1);
    }
}

/* Most are known without asking the kernel for each. */
static void add_entry(struct walk *walk, const struct entry *entry, int depth)
{
    if (entry->type == DT_REG)
        add_file(walk->inputs, entry->path, TRUE);
    else if (entry->type == DT_DIR)
        add_folder(walk, entry->path, depth + 1);
    else
        add_unknown(walk, entry->path, depth);
}

/* A partial beside the records that it was made of (extract --plan) tells nothing new. */
static bool is_partial_of(const char *path, const char *records)
{
    return g_str_has_suffix(path, ".partial") && g_str_has_suffix(records, ".jsonl") &&
           strlen(path) - strlen(".partial") == strlen(records) - strlen(".jsonl") &&
           !strncmp(path, records, strlen(records) - strlen(".jsonl"));
}

/* In the order of their names. NULL with errno. */
static GArray *list_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *found;
    GArray *entries;

    if (!dir)
        return NULL;
    entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    g_array_set_clear_func(entries, clear_entry);
    while ((found = readdir(dir))) {
        struct entry entry = {.type = found->d_type};

        if (!strcmp(found->d_name, ".") || !strcmp(found->d_name, ".."))
            continue;
        entry.path = g_build_filename(folder, found->d_name, NULL);
        g_array_append_val(entries, entry);
    }
    closedir(dir);
    g_array_sort(entries, compare_entries);
    return entries;
}

static void add_folder(struct walk *walk, const char *folder, int depth)
{
    const struct entry *last = NULL;
    GArray *entries;

    if (depth > IMAPID_INPUTS_DEPTH_MAX) {
        complain_of_place(walk, folder, "too deep, not read");
        return;
    }
    entries = list_folder(folder);
    if (!entries) {
        /* One that was found may be gone since. */
        if (!depth || errno != ENOENT)
            complain_of_place(walk, folder, imapid_failure_of_input(errno));
        return;
    }
    for (guint i = 0; i < entries->len; i++) {
        const struct entry *entry = &g_array_index(entries, struct entry, i);

        if (!last || !is_partial_of(entry->path, last->path))
            add_entry(walk, entry, depth);
        last = entry;
    }
    g_array_unref(entries);
}

/* False: something of it could not be listed. */
static gboolean add_named_folder(GArray *inputs, const char *folder)
{
    struct walk walk = {.inputs = inputs};

    add_folder(&walk, folder, 0);
    return !walk.n_bad;
}

static void add_followed(GArray *inputs, const char *path)
{
    struct imapid_input input = {
        .path = g_strdup(path), .grows = TRUE, .is_folder = g_file_test(path, G_FILE_TEST_IS_DIR)};

    g_array_append_val(inputs, input);
}

gboolean imapid_inputs_add(GArray *inputs, const char *path, gboolean follow)
{
    if (follow && g_file_test(path, G_FILE_TEST_IS_DIR | G_FILE_TEST_IS_REGULAR)) {
        add_followed(inputs, path);
        return TRUE;
    }
    if (!strcmp(path, "-")) {
        add_file(inputs, path, FALSE);
        return TRUE;
    }
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return add_named_folder(inputs, path);
    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        add_file(inputs, path, FALSE);
        return TRUE;
    }
    (void)imapid_failure_of_input(ENOENT);
    imapid_message("%s: no such file or folder", path);
    return FALSE;
}

/* A list being read. */
struct list {
    const char *name;
    guint64 n_lines;
    guint n_bad;
};

/* Returns FALSE. */
static gboolean complain_of_line(struct list *list, const char *what)
{
    if (++list->n_bad <= COMPLAINTS_MAX)
        imapid_message("%s: line %" G_GUINT64_FORMAT ": %s%s", list->name, list->n_lines, what,
                       list->n_bad == COMPLAINTS_MAX ? " (further lines are not reported)" : "");
    return FALSE;
}

/* Reads a line without its end. Its length; 0 as well at the end of the list, or where what comes
 * is no line, with *at_end: nothing more is read then, it is no list. */
static size_t read_line(FILE *file, struct list *list, char line[LINE_MAX_OCTETS], gboolean *at_end)
{
    size_t n = 0;
    int c;

    list->n_lines++;
    while ((c = getc(file)) != EOF && c != '\n') {
        if (c == '\0' || n == LINE_MAX_OCTETS - 1) {
            complain_of_line(
                list, c ? "the line is longer than a path can be, so this is not a list of files"
                        : "the line has a NUL, so this is not a list of files");
            *at_end = TRUE;
            return 0;
        }
        line[n++] = (char)c;
    }
    if (n && line[n - 1] == '\r')
        n--;
    line[n] = '\0';
    *at_end = c == EOF;
    return n;
}

static gboolean add_line(GArray *inputs, struct list *list, const char *path, gboolean follow)
{
    if (strcmp(path, "-") && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        char *what = g_strconcat(path, ": no such file or folder", NULL);

        (void)imapid_failure_of_input(ENOENT);
        complain_of_line(list, what);
        g_free(what);
        return FALSE;
    }
    return imapid_inputs_add(inputs, path, follow);
}

/* Adds the inputs that a file names, in messages `name`. */
static gboolean add_lines(GArray *inputs, FILE *file, const char *name, gboolean follow)
{
    struct list list = {.name = name};
    char line[LINE_MAX_OCTETS];
    gboolean good = TRUE, at_end = FALSE;

    while (!at_end)
        if (read_line(file, &list, line, &at_end))
            good &= add_line(inputs, &list, line, follow);
    if (ferror(file)) {
        imapid_message("%s: %s", name, imapid_failure_of_input(errno));
        good = FALSE;
    }
    return good && !list.n_bad;
}

gboolean imapid_inputs_add_list(GArray *inputs, const char *name, gboolean follow)
{
    FILE *file;
    gboolean good;

    if (!strcmp(name, "-"))
        return add_lines(inputs, stdin, "standard input", follow);
    file = fopen(name, "re");
    if (!file) {
        imapid_message("%s: %s", name, imapid_failure_of_input(errno));
        return FALSE;
    }
    good = add_lines(inputs, file, name, follow);
    (void)fclose(file);
    return good;
}

/* Is this the file with that state? */
static gboolean is_file(const struct imapid_input *input, const GStatBuf *file)
{
    GStatBuf st;
    int status = input->is_interface         ? -1
                 : !strcmp(input->path, "-") ? fstat(STDIN_FILENO, &st)
                                             : g_stat(input->path, &st);

    return status == 0 && st.st_dev == file->st_dev && st.st_ino == file->st_ino;
}

/* The state of the file that is written to. False: it is no regular file, and can be no input. */
static gboolean stat_output(const char *output, GStatBuf *st)
{
    return (output ? g_stat(output, st) : fstat(STDOUT_FILENO, st)) == 0 && S_ISREG(st->st_mode);
}

gboolean imapid_inputs_is_output(const char *path, const char *output)
{
    const struct imapid_input input = {.path = (char *)path};
    GStatBuf st;

    return stat_output(output, &st) && is_file(&input, &st);
}

/* Is a file in a folder, or in one below that? */
static bool is_below(const char *path, const char *folder)
{
    char *file = realpath(path, NULL), *root = realpath(folder, NULL);
    size_t n = root ? strlen(root) : 0;
    bool is = file && root && !strncmp(file, root, n) && (file[n] == '/' || root[n - 1] == '/');

    free(file);
    free(root);
    return is;
}

gboolean imapid_inputs_drop_output(GArray *inputs, const char *output, bool is_input)
{
    GStatBuf file;
    gboolean good = TRUE;

    if (!stat_output(output, &file))
        return TRUE;
    for (guint i = inputs->len; i-- > 0;) {
        const struct imapid_input *input = &g_array_index(inputs, struct imapid_input, i);

        if (!is_file(input, &file) &&
            !(output && is_input && input->is_folder && is_below(output, input->path)))
            continue;
        if (input->found && !is_input) {
            g_array_remove_index(inputs, i);
            continue;
        }
        imapid_message("%s: is the output file, so it cannot be read",
                       input->is_folder ? output : input->path);
        good = FALSE;
    }
    return good;
}
