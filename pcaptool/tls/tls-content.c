/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-content.c: a record to what is in it, in the clear or decrypted, and where that goes.
 *
 * Misuse: a record that does not stand where one has to stand; see imapid_tls_try() for those.
 *
 * Refuses: application data before the keys for it are in use, and types that it does not know: both
 * are passed over. */
#include "tls/tls-content.h"

#include "tls/tls-early.h"
#include "tls/tls-handshake.h"

#include <imapid/hello.h>

static void read_alert(struct imapid_tls *tls, int dir, const uint8_t *octets, size_t n,
                       bool authentic)
{
    if (n != 2)
        return;
    tls->info.alert[dir] = octets[1];
    if (imapid_hello_is_fatal(octets[0], octets[1])) {
        if (tls->info.fatal < 0) {
            tls->info.fatal = octets[1];
            tls->info.fatal_dir = dir;
            tls->info.fatal_at = *tls->stamp;
        }
    } else if (tls->info.warning < 0) {
        tls->info.warning = octets[1];
        tls->info.warning_dir = dir;
        tls->info.warning_at = *tls->stamp;
    }
    if (authentic && octets[1] == IMAPID_TLS_CLOSE_NOTIFY) {
        tls->info.closed[dir] = true;
        tls->info.closed_at[dir] = *tls->stamp;
        imapid_tls_say(tls, IMAPID_TLS_CLOSED, dir);
    }
}

void imapid_tls_read_content(struct imapid_tls *tls, int dir,
                             const struct imapid_tls_content *content)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];

    if (content->type == IMAPID_TLS_TYPE_HANDSHAKE) {
        imapid_tls_read_handshake(tls, dir, content->octets, content->n);
        return;
    }
    /* Handshake messages are not interleaved with other records (RFC 8446 5.1): the next one
     * begins with the next handshake record, whatever was lost. */
    imapid_tls_break_handshake(flow);
    flow->broken = false;
    if (content->type == IMAPID_TLS_TYPE_ALERT) {
        read_alert(tls, dir, content->octets, content->n, true);
    } else if (content->type == IMAPID_TLS_TYPE_CHANGE_CIPHER_SPEC) {
        if (flow->renewing)
            imapid_tls_change_epoch(tls, dir, IMAPID_TLS_TRAFFIC);
        else if (tls->origin.version != IMAPID_TLS_1_3)
            imapid_tls_stop(tls, dir, IMAPID_TLS_LOST); /* the hellos of it were */
    } else if (content->type == IMAPID_TLS_TYPE_APPLICATION_DATA &&
               flow->epoch == IMAPID_TLS_TRAFFIC && content->n) {
        if (dir != tls->info.client)
            imapid_tls_pass_early(tls);
        tls->info.n_octets[dir] += content->n;
        if (tls->handler.data)
            tls->handler.data(tls->handler.ctx, dir, content->octets, content->n, tls->stamp);
    }
}

static enum imapid_tls_result read_protected(struct imapid_tls *tls, int dir, const uint8_t *record,
                                             size_t n)
{
    struct imapid_tls_flow *flow = &tls->flow[dir];
    uint8_t room[IMAPID_TLS_RECORD_MAX];
    struct imapid_tls_content content = {.octets = room};
    enum imapid_tls_reason reason = IMAPID_TLS_OK;
    bool had_key = flow->cipher;
    bool may_be_early = tls->early_data && dir == tls->info.client &&
                        flow->epoch == IMAPID_TLS_HANDSHAKE && !had_key && !tls->early.ended;
    enum imapid_tls_result result = imapid_tls_decrypt(tls, dir, record, n, &content, &reason);

    if (result == IMAPID_TLS_TAKEN) {
        imapid_tls_read_content(tls, dir, &content);
    } else if (result == IMAPID_TLS_PASSED && may_be_early) {
        imapid_tls_take_early(tls, dir, record, n);
    } else if (result == IMAPID_TLS_PASSED) {
        tls->info.n_skipped[dir]++;
        /* Before the first key there was a gap already, or there is no application data. */
        if (had_key && record[0] == IMAPID_TLS_TYPE_APPLICATION_DATA)
            imapid_tls_say_gap(tls, dir);
    } else if (result == IMAPID_TLS_FAILED) {
        imapid_tls_stop(tls, dir, reason);
    }
    return result;
}

/* The change to protected records in 1.2 and before. In 1.3 it means nothing (RFC 8446 5). */
static void read_change(struct imapid_tls *tls, int dir)
{
    if (!tls->suite || tls->origin.version == IMAPID_TLS_1_3)
        return;
    if (dir != tls->info.client)
        tls->info.resumed = !tls->saw_done;
    imapid_tls_change_epoch(tls, dir, IMAPID_TLS_TRAFFIC);
}

/* Behind a gap the change may have been lost: is the record a protected one? */
static bool read_after_change(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    uint8_t room[IMAPID_TLS_RECORD_MAX];
    struct imapid_tls_content content = {.octets = room};
    enum imapid_tls_reason reason;

    if (!imapid_tls_try(tls, dir, record, n, &content, &reason))
        return false;
    imapid_tls_read_content(tls, dir, &content);
    return true;
}

static void read_clear(struct imapid_tls *tls, int dir, const uint8_t *record, size_t n)
{
    const uint8_t *body = record + IMAPID_TLS_HEADER;
    size_t n_body = n - IMAPID_TLS_HEADER;

    if (record[0] == IMAPID_TLS_TYPE_CHANGE_CIPHER_SPEC) {
        read_change(tls, dir);
        return;
    }
    if (tls->flow[dir].slack && tls->suite && read_after_change(tls, dir, record, n))
        return;
    if (record[0] == IMAPID_TLS_TYPE_HANDSHAKE)
        imapid_tls_read_handshake(tls, dir, body, n_body);
    else if (record[0] == IMAPID_TLS_TYPE_ALERT)
        read_alert(tls, dir, body, n_body, false);
    else if (record[0] == IMAPID_TLS_TYPE_APPLICATION_DATA && tls->early_data &&
             dir == tls->info.client)
        imapid_tls_take_early(tls, dir, record, n);
    else if (record[0] == IMAPID_TLS_TYPE_APPLICATION_DATA)
        imapid_tls_stop(tls, dir, IMAPID_TLS_NO_HANDSHAKE);
}

enum imapid_tls_result imapid_tls_read_record(struct imapid_tls *tls, int dir,
                                              const uint8_t *record, size_t n)
{
    const struct imapid_tls_flow *flow = &tls->flow[dir];

    if (imapid_tls_is_over(tls, dir))
        return IMAPID_TLS_TAKEN;
    if (flow->epoch == IMAPID_TLS_CLEAR) {
        read_clear(tls, dir, record, n);
        return IMAPID_TLS_TAKEN;
    }
    if (tls->origin.version == IMAPID_TLS_1_3 && record[0] != IMAPID_TLS_TYPE_APPLICATION_DATA) {
        /* The change for middleboxes' sake; and a client that cannot go on says so in the clear. */
        if (record[0] == IMAPID_TLS_TYPE_ALERT && !flow->cipher)
            read_alert(tls, dir, record + IMAPID_TLS_HEADER, n - IMAPID_TLS_HEADER, false);
        return IMAPID_TLS_TAKEN;
    }
    return read_protected(tls, dir, record, n);
}
