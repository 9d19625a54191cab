/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.c: opens inputs, finds out their format and counts. The formats are pcap.c and pcapng.c,
 * the octets come from window.c, errors are worded in reader.c.
 *
 * Refuses what is no capture, with one message at the first imapid_capture_next().
 *
 * Misuse: using a packet after the next call; taking an ERROR for the end. */

#include "capture/capture.h"

#include "failure.h"

#include "capture/foreign.h"
#include "capture/head.h"
#include "capture/live.h"
#include "capture/pcap.h"
#include "capture/pcapng.h"
#include "capture/reader.h"
#include "opener.h"

#include <errno.h>
#include <unistd.h>

/* Packets of a file between two calls of on_progress: far less than what a person can see. */
#define N_PROGRESS 256

static enum imapid_capture_result begin(struct imapid_capture *capture,
                                        struct imapid_packet *packet);

static struct imapid_capture *open_fd(const char *name, int fd, bool own_fd,
                                      const struct stat *opened)
{
    struct imapid_capture *capture = imapid_reader_new(name);
    capture->next = begin;
    imapid_window_init_fd(&capture->window, fd, own_fd, opened);
    return capture;
}

struct imapid_capture *imapid_capture_open(const char *path, char **message)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : imapid_opener_open(path, 0);
    if (fd < 0) {
        *message = g_strdup_printf("%s: %s", path, imapid_failure_of_input(errno));
        return NULL;
    }
    return open_fd(is_stdin ? "standard input" : path, fd, !is_stdin, NULL);
}

struct imapid_capture *imapid_capture_open_fd(const char *name, int fd, const struct stat *opened)
{
    return open_fd(name, fd, true, opened);
}

struct imapid_capture *imapid_capture_open_source(const char *name,
                                                  const struct imapid_window_source *source)
{
    struct imapid_capture *capture = imapid_reader_new(name);
    capture->next = begin;
    imapid_window_init_source(&capture->window, source);
    return capture;
}

void imapid_capture_on_secrets(struct imapid_capture *capture,
                               void (*fn)(void *ctx, uint32_t type, const uint8_t *octets,
                                          size_t n),
                               void *ctx)
{
    capture->on_secrets = fn;
    capture->secrets_ctx = ctx;
}

void imapid_capture_on_note(struct imapid_capture *capture,
                            void (*fn)(void *ctx, const char *message), void *ctx)
{
    capture->on_note = fn;
    capture->note_ctx = ctx;
}

/* Octets of the file read so far. */
static uint64_t get_place(const struct imapid_capture *capture)
{
    return imapid_window_place(capture->packed ? capture->packed : &capture->window);
}

/* Octets may go by without a packet: behind damage, or in blocks of no use. */
static void on_read(void *ctx)
{
    const struct imapid_capture *capture = ctx;

    capture->on_progress(capture->progress_ctx, get_place(capture));
}

void imapid_capture_on_progress(struct imapid_capture *capture,
                                void (*fn)(void *ctx, uint64_t place), void *ctx)
{
    capture->on_progress = fn;
    capture->progress_ctx = ctx;
    capture->window.on_read = on_read;
    capture->window.on_read_ctx = capture;
}

void imapid_capture_on_idle(struct imapid_capture *capture, void (*fn)(void *ctx), void *ctx)
{
    capture->on_idle = fn;
    capture->idle_ctx = ctx;
}

void imapid_capture_on_drops(struct imapid_capture *capture,
                             void (*fn)(void *ctx, const char *where, uint64_t n), void *ctx)
{
    capture->on_drops = fn;
    capture->drops_ctx = ctx;
}

/* Waits for more than four octets only where they are about to be a magic number of six. */
static bool is_packed(struct imapid_window *window)
{
    if (!imapid_window_need(window, 4))
        return false;
    if (*window->at == 0xfd)
        imapid_window_need(window, IMAPID_UNPACK_PEEK);
    return imapid_unpack_is_packed(window->at, imapid_window_left(window));
}

/* Puts the unpacked contents in the place of the file. */
static void begin_unpack(struct imapid_capture *capture)
{
    capture->packed = g_new(struct imapid_window, 1);
    imapid_window_move(capture->packed, &capture->window);
    capture->unpack = imapid_unpack_new(capture->packed);
    imapid_window_init_source(
        &capture->window,
        &(struct imapid_window_source){.read = imapid_unpack_read, .ctx = capture->unpack});
    if (capture->stop) /* it came while the windows were exchanged */
        imapid_capture_stop(capture);
}

static enum imapid_capture_result refuse(struct imapid_capture *capture)
{
    struct imapid_window *window = &capture->window;
    imapid_window_need(window, IMAPID_FOREIGN_PEEK);
    size_t n = imapid_window_left(window);
    const struct imapid_foreign *foreign = imapid_foreign_find(window->at, n);
    capture->next = imapid_reader_next_none;
    if (foreign) {
        capture->format = foreign->format;
        capture->is_foreign = true;
        return imapid_reader_fail(capture, imapid_window_place(window), "%s", foreign->what);
    }
    return imapid_reader_fail(capture, imapid_window_place(window), "%s",
                              n == 0 ? "the file is empty"
                                     : "neither pcap nor pcapng; what else Wireshark reads, its "
                                       "'editcap -F pcapng' converts");
}

/* The first next(): finds the format, then is replaced by its reader. */
static enum imapid_capture_result begin(struct imapid_capture *capture,
                                        struct imapid_packet *packet)
{
    struct imapid_window *window = &capture->window;
    enum imapid_capture_result result;
    if (!capture->packed && is_packed(window))
        begin_unpack(capture);
    window->areas = capture->areas;
    bool whole = imapid_window_need(window, 4);
    uint32_t magic = whole ? imapid_number_host32(window->at, false) : 0;
    if (window->error || capture->stop) {
        return imapid_reader_fail_end(capture, 0, 4, "file header");
    } else if (imapid_head_is_pcap_magic(magic)) {
        result = imapid_pcap_begin(capture);
    } else if (imapid_head_is_pcapng_magic(magic)) {
        result = imapid_pcapng_begin(capture);
    } else {
        return refuse(capture);
    }
    return result == IMAPID_CAPTURE_PACKET ? capture->next(capture, packet) : result;
}

/* At the header of another capture inside of the file: goes on with its reader. */
static enum imapid_capture_result begin_again(struct imapid_capture *capture)
{
    struct imapid_window *window = &capture->window;
    const char *format = capture->format;
    bool is_pcap = imapid_head_is_pcap_magic(imapid_number_host32(window->at, false));
    enum imapid_capture_result result;
    if (capture->on_note) {
        char *message = g_strdup_printf(
            "%s: octet %" G_GUINT64_FORMAT "%s: another capture begins here, and is read as well",
            capture->name, imapid_window_place(window), capture->packed ? " of its contents" : "");
        capture->on_note(capture->note_ctx, message);
        g_free(message);
    }
    capture->begins_again = false;
    capture->counts.n_further++;
    result = is_pcap ? imapid_pcap_begin(capture) : imapid_pcapng_begin(capture);
    capture->format = format; /* of the file, its first */
    return result;
}

/* Where a reader has no packet: the first one of the captures that may begin there. */
static enum imapid_capture_result go_on(struct imapid_capture *capture,
                                        struct imapid_packet *packet,
                                        enum imapid_capture_result result)
{
    while (result == IMAPID_CAPTURE_END && capture->begins_again) {
        result = begin_again(capture);
        if (result == IMAPID_CAPTURE_PACKET)
            result = capture->next(capture, packet);
    }
    return result;
}

/* The size of the file; 0 when unknown, as of a pipe. */
static uint64_t get_size(const struct imapid_capture *capture)
{
    return capture->packed ? capture->packed->size : capture->window.size;
}

void imapid_reader_tell_progress(const struct imapid_capture *capture, uint64_t n_packets)
{
    uint64_t n = capture->counts.n_packets;
    if (capture->on_progress &&
        (n / N_PROGRESS != (n - n_packets) / N_PROGRESS || get_size(capture) == 0))
        capture->on_progress(capture->progress_ctx, get_place(capture));
}

enum imapid_capture_result imapid_capture_next(struct imapid_capture *capture,
                                               struct imapid_packet *packet)
{
    if (capture->stop)
        return IMAPID_CAPTURE_END;
    packet->ahead = NULL;
    enum imapid_capture_result result = capture->next(capture, packet);
    if (result != IMAPID_CAPTURE_PACKET)
        result = go_on(capture, packet, result);
    if (result != IMAPID_CAPTURE_PACKET)
        return result;
    packet->number = ++capture->n_frames;
    if (capture->areas) { /* who reads ahead counts what it gives */
        capture->counts.n_packets++;
        return IMAPID_CAPTURE_PACKET;
    }
    imapid_reader_count(&capture->counts, packet->ts_ns, packet->n, packet->n_wire);
    imapid_reader_tell_progress(capture, 1);
    return IMAPID_CAPTURE_PACKET;
}

bool imapid_capture_peek(struct imapid_capture *capture, struct imapid_packet *packet)
{
    const struct imapid_window *window = &capture->window;
    if (capture->peek_ahead)
        return capture->peek_ahead(capture, packet);
    packet->ahead = NULL;
    if (!capture->peek || imapid_reader_is_small(capture))
        return false;
    if (capture->peeked_end != window->end || capture->peeked_end_place != window->end_place ||
        capture->n_peeked < capture->n_frames) {
        capture->peeked = window->at;
        capture->peeked_end = window->end;
        capture->peeked_end_place = window->end_place;
        capture->n_peeked = capture->n_frames;
    }
    if (capture->n_peeked - capture->n_frames >= IMAPID_READER_N_PEEKED ||
        !capture->peek(capture, &capture->peeked, packet))
        return false;
    packet->number = ++capture->n_peeked;
    return true;
}

void imapid_capture_keep_details(struct imapid_capture *capture)
{
    capture->pcapng.kept = g_byte_array_new();
}

/* The reader at work tells: a file may hold captures of both formats. */
static bool is_of_pcap(const struct imapid_capture *capture)
{
    return capture->peek != NULL;
}

struct imapid_capture_interface imapid_capture_get_interface(const struct imapid_capture *capture,
                                                             const struct imapid_packet *packet)
{
    if (!is_of_pcap(capture))
        return imapid_pcapng_get_interface(&capture->pcapng, packet->interface);
    return (struct imapid_capture_interface){
        .link_type = capture->pcap.link_type,
        .n_snap = capture->pcap.n_snap,
        .n_digits = capture->pcap.n_fraction_ns == 1 ? 9 : 6,
    };
}

struct imapid_capture_options imapid_capture_get_options(const struct imapid_capture *capture)
{
    if (is_of_pcap(capture))
        return (struct imapid_capture_options){.n = 0};
    return (struct imapid_capture_options){capture->pcapng.options, capture->pcapng.n_options,
                                           capture->pcapng.swapped};
}

enum imapid_capture_result imapid_capture_next_timed(struct imapid_capture *capture,
                                                     struct imapid_packet *packet)
{
    enum imapid_capture_result result;

    packet->ts_ns = IMAPID_TIME_NONE;
    do
        result = imapid_capture_next(capture, packet);
    while (result == IMAPID_CAPTURE_ERROR ||
           (result == IMAPID_CAPTURE_PACKET && !imapid_time_is_known(packet->ts_ns)));
    return result;
}

const char *imapid_capture_get_error(const struct imapid_capture *capture)
{
    return capture->error;
}

const char *imapid_capture_get_format(const struct imapid_capture *capture)
{
    return capture->format;
}

bool imapid_capture_is_foreign(const struct imapid_capture *capture)
{
    return capture->is_foreign;
}

const struct imapid_capture_counts *imapid_capture_get_counts(const struct imapid_capture *capture)
{
    return &capture->counts;
}

void imapid_capture_stop(struct imapid_capture *capture)
{
    capture->stop = 1;
    capture->window.stop = 1;
    if (capture->packed)
        capture->packed->stop = 1;
}

bool imapid_capture_is_stopped(const struct imapid_capture *capture)
{
    return capture->stop;
}

void imapid_capture_close(struct imapid_capture *capture)
{
    if (!capture)
        return;
    if (capture->close)
        capture->close(capture);
    imapid_live_close(capture);
    imapid_window_deinit(&capture->window);
    imapid_unpack_free(capture->unpack);
    if (capture->packed)
        imapid_window_deinit(capture->packed);
    g_free(capture->packed);
    imapid_pcapng_deinit(&capture->pcapng);
    g_free(capture->name);
    g_free(capture->error);
    g_free(capture);
}
