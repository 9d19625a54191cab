/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c: opens an input and looks at its first octets to see what it is. They are kept: whoever
 * reads the input gets all of it. A compressed input is unpacked for the look; when it holds
 * records, reading goes on from there.
 *
 * Refuses to look for ever: of a compressed stream that unpacks to nothing it reads LOOK_MAX
 * octets.
 *
 * Misuse: reading one source in both ways. */
#include "source.h"

#include "opener.h"
#include "stop.h"

#include "answer/partial.h"
#include "capture/head.h"
#include "capture/unpack.h"
#include "record/read-jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Octets that are read to see what a compressed input holds: lz4 gives nothing of a block before it
 * has all of it, which can be 4 MiB. */
#define LOOK_MAX (5u << 20)

/* Octets of the beginning of a file that grows, by which it is known. */
#define N_FIRST 1024u

struct imapid_source {
    char *path;
    int fd;
    bool is_stdin, is_regular, looking;
    bool was_over; /* a file that grew does no more */
    bool is_anew;  /* what is in it now is another one's */
    bool has_name; /* it can be told whether the name is still its own */
    uint8_t first[N_FIRST];
    size_t n_first;
    struct imapid_source_watch watch;
    GByteArray *head; /* what was read while looking */
    size_t head_at;
    uint64_t place;
    struct stat opened; /* a regular file, as it was then */
    struct imapid_window packed;
    struct imapid_unpack *unpack; /* NULL: it is not compressed */
    uint8_t peek[IMAPID_READ_JSONL_PEEK];
    size_t n_peek, peek_at; /* of what was unpacked */
};

/* Opening a file that is replaced just then. */
#define N_TRIES 3

/* How often those who watch are told that nothing came, and a file is looked at again. */
#define IDLE_MS 250

/* False: the program is to end. */
static bool wait_for_more(struct imapid_source *source, int fd)
{
    enum imapid_stop_waited waited;

    while ((waited = imapid_stop_wait(fd, IDLE_MS)) == IMAPID_STOP_IDLE) {
        source->watch.on_idle(source->watch.ctx);
        if (fd < 0)
            return true;
    }
    if (waited == IMAPID_STOP_READY)
        return true;
    source->packed.stop = 1; /* an end in the middle is none of the stream's faults */
    source->watch.on_stop(source->watch.ctx);
    return false;
}

static void tell_anew(const struct imapid_source *source)
{
    if (source->watch.on_anew)
        source->watch.on_anew(source->watch.ctx);
}

/* In its place, as by cp(1) over it: it is shorter, or begins otherwise. */
static bool is_rewritten(struct imapid_source *source)
{
    uint8_t now[N_FIRST], last;
    ssize_t n = pread(source->fd, now, sizeof now, 0);

    if (n < 0)
        return false; /* reading it says why */
    /* What is read counts: a size may be told late by another machine. */
    if ((source->place && pread(source->fd, &last, 1, (off_t)source->place - 1) == 0) ||
        memcmp(now, source->first, MIN((size_t)n, source->n_first)) != 0)
        return true;
    memcpy(source->first, now, (size_t)n);
    source->n_first = (size_t)n;
    return false;
}

/* Is there another file of that name? */
static bool is_replaced(const struct imapid_source *source)
{
    struct stat mine, other;

    return fstat(source->fd, &mine) == 0 && stat(source->path, &other) == 0 &&
           (mine.st_ino != other.st_ino || mine.st_dev != other.st_dev);
}

/* At the end of a regular file: waits where it may grow. What was written until it was over is still
 * to be read then. */
static bool grows(struct imapid_source *source)
{
    if (!source->watch.is_over || source->was_over)
        return false;
    source->was_over = source->watch.is_over(source->watch.ctx);
    if (!source->was_over && source->has_name && is_replaced(source)) {
        source->was_over = true;
        tell_anew(source);
    }
    return source->was_over || wait_for_more(source, -1);
}

/* Of a file that grows nothing is read any more once it is another one. */
static bool has_ended(struct imapid_source *source)
{
    if (!source->is_anew && source->is_regular && source->watch.is_over && is_rewritten(source)) {
        source->is_anew = true;
        tell_anew(source);
    }
    return source->is_anew;
}

static uint64_t get_size(const struct imapid_source *source)
{
    return (uint64_t)source->opened.st_size;
}

/* One that is not followed ends where it did when it was opened. A size of 0 tells nothing: files of the kernel have it. */
static bool is_bounded(const struct imapid_source *source)
{
    return imapid_source_is_regular(source) && source->opened.st_size;
}

/* read(), given up as an end when the program is to end. A file's own place stays at its beginning, for who takes it. */
static ptrdiff_t wait_and_read(struct imapid_source *source, uint8_t *octets, size_t n)
{
    ssize_t n_read;

    if (is_bounded(source))
        n = MIN(n, get_size(source) - source->place);
    do {
        if ((!source->is_regular && !wait_for_more(source, source->fd)) || has_ended(source))
            return 0;
        n_read = source->is_regular ? pread(source->fd, octets, n, (off_t)source->place)
                                    : read(source->fd, octets, n);
    } while ((n_read < 0 && (errno == EINTR || errno == EAGAIN)) ||
             (n_read == 0 && source->is_regular && grows(source)));
    if (n_read > 0)
        source->place += (uint64_t)n_read;
    return n_read;
}

ptrdiff_t imapid_source_read(void *ctx, uint8_t *octets, size_t n)
{
    struct imapid_source *source = ctx;
    size_t left = source->head->len - source->head_at;
    ptrdiff_t n_read;

    if (left) {
        n = MIN(n, left);
        memcpy(octets, source->head->data + source->head_at, n);
        source->head_at += n;
        return (ptrdiff_t)n;
    }
    if (source->looking && source->head->len >= LOOK_MAX)
        return 0;
    n_read = wait_and_read(source, octets, n);
    if (n_read > 0 && source->looking) {
        g_byte_array_append(source->head, octets, (guint)n_read);
        source->head_at = source->head->len;
    }
    return n_read;
}

ptrdiff_t imapid_source_read_unpacked(void *ctx, uint8_t *octets, size_t n)
{
    struct imapid_source *source = ctx;
    size_t left = source->n_peek - source->peek_at;

    if (!source->unpack)
        return imapid_source_read(source, octets, n);
    if (!left)
        return imapid_unpack_read(source->unpack, octets, n);
    n = MIN(n, left);
    memcpy(octets, source->peek + source->peek_at, n);
    source->peek_at += n;
    return (ptrdiff_t)n;
}

bool imapid_source_has_places(const struct imapid_source *source)
{
    return is_bounded(source) && !source->unpack;
}

ptrdiff_t imapid_source_read_at(const struct imapid_source *source, uint8_t *octets, size_t n,
                                uint64_t at)
{
    n = at < get_size(source) ? MIN(n, get_size(source) - at) : 0;
    return pread(source->fd, octets, n, (off_t)at);
}

/* ---- the look ---- */

static void look_inside(struct imapid_source *source)
{
    const struct imapid_window_source from = {.read = imapid_source_read, .ctx = source};
    ptrdiff_t n = 1;

    imapid_window_init_source(&source->packed, &from);
    source->unpack = imapid_unpack_new(&source->packed);
    while (source->n_peek < sizeof source->peek && n > 0) {
        n = imapid_unpack_read(source->unpack, source->peek + source->n_peek,
                               sizeof source->peek - source->n_peek);
        if (n > 0)
            source->n_peek += (size_t)n;
    }
}

static void end_unpacking(struct imapid_source *source)
{
    if (source->unpack)
        imapid_window_deinit(&source->packed);
    imapid_unpack_free(source->unpack);
    source->unpack = NULL;
}

/* A read that fails here fails again, where it is told. */
static void look(struct imapid_source *source)
{
    uint8_t octets[IMAPID_READ_JSONL_PEEK];
    ptrdiff_t n = 1;

    source->looking = true;
    while (source->head->len < sizeof octets && n > 0)
        n = imapid_source_read(source, octets, sizeof octets - source->head->len);
    source->head_at = 0;
    if (imapid_unpack_is_packed(source->head->data, source->head->len))
        look_inside(source);
    source->looking = false;
    if (source->unpack && !imapid_source_is_jsonl(source, false) &&
        !imapid_source_is_partial(source)) {
        end_unpacking(source); /* whoever reads captures unpacks them, and knows what to say */
        source->head_at = 0;
    }
}

/* It may have been opened before somebody asked for it, and replaced since. Where a name leads to another file
 * each time, as on file systems without lasting numbers, names tell nothing. */
static void open_named(struct imapid_source *source)
{
    for (int i = 0; i < N_TRIES && is_replaced(source); i++) {
        int fd = imapid_opener_open(source->path, O_NONBLOCK);

        if (fd < 0)
            break;
        close(source->fd);
        source->fd = fd;
    }
    source->has_name = !is_replaced(source);
}

/* Without blocking: a FIFO that nobody writes yet must not keep the program from ending. */
struct imapid_source *imapid_source_open(const char *path, const struct imapid_source_watch *watch)
{
    bool is_stdin = !strcmp(path, "-");
    int fd = is_stdin ? STDIN_FILENO : imapid_opener_open(path, O_NONBLOCK);
    struct imapid_source *source;

    if (fd < 0)
        return NULL;
    source = g_new0(struct imapid_source, 1);
    source->path = g_strdup(path);
    source->fd = fd;
    source->is_stdin = is_stdin;
    source->is_regular =
        !is_stdin && fstat(fd, &source->opened) == 0 && S_ISREG(source->opened.st_mode);
    if (source->is_regular && watch->is_over)
        open_named(source);
    source->watch = *watch;
    source->head = g_byte_array_new();
    look(source);
    return source;
}

void imapid_source_close(void *ctx)
{
    struct imapid_source *source = ctx;

    end_unpacking(source);
    if (!source->is_stdin && source->fd >= 0)
        close(source->fd);
    g_byte_array_unref(source->head);
    g_free(source->path);
    g_free(source);
}

bool imapid_source_is_regular(const struct imapid_source *source)
{
    return source->is_regular && !source->watch.is_over;
}

int imapid_source_take_fd(struct imapid_source *source, struct stat *opened)
{
    int fd = source->fd;

    *opened = source->opened;
    source->fd = -1;
    return fd;
}

/* Of its first octets all are white space, or there are none. */
static bool is_blank(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!octets[i] || !strchr(" \t\r\n", octets[i]))
            return false;
    return true;
}

/* What was looked at, unpacked; *n octets. */
static const uint8_t *get_peek(const struct imapid_source *source, size_t *n)
{
    *n = source->unpack ? source->n_peek : source->head->len;
    return source->unpack ? source->peek : source->head->data;
}

bool imapid_source_is_partial(const struct imapid_source *source)
{
    size_t n;
    const uint8_t *octets = get_peek(source, &n);

    return imapid_partial_is(octets, n);
}

bool imapid_source_is_jsonl(const struct imapid_source *source, bool found)
{
    size_t n;
    const uint8_t *octets = get_peek(source, &n);
    const char *ending = strstr(source->path, ".jsonl");

    if (imapid_read_jsonl_is(octets, n, found))
        return true;
    return !found && is_blank(octets, n) && ending && !strchr(ending, '/');
}

const char *imapid_source_get_kind(const struct imapid_source *source)
{
    const GByteArray *head = source->head;
    uint32_t magic;

    if (imapid_unpack_is_packed(head->data, head->len))
        return "pcap";
    if (imapid_source_is_jsonl(source, true))
        return "jsonl";
    if (imapid_source_is_partial(source))
        return "partial";
    if (head->len < sizeof magic)
        return NULL;
    memcpy(&magic, head->data, sizeof magic);
    return imapid_head_is_pcapng_magic(magic) ? "pcapng"
           : imapid_head_is_pcap_magic(magic) ? "pcap"
                                              : NULL;
}

bool imapid_source_may_have_secrets(const struct imapid_source *source)
{
    const uint8_t *octets = source->head->data;
    uint32_t magic;

    if (source->head->len < sizeof magic)
        return false;
    memcpy(&magic, octets, sizeof magic);
    return imapid_head_is_pcapng_magic(magic) || imapid_unpack_is_packed(octets, source->head->len);
}

char *imapid_source_get_error(const struct imapid_source *source)
{
    uint64_t place;
    const char *why = source->unpack ? imapid_unpack_get_error(source->unpack, &place) : NULL;

    return why ? g_strdup_printf("octet %" G_GUINT64_FORMAT ": %s", place, why) : NULL;
}

enum imapid_source_change imapid_source_find_change(const struct imapid_source *source,
                                                    uint64_t *before, uint64_t *now)
{
    struct stat st;

    if (!is_bounded(source) || fstat(source->fd, &st) != 0)
        return IMAPID_SOURCE_SAME;
    *before = get_size(source);
    *now = (uint64_t)st.st_size;
    return *now > *before   ? IMAPID_SOURCE_GREW
           : *now < *before ? IMAPID_SOURCE_SHRANK
                            : IMAPID_SOURCE_SAME;
}

uint64_t imapid_source_get_place(const struct imapid_source *source)
{
    return source->place;
}
