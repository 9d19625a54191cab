/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_GUARD_H
#define IMAPID_CAPTURE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keeps the process alive when octets of a mapped file cannot be had. */
struct imapid_guard;

/* Guards n octets of address space from start on. NULL when no more can be guarded (or the signal
 * cannot be handled): then do not map, read. */
struct imapid_guard *imapid_guard_add(const void *start, size_t n);

/* Whether octets read out of the guarded space since imapid_guard_add() were not the file's. */
bool imapid_guard_was_hit(const struct imapid_guard *guard);

void imapid_guard_remove(struct imapid_guard *guard);

#endif
