/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans from anywhere. What has no end gets one whose digest is right. Of what is read every unit has its
 * number, its files and a share, and its sections come to an end. */

#include "message.h"
#include "plan.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_messages;

/* In place of the program's: what is said is counted. */
void imapid_message(const char *format, ...)
{
    (void)format;
    n_messages++;
}

static struct imapid_plan *read_octets(const char *octets, size_t n)
{
    int fd = memfd_create("plan", MFD_CLOEXEC);
    char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    struct imapid_plan *plan;

    g_assert_cmpint(write(fd, octets, n), ==, (ssize_t)n);
    n_messages = 0;
    plan = imapid_plan_read(path);
    g_assert_cmpuint(n_messages, ==, plan ? 0 : 1);
    (void)close(fd);
    g_free(path);
    return plan;
}

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
    char digest[65];

    if (!strstr(text->str, "sha256")) {
        imapid_plan_spell_digest(text->str, text->len, digest);
        g_string_append_printf(text, "{\"type\":\"end\",\"sha256\":\"%s\"}\n", digest);
    }
    plan = read_octets(text->str, text->len);
    if (plan) {
        check_shares(plan);
        check_units(plan);
    }
    imapid_plan_free(plan);
    g_string_free(text, TRUE);
    return 0;
}
