/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c: the command plan, and plans read back. Files are not opened here: what their names, sizes and
 * folders say is enough, so a plan of many is made at once. In what order the pieces of a chain are read is
 * found out when they are.
 *
 * Refuses paths that are no UTF-8, which JSON can't hold, and lines that are no plan of this version.
 *
 * Misuse: a plan that was made in another folder, where its paths are relative ones. */
#include "plan.h"

#include "failure.h"
#include "inputs.h"
#include "message.h"
#include "output.h"

#include "record/member.h"
#include "record/spell.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* What a file costs beside its octets: it is opened, its records get a file. */
#define FILE_COST 4096u

/* The last line of a unit's records is shorter. */
#define TAIL 4096

/* dumpcap's names of the files of a ring: NAME_00001_20260102030405.pcapng. */
#define RING "^(.*)_[0-9]{5,}_[0-9]{14}\\.pcap(ng)?(\\.(gz|zst|lz4|xz|bz2))?$"

static void free_unit(void *data)
{
    struct imapid_plan_unit *unit = data;

    g_ptr_array_unref(unit->files);
    g_free(unit);
}

static struct imapid_plan_unit *new_unit(void)
{
    struct imapid_plan_unit *unit = g_new0(struct imapid_plan_unit, 1);

    unit->files = g_ptr_array_new_with_free_func(g_free);
    return unit;
}

static struct imapid_plan *new_plan(void)
{
    struct imapid_plan *plan = g_new0(struct imapid_plan, 1);

    plan->units = g_ptr_array_new_with_free_func(free_unit);
    return plan;
}

void imapid_plan_free(struct imapid_plan *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->units);
    g_free(plan->id);
    g_free(plan);
}

/* ---- made ---- */

struct making {
    struct imapid_plan *plan;
    GRegex *chain;
    GHashTable *chains; /* by folder and what the expression's group matched: units */
    guint64 n_octets, n_files;
    bool has_failed;
};

/* What files of one chain have in common; NULL: the file is of none. To be freed. */
static char *find_chain(const struct making *making, const char *path)
{
    GMatchInfo *match = NULL;
    char *chain = NULL;

    if (making->chain && g_regex_match(making->chain, path, 0, &match)) {
        char *group = g_match_info_fetch(match, g_regex_get_capture_count(making->chain) ? 1 : 0);
        char *folder = g_path_get_dirname(path);

        chain = g_strconcat(folder, "\n", group, NULL);
        g_free(folder);
        g_free(group);
    }
    g_match_info_free(match);
    return chain;
}

static struct imapid_plan_unit *get_unit(struct making *making, const char *path)
{
    char *chain = find_chain(making, path);
    struct imapid_plan_unit *unit = chain ? g_hash_table_lookup(making->chains, chain) : NULL;

    if (!unit) {
        unit = new_unit();
        g_ptr_array_add(making->plan->units, unit);
        if (chain)
            g_hash_table_insert(making->chains, g_steal_pointer(&chain), unit);
    }
    g_free(chain);
    return unit;
}

static void complain(struct making *making, const char *path, const char *what)
{
    making->has_failed = true;
    imapid_message("%s: %s", path, what);
}

static void add_input(struct making *making, const struct imapid_input *input)
{
    struct imapid_plan_unit *unit;
    GStatBuf st;

    if (!strcmp(input->path, "-") || !g_utf8_validate(input->path, -1, NULL)) {
        complain(making, input->path, "cannot be part of a plan: its name is not UTF-8, or a pipe");
    } else if (g_stat(input->path, &st) != 0) {
        complain(making, input->path, imapid_failure_of_input(errno));
    } else if (!S_ISREG(st.st_mode)) {
        complain(making, input->path, "cannot be part of a plan: it is no regular file");
    } else {
        unit = get_unit(making, input->path);
        unit->found |= input->found;
        unit->n_octets += (guint64)st.st_size;
        g_ptr_array_add(unit->files, g_strdup(input->path));
        making->n_octets += (guint64)st.st_size;
        making->n_files++;
    }
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The largest first; else by name. */
static int compare_units(const void *a, const void *b)
{
    const struct imapid_plan_unit *one = *(void *const *)a, *other = *(void *const *)b;

    if (one->n_octets != other->n_octets)
        return one->n_octets > other->n_octets ? -1 : 1;
    return strcmp(one->files->pdata[0], other->files->pdata[0]);
}

static void spell_head(GString *out, const struct making *making, const char *chain)
{
    g_string_append(out, "{\"type\":\"plan\",\"schema\":1,\"version\":");
    imapid_spell_json_text(out, IMAPID_VERSION);
    g_string_append_printf(out,
                           ",\"units\":%u,\"files\":%" G_GUINT64_FORMAT
                           ",\"bytes\":%" G_GUINT64_FORMAT ",\"chain\":",
                           making->plan->units->len, making->n_files, making->n_octets);
    imapid_spell_json_text(out, chain);
    g_string_append(out, "}\n");
}

static void spell_unit(GString *out, const struct imapid_plan_unit *unit, guint number)
{
    g_string_append_printf(out,
                           "{\"type\":\"unit\",\"unit\":%u,\"bytes\":%" G_GUINT64_FORMAT
                           ",\"found\":%s,\"files\":[",
                           number, unit->n_octets, unit->found ? "true" : "false");
    for (guint i = 0; i < unit->files->len; i++) {
        g_string_append(out, i ? "," : "");
        imapid_spell_json_text(out, unit->files->pdata[i]);
    }
    g_string_append(out, "]}\n");
}

static bool write_plan(const struct imapid_options *options, const struct making *making,
                       const char *chain)
{
    struct imapid_output *output = imapid_output_open(options->write, 1, IMAPID_OUTPUT_BUFFERED);
    GString *text;

    if (!output)
        return false;
    text = g_string_new(NULL);
    spell_head(text, making, chain);
    for (guint i = 0; i < making->plan->units->len; i++)
        spell_unit(text, making->plan->units->pdata[i], i + 1);
    imapid_output_add(output, 0, text->str, text->len);
    imapid_output_end(output, 0);
    g_string_free(text, TRUE);
    return imapid_output_close(output, TRUE);
}

enum imapid_exit imapid_plan_make(const struct imapid_options *options, const GArray *inputs)
{
    const char *chain = options->chain ? options->chain : RING;
    GError *error = NULL;
    struct making making = {.plan = new_plan()};
    bool good = false;

    if (*chain)
        making.chain = g_regex_new(chain, G_REGEX_OPTIMIZE, 0, &error);
    making.chains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (error) {
        imapid_message("--chain: %s", error->message);
        g_error_free(error);
    } else {
        for (guint i = 0; i < inputs->len; i++)
            add_input(&making, &g_array_index(inputs, struct imapid_input, i));
        for (guint i = 0; i < making.plan->units->len; i++)
            g_ptr_array_sort(((struct imapid_plan_unit *)making.plan->units->pdata[i])->files,
                             compare_paths);
        g_ptr_array_sort(making.plan->units, compare_units);
        good = !making.has_failed && write_plan(options, &making, chain);
    }
    if (good && !options->quiet)
        imapid_message("%" G_GUINT64_FORMAT " files, %" G_GUINT64_FORMAT " octets: %u units",
                       making.n_files, making.n_octets, making.plan->units->len);
    if (making.chain)
        g_regex_unref(making.chain);
    g_hash_table_unref(making.chains);
    imapid_plan_free(making.plan);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}

/* ---- read back ---- */

/* Its files, and nothing else, are to be of type string. */
static void read_files(struct imapid_member_line *line, struct imapid_json *object,
                       struct imapid_plan_unit *unit)
{
    struct imapid_json *list = imapid_member_get(line, object, "files"), *element;

    if (!list || list->kind != IMAPID_JSON_ARRAY || !list->n) {
        imapid_member_fail(line, "no list in", "files");
        return;
    }
    element = list + 1;
    for (unsigned i = 0; i < list->n; i++, element += element->n_tokens) {
        struct imapid_record_string path;

        if (element->kind != IMAPID_JSON_STRING) {
            imapid_member_fail(line, "something other than strings in", "files");
            return;
        }
        path = imapid_member_read(line, element);
        g_ptr_array_add(unit->files, g_strndup((const char *)path.octets, path.n));
    }
}

/* A line of a unit; the first one is that of the plan. */
static const char *read_line(struct imapid_plan *plan, struct imapid_json_text *text,
                             struct imapid_arena *arena, const char *octets, size_t n,
                             guint64 *n_units)
{
    struct imapid_member_line line = {.arena = arena};
    struct imapid_plan_unit *unit;

    if (imapid_json_read(text, (const uint8_t *)octets, n) != IMAPID_JSON_GOOD ||
        text->tokens->kind != IMAPID_JSON_OBJECT)
        return "no JSON object";
    if (*n_units == G_MAXUINT64) {
        if (g_strcmp0(imapid_member_get_text(&line, text->tokens, "type"), "plan") ||
            imapid_member_get_number(&line, text->tokens, "schema", INT64_MAX) != 1)
            return "no plan of this version";
        *n_units = imapid_member_get_number(&line, text->tokens, "units", G_MAXINT32);
        return line.error;
    }
    unit = new_unit();
    g_ptr_array_add(plan->units, unit);
    unit->number = (guint)imapid_member_get_number(&line, text->tokens, "unit", G_MAXINT32);
    unit->n_octets = imapid_member_get_number(&line, text->tokens, "bytes", INT64_MAX);
    unit->found = imapid_member_get_bool(&line, text->tokens, "found");
    read_files(&line, text->tokens, unit);
    if (!line.error && unit->number != plan->units->len)
        return "units are missing before it";
    return line.error;
}

/* NULL, or what is wrong, to be freed. */
static char *read_lines(struct imapid_plan *plan, const char *octets, size_t n)
{
    struct imapid_json_text text = {NULL, 0};
    struct imapid_arena arena = {NULL, 0};
    guint64 n_units = G_MAXUINT64, n_lines = 0;
    char *wrong = NULL;

    for (const char *at = octets, *end; !wrong && at < octets + n; at = end + 1) {
        const char *why;

        end = memchr(at, '\n', (size_t)(octets + n - at));
        n_lines++;
        imapid_arena_reset(&arena);
        why = end ? read_line(plan, &text, &arena, at, (size_t)(end - at), &n_units)
                  : "the line is cut";
        if (why)
            wrong = g_strdup_printf("line %" G_GUINT64_FORMAT ": %s", n_lines, why);
        if (!end)
            break;
    }
    if (!wrong && n_units != plan->units->len)
        wrong = g_strdup("no plan, or units are missing");
    imapid_json_deinit(&text);
    imapid_arena_deinit(&arena);
    return wrong;
}

struct imapid_plan *imapid_plan_read(const char *path)
{
    struct imapid_plan *plan = new_plan();
    GError *error = NULL;
    char *octets = NULL, *wrong, *digest;
    gsize n = 0;

    if (!g_file_get_contents(path, &octets, &n, &error)) {
        if (error->code == G_FILE_ERROR_NOENT || error->code == G_FILE_ERROR_IO)
            (void)imapid_failure_of_input(ENOENT);
        imapid_message("%s", error->message);
        g_error_free(error);
        imapid_plan_free(plan);
        return NULL;
    }
    wrong = read_lines(plan, octets, n);
    digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)octets, n);
    plan->id = g_strndup(digest, 16);
    g_free(digest);
    g_free(octets);
    if (wrong) {
        imapid_message("%s: %s", path, wrong);
        g_clear_pointer(&plan, imapid_plan_free);
    }
    g_free(wrong);
    return plan;
}

/* ---- shares ---- */

guint *imapid_plan_share(const struct imapid_plan *plan, guint n)
{
    guint *shares = g_new(guint, plan->units->len + 1);
    guint64 *loads = g_new0(guint64, n);

    for (guint i = 0; i < plan->units->len; i++) {
        const struct imapid_plan_unit *unit = plan->units->pdata[i];
        guint least = 0;

        for (guint k = 1; k < n; k++)
            if (loads[k] < loads[least])
                least = k;
        shares[i] = least;
        loads[least] += unit->n_octets + (guint64)unit->files->len * FILE_COST;
    }
    g_free(loads);
    return shares;
}

/* ---- what is done ---- */

char *imapid_plan_spell_output(const char *folder, guint number)
{
    char *name = g_strdup_printf("unit-%06u.jsonl", number), *path;

    path = g_build_filename(folder, name, NULL);
    g_free(name);
    return path;
}

/* Is this line the end of the unit's records? */
static bool is_end(const struct imapid_plan *plan, guint number, const char *octets, size_t n,
                   bool *is_whole)
{
    struct imapid_json_text text = {NULL, 0};
    struct imapid_arena arena = {NULL, 0};
    struct imapid_member_line line = {.arena = &arena};
    bool good = imapid_json_read(&text, (const uint8_t *)octets, n) == IMAPID_JSON_GOOD &&
                text.tokens->kind == IMAPID_JSON_OBJECT;

    good = good && !g_strcmp0(imapid_member_get_text(&line, text.tokens, "type"), "end") &&
           !g_strcmp0(imapid_member_get_text(&line, text.tokens, "plan"), plan->id) &&
           imapid_member_get_number(&line, text.tokens, "unit", G_MAXINT32) == number;
    if (good)
        *is_whole = imapid_member_get_bool(&line, text.tokens, "whole");
    good = good && !line.error;
    imapid_json_deinit(&text);
    imapid_arena_deinit(&arena);
    return good;
}

enum imapid_plan_state imapid_plan_look(const struct imapid_plan *plan, const char *folder,
                                        guint number, bool *is_whole)
{
    char *path = imapid_plan_spell_output(folder, number), tail[TAIL];
    int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    const char *start;
    off_t size;
    ssize_t n;

    *is_whole = false;
    g_free(path);
    if (fd < 0)
        return errno == ENOENT ? IMAPID_PLAN_MISSING : IMAPID_PLAN_DAMAGED;
    size = lseek(fd, 0, SEEK_END);
    n = size < 0 ? -1 : pread(fd, tail, sizeof tail, MAX(size - (off_t)sizeof tail, 0));
    (void)close(fd);
    if (n < 1 || tail[n - 1] != '\n')
        return IMAPID_PLAN_DAMAGED;
    for (start = tail + n - 1; start > tail && start[-1] != '\n'; start--)
        ;
    return is_end(plan, number, start, (size_t)(tail + n - 1 - start), is_whole)
               ? IMAPID_PLAN_DONE
               : IMAPID_PLAN_DAMAGED;
}
