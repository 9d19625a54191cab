/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spell-record.c: parts of records as JSON. Keys are written here in one place each.
 *
 * Refuses nothing. Misuse: a second spelling of a key elsewhere. */
#include "record/spell-record.h"

#include "record/spell.h"

#include <string.h>

#define PROTOCOL_TCP 6

void imapid_spell_session_id(GString *out, const struct imapid_record_conn *conn)
{
    if (!conn->first_frame)
        return;
    if (conn->site) {
        imapid_spell_word(out, conn->site);
        g_string_append_c(out, ':');
    }
    imapid_spell_word(out, conn->file);
    g_string_append_c(out, ':');
    imapid_spell_number(out, conn->first_frame);
}

void imapid_spell_session_name(GString *out, const struct imapid_record_conn *conn)
{
    if (conn->first_frame)
        imapid_spell_session_id(out, conn);
    else
        g_string_append_printf(out, "%s stream %u", conn->file ? conn->file : "", conn->stream);
}

static void add_port(GChecksum *sum, uint16_t port)
{
    const guchar octets[2] = {(guchar)(port >> 8), (guchar)port};

    g_checksum_update(sum, octets, sizeof octets);
}

/* SHA-1 of: seed (two octets), lower address, higher one, protocol, a zero, their ports. "Lower" is
 * by address, then port, so both directions have one. */
void imapid_spell_community_id(GString *out, const struct imapid_record_conn *conn)
{
    const guchar seed[2] = {0}, protocol[2] = {PROTOCOL_TCP, 0};
    const struct imapid_endpoint *low = &conn->client, *high = &conn->server;
    gssize n = low->family == 4 ? 4 : 16;
    int order = memcmp(low->address, high->address, (size_t)n);
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);

    if (order > 0 || (!order && low->port > high->port)) {
        low = &conn->server;
        high = &conn->client;
    }
    g_checksum_update(sum, seed, sizeof seed);
    g_checksum_update(sum, low->address, n);
    g_checksum_update(sum, high->address, n);
    g_checksum_update(sum, protocol, sizeof protocol);
    add_port(sum, low->port);
    add_port(sum, high->port);
    imapid_spell_word(out, "1:");
    imapid_spell_digest(out, sum);
    g_checksum_free(sum);
}

static void add_address(GString *out, const struct imapid_endpoint *endpoint)
{
    imapid_spell_word(out, endpoint->family == 4 ? "ip.addr eq " : "ipv6.addr eq ");
    imapid_spell_address(out, endpoint);
}

void imapid_spell_filter(GString *out, const struct imapid_record_conn *conn)
{
    g_string_append_c(out, '(');
    add_address(out, &conn->client);
    imapid_spell_word(out, " and ");
    add_address(out, &conn->server);
    imapid_spell_word(out, ") and (tcp.port eq ");
    imapid_spell_number(out, conn->client.port);
    imapid_spell_word(out, " and tcp.port eq ");
    imapid_spell_number(out, conn->server.port);
    g_string_append_c(out, ')');
}

static void add_string(GString *out, const struct imapid_record_string *string)
{
    if (string->is_nil)
        imapid_spell_word(out, "null");
    else
        imapid_spell_json(out, string->octets, string->n);
}

static void add_pair(GString *out, const struct imapid_record_pair *pair)
{
    g_string_append_c(out, '[');
    add_string(out, &pair->field);
    g_string_append_c(out, ',');
    add_string(out, &pair->value);
    g_string_append_c(out, ']');
}

void imapid_spell_pairs(GString *out, const struct imapid_record_half *half)
{
    if (!half->has_list) {
        imapid_spell_word(out, "null");
        return;
    }
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < half->n_pairs; i++) {
        imapid_spell_word(out, i ? "," : "");
        add_pair(out, &half->pairs[i]);
    }
    g_string_append_c(out, ']');
}

/* Is this pair what a column of its own shows? `told` has the fields that came before. */
static bool has_column(const struct imapid_record_pair *pair, unsigned *told)
{
    enum imapid_field field;

    if (pair->field.is_nil || pair->value.is_nil)
        return false;
    field = imapid_field_find(pair->field.octets, pair->field.n);
    if (field == IMAPID_FIELD_OTHER || *told >> field & 1)
        return false;
    *told |= 1u << field;
    return true;
}

void imapid_spell_other_pairs(GString *out, const struct imapid_record_half *half)
{
    unsigned told = 0, n = 0;

    for (unsigned i = 0; i < half->n_pairs; i++) {
        if (has_column(&half->pairs[i], &told))
            continue;
        imapid_spell_word(out, n++ ? "," : "[");
        add_pair(out, &half->pairs[i]);
    }
    if (n)
        g_string_append_c(out, ']');
}

static void add_text(GString *out, const char *name, const char *text)
{
    imapid_spell_key(out, name);
    imapid_spell_json_text(out, text);
}

void imapid_spell_findings(GString *out, const struct imapid_record_finding *findings, unsigned n)
{
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < n; i++) {
        const struct imapid_record_finding *finding = &findings[i];
        enum imapid_severity severity = imapid_finding_severity(finding->code);

        imapid_spell_word(out, i ? ",{\"code\":\"" : "{\"code\":\"");
        imapid_spell_word(out, imapid_finding_code(finding->code));
        g_string_append_c(out, '"');
        add_text(out, "severity", imapid_severity_name(severity));
        add_text(out, "side", finding->side == IMAPID_CLIENT ? "client" : "server");
        add_text(out, "section", imapid_finding_section(finding->code));
        imapid_spell_key(out, "field");
        add_string(out, &finding->field);
        add_text(out, "message", imapid_record_message(finding));
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

const char *imapid_spell_path_kind(enum imapid_path_kind kind)
{
    static const char *const names[] = {
        [IMAPID_PATH_VLAN] = "vlan",
        [IMAPID_PATH_MPLS] = "mpls",
        [IMAPID_PATH_PPPOE] = "pppoe",
        [IMAPID_PATH_PBB] = "pbb",
        [IMAPID_PATH_FRAME_RELAY] = "frame-relay",
        [IMAPID_PATH_GRE] = "gre",
        [IMAPID_PATH_IP] = "ip",
        [IMAPID_PATH_ETHERNET] = "ethernet",
        [IMAPID_PATH_VXLAN] = "vxlan",
        [IMAPID_PATH_GENEVE] = "geneve",
        [IMAPID_PATH_GTP] = "gtp",
        [IMAPID_PATH_L2TP] = "l2tp",
        [IMAPID_PATH_TZSP] = "tzsp",
        [IMAPID_PATH_CAPWAP] = "capwap",
        [IMAPID_PATH_TEREDO] = "teredo",
        [IMAPID_PATH_AYIYA] = "ayiya",
        [IMAPID_PATH_ERM] = "hp-erm",
        [IMAPID_PATH_ESP] = "esp",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == IMAPID_N_PATH_KINDS);
    return names[kind];
}

/* An end of a tunnel; null where the hop is none. */
static void add_end(GString *out, const char *name, const struct imapid_hop *hop,
                    const uint8_t *address)
{
    struct imapid_endpoint end = {.family = hop->family};

    g_string_append_printf(out, ",\"%s\":", name);
    if (!hop->family) {
        g_string_append(out, "null");
        return;
    }
    memcpy(end.address, address, sizeof end.address);
    g_string_append_c(out, '"');
    imapid_spell_address(out, &end);
    g_string_append_c(out, '"');
}

void imapid_spell_path(GString *out, const struct imapid_record_conn *conn)
{
    for (unsigned i = 0; i < conn->path.n; i++) {
        const struct imapid_hop *hop = &conn->path.hops[i];

        g_string_append_printf(out, "%c{\"kind\":\"%s\",\"number\":", i ? ',' : '[',
                               imapid_spell_path_kind(hop->kind));
        if (hop->has_number)
            g_string_append_printf(out, "%u", hop->number);
        else
            g_string_append(out, "null");
        add_end(out, "from", hop, hop->from);
        add_end(out, "to", hop, hop->to);
        g_string_append_c(out, '}');
    }
    g_string_append(out, conn->path.n ? "]" : "null");
}

static void add_hop_end(GString *out, const char *before, const struct imapid_hop *hop,
                        const uint8_t *address)
{
    struct imapid_endpoint end = {.family = hop->family};

    memcpy(end.address, address, sizeof end.address);
    g_string_append(out, before);
    imapid_spell_address(out, &end);
}

void imapid_spell_path_text(GString *out, const struct imapid_path *path)
{
    for (unsigned i = 0; i < path->n; i++) {
        const struct imapid_hop *hop = &path->hops[i];

        g_string_append_printf(out, "%s%s", i ? ", " : "", imapid_spell_path_kind(hop->kind));
        if (hop->has_number)
            g_string_append_printf(out, " %u", hop->number);
        if (!hop->family)
            continue;
        add_hop_end(out, " from ", hop, hop->from);
        add_hop_end(out, " to ", hop, hop->to);
    }
}

void imapid_spell_doubt_text(GString *out, const struct imapid_doubts *doubts,
                             enum imapid_doubt doubt)
{
    unsigned n = imapid_doubts_count_frames(doubts, doubt), n_told = 0;

    g_string_append(out, imapid_doubt_code(doubt));
    for (unsigned i = 0; i < n; i++)
        if (doubts->of[doubt].frames[i])
            g_string_append_printf(out, "%s%" G_GUINT64_FORMAT,
                                   n_told++ ? ", "
                                   : n > 1  ? ", frames "
                                            : ", frame ",
                                   doubts->of[doubt].frames[i]);
    if (doubts->of[doubt].n > n)
        g_string_append_printf(out, " and more, %" G_GUINT64_FORMAT " in all", doubts->of[doubt].n);
    g_string_append_printf(out, ": %s", imapid_doubt_message(doubt));
}

static void add_frames(GString *out, const struct imapid_doubts *doubts, enum imapid_doubt doubt)
{
    const char *comma = "";

    g_string_append(out, ",\"frames\":[");
    for (unsigned i = 0; i < imapid_doubts_count_frames(doubts, doubt); i++) {
        if (!doubts->of[doubt].frames[i])
            continue;
        g_string_append_printf(out, "%s%" G_GUINT64_FORMAT, comma, doubts->of[doubt].frames[i]);
        comma = ",";
    }
    g_string_append_c(out, ']');
}

void imapid_spell_doubts(GString *out, const struct imapid_record_conn *conn)
{
    const char *comma = "";

    g_string_append_c(out, '[');
    for (int i = 0; i < IMAPID_N_DOUBTS; i++) {
        enum imapid_doubt doubt = (enum imapid_doubt)i;

        if (!conn->doubts.of[i].n)
            continue;
        g_string_append_printf(out, "%s{\"code\":\"%s\",\"count\":%" G_GUINT64_FORMAT, comma,
                               imapid_doubt_code(doubt), conn->doubts.of[i].n);
        add_frames(out, &conn->doubts, doubt);
        add_text(out, "message", imapid_doubt_message(doubt));
        g_string_append_c(out, '}');
        comma = ",";
    }
    g_string_append_c(out, ']');
}

void imapid_spell_unread(GString *out, const struct imapid_record_capture *capture)
{
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < capture->n_unread; i++) {
        const struct imapid_record_unread *unread = &capture->unread[i];

        imapid_spell_word(out, i ? ",{\"layer\":" : "{\"layer\":");
        imapid_spell_json_text(out, unread->layer);
        imapid_spell_key(out, "number");
        imapid_spell_number(out, unread->number);
        add_text(out, "name", unread->name);
        imapid_spell_key(out, "packets");
        imapid_spell_number(out, unread->n_packets);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static const char *spell_auth_status(enum imapid_word status)
{
    return status == IMAPID_WORD_OK    ? "OK"
           : status == IMAPID_WORD_NO  ? "NO"
           : status == IMAPID_WORD_BAD ? "BAD"
                                       : NULL;
}

void imapid_spell_auths(GString *out, const struct imapid_record_session *session)
{
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < session->n_auths; i++) {
        const struct imapid_auth *auth = &session->auths[i];

        imapid_spell_word(out, i ? ",{\"mechanism\":\"" : "{\"mechanism\":\"");
        imapid_spell_word(out, auth->mechanism);
        g_string_append_c(out, '"');
        add_text(out, "status", spell_auth_status(auth->status));
        imapid_spell_key(out, "cleartext_password");
        imapid_spell_word(out, auth->cleartext_password ? "true}" : "false}");
    }
    g_string_append_c(out, ']');
}
