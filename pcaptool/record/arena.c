/* SPDX-License-Identifier: GPL-2.0-or-later */
/* arena.c: a list of chunks. What is larger than a chunk gets one of its own.
 *
 * Refuses nothing. Misuse: using what was taken after a reset. */
#include "record/arena.h"

#include <glib.h>
#include <string.h>

#define CHUNK (64u << 10)

struct imapid_arena_chunk {
    struct imapid_arena_chunk *next;
    size_t size;
    _Alignas(8) unsigned char octets[];
};

static void add_chunk(struct imapid_arena *arena, size_t n)
{
    size_t size = MAX(n, CHUNK - sizeof(struct imapid_arena_chunk));
    struct imapid_arena_chunk *chunk = g_malloc(sizeof *chunk + size);

    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->n_used = 0;
}

void *imapid_arena_take(struct imapid_arena *arena, size_t n)
{
    void *taken;

    n = (n + 7) & ~(size_t)7;
    if (!arena->chunks || arena->chunks->size - arena->n_used < n)
        add_chunk(arena, n);
    taken = arena->chunks->octets + arena->n_used;
    arena->n_used += n;
    return taken;
}

void *imapid_arena_take_zeroed(struct imapid_arena *arena, size_t n)
{
    return memset(imapid_arena_take(arena, n), 0, n);
}

static void free_chunks(struct imapid_arena_chunk *chunk)
{
    while (chunk) {
        struct imapid_arena_chunk *next = chunk->next;

        g_free(chunk);
        chunk = next;
    }
}

void imapid_arena_reset(struct imapid_arena *arena)
{
    arena->n_used = 0;
    if (!arena->chunks)
        return;
    free_chunks(arena->chunks->next);
    arena->chunks->next = NULL;
    if (arena->chunks->size > CHUNK)
        imapid_arena_deinit(arena); /* one large line must not stay for the rest of the run */
}

void imapid_arena_deinit(struct imapid_arena *arena)
{
    free_chunks(arena->chunks);
    *arena = (struct imapid_arena){NULL, 0};
}
