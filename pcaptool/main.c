/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: what the command line asks for is checked, and done.
 *
 * Refuses an option of another command, a format that the command does not have, and to write over
 * a file that it reads from. All of this is checked before an input is opened.
 *
 * Misuse: printing on standard error by any other way than message.c and progress.c. */
#include "completions.h"
#include "decode-as.h"
#include "inputs.h"
#include "keylogs.h"
#include "large.h"
#include "message.h"
#include "options.h"
#include "output.h"
#include "plan.h"
#include "run.h"
#include "sandbox.h"
#include "shard.h"
#include "source.h"
#include "usage.h"

#include "capture/live.h"
#include "net/tcp.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

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

/* The same, and frees it. */
static enum imapid_exit fail_with(char *message)
{
    enum imapid_exit status = fail("%s", message);

    g_free(message);
    return status;
}

/* Octets, or K, M, G of 1024. */
static bool read_size(const char *text, guint64 *n)
{
    static const char units[] = "KMG";
    char *end;

    if (!g_ascii_isdigit(*text))
        return false;
    *n = g_ascii_strtoull(text, &end, 10);
    if (*end && strchr(units, g_ascii_toupper(*end))) {
        unsigned shift = 10 * (unsigned)(strchr(units, g_ascii_toupper(*end++)) - units + 1);

        if (*n > G_MAXUINT32)
            return false;
        *n <<= shift;
    }
    return !*end && *n;
}

/* Below a MiB not one connection fits. */
static bool read_memory(struct imapid_options *options)
{
    guint64 n;

    if (!read_size(options->memory ? options->memory : "256M", &n) || n < 1 << 20 ||
        n > G_MAXSIZE / 2)
        return false;
    options->n_memory = (gsize)n;
    return true;
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

/* NULL, or what is wrong with --progress, --color and --time. */
static const char *read_terminal(struct imapid_options *options)
{
    enum imapid_when color = IMAPID_WHEN_AUTO;
    enum imapid_clock clock = IMAPID_CLOCK_LOCAL;

    if (options->progress && !imapid_terminal_read_when(options->progress, &options->show_progress))
        return "--progress takes auto, always or never";
    if (options->color && !imapid_terminal_read_when(options->color, &color))
        return "--color takes auto, always or never";
    if (options->time && !imapid_terminal_read_clock(options->time, &clock))
        return "--time takes local, utc, relative or epoch";
    options->terminal = imapid_terminal_of(
        imapid_output_is_standard(options->write) ? STDOUT_FILENO : -1, color, clock);
    return NULL;
}

/* --stream takes a number, so that nobody waits for what never matches. */
static bool read_stream(const struct imapid_options *options, GPtrArray *terms)
{
    guint64 n;

    if (!options->stream)
        return true;
    if (!g_ascii_string_to_unsigned(options->stream, 10, 0, G_MAXUINT32, &n, NULL))
        return false;
    g_ptr_array_add(terms, g_strdup_printf("stream=%" G_GUINT64_FORMAT, n));
    return true;
}

/* NULL, or what is wrong with --fold, --where and --stream, to be freed. */
static char *read_where(struct imapid_options *options)
{
    GPtrArray *terms = g_ptr_array_new_with_free_func(g_free);
    char *message = NULL;

    options->folded = imapid_fold_new();
    for (char **text = options->where; text && *text; text++)
        g_ptr_array_add(terms, g_strdup(*text));
    if (!read_stream(options, terms)) {
        message = g_strdup("--stream takes the number of a connection, from 0 on");
    } else if ((!options->fold || imapid_fold_read(options->folded, options->fold, &message)) &&
               terms->len) {
        char *why = NULL;

        g_ptr_array_add(terms, NULL);
        options->chosen = imapid_where_new((char *const *)terms->pdata, options->folded, &why);
        message = why ? g_strconcat("--where: ", why, NULL) : NULL;
        g_free(why);
    }
    g_ptr_array_unref(terms);
    return message;
}

/* 0: it is none from 1 to `max`. */
static guint64 read_number(const char *text, guint64 max)
{
    guint64 n = 0;

    return text && g_ascii_string_to_unsigned(text, 10, 1, max, &n, NULL) ? n : 0;
}

/* How often Prometheus asks, or somewhat more. */
#define METRICS_SECONDS 60

/* NULL, or what is wrong with the options of -i. */
static const char *read_live(struct imapid_options *options)
{
    struct imapid_live_options *live = &options->live;
    const char *end = "duration:";

    if (!options->interfaces && (options->buffer || options->snap || options->n_packets ||
                                 options->stop_at || options->is_modest || options->is_immediate))
        return "-B, -s, -p, -c, -a and --immediate-mode belong to -i";
    live->filter = options->filter;
    live->is_modest = options->is_modest;
    live->is_immediate = options->is_immediate;
    if (options->buffer && !(live->n_buffer = (guint32)read_number(options->buffer, 1 << 20)))
        return "-B takes a number of KiB, from 1 to 1048576";
    if (options->snap && g_strcmp0(options->snap, "0") && /* tcpdump's word for the default */
        !(live->n_snap = (guint32)read_number(options->snap, IMAPID_LIVE_SNAP)))
        return "-s takes a number of octets, from 1 to 262144";
    if (options->interval && !(options->n_interval = read_number(options->interval, G_MAXINT32)))
        return "--interval takes a number of seconds, from 1 on";
    if (options->metrics && !options->interval)
        options->n_interval = METRICS_SECONDS;
    if (options->n_packets && !(live->n_packets = read_number(options->n_packets, G_MAXINT64)))
        return "-c takes a number of packets, from 1 on";
    for (char **word = options->stop_at; word && *word; word++)
        if (!g_str_has_prefix(*word, end) ||
            !(live->n_seconds = (guint32)read_number(*word + strlen(end), G_MAXINT32)))
            return "-a takes duration:N, a number of seconds from 1 on";
    return NULL;
}

/* One -b, as dumpcap has them. */
static bool read_rotation(struct imapid_options *options, const char *word)
{
    const char *number = strchr(word, ':');
    guint64 n = number ? read_number(number + 1, G_MAXINT32) : 0;

    if (g_str_has_prefix(word, "duration:"))
        options->n_rotate_seconds = n;
    else if (g_str_has_prefix(word, "filesize:"))
        options->n_rotate_octets = n * 1000;
    else
        return false;
    return n > 0;
}

/* NULL, or what is wrong with -b. */
static const char *read_rotations(struct imapid_options *options)
{
    for (char **word = options->rotate; word && *word; word++)
        if (!read_rotation(options, *word))
            return "-b takes duration:N, a number of seconds, or filesize:N, of kB, from 1 on";
    if (options->rotate && imapid_output_is_standard(options->write))
        return "-b needs a file: --write FILE";
    if (options->rotate && !g_strcmp0(options->format, "sqlite"))
        return "-b is not for sqlite, which is one file";
    return NULL;
}

/* What a key can begin with, so that it can be told from the file behind it. */
static bool is_site(const char *name)
{
    size_t n = strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-");

    return n && n <= 64 && !name[n];
}

static gboolean is_written(const char *path, const char *output)
{
    if (!path || !imapid_inputs_is_output(path, output))
        return FALSE;
    imapid_message("%s: is the output file, so it cannot be read", path);
    return TRUE;
}

/* Would what is written destroy one of the files that tell how to read? */
static gboolean writes_over_table(const struct imapid_options *options, const char *output)
{
    const char *tables[] = {options->files_from, options->fold, options->redact_key,
                            options->keylogs ? NULL : g_getenv("SSLKEYLOGFILE")};
    gboolean found = FALSE;

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        found |= is_written(tables[i], output);
    for (char **path = options->keylogs; path && *path; path++)
        found |= is_written(*path, output);
    return found;
}

/* A pattern that gave up may have left something out. */
static enum imapid_exit tell_undecided(const struct imapid_options *options,
                                       enum imapid_exit status)
{
    char *why = options->chosen ? imapid_where_explain(options->chosen) : NULL;

    if (!why)
        return status;
    imapid_message("%s", why);
    g_free(why);
    return IMAPID_EXIT_FAILED;
}

/* Is there something at `path` that can be read, and is not what an earlier run of this would have left
 * there? `format`: NULL, if that cannot be read. */
static bool holds_input(const char *path, const char *format)
{
    static const struct imapid_source_watch nobody;
    struct imapid_source *source = NULL;
    const char *kind;

    if (path && g_file_test(path, G_FILE_TEST_IS_REGULAR))
        source = imapid_source_open(path, &nobody);
    if (!source)
        return false;
    kind = imapid_source_get_kind(source);
    imapid_source_close(source);
    if (kind && !strcmp(kind, "pcapng") && !g_strcmp0(kind, format))
        return !imapid_cut_has_written(path); /* others write captures, too */
    return kind && g_strcmp0(kind, format) != 0;
}

/* False: what is written would destroy an input. */
static bool drop_outputs(const struct imapid_options *options, GArray *inputs)
{
    return imapid_inputs_drop_output(inputs, options->write,
                                     holds_input(options->write, options->format)) &&
           (!options->metrics || imapid_inputs_drop_output(inputs, options->metrics,
                                                           holds_input(options->metrics, NULL)));
}

/* NULL, or what is wrong with --plan, --shard and --out. */
static const char *read_plan(struct imapid_options *options, const struct imapid_command *command,
                             char *const *arguments)
{
    bool extracts = command == imapid_usage_get_default();

    if (extracts && (!options->plan != !options->out || (options->shard && !options->plan)))
        return "extract takes --plan and --out together, and --shard with them";
    if (!options->out)
        return NULL;
    if (options->write || options->files_from || options->interfaces || options->read ||
        options->continuous || options->follow || *arguments)
        return "--plan and --out say what is read and written, so there is no other input or "
               "output";
    if (options->redact || options->where || options->stream)
        return "--out takes neither --redact, which a plan has with --redact-key, nor --where, "
               "which is for the answers";
    if (!strcmp(options->format, "text")) { /* the default */
        g_free(options->format);
        options->format = g_strdup("jsonl");
    }
    return strcmp(options->format, "jsonl") || options->is_array ? "--out takes JSON Lines" : NULL;
}

/* What it says. NULL, or what is wrong, to be freed; "" where it was said. */
static char *take_plan(struct imapid_options *options)
{
    options->planned = imapid_plan_read(options->plan);
    if (!options->planned)
        return g_strdup("");
    return options->out ? imapid_usage_take_kept(options, options->planned->options) : NULL;
}

/* With a plan its units, and nothing else that is there. */
static gboolean add_argument(const struct imapid_options *options, GArray *inputs, const char *path)
{
    if (!options->plan || options->chosen)
        return imapid_inputs_add(inputs, path, options->follow || options->status);
    imapid_shard_add(options, inputs, path);
    return TRUE;
}

/* An answer from a part of a plan is refused. */
static enum imapid_exit check_plan(const struct imapid_options *options, char *const *arguments)
{
    enum imapid_exit status = IMAPID_EXIT_DONE;

    for (; options->plan && *arguments && status == IMAPID_EXIT_DONE; arguments++)
        status = imapid_shard_check(options, *arguments);
    return status;
}

static enum imapid_exit run(struct imapid_options *options, const struct imapid_command *command,
                            char *const *arguments)
{
    GArray *inputs;
    gboolean found_all = TRUE;
    enum imapid_keylogs keylogs;
    enum imapid_exit status;
    const char *no_word, *stray = imapid_usage_find_stray(options, command);
    char *wrong = imapid_usage_read_format(options, command);

    if (wrong)
        return fail_with(wrong);
    if (stray)
        return fail("--%s is not an option of %s", stray, command->name);
    if ((no_word = read_plan(options, command, arguments)))
        return fail("%s", no_word);
    if (options->plan && (wrong = take_plan(options)))
        return *wrong ? fail_with(wrong) : (g_free(wrong), IMAPID_EXIT_FAILED);
    options->redact |= options->redact_key && !options->scrub;
    if (options->n_jobs < 0 || options->n_jobs > 1024)
        return fail("--jobs takes a number from 1 to 1024");
    if (!read_memory(options))
        return fail("--memory takes a number of octets, or of K, M or G, from 1M on");
    if (options->shard_bytes && !read_size(options->shard_bytes, &options->n_shard_octets))
        return fail("--shard-bytes takes a number of octets, or of K, M or G");
    if ((no_word = read_terminal(options)))
        return fail("%s", no_word);
    if (options->site && !is_site(options->site))
        return fail("--site takes up to 64 letters, digits, '.', '_' and '-'");
    if ((no_word = read_live(options)))
        return fail("%s", no_word);
    if ((no_word = read_rotations(options)))
        return fail("%s", no_word);
    if ((wrong = read_decode_as(options)))
        return fail_with(wrong);
    if (!options->n_jobs)
        options->n_jobs = (int)g_get_num_processors();
    if (writes_over_table(options, options->write) ||
        (options->metrics && writes_over_table(options, options->metrics)))
        return IMAPID_EXIT_FAILED;
    if (options->metrics && (!g_strcmp0(options->metrics, options->write) ||
                             imapid_inputs_is_output(options->metrics, options->write)))
        return fail("--metrics needs a file of its own");
    if ((wrong = read_where(options)))
        return fail_with(wrong);
    if (!options->files_from && !options->interfaces && !options->read && !*arguments &&
        !options->out)
        return fail("no input");
    if (options->no_sandbox)
        imapid_sandbox_disable();
    keylogs = imapid_keylogs_read(
        options, (is_endless(options, arguments) || is_endless(options, options->read)));
    if (keylogs == IMAPID_KEYLOGS_FAILED)
        return IMAPID_EXIT_FAILED;
    if (options->out)
        return imapid_shard_run(options);
    status = check_plan(options, arguments);
    if (status != IMAPID_EXIT_DONE)
        return status;
    inputs = imapid_inputs_new();
    if (options->files_from)
        found_all &= imapid_inputs_add_list(inputs, options->files_from, options->follow);
    for (char **path = options->read; path && *path; path++)
        found_all &= imapid_inputs_add(inputs, *path, options->follow);
    for (; *arguments; arguments++)
        found_all &= add_argument(options, inputs, *arguments);
    if (options->interfaces)
        imapid_inputs_add_interfaces(inputs, options->interfaces);
    /* Of nothing but what is not there nothing can be said. */
    status = IMAPID_EXIT_FAILED;
    if (drop_outputs(options, inputs) && (found_all || inputs->len))
        status = tell_undecided(options, command->run(options, inputs));
    (void)imapid_keylogs_tell_gave_way(options);
    imapid_inputs_free(inputs);
    found_all &= keylogs == IMAPID_KEYLOGS_READ;
    if (!found_all)
        status = IMAPID_EXIT_FAILED; /* an answer with a part missing is none */
    return status;
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

static enum imapid_exit print_help(const char *name)
{
    const struct imapid_command *command = imapid_usage_find_command(name);
    char *text = name && !command ? imapid_completions_spell(name) : NULL;

    if (name && !command && !text) {
        char *help = imapid_usage_ask_command(name, "'imapid --help' has them all");
        enum imapid_exit status = fail("there is no command '%s'; %s", name, help);

        g_free(help);
        return status;
    }
    if (!text)
        text = imapid_usage_spell_help(command);
    g_print("%s", text);
    g_free(text);
    return IMAPID_EXIT_DONE;
}

static enum imapid_exit list_interfaces(void)
{
    char *message = NULL, *text = imapid_live_list(&message);

    if (text)
        g_print("%s", text);
    else
        imapid_message("%s", message);
    g_free(text);
    g_free(message);
    return text ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}

/* The first word may be a command, or, misspelt, neither that nor an input. */
static enum imapid_exit obey(struct imapid_options *options)
{
    static char *const none[] = {NULL};
    char *const *arguments = options->arguments ? options->arguments : none;
    const struct imapid_command *command = imapid_usage_find_command(*arguments);
    enum imapid_exit status;
    char *help;

    if (options->version) {
        print_version();
        return IMAPID_EXIT_DONE;
    }
    if (options->list_interfaces)
        return list_interfaces();
    if (*arguments && !strcmp(*arguments, "help") && !g_file_test(*arguments, G_FILE_TEST_EXISTS))
        return print_help(arguments[1]);
    if (options->help)
        return print_help(command ? command->name : NULL);
    if (*arguments && command)
        return run(options, command, arguments + 1);
    if (!*arguments || g_file_test(*arguments, G_FILE_TEST_EXISTS))
        return run(options, imapid_usage_get_default(), arguments);
    help = imapid_usage_ask_command(*arguments, "");
    status = *help ? fail("there is no command and no file '%s'; %s", *arguments, help)
                   : run(options, imapid_usage_get_default(), arguments);
    g_free(help);
    return status;
}

int main(int argc, char **argv)
{
    struct imapid_options options = {.n_jobs = 0};
    char *wrong;
    int status;

    imapid_large_begin();
    fill_standard_files();
    g_set_prgname("imapid");
    imapid_message_end_with(IMAPID_EXIT_AGAIN);
    (void)setlocale(LC_CTYPE, "");  /* file names; numbers stay as they are */
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write(), and ends the program */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so is a file that is as large as files may be */
    (void)argc;
    wrong = imapid_usage_parse(&options, argv);
    status = imapid_run_get_status(wrong ? fail_with(wrong) : obey(&options));
    imapid_where_free(options.chosen);
    imapid_fold_free(options.folded);
    imapid_keylog_free(options.keylog);
    imapid_plan_free(options.planned);
    imapid_usage_free(&options);
    imapid_tcp_forget_room();
    return status;
}
