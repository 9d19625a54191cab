/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_NET_NUMBERS_H
#define IMAPID_NET_NUMBERS_H

#include "net/decode.h"
#include "net/layer.h"

#include <stddef.h>

/* The layer that packets of a link type begin with; with UNREAD, cursor->unread is set. */
enum imapid_layer imapid_numbers_find_link_type(uint16_t link_type, struct imapid_cursor *cursor);

/* Writes the numbers of the known link types into `numbers`, at most `n_room`. Returns how many. */
size_t imapid_numbers_list_link_types(uint16_t *numbers, size_t n_room);

/* The link type to take a packet for where the user has said one: that, if the packet's own is a user
 * link type (147 to 162) or not known here. Else its own. */
uint16_t imapid_numbers_decode_link_type(const struct imapid_decode *decode, uint16_t link_type);

/* The layer behind a number of one of the other spaces, EtherTypes standing in GRE and elsewhere as
 * well. OTHER: it is known to carry no IP. UNREAD: it is not known, or known and not read here;
 * cursor->unread is set. */
enum imapid_layer imapid_numbers_find(enum imapid_number_space space, uint32_t number,
                                      struct imapid_cursor *cursor);

/* The same for what stands where an EtherType does in Ethernet: up to 1500 it is a length (IEEE
 * 802.3), and LLC follows. */
static inline enum imapid_layer imapid_numbers_find_type_or_length(unsigned type,
                                                                   struct imapid_cursor *cursor)
{
    if (type == 0x0800) /* most packets: without a search */
        return IMAPID_LAYER_IP4;
    return type <= 1500 ? IMAPID_LAYER_LLC
                        : imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

/* Whether an EtherType is one whose layer is read: Ethernet is told from other things by it. */
bool imapid_numbers_is_read_ether_type(unsigned ether_type);

/* Whether an EtherType is not known here, or for experiments. */
bool imapid_numbers_is_free_ether_type(unsigned ether_type);

/* The name of a number, NULL where it has none here. */
const char *imapid_numbers_get_name(enum imapid_number_space space, uint32_t number);

/* A space as records spell it ("link-type"), and as people read it ("link type"). Static. */
const char *imapid_numbers_get_word(enum imapid_number_space space);
const char *imapid_numbers_get_title(enum imapid_number_space space);

/* The space of a word, -1 if it is none. */
int imapid_numbers_find_space(const char *word);

#endif
