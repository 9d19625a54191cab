/* SPDX-License-Identifier: GPL-2.0-or-later */
/* findings.c: the pure checks behind findings.def. They look at one list or at one exchange; what
 * needs several sessions side by side (changed-in-transit) is not theirs.
 *
 * Refuses: a finding too many (IMAPID_FINDINGS_MAX), and any about what the capture lost. Misuse: a
 * unit whose octets are no longer those that were read. */
#include <imapid/end.h>
#include <imapid/fields.h>
#include <imapid/findings.h>

#include <string.h>

static const struct {
    const char *code, *section, *message;
    enum imapid_severity severity;
} table[IMAPID_N_FINDINGS] = {
#define IMAPID_FINDING(symbol, code, severity, section, message)                                   \
    {code, section, message, IMAPID_SEVERITY_##severity},
#include <imapid/findings.def>
#undef IMAPID_FINDING
};

const char *imapid_finding_code(enum imapid_finding_code code)
{
    return table[code].code;
}

const char *imapid_finding_section(enum imapid_finding_code code)
{
    return table[code].section;
}

const char *imapid_finding_message(enum imapid_finding_code code)
{
    return table[code].message;
}

const char *imapid_finding_required(enum imapid_lack lack)
{
    static const char *const messages[IMAPID_N_LACKS] = {
        [IMAPID_LACK_ID] = "the server refused service and asked for an ID: none was sent",
        [IMAPID_LACK_NAME] = "the server refused service and asked for an ID: the one sent was NIL",
        [IMAPID_LACK_LOGIN] = "the server refused service and asked for an ID: the one "
                              "sent came before the login",
        [IMAPID_LACK_APPROVAL] =
            "the server refused service and asked for an ID: the one sent was rejected",
    };

    return lack < IMAPID_N_LACKS && messages[lack]
               ? messages[lack]
               : imapid_finding_message(IMAPID_FINDING_REQUIRED_BY_SERVER);
}

enum imapid_severity imapid_finding_severity(enum imapid_finding_code code)
{
    return table[code].severity;
}

const char *imapid_severity_name(enum imapid_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};

    return names[severity];
}

bool imapid_finding_is_form(enum imapid_finding_code code)
{
    return code >= IMAPID_FINDING_MISSING_VALUE && code <= IMAPID_FINDING_BARE_NEWLINE;
}

void imapid_findings_clear(struct imapid_findings *findings)
{
    findings->n = findings->n_left_out = 0;
}

/* ---- collecting ---- */

/* One list being judged. */
struct judge {
    struct imapid_findings *findings;
    enum imapid_side side;
    const struct imapid_unit *unit;
    struct imapid_list list;
    bool discloses, forwards; /* said once a list */
};

static void add(struct imapid_findings *findings, struct imapid_finding finding)
{
    if (findings->n < IMAPID_FINDINGS_MAX)
        findings->list[findings->n++] = finding;
    else
        findings->n_left_out++;
}

static void add_place(struct judge *judge, enum imapid_finding_code code, struct imapid_slice place)
{
    add(judge->findings,
        (struct imapid_finding){.code = code, .side = judge->side, .place = place});
}

static void add_pair(struct judge *judge, enum imapid_finding_code code,
                     const struct imapid_pair *pair, struct imapid_slice place)
{
    struct imapid_finding finding = {
        .code = code, .side = judge->side, .place = place, .pair = judge->list.n_pairs};

    if (pair->field.kind != IMAPID_STRING_NIL)
        finding.field = pair->field.content;
    add(judge->findings, finding);
}

/* ---- values ---- */

/* A decoded value, as much of it as any check looks at. */
struct value {
    size_t n;
    uint8_t octets[IMAPID_VALUE_MAX];
};

static void decode(const uint8_t *data, const struct imapid_string *string, struct value *value)
{
    value->n = imapid_string_decode(data, string, value->octets, sizeof value->octets);
    if (value->n > sizeof value->octets)
        value->n = sizeof value->octets;
}

static bool has_digits(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_digit(octets[i]))
            return false;
    return true;
}

static bool is_month(const uint8_t *octets)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (size_t i = 0; i < 12; i++)
        if (imapid_octets_same(octets, 3, (const uint8_t *)months + 3 * i, 3))
            return true;
    return false;
}

/* date-time of RFC 9051 section 9, without its quotes: "17-Jul-1996 02:44:25 -0700". */
static bool is_date_time(const uint8_t *octets, size_t n)
{
    return n == 26 && (octets[0] == ' ' || imapid_is_digit(octets[0])) &&
           imapid_is_digit(octets[1]) && octets[2] == '-' && is_month(octets + 3) &&
           octets[6] == '-' && has_digits(octets + 7, 4) && octets[11] == ' ' &&
           has_digits(octets + 12, 2) && octets[14] == ':' && has_digits(octets + 15, 2) &&
           octets[17] == ':' && has_digits(octets + 18, 2) && octets[20] == ' ' &&
           (octets[21] == '+' || octets[21] == '-') && has_digits(octets + 22, 4);
}

/* scheme ":" something (RFC 3986 3.1). A host and port ("www.example.org:80") is no scheme: those
 * with a dot in their name are followed by an authority. */
static bool has_scheme(const uint8_t *octets, size_t n)
{
    const uint8_t *colon = memchr(octets, ':', n);
    size_t n_scheme = colon ? (size_t)(colon - octets) : 0;

    if (!n_scheme || n_scheme + 1 == n || !imapid_is_alpha(octets[0]))
        return false;
    for (size_t i = 0; i < n_scheme; i++) {
        if (octets[i] == '.' && octets[n_scheme + 1] != '/')
            return false;
        if (!imapid_is_alpha(octets[i]) && !imapid_is_digit(octets[i]) && octets[i] != '+' &&
            octets[i] != '-' && octets[i] != '.')
            return false;
    }
    return true;
}

static bool is_hex(uint8_t c)
{
    return imapid_is_digit(c) || (imapid_upper(c) >= 'A' && imapid_upper(c) <= 'F');
}

static bool is_word_char(uint8_t c)
{
    return imapid_is_alpha(c) || imapid_is_digit(c);
}

/* Does `pattern` (h: a hexadecimal digit, -: itself, m: ":" or "-") stand at `at`, by itself? Its
 * length fits. */
static bool stands_at(const uint8_t *octets, size_t n, size_t at, const char *pattern,
                      size_t n_pattern)
{
    if (at && (is_word_char(octets[at - 1]) || octets[at - 1] == ':' || octets[at - 1] == '-'))
        return false;
    for (size_t i = 0; i < n_pattern; i++) {
        uint8_t c = octets[at + i];

        if (pattern[i] == 'h' ? !is_hex(c) : pattern[i] == 'm' ? c != ':' && c != '-' : c != '-')
            return false;
    }
    at += n_pattern;
    return at == n || !(is_word_char(octets[at]) || octets[at] == ':' || octets[at] == '-');
}

static bool has_pattern(const uint8_t *octets, size_t n, const char *pattern)
{
    size_t n_pattern = strlen(pattern);

    for (size_t at = 0; at + n_pattern <= n; at++)
        if (stands_at(octets, n, at, pattern, n_pattern))
            return true;
    return false;
}

static bool is_local_char(uint8_t c)
{
    return is_word_char(c) || c == '.' || c == '_' || c == '-' || c == '+';
}

/* local@domain.tld anywhere in the octets. */
static bool has_mail_address(const uint8_t *octets, size_t n)
{
    for (size_t at = 1; at + 1 < n; at++) {
        size_t end = at + 1, dot = 0;

        if (octets[at] != '@' || !is_local_char(octets[at - 1]) || !is_word_char(octets[at + 1]))
            continue;
        for (; end < n && (is_word_char(octets[end]) || octets[end] == '-' || octets[end] == '.');
             end++)
            if (octets[end] == '.')
                dot = end;
        if (dot && dot + 2 < end && imapid_is_alpha(octets[dot + 1]))
            return true;
    }
    return false;
}

static bool is_zero(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_word_char(octets[i]) && octets[i] != '0')
            return false;
    return true;
}

/* A UUID (RFC 9562), a MAC address, an e-mail address; a serial number, token or device identifier
 * by the name of its field. The vendor's own addresses identify no user. */
static bool identifies(enum imapid_field field, const uint8_t *name, size_t n_name,
                       const struct value *value)
{
    const uint8_t *octets = value->octets;
    size_t n = value->n, at;

    if (is_zero(octets, n))
        return false;
    if (has_pattern(octets, n, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") ||
        has_pattern(octets, n, "hhmhhmhhmhhmhhmhh"))
        return true;
    if (field != IMAPID_FIELD_ADDRESS && !imapid_field_is_vendors(name, n_name) &&
        has_mail_address(octets, n))
        return true;
    return field == IMAPID_FIELD_OTHER && n >= 6 && imapid_field_find_device(name, n_name, &at);
}

/* An IP address tells of the client a proxy or web mail speaks for, in whatever field. */
static bool forwards_address(const uint8_t *name, size_t n_name, const struct value *value)
{
    struct imapid_end end;

    return value->n && (imapid_field_forwards_address(name, n_name) ||
                        (!imapid_field_holds_version(name, n_name) &&
                         imapid_end_read_address(&end, value->octets, value->n)));
}

/* ---- pairs ---- */

/* Names of one list, to find one that is sent twice. Lists with more names than this have earned
 * too-many-pairs long before; the rest of them is not compared. */
#define NAMES_MAX 256

/* Names of one hash that are compared with another. As many are no accident: a list that was made
 * for it would have each of its pairs compared with all the others. */
#define SAME_HASH_MAX 16

/* `first` and `next` are numbers in the list and 1 more; 0: none. */
struct names {
    unsigned n;
    struct imapid_string list[NAMES_MAX];
    uint16_t first[NAMES_MAX]; /* by hash: the name added last */
    uint16_t next[NAMES_MAX];  /* of each name: the one added before it, of the same hash */
};

static bool same_name(const uint8_t *data, const struct imapid_string *a,
                      const struct imapid_string *b)
{
    uint8_t octets_a[IMAPID_FIELD_MAX * 2], octets_b[IMAPID_FIELD_MAX * 2];
    size_t n_a, n_b;

    if (!a->has_escapes && !b->has_escapes)
        return imapid_octets_same(data + a->content.offset, a->content.n, data + b->content.offset,
                                  b->content.n);
    n_a = imapid_string_decode(data, a, octets_a, sizeof octets_a);
    n_b = imapid_string_decode(data, b, octets_b, sizeof octets_b);
    return n_a <= sizeof octets_a && n_b <= sizeof octets_b &&
           imapid_octets_same(octets_a, n_a, octets_b, n_b);
}

/* FNV-1a of what same_name() compares. */
static unsigned hash_name(const uint8_t *data, const struct imapid_string *name)
{
    uint8_t decoded[IMAPID_FIELD_MAX * 2];
    const uint8_t *octets = data + name->content.offset;
    size_t n = name->content.n;
    uint32_t hash = 0x811c9dc5;

    if (name->has_escapes) {
        n = imapid_string_decode(data, name, decoded, sizeof decoded);
        n = n < sizeof decoded ? n : sizeof decoded;
        octets = decoded;
    }
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ imapid_upper(octets[i])) * 0x01000193;
    return (hash ^ hash >> 16) % NAMES_MAX;
}

static bool is_sent_before(struct names *names, const uint8_t *data,
                           const struct imapid_string *name)
{
    unsigned hash = hash_name(data, name), n = 0;

    for (unsigned i = names->first[hash]; i && n < SAME_HASH_MAX; i = names->next[i - 1], n++)
        if (same_name(data, &names->list[i - 1], name))
            return true;
    if (names->n < NAMES_MAX) {
        names->next[names->n] = names->first[hash];
        names->list[names->n++] = *name;
        names->first[hash] = (uint16_t)names->n;
    }
    return false;
}

static void judge_value(struct judge *judge, const struct imapid_pair *pair)
{
    const uint8_t *data = judge->unit->data;
    const uint8_t *name = data + pair->field.content.offset;
    size_t n_name = pair->field.content.n;
    enum imapid_field field = imapid_field_find(name, n_name);
    struct value value;

    decode(data, &pair->value, &value);
    if (imapid_string_decode(data, &pair->value, NULL, 0) > IMAPID_VALUE_MAX ||
        pair->value.n_announced > IMAPID_VALUE_MAX)
        add_pair(judge, IMAPID_FINDING_VALUE_TOO_LONG, pair, pair->value.token);
    if (pair->value.cut)
        return;
    if (field == IMAPID_FIELD_DATE && !is_date_time(value.octets, value.n))
        add_pair(judge, IMAPID_FINDING_BAD_DATE, pair, pair->value.token);
    if (field == IMAPID_FIELD_SUPPORT_URL && !has_scheme(value.octets, value.n))
        add_pair(judge, IMAPID_FINDING_BAD_URL, pair, pair->value.token);
    if (identifies(field, name, n_name, &value))
        add_pair(judge, IMAPID_FINDING_UNIQUE_IDENTIFIER, pair, pair->value.token);
    if (!judge->discloses && value.n &&
        (field == IMAPID_FIELD_COMMAND || field == IMAPID_FIELD_ARGUMENTS ||
         field == IMAPID_FIELD_ENVIRONMENT)) {
        judge->discloses = true;
        add_pair(judge, IMAPID_FINDING_DISCLOSES_ENVIRONMENT, pair, pair->value.token);
    }
    if (!judge->forwards && forwards_address(name, n_name, &value)) {
        judge->forwards = true;
        add_pair(judge, IMAPID_FINDING_FORWARDED_ADDRESS, pair, pair->value.token);
    }
}

/* Octets over 127 are right where UTF-8 is allowed and they are. */
static bool is_right_utf8(const struct imapid_unit *unit, struct imapid_slice place)
{
    return unit->allows_utf8 && imapid_octets_are_utf8(unit->data + place.offset, place.n);
}

/* The same of the quoted strings of a pair; literals may hold anything. */
static bool has_right_utf8(const struct imapid_unit *unit, const struct imapid_pair *pair)
{
    return (pair->field.kind != IMAPID_STRING_QUOTED || is_right_utf8(unit, pair->field.content)) &&
           (pair->value.kind != IMAPID_STRING_QUOTED || is_right_utf8(unit, pair->value.content));
}

static void judge_pair(struct judge *judge, const struct imapid_pair *pair, struct names *names)
{
    const uint8_t *data = judge->unit->data;

    if (judge->list.n_pairs == IMAPID_PAIRS_MAX + 1)
        add_pair(judge, IMAPID_FINDING_TOO_MANY_PAIRS, pair, pair->span);
    if (pair->faults & IMAPID_FAULT_NIL_FIELD)
        add_pair(judge, IMAPID_FINDING_NIL_FIELD, pair, pair->field.token);
    if (pair->faults & IMAPID_FAULT_MISSING_VALUE)
        add_pair(judge, IMAPID_FINDING_MISSING_VALUE, pair, pair->field.token);
    if (pair->faults & IMAPID_FAULT_NOT_A_STRING)
        add_pair(judge, IMAPID_FINDING_NOT_A_STRING, pair, pair->span);
    if (pair->faults & IMAPID_FAULT_BAD_STRING)
        add_pair(judge, IMAPID_FINDING_BAD_STRING, pair, pair->span);
    if (pair->faults & IMAPID_FAULT_NOT_ASCII && !has_right_utf8(judge->unit, pair))
        add_pair(judge, IMAPID_FINDING_NOT_ASCII, pair, pair->span);
    if (pair->field.kind != IMAPID_STRING_NIL) {
        if (imapid_string_decode(data, &pair->field, NULL, 0) > IMAPID_FIELD_MAX ||
            pair->field.n_announced > IMAPID_FIELD_MAX)
            add_pair(judge, IMAPID_FINDING_FIELD_TOO_LONG, pair, pair->field.token);
        if (is_sent_before(names, data, &pair->field))
            add_pair(judge, IMAPID_FINDING_DUPLICATE_FIELD, pair, pair->field.token);
    }
    if (pair->value.kind >= IMAPID_STRING_QUOTED)
        judge_value(judge, pair);
}

/* Faults of the list that no pair of it was given for. */
static void judge_form(struct judge *judge, unsigned pair_faults)
{
    static const struct {
        unsigned fault;
        enum imapid_finding_code code;
    } forms[] = {
        {IMAPID_FAULT_UNBALANCED, IMAPID_FINDING_UNBALANCED_LIST},
        {IMAPID_FAULT_MISSING_ARGUMENTS, IMAPID_FINDING_MISSING_ARGUMENTS},
        {IMAPID_FAULT_TRAILING_DATA, IMAPID_FINDING_TRAILING_DATA},
        {IMAPID_FAULT_SPACING, IMAPID_FINDING_BAD_SPACING},
        {IMAPID_FAULT_NIL_FIELD, IMAPID_FINDING_NIL_FIELD},
        {IMAPID_FAULT_NOT_A_STRING, IMAPID_FINDING_NOT_A_STRING},
        {IMAPID_FAULT_BAD_STRING, IMAPID_FINDING_BAD_STRING},
        {IMAPID_FAULT_NOT_ASCII, IMAPID_FINDING_NOT_ASCII},
    };
    unsigned faults = judge->list.faults & ~pair_faults;

    if (faults & IMAPID_FAULT_NOT_ASCII && is_right_utf8(judge->unit, judge->list.span))
        faults &= ~(unsigned)IMAPID_FAULT_NOT_ASCII;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (faults & forms[i].fault)
            add_place(judge, forms[i].code, judge->list.span);
}

/* Before the list: one space on either side of the tag or star, a name without quotes. */
static void judge_head(struct judge *judge)
{
    const struct imapid_unit *unit = judge->unit;
    bool quoted = unit->name.offset && unit->data[unit->name.offset - 1] == '"';
    size_t star = unit->kind == IMAPID_UNIT_UNTAGGED;
    size_t expected = (star ? 1 : unit->tag.n) + 1;

    if (quoted)
        add_place(judge, IMAPID_FINDING_BAD_STRING, unit->name);
    if (unit->name.offset - quoted != expected || unit->data[expected - 1] != ' ')
        judge->list.faults |= IMAPID_FAULT_SPACING;
    if (unit->bare_newline)
        add_place(judge, IMAPID_FINDING_BARE_NEWLINE, (struct imapid_slice){0, 0});
}

void imapid_findings_add_unit(struct imapid_findings *findings, enum imapid_side side,
                              const struct imapid_unit *unit)
{
    struct judge judge = {.findings = findings, .side = side, .unit = unit};
    struct names names;
    struct imapid_pair pair;
    unsigned pair_faults = 0;

    names.n = 0; /* not the list: it is large */
    memset(names.first, 0, sizeof names.first);
    imapid_list_begin(&judge.list, unit);
    judge_head(&judge);
    while (imapid_list_next(&judge.list, &pair)) {
        pair_faults |= pair.faults;
        judge_pair(&judge, &pair, &names);
    }
    judge_form(&judge, pair_faults);
}

/* ---- exchanges ---- */

static bool names_somebody(const struct imapid_unit *unit)
{
    return unit && imapid_list_get_sum(unit).has_value;
}

static void add_about(struct imapid_findings *findings, enum imapid_finding_code code,
                      enum imapid_side side)
{
    add(findings, (struct imapid_finding){.code = code, .side = side});
}

void imapid_findings_add_whole(struct imapid_findings *findings,
                               const struct imapid_exchange *exchange,
                               const struct imapid_unit *command,
                               const struct imapid_unit *response)
{
    if (command && exchange->advertised == IMAPID_NO)
        add_about(findings, IMAPID_FINDING_NOT_ADVERTISED, IMAPID_CLIENT);
    if (exchange->unsolicited)
        add_about(findings, IMAPID_FINDING_UNSOLICITED_RESPONSE, IMAPID_SERVER);
    if (exchange->has_extra)
        add_about(findings, IMAPID_FINDING_EXTRA_RESPONSE, IMAPID_SERVER);
    if (exchange->status == IMAPID_STATUS_OK && !exchange->n_responses && !exchange->lost)
        add_about(findings, IMAPID_FINDING_NO_RESPONSE, IMAPID_SERVER);
    if (exchange->status == IMAPID_STATUS_NO)
        add_about(findings, IMAPID_FINDING_REFUSED, IMAPID_SERVER);
    if (exchange->status == IMAPID_STATUS_BAD)
        add_about(findings, IMAPID_FINDING_REJECTED, IMAPID_SERVER);
    if (exchange->security == IMAPID_SECURITY_NONE) {
        if (names_somebody(command))
            add_about(findings, IMAPID_FINDING_CLEARTEXT, IMAPID_CLIENT);
        else if (names_somebody(response))
            add_about(findings, IMAPID_FINDING_CLEARTEXT, IMAPID_SERVER);
    }
}

void imapid_findings_add_exchange(struct imapid_findings *findings,
                                  const struct imapid_exchange *exchange,
                                  const struct imapid_unit *command,
                                  const struct imapid_unit *response)
{
    if (command)
        imapid_findings_add_unit(findings, IMAPID_CLIENT, command);
    if (response)
        imapid_findings_add_unit(findings, IMAPID_SERVER, response);
    imapid_findings_add_whole(findings, exchange, command, response);
}
