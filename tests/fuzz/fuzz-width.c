/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whatever a stranger wrote, as a cell: no character of it is one that a terminal obeys, it has no more
 * columns than there are, and what stands beside it stays. The input: an octet of columns, one whose
 * lowest bit says whether there is UTF-8, then the octets. */

#include "record/spell.h"
#include "record/width.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const GString *out, bool utf8)
{
    unsigned n_marks = 0;

    g_assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
    for (const char *at = out->str; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        g_assert_true(g_unichar_isprint(c) || g_unichar_iszerowidth(c));
        g_assert_cmpint(g_unichar_type(c), !=, G_UNICODE_FORMAT);
        g_assert_true(utf8 || c < 128);
        n_marks = g_unichar_iszerowidth(c) ? n_marks + 1 : 0;
        g_assert_cmpuint(n_marks, <=, 8); /* at a cut the marks of two characters may meet */
    }
}

static void check_cell(const GString *value, unsigned columns, bool utf8, bool in_middle)
{
    GString *out = g_string_new("|");

    g_string_append_len(out, value->str, (gssize)value->len);
    (in_middle ? imapid_width_cut_middle : imapid_width_cut)(out, 1, columns, utf8);
    g_assert_cmpuint(imapid_width_measure(out->str + 1, out->len - 1), <=, columns);
    check_text(out, utf8);
    imapid_width_fit(out, 1, columns, utf8);
    g_assert_cmpuint(imapid_width_measure(out->str + 1, out->len - 1), ==, columns);
    g_assert_cmpint(out->str[0], ==, '|');
    g_string_free(out, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct imapid_record_string name, version;
    GString *out = g_string_new(NULL);
    unsigned columns = size ? data[0] : 0;
    bool utf8 = size > 1 && data[1] & 1;
    uint8_t *octets;
    size_t n = size > 2 ? size - 2 : 0;

    octets = g_malloc(MAX(n, 1)); /* an exact-size block */
    memcpy(octets, data + size - n, n);
    imapid_spell_value(out, octets, n, utf8);
    check_text(out, utf8);
    check_cell(out, columns, utf8, false);
    check_cell(out, columns, utf8, true);
    g_string_truncate(out, 0);
    name = (struct imapid_record_string){false, octets, n / 2};
    version = (struct imapid_record_string){false, octets + n / 2, n - n / 2};
    imapid_width_add_software(out, &name, &version, columns, utf8);
    g_assert_cmpuint(imapid_width_measure(out->str, out->len), <=, columns);
    check_text(out, utf8);
    g_free(octets);
    g_string_free(out, TRUE);
    return 0;
}
