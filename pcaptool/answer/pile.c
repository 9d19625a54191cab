/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pile.c: records put in order, some at a time, as runs that are merged when all are there. What comes
 * twice is dropped wherever the two meet, which leaves the same records in the end.
 *
 * Records mostly come in order, and there is one run of each pile then, to whose end all is added.
 *
 * Refuses a record that is there already. It is counted.
 *
 * Misuse: adding to a pile that has ended. */
#include "answer/pile.h"

#include "heap.h"

#include "answer/order.h"
#include "answer/together.h"

#include <string.h>

/* How many are put in order at a time. */
#define RECENT 8192u

struct kind {
    size_t size; /* of a record */
    int (*compare)(const struct imapid_keep *keep, const void *a, const void *b);
    bool (*is_same)(const struct imapid_keep *keep, const void *kept, const void *next);
};

static const struct kind kinds[] = {
    [IMAPID_RUN_EXCHANGES] = {sizeof(struct imapid_kept_exchange), imapid_order_compare_exchanges,
                              imapid_order_is_same_exchange},
    [IMAPID_RUN_SESSIONS] = {sizeof(struct imapid_kept_session), imapid_order_compare_sessions,
                             imapid_order_is_same_session},
};

struct imapid_pile {
    enum imapid_run_kind kind;
    const struct imapid_keep *keep;
    GArray *recent;  /* not in order yet */
    GPtrArray *runs; /* each in order, without what comes twice */
    unsigned n_again;
};

/* ---- putting in order ---- */

static const void *recent_at(const struct imapid_pile *pile, uint32_t index)
{
    return pile->recent->data + index * kinds[pile->kind].size;
}

static int compare_recent(const struct imapid_pile *pile, uint32_t a, uint32_t b)
{
    return kinds[pile->kind].compare(pile->keep, recent_at(pile, a), recent_at(pile, b));
}

/* The end of what is in order from `start` on. */
static guint find_end(const struct imapid_pile *pile, const uint32_t *order, guint start, guint n)
{
    guint end = start + 1;

    while (end < n && compare_recent(pile, order[end - 1], order[end]) <= 0)
        end++;
    return end;
}

/* Merges order[0..middle) and order[middle..n), each in order, into `merged`. */
static void merge_two(const struct imapid_pile *pile, uint32_t *merged, const uint32_t *order,
                      guint middle, guint n)
{
    guint a = 0, b = middle;

    while (a < middle && b < n)
        *merged++ = compare_recent(pile, order[a], order[b]) <= 0 ? order[a++] : order[b++];
    memcpy(merged, order + a, (middle - a) * sizeof *order);
    memcpy(merged + (middle - a), order + b, (n - b) * sizeof *order);
}

/* A merge sort of what is in order already. Returns `order` or `other`, which has room for as much. */
static uint32_t *sort_recent(const struct imapid_pile *pile, uint32_t *order, uint32_t *other,
                             guint n)
{
    for (guint n_parts = 2; n_parts > 1;) {
        uint32_t *sorted = other;

        n_parts = 0;
        for (guint start = 0, end; start < n; start = end, n_parts++) {
            guint middle = find_end(pile, order, start, n);

            end = middle < n ? find_end(pile, order, middle, n) : n;
            if (!start && end == n && middle == n)
                return order;
            merge_two(pile, sorted + start, order + start, middle - start, end - start);
        }
        other = order;
        order = sorted;
    }
    return order;
}

/* Adds a record to a run that ends before it, or with the same one. */
static void append(enum imapid_run_kind kind, const struct imapid_keep *keep,
                   struct imapid_run *run, const void *kept, unsigned *n_again)
{
    const void *last = imapid_run_get_last(run);

    if (last && kinds[kind].is_same(keep, last, kept))
        ++*n_again;
    else
        imapid_run_append(run, kept);
}

/* The run to which records from `first` on can be added. */
static struct imapid_run *get_run(struct imapid_pile *pile, const void *first)
{
    struct imapid_run *run = pile->runs->len ? pile->runs->pdata[pile->runs->len - 1] : NULL;

    if (!run || kinds[pile->kind].compare(pile->keep, imapid_run_get_last(run), first) > 0) {
        run = imapid_run_new(pile->kind);
        g_ptr_array_add(pile->runs, run);
    }
    return run;
}

static void put_in_order(struct imapid_pile *pile)
{
    guint n = pile->recent->len;
    uint32_t *indices = g_new(uint32_t, 2 * (gsize)n + 1), *order;
    struct imapid_run *run;

    for (guint i = 0; i < n; i++)
        indices[i] = i;
    order = sort_recent(pile, indices, indices + n, n);
    run = get_run(pile, recent_at(pile, order[0]));
    for (guint i = 0; i < n; i++)
        append(pile->kind, pile->keep, run, recent_at(pile, order[i]), &pile->n_again);
    g_array_set_size(pile->recent, 0);
    g_free(indices);
}

/* ---- piles ---- */

static void free_run(void *run)
{
    imapid_run_free(run);
}

struct imapid_pile *imapid_pile_new(enum imapid_run_kind kind, struct imapid_keep *keep)
{
    struct imapid_pile *pile = g_new0(struct imapid_pile, 1);

    pile->kind = kind;
    pile->keep = keep;
    pile->recent = g_array_new(FALSE, FALSE, (guint)kinds[kind].size);
    pile->runs = g_ptr_array_new_with_free_func(free_run);
    return pile;
}

void imapid_pile_free(struct imapid_pile *pile)
{
    if (!pile)
        return;
    g_array_unref(pile->recent);
    g_ptr_array_unref(pile->runs);
    g_free(pile);
}

void imapid_pile_add(struct imapid_pile *pile, const void *kept)
{
    g_array_append_vals(pile->recent, kept, 1);
    if (pile->recent->len == RECENT)
        put_in_order(pile);
}

void imapid_pile_end(struct imapid_pile *pile)
{
    if (pile->recent->len)
        put_in_order(pile);
    g_array_set_size(pile->recent, 0);
}

void imapid_pile_set_map(struct imapid_pile *pile, const struct imapid_keep_map *const *maps,
                         uint8_t map)
{
    for (guint i = 0; i < pile->runs->len; i++)
        imapid_run_set_map(pile->runs->pdata[i], maps, map);
}

/* ---- cutting ---- */

/* Connections that are looked at for each part. */
#define LOOKS 64u

/* Sessions begin with it as well. */
static const struct imapid_kept_conn *get_conn(const struct imapid_run *run, uint32_t place)
{
    return &((const struct imapid_kept_exchange *)imapid_run_get(run, place))->conn;
}

static int compare_conns(const void *a, const void *b, void *keep)
{
    return imapid_order_compare_conns(keep, a, b);
}

static uint64_t count_all(const struct imapid_piles *piles)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < piles->n; i++)
        for (guint k = 0; k < piles->each[i]->runs->len; k++)
            n += imapid_run_count(piles->each[i]->runs->pdata[k]);
    return n;
}

/* Looks at a record at every `step`, counted through all runs, wherever it belongs. */
static GArray *look(const struct imapid_piles *piles, uint64_t step)
{
    GArray *looks = g_array_new(FALSE, FALSE, sizeof(struct imapid_kept_conn));
    uint64_t next = 0;

    for (unsigned i = 0; i < piles->n; i++)
        for (guint k = 0; k < piles->each[i]->runs->len; k++) {
            const struct imapid_run *run = piles->each[i]->runs->pdata[k];
            uint32_t n = imapid_run_count(run);

            for (; next < n; next += step)
                g_array_append_vals(looks, get_conn(run, (uint32_t)next), 1);
            next -= n;
        }
    return looks;
}

bool imapid_pile_cut(const struct imapid_piles *piles, struct imapid_kept_conn *cuts,
                     unsigned n_cuts)
{
    uint64_t n = count_all(piles);
    GArray *looks;

    if (!n)
        return false;
    looks = look(piles, n / (LOOKS * (n_cuts + 1)) + 1);
    g_array_sort_with_data(looks, compare_conns, (void *)piles->keep);
    for (unsigned i = 0; i < n_cuts; i++)
        cuts[i] = g_array_index(looks, struct imapid_kept_conn,
                                (uint64_t)looks->len * (i + 1) / (n_cuts + 1));
    g_array_unref(looks);
    return true;
}

/* The place in a run of the first record that is not before the cut. */
static uint32_t find_cut(const struct imapid_piles *piles, const struct imapid_run *run,
                         const struct imapid_kept_conn *cut)
{
    uint32_t low = 0, high = imapid_run_count(run);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (imapid_order_compare_conns(piles->keep, get_conn(run, middle), cut) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- merging ---- */

/* A run that is merged, as far as it is in one part. */
struct source {
    struct imapid_run_reader reader;
    const void *record; /* the next one; NULL at the end */
};

/* One part: sources by their next records. */
struct merging {
    const struct imapid_piles *piles;
    GPtrArray *heap;
    struct imapid_run *run; /* what comes of it */
    unsigned n_again;
};

static bool is_before(const void *ctx, const void *a, const void *b)
{
    const struct imapid_piles *piles = ctx;
    const struct source *one = a, *other = b;

    return kinds[piles->kind].compare(piles->keep, one->record, other->record) < 0;
}

static void add_source(struct merging *merging, struct imapid_run *run, uint32_t start,
                       uint32_t end)
{
    struct source *source;

    if (start == end)
        return;
    source = g_new0(struct source, 1);
    source->reader.run = run;
    source->reader.drops = true;
    source->reader.place = start;
    source->reader.n_behind = imapid_run_count(run) - end;
    source->record = imapid_run_next(&source->reader);
    g_ptr_array_add(merging->heap, source);
}

/* Every part begins to read before one goes on: from then on memory is given back. */
static void add_sources(struct merging *parts, const struct imapid_kept_conn *cuts, unsigned n_cuts)
{
    const struct imapid_piles *piles = parts[0].piles;

    for (unsigned i = 0; i < piles->n; i++)
        for (guint k = 0; k < piles->each[i]->runs->len; k++) {
            struct imapid_run *run = piles->each[i]->runs->pdata[k];
            uint32_t start = 0;

            for (unsigned cut = 0; cut < n_cuts; cut++) {
                uint32_t end = find_cut(piles, run, &cuts[cut]);

                add_source(&parts[cut], run, start, end);
                start = end;
            }
            add_source(&parts[n_cuts], run, start, imapid_run_count(run));
        }
}

/* Does a record of the first source come before all of the others? */
static bool is_next(const void *ctx, const void *record)
{
    const struct merging *merging = ctx;
    const struct imapid_piles *piles = merging->piles;

    for (guint i = 1; i < MIN(merging->heap->len, 3); i++) {
        const struct source *other = merging->heap->pdata[i];

        if (kinds[piles->kind].compare(piles->keep, record, other->record) >= 0)
            return false;
    }
    return true;
}

/* Adds the next record; of what is in whole blocks before those of all others, more than one. Of a run no two are
 * the same. */
static void add_next(struct merging *merging, struct source *source)
{
    const struct imapid_piles *piles = merging->piles;
    const void *last = imapid_run_get_last(merging->run);

    if (last && kinds[piles->kind].is_same(piles->keep, last, source->record)) {
        merging->n_again++;
    } else {
        imapid_run_append_blocks(merging->run, &source->reader, is_next, merging);
        imapid_run_append(merging->run, &source->reader.record);
    }
    source->record = imapid_run_next(&source->reader);
}

static void merge_part(void *ctx, unsigned i)
{
    struct merging *merging = &((struct merging *)ctx)[i];
    const struct imapid_piles *piles = merging->piles;
    GPtrArray *heap = merging->heap;

    for (guint k = heap->len / 2; k-- > 0;)
        imapid_heap_sink(heap->pdata, heap->len, k, is_before, piles);
    while (heap->len) {
        struct source *source = heap->pdata[0];

        add_next(merging, source);
        if (!source->record)
            g_ptr_array_remove_index_fast(heap, 0);
        imapid_heap_sink(heap->pdata, heap->len, 0, is_before, piles);
    }
}

static struct imapid_run *merge(const struct imapid_piles *piles,
                                const struct imapid_kept_conn *cuts, unsigned n_cuts,
                                uint32_t *starts, unsigned *n_again)
{
    struct merging *parts = g_new0(struct merging, (gsize)n_cuts + 1);
    struct imapid_run *run;

    for (unsigned i = 0; i <= n_cuts; i++)
        parts[i] = (struct merging){piles, g_ptr_array_new_with_free_func(g_free),
                                    imapid_run_new(piles->kind), 0};
    add_sources(parts, cuts, n_cuts);
    imapid_together_run(n_cuts + 1, n_cuts + 1, merge_part, parts);
    run = parts[0].run;
    for (unsigned i = 0; i <= n_cuts; i++) {
        if (i) {
            starts[i - 1] = imapid_run_count(run);
            imapid_run_join(run, parts[i].run);
        }
        *n_again += parts[i].n_again;
        g_ptr_array_unref(parts[i].heap);
    }
    g_free(parts);
    return run;
}

struct imapid_run *imapid_pile_merge(const struct imapid_piles *piles,
                                     const struct imapid_kept_conn *cuts, unsigned n_cuts,
                                     uint32_t *starts, unsigned *n_again)
{
    struct imapid_run *run;

    *n_again = 0;
    for (unsigned i = 0; i < piles->n; i++)
        *n_again += piles->each[i]->n_again;
    if (piles->n == 1 && piles->each[0]->runs->len == 1) {
        run = g_ptr_array_steal_index(piles->each[0]->runs, 0);
        for (unsigned i = 0; i < n_cuts; i++)
            starts[i] = find_cut(piles, run, &cuts[i]);
    } else {
        run = merge(piles, cuts, n_cuts, starts, n_again);
    }
    for (unsigned i = 0; i < piles->n; i++)
        imapid_pile_free(piles->each[i]);
    return run;
}
