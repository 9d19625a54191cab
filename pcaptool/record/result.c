/* SPDX-License-Identifier: GPL-2.0-or-later */
/* result.c: the result of a connection in a few words, for a column that is never cut.
 *
 * Refuses nothing: a status that is not known, as JSON Lines may have one, went wrong in a way
 * without words.
 *
 * Misuse: words for machines. They may change; `outcome` in the records does not. */
#include "record/result.h"

#include "number.h"

#include <string.h>

/* Warnings that are counted: more are "99+". */
#define WARNINGS_MAX 99u

static const struct {
    const char *words;
    const char *many; /* behind a number that is not 1; NULL: the same words */
    const char *one;  /* behind 1; NULL: the same words */
} results[IMAPID_N_RESULTS] = {
    [IMAPID_RESULT_OK] = {"ok", NULL, NULL},
    [IMAPID_RESULT_NO_ID] = {"no ID sent", NULL, NULL},
    [IMAPID_RESULT_NONE_SEEN] = {"no ID seen", NULL, NULL},
    [IMAPID_RESULT_UNANSWERED] = {"no answer to ID", "without an answer to ID",
                                  "without an answer to ID"},
    [IMAPID_RESULT_INCOMPLETE] = {"ID incomplete", NULL, NULL},
    [IMAPID_RESULT_DOUBTED] = {"ok, in doubt", "in doubt", "in doubt"},
    [IMAPID_RESULT_WARNED] = {"ok", "with warnings", "with a warning"},
    [IMAPID_RESULT_NO_LOGIN] = {"no login", "without a login", "without a login"},
    [IMAPID_RESULT_CAPTURE_ENDS] = {"capture ends", "without their end", "without its end"},
    [IMAPID_RESULT_ONE_SIDE] = {"one side only", "with one side only", "with one side only"},
    [IMAPID_RESULT_NO_KEY] = {"not read: no key", NULL, NULL},
    [IMAPID_RESULT_UNREAD] = {"not read", NULL, NULL},
    [IMAPID_RESULT_BROKEN] = {"breaks RFC 2971", "lists break RFC 2971", "list breaks RFC 2971"},
    [IMAPID_RESULT_LOGIN] = {"login refused", "logins refused", NULL},
    [IMAPID_RESULT_MAILBOX] = {"mailbox refused", "mailboxes refused", NULL},
    [IMAPID_RESULT_ID] = {"ID refused", "IDs refused", NULL},
    [IMAPID_RESULT_STARTTLS] = {"STARTTLS refused", NULL, NULL},
    [IMAPID_RESULT_COMMAND] = {"command refused", "commands refused", NULL},
    [IMAPID_RESULT_GREETING] = {"service refused", "services refused", NULL},
    [IMAPID_RESULT_TLS] = {"TLS failed", NULL, NULL},
    [IMAPID_RESULT_CERTIFICATE] = {"bad certificate", "bad certificates", NULL},
    [IMAPID_RESULT_NO_STARTTLS] = {"no STARTTLS", "without STARTTLS", "without STARTTLS"},
    [IMAPID_RESULT_TLS_ON_PLAIN] = {"port without TLS", "ports without TLS", NULL},
    [IMAPID_RESULT_PLAIN_ON_TLS] = {"plain, not TLS", "plain instead of TLS",
                                    "plain instead of TLS"},
    [IMAPID_RESULT_DEFLATE] = {"bad deflate data", "with bad deflate data",
                               "with bad deflate data"},
    [IMAPID_RESULT_NOT_IMAP] = {"not IMAP", NULL, NULL},
    [IMAPID_RESULT_PORT_CLOSED] = {"port closed", "ports closed", NULL},
    [IMAPID_RESULT_PROHIBITED] = {"prohibited", NULL, NULL},
    [IMAPID_RESULT_UNREACHABLE] = {"unreachable", NULL, NULL},
    [IMAPID_RESULT_TIMEOUT] = {"timed out", NULL, NULL},
    [IMAPID_RESULT_STALLED] = {"window closed", "windows closed", NULL},
    [IMAPID_RESULT_LOST] = {"packets lost", "with packets lost", "with packets lost"},
    [IMAPID_RESULT_CLOSED_BY_CLIENT] = {"closed by client", NULL, NULL},
    [IMAPID_RESULT_CLOSED_BY_SERVER] = {"closed by server", NULL, NULL},
    [IMAPID_RESULT_RESET_BY_CLIENT] = {"reset by client", NULL, NULL},
    [IMAPID_RESULT_RESET_BY_SERVER] = {"reset by server", NULL, NULL},
    [IMAPID_RESULT_RESET_BY_NETWORK] = {"reset by network", NULL, NULL},
    [IMAPID_RESULT_WRONG] = {"went wrong", "went wrong otherwise", "went wrong otherwise"},
};

/* ---- what went wrong ---- */

static enum imapid_result name_refusal(enum imapid_stage stage)
{
    switch (stage) {
    case IMAPID_STAGE_GREETING:
        return IMAPID_RESULT_GREETING;
    case IMAPID_STAGE_TLS:
        return IMAPID_RESULT_TLS;
    case IMAPID_STAGE_STARTTLS:
        return IMAPID_RESULT_STARTTLS;
    case IMAPID_STAGE_LOGIN:
        return IMAPID_RESULT_LOGIN;
    case IMAPID_STAGE_ID:
        return IMAPID_RESULT_ID;
    case IMAPID_STAGE_SELECT:
        return IMAPID_RESULT_MAILBOX;
    default:
        return IMAPID_RESULT_COMMAND;
    }
}

static enum imapid_result name_end(enum imapid_party party, bool is_reset)
{
    switch (party) {
    case IMAPID_PARTY_CLIENT:
        return is_reset ? IMAPID_RESULT_RESET_BY_CLIENT : IMAPID_RESULT_CLOSED_BY_CLIENT;
    case IMAPID_PARTY_SERVER:
        return is_reset ? IMAPID_RESULT_RESET_BY_SERVER : IMAPID_RESULT_CLOSED_BY_SERVER;
    case IMAPID_PARTY_NETWORK:
        return is_reset ? IMAPID_RESULT_RESET_BY_NETWORK : IMAPID_RESULT_WRONG;
    default:
        return IMAPID_RESULT_WRONG;
    }
}

/* Statuses that mean one thing, wherever they stand. `is_news`: the words of the result do not say it. */
static const struct {
    const char *status;
    enum imapid_result result;
    bool is_news;
} statuses[] = {
    {"not-offered", IMAPID_RESULT_NO_STARTTLS, false},
    {"tls-on-plain-port", IMAPID_RESULT_TLS_ON_PLAIN, false},
    {"plain-on-tls-port", IMAPID_RESULT_PLAIN_ON_TLS, false},
    {"bad-deflate", IMAPID_RESULT_DEFLATE, false},
    {"refused", IMAPID_RESULT_PORT_CLOSED, false},
    {"prohibited", IMAPID_RESULT_PROHIBITED, false},
    {"unreachable", IMAPID_RESULT_UNREACHABLE, false},
    {"timeout", IMAPID_RESULT_TIMEOUT, false},
    {"zero-window", IMAPID_RESULT_STALLED, false},
    {"retransmissions", IMAPID_RESULT_LOST, false},
    {"BYE", IMAPID_RESULT_CLOSED_BY_SERVER, true},
    {"capture-ends", IMAPID_RESULT_CAPTURE_ENDS, false},
    {"server-side-missing", IMAPID_RESULT_ONE_SIDE, true},
    {"client-side-missing", IMAPID_RESULT_ONE_SIDE, true},
    {"no-key", IMAPID_RESULT_NO_KEY, true},
};

bool imapid_result_tells(const char *status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (!strcmp(status, statuses[i].status))
            return !statuses[i].is_news;
    return !strcmp(status, "FIN") || !strcmp(status, "RST");
}

enum imapid_result imapid_result_of_outcome(const struct imapid_record_outcome *outcome)
{
    const char *status = outcome->status;

    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (!strcmp(status, statuses[i].status))
            return statuses[i].result;
    if (!strcmp(status, "NO") || !strcmp(status, "BAD"))
        return name_refusal(outcome->stopped_at);
    if (!strcmp(status, "RST"))
        return name_end(outcome->by, true);
    if (!strcmp(status, "FIN") || !strcmp(status, "close_notify"))
        return name_end(outcome->by, false);
    if (g_str_has_prefix(status, "not-imap:"))
        return IMAPID_RESULT_NOT_IMAP;
    if (imapid_verdict_refuses_certificate(status))
        return IMAPID_RESULT_CERTIFICATE;
    return outcome->stopped_at == IMAPID_STAGE_TLS || imapid_verdict_is_alert(status)
               ? IMAPID_RESULT_TLS
               : IMAPID_RESULT_WRONG;
}

/* ---- the worst ---- */

static enum imapid_result name_unread(const struct imapid_record_session *session)
{
    return !strcmp(session->not_decrypted, "no-key") ? IMAPID_RESULT_NO_KEY : IMAPID_RESULT_UNREAD;
}

static bool has_one_side(const struct imapid_record_session *session)
{
    const char *status = session->outcome.status;

    return status &&
           (!strcmp(status, "server-side-missing") || !strcmp(status, "client-side-missing"));
}

/* The client left before it logged in, and why it does not say. */
static bool has_no_login(const struct imapid_record_session *session)
{
    const struct imapid_record_outcome *outcome = &session->outcome;

    return outcome->status && session->healthy == IMAPID_UNKNOWN &&
           outcome->stopped_at == IMAPID_STAGE_LOGIN && outcome->by == IMAPID_PARTY_CLIENT;
}

/* Where nothing went wrong. */
static enum imapid_result name_good(const struct imapid_result_facts *facts)
{
    if (!facts->has_id)
        /* Exchanges that it counts may not be among the records. */
        return facts->session && !facts->session->n_exchanges &&
                       imapid_record_is_whole(facts->session)
                   ? IMAPID_RESULT_NO_ID
                   : IMAPID_RESULT_NONE_SEEN;
    if (!facts->is_complete)
        return IMAPID_RESULT_INCOMPLETE;
    return facts->is_answered ? IMAPID_RESULT_OK : IMAPID_RESULT_UNANSWERED;
}

enum imapid_result imapid_result_of(const struct imapid_result_facts *facts)
{
    const struct imapid_record_session *session = facts->session;

    if (session && session->healthy == IMAPID_NO && session->outcome.status)
        return imapid_result_of_outcome(&session->outcome);
    if (facts->n_errors)
        return IMAPID_RESULT_BROKEN;
    if (facts->is_refused)
        return IMAPID_RESULT_ID;
    if (session && session->not_decrypted)
        return name_unread(session);
    if (session && has_one_side(session) && !facts->has_id)
        return IMAPID_RESULT_ONE_SIDE;
    if (session && has_no_login(session) && !facts->has_id)
        return IMAPID_RESULT_NO_LOGIN;
    if (session && imapid_doubts_is_of_content(&session->conn.doubts))
        return IMAPID_RESULT_DOUBTED;
    enum imapid_result good = name_good(facts);
    return facts->n_warnings && good == IMAPID_RESULT_OK ? IMAPID_RESULT_WARNED : good;
}

/* ---- words ---- */

enum imapid_mark imapid_result_mark(enum imapid_result result)
{
    return result >= IMAPID_RESULT_BROKEN     ? IMAPID_MARK_WRONG
           : result >= IMAPID_RESULT_NO_LOGIN ? IMAPID_MARK_UNREAD
           : result >= IMAPID_RESULT_DOUBTED  ? IMAPID_MARK_WARNING
                                              : IMAPID_MARK_GOOD;
}

void imapid_result_spell(GString *out, enum imapid_result result, unsigned n_warnings)
{
    g_string_append(out, results[result].words);
    if (result == IMAPID_RESULT_WARNED)
        g_string_append_printf(out, ", %u%s warning%s", MIN(n_warnings, WARNINGS_MAX),
                               n_warnings > WARNINGS_MAX ? "+" : "", imapid_number_s(n_warnings));
}

void imapid_result_spell_count(GString *out, enum imapid_result result, uint64_t n)
{
    const char *words = n == 1 ? results[result].one : results[result].many;

    g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s", n,
                           words ? words : results[result].words);
}
