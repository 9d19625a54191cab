/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending.c: commands that wait for their answer. A short array, in order, that fits in a few
 * cache lines.
 *
 * Refuses nothing. When there is no room, the oldest command that is no ID is forgotten.
 *
 * Misuse: taking a command that is not found for one that was not sent. It may have been
 * forgotten. */
#include <imapid/pending.h>

#include <string.h>

static bool sends_data_after(enum imapid_word word)
{
    return word == IMAPID_WORD_AUTHENTICATE || word == IMAPID_WORD_IDLE;
}

void imapid_pending_add(struct imapid_pending *pending, const struct imapid_unit *unit,
                        uint64_t order, unsigned slot, bool tentative)
{
    if (pending->n == IMAPID_PENDING_MAX) {
        unsigned oldest = 0;

        while (oldest < IMAPID_PENDING_MAX - 1 && pending->commands[oldest].slot != IMAPID_SLOTS)
            oldest++; /* at most IMAPID_SLOTS of them are IDs */
        imapid_pending_remove(pending, oldest);
    }
    pending->commands[pending->n++] =
        (struct imapid_pending_command){.tag = imapid_unit_tag(unit),
                                        .word = unit->word,
                                        .tentative = tentative,
                                        .sends_data = sends_data_after(unit->word),
                                        .order = order,
                                        .slot = (uint8_t)slot};
}

void imapid_pending_remove(struct imapid_pending *pending, unsigned i)
{
    pending->n--;
    memmove(pending->commands + i, pending->commands + i + 1,
            (pending->n - i) * sizeof pending->commands[0]);
}

void imapid_pending_remove_slot(struct imapid_pending *pending, unsigned slot)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].slot == slot) {
            imapid_pending_remove(pending, i);
            break;
        }
}

void imapid_pending_miss_answers(struct imapid_pending *pending)
{
    for (unsigned i = 0; i < pending->n; i++)
        pending->commands[i].may_be_answered = true;
}

void imapid_pending_settle(struct imapid_pending *pending, uint64_t order)
{
    for (unsigned i = pending->n; i-- > 0;)
        if (pending->commands[i].order < order && pending->commands[i].may_be_answered &&
            pending->commands[i].slot == IMAPID_SLOTS)
            imapid_pending_remove(pending, i);
}

void imapid_pending_forget(struct imapid_pending *pending, enum imapid_word word)
{
    for (unsigned i = pending->n; i-- > 0;)
        if (pending->commands[i].word == word)
            imapid_pending_remove(pending, i);
}

void imapid_pending_distrust(struct imapid_pending *pending)
{
    for (unsigned i = pending->n; i-- > 0;)
        if (pending->commands[i].tentative && pending->commands[i].slot == IMAPID_SLOTS)
            imapid_pending_remove(pending, i);
}

int imapid_pending_find(const struct imapid_pending *pending, const struct imapid_tag *tag)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (imapid_tag_same(&pending->commands[i].tag, tag))
            return (int)i;
    return -1;
}

bool imapid_pending_has(const struct imapid_pending *pending, enum imapid_word word)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].word == word)
            return true;
    return false;
}

bool imapid_pending_sends_data(const struct imapid_pending *pending)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].sends_data)
            return true;
    return false;
}

bool imapid_pending_sends_sasl(const struct imapid_pending *pending)
{
    bool found = false;

    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].sends_data) {
            if (pending->commands[i].word != IMAPID_WORD_AUTHENTICATE)
                return false;
            found = true;
        }
    return found;
}

void imapid_pending_stop_data(struct imapid_pending *pending, enum imapid_word word)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (pending->commands[i].word == word || word == IMAPID_WORD_UNKNOWN)
            pending->commands[i].sends_data = false;
}

void imapid_pending_pass(struct imapid_pending *pending)
{
    imapid_pending_stop_data(pending, IMAPID_WORD_UNKNOWN);
    for (unsigned i = 0; i < pending->n; i++)
        pending->commands[i].is_passed = true;
}

uint64_t imapid_pending_may_be_asked(const struct imapid_pending *pending)
{
    for (unsigned i = 0; i < pending->n; i++)
        if (!pending->commands[i].is_passed &&
            (pending->commands[i].word == IMAPID_WORD_UNKNOWN ||
             pending->commands[i].word == IMAPID_WORD_AUTHENTICATE))
            return pending->commands[i].order;
    return UINT64_MAX;
}
