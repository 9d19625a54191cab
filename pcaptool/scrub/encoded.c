/* SPDX-License-Identifier: GPL-2.0-or-later */
/* encoded.c: the messages of SASL mechanisms, told by their form: a server may name one mechanism and a
 * client speak another (RFC 4616, 5802, 7628, 2195, 2831; NTLM).
 *
 * Refuses nothing: a form that is unknown is a secret.
 *
 * Misuse: taking what is no message of SASL. */
#include "scrub/encoded.h"

#include "number.h"

#include <imapid/octets.h>
#include <string.h>

bool imapid_encoded_is(const uint8_t *octets, size_t n)
{
    size_t n_decoded;
    uint8_t *decoded;

    if (imapid_words_has(IMAPID_WORDS_TEXT, octets, n))
        return false;
    decoded = imapid_mask_decode(octets, n, &n_decoded);
    g_free(decoded);
    return decoded != NULL;
}

/* ---- NTLM ---- */

static bool is_ntlm(const uint8_t *octets, size_t n)
{
    return n >= 12 && !memcmp(octets, "NTLMSSP", 8);
}

/* Letters of UTF-16 are moved as those of a word are, so that a name has the same mask as elsewhere. */
static void take_wide(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    uint8_t *narrow = g_malloc(n / 2 + 1);

    for (size_t i = 0; i < n / 2; i++)
        narrow[i] = octets[2 * i];
    imapid_value_take_name(hand, narrow, n / 2);
    for (size_t i = 0; i < n / 2; i++)
        octets[2 * i] = narrow[i];
    g_free(narrow);
}

#define N_NTLM 12u /* signature and type */

/* Length, room and place of a field. False: these are none. *start is the first octet of any field. */
static bool read_field(const uint8_t *octets, size_t n, size_t at, size_t *start)
{
    size_t length = imapid_number_le16(octets + at), room = imapid_number_le16(octets + at + 2),
           place = imapid_number_le32(octets + at + 4);

    if (room < length || place > n || length > n - place || (length && place < at + 8))
        return false;
    if (length)
        *start = MIN(*start, place);
    return true;
}

/* The octets that say where fields are, and flags (MS-NLMP 2.2.1); older messages have fewer. Of one that is not so formed
 * the signature and type. */
static size_t measure_ntlm_head(const uint8_t *octets, size_t n)
{
    static const struct {
        uint8_t n, fields[7]; /* places; 0 ends them */
    } heads[] = {{N_NTLM, {0}}, {32, {16, 24}}, {48, {12, 40}}, {64, {12, 20, 28, 36, 44, 52}}};
    unsigned type = octets[8] < G_N_ELEMENTS(heads) ? octets[8] : 0;
    size_t start = MIN(heads[type].n, n);

    for (const uint8_t *field = heads[type].fields; *field && *field + 8u <= start; field++)
        if (!read_field(octets, n, *field, &start))
            return N_NTLM;
    return start;
}

/* Signature, type, the places of fields and flags stay; a challenge (of type 2) goes, and all that the
 * places point at. */
static void take_ntlm(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    size_t at = measure_ntlm_head(octets, n);

    if (octets[8] == 2 && at > 24)
        imapid_value_take_binary(hand, octets + 24, MIN(at, 40u) - 24);
    for (size_t end; at < n; at = end) {
        for (end = at; end + 1 < n && octets[end] >= ' ' && octets[end] < 127 && !octets[end + 1];
             end += 2)
            ;
        if (end - at >= 4) {
            take_wide(hand, octets + at, end - at);
            continue;
        }
        for (end = at + 1;
             end < n && !(end + 3 < n && octets[end] >= ' ' && octets[end] < 127 &&
                          !octets[end + 1] && octets[end + 2] >= ' ' && !octets[end + 3]);
             end++)
            ;
        imapid_value_take_binary(hand, octets + at, end - at);
    }
}

/* ---- keys and values ---- */

static bool is_name_char(uint8_t c)
{
    return imapid_is_alpha(c) || imapid_is_digit(c) || c == '-' || c == '_';
}

/* Does a key stand there: its words known, "=" or, in JSON, a quote and ":" behind it? Its octets with
 * what is behind it; 0: none. */
static size_t measure_key(const uint8_t *octets, size_t n, size_t at)
{
    size_t end = at, start = at;
    bool quoted = octets[at] == '"';

    start += quoted;
    for (end = start; end < n && is_name_char(octets[end]); end++)
        ;
    for (size_t word = start, word_end; word < end; word = word_end + 1) {
        for (word_end = word; word_end < end && octets[word_end] != '-' && octets[word_end] != '_';
             word_end++)
            ;
        if (!imapid_words_has(IMAPID_WORDS_SASL, octets + word, word_end - word))
            return 0;
    }
    if (end == start)
        return 0;
    if (quoted && (end == n || octets[end++] != '"'))
        return 0;
    while (quoted && end < n && imapid_is_blank(octets[end]))
        end++;
    return end < n && octets[end] == (quoted ? ':' : '=') ? end + 1 - at : 0;
}

static bool ends_value(uint8_t c)
{
    return c == ',' || c == 1 || c == '"' || c == '{' || c == '}' || c == '\r' || c == '\n';
}

static bool key_is(const uint8_t *key, size_t n, const char *name)
{
    while (n && (key[n - 1] == '=' || key[n - 1] == ':' || key[n - 1] == '"' || key[n - 1] == ' '))
        n--;
    if (n && key[0] == '"') {
        key++;
        n--;
    }
    return imapid_octets_is(key, n, name);
}

/* Digits of a count, a port or a status; words of a mechanism. */
static bool stays(const uint8_t *key, size_t n_key, const uint8_t *value, size_t n)
{
    static const char *const counts[] = {"i", "port", "status", "nc", "maxbuf"};
    static const char *const codes[] = {"invalid_request", "invalid_token", "insufficient_scope"};
    static const char *const words[] = {"auth",   "auth-int", "auth-conf", "utf-8",  "md5-sess",
                                        "bearer", "true",     "false",     "rc4-40", "rc4-56",
                                        "rc4",    "des",      "3des"};

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if ((key_is(key, n_key, "qop") || key_is(key, n_key, "charset") ||
             key_is(key, n_key, "stale") || key_is(key, n_key, "algorithm") ||
             key_is(key, n_key, "schemes") || key_is(key, n_key, "cipher")) &&
            imapid_octets_is(value, n, words[i]))
            return true;
    for (size_t i = 0; i < G_N_ELEMENTS(codes);
         i++) /* RFC 6750 3.1: what is wrong with the token */
        if ((key_is(key, n_key, "status") || key_is(key, n_key, "error")) &&
            imapid_octets_is(value, n, codes[i]))
            return true;
    if (key_is(key, n_key, "c") && imapid_octets_is(value, n, "biws"))
        return true;
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_digit(value[i]))
            return false;
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        if (n <= 8 && key_is(key, n_key, counts[i]))
            return true;
    return !n;
}

static void take_keyed_value(struct imapid_hand *hand, const uint8_t *key, size_t n_key,
                             uint8_t *value, size_t n)
{
    static const char *const secrets[] = {"r",     "s",      "p",        "v",
                                          "nonce", "cnonce", "response", "rspauth"};
    size_t n_decoded;
    uint8_t *decoded;

    if (stays(key, n_key, value, n))
        return;
    if (key_is(key, n_key, "auth") && n > 7 && imapid_octets_is(value, 7, "Bearer ")) {
        imapid_value_take(hand, value + 7, n - 7,
                          IMAPID_WORDS_NONE); /* of URL-safe base64, or a JWT */
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
        if (!key_is(key, n_key, secrets[i]))
            continue;
        decoded = imapid_mask_decode(value, n, &n_decoded);
        if (decoded) {
            imapid_value_take_binary(hand, decoded, n_decoded);
            imapid_mask_encode(value, decoded, n_decoded);
        } else {
            imapid_value_take(hand, value, n, IMAPID_WORDS_NONE);
        }
        g_free(decoded);
        return;
    }
    imapid_value_take_name(hand, value, n);
}

/* Fields of the form KEY=VALUE, or JSON; a quoted value may be a list (RFC 2831 2.1.1: qop="auth,auth-int"). What
 * stands between them goes as names do. */
static void take_keyed(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    const uint8_t *key = NULL; /* of the list that goes on */
    size_t n_list_key = 0;

    for (size_t at = 0, end; at < n; at = end) {
        size_t n_key = measure_key(octets, n, at), start = at + n_key;

        while (n_key && start < n && (octets[start] == ' ' || octets[start] == '"'))
            start++;
        for (end = start; end < n && !ends_value(octets[end]); end++)
            ;
        if (n_key) {
            key = octets[start - 1] == '"' ? octets + at : NULL;
            n_list_key = n_key;
        }
        if (n_key)
            take_keyed_value(hand, octets + at, n_key, octets + start, end - start);
        else if (key)
            take_keyed_value(hand, key, n_list_key, octets + start, end - start);
        else if (!(end - start == 1 && strchr("nyp", octets[start]))) /* of GS2 */
            imapid_value_take_name(hand, octets + start, end - start);
        if (end < n && octets[end] != ',')
            key = NULL;
        if (end == at)
            end++;
    }
}

static bool is_keyed(const uint8_t *octets, size_t n)
{
    size_t at = 0;

    if (n > 1 && strchr("nyp", octets[0]) && octets[0] && octets[1] == ',')
        return true;
    while (at < n && (octets[at] == '{' || octets[at] == ' '))
        at++;
    return at < n && measure_key(octets, n, at);
}

/* ---- messages ---- */

static bool is_text(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] < ' ' && octets[i] != 1 && octets[i] != '\t')
            return false;
    return imapid_octets_are_utf8(octets, n);
}

/* [authorization] NUL user NUL password; an answer to "User Name" may end in a NUL, too. With other control
 * characters it is neither. */
static void take_plain(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    size_t start = 0;
    unsigned n_nul = 0;

    for (size_t i = 0; i < n; i++)
        if (octets[i] < ' ' && octets[i] && octets[i] != 1) {
            imapid_value_take_binary(hand, octets, n);
            return;
        }
    for (size_t at = 0; at <= n; at++) {
        if (at < n && octets[at])
            continue;
        if (n_nul < 2)
            imapid_value_take_name(hand, octets + start, at - start);
        else
            imapid_value_take_secret(hand, octets + start, at - start);
        n_nul++;
        start = at + 1;
    }
}

/* A name, a space and a digest. */
static bool is_cram(const uint8_t *octets, size_t n)
{
    if (n < 34 || octets[n - 33] != ' ')
        return false;
    for (size_t i = n - 32; i < n; i++)
        if (!g_ascii_isxdigit((gchar)octets[i]))
            return false;
    return true;
}

static void take_challenge(struct imapid_hand *hand, uint8_t *octets, size_t n)
{
    static const char *const prompts[] = {"Username:", "Password:", "User Name", "Password",
                                          "Username"};
    size_t n_text = n;

    while (n_text && !octets[n_text - 1])
        n_text--;
    for (size_t i = 0; i < G_N_ELEMENTS(prompts); i++)
        if (imapid_octets_is(octets, n_text, prompts[i]))
            return;
    imapid_value_take_name(hand, octets, n);
}

static void take_message(struct imapid_hand *hand, uint8_t *octets, size_t n, enum imapid_side side,
                         unsigned n_before)
{
    bool has_nul = memchr(octets, 0, n);

    if (is_ntlm(octets, n))
        take_ntlm(hand, octets, n);
    else if (!is_text(octets, n) && !has_nul)
        imapid_value_take_binary(hand, octets, n);
    else if ((side == IMAPID_SERVER || !has_nul) && is_keyed(octets, n))
        take_keyed(hand, octets, n);
    else if (side == IMAPID_SERVER && (!has_nul || octets[n - 1] == 0))
        take_challenge(hand, octets, n);
    else if (has_nul)
        take_plain(hand, octets, n);
    else if (is_cram(octets, n) || !n_before)
        imapid_value_take_name(hand, octets, n);
    else
        imapid_value_take_secret(hand, octets, n);
}

void imapid_encoded_take(struct imapid_hand *hand, uint8_t *octets, size_t n, enum imapid_side side,
                         unsigned n_before)
{
    size_t n_decoded;
    uint8_t *decoded;

    if (!n || (n == 1 && (octets[0] == '*' || octets[0] == '=')))
        return;
    decoded = imapid_mask_decode(octets, n, &n_decoded);
    if (!decoded) {
        for (size_t i = 0; i < n; i++)
            if (!imapid_is_base64(octets[i])) {
                imapid_value_take_unreadable(hand, octets, n); /* as it is read by its marks */
                return;
            }
        imapid_value_take_secret(hand, octets, n);
        return;
    }
    take_message(hand, decoded, n_decoded, side, n_before);
    imapid_mask_encode(octets, decoded, n_decoded);
    g_free(decoded);
}
