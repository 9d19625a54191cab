/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of a session: the first cause that nothing overcame, and what of the server's words is
 * kept; and the verdict, with what TCP and TLS say beside it. */
#include <imapid/verdict.h>

#include <glib.h>

/* Shows lines "C octets" and "S octets" to an outcome, each in a frame and a second of its own. A line
 * "?" is a hole in the client's octets; "T" begins TLS. */
static void feed(struct imapid_outcome *outcome, const char *lines)
{
    char **list = g_strsplit(lines, "\n", -1);
    bool whole = true, sasl = false;
    uint64_t frame = 0;

    for (char **line = list; *line && **line; line++) {
        const uint8_t *octets = (const uint8_t *)*line + 2;
        struct imapid_unit unit;

        frame++;
        outcome->now = (struct imapid_moment){frame, (int64_t)frame * 1000000000};
        if (**line == '?') {
            whole = false;
            continue;
        }
        if (**line == 'T') {
            imapid_outcome_begin_tls(outcome);
            continue;
        }
        imapid_unit_read(&unit, **line == 'C' ? IMAPID_CLIENT : IMAPID_SERVER, octets,
                         strlen((const char *)octets));
        if (**line == 'C' && sasl)
            unit.kind = IMAPID_UNIT_CONTINUED;
        sasl = unit.word == IMAPID_WORD_AUTHENTICATE || unit.kind == IMAPID_UNIT_CONTINUATION ||
               unit.kind == IMAPID_UNIT_CONTINUED;
        imapid_outcome_take(outcome, &unit, false, whole);
    }
    g_strfreev(list);
}

static void add_words(GString *out, const struct imapid_outcome_text *text)
{
    g_string_append_printf(out, " (%.*s%s)", text->n, (const char *)text->octets,
                           text->cut ? "..." : "");
}

/* `want`: "stage/by/status frame (text)". */
static void check(const char *lines, const char *want)
{
    struct imapid_outcome outcome = {0};
    GString *out = g_string_new(NULL);

    feed(&outcome, lines);
    if (outcome.cause.stage) {
        g_string_append_printf(out, "%s/%s/%s %d", imapid_stage_name(outcome.cause.stage),
                               imapid_party_name(outcome.cause.by), outcome.cause.status,
                               (int)outcome.cause.place.frame);
        add_words(out, &outcome.cause.text);
    }
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
}

static void test_login(void)
{
    check("C a LOGIN bob pass\nS a OK done", "");
    check("C a LOGIN bob pass\nS a NO [AUTHENTICATIONFAILED] no",
          "login/server/NO 2 ([AUTHENTICATIONFAILED] no)");
    check("C a LOGIN bob pass\nS a NO no\nC b LOGIN bob word\nS b OK yes", "");
    check("C a LOGIN bob pass\nS a NO no\nC b LOGIN bob word\nS b NO never",
          "login/server/NO 4 (never)");
    check("C a LOGIN bob pass\nS a NO no\nC b LOGOUT\nS * BYE bye\nS b OK done",
          "login/server/NO 2 (no)");
    check("C a AUTHENTICATE PLAIN\nS + \nC AGJvYgBwYXNz\nS a NO gone", "login/server/NO 4 (gone)");
    check("C a LOGIN bob pass\nS a NO no\nS * BYE too many", "login/server/NO 2 (no)");
    check("S * OK hi\nC a LOGIN bob pass\nS * BYE too many", "login/server/BYE 3 (too many)");
    check("S a NO [ALERT] nobody asked", "");
    check("S * OK hi\nC a SELECT x\nS * BYE gone\nS a OK done", "select/server/BYE 3 (gone)");
    check("S * OK hi\nC a LOGIN bob pass\nS a OK in\nC b LOGIN bob pass\nS b BAD in pass already",
          "command/client/BAD 5 ()");
}

/* No words that repeat a password. */
static void test_secrets(void)
{
    check("C a LOGIN bob secret\nS a NO wrong: secret", "login/server/NO 2 ()");
    check("C a LOGIN bob secret\nS a NO wrong: SECRETS", "login/server/NO 2 ()");
    check("C a LOGIN bob x\nS a NO failed for bob", "login/server/NO 2 (failed for bob)");
    check("C a LOGIN bob \"se\\\"cret\"\nS a NO wrong: se\"cret", "login/server/NO 2 ()");
    check("C a LOGIN \"b ob\" secret\nS a NO [ALERT] secret?", "login/server/NO 2 ([ALERT])");
    check("C a LOGIN {3}\nS a NO [ALERT] who knows", "login/server/NO 2 ([ALERT])");
    check("C a LOGIN bob {6}\nS a NO bob may log in", "login/server/NO 2 ()");
    check("C a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\nS a NO not with secret",
          "login/server/NO 2 ()");
    check("C a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\nS a NO what is AGJvYgBzZWNyZXQ=",
          "login/server/NO 2 ()");
    check("C a AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=\nS a NO not bob", "login/server/NO 2 (not bob)");
    /* A literal of it is not in the unit. */
    check("C a AUTHENTICATE PLAIN {16+}\nS a NO not with secret", "login/server/NO 2 ()");
    check("C a LOGN bob {6}\nS a BAD what is secret", "command/client/BAD 2 ()");
    /* A line that was folded. */
    check("C a AUTHENTICATE PLAIN\nS + \nC AGJvYgBz\nC ZWNyZXQ=\nS a NO not secret",
          "login/server/NO 5 ()");
    check("C a AUTHENTICATE PLAIN =\nS a NO not now", "login/server/NO 2 (not now)");
    check("C a AUTHENTICATE LOGIN\nS + \nC Ym9i\nS + \nC c2VjcmV0\nS a NO not secret",
          "login/server/NO 6 ()");
    /* A name that nobody knows may be LOGIN, misspelt. */
    check("C a LOGN bob secret\nS a BAD what is LOGN bob secret", "command/client/BAD 2 ()");
    check("C a LOGN bob secret\nS a BAD unknown command", "command/client/BAD 2 (unknown command)");
    /* Behind the name of another command, with or without its own. */
    check("C a UID LOGIN bob secret\nS a BAD what is UID LOGIN bob secret",
          "command/client/BAD 2 ()");
    check("C a NOOP bob secret\nS a BAD what is NOOP bob secret", "command/client/BAD 2 ()");
    check("C a UID FETCH secret\nS a BAD what is secret", "command/client/BAD 2 (what is secret)");
    /* One of its words. */
    check("C a LOGIN bob my secret\nS a NO what is secret", "login/server/NO 2 ()");
    check("C a ID (x\nS a BAD unknown x", "id/client/BAD 2 ()");
    /* The command, or what was sent for it, in base64. */
    check("C a LOGIN bob secret\nS a NO what is TE9HSU4gYm9iIHNlY3JldA==",
          "login/server/NO 2 (what is ...)");
    /* Another's words, a hole, a list that is full: nothing is sure. */
    check("C a LOGIN bob secret\nS a OK in\nC b SELECT x\nS b NO secret", "select/server/NO 4 ()");
    check("C a NOOP\n?\nS b OK in\nC c LOGIN bob secret\nS c NO [ALERT] words",
          "login/server/NO 5 ([ALERT])");
}

static void test_commands(void)
{
    check("C a SELECT x\nS a NO [NONEXISTENT] no such",
          "select/server/NO 2 ([NONEXISTENT] no such)");
    check("C a EXAMINE x\nS a BAD what", "select/client/BAD 2 (what)");
    check("C a SELECT x\nS a BAD [SERVERBUG] what", "select/server/BAD 2 ([SERVERBUG] what)");
    check("C a SELECT x\nS a NO x\nC b SELECT y\nS b OK y", "");
    check("C a CREATE x\nS a NO there\nC b NOOP\nS b OK done", "command/server/NO 2 (there)");
    check("C a CREATE x\nS a NO there\nC b SEARCH ALL\nS b OK done", "");
    check("C a CREATE x\nS a NO there\nC b CREATE y\nS b NO too", "command/server/NO 2 (there)");
    check("C a ID NIL\nS a BAD never", "id/client/BAD 2 (never)");
    check("C a ID NIL\nS a BAD never\nC b SELECT x\nS b NO unsafe", "select/server/NO 4 (unsafe)");
    check("C a STARTTLS\nS a NO not now", "starttls/server/NO 2 (not now)");
}

static void test_bye(void)
{
    char *text = g_strnfill(IMAPID_OUTCOME_TEXT_MAX + 1, 'x');
    char *line = g_strdup_printf("S * BYE %s", text);
    char *want = g_strdup_printf("greeting/server/BYE 1 (%s...)", text + 1);

    check(line, want);
    check("S * BYE Too many connections", "greeting/server/BYE 1 (Too many connections)");
    check("S * OK hi\nS * BYE idle too long", "login/server/BYE 2 (idle too long)");
    check("S * PREAUTH hi\nS * BYE idle too long", "command/server/BYE 2 (idle too long)");
    check("S * PREAUTH hi\nC a IDLE\nS + \nS * BYE down", "idle/server/BYE 4 (down)");
    check("S * OK hi\nC a WHAT\nS a BAD what\nS * BYE enough", "command/server/BYE 4 (enough)");
    check("S * OK hi\nC a LOGOUT\nS * BYE bye\nS a OK done", "");
    check("S * OK hi\nS * BYE one\nS * BYE two", "login/server/BYE 2 (one)");
    /* LOGOUT may be in the hole. */
    check("S * OK hi\n?\nS * BYE one", "");
    check("S * OK hi\n?\nC a IDLE\nS * BYE one", "idle/server/BYE 4 (one)");
    g_free(text);
    g_free(line);
    g_free(want);
}

/* The verdict on lines, and what the front end adds. */
static void judge(const char *lines, struct imapid_verdict_facts facts, const char *want)
{
    static const char *const healths[] = {"unknown", "ill", "healthy"};
    struct imapid_outcome outcome = {0};
    struct imapid_verdict verdict;
    char *got;

    feed(&outcome, lines);
    facts.has_octets[0] = facts.has_octets[1] = facts.is_connected = !facts.last.frame || lines[0];
    if (!facts.alert)
        facts.alert = -1;
    if (!facts.warning_place.frame)
        facts.warning = -1;
    imapid_verdict_make(&outcome, &facts, &verdict);
    got = g_strdup_printf("%s/%s/%s %d %s", imapid_stage_name(verdict.stage),
                          imapid_party_name(verdict.by), verdict.status, (int)verdict.place.frame,
                          healths[verdict.healthy]);
    g_assert_cmpstr(got, ==, want);
    g_free(got);
}

#define PLACE(n)                                                                                   \
    {                                                                                              \
        n, (n)*INT64_C(1000000000)                                                                 \
    }
#define CLOSED(by, n) .from_start = true, .closer = IMAPID_PARTY_##by, .closed = PLACE(n)
#define FACTS(...)                                                                                 \
    (struct imapid_verdict_facts)                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void test_end(void)
{
    const char *in = "S * OK hi\nC a LOGIN b c\nS a OK in\n";
    char *lines = g_strconcat(in, "C b LOGOUT\nS * BYE x\nS b OK y", NULL);

    judge(lines, FACTS(CLOSED(SERVER, 9)), "end/client/OK 6 healthy");
    judge(in, FACTS(CLOSED(CLIENT, 9)), "end/client/FIN 9 healthy");
    judge(in, FACTS(CLOSED(SERVER, 9)), "end/server/FIN 9 ill");
    judge(in, FACTS(CLOSED(SERVER, 9), .is_reset = true), "end/server/RST 9 ill");
    judge(in, FACTS(.from_start = true, .last = PLACE(9)),
          "unknown/capture/capture-ends 9 unknown");
    g_free(lines);
    lines = g_strconcat(in, "C b FETCH 1 x\n", NULL);
    judge(lines, FACTS(CLOSED(CLIENT, 9)), "command/client/timeout 9 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 9), .farewell = PLACE(8)), "command/client/timeout 8 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 4)), "command/client/FIN 4 ill");
    judge(lines, FACTS(CLOSED(SERVER, 9)), "command/server/FIN 9 ill");
    judge(lines, FACTS(.from_start = true), "command/capture/capture-ends 4 ill");
    judge(lines, FACTS(CLOSED(SERVER, 9), .is_reset = true, .is_foreign = true),
          "command/network/RST 9 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 9), .unreadable = PLACE(5)),
          "command/client/bad-deflate 5 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 9), .unreadable = PLACE(5), .unreadable_side = IMAPID_SERVER),
          "command/server/bad-deflate 5 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 9), .stall[1] = {.n_again = 1, .again = PLACE(5)}),
          "command/client/timeout 9 ill");
    judge(lines, FACTS(CLOSED(CLIENT, 9), .stall[1] = {.n_again = 2, .again = PLACE(5)}),
          "command/network/retransmissions 5 ill");
    judge(lines, FACTS(CLOSED(SERVER, 9), .stall[0].shut = PLACE(5)),
          "command/client/zero-window 5 ill");
    judge(lines, FACTS(CLOSED(SERVER, 5), .stall[0].shut = PLACE(5)), "command/server/FIN 5 ill");
    g_free(lines);
    lines = g_strconcat(in, "C b IDLE\nS + \n", NULL);
    judge(lines, FACTS(CLOSED(CLIENT, 9)), "idle/client/FIN 9 healthy");
    judge(lines, FACTS(CLOSED(SERVER, 9), .is_reset = true, .is_foreign = true),
          "idle/network/RST 9 ill");
    g_free(lines);
    judge("S * OK hi\nC a LOGIN b c\nS * BAD inside\n", FACTS(CLOSED(SERVER, 9)),
          "login/server/BAD 3 ill");
}

static void test_start(void)
{
    judge("", FACTS(CLOSED(SERVER, 9), .first = PLACE(1)), "greeting/server/FIN 9 ill");
    judge("", FACTS(CLOSED(CLIENT, 9), .first = PLACE(1)), "greeting/client/timeout 9 ill");
    judge("", FACTS(.from_start = true, .first = PLACE(1)),
          "greeting/capture/capture-ends 1 unknown");
    judge("", FACTS(CLOSED(CLIENT, 9), .greets_as = "not-imap:pop3", .greeting = PLACE(4)),
          "greeting/server/not-imap:pop3 4 ill");
    judge("",
          FACTS(CLOSED(SERVER, 9), .is_tls_port = true, .client_first = PLACE(4),
                .opening[0] = IMAPID_OPENING_TEXT),
          "tls/client/plain-on-tls-port 4 ill");
    judge("S * OK hi",
          FACTS(CLOSED(SERVER, 9), .is_tls_port = true,
                .opening = {IMAPID_OPENING_TEXT, IMAPID_OPENING_TEXT}),
          "login/server/FIN 9 ill");
    judge("",
          FACTS(CLOSED(SERVER, 9), .client_first = PLACE(4), .hello = PLACE(4),
                .opening = {IMAPID_OPENING_TLS, IMAPID_OPENING_TEXT}),
          "tls/client/tls-on-plain-port 4 ill");
    judge("",
          FACTS(CLOSED(SERVER, 9), .client_first = PLACE(4), .hello = PLACE(4), .is_tls_port = true,
                .opening = {IMAPID_OPENING_TLS, IMAPID_OPENING_TEXT}),
          "tls/server/tls-on-plain-port 4 ill");
    judge("", FACTS(CLOSED(SERVER, 9), .hello = PLACE(4), .warning = 0, .warning_place = PLACE(8)),
          "tls/client/close_notify 8 ill");
    judge("", FACTS(CLOSED(SERVER, 9), .hello = PLACE(4), .warning = 0, .warning_place = PLACE(10)),
          "tls/server/FIN 9 ill");
    judge("",
          FACTS(CLOSED(SERVER, 9), .hello = PLACE(4), .alert = 40, .alert_place = PLACE(8),
                .alert_side = IMAPID_SERVER, .warning = 112, .warning_place = PLACE(7)),
          "tls/server/handshake_failure 8 ill");
    judge(
        "S * OK [CAPABILITY IMAP4rev1 LOGIN] hi\nC a CAPABILITY\nS * CAPABILITY IMAP4rev1\nS a OK",
        FACTS(CLOSED(CLIENT, 9)), "starttls/client/not-offered 1 ill");
    judge("S * OK [CAPABILITY IMAP4rev1 XXXXXXXA] hi\nC a CAPABILITY\nS * CAPABILITY X\nS a OK",
          FACTS(CLOSED(CLIENT, 9)), "starttls/network/not-offered 1 ill");
    judge("S * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC a CAPABILITY\nS * CAPABILITY STARTTLS\nS a "
          "OK",
          FACTS(CLOSED(CLIENT, 9)), "login/client/FIN 9 unknown");
    judge("S * OK hi", FACTS(CLOSED(CLIENT, 9)), "login/client/FIN 9 unknown");
    /* Nothing says that this one wanted STARTTLS. */
    judge("S * OK [CAPABILITY IMAP4rev1] hi\nC a CAPABILITY\nS * CAPABILITY IMAP4rev1\nS a OK\n"
          "C b ID NIL\nS b OK",
          FACTS(CLOSED(CLIENT, 9)), "login/client/FIN 9 unknown");
    judge("S * OK hi", FACTS(CLOSED(SERVER, 9)), "login/server/FIN 9 ill");
}

static void test_connect(void)
{
    judge("", FACTS(CLOSED(SERVER, 2), .is_reset = true, .first = PLACE(1), .last = PLACE(2)),
          "connect/server/refused 2 ill");
    judge("", FACTS(.from_start = true, .first = PLACE(1), .last = PLACE(4)),
          "connect/network/timeout 4 ill");
    judge("",
          FACTS(.from_start = true, .first = PLACE(1), .last = PLACE(4), .error = "prohibited",
                .error_place = PLACE(2)),
          "connect/network/prohibited 2 ill");
    judge("",
          FACTS(CLOSED(SERVER, 3), .is_reset = true, .last = PLACE(3), .error = "prohibited",
                .error_place = PLACE(2)),
          "connect/server/refused 3 ill");
    judge("", FACTS(.from_start = true, .first = PLACE(1), .last = PLACE(1)),
          "connect/capture/capture-ends 1 unknown");
}

static void test_tls(void)
{
    judge("", FACTS(CLOSED(CLIENT, 9), .hello = PLACE(4), .alert = 48, .alert_place = PLACE(8)),
          "tls/client/unknown_ca 8 ill");
    judge("", FACTS(CLOSED(CLIENT, 9), .hello = PLACE(4), .alert = 200, .alert_place = PLACE(8)),
          "tls/client/alert 8 ill");
    /* A FIN before the alert that answers it. */
    judge("", FACTS(CLOSED(SERVER, 6), .hello = PLACE(4), .alert = 50, .alert_place = PLACE(7)),
          "tls/server/FIN 6 ill");
    /* No ClientHello, and nothing is missing. */
    judge("C a STARTTLS\nS a OK", FACTS(CLOSED(CLIENT, 9), .is_tls = true, .is_lossless = true),
          "tls/client/timeout 9 ill");
    /* STARTTLS was accepted, and words follow: of the client, which did not begin TLS, or of the server, which did not
     * answer. Words before the TLS that came stopped nothing; where octets are missing, TLS may be. */
    judge("",
          FACTS(CLOSED(SERVER, 9), .is_tls = true, .is_starttls = true, .is_lossless = true,
                .plain = {PLACE(7), PLACE(8)}),
          "tls/client/plain-on-tls-port 7 ill");
    judge("",
          FACTS(CLOSED(CLIENT, 9), .is_tls = true, .is_starttls = true, .is_lossless = true,
                .hello = PLACE(7), .plain[IMAPID_SERVER] = PLACE(8)),
          "tls/server/plain-on-tls-port 8 ill");
    judge("",
          FACTS(CLOSED(CLIENT, 9), .is_tls = true, .is_starttls = true, .is_lossless = true,
                .hello = PLACE(7), .is_answered = true, .alert = 48, .alert_place = PLACE(8),
                .plain = {PLACE(5), PLACE(6)}),
          "tls/client/unknown_ca 8 ill");
    judge("",
          FACTS(CLOSED(SERVER, 9), .is_tls = true, .is_starttls = true, .hello = PLACE(7),
                .plain[IMAPID_SERVER] = PLACE(8)),
          "tls/server/FIN 9 ill");
    judge("", FACTS(.from_start = true, .hello = PLACE(4)), "tls/capture/capture-ends 4 unknown");
    judge(
        "",
        FACTS(CLOSED(CLIENT, 9), .hello = PLACE(4), .is_tls_done = true, .not_decrypted = "no-key"),
        "unknown/capture/no-key 4 unknown");
    /* The handshake is over: an alert may still be about it, or ends what comes behind it; the first cause counts. */
    judge("C a CAPABILITY",
          FACTS(CLOSED(SERVER, 9), .is_tls_done = true, .alert = 116, .alert_side = IMAPID_SERVER,
                .alert_place = PLACE(8)),
          "tls/server/certificate_required 8 ill");
    judge("S * OK hi\nC a LOGIN b c",
          FACTS(CLOSED(CLIENT, 9), .is_tls_done = true, .alert = 20, .alert_place = PLACE(8)),
          "login/client/bad_record_mac 8 ill");
    judge("S * OK hi\nC a LOGIN b c\nS a NO no",
          FACTS(CLOSED(SERVER, 9), .is_tls_done = true, .alert = 80, .alert_place = PLACE(8)),
          "login/server/NO 3 ill");
    judge("", FACTS(CLOSED(SERVER, 9), .hello = PLACE(4), .is_tls_port = true, .is_tls_done = true),
          "greeting/server/FIN 9 ill");
}

static void test_protocols(void)
{
    static const char *const greetings[][2] = {{"+OK ready", "not-imap:pop3"},
                                               {"220 mx ESMTP", "not-imap:smtp"},
                                               {"220 FTP ready", "not-imap:ftp"},
                                               {"SSH-2.0-x", "not-imap:ssh"},
                                               {"http/1.1 400", "not-imap:http"},
                                               {"what", NULL},
                                               {"", NULL}};

    for (size_t i = 0; i < G_N_ELEMENTS(greetings); i++)
        g_assert_cmpstr(
            imapid_verdict_protocol((const uint8_t *)greetings[i][0], strlen(greetings[i][0])), ==,
            greetings[i][1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outcome/login", test_login);
    g_test_add_func("/outcome/secrets", test_secrets);
    g_test_add_func("/outcome/commands", test_commands);
    g_test_add_func("/outcome/bye", test_bye);
    g_test_add_func("/verdict/end", test_end);
    g_test_add_func("/verdict/start", test_start);
    g_test_add_func("/verdict/connect", test_connect);
    g_test_add_func("/verdict/tls", test_tls);
    g_test_add_func("/verdict/protocols", test_protocols);
    return g_test_run();
}
