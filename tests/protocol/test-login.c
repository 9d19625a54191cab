/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a session logs in: mechanisms, outcomes, passwords in the clear. */
#include <imapid/login.h>

#include <glib.h>
#include <string.h>

/* Takes lines "C: ..." and "S: ..."; "D: ..." is a line of SASL data, "R" the refusal of a literal.
 * "C? ...": nothing has confirmed it. */
static void feed(struct imapid_login *login, const char *lines, bool is_encrypted)
{
    char **list = g_strsplit(lines, "\n", -1);

    for (char **line = list; *line; line++) {
        char *octets = g_strconcat(*line + MIN(3, strlen(*line)), "\r\n", NULL);
        struct imapid_unit unit;

        if (**line == 'R') {
            imapid_login_lose_literal(login);
        } else if (**line) {
            imapid_unit_read(&unit, **line == 'S' ? IMAPID_SERVER : IMAPID_CLIENT,
                             (const uint8_t *)octets, strlen(octets));
            if (**line == 'D') {
                unit.kind = IMAPID_UNIT_CONTINUED;
                unit.args = (struct imapid_slice){0, strlen(octets) - 2};
            }
            imapid_login_take(login, &unit, true, is_encrypted, (*line)[1] == '?');
        }
        g_free(octets);
    }
    g_strfreev(list);
}

static void check_auths(const char *lines, bool is_encrypted, const char *want)
{
    static struct imapid_login login;
    GString *out = g_string_new(NULL);

    memset(&login, 0, sizeof login);
    feed(&login, lines, is_encrypted);
    for (unsigned i = 0; i < login.n_auths; i++) {
        const struct imapid_auth *auth = &login.auths[i];

        g_string_append_printf(out, "%s%s %s%s", i ? ", " : "", auth->mechanism,
                               auth->status == IMAPID_WORD_OK    ? "OK"
                               : auth->status == IMAPID_WORD_NO  ? "NO"
                               : auth->status == IMAPID_WORD_BAD ? "BAD"
                                                                 : "?",
                               auth->cleartext_password ? " clear" : "");
    }
    g_assert_cmpstr(out->str, ==, want);
    g_string_free(out, TRUE);
}

static void test_login(void)
{
    check_auths("C: a1 LOGIN u p\nS: a1 OK", false, "LOGIN OK clear");
    check_auths("C: a1 LOGIN u p\nS: a1 NO", false, "LOGIN NO clear");
    check_auths("C: a1 LOGIN u p\nS: a1 OK", true, "LOGIN OK");
    check_auths("C: a1 LOGIN u p", false, "LOGIN ? clear");
    check_auths("C: a1 LOGIN u p\nS: a2 OK", false, "LOGIN ? clear");
    /* A literal that was refused never came; one that was not tells by the answer. */
    check_auths("C: a1 LOGIN {5}\nR\nS: a1 NO", false, "LOGIN NO");
    check_auths("C: a1 LOGIN u {5}\nR\nS: a1 BAD", false, "LOGIN BAD");
    check_auths("C: a1 LOGIN u {5}", false, "LOGIN ?");
    check_auths("C: a1 LOGIN u {5}\nS: a1 BAD", false, "LOGIN BAD clear");
    check_auths("C: a1 LOGIN {5}\nS: a1 NO", false, "LOGIN NO clear");
    check_auths("C: a1 LOGIN {5}\nS: a1 NO", true, "LOGIN NO");
    check_auths("C: a1 LOGIN {5}\nS: a1 BAD", false, "LOGIN BAD");
    check_auths("C: a1 LOGIN u {5+}", false, "LOGIN ? clear");
    check_auths("C: a1 LOGIN {5+}", false, "LOGIN ?");
    check_auths("C: a1 LOGIN u p}", false, "LOGIN ? clear");
    check_auths("C: a1 LOGIN }\nS: a1 NO", false, "LOGIN NO");
    check_auths("C: a1 LOGIN \"u v\" {5}\nR\nS: a1 NO", false, "LOGIN NO");
    check_auths("C: a1 LOGIN u {5}\nS: a1 OK", false, "LOGIN OK clear");
    check_auths("C: a1 LOGIN", false, "LOGIN ?");
}

static void test_authenticate(void)
{
    check_auths("C: a1 AUTHENTICATE PLAIN AHUAcA==\nS: a1 OK", false, "PLAIN OK clear");
    check_auths("C: a1 authenticate plain\nS: + \nD: AHUAcA==\nS: a1 NO", false, "PLAIN NO clear");
    check_auths("C: a1 AUTHENTICATE PLAIN\nS: + \nD: *\nS: a1 BAD", false, "PLAIN BAD");
    check_auths("C: a1 AUTHENTICATE PLAIN\nS: a1 NO", false, "PLAIN NO");
    check_auths("C: a1 AUTHENTICATE PLAIN =\nS: a1 NO", false, "PLAIN NO");
    check_auths("C: a1 AUTHENTICATE LOGIN\nS: + \nD: dQ==\nS: a1 NO", false, "LOGIN NO");
    check_auths("C: a1 AUTHENTICATE LOGIN\nS: + \nD: dQ==\nS: + \nD: cA==\nS: a1 NO", false,
                "LOGIN NO clear");
    check_auths("C: a1 AUTHENTICATE PLAIN AHUAcA==\nS: a1 OK", true, "PLAIN OK");
    check_auths("C: a1 AUTHENTICATE CRAM-MD5\nS: + x\nD: dQ==\nS: a1 OK", false, "CRAM-MD5 OK");
    check_auths("C: a1 AUTHENTICATE XOAUTH2 xx\nS: a1 OK", false, "XOAUTH2 OK");
    /* What may be a name or a password is not shown. */
    check_auths("C: a1 AUTHENTICATE joe secret\nS: a1 BAD", false, "other BAD");
    check_auths("C: a1 AUTHENTICATE\nS: a1 BAD", false, "other BAD");
}

static void test_several(void)
{
    check_auths("C: a1 LOGIN u p\nC: a2 LOGIN u p\nS: a1 NO\nS: a2 OK", false,
                "LOGIN NO clear, LOGIN OK clear");
    /* A tag that comes again is another command's: the first answer was missed. */
    check_auths("C: a1 LOGIN u p\nC: a1 NOOP\nS: a1 OK", false, "LOGIN ? clear");
    check_auths("C: 1 LOGIN u p\nS: 1 NO\nC: 2 LOGIN u p\nS: 2 NO\nC: 3 LOGIN u p\nS: 3 NO\n"
                "C: 4 LOGIN u p\nC: 5 AUTHENTICATE NTLM\nS: 4 OK\nS: 5 NO",
                false, "LOGIN NO clear, LOGIN NO clear, LOGIN NO clear, NTLM NO");
}

/* What nothing has confirmed counts from the answer to its tag on. */
static void test_behind_hole(void)
{
    check_auths("C? a1 LOGIN u p", false, "");
    check_auths("C? a1 LOGIN u p\nS: a2 OK", false, "");
    check_auths("C? a1 LOGIN u p\nS: a1 OK", false, "LOGIN OK clear");
    check_auths("C? a1 LOGIN u p\nS? a1 NO", false, "LOGIN NO clear");
    check_auths("C? a1 LOGIN u p\nS: a1 OK", true, "LOGIN OK");
    check_auths("C? a1 AUTHENTICATE PLAIN\nD? AHUAcA==\nS: a1 NO", false, "PLAIN NO clear");
    check_auths("C? a1 AUTHENTICATE PLAIN\nS: a1 NO", false, "PLAIN NO");
    /* The text of a message takes nothing from what is known. */
    check_auths("C: a1 AUTHENTICATE PLAIN\nC? a1 LOGIN u p\nS: a1 NO", false, "PLAIN NO");
    check_auths("C: a1 AUTHENTICATE PLAIN\nD? AHUAcA==\nS: a1 NO", false, "PLAIN NO");
    check_auths("C: a1 LOGIN u p\nC? b1 LOGIN u p\nC? b2 LOGIN u p\nC? b3 LOGIN u p\n"
                "C? b4 LOGIN u p\nC? b5 LOGIN u p\nC? b6 LOGIN u p\nC? b7 LOGIN u p\n"
                "C? b8 LOGIN u p\nS: a1 OK\nS: b8 OK",
                false, "LOGIN OK clear");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/login/login", test_login);
    g_test_add_func("/login/authenticate", test_authenticate);
    g_test_add_func("/login/several", test_several);
    g_test_add_func("/login/behind-a-hole", test_behind_hole);
    return g_test_run();
}
