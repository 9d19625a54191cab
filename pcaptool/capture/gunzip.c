/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gunzip.c: DEFLATE (RFC 1951) of gzip. zlib reads the header of a member. Behind it all is here: zlib took most of the time of
 * a compressed capture, and of the faster libraries one wants whole members, and one (ISA-L 2.30) gives at damage what is in
 * memory by chance. What is made lies in an area of its own, behind the 32 KiB that it may refer to, and is
 * given out from there. So each copy is within the area, and no step needs room that the caller may not have.
 *
 * Bits wait in a word, the next one the lowest. While there is plenty of input, a step takes what it needs without asking
 * (read_fast); else it is only taken when all its bits are there (read_symbol), so that it can be tried again with more.
 *
 * Refuses what zlib refuses, with its words, at the same octet.
 *
 * Misuse: going on after the end, or behind damage. */

#include "capture/gunzip.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

/* How far back a copy may begin; what is made before it is given out; the longest copy, and what a step may write behind it. */
#define N_HISTORY  32768u
#define N_MADE     65536u
#define N_COPY_MAX 258u
#define N_SLACK    (N_COPY_MAX + 32u)

/* Octets of input with which a fast step never meets the end: it loads eight, goes on by seven, and loads eight again. */
#define N_INPUT 16

/* A code of up to so many bits is found with one look-up; longer ones with two. */
#define N_ROOT_LITERAL  11u
#define N_ROOT_DISTANCE 8u
#define N_ROOT_LENGTHS  7u

/* As many entries as any set of codes needs with these (zlib's examples/enough.c). */
#define N_TABLE_LITERAL  2342
#define N_TABLE_DISTANCE 402

#define N_LITERALS_MAX  286u
#define N_DISTANCES_MAX 30u
#define N_CODE_MAX      15u
#define END_OF_BLOCK    256u

/* An entry: bits of the code, of it and what stands before it; additional bits; what it is; a value: the literal, the base, or
 * where the second table begins. */
#define ENTRY_LITERAL 0x8000u
#define ENTRY_SECOND  0x4000u
#define ENTRY_STOPS   0x2000u /* END_OF_BLOCK, or it is no code */

static inline unsigned get_n_bits(uint32_t entry)
{
    return entry & 0xff;
}

static inline unsigned get_n_more(uint32_t entry)
{
    return entry >> 8 & 0x1f;
}

static inline unsigned get_value(uint32_t entry)
{
    return entry >> 16;
}

enum state {
    HEADER,
    BLOCK,
    STORED_LENGTH,
    STORED,
    COUNTS,
    LENGTHS_CODE,
    LENGTHS,
    CODES,
    CHECK,
    LENGTH_CHECK,
    ENDED,
    DAMAGED
};

struct imapid_gunzip {
    z_stream header;
    enum state state;
    const char *error;
    bool is_last;   /* of the blocks */
    bool has_fixed; /* the tables are those of the fixed codes: a million empty members are quick */
    uint64_t bits;  /* those above n_bits are 0 between calls */
    unsigned n_bits;
    const uint8_t *in, *in_end; /* during a call */
    unsigned n_stored;          /* octets to come */
    unsigned n_literals, n_distances, n_lengths_codes, n_lengths;
    uint8_t lengths[N_LITERALS_MAX + N_DISTANCES_MAX];
    uint32_t crc, n_all;
    uint32_t literals[N_TABLE_LITERAL];
    uint32_t distances[N_TABLE_DISTANCE]; /* that of lengths first */
    uint8_t *at, *end;                    /* what was made and not given out */
    uint8_t area[N_HISTORY + N_MADE + N_SLACK];
};

/* ---- codes ---- */

enum alphabet { OF_LENGTHS, OF_LITERALS, OF_DISTANCES };

static uint32_t make_entry(enum alphabet alphabet, unsigned symbol)
{
    static const uint16_t lengths[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                         15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                         67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint16_t distances[30] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

    if (alphabet == OF_LENGTHS)
        return symbol << 16;
    if (alphabet == OF_DISTANCES)
        return symbol >= G_N_ELEMENTS(distances)
                   ? ENTRY_STOPS
                   : (uint32_t)distances[symbol] << 16 | (symbol < 2 ? 0 : symbol / 2 - 1) << 8;
    if (symbol < END_OF_BLOCK)
        return ENTRY_LITERAL | symbol << 16;
    if (symbol == END_OF_BLOCK)
        return ENTRY_STOPS | END_OF_BLOCK << 16;
    symbol -= END_OF_BLOCK + 1;
    if (symbol >= G_N_ELEMENTS(lengths))
        return ENTRY_STOPS;
    return (uint32_t)lengths[symbol] << 16 | (symbol < 4 || symbol == 28 ? 0 : symbol / 4 - 1) << 8;
}

/* The next code of its length or a longer one, the first bit the lowest. */
static unsigned next_code(unsigned code, unsigned n_bits)
{
    unsigned bit = 1u << (n_bits - 1);
    while (code & bit)
        bit >>= 1;
    return bit ? (code & (bit - 1)) + bit : 0;
}

/* Whether codes of these lengths are a set as zlib takes it: complete, or one code of one bit, or none. */
static bool is_set(const unsigned n_of[N_CODE_MAX + 1], unsigned n_most, enum alphabet alphabet)
{
    int left = 1;
    for (unsigned i = 1; i <= N_CODE_MAX; i++) {
        left = 2 * left - (int)n_of[i];
        if (left < 0)
            return false;
    }
    return left == 0 || n_most == 0 || (n_most == 1 && alphabet != OF_LENGTHS);
}

/* Bits that find all codes with the first n_root bits of the next one, which has n_bits; n_of has what is left of each length. */
static unsigned measure_second(const unsigned n_of[N_CODE_MAX + 1], unsigned n_root,
                               unsigned n_bits, unsigned n_most)
{
    unsigned n = n_bits - n_root;
    int left = 1 << n;
    while (n + n_root < n_most) {
        left -= (int)n_of[n + n_root];
        if (left <= 0)
            break;
        n++;
        left *= 2;
    }
    return n;
}

/* The table of the codes with these lengths. False: they are no set. */
static bool build(uint32_t *table, unsigned n_root, enum alphabet alphabet, const uint8_t *lengths,
                  unsigned n)
{
    unsigned n_of[N_CODE_MAX + 1] = {0}, place[N_CODE_MAX + 2] = {0};
    uint16_t sorted[N_LITERALS_MAX + 2];
    for (unsigned i = 0; i < n; i++)
        n_of[lengths[i]]++;
    n_of[0] = 0;
    unsigned n_most = N_CODE_MAX;
    while (n_most > 0 && !n_of[n_most])
        n_most--;
    if (!is_set(n_of, n_most, alphabet))
        return false;
    for (unsigned i = 1; i <= N_CODE_MAX; i++)
        place[i + 1] = place[i] + n_of[i];
    unsigned n_sorted = place[N_CODE_MAX + 1];
    for (unsigned i = 0; i < n; i++)
        if (lengths[i])
            sorted[place[lengths[i]]++] = (uint16_t)i;
    if (n_most < 2) /* what is no code stays so */
        for (unsigned i = 0; i < 1u << n_root; i++)
            table[i] = ENTRY_STOPS | 1;
    unsigned code = 0, second = 0, n_second = 0, next = 1u << n_root, prefix = UINT_MAX;
    for (unsigned i = 0; i < n_sorted; i++) {
        unsigned n_bits = lengths[sorted[i]];
        uint32_t entry = make_entry(alphabet, sorted[i]) | n_bits;
        if (n_bits <= n_root) {
            for (unsigned k = code; k < 1u << n_root; k += 1u << n_bits)
                table[k] = entry;
        } else {
            if ((code & ((1u << n_root) - 1)) != prefix) {
                prefix = code & ((1u << n_root) - 1);
                n_second = measure_second(n_of, n_root, n_bits, n_most);
                second = next;
                next += 1u << n_second;
                table[prefix] = ENTRY_SECOND | second << 16 | n_second << 8 | n_root;
            }
            for (unsigned k = code >> n_root; k < 1u << n_second; k += 1u << (n_bits - n_root))
                table[second + k] = entry;
        }
        n_of[n_bits]--;
        code = next_code(code, n_bits);
    }
    return true;
}

static inline uint32_t look_up(const uint32_t *table, unsigned n_root, uint64_t bits)
{
    uint32_t entry = table[bits & ((1u << n_root) - 1)];
    if (entry & ENTRY_SECOND)
        entry = table[get_value(entry) + (bits >> n_root & ((1u << get_n_more(entry)) - 1))];
    return entry;
}

/* ---- bits ---- */

/* As many whole octets as have room. */
static void fill(struct imapid_gunzip *gunzip)
{
    while (gunzip->n_bits < 56 && gunzip->in < gunzip->in_end) {
        gunzip->bits |= (uint64_t)*gunzip->in++ << gunzip->n_bits;
        gunzip->n_bits += 8;
    }
}

static void take(struct imapid_gunzip *gunzip, unsigned n)
{
    gunzip->bits >>= n;
    gunzip->n_bits -= n;
}

/* Whether n bits are there, 32 at most. */
static bool need(struct imapid_gunzip *gunzip, unsigned n)
{
    if (gunzip->n_bits < n)
        fill(gunzip);
    return gunzip->n_bits >= n;
}

static void skip_to_octet(struct imapid_gunzip *gunzip)
{
    take(gunzip, gunzip->n_bits % 8);
}

/* Returns true: there is something to tell. */
static bool damage(struct imapid_gunzip *gunzip, const char *error)
{
    gunzip->state = DAMAGED;
    gunzip->error = error;
    return true;
}

/* ---- blocks ----
 *
 * Each of these reads what `state` is about. False: it needs more input, or more room. */

static bool begin_codes(struct imapid_gunzip *gunzip)
{
    static const char *const errors[2] = {"invalid literal/lengths set", "invalid distances set"};
    const uint8_t *lengths = gunzip->lengths;
    if (!build(gunzip->literals, N_ROOT_LITERAL, OF_LITERALS, lengths, gunzip->n_literals))
        return damage(gunzip, errors[0]);
    if (!build(gunzip->distances, N_ROOT_DISTANCE, OF_DISTANCES, lengths + gunzip->n_literals,
               gunzip->n_distances))
        return damage(gunzip, errors[1]);
    gunzip->state = CODES;
    return true;
}

static void begin_fixed(struct imapid_gunzip *gunzip)
{
    uint8_t lengths[288];
    gunzip->state = CODES;
    if (gunzip->has_fixed)
        return;
    gunzip->has_fixed = true;
    for (unsigned i = 0; i < sizeof lengths; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    build(gunzip->literals, N_ROOT_LITERAL, OF_LITERALS, lengths, sizeof lengths);
    memset(lengths, 5, 32);
    build(gunzip->distances, N_ROOT_DISTANCE, OF_DISTANCES, lengths, 32);
}

static bool read_block(struct imapid_gunzip *gunzip)
{
    if (gunzip->is_last) {
        skip_to_octet(gunzip);
        gunzip->state = CHECK;
        return true;
    }
    if (!need(gunzip, 3))
        return false;
    unsigned type = gunzip->bits >> 1 & 3;
    gunzip->is_last = gunzip->bits & 1;
    take(gunzip, 3);
    if (type == 3)
        return damage(gunzip, "invalid block type");
    if (type == 1) {
        begin_fixed(gunzip);
    } else if (type == 2) {
        gunzip->state = COUNTS;
    } else {
        skip_to_octet(gunzip);
        gunzip->state = STORED_LENGTH;
    }
    return true;
}

static bool read_stored_length(struct imapid_gunzip *gunzip)
{
    if (!need(gunzip, 32))
        return false;
    unsigned n = gunzip->bits & 0xffff, complement = gunzip->bits >> 16 & 0xffff;
    if (n != (complement ^ 0xffff))
        return damage(gunzip, "invalid stored block lengths");
    take(gunzip, 32);
    gunzip->n_stored = n;
    gunzip->state = STORED;
    return true;
}

static uint8_t *get_limit(struct imapid_gunzip *gunzip)
{
    return gunzip->area + N_HISTORY + N_MADE;
}

static bool read_stored(struct imapid_gunzip *gunzip)
{
    uint8_t *limit = get_limit(gunzip);
    for (; gunzip->n_stored > 0 && gunzip->n_bits > 0 && gunzip->end < limit; gunzip->n_stored--) {
        *gunzip->end++ = (uint8_t)gunzip->bits;
        take(gunzip, 8);
    }
    size_t room = gunzip->end < limit ? (size_t)(limit - gunzip->end) : 0;
    size_t n = MIN(MIN(gunzip->n_stored, room), (size_t)(gunzip->in_end - gunzip->in));
    if (gunzip->n_bits == 0 && n > 0) {
        memcpy(gunzip->end, gunzip->in, n);
        gunzip->end += n;
        gunzip->in += n;
        gunzip->n_stored -= (unsigned)n;
    }
    if (gunzip->n_stored > 0)
        return false;
    gunzip->state = BLOCK;
    return true;
}

static bool read_counts(struct imapid_gunzip *gunzip)
{
    if (!need(gunzip, 14))
        return false;
    gunzip->n_literals = 257 + (gunzip->bits & 31);
    gunzip->n_distances = 1 + (gunzip->bits >> 5 & 31);
    gunzip->n_lengths_codes = 4 + (gunzip->bits >> 10 & 15);
    take(gunzip, 14);
    if (gunzip->n_literals > N_LITERALS_MAX || gunzip->n_distances > N_DISTANCES_MAX)
        return damage(gunzip, "too many length or distance symbols");
    memset(gunzip->lengths, 0, sizeof gunzip->lengths);
    gunzip->n_lengths = 0;
    gunzip->has_fixed = false;
    gunzip->state = LENGTHS_CODE;
    return true;
}

static bool read_lengths_code(struct imapid_gunzip *gunzip)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    for (; gunzip->n_lengths < gunzip->n_lengths_codes; gunzip->n_lengths++) {
        if (!need(gunzip, 3))
            return false;
        gunzip->lengths[order[gunzip->n_lengths]] = gunzip->bits & 7;
        take(gunzip, 3);
    }
    if (!build(gunzip->distances, N_ROOT_LENGTHS, OF_LENGTHS, gunzip->lengths, sizeof order))
        return damage(gunzip, "invalid code lengths set");
    memset(gunzip->lengths, 0, sizeof gunzip->lengths);
    gunzip->n_lengths = 0;
    gunzip->state = LENGTHS;
    return true;
}

/* How many times a length is repeated, and how many bits say so. */
static const struct {
    uint8_t n_bits, least;
} repeats[3] = {{2, 3}, {3, 3}, {7, 11}};

static bool read_lengths(struct imapid_gunzip *gunzip)
{
    unsigned n_all = gunzip->n_literals + gunzip->n_distances;
    while (gunzip->n_lengths < n_all) {
        fill(gunzip);
        uint32_t entry = look_up(gunzip->distances, N_ROOT_LENGTHS, gunzip->bits);
        unsigned n_bits = get_n_bits(entry), symbol = get_value(entry), n = 1, length = symbol;
        if (symbol >= 16) {
            n = repeats[symbol - 16].least;
            n_bits += repeats[symbol - 16].n_bits;
        }
        if (n_bits > gunzip->n_bits)
            return false;
        if (symbol >= 16) {
            n += (unsigned)(gunzip->bits >> get_n_bits(entry)) &
                 ((1u << repeats[symbol - 16].n_bits) - 1);
            if ((symbol == 16 && gunzip->n_lengths == 0) || n > n_all - gunzip->n_lengths)
                return damage(gunzip, "invalid bit length repeat");
            length = symbol == 16 ? gunzip->lengths[gunzip->n_lengths - 1] : 0;
        }
        take(gunzip, n_bits);
        memset(gunzip->lengths + gunzip->n_lengths, (int)length, n);
        gunzip->n_lengths += n;
    }
    if (gunzip->lengths[END_OF_BLOCK] == 0)
        return damage(gunzip, "invalid code -- missing end-of-block");
    return begin_codes(gunzip);
}

/* ---- what is in a block with codes ---- */

static const char no_literal[] = "invalid literal/length code";
static const char no_distance[] = "invalid distance code";
static const char too_far[] = "invalid distance too far back";

/* May write some octets more. */
static inline uint8_t *copy(uint8_t *to, unsigned distance, unsigned n)
{
    const uint8_t *from = to - distance;
    uint8_t *end = to + n;
    if (distance >= 8) {
        do {
            memcpy(to, from, 8);
            memcpy(to + 8, from + 8, 8);
            to += 16;
            from += 16;
        } while (to < end);
    } else if (distance == 1) {
        memset(to, *from, n);
    } else {
        while (to < end)
            *to++ = *from++;
    }
    return end;
}

static void end_codes(struct imapid_gunzip *gunzip, uint32_t entry)
{
    if (get_value(entry) == END_OF_BLOCK)
        gunzip->state = BLOCK;
    else
        damage(gunzip, no_literal);
}

/* One literal, or one copy, where all its bits are there. */
static bool read_symbol(struct imapid_gunzip *gunzip)
{
    fill(gunzip);
    uint64_t bits = gunzip->bits;
    uint32_t entry = look_up(gunzip->literals, N_ROOT_LITERAL, bits);
    unsigned n_bits = get_n_bits(entry);
    if (n_bits > gunzip->n_bits)
        return false;
    if (entry & (ENTRY_LITERAL | ENTRY_STOPS)) {
        take(gunzip, n_bits);
        if (entry & ENTRY_LITERAL)
            *gunzip->end++ = (uint8_t)get_value(entry);
        else
            end_codes(gunzip, entry);
        return true;
    }
    unsigned n = get_value(entry) + (unsigned)(bits >> n_bits & ((1u << get_n_more(entry)) - 1));
    n_bits += get_n_more(entry);
    if (n_bits > gunzip->n_bits)
        return false;
    entry = look_up(gunzip->distances, N_ROOT_DISTANCE, bits >> n_bits);
    n_bits += get_n_bits(entry);
    if (n_bits > gunzip->n_bits)
        return false;
    if (entry & ENTRY_STOPS)
        return damage(gunzip, no_distance);
    unsigned distance =
        get_value(entry) + (unsigned)(bits >> n_bits & ((1u << get_n_more(entry)) - 1));
    n_bits += get_n_more(entry);
    if (n_bits > gunzip->n_bits)
        return false;
    take(gunzip, n_bits);
    if (distance > (size_t)(gunzip->end - gunzip->area))
        return damage(gunzip, too_far);
    gunzip->end = copy(gunzip->end, distance, n);
    return true;
}

static inline uint64_t load(const uint8_t *octets)
{
    uint64_t value;
    memcpy(&value, octets, sizeof value);
    return GUINT64_FROM_LE(value);
}

/* The same while there is plenty of input and room. */
static void read_fast(struct imapid_gunzip *gunzip)
{
    const uint32_t *literals = gunzip->literals, *distances = gunzip->distances;
    const uint8_t *in = gunzip->in, *in_end = gunzip->in_end;
    uint8_t *out = gunzip->end, *limit = get_limit(gunzip);
    uint64_t bits = gunzip->bits;
    unsigned n_bits = gunzip->n_bits, n_mask = (1u << N_ROOT_LITERAL) - 1;
    uint32_t entry = 0;
    const char *error = NULL;

/* 56 bits or more. Those above n_bits are what comes next, too, and are set once more by the next call. */
#define FILL()  (bits |= load(in) << n_bits, in += (63 - n_bits) >> 3, n_bits |= 56)
#define TAKE(n) (bits >>= (n), n_bits -= (n))

    while (in_end - in >= N_INPUT && out < limit) {
        FILL();
        entry = literals[bits & n_mask];
        /* Three literals take 33 bits at most. */
        for (unsigned i = 0; i < 2 && entry & ENTRY_LITERAL; i++) {
            TAKE(get_n_bits(entry));
            *out++ = (uint8_t)get_value(entry);
            entry = literals[bits & n_mask];
        }
        if (entry & ENTRY_SECOND)
            entry = look_up(literals, N_ROOT_LITERAL, bits);
        TAKE(get_n_bits(entry));
        if (entry & ENTRY_LITERAL) {
            *out++ = (uint8_t)get_value(entry);
            continue;
        }
        if (entry & ENTRY_STOPS)
            break;
        unsigned n = get_value(entry) + (unsigned)(bits & ((1u << get_n_more(entry)) - 1));
        TAKE(get_n_more(entry));
        FILL();
        uint32_t found = look_up(distances, N_ROOT_DISTANCE, bits);
        TAKE(get_n_bits(found));
        unsigned distance = get_value(found) + (unsigned)(bits & ((1u << get_n_more(found)) - 1));
        TAKE(get_n_more(found));
        if (found & ENTRY_STOPS || distance > (size_t)(out - gunzip->area)) {
            error = found & ENTRY_STOPS ? no_distance : too_far;
            break;
        }
        out = copy(out, distance, n);
        entry = 0;
    }
#undef FILL
#undef TAKE
    gunzip->in = in;
    gunzip->end = out;
    gunzip->bits = bits & ((UINT64_C(1) << n_bits) - 1);
    gunzip->n_bits = n_bits;
    if (error)
        damage(gunzip, error);
    else if (entry & ENTRY_STOPS)
        end_codes(gunzip, entry);
}

static bool read_codes(struct imapid_gunzip *gunzip)
{
    read_fast(gunzip);
    while (gunzip->state == CODES)
        if (gunzip->end >= get_limit(gunzip) || !read_symbol(gunzip))
            return false;
    return true;
}

/* ---- members ---- */

static bool read_header(struct imapid_gunzip *gunzip)
{
    z_stream *z = &gunzip->header;
    uint8_t none;
    z->next_in = (Bytef *)gunzip->in;
    z->avail_in = (uInt)MIN((size_t)(gunzip->in_end - gunzip->in), (size_t)UINT_MAX);
    z->next_out = &none;
    z->avail_out = sizeof none;
    int status = inflate(z, Z_BLOCK); /* returns behind the header, and says so with 128 */
    gunzip->in = z->next_in;
    if (status != Z_OK && status != Z_BUF_ERROR)
        return damage(gunzip, z->msg);
    if (!(z->data_type & 128))
        return false;
    gunzip->state = BLOCK;
    return true;
}

/* The octets made since `from` count. */
static void count(struct imapid_gunzip *gunzip, const uint8_t *from)
{
    size_t n = (size_t)(gunzip->end - from);
    gunzip->crc = (uint32_t)crc32_z(gunzip->crc, from, n);
    gunzip->n_all += (uint32_t)n;
}

static bool read_check(struct imapid_gunzip *gunzip, uint32_t expected, enum state next,
                       const char *error)
{
    if (!need(gunzip, 32))
        return false;
    if ((uint32_t)gunzip->bits != expected)
        return damage(gunzip, error);
    take(gunzip, 32);
    gunzip->state = next;
    return true;
}

static bool read_step(struct imapid_gunzip *gunzip)
{
    switch (gunzip->state) {
    case HEADER:
        return read_header(gunzip);
    case BLOCK:
        return read_block(gunzip);
    case STORED_LENGTH:
        return read_stored_length(gunzip);
    case STORED:
        return read_stored(gunzip);
    case COUNTS:
        return read_counts(gunzip);
    case LENGTHS_CODE:
        return read_lengths_code(gunzip);
    case LENGTHS:
        return read_lengths(gunzip);
    case CODES:
        return read_codes(gunzip);
    case CHECK:
        return read_check(gunzip, gunzip->crc, LENGTH_CHECK, "incorrect data check");
    case LENGTH_CHECK:
        return read_check(gunzip, gunzip->n_all, ENDED, "incorrect length check");
    case ENDED:
    case DAMAGED:
        break;
    }
    return false;
}

/* Fills the area behind the last octets that may be referred to. */
static void make(struct imapid_gunzip *gunzip)
{
    size_t n = (size_t)(gunzip->end - gunzip->area);
    if (n > N_HISTORY + N_MADE / 2) {
        memmove(gunzip->area, gunzip->end - N_HISTORY, N_HISTORY);
        gunzip->end = gunzip->area + N_HISTORY;
    }
    gunzip->at = gunzip->end;
    const uint8_t *from = gunzip->end;
    bool goes_on;
    do {
        goes_on = read_step(gunzip);
        if (gunzip->state == CHECK) {
            count(gunzip, from);
            from = gunzip->end;
        }
    } while (goes_on && gunzip->state != ENDED && gunzip->state != DAMAGED);
    count(gunzip, from);
}

struct imapid_gunzip *imapid_gunzip_new(void)
{
    struct imapid_gunzip *gunzip = g_new(struct imapid_gunzip, 1);
    memset(&gunzip->header, 0, sizeof gunzip->header);
    gunzip->has_fixed = false;
    if (inflateInit2(&gunzip->header, MAX_WBITS + 16) != Z_OK)
        g_error("no memory for a header of gzip");
    imapid_gunzip_begin(gunzip);
    return gunzip;
}

void imapid_gunzip_begin(struct imapid_gunzip *gunzip)
{
    inflateReset(&gunzip->header);
    gunzip->state = HEADER;
    gunzip->error = NULL;
    gunzip->is_last = false;
    gunzip->bits = gunzip->n_bits = 0;
    gunzip->crc = gunzip->n_all = 0;
    gunzip->at = gunzip->end = gunzip->area;
}

enum imapid_gunzip_status imapid_gunzip_read(struct imapid_gunzip *gunzip, const uint8_t **in,
                                             const uint8_t *in_end, uint8_t *out, size_t *n_out)
{
    gunzip->in = *in;
    gunzip->in_end = in_end;
    if (gunzip->at == gunzip->end)
        make(gunzip);
    *n_out = MIN(*n_out, (size_t)(gunzip->end - gunzip->at));
    memcpy(out, gunzip->at, *n_out);
    gunzip->at += *n_out;
    /* Whole octets that wait and are not needed any more: they came in this call. */
    if (gunzip->state >= ENDED)
        gunzip->in -= MIN(gunzip->n_bits / 8, (size_t)(gunzip->in - *in));
    *in = gunzip->in;
    if (gunzip->at < gunzip->end || gunzip->state < ENDED)
        return IMAPID_GUNZIP_GOING_ON;
    return gunzip->state == ENDED ? IMAPID_GUNZIP_END : IMAPID_GUNZIP_BAD;
}

const char *imapid_gunzip_get_error(const struct imapid_gunzip *gunzip)
{
    return gunzip->error;
}

void imapid_gunzip_free(struct imapid_gunzip *gunzip)
{
    if (!gunzip)
        return;
    inflateEnd(&gunzip->header);
    g_free(gunzip);
}
