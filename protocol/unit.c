/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.c: reads the first line of a command or response. It is lenient where the meaning is
 * plain (several spaces, a TAB, a quoted name); findings.h says what is wrong with it.
 *
 * Refuses nothing. What is no command or response is JUNK.
 *
 * Misuse: a line that has not ended, unless it is known to be cut. */
#include <imapid/unit.h>

#include <string.h>

enum where {
    C = 1, /* command */
    U = 2, /* untagged response */
    S = 4, /* status response */
    A = 8 | U,
};

/* The longest spelling, and what fills the rest. */
#define WORD_MAX 16

struct word {
    uint8_t spelling[WORD_MAX];
    int where;
};

static const struct word words[IMAPID_N_WORDS] = {
    [IMAPID_WORD_UNKNOWN] = {"", 0},
#define IMAPID_WORD(symbol, spelling, where) [IMAPID_WORD_##symbol] = {spelling, where},
#include <imapid/words.def>
#undef IMAPID_WORD
};

const char *imapid_word_name(enum imapid_word word)
{
    static const char *const names[IMAPID_N_WORDS] = {
        [IMAPID_WORD_UNKNOWN] = "",
#define IMAPID_WORD(symbol, spelling, where) [IMAPID_WORD_##symbol] = (spelling),
#include <imapid/words.def>
#undef IMAPID_WORD
    };

    return names[word];
}

/* Spellings are compared eight octets at a time: as numbers they sort as they do as text. Written
 * out, compilers make it one load. */
static uint64_t number_of(const uint8_t *o)
{
    return (uint64_t)o[0] << 56 | (uint64_t)o[1] << 48 | (uint64_t)o[2] << 40 |
           (uint64_t)o[3] << 32 | (uint64_t)o[4] << 24 | (uint64_t)o[5] << 16 |
           (uint64_t)o[6] << 8 | (uint64_t)o[7];
}

/* `name` is an atom: there is no NUL in it. */
static enum imapid_word find_word(const uint8_t *name, size_t n, int where)
{
    uint8_t spelling[WORD_MAX] = {0};
    uint64_t head, tail;
    int low = 1, high = IMAPID_N_WORDS - 1;

    if (n > WORD_MAX)
        return IMAPID_WORD_UNKNOWN;
    for (size_t i = 0; i < n; i++)
        spelling[i] = imapid_upper(name[i]);
    head = number_of(spelling);
    tail = number_of(spelling + 8);
    while (low <= high) {
        int middle = (low + high) / 2;
        uint64_t other = number_of(words[middle].spelling), wanted = head;

        if (other == head) {
            other = number_of(words[middle].spelling + 8);
            wanted = tail;
        }
        if (other == wanted)
            return words[middle].where & where ? (enum imapid_word)middle : IMAPID_WORD_UNKNOWN;
        if (wanted < other)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return IMAPID_WORD_UNKNOWN;
}

bool imapid_word_shows_authenticated(enum imapid_word word)
{
    return (words[word].where & A) == A;
}

bool imapid_unit_is_opaque(const struct imapid_unit *unit)
{
    return unit->kind == IMAPID_UNIT_CONTINUATION || unit->kind == IMAPID_UNIT_CONTINUED ||
           words[unit->word].where == S;
}

static size_t skip_blanks(const uint8_t *line, size_t n, size_t at)
{
    while (at < n && imapid_is_blank(line[at]))
        at++;
    return at;
}

static size_t skip_atom(const uint8_t *line, size_t n, size_t at)
{
    while (at < n && imapid_is_atom_char(line[at]))
        at++;
    return at;
}

/* The name of a command or response at `at`: an atom, or, as some software sends it, a quoted one.
 * Places it in the unit and returns the offset behind it. */
static size_t read_name(struct imapid_unit *unit, size_t n, size_t at, int where)
{
    const uint8_t *line = unit->data;
    bool quoted = at < n && line[at] == '"';
    size_t start = at + quoted;
    size_t end = skip_atom(line, n, start);

    if (quoted && (end == n || line[end] != '"'))
        end = start;
    unit->name = (struct imapid_slice){start, end - start};
    unit->word = find_word(line + start, end - start, where);
    return end > start ? end + quoted : at;
}

static size_t without_line_end(const uint8_t *line, size_t n)
{
    if (n && line[n - 1] == '\n')
        n--;
    if (n && line[n - 1] == '\r')
        n--;
    return n;
}

/* `star` is where that stands. */
static void read_untagged(struct imapid_unit *unit, size_t star, size_t n)
{
    const uint8_t *line = unit->data;
    size_t start = skip_blanks(line, n, star + 1);
    size_t at = start;

    while (at < n && imapid_is_digit(line[at]))
        at++;
    if (at > start && at < n && imapid_is_blank(line[at]))
        start = skip_blanks(line, n, at);
    at = read_name(unit, n, start, U | S);
    if (!unit->name.n)
        return;
    unit->kind = IMAPID_UNIT_UNTAGGED;
    unit->args = (struct imapid_slice){at, n - at};
}

/* An ID behind blanks that some servers put in front. Anything else there is no response: the
 * text of a status, broken into lines, goes on so. */
static void read_indented_id(struct imapid_unit *unit, size_t n)
{
    const uint8_t *line = unit->data;
    size_t star = skip_blanks(line, n, 0);

    if (star + 1 >= n || line[star] != '*' || !imapid_is_blank(line[star + 1]))
        return;
    read_untagged(unit, star, n);
    if (unit->word == IMAPID_WORD_ID)
        return;
    memset(unit, 0, sizeof *unit);
    unit->data = line;
}

/* tag SP name: a command of the client, or a status of the server. */
static void read_tagged(struct imapid_unit *unit, enum imapid_side side, size_t n)
{
    const uint8_t *line = unit->data;
    size_t n_tag = 0, at;

    while (n_tag < n && n_tag <= IMAPID_TAG_MAX && imapid_is_tag_char(line[n_tag]))
        n_tag++;
    if (n_tag == 0 || n_tag > IMAPID_TAG_MAX || n_tag == n || !imapid_is_blank(line[n_tag]))
        return;
    at = read_name(unit, n, skip_blanks(line, n, n_tag), side == IMAPID_CLIENT ? C : S);
    if (!unit->name.n || (side == IMAPID_SERVER &&
                          (unit->word == IMAPID_WORD_UNKNOWN || unit->word == IMAPID_WORD_BYE ||
                           unit->word == IMAPID_WORD_PREAUTH))) {
        unit->name = (struct imapid_slice){0, 0};
        unit->word = IMAPID_WORD_UNKNOWN;
        return;
    }
    unit->kind = side == IMAPID_CLIENT ? IMAPID_UNIT_COMMAND : IMAPID_UNIT_TAGGED;
    unit->tag = (struct imapid_slice){0, n_tag};
    unit->args = (struct imapid_slice){at, n - at};
}

void imapid_unit_read(struct imapid_unit *unit, enum imapid_side side, const uint8_t *line,
                      size_t n)
{
    size_t n_text = without_line_end(line, n);

    memset(unit, 0, sizeof *unit);
    unit->data = line;
    unit->n = n;
    if (side == IMAPID_SERVER && n && line[0] == '+') {
        unit->kind = IMAPID_UNIT_CONTINUATION;
        if (n_text)
            unit->args = (struct imapid_slice){1, n_text - 1};
    } else if (side == IMAPID_SERVER && n_text > 1 && line[0] == '*' && imapid_is_blank(line[1])) {
        read_untagged(unit, 0, n_text);
    } else if (side == IMAPID_SERVER && n_text && imapid_is_blank(line[0])) {
        read_indented_id(unit, n_text);
        unit->n = n;
    } else {
        read_tagged(unit, side, n_text);
    }
}

struct imapid_tag imapid_unit_tag(const struct imapid_unit *unit)
{
    const uint8_t *octets = unit->data + unit->tag.offset;
    struct imapid_tag tag = {.hash = unit->tag.n ? 0xcbf29ce484222325 : 0}; /* FNV-1a */

    for (size_t i = 0; i < unit->tag.n; i++)
        tag.hash = (tag.hash ^ octets[i]) * 0x100000001b3;
    return tag;
}

bool imapid_tag_same(const struct imapid_tag *a, const struct imapid_tag *b)
{
    return a->hash == b->hash;
}

struct imapid_slice imapid_unit_text(const struct imapid_unit *unit)
{
    struct imapid_slice text = unit->args;
    size_t end = text.offset + text.n;

    text.offset = skip_blanks(unit->data, end, text.offset);
    text.n = end - text.offset;
    return text;
}

bool imapid_unit_capabilities(const struct imapid_unit *unit, struct imapid_slice *list)
{
    static const char head[] = "[CAPABILITY ";
    const size_t n_head = sizeof head - 1;
    struct imapid_slice text;
    const uint8_t *start, *end;

    if (unit->word == IMAPID_WORD_CAPABILITY) {
        *list = unit->args;
        return true;
    }
    text = imapid_unit_text(unit);
    start = unit->data + text.offset;
    if (text.n < n_head || !imapid_octets_is(start, n_head, head))
        return false;
    end = memchr(start, ']', text.n);
    if (!end)
        return false;
    *list = (struct imapid_slice){text.offset + n_head, (size_t)(end - start) - n_head};
    return true;
}

enum imapid_plausible imapid_unit_plausible(enum imapid_side side, const uint8_t *line, size_t n)
{
    struct imapid_unit unit;
    size_t end;

    if (n > 2 * IMAPID_TAG_MAX)
        n = 2 * IMAPID_TAG_MAX;
    if (!n)
        return IMAPID_PLAUSIBLE_MORE;
    imapid_unit_read(&unit, side, line, n);
    if (unit.kind == IMAPID_UNIT_CONTINUATION) {
        if (n == 1)
            return IMAPID_PLAUSIBLE_MORE;
        return line[1] == ' ' || line[1] == '\r' || line[1] == '\n' ? IMAPID_PLAUSIBLE_YES
                                                                    : IMAPID_PLAUSIBLE_NO;
    }
    if (imapid_is_blank(line[0]))
        return IMAPID_PLAUSIBLE_NO;
    end = unit.args.offset;
    if (unit.kind != IMAPID_UNIT_JUNK && end < n) {
        bool quoted = line[unit.name.offset - 1] == '"'; /* so rare that prose is likelier */
        bool ends = imapid_is_blank(line[end]) || line[end] == '\r' || line[end] == '\n' ||
                    (unit.word == IMAPID_WORD_ID && line[end] == '(');

        return unit.word != IMAPID_WORD_UNKNOWN && ends && !quoted ? IMAPID_PLAUSIBLE_YES
                                                                   : IMAPID_PLAUSIBLE_NO;
    }
    /* Not refuted yet: a beginning of tag and name with no end of line in it. */
    if (n == 2 * IMAPID_TAG_MAX || memchr(line, '\n', n))
        return IMAPID_PLAUSIBLE_NO;
    for (size_t i = 0; i < n; i++)
        if (!imapid_is_tag_char(line[i]) && !imapid_is_blank(line[i]) && line[i] != '\r' &&
            !(side == IMAPID_SERVER && i == 0 && line[i] == '*'))
            return IMAPID_PLAUSIBLE_NO;
    return IMAPID_PLAUSIBLE_MORE;
}
