/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.c: builds exchange records out of units, and what can be asked of a record. An exchange
 * owns all its strings through its store, so it outlives the packets it came in.
 *
 * Refuses nothing. Misuse: using a string of an exchange that was freed. */
#include "record/record.h"

#include <imapid/secret.h>

#include <string.h>

const char *imapid_record_security(enum imapid_security security)
{
    static const char *const names[] = {"none", "starttls", "tls"};

    return names[security];
}

const char *imapid_record_state(enum imapid_state state)
{
    static const char *const names[] = {"unknown", "not-authenticated", "authenticated"};

    return names[state];
}

const char *imapid_record_status(enum imapid_status status)
{
    static const char *const names[] = {"", "OK", "NO", "BAD", "BYE"};

    return names[status];
}

static const struct {
    uint16_t number;
    const char *name;
} tls_versions[] = {
    {0x0300, "SSL 3.0"}, {0x0301, "TLS 1.0"}, {0x0302, "TLS 1.1"},
    {0x0303, "TLS 1.2"}, {0x0304, "TLS 1.3"},
};

char *imapid_record_tls_version(uint16_t version)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tls_versions); i++)
        if (tls_versions[i].number == version)
            return g_strdup(tls_versions[i].name);
    return g_strdup_printf("0x%04x", version);
}

bool imapid_record_is_tls_number(const char *text)
{
    return strlen(text) == 6 && g_str_has_prefix(text, "0x") &&
           strspn(text + 2, "0123456789abcdef") == 4;
}

bool imapid_record_is_tls_version(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tls_versions); i++)
        if (!strcmp(text, tls_versions[i].name))
            return true;
    return imapid_record_is_tls_number(text);
}

const char *imapid_record_ended(enum imapid_record_ended ended)
{
    static const char *const names[] = {NULL, "fin", "rst"};

    return names[ended];
}

bool imapid_record_is_whole_so_far(const struct imapid_record_session *session)
{
    return session->from_start && !session->n_lost && !session->not_decrypted &&
           !imapid_doubts_is_of_content(&session->conn.doubts);
}

bool imapid_record_is_whole(const struct imapid_record_session *session)
{
    return session->ended != IMAPID_ENDED_NOT && imapid_record_is_whole_so_far(session);
}

const char *imapid_record_message(const struct imapid_record_finding *finding)
{
    return finding->code == IMAPID_FINDING_REQUIRED_BY_SERVER
               ? imapid_finding_required(finding->lack)
               : imapid_finding_message(finding->code);
}

struct imapid_stamp imapid_record_when(const struct imapid_record_exchange *exchange)
{
    if (exchange->command.seen)
        return exchange->command.packet;
    return exchange->response.seen ? exchange->response.packet : exchange->result;
}

bool imapid_record_rtt_ns(const struct imapid_record_exchange *exchange, int64_t *rtt_ns)
{
    const struct imapid_stamp *answer =
        exchange->response.seen ? &exchange->response.packet : &exchange->result;

    if (!exchange->command.seen ||
        (!exchange->response.seen && exchange->status == IMAPID_STATUS_NONE))
        return false;
    return imapid_ns_took(exchange->command.packet.ts_ns, answer->ts_ns, rtt_ns);
}

const struct imapid_record_string *imapid_record_find(const struct imapid_record_half *half,
                                                      enum imapid_field field)
{
    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];

        if (!pair->field.is_nil && !pair->value.is_nil &&
            imapid_field_find(pair->field.octets, pair->field.n) == field)
            return &pair->value;
    }
    return NULL;
}

struct imapid_record_exchange *imapid_record_exchange_new(void)
{
    struct imapid_record_exchange *exchange = g_new0(struct imapid_record_exchange, 1);

    exchange->store = g_string_chunk_new(256);
    exchange->text.is_nil = true;
    return exchange;
}

void imapid_record_exchange_free(struct imapid_record_exchange *exchange)
{
    if (!exchange)
        return;
    g_free(exchange->command.pairs);
    g_free(exchange->response.pairs);
    g_free(exchange->findings);
    g_free(exchange->tag);
    g_string_chunk_free(exchange->store);
    g_free(exchange);
}

struct imapid_record_string imapid_record_copy(struct imapid_record_exchange *exchange,
                                               const uint8_t *octets, size_t n)
{
    struct imapid_record_string string = {.n = n};

    string.octets = (const uint8_t *)g_string_chunk_insert_len(
        exchange->store, n ? (const char *)octets : "", (gssize)n);
    return string;
}

static struct imapid_record_string read_string(struct imapid_record_exchange *exchange,
                                               const uint8_t *data,
                                               const struct imapid_string *string)
{
    struct imapid_record_string copy = {.is_nil = true};
    uint8_t *octets;
    size_t n;

    if (!string->has_escapes && string->kind > IMAPID_STRING_NIL)
        return imapid_record_copy(exchange, data + string->content.offset, string->content.n);
    if (string->kind == IMAPID_STRING_NONE || string->kind == IMAPID_STRING_NIL)
        return copy;
    octets = g_malloc(string->content.n + 1);
    n = imapid_string_decode(data, string, octets, string->content.n);
    copy = imapid_record_copy(exchange, octets, n);
    g_free(octets);
    return copy;
}

static void read_list(struct imapid_record_exchange *exchange, struct imapid_record_half *half,
                      const struct imapid_unit *unit)
{
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(struct imapid_record_pair));
    struct imapid_list list;
    struct imapid_pair pair;

    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair)) {
        struct imapid_record_pair copy = {
            .field = read_string(exchange, unit->data, &pair.field),
            .value = read_string(exchange, unit->data, &pair.value),
        };

        g_array_append_val(pairs, copy);
    }
    half->has_list = list.kind == IMAPID_LIST_PAIRS;
    /* A list that the sender never ended. Where octets are missing nobody knows. */
    half->is_malformed = half->has_list && !list.closed && !unit->cut && !unit->over_limit;
    half->n_pairs = pairs->len;
    half->pairs = (struct imapid_record_pair *)(void *)g_array_free(pairs, FALSE);
}

/* The unit as it may be told. */
static struct imapid_record_string copy_raw(struct imapid_record_exchange *exchange,
                                            const struct imapid_unit *unit)
{
    size_t n_tag, behind = unit->tag.offset + unit->tag.n;
    const uint8_t *tag = imapid_secret_get_tag(unit, &n_tag);
    GString *text = g_string_new_len((const char *)tag, (gssize)n_tag);
    struct imapid_record_string raw;

    g_string_append_len(text, (const char *)unit->data + behind,
                        (gssize)(unit->args.offset + unit->args.n - behind));
    raw = imapid_record_copy(exchange, (const uint8_t *)text->str, text->len);
    g_string_free(text, TRUE);
    return raw;
}

void imapid_record_add_half(struct imapid_record_exchange *exchange,
                            struct imapid_record_half *half, const struct imapid_unit *unit,
                            const struct imapid_stamp *packet)
{
    struct imapid_record_string raw = copy_raw(exchange, unit);

    half->seen = true;
    half->packet = *packet;
    read_list(exchange, half, unit);
    half->raw = raw.octets;
    half->n_raw = raw.n;
}

void imapid_record_add_findings(struct imapid_record_exchange *exchange,
                                const struct imapid_findings *findings,
                                const struct imapid_unit *command,
                                const struct imapid_unit *response)
{
    exchange->n_findings = findings->n;
    exchange->findings = g_new0(struct imapid_record_finding, findings->n ? findings->n : 1);
    for (unsigned i = 0; i < findings->n; i++) {
        const struct imapid_finding *finding = &findings->list[i];
        const struct imapid_unit *unit = finding->side == IMAPID_CLIENT ? command : response;
        struct imapid_record_half *half =
            finding->side == IMAPID_CLIENT ? &exchange->command : &exchange->response;
        struct imapid_record_finding *copy = &exchange->findings[i];

        copy->code = finding->code;
        copy->side = finding->side;
        copy->field.is_nil = true;
        if (unit && finding->field.n)
            copy->field =
                imapid_record_copy(exchange, unit->data + finding->field.offset, finding->field.n);
        if (imapid_finding_is_form(finding->code))
            half->is_malformed = true;
    }
}

int imapid_record_compare_unread(const void *a, const void *b)
{
    const struct imapid_record_unread *one = a, *other = b;
    int order = strcmp(one->layer, other->layer);

    if (one->n_packets != other->n_packets)
        return one->n_packets > other->n_packets ? -1 : 1;
    if (one->number != other->number)
        return one->number < other->number ? -1 : 1;
    return order ? order : strcmp(one->name, other->name);
}
