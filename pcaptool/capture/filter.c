/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.c: libpcap's filters on packets that libpcap has not read. A capture can have several link
 * types, and a program is good for one: so there is one for each, made before packets come. Names in
 * the expression, of hosts, ports and protocols, are looked up then; later that is not possible.
 *
 * Refuses an expression that means nothing on any of the link types.
 *
 * Misuse: freeing it while a thread still uses it. */

#include "capture/filter.h"

#include <glib.h>
#include <pcap/pcap.h>

/* What libpcap assumes a packet may have. */
#define N_SNAP 262144

/* Numbers of link types are lower. */
#define N_LINK_TYPES 512

struct imapid_filter {
    struct bpf_program *programs[N_LINK_TYPES]; /* NULL: no packet of that type passes */
};

/* Files have LINKTYPE_ numbers, the compiler takes this platform's DLT_ numbers. They differ for
 * the few that platforms disagree about. */
static int dlt_of_link_type(uint16_t link_type)
{
    switch (link_type) {
    case 100:
        return DLT_ATM_RFC1483;
    case 101:
        return DLT_RAW;
    case 104:
        return DLT_C_HDLC;
    case 108:
        return DLT_LOOP;
    default:
        return link_type;
    }
}

/* NULL, and the reason in *message if there is none yet. */
static struct bpf_program *compile(const char *expression, uint16_t link_type, char **message)
{
    struct bpf_program *program = g_new0(struct bpf_program, 1);
    pcap_t *pcap = pcap_open_dead(dlt_of_link_type(link_type), N_SNAP);
    if (pcap && pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        if (!*message)
            *message = g_strdup(pcap_geterr(pcap));
        g_clear_pointer(&program, g_free);
    }
    if (pcap)
        pcap_close(pcap);
    return program;
}

struct imapid_filter *imapid_filter_new(const char *expression, const uint16_t *link_types,
                                        size_t n_link_types, char **message)
{
    struct imapid_filter *filter = g_new0(struct imapid_filter, 1);
    char *reason = NULL;
    bool usable = false;
    for (size_t i = 0; i < n_link_types; i++) {
        uint16_t type = link_types[i];
        if (type < N_LINK_TYPES && !filter->programs[type])
            usable |= (filter->programs[type] = compile(expression, type, &reason)) != NULL;
    }
    if (usable) {
        g_free(reason);
        return filter;
    }
    *message = reason ? reason : g_strdup("no filter");
    imapid_filter_free(filter);
    return NULL;
}

bool imapid_filter_match(const struct imapid_filter *filter, const struct imapid_packet *packet)
{
    const struct bpf_program *program =
        packet->link_type < N_LINK_TYPES ? filter->programs[packet->link_type] : NULL;
    struct pcap_pkthdr header = {.caplen = packet->n, .len = packet->n_wire};
    return program && pcap_offline_filter(program, &header, packet->data) != 0;
}

void imapid_filter_free(struct imapid_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < N_LINK_TYPES; i++)
        if (filter->programs[i]) {
            pcap_freecode(filter->programs[i]);
            g_free(filter->programs[i]);
        }
    g_free(filter);
}
