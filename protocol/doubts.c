/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doubts.c: doubts, counted by their kind, and the first frames of each.
 *
 * Refuses nothing. Misuse: a code that is in no table. */
#include <imapid/doubts.h>

#include <stddef.h>

static const struct {
    const char *code, *message;
    enum imapid_doubt_kind kind;
} table[] = {
#define IMAPID_DOUBT(symbol, code, kind, message) {code, message, IMAPID_DOUBT_OF_##kind},
#include <imapid/doubts.def>
#undef IMAPID_DOUBT
};

void imapid_doubts_add(struct imapid_doubts *doubts, enum imapid_doubt doubt, uint64_t frame)
{
    unsigned n = imapid_doubts_count_frames(doubts, doubt);

    if (n && doubts->of[doubt].frames[n - 1] == frame) /* one packet, for two reasons */
        return;
    if (n < IMAPID_DOUBT_FRAMES)
        doubts->of[doubt].frames[n] = frame;
    doubts->of[doubt].n++;
}

unsigned imapid_doubts_count_frames(const struct imapid_doubts *doubts, enum imapid_doubt doubt)
{
    uint64_t n = doubts->of[doubt].n;

    return n < IMAPID_DOUBT_FRAMES ? (unsigned)n : IMAPID_DOUBT_FRAMES;
}

bool imapid_doubts_has_any(const struct imapid_doubts *doubts)
{
    for (int i = 0; doubts && i < IMAPID_N_DOUBTS; i++)
        if (doubts->of[i].n)
            return true;
    return false;
}

bool imapid_doubts_has(const struct imapid_doubts *doubts, enum imapid_doubt_kind kind)
{
    for (int i = 0; i < IMAPID_N_DOUBTS; i++)
        if (doubts->of[i].n && table[i].kind == kind)
            return true;
    return false;
}

bool imapid_doubts_is_of_content(const struct imapid_doubts *doubts)
{
    return imapid_doubts_has(doubts, IMAPID_DOUBT_OF_OTHERS) ||
           imapid_doubts_has(doubts, IMAPID_DOUBT_OF_MISSING);
}

const char *imapid_doubt_code(enum imapid_doubt doubt)
{
    return table[doubt].code;
}

const char *imapid_doubt_message(enum imapid_doubt doubt)
{
    return table[doubt].message;
}
