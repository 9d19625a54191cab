/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Link layers, each a function that takes its header off and says what follows, and tables that
 * say which one a link type, an EtherType or an address family means. A new link layer is a
 * function and a line in a table.
 *
 * Every function has at least the octets that its line in `strippers` demands. */

#include "net/link.h"

#include <glib.h>

static uint16_t get16(const uint8_t *octets)
{
    return (uint16_t)(octets[0] << 8 | octets[1]);
}

static void take_off(struct imapid_cursor *cursor, uint32_t n)
{
    cursor->at += n;
    cursor->n -= n;
    cursor->n_wire -= n;
}

static enum imapid_layer find_ether_type(unsigned ether_type)
{
    static const struct {
        uint16_t ether_type;
        enum imapid_layer layer;
    } ether_types[] = {
        {0x0800, IMAPID_LAYER_IP4},  {0x86dd, IMAPID_LAYER_IP6},
        {0x8100, IMAPID_LAYER_VLAN}, /* 802.1Q */
        {0x88a8, IMAPID_LAYER_VLAN}, /* 802.1ad */
        {0x9100, IMAPID_LAYER_VLAN}, /* QinQ before it was a standard */
        {0x9200, IMAPID_LAYER_VLAN},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ether_types); i++)
        if (ether_types[i].ether_type == ether_type)
            return ether_types[i].layer;
    return IMAPID_LAYER_OTHER;
}

static enum imapid_layer strip_ethernet(struct imapid_cursor *cursor)
{
    unsigned type = get16(cursor->at + 12);
    take_off(cursor, 14);
    /* Up to 1500 it is a length (IEEE 802.3). */
    return type <= 1500 ? IMAPID_LAYER_LLC : find_ether_type(type);
}

static enum imapid_layer strip_vlan(struct imapid_cursor *cursor)
{
    unsigned id = get16(cursor->at) & 0xfff;
    unsigned type = get16(cursor->at + 2);
    cursor->path = (cursor->path << 12 | id) & 0xffffff;
    take_off(cursor, 4);
    return type <= 1500 ? IMAPID_LAYER_LLC : find_ether_type(type);
}

static enum imapid_layer strip_llc(struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    /* SNAP with the organisation that means "an EtherType follows" */
    if (at[0] != 0xaa || at[1] != 0xaa || at[2] != 3 || at[3] || at[4] || at[5])
        return IMAPID_LAYER_OTHER;
    unsigned type = get16(at + 6);
    take_off(cursor, 8);
    return find_ether_type(type);
}

static enum imapid_layer strip_cooked(struct imapid_cursor *cursor)
{
    unsigned type = get16(cursor->at + 14);
    take_off(cursor, 16);
    return type == 4 ? IMAPID_LAYER_LLC : find_ether_type(type);
}

static enum imapid_layer strip_cooked2(struct imapid_cursor *cursor)
{
    unsigned type = get16(cursor->at);
    take_off(cursor, 20);
    return type == 4 ? IMAPID_LAYER_LLC : find_ether_type(type);
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
    take_off(cursor, 4);
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
};

enum imapid_layer imapid_link_find_layer(uint16_t link_type)
{
    static const struct {
        uint16_t link_type;
        enum imapid_layer layer;
    } link_types[] = {
        {1, IMAPID_LAYER_ETHERNET}, {113, IMAPID_LAYER_COOKED},   {276, IMAPID_LAYER_COOKED2},
        {0, IMAPID_LAYER_LOOPBACK}, {108, IMAPID_LAYER_LOOPBACK}, {101, IMAPID_LAYER_RAW},
        {12, IMAPID_LAYER_RAW}, /* what libpcap calls raw IP inside, found in files as well */
        {14, IMAPID_LAYER_RAW}, /* and on OpenBSD */
        {228, IMAPID_LAYER_IP4},    {229, IMAPID_LAYER_IP6},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(link_types); i++)
        if (link_types[i].link_type == link_type)
            return link_types[i].layer;
    return IMAPID_LAYER_UNKNOWN;
}

enum imapid_layer imapid_link_strip(enum imapid_layer layer, struct imapid_cursor *cursor)
{
    while (layer < IMAPID_N_LAYERS_TO_STRIP) {
        if (cursor->n < strippers[layer].n_min)
            return IMAPID_LAYER_CUT;
        layer = strippers[layer].strip(cursor);
    }
    return layer;
}
