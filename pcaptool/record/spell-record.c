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
    imapid_spell_word(out, conn->file);
    g_string_append_c(out, ':');
    imapid_spell_number(out, conn->first_frame);
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
