/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Partials from anywhere. What does not begin as one are the rows of a block, which get a head and a
 * check that is right. What is read is kept, written as a partial and read again: the same records. It
 * also goes into every output. */

#include "../answer/partial-block.h"
#include "follow/terms.h"
#include "lines.h"
#include "outputs.h"
#include "portions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    g_assert_true(g_utf8_validate(message, -1, NULL));
    g_assert_true(g_str_has_prefix(message, "fuzz: octet "));
}

static bool read_all(const GByteArray *octets, size_t step, const struct imapid_record_sink *sink)
{
    struct portions portions = {octets->data, octets->len, step};
    struct imapid_partial partial = {.name = "fuzz",
                                     .read = portions_read,
                                     .read_ctx = &portions,
                                     .sink = sink,
                                     .complain = on_complaint,
                                     .terms = &imapid_follow_terms};

    return imapid_partial_read(&partial);
}

static void add_exchange(void *ctx, const struct imapid_record_exchange *exchange)
{
    imapid_store_add_exchange(ctx, exchange);
}

static void add_session(void *ctx, const struct imapid_record_session *session)
{
    imapid_store_add_session(ctx, session);
}

static void add_capture(void *ctx, const struct imapid_record_capture *capture)
{
    imapid_store_add_capture(ctx, capture);
}

static void put(void *ctx, const char *octets, size_t n)
{
    g_byte_array_append(ctx, (const uint8_t *)octets, (guint)n);
}

static const struct imapid_partial_unit unit = {"0123456789abcdef", 7};

/* Of the records in a partial the state. */
static GByteArray *settle(const GByteArray *from, size_t step)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_record_sink sink = {add_exchange, add_session, add_capture, store, NULL};
    struct imapid_store_view view;
    GByteArray *octets = g_byte_array_new();

    read_all(from, step, &sink);
    view = imapid_store_settle(store);
    imapid_partial_write(&view, true, &unit, put, octets);
    imapid_store_free(store);
    return octets;
}

static GByteArray *make_file(const uint8_t *data, size_t size)
{
    if (!imapid_partial_is(data, size))
        return partial_block(data, size);
    return g_byte_array_append(g_byte_array_new(), data, (guint)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GByteArray *file = make_file(data, size), *first = settle(file, size ? 1 + data[0] : 1),
               *again = settle(first, 65536);
    struct outputs *outputs = outputs_new();
    struct imapid_record_sink last = outputs_sink(outputs);

    g_assert_cmpmem(first->data, first->len, again->data, again->len);
    g_assert_true(read_all(first, 65536, &last));
    outputs_check(outputs);
    g_byte_array_unref(file);
    g_byte_array_unref(first);
    g_byte_array_unref(again);
    return 0;
}
