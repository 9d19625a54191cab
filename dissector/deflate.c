/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deflate.c: raw DEFLATE that is flushed at any place.
 *
 * Refuses more than its limits, of one call and of a capture. It does not notice a hole in its
 * input: DEFLATE has no check of its own, and goes on with wrong octets.
 *
 * Misuse: reading on behind a hole gives text that nobody sent. */
#include "deflate.h"

#include <zlib.h>

/* The first guess of what comes out; then it doubles. */
#define OUT_FIRST 4096

struct imapid_deflate {
    z_stream z; /* its memory counts to the share too, so that no end has to be told to zlib */
    bool is_damaged;
};

static uint64_t n_left; /* octets that may yet come out; reset with the capture */

static void begin_capture(void)
{
    n_left = IMAPID_DEFLATE_FREE;
}

void imapid_deflate_register(void)
{
    register_init_routine(begin_capture);
}

static void *allocate(void *opaque, unsigned n, unsigned size)
{
    return imapid_budget_alloc((struct imapid_share *)opaque, (size_t)n * size);
}

static void release(void *opaque, void *memory)
{
    (void)opaque;
    (void)memory; /* goes with the share */
}

struct imapid_deflate *imapid_deflate_new(struct imapid_share *share)
{
    struct imapid_deflate *inflate =
        (struct imapid_deflate *)imapid_budget_alloc(share, sizeof *inflate);

    inflate->z.zalloc = allocate;
    inflate->z.zfree = release;
    inflate->z.opaque = share;
    return inflateInit2(&inflate->z, -MAX_WBITS) == Z_OK ? inflate : NULL;
}

bool imapid_deflate_read(struct imapid_deflate *stream, struct imapid_share *share,
                         const uint8_t *octets, size_t n, uint8_t **out, size_t *n_out)
{
    z_stream *z = &stream->z;
    size_t size = OUT_FIRST, n_all = 0, n_max;
    uint8_t *all = (uint8_t *)wmem_alloc(wmem_file_scope(), size);
    int status;

    n_left += (uint64_t)n * IMAPID_DEFLATE_RATIO_MAX;
    n_max = n_left < IMAPID_DEFLATE_MAX ? (size_t)n_left : IMAPID_DEFLATE_MAX;
    z->next_in = (Bytef *)(uintptr_t)octets; /* zlib does not write there */
    z->avail_in = (uInt)n;
    do {
        if (n_all == size) {
            size *= 2;
            all = (uint8_t *)wmem_realloc(wmem_file_scope(), all, size);
        }
        z->next_out = all + n_all;
        z->avail_out = (uInt)(size - n_all);
        status = inflate(z, Z_SYNC_FLUSH);
        n_all = size - z->avail_out;
    } while (status == Z_OK && !z->avail_out && size < n_max);
    n_left -= n_all < n_left ? n_all : n_left;
    *n_out = n_all;
    *out = n_all ? (uint8_t *)imapid_budget_copy(share, all, n_all) : NULL;
    wmem_free(wmem_file_scope(), all);
    stream->is_damaged |= status == Z_DATA_ERROR;
    return (status == Z_OK || status == Z_BUF_ERROR) && !z->avail_in && z->avail_out;
}

bool imapid_deflate_is_damaged(const struct imapid_deflate *stream)
{
    return stream->is_damaged;
}
