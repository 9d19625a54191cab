/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_WINDOW_H
#define IMAPID_CAPTURE_WINDOW_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* The most that imapid_window_need() may be asked for. */
#define IMAPID_WINDOW_MAX (17u << 20)

struct stat;

/* Where octets come from. read() gives up to n octets (at least one, as soon as there is one), 0 at
 * the end, -1 on failure with errno set; close() may be NULL. */
struct imapid_window_source {
    ptrdiff_t (*read)(void *ctx, uint8_t *octets, size_t n);
    void (*close)(void *ctx);
    void *ctx;
};

/* What a window moves on to. */
struct imapid_window_area {
    uint8_t *octets;
    size_t n; /* octets there is room for */
    /* What comes next, read behind what is left by whoever gives it: as many as are needed, but at the end; or 0,
     * and the window reads. */
    size_t n_read;
    bool is_last; /* there is nothing behind these, whatever the file may get meanwhile */
    int error;    /* why there is nothing, or 0 */
};

/* Where a window gets its memory, if what was read is to stay when it moves on. Whoever gives it owns it. */
struct imapid_window_areas {
    /* Whether the window may move on. */
    bool (*may_take)(void *ctx);
    /* An area of n octets at least, of which n_left are left of what was read. What was read before lies in the
     * last one as it did. */
    void (*take)(void *ctx, size_t n, size_t n_left, struct imapid_window_area *area);
    void *ctx;
};

/* A view on a file or a stream that moves forward. A parser asks for n octets, reads them at `at`,
 * and moves `at` on by what it has used (never beyond `end`). */
struct imapid_window {
    const uint8_t *at;  /* the next octet */
    const uint8_t *end; /* behind the last one at hand */
    uint64_t end_place; /* octet of the file that `end` is */
    uint64_t size;      /* of a regular file, when it was opened; else 0 */
    int error;          /* errno of a failed read */
    /* Told after each read, if set. It may set `stop`. */
    void (*on_read)(void *ctx);
    void *on_read_ctx;

    /* the window's own */
    uint8_t *area; /* `at` and `end` lie in it */
    size_t n_area;
    const struct imapid_window_areas *areas; /* NULL: each refill is written over what was read */
    struct imapid_window_source source;
    int fd; /* -1: the source is somebody else's */
    bool own_fd;
    struct timespec changed;    /* when the file was, before it was opened */
    bool is_lent;               /* the area is that of who gives areas */
    bool is_paused;             /* see imapid_window_need_whole() */
    bool at_end;                /* there is nothing more to read */
    volatile sig_atomic_t stop; /* read no more */
};

/* fd is read from where it stands, and closed with the window if own_fd. The window must not move
 * in memory from then on. Never fails: what cannot be read shows when it is needed. The source is
 * copied, and closed by imapid_window_deinit(). `opened`: what fstat() said of fd; NULL: it is asked. */
void imapid_window_init_fd(struct imapid_window *window, int fd, bool own_fd,
                           const struct stat *opened);
void imapid_window_init_source(struct imapid_window *window,
                               const struct imapid_window_source *source);
void imapid_window_deinit(struct imapid_window *window);

/* Octets of a regular file by now; 0 of anything else. */
uint64_t imapid_window_get_size(const struct imapid_window *window);

/* Was the regular file written since it was opened? False of anything else. */
bool imapid_window_is_written(const struct imapid_window *window);

/* A window to another place in memory; `from` is void then. */
void imapid_window_move(struct imapid_window *to, struct imapid_window *from);

/* The slow half of imapid_window_need(). */
bool imapid_window_fill(struct imapid_window *window, size_t n);

static inline size_t imapid_window_left(const struct imapid_window *window)
{
    return (size_t)(window->end - window->at);
}

/* Octet of the file that `at` is. */
static inline uint64_t imapid_window_place(const struct imapid_window *window)
{
    return window->end_place - imapid_window_left(window);
}

/* True: at least n octets (n <= IMAPID_WINDOW_MAX) are at `at`; pointers got before are void.
 * False: there are not so many any more, and all there are are at `at`; or window->error says why
 * reading failed; or window->stop was set. Waits for no more than n octets. */
static inline bool imapid_window_need(struct imapid_window *window, size_t n)
{
    return imapid_window_left(window) >= n || imapid_window_fill(window, n);
}

/* The slow half of the next one. */
bool imapid_window_fill_whole(struct imapid_window *window, size_t n);

/* The same, but where areas->may_take() says no, all stays as it is, is_paused is set, and it is to be asked again later. */
static inline bool imapid_window_need_whole(struct imapid_window *window, size_t n)
{
    window->is_paused = false;
    return imapid_window_left(window) >= n || imapid_window_fill_whole(window, n);
}

/* Moves `at` on by *n, of which it leaves what is still to be skipped. False when the end came before, on an error,
 * or where it paused as imapid_window_need_whole() does. */
bool imapid_window_skip(struct imapid_window *window, uint64_t *n);

#endif
