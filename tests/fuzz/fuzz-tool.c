/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-tool.c: a capture of any octets through the whole tool, in this process: packets, connections,
 * TLS with the secrets inside the capture, records, every output (see outputs.h). The first octet is
 * how many octets are read at a time. Of a second run over the same octets the JSON Lines have to be
 * the same. */

#include "capture/window.h"
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

static void run(const uint8_t *octets, size_t n, size_t n_portion,
                const struct imapid_record_sink *sink)
{
    struct portions portions = {octets, n, n_portion};
    struct imapid_window_source source = {portions_read, NULL, &portions};
    struct imapid_capture *capture = imapid_capture_open_source("fuzz", &source);
    struct imapid_keylog *keylog = imapid_keylog_new();
    struct imapid_decode decode = {0};

    struct imapid_collect *collect =
        imapid_collect_new(NULL, &decode, keylog, false, (size_t)1 << 20, sink, on_complaint);

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

    if (size) {
        run(data + 1, size - 1, size, &sink);
        run(data + 1, size - 1, data[0] ? data[0] : 1, &to_again);
        g_assert_true(g_string_equal(outputs_get_lines(outputs), again));
    }
    outputs_check(outputs);
    g_string_free(again, TRUE);
    return 0;
}
