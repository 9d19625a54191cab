/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NEWFILE_H
#define IMAPID_NEWFILE_H

#include <glib.h>

/* A file that is there whole or not at all. It is written without a name, or under another one, and
 * takes its name when it is published; until then, whatever happens, the file that had the name
 * before is as it was. */
struct imapid_newfile;

enum imapid_newfile_kind {
    IMAPID_NEWFILE_TEXT, /* needs no name until it is published */
    IMAPID_NEWFILE_LASTING, /* the same, and the next ones are written where its folder was made anew, too */
    IMAPID_NEWFILE_DATABASE, /* has one, for who opens files by name; two that would replace the
                                same file wait for each other */
};

/* Begins a file that is to be at `path`, which may be a link: what it leads to is replaced. The file
 * has the mode and, where that may be done, the owner of what it replaces. NULL, and *message to be
 * freed, where the folder cannot be written or `path` is no regular file. */
struct imapid_newfile *imapid_newfile_open(const char *path, enum imapid_newfile_kind kind,
                                           char **message);

/* Where to write; it stays open until free(). */
int imapid_newfile_get_fd(const struct imapid_newfile *file);

/* The name it has until it is published; NULL: none. */
const char *imapid_newfile_get_name(const struct imapid_newfile *file);

/* Gives it its name, with all that was written on the disk. At most once a file; writing may go on. False,
 * with *message to be freed, where that failed: then the earlier file is as it was. */
gboolean imapid_newfile_publish(struct imapid_newfile *file, char **message);

/* Begins the next file, after the one that was published got another name: log rotation. `fd` becomes a
 * descriptor of it, the caller's; imapid_newfile_get_fd() is another one. It has the mode and the owner of
 * what has the name now, or else of the one before, and is published as that was; one that was not published is
 * thrown away. EALREADY: the one that was published still has its name, and `replaces` is false. Returns 0 or errno;
 * then writing to the one before may go on. */
int imapid_newfile_begin_next(struct imapid_newfile *file, gboolean replaces, int *fd);

/* Gives what has the name a second one beside it, "out_20260102030405_00001.jsonl" of "out.jsonl" (the time in UTC), so
 * that it stays when the next file is published. Nothing happens where there is no such file. False, with *message
 * to be freed. */
gboolean imapid_newfile_set_aside(struct imapid_newfile *file, char **message);

/* Is there room in a name for that? False, with *message to be freed, where there is none. */
gboolean imapid_newfile_may_set_aside(const struct imapid_newfile *file, char **message);

/* Throws away what was not published. NULL is allowed. */
void imapid_newfile_free(struct imapid_newfile *file);

#endif
