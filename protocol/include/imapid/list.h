/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list.h: reads the ID list of a unit (RFC 2971 section 4), pair by pair, as a careful person
 * would.
 *
 *     struct imapid_list list;
 *     struct imapid_pair pair;
 *
 *     imapid_list_begin(&list, unit);
 *     while (imapid_list_next(&list, &pair))
 *         ...
 *     if (list.faults & IMAPID_FAULT_...)
 *
 * It lives on the caller's stack and allocates nothing; all places count from the unit's start. A
 * valid list is read exactly as the grammar has it. A malformed one gives the pairs that are
 * plainly meant, and its faults. Where the list ends because octets are missing (unit->cut) that is
 * no fault, and a string whose end is missing is not given. */
#ifndef IMAPID_LIST_H
#define IMAPID_LIST_H

#include <imapid/unit.h>

enum imapid_list_kind {
    IMAPID_LIST_MISSING, /* neither list nor NIL */
    IMAPID_LIST_NIL,
    IMAPID_LIST_PAIRS, /* a list, () included */
};

enum imapid_string_kind {
    IMAPID_STRING_NONE, /* not there */
    IMAPID_STRING_NIL,
    IMAPID_STRING_QUOTED,
    IMAPID_STRING_LITERAL,
    IMAPID_STRING_ATOM, /* no string by the grammar */
};

struct imapid_string {
    enum imapid_string_kind kind;
    struct imapid_slice token;   /* as sent: quotes or the literal's announcement included */
    struct imapid_slice content; /* what is between them, escapes not undone */
    uint64_t n_announced;        /* LITERAL: octets announced */
    bool has_escapes;
    bool cut; /* its end was left out (over a limit): the content is a beginning */
};

/* What is wrong with a list, a pair or a string: bits. */
enum imapid_fault {
    IMAPID_FAULT_MISSING_VALUE = 1 << 0,
    IMAPID_FAULT_NIL_FIELD = 1 << 1,
    IMAPID_FAULT_NOT_A_STRING = 1 << 2,
    IMAPID_FAULT_UNBALANCED = 1 << 3,
    IMAPID_FAULT_MISSING_ARGUMENTS = 1 << 4,
    IMAPID_FAULT_TRAILING_DATA = 1 << 5,
    IMAPID_FAULT_BAD_STRING = 1 << 6,
    IMAPID_FAULT_NOT_ASCII = 1 << 7,
    IMAPID_FAULT_SPACING = 1 << 8,
};

struct imapid_pair {
    struct imapid_slice span; /* from the field's first octet to the value's last */
    struct imapid_string field;
    struct imapid_string value; /* NONE where the list ends first */
    unsigned faults;
};

struct imapid_list {
    enum imapid_list_kind kind;
    struct imapid_slice span; /* parentheses or NIL; to the end of the text where none closes it */
    unsigned n_pairs;         /* given so far */
    unsigned faults;          /* of list and pairs met so far */

    const uint8_t *data;
    size_t at, end; /* where reading goes on, and the end of the text */
    bool open_end;  /* octets behind `end` are missing, left out or never came */
    bool over_limit;
    bool is_shortened; /* what follows the list was hidden (secret.h) */
    bool is_server;    /* who may not send "{n+}" (RFC 7888 3) */
    bool done;
    bool closed;       /* by its ")" */
    bool after_string; /* a space belongs before the next one */
    unsigned depth;
};

/* Begins to read the list of an ID unit (imapid_unit_is_id()). Never fails: `kind` tells what stands
 * there. `unit->data` must stay as it is while the list is read; `unit` itself need not. */
void imapid_list_begin(struct imapid_list *list, const struct imapid_unit *unit);

/* Gives the next pair. True: *pair is set; it stays good as long as the unit's octets. False: there is
 * none more, *pair means nothing, and `faults` and `span` of the list are complete. */
bool imapid_list_next(struct imapid_list *list, struct imapid_pair *pair);

/* Whether a pair says anything. */
bool imapid_pair_has_value(const struct imapid_pair *pair);

/* What the list of an ID unit comes to. Lists are long where a stranger wants them to be, and many ask: so the first who
 * reads it leaves the answer in `unit->sum`, and it is read here only where nobody has. */
struct imapid_list_sum imapid_list_get_sum(const struct imapid_unit *unit);

/* The sum of a list whose last pair was given; `has_value`: of one of its pairs. */
struct imapid_list_sum imapid_list_sum_up(const struct imapid_list *list, bool has_value);

/* The octets that a string means: undoes the escapes of RFC 3501 4.3 (a backslash before anything but
 * a quote or a backslash is itself). `data` is that of the unit. Writes at most `n_out` octets to
 * `out`, and returns how many there are in all, never more than content.n; 0 for NIL and NONE. */
size_t imapid_string_decode(const uint8_t *data, const struct imapid_string *string, uint8_t *out,
                            size_t n_out);

#endif
