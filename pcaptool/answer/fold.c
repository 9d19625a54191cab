/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fold.c: spellings of one product counted as one. The first line that fits a value decides; what
 * it is counted as is not looked up again, so no table can run in circles. Refused: a line with no
 * ":" or "=", a field that RFC 2971 does not define.
 *
 * Misuse: comparing folded values as they are; imapid_fold_key() ignores case. */
#include "answer/fold.h"

#include "record/spell.h"

#include <string.h>

/* A table longer than this is some other file. */
#define LINES_MAX 100000

struct rule {
    enum imapid_field field;
    char *spelling; /* key; without its "*" */
    bool any_rest;
    char *product;
};

struct imapid_fold {
    GPtrArray *rules; /* in the order in which they are tried */
};

static void free_rule(void *data)
{
    struct rule *rule = data;

    g_free(rule->spelling);
    g_free(rule->product);
    g_free(rule);
}

/* Controls and runs of spaces become one space, none at the ends. */
static char *collapse(const char *text)
{
    GString *out = g_string_new(NULL);
    bool space = false;

    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (g_unichar_isspace(c) || g_unichar_iscntrl(c)) {
            space = out->len > 0;
            continue;
        }
        if (space)
            g_string_append_c(out, ' ');
        space = false;
        g_string_append_unichar(out, c);
    }
    return g_string_free(out, FALSE);
}

char *imapid_fold_key(const char *value)
{
    char *normal = g_utf8_normalize(value, -1, G_NORMALIZE_DEFAULT_COMPOSE);
    char *key = g_utf8_casefold(normal ? normal : value, -1);

    g_free(normal);
    return key;
}

static struct rule *new_rule(enum imapid_field field, const char *spelling, const char *product)
{
    struct rule *rule = g_new0(struct rule, 1);
    char *collapsed = collapse(spelling);
    size_t n = strlen(collapsed);

    rule->field = field;
    rule->any_rest = n && collapsed[n - 1] == '*';
    if (rule->any_rest)
        collapsed[n - 1] = '\0';
    rule->spelling = imapid_fold_key(collapsed);
    rule->product = collapse(product);
    g_free(collapsed);
    return rule;
}

struct imapid_fold *imapid_fold_new(void)
{
    struct imapid_fold *fold = g_new0(struct imapid_fold, 1);

    fold->rules = g_ptr_array_new_with_free_func(free_rule);
#define IMAPID_FOLD(field, spelling, product)                                                      \
    g_ptr_array_add(fold->rules, new_rule(IMAPID_FIELD_##field, spelling, product));
#include "answer/fold.def"
#undef IMAPID_FOLD
    return fold;
}

void imapid_fold_free(struct imapid_fold *fold)
{
    if (!fold)
        return;
    g_ptr_array_unref(fold->rules);
    g_free(fold);
}

/* NULL: the line is no rule. Cuts the line into pieces. */
static struct rule *read_rule(char *line)
{
    char *colon = strchr(line, ':');
    char *equals = colon ? strstr(colon, "=") : NULL;
    enum imapid_field field;

    if (!equals)
        return NULL;
    *colon = *equals = '\0';
    g_strstrip(line);
    field = imapid_field_find((const uint8_t *)line, strlen(line));
    if (field == IMAPID_FIELD_OTHER || !*g_strstrip(colon + 1) || !*g_strstrip(equals + 1))
        return NULL;
    return new_rule(field, colon + 1, equals + 1);
}

bool imapid_fold_read(struct imapid_fold *fold, const char *path, char **message)
{
    GError *error = NULL;
    char *text, **lines;
    gsize n;
    guint n_rules = 0;

    if (!g_file_get_contents(path, &text, &n, &error)) {
        *message = g_strdup(error->message);
        g_error_free(error);
        return false;
    }
    if (!g_utf8_validate(text, (gssize)n, NULL)) {
        *message = g_strdup_printf("%s: not UTF-8", path);
        g_free(text);
        return false;
    }
    lines = g_strsplit(text + (g_str_has_prefix(text, "\xef\xbb\xbf") ? 3 : 0), "\n", LINES_MAX);
    g_free(text);
    *message = NULL;
    for (guint i = 0; lines[i] && !*message; i++) {
        struct rule *rule;

        g_strstrip(lines[i]);
        if (!*lines[i] || *lines[i] == '#')
            continue;
        rule = read_rule(lines[i]);
        if (rule)
            g_ptr_array_insert(fold->rules, (gint)n_rules++, rule);
        else
            *message =
                g_strdup_printf("%s: line %u: not \"FIELD: SPELLING = PRODUCT\"", path, i + 1);
    }
    g_strfreev(lines);
    return !*message;
}

static bool fits(const struct rule *rule, const char *key)
{
    return rule->any_rest ? g_str_has_prefix(key, rule->spelling) : !strcmp(key, rule->spelling);
}

char *imapid_fold_value(const struct imapid_fold *fold, enum imapid_field field,
                        const struct imapid_record_string *value)
{
    GString *text = g_string_new(NULL);
    char *collapsed, *key;

    imapid_spell_utf8(text, value->octets, value->n);
    for (gsize i = 0; i < text->len; i++)
        if (!text->str[i])
            text->str[i] = ' ';
    collapsed = collapse(text->str);
    g_string_free(text, TRUE);
    key = imapid_fold_key(collapsed);
    for (guint i = 0; i < fold->rules->len; i++) {
        const struct rule *rule = fold->rules->pdata[i];

        if (rule->field == field && fits(rule, key)) {
            g_free(collapsed);
            collapsed = g_strdup(rule->product);
            break;
        }
    }
    g_free(key);
    return collapsed;
}

char *imapid_fold_software(const struct imapid_fold *fold, const struct imapid_record_half *half)
{
    const struct imapid_record_string *name = imapid_record_find(half, IMAPID_FIELD_NAME);
    const struct imapid_record_string *version = imapid_record_find(half, IMAPID_FIELD_VERSION);
    char *name_text, *version_text, *both;

    if (!name || !name->n)
        return NULL;
    name_text = imapid_fold_value(fold, IMAPID_FIELD_NAME, name);
    version_text = version ? imapid_fold_value(fold, IMAPID_FIELD_VERSION, version) : g_strdup("");
    both = g_strjoin(*version_text ? " " : "", name_text, version_text, NULL);
    g_free(name_text);
    g_free(version_text);
    return both;
}
