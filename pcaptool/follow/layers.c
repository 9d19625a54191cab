/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layers.c: TLS, SASL and DEFLATE of one connection, one over the other.
 *
 *     TCP -> [TLS] -> [SASL] -> [DEFLATE] -> out
 *
 * The objects below forbid to call back into themselves; that never happens here, because a layer
 * is added by whoever reads what comes out of the ones below it, and feeds the new one alone.
 *
 * Refuses: DEFLATE behind a hole or past its limit, and a SASL layer behind a hole or encrypted.
 * Misuse: feeding octets before their layer was added. */
#include "follow/layers.h"

#include <imapid/sasl.h>

#include <glib.h>
#include <string.h>

struct direction {
    struct imapid_layers *layers;
    int dir;
    struct imapid_inflate *inflate;
    struct imapid_sasl sasl;
    bool lost_sasl; /* octets of it are missing, or it is closed: nothing more can be read */
    bool told_lost; /* the gap behind which nothing can be inflated was given out */
};

struct imapid_layers {
    struct imapid_layers_handler handler;
    struct imapid_keylog *keylog;
    size_t n_hold;
    int64_t *n_inflate; /* see imapid_layers_new() */
    struct imapid_tls *tls;
    bool deflate, sasl;
    const struct imapid_stamp *packet; /* of the call that is under way */
    struct imapid_stamp damage; /* where DEFLATE could not be read first; number 0: nowhere */
    int damage_dir;
    struct direction direction[2];
};

struct imapid_layers *imapid_layers_new(const struct imapid_layers_handler *handler,
                                        struct imapid_keylog *keylog, size_t n_hold,
                                        int64_t *n_inflate)
{
    struct imapid_layers *layers = g_new0(struct imapid_layers, 1);

    layers->handler = *handler;
    layers->keylog = keylog;
    layers->n_hold = n_hold;
    layers->n_inflate = n_inflate;
    for (int dir = 0; dir < 2; dir++)
        layers->direction[dir] = (struct direction){.layers = layers, .dir = dir};
    return layers;
}

/* ---- DEFLATE ---- */

static bool on_inflated(void *ctx, const uint8_t *octets, size_t n)
{
    struct direction *direction = ctx;
    struct imapid_layers *layers = direction->layers;

    if ((int64_t)n > *layers->n_inflate)
        return false;
    *layers->n_inflate -= (int64_t)n;
    layers->handler.data(layers->handler.ctx, direction->dir, octets, n, layers->packet);
    return true;
}

static void give_inflated(struct direction *direction, const uint8_t *octets, size_t n,
                          const struct imapid_stamp *packet)
{
    struct imapid_layers *layers = direction->layers;
    enum imapid_inflate_state state;

    layers->packet = packet;
    if (imapid_inflate_get_state(direction->inflate) == IMAPID_INFLATE_GOING)
        *layers->n_inflate += (int64_t)n * IMAPID_LAYERS_INFLATE_RATIO;
    state = imapid_inflate_data(direction->inflate, octets, n);
    if (state == IMAPID_INFLATE_DAMAGED && layers->handler.broken)
        layers->handler.broken(layers->handler.ctx, direction->dir, n, packet);
    if ((state == IMAPID_INFLATE_DAMAGED || state == IMAPID_INFLATE_LOST ||
         state == IMAPID_INFLATE_STOPPED) &&
        !direction->told_lost) {
        direction->told_lost = true;
        if (state == IMAPID_INFLATE_DAMAGED && !layers->damage.number) {
            layers->damage = *packet;
            layers->damage_dir = direction->dir;
        }
        layers->handler.gap(layers->handler.ctx, direction->dir, 0, packet);
    }
}

void imapid_layers_charge(struct imapid_layers *layers, size_t n)
{
    if (layers->deflate)
        *layers->n_inflate -= (int64_t)n + IMAPID_LAYERS_RECORD;
}

/* ---- between the layers ---- */

static void above_sasl(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                       const struct imapid_stamp *packet)
{
    if (layers->deflate)
        give_inflated(&layers->direction[dir], octets, n, packet);
    else
        layers->handler.data(layers->handler.ctx, dir, octets, n, packet);
}

static void gap_above_sasl(struct imapid_layers *layers, int dir, uint64_t n,
                           const struct imapid_stamp *packet)
{
    struct direction *direction = &layers->direction[dir];

    if (layers->deflate) {
        imapid_inflate_gap(direction->inflate);
        if (direction->told_lost)
            return;
        direction->told_lost = true;
        n = 0;
    }
    layers->handler.gap(layers->handler.ctx, dir, n, packet);
}

static void lose_sasl(struct direction *direction, const struct imapid_stamp *packet)
{
    if (direction->lost_sasl)
        return;
    direction->lost_sasl = true;
    gap_above_sasl(direction->layers, direction->dir, 0, packet);
}

static void above_tls(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                      const struct imapid_stamp *packet)
{
    struct direction *direction = &layers->direction[dir];
    struct imapid_slice text;
    size_t n_used;

    if (!layers->sasl) {
        above_sasl(layers, dir, octets, n, packet);
        return;
    }
    while (!direction->lost_sasl && imapid_sasl_read(&direction->sasl, octets, n, &n_used, &text)) {
        above_sasl(layers, dir, octets + text.offset, text.n, packet);
        octets += n_used;
        n -= n_used;
    }
    if (!direction->sasl.is_closed)
        return;
    if (n && layers->handler.broken)
        layers->handler.broken(layers->handler.ctx, dir, n, packet);
    lose_sasl(direction, packet);
}

static void gap_above_tls(struct imapid_layers *layers, int dir, uint64_t n,
                          const struct imapid_stamp *packet)
{
    if (layers->sasl)
        lose_sasl(&layers->direction[dir], packet);
    else
        gap_above_sasl(layers, dir, n, packet);
}

static void on_tls_data(void *ctx, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    above_tls(ctx, dir, octets, n, packet);
}

static void on_tls_gap(void *ctx, int dir, const struct imapid_stamp *packet)
{
    gap_above_tls(ctx, dir, 0, packet);
}

static void on_tls_event(void *ctx, enum imapid_tls_event event, int dir,
                         const struct imapid_stamp *packet)
{
    struct imapid_layers *layers = ctx;

    (void)packet;
    if (event == IMAPID_TLS_STOPPED)
        layers->handler.stop(layers->handler.ctx, dir);
}

void imapid_layers_add_tls(struct imapid_layers *layers)
{
    struct imapid_tls_handler handler = {on_tls_data, on_tls_gap, on_tls_event, layers};

    if (!layers->tls)
        layers->tls = imapid_tls_new(&handler, layers->keylog, layers->n_hold);
}

void imapid_layers_add_deflate(struct imapid_layers *layers)
{
    if (layers->deflate)
        return;
    layers->deflate = true;
    for (int dir = 0; dir < 2; dir++) {
        struct imapid_inflate_handler handler = {on_inflated, &layers->direction[dir]};

        layers->direction[dir].inflate = imapid_inflate_new(&handler);
    }
}

void imapid_layers_add_sasl(struct imapid_layers *layers)
{
    layers->sasl = true;
}

/* ---- from below ---- */

void imapid_layers_data(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    if (layers->tls)
        imapid_tls_data(layers->tls, dir, octets, n, packet);
    else
        above_tls(layers, dir, octets, n, packet);
}

void imapid_layers_gap(struct imapid_layers *layers, int dir, uint64_t n,
                       const struct imapid_stamp *packet)
{
    if (layers->tls)
        imapid_tls_gap(layers->tls, dir, n, packet);
    else
        gap_above_tls(layers, dir, n, packet);
}

void imapid_layers_feed(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet)
{
    if (!n)
        return;
    if (layers->deflate)
        give_inflated(&layers->direction[dir], octets, n, packet);
    else if (layers->sasl)
        above_tls(layers, dir, octets, n, packet);
    else
        imapid_layers_data(layers, dir, octets, n, packet);
}

size_t imapid_layers_count_memory(const struct imapid_layers *layers)
{
    size_t n = sizeof *layers + (layers->tls ? imapid_tls_count_memory(layers->tls) : 0);

    for (int dir = 0; dir < 2; dir++)
        if (layers->direction[dir].inflate)
            n += imapid_inflate_count_memory(layers->direction[dir].inflate);
    return n;
}

void imapid_layers_retry(struct imapid_layers *layers)
{
    if (layers->tls)
        imapid_tls_retry(layers->tls);
}

void imapid_layers_finish(struct imapid_layers *layers)
{
    if (layers->tls)
        imapid_tls_finish(layers->tls);
}

const struct imapid_tls_info *imapid_layers_get_tls(const struct imapid_layers *layers)
{
    return layers->tls ? imapid_tls_get_info(layers->tls) : NULL;
}

void imapid_layers_spell_secrets(const struct imapid_layers *layers, GString *lines)
{
    if (layers->tls)
        imapid_tls_spell_secrets(layers->tls, lines);
}

/* For people: what of a connection's secrets the key log lacks. */
static const char *describe_no_key(const struct imapid_tls_info *info)
{
    if (info->client >= 0 && info->readable[!info->client])
        return "the key log has the server's secret for this connection, but not the client's";
    if (info->client >= 0 && info->readable[info->client])
        return "the key log has the client's secret for this connection, but not the server's";
    if (info->encrypted_hello)
        return "no key log has a line for this connection, whose ClientHello may hold another one, "
               "encrypted (ECH)";
    return imapid_tls_reason_text(IMAPID_TLS_NO_KEY);
}

const char *imapid_layers_get_reason(const struct imapid_layers *layers, int client,
                                     const char **phrase)
{
    const int dirs[2] = {client, !client};
    enum imapid_tls_reason reason =
        layers->tls ? imapid_tls_get_reason(layers->tls, client) : IMAPID_TLS_OK;

    if (reason != IMAPID_TLS_OK) {
        *phrase = reason == IMAPID_TLS_NO_KEY ? describe_no_key(imapid_tls_get_info(layers->tls))
                                              : imapid_tls_reason_text(reason);
        return imapid_tls_reason_word(reason);
    }
    for (int i = 0; i < 2; i++) {
        const struct imapid_sasl *sasl = &layers->direction[dirs[i]].sasl;

        if (layers->direction[dirs[i]].lost_sasl) {
            *phrase = sasl->is_closed ? "what the SASL mechanism encrypts cannot be read"
                                      : "octets of the SASL mechanism's layer are missing";
            return sasl->is_closed ? "sasl-layer" : "lost-sasl-layer";
        }
    }
    for (int i = 0; i < 2 && layers->deflate; i++) {
        const struct imapid_inflate *inflate = layers->direction[dirs[i]].inflate;

        switch (imapid_inflate_get_state(inflate)) {
        case IMAPID_INFLATE_DAMAGED:
            *phrase = imapid_inflate_get_text(inflate);
            return "damaged-deflate";
        case IMAPID_INFLATE_LOST:
            *phrase = imapid_inflate_get_text(inflate);
            return "lost-deflate";
        case IMAPID_INFLATE_STOPPED:
            *phrase = "it inflates to far more than text does";
            return "too-much-deflate";
        default:
            break;
        }
    }
    return NULL;
}

struct imapid_stamp imapid_layers_get_damage(const struct imapid_layers *layers, int *dir)
{
    *dir = layers->damage_dir;
    return layers->damage;
}

void imapid_layers_free(struct imapid_layers *layers)
{
    if (!layers)
        return;
    imapid_tls_free(layers->tls);
    for (int dir = 0; dir < 2; dir++)
        imapid_inflate_free(layers->direction[dir].inflate);
    g_free(layers);
}
