/* SPDX-License-Identifier: GPL-2.0-or-later */
/* numbers.c: sets of numbers that are counted from 0, such as those of addresses. There may be a million small sets, and a few
 * of a million numbers: a set is a list, and bits as soon as these take less memory.
 *
 * Refuses nothing.
 *
 * Misuse: a number that is not below the limit. */
#include "answer/numbers.h"

#include <glib.h>
#include <stdlib.h>

#define ROOM_MIN 4u
#define N_BITS   64u

static int compare(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

    return (one > other) - (one < other);
}

/* Each number once. */
static void sort(struct imapid_numbers *numbers)
{
    uint32_t n = 0;

    if (numbers->n > 1)
        qsort(numbers->list, numbers->n, sizeof *numbers->list, compare);
    for (uint32_t i = 0; i < numbers->n; i++)
        if (!n || numbers->list[n - 1] != numbers->list[i])
            numbers->list[n++] = numbers->list[i];
    numbers->n = n;
}

static void set_bit(struct imapid_numbers *numbers, uint32_t number)
{
    uint64_t *word = &numbers->bits[number / N_BITS], bit = UINT64_C(1) << number % N_BITS;

    numbers->n += !(*word & bit);
    *word |= bit;
}

static void make_bits(struct imapid_numbers *numbers, uint32_t limit)
{
    uint32_t *list = numbers->list, n = numbers->n;

    numbers->bits = g_new0(uint64_t, limit / N_BITS + 1);
    numbers->list = NULL;
    numbers->n = 0;
    for (uint32_t i = 0; i < n; i++)
        set_bit(numbers, list[i]);
    g_free(list);
}

/* The list is full. Where half of it comes more than once there is room again, and no more is taken. */
static void make_room(struct imapid_numbers *numbers, uint32_t limit)
{
    sort(numbers);
    if (numbers->room && numbers->n <= numbers->room / 2)
        return;
    numbers->room = MAX(2 * numbers->room, ROOM_MIN);
    if (numbers->room > ROOM_MIN && (uint64_t)numbers->room * sizeof *numbers->list > limit / 8)
        make_bits(numbers, limit);
    else
        numbers->list = g_renew(uint32_t, numbers->list, numbers->room);
}

void imapid_numbers_add(struct imapid_numbers *numbers, uint32_t number, uint32_t limit)
{
    if (!numbers->bits && numbers->n == numbers->room)
        make_room(numbers, limit);
    if (numbers->bits)
        set_bit(numbers, number);
    else
        numbers->list[numbers->n++] = number;
}

static void absorb_bits(struct imapid_numbers *numbers, const struct imapid_numbers *other,
                        uint32_t limit)
{
    if (!numbers->bits)
        make_bits(numbers, limit);
    numbers->n = 0;
    for (uint32_t i = 0; i <= limit / N_BITS; i++) {
        numbers->bits[i] |= other->bits[i];
        numbers->n += (uint32_t)__builtin_popcountll(numbers->bits[i]);
    }
}

void imapid_numbers_absorb(struct imapid_numbers *numbers, struct imapid_numbers *other,
                           uint32_t limit)
{
    if (other->bits)
        absorb_bits(numbers, other, limit);
    for (uint32_t i = 0; !other->bits && i < other->n; i++)
        imapid_numbers_add(numbers, other->list[i], limit);
    imapid_numbers_deinit(other);
}

uint32_t imapid_numbers_count(struct imapid_numbers *numbers)
{
    if (!numbers->bits)
        sort(numbers);
    return numbers->n;
}

void imapid_numbers_deinit(struct imapid_numbers *numbers)
{
    g_free(numbers->list);
    g_free(numbers->bits);
    *numbers = (struct imapid_numbers){0};
}
