/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mask.c: a stream of octets made of a word under a key, by which its letters and digits are moved.
 *
 * Refuses nothing.
 *
 * Misuse: masking what was masked. It gets another mask. */
#include "scrub/mask.h"

#include "siphash.h"

#include <imapid/octets.h>
#include <string.h>

/* ---- the stream ---- */

struct stream {
    uint64_t state, bits;
    unsigned n;
};

static uint64_t derive(const struct imapid_pseudonyms *pseudonyms, const char *kind)
{
    GString *hex = g_string_new(NULL);
    uint64_t key;

    imapid_pseudonyms_add_hex(pseudonyms, hex, kind, "", 0);
    key = g_ascii_strtoull(hex->str, NULL, 16);
    g_string_free(hex, TRUE);
    return key;
}

struct imapid_mask imapid_mask_new(const struct imapid_pseudonyms *pseudonyms)
{
    return (struct imapid_mask){{derive(pseudonyms, "mask-0"), derive(pseudonyms, "mask-1")}};
}

/* Of a word in small letters. */
static struct stream begin(const struct imapid_mask *mask, const uint8_t *octets, size_t n)
{
    uint64_t words[16] = {n};
    size_t at = 0;

    do {
        size_t n_words = 1;

        for (; n_words < G_N_ELEMENTS(words) && at < n; n_words++) {
            words[n_words] = 0;
            for (unsigned i = 0; i < 8 && at < n; i++, at++)
                words[n_words] |= (uint64_t)(uint8_t)g_ascii_tolower((gchar)octets[at]) << 8 * i;
        }
        words[0] = imapid_siphash(mask->key, words, n_words);
    } while (at < n);
    return (struct stream){.state = words[0]};
}

static uint8_t next(struct stream *stream)
{
    uint64_t bits;

    if (!stream->n) { /* splitmix64 (Steele, Lea, Flood, 2014) */
        bits = stream->state += UINT64_C(0x9e3779b97f4a7c15);
        bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
        stream->bits = bits ^ bits >> 31;
        stream->n = 8;
    }
    stream->n--;
    bits = stream->bits & 0xff;
    stream->bits >>= 8;
    return (uint8_t)bits;
}

/* ---- characters ---- */

/* The octets of a character of UTF-8 that is not ASCII; 0 where none stands there. */
static size_t measure(const uint8_t *octets, size_t n)
{
    size_t length = octets[0] >= 0xf0 ? 4 : octets[0] >= 0xe0 ? 3 : octets[0] >= 0xc0 ? 2 : 0;

    return length && length <= n && imapid_octets_are_utf8(octets, length) ? length : 0;
}

/* Puts one of as many octets in its place, or an octet that is none where that was so. */
static size_t replace(uint8_t *octets, size_t n, unsigned bits)
{
    static const uint8_t heads[5][3] = {{0}, {0}, {0xc3}, {0xe5, 0x90}, {0xf0, 0x9f, 0x98}};
    size_t length = measure(octets, n);

    if (!length) {
        octets[0] = 0xff;
        return 1;
    }
    memcpy(octets, heads[length], length - 1);
    octets[length - 1] = (uint8_t)(0x80 | (bits & 0x3f));
    return length;
}

static uint8_t turn(uint8_t c, uint8_t bits)
{
    if (imapid_is_digit(c))
        return (uint8_t)('0' + (c - '0' + 1 + bits % 9) % 10);
    if (c >= 'a' && c <= 'z')
        return (uint8_t)('a' + (c - 'a' + 1 + bits % 25) % 26);
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)('A' + (c - 'A' + 1 + bits % 25) % 26);
    return c;
}

/* Of an address, UUID or MAC address: all of its words are hexadecimal. */
static bool is_hex(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_isxdigit((gchar)octets[i]))
            return false;
    return true;
}

static uint8_t turn_hex(uint8_t c, uint8_t bits)
{
    uint8_t first = c >= 'a' ? 'a' : 'A';

    return imapid_is_digit(c) ? turn(c, bits) : (uint8_t)(first + (c - first + 1 + bits % 5) % 6);
}

/* A number up to 255, as in an address of IPv4: another one, with as many digits. */
static bool mask_octet(struct stream *stream, uint8_t *octets, size_t n)
{
    unsigned number = 0,
             low = n == 3   ? 100
                   : n == 2 ? 10
                            : 0,
             high = n == 3   ? 255
                    : n == 2 ? 99
                             : 9;

    if (!n || n > 3)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!imapid_is_digit(octets[i]))
            return false;
        number = number * 10 + (octets[i] - (uint8_t)'0');
    }
    if (number < low || number > high)
        return false;
    number = low + (number - low + 1 + next(stream) % (high - low)) % (high - low + 1);
    for (size_t i = n; i--; number /= 10)
        octets[i] = (uint8_t)('0' + number % 10);
    return true;
}

void imapid_mask_word(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct stream stream = begin(mask, octets, n);
    bool hex = is_hex(octets, n);

    if (hex && mask_octet(&stream, octets, n))
        return;
    for (size_t at = 0; at < n;)
        if (octets[at] >= 0x80) {
            at += replace(octets + at, n - at, next(&stream));
        } else {
            octets[at] =
                hex ? turn_hex(octets[at], next(&stream)) : turn(octets[at], next(&stream));
            at++;
        }
}

void imapid_mask_secret(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct stream stream = begin(mask, octets, n);

    for (size_t at = 0; at < n;) {
        uint8_t c = octets[at], bits = next(&stream);

        if (c >= 0x80) {
            at += replace(octets + at, n - at, bits);
            continue;
        }
        if (imapid_is_alpha(c) || imapid_is_digit(c))
            octets[at] = turn(c, bits);
        else if (c > 1 && c != '\r' && c != '\n')
            octets[at] = (uint8_t)('a' + bits % 26);
        at++;
    }
}

void imapid_mask_binary(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct stream stream = begin(mask, octets, n);

    for (size_t at = 0; at < n; at++) {
        uint8_t bits = next(&stream);

        if (octets[at] > 1 && (octets[at] < ' ' || octets[at] >= 127))
            octets[at] = (uint8_t)(0x80 | bits);
        else if (octets[at] > 1)
            octets[at] = (uint8_t)('a' + bits % 26);
    }
}

static bool is_line_char(uint8_t c)
{
    return c == '\r' || c == '\n';
}

void imapid_mask_message(uint8_t *octets, size_t n)
{
    bool is_text = true;

    for (size_t at = 0; is_text && at < n; at++)
        is_text = octets[at] >= ' ' || octets[at] == '\t' || is_line_char(octets[at]);
    if (is_text)
        imapid_mask_whole(octets, n);
    for (size_t at = 0; !is_text && at < n; at++)
        if (octets[at] && !is_line_char(octets[at]))
            octets[at] = octets[at] >= 0x80 ? 0xff : 'x';
}

void imapid_mask_whole(uint8_t *octets, size_t n)
{
    for (size_t at = 0; at < n;)
        if (octets[at] >= 0x80) {
            at += replace(octets + at, n - at, 0x29);
        } else {
            octets[at] = imapid_is_digit(octets[at])              ? '9'
                         : octets[at] >= 'a' && octets[at] <= 'z' ? 'x'
                         : imapid_is_alpha(octets[at])            ? 'X'
                                                                  : octets[at];
            at++;
        }
}

void imapid_mask_unreadable(uint8_t *octets, size_t n)
{
    imapid_mask_whole(octets, n);
    for (size_t at = 0; at < n; at++) {
        bool reads = octets[at] <= 1 || octets[at] >= 0x80 || imapid_is_alpha(octets[at]) ||
                     imapid_is_digit(octets[at]) || strchr("\t\r\n \"\\(){}[]<>*+=", octets[at]);

        if (!reads)
            octets[at] = '.';
    }
}

/* ---- base64 ---- */

uint8_t *imapid_mask_decode(const uint8_t *base64, size_t n, size_t *n_octets)
{
    char *text, *again;
    uint8_t *octets;

    *n_octets = 0;
    if (!n || n % 4)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_base64(base64[i]) || (base64[i] == '=' && i + 2 < n))
            return NULL;
    text = g_strndup((const char *)base64, n);
    octets = g_base64_decode(text, n_octets);
    again = g_base64_encode(octets, *n_octets);
    if (strcmp(text, again)) {
        g_clear_pointer(&octets, g_free);
        *n_octets = 0;
    }
    g_free(text);
    g_free(again);
    return octets;
}

void imapid_mask_encode(uint8_t *base64, const uint8_t *octets, size_t n_octets)
{
    char *text = g_base64_encode(octets, n_octets);

    memcpy(base64, text, (n_octets + 2) / 3 * 4);
    g_free(text);
}

/* Modified UTF-7 has "," for "/", and no "=". */
void imapid_mask_utf7(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct stream stream = begin(mask, octets, n);
    size_t n_units = n * 6 / 16, n_bits = n_units * 16;
    GString *bits = g_string_new(NULL);
    char *text;

    for (size_t i = 0; i < n_units; i++) {
        unsigned unit = 0x4e00u + next(&stream) * 32u + next(&stream) % 32u;

        g_string_append_c(bits, (char)(unit >> 8));
        g_string_append_c(bits, (char)(unit & 0xff));
    }
    g_string_append_c(bits, 0); /* so that there are characters enough */
    g_string_append_c(bits, 0);
    text = g_base64_encode((const guchar *)bits->str, bits->len);
    for (size_t i = 0; i < n; i++)
        if (i < (n_bits + 5) / 6)
            octets[i] = text[i] == '/' ? ',' : (uint8_t)text[i];
        else
            imapid_mask_whole(octets + i, 1);
    g_free(text);
    g_string_free(bits, TRUE);
}
