/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON Lines from anywhere. What is read is written, read again and written again: both texts have
 * to be the same. It also goes through the redactor and into the store and its answers, which have
 * to take any record that the reader gives. */

#include "answer/page.h"
#include "answer/store.h"
#include "answer/writer.h"
#include "follow/terms.h"
#include "record/read-jsonl.h"
#include "record/redact.h"
#include "record/writer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    const uint8_t *data;
    size_t n, at, step;
};

struct target {
    GString *text;
    struct imapid_store *store; /* NULL: none */
};

static const struct imapid_writer_style style;

static ptrdiff_t read_some(void *ctx, uint8_t *octets, size_t n)
{
    struct source *source = ctx;

    n = MIN(MIN(n, source->step), source->n - source->at);
    if (n)
        memcpy(octets, source->data + source->at, n);
    source->at += n;
    return (ptrdiff_t)n;
}

static void on_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    struct target *target = ctx;

    imapid_jsonl_writer.exchange(target->text, &style, exchange);
    if (target->store)
        imapid_store_add_exchange(target->store, exchange);
}

static void on_session(void *ctx, const struct imapid_record_session *session)
{
    struct target *target = ctx;

    imapid_jsonl_writer.session(target->text, &style, session);
    if (target->store)
        imapid_store_add_session(target->store, session);
}

static void on_capture(void *ctx, const struct imapid_record_capture *capture)
{
    struct target *target = ctx;

    imapid_jsonl_writer.capture(target->text, &style, capture);
    if (target->store)
        imapid_store_add_capture(target->store, capture);
}

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

static void read_all(const uint8_t *data, size_t n, size_t step,
                     const struct imapid_record_sink *sink)
{
    struct source source = {data, n, 0, step};
    struct imapid_read_jsonl reader = {.name = "fuzz",
                                       .read = read_some,
                                       .read_ctx = &source,
                                       .sink = sink,
                                       .complain = on_complaint,
                                       .terms = &imapid_follow_terms};

    imapid_read_jsonl(&reader);
}

static void answer(struct imapid_store *store)
{
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_items items = imapid_items_find(&view, fold, 0);
    struct imapid_findings_report report = {
        .view = &view, .items = &items, .version = "0", .verbose = true};
    struct imapid_page page = {.view = &view, .fold = fold, .version = "0"};
    GString *text = g_string_new(NULL);

    imapid_findings_text_writer.write(text, &report);
    imapid_findings_jsonl_writer.write(text, &report);
    imapid_findings_csv_writer.write(text, &report);
    imapid_findings_sarif_writer.write(text, &report);
    imapid_page_write(text, &page);
    g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
    g_string_free(text, TRUE);
    imapid_items_free(&items);
    imapid_fold_free(fold);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imapid_redact *redact;
    struct target first = {g_string_new(NULL), NULL}, again = {g_string_new(NULL), NULL};
    struct target redacted = {g_string_new(NULL), imapid_store_new()};
    struct imapid_record_sink sink = {on_exchange, on_session, on_capture, &first};
    struct imapid_record_sink sink_again = {on_exchange, on_session, on_capture, &again};
    struct imapid_record_sink last = {on_exchange, on_session, on_capture, &redacted};
    struct imapid_redact_sink wrapped;
    struct imapid_record_sink redacting;
    char *message;

    if (!redact)
        redact = imapid_redact_new(NULL, &imapid_follow_terms, &message);
    wrapped = (struct imapid_redact_sink){redact, &last};
    redacting = imapid_redact_wrap(&wrapped);
    read_all(data, size, size ? 1 + data[0] : 1, &sink);
    read_all((const uint8_t *)first.text->str, first.text->len, 65536, &sink_again);
    g_assert_true(g_string_equal(first.text, again.text));
    read_all((const uint8_t *)first.text->str, first.text->len, 65536, &redacting);
    answer(redacted.store);
    imapid_store_free(redacted.store);
    g_string_free(redacted.text, TRUE);
    g_string_free(first.text, TRUE);
    g_string_free(again.text, TRUE);
    return 0;
}
