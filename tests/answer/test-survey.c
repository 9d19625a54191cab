/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The survey (survey.c): every connection once, and sums that fit. */
#include "answer/survey.h"
#include "answer/radix.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"Mutt", "Mutt", "mutt", "Alpine"};

/* 8 connections of 4 names, two a name; of the sixth on the login is refused. */
static struct imapid_store *make(void)
{
    struct imapid_store *store = imapid_store_new();

    for (unsigned i = 0; i < 8; i++) {
        struct sample *sample = sample_new();
        struct imapid_record_session session = sample_session();

        sample->exchange.conn.stream = i;
        sample->exchange.conn.client = sample_endpoint((uint8_t)(1 + i % 2), (uint16_t)(1000 + i));
        sample->exchange.conn.server = sample_endpoint((uint8_t)(100 + (i == 7)), 143);
        sample->exchange.command.packet.ts_ns += i;
        sample->exchange.response.packet.ts_ns += i * 2;
        sample_pair(sample, IMAPID_CLIENT, "name", names[i % 4]);
        sample_pair(sample, IMAPID_CLIENT, "version", i % 4 ? "2" : "1");
        session.conn = sample->exchange.conn;
        if (i >= 3) {
            session.healthy = IMAPID_NO;
            session.outcome.status = "NO";
            session.outcome.stopped_at = IMAPID_STAGE_LOGIN;
        }
        imapid_store_add_exchange(store, &sample->exchange);
        imapid_store_add_session(store, &session);
        sample_free(sample);
    }
    return store;
}

static bool get_version(const struct imapid_survey_row *row, uint32_t *a, uint32_t *b)
{
    *a = row->program;
    *b = row->version;
    return row->program != 0;
}

static void test_survey(void)
{
    struct imapid_store *store = make();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_survey *survey = imapid_survey_make(&view, fold);
    const struct imapid_survey_program *programs =
        (const struct imapid_survey_program *)(void *)survey->programs->data;
    const struct imapid_survey_server *servers =
        (const struct imapid_survey_server *)(void *)survey->servers->data;
    GArray *versions = imapid_survey_count(survey, get_version);
    GArray **times = imapid_survey_gather_times(survey, survey->servers->len);

    g_assert_cmpuint(survey->n_rows, ==, 8);
    g_assert_cmpuint(survey->n_named, ==, 8);
    g_assert_cmpuint(survey->programs->len, ==, 2); /* case makes no program */
    g_assert_cmpstr(programs[0].name, ==, "Mutt");  /* the most frequent spelling */
    g_assert_cmpuint(programs[0].n_conns, ==, 6);
    g_assert_cmpuint(programs[0].n_addresses, ==, 2);
    g_assert_cmpstr(programs[1].name, ==, "Alpine");
    g_assert_cmpuint(programs[1].n_conns, ==, 2);
    g_assert_cmpuint(programs[1].n_addresses, ==, 1);
    g_assert_cmpuint(survey->servers->len, ==, 2);
    g_assert_cmpuint(servers[0].n_conns, ==, 7);
    g_assert_cmpuint(servers[0].n_clients, ==, 2);
    g_assert_cmpuint(servers[1].n_conns, ==, 1);
    g_assert_cmpuint(times[0]->len, ==, 7);
    g_assert_cmpuint(times[1]->len, ==, 1);
    g_assert_cmpint(g_array_index(times[0], int64_t, 0), <, g_array_index(times[0], int64_t, 6));
    g_assert_cmpuint(versions->len, ==, 3);
    g_assert_cmpuint(g_array_index(versions, struct imapid_survey_count, 0).n, ==, 4);
    g_assert_cmpstr(
        imapid_survey_get_text(survey, g_array_index(versions, struct imapid_survey_count, 0).b),
        ==, "2");
    /* 5 logins were refused, but no address failed 5 times. */
    g_assert_cmpuint(survey->n_results[IMAPID_RESULT_LOGIN], ==, 5);
    g_assert_cmpuint(survey->n_concerns[IMAPID_CONCERN_LOGIN], ==, 5);
    g_assert_cmpuint(survey->n_concerns[IMAPID_CONCERN_LOGINS], ==, 0);
    g_assert_cmpuint(survey->n_to_act, ==, 0);
    for (unsigned i = 0; i < survey->servers->len; i++)
        g_array_unref(times[i]);
    g_free(times);
    g_array_unref(versions);
    imapid_survey_free(survey);
    imapid_fold_free(fold);
    imapid_store_free(store);
}

static void test_empty(void)
{
    struct imapid_store *store = imapid_store_new();
    struct imapid_store_view view = imapid_store_settle(store);
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_survey *survey = imapid_survey_make(&view, fold);

    g_assert_cmpuint(survey->n_rows, ==, 0);
    g_assert_false(imapid_time_is_known(survey->first_ns));
    imapid_survey_free(survey);
    imapid_fold_free(fold);
    imapid_store_free(store);
}

struct item {
    uint64_t key, value;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *one = a, *other = b;

    if (one->key != other->key)
        return one->key < other->key ? -1 : 1;
    return (one->value > other->value) - (one->value < other->value);
}

/* Keys that are few, and keys of all lengths; so many that they lie in huge pages. */
static void test_sort(void)
{
    const size_t n = 150000;
    struct item *items = g_new(struct item, n), *expected = g_new(struct item, n);
    uint64_t *keys = g_new(uint64_t, n);
    GRand *rand = g_rand_new_with_seed(2971);

    imapid_radix_sort(NULL, 0, 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

        expected[i] = items[i] = (struct item){i & 1 ? key >> key % 64 : key & 0xff00000007, i};
        keys[i] = items[i].key;
    }
    qsort(expected, n, sizeof *expected, compare_items);
    imapid_radix_sort(&items->key, n, 2);
    imapid_radix_sort(keys, n, 1);
    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(items[i].key, ==, expected[i].key);
        g_assert_cmpuint(items[i].value, ==, expected[i].value);
        g_assert_cmpuint(keys[i], ==, expected[i].key);
    }
    g_rand_free(rand);
    g_free(keys);
    g_free(items);
    g_free(expected);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/survey/rows", test_survey);
    g_test_add_func("/survey/empty", test_empty);
    g_test_add_func("/survey/sort", test_sort);
    return g_test_run();
}
