/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.c: a pull reader of ID lists. Patient by these rules, which never touch a valid list:
 *
 * - blanks and commas separate, however many; nested parentheses are looked through;
 * - an atom or number stands for the string it spells;
 * - a quote ends a string only where what follows can follow a string; otherwise it is one the
 *   sender forgot to escape (see quote_closes);
 * - a string that is never closed ends with the text, a last ")" closing the list.
 *
 * Time is linear: each octet is looked at by the token it is in and, behind a quote, once more up
 * to the next quote.
 *
 * Refuses nothing: what is wrong is a fault of the list, and reading goes on. Misuse: keeping a
 * slice longer than the unit. */
#include <imapid/list.h>

#include <string.h>

static bool is_separator(uint8_t c)
{
    return imapid_is_blank(c) || c == ',' || c == '\r' || c == '\n';
}

static bool ends_atom(uint8_t c)
{
    return is_separator(c) || c == '(' || c == ')' || c == '"';
}

/* ---- strings ---- */

/* Does "{n}", "{n+}" or "~{n}" and a line end stand at `at`? Then *behind is the offset of the
 * first octet of the literal. */
static bool reads_announcement(const struct imapid_list *list, size_t at, uint64_t *n,
                               size_t *behind)
{
    const uint8_t *data = list->data;
    size_t digits;

    if (at < list->end && data[at] == '~')
        at++;
    if (at == list->end || data[at] != '{')
        return false;
    digits = ++at;
    for (*n = 0; at < list->end && imapid_is_digit(data[at]); at++)
        *n = *n > UINT64_MAX / 2 / 10 ? UINT64_MAX / 2 : *n * 10 + (data[at] - (uint8_t)'0');
    if (at == digits || at - digits > IMAPID_DIGITS_MAX)
        return false;
    if (at < list->end && data[at] == '+')
        at++;
    if (at == list->end || data[at] != '}')
        return false;
    at++;
    if (at == list->end && list->open_end) { /* its line end was taken off with the text's */
        *behind = at;
        return true;
    }
    if (at < list->end && data[at] == '\r')
        at++;
    if (at < list->end && data[at] != '\n')
        return false;
    *behind = at < list->end ? at + 1 : at;
    return at < list->end || list->open_end;
}

/* Does the quote at `at` end the string it is in? In a valid list every such quote is followed by a
 * space or ")", and the next quote behind it opens a string: it stands behind a space or "(". A
 * quote inside a value ("My "best" client") fails one or the other. Where no quote follows, it is
 * the last chance. */
static bool quote_closes(const struct imapid_list *list, size_t at)
{
    const uint8_t *data = list->data;
    size_t next = at + 1, behind;
    uint64_t n;

    if (next == list->end)
        return true;
    for (; next < list->end && data[next] != '"'; next++)
        if ((data[next] == '{' || data[next] == '~') && reads_announcement(list, next, &n, &behind))
            return true;
    if (next == list->end)
        return true;
    if (next == at + 1) /* two quotes: the second opens a string, or ends one with a quote in it */
        return next + 1 < list->end && !is_separator(data[next + 1]) && data[next + 1] != ')';
    return (is_separator(data[at + 1]) || data[at + 1] == ')' || data[at + 1] == '(') &&
           (is_separator(data[next - 1]) || data[next - 1] == '(' || data[next - 1] == ')');
}

/* A quoted string whose end does not come: to the end of the text, less the list's ")". */
static void end_unterminated(struct imapid_list *list, struct imapid_string *string)
{
    size_t end = list->end;

    if (!list->open_end && end > string->content.offset && list->data[end - 1] == ')')
        end--;
    string->content.n = end - string->content.offset;
    string->token.n = end - string->token.offset;
    string->cut = list->open_end;
    list->at = end;
}

static unsigned read_quoted(struct imapid_list *list, struct imapid_string *string)
{
    const uint8_t *data = list->data;
    unsigned faults = 0;
    size_t at = list->at + 1;

    string->kind = IMAPID_STRING_QUOTED;
    string->content.offset = at;
    for (; at < list->end; at++) {
        uint8_t c = data[at];

        if (c >= ' ' && c <= 127 && c != '"' && c != '\\')
            continue; /* nearly all */
        if (c == '\\' && at + 1 < list->end) {
            string->has_escapes = true;
            if (data[at + 1] != '"' && data[at + 1] != '\\')
                faults |= IMAPID_FAULT_BAD_STRING;
            else
                at++;
        } else if (c == '"') {
            if (quote_closes(list, at))
                break;
            faults |= IMAPID_FAULT_BAD_STRING;
        } else if (c == '\0' || c == '\r' || c == '\n') {
            faults |= IMAPID_FAULT_BAD_STRING;
        } else if (c > 127) {
            faults |= IMAPID_FAULT_NOT_ASCII;
        }
    }
    if (at >= list->end) {
        end_unterminated(list, string);
        return list->open_end ? faults : faults | IMAPID_FAULT_BAD_STRING;
    }
    string->content.n = at - string->content.offset;
    list->at = at + 1;
    string->token.n = list->at - string->token.offset;
    return faults;
}

static unsigned read_literal(struct imapid_list *list, struct imapid_string *string, size_t behind)
{
    unsigned faults = list->data[list->at] == '~' ? IMAPID_FAULT_BAD_STRING : 0;
    size_t left = list->end - behind;
    size_t n = string->n_announced < left ? (size_t)string->n_announced : left;

    string->kind = IMAPID_STRING_LITERAL;
    string->content = (struct imapid_slice){behind, n};
    string->cut = string->n_announced > left || list->data[behind - 1] != '\n';
    if (string->cut && !list->open_end) { /* it and the frame disagree on where strings are */
        string->cut = false;
        faults |= IMAPID_FAULT_BAD_STRING;
    }
    list->at = behind + n;
    string->token.n = list->at - string->token.offset;
    if (memchr(list->data + behind, 0, n))
        faults |= IMAPID_FAULT_BAD_STRING;
    if (list->is_server &&
        memchr(list->data + string->token.offset, '+', behind - string->token.offset))
        faults |= IMAPID_FAULT_BAD_STRING;
    return faults;
}

static unsigned read_atom(struct imapid_list *list, struct imapid_string *string)
{
    const uint8_t *data = list->data;
    size_t start = list->at;

    while (list->at < list->end && !ends_atom(data[list->at]))
        list->at++;
    string->content = (struct imapid_slice){start, list->at - start};
    string->token.n = string->content.n;
    string->kind = IMAPID_STRING_ATOM;
    string->cut = list->open_end && list->at == list->end;
    if (string->cut)
        return 0;
    if (imapid_octets_is(data + start, string->content.n, "NIL")) {
        string->kind = IMAPID_STRING_NIL;
        return 0;
    }
    return IMAPID_FAULT_NOT_A_STRING;
}

/* Reads the string, NIL or atom at list->at, which is no separator and no parenthesis. */
static unsigned read_string(struct imapid_list *list, struct imapid_string *string)
{
    size_t behind;

    memset(string, 0, sizeof *string);
    string->token.offset = list->at;
    if (list->data[list->at] == '"')
        return read_quoted(list, string);
    if (reads_announcement(list, list->at, &string->n_announced, &behind))
        return read_literal(list, string, behind);
    return read_atom(list, string);
}

/* ---- the list ---- */

/* Passes over separators and says what was wrong with them: one space belongs between strings, none
 * beside a parenthesis; a comma is no separator by the grammar. */
static void skip_separators(struct imapid_list *list)
{
    size_t n = 0, expected;
    unsigned faults = 0;

    for (; list->at < list->end && is_separator(list->data[list->at]); list->at++) {
        if (list->data[list->at] == ',') {
            list->faults |= IMAPID_FAULT_NOT_A_STRING;
            continue;
        }
        n++;
        if (list->data[list->at] != ' ')
            faults = IMAPID_FAULT_SPACING;
    }
    if (list->at == list->end && list->open_end)
        return; /* what follows is missing */
    expected = list->after_string && list->at < list->end && list->data[list->at] != ')';
    if (n != expected)
        faults = IMAPID_FAULT_SPACING;
    list->faults |= faults;
}

/* Is what stands at `at` the first half of a line end, and the capture lacks the other? */
static bool is_cut_line_end(const struct imapid_list *list, size_t at)
{
    return list->open_end && at + 1 == list->end && list->data[at] == '\r';
}

/* What stands behind the closed list or NIL. */
static void check_trailing(struct imapid_list *list)
{
    size_t at = list->at;

    if (list->is_shortened)
        list->faults |= IMAPID_FAULT_TRAILING_DATA;
    while (at < list->end && imapid_is_blank(list->data[at]))
        at++;
    if (at < list->end && !is_cut_line_end(list, at))
        list->faults |=
            list->data[at] == ')' ? IMAPID_FAULT_UNBALANCED : IMAPID_FAULT_TRAILING_DATA;
    else if (at > list->at)
        list->faults |= IMAPID_FAULT_SPACING;
}

static void end_list(struct imapid_list *list)
{
    list->done = true;
    list->span.n = list->at - list->span.offset;
}

/* Moves to the next string. False where the list ends. */
static bool find_string(struct imapid_list *list)
{
    for (;;) {
        skip_separators(list);
        if (list->at == list->end) {
            if (!list->open_end)
                list->faults |= IMAPID_FAULT_UNBALANCED;
            end_list(list);
            return false;
        }
        switch (list->data[list->at]) {
        case '(':
            list->depth++;
            list->faults |= IMAPID_FAULT_UNBALANCED;
            list->after_string = false;
            list->at++;
            break;
        case ')':
            list->at++;
            if (list->depth <= 1) {
                list->closed = true;
                end_list(list);
                check_trailing(list);
                return false;
            }
            list->depth--;
            list->after_string = true;
            break;
        default:
            return true;
        }
    }
}

/* "NIL" where NIL belongs, and nothing behind it? */
static bool is_quoted_nil_alone(const struct imapid_list *list, const struct imapid_string *string)
{
    size_t at = list->at;

    while (at < list->end && imapid_is_blank(list->data[at]))
        at++;
    return string->kind == IMAPID_STRING_QUOTED && !string->cut && at == list->end &&
           imapid_octets_is(list->data + string->content.offset, string->content.n, "NIL");
}

static void begin_without_list(struct imapid_list *list)
{
    const uint8_t *data = list->data;
    struct imapid_string string;
    size_t start = list->at;

    if (data[start] == ')') {
        list->faults |= IMAPID_FAULT_UNBALANCED | IMAPID_FAULT_MISSING_ARGUMENTS;
        list->at = list->end;
        end_list(list);
        return;
    }
    (void)read_string(list, &string);
    if (string.kind == IMAPID_STRING_NIL || is_quoted_nil_alone(list, &string)) {
        list->kind = IMAPID_LIST_NIL;
        if (string.kind != IMAPID_STRING_NIL)
            list->faults |= IMAPID_FAULT_MISSING_ARGUMENTS;
        end_list(list);
        check_trailing(list);
        return;
    }
    /* Strings with no "(" before them. */
    list->at = start;
    list->kind = IMAPID_LIST_PAIRS;
    list->faults |= IMAPID_FAULT_UNBALANCED;
}

void imapid_list_begin(struct imapid_list *list, const struct imapid_unit *unit)
{
    size_t start = unit->args.offset;
    bool one_space;

    memset(list, 0, sizeof *list);
    list->data = unit->data;
    list->at = start;
    list->end = unit->args.offset + unit->args.n;
    list->open_end = unit->cut || unit->over_limit || unit->refused;
    list->over_limit = unit->over_limit;
    list->is_shortened = unit->n_hidden > 0;
    list->is_server = unit->kind == IMAPID_UNIT_UNTAGGED;
    while (list->at < list->end && imapid_is_blank(list->data[list->at]))
        list->at++;
    one_space = list->at == start + 1 && list->data[start] == ' ';
    list->span.offset = list->at;
    if (list->at == list->end || is_cut_line_end(list, list->at)) {
        if (!list->open_end)
            list->faults |= IMAPID_FAULT_MISSING_ARGUMENTS;
        list->done = true;
        return;
    }
    if (!one_space)
        list->faults |= IMAPID_FAULT_SPACING;
    if (list->data[list->at] != '(') {
        begin_without_list(list);
        return;
    }
    list->kind = IMAPID_LIST_PAIRS;
    list->depth = 1;
    list->at++;
}

/* Is the string there for the reader? One whose end is missing from the capture is not; one that is
 * over a limit is, as a beginning. */
static bool is_given(const struct imapid_list *list, const struct imapid_string *string)
{
    return !string->cut || (list->over_limit && string->kind != IMAPID_STRING_ATOM);
}

bool imapid_list_next(struct imapid_list *list, struct imapid_pair *pair)
{
    unsigned faults;

    memset(pair, 0, sizeof *pair);
    if (list->done || !find_string(list))
        return false;
    pair->span.offset = list->at;
    faults = read_string(list, &pair->field);
    list->after_string = true;
    if (pair->field.kind == IMAPID_STRING_NIL)
        faults |= IMAPID_FAULT_NIL_FIELD;
    if (is_given(list, &pair->field) && find_string(list)) {
        faults |= read_string(list, &pair->value);
        pair->span.n = list->at - pair->span.offset;
    } else {
        pair->span.n = pair->field.token.n;
        if (list->open_end && !list->closed) { /* the value, or the field's end, did not come */
            list->at = list->end;
            end_list(list);
            if (!pair->field.cut || !is_given(list, &pair->field))
                return false;
        } else {
            faults |= pair->field.kind == IMAPID_STRING_NIL ? 0 : IMAPID_FAULT_MISSING_VALUE;
        }
    }
    list->faults |= faults;
    pair->faults = faults;
    if (!is_given(list, &pair->value) ||
        (pair->field.kind == IMAPID_STRING_NIL && pair->value.kind == IMAPID_STRING_NONE)) {
        if (!list->done)
            end_list(list);
        return false;
    }
    list->n_pairs++;
    return true;
}

bool imapid_pair_has_value(const struct imapid_pair *pair)
{
    return pair->value.kind >= IMAPID_STRING_QUOTED && pair->value.content.n;
}

struct imapid_list_sum imapid_list_sum_up(const struct imapid_list *list, bool has_value)
{
    return (struct imapid_list_sum){true, list->closed || list->kind == IMAPID_LIST_NIL, has_value,
                                    list->faults};
}

struct imapid_list_sum imapid_list_get_sum(const struct imapid_unit *unit)
{
    struct imapid_list list;
    struct imapid_pair pair;
    bool has_value = false;

    if (unit->sum.is_known)
        return unit->sum;
    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair))
        has_value |= imapid_pair_has_value(&pair);
    return imapid_list_sum_up(&list, has_value);
}

size_t imapid_string_decode(const uint8_t *data, const struct imapid_string *string, uint8_t *out,
                            size_t n_out)
{
    const uint8_t *content = data + string->content.offset;
    size_t n = 0;

    if (!string->has_escapes) {
        if (out)
            memcpy(out, content, string->content.n < n_out ? string->content.n : n_out);
        return string->content.n;
    }
    for (size_t i = 0; i < string->content.n; i++) {
        if (content[i] == '\\' && i + 1 < string->content.n &&
            (content[i + 1] == '"' || content[i + 1] == '\\'))
            i++;
        if (n < n_out)
            out[n] = content[i];
        n++;
    }
    return n;
}
