/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.c: stands before the dissector of TLS on connections known to carry IMAP.
 *
 * Says once of a connection that none of its application data was decrypted. The handshake of
 * TLS 1.3 is disguised as application data too, so one record proves nothing: flights are counted,
 * which is how often the word passed to the other side. The server's handshake, the client's
 * Finished, the server's greeting, the client's command: with the fourth flight a connection that
 * is read would have been read. When all is seen, three do: a decrypted one would have its
 * greeting.
 *
 * Takes the header of a proxy off, behind which TLS would not be recognised.
 *
 * Refuses: to say anything of connections that are not known to be IMAP.
 *
 * Misuse: giving it a connection and TLS its next segment; then flights are missed. */
#include "tls.h"

#include "stats.h"
#include "tree.h"

#define RECORD_HEADER      5
#define RECORD_MAX         (16384 + 2048)
#define APPLICATION_DATA   23
#define FLIGHTS_AFTERWARDS 3
#define FLIGHTS_AT_ONCE    4

/* One connection. */
struct imapid_tls {
    bool is_open;
    unsigned n_flights;
    uint32_t last_port; /* who spoke last */
    unsigned frame;     /* where it is said; 0: nowhere so far */
    unsigned proxy_frame;
    struct imapid_proxy_header proxy; /* in that frame; n is 0 where there is none */
};

static int proto_state = -1;
static int proto_tls = -1;
static bool (*is_readable)(const packet_info *pinfo); /* for ever */
static dissector_handle_t tls_handle;                 /* for ever */

static struct imapid_tls *find(const conversation_t *conversation)
{
    return (struct imapid_tls *)conversation_get_proto_data(conversation, proto_state);
}

static struct imapid_tls *get(conversation_t *conversation)
{
    struct imapid_tls *tls = find(conversation);

    if (!tls) {
        tls = wmem_new0(wmem_file_scope(), struct imapid_tls);
        conversation_add_proto_data(conversation, proto_state, tls);
    }
    return tls;
}

void imapid_tls_note_open(conversation_t *conversation)
{
    get(conversation)->is_open = true;
}

const struct imapid_proxy_header *imapid_tls_proxy_header(conversation_t *conversation)
{
    const struct imapid_tls *tls = find(conversation);

    return tls && tls->proxy.n ? &tls->proxy : NULL;
}

/* Is there a record of application data? */
static bool has_application_data(tvbuff_t *tvb)
{
    unsigned n = tvb_captured_length(tvb), at = 0;

    while (n - at >= RECORD_HEADER) {
        unsigned n_record = tvb_get_ntohs(tvb, (int)at + 3);

        if (tvb_get_uint8(tvb, (int)at + 1) != 3 || n_record > RECORD_MAX)
            return false;
        if (tvb_get_uint8(tvb, (int)at) == APPLICATION_DATA)
            return true;
        if (n_record > n - at - RECORD_HEADER)
            return false;
        at += RECORD_HEADER + n_record;
    }
    return false;
}

/* Has TLS given something to somebody? */
static bool has_payload(packet_info *pinfo)
{
    return GPOINTER_TO_INT(wmem_list_frame_data(wmem_list_tail(pinfo->layers))) != proto_tls;
}

static void count(struct imapid_tls *tls, packet_info *pinfo)
{
    if (!tls->n_flights || tls->last_port != pinfo->srcport) {
        tls->n_flights++;
        tls->last_port = pinfo->srcport;
        if (tls->n_flights == FLIGHTS_AFTERWARDS || tls->n_flights == FLIGHTS_AT_ONCE)
            tls->frame = pinfo->num;
    }
}

/* Is it to be said here? */
static bool is_told_here(const struct imapid_tls *tls, packet_info *pinfo)
{
    return !tls->is_open && tls->frame == pinfo->num &&
           (pinfo->fd->visited || tls->n_flights == FLIGHTS_AT_ONCE);
}

/* Octets of the header of a proxy with which this segment begins. Asks TCP for more where it is not
 * whole: see pinfo->desegment_len. */
static unsigned skip_proxy_header(struct imapid_tls *tls, tvbuff_t *tvb, packet_info *pinfo)
{
    unsigned n = tvb_captured_length(tvb);
    bool may_begin =
        pinfo->fd->visited ? pinfo->num < tls->proxy_frame : !tls->n_flights && !tls->proxy_frame;
    enum imapid_proxy_status status =
        may_begin && n ? imapid_proxy_parse(tvb_get_ptr(tvb, 0, (int)n), n, &tls->proxy)
                       : IMAPID_PROXY_NOT;

    if (status == IMAPID_PROXY_OK)
        tls->proxy_frame = pinfo->num;
    if (status == IMAPID_PROXY_MORE && pinfo->can_desegment) {
        pinfo->desegment_offset = 0;
        pinfo->desegment_len = DESEGMENT_ONE_MORE_SEGMENT;
    }
    return tls->proxy_frame == pinfo->num && tls->proxy.n <= n ? (unsigned)tls->proxy.n : 0;
}

static int dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    struct imapid_tls *tls;
    unsigned n_proxy;
    struct tcpinfo info;
    int n;

    pinfo->can_desegment = pinfo->saved_can_desegment; /* as if TLS had been called in our place */
    if (!is_readable(pinfo))
        return call_dissector_only(tls_handle, tvb, pinfo, tree, data);
    tls = get(find_or_create_conversation(pinfo));
    n_proxy = skip_proxy_header(tls, tvb, pinfo);
    if (pinfo->desegment_len)
        return (int)tvb_captured_length(tvb);
    if (n_proxy) {
        imapid_tree_add_proxy_header(tree, pinfo, tvb, 0, n_proxy);
        if (n_proxy == tvb_captured_length(tvb))
            return (int)n_proxy;
        tvb = tvb_new_subset_remaining(tvb, (int)n_proxy);
        if (data) {
            info = *(struct tcpinfo *)data;
            info.seq += n_proxy;
            data = &info;
        }
    }
    n = call_dissector_only(tls_handle, tvb, pinfo, tree, data);
    if (n_proxy && pinfo->desegment_len)
        pinfo->desegment_offset += (int)n_proxy;
    if (!pinfo->fd->visited && !tls->is_open && has_application_data(tvb)) {
        tls->is_open = has_payload(pinfo);
        count(tls, pinfo);
    }
    if (is_told_here(tls, pinfo)) {
        imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_DECRYPTED);
        imapid_stats_count_closed(pinfo);
    }
    return n ? n + (int)n_proxy : 0;
}

void imapid_tls_register(void)
{
    proto_tls = proto_get_id_by_filter_name("tls");
    proto_state = proto_register_protocol_in_name_only("IMAP in TLS", "IMAP in TLS", "imap_id_tls",
                                                       proto_tls, FT_PROTOCOL);
    register_dissector("imap_id_tls", dissect, proto_state);
}

dissector_handle_t imapid_tls_handoff(dissector_handle_t tls,
                                      bool (*may_read)(const packet_info *pinfo))
{
    is_readable = may_read;
    tls_handle = tls;
    return find_dissector("imap_id_tls");
}
