/* SPDX-License-Identifier: GPL-2.0-or-later */

/* fuzz-tool.c: a capture of any octets through the whole tool, in this process: packets, connections,
 * TLS with the secrets inside the capture, records, every output (see outputs.h). The first octet is
 * how many octets are read at a time. Of a second run over the same octets the JSON Lines have to be
 * the same. */

#include "capture/window.h"
#include "follow/collect.h"
#include "outputs.h"
#include "record/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *octets;
    size_t n, n_portion;
};

static ptrdiff_t read_input(void *ctx, uint8_t *octets, size_t n)
{
    struct input *input = ctx;

    n = MIN(MIN(n, input->n_portion), input->n);
    if (n)
        memcpy(octets, input->octets, n);
    input->octets += n;
    input->n -= n;
    return (ptrdiff_t)n;
}

static const struct imapid_writer_style style;

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    imapid_jsonl_writer.exchange(ctx, &style, exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_jsonl_writer.session(ctx, &style, session);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    imapid_jsonl_writer.capture(ctx, &style, capture);
}

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    g_assert_nonnull(message);
}

static void run(const uint8_t *octets, size_t n, size_t n_portion,
                const struct imapid_record_sink *sink)
{
    struct input input = {octets, n, n_portion};
    struct imapid_window_source source = {read_input, NULL, &input};
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
    GString *first = g_string_new(NULL), *again = g_string_new(NULL);
    struct imapid_record_sink to_first = {on_exchange, on_session, on_capture, first};
    struct imapid_record_sink to_again = {on_exchange, on_session, on_capture, again};

    if (size) {
        run(data + 1, size - 1, size, &sink);
        run(data + 1, size - 1, size, &to_first);
        run(data + 1, size - 1, data[0] ? data[0] : 1, &to_again);
        g_assert_cmpstr(first->str, ==, again->str);
    }
    outputs_check(outputs);
    g_string_free(first, TRUE);
    g_string_free(again, TRUE);
    return 0;
}
