/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Mutates the input of fuzz-session.c turn by turn, so that what comes out is mostly a session still:
 * turns are put in (from a table of lines with few tags, so that answers meet commands), left out,
 * repeated, moved, split, joined and given to the other side. Every third input is left to libFuzzer. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define MAX_TURNS  64
#define MAX_OCTETS 4095 /* as much as the twelve bits of a length say */

struct turn {
    uint8_t flags; /* bit 0: the server's; bits 1 to 3: a hole where all are set */
    size_t n;
    uint8_t octets[MAX_OCTETS]; /* none in a hole */
};

/* '%' is a tag. */
static const char *const client_lines[] = {"% ID NIL\r\n",
                                           "% ID (\"name\" \"x\" \"version\" NIL)\r\n",
                                           "% ID ({4}\r\n",
                                           "% ID ({4+}\r\nname {1+}\r\nx)\r\n",
                                           "name \"x\")\r\n",
                                           "% ID (\"name\"",
                                           "% LOGIN u p\r\n",
                                           "% LOGIN {1}\r\n",
                                           "u {1}\r\n",
                                           "p\r\n",
                                           "% STARTTLS\r\n",
                                           "% COMPRESS DEFLATE\r\n",
                                           "% AUTHENTICATE PLAIN\r\n",
                                           "% AUTHENTICATE PLAIN =\r\n",
                                           "AHUAcA==\r\n",
                                           "*\r\n",
                                           "% IDLE\r\n",
                                           "DONE\r\n",
                                           "% NOOP\r\n",
                                           "% SELECT INBOX\r\n",
                                           "% APPEND x {5}\r\n",
                                           "hello\r\n",
                                           "% LOGOUT\r\n"};
static const char *const server_lines[] = {"* OK ready\r\n",
                                           "* OK [CAPABILITY IMAP4rev1 ID STARTTLS] ready\r\n",
                                           "* PREAUTH ready\r\n",
                                           "* BYE bye\r\n",
                                           "+ \r\n",
                                           "+ more\r\n",
                                           "% OK done\r\n",
                                           "% OK [CAPABILITY IMAP4rev1 ID] done\r\n",
                                           "% NO [ALERT] no\r\n",
                                           "% BAD bad\r\n",
                                           "* ID NIL\r\n",
                                           "* ID (\"name\" \"y\")\r\n",
                                           "* ID ({4}\r\nname {1}\r\ny)\r\n",
                                           "* CAPABILITY IMAP4rev1\r\n",
                                           "* 1 FETCH (BODY[] {3}\r\nabc)\r\n",
                                           "* BAD what\r\n"};

static struct turn turns[MAX_TURNS + 1];
static size_t n_turns;

static size_t pick(size_t n)
{
    return n ? (size_t)rand() % n : 0;
}

static bool is_hole(const struct turn *turn)
{
    return (turn->flags & 14) == 14;
}

static void parse(const uint8_t *data, size_t size)
{
    for (n_turns = 0; size >= 2 && n_turns < MAX_TURNS; n_turns++) {
        struct turn *turn = &turns[n_turns];

        turn->flags = data[0] & 15;
        turn->n = data[1] | (size_t)(data[0] >> 4) << 8;
        data += 2;
        size -= 2;
        if (is_hole(turn))
            continue;
        turn->n = turn->n < size ? turn->n : size;
        memcpy(turn->octets, data, turn->n);
        data += turn->n;
        size -= turn->n;
    }
}

/* Writes what fits, and returns how many octets. */
static size_t spell(uint8_t *data, size_t max_size)
{
    size_t at = 0;

    for (size_t i = 0; i < n_turns; i++) {
        const struct turn *turn = &turns[i];
        size_t n = is_hole(turn) ? 0 : turn->n;

        if (max_size - at < 2 + n)
            break;
        data[at] = (uint8_t)(turn->flags | (turn->n >> 8) << 4);
        data[at + 1] = (uint8_t)turn->n;
        memcpy(data + at + 2, turn->octets, n);
        at += 2 + n;
    }
    return at;
}

/* Makes room for a turn; the one there goes behind it. */
static struct turn *insert(size_t at)
{
    if (n_turns == MAX_TURNS)
        n_turns--;
    memmove(&turns[at + 1], &turns[at], (n_turns - at) * sizeof turns[0]);
    n_turns++;
    return &turns[at];
}

static void leave_out(size_t at)
{
    n_turns--;
    memmove(&turns[at], &turns[at + 1], (n_turns - at) * sizeof turns[0]);
}

static void insert_line(void)
{
    struct turn *turn = insert(pick(n_turns + 1 < MAX_TURNS ? n_turns + 1 : MAX_TURNS));
    bool is_server = pick(2);
    const char *line = is_server ? server_lines[pick(sizeof server_lines / sizeof server_lines[0])]
                                 : client_lines[pick(sizeof client_lines / sizeof client_lines[0])];

    turn->flags = is_server;
    turn->n = strlen(line);
    for (size_t i = 0; i < turn->n; i++)
        turn->octets[i] = line[i] == '%' ? (uint8_t) "abcd"[pick(4)] : (uint8_t)line[i];
}

static void insert_hole(void)
{
    struct turn *turn = insert(pick(n_turns + 1 < MAX_TURNS ? n_turns + 1 : MAX_TURNS));

    turn->flags = (uint8_t)(14 | pick(2));
    turn->n = pick(4) ? pick(16) : pick(MAX_OCTETS + 1);
}

static void repeat(size_t from)
{
    static struct turn copy;

    copy = turns[from];
    *insert(pick(n_turns)) = copy;
}

static void move(size_t from)
{
    repeat(from);
    leave_out(pick(n_turns));
}

static void split(size_t at)
{
    size_t n_first = pick(turns[at].n + 1);
    struct turn *first, *second;

    if (is_hole(&turns[at]) || n_turns == MAX_TURNS)
        return;
    insert(at);
    first = &turns[at];
    second = first + 1;
    *first = *second;
    first->n = n_first;
    second->n -= n_first;
    memmove(second->octets, second->octets + n_first, second->n);
}

static void join(size_t at)
{
    struct turn *first = &turns[at], *second = first + 1;

    if (at + 1 >= n_turns || is_hole(first) || is_hole(second) || first->n + second->n > MAX_OCTETS)
        return;
    memcpy(first->octets + first->n, second->octets, second->n);
    first->n += second->n;
    leave_out(at + 1);
}

static void change_octets(size_t at)
{
    if (!is_hole(&turns[at]))
        turns[at].n = LLVMFuzzerMutate(turns[at].octets, turns[at].n, MAX_OCTETS);
}

static void change_one(void)
{
    switch (n_turns ? pick(10) : 0) {
    case 0:
    case 1:
    case 2:
        insert_line();
        break;
    case 3:
        leave_out(pick(n_turns));
        break;
    case 4:
        repeat(pick(n_turns));
        break;
    case 5:
        move(pick(n_turns));
        break;
    case 6:
        split(pick(n_turns));
        break;
    case 7:
        join(pick(n_turns));
        break;
    case 8:
        change_octets(pick(n_turns));
        break;
    default:
        if (pick(2))
            insert_hole();
        else
            turns[pick(n_turns)].flags ^= 1;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    srand(seed);
    if (size < 1 || max_size < 64 || pick(3) == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    parse(data + 1, size - 1);
    if (pick(16) == 0)
        data[0] = (uint8_t)pick(4);
    for (size_t i = 0, n = 1 + pick(4); i < n; i++)
        change_one();
    return 1 + spell(data + 1, max_size - 1);
}
