/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_FOLLOW_LAYERS_H
#define IMAPID_FOLLOW_LAYERS_H

#include "net/tcp.h"
#include "tls/inflate.h"
#include "tls/tls-secrets.h"
#include "tls/tls.h"

/* What the octets of a connection go through before they are IMAP: TLS, the
 * security layer of SASL, DEFLATE, one over the other, or nothing. Layers are added while octets
 * flow, in this order. */
struct imapid_layers;

/* Where octets come out, in order. All may add a layer and feed it; neither may free the object.
 */
struct imapid_layers_handler {
    void (*data)(void *ctx, int dir, const uint8_t *octets, size_t n,
                 const struct imapid_stamp *packet);
    /* Octets are missing here, 0 when nobody knows how many. */
    void (*gap)(void *ctx, int dir, uint64_t n, const struct imapid_stamp *packet);
    /* `n` octets came that are no DEFLATE though that was agreed, or that the SASL mechanism encrypted, or stand behind such;
     * before the gap that they are. NULL: of no interest. */
    void (*broken)(void *ctx, int dir, size_t n, const struct imapid_stamp *packet);
    /* Nothing more of this direction can be read, whatever is sent. Said once, and not where the
     * direction came to its end. */
    void (*stop)(void *ctx, int dir);
    void *ctx;
};

/* Octets that DEFLATE may make in a capture, with what is told because of them: so many from the start, and
 * so many more for each octet that went in. It makes a thousand of one; text, and messages with it, stay far
 * below 64. */
#define IMAPID_LAYERS_INFLATE_FREE  ((int64_t)256 << 10)
#define IMAPID_LAYERS_INFLATE_RATIO 64

/* What a record takes, spelled, beside what it quotes. */
#define IMAPID_LAYERS_RECORD 1024

/* The handler is copied. `keylog` may be NULL and must outlive the object; `n_hold` as for
 * imapid_tls_new(). *n_inflate is what DEFLATE may yet make, INFLATE_FREE at first, and belongs to
 * all connections of a capture; it outlives the object. Below 0 more was told than could be foreseen. */
struct imapid_layers *imapid_layers_new(const struct imapid_layers_handler *handler,
                                        struct imapid_keylog *keylog, size_t n_hold,
                                        int64_t *n_inflate);

/* Adds a layer over those that are there. What was not given out yet goes through it; what was given
 * out and belongs to it is for imapid_layers_feed(). */
void imapid_layers_add_tls(struct imapid_layers *layers);
void imapid_layers_add_deflate(struct imapid_layers *layers);
void imapid_layers_add_sasl(struct imapid_layers *layers);

/* Octets, or their absence, as TCP delivers them. */
void imapid_layers_data(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet);
void imapid_layers_gap(struct imapid_layers *layers, int dir, uint64_t n,
                       const struct imapid_stamp *packet);

/* Octets that came out before the layer added last was known to be there: they go into that layer.
 */
void imapid_layers_feed(struct imapid_layers *layers, int dir, const uint8_t *octets, size_t n,
                        const struct imapid_stamp *packet);

/* A record is told that quotes n octets of what came out. Eleven octets can be an exchange, of which six
 * hundred are written; where they come out of DEFLATE, a few bits can. */
void imapid_layers_charge(struct imapid_layers *layers, size_t n);

/* Octets of memory that the layers hold. */
size_t imapid_layers_count_memory(const struct imapid_layers *layers);

/* Looks for secrets that were missing: octets that wait for them come out. */
void imapid_layers_retry(struct imapid_layers *layers);

/* No more octets will come. */
void imapid_layers_finish(struct imapid_layers *layers);

/* NULL while there is no TLS. */
const struct imapid_tls_info *imapid_layers_get_tls(const struct imapid_layers *layers);

/* See imapid_tls_spell_secrets(). */
void imapid_layers_spell_secrets(const struct imapid_layers *layers, GString *lines);

/* Why not everything could be read, as a word for machines ("no-key") and a phrase for people; NULL
 * where nothing is known to be missing. Constants. The direction of the client goes first. */
const char *imapid_layers_get_reason(const struct imapid_layers *layers, int client,
                                     const char **phrase);

/* The packet from which on the octets of direction *dir are no DEFLATE, though that was agreed; number
 * 0: none. */
struct imapid_stamp imapid_layers_get_damage(const struct imapid_layers *layers, int *dir);

/* NULL is allowed. */
void imapid_layers_free(struct imapid_layers *layers);

#endif
