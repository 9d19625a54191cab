/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/follow/slots.c: exchanges that a real session tells of, to their records, and that
 * nothing is held when they are over. */
#include "follow/slots.h"

#include <string.h>

#define RECORDS_MAX 8

struct run {
    struct imapid_session session;
    struct imapid_slots slots;
    struct imapid_stamp packet;
    unsigned n;
    struct imapid_record_exchange *records[RECORDS_MAX];
};

static void begin(struct run *run)
{
    memset(run, 0, sizeof *run);
    imapid_session_init(&run->session, true, IMAPID_SECURITY_NONE);
}

static void take_events(struct run *run, const struct imapid_unit *unit)
{
    struct imapid_event event;

    while (imapid_session_event(&run->session, &event)) {
        struct imapid_record_exchange *record = imapid_slots_take(
            &run->slots, &event, &run->session.exchanges.slots[event.slot], unit, &run->packet);

        if (!record)
            continue;
        g_assert_cmpuint(run->n, <, RECORDS_MAX);
        run->records[run->n++] = record;
    }
}

/* Whole lines; the octets are gone when it returns. */
static void say(struct run *run, enum imapid_side side, const char *text)
{
    size_t n = strlen(text), at = 0, n_used;
    uint8_t *window = g_memdup2(text, n);

    run->packet.number++;
    for (;;) {
        struct imapid_unit unit = {0};
        enum imapid_session_status status =
            imapid_session_read(&run->session, side, window + at, n - at, &unit, &n_used);

        if (status == IMAPID_SESSION_OTHER_SIDE)
            continue; /* nothing of it is left */
        at += n_used;
        if (status == IMAPID_SESSION_MORE)
            break;
        take_events(run, status == IMAPID_SESSION_UNIT ? &unit : NULL);
    }
    g_assert_cmpuint(at, ==, n);
    g_free(window);
}

static void end(struct run *run)
{
    for (unsigned i = 0; i < run->n; i++)
        imapid_record_exchange_free(run->records[i]);
    g_assert_cmpuint(run->slots.n_octets, ==, 0);
    imapid_slots_clear(&run->slots);
}

static void assert_text(const struct imapid_record_string *string, const char *expected)
{
    g_assert_false(string->is_nil);
    g_assert_cmpmem(string->octets, string->n, expected, strlen(expected));
}

static void test_exchange(void)
{
    static const char command[] = "a1 ID (\"name\" \"Mutt\")\r\n";
    struct run run;
    const struct imapid_record_exchange *record;

    begin(&run);
    say(&run, IMAPID_SERVER, "* OK [CAPABILITY IMAP4rev1 ID] ready\r\n");
    g_assert_cmpuint(run.slots.n_octets, ==, 0);
    say(&run, IMAPID_CLIENT, command);
    g_assert_cmpuint(run.slots.n_octets, ==, sizeof command - 1);
    say(&run, IMAPID_SERVER, "* ID (\"name\" \"Dovecot\" \"os\" NIL)\r\n");
    g_assert_cmpuint(run.n, ==, 0);
    say(&run, IMAPID_SERVER, "a1 OK ID completed.\r\n");
    g_assert_cmpuint(run.n, ==, 1);
    record = run.records[0];
    g_assert_cmpstr(record->tag, ==, "a1");
    g_assert_true(record->complete);
    g_assert_cmpint(record->status, ==, IMAPID_STATUS_OK);
    g_assert_false(record->is_untagged);
    assert_text(&record->text, "ID completed.");
    g_assert_cmpuint(record->command.packet.number, ==, 2);
    g_assert_cmpuint(record->response.packet.number, ==, 3);
    g_assert_cmpuint(record->result.number, ==, 4);
    g_assert_cmpuint(record->command.n_pairs, ==, 1);
    assert_text(&record->command.pairs[0].value, "Mutt");
    g_assert_cmpuint(record->response.n_pairs, ==, 2);
    g_assert_true(record->response.pairs[1].value.is_nil);
    g_assert_cmpint(record->state, ==, IMAPID_STATE_NOT_AUTHENTICATED);
    g_assert_cmpint(record->security, ==, IMAPID_SECURITY_NONE);
    g_assert_cmpuint(record->n_findings, >, 0); /* it was in the clear */
    end(&run);
}

/* Two at a time: each result goes to its own, whatever the order. */
static void test_pipelined(void)
{
    struct run run;

    begin(&run);
    say(&run, IMAPID_SERVER, "* OK ready\r\n");
    say(&run, IMAPID_CLIENT, "a1 ID (\"name\" \"one\")\r\na2 ID (\"name\" \"two\")\r\n");
    say(&run, IMAPID_SERVER, "* ID NIL\r\na1 OK first\r\n* ID NIL\r\na2 NO second\r\n");
    g_assert_cmpuint(run.n, ==, 2);
    g_assert_cmpstr(run.records[0]->tag, ==, "a1");
    assert_text(&run.records[0]->command.pairs[0].value, "one");
    assert_text(&run.records[0]->text, "first");
    g_assert_cmpstr(run.records[1]->tag, ==, "a2");
    assert_text(&run.records[1]->command.pairs[0].value, "two");
    g_assert_cmpint(run.records[1]->status, ==, IMAPID_STATUS_NO);
    end(&run);
}

static void test_untagged(void)
{
    struct run run;

    begin(&run);
    say(&run, IMAPID_SERVER, "* OK ready\r\n");
    say(&run, IMAPID_CLIENT, "a1 ID (\"name\" \"Mutt\")\r\n");
    say(&run, IMAPID_SERVER, "* BAD what is that\r\n");
    g_assert_cmpuint(run.n, ==, 0);
    imapid_session_end(&run.session);
    take_events(&run, NULL);
    g_assert_cmpuint(run.n, ==, 1);
    g_assert_true(run.records[0]->is_untagged);
    g_assert_cmpint(run.records[0]->status, ==, IMAPID_STATUS_BAD);
    assert_text(&run.records[0]->text, "what is that");
    g_assert_false(run.records[0]->response.seen);
    end(&run);
}

static void test_lost(void)
{
    struct run run;

    begin(&run);
    say(&run, IMAPID_SERVER, "* OK ready\r\n");
    say(&run, IMAPID_CLIENT, "a1 ID (\"name\" \"Mutt\")\r\n");
    imapid_session_gap(&run.session, IMAPID_SERVER, 50);
    imapid_session_end(&run.session);
    take_events(&run, NULL);
    g_assert_cmpuint(run.n, ==, 1);
    g_assert_false(run.records[0]->complete);
    g_assert_cmpint(run.records[0]->status, ==, IMAPID_STATUS_NONE);
    end(&run);
}

static struct imapid_unit keep(struct run *run, unsigned slot, enum imapid_event_kind kind,
                               enum imapid_side side, const char *line)
{
    struct imapid_unit unit;
    struct imapid_event event = {.kind = kind, .slot = slot};
    struct imapid_exchange exchange = {.open = true};

    imapid_unit_read(&unit, side, (const uint8_t *)line, strlen(line));
    g_assert_null(imapid_slots_take(&run->slots, &event, &exchange, &unit, &run->packet));
    return unit;
}

static struct imapid_record_exchange *take(struct run *run, enum imapid_event_kind kind,
                                           unsigned slot, unsigned from)
{
    struct imapid_event event = {.kind = kind, .slot = slot, .from = from};
    struct imapid_exchange exchange = {.has_command = true};

    return imapid_slots_take(&run->slots, &event, &exchange, NULL, &run->packet);
}

/* A response that turns out to be that of another command, or none. */
static void test_corrected(void)
{
    struct run run;
    struct imapid_record_exchange *record;

    begin(&run);
    for (unsigned slot = 0; slot < 2; slot++)
        keep(&run, slot, IMAPID_EVENT_COMMAND, IMAPID_CLIENT, "a1 ID NIL\r\n");
    run.packet.number = 9;
    keep(&run, 0, IMAPID_EVENT_RESPONSE, IMAPID_SERVER, "* ID (\"name\" \"Cyrus\")\r\n");
    run.packet.number = 12;
    g_assert_null(take(&run, IMAPID_EVENT_MOVE_RESPONSE, 1, 0));
    record = take(&run, IMAPID_EVENT_END, 0, 0);
    g_assert_false(record->response.seen);
    imapid_record_exchange_free(record);
    record = take(&run, IMAPID_EVENT_END, 1, 0);
    g_assert_true(record->response.seen);
    g_assert_cmpuint(record->response.packet.number, ==, 9);
    assert_text(&record->response.pairs[0].value, "Cyrus");
    imapid_record_exchange_free(record);

    keep(&run, 0, IMAPID_EVENT_COMMAND, IMAPID_CLIENT, "a1 ID NIL\r\n");
    keep(&run, 0, IMAPID_EVENT_RESPONSE, IMAPID_SERVER, "* ID NIL\r\n");
    g_assert_null(take(&run, IMAPID_EVENT_DROP_RESPONSE, 0, 0));
    g_assert_cmpuint(run.slots.n_octets, ==, strlen("a1 ID NIL\r\n"));
    g_assert_null(take(&run, IMAPID_EVENT_DROP, 0, 0));
    end(&run);
}

static void test_clear(void)
{
    struct run run;

    begin(&run);
    for (unsigned slot = 0; slot < IMAPID_SLOTS; slot++)
        keep(&run, slot, IMAPID_EVENT_COMMAND, IMAPID_CLIENT, "a1 ID NIL\r\n");
    g_assert_cmpuint(run.slots.n_octets, ==, IMAPID_SLOTS * strlen("a1 ID NIL\r\n"));
    imapid_slots_clear(&run.slots);
    end(&run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/slots/exchange", test_exchange);
    g_test_add_func("/slots/pipelined", test_pipelined);
    g_test_add_func("/slots/untagged", test_untagged);
    g_test_add_func("/slots/lost", test_lost);
    g_test_add_func("/slots/corrected", test_corrected);
    g_test_add_func("/slots/clear", test_clear);
    return g_test_run();
}
