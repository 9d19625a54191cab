/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp.c: tunnels in UDP: a table by name and port, each line a function that takes a header off
 * and says what follows.
 *
 * A port is believed where it is registered, or given by the user, and only with a header that
 * makes sense. It has to be the destination (the source is a hash, or anything), unless the table
 * says that answers come from it.
 *
 * On other ports nothing is read. What looks like a tunnel there, down to the IP header inside, is
 * counted, so that the user can be told what to say.
 *
 * Refuses a header that makes no sense on its port.
 *
 * Misuse: a fragment of a datagram. */

#include "net/udp.h"

#include "number.h"
#include "net/esp.h"
#include "net/l2tp.h"
#include "net/link.h"
#include "net/numbers.h"

#include <glib.h>
#include <string.h>

/* A header that makes no sense; imapid_udp_enter() adds the port. */
static enum imapid_layer refuse(struct imapid_cursor *cursor)
{
    return imapid_layer_set_unread(cursor, IMAPID_NUMBER_UDP_PORT, 0);
}

/* RFC 7348. The reserved fields are not looked at: others have found uses for them. */
static enum imapid_layer enter_vxlan(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    (void)ip;
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    if (!(at[0] & 0x08)) /* the number is there */
        return refuse(cursor);
    imapid_layer_add_path(cursor, IMAPID_PATH_VXLAN, imapid_number_be32(at + 4) >> 8);
    imapid_layer_take_off(cursor, 8);
    return IMAPID_LAYER_ETHERNET;
}

/* draft-ietf-nvo3-vxlan-gpe: VXLAN that says what it carries */
static enum imapid_layer enter_vxlan_gpe(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    (void)ip;
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    if (at[0] & 0x30) /* the version */
        return refuse(cursor);
    unsigned protocol = at[0] & 0x04 ? at[3] : 3;
    if (at[0] & 0x08)
        imapid_layer_add_path(cursor, IMAPID_PATH_VXLAN, imapid_number_be32(at + 4) >> 8);
    imapid_layer_take_off(cursor, 8);
    return imapid_numbers_find(IMAPID_NUMBER_NSH_PROTOCOL, protocol, cursor);
}

/* RFC 8926 */
static enum imapid_layer enter_geneve(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    (void)ip;
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    uint32_t n = 8 + (at[0] & 0x3fu) * 4;
    unsigned type = imapid_number_be16(at + 2);
    if (at[0] >> 6 != 0)
        return refuse(cursor);
    if (cursor->n < n)
        return imapid_layer_too_short(cursor, n);
    imapid_layer_add_path(cursor, IMAPID_PATH_GENEVE, imapid_number_be32(at + 4) >> 8);
    imapid_layer_take_off(cursor, n);
    return imapid_numbers_find(IMAPID_NUMBER_ETHER_TYPE, type, cursor);
}

/* Walks extension headers of GTP-U, the first being at *n octets: each has its length in fours
 * first and the next one's type last. */
static enum imapid_layer walk_gtp_extensions(const struct imapid_cursor *cursor, uint8_t type,
                                             uint32_t *n)
{
    while (type != 0) {
        if (cursor->n <= *n)
            return imapid_layer_too_short(cursor, *n + 1);
        uint32_t n_extension = cursor->at[*n] * 4u;
        if (n_extension == 0)
            return IMAPID_LAYER_OTHER;
        if (cursor->n < *n + n_extension)
            return imapid_layer_too_short(cursor, *n + n_extension);
        *n += n_extension;
        type = cursor->at[*n - 1];
    }
    return IMAPID_LAYER_RAW;
}

/* 3GPP TS 29.281, version 1. Version 0, and GTP' with which charges are told, carry no packets. */
static enum imapid_layer enter_gtp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    uint32_t n = 8;
    (void)ip;
    if (cursor->n < n)
        return imapid_layer_too_short(cursor, n);
    if (at[0] >> 5 != 1 || !(at[0] & 0x10) || at[1] != 0xff /* a packet of a subscriber */)
        return IMAPID_LAYER_OTHER;
    imapid_layer_add_path(cursor, IMAPID_PATH_GTP, imapid_number_be32(at + 4));
    cursor->n_wire = MIN(cursor->n_wire, 8u + imapid_number_be16(at + 2));
    cursor->n = MIN(cursor->n, cursor->n_wire);
    enum imapid_layer layer = IMAPID_LAYER_RAW;
    if (at[0] & 7) { /* any of three fields: all are there */
        n += 4;
        if (cursor->n < n)
            return imapid_layer_too_short(cursor, n);
        layer = walk_gtp_extensions(cursor, at[0] & 4 ? at[11] : 0, &n);
    }
    if (layer == IMAPID_LAYER_RAW)
        imapid_layer_take_off(cursor, n);
    return layer;
}

/* The TaZmen Sniffer Protocol: what it carries, tags up to an end, then that. */
static enum imapid_layer enter_tzsp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    static const struct {
        uint16_t protocol;
        enum imapid_layer layer;
    } protocols[] = {
        {1, IMAPID_LAYER_ETHERNET},
        {18, IMAPID_LAYER_WLAN},
        {119, IMAPID_LAYER_PRISM},
        {127, IMAPID_LAYER_AVS},
    };
    const uint8_t *at = cursor->at;
    enum imapid_layer layer = IMAPID_LAYER_OTHER;
    uint32_t n = 4;
    (void)ip;
    if (cursor->n < n)
        return imapid_layer_too_short(cursor, n);
    if (at[0] != 1)
        return refuse(cursor);
    if (at[1] > 1) /* neither received nor to be sent: of the protocol itself */
        return IMAPID_LAYER_OTHER;
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (protocols[i].protocol == imapid_number_be16(at + 2))
            layer = protocols[i].layer;
    if (layer == IMAPID_LAYER_OTHER)
        return refuse(cursor);
    for (;;) {
        if (cursor->n < n + 2 && (cursor->n <= n || at[n] > 1))
            return imapid_layer_too_short(cursor, n + 2);
        if (at[n] == 1) /* the end */
            break;
        n += at[n] == 0 ? 1 : 2u + at[n + 1]; /* a filler has no length */
    }
    return imapid_layer_skip(cursor, n + 1, layer);
}

static enum imapid_layer enter_l2tp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    enum imapid_layer layer = imapid_l2tp_enter(cursor);
    return layer == IMAPID_LAYER_UNREAD ? refuse(cursor) : layer;
}

#define CAPWAP_NATIVE    0x01 /* of the third octet: a frame of the binding, else Ethernet */
#define CAPWAP_FRAGMENT  0x80 /* of the fourth */
#define CAPWAP_KEEPALIVE 0x08

/* RFC 5415 and 5416: access points and their controller. Some swap the frame control field. */
static enum imapid_layer enter_capwap(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    (void)ip;
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    uint32_t n = (uint32_t)(at[1] >> 3) * 4;
    unsigned flags = at[3];
    if (at[0] != 0 || n < 8) /* another version, or DTLS */
        return refuse(cursor);
    if (flags & CAPWAP_KEEPALIVE)
        return IMAPID_LAYER_OTHER;
    if (flags & CAPWAP_FRAGMENT)
        return refuse(cursor);
    if (cursor->n < n + 2)
        return imapid_layer_too_short(cursor, n + 2);
    bool is_native = at[2] & CAPWAP_NATIVE;
    imapid_layer_take_off(cursor, n);
    if (!is_native)
        return IMAPID_LAYER_ETHERNET;
    return (cursor->at[0] & 0x0f) != 0x08 && (cursor->at[1] & 0x0f) == 0x08
               ? IMAPID_LAYER_WLAN_SWAPPED
               : IMAPID_LAYER_WLAN;
}

/* RFC 4380: IPv6, before which may stand what authenticates and an address. */
static enum imapid_layer enter_teredo(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t *at = cursor->at;
        if (cursor->n < 4)
            return imapid_layer_too_short(cursor, 4);
        uint32_t n = at[0] ? 0 : at[1] == 1 ? 13u + at[2] + at[3] : at[1] == 0 ? 8 : 0;
        if (cursor->n < n)
            return imapid_layer_too_short(cursor, n);
        imapid_layer_take_off(cursor, n);
    }
    if (cursor->n < 1)
        return imapid_layer_too_short(cursor, 1);
    return cursor->at[0] >> 4 == 6 ? IMAPID_LAYER_IP6 : IMAPID_LAYER_OTHER;
}

/* draft-massar-v6ops-ayiya: whose packet it is, a signature, the packet */
static enum imapid_layer enter_ayiya(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    (void)ip;
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    uint32_t n = 8 + (1u << (at[0] >> 4)) + (at[1] >> 4) * 4u;
    unsigned operation = at[2] & 0x0f, next = at[3];
    if (operation != 1 || (next != 4 && next != 41)) /* not a packet to be forwarded */
        return IMAPID_LAYER_OTHER;
    return imapid_layer_skip(cursor, n, IMAPID_LAYER_RAW);
}

/* HP's remote mirroring: number and time, then a frame */
static enum imapid_layer enter_erm(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    return imapid_layer_skip(cursor, 12, IMAPID_LAYER_ETHERNET);
}

/* RFC 8086 */
static enum imapid_layer enter_gre(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    return cursor->n < 4 ? imapid_layer_too_short(cursor, 4) : IMAPID_LAYER_GRE;
}

/* RFC 7510 */
static enum imapid_layer enter_mpls(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_MPLS;
}

/* RFC 3948. Four octets of 0 are the key exchange, one is what keeps the way open. */
static enum imapid_layer enter_esp(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    struct imapid_ip inner = *ip;
    if (cursor->n_wire < 8)
        return IMAPID_LAYER_OTHER;
    if (cursor->n < 4)
        return IMAPID_LAYER_CUT;
    if (imapid_number_be32(cursor->at) == 0)
        return IMAPID_LAYER_OTHER;
    inner.octets = cursor->at;
    inner.n = cursor->n;
    inner.n_wire = cursor->n_wire;
    if (!imapid_esp_open(&inner) || (inner.protocol != 4 && inner.protocol != 41))
        return refuse(cursor);
    cursor->at = inner.octets;
    cursor->n = cursor->n_wire = inner.n;
    return IMAPID_LAYER_RAW;
}

/* Nothing of it can be read: type and three octets of 0. */
static enum imapid_layer enter_wireguard(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    if (cursor->n < 4)
        return imapid_layer_too_short(cursor, 4);
    return imapid_number_be32(cursor->at) == 0x04000000 ? refuse(cursor) : IMAPID_LAYER_OTHER;
}

/* DTLS: application data of any version */
static enum imapid_layer enter_dtls(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    if (cursor->n < 2)
        return imapid_layer_too_short(cursor, 2);
    return cursor->at[0] == 23 && cursor->at[1] == 0xfe ? refuse(cursor) : IMAPID_LAYER_OTHER;
}

/* Without a header of its own. */
static enum imapid_layer enter_ip(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_RAW;
}

static enum imapid_layer enter_ethernet(const struct imapid_ip *ip, struct imapid_cursor *cursor)
{
    (void)ip;
    (void)cursor;
    return IMAPID_LAYER_ETHERNET;
}

/* ---- what looks like a tunnel ---- */

/* Each has the first 8 octets. */

static bool looks_like_vxlan(const struct imapid_cursor *cursor)
{
    return imapid_number_be32(cursor->at) == 0x08000000 && cursor->at[7] == 0;
}

static bool looks_like_vxlan_gpe(const struct imapid_cursor *cursor)
{
    return cursor->at[0] == 0x0c && cursor->at[7] == 0;
}

static bool looks_like_geneve(const struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    return at[0] >> 6 == 0 && (at[1] & 0x3f) == 0 && at[7] == 0 &&
           imapid_numbers_is_read_ether_type(imapid_number_be16(at + 2));
}

static bool looks_like_gtp(const struct imapid_cursor *cursor)
{
    return cursor->at[0] >> 4 == 3 && cursor->at[1] == 0xff;
}

static bool looks_like_tzsp(const struct imapid_cursor *cursor)
{
    return cursor->at[0] == 1 && cursor->at[1] <= 1 && cursor->at[2] == 0;
}

static bool looks_like_l2tp(const struct imapid_cursor *cursor)
{
    return (imapid_number_be16(cursor->at) & 0xb4ff) == 2;
}

static bool looks_like_gre(const struct imapid_cursor *cursor)
{
    return (imapid_number_be16(cursor->at) & 0x4fff) == 0 &&
           imapid_numbers_is_read_ether_type(imapid_number_be16(cursor->at + 2));
}

/* Much begins with these four bits, QUIC for one: every length has to be right. is_likely() sees to
 * the checksum. */
static bool looks_like_ip(const struct imapid_cursor *cursor)
{
    const uint8_t *at = cursor->at;
    if (at[0] >> 4 == 4)
        return imapid_number_be16(at + 2) == cursor->n_wire;
    if (at[0] >> 4 != 6 || cursor->n < 60 || imapid_number_be16(at + 4) + 40u != cursor->n_wire)
        return false;
    return at[6] == IMAPID_IP_TCP
               ? at[52] >> 4 >= 5 && (at[52] & 0x0f) == 0
               : at[6] == IMAPID_IP_UDP && imapid_number_be16(at + 44) + 40u == cursor->n_wire;
}

/* A stack of a few labels, and IPv4 behind it, whose header has a checksum. */
static bool looks_like_mpls(const struct imapid_cursor *cursor)
{
    const uint32_t n_label = 4, n_most = 4 * n_label;
    uint32_t at = 0;
    while (at < n_most && at + n_label < cursor->n && !(cursor->at[at + 2] & 1))
        at += n_label;
    return at < n_most && at + n_label < cursor->n && cursor->at[at + 3] &&
           cursor->at[at + n_label] >> 4 == 4;
}

static bool looks_like_ethernet(const struct imapid_cursor *cursor)
{
    const uint32_t at_type = 12;
    return cursor->n > at_type + 2 &&
           imapid_numbers_is_read_ether_type(imapid_number_be16(cursor->at + at_type));
}

/* ---- the table ---- */

static const struct tunnel {
    const char *name; /* as tshark's -d has it */
    enum imapid_path_kind kind;
    uint16_t port;  /* registered, or the usual one; 0: none */
    bool both_ways; /* it is the source's as well */
    enum imapid_layer (*enter)(const struct imapid_ip *ip, struct imapid_cursor *cursor);
    bool (*looks)(const struct imapid_cursor *cursor); /* NULL: its header looks like anything */
} tunnels[] = {
    {"vxlan", IMAPID_PATH_VXLAN, 4789, false, enter_vxlan, looks_like_vxlan},
    {"vxlan", IMAPID_PATH_VXLAN, 8472, false, enter_vxlan,
     NULL}, /* Linux before it was registered: flannel, Cilium */
    {"vxlan_gpe", IMAPID_PATH_VXLAN, 4790, false, enter_vxlan_gpe, looks_like_vxlan_gpe},
    {"geneve", IMAPID_PATH_GENEVE, 6081, false, enter_geneve, looks_like_geneve},
    {"gtp", IMAPID_PATH_GTP, 2152, false, enter_gtp, looks_like_gtp},
    {"gtpu", IMAPID_PATH_GTP, 0, false, enter_gtp, NULL},
    {"tzsp", IMAPID_PATH_TZSP, 37008, false, enter_tzsp, looks_like_tzsp},
    {"l2tp", IMAPID_PATH_L2TP, 1701, true, enter_l2tp, looks_like_l2tp},
    {"capwap.data", IMAPID_PATH_CAPWAP, 5247, true, enter_capwap, NULL},
    {"teredo", IMAPID_PATH_TEREDO, 3544, true, enter_teredo, NULL},
    {"ayiya", IMAPID_PATH_AYIYA, 5072, true, enter_ayiya, NULL},
    {"hp_erm", IMAPID_PATH_ERM, 7932, false, enter_erm, NULL},
    {"gre", IMAPID_PATH_GRE, 4754, false, enter_gre, looks_like_gre},
    {"mpls", IMAPID_PATH_MPLS, 6635, false, enter_mpls, looks_like_mpls},
    {"udpencap", IMAPID_PATH_ESP, 4500, true, enter_esp, NULL},
    {"ip", IMAPID_PATH_IP, 0, false, enter_ip, looks_like_ip},
    {"eth", IMAPID_PATH_ETHERNET, 0, false, enter_ethernet, looks_like_ethernet},
    {"wg", IMAPID_PATH_IP, 51820, true, enter_wireguard, NULL},
    {NULL, IMAPID_PATH_IP, 4755, true, enter_dtls, NULL}, /* GRE */
    {NULL, IMAPID_PATH_IP, 6636, true, enter_dtls, NULL}, /* MPLS */
};

unsigned imapid_udp_find_tunnel(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(tunnels); i++)
        if (tunnels[i].name && strcmp(tunnels[i].name, name) == 0)
            return i + 1;
    return 0;
}

const char *imapid_udp_get_name(unsigned tunnel)
{
    return tunnels[tunnel - 1].name;
}

const char *imapid_udp_get_port_name(uint16_t port)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(tunnels); i++)
        if (tunnels[i].port == port)
            return tunnels[i].name;
    return NULL;
}

char *imapid_udp_list_names(void)
{
    GString *names = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tunnels); i++)
        if (tunnels[i].name && imapid_udp_find_tunnel(tunnels[i].name) == i + 1)
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", tunnels[i].name);
    return g_string_free(names, FALSE);
}

/* The tunnel that a datagram is one of by its ports, NULL if none. */
static const struct tunnel *find_by_ports(const struct imapid_decode *decode, unsigned source,
                                          unsigned destination)
{
    for (unsigned i = 0; decode && i < decode->n_ports; i++)
        if (decode->ports[i].port == destination)
            return &tunnels[decode->ports[i].tunnel - 1];
    for (unsigned i = 0; i < G_N_ELEMENTS(tunnels); i++)
        if (tunnels[i].port &&
            (tunnels[i].port == destination || (tunnels[i].both_ways && tunnels[i].port == source)))
            return &tunnels[i];
    return NULL;
}

/* Whether what the tunnel would carry is an IP packet: its header has a checksum, or a length. */
static bool is_likely(const struct tunnel *tunnel, const struct imapid_ip *ip,
                      const struct imapid_cursor *cursor)
{
    struct imapid_cursor inner = *cursor;
    enum imapid_layer layer = imapid_link_strip(tunnel->enter(ip, &inner), &inner);
    return (layer == IMAPID_LAYER_IP4 || layer == IMAPID_LAYER_IP6) && imapid_ip_is_likely(&inner);
}

static enum imapid_layer guess(const struct imapid_ip *ip, unsigned port,
                               struct imapid_cursor *cursor)
{
    if (cursor->n < 8)
        return IMAPID_LAYER_OTHER;
    for (unsigned i = 0; i < G_N_ELEMENTS(tunnels); i++)
        if (tunnels[i].looks && tunnels[i].looks(cursor) && is_likely(&tunnels[i], ip, cursor)) {
            cursor->unread = (struct imapid_unread){IMAPID_NUMBER_UDP_PORT, port, i + 1};
            return IMAPID_LAYER_UNREAD;
        }
    return IMAPID_LAYER_OTHER;
}

enum imapid_layer imapid_udp_enter(const struct imapid_decode *decode, const struct imapid_ip *ip,
                                   struct imapid_cursor *cursor)
{
    if (cursor->n < 8)
        return imapid_layer_too_short(cursor, 8);
    unsigned source = imapid_number_be16(cursor->at), port = imapid_number_be16(cursor->at + 2);
    const struct tunnel *tunnel = find_by_ports(decode, source, port);
    imapid_layer_take_off(cursor, 8);
    if (!tunnel)
        return guess(ip, port, cursor);
    imapid_ip_add_ends(ip, cursor, tunnel->kind);
    enum imapid_layer layer = tunnel->enter(ip, cursor);
    if (layer == IMAPID_LAYER_UNREAD && cursor->unread.space == IMAPID_NUMBER_UDP_PORT)
        cursor->unread.number = tunnel->both_ways && tunnel->port == source ? source : port;
    return layer;
}
