/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c: plans read back, their shares, and what of them is done.
 *
 * The last line has a digest of those before, so that a plan that was damaged or cut is known. Its id is of
 * that digest: what was done for another plan, made with other options, of other files or by another
 * version, is not done for this one.
 *
 * Refuses lines that are no plan of this version.
 *
 * Misuse: a plan that was made in another folder, where its paths are relative ones. */
#include "plan.h"

#include "failure.h"
#include "heap.h"
#include "message.h"

#include "answer/partial.h"
#include "record/member.h"

#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a file costs beside its octets: it is opened, its records get a file. */
#define FILE_COST 4096u

/* The last line of a unit's records is shorter. */
#define TAIL 4096

/* Octets that are read at a time where lines are counted. */
#define PORTION 65536

/* Digits of the digest that are the id. */
#define N_ID 16u

struct imapid_plan *imapid_plan_new(void)
{
    struct imapid_plan *plan = g_new0(struct imapid_plan, 1);

    plan->units = g_ptr_array_new();
    plan->options = g_ptr_array_new_with_free_func(g_free);
    return plan;
}

struct imapid_plan_unit *imapid_plan_add_unit(struct imapid_plan *plan, guint n_files)
{
    struct imapid_plan_unit *unit = imapid_arena_take_zeroed(&plan->arena, sizeof *unit);

    unit->n_files = n_files;
    unit->files = imapid_arena_take_zeroed(&plan->arena, n_files * sizeof *unit->files);
    g_ptr_array_add(plan->units, unit);
    return unit;
}

void imapid_plan_free(struct imapid_plan *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->units);
    g_ptr_array_unref(plan->options);
    imapid_arena_deinit(&plan->arena);
    g_free(plan->version);
    g_free(plan->id);
    g_free(plan);
}

/* ---- read back ---- */

/* The list of that name; NULL after a fault. */
static struct imapid_json *find_list(struct imapid_member_line *line, struct imapid_json *object,
                                     const char *name)
{
    struct imapid_json *list = imapid_member_get(line, object, name);

    if (list && list->kind == IMAPID_JSON_ARRAY)
        return list;
    imapid_member_fail(line, "no list in", name);
    return NULL;
}

/* The elements of a list, which are to be strings, into `arena`. */
static void read_texts(struct imapid_member_line *line, const struct imapid_json *list,
                       char **texts, struct imapid_arena *arena)
{
    const struct imapid_json *element = list + 1;

    for (unsigned i = 0; i < list->n; i++, element += element->n_tokens) {
        struct imapid_record_string value;

        if (element->kind != IMAPID_JSON_STRING) {
            imapid_member_fail(line, "something other than", "strings");
            return;
        }
        value = imapid_member_read(line, element);
        texts[i] = imapid_arena_take(arena, value.n + 1);
        memcpy(texts[i], value.octets, value.n);
        texts[i][value.n] = '\0';
    }
}

/* What is kept while a plan is read. */
struct plan_reading {
    struct imapid_plan *plan;
    struct imapid_json_text text;
    struct imapid_arena arena;
    guint64 n_units;
    bool has_head, has_end;
    GArray *nexts;   /* guint: of each unit the number of the next section, 0: none */
    char digest[65]; /* of the lines before the last one */
};

static const char *read_head(struct plan_reading *reading, struct imapid_member_line *line)
{
    struct imapid_plan *plan = reading->plan;
    struct imapid_json *object = reading->text.tokens, *list;
    char **texts;

    if (g_strcmp0(imapid_member_get_text(line, object, "type"), "plan") ||
        imapid_member_get_number(line, object, "schema", INT64_MAX) != 1)
        return "no plan of this version";
    reading->has_head = true;
    reading->n_units = imapid_member_get_number(line, object, "units", G_MAXINT32);
    plan->version = g_strdup(imapid_member_get_name(line, object, "version"));
    list = find_list(line, object, "options");
    if (!list)
        return line->error;
    texts = imapid_arena_take(&reading->arena, list->n * sizeof *texts);
    read_texts(line, list, texts, &reading->arena);
    for (unsigned i = 0; i < list->n && !line->error; i++)
        g_ptr_array_add(plan->options, g_strdup(texts[i]));
    return line->error;
}

static const char *read_unit(struct plan_reading *reading, struct imapid_member_line *line)
{
    struct imapid_plan *plan = reading->plan;
    struct imapid_json *object = reading->text.tokens, *list = find_list(line, object, "files");
    struct imapid_plan_unit *unit;
    guint next = 0;

    if (!list || !list->n)
        return "a unit without files";
    if (imapid_member_find(object, "next"))
        next = (guint)imapid_member_get_number(line, object, "next", G_MAXINT32);
    g_array_append_val(reading->nexts, next);
    unit = imapid_plan_add_unit(plan, list->n);
    unit->number = (guint)imapid_member_get_number(line, object, "unit", G_MAXINT32);
    unit->n_octets = imapid_member_get_number(line, object, "bytes", INT64_MAX);
    unit->found = imapid_member_get_bool(line, object, "found");
    read_texts(line, list, unit->files, &plan->arena);
    if (!line->error && unit->number != plan->units->len)
        return "units are missing before it";
    return line->error;
}

static const char *read_end(struct plan_reading *reading, struct imapid_member_line *line)
{
    const char *digest = imapid_member_get_name(line, reading->text.tokens, "sha256");

    reading->has_end = true;
    return strcmp(digest, reading->digest) ? "the plan is damaged: it is not what was written"
                                           : line->error;
}

/* The first line is of the plan, the last one its end, the others units. */
static const char *read_line(struct plan_reading *reading, const char *octets, size_t n)
{
    struct imapid_member_line line = {.arena = &reading->arena};
    struct imapid_json_text *text = &reading->text;

    if (imapid_json_read(text, (const uint8_t *)octets, n) != IMAPID_JSON_GOOD ||
        text->tokens->kind != IMAPID_JSON_OBJECT)
        return "no JSON object";
    if (!reading->has_head)
        return read_head(reading, &line);
    if (reading->has_end)
        return "something behind the end";
    return g_strcmp0(imapid_member_get_text(&line, text->tokens, "type"), "end")
               ? read_unit(reading, &line)
               : read_end(reading, &line);
}

void imapid_plan_spell_digest(const char *octets, size_t n, char digest[65])
{
    guchar hash[32];

    gcry_md_hash_buffer(GCRY_MD_SHA256, hash, octets, n);
    for (size_t i = 0; i < sizeof hash; i++)
        g_snprintf(digest + 2 * i, 3, "%02x", hash[i]);
}

/* Where the last line begins. */
static size_t find_last_line(const char *octets, size_t n)
{
    while (n && octets[n - 1] == '\n')
        n--;
    while (n && octets[n - 1] != '\n')
        n--;
    return n;
}

/* `follows`: of each unit, false. False: a section is not there, follows two, or stands in a circle, which has no first
 * one. */
static bool join_sections(const struct plan_reading *reading, bool *follows)
{
    GPtrArray *units = reading->plan->units;
    guint n_reached = 0;

    for (guint i = 0; i < units->len; i++) {
        guint next = g_array_index(reading->nexts, guint, i);

        if (!next)
            continue;
        if (next > units->len || follows[next - 1])
            return false;
        follows[next - 1] = true;
        ((struct imapid_plan_unit *)units->pdata[i])->next = units->pdata[next - 1];
    }
    for (guint i = 0; i < units->len; i++)
        for (const struct imapid_plan_unit *unit = follows[i] ? NULL : units->pdata[i]; unit;
             unit = unit->next)
            n_reached++;
    return n_reached == units->len;
}

/* Whoever makes a plan can make its digest, so what it says of sections is looked at. NULL, or what is wrong. */
static const char *find_wrong_sections(const struct plan_reading *reading)
{
    bool *follows = g_new0(bool, reading->plan->units->len + (gsize)1);
    bool good = join_sections(reading, follows);

    g_free(follows);
    return good ? NULL : "sections that do not follow each other";
}

static const char *find_missing(const struct plan_reading *reading)
{
    if (!reading->has_end || reading->n_units != reading->plan->units->len)
        return "no plan, or units are missing";
    return NULL;
}

/* NULL, and *why_not says the line and what is wrong, to be freed. */
static struct imapid_plan *parse(const char *octets, size_t n, char **why_not)
{
    struct imapid_plan *plan = imapid_plan_new();
    struct plan_reading reading = {.plan = plan, .nexts = g_array_new(FALSE, FALSE, sizeof(guint))};
    guint64 n_lines = 0;
    char *wrong = NULL;

    imapid_plan_spell_digest(octets, find_last_line(octets, n), reading.digest);
    for (const char *at = octets, *end; !wrong && at < octets + n; at = end + 1) {
        const char *why;

        end = memchr(at, '\n', (size_t)(octets + n - at));
        n_lines++;
        imapid_arena_reset(&reading.arena);
        why = end ? read_line(&reading, at, (size_t)(end - at)) : "the line is cut";
        if (why)
            wrong = g_strdup_printf("line %" G_GUINT64_FORMAT ": %s", n_lines, why);
        if (!end)
            break;
    }
    if (!wrong)
        wrong = g_strdup(find_missing(&reading));
    if (!wrong)
        wrong = g_strdup(find_wrong_sections(&reading));
    g_array_unref(reading.nexts);
    plan->id = g_strndup(reading.digest, N_ID);
    imapid_json_deinit(&reading.text);
    imapid_arena_deinit(&reading.arena);
    if (wrong)
        g_clear_pointer(&plan, imapid_plan_free);
    *why_not = wrong;
    return plan;
}

/* A file is mapped, as a plan of many files is some megabytes that each share reads: who writes plans puts a new file in the
 * place of the old one, so none shrinks. NULL with an error. */
static GBytes *read_octets(const char *path, GError **error)
{
    GMappedFile *file;
    GBytes *octets;
    char *piped;
    gsize n;

    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return g_file_get_contents(path, &piped, &n, error) ? g_bytes_new_take(piped, n) : NULL;
    file = g_mapped_file_new(path, FALSE, error);
    if (!file)
        return NULL;
    octets = g_mapped_file_get_bytes(file);
    g_mapped_file_unref(file);
    return octets;
}

struct imapid_plan *imapid_plan_read(const char *path)
{
    struct imapid_plan *plan;
    GError *error = NULL;
    GBytes *octets = read_octets(strcmp(path, "-") ? path : "/dev/stdin", &error);
    const char *start;
    char *wrong;
    gsize n;

    if (!octets) {
        if (error->code == G_FILE_ERROR_NOENT || error->code == G_FILE_ERROR_IO)
            (void)imapid_failure_of_input(ENOENT);
        imapid_message("%s", error->message);
        g_error_free(error);
        return NULL;
    }
    start = g_bytes_get_data(octets, &n);
    plan = parse(n ? start : "", n, &wrong);
    g_bytes_unref(octets);
    if (wrong)
        imapid_message("%s: %s", path, wrong);
    g_free(wrong);
    return plan;
}

/* ---- shares ---- */

/* What a share has to do so far. */
struct load {
    guint64 n;
    guint share;
};

static bool is_less(const void *ctx, const void *a, const void *b)
{
    const struct load *one = a, *other = b;

    (void)ctx;
    return one->n != other->n ? one->n < other->n : one->share < other->share;
}

static guint64 measure_unit(const struct imapid_plan *plan, guint i)
{
    const struct imapid_plan_unit *unit = plan->units->pdata[i];

    return unit->n_octets + (guint64)unit->n_files * FILE_COST;
}

/* The first units go to a share each, as all of them have nothing then. */
guint *imapid_plan_share(const struct imapid_plan *plan, guint n)
{
    guint *shares = g_new0(guint, plan->units->len + (gsize)1);
    struct load *loads;
    void **heap;

    n = MIN(n, plan->units->len); /* the others have nothing */
    loads = g_new(struct load, n + (gsize)1);
    heap = g_new(void *, n + (gsize)1);
    for (guint k = 0; k < n; k++) {
        shares[k] = k;
        loads[k] = (struct load){measure_unit(plan, k), k};
        heap[k] = &loads[k];
    }
    for (guint k = n < plan->units->len ? n / 2 : 0; k-- > 0;)
        imapid_heap_sink(heap, n, k, is_less, NULL);
    for (guint i = n; n && i < plan->units->len; i++) {
        struct load *least = heap[0];

        shares[i] = least->share;
        least->n += measure_unit(plan, i);
        imapid_heap_sink(heap, n, 0, is_less, NULL);
    }
    g_free(heap);
    g_free(loads);
    return shares;
}

/* ---- what is done ---- */

char *imapid_plan_spell_output(const char *folder, guint number, const char *ending)
{
    char *name = g_strdup_printf("unit-%06u.%s", number, ending), *path;

    path = g_build_filename(folder, name, NULL);
    g_free(name);
    return path;
}

/* What the last line of a unit's records says of them. */
struct records_end {
    guint64 n_records, n_octets; /* before it */
    bool is_whole;
};

/* Is this line the end of the unit's records? */
static bool read_records_end(const struct imapid_plan *plan, guint number, const char *octets,
                             size_t n, struct records_end *end)
{
    struct imapid_json_text text = {NULL, 0};
    struct imapid_arena arena = {NULL, 0};
    struct imapid_member_line line = {.arena = &arena};
    bool good = imapid_json_read(&text, (const uint8_t *)octets, n) == IMAPID_JSON_GOOD &&
                text.tokens->kind == IMAPID_JSON_OBJECT;

    good = good && !g_strcmp0(imapid_member_get_text(&line, text.tokens, "type"), "end") &&
           !g_strcmp0(imapid_member_get_text(&line, text.tokens, "plan"), plan->id) &&
           imapid_member_get_number(&line, text.tokens, "unit", G_MAXINT32) == number;
    if (good) {
        end->n_records = imapid_member_get_number(&line, text.tokens, "records", INT64_MAX);
        end->n_octets = imapid_member_get_number(&line, text.tokens, "bytes", INT64_MAX);
        end->is_whole = imapid_member_get_bool(&line, text.tokens, "whole");
    }
    good = good && !line.error;
    imapid_json_deinit(&text);
    imapid_arena_deinit(&arena);
    return good;
}

/* Is the last line the end of the unit's records, and does it stand where it says? */
static bool has_records_end(const struct imapid_plan *plan, int fd, guint number,
                            struct records_end *end)
{
    char tail[TAIL];
    const char *start;
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = size < 0 ? -1 : pread(fd, tail, sizeof tail, MAX(size - (off_t)sizeof tail, 0));

    if (n < 1 || tail[n - 1] != '\n')
        return false;
    for (start = tail + n - 1; start > tail && start[-1] != '\n'; start--)
        ;
    return read_records_end(plan, number, start, (size_t)(tail + n - 1 - start), end) &&
           end->n_octets == (guint64)(size - (tail + n - start));
}

static guint64 count_lines(int fd)
{
    char *octets = g_malloc(PORTION);
    guint64 n_lines = 0;
    off_t place = 0;
    ssize_t n;

    for (; (n = pread(fd, octets, PORTION, place)) > 0; place += n)
        for (ssize_t i = 0; i < n; i++)
            n_lines += octets[i] == '\n';
    g_free(octets);
    return n_lines;
}

enum imapid_plan_state imapid_plan_look_at(const struct imapid_plan *plan, const char *path,
                                           guint number, enum imapid_plan_depth depth,
                                           bool *is_whole)
{
    int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    struct records_end end = {.is_whole = false};
    bool good;

    *is_whole = false;
    if (fd < 0)
        return errno == ENOENT ? IMAPID_PLAN_MISSING : IMAPID_PLAN_DAMAGED;
    good = has_records_end(plan, fd, number, &end) &&
           (depth == IMAPID_PLAN_ENDS || count_lines(fd) == end.n_records + 1);
    *is_whole = end.is_whole;
    (void)close(fd);
    return good ? IMAPID_PLAN_DONE : IMAPID_PLAN_DAMAGED;
}

static ptrdiff_t read_portion(void *ctx, uint8_t *octets, size_t n)
{
    return read(*(const int *)ctx, octets, n);
}

static void on_complaint(void *ctx, const char *message)
{
    (void)ctx;
    imapid_message("%s", message);
}

/* Partials are whole or not there; but what was written may be damaged since. */
static enum imapid_plan_state look_at_partial(const struct imapid_plan *plan, const char *path,
                                              guint number)
{
    const struct imapid_partial_unit unit = {plan->id, number};
    int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
    struct imapid_record_sink sink = {.ctx = NULL};
    struct imapid_partial partial = {.name = path,
                                     .read = read_portion,
                                     .read_ctx = &fd,
                                     .sink = &sink,
                                     .complain = on_complaint,
                                     .unit = &unit};
    GStatBuf st;
    bool good;

    if (fd < 0)
        return errno == ENOENT ? IMAPID_PLAN_MISSING : IMAPID_PLAN_DAMAGED;
    good = !fstat(fd, &st) && S_ISREG(st.st_mode) &&
           imapid_partial_check(&partial, (uint64_t)st.st_size);
    (void)close(fd);
    return good ? IMAPID_PLAN_DONE : IMAPID_PLAN_DAMAGED;
}

enum imapid_plan_state imapid_plan_look(const struct imapid_plan *plan, const char *folder,
                                        guint number, enum imapid_plan_depth depth, bool *is_whole)
{
    char *path = imapid_plan_spell_output(folder, number, "jsonl");
    enum imapid_plan_state state = imapid_plan_look_at(plan, path, number, depth, is_whole);

    g_free(path);
    if (state != IMAPID_PLAN_DONE)
        return state;
    path = imapid_plan_spell_output(folder, number, "partial");
    state = look_at_partial(plan, path, number);
    g_free(path);
    return state;
}
