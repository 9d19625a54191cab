/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What became of a session: refused, or told BYE; what of the server's words is kept. */
#include <imapid/outcome.h>

#include <glib.h>

/* Takes lines "NAME response": the answer to the command of that name, or ("-", "!") a BYE, the
 * latter while a login waits. */
static void check(const char *lines, const char *want)
{
    struct imapid_outcome outcome = {0};
    char **list = g_strsplit(lines, "\n", -1);
    GString *out = g_string_new(NULL);

    for (char **line = list; *line; line++) {
        char **two = g_strsplit(*line, " ", 2), *octets = g_strconcat(two[1], "\r\n", NULL);
        struct imapid_unit command, response;
        char *sent = g_strconcat("a ", two[0], "\r\n", NULL);

        imapid_unit_read(&command, IMAPID_CLIENT, (const uint8_t *)sent, strlen(sent));
        imapid_unit_read(&response, IMAPID_SERVER, (const uint8_t *)octets, strlen(octets));
        if (response.kind == IMAPID_UNIT_UNTAGGED)
            imapid_outcome_bye(&outcome, &response, *two[0] == '!');
        else
            imapid_outcome_answer(&outcome, command.word, &response);
        g_free(sent);
        g_free(octets);
        g_strfreev(two);
    }
    if (outcome.refusal != IMAPID_REFUSAL_NONE)
        g_string_append_printf(out, "%s %s (%.*s%s)", imapid_outcome_refusal(outcome.refusal),
                               outcome.status == IMAPID_WORD_NO ? "NO" : "BAD", outcome.text.n,
                               (const char *)outcome.text.octets, outcome.text.cut ? "..." : "");
    if (outcome.has_bye)
        g_string_append_printf(out, " BYE (%.*s%s)", outcome.bye.n,
                               (const char *)outcome.bye.octets, outcome.bye.cut ? "..." : "");
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
    g_strfreev(list);
}

static void test_login(void)
{
    check("LOGIN a OK done", "");
    check("LOGIN a NO [AUTHENTICATIONFAILED] no", "login refused NO ([AUTHENTICATIONFAILED])");
    check("AUTHENTICATE a BAD no", "login refused BAD ()");
    check("LOGIN a NO no\nLOGIN a OK yes", "");
    check("LOGIN a OK yes\nNOOP a BAD no", "");
    /* Words that a server repeats of the command are not kept. */
    check("LOGIN a BAD LOGIN bob secret", "login refused BAD ()");
    check("LOGIN a BAD [bob secret] no", "login refused BAD ()");
    check("LOGIN a BAD [secret] no", "login refused BAD ()");
    check("LOGIN a BAD [", "login refused BAD ()");
    check("LOGIN a BAD []", "login refused BAD ()");
    check("LOGIN a NO [ALERT]", "login refused NO ([ALERT])");
    check("LOGIN a NO [AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD] x", "login refused NO ()");
}

static void test_mailbox(void)
{
    check("SELECT a NO Unsafe Login.", "mailbox refused NO (Unsafe Login...)");
    check("EXAMINE a BAD what", "mailbox refused BAD (what)");
    check("SELECT a NO x\nSELECT a OK y", "");
    /* Another that does not exist is nothing to tell. */
    check("SELECT a OK y\nSELECT a NO x", "");
    check("LOGIN a NO x\nLOGIN a OK y\nSELECT a NO z", "mailbox refused NO (z)");
}

static void test_bye(void)
{
    char *text = g_strnfill(IMAPID_OUTCOME_TEXT_MAX + 1, 'x');
    char *line = g_strdup_printf("- * BYE %s", text + 1);
    char *want = g_strdup_printf(" BYE (%s)", text + 1);

    check(line, want);
    g_free(line);
    g_free(want);
    line = g_strdup_printf("- * BYE %s", text);
    want = g_strdup_printf(" BYE (%s...)", text + 1);
    check(line, want);
    check("- * BYE Too many connections", " BYE (Too many connections)");
    check("- * BYE one\n- * BYE two", " BYE (one)");
    check("- * BYE", " BYE ()");
    check("- * BYE LOGIN bob secret", " BYE (LOGIN...)");
    check("! * BYE LOGIN bob secret", " BYE ()");
    check("! * BYE [UNAVAILABLE] LOGIN bob secret", " BYE ([UNAVAILABLE])");
    check("LOGIN a NO no\n- * BYE bob is blocked", "login refused NO () BYE ()");
    g_free(line);
    g_free(want);
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outcome/login", test_login);
    g_test_add_func("/outcome/mailbox", test_mailbox);
    g_test_add_func("/outcome/bye", test_bye);
    return g_test_run();
}
