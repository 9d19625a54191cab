/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: the fields of the plugin, and the items of one ID command, response or result. */
#ifndef IMAPID_DISSECTOR_TREE_H
#define IMAPID_DISSECTOR_TREE_H

#include <imapid/fields.h>

#include "records.h"

/* Registers the fields and expert infos of protocol `proto`. Called once. */
void imapid_tree_register(int proto);

/* Where a unit is in the packet: all of it, from `offset` of `tvb`. */
struct imapid_tree_place {
    tvbuff_t *tvb; /* as long as the packet is dissected */
    unsigned offset;
};

/* Adds the item of an ID command or response, with what was found about it. `codes` are those about
 * its exchange that are settled here. `tree` may be NULL. */
void imapid_tree_add_ident(proto_tree *tree, packet_info *pinfo,
                           const struct imapid_tree_place *place, const struct imapid_ident *ident,
                           uint32_t codes);

/* Adds the item of a tagged response to an ID command, `n` octets, where the untagged one is in
 * another call or never came; else its status stands with that one. */
void imapid_tree_add_result(proto_tree *tree, packet_info *pinfo,
                            const struct imapid_tree_place *place, unsigned n,
                            const struct imapid_exchange_record *exchange, uint32_t codes);

/* Adds a finding about the session that a unit of `n` octets settled. */
void imapid_tree_add_finding(proto_tree *tree, packet_info *pinfo,
                             const struct imapid_tree_place *place, unsigned n,
                             enum imapid_finding_code code);

/* The first value that is not empty of a defined field, as UTF-8 in `scope`; NULL: there is none.
 */
const char *imapid_tree_value(wmem_allocator_t *scope, const struct imapid_ident *ident,
                              enum imapid_field field);

/* Does it give no value at all? */
bool imapid_tree_is_empty(const struct imapid_ident *ident);

/* Who it is, in few words: name and version, or what else there is. In the packet's pool. */
const char *imapid_tree_summary(packet_info *pinfo, const struct imapid_ident *ident);

#endif
