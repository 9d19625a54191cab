/* SPDX-License-Identifier: GPL-2.0-or-later */
/* preface.c: PROXY headers, SOCKS and HTTP CONNECT before IMAP.
 *
 * Each side is read on its own. The client's octets say which kind it is; the server's are only
 * read as an answer to a kind that the client began, so that no greeting and no web server is taken
 * for one.
 *
 * Refuses: SOCKS requests other than CONNECT, SOCKS with GSSAPI (what follows is encrypted), HTTP
 * heads of more than N_HEAD_MAX octets, and answers of a proxy that say no.
 *
 * Misuse: octets from the middle of a connection. What stands there can look like a preface. */
#include <imapid/preface.h>

#include <string.h>

#include <imapid/octets.h>

#define N_HEAD_MAX 4096

/* Words of SOCKS 4, ended by a null octet: a user, a host. */
#define N_WORD_MAX 255

#define SOCKS5_NO_METHOD    0xff
#define SOCKS5_PASSWORD     2
#define SOCKS5_NO_NEED      0
#define SOCKS_CONNECT       1
#define SOCKS4_GRANTED      0x5a
#define HTTP_NEEDS_PASSWORD 407

enum { SERVER, CLIENT }; /* indices of step and is_over */

/* Steps of the client in SOCKS 5. The server's are the same: it answers each. */
enum { STEP_BEGIN, STEP_PASSWORD, STEP_REQUEST };

/* Reads one message from its first octet. Returns MORE, OK, NOT (it is no such message), REFUSED. */
typedef enum imapid_preface_status (*read_message)(struct imapid_preface *preface,
                                                   const uint8_t *octets, size_t n, size_t *n_used);

/* Done when `n` octets are there. */
static enum imapid_preface_status take(size_t n_message, size_t n, size_t *n_used)
{
    if (n < n_message)
        return IMAPID_PREFACE_MORE;
    *n_used = n_message;
    return IMAPID_PREFACE_OK;
}

static void begin_kind(struct imapid_preface *preface, enum imapid_preface_kind kind)
{
    preface->kinds[preface->n_kinds++] = kind;
}

/* ---- the PROXY protocol ---- */

static enum imapid_preface_status read_proxy(struct imapid_preface *preface, const uint8_t *octets,
                                             size_t n, size_t *n_used)
{
    struct imapid_proxy_header header;

    /* A server takes one header: a second stands where the protocol should. */
    if (preface->n_kinds && preface->kinds[preface->n_kinds - 1] == IMAPID_PREFACE_PROXY)
        return IMAPID_PREFACE_NOT;
    switch (imapid_proxy_parse(octets, n, &header)) {
    case IMAPID_PROXY_NOT:
        return IMAPID_PREFACE_NOT;
    case IMAPID_PROXY_MORE:
        return IMAPID_PREFACE_MORE;
    case IMAPID_PROXY_OK:
        break;
    }
    preface->client = header;
    begin_kind(preface, IMAPID_PREFACE_PROXY);
    return take(header.n, n, n_used);
}

/* ---- SOCKS 4 and 4A ---- */

/* Passes over a word and its null octet. Returns the offset behind it; 0: it is not whole; SIZE_MAX:
 * it is too long. */
static size_t pass_word(const uint8_t *octets, size_t n, size_t at)
{
    size_t n_look = n - at < N_WORD_MAX + 1 ? n - at : N_WORD_MAX + 1;
    const uint8_t *end = (const uint8_t *)memchr(octets + at, 0, n_look);

    if (end)
        return (size_t)(end - octets) + 1;
    return n_look > N_WORD_MAX ? SIZE_MAX : 0;
}

/* 4, command, port, address, user, null; with an address of 0.0.0.x a host and null behind it */
static enum imapid_preface_status read_socks4(struct imapid_preface *preface, const uint8_t *octets,
                                              size_t n, size_t *n_used)
{
    static const uint8_t by_name[3] = {0};
    size_t at;

    if (octets[0] != 4 || (n > 1 && octets[1] != SOCKS_CONNECT))
        return IMAPID_PREFACE_NOT;
    if (n < 9)
        return IMAPID_PREFACE_MORE;
    at = pass_word(octets, n, 8);
    if (at && at != SIZE_MAX && !memcmp(octets + 4, by_name, sizeof by_name) && octets[7])
        at = at < n ? pass_word(octets, n, at) : 0;
    if (at == SIZE_MAX)
        return IMAPID_PREFACE_NOT;
    if (!at)
        return IMAPID_PREFACE_MORE;
    preface->port = imapid_octets_get16(octets + 2);
    begin_kind(preface, IMAPID_PREFACE_SOCKS4);
    return take(at, n, n_used);
}

static enum imapid_preface_status answer_socks4(struct imapid_preface *preface,
                                                const uint8_t *octets, size_t n, size_t *n_used)
{
    if (octets[0] != 0)
        return IMAPID_PREFACE_NOT;
    if (n > 1 && octets[1] != SOCKS4_GRANTED)
        return IMAPID_PREFACE_REFUSED;
    if (n >= 8)
        preface->n_answered++;
    return take(8, n, n_used);
}

/* ---- SOCKS 5 ---- */

/* 5, number of methods, methods */
static enum imapid_preface_status read_socks5(struct imapid_preface *preface, const uint8_t *octets,
                                              size_t n, size_t *n_used)
{
    if (octets[0] != 5 || (n > 1 && !octets[1]))
        return IMAPID_PREFACE_NOT;
    if (n < 2 || n < 2u + octets[1])
        return IMAPID_PREFACE_MORE;
    begin_kind(preface, IMAPID_PREFACE_SOCKS5);
    preface->step[CLIENT] = STEP_REQUEST;
    return take(2u + octets[1], n, n_used);
}

/* The octets of a request or its answer, 5, code, 0, kind of address, address, port; 0: more are
 * needed to tell; SIZE_MAX: of no known kind. */
static size_t n_address_message(const uint8_t *octets, size_t n)
{
    if (n < 5)
        return 0;
    switch (octets[3]) {
    case 1:
        return 10;
    case 3:
        return 7u + octets[4];
    case 4:
        return 22;
    default:
        return SIZE_MAX;
    }
}

/* Behind the methods: a user and a password (version 1), or the request. */
static enum imapid_preface_status
read_socks5_request(struct imapid_preface *preface, const uint8_t *octets, size_t n, size_t *n_used)
{
    size_t n_message;

    if (octets[0] == 1) { /* 1, length, user, length, password */
        if (n < 2 || n < 3u + octets[1])
            return IMAPID_PREFACE_MORE;
        return take(3u + octets[1] + octets[2 + octets[1]], n, n_used);
    }
    if (octets[0] != 5 || (n > 1 && octets[1] != SOCKS_CONNECT))
        return IMAPID_PREFACE_REFUSED;
    n_message = n_address_message(octets, n);
    if (n_message == SIZE_MAX)
        return IMAPID_PREFACE_REFUSED;
    if (!n_message || n < n_message)
        return IMAPID_PREFACE_MORE;
    preface->port = imapid_octets_get16(octets + n_message - 2);
    preface->step[CLIENT] = STEP_BEGIN;
    return take(n_message, n, n_used);
}

static enum imapid_preface_status answer_socks5(struct imapid_preface *preface,
                                                const uint8_t *octets, size_t n, size_t *n_used)
{
    unsigned *step = &preface->step[SERVER];
    size_t n_message;

    if (octets[0] != (*step == STEP_PASSWORD ? 1 : 5))
        return *step == STEP_BEGIN ? IMAPID_PREFACE_NOT : IMAPID_PREFACE_REFUSED;
    if (n < 2)
        return IMAPID_PREFACE_MORE;
    switch (*step) {
    case STEP_BEGIN: /* 5, method */
        if (octets[1] != SOCKS5_NO_NEED && octets[1] != SOCKS5_PASSWORD)
            return IMAPID_PREFACE_REFUSED;
        *step = octets[1] == SOCKS5_PASSWORD ? STEP_PASSWORD : STEP_REQUEST;
        return take(2, n, n_used);
    case STEP_PASSWORD: /* 1, status */
        if (octets[1])
            return IMAPID_PREFACE_REFUSED;
        *step = STEP_REQUEST;
        return take(2, n, n_used);
    default:
        break;
    }
    n_message = n_address_message(octets, n);
    if (octets[1] || n_message == SIZE_MAX)
        return IMAPID_PREFACE_REFUSED;
    if (!n_message || n < n_message)
        return IMAPID_PREFACE_MORE;
    *step = STEP_BEGIN;
    preface->n_answered++;
    return take(n_message, n, n_used);
}

/* ---- CONNECT of HTTP ---- */

/* The octets of a head, up to and with its empty line; 0: it may go on; SIZE_MAX: too long. */
static size_t n_head(const uint8_t *octets, size_t n)
{
    size_t n_look = n < N_HEAD_MAX ? n : N_HEAD_MAX;

    for (size_t at = 0; at < n_look; at++) {
        const uint8_t *newline = (const uint8_t *)memchr(octets + at, '\n', n_look - at);

        if (!newline)
            break;
        at = (size_t)(newline - octets);
        if (at + 1 < n_look && octets[at + 1] == '\n')
            return at + 2;
        if (at + 2 < n_look && octets[at + 1] == '\r' && octets[at + 2] == '\n')
            return at + 3;
    }
    return n < N_HEAD_MAX ? 0 : SIZE_MAX;
}

/* The same as a status: OK with *n_message, MORE, or REFUSED where it is too long. */
static enum imapid_preface_status find_head(const uint8_t *octets, size_t n, size_t *n_message)
{
    *n_message = n_head(octets, n);
    return *n_message == SIZE_MAX ? IMAPID_PREFACE_REFUSED
           : *n_message           ? IMAPID_PREFACE_OK
                                  : IMAPID_PREFACE_MORE;
}

/* Compares the first octets, as many as there are, with a beginning. */
static bool may_begin_with(const uint8_t *octets, size_t n, const char *beginning)
{
    size_t n_beginning = strlen(beginning);

    return !memcmp(octets, beginning, n < n_beginning ? n : n_beginning);
}

/* The port behind the last colon of "host:port"; 0: none. */
static uint16_t port_of_authority(const uint8_t *octets, size_t n)
{
    unsigned port = 0;
    size_t at = n;

    while (at && imapid_is_digit(octets[at - 1]))
        at--;
    if (!at || octets[at - 1] != ':' || n - at > 5)
        return 0;
    for (; at < n; at++)
        port = port * 10 + (unsigned)(octets[at] - '0');
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* CONNECT host:port HTTP/1.x, header fields, an empty line. "CONNECT" may be a tag of IMAP as well:
 * the first line decides. */
static enum imapid_preface_status read_connect(struct imapid_preface *preface,
                                               const uint8_t *octets, size_t n, size_t *n_used)
{
    static const char method[] = "CONNECT ";
    static const size_t at = sizeof method - 1;
    const uint8_t *end, *space;
    enum imapid_preface_status found;
    size_t n_message;

    if (!may_begin_with(octets, n, method))
        return IMAPID_PREFACE_NOT;
    end = (const uint8_t *)memchr(octets, '\n', n < N_HEAD_MAX ? n : N_HEAD_MAX);
    if (!end)
        return n < N_HEAD_MAX ? IMAPID_PREFACE_MORE : IMAPID_PREFACE_NOT;
    space = (const uint8_t *)memchr(octets + at, ' ', (size_t)(end - octets) - at);
    if (!space || end - space < 9 || memcmp(space + 1, "HTTP/1.", 7) != 0)
        return IMAPID_PREFACE_NOT;
    found = find_head(octets, n, &n_message);
    if (found != IMAPID_PREFACE_OK)
        return found;
    preface->port = port_of_authority(octets + at, (size_t)(space - octets) - at);
    if (!preface->may_repeat)
        begin_kind(preface, IMAPID_PREFACE_CONNECT);
    preface->may_repeat = false;
    return take(n_message, n, n_used);
}

static bool begins_with(const uint8_t *octets, size_t n, const char *word)
{
    size_t n_word = strlen(word);

    return n >= n_word && imapid_octets_is(octets, n_word, word);
}

/* The value of Content-Length in a head; 0 where there is none; UINT64_MAX where the body's length
 * cannot be told from the head. */
static uint64_t n_body_of(const uint8_t *head, size_t n)
{
    static const char name[] = "content-length:", coded[] = "transfer-encoding:";
    uint64_t n_body = 0;

    for (size_t at = 0; at < n;) {
        const uint8_t *newline = (const uint8_t *)memchr(head + at, '\n', n - at);
        size_t end = newline ? (size_t)(newline - head) : n;

        if (begins_with(head + at, end - at, coded))
            return UINT64_MAX;
        if (begins_with(head + at, end - at, name)) {
            at += sizeof name - 1;
            while (at < end && (head[at] == ' ' || head[at] == '\t'))
                at++;
            for (n_body = 0; at < end && imapid_is_digit(head[at]) && n_body < UINT32_MAX; at++)
                n_body = n_body * 10 + (unsigned)(head[at] - '0');
        }
        at = end + 1;
    }
    return n_body < UINT32_MAX ? n_body : UINT64_MAX;
}

/* HTTP/1.x status text, header fields, an empty line; a body only where credentials are asked for */
static enum imapid_preface_status answer_connect(struct imapid_preface *preface,
                                                 const uint8_t *octets, size_t n, size_t *n_used)
{
    enum imapid_preface_status found;
    size_t n_message;
    unsigned status = 0;

    if (preface->n_body) {
        *n_used = preface->n_body < n ? (size_t)preface->n_body : n;
        preface->n_body -= *n_used;
        return IMAPID_PREFACE_OK;
    }
    if (!may_begin_with(octets, n, "HTTP/1."))
        return IMAPID_PREFACE_NOT;
    found = find_head(octets, n, &n_message);
    if (found != IMAPID_PREFACE_OK)
        return found;
    for (size_t at = 9; at < 12 && at < n_message && imapid_is_digit(octets[at]); at++)
        status = status * 10 + (unsigned)(octets[at] - '0');
    if (status >= 200 && status < 300) {
        preface->n_answered++;
    } else if (status == HTTP_NEEDS_PASSWORD) {
        preface->may_repeat = true;
        preface->n_body = n_body_of(octets, n_message);
        if (preface->n_body == UINT64_MAX)
            return IMAPID_PREFACE_REFUSED;
    } else if (status < 100 || status >= 200) {
        return IMAPID_PREFACE_REFUSED;
    }
    return take(n_message, n, n_used);
}

/* ---- both sides ---- */

static enum imapid_preface_status read_client(struct imapid_preface *preface, const uint8_t *octets,
                                              size_t n, size_t *n_used)
{
    static const read_message kinds[] = {read_proxy, read_socks4, read_socks5, read_connect};

    if (preface->step[CLIENT] == STEP_REQUEST)
        return read_socks5_request(preface, octets, n, n_used);
    for (size_t i = 0; preface->n_kinds < IMAPID_PREFACE_MAX && i < sizeof kinds / sizeof *kinds;
         i++) {
        enum imapid_preface_status status = kinds[i](preface, octets, n, n_used);

        if (status != IMAPID_PREFACE_NOT)
            return status;
    }
    return IMAPID_PREFACE_NOT;
}

static enum imapid_preface_status read_server(struct imapid_preface *preface, const uint8_t *octets,
                                              size_t n, size_t *n_used)
{
    while (preface->n_answered < preface->n_kinds) {
        switch (preface->kinds[preface->n_answered]) {
        case IMAPID_PREFACE_PROXY: /* has no answer */
            preface->n_answered++;
            break;
        case IMAPID_PREFACE_SOCKS4:
            return answer_socks4(preface, octets, n, n_used);
        case IMAPID_PREFACE_SOCKS5:
            return answer_socks5(preface, octets, n, n_used);
        case IMAPID_PREFACE_CONNECT:
            return answer_connect(preface, octets, n, n_used);
        }
    }
    return IMAPID_PREFACE_NOT;
}

enum imapid_preface_status imapid_preface_read(struct imapid_preface *preface, bool is_client,
                                               const uint8_t *octets, size_t n, size_t *n_used)
{
    enum imapid_preface_status status;

    if (preface->is_refused)
        return IMAPID_PREFACE_REFUSED;
    if (preface->is_over[is_client])
        return IMAPID_PREFACE_NOT;
    if (!n)
        return IMAPID_PREFACE_MORE;
    status = is_client ? read_client(preface, octets, n, n_used)
                       : read_server(preface, octets, n, n_used);
    preface->is_refused = status == IMAPID_PREFACE_REFUSED;
    preface->is_over[is_client] = status == IMAPID_PREFACE_NOT;
    /* A server speaks behind all of it. What begins as a header does, an empty line, is none then. */
    preface->is_over[CLIENT] |= preface->is_over[SERVER];
    return status;
}
