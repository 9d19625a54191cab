/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inflate.c: one direction of a connection after COMPRESS DEFLATE (RFC 4978).
 *
 * zlib's raw inflate with one piece of output on the stack: output is handed out piece by piece,
 * so that memory does not depend on the ratio. zlib is asked again until it neither takes nor
 * gives anything. Then all that the input holds was given out, wherever the sender flushed.
 *
 * Refuses to go on after a gap. DEFLATE does not reliably fail there; it could give text that
 * nobody sent.
 *
 * Misuse: freeing the object, or feeding it, inside of output(). */
#include "tls/inflate.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

#define RAW_WINDOW_BITS (-15)

/* What zlib keeps for a stream: a window of 32 KiB, and its state (zconf.h). */
#define ZLIB_STATE (40 * 1024)

struct imapid_inflate {
    struct imapid_inflate_handler handler;
    z_stream *stream; /* NULL before the first octet, and after the end */
    enum imapid_inflate_state state;
};

struct imapid_inflate *imapid_inflate_new(const struct imapid_inflate_handler *handler)
{
    struct imapid_inflate *inflate = g_new0(struct imapid_inflate, 1);

    inflate->handler = *handler;
    return inflate;
}

/* Where the object is called inflate, zlib's function cannot be. */
static int inflate_some(z_stream *stream)
{
    return inflate(stream, Z_SYNC_FLUSH);
}

static void stop(struct imapid_inflate *inflate, enum imapid_inflate_state state)
{
    inflate->state = state;
    if (!inflate->stream)
        return;
    inflateEnd(inflate->stream);
    g_free(inflate->stream);
    inflate->stream = NULL;
}

static bool begin(struct imapid_inflate *inflate)
{
    inflate->stream = g_new0(z_stream, 1);
    return inflateInit2(inflate->stream, RAW_WINDOW_BITS) == Z_OK;
}

/* One piece of output. False: nothing more can be had of the input there is. */
static bool step(struct imapid_inflate *inflate)
{
    uint8_t piece[IMAPID_INFLATE_PIECE];
    z_stream *stream = inflate->stream;
    size_t n;
    int result;

    stream->next_out = piece;
    stream->avail_out = sizeof piece;
    result = inflate_some(stream);
    n = sizeof piece - stream->avail_out;
    if (n && !inflate->handler.output(inflate->handler.ctx, piece, n))
        stop(inflate, IMAPID_INFLATE_STOPPED);
    else if (result == Z_STREAM_END)
        stop(inflate, IMAPID_INFLATE_ENDED);
    else if (result != Z_OK && result != Z_BUF_ERROR)
        stop(inflate, IMAPID_INFLATE_DAMAGED);
    return inflate->stream && result == Z_OK && (stream->avail_in || !stream->avail_out);
}

enum imapid_inflate_state imapid_inflate_data(struct imapid_inflate *inflate, const uint8_t *octets,
                                              size_t n)
{
    while (n && inflate->state == IMAPID_INFLATE_GOING) {
        uInt n_take = (uInt)MIN(n, (size_t)1 << 30); /* zlib counts in unsigned int */

        if (!inflate->stream && !begin(inflate)) {
            stop(inflate, IMAPID_INFLATE_DAMAGED);
            break;
        }
        inflate->stream->next_in = (Bytef *)octets;
        inflate->stream->avail_in = n_take;
        while (step(inflate))
            ;
        octets += n_take;
        n -= n_take;
    }
    return inflate->state;
}

enum imapid_inflate_state imapid_inflate_gap(struct imapid_inflate *inflate)
{
    if (inflate->state == IMAPID_INFLATE_GOING)
        stop(inflate, IMAPID_INFLATE_LOST);
    return inflate->state;
}

enum imapid_inflate_state imapid_inflate_get_state(const struct imapid_inflate *inflate)
{
    return inflate->state;
}

const char *imapid_inflate_get_text(const struct imapid_inflate *inflate)
{
    static const char *const texts[] = {
        [IMAPID_INFLATE_GOING] = "inflated",
        [IMAPID_INFLATE_ENDED] = "the compressed stream has ended",
        [IMAPID_INFLATE_DAMAGED] = "the octets are not DEFLATE",
        [IMAPID_INFLATE_LOST] = "octets of the compressed stream are missing",
        [IMAPID_INFLATE_STOPPED] = "not wanted any more",
    };

    return texts[inflate->state];
}

size_t imapid_inflate_count_memory(const struct imapid_inflate *inflate)
{
    return sizeof *inflate + (inflate->stream ? sizeof *inflate->stream + ZLIB_STATE : 0);
}

void imapid_inflate_free(struct imapid_inflate *inflate)
{
    if (!inflate)
        return;
    stop(inflate, inflate->state);
    g_free(inflate);
}
