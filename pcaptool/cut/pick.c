/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pick.c: reads a capture once more, and copies the packets that are chosen.
 *
 * A packet without a time, as old blocks of pcapng have, stands behind the one before it.
 *
 * Refuses nothing: what is damaged was told when the capture was read first.
 *
 * Misuse: a capture from which something was read. */
#include "cut/pick.h"

#include "cut/blocks.h"

struct picking {
    struct imapid_pick *pick;
    struct imapid_capture *capture;
    const char *file;
    struct imapid_spill *spill;
    GHashTable *numbers; /* an interface of the capture -> its number in `pick`, each from 1 */
    uint64_t n_further;  /* captures in the capture that began; their interfaces are others */
    GByteArray *block;
    int64_t ts_ns; /* of the packet before */
};

static void add(struct imapid_pick *pick, struct imapid_spill *spill, int64_t ts_ns,
                const uint8_t *block, size_t n)
{
    struct imapid_pick_head head = {.ts_ns = ts_ns, .n = n};

    if (pick->put) {
        pick->put(pick->put_ctx, block, n);
        return;
    }
    imapid_spill_add(spill, &pick->packets, &head, sizeof head);
    imapid_spill_add(spill, &pick->packets, block, n);
}

void imapid_pick_add(struct imapid_pick *pick, struct imapid_spill *spill, int64_t ts_ns,
                     const uint8_t *block, size_t n)
{
    if (!pick->n_packets++)
        pick->first_ns = ts_ns;
    pick->last_ns = ts_ns;
    add(pick, spill, ts_ns, block, n);
}

/* The capture in the capture is one of its own in what is written, too: a connection may be in both. */
static void begin_further(struct picking *picking)
{
    struct imapid_pick *pick = picking->pick;
    uint64_t n_further = imapid_capture_get_counts(picking->capture)->n_further;

    if (picking->n_further == n_further)
        return;
    picking->n_further = n_further;
    g_hash_table_remove_all(picking->numbers);
    if (!pick->section || !pick->n_packets)
        return;
    pick->n_interfaces = 0;
    add(pick, picking->spill, picking->ts_ns, pick->section->data, pick->section->len);
}

static uint32_t get_number(struct picking *picking, const struct imapid_packet *packet,
                           const struct imapid_capture_interface *interface)
{
    struct imapid_pick *pick = picking->pick;
    gpointer key = GSIZE_TO_POINTER((gsize)packet->interface + 1);
    gsize number = GPOINTER_TO_SIZE(g_hash_table_lookup(picking->numbers, key));

    if (number)
        return (uint32_t)number - 1;
    if (!pick->interfaces)
        pick->interfaces = g_byte_array_new();
    imapid_blocks_add_interface(pick->interfaces, interface);
    if (pick->section) {
        add(pick, picking->spill, picking->ts_ns, pick->interfaces->data, pick->interfaces->len);
        g_byte_array_set_size(pick->interfaces, 0);
    }
    g_hash_table_insert(picking->numbers, key, GSIZE_TO_POINTER((gsize)pick->n_interfaces + 1));
    return pick->n_interfaces++;
}

static void take(struct picking *picking, const struct imapid_packet *packet)
{
    struct imapid_capture_interface interface =
        imapid_capture_get_interface(picking->capture, packet);
    struct imapid_capture_options options = imapid_capture_get_options(picking->capture);
    uint32_t number;
    char *comment = g_strdup_printf("%s: frame %" G_GUINT64_FORMAT, picking->file, packet->number);

    begin_further(picking);
    number = get_number(picking, packet, &interface);
    g_byte_array_set_size(picking->block, 0);
    imapid_blocks_add_packet(picking->block, number, &interface, packet, &options, comment);
    g_free(comment);
    if (imapid_time_is_known(packet->ts_ns))
        picking->ts_ns = packet->ts_ns;
    imapid_pick_add(picking->pick, picking->spill, picking->ts_ns, picking->block->data,
                    picking->block->len);
}

bool imapid_pick_read(struct imapid_pick *pick, struct imapid_capture *capture, const char *file,
                      const struct imapid_bits *frames, struct imapid_spill *spill)
{
    struct picking picking = {
        .pick = pick,
        .capture = capture,
        .file = file,
        .spill = spill,
        .numbers = g_hash_table_new(NULL, NULL),
        .block = g_byte_array_new(),
        .ts_ns = IMAPID_TIME_NONE,
    };
    enum imapid_capture_result result;
    struct imapid_packet packet = {.number = 0};

    imapid_capture_keep_details(capture);
    while (packet.number < frames->last &&
           (result = imapid_capture_next(capture, &packet)) != IMAPID_CAPTURE_END)
        if (result == IMAPID_CAPTURE_PACKET && imapid_bits_has(frames, packet.number))
            take(&picking, &packet);
    imapid_spill_rest(spill, &pick->packets);
    g_hash_table_destroy(picking.numbers);
    g_byte_array_unref(picking.block);
    return pick->n_packets == frames->n;
}

void imapid_pick_clear(struct imapid_pick *pick)
{
    imapid_spill_clear(NULL, &pick->packets);
    if (pick->interfaces)
        g_byte_array_unref(pick->interfaces);
    *pick = (struct imapid_pick){.n_packets = 0};
}
