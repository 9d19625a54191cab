/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON Lines from anywhere. What is read is written, read again and written again: both texts have
 * to be the same. It also goes through the redactor into every output, which has to take any
 * record that the reader gives (see outputs.h). */

#include "follow/terms.h"
#include "lines.h"
#include "outputs.h"
#include "portions.h"
#include "record/read-jsonl.h"
#include "record/read-plain.h"
#include "record/read-record.h"
#include "record/redact.h"
#include "record/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

static void read_all(const uint8_t *data, size_t n, size_t step,
                     const struct imapid_record_sink *sink)
{
    struct portions portions = {data, n, step};
    struct imapid_read_jsonl reader = {.name = "fuzz",
                                       .read = portions_read,
                                       .read_ctx = &portions,
                                       .sink = sink,
                                       .complain = on_complaint,
                                       .terms = &imapid_follow_terms};

    imapid_read_jsonl(&reader);
}

/* What the short way reads of the first line, the long one reads, too. */
static void compare_ways(const uint8_t *data, size_t size)
{
    static const struct imapid_writer_style style;
    const uint8_t *stop = size ? memchr(data, '\n', size) : NULL;
    size_t n = stop ? (size_t)(stop - data) : size;
    struct imapid_arena arena = {NULL, 0};
    struct imapid_json_text text = {NULL, 0};
    struct imapid_read_record read = {.n_lines = 1};
    const struct imapid_record_exchange *exchange = imapid_read_plain(&arena, data, n);
    GString *one = g_string_new(NULL), *other = g_string_new(NULL);

    if (exchange) {
        imapid_read_record(&read, &text, &arena, data, n);
        g_assert_true(read.outcome == IMAPID_READ_EXCHANGE);
        imapid_jsonl_writer.exchange(one, &style, exchange);
        imapid_jsonl_writer.exchange(other, &style, read.record);
        g_assert_true(g_string_equal(one, other));
    }
    g_string_free(one, TRUE);
    g_string_free(other, TRUE);
    imapid_json_deinit(&text);
    imapid_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imapid_redact *redact;
    GString *first = g_string_new(NULL), *again = g_string_new(NULL);
    struct outputs *outputs = outputs_new();
    struct imapid_record_sink sink = lines_sink(first), sink_again = lines_sink(again);
    struct imapid_record_sink last = outputs_sink(outputs);
    struct imapid_redact_sink wrapped;
    struct imapid_record_sink redacting;
    char *message;

    if (!redact)
        redact = imapid_redact_new(NULL, &imapid_follow_terms, &message);
    wrapped = (struct imapid_redact_sink){redact, &last};
    redacting = imapid_redact_wrap(&wrapped);
    compare_ways(data, size);
    read_all(data, size, size ? 1 + data[0] : 1, &sink);
    read_all((const uint8_t *)first->str, first->len, 65536, &sink_again);
    g_assert_true(g_string_equal(first, again));
    read_all((const uint8_t *)first->str, first->len, 65536, &redacting);
    outputs_check(outputs);
    g_string_free(first, TRUE);
    g_string_free(again, TRUE);
    return 0;
}
