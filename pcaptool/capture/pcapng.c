/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapng.c: the pcapng format (draft-ietf-opsawg-pcapng): blocks with their length at both ends,
 * in sections that each have a byte order and interfaces of their own.
 *
 * A block is believed when both its lengths agree. An error inside a block costs that block.
 * When the lengths do not agree, the next place that looks like a block of a known type is
 * searched.
 *
 * Refuses packets of interfaces that were not described, and packets of more than
 * IMAPID_CAPTURE_PACKET_MAX octets.
 *
 * Misuse: taking an ERROR for the end. More blocks can follow. */

#include "capture/pcapng.h"

#include "capture/head.h"

#define N_FRAME 12u /* type, length, length again */

/* Interfaces of a section: each is remembered. Captures have some; the block that refers to one
 * has room for 2^32. */
#define N_INTERFACES 65536u

/* Octets of their options that are kept, of a section: each has some ten, a filter some hundred. */
#define N_KEPT (1u << 20)

/* The longest block that is looked for behind damage: a packet of a network with its options. */
#define N_FOUND 270336u

#define OPTION_END      0u
#define OPTION_TSRESOL  9u
#define OPTION_TSOFFSET 14u
#define OPTION_IF_DROP  5u
#define OPTION_OS_DROP  7u

struct block {
    uint64_t place;
    uint32_t type;
    uint32_t n;          /* all of it */
    const uint8_t *body; /* n - N_FRAME octets */
    uint32_t n_body;
};

enum outcome { NOTHING, PACKET, BAD };

struct block_type {
    uint32_t type;
    uint32_t n_body_min;
    enum outcome (*read)(struct imapid_capture *capture, const struct block *block,
                         struct imapid_packet *packet);
};

static enum outcome fail(struct imapid_capture *capture, const struct block *block,
                         const char *what)
{
    imapid_reader_fail(capture, block->place, "pcapng block of type %u: %s", block->type, what);
    return BAD;
}

static int64_t binary_to_ns(uint64_t ticks, unsigned n_shift)
{
    uint64_t seconds = n_shift < 64 ? ticks >> n_shift : 0;
    uint64_t rest = n_shift < 64 ? ticks & (((uint64_t)1 << n_shift) - 1) : ticks;
    if (n_shift > 32) {
        rest = n_shift - 32 < 64 ? rest >> (n_shift - 32) : 0;
        n_shift = 32;
    }
    uint64_t ns = (rest * 1000000000u) >> n_shift;
    return seconds > INT64_MAX ? IMAPID_TIME_NONE : imapid_time_of((int64_t)seconds, (int64_t)ns);
}

static int64_t ticks_to_ns(const struct imapid_pcapng_interface *interface, uint64_t ticks)
{
    int64_t ns = IMAPID_TIME_NONE, sum;
    if (interface->divisor > 0)
        ns = (int64_t)(ticks / interface->divisor);
    else if (!interface->factor)
        ns = binary_to_ns(ticks, interface->n_shift);
    else if (ticks <= (uint64_t)INT64_MAX / interface->factor)
        ns = (int64_t)(ticks * interface->factor);
    if (!imapid_time_is_known(ns) || !imapid_time_is_known(interface->offset_ns) ||
        __builtin_add_overflow(ns, interface->offset_ns, &sum))
        return IMAPID_TIME_NONE;
    return sum;
}

static void set_resolution(struct imapid_pcapng_interface *interface, uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    interface->factor = interface->divisor = interface->n_shift = 0;
    if (resolution & 0x80) {
        interface->n_shift = (uint8_t)exponent;
    } else if (exponent <= 9) {
        interface->factor = 1;
        for (; exponent < 9; exponent++)
            interface->factor *= 10;
    } else {
        interface->divisor = 1;
        /* 10^19 is the most that 64 bits hold; finer ticks are too few to make a nanosecond. */
        for (exponent = MIN(exponent, 28); exponent > 9; exponent--)
            interface->divisor *= 10;
    }
}

static void set_offset(struct imapid_pcapng_interface *interface, const uint8_t *octets,
                       bool swapped)
{
    uint64_t value;
    memcpy(&value, octets, sizeof value);
    int64_t seconds = (int64_t)(swapped ? __builtin_bswap64(value) : value);
    interface->offset_ns = imapid_time_of(seconds, 0);
}

/* False: the options do not fit the block. */
static bool read_interface_options(struct imapid_pcapng_interface *interface, const uint8_t *octets,
                                   uint32_t n, bool swapped)
{
    while (n >= 4) {
        unsigned code = imapid_number_host16(octets, swapped);
        uint32_t n_value = imapid_number_host16(octets + 2, swapped);
        uint32_t n_padded = (n_value + 3) & ~3u;
        if (code == OPTION_END)
            return true;
        if (n_padded > n - 4)
            return false;
        if (code == OPTION_TSRESOL && n_value == 1)
            set_resolution(interface, octets[4]);
        else if (code == OPTION_TSOFFSET && n_value == 8)
            set_offset(interface, octets + 4, swapped);
        octets += 4 + n_padded;
        n -= 4 + n_padded;
    }
    return n == 0;
}

static enum outcome read_section(struct imapid_capture *capture, const struct block *block,
                                 struct imapid_packet *packet)
{
    (void)packet;
    struct imapid_pcapng *pcapng = &capture->pcapng;
    unsigned n_major = imapid_number_host16(block->body + 4, pcapng->swapped);
    pcapng->n_before += pcapng->interfaces->len;
    g_array_set_size(pcapng->interfaces, 0);
    if (pcapng->kept)
        g_byte_array_set_size(pcapng->kept, 0);
    if (capture->counts.n_packets) /* a capture of its own, as far as connections go */
        capture->counts.n_further++;
    if (n_major != 1) {
        capture->next = imapid_reader_next_none;
        return fail(capture, block, "a version of pcapng that is not known");
    }
    return NOTHING;
}

static void keep_options(struct imapid_pcapng *pcapng, struct imapid_pcapng_interface *interface,
                         const uint8_t *octets, uint32_t n)
{
    if (!pcapng->kept || n > N_KEPT - pcapng->kept->len)
        return;
    interface->options = pcapng->kept->len;
    interface->n_options = n;
    g_byte_array_append(pcapng->kept, octets, n);
}

static enum outcome read_interface(struct imapid_capture *capture, const struct block *block,
                                   struct imapid_packet *packet)
{
    (void)packet;
    struct imapid_pcapng *pcapng = &capture->pcapng;
    struct imapid_pcapng_interface interface = {
        .link_type = imapid_number_host16(block->body, pcapng->swapped),
        .n_snap = imapid_number_host32(block->body + 4, pcapng->swapped),
        .factor = 1000,
    };
    bool whole =
        read_interface_options(&interface, block->body + 8, block->n_body - 8, pcapng->swapped);
    if (pcapng->interfaces->len >= N_INTERFACES)
        return fail(capture, block, "more interfaces than are remembered");
    if (whole)
        keep_options(pcapng, &interface, block->body + 8, block->n_body - 8);
    /* Whatever its options: the interfaces behind it are counted from here. */
    g_array_append_val(pcapng->interfaces, interface);
    return whole ? NOTHING : fail(capture, block, "options longer than the block");
}

/* 64 bits of nanoseconds end in 1677 and 2262. Said once; such packets have no time. */
static void note_time(struct imapid_capture *capture, const struct block *block)
{
    char *message;

    if (capture->pcapng.is_time_noted || !capture->on_note)
        return;
    capture->pcapng.is_time_noted = true;
    message =
        g_strdup_printf("%s: octet %" G_GUINT64_FORMAT
                        "%s: a time before 1677 or after 2262, which is told as none",
                        capture->name, block->place, capture->packed ? " of its contents" : "");
    capture->on_note(capture->note_ctx, message);
    g_free(message);
}

/* What all three kinds of packet block share. ticks NULL: there is no time. */
static enum outcome give_packet(struct imapid_capture *capture, const struct block *block,
                                uint32_t id, const uint64_t *ticks, uint32_t n_head, uint32_t n,
                                uint32_t n_wire, struct imapid_packet *packet)
{
    const struct imapid_pcapng *pcapng = &capture->pcapng;
    if (G_UNLIKELY(id >= pcapng->interfaces->len))
        return fail(capture, block, "an interface that was not described");
    if (G_UNLIKELY(n > block->n_body - n_head))
        return fail(capture, block, "a packet longer than the block");
    const struct imapid_pcapng_interface *interface =
        &g_array_index(pcapng->interfaces, struct imapid_pcapng_interface, id);
    packet->data = block->body + n_head;
    packet->n = n;
    packet->n_wire = MAX(n, n_wire);
    packet->ts_ns = ticks ? ticks_to_ns(interface, *ticks) : IMAPID_TIME_NONE;
    if (G_UNLIKELY(ticks && !imapid_time_is_known(packet->ts_ns)))
        note_time(capture, block);
    packet->interface = pcapng->n_before + id;
    packet->link_type = interface->link_type;
    return PACKET;
}

/* Behind the packet, which is filled up to a multiple of four octets. */
static void note_options(struct imapid_pcapng *pcapng, const struct block *block, uint32_t n_before)
{
    uint32_t at = (n_before + 3) & ~3u;
    pcapng->n_options = at < block->n_body ? block->n_body - at : 0;
    pcapng->options = block->body + (block->n_body - pcapng->n_options);
}

/* An Enhanced Packet Block, and the Packet Block that it has replaced, are alike behind the number
 * of the interface. */
static enum outcome read_timed(struct imapid_capture *capture, const struct block *block,
                               uint32_t interface, struct imapid_packet *packet)
{
    bool swapped = capture->pcapng.swapped;
    const uint8_t *body = block->body;
    uint64_t ticks = (uint64_t)imapid_number_host32(body + 4, swapped) << 32 |
                     imapid_number_host32(body + 8, swapped);
    uint32_t n = imapid_number_host32(body + 12, swapped);
    enum outcome outcome = give_packet(capture, block, interface, &ticks, 20, n,
                                       imapid_number_host32(body + 16, swapped), packet);
    if (outcome == PACKET && capture->pcapng.kept)
        note_options(&capture->pcapng, block, 20 + n);
    return outcome;
}

static enum outcome read_enhanced(struct imapid_capture *capture, const struct block *block,
                                  struct imapid_packet *packet)
{
    return read_timed(capture, block, imapid_number_host32(block->body, capture->pcapng.swapped),
                      packet);
}

/* The block that Enhanced Packet Blocks have replaced. */
static enum outcome read_obsolete(struct imapid_capture *capture, const struct block *block,
                                  struct imapid_packet *packet)
{
    return read_timed(capture, block, imapid_number_host16(block->body, capture->pcapng.swapped),
                      packet);
}

/* Its length is what the interface's snap length has left of the packet. */
static enum outcome read_simple(struct imapid_capture *capture, const struct block *block,
                                struct imapid_packet *packet)
{
    const struct imapid_pcapng *pcapng = &capture->pcapng;
    uint32_t n_wire = imapid_number_host32(block->body, pcapng->swapped);
    uint32_t n = MIN(n_wire, block->n_body - 4);
    if (pcapng->interfaces->len > 0) {
        uint32_t n_snap =
            g_array_index(pcapng->interfaces, struct imapid_pcapng_interface, 0).n_snap;
        if (n_snap > 0)
            n = MIN(n, n_snap);
    }
    capture->pcapng.n_options = 0;
    return give_packet(capture, block, 0, NULL, 4, n, n_wire, packet);
}

static enum outcome read_secrets(struct imapid_capture *capture, const struct block *block,
                                 struct imapid_packet *packet)
{
    (void)packet;
    uint32_t type = imapid_number_host32(block->body, capture->pcapng.swapped);
    uint32_t n = imapid_number_host32(block->body + 4, capture->pcapng.swapped);
    if (n > block->n_body - 8)
        return fail(capture, block, "secrets longer than the block");
    if (capture->on_secrets)
        capture->on_secrets(capture->secrets_ctx, type, block->body + 8, n);
    return NOTHING;
}

/* How many packets the options of interface statistics say were dropped: by the interface, and by the
 * system. What does not fit ends them. */
static uint64_t read_drops(const uint8_t *octets, uint32_t n, bool swapped)
{
    uint64_t n_drops = 0, value;
    while (n >= 4) {
        unsigned code = imapid_number_host16(octets, swapped);
        uint32_t n_value = imapid_number_host16(octets + 2, swapped);
        uint32_t n_padded = (n_value + 3) & ~3u;
        if (code == OPTION_END || n_padded > n - 4)
            break;
        if ((code == OPTION_IF_DROP || code == OPTION_OS_DROP) && n_value == sizeof value) {
            memcpy(&value, octets + 4, sizeof value);
            value = swapped ? __builtin_bswap64(value) : value;
            n_drops = value > UINT64_MAX - n_drops ? UINT64_MAX : n_drops + value;
        }
        octets += 4 + n_padded;
        n -= 4 + n_padded;
    }
    return n_drops;
}

/* There may be several for an interface, each with all until then. No packet depends on them, so one that
 * is damaged is no error. */
static enum outcome read_statistics(struct imapid_capture *capture, const struct block *block,
                                    struct imapid_packet *packet)
{
    struct imapid_pcapng *pcapng = &capture->pcapng;
    uint32_t id =
        block->n_body < 12 ? UINT32_MAX : imapid_number_host32(block->body, pcapng->swapped);
    struct imapid_pcapng_interface *interface;
    uint64_t n_drops, n_before;
    (void)packet;
    if (id >= pcapng->interfaces->len)
        return NOTHING;
    interface = &g_array_index(pcapng->interfaces, struct imapid_pcapng_interface, id);
    n_drops = read_drops(block->body + 12, block->n_body - 12, pcapng->swapped);
    n_before = interface->n_drops;
    interface->n_drops = MAX(n_drops, n_before);
    imapid_reader_tell_drops(capture, capture->name, interface->n_drops - n_before);
    return NOTHING;
}

static enum outcome skip(struct imapid_capture *capture, const struct block *block,
                         struct imapid_packet *packet)
{
    (void)block;
    (void)packet;
    capture->counts.n_skipped_blocks++;
    return NOTHING;
}

/* The most frequent first. */
static const struct block_type block_types[] = {
    {6, 20, read_enhanced},
    {3, 4, read_simple},
    {2, 20, read_obsolete},
    {1, 8, read_interface},
    {IMAPID_HEAD_SECTION, 16, read_section},
    {10, 8, read_secrets},
    {4, 0, skip}, /* name resolution */
    {5, 0, read_statistics},
};

/* Blocks that are no packets, but that Wireshark shows, and numbers, as frames. */
static const uint32_t other_frames[] = {
    0x00000bad, 0x40000bad,             /* custom, to be copied and not to be copied */
    0x00000009,                         /* systemd journal entry */
    0x00000204, 0x00000216, 0x00000221, /* sysdig events */
};

static bool is_other_frame(uint32_t type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(other_frames); i++)
        if (other_frames[i] == type)
            return true;
    return false;
}

static const struct block_type *find_block_type(uint32_t type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(block_types); i++)
        if (block_types[i].type == type)
            return &block_types[i];
    return NULL;
}

/* Sets the byte order from the Section Header Block at hand. */
static bool find_byte_order(struct imapid_pcapng *pcapng, const uint8_t *octets)
{
    uint32_t order = imapid_number_host32(octets + 8, false);
    if (order != IMAPID_HEAD_ORDER && order != __builtin_bswap32(IMAPID_HEAD_ORDER))
        return false;
    pcapng->swapped = order != IMAPID_HEAD_ORDER;
    return true;
}

/* The next block is looked for from the next place on: at least the length of this one is at hand. */
static enum imapid_capture_result fail_lost(struct imapid_capture *capture,
                                            const struct block *block, const char *what)
{
    capture->pcapng.lost = true;
    capture->window.at += 4;
    fail(capture, block, what);
    return IMAPID_CAPTURE_ERROR;
}

/* Moves on behind a block of no use, without having it in the window whole. */
static enum imapid_capture_result skip_rest(struct imapid_capture *capture)
{
    struct imapid_pcapng *pcapng = &capture->pcapng;
    struct imapid_window *window = &capture->window;
    const struct block block = {
        .place = pcapng->skipped.place, .type = pcapng->skipped.type, .n = pcapng->skipped.n};
    if (!imapid_window_skip(window, &pcapng->skipped.n_left) ||
        !imapid_window_need_whole(window, 4))
        return imapid_reader_fail_end(capture, block.place, block.n, "block");
    pcapng->skipped.n = 0;
    if (imapid_number_host32(window->at, pcapng->swapped) != block.n)
        return fail_lost(capture, &block, "two lengths that differ");
    window->at += 4;
    capture->counts.n_skipped_blocks++;
    capture->n_frames += is_other_frame(block.type);
    return IMAPID_CAPTURE_PACKET;
}

static enum imapid_capture_result skip_unknown(struct imapid_capture *capture,
                                               const struct block *block)
{
    struct imapid_pcapng *pcapng = &capture->pcapng;
    struct imapid_window *window = &capture->window;
    uint64_t end = block->place + block->n;
    /* Its length is nonsense, or the file ends inside it: blocks behind it tell. The file may have grown. */
    if (window->size > 0 && end > window->size && end > imapid_window_get_size(window)) {
        pcapng->open_ended.place = block->place;
        pcapng->open_ended.type = block->type;
        pcapng->open_ended.n = block->n;
        pcapng->lost = true;
        window->at += 4;
        return IMAPID_CAPTURE_PACKET;
    }
    pcapng->skipped.place = block->place;
    pcapng->skipped.type = block->type;
    pcapng->skipped.n = block->n;
    pcapng->skipped.n_left = block->n - 4;
    return skip_rest(capture);
}

/* Takes the block at hand; PACKET: it was good, and *outcome says what it was. */
static enum imapid_capture_result take_block(struct imapid_capture *capture,
                                             struct imapid_packet *packet, enum outcome *outcome)
{
    struct imapid_window *window = &capture->window;
    struct block block = {.place = imapid_window_place(window)};
    *outcome = NOTHING;
    if (!imapid_window_need_whole(window, N_FRAME))
        return imapid_reader_fail_end(capture, block.place, N_FRAME, "block header");
    if (imapid_head_is_pcap_magic(imapid_number_host32(window->at, false))) {
        if (imapid_reader_ends_here(capture, imapid_head_is_pcap(window)))
            return IMAPID_CAPTURE_END;
        if (window->is_paused)
            return IMAPID_CAPTURE_PAUSE;
    }
    block.type = imapid_number_host32(window->at, capture->pcapng.swapped);
    if (block.type == IMAPID_HEAD_SECTION && !find_byte_order(&capture->pcapng, window->at))
        return fail_lost(capture, &block, "no byte order known");
    block.n = imapid_number_host32(window->at + 4, capture->pcapng.swapped);
    if (block.n < N_FRAME || block.n % 4 != 0)
        return fail_lost(capture, &block, "a length that no block can have");
    const struct block_type *type = find_block_type(block.type);
    if (!type)
        return skip_unknown(capture, &block);
    if (block.n > IMAPID_CAPTURE_PACKET_MAX)
        return fail_lost(capture, &block, "longer than any such block");
    if (!imapid_window_need_whole(window, block.n))
        return imapid_reader_fail_end(capture, block.place, block.n, "block");
    if (imapid_number_host32(window->at + block.n - 4, capture->pcapng.swapped) != block.n)
        return fail_lost(capture, &block, "two lengths that differ");
    block.body = window->at + 8;
    block.n_body = block.n - N_FRAME;
    window->at += block.n;
    *outcome = block.n_body < type->n_body_min ? fail(capture, &block, "too short for its type")
                                               : type->read(capture, &block, packet);
    return IMAPID_CAPTURE_PACKET;
}

static bool looks_like_block(struct imapid_capture *capture)
{
    struct imapid_window *window = &capture->window;
    bool swapped = capture->pcapng.swapped;
    uint32_t type = imapid_number_host32(window->at, swapped);
    if (!find_block_type(type))
        return false;
    if (type == IMAPID_HEAD_SECTION) {
        uint32_t order = imapid_number_host32(window->at + 8, false);
        if (order != IMAPID_HEAD_ORDER && order != __builtin_bswap32(IMAPID_HEAD_ORDER))
            return false;
        swapped = order != IMAPID_HEAD_ORDER;
    }
    uint32_t n = imapid_number_host32(window->at + 4, swapped);
    return n >= N_FRAME && n % 4 == 0 && n <= N_FOUND && imapid_window_need_whole(window, n) &&
           imapid_number_host32(window->at + n - 4, swapped) == n;
}

/* Behind damage: the next place that looks like a block, lengths are multiples of 4. False where it paused, too. */
static bool find_block(struct imapid_capture *capture)
{
    struct imapid_window *window = &capture->window;
    for (; imapid_window_need_whole(window, N_FRAME); window->at += 4) {
        if (looks_like_block(capture))
            return true;
        if (window->is_paused)
            break;
    }
    return false;
}

/* PACKET: a block is at hand. */
static enum imapid_capture_result find_again(struct imapid_capture *capture)
{
    struct imapid_pcapng *pcapng = &capture->pcapng;
    const struct block block = {.place = pcapng->open_ended.place,
                                .type = pcapng->open_ended.type,
                                .n = pcapng->open_ended.n};
    const struct imapid_window *window = &capture->window;
    bool is_found = find_block(capture);
    if (!is_found && block.n && block.place + block.n > window->end_place)
        return imapid_reader_fail_end(capture, block.place, block.n, "block");
    if (!is_found && (!block.n || window->is_paused)) /* told already, but for a failed read */
        return imapid_reader_fail_end(capture, window->end_place, 0, "block");
    pcapng->lost = !is_found;
    pcapng->open_ended.n = 0;
    if (block.n == 0)
        return IMAPID_CAPTURE_PACKET;
    fail(capture, &block, "an unknown type with a length beyond the file's end");
    return IMAPID_CAPTURE_ERROR;
}

/* Up to where a block begins. */
static enum imapid_capture_result find_place(struct imapid_capture *capture)
{
    enum imapid_capture_result result = IMAPID_CAPTURE_PACKET;
    if (capture->pcapng.skipped.n)
        result = skip_rest(capture);
    if (result == IMAPID_CAPTURE_PACKET && capture->pcapng.lost)
        result = find_again(capture);
    return result;
}

static enum imapid_capture_result pcapng_next(struct imapid_capture *capture,
                                              struct imapid_packet *packet)
{
    for (;;) {
        enum outcome outcome = NOTHING;
        enum imapid_capture_result result = find_place(capture);
        if (result == IMAPID_CAPTURE_PACKET)
            result = take_block(capture, packet, &outcome);
        if (result != IMAPID_CAPTURE_PACKET)
            return result;
        if (outcome == BAD)
            return IMAPID_CAPTURE_ERROR;
        if (outcome == PACKET)
            return IMAPID_CAPTURE_PACKET;
    }
}

/* Digits of a fraction of a second: those that nanoseconds can have. */
static uint8_t count_digits(const struct imapid_pcapng_interface *interface)
{
    uint8_t n = 9;
    for (uint64_t factor = interface->factor; factor >= 10; factor /= 10)
        n--;
    return n;
}

struct imapid_capture_interface imapid_pcapng_get_interface(const struct imapid_pcapng *pcapng,
                                                            uint32_t number)
{
    const struct imapid_pcapng_interface *interface = &g_array_index(
        pcapng->interfaces, struct imapid_pcapng_interface, number - pcapng->n_before);
    /* Where no interface has any, nothing is kept at all. */
    const uint8_t *options = interface->n_options ? pcapng->kept->data + interface->options : NULL;

    return (struct imapid_capture_interface){
        .link_type = interface->link_type,
        .n_snap = interface->n_snap,
        .n_digits = count_digits(interface),
        .offset_s = interface->offset_ns / 1000000000,
        .options = {options, interface->n_options, pcapng->swapped},
    };
}

enum imapid_capture_result imapid_pcapng_begin(struct imapid_capture *capture)
{
    capture->format = "pcapng";
    if (capture->pcapng.interfaces) { /* of a capture before this one in the file */
        capture->pcapng.n_before += capture->pcapng.interfaces->len;
        g_array_free(capture->pcapng.interfaces, TRUE);
    }
    capture->pcapng.interfaces = g_array_new(FALSE, FALSE, sizeof(struct imapid_pcapng_interface));
    capture->next = pcapng_next;
    capture->peek = NULL;
    return IMAPID_CAPTURE_PACKET;
}

void imapid_pcapng_deinit(struct imapid_pcapng *pcapng)
{
    if (pcapng->interfaces)
        g_array_free(pcapng->interfaces, TRUE);
    if (pcapng->kept)
        g_byte_array_unref(pcapng->kept);
}
