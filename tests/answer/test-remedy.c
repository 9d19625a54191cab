/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What would be right: only where it follows from what was sent. */
#include "answer/remedy.h"
#include "sample.h"

#include <string.h>

/* One client's list: as sent, the pairs that were read of it, the fault; and what is right, and marked. */
static const struct {
    enum imapid_finding_code code;
    const char *raw;
    const char *pairs[6]; /* field, value ("" is NIL) */
    const char *right;    /* NULL: nothing is said */
    const char *mark;
} all[] = {
    {IMAPID_FINDING_MISSING_VALUE,
     "a1 ID (\"name\" \"Mutt\" \"os\")",
     {"name", "Mutt", "os", ""},
     "a1 ID (\"name\" \"Mutt\" \"os\" NIL)",
     "\"os\""},
    {IMAPID_FINDING_NOT_A_STRING,
     "a1 ID (name Mutt)",
     {"name", "Mutt"},
     "a1 ID (\"name\" \"Mutt\")",
     "name Mutt"},
    {IMAPID_FINDING_BAD_SPACING,
     "a1 ID (\"name\"  \"Mutt\")",
     {"name", "Mutt"},
     "a1 ID (\"name\" \"Mutt\")",
     " "},
    {IMAPID_FINDING_UNBALANCED_LIST,
     "a1 ID (\"name\" \"Mutt\"",
     {"name", "Mutt"},
     "a1 ID (\"name\" \"Mutt\")",
     "\"Mutt\""},
    {IMAPID_FINDING_TRAILING_DATA,
     "a1 ID (\"name\" \"Mutt\") x",
     {"name", "Mutt"},
     "a1 ID (\"name\" \"Mutt\")",
     " x"},
    {IMAPID_FINDING_BAD_STRING,
     "a1 ID (\"name\" \"M\"tt\")",
     {"name", "M\"tt"},
     "a1 ID (\"name\" \"M\\\"tt\")",
     NULL},
    {IMAPID_FINDING_DUPLICATE_FIELD,
     NULL,
     {"name", "Mutt", "NAME", "Pine"},
     "a1 ID (\"name\" \"Mutt\")",
     "\"NAME\" \"Pine\""},
    {IMAPID_FINDING_MISSING_ARGUMENTS, "a1 ID", {NULL}, "a1 ID NIL", NULL},
    /* nobody knows */
    {IMAPID_FINDING_UNBALANCED_LIST, "a1 ID LOGIN", {"LOGIN", ""}, NULL, NULL},
    {IMAPID_FINDING_UNBALANCED_LIST, "a1 ID )", {NULL}, NULL, NULL},
    {IMAPID_FINDING_NOT_A_STRING,
     "a1 ID (name Mutt more)",
     {"name", "Mutt"},
     NULL,
     NULL}, /* octets would be lost */
    {IMAPID_FINDING_NOT_ASCII,
     "a1 ID (\"name\" \"M\xc3\xbctt\")",
     {"name", "M\xc3\xbctt"},
     NULL,
     "name"},
    {IMAPID_FINDING_UNIQUE_IDENTIFIER, NULL, {"name", "Mutt"}, NULL, "\"name\" \"Mutt\""},
};

static void check(size_t i)
{
    struct sample *sample = sample_new();
    const char *about = all[i].code == IMAPID_FINDING_DUPLICATE_FIELD ||
                                all[i].code == IMAPID_FINDING_NOT_ASCII ||
                                all[i].code == IMAPID_FINDING_UNIQUE_IDENTIFIER
                            ? "name"
                            : NULL;
    struct imapid_store *store = imapid_store_new();
    struct imapid_fold *fold = imapid_fold_new();
    struct imapid_item_reading reading = {.change = NULL};
    struct imapid_store_view view;
    struct imapid_items items;
    struct imapid_remedy remedy;

    sample->exchange.command.has_list = all[i].pairs[0] != NULL;
    for (unsigned k = 0; all[i].pairs[k]; k += 2)
        sample_pair(sample, IMAPID_CLIENT, all[i].pairs[k],
                    *all[i].pairs[k + 1] ? all[i].pairs[k + 1] : NULL);
    if (all[i].raw)
        sample_raw(sample, IMAPID_CLIENT, all[i].raw);
    sample_finding(sample, all[i].code, IMAPID_CLIENT, about);
    imapid_store_add_exchange(store, &sample->exchange);
    view = imapid_store_settle(store);
    items = imapid_items_find(&view, fold, 0);
    imapid_remedy_find(
        &remedy,
        imapid_items_read(&items, &g_array_index(items.list, struct imapid_item_ref, 0), &reading));
    g_assert_cmpstr(remedy.right->str, ==, all[i].right ? all[i].right : "");
    if (all[i].raw)
        g_assert_cmpstr(remedy.seen->str, ==, all[i].raw);
    if (all[i].mark) {
        g_assert_cmpuint(remedy.n_mark, ==, strlen(all[i].mark));
        g_assert_cmpmem(remedy.seen->str + remedy.mark, remedy.n_mark, all[i].mark,
                        strlen(all[i].mark));
    }
    imapid_remedy_deinit(&remedy);
    imapid_items_reading_deinit(&reading);
    imapid_items_free(&items);
    imapid_fold_free(fold);
    imapid_store_free(store);
    sample_free(sample);
}

static void test_right(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        check(i);
}

/* Each finding says for whom it is to act, and what. */
static void test_todo(void)
{
    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        for (int side = 0; side < 2; side++) {
            GString *out = g_string_new(NULL);

            imapid_remedy_spell(out, (enum imapid_finding_code)i, (enum imapid_side)side);
            g_assert_true(g_str_has_prefix(out->str, "For "));
            g_assert_true(g_str_has_suffix(out->str, "."));
            g_assert_null(strstr(out->str, "(null)"));
            g_string_free(out, TRUE);
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/remedy/right", test_right);
    g_test_add_func("/remedy/todo", test_todo);
    return g_test_run();
}
