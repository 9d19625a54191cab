/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_SOURCE_H
#define IMAPID_SOURCE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file or pipe whose first octets were looked at to see what it is: JSON Lines of records, as
 * they are or compressed, or else, for all that is known here, a capture. */
struct imapid_source;

/* "-" is standard input. `on_stop` is called when the wish to end comes while a pipe is waited for;
 * what was asked for has then ended. NULL with errno where it cannot be opened. */
struct imapid_source *imapid_source_open(const char *path, void (*on_stop)(void *ctx), void *ctx);
void imapid_source_close(void *source);

/* Is it a regular file? Then it can be opened again as well. */
bool imapid_source_is_regular(const struct imapid_source *source);

/* With `found` (in a folder) it has to begin like a record; else an input that is named as JSON
 * Lines and has no line at all is one as well. */
bool imapid_source_is_jsonl(const struct imapid_source *source, bool found);

/* Up to n octets from the beginning on, 0 at the end, -1 on failure with errno set: either as they
 * are, or unpacked where the source is compressed; not now this, now that. */
ptrdiff_t imapid_source_read(void *source, uint8_t *octets, size_t n);
ptrdiff_t imapid_source_read_unpacked(void *source, uint8_t *octets, size_t n);

/* Why unpacking failed, to be freed; NULL where it has not. */
char *imapid_source_get_error(const struct imapid_source *source);

/* Octets taken from the file or pipe so far. */
uint64_t imapid_source_get_place(const struct imapid_source *source);

#endif
