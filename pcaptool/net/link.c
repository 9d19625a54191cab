/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.c: link layers. Each is a function that takes its header off and says what follows. What
 * numbers mean stands in numbers.c. A new link layer is a function, here or in a module of its
 * own, a line in `strippers` and one in a table of numbers.c.
 *
 * Every function has at least the octets that its line in `strippers` demands, and checks for
 * itself what it takes off beyond them. A packet has a bounded number of layers.
 *
 * Refuses, and counts as not read, a layer in no table, and more than IMAPID_LAYER_N_MAX layers in
 * one packet.
 *
 * Misuse: a function that takes off more than it has checked. */

#include "net/link.h"

#include "number.h"
#include "net/gre.h"
#include "net/numbers.h"
#include "net/pseudo.h"
#include "net/tag.h"
#include "net/wlan.h"

static enum imapid_layer strip_ethernet(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at + 12);
    imapid_layer_take_off(cursor, 14);
    return imapid_numbers_find_type_or_length(type, cursor);
}

static enum imapid_layer strip_vlan(struct imapid_cursor *cursor)
{
    unsigned id = imapid_number_be16(cursor->at) & 0xfff;
    unsigned type = imapid_number_be16(cursor->at + 2);
    /* 0 is a priority alone. */
    if (id)
        imapid_layer_add_path(cursor, IMAPID_PATH_VLAN, id);
    imapid_layer_take_off(cursor, 4);
    return imapid_numbers_find_type_or_length(type, cursor);
}

static enum imapid_layer strip_llc(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    unsigned sap = at[0];
    if (sap != 0xaa || at[1] != 0xaa || at[2] != 3) {
        imapid_layer_take_off(cursor, 3);
        return imapid_numbers_find(IMAPID_NUMBER_LLC_SAP, sap, cursor);
    }
    /* SNAP with one of the organisations that mean "an EtherType follows" (RFC 1042, 802.1H) */
    if (at[3] || at[4] || (at[5] && at[5] != 0xf8))
        return IMAPID_LAYER_OTHER;
    unsigned type = imapid_number_be16(at + 6);
    imapid_layer_take_off(cursor, 8);
    return imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

/* 802.2, and CAN and the like, have numbers below those of EtherTypes. */
static enum imapid_layer find_cooked(unsigned type, struct imapid_cursor *cursor)
{
    if (type == 4)
        return IMAPID_LAYER_LLC;
    return type <= 1500 ? IMAPID_LAYER_OTHER
                        : imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

static enum imapid_layer strip_cooked(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at + 14);
    imapid_layer_take_off(cursor, 16);
    return find_cooked(type, cursor);
}

static enum imapid_layer strip_cooked2(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at);
    imapid_layer_take_off(cursor, 20);
    return find_cooked(type, cursor);
}

static enum imapid_layer strip_loopback(struct imapid_cursor *cursor)
{
    /* All families are below 256: the octet that is not zero tells the byte order. */
    const uint8_t *at = cursor->at;
    unsigned family = at[0] ? at[0] : at[3];
    imapid_layer_take_off(cursor, 4);
    return imapid_numbers_find(IMAPID_NUMBER_FAMILY, family, cursor);
}

static enum imapid_layer strip_raw(struct imapid_cursor *cursor)
{
    unsigned version = cursor->at[0] >> 4;
    return version == 4   ? IMAPID_LAYER_IP4
           : version == 6 ? IMAPID_LAYER_IP6
                          : imapid_layer_set_unread(cursor, IMAPID_NUMBER_IP_VERSION, version);
}

static enum imapid_layer strip_mpls(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t label = (uint32_t)at[0] << 12 | (uint32_t)at[1] << 4 | at[2] >> 4;
    bool is_last = at[2] & 1;
    imapid_layer_take_off(cursor, 4);
    if (!is_last)
        return IMAPID_LAYER_MPLS;
    /* The others are the way through the core, and change with every hop. */
    imapid_layer_add_path(cursor, IMAPID_PATH_MPLS, label);
    return IMAPID_LAYER_MPLS_INNER;
}

/* The first four bits tell (RFC 4928): a version of IP, or the control word of a pseudowire, or
 * nothing of either: Ethernet without a control word. */
static enum imapid_layer strip_mpls_inner(struct imapid_cursor *cursor)
{
    switch (cursor->at[0] >> 4) {
    case 4:
        return IMAPID_LAYER_IP4;
    case 6:
        return IMAPID_LAYER_IP6;
    case 0:
        /* An address of Ethernet can begin with 0 as well; the type behind it decides. */
        if (cursor->n >= 14 &&
            imapid_numbers_is_read_ether_type(imapid_number_be16(cursor->at + 12)))
            return IMAPID_LAYER_ETHERNET;
        if (cursor->n < 4)
            return IMAPID_LAYER_CUT;
        imapid_layer_take_off(cursor, 4);
        return IMAPID_LAYER_ETHERNET;
    case 1: /* the pseudowire's own signalling (RFC 4385) */
        return IMAPID_LAYER_OTHER;
    default:
        return IMAPID_LAYER_ETHERNET;
    }
}

static enum imapid_layer strip_pppoe(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    unsigned session = imapid_number_be16(at + 2);
    if (at[0] != 0x11 || at[1] != 0)
        return IMAPID_LAYER_OTHER;
    imapid_layer_add_path(cursor, IMAPID_PATH_PPPOE, session);
    imapid_layer_take_off(cursor, 6);
    return IMAPID_LAYER_PPP;
}

static enum imapid_layer strip_ppp(struct imapid_cursor *cursor)
{
    /* Both the address with the control field and the first octet of the protocol may be left out
     * (RFC 1661 6.5, 6.6); the protocol's last octet is odd, and only that. */
    if (cursor->at[0] == 0xff && cursor->at[1] == 3)
        imapid_layer_take_off(cursor, 2);
    uint32_t n = cursor->n > 0 && cursor->at[0] & 1 ? 1 : 2;
    if (cursor->n < n)
        return IMAPID_LAYER_CUT;
    unsigned protocol = n == 1 ? cursor->at[0] : imapid_number_be16(cursor->at);
    imapid_layer_take_off(cursor, n);
    return imapid_numbers_find(IMAPID_NUMBER_PPP_PROTOCOL, protocol, cursor);
}

static enum imapid_layer strip_ppp_direction(struct imapid_cursor *cursor)
{
    imapid_layer_take_off(cursor, 1);
    /* Linux writes the direction over the address and leaves the control field. */
    if (cursor->at[0] == 3)
        imapid_layer_take_off(cursor, 1);
    return IMAPID_LAYER_PPP;
}

static enum imapid_layer strip_hdlc(struct imapid_cursor *cursor)
{
    if (cursor->at[0] != 0x0f && cursor->at[0] != 0x8f)
        return IMAPID_LAYER_PPP;
    unsigned type = imapid_number_be16(cursor->at + 2);
    imapid_layer_take_off(cursor, 4);
    return imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

/* Q.922 addresses of two to four octets, of which the last is odd. Behind them RFC 2427, or an
 * EtherType as Cisco has it. */
static enum imapid_layer strip_frame_relay(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t n = at[0] & 1 ? 1 : at[1] & 1 ? 2 : at[2] & 1 ? 3 : 4;
    if (n == 1)
        return IMAPID_LAYER_OTHER;
    imapid_layer_add_path(cursor, IMAPID_PATH_FRAME_RELAY, (at[0] >> 2) << 4 | at[1] >> 4);
    imapid_layer_take_off(cursor, n);
    if (cursor->n < 2)
        return imapid_layer_too_short(cursor, 2);
    at = cursor->at;
    unsigned type = imapid_number_be16(at);
    if (at[0] != 3) { /* no control field of unnumbered information */
        imapid_layer_take_off(cursor, 2);
        return imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
    }
    uint32_t n_pad = at[1] == 0 ? 1 : 0;
    if (cursor->n < 2 + n_pad)
        return imapid_layer_too_short(cursor, 2 + n_pad);
    unsigned nlpid = at[1 + n_pad];
    imapid_layer_take_off(cursor, 2 + n_pad);
    if (nlpid != 0x80)
        return imapid_numbers_find(IMAPID_NUMBER_NLPID, nlpid, cursor);
    if (cursor->n < 5)
        return imapid_layer_too_short(cursor, 5);
    at = cursor->at;
    type = imapid_number_be16(at + 3);
    unsigned organisation = (unsigned)at[0] << 16 | imapid_number_be16(at + 1);
    imapid_layer_take_off(cursor, 5);
    if (organisation == 0x0080c2 && (type == 1 || type == 7)) /* Ethernet with and without FCS */
        return IMAPID_LAYER_ETHERNET;
    return organisation ? IMAPID_LAYER_OTHER
                        : imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

static const struct {
    enum imapid_layer (*strip)(struct imapid_cursor *cursor);
    uint32_t n_min;
} strippers[IMAPID_N_LAYERS_TO_STRIP] = {
    [IMAPID_LAYER_ETHERNET] = {strip_ethernet, 14},
    [IMAPID_LAYER_VLAN] = {strip_vlan, 4},
    [IMAPID_LAYER_LLC] = {strip_llc, 8},
    [IMAPID_LAYER_COOKED] = {strip_cooked, 16},
    [IMAPID_LAYER_COOKED2] = {strip_cooked2, 20},
    [IMAPID_LAYER_LOOPBACK] = {strip_loopback, 4},
    [IMAPID_LAYER_RAW] = {strip_raw, 1},
    [IMAPID_LAYER_MPLS] = {strip_mpls, 4},
    [IMAPID_LAYER_MPLS_INNER] = {strip_mpls_inner, 1},
    [IMAPID_LAYER_PPPOE] = {strip_pppoe, 6},
    [IMAPID_LAYER_PPP] = {strip_ppp, 2},
    [IMAPID_LAYER_PPP_DIRECTION] = {strip_ppp_direction, 2},
    [IMAPID_LAYER_HDLC] = {strip_hdlc, 4},
    [IMAPID_LAYER_FRAME_RELAY] = {strip_frame_relay, 4},
    [IMAPID_LAYER_GRE] = {imapid_gre_strip, 4},
    [IMAPID_LAYER_ERSPAN2] = {imapid_gre_strip_erspan2, 8},
    [IMAPID_LAYER_ERSPAN3] = {imapid_gre_strip_erspan3, 12},
    [IMAPID_LAYER_WCCP] = {imapid_gre_strip_wccp, 1},
    [IMAPID_LAYER_WLAN] = {imapid_wlan_strip, 24},
    [IMAPID_LAYER_WLAN_SWAPPED] = {imapid_wlan_strip_swapped, 24},
    [IMAPID_LAYER_AMSDU] = {imapid_wlan_strip_amsdu, 14},
    [IMAPID_LAYER_RADIOTAP] = {imapid_wlan_strip_radiotap, 8},
    [IMAPID_LAYER_PRISM] = {imapid_wlan_strip_prism, 8},
    [IMAPID_LAYER_AVS] = {imapid_wlan_strip_avs, 8},
    [IMAPID_LAYER_PPI] = {imapid_wlan_strip_ppi, 8},
    [IMAPID_LAYER_VN_TAG] = {imapid_tag_strip_vn, 6},
    [IMAPID_LAYER_E_TAG] = {imapid_tag_strip_e, 8},
    [IMAPID_LAYER_TRUSTSEC] = {imapid_tag_strip_trustsec, 2},
    [IMAPID_LAYER_TRUSTSEC_GRE] = {imapid_tag_strip_trustsec_gre, 4},
    [IMAPID_LAYER_TTAG] = {imapid_tag_strip_ttag, 8},
    [IMAPID_LAYER_ARISTA] = {imapid_tag_strip_arista, 12},
    [IMAPID_LAYER_PBB] = {imapid_tag_strip_pbb, 4},
    [IMAPID_LAYER_MACSEC] = {imapid_tag_strip_macsec, 6},
    [IMAPID_LAYER_FABRICPATH] = {imapid_tag_strip_fabricpath, 2},
    [IMAPID_LAYER_REALTEK] = {imapid_tag_strip_realtek, 1},
    [IMAPID_LAYER_NSH] = {imapid_tag_strip_nsh, 8},
    [IMAPID_LAYER_DSA] = {imapid_tag_strip_dsa, 18},
    [IMAPID_LAYER_EDSA] = {imapid_tag_strip_edsa, 8},
    [IMAPID_LAYER_BROADCOM] = {imapid_tag_strip_broadcom, 18},
    [IMAPID_LAYER_BROADCOM_FIRST] = {imapid_tag_strip_broadcom_first, 4},
    [IMAPID_LAYER_NFLOG] = {imapid_pseudo_strip_nflog, 4},
    [IMAPID_LAYER_PFLOG] = {imapid_pseudo_strip_pflog, 4},
    [IMAPID_LAYER_PKTAP] = {imapid_pseudo_strip_pktap, 12},
    [IMAPID_LAYER_PKTAP_USER2] = {imapid_pseudo_strip_pktap_user2, 12},
    [IMAPID_LAYER_ENC] = {imapid_pseudo_strip_enc, 12},
    [IMAPID_LAYER_IPNET] = {imapid_pseudo_strip_ipnet, 24},
    [IMAPID_LAYER_JUNIPER_ETHERNET] = {imapid_pseudo_strip_juniper_ethernet, 4},
    [IMAPID_LAYER_FDDI] = {imapid_pseudo_strip_fddi, 13},
    [IMAPID_LAYER_IPOIB] = {imapid_pseudo_strip_ipoib, 4},
    [IMAPID_LAYER_SLIP] = {imapid_pseudo_strip_slip, 16},
};

enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor)
{
    for (unsigned n = 0; layer < IMAPID_N_LAYERS_TO_STRIP; n++) {
        if (n == IMAPID_LAYER_N_MAX)
            return imapid_layer_set_unread(cursor, IMAPID_NUMBER_DEPTH, IMAPID_LAYER_N_MAX);
        if (cursor->n < strippers[layer].n_min)
            return IMAPID_LAYER_CUT;
        layer = strippers[layer].strip(cursor);
    }
    return layer;
}
