/* SPDX-License-Identifier: GPL-2.0-or-later */
/* place.c: goes through the arguments of a unit, token by token. What stays is named here: known words
 * and numbers in atoms, marks. Strings go wherever they stand.
 *
 * Refuses nothing: what is no argument that is known goes.
 *
 * Misuse: a unit beside a hole. What is missing may have said what its octets are. */
#include "scrub/place.h"

#include "record/redact-shape.h"
#include "record/redact-value.h"
#include "scrub/encoded.h"

#include <imapid/list.h>
#include <imapid/octets.h>
#include <imapid/verdict.h>
#include <string.h>

/* ---- tokens ---- */

/* Names that are remembered of a session. */
#define N_NAMES 65536u

enum kind { END, ATOM, QUOTED, LITERAL, OPEN, CLOSE };

struct token {
    enum kind kind;
    size_t at, n; /* what is between the quotes, or behind the announcement */
};

struct reader {
    uint8_t *octets;
    size_t n, at;
    struct imapid_places *places;
    bool has_no_numbers; /* none of its atoms is a number that means something */
    size_t literal_end;  /* of the last one */
};

/* "{n}", "{n+}" at `at` with a line end: sets the place of the octets announced. */
static bool read_literal(const struct reader *reader, size_t at, struct token *token)
{
    const uint8_t *octets = reader->octets;
    size_t end = at + 1, count = 0;

    while (end < reader->n && imapid_is_digit(octets[end]) && end - at <= IMAPID_DIGITS_MAX)
        count = count > SIZE_MAX / 20 ? count : count * 10 + (octets[end++] - (uint8_t)'0');
    if (end == at + 1)
        return false;
    end += end < reader->n && octets[end] == '+';
    if (end >= reader->n || octets[end] != '}')
        return false;
    end++;
    end += end < reader->n && octets[end] == '\r';
    if (end < reader->n && octets[end] != '\n')
        return false;
    end += end < reader->n;
    *token = (struct token){LITERAL, end, count < reader->n - end ? count : reader->n - end};
    return true;
}

static struct token read_quoted(struct reader *reader)
{
    size_t start = reader->at + 1, at = start;

    while (at < reader->n && reader->octets[at] != '"' && reader->octets[at] != '\r' &&
           reader->octets[at] != '\n')
        at += reader->octets[at] == '\\' && at + 1 < reader->n ? 2 : 1;
    at = at < reader->n ? at : reader->n;
    reader->at = at + (at < reader->n && reader->octets[at] == '"');
    return (struct token){QUOTED, start, at - start};
}

static struct token next(struct reader *reader)
{
    struct token token = {END, reader->n, 0};
    size_t at = reader->at;
    uint8_t c;

    while (at < reader->n && reader->octets[at] <= ' ')
        at++;
    reader->at = at;
    if (at == reader->n)
        return token;
    c = reader->octets[at];
    if (c == '"')
        return read_quoted(reader);
    if (c == '(' || c == ')') {
        reader->at++;
        return (struct token){c == '(' ? OPEN : CLOSE, at, 1};
    }
    if (c == '{' && read_literal(reader, at, &token)) {
        reader->at = reader->literal_end = token.at + token.n;
        return token;
    }
    do
        at++;
    while (at < reader->n && reader->octets[at] > ' ' && !strchr("()\"{", reader->octets[at]));
    token = (struct token){ATOM, reader->at, at - reader->at};
    reader->at = at;
    return token;
}

static bool atom_is(const struct reader *reader, const struct token *token, const char *word)
{
    return token->kind == ATOM && imapid_octets_is(reader->octets + token->at, token->n, word);
}

/* ---- values ---- */

enum what { KEEP, VALUE, NAME, SECRET, MAILBOX, URL, HEADER, MESSAGE, TAG, RIGHTS };

static void take_tag(struct imapid_places *places, uint8_t *octets, size_t n);

static bool are_rights(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!octets[i] || !strchr("lrswipkxteacdn0123456789+-", octets[i]))
            return false;
    return n <= 24;
}

static void take_octets(struct imapid_places *places, uint8_t *octets, size_t n, enum what what)
{
    struct imapid_hand *hand = places->hand;

    switch (what) {
    case KEEP:
        break;
    case VALUE:
        imapid_value_take(hand, octets, n, IMAPID_WORDS_NONE);
        break;
    case NAME:
        imapid_value_take_name(hand, octets, n);
        break;
    case SECRET:
        imapid_value_take_secret(hand, octets, n);
        break;
    case MAILBOX:
        imapid_value_take_mailbox(hand, octets, n);
        break;
    case URL:
        imapid_value_take_url(hand, octets, n);
        break;
    case HEADER:
        imapid_value_take(hand, octets, n, IMAPID_WORDS_HEADER);
        break;
    case MESSAGE:
        imapid_value_take_message(hand, octets, n);
        break;
    case TAG:
        take_tag(places, octets, n);
        break;
    case RIGHTS:
        if (!are_rights(octets, n) || imapid_search_has_learned(hand->search, octets, n))
            imapid_value_take(hand, octets, n, IMAPID_WORDS_NONE);
        break;
    }
}

/* A quoted string with escapes means fewer octets than it has. The pairs stay pairs: what is escaped
 * becomes the one or the other of what can be. */
static void take_escaped(struct imapid_places *places, uint8_t *octets, size_t n, enum what what)
{
    uint8_t *plain = g_malloc(n);
    size_t n_plain = 0, at;

    for (at = 0; at < n; at++) {
        at += octets[at] == '\\' && at + 1 < n;
        plain[n_plain++] = octets[at];
    }
    take_octets(places, plain, n_plain, what);
    n_plain = 0;
    for (at = 0; at < n; at++) {
        bool escaped = octets[at] == '\\' && at + 1 < n;
        uint8_t c = plain[n_plain++];

        at += escaped;
        if (escaped && c != octets[at] && (octets[at] == '"' || octets[at] == '\\'))
            octets[at] = c & 1 ? '"' : '\\';
        else
            octets[at] = c;
    }
    g_free(plain);
}

/* Lines, or no text at all. */
static bool is_message(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] < ' ')
            return true;
    return false;
}

static void take(struct reader *reader, const struct token *token, enum what what)
{
    uint8_t *octets = reader->octets + token->at;

    if (token->kind == OPEN || token->kind == CLOSE || token->kind == END || !token->n)
        return;
    if (token->kind == ATOM && token->n == 3 && imapid_octets_is(octets, 3, "NIL") &&
        what != SECRET && what != NAME)
        return;
    if (token->kind == ATOM && what == URL && imapid_octets_is(octets, token->n, "INTERNAL"))
        return; /* the mechanism of URLAUTH */
    if (what == NAME && imapid_octets_is(octets, token->n, "anyone"))
        return; /* everybody's name (RFC 4314 2.1) */
    if (token->kind == LITERAL && what == VALUE && is_message(octets, token->n))
        what = MESSAGE;
    if (token->kind == QUOTED && memchr(octets, '\\', token->n))
        take_escaped(reader->places, octets, token->n, what);
    else
        take_octets(reader->places, octets, token->n, what);
}

/* ---- atoms ---- */

static bool has_digit(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (imapid_is_digit(octets[i]))
            return true;
    return false;
}

/* "XXXXXXXA" stands where a middlebox does not want STARTTLS to be seen. */
static bool is_overwritten(const uint8_t *octets, size_t n)
{
    size_t at = 0;

    while (at < n && octets[at] == 'X')
        at++;
    return n >= 7 && at + 1 >= n;
}

/* Numbers stay where no word of the atom goes: sets, sizes, sections, dates. What stands right behind a literal is a
 * part of it that its count left out. */
static void take_atom(struct reader *reader, const struct token *token)
{
    uint8_t *octets = reader->octets + token->at;
    bool any = false;

    if (is_overwritten(octets, token->n))
        return;
    if ((token->at && token->at == reader->literal_end) ||
        (reader->has_no_numbers && has_digit(octets, token->n))) {
        take(reader, token, VALUE);
        return;
    }

    for (size_t at = 0, end; at < token->n; at = end) {
        bool is_number = true;

        for (end = at; end < token->n && (imapid_is_alpha(octets[end]) ||
                                          imapid_is_digit(octets[end]) || octets[end] >= 0x80);
             end++)
            is_number &= imapid_is_digit(octets[end]);
        any |=
            end > at && !is_number && !imapid_words_has(IMAPID_WORDS_ATOM, octets + at, end - at);
        end += end == at;
    }
    /* The keys of entries and what a keyword is made of: word by word. */
    if (any)
        imapid_value_take(reader->places->hand, octets, token->n, IMAPID_WORDS_ATOM);
}

/* A date and time of INTERNALDATE becomes the same one for all. */
static bool take_date(struct reader *reader, const struct token *token)
{
    static const char date[] = "01-Jan-2000 00:00:00 +0000";
    uint8_t *octets = reader->octets + token->at;

    if (token->kind != QUOTED || token->n != sizeof date - 1 || octets[2] != '-' ||
        octets[6] != '-' || octets[14] != ':' || octets[17] != ':')
        return false;
    if (!reader->places->hand->is_learning)
        memcpy(octets, date, token->n);
    return true;
}

static void take_string_of(struct reader *reader, const struct token *token)
{
    if (!take_date(reader, token))
        take(reader, token, VALUE);
}

/* Types, encodings and keys of BODYSTRUCTURE. */
static bool is_type(const uint8_t *octets, size_t n)
{
    for (size_t at = 0, end; at < n; at = end) {
        bool is_number = true;

        for (end = at; end < n && (imapid_is_alpha(octets[end]) || imapid_is_digit(octets[end]));
             end++)
            is_number &= imapid_is_digit(octets[end]);
        if (end == at && octets[end++] != '-')
            return false;
        if (octets[at] != '-' &&
            (is_number ? end - at > 5
                       : !imapid_words_has(IMAPID_WORDS_ATOM, octets + at, end - at)))
            return false;
    }
    return n > 0;
}

/* Is it the key of a name that somebody gave? */
static bool is_naming(const uint8_t *octets, size_t n)
{
    return imapid_octets_is(octets, n, "NAME") || imapid_octets_is(octets, n, "FILENAME") ||
           imapid_octets_is(octets, n, "BOUNDARY");
}

/* Does an atom begin with a known word, as items of FETCH do? */
static bool is_item(const uint8_t *octets, size_t n)
{
    size_t end = 0;

    while (end < n && (imapid_is_alpha(octets[end]) || imapid_is_digit(octets[end])))
        end++;
    return imapid_words_has(IMAPID_WORDS_ATOM, octets, end) && imapid_is_alpha(octets[0]);
}

/* Keys whose next argument, a string or a list, is a value whatever it looks like. */
static enum what find_key(const struct reader *reader, const struct token *token, bool is_search,
                          unsigned *n)
{
    static const struct {
        const char *key;
        enum what what;
        unsigned n;
        bool in_search; /* there alone */
    } keys[] = {
        {"ENVELOPE", VALUE, 1, false},   {"X-GM-LABELS", MAILBOX, 1, false},
        {"X-GM-MSGID", VALUE, 1, false}, {"X-GM-THRID", VALUE, 1, false},
        {"EMAILID", VALUE, 1, false},    {"THREADID", VALUE, 1, false},
        {"MAILBOXID", VALUE, 1, false},  {"GUID", VALUE, 1, false},
        {"ANNOTATION", VALUE, 1, false}, {"TAG", TAG, 1, false},
        {"MAILBOX", MAILBOX, 1, false},  {"MAILBOXES", MAILBOX, 1, false},
        {"SUBTREE", MAILBOX, 1, false},  {"URL", URL, 1, false},
        {"OLDNAME", MAILBOX, 1, false},  {"BCC", VALUE, 1, true},
        {"BODY", VALUE, 1, true},        {"CC", VALUE, 1, true},
        {"FROM", VALUE, 1, true},        {"SUBJECT", VALUE, 1, true},
        {"TEXT", VALUE, 1, true},        {"TO", VALUE, 1, true},
        {"KEYWORD", VALUE, 1, true},     {"UNKEYWORD", VALUE, 1, true},
        {"X-GM-RAW", VALUE, 1, true},    {"FILTER", VALUE, 1, true},
        {"HEADER", VALUE, 2, true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        if ((is_search || !keys[i].in_search) && atom_is(reader, token, keys[i].key)) {
            *n = keys[i].n;
            return keys[i].what;
        }
    return KEEP;
}

/* All that is left. `is_foreign`: nothing of it is known. */
static void take_rest(struct reader *reader, bool is_search, bool is_foreign)
{
    unsigned n_forced = 0, depth = 0, forced_depth = 0, n_keys = 0;
    enum what forced = KEEP;
    bool is_fields = false, is_entry = false;
    struct token token;

    while ((token = next(reader)).kind != END) {
        const uint8_t *octets = reader->octets + token.at;

        if (token.kind == OPEN) {
            depth++;
            if (n_forced && !forced_depth)
                forced_depth = depth;
            continue;
        }
        if (token.kind == CLOSE) {
            if (forced_depth && depth == forced_depth) {
                forced_depth = 0;
                n_forced--;
            }
            is_fields = false;
            depth -= depth > 0;
            continue;
        }
        /* In a FETCH of the client another item follows where a response has the value. */
        if (n_forced && !forced_depth && !is_search && token.kind == ATOM &&
            is_item(octets, token.n))
            n_forced = 0;
        if (n_forced) {
            take(reader, &token, forced);
            n_forced -= !forced_depth;
            continue;
        }
        if (is_fields) {
            take(reader, &token, HEADER);
            continue;
        }
        /* The value of an entry of METADATA, whatever it looks like. */
        if (is_entry && token.kind == ATOM && octets[0] != '/') {
            is_entry = false;
            take(reader, &token, VALUE);
            continue;
        }
        is_entry = false;
        if (token.kind != ATOM) {
            is_entry = token.kind == QUOTED && token.n && octets[0] == '/';
            if (token.kind == QUOTED && token.n && octets[0] == '/') /* an entry of METADATA */
                imapid_value_take(reader->places->hand, reader->octets + token.at, token.n,
                                  IMAPID_WORDS_ATOM);
            else if (token.kind != QUOTED || is_foreign || is_search || !is_type(octets, token.n))
                take_string_of(reader, &token);
            else if (is_naming(octets, token.n)) {
                forced = VALUE;
                n_forced = 1;
            }
            continue;
        }
        if (is_foreign) {
            take(reader, &token, VALUE);
            continue;
        }
        forced = find_key(reader, &token, is_search, &n_keys);
        n_forced = forced == KEEP ? 0 : n_keys;
        is_entry = octets[0] == '/';
        is_fields = token.n > 6 && imapid_octets_contain(octets, token.n, "HEADER.FIELDS");
        take_atom(reader, &token);
    }
}

/* ---- commands and responses ---- */

/* The arguments of each, in order; what comes behind them is generic.
 * u name, p secret, m mailbox, v value, i name of an identity, r rights, s stays if it is a set or a word,
 * l URL, d delimiter; behind "!" no number stays; "*" repeats from the letter before it. A list in place of one is generic, but for "g",
 * where one is expected, and for names of mailboxes where one stood before (the patterns of LIST). */
static const struct {
    const char *name, *plan;
    bool is_search, is_foreign;
} plans[] = {
    {"LOGIN", "up*", false, true},        {"SELECT", "m", false, false},
    {"EXAMINE", "m", false, false},       {"CREATE", "m", false, false},
    {"DELETE", "m", false, false},        {"RENAME", "mm", false, false},
    {"SUBSCRIBE", "m", false, false},     {"UNSUBSCRIBE", "m", false, false},
    {"LIST", "mm", false, false},         {"LSUB", "mm", false, false},
    {"XLIST", "mm", false, false},        {"RLIST", "mm", false, false},
    {"RLSUB", "mm", false, false},        {"STATUS", "m", false, false},
    {"APPEND", "m!", false, false},       {"REPLACE", "sm!", false, false},
    {"COPY", "sm", false, false},         {"MOVE", "sm", false, false},
    {"SETACL", "mir", false, true},       {"DELETEACL", "mi", false, true},
    {"GETACL", "m", false, true},         {"LISTRIGHTS", "mir*", false, true},
    {"MYRIGHTS", "mr", false, true},      {"ACL", "miriririririririririririririririr", false, true},
    {"GETQUOTA", "i", false, true},       {"SETQUOTA", "i", false, false},
    {"QUOTA", "i", false, false},         {"GETQUOTAROOT", "m", false, true},
    {"QUOTAROOT", "mi*", false, true},    {"GETMETADATA", "m", false, false},
    {"SETMETADATA", "m", false, false},   {"METADATA", "m", false, false},
    {"GETANNOTATION", "m", false, false}, {"SETANNOTATION", "m", false, false},
    {"ANNOTATION", "m", false, false},    {"NAMESPACE", "", false, false},
    {"SEARCH", "", true, false},          {"SORT", "", true, false},
    {"THREAD", "", true, false},          {"ESEARCH", "", true, false},
    {"FETCH", "", false, false},          {"STORE", "", false, false},
    {"EXPUNGE", "", false, false},        {"EXISTS", "", false, false},
    {"RECENT", "", false, false},         {"VANISHED", "", false, false},
    {"FLAGS", "", false, false},          {"CAPABILITY", "", false, false},
    {"ENABLE", "", false, false},         {"ENABLED", "", false, false},
    {"COMPRESS", "", false, false},       {"NOTIFY", "", false, false},
    {"LANGUAGE", "", false, false},       {"COMPARATOR", "", false, false},
    {"GENURLAUTH", "l*", false, true},    {"RESETKEY", "ml*", false, true},
    {"URLFETCH", "l*", false, true},      {"GETJMAPACCESS", "", false, true},
    {"PROXYAUTH", "u", false, true},      {"XOMPRESS", "", false, false},
    {"XTARTTLS", "", false, false},       {"UIDBATCHES", "", false, false},
};

/* Commands without a place that is known here are known to the library. */
static bool is_known(const struct imapid_unit *unit, const uint8_t *name)
{
    bool known = unit->word != IMAPID_WORD_UNKNOWN;

    for (size_t i = 0; !known && i < G_N_ELEMENTS(plans); i++)
        known = imapid_octets_is(name, unit->name.n, plans[i].name);
    return known;
}

static enum what get_what(char c)
{
    return c == 'u' || c == 'i' ? NAME
           : c == 'p'           ? SECRET
           : c == 'm'           ? MAILBOX
           : c == 'r'           ? RIGHTS
           : c == 'l'           ? URL
                                : VALUE;
}

/* Of `* LIST (flags) "/" name`, which the command of that name does not have. */
static const char *find_list_plan(const uint8_t *name, size_t n, enum imapid_side side)
{
    static const char *const names[] = {"LIST", "LSUB", "XLIST", "RLIST", "RLSUB"};

    for (size_t i = 0; side == IMAPID_SERVER && i < G_N_ELEMENTS(names); i++)
        if (imapid_octets_is(name, n, names[i]))
            return "gdm";
    return NULL;
}

static void take_group(struct reader *reader, bool is_names)
{
    unsigned depth = 1;
    struct token token;

    while (depth && (token = next(reader)).kind != END)
        if (token.kind == OPEN || token.kind == CLOSE)
            depth += token.kind == OPEN ? 1u : -1u;
        else if (token.kind == ATOM && !is_names)
            take_atom(reader, &token);
        else
            take(reader, &token, MAILBOX);
}

static void take_plan(struct reader *reader, const char *plan)
{
    bool has_begun = false;

    while (*plan) {
        struct token token;

        if (*plan == '!') {
            reader->has_no_numbers = true;
            return;
        }
        token = next(reader);
        if (token.kind == END)
            return;
        if (token.kind == CLOSE)
            continue;
        if (token.kind == OPEN) {
            /* Patterns are all there is of the names of LIST: RETURN comes next. */
            take_group(reader, has_begun && *plan == 'm');
            plan += *plan == 'g' || (has_begun && *plan == 'm');
            continue;
        }
        has_begun = true;
        plan += *plan == 'g';
        if (*plan == 's')
            take_atom(reader, &token);
        else if (*plan != 'd' || token.n > 2)
            take(reader, &token, get_what(*plan));
        if (plan[1] == '*')
            continue;
        plan++;
    }
}

static void take_arguments(struct imapid_places *places, enum imapid_side side, const uint8_t *name,
                           size_t n_name, uint8_t *octets, size_t n)
{
    struct reader reader = {.octets = octets, .n = n, .places = places};
    const char *list = find_list_plan(name, n_name, side);

    if (imapid_octets_is(name, n_name, "UID")) {
        struct token token = next(&reader);

        take_atom(&reader, &token);
        if (token.kind == ATOM && !atom_is(&reader, &token, "UID")) {
            take_arguments(places, side, octets + token.at, token.n, octets + reader.at,
                           n - reader.at);
            return;
        }
        take_rest(&reader, false, true);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(plans); i++)
        if (imapid_octets_is(name, n_name, plans[i].name)) {
            take_plan(&reader, list ? list : plans[i].plan);
            take_rest(&reader, plans[i].is_search, plans[i].is_foreign);
            return;
        }
    take_rest(&reader, false, true);
}

/* ---- ID ---- */

/* What --redact lets stay does, but for hosts. */
static size_t measure_kept(const struct imapid_places *places,
                           const struct imapid_record_pair *pair)
{
    GString *out = g_string_new(NULL);
    const struct imapid_record_string *string = pair->value.octets ? &pair->value : &pair->field;
    const char *scheme;
    size_t n = 0;

    if (pair->value.octets)
        imapid_redact_add_value(places->pseudonyms, out, pair);
    else
        imapid_redact_add_name(places->pseudonyms, out, &pair->field);
    while (n < out->len && n < string->n && (uint8_t)out->str[n] == string->octets[n])
        n++;
    /* Of an address its scheme stays alone: the host is somebody's. Any other octets have a prefix in common only by
     * chance. */
    scheme = g_strstr_len((const char *)string->octets, (gssize)n, "://");
    if (scheme)
        n = (size_t)((const uint8_t *)scheme - string->octets) + 3;
    else if (n < string->n)
        n = 0;
    g_string_free(out, TRUE);
    return n;
}

static GBytes *fold(const uint8_t *octets, size_t n)
{
    return g_bytes_new_take(g_ascii_strdown((const char *)octets, (gssize)n), n);
}

/* Is that the mask of another name, or a name that means something? Two fields must not become one. */
static bool is_taken(const struct imapid_places *places, const uint8_t *name, size_t n_name,
                     const uint8_t *mask, size_t n_mask)
{
    GBytes *folded = fold(mask, n_mask), *original = fold(name, n_name);
    GBytes *other = g_hash_table_lookup(places->fields, folded);
    bool taken = imapid_field_find(mask, n_mask) != IMAPID_FIELD_OTHER ||
                 (other && !g_bytes_equal(other, original));

    if (!taken && !other && g_hash_table_size(places->fields) < N_NAMES)
        g_hash_table_insert(places->fields, g_bytes_ref(folded), g_bytes_ref(original));
    g_bytes_unref(folded);
    g_bytes_unref(original);
    return taken;
}

/* A masked name of a field: of one that says what its value is the word that does comes back, as a finding is about it;
 * and no two are the same. */
static void make_distinct(const struct imapid_places *places, uint8_t *octets, size_t n,
                          const uint8_t *plain, size_t n_plain)
{
    bool is_plain = n == n_plain && !memchr(plain, '{', n);
    size_t at, n_word = is_plain ? imapid_field_find_device(plain, n, &at) : 0;

    for (unsigned i = 0; i < 64; i++) {
        if (n_word)
            memcpy(octets + at, plain + at, n_word);
        if (!is_taken(places, plain, n_plain, octets, n))
            return;
        if (is_plain && i >= 8) /* of few letters there are few masks of their form */
            imapid_mask_secret(places->hand->mask, octets, n);
        else
            imapid_mask_word(places->hand->mask, octets, n);
    }
}

static size_t find_word_end(const uint8_t *octets, size_t n, size_t at)
{
    while (at < n &&
           (imapid_is_alpha(octets[at]) || imapid_is_digit(octets[at]) || octets[at] >= 0x80))
        at++;
    return at;
}

/* What --redact lets stay by its form may have the name of the session's user in it ("Thunderbird bobsmith"): that goes,
 * unless software is called so. The rest is allowed to be found. */
static void take_kept(struct imapid_places *places, uint8_t *octets, size_t n)
{
    struct imapid_search *search = places->hand->search;
    size_t start = 0;

    if (places->hand->is_learning)
        return; /* a name may be said later */
    for (size_t at = 0, end; at < n; at = end) {
        end = find_word_end(octets, n, at);
        if (end == at) {
            end++;
        } else if (imapid_search_has_learned(search, octets + at, end - at) &&
                   !imapid_shape_is_product_word(octets + at, end - at)) {
            imapid_search_allow(search, octets + start, at - start);
            imapid_mask_word(places->hand->mask, octets + at, end - at);
            places->hand->n_masked[IMAPID_MASKED_ID]++;
            start = end;
        }
    }
    imapid_search_allow(search, octets + start, n - start);
}

static void take_string(struct imapid_places *places, uint8_t *octets,
                        const struct imapid_string *string, struct imapid_record_string *field,
                        bool is_value)
{
    struct imapid_record_pair pair = {.field = *field};
    uint8_t *plain = g_malloc(string->content.n + 1);
    size_t n = imapid_string_decode(octets, string, plain, string->content.n), kept, n_word, at;
    struct imapid_record_string text = {.octets = plain, .n = n};

    if (is_value)
        pair.value = text;
    else
        pair.field = text;
    kept = measure_kept(places, &pair);
    if (string->kind == IMAPID_STRING_ATOM && imapid_words_has(IMAPID_WORDS_ATOM, plain, n))
        kept = n; /* of another command that ran into this one */
    if (is_value)
        take_kept(places, octets + string->content.offset, kept);
    else
        imapid_search_allow(places->hand->search, plain, kept);
    if (!is_value && (n_word = imapid_field_find_device(plain, n, &at)))
        imapid_search_allow(places->hand->search, plain + at, n_word);
    if (kept < n) {
        /* A kept beginning has no escapes: no address has a quote or a backslash. */
        uint8_t *rest = octets + string->content.offset + kept;
        size_t n_rest = string->content.n - kept;

        if (string->kind == IMAPID_STRING_QUOTED && memchr(rest, '\\', n_rest))
            take_escaped(places, rest, n_rest, VALUE);
        else if (string->kind == IMAPID_STRING_ATOM && memchr(rest, '{', n_rest))
            imapid_value_take_malformed(places->hand, rest, n_rest); /* it announces, to a reader */
        else
            take_octets(places, rest, n_rest, VALUE);
        if (!is_value && !places->hand->is_learning)
            make_distinct(places, rest, n_rest, plain, n);
    }
    g_free(plain);
}

/* What stands between the strings of a list, or behind it. */
static void take_between(struct imapid_places *places, uint8_t *octets, size_t from, size_t to)
{
    if (to > from)
        imapid_value_take_malformed(places->hand, octets + from, to - from);
}

/* The same where a command that carries a password ran into the list: its name says so. */
static void take_hidden(struct imapid_places *places, uint8_t *octets, size_t from, size_t to)
{
    static const char *const names[] = {"LOGIN", "AUTHENTICATE"};

    for (size_t at = from; at < to; at++)
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
            size_t n = strlen(names[i]);

            if (n <= to - at && imapid_octets_is(octets + at, n, names[i])) {
                take_between(places, octets, from, at);
                from = at + n;
            }
        }
    take_between(places, octets, from, to);
}

/* Pairs are masked by --redact's rules, of a malformed list too; of what is no string marks stay alone. Where it was
 * answered before its line end, another command may have run into it. */
static void take_id(struct imapid_places *places, const struct imapid_unit *unit, uint8_t *octets,
                    size_t n)
{
    uint8_t *original = g_memdup2(octets, n);
    struct imapid_unit copy = *unit;
    struct imapid_list list;
    struct imapid_pair pair;
    size_t at = unit->args.offset;

    copy.data = original;
    copy.n = n;
    places->hand->is_id = true;
    imapid_list_begin(&list, &copy);
    while (!unit->n_hidden && imapid_list_next(&list, &pair)) {
        uint8_t *plain = g_malloc(pair.field.content.n + 1);
        struct imapid_record_string field = {
            .octets = plain,
            .n = imapid_string_decode(original, &pair.field, plain, pair.field.content.n),
        };
        const struct imapid_string *const strings[2] = {&pair.field, &pair.value};

        for (unsigned i = 0; i < 2; i++) {
            if (strings[i]->kind == IMAPID_STRING_NIL || strings[i]->kind == IMAPID_STRING_NONE)
                continue;
            take_between(places, octets, at, strings[i]->content.offset);
            take_string(places, octets, strings[i], &field, i == 1);
            at = strings[i]->content.offset + strings[i]->content.n;
        }
        g_free(plain);
    }
    (unit->n_hidden ? take_hidden : take_between)(places, octets, at, n);
    places->hand->is_id = false;
    g_free(original);
}

/* ---- status responses ---- */

/* Codes whose arguments are known words, numbers and sets alone. */
static bool is_counting(const uint8_t *code, size_t n)
{
    static const char *const codes[] = {"UIDVALIDITY", "UIDNEXT",    "UNSEEN",   "HIGHESTMODSEQ",
                                        "APPENDUID",   "COPYUID",    "MODIFIED", "PERMANENTFLAGS",
                                        "CAPABILITY",  "BADCHARSET", "METADATA", "BADEVENT",
                                        "INPROGRESS",  "ANNOTATIONS"};

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        if (imapid_octets_is(code, n, codes[i]))
            return true;
    return false;
}

/* "[CODE arguments]" at the front of a text. Returns its octets; 0 where there is none. */
static size_t take_code(struct imapid_places *places, uint8_t *octets, size_t n)
{
    size_t end = 1, close;
    struct reader reader;

    if (!n || octets[0] != '[')
        return 0;
    while (end < n && octets[end] > ' ' && octets[end] != ']')
        end++;
    for (close = end; close < n && octets[close] != ']'; close++)
        ;
    if (close == n || !imapid_words_has(IMAPID_WORDS_TEXT, octets + 1, end - 1)) {
        /* Words with "-" in them, as READ-ONLY, are looked at one by one. */
        imapid_value_take_text(places->hand, octets + 1, (end < n ? end : n) - 1);
        if (close == n)
            return end;
    }
    reader = (struct reader){.octets = octets + end, .n = close - end, .places = places};
    if (is_counting(octets + 1, end - 1))
        take_rest(&reader, false, false);
    else if (imapid_octets_is(octets + 1, end - 1, "MYRIGHTS"))
        take_plan(&reader, "r*");
    else if (imapid_octets_is(octets + 1, end - 1, "REFERRAL") ||
             imapid_octets_is(octets + 1, end - 1, "BADURL"))
        imapid_value_take_url(places->hand, octets + end, close - end);
    else if (imapid_octets_is(octets + 1, end - 1, "MAILBOXID") ||
             imapid_octets_is(octets + 1, end - 1, "NEWNAME"))
        imapid_value_take(places->hand, octets + end, close - end, IMAPID_WORDS_NONE);
    else
        imapid_value_take_text(places->hand, octets + end, close - end);
    return close + 1;
}

static void take_status(struct imapid_places *places, uint8_t *octets, size_t n)
{
    size_t at = 0;

    while (at < n && imapid_is_blank(octets[at]))
        at++;
    at += take_code(places, octets + at, n - at);
    imapid_value_take_text(places->hand, octets + at, n - at);
}

/* ---- tags ---- */

/* As clients count them: letters, then digits. */
static bool is_usual(const uint8_t *tag, size_t n, size_t *n_letters)
{
    size_t n_digits = 0;

    *n_letters = 0;
    while (*n_letters < n && imapid_is_alpha(tag[*n_letters]))
        ++*n_letters;
    while (*n_letters + n_digits < n && imapid_is_digit(tag[*n_letters + n_digits]))
        n_digits++;
    return *n_letters + n_digits == n && *n_letters <= 4 && (n_digits || n <= 2) && n_digits <= 8;
}

/* Letters and how many digits follow. */
static GBytes *make_shape(const uint8_t *tag, size_t n_letters, size_t n_digits)
{
    uint8_t shape[8] = {(uint8_t)n_digits};

    memcpy(shape + 1, tag, n_letters);
    return g_bytes_new(shape, n_letters + 1);
}

/* Did a command that is known have such a tag, or one with a digit more or less? What else a line begins with may be a
 * word of a message that is read for one. */
static bool is_counted(const struct imapid_places *places, const uint8_t *tag, size_t n)
{
    size_t n_letters;
    bool found = false;

    if (!is_usual(tag, n, &n_letters))
        return false;
    for (size_t more = 0; !found && more < 3; more++) {
        GBytes *shape = make_shape(tag, n_letters, n - n_letters + more);

        found = g_hash_table_contains(places->shapes, shape);
        g_bytes_unref(shape);
    }
    return found;
}

static void learn_tag(struct imapid_places *places, const uint8_t *tag, size_t n, bool is_known)
{
    size_t n_letters;

    if (g_hash_table_size(places->tags) >= N_NAMES)
        return;
    g_hash_table_add(places->tags, g_bytes_new(tag, n));
    if (is_known && is_usual(tag, n, &n_letters))
        g_hash_table_add(places->shapes, make_shape(tag, n_letters, n - n_letters + 1));
}

static void mask_tag(const struct imapid_places *places, uint8_t *octets, size_t n)
{
    bool taken = true;

    for (unsigned i = 0; taken && i < 64;
         i++) { /* short ones meet: that would be another's answer */
        GBytes *tag;

        imapid_mask_word(places->hand->mask, octets, n);
        tag = g_bytes_new(octets, n);
        taken = g_hash_table_contains(places->tags, tag);
        g_bytes_unref(tag);
    }
}

/* A PROXY header that is taken for a command has it for its tag, and names nobody. */
static bool is_proxy(const uint8_t *tag, size_t n)
{
    return n == 5 && !memcmp(tag, "PROXY", 5);
}

/* What the client never sent goes, as does what no counter makes; of that the mask is the same on both
 * sides. What is no tag but the beginning of a PROXY header, or of a request of HTTP, names nobody. */
static void take_tag(struct imapid_places *places, uint8_t *octets, size_t n)
{
    GBytes *tag = g_bytes_new(octets, n);

    if (!places->hand->is_learning && !is_proxy(octets, n) &&
        !imapid_verdict_is_method(octets, n) &&
        !((places->has_lost || g_hash_table_contains(places->tags, tag)) &&
          is_counted(places, octets, n))) {
        imapid_search_add(places->hand->search, octets, n);
        mask_tag(places, octets, n);
    }
    g_bytes_unref(tag);
}

/* ---- units ---- */

static void take_client(struct imapid_places *places, const struct imapid_unit *unit,
                        uint8_t *octets, size_t n)
{
    size_t at = unit->args.offset;

    if (unit->word == IMAPID_WORD_AUTHENTICATE) {
        struct reader reader = {.octets = octets + at, .n = unit->args.n, .places = places};
        struct token token = next(&reader);

        places->is_in_auth = true;
        places->auth_tag = imapid_unit_tag(unit);
        places->n_sasl = 0;
        take_atom(&reader, &token);
        token = next(&reader);
        if (token.kind == ATOM) /* with what "(" or "{" may stand in it */
            imapid_encoded_take(places->hand, octets + at + token.at, token.n, IMAPID_CLIENT,
                                places->n_sasl++);
        else
            reader.at = token.kind == END ? reader.at : token.at;
        imapid_value_take_unreadable(places->hand, octets + at + reader.at, n - at - reader.at);
    } else if (imapid_unit_is_id(unit)) {
        take_id(places, unit, octets, n);
    } else {
        take_arguments(places, IMAPID_CLIENT, octets + unit->name.offset, unit->name.n, octets + at,
                       n - at);
    }
}

static bool is_protocol_of_proxy(const uint8_t *name, size_t n)
{
    return imapid_octets_is(name, n, "TCP4") || imapid_octets_is(name, n, "TCP6") ||
           imapid_octets_is(name, n, "UNKNOWN");
}

static void take_name(struct imapid_places *places, const struct imapid_unit *unit, uint8_t *octets)
{
    if (is_proxy(octets + unit->tag.offset, unit->tag.n) &&
        is_protocol_of_proxy(octets + unit->name.offset, unit->name.n))
        return;
    if (unit->word == IMAPID_WORD_UNKNOWN)
        imapid_value_take(places->hand, octets + unit->name.offset, unit->name.n,
                          IMAPID_WORDS_ATOM);
}

/* Nobody knows of what it is the number in "* 555 nobody". */
static void take_number(struct imapid_places *places, const struct imapid_unit *unit,
                        uint8_t *octets)
{
    size_t at = unit->tag.offset + unit->tag.n;

    if (unit->word == IMAPID_WORD_UNKNOWN && unit->name.offset > at)
        imapid_value_take_unreadable(places->hand, octets + at, unit->name.offset - at);
}

static void take_continued(struct imapid_places *places, const struct imapid_unit *unit,
                           uint8_t *octets)
{
    uint8_t *text = octets + unit->args.offset;

    struct imapid_unit command;

    imapid_unit_read(&command, IMAPID_CLIENT, octets, unit->n);
    if (command.word != IMAPID_WORD_UNKNOWN) /* it may be one: nobody knows what "+" asked for */
        imapid_places_take(places, &command, IMAPID_CLIENT, octets, unit->n);
    else if (!imapid_octets_is(text, unit->args.n, "DONE"))
        imapid_encoded_take(places->hand, text, unit->args.n, IMAPID_CLIENT,
                            places->is_in_auth ? places->n_sasl++ : 1);
}

static void take_continuation(struct imapid_places *places, const struct imapid_unit *unit,
                              uint8_t *octets)
{
    struct imapid_slice text = imapid_unit_text(unit);

    if (imapid_encoded_is(octets + text.offset, text.n))
        imapid_encoded_take(places->hand, octets + text.offset, text.n, IMAPID_SERVER, 0);
    else
        take_status(places, octets + unit->args.offset, unit->args.n);
}

void imapid_places_take(struct imapid_places *places, const struct imapid_unit *unit,
                        enum imapid_side side, uint8_t *octets, size_t n)
{
    struct imapid_tag tag = imapid_unit_tag(unit);

    if (unit->kind == IMAPID_UNIT_TAGGED && places->is_in_auth &&
        imapid_tag_same(&tag, &places->auth_tag))
        places->is_in_auth = false;
    if (n > unit->n && (imapid_unit_is_opaque(unit) || unit->kind == IMAPID_UNIT_CONTINUED)) {
        imapid_value_take_unreadable(places->hand, octets + unit->n, n - unit->n);
        n = unit->n;
    }
    switch (unit->kind) {
    case IMAPID_UNIT_JUNK:
        imapid_value_take_unreadable(places->hand, octets, n);
        return;
    case IMAPID_UNIT_COMMAND:
        take_client(places, unit, octets, n);
        take_name(places, unit, octets);
        break;
    case IMAPID_UNIT_CONTINUED:
        take_continued(places, unit, octets);
        return;
    case IMAPID_UNIT_UNTAGGED:
    case IMAPID_UNIT_TAGGED:
        if (imapid_unit_is_opaque(unit))
            take_status(places, octets + unit->args.offset, unit->args.n);
        else if (imapid_unit_is_id(unit))
            take_id(places, unit, octets, n);
        else
            take_arguments(places, side, octets + unit->name.offset, unit->name.n,
                           octets + unit->args.offset, n - unit->args.offset);
        take_name(places, unit, octets);
        take_number(places, unit, octets);
        break;
    case IMAPID_UNIT_CONTINUATION:
        take_continuation(places, unit, octets);
        break;
    }
    if (unit->tag.n && side == IMAPID_CLIENT && places->hand->is_learning)
        learn_tag(places, octets + unit->tag.offset, unit->tag.n,
                  is_known(unit, octets + unit->name.offset));
    if (unit->tag.n)
        take_tag(places, octets + unit->tag.offset, unit->tag.n);
}
