/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_JSON_H
#define IMAPID_RECORD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A strict reader of JSON (RFC 8259) for one line at a time: values become a list of tokens that
 * point into the text, so nothing is copied that nobody asks for. */

enum imapid_json_kind {
    IMAPID_JSON_NULL,
    IMAPID_JSON_FALSE,
    IMAPID_JSON_TRUE,
    IMAPID_JSON_INTEGER, /* without fraction and exponent */
    IMAPID_JSON_REAL,
    IMAPID_JSON_STRING,
    IMAPID_JSON_ARRAY,  /* its elements follow */
    IMAPID_JSON_OBJECT, /* its members follow: each a STRING, which is the name, and its value */
};

/* A value. The one after it in the same array or object is `value + value->n_tokens`. */
struct imapid_json {
    union {
        const uint8_t *octets; /* in the text; of a string what is between its quotes */
        uint32_t next;         /* of an object: the member to look at first, for json.c */
    };
    uint32_t n;             /* of the octets; elements of an array, members of an object */
    unsigned n_tokens : 24; /* itself and all in it */
    unsigned kind : 4;
    unsigned is_escaped : 1; /* a string with escapes: it has to be decoded */
};

/* Objects in arrays in objects, and values of a line, all together. */
#define IMAPID_JSON_DEPTH_MAX 16u
#define IMAPID_JSON_MARKS_MAX 262144u

/* Members of one object. Names are compared with each other: none may be there twice. */
#define IMAPID_JSON_MEMBERS_MAX 256u

enum imapid_json_fault {
    IMAPID_JSON_GOOD,
    IMAPID_JSON_NO_JSON, /* or something behind the value */
    IMAPID_JSON_NO_UTF8,
    IMAPID_JSON_TOO_DEEP,
    IMAPID_JSON_TOO_MANY, /* over one of the other limits */
    IMAPID_JSON_TWICE,    /* an object has two members of one name */
};

/* The tokens of a text. Begins as all 0; read it again for the next one. */
struct imapid_json_text {
    struct imapid_json *tokens; /* good until the next read; the first is the value */
    size_t n_allocated;
};

/* Reads a value and white space around it. The tokens point into `octets`, which are not changed
 * and have to stay. What is in the tokens after a fault means nothing. */
enum imapid_json_fault imapid_json_read(struct imapid_json_text *text, const uint8_t *octets,
                                        size_t n);
void imapid_json_deinit(struct imapid_json_text *text);

/* The value of a member, or NULL. Who asks in the order of the text finds at once, so the object
 * remembers where it was asked last. */
struct imapid_json *imapid_json_find(struct imapid_json *object, const char *name);

/* The first octet of a string, from `at` on, that ends its plain part: a quote, a backslash, a control
 * character; `end` where there is none. */
const uint8_t *imapid_json_skip_plain(const uint8_t *at, const uint8_t *end);

/* Are all octets UTF-8, none of them NUL? */
bool imapid_json_is_utf8(const uint8_t *octets, size_t n);

/* Octets of a string, escapes undone, to `out`, which has room for string->n. Returns how many.
 * Half of a surrogate pair becomes U+FFFD. */
size_t imapid_json_decode(const struct imapid_json *string, uint8_t *out);

/* The value of an INTEGER. False: out of range. */
bool imapid_json_get_integer(const struct imapid_json *value, int64_t *number);

#endif
