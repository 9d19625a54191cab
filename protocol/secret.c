/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret.c: what of an ID, or of a text, may be a password. In what is malformed it hides too
 * much rather than show a password. What is valid stays, except a literal with a login in it.
 *
 * Refuses nothing.
 *
 * Misuse: taking a list that was shortened for one that the capture cut. */
#include <imapid/secret.h>

#include <imapid/fields.h>
#include <imapid/list.h>

#include <string.h>

/* What is compared of a text, and with how much of what was hidden: each word with all of it. */
#define COMPARED_MAX 256
#define HIDDEN_MAX   8192
/* A tag and the name behind it. */
#define LINE_MAX_LOOKED_AT 64

/* ---- answers of SASL ---- */

/* Small and capital letters and more in one long word: an answer of SASL. */
static bool looks_encoded(const uint8_t *word, size_t n)
{
    bool lower = false, upper = false, other = false;

    for (size_t i = 0; i < n; i++) {
        upper |= word[i] >= 'A' && word[i] <= 'Z';
        lower |= word[i] >= 'a' && word[i] <= 'z';
        other |= !imapid_is_alpha(word[i]);
    }
    return n >= 12 && lower && upper && other;
}

/* Where the first such word stands that `matches` as well; `n` where none does. */
static size_t find_word(const uint8_t *octets, size_t n, bool (*matches)(const uint8_t *, size_t))
{
    for (size_t at = 0, end; at < n; at = end + 1) {
        for (end = at; end < n && imapid_is_base64(octets[end]); end++)
            ;
        if (looks_encoded(octets + at, end - at) && (!matches || matches(octets + at, end - at)))
            return at;
    }
    return n;
}

static size_t find_encoded(const uint8_t *octets, size_t n)
{
    return find_word(octets, n, NULL);
}

/* As long as no name of a mailbox and no path is that has no "." or "-". */
#define LONG_WORD 40

/* Does a word decode to text, as names, passwords and tokens do? Words of a language, and paths such as
 * "Projects/Falcon", decode to octets that are none. */
static bool decodes(const uint8_t *word, size_t n)
{
    uint8_t chars[LONG_WORD], octets[LONG_WORD / 4 * 3];
    size_t n_whole = 0, n_octets; /* characters in groups of four that are full */

    if (n >= LONG_WORD)
        return true;
    while (n_whole + 4 <= n && word[n_whole + 3] != '=')
        n_whole += 4;
    /* A "=" within ends nothing: what stands behind it counts as well. */
    for (size_t i = 0; i < n_whole; i++)
        chars[i] = word[i] == '=' ? '/' : word[i];
    n_octets = imapid_octets_decode_base64(chars, n_whole, octets, sizeof octets);
    for (size_t i = 0; i < n_octets; i++) {
        if (octets[i] < ' ' && octets[i] > 1 && octets[i] != '\t' && octets[i] != '\r' &&
            octets[i] != '\n')
            return false;
        if (octets[i] <= 1)
            octets[i] = ' '; /* SASL separates by NUL and ^A */
    }
    /* The last character may go on in what was not looked at. */
    for (size_t n_cut = 0; n_cut < 4 && n_cut <= n_octets; n_cut++)
        if (imapid_octets_are_utf8(octets, n_octets - n_cut))
            return true;
    return false;
}

size_t imapid_secret_find_encoded(const uint8_t *octets, size_t n)
{
    return find_word(octets, n, decodes);
}

/* ---- logins ---- */

/* The octets from the start that spell a word, NULs in between aside; 0: they do not. */
static size_t spells(const uint8_t *octets, size_t n, const char *word)
{
    size_t at = 0;

    for (; *word; word++, at++) {
        while (at < n && !octets[at])
            at++;
        if (at == n || imapid_upper(octets[at]) != (uint8_t)*word)
            return 0;
    }
    return at;
}

/* Where the first name of a command that carries a password stands, wherever that is: a space beside
 * it may be what was lost. Of no octets: there is none. */
static struct imapid_slice find_login(const uint8_t *octets, size_t n)
{
    static const char *const names[] = {"LOGIN", "AUTHENTICATE"};

    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; octets[at] && i < sizeof names / sizeof names[0]; i++) {
            size_t n_name = spells(octets + at, n - at, names[i]);

            if (n_name)
                return (struct imapid_slice){at, n_name};
        }
    return (struct imapid_slice){0, 0};
}

/* Does a line in these octets, but for the first, begin with such a command? What has "=" behind it
 * is a variable of an environment. */
static bool holds_login_line(const uint8_t *octets, size_t n)
{
    const uint8_t *end = octets + n, *at = octets, *line_end;

    for (; (at = memchr(at, '\n', (size_t)(end - at))); at = line_end) {
        size_t n_line, behind;
        struct imapid_slice name;

        at++;
        line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        n_line = (size_t)(line_end - at);
        n_line = n_line < LINE_MAX_LOOKED_AT ? n_line : LINE_MAX_LOOKED_AT;
        name = find_login(at, n_line);
        for (behind = name.offset + name.n;
             behind < n_line && at[behind] != '=' && imapid_is_atom_char(at[behind]); behind++)
            ;
        if (name.n && (behind == n_line || at[behind] != '='))
            return true;
    }
    return false;
}

static bool has_literal_with_login(const struct imapid_unit *unit,
                                   const struct imapid_string *string)
{
    return string->kind == IMAPID_STRING_LITERAL &&
           holds_login_line(unit->data + string->content.offset, string->content.n);
}

/* ---- what is no list ---- */

/* A tag as clients count them, so that it is no word of somebody's. */
static bool is_plain_tag(const uint8_t *tag, size_t n)
{
    size_t n_letters = 0, n_digits = 0;

    while (n_letters < n && imapid_is_alpha(tag[n_letters]))
        n_letters++;
    while (n_letters + n_digits < n && imapid_is_digit(tag[n_letters + n_digits]))
        n_digits++;
    return n_letters + n_digits == n && n_letters <= 4 && n_digits && n_digits <= 8;
}

/* The octets of what stands behind a list that may be told: blanks and marks, then a command's tag
 * and name. */
static size_t measure_command(const uint8_t *octets, size_t n)
{
    size_t start = 0, end;
    struct imapid_slice login;
    struct imapid_unit line;

    while (start < n && (imapid_is_blank(octets[start]) || octets[start] == ')' ||
                         octets[start] == '+' || octets[start] == '\r'))
        start++;
    for (end = start; end < n && imapid_is_tag_char(octets[end]); end++)
        ;
    login = find_login(octets + start, end - start);
    if (login.n && (!login.offset || is_plain_tag(octets + start, login.offset)))
        return start + login.offset + login.n; /* the name alone, or its tag ran into it */
    if (!is_plain_tag(octets + start, end - start))
        return start;
    imapid_unit_read(&line, IMAPID_CLIENT, octets + start, n - start);
    login = find_login(octets + start + line.name.offset, line.name.n);
    if (login.n && !login.offset)
        return start + line.name.offset + login.n;
    return line.word == IMAPID_WORD_UNKNOWN ? start : start + line.name.offset + line.name.n;
}

/* Is it nothing but strings in quotes, NIL and parentheses: a list too many? */
static bool is_list_again(const uint8_t *octets, size_t n)
{
    bool quoted = false;

    for (size_t i = 0; i < n; i++)
        if (quoted && octets[i] == '\\')
            i++;
        else if (octets[i] == '"')
            quoted = !quoted;
        else if (!quoted && n - i >= 3 && imapid_octets_is(octets + i, 3, "NIL"))
            i += 2;
        else if (!quoted && !imapid_is_blank(octets[i]) && octets[i] != '(' && octets[i] != ')')
            return false;
    return !quoted;
}

/* Where what stands behind the list has to end; `end` where all may be told. */
static size_t find_end_behind(const struct imapid_unit *unit, size_t at, size_t end)
{
    const uint8_t *octets = unit->data + at;
    size_t n = end - at, blanks = 0;

    while (blanks < n && imapid_is_blank(octets[blanks]))
        blanks++;
    if (blanks < n && octets[blanks] == '(' && is_list_again(octets + blanks, n - blanks))
        return end;
    return at + measure_command(octets, n);
}

/* Where what stands in place of a list has to end. It is a list without its "(" where its first word
 * is a field that is defined. */
static size_t find_end_instead(const struct imapid_unit *unit, const struct imapid_pair *first,
                               size_t end)
{
    size_t start = first->field.token.offset;

    if (imapid_field_find(unit->data + first->field.content.offset, first->field.content.n) !=
        IMAPID_FIELD_OTHER)
        return end;
    return start + measure_command(unit->data + start, end - start);
}

/* ---- units ---- */

/* Does a list, a string in quotes or NIL stand there? */
static bool has_list_start(const struct imapid_unit *unit, const struct imapid_list *list)
{
    return list->kind != IMAPID_LIST_PAIRS || unit->data[list->span.offset] == '(' ||
           unit->data[list->span.offset] == '"';
}

/* Where an ID's text has to end. */
static size_t find_end(struct imapid_unit *unit)
{
    const unsigned doubtful = IMAPID_FAULT_UNBALANCED | IMAPID_FAULT_TRAILING_DATA |
                              IMAPID_FAULT_MISSING_ARGUMENTS | IMAPID_FAULT_NOT_A_STRING |
                              IMAPID_FAULT_BAD_STRING;
    size_t start = unit->args.offset, end = start + unit->args.n, known = end;
    struct imapid_slice login = {0, 0};
    struct imapid_list list;
    struct imapid_pair pair;
    bool ran_on = false, has_value = false;

    imapid_list_begin(&list, unit);
    while (imapid_list_next(&list, &pair)) {
        has_value |= imapid_pair_has_value(&pair);
        ran_on |=
            has_literal_with_login(unit, &pair.field) || has_literal_with_login(unit, &pair.value);
        if (list.n_pairs == 1 && unit->data[list.span.offset] != '(')
            known = find_end_instead(unit, &pair, end);
    }
    unit->sum = imapid_list_sum_up(&list, has_value);
    if (list.open_end && !list.n_pairs && !has_list_start(unit, &list))
        known = start; /* the first word is cut: it may be an answer of SASL */
    else if (!list.closed && !list.open_end && list.kind == IMAPID_LIST_PAIRS) {
        size_t shown = start + find_encoded(unit->data + start, unit->args.n);

        known = shown < known ? shown : known;
    }
    if (known == end && (list.closed || list.kind == IMAPID_LIST_NIL))
        known = find_end_behind(unit, list.span.offset + list.span.n, end);
    if (ran_on || list.open_end || list.faults & doubtful)
        login = find_login(unit->data + start, unit->args.n);
    end = start + login.offset + login.n;
    return login.n && end < known ? end : known;
}

void imapid_secret_hide(struct imapid_unit *unit)
{
    size_t end, n;

    if (!imapid_unit_is_id(unit) || !unit->args.n)
        return;
    end = find_end(unit);
    n = end - unit->args.offset;
    unit->n_hidden = unit->args.n - n;
    unit->sum.is_known &= !unit->n_hidden; /* the list is another one now */
    unit->args.n = n;
}

/* ---- texts ---- */

/* Is the word among the octets that were hidden? */
static bool was_hidden(const struct imapid_unit *command, const uint8_t *word, size_t n)
{
    size_t start = command->args.offset + command->args.n;

    for (size_t i = 0; n && i + n <= command->n_hidden; i++)
        if (!memcmp(command->data + start + i, word, n))
            return true;
    return false;
}

/* Does a string in quotes, or a literal's announcement, stand at `at`? A server quotes names. */
static bool quotes_at(const uint8_t *text, size_t n, size_t at)
{
    const uint8_t *end = text[at] == '"' ? memchr(text + at + 1, '"', n - at - 1) : NULL;
    size_t digits = at + 1;

    if (end)
        return end - (text + at) > 2 &&
               imapid_field_find(text + at + 1, (size_t)(end - (text + at)) - 1) ==
                   IMAPID_FIELD_OTHER;
    while (digits < n && imapid_is_digit(text[digits]))
        digits++;
    return text[at] == '{' && digits > at + 1 && digits < n &&
           (text[digits] == '}' || text[digits] == '+');
}

/* The octets to behind the first word in capitals that ends as the commands do with which a password
 * goes elsewhere: PASS of POP3, SETPASS, PROXYAUTH. 0: there is none. */
static size_t find_capitals(const uint8_t *text, size_t n)
{
    static const char *const ends[] = {"PASS", "PASSWD", "PASSWORD", "AUTH"};

    for (size_t at = 0, end; at < n; at = end + 1) {
        for (end = at; end < n && ((text[end] >= 'A' && text[end] <= 'Z') || text[end] == '-');
             end++)
            ;
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            size_t n_end = strlen(ends[i]);

            if (end - at >= n_end && end < n && imapid_is_blank(text[end]) &&
                !memcmp(text + end - n_end, ends[i], n_end))
                return end;
        }
    }
    return 0;
}

size_t imapid_secret_measure_text(const struct imapid_unit *command, const uint8_t *text, size_t n)
{
    struct imapid_slice login = find_login(text, n);
    size_t end;

    if (login.n)
        n = login.offset + login.n;
    end = find_capitals(text, n);
    if (end)
        n = end;
    if (command && command->n_hidden > HIDDEN_MAX)
        return 0;
    if (command && command->n_hidden && n > COMPARED_MAX)
        n = COMPARED_MAX;
    for (size_t at = 0; at < n; at = end) {
        for (end = at; end < n && imapid_is_base64(text[end]); end++)
            ;
        if (end == at) {
            if (quotes_at(text, n, at))
                return at;
            end++;
        } else if (looks_encoded(text + at, end - at) ||
                   (command && end - at > 2 && was_hidden(command, text + at, end - at))) {
            return at;
        }
    }
    return n;
}

/* ---- tags ---- */

const uint8_t *imapid_secret_get_tag(const struct imapid_unit *unit, size_t *n)
{
    static const char hidden[] = "(hidden)";
    const uint8_t *tag = unit->data + unit->tag.offset;

    *n = unit->tag.n;
    if (!looks_encoded(tag, *n))
        return tag;
    *n = sizeof hidden - 1;
    return (const uint8_t *)hidden;
}
