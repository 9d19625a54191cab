/* SPDX-License-Identifier: GPL-2.0-or-later */
/* follow.c: what both sides said, in the order in which it was read: octets that came late stand
 * behind those for which they waited, and octets that were sent again stand once.
 *
 * Refuses what is no IMAP: what is said to a proxy, and octets that are still compressed.
 *
 * Misuse: taking what the window shows for whole inside TLS: only in the clear do numbers tell what is
 * missing. */
#include "follow.h"

#include <epan/addr_resolv.h>
#include <epan/tap.h>
#include <epan/to_str.h>

#include "connection.h"

#define TAP "imapid_follow"

static int tap = -1;

/* A run of octets of one side; lives as long as the packet. */
struct said {
    enum imapid_side side;
    enum imapid_side sender; /* of the packet: late octets may be the other side's */
    unsigned frame;
    bool has_seq;
    uint32_t seq; /* of the first octet, with has_seq */
    const uint8_t *octets;
    unsigned n;
};

/* ---- telling ---- */

static bool is_said(const struct imapid_part *part)
{
    switch (part->kind) {
    case IMAPID_PART_UNIT:
    case IMAPID_PART_HEAD:
    case IMAPID_PART_REST:
    case IMAPID_PART_BEGUN:
    case IMAPID_PART_NOISE:
        return part->n && !part->if_ended_at;
    default:
        return false;
    }
}

static void tell(packet_info *pinfo, const struct said *said)
{
    if (said->n)
        tap_queue_packet(tap, pinfo, wmem_memdup(pinfo->pool, said, sizeof *said));
}

/* Tells what is said in a section, in as few pieces as may be. */
static void tell_section(const struct imapid_section *section, enum imapid_side sender,
                         tvbuff_t *tvb, packet_info *pinfo)
{
    bool is_sent = !section->octets || (section->is_late && section->is_own);
    const uint8_t *octets = section->octets ? section->octets
                            : section->n ? tvb_get_ptr(tvb, (int)section->offset, (int)section->n)
                                         : NULL;
    struct said said = {.side = section->side,
                        .sender = sender,
                        .frame = section->call->frame,
                        .has_seq = section->call->has_seq && is_sent};

    for (const struct imapid_part *part = section->first; part; part = part->next) {
        if (!is_said(part))
            continue;
        if (said.n && octets + part->offset == said.octets + said.n) {
            said.n += part->n;
            continue;
        }
        tell(pinfo, &said);
        said.octets = octets + part->offset;
        said.n = part->n;
        said.seq = section->call->seq + section->offset + part->offset;
    }
    tell(pinfo, &said);
}

void imapid_follow_tell(const struct imapid_call *call, tvbuff_t *tvb, packet_info *pinfo)
{
    if (!have_tap_listener(tap))
        return;
    for (const struct imapid_section *section = call->first; section; section = section->next)
        if (!section->is_released)
            tell_section(section, call->side, tvb, pinfo);
    for (const struct imapid_released *released = call->released; released;
         released = released->next)
        for (const struct imapid_section *section = released->first; section;
             section = section == released->last ? NULL : section->next)
            tell_section(section, call->side, tvb, pinfo);
}

/* ---- the window ---- */

static void note_ends(follow_info_t *info, const packet_info *pinfo, const struct said *said)
{
    bool is_by_client = said->sender == IMAPID_CLIENT;

    if (info->client_port)
        return;
    info->client_port = is_by_client ? pinfo->srcport : pinfo->destport;
    info->server_port = is_by_client ? pinfo->destport : pinfo->srcport;
    copy_address(&info->client_ip, is_by_client ? &pinfo->src : &pinfo->dst);
    copy_address(&info->server_ip, is_by_client ? &pinfo->dst : &pinfo->src);
}

static void add_record(follow_info_t *info, const packet_info *pinfo, const struct said *said,
                       const void *octets, unsigned n)
{
    bool is_server = said->side == IMAPID_SERVER;
    follow_record_t *record = g_new0(follow_record_t, 1);

    record->is_server = is_server;
    record->packet_num = said->frame;
    record->seq = said->seq;
    record->abs_ts = pinfo->abs_ts;
    record->data = g_byte_array_append(g_byte_array_sized_new(n), (const uint8_t *)octets, n);
    info->payload = g_list_prepend(info->payload, record);
    info->bytes_written[is_server] += n;
}

static tap_packet_status take(void *data, packet_info *pinfo, epan_dissect_t *dissect,
                              const void *tapped, tap_flags_t flags)
{
    follow_info_t *info = (follow_info_t *)data;
    const struct said *said = (const struct said *)tapped;
    bool is_server = said->side == IMAPID_SERVER;
    uint32_t n_missing = said->seq - info->seq[is_server];

    (void)dissect;
    (void)flags;
    note_ends(info, pinfo, said);
    if (said->has_seq && info->seq[is_server] && n_missing && n_missing <= INT32_MAX) {
        char text[64];
        int n = snprintf(text, sizeof text, "[%u bytes missing in capture file]", n_missing);

        add_record(info, pinfo, said, text, (unsigned)n);
    }
    add_record(info, pinfo, said, said->octets, said->n);
    info->seq[is_server] = said->has_seq ? said->seq + said->n : 0;
    return TAP_PACKET_DONT_REDRAW;
}

static char *filter_index(unsigned stream, unsigned sub_stream)
{
    (void)sub_stream;
    return g_strdup_printf("tcp.stream eq %u", stream);
}

static char *filter_conversation(epan_dissect_t *dissect, packet_info *pinfo, unsigned *stream,
                                 unsigned *sub_stream)
{
    const conversation_t *conversation = find_conversation_pinfo(pinfo, 0);
    const struct tcp_analysis *tcp =
        conversation ? imapid_connection_get_analysis(conversation, pinfo) : NULL;

    (void)dissect;
    if (!tcp)
        return NULL;
    *stream = tcp->stream;
    *sub_stream = 0;
    return filter_index(*stream, 0);
}

static char *filter_address(address *source, address *destination, int source_port,
                            int destination_port)
{
    const char *ip = source->type == AT_IPv6 ? "ipv6" : "ip";
    char *from = address_to_str(NULL, source), *to = address_to_str(NULL, destination);
    char *filter = g_strdup_printf(
        "(%s.src == %s && tcp.srcport == %d && %s.dst == %s && tcp.dstport == %d) || "
        "(%s.src == %s && tcp.srcport == %d && %s.dst == %s && tcp.dstport == %d)",
        ip, from, source_port, ip, to, destination_port, ip, to, destination_port, ip, from,
        source_port);

    wmem_free(NULL, from);
    wmem_free(NULL, to);
    return filter;
}

void imapid_follow_register(void)
{
    tap = register_tap(TAP);
}

void imapid_follow_handoff(void)
{
    ws_register_follow(proto_get_id_by_filter_name("imap"), TAP, filter_conversation, filter_index,
                       filter_address, tcp_port_to_display, take);
}
