/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ident.c: what an ID list says.
 *
 * What every pass asks for (who is it, for whom does it speak) is read in the first, with one look
 * at the list; what only some ask for is looked up in the list, whose reader is pure.
 *
 * Refuses nothing: of a malformed list it gives what could be read.
 *
 * Misuse: a text in the packet's pool that is kept longer. */
#include "ident.h"

#include <epan/charsets.h>
#include <epan/strutil.h>

#include <string.h>

#include <imapid/legs.h>
#include <imapid/secret.h>

#include "address.h"

/* ---- strings ---- */

char *imapid_ident_text(wmem_allocator_t *scope, const uint8_t *data,
                        const struct imapid_string *string)
{
    uint8_t *octets;
    char *text;
    size_t n;

    if (string->kind < IMAPID_STRING_QUOTED)
        return NULL;
    octets = (uint8_t *)wmem_alloc(scope, string->content.n + 1);
    n = imapid_string_decode(data, string, octets, string->content.n);
    for (size_t i = 0; i < n; i++)
        if (!octets[i])       /* NUL would end the text early */
            octets[i] = 0xff; /* no UTF-8: shown as U+FFFD */
    text = (char *)get_utf_8_string(scope, octets, (int)n);
    wmem_free(scope, octets); /* the scope may be the file, or nobody's */
    return text;
}

static char *label_of(wmem_allocator_t *scope, const void *text)
{
    return (char *)format_text(scope, text, strlen((const char *)text));
}

char *imapid_ident_label(wmem_allocator_t *scope, const uint8_t *data,
                         const struct imapid_string *string)
{
    char *text = imapid_ident_text(scope, data, string), *label;

    if (!text)
        return wmem_strdup(scope, string->kind == IMAPID_STRING_NIL ? "NIL" : "(missing)");
    label = label_of(scope, text);
    wmem_free(scope, text);
    return label;
}

/* ---- lists ---- */

enum imapid_field imapid_ident_field(const uint8_t *data, const struct imapid_pair *pair)
{
    return pair->field.kind < IMAPID_STRING_QUOTED
               ? IMAPID_FIELD_OTHER
               : imapid_field_find(data + pair->field.content.offset, pair->field.content.n);
}

static bool has_value(const struct imapid_pair *pair)
{
    return pair->value.kind >= IMAPID_STRING_QUOTED && pair->value.content.n;
}

char *imapid_ident_value(wmem_allocator_t *scope, const struct imapid_ident *ident,
                         enum imapid_field field)
{
    const uint8_t *data = ident->unit.data;
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, &ident->unit);
    while (imapid_list_next(&list, &pair))
        if (has_value(&pair) && imapid_ident_field(data, &pair) == field)
            return imapid_ident_text(scope, data, &pair.value);
    return NULL;
}

bool imapid_ident_is_empty(const struct imapid_ident *ident)
{
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, &ident->unit);
    while (imapid_list_next(&list, &pair))
        if (has_value(&pair))
            return false;
    return !imapid_ident_lack(ident);
}

const char *imapid_ident_lack(const struct imapid_ident *ident)
{
    return ident->unit.cut ? "cut" : ident->unit.over_limit ? "over a limit" : NULL;
}

char *imapid_ident_tag(wmem_allocator_t *scope, const struct imapid_ident *ident)
{
    const struct imapid_exchange_record *exchange = ident->exchange;
    const struct imapid_ident *command = ident->side == IMAPID_CLIENT ? ident : exchange->command;

    if (command) {
        size_t n;
        const uint8_t *tag = imapid_secret_get_tag(&command->unit, &n);

        return wmem_strndup(scope, (const char *)tag, n);
    }
    return exchange->result_tag ? wmem_strdup(scope, exchange->result_tag) : NULL;
}

bool imapid_ident_is_clear(const struct imapid_ident *ident)
{
    struct imapid_leg_clarity clarity = {0, false};
    struct imapid_findings findings;

    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, ident->side, &ident->unit);
    for (unsigned i = 0; i < findings.n; i++)
        imapid_leg_add_finding(&clarity, findings.list[i].code);
    return imapid_leg_is_clear(&clarity);
}

/* ---- what every pass asks for ---- */

/* A text in nobody's scope, kept with what else is of the call, and freed. */
static const char *keep(const struct imapid_ident *ident, char *text)
{
    const char *kept = imapid_records_copy_text(ident->call->share, text, strlen(text));

    wmem_free(NULL, text);
    return kept;
}

/* The value of a pair as text; NULL if it has none. */
static const char *keep_value(const struct imapid_ident *ident, const struct imapid_pair *pair)
{
    char *text = has_value(pair) ? imapid_ident_text(NULL, ident->unit.data, &pair->value) : NULL;

    return text ? keep(ident, text) : NULL;
}

/* Two labels, which nobody's scope holds and which are freed, as one in the same. */
static char *join(char *a, const char *between, char *b)
{
    char *both = wmem_strconcat(NULL, a, between, b, NULL);

    wmem_free(NULL, a);
    wmem_free(NULL, b);
    return both;
}

/* Who it is, in few words: name and version, or what else there is. In nobody's scope. */
static char *describe(const struct imapid_ident *ident, enum imapid_list_kind kind,
                      const struct imapid_pair *first)
{
    const uint8_t *data = ident->unit.data;

    if (ident->name)
        return ident->version
                   ? join(label_of(NULL, ident->name), " ", label_of(NULL, ident->version))
                   : label_of(NULL, ident->name);
    if (first)
        return join(imapid_ident_label(NULL, data, &first->field), "=",
                    imapid_ident_label(NULL, data, &first->value));
    return wmem_strdup(NULL, kind == IMAPID_LIST_NIL     ? "NIL"
                             : imapid_ident_lack(ident)  ? ""
                             : kind == IMAPID_LIST_PAIRS ? "()"
                                                         : "no list");
}

/* The same as it is kept, and whether that is all. */
static const char *summarise(const struct imapid_ident *ident, enum imapid_list_kind kind,
                             const struct imapid_pair *first)
{
    const char *lack = imapid_ident_lack(ident);
    char *said = describe(ident, kind, first);

    if (lack) {
        char *all = wmem_strdup_printf(NULL, "%s%s(%s)", said, *said ? " " : "", lack);

        wmem_free(NULL, said);
        said = all;
    }
    return keep(ident, said);
}

void imapid_ident_read(struct imapid_ident *ident)
{
    const uint8_t *data = ident->unit.data;
    struct imapid_list list;
    struct imapid_pair pair, first = {0};

    imapid_list_begin(&list, &ident->unit);
    while (imapid_list_next(&list, &pair)) {
        enum imapid_field field = imapid_ident_field(data, &pair);

        if (list.n_pairs == 1)
            first = pair;
        if (field == IMAPID_FIELD_NAME && !ident->name)
            ident->name = keep_value(ident, &pair);
        if (field == IMAPID_FIELD_VERSION && !ident->version)
            ident->version = keep_value(ident, &pair);
        if (ident->side == IMAPID_CLIENT && field == IMAPID_FIELD_OTHER)
            imapid_address_take_origin(data, &pair, &ident->origin);
    }
    ident->summary = summarise(ident, list.kind, list.n_pairs ? &first : NULL);
}
