/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMAPID_USAGE_H
#define IMAPID_USAGE_H

#include "options.h"

/* The commands and options there are, and how they are asked for. */

/* What is to be known of an option where it is not yet given. All static. */
struct imapid_usage_option {
    const char *name;  /* without "--" */
    char letter;       /* 0: none */
    bool is_repeated;  /* it may be given more than once */
    const char *value; /* what it takes, in capitals: "FILE", "WHEN"; NULL: nothing */
    const char *words; /* what that can be, with blanks between; NULL: anything, or a file */
    const char *what;  /* a sentence without full stop */
};

/* The option at that place of the table, from 0 on. False: there is none, *option means nothing. */
bool imapid_usage_get_option(size_t at, struct imapid_usage_option *option);

/* Does the command take it? */
bool imapid_usage_takes(const struct imapid_command *command, size_t at);

/* The command at that place of the table, from 0 on; NULL: there is none. */
const struct imapid_command *imapid_usage_get_command(size_t at);

/* The command of that name, which may be NULL; NULL: there is none. */
const struct imapid_command *imapid_usage_find_command(const char *name);

/* The command that is meant where none is named: extract. */
const struct imapid_command *imapid_usage_get_default(void);

/* Which command, or "help", a misspelt word may mean: see imapid_near_ask(). */
char *imapid_usage_ask_command(const char *word, const char *otherwise);

/* Sets what the command line says. NULL, or what is wrong with it, to be freed. */
char *imapid_usage_parse(struct imapid_options *options, char *const *argv);

/* The first option that was given and is none of the command; NULL: there is none. "--by". Static. */
const char *imapid_usage_find_stray(const struct imapid_options *options,
                                    const struct imapid_command *command);

/* The options that a plan keeps, as words: "--site=oslo". To be unreferenced. */
GPtrArray *imapid_usage_list_kept(const struct imapid_options *options);

/* Sets what such words say. NULL, or what is wrong, to be freed: an option that a plan does not keep, or one that
 * it would, and that was given here. */
char *imapid_usage_take_kept(struct imapid_options *options, const GPtrArray *words);

/* Sets the format as writers know it; the first one of the command where none was given. NULL, or what is
 * wrong, to be freed. */
char *imapid_usage_read_format(struct imapid_options *options,
                               const struct imapid_command *command);

/* What there is, or, of a command, what it takes. To be freed. */
char *imapid_usage_spell_help(const struct imapid_command *command);

/* Frees what parsing set. */
void imapid_usage_free(struct imapid_options *options);

#endif
