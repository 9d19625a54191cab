/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.c: the members of JSON objects of one line, by name and type.
 *
 * Strings are those of the line, where they have no escapes.
 *
 * Refuses a member that is missing, of another type, or out of range: the first such fault is kept
 * as the line's error, and everything reads as nothing then.
 *
 * Misuse: believing what was read before looking at the error. */
#include "record/member.h"

#include <string.h>

void imapid_member_fail(struct imapid_member_line *line, const char *what, const char *name)
{
    size_t n = strlen(what) + strlen(name) + 4;
    char *error;

    if (line->error)
        return;
    error = imapid_arena_take(line->arena, n);
    g_snprintf(error, n, "%s '%s'", what, name);
    line->error = error;
}

struct imapid_json *imapid_member_find(struct imapid_json *object, const char *name)
{
    return object ? imapid_json_find(object, name) : NULL;
}

struct imapid_json *imapid_member_get(struct imapid_member_line *line, struct imapid_json *object,
                                      const char *name)
{
    struct imapid_json *value = imapid_member_find(object, name);

    if (!value)
        imapid_member_fail(line, "there is no", name);
    return value;
}

bool imapid_member_is_null(const struct imapid_json *value)
{
    return !value || value->kind == IMAPID_JSON_NULL;
}

static bool is_text(const struct imapid_json *value)
{
    return value->kind == IMAPID_JSON_STRING;
}

/* The octets of a string: in the line, if they are there as they are. */
struct imapid_record_string imapid_member_read(struct imapid_member_line *line,
                                               const struct imapid_json *value)
{
    struct imapid_record_string string = {.octets = value->octets, .n = value->n};
    uint8_t *decoded;

    if (!value->is_escaped)
        return string;
    decoded = imapid_arena_take(line->arena, value->n);
    string.octets = decoded;
    string.n = imapid_json_decode(value, decoded);
    return string;
}

/* A string or null. */
struct imapid_record_string imapid_member_get_octets(struct imapid_member_line *line,
                                                     struct imapid_json *object, const char *name)
{
    const struct imapid_json *value = imapid_member_get(line, object, name);

    if (!imapid_member_is_null(value) && is_text(value))
        return imapid_member_read(line, value);
    if (!imapid_member_is_null(value))
        imapid_member_fail(line, "no string in", name);
    return (struct imapid_record_string){.is_nil = true};
}

/* The same as a text that ends with a NUL, if not before. */
char *imapid_member_get_text(struct imapid_member_line *line, struct imapid_json *object,
                             const char *name)
{
    struct imapid_record_string octets = imapid_member_get_octets(line, object, name);
    char *text;

    if (octets.is_nil)
        return NULL;
    text = imapid_arena_take(line->arena, octets.n + 1);
    memcpy(text, octets.octets, octets.n);
    text[octets.n] = '\0';
    return text;
}

const char *imapid_member_get_name(struct imapid_member_line *line, struct imapid_json *object,
                                   const char *name)
{
    const char *text = imapid_member_get_text(line, object, name);

    if (!text)
        imapid_member_fail(line, "no string in", name);
    return text ? text : "";
}

uint64_t imapid_member_get_number(struct imapid_member_line *line, struct imapid_json *object,
                                  const char *name, uint64_t max)
{
    const struct imapid_json *value = imapid_member_get(line, object, name);
    int64_t number = -1;

    if (value && value->kind == IMAPID_JSON_INTEGER && !imapid_json_get_integer(value, &number))
        number = -1;
    if (number < 0 || (uint64_t)number > max)
        imapid_member_fail(line, "no number, or one out of range, in", name);
    return number < 0 ? 0 : (uint64_t)number;
}

bool imapid_member_get_bool(struct imapid_member_line *line, struct imapid_json *object,
                            const char *name)
{
    const struct imapid_json *value = imapid_member_get(line, object, name);

    if (!value || (value->kind != IMAPID_JSON_TRUE && value->kind != IMAPID_JSON_FALSE)) {
        imapid_member_fail(line, "neither true nor false in", name);
        return false;
    }
    return value->kind == IMAPID_JSON_TRUE;
}

enum imapid_known imapid_member_get_known(struct imapid_member_line *line,
                                          struct imapid_json *object, const char *name)
{
    if (imapid_member_is_null(imapid_member_get(line, object, name)))
        return IMAPID_UNKNOWN;
    return imapid_member_get_bool(line, object, name) ? IMAPID_YES : IMAPID_NO;
}

bool imapid_member_is_word(const struct imapid_record_string *octets, const char *word)
{
    for (size_t i = 0; i < octets->n; i++)
        if (!word[i] || (uint8_t)word[i] != octets->octets[i])
            return false;
    return !word[octets->n];
}

/* The index of a word in names that `spell` gives for 0, 1, ... n - 1. */
int imapid_member_get_word(struct imapid_member_line *line, struct imapid_json *object,
                           const char *name, int n, const char *(*spell)(int))
{
    struct imapid_record_string word = imapid_member_get_octets(line, object, name);

    for (int i = 0; i < n && !word.is_nil; i++)
        if (imapid_member_is_word(&word, spell(i)))
            return i;
    imapid_member_fail(line, "no known word in", name);
    return 0;
}

/* NULL where it is null, or no object. */
struct imapid_json *imapid_member_get_object(struct imapid_member_line *line,
                                             struct imapid_json *object, const char *name)
{
    struct imapid_json *value = imapid_member_get(line, object, name);

    if (imapid_member_is_null(value))
        return NULL;
    if (value->kind != IMAPID_JSON_OBJECT) {
        imapid_member_fail(line, "no object in", name);
        return NULL;
    }
    return value;
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    unsigned of_era = (unsigned)(shifted - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The number of n digits; more than 10 ^ 9 where one is none. */
static inline unsigned read_digits(const uint8_t *text, int n)
{
    unsigned number = 0, wrong = 0;

    for (int i = 0; i < n; i++) {
        unsigned digit = text[i] - (unsigned)'0';

        wrong |= digit > 9;
        number = number * 10 + digit;
    }
    return wrong ? UINT_MAX : number;
}

/* Reads "2026-01-02T03:04:05.000000000Z", as imapid_spell_time() writes it. */
static bool parse_time(const struct imapid_record_string *octets, int64_t *ts_ns)
{
    const uint8_t *text = octets->octets;
    unsigned year, month, day, hour, minute, second, ns;
    int64_t seconds;

    if (octets->n != strlen("2026-01-02T03:04:05.000000000Z") || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' || text[29] != 'Z')
        return false;
    year = read_digits(text, 4);
    month = read_digits(text + 5, 2);
    day = read_digits(text + 8, 2);
    hour = read_digits(text + 11, 2);
    minute = read_digits(text + 14, 2);
    second = read_digits(text + 17, 2);
    ns = read_digits(text + 20, 9);
    if (year > 9999 || !month || month > 12 || !day || day > 31 || hour > 23 || minute > 59 ||
        second > 60 || ns > 999999999)
        return false;
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return !__builtin_mul_overflow(seconds, INT64_C(1000000000), ts_ns) &&
           !__builtin_add_overflow(*ts_ns, (int64_t)ns, ts_ns);
}

bool imapid_member_read_time(const struct imapid_record_string *text, int64_t *ts_ns)
{
    if (parse_time(text, ts_ns))
        return true;
    /* What records of before say of a time that is too early. */
    *ts_ns = IMAPID_TIME_NONE;
    return imapid_member_is_word(text, "1677-09-21T00:12:43.145224192Z");
}

int64_t imapid_member_get_time(struct imapid_member_line *line, struct imapid_json *object,
                               const char *name)
{
    struct imapid_record_string text = imapid_member_get_octets(line, object, name);
    int64_t ts_ns = IMAPID_TIME_NONE;

    if (!text.is_nil && !imapid_member_read_time(&text, &ts_ns))
        imapid_member_fail(line, "no time in", name);
    return ts_ns;
}

/* A list of objects that records of versions before have not; NULL: it is not there, or none. */
struct imapid_json *imapid_member_find_objects(struct imapid_member_line *line,
                                               struct imapid_json *object, const char *name)
{
    struct imapid_json *list = imapid_member_find(object, name), *element;

    if (imapid_member_is_null(list))
        return NULL;
    element = list + 1;
    if (list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", name);
        return NULL;
    }
    for (unsigned i = 0; i < list->n; i++, element += element->n_tokens)
        if (element->kind != IMAPID_JSON_OBJECT) {
            imapid_member_fail(line, "no objects in", name);
            return NULL;
        }
    return list;
}
