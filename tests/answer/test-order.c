/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The order of the store: by what records say, never by the numbers under which they are kept. */
#include "answer/order.h"
#include "sample.h"

/* Exchanges from the first to the last, each by what it differs by from the sample. */
static const struct step {
    const char *file, *tag, *name;
    uint64_t first_frame;
    int64_t later_ns;
    uint8_t client, status, is_answered;
} steps[] = {
    {"a.pcap", "a1", "Mutt", 1, 0, 1, IMAPID_STATUS_OK, 1},
    {"a.pcap", "a1", "Mutt", 1, 5, 1, IMAPID_STATUS_OK, 1},
    {"a.pcap", "a2", "Mutt", 1, 5, 1, IMAPID_STATUS_OK, 1},
    {"a.pcap", "a2", "Nine", 1, 5, 1, IMAPID_STATUS_OK, 1},
    {"a.pcap", "a1", "Mutt", 2, 0, 1, IMAPID_STATUS_OK, 1},
    {"a.pcap", "a1", "Mutt", 2, 0, 3, IMAPID_STATUS_OK, 1},
    {"b.pcap", "a1", "Mutt", 1, 0, 1, IMAPID_STATUS_OK, 1},
    /* the same, as it was when the capture was still being written */
    {"b.pcap", "a1", "Mutt", 1, 0, 1, IMAPID_STATUS_NONE, 1},
    {"b.pcap", "a1", "Mutt", 1, 0, 1, IMAPID_STATUS_NONE, 0},
};

#define N G_N_ELEMENTS(steps)

static struct imapid_kept_exchange keep_step(struct imapid_keep *keep, const struct step *step)
{
    struct sample *sample = sample_new();
    struct imapid_record_exchange *exchange = &sample->exchange;
    struct imapid_kept_exchange kept;

    exchange->conn.file = step->file;
    exchange->conn.first_frame = step->first_frame;
    exchange->conn.client = sample_endpoint(step->client, 50000);
    g_free(exchange->tag);
    exchange->tag = g_strdup(step->tag);
    exchange->command.packet.ts_ns += step->later_ns;
    sample_pair(sample, IMAPID_CLIENT, "name", step->name);
    exchange->status = (enum imapid_status)step->status;
    if (!step->is_answered)
        exchange->response = (struct imapid_record_half){.seen = false};
    kept = imapid_keep_exchange(keep, exchange);
    sample_free(sample);
    return kept;
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void test_exchanges(void)
{
    for (int is_reversed = 0; is_reversed < 2; is_reversed++) {
        struct imapid_kept_exchange kept[N];
        struct imapid_keep keep;

        imapid_keep_init(&keep);
        for (size_t i = 0; i < N; i++) {
            size_t at = is_reversed ? N - 1 - i : i;
            kept[at] = keep_step(&keep, &steps[at]);
        }
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < N; j++) {
                g_assert_cmpint(sign(imapid_order_compare_exchanges(&keep, &kept[i], &kept[j])), ==,
                                (i > j) - (i < j));
                if (i < j)
                    g_assert_cmpint(imapid_order_is_same_exchange(&keep, &kept[i], &kept[j]), ==,
                                    i >= 6);
            }
        imapid_keep_deinit(&keep);
    }
}

static void test_sessions(void)
{
    struct imapid_record_session session = sample_session();
    struct imapid_kept_session early, late, other;
    struct imapid_keep keep;

    imapid_keep_init(&keep);
    early = imapid_keep_session(&keep, &session);
    session.last_ns += 1000;
    session.n_exchanges++;
    late = imapid_keep_session(&keep, &session);
    session.conn.stream++;
    session.conn.client.port++;
    other = imapid_keep_session(&keep, &session);
    g_assert_cmpint(imapid_order_compare_sessions(&keep, &late, &early), <, 0);
    g_assert_true(imapid_order_is_same_session(&keep, &late, &early));
    g_assert_cmpint(imapid_order_compare_sessions(&keep, &early, &other), <, 0);
    g_assert_false(imapid_order_is_same_session(&keep, &early, &other));
    imapid_keep_deinit(&keep);
}

static void test_captures(void)
{
    struct imapid_record_capture one = sample_capture(), other = sample_capture();

    g_assert_cmpint(imapid_order_compare_captures(&one, &other), ==, 0);
    other.n_packets++;
    g_assert_cmpint(imapid_order_compare_captures(&one, &other), !=, 0);
    g_assert_cmpint(sign(imapid_order_compare_captures(&one, &other)), ==,
                    -sign(imapid_order_compare_captures(&other, &one)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/order/exchanges", test_exchanges);
    g_test_add_func("/order/sessions", test_sessions);
    g_test_add_func("/order/captures", test_captures);
    return g_test_run();
}
