/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-record.c: one line of JSON Lines to its record.
 *
 * A line becomes tokens (json.c), and a take_...() asks them for its keys by name (member.c). What is
 * left out is what JSON does not keep: `raw` of a well-formed half, and octets of `raw`, `text`,
 * `tag` and `file` that are no UTF-8.
 *
 * Refuses what is no JSON object, a key that is there twice, a promised one that is missing or of
 * another kind, and a line over a limit of json.c. Skips other types and later schemas.
 *
 * Misuse: using a record after its line or the arena is gone. */
#include "record/read-record.h"

#include "record/member.h"
#include "record/spell-record.h"

#include <imapid/end.h>
#include <string.h>

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

static struct imapid_endpoint get_endpoint(struct imapid_member_line *line,
                                           struct imapid_json *object, const char *name)
{
    struct imapid_endpoint endpoint = {.family = 4};
    struct imapid_json *from = imapid_member_get_object(line, object, name);
    struct imapid_record_string text = {.is_nil = true};
    struct imapid_end end;

    if (from)
        text = imapid_member_get_octets(line, from, "ip");
    if (!text.is_nil && imapid_end_read_address(&end, text.octets, text.n)) {
        memcpy(endpoint.address, end.address, sizeof endpoint.address);
        endpoint.family = (uint8_t)end.family;
        endpoint.port = (uint16_t)imapid_member_get_number(line, from, "port", UINT16_MAX);
    } else {
        imapid_member_fail(line, "no address in", name);
    }
    return endpoint;
}

/* The first frame of a connection, out of the key that names it; 0 in records of before there was
 * one. */
static uint64_t get_first_frame(struct imapid_member_line *line, struct imapid_json *object,
                                const char *name)
{
    const char *id = imapid_member_is_null(imapid_member_find(object, name))
                         ? NULL
                         : imapid_member_get_text(line, object, name);
    const char *colon = id ? strrchr(id, ':') : NULL;
    guint64 frame = 0;

    if (id && (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 1, INT64_MAX, &frame, NULL)))
        imapid_member_fail(line, "no file and frame in", name);
    return frame;
}

static void take_tunnel_end(struct imapid_member_line *line, struct imapid_json *object,
                            const char *name, struct imapid_hop *hop, uint8_t address[16])
{
    struct imapid_record_string text = imapid_member_get_octets(line, object, name);
    struct imapid_end end;

    if (text.is_nil)
        return;
    if (!imapid_end_read_address(&end, text.octets, text.n)) {
        imapid_member_fail(line, "no address in", name);
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
static void take_path(struct imapid_member_line *line, struct imapid_json *object,
                      struct imapid_path *path)
{
    struct imapid_json *list = imapid_member_find_objects(line, object, "path"),
                       *element = list ? list + 1 : NULL;

    for (unsigned i = 0; list && i < list->n && path->n < IMAPID_PATH_N_MAX;
         i++, element += element->n_tokens) {
        struct imapid_record_string kind = imapid_member_get_octets(line, element, "kind");
        struct imapid_hop hop = {.kind = 0};
        int which = 0;

        while (which < IMAPID_N_PATH_KINDS && !imapid_member_is_word(&kind, spell_kind(which)))
            which++;
        if (which == IMAPID_N_PATH_KINDS)
            continue;
        hop.kind = (enum imapid_path_kind)which;
        hop.has_number = !imapid_member_is_null(imapid_member_get(line, element, "number"));
        if (hop.has_number)
            hop.number = (uint32_t)imapid_member_get_number(line, element, "number", UINT32_MAX);
        take_tunnel_end(line, element, "from", &hop, hop.from);
        take_tunnel_end(line, element, "to", &hop, hop.to);
        path->hops[path->n++] = hop;
    }
}

static void take_frames(struct imapid_member_line *line, struct imapid_json *object,
                        uint64_t *frames)
{
    const struct imapid_json *list = imapid_member_get(line, object, "frames"), *element;
    int64_t number;

    if (!list || list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", "frames");
        return;
    }
    element = list + 1;
    for (unsigned i = 0; i < list->n && i < IMAPID_DOUBT_FRAMES; i++, element += element->n_tokens)
        if (element->kind == IMAPID_JSON_INTEGER && imapid_json_get_integer(element, &number) &&
            number > 0)
            frames[i] = (uint64_t)number;
        else
            imapid_member_fail(line, "something other than frames in", "frames");
}

/* Doubts of a later version are left out. */
static void take_doubts(struct imapid_member_line *line, struct imapid_json *object,
                        struct imapid_doubts *doubts)
{
    struct imapid_json *list = imapid_member_find_objects(line, object, "doubts"),
                       *element = list ? list + 1 : NULL;

    for (unsigned i = 0; list && i < list->n; i++, element += element->n_tokens) {
        struct imapid_record_string code = imapid_member_get_octets(line, element, "code");

        for (int k = 0; k < IMAPID_N_DOUBTS; k++) {
            if (!imapid_member_is_word(&code, imapid_doubt_code((enum imapid_doubt)k)))
                continue;
            doubts->of[k].n = imapid_member_get_number(line, element, "count", INT64_MAX);
            take_frames(line, element, doubts->of[k].frames);
        }
    }
}

/* Records of earlier versions have none. */
static const char *get_site(struct imapid_member_line *line, struct imapid_json *object)
{
    return imapid_member_find(object, "site") ? imapid_member_get_text(line, object, "site") : NULL;
}

static struct imapid_record_conn get_conn(struct imapid_member_line *line,
                                          struct imapid_json *object, const char *id)
{
    struct imapid_record_conn conn = {
        .site = get_site(line, object),
        .file = imapid_member_get_name(line, object, "file"),
        .stream = (uint32_t)imapid_member_get_number(line, object, "stream", UINT32_MAX),
        .client = get_endpoint(line, object, "client"),
        .server = get_endpoint(line, object, "server"),
        .first_frame = get_first_frame(line, object, id),
    };

    if (!imapid_member_is_null(imapid_member_find(object, "proxied_client")))
        conn.proxied_client = get_endpoint(line, object, "proxied_client");
    take_path(line, object, &conn.path);
    take_doubts(line, object, &conn.doubts);
    return conn;
}

/* The file of a frame, where it is not that of the connection; else NULL. */
static const char *take_file(struct imapid_member_line *line, struct imapid_json *object)
{
    return imapid_member_is_null(imapid_member_find(object, "file"))
               ? NULL
               : imapid_member_get_name(line, object, "file");
}

/* ---- lists and findings ---- */

static struct imapid_record_string take_string(struct imapid_member_line *line,
                                               const struct imapid_json *value)
{
    if (!imapid_member_is_null(value) && value->kind == IMAPID_JSON_STRING)
        return imapid_member_read(line, value);
    if (!imapid_member_is_null(value))
        imapid_member_fail(line, "something other than strings in", "params");
    return (struct imapid_record_string){.is_nil = true};
}

static int hex_digit(uint8_t c)
{
    return g_ascii_xdigit_value((char)c);
}

static struct imapid_record_string take_hex(struct imapid_member_line *line,
                                            const struct imapid_json *value)
{
    struct imapid_record_string string = {.is_nil = true}, digits;
    uint8_t *octets;

    if (imapid_member_is_null(value))
        return string;
    if (value->kind != IMAPID_JSON_STRING) {
        imapid_member_fail(line, "something other than strings in", "params_hex");
        return string;
    }
    digits = imapid_member_read(line, value);
    string = (struct imapid_record_string){.n = digits.n / 2};
    octets = imapid_arena_take(line->arena, string.n);
    string.octets = octets;
    for (size_t i = 0; i < string.n; i++) {
        int high = hex_digit(digits.octets[2 * i]), low = hex_digit(digits.octets[2 * i + 1]);

        if (high < 0 || low < 0)
            imapid_member_fail(line, "something other than hexadecimal in", "params_hex");
        octets[i] = (uint8_t)(high * 16 + low);
    }
    if (digits.n % 2)
        imapid_member_fail(line, "something other than hexadecimal in", "params_hex");
    return string;
}

static void take_pairs(struct imapid_member_line *line, struct imapid_record_half *half,
                       const struct imapid_json *list,
                       struct imapid_record_string (*take)(struct imapid_member_line *,
                                                           const struct imapid_json *))
{
    const struct imapid_json *pair = list + 1;

    if (list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", "params");
        return;
    }
    half->has_list = true;
    half->n_pairs = list->n;
    half->pairs = imapid_arena_take_zeroed(line->arena, list->n * sizeof *half->pairs);
    for (unsigned i = 0; i < list->n; i++, pair += pair->n_tokens) {
        half->pairs[i].field.is_nil = half->pairs[i].value.is_nil = true;
        if (pair->kind != IMAPID_JSON_ARRAY || pair->n != 2) {
            imapid_member_fail(line, "no pairs in", "params");
            continue;
        }
        half->pairs[i].field = take(line, pair + 1);
        half->pairs[i].value = take(line, pair + 1 + pair[1].n_tokens);
    }
}

static void take_half(struct imapid_member_line *line, struct imapid_record_half *half,
                      struct imapid_json *object)
{
    const struct imapid_json *params, *hex, *raw;

    if (!object)
        return;
    half->seen = true;
    half->packet.number = imapid_member_get_number(line, object, "frame", INT64_MAX);
    half->file = take_file(line, object);
    half->packet.ts_ns = imapid_member_get_time(line, object, "time");
    params = imapid_member_get(line, object, "params");
    hex = imapid_member_find(object, "params_hex");
    raw = imapid_member_find(object, "raw");
    if (!imapid_member_is_null(params))
        take_pairs(line, half, params, take_string);
    if (!imapid_member_is_null(params) && !imapid_member_is_null(hex))
        take_pairs(line, half, hex, take_hex);
    if (!imapid_member_is_null(raw)) {
        struct imapid_record_string octets = take_string(line, raw);

        half->is_malformed = true;
        half->raw = octets.octets;
        half->n_raw = octets.n;
    }
}

static bool find_code(const struct imapid_record_string *word, enum imapid_finding_code *code)
{
    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        if (imapid_member_is_word(word, imapid_finding_code((enum imapid_finding_code)i))) {
            *code = (enum imapid_finding_code)i;
            return true;
        }
    return false;
}

/* What an ID lacked, as the message says. */
static enum imapid_lack find_lack(struct imapid_member_line *line, struct imapid_json *object)
{
    struct imapid_record_string message = {.is_nil = true};

    if (imapid_member_find(object, "message"))
        message = imapid_member_get_octets(line, object, "message");
    for (int i = IMAPID_LACK_ID; !message.is_nil && i < IMAPID_N_LACKS; i++)
        if (imapid_member_is_word(&message, imapid_finding_required((enum imapid_lack)i)))
            return (enum imapid_lack)i;
    return IMAPID_LACK_NOTHING;
}

/* False: one of a later version, whose code nobody here knows. */
static bool take_finding(struct imapid_member_line *line, struct imapid_json *object,
                         struct imapid_record_finding *finding)
{
    struct imapid_record_string code = imapid_member_get_octets(line, object, "code"), side;

    if (code.is_nil)
        imapid_member_fail(line, "no string in", "code");
    if (code.is_nil || !find_code(&code, &finding->code))
        return false;
    side = imapid_member_get_octets(line, object, "side");
    if (side.is_nil)
        imapid_member_fail(line, "no string in", "side");
    finding->side =
        !side.is_nil && imapid_member_is_word(&side, "server") ? IMAPID_SERVER : IMAPID_CLIENT;
    finding->lack = finding->code == IMAPID_FINDING_REQUIRED_BY_SERVER ? find_lack(line, object)
                                                                       : IMAPID_LACK_NOTHING;
    finding->field = take_string(line, imapid_member_get(line, object, "field"));
    return true;
}

/* Returns how many there are, `max` at most. */
static unsigned take_findings(struct imapid_member_line *line, struct imapid_json *object,
                              struct imapid_record_finding *out, unsigned max)
{
    struct imapid_json *list = imapid_member_get(line, object, "findings"), *element;
    unsigned n = 0;

    if (!list || list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", "findings");
        return 0;
    }
    element = list + 1;
    for (unsigned i = 0; i < list->n && n < max; i++, element += element->n_tokens) {
        if (element->kind != IMAPID_JSON_OBJECT) {
            imapid_member_fail(line, "no objects in", "findings");
            return 0;
        }
        n += take_finding(line, element, &out[n]);
    }
    return n;
}

/* ---- records ---- */

static void take_result(struct imapid_member_line *line, struct imapid_record_exchange *exchange,
                        struct imapid_json *object)
{
    if (!object)
        return;
    exchange->result.number = imapid_member_get_number(line, object, "frame", INT64_MAX);
    exchange->result_file = take_file(line, object);
    exchange->status = (enum imapid_status)(
        IMAPID_STATUS_OK + imapid_member_get_word(line, object, "status",
                                                  IMAPID_STATUS_BYE - IMAPID_STATUS_OK + 1,
                                                  spell_status));
    exchange->text = take_string(line, imapid_member_get(line, object, "text"));
    if (imapid_member_find(object, "tagged")) /* records of versions before have none */
        exchange->is_untagged = !imapid_member_get_bool(line, object, "tagged");
}

static bool is_number(const struct imapid_json *value)
{
    return value->kind == IMAPID_JSON_INTEGER || value->kind == IMAPID_JSON_REAL;
}

/* The record has no time of its own for the result; "rtt" gives it where no response came. */
static void set_result_time(const struct imapid_member_line *line,
                            struct imapid_record_exchange *exchange, struct imapid_json *object)
{
    const struct imapid_json *rtt =
        imapid_member_find(object, "rtt"); /* looked at by check_rtt() */
    int64_t from = imapid_record_when(exchange).ts_ns;
    double ns = 0;

    /* The digits end before the line does: at a comma or a bracket. */
    if (exchange->command.seen && !exchange->response.seen && !line->error &&
        !imapid_member_is_null(rtt))
        ns = g_ascii_strtod((const char *)rtt->octets, NULL) * 1e9;
    if (!(ns > -9e18 && ns < 9e18))
        ns = 0;
    exchange->result.ts_ns = from;
    if (!imapid_time_is_known(from) ||
        __builtin_add_overflow(from, (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5),
                               &exchange->result.ts_ns))
        exchange->result.ts_ns = from;
}

static void check_rtt(struct imapid_member_line *line, struct imapid_json *object)
{
    const struct imapid_json *rtt = imapid_member_get(line, object, "rtt");

    if (!imapid_member_is_null(rtt) && !is_number(rtt))
        imapid_member_fail(line, "no number in", "rtt");
}

static void *take_exchange(struct imapid_member_line *line, struct imapid_json *object)
{
    struct imapid_record_exchange *exchange =
        imapid_arena_take_zeroed(line->arena, sizeof *exchange);
    struct imapid_record_finding findings[IMAPID_FINDINGS_MAX];
    int64_t time_ns = imapid_member_get_time(line, object, "time");

    exchange->text.is_nil = true;
    check_rtt(line, object);
    exchange->conn = get_conn(line, object, "session");
    exchange->tag = imapid_member_get_text(line, object, "tag");
    take_half(line, &exchange->command, imapid_member_get_object(line, object, "command"));
    take_half(line, &exchange->response, imapid_member_get_object(line, object, "response"));
    take_result(line, exchange, imapid_member_get_object(line, object, "result"));
    if (!exchange->command.seen && !exchange->response.seen)
        exchange->result.ts_ns = time_ns;
    else if (exchange->status != IMAPID_STATUS_NONE)
        set_result_time(line, exchange, object);
    exchange->security = (enum imapid_security)imapid_member_get_word(
        line, object, "security", IMAPID_SECURITY_TLS + 1, spell_security);
    exchange->compressed = imapid_member_get_bool(line, object, "compressed");
    exchange->state = (enum imapid_state)imapid_member_get_word(
        line, object, "state", IMAPID_STATE_AUTHENTICATED + 1, spell_state);
    exchange->complete = imapid_member_get_bool(line, object, "complete");
    exchange->n_findings = take_findings(line, object, findings, IMAPID_FINDINGS_MAX);
    exchange->findings =
        imapid_arena_take(line->arena, exchange->n_findings * sizeof *exchange->findings);
    memcpy(exchange->findings, findings, exchange->n_findings * sizeof *exchange->findings);
    return exchange;
}

/* Keys that are more than the interface promises may be missing. */
static uint64_t get_extra(struct imapid_member_line *line, struct imapid_json *object,
                          const char *name)
{
    return imapid_member_find(object, name)
               ? imapid_member_get_number(line, object, name, INT64_MAX)
               : 0;
}

/* A word of a later version, or none, is no end that is known. */
static enum imapid_record_ended get_ended(struct imapid_member_line *line,
                                          struct imapid_json *object)
{
    const char *word =
        imapid_member_find(object, "ended") ? imapid_member_get_text(line, object, "ended") : NULL;

    for (int i = IMAPID_ENDED_FIN; word && i <= IMAPID_ENDED_RST; i++)
        if (!strcmp(word, imapid_record_ended((enum imapid_record_ended)i)))
            return (enum imapid_record_ended)i;
    return IMAPID_ENDED_NOT;
}

/* The index of the word that is spelled so; 0, which is unknown, for any other. */
static int find_word(const char *word, int n, const char *(*spell)(int))
{
    for (int i = 1; word && i < n; i++)
        if (!strcmp(word, spell(i)))
            return i;
    return 0;
}

static const char *spell_stage(int i)
{
    return imapid_stage_name((enum imapid_stage)i);
}

static const char *spell_party(int i)
{
    return imapid_party_name((enum imapid_party)i);
}

static uint64_t get_frame(struct imapid_member_line *line, struct imapid_json *object,
                          const char *name)
{
    return imapid_member_is_null(imapid_member_get(line, object, name))
               ? 0
               : imapid_member_get_number(line, object, name, INT64_MAX);
}

/* Records of earlier versions have none. */
static void take_outcome(struct imapid_member_line *line, struct imapid_json *object,
                         struct imapid_record_session *session)
{
    struct imapid_record_outcome *outcome = &session->outcome;
    struct imapid_json *from = imapid_member_find(object, "outcome")
                                   ? imapid_member_get_object(line, object, "outcome")
                                   : NULL;

    session->healthy = imapid_member_find(object, "healthy")
                           ? imapid_member_get_known(line, object, "healthy")
                           : IMAPID_UNKNOWN;
    session->not_imap =
        imapid_member_find(object, "imap") && !imapid_member_get_bool(line, object, "imap");
    outcome->text.is_nil = outcome->say.is_nil = true;
    if (!from)
        return;
    outcome->status = imapid_member_get_name(line, from, "status");
    outcome->stopped_at = (enum imapid_stage)find_word(
        imapid_member_get_text(line, from, "stopped_at"), IMAPID_N_STAGES, spell_stage);
    outcome->by = (enum imapid_party)find_word(imapid_member_get_text(line, from, "by"),
                                               IMAPID_N_PARTIES, spell_party);
    outcome->text = imapid_member_get_octets(line, from, "text");
    outcome->frame = get_frame(line, from, "frame");
    outcome->file =
        imapid_member_find(from, "file") ? imapid_member_get_text(line, from, "file") : NULL;
    outcome->ended_by = (enum imapid_party)find_word(imapid_member_get_text(line, from, "ended_by"),
                                                     IMAPID_N_PARTIES, spell_party);
    outcome->ended_frame = get_frame(line, from, "ended_frame");
    outcome->ended_file = imapid_member_find(from, "ended_file")
                              ? imapid_member_get_text(line, from, "ended_file")
                              : NULL;
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
static void take_auths(struct imapid_member_line *line, struct imapid_json *object,
                       struct imapid_record_session *session)
{
    struct imapid_json *list = imapid_member_find(object, "auth"), *element;

    if (!list)
        return;
    if (list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", "auth");
        return;
    }
    element = list + 1;
    for (unsigned i = 0; i < MIN(list->n, IMAPID_AUTHS_MAX); i++, element += element->n_tokens) {
        struct imapid_json *from = element->kind == IMAPID_JSON_OBJECT ? element : NULL;
        const char *name = imapid_member_get_name(line, from, "mechanism");

        session->auths[session->n_auths++] = (struct imapid_auth){
            .mechanism = imapid_login_find_mechanism((const uint8_t *)name, strlen(name)),
            .status = read_auth_status(imapid_member_get_text(line, from, "status")),
            .cleartext_password = imapid_member_get_bool(line, from, "cleartext_password"),
        };
    }
}

/* Records of earlier versions have none. */
static struct imapid_record_tls take_tls(struct imapid_member_line *line,
                                         struct imapid_json *object)
{
    struct imapid_record_tls tls = {.seen = false};
    struct imapid_json *from =
        imapid_member_find(object, "tls") ? imapid_member_get_object(line, object, "tls") : NULL;

    if (from) {
        tls.seen = true;
        tls.version = imapid_member_get_text(line, from, "version");
        tls.suite = imapid_member_get_text(line, from, "suite");
        tls.server_name = imapid_member_get_text(line, from, "server_name");
        tls.alpn = imapid_member_get_text(line, from, "alpn");
    }
    return tls;
}

static void *take_session(struct imapid_member_line *line, struct imapid_json *object)
{
    struct imapid_record_session *session = imapid_arena_take_zeroed(line->arena, sizeof *session);

    session->conn = get_conn(line, object, "id");
    session->first_ns = imapid_member_get_time(line, object, "first");
    session->last_ns = imapid_member_get_time(line, object, "last");
    session->security = (enum imapid_security)imapid_member_get_word(
        line, object, "security", IMAPID_SECURITY_TLS + 1, spell_security);
    session->compressed = imapid_member_get_bool(line, object, "compressed");
    session->id_advertised = imapid_member_get_known(line, object, "id_advertised");
    session->n_exchanges = imapid_member_get_number(line, object, "exchanges", INT64_MAX);
    session->from_start = imapid_member_get_bool(line, object, "from_start");
    session->ended = get_ended(line, object);
    session->gave_way =
        imapid_member_find(object, "gave_way") && imapid_member_get_bool(line, object, "gave_way");
    session->n_lost = imapid_member_get_number(line, object, "lost_bytes", INT64_MAX);
    session->n_resyncs = get_extra(line, object, "resyncs");
    session->decrypted = imapid_member_get_known(line, object, "decrypted");
    session->not_decrypted = imapid_member_find(object, "not_decrypted")
                                 ? imapid_member_get_text(line, object, "not_decrypted")
                                 : NULL;
    if (session->decrypted == IMAPID_NO && !session->not_decrypted)
        session->not_decrypted = "unknown";
    take_outcome(line, object, session);
    session->tls = take_tls(line, object);
    take_auths(line, object, session);
    session->n_findings =
        take_findings(line, object, session->findings, G_N_ELEMENTS(session->findings));
    for (unsigned i = 0; i < session->n_findings; i++)
        session->findings[i].field = (struct imapid_record_string){.is_nil = true};
    return session;
}

/* Returns how many there are, into *kinds. Records of versions before have no list. */
static unsigned take_unread(struct imapid_member_line *line, struct imapid_json *object,
                            const struct imapid_record_unread **kinds)
{
    struct imapid_json *list = imapid_member_find(object, "unread"), *node;
    struct imapid_record_unread *read;
    unsigned n;

    if (!list)
        return 0;
    if (list->kind != IMAPID_JSON_ARRAY) {
        imapid_member_fail(line, "no list in", "unread");
        return 0;
    }
    n = MIN(list->n, IMAPID_RECORD_UNREAD_MAX);
    read = imapid_arena_take_zeroed(line->arena, (n + 1) * sizeof *read);
    node = list + 1;
    for (unsigned i = 0; i < n; i++, node += node->n_tokens) {
        struct imapid_json *kind = node->kind == IMAPID_JSON_OBJECT ? node : NULL;

        read[i].layer = imapid_member_get_name(line, kind, "layer");
        read[i].number = imapid_member_get_number(line, kind, "number", UINT32_MAX);
        read[i].name = imapid_member_get_name(line, kind, "name");
        read[i].n_packets = imapid_member_get_number(line, kind, "packets", INT64_MAX);
    }
    *kinds = read;
    return n;
}

/* Not known of a capture without packets, and in records of versions before. */
static void take_times(struct imapid_member_line *line, struct imapid_json *object,
                       struct imapid_record_capture *capture)
{
    capture->has_times = !imapid_member_is_null(imapid_member_find(object, "first")) &&
                         !imapid_member_is_null(imapid_member_find(object, "last"));
    if (!capture->has_times)
        return;
    capture->first_ns = imapid_member_get_time(line, object, "first");
    capture->last_ns = imapid_member_get_time(line, object, "last");
}

static void *take_capture(struct imapid_member_line *line, struct imapid_json *object)
{
    struct imapid_record_capture *capture = imapid_arena_take_zeroed(line->arena, sizeof *capture);

    capture->site = get_site(line, object);
    capture->file = imapid_member_get_name(line, object, "file");
    capture->format = imapid_member_get_text(line, object, "format");
    take_times(line, object, capture);
    capture->n_packets = imapid_member_get_number(line, object, "packets", INT64_MAX);
    capture->n_octets = imapid_member_get_number(line, object, "bytes", INT64_MAX);
    capture->n_conns = imapid_member_get_number(line, object, "tcp_connections", INT64_MAX);
    capture->n_sessions = imapid_member_get_number(line, object, "imap_sessions", INT64_MAX);
    capture->n_exchanges = imapid_member_get_number(line, object, "exchanges", INT64_MAX);
    capture->n_not_decrypted =
        imapid_member_get_number(line, object, "sessions_not_decrypted", INT64_MAX);
    capture->n_lost = imapid_member_get_number(line, object, "lost_bytes", INT64_MAX);
    capture->n_cut = imapid_member_get_number(line, object, "cut_packets", INT64_MAX);
    capture->n_unknown_link = get_extra(line, object, "unknown_link_packets");
    capture->n_drops = get_extra(line, object, "drops");
    capture->n_forgotten = get_extra(line, object, "forgotten_connections");
    capture->n_unread = take_unread(line, object, &capture->unread);
    capture->error = imapid_member_get_text(line, object, "error");
    return capture;
}

static void *take_continued(struct imapid_member_line *line, struct imapid_json *object)
{
    struct imapid_record_continued *continued =
        imapid_arena_take_zeroed(line->arena, sizeof *continued);
    struct imapid_json *list = imapid_member_get(line, object, "frames"), *node;
    uint64_t *frames;
    int64_t last = 0;

    continued->site = get_site(line, object);
    continued->file = imapid_member_get_name(line, object, "file");
    if (!list || list->kind != IMAPID_JSON_ARRAY || list->n > IMAPID_RECORD_CONTINUED_MAX) {
        imapid_member_fail(line, "no list in", "frames");
        return continued;
    }
    frames = imapid_arena_take_zeroed(line->arena, (list->n + 1) * sizeof *frames);
    continued->frames = frames;
    continued->n = list->n;
    node = list + 1;
    for (unsigned i = 0; i < list->n; i++, node += node->n_tokens) {
        int64_t frame = 0;

        if (node->kind != IMAPID_JSON_INTEGER || !imapid_json_get_integer(node, &frame) ||
            frame <= last)
            imapid_member_fail(line, "something other than frames, in order, in", "frames");
        frames[i] = (uint64_t)frame;
        last = frame;
    }
    return continued;
}

/* How many records its run wrote. */
static void *take_end(struct imapid_member_line *line, struct imapid_json *object)
{
    uint64_t *n_records = imapid_arena_take(line->arena, sizeof *n_records);

    *n_records = imapid_member_get_number(line, object, "records", INT64_MAX);
    return n_records;
}

static void *take_interval(struct imapid_member_line *line, struct imapid_json *object)
{
    (void)line;
    (void)object;
    return NULL;
}

static void take_record(struct imapid_member_line *line, struct imapid_json *object,
                        struct imapid_read_record *read)
{
    static const struct {
        const char *type;
        void *(*take)(struct imapid_member_line *line, struct imapid_json *object);
        enum imapid_read_outcome outcome;
    } types[] = {{"exchange", take_exchange, IMAPID_READ_EXCHANGE},
                 {"session", take_session, IMAPID_READ_SESSION},
                 {"capture", take_capture, IMAPID_READ_CAPTURE},
                 {"continued", take_continued, IMAPID_READ_CONTINUED},
                 {"interval", take_interval, IMAPID_READ_INTERVAL},
                 {"end", take_end, IMAPID_READ_END}};
    struct imapid_record_string type = imapid_member_get_octets(line, object, "type");

    if (type.is_nil)
        imapid_member_fail(line, "no string in", "type");
    for (size_t i = 0; i < G_N_ELEMENTS(types) && !type.is_nil; i++) {
        if (!imapid_member_is_word(&type, types[i].type))
            continue;
        if (types[i].outcome != IMAPID_READ_END &&
            imapid_member_get_number(line, object, "schema", INT64_MAX) > IMAPID_RECORD_SCHEMA)
            return;
        read->record = types[i].take(line, object);
        read->outcome = types[i].outcome;
    }
}

void imapid_read_record(struct imapid_read_record *read, struct imapid_json_text *text,
                        struct imapid_arena *arena, const uint8_t *octets, size_t n)
{
    static const char *const faults[] = {[IMAPID_JSON_NO_JSON] = "no JSON object",
                                         [IMAPID_JSON_NO_UTF8] = "not UTF-8",
                                         [IMAPID_JSON_TOO_DEEP] = "too deeply nested",
                                         [IMAPID_JSON_TOO_MANY] = "too many values",
                                         [IMAPID_JSON_TWICE] = "a key is there twice"};
    enum imapid_json_fault fault = imapid_json_read(text, octets, n);
    struct imapid_member_line line = {.arena = arena};

    read->outcome = IMAPID_READ_SKIPPED;
    if (fault != IMAPID_JSON_GOOD)
        line.error = faults[fault];
    else if (text->tokens->kind != IMAPID_JSON_OBJECT)
        line.error = faults[IMAPID_JSON_NO_JSON];
    else
        take_record(&line, text->tokens, read);
    if (line.error)
        read->outcome = IMAPID_READ_BAD;
    read->error = line.error;
}
