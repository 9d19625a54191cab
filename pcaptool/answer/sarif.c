/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sarif.c: findings as SARIF 2.1.0 (OASIS), which code forges and editors show. A capture has no
 * lines: the place of a result is the file, and the frame is a logical location in it. Messages
 * are text of this program. In what was sent, the marks that SARIF has for links and arguments
 * are escaped (3.11.5 and 3.11.6 of the standard).
 *
 * Refuses nothing.
 *
 * Misuse: taking the place of a result for a line of a file. */
#include "answer/unreadable.h"
#include "answer/writer.h"

#include "record/spell.h"

#include <string.h>

static const char *level_of(enum imapid_severity severity)
{
    return imapid_severity_name(severity); /* the same words */
}

static void write_rules(GString *out)
{
    g_string_append(out, ",\"rules\":[");
    for (int i = 0; i < IMAPID_N_FINDINGS; i++) {
        enum imapid_finding_code code = (enum imapid_finding_code)i;

        g_string_append_printf(out,
                               "%s{\"id\":\"%s\",\"shortDescription\":{\"text\":", i ? "," : "",
                               imapid_finding_code(code));
        imapid_spell_json_text(out, imapid_finding_message(code));
        g_string_append(out, "},\"help\":{\"text\":");
        imapid_spell_json_text(out, imapid_finding_section(code));
        g_string_append_printf(out, "},\"defaultConfiguration\":{\"level\":\"%s\"}}",
                               level_of(imapid_finding_severity(code)));
    }
    g_string_append_c(out, ']');
}

/* A relative reference or a path as a URI: RFC 3986, everything else percent-encoded. */
static void add_uri(GString *out, const char *file)
{
    char *escaped = g_uri_escape_string(file, "/", FALSE);

    g_string_append(out, *file == '/' ? "file://" : "");
    g_string_append(out, escaped);
    g_free(escaped);
}

static void add_location(GString *out, const char *file, uint32_t stream, uint64_t frame)
{
    GString *uri = g_string_new(NULL);

    add_uri(uri, file);
    g_string_append_printf(
        out,
        "{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"%s\"}},\"logicalLocations\":[{"
        "\"fullyQualifiedName\":\"stream %u",
        uri->str, stream);
    if (frame)
        g_string_append_printf(out, "/frame %" G_GUINT64_FORMAT, frame);
    g_string_append(out, "\",\"kind\":\"element\"}]}");
    g_string_free(uri, TRUE);
}

static void add_message(GString *out, const struct imapid_item *item)
{
    GString *evidence = g_string_new(NULL), *text = g_string_new(NULL);

    g_string_append_printf(text, "%s: %s", item->software ? item->software : "(no name given)",
                           imapid_items_message(item));
    imapid_items_spell_evidence(evidence, item, 200);
    if (evidence->len)
        g_string_append_printf(text, ": %s", evidence->str);
    g_string_truncate(evidence, 0);
    for (const char *at = text->str; *at; at++) {
        if (*at == '[' || *at == ']')
            g_string_append_c(evidence, '\\');
        if (*at == '{' || *at == '}')
            g_string_append_c(evidence, *at);
        g_string_append_c(evidence, *at);
    }
    g_string_append(out, "{\"text\":");
    imapid_spell_json(out, (const uint8_t *)evidence->str, evidence->len);
    g_string_append_c(out, '}');
    g_string_free(evidence, TRUE);
    g_string_free(text, TRUE);
}

/* What makes a finding the same finding in the next run: who, what, in which field. What was sent
 * begins with a tag, which is another one each time. */
static void add_fingerprint(GString *out, const struct imapid_item *item)
{
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    const uint8_t *space = NULL;
    size_t n_tag = 0;

    if (item->text && item->n_text && imapid_finding_is_form(item->code))
        space = memchr(item->text, ' ', item->n_text);
    if (space)
        n_tag = (size_t)(space - item->text);

    g_checksum_update(sum, (const guchar *)imapid_finding_code(item->code), -1);
    g_checksum_update(sum, (const guchar *)(item->side == IMAPID_CLIENT ? "\ncl\n" : "\nsv\n"), 4);
    if (item->software)
        g_checksum_update(sum, (const guchar *)item->software, -1);
    if (item->field)
        g_checksum_update(sum, item->field->octets, (gssize)item->field->n);
    if (item->text)
        g_checksum_update(sum, item->text + n_tag, (gssize)(item->n_text - n_tag));
    g_string_append_printf(out, ",\"partialFingerprints\":{\"imapidFinding/v1\":\"%s\"}",
                           g_checksum_get_string(sum));
    g_checksum_free(sum);
}

static void write_result(GString *out, const struct imapid_item *item)
{
    g_string_append_printf(out, "{\"ruleId\":\"%s\",\"ruleIndex\":%d,\"level\":\"%s\",\"message\":",
                           imapid_finding_code(item->code), (int)item->code,
                           level_of(imapid_finding_severity(item->code)));
    add_message(out, item);
    g_string_append(out, ",\"locations\":[");
    add_location(out, item->file, item->conn->conn.stream, item->frame);
    g_string_append_c(out, ']');
    if (item->related) {
        g_string_append(out, ",\"relatedLocations\":[");
        add_location(out, imapid_items_first_file(item->related), item->related->conn.stream,
                     imapid_record_when(item->related).number);
        g_string_append_c(out, ']');
    }
    add_fingerprint(out, item);
    g_string_append_c(out, '}');
}

static void write_sarif(GString *out, const struct imapid_findings_report *report)
{
    const GArray *list = report->items->list;
    struct imapid_item_reading reading = {.change = NULL};
    GString *unread = g_string_new(NULL);

    g_string_append_printf(
        out,
        "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
        "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"imapid\",\"version\":\"%s\"",
        report->version);
    write_rules(out);
    g_string_append_printf(out, "}},\"invocations\":[{\"executionSuccessful\":%s",
                           report->is_complete ? "true" : "false");
    imapid_unreadable_spell(unread, report->view);
    if (unread->len) {
        g_string_append(out, ",\"toolExecutionNotifications\":[{\"level\":\"warning\","
                             "\"message\":{\"text\":");
        imapid_spell_json_text(out, unread->str);
        g_string_append(out, "}}]");
    }
    g_string_append(out, "}],\"results\":[");
    for (guint i = 0; i < list->len; i++) {
        g_string_append(out, i ? ",\n" : "\n");
        write_result(out,
                     imapid_items_read(report->items,
                                       &g_array_index(list, struct imapid_item_ref, i), &reading));
        imapid_findings_pass_on(out, report);
    }
    imapid_items_reading_deinit(&reading);
    g_string_append(out, "\n]}]}\n");
    g_string_free(unread, TRUE);
}

const struct imapid_findings_writer imapid_findings_sarif_writer = {"sarif", write_sarif};
