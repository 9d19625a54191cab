/* SPDX-License-Identifier: GPL-2.0-or-later */
/* completions.c: what a shell has to know to complete a command line, out of the table that parses it.
 *
 * Refuses nothing. Words of the tables have no blank and nothing that a shell would read; sentences have, and are
 * quoted.
 *
 * Misuse: a sentence of a table with an apostrophe that goes round quote(). */
#include "completions.h"

#include "answer/keys.h"
#include "usage.h"

#include <string.h>

/* ---- what there is to say ---- */

/* With blanks between. To be freed. */
static char *get_codes(void)
{
    GString *codes = g_string_new(NULL);

    for (int i = 0; i < IMAPID_N_FINDINGS; i++)
        g_string_append_printf(codes, "%s%s", i ? " " : "",
                               imapid_finding_code((enum imapid_finding_code)i));
    return g_string_free(codes, FALSE);
}

static char *get_keys(enum imapid_key_use use, const char *behind)
{
    char **names = imapid_key_list(use);
    GString *keys = g_string_new(NULL);

    for (char **name = names; *name; name++)
        g_string_append_printf(keys, "%s%s%s", keys->len ? " " : "", *name, behind);
    g_strfreev(names);
    return g_string_free(keys, FALSE);
}

/* What the value of an option can be, with blanks between. NULL: that is not known. To be freed. */
static char *get_words(const struct imapid_usage_option *option,
                       const struct imapid_command *command)
{
    if (option->words)
        return g_strdup(option->words);
    if (!strcmp(option->name, "format"))
        return g_strdup(command->formats);
    if (!strcmp(option->name, "ignore"))
        return get_codes();
    if (!strcmp(option->name, "by"))
        return get_keys(IMAPID_KEY_TO_COUNT, "");
    return strcmp(option->name, "where") ? NULL : get_keys(IMAPID_KEY_TO_CHOOSE, "=");
}

static bool is_file(const struct imapid_usage_option *option)
{
    static const char *const values[] = {"FILE", "LIST", "INPUT", NULL};

    return option->value && g_strv_contains(values, option->value);
}

static bool is_interface(const struct imapid_usage_option *option)
{
    return !strcmp(option->name, "interface");
}

/* Lists what `imapid -D` says of each, without what stands behind the name. */
#define INTERFACES "imapid --list-interfaces 2>/dev/null | sed 's/[[:blank:]].*//'"

/* Between the quotes of all three shells: '\'' is an apostrophe. */
static void quote(GString *out, const char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            g_string_append(out, "'\\''");
        else
            g_string_append_c(out, *text);
}

/* The commands, with that between. */
static void add_commands(GString *out, const char *between)
{
    const struct imapid_command *command;

    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++)
        g_string_append_printf(out, "%s%s", i ? between : "", command->name);
}

/* Calls `add` for an option, with the words that it takes (NULL: any): once, or, where commands differ in them, for each command that takes it. */
static void add_each(GString *out, size_t at, const struct imapid_usage_option *option,
                     void (*add)(GString *out, size_t at, const struct imapid_usage_option *option,
                                 const struct imapid_command *only, const char *words))
{
    bool differs = !strcmp(option->name, "format");
    const struct imapid_command *command;

    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        char *words;

        if (!imapid_usage_takes(command, at))
            continue;
        words = get_words(option, command);
        add(out, at, option, differs ? command : NULL, words);
        g_free(words);
        if (!differs)
            return;
    }
}

/* ---- bash ---- */

/* "*:--write | *:-w" or, where commands differ, "stats:--format | stats:-T"; and what is offered behind it. */
static void add_bash_arm(GString *out, size_t at, const struct imapid_usage_option *option,
                         const struct imapid_command *only, const char *words)
{
    const char *command = only ? only->name : "*";

    (void)at;
    g_string_append_printf(out, "    %s:--%s", command, option->name);
    if (option->letter)
        g_string_append_printf(out, " | %s:-%c", command, option->letter);
    g_string_append(out, ") ");
    if (words)
        g_string_append_printf(out, "words='%s' ;;\n", words);
    else if (is_interface(option))
        g_string_append(out, "words=$(" INTERFACES ") ;;\n");
    else
        g_string_append(out, is_file(option) ? "files=1 ;;\n" : "return ;;\n");
}

/* `case` of the shell has one arm for each option that takes a value, and one for the names of options. The words of a
 * line are cut at `=`, which COMP_WORDBREAKS holds. */
static char *spell_bash(void)
{
    GString *out =
        g_string_new("# bash completion of imapid, made by: imapid help bash\n"
                     "_imapid() {\n"
                     "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local command= word words= files=\n"
                     "    if [[ $cur == '=' ]]; then cur=\n"
                     "    elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
                     "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                     "        case $word in ");
    struct imapid_usage_option option;
    const struct imapid_command *command;

    add_commands(out, " | ");
    g_string_append(out, ") command=$word; break ;; esac\n"
                         "    done\n"
                         "    case ${command:-extract}:$prev in\n");
    for (size_t i = 0; imapid_usage_get_option(i, &option); i++)
        if (option.value)
            add_each(out, i, &option, add_bash_arm);
    g_string_append(out, "    *) case ${command:-extract}:$cur in\n");
    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        g_string_append_printf(out, "       %s:-*) words='", command->name);
        for (size_t at = 0; imapid_usage_get_option(at, &option); at++)
            if (imapid_usage_takes(command, at))
                g_string_append_printf(out, "--%s ", option.name);
        g_string_append(out, "' ;;\n");
    }
    g_string_append(out, "       *) files=1; [[ -n $command || $COMP_CWORD -gt 1 ]] || words='");
    add_commands(out, " ");
    g_string_append(
        out, " help' ;;\n"
             "       esac ;;\n"
             "    esac\n"
             "    COMPREPLY=()\n"
             "    [[ $words != *= ]] || compopt -o nospace 2>/dev/null\n"
             "    [[ -z $words ]] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
             "    [[ -z $files ]] || { compopt -o filenames 2>/dev/null\n"
             "        mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\"); }\n"
             "}\n"
             "complete -F _imapid imapid\n");
    return g_string_free(out, FALSE);
}

/* ---- zsh ---- */

/* In the descriptions of _arguments ']' and ':' are to be escaped. */
static void add_zsh_text(GString *out, const char *text)
{
    GString *escaped = g_string_new(NULL);

    for (; *text; text++) {
        if (strchr("[]:\\", *text))
            g_string_append_c(escaped, '\\');
        g_string_append_c(escaped, *text);
    }
    quote(out, escaped->str);
    g_string_free(escaped, TRUE);
}

static void add_zsh_option(GString *out, const struct imapid_usage_option *option,
                           const struct imapid_command *command)
{
    char *words = get_words(option, command);

    g_string_append(out, "        ");
    if (option->is_repeated)
        g_string_append(out, "'*'");
    else if (option->letter)
        g_string_append_printf(out, "'(-%c --%s)'", option->letter, option->name);
    if (option->letter)
        g_string_append_printf(out, "{-%c%s,--%s%s}", option->letter, option->value ? "+" : "",
                               option->name, option->value ? "=" : "");
    else
        g_string_append_printf(out, "--%s%s", option->name, option->value ? "=" : "");
    g_string_append(out, "'[");
    add_zsh_text(out, option->what);
    g_string_append_c(out, ']');
    if (option->value) {
        g_string_append_c(out, ':');
        add_zsh_text(out, option->value);
        g_string_append_c(out, ':');
    }
    if (words)
        g_string_append_printf(out, "(%s)", words);
    else if (is_interface(option))
        g_string_append(out, "_imapid_interfaces");
    else if (is_file(option))
        g_string_append(out, "_files");
    g_string_append(out, "'\n");
    g_free(words);
}

static char *spell_zsh(void)
{
    GString *out = g_string_new("#compdef imapid\n"
                                "# zsh completion of imapid, made by: imapid help zsh\n"
                                "_imapid_interfaces() {\n"
                                "    compadd -- ${(f)\"$(" INTERFACES ")\"}\n"
                                "}\n"
                                "_imapid_first() {\n"
                                "    local -a commands=(\n");
    struct imapid_usage_option option;
    const struct imapid_command *command;

    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        g_string_append_printf(out, "        '%s:", command->name);
        add_zsh_text(out, command->what);
        g_string_append(out, "'\n");
    }
    g_string_append(out, "        'help:what a command takes'\n"
                         "    )\n"
                         "    _describe -t commands command commands\n"
                         "    _files\n"
                         "}\n"
                         "_imapid() {\n"
                         "    local command=extract word\n"
                         "    local -a options\n"
                         "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
                         "        case $word in (");
    add_commands(out, "|");
    g_string_append(out, ") command=$word; break ;; esac\n"
                         "    done\n"
                         "    case $command in\n");
    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        g_string_append_printf(out, "    (%s) options=(\n", command->name);
        for (size_t at = 0; imapid_usage_get_option(at, &option); at++)
            if (imapid_usage_takes(command, at))
                add_zsh_option(out, &option, command);
        g_string_append(out, "        ) ;;\n");
    }
    g_string_append(out, "    esac\n"
                         "    _arguments -s $options '1: :_imapid_first' '*:input:_files'\n"
                         "}\n"
                         /* read with source, or found in $fpath */
                         "if [[ $funcstack[1] == _imapid ]]; then _imapid \"$@\"; else compdef "
                         "_imapid imapid; fi\n");
    return g_string_free(out, FALSE);
}

/* ---- fish ---- */

/* "-n '…'": where the option is offered. That is with `only`; with NULL, at each command that takes it. An option of all
 * commands has no condition. A line without a command means the default one, so that is told by the lack of others. */
static void add_fish_condition(GString *out, size_t at, const struct imapid_command *only)
{
    const struct imapid_command *command, *of_default = imapid_usage_get_default();
    GString *takes = g_string_new(NULL), *others = g_string_new(NULL);
    bool is_of_default = only ? only == of_default : imapid_usage_takes(of_default, at);

    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        bool is_meant = only ? only == command : imapid_usage_takes(command, at);

        g_string_append_printf(is_meant ? takes : others, " %s", command->name);
    }
    if (others->len)
        g_string_append_printf(out, " -n '%s__fish_seen_subcommand_from%s'",
                               is_of_default ? "not " : "",
                               is_of_default ? others->str : takes->str);
    g_string_free(takes, TRUE);
    g_string_free(others, TRUE);
}

static void add_fish_line(GString *out, size_t at, const struct imapid_usage_option *option,
                          const struct imapid_command *only, const char *words)
{
    g_string_append_printf(out, "complete -c imapid -l %s", option->name);
    if (option->letter)
        g_string_append_printf(out, " -s %c", option->letter);
    add_fish_condition(out, at, only);
    if (option->value)
        g_string_append(out, is_file(option) ? " -r -F" : " -x");
    if (words)
        g_string_append_printf(out, " -a '%s'", words);
    else if (is_interface(option))
        g_string_append(
            out,
            " -a '(imapid --list-interfaces 2>/dev/null | string replace -r \"\\\\s.*\" \"\")'");
    g_string_append(out, " -d '");
    quote(out, option->what);
    g_string_append(out, "'\n");
}

static char *spell_fish(void)
{
    GString *out = g_string_new("# fish completion of imapid, made by: imapid help fish\n");
    struct imapid_usage_option option;
    const struct imapid_command *command;

    for (size_t i = 0; (command = imapid_usage_get_command(i)); i++) {
        g_string_append_printf(out, "complete -c imapid -n __fish_use_subcommand -a %s -d '",
                               command->name);
        quote(out, command->what);
        g_string_append(out, "'\n");
    }
    g_string_append(
        out, "complete -c imapid -n __fish_use_subcommand -a help -d 'what a command takes'\n");
    for (size_t at = 0; imapid_usage_get_option(at, &option); at++)
        add_each(out, at, &option, add_fish_line);
    return g_string_free(out, FALSE);
}

char *imapid_completions_spell(const char *shell)
{
    static const struct {
        const char *name;
        char *(*spell)(void);
    } shells[] = {{"bash", spell_bash}, {"zsh", spell_zsh}, {"fish", spell_fish}};

    for (size_t i = 0; i < G_N_ELEMENTS(shells); i++)
        if (!strcmp(shell, shells[i].name))
            return shells[i].spell();
    return NULL;
}
