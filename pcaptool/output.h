/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_OUTPUT_H
#define IMAPID_OUTPUT_H

#include <glib.h>

/* Where text goes that several threads write, each its own part, in the order of the parts: the
 * part whose turn it is goes straight out, later ones wait (in memory, past a limit in a temporary
 * file). A regular file is written anew and takes the place of the earlier one when it is whole, or,
 * where what is read has no end of its own, when it begins (newfile.h).
 */
struct imapid_output;

/* To `path`, NULL being standard output. `n_parts` parts are to come. With LIVE each piece is
 * flushed as it is added; IMAPID_OUTPUT_UNORDERED is for parts that have no end, and none waits for
 * another. NULL with a message on standard error where the file can't be made. Called before there
 * are threads. */
enum imapid_output_mode { IMAPID_OUTPUT_BUFFERED, IMAPID_OUTPUT_LIVE, IMAPID_OUTPUT_UNORDERED };
struct imapid_output *imapid_output_open(const char *path, guint n_parts,
                                         enum imapid_output_mode mode);

/* Is `path`, NULL being so too, standard output by whatever name? */
gboolean imapid_output_is_standard(const char *path);

/* What is written are lines of JSON: they become the elements of one array. Called before anything is
 * added. */
void imapid_output_set_array(struct imapid_output *output);

/* What stands at the beginning of each file, and at the end of each but the last: `spell` gets how many
 * pieces were added to it. Called before anything is added. */
void imapid_output_set_ends(struct imapid_output *output, const char *head,
                            void (*spell)(void *ctx, GString *tail, guint64 n_pieces), void *ctx);

/* Log rotation: where the file that is written was given another name, it ends, and another begins under its
 * name. Only of a live one; of others, and where nothing was written yet, nothing happens. Thread-safe. */
void imapid_output_reopen(struct imapid_output *output);

/* A live file of `n_octets` behind its head, or of `n_seconds` and with something in it, ends (0: not for that): it gets
 * another name, see imapid_newfile_set_aside(), and the next one begins under its own. So does one that is there
 * already when the first one begins. Called before anything is added. FALSE with a message: the other name would be too
 * long. Where a file could not end, records go on into it, and imapid_output_close() says that something failed. */
gboolean imapid_output_set_rotation(struct imapid_output *output, guint64 n_octets,
                                    guint64 n_seconds);

/* To be called from time to time, also when nothing is added. Thread-safe. */
void imapid_output_tick(struct imapid_output *output);

/* The pieces of parts that were added to the file, and their octets; of one that is rotated since it began. */
struct imapid_output_counts {
    guint64 n_pieces, n_octets;
};
struct imapid_output_counts imapid_output_count(struct imapid_output *output);

/* Can it be opened anew? */
gboolean imapid_output_is_file(const struct imapid_output *output);

/* Adds to a part; thread-safe. Waits where the part is far ahead of the one whose turn it is, which
 * must be under way in another thread: begin the parts in their order. */
void imapid_output_add(struct imapid_output *output, guint part, const char *text, gsize n);

/* A part is complete. */
void imapid_output_end(struct imapid_output *output, guint part);

/* Adds what stands behind all parts; nothing where one of them is not complete. */
void imapid_output_add_last(struct imapid_output *output, const char *text, gsize n);

/* Something is there that is worth to be read: a live file takes its place now, and grows from then
 * on. */
void imapid_output_begin(struct imapid_output *output);

/* Is nobody reading any more (a closed pipe)? Then there is no use in going on. */
gboolean imapid_output_is_closed(struct imapid_output *output);

/* Flushes and closes. With `keep` a file takes its place; without it the earlier one stays as it
 * was, but for one that is live and has begun. False with a message where not everything could be
 * written; a closed pipe is no failure. */
gboolean imapid_output_close(struct imapid_output *output, gboolean keep);

#endif
