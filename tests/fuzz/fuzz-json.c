/* SPDX-License-Identifier: GPL-2.0-or-later */

/* JSON from anywhere. Tokens have to lie in the text, one behind the other, and to add up; strings
 * have to decode to UTF-8 that is no longer than they are; a member is found by its name. */

#include "record/json.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    const uint8_t *at, *end; /* what is not covered yet */
};

/* Returns the token behind the value and all in it. */
static struct imapid_json *check(struct text *text, struct imapid_json *value);

static char *check_octets(struct text *text, const struct imapid_json *string)
{
    char *decoded = g_malloc(string->n + (gsize)1);
    size_t n = string->n;

    g_assert_true(string->octets >= text->at && string->n <= text->end - string->octets);
    text->at = string->octets + string->n;
    if (string->kind == IMAPID_JSON_STRING)
        n = imapid_json_decode(string, (uint8_t *)decoded);
    else
        memcpy(decoded, string->octets, n);
    g_assert_true(n <= string->n);
    decoded[n] = '\0';
    for (size_t at = 0; at <= n; at += strlen(decoded + at) + 1)
        g_assert_true(g_utf8_validate(decoded + at, -1, NULL)); /* between U+0000 and U+0000 */
    return decoded;
}

static struct imapid_json *check_object(struct text *text, struct imapid_json *object)
{
    struct imapid_json *at = object + 1;

    for (uint32_t i = 0; i < object->n; i++) {
        struct imapid_json *name = at;
        char *decoded = check_octets(text, name);

        g_assert_true(name->kind == IMAPID_JSON_STRING);
        if (!memchr(decoded, '\0', strlen(decoded)) && strlen(decoded) == name->n)
            g_assert_true(imapid_json_find(object, decoded) == name + 1);
        g_free(decoded);
        at = check(text, name + 1);
    }
    return at;
}

static struct imapid_json *check(struct text *text, struct imapid_json *value)
{
    struct imapid_json *at = value + 1;
    int64_t number;

    switch ((enum imapid_json_kind)value->kind) {
    case IMAPID_JSON_OBJECT:
        at = check_object(text, value);
        break;
    case IMAPID_JSON_ARRAY:
        for (uint32_t i = 0; i < value->n; i++)
            at = check(text, at);
        break;
    case IMAPID_JSON_INTEGER:
        (void)imapid_json_get_integer(value, &number);
        g_free(check_octets(text, value));
        break;
    default:
        g_free(check_octets(text, value));
    }
    g_assert_true(at == value + value->n_tokens);
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct imapid_json_text tokens;
    struct text text = {data, data + size};

    if (imapid_json_read(&tokens, data, size) == IMAPID_JSON_GOOD)
        check(&text, tokens.tokens);
    return 0;
}
