/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The result of a connection in words: the worst that is known, never wider than its column. */
#include "record/result.h"
#include "record/width.h"
#include "sample.h"

#include <string.h>

static void assert_words(enum imapid_result result, unsigned n_warnings, const char *words)
{
    GString *out = g_string_new(NULL);

    imapid_result_spell(out, result, n_warnings);
    g_assert_cmpuint(out->len, >, 0);
    g_assert_cmpuint(imapid_width_measure(out->str, out->len), <=, IMAPID_RESULT_COLUMNS);
    if (words)
        g_assert_cmpstr(out->str, ==, words);
    g_string_free(out, TRUE);
}

static void test_words(void)
{
    for (int i = 0; i < IMAPID_N_RESULTS; i++)
        assert_words((enum imapid_result)i, UINT_MAX, NULL);
    assert_words(IMAPID_RESULT_WARNED, 1, "ok, 1 warning");
    assert_words(IMAPID_RESULT_WARNED, 99, "ok, 99 warnings");
    assert_words(IMAPID_RESULT_WARNED, 100, "ok, 99+ warnings");
}

static enum imapid_result judge(const char *status, enum imapid_stage stage,
                                enum imapid_party party)
{
    struct imapid_record_session session = sample_session();
    struct imapid_result_facts facts = {.session = &session};

    session.healthy = IMAPID_NO;
    session.outcome.status = status;
    session.outcome.stopped_at = stage;
    session.outcome.by = party;
    return imapid_result_of(&facts);
}

static void test_wrong(void)
{
    static const struct {
        const char *status;
        enum imapid_stage stage;
        enum imapid_party party;
        const char *words;
    } all[] = {
        {"NO", IMAPID_STAGE_LOGIN, IMAPID_PARTY_SERVER, "login refused"},
        {"BAD", IMAPID_STAGE_SELECT, IMAPID_PARTY_SERVER, "mailbox refused"},
        {"BYE", IMAPID_STAGE_IDLE, IMAPID_PARTY_SERVER, "closed by server"},
        {"RST", IMAPID_STAGE_COMMAND, IMAPID_PARTY_NETWORK, "reset by network"},
        {"FIN", IMAPID_STAGE_GREETING, IMAPID_PARTY_CLIENT, "closed by client"},
        {"close_notify", IMAPID_STAGE_LOGIN, IMAPID_PARTY_SERVER, "closed by server"},
        {"unknown_ca", IMAPID_STAGE_TLS, IMAPID_PARTY_CLIENT, "bad certificate"},
        {"bad_certificate_hash_value", IMAPID_STAGE_TLS, IMAPID_PARTY_CLIENT, "bad certificate"},
        {"certificate_required", IMAPID_STAGE_TLS, IMAPID_PARTY_SERVER, "TLS failed"},
        {"protocol_version", IMAPID_STAGE_TLS, IMAPID_PARTY_SERVER, "TLS failed"},
        {"not-imap:pop3", IMAPID_STAGE_GREETING, IMAPID_PARTY_SERVER, "not IMAP"},
        {"unreachable", IMAPID_STAGE_CONNECT, IMAPID_PARTY_NETWORK, "unreachable"},
        {"refused", IMAPID_STAGE_CONNECT, IMAPID_PARTY_SERVER, "port closed"},
        {"no such status", IMAPID_STAGE_LOGIN, IMAPID_PARTY_UNKNOWN, "went wrong"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        enum imapid_result result = judge(all[i].status, all[i].stage, all[i].party);

        assert_words(result, 0, all[i].words);
        g_assert_cmpint(imapid_result_mark(result), ==, IMAPID_MARK_WRONG);
    }
}

/* What the capture does not show is no fault of the peers. */
static void test_unseen(void)
{
    static const char *const statuses[] = {"capture-ends", "server-side-missing", "no-key"};

    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        g_assert_cmpint(
            imapid_result_mark(judge(statuses[i], IMAPID_STAGE_LOGIN, IMAPID_PARTY_CAPTURE)), ==,
            IMAPID_MARK_UNREAD);
}

/* Each that is added outranks what was known before. */
static void test_worst(void)
{
    struct imapid_record_session session = sample_session();
    struct imapid_result_facts facts = {
        .session = &session, .has_id = true, .is_answered = true, .is_complete = true};

    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_OK);
    facts.is_answered = false;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_UNANSWERED);
    facts.is_complete = false;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_INCOMPLETE);
    facts.n_warnings = 1; /* no "ok, 1 warning" of what was not seen */
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_INCOMPLETE);
    facts.is_answered = facts.is_complete = true;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_WARNED);
    imapid_doubts_add(&session.conn.doubts, (enum imapid_doubt)0, 1);
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_DOUBTED);
    session.not_decrypted = "no-key";
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_NO_KEY);
    facts.is_refused = true;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_ID);
    facts.n_errors = 1;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_BROKEN);
    session.healthy = IMAPID_NO;
    session.outcome.status = "NO";
    session.outcome.stopped_at = IMAPID_STAGE_SELECT;
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_MAILBOX);
    /* Nothing is known of it. */
    facts = (struct imapid_result_facts){NULL, false, false, false, false, 0, 0};
    g_assert_cmpint(imapid_result_of(&facts), ==, IMAPID_RESULT_NONE_SEEN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/result/words", test_words);
    g_test_add_func("/result/wrong", test_wrong);
    g_test_add_func("/result/unseen", test_unseen);
    g_test_add_func("/result/worst", test_worst);
    return g_test_run();
}
