/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records taken apart and put together again: the same, whatever the keep that had them before. */
#include "answer/keep.h"
#include "record/writer.h"
#include "sample.h"

static const struct imapid_writer_style plain;

/* An exchange that has something in each place: `i` makes it another one. */
static struct sample *make(unsigned i)
{
    struct sample *sample = sample_new();
    char name[16];

    g_snprintf(name, sizeof name, "Client %u", i);
    sample->exchange.conn.site = i & 1 ? "here" : NULL;
    sample->exchange.conn.client = sample_endpoint((uint8_t)(10 + i), 50000);
    sample->exchange.conn.proxied_client = sample_endpoint((uint8_t)(20 + i), 40000);
    sample->exchange.result_file = i & 2 ? "b.pcap" : NULL;
    sample->exchange.response.packet.number = 1000 * i;
    sample_pair(sample, IMAPID_CLIENT, "name", name);
    sample_pair(sample, IMAPID_CLIENT, "os", NULL);
    sample_raw(sample, IMAPID_SERVER, "* ID (\"x");
    sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, "os");
    return sample;
}

static char *spell(const struct imapid_record_exchange *exchange)
{
    GString *out = g_string_new(NULL);

    imapid_jsonl_writer.exchange(out, &plain, exchange);
    return g_string_free(out, FALSE);
}

static void expect(const struct imapid_keep *keep, const struct imapid_kept_exchange *kept,
                   unsigned i)
{
    struct imapid_record_exchange exchange;
    struct imapid_arena arena = {NULL, 0};
    struct sample *sample = make(i);
    char *want = spell(&sample->exchange), *said;
    int64_t rtt_ns = 0, want_ns = 0;

    imapid_keep_read_exchange(keep, kept, &exchange, &arena);
    said = spell(&exchange);
    g_assert_cmpstr(said, ==, want);
    g_assert_cmpint(imapid_keep_get_rtt_ns(keep, kept, &rtt_ns), ==,
                    imapid_record_rtt_ns(&sample->exchange, &want_ns));
    g_assert_cmpint(rtt_ns, ==, want_ns);
    g_free(said);
    g_free(want);
    imapid_arena_deinit(&arena);
    sample_free(sample);
}

static struct imapid_kept_exchange keep_one(struct imapid_keep *keep, unsigned i)
{
    struct sample *sample = make(i);
    struct imapid_kept_exchange kept = imapid_keep_exchange(keep, &sample->exchange);

    sample_free(sample); /* what is kept is a copy */
    return kept;
}

static void test_apart_and_together(void)
{
    struct imapid_kept_exchange kept[4], again;
    struct imapid_keep keep;

    imapid_keep_init(&keep);
    for (unsigned i = 0; i < 4; i++)
        kept[i] = keep_one(&keep, i);
    again = keep_one(&keep, 2);
    g_assert_cmpuint(again.said, ==, kept[2].said);
    g_assert_cmpuint(again.conn.client, ==, kept[2].conn.client);
    g_assert_cmpuint(kept[0].said, !=, kept[1].said);
    for (unsigned i = 0; i < 4; i++)
        expect(&keep, &kept[i], i);
    imapid_keep_seal(&keep);
    for (unsigned i = 0; i < 4; i++)
        expect(&keep, &kept[i], i);
    imapid_keep_deinit(&keep);
}

/* What another keep had has other numbers in this one. */
static void test_absorb(void)
{
    struct imapid_kept_exchange own[4], others[4];
    struct imapid_keep_map map;
    struct imapid_keep keep, other;

    imapid_keep_init(&keep);
    imapid_keep_init(&other);
    for (unsigned i = 0; i < 4; i++) {
        own[i] = keep_one(&keep, i);
        others[i] = keep_one(&other, 5 - i); /* two of them the same, in another order */
    }
    map = imapid_keep_absorb(&keep, &other);
    for (unsigned i = 0; i < 4; i++)
        imapid_keep_move_exchange(&map, &others[i]);
    imapid_keep_map_deinit(&map);
    for (unsigned i = 0; i < 4; i++) {
        expect(&keep, &own[i], i);
        expect(&keep, &others[i], 5 - i);
    }
    g_assert_cmpuint(others[2].said, ==, own[3].said);
    g_assert_cmpuint(others[3].conn.client, ==, own[2].conn.client);
    imapid_keep_deinit(&other);
    imapid_keep_deinit(&keep);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keep/apart-and-together", test_apart_and_together);
    g_test_add_func("/keep/absorb", test_absorb);
    return g_test_run();
}
