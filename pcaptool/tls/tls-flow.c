/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls-flow.c: what all modules that read a TLS connection do to its state: tell the caller, end
 * a direction, give a handshake message up.
 *
 * Refuses nothing.
 *
 * Misuse: ending a direction without a reason. */
#include "tls/tls-flow.h"

void imapid_tls_say(struct imapid_tls *tls, enum imapid_tls_event event, int dir)
{
    if (tls->handler.event)
        tls->handler.event(tls->handler.ctx, event, dir, tls->stamp);
}

void imapid_tls_say_gap(struct imapid_tls *tls, int dir)
{
    tls->info.n_gaps[dir]++;
    if (tls->handler.gap)
        tls->handler.gap(tls->handler.ctx, dir, tls->stamp);
}

void imapid_tls_end(struct imapid_tls *tls, int dir, enum imapid_tls_reason reason)
{
    tls->info.stopped[dir] = reason;
    imapid_tls_say(tls, IMAPID_TLS_STOPPED, dir);
}

void imapid_tls_stop(struct imapid_tls *tls, int dir, enum imapid_tls_reason reason)
{
    if (!tls->info.stopped[dir] && !tls->info.closed[dir])
        imapid_tls_end(tls, dir, reason);
}

void imapid_tls_forget_message(struct imapid_tls_flow *flow)
{
    g_free(flow->message);
    flow->message = NULL;
    flow->n_message = 0;
    flow->n_message_room = 0;
    flow->n_head = 0;
    flow->n_left = 0;
}

void imapid_tls_break_handshake(struct imapid_tls_flow *flow)
{
    imapid_tls_forget_message(flow);
    flow->broken = true;
}
