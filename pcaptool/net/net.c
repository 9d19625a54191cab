/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c: takes a packet through link, IP and TCP, and where IP carries a tunnel, through all of
 * that again, to a bounded depth. A packet of no use is counted by its reason and left at the
 * first header that shows it.
 *
 * Refuses more tunnels inside one another than IMAPID_TUNNEL_N_MAX.
 *
 * Misuse: packets in another order than that of the capture. */

#include "net/net.h"

#include <imapid/checksum.h>

#include "net/esp.h"
#include "net/fragments.h"
#include "net/icmp.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/numbers.h"
#include "net/tunnel.h"
#include "number.h"

#include <glib.h>

/* Of headers without options. */
#define N_ETHERNET   14
#define N_IP4_HEADER 20
#define N_TCP_HEADER 20

struct imapid_net {
    struct imapid_tcp *tcp;
    /* By how many tunnels they are in, so that the octets put together outside stay while what is
     * inside is put together. NULL until there is one. */
    struct imapid_fragments *fragments[IMAPID_TUNNEL_N_MAX];
    struct imapid_net_counts counts;
    unsigned depth;                            /* tunnels around what is looked at now */
    const struct imapid_decode *decode;        /* NULL: nothing was said */
    struct imapid_hop hops[IMAPID_PATH_N_MAX]; /* of the packet that is looked at */
    /* The last link type looked up, the layer it begins with and, of UNREAD, what that is. */
    uint16_t link_type;
    enum imapid_layer layer;
    struct imapid_unread unread;
    struct imapid_net_tap tap;
    /* uint64_t: the numbers of the packets that carried what is looked at, where these are several; the one at hand may be among
     * them. NULL: there is no tap. */
    GArray *packets;
};

static void set_link_type(struct imapid_net *net, uint16_t link_type)
{
    struct imapid_cursor cursor = {.n = 0};
    net->link_type = link_type;
    net->layer = imapid_numbers_find_link_type(link_type, &cursor);
    net->unread = cursor.unread;
}

struct imapid_net *imapid_net_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits)
{
    struct imapid_net *net = g_new0(struct imapid_net, 1);
    net->tcp = imapid_tcp_new(handler, limits);
    set_link_type(net, 1);
    return net;
}

void imapid_net_set_decode(struct imapid_net *net, const struct imapid_decode *decode)
{
    net->decode = decode;
}

static void on_packet(void *ctx, const struct imapid_stamp *packet, uint32_t stream)
{
    const struct imapid_net *net = ctx;
    for (guint i = 0; i < net->packets->len; i++)
        net->tap.packet(net->tap.ctx, g_array_index(net->packets, uint64_t, i), stream);
    net->tap.packet(net->tap.ctx, packet->number, stream);
}

static void on_segment(void *ctx, const struct imapid_segment *segment, uint32_t stream, int dir)
{
    const struct imapid_net *net = ctx;
    net->tap.segment(net->tap.ctx, segment, stream, dir);
}

void imapid_net_set_tap(struct imapid_net *net, const struct imapid_net_tap *tap)
{
    net->tap = *tap;
    if (tap->packet)
        net->packets = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    imapid_tcp_set_tap(net->tcp, &(struct imapid_tcp_tap){tap->packet ? on_packet : NULL,
                                                          tap->segment ? on_segment : NULL, net});
}

static struct imapid_segment get_segment(const struct imapid_ip *ip,
                                         const struct imapid_packet *packet)
{
    return (struct imapid_segment){
        .source = ip->source,
        .destination = ip->destination,
        .octets = ip->octets,
        .path = ip->path,
        .n_hops = ip->n_hops,
        .hops = ip->hops,
        .n = ip->n,
        .n_wire = ip->n_wire,
        .packet = {packet->number, packet->ts_ns},
        .family = ip->family,
        .ttl = ip->ttl,
    };
}

static void count_unread(struct imapid_net *net, enum imapid_number_space space, uint32_t number,
                         uint64_t n)
{
    const struct imapid_unread unread = {space, number, 0};
    imapid_unread_count(&net->counts.unread, &unread, n);
}

static void count_cut(struct imapid_net *net)
{
    net->counts.n_cut++;
    count_unread(net, IMAPID_NUMBER_HEADER, IMAPID_HEADER_CUT, 1);
}

/* TCP counts what it cannot use; here a person is told of it. */
static void count_bad_header(struct imapid_net *net, const struct imapid_ip *ip)
{
    if (ip->n < IMAPID_TCP_N_SHORTEST && ip->n_wire >= N_TCP_HEADER)
        count_cut(net);
    else
        count_unread(net, IMAPID_NUMBER_HEADER, IMAPID_HEADER_BAD_TCP, 1);
}

static inline void take_segment(struct imapid_net *net, const struct imapid_segment *segment,
                                const struct imapid_ip *ip)
{
    if (!imapid_tcp_segment(net->tcp, segment))
        count_bad_header(net, ip);
}

static void take_tcp(struct imapid_net *net, const struct imapid_ip *ip,
                     const struct imapid_packet *packet)
{
    struct imapid_segment segment = get_segment(ip, packet);
    take_segment(net, &segment, ip);
}

static void take_icmp(struct imapid_net *net, const struct imapid_ip *ip,
                      const struct imapid_packet *packet)
{
    struct imapid_ip quoted;
    struct imapid_icmp says;
    net->counts.n_not_tcp++;
    if (imapid_icmp_read(ip, &quoted, &says)) {
        struct imapid_segment segment = get_segment(&quoted, packet);
        imapid_tcp_icmp(net->tcp, &says, &segment, ip->source);
    }
}

/* Whether a datagram that begins with this header can lead to TCP, behind more headers. */
static bool may_be_tcp(const struct imapid_ip *ip)
{
    switch (ip->protocol) {
    case IMAPID_IP_TCP:
    case IMAPID_IP_AH:
    case IMAPID_IP_ESP:
        return true;
    case 0:
    case 43:
    case 60:
    case 135:
    case 139:
    case 140:
        return ip->family == 6;
    default:
        return imapid_tunnel_is_possible(ip->protocol);
    }
}

/* What came of a datagram that is given up belongs to the connection which its first octets name. */
static void on_lost(void *ctx, const struct imapid_ip *ip, const GArray *packets)
{
    struct imapid_net *net = ctx;
    GArray *current = net->packets;
    const struct imapid_packet last = {.number =
                                           g_array_index(packets, uint64_t, packets->len - 1)};
    struct imapid_segment segment = get_segment(ip, &last);

    if (ip->protocol != IMAPID_IP_TCP)
        return;
    net->packets = (GArray *)packets;
    /* It is not an error, so nothing is kept. */
    imapid_tcp_icmp(net->tcp, &(struct imapid_icmp){.error = NULL}, &segment, NULL);
    net->packets = current;
}

static void count_lost(struct imapid_net *net, struct imapid_fragments *fragments)
{
    count_unread(net, IMAPID_NUMBER_HEADER, IMAPID_HEADER_FRAGMENT,
                 imapid_fragments_take_n_unread(fragments));
}

/* Is it the first one, of which the capture has a part? It joins nothing, but is read as any packet that was cut off. */
static bool is_cut_first(const struct imapid_ip *ip)
{
    return ip->fragment_place == 0 && ip->n < ip->n_wire;
}

/* Puts a datagram together; true: it is whole now, in *ip, or as much of it as there will be. */
static bool take_fragment(struct imapid_net *net, struct imapid_ip *ip,
                          const struct imapid_packet *packet)
{
    if (!may_be_tcp(ip)) {
        net->counts.n_not_tcp++;
        return false;
    }
    net->counts.n_fragments++;
    if (!net->fragments[net->depth])
        net->fragments[net->depth] = imapid_fragments_new();
    struct imapid_fragments *fragments = net->fragments[net->depth];
    if (net->tap.packet)
        imapid_fragments_on_lost(fragments, on_lost, net);
    if (net->packets && !net->packets->len)
        g_array_append_val(net->packets, packet->number);
    if (is_cut_first(ip)) {
        ip->is_fragment = ip->more_fragments = false;
    } else {
        bool is_whole = imapid_fragments_add(fragments, ip, packet->ts_ns, net->packets,
                                             &net->counts.n_fragments_lost);
        count_lost(net, fragments);
        if (!is_whole)
            return false;
        net->counts.n_reassembled++;
    }
    switch (imapid_ip_walk(ip)) {
    case IMAPID_IP_OK:
        break;
    case IMAPID_IP_CUT:
        count_cut(net);
        return false;
    default:
        net->counts.n_malformed++;
        return false;
    }
    if (ip->is_fragment)
        net->counts.n_not_tcp++;
    return !ip->is_fragment;
}

static void take_layer(struct imapid_net *net, enum imapid_layer layer,
                       struct imapid_cursor *cursor, const struct imapid_packet *packet);

/* Behind an IP header that is no TCP's: a tunnel, if anything. */
static void take_tunnel(struct imapid_net *net, const struct imapid_ip *ip,
                        const struct imapid_packet *packet)
{
    struct imapid_cursor cursor;
    enum imapid_layer layer = imapid_tunnel_enter(net->decode, ip, &cursor);
    if (layer <= IMAPID_LAYER_IP6 && net->depth + 1 == IMAPID_TUNNEL_N_MAX)
        layer = imapid_layer_set_unread(&cursor, IMAPID_NUMBER_DEPTH, IMAPID_LAYER_N_MAX);
    net->depth++;
    take_layer(net, layer, &cursor, packet);
    net->depth--;
}

/* What ESP carried: TCP, UDP or IP. */
static void take_opened(struct imapid_net *net, const struct imapid_ip *ip,
                        const struct imapid_packet *packet)
{
    if (ip->protocol == IMAPID_IP_TCP)
        take_tcp(net, ip, packet);
    else
        take_tunnel(net, ip, packet);
}

/* A header that cannot be: of a broken sender, or what is taken for IP here is none. */
static void count_malformed(struct imapid_net *net, struct imapid_cursor *cursor)
{
    unsigned version = cursor->n > 0 ? cursor->at[0] >> 4 : 0;
    net->counts.n_malformed++;
    count_unread(net, IMAPID_NUMBER_IP_VERSION, version, 1);
}

static void take_ip(struct imapid_net *net, struct imapid_cursor *cursor,
                    const struct imapid_packet *packet)
{
    struct imapid_ip ip;
    enum imapid_ip_status status = imapid_ip_parse(cursor, &ip);
    if (status == IMAPID_IP_CUT)
        count_cut(net);
    else if (status == IMAPID_IP_MALFORMED)
        count_malformed(net, cursor);
    else if (ip.is_fragment && !take_fragment(net, &ip, packet))
        return;
    else if (ip.protocol == IMAPID_IP_TCP)
        take_tcp(net, &ip, packet);
    else if (ip.protocol == (ip.family == 4 ? IMAPID_IP_ICMP : IMAPID_IP_ICMP6))
        take_icmp(net, &ip, packet);
    else if (ip.protocol == IMAPID_IP_ESP && imapid_esp_open(&ip))
        take_opened(net, &ip, packet);
    else
        take_tunnel(net, &ip, packet);
}

/* Whether IP stands behind an EtherType that is not known, at once or behind a time stamp of 48 bits
 * (Cisco's TTag, whose EtherType everybody sets for himself). The cursor is then there. */
static bool find_ip(struct imapid_cursor *cursor)
{
    struct imapid_cursor inner = *cursor;
    if (imapid_ip_is_likely(cursor))
        return true;
    if (cursor->n < 8 || imapid_link_strip(IMAPID_LAYER_TTAG, &inner) > IMAPID_LAYER_IP6 ||
        !imapid_ip_is_likely(&inner))
        return false;
    *cursor = inner;
    return true;
}

/* What is not read; but IP that stands where its number is not known is IP all the same. */
static void take_unread(struct imapid_net *net, struct imapid_cursor *cursor,
                        const struct imapid_packet *packet)
{
    const struct imapid_unread *unread = &cursor->unread;
    if (unread->space == IMAPID_NUMBER_ETHER_TYPE &&
        imapid_numbers_is_free_ether_type(unread->number) && find_ip(cursor)) {
        take_ip(net, cursor, packet);
        return;
    }
    net->counts.n_unknown_link += unread->space == IMAPID_NUMBER_LINK_TYPE;
    imapid_unread_count(&net->counts.unread, unread, 1);
}

/* Nothing is put together yet of what is looked at. */
static inline void forget_packets(struct imapid_net *net)
{
    if (net->packets)
        g_array_set_size(net->packets, 0);
}

static inline void take_layer(struct imapid_net *net, enum imapid_layer layer,
                              struct imapid_cursor *cursor, const struct imapid_packet *packet)
{
    switch (imapid_link_strip(layer, cursor)) {
    case IMAPID_LAYER_IP4: /* what announced it may be wrong; the header is not */
    case IMAPID_LAYER_IP6:
        take_ip(net, cursor, packet);
        break;
    case IMAPID_LAYER_UNREAD:
        take_unread(net, cursor, packet);
        break;
    case IMAPID_LAYER_CUT:
        count_cut(net);
        break;
    default:
        if (net->depth > 0)
            net->counts.n_not_tcp++;
        else
            net->counts.n_not_ip++;
        break;
    }
}

/* The other packets of an A-MSDU. It ends, each being shorter by a header at least. */
static void take_rest(struct imapid_net *net, struct imapid_cursor *cursor,
                      const struct imapid_packet *packet)
{
    while (cursor->next) {
        *cursor = (struct imapid_cursor){.at = cursor->next,
                                         .n = cursor->n_next,
                                         .n_wire = cursor->n_next_wire,
                                         .hops = net->hops};
        forget_packets(net);
        take_layer(net, IMAPID_LAYER_AMSDU, cursor, packet);
    }
}

static inline void begin(const struct imapid_packet *packet, struct imapid_cursor *cursor,
                         struct imapid_hop *hops)
{
    cursor->at = packet->data;
    cursor->n = packet->n;
    cursor->n_wire = packet->n_wire;
    cursor->path = 0;
    cursor->n_hops = 0;
    cursor->hops = hops;
    cursor->next = NULL;
}

void imapid_net_packet(struct imapid_net *net, const struct imapid_packet *packet)
{
    struct imapid_cursor cursor;
    begin(packet, &cursor, net->hops);
    net->counts.n_packets++;
    if (packet->link_type != net->link_type)
        set_link_type(net, packet->link_type);
    if (net->layer == IMAPID_LAYER_UNREAD)
        cursor.unread = net->unread;
    take_layer(net, net->layer, &cursor, packet);
    if (cursor.next)
        take_rest(net, &cursor, packet);
    forget_packets(net);
}

/* The same as prepare() says, without the detour by way of all other layers, of nearly all packets there are: Ethernet,
 * IPv4 without options, TCP. False: it is none of these. */
static bool prepare_usual(const struct imapid_net *net, const struct imapid_packet *packet,
                          struct imapid_net_ahead *ahead)
{
    if (packet->link_type != 1 || packet->n < N_ETHERNET + N_IP4_HEADER + N_TCP_HEADER)
        return false;
    const uint8_t *ip = packet->data + N_ETHERNET, *octets = ip + N_IP4_HEADER;
    if (imapid_number_be16(ip - 2) != 0x0800 || ip[0] != (4 << 4 | N_IP4_HEADER / 4) ||
        ip[9] != IMAPID_IP_TCP || imapid_number_be16(ip + 6) & 0x3fff)
        return false;
    uint32_t n_total = imapid_number_be16(ip + 2), n_wire = packet->n_wire - N_ETHERNET;
    if (n_total < N_IP4_HEADER + N_TCP_HEADER || n_total > n_wire)
        return false;
    n_wire = n_total - N_IP4_HEADER;
    *ahead = (struct imapid_net_ahead){
        .family = 4,
        .ttl = ip[8],
        .addresses = N_ETHERNET + 12,
        .octets = N_ETHERNET + N_IP4_HEADER,
        .n = MIN(packet->n - N_ETHERNET - N_IP4_HEADER, n_wire),
        .n_wire = n_wire,
        .digest = imapid_tcp_digest_ip4(net->tcp, ip + 12, octets),
        .is_passable = imapid_tcp_is_passable(octets, n_wire),
    };
    return true;
}

/* Into tunnels it is not worth looking. Nothing of the object is asked that changes. */
static void prepare(const struct imapid_net *net, const struct imapid_packet *packet,
                    struct imapid_net_ahead *ahead)
{
    struct imapid_cursor cursor = {.n = 0};
    struct imapid_ip ip;
    enum imapid_layer layer = packet->link_type == 1
                                  ? IMAPID_LAYER_ETHERNET
                                  : imapid_numbers_find_link_type(packet->link_type, &cursor);
    ahead->family = 0;
    begin(packet, &cursor, NULL);
    if (layer == IMAPID_LAYER_UNREAD || imapid_link_strip(layer, &cursor) > IMAPID_LAYER_IP6 ||
        cursor.next || imapid_ip_parse(&cursor, &ip) != IMAPID_IP_OK ||
        ip.protocol != IMAPID_IP_TCP || ip.is_fragment || ip.n < IMAPID_TCP_N_SHORTEST ||
        ip.octets - packet->data > UINT16_MAX)
        return;
    struct imapid_segment segment = get_segment(&ip, packet);
    *ahead = (struct imapid_net_ahead){
        .family = ip.family,
        .ttl = ip.ttl,
        .is_on_path = ip.path != 0,
        .addresses = (uint16_t)(ip.source - packet->data),
        .octets = (uint16_t)(ip.octets - packet->data),
        .n = ip.n,
        .n_wire = ip.n_wire,
        .digest = imapid_tcp_digest(net->tcp, &segment),
        .is_passable = imapid_tcp_is_passable(ip.octets, MAX(ip.n, ip.n_wire)),
    };
}

void imapid_net_prepare(const struct imapid_net *net, const struct imapid_packet *packet,
                        struct imapid_net_ahead *ahead)
{
    if (!prepare_usual(net, packet, ahead))
        prepare(net, packet, ahead);
}

void imapid_net_judge(const struct imapid_packet *packet, struct imapid_net_ahead *ahead)
{
    const uint8_t *addresses = packet->data + ahead->addresses;
    uint32_t n_address = ahead->family == 4 ? 4 : 16;
    if (!ahead->family || ahead->n < MAX(ahead->n_wire, N_TCP_HEADER))
        return;
    ahead->has_checksum = true;
    ahead->checksum = imapid_checksum_judge(addresses, addresses + n_address, n_address,
                                            packet->data + ahead->octets, ahead->n);
}

size_t imapid_net_pass(struct imapid_net *net, const struct imapid_ahead_mark *marks, size_t n,
                       uint64_t n_before)
{
    size_t n_passed = imapid_tcp_pass(net->tcp, marks, n, n_before);
    net->counts.n_packets += n_passed;
    return n_passed;
}

size_t imapid_net_may_pass(const struct imapid_net *net, const struct imapid_ahead_mark *marks,
                           size_t n)
{
    return imapid_tcp_may_pass(net->tcp, marks, n);
}

void imapid_net_foresee(struct imapid_net *net, const struct imapid_packet *packet,
                        const struct imapid_net_ahead *ahead)
{
    if (!ahead->family)
        return;
    const uint8_t *octets = packet->data + ahead->octets;
    __builtin_prefetch(packet->data + ahead->addresses);
    __builtin_prefetch(octets + IMAPID_TCP_N_SHORTEST - 1);
    imapid_tcp_foresee(net->tcp, packet->number, octets, ahead->digest);
}

void imapid_net_packet_ahead(struct imapid_net *net, const struct imapid_packet *packet,
                             const struct imapid_net_ahead *ahead)
{
    if (!ahead->family || ahead->is_on_path) {
        imapid_net_packet(net, packet);
        return;
    }
    const uint8_t *addresses = packet->data + ahead->addresses;
    const struct imapid_ip ip = {
        .source = addresses,
        .destination = addresses + (ahead->family == 4 ? 4 : 16),
        .octets = packet->data + ahead->octets,
        .n = ahead->n,
        .n_wire = ahead->n_wire,
        .family = ahead->family,
        .ttl = ahead->ttl,
        .protocol = IMAPID_IP_TCP,
    };
    struct imapid_segment segment = get_segment(&ip, packet);
    segment.has_checksum = ahead->has_checksum;
    segment.checksum = ahead->checksum;
    net->counts.n_packets++;
    take_segment(net, &segment, &ip);
}

void imapid_net_begin_piece(struct imapid_net *net)
{
    imapid_tcp_begin_piece(net->tcp);
}

void imapid_net_begin_capture(struct imapid_net *net)
{
    imapid_tcp_begin_capture(net->tcp);
}

void imapid_net_end_new(struct imapid_net *net)
{
    imapid_tcp_end_new(net->tcp);
}

bool imapid_net_has_open(const struct imapid_net *net, int64_t ts_ns)
{
    return imapid_tcp_has_open(net->tcp, ts_ns);
}

void imapid_net_give_up(struct imapid_net *net, const struct imapid_conn *conn)
{
    imapid_tcp_give_up(net->tcp, conn);
}

void imapid_net_ignore(struct imapid_net *net, const struct imapid_conn *conn)
{
    imapid_tcp_ignore(net->tcp, conn);
}

void imapid_net_close(struct imapid_net *net)
{
    imapid_tcp_close(net->tcp);
}

void imapid_net_finish(struct imapid_net *net)
{
    for (unsigned i = 0; i < IMAPID_TUNNEL_N_MAX; i++)
        if (net->fragments[i]) {
            net->counts.n_fragments_lost += imapid_fragments_clear(net->fragments[i]);
            count_lost(net, net->fragments[i]);
        }
    imapid_tcp_finish(net->tcp);
}

const struct imapid_net_counts *imapid_net_get_counts(const struct imapid_net *net)
{
    return &net->counts;
}

const struct imapid_tcp_counts *imapid_net_get_tcp_counts(const struct imapid_net *net)
{
    return imapid_tcp_get_counts(net->tcp);
}

void imapid_net_free(struct imapid_net *net)
{
    if (!net)
        return;
    for (unsigned i = 0; i < IMAPID_TUNNEL_N_MAX; i++)
        imapid_fragments_free(net->fragments[i]);
    if (net->packets)
        g_array_unref(net->packets);
    imapid_tcp_free(net->tcp);
    g_free(net);
}
