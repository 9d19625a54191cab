/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which word is meant: letters missing, too many, wrong, swapped; and where none is. */
#include "near.h"

#include <glib.h>

static void check(const char *word, const char *want)
{
    static const char *const words[] = {"format", "filter",  "files-from", "follow",
                                        "fold",   "extract", "check",      "stats",
                                        "report", "by",      "top"};
    struct imapid_near near = {.word = word};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        imapid_near_try(&near, words[i]);
    g_assert_cmpstr(near.best, ==, want);
}

static void test_near(void)
{
    check("fromat", "format");
    check("formt", "format");
    check("forrmat", "format");
    check("Format", "format");
    check("filters", "filter");
    check("file-from", "files-from");
    check("folow", "follow");
    check("stat", "stats");
    check("chekc", "check");
    check("extr", "extract"); /* an abbreviation */
    check("fold", "fold");    /* nearer than "follow" */
    check("tpo", "top");
}

static void test_far(void)
{
    char *wide = g_strnfill(IMAPID_NEAR_MAX + 1, 'f');

    check("", "");
    check("x", "");
    check("bx", "");
    check("nonsense", "");
    check("a.pcap", "");
    check(wide, "");
    g_free(wide);
    wide = g_strnfill(IMAPID_NEAR_MAX, 'f');
    check(wide, "");
    g_free(wide);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/near/near", test_near);
    g_test_add_func("/near/far", test_far);
    return g_test_run();
}
