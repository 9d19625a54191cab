/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spellings of one product: the built-in table, one that a user adds, and what is refused of it. */
#include "answer/fold.h"
#include "sample.h"

#include <glib/gstdio.h>
#include <string.h>

static void check_value(const struct imapid_fold *fold, enum imapid_field field, const char *octets,
                        size_t n, const char *want)
{
    struct imapid_record_string string = {.octets = (const uint8_t *)octets, .n = n};
    char *value = imapid_fold_value(fold, field, &string);

    g_assert_cmpstr(value, ==, want);
    g_free(value);
}

#define ASSERT_VALUE(fold, field, octets, want)                                                    \
    check_value(fold, IMAPID_FIELD_##field, octets, sizeof(octets) - 1, want)

static void test_table(void)
{
    struct imapid_fold *fold = imapid_fold_new();

    ASSERT_VALUE(fold, NAME, "Mozilla Thunderbird", "Thunderbird");
    ASSERT_VALUE(fold, NAME, "  mozilla \t THUNDERBIRD ", "Thunderbird");
    ASSERT_VALUE(fold, NAME, "Mozilla Thunderbird 2", "Mozilla Thunderbird 2");
    ASSERT_VALUE(fold, OS, "Mozilla Thunderbird", "Mozilla Thunderbird");
    ASSERT_VALUE(fold, NAME, "a\0b", "a b");
    ASSERT_VALUE(fold, NAME, "\xff", "\xef\xbf\xbd");
    ASSERT_VALUE(fold, NAME, "", "");
    imapid_fold_free(fold);
    imapid_fold_free(NULL);
}

static void test_key(void)
{
    char *one = imapid_fold_key("M\xc3\x9cTT"), *other = imapid_fold_key("mu\xcc\x88tt");

    g_assert_cmpstr(one, ==, other);
    g_free(one);
    g_free(other);
}

/* Reads a table; returns its message, NULL where it was taken. */
static char *read_table(struct imapid_fold *fold, const char *text, size_t n)
{
    char *path, *message = NULL;
    int fd = g_file_open_tmp("fold-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_true(g_file_set_contents(path, text, (gssize)n, NULL));
    g_assert_true(imapid_fold_read(fold, path, &message) == !message);
    g_unlink(path);
    g_free(path);
    return message;
}

static void test_read(void)
{
    static const char text[] = "\xef\xbb\xbf# ours\n\n name : Mutt* = Mutt family \r\n"
                               "Name: Mozilla Thunderbird = TB\nname: TB = never\nname: Mutt x = "
                               "never\nVersion: 1 = one=1\n";
    struct imapid_fold *fold = imapid_fold_new();

    g_assert_null(read_table(fold, text, sizeof text - 1));
    ASSERT_VALUE(fold, NAME, "mutt 2.2", "Mutt family");
    ASSERT_VALUE(fold, NAME, "Mutt x", "Mutt family");        /* the first that fits */
    ASSERT_VALUE(fold, NAME, "Mozilla Thunderbird", "TB");    /* before the built-in ones */
    ASSERT_VALUE(fold, NAME, "Microsoft Outlook", "Outlook"); /* which stay */
    ASSERT_VALUE(fold, VERSION, "1", "one=1");
    imapid_fold_free(fold);
}

static void test_refused(void)
{
    static const char *const lines[] = {"# fine\nname Mutt = x\n",    "# fine\nname: Mutt\n",
                                        "# fine\ncolour: Mutt = x\n", "# fine\nname: = x\n",
                                        "# fine\nname: x =\n",        "# fine\n= name: x\n"};
    struct imapid_fold *fold = imapid_fold_new();
    char *message;

    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        message = read_table(fold, lines[i], strlen(lines[i]));
        g_assert_nonnull(message);
        g_assert_nonnull(strstr(message, "line 2"));
        g_free(message);
    }
    message = read_table(fold, "name: \xff = x\n", strlen("name: \xff = x\n"));
    g_assert_nonnull(message);
    g_free(message);
    g_assert_false(imapid_fold_read(fold, "/nowhere/at/all", &message));
    g_assert_nonnull(strstr(message, "/nowhere/at/all"));
    g_free(message);
    imapid_fold_free(fold);
}

static void test_software(void)
{
    struct imapid_fold *fold = imapid_fold_new();
    struct sample *sample = sample_new();
    char *software;

    g_assert_null(imapid_fold_software(fold, &sample->exchange.command));
    sample_pair(sample, IMAPID_CLIENT, "version", "1.0");
    g_assert_null(imapid_fold_software(fold, &sample->exchange.command));
    sample_pair(sample, IMAPID_CLIENT, "NAME", "iPad Mail");
    software = imapid_fold_software(fold, &sample->exchange.command);
    g_assert_cmpstr(software, ==, "iOS Mail 1.0");
    g_free(software);
    sample_pair(sample, IMAPID_SERVER, "name", "Cyrus IMAPD");
    software = imapid_fold_software(fold, &sample->exchange.response);
    g_assert_cmpstr(software, ==, "Cyrus");
    g_free(software);
    sample_free(sample);
    imapid_fold_free(fold);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fold/table", test_table);
    g_test_add_func("/fold/key", test_key);
    g_test_add_func("/fold/read", test_read);
    g_test_add_func("/fold/refused", test_refused);
    g_test_add_func("/fold/software", test_software);
    return g_test_run();
}
