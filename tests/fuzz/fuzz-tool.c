/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-tool.c: a capture of any octets through the whole tool, in this process: packets, connections,
 * TLS with the secrets inside the capture, records, every output (see outputs.h). The first octet is
 * how many octets are read at a time. Of a second run over the same octets the JSON Lines have to be
 * the same. All its connections are cut out, too: what is written has every packet of theirs, as it was, and
 * is read without an error. */

#include "capture/window.h"
#include "cut/blocks.h"
#include "cut/framelog.h"
#include "cut/pick.h"
#include "follow/collect.h"
#include "lines.h"
#include "outputs.h"
#include "portions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    g_assert_nonnull(message);
}

/* What is written down for a cut of all connections. */
struct cutting {
    struct imapid_spill *spill;
    struct imapid_framelog framelog;
    struct imapid_bits streams, frames;
    GByteArray *blocks;
};

static void on_packet(void *ctx, const char *file, uint64_t number, uint32_t stream)
{
    struct cutting *cutting = ctx;

    g_assert_cmpstr(file, ==, "fuzz");
    g_assert_cmpuint(number, >, 0);
    imapid_framelog_add(&cutting->framelog, cutting->spill, number, stream);
    imapid_bits_set(&cutting->streams, stream);
    imapid_bits_set(&cutting->frames, number);
}

static void on_secrets(void *ctx, const char *file, uint32_t stream, const char *lines, size_t n)
{
    const struct cutting *cutting = ctx;

    g_assert_cmpstr(file, ==, "fuzz");
    g_assert_true(imapid_bits_has(&cutting->streams, stream));
    g_assert_true(n && lines[n - 1] == '\n');
}

static void put(void *ctx, const uint8_t *block, size_t n)
{
    g_byte_array_append(ctx, block, (guint)n);
}

static struct imapid_capture *open_octets(struct portions *portions)
{
    struct imapid_window_source source = {portions_read, NULL, portions};

    return imapid_capture_open_source("fuzz", &source);
}

/* Each packet of the cut is the next one of those that were chosen. */
static void compare(const struct cutting *cutting, struct imapid_capture *whole,
                    struct imapid_capture *cut)
{
    struct imapid_packet packet, copy;
    enum imapid_capture_result result;
    uint64_t n = 0;

    while ((result = imapid_capture_next(whole, &packet)) != IMAPID_CAPTURE_END) {
        if (result != IMAPID_CAPTURE_PACKET || !imapid_bits_has(&cutting->frames, packet.number))
            continue;
        g_assert_cmpint(imapid_capture_next(cut, &copy), ==, IMAPID_CAPTURE_PACKET);
        g_assert_cmpmem(copy.data, copy.n, packet.data, packet.n);
        g_assert_cmpuint(copy.n_wire, ==, packet.n_wire);
        g_assert_cmpuint(copy.link_type, ==, packet.link_type);
        n++;
    }
    g_assert_cmpint(imapid_capture_next(cut, &copy), ==, IMAPID_CAPTURE_END);
    g_assert_cmpuint(n, ==, cutting->frames.n);
}

static void check_cut(struct cutting *cutting, const uint8_t *octets, size_t n)
{
    struct portions portions[] = {{octets, n, n}, {octets, n, n}, {NULL, 0, 0}};
    GByteArray *section = g_byte_array_new();
    struct imapid_pick pick = {.section = section, .put = put, .put_ctx = cutting->blocks};
    struct imapid_bits frames = {.n = 0};
    struct imapid_capture *whole = open_octets(&portions[0]), *cut;

    g_assert_true(
        imapid_framelog_choose(&cutting->framelog, cutting->spill, &cutting->streams, &frames));
    g_assert_cmpuint(frames.n, ==, cutting->frames.n);
    if (frames.n) {
        imapid_blocks_add_section(section, "fuzz", "");
        put(cutting->blocks, section->data, section->len);
        g_assert_true(imapid_pick_read(&pick, whole, "fuzz", &frames, cutting->spill));
        portions[2] =
            (struct portions){cutting->blocks->data, cutting->blocks->len, cutting->blocks->len};
        imapid_capture_close(whole);
        whole = open_octets(&portions[1]);
        cut = open_octets(&portions[2]);
        compare(cutting, whole, cut);
        imapid_capture_close(cut);
    }
    imapid_capture_close(whole);
    imapid_pick_clear(&pick);
    imapid_bits_clear(&frames);
    g_byte_array_unref(section);
}

static void init_cutting(struct cutting *cutting)
{
    char *message = NULL;

    *cutting = (struct cutting){.spill = imapid_spill_new(&message)};
    cutting->blocks = g_byte_array_new();
    g_assert_null(message);
}

static void end_cutting(struct cutting *cutting)
{
    imapid_spill_clear(NULL, &cutting->framelog.run);
    imapid_bits_clear(&cutting->streams);
    imapid_bits_clear(&cutting->frames);
    imapid_spill_free(cutting->spill);
    g_byte_array_unref(cutting->blocks);
}

/* cutting NULL: nothing is cut. */
static void run(const uint8_t *octets, size_t n, size_t n_portion,
                const struct imapid_record_sink *sink, struct cutting *cutting)
{
    struct portions portions = {octets, n, n_portion};
    struct imapid_capture *capture = open_octets(&portions);
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct imapid_decode decode = {0};

    struct imapid_collect *collect =
        imapid_collect_new(NULL, &decode, keylog, false, (size_t)1 << 20, sink, on_complaint);

    if (cutting) {
        imapid_collect_on_packet(collect, on_packet, cutting);
        imapid_collect_on_secrets(collect, on_secrets, cutting);
    }
    imapid_collect_read(collect, capture, "fuzz");
    (void)imapid_collect_tell(collect, capture, "fuzz", true);
    imapid_collect_free(collect);
    imapid_keylog_free(keylog);
    imapid_capture_close(capture);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outputs *outputs = outputs_new();
    struct imapid_record_sink sink = outputs_sink(outputs);
    GString *again = g_string_new(NULL);
    struct imapid_record_sink to_again = lines_sink(again);

    struct cutting cutting;

    init_cutting(&cutting);
    if (size) {
        run(data + 1, size - 1, size, &sink, NULL);
        run(data + 1, size - 1, data[0] ? data[0] : 1, &to_again, &cutting);
        check_cut(&cutting, data + 1, size - 1);
        g_assert_true(g_string_equal(outputs_get_lines(outputs), again));
    }
    end_cutting(&cutting);
    outputs_check(outputs);
    g_string_free(again, TRUE);
    return 0;
}
