/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-jsonl.c: JSON Lines to records, the way back from jsonl.c. What it gives a sink is what the
 * capture would have given, but for two things JSON does not keep: `raw` of a well-formed half, and
 * octets of `raw`, `text`, `tag` and `file` that are no UTF-8.
 *
 * A line becomes tokens (json.c), and a take_...() asks them for its keys by name. Strings of a
 * record are those of the line, where they have no escapes. Several threads may read one input, a
 * block of lines each; their records are told in the order of the lines.
 *
 * The lines may come from anywhere. Refused, with a message that names the line: what is no JSON
 * object, a key that is there twice, a promised one that is missing or of another kind, a line over
 * a limit. Passed over and
 * counted: other types, later schemas. Misuse: keeping a record after the sink's call. */
#include "record/read-jsonl.h"

#include "record/arena.h"
#include "record/json.h"
#include "record/lines.h"
#include "record/spell-record.h"

#include <errno.h>
#include <imapid/end.h>
#include <string.h>

/* The longest line: both halves of an exchange at the 64 KiB that are kept, their raw text, the hex
 * of both lists, every octet as six of JSON. */
#define LINE_MAX_OCTETS (8u << 20)

static const char too_long[] = "the line is too long";

/* Octets of lines that a thread reads at a time, where there are several; and how many there may
 * be. */
#define BLOCK       (256u << 10)
#define THREADS_MAX 64u

bool imapid_read_jsonl_is(const uint8_t *octets, size_t n, bool strict)
{
    static const char *const begins[] = {"{\"type\":\"exchange", "{\"type\":\"session",
                                         "{\"type\":\"capture", "{\"type\":\"end"};

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

/* ---- values ---- */

/* A line being read. The first thing that is wrong with it is kept, and everything after it reads
 * as nothing. */
struct line {
    struct imapid_arena *arena; /* holds what its record needs and the line itself does not have */
    const char *error;
};

static void fail(struct line *line, const char *what, const char *name)
{
    size_t n = strlen(what) + strlen(name) + 4;
    char *error;

    if (line->error)
        return;
    error = imapid_arena_take(line->arena, n);
    g_snprintf(error, n, "%s '%s'", what, name);
    line->error = error;
}

static struct imapid_json *find(struct imapid_json *object, const char *name)
{
    return object ? imapid_json_find(object, name) : NULL;
}

static struct imapid_json *get(struct line *line, struct imapid_json *object, const char *name)
{
    struct imapid_json *value = find(object, name);

    if (!value)
        fail(line, "there is no", name);
    return value;
}

static bool is_null(const struct imapid_json *value)
{
    return !value || value->kind == IMAPID_JSON_NULL;
}

static bool is_text(const struct imapid_json *value)
{
    return value->kind == IMAPID_JSON_STRING;
}

/* The octets of a string: in the line, if they are there as they are. */
static struct imapid_record_string octets_of(struct line *line, const struct imapid_json *value)
{
    struct imapid_record_string string = {.octets = value->octets, .n = value->n};
    uint8_t *decoded;

    if (!value->is_escaped)
        return string;
    decoded = imapid_arena_take(line->arena, value->n);
    string.octets = decoded;
    string.n = imapid_json_decode(value, decoded);
    return string;
}

/* A string or null. */
static struct imapid_record_string get_octets(struct line *line, struct imapid_json *object,
                                              const char *name)
{
    const struct imapid_json *value = get(line, object, name);

    if (!is_null(value) && is_text(value))
        return octets_of(line, value);
    if (!is_null(value))
        fail(line, "no string in", name);
    return (struct imapid_record_string){.is_nil = true};
}

/* The same as a text that ends with a NUL, if not before. */
static char *get_text(struct line *line, struct imapid_json *object, const char *name)
{
    struct imapid_record_string octets = get_octets(line, object, name);
    char *text;

    if (octets.is_nil)
        return NULL;
    text = imapid_arena_take(line->arena, octets.n + 1);
    memcpy(text, octets.octets, octets.n);
    text[octets.n] = '\0';
    return text;
}

static const char *get_name(struct line *line, struct imapid_json *object, const char *name)
{
    const char *text = get_text(line, object, name);

    if (!text)
        fail(line, "no string in", name);
    return text ? text : "";
}

static uint64_t get_number(struct line *line, struct imapid_json *object, const char *name,
                           uint64_t max)
{
    const struct imapid_json *value = get(line, object, name);
    int64_t number = -1;

    if (value && value->kind == IMAPID_JSON_INTEGER && !imapid_json_get_integer(value, &number))
        number = -1;
    if (number < 0 || (uint64_t)number > max)
        fail(line, "no number, or one out of range, in", name);
    return number < 0 ? 0 : (uint64_t)number;
}

static bool get_bool(struct line *line, struct imapid_json *object, const char *name)
{
    const struct imapid_json *value = get(line, object, name);

    if (!value || (value->kind != IMAPID_JSON_TRUE && value->kind != IMAPID_JSON_FALSE)) {
        fail(line, "neither true nor false in", name);
        return false;
    }
    return value->kind == IMAPID_JSON_TRUE;
}

static enum imapid_known get_known(struct line *line, struct imapid_json *object, const char *name)
{
    if (is_null(get(line, object, name)))
        return IMAPID_UNKNOWN;
    return get_bool(line, object, name) ? IMAPID_YES : IMAPID_NO;
}

static bool is_word(const struct imapid_record_string *octets, const char *word)
{
    for (size_t i = 0; i < octets->n; i++)
        if (!word[i] || (uint8_t)word[i] != octets->octets[i])
            return false;
    return !word[octets->n];
}

/* The index of a word in names that `spell` gives for 0, 1, ... n - 1. */
static int get_word(struct line *line, struct imapid_json *object, const char *name, int n,
                    const char *(*spell)(int))
{
    struct imapid_record_string word = get_octets(line, object, name);

    for (int i = 0; i < n && !word.is_nil; i++)
        if (is_word(&word, spell(i)))
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
static struct imapid_json *get_object(struct line *line, struct imapid_json *object,
                                      const char *name)
{
    struct imapid_json *value = get(line, object, name);

    if (is_null(value))
        return NULL;
    if (value->kind != IMAPID_JSON_OBJECT) {
        fail(line, "no object in", name);
        return NULL;
    }
    return value;
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t shifted = year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    unsigned of_era = (unsigned)(shifted - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The number of n digits; more than 10 ^ 9 where one is none. */
static inline unsigned read_digits(const uint8_t *text, int n)
{
    unsigned number = 0, wrong = 0;

    for (int i = 0; i < n; i++) {
        unsigned digit = text[i] - (unsigned)'0';

        wrong |= digit > 9;
        number = number * 10 + digit;
    }
    return wrong ? UINT_MAX : number;
}

/* Reads "2026-01-02T03:04:05.000000000Z", as imapid_spell_time() writes it. */
static bool parse_time(const struct imapid_record_string *octets, int64_t *ts_ns)
{
    const uint8_t *text = octets->octets;
    unsigned year, month, day, hour, minute, second, ns;
    int64_t seconds;

    if (octets->n != strlen("2026-01-02T03:04:05.000000000Z") || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != '.' || text[29] != 'Z')
        return false;
    year = read_digits(text, 4);
    month = read_digits(text + 5, 2);
    day = read_digits(text + 8, 2);
    hour = read_digits(text + 11, 2);
    minute = read_digits(text + 14, 2);
    second = read_digits(text + 17, 2);
    ns = read_digits(text + 20, 9);
    if (year > 9999 || !month || month > 12 || !day || day > 31 || hour > 23 || minute > 59 ||
        second > 60 || ns > 999999999)
        return false;
    seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return !__builtin_mul_overflow(seconds, INT64_C(1000000000), ts_ns) &&
           !__builtin_add_overflow(*ts_ns, (int64_t)ns, ts_ns);
}

static int64_t get_time(struct line *line, struct imapid_json *object, const char *name)
{
    struct imapid_record_string text = get_octets(line, object, name);
    int64_t ts_ns = 0;

    /* The first nanosecond of the range comes out of a second before it. */
    if (!text.is_nil && is_word(&text, "1677-09-21T00:12:43.145224192Z"))
        return INT64_MIN;
    if (text.is_nil || !parse_time(&text, &ts_ns))
        fail(line, "no time in", name);
    return ts_ns;
}

static struct imapid_endpoint get_endpoint(struct line *line, struct imapid_json *object,
                                           const char *name)
{
    struct imapid_endpoint endpoint = {.family = 4};
    struct imapid_json *from = get_object(line, object, name);
    struct imapid_record_string text = {.is_nil = true};
    struct imapid_end end;

    if (from)
        text = get_octets(line, from, "ip");
    if (!text.is_nil && imapid_end_read_address(&end, text.octets, text.n)) {
        memcpy(endpoint.address, end.address, sizeof endpoint.address);
        endpoint.family = (uint8_t)end.family;
        endpoint.port = (uint16_t)get_number(line, from, "port", UINT16_MAX);
    } else {
        fail(line, "no address in", name);
    }
    return endpoint;
}

/* The first frame of a connection, out of the key that names it; 0 in records of before there was
 * one. */
static uint64_t get_first_frame(struct line *line, struct imapid_json *object, const char *name)
{
    const char *id = is_null(find(object, name)) ? NULL : get_text(line, object, name);
    const char *colon = id ? strrchr(id, ':') : NULL;
    guint64 frame = 0;

    if (id && (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 1, INT64_MAX, &frame, NULL)))
        fail(line, "no file and frame in", name);
    return frame;
}

/* A list of objects that records of versions before have not; NULL: it is not there, or none. */
static struct imapid_json *find_objects(struct line *line, struct imapid_json *object,
                                        const char *name)
{
    struct imapid_json *list = find(object, name), *element;

    if (is_null(list))
        return NULL;
    element = list + 1;
    if (list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", name);
        return NULL;
    }
    for (unsigned i = 0; i < list->n; i++, element += element->n_tokens)
        if (element->kind != IMAPID_JSON_OBJECT) {
            fail(line, "no objects in", name);
            return NULL;
        }
    return list;
}

static void take_tunnel_end(struct line *line, struct imapid_json *object, const char *name,
                            struct imapid_hop *hop, uint8_t address[16])
{
    struct imapid_record_string text = get_octets(line, object, name);
    struct imapid_end end;

    if (text.is_nil)
        return;
    if (!imapid_end_read_address(&end, text.octets, text.n)) {
        fail(line, "no address in", name);
        return;
    }
    hop->family = (uint8_t)end.family;
    memcpy(address, end.address, sizeof end.address);
}

static const char *spell_kind(int kind)
{
    return imapid_spell_path_kind((enum imapid_path_kind)kind);
}

/* Hops that are of a kind nobody here knows are left out. */
static void take_path(struct line *line, struct imapid_json *object, struct imapid_path *path)
{
    struct imapid_json *list = find_objects(line, object, "path"),
                       *element = list ? list + 1 : NULL;

    for (unsigned i = 0; list && i < list->n && path->n < IMAPID_PATH_N_MAX;
         i++, element += element->n_tokens) {
        struct imapid_record_string kind = get_octets(line, element, "kind");
        struct imapid_hop hop = {.kind = 0};
        int which = 0;

        while (which < IMAPID_N_PATH_KINDS && !is_word(&kind, spell_kind(which)))
            which++;
        if (which == IMAPID_N_PATH_KINDS)
            continue;
        hop.kind = (enum imapid_path_kind)which;
        hop.has_number = !is_null(get(line, element, "number"));
        if (hop.has_number)
            hop.number = (uint32_t)get_number(line, element, "number", UINT32_MAX);
        take_tunnel_end(line, element, "from", &hop, hop.from);
        take_tunnel_end(line, element, "to", &hop, hop.to);
        path->hops[path->n++] = hop;
    }
}

static void take_frames(struct line *line, struct imapid_json *object, uint64_t *frames)
{
    const struct imapid_json *list = get(line, object, "frames"), *element;
    int64_t number;

    if (!list || list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", "frames");
        return;
    }
    element = list + 1;
    for (unsigned i = 0; i < list->n && i < IMAPID_DOUBT_FRAMES; i++, element += element->n_tokens)
        if (element->kind == IMAPID_JSON_INTEGER && imapid_json_get_integer(element, &number) &&
            number > 0)
            frames[i] = (uint64_t)number;
        else
            fail(line, "something other than frames in", "frames");
}

/* Doubts of a later version are left out. */
static void take_doubts(struct line *line, struct imapid_json *object, struct imapid_doubts *doubts)
{
    struct imapid_json *list = find_objects(line, object, "doubts"),
                       *element = list ? list + 1 : NULL;

    for (unsigned i = 0; list && i < list->n; i++, element += element->n_tokens) {
        struct imapid_record_string code = get_octets(line, element, "code");

        for (int k = 0; k < IMAPID_N_DOUBTS; k++) {
            if (!is_word(&code, imapid_doubt_code((enum imapid_doubt)k)))
                continue;
            doubts->of[k].n = get_number(line, element, "count", INT64_MAX);
            take_frames(line, element, doubts->of[k].frames);
        }
    }
}

static struct imapid_record_conn get_conn(struct line *line, struct imapid_json *object,
                                          const char *id)
{
    struct imapid_record_conn conn = {
        .file = get_name(line, object, "file"),
        .stream = (uint32_t)get_number(line, object, "stream", UINT32_MAX),
        .client = get_endpoint(line, object, "client"),
        .server = get_endpoint(line, object, "server"),
        .first_frame = get_first_frame(line, object, id),
    };

    if (!is_null(find(object, "proxied_client")))
        conn.proxied_client = get_endpoint(line, object, "proxied_client");
    take_path(line, object, &conn.path);
    take_doubts(line, object, &conn.doubts);
    return conn;
}

/* The file of a frame, where it is not that of the connection; else NULL. */
static const char *take_file(struct line *line, struct imapid_json *object)
{
    return is_null(find(object, "file")) ? NULL : get_name(line, object, "file");
}

/* ---- lists and findings ---- */

static struct imapid_record_string take_string(struct line *line, const struct imapid_json *value)
{
    if (!is_null(value) && is_text(value))
        return octets_of(line, value);
    if (!is_null(value))
        fail(line, "something other than strings in", "params");
    return (struct imapid_record_string){.is_nil = true};
}

static int hex_digit(uint8_t c)
{
    return g_ascii_xdigit_value((char)c);
}

static struct imapid_record_string take_hex(struct line *line, const struct imapid_json *value)
{
    struct imapid_record_string string = {.is_nil = true}, digits;
    uint8_t *octets;

    if (is_null(value))
        return string;
    if (!is_text(value)) {
        fail(line, "something other than strings in", "params_hex");
        return string;
    }
    digits = octets_of(line, value);
    string = (struct imapid_record_string){.n = digits.n / 2};
    octets = imapid_arena_take(line->arena, string.n);
    string.octets = octets;
    for (size_t i = 0; i < string.n; i++) {
        int high = hex_digit(digits.octets[2 * i]), low = hex_digit(digits.octets[2 * i + 1]);

        if (high < 0 || low < 0)
            fail(line, "something other than hexadecimal in", "params_hex");
        octets[i] = (uint8_t)(high * 16 + low);
    }
    if (digits.n % 2)
        fail(line, "something other than hexadecimal in", "params_hex");
    return string;
}

static void
take_pairs(struct line *line, struct imapid_record_half *half, const struct imapid_json *list,
           struct imapid_record_string (*take)(struct line *, const struct imapid_json *))
{
    const struct imapid_json *pair = list + 1;

    if (list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", "params");
        return;
    }
    half->has_list = true;
    half->n_pairs = list->n;
    half->pairs = imapid_arena_take_zeroed(line->arena, list->n * sizeof *half->pairs);
    for (unsigned i = 0; i < list->n; i++, pair += pair->n_tokens) {
        half->pairs[i].field.is_nil = half->pairs[i].value.is_nil = true;
        if (pair->kind != IMAPID_JSON_ARRAY || pair->n != 2) {
            fail(line, "no pairs in", "params");
            continue;
        }
        half->pairs[i].field = take(line, pair + 1);
        half->pairs[i].value = take(line, pair + 1 + pair[1].n_tokens);
    }
}

static void take_half(struct line *line, struct imapid_record_half *half,
                      struct imapid_json *object)
{
    const struct imapid_json *params, *hex, *raw;

    if (!object)
        return;
    half->seen = true;
    half->packet.number = get_number(line, object, "frame", INT64_MAX);
    half->file = take_file(line, object);
    half->packet.ts_ns = get_time(line, object, "time");
    params = get(line, object, "params");
    hex = find(object, "params_hex");
    raw = find(object, "raw");
    if (!is_null(params))
        take_pairs(line, half, params, take_string);
    if (!is_null(params) && !is_null(hex))
        take_pairs(line, half, hex, take_hex);
    if (!is_null(raw)) {
        struct imapid_record_string octets = take_string(line, raw);

        half->is_malformed = true;
        half->raw = octets.octets;
        half->n_raw = octets.n;
    }
}

static bool find_code(const struct imapid_record_string *word, enum imapid_finding_code *code)
{
    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        if (is_word(word, imapid_finding_code((enum imapid_finding_code)i))) {
            *code = (enum imapid_finding_code)i;
            return true;
        }
    return false;
}

/* What an ID lacked, as the message says. */
static enum imapid_lack find_lack(struct line *line, struct imapid_json *object)
{
    struct imapid_record_string message = {.is_nil = true};

    if (find(object, "message"))
        message = get_octets(line, object, "message");
    for (int i = IMAPID_LACK_ID; !message.is_nil && i < IMAPID_N_LACKS; i++)
        if (is_word(&message, imapid_finding_required((enum imapid_lack)i)))
            return (enum imapid_lack)i;
    return IMAPID_LACK_NOTHING;
}

/* False: one of a later version, whose code nobody here knows. */
static bool take_finding(struct line *line, struct imapid_json *object,
                         struct imapid_record_finding *finding)
{
    struct imapid_record_string code = get_octets(line, object, "code"), side;

    if (code.is_nil)
        fail(line, "no string in", "code");
    if (code.is_nil || !find_code(&code, &finding->code))
        return false;
    side = get_octets(line, object, "side");
    if (side.is_nil)
        fail(line, "no string in", "side");
    finding->side = !side.is_nil && is_word(&side, "server") ? IMAPID_SERVER : IMAPID_CLIENT;
    finding->lack = finding->code == IMAPID_FINDING_REQUIRED_BY_SERVER ? find_lack(line, object)
                                                                       : IMAPID_LACK_NOTHING;
    finding->field = take_string(line, get(line, object, "field"));
    return true;
}

/* Returns how many there are, `max` at most. */
static unsigned take_findings(struct line *line, struct imapid_json *object,
                              struct imapid_record_finding *out, unsigned max)
{
    struct imapid_json *list = get(line, object, "findings"), *element;
    unsigned n = 0;

    if (!list || list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", "findings");
        return 0;
    }
    element = list + 1;
    for (unsigned i = 0; i < list->n && n < max; i++, element += element->n_tokens) {
        if (element->kind != IMAPID_JSON_OBJECT) {
            fail(line, "no objects in", "findings");
            return 0;
        }
        n += take_finding(line, element, &out[n]);
    }
    return n;
}

/* ---- records ---- */

static void take_result(struct line *line, struct imapid_record_exchange *exchange,
                        struct imapid_json *object)
{
    if (!object)
        return;
    exchange->result.number = get_number(line, object, "frame", INT64_MAX);
    exchange->result_file = take_file(line, object);
    exchange->status = (enum imapid_status)(
        IMAPID_STATUS_OK +
        get_word(line, object, "status", IMAPID_STATUS_BYE - IMAPID_STATUS_OK + 1, spell_status));
    exchange->text = take_string(line, get(line, object, "text"));
    if (find(object, "tagged")) /* records of versions before have none */
        exchange->is_untagged = !get_bool(line, object, "tagged");
}

static bool is_number(const struct imapid_json *value)
{
    return value->kind == IMAPID_JSON_INTEGER || value->kind == IMAPID_JSON_REAL;
}

/* The record has no time of its own for the result; "rtt" gives it where no response came. */
static void set_result_time(const struct line *line, struct imapid_record_exchange *exchange,
                            struct imapid_json *object)
{
    const struct imapid_json *rtt = find(object, "rtt"); /* looked at by check_rtt() */
    int64_t from = imapid_record_when(exchange).ts_ns;
    double ns = 0;

    /* The digits end before the line does: at a comma or a bracket. */
    if (exchange->command.seen && !exchange->response.seen && !line->error && !is_null(rtt))
        ns = g_ascii_strtod((const char *)rtt->octets, NULL) * 1e9;
    if (!(ns > -9e18 && ns < 9e18))
        ns = 0;
    exchange->result.ts_ns = from;
    if (__builtin_add_overflow(from, (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5),
                               &exchange->result.ts_ns))
        exchange->result.ts_ns = from;
}

static void check_rtt(struct line *line, struct imapid_json *object)
{
    const struct imapid_json *rtt = get(line, object, "rtt");

    if (!is_null(rtt) && !is_number(rtt))
        fail(line, "no number in", "rtt");
}

static void *take_exchange(struct line *line, struct imapid_json *object)
{
    struct imapid_record_exchange *exchange =
        imapid_arena_take_zeroed(line->arena, sizeof *exchange);
    struct imapid_record_finding findings[IMAPID_FINDINGS_MAX];
    int64_t time_ns = get_time(line, object, "time");

    exchange->text.is_nil = true;
    check_rtt(line, object);
    exchange->conn = get_conn(line, object, "session");
    exchange->tag = get_text(line, object, "tag");
    take_half(line, &exchange->command, get_object(line, object, "command"));
    take_half(line, &exchange->response, get_object(line, object, "response"));
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
    exchange->n_findings = take_findings(line, object, findings, IMAPID_FINDINGS_MAX);
    exchange->findings =
        imapid_arena_take(line->arena, exchange->n_findings * sizeof *exchange->findings);
    memcpy(exchange->findings, findings, exchange->n_findings * sizeof *exchange->findings);
    return exchange;
}

/* Keys that are more than the interface promises may be missing. */
static uint64_t get_extra(struct line *line, struct imapid_json *object, const char *name)
{
    return find(object, name) ? get_number(line, object, name, INT64_MAX) : 0;
}

/* A word of a later version, or none, is no end that is known. */
static enum imapid_record_ended get_ended(struct line *line, struct imapid_json *object)
{
    const char *word = find(object, "ended") ? get_text(line, object, "ended") : NULL;

    for (int i = IMAPID_ENDED_FIN; word && i <= IMAPID_ENDED_RST; i++)
        if (!strcmp(word, imapid_record_ended((enum imapid_record_ended)i)))
            return (enum imapid_record_ended)i;
    return IMAPID_ENDED_NOT;
}

static enum imapid_word read_auth_status(const char *status)
{
    return !g_strcmp0(status, "OK")    ? IMAPID_WORD_OK
           : !g_strcmp0(status, "NO")  ? IMAPID_WORD_NO
           : !g_strcmp0(status, "BAD") ? IMAPID_WORD_BAD
                                       : IMAPID_WORD_UNKNOWN;
}

/* Mechanisms become those of this version's table, so that no other word gets through. Records of
 * earlier versions have none. */
static void take_auths(struct line *line, struct imapid_json *object,
                       struct imapid_record_session *session)
{
    struct imapid_json *list = find(object, "auth"), *element;

    if (!list)
        return;
    if (list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", "auth");
        return;
    }
    element = list + 1;
    for (unsigned i = 0; i < MIN(list->n, IMAPID_AUTHS_MAX); i++, element += element->n_tokens) {
        struct imapid_json *from = element->kind == IMAPID_JSON_OBJECT ? element : NULL;
        const char *name = get_name(line, from, "mechanism");

        session->auths[session->n_auths++] = (struct imapid_auth){
            .mechanism = imapid_login_find_mechanism((const uint8_t *)name, strlen(name)),
            .status = read_auth_status(get_text(line, from, "status")),
            .cleartext_password = get_bool(line, from, "cleartext_password"),
        };
    }
}

/* Records of earlier versions have none. */
static struct imapid_record_tls take_tls(struct line *line, struct imapid_json *object)
{
    struct imapid_record_tls tls = {.seen = false};
    struct imapid_json *from = find(object, "tls") ? get_object(line, object, "tls") : NULL;

    if (from) {
        tls.seen = true;
        tls.version = get_text(line, from, "version");
        tls.suite = get_text(line, from, "suite");
        tls.server_name = get_text(line, from, "server_name");
        tls.alpn = get_text(line, from, "alpn");
    }
    return tls;
}

static void *take_session(struct line *line, struct imapid_json *object)
{
    struct imapid_record_session *session = imapid_arena_take_zeroed(line->arena, sizeof *session);

    session->conn = get_conn(line, object, "id");
    session->first_ns = get_time(line, object, "first");
    session->last_ns = get_time(line, object, "last");
    session->security = (enum imapid_security)get_word(line, object, "security",
                                                       IMAPID_SECURITY_TLS + 1, spell_security);
    session->compressed = get_bool(line, object, "compressed");
    session->id_advertised = get_known(line, object, "id_advertised");
    session->n_exchanges = get_number(line, object, "exchanges", INT64_MAX);
    session->from_start = get_bool(line, object, "from_start");
    session->ended = get_ended(line, object);
    session->gave_way = find(object, "gave_way") && get_bool(line, object, "gave_way");
    session->n_lost = get_number(line, object, "lost_bytes", INT64_MAX);
    session->n_resyncs = get_extra(line, object, "resyncs");
    session->decrypted = get_known(line, object, "decrypted");
    session->not_decrypted =
        find(object, "not_decrypted") ? get_text(line, object, "not_decrypted") : NULL;
    if (session->decrypted == IMAPID_NO && !session->not_decrypted)
        session->not_decrypted = "unknown";
    session->tls = take_tls(line, object);
    take_auths(line, object, session);
    session->n_findings =
        take_findings(line, object, session->findings, G_N_ELEMENTS(session->findings));
    for (unsigned i = 0; i < session->n_findings; i++)
        session->findings[i].field = (struct imapid_record_string){.is_nil = true};
    return session;
}

/* Returns how many there are, into *kinds. Records of versions before have no list. */
static unsigned take_unread(struct line *line, struct imapid_json *object,
                            const struct imapid_record_unread **kinds)
{
    struct imapid_json *list = find(object, "unread"), *node;
    struct imapid_record_unread *read;
    unsigned n;

    if (!list)
        return 0;
    if (list->kind != IMAPID_JSON_ARRAY) {
        fail(line, "no list in", "unread");
        return 0;
    }
    n = MIN(list->n, IMAPID_RECORD_UNREAD_MAX);
    read = imapid_arena_take_zeroed(line->arena, (n + 1) * sizeof *read);
    node = list + 1;
    for (unsigned i = 0; i < n; i++, node += node->n_tokens) {
        struct imapid_json *kind = node->kind == IMAPID_JSON_OBJECT ? node : NULL;

        read[i].layer = get_name(line, kind, "layer");
        read[i].number = get_number(line, kind, "number", UINT32_MAX);
        read[i].name = get_name(line, kind, "name");
        read[i].n_packets = get_number(line, kind, "packets", INT64_MAX);
    }
    *kinds = read;
    return n;
}

static void *take_capture(struct line *line, struct imapid_json *object)
{
    struct imapid_record_capture *capture = imapid_arena_take_zeroed(line->arena, sizeof *capture);

    capture->file = get_name(line, object, "file");
    capture->format = get_text(line, object, "format");
    capture->n_packets = get_number(line, object, "packets", INT64_MAX);
    capture->n_octets = get_number(line, object, "bytes", INT64_MAX);
    capture->n_conns = get_number(line, object, "tcp_connections", INT64_MAX);
    capture->n_sessions = get_number(line, object, "imap_sessions", INT64_MAX);
    capture->n_exchanges = get_number(line, object, "exchanges", INT64_MAX);
    capture->n_not_decrypted = get_number(line, object, "sessions_not_decrypted", INT64_MAX);
    capture->n_lost = get_number(line, object, "lost_bytes", INT64_MAX);
    capture->n_cut = get_number(line, object, "cut_packets", INT64_MAX);
    capture->n_unknown_link = get_extra(line, object, "unknown_link_packets");
    capture->n_unread = take_unread(line, object, &capture->unread);
    capture->error = get_text(line, object, "error");
    return capture;
}

/* How many records its run wrote. */
static void *take_end(struct line *line, struct imapid_json *object)
{
    uint64_t *n_records = imapid_arena_take(line->arena, sizeof *n_records);

    *n_records = get_number(line, object, "records", INT64_MAX);
    return n_records;
}

/* What a line came to. */
enum outcome {
    OUTCOME_SKIPPED, /* of another type, or of a later schema */
    OUTCOME_BAD,
    OUTCOME_END, /* of a run that wrote records */
    OUTCOME_EXCHANGE,
    OUTCOME_SESSION,
    OUTCOME_CAPTURE,
};

struct parsed {
    uint64_t n_lines; /* of the block, up to this one: its number */
    enum outcome outcome;
    const void *record; /* by outcome; in the arena and the line */
    const char *error;  /* of a bad one */
};

static void take_record(struct line *line, struct imapid_json *object, struct parsed *parsed)
{
    static const struct {
        const char *type;
        void *(*take)(struct line *line, struct imapid_json *object);
        enum outcome outcome;
    } types[] = {{"exchange", take_exchange, OUTCOME_EXCHANGE},
                 {"session", take_session, OUTCOME_SESSION},
                 {"capture", take_capture, OUTCOME_CAPTURE},
                 {"end", take_end, OUTCOME_END}};
    struct imapid_record_string type = get_octets(line, object, "type");

    if (type.is_nil)
        fail(line, "no string in", "type");
    for (size_t i = 0; i < G_N_ELEMENTS(types) && !type.is_nil; i++) {
        if (!is_word(&type, types[i].type))
            continue;
        if (types[i].outcome != OUTCOME_END &&
            get_number(line, object, "schema", INT64_MAX) > IMAPID_RECORD_SCHEMA)
            return;
        parsed->record = types[i].take(line, object);
        parsed->outcome = types[i].outcome;
    }
}

/* One line: tokens, then a record. */
static void parse(struct parsed *parsed, struct imapid_json_text *text, struct imapid_arena *arena,
                  const uint8_t *octets, size_t n)
{
    static const char *const faults[] = {[IMAPID_JSON_NO_JSON] = "no JSON object",
                                         [IMAPID_JSON_NO_UTF8] = "not UTF-8",
                                         [IMAPID_JSON_TOO_DEEP] = "too deeply nested",
                                         [IMAPID_JSON_TOO_MANY] = "too many values",
                                         [IMAPID_JSON_TWICE] = "a key is there twice"};
    enum imapid_json_fault fault = imapid_json_read(text, octets, n);
    struct line line = {.arena = arena};

    parsed->outcome = OUTCOME_SKIPPED;
    if (fault != IMAPID_JSON_GOOD)
        line.error = faults[fault];
    else if (text->tokens->kind != IMAPID_JSON_OBJECT)
        line.error = faults[IMAPID_JSON_NO_JSON];
    else
        take_record(&line, text->tokens, parsed);
    if (line.error)
        parsed->outcome = OUTCOME_BAD;
    parsed->error = line.error;
}

/* ---- blocks of lines ---- */

/* Lines that are read together: by one thread, and told when it is their turn. */
struct block {
    GByteArray *text;
    struct imapid_arena arena;
    struct imapid_json_text json;
    GArray *parsed; /* struct parsed: the lines that are not blank */
    uint64_t n_lines, turn;
    bool is_first;
    char *failure; /* reading ended here, and why; NULL: it did not */
};

/* Those who read one input together. */
struct crew {
    struct imapid_read_jsonl *reader;
    GMutex reading; /* guards what follows */
    struct imapid_lines lines;
    uint64_t n_taken;
    bool is_over, failed;
    GMutex telling; /* and this: the sink, the counts of the reader */
    GCond told;
    uint64_t n_told;
    gint is_stopped; /* atomic */
};

static bool is_blank(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", octets[i]) || !octets[i])
            return false;
    return true;
}

static void add_bad(struct block *block, const char *error)
{
    struct parsed parsed = {block->n_lines, OUTCOME_BAD, NULL, error};

    g_array_append_val(block->parsed, parsed);
}

/* A line without its end. A byte order mark before the first one is dropped. */
static void parse_line(struct block *block, const uint8_t *octets, size_t n)
{
    struct parsed parsed = {.n_lines = ++block->n_lines};

    if (block->is_first && block->n_lines == 1 && n >= 3 && !memcmp(octets, "\xef\xbb\xbf", 3)) {
        octets += 3;
        n -= 3;
    }
    if (n > LINE_MAX_OCTETS) {
        add_bad(block, too_long);
    } else if (!is_blank(octets, n)) {
        parse(&parsed, &block->json, &block->arena, octets, n);
        g_array_append_val(block->parsed, parsed);
    }
}

static void parse_block(struct block *block)
{
    const uint8_t *at = block->text->data, *end = at + block->text->len;

    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = newline ? newline : end;

        parse_line(block, at, (size_t)(stop - at));
        at = newline ? newline + 1 : end;
    }
}

static char *explain(const struct imapid_read_jsonl *reader, int error)
{
    return reader->explain ? reader->explain(reader->read_ctx) : g_strdup(g_strerror(error));
}

/* False: there is nothing more to do. */
static bool take_block(struct crew *crew, struct block *block)
{
    enum imapid_lines_result result = IMAPID_LINES_END;

    imapid_arena_reset(&block->arena);
    g_array_set_size(block->parsed, 0);
    block->n_lines = 0;
    g_mutex_lock(&crew->reading);
    if (!crew->is_over && !g_atomic_int_get(&crew->is_stopped))
        result = imapid_lines_next(&crew->lines, block->text);
    block->turn = crew->n_taken++;
    block->is_first = !block->turn;
    crew->is_over = result == IMAPID_LINES_END || result == IMAPID_LINES_ERROR;
    block->n_lines = result == IMAPID_LINES_TOO_LONG || result == IMAPID_LINES_ERROR;
    if (result == IMAPID_LINES_ERROR)
        block->failure = explain(crew->reader, errno);
    crew->failed |= block->failure != NULL;
    g_mutex_unlock(&crew->reading);
    if (result == IMAPID_LINES_TOO_LONG)
        add_bad(block, too_long);
    if (block->failure)
        add_bad(block, block->failure);
    return result != IMAPID_LINES_END;
}

static void complain(struct imapid_read_jsonl *reader, const char *what)
{
    char *message;

    if (++reader->n_bad > IMAPID_COMPLAINTS_MAX)
        return;
    message = g_strdup_printf(
        "%s: line %" G_GUINT64_FORMAT ": %s%s", reader->name, reader->n_lines, what,
        reader->n_bad == IMAPID_COMPLAINTS_MAX ? " (further lines are not reported)" : "");
    reader->complain(reader->sink->ctx, message);
    g_free(message);
}

/* What a person is told of a reason; the word itself where this version does not know it. */
static void tell_session(const struct imapid_read_jsonl *reader,
                         const struct imapid_record_session *session)
{
    struct imapid_record_session told = *session;
    const char *word = session->not_decrypted;
    const char *phrase = word && reader->terms ? reader->terms->explain_reason(word) : NULL;

    told.not_decrypted_phrase = phrase ? phrase : word;
    reader->sink->session(reader->sink->ctx, &told);
}

/* Lines may come from anywhere: a sum past all numbers is one that is not met either. */
static void add_promised(struct imapid_read_jsonl *reader, uint64_t n)
{
    if (__builtin_add_overflow(reader->n_promised, n, &reader->n_promised))
        reader->n_promised = UINT64_MAX;
}

static void tell(struct imapid_read_jsonl *reader, const struct parsed *parsed)
{
    const struct imapid_record_sink *sink = reader->sink;

    reader->n_records += parsed->outcome >= OUTCOME_EXCHANGE;
    switch (parsed->outcome) {
    case OUTCOME_SKIPPED:
        reader->n_skipped++;
        break;
    case OUTCOME_BAD:
        complain(reader, parsed->error);
        break;
    case OUTCOME_END:
        reader->n_ends++;
        add_promised(reader, *(const uint64_t *)parsed->record);
        break;
    case OUTCOME_EXCHANGE:
        sink->exchange(sink->ctx, parsed->record);
        break;
    case OUTCOME_SESSION:
        tell_session(reader, parsed->record);
        break;
    case OUTCOME_CAPTURE:
        sink->capture(sink->ctx, parsed->record);
    }
}

static void tell_block(struct crew *crew, const struct block *block)
{
    struct imapid_read_jsonl *reader = crew->reader;
    uint64_t n_before;

    g_mutex_lock(&crew->telling);
    while (crew->n_told != block->turn)
        g_cond_wait(&crew->told, &crew->telling);
    n_before = reader->n_lines;
    for (guint i = 0; i < block->parsed->len && !reader->stop; i++) {
        const struct parsed *parsed = &g_array_index(block->parsed, struct parsed, i);

        reader->n_lines = n_before + parsed->n_lines;
        tell(reader, parsed);
    }
    if (!reader->stop)
        reader->n_lines = n_before + block->n_lines;
    g_atomic_int_set(&crew->is_stopped, reader->stop);
    crew->n_told++;
    g_cond_broadcast(&crew->told);
    g_mutex_unlock(&crew->telling);
}

static void *work(void *data)
{
    struct crew *crew = data;
    struct block block = {.text = g_byte_array_new(),
                          .parsed = g_array_new(FALSE, FALSE, sizeof(struct parsed))};

    while (take_block(crew, &block)) {
        parse_block(&block);
        tell_block(crew, &block);
    }
    g_free(block.failure);
    imapid_json_deinit(&block.json);
    imapid_arena_deinit(&block.arena);
    g_array_unref(block.parsed);
    g_byte_array_unref(block.text);
    return NULL;
}

/* Each run ends its records by how many they are. Files may stand one behind the other, and lines in
 * any order, so it is the sums that are compared. */
static void judge_end(struct imapid_read_jsonl *reader)
{
    uint64_t n_at_most = reader->n_records + reader->n_skipped + reader->n_bad;
    char *message;

    if (reader->stop || reader->failed)
        return;
    if (reader->n_ends && reader->n_promised >= reader->n_records &&
        reader->n_promised <= n_at_most)
        return;
    reader->is_cut = true;
    if (!reader->n_ends)
        message =
            g_strdup_printf("%s: the file is cut: the line that ends it is missing", reader->name);
    else
        message = g_strdup_printf("%s: the file is cut: %" G_GUINT64_FORMAT
                                  " records, but the lines that end it say %" G_GUINT64_FORMAT,
                                  reader->name, n_at_most, reader->n_promised);
    reader->complain(reader->sink->ctx, message);
    g_free(message);
}

bool imapid_read_jsonl(struct imapid_read_jsonl *reader)
{
    unsigned n_more = reader->n_threads > 1 ? MIN(reader->n_threads, THREADS_MAX) - 1 : 0;
    GThread *threads[THREADS_MAX];
    struct crew crew = {
        .reader = reader,
        .lines = {reader->read, reader->read_ctx, n_more ? BLOCK : 0, LINE_MAX_OCTETS, NULL, false},
    };

    g_mutex_init(&crew.reading);
    g_mutex_init(&crew.telling);
    g_cond_init(&crew.told);
    for (unsigned i = 0; i < n_more; i++)
        threads[i] = g_thread_new("records", work, &crew);
    work(&crew);
    for (unsigned i = 0; i < n_more; i++)
        g_thread_join(threads[i]);
    imapid_lines_deinit(&crew.lines);
    g_cond_clear(&crew.told);
    g_mutex_clear(&crew.telling);
    g_mutex_clear(&crew.reading);
    reader->failed = crew.failed;
    judge_end(reader);
    return !reader->n_bad && !reader->is_cut;
}
