/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SOURCE_H
#define IMAPID_SOURCE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file or pipe whose first octets were looked at to see what it is: JSON Lines of records or a
 * partial, as they are or compressed, or else, for all that is known here, a capture. */
struct imapid_source;
struct stat;

/* Who is told while a source waits for more octets: of a pipe, or of a file that grows. */
struct imapid_source_watch {
    void (*on_stop)(void *ctx); /* the wish to end came: what was asked for has ended */
    void (*on_idle)(void *ctx); /* from time to time */
    /* At the end of a regular file: is there nothing more to come? NULL: there is not. */
    bool (*is_over)(void *ctx);
    /* Of such a file: it was written anew, in its place or under its name, and this one ends. NULL: nobody is told. */
    void (*on_anew)(void *ctx);
    void *ctx;
};

/* Opens a file or pipe and looks at its first octets; of a pipe that waits for them. "-" is standard
 * input, which stays open on close. `watch` is copied. NULL with errno where it cannot be opened; that
 * it cannot be read shows when it is read. */
struct imapid_source *imapid_source_open(const char *path, const struct imapid_source_watch *watch);
void imapid_source_close(void *source);

/* Is it a regular file that does not grow? Then it can be read again, by another reader. */
bool imapid_source_is_regular(const struct imapid_source *source);

/* The descriptor of a regular file, at its beginning: it is the caller's to close, and of the source
 * nothing is read any more. *opened: the file, as it was when it was opened. */
int imapid_source_take_fd(struct imapid_source *source, struct stat *opened);

/* With `found` (in a folder) it has to begin like a record; else an input that is named as JSON
 * Lines and has no line at all is one as well. */
bool imapid_source_is_jsonl(const struct imapid_source *source, bool found);

/* Is it a partial, the state of an answer? */
bool imapid_source_is_partial(const struct imapid_source *source);

/* What it is, found in a folder, as options call formats: "jsonl", "partial", "pcapng"; "pcap" for other
 * captures and all that is compressed. NULL: nothing that can be read. */
const char *imapid_source_get_kind(const struct imapid_source *source);

/* May a capture have secrets inside? pcapng may, and what is compressed may be pcapng. */
bool imapid_source_may_have_secrets(const struct imapid_source *source);

/* Up to n octets from the beginning on, 0 at the end, -1 on failure with errno set: either as they
 * are, or unpacked where the source is compressed; not now this, now that. A regular file that is not
 * followed ends where it did when it was opened, however it is read. */
ptrdiff_t imapid_source_read(void *source, uint8_t *octets, size_t n);
ptrdiff_t imapid_source_read_unpacked(void *source, uint8_t *octets, size_t n);

/* Can it be read at any place, by several threads? A regular file that is not compressed and is not followed can. */
bool imapid_source_has_places(const struct imapid_source *source);

/* Of such a file up to n octets from a place on; else as imapid_source_read(). Neither moves for the other. */
ptrdiff_t imapid_source_read_at(const struct imapid_source *source, uint8_t *octets, size_t n,
                                uint64_t at);

/* Why unpacking failed, to be freed; NULL where it has not. */
char *imapid_source_get_error(const struct imapid_source *source);

/* What became of the size of a regular file that is not followed since it was opened; *before and *now are set where it
 * is another one. Before imapid_source_take_fd(). */
enum imapid_source_change { IMAPID_SOURCE_SAME, IMAPID_SOURCE_GREW, IMAPID_SOURCE_SHRANK };
enum imapid_source_change imapid_source_find_change(const struct imapid_source *source,
                                                    uint64_t *before, uint64_t *now);

/* Octets taken from the file or pipe so far. */
uint64_t imapid_source_get_place(const struct imapid_source *source);

#endif
