/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fate.c: what TCP and TLS show of a connection.
 *
 * It sees each segment, whatever TCP gives to others. Octets are not looked at beyond the first ones;
 * which segments count is the rule of imapid/order.h, with holes passed over.
 *
 * Refuses more connections than IMAPID_FATE_N_MAX: those have no outcome.
 *
 * Misuse: telling it of a frame twice. */
#include "fate.h"

#include <string.h>

#include <epan/to_str.h>
#include <imapid/certificate.h>
#include <imapid/decide.h>
#include <imapid/hello.h>
#include <imapid/verdict.h>

/* A stranger may open any number, and each costs a kilobyte until the capture is closed. */
#define N_MAX 65536u

/* An error is believed that quotes a number as near to those of its connection. */
#define NEAR (1u << 20)

#define RECORD_HEADER        5
#define HANDSHAKE_HEADER     4u
#define TLS_1_3              0x0304
#define CHANGE_CIPHER_SPEC   20
#define ALERT                21
#define HANDSHAKE            22
#define APPLICATION_DATA     23
#define CLIENT_HELLO         1
#define SERVER_HELLO         2
#define ENCRYPTED_EXTENSIONS 8
#define CERTIFICATE          11
#define N_ALERT              2
#define N_ALERT_NEW          19 /* encrypted in TLS 1.3: level, description, type and tag */

static int proto_segment = -1;      /* under which it is kept with the conversation */
static unsigned n_fates;            /* of this capture */
static struct imapid_fate *changed; /* file scope */
static wmem_map_t *syns;            /* frame -> what it shows of a SYN before it; file scope */
static wmem_map_t *joined; /* frame behind another SYN -> the stream that goes on; file scope */

static struct imapid_moment now(const packet_info *pinfo)
{
    const nstime_t time = imapid_time_get(pinfo);

    return (struct imapid_moment){pinfo->num, imapid_time_ns(&time)};
}

static void begin_capture(void)
{
    n_fates = 0;
    changed = NULL;
}

void imapid_fate_register(void)
{
    proto_segment = proto_get_id_by_filter_name("imap_id_tcp");
    register_init_routine(begin_capture);
    joined =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
    syns =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
}

struct imapid_fate *imapid_fate_take_changed(void)
{
    struct imapid_fate *fate = changed;

    if (fate) {
        changed = fate->next_changed;
        fate->has_changed = false;
    }
    return fate;
}

static void note_changed(struct imapid_fate *fate)
{
    if (fate->has_changed)
        return;
    fate->has_changed = true;
    fate->next_changed = changed;
    changed = fate;
}

static struct imapid_fate *find(const conversation_t *conversation)
{
    return (struct imapid_fate *)conversation_get_proto_data(conversation, proto_segment);
}

/* The one on the same addresses and ports that was there before this SYN. One that had no octets of
 * both sides was none. */
static struct imapid_fate *find_former(const conversation_t *conversation, packet_info *pinfo)
{
    uint32_t frame = conversation->setup_frame;
    const conversation_t *before =
        frame > 1 ? find_conversation(frame - 1, &pinfo->src, &pinfo->dst, CONVERSATION_TCP,
                                      pinfo->srcport, pinfo->destport, 0)
                  : NULL;
    struct imapid_fate *former = before && before != conversation ? find(before) : NULL;

    return former && former->former && !(former->started[0].frame && former->started[1].frame)
               ? former->former
               : former;
}

static struct imapid_fate *get(conversation_t *conversation, packet_info *pinfo,
                               const struct imapid_own_segment *own)
{
    struct imapid_fate *fate = find(conversation);
    int d = imapid_given_direction(pinfo);
    bool is_from_server = imapid_decide_is_port(pinfo->srcport);

    if (fate || n_fates == N_MAX)
        return fate;
    n_fates++;
    fate = wmem_new0(wmem_file_scope(), struct imapid_fate);
    fate->alert = fate->warning = -1;
    fate->is_full = true;
    fate->order.doubts = fate->doubts;
    fate->first = now(pinfo);
    fate->client = is_from_server ? !d : d;
    fate->server_port = is_from_server ? pinfo->srcport : pinfo->destport;
    if ((own->flags & (TH_SYN | TH_ACK)) == TH_SYN)
        fate->former = find_former(conversation, pinfo);
    conversation_add_proto_data(conversation, proto_segment, fate);
    return fate;
}

/* ---- TCP ---- */

static void note_head(struct imapid_fate *fate, int d, const struct imapid_own_segment *own,
                      const struct imapid_moment *at)
{
    if (fate->started[d].frame || !own->n)
        return;
    fate->started[d] = *at;
    fate->n_head[d] = MIN(own->n, IMAPID_FATE_HEAD_MAX);
    memcpy(fate->head[d], tvb_get_ptr(own->tvb, (int)own->at, (int)fate->n_head[d]),
           fate->n_head[d]);
    fate->starts_whole[d] = fate->from_start && fate->is_full;
}

static void take_octets(struct imapid_fate *fate, int d, const struct imapid_own_segment *own,
                        const struct imapid_order_segment *segment, const struct imapid_moment *at)
{
    struct imapid_order_side *side = &fate->order.sides[d];
    uint32_t n_old = 0, end = segment->seq + segment->n;

    switch (imapid_order_find(&fate->order, d, segment, &n_old)) {
    case IMAPID_ORDER_OLD:
        if (!imapid_hole_fill(&fate->hole[d], segment->seq, end))
            imapid_stall_take_again(&fate->stall[d], segment->n, end, at);
        return;
    case IMAPID_ORDER_OFF:
        return;
    case IMAPID_ORDER_MOVED:
        imapid_order_restart(&fate->order, d, segment->seq);
        break;
    case IMAPID_ORDER_BACK:
        imapid_order_return(&fate->order, d, segment->seq);
        break;
    case IMAPID_ORDER_NEW:
        break;
    }
    /* Behind a hole that nobody loses at once, what the peer has not acknowledged may be a stranger's. */
    if (imapid_seq_before(side->acked, segment->seq) &&
        segment->seq - side->next > IMAPID_ORDER_ASTRAY_MAX)
        return;
    if (imapid_seq_before(side->next, segment->seq)) {
        fate->hole[d] = (struct imapid_hole){true, side->next, segment->seq};
        fate->is_full = false;
        imapid_order_lose(side, segment->seq);
    }
    imapid_order_move(side, end);
    note_head(fate, d, own, at);
    fate->is_cut[d] = own->n_cut > 0;
    fate->is_full &= !fate->is_cut[d];
}

static void take_syn(struct imapid_fate *fate, int d, packet_info *pinfo, uint8_t flags,
                     const struct imapid_order_segment *segment)
{
    const bool waits[2] = {false, false};

    if (!fate->from_start) {
        fate->client = flags & TH_ACK ? !d : d;
        fate->server_port = flags & TH_ACK ? pinfo->srcport : pinfo->destport;
    }
    fate->from_start = true;
    imapid_order_take_syn(&fate->order, d, segment, waits);
}

static uint8_t get_ttl(const packet_info *pinfo)
{
    return imapid_segment_get(pinfo)->ttl;
}

static struct imapid_order_segment parse(const packet_info *pinfo,
                                         const struct imapid_own_segment *own)
{
    return (struct imapid_order_segment){
        .seq = own->seq,
        .ack = own->ack,
        .n = own->n + own->n_cut,
        .has_ack = (own->flags & TH_ACK) != 0,
        .has_fin = (own->flags & TH_FIN) != 0,
        .number = pinfo->num,
    };
}

static void check_checksum(struct imapid_fate *fate, int d, const packet_info *pinfo,
                           const struct imapid_own_segment *own)
{
    if (!fate->started[0].frame && !fate->started[1].frame)
        imapid_segment_note_checksum(&fate->order, &fate->checksums[d],
                                     imapid_segment_judge(own, pinfo), pinfo->num);
}

/* Octets that the peer has acknowledged, and that do not come, are lost after some packets, as in the stream that begins later. */
static void lose_acked(struct imapid_fate *fate, int d)
{
    uint32_t to;

    if (!imapid_order_is_lost(&fate->order, d, IMAPID_ORDER_PATIENCE, &to) ||
        !imapid_seq_before(fate->order.sides[d].next, to))
        return;
    fate->is_full = false;
    imapid_order_lose(&fate->order.sides[d], to);
}

static void take_segment(struct imapid_fate *fate, packet_info *pinfo,
                         const struct imapid_own_segment *own)
{
    const struct imapid_moment at = now(pinfo);
    int d = imapid_given_direction(pinfo);
    struct imapid_order_segment segment = parse(pinfo, own);
    bool has_to_wait = false;

    fate->last = at;
    /* A stream has doubts of its own, and takes over those of before it: see begin.c. */
    if (fate->stream)
        fate->order.n_doubts = 0;
    else
        check_checksum(fate, d, pinfo, own);
    if (own->flags & TH_RST) {
        imapid_order_take_reset(&fate->order, d, &segment);
        if (fate->order.reset.is_there && fate->order.reset.frame == pinfo->num) {
            fate->reset = at;
            fate->reset_ttl = get_ttl(pinfo);
        }
        return;
    }
    fate->ttl[d] = get_ttl(pinfo);
    if (own->flags & TH_SYN) {
        /* Octets with an answer to more than the client has sent: a stranger's, most likely, and the true
         * answer is to come. */
        has_to_wait = imapid_order_is_held(&fate->order, d, segment.has_ack, segment.ack);
        take_syn(fate, d, pinfo, own->flags, &segment);
        if (segment.has_ack)
            imapid_stall_take_syn_ack(&fate->stall[d], &at);
        segment.seq++;
    } else {
        imapid_order_take(&fate->order, d, &segment);
        imapid_stall_take_window(&fate->stall[d], own->window, &at);
        if (segment.has_ack)
            imapid_stall_take_ack(&fate->stall[!d], own->ack);
    }
    if (fate->order.sides[d].has_fin && fate->order.sides[d].fin_frame == pinfo->num)
        fate->fin[d] = at;
    if (segment.n && !has_to_wait)
        take_octets(fate, d, own, &segment, &at);
    for (int i = 0; i < 2 && !fate->stream; i++)
        lose_acked(fate, i);
}

static bool is_of_former(const struct imapid_fate *fate, packet_info *pinfo,
                         const struct imapid_own_segment *own)
{
    const struct imapid_order_segment segment = parse(pinfo, own);

    return fate->former && !(own->flags & TH_SYN) &&
           imapid_order_is_of_former(&fate->former->order, &fate->order,
                                     imapid_given_direction(pinfo), &segment);
}

struct imapid_fate *imapid_fate_find(const conversation_t *conversation, packet_info *pinfo)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    struct imapid_fate *fate = find(conversation);

    return fate && own && is_of_former(fate, pinfo, own) ? fate->former : fate;
}

/* In the clear, and read: what goes on in another conversation can be read on. */
static bool can_go_on(packet_info *pinfo, const struct imapid_stream *stream)
{
    return stream && stream->is_claimed && !stream->is_foreign && !stream->gave_way &&
           imapid_connection_get_segment(pinfo, stream);
}

struct imapid_stream *imapid_fate_find_stream(const conversation_t *conversation,
                                              packet_info *pinfo, struct imapid_stream *stream)
{
    void *frame = GUINT_TO_POINTER(pinfo->num);
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    const struct imapid_fate *fate;
    struct imapid_stream *joined_here;

    if (pinfo->fd->visited) {
        joined_here = (struct imapid_stream *)wmem_map_lookup(joined, frame);
        return joined_here ? joined_here : stream;
    }
    fate = conversation && own ? find(conversation) : NULL;
    if (!fate || !is_of_former(fate, pinfo, own) || fate->former->stream == fate->stream ||
        !can_go_on(pinfo, fate->former->stream))
        return stream;
    wmem_map_insert(joined, frame, fate->former->stream);
    fate->former->is_read_behind = true;
    return fate->former->stream;
}

bool imapid_fate_tells_nothing(const conversation_t *conversation, packet_info *pinfo)
{
    const struct imapid_own_segment *own = imapid_segment_get(pinfo);
    const struct imapid_fate *fate = imapid_fate_find(conversation, pinfo);
    int d = imapid_given_direction(pinfo);

    return fate && own &&
           (imapid_order_is_held(&fate->order, d, (own->flags & TH_ACK) != 0, own->ack) ||
            imapid_order_is_before_first(&fate->order.sides[d], own->seq, own->n + own->n_cut));
}

static void take_former(struct imapid_fate *fate, packet_info *pinfo,
                        const struct imapid_own_segment *own)
{
    struct imapid_fate *former = fate->former;

    fate->is_contested = true;
    /* Nothing was said before the other SYN: all of it is in the stream that begins here. */
    if (!former->stream && fate->stream && fate->stream->first_frame == pinfo->num) {
        former->stream = fate->stream;
        former->is_read_behind = true;
    }
    if (own->n + own->n_cut && !(own->flags & TH_RST) && !former->goes_on) {
        struct imapid_syn *syn = wmem_new(wmem_file_scope(), struct imapid_syn);

        former->goes_on = true;
        *syn = (struct imapid_syn){former, (unsigned)fate->first.frame};
        wmem_map_insert(syns, GUINT_TO_POINTER(pinfo->num), syn);
    }
    take_segment(former, pinfo, own);
    note_changed(former);
}

/* Without a SYN, what is said tells who is the client. */
static void note_client(struct imapid_fate *fate, packet_info *pinfo)
{
    int d = imapid_given_direction(pinfo);
    bool is_from_server = imapid_connection_is_from_server(fate->stream, pinfo);

    fate->client = is_from_server ? !d : d;
    fate->server_port = is_from_server ? pinfo->srcport : pinfo->destport;
}

void imapid_fate_take(packet_info *pinfo, conversation_t *conversation,
                      struct imapid_stream *stream, const struct imapid_own_segment *own)
{
    struct imapid_fate *fate = get(conversation, pinfo, own);

    if (!fate)
        return;
    fate->stream = stream;
    if (stream && !stream->is_foreign && !fate->from_start)
        note_client(fate, pinfo);
    if (is_of_former(fate, pinfo, own)) {
        take_former(fate, pinfo, own);
    } else {
        take_segment(fate, pinfo, own);
        if (fate->started[0].frame && fate->started[1].frame)
            fate->former = NULL; /* it is over */
    }
    note_changed(fate);
}

const struct imapid_syn *imapid_fate_find_syn(const packet_info *pinfo)
{
    return (const struct imapid_syn *)wmem_map_lookup(syns, GUINT_TO_POINTER(pinfo->num));
}

/* ---- errors ---- */

/* The octets of the header of IP before the quoted octets of TCP, with a header of ICMP before it; 0: it is not there. In IPv4
 * it has no fixed length. */
static int get_quoted_length(const packet_info *pinfo, tvbuff_t *tvb)
{
    int at = tvb_raw_offset(tvb);

    if (pinfo->src.type == AT_IPv6)
        return at >= 40 + 8 ? 40 : 0;
    for (int n = 20; pinfo->src.type == AT_IPv4 && n <= 60 && at >= n + 8; n += 4)
        if (tvb_get_uint8(tvb_get_ds_tvb(tvb), at - n) == (0x40 | n / 4))
            return n;
    return 0;
}

/* All 0: it is not there. */
static struct imapid_icmp read_error(const packet_info *pinfo, tvbuff_t *tvb)
{
    int n_ip = get_quoted_length(pinfo, tvb);

    if (!n_ip)
        return (struct imapid_icmp){.error = NULL};
    return imapid_stall_icmp(pinfo->src.type == AT_IPv4 ? 4 : 6,
                             tvb_get_ptr(tvb_get_ds_tvb(tvb), tvb_raw_offset(tvb) - n_ip - 8, 8));
}

/* Where the header of the packet that carries the error begins, whose header of ICMP (protocol 1) is at `icmp`; -1: not here. */
static int find_carrier(const packet_info *pinfo, tvbuff_t *frame, int icmp)
{
    if (pinfo->src.type == AT_IPv6)
        return icmp >= 40 && tvb_get_uint8(frame, icmp - 40) >> 4 == 6 ? icmp - 40 : -1;
    for (int n = 20; n <= 60 && n <= icmp; n += 4)
        if (tvb_get_uint8(frame, icmp - n) == (0x40 | n / 4) &&
            tvb_get_uint8(frame, icmp - n + 9) == 1)
            return icmp - n;
    return -1;
}

/* Notes who sent the error: its own header stands before that of ICMP; addresses of the packet info are
 * the quoted ones. */
static void note_sender(struct imapid_fate *fate, packet_info *pinfo, tvbuff_t *tvb)
{
    tvbuff_t *frame = tvb_get_ds_tvb(tvb);
    int at = find_carrier(pinfo, frame, tvb_raw_offset(tvb) - get_quoted_length(pinfo, tvb) - 8);
    address from;

    if (at < 0)
        return;
    set_address_tvb(&from, pinfo->dst.type, pinfo->dst.len, frame,
                    at + (pinfo->src.type == AT_IPv4 ? 12 : 8));
    fate->is_error_of_server = addresses_equal(&from, &pinfo->dst);
    fate->error_from = address_to_str(wmem_file_scope(), &from);
}

static bool is_near(const struct imapid_fate *fate, int d, uint32_t seq)
{
    uint32_t next = fate->order.sides[d].next;

    return seq - next <= NEAR || next - seq <= NEAR;
}

void imapid_fate_take_error(packet_info *pinfo, tvbuff_t *tvb)
{
    struct imapid_icmp says = {.error = NULL};
    uint32_t source, destination;
    conversation_t *conversation;
    struct imapid_fate *fate;
    bool is_of_client;

    if (tvb_captured_length(tvb) >= 8)
        says = read_error(pinfo, tvb);
    if (!says.error && !says.mtu)
        return;
    source = tvb_get_ntohs(tvb, 0);
    destination = tvb_get_ntohs(tvb, 2);
    conversation = find_conversation(pinfo->num, &pinfo->src, &pinfo->dst, CONVERSATION_TCP, source,
                                     destination, 0);
    fate = conversation ? find(conversation) : NULL;
    is_of_client = fate && destination == fate->server_port;
    if (!fate || !(is_of_client || source == fate->server_port) ||
        !is_near(fate, is_of_client ? fate->client : !fate->client, tvb_get_ntohl(tvb, 4)))
        return;
    if (says.mtu && !fate->mtu) {
        fate->mtu = says.mtu;
        fate->mtu_at = now(pinfo);
        note_changed(fate);
    }
    if (!says.error || fate->error || !is_of_client)
        return;
    fate->error = says.error;
    fate->error_at = now(pinfo);
    note_sender(fate, pinfo, tvb);
    note_changed(fate);
}

/* ---- TLS ---- */

static void take_known_alert(struct imapid_fate *fate, int d, const uint8_t *octets,
                             const struct imapid_moment *at)
{
    if (imapid_hello_is_fatal(octets[0], octets[1])) {
        if (fate->alert >= 0)
            return;
        fate->alert = octets[1];
        fate->alert_direction = d;
        fate->alert_at = *at;
    } else if (fate->warning < 0) {
        fate->warning = octets[1];
        fate->warning_direction = d;
        fate->warning_at = *at;
    }
}

static void take_alert(struct imapid_fate *fate, int d, const uint8_t *octets, unsigned n,
                       const struct imapid_moment *at)
{
    if (n == N_ALERT)
        take_known_alert(fate, d, octets, at);
    else if (fate->has_data[0] && fate->has_data[1] && !fate->farewell[d].frame)
        fate->farewell[d] = *at;
}

static void take_client_hello(struct imapid_fate *fate, const uint8_t *message, unsigned n)
{
    struct imapid_hello hello;

    if (!imapid_hello_read_client(message, n, &hello))
        return;
    fate->tls_offered = hello.newest;
    fate->n_suites = imapid_hello_count_suites(&hello);
    fate->n_server_name = hello.n_server_name;
    if (hello.n_server_name)
        fate->server_name =
            (const uint8_t *)wmem_memdup(wmem_file_scope(), hello.server_name, hello.n_server_name);
}

static void take_server_hello(struct imapid_fate *fate, const uint8_t *message, unsigned n)
{
    struct imapid_hello hello;

    fate->is_answered = true;
    if (!imapid_hello_read_server(message, n, &hello))
        return;
    fate->is_answered = !hello.is_retry;
    if (hello.is_retry)
        return;
    fate->tls_chosen = hello.version;
    fate->is_new = hello.version >= TLS_1_3;
}

/* As far as it is there. In TLS 1.3 it is encrypted. */
static void take_certificate(struct imapid_fate *fate, const uint8_t *message, unsigned n,
                             const struct imapid_moment *at)
{
    struct imapid_certificate certificate;

    if (fate->certificate ||
        !imapid_certificate_read(message, MIN(n, IMAPID_CERTIFICATE_MAX), fate->is_new,
                                 fate->server_name, fate->n_server_name, &certificate))
        return;
    fate->certificate = (const struct imapid_certificate *)wmem_memdup(
        wmem_file_scope(), &certificate, sizeof certificate);
    fate->certificate_at = *at;
}

static void take_message(struct imapid_fate *fate, int d, uint8_t type, const uint8_t *message,
                         unsigned n, const struct imapid_moment *at)
{
    if (type == CLIENT_HELLO && !fate->hello.frame && d == fate->client) {
        fate->hello = *at;
        take_client_hello(fate, message, n);
    } else if (type == SERVER_HELLO && d != fate->client) {
        take_server_hello(fate, message, n);
    } else if (type == CERTIFICATE && d != fate->client) {
        take_certificate(fate, message, n, at);
    }
}

/* Takes the messages of a record. Of one that goes on in the next record the beginning tells. */
static void take_handshake(struct imapid_fate *fate, int d, const uint8_t *octets, unsigned n,
                           const struct imapid_moment *at)
{
    while (n >= HANDSHAKE_HEADER) {
        unsigned n_message = (unsigned)octets[1] << 16 | (unsigned)octets[2] << 8 | octets[3];

        n_message = MIN(n_message, n - HANDSHAKE_HEADER);
        take_message(fate, d, octets[0], octets + HANDSHAKE_HEADER, n_message, at);
        octets += HANDSHAKE_HEADER + n_message;
        n -= HANDSHAKE_HEADER + n_message;
    }
}

static void take_data(struct imapid_fate *fate, int d, unsigned n, bool is_open,
                      const struct imapid_moment *at)
{
    if (fate->is_new && n == N_ALERT_NEW && fate->has_data[d] && !is_open) {
        if (!fate->farewell[d].frame)
            fate->farewell[d] = *at;
        return;
    }
    fate->has_data[d] = true;
    fate->is_decrypted |= is_open;
}

static void note_sealed(struct imapid_fate *fate, int d, tvbuff_t *tvb,
                        const struct imapid_moment *at)
{
    unsigned n = tvb_captured_length(tvb);
    enum imapid_opening opening;

    if (!n || fate->has_sealed[d])
        return;
    fate->has_sealed[d] = true;
    opening = imapid_verdict_opening(tvb_get_ptr(tvb, 0, (int)n), n);
    if (imapid_opening_is_text(opening))
        fate->plain[d] = *at;
    else if (opening == IMAPID_OPENING_SSL2 && d == fate->client)
        fate->ssl2 = *at;
}

/* Of what TLS 1.3 encrypts of a handshake, the certificate. */
static void take_open_handshake(struct imapid_fate *fate, int d, tvbuff_t *tvb,
                                const struct imapid_moment *at)
{
    unsigned n = tvb_captured_length(tvb);

    if (n > HANDSHAKE_HEADER && d != fate->client && !fate->has_data[fate->client] &&
        (tvb_get_uint8(tvb, 0) == ENCRYPTED_EXTENSIONS || tvb_get_uint8(tvb, 0) == CERTIFICATE))
        take_handshake(fate, d, tvb_get_ptr(tvb, 0, (int)n), n, at);
}

static void take_open_alert(struct imapid_fate *fate, int d, const uint8_t *octets,
                            const struct imapid_moment *at)
{
    enum { CLOSE_NOTIFY = 0 };

    take_known_alert(fate, d, octets, at);
    if (octets[1] == CLOSE_NOTIFY && !fate->farewell[d].frame)
        fate->farewell[d] = *at;
}

static bool is_decrypted(const struct data_source *source)
{
    char *description = get_data_source_description(source);
    bool is_of_tls = g_str_has_prefix(description, "Decrypted TLS");

    wmem_free(NULL, description);
    return is_of_tls;
}

static bool has_decrypted(const GSList *sources)
{
    while (sources && !is_decrypted((const struct data_source *)sources->data))
        sources = sources->next;
    return sources != NULL;
}

/* What Wireshark has decrypted and gives to nobody. An alert is two octets, as no words of IMAP begin; in TLS 1.3 nothing
 * else tells it from application data. */
static void take_decrypted(struct imapid_fate *fate, int d, const GSList *sources, bool has_out,
                           const struct imapid_moment *at)
{
    for (; sources; sources = sources->next) {
        const struct data_source *source = (const struct data_source *)sources->data;
        tvbuff_t *tvb = get_data_source_tvb(source);

        if (!is_decrypted(source))
            continue;
        if (!has_out && tvb_captured_length(tvb) == N_ALERT && tvb_get_uint8(tvb, 0) >= 1 &&
            tvb_get_uint8(tvb, 0) <= 2)
            take_open_alert(fate, d, tvb_get_ptr(tvb, 0, N_ALERT), at);
        else if (fate->is_new)
            take_open_handshake(fate, d, tvb, at);
    }
}

/* `is_open`: something of them is decrypted, or a dissector was called below TLS: for a certificate in the clear, too. */
static void take_records(struct imapid_fate *fate, int d, tvbuff_t *tvb, bool is_open,
                         const struct imapid_moment *at)
{
    unsigned n = tvb_captured_length(tvb);

    for (unsigned next; n >= RECORD_HEADER; n -= next) {
        const uint8_t *octets = tvb_get_ptr(tvb, (int)(tvb_captured_length(tvb) - n), (int)n);
        unsigned n_record = (unsigned)octets[3] << 8 | octets[4];

        next = MIN(RECORD_HEADER + n_record, n);
        if (octets[1] != 3 || n < RECORD_HEADER + n_record)
            return;
        fate->is_tls = true;
        switch (octets[0]) {
        case CHANGE_CIPHER_SPEC:
            fate->is_changed[d] = true;
            break;
        case ALERT:
            take_alert(fate, d, octets + RECORD_HEADER, n_record, at);
            break;
        case HANDSHAKE:
            if (!fate->is_changed[d] || fate->is_new)
                take_handshake(fate, d, octets + RECORD_HEADER, n_record, at);
            break;
        case APPLICATION_DATA:
            take_data(fate, d, n_record, is_open, at);
            break;
        default:
            return;
        }
    }
}

void imapid_fate_take_tls(const conversation_t *conversation, packet_info *pinfo, tvbuff_t *tvb,
                          bool has_out, const GSList *decrypted)
{
    struct imapid_fate *fate = find(conversation);
    const struct imapid_moment at = now(pinfo);
    int d = imapid_given_direction(pinfo);
    bool is_open;

    if (!fate)
        return;
    is_open = has_decrypted(decrypted);
    fate->is_decrypted |= is_open;
    note_sealed(fate, d, tvb, &at);
    if (fate->plain[d].frame) /* Wireshark goes on to look for records; a peer does not */
        return;
    take_records(fate, d, tvb, is_open || has_out, &at);
    take_decrypted(fate, d, decrypted, has_out, &at);
}
