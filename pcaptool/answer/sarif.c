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

#include "record/spell-record.h"
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

static void add_location(GString *out, const char *file, const struct imapid_record_conn *conn,
                         uint64_t frame)
{
    GString *name = g_string_new(NULL);

    imapid_spell_session_name(name, conn);
    if (frame) {
        imapid_spell_word(name, "/frame ");
        imapid_spell_number(name, frame);
    }
    imapid_spell_word(out, "{\"physicalLocation\":{\"artifactLocation\":{\"uri\":\"");
    add_uri(out, file);
    imapid_spell_word(out, "\"}},\"logicalLocations\":[{\"fullyQualifiedName\":");
    imapid_spell_json(out, (const uint8_t *)name->str, name->len);
    imapid_spell_word(out, ",\"kind\":\"element\"}]}");
    g_string_free(name, TRUE);
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

/* What does not depend on where it is: made once for what many exchanges say. */
struct texts {
    uint32_t said, which, software;
    GString *head, *fingerprint;
};

/* Kept of these; more are made each time. */
#define TEXTS_MAX 4096u

static guint hash_texts(const void *key)
{
    const struct texts *texts = key;

    return texts->said * 31 + texts->which * 7 + texts->software;
}

static gboolean are_same_texts(const void *a, const void *b)
{
    const struct texts *one = a, *other = b;

    return one->said == other->said && one->which == other->which &&
           one->software == other->software;
}

static void free_texts(void *data)
{
    struct texts *texts = data;

    g_string_free(texts->head, TRUE);
    g_string_free(texts->fingerprint, TRUE);
    g_free(texts);
}

static struct texts *make_texts(const struct texts *key, const struct imapid_item *item)
{
    struct texts *texts = g_memdup2(key, sizeof *key);

    texts->head = g_string_new(NULL);
    texts->fingerprint = g_string_new(NULL);
    g_string_append_printf(texts->head,
                           "{\"ruleId\":\"%s\",\"ruleIndex\":%d,\"level\":\"%s\",\"message\":",
                           imapid_finding_code(item->code), (int)item->code,
                           level_of(imapid_finding_severity(item->code)));
    add_message(texts->head, item);
    add_fingerprint(texts->fingerprint, item);
    return texts;
}

static void write_with(GString *out, const struct imapid_item *item, const struct texts *texts)
{
    g_string_append_len(out, texts->head->str, (gssize)texts->head->len);
    imapid_spell_word(out, ",\"locations\":[");
    add_location(out, item->file, &item->conn->conn, item->frame);
    g_string_append_c(out, ']');
    if (item->related) {
        imapid_spell_word(out, ",\"relatedLocations\":[");
        add_location(out, imapid_items_first_file(item->related), &item->related->conn,
                     imapid_record_when(item->related).number);
        g_string_append_c(out, ']');
    }
    g_string_append_len(out, texts->fingerprint->str, (gssize)texts->fingerprint->len);
    g_string_append_c(out, '}');
}

/* A text as evidence may be another one in each exchange; without it all is in what the exchange says. */
static void write_result(GString *out, const struct imapid_findings_report *report,
                         GHashTable *known, const struct imapid_item_ref *ref,
                         const struct imapid_item *item)
{
    bool repeats = item->exchange && !item->text;
    struct texts key = {.which = ref->which, .software = ref->software}, *texts = NULL;

    if (repeats) {
        key.said = imapid_store_get_said(report->view, ref->exchange);
        texts = g_hash_table_lookup(known, &key);
    }
    if (texts) {
        write_with(out, item, texts);
        return;
    }
    texts = make_texts(&key, item);
    write_with(out, item, texts);
    if (repeats && g_hash_table_size(known) < TEXTS_MAX)
        g_hash_table_add(known, texts);
    else
        free_texts(texts);
}

static void write_sarif(GString *out, const struct imapid_findings_report *report)
{
    const GArray *list = report->items->list;
    struct imapid_item_reading reading = {.change = NULL};
    GHashTable *known = g_hash_table_new_full(hash_texts, are_same_texts, free_texts, NULL);
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
        const struct imapid_item_ref *ref = &g_array_index(list, struct imapid_item_ref, i);

        g_string_append(out, i ? ",\n" : "\n");
        write_result(out, report, known, ref, imapid_items_read(report->items, ref, &reading));
        imapid_findings_pass_on(out, report);
    }
    imapid_items_reading_deinit(&reading);
    g_hash_table_unref(known);
    g_string_append(out, "\n]}]}\n");
    g_string_free(unread, TRUE);
}

const struct imapid_findings_writer imapid_findings_sarif_writer = {"sarif", write_sarif};
