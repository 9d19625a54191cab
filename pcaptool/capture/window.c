/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A regular file is looked at through a mapping of part of it, which is replaced in place by the
 * next part when it is used up: address space and resident memory stay small whatever the file's
 * size, and nothing is copied. Everything else is read into a buffer, what is left of it being
 * moved to the front before each refill.
 *
 * Refused: going back. Misuse: keeping a pointer over a call of need(), fill() or skip(). */

#include "capture/window.h"

#include "capture/guard.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Part of a file that is mapped at a time. A new mapping costs some microseconds; 32 MiB make that
 * nothing, hold the largest need() at any place, and fit any address space. */
#define MAPPING (2u * IMAPID_WINDOW_MAX)

/* A buffer's first size: several reads of a pipe, and most packets at any place in it. */
#define BUFFER 262144u

static ptrdiff_t read_fd(void *ctx, uint8_t *octets, size_t n)
{
    const struct imapid_window *window = ctx;
    return read(window->fd, octets, n);
}

static bool init_mapping(struct imapid_window *window, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return false;
    off_t place = lseek(fd, 0, SEEK_CUR);
    if (place < 0)
        return false;
    void *area = mmap(NULL, MAPPING, PROT_READ, MAP_PRIVATE, fd, 0);
    if (area == MAP_FAILED)
        return false;
    window->guard = imapid_guard_add(area, MAPPING);
    if (!window->guard) {
        munmap(area, MAPPING);
        return false;
    }
    window->area = area;
    window->n_area = MAPPING;
    window->size = (uint64_t)st.st_size;
    window->at = window->end = area;
    window->end_place = (uint64_t)place;
    return true;
}

void imapid_window_init_fd(struct imapid_window *window, int fd, bool own_fd)
{
    *window = (struct imapid_window){.fd = fd, .own_fd = own_fd};
    window->source = (struct imapid_capture_source){.read = read_fd, .ctx = window};
    init_mapping(window, fd);
}

void imapid_window_init_source(struct imapid_window *window,
                               const struct imapid_capture_source *source)
{
    *window = (struct imapid_window){.fd = -1, .source = *source};
}

void imapid_window_deinit(struct imapid_window *window)
{
    if (window->guard) {
        munmap(window->area, window->n_area);
        imapid_guard_remove(window->guard);
    } else {
        g_free(window->area);
    }
    if (window->source.close)
        window->source.close(window->source.ctx);
    if (window->own_fd)
        close(window->fd);
    *window = (struct imapid_window){.fd = -1};
}

/* A file that is being written may have grown. */
static void update_size(struct imapid_window *window)
{
    struct stat st;
    if (fstat(window->fd, &st) == 0 && (uint64_t)st.st_size > window->size)
        window->size = (uint64_t)st.st_size;
}

static bool fill_mapping(struct imapid_window *window, size_t n)
{
    uint64_t place = imapid_window_place(window);
    if (place + n > window->size)
        update_size(window);
    if (place >= window->size)
        return false;
    uint64_t start = place & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
    uint64_t n_map = MIN(window->size - start, (uint64_t)window->n_area);
    if (mmap(window->area, (size_t)n_map, PROT_READ, MAP_PRIVATE | MAP_FIXED, window->fd,
             (off_t)start) == MAP_FAILED) {
        window->error = errno;
        return false;
    }
    madvise(window->area, (size_t)n_map, MADV_SEQUENTIAL);
    window->at = window->area + (place - start);
    window->end = window->area + n_map;
    window->end_place = start + n_map;
    return imapid_window_left(window) >= n;
}

/* Room for n octets from `at` on, in a buffer. */
static void make_room(struct imapid_window *window, size_t n)
{
    size_t left = imapid_window_left(window);
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

static bool fill_buffer(struct imapid_window *window, size_t n)
{
    if ((size_t)(window->area + window->n_area - window->at) < n || imapid_window_left(window) == 0)
        make_room(window, n);
    while (imapid_window_left(window) < n && !window->stop) {
        uint8_t *to = window->area + (window->end - window->area);
        size_t room = (size_t)(window->area + window->n_area - to);
        ptrdiff_t n_read = window->source.read(window->source.ctx, to, room);
        if (n_read < 0 && errno == EINTR)
            continue;
        if (n_read < 0)
            window->error = errno;
        if (n_read <= 0) {
            window->at_end = true;
            return false;
        }
        window->end += n_read;
        window->end_place += (uint64_t)n_read;
    }
    return imapid_window_left(window) >= n;
}

bool imapid_window_fill(struct imapid_window *window, size_t n)
{
    g_return_val_if_fail(n <= IMAPID_WINDOW_MAX, false);
    if (window->error || window->at_end || window->stop)
        return false;
    return window->guard ? fill_mapping(window, n) : fill_buffer(window, n);
}

bool imapid_window_skip(struct imapid_window *window, uint64_t n)
{
    while (n > imapid_window_left(window)) {
        n -= imapid_window_left(window);
        window->at = window->end;
        if (!imapid_window_need(window, 1))
            return false;
    }
    window->at += n;
    return true;
}

bool imapid_window_is_spoilt(const struct imapid_window *window)
{
    return window->guard && imapid_guard_was_hit(window->guard);
}
