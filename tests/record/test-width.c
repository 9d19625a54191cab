/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells by display width: measured, cut at the end and in the middle, padded. */
#include "record/spell.h"
#include "record/width.h"

#include <string.h>

#define WIDE     "\xe3\x83\xa1"     /* U+30E1, two columns */
#define ACUTE    "\xcc\x81"         /* U+0301, none */
#define ELLIPSIS "\xe2\x80\xa6"     /* one */
#define FULL_A   "\xef\xbc\xa1"     /* U+FF21, two */
#define EMOJI    "\xf0\x9f\x93\xa7" /* U+1F4E7, two */

static void test_measure(void)
{
    static const struct {
        const char *text;
        gsize columns;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {WIDE WIDE, 4},
        {"e" ACUTE, 1},
        {ELLIPSIS, 1},
        {FULL_A "b", 3},
        {EMOJI, 2},
        {"\xc2\xa7", 1} /* ambiguous */,
        {"\xef\xbd\xb1", 1} /* half width */,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(imapid_width_measure(cases[i].text, strlen(cases[i].text)), ==,
                         cases[i].columns);
}

typedef void cutter(GString *out, gsize start, unsigned columns, bool utf8);

static void check_cut(cutter *cut, const char *text, unsigned columns, bool utf8, const char *want)
{
    GString *out = g_string_new("before " WIDE); /* stays as it is */
    gsize start = out->len;

    g_string_append(out, text);
    cut(out, start, columns, utf8);
    g_assert_cmpstr(out->str + start, ==, want);
    g_assert_true(g_str_has_prefix(out->str, "before " WIDE));
    g_string_free(out, TRUE);
}

static void test_cut(void)
{
    check_cut(imapid_width_cut, "Thunderbird", 11, true, "Thunderbird");
    check_cut(imapid_width_cut, "Thunderbird", 10, true, "Thunderbi" ELLIPSIS);
    check_cut(imapid_width_cut, "Thunderbird", 10, false, "Thunder...");
    check_cut(imapid_width_cut, "Thunderbird", 1, true, ELLIPSIS);
    check_cut(imapid_width_cut, "Thunderbird", 0, true, "");
    check_cut(imapid_width_cut, "Thunderbird", 2, false, "..");
    check_cut(imapid_width_cut, "Thunderbird", 0, false, "");
    check_cut(imapid_width_cut, "", 0, true, "");
    check_cut(imapid_width_cut, WIDE WIDE WIDE, 6, true, WIDE WIDE WIDE);
    check_cut(imapid_width_cut, WIDE WIDE WIDE, 5, true, WIDE WIDE ELLIPSIS);
    check_cut(imapid_width_cut, WIDE WIDE WIDE, 4, true, WIDE ELLIPSIS); /* straddles */
    /* A mark goes with its letter. */
    check_cut(imapid_width_cut, "ae" ACUTE "xyz", 3, true, "ae" ACUTE ELLIPSIS);
    check_cut(imapid_width_cut, "ae" ACUTE "xyz", 2, true, "a" ELLIPSIS);
}

static void test_cut_middle(void)
{
    check_cut(imapid_width_cut_middle, "2001:db8:51::9", 14, true, "2001:db8:51::9");
    check_cut(imapid_width_cut_middle, "2001:db8:99:7:2::1f", 15, true,
              "2001:db" ELLIPSIS "7:2::1f");
    check_cut(imapid_width_cut_middle, "[2001:db8:7:1::1f]:51002", 22, true,
              "[2001:db8:7" ELLIPSIS ":1f]:51002");
    check_cut(imapid_width_cut_middle, "2001:db8:99:7:2::1f", 15, false, "2001:d...:2::1f");
    check_cut(imapid_width_cut_middle, WIDE WIDE WIDE WIDE, 6, true, WIDE ELLIPSIS WIDE);
    check_cut(imapid_width_cut_middle, "abcde" ACUTE "f", 3, true, "a" ELLIPSIS "f");
    check_cut(imapid_width_cut_middle, "abcdef" ACUTE, 3, true, "a" ELLIPSIS "f" ACUTE);
    check_cut(imapid_width_cut_middle, "abcdef", 1, true, ELLIPSIS);
    check_cut(imapid_width_cut_middle, "abcdef", 0, true, "");
}

static void test_pad(void)
{
    check_cut(imapid_width_fit, WIDE WIDE WIDE, 4, true, WIDE ELLIPSIS " ");
    check_cut(imapid_width_fit, "ok", 4, true, "ok  ");
    for (int before = 0; before < 2; before++) {
        GString *out = g_string_new("x");

        g_string_append(out, "e" ACUTE);
        (before ? imapid_width_pad_before : imapid_width_pad)(out, 1, 3);
        g_assert_cmpstr(out->str, ==, before ? "x  e" ACUTE : "xe" ACUTE "  ");
        (before ? imapid_width_pad_before : imapid_width_pad)(out, 1, 2); /* it is wider */
        g_assert_cmpuint(imapid_width_measure(out->str, out->len), ==, 4);
        g_string_free(out, TRUE);
    }
}

static struct imapid_record_string string_of(const char *text)
{
    return (struct imapid_record_string){
        .is_nil = !text, .octets = (const uint8_t *)text, .n = text ? strlen(text) : 0};
}

static void test_software(void)
{
    static const struct {
        const char *name, *version;
        unsigned columns;
        const char *want;
    } cases[] = {
        {"Thunderbird", "128.4.3", 19, "Thunderbird 128.4.3"},
        {"Courier-IMAP", "1.0.16", 15, "Courier" ELLIPSIS " 1.0.16"},
        {"Cyrus IMAPD", "3.8.3", 15, "Cyrus IM" ELLIPSIS " 3.8.3"},
        {"Dovecot", "2.3.19.1", 15, "Dovecot 2.3.19" ELLIPSIS},
        {"PaperBridge Scanner", "2.1.0", 20, "PaperBridge S" ELLIPSIS " 2.1.0"},
        {WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE, "3.2", 20,
         WIDE WIDE WIDE WIDE WIDE WIDE WIDE ELLIPSIS " 3.2"},
        {"A name without a version", NULL, 8, "A name " ELLIPSIS},
        {NULL, "3.0", 8, "3.0"},
        {NULL, NULL, 8, ""},
        {"  ", "1", 8, "\"  \" 1"},
        {"Name", "a version of more columns than there are", 8, "Name a " ELLIPSIS},
        {"Longer name", "1", 4, "Lon" ELLIPSIS},
        {"x", "y", 0, ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct imapid_record_string name = string_of(cases[i].name);
        struct imapid_record_string version = string_of(cases[i].version);
        GString *out = g_string_new("<");

        imapid_width_add_software(out, i % 2 || cases[i].name ? &name : NULL,
                                  cases[i].version ? &version : NULL, cases[i].columns, true);
        g_assert_cmpstr(out->str + 1, ==, cases[i].want);
        g_string_free(out, TRUE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/width/measure", test_measure);
    g_test_add_func("/width/cut", test_cut);
    g_test_add_func("/width/cut-middle", test_cut_middle);
    g_test_add_func("/width/pad", test_pad);
    g_test_add_func("/width/software", test_software);
    return g_test_run();
}
