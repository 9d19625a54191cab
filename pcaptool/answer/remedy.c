/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remedy.c: what was seen of a finding, what would be right, and what is to do.
 *
 * The right line is made of the pairs that were read. It is given only if the rules find nothing in it
 * and every letter and digit that was sent is in it, so nobody is told to send what was not meant.
 *
 * Refuses lists with literals, control characters and octets over 127: what is right for them is said in words.
 *
 * Misuse: octets of a remedy on a terminal as they are. They are a stranger's. */
#include "answer/remedy.h"

#include <string.h>

/* ---- what is to do ---- */

enum who { VENDOR, OPERATOR, USER };

static const struct {
    enum who who;
    const char *what;
} todos[IMAPID_N_FINDINGS] = {
    [IMAPID_FINDING_FIELD_TOO_LONG] = {VENDOR, "shorten the name of the field to 30 octets."},
    [IMAPID_FINDING_VALUE_TOO_LONG] = {VENDOR, "shorten the value to 1,024 octets."},
    [IMAPID_FINDING_TOO_MANY_PAIRS] = {VENDOR, "send at most 30 fields."},
    [IMAPID_FINDING_DUPLICATE_FIELD] = {VENDOR, "send each field once; case makes no difference."},
    [IMAPID_FINDING_MISSING_VALUE] = {VENDOR, "write NIL for a value that is not known."},
    [IMAPID_FINDING_NIL_FIELD] = {VENDOR,
                                  "name the field, or leave it out; only a value may be NIL."},
    [IMAPID_FINDING_NOT_A_STRING] = {VENDOR,
                                     "put fields and values in quotes, with no comma between."},
    [IMAPID_FINDING_UNBALANCED_LIST] =
        {VENDOR, "begin the list with one \"(\", and end it with one \")\"."},
    [IMAPID_FINDING_MISSING_ARGUMENTS] = {VENDOR, "send a list, or NIL to say nothing."},
    [IMAPID_FINDING_TRAILING_DATA] = {VENDOR, "end the line behind the list."},
    [IMAPID_FINDING_BAD_STRING] =
        {VENDOR, "in quotes put a backslash before each \" and \\, and before nothing "
                 "else; send what has CR or LF as a literal."},
    [IMAPID_FINDING_NOT_ASCII] = {VENDOR,
                                  "send it as a literal, or in ASCII; UTF-8 in quotes only after "
                                  "ENABLE UTF8=ACCEPT."},
    [IMAPID_FINDING_BAD_SPACING] =
        {VENDOR, "put one space between two words, and none beside parentheses."},
    [IMAPID_FINDING_BARE_NEWLINE] = {VENDOR, "end lines in CR LF."},
    [IMAPID_FINDING_BAD_DATE] = {VENDOR, "write the date as \"17-Jul-2026 02:44:25 -0700\"."},
    [IMAPID_FINDING_BAD_URL] = {VENDOR, "write the whole URL, as \"https://example.org/\"."},
    [IMAPID_FINDING_NOT_ADVERTISED] =
        {VENDOR, "send ID only where CAPABILITY lists it; it changes with STARTTLS and "
                 "the login."},
    [IMAPID_FINDING_UNSOLICITED_RESPONSE] = {VENDOR, "send an ID in answer to the command alone."},
    [IMAPID_FINDING_EXTRA_RESPONSE] = {VENDOR, "answer each ID command with one untagged ID."},
    [IMAPID_FINDING_NO_RESPONSE] = {VENDOR, "answer with * ID NIL where there is nothing to say."},
    [IMAPID_FINDING_REFUSED] = {OPERATOR,
                                "nothing in the command has to be refused: see why it is."},
    [IMAPID_FINDING_REJECTED] =
        {OPERATOR, "see whether the command is valid; if it is, the server does not know ID "
                   "in this state."},
    [IMAPID_FINDING_REQUIRED_BY_SERVER] = {OPERATOR,
                                           "drop the rule. Or switch ID on in the client."},
    [IMAPID_FINDING_CLEARTEXT] = {USER, "switch TLS on."},
    [IMAPID_FINDING_OBSOLETE_TLS] = {OPERATOR, "allow TLS 1.2 and newer alone."},
    [IMAPID_FINDING_UNIQUE_IDENTIFIER] = {VENDOR, "send nothing that is of one device or person."},
    [IMAPID_FINDING_DISCLOSES_ENVIRONMENT] =
        {VENDOR, "do not send the fields command, arguments and environment."},
    [IMAPID_FINDING_FORWARDED_ADDRESS] =
        {OPERATOR, "if nobody needs the client's address behind the proxy, do not "
                   "pass it on."},
    [IMAPID_FINDING_CHANGED_IN_TRANSIT] = {OPERATOR,
                                           "see whether the proxy is meant to change the list."},
    [IMAPID_FINDING_CLEARTEXT_PASSWORD] =
        {USER, "switch TLS on, and change the password; let the server send "
               "LOGINDISABLED without TLS."},
    [IMAPID_FINDING_BEHIND_STARTTLS] =
        {VENDOR, "send nothing behind STARTTLS before TLS is there, and forget what came before; "
                 "if you did not send this, look for who is in between."},
};

static const char *const reasons[IMAPID_N_FINDINGS] = {
    [IMAPID_FINDING_FIELD_TOO_LONG] = "A server may have room for 30 octets, and answer BAD.",
    [IMAPID_FINDING_VALUE_TOO_LONG] = "A server may have room for 1,024 octets, and answer BAD.",
    [IMAPID_FINDING_TOO_MANY_PAIRS] = "A server may read 30 fields, and answer BAD.",
    [IMAPID_FINDING_DUPLICATE_FIELD] =
        "One server takes the first value, another the last: they see different clients.",
    [IMAPID_FINDING_MISSING_VALUE] =
        "The list is field, value, field, value. A server that reads strictly answers BAD, and a "
        "careless one takes the next field for the value.",
    [IMAPID_FINDING_NIL_FIELD] = "A value without a name cannot be used.",
    [IMAPID_FINDING_NOT_A_STRING] = "Only quoted strings and literals may stand there; a server "
                                    "that reads strictly answers BAD.",
    [IMAPID_FINDING_UNBALANCED_LIST] = "Where the list ends is a guess.",
    [IMAPID_FINDING_MISSING_ARGUMENTS] = "The command has no meaning without one of both.",
    [IMAPID_FINDING_TRAILING_DATA] = "A server may take what follows for another command.",
    [IMAPID_FINDING_BAD_STRING] = "Where the string ends is a guess.",
    [IMAPID_FINDING_NOT_ASCII] = "A server that reads strictly answers BAD, and others do not know "
                                 "which characters are meant.",
    [IMAPID_FINDING_BAD_SPACING] = "A server that reads strictly answers BAD.",
    [IMAPID_FINDING_BARE_NEWLINE] = "Two programs that disagree about where a line ends can be "
                                    "made to read different commands.",
    [IMAPID_FINDING_BAD_DATE] = "Nobody can read a date in a form of one's own.",
    [IMAPID_FINDING_BAD_URL] = "A person who needs support cannot follow it.",
    [IMAPID_FINDING_NOT_ADVERTISED] = "A server that does not know ID answers BAD, and some close "
                                      "the connection.",
    [IMAPID_FINDING_UNSOLICITED_RESPONSE] =
        "A client may take it for the answer to another command.",
    [IMAPID_FINDING_EXTRA_RESPONSE] = "A client that takes one of them takes any of them.",
    [IMAPID_FINDING_NO_RESPONSE] = "A client may wait for it.",
    [IMAPID_FINDING_REFUSED] = "The client stays unknown to the server.",
    [IMAPID_FINDING_REJECTED] = "The client stays unknown to the server.",
    [IMAPID_FINDING_REQUIRED_BY_SERVER] =
        "RFC 2971 says that a server must not refuse service for want of an ID.",
    [IMAPID_FINDING_CLEARTEXT] = "Whoever is on the way knows which programs to attack.",
    [IMAPID_FINDING_OBSOLETE_TLS] = "Its ciphers can be broken.",
    [IMAPID_FINDING_UNIQUE_IDENTIFIER] = "It follows one device or person from network to network.",
    [IMAPID_FINDING_DISCLOSES_ENVIRONMENT] =
        "It tells more of a machine than which program it runs, often before the login.",
    [IMAPID_FINDING_FORWARDED_ADDRESS] = "It tells the server behind where its user is.",
    [IMAPID_FINDING_CHANGED_IN_TRANSIT] = "The server sees another client than there is.",
    [IMAPID_FINDING_CLEARTEXT_PASSWORD] = "Whoever is on the way can read it, and log in.",
    [IMAPID_FINDING_BEHIND_STARTTLS] =
        "A server that keeps those octets takes them for what came encrypted (CVE-2011-0411).",
};

const char *imapid_remedy_why(enum imapid_finding_code code)
{
    return reasons[code];
}

/* A server's operator can switch off what its program says of itself. */
static enum who who_acts(enum imapid_finding_code code, enum imapid_side side)
{
    if (side == IMAPID_SERVER &&
        (code == IMAPID_FINDING_UNIQUE_IDENTIFIER || code == IMAPID_FINDING_DISCLOSES_ENVIRONMENT))
        return OPERATOR;
    return todos[code].who;
}

void imapid_remedy_spell(GString *out, enum imapid_finding_code code, enum imapid_side side)
{
    enum who who = who_acts(code, side);

    g_string_append_printf(out, "For %s: %s",
                           who == OPERATOR         ? "the server's operator"
                           : who == USER           ? "whoever set the client up"
                           : side == IMAPID_CLIENT ? "the client's vendor"
                                                   : "the server's vendor",
                           todos[code].what);
}

/* ---- lists ---- */

static bool is_plain(const struct imapid_record_string *string)
{
    for (size_t i = 0; i < string->n; i++)
        if (string->octets[i] < 0x20 || string->octets[i] > 0x7e)
            return false;
    return true;
}

static void add_string(GString *out, const struct imapid_record_string *string)
{
    if (string->is_nil) {
        g_string_append(out, "NIL");
        return;
    }
    g_string_append_c(out, '"');
    for (size_t i = 0; i < string->n; i++) {
        if (string->octets[i] == '"' || string->octets[i] == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, (char)string->octets[i]);
    }
    g_string_append_c(out, '"');
}

static bool is_same(const struct imapid_record_string *a, const struct imapid_record_string *b)
{
    return a->n == b->n &&
           !g_ascii_strncasecmp((const char *)a->octets, (const char *)b->octets, a->n);
}

static bool came_before(const struct imapid_record_half *half, unsigned i)
{
    for (unsigned k = 0; k < i; k++)
        if (!half->pairs[k].field.is_nil && is_same(&half->pairs[k].field, &half->pairs[i].field))
            return true;
    return false;
}

static void add_head(GString *out, const struct imapid_item *item)
{
    const char *tag = item->exchange->tag;

    g_string_append_printf(out, "%s ID", item->side == IMAPID_SERVER ? "*" : tag ? tag : "a1");
}

/* The list as it was read; the value that the item is about is marked. */
static void add_list(struct imapid_remedy *remedy, const struct imapid_item *item,
                     const struct imapid_record_half *half)
{
    GString *out = remedy->seen;

    add_head(out, item);
    g_string_append(out, half->n_pairs ? " (" : half->has_list ? " ()" : " NIL");
    for (unsigned i = 0; i < half->n_pairs; i++) {
        gsize start;

        g_string_append(out, i ? " " : "");
        start = out->len;
        add_string(out, &half->pairs[i].field);
        if (!item->value)
            start = out->len; /* the field is there, and no value of it is meant */
        g_string_append_c(out, ' ');
        add_string(out, &half->pairs[i].value);
        if (&half->pairs[i].value == item->value) {
            remedy->mark = start;
            remedy->n_mark = out->len - start;
        }
    }
    g_string_append(out, half->n_pairs ? ")" : "");
}

/* Is every letter and digit of `seen` in `right`, in order? */
static bool holds_all(const GString *right, const GString *seen)
{
    gsize at = 0;

    for (gsize i = 0; i < seen->len; i++) {
        if (!g_ascii_isalnum(seen->str[i]))
            continue;
        while (at < right->len && right->str[at] != seen->str[i])
            at++;
        if (at++ == right->len)
            return false;
    }
    return true;
}

static bool has_form(const GString *line, enum imapid_side side)
{
    struct imapid_findings findings;
    struct imapid_unit unit;

    imapid_unit_read(&unit, side, (const uint8_t *)line->str, line->len);
    imapid_findings_clear(&findings);
    imapid_findings_add_unit(&findings, side, &unit);
    for (unsigned i = 0; i < findings.n; i++)
        if (imapid_finding_is_form(findings.list[i].code) ||
            findings.list[i].code == IMAPID_FINDING_DUPLICATE_FIELD)
            return false;
    return imapid_unit_is_id(&unit) && !findings.n_left_out;
}

/* Finds what of a list is the fault where the rest of it need not be in the line that is right. */
static bool drops(enum imapid_finding_code code)
{
    return code == IMAPID_FINDING_DUPLICATE_FIELD || code == IMAPID_FINDING_NIL_FIELD ||
           code == IMAPID_FINDING_TRAILING_DATA;
}

static void add_right(struct imapid_remedy *remedy, const struct imapid_item *item,
                      const struct imapid_record_half *half)
{
    GString *out = remedy->right;
    unsigned n = 0;

    if (!imapid_finding_is_form(item->code) && item->code != IMAPID_FINDING_DUPLICATE_FIELD)
        return;
    add_head(out, item);
    for (unsigned i = 0; i < half->n_pairs; i++) {
        const struct imapid_record_pair *pair = &half->pairs[i];

        if (!is_plain(&pair->field) || !is_plain(&pair->value)) {
            g_string_truncate(out, 0);
            return;
        }
        if (pair->field.is_nil || came_before(half, i))
            continue;
        g_string_append(out, n++ ? " " : " (");
        add_string(out, &pair->field);
        g_string_append_c(out, ' ');
        add_string(out, &pair->value);
    }
    /* Without a parenthesis or a pair nobody knows what was meant, but that it was nothing. */
    if (item->code == IMAPID_FINDING_MISSING_ARGUMENTS)
        g_string_append(out, n ? ")" : " NIL");
    else
        g_string_append(out, n && strchr(remedy->seen->str, '(') ? ")" : "");
    if (!has_form(out, item->side) || g_string_equal(out, remedy->seen) ||
        (!drops(item->code) && !holds_all(out, remedy->seen)))
        g_string_truncate(out, 0);
}

/* Marks in what was seen where it begins to differ from what is right, up to where it ends to. */
static void mark_difference(struct imapid_remedy *remedy)
{
    const GString *seen = remedy->seen, *right = remedy->right;
    gsize first = 0, n_end = 0;

    while (first < seen->len && first < right->len && seen->str[first] == right->str[first])
        first++;
    while (n_end < seen->len - first && n_end < right->len - first &&
           seen->str[seen->len - 1 - n_end] == right->str[right->len - 1 - n_end])
        n_end++;
    remedy->mark = first;
    remedy->n_mark = seen->len - n_end - first;
    if (remedy->n_mark)
        return;
    while (remedy->mark && !strchr(" (", seen->str[remedy->mark - 1]))
        remedy->mark--; /* something is missing behind this word */
    remedy->n_mark = first - remedy->mark;
}

/* Marks the name of the field that it is about, where nothing better is known. */
static void mark_field(struct imapid_remedy *remedy, const struct imapid_record_string *field)
{
    const GString *seen = remedy->seen;

    for (gsize i = 0; field->n && i + field->n <= seen->len; i++)
        if (!g_ascii_strncasecmp(seen->str + i, (const char *)field->octets, field->n)) {
            remedy->mark = i;
            remedy->n_mark = field->n;
            return;
        }
}

static void find_list(struct imapid_remedy *remedy, const struct imapid_item *item,
                      const struct imapid_record_half *half)
{
    if (half->is_malformed && half->raw && imapid_finding_is_form(item->code))
        g_string_append_len(remedy->seen, (const char *)half->raw, (gssize)half->n_raw);
    else
        add_list(remedy, item, half);
    add_right(remedy, item, half);
    if (remedy->right->len && !remedy->n_mark)
        mark_difference(remedy);
    if (item->field && !remedy->n_mark)
        mark_field(remedy, item->field);
}

/* ---- what else may be seen ---- */

static void find_result(GString *out, const struct imapid_record_exchange *exchange)
{
    g_string_append_printf(out, "%s %s",
                           exchange->is_untagged || !exchange->tag ? "*" : exchange->tag,
                           imapid_record_status(exchange->status));
    if (exchange->text.is_nil || !exchange->text.n)
        return;
    g_string_append_c(out, ' ');
    g_string_append_len(out, (const char *)exchange->text.octets, (gssize)exchange->text.n);
}

/* The refusal that asked for an ID, where it is the one that is told of the connection. */
static void find_refusal(GString *out, const struct imapid_record_outcome *outcome)
{
    struct imapid_unit unit;
    GString *line;

    if (!outcome->status || outcome->text.is_nil)
        return;
    line = g_string_new(NULL);
    g_string_append_printf(line, "* %s ", outcome->status);
    g_string_append_len(line, (const char *)outcome->text.octets, (gssize)outcome->text.n);
    imapid_unit_read(&unit, IMAPID_SERVER, (const uint8_t *)line->str, line->len);
    if (imapid_session_speaks_of_missing_id(&unit))
        g_string_append(out, line->str + strlen("* "));
    g_string_free(line, TRUE);
}

static void find_of_session(GString *out, const struct imapid_item *item)
{
    const struct imapid_record_session *session = &item->conn->session;

    if (item->code == IMAPID_FINDING_CLEARTEXT_PASSWORD) {
        for (unsigned i = 0; i < session->n_auths; i++) {
            const struct imapid_auth *auth = &session->auths[i];

            if (auth->cleartext_password)
                g_string_append_printf(out, "%s%s", out->len ? ", " : "", auth->mechanism);
        }
        g_string_append(out, out->len ? " with a password" : "");
    } else if (item->code == IMAPID_FINDING_OBSOLETE_TLS && session->tls.version) {
        g_string_append(out, session->tls.version);
    } else if (item->code == IMAPID_FINDING_REQUIRED_BY_SERVER) {
        find_refusal(out, &session->outcome);
    }
}

static bool is_about_result(enum imapid_finding_code code)
{
    return code == IMAPID_FINDING_REFUSED || code == IMAPID_FINDING_REJECTED ||
           code == IMAPID_FINDING_NO_RESPONSE;
}

void imapid_remedy_find(struct imapid_remedy *remedy, const struct imapid_item *item)
{
    const struct imapid_record_half *half;

    *remedy = (struct imapid_remedy){.seen = g_string_new(NULL), .right = g_string_new(NULL)};
    if (!item->exchange) {
        find_of_session(remedy->seen, item);
        return;
    }
    half = item->side == IMAPID_CLIENT ? &item->exchange->command : &item->exchange->response;
    if (item->code == IMAPID_FINDING_CHANGED_IN_TRANSIT) {
        g_string_append_len(remedy->seen, (const char *)item->text, (gssize)item->n_text);
    } else if (is_about_result(item->code)) {
        if (item->exchange->status != IMAPID_STATUS_NONE)
            find_result(remedy->seen, item->exchange);
    } else if (half->seen) {
        find_list(remedy, item, half);
    }
}

void imapid_remedy_deinit(struct imapid_remedy *remedy)
{
    g_string_free(remedy->seen, TRUE);
    g_string_free(remedy->right, TRUE);
}
