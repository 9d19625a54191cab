/* SPDX-License-Identifier: GPL-2.0-or-later */
/* framelog.c: pairs of frame and stream, each as how much it differs from the one before, in seven bits an
 * octet with the last one marked, the sign in the lowest bit.
 *
 * Refuses nothing. Misuse: reading while something is added. */
#include "cut/framelog.h"

/* Of a number of 64 bits. */
#define N_NUMBER_MAX 10u

/* Octets that are read at a time. */
#define N_READ 16384u

static unsigned put_difference(uint8_t *to, uint64_t now, uint64_t before)
{
    uint64_t n = now >= before ? (now - before) << 1 : (before - now) << 1 | 1;
    unsigned i = 0;

    for (; n > 0x7f; n >>= 7)
        to[i++] = n & 0x7f;
    to[i++] = (uint8_t)(n | 0x80);
    return i;
}

void imapid_framelog_add(struct imapid_framelog *framelog, struct imapid_spill *spill,
                         uint64_t frame, uint32_t stream)
{
    uint8_t octets[2 * N_NUMBER_MAX];
    unsigned n = put_difference(octets, frame, framelog->last_frame);

    n += put_difference(octets + n, stream, framelog->last_stream);
    framelog->last_frame = frame;
    framelog->last_stream = stream;
    imapid_spill_add(spill, &framelog->run, octets, n);
}

/* What was read of a number so far, and the pair before. */
struct state {
    uint64_t n;
    unsigned shift;
    bool is_stream; /* else it is a frame */
    uint64_t frame, stream;
};

/* True: a pair is complete. */
static bool take_octet(struct state *state, uint8_t octet)
{
    uint64_t *number = state->is_stream ? &state->stream : &state->frame;

    if (state->shift < 64)
        state->n |= (uint64_t)(octet & 0x7f) << state->shift;
    state->shift += 7;
    if (!(octet & 0x80))
        return false;
    *number += state->n & 1 ? 0 - (state->n >> 1) : state->n >> 1;
    state->n = state->shift = 0;
    state->is_stream = !state->is_stream;
    return !state->is_stream;
}

bool imapid_framelog_choose(const struct imapid_framelog *framelog,
                            const struct imapid_spill *spill, const struct imapid_bits *streams,
                            struct imapid_bits *frames)
{
    struct imapid_spill_reader reader = {.spill = spill, .run = &framelog->run};
    struct state state = {.n = 0};
    uint8_t octets[N_READ];
    ptrdiff_t n;

    while ((n = imapid_spill_read(&reader, octets, sizeof octets)) > 0)
        for (ptrdiff_t i = 0; i < n; i++)
            if (take_octet(&state, octets[i]) && imapid_bits_has(streams, state.stream))
                imapid_bits_set(frames, state.frame);
    return n == 0;
}
