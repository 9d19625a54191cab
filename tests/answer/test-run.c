/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs: what was put in comes out, in order and at any place. */
#include "answer/run.h"
#include "sample.h"

#include <string.h>

#define N 3000

/* What differs from its neighbours, by little or by much, and down as well as up. */
static struct imapid_kept_exchange make(uint32_t i)
{
    struct imapid_kept_exchange kept;

    memset(&kept, 0, sizeof kept);
    kept.conn.file = i / 1000;
    kept.conn.stream = i % 7 ? i : UINT32_MAX - i;
    kept.conn.client = i * 7919;
    kept.conn.client_port = (uint16_t)(i * 257);
    kept.conn.server_port = 143;
    kept.conn.first_frame = i % 5 ? i : UINT64_MAX - i;
    kept.tag = i % 3;
    kept.said = i / 2;
    kept.when_ns = i % 11 ? INT64_C(1767323045000000000) + i : -(int64_t)i;
    kept.frame = i * UINT64_C(4294967291);
    kept.n_stamps = (uint8_t)(i % (IMAPID_KEPT_STAMPS_MAX + 1));
    memset(kept.stamps, (int)(i & 255), kept.n_stamps);
    return kept;
}

static void expect(const struct imapid_kept_exchange *kept, uint32_t i)
{
    struct imapid_kept_exchange want = make(i);

    g_assert_nonnull(kept);
    g_assert_cmpmem(kept->stamps, kept->n_stamps, want.stamps, want.n_stamps);
    g_assert_cmpuint(kept->conn.file, ==, want.conn.file);
    g_assert_cmpuint(kept->conn.stream, ==, want.conn.stream);
    g_assert_cmpuint(kept->conn.client, ==, want.conn.client);
    g_assert_cmpuint(kept->conn.client_port, ==, want.conn.client_port);
    g_assert_cmpuint(kept->conn.server_port, ==, want.conn.server_port);
    g_assert_cmpuint(kept->conn.first_frame, ==, want.conn.first_frame);
    g_assert_cmpuint(kept->tag, ==, want.tag);
    g_assert_cmpuint(kept->said, ==, want.said);
    g_assert_cmpint(kept->when_ns, ==, want.when_ns);
    g_assert_cmpuint(kept->frame, ==, want.frame);
}

static struct imapid_run *fill(void)
{
    struct imapid_run *run = imapid_run_new(IMAPID_RUN_EXCHANGES);

    g_assert_null(imapid_run_get_last(run));
    for (uint32_t i = 0; i < N; i++) {
        struct imapid_kept_exchange kept = make(i);

        imapid_run_append(run, &kept);
        expect(imapid_run_get_last(run), i);
        g_assert_cmpuint(imapid_run_count(run), ==, i + 1);
    }
    return run;
}

static void test_places(void)
{
    struct imapid_run *run = fill();

    for (uint32_t i = 0; i < N; i++)
        expect(imapid_run_get(run, i), i);
    for (uint32_t i = 0, at = 0; i < N; i++, at = (at + 1787) % N)
        expect(imapid_run_get(run, at), at);
    imapid_run_free(run);
}

static void test_reader(void)
{
    struct imapid_run *run = fill();

    for (int drops = 0; drops < 2; drops++) {
        struct imapid_run_reader reader = {.run = run, .drops = drops};

        for (uint32_t i = 0; i < N; i++) {
            struct imapid_kept_exchange *kept = imapid_run_next(&reader);

            expect(kept, i);
            memset(kept, 0xff, sizeof *kept); /* it is the reader's own */
        }
        g_assert_null(imapid_run_next(&reader));
    }
    imapid_run_free(run);
    imapid_run_free(NULL);
}

/* Parts of a run that was joined of several are read at the same time, and give their memory back. */
static void test_parts(void)
{
    const uint32_t starts[] = {0, 5, 31, 33, 64, 20000, 20001, 59000, 60000};
    struct imapid_run *run = imapid_run_new(IMAPID_RUN_EXCHANGES);
    struct imapid_run_reader readers[G_N_ELEMENTS(starts) - 1];
    const unsigned n = G_N_ELEMENTS(readers);

    for (uint32_t i = 0; i < starts[n];) {
        struct imapid_run *other = imapid_run_new(IMAPID_RUN_EXCHANGES);

        for (uint32_t end = i + i % 9000; i <= end && i < starts[n]; i++) {
            struct imapid_kept_exchange kept = make(i);

            imapid_run_append(other, &kept);
        }
        imapid_run_join(run, other);
        imapid_run_join(run, imapid_run_new(IMAPID_RUN_EXCHANGES));
    }
    g_assert_cmpuint(imapid_run_count(run), ==, starts[n]);
    for (uint32_t i = 0, at = 0; i < 1000; i++, at = (at + 17873) % starts[n])
        expect(imapid_run_get(run, at), at);
    for (uint32_t i = 0; i < 1000; i++)
        expect(imapid_run_get(run, i), i);
    for (unsigned i = 0; i < n; i++) {
        readers[i] = (struct imapid_run_reader){
            .run = run, .drops = true, .place = starts[i], .n_behind = starts[n] - starts[i + 1]};
        expect(imapid_run_next(&readers[i]), starts[i]);
    }
    for (unsigned i = n; i-- > 0;) { /* those behind first */
        for (uint32_t place = starts[i] + 1; place < starts[i + 1]; place++)
            expect(imapid_run_next(&readers[i]), place);
        g_assert_null(imapid_run_next(&readers[i]));
    }
    imapid_run_free(run);
}

/* How many more records are next. */
static bool count_down(const void *ctx, const void *record)
{
    (void)record;
    if (!*(uint32_t *)ctx)
        return false;
    --*(uint32_t *)ctx;
    return true;
}

/* Blocks go over as they are, as far as somebody says so; what begins in the middle of one does not. */
static void test_blocks(void)
{
    for (uint32_t n_blocks = 0; n_blocks < 200; n_blocks += 7)
        for (uint32_t place = 0; place < 40; place += 13) {
            struct imapid_run *from = fill(), *to = imapid_run_new(IMAPID_RUN_EXCHANGES);
            struct imapid_run_reader reader = {.run = from, .place = place, .drops = true};
            uint32_t n = 0, n_left = n_blocks;

            while (imapid_run_next(&reader)) {
                imapid_run_append_blocks(to, &reader, count_down, &n_left);
                imapid_run_append(to, &reader.record);
                n++;
            }
            imapid_run_free(from);
            g_assert_cmpuint(imapid_run_count(to), ==, N - place);
            g_assert_cmpuint(n, ==, N - place - 32 * MIN(n_blocks, N / 32 - (place + 31) / 32));
            for (uint32_t i = N - place; i-- > 0;)
                expect(imapid_run_get(to, i), place + i);
            imapid_run_free(to);
        }
}

static void test_sessions(void)
{
    struct imapid_run *run = imapid_run_new(IMAPID_RUN_SESSIONS);
    const struct imapid_kept_session *kept;

    for (uint32_t i = 0; i < 100; i++) {
        struct imapid_kept_session session = {
            .said = i, .first_ns = 100 - i, .last_ns = 100 + i, .n_lost = i % 2, .ended_frame = i};

        imapid_run_append(run, &session);
    }
    kept = imapid_run_get(run, 77);
    g_assert_cmpuint(kept->said, ==, 77);
    g_assert_cmpint(kept->first_ns, ==, 23);
    g_assert_cmpint(kept->last_ns, ==, 177);
    g_assert_cmpuint(kept->n_lost, ==, 1);
    g_assert_cmpuint(kept->ended_frame, ==, 77);
    imapid_run_free(run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/run/places", test_places);
    g_test_add_func("/run/reader", test_reader);
    g_test_add_func("/run/parts", test_parts);
    g_test_add_func("/run/sessions", test_sessions);
    g_test_add_func("/run/blocks", test_blocks);
    return g_test_run();
}
