/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage.c: the command line. One table of commands gives dispatch and help, one of options gives
 * parsing, help, and what belongs to which command.
 *
 * Refuses options that are in no table, or not the command's, and formats that it does not have.
 *
 * Misuse: an option with memory of its own that is not in the table: nobody frees it. */
#include "usage.h"

#include "arguments.h"
#include "near.h"

#include <stddef.h>
#include <string.h>

/* ---- commands ---- */

enum {
    EXTRACT = 1 << 0,
    STATS = 1 << 1,
    CHECK = 1 << 2,
    REPORT = 1 << 3,
    CUT = 1 << 4,
    PLAN = 1 << 5,
    ANSWERS = STATS | CHECK | REPORT,
    RECORDS = EXTRACT | ANSWERS, /* what takes them */
    ALL = RECORDS | CUT,
    EVERY = ALL | PLAN,
    KEPT = 1 << 6, /* stands in a plan, as records depend on it */
    PLANNED = PLAN | KEPT
};

static const struct imapid_command commands[] = {
    {"extract", "the records: one per ID exchange, per IMAP connection, per capture",
     "text jsonl json csv tsv sqlite", imapid_extract},
    {"stats", "counts by client and server software, version and OS", "text jsonl json csv partial",
     imapid_stats},
    {"check", "findings against RFC 2971; exit 1 when there is one",
     "text jsonl json csv sarif partial", imapid_check},
    {"report", "one self-contained HTML page", "html partial", imapid_report},
    {"cut", "a capture of the chosen connections alone, from any number of captures", "pcapng",
     imapid_cut},
    {"plan", "a store of captures as units of work, for many machines", "jsonl", imapid_plan},
};

static unsigned bit_of(const struct imapid_command *command)
{
    return 1u << (command - commands);
}

const struct imapid_command *imapid_usage_find_command(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

const struct imapid_command *imapid_usage_get_command(size_t at)
{
    return at < G_N_ELEMENTS(commands) ? &commands[at] : NULL;
}

const struct imapid_command *imapid_usage_get_default(void)
{
    return &commands[0];
}

/* What people type who know other programs, and what is said here. */
static const struct {
    const char *word, *help;
} habits[] = {
    {"n", "names are never looked up"},
    {"e", "-T tsv and csv have all fields"},
    {"k", "-l FILE reads a key log"},
    {"o", "-w FILE writes there"},
    {"Y", "--where FIELD=PATTERN chooses connections, -f FILTER packets"},
    {"no-color", "did you mean --color=never?"},
    {"no-colour", "did you mean --color=never?"},
    {"time-zone", "did you mean --time=utc?"},
    {"json", "did you mean -T json?"},
    {"jsonl", "did you mean -T jsonl?"},
    {"csv", "did you mean -T csv?"},
    {"tsv", "did you mean -T tsv?"},
    {"scrub", "did you mean 'cut --scrub'?"},
    {"anonymize", "did you mean 'cut --scrub'?"},
    {"redact", "did you mean 'extract --redact'?"},
    {"live", "did you mean -i INTERFACE?"},
    {"sniff", "did you mean -i INTERFACE?"},
    {"diff", "write -T jsonl of each, and compare these"},
};

static const char *find_habit(const char *word, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(habits); i++)
        if (strlen(habits[i].word) == n && !strncmp(habits[i].word, word, n))
            return habits[i].help;
    return NULL;
}

char *imapid_usage_ask_command(const char *word, const char *otherwise)
{
    struct imapid_near near = {.word = word};
    const char *habit = find_habit(word, strlen(word));

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        imapid_near_try(&near, commands[i].name);
    imapid_near_try(&near, "help");
    return imapid_near_ask(&near, habit && strlen(word) > 1 ? habit : otherwise);
}

/* ---- options ---- */

struct option {
    const char *name;
    char letter; /* 0: none */
    GOptionArg arg;
    size_t at; /* in struct imapid_options: as `arg` has it */
    unsigned commands;
    const char *value; /* what it takes; NULL: nothing */
    const char *what;
};

#define AT(member) offsetof(struct imapid_options, member)

static const struct option table[] = {
    {"format", 'T', G_OPTION_ARG_STRING, AT(format), EVERY, "FORMAT", "How it is written"},
    {"write", 'w', G_OPTION_ARG_FILENAME, AT(write), EVERY, "FILE",
     "Write there instead of standard output"},
    {"keylog", 'l', G_OPTION_ARG_FILENAME_ARRAY, AT(keylogs), ALL | PLANNED, "FILE",
     "TLS secrets, NSS key log format; may be given more than once"},
    {"filter", 'f', G_OPTION_ARG_STRING, AT(filter), ALL | PLANNED, "EXPR",
     "Read only packets that pass this libpcap filter"},
    {"decode-as", 'd', G_OPTION_ARG_STRING_ARRAY, AT(decode_as), ALL | PLANNED, "WHAT",
     "UDP to this port is a tunnel, as udp.port==8473,vxlan; may be given more than once"},
    {"linktype", 0, G_OPTION_ARG_STRING, AT(link_type), ALL | PLANNED, "N",
     "Link type of packets with a user or unknown link type"},
    {"read", 'r', G_OPTION_ARG_FILENAME_ARRAY, AT(read), EVERY, "INPUT",
     "An input, as those without an option; may be given more than once"},
    {"files-from", 'F', G_OPTION_ARG_FILENAME, AT(files_from), EVERY, "LIST",
     "Read the inputs listed there, one on each line"},
    {"interface", 'i', G_OPTION_ARG_STRING_ARRAY, AT(interfaces), RECORDS, "IF",
     "Capture from this network interface, until a signal; may be given more than once"},
    {"buffer-size", 'B', G_OPTION_ARG_STRING, AT(buffer), RECORDS, "KIB",
     "-i: what the kernel keeps of an interface until it is read (default 131072)"},
    {"snapshot-length", 's', G_OPTION_ARG_STRING, AT(snap), RECORDS, "N",
     "-i: octets of each packet (default 262144)"},
    {"no-promiscuous-mode", 'p', G_OPTION_ARG_NONE, AT(is_modest), RECORDS, NULL,
     "-i: not in promiscuous mode"},
    {"immediate-mode", 0, G_OPTION_ARG_NONE, AT(is_immediate), RECORDS, NULL,
     "-i: each packet as it comes, not some together"},
    {"interval", 0, G_OPTION_ARG_STRING, AT(interval), RECORDS, "SECONDS",
     "Tell the counts so far every so many seconds"},
    {"rotate", 'b', G_OPTION_ARG_STRING_ARRAY, AT(rotate), EXTRACT, "duration:N",
     "Of what has no end: begin the next file of -w after N seconds, or filesize:N, after N kB"},
    {"metrics", 0, G_OPTION_ARG_FILENAME, AT(metrics), RECORDS, "FILE",
     "Keep the counts so far in FILE, for Prometheus, each --interval (default 60)"},
    {"packet-count", 'c', G_OPTION_ARG_STRING, AT(n_packets), RECORDS, "N",
     "-i: end after N packets"},
    {"autostop", 'a', G_OPTION_ARG_STRING_ARRAY, AT(stop_at), RECORDS, "duration:N",
     "-i: end after N seconds"},
    {"list-interfaces", 'D', G_OPTION_ARG_NONE, AT(list_interfaces), RECORDS, NULL,
     "List the network interfaces"},
    {"continuous", 0, G_OPTION_ARG_NONE, AT(continuous), ALL, NULL,
     "The captures are consecutive pieces of one: sessions span them"},
    {"follow", 0, G_OPTION_ARG_NONE, AT(follow), RECORDS, NULL,
     "Wait for more at the end of files and folders, until a signal"},
    {"jobs", 'j', G_OPTION_ARG_INT, AT(n_jobs), ALL, "N", "Threads (default: all processors)"},
    {"memory", 0, G_OPTION_ARG_STRING, AT(memory), ALL | PLANNED, "SIZE",
     "Memory for open connections (default 256M); when it is used up, the largest is given up"},
    {"where", 0, G_OPTION_ARG_STRING_ARRAY, AT(where), ALL, "FIELD=PATTERN",
     "Only connections with this value; also FIELD!=PATTERN and FIELD~EXPRESSION; of several "
     "all have to hold"},
    {"stream", 0, G_OPTION_ARG_STRING, AT(stream), ALL, "N",
     "Only this connection of a capture, short for --where stream=N"},
    {"site", 0, G_OPTION_ARG_STRING, AT(site), RECORDS | PLANNED, "NAME",
     "Where this was captured: stands before the file in every key"},
    {"chain", 0, G_OPTION_ARG_STRING, AT(chain), PLAN, "REGEX",
     "Files of which this matches the same are pieces of one (default: dumpcap's rings)"},
    {"shard-bytes", 0, G_OPTION_ARG_STRING, AT(shard_bytes), PLAN, "SIZE",
     "Cut longer chains into sections of about so many octets, as 128G"},
    {"status", 0, G_OPTION_ARG_FILENAME, AT(status), PLAN, "PLAN",
     "Tell what of the plan is done in a folder, and which shares are to be run again"},
    {"plan", 0, G_OPTION_ARG_FILENAME, AT(plan), RECORDS, "PLAN",
     "A share of its units (extract); no answer unless all of them are there"},
    {"shard", 0, G_OPTION_ARG_STRING, AT(shard), EXTRACT | PLAN, "K/N",
     "Share K, from 1 on, of N; of plan --status N, the number of shares"},
    {"out", 0, G_OPTION_ARG_FILENAME, AT(out), EXTRACT, "DIR", "--plan: the folder for records"},
    {"by", 0, G_OPTION_ARG_STRING, AT(by), STATS, "FIELD[,FIELD]",
     "Count by these, as client_name,client_version"},
    {"top", 0, G_OPTION_ARG_INT, AT(top), STATS, "N", "Only the N largest groups"},
    {"fold", 0, G_OPTION_ARG_FILENAME, AT(fold), ANSWERS, "FILE",
     "Count the spellings of a product in FILE as one"},
    {"fail-on", 0, G_OPTION_ARG_STRING, AT(fail_on), CHECK, "SEVERITY",
     "Exit 1 from this severity on: note, warning, error (default), unread, never"},
    {"show", 0, G_OPTION_ARG_STRING, AT(show), CHECK, "SEVERITY",
     "text: show findings from this severity on: note, warning (default), error"},
    {"ignore", 0, G_OPTION_ARG_STRING_ARRAY, AT(ignore), CHECK, "CODE",
     "Leave this finding out; may be given more than once"},
    {"redact", 0, G_OPTION_ARG_NONE, AT(redact), RECORDS, NULL,
     "Replace what identifies a person, device or network by stable pseudonyms"},
    {"redact-key", 0, G_OPTION_ARG_FILENAME, AT(redact_key), ALL | PLANNED, "FILE",
     "Key of the pseudonyms; implies --redact (default: a new key for each run)"},
    {"scrub", 0, G_OPTION_ARG_NONE, AT(scrub), CUT, NULL,
     "In the clear, and without what identifies a person, device or network: to be shared"},
    {"bug-report", 0, G_OPTION_ARG_NONE, AT(bug_report), CUT, NULL,
     "--scrub: print what to paste into a bug report beside the capture of -w"},
    {"no-secrets", 0, G_OPTION_ARG_NONE, AT(no_secrets), CUT, NULL,
     "Leave the TLS secrets of the connections out"},
    {"no-sandbox", 0, G_OPTION_ARG_NONE, AT(no_sandbox), ALL, NULL,
     "Do not confine the process that reads captures and records"},
    {"progress", 0, G_OPTION_ARG_STRING, AT(progress), ALL, "WHEN",
     "Show progress: auto (on a terminal), always, never"},
    {"time", 0, G_OPTION_ARG_STRING, AT(time), RECORDS, "WHEN",
     "text: times are local (default), utc, relative (to the first packet), epoch"},
    {"color", 0, G_OPTION_ARG_STRING, AT(color), RECORDS, "WHEN",
     "text: in colour: auto (on a terminal), always, never"},
    {"verbose", 'v', G_OPTION_ARG_NONE, AT(verbose), RECORDS, NULL, "Every pair and finding"},
    {"quiet", 'q', G_OPTION_ARG_NONE, AT(quiet), EVERY, NULL, "No totals on standard error"},
    {"help", 'h', G_OPTION_ARG_NONE, AT(help), EVERY, NULL,
     "Show this; of a command what it takes"},
    {"version", 'V', G_OPTION_ARG_NONE, AT(version), EVERY, NULL, "Show the version"},
};

/* Options whose value is one of a few words. */
static const struct {
    const char *name, *words;
} choices[] = {
    {"fail-on", "note warning error unread never"},
    {"progress", "auto always never"},
    {"color", "auto always never"},
    {"time", "local utc relative epoch"},
};

static void *member_of(const struct imapid_options *options, const struct option *option)
{
    return (char *)options + option->at;
}

/* The commands whose option it is, where that has to be said; NULL: they are most. */
static const char *name_few(unsigned few)
{
    switch (few) {
    case ANSWERS:
        return "stats, check, report";
    case STATS:
        return "stats";
    case CHECK:
        return "check";
    case CUT:
        return "cut";
    case EXTRACT:
        return "extract";
    case PLAN:
        return "plan";
    case EXTRACT | PLAN:
        return "extract, plan";
    default:
        return NULL;
    }
}

bool imapid_usage_get_option(size_t at, struct imapid_usage_option *option)
{
    if (at >= G_N_ELEMENTS(table))
        return false;
    *option = (struct imapid_usage_option){
        .name = table[at].name,
        .letter = table[at].letter,
        .is_repeated = table[at].arg == G_OPTION_ARG_FILENAME_ARRAY ||
                       table[at].arg == G_OPTION_ARG_STRING_ARRAY,
        .value = table[at].value,
        .what = table[at].what,
    };
    for (size_t i = 0; i < G_N_ELEMENTS(choices); i++)
        if (!strcmp(choices[i].name, option->name))
            option->words = choices[i].words;
    return true;
}

bool imapid_usage_takes(const struct imapid_command *command, size_t at)
{
    return table[at].commands & bit_of(command);
}

/* The options of these commands, as GLib takes them; "formats" stands behind the text of -T. To be freed
 * with free_entries(). */
static GOptionEntry *make_entries(struct imapid_options *options, unsigned of, const char *formats)
{
    GOptionEntry *entries = g_new0(GOptionEntry, G_N_ELEMENTS(table) + 2);
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (!(table[i].commands & of))
            continue;
        entries[n] = (GOptionEntry){
            table[i].name, table[i].letter, 0, table[i].arg, member_of(options, &table[i]),
            table[i].what, table[i].value};
        entries[n++].description =
            table[i].at == AT(format) && formats ? g_strdup_printf("%s: %s", table[i].what, formats)
            : of != EVERY || !name_few(table[i].commands)
                ? g_strdup(table[i].what)
                : g_strdup_printf("%s: %s", name_few(table[i].commands), table[i].what);
    }
    entries[n] = (GOptionEntry){G_OPTION_REMAINING,  0,    0,   G_OPTION_ARG_FILENAME_ARRAY,
                                &options->arguments, NULL, NULL};
    return entries;
}

static void free_entries(GOptionEntry *entries)
{
    for (size_t i = 0; entries[i].long_name; i++)
        g_free((char *)entries[i].description);
    g_free(entries);
}

/* One dash before a word that takes two: its letters would be options. NULL: there is none. */
static char *find_single_dash(char *const *argv)
{
    for (; *argv && strcmp(*argv, "--"); argv++)
        for (size_t i = 0; (*argv)[0] == '-' && i < G_N_ELEMENTS(table); i++)
            if (!strcmp(*argv + 1, table[i].name))
                return g_strdup_printf("there is no option %s; did you mean -%s?", *argv, *argv);
    return NULL;
}

/* GLib says "Unknown option --fromat=x". */
static char *explain(const GError *error)
{
    const char *name = strstr(error->message, "--"), *letter = strstr(error->message, " -"),
               *habit = NULL;
    struct imapid_near near = {.word = ""};
    char *word, *text;

    if (error->code != G_OPTION_ERROR_UNKNOWN_OPTION)
        return g_strdup(error->message);
    if (!name) {
        habit = letter ? find_habit(letter + 2, 1) : NULL;
        return habit ? g_strdup_printf("there is no option -%c; %s", letter[2], habit)
                     : g_strdup(error->message);
    }
    word = g_strndup(name + 2, strcspn(name + 2, "="));
    habit = find_habit(word, strlen(word));
    near.word = word;
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        imapid_near_try(&near, table[i].name);
    text = habit ? g_strdup_printf("there is no option --%s; %s", word, habit)
           : *near.best
               ? g_strdup_printf("there is no option --%s; did you mean --%s?", word, near.best)
               : g_strdup_printf("there is no option --%s", word);
    g_free(word);
    return text;
}

char *imapid_usage_parse(struct imapid_options *options, char *const *argv)
{
    GOptionEntry *entries = make_entries(options, EVERY, NULL);
    GOptionContext *context = g_option_context_new(NULL);
    char **words = imapid_arguments_split(argv, entries), *wrong = find_single_dash(argv);
    GError *error = NULL;

    g_option_context_set_help_enabled(context, FALSE); /* it would print and exit */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!wrong && !g_option_context_parse_strv(context, &words, &error)) {
        wrong = explain(error);
        g_error_free(error);
    }
    g_option_context_free(context);
    g_strfreev(words);
    free_entries(entries);
    if (!g_strcmp0(options->write, "-")) /* as other programs have it; a file of that name is ./- */
        g_clear_pointer(&options->write, g_free);
    return wrong;
}

/* Was it given? */
static bool is_set(const struct imapid_options *options, const struct option *option)
{
    const void *member = member_of(options, option);

    if (option->arg == G_OPTION_ARG_NONE)
        return *(const gboolean *)member;
    return option->arg == G_OPTION_ARG_INT ? *(const int *)member != 0
                                           : *(void *const *)member != NULL;
}

const char *imapid_usage_find_stray(const struct imapid_options *options,
                                    const struct imapid_command *command)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (!(table[i].commands & bit_of(command)) && is_set(options, &table[i]))
            return table[i].name;
    return NULL;
}

/* ---- what a plan keeps ---- */

static void add_word(GPtrArray *words, const struct option *option, const char *value)
{
    g_ptr_array_add(words, g_strdup_printf("--%s=%s", option->name, value));
}

GPtrArray *imapid_usage_list_kept(const struct imapid_options *options)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        const void *member = member_of(options, &table[i]);

        if (!(table[i].commands & KEPT) || !is_set(options, &table[i]))
            continue;
        if (table[i].arg == G_OPTION_ARG_STRING || table[i].arg == G_OPTION_ARG_FILENAME)
            add_word(words, &table[i], *(char *const *)member);
        else
            for (char *const *value = *(char **const *)member; *value; value++)
                add_word(words, &table[i], *value);
    }
    return words;
}

char *imapid_usage_take_kept(struct imapid_options *options, const GPtrArray *words)
{
    struct imapid_options kept = {.n_jobs = 0};
    GPtrArray *argv = g_ptr_array_new();
    char *wrong;

    g_ptr_array_add(argv, (char *)"imapid");
    for (guint i = 0; i < words->len; i++)
        g_ptr_array_add(argv, words->pdata[i]);
    g_ptr_array_add(argv, NULL);
    wrong = imapid_usage_parse(&kept, (char *const *)argv->pdata);
    for (size_t i = 0; i < G_N_ELEMENTS(table) && !wrong; i++) {
        bool is_kept = table[i].commands & KEPT;

        if (is_kept && is_set(options, &table[i])) {
            wrong = g_strdup_printf("--%s is said when the plan is made", table[i].name);
        } else if (is_kept) {
            void **from = member_of(&kept, &table[i]), **to = member_of(options, &table[i]);

            *to = g_steal_pointer(from);
        } else if (is_set(&kept, &table[i])) {
            wrong = g_strdup_printf("--%s is no option of a plan", table[i].name);
        }
    }
    imapid_usage_free(&kept);
    g_ptr_array_unref(argv);
    return wrong;
}

void imapid_usage_free(struct imapid_options *options)
{
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        void *member = member_of(options, &table[i]);

        if (table[i].arg == G_OPTION_ARG_FILENAME_ARRAY ||
            table[i].arg == G_OPTION_ARG_STRING_ARRAY)
            g_strfreev(*(char ***)member);
        else if (table[i].arg == G_OPTION_ARG_STRING || table[i].arg == G_OPTION_ARG_FILENAME)
            g_free(*(char **)member);
    }
    g_strfreev(options->arguments);
}

/* ---- formats ---- */

/* `json` is the lines of `jsonl` in an array, `ndjson` another name for them. */
static char *explain_format(const struct imapid_command *command, const char *format)
{
    char **formats = g_strsplit(command->formats, " ", 0), *text;
    char *all = g_strdup_printf("there are: %s", command->formats);
    char *help = imapid_near_ask_among(format, formats, all);

    text = g_strdup_printf("%s has no format '%s'; %s", command->name, format, help);
    g_free(help);
    g_free(all);
    g_strfreev(formats);
    return text;
}

static bool has_format(const struct imapid_command *command, const char *format)
{
    char **formats = g_strsplit(command->formats, " ", 0);
    bool found = g_strv_contains((const char *const *)formats, format);

    g_strfreev(formats);
    return found;
}

/* A name that says that what is in the file is packed. */
static const char *find_packing(const char *path)
{
    static const char *const packings[][2] = {{".gz", "gzip"}, {".zst", "zstd"},  {".xz", "xz"},
                                              {".lz4", "lz4"}, {".bz2", "bzip2"}, {".zip", "gzip"}};

    for (size_t i = 0; path && i < G_N_ELEMENTS(packings); i++) {
        size_t n = strlen(packings[i][0]);

        if (strlen(path) > n && !g_ascii_strcasecmp(path + strlen(path) - n, packings[i][0]))
            return packings[i][1];
    }
    return NULL;
}

char *imapid_usage_read_format(struct imapid_options *options, const struct imapid_command *command)
{
    const char *packing = find_packing(options->write);
    char *wrong = NULL;

    if (packing)
        return g_strdup_printf("%s: what is written is not compressed; leave -w out, and pipe it "
                               "into %s",
                               options->write, packing);
    if (!options->format)
        options->format = g_strndup(command->formats, strcspn(command->formats, " "));
    options->is_array = !strcmp(options->format, "json");
    if (!has_format(command, strcmp(options->format, "ndjson") ? options->format : "jsonl"))
        wrong = explain_format(command, options->format);
    if (!wrong && (options->is_array || !strcmp(options->format, "ndjson"))) {
        g_free(options->format);
        options->format = g_strdup("jsonl");
    }
    return wrong;
}

/* ---- help ---- */

static void add_summary(GOptionContext *context, const struct imapid_command *command)
{
    GString *text = g_string_new(NULL);

    if (command) {
        g_string_append_printf(text, "%s: %s.", command->name, command->what);
    } else {
        g_string_append(text, "Reports IMAP clients and servers from the ID exchanges (RFC 2971) "
                              "in captures.\n\nCommands (default: extract):\n");
        for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
            g_string_append_printf(text, "  %-9s %s\n", commands[i].name, commands[i].what);
        g_string_append(text, "\n'imapid help COMMAND' shows what a command takes.");
    }
    g_string_append_printf(
        text, "\nINPUT is a capture, a folder (walked), %sor - for standard input.",
        command && bit_of(command) == CUT ? "" : "JSON Lines that extract wrote, ");
    g_option_context_set_summary(context, text->str);
    g_string_free(text, TRUE);
}

char *imapid_usage_spell_help(const struct imapid_command *command)
{
    struct imapid_options unused = {.n_jobs = 0};
    char *usage = g_strconcat(command ? command->name : "[COMMAND]", " INPUT…", NULL);
    GOptionEntry *entries = make_entries(
        &unused, command ? bit_of(command) : EVERY,
        command ? command->formats : "text jsonl json csv tsv sqlite sarif html partial pcapng");
    GOptionContext *context = g_option_context_new(usage);
    char *text;

    add_summary(context, command);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    text = g_option_context_get_help(context, TRUE, NULL);
    g_option_context_free(context);
    free_entries(entries);
    g_free(usage);
    return text;
}
