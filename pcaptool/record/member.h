/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_RECORD_MEMBER_H
#define IMAPID_RECORD_MEMBER_H

#include "record/arena.h"
#include "record/json.h"
#include "record/record.h"

/* The members of the JSON objects in one line: what has a name, by its type. What is returned is good
 * as long as the line and the arena. */

/* A line being read. The first thing that is wrong with it is kept, and everything after it may read
 * as nothing. */
struct imapid_member_line {
    struct imapid_arena *arena; /* holds what its record needs and the line itself does not have */
    const char *error;          /* NULL: none so far; in the arena */
};

/* Notes that something is wrong with the member `name`, if nothing was before. */
void imapid_member_fail(struct imapid_member_line *line, const char *what, const char *name);

/* A member; NULL where there is none, or no object. */
struct imapid_json *imapid_member_find(struct imapid_json *object, const char *name);

/* The same where it is a fault that there is none. */
struct imapid_json *imapid_member_get(struct imapid_member_line *line, struct imapid_json *object,
                                      const char *name);

/* Is a value not there (NULL), or null? */
bool imapid_member_is_null(const struct imapid_json *value);

/* The octets of a value that is a string, escapes undone. */
struct imapid_record_string imapid_member_read(struct imapid_member_line *line,
                                               const struct imapid_json *value);

/* ---- by type: a member that is missing, or of another type, is a fault ---- */

/* A string, or NIL for null. */
struct imapid_record_string imapid_member_get_octets(struct imapid_member_line *line,
                                                     struct imapid_json *object, const char *name);

/* The same as a text that ends with a NUL, if not before; NULL for null. */
char *imapid_member_get_text(struct imapid_member_line *line, struct imapid_json *object,
                             const char *name);

/* A string that may not be null; "" after a fault. */
const char *imapid_member_get_name(struct imapid_member_line *line, struct imapid_json *object,
                                   const char *name);

/* An integer from 0 to `max`. After a fault it can be any. */
uint64_t imapid_member_get_number(struct imapid_member_line *line, struct imapid_json *object,
                                  const char *name, uint64_t max);

/* false, or true; false after a fault. */
bool imapid_member_get_bool(struct imapid_member_line *line, struct imapid_json *object,
                            const char *name);

/* The same or null: UNKNOWN. */
enum imapid_known imapid_member_get_known(struct imapid_member_line *line,
                                          struct imapid_json *object, const char *name);

/* The index of a word in names that `spell` gives for 0, 1, ... n - 1; 0 after a fault. */
int imapid_member_get_word(struct imapid_member_line *line, struct imapid_json *object,
                           const char *name, int n, const char *(*spell)(int));

/* An object; NULL for null and after a fault. */
struct imapid_json *imapid_member_get_object(struct imapid_member_line *line,
                                             struct imapid_json *object, const char *name);

/* A time as imapid_spell_time() writes it, in nanoseconds; 0 after a fault. */
int64_t imapid_member_get_time(struct imapid_member_line *line, struct imapid_json *object,
                               const char *name);

/* The same of a string's octets. False: they are no time, and *ts_ns means nothing. */
bool imapid_member_read_time(const struct imapid_record_string *text, int64_t *ts_ns);

/* A list of objects that records of earlier versions do not have: NULL where it is not there or null,
 * and after a fault. */
struct imapid_json *imapid_member_find_objects(struct imapid_member_line *line,
                                               struct imapid_json *object, const char *name);

/* Are these octets the word? Case matters. */
bool imapid_member_is_word(const struct imapid_record_string *octets, const char *word);

#endif
