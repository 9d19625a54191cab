/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.c: what became of a connection, for a person.
 *
 * Refuses nothing: what does not fit is cut. Misuse: reading the sentence with a program; the verdict is
 * for that. */
#include <imapid/say.h>

#include <string.h>

#define NS_PER_S INT64_C(1000000000)

/* ---- words ---- */

static void put_octets(struct imapid_say *say, const uint8_t *octets, size_t n)
{
    size_t room = sizeof say->octets - say->n;

    if (n > room)
        n = room;
    if (n)
        memcpy(say->octets + say->n, octets, n);
    say->n += n;
}

static void put(struct imapid_say *say, const char *text)
{
    put_octets(say, (const uint8_t *)text, strlen(text));
}

static void put_number(struct imapid_say *say, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number);
    put_octets(say, digits + at, sizeof digits - at);
}

/* "12 ms", "7.0 s", "31 min 0 s"; what ran backwards is 0. */
static void put_duration(struct imapid_say *say, int64_t ns)
{
    uint64_t ms = ns > 0 ? ((uint64_t)ns + 500000) / 1000000 : 0;

    if (ms < 100) {
        put_number(say, ms);
        put(say, " ms");
    } else if (ms < 60000) {
        put_number(say, (ms + 50) / 1000);
        put(say, ".");
        put_number(say, (ms + 50) / 100 % 10);
        put(say, " s");
    } else {
        put_number(say, ms / 60000);
        put(say, " min ");
        put_number(say, ms / 1000 % 60);
        put(say, " s");
    }
}

static void put_between(struct imapid_say *say, int64_t from_ns, int64_t to_ns)
{
    if (imapid_time_is_known(from_ns) && imapid_time_is_known(to_ns))
        put_duration(say, imapid_ns_between(from_ns, to_ns));
    else
        put(say, "an unknown time");
}

/* "frame 9" behind `before`; nothing where there is none. */
static void put_frame(struct imapid_say *say, const char *before, const struct imapid_moment *at,
                      const char *behind)
{
    uint64_t frame = at->frame;

    if (!frame)
        return;
    if (say->locate)
        frame = say->locate(say->ctx, frame);
    put(say, before);
    if (frame) {
        put(say, "frame ");
        put_number(say, frame);
    } else {
        put(say, "in another file");
    }
    put(say, behind);
}

static const char *name_party(enum imapid_party party)
{
    return party == IMAPID_PARTY_CLIENT   ? "the client"
           : party == IMAPID_PARTY_SERVER ? "the server"
                                          : "somebody";
}

/* "UID SEARCH" */
static void put_command(struct imapid_say *say, enum imapid_word word, const char *argument)
{
    put(say, word ? imapid_word_name(word) : "a command");
    if (!argument)
        return;
    put(say, " ");
    put(say, argument);
}

/* "APPEND (frame 7; {5000} announced, 1202 octets came)" */
static void put_asked(struct imapid_say *say, const struct imapid_outcome *outcome,
                      const struct imapid_outcome_waiting *waiting)
{
    bool is_newest = outcome->n_waiting && waiting == &outcome->waiting[outcome->n_waiting - 1];

    put_command(say, waiting->word, waiting->argument);
    if (!is_newest || !outcome->n_literal_left || outcome->n_literal_left >= waiting->announced) {
        put_frame(say, " (", &waiting->asked, ")");
        return;
    }
    put_frame(say, " (", &waiting->asked, "; {");
    put_number(say, waiting->announced);
    put(say, "} announced, ");
    put_number(say, waiting->announced - outcome->n_literal_left);
    put(say, " octets came)");
}

/* "no answer to FETCH (frame 7)"; "only a part of the answer to FETCH (frame 7) came, last in frame 8" */
static void put_no_answer(struct imapid_say *say, const struct imapid_outcome *outcome,
                          const struct imapid_outcome_waiting *waiting)
{
    put(say, waiting->partial.frame ? "only a part of the answer to " : "no answer to ");
    if (waiting->is_done) {
        put(say, "DONE");
        put_frame(say, " (", &outcome->asked, ")");
    } else {
        put_asked(say, outcome, waiting);
    }
    put(say, waiting->partial.frame ? " came" : "");
    if (waiting->partial.frame)
        put_frame(say, ", last in ", &waiting->partial, "");
}

static bool begins(const char *text, const char *head)
{
    return strlen(text) >= strlen(head) && !memcmp(text, head, strlen(head));
}

static void put_version(struct imapid_say *say, uint16_t version)
{
    put(say, version == 0x0300 ? "SSL 3.0" : "TLS 1.");
    if (version > 0x0300)
        put_number(say, version - 0x0301u);
}

static bool is_version(uint16_t version)
{
    return version >= 0x0300 && version <= 0x0304;
}

/* ---- what ended it ---- */

/* The reset's way is not that of what its sender sends else. */
static void put_way(struct imapid_say *say, const struct imapid_verdict_facts *facts)
{
    enum imapid_side side = facts->closer == IMAPID_PARTY_CLIENT ? IMAPID_CLIENT : IMAPID_SERVER;

    if (!facts->is_reset || !facts->is_foreign)
        return;
    if (facts->reset_ttl && facts->ttl[side]) {
        put(say, ", with TTL ");
        put_number(say, facts->reset_ttl);
        put(say, " where ");
        put(say, name_party(facts->closer));
        put(say, " has ");
        put_number(say, facts->ttl[side]);
    }
    put(say, ": something between the two did it");
}

/* "the server closed (FIN, frame 9)" */
static void put_end(struct imapid_say *say, const struct imapid_verdict_facts *facts)
{
    put(say, facts->is_reset && facts->is_foreign ? "it" : name_party(facts->closer));
    put(say, !facts->is_reset ? " closed" : facts->is_foreign ? " was reset" : " reset it");
    put(say, facts->is_reset ? " (RST" : " (FIN");
    put_frame(say, ", ", &facts->closed, "");
    put(say, ")");
    put_way(say, facts);
}

static void put_end_behind(struct imapid_say *say, const struct imapid_verdict_facts *facts)
{
    if (!imapid_verdict_has_closed(facts))
        return;
    put(say, "; ");
    put_end(say, facts);
}

/* ---- refusals ---- */

/* "refused 3 times: CRAM-MD5, PLAIN, LOGIN". Of many attempts only some are kept. */
static void put_attempts(struct imapid_say *say, const struct imapid_outcome *outcome,
                         const struct imapid_login *login)
{
    const char *before = ": ";

    if (outcome->n_refused < 2) {
        put(say, "login refused");
        if (login && login->n_auths &&
            strcmp(login->auths[login->n_auths - 1].mechanism, "other") != 0) {
            put(say, " (");
            put(say, login->auths[login->n_auths - 1].mechanism);
            put(say, ")");
        }
        return;
    }
    put(say, "login refused ");
    put_number(say, outcome->n_refused);
    put(say, " times");
    for (unsigned i = 0; login && i < login->n_auths; i++) {
        const struct imapid_auth *auth = &login->auths[i];

        if (auth->status != IMAPID_WORD_NO && auth->status != IMAPID_WORD_BAD)
            continue;
        put(say, before);
        if (i == IMAPID_AUTHS_MAX - 1 && outcome->n_refused > IMAPID_AUTHS_MAX)
            put(say, "... ");
        put(say, auth->mechanism);
        before = ", ";
    }
}

static void put_what(struct imapid_say *say, const struct imapid_outcome *outcome,
                     const struct imapid_login *login, const struct imapid_outcome_cause *cause,
                     const struct imapid_verdict_facts *facts)
{
    if (cause->is_proxy_header ||
        (cause == &outcome->remark && facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_PROXY)) {
        put(say, "a PROXY header was taken for a command");
        return;
    }
    switch (cause->stage) {
    case IMAPID_STAGE_GREETING:
        put(say, "no service");
        break;
    case IMAPID_STAGE_LOGIN:
        if (!strcmp(cause->status, "BYE"))
            put(say, "no login");
        else
            put_attempts(say, outcome, login);
        break;
    case IMAPID_STAGE_SELECT:
        put(say, "mailbox refused");
        break;
    case IMAPID_STAGE_IDLE:
        put(say, strcmp(cause->status, "BYE") != 0 ? "IDLE refused" : "IDLE ended");
        break;
    default:
        if (!strcmp(cause->status, "BYE")) {
            const struct imapid_outcome_waiting *waiting =
                imapid_verdict_find_waiting(outcome, facts);

            put(say, "session ended");
            /* An ID is told as an exchange. */
            if (waiting && waiting->word && waiting->word != IMAPID_WORD_ID) {
                put(say, " in ");
                put_asked(say, outcome, waiting);
            }
            break;
        }
        if (cause->word)
            put_command(say, cause->word, cause->argument);
        else
            put(say, "command");
        put(say, " refused");
    }
    if (cause->overrun.frame) {
        put(say, ", of {");
        put_number(say, cause->announced);
        put(say, "}");
        put_frame(say, " (", &cause->asked, ")");
        put(say, ", followed by more octets");
        put_frame(say, " (", &cause->overrun, ")");
    }
}

static void say_cause(struct imapid_say *say, const struct imapid_outcome *outcome,
                      const struct imapid_login *login, const struct imapid_outcome_cause *cause,
                      const struct imapid_verdict_facts *facts)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

    if (cause == &outcome->remark && waiting) {
        put(say, "no tagged answer to ");
        put_command(say, waiting->word, waiting->argument);
        put_frame(say, " (", &waiting->asked, ")");
        put(say, "; the server said ");
    } else if (cause == &outcome->remark && facts->opening[IMAPID_CLIENT] != IMAPID_OPENING_PROXY) {
        put(say, "the server said ");
    } else {
        put_what(say, outcome, login, cause, facts);
        put(say, ": ");
    }
    put(say, cause->status);
    if (cause->text.n) {
        put(say, " ");
        put_octets(say, cause->text.octets, cause->text.n);
        put(say, cause->text.cut ? "..." : "");
    }
    put_frame(say, " (", &cause->place, ")");
    if (cause->stage == IMAPID_STAGE_LOGIN && outcome->challenge_status[0]) {
        put(say, "; the challenge before it says status ");
        put(say, outcome->challenge_status);
    }
    put_end_behind(say, facts);
}

/* ---- TLS ---- */

static void put_offer(struct imapid_say *say, const struct imapid_verdict_facts *facts)
{
    if (!is_version(facts->tls_offered))
        return;
    put(say, "; the client offers ");
    put_version(say, facts->tls_offered);
    put(say, facts->tls_offered < 0x0304 ? " at most" : "");
    if (facts->n_suites) {
        put(say, ", ");
        put_number(say, facts->n_suites);
        put(say, facts->n_suites == 1 ? " suite" : " suites");
    }
}

/* "2025-01-01" */
static void put_date(struct imapid_say *say, int64_t seconds)
{
    int64_t day =
        (seconds - (seconds < 0 ? 86399 : 0)) / 86400 + 719468; /* since 1 March of year 0 */
    int64_t era = day / 146097;
    int64_t of_era = day % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    uint64_t two[2] = {(uint64_t)(month < 10 ? month + 3 : month - 9),
                       (uint64_t)(of_year - (153 * month + 2) / 5 + 1)};

    put_number(say, (uint64_t)(year + 400 * era + (month >= 10)));
    for (int i = 0; i < 2; i++) {
        put(say, two[i] < 10 ? "-0" : "-");
        put_number(say, two[i]);
    }
}

/* What a client may not have liked of a certificate: its dates, its name, who issued it. Which it was the alert
 * may say, and the certificate never does. */
static void put_certificate(struct imapid_say *say, const struct imapid_verdict_facts *facts,
                            int64_t now_ns)
{
    const struct imapid_certificate *certificate = facts->certificate;
    int64_t now = now_ns / NS_PER_S;

    if (!certificate)
        return;
    if (certificate->not_before || certificate->not_after) {
        bool is_known = imapid_time_is_known(now_ns);
        bool is_early = is_known && now < certificate->not_before;

        put(say, is_early ? "; the certificate is valid only from "
                 : is_known && now > certificate->not_after ? "; the certificate was valid until "
                                                            : "; the certificate is valid until ");
        put_date(say, is_early ? certificate->not_before : certificate->not_after);
    } else {
        put(say, "; the certificate has no dates");
    }
    if (*certificate->name) {
        put(say, ", for ");
        put(say, certificate->name);
        if (certificate->is_for_another) {
            put(say, ", where the client asked for ");
            put_octets(say, facts->asked_for, facts->n_asked_for);
        }
    }
    if (certificate->is_own_issuer) {
        put(say, ", issued by itself");
    } else if (*certificate->issuer) {
        put(say, ", issued by ");
        put(say, certificate->issuer);
    }
    put_frame(say, " (", &facts->certificate_at, ")");
}

/* Its name, or its number where it has none. */
static void put_alert(struct imapid_say *say, const struct imapid_verdict *verdict, int alert)
{
    if (!strcmp(verdict->status, "alert"))
        put_number(say, (uint64_t)alert);
    else
        put(say, verdict->status);
    put_frame(say, " (", &verdict->place, ")");
}

/* It came while something was due, or in between. */
static void say_late_alert(struct imapid_say *say, const struct imapid_outcome *outcome,
                           const struct imapid_verdict_facts *facts,
                           const struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

    put(say, "TLS: ");
    put(say, name_party(verdict->by));
    put(say, " ended the session");
    if (waiting) {
        put(say, " in ");
        put_asked(say, outcome, waiting);
    }
    put(say, ", alert ");
    put_alert(say, verdict, facts->alert);
    put_end_behind(say, facts);
}

/* What some alerts ask for. */
static void put_meaning(struct imapid_say *say, const struct imapid_verdict_facts *facts,
                        const struct imapid_verdict *verdict)
{
    if (verdict->by != IMAPID_PARTY_SERVER)
        return;
    if (!strcmp(verdict->status, "certificate_required"))
        put(say, ": it wants a certificate of the client");
    else if (!strcmp(verdict->status, "no_application_protocol"))
        put(say, ": it speaks no protocol that the client offers (ALPN)");
    else if (!strcmp(verdict->status, "unrecognized_name")) {
        put(say, ": it does not know the name that the client asks for");
        put(say, facts->n_asked_for ? ", " : "");
        put_octets(say, facts->asked_for, facts->n_asked_for);
    }
}

static void say_alert(struct imapid_say *say, const struct imapid_verdict_facts *facts,
                      const struct imapid_verdict *verdict)
{
    bool is_of_certificate = imapid_verdict_refuses_certificate(verdict->status);
    bool is_warning = facts->warning >= 0 && verdict->place.frame == facts->warning_place.frame &&
                      !(facts->alert >= 0 && facts->alert_place.frame == verdict->place.frame);

    if (facts->is_starttls)
        put(say, "STARTTLS was accepted, then ");
    else if (is_version(facts->tls_chosen)) {
        put_version(say, facts->tls_chosen);
        put(say, ": ");
    } else {
        put(say, "TLS: ");
    }
    put(say, name_party(verdict->by));
    if (!strcmp(verdict->status, "close_notify") || !strcmp(verdict->status, "user_canceled"))
        put(say, " ended the handshake, alert ");
    else if (is_warning)
        put(say, " warned, alert ");
    else
        put(say, is_of_certificate ? " refused the certificate, alert " : " refused, alert ");
    put_alert(say, verdict, is_warning ? facts->warning : facts->alert);
    put_meaning(say, facts, verdict);
    if (is_warning)
        put_end_behind(say, facts);
    if (is_of_certificate && verdict->by == IMAPID_PARTY_CLIENT)
        put_certificate(say, facts, verdict->place.ns);
    if (verdict->by == IMAPID_PARTY_SERVER && !facts->is_answered)
        put_offer(say, facts);
}

static void say_tls_end(struct imapid_say *say, const struct imapid_verdict_facts *facts)
{
    bool is_of_client = facts->closer == IMAPID_PARTY_CLIENT && !facts->is_foreign;

    put(say, "TLS: ");
    put_end(say, facts);
    if (facts->is_answered) {
        put(say, " in the handshake");
    } else if (facts->hello.frame) {
        put(say, facts->is_ssl2 ? " on a ClientHello of SSL 2.0" : " on the ClientHello");
        put_frame(say, " (", &facts->hello, ")");
    }
    put(say, facts->hello.frame ? ", without an alert" : ", and no ClientHello came");
    if (!facts->has_octets[IMAPID_CLIENT] &&
        imapid_ns_between(facts->first.ns, facts->closed.ns) >= NS_PER_S) {
        put(say, " for ");
        put_between(say, facts->first.ns, facts->closed.ns);
    }
    if (is_of_client && facts->is_answered)
        put_certificate(say, facts, facts->closed.ns);
    if (!facts->is_answered)
        put_offer(say, facts);
}

/* ---- silence ---- */

/* What was due, and did not come; with the moment since which it was. */
static const struct imapid_moment *put_due(struct imapid_say *say,
                                           const struct imapid_outcome *outcome,
                                           const struct imapid_verdict_facts *facts,
                                           const struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting =
        verdict->is_late ? &outcome->served : imapid_verdict_find_waiting(outcome, facts);

    switch (verdict->stage) {
    case IMAPID_STAGE_CONNECT:
        put(say, "no answer to the SYN");
        if (facts->is_connected) {
            put(say, "-ACK, sent ");
            put_number(say, facts->stall[IMAPID_SERVER].n_again + 1u);
            put(say, " times,");
        }
        return &facts->first;
    case IMAPID_STAGE_TLS:
        put(say, facts->has_octets[IMAPID_CLIENT] ? "the TLS handshake was not finished"
                                                  : "no ClientHello came on the TLS port");
        return facts->hello.frame          ? &facts->hello
               : facts->client_first.frame ? &facts->client_first
                                           : &facts->first;
    case IMAPID_STAGE_GREETING:
        put(say, "no greeting");
        return &facts->first;
    default:
        break;
    }
    if (!waiting) {
        put(say, "nothing was due");
        return &outcome->latest;
    }
    put_no_answer(say, outcome, waiting);
    return verdict->is_late ? &outcome->served_since : imapid_outcome_since(outcome, waiting);
}

/* What came when nobody waited for it any more. */
static void put_late(struct imapid_say *say, const struct imapid_outcome *outcome,
                     const struct imapid_verdict *verdict)
{
    if (verdict->is_late && verdict->stage == IMAPID_STAGE_GREETING)
        put_frame(say, "; the greeting came too late (", &outcome->greeting, ")");
    else if (verdict->is_late)
        put_frame(say, "; the answer came too late (", &outcome->served_at, ")");
    else if (verdict->by == IMAPID_PARTY_CLIENT && outcome->latest.frame > verdict->place.frame)
        put_frame(say, "; what the server still said (", &outcome->latest, ") came too late");
}

static void say_timeout(struct imapid_say *say, const struct imapid_outcome *outcome,
                        const struct imapid_verdict_facts *facts,
                        const struct imapid_verdict *verdict)
{
    const struct imapid_moment *since = put_due(say, outcome, facts, verdict);
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

    put(say, waiting && waiting->partial.frame ? ", then nothing for " : " for ");
    put_between(say, since->ns, verdict->place.ns);
    if (imapid_verdict_has_closed(facts) && verdict->place.frame == facts->closed.frame) {
        put_end_behind(say, facts);
    } else if (verdict->by == IMAPID_PARTY_CLIENT) {
        put(say, "; the client gave up");
        put_frame(say, " (close_notify, ", &verdict->place, ")");
    }
    put_late(say, outcome, verdict);
}

static void say_capture_ends(struct imapid_say *say, const struct imapid_outcome *outcome,
                             const struct imapid_verdict_facts *facts,
                             const struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

    put(say, "the capture ends");
    if (verdict->stage == IMAPID_STAGE_CONNECT) {
        put(say, facts->is_connected ? " behind the SYN-ACK" : " behind the SYN");
    } else if (verdict->stage == IMAPID_STAGE_TLS) {
        put(say,
            facts->has_octets[IMAPID_CLIENT] ? " in the TLS handshake" : " before the ClientHello");
    } else if (verdict->stage == IMAPID_STAGE_GREETING) {
        put(say, " before the greeting");
    } else if (waiting) {
        put(say, " ");
        put_between(say, outcome->asked.ns, facts->last.ns);
        put(say, " after ");
        put_asked(say, outcome, waiting);
        if (waiting->partial.frame)
            put_frame(say, ", in its answer (last in ", &waiting->partial, ")");
        else
            put(say, ": nothing is known of its answer");
    } else {
        put(say, " while the connection is open");
    }
}

/* Silence before the last words behind which it is told. */
#define SILENCE_NS (60 * NS_PER_S)

/* It was closed, without a word, while an answer was due. */
static void say_cut_off(struct imapid_say *say, const struct imapid_outcome *outcome,
                        const struct imapid_verdict_facts *facts,
                        const struct imapid_outcome_waiting *waiting)
{
    if (waiting->word == IMAPID_WORD_IDLE) {
        put(say, "IDLE");
        put_frame(say, " (", &waiting->asked, ")");
        put(say, " was cut off: ");
        if (outcome->asked.frame != waiting->asked.frame) {
            if (outcome->pause_ns >= SILENCE_NS) {
                put_duration(say, outcome->pause_ns);
                put(say, " of silence, then ");
            }
            put(say, "DONE");
            put_frame(say, " (", &outcome->asked, ")");
            put(say, ", then ");
        } else if (imapid_ns_between(outcome->latest.ns, facts->closed.ns) >= SILENCE_NS) {
            put(say, "after ");
            put_between(say, outcome->latest.ns, facts->closed.ns);
            put(say, " of silence ");
        }
        put_end(say, facts);
        return;
    }
    if (waiting->word == IMAPID_WORD_AUTHENTICATE && outcome->challenge_status[0]) {
        put_command(say, waiting->word, waiting->argument);
        put_frame(say, " (", &waiting->asked, ")");
        put(say, ": the challenge says status ");
        put(say, outcome->challenge_status);
    } else {
        put_no_answer(say, outcome, waiting);
    }
    put(say, "; after ");
    put_between(say, imapid_outcome_since(outcome, waiting)->ns, facts->closed.ns);
    put(say, " ");
    put_end(say, facts);
}

static void say_closed(struct imapid_say *say, const struct imapid_outcome *outcome,
                       const struct imapid_verdict_facts *facts,
                       const struct imapid_verdict *verdict)
{
    const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);
    int64_t lasted = imapid_ns_between(facts->first.ns, facts->closed.ns);

    if (verdict->healthy == IMAPID_YES)
        put(say, "healthy: ");
    if (verdict->stage == IMAPID_STAGE_TLS) {
        say_tls_end(say, facts);
    } else if (verdict->stage == IMAPID_STAGE_CONNECT) {
        put(say, "no connection: ");
        put_end(say, facts);
    } else if (verdict->stage == IMAPID_STAGE_GREETING) {
        put(say, "no greeting: ");
        put_end(say, facts);
        put(say, facts->is_reset && facts->is_foreign ? "" : " without a word");
        if (lasted >= NS_PER_S) {
            put(say, " after ");
            put_duration(say, lasted);
        }
        if (facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_PROXY)
            put_frame(say, "; the client had sent a PROXY header (", &facts->client_first, ")");
    } else if (verdict->is_late) {
        put_end(say, facts);
        put(say, " without waiting for the answer to ");
        put_asked(say, outcome, &outcome->served);
        put_late(say, outcome, verdict);
    } else if (waiting && verdict->healthy != IMAPID_YES) {
        say_cut_off(say, outcome, facts, waiting);
    } else {
        if (imapid_ns_between(outcome->latest.ns, facts->closed.ns) >= SILENCE_NS &&
            outcome->latest.frame) {
            put(say, "after ");
            put_between(say, outcome->latest.ns, facts->closed.ns);
            put(say, " of silence ");
        }
        put_end(say, facts);
        if (verdict->by == IMAPID_PARTY_NETWORK)
            return;
        put(say, verdict->stage == IMAPID_STAGE_LOGIN ? " before a login"
                 : verdict->stage == IMAPID_STAGE_IDLE
                     ? waiting && waiting->is_done ? " upon DONE" : " in IDLE, without DONE"
                 : outcome->has_logout ? " upon LOGOUT"
                                       : ", without LOGOUT or BYE");
    }
}

/* ---- before there is a session ---- */

static void say_not_offered(struct imapid_say *say, const struct imapid_outcome *outcome,
                            const struct imapid_verdict_facts *facts)
{
    put(say, "STARTTLS is not offered");
    if (outcome->lists_mask) {
        put(say, ", but \"");
        put(say, outcome->mask);
        put(say, "\" stands in its place: something between the two writes over it");
    }
    put_frame(say, " (capabilities, ", &outcome->listed, ")");
    put_end_behind(say, facts);
    put(say, " without a login");
}

static void put_error(struct imapid_say *say, const char *error,
                      const struct imapid_verdict_facts *facts)
{
    put(say, !strcmp(error, "prohibited") ? "administratively prohibited"
             : !strcmp(error, "refused")  ? "port unreachable"
                                          : "unreachable");
    if (facts->error_from) {
        put(say, ", from ");
        put(say, facts->error_from);
    }
    put_frame(say, " (", &facts->error_place, ")");
}

static void say_no_connection(struct imapid_say *say, const struct imapid_verdict_facts *facts,
                              const struct imapid_verdict *verdict)
{
    bool is_icmp = facts->error && verdict->place.frame == facts->error_place.frame;

    put(say, "no connection: ");
    if (!is_icmp) {
        put(say, "the server refused it (RST");
        put_frame(say, ", ", &verdict->place, "");
        put(say, ")");
        return;
    }
    put(say, "ICMP says ");
    put_error(say, verdict->status, facts);
}

/* Sentences that need no more than the place. */
static bool say_plain(struct imapid_say *say, const struct imapid_verdict_facts *facts,
                      const struct imapid_verdict *verdict)
{
    const char *status = verdict->status;
    static const struct {
        const char *status, *words;
    } plain[] = {
        {"tls-on-plain-port", "the client began TLS on a port that speaks plain IMAP"},
        {"bad-deflate", "COMPRESS was accepted, and what follows is not DEFLATE"},
        {"no-key", "not read: TLS, and there is no key"},
        {"server-side-missing", "the capture has nothing of what the server sent"},
        {"client-side-missing", "the capture has nothing of what the client sent"},
        {"retransmissions", "nothing got through any more: octets were sent again in vain"},
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (!strcmp(status, plain[i].status)) {
            put(say, plain[i].words);
            put_frame(say, " (", &verdict->place, ")");
            if (verdict->by != IMAPID_PARTY_CAPTURE)
                put_end_behind(say, facts);
            return true;
        }
    return false;
}

/* Words where TLS should begin. */
static void say_words(struct imapid_say *say, const struct imapid_outcome *outcome,
                      const struct imapid_verdict_facts *facts,
                      const struct imapid_verdict *verdict)
{
    if (facts->is_starttls) {
        bool is_pipelined = verdict->by == IMAPID_PARTY_CLIENT &&
                            facts->plain[IMAPID_SERVER].frame &&
                            (facts->hello.frame || verdict->place.frame == outcome->hasty.frame);

        put(say, "STARTTLS was accepted, ");
        put(say, is_pipelined ? "but " : "then ");
        put(say, name_party(verdict->by));
        put(say, is_pipelined ? " had not waited for that before it said more"
                              : " went on in the clear");
        if (is_pipelined) {
            put_frame(say, " (", &verdict->place, ")");
            put(say, ", which the server answered in the clear");
            put_frame(say, " (", &facts->plain[IMAPID_SERVER], ")");
            put_end_behind(say, facts);
            return;
        }
    } else {
        put(say, facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_PROXY
                     ? "the client sent a PROXY header to a server that waits for TLS"
                 : facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_HTTP
                     ? "the client spoke HTTP in the clear on the TLS port"
                     : "the client spoke plain IMAP on the TLS port");
    }
    put_frame(say, " (", &verdict->place, ")");
    put_end_behind(say, facts);
}

static void say_otherwise(struct imapid_say *say, const struct imapid_outcome *outcome,
                          const struct imapid_verdict_facts *facts,
                          const struct imapid_verdict *verdict)
{
    const char *status = verdict->status;

    if (!strcmp(status, "plain-on-tls-port")) {
        say_words(say, outcome, facts, verdict);
    } else if (!strcmp(status, "not-offered")) {
        say_not_offered(say, outcome, facts);
    } else if (begins(status, "not-imap:")) {
        bool is_of_client = verdict->by == IMAPID_PARTY_CLIENT;

        put(say, "not IMAP: ");
        put(say, name_party(verdict->by));
        if (!strcmp(status + 9, "unknown")) {
            put(say, " begins with what is of no known protocol");
        } else {
            put(say, is_of_client ? " speaks " : " greets as ");
            for (const char *at = status + 9; *at; at++) {
                uint8_t capital = imapid_upper((uint8_t)*at);

                put_octets(say, &capital, 1);
            }
        }
        put_frame(say, " (", &verdict->place, ")");
        if (is_of_client)
            put_end_behind(say, facts);
    } else if (!strcmp(status, "zero-window")) {
        put(say, name_party(verdict->by));
        put(say, " takes nothing any more: its window is 0");
        put_frame(say, " (since ", &verdict->place, ")");
        put_end_behind(say, facts);
    } else if (verdict->is_alert && verdict->stage != IMAPID_STAGE_TLS) {
        say_late_alert(say, outcome, facts, verdict);
    } else if (verdict->stage == IMAPID_STAGE_TLS) {
        say_alert(say, facts, verdict);
    } else if (verdict->by == IMAPID_PARTY_CAPTURE) {
        put(say, "not read: ");
        put(say, status);
        put_frame(say, " (", &verdict->place, ")");
    } else {
        say_no_connection(say, facts, verdict);
    }
}

/* ---- all of it ---- */

/* What routers had to say of a session that did not go on, and what the server did not understand before it. */
static void put_beside(struct imapid_say *say, const struct imapid_outcome *outcome,
                       const struct imapid_verdict_facts *facts,
                       const struct imapid_verdict *verdict)
{
    if (facts->opening[IMAPID_CLIENT] == IMAPID_OPENING_PROXY && !verdict->cause)
        put_frame(say, "; the server took a PROXY header for a command (BAD, ", &outcome->misread,
                  ")");
    if (verdict->cause || verdict->healthy == IMAPID_YES || verdict->stage == IMAPID_STAGE_CONNECT)
        return;
    if (facts->error) {
        put(say, "; ICMP says ");
        put_error(say, facts->error, facts);
    }
    if (facts->mtu) {
        put(say, "; ICMP says that packets of more than ");
        put_number(say, facts->mtu);
        put(say, " octets do not get through");
        put_frame(say, " (", &facts->mtu_place, ")");
    }
}

void imapid_say(struct imapid_say *say, const struct imapid_outcome *outcome,
                const struct imapid_login *login, const struct imapid_verdict_facts *facts,
                const struct imapid_verdict *verdict)
{
    const char *status = verdict->status;

    say->n = 0;
    if (!status)
        return;
    if (!facts->from_start &&
        (verdict->by != IMAPID_PARTY_CAPTURE || !strcmp(status, "capture-ends")))
        put(say, "(begun before the capture) ");
    if (verdict->cause)
        say_cause(say, outcome, login, verdict->cause, facts);
    else if (!strcmp(status, "OK")) {
        const struct imapid_outcome_waiting *waiting = imapid_verdict_find_waiting(outcome, facts);

        put(say, verdict->healthy == IMAPID_YES ? "healthy: " : "");
        put(say, "ended by LOGOUT, answered OK");
        put_frame(say, " (", &verdict->place, ")");
        if (verdict->healthy != IMAPID_YES && waiting) {
            put(say, "; the answer to ");
            put_command(say, waiting->word, waiting->argument);
            put_frame(say, " (", &waiting->asked, ")");
            put(say, " is missing");
        }
    } else if (!strcmp(status, "timeout"))
        say_timeout(say, outcome, facts, verdict);
    else if (!strcmp(status, "capture-ends"))
        say_capture_ends(say, outcome, facts, verdict);
    else if (!strcmp(status, "FIN") || !strcmp(status, "RST"))
        say_closed(say, outcome, facts, verdict);
    else if (!say_plain(say, facts, verdict))
        say_otherwise(say, outcome, facts, verdict);
    put_beside(say, outcome, facts, verdict);
}
