/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redact-value.c: one field name or value. The rule is what stays, not what goes: a field that no
 * table names is replaced. Misuse: redacting twice; it gives other pseudonyms. */
#include "record/redact-value.h"

#include <string.h>

struct imapid_redact_values {
    const struct imapid_pseudonyms *pseudonyms;
    GRegex *identifiers; /* mail addresses, UUIDs, MAC addresses */
    GRegex *mail;
    GRegex *addresses; /* what may be an IP address */
    GRegex *tokens;
    GRegex *url_tokens; /* the same in a URL, where slashes part words */
    GRegex *user;       /* of a URL */
    GRegex *query;      /* and fragment */
};

enum how {
    HOW_TEXT,
    HOW_VERSION,
    HOW_URL,
    HOW_DATE,
    HOW_NUMBER,
    HOW_ADDRESS,
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

/* ---- inside texts that stay ---- */

static gboolean replace_identifier(const GMatchInfo *match, GString *out, void *user_data)
{
    const struct imapid_redact_values *values = user_data;
    char *text = g_match_info_fetch(match, 0);
    char *lower = g_ascii_strdown(text, -1);

    if (g_regex_match(values->mail, text, 0, NULL)) {
        g_string_append(out, "redacted-");
        imapid_pseudonyms_add_hex(values->pseudonyms, out, "mail", lower, strlen(lower));
        g_string_append(out, "@redacted.invalid");
    } else {
        imapid_pseudonyms_add_token(values->pseudonyms, out, lower, strlen(lower));
    }
    g_free(text);
    g_free(lower);
    return FALSE;
}

static gboolean replace_token(const GMatchInfo *match, GString *out, void *user_data)
{
    const struct imapid_redact_values *values = user_data;
    char *text = g_match_info_fetch(match, 0);

    if (strpbrk(text, "0123456789"))
        imapid_pseudonyms_add_token(values->pseudonyms, out, text, strlen(text));
    else
        g_string_append(out, text);
    g_free(text);
    return FALSE;
}

static gboolean replace_address(const GMatchInfo *match, GString *out, void *user_data)
{
    const struct imapid_redact_values *values = user_data;
    char *text = g_match_info_fetch(match, 0);

    if (!imapid_pseudonyms_add_address(values->pseudonyms, out, text, strlen(text)))
        g_string_append(out, text);
    g_free(text);
    return FALSE;
}

static gboolean remove_user(const GMatchInfo *match, GString *out, void *user_data)
{
    (void)match;
    (void)user_data;
    g_string_append(out, "//");
    return FALSE;
}

static gboolean replace_query(const GMatchInfo *match, GString *out, void *user_data)
{
    const struct imapid_redact_values *values = user_data;
    char *text = g_match_info_fetch(match, 0);

    g_string_append_c(out, text[0]);
    imapid_pseudonyms_add_token(values->pseudonyms, out, text, strlen(text));
    g_free(text);
    return FALSE;
}

static void replace(const struct imapid_redact_values *values, GString *text, const GRegex *regex,
                    GRegexEvalCallback by)
{
    char *replaced =
        g_regex_replace_eval(regex, text->str, (gssize)text->len, 0, 0, by, (void *)values, NULL);

    /* A pattern that gave up has found nothing: nothing stays. */
    g_string_assign(text, replaced ? replaced : "redacted");
    g_free(replaced);
}

/* A version may look like an address, and have a long token: the commit it was built from. */
static void redact_text(const struct imapid_redact_values *values, GString *text, enum how how)
{
    replace(values, text, values->user, remove_user);
    if (how == HOW_URL)
        replace(values, text, values->query, replace_query);
    replace(values, text, values->identifiers, replace_identifier);
    if (how == HOW_VERSION)
        return;
    replace(values, text, values->addresses, replace_address);
    replace(values, text, how == HOW_URL ? values->url_tokens : values->tokens, replace_token);
}

/* ---- pairs ---- */

/* The rule of a field; NULL where no table knows it. */
static const char *find_rule(const struct imapid_record_string *field, enum how *how)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (!field->is_nil && field->n == strlen(rules[i].field) &&
            !g_ascii_strncasecmp((const char *)field->octets, rules[i].field, field->n)) {
            *how = rules[i].how;
            return rules[i].field;
        }
    *how = HOW_TOKEN;
    return NULL;
}

static bool is_short_number(const struct imapid_record_string *value)
{
    for (size_t i = 0; i < value->n; i++)
        if (!g_ascii_isdigit((gchar)value->octets[i]))
            return false;
    return value->n <= 5;
}

void imapid_redact_values_add_name(const struct imapid_redact_values *values, GString *out,
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
    imapid_pseudonyms_add_hex(values->pseudonyms, out, "field", lower, field->n);
    g_free(lower);
}

void imapid_redact_values_add_value(const struct imapid_redact_values *values, GString *out,
                                    const struct imapid_record_pair *pair)
{
    const struct imapid_record_string *value = &pair->value;
    GString *text;
    enum how how;

    find_rule(&pair->field, &how);
    if (how == HOW_TOKEN || memchr(value->octets, '\0', value->n) ||
        (how == HOW_NUMBER && !is_short_number(value))) {
        imapid_pseudonyms_add_token(values->pseudonyms, out, value->octets, value->n);
        return;
    }
    if (how == HOW_ADDRESS) {
        if (!imapid_pseudonyms_add_address(values->pseudonyms, out, value->octets, value->n))
            imapid_pseudonyms_add_token(values->pseudonyms, out, value->octets, value->n);
        return;
    }
    text = g_string_new_len((const char *)value->octets, (gssize)value->n);
    if (how != HOW_NUMBER)
        redact_text(values, text, how);
    g_string_append_len(out, text->str, (gssize)text->len);
    g_string_free(text, TRUE);
}

/* ---- patterns ---- */

/* Octets over 127 are letters of some alphabet (RFC 6531); the sign may be escaped as in a URL; a
 * domain may be an address in brackets. */
#define NOT_LOCAL "\\s\"<>(),:;@/\\\\\\[\\]"
#define DOMAIN    "(?:[A-Za-z0-9\\x80-\\xff-]++(?:\\.[A-Za-z0-9\\x80-\\xff-]++)*+|\\[[^\\]\\s]*+\\])"
#define MAIL      "(?:(?<![^" NOT_LOCAL "])|(?<=%40))(?:[^%" NOT_LOCAL "]|%(?!40))++(?:@|%40)" DOMAIN
#define UUID      "(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
#define MAC       "(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])"
#define IP4       "(?<![\\d.])\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\d])"
#define IP6       "(?<![\\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f.]{0,15}(?![\\w:])"

static GRegex *compile(const char *pattern)
{
    return g_regex_new(pattern, G_REGEX_RAW | G_REGEX_OPTIMIZE, 0, NULL);
}

struct imapid_redact_values *imapid_redact_values_new(const struct imapid_pseudonyms *pseudonyms)
{
    struct imapid_redact_values *values = g_new0(struct imapid_redact_values, 1);

    values->pseudonyms = pseudonyms;
    values->identifiers = compile(MAIL "|" UUID "|" MAC);
    values->mail = compile("@|%40");
    values->addresses = compile(IP4 "|" IP6);
    values->tokens = compile("(?<![\\w=+/-])[\\w=+/-]{24,}+");
    values->url_tokens = compile("(?<![\\w=+-])[\\w=+-]{24,}+");
    values->user = compile("//[^/?#@\\s]*+@");
    values->query = compile("(?s)[?#].++");
    return values;
}

void imapid_redact_values_free(struct imapid_redact_values *values)
{
    if (!values)
        return;
    g_regex_unref(values->identifiers);
    g_regex_unref(values->mail);
    g_regex_unref(values->addresses);
    g_regex_unref(values->tokens);
    g_regex_unref(values->url_tokens);
    g_regex_unref(values->user);
    g_regex_unref(values->query);
    g_free(values);
}
