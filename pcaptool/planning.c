/* SPDX-License-Identifier: GPL-2.0-or-later */
/* planning.c: makes plans. Files are not opened here: what their names, sizes and folders say is enough, so a
 * plan of many is made at once.
 *
 * The pieces of a chain are in the order of their names, numbers in them as numbers; those of dumpcap's rings in
 * that of the times in them, as numbers begin anew with each run. A chain may be cut into sections; each is read on
 * behind its end for what is open there (imapid_collect_end_section()).
 *
 * Refuses paths that are no UTF-8, which JSON can't hold, and what is no regular file.
 *
 * Misuse: pieces of one chain in two folders: they are two units. */
#define _GNU_SOURCE /* strverscmp */
#include "planning.h"

#include "failure.h"
#include "inputs.h"
#include "message.h"
#include "number.h"
#include "output.h"
#include "plan.h"
#include "usage.h"

#include "record/spell.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* dumpcap's names of the files of a ring: NAME_00001_20260102030405.pcapng. */
#define RING "^(.*)_[0-9]{5,}_[0-9]{14}\\.pcap(ng)?(\\.(gz|zst|lz4|xz|bz2))?$"

/* Digits of the time. */
#define N_RING_TIME 14

#define N G_GUINT64_FORMAT

/* A file of the store. */
struct piece {
    char *path;
    guint64 n_octets;
    int64_t modified; /* seconds since 1970 */
    bool found;       /* in a folder: it need not be a capture */
};

struct making {
    const struct imapid_options *options;
    const char *chain;  /* the expression */
    GRegex *regex;      /* NULL: files are of no chain */
    GArray *pieces;     /* of struct piece: those that are of no chain */
    GHashTable *chains; /* by folder and what the expression's group matched: arrays as `pieces` */
    struct imapid_plan *plan;
    guint64 n_octets, n_files;
    bool has_failed;
};

static void clear_piece(void *data)
{
    g_free(((struct piece *)data)->path);
}

static GArray *new_pieces(void)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));

    g_array_set_clear_func(pieces, clear_piece);
    return pieces;
}

static struct piece *get_piece(const GArray *pieces, guint i)
{
    return &g_array_index(pieces, struct piece, i);
}

/* What files of one chain have in common; NULL: the file is of none. To be freed. */
static char *find_chain(const struct making *making, const char *path)
{
    GMatchInfo *match = NULL;
    char *chain = NULL;

    if (making->regex && g_regex_match(making->regex, path, 0, &match)) {
        char *group = g_match_info_fetch(match, g_regex_get_capture_count(making->regex) ? 1 : 0);
        char *folder = g_path_get_dirname(path);

        chain = g_strconcat(folder, "\n", group, NULL);
        g_free(folder);
        g_free(group);
    }
    g_match_info_free(match);
    return chain;
}

/* Where files of the same chain are gathered. */
static GArray *get_pieces(struct making *making, const char *path)
{
    char *chain = find_chain(making, path);
    GArray *pieces = chain ? g_hash_table_lookup(making->chains, chain) : making->pieces;

    if (!pieces) {
        pieces = new_pieces();
        g_hash_table_insert(making->chains, g_steal_pointer(&chain), pieces);
    }
    g_free(chain);
    return pieces;
}

static void complain(struct making *making, const char *path, const char *what)
{
    making->has_failed = true;
    imapid_message("%s: %s", path, what);
}

static void add_input(struct making *making, const struct imapid_input *input)
{
    struct piece piece;
    GArray *pieces;
    GStatBuf st;

    if (!strcmp(input->path, "-") || !g_utf8_validate(input->path, -1, NULL)) {
        complain(making, input->path, "cannot be part of a plan: its name is not UTF-8, or a pipe");
    } else if (g_stat(input->path, &st) != 0) {
        complain(making, input->path, imapid_failure_of_input(errno));
    } else if (!S_ISREG(st.st_mode)) {
        complain(making, input->path, "cannot be part of a plan: it is no regular file");
    } else {
        piece = (struct piece){g_strdup(input->path), (guint64)st.st_size, st.st_mtime,
                               input->found != FALSE};
        pieces = get_pieces(making, input->path);
        g_array_append_val(pieces, piece);
        making->n_octets += piece.n_octets;
        making->n_files++;
    }
}

/* ---- units ---- */

/* The time in the name of a ring's file; "" in others. */
static const char *find_time(const char *path)
{
    const char *name = strrchr(path, '/');
    const char *end = strstr(name ? name : path, ".pcap");

    return end && end - path > N_RING_TIME ? end - N_RING_TIME : "";
}

static int compare_ring_pieces(const void *a, const void *b)
{
    const struct piece *one = a, *other = b;
    int order = strncmp(find_time(one->path), find_time(other->path), N_RING_TIME);

    return order ? order : strcmp(one->path, other->path);
}

static int compare_pieces(const void *a, const void *b)
{
    const char *one = ((const struct piece *)a)->path, *other = ((const struct piece *)b)->path;
    int order = strverscmp(one, other);

    return order ? order : strcmp(one, other);
}

/* Adds a unit of the pieces from `first` on, `n` of them. */
static struct imapid_plan_unit *add_unit(struct making *making, const GArray *pieces, guint first,
                                         guint n)
{
    struct imapid_plan_unit *unit = imapid_plan_add_unit(making->plan, n);

    for (guint i = first; i < first + n; i++) {
        const struct piece *piece = get_piece(pieces, i);

        unit->files[i - first] = piece->path;
        unit->n_octets += piece->n_octets;
        unit->modified = MAX(unit->modified, piece->modified);
        unit->found |= piece->found;
    }
    return unit;
}

/* How many pieces from `first` on are one section: one at least. */
static guint count_section(const struct making *making, const GArray *pieces, guint first)
{
    guint64 n_octets = get_piece(pieces, first)->n_octets, n_max = making->options->n_shard_octets;
    guint n = 1;

    while (first + n < pieces->len) {
        n_octets += get_piece(pieces, first + n)->n_octets;
        if (n_max && n_octets > n_max)
            break;
        n++;
    }
    return n;
}

static void add_chain(struct making *making, GArray *pieces)
{
    struct imapid_plan_unit *before = NULL;

    g_array_sort(pieces, making->options->chain ? compare_pieces : compare_ring_pieces);
    for (guint first = 0, n; first < pieces->len; first += n) {
        struct imapid_plan_unit *unit;

        n = count_section(making, pieces, first);
        unit = add_unit(making, pieces, first, n);
        if (before)
            before->next = unit;
        before = unit;
    }
}

/* Chains in the order of what they have in common: a hash table has none. */
static void add_units(struct making *making)
{
    GList *names = g_list_sort(g_hash_table_get_keys(making->chains), (GCompareFunc)strcmp);

    for (guint i = 0; i < making->pieces->len; i++)
        add_unit(making, making->pieces, i, 1);
    for (const GList *at = names; at; at = at->next)
        add_chain(making, g_hash_table_lookup(making->chains, at->data));
    g_list_free(names);
}

/* The largest first; else by name. */
static int compare_units(const void *a, const void *b)
{
    const struct imapid_plan_unit *one = *(void *const *)a, *other = *(void *const *)b;

    if (one->n_octets != other->n_octets)
        return one->n_octets > other->n_octets ? -1 : 1;
    return strcmp(one->files[0], other->files[0]);
}

/* ---- the file ---- */

static void spell_list(GString *out, char *const *texts, guint n)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < n; i++) {
        g_string_append(out, i ? "," : "");
        imapid_spell_json_text(out, texts[i]);
    }
    g_string_append_c(out, ']');
}

static void spell_head(GString *out, const struct making *making, const GPtrArray *options)
{
    g_string_append(out, "{\"type\":\"plan\",\"schema\":1,\"version\":");
    imapid_spell_json_text(out, IMAPID_VERSION);
    g_string_append_printf(out, ",\"units\":%u,\"files\":%" N ",\"bytes\":%" N ",\"chain\":",
                           making->plan->units->len, making->n_files, making->n_octets);
    imapid_spell_json_text(out, making->chain);
    g_string_append(out, ",\"options\":");
    spell_list(out, (char *const *)options->pdata, options->len);
    g_string_append(out, "}\n");
}

static void spell_unit(GString *out, const struct imapid_plan_unit *unit)
{
    g_string_append_printf(out, "{\"type\":\"unit\",\"unit\":%u,\"bytes\":%" N ",\"modified\":\"",
                           unit->number, unit->n_octets);
    imapid_spell_time(out, unit->modified * G_GINT64_CONSTANT(1000000000));
    g_string_append_printf(out, "\",\"found\":%s", unit->found ? "true" : "false");
    if (unit->next)
        g_string_append_printf(out, ",\"next\":%u", unit->next->number);
    g_string_append(out, ",\"files\":");
    spell_list(out, unit->files, unit->n_files);
    g_string_append(out, "}\n");
}

static bool write_plan(const struct making *making, const GPtrArray *options)
{
    struct imapid_output *output =
        imapid_output_open(making->options->write, 1, IMAPID_OUTPUT_BUFFERED);
    char digest[65];
    GString *text;

    if (!output)
        return false;
    text = g_string_new(NULL);
    spell_head(text, making, options);
    for (guint i = 0; i < making->plan->units->len; i++)
        spell_unit(text, making->plan->units->pdata[i]);
    imapid_plan_spell_digest(text->str, text->len, digest);
    g_string_append_printf(text, "{\"type\":\"end\",\"sha256\":\"%s\"}\n", digest);
    imapid_output_add(output, 0, text->str, text->len);
    imapid_output_end(output, 0);
    g_string_free(text, TRUE);
    return imapid_output_close(output, TRUE);
}

/* ---- the command ---- */

/* False with a message: a word that JSON can't hold. */
static bool are_texts(const GPtrArray *words)
{
    for (guint i = 0; i < words->len; i++)
        if (!g_utf8_validate(words->pdata[i], -1, NULL)) {
            imapid_message("a plan keeps options, so they have to be UTF-8");
            return false;
        }
    return true;
}

/* False with a message. */
static bool read_chain(struct making *making)
{
    GError *error = NULL;

    making->chain = making->options->chain ? making->options->chain : RING;
    if (*making->chain)
        making->regex = g_regex_new(making->chain, G_REGEX_OPTIMIZE, 0, &error);
    if (!error)
        return true;
    imapid_message("--chain: %s", error->message);
    g_error_free(error);
    return false;
}

enum imapid_exit imapid_planning_run(const struct imapid_options *options, const GArray *inputs)
{
    GPtrArray *kept = imapid_usage_list_kept(options);
    struct making making = {
        .options = options,
        .pieces = new_pieces(),
        .chains =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref),
        .plan = imapid_plan_new(),
    };
    bool good = are_texts(kept) && read_chain(&making);

    if (good) {
        for (guint i = 0; i < inputs->len; i++)
            add_input(&making, &g_array_index(inputs, struct imapid_input, i));
        add_units(&making);
        g_ptr_array_sort(making.plan->units, compare_units);
        for (guint i = 0; i < making.plan->units->len; i++)
            ((struct imapid_plan_unit *)making.plan->units->pdata[i])->number = i + 1;
        good = !making.has_failed && write_plan(&making, kept);
    }
    if (good && !options->quiet)
        imapid_message("%" N " file%s, %" N " octet%s: %u unit%s", making.n_files,
                       imapid_number_s(making.n_files), making.n_octets,
                       imapid_number_s(making.n_octets), making.plan->units->len,
                       imapid_number_s(making.plan->units->len));
    if (making.regex)
        g_regex_unref(making.regex);
    g_hash_table_unref(making.chains);
    g_array_unref(making.pieces);
    g_ptr_array_unref(kept);
    imapid_plan_free(making.plan);
    return good ? IMAPID_EXIT_DONE : IMAPID_EXIT_FAILED;
}
