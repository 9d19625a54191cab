/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h: the fields of the plugin, and the items of one ID command, response or result. */
#ifndef IMAPID_DISSECTOR_TREE_H
#define IMAPID_DISSECTOR_TREE_H

#include <imapid/fields.h>
#include <imapid/list.h>

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

/* What the capture keeps back. */
enum imapid_tree_note {
    IMAPID_TREE_NOT_DECRYPTED, /* a connection in TLS stays closed */
    IMAPID_TREE_NOT_IN_ORDER,  /* a segment came late, and TCP gave it to nobody */
    IMAPID_TREE_N_NOTES
};

/* Adds a note about the packet that holds `tvb`. */
void imapid_tree_add_note(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                          enum imapid_tree_note note);

/* Adds an item for a header of the PROXY protocol: `n` octets at `offset`. */
void imapid_tree_add_proxy_header(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                  unsigned offset, unsigned n);

/* Is there one reading of the list? A fault that is only a warning leaves none in doubt. */
bool imapid_tree_is_clear(const struct imapid_ident *ident);

/* The first value that is not empty of a defined field, as UTF-8 in `scope`; NULL: there is none.
 */
const char *imapid_tree_value(wmem_allocator_t *scope, const struct imapid_ident *ident,
                              enum imapid_field field);

/* A string of a list as UTF-8 in `scope`; NULL: NIL, or missing. */
const char *imapid_tree_string(wmem_allocator_t *scope, const struct imapid_ident *ident,
                               const struct imapid_string *string);

/* Which defined field a pair of a list is; IMAPID_FIELD_OTHER: none. */
enum imapid_field imapid_tree_field(const struct imapid_ident *ident,
                                    const struct imapid_pair *pair);

/* Does it give no value at all? */
bool imapid_tree_is_empty(const struct imapid_ident *ident);

/* Who it is, in few words: name and version, or what else there is. In the packet's pool. */
const char *imapid_tree_summary(packet_info *pinfo, const struct imapid_ident *ident);

#endif
