/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redact-value.c: redacts one field name or value. The rule says what stays, not what goes: a
 * field in no table, and a value that is not of a harmless shape, is replaced as a whole.
 *
 * Refuses nothing.
 *
 * Misuse: redacting twice. It gives other pseudonyms. */
#include "record/redact-value.h"

#include "record/redact-shape.h"

#include <string.h>

enum how {
    HOW_NAME,
    HOW_VERSION,
    HOW_DATE,
    HOW_URL,
    HOW_NUMBER,
    HOW_TOKEN,
};

static const struct {
    const char *field;
    enum how how;
} rules[] = {
#define IMAPID_REDACT(field, how) {field, HOW_##how},
#include "record/redact.def"
#undef IMAPID_REDACT
};

/* The rule of a field; false where no table knows it. */
static bool find_rule(const struct imapid_record_string *field, enum how *how)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (!field->is_nil && field->n == strlen(rules[i].field) &&
            !g_ascii_strncasecmp((const char *)field->octets, rules[i].field, field->n)) {
            *how = rules[i].how;
            return true;
        }
    *how = HOW_TOKEN;
    return false;
}

static bool is_short_number(const struct imapid_record_string *value)
{
    for (size_t i = 0; i < value->n; i++)
        if (!g_ascii_isdigit((gchar)value->octets[i]))
            return false;
    return value->n <= 5;
}

static bool is_harmless(const struct imapid_record_string *value, enum how how)
{
    switch (how) {
    case HOW_URL: /* or the name of a page */
    case HOW_NAME:
        return imapid_shape_is_harmless(IMAPID_SHAPE_NAME, value->octets, value->n);
    case HOW_VERSION:
        return imapid_shape_is_harmless(IMAPID_SHAPE_VERSION, value->octets, value->n);
    case HOW_DATE:
        return imapid_shape_is_harmless(IMAPID_SHAPE_DATE, value->octets, value->n);
    case HOW_NUMBER:
        return is_short_number(value);
    case HOW_TOKEN:
        break;
    }
    return !value->n;
}

/* Is it one mail address and nothing else? */
static bool is_mail(const struct imapid_record_string *value)
{
    const uint8_t *at = memchr(value->octets, '@', value->n);

    if (!at || at == value->octets || at == value->octets + value->n - 1)
        return false;
    for (size_t i = 0; i < value->n; i++)
        if (value->octets[i] <= ' ' || strchr("\"<>(),:;\\", value->octets[i]) ||
            (value->octets[i] == '@' && value->octets + i != at))
            return false;
    return true;
}

/* An address becomes another one, a mail address too, everything else a token. */
static void add_pseudonym(const struct imapid_pseudonyms *pseudonyms, GString *out,
                          const struct imapid_record_string *value)
{
    char *lower;

    if (imapid_pseudonyms_add_address(pseudonyms, out, value->octets, value->n))
        return;
    if (!is_mail(value)) {
        imapid_pseudonyms_add_token(pseudonyms, out, value->octets, value->n);
        return;
    }
    lower = g_ascii_strdown((const char *)value->octets, (gssize)value->n);
    g_string_append(out, "redacted-");
    imapid_pseudonyms_add_hex(pseudonyms, out, "mail", lower, value->n);
    g_string_append(out, "@redacted.invalid");
    g_free(lower);
}

/* Its user goes, and all from the first step on that is not harmless. In a name a host alone is
 * somebody's. */
static bool add_url(const struct imapid_pseudonyms *pseudonyms, GString *out,
                    const struct imapid_record_string *value, enum how how)
{
    const char *text = (const char *)value->octets;
    struct imapid_shape_url url;

    if ((how != HOW_URL && how != HOW_NAME) ||
        !imapid_shape_read_url(&url, value->octets, value->n) || (how == HOW_NAME && !url.n_scheme))
        return false;
    g_string_append_len(out, text, (gssize)url.n_scheme);
    g_string_append_len(out, text + url.host, (gssize)(url.end - url.host));
    if (url.end < value->n && strchr("?#", text[url.end]))
        g_string_append_c(out, text[url.end]);
    imapid_pseudonyms_add_token(pseudonyms, out, text + url.end, value->n - url.end);
    return true;
}

void imapid_redact_add_name(const struct imapid_pseudonyms *pseudonyms, GString *out,
                            const struct imapid_record_string *field)
{
    enum how how;
    char *lower;

    if (find_rule(field, &how) || !field->n) {
        g_string_append_len(out, (const char *)field->octets, (gssize)field->n);
        return;
    }
    lower = g_ascii_strdown((const char *)field->octets, (gssize)field->n);
    g_string_append(out, "field-");
    imapid_pseudonyms_add_hex(pseudonyms, out, "field", lower, field->n);
    g_free(lower);
}

void imapid_redact_add_value(const struct imapid_pseudonyms *pseudonyms, GString *out,
                             const struct imapid_record_pair *pair)
{
    const struct imapid_record_string *value = &pair->value;
    enum how how;

    find_rule(&pair->field, &how);
    if (is_harmless(value, how))
        g_string_append_len(out, (const char *)value->octets, (gssize)value->n);
    else if (!add_url(pseudonyms, out, value, how))
        add_pseudonym(pseudonyms, out, value);
}
