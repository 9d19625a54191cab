/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.c: octets of a TLS connection to records; tls-content.c reads these.
 *
 * A record that lies whole in the octets given is decrypted out of them; one that does not is put
 * together in the direction's buffer, of at most one record. What is decrypted lands on the stack
 * and is handed out at once. Records that wait for a secret are kept as they are, of both
 * directions in one queue, so that their order stays.
 *
 * What it refuses: octets that are no TLS stop the direction. After a gap that took the record
 * boundary with it each place that looks like a header is tried, and a record believed only when
 * it is authentic; the number of vain tries is bounded.
 *
 * Misuse: octets behind a gap without imapid_tls_gap() between them are taken for the rest of a
 * record, which is then lost, and more after it. */
#include "tls/tls.h"

#include "number.h"
#include "tls/kdf.h"
#include "tls/tls-content.h"
#include "tls/tls-early.h"
#include "tls/tls-ech.h"
#include "tls/tls-master.h"
#include "tls/tls-secrets.h"

#include <glib.h>
#include <string.h>

/* Octets decrypted in vain in one connection: some ten milliseconds' worth. */
#define BUDGET (16u << 20)

/* ---- records that wait for a secret ---- */

static void free_held(struct imapid_tls *tls)
{
    struct imapid_tls_held *held = tls->held;

    tls->n_held -= sizeof *held + held->n;
    tls->held = held->next;
    if (!tls->held)
        tls->held_end = &tls->held;
    g_free(held);
}

/* Reads what waits, up to the first record that has to wait on. */
static void read_held(struct imapid_tls *tls)
{
    const struct imapid_stamp *stamp = tls->stamp;

    while (tls->held) {
        struct imapid_tls_held *held = tls->held;

        tls->stamp = &held->stamp;
        tls->generation = imapid_keylog_get_generation(tls->keylog);
        if (imapid_tls_read_record(tls, held->dir, held->octets, held->n) == IMAPID_TLS_WAIT)
            break;
        free_held(tls);
    }
    tls->stamp = stamp;
}

static void stop_waiting(struct imapid_tls *tls)
{
    tls->n_hold = 0;
    read_held(tls);
}

static void hold(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    struct imapid_tls_held *held = g_malloc(sizeof *held + n);

    held->next = NULL;
    held->stamp = *tls->stamp;
    held->dir = dir;
    held->n = n;
    memcpy(held->octets, record, n);
    *tls->held_end = held;
    tls->held_end = &held->next;
    tls->n_held += sizeof *held + n;
}

/* A record is complete. */
static void take_record(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    if (tls->held && tls->n_held + sizeof *tls->held + n > tls->n_hold)
        stop_waiting(tls);
    if (!tls->held) {
        if (tls->keylog)
            tls->generation = imapid_keylog_get_generation(tls->keylog);
        if (imapid_tls_read_record(tls, dir, record, n) != IMAPID_TLS_WAIT)
            return;
    }
    hold(tls, dir, record, n);
}

/* ---- octets to records ---- */

static size_t get_record_length(const uint8_t *header)
{
    return IMAPID_TLS_HEADER + imapid_number_be16(header + 3);
}

static bool is_header(const uint8_t *header)
{
    return header[0] >= IMAPID_TLS_TYPE_CHANGE_CIPHER_SPEC &&
           header[0] <= IMAPID_TLS_TYPE_HEARTBEAT && header[1] == 3 && header[2] <= 4 &&
           get_record_length(header) <= IMAPID_TLS_RECORD_MAX;
}

static void append(struct imapid_tls_flow *flow, const uint8_t *octets, size_t n)
{
    memcpy(flow->pending + flow->n_pending, octets, n);
    flow->n_pending += n;
}

static void make_room(struct imapid_tls_flow *flow, size_t n)
{
    if (flow->n_room >= n)
        return;
    flow->pending = g_realloc(flow->pending, n);
    flow->n_room = n;
}

/* Takes octets up to the end of one record at most; returns how many. */
static size_t take_part(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    size_t n_take, n_record;

    if (!flow->n_pending && n >= IMAPID_TLS_HEADER && is_header(octets) &&
        n >= get_record_length(octets)) {
        n_record = get_record_length(octets);
        take_record(tls, dir, octets, n_record);
        return n_record;
    }
    make_room(flow, IMAPID_TLS_HEADER);
    if (flow->n_pending < IMAPID_TLS_HEADER) {
        n_take = MIN(n, IMAPID_TLS_HEADER - flow->n_pending);
        append(flow, octets, n_take);
        if (flow->n_pending == IMAPID_TLS_HEADER && !is_header(flow->pending))
            imapid_tls_stop(tls, dir, IMAPID_TLS_MALFORMED);
        else if (flow->n_pending == IMAPID_TLS_HEADER)
            make_room(flow, get_record_length(flow->pending));
        if (flow->n_pending < IMAPID_TLS_HEADER || imapid_tls_is_over(tls, dir) ||
            get_record_length(flow->pending) > IMAPID_TLS_HEADER)
            return n_take;
    } else {
        n_take = MIN(n, get_record_length(flow->pending) - flow->n_pending);
        append(flow, octets, n_take);
    }
    n_record = get_record_length(flow->pending);
    if (flow->n_pending == n_record) {
        flow->n_pending = 0; /* the octets stay */
        take_record(tls, dir, flow->pending, n_record);
    }
    return n_take;
}

static void take_octets(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n);

/* ---- finding records again ---- */

/* Could n octets, perhaps not a whole header, be the start of a protected record? */
static bool is_plausible(const struct imapid_tls *tls, const uint8_t *at, size_t n)
{
    bool is_1_3 = tls->origin.version == IMAPID_TLS_1_3;
    unsigned version = is_1_3 ? IMAPID_TLS_1_2 : tls->origin.version;

    if (is_1_3 ? at[0] != IMAPID_TLS_TYPE_APPLICATION_DATA
               : at[0] < IMAPID_TLS_TYPE_ALERT || at[0] > IMAPID_TLS_TYPE_HEARTBEAT)
        return false;
    if ((n > 1 && at[1] != version >> 8) || (n > 2 && at[2] != (version & 0xff)))
        return false;
    if (n < IMAPID_TLS_HEADER)
        return true;

    size_t n_record = get_record_length(at);

    return n_record <= IMAPID_TLS_RECORD_MAX &&
           n_record - IMAPID_TLS_HEADER >= imapid_cipher_least(tls->suite, tls->origin.version);
}

/* Tries what may be a whole record; true when it was one, and was read. */
static bool try_place(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    uint8_t room[IMAPID_TLS_RECORD_MAX];
    struct imapid_tls_content content = {.octets = room};
    enum imapid_tls_reason reason = IMAPID_TLS_OK;

    if (imapid_tls_try(tls, dir, record, n, &content, &reason)) {
        tls->flow[dir].searching = false;
        imapid_tls_read_content(tls, dir, &content);
        return true;
    }
    if (reason != IMAPID_TLS_WRONG_KEY && !tls->flow[dir].cipher)
        imapid_tls_stop(tls, dir, reason);
    else if (tls->budget < IMAPID_TLS_RECORD_MAX)
        imapid_tls_stop(tls, dir, IMAPID_TLS_LOST);
    return false;
}

/* Looks for a record in what was collected. What stands before the first place that could be one,
 * or is still to be completed, is dropped; what stands behind a record found is read on. */
static void search_pending(struct imapid_tls *tls, int dir)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    size_t at = 0, n = flow->n_pending, n_record;

    for (; at < n && !imapid_tls_is_over(tls, dir); at++) {
        if (!is_plausible(tls, flow->pending + at, n - at))
            continue;
        if (n - at < IMAPID_TLS_HEADER)
            break;
        n_record = get_record_length(flow->pending + at);
        if (n - at < n_record)
            break;
        if (try_place(tls, dir, flow->pending + at, n_record)) {
            uint8_t *found = flow->pending;

            flow->pending = NULL;
            flow->n_pending = flow->n_room = 0;
            take_octets(tls, dir, found + at + n_record, n - at - n_record);
            g_free(found);
            return;
        }
    }
    /* A place that waits for its end stays where it is, however small the steps octets come in. */
    flow->n_pending = n - at;
    if (at)
        memmove(flow->pending, flow->pending + at, n - at);
}

static size_t search(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    size_t n_take;

    make_room(flow, IMAPID_TLS_RECORD_MAX);
    n_take = MIN(n, flow->n_room - flow->n_pending);
    append(flow, octets, n_take);
    search_pending(tls, dir);
    return n_take;
}

/* A record is lost in part; where the next one begins is known. */
static void lose_record(struct imapid_tls *tls, int dir, uint8_t type)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    /* Before anything else was lost, what comes under handshake keys is no application data. */
    bool harmless =
        flow->epoch == IMAPID_TLS_HANDSHAKE && flow->cipher && !flow->slack && !flow->broken;

    imapid_tls_break_handshake(flow);
    imapid_tls_lose_records(tls, dir, 1);
    if (flow->cipher)
        flow->sequence++;
    if (type == IMAPID_TLS_TYPE_APPLICATION_DATA && !harmless)
        imapid_tls_say_gap(tls, dir);
}

/* The octets in front of the gap end within a record, or not; behind it nobody knows where one
 * begins. */
static void lose_boundary(struct imapid_tls *tls, int dir, uint64_t n_lost)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    if (!tls->suite) {
        imapid_tls_stop(tls, dir, IMAPID_TLS_NO_HANDSHAKE);
        return;
    }
    imapid_tls_break_handshake(flow);
    imapid_tls_lose_records(tls, dir, n_lost);
    flow->searching = true;
    flow->n_pass = 0;
    imapid_tls_say_gap(tls, dir);
}

/* Octets of the record under way, known to be, that are still to come; 0: none is under way. */
static uint64_t get_rest(const struct imapid_tls_flow *flow)
{
    if (flow->n_pass)
        return flow->n_pass;
    if (flow->n_pending < IMAPID_TLS_HEADER)
        return 0;
    return get_record_length(flow->pending) - flow->n_pending;
}

static void lose_octets(struct imapid_tls *tls, int dir, uint64_t n_lost)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    uint64_t n_rest = flow->searching ? 0 : get_rest(flow);

    if (flow->cipher && !imapid_cipher_survives_loss(flow->cipher)) {
        imapid_tls_say_gap(tls, dir);
        imapid_tls_stop(tls, dir, IMAPID_TLS_LOST);
        return;
    }
    if (n_rest && !flow->n_pass)
        lose_record(tls, dir, flow->pending[0]);
    flow->n_pending = 0;
    if (n_lost && n_lost <= n_rest)
        flow->n_pass = n_rest - n_lost;
    else
        lose_boundary(tls, dir, n_lost ? n_lost - n_rest : 0);
}

/* ---- the interface ---- */

static void take_octets(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    while (n && !imapid_tls_is_over(tls, dir)) {
        size_t n_taken;

        if (flow->n_pass) {
            n_taken = (size_t)MIN(n, flow->n_pass);
            flow->n_pass -= n_taken;
        } else if (flow->searching) {
            n_taken = search(tls, dir, octets, n);
        } else {
            n_taken = take_part(tls, dir, octets, n);
        }
        octets += n_taken;
        n -= n_taken;
    }
}

/* Gives back what a direction needs no more: the buffer between records, all when it is over. */
static void tidy(struct imapid_tls *tls, int dir)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    if (imapid_tls_is_over(tls, dir)) {
        imapid_cipher_free(flow->cipher);
        flow->cipher = NULL;
        explicit_bzero(&flow->secret, sizeof flow->secret);
        imapid_tls_break_handshake(flow);
        flow->n_pending = 0;
    }
    if (!flow->n_pending) {
        g_free(flow->pending);
        flow->pending = NULL;
        flow->n_room = 0;
    }
}

/* Ends a call. */
static void leave(struct imapid_tls *tls)
{
    tls->stamp = NULL;
    tidy(tls, 0);
    tidy(tls, 1);
}

/* Begins a call: a secret that was missing may have been added, or written to a key log file. */
static void enter(struct imapid_tls *tls, const struct imapid_stamp *stamp)
{
    tls->stamp = stamp;
    if (tls->held)
        imapid_keylog_refresh(tls->keylog);
    if (tls->held && tls->generation != imapid_keylog_get_generation(tls->keylog))
        read_held(tls);
}

struct imapid_tls *imapid_tls_new(const struct imapid_tls_handler *handler,
                                  struct imapid_keylog *keylog, size_t n_hold)
{
    struct imapid_tls *tls = g_new0(struct imapid_tls, 1);

    imapid_kdf_init();
    tls->handler = *handler;
    tls->keylog = keylog;
    tls->n_hold = n_hold;
    tls->held_end = &tls->held;
    tls->budget = BUDGET;
    tls->info.client = -1;
    tls->info.alert[0] = tls->info.alert[1] = tls->info.fatal = tls->info.warning = -1;
    return tls;
}

void imapid_tls_data(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n,
                     const struct imapid_stamp *stamp)
{
    enter(tls, stamp);
    take_octets(tls, dir, octets, n);
    leave(tls);
}

void imapid_tls_gap(struct imapid_tls *tls, int dir, uint64_t n_lost,
                    const struct imapid_stamp *stamp)
{
    enter(tls, stamp);
    /* What a gap means depends on keys: it cannot wait for them. */
    if (tls->held)
        stop_waiting(tls);
    if (!imapid_tls_is_over(tls, dir))
        lose_octets(tls, dir, n_lost);
    leave(tls);
}

void imapid_tls_retry(struct imapid_tls *tls)
{
    enter(tls, NULL);
    leave(tls);
}

/* No ServerHello. Where the other direction was stopped, or has a hole, it may have been there. */
static enum imapid_tls_reason blame_start(const struct imapid_tls *tls, int dir)
{
    const struct imapid_tls_info *info = &tls->info;

    if (info->alert[!dir] > IMAPID_TLS_CLOSE_NOTIFY)
        return IMAPID_TLS_REFUSED;
    if (!info->has_random)
        return IMAPID_TLS_NO_HANDSHAKE;
    if (info->stopped[!dir])
        return info->stopped[!dir];
    return tls->flow[!dir].searching ? IMAPID_TLS_LOST : IMAPID_TLS_UNFINISHED;
}

/* Why a direction that was read, perhaps to its end, was not read whole. */
static enum imapid_tls_reason find_flaw(const struct imapid_tls *tls, int dir)
{
    if (tls->flow[dir].damaged)
        return IMAPID_TLS_DAMAGED;
    return dir == tls->info.client ? tls->early.missed : IMAPID_TLS_OK;
}

/* Why a direction that was not stopped gave nothing, or not all. */
static enum imapid_tls_reason settle(const struct imapid_tls *tls, int dir)
{
    const struct imapid_tls_info *info = &tls->info;
    const struct imapid_tls_flow *flow = &tls->flow[dir];

    if (flow->searching)
        return IMAPID_TLS_LOST;
    if (flow->epoch == IMAPID_TLS_TRAFFIC && (flow->n_pending || flow->n_pass))
        return IMAPID_TLS_CUT;
    if (info->readable[dir])
        return IMAPID_TLS_OK;
    if (!info->has_random || !info->version)
        return blame_start(tls, dir);
    if (flow->n_unfit)
        return IMAPID_TLS_WRONG_KEY;
    if (info->alert[0] > IMAPID_TLS_CLOSE_NOTIFY || info->alert[1] > IMAPID_TLS_CLOSE_NOTIFY)
        return IMAPID_TLS_REFUSED;
    return flow->epoch == IMAPID_TLS_TRAFFIC ? IMAPID_TLS_OK : IMAPID_TLS_UNFINISHED;
}

void imapid_tls_finish(struct imapid_tls *tls)
{
    static const struct imapid_stamp none;

    enter(tls, &none);
    stop_waiting(tls);
    /* Both first, as the reason of one may be the other's. */
    const enum imapid_tls_reason reasons[2] = {settle(tls, 0), settle(tls, 1)};

    for (int dir = 0; dir < 2; dir++) {
        enum imapid_tls_reason flaw = find_flaw(tls, dir);

        if (flaw != IMAPID_TLS_OK && !tls->info.stopped[dir])
            imapid_tls_end(tls, dir, flaw);
        else if (reasons[dir] != IMAPID_TLS_OK)
            imapid_tls_stop(tls, dir, reasons[dir]);
    }
    leave(tls);
}

const struct imapid_tls_info *imapid_tls_get_info(const struct imapid_tls *tls)
{
    return &tls->info;
}

enum imapid_tls_reason imapid_tls_get_reason(const struct imapid_tls *tls, int client)
{
    return tls->info.stopped[client] ? tls->info.stopped[client] : tls->info.stopped[!client];
}

/* What libgcrypt keeps of a cipher: its key schedules, and tables for GHASH. */
#define CIPHER_STATE 2048

size_t imapid_tls_count_memory(const struct imapid_tls *tls)
{
    size_t n = sizeof *tls + tls->n_held + tls->ech.n_hello + tls->info.n_alpn_offered +
               (tls->info.certificate ? sizeof *tls->info.certificate : 0) +
               tls->n_masters * sizeof *tls->masters + (tls->transcript ? CIPHER_STATE : 0);

    for (int dir = 0; dir < 2; dir++)
        n += tls->flow[dir].n_room + tls->flow[dir].n_message_room +
             (tls->flow[dir].cipher ? CIPHER_STATE : 0);
    return n;
}

void imapid_tls_free(struct imapid_tls *tls)
{
    if (!tls)
        return;
    while (tls->held)
        free_held(tls);
    imapid_tls_free_early(tls);
    imapid_tls_free_ech(tls);
    imapid_tls_end_transcript(tls);
    imapid_tls_free_masters(tls);
    for (int dir = 0; dir < 2; dir++) {
        imapid_cipher_free(tls->flow[dir].cipher);
        g_free(tls->flow[dir].pending);
        g_free(tls->flow[dir].message);
    }
    g_free((uint8_t *)tls->info.server_name);
    g_free((uint8_t *)tls->info.alpn_offered);
    g_free((uint8_t *)tls->info.alpn);
    g_free((struct imapid_certificate *)tls->info.certificate);
    explicit_bzero(tls, sizeof *tls);
    g_free(tls);
}

/* ---- recognition ---- */

enum imapid_tls_guess imapid_tls_recognise(const uint8_t *octets, size_t n)
{
    switch (imapid_hello_recognise(octets, n)) {
    case IMAPID_HELLO_BEGINS:
        return IMAPID_TLS_HELLO;
    case IMAPID_HELLO_SHORT:
        return IMAPID_TLS_SHORT;
    default:
        break;
    }
    if (n < IMAPID_TLS_HEADER)
        return octets[0] >= IMAPID_TLS_TYPE_CHANGE_CIPHER_SPEC &&
                       octets[0] <= IMAPID_TLS_TYPE_HEARTBEAT && (n < 2 || octets[1] == 3) &&
                       (n < 3 || octets[2] <= 4)
                   ? IMAPID_TLS_SHORT
                   : IMAPID_TLS_NOT;
    return is_header(octets) ? IMAPID_TLS_RECORD : IMAPID_TLS_NOT;
}
