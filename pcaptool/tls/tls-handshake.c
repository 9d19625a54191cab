/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-handshake.c: handshake messages, and what they change.
 *
 * Messages are put together over records, a hello in at most 64 KiB, of a server's certificate the beginning, all others without being kept
 * but for their type. What is read in the clear is not
 * authenticated; it decides only which keys are tried.
 *
 * Misuse: octets that follow of a gap without imapid_tls_break_handshake() between them.
 *
 * Refuses: a hello of more than 64 KiB. */
#include "tls/tls-handshake.h"

#include "number.h"
#include "tls/tls-early.h"
#include "tls/tls-ech.h"
#include "tls/tls-keys.h"
#include "tls/tls-master.h"

#include <glib.h>
#include <imapid/hello.h>
#include <string.h>

enum message {
    HELLO_REQUEST = 0,
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    NEW_SESSION_TICKET = 4,
    ENCRYPTED_EXTENSIONS = 8,
    CERTIFICATE = 11,
    SERVER_HELLO_DONE = 14,
    CLIENT_KEY_EXCHANGE = 16,
    FINISHED = 20,
    KEY_UPDATE = 24
};

static void stop_both(struct imapid_tls *tls, enum imapid_tls_reason reason)
{
    imapid_tls_stop(tls, 0, reason);
    imapid_tls_stop(tls, 1, reason);
}

/* Copies a name, once. */
static const uint8_t *keep(const uint8_t *kept, const uint8_t *octets, size_t n)
{
    return kept || !n ? kept : g_memdup2(octets, n);
}

/* The first protocol names of a list, whole ones only. */
static size_t cut_alpn(const uint8_t *list, size_t n)
{
    size_t at = 0;

    for (unsigned i = 0; i < IMAPID_TLS_ALPN_MAX && at < n; i++)
        at += 1u + list[at];
    return at;
}

static void note_alpn(struct imapid_tls_info *info, const struct imapid_hello *hello)
{
    if (hello->n_alpn < 2 || info->alpn)
        return;
    info->alpn = keep(info->alpn, hello->alpn + 1, hello->alpn[0]);
    info->n_alpn = hello->alpn[0];
}

static void note_client(struct imapid_tls_info *info, const struct imapid_hello *hello)
{
    if (info->has_random)
        return;
    info->has_random = true;
    info->newest = hello->newest;
    info->n_suites = (uint16_t)imapid_hello_count_suites(hello);
    memcpy(info->client_random, hello->random, IMAPID_TLS_RANDOM);
    info->early_data = hello->early_data;
    info->encrypted_hello = hello->ech != NULL;
    if (hello->n_server_name && hello->n_server_name <= IMAPID_TLS_NAME_MAX) {
        info->server_name = keep(NULL, hello->server_name, hello->n_server_name);
        info->n_server_name = (uint8_t)hello->n_server_name;
    }
    info->n_alpn_offered = (uint16_t)cut_alpn(hello->alpn, hello->n_alpn);
    info->alpn_offered = keep(NULL, hello->alpn, info->n_alpn_offered);
}

/* A hello that cannot be one. As the first message seen it is something encrypted, out of the
 * middle of a connection. */
static enum imapid_tls_reason blame(const struct imapid_tls *tls, enum imapid_tls_reason reason)
{
    return tls->info.client < 0 ? IMAPID_TLS_NO_HANDSHAKE : reason;
}

static void note_clear_suites(struct imapid_tls *tls, const struct imapid_hello *hello)
{
    tls->n_clear_suites = 0;
    for (size_t i = 0; i + 1 < hello->n_suites && tls->n_clear_suites < IMAPID_TLS_CLEAR_MAX;
         i += 2) {
        uint16_t id = imapid_number_be16(&hello->suites[i]);
        const struct imapid_suite *suite = imapid_suites_find(id);

        if (suite && imapid_suites_is_clear(suite))
            tls->clear_suites[tls->n_clear_suites++] = id;
    }
}

static void read_client_hello(struct imapid_tls *tls, int dir, const uint8_t *body, size_t n)
{
    struct imapid_hello hello;

    if (!imapid_hello_read_client(body, n, &hello) ||
        (tls->info.client >= 0 && tls->info.client != dir)) {
        stop_both(tls, blame(tls, IMAPID_TLS_MALFORMED));
        return;
    }
    tls->info.client = dir;
    tls->has_random = true;
    tls->has_hello = true;
    if (!tls->info.hello_at.number)
        tls->info.hello_at = *tls->stamp;
    tls->early_data = hello.early_data;
    memcpy(tls->origin.client_random, hello.random, IMAPID_TLS_RANDOM);
    imapid_tls_set_ticket(&tls->offered, hello.ticket, hello.n_ticket);
    imapid_tls_read_ech(tls, body, n, &hello);
    note_clear_suites(tls, &hello);
    note_client(&tls->info, &hello);
    if (!tls->suite)
        imapid_tls_say(tls, IMAPID_TLS_CLIENT_HELLO, dir);
}

/* Can what the server chose be read? */
static enum imapid_tls_reason judge(const struct imapid_tls *tls, const struct imapid_hello *hello)
{
    if (hello->version < IMAPID_TLS_1_0 || hello->version > IMAPID_TLS_1_3)
        return IMAPID_TLS_VERSION;
    if (!tls->suite || !imapid_suites_fit(tls->suite, hello->version) ||
        !imapid_suites_is_held(tls->suite))
        return IMAPID_TLS_SUITE;
    if (hello->compression || hello->truncated_mac)
        return IMAPID_TLS_OPTION;
    return IMAPID_TLS_OK;
}

static void note_server(struct imapid_tls *tls, const struct imapid_hello *hello)
{
    struct imapid_tls_info *info = &tls->info;

    if (tls->flow[!info->client].epoch == IMAPID_TLS_TRAFFIC) {
        tls->hello_lost = !tls->has_hello;
        info->n_renegotiations++;
        tls->flow[0].renewing = tls->flow[1].renewing = true;
    }
    info->version = hello->version;
    info->suite = hello->suite;
    info->suite_name = tls->suite ? tls->suite->name : NULL;
    info->encrypt_then_mac = hello->encrypt_then_mac;
    info->extended_master_secret = hello->extended_master_secret;
    info->resumed = hello->version == IMAPID_TLS_1_3 && hello->pre_shared_key;
    note_alpn(info, hello);
}

static void note_session(struct imapid_tls *tls, const struct imapid_hello *hello)
{
    memset(&tls->id, 0, sizeof tls->id);
    memset(&tls->ticket, 0, sizeof tls->ticket);
    tls->id.is_set = hello->n_session_id && hello->version != IMAPID_TLS_1_3;
    if (tls->id.is_set)
        imapid_keylog_session_key(hello->session_id, hello->n_session_id, tls->id.key);
}

/* RFC 5077 3.3: a lifetime, and a ticket of n octets behind its length. */
static void read_new_ticket(struct imapid_tls *tls, const uint8_t *body, size_t n)
{
    const size_t n_head = 6;

    if (n > n_head && n - n_head == imapid_number_be16(body + 4))
        imapid_tls_set_ticket(&tls->ticket, body + n_head, n - n_head);
}

static void read_server_hello(struct imapid_tls *tls, int dir, const uint8_t *body, size_t n)
{
    struct imapid_hello hello;
    enum imapid_tls_reason reason;

    if (!imapid_hello_read_server(body, n, &hello) || tls->info.client == dir) {
        stop_both(tls, blame(tls, IMAPID_TLS_MALFORMED));
        return;
    }
    tls->info.client = !dir;
    if (hello.is_retry) {
        tls->info.retried = true;
        imapid_tls_refuse_early(tls);
        return;
    }
    tls->suite = imapid_suites_find(hello.suite);
    tls->saw_done = false;
    note_server(tls, &hello);
    tls->has_hello = false;
    note_session(tls, &hello);
    imapid_tls_say(tls, IMAPID_TLS_SERVER_HELLO, dir);
    reason = judge(tls, &hello);
    if (reason != IMAPID_TLS_OK) {
        stop_both(tls, reason);
        return;
    }
    tls->origin.suite = tls->suite;
    tls->origin.version = hello.version;
    tls->origin.encrypt_then_mac = hello.encrypt_then_mac;
    memcpy(tls->origin.server_random, hello.random, IMAPID_TLS_RANDOM);
    if (hello.version != IMAPID_TLS_1_3 || !hello.pre_shared_key)
        imapid_tls_refuse_early(tls);
    if (hello.version == IMAPID_TLS_1_3) {
        imapid_tls_end_transcript(tls);
        imapid_tls_change_epoch(tls, 0, IMAPID_TLS_HANDSHAKE);
        imapid_tls_change_epoch(tls, 1, IMAPID_TLS_HANDSHAKE);
    }
}

static void read_encrypted_extensions(struct imapid_tls *tls, const uint8_t *body, size_t n)
{
    struct imapid_hello hello;

    if (!imapid_hello_read_extensions(body, n, &hello))
        return;
    note_alpn(&tls->info, &hello);
    if (hello.early_data)
        imapid_tls_accept_early(tls);
    else
        imapid_tls_refuse_early(tls);
}

/* Are dates and names of this certificate wanted? */
static bool is_certificate(const struct imapid_tls *tls, int dir, uint8_t type)
{
    return type == CERTIFICATE && tls->info.client >= 0 && dir != tls->info.client &&
           tls->flow[dir].epoch != IMAPID_TLS_TRAFFIC && !tls->info.certificate;
}

static void read_certificate(struct imapid_tls *tls, const uint8_t *body, size_t n)
{
    struct imapid_certificate certificate;

    if (!imapid_certificate_read(body, MIN(n, IMAPID_CERTIFICATE_MAX),
                                 tls->origin.version == IMAPID_TLS_1_3, tls->info.server_name,
                                 tls->info.n_server_name, &certificate))
        return;
    tls->info.certificate = g_memdup2(&certificate, sizeof certificate);
    tls->info.certificate_at = *tls->stamp;
}

/* Is the body of a message of this type read? */
static bool is_of_interest(const struct imapid_tls *tls, int dir, uint8_t type)
{
    enum imapid_tls_epoch epoch = tls->flow[dir].epoch;

    switch (type) {
    case CLIENT_HELLO:
    case SERVER_HELLO:
        /* In 1.3 there is no second handshake. */
        return epoch == IMAPID_TLS_CLEAR ||
               (epoch == IMAPID_TLS_TRAFFIC && tls->origin.version != IMAPID_TLS_1_3);
    case ENCRYPTED_EXTENSIONS:
        return epoch == IMAPID_TLS_HANDSHAKE;
    case NEW_SESSION_TICKET:
        return tls->suite && tls->origin.version != IMAPID_TLS_1_3 && dir != tls->info.client;
    case CLIENT_KEY_EXCHANGE:
        return tls->transcript && dir == tls->info.client;
    default:
        return false;
    }
}

/* A message of interest, whole. */
static void read_message(struct imapid_tls *tls, int dir, uint8_t type, const uint8_t *body,
                         size_t n)
{
    switch (type) {
    case CLIENT_HELLO:
        read_client_hello(tls, dir, body, n);
        break;
    case SERVER_HELLO:
        read_server_hello(tls, dir, body, n);
        break;
    case NEW_SESSION_TICKET:
        read_new_ticket(tls, body, n);
        break;
    case CLIENT_KEY_EXCHANGE:
        imapid_tls_take_key_exchange(tls, body, n);
        break;
    default:
        read_encrypted_extensions(tls, body, n);
        break;
    }
}

/* The end of any other message, of which the type says all. */
static void note_message(struct imapid_tls *tls, int dir, uint8_t type)
{
    enum imapid_tls_epoch epoch = tls->flow[dir].epoch;

    if (tls->info.client < 0 && type != HELLO_REQUEST) {
        imapid_tls_stop(tls, dir, IMAPID_TLS_NO_HANDSHAKE);
        return;
    }
    switch (type) {
    case CERTIFICATE:
    case SERVER_HELLO_DONE:
        if (dir != tls->info.client)
            tls->saw_done = true;
        break;
    case FINISHED:
        if (epoch != IMAPID_TLS_HANDSHAKE)
            break;
        if (dir == tls->info.client)
            imapid_tls_end_early(tls);
        imapid_tls_change_epoch(tls, dir, IMAPID_TLS_TRAFFIC);
        break;
    case KEY_UPDATE:
        if (epoch == IMAPID_TLS_TRAFFIC && tls->origin.version == IMAPID_TLS_1_3)
            imapid_tls_update_keys(tls, dir);
        break;
    default:
        break;
    }
}

/* Type and length have come. False: the direction was stopped. */
static bool begin_message(struct imapid_tls *tls, int dir)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    flow->n_left = (uint32_t)flow->head[1] << 16 | (uint32_t)flow->head[2] << 8 | flow->head[3];
    flow->keeping =
        is_of_interest(tls, dir, flow->head[0]) || is_certificate(tls, dir, flow->head[0]);
    if (flow->keeping && flow->head[0] != CERTIFICATE && flow->n_left > IMAPID_TLS_MESSAGE_MAX) {
        imapid_tls_stop(tls, dir, blame(tls, IMAPID_TLS_TOO_LONG));
        return false;
    }
    if (flow->head[0] == CLIENT_HELLO && flow->keeping)
        imapid_tls_begin_transcript(tls);
    if (flow->head[0] != HELLO_REQUEST)
        imapid_tls_add_transcript(tls, flow->head, sizeof flow->head);
    return true;
}

/* Appends to a message that does not come in one piece. Its room grows with what has come, not
 * with what was announced. */
static void keep_message(struct imapid_tls_flow *flow, const uint8_t *octets, size_t n)
{
    while (flow->n_message + n > flow->n_message_room) {
        flow->n_message_room = MAX(2 * flow->n_message_room, 512);
        flow->message = g_realloc(flow->message, flow->n_message_room);
    }
    memcpy(flow->message + flow->n_message, octets, n);
    flow->n_message += (uint32_t)n;
}

/* Takes of n octets what belongs to the message under way. */
static void take_body(struct imapid_tls *tls, int dir, const uint8_t **octets, size_t *n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    size_t n_take = MIN(*n, flow->n_left), n_body = n_take;
    const uint8_t *body = *octets;
    uint8_t *message;
    bool keeping = flow->keeping;

    *octets += n_take;
    *n -= n_take;
    flow->n_left -= (uint32_t)n_take;
    imapid_tls_add_transcript(tls, body, n_take);
    if (flow->keeping && (flow->n_left || flow->message) && n_take)
        keep_message(flow, body,
                     flow->head[0] == CERTIFICATE
                         ? MIN(n_take, IMAPID_CERTIFICATE_MAX - flow->n_message)
                         : n_take);
    if (flow->n_left)
        return;

    /* What the message changes may end this state; it has to be left first. */
    message = flow->message;
    if (message)
        n_body = flow->n_message;
    flow->message = NULL;
    imapid_tls_forget_message(flow);
    if (keeping && flow->head[0] == CERTIFICATE)
        read_certificate(tls, message ? message : body, n_body);
    if (keeping && flow->head[0] != CERTIFICATE)
        read_message(tls, dir, flow->head[0], message ? message : body, n_body);
    else
        note_message(tls, dir, flow->head[0]);
    g_free(message);
}

/* Behind a gap: do whole messages, and nothing else, fill the record? Only an authenticated one is
 * asked, so that this is no guess at ciphertext. */
static bool holds_whole_messages(const uint8_t *octets, size_t n)
{
    while (n >= 4) {
        size_t n_message = 4 + ((size_t)octets[1] << 16 | (size_t)octets[2] << 8 | octets[3]);

        if (n < n_message)
            return false;
        octets += n_message;
        n -= n_message;
    }
    return n == 0;
}

void imapid_tls_read_handshake(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    uint32_t n_changes = flow->n_changes;

    if (flow->broken && flow->epoch != IMAPID_TLS_CLEAR && holds_whole_messages(octets, n))
        flow->broken = false;
    /* When keys change nothing more of this record counts (RFC 8446 5.1). */
    while (n && !flow->broken && !tls->info.stopped[dir] && flow->n_changes == n_changes) {
        if (flow->n_head < sizeof flow->head) {
            flow->head[flow->n_head++] = *octets++;
            n--;
            if (flow->n_head < sizeof flow->head)
                continue;
            if (!begin_message(tls, dir))
                return;
        }
        take_body(tls, dir, &octets, &n);
    }
}
