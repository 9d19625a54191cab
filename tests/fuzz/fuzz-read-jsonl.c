/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON Lines from anywhere. What is read is written, read again and written again: both texts have
 * to be the same. It also goes through the redactor into every output, which has to take any
 * record that the reader gives (see outputs.h). */

#include "follow/terms.h"
#include "lines.h"
#include "outputs.h"
#include "portions.h"
#include "record/read-jsonl.h"
#include "record/redact.h"

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
    read_all(data, size, size ? 1 + data[0] : 1, &sink);
    read_all((const uint8_t *)first->str, first->len, 65536, &sink_again);
    g_assert_true(g_string_equal(first, again));
    read_all((const uint8_t *)first->str, first->len, 65536, &redacting);
    outputs_check(outputs);
    g_string_free(first, TRUE);
    g_string_free(again, TRUE);
    return 0;
}
