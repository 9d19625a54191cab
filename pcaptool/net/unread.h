/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_UNREAD_H
#define IMAPID_NET_UNREAD_H

#include "net/layer.h"

/* Packets whose layers were not read, counted by kind. */

/* Kinds that are told apart. A network has a handful; the packets of more than these are counted
 * together. */
#define IMAPID_UNREAD_N_MAX 64

struct imapid_unread_counts {
    uint64_t n_packets; /* of all kinds */
    uint64_t n_further; /* of kinds for which there was no room */
    unsigned n_kinds;
    struct {
        struct imapid_unread what;
        uint64_t n_packets;
    } kinds[IMAPID_UNREAD_N_MAX]; /* in the order in which they were met */
};

/* Counts n packets of a kind, or, where there is no room for the kind, among the further ones. */
void imapid_unread_count(struct imapid_unread_counts *counts, const struct imapid_unread *what,
                         uint64_t n);

/* What a kind is called: "ESP", "looks like vxlan"; or, where its number has no name, that number
 * as its standards write it ("0x1234", "252"). To be freed with g_free(). */
char *imapid_unread_make_name(const struct imapid_unread *what);

/* The name again of a kind that a record has, and of nothing else. To be freed with g_free(). */
char *imapid_unread_remake_name(const char *layer, uint64_t number, const char *name);

/* A kind as people read it: "link type 147 (USER0)". All of it may come from elsewhere. To be freed
 * with g_free(). */
char *imapid_unread_make_phrase(const char *layer, uint64_t number, const char *name);

/* What a user can say to have such packets read, NULL if nothing: of a layer and a name as records
 * have them, which may come from elsewhere. To be freed with g_free(). */
char *imapid_unread_make_help(const char *layer, uint64_t number, const char *name);

#endif
