/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.c: libpcap's filters on packets that libpcap has not read. A program is compiled for each
 * link type when its first packet comes: a capture can have several, and a program is good for
 * one.
 *
 * Refuses an expression that means nothing on any of the usual link types.
 *
 * Misuse: one filter in several threads. */

#include "capture/filter.h"

#include <glib.h>
#include <pcap/pcap.h>

/* What libpcap assumes a packet may have. */
#define N_SNAP 262144

/* Link types remembered; the packets of more match nothing. Captures have one or two. */
#define N_PROGRAMS 64

struct program {
    struct bpf_program bpf;
    uint16_t link_type;
    bool usable;
};

struct imapid_filter {
    char *expression;
    struct program *last;
    unsigned n_programs;
    struct program programs[N_PROGRAMS];
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

/* *message, if not NULL, gets the reason of a failure. */
static bool compile(struct program *program, const char *expression, uint16_t link_type,
                    char **message)
{
    pcap_t *pcap = pcap_open_dead(dlt_of_link_type(link_type), N_SNAP);
    if (!pcap)
        return false;
    program->link_type = link_type;
    program->usable = pcap_compile(pcap, &program->bpf, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!program->usable && message && !*message)
        *message = g_strdup(pcap_geterr(pcap));
    pcap_close(pcap);
    return program->usable;
}

struct imapid_filter *imapid_filter_new(const char *expression, char **message)
{
    /* Ethernet, raw IP, Linux cooked, 802.11 with radiotap. */
    static const uint16_t usual[] = {1, 101, 113, 127};
    struct imapid_filter *filter = g_new0(struct imapid_filter, 1);
    char *reason = NULL;
    bool usable = false;
    filter->expression = g_strdup(expression);
    for (unsigned i = 0; i < G_N_ELEMENTS(usual); i++) {
        if (compile(&filter->programs[filter->n_programs], expression, usual[i], &reason)) {
            usable = true;
            filter->n_programs++;
        }
    }
    if (usable) {
        g_free(reason);
        return filter;
    }
    *message = reason ? reason : g_strdup("no filter");
    imapid_filter_free(filter);
    return NULL;
}

static struct program *get_program(struct imapid_filter *filter, uint16_t link_type)
{
    for (unsigned i = 0; i < filter->n_programs; i++)
        if (filter->programs[i].link_type == link_type)
            return &filter->programs[i];
    if (filter->n_programs == N_PROGRAMS)
        return NULL;
    struct program *program = &filter->programs[filter->n_programs++];
    program->link_type = link_type;
    compile(program, filter->expression, link_type, NULL);
    return program;
}

bool imapid_filter_match(struct imapid_filter *filter, const struct imapid_packet *packet)
{
    struct program *program = filter->last;
    if (!program || program->link_type != packet->link_type)
        program = filter->last = get_program(filter, packet->link_type);
    if (!program || !program->usable)
        return false;
    struct pcap_pkthdr header = {.caplen = packet->n, .len = packet->n_wire};
    return pcap_offline_filter(&program->bpf, &header, packet->data) != 0;
}

void imapid_filter_free(struct imapid_filter *filter)
{
    if (!filter)
        return;
    for (unsigned i = 0; i < filter->n_programs; i++)
        if (filter->programs[i].usable)
            pcap_freecode(&filter->programs[i].bpf);
    g_free(filter->expression);
    g_free(filter);
}
