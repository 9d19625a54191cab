/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings with their evidence: the right octets of the right half, in an order that does not
 * depend on luck. */
#include "answer/items.h"
#include "sample.h"

#include <string.h>

struct found {
    struct imapid_store *store;
    struct imapid_fold *fold;
    struct imapid_store_view view;
    struct imapid_items items;
};

/* The items point to found->view: it must not move. */
static void find(struct found *found, struct sample *sample, uint64_t ignored)
{
    found->store = imapid_store_new();
    found->fold = imapid_fold_new();
    imapid_store_add_exchange(found->store, &sample->exchange);
    sample_free(sample);
    found->view = imapid_store_settle(found->store);
    found->items = imapid_items_find(&found->view, found->fold, ignored);
}

static void deinit(struct found *found)
{
    imapid_items_free(&found->items);
    imapid_fold_free(found->fold);
    imapid_store_free(found->store);
}

/* The evidence of the only item. */
static void check(struct found *found, enum imapid_finding_code code, uint64_t frame,
                  const char *software, const char *evidence)
{
    struct imapid_item_reading reading = {.change = NULL};
    const struct imapid_item *item;
    GString *out = g_string_new(NULL);

    g_assert_cmpuint(found->items.list->len, ==, 1);
    item = imapid_items_read(
        &found->items, &g_array_index(found->items.list, struct imapid_item_ref, 0), &reading);
    g_assert_cmpint(item->code, ==, code);
    g_assert_cmpuint(item->frame, ==, frame);
    g_assert_cmpstr(item->software, ==, software);
    g_assert_cmpstr(item->file, ==, "a.pcap");
    imapid_items_spell_evidence(out, item, 0);
    g_assert_cmpstr(out->str, ==, evidence);
    g_string_free(out, TRUE);
    imapid_items_reading_deinit(&reading);
    deinit(found);
}

static void test_field(void)
{
    struct sample *sample = sample_new();
    struct found found;

    sample_pair(sample, IMAPID_CLIENT, "name", "Mutt");
    sample_pair(sample, IMAPID_CLIENT, "OS", "x\ny");
    sample_finding(sample, IMAPID_FINDING_UNIQUE_IDENTIFIER, IMAPID_CLIENT, "os");
    find(&found, sample, 0);
    check(&found, IMAPID_FINDING_UNIQUE_IDENTIFIER, 4, "Mutt", "os \"x\\u000ay\"");
}

static void test_which_value(void)
{
    struct sample *sample = sample_new();
    struct found found;

    /* of duplicates the second is the one too many; else the longest is meant */
    sample_pair(sample, IMAPID_SERVER, "os", "a longer one");
    sample_pair(sample, IMAPID_SERVER, "os", "b");
    sample_finding(sample, IMAPID_FINDING_DUPLICATE_FIELD, IMAPID_SERVER, "os");
    find(&found, sample, 0);
    check(&found, IMAPID_FINDING_DUPLICATE_FIELD, 5, NULL, "os \"b\"");
    sample = sample_new();
    sample_pair(sample, IMAPID_SERVER, "os", "a longer one");
    sample_pair(sample, IMAPID_SERVER, "os", "b");
    sample_finding(sample, IMAPID_FINDING_VALUE_TOO_LONG, IMAPID_SERVER, "os");
    find(&found, sample, 0);
    check(&found, IMAPID_FINDING_VALUE_TOO_LONG, 5, NULL, "os \"a longer one\"");
}

static void test_form_and_result(void)
{
    struct sample *sample = sample_new();
    struct found found;

    sample_raw(sample, IMAPID_CLIENT, "a1 ID (\"name\"");
    sample_finding(sample, IMAPID_FINDING_UNBALANCED_LIST, IMAPID_CLIENT, NULL);
    find(&found, sample, 0);
    check(&found, IMAPID_FINDING_UNBALANCED_LIST, 4, NULL, "a1 ID (\"name\"");
    sample = sample_new();
    sample->exchange.status = IMAPID_STATUS_NO;
    sample_finding(sample, IMAPID_FINDING_REFUSED, IMAPID_SERVER, NULL);
    find(&found, sample, 0);
    check(&found, IMAPID_FINDING_REFUSED, 6, NULL, "ID completed");
}

static void test_ignored(void)
{
    struct sample *sample = sample_new();
    struct found found;

    sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, NULL);
    find(&found, sample, UINT64_C(1) << IMAPID_FINDING_CLEARTEXT);
    g_assert_cmpuint(found.items.n_ignored, ==, 1);
    g_assert_cmpuint(found.items.n_by_severity[IMAPID_SEVERITY_NOTE], ==, 0);
    g_assert_cmpuint(found.items.n_by_severity[IMAPID_SEVERITY_WARNING], ==, 1);
    check(&found, IMAPID_FINDING_NOT_ASCII, 4, NULL, "");
}

static int compare_codes(const void *a, const void *b, void *items)
{
    (void)items;
    return ((const struct imapid_item_ref *)a)->code - ((const struct imapid_item_ref *)b)->code;
}

static bool is_client(const struct imapid_item_ref *ref)
{
    return ref->side == IMAPID_CLIENT;
}

static int compare_nothing(const void *a, const void *b, void *items)
{
    (void)a;
    (void)b;
    (void)items;
    return 0;
}

static int compare_sides(const void *a, const void *b, void *items)
{
    (void)items;
    return ((const struct imapid_item_ref *)a)->side - ((const struct imapid_item_ref *)b)->side;
}

/* What an order does not tell apart stays as it came, whatever else it differs in. */
static void test_sort_keeps_order(void)
{
    static const struct {
        enum imapid_finding_code code;
        enum imapid_side side;
    } of[] = {{IMAPID_FINDING_NOT_ASCII, IMAPID_SERVER}, {IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT},
              {IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT}, {IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT},
              {IMAPID_FINDING_NOT_ASCII, IMAPID_SERVER}, {IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT}};
    static const unsigned by_side[] = {1, 2, 3, 5, 0, 4};
    struct sample *sample = sample_new();
    struct found found;
    GArray *sorted;

    for (size_t i = 0; i < G_N_ELEMENTS(of); i++)
        sample_finding(sample, of[i].code, of[i].side, NULL);
    find(&found, sample, 0);
    sorted = imapid_items_sort(&found.items, NULL, compare_nothing);
    g_assert_cmpuint(sorted->len, ==, G_N_ELEMENTS(of));
    for (guint i = 0; i < sorted->len; i++)
        g_assert_cmpuint(g_array_index(sorted, struct imapid_item_ref, i).which, ==, i);
    g_array_unref(sorted);
    sorted = imapid_items_sort(&found.items, NULL, compare_sides);
    for (guint i = 0; i < sorted->len; i++)
        g_assert_cmpuint(g_array_index(sorted, struct imapid_item_ref, i).which, ==, by_side[i]);
    g_array_unref(sorted);
    deinit(&found);
}

static void test_sort(void)
{
    struct sample *sample = sample_new();
    struct found found;
    GArray *sorted;

    sample_finding(sample, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT, NULL);
    sample_finding(sample, IMAPID_FINDING_NOT_ASCII, IMAPID_CLIENT, NULL);
    sample_finding(sample, IMAPID_FINDING_BARE_NEWLINE, IMAPID_SERVER, NULL);
    find(&found, sample, 0);
    sorted = imapid_items_sort(&found.items, is_client, compare_codes);
    g_assert_cmpuint(sorted->len, ==, 2);
    g_assert_cmpint(g_array_index(sorted, struct imapid_item_ref, 0).code, ==,
                    IMAPID_FINDING_NOT_ASCII);
    g_array_unref(sorted);
    sorted = imapid_items_sort(&found.items, NULL, compare_codes);
    g_assert_cmpuint(sorted->len, ==, 3);
    g_array_unref(sorted);
    deinit(&found);
}

/* A connection on which two programs spoke is one of the kind, and one of each program. */
static void test_kinds(void)
{
    const struct imapid_item_ref refs[] = {
        {.conn = 0, .software = 1, .code = IMAPID_FINDING_BAD_STRING},
        {.conn = 1, .software = 1, .code = IMAPID_FINDING_BAD_STRING},
        {.conn = 0, .software = 2, .code = IMAPID_FINDING_BAD_STRING},
        {.conn = 0, .software = 1, .code = IMAPID_FINDING_BAD_STRING, .side = IMAPID_SERVER},
        {.conn = 2, .software = 1, .code = IMAPID_FINDING_BAD_STRING, .side = IMAPID_SERVER},
        {.conn = 3, .software = 1, .code = IMAPID_FINDING_BAD_STRING, .side = IMAPID_SERVER},
    };
    GArray *sorted = g_array_new(FALSE, FALSE, sizeof refs[0]), *kinds;
    const struct imapid_item_kind *kind;
    uint32_t seen[4] = {0};

    g_array_append_vals(sorted, refs, G_N_ELEMENTS(refs));
    kinds = imapid_items_list_kinds(sorted, 4);
    g_assert_cmpuint(kinds->len, ==, 2);
    kind = &g_array_index(kinds, struct imapid_item_kind, 0);
    g_assert_cmpuint(kind->first, ==, 3);
    g_assert_cmpuint(kind->end, ==, 6);
    g_assert_cmpuint(kind->n_conns, ==, 3);
    kind++;
    g_assert_cmpuint(kind->first, ==, 0);
    g_assert_cmpuint(kind->n_conns, ==, 2);
    g_assert_cmpuint(imapid_items_mark_conns(sorted, 0, 2, seen, 1), ==, 2);
    g_assert_cmpuint(imapid_items_mark_conns(sorted, 2, 3, seen, 1), ==, 0);
    g_array_unref(kinds);
    g_array_unref(sorted);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/items/field", test_field);
    g_test_add_func("/items/which-value", test_which_value);
    g_test_add_func("/items/form-and-result", test_form_and_result);
    g_test_add_func("/items/ignored", test_ignored);
    g_test_add_func("/items/sort", test_sort);
    g_test_add_func("/items/sort-keeps-order", test_sort_keeps_order);
    g_test_add_func("/items/kinds", test_kinds);
    return g_test_run();
}
