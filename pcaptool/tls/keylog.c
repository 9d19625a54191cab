/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keylog.c: a table from client random and kind to secrets, filled from key log texts.
 *
 * Key logs of a busy server have millions of lines. What is kept of one is a client random, once,
 * and a secret of 56 octets, in arrays that only grow, found through a table of hashes and indices
 * (open addressing). Who writes a key log could make client randoms that collide under a known
 * hash, so that the hash is keyed. When memory is used up, the clients that came first give their
 * places to new ones: a key log that grows for months costs no more than that.
 *
 * What it refuses: nothing. A line that is no key log line is counted. Of several secrets for one
 * place all are kept, up to a limit, because only the record they open tells the right one.
 *
 * Misuse: freeing it while a connection still refers to it. */
#include "tls/keylog.h"

#include "opener.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1u << 20) /* octets of a file read at a time */

/* No line of use is longer: the longest label, a random, a secret of 48 octets: 225. What is longer
 * than this is skipped without being kept. */
#define LINE_LIMIT 4096

/* Octets of a pipe or device without one line of use: it is no key log, and may have no end. */
#define USELESS_MAX (64u << 20)

/* What is read at a time of a pipe whose writers may go on for ever. */
#define PIPE_MAX (4u << 20)

/* Numbers in the table are 32 bits wide, and at most half of the slots are taken. */
#define SLOTS_MAX  (1u << 31)
#define PLACES_MAX (SLOTS_MAX / 2 - 1)

/* The shortest line of use, of TLS 1.3 with SHA-256. */
#define LINE_LEAST 154

/* Clients that place is made for before they are seen: 32 MiB of it. */
#define RESERVE_MAX (1u << 20)

/* A client random. Numbers of others are counted from 1; 0 none. */
struct client {
    uint8_t random[IMAPID_TLS_RANDOM];
    uint32_t first; /* secret */
    uint32_t next;  /* client that came after this one; of a free place: another one */
};

/* A secret. */
struct secret {
    uint32_t next; /* of the same client; of a free place: another one */
    uint8_t kind;
    uint8_t n;
    uint8_t octets[IMAPID_TLS_SECRET_MAX];
};

/* A place of the table. The hash saves looking at clients far away that are others. */
struct slot {
    uint32_t hash;
    uint32_t client; /* counted from 1; 0 empty */
};

/* How a file spells its characters. PowerShell writes UTF-16 unless told otherwise. */
enum text {
    TEXT_UNKNOWN, /* nothing was read yet */
    TEXT_OCTETS,
    TEXT_UTF16_LE,
    TEXT_UTF16_BE,
};

/* How often it is looked by name whether a file is there, or another one. */
#define LOOK_US (G_USEC_PER_SEC / 4)

/* A file that may grow. It stays open: who has given up privileges, or opening files, can still see that it
 * has grown. */
struct source {
    char *path;
    int fd;           /* -1: it is not there */
    gint64 looked_us; /* when it was opened by name last, or that was tried; monotonic */
    dev_t device;
    ino_t inode;
    bool regular;
    bool is_pipe;        /* with a name: its writers come and go */
    struct reader *pipe; /* how far that was read; NULL: not yet */
    off_t offset;        /* where the first line begins that was not seen whole */
    off_t size;          /* how far it was read */
    enum text text;
};

/* Arrays in pieces, so that growing copies nothing and leaves no secret behind in freed memory. */
#define PIECE_BITS 8
#define PIECE      (1u << PIECE_BITS)

struct imapid_keylog {
    GRWLock lock;
    GPtrArray *client_pieces;                 /* of struct client[PIECE] */
    GPtrArray *secret_pieces;                 /* of struct secret[PIECE] */
    GTree *long_secrets[IMAPID_N_LONG_KINDS]; /* of keys to arrays of GBytes */
    GQueue long_keys[IMAPID_N_LONG_KINDS];    /* of those trees, the first that came first */
    gsize n_long;                             /* octets of all of these */
    gsize limit;                              /* octets of memory */
    gsize n_memory;                           /* octets that are taken; atomic */
    uint32_t n_clients, n_secrets;            /* places that were made for them */
    uint32_t n_known;                         /* clients that are in the table */
    uint32_t oldest, newest;                  /* of these, counted from 1; 0: there is none */
    uint32_t free_clients, free_secrets;      /* the first free place, counted from 1; 0 none */
    uint64_t n_gave_way;                      /* clients and long keys; how many of these */
    uint64_t n_gave_way_told;                 /* imapid_keylog_take_gave_way() has told */
    struct slot *slots;
    uint32_t n_slots; /* a power of 2 */
    uint64_t seed[9];
    struct imapid_keylog_counts counts;
    GMutex files;               /* of `sources`; taken before the other lock */
    GArray *sources;            /* of struct source */
    uint64_t generation;        /* atomic */
    struct imapid_keylog *base; /* looked into as well; NULL: none */
};

/* ---- the table ---- */

static struct client *get_client(const struct imapid_keylog *keylog, uint32_t i)
{
    struct client *piece = g_ptr_array_index(keylog->client_pieces, i >> PIECE_BITS);

    return &piece[i & (PIECE - 1)];
}

/* i counts from 1. */
static struct secret *get_secret(const struct imapid_keylog *keylog, uint32_t i)
{
    struct secret *piece = g_ptr_array_index(keylog->secret_pieces, (i - 1) >> PIECE_BITS);

    return &piece[(i - 1) & (PIECE - 1)];
}

/* Multilinear hashing: whoever does not know the seed cannot make collisions. */
static uint32_t hash_random(const struct imapid_keylog *keylog, const uint8_t *random)
{
    uint64_t sum = keylog->seed[8];

    for (size_t i = 0; i < IMAPID_TLS_RANDOM / 4; i++) {
        uint32_t word;

        memcpy(&word, random + 4 * i, 4);
        sum += keylog->seed[i] * word;
    }
    return (uint32_t)(sum >> 32);
}

/* The slot of a client random, or the empty one where it belongs. */
static struct slot *find_slot(const struct imapid_keylog *keylog, const uint8_t *random,
                              uint32_t hash)
{
    uint32_t mask = keylog->n_slots - 1;

    for (uint32_t at = hash & mask;; at = (at + 1) & mask) {
        struct slot *slot = &keylog->slots[at];

        if (!slot->client ||
            (slot->hash == hash &&
             memcmp(get_client(keylog, slot->client - 1)->random, random, IMAPID_TLS_RANDOM) == 0))
            return slot;
    }
}

/* NULL: not known. */
static struct client *find_client(const struct imapid_keylog *keylog, const uint8_t *random)
{
    const struct slot *slot = find_slot(keylog, random, hash_random(keylog, random));

    return slot->client ? get_client(keylog, slot->client - 1) : NULL;
}

/* Makes place for n clients: no more than half of the slots are ever taken. */
static void reserve(struct imapid_keylog *keylog, uint64_t n)
{
    struct slot *old = keylog->slots;
    uint32_t n_old = keylog->n_slots, mask;

    if (n <= n_old / 2 || n_old > SLOTS_MAX / 2)
        return;
    while (n > keylog->n_slots / 2 && keylog->n_slots <= SLOTS_MAX / 2)
        keylog->n_slots *= 2;
    mask = keylog->n_slots - 1;
    keylog->slots = g_new0(struct slot, keylog->n_slots);
    for (uint32_t i = 0; i < n_old; i++) {
        uint32_t at = old[i].hash & mask;

        if (!old[i].client)
            continue;
        while (keylog->slots[at].client)
            at = (at + 1) & mask;
        keylog->slots[at] = old[i];
    }
    g_free(old);
}

/* Octets that clients and their secrets take. */
static gsize count_arrays(const struct imapid_keylog *keylog)
{
    return keylog->client_pieces->len * PIECE * sizeof(struct client) +
           keylog->secret_pieces->len * PIECE * sizeof(struct secret) +
           keylog->n_slots * sizeof(struct slot);
}

/* Long secrets have a quarter of the memory, these the rest: places that were made once are not given back. */
static gsize get_limit_of_long(const struct imapid_keylog *keylog)
{
    return keylog->limit / 4;
}

static bool has_memory(const struct imapid_keylog *keylog, gsize n)
{
    return count_arrays(keylog) + n <= keylog->limit - get_limit_of_long(keylog);
}

/* Empties a slot. Those behind it that are not where they belong move up, so that each is still found. */
static void empty_slot(struct imapid_keylog *keylog, uint32_t hole)
{
    uint32_t mask = keylog->n_slots - 1;

    for (uint32_t at = (hole + 1) & mask; keylog->slots[at].client; at = (at + 1) & mask) {
        uint32_t home = keylog->slots[at].hash & mask;

        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        keylog->slots[hole] = keylog->slots[at];
        hole = at;
    }
    keylog->slots[hole] = (struct slot){0};
}

/* The client that came first gives way, with all of its secrets. */
static void drop_oldest(struct imapid_keylog *keylog)
{
    uint32_t number = keylog->oldest;
    struct client *client = get_client(keylog, number - 1);
    struct slot *slot = find_slot(keylog, client->random, hash_random(keylog, client->random));

    empty_slot(keylog, (uint32_t)(slot - keylog->slots));
    while (client->first) {
        uint32_t i = client->first;
        struct secret *secret = get_secret(keylog, i);

        client->first = secret->next;
        explicit_bzero(secret, sizeof *secret);
        secret->next = keylog->free_secrets;
        keylog->free_secrets = i;
    }
    keylog->oldest = client->next;
    if (!keylog->oldest)
        keylog->newest = 0;
    client->next = keylog->free_clients;
    keylog->free_clients = number;
    keylog->n_known--;
    keylog->n_gave_way++;
}

static bool has_place_for_client(const struct imapid_keylog *keylog)
{
    gsize n = 0;

    if (!keylog->free_clients && keylog->n_clients % PIECE == 0)
        n += PIECE * sizeof(struct client);
    if (keylog->n_known + 1 > keylog->n_slots / 2)
        n += keylog->n_slots * sizeof(struct slot);
    return has_memory(keylog, n);
}

static bool has_place_for_secret(const struct imapid_keylog *keylog)
{
    bool is_piece_full = keylog->n_secrets % PIECE == 0;

    return keylog->free_secrets ||
           (keylog->n_secrets < PLACES_MAX &&
            (!is_piece_full || has_memory(keylog, PIECE * sizeof(struct secret))));
}

/* 0: there is no place even where all others have given way. */
static uint32_t find_place_for_client(struct imapid_keylog *keylog)
{
    uint32_t number = 0;

    while (!has_place_for_client(keylog) && keylog->oldest)
        drop_oldest(keylog);
    number = keylog->free_clients;
    if (number) {
        keylog->free_clients = get_client(keylog, number - 1)->next;
        return number;
    }
    if (!has_place_for_client(keylog) || keylog->n_clients >= PLACES_MAX)
        return 0;
    if (keylog->n_clients % PIECE == 0)
        g_ptr_array_add(keylog->client_pieces, g_new(struct client, PIECE));
    return ++keylog->n_clients;
}

/* The same, where all but the client `keep` may give way. */
static uint32_t find_place_for_secret(struct imapid_keylog *keylog, uint32_t keep)
{
    uint32_t number;

    while (!has_place_for_secret(keylog) && keylog->oldest != keep)
        drop_oldest(keylog);
    if (!has_place_for_secret(keylog))
        return 0;
    number = keylog->free_secrets;
    if (number) {
        keylog->free_secrets = get_secret(keylog, number)->next;
        return number;
    }
    if (keylog->n_secrets % PIECE == 0)
        g_ptr_array_add(keylog->secret_pieces, g_new(struct secret, PIECE));
    return ++keylog->n_secrets;
}

/* Its number, counted from 1; 0: there is no place. */
static uint32_t get_or_add_client(struct imapid_keylog *keylog, const uint8_t *random)
{
    uint32_t hash = hash_random(keylog, random);
    const struct slot *known = find_slot(keylog, random, hash);
    struct client *client;
    uint32_t number;

    if (known->client)
        return known->client;
    number = find_place_for_client(keylog);
    if (!number)
        return 0;
    client = get_client(keylog, number - 1);
    memcpy(client->random, random, IMAPID_TLS_RANDOM);
    client->first = client->next = 0;
    reserve(keylog, (uint64_t)keylog->n_known + 1);
    *find_slot(keylog, random, hash) = (struct slot){hash, number};
    keylog->n_known++;
    if (keylog->newest)
        get_client(keylog, keylog->newest - 1)->next = number;
    else
        keylog->oldest = number;
    keylog->newest = number;
    return number;
}

/* The candidates of one kind stand in the chain in the order they came. */
static void add_secret(struct imapid_keylog *keylog, const uint8_t *random,
                       const struct secret *secret)
{
    uint32_t number = get_or_add_client(keylog, random), place;
    uint32_t *link;
    unsigned n_same_kind = 0;

    if (!number) {
        keylog->counts.n_dropped++;
        return;
    }
    for (link = &get_client(keylog, number - 1)->first; *link;
         link = &get_secret(keylog, *link)->next) {
        const struct secret *other = get_secret(keylog, *link);

        if (other->kind != secret->kind)
            continue;
        if (other->n == secret->n && memcmp(other->octets, secret->octets, secret->n) == 0) {
            keylog->counts.n_duplicates++;
            return;
        }
        n_same_kind++;
    }
    keylog->counts.n_conflicts += n_same_kind > 0;
    place = n_same_kind < IMAPID_KEYLOG_CANDIDATES ? find_place_for_secret(keylog, number) : 0;
    if (!place) {
        keylog->counts.n_dropped++;
        return;
    }
    *link = place;
    *get_secret(keylog, place) = *secret;
    keylog->counts.n_secrets++;
}

/* ---- lines ---- */

static void note_ignored(struct imapid_keylog *keylog, const char *label)
{
    struct imapid_keylog_counts *counts = &keylog->counts;

    counts->n_ignored++;
    for (size_t i = 0; i < IMAPID_KEYLOG_LABELS; i++) {
        if (!counts->ignored[i])
            counts->ignored[i] = label;
        if (counts->ignored[i] == label)
            return;
    }
}

/* `reason` is the count of it. */
static void note_garbage(struct imapid_keylog *keylog, uint64_t *reason)
{
    if (!keylog->counts.first_garbage)
        keylog->counts.first_garbage = keylog->counts.n_lines;
    keylog->counts.n_garbage++;
    ++*reason;
}

static void keep_secret(struct imapid_keylog *keylog, enum imapid_secret_kind kind,
                        const uint8_t *key, const struct imapid_secret *said)
{
    struct secret secret = {.kind = (uint8_t)kind, .n = said->n};

    memcpy(secret.octets, said->octets, said->n);
    add_secret(keylog, key, &secret);
    explicit_bzero(&secret, sizeof secret);
}

static void free_long(void *octets)
{
    explicit_bzero(octets, *(size_t *)octets);
    g_free(octets);
}

/* Decodes digits; the secret is wiped when nobody refers to it any more. */
static GBytes *decode_long(const struct imapid_keylog_line *line)
{
    size_t n = sizeof(size_t) + line->n_long;
    uint8_t *octets = g_malloc(n);

    memcpy(octets, &n, sizeof n);
    imapid_keylog_unhex(line->digits, line->n_long, octets + sizeof n);
    return g_bytes_new_with_free_func(octets + sizeof n, line->n_long, free_long, octets);
}

static bool has_long(const GPtrArray *of_key, const GBytes *secret)
{
    for (guint i = 0; i < of_key->len; i++)
        if (g_bytes_equal(of_key->pdata[i], secret))
            return true;
    return false;
}

/* What one takes beside its octets, about: of a key the node, its list and its place in the queue; of a secret its GBytes. */
#define LONG_KEY_COST    256
#define LONG_SECRET_COST 128

static gsize count_long(const GPtrArray *of_key)
{
    gsize n = LONG_KEY_COST;

    for (guint i = 0; i < of_key->len; i++)
        n += LONG_SECRET_COST + g_bytes_get_size(of_key->pdata[i]);
    return n;
}

/* The key of the kind that came first gives way. */
static void drop_oldest_long(struct imapid_keylog *keylog, enum imapid_long_kind kind)
{
    const uint8_t *key = g_queue_pop_head(&keylog->long_keys[kind]);

    keylog->n_long -= count_long(g_tree_lookup(keylog->long_secrets[kind], key));
    g_tree_remove(keylog->long_secrets[kind], key);
    keylog->n_gave_way++;
}

/* False: n octets are more than there is for all. */
static bool make_place_for_long(struct imapid_keylog *keylog, enum imapid_long_kind kind, gsize n)
{
    gsize limit = get_limit_of_long(keylog);

    for (unsigned i = 0; i < IMAPID_N_LONG_KINDS; i++) {
        enum imapid_long_kind from = (enum imapid_long_kind)((kind + i) % IMAPID_N_LONG_KINDS);

        while (keylog->n_long + n > limit && keylog->long_keys[from].head)
            drop_oldest_long(keylog, from);
    }
    return keylog->n_long + n <= limit;
}

static void add_long(struct imapid_keylog *keylog, const struct imapid_keylog_line *line)
{
    GBytes *secret;
    GPtrArray *of_key;

    if (!make_place_for_long(keylog, line->long_kind,
                             LONG_KEY_COST + LONG_SECRET_COST + line->n_long)) {
        keylog->counts.n_dropped++;
        return;
    }
    secret = decode_long(line);
    of_key = g_tree_lookup(keylog->long_secrets[line->long_kind], line->key);
    if (!of_key) {
        uint8_t *key = g_memdup2(line->key, sizeof line->key);

        of_key = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
        g_tree_insert(keylog->long_secrets[line->long_kind], key, of_key);
        g_queue_push_tail(&keylog->long_keys[line->long_kind], key);
        keylog->n_long += LONG_KEY_COST;
    }
    if (has_long(of_key, secret)) {
        keylog->counts.n_duplicates++;
        g_bytes_unref(secret);
        return;
    }
    keylog->counts.n_conflicts += of_key->len > 0;
    if (of_key->len >= IMAPID_KEYLOG_CANDIDATES) {
        keylog->counts.n_dropped++;
        g_bytes_unref(secret);
        return;
    }
    g_ptr_array_add(of_key, secret);
    keylog->n_long += LONG_SECRET_COST + line->n_long;
    if (line->long_kind == IMAPID_LONG_PREMASTER)
        keylog->counts.n_secrets++;
    else
        keylog->counts.n_ech++;
}

/* A line without its line end. */
static void add_line(struct imapid_keylog *keylog, const uint8_t *octets, size_t n)
{
    struct imapid_keylog_counts *counts = &keylog->counts;
    struct imapid_keylog_line line;

    counts->n_lines++;
    switch (imapid_keylog_line_read(&line, octets, n)) {
    case IMAPID_KEYLOG_SECRET:
        keep_secret(keylog, line.kind, line.key, &line.secret);
        break;
    case IMAPID_KEYLOG_LONG:
        add_long(keylog, &line);
        break;
    case IMAPID_KEYLOG_COMMENT:
        counts->n_comments++;
        break;
    case IMAPID_KEYLOG_IGNORED:
        note_ignored(keylog, line.label);
        break;
    case IMAPID_KEYLOG_UNKNOWN:
        note_garbage(keylog, &counts->n_unknown);
        break;
    case IMAPID_KEYLOG_NOT_HEX:
        note_garbage(keylog, &counts->n_not_hex);
        break;
    case IMAPID_KEYLOG_LENGTH:
        note_garbage(keylog, &counts->n_lengths);
        break;
    }
    explicit_bzero(&line, sizeof line);
}

/* Adds the lines that end within the n octets, and, if `whole`, what stands behind the last line
 * end. Returns the octets taken. */
static size_t add_lines(struct imapid_keylog *keylog, const uint8_t *octets, size_t n, bool whole)
{
    const uint8_t *at = octets, *end = octets + n;

    while (at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *line_end = newline ? newline : end;

        if (!newline && !whole)
            break;
        if (line_end > at && line_end[-1] == '\r')
            line_end--;
        add_line(keylog, at, (size_t)(line_end - at));
        at = newline ? newline + 1 : end;
    }
    return (size_t)(at - octets);
}

/* A text may begin with the mark of UTF-8. */
static size_t skip_mark(const uint8_t *octets, size_t n)
{
    return n >= 3 && memcmp(octets, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static void begin_writing(struct imapid_keylog *keylog)
{
    g_rw_lock_writer_lock(&keylog->lock);
}

static uint64_t count_added(const struct imapid_keylog *keylog)
{
    return keylog->counts.n_secrets + keylog->counts.n_ech;
}

/* Whoever sees the new generation must find the secrets: the lock is given back first. */
static void end_writing(struct imapid_keylog *keylog, uint64_t n_before)
{
    uint64_t n_added = count_added(keylog) - n_before;

    __atomic_store_n(&keylog->n_memory, count_arrays(keylog) + keylog->n_long, __ATOMIC_RELAXED);
    g_rw_lock_writer_unlock(&keylog->lock);
    if (n_added)
        __atomic_fetch_add(&keylog->generation, n_added, __ATOMIC_RELEASE);
}

void imapid_keylog_add(struct imapid_keylog *keylog, const uint8_t *octets, size_t n)
{
    size_t n_mark = skip_mark(octets, n);
    uint64_t before;

    if (!n)
        return;
    begin_writing(keylog);
    before = count_added(keylog);
    /* At once, instead of by doubling; but no more than a moderate claim of the text is believed. */
    if (n / LINE_LEAST * 4 * sizeof(struct slot) <= keylog->limit / 4)
        reserve(keylog, keylog->n_known + MIN(n / LINE_LEAST, RESERVE_MAX));
    add_lines(keylog, octets + n_mark, n - n_mark, true);
    end_writing(keylog, before);
}

void imapid_keylog_remember(struct imapid_keylog *keylog, const uint8_t key[IMAPID_TLS_RANDOM],
                            const struct imapid_secret *master)
{
    uint64_t before;

    begin_writing(keylog);
    before = count_added(keylog);
    keep_secret(keylog, IMAPID_SECRET_SESSION, key, master);
    end_writing(keylog, before);
}

/* ---- files ---- */

/* What is read of a file and not yet taken. */
struct reader {
    int fd;
    uint8_t *buffer; /* of CHUNK + LINE_LIMIT octets */
    size_t n;
    off_t offset;  /* of buffer[0] in the file */
    bool skipping; /* within a line that is too long */
    enum text text;
    bool has_half; /* the file's last octet so far is half a character: */
    uint8_t half;
    bool is_pipe; /* with a name */
};

static bool is_utf16(const struct reader *reader)
{
    return reader->text == TEXT_UTF16_LE || reader->text == TEXT_UTF16_BE;
}

/* The octets in the file that the first n characters of the buffer took. */
static off_t width_of(const struct reader *reader, size_t n)
{
    return (off_t)n * (is_utf16(reader) ? 2 : 1);
}

/* Takes the lines in the buffer, and moves what is left to its start. At the end of the file the
 * last line is taken without its line end, and stays in the buffer. That of a pipe waits to be whole. */
static void take_buffer(struct imapid_keylog *keylog, struct reader *reader, bool at_end)
{
    size_t n_done = reader->offset == 0 ? skip_mark(reader->buffer, reader->n) : 0;
    uint64_t before;

    begin_writing(keylog);
    before = count_added(keylog);
    if (reader->skipping) {
        const uint8_t *newline = memchr(reader->buffer, '\n', reader->n);

        n_done = newline ? (size_t)(newline + 1 - reader->buffer) : reader->n;
        reader->skipping = !newline;
    }
    n_done += add_lines(keylog, reader->buffer + n_done, reader->n - n_done, false);
    if (reader->n - n_done > LINE_LIMIT) {
        keylog->counts.n_lines++;
        note_garbage(keylog, &keylog->counts.n_lengths);
        reader->skipping = true;
        n_done = reader->n;
    }
    if (at_end)
        add_lines(keylog, reader->buffer + n_done, reader->n - n_done, true);
    end_writing(keylog, before);
    memmove(reader->buffer, reader->buffer + n_done, reader->n - n_done);
    reader->n -= n_done;
    reader->offset += width_of(reader, n_done);
}

/* What the first octets of a file say: a byte order mark, or an ASCII character in two octets. */
static enum text recognise_text(const uint8_t *octets, size_t n)
{
    if (n >= 2 && ((octets[0] == 0xff && octets[1] == 0xfe) || (octets[0] && !octets[1])))
        return TEXT_UTF16_LE;
    if (n >= 2 && ((octets[0] == 0xfe && octets[1] == 0xff) || (!octets[0] && octets[1])))
        return TEXT_UTF16_BE;
    return TEXT_OCTETS;
}

/* A line of use is ASCII. What is not becomes an octet that no word of such a line has. */
static uint8_t narrow_character(enum text text, const uint8_t *pair)
{
    uint8_t high = pair[text == TEXT_UTF16_LE], low = pair[text == TEXT_UTF16_BE];

    return high || low >= 0x80 ? '?' : low;
}

/* Makes characters of the n octets of UTF-16 at the end of the buffer; returns their number. */
static size_t narrow(struct reader *reader, uint8_t *octets, size_t n)
{
    size_t n_mark = 0;

    if (reader->offset == 0 && reader->n == 0 && n >= 2 && octets[0] && octets[1]) {
        n_mark = 2; /* the byte order mark */
        reader->offset = 2;
    }
    reader->has_half = n % 2;
    if (reader->has_half)
        reader->half = octets[n - 1];
    for (size_t i = 0; i < (n - n_mark) / 2; i++)
        octets[i] = narrow_character(reader->text, octets + n_mark + 2 * i);
    return (n - n_mark) / 2;
}

/* As read(2), but tries again after a signal. */
static ssize_t read_some(int fd, uint8_t *to, size_t n)
{
    ssize_t n_read;

    do
        n_read = read(fd, to, n);
    while (n_read < 0 && errno == EINTR);
    return n_read;
}

/* Reads on into the buffer. As read(2): the octets read of the file, 0 at its end, or -1 with errno
 * set. */
static ssize_t fill(struct reader *reader)
{
    uint8_t *to = reader->buffer + reader->n;
    size_t n_half = reader->has_half, n_all;
    ssize_t n, more = 0;

    if (n_half)
        *to = reader->half;
    n = read_some(reader->fd, to + n_half, CHUNK + LINE_LIMIT - reader->n - n_half);
    if (n <= 0)
        return n;
    if (reader->text == TEXT_UNKNOWN) {
        if (n_half + (size_t)n == 1 && (more = read_some(reader->fd, to + 1, 1)) <= 0 &&
            reader->is_pipe) {
            reader->has_half = true;
            reader->half = to[0];
            return n;
        }
        if (more < 0)
            return more;
        n += more;
        reader->text = recognise_text(to, n_half + (size_t)n);
    }
    n_all = n_half + (size_t)n;
    reader->has_half = false;
    reader->n += is_utf16(reader) ? narrow(reader, to, n_all) : n_all;
    return n;
}

/* Lines that say or said something. No lock is taken: a number that is late does no harm. */
static uint64_t count_useful(const struct imapid_keylog *keylog)
{
    const struct imapid_keylog_counts *counts = &keylog->counts;

    return counts->n_secrets + counts->n_duplicates + counts->n_conflicts + counts->n_ignored +
           counts->n_ech;
}

/* Reads a file from reader->offset to its end. False with errno set; EBADMSG: it is no key log. */
static bool read_lines(struct imapid_keylog *keylog, struct reader *reader, bool has_end)
{
    uint64_t n_useful = count_useful(keylog);
    size_t n_useless = 0, n_all = 0;

    while (!reader->is_pipe || n_all < PIPE_MAX) {
        ssize_t n = fill(reader);

        take_buffer(keylog, reader, n == 0 && !reader->is_pipe);
        if (n <= 0)
            return n == 0;
        n_all += (size_t)n;
        n_useless = count_useful(keylog) == n_useful ? n_useless + (size_t)n : 0;
        n_useful = count_useful(keylog);
        if (!has_end && n_useless > USELESS_MAX) {
            errno = EBADMSG;
            return false;
        }
    }
    return true;
}

static void init_reader(struct reader *reader, int fd)
{
    *reader = (struct reader){.fd = fd, .buffer = g_malloc(CHUNK + LINE_LIMIT)};
}

static void clear_reader(struct reader *reader)
{
    explicit_bzero(reader->buffer, CHUNK + LINE_LIMIT);
    g_free(reader->buffer);
}

static void drop_pipe(struct source *source)
{
    if (source->pipe)
        clear_reader(source->pipe);
    g_clear_pointer(&source->pipe, g_free);
}

/* The file under its name, if that is another one than before. False, with errno, where it cannot be opened. */
static bool look(struct source *source, int flags)
{
    int fd = imapid_opener_open(source->path, flags);
    struct stat st;

    source->looked_us = g_get_monotonic_time();
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    source->regular = S_ISREG(st.st_mode);
    source->is_pipe = S_ISFIFO(st.st_mode) && flags & O_NONBLOCK;
    if (source->fd >= 0 && st.st_dev == source->device && st.st_ino == source->inode) {
        close(fd);
        return true;
    }
    if (source->fd >= 0)
        close(source->fd);
    source->fd = fd;
    source->offset = source->size = 0;
    drop_pipe(source);
    source->device = st.st_dev;
    source->inode = st.st_ino;
    return true;
}

/* What there is in a pipe now, or a part of it. */
static void read_on_pipe(struct imapid_keylog *keylog, struct source *source)
{
    if (!source->pipe) {
        source->pipe = g_new(struct reader, 1);
        init_reader(source->pipe, source->fd);
        source->pipe->is_pipe = true;
    }
    (void)read_lines(keylog, source->pipe, false);
}

/* Reads on from source->offset; a file that has become shorter is read from its start. False, with errno. */
static bool read_on(struct imapid_keylog *keylog, struct source *source)
{
    struct reader reader;
    struct stat st;
    bool ok;

    if (fstat(source->fd, &st) != 0)
        return false;
    if (source->regular && st.st_size < source->offset)
        source->offset = 0;
    if (source->regular && lseek(source->fd, source->offset, SEEK_SET) < 0)
        return false;
    init_reader(&reader, source->fd);
    reader.offset = source->offset;
    reader.text = source->offset ? source->text : TEXT_UNKNOWN;
    ok = read_lines(keylog, &reader, source->regular);
    /* A line that was too long is not begun again in its middle. */
    source->offset = reader.offset;
    source->size = reader.offset + width_of(&reader, reader.n) + reader.has_half;
    source->text = reader.text;
    clear_reader(&reader);
    return ok;
}

static void close_source(struct source *source)
{
    if (source->fd >= 0)
        close(source->fd);
    source->fd = -1;
    drop_pipe(source);
}

/* To be looked at by imapid_keylog_refresh(). */
static void keep_source(struct imapid_keylog *keylog, const struct source *source)
{
    imapid_opener_allow(source->path, false);
    g_mutex_lock(&keylog->files);
    g_array_append_val(keylog->sources, *source);
    g_mutex_unlock(&keylog->files);
}

bool imapid_keylog_read(struct imapid_keylog *keylog, const char *path, char **message)
{
    struct source source = {.path = g_strdup(path), .fd = -1};
    bool ok;

    begin_writing(keylog);
    keylog->counts.first_garbage = 0;
    memset(keylog->counts.ignored, 0, sizeof keylog->counts.ignored);
    end_writing(keylog, count_added(keylog));
    ok = look(&source, 0) && read_on(keylog, &source);
    if (!ok && message)
        *message = g_strdup_printf("%s: key log: %s", path,
                                   errno == EBADMSG ? "64 MiB without a line of a key log"
                                                    : g_strerror(errno));
    if (ok && source.regular) {
        keep_source(keylog, &source);
        return true;
    }
    close_source(&source);
    g_free(source.path);
    return ok;
}

void imapid_keylog_expect(struct imapid_keylog *keylog, const char *path)
{
    struct source source = {.path = g_strdup(path), .fd = -1};

    (void)look(&source, O_NONBLOCK);
    keep_source(keylog, &source);
}

static bool has_data(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLIN;
}

/* Has the file more to read than was read of it? One that has no name any more may have a successor, and so
 * may one that was given another name. */
static bool has_changed(struct source *source)
{
    struct stat st;

    if (source->fd >= 0 && fstat(source->fd, &st) == 0) {
        if (source->is_pipe ? has_data(source->fd) : st.st_size != source->size)
            return true;
        if (!st.st_nlink) {
            close_source(source);
            source->looked_us = 0;
        }
    }
    if (source->looked_us && g_get_monotonic_time() - source->looked_us < LOOK_US)
        return false;
    if (!look(source, O_NONBLOCK))
        return false;
    if (source->is_pipe)
        return has_data(source->fd);
    if (!source->regular)
        close_source(source); /* a device may have no end */
    return source->fd >= 0 && fstat(source->fd, &st) == 0 && st.st_size != source->size;
}

bool imapid_keylog_refresh(struct imapid_keylog *keylog)
{
    uint64_t before = imapid_keylog_get_generation(keylog);

    g_mutex_lock(&keylog->files);
    for (guint i = 0; i < keylog->sources->len; i++) {
        struct source *source = &g_array_index(keylog->sources, struct source, i);

        if (!has_changed(source))
            continue;
        if (source->is_pipe)
            read_on_pipe(keylog, source);
        else
            (void)read_on(keylog, source); /* what cannot be read now is tried again */
    }
    g_mutex_unlock(&keylog->files);
    if (keylog->base)
        imapid_keylog_refresh(keylog->base);
    return imapid_keylog_get_generation(keylog) != before;
}

/* ---- looking up ---- */

/* Adds to the n secrets found already, when *n_before were passed over. */
static unsigned find_more(struct imapid_keylog *keylog, const uint8_t *random,
                          enum imapid_secret_kind kind, unsigned *n_before,
                          struct imapid_secret *secrets, unsigned n)
{
    const struct client *client;

    g_rw_lock_reader_lock(&keylog->lock);
    client = find_client(keylog, random);
    for (uint32_t i = client ? client->first : 0; i && n < IMAPID_KEYLOG_BATCH;) {
        const struct secret *secret = get_secret(keylog, i);

        if (secret->kind == kind && *n_before) {
            --*n_before;
        } else if (secret->kind == kind) {
            secrets[n].n = secret->n;
            memcpy(secrets[n].octets, secret->octets, secret->n);
            n++;
        }
        i = secret->next;
    }
    g_rw_lock_reader_unlock(&keylog->lock);
    return n;
}

unsigned imapid_keylog_find(struct imapid_keylog *keylog, const uint8_t random[IMAPID_TLS_RANDOM],
                            enum imapid_secret_kind kind, unsigned n_before,
                            struct imapid_secret secrets[IMAPID_KEYLOG_BATCH])
{
    unsigned n = 0;

    for (; keylog; keylog = keylog->base)
        n = find_more(keylog, random, kind, &n_before, secrets, n);
    return n;
}

GBytes *imapid_keylog_find_long(struct imapid_keylog *keylog, enum imapid_long_kind kind,
                                const uint8_t key[IMAPID_TLS_RANDOM], unsigned i)
{
    GBytes *found = NULL;

    for (; keylog && !found; keylog = keylog->base) {
        const GPtrArray *of_key;

        g_rw_lock_reader_lock(&keylog->lock);
        of_key = g_tree_lookup(keylog->long_secrets[kind], key);
        if (of_key && i < of_key->len)
            found = g_bytes_ref(of_key->pdata[i]);
        else if (of_key)
            i -= of_key->len;
        g_rw_lock_reader_unlock(&keylog->lock);
    }
    return found;
}

unsigned imapid_keylog_count_long(struct imapid_keylog *keylog, enum imapid_long_kind kind,
                                  const uint8_t key[IMAPID_TLS_RANDOM])
{
    unsigned n = 0;

    for (; keylog; keylog = keylog->base) {
        const GPtrArray *of_key;

        g_rw_lock_reader_lock(&keylog->lock);
        of_key = g_tree_lookup(keylog->long_secrets[kind], key);
        n += of_key ? of_key->len : 0;
        g_rw_lock_reader_unlock(&keylog->lock);
    }
    return n;
}

bool imapid_keylog_has_long(struct imapid_keylog *keylog, enum imapid_long_kind kind)
{
    bool found = false;

    for (; keylog && !found; keylog = keylog->base) {
        g_rw_lock_reader_lock(&keylog->lock);
        found = g_tree_nnodes(keylog->long_secrets[kind]) > 0;
        g_rw_lock_reader_unlock(&keylog->lock);
    }
    return found;
}

bool imapid_keylog_has_any(struct imapid_keylog *keylog)
{
    bool found;

    if (!keylog)
        return false;
    g_mutex_lock(&keylog->files);
    found = keylog->sources->len > 0;
    g_mutex_unlock(&keylog->files);
    return found || imapid_keylog_get_counts(keylog).n_secrets ||
           imapid_keylog_has_any(keylog->base);
}

uint64_t imapid_keylog_get_generation(struct imapid_keylog *keylog)
{
    uint64_t generation = __atomic_load_n(&keylog->generation, __ATOMIC_ACQUIRE);

    return keylog->base ? generation + imapid_keylog_get_generation(keylog->base) : generation;
}

struct imapid_keylog_counts imapid_keylog_get_counts(struct imapid_keylog *keylog)
{
    struct imapid_keylog_counts counts;

    g_rw_lock_reader_lock(&keylog->lock);
    counts = keylog->counts;
    g_rw_lock_reader_unlock(&keylog->lock);
    return counts;
}

/* ---- life ---- */

static void unref_array(void *array)
{
    g_ptr_array_unref(array);
}

static int compare_keys(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return memcmp(a, b, IMAPID_TLS_RANDOM);
}

struct imapid_keylog *imapid_keylog_new(void)
{
    struct imapid_keylog *keylog = g_new0(struct imapid_keylog, 1);

    g_rw_lock_init(&keylog->lock);
    g_mutex_init(&keylog->files);
    keylog->client_pieces = g_ptr_array_new();
    keylog->secret_pieces = g_ptr_array_new();
    for (size_t i = 0; i < IMAPID_N_LONG_KINDS; i++)
        keylog->long_secrets[i] = g_tree_new_full(compare_keys, NULL, g_free, unref_array);
    keylog->limit = G_MAXSIZE;
    keylog->n_slots = 64;
    keylog->slots = g_new0(struct slot, keylog->n_slots);
    keylog->sources = g_array_new(FALSE, FALSE, sizeof(struct source));
    for (size_t i = 0; i < G_N_ELEMENTS(keylog->seed); i++)
        keylog->seed[i] = (uint64_t)g_random_int() << 32 | g_random_int();
    return keylog;
}

void imapid_keylog_set_limit(struct imapid_keylog *keylog, size_t n)
{
    keylog->limit = MAX(n, IMAPID_KEYLOG_LIMIT_MIN);
}

size_t imapid_keylog_count_memory(const struct imapid_keylog *keylog, size_t n_share)
{
    const struct imapid_keylog *base = keylog->base;
    size_t n = __atomic_load_n(&keylog->n_memory, __ATOMIC_RELAXED);
    size_t n_limit = n_share / IMAPID_KEYLOG_SHARE;

    if (base)
        n += (size_t)((double)__atomic_load_n(&base->n_memory, __ATOMIC_RELAXED) /
                      (double)base->limit * (double)n_limit);
    return n;
}

uint64_t imapid_keylog_take_gave_way(struct imapid_keylog *keylog, size_t *limit)
{
    uint64_t n;

    g_rw_lock_writer_lock(&keylog->lock);
    n = keylog->n_gave_way - keylog->n_gave_way_told;
    keylog->n_gave_way_told = keylog->n_gave_way;
    *limit = keylog->limit;
    g_rw_lock_writer_unlock(&keylog->lock);
    return n;
}

struct imapid_keylog *imapid_keylog_new_over(struct imapid_keylog *base, size_t n_share)
{
    struct imapid_keylog *keylog = imapid_keylog_new();

    keylog->base = base;
    imapid_keylog_set_limit(keylog, n_share / IMAPID_KEYLOG_OWN_SHARE);
    return keylog;
}

static void free_pieces(GPtrArray *pieces, size_t n_octets)
{
    for (guint i = 0; i < pieces->len; i++) {
        explicit_bzero(g_ptr_array_index(pieces, i), n_octets);
        g_free(g_ptr_array_index(pieces, i));
    }
    g_ptr_array_free(pieces, TRUE);
}

void imapid_keylog_free(struct imapid_keylog *keylog)
{
    if (!keylog)
        return;
    free_pieces(keylog->client_pieces, PIECE * sizeof(struct client));
    free_pieces(keylog->secret_pieces, PIECE * sizeof(struct secret));
    for (size_t i = 0; i < IMAPID_N_LONG_KINDS; i++) {
        g_queue_clear(&keylog->long_keys[i]);
        g_tree_unref(keylog->long_secrets[i]);
    }
    for (guint i = 0; i < keylog->sources->len; i++) {
        close_source(&g_array_index(keylog->sources, struct source, i));
        g_free(g_array_index(keylog->sources, struct source, i).path);
    }
    g_array_free(keylog->sources, TRUE);
    g_free(keylog->slots);
    g_mutex_clear(&keylog->files);
    g_rw_lock_clear(&keylog->lock);
    g_free(keylog);
}
