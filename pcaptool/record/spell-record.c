/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spell-record.c: parts of records as JSON. Keys are written here in one place each. */
#include "record/spell-record.h"

#include "record/spell.h"

static void add_string(GString *out, const struct imapid_record_string *string)
{
    if (string->is_nil)
        g_string_append(out, "null");
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
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < half->n_pairs; i++) {
        g_string_append(out, i ? "," : "");
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
        g_string_append(out, n++ ? "," : "[");
        add_pair(out, &half->pairs[i]);
    }
    if (n)
        g_string_append_c(out, ']');
}

static void add_text(GString *out, const char *name, const char *text)
{
    g_string_append_printf(out, ",\"%s\":", name);
    imapid_spell_json_text(out, text);
}

void imapid_spell_findings(GString *out, const struct imapid_record_finding *findings, unsigned n)
{
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < n; i++) {
        const struct imapid_record_finding *finding = &findings[i];
        enum imapid_severity severity = imapid_finding_severity(finding->code);

        g_string_append_printf(out, "%s{\"code\":\"%s\"", i ? "," : "",
                               imapid_finding_code(finding->code));
        add_text(out, "severity", imapid_severity_name(severity));
        add_text(out, "side", finding->side == IMAPID_CLIENT ? "client" : "server");
        add_text(out, "section", imapid_finding_section(finding->code));
        g_string_append(out, ",\"field\":");
        add_string(out, &finding->field);
        add_text(out, "message", imapid_finding_message(finding->code));
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

void imapid_spell_unread(GString *out, const struct imapid_record_capture *capture)
{
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < capture->n_unread; i++) {
        const struct imapid_record_unread *unread = &capture->unread[i];

        g_string_append(out, i ? ",{\"layer\":" : "{\"layer\":");
        imapid_spell_json_text(out, unread->layer);
        g_string_append_printf(out, ",\"number\":%" G_GUINT64_FORMAT, unread->number);
        add_text(out, "name", unread->name);
        g_string_append_printf(out, ",\"packets\":%" G_GUINT64_FORMAT "}", unread->n_packets);
    }
    g_string_append_c(out, ']');
}
