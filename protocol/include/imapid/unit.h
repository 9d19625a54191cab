/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit.h: what one command or one response is, and how its first line is read (RFC 9051 2.2).
 *
 * Pure: no state. frame.h finds where units end, session.h says what they mean together. */
#ifndef IMAPID_UNIT_H
#define IMAPID_UNIT_H

#include <imapid/octets.h>

enum imapid_side {
    IMAPID_CLIENT,
    IMAPID_SERVER,
};

static inline enum imapid_side imapid_side_other(enum imapid_side side)
{
    return side == IMAPID_CLIENT ? IMAPID_SERVER : IMAPID_CLIENT;
}

enum imapid_word {
    IMAPID_WORD_UNKNOWN,
#define IMAPID_WORD(symbol, spelling, where) IMAPID_WORD_##symbol,
#include <imapid/words.def>
#undef IMAPID_WORD
    IMAPID_N_WORDS
};

/* A name as the standard spells it, static; "" of UNKNOWN. */
const char *imapid_word_name(enum imapid_word word);

enum imapid_unit_kind {
    IMAPID_UNIT_JUNK,         /* none of the following */
    IMAPID_UNIT_COMMAND,      /* client: tag SP name [SP arguments] */
    IMAPID_UNIT_CONTINUED,    /* client: a line asked for by "+": base64, DONE, ... */
    IMAPID_UNIT_UNTAGGED,     /* server: "*" SP [number SP] name */
    IMAPID_UNIT_TAGGED,       /* server: tag SP (OK / NO / BAD) SP text */
    IMAPID_UNIT_CONTINUATION, /* server: "+" [SP text] */
};

/* A tag longer than this is not taken for one: it bounds what a reader looks at to tell a command
 * from noise. Real tags have under 20 octets. */
#define IMAPID_TAG_MAX 128

/* The most digits of a literal's announcement: what 64 bits hold. With more it is none. */
#define IMAPID_DIGITS_MAX 20

/* A tag to compare with others: case matters (RFC 9051 2.2.1). A hash stands for it, so that a
 * connection's state stays small; who makes two tags collide deceives only the reader of their own
 * connection. */
struct imapid_tag {
    uint64_t hash; /* 0: none */
};

/* What a list came to when it was read to its end: see imapid_list_get_sum(). */
struct imapid_list_sum {
    bool is_known;
    bool is_ended;   /* by its ")", or it is NIL */
    bool has_value;  /* a value that is not empty */
    unsigned faults; /* enum imapid_fault */
};

/* One unit. `data` is the window it was read from and is as good as that window; all places count
 * from its start. An ID is there whole, `n` octets with the end of its last line; of any other
 * unit the first line alone. */
struct imapid_unit {
    enum imapid_unit_kind kind;
    enum imapid_word word; /* the name, if known */
    const uint8_t *data;
    size_t n;
    struct imapid_slice tag;  /* COMMAND, TAGGED */
    struct imapid_slice name; /* COMMAND, UNTAGGED, TAGGED */
    struct imapid_slice args; /* behind the name (its space included), to before the line end */
    bool cut;                 /* octets behind `n` are missing from the capture */
    bool over_limit;          /* octets behind `n` were left out: the unit is over a limit */
    bool refused; /* the server refused the literal announced at the end of `n`, or the sender ended
                     the connection there: what is not in it was never sent */
    bool bare_newline;          /* a line of it ends in LF alone */
    size_t n_hidden;            /* octets behind `args` that may be a password: see secret.h */
    struct imapid_list_sum sum; /* of the list of an ID, once it was read */
    bool allows_utf8;           /* quoted strings in it may hold UTF-8; set by the session */
};

/* Does such a unit carry an ID list? These are the units that are kept whole. */
static inline bool imapid_unit_is_id(const struct imapid_unit *unit)
{
    return unit->word == IMAPID_WORD_ID &&
           (unit->kind == IMAPID_UNIT_COMMAND || unit->kind == IMAPID_UNIT_UNTAGGED);
}

/* Is what follows the name free text, in which nothing announces a literal (RFC 9051 7: the text of
 * OK, NO, BAD, BYE and PREAUTH, and what follows "+")? */
bool imapid_unit_is_opaque(const struct imapid_unit *unit);

/* Reads the `n` octets of a first line (with or without its end) as `side` would send it: sets
 * kind, word, tag, name, args, data and n, and clears the rest. Any input is good. */
void imapid_unit_read(struct imapid_unit *unit, enum imapid_side side, const uint8_t *line,
                      size_t n);

/* The unit's tag, to be kept longer than its octets. */
struct imapid_tag imapid_unit_tag(const struct imapid_unit *unit);

/* Are two tags the same? Case matters. */
bool imapid_tag_same(const struct imapid_tag *a, const struct imapid_tag *b);

enum imapid_plausible {
    IMAPID_PLAUSIBLE_NO,
    IMAPID_PLAUSIBLE_YES,
    IMAPID_PLAUSIBLE_MORE, /* may become either: more octets are needed (never over 256) */
};

/* Could a line that begins with these octets be the start of a command or response of `side`? Asks
 * for a known name, so that the text of a message hardly ever passes. */
enum imapid_plausible imapid_unit_plausible(enum imapid_side side, const uint8_t *line, size_t n);

/* The place of the text of a status response, behind its name, without leading blanks and line end;
 * `n` is 0 where there is none. */
struct imapid_slice imapid_unit_text(const struct imapid_unit *unit);

/* The capability list that a response tells: a CAPABILITY response, or the code at the head of a status
 * response's text (RFC 9051 7.1). False: it tells none, *list is as before. The list may be empty. */
bool imapid_unit_capabilities(const struct imapid_unit *unit, struct imapid_slice *list);

/* Is `word` sent untagged to an authenticated client alone? */
bool imapid_word_shows_authenticated(enum imapid_word word);

#endif
