/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spill.c: runs of octets in a temporary file. What is added to a run waits in memory until there is a piece
 * of it; a piece goes to the end of the file.
 *
 * After a write that failed nothing more is written, and what is read is what was there before.
 *
 * Refuses nothing.
 *
 * Misuse: reading a run to which something is added. */
#define _GNU_SOURCE /* fallocate */
#include "cut/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Octets that wait for others: writing them costs more than calling write(), and a few are written for each
 * input that is read. */
#define PIECE_MAX 65536u

struct piece {
    off_t at;
    size_t n;
};

struct imapid_spill {
    int fd;
    GMutex mutex; /* guards what follows */
    off_t n;
    int failure; /* errno */
};

struct imapid_spill *imapid_spill_new(char **message)
{
    char *name = NULL;
    GError *error = NULL;
    int fd = g_file_open_tmp("imapid-XXXXXX", &name, &error);
    struct imapid_spill *spill;

    if (fd < 0) {
        *message = g_strdup_printf("temporary file: %s", error->message);
        g_error_free(error);
        return NULL;
    }
    unlink(name);
    g_free(name);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    spill = g_new0(struct imapid_spill, 1);
    spill->fd = fd;
    g_mutex_init(&spill->mutex);
    return spill;
}

void imapid_spill_free(struct imapid_spill *spill)
{
    if (!spill)
        return;
    close(spill->fd);
    g_mutex_clear(&spill->mutex);
    g_free(spill);
}

/* ---- writing ---- */

/* 0, or errno. */
static int put(int fd, const uint8_t *octets, size_t n, off_t at)
{
    while (n) {
        ssize_t n_written = pwrite(fd, octets, n, at);

        if (n_written < 0 && errno != EINTR)
            return errno;
        n_written = MAX(n_written, 0);
        octets += n_written;
        at += n_written;
        n -= (size_t)n_written;
    }
    return 0;
}

static void add_piece(struct imapid_spill *spill, struct imapid_spill_run *run,
                      const uint8_t *octets, size_t n)
{
    struct piece piece = {.n = n};
    int failure;

    g_mutex_lock(&spill->mutex);
    piece.at = spill->n;
    failure = spill->failure;
    spill->n += failure ? 0 : (off_t)n;
    g_mutex_unlock(&spill->mutex);
    if (failure)
        return;
    failure = put(spill->fd, octets, n, piece.at);
    if (failure) {
        g_mutex_lock(&spill->mutex);
        spill->failure = failure;
        g_mutex_unlock(&spill->mutex);
        return;
    }
    if (!run->pieces)
        run->pieces = g_array_new(FALSE, FALSE, sizeof piece);
    g_array_append_val(run->pieces, piece);
}

static void flush(struct imapid_spill *spill, struct imapid_spill_run *run)
{
    if (!run->tail || !run->tail->len)
        return;
    add_piece(spill, run, run->tail->data, run->tail->len);
    g_byte_array_set_size(run->tail, 0);
}

void imapid_spill_add(struct imapid_spill *spill, struct imapid_spill_run *run, const void *octets,
                      size_t n)
{
    run->n += n;
    if (run->tail && run->tail->len + n > PIECE_MAX)
        flush(spill, run);
    if (n > PIECE_MAX) {
        add_piece(spill, run, octets, n);
        return;
    }
    if (!run->tail)
        run->tail = g_byte_array_new();
    g_byte_array_append(run->tail, octets, (guint)n);
}

void imapid_spill_rest(struct imapid_spill *spill, struct imapid_spill_run *run)
{
    flush(spill, run);
    g_clear_pointer(&run->tail, g_byte_array_unref);
}

void imapid_spill_clear(struct imapid_spill *spill, struct imapid_spill_run *run)
{
    for (guint i = 0; spill && run->pieces && i < run->pieces->len; i++) {
        const struct piece *piece = &g_array_index(run->pieces, struct piece, i);

        if (fallocate(spill->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, piece->at,
                      (off_t)piece->n) != 0)
            break; /* the file is only larger */
    }
    g_clear_pointer(&run->pieces, g_array_unref);
    g_clear_pointer(&run->tail, g_byte_array_unref);
    run->n = 0;
}

/* ---- reading ---- */

/* Of the piece that is at hand, which may be the tail. */
static ptrdiff_t read_piece(const struct imapid_spill_reader *reader, uint8_t *octets, size_t n)
{
    const GArray *pieces = reader->run->pieces;
    const struct piece *piece;
    ssize_t n_read;

    if (reader->piece >= (pieces ? pieces->len : 0)) {
        const GByteArray *tail = reader->run->tail;

        n = MIN(n, tail ? tail->len - reader->at : 0);
        if (n)
            memcpy(octets, tail->data + reader->at, n);
        return (ptrdiff_t)n;
    }
    piece = &g_array_index(pieces, struct piece, reader->piece);
    do
        n_read = pread(reader->spill->fd, octets, MIN(n, piece->n - reader->at),
                       piece->at + (off_t)reader->at);
    while (n_read < 0 && errno == EINTR);
    if (n_read)
        return n_read;
    errno = EIO; /* it was written */
    return -1;
}

ptrdiff_t imapid_spill_read(void *ctx, uint8_t *octets, size_t n)
{
    struct imapid_spill_reader *reader = ctx;
    const GArray *pieces = reader->run->pieces;
    ptrdiff_t n_read = n ? read_piece(reader, octets, n) : 0;

    if (n_read <= 0)
        return n_read;
    reader->at += (size_t)n_read;
    if (pieces && reader->piece < pieces->len &&
        reader->at == g_array_index(pieces, struct piece, reader->piece).n) {
        reader->piece++;
        reader->at = 0;
    }
    return n_read;
}

char *imapid_spill_explain(const struct imapid_spill *spill)
{
    return spill->failure ? g_strdup_printf("temporary file: %s", g_strerror(spill->failure))
                          : NULL;
}
