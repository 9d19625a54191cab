/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spell.c: values as text. Octets of a capture are hostile: a terminal obeys escape sequences, and
 * bidirectional controls make a line read as another. Nothing is trusted but printable characters.
 *
 * Refuses nothing. Misuse: spelling a text twice, which doubles its backslashes. */
#include "record/spell.h"

#include <arpa/inet.h>
#include <string.h>

#define NS_PER_S 1000000000

/* Civil date from days since 1970-01-01, in the proleptic Gregorian calendar, whatever the time
 * zone of the machine and beyond what GDateTime takes. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t shifted = days + 719468; /* from 0000-03-01 */
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    unsigned of_era = (unsigned)(shifted - era * 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * of_year + 2) / 153;

    *day = of_year - (153 * shifted_month + 2) / 5 + 1;
    *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *year = (int64_t)year_of_era + era * 400 + (*month <= 2);
}

static void put_digits(char *out, unsigned number, int n)
{
    while (n--) {
        out[n] = (char)('0' + number % 10);
        number /= 10;
    }
}

void imapid_spell_number(GString *out, uint64_t number)
{
    char text[20], *at = text + sizeof text; /* 2^64 has 20 digits */

    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    imapid_spell_raw(out, at, (gsize)(text + sizeof text - at));
}

void imapid_spell_grouped(GString *out, uint64_t number)
{
    size_t start = out->len;

    imapid_spell_number(out, number);
    for (size_t at = out->len; at > start + 3;) {
        at -= 3;
        g_string_insert_c(out, (gssize)at, ',');
    }
}

void imapid_spell_time(GString *out, int64_t ts_ns)
{
    char text[] = "0000-00-00T00:00:00.000000000Z";
    int64_t seconds = ts_ns / NS_PER_S, ns = ts_ns % NS_PER_S, days, of_day, year;
    unsigned month, day;

    if (!imapid_time_is_known(ts_ns))
        return;
    if (ns < 0) {
        ns += NS_PER_S;
        seconds--;
    }
    days = seconds / 86400;
    of_day = seconds % 86400;
    if (of_day < 0) {
        of_day += 86400;
        days--;
    }
    civil_from_days(days, &year, &month, &day);
    put_digits(text, (unsigned)year, 4); /* 64 bits hold the years 1677 to 2262 */
    put_digits(text + 5, month, 2);
    put_digits(text + 8, day, 2);
    put_digits(text + 11, (unsigned)(of_day / 3600), 2);
    put_digits(text + 14, (unsigned)(of_day / 60 % 60), 2);
    put_digits(text + 17, (unsigned)(of_day % 60), 2);
    put_digits(text + 20, (unsigned)ns, 9);
    imapid_spell_raw(out, text, sizeof text - 1);
}

void imapid_spell_json_time(GString *out, int64_t ts_ns)
{
    if (!imapid_time_is_known(ts_ns)) {
        imapid_spell_raw(out, "null", strlen("null"));
        return;
    }
    g_string_append_c(out, '"');
    imapid_spell_time(out, ts_ns);
    g_string_append_c(out, '"');
}

void imapid_spell_seconds(GString *out, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    char decimals[] = ".000000000";

    if (ns < 0)
        g_string_append_c(out, '-');
    imapid_spell_number(out, size / NS_PER_S);
    put_digits(decimals + 1, (unsigned)(size % NS_PER_S), 9);
    imapid_spell_raw(out, decimals, sizeof decimals - 1);
}

void imapid_spell_address(GString *out, const struct imapid_endpoint *endpoint)
{
    char text[INET6_ADDRSTRLEN];

    if (endpoint->family == 6) {
        imapid_spell_word(out, inet_ntop(AF_INET6, endpoint->address, text, sizeof text));
        return;
    }
    for (int i = 0; i < 4; i++) {
        if (i)
            g_string_append_c(out, '.');
        imapid_spell_number(out, endpoint->address[i]);
    }
}

void imapid_spell_endpoint(GString *out, const struct imapid_endpoint *endpoint)
{
    if (endpoint->family == 6)
        g_string_append_c(out, '[');
    imapid_spell_address(out, endpoint);
    imapid_spell_word(out, endpoint->family == 6 ? "]:" : ":");
    imapid_spell_number(out, endpoint->port);
}

/* Is this character shown as itself? Formats (bidirectional controls, zero-width ones), line and
 * paragraph separators, private and unassigned ones are not. */
static bool is_shown(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
        return false;
    default:
        return true;
    }
}

/* The character at `octets`, or (gunichar)-1 where it is not UTF-8; *n_char octets long. */
static gunichar next_char(const uint8_t *octets, size_t n, size_t *n_char)
{
    gunichar c = *octets;

    *n_char = 1;
    if (c < 128)
        return c;
    c = g_utf8_get_char_validated((const char *)octets, (gssize)n);
    if (c == (gunichar)-1 || c == (gunichar)-2)
        return (gunichar)-1;
    *n_char = (size_t)g_unichar_to_utf8(c, NULL);
    return c;
}

bool imapid_spell_is_utf8(const uint8_t *octets, size_t n)
{
    size_t n_char, at = 0;

    while (at < n && octets[at] < 128)
        at++;
    for (; at < n; at += n_char)
        if (next_char(octets + at, n - at, &n_char) == (gunichar)-1)
            return false;
    return true;
}

void imapid_spell_utf8(GString *out, const uint8_t *octets, size_t n)
{
    size_t n_char;

    for (size_t at = 0; at < n; at += n_char) {
        if (next_char(octets + at, n - at, &n_char) == (gunichar)-1)
            g_string_append(out, "\xef\xbf\xbd"); /* U+FFFD */
        else
            g_string_append_len(out, (const char *)octets + at, (gssize)n_char);
    }
}

/* The length of what stands in JSON and on a terminal as it is, without a look at each character:
 * the printable ones of ASCII but quotes and backslashes. */
static size_t measure_plain(const uint8_t *octets, size_t n)
{
    size_t at = 0;

    while (at < n && octets[at] >= 0x20 && octets[at] < 0x7f && octets[at] != '"' &&
           octets[at] != '\\')
        at++;
    return at;
}

static void append_json_char(GString *out, gunichar c, const uint8_t *octets, size_t n_char)
{
    if (c == '"' || c == '\\')
        g_string_append_printf(out, "\\%c", (char)c);
    else if (c == '\n' || c == '\r' || c == '\t')
        g_string_append(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    else if (c >= 0x10000 && !is_shown(c))
        g_string_append_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
    else if (!is_shown(c))
        g_string_append_printf(out, "\\u%04x", c);
    else
        g_string_append_len(out, (const char *)octets, (gssize)n_char);
}

bool imapid_spell_is_plain(const uint8_t *octets, size_t n)
{
    return measure_plain(octets, n) == n;
}

void imapid_spell_json(GString *out, const uint8_t *octets, size_t n)
{
    size_t n_char;

    g_string_append_c(out, '"');
    for (size_t at = 0; at < n; at += n_char) {
        size_t n_plain = measure_plain(octets + at, n - at);
        gunichar c;

        imapid_spell_raw(out, (const char *)octets + at, n_plain);
        at += n_plain;
        if (at == n)
            break;
        c = next_char(octets + at, n - at, &n_char);
        if (c == (gunichar)-1)
            g_string_append(out, "\xef\xbf\xbd"); /* U+FFFD */
        else
            append_json_char(out, c, octets + at, n_char);
    }
    g_string_append_c(out, '"');
}

void imapid_spell_json_text(GString *out, const char *text)
{
    if (text)
        imapid_spell_json(out, (const uint8_t *)text, strlen(text));
    else
        imapid_spell_word(out, "null");
}

/* So many marks in a row stand on one character. More are a tower that covers the lines above, and
 * as they have no width no column ends it. */
#define MARKS_MAX 4u

static void append_terminal_char(GString *out, gunichar c, const uint8_t *octets, size_t n_char,
                                 bool shown)
{
    if (c == (gunichar)-1)
        g_string_append_printf(out, "\\x%02x", *octets);
    else if (c == '\\')
        g_string_append(out, "\\\\");
    else if (shown)
        g_string_append_len(out, (const char *)octets, (gssize)n_char);
    else
        g_string_append_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

static void spell_terminal(GString *out, const uint8_t *octets, size_t n, size_t max, bool utf8)
{
    size_t n_char, n_shown = 0, n_marks = 0;

    for (size_t at = 0; at < n; at += n_char) {
        gsize before = out->len;
        gunichar c;

        if (max && n_shown >= max) {
            g_string_append(out, "...");
            return;
        }
        n_char = measure_plain(octets + at, max ? MIN(n - at, max - n_shown) : n - at);
        if (n_char) {
            imapid_spell_raw(out, (const char *)octets + at, n_char);
            n_shown += n_char;
            n_marks = 0;
            continue;
        }
        c = next_char(octets + at, n - at, &n_char);
        n_marks = c != (gunichar)-1 && g_unichar_iszerowidth(c) ? n_marks + 1 : 0;
        append_terminal_char(out, c, octets + at, n_char,
                             is_shown(c) && n_marks <= MARKS_MAX && (utf8 || c < 128));
        n_shown += (size_t)g_utf8_strlen(out->str + before, -1);
    }
}

void imapid_spell_terminal(GString *out, const uint8_t *octets, size_t n, size_t max)
{
    spell_terminal(out, octets, n, max, true);
}

/* Is there nothing that anybody sees? */
static bool is_blank(const uint8_t *octets, size_t n)
{
    size_t n_char;

    for (size_t at = 0; at < n; at += n_char) {
        gunichar c = next_char(octets + at, n - at, &n_char);

        if (c == (gunichar)-1 || (g_unichar_type(c) != G_UNICODE_SPACE_SEPARATOR &&
                                  !(is_shown(c) && g_unichar_iszerowidth(c))))
            return false;
    }
    return true;
}

void imapid_spell_value(GString *out, const uint8_t *octets, size_t n, bool utf8)
{
    const char *quote = is_blank(octets, n) ? "\"" : "";

    g_string_append(out, quote);
    spell_terminal(out, octets, n, 0, utf8);
    g_string_append(out, quote);
}

void imapid_spell_hex(GString *out, const uint8_t *octets, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        g_string_append_c(out, digits[octets[i] >> 4]);
        g_string_append_c(out, digits[octets[i] & 15]);
    }
}

void imapid_spell_digest(GString *out, GChecksum *sum)
{
    guint8 digest[64]; /* SHA-512, the longest */
    gsize n = sizeof digest;
    char *text;

    g_checksum_get_digest(sum, digest, &n);
    text = g_base64_encode(digest, n);
    g_string_append(out, text);
    g_free(text);
}
