/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Milestones: which are kept of a long session, in which order, and with how much of their words. */
#include <imapid/outcome.h>

#include <glib.h>

/* Good until the next one. */
static struct imapid_unit make_command(unsigned number)
{
    static char line[32];
    struct imapid_unit unit;

    g_snprintf(line, sizeof line, "a%u NOOP", number);
    imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)line, strlen(line));
    return unit;
}

static struct imapid_tag make_tag(unsigned number)
{
    struct imapid_unit unit = make_command(number);

    return imapid_unit_tag(&unit);
}

static struct imapid_moment at(uint64_t frame)
{
    return (struct imapid_moment){frame, (int64_t)frame * 1000};
}

static void ask(struct imapid_milestones *milestones, unsigned number)
{
    struct imapid_unit unit = make_command(number);
    struct imapid_moment moment = at(2 * number);

    imapid_milestones_ask(milestones, &unit, IMAPID_WORD_NOOP, NULL, &moment);
}

static bool answer(struct imapid_milestones *milestones, unsigned number, enum imapid_word status)
{
    struct imapid_tag tag = make_tag(number);
    struct imapid_moment moment = at(2 * number + 1);

    return imapid_milestones_answer(milestones, &tag, status, &moment, (const uint8_t *)"ok", 2,
                                    false);
}

/* The first ones, the last ones, and between them what was refused. */
static void test_long(void)
{
    struct imapid_milestones milestones = {0};
    GString *frames = g_string_new(NULL);

    for (unsigned i = 1; i <= 1000; i++) {
        ask(&milestones, i);
        g_assert_true(answer(&milestones, i, i == 500 ? IMAPID_WORD_NO : IMAPID_WORD_OK));
    }
    for (unsigned i = 0; i < milestones.n; i++)
        g_string_append_printf(frames, "%u ", (unsigned)milestones.list[i].asked.frame);
    g_assert_cmpstr(frames->str, ==, "2 4 6 8 10 12 1000 1992 1994 1996 1998 2000 ");
    g_assert_cmpuint(milestones.n_left_out, ==, 1000 - IMAPID_MILESTONES_MAX);
    g_assert_cmpuint(milestones.n_before, ==, IMAPID_MILESTONES_FIRST);
    g_string_free(frames, TRUE);
}

/* Refusals alone: the oldest of them go. */
static void test_refused(void)
{
    struct imapid_milestones milestones = {0};

    for (unsigned i = 1; i <= 100; i++) {
        ask(&milestones, i);
        answer(&milestones, i, IMAPID_WORD_NO);
    }
    g_assert_cmpuint(milestones.n, ==, IMAPID_MILESTONES_MAX);
    g_assert_cmpuint(milestones.list[IMAPID_MILESTONES_FIRST].asked.frame, ==, 190);
    g_assert_cmpuint(milestones.list[IMAPID_MILESTONES_MAX - 1].asked.frame, ==, 200);
}

static void test_answers(void)
{
    struct imapid_milestones milestones = {0};
    uint8_t text[IMAPID_MILESTONE_TEXT_MAX + 1];
    struct imapid_tag tag = make_tag(1);
    struct imapid_moment moment = at(9);

    memset(text, 'x', sizeof text);
    g_assert_false(answer(&milestones, 1, IMAPID_WORD_OK)); /* nobody asked */
    ask(&milestones, 1);
    g_assert_true(imapid_milestones_answer(&milestones, &tag, IMAPID_WORD_BAD, &moment, text,
                                           sizeof text, false));
    g_assert_true(milestones.list[0].is_cut);
    g_assert_cmpuint(milestones.list[0].n_text, ==, IMAPID_MILESTONE_TEXT_MAX);
    g_assert_false(answer(&milestones, 1, IMAPID_WORD_OK)); /* it has its answer */
    ask(&milestones, 1);                                    /* the tag once more */
    g_assert_true(answer(&milestones, 1, IMAPID_WORD_OK));
    g_assert_cmpint(milestones.list[0].status, ==, IMAPID_WORD_BAD);
    g_assert_cmpint(milestones.list[1].status, ==, IMAPID_WORD_OK);
    g_assert_cmpuint(milestones.list[1].answered_order, >, milestones.list[1].asked_order);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milestones/long", test_long);
    g_test_add_func("/milestones/refused", test_refused);
    g_test_add_func("/milestones/answers", test_answers);
    return g_test_run();
}
