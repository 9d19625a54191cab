/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-jsonl.c: JSON Lines to records, the way back from jsonl.c. What it gives a sink is what the
 * capture would have given, but for two things JSON does not keep: `raw` of a well-formed half, and
 * octets of `raw`, `text`, `tag` and `file` that are no UTF-8.
 *
 * The lines may come from anywhere. Refused, with a message that names the line: what is no JSON
 * object, a promised key that is missing or of another kind, a line over a limit. Passed over and
 * counted: other types, later schemas. Misuse: keeping a record after the sink's call. */
#include "record/read-jsonl.h"

#include "net/unread.h"

#include "tls/tls.h"

#include <errno.h>
#include <imapid/end.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* The longest line: both halves of an exchange at the 64 KiB that are kept, their raw text, the hex
 * of both lists, every octet as six of JSON. */
#define LINE_MAX_OCTETS (8u << 20)

/* Values in a line: 64 KiB hold 11,000 empty pairs; two lists, each twice, at four marks a pair. */
#define MARKS_MAX 262144u

/* Objects in arrays in objects: a record needs four levels. The parser recurses. */
#define DEPTH_MAX 16u

/* Messages for one input. A file of another kind would else give one a line. */
#define COMPLAINTS_MAX 20u

/* json-glib ends a string at U+0000, so that goes through it as U+FFFF "0", and U+FFFF itself,
 * which is no character, as U+FFFF "f". */
#define STANDIN "\xef\xbf\xbf"

bool imapid_read_jsonl_is(const uint8_t *octets, size_t n, bool strict)
{
    static const char *const begins[] = {"{\"type\":\"exchange", "{\"type\":\"session",
                                         "{\"type\":\"capture"};

    if (n >= 4 && !memcmp(octets, "\xef\xbb\xbf", 3)) {
        octets += 3;
        n -= 3;
    }
    for (size_t i = 0; strict && i < G_N_ELEMENTS(begins); i++)
        if (n >= strlen(begins[i]) && !memcmp(octets, begins[i], strlen(begins[i])))
            return true;
    if (n >= 4 && !memcmp(octets, "\n\r\r\n", 4))
        return false; /* pcapng */
    while (!strict && n && strchr(" \t\r\n", octets[0]) && octets[0]) {
        octets++;
        n--;
    }
    return !strict && n && octets[0] == '{';
}

/* ---- a line made safe for the parser ---- */

static int hex_digit(uint8_t c)
{
    return g_ascii_xdigit_value((char)c);
}

/* The unit of \uXXXX at `at`, -1 where there is none. */
static int escaped_unit(const uint8_t *line, size_t n, size_t at)
{
    int unit = 0;

    if (n - at < 6 || line[at] != '\\' || line[at + 1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        if (hex_digit(line[at + i]) < 0)
            return -1;
        unit = unit * 16 + hex_digit(line[at + i]);
    }
    return unit;
}

/* Copies the escape at `at`; returns its octets. Halves of surrogate pairs become U+FFFD: the
 * parser would abort on them. */
static size_t copy_escape(GString *out, const uint8_t *line, size_t n, size_t at)
{
    int unit = escaped_unit(line, n, at);

    if (unit == 0) {
        g_string_append(out, STANDIN "0");
        return 6;
    }
    if (unit == 0xffff) {
        g_string_append(out, STANDIN "f");
        return 6;
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        int low = n - at > 6 ? escaped_unit(line, n, at + 6) : -1;

        if (low >= 0xdc00 && low < 0xe000) {
            g_string_append_len(out, (const char *)line + at, 12);
            return 12;
        }
    }
    if (unit >= 0xd800 && unit < 0xe000) {
        g_string_append(out, "\\ufffd");
        return 6;
    }
    g_string_append_len(out, (const char *)line + at, n - at < 2 ? 1 : 2);
    return n - at < 2 ? 1 : 2;
}

/* Copies what is inside a string; returns the octets. */
static size_t copy_in_string(GString *out, const uint8_t *line, size_t n, size_t at)
{
    if (line[at] == '\\')
        return copy_escape(out, line, n, at);
    if (n - at >= 3 && !memcmp(line + at, STANDIN, 3)) {
        g_string_append(out, STANDIN "f");
        return 3;
    }
    g_string_append_c(out, (char)line[at]);
    return 1;
}

/* NULL, or what is wrong with the line as a whole. */
static const char *prepare(GString *out, const uint8_t *line, size_t n)
{
    unsigned depth = 0, n_marks = 0;
    bool in_string = false;

    g_string_truncate(out, 0);
    for (size_t at = 0; at < n;) {
        uint8_t c = line[at];

        if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{'))
            depth++;
        else if (!in_string && (c == ']' || c == '}') && depth)
            depth--;
        else if (!in_string && c == '/')
            return "no JSON"; /* the parser would take comments */
        if (depth > DEPTH_MAX)
            return "too deeply nested";
        n_marks += !in_string && (c == ',' || c == ':' || c == '[' || c == '{');
        if (n_marks > MARKS_MAX)
            return "too many values";
        if (in_string && c != '"') {
            at += copy_in_string(out, line, n, at);
        } else {
            g_string_append_c(out, (char)c);
            at++;
        }
    }
    return g_utf8_validate(out->str, (gssize)out->len, NULL) ? NULL : "not UTF-8";
}

/* ---- values ---- */

/* A line being read. The first thing that is wrong with it is kept, and everything after it reads
 * as nothing. */
struct line {
    struct imapid_read_jsonl *reader;
    GStringChunk *store; /* of texts that are no part of an exchange */
    char *error;
};

static void fail(struct line *line, const char *what, const char *name)
{
    if (!line->error)
        line->error = g_strdup_printf("%s '%s'", what, name);
}

static JsonNode *get(struct line *line, JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    if (!node)
        fail(line, "there is no", name);
    return node;
}

static bool is_null(JsonNode *node)
{
    return !node || JSON_NODE_HOLDS_NULL(node);
}

static bool is_text(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

/* The octets of a string, stand-ins undone. */
static GString *octets_of(const char *text)
{
    GString *octets = g_string_new(NULL);
    const char *at;

    while ((at = strstr(text, STANDIN))) {
        g_string_append_len(octets, text, at - text);
        text = at + strlen(STANDIN);
        if (*text == '0')
            g_string_append_c(octets, '\0');
        else
            g_string_append(octets, STANDIN);
        text += *text != '\0';
    }
    g_string_append(octets, text);
    return octets;
}

/* A string or null. With `store` the octets go there. */
static const char *get_text(struct line *line, JsonObject *object, const char *name)
{
    JsonNode *node = get(line, object, name);
    const char *copy;
    GString *octets;

    if (is_null(node))
        return NULL;
    if (!is_text(node)) {
        fail(line, "no string in", name);
        return NULL;
    }
    octets = octets_of(json_node_get_string(node));
    copy = g_string_chunk_insert(line->store, octets->str); /* names hold no NUL */
    g_string_free(octets, TRUE);
    return copy;
}

static const char *get_name(struct line *line, JsonObject *object, const char *name)
{
    const char *text = get_text(line, object, name);

    if (!text)
        fail(line, "no string in", name);
    return text ? text : "";
}

static uint64_t get_number(struct line *line, JsonObject *object, const char *name, uint64_t max)
{
    JsonNode *node = get(line, object, name);
    gint64 number = -1;

    if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
        number = json_node_get_int(node);
    if (number < 0 || (guint64)number > max)
        fail(line, "no number, or one out of range, in", name);
    return number < 0 ? 0 : (uint64_t)number;
}

static bool get_bool(struct line *line, JsonObject *object, const char *name)
{
    JsonNode *node = get(line, object, name);

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN) {
        fail(line, "neither true nor false in", name);
        return false;
    }
    return json_node_get_boolean(node);
}

static enum imapid_known get_known(struct line *line, JsonObject *object, const char *name)
{
    if (is_null(get(line, object, name)))
        return IMAPID_UNKNOWN;
    return get_bool(line, object, name) ? IMAPID_YES : IMAPID_NO;
}

/* The index of a word in names that `spell` gives for 0, 1, ... n - 1. */
static int get_word(struct line *line, JsonObject *object, const char *name, int n,
                    const char *(*spell)(int))
{
    const char *word = get_name(line, object, name);

    for (int i = 0; i < n; i++)
        if (!strcmp(word, spell(i)))
            return i;
    fail(line, "no known word in", name);
    return 0;
}

static const char *spell_security(int i)
{
    return imapid_record_security((enum imapid_security)i);
}

static const char *spell_state(int i)
{
    return imapid_record_state((enum imapid_state)i);
}

static const char *spell_status(int i)
{
    return imapid_record_status((enum imapid_status)(i + IMAPID_STATUS_OK));
}

/* NULL where it is null, or no object. */
static JsonObject *get_object(struct line *line, JsonObject *object, const char *name)
{
    JsonNode *node = get(line, object, name);

    if (is_null(node))
        return NULL;
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        fail(line, "no object in", name);
        return NULL;
    }
    return json_node_get_object(node);
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    unsigned of_era = (unsigned)(shifted - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* Reads "2026-01-02T03:04:05.000000000Z", as imapid_spell_time() writes it. */
static bool parse_time(const char *text, int64_t *ts_ns)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
    static const uint8_t n_digits[] = {4, 2, 2, 2, 2, 2, 9};
    unsigned part[7] = {0}, k = 0, n = 0;
    int64_t seconds;

    for (size_t i = 0; i < sizeof form; i++) {
        if (form[i] != 'd') {
            if (text[i] != form[i])
                return false;
            continue;
        }
        if (!g_ascii_isdigit(text[i]))
            return false;
        part[k] = part[k] * 10 + (unsigned)(text[i] - '0');
        if (++n == n_digits[k]) {
            k++;
            n = 0;
        }
    }
    if (!part[1] || part[1] > 12 || !part[2] || part[2] > 31 || part[3] > 23 || part[4] > 59 ||
        part[5] > 60)
        return false;
    seconds = days_from_civil(part[0], part[1], part[2]) * 86400 + part[3] * 3600 + part[4] * 60 +
              part[5];
    return !__builtin_mul_overflow(seconds, INT64_C(1000000000), ts_ns) &&
           !__builtin_add_overflow(*ts_ns, (int64_t)part[6], ts_ns);
}

static int64_t get_time(struct line *line, JsonObject *object, const char *name)
{
    const char *text = get_name(line, object, name);
    int64_t ts_ns = 0;

    /* The first nanosecond of the range comes out of a second before it. */
    if (!strcmp(text, "1677-09-21T00:12:43.145224192Z"))
        return INT64_MIN;
    if (!parse_time(text, &ts_ns))
        fail(line, "no time in", name);
    return ts_ns;
}

static struct imapid_endpoint get_endpoint(struct line *line, JsonObject *object, const char *name)
{
    struct imapid_endpoint endpoint = {.family = 4};
    JsonObject *from = get_object(line, object, name);
    const char *text = from ? get_name(line, from, "ip") : "";
    struct imapid_end end;

    if (imapid_end_read_address(&end, (const uint8_t *)text, strlen(text))) {
        memcpy(endpoint.address, end.address, sizeof endpoint.address);
        endpoint.family = (uint8_t)end.family;
        endpoint.port = (uint16_t)get_number(line, from, "port", UINT16_MAX);
    } else {
        fail(line, "no address in", name);
    }
    return endpoint;
}

static struct imapid_record_conn get_conn(struct line *line, JsonObject *object)
{
    struct imapid_record_conn conn = {
        .file = get_name(line, object, "file"),
        .stream = (uint32_t)get_number(line, object, "stream", UINT32_MAX),
        .client = get_endpoint(line, object, "client"),
        .server = get_endpoint(line, object, "server"),
    };

    if (!is_null(json_object_get_member(object, "proxied_client")))
        conn.proxied_client = get_endpoint(line, object, "proxied_client");
    return conn;
}

/* The file of a frame, where it is not that of the connection; else NULL. */
static const char *take_file(struct line *line, struct imapid_record_exchange *exchange,
                             JsonObject *object)
{
    if (is_null(json_object_get_member(object, "file")))
        return NULL;
    return g_string_chunk_insert(exchange->store, get_name(line, object, "file"));
}

/* ---- lists and findings ---- */

static struct imapid_record_string
take_string(struct line *line, struct imapid_record_exchange *exchange, JsonNode *node)
{
    struct imapid_record_string string = {.is_nil = true};
    GString *octets;

    if (is_null(node))
        return string;
    if (!is_text(node)) {
        fail(line, "something other than strings in", "params");
        return string;
    }
    octets = octets_of(json_node_get_string(node));
    string = imapid_record_copy(exchange, (const uint8_t *)octets->str, octets->len);
    g_string_free(octets, TRUE);
    return string;
}

static struct imapid_record_string take_hex(struct line *line,
                                            struct imapid_record_exchange *exchange, JsonNode *node)
{
    struct imapid_record_string string = {.is_nil = true};
    GByteArray *octets;
    const char *text;

    if (is_null(node))
        return string;
    if (!is_text(node)) {
        fail(line, "something other than strings in", "params_hex");
        return string;
    }
    octets = g_byte_array_new();
    for (text = json_node_get_string(node); *text; text += 2) {
        int high = hex_digit((uint8_t)text[0]), low = high < 0 ? -1 : hex_digit((uint8_t)text[1]);
        uint8_t octet = (uint8_t)(high * 16 + low);

        if (low < 0) {
            fail(line, "something other than hexadecimal in", "params_hex");
            break;
        }
        g_byte_array_append(octets, &octet, 1);
    }
    string = imapid_record_copy(exchange, octets->data, octets->len);
    g_byte_array_unref(octets);
    return string;
}

static void take_pairs(struct line *line, struct imapid_record_exchange *exchange,
                       struct imapid_record_half *half, JsonNode *node,
                       struct imapid_record_string (*take)(struct line *,
                                                           struct imapid_record_exchange *,
                                                           JsonNode *))
{
    JsonArray *list;

    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        fail(line, "no list in", "params");
        return;
    }
    list = json_node_get_array(node);
    g_free(half->pairs);
    half->has_list = true;
    half->n_pairs = json_array_get_length(list);
    half->pairs = g_new0(struct imapid_record_pair, half->n_pairs + 1);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        JsonNode *pair = json_array_get_element(list, i);
        JsonArray *two = JSON_NODE_HOLDS_ARRAY(pair) ? json_node_get_array(pair) : NULL;

        half->pairs[i].field.is_nil = half->pairs[i].value.is_nil = true;
        if (!two || json_array_get_length(two) != 2) {
            fail(line, "no pairs in", "params");
            continue;
        }
        half->pairs[i].field = take(line, exchange, json_array_get_element(two, 0));
        half->pairs[i].value = take(line, exchange, json_array_get_element(two, 1));
    }
}

static void take_half(struct line *line, struct imapid_record_exchange *exchange,
                      struct imapid_record_half *half, JsonObject *object)
{
    JsonNode *params, *hex, *raw;

    if (!object)
        return;
    half->seen = true;
    half->packet.number = get_number(line, object, "frame", INT64_MAX);
    half->file = take_file(line, exchange, object);
    half->packet.ts_ns = get_time(line, object, "time");
    params = get(line, object, "params");
    hex = json_object_get_member(object, "params_hex");
    raw = json_object_get_member(object, "raw");
    if (!is_null(params))
        take_pairs(line, exchange, half, params, take_string);
    if (!is_null(params) && !is_null(hex))
        take_pairs(line, exchange, half, hex, take_hex);
    if (!is_null(raw)) {
        struct imapid_record_string octets = take_string(line, exchange, raw);

        half->is_malformed = true;
        half->raw = octets.octets;
        half->n_raw = octets.n;
    }
}

static bool find_code(const char *text, enum imapid_finding_code *code)
{
    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        if (!strcmp(text, imapid_finding_code((enum imapid_finding_code)i))) {
            *code = (enum imapid_finding_code)i;
            return true;
        }
    return false;
}

/* Findings of a later version have codes nobody here knows: they are left out. */
static unsigned take_findings(struct line *line, struct imapid_record_exchange *exchange,
                              JsonObject *object, struct imapid_record_finding *out, unsigned max)
{
    JsonNode *node = get(line, object, "findings");
    JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    unsigned n = 0;

    if (!list) {
        fail(line, "no list in", "findings");
        return 0;
    }
    for (unsigned i = 0; i < json_array_get_length(list) && n < max; i++) {
        JsonNode *element = json_array_get_element(list, i);
        JsonObject *from = JSON_NODE_HOLDS_OBJECT(element) ? json_node_get_object(element) : NULL;
        struct imapid_record_finding finding = {.field.is_nil = true};

        if (!from) {
            fail(line, "no objects in", "findings");
            return 0;
        }
        if (!find_code(get_name(line, from, "code"), &finding.code))
            continue;
        finding.side =
            strcmp(get_name(line, from, "side"), "server") ? IMAPID_CLIENT : IMAPID_SERVER;
        if (exchange)
            finding.field = take_string(line, exchange, get(line, from, "field"));
        out[n++] = finding;
    }
    return n;
}

/* ---- records ---- */

static void take_result(struct line *line, struct imapid_record_exchange *exchange,
                        JsonObject *object)
{
    if (!object)
        return;
    exchange->result.number = get_number(line, object, "frame", INT64_MAX);
    exchange->result_file = take_file(line, exchange, object);
    exchange->status = (enum imapid_status)(
        IMAPID_STATUS_OK +
        get_word(line, object, "status", IMAPID_STATUS_BAD - IMAPID_STATUS_OK + 1, spell_status));
    exchange->text = take_string(line, exchange, get(line, object, "text"));
}

/* The record has no time of its own for the result; "rtt" gives it where no response came. */
static void set_result_time(const struct line *line, struct imapid_record_exchange *exchange,
                            JsonObject *object)
{
    JsonNode *rtt = json_object_get_member(object, "rtt"); /* looked at by check_rtt() */
    int64_t from = imapid_record_when(exchange).ts_ns;
    double ns = 0;

    if (exchange->command.seen && !exchange->response.seen && !line->error && !is_null(rtt))
        ns = json_node_get_double(rtt) * 1e9;
    if (!(ns > -9e18 && ns < 9e18))
        ns = 0;
    exchange->result.ts_ns = from;
    if (__builtin_add_overflow(from, (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5),
                               &exchange->result.ts_ns))
        exchange->result.ts_ns = from;
}

static void check_rtt(struct line *line, JsonObject *object)
{
    JsonNode *rtt = get(line, object, "rtt");

    if (!is_null(rtt) && (!JSON_NODE_HOLDS_VALUE(rtt) || is_text(rtt) ||
                          json_node_get_value_type(rtt) == G_TYPE_BOOLEAN))
        fail(line, "no number in", "rtt");
}

static void take_exchange(struct line *line, JsonObject *object)
{
    struct imapid_record_exchange *exchange = imapid_record_exchange_new();
    const struct imapid_record_sink *sink = line->reader->sink;
    int64_t time_ns = get_time(line, object, "time");

    check_rtt(line, object);
    exchange->conn = get_conn(line, object);
    exchange->tag = g_strdup(get_text(line, object, "tag"));
    take_half(line, exchange, &exchange->command, get_object(line, object, "command"));
    take_half(line, exchange, &exchange->response, get_object(line, object, "response"));
    take_result(line, exchange, get_object(line, object, "result"));
    if (!exchange->command.seen && !exchange->response.seen)
        exchange->result.ts_ns = time_ns;
    else if (exchange->status != IMAPID_STATUS_NONE)
        set_result_time(line, exchange, object);
    exchange->security = (enum imapid_security)get_word(line, object, "security",
                                                        IMAPID_SECURITY_TLS + 1, spell_security);
    exchange->compressed = get_bool(line, object, "compressed");
    exchange->state = (enum imapid_state)get_word(line, object, "state",
                                                  IMAPID_STATE_AUTHENTICATED + 1, spell_state);
    exchange->complete = get_bool(line, object, "complete");
    exchange->findings = g_new0(struct imapid_record_finding, IMAPID_FINDINGS_MAX);
    exchange->n_findings =
        take_findings(line, exchange, object, exchange->findings, IMAPID_FINDINGS_MAX);
    if (!line->error)
        sink->exchange(sink->ctx, exchange);
    imapid_record_exchange_free(exchange);
}

/* Keys that are more than the interface promises may be missing. */
static uint64_t get_extra(struct line *line, JsonObject *object, const char *name)
{
    return json_object_has_member(object, name) ? get_number(line, object, name, INT64_MAX) : 0;
}

/* What a person is told of a reason; the word itself where this version does not know it. */
static const char *find_phrase(const char *word)
{
    for (int i = 0; word && i < IMAPID_TLS_N_REASONS; i++)
        if (!strcmp(word, imapid_tls_reason_word((enum imapid_tls_reason)i)))
            return imapid_tls_reason_text((enum imapid_tls_reason)i);
    return word;
}

static void take_session(struct line *line, JsonObject *object)
{
    const struct imapid_record_sink *sink = line->reader->sink;
    struct imapid_record_session session = {
        .conn = get_conn(line, object),
        .first_ns = get_time(line, object, "first"),
        .last_ns = get_time(line, object, "last"),
        .security = (enum imapid_security)get_word(line, object, "security",
                                                   IMAPID_SECURITY_TLS + 1, spell_security),
        .compressed = get_bool(line, object, "compressed"),
        .id_advertised = get_known(line, object, "id_advertised"),
        .n_exchanges = get_number(line, object, "exchanges", INT64_MAX),
        .from_start = get_bool(line, object, "from_start"),
        .n_lost = get_number(line, object, "lost_bytes", INT64_MAX),
        .n_resyncs = get_extra(line, object, "resyncs"),
        .decrypted = get_known(line, object, "decrypted"),
    };

    session.not_decrypted = json_object_has_member(object, "not_decrypted")
                                ? get_text(line, object, "not_decrypted")
                                : NULL;
    if (session.decrypted == IMAPID_NO && !session.not_decrypted)
        session.not_decrypted = "unknown";
    session.not_decrypted_phrase = find_phrase(session.not_decrypted);
    session.n_findings =
        take_findings(line, NULL, object, session.findings, G_N_ELEMENTS(session.findings));
    for (unsigned i = 0; i < session.n_findings; i++)
        session.findings[i].field.is_nil = true;
    if (!line->error)
        sink->session(sink->ctx, &session);
}

/* Kinds of a capture that are read back: one more than are told apart. */
#define UNREAD_MAX (IMAPID_UNREAD_N_MAX + 1)

static struct imapid_record_unread take_unread_kind(struct line *line, JsonNode *node)
{
    struct imapid_record_unread unread = {.layer = "", .name = ""};
    JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

    unread.layer = get_name(line, object, "layer");
    unread.number = get_number(line, object, "number", UINT32_MAX);
    unread.name = get_name(line, object, "name");
    unread.n_packets = get_number(line, object, "packets", INT64_MAX);
    return unread;
}

/* Returns how many there are, into kinds[UNREAD_MAX]. Records of versions before have no list. */
static unsigned take_unread(struct line *line, JsonObject *object,
                            struct imapid_record_unread *kinds)
{
    JsonNode *node = json_object_get_member(object, "unread");
    JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    unsigned n = list ? MIN(json_array_get_length(list), UNREAD_MAX) : 0;

    if (node && !list)
        fail(line, "no list in", "unread");
    for (unsigned i = 0; i < n; i++)
        kinds[i] = take_unread_kind(line, json_array_get_element(list, i));
    return n;
}

static void take_capture(struct line *line, JsonObject *object)
{
    struct imapid_record_unread kinds[UNREAD_MAX];
    const struct imapid_record_sink *sink = line->reader->sink;
    struct imapid_record_capture capture = {
        .file = get_name(line, object, "file"),
        .format = get_text(line, object, "format"),
        .n_packets = get_number(line, object, "packets", INT64_MAX),
        .n_octets = get_number(line, object, "bytes", INT64_MAX),
        .n_conns = get_number(line, object, "tcp_connections", INT64_MAX),
        .n_sessions = get_number(line, object, "imap_sessions", INT64_MAX),
        .n_exchanges = get_number(line, object, "exchanges", INT64_MAX),
        .n_not_decrypted = get_number(line, object, "sessions_not_decrypted", INT64_MAX),
        .n_lost = get_number(line, object, "lost_bytes", INT64_MAX),
        .n_cut = get_number(line, object, "cut_packets", INT64_MAX),
        .n_unknown_link = get_extra(line, object, "unknown_link_packets"),
        .n_unread = take_unread(line, object, kinds),
        .unread = kinds,
        .error = (char *)get_text(line, object, "error"),
    };

    if (!line->error)
        sink->capture(sink->ctx, &capture);
}

/* False: of another type, or of a later schema. */
static bool take_record(struct line *line, JsonObject *object)
{
    static const struct {
        const char *type;
        void (*take)(struct line *line, JsonObject *object);
    } types[] = {{"exchange", take_exchange}, {"session", take_session}, {"capture", take_capture}};
    const char *type = get_name(line, object, "type");

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (strcmp(type, types[i].type))
            continue;
        if (get_number(line, object, "schema", INT64_MAX) > IMAPID_RECORD_SCHEMA)
            return false;
        types[i].take(line, object);
        return true;
    }
    return line->error != NULL;
}

/* ---- lines ---- */

static void complain(struct imapid_read_jsonl *reader, const char *what)
{
    char *message;

    if (++reader->n_bad > COMPLAINTS_MAX)
        return;
    message =
        g_strdup_printf("%s: line %" G_GUINT64_FORMAT ": %s%s", reader->name, reader->n_lines, what,
                        reader->n_bad == COMPLAINTS_MAX ? " (no further lines are told)" : "");
    reader->complain(reader->sink->ctx, message);
    g_free(message);
}

static void read_line(struct imapid_read_jsonl *reader, JsonParser *parser, GString *safe,
                      const uint8_t *octets, size_t n)
{
    struct line line = {.reader = reader};
    const char *wrong = prepare(safe, octets, n);
    JsonNode *root;

    if (wrong) {
        complain(reader, wrong);
        return;
    }
    if (!json_parser_load_from_data(parser, safe->str, (gssize)safe->len, NULL) ||
        !(root = json_parser_get_root(parser)) || !JSON_NODE_HOLDS_OBJECT(root)) {
        complain(reader, "no JSON object");
        return;
    }
    line.store = g_string_chunk_new(256);
    if (!take_record(&line, json_node_get_object(root)))
        reader->n_skipped++;
    else if (line.error)
        complain(reader, line.error);
    else
        reader->n_records++;
    g_free(line.error);
    g_string_chunk_free(line.store);
}

static bool is_blank(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", octets[i]) || !octets[i])
            return false;
    return true;
}

/* A line without its end. A byte order mark before the first one is dropped. */
static void take_line(struct imapid_read_jsonl *reader, JsonParser *parser, GString *safe,
                      const uint8_t *octets, size_t n, bool too_long)
{
    reader->n_lines++;
    if (reader->n_lines == 1 && n >= 3 && !memcmp(octets, "\xef\xbb\xbf", 3)) {
        octets += 3;
        n -= 3;
    }
    if (too_long)
        complain(reader, "the line is too long");
    else if (!is_blank(octets, n))
        read_line(reader, parser, safe, octets, n);
}

static void complain_of_reading(struct imapid_read_jsonl *reader)
{
    char *why = reader->explain ? reader->explain(reader->read_ctx) : g_strdup(g_strerror(errno));

    reader->n_lines++; /* the one that could not be read */
    complain(reader, why);
    g_free(why);
}

static void read_lines(struct imapid_read_jsonl *reader, JsonParser *parser, GByteArray *window,
                       GString *safe)
{
    uint8_t *chunk = g_malloc(65536);
    bool too_long = false;
    ptrdiff_t n = 1;

    while (n && !reader->stop) {
        size_t at = 0;
        uint8_t *newline;

        n = reader->read(reader->read_ctx, chunk, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            complain_of_reading(reader);
            g_byte_array_set_size(window, 0); /* of a line that is cut nothing more is told */
            too_long = false;
            break;
        }
        while (!reader->stop && (newline = memchr(chunk + at, '\n', (size_t)n - at))) {
            g_byte_array_append(window, chunk + at, (guint)(newline - chunk - (ptrdiff_t)at));
            take_line(reader, parser, safe, window->data, window->len, too_long);
            g_byte_array_set_size(window, 0);
            too_long = false;
            at = (size_t)(newline - chunk) + 1;
        }
        g_byte_array_append(window, chunk + at, (guint)((size_t)n - at));
        too_long |= window->len > LINE_MAX_OCTETS;
        if (too_long)
            g_byte_array_set_size(window, 0);
    }
    if (!reader->stop && (window->len || too_long))
        take_line(reader, parser, safe, window->data, window->len, too_long);
    g_free(chunk);
}

bool imapid_read_jsonl(struct imapid_read_jsonl *reader)
{
    JsonParser *parser = json_parser_new();
    GByteArray *window = g_byte_array_new();
    GString *safe = g_string_new(NULL);

    read_lines(reader, parser, window, safe);
    g_string_free(safe, TRUE);
    g_byte_array_unref(window);
    g_object_unref(parser);
    return !reader->n_bad;
}
