/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_CAPTURE_READER_H
#define IMAPID_CAPTURE_READER_H

#include "number.h"
#include "capture/packet.h"
#include "capture/unpack.h"
#include "capture/window.h"

#include <glib.h>
#include <string.h>

/* What the readers of the formats, and of interfaces, share with capture.c: a capture under way, and
 * how it fails. Nobody else includes it. */

/* Packets that are peeked at ahead of the one that is read. */
#define IMAPID_READER_N_PEEKED 16u

/* Of a smaller file all that is known lies in the caches: neither peeking nor reading ahead pays. */
#define IMAPID_READER_N_SMALL (1u << 20)

struct imapid_pcap {
    bool swapped;           /* the file's byte order is not this machine's */
    uint8_t n_header;       /* octets of a packet header: 16, or 24 (modified format) */
    uint8_t n_minor;        /* format version 2.n */
    uint16_t n_fraction_ns; /* nanoseconds of what a time's fraction counts: 1000, or 1 */
    uint16_t link_type;
    uint32_t n_snap;
    uint32_t n_packet_max;
};

struct imapid_pcapng_interface {
    uint16_t link_type;
    uint32_t n_snap;   /* 0: none */
    int64_t offset_ns; /* to be added to times */
    uint64_t factor;   /* nanoseconds a tick; or, if 0, */
    uint64_t divisor;  /* ticks a nanosecond; or, if 0 too, */
    uint8_t n_shift;   /* a second has 2^n_shift ticks */
    uint64_t n_drops;  /* that its statistics told last */
    uint32_t options;  /* where those that are kept begin in pcapng.kept */
    uint32_t n_options;
};

struct imapid_pcapng {
    bool swapped;
    bool lost;          /* where the next block begins is not known */
    bool is_time_noted; /* that one is too far away was said */
    /* A block of no use, of which n_left octets are still to be skipped; n 0: there is none. */
    struct {
        uint64_t place, n_left;
        uint32_t type, n;
    } skipped;
    /* Behind which the next block is looked for: it goes on behind the end that the file had. n 0: there is none. */
    struct {
        uint64_t place;
        uint32_t type, n;
    } open_ended;
    uint32_t n_before;  /* interfaces of sections before this one */
    GArray *interfaces; /* struct imapid_pcapng_interface, of this section */
    GByteArray *kept;   /* options of these; NULL: nobody wants them */
    /* Of the packet that was given last, in the window. */
    const uint8_t *options;
    uint32_t n_options;
};

struct imapid_capture {
    struct imapid_window window;
    volatile sig_atomic_t stop;
    /* Of a compressed file: the file, and its contents, which `window` is over. Else NULL. */
    struct imapid_window *packed;
    struct imapid_unpack *unpack;
    /* Reads one packet; sets everything of it but its number. */
    enum imapid_capture_result (*next)(struct imapid_capture *capture,
                                       struct imapid_packet *packet);
    /* Takes the packet at `at` from what is in the window; NULL: not of this format. */
    bool (*peek)(const struct imapid_capture *capture, const uint8_t **at,
                 struct imapid_packet *packet);
    /* Of a capture that another thread reads (ahead.c): that, else NULL. */
    struct imapid_ahead *ahead;
    bool (*peek_ahead)(struct imapid_capture *capture, struct imapid_packet *packet);
    void (*close)(struct imapid_capture *capture);
    const struct imapid_window_areas *areas; /* of the window over the contents; NULL: its own */
    const uint8_t *peeked;                   /* up to here of the window */
    const uint8_t *peeked_end; /* where the window ended then, in memory and in the file */
    uint64_t peeked_end_place;
    uint64_t n_peeked; /* the frame that was peeked at last */
    bool begins_again; /* a reader said END at the beginning of another capture */
    const char *format;
    bool is_foreign; /* its format is refused by name */
    char *name;
    char *error;
    void (*on_secrets)(void *ctx, uint32_t type, const uint8_t *octets, size_t n);
    void *secrets_ctx;
    void (*on_note)(void *ctx, const char *message);
    void *note_ctx;
    void (*on_progress)(void *ctx, uint64_t place);
    void *progress_ctx;
    void (*on_idle)(void *ctx);
    void *idle_ctx;
    void (*on_drops)(void *ctx, const char *where, uint64_t n);
    void *drops_ctx;
    struct imapid_capture_counts counts;
    uint64_t n_frames; /* of the file, as Wireshark counts them */
    struct imapid_pcap pcap;
    struct imapid_pcapng pcapng;
    struct imapid_live *live; /* of interfaces; else NULL */
};

/* A capture that nothing is read from yet, and without a next(). `name` is for messages. */
struct imapid_capture *imapid_reader_new(const char *name);

static inline bool imapid_reader_is_small(const struct imapid_capture *capture)
{
    return capture->window.size > 0 && capture->window.size < IMAPID_READER_N_SMALL;
}

/* At a place where a packet or block is due: whether another capture begins there. If
 * so, the reader is to return END. */
static inline bool imapid_reader_ends_here(struct imapid_capture *capture, bool is_head)
{
    capture->begins_again |= is_head;
    return is_head;
}

/* Sets the message, "FILE: octet PLACE: " before it, and counts the error; returns ERROR. */
enum imapid_capture_result imapid_reader_fail(struct imapid_capture *capture, uint64_t place,
                                              const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The same for what has no octets to count. */
enum imapid_capture_result imapid_reader_fail_live(struct imapid_capture *capture,
                                                   const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Nothing can be read any more: what the window says about it (a failed read), or that the file
 * ends inside of `what`, of which it should have had n octets, at `place`. END if it ends where it
 * may. */
enum imapid_capture_result imapid_reader_fail_end(struct imapid_capture *capture, uint64_t place,
                                                  uint64_t n, const char *what);

/* Counts n packets that are missing, and tells of them; 0: nothing. `where`: the interface. */
void imapid_reader_tell_drops(struct imapid_capture *capture, const char *where, uint64_t n);

/* Adds a packet to counts. */
static inline void imapid_reader_count(struct imapid_capture_counts *counts, int64_t ts_ns,
                                       uint32_t n, uint32_t n_wire)
{
    counts->n_packets++;
    counts->n_octets += n;
    counts->n_octets_wire += n_wire;
    counts->n_cut += n < n_wire;
    if (!imapid_time_is_known(ts_ns))
        return;
    if (!counts->has_times || ts_ns < counts->first_ns)
        counts->first_ns = ts_ns;
    if (!counts->has_times || ts_ns > counts->last_ns)
        counts->last_ns = ts_ns;
    counts->has_times = true;
}

/* So many packets were counted: it may be time to tell how far the file is read. */
void imapid_reader_tell_progress(const struct imapid_capture *capture, uint64_t n_packets);

/* A next() for what has no more. */
enum imapid_capture_result imapid_reader_next_none(struct imapid_capture *capture,
                                                   struct imapid_packet *packet);

#endif
