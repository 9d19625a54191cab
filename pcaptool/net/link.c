/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Link layers, each a function that takes its header off and says what follows, and tables that
 * say which one a link type, an EtherType or an address family means. A new link layer is a
 * function and a line in a table.
 *
 * Every function has at least the octets that its line in `strippers` demands; what it takes off
 * beyond them it must see to itself. A packet has a bounded number of layers. */

#include "net/link.h"

#include "capture/number.h"
#include "net/gre.h"
#include "net/wlan.h"

#include <glib.h>

enum imapid_layer imapid_link_find_ether_type(unsigned ether_type)
{
    static const struct {
        uint16_t ether_type;
        enum imapid_layer layer;
    } ether_types[] = {
        {0x0800, IMAPID_LAYER_IP4},      {0x86dd, IMAPID_LAYER_IP6},
        {0x8100, IMAPID_LAYER_VLAN}, /* 802.1Q */
        {0x88a8, IMAPID_LAYER_VLAN}, /* 802.1ad */
        {0x9100, IMAPID_LAYER_VLAN}, /* QinQ before it was a standard */
        {0x9200, IMAPID_LAYER_VLAN},     {0x8847, IMAPID_LAYER_MPLS},
        {0x8848, IMAPID_LAYER_MPLS},     {0x8864, IMAPID_LAYER_PPPOE}, /* session stage */
        {0x6558, IMAPID_LAYER_ETHERNET}, /* from here on found in GRE */
        {0x880b, IMAPID_LAYER_PPP},      {0x22eb, IMAPID_LAYER_ERSPAN3},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ether_types); i++)
        if (ether_types[i].ether_type == ether_type)
            return ether_types[i].layer;
    return IMAPID_LAYER_OTHER;
}

static enum imapid_layer strip_ethernet(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at + 12);
    imapid_link_take_off(cursor, 14);
    /* Up to 1500 it is a length (IEEE 802.3). */
    return type <= 1500 ? IMAPID_LAYER_LLC : imapid_link_find_ether_type(type);
}

static enum imapid_layer strip_vlan(struct imapid_cursor *cursor)
{
    unsigned id = imapid_number_be16(cursor->at) & 0xfff;
    unsigned type = imapid_number_be16(cursor->at + 2);
    /* 0 is a priority alone. */
    if (id)
        cursor->path = imapid_link_add_path(cursor->path, IMAPID_PATH_VLAN, id);
    imapid_link_take_off(cursor, 4);
    return type <= 1500 ? IMAPID_LAYER_LLC : imapid_link_find_ether_type(type);
}

static enum imapid_layer strip_llc(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    /* SNAP with the organisation that means "an EtherType follows" */
    if (at[0] != 0xaa || at[1] != 0xaa || at[2] != 3 || at[3] || at[4] || at[5])
        return IMAPID_LAYER_OTHER;
    unsigned type = imapid_number_be16(at + 6);
    imapid_link_take_off(cursor, 8);
    return imapid_link_find_ether_type(type);
}

static enum imapid_layer strip_cooked(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at + 14);
    imapid_link_take_off(cursor, 16);
    return type == 4 ? IMAPID_LAYER_LLC : imapid_link_find_ether_type(type);
}

static enum imapid_layer strip_cooked2(struct imapid_cursor *cursor)
{
    unsigned type = imapid_number_be16(cursor->at);
    imapid_link_take_off(cursor, 20);
    return type == 4 ? IMAPID_LAYER_LLC : imapid_link_find_ether_type(type);
}

static enum imapid_layer strip_loopback(struct imapid_cursor *cursor)
{
    static const struct {
        uint8_t family;
        enum imapid_layer layer;
    } families[] = {
        {2, IMAPID_LAYER_IP4},  {10, IMAPID_LAYER_IP6}, /* Linux */
        {23, IMAPID_LAYER_IP6},                         /* Windows */
        {24, IMAPID_LAYER_IP6},                         /* NetBSD, OpenBSD */
        {28, IMAPID_LAYER_IP6},                         /* FreeBSD */
        {30, IMAPID_LAYER_IP6},                         /* macOS */
    };
    /* All families are below 256: the octet that is not zero tells the byte order. */
    const uint8_t *at = cursor->at;
    unsigned family = at[0] ? at[0] : at[3];
    imapid_link_take_off(cursor, 4);
    for (size_t i = 0; i < G_N_ELEMENTS(families); i++)
        if (families[i].family == family)
            return families[i].layer;
    return IMAPID_LAYER_OTHER;
}

static enum imapid_layer strip_raw(struct imapid_cursor *cursor)
{
    unsigned version = cursor->at[0] >> 4;
    return version == 4 ? IMAPID_LAYER_IP4 : version == 6 ? IMAPID_LAYER_IP6 : IMAPID_LAYER_OTHER;
}

static enum imapid_layer strip_mpls(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t label = (uint32_t)at[0] << 12 | (uint32_t)at[1] << 4 | at[2] >> 4;
    bool is_last = at[2] & 1;
    imapid_link_take_off(cursor, 4);
    if (!is_last)
        return IMAPID_LAYER_MPLS;
    /* The others are the way through the core, and change with every hop. */
    cursor->path = imapid_link_add_path(cursor->path, IMAPID_PATH_MPLS, label);
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
            imapid_link_find_ether_type(imapid_number_be16(cursor->at + 12)) != IMAPID_LAYER_OTHER)
            return IMAPID_LAYER_ETHERNET;
        if (cursor->n < 4)
            return IMAPID_LAYER_CUT;
        imapid_link_take_off(cursor, 4);
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
    cursor->path = imapid_link_add_path(cursor->path, IMAPID_PATH_PPPOE, session);
    imapid_link_take_off(cursor, 6);
    return IMAPID_LAYER_PPP;
}

static enum imapid_layer strip_ppp(struct imapid_cursor *cursor)
{
    static const struct {
        uint16_t protocol;
        enum imapid_layer layer;
    } protocols[] = {
        {0x0021, IMAPID_LAYER_IP4},
        {0x0057, IMAPID_LAYER_IP6},
        {0x0281, IMAPID_LAYER_MPLS},
        {0x0283, IMAPID_LAYER_MPLS},
    };
    /* Both the address with the control field and the first octet of the protocol may be left out
     * (RFC 1661 6.5, 6.6); the protocol's last octet is odd, and only that. */
    if (cursor->at[0] == 0xff && cursor->at[1] == 3)
        imapid_link_take_off(cursor, 2);
    uint32_t n = cursor->n > 0 && cursor->at[0] & 1 ? 1 : 2;
    if (cursor->n < n)
        return IMAPID_LAYER_CUT;
    unsigned protocol = n == 1 ? cursor->at[0] : imapid_number_be16(cursor->at);
    imapid_link_take_off(cursor, n);
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == protocol)
            return protocols[i].layer;
    return IMAPID_LAYER_OTHER;
}

static enum imapid_layer strip_ppp_direction(struct imapid_cursor *cursor)
{
    imapid_link_take_off(cursor, 1);
    /* Linux writes the direction over the address and leaves the control field. */
    if (cursor->at[0] == 3)
        imapid_link_take_off(cursor, 1);
    return IMAPID_LAYER_PPP;
}

static enum imapid_layer strip_hdlc(struct imapid_cursor *cursor)
{
    if (cursor->at[0] != 0x0f && cursor->at[0] != 0x8f)
        return IMAPID_LAYER_PPP;
    unsigned type = imapid_number_be16(cursor->at + 2);
    imapid_link_take_off(cursor, 4);
    return imapid_link_find_ether_type(type);
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
    [IMAPID_LAYER_GRE] = {imapid_gre_strip, 4},
    [IMAPID_LAYER_ERSPAN2] = {imapid_gre_strip_erspan2, 8},
    [IMAPID_LAYER_ERSPAN3] = {imapid_gre_strip_erspan3, 12},
    [IMAPID_LAYER_WLAN] = {imapid_wlan_strip, 24},
    [IMAPID_LAYER_AMSDU] = {imapid_wlan_strip_amsdu, 14},
    [IMAPID_LAYER_RADIOTAP] = {imapid_wlan_strip_radiotap, 8},
    [IMAPID_LAYER_PRISM] = {imapid_wlan_strip_prism, 8},
    [IMAPID_LAYER_AVS] = {imapid_wlan_strip_avs, 8},
    [IMAPID_LAYER_PPI] = {imapid_wlan_strip_ppi, 8},
};

enum imapid_layer imapid_link_find_layer(uint16_t link_type)
{
    static const struct {
        uint16_t link_type;
        enum imapid_layer layer;
    } link_types[] = {
        {1, IMAPID_LAYER_ETHERNET},
        {113, IMAPID_LAYER_COOKED},
        {276, IMAPID_LAYER_COOKED2},
        {0, IMAPID_LAYER_LOOPBACK},
        {108, IMAPID_LAYER_LOOPBACK},
        {101, IMAPID_LAYER_RAW},
        {12, IMAPID_LAYER_RAW}, /* what libpcap calls raw IP inside, found in files as well */
        {14, IMAPID_LAYER_RAW}, /* and on OpenBSD */
        {228, IMAPID_LAYER_IP4},
        {229, IMAPID_LAYER_IP6},
        {9, IMAPID_LAYER_HDLC}, /* PPP; some write Cisco's HDLC under this number */
        {50, IMAPID_LAYER_HDLC},
        {104, IMAPID_LAYER_HDLC},
        {51, IMAPID_LAYER_PPPOE},          /* PPP_ETHER: without the Ethernet header */
        {166, IMAPID_LAYER_PPP_DIRECTION}, /* of the Linux kernel */
        {204, IMAPID_LAYER_PPP_DIRECTION},
        {219, IMAPID_LAYER_MPLS},
        {105, IMAPID_LAYER_WLAN},
        {119, IMAPID_LAYER_PRISM},
        {127, IMAPID_LAYER_RADIOTAP},
        {163, IMAPID_LAYER_AVS},
        {192, IMAPID_LAYER_PPI},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(link_types); i++)
        if (link_types[i].link_type == link_type)
            return link_types[i].layer;
    return IMAPID_LAYER_UNKNOWN;
}

enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor)
{
    for (unsigned n = 0; layer < IMAPID_N_LAYERS_TO_STRIP; n++) {
        if (n == IMAPID_LINK_N_MAX)
            return IMAPID_LAYER_DEEP;
        if (cursor->n < strippers[layer].n_min)
            return IMAPID_LAYER_CUT;
        layer = strippers[layer].strip(cursor);
    }
    return layer;
}
