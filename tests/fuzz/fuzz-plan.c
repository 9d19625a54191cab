/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans from anywhere. What has no end gets one whose digest is right. Of what is read every unit has its
 * number, its files and a share, and its sections come to an end. */

#include "plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shares(const struct imapid_plan *plan)
{
    for (guint n = 1; n <= 4; n++) {
        guint *shares = imapid_plan_share(plan, n);

        for (guint i = 0; i < plan->units->len; i++)
            g_assert_cmpuint(shares[i], <, n);
        g_free(shares);
    }
}

static void check_units(const struct imapid_plan *plan)
{
    for (guint i = 0; i < plan->units->len; i++) {
        const struct imapid_plan_unit *unit = plan->units->pdata[i];
        guint n_sections = 0;

        g_assert_cmpuint(unit->number, ==, i + 1);
        g_assert_cmpuint(unit->n_files, >, 0);
        for (guint k = 0; k < unit->n_files; k++)
            g_assert_nonnull(unit->files[k]);
        for (; unit; unit = unit->next)
            g_assert_cmpuint(n_sections++, <, plan->units->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GString *text = g_string_new_len((const char *)data, (gssize)size);
    struct imapid_plan *plan;
    char *why_not, digest[65];

    if (!strstr(text->str, "sha256")) {
        imapid_plan_spell_digest(text->str, text->len, digest);
        g_string_append_printf(text, "{\"type\":\"end\",\"sha256\":\"%s\"}\n", digest);
    }
    plan = imapid_plan_parse(text->str, text->len, &why_not);
    g_assert_true(!plan == !!why_not);
    if (plan) {
        check_shares(plan);
        check_units(plan);
    }
    imapid_plan_free(plan);
    g_free(why_not);
    g_string_free(text, TRUE);
    return 0;
}
