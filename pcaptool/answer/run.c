/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c: records as differences. A record is a row of numbers: a mask says which of them differ from
 * those of the record before, and by how much stands behind it. A block of records begins anew, so that
 * each can be found without reading all before it.
 *
 * Memory is asked of the system in chunks, as it is given back in the middle of a merge, by another
 * thread than it came from, and there is much of it.
 *
 * Refuses nothing.
 *
 * Misuse: adding while others read; reading on after a reader that drops. */
#include "answer/run.h"

#include "answer/flat.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>

/* Records of a block. */
#define BLOCK 32u

#define CHUNK ((size_t)256 << 10)

#define N_VALUES 17
#define N_MASK   3 /* octets */

#define RECORD_MAX (N_MASK + N_VALUES * IMAPID_FLAT_DIFFERENCE_MAX + IMAPID_KEPT_STAMPS_MAX)

G_STATIC_ASSERT(N_VALUES == G_N_ELEMENTS(((struct imapid_run_reader *)NULL)->values));

/* Of BLOCK records; where runs were joined or merged there are blocks of fewer, else the last one may be. */
struct block {
    const uint8_t *at;
    uint32_t first; /* place */
    uint16_t n_octets;
    uint8_t map; /* for the numbers of its records */
};

G_STATIC_ASSERT(BLOCK *RECORD_MAX <= UINT16_MAX);

struct imapid_run {
    enum imapid_run_kind kind;
    uint32_t n;
    gint id;                                   /* no other run has it */
    const struct imapid_keep_map *const *maps; /* NULL: none is needed */
    GPtrArray *chunks;                         /* of CHUNK octets; NULL: given back */
    GArray *blocks;                            /* struct block */
    uint8_t *at, *end;                         /* of the chunk that is written */
    uint64_t values[N_VALUES];
    union imapid_run_record last;
};

/* ---- records as rows of numbers ---- */

static uint64_t *put_conn(uint64_t *at, const struct imapid_kept_conn *conn)
{
    *at++ = conn->file;
    *at++ = conn->stream;
    *at++ = conn->client;
    *at++ = conn->server;
    *at++ = conn->proxied;
    *at++ = conn->way;
    *at++ = conn->client_port;
    *at++ = conn->server_port;
    *at++ = conn->first_frame;
    return at;
}

static const uint64_t *take_conn(const uint64_t *at, struct imapid_kept_conn *conn)
{
    conn->file = (uint32_t)*at++;
    conn->stream = (uint32_t)*at++;
    conn->client = (uint32_t)*at++;
    conn->server = (uint32_t)*at++;
    conn->proxied = (uint32_t)*at++;
    conn->way = (uint32_t)*at++;
    conn->client_port = (uint16_t)*at++;
    conn->server_port = (uint16_t)*at++;
    conn->first_frame = *at++;
    return at;
}

static void put_exchange(uint64_t *at, const struct imapid_kept_exchange *kept)
{
    at = put_conn(at, &kept->conn);
    *at++ = kept->tag;
    *at++ = kept->text;
    *at++ = kept->said;
    *at++ = (uint64_t)kept->when_ns;
    *at++ = kept->frame;
    *at = kept->n_stamps;
}

static void take_exchange(const uint64_t *at, struct imapid_kept_exchange *kept)
{
    at = take_conn(at, &kept->conn);
    kept->tag = (uint32_t)*at++;
    kept->text = (uint32_t)*at++;
    kept->said = (uint32_t)*at++;
    kept->when_ns = (int64_t)*at++;
    kept->frame = *at++;
    kept->n_stamps = (uint8_t)*at;
}

static void put_session(uint64_t *at, const struct imapid_kept_session *kept)
{
    at = put_conn(at, &kept->conn);
    *at++ = kept->said;
    *at++ = (uint64_t)kept->first_ns;
    *at++ = (uint64_t)kept->last_ns - (uint64_t)kept->first_ns;
    *at++ = kept->n_exchanges;
    *at++ = kept->n_lost;
    *at++ = kept->n_resyncs;
    *at++ = kept->frame;
    *at = kept->ended_frame;
}

static void take_session(const uint64_t *at, struct imapid_kept_session *kept)
{
    at = take_conn(at, &kept->conn);
    kept->said = (uint32_t)*at++;
    kept->first_ns = (int64_t)*at++;
    kept->last_ns = (int64_t)(*at++ + (uint64_t)kept->first_ns);
    kept->n_exchanges = *at++;
    kept->n_lost = *at++;
    kept->n_resyncs = *at++;
    kept->frame = *at++;
    kept->ended_frame = *at;
}

/* ---- writing ---- */

static void *new_chunk(void)
{
    void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (chunk == MAP_FAILED)
        g_error("no memory for %zu octets", CHUNK);
    return chunk;
}

static void drop_chunk(struct imapid_run *run, guint i)
{
    if (run->chunks->pdata[i])
        munmap(run->chunks->pdata[i], CHUNK);
    run->chunks->pdata[i] = NULL;
}

struct imapid_run *imapid_run_new(enum imapid_run_kind kind)
{
    static gint n_runs; /* atomic */
    struct imapid_run *run = g_new0(struct imapid_run, 1);

    run->kind = kind;
    run->id = g_atomic_int_add(&n_runs, 1) + 1;
    run->chunks = g_ptr_array_new();
    run->blocks = g_array_new(FALSE, FALSE, sizeof(struct block));
    return run;
}

void imapid_run_free(struct imapid_run *run)
{
    if (!run)
        return;
    for (guint i = 0; i < run->chunks->len; i++)
        drop_chunk(run, i);
    g_ptr_array_unref(run->chunks);
    g_array_unref(run->blocks);
    g_free(run);
}

static const struct block *get_block(const struct imapid_run *run, guint i)
{
    return &g_array_index(run->blocks, struct block, i);
}

static bool is_block_full(const struct imapid_run *run)
{
    return !run->n || run->n - get_block(run, run->blocks->len - 1)->first == BLOCK;
}

/* Makes room for a block. */
static void add_block(struct imapid_run *run, struct block block)
{
    if ((size_t)(run->end - run->at) < BLOCK * (size_t)RECORD_MAX) {
        run->at = new_chunk();
        run->end = run->at + CHUNK;
        g_ptr_array_add(run->chunks, run->at);
    }
    block.at = run->at;
    block.first = run->n;
    g_array_append_val(run->blocks, block);
}

static void begin_block(struct imapid_run *run)
{
    add_block(run, (struct block){.map = 0});
    memset(run->values, 0, sizeof run->values);
}

void imapid_run_append(struct imapid_run *run, const void *kept)
{
    bool is_exchange = run->kind == IMAPID_RUN_EXCHANGES;
    uint64_t values[N_VALUES] = {0};
    uint32_t mask = 0;
    uint8_t *at;

    if (is_block_full(run))
        begin_block(run);
    if (is_exchange) {
        run->last.exchange = *(const struct imapid_kept_exchange *)kept;
        put_exchange(values, kept);
    } else {
        run->last.session = *(const struct imapid_kept_session *)kept;
        put_session(values, kept);
    }
    at = run->at + N_MASK;
    for (unsigned i = 0; i < N_VALUES; i++)
        if (values[i] != run->values[i]) {
            mask |= UINT32_C(1) << i;
            at = imapid_flat_put_difference(at, values[i] - run->values[i]);
            run->values[i] = values[i];
        }
    for (int i = 0; i < N_MASK; i++)
        run->at[i] = (uint8_t)(mask >> 8 * i);
    if (is_exchange) {
        memcpy(at, run->last.exchange.stamps, run->last.exchange.n_stamps);
        at += run->last.exchange.n_stamps;
    }
    g_array_index(run->blocks, struct block, run->blocks->len - 1).n_octets +=
        (uint16_t)(at - run->at);
    run->at = at;
    run->n++;
}

uint32_t imapid_run_count(const struct imapid_run *run)
{
    return run->n;
}

const void *imapid_run_get_last(const struct imapid_run *run)
{
    return run->n ? &run->last : NULL;
}

void imapid_run_set_map(struct imapid_run *run, const struct imapid_keep_map *const *maps,
                        uint8_t map)
{
    run->maps = maps;
    for (guint i = 0; i < run->blocks->len; i++)
        g_array_index(run->blocks, struct block, i).map = map;
}

void imapid_run_join(struct imapid_run *run, struct imapid_run *other)
{
    for (guint i = 0; i < other->blocks->len; i++) {
        struct block block = *get_block(other, i);

        block.first += run->n;
        g_array_append_val(run->blocks, block);
    }
    g_ptr_array_extend_and_steal(run->chunks, g_steal_pointer(&other->chunks));
    if (other->n) {
        run->at = other->at;
        run->end = other->end;
        run->maps = other->maps ? other->maps : run->maps;
        run->last = other->last;
        memcpy(run->values, other->values, sizeof run->values);
    }
    run->n += other->n;
    g_array_unref(other->blocks);
    g_free(other);
}

/* ---- reading ---- */

static bool is_in_chunk(const struct imapid_run_reader *reader, const uint8_t *at)
{
    const uint8_t *chunk = reader->run->chunks->pdata[reader->chunk];

    return chunk && at >= chunk && at < chunk + CHUNK;
}

/* Goes to the chunk where the next block is, and gives back the one before. In the first one somebody else
 * may read to its end. */
static void find_chunk(struct imapid_run_reader *reader, const uint8_t *at)
{
    uint32_t before = reader->chunk;

    for (; !is_in_chunk(reader, at); reader->chunk++)
        if (reader->is_own)
            drop_chunk(reader->run, reader->chunk);
    reader->is_own |= reader->at ? reader->chunk != before : !reader->block;
}

/* Takes the numbers of the next record, as they stand there. */
static void take_numbers(struct imapid_run_reader *reader, union imapid_run_record *record)
{
    uint32_t mask = 0;

    for (int i = 0; i < N_MASK; i++)
        mask |= (uint32_t)*reader->at++ << 8 * i;
    for (; mask; mask &= mask - 1)
        reader->values[__builtin_ctz(mask)] += imapid_flat_take_difference(&reader->at);
    if (reader->run->kind == IMAPID_RUN_SESSIONS) {
        take_session(reader->values, &record->session);
        return;
    }
    take_exchange(reader->values, &record->exchange);
    memcpy(record->exchange.stamps, reader->at, record->exchange.n_stamps);
    reader->at += record->exchange.n_stamps;
}

/* Addresses come in no order: where the map has that of the next record is fetched while this one is looked at. */
static void take_ahead(struct imapid_run_reader *reader)
{
    take_numbers(reader, &reader->ahead);
    __builtin_prefetch(&reader->map->addresses[reader->ahead.exchange.conn.client]);
}

static void *take(struct imapid_run_reader *reader)
{
    reader->n_left--;
    reader->place++;
    if (!reader->map) {
        take_numbers(reader, &reader->record);
        return &reader->record;
    }
    reader->record = reader->ahead;
    if (reader->n_left)
        take_ahead(reader);
    if (reader->run->kind == IMAPID_RUN_SESSIONS)
        imapid_keep_move_session(reader->map, &reader->record.session);
    else
        imapid_keep_move_exchange(reader->map, &reader->record.exchange);
    return &reader->record;
}

static uint32_t count_records(const struct imapid_run *run, uint32_t block)
{
    uint32_t next = block + 1 < run->blocks->len ? get_block(run, block + 1)->first : run->n;

    return next - get_block(run, block)->first;
}

static void read_block(struct imapid_run_reader *reader)
{
    const struct imapid_run *run = reader->run;
    const struct block *block = get_block(run, reader->block);

    if (reader->drops)
        find_chunk(reader, block->at);
    reader->n_left = count_records(run, reader->block++);
    reader->map = run->maps ? run->maps[block->map] : NULL;
    reader->at = block->at;
    memset(reader->values, 0, sizeof reader->values);
    if (reader->map)
        take_ahead(reader);
}

/* Blocks have at most BLOCK records, so none comes before that. */
static uint32_t find_block(const struct imapid_run *run, uint32_t place)
{
    uint32_t low = place / BLOCK, high = run->blocks->len - 1;

    while (low < high) {
        uint32_t middle = high - (high - low) / 2;

        if (get_block(run, middle)->first <= place)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Puts the reader before its first record. */
static void begin(struct imapid_run_reader *reader)
{
    uint32_t place = reader->place;

    reader->block = find_block(reader->run, place);
    reader->place = get_block(reader->run, reader->block)->first;
    read_block(reader);
    while (reader->place < place)
        take(reader);
}

void *imapid_run_next(struct imapid_run_reader *reader)
{
    if (reader->place + reader->n_behind == reader->run->n)
        return NULL;
    if (!reader->at)
        begin(reader);
    else if (!reader->n_left)
        read_block(reader);
    return take(reader);
}

/* The reader as it will be behind its block, at the next one; false: there is no record for it there. */
static bool look_behind(const struct imapid_run_reader *reader, struct imapid_run_reader *behind)
{
    uint32_t place = reader->place + reader->n_left;

    if (place + reader->n_behind >= reader->run->n)
        return false;
    *behind = *reader;
    behind->place = place;
    behind->drops = false; /* what is in between is still read */
    read_block(behind);
    take(behind);
    return true;
}

static void copy_block(struct imapid_run *run, const struct imapid_run *from, uint32_t block)
{
    const struct block *copied = get_block(from, block);

    add_block(run, (struct block){.n_octets = copied->n_octets, .map = copied->map});
    memcpy(run->at, copied->at, copied->n_octets);
    run->at += copied->n_octets;
    run->n += count_records(from, block);
}

static bool begins_block(const struct imapid_run_reader *reader)
{
    return reader->n_left + 1 == count_records(reader->run, reader->block - 1);
}

void imapid_run_append_blocks(struct imapid_run *run, struct imapid_run_reader *reader,
                              bool (*is_next)(const void *ctx, const void *record), const void *ctx)
{
    struct imapid_run_reader behind;

    run->maps = reader->run->maps;
    while (begins_block(reader) && look_behind(reader, &behind) && is_next(ctx, &behind.record)) {
        copy_block(run, reader->run, reader->block - 1);
        behind.drops = reader->drops;
        if (behind.drops)
            find_chunk(&behind, get_block(behind.run, behind.block - 1)->at);
        *reader = behind;
    }
}

/* What each thread has read last. */
struct looking {
    gint id; /* of the run; 0: none */
    struct imapid_run_reader reader;
};

const void *imapid_run_get(const struct imapid_run *run, uint32_t place)
{
    static _Thread_local struct looking lookings[IMAPID_N_RUN_KINDS];
    struct looking *looking = &lookings[run->kind];
    struct imapid_run_reader *reader = &looking->reader;

    if (looking->id != run->id || place + 1 < reader->place ||
        place > reader->place + reader->n_left)
        *looking = (struct looking){.id = run->id,
                                    .reader = {.run = (struct imapid_run *)run, .place = place}};
    while (reader->place <= place)
        imapid_run_next(reader);
    return &reader->record;
}
