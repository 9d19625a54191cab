/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed.c: stands before the dissector of TLS on connections known to carry IMAP.
 *
 * Says once of a connection that none of its application data was decrypted. The handshake of
 * TLS 1.3 is disguised as application data too, so one record proves nothing: flights are counted,
 * which is how often the word passed to the other side. The server's handshake, the client's
 * Finished, the server's greeting, the client's command: with the fourth flight a connection that
 * is read would have been read. When all is seen, three do: a decrypted one would have its
 * greeting. In TLS 1.2 and before nothing is disguised: the first whole record tells. Where TLS stops
 * to decrypt in mid-session, as behind a record that is missing, that is said, too.
 *
 * Takes the header of a proxy off, behind which TLS would not be recognised.
 *
 * Refuses: to say anything of connections that are not known to be IMAP.
 *
 * Misuse: giving it a connection and TLS its next segment; then flights are missed. */
#include "closed.h"

#include <epan/column-utils.h>

#include "connection.h"
#include "fate.h"
#include "stats.h"
#include "tree.h"

#define RECORD_HEADER      5
#define RECORD_MAX         (16384 + 2048)
#define CHANGE_CIPHER_SPEC 20
#define HANDSHAKE          22
#define APPLICATION_DATA   23
#define CLIENT_HELLO       1
#define SERVER_HELLO       2
#define SUPPORTED_VERSIONS 43
#define TLS_LEAST          0x0303 /* that may be used: RFC 8996 */
#define FLIGHTS_AFTERWARDS 3
#define FLIGHTS_AT_ONCE    4

/* One connection. */
struct imapid_closed {
    bool is_open;
    bool is_old;   /* TLS 1.2 or before was chosen */
    bool is_other; /* nothing says that it is IMAP */
    unsigned n_flights;
    uint32_t last_port;      /* who spoke last */
    unsigned frame;          /* where it is said; 0: nowhere so far */
    unsigned lost_frame;     /* from which on nothing is decrypted any more; 0: none */
    unsigned n_silent;       /* flights since the last of which something was decrypted */
    uint32_t silent_port;    /* who sent the last of those */
    unsigned obsolete_frame; /* where the server chose TLS 1.1 or older; 0: it did not */
    unsigned proxy_frame;
    struct imapid_proxy_header proxy; /* in that frame; n is 0 where there is none */
};

static int proto_state = -1;
static int proto_tls = -1;
static bool (*is_readable)(const packet_info *pinfo); /* for ever */
static dissector_handle_t tls_handle;                 /* for ever */

static struct imapid_closed *find(const conversation_t *conversation)
{
    return (struct imapid_closed *)conversation_get_proto_data(conversation, proto_state);
}

static struct imapid_closed *get(conversation_t *conversation)
{
    struct imapid_closed *tls = find(conversation);

    if (!tls) {
        tls = wmem_new0(wmem_file_scope(), struct imapid_closed);
        conversation_add_proto_data(conversation, proto_state, tls);
    }
    return tls;
}

void imapid_closed_note_open(conversation_t *conversation)
{
    get(conversation)->is_open = true;
}

const char *imapid_closed_describe(const conversation_t *conversation, const packet_info *pinfo)
{
    const struct imapid_closed *tls = find(conversation);

    if (!tls || tls->is_other || !pinfo->fd->visited)
        return NULL;
    if (!tls->is_open && tls->frame)
        return "not decrypted";
    return tls->lost_frame && pinfo->num >= tls->lost_frame ? "not decrypted any more" : NULL;
}

const struct imapid_proxy_header *imapid_closed_proxy_header(conversation_t *conversation)
{
    const struct imapid_closed *tls = find(conversation);

    return tls && tls->proxy.n ? &tls->proxy : NULL;
}

static bool is_hello(const uint8_t *octets, size_t n, uint8_t type)
{
    return n > RECORD_HEADER && octets[0] == HANDSHAKE && octets[1] == 3 &&
           octets[RECORD_HEADER] == type;
}

static bool offers_imap(const uint8_t *octets, size_t n)
{
    static const uint8_t name[] = {4, 'i', 'm', 'a', 'p'};

    for (size_t at = 0; at + sizeof name <= n; at++)
        if (octets[at] == name[0] && !memcmp(octets + at, name, sizeof name))
            return true;
    return false;
}

bool imapid_closed_may_offer_imap(const uint8_t *octets, size_t n)
{
    return is_hello(octets, n, CLIENT_HELLO) &&
           (offers_imap(octets, n) ||
            n < RECORD_HEADER + ((size_t)octets[3] << 8) + (size_t)octets[4]);
}

void imapid_closed_watch_offer(conversation_t *conversation, const uint8_t *octets, size_t n)
{
    get(conversation)->is_other = !offers_imap(octets, n);
}

/* The version a ServerHello chose, in its extension, which only TLS 1.3 has. */
static bool has_version_extension(const uint8_t *at, size_t n)
{
    while (n >= 4) {
        size_t n_extension = 4 + ((size_t)at[2] << 8 | at[3]);

        if (at[0] == 0 && at[1] == SUPPORTED_VERSIONS)
            return true;
        if (n_extension > n)
            break;
        at += n_extension;
        n -= n_extension;
    }
    return false;
}

/* Do these octets begin with the ServerHello of TLS 1.2 or before? Not where it is not all there. */
static bool is_old_hello(const uint8_t *octets, size_t n)
{
    const size_t n_fixed =
        RECORD_HEADER + 4 + 2 + 32 + 1; /* up to the session identifier's length */
    size_t end, at;

    if (!is_hello(octets, n, SERVER_HELLO) || n < n_fixed)
        return false;
    end = RECORD_HEADER + 4 + ((size_t)octets[7] << 8 | octets[8]);
    at = n_fixed + octets[n_fixed - 1] + 3; /* suite, compression */
    if (octets[6] || end > n || at > end)
        return false;
    return end - at < 2 || !has_version_extension(octets + at + 2, end - at - 2);
}

/* Looks at what begins a connection. */
static void look_at_hello(struct imapid_closed *tls, tvbuff_t *tvb, unsigned frame)
{
    size_t n = tvb_captured_length(tvb);
    const uint8_t *octets = n ? tvb_get_ptr(tvb, 0, (int)n) : NULL;

    if (tls->is_other && is_hello(octets, n, CLIENT_HELLO))
        tls->is_other = !offers_imap(octets, n);
    if (tls->is_old || !is_old_hello(octets, n))
        return;
    tls->is_old = true;
    if ((octets[RECORD_HEADER + 4] << 8 | octets[RECORD_HEADER + 5]) < TLS_LEAST)
        tls->obsolete_frame = frame;
}

/* Is there a record of application data? A whole one, if `whole`. */
static bool has_application_data(tvbuff_t *tvb, bool whole)
{
    unsigned n = tvb_captured_length(tvb), at = 0;

    while (n - at >= RECORD_HEADER) {
        unsigned n_record = tvb_get_ntohs(tvb, (int)at + 3);

        if (tvb_get_uint8(tvb, (int)at + 1) != 3 || n_record > RECORD_MAX)
            return false;
        if (tvb_get_uint8(tvb, (int)at) == APPLICATION_DATA && !whole)
            return true;
        if (n_record > n - at - RECORD_HEADER)
            return false;
        if (tvb_get_uint8(tvb, (int)at) == APPLICATION_DATA)
            return true;
        at += RECORD_HEADER + n_record;
    }
    return false;
}

/* Has TLS given something to somebody, since there were `n_layers`? Where it asks for more of a segment
 * it is no layer itself. */
static bool has_payload(packet_info *pinfo, unsigned n_layers)
{
    return wmem_list_count(pinfo->layers) > n_layers &&
           GPOINTER_TO_INT(wmem_list_frame_data(wmem_list_tail(pinfo->layers))) != proto_tls;
}

static void count(struct imapid_closed *tls, packet_info *pinfo)
{
    if (!tls->n_flights || tls->last_port != pinfo->srcport) {
        tls->n_flights++;
        tls->last_port = pinfo->srcport;
        if (tls->is_old ? tls->n_flights == 1
                        : tls->n_flights == FLIGHTS_AFTERWARDS || tls->n_flights == FLIGHTS_AT_ONCE)
            tls->frame = pinfo->num;
    }
}

/* Is it to be said here? */
static bool is_told_here(const struct imapid_closed *tls, packet_info *pinfo)
{
    return !tls->is_open && !tls->is_other && tls->frame == pinfo->num &&
           (pinfo->fd->visited || tls->is_old || tls->n_flights == FLIGHTS_AT_ONCE);
}

/* Application data came in a connection that was decrypted so far. Behind octets that are missing TLS
 * decrypts nothing any more; else some records that bring nothing are its own, as new keys are, but
 * not those of four flights. */
static void count_silence(struct imapid_closed *tls, packet_info *pinfo, bool is_silent,
                          bool is_broken)
{
    if (!is_silent) {
        tls->n_silent = 0;
        return;
    }
    if (!tls->n_silent || tls->silent_port != pinfo->srcport)
        tls->n_silent++;
    tls->silent_port = pinfo->srcport;
    if (!tls->lost_frame && (is_broken || tls->n_silent == FLIGHTS_AT_ONCE))
        tls->lost_frame = pinfo->num;
}

/* Octets of the header of a proxy with which this segment begins. Asks TCP for more where it is not
 * whole: see pinfo->desegment_len. */
static unsigned skip_proxy_header(struct imapid_closed *tls, tvbuff_t *tvb, packet_info *pinfo)
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

/* The number, as sent, of the first octet that TCP gives: TCP may count from the beginning. */
static uint32_t get_seq(const struct tcpinfo *info, const struct tcp_analysis *tcp, uint32_t near)
{
    uint32_t raw = info->seq + tcp->fwd->base_seq;

    return abs((int32_t)(info->seq - near)) < abs((int32_t)(raw - near)) ? info->seq : raw;
}

/* What TCP gives to TLS in one go. */
struct giving {
    struct imapid_given *all;   /* NULL: what TCP gives cannot be told */
    struct imapid_given *given; /* the same in the first pass; NULL: a later visit */
    const struct imapid_own_segment *own;
    int d;
    uint32_t next; /* with all: the number of the octet that is given next */
};

static struct giving begin_giving(conversation_t *conversation, packet_info *pinfo,
                                  const void *data)
{
    struct imapid_own_segment *own = imapid_segment_get(pinfo);
    const struct tcp_analysis *tcp = imapid_connection_get_analysis(conversation, pinfo);
    struct giving giving = {.own = own, .d = imapid_given_direction(pinfo)};

    if (!own || !tcp || !data)
        return giving;
    giving.all = imapid_connection_get_given(conversation);
    giving.next = get_seq((const struct tcpinfo *)data, tcp, own->seq);
    if (!pinfo->fd->visited) {
        own->is_given = true;
        giving.given = giving.all;
    }
    return giving;
}

/* TLS is given the octets up to `n` more. */
static void give(struct giving *giving, unsigned n)
{
    if (giving->given)
        imapid_given_take(giving->given, giving->d, giving->next, giving->next + n, giving->own);
    giving->next += n;
}

/* Octets of several segments, or such as others may wait for, are given record by record: so it is
 * known which of them each record needed. As in the first pass on every later one, since TLS counts
 * the layers. */
static bool is_divided(const struct giving *giving, const packet_info *pinfo, const void *data)
{
    if (data && ((const struct tcpinfo *)data)->is_reassembled)
        return true;
    if (giving->given && giving->given->is_waited_for)
        imapid_given_divide(pinfo->num);
    return imapid_given_is_divided(pinfo->num);
}

/* Octets of the record at `at`, if it is whole and something is behind it; 0: else. */
static unsigned count_record(tvbuff_t *tvb, unsigned at)
{
    unsigned n = tvb_captured_length(tvb) - at, n_record;

    if (n < RECORD_HEADER ||
        tvb_get_uint8(tvb, (int)at) - CHANGE_CIPHER_SPEC > APPLICATION_DATA - CHANGE_CIPHER_SPEC ||
        tvb_get_uint8(tvb, (int)at + 1) != 3)
        return 0;
    n_record = RECORD_HEADER + tvb_get_ntohs(tvb, (int)at + 3);
    return n_record <= RECORD_HEADER + RECORD_MAX && n_record < n ? n_record : 0;
}

/* Calls the dissector of TLS with what begins at `at`. Returns the octets it took. */
static int call_tls(struct giving *giving, tvbuff_t *tvb, unsigned at, packet_info *pinfo,
                    proto_tree *tree, void *data)
{
    unsigned n_calls = giving->given ? giving->given->n_calls : 0;
    struct tcpinfo info;
    int n;

    give(giving, tvb_reported_length(tvb));
    if (at && data) {
        info = *(struct tcpinfo *)data;
        info.seq += at;
        data = &info;
    }
    n = call_dissector_only(tls_handle, tvb, pinfo, tree, data);
    if (giving->given && giving->given->n_calls == n_calls && has_application_data(tvb, true))
        imapid_given_note_silence(giving->given, giving->d);
    if (pinfo->desegment_len)
        pinfo->desegment_offset += (int)at;
    return n;
}

/* Gives TLS all octets from `at` on. */
static int call_tls_with_all(struct giving *giving, tvbuff_t *tvb, unsigned at, packet_info *pinfo,
                             proto_tree *tree, void *data)
{
    bool is_in_parts = is_divided(giving, pinfo, data);
    int can_desegment = pinfo->can_desegment;
    unsigned n_record;
    int n = 0;

    while (is_in_parts && (n_record = count_record(tvb, at))) {
        tvbuff_t *record = tvb_new_subset_length(tvb, (int)at, (int)n_record);
        int n_used = call_tls(giving, record, at, pinfo, tree, data);

        n += n_used;
        at += n_record;
        if (!n_used || pinfo->desegment_len)
            return n;
        pinfo->can_desegment = can_desegment;
    }
    return n + call_tls(giving, tvb_new_subset_remaining(tvb, (int)at), at, pinfo, tree, data);
}

/* Octets that stand before TLS: of the clear, which TCP gives late, or the header of a proxy. */
static unsigned pass_over(struct imapid_closed *tls, struct giving *giving, tvbuff_t *tvb,
                          packet_info *pinfo, proto_tree *tree)
{
    unsigned n = giving->all ? imapid_given_count_clear(giving->all, giving->d, giving->next,
                                                        tvb_captured_length(tvb), pinfo)
                             : 0;

    if (n) {
        giving->next += n;
        return n;
    }
    n = skip_proxy_header(tls, tvb, pinfo);
    if (n && !pinfo->desegment_len) {
        give(giving, n);
        imapid_tree_add_proxy_header(tree, pinfo, tvb, 0, n);
    }
    return n;
}

static int dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    conversation_t *conversation;
    struct imapid_closed *tls;
    struct giving giving;
    unsigned n_before, n_layers, n_calls, n_sources;
    int n;

    pinfo->can_desegment = pinfo->saved_can_desegment; /* as if TLS had been called in our place */
    if (!is_readable(pinfo))
        return call_dissector_only(tls_handle, tvb, pinfo, tree, data);
    conversation = find_or_create_conversation(pinfo);
    tls = get(conversation);
    giving = begin_giving(conversation, pinfo, data);
    n_before = pass_over(tls, &giving, tvb, pinfo, tree);
    if (pinfo->desegment_len || (n_before && n_before == tvb_captured_length(tvb)))
        return (int)tvb_captured_length(tvb);
    if (!pinfo->fd->visited && !tls->n_flights && !tls->is_other)
        imapid_connection_note(conversation, pinfo);
    if (!pinfo->fd->visited && !tls->n_flights)
        look_at_hello(tls, tvb_new_subset_remaining(tvb, (int)n_before), pinfo->num);
    n_layers = wmem_list_count(pinfo->layers);
    n_sources = g_slist_length(pinfo->data_src);
    n_calls = giving.given ? giving.given->n_calls : 0;
    n = call_tls_with_all(&giving, tvb, n_before, pinfo, tree, data);
    if (giving.given && tvb_captured_length(tvb) < tvb_reported_length(tvb))
        imapid_given_lose(giving.given, giving.d);
    if (!pinfo->fd->visited && has_application_data(tvb_new_subset_remaining(tvb, (int)n_before),
                                                    tls->is_old || tls->is_open)) {
        bool is_silent =
            !has_payload(pinfo, n_layers) && (!giving.given || giving.given->n_calls == n_calls);

        if (tls->is_open)
            count_silence(tls, pinfo, is_silent,
                          giving.given && giving.given->sides[giving.d].is_broken);
        else
            count(tls, pinfo);
        tls->is_open |= !is_silent;
    }
    if (!pinfo->fd->visited)
        imapid_fate_take_tls(conversation, pinfo, tvb_new_subset_remaining(tvb, (int)n_before),
                             has_payload(pinfo, n_layers), g_slist_nth(pinfo->data_src, n_sources));
    if (tls->obsolete_frame == pinfo->num && !tls->is_other) {
        const struct imapid_tree_place place = {tvb, 0};

        imapid_tree_add_finding(tree, pinfo, &place, 0, IMAPID_FINDING_OBSOLETE_TLS, NULL);
    }
    if (is_told_here(tls, pinfo)) {
        imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_DECRYPTED);
        col_append_str(pinfo->cinfo, COL_INFO, " | IMAP, not decrypted");
        imapid_stats_count_closed(pinfo);
    }
    if (tls->lost_frame == pinfo->num && !tls->is_other) {
        imapid_tree_add_note(tree, pinfo, tvb, IMAPID_TREE_NOT_DECRYPTED_ON);
        col_append_str(pinfo->cinfo, COL_INFO, " | IMAP, not decrypted any more");
    }
    return n ? n + (int)n_before : 0;
}

void imapid_closed_register(void)
{
    proto_tls = proto_get_id_by_filter_name("tls");
    proto_state = proto_register_protocol_in_name_only("IMAP in TLS", "IMAP in TLS", "imap_id_tls",
                                                       proto_tls, FT_PROTOCOL);
    register_dissector("imap_id_tls", dissect, proto_state);
}

dissector_handle_t imapid_closed_handoff(dissector_handle_t tls,
                                         bool (*may_read)(const packet_info *pinfo))
{
    is_readable = may_read;
    tls_handle = tls;
    return find_dissector("imap_id_tls");
}
