/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_INPUTS_H
#define IMAPID_INPUTS_H

#include <glib.h>
#include <stdbool.h>

/* Deeper folders are a mistake or a trap. */
#define IMAPID_INPUTS_DEPTH_MAX 64

/* The captures to read: what was named, and what is found in folders that were named. */
struct imapid_input {
    char *path;            /* "-" is standard input */
    gboolean found;        /* in a folder: it need not be a capture */
    gboolean is_interface; /* network interfaces, all that were named */
    gboolean grows;        /* it is followed (--follow): a file, or */
    gboolean is_folder;    /* a folder, which is not walked then */
    gboolean
        begins; /* a section of a chain, behind the one that is extracted: see imapid_collect_end_section() */
};

/* How many have no end but the one that is asked for: interfaces, pipes, what is followed. */
guint imapid_inputs_count_live(const GArray *inputs);

/* Adds network interfaces, which are one capture, and which need not be there: that shows when they are
 * opened. */
void imapid_inputs_add_interfaces(GArray *inputs, char **names);

/* Lists the inputs, folders walked in the order of names, symbolic links to folders not followed.
 * Adds to `inputs` (of struct imapid_input; free with imapid_inputs_free). False with an error on
 * standard error where something named is not there; the rest is listed all the same. With `follow`
 * files and folders are inputs that grow. */
gboolean imapid_inputs_add(GArray *inputs, const char *path, gboolean follow);

/* Adds a file that is known to be there. */
void imapid_inputs_add_file(GArray *inputs, const char *path);

/* Adds the paths that stand in a file, one a line; "-" reads standard input. */
gboolean imapid_inputs_add_list(GArray *inputs, const char *list, gboolean follow);

/* Takes the file that is written to (NULL: standard output) out of what was found in folders, where it is
 * the output of an earlier run. False, with an error on standard error, where it was named, or found and
 * `is_input`: it would be lost, or never end. */
gboolean imapid_inputs_drop_output(GArray *inputs, const char *output, bool is_input);

/* Is `path` the file that is written to? */
gboolean imapid_inputs_is_output(const char *path, const char *output);

/* An empty list of struct imapid_input. The list owns their paths. */
GArray *imapid_inputs_new(void);
void imapid_inputs_free(GArray *inputs);

#endif
