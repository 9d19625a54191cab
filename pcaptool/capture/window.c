/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window.c: a buffer over read(). What is left in it is moved to the front before each refill.
 * Regular files are read in the same way: copying into a buffer that stays in the cache costs less
 * than the page faults of a mapping, and a file that shrinks meanwhile is only shorter.
 *
 * Refuses to go back.
 *
 * Misuse: keeping a pointer over a call of imapid_window_need(), _fill() or _skip(). */

#include "capture/window.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A buffer's first size. Large enough for the cost of a call to vanish, small enough to leave room
 * in a second-level cache of 256 KiB. It grows for a packet or block that does not fit. */
#define BUFFER 131072u

static ptrdiff_t read_fd(void *ctx, uint8_t *octets, size_t n)
{
    const struct imapid_window *window = ctx;
    return read(window->fd, octets, n);
}

void imapid_window_init_fd(struct imapid_window *window, int fd, bool own_fd,
                           const struct stat *opened)
{
    struct stat now;
    *window = (struct imapid_window){.fd = fd, .own_fd = own_fd};
    window->source = (struct imapid_window_source){.read = read_fd, .ctx = window};
    if (!opened && fstat(fd, &now) == 0)
        opened = &now;
    if (!opened || !S_ISREG(opened->st_mode))
        return;
    off_t place = own_fd ? 0 : lseek(fd, 0, SEEK_CUR);
    window->size = (uint64_t)opened->st_size;
    window->changed = opened->st_mtim;
    window->end_place = place > 0 ? (uint64_t)place : 0;
    if (window->size > BUFFER)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

void imapid_window_init_source(struct imapid_window *window,
                               const struct imapid_window_source *source)
{
    *window = (struct imapid_window){.fd = -1, .source = *source};
}

void imapid_window_deinit(struct imapid_window *window)
{
    if (!window->is_lent)
        g_free(window->area);
    if (window->source.close)
        window->source.close(window->source.ctx);
    if (window->own_fd)
        close(window->fd);
    *window = (struct imapid_window){.fd = -1};
}

uint64_t imapid_window_get_size(const struct imapid_window *window)
{
    struct stat st;
    if (window->size == 0 || fstat(window->fd, &st) != 0)
        return window->size;
    return (uint64_t)st.st_size;
}

bool imapid_window_is_written(const struct imapid_window *window)
{
    struct stat st;
    return window->size > 0 && fstat(window->fd, &st) == 0 &&
           (st.st_mtim.tv_sec != window->changed.tv_sec ||
            st.st_mtim.tv_nsec != window->changed.tv_nsec);
}

void imapid_window_move(struct imapid_window *to, struct imapid_window *from)
{
    *to = *from;
    if (to->source.ctx == from)
        to->source.ctx = to;
    *from = (struct imapid_window){.fd = -1};
}

/* The same in an area of its own: the one before stays as it is. */
static void change_area(struct imapid_window *window, size_t n)
{
    const struct imapid_window_areas *areas = window->areas;
    size_t left = imapid_window_left(window);
    struct imapid_window_area area = {.n_read = 0};
    areas->take(areas->ctx, n, left, &area);
    if (left > 0)
        memcpy(area.octets, window->at, left);
    window->area = area.octets;
    window->n_area = area.n;
    window->is_lent = true;
    window->at = area.octets;
    window->end = area.octets + left + area.n_read;
    window->end_place += area.n_read;
    window->error = area.error;
    window->at_end = area.is_last;
}

/* Room for n octets from `at` on. */
static void make_room(struct imapid_window *window, size_t n)
{
    size_t left = imapid_window_left(window);
    if (window->areas) {
        change_area(window, n);
        return;
    }
    if (window->n_area < n || !window->area) {
        size_t n_new = MAX(window->n_area, BUFFER);
        while (n_new < n)
            n_new *= 2;
        uint8_t *area = g_malloc(n_new);
        if (left > 0)
            memcpy(area, window->at, left);
        g_free(window->area);
        window->area = area;
        window->n_area = n_new;
    } else if (left > 0) {
        memmove(window->area, window->at, left);
    }
    window->at = window->area;
    window->end = window->area + left;
}

/* After so many octets, fewer than there was room for: a file that ends where it ended when it was opened has no more, as a
 * read of 0 would say. */
static bool is_end_of_file(const struct imapid_window *window, size_t n_read, size_t room)
{
    return n_read < room && window->size && window->end_place == window->size;
}

/* Whether n octets have no room in the area from `at` on. */
static bool is_full(const struct imapid_window *window, size_t n)
{
    return !window->area || imapid_window_left(window) == 0 ||
           (size_t)(window->area + window->n_area - window->at) < n;
}

bool imapid_window_fill_whole(struct imapid_window *window, size_t n)
{
    const struct imapid_window_areas *areas = window->areas;
    window->is_paused = areas && !window->error && !window->at_end && is_full(window, n) &&
                        !areas->may_take(areas->ctx);
    return !window->is_paused && imapid_window_fill(window, n);
}

bool imapid_window_fill(struct imapid_window *window, size_t n)
{
    g_return_val_if_fail(n <= IMAPID_WINDOW_MAX, false);
    if (window->error || window->at_end)
        return false;
    if (is_full(window, n))
        make_room(window, n);
    while (imapid_window_left(window) < n && !window->at_end && !window->stop) {
        uint8_t *to = window->area + (window->end - window->area);
        size_t room = (size_t)(window->area + window->n_area - to);
        ptrdiff_t n_read = window->source.read(window->source.ctx, to, room);
        if (n_read < 0 && errno == EINTR)
            continue;
        if (n_read < 0)
            window->error = errno;
        window->at_end = n_read <= 0;
        if (window->at_end)
            return false;
        window->end += n_read;
        window->end_place += (uint64_t)n_read;
        window->at_end = is_end_of_file(window, (size_t)n_read, room);
        if (window->on_read)
            window->on_read(window->on_read_ctx);
    }
    return imapid_window_left(window) >= n;
}

bool imapid_window_skip(struct imapid_window *window, uint64_t *n)
{
    while (*n > imapid_window_left(window)) {
        *n -= imapid_window_left(window);
        window->at = window->end;
        if (!imapid_window_need_whole(window, 1))
            return false;
    }
    window->at += *n;
    *n = 0;
    return true;
}
