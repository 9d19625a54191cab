/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exchanges by themselves: which response belongs to which command, and what is believed. What whole
 * sessions make of it is in test-session.c. */
#include <imapid/exchanges.h>

#include <glib.h>
#include <string.h>

/* A script, a line each: "C: ..." and "S: ..." are lines of either side, "C? ..." and "S? ..." such as
 * stand behind a hole; "C!" and "S!" is a hole. What is left unread at the end ends. Returns the
 * events: C command, R response, X extra, U untagged, T result (with its status), E end, D drop,
 * d dropped response, m moved response; behind each its slot. */
static char *play(struct imapid_exchanges *x, const char *script)
{
    static const char kinds[] = "CRXTUEdmD";
    static const char *const statuses[] = {"", "ok", "no", "bad", "bye"};
    char **lines = g_strsplit(script, "\n", -1);
    GString *log = g_string_new(NULL);
    struct imapid_event event;

    for (unsigned i = 0; i < g_strv_length(lines) + 1; i++) {
        const char *line = lines[i];
        enum imapid_side side = line && line[0] == 'S' ? IMAPID_SERVER : IMAPID_CLIENT;
        bool tentative = line && line[0] && line[1] == '?';
        struct imapid_unit unit;
        int pending;

        if (line && line[0] && line[1] == '!') {
            if (side == IMAPID_CLIENT)
                imapid_exchanges_miss_commands(x);
            else
                imapid_exchanges_miss_answers(x, false);
        } else if (line) {
            struct imapid_tag tag;

            x->seen[side] = true;
            imapid_unit_read(&unit, side, (const uint8_t *)line + 3, strlen(line + 3));
            tag = imapid_unit_tag(&unit);
            pending = imapid_exchanges_find_answered(x, &tag);
            if (unit.kind == IMAPID_UNIT_COMMAND && unit.word == IMAPID_WORD_ID)
                imapid_exchanges_command(x, &unit, tentative);
            else if (unit.kind == IMAPID_UNIT_COMMAND)
                imapid_exchanges_other_command(x, &unit, tentative);
            else if (unit.kind == IMAPID_UNIT_UNTAGGED && unit.word == IMAPID_WORD_ID)
                imapid_exchanges_response(x, &unit, tentative);
            else if (unit.kind == IMAPID_UNIT_UNTAGGED)
                imapid_exchanges_untagged(x, &unit);
            else if (pending >= 0)
                imapid_exchanges_answer(x, (unsigned)pending, imapid_status_read(&unit));
            else
                imapid_exchanges_strange_answer(x, &tag, imapid_status_read(&unit));
            if (!(unit.kind == IMAPID_UNIT_UNTAGGED && unit.word == IMAPID_WORD_ID) &&
                side == IMAPID_SERVER)
                x->last_response = IMAPID_SLOTS;
        } else {
            imapid_exchanges_end(x);
        }
        while (imapid_exchanges_event(x, &event)) {
            g_assert_cmpuint(event.kind, <, sizeof kinds - 1);
            g_string_append_printf(log, "%s%c%u", log->len ? " " : "", kinds[event.kind],
                                   event.slot);
            if (event.kind == IMAPID_EVENT_RESULT)
                g_string_append(log, statuses[x->slots[event.slot].status]);
        }
    }
    g_strfreev(lines);
    return g_string_free(log, FALSE);
}

static struct imapid_exchanges x;

static void check(bool from_start, const char *script, const char *want)
{
    char *log;

    imapid_exchanges_init(&x, from_start, IMAPID_SECURITY_NONE);
    x.sync[0] = x.sync[1] = IMAPID_SYNC_SURE;
    log = play(&x, script);
    g_assert_cmpstr(log, ==, want);
    g_free(log);
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        g_assert_false(x.slots[i].open);
}

#define PAIR "(\"name\" \"x\")"

static void test_in_order(void)
{
    check(true, "C: a1 ID NIL\nS: * ID NIL\nS: a1 OK", "C0 R0 T0ok");
    check(true, "C: a1 ID NIL\nC: a2 ID NIL\nS: * ID NIL\nS: a1 OK\nS: * ID NIL\nS: a2 NO",
          "C0 C1 R0 T0ok R1 T1no");
    check(true, "C: a1 NOOP\nC: a2 ID NIL\nS: a1 OK\nS: a2 BAD", "C0 T0bad");
    check(true, "C: a1 ID NIL\nS: * ID NIL\nS: * ID NIL\nS: a1 OK", "C0 R0 X0 T0ok");
    g_assert_true(x.slots[0].has_extra);
    g_assert_cmpuint(x.n_id_commands, ==, 1);
    check(true, "C: a1 ID NIL", "C0 E0");
    g_assert_true(x.slots[0].lost); /* nobody was there to answer */
}

static void test_unsolicited(void)
{
    check(true, "C: a1 NOOP\nS: * ID NIL\nS: a1 OK", "R0 E0");
    g_assert_true(x.slots[0].unsolicited);
    check(true, "C: a1 NOOP\nC!\nS: * ID NIL\nS: a9 OK", "R0 T0ok");
    g_assert_false(x.slots[0].unsolicited);
    g_assert_true(x.slots[0].lost);
    check(false, "S: * ID NIL\nS: a9 OK", "R0 T0ok");
    g_assert_false(x.slots[0].unsolicited);
}

static void test_untagged(void)
{
    check(true, "C: a1 ID NIL\nS: * BYE x", "C0 U0 E0");
    g_assert_cmpint(x.slots[0].untagged_status, ==, IMAPID_STATUS_BYE);
    check(true, "C: a1 ID NIL\nC: a2 NOOP\nS: * BAD x", "C0 E0"); /* whose is it? */
    check(true, "C: a1 ID NIL\nC: a2 LOGOUT\nS: * BYE x\nS: a1 OK", "C0 T0ok");
}

/* Behind a hole. */
static void test_belief(void)
{
    /* Its tagged response confirms a command and its response, and no earlier ones. */
    check(true, "C: a0 NOOP\nC!\nC? a1 ID " PAIR "\nS: * ID " PAIR "\nS: a1 OK", "C0 R0 T0ok");
    check(true, "C: a0 NOOP\nS: a0 OK\nC!\nC? a1 ID " PAIR "\nC? a2 ID " PAIR "\nS: a2 OK",
          "C0 C1 D0 T1ok");
    /* Nothing ever does. */
    check(true, "S: * OK\nC: a0 NOOP\nC!\nC? a1 ID " PAIR, "C0 D0");
    /* Prose is no command, and takes along what stood before it. */
    check(true, "S: * OK\nC!\nC? a1 ID " PAIR "\nC? the ID is", "C0 D0");
    /* A response right before the answer to another command is a line; farther back it is none. */
    check(true, "C: a1 NOOP\nS!\nS? * ID " PAIR "\nS: a1 OK", "R0 E0");
    check(true, "C: a1 NOOP\nS!\nS? * ID " PAIR "\nS: * 1 EXISTS\nS: a1 OK", "R0 D0");
    /* That of the later command, where the earlier one's answer is missing. */
    check(true, "C: a1 ID NIL\nC: a2 ID NIL\nS!\nS? * ID " PAIR "\nS: a2 OK",
          "C0 C1 R0 m1 E0 T1ok");
}

static void test_stands(void)
{
    static const bool both[2] = {true, true}, client[2] = {true, false}, server[2] = {false, true};
    struct imapid_exchange exchange = {.tentative = true, .response_tentative = true};

    g_assert_false(imapid_exchange_stands(&exchange, both));
    g_assert_true(imapid_exchange_stands(&exchange, client)); /* nobody could confirm it */
    g_assert_false(imapid_exchange_response_stands(&exchange, both));
    g_assert_false(imapid_exchange_response_stands(&exchange, server));
    exchange.status = IMAPID_STATUS_OK;
    g_assert_true(imapid_exchange_response_stands(&exchange, server));
    g_assert_false(imapid_exchange_response_stands(&exchange, both));
    exchange.tentative = exchange.response_tentative = false;
    g_assert_true(imapid_exchange_stands(&exchange, both));
    g_assert_true(imapid_exchange_response_stands(&exchange, both));
}

/* One more than there is room for: the oldest ends, and what may be mixed up is said. */
static void test_too_many(void)
{
    GString *script = g_string_new("C: a0 ID NIL");
    char *log;

    for (unsigned i = 1; i < IMAPID_SLOTS; i++)
        g_string_append_printf(script, "\nC: a%u ID NIL", i);
    imapid_exchanges_init(&x, true, IMAPID_SECURITY_NONE);
    x.sync[0] = x.sync[1] = IMAPID_SYNC_SURE;
    x.seen[IMAPID_SERVER] = true;
    log = play(&x, script->str);
    g_assert_true(g_str_has_prefix(log, "C0 C1 C2 C3 C4 C5 C6 E0 C7 E1"));
    for (unsigned i = 0; i < IMAPID_SLOTS; i++)
        g_assert_true(x.slots[i].lost);
    g_assert_false(imapid_exchanges_know_commands(&x));
    g_free(log);
    g_string_free(script, TRUE);
}

static void test_pending(void)
{
    static struct imapid_pending pending;
    struct imapid_unit unit;
    struct imapid_tag tag;

    memset(&pending, 0, sizeof pending);
    imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)"i ID NIL", 8);
    imapid_pending_add(&pending, &unit, 1, 0, false);
    for (unsigned i = 0; i < 2 * IMAPID_PENDING_MAX; i++) {
        imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)"n NOOP", 6);
        imapid_pending_add(&pending, &unit, 2 + i, IMAPID_SLOTS, false);
    }
    g_assert_cmpuint(pending.n, ==, IMAPID_PENDING_MAX);
    g_assert_cmpuint(pending.commands[0].slot, ==, 0); /* the ID stays */
    tag = imapid_unit_tag(&unit);
    g_assert_cmpint(imapid_pending_find(&pending, &tag), ==, 1); /* the oldest of the same tag */
    g_assert_false(imapid_pending_sends_data(&pending));
    imapid_unit_read(&unit, IMAPID_CLIENT, (const uint8_t *)"i IDLE", 6);
    imapid_pending_add(&pending, &unit, 99, IMAPID_SLOTS, false);
    g_assert_true(imapid_pending_sends_data(&pending));
    g_assert_false(imapid_pending_sends_sasl(&pending));
    imapid_pending_stop_data(&pending, IMAPID_WORD_IDLE);
    g_assert_false(imapid_pending_sends_data(&pending));
    imapid_pending_remove_slot(&pending, 0);
    g_assert_cmpuint(pending.n, ==, IMAPID_PENDING_MAX - 1);
    g_assert_cmpuint(imapid_pending_may_be_asked(&pending), ==, UINT64_MAX);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchanges/in-order", test_in_order);
    g_test_add_func("/exchanges/unsolicited", test_unsolicited);
    g_test_add_func("/exchanges/untagged", test_untagged);
    g_test_add_func("/exchanges/belief", test_belief);
    g_test_add_func("/exchanges/stands", test_stands);
    g_test_add_func("/exchanges/too-many", test_too_many);
    g_test_add_func("/exchanges/pending", test_pending);
    return g_test_run();
}
