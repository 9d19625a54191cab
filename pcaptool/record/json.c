/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c: JSON to tokens, by recursive descent, which a limit on the depth bounds.
 *
 * This is most of what an answer from records costs, so strings are passed over many octets at a
 * time. It is written here because no JSON library for C in Debian 12 reads as fast as a disk
 * gives, and it is held against json-glib by tests/record/test-json.c.
 *
 * Refused: whatever RFC 8259 does not allow, and a name that is twice in an object, of which every
 * reader would take another one. Misuse: changing the text while tokens are in use. */
#include "record/json.h"

#include <glib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct reader {
    const uint8_t *at, *end;
    struct imapid_json *next; /* token */
    unsigned depth, n_marks;
    enum imapid_json_fault fault;
};

static bool read_value(struct reader *reader);

static bool refuse(struct reader *reader, enum imapid_json_fault fault)
{
    reader->fault = fault;
    return false;
}

static bool refuse_text(struct reader *reader)
{
    return refuse(reader, IMAPID_JSON_NO_JSON);
}

/* ---- tokens ---- */

/* Begins a token here. There is room: each but the first stands behind a mark. */
static inline struct imapid_json *add(struct reader *reader, enum imapid_json_kind kind)
{
    struct imapid_json *token = reader->next++;

    token->octets = reader->at;
    token->n = 0;
    token->n_tokens = 1;
    token->kind = kind;
    token->is_escaped = 0;
    return token;
}

/* Makes room for the tokens of a text of n octets. */
static void make_room(struct imapid_json_text *text, size_t n)
{
    size_t n_tokens = MIN(n, IMAPID_JSON_MARKS_MAX) + 2;

    if (n_tokens <= text->n_allocated)
        return;
    g_free(text->tokens);
    text->n_allocated = n_tokens;
    text->tokens = g_new(struct imapid_json, n_tokens);
}

static bool mark(struct reader *reader)
{
    return ++reader->n_marks <= IMAPID_JSON_MARKS_MAX || refuse(reader, IMAPID_JSON_TOO_MANY);
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
                                        *reader->at == '\r' || *reader->at == '\n'))
        reader->at++;
}

static bool is_next(const struct reader *reader, uint8_t octet)
{
    return reader->at < reader->end && *reader->at == octet;
}

/* ---- strings ---- */

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Octets that are looked at together, and where among them a plain part of a string ends: the
 * lowest bit that is set, divided by BITS. 0: it goes on. */
#ifdef __SSE2__
#define WIDTH 16
#define BITS  1

static unsigned find_special(const uint8_t *at)
{
    __m128i octets = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i controls =
        _mm_cmpeq_epi8(_mm_max_epu8(octets, _mm_set1_epi8(0x1f)), _mm_set1_epi8(0x1f));
    __m128i quotes = _mm_cmpeq_epi8(octets, _mm_set1_epi8('"'));
    __m128i backslashes = _mm_cmpeq_epi8(octets, _mm_set1_epi8('\\'));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(controls, _mm_or_si128(quotes, backslashes)));
}
#else
#define WIDTH 8
#define BITS  8

static uint64_t find_special(const uint8_t *at)
{
    uint64_t octets, quotes, backslashes;

    memcpy(&octets, at, sizeof octets);
    octets = GUINT64_FROM_LE(octets);
    quotes = octets ^ EACH('"');
    backslashes = octets ^ EACH('\\');
    return ((((octets - EACH(0x20)) & ~octets) | ((quotes - EACH(1)) & ~quotes) |
             ((backslashes - EACH(1)) & ~backslashes)) &
            EACH(0x80));
}
#endif

static inline const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= WIDTH; at += WIDTH) {
        uint64_t special = find_special(at);

        if (special)
            return at + __builtin_ctzll(special) / BITS;
    }
    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return at;
}

const uint8_t *imapid_json_skip_plain(const uint8_t *at, const uint8_t *end)
{
    return skip_plain(at, end);
}

static bool skip_escape(struct reader *reader)
{
    const uint8_t *at = reader->at + 1;

    if (at < reader->end && *at && strchr("\"\\/bfnrt", *at)) {
        reader->at = at + 1;
        return true;
    }
    if (reader->end - at < 5 || *at != 'u')
        return refuse_text(reader);
    for (int i = 1; i <= 4; i++)
        if (!g_ascii_isxdigit(at[i]))
            return refuse_text(reader);
    reader->at = at + 5;
    return true;
}

/* Behind the quote. */
static bool read_string(struct reader *reader)
{
    struct imapid_json *token = add(reader, IMAPID_JSON_STRING);

    for (;;) {
        reader->at = skip_plain(reader->at, reader->end);
        if (reader->at == reader->end || *reader->at < 0x20)
            return refuse_text(reader);
        if (*reader->at == '"')
            break;
        token->is_escaped = true;
        if (!skip_escape(reader))
            return false;
    }
    token->n = (uint32_t)(reader->at - token->octets);
    reader->at++;
    return true;
}

static unsigned read_unit(const uint8_t *digits)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit * 16 + (unsigned)g_ascii_xdigit_value((char)digits[i]);
    return unit;
}

/* The character of \uXXXX at *at, past which *at moves. */
static gunichar decode_unit(const uint8_t **at, const uint8_t *end)
{
    unsigned unit = read_unit(*at + 2), low;

    *at += 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit >= 0xdc00 || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0xfffd;
    low = read_unit(*at + 2);
    if (low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

size_t imapid_json_decode(const struct imapid_json *string, uint8_t *out)
{
    static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
    const uint8_t *at = string->octets, *end = at + string->n;
    uint8_t *start = out;

    while (at < end) {
        const char *letter;

        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] == 'u') {
            out += g_unichar_to_utf8(decode_unit(&at, end), (char *)out);
        } else {
            letter = strchr(letters, at[1]);
            *out++ = letter ? (uint8_t)controls[letter - letters] : at[1];
            at += 2;
        }
    }
    return (size_t)(out - start);
}

/* ---- numbers and words ---- */

static bool skip_digits(struct reader *reader)
{
    const uint8_t *start = reader->at;

    while (reader->at < reader->end && g_ascii_isdigit(*reader->at))
        reader->at++;
    return reader->at > start || refuse_text(reader);
}

static bool read_number(struct reader *reader)
{
    struct imapid_json *token = add(reader, IMAPID_JSON_INTEGER);

    reader->at += *reader->at == '-';
    if (is_next(reader, '0'))
        reader->at++;
    else if (!skip_digits(reader))
        return false;
    if (is_next(reader, '.')) {
        token->kind = IMAPID_JSON_REAL;
        reader->at++;
        if (!skip_digits(reader))
            return false;
    }
    if (is_next(reader, 'e') || is_next(reader, 'E')) {
        token->kind = IMAPID_JSON_REAL;
        reader->at++;
        reader->at += is_next(reader, '+') || is_next(reader, '-');
        if (!skip_digits(reader))
            return false;
    }
    token->n = (uint32_t)(reader->at - token->octets);
    return true;
}

bool imapid_json_get_integer(const struct imapid_json *value, int64_t *number)
{
    bool is_negative = *value->octets == '-';
    int64_t sum = 0;

    for (uint32_t i = is_negative; i < value->n; i++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, value->octets[i] - '0', &sum))
            return false;
    *number = sum;
    return is_negative || !__builtin_sub_overflow(INT64_C(0), sum, number);
}

static bool read_word(struct reader *reader)
{
    static const struct {
        const char *word;
        enum imapid_json_kind kind;
    } words[] = {
        {"null", IMAPID_JSON_NULL}, {"false", IMAPID_JSON_FALSE}, {"true", IMAPID_JSON_TRUE}};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i].word);

        if ((size_t)(reader->end - reader->at) < n || memcmp(reader->at, words[i].word, n))
            continue;
        add(reader, words[i].kind);
        reader->at += n;
        return true;
    }
    return refuse_text(reader);
}

/* ---- arrays and objects ---- */

/* Is this the end of an array or object? Else a comma has been passed. */
static bool read_end(struct reader *reader, uint8_t bracket, bool *is_end)
{
    skip_space(reader);
    *is_end = is_next(reader, bracket);
    if (!*is_end && !is_next(reader, ','))
        return refuse_text(reader);
    reader->at++;
    return *is_end || mark(reader);
}

static bool read_elements(struct reader *reader, struct imapid_json *array)
{
    bool is_end;

    skip_space(reader);
    if (is_next(reader, ']')) {
        reader->at++;
        return true;
    }
    do {
        if (!read_value(reader))
            return false;
        array->n++;
        if (!read_end(reader, ']', &is_end))
            return false;
    } while (!is_end);
    return true;
}

/* Each octet of a name may stand as six. */
#define ESCAPED_MAX 6u

/* Is a name with these octets, escapes undone, among those from `first` on? `scratch` has room for
 * ESCAPED_MAX times as many. */
static bool is_among(const struct imapid_json *first, const struct imapid_json *end,
                     const uint8_t *octets, size_t n, uint8_t *scratch)
{
    for (; first < end; first += 1 + first[1].n_tokens) {
        if (!first->is_escaped && first->n == n && !memcmp(first->octets, octets, n))
            return true;
        if (first->is_escaped && first->n <= ESCAPED_MAX * n &&
            imapid_json_decode(first, scratch) == n && !memcmp(scratch, octets, n))
            return true;
    }
    return false;
}

/* Is a name like that of `member` among those before it, from `first` on? */
static bool is_twice(const struct imapid_json *first, const struct imapid_json *member)
{
    uint8_t *decoded = g_malloc((ESCAPED_MAX + 1) * member->n + (gsize)1);
    size_t n = imapid_json_decode(member, decoded);
    bool is = is_among(first, member, decoded, n, decoded + n);

    g_free(decoded);
    return is;
}

/* A bit that tells most names apart. One with escapes may be any. */
static uint64_t get_bit(const struct imapid_json *name)
{
    unsigned mix = name->n;

    if (name->is_escaped)
        return UINT64_MAX;
    if (name->n)
        mix += 3u * name->octets[0] + 15u * name->octets[name->n - 1];
    return UINT64_C(1) << (mix & 63);
}

static bool read_member(struct reader *reader, const struct imapid_json *object, uint64_t *seen)
{
    const struct imapid_json *name = reader->next;
    uint64_t bit;

    skip_space(reader);
    if (!is_next(reader, '"'))
        return refuse_text(reader);
    reader->at++;
    if (!read_string(reader))
        return false;
    bit = get_bit(name);
    if (*seen & bit && is_twice(object + 1, name))
        return refuse(reader, IMAPID_JSON_TWICE);
    *seen |= bit;
    skip_space(reader);
    if (!is_next(reader, ':'))
        return refuse_text(reader);
    reader->at++;
    return mark(reader) && read_value(reader);
}

static bool read_members(struct reader *reader, struct imapid_json *object)
{
    uint64_t seen = 0;
    bool is_end;

    skip_space(reader);
    if (is_next(reader, '}')) {
        reader->at++;
        return true;
    }
    do {
        if (!read_member(reader, object, &seen))
            return false;
        if (++object->n > IMAPID_JSON_MEMBERS_MAX)
            return refuse(reader, IMAPID_JSON_TOO_MANY);
        if (!read_end(reader, '}', &is_end))
            return false;
    } while (!is_end);
    return true;
}

static bool read_many(struct reader *reader)
{
    bool is_object = *reader->at == '{';
    struct imapid_json *many = add(reader, is_object ? IMAPID_JSON_OBJECT : IMAPID_JSON_ARRAY);

    if (++reader->depth > IMAPID_JSON_DEPTH_MAX)
        return refuse(reader, IMAPID_JSON_TOO_DEEP);
    reader->at++;
    if (!mark(reader) || !(is_object ? read_members(reader, many) : read_elements(reader, many)))
        return false;
    reader->depth--;
    many->n_tokens = (unsigned)(reader->next - many) & 0xffffff;
    if (is_object)
        many->next = 1;
    return true;
}

static bool read_value(struct reader *reader)
{
    skip_space(reader);
    if (reader->at == reader->end)
        return refuse_text(reader);
    switch (*reader->at) {
    case '"':
        reader->at++;
        return read_string(reader);
    case '{':
    case '[':
        return read_many(reader);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return read_number(reader);
    default:
        return read_word(reader);
    }
}

/* ---- texts ---- */

static bool is_ascii(const uint8_t *octets, size_t n)
{
    uint64_t all = 0, some;
    size_t i = 0;

    for (; n - i >= 8; i += 8) {
        memcpy(&some, octets + i, sizeof some);
        all |= some;
    }
    for (; i < n; i++)
        all |= octets[i];
    return !(all & EACH(0x80));
}

bool imapid_json_is_utf8(const uint8_t *octets, size_t n)
{
    return is_ascii(octets, n) || g_utf8_validate((const char *)octets, (gssize)n, NULL);
}

enum imapid_json_fault imapid_json_read(struct imapid_json_text *text, const uint8_t *octets,
                                        size_t n)
{
    struct reader reader = {.at = octets, .end = octets + n};

    make_room(text, n);
    reader.next = text->tokens;
    if (read_value(&reader)) {
        skip_space(&reader);
        if (reader.at < reader.end)
            reader.fault = IMAPID_JSON_NO_JSON;
    }
    if (reader.fault != IMAPID_JSON_TOO_DEEP && reader.fault != IMAPID_JSON_TOO_MANY &&
        !imapid_json_is_utf8(octets, n))
        return IMAPID_JSON_NO_UTF8;
    return reader.fault;
}

void imapid_json_deinit(struct imapid_json_text *text)
{
    g_free(text->tokens);
    *text = (struct imapid_json_text){NULL, 0};
}

/* ---- members ---- */

static bool has_name(const struct imapid_json *member, const char *name)
{
    uint8_t *decoded;
    size_t n;
    bool is;

    if (!member->is_escaped) {
        for (n = 0; n < member->n && name[n] && (uint8_t)name[n] == member->octets[n];)
            n++;
        return n == member->n && !name[n];
    }
    decoded = g_malloc(member->n + 1);
    n = imapid_json_decode(member, decoded);
    is = n == strlen(name) && !memcmp(decoded, name, n);
    g_free(decoded);
    return is;
}

struct imapid_json *imapid_json_find(struct imapid_json *object, const char *name)
{
    uint32_t at = object->next;

    for (uint32_t i = 0; i < object->n; i++) {
        struct imapid_json *member = object + at;

        at += 1 + member[1].n_tokens;
        if (at == object->n_tokens)
            at = 1;
        if (has_name(member, name)) {
            object->next = at;
            return member + 1;
        }
    }
    return NULL;
}
