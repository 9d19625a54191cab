/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello.c: reads the hello messages of a TLS handshake.
 *
 * A cursor that goes bad at the first length that does not fit, and then yields zeros, so that it
 * is asked once at the end. Nothing is copied and nothing is judged but the form.
 *
 * Refuses: lengths that reach over the message. Misuse: a message that is not there whole; keeping
 * pointers longer than the message. */
#include <imapid/hello.h>

#include <string.h>

struct cursor {
    const uint8_t *at;
    size_t n;
    bool bad;
};

/* Of a record, and where in it the type of its first message is (RFC 8446 5.1, 4). */
enum { HANDSHAKE = 22, TYPE_AT = 5, CLIENT_HELLO = 1, SERVER_HELLO = 2 };

enum extension {
    SERVER_NAME = 0,
    TRUNCATED_HMAC = 4,
    ALPN = 16,
    ENCRYPT_THEN_MAC = 22,
    EXTENDED_MASTER_SECRET = 23,
    SESSION_TICKET = 35,
    PRE_SHARED_KEY = 41,
    EARLY_DATA = 42,
    SUPPORTED_VERSIONS = 43,
    ENCRYPTED_HELLO = 0xfe0d /* RFC 9849 5 */
};

/* SHA-256 of "HelloRetryRequest": the random of a ServerHello that is one, RFC 8446 4.1.3. */
static const uint8_t retry_random[IMAPID_TLS_RANDOM] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static const uint8_t *take(struct cursor *cursor, size_t n)
{
    const uint8_t *at = cursor->at;

    if (cursor->bad || cursor->n < n) {
        cursor->bad = true;
        return NULL;
    }
    cursor->at += n;
    cursor->n -= n;
    return at;
}

static size_t take_number(struct cursor *cursor, size_t n_octets)
{
    const uint8_t *at = take(cursor, n_octets);
    size_t number = 0;

    for (size_t i = 0; at && i < n_octets; i++)
        number = number << 8 | at[i];
    return number;
}

/* A vector with a length of n_octets octets before it; bad at its end is the outer one's, too. */
static struct cursor take_vector(struct cursor *cursor, size_t n_octets)
{
    size_t n = take_number(cursor, n_octets);
    const uint8_t *at = take(cursor, n);

    return (struct cursor){at, at ? n : 0, !at};
}

/* ---- extensions ---- */

/* RFC 6066 3. A server's is empty. */
static void read_server_name(struct cursor extension, struct imapid_hello *hello)
{
    struct cursor list = take_vector(&extension, 2);

    while (list.n && !list.bad) {
        size_t type = take_number(&list, 1);
        struct cursor name = take_vector(&list, 2);

        if (type == 0 && !name.bad && !hello->server_name) {
            hello->server_name = name.at;
            hello->n_server_name = name.n;
        }
    }
}

/* RFC 7301 3.1. */
static void read_alpn(struct cursor extension, struct imapid_hello *hello)
{
    struct cursor list = take_vector(&extension, 2), each = list;

    while (each.n && !each.bad)
        if (take_vector(&each, 1).n == 0)
            each.bad = true;
    if (each.bad || !list.n)
        return;
    hello->alpn = list.at;
    hello->n_alpn = list.n;
}

/* The newest; of those that are none (RFC 8701) or drafts nothing is known. */
static void read_versions(struct cursor extension, struct imapid_hello *hello)
{
    struct cursor list = take_vector(&extension, 1);

    hello->newest = 0;
    while (list.n >= 2) {
        uint16_t version = (uint16_t)take_number(&list, 2);

        if (version >= 0x0300 && version <= 0x0304 && version > hello->newest)
            hello->newest = version;
    }
}

static void read_extension(size_t type, struct cursor extension, bool from_server,
                           struct imapid_hello *hello)
{
    switch (type) {
    case SERVER_NAME:
        read_server_name(extension, hello);
        break;
    case ALPN:
        read_alpn(extension, hello);
        break;
    case TRUNCATED_HMAC:
        hello->truncated_mac = true;
        break;
    case ENCRYPT_THEN_MAC:
        hello->encrypt_then_mac = true;
        break;
    case EXTENDED_MASTER_SECRET:
        hello->extended_master_secret = true;
        break;
    case SESSION_TICKET:
        hello->ticket = extension.at;
        hello->n_ticket = extension.n;
        break;
    case PRE_SHARED_KEY:
        hello->pre_shared_key = true;
        break;
    case ENCRYPTED_HELLO:
        if (extension.n && !extension.at[0]) { /* outer */
            hello->ech = extension.at;
            hello->n_ech = extension.n;
        }
        break;
    case EARLY_DATA:
        hello->early_data = true;
        break;
    case SUPPORTED_VERSIONS:
        /* A client's is a list of wishes; a server's is the version. */
        if (from_server && extension.n == 2)
            hello->version = (uint16_t)take_number(&extension, 2);
        else if (!from_server)
            read_versions(extension, hello);
        break;
    default:
        break;
    }
}

/* None at all is as good as an empty list (RFC 5246 7.4.1.2). */
static void read_extensions(struct cursor *cursor, bool from_server, struct imapid_hello *hello)
{
    if (cursor->bad || !cursor->n)
        return;

    struct cursor list = take_vector(cursor, 2);

    while (list.n && !list.bad) {
        size_t type = take_number(&list, 2);
        struct cursor extension = take_vector(&list, 2);

        if (!extension.bad)
            read_extension(type, extension, from_server, hello);
    }
    cursor->bad |= list.bad;
}

/* ---- messages ---- */

/* What both hellos begin with. */
static void read_start(struct cursor *cursor, struct imapid_hello *hello)
{
    struct cursor session_id;

    hello->version = (uint16_t)take_number(cursor, 2);
    hello->newest = hello->version; /* unless an extension lists them */
    hello->random = take(cursor, IMAPID_TLS_RANDOM);
    session_id = take_vector(cursor, 1);
    hello->session_id = session_id.at;
    hello->n_session_id = session_id.n;
    if (session_id.n > 32)
        cursor->bad = true;
}

bool imapid_hello_read_client(const uint8_t *message, size_t n, struct imapid_hello *hello)
{
    struct cursor cursor = {message, n, false}, suites;

    memset(hello, 0, sizeof *hello);
    read_start(&cursor, hello);
    suites = take_vector(&cursor, 2);
    hello->suites = suites.at;
    hello->n_suites = suites.n;
    take_vector(&cursor, 1); /* compression methods */
    read_extensions(&cursor, false, hello);
    return !cursor.bad;
}

bool imapid_hello_read_server(const uint8_t *message, size_t n, struct imapid_hello *hello)
{
    struct cursor cursor = {message, n, false};

    memset(hello, 0, sizeof *hello);
    read_start(&cursor, hello);
    hello->suite = (uint16_t)take_number(&cursor, 2);
    hello->compression = (uint8_t)take_number(&cursor, 1);
    read_extensions(&cursor, true, hello);
    if (cursor.bad)
        return false;
    hello->is_retry = memcmp(hello->random, retry_random, IMAPID_TLS_RANDOM) == 0;
    return true;
}

unsigned imapid_hello_count_suites(const struct imapid_hello *hello)
{
    unsigned n = 0;

    for (size_t i = 0; i + 1 < hello->n_suites; i += 2) {
        unsigned suite = (unsigned)hello->suites[i] << 8 | hello->suites[i + 1];

        n += (suite & 0x0f0f) != 0x0a0a && suite != 0x00ff && suite != 0x5600;
    }
    return n;
}

bool imapid_hello_read_extensions(const uint8_t *message, size_t n, struct imapid_hello *hello)
{
    struct cursor cursor = {message, n, false};

    memset(hello, 0, sizeof *hello);
    read_extensions(&cursor, true, hello);
    return !cursor.bad;
}

enum imapid_hello_guess imapid_hello_recognise(const uint8_t *octets, size_t n)
{
    /* type, version, length; message type, length; version: what each may be, at octet i */
    static const struct {
        uint8_t at, least, most;
    } fits[] = {{0, HANDSHAKE, HANDSHAKE},
                {1, 3, 3},
                {2, 0, 4},
                {3, 0, 64},
                {TYPE_AT, CLIENT_HELLO, SERVER_HELLO},
                {6, 0, 1},
                {9, 3, 3},
                {10, 0, 3}};
    size_t i = 0, n_fits = sizeof fits / sizeof *fits;

    while (i < n_fits && fits[i].at < n && octets[fits[i].at] >= fits[i].least &&
           octets[fits[i].at] <= fits[i].most)
        i++;
    if (i == n_fits)
        return IMAPID_HELLO_BEGINS;
    return fits[i].at >= n ? IMAPID_HELLO_SHORT : IMAPID_HELLO_NOT;
}

bool imapid_hello_is_clients(const uint8_t *octets, size_t n)
{
    return n > TYPE_AT && octets[TYPE_AT] == CLIENT_HELLO &&
           imapid_hello_recognise(octets, n) != IMAPID_HELLO_NOT;
}

bool imapid_hello_is_handshake(const uint8_t *octets, size_t n)
{
    return n > 2 && octets[0] == HANDSHAKE && octets[1] == 3;
}

bool imapid_hello_is_fatal(uint8_t level, uint8_t alert)
{
    enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90, NO_RENEGOTIATION = 100, FATAL = 2 };

    return alert != CLOSE_NOTIFY && alert != USER_CANCELED && alert != NO_RENEGOTIATION &&
           level == FATAL;
}
