/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sealed.c: records -> handshake messages, which may span records -> their fields, or the elements of a certificate.
 * What is named here stays; what is no field that is known becomes 0.
 *
 * Refuses nothing.
 *
 * Misuse: octets behind a gap. Where a record begins is not known there. */
#include "scrub/sealed.h"

#include "number.h"

#include <imapid/octets.h>
#include <imapid/verdict.h>
#include <string.h>

enum { CHANGE_CIPHER_SPEC = 20, ALERT, HANDSHAKE, APPLICATION, HEARTBEAT };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11 };
enum { N_RECORD = 5, N_MESSAGE = 4, N_RANDOM = 32 };

/* What is left of a message. */
struct rest {
    uint8_t *at;
    size_t n;
};

static void clear(struct rest *rest)
{
    memset(rest->at, 0, rest->n);
    rest->n = 0;
}

/* The next n octets; fewer where the message ends. */
static struct rest take(struct rest *rest, size_t n)
{
    struct rest taken = {rest->at, MIN(n, rest->n)};

    rest->at += taken.n;
    rest->n -= taken.n;
    return taken;
}

/* What a length of `n_length` octets announces. */
static struct rest take_vector(struct rest *rest, size_t n_length)
{
    struct rest head = take(rest, n_length);
    size_t n = 0;

    for (size_t i = 0; i < head.n; i++)
        n = n << 8 | head.at[i];
    return take(rest, n);
}

/* Words as they are masked elsewhere; marks stay. */
static void mask_words(const struct imapid_mask *mask, struct rest *text)
{
    for (size_t at = 0, end; at < text->n; at = end) {
        for (end = at; end < text->n && (imapid_is_alpha(text->at[end]) ||
                                         imapid_is_digit(text->at[end]) || text->at[end] >= 0x80);
             end++)
            ;
        if (end > at)
            imapid_mask_word(mask, text->at + at, end - at);
        else
            end++;
    }
    text->n = 0;
}

/* ---- certificates ---- */

/* Of an element of DER (X.690): its tag and content. False: it is none, or not whole. */
static bool take_element(struct rest *rest, uint8_t *tag, struct rest *content)
{
    struct rest at = *rest;
    size_t length;

    if (at.n < 2 || (at.at[0] & 0x1f) == 0x1f)
        return false;
    *tag = at.at[0];
    length = at.at[1];
    (void)take(&at, 2);
    if (length & 0x80) {
        size_t n_length = length & 0x7f;

        if (!n_length || n_length > 3 || n_length > at.n)
            return false;
        for (length = 0; n_length--;)
            length = length << 8 | take(&at, 1).at[0];
    }
    if (length > at.n)
        return false;
    *content = take(&at, length);
    *rest = at;
    return true;
}

static bool is_der(struct rest rest)
{
    struct rest content;
    uint8_t tag;

    while (rest.n)
        if (!take_element(&rest, &tag, &content))
            return false;
    return true;
}

static bool is_printable(const struct rest *text)
{
    for (size_t i = 0; i < text->n; i++)
        if (text->at[i] < ' ' || text->at[i] == 127)
            return false;
    return true;
}

static void mask_der(const struct imapid_mask *mask, struct rest rest, unsigned depth);

static void mask_element(const struct imapid_mask *mask, uint8_t tag, struct rest content,
                         unsigned depth)
{
    if (tag & 0x20) {
        mask_der(mask, content, depth);
        return;
    }
    switch (tag) {
    case 0x01: /* BOOLEAN */
    case 0x05: /* NULL */
    case 0x06: /* OBJECT IDENTIFIER */
    case 0x0a: /* ENUMERATED */
    case 0x17: /* UTCTime */
    case 0x18: /* GeneralizedTime */
        return;
    case 0x02: /* INTEGER: a version, an exponent; a serial number and a key are longer */
        if (content.n > 3)
            memset(content.at, 1, content.n);
        return;
    case 0x03: /* BIT STRING: of an extension three octets of flags at most */
        if (content.n > 3) {
            (void)take(&content, 1);
            clear(&content);
        }
        return;
    case 0x04: /* OCTET STRING: an extension's is DER once more */
        if (content.n > 1 && strchr("\x01\x03\x04\x0a\x30", content.at[0]) && is_der(content))
            mask_der(mask, content, depth);
        else
            clear(&content);
        return;
    case 0x0c: /* UTF8String and others of text */
    case 0x13:
    case 0x14:
    case 0x16:
    case 0x1a:
        mask_words(mask, &content);
        return;
    default: /* names of other kinds, identifiers of keys */
        if ((tag & 0xc0) == 0x80 && is_printable(&content))
            mask_words(mask, &content);
        else
            clear(&content);
    }
}

static void mask_der(const struct imapid_mask *mask, struct rest rest, unsigned depth)
{
    struct rest content;
    uint8_t tag;

    while (depth < 16 && take_element(&rest, &tag, &content))
        mask_element(mask, tag, content, depth + 1);
    clear(&rest);
}

/* ---- messages ---- */

static bool is_request_to_retry(const struct rest *random)
{
    static const uint8_t special[] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
                                      0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
                                      0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
                                      0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

    return random->n == sizeof special && !memcmp(random->at, special, sizeof special);
}

/* The last octets of one that was brought down say it (RFC 8446 4.1.3). */
static void mask_random(struct rest random)
{
    if (is_request_to_retry(&random))
        return;
    if (random.n == N_RANDOM && !memcmp(random.at + N_RANDOM - 8, "DOWNGRD", 7))
        random.n -= 8;
    clear(&random);
}

static void mask_server_name(const struct imapid_mask *mask, struct rest rest)
{
    struct rest list = take_vector(&rest, 2);

    while (list.n) {
        struct rest name;

        (void)take(&list, 1);
        name = take_vector(&list, 2);
        mask_words(mask, &name);
    }
    clear(&rest);
}

/* Groups and lengths stay. One that is chosen stands alone: a retried client's, or a server's. */
static void mask_key_share(struct rest rest, bool is_client)
{
    struct rest list = is_client ? take_vector(&rest, 2) : take(&rest, rest.n);

    while (list.n) {
        struct rest key;

        (void)take(&list, 2);
        key = take_vector(&list, 2);
        clear(&key);
    }
    clear(&rest);
}

/* max_fragment_length, supported_groups, ec_point_formats, signature_algorithms, ALPN, padding, encrypt_then_mac,
 * extended_master_secret, compress_certificate, record_size_limit, supported_versions, psk_key_exchange_modes,
 * signature_algorithms_cert */
static bool stays(unsigned extension)
{
    static const unsigned kept[] = {1, 10, 11, 13, 16, 21, 22, 23, 27, 28, 43, 45, 50};

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
        if (kept[i] == extension)
            return true;
    return false;
}

static void mask_hello(const struct imapid_mask *mask, struct rest rest, bool is_client)
{
    struct rest id, extensions;

    (void)take(&rest, 2);
    mask_random(take(&rest, N_RANDOM));
    id = take_vector(&rest, 1);
    clear(&id);
    if (is_client) {
        (void)take_vector(&rest, 2);
        (void)take_vector(&rest, 1);
    } else {
        (void)take(&rest, 3);
    }
    extensions = take_vector(&rest, 2);
    clear(&rest);
    while (extensions.n) {
        struct rest type = take(&extensions, 2), data = take_vector(&extensions, 2);
        unsigned extension = type.n == 2 ? imapid_number_be16(type.at) : UINT16_MAX;

        if (extension == 0)
            mask_server_name(mask, data);
        else if (extension == 51)
            mask_key_share(data, is_client);
        else if (!stays(extension))
            clear(&data);
    }
}

static void mask_certificates(const struct imapid_mask *mask, struct rest rest)
{
    struct rest list = take_vector(&rest, 3);

    while (list.n)
        mask_der(mask, take_vector(&list, 3), 0);
    clear(&rest);
}

static void mask_messages(const struct imapid_mask *mask, struct rest rest)
{
    while (rest.n) {
        struct rest type = take(&rest, 1), body = take_vector(&rest, 3);

        if (type.at[0] == CLIENT_HELLO || type.at[0] == SERVER_HELLO)
            mask_hello(mask, body, type.at[0] == CLIENT_HELLO);
        else if (type.at[0] == CERTIFICATE)
            mask_certificates(mask, body);
        else
            clear(&body);
    }
}

/* ---- SSL 2.0 ---- */

enum { SERVER_HELLO_2 = 4 };

/* A hello of a client or of a server (RFC 5246 E.2, RFC 6101 E). */
static bool is_ssl2(const struct rest *rest)
{
    return imapid_verdict_opening(rest->at, rest->n) == IMAPID_OPENING_SSL2 ||
           (rest->n > 2 && rest->at[0] & 0x80 && rest->at[2] == SERVER_HELLO_2);
}

static struct rest take_ssl2(struct rest *rest)
{
    size_t n = imapid_number_be16(rest->at) & 0x7fff;

    (void)take(rest, 2);
    return take(rest, n);
}

static size_t take_length(struct rest *rest)
{
    struct rest length = take(rest, 2);

    return length.n == 2 ? imapid_number_be16(length.at) : 0;
}

/* Version and ciphers stay. */
static void mask_ssl2(const struct imapid_mask *mask, struct rest rest)
{
    bool is_server = rest.n && rest.at[0] == SERVER_HELLO_2;
    size_t n_certificate, n_ciphers;
    struct rest certificate;

    (void)take(&rest, is_server ? 5 : 3);
    n_certificate = is_server ? take_length(&rest) : 0;
    n_ciphers = take_length(&rest);
    (void)take(&rest, is_server ? 2 : 4);
    certificate = take(&rest, n_certificate);
    mask_der(mask, certificate, 0);
    (void)take(&rest, n_ciphers);
    clear(&rest);
}

/* ---- records ---- */

static bool is_record(const struct rest *rest)
{
    return rest->n >= N_RECORD && rest->at[0] >= CHANGE_CIPHER_SPEC && rest->at[0] <= HEARTBEAT &&
           rest->at[1] == 3 && rest->at[2] <= 4;
}

size_t imapid_sealed_measure(const uint8_t *octets, size_t n)
{
    struct rest rest = {(uint8_t *)octets, n};

    if (is_ssl2(&rest))
        (void)take_ssl2(&rest);
    while (is_record(&rest)) {
        (void)take(&rest, N_RECORD - 2);
        (void)take_vector(&rest, 2);
    }
    return n - rest.n;
}

size_t imapid_sealed_measure_other(const uint8_t *octets, size_t n)
{
    size_t at = 1;

    if (!imapid_verdict_protocol(octets, n))
        return 0;
    while (at < n && at < 20 && !imapid_verdict_protocol(octets, at))
        at++;
    return at;
}

static void copy(struct rest to, GByteArray *messages, size_t *at, bool back)
{
    if (back && to.n)
        memcpy(to.at, messages->data + *at, to.n);
    else if (!back)
        g_byte_array_append(messages, to.at, (guint)to.n);
    *at += to.n;
}

/* No TLS at all: who answers so may be told by its first octets. */
static void mask_other(struct rest rest)
{
    (void)take(&rest, imapid_sealed_measure_other(rest.at, rest.n));
    imapid_mask_unreadable(rest.at, rest.n);
}

/* The octets of handshake messages in the clear are gathered, or, `back`, come from there; then all else is masked. */
static void go_through(const struct imapid_mask *mask, struct rest rest, GByteArray *messages,
                       bool back)
{
    const uint8_t *start = rest.at;
    bool is_encrypted = false;
    size_t at = 0;

    if (is_ssl2(&rest)) {
        struct rest hello = take_ssl2(&rest);

        if (!back)
            mask_ssl2(mask, hello);
    }

    while (is_record(&rest)) {
        uint8_t type = rest.at[0];
        struct rest body;

        (void)take(&rest, N_RECORD - 2);
        body = take_vector(&rest, 2);
        if (type == HANDSHAKE && !is_encrypted)
            copy(body, messages, &at, back);
        else if (type == CHANGE_CIPHER_SPEC && body.n == 1)
            is_encrypted = true;
        else if (back && !(type == ALERT && body.n == 2))
            clear(&body);
    }
    if (!back)
        return;
    if (rest.n && rest.at[0] >= CHANGE_CIPHER_SPEC && rest.at[0] <= HEARTBEAT)
        clear(&rest); /* a header that was cut */
    else if (rest.at == start)
        mask_other(rest);
    else
        imapid_mask_unreadable(rest.at, rest.n);
}

void imapid_sealed_mask(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct rest all = {octets, n};
    GByteArray *messages = g_byte_array_new();

    go_through(mask, all, messages, false);
    mask_messages(mask, (struct rest){messages->data, messages->len});
    go_through(mask, all, messages, true);
    g_byte_array_unref(messages);
}

void imapid_sealed_mask_behind(const struct imapid_mask *mask, uint8_t *octets, size_t n,
                               size_t n_rest)
{
    struct rest rest = {octets, n}, before = take(&rest, n_rest);

    clear(&before);
    if (is_record(&rest))
        imapid_sealed_mask(mask, rest.at, rest.n);
    else
        clear(&rest);
}

size_t imapid_sealed_measure_rest(const uint8_t *octets, size_t n)
{
    struct rest rest = {(uint8_t *)octets, n};

    while (is_record(&rest)) {
        size_t n_record = N_RECORD + imapid_number_be16(rest.at + 3);

        if (n_record > rest.n)
            return n_record - rest.n;
        (void)take(&rest, n_record);
    }
    return 0;
}

/* ---- an alert that was encrypted ---- */

enum { N_ALERT = N_RECORD + 2, FINISHED = 20 };

/* A record of a handshake, with as many octets of nothing. */
static void put_handshake(uint8_t *octets, size_t n)
{
    size_t n_body = n - N_RECORD;

    octets[0] = HANDSHAKE;
    octets[1] = octets[2] = 3;
    imapid_number_put_be16(octets + 3, (uint16_t)n_body);
    memset(octets + N_RECORD, 0, n_body);
    if (n_body < N_MESSAGE)
        return;
    octets[N_RECORD] = FINISHED;
    imapid_number_put_be16(octets + N_RECORD + 2, (uint16_t)(n_body - N_MESSAGE));
}

/* The octets of the record at the front; 0: it is none, or not whole. */
static size_t measure_record(struct rest rest)
{
    size_t n;

    if (!is_record(&rest))
        return 0;
    n = N_RECORD + imapid_number_be16(rest.at + 3);
    return n <= rest.n ? n : 0;
}

/* Where the record begins that ends there; `n`: no record does. */
static size_t find_record(const uint8_t *octets, size_t n, size_t end)
{
    size_t at = 0, n_record;

    while ((n_record = measure_record((struct rest){(uint8_t *)octets + at, n - at})) != 0) {
        if (at + n_record == end)
            return at;
        at += n_record;
    }
    return n;
}

size_t imapid_sealed_reveal_handshake(uint8_t *octets, size_t n, uint16_t version)
{
    enum { TLS_1_3 = 0x0304 };
    bool is_1_3 = version == TLS_1_3, is_encrypted = is_1_3;
    size_t at = 0, n_record;

    while ((n_record = measure_record((struct rest){octets + at, n - at})) != 0) {
        size_t behind = at + n_record;

        if (octets[at] == CHANGE_CIPHER_SPEC && !is_1_3) {
            /* It goes: with the record behind it, it is one. */
            size_t n_next = measure_record((struct rest){octets + behind, n - behind});

            if (!n_next || n_record + n_next > UINT16_MAX)
                break;
            n_record += n_next;
            is_encrypted = true;
            put_handshake(octets + at, n_record);
        } else if (octets[at] == APPLICATION ||
                   (octets[at] == HANDSHAKE && is_encrypted && !is_1_3)) {
            put_handshake(octets + at, n_record);
        }
        at += n_record;
    }
    return at;
}

void imapid_sealed_reveal_alert(uint8_t *octets, size_t n, size_t n_behind, uint16_t version,
                                uint8_t alert)
{
    size_t end = n - n_behind, last = find_record(octets, n, end);

    if (last == n || end - last < N_ALERT + N_RECORD ||
        imapid_sealed_reveal_handshake(octets, last, version) < last)
        return;
    put_handshake(octets + last, end - last - N_ALERT);
    memcpy(octets + end - N_ALERT, (const uint8_t[N_ALERT]){ALERT, 3, 3, 0, 2, 2, alert}, N_ALERT);
}

/* ---- PROXY ---- */

/* Version 2: the fixed part, then addresses, ports, and what else there is. */
static void mask_proxy_2(struct rest rest)
{
    enum { N_FIXED = 16, NOTHING = 4 };
    struct rest fixed = take(&rest, N_FIXED), addresses;
    uint8_t family = fixed.n == N_FIXED ? fixed.at[13] >> 4 : 0;

    addresses = take(&rest, family == 1 ? 8 : family == 2 ? 32 : 0);
    clear(&addresses);
    if (family == 1 || family == 2)
        (void)take(&rest, 4);
    if (rest.n < 3 || rest.n - 3 > UINT16_MAX) {
        clear(&rest);
        return;
    }
    imapid_number_put_be16(rest.at + 1, (uint16_t)(rest.n - 3));
    take(&rest, 1).at[0] = NOTHING;
    (void)take(&rest, 2);
    clear(&rest);
}

/* The octets of the next word and of the blank behind it. */
static struct rest take_word(struct rest *rest)
{
    const uint8_t *blank = rest->n ? memchr(rest->at, ' ', rest->n) : NULL;

    return take(rest, blank ? (size_t)(blank - rest->at) + 1 : rest->n);
}

void imapid_sealed_mask_proxy(const struct imapid_mask *mask, uint8_t *octets, size_t n)
{
    struct rest rest = {octets, n};

    if (n && octets[0] != 'P') {
        mask_proxy_2(rest);
        return;
    }
    (void)take_word(&rest);
    if (rest.n > 3 && !memcmp(rest.at, "TCP", 3)) {
        (void)take_word(&rest);
        for (int i = 0; i < 2; i++) {
            struct rest address = take_word(&rest);

            mask_words(mask, &address);
        }
    } else if (rest.n) {
        (void)take_word(&rest);
        mask_words(mask, &rest);
    }
}
