/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One packet through link, IP and TCP. What is of no use is counted by the reason and left at the
 * first header that shows it.
 *
 * Misuse: packets out of the order of the capture. */

#include "net/net.h"

#include "net/fragments.h"
#include "net/ip.h"
#include "net/link.h"

#include <glib.h>

struct imapid_net {
    struct imapid_tcp *tcp;
    struct imapid_fragments *fragments; /* NULL until there is one */
    struct imapid_net_counts counts;
    /* the last link type looked up */
    uint16_t link_type;
    enum imapid_layer layer;
};

struct imapid_net *imapid_net_new(const struct imapid_tcp_handler *handler,
                                  const struct imapid_tcp_limits *limits)
{
    struct imapid_net *net = g_new0(struct imapid_net, 1);
    net->tcp = imapid_tcp_new(handler, limits);
    net->layer = imapid_link_find_layer(net->link_type);
    return net;
}

static void take_tcp(struct imapid_net *net, const struct imapid_ip *ip,
                     const struct imapid_packet *packet)
{
    struct imapid_segment segment = {
        .source = ip->source,
        .destination = ip->destination,
        .octets = ip->octets,
        .path = ip->path,
        .n = ip->n,
        .n_wire = ip->n_wire,
        .packet = {packet->number, packet->ts_ns},
        .family = ip->family,
    };
    imapid_tcp_segment(net->tcp, &segment);
}

/* Whether an IPv6 datagram that begins with this header can be TCP, behind more headers. */
static bool may_be_tcp(const struct imapid_ip *ip)
{
    switch (ip->protocol) {
    case IMAPID_IP_TCP:
        return true;
    case 0:
    case 43:
    case 51:
    case 60:
    case 135:
    case 139:
    case 140:
        return ip->family == 6;
    default:
        return false;
    }
}

static void take_fragment(struct imapid_net *net, struct imapid_ip *ip,
                          const struct imapid_packet *packet)
{
    if (!may_be_tcp(ip)) {
        net->counts.n_not_tcp++;
        return;
    }
    net->counts.n_fragments++;
    if (!net->fragments)
        net->fragments = imapid_fragments_new();
    if (!imapid_fragments_add(net->fragments, ip, packet->ts_ns, &net->counts.n_fragments_lost))
        return;
    net->counts.n_reassembled++;
    if (ip->family == 6 && imapid_ip_walk6(ip) != IMAPID_IP_OK)
        net->counts.n_malformed++;
    else if (ip->protocol == IMAPID_IP_TCP && !ip->is_fragment)
        take_tcp(net, ip, packet);
    else
        net->counts.n_not_tcp++;
}

static void take_ip(struct imapid_net *net, enum imapid_ip_status status, struct imapid_ip *ip,
                    const struct imapid_packet *packet)
{
    if (status == IMAPID_IP_CUT)
        net->counts.n_cut++;
    else if (status == IMAPID_IP_MALFORMED)
        net->counts.n_malformed++;
    else if (ip->is_fragment)
        take_fragment(net, ip, packet);
    else if (ip->protocol == IMAPID_IP_TCP)
        take_tcp(net, ip, packet);
    else
        net->counts.n_not_tcp++;
}

static void count_unknown_link(struct imapid_net *net, uint16_t link_type)
{
    if (net->counts.n_unknown_link++ == 0)
        net->counts.unknown_link = link_type;
}

void imapid_net_packet(struct imapid_net *net, const struct imapid_packet *packet)
{
    struct imapid_cursor cursor = {.at = packet->data, .n = packet->n, .n_wire = packet->n_wire};
    struct imapid_ip ip;
    net->counts.n_packets++;
    if (packet->link_type != net->link_type) {
        net->link_type = packet->link_type;
        net->layer = imapid_link_find_layer(packet->link_type);
    }
    switch (imapid_link_strip(net->layer, &cursor)) {
    case IMAPID_LAYER_IP4:
        take_ip(net, imapid_ip_parse4(&cursor, &ip), &ip, packet);
        break;
    case IMAPID_LAYER_IP6:
        take_ip(net, imapid_ip_parse6(&cursor, &ip), &ip, packet);
        break;
    case IMAPID_LAYER_UNKNOWN:
        count_unknown_link(net, packet->link_type);
        break;
    case IMAPID_LAYER_CUT:
        net->counts.n_cut++;
        break;
    default:
        net->counts.n_not_ip++;
        break;
    }
}

void imapid_net_finish(struct imapid_net *net)
{
    if (net->fragments)
        net->counts.n_fragments_lost += imapid_fragments_clear(net->fragments);
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
    imapid_fragments_free(net->fragments);
    imapid_tcp_free(net->tcp);
    g_free(net);
}
