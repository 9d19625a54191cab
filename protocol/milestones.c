/* SPDX-License-Identifier: GPL-2.0-or-later */
/* milestones.c: keeps a session's milestones, a bounded number.
 *
 * Refuses nothing. Misuse: handing in words of the server that may repeat a password; outcome.c knows
 * which do. */
#include <imapid/milestones.h>

static bool is_refused(const struct imapid_milestone *milestone)
{
    return milestone->status == IMAPID_WORD_NO || milestone->status == IMAPID_WORD_BAD;
}

/* Makes room: of those behind the first ones the oldest goes, refusals last. */
static void leave_one_out(struct imapid_milestones *milestones)
{
    unsigned at = IMAPID_MILESTONES_FIRST;

    /* The newest two are what a session ends with. */
    while (at < milestones->n - 2 && is_refused(&milestones->list[at]))
        at++;
    if (at == milestones->n - 2)
        at = IMAPID_MILESTONES_FIRST;
    milestones->n--;
    memmove(milestones->list + at, milestones->list + at + 1,
            (milestones->n - at) * sizeof milestones->list[0]);
    milestones->n_left_out++;
    milestones->n_before = IMAPID_MILESTONES_FIRST;
}

static struct imapid_milestone *add(struct imapid_milestones *milestones, enum imapid_word word)
{
    struct imapid_milestone *milestone;

    if (milestones->n == IMAPID_MILESTONES_MAX)
        leave_one_out(milestones);
    milestone = &milestones->list[milestones->n++];
    memset(milestone, 0, sizeof *milestone);
    milestone->word = word;
    return milestone;
}

static void keep_text(struct imapid_milestone *milestone, const uint8_t *text, size_t n,
                      bool is_cut)
{
    milestone->is_cut = is_cut || n > sizeof milestone->text;
    milestone->n_text = (uint8_t)(n < sizeof milestone->text ? n : sizeof milestone->text);
    if (milestone->n_text)
        memcpy(milestone->text, text, milestone->n_text);
}

void imapid_milestones_say(struct imapid_milestones *milestones, enum imapid_word word,
                           const struct imapid_moment *at, const uint8_t *text, size_t n,
                           bool is_cut)
{
    struct imapid_milestone *milestone = add(milestones, word);

    milestone->answered = *at;
    milestone->answered_order = ++milestones->order;
    keep_text(milestone, text, n, is_cut);
}

void imapid_milestones_ask(struct imapid_milestones *milestones, const struct imapid_unit *unit,
                           enum imapid_word word, const char *argument,
                           const struct imapid_moment *at)
{
    struct imapid_milestone *milestone = add(milestones, word);

    milestone->tag = imapid_unit_tag(unit);
    milestone->n_tag = (uint8_t)unit->tag.n;
    memcpy(milestone->tag_head, unit->data + unit->tag.offset,
           unit->tag.n < sizeof milestone->tag_head ? unit->tag.n : sizeof milestone->tag_head);
    milestone->argument = argument;
    milestone->asked = *at;
    milestone->asked_order = ++milestones->order;
}

bool imapid_milestones_answer(struct imapid_milestones *milestones, const struct imapid_tag *tag,
                              enum imapid_word status, const struct imapid_moment *at,
                              const uint8_t *text, size_t n, bool is_cut)
{
    for (unsigned i = milestones->n; i-- > 0;) {
        struct imapid_milestone *milestone = &milestones->list[i];

        if (!milestone->n_tag || milestone->status || !imapid_tag_same(&milestone->tag, tag))
            continue;
        milestone->status = status;
        milestone->answered = *at;
        milestone->answered_order = ++milestones->order;
        keep_text(milestone, text, n, is_cut);
        return true;
    }
    return false;
}
