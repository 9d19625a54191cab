/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ending.c: what TCP and TLS show of a connection (fate.h), put beside what its session says, makes the
 * verdict of protocol/verdict, as in the tool.
 *
 * Refuses to say anything in the first pass: what goes wrong may yet be overcome.
 *
 * Misuse: asking for a frame before all were read; then what the capture lacks is said of the end. */
#include "ending.h"

#include <epan/charsets.h>
#include <epan/column-utils.h>
#include <epan/strutil.h>

#include <imapid/decide.h>
#include <imapid/say.h>

#include "call.h"
#include "fate.h"
#include "pass.h"
#include "tree.h"

static int hf_outcome = -1;
static int hf_stopped_at = -1;
static int hf_by = -1;
static int hf_status = -1;
static int ett_outcome = -1;
static expert_field ei_outcome = EI_INIT;
static expert_field ei_unknown = EI_INIT;
static int proto_imapid = -1;

/* Told in one frame of a connection; file scope. */
struct told {
    struct told *next; /* of the same frame */
    const struct imapid_fate *fate;
    const char *brief, *text, *stopped_at, *by, *status; /* brief: for the Info column */
    enum imapid_known healthy;
};

static wmem_map_t *tellings; /* frame -> struct told; file scope */

static hf_register_info fields[] = {
    {&hf_outcome,
     {"Outcome", "imapid.outcome", FT_STRING, BASE_NONE, NULL, 0,
      "What became of the connection, in the packet that decides", HFILL}},
    {&hf_stopped_at,
     {"Stopped at", "imapid.stopped_at", FT_STRING, BASE_NONE, NULL, 0,
      "How far the connection came: connect, tls, greeting, starttls, login, id, select, command, "
      "idle, end or unknown",
      HFILL}},
    {&hf_by,
     {"Stopped by", "imapid.stopped_by", FT_STRING, BASE_NONE, NULL, 0,
      "Who stopped the connection: client, server, network or capture", HFILL}},
    {&hf_status,
     {"With", "imapid.outcome.status", FT_STRING, BASE_NONE, NULL, 0,
      "What was said last, or done without a word: NO, an alert, RST, timeout and others", HFILL}},
};

static ei_register_info infos[] = {
    {&ei_outcome,
     {"imapid.went_wrong", PI_RESPONSE_CODE, PI_WARN, "outcome: the connection went wrong",
      EXPFILL}},
    {&ei_unknown,
     {"imapid.not_known", PI_RESPONSE_CODE, PI_NOTE,
      "outcome: the capture does not tell what became of the connection", EXPFILL}},
};

void imapid_ending_register(int proto)
{
    static int *etts[] = {&ett_outcome};

    proto_imapid = proto;
    proto_register_field_array(proto, fields, (int)array_length(fields));
    proto_register_subtree_array(etts, (int)array_length(etts));
    expert_register_field_array(expert_register_protocol(proto), infos, array_length(infos));
    tellings =
        wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_direct_hash, g_direct_equal);
}

/* ---- facts ---- */

static enum imapid_party get_party(const struct imapid_fate *fate, int d)
{
    return d == fate->client ? IMAPID_PARTY_CLIENT : IMAPID_PARTY_SERVER;
}

static void look_at_end(const struct imapid_fate *fate, struct imapid_verdict_facts *facts)
{
    struct imapid_order order = fate->order;
    bool is_ahead = order.reset.is_there && !imapid_order_is_reset(&order);
    int closer = -1;

    imapid_order_settle_reset(&order);
    if (is_ahead &&
        order.reset.is_there) /* the capture lacks what came before it, or the two went on */
        facts->is_tail_lost[0] = facts->is_tail_lost[1] = true;
    for (int d = 0; d < 2; d++)
        if (order.sides[d].has_fin &&
            (closer < 0 || order.sides[d].fin_frame < order.sides[closer].fin_frame))
            closer = d;
    if (closer >= 0 && !(order.reset.is_there && fate->reset.frame < fate->fin[closer].frame)) {
        facts->closer = get_party(fate, closer);
        facts->closed = fate->fin[closer];
    } else if (order.reset.is_there) {
        facts->closer = get_party(fate, order.reset.side);
        facts->closed = fate->reset;
        facts->is_reset = true;
        facts->is_foreign =
            fate->ttl[order.reset.side] && fate->ttl[order.reset.side] != fate->reset_ttl;
    }
}

static bool is_read(const struct imapid_fate *fate)
{
    return fate->stream && !fate->stream->is_foreign && fate->stream->outcome;
}

static void look_at_tls(const struct imapid_fate *fate, struct imapid_verdict_facts *facts)
{
    int c = fate->client;

    facts->is_starttls =
        is_read(fate) &&
        imapid_stream_get_session(fate->stream)->exchanges.now.security == IMAPID_SECURITY_STARTTLS;
    facts->is_tls = fate->is_tls || facts->is_starttls ||
                    imapid_opening_is_hello(facts->opening[IMAPID_CLIENT]);
    for (int side = 0; facts->is_starttls && side < 2; side++)
        facts->plain[side] = fate->stream->plain[side].frame
                                 ? fate->stream->plain[side]
                                 : fate->plain[side == IMAPID_CLIENT ? c : !c];
    facts->hello = fate->hello;
    if (!fate->hello.frame && facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_SSL2)
        facts->hello = facts->client_first;
    else if (!fate->hello.frame && facts->is_starttls)
        facts->hello = fate->ssl2;
    facts->is_ssl2 = facts->hello.frame && !fate->hello.frame;
    facts->tls_offered = fate->tls_offered;
    facts->tls_chosen = fate->tls_chosen;
    facts->n_suites = fate->n_suites;
    facts->is_answered = fate->is_answered;
    facts->is_tls_done =
        fate->is_new ? fate->has_data[c] : fate->is_changed[0] && fate->is_changed[1];
    facts->alert = fate->alert;
    facts->alert_side = fate->alert_direction == c ? IMAPID_CLIENT : IMAPID_SERVER;
    facts->alert_place = fate->alert_at;
    facts->warning = fate->warning;
    facts->warning_side = fate->warning_direction == c ? IMAPID_CLIENT : IMAPID_SERVER;
    facts->warning_place = fate->warning_at;
    if (facts->is_tls && !fate->is_decrypted)
        facts->not_decrypted = fate->hello.frame ? "no-key" : "no-handshake";
    facts->farewell = fate->farewell[c];
    facts->certificate = fate->certificate;
    facts->certificate_at = fate->certificate_at;
    facts->asked_for = fate->server_name;
    facts->n_asked_for = fate->n_server_name;
}

/* The peer, or the FIN, tells of octets behind the last that came. */
static bool ends_in_hole(const struct imapid_order_side *side)
{
    if (!side->is_known)
        return false;
    return side->has_fin ? imapid_seq_before(side->next, side->fin)
                         : !side->is_ahead && imapid_seq_before(side->next, side->acked);
}

static struct imapid_verdict_facts look(const struct imapid_fate *fate)
{
    int c = fate->client;
    struct imapid_verdict_facts facts = {
        .from_start =
            fate->from_start ||
            (is_read(fate) && imapid_stream_get_session(fate->stream)->exchanges.from_start),
        .is_connected = fate->ttl[!c] != 0,
        .is_both = fate->ttl[0] && fate->ttl[1],
        .is_lossless = fate->from_start && fate->is_full,
        .is_tls_port = fate->server_port == IMAPID_PORT_IMAPS,
        .first = fate->first,
        .last = fate->last,
        .client_first = fate->started[c],
        .greeting = fate->started[!c],
        .mtu = fate->mtu,
        .mtu_place = fate->mtu_at,
        .error = fate->error,
        .error_place = fate->error_at,
        .error_from = fate->error_from,
        .is_error_of_server = fate->is_error_of_server,
        .ttl = {fate->ttl[c], fate->ttl[!c]},
        .reset_ttl = fate->reset_ttl,
        .alert = -1,
        .warning = -1,
    };

    for (int side = 0; side < 2; side++) {
        int d = side == IMAPID_CLIENT ? c : !c;

        facts.has_octets[side] = fate->started[d].frame != 0;
        if (fate->starts_whole[d])
            facts.opening[side] = imapid_verdict_opening(fate->head[d], fate->n_head[d]);
        facts.stall[side] = fate->stall[d];
        /* What goes on behind another SYN is in a stream of its own, and not read as this one's, unless all is. */
        facts.is_tail_lost[side] = fate->is_cut[d] || (fate->goes_on && !fate->is_read_behind) ||
                                   ends_in_hole(&fate->order.sides[d]);
    }
    if (!is_read(fate) && facts.from_start && fate->starts_whole[!c] && !fate->is_answered)
        facts.greets_as = imapid_verdict_greeting(fate->head[!c], fate->n_head[!c]);
    look_at_end(fate, &facts);
    look_at_tls(fate, &facts);
    if (is_read(fate)) {
        facts.unreadable = fate->stream->unreadable;
        facts.unreadable_side = fate->stream->unreadable_side;
    }
    return facts;
}

/* ---- verdicts ---- */

/* Is anything told of it? As in the tool: of IMAP, and of what was to be IMAP by its port. */
static bool is_told(const struct imapid_fate *fate)
{
    if (is_read(fate) && fate->stream->is_claimed && imapid_stream_is_proven(fate->stream))
        return true;
    return imapid_decide_is_told(fate->server_port, fate->from_start,
                                 fate->started[0].frame || fate->started[1].frame,
                                 fate->reset.frame && fate->ttl[0] && fate->ttl[1]);
}

/* Without the server's words: those stand in the Info column already. In file scope. */
static const char *spell_briefly(const struct imapid_verdict *verdict)
{
    const char *stage = imapid_stage_name(verdict->stage), *by = imapid_party_name(verdict->by);

    return verdict->healthy == IMAPID_YES
               ? wmem_strdup_printf(wmem_file_scope(), "healthy: %s, %s by %s", stage,
                                    verdict->status, by ? by : "nobody")
               : wmem_strdup_printf(wmem_file_scope(), "%s, stopped by %s: %s", stage,
                                    by ? by : "nobody", verdict->status);
}

/* What is said of it, in file scope. Octets that are no text are replaced. */
static const char *spell(const struct imapid_fate *fate, const struct imapid_outcome *outcome,
                         const struct imapid_verdict_facts *facts,
                         const struct imapid_verdict *verdict)
{
    struct imapid_say say = {0};

    imapid_say(&say, outcome, is_read(fate) ? fate->stream->login : NULL, facts, verdict);
    return (const char *)get_utf_8_string(wmem_file_scope(), say.octets, (int)say.n);
}

static void forget(struct imapid_fate *fate)
{
    struct told *first = (struct told *)wmem_map_lookup(tellings, GUINT_TO_POINTER(fate->told_in));

    for (struct told **at = &first; *at; at = &(*at)->next)
        if ((*at)->fate == fate) {
            *at = (*at)->next;
            break;
        }
    if (first)
        wmem_map_insert(tellings, GUINT_TO_POINTER(fate->told_in), first);
    else
        wmem_map_remove(tellings, GUINT_TO_POINTER(fate->told_in));
    fate->told_in = 0;
}

static void judge(struct imapid_fate *fate)
{
    static const struct imapid_outcome nothing;
    const struct imapid_outcome *outcome;
    struct imapid_verdict_facts facts;
    struct imapid_verdict verdict;
    struct told *told;

    if (fate->told_in)
        forget(fate);
    if (fate->stream && !fate->stream->is_foreign) {
        imapid_call_settle(fate->stream);
        imapid_pass_tell_end(fate->stream);
    }
    if (!is_told(fate) || fate->is_contested || (fate->stream && fate->stream->gave_way))
        return;
    facts = look(fate);
    outcome = is_read(fate) ? fate->stream->outcome : &nothing;
    imapid_verdict_make(outcome, &facts, &verdict);
    if (!verdict.status || !verdict.place.frame)
        return;
    told = wmem_new(wmem_file_scope(), struct told);
    fate->told_in = (unsigned)verdict.place.frame;
    *told = (struct told){
        .next = (struct told *)wmem_map_lookup(tellings, GUINT_TO_POINTER(fate->told_in)),
        .fate = fate,
        .brief = spell_briefly(&verdict),
        .text = spell(fate, outcome, &facts, &verdict),
        .stopped_at = imapid_stage_name(verdict.stage),
        .by = imapid_party_name(verdict.by),
        .status = verdict.status,
        .healthy = verdict.healthy,
    };
    wmem_map_insert(tellings, GUINT_TO_POINTER(fate->told_in), told);
}

/* ---- items ---- */

static void add_string(proto_tree *tree, int hf, tvbuff_t *tvb, const char *text)
{
    if (text)
        proto_item_set_generated(proto_tree_add_string(tree, hf, tvb, 0, 0, text));
}

void imapid_ending_add(packet_info *pinfo, tvbuff_t *tvb, proto_tree *tree)
{
    const struct told *told;
    struct imapid_fate *fate;

    if (!pinfo->fd->visited)
        return;
    while ((fate = imapid_fate_take_changed()))
        judge(fate);
    told = (const struct told *)wmem_map_lookup(tellings, GUINT_TO_POINTER(pinfo->num));
    for (; told; told = told->next) {
        proto_item *item = proto_tree_add_string(imapid_tree_get_connection(tree, pinfo, tvb),
                                                 hf_outcome, tvb, 0, 0, told->text);
        proto_tree *below = proto_item_add_subtree(item, ett_outcome);
        const char *protocol = pinfo->current_proto;

        proto_item_set_generated(item);
        add_string(below, hf_stopped_at, tvb, told->stopped_at);
        add_string(below, hf_by, tvb, told->by);
        add_string(below, hf_status, tvb, told->status);
        pinfo->current_proto = proto_get_protocol_short_name(find_protocol_by_id(proto_imapid));
        if (told->healthy != IMAPID_YES)
            expert_add_info_format(pinfo, item,
                                   told->healthy == IMAPID_NO ? &ei_outcome : &ei_unknown,
                                   "outcome: %s", told->text);
        pinfo->current_proto = protocol;
        if (told->healthy == IMAPID_NO)
            col_append_fstr(pinfo->cinfo, COL_INFO, " | %s", told->brief);
    }
}

void imapid_ending_add_doubt(packet_info *pinfo, tvbuff_t *tvb, proto_tree *tree)
{
    const struct imapid_syn *syn = imapid_fate_find_syn(pinfo);

    if (syn && is_told(syn->former) && !(syn->former->stream && syn->former->stream->gave_way))
        imapid_tree_add_doubt(tree, pinfo, tvb, IMAPID_DOUBT_NEW_SYN, syn->frame);
}
