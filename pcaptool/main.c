/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: the command line. One table of commands gives dispatch and usage; one of options gives
 * parsing and help.
 *
 * Refuses an option of another command, a format that the command does not have, and to write over
 * a file that it reads from. All of this is checked before an input is opened.
 *
 * Misuse: printing on standard error by any other way than message.c and progress.c. */
#include "arguments.h"
#include "decode-as.h"
#include "inputs.h"
#include "keylogs.h"
#include "message.h"
#include "options.h"
#include "sandbox.h"
#include "stop.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct imapid_command commands[] = {
    {"extract", "the records: one per ID exchange, per IMAP connection, per capture",
     "text jsonl csv tsv sqlite", imapid_extract},
    {"stats", "counts by client and server software, version and OS", "text jsonl csv",
     imapid_stats},
    {"check", "findings against RFC 2971; exit 1 when there is one", "text jsonl csv sarif",
     imapid_check},
    {"report", "one self-contained HTML page", "html", imapid_report},
};

static enum imapid_exit fail(const char *format, ...) G_GNUC_PRINTF(1, 2);

static enum imapid_exit fail(const char *format, ...)
{
    va_list arguments;
    char *message;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    imapid_message("%s", message);
    imapid_message("try 'imapid --help'");
    g_free(message);
    return IMAPID_EXIT_FAILED;
}

static char *list_commands(void)
{
    GString *text = g_string_new(
        "Reports IMAP clients and servers from the ID exchanges (RFC 2971) in captures.\n\n"
        "Commands (default: extract):\n");

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        g_string_append_printf(text, "  %-9s %s\n", commands[i].name, commands[i].what);
    g_string_append(text, "\nINPUT is a capture, a folder (walked), or - for standard input.");
    return g_string_free(text, FALSE);
}

static gboolean parse(struct imapid_options *options, char *const *argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"format", 'T', 0, G_OPTION_ARG_STRING, &options->format,
         "text (default), jsonl, csv, tsv, sqlite, sarif; see the manual", "FORMAT"},
        {"write", 'w', 0, G_OPTION_ARG_FILENAME, &options->write,
         "Write there instead of standard output", "FILE"},
        {"keylog", 'l', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->keylogs,
         "TLS secrets, NSS key log format; may be given more than once", "FILE"},
        {"filter", 'f', 0, G_OPTION_ARG_STRING, &options->filter,
         "Read only packets that pass this libpcap filter", "EXPR"},
        {"decode-as", 'd', 0, G_OPTION_ARG_STRING_ARRAY, &options->decode_as,
         "UDP to this port is a tunnel, as udp.port==8473,vxlan; may be given more than once",
         "WHAT"},
        {"linktype", 0, 0, G_OPTION_ARG_STRING, &options->link_type,
         "Link type of packets with a user or unknown link type", "N"},
        {"files-from", 'F', 0, G_OPTION_ARG_FILENAME, &options->files_from,
         "Read the inputs listed there, one on each line", "LIST"},
        {"interface", 'i', 0, G_OPTION_ARG_STRING_ARRAY, &options->interfaces,
         "Capture from this network interface, until a signal; may be given more than once", "IF"},
        {"continuous", 0, 0, G_OPTION_ARG_NONE, &options->continuous,
         "The captures are consecutive pieces of one: sessions span them", NULL},
        {"follow", 0, 0, G_OPTION_ARG_NONE, &options->follow,
         "Wait for more at the end of files and folders, until a signal", NULL},
        {"jobs", 'j', 0, G_OPTION_ARG_INT, &options->n_jobs, "Threads (default: all processors)",
         "N"},
        {"memory", 0, 0, G_OPTION_ARG_STRING, &options->memory,
         "Memory for open connections (default 256M); when it is used up, the largest is given up",
         "SIZE"},
        {"by", 0, 0, G_OPTION_ARG_STRING, &options->by,
         "stats: count by these, as client_name,client_version", "FIELD[,FIELD]"},
        {"top", 0, 0, G_OPTION_ARG_INT, &options->top, "stats: only the N largest groups", "N"},
        {"fold", 0, 0, G_OPTION_ARG_FILENAME, &options->fold,
         "Count the spellings of a product in FILE as one", "FILE"},
        {"fail-on", 0, 0, G_OPTION_ARG_STRING, &options->fail_on,
         "check: exit 1 from this severity on: note, warning, error (default), never", "SEVERITY"},
        {"ignore", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->ignore,
         "check: leave this finding out; may be given more than once", "CODE"},
        {"redact", 0, 0, G_OPTION_ARG_NONE, &options->redact,
         "Replace what identifies a person, device or network by stable pseudonyms", NULL},
        {"redact-key", 0, 0, G_OPTION_ARG_FILENAME, &options->redact_key,
         "Key of the pseudonyms; implies --redact (default: a new key for each run)", "FILE"},
        {"no-sandbox", 0, 0, G_OPTION_ARG_NONE, &options->no_sandbox,
         "Do not confine the process that reads captures and records", NULL},
        {"progress", 0, 0, G_OPTION_ARG_STRING, &options->progress,
         "Show progress: auto (on a terminal), always, never", "WHEN"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options->verbose, "Every pair and finding", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet, "No totals on standard error", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options->arguments, NULL, NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("[COMMAND] INPUT…");
    char *summary = list_commands(), **words = imapid_arguments_split(argv, entries);
    gboolean good;

    g_option_context_set_summary(context, summary);
    g_option_context_add_main_entries(context, entries, NULL);
    good = g_option_context_parse_strv(context, &words, error);
    g_option_context_free(context);
    g_strfreev(words);
    g_free(summary);
    return good;
}

static const struct imapid_command *find_command(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* Is `format` one of the command's, which are words with spaces between? */
static gboolean has_format(const struct imapid_command *command, const char *format)
{
    char **formats = g_strsplit(command->formats, " ", 0);
    gboolean found = g_strv_contains((const char *const *)formats, format);

    g_strfreev(formats);
    return found;
}

/* An option of other commands is a mistake to be told, not to be passed over. */
static const char *find_stray(const struct imapid_options *options, const char *command)
{
    if ((options->by || options->top) && strcmp(command, "stats"))
        return options->by ? "--by" : "--top";
    if ((options->fail_on || options->ignore) && strcmp(command, "check"))
        return options->fail_on ? "--fail-on" : "--ignore";
    if (options->fold && !strcmp(command, "extract"))
        return "--fold";
    return NULL;
}

/* Octets, or K, M, G of 1024. Below a MiB not one connection fits. */
static gboolean read_memory(struct imapid_options *options)
{
    static const char units[] = "KMG";
    const char *text = options->memory ? options->memory : "256M";
    guint64 n;
    char *end;

    if (!g_ascii_isdigit(*text))
        return FALSE;
    n = g_ascii_strtoull(text, &end, 10);
    if (*end && strchr(units, g_ascii_toupper(*end))) {
        unsigned shift = 10 * (unsigned)(strchr(units, g_ascii_toupper(*end++)) - units + 1);

        if (n > G_MAXUINT32)
            return FALSE;
        n <<= shift;
    }
    if (*end || n < 1 << 20 || n > G_MAXSIZE / 2)
        return FALSE;
    options->n_memory = (gsize)n;
    return TRUE;
}

/* Packets may come for as long as anybody writes them, and secrets with them. */
static bool is_endless(const struct imapid_options *options, char *const *arguments)
{
    bool found = options->interfaces || options->follow;

    for (; arguments && *arguments; arguments++)
        found |= !strcmp(*arguments, "-") ||
                 (g_file_test(*arguments, G_FILE_TEST_EXISTS) &&
                  !g_file_test(*arguments, G_FILE_TEST_IS_REGULAR | G_FILE_TEST_IS_DIR));
    return found;
}

/* NULL, or what is wrong with -d and --linktype, to be freed. */
static char *read_decode_as(struct imapid_options *options)
{
    char *wrong = NULL;

    for (char **text = options->decode_as; text && *text && !wrong; text++)
        wrong = imapid_decode_as_add(&options->decode, *text);
    if (!wrong && options->link_type)
        wrong = imapid_decode_as_set_link_type(&options->decode, options->link_type);
    return wrong;
}

static gboolean is_written(const char *path, const struct imapid_options *options)
{
    if (!path || !imapid_inputs_is_output(path, options->write))
        return FALSE;
    imapid_message("%s: is the output file, so it cannot be read", path);
    return TRUE;
}

/* Would what is written destroy one of the files that tell how to read? */
static gboolean writes_over_table(const struct imapid_options *options)
{
    const char *tables[] = {options->files_from, options->fold, options->redact_key,
                            options->keylogs ? NULL : g_getenv("SSLKEYLOGFILE")};
    gboolean found = FALSE;

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        found |= is_written(tables[i], options);
    for (char **path = options->keylogs; path && *path; path++)
        found |= is_written(*path, options);
    return found;
}

static enum imapid_exit run(struct imapid_options *options)
{
    char **arguments = options->arguments;
    const struct imapid_command *command = find_command(arguments ? arguments[0] : NULL);
    GArray *inputs;
    gboolean found_all = TRUE;
    enum imapid_keylogs keylogs;
    enum imapid_exit status;
    char *wrong;

    if (command)
        arguments++;
    else
        command = &commands[0];
    if (!options->format)
        options->format = g_strndup(command->formats, strcspn(command->formats, " "));
    if (!has_format(command, options->format))
        return fail("%s has no format '%s'; there are: %s", command->name, options->format,
                    command->formats);
    if (find_stray(options, command->name))
        return fail("%s is not an option of %s", find_stray(options, command->name), command->name);
    options->redact |= options->redact_key != NULL;
    if (options->n_jobs < 0 || options->n_jobs > 1024)
        return fail("--jobs takes a number from 1 to 1024");
    if (!read_memory(options))
        return fail("--memory takes a number of octets, or of K, M or G, from 1M on");
    if (options->progress && strcmp(options->progress, "auto") &&
        strcmp(options->progress, "always") && strcmp(options->progress, "never"))
        return fail("--progress takes auto, always or never");
    if ((wrong = read_decode_as(options))) {
        status = fail("%s", wrong);
        g_free(wrong);
        return status;
    }
    if (!options->n_jobs)
        options->n_jobs = (int)g_get_num_processors();
    if (!options->files_from && !options->interfaces && (!arguments || !*arguments))
        return fail("no input");
    if (writes_over_table(options))
        return IMAPID_EXIT_FAILED;
    if (options->no_sandbox)
        imapid_sandbox_disable();
    keylogs = imapid_keylogs_read(options, is_endless(options, arguments));
    if (keylogs == IMAPID_KEYLOGS_FAILED)
        return IMAPID_EXIT_FAILED;
    inputs = imapid_inputs_new();
    if (options->files_from)
        found_all &= imapid_inputs_add_list(inputs, options->files_from, options->follow);
    for (; arguments && *arguments; arguments++)
        found_all &= imapid_inputs_add(inputs, *arguments, options->follow);
    for (char **name = options->interfaces; name && *name; name++)
        imapid_inputs_add_interface(inputs, *name);
    /* Of nothing but what is not there nothing can be said. */
    status = IMAPID_EXIT_FAILED;
    if (imapid_inputs_drop_output(inputs, options->write) && (found_all || inputs->len))
        status = command->run(options, inputs);
    imapid_inputs_free(inputs);
    found_all &= keylogs == IMAPID_KEYLOGS_READ;
    return found_all ? status : IMAPID_EXIT_FAILED; /* an answer with a part missing is none */
}

/* Where one of the standard files is closed, what is opened next takes its number, and would be read
 * or written as such: a socket to another process of this program, say. */
static void fill_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(IMAPID_EXIT_FAILED);
}

static void print_version(void)
{
    char *sandbox = imapid_sandbox_describe();

    g_print("imapid %s\nsandbox: %s\n", IMAPID_VERSION, sandbox);
    g_free(sandbox);
}

int main(int argc, char **argv)
{
    struct imapid_options options = {.n_jobs = 0};
    GError *error = NULL;
    int status;

    fill_standard_files();
    (void)setlocale(LC_CTYPE, "");  /* file names; numbers stay as they are */
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), and ends the program */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so is a file that is as large as files may be */
    (void)argc;
    if (!parse(&options, argv, &error)) {
        status = fail("%s", error->message);
        g_error_free(error);
    } else if (options.version) {
        print_version();
        status = IMAPID_EXIT_DONE;
    } else {
        status = run(&options);
        if (imapid_stop_is_set())
            status = 128 + imapid_stop_get_signal();
    }
    g_free(options.format);
    g_free(options.write);
    g_free(options.filter);
    g_free(options.files_from);
    g_free(options.by);
    g_free(options.fold);
    g_free(options.redact_key);
    g_free(options.progress);
    g_free(options.memory);
    g_free(options.fail_on);
    g_free(options.link_type);
    g_strfreev(options.decode_as);
    g_strfreev(options.ignore);
    g_strfreev(options.interfaces);
    g_strfreev(options.keylogs);
    imapid_keylog_free(options.keylog);
    g_strfreev(options.arguments);
    return status;
}
