/* SPDX-License-Identifier: GPL-2.0-or-later */
/* html.c: text for HTML. Everything from a capture is hostile.
 *
 * Refuses nothing.
 *
 * Misuse: imapid_html_text() with octets of a capture. It escapes for HTML only; control
 * characters stay. */
#include "answer/html.h"

#include "record/spell.h"

#include <string.h>

static void escape(GString *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        case '"':
            g_string_append(out, "&quot;");
            break;
        case '\'':
            g_string_append(out, "&#39;");
            break;
        case ' ': /* one at the end of a line could get lost where the page is edited or mailed */
            g_string_append(out, i + 1 < n && text[i + 1] == '\n' ? "&#32;" : " ");
            break;
        default:
            g_string_append_c(out, text[i]);
        }
    }
}

void imapid_html_text(GString *out, const char *text)
{
    escape(out, text, strlen(text));
}

void imapid_html_octets(GString *out, const uint8_t *octets, size_t n, size_t max)
{
    GString *spelled = g_string_new(NULL);

    imapid_spell_terminal(spelled, octets, n, max);
    g_string_append(out, "<bdi>");
    escape(out, spelled->str, spelled->len);
    g_string_append(out, "</bdi>");
    g_string_free(spelled, TRUE);
}

void imapid_html_string(GString *out, const struct imapid_record_string *string, size_t max)
{
    if (string->is_nil)
        g_string_append(out, "<i>NIL</i>");
    else
        imapid_html_octets(out, string->octets, string->n, max);
}

void imapid_html_foreign(GString *out, const char *text, size_t max)
{
    imapid_html_octets(out, (const uint8_t *)text, strlen(text), max);
}

void imapid_html_endpoint(GString *out, const struct imapid_endpoint *endpoint)
{
    gsize start = out->len;

    imapid_spell_endpoint(out, endpoint); /* digits, letters, colons, brackets */
    g_string_insert(out, strrchr(out->str + start, ':') - out->str, "<wbr>");
}
