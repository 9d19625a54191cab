/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-plain.c: the line of an exchange straight into its record, without tokens.
 *
 * Reading is most of what an answer from records costs, and nearly all lines are exchanges as this
 * program spells them: keys in one order, no white space, no escapes. Such a line is passed over
 * once. This is a shorter way, no other format: imapid_read_record() reads all lines, and
 * tests/record/test-read-plain.c holds the two to be the same.
 *
 * Refuses, without a word, whatever is not just so: that is for imapid_read_record(), which also says
 * what is wrong. When in doubt, refuse.
 *
 * Misuse: accepting here what is refused there. */
#include "record/read-plain.h"

#include "record/json.h"
#include "record/member.h"

#include <imapid/end.h>
#include <string.h>

/* More in a line are rare. */
#define PAIRS_MAX    30u
#define FINDINGS_MAX 8u

struct line {
    const uint8_t *at, *end;
    struct imapid_arena *arena;
};

/* ---- octets ---- */

static inline bool pass_octets(struct line *line, const char *octets, size_t n)
{
    if ((size_t)(line->end - line->at) < n || memcmp(line->at, octets, n) != 0)
        return false;
    line->at += n;
    return true;
}

/* Is the literal next? Then it is passed. */
#define PASS(line, literal) pass_octets(line, literal, sizeof(literal) - 1)

/* A string without escapes, from its quote on. */
static bool read_string(struct line *line, struct imapid_record_string *string)
{
    const uint8_t *start, *stop;

    if (!PASS(line, "\""))
        return false;
    start = line->at;
    stop = imapid_json_skip_plain(start, line->end);
    if (stop == line->end || *stop != '"')
        return false;
    *string = (struct imapid_record_string){.octets = start, .n = (size_t)(stop - start)};
    line->at = stop + 1;
    return true;
}

/* The same, or null. */
static bool read_nullable(struct line *line, struct imapid_record_string *string)
{
    *string = (struct imapid_record_string){.is_nil = true};
    return PASS(line, "null") || read_string(line, string);
}

/* A string, or null, that nobody asks for. */
static bool skip_string(struct line *line)
{
    struct imapid_record_string string;

    return read_nullable(line, &string);
}

static char *copy_text(const struct line *line, const struct imapid_record_string *string)
{
    char *text = imapid_arena_take(line->arena, string->n + 1);

    memcpy(text, string->octets, string->n);
    text[string->n] = '\0';
    return text;
}

/* An integer of up to 18 digits, which no int64_t is too small for. */
static bool read_number(struct line *line, uint64_t max, uint64_t *number)
{
    const uint8_t *start = line->at;

    *number = 0;
    for (; line->at < line->end && *line->at >= '0' && *line->at <= '9'; line->at++) {
        if (line->at - start == 18)
            return false;
        *number = *number * 10 + (uint64_t)(*line->at - '0');
    }
    return line->at > start && (*start != '0' || line->at - start == 1) && *number <= max;
}

static bool read_bool(struct line *line, bool *value)
{
    *value = PASS(line, "true");
    return *value || PASS(line, "false");
}

static bool read_time(struct line *line, int64_t *ts_ns)
{
    struct imapid_record_string text;

    return read_string(line, &text) && imapid_member_read_time(&text, ts_ns);
}

/* ---- connections ---- */

static bool read_endpoint(struct line *line, struct imapid_endpoint *endpoint)
{
    struct imapid_record_string text;
    struct imapid_end end;
    uint64_t port;

    if (!PASS(line, "{\"ip\":") || !read_string(line, &text) || !PASS(line, ",\"port\":") ||
        !read_number(line, UINT16_MAX, &port) || !PASS(line, "}") ||
        !imapid_end_read_address(&end, text.octets, text.n))
        return false;
    memcpy(endpoint->address, end.address, sizeof endpoint->address);
    endpoint->family = (uint8_t)end.family;
    endpoint->port = (uint16_t)port;
    return true;
}

/* The frame behind the last colon of the key that names a connection. */
static bool read_first_frame(struct line *line, uint64_t *frame)
{
    struct imapid_record_string id;
    struct line digits;

    if (PASS(line, "null"))
        return true;
    if (!read_string(line, &id))
        return false;
    digits = (struct line){.at = id.octets + id.n, .end = id.octets + id.n};
    while (digits.at > id.octets && digits.at[-1] != ':')
        digits.at--;
    return digits.at > id.octets && read_number(&digits, INT64_MAX, frame) && *frame &&
           digits.at == digits.end;
}

/* Keys that are more than the interface promises may be missing. */
static bool read_extras(struct line *line, uint64_t *first_frame)
{
    if (PASS(line, ",\"session\":") && !read_first_frame(line, first_frame))
        return false;
    if (PASS(line, ",\"community_id\":") && !skip_string(line))
        return false;
    if (PASS(line, ",\"filter\":") && !skip_string(line))
        return false;
    (void)PASS(line, ",\"path\":null");
    (void)PASS(line, ",\"doubts\":[]");
    return true;
}

static bool read_conn(struct line *line, struct imapid_record_conn *conn)
{
    struct imapid_record_string file, site = {.is_nil = true};
    uint64_t stream;

    if (PASS(line, ",\"site\":") && !read_nullable(line, &site))
        return false;
    if (!PASS(line, ",\"file\":") || !read_string(line, &file) || !PASS(line, ",\"stream\":") ||
        !read_number(line, UINT32_MAX, &stream) || !PASS(line, ",\"client\":") ||
        !read_endpoint(line, &conn->client) || !PASS(line, ",\"server\":") ||
        !read_endpoint(line, &conn->server) || !PASS(line, ",\"proxied_client\":"))
        return false;
    conn->site = site.is_nil ? NULL : copy_text(line, &site);
    conn->file = copy_text(line, &file);
    conn->stream = (uint32_t)stream;
    return (PASS(line, "null") || read_endpoint(line, &conn->proxied_client)) &&
           read_extras(line, &conn->first_frame);
}

/* ---- halves ---- */

static bool read_pairs(struct line *line, struct imapid_record_half *half)
{
    struct imapid_record_pair pairs[PAIRS_MAX];
    unsigned n = 0;

    if (PASS(line, "null"))
        return true;
    if (!PASS(line, "["))
        return false;
    while (!PASS(line, "]")) {
        if (n == PAIRS_MAX || (n && !PASS(line, ",")) || !PASS(line, "[") ||
            !read_nullable(line, &pairs[n].field) || !PASS(line, ",") ||
            !read_nullable(line, &pairs[n].value) || !PASS(line, "]"))
            return false;
        n++;
    }
    half->has_list = true;
    half->n_pairs = n;
    half->pairs = imapid_arena_take(line->arena, n * sizeof *pairs);
    memcpy(half->pairs, pairs, n * sizeof *pairs);
    return true;
}

static bool read_half(struct line *line, struct imapid_record_half *half)
{
    if (PASS(line, "null"))
        return true;
    half->seen = true;
    return PASS(line, "{\"frame\":") && read_number(line, INT64_MAX, &half->packet.number) &&
           PASS(line, ",\"time\":") && read_time(line, &half->packet.ts_ns) &&
           PASS(line, ",\"params\":") && read_pairs(line, half) && PASS(line, "}");
}

/* ---- results and findings ---- */

static bool read_status(struct line *line, enum imapid_status *status)
{
    struct imapid_record_string word;

    if (!read_string(line, &word))
        return false;
    for (*status = IMAPID_STATUS_OK; *status <= IMAPID_STATUS_BYE; ++*status)
        if (imapid_member_is_word(&word, imapid_record_status(*status)))
            return true;
    return false;
}

static bool read_result(struct line *line, struct imapid_record_exchange *exchange)
{
    bool is_tagged = true;

    if (PASS(line, "null"))
        return true;
    if (!PASS(line, "{\"frame\":") || !read_number(line, INT64_MAX, &exchange->result.number) ||
        !PASS(line, ",\"status\":") || !read_status(line, &exchange->status) ||
        !PASS(line, ",\"text\":") || !read_nullable(line, &exchange->text) ||
        (PASS(line, ",\"tagged\":") && !read_bool(line, &is_tagged)))
        return false;
    exchange->is_untagged = !is_tagged;
    return PASS(line, "}");
}

/* Seconds, as imapid_spell_seconds() writes them, or null. */
static bool skip_rtt(struct line *line)
{
    const uint8_t *start;
    uint64_t number;

    if (PASS(line, "null"))
        return true;
    (void)PASS(line, "-");
    if (!read_number(line, INT64_MAX, &number) || !PASS(line, "."))
        return false;
    start = line->at;
    while (line->at < line->end && *line->at >= '0' && *line->at <= '9')
        line->at++;
    return line->at > start;
}

/* Most are another one from the first octet on. */
static bool is_code(const struct imapid_record_string *text, enum imapid_finding_code code)
{
    const char *word = imapid_finding_code(code);

    return text->n && text->octets[0] == (uint8_t)*word && imapid_member_is_word(text, word);
}

static bool read_finding(struct line *line, struct imapid_record_finding *finding)
{
    struct imapid_record_string code, side;
    int i = 0;

    if (!PASS(line, "{\"code\":") || !read_string(line, &code) || !PASS(line, ",\"severity\":") ||
        !skip_string(line) || !PASS(line, ",\"side\":") || !read_string(line, &side) ||
        !PASS(line, ",\"section\":") || !skip_string(line) || !PASS(line, ",\"field\":") ||
        !read_nullable(line, &finding->field) || !PASS(line, ",\"message\":") ||
        !skip_string(line) || !PASS(line, "}"))
        return false;
    while (i < IMAPID_N_FINDINGS && !is_code(&code, (enum imapid_finding_code)i))
        i++;
    finding->code = (enum imapid_finding_code)i;
    finding->side = imapid_member_is_word(&side, "server") ? IMAPID_SERVER : IMAPID_CLIENT;
    finding->lack = IMAPID_LACK_NOTHING;
    return i < IMAPID_N_FINDINGS && finding->code != IMAPID_FINDING_REQUIRED_BY_SERVER;
}

static bool read_findings(struct line *line, struct imapid_record_exchange *exchange)
{
    struct imapid_record_finding findings[FINDINGS_MAX];
    unsigned n = 0;

    if (!PASS(line, "["))
        return false;
    while (!PASS(line, "]")) {
        if (n == FINDINGS_MAX || (n && !PASS(line, ",")) || !read_finding(line, &findings[n]))
            return false;
        n++;
    }
    exchange->n_findings = n;
    exchange->findings = imapid_arena_take(line->arena, n * sizeof *findings);
    memcpy(exchange->findings, findings, n * sizeof *findings);
    return true;
}

/* ---- exchanges ---- */

static bool read_security(struct line *line, enum imapid_security *security)
{
    struct imapid_record_string word;

    if (!read_string(line, &word))
        return false;
    for (*security = 0; *security <= IMAPID_SECURITY_TLS; ++*security)
        if (imapid_member_is_word(&word, imapid_record_security(*security)))
            return true;
    return false;
}

static bool read_state(struct line *line, enum imapid_state *state)
{
    struct imapid_record_string word;

    if (!read_string(line, &word))
        return false;
    for (*state = 0; *state <= IMAPID_STATE_AUTHENTICATED; ++*state)
        if (imapid_member_is_word(&word, imapid_record_state(*state)))
            return true;
    return false;
}

/* Where no response came, the time of the result has to be made of others: that is not done here. */
static bool read_said(struct line *line, struct imapid_record_exchange *exchange)
{
    struct imapid_record_string tag;
    int64_t ts_ns;

    if (!PASS(line, ",\"tag\":") || !read_nullable(line, &tag) || !PASS(line, ",\"time\":") ||
        !read_time(line, &ts_ns) || !PASS(line, ",\"command\":") ||
        !read_half(line, &exchange->command) || !PASS(line, ",\"response\":") ||
        !read_half(line, &exchange->response) || !exchange->response.seen ||
        !PASS(line, ",\"result\":") || !read_result(line, exchange))
        return false;
    exchange->tag = tag.is_nil ? NULL : copy_text(line, &tag);
    if (exchange->status != IMAPID_STATUS_NONE)
        exchange->result.ts_ns = imapid_record_when(exchange).ts_ns;
    return true;
}

static bool read_exchange(struct line *line, struct imapid_record_exchange *exchange)
{
    return PASS(line, "{\"type\":\"exchange\",\"schema\":1") && read_conn(line, &exchange->conn) &&
           read_said(line, exchange) && PASS(line, ",\"rtt\":") && skip_rtt(line) &&
           PASS(line, ",\"security\":") && read_security(line, &exchange->security) &&
           PASS(line, ",\"compressed\":") && read_bool(line, &exchange->compressed) &&
           PASS(line, ",\"state\":") && read_state(line, &exchange->state) &&
           PASS(line, ",\"complete\":") && read_bool(line, &exchange->complete) &&
           PASS(line, ",\"findings\":") && read_findings(line, exchange) && PASS(line, "}") &&
           line->at == line->end;
}

const struct imapid_record_exchange *imapid_read_plain(struct imapid_arena *arena,
                                                       const uint8_t *octets, size_t n)
{
    struct line line = {octets, octets + n, arena};
    struct imapid_record_exchange *exchange = imapid_arena_take_zeroed(arena, sizeof *exchange);

    exchange->text.is_nil = true;
    return read_exchange(&line, exchange) && imapid_json_is_utf8(octets, n) ? exchange : NULL;
}
