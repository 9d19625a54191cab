/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.c: fields and items.
 *
 * The list of a unit is read again for each visit: the reader is pure, and a packet's items live no
 * longer than its dissection. Expert infos are raised without a tree too: taps want them.
 *
 * Refuses nothing: what is malformed becomes an item, with the finding beside it.
 *
 * Misuse: giving a tvb that does not hold the whole unit; then Wireshark throws. */
#include "tree.h"

#include <epan/column-utils.h>
#include <epan/to_str.h>
#include <imapid/fields.h>
#include <imapid/list.h>
#include <imapid/proxy.h>

#include <string.h>

#include "address.h"
#include "connection.h"
#include "ident.h"

static int proto_imapid = -1;
static int proto_connection = -1;           /* the item that is one a packet */
static dissector_handle_t id_handle = NULL; /* for ever */

static int hf_request = -1;
static int hf_response = -1;
static int hf_tag = -1;
static int hf_nil = -1;
static int hf_count = -1;
static int hf_cut = -1;
static int hf_over_limit = -1;
static int hf_doubt = -1;
static int hf_finding = -1;
static int hf_proxied = -1;
static int hf_pair = -1;
static int hf_field = -1;
static int hf_value = -1;
static int hf_value_nil = -1;
static int hf_value_ipv4 = -1;
static int hf_value_ipv6 = -1;
static int hf_status = -1;
static int hf_not_accepted = -1;
static int hf_response_in = -1;
static int hf_request_in = -1;
static int hf_time = -1;
static int hf_defined[IMAPID_N_FIELDS] = {
#define IMAPID_FIELD(symbol, wire, column, label, text) -1,
#include <imapid/fields.def>
#undef IMAPID_FIELD
};

static int ett_imapid = -1;
static int ett_pair = -1;
static int ett_connection = -1;

static expert_field ei[IMAPID_N_FINDINGS] = {
#define IMAPID_FINDING(symbol, code, severity, section, message) EI_INIT,
#include <imapid/findings.def>
#undef IMAPID_FINDING
};

/* What is no finding against anybody: the capture, or a preference, keeps something back. */
static expert_field ei_notes[] = {[IMAPID_TREE_NOT_DECRYPTED] = EI_INIT,
                                  [IMAPID_TREE_NOT_IN_ORDER] = EI_INIT,
                                  [IMAPID_TREE_NOT_SHOWN] = EI_INIT,
                                  [IMAPID_TREE_NOT_KEPT] = EI_INIT};

static expert_field ei_doubt = EI_INIT;

static ei_register_info notes[] = {
    {&ei_doubt,
     {"imapid.doubted", PI_SEQUENCE, PI_WARN,
      "doubt: Somebody else may have sent part of this connection", EXPFILL}},
    {&ei_notes[IMAPID_TREE_NOT_DECRYPTED],
     {"imapid.not_decrypted", PI_DECRYPTION, PI_NOTE,
      "not-decrypted: IMAP in TLS that was not decrypted: an ID in it cannot be read without this "
      "connection's "
      "secrets (preference tls.keylog_file, or a Decryption Secrets Block)",
      EXPFILL}},
    {&ei_notes[IMAPID_TREE_NOT_IN_ORDER],
     {"imapid.not_in_order", PI_REASSEMBLE, PI_NOTE,
      "not-in-order: A segment of IMAP that could not be read in order: it came too late, or "
      "octets before it "
      "are "
      "missing. An ID in it is cut or missing. Inside TLS the preference "
      "tcp.reassemble_out_of_order puts what comes late in its place",
      EXPFILL}},
    {&ei_notes[IMAPID_TREE_NOT_SHOWN],
     {"imapid.not_shown", PI_UNDECODED, PI_NOTE,
      "not-shown: This packet has more commands or responses than are shown: these are the first "
      "of them",
      EXPFILL}},
    {&ei_notes[IMAPID_TREE_NOT_KEPT],
     {"imapid.not_kept", PI_UNDECODED, PI_NOTE,
      "not-kept: This connection was given up, because the IMAP connections of the capture need "
      "more memory "
      "than the preference imapid.memory allows: no ID in it is shown",
      EXPFILL}},
};

/* ---- registration ---- */

static hf_register_info fields[] = {
    {&hf_request,
     {"Request", "imapid.request", FT_BOOLEAN, BASE_NONE, NULL, 0, "An ID command of a client",
      HFILL}},
    {&hf_response,
     {"Response", "imapid.response", FT_BOOLEAN, BASE_NONE, NULL, 0, "An ID response of a server",
      HFILL}},
    {&hf_tag, {"Tag", "imapid.tag", FT_STRING, BASE_NONE, NULL, 0, "Tag of the ID command", HFILL}},
    {&hf_nil,
     {"NIL", "imapid.nil", FT_BOOLEAN, BASE_NONE, NULL, 0, "NIL was sent instead of a list",
      HFILL}},
    {&hf_count,
     {"Pairs", "imapid.count", FT_UINT32, BASE_DEC, NULL, 0, "Number of field-value pairs", HFILL}},
    {&hf_cut,
     {"Cut", "imapid.cut", FT_BOOLEAN, BASE_NONE, NULL, 0,
      "The capture lacks octets of this command or response: only its beginning is shown", HFILL}},
    {&hf_over_limit,
     {"Over a limit", "imapid.over_limit", FT_BOOLEAN, BASE_NONE, NULL, 0,
      "This command or response is longer than the limit: only its beginning is shown", HFILL}},
    {&hf_doubt,
     {"Doubt", "imapid.doubt", FT_STRING, BASE_NONE, NULL, 0,
      "What this packet shows against an earlier one of its connection: reset-ignored and others",
      HFILL}},
    {&hf_finding,
     {"Finding", "imapid.finding", FT_STRING, BASE_NONE, NULL, 0,
      "Code of a finding about the connection", HFILL}},
    {&hf_proxied,
     {"PROXY protocol, for", "imapid.proxied_for", FT_STRING, BASE_NONE, NULL, 0,
      "Whom the header of a proxy names: its address and port", HFILL}},
    {&hf_pair,
     {"Pair", "imapid.pair", FT_NONE, BASE_NONE, NULL, 0, "A field and its value", HFILL}},
    {&hf_field,
     {"Field", "imapid.field", FT_STRING, BASE_NONE, NULL, 0, "Name of a field, as sent", HFILL}},
    {&hf_value,
     {"Value", "imapid.value", FT_STRING, BASE_NONE, NULL, 0, "Value of a field, as sent", HFILL}},
    {&hf_value_nil,
     {"Value is NIL", "imapid.value.nil", FT_BOOLEAN, BASE_NONE, NULL, 0,
      "The value of the field is NIL", HFILL}},
    {&hf_value_ipv4,
     {"Value as IPv4 address", "imapid.value.ipv4", FT_IPv4, BASE_NONE, NULL, 0,
      "IP address in the value of a field, as proxies send it", HFILL}},
    {&hf_value_ipv6,
     {"Value as IPv6 address", "imapid.value.ipv6", FT_IPv6, BASE_NONE, NULL, 0,
      "IP address in the value of a field, as proxies send it", HFILL}},
    {&hf_status,
     {"Status", "imapid.status", FT_STRING, BASE_NONE, NULL, 0,
      "Status of the response to the command: OK, NO or BAD", HFILL}},
    {&hf_not_accepted,
     {"Not accepted", "imapid.not_accepted", FT_BOOLEAN, BASE_NONE, NULL, 0,
      "The ID command was answered NO or BAD, or the server closed instead", HFILL}},
    {&hf_response_in,
     {"Response in", "imapid.response_in", FT_FRAMENUM, BASE_NONE,
      FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0, "The ID response is in this frame", HFILL}},
    {&hf_request_in,
     {"Request in", "imapid.request_in", FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST),
      0, "The ID command is in this frame", HFILL}},
    {&hf_time,
     {"Time", "imapid.time", FT_RELATIVE_TIME, BASE_NONE, NULL, 0, "Time from command to response",
      HFILL}},
#define IMAPID_FIELD(symbol, wire, column, label, text)                                            \
    {&hf_defined[IMAPID_FIELD_##symbol],                                                           \
     {label, "imapid." column, FT_STRING, BASE_NONE, NULL, 0, text, HFILL}},
#include <imapid/fields.def>
#undef IMAPID_FIELD
};

static int severity_of(enum imapid_finding_code code)
{
    static const int severities[] = {
        [IMAPID_SEVERITY_NOTE] = PI_NOTE,
        [IMAPID_SEVERITY_WARNING] = PI_WARN,
        [IMAPID_SEVERITY_ERROR] = PI_ERROR,
    };

    return severities[imapid_finding_severity(code)];
}

static void register_findings(void)
{
    static char names[IMAPID_N_FINDINGS][64];
    static ei_register_info infos[IMAPID_N_FINDINGS];
    expert_module_t *module;

    for (int code = 0; code < IMAPID_N_FINDINGS; code++) {
        const char *section = imapid_finding_section((enum imapid_finding_code)code);
        const char *message = imapid_finding_message((enum imapid_finding_code)code);
        bool is_security = !strcmp(section, "RFC 2971 7");

        g_snprintf(names[code], sizeof names[code], "imapid.%s",
                   imapid_finding_code((enum imapid_finding_code)code));
        for (char *c = names[code]; *c; c++)
            if (*c == '-')
                *c = '_';
        infos[code] = (ei_register_info){
            &ei[code],
            {names[code], is_security ? PI_SECURITY : PI_PROTOCOL,
             severity_of((enum imapid_finding_code)code),
             wmem_strdup_printf(wmem_epan_scope(), "%s: %s",
                                imapid_finding_code((enum imapid_finding_code)code), message),
             EXPFILL}};
    }
    module = expert_register_protocol(proto_imapid);
    expert_register_field_array(module, infos, IMAPID_N_FINDINGS);
    expert_register_field_array(module, notes, array_length(notes));
}

static int dissect_id(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data);

void imapid_tree_register(int proto)
{
    static int *etts[] = {&ett_imapid, &ett_pair, &ett_connection};

    proto_imapid = proto;
    proto_connection = proto_register_protocol_in_name_only(
        "IMAP ID of the connection", "IMAP ID connection", "imapid.connection", proto, FT_PROTOCOL);
    id_handle = register_dissector("imapid", dissect_id, proto);
    proto_register_field_array(proto, fields, (int)array_length(fields));
    proto_register_subtree_array(etts, (int)array_length(etts));
    register_findings();
}

/* ---- pairs ---- */

/* What the items of one unit are built with. */
struct builder {
    packet_info *pinfo;
    const struct imapid_tree_place *place;
    const struct imapid_unit *unit;
    proto_tree *tree;    /* below the item of the command or response */
    proto_item *item;    /* that item */
    wmem_array_t *pairs; /* the items of the pairs, in order; NULL: none; in the packet's pool */
};

static int at(const struct builder *builder, const struct imapid_slice *slice)
{
    return (int)(builder->place->offset + slice->offset);
}

static proto_item *add_string(struct builder *builder, proto_tree *tree, int hf,
                              const struct imapid_string *string)
{
    return proto_tree_add_string(
        tree, hf, builder->place->tvb, at(builder, &string->content), (int)string->content.n,
        imapid_ident_text(builder->pinfo->pool, builder->unit->data, string));
}

/* May a click open it? What a stranger wrote may name a file or a program too. */
static bool is_link(const uint8_t *data, const struct imapid_string *value)
{
    const uint8_t *text = data + value->content.offset;

    return (value->content.n > 7 && imapid_octets_is(text, 7, "http://")) ||
           (value->content.n > 8 && imapid_octets_is(text, 8, "https://"));
}

static void add_address(struct builder *builder, proto_tree *tree,
                        const struct imapid_string *value)
{
    struct imapid_end end;

    if (imapid_address_read(builder->unit->data, value, &end))
        imapid_address_add(tree, hf_value_ipv4, hf_value_ipv6, builder->place->tvb,
                           at(builder, &value->content), (int)value->content.n, &end);
}

static void add_value(struct builder *builder, proto_tree *tree, const struct imapid_pair *pair)
{
    const uint8_t *data = builder->unit->data;
    const struct imapid_string *value = &pair->value;
    enum imapid_field field;

    if (value->kind == IMAPID_STRING_NIL)
        proto_tree_add_boolean(tree, hf_value_nil, builder->place->tvb, at(builder, &value->token),
                               (int)value->token.n, TRUE);
    if (value->kind < IMAPID_STRING_QUOTED)
        return;
    add_string(builder, tree, hf_value, value);
    field = imapid_ident_field(data, pair);
    if (field != IMAPID_FIELD_OTHER) {
        proto_item *item = add_string(builder, tree, hf_defined[field], value);

        if (field == IMAPID_FIELD_SUPPORT_URL && is_link(data, value))
            proto_item_set_url(item);
    }
    if (imapid_address_is_named(data + pair->field.content.offset, pair->field.content.n))
        add_address(builder, tree, value);
}

static void add_pair(struct builder *builder, const struct imapid_pair *pair)
{
    const uint8_t *data = builder->unit->data;
    proto_item *item = proto_tree_add_none_format(
        builder->tree, hf_pair, builder->place->tvb, at(builder, &pair->span), (int)pair->span.n,
        "%s: %s", imapid_ident_label(builder->pinfo->pool, data, &pair->field),
        imapid_ident_label(builder->pinfo->pool, data, &pair->value));
    proto_tree *tree = proto_item_add_subtree(item, ett_pair);

    if (pair->field.kind >= IMAPID_STRING_QUOTED)
        add_string(builder, tree, hf_field, &pair->field);
    add_value(builder, tree, pair);
    wmem_array_append_one(builder->pairs, item);
}

static void add_list(struct builder *builder)
{
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, builder->unit);
    while (imapid_list_next(&list, &pair))
        add_pair(builder, &pair);
    if (list.kind == IMAPID_LIST_MISSING)
        return;
    if (list.kind == IMAPID_LIST_NIL)
        proto_tree_add_boolean(builder->tree, hf_nil, builder->place->tvb, at(builder, &list.span),
                               (int)list.span.n, TRUE);
    proto_item_set_generated(proto_tree_add_uint(builder->tree, hf_count, builder->place->tvb,
                                                 at(builder, &list.span), (int)list.span.n,
                                                 list.n_pairs));
}

/* ---- findings ---- */

/* The list of expert infos names the protocol that is being dissected: that is ours here. `message`:
 * NULL: the one of all such. */
static void add_expert(packet_info *pinfo, proto_item *item, expert_field *info,
                       const char *message)
{
    const char *protocol = pinfo->current_proto;

    pinfo->current_proto = proto_get_protocol_short_name(find_protocol_by_id(proto_imapid));
    if (message)
        expert_add_info_format(pinfo, item, info, "%s", message);
    else
        expert_add_info(pinfo, item, info);
    pinfo->current_proto = protocol;
}

static void add_code(packet_info *pinfo, proto_item *item, enum imapid_finding_code code)
{
    add_expert(pinfo, item, &ei[code], NULL);
}

static void add_codes(packet_info *pinfo, proto_item *item, uint32_t codes)
{
    for (int code = 0; code < IMAPID_N_FINDINGS; code++)
        if (codes & UINT32_C(1) << code)
            add_code(pinfo, item, (enum imapid_finding_code)code);
}

static void add_unit_findings(struct builder *builder, enum imapid_side side)
{
    struct imapid_findings findings;

    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, side, builder->unit);
    for (unsigned i = 0; i < findings.n; i++) {
        const struct imapid_finding *finding = &findings.list[i];
        proto_item *item = builder->item;

        if (builder->pairs && finding->pair &&
            finding->pair <= wmem_array_get_count(builder->pairs))
            item = *(proto_item **)wmem_array_index(builder->pairs, finding->pair - 1);
        add_code(builder->pinfo, item, finding->code);
    }
}

/* ---- links ---- */

static void add_frame(proto_tree *tree, int hf, tvbuff_t *tvb, const struct imapid_call *call)
{
    proto_item_set_generated(proto_tree_add_uint(tree, hf, tvb, 0, 0, call->frame));
}

static void add_time(proto_tree *tree, tvbuff_t *tvb, const struct imapid_call *from,
                     const struct imapid_call *to)
{
    nstime_t time;
    int64_t ns;

    if (!imapid_ns_took(imapid_time_ns(&from->time), imapid_time_ns(&to->time), &ns))
        return; /* there is no clock, or that of the capture was set */
    time.secs = ns / 1000000000;
    time.nsecs = (int)(ns % 1000000000);
    proto_item_set_generated(proto_tree_add_time(tree, hf_time, tvb, 0, 0, &time));
}

static const char *status_name(enum imapid_status status)
{
    static const char *const names[] = {"", "OK", "NO", "BAD", "BYE"};

    return names[status];
}

static void add_status(proto_tree *tree, tvbuff_t *tvb, enum imapid_status status)
{
    proto_item_set_generated(
        proto_tree_add_string(tree, hf_status, tvb, 0, 0, status_name(status)));
}

/* Says that a command was refused, where that is known. */
static void add_refused(proto_tree *tree, tvbuff_t *tvb, bool is_refused)
{
    if (is_refused)
        proto_item_set_generated(proto_tree_add_boolean(tree, hf_not_accepted, tvb, 0, 0, TRUE));
}

/* `other` is the other half, where it is shown; else NULL. */
static void add_links(struct builder *builder, const struct imapid_ident *ident,
                      const struct imapid_ident *other)
{
    const struct imapid_exchange_record *exchange = ident->exchange;
    tvbuff_t *tvb = builder->place->tvb;

    if (!ident->is_extra)
        add_refused(builder->tree, tvb,
                    imapid_records_is_refused(exchange, builder->pinfo->fd->visited));
    if (ident->side == IMAPID_CLIENT) {
        if (other)
            add_frame(builder->tree, hf_response_in, tvb, other->call);
        return;
    }
    if (other) {
        add_frame(builder->tree, hf_request_in, tvb, other->call);
        add_time(builder->tree, tvb, other->call, ident->call);
    }
    if (!ident->is_extra && exchange->result_call == ident->call)
        add_status(builder->tree, tvb, exchange->status);
}

/* ---- items ---- */

static void add_tag(struct builder *builder, const struct imapid_ident *ident)
{
    const char *tag = imapid_ident_tag(builder->pinfo->pool, ident);
    tvbuff_t *tvb = builder->place->tvb;

    if (ident->side == IMAPID_CLIENT)
        proto_tree_add_string(builder->tree, hf_tag, tvb, at(builder, &ident->unit.tag),
                              (int)ident->unit.tag.n, tag);
    else if (tag)
        proto_item_set_generated(proto_tree_add_string(builder->tree, hf_tag, tvb, 0, 0, tag));
}

/* Adds what is below the item of a command or response. */
static void add_items(struct builder *builder, const struct imapid_ident *ident,
                      const struct imapid_ident *other)
{
    const struct imapid_tree_place *place = builder->place;
    bool is_request = ident->side == IMAPID_CLIENT;
    proto_item *side;

    builder->tree = proto_item_add_subtree(builder->item, ett_imapid);
    builder->pairs = wmem_array_new(builder->pinfo->pool, sizeof(proto_item *));
    side = proto_tree_add_boolean(builder->tree, is_request ? hf_request : hf_response, place->tvb,
                                  (int)place->offset, 0, TRUE);
    proto_item_set_generated(side);
    add_tag(builder, ident);
    if (imapid_ident_lack(ident))
        proto_item_set_generated(proto_tree_add_boolean(builder->tree,
                                                        ident->unit.cut ? hf_cut : hf_over_limit,
                                                        place->tvb, (int)place->offset, 0, TRUE));
    add_list(builder);
    add_links(builder, ident, other);
}

/* Does anybody ask for our items? Without a tree nobody does, nor does every filter. */
static bool is_wanted(proto_tree *tree)
{
    return proto_field_is_referenced(tree, proto_imapid) ||
           proto_field_is_referenced(tree, proto_expert);
}

/* What our dissector is called with: one ID command, response or result. */
struct said {
    const struct imapid_tree_place *place;
    const struct imapid_ident *ident; /* NULL: a result */
    const struct imapid_ident *other;
    const struct imapid_exchange_record *exchange; /* of a result */
    unsigned n;
    uint32_t codes;
};

static void dissect_ident(packet_info *pinfo, proto_tree *tree, const struct said *said)
{
    struct builder builder = {.pinfo = pinfo, .place = said->place, .unit = &said->ident->unit};

    builder.item = proto_tree_add_protocol_format(
        tree, proto_imapid, said->place->tvb, (int)said->place->offset, (int)said->n,
        "IMAP ID %s: %s", said->ident->side == IMAPID_CLIENT ? "request" : "response",
        said->ident->summary);
    if (is_wanted(tree))
        add_items(&builder, said->ident, said->other);
    add_unit_findings(&builder, said->ident->side);
    add_codes(pinfo, builder.item, said->codes);
}

static void dissect_result(packet_info *pinfo, proto_tree *tree, const struct said *said)
{
    const struct imapid_exchange_record *exchange = said->exchange;
    bool is_tagged = exchange->status != IMAPID_STATUS_NONE;
    enum imapid_status status = is_tagged ? exchange->status : exchange->untagged_status;
    const struct imapid_call *call = is_tagged ? exchange->result_call : exchange->untagged_call;
    tvbuff_t *tvb = said->place->tvb;
    int offset = (int)said->place->offset;
    proto_item *item = proto_tree_add_protocol_format(
        tree, proto_imapid, tvb, offset, (int)said->n, "IMAP ID result: %s%s", status_name(status),
        is_tagged ? "" : " (untagged, and nothing else came)");
    proto_tree *below = proto_item_add_subtree(item, ett_imapid);

    if (is_tagged)
        proto_tree_add_string(below, hf_tag, tvb, offset + (int)exchange->result_place.offset,
                              (int)exchange->result_place.n, exchange->result_tag);
    add_status(below, tvb, status);
    add_refused(below, tvb, status != IMAPID_STATUS_OK);
    if (exchange->command) {
        add_frame(below, hf_request_in, tvb, exchange->command->call);
        if (!exchange->response)
            add_time(below, tvb, exchange->command->call, call);
    }
    add_codes(pinfo, item, said->codes);
}

/* Is called by us alone: so Wireshark counts our protocol among those of the packet. */
static int dissect_id(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const struct said *said = (const struct said *)data;

    if (!said)
        return 0;
    if (said->ident)
        dissect_ident(pinfo, tree, said);
    else
        dissect_result(pinfo, tree, said);
    return (int)tvb_captured_length(tvb);
}

/* Once a packet through Wireshark, which takes a layer for each call, and gives the packet up where
 * these are more than its tree may be deep. */
static void add(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb, struct said *said)
{
    if (imapid_connection_has_layer(pinfo, proto_imapid))
        dissect_id(tvb, pinfo, tree, said);
    else
        call_dissector_only(id_handle, tvb, pinfo, tree, said);
}

void imapid_tree_add_ident(proto_tree *tree, packet_info *pinfo,
                           const struct imapid_tree_place *place, const struct imapid_ident *ident,
                           const struct imapid_ident *other, uint32_t codes)
{
    struct said said = {
        .place = place, .ident = ident, .other = other, .n = ident->unit.n, .codes = codes};

    add(tree, pinfo, place->tvb, &said);
}

void imapid_tree_add_result(proto_tree *tree, packet_info *pinfo,
                            const struct imapid_tree_place *place, unsigned n,
                            const struct imapid_exchange_record *exchange, uint32_t codes)
{
    struct said said = {.place = place, .exchange = exchange, .n = n, .codes = codes};

    add(tree, pinfo, place->tvb, &said);
}

/* ---- what is known of the connection ---- */

proto_tree *imapid_tree_get_connection(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb)
{
    proto_tree *below;
    proto_item *item;

    if (!tree)
        return NULL;
    below = (proto_tree *)p_get_proto_data(pinfo->pool, pinfo, proto_connection,
                                           IMAPID_DATA_CONNECTION);
    if (!below) {
        item = proto_tree_add_protocol_format(tree, proto_connection, tvb, 0, 0,
                                              "IMAP ID of the connection");
        proto_item_set_generated(item);
        below = proto_item_add_subtree(item, ett_connection);
        p_add_proto_data(pinfo->pool, pinfo, proto_connection, IMAPID_DATA_CONNECTION, below);
    }
    return below;
}

void imapid_tree_add_note(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                          enum imapid_tree_note note)
{
    proto_item *item = proto_tree_get_parent(imapid_tree_get_connection(tree, pinfo, tvb));

    if (note == IMAPID_TREE_NOT_DECRYPTED_ON)
        add_expert(pinfo, item, &ei_notes[IMAPID_TREE_NOT_DECRYPTED],
                   "not-decrypted: Wireshark decrypts this connection no further, as behind octets "
                   "that are missing: an ID from here on cannot be read");
    else
        add_expert(pinfo, item, &ei_notes[note], NULL);
}

void imapid_tree_add_doubt(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                           enum imapid_doubt doubt, unsigned frame)
{
    proto_item *item = proto_tree_add_string(imapid_tree_get_connection(tree, pinfo, tvb), hf_doubt,
                                             tvb, 0, 0, imapid_doubt_code(doubt));

    proto_item_set_generated(item);
    add_expert(pinfo, item, &ei_doubt,
               wmem_strdup_printf(pinfo->pool, "%s, frame %u: %s", imapid_doubt_code(doubt), frame,
                                  imapid_doubt_message(doubt)));
}

void imapid_tree_add_proxy_header(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                  unsigned offset, unsigned n)
{
    struct imapid_proxy_header header = {0};
    const char *client = "nobody";

    if (imapid_proxy_parse(tvb_get_ptr(tvb, (int)offset, (int)n), n, &header) == IMAPID_PROXY_OK &&
        header.family) {
        address address;

        set_address(&address, header.family == 4 ? AT_IPv4 : AT_IPv6, header.family == 4 ? 4 : 16,
                    header.address);
        client = wmem_strdup_printf(pinfo->pool, "%s, port %u",
                                    address_to_str(pinfo->pool, &address), header.port);
    }
    proto_tree_add_string(imapid_tree_get_connection(tree, pinfo, tvb), hf_proxied, tvb,
                          (int)offset, (int)n, client);
    col_set_str(pinfo->cinfo, COL_PROTOCOL, "PROXY");
    col_add_fstr(pinfo->cinfo, COL_INFO, "PROXY protocol, for %s", client);
}

void imapid_tree_add_finding(proto_tree *tree, packet_info *pinfo,
                             const struct imapid_tree_place *place, unsigned n,
                             enum imapid_finding_code code, const char *message)
{
    proto_item *item =
        proto_tree_add_string(imapid_tree_get_connection(tree, pinfo, place->tvb), hf_finding,
                              place->tvb, (int)place->offset, (int)n, imapid_finding_code(code));

    add_expert(pinfo, item, &ei[code],
               message
                   ? wmem_strdup_printf(pinfo->pool, "%s: %s", imapid_finding_code(code), message)
                   : NULL);
}
