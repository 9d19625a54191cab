/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One direction, shown whole and in pieces: the units must be the same. The first octet says which
 * side speaks, whether the reader stands at its start, and what the lines are; the second how long
 * the pieces are. */

#include <imapid/frame.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct log {
    uint64_t hash;
    unsigned n_units;
};

static void add(struct log *log, const void *octets, size_t n)
{
    const uint8_t *at = octets;

    for (size_t i = 0; i < n; i++)
        /* A unit's octets are those that were copied: NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
        log->hash = (log->hash ^ at[i]) * 0x100000001b3;
}

static void check_slice(struct imapid_slice slice, size_t n)
{
    if (slice.offset > n || slice.n > n - slice.offset)
        abort();
}

static void add_unit(struct log *log, const struct imapid_unit *unit)
{
    const int facts[] = {unit->kind,       unit->word,    unit->cut,
                         unit->over_limit, unit->refused, unit->bare_newline};

    check_slice(unit->tag, unit->n);
    check_slice(unit->name, unit->n);
    check_slice(unit->args, unit->n);
    add(log, facts, sizeof facts);
    add(log, unit->data, unit->n);
    log->n_units++;
}

/* Reads until MORE in an exact-size copy of what is not used yet; returns the octets used. */
static size_t drain(struct imapid_frame *frame, const uint8_t *window, size_t n, struct log *log)
{
    enum imapid_frame_status status;
    size_t used = 0;
    unsigned n_still = 0;

    do {
        struct imapid_unit unit;
        size_t n_used, left = n - used;
        uint8_t *block = malloc(left ? left : 1);

        if (!block)
            abort();
        memcpy(block, window + used, left);
        status = imapid_frame_read(frame, block, left, &unit, &n_used);
        n_still = n_used ? 0 : n_still + 1;
        if (n_used > left || n_still > 4)
            abort();
        if (status == IMAPID_FRAME_UNIT)
            add_unit(log, &unit);
        used += n_used;
        free(block);
    } while (status != IMAPID_FRAME_MORE);
    return used;
}

static struct log run(uint8_t how, const uint8_t *octets, size_t n, size_t piece, bool holed)
{
    struct imapid_frame frame;
    struct log log = {0};
    size_t start = 0;

    imapid_frame_init(&frame, how & 1 ? IMAPID_SERVER : IMAPID_CLIENT, !(how & 2));
    frame.lines = (enum imapid_frame_lines)(how >> 2 & 3);
    for (size_t end = 0; end < n;) {
        size_t take = piece < n - end ? piece : n - end;

        end += take;
        start += drain(&frame, octets + start, end - start, &log);
        if (end - start > IMAPID_UNIT_MAX + piece)
            abort();
        if (holed && octets[start % n] & 1) {
            imapid_frame_gap(&frame, octets[end % n] & 7);
            (void)drain(&frame, octets + start, end - start, &log);
            if (frame.n_scanned)
                abort();
            start = end;
        } else if (holed && octets[start % n] & 2) {
            imapid_frame_refuse(&frame);
        } else if (holed && octets[start % n] & 4) {
            imapid_frame_doubt(&frame);
        } else if (holed && octets[start % n] & 8) {
            start = end; /* dropped, and nobody said so */
        }
    }
    add(&log, &frame.n_over_limit, sizeof frame.n_over_limit);
    add(&log, &frame.n_resyncs, sizeof frame.n_resyncs);
    return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log whole, pieces;

    if (size < 3)
        return 0;
    whole = run(data[0], data + 2, size - 2, size, false);
    pieces = run(data[0], data + 2, size - 2, 1 + data[1] % 64u, false);
    if (whole.hash != pieces.hash || whole.n_units != pieces.n_units)
        abort();
    (void)run(data[0], data + 2, size - 2, 1 + data[1] % 64u, true);
    return 0;
}
