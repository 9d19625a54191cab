/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.c: where a connection stopped, and why.
 *
 * First causes come before what follows of them: what the server said before who closed, an alert
 * before the FIN behind it, a FIN before the alert that answers it.
 *
 * Refuses: nothing. Misuse: judging a connection that goes on. */
#include <imapid/verdict.h>

#include <string.h>

#include <imapid/hello.h>

static void say(struct imapid_verdict *verdict, enum imapid_stage stage, enum imapid_party by,
                const char *status, const struct imapid_moment *place)
{
    verdict->stage = stage;
    verdict->by = by;
    verdict->status = status;
    verdict->place = *place;
    verdict->healthy = by == IMAPID_PARTY_CAPTURE ? IMAPID_UNKNOWN : IMAPID_NO;
}

static void say_cause(struct imapid_verdict *verdict, const struct imapid_outcome_cause *cause)
{
    say(verdict, cause->stage, cause->by, cause->status, &cause->place);
    verdict->text = cause->text.n ? &cause->text : NULL;
    verdict->cause = cause;
}

/* The moment at which the one who closed first made up its mind. */
static const struct imapid_moment *get_closing(const struct imapid_verdict_facts *facts)
{
    return facts->closer == IMAPID_PARTY_CLIENT && facts->farewell.frame ? &facts->farewell
                                                                         : &facts->closed;
}

/* What would tell why is among the octets that the capture does not have. */
static bool say_lost(struct imapid_verdict *verdict, const struct imapid_verdict_facts *facts)
{
    if (!facts->is_tail_lost[IMAPID_CLIENT] && !facts->is_tail_lost[IMAPID_SERVER])
        return false;
    say(verdict, IMAPID_STAGE_UNKNOWN, IMAPID_PARTY_CAPTURE, "lost",
        imapid_verdict_has_closed(facts) ? &facts->closed : &facts->last);
    return true;
}

static void say_end_of(struct imapid_verdict *verdict, const struct imapid_verdict_facts *facts,
                       enum imapid_stage stage)
{
    bool is_foreign = facts->is_reset && facts->is_foreign;

    say(verdict, stage, is_foreign ? IMAPID_PARTY_NETWORK : facts->closer,
        facts->is_reset ? "RST" : "FIN", &facts->closed);
}

/* It was closed without a word. False: that cannot be known. */
static bool say_closed(struct imapid_verdict *verdict, const struct imapid_verdict_facts *facts,
                       enum imapid_stage stage)
{
    if (!(facts->is_reset && facts->is_foreign) && say_lost(verdict, facts))
        return false;
    say_end_of(verdict, facts, stage);
    return true;
}

static bool leaves(const struct imapid_verdict_facts *facts)
{
    return facts->closer == IMAPID_PARTY_CLIENT && !(facts->is_reset && facts->is_foreign);
}

/* Segments sent again in vain behind which something between the two keeps them back. */
#define N_AGAIN_MIN 2

/* Nothing got through any more: a side wanted nothing, or its segments never arrived. */
static bool say_stall(struct imapid_verdict *verdict, const struct imapid_verdict_facts *facts,
                      enum imapid_stage stage)
{
    for (int side = 0; side < 2; side++)
        if (facts->stall[side].shut.frame &&
            imapid_ns_between(
                facts->stall[side].shut.ns,
                (imapid_verdict_has_closed(facts) ? get_closing(facts) : &facts->last)->ns) >=
                IMAPID_VERDICT_PATIENCE_NS) {
            say(verdict, stage, side == IMAPID_CLIENT ? IMAPID_PARTY_CLIENT : IMAPID_PARTY_SERVER,
                "zero-window", &facts->stall[side].shut);
            return true;
        }
    for (int side = 0; side < 2; side++)
        if (facts->stall[side].n_again >= N_AGAIN_MIN) {
            say(verdict, stage, IMAPID_PARTY_NETWORK, "retransmissions", &facts->stall[side].again);
            return true;
        }
    return false;
}

/* It was closed, or the capture ends, while something was due since `since`. */
static void say_end(struct imapid_verdict *verdict, const struct imapid_verdict_facts *facts,
                    enum imapid_stage stage, const struct imapid_moment *since)
{
    const struct imapid_moment *closing = get_closing(facts);

    if (say_stall(verdict, facts, stage))
        return;
    if (!imapid_verdict_has_closed(facts)) {
        if (!say_lost(verdict, facts))
            say(verdict, stage, IMAPID_PARTY_CAPTURE, "capture-ends", since);
    } else if (leaves(facts) && !facts->is_tail_lost[IMAPID_SERVER] &&
               imapid_ns_between(since->ns, closing->ns) >= IMAPID_VERDICT_PATIENCE_NS)
        say(verdict, stage, facts->closer, "timeout", closing);
    else
        say_closed(verdict, facts, stage);
}

/* RFC 8446 6, and those of earlier versions. */
static const struct {
    int number;
    const char *name;
} alerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

/* "alert" where it has no name. */
static const char *name_alert(int alert)
{
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (alerts[i].number == alert)
            return alerts[i].name;
    return "alert";
}

bool imapid_verdict_is_alert(const char *status)
{
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (!strcmp(alerts[i].name, status))
            return true;
    return !strcmp(status, "alert");
}

bool imapid_verdict_refuses_certificate(const char *status)
{
    static const char *const refusals[] = {
        "bad_certificate",
        "unsupported_certificate",
        "certificate_revoked",
        "certificate_expired",
        "certificate_unknown",
        "unknown_ca",
        "bad_certificate_status_response",
        "bad_certificate_hash_value",
    };

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (!strcmp(status, refusals[i]))
            return true;
    return false;
}

/* ---- before there is a session ---- */

/* The server answered the SYN, and the client never acknowledged that. */
static void judge_half_open(const struct imapid_verdict_facts *facts,
                            struct imapid_verdict *verdict)
{
    if (imapid_verdict_has_closed(facts))
        say_end_of(verdict, facts, IMAPID_STAGE_CONNECT);
    else if (facts->stall[IMAPID_SERVER].n_again)
        say(verdict, IMAPID_STAGE_CONNECT, IMAPID_PARTY_NETWORK, "timeout", &facts->last);
    else
        say(verdict, IMAPID_STAGE_CONNECT, IMAPID_PARTY_CAPTURE, "capture-ends", &facts->first);
}

/* No connection came about. A SYN that was sent again got no answer. */
static bool judge_connect(const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    bool is_half_open = facts->is_both && !facts->stall[IMAPID_SERVER].has_acked;

    if ((facts->is_connected && !is_half_open) || !facts->from_start ||
        facts->has_octets[IMAPID_CLIENT] || facts->has_octets[IMAPID_SERVER])
        return false;
    if (facts->is_connected)
        judge_half_open(facts, verdict);
    else if (facts->closer == IMAPID_PARTY_SERVER)
        say(verdict, IMAPID_STAGE_CONNECT, IMAPID_PARTY_SERVER, "refused", &facts->closed);
    else if (facts->error)
        say(verdict, IMAPID_STAGE_CONNECT,
            facts->is_error_of_server ? IMAPID_PARTY_SERVER : IMAPID_PARTY_NETWORK, facts->error,
            &facts->error_place);
    else if (imapid_ns_between(facts->first.ns, facts->last.ns) >= IMAPID_VERDICT_PATIENCE_NS)
        say(verdict, IMAPID_STAGE_CONNECT, IMAPID_PARTY_NETWORK, "timeout", &facts->last);
    else
        say_end(verdict, facts, IMAPID_STAGE_CONNECT, &facts->first);
    return true;
}

/* Are its first octets words, before any TLS? */
static bool speaks(const struct imapid_verdict_facts *facts, enum imapid_side side)
{
    return imapid_opening_is_text(facts->opening[side]) ||
           facts->opening[side] == IMAPID_OPENING_PROXY;
}

/* Does the client begin with what is no IMAP, to a server that waits for that or says something in the clear? */
static const char *find_foreign_client(const struct imapid_outcome *outcome,
                                       const struct imapid_verdict_facts *facts)
{
    if (facts->is_tls || !facts->from_start)
        return NULL;
    if (facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_HTTP)
        return "not-imap:http";
    return !outcome->greeted && facts->has_octets[IMAPID_CLIENT] &&
                   facts->opening[IMAPID_CLIENT] != IMAPID_OPENING_PROXY &&
                   facts->opening[IMAPID_SERVER] == IMAPID_OPENING_TEXT
               ? "not-imap:unknown"
               : NULL;
}

static bool judge_port(const struct imapid_outcome *outcome,
                       const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const char *foreign = find_foreign_client(outcome, facts);

    if (facts->greets_as)
        say(verdict, IMAPID_STAGE_GREETING, IMAPID_PARTY_SERVER, facts->greets_as,
            &facts->greeting);
    else if (facts->is_tls_port && !facts->hello.frame && facts->from_start &&
             speaks(facts, IMAPID_CLIENT) && facts->opening[IMAPID_SERVER] != IMAPID_OPENING_TEXT)
        say(verdict, IMAPID_STAGE_TLS, IMAPID_PARTY_CLIENT, "plain-on-tls-port",
            &facts->client_first);
    else if (imapid_opening_is_hello(facts->opening[IMAPID_CLIENT]) && !facts->is_answered &&
             facts->opening[IMAPID_SERVER] == IMAPID_OPENING_TEXT)
        say(verdict, IMAPID_STAGE_TLS,
            facts->is_tls_port ? IMAPID_PARTY_SERVER : IMAPID_PARTY_CLIENT, "tls-on-plain-port",
            &facts->client_first);
    else if (foreign)
        say(verdict, IMAPID_STAGE_GREETING, IMAPID_PARTY_CLIENT, foreign, &facts->client_first);
    else
        return false;
    return true;
}

static enum imapid_party party_of(enum imapid_side side)
{
    return side == IMAPID_CLIENT ? IMAPID_PARTY_CLIENT : IMAPID_PARTY_SERVER;
}

/* STARTTLS was accepted, and somebody goes on in the clear: the client, which should begin TLS, and had perhaps not even
 * waited for the answer, or the server, which should answer the ClientHello. */
static bool judge_plain(const struct imapid_outcome *outcome,
                        const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const struct imapid_moment *client = outcome->hasty.frame ? &outcome->hasty
                                                              : &facts->plain[IMAPID_CLIENT],
                               *server = &facts->plain[IMAPID_SERVER];
    bool is_of_server = server->frame && !facts->is_answered,
         is_of_client = client->frame && (!facts->hello.frame || is_of_server);

    if (!facts->is_starttls || !facts->is_lossless || !(is_of_client || is_of_server))
        return false;
    is_of_client &= !is_of_server || client->frame <= server->frame;
    say(verdict, IMAPID_STAGE_TLS, is_of_client ? IMAPID_PARTY_CLIENT : IMAPID_PARTY_SERVER,
        "plain-on-tls-port", is_of_client ? client : server);
    return true;
}

static bool judge_tls(const struct imapid_outcome *outcome,
                      const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const struct imapid_moment *begun = facts->hello.frame     ? &facts->hello
                                        : outcome->asked.frame ? &outcome->asked
                                                               : &facts->client_first;

    /* Without a ClientHello it may be missing, unless nothing is. */
    if (!(facts->hello.frame || (facts->is_tls && facts->is_lossless)) || facts->is_tls_done)
        return false;
    if (judge_plain(outcome, facts, verdict))
        return true;
    if (facts->alert >= 0 &&
        (!imapid_verdict_has_closed(facts) || facts->alert_place.frame <= facts->closed.frame))
        say(verdict, IMAPID_STAGE_TLS, party_of(facts->alert_side), name_alert(facts->alert),
            &facts->alert_place);
    else
        say_end(verdict, facts, IMAPID_STAGE_TLS, begun);
    /* Who closes may have said why, if not as an error: by close_notify, at least. */
    if ((!strcmp(verdict->status, "FIN") || !strcmp(verdict->status, "RST")) &&
        facts->warning >= 0 && facts->warning_place.frame <= facts->closed.frame)
        say(verdict, IMAPID_STAGE_TLS, party_of(facts->warning_side), name_alert(facts->warning),
            &facts->warning_place);
    return true;
}

/* The handshake is over, and an alert ends the connection: it may still be about the handshake, as where a client of
 * TLS 1.3 is told that it has to show a certificate. */
static bool judge_late_alert(const struct imapid_outcome *outcome,
                             const struct imapid_verdict_facts *facts,
                             struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

    if (!facts->is_tls_done || facts->alert < 0 ||
        (imapid_verdict_has_closed(facts) && facts->alert_place.frame > facts->closed.frame))
        return false;
    say(verdict,
        !outcome->has_spoken ? IMAPID_STAGE_TLS
        : waiting            ? imapid_outcome_stage(waiting->word)
                             : IMAPID_STAGE_COMMAND,
        party_of(facts->alert_side), name_alert(facts->alert), &facts->alert_place);
    verdict->is_alert = true;
    return true;
}

/* What was said cannot be read. */
static bool judge_hidden(const struct imapid_outcome *outcome,
                         const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const bool *came = facts->has_octets;

    if (facts->unreadable.frame)
        say(verdict,
            outcome->n_waiting ? imapid_outcome_stage(outcome->waiting[0].word)
                               : IMAPID_STAGE_COMMAND,
            party_of(facts->unreadable_side), "bad-deflate", &facts->unreadable);
    else if (facts->not_decrypted)
        say(verdict, IMAPID_STAGE_UNKNOWN, IMAPID_PARTY_CAPTURE, facts->not_decrypted,
            facts->hello.frame ? &facts->hello : &facts->first);
    else if (came[IMAPID_CLIENT] != came[IMAPID_SERVER] && !facts->is_both)
        say(verdict, IMAPID_STAGE_UNKNOWN, IMAPID_PARTY_CAPTURE,
            came[IMAPID_CLIENT] ? "server-side-missing" : "client-side-missing", &facts->first);
    else
        return false;
    return true;
}

/* ---- the session ---- */

/* Of a login whose answer the capture does not have nobody knows what came. */
static bool is_login_open(const struct imapid_outcome *outcome)
{
    for (unsigned i = 0; i < outcome->n_waiting && !outcome->authenticated; i++)
        if (outcome->waiting[i].word == IMAPID_WORD_LOGIN ||
            outcome->waiting[i].word == IMAPID_WORD_AUTHENTICATE)
            return true;
    return false;
}

/* LOGOUT: the way a session should end. */
static bool judge_goodbye(const struct imapid_outcome *outcome,
                          const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    if (outcome->end.frame)
        say(verdict, IMAPID_STAGE_END, IMAPID_PARTY_CLIENT, "OK", &outcome->end);
    else if (outcome->has_logout && imapid_verdict_has_closed(facts))
        say_end_of(verdict, facts, IMAPID_STAGE_END);
    else
        return false;
    verdict->healthy = is_login_open(outcome) ? IMAPID_UNKNOWN : IMAPID_YES;
    return true;
}

/* Many a client leaves IDLE without a word, or without waiting for what comes of DONE. */
static bool leaves_idle(const struct imapid_outcome *outcome,
                        const struct imapid_verdict_facts *facts,
                        const struct imapid_outcome_waiting *idle)
{
    return leaves(facts) && (((idle->is_begun || !facts->is_lossless) && !idle->is_done) ||
                             imapid_ns_between(outcome->asked.ns, get_closing(facts)->ns) <
                                 IMAPID_VERDICT_PATIENCE_NS);
}

static bool judge_waiting(const struct imapid_outcome *outcome,
                          const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);
    enum imapid_stage stage;

    if (!waiting || waiting->word == IMAPID_WORD_LOGOUT || outcome->end.frame)
        return false;
    stage = imapid_outcome_stage(waiting->word);
    if (outcome->remark.stage) {
        say_cause(verdict, &outcome->remark);
    } else if (stage == IMAPID_STAGE_IDLE && leaves_idle(outcome, facts, waiting)) {
        if (say_closed(verdict, facts, stage))
            verdict->healthy = IMAPID_YES;
    } else {
        say_end(verdict, facts, stage, imapid_outcome_since(outcome, waiting));
        if (!strcmp(verdict->status, "capture-ends"))
            verdict->place = outcome->asked;
        if (strcmp(verdict->status, "lost") != 0)
            verdict->healthy = IMAPID_NO;
    }
    return true;
}

/* The client gave up, or did not wait, and what was due came behind that. What it sent ahead of its LOGOUT it need not
 * wait for. */
static bool judge_late(const struct imapid_outcome *outcome,
                       const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    const struct imapid_moment *closing = get_closing(facts);
    const struct imapid_outcome_waiting *served = &outcome->served;
    bool is_greeting = facts->is_lossless && outcome->greeting.frame > closing->frame,
         is_answer =
             outcome->served_at.frame > closing->frame && served->asked.frame <= closing->frame;
    const struct imapid_moment *since = is_greeting ? &facts->first
                                        : outcome->served_since.frame <= closing->frame
                                            ? &outcome->served_since
                                            : &served->asked;
    bool has_waited = imapid_ns_between(since->ns, closing->ns) >= IMAPID_VERDICT_PATIENCE_NS;

    if (!leaves(facts) || !(is_greeting || is_answer))
        return false;
    if (has_waited)
        say(verdict, is_greeting ? IMAPID_STAGE_GREETING : imapid_outcome_stage(served->word),
            IMAPID_PARTY_CLIENT, "timeout", closing);
    else if (!is_greeting && !outcome->cause.stage && !outcome->has_logout)
        say_end_of(verdict, facts, imapid_outcome_stage(served->word));
    else
        return false;
    verdict->is_late = true;
    return true;
}

/* Nothing was due. */
static void judge_quiet(const struct imapid_outcome *outcome,
                        const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    if (!outcome->greeted && facts->from_start) {
        say_end(verdict, facts,
                facts->is_tls_port && !facts->is_tls_done ? IMAPID_STAGE_TLS
                                                          : IMAPID_STAGE_GREETING,
                &facts->first);
    } else if (say_stall(verdict, facts, IMAPID_STAGE_COMMAND)) {
        return;
    } else if (outcome->heard.stage) {
        say_cause(verdict, &outcome->heard);
    } else if (!imapid_verdict_has_closed(facts)) {
        if (!say_lost(verdict, facts))
            say(verdict, IMAPID_STAGE_UNKNOWN, IMAPID_PARTY_CAPTURE, "capture-ends", &facts->last);
    } else if (outcome->authenticated || !facts->from_start) {
        if (say_closed(verdict, facts, IMAPID_STAGE_END) && leaves(facts))
            verdict->healthy =
                outcome->authenticated || outcome->has_commands ? IMAPID_YES : IMAPID_UNKNOWN;
    } else if (leaves(facts) && outcome->only_listed && outcome->listed.frame &&
               !outcome->lists_starttls && !facts->hello.frame) {
        say(verdict, IMAPID_STAGE_STARTTLS,
            outcome->lists_mask ? IMAPID_PARTY_NETWORK : IMAPID_PARTY_CLIENT, "not-offered",
            &outcome->listed);
    } else if (outcome->remark.stage) {
        say_cause(verdict, &outcome->remark);
    } else if (facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_OTHER && facts->is_lossless &&
               facts->has_octets[IMAPID_CLIENT] && !outcome->has_commands && !facts->is_tls) {
        say(verdict, IMAPID_STAGE_LOGIN, IMAPID_PARTY_CLIENT, "not-imap:unknown",
            &facts->client_first);
    } else {
        if (say_closed(verdict, facts, IMAPID_STAGE_LOGIN) && leaves(facts))
            verdict->healthy = IMAPID_UNKNOWN;
    }
}

void imapid_verdict_make(const struct imapid_outcome *outcome,
                         const struct imapid_verdict_facts *facts, struct imapid_verdict *verdict)
{
    *verdict = (struct imapid_verdict){.healthy = IMAPID_UNKNOWN};
    if (judge_connect(facts, verdict) || judge_port(outcome, facts, verdict) ||
        judge_tls(outcome, facts, verdict))
        return;
    if ((!outcome->cause.stage || outcome->cause.place.frame > get_closing(facts)->frame) &&
        judge_late(outcome, facts, verdict))
        return;
    if (outcome->cause.stage) {
        say_cause(verdict, &outcome->cause);
        return;
    }
    if (!judge_late_alert(outcome, facts, verdict) && !judge_hidden(outcome, facts, verdict) &&
        !judge_waiting(outcome, facts, verdict) && !judge_goodbye(outcome, facts, verdict))
        judge_quiet(outcome, facts, verdict);
}

/* ---- names ---- */

/* Most octets are none of the words that are looked for, and the first one tells. */
static bool begins(const uint8_t *octets, size_t n, const char *word)
{
    size_t n_word;

    if (!n || imapid_upper(octets[0]) != imapid_upper((uint8_t)word[0]))
        return false;
    n_word = strlen(word);
    return n >= n_word && imapid_octets_same(octets, n_word, (const uint8_t *)word, n_word);
}

/* A request has a method, and what is asked for: no command of IMAP begins with that (RFC 9112 3). */
static const char *const requests[] = {"GET /",    "GET http",  "HEAD /",    "POST /",  "PUT /",
                                       "DELETE /", "OPTIONS /", "OPTIONS *", "CONNECT "};

static bool is_request(const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (n >= strlen(requests[i]) && octets[0] == (uint8_t)requests[i][0] &&
            !memcmp(octets, requests[i], strlen(requests[i])))
            return true;
    return false;
}

bool imapid_verdict_is_method(const uint8_t *word, size_t n)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (n < strlen(requests[i]) && requests[i][n] == ' ' && !memcmp(word, requests[i], n))
            return true;
    return false;
}

enum imapid_opening imapid_verdict_opening(const uint8_t *octets, size_t n)
{
    static const uint8_t proxy[] = "PROXY ", proxy_2[] = "\r\n\r\n\0\r\nQUIT\n";
    enum { CLIENT_HELLO = 1, N_HELLO = 6, N_TEXT = 8 };
    size_t n_text = 0;

    if ((n >= sizeof proxy - 1 && !memcmp(octets, proxy, sizeof proxy - 1)) ||
        (n >= sizeof proxy_2 - 1 && !memcmp(octets, proxy_2, sizeof proxy_2 - 1)))
        return IMAPID_OPENING_PROXY;
    if (is_request(octets, n))
        return IMAPID_OPENING_HTTP;
    if (imapid_hello_is_clients(octets, n))
        return IMAPID_OPENING_TLS;
    if (n >= N_HELLO && octets[0] & 0x80 && octets[2] == CLIENT_HELLO &&
        (octets[3] == 3 || (!octets[3] && octets[4] == 2)))
        return IMAPID_OPENING_SSL2;
    while (n_text < n && n_text < N_TEXT &&
           ((octets[n_text] >= ' ' && octets[n_text] < 127) ||
            (n_text && (octets[n_text] == '\r' || octets[n_text] == '\n'))))
        n_text++;
    return n && (n_text == n || n_text == N_TEXT) ? IMAPID_OPENING_TEXT : IMAPID_OPENING_OTHER;
}

/* A record of TLS, or the ServerHello of SSL 2.0? */
static bool is_of_tls(const uint8_t *octets, size_t n)
{
    enum { CHANGE_CIPHER_SPEC = 20, APPLICATION_DATA = 23, SERVER_HELLO_2 = 4 };

    return (octets[0] >= CHANGE_CIPHER_SPEC && octets[0] <= APPLICATION_DATA &&
            (n < 2 || octets[1] == 3)) ||
           (octets[0] & 0x80 && n > 2 && octets[2] == SERVER_HELLO_2);
}

const char *imapid_verdict_protocol(const uint8_t *octets, size_t n)
{
    static const struct {
        const char *head, *within, *name;
    } protocols[] = {
        {"+OK", NULL, "not-imap:pop3"},
        {"-ERR", NULL, "not-imap:pop3"},
        {"SSH-", NULL, "not-imap:ssh"},
        {"HTTP/", NULL, "not-imap:http"},
        {"<html", NULL, "not-imap:http"},
        {"<!doctype html", NULL, "not-imap:http"},
        {"\"IMPLEMENTATION\"", NULL, "not-imap:sieve"},
        {"220", "FTP", "not-imap:ftp"},
        {"220", "SMTP", "not-imap:smtp"},
        {"220 ", NULL, "not-imap:smtp"},
        {"220-", NULL, "not-imap:smtp"},
        {"554", NULL, "not-imap:smtp"},
        {"421", NULL, "not-imap:smtp"},
        {"200 ", NULL, "not-imap:nntp"},
        {"201 ", NULL, "not-imap:nntp"},
    };

    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (begins(octets, n, protocols[i].head) &&
            (!protocols[i].within || imapid_octets_contain(octets, n, protocols[i].within)))
            return protocols[i].name;
    return NULL;
}

const char *imapid_verdict_greeting(const uint8_t *octets, size_t n)
{
    const char *protocol = imapid_verdict_protocol(octets, n);

    if (protocol)
        return protocol;
    return n && octets[0] != '*' && !is_of_tls(octets, n) ? "not-imap:unknown" : NULL;
}
