/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: the fields of the plugin, and the items of one ID command, response or result. */
#ifndef IMAPID_DISSECTOR_TREE_H
#define IMAPID_DISSECTOR_TREE_H

#include "records.h"

/* Registers the fields and expert infos of protocol `proto`. Called once. */
void imapid_tree_register(int proto);

/* Below the item for what is known of the connection of a packet: one a packet, made the first time.
 * NULL: there is no tree. Good while the packet is dissected. */
proto_tree *imapid_tree_get_connection(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb);

/* Where a unit is in the packet: all of it, from `offset` of `tvb`. */
struct imapid_tree_place {
    tvbuff_t *tvb; /* as long as the packet is dissected */
    unsigned offset;
};

/* Adds the item of an ID command or response, with what was found about it. `other` is the other
 * half of its exchange, where it is shown; else NULL. `codes` are those about the exchange that are
 * settled here. `tree` may be NULL. */
void imapid_tree_add_ident(proto_tree *tree, packet_info *pinfo,
                           const struct imapid_tree_place *place, const struct imapid_ident *ident,
                           const struct imapid_ident *other, uint32_t codes);

/* Adds the item of a tagged response to an ID command, `n` octets, where the untagged one is in
 * another call or never came; else its status stands with that one. */
void imapid_tree_add_result(proto_tree *tree, packet_info *pinfo,
                            const struct imapid_tree_place *place, unsigned n,
                            const struct imapid_exchange_record *exchange, uint32_t codes);

/* Adds a finding about the session that a unit of `n` octets settled. `message` says more than that of
 * all such findings; NULL: nothing more. */
void imapid_tree_add_finding(proto_tree *tree, packet_info *pinfo,
                             const struct imapid_tree_place *place, unsigned n,
                             enum imapid_finding_code code, const char *message);

/* What the capture keeps back. */
enum imapid_tree_note {
    IMAPID_TREE_NOT_DECRYPTED,    /* a connection in TLS stays closed */
    IMAPID_TREE_NOT_DECRYPTED_ON, /* from here on */
    IMAPID_TREE_NOT_IN_ORDER,     /* a segment could not be read in order */
    IMAPID_TREE_NOT_SHOWN,        /* a packet has more IDs than are shown */
    IMAPID_TREE_NOT_KEPT,         /* a connection gave way: see budget.h */
    IMAPID_TREE_N_NOTES
};

/* Adds a doubt that the packet which holds `tvb` shows, and the frame that it is about. */
void imapid_tree_add_doubt(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                           enum imapid_doubt doubt, unsigned frame);

/* Adds a note about the packet that holds `tvb`. */
void imapid_tree_add_note(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                          enum imapid_tree_note note);

/* Adds an item for a header of the PROXY protocol: `n` octets at `offset`. */
void imapid_tree_add_proxy_header(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                  unsigned offset, unsigned n);

#endif
