/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fragments.c: puts fragments of IP datagrams together. Each datagram has a buffer of the largest
 * size that there is, and a map of the 8-octet units that have come. Of octets that come twice the
 * first ones stay.
 *
 * Refuses fragments that the capture holds in part, fragments past 65535 octets, and a second end
 * at another place: the datagram is given up. It is given up as well 30 s after its first
 * fragment, or when room is needed for a newer one.
 *
 * Misuse: using the octets of a datagram after the next call. */

#include "net/fragments.h"

#include <glib.h>
#include <string.h>

/* Datagrams at a time: 4 MiB with their buffers. TCP over fragments is rare, and the pieces of one
 * datagram follow each other closely. */
#define N_DATAGRAMS 64

/* RFC 791 proposes 15 s, RFC 8200 demands 60, Linux and Wireshark have 30. */
#define TIMEOUT_NS (INT64_C(30) * 1000000000)

#define N_MAX   65536u
#define N_UNITS (N_MAX / 8)

/* Packets that are remembered of a datagram: each that brings something new brings a unit. */
#define N_PACKETS N_UNITS

struct datagram {
    uint8_t source[16], destination[16];
    uint32_t id, path;
    uint8_t family, protocol; /* family 0: unused */
    int64_t ts_ns;            /* of its first piece seen */
    uint64_t age;             /* order of first pieces */
    uint32_t n_total;         /* 0: the last piece has not come */
    uint32_t n_reach;         /* where the farthest piece ends */
    uint32_t n_units;         /* that have come */
    uint32_t n_pieces;        /* that were added */
    uint8_t *octets;          /* N_MAX, kept from one datagram to the next */
    uint64_t came[N_UNITS / 64];
    GArray *packets; /* uint64_t: numbers of those that carried it; NULL: nobody wants them */
};

struct imapid_fragments {
    uint64_t n_begun, n_unread;
    void (*on_lost)(void *ctx, const struct imapid_ip *ip, const GArray *packets);
    void *ctx;
    struct datagram datagrams[N_DATAGRAMS];
};

struct imapid_fragments *imapid_fragments_new(void)
{
    return g_new0(struct imapid_fragments, 1);
}

void imapid_fragments_on_lost(struct imapid_fragments *fragments,
                              void (*fn)(void *ctx, const struct imapid_ip *ip,
                                         const GArray *packets),
                              void *ctx)
{
    fragments->on_lost = fn;
    fragments->ctx = ctx;
}

static void give_up(struct imapid_fragments *fragments, struct datagram *datagram)
{
    struct imapid_ip ip = {
        .source = datagram->source,
        .destination = datagram->destination,
        .octets = datagram->octets,
        .n = 8,
        .n_wire = 8,
        .path = datagram->path,
        .family = datagram->family,
        .protocol = datagram->protocol,
    };

    if (fragments->on_lost && datagram->packets && datagram->packets->len &&
        datagram->came[0] & 1 && datagram->n_reach >= 8)
        fragments->on_lost(fragments->ctx, &ip, datagram->packets);
    if (datagram->protocol == IMAPID_IP_TCP)
        fragments->n_unread += datagram->n_pieces;
    datagram->family = 0;
}

static size_t address_size(const struct imapid_ip *ip)
{
    return ip->family == 4 ? 4 : 16;
}

static bool matches(const struct datagram *datagram, const struct imapid_ip *ip)
{
    size_t n = address_size(ip);
    return datagram->family == ip->family && datagram->id == ip->fragment_id &&
           datagram->path == ip->path && datagram->protocol == ip->protocol &&
           memcmp(datagram->source, ip->source, n) == 0 &&
           memcmp(datagram->destination, ip->destination, n) == 0;
}

static void begin(struct imapid_fragments *fragments, struct datagram *datagram,
                  const struct imapid_ip *ip, int64_t ts_ns)
{
    uint8_t *octets = datagram->octets ? datagram->octets : g_malloc(N_MAX);
    GArray *packets = datagram->packets;
    if (packets)
        g_array_set_size(packets, 0);
    *datagram = (struct datagram){
        .id = ip->fragment_id,
        .path = ip->path,
        .family = ip->family,
        .protocol = ip->protocol,
        .ts_ns = ts_ns,
        .age = ++fragments->n_begun,
        .octets = octets,
        .packets = packets,
    };
    memcpy(datagram->source, ip->source, address_size(ip));
    memcpy(datagram->destination, ip->destination, address_size(ip));
}

/* The datagram that the piece belongs to, a new one if there is none. */
static struct datagram *get_datagram(struct imapid_fragments *fragments, const struct imapid_ip *ip,
                                     int64_t ts_ns, uint64_t *n_lost)
{
    struct datagram *place = &fragments->datagrams[0];
    for (size_t i = 0; i < N_DATAGRAMS; i++) {
        struct datagram *datagram = &fragments->datagrams[i];
        if (datagram->family && imapid_ns_between(datagram->ts_ns, ts_ns) > TIMEOUT_NS) {
            give_up(fragments, datagram);
            ++*n_lost;
        }
        if (matches(datagram, ip))
            return datagram;
        if (place->family && (!datagram->family || datagram->age < place->age))
            place = datagram;
    }
    if (place->family) {
        give_up(fragments, place);
        ++*n_lost;
    }
    begin(fragments, place, ip, ts_ns);
    return place;
}

/* Copies the units that had not come yet. */
static void fill(struct datagram *datagram, uint32_t place, const uint8_t *octets, uint32_t n)
{
    for (uint32_t done = 0; done < n; done += 8) {
        uint32_t unit = (place + done) / 8;
        uint64_t bit = (uint64_t)1 << unit % 64;
        if (datagram->came[unit / 64] & bit)
            continue;
        datagram->came[unit / 64] |= bit;
        datagram->n_units++;
        memcpy(datagram->octets + place + done, octets + done, MIN(n - done, 8));
    }
}

/* False: the piece contradicts what is there, or is not there whole. */
static bool add_piece(struct datagram *datagram, const struct imapid_ip *ip)
{
    uint32_t end = ip->fragment_place + ip->n_wire;
    if (ip->n < ip->n_wire || ip->n == 0 || end >= N_MAX)
        return false;
    if (ip->more_fragments && ip->n % 8 != 0)
        return false;
    if (!ip->more_fragments) {
        if (datagram->n_total > 0 && datagram->n_total != end)
            return false;
        datagram->n_total = end;
    }
    datagram->n_reach = MAX(datagram->n_reach, end);
    if (datagram->n_total > 0 && datagram->n_reach > datagram->n_total)
        return false;
    fill(datagram, ip->fragment_place, ip->octets, ip->n);
    return true;
}

static void add_packets(struct datagram *datagram, const GArray *packets)
{
    if (!datagram->packets)
        datagram->packets = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    if (datagram->packets->len + packets->len <= N_PACKETS)
        g_array_append_vals(datagram->packets, packets->data, packets->len);
}

bool imapid_fragments_add(struct imapid_fragments *fragments, struct imapid_ip *ip, int64_t ts_ns,
                          GArray *packets, uint64_t *n_lost)
{
    struct datagram *datagram = get_datagram(fragments, ip, ts_ns, n_lost);
    if (packets)
        add_packets(datagram, packets);
    datagram->n_pieces++;
    if (!add_piece(datagram, ip)) {
        give_up(fragments, datagram);
        ++*n_lost;
        return false;
    }
    if (datagram->n_total == 0 || datagram->n_units != (datagram->n_total + 7) / 8)
        return false;
    ip->octets = datagram->octets;
    ip->n = ip->n_wire = datagram->n_total;
    ip->is_fragment = ip->more_fragments = false;
    datagram->family = 0;
    if (packets) {
        g_array_set_size(packets, 0);
        g_array_append_vals(packets, datagram->packets->data, datagram->packets->len);
    }
    return true;
}

uint64_t imapid_fragments_take_n_unread(struct imapid_fragments *fragments)
{
    uint64_t n = fragments->n_unread;
    fragments->n_unread = 0;
    return n;
}

unsigned imapid_fragments_clear(struct imapid_fragments *fragments)
{
    unsigned n = 0;
    for (size_t i = 0; i < N_DATAGRAMS; i++) {
        if (!fragments->datagrams[i].family)
            continue;
        give_up(fragments, &fragments->datagrams[i]);
        n++;
    }
    return n;
}

void imapid_fragments_free(struct imapid_fragments *fragments)
{
    if (!fragments)
        return;
    for (size_t i = 0; i < N_DATAGRAMS; i++) {
        g_free(fragments->datagrams[i].octets);
        if (fragments->datagrams[i].packets)
            g_array_unref(fragments->datagrams[i].packets);
    }
    g_free(fragments);
}
