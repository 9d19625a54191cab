/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redact-shape.c: is a text the name of a product, a version, a date, or the address of a page?
 * A text is cut into words of letters and digits. Each word, and what stands between two, has to
 * be of a known kind.
 *
 * Refuses texts longer than such names are.
 *
 * Misuse: taking all that is let through for harmless. "John Doe" has the shape of a product, as
 * "Lotus Notes" has. */
#include "record/redact-shape.h"

#include <glib.h>
#include <string.h>

/* The longest, what uname -v says, have some 120. */
#define OCTETS_MAX 256
#define WORDS_MAX  48
#define URL_MAX    1024 /* of a value by the standard */

/* ---- tables ---- */

static const char *const names[] = {
#define IMAPID_NAMES
#include "record/redact-names.def"
#undef IMAPID_NAMES
};
static const char *const devices[] = {
#define IMAPID_DEVICES
#include "record/redact-names.def"
#undef IMAPID_DEVICES
};
static const char *const markers[] = {
#define IMAPID_MARKERS
#include "record/redact-names.def"
#undef IMAPID_MARKERS
};
static const char *const people[] = {
#define IMAPID_PEOPLE
#include "record/redact-names.def"
#undef IMAPID_PEOPLE
};
static const char *const domains[] = {
#define IMAPID_DOMAINS
#include "record/redact-names.def"
#undef IMAPID_DOMAINS
};
static const char *const files[] = {
#define IMAPID_FILES
#include "record/redact-names.def"
#undef IMAPID_FILES
};

static bool is_one_of(const char *const *list, size_t n_list, const char *text, size_t n)
{
    for (size_t i = 0; i < n_list; i++)
        if (!g_ascii_strncasecmp(list[i], text, n) && strlen(list[i]) == n)
            return true;
    return false;
}

#define IS_ONE_OF(list, text, n) is_one_of(list, G_N_ELEMENTS(list), text, n)

/* Is a known word in these letters? A short one has to be all of them. */
static bool has_name(const char *text, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t n_name = strlen(names[i]);

        if (n_name <= 3 ? n != n_name : n < n_name)
            continue;
        for (size_t at = 0; at + n_name <= n; at++)
            if (!g_ascii_strncasecmp(text + at, names[i], n_name))
                return true;
    }
    return false;
}

bool imapid_shape_is_product_word(const uint8_t *word, size_t n)
{
    return IS_ONE_OF(names, (const char *)word, n);
}

/* ---- words ---- */

enum kind { LETTERS, DIGITS, MIXED };

struct word {
    enum kind kind;
    const char *text;
    size_t n;         /* octets */
    const char *mark; /* what stands before it: spaces and marks */
    size_t n_mark;
    unsigned head, tail; /* the numbers that it begins and ends with; 256: higher ones, or none */
};

struct text {
    struct word words[WORDS_MAX];
    size_t n;
    const char *tail; /* what stands behind the last word */
};

static bool is_digit(const char *at)
{
    return g_ascii_isdigit(*at);
}

static bool is_letter(const char *at)
{
    gunichar c = g_utf8_get_char(at);

    return g_unichar_isalpha(c) || g_unichar_ismark(c);
}

static unsigned read_number(const char *text, size_t n)
{
    unsigned number = 0;

    for (size_t i = 0; i < n && number < 256; i++)
        number = number * 10 + (unsigned)(text[i] - '0');
    return MIN(number, 256);
}

static void add_word(struct text *text, const char *mark, const char *start, const char *end)
{
    struct word *word = &text->words[text->n++];
    bool digits = false, letters = false;
    size_t n_head = 0, n_tail = 0;

    for (const char *at = start; at < end; at = g_utf8_next_char(at))
        *(is_digit(at) ? &digits : &letters) = true;
    while (start + n_head < end && is_digit(start + n_head))
        n_head++;
    while (end - n_tail > start && is_digit(end - n_tail - 1))
        n_tail++;
    *word = (struct word){.kind = digits && letters ? MIXED
                                  : digits          ? DIGITS
                                                    : LETTERS,
                          .text = start,
                          .n = (size_t)(end - start),
                          .mark = mark,
                          .n_mark = (size_t)(start - mark),
                          .head = n_head ? read_number(start, n_head) : 256,
                          .tail = n_tail ? read_number(end - n_tail, n_tail) : 256};
}

/* False where there are too many. */
static bool split(struct text *text, const char *from)
{
    const char *mark = from, *at = from;

    text->n = 0;
    while (*at) {
        const char *start = at;

        while (*at && (is_digit(at) || is_letter(at)))
            at = g_utf8_next_char(at);
        if (at == start) {
            at = g_utf8_next_char(at);
            continue;
        }
        if (text->n == WORDS_MAX)
            return false;
        add_word(text, mark, start, at);
        mark = at;
    }
    text->tail = mark;
    return true;
}

/* ---- one word ---- */

static bool is_day(const char *text)
{
    return (!strncmp(text, "19", 2) || !strncmp(text, "20", 2)) &&
           read_number(text + 4, 2) - 1 < 12 && read_number(text + 6, 2) - 1 < 31;
}

/* A build number, a year, a day, a moment; no telephone number, no address as one number. */
static bool is_number_harmless(const struct word *word, const struct word *before)
{
    if (word->n == 8 || word->n == 14)
        return is_day(word->text) && (word->n == 8 || (read_number(word->text + 8, 2) < 24 &&
                                                       read_number(word->text + 10, 2) < 60));
    if (word->n > 7)
        return false;
    /* "010" is the octal 8 of an address, but ".014" of Android's builds stands behind a day. */
    return word->text[0] != '0' || word->n <= 2 || (before && before->n >= 6);
}

static bool is_hash(const struct word *word)
{
    size_t skip = word->text[0] == 'g'; /* as git describes a commit */
    size_t n = word->n - skip;

    /* Eight are an IPv4 address, twelve a MAC address, more a UUID. */
    if (n < 7 || n > (skip ? 12 : 11) || (n == 8 && !skip))
        return false;
    for (size_t i = skip; i < word->n; i++)
        if (!g_ascii_isxdigit(word->text[i]) || g_ascii_isupper(word->text[i]))
            return false;
    return true;
}

/* "22G120", "el7", "0ubuntu1", "Imap4Server"; no serial number. */
static bool is_mixed_harmless(const struct word *word, enum imapid_shape shape)
{
    size_t n_upper_max = shape == IMAPID_SHAPE_VERSION && word->n <= 6 ? 3 : 1;
    unsigned n_runs = 0;

    if (shape == IMAPID_SHAPE_VERSION && is_hash(word))
        return true;
    if (word->n > 16 || !g_ascii_strncasecmp(word->text, "0x", 2))
        return false;
    for (size_t at = 0, end; at < word->n; at = end, n_runs++) {
        bool digits = g_ascii_isdigit(word->text[at]), upper = true;

        for (end = at; end < word->n && g_ascii_isdigit(word->text[end]) == digits; end++)
            upper &= g_ascii_isupper(word->text[end]);
        if (digits ? end - at > 5 || (word->text[at] == '0' && end - at > 2)
                   : end - at > (upper ? n_upper_max : 1) && !has_name(word->text + at, end - at))
            return false;
    }
    return n_runs <= 4;
}

/* "joe at example dot com", but not "AT&T". */
static bool spells_mark(const struct text *text, size_t i)
{
    const struct word *word = &text->words[i];

    return i && i + 1 < text->n &&
           (!g_ascii_strncasecmp(word->text, "at", MAX(word->n, 2)) ||
            !g_ascii_strncasecmp(word->text, "dot", MAX(word->n, 3)));
}

/* "OfflineIMAP"; no base64. */
static bool is_letters_harmless(const struct word *word)
{
    unsigned n_humps = 0;

    for (size_t i = 1; i < word->n; i++)
        n_humps += g_ascii_islower(word->text[i - 1]) && g_ascii_isupper(word->text[i]);
    return word->n <= 32 * 2 && n_humps <= 3 && !IS_ONE_OF(markers, word->text, word->n);
}

static bool is_word_harmless(const struct text *text, size_t i, enum imapid_shape shape)
{
    const struct word *word = &text->words[i];

    switch (word->kind) {
    case LETTERS:
        return is_letters_harmless(word) && !spells_mark(text, i);
    case DIGITS:
        return is_number_harmless(word, i ? word - 1 : NULL);
    case MIXED:
        return is_mixed_harmless(word, shape);
    }
    return false;
}

/* ---- what stands between words ---- */

static const char openers[] = "\"'([#&-", closers[] = "\"')].,;:!?+#|&";

static bool consists_of(const char *mark, size_t n, const char *of)
{
    for (size_t i = 0; i < n; i++)
        if (!mark[i] || !strchr(of, mark[i]))
            return false;
    return true;
}

/* Marks with a space in between: some close the word before it, some open the one behind it; alone
 * between two spaces there may be a dash, say. */
static bool is_gap_harmless(const char *mark, size_t n, bool at_start)
{
    const char *first = memchr(mark, ' ', n), *last = mark + n;

    if (!first)
        return at_start && consists_of(mark, n, openers);
    while (last[-1] != ' ')
        last--;
    for (const char *at = first; at < last - 1; at++)
        if (*at != ' ' && (at[1] != ' ' || at[-1] != ' ' || !strchr("-&|/+", *at)))
            return false;
    return consists_of(mark, (size_t)(first - mark), at_start ? "" : closers) &&
           consists_of(last, (size_t)(mark + n - last), openers);
}

/* The mark that joins a word to the one before it; 0: none does. */
static char get_joint(const struct word *word)
{
    if (word->n_mark == 1 && strchr(".-_+~:/", word->mark[0]))
        return word->mark[0];
    return word->n_mark == 2 && !strncmp(word->mark, "::", 2) ? ':' : 0;
}

static bool is_joint_harmless(const struct word *word)
{
    const struct word *before = word - 1;

    switch (get_joint(word)) {
    case ':': /* of Perl's modules, or of a time and of Debian's epochs */
        return word->n_mark == 2 || (before->kind == DIGITS && before->n <= 2);
    case '~':
        return before->kind != LETTERS;
    case 0:
        return consists_of(word->mark, word->n_mark, "()[]\",;|&") ||
               is_gap_harmless(word->mark, word->n_mark, false);
    default:
        return true;
    }
}

static bool are_marks_harmless(const struct text *text)
{
    unsigned n_colons = 0, n_slashes = 0;

    for (size_t i = 0; i < text->n; i++) {
        const struct word *word = &text->words[i];

        if (i ? !is_joint_harmless(word)
              : word->n_mark && !is_gap_harmless(word->mark, word->n_mark, true))
            return false;
        if (word->n_mark && word->mark[word->n_mark - 1] == '&' && word->text[word->n] == ';')
            return false; /* a character, as HTML escapes it */
        n_colons += i && get_joint(word) == ':';
        n_slashes += i && get_joint(word) == '/'; /* more than one is a path */
    }
    return n_colons <= 2 && n_slashes <= 1 &&
           (!*text->tail || consists_of(text->tail, strlen(text->tail), closers));
}

/* ---- words that are joined ---- */

/* Is a known word of so many letters in it, or in its letters before or behind digits ("el7")? */
static bool is_known(const struct word *word, size_t n_min)
{
    for (size_t at = 0, end; at < word->n; at = end + 1) {
        for (end = at; end < word->n && !g_ascii_isdigit(word->text[end]); end++)
            ;
        if (end >= at + n_min && has_name(word->text + at, end - at))
            return true;
    }
    return false;
}

/* Is one of the words known, or each of up to three letters? "imap-client", "en-US"; no
 * "joe-doe". */
static bool is_compound_harmless(const struct word *words, size_t n)
{
    bool known = false, is_short = true;

    for (size_t i = 0; i < n; i++) {
        if (IS_ONE_OF(devices, words[i].text, words[i].n))
            return false;
        known |= is_known(&words[i], 2) || is_hash(&words[i]);
        is_short &= words[i].n <= 3;
    }
    return known || is_short;
}

/* A package ("com.example.mail"), a class ("Exchange.Imap4"), initials ("B.V."); no host, no
 * "joe.doe". */
static bool is_dotted_harmless(const struct word *words, size_t n)
{
    const struct word *last = &words[n - 1];
    bool all_known = true, are_initials = true;

    for (size_t i = 0; i < n; i++) {
        are_initials &= words[i].n == 1;
        if (IS_ONE_OF(devices, words[i].text, words[i].n))
            return false;
        all_known &= is_known(&words[i], 1);
    }
    if (n == 2 && (IS_ONE_OF(domains, words[0].text, words[0].n) ||
                   g_ascii_strncasecmp(last->text, "js", last->n) == 0))
        return true;
    return !IS_ONE_OF(domains, last->text, last->n) &&
           (all_known || are_initials || IS_ONE_OF(domains, words[0].text, words[0].n));
}

/* What is behind a number, as "-generic" of a kernel's version, has to be known. */
static bool is_suffix_harmless(const struct word *word)
{
    return word->kind != LETTERS || has_name(word->text, word->n) || word->n == 1;
}

/* Does it go on with the word before it, so that both are one name? */
static bool goes_on(const struct word *word)
{
    char joint = get_joint(word);

    return joint && joint != '/' && word->kind != DIGITS && word[-1].kind != DIGITS;
}

static bool are_joints_harmless(const struct text *text)
{
    for (size_t i = 0, end; i < text->n; i = end) {
        const struct word *words = &text->words[i];
        bool dotted = false;

        for (end = i + 1; end < text->n && goes_on(&text->words[end]); end++)
            dotted |= get_joint(&text->words[end]) == '.';
        if (dotted ? !is_dotted_harmless(words, end - i)
                   : end > i + 1 && !is_compound_harmless(words, end - i))
            return false;
        if (end == i + 1 && i && get_joint(words) && words[-1].kind == DIGITS &&
            !is_suffix_harmless(words))
            return false;
    }
    return true;
}

/* "Joes iPhone", but not "Windows Phone". */
static bool has_owner(const struct text *text)
{
    for (size_t i = 1; i < text->n; i++) {
        const struct word *before = &text->words[i - 1];

        if (IS_ONE_OF(devices, text->words[i].text, text->words[i].n) &&
            g_ascii_tolower(before->text[before->n - 1]) == 's' && before->n > 2 &&
            g_ascii_strncasecmp(before->text, "windows", before->n))
            return true;
    }
    return false;
}

/* ---- addresses ---- */

/* The marks between two numbers without their spaces, as one character; 0 where there are letters
 * or several marks. */
static int get_separator(const struct word *word)
{
    int mark = ' ';

    for (size_t i = 0; i < word->n_mark; i++)
        if (word->mark[i] != ' ') {
            if (mark != ' ' && mark != (unsigned char)word->mark[i])
                return 0;
            mark = (unsigned char)word->mark[i];
        }
    return mark;
}

/* Is this, behind a quad, a port, or the length of a prefix? */
static bool has_port(const struct word *word)
{
    return word->kind == DIGITS && word->n_mark == 1 && (*word->mark == ':' || *word->mark == '/');
}

/* Four numbers up to 255 with the same between them: an address, but for versions with dots, which
 * count up to 30 or so. 10.0.0.0/8 is in use everywhere, so it is none. */
static bool is_quad(const struct text *text, size_t i, enum imapid_shape shape)
{
    const struct word *words = &text->words[i];
    int separator = get_separator(&words[1]);

    for (size_t k = 1; k < 4; k++)
        if (get_separator(&words[k]) != separator || words[k].head > 255 ||
            (k < 3 && words[k].kind != DIGITS))
            return false;
    return words[0].tail <= 255 &&
           (shape != IMAPID_SHAPE_VERSION || separator != '.' || words[0].tail == 10 ||
            words[0].tail > 30 || (i + 4 < text->n && has_port(&words[4])));
}

/* An address in two parts, of which the second is 24 bits: 10.66051. Versions have small numbers, or a
 * day. */
static bool is_pair(const struct text *text, size_t i)
{
    const struct word *words = &text->words[i];

    return words[0].tail <= 255 && words[1].kind == DIGITS && get_separator(&words[1]) == '.' &&
           words[1].n >= 5 && words[1].n <= 8 && words[1].text[0] != '0' &&
           g_ascii_strtoull(words[1].text, NULL, 10) - 65536 < (1u << 24) - 65536 &&
           (words[1].n < 8 || !is_day(words[1].text)) &&
           (i + 2 == text->n || get_separator(&words[2]) != '.');
}

/* Pieces of one length with the same between them that make 12 or more hexadecimal digits: a MAC
 * address, a UUID. */
static bool is_hardware(const struct text *text, size_t i)
{
    const struct word *words = &text->words[i];
    size_t n_digits = 0;

    for (size_t k = 0; i + k < text->n && words[k].n == words[0].n; k++) {
        if (k &&
            (get_separator(&words[k]) != get_separator(&words[1]) || get_separator(&words[k]) == 0))
            return false;
        for (size_t at = 0; at < words[k].n; at++)
            if (!g_ascii_isxdigit(words[k].text[at]))
                return false;
        n_digits += words[k].n;
        if (k && n_digits >= 12)
            return true;
    }
    return false;
}

/* Is there between two numbers what is in a telephone number? */
static bool is_dialed_on(const struct word *word)
{
    return word->n_mark && word->kind == DIGITS && consists_of(word->mark, word->n_mark, "- /)");
}

/* Groups of digits: a telephone number, an IMEI. A date has three as well, one of them a year. */
static bool is_telephone(const struct text *text, size_t i)
{
    const struct word *words = &text->words[i];
    size_t n = 1, n_digits = words[0].n;

    if (words[0].kind != DIGITS)
        return false;
    for (; i + n < text->n && is_dialed_on(&words[n]); n++)
        n_digits += words[n].n;
    if (n == 3 && (words[0].n == 4 || words[2].n == 4) && n_digits <= 8)
        return false;
    return n >= 3 || (n == 2 && n_digits > 8);
}

static bool has_address(const struct text *text, enum imapid_shape shape)
{
    for (size_t i = 0; i < text->n; i++)
        if ((i + 4 <= text->n && is_quad(text, i, shape)) ||
            (i + 2 <= text->n && is_pair(text, i)) || is_hardware(text, i) || is_telephone(text, i))
            return true;
    return false;
}

/* ---- whole texts ---- */

static bool is_ascii(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] > 127)
            return false;
    return true;
}

/* As UTF-8, in the form in which full-width and other letters are the plain ones; to be freed. What
 * is not UTF-8 is taken for Latin-1. NULL where it is too long, or has a NUL. */
static char *normalize(const uint8_t *octets, size_t n)
{
    GString *text;
    char *normal;

    if (!n) /* there may be no octets to look at */
        return g_strdup("");
    if (n > OCTETS_MAX || memchr(octets, 0, n))
        return NULL;
    if (is_ascii(octets, n)) /* nearly all */
        return g_strndup((const char *)octets, n);
    text = g_string_new(NULL);
    for (size_t at = 0; at < n;) {
        gunichar c = g_utf8_get_char_validated((const char *)octets + at, (gssize)(n - at));

        if (c >= 0x110000) /* no character */
            g_string_append_unichar(text, octets[at++]);
        else {
            g_string_append_unichar(text, c);
            at += (size_t)g_unichar_to_utf8(c, NULL);
        }
    }
    normal = g_utf8_normalize(text->str, (gssize)text->len, G_NORMALIZE_NFKC);
    g_string_free(text, TRUE);
    return normal;
}

static bool is_date(const char *text)
{
    static const char pattern[] =
        "^\\s?(?:(?:[A-Z][a-z]{2}, )?\\d{1,2}[- ][A-Z][a-z]{2}[- ]\\d{4}"
        "(?: \\d\\d:\\d\\d(?::\\d\\d)?(?: (?:[+-]\\d{4}|[A-Z]{3,4})(?: \\([A-Z]{3,4}\\))?)?)?"
        "|\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d(?::\\d\\d)?(?:Z|[+-]\\d\\d:?\\d\\d)?)?)$";
    static GRegex *regex;

    if (g_once_init_enter(&regex))
        g_once_init_leave(&regex,
                          g_regex_new(pattern, G_REGEX_OPTIMIZE | G_REGEX_DOLLAR_ENDONLY, 0, NULL));
    return g_regex_match(regex, text, 0, NULL);
}

static bool is_harmless(enum imapid_shape shape, const char *normal)
{
    struct text text;

    if (!split(&text, normal) || !text.n)
        return !*normal;
    for (size_t i = 0; i < text.n; i++)
        if (!is_word_harmless(&text, i, shape))
            return false;
    return are_marks_harmless(&text) && are_joints_harmless(&text) && !has_owner(&text) &&
           !has_address(&text, shape);
}

bool imapid_shape_is_harmless(enum imapid_shape shape, const uint8_t *octets, size_t n)
{
    char *normal = normalize(octets, n);
    bool harmless = normal && (shape == IMAPID_SHAPE_DATE ? is_date(normal) || !*normal
                                                          : is_harmless(shape, normal));

    g_free(normal);
    return harmless;
}

/* ---- URLs ---- */

/* The octets of "https://"; 0 where there is no scheme of a page. */
static size_t measure_scheme(const char *text, size_t n)
{
    static const char *const schemes[] = {"http://", "https://", "ftp://"};

    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (n > strlen(schemes[i]) && !g_ascii_strncasecmp(text, schemes[i], strlen(schemes[i])))
            return strlen(schemes[i]);
    return 0;
}

/* Without a scheme in front it has to end, or begin, as hosts do that serve pages. Letters that are not
 * plain may look like others. */
static bool is_host_harmless(const char *octets, size_t n, bool has_scheme)
{
    char *normal = normalize((const uint8_t *)octets, n);
    struct text text;
    const struct word *last;
    size_t n_digits = 0, n_dots = 0;
    bool harmless = is_ascii((const uint8_t *)octets, n) && normal && split(&text, normal) &&
                    text.n > 1 && !text.words[0].n_mark && !*text.tail && !has_owner(&text);

    for (size_t i = 0; harmless && i < text.n; i++) {
        const struct word *word = &text.words[i];
        int joint = i ? get_joint(word) : '.';

        n_dots += i && joint == '.';
        for (size_t at = 0; at < word->n; at++)
            n_digits += g_ascii_isdigit(word->text[at]);
        harmless = (joint == '.' || joint == '-') && !IS_ONE_OF(devices, word->text, word->n) &&
                   !IS_ONE_OF(markers, word->text, word->n);
    }
    /* An address has four digits at least. */
    harmless = harmless && n_dots && n_digits <= 3;
    last = harmless ? &text.words[text.n - 1] : NULL;
    harmless = harmless && last->kind == LETTERS && last->n > 1 && get_joint(last) == '.' &&
               (has_scheme || IS_ONE_OF(domains, last->text, last->n) ||
                !g_ascii_strncasecmp(normal, "www.", 4));
    g_free(normal);
    return harmless;
}

/* A step of a path without the ending of its file. */
static bool is_step_harmless(const char *step, size_t n)
{
    const char *dot = g_strrstr_len(step, (gssize)n, ".");
    size_t n_digits = 0;

    if (dot && dot > step && IS_ONE_OF(files, dot + 1, (size_t)(step + n - dot - 1)))
        n = (size_t)(dot - step);
    for (size_t i = 0; i < n; i++)
        n_digits += g_ascii_isdigit(step[i]);
    return n_digits <= 2 && !memchr(step, ' ', n) &&
           imapid_shape_is_harmless(IMAPID_SHAPE_NAME, (const uint8_t *)step, n);
}

/* Where the harmless steps from `at` on end; a slash before one that is not is harmless. */
static size_t measure_path(const char *text, size_t at, size_t n)
{
    while (at < n && text[at] == '/') {
        size_t step = at + 1, end = step;

        while (end < n && !strchr("/?#", text[end]))
            end++;
        if (!is_step_harmless(text + step, end - step))
            return step;
        at = end;
        if (IS_ONE_OF(people, text + step, end - step))
            break;
    }
    return at;
}

/* Can it stand before the @ of a URL (RFC 3986 3.2.1, and some more)? What has other octets is no URL, and its host may be
 * anybody's. */
static bool is_user(const char *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!g_ascii_isgraph(octets[i]) || strchr("\"<>\\^`{|}", octets[i]))
            return false;
    return true;
}

bool imapid_shape_read_url(struct imapid_shape_url *url, const uint8_t *octets, size_t n)
{
    const char *text = (const char *)octets;
    size_t end, host, name;

    *url = (struct imapid_shape_url){.n_scheme = measure_scheme(text, n)};
    if (n > URL_MAX)
        return false;
    for (end = url->n_scheme; end < n && text[end] && !strchr("/?#", text[end]); end++)
        ;
    for (host = end; host > url->n_scheme && text[host - 1] != '@'; host--)
        ;
    url->host = url->n_scheme ? host : 0;
    for (name = end; name > url->host && g_ascii_isdigit(text[name - 1]); name--)
        ;
    /* The port of a host. */
    name =
        name > url->host && name < end && text[name - 1] == ':' && end - name <= 5 ? name - 1 : end;
    if (!is_user(text + url->n_scheme, url->n_scheme ? host - url->n_scheme : 0) ||
        !is_host_harmless(text + url->host, name - url->host, url->n_scheme > 0))
        return false;
    url->end = measure_path(text, end, n);
    return true;
}
