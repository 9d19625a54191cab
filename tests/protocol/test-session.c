/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-session.c: which response answers which command, whatever else is said in between, and what
 * may still be said where octets are missing. */
#include "feed.h"

#include <string.h>

static const struct feed_options describe = {.session = true};
static const struct feed_options middle = {.mid_session = true};
static const struct feed_options resume = {.resume = true, .session = true};

static void check(const char *transcript, const char *expected)
{
    feed_check(transcript, NULL, expected);
}

/* ---- whole sessions ---- */

static void test_plain(void)
{
    check("S: * OK hi\n"
          "C: a1 ID (\"name\" \"x\")\n"
          "S: * ID (\"name\" \"y\")\n"
          "S: a1 OK done\n",
          "a1 (name=x) -> (name=y) OK state=no id=?\n");
}

static void test_several(void)
{
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n"
          "C: a3 ID NIL\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: a3 OK\n",
          "a1 (n=1) -> (s=1) OK state=no id=?\n"
          "a3 NIL -> (s=3) OK state=no id=?\n");
}

static void test_pipelined(void)
{
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: a2 CAPABILITY\n"
          "C: a3 ID (\"n\" \"3\")\n"
          "C: a4 LOGIN joe secret\n"
          "C: a5 ID (\"n\" \"5\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * CAPABILITY IMAP4rev1 ID\n"
          "S: a2 OK\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: a3 OK\n"
          "S: a4 OK\n"
          "S: * ID (\"s\" \"5\")\n"
          "S: a5 OK\n",
          "a1 (n=1) -> (s=1) OK state=no id=?\n"
          "a3 (n=3) -> (s=3) OK state=no id=?\n"
          "a5 (n=5) -> (s=5) OK state=no id=?\n");
}

static void test_same_tag_twice(void)
{
    check("S: * OK hi\n"
          "C: a ID (\"n\" \"1\")\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a NO\n",
          "a (n=1) -> (s=1) OK state=no id=?\n"
          "a (n=2) -> (s=2) NO state=no id=?\n");
}

/* A line of the client that was missed is answered first, whatever its tag was. */
static void test_missed_line(void)
{
    check("S: * OK hi\n"
          "C! 20\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a OK\n"
          "C: a ID (\"n\" \"3\")\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: a OK\n",
          "");
    check("S: * OK hi\n"
          "C! 20\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
    /* Its end alone was seen. The answer to one before the hole is none. */
    check("S: * OK hi\n"
          "C: a NOOP\n"
          "C! 20\n"
          "C: \"n\" \"2\")\n"
          "C: b ID (\"n\" \"3\")\n"
          "S: a OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: b OK\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: b OK\n",
          "");
    feed_check("C: \"n\" \"1\")\n"
               "C: a ID (\"n\" \"2\")\n"
               "S: * ID (\"s\" \"1\")\n"
               "S: a OK\n"
               "S: * ID (\"s\" \"2\")\n"
               "S: a OK\n",
               &middle, "");
    /* Of a hole inside TLS nobody knows whether it was a line. */
    check("S: * OK hi\n"
          "C! 0\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
    /* Before the greeting it may be the end of a proxy's header. */
    check("C! 20\n"
          "C: 50000 143\n"
          "S: * OK hi\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    /* It is the end of a line that was seen. */
    check("S: * OK hi\n"
          "C. a1 ID (\"n\"\n"
          "C! 20\n"
          "C:  \"1\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 () -> (s=1) OK state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
}

/* A tag that is used again while an earlier answer to it may be missing: no answer stands beside
 * another's command. */
static void test_same_tag_in_doubt(void)
{
    /* Whose is it? That of the first may have been in the hole. */
    check("S: * OK hi\n"
          "C: a ID (\"n\" \"1\")\n"
          "S! 30\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a OK\n"
          "S: b OK\n",
          "a (n=1) -> - none state=no id=? lost\n"
          "a (n=2) -> - none state=no id=? lost\n");
    /* An untagged ID answers no NOOP; and from then on all is known again. */
    check("S: * OK hi\n"
          "C: a NOOP\n"
          "S! 30\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a OK\n"
          "C: a ID (\"n\" \"3\")\n"
          "S: a NO\n",
          "a (n=2) -> (s=2) OK state=no id=?\n"
          "a (n=3) -> - NO state=no id=?\n");
    /* Nor one that has its untagged ID already. */
    check("S: * OK hi\n"
          "C: a ID (\"n\" \"1\")\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S! 6\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a OK\n",
          "a (n=1) -> (s=1) none state=no id=? lost\n"
          "a (n=2) -> (s=2) OK state=no id=? lost\n");
    /* An earlier command is not waited for when a later one with a tag of its own is answered. */
    check("S: * OK hi\n"
          "C: a NOOP\n"
          "S! 6\n"
          "C: b NOOP\n"
          "S: b OK\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: a NO\n",
          "a (n=2) -> - NO state=no id=?\n");
    /* The tag of a command that was missed; its answer comes first. */
    check("S: * OK hi\n"
          "C: a NOOP\n"
          "S: a OK\n"
          "C! 20\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a OK\n",
          "");
    /* The same behind one that may be answered already. */
    check("S: * OK hi\n"
          "C: a NOOP\n"
          "S! 6\n"
          "C: a ID (\"n\" \"2\")\n"
          "S: a NO\n"
          "C! 20\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: a OK\n",
          "a (n=2) -> - none state=no id=? lost\n");
}

/* A response whose result is missing takes none of another command. */
static void test_result_missing(void)
{
    check("S: * OK hi\n"
          "C! 20\n"
          "S: * ID (\"s\" \"1\")\n"
          "S! 6\n"
          "S: a9 NO\n"
          "S: * BYE\n",
          "- - -> (s=1) none state=? id=? lost\n");
    check("S: * OK hi\n"
          "C! 20\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S! 6\n"
          "S: a2 OK\n",
          "a2 (n=2) -> - OK state=? id=? lost\n");
}

static void test_results(void)
{
    check("S: * OK hi\n"
          "C: a1 ID NIL\n"
          "S: a1 BAD what\n"
          "C: a2 ID NIL\n"
          "S: a2 NO why\n"
          "C: a3 ID NIL\n"
          "S: a3 OK none\n"
          "C: a4 ID NIL\n"
          "S: * ID NIL\n"
          "S: * ID NIL\n"
          "S: * ID NIL\n"
          "S: a4 OK\n"
          "C: a5 ID NIL\n",
          "a1 NIL -> - BAD state=no id=?\n"
          "a2 NIL -> - NO state=no id=?\n"
          "a3 NIL -> - OK state=no id=?\n"
          "a4 NIL -> NIL OK state=no id=? responses=3\n"
          "a5 NIL -> - none state=no id=?\n");
}

static void test_unsolicited(void)
{
    check("S: * OK hi\n"
          "C: a1 NOOP\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n",
          "- - -> (s=1) none state=no id=? unsolicited\n"
          "- - -> (s=2) none state=no id=? unsolicited\n");
    /* Before the client's first word: judged when all is known. */
    check("S: * OK hi\n"
          "S: * ID (\"s\" \"1\")\n"
          "C: a1 NOOP\n"
          "S: a1 OK\n",
          "- - -> (s=1) none state=no id=? unsolicited\n");
}

/* More IDs at once than there is room for: what may be mixed up is said to be lost. */
static void test_many_at_once(void)
{
    GString *text = g_string_new("S: * OK hi\n");
    struct feed_transcript *transcript;
    char *said;

    for (int i = 0; i < 12; i++)
        g_string_append_printf(text, "C: a%d ID (\"n\" \"%d\")\n", i, i);
    for (int i = 0; i < 12; i++)
        g_string_append_printf(text, "S: * ID (\"s\" \"%d\")\nS: a%d OK\n", i, i);
    g_string_append(text, "C: b1 ID (\"n\" \"b1\")\nS: * ID (\"s\" \"b1\")\nS: b1 OK\n");
    transcript = feed_parse(text->str);
    said = feed_run(transcript, NULL, NULL, 0);
    {
        char **lines = g_strsplit(said, "\n", -1);

        g_assert_cmpint(g_strv_length(lines), >, 9);
        for (char **line = lines; *line && **line; line++)
            g_assert_true(strstr(*line, " lost") || g_str_has_prefix(*line, "b1 "));
        g_strfreev(lines);
    }
    g_assert_nonnull(strstr(said, "b1 (n=b1) -> (s=b1) OK state=no id=?\n"));
    g_free(said);
    feed_transcript_free(transcript);
    g_string_free(text, TRUE);
}

/* Many other commands in flight: the forgotten ones cost nothing. */
static void test_many_pending(void)
{
    GString *text = g_string_new("S: * OK hi\nC: i ID NIL\n");
    struct feed_transcript *transcript;
    char *said;

    for (int i = 0; i < 40; i++)
        g_string_append_printf(text, "C: a%d NOOP\n", i);
    g_string_append(text, "S: * ID NIL\nS: i OK\n");
    for (int i = 0; i < 40; i++)
        g_string_append_printf(text, "S: a%d OK\n", i);
    transcript = feed_parse(text->str);
    said = feed_all(transcript, NULL);
    g_assert_cmpstr(said, ==, "i NIL -> NIL OK state=no id=?\n");
    g_free(said);
    feed_transcript_free(transcript);
    g_string_free(text, TRUE);
}

/* ---- literals the server refuses ---- */

static void test_refused_id(void)
{
    check("S: * OK hi\n"
          "C: a1 ID (\"name\" \"x\" \"version\" {5}\n"
          "S: a1 BAD no literals\n"
          "C: a2 ID (\"name\" \"x\")\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a1 (name=x) -> - BAD state=no id=?\n"
          "a2 (name=x) -> NIL OK state=no id=?\n");
    /* Two literals, the second is refused. */
    check("S: * OK hi\n"
          "C{ a1 ID (\"name\" \n"
          "S: + go\n"
          "C. x\\r\\n\n"
          "C:  \"version\" {7}\n"
          "S: a1 NO enough\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n",
          "a1 (name=x\\x0d\\x0a) -> - NO state=no id=?\n");
}

static void test_refused_append(void)
{
    check("S: * OK hi\n"
          "C: a1 APPEND INBOX {500}\n"
          "S: a1 NO quota\n"
          "C: a2 ID (\"name\" \"x\")\n"
          "S: * ID NIL\n"
          "S: a2 OK\n"
          "C{ a3 APPEND INBOX \n"
          "S: + go\n"
          "C. d1 ID NIL\\r\\n\n"
          "C:  {100}\n"
          "S: * 3 EXISTS\n"
          "S: a3 BAD no MULTIAPPEND\n"
          "C: a4 ID NIL\n"
          "S: a4 OK\n",
          "a2 (name=x) -> NIL OK state=no id=?\n"
          "a4 NIL -> - OK state=no id=?\n");
}

/* Another command's answer refuses nothing. */
static void test_refusal_is_by_tag(void)
{
    check("S: * OK hi\n"
          "C: a1 NOOP\n"
          "C{ a2 ID (\"name\" \n"
          "S: a1 BAD\n"
          "S: + go\n"
          "C. x\n"
          "C: )\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a2 (name=x) -> NIL OK state=no id=?\n");
}

/* ---- lines that are no commands ---- */

static void test_authenticate(void)
{
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE X\n"
          "S: + \n"
          "C: d1 ID (\"name\" \"decoy\")\n"
          "S: + \n"
          "C: d2 ID ({100}\n"
          "S: + \n"
          "C: *\n"
          "S: a1 BAD cancelled\n"
          "C: a2 ID (\"name\" \"x\")\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a2 (name=x) -> NIL OK state=no id=?\n");
}

/* What no SASL exchange has, and the server did not ask for, is a command. */
static void test_behind_authenticate(void)
{
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE PLAIN AGpvZQBzZWNyZXQ=\n"
          "C: a2 ID (\"name\" \"x\")\n"
          "S: a1 OK in\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a2 (name=x) -> NIL OK state=no id=?\n");
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE PLAIN\n"
          "C: AGpvZQBzZWNyZXQ=\n"
          "C: a2 ID (\"name\" {1}\n"
          "S: + \n"
          "S: a1 OK in\n"
          "S: + go\n"
          "C: x)\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a2 (name=x) -> NIL OK state=yes id=?\n");
    check("S: * OK hi\n" /* the server asks twice */
          "C: a1 AUTHENTICATE X\n"
          "S: + \n"
          "C: \n"
          "C: a2 ID NIL\n"
          "S: + \n"
          "C: d1 ID (\"name\" \"decoy\")\n"
          "S: a1 OK in\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
}

/* What follows AUTHENTICATE is in a security layer where it does not begin as a line does. */
static void test_sasl_layer(void)
{
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE DIGEST-MD5\n"
          "S: + cmVhbG0=\n"
          "C: \n"
          "S. \\x00\\x00\\x00\\x20a1 OK in\n"
          "S: x\n",
          "switch sasl\n");
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE GSSAPI\n"
          "S: + \n"
          "C: YQ==\n"
          "S: a1 OK in\n"
          "C. \\x00\\x00\\x00\\x20\n"
          "S: x\n",
          "switch sasl\n");
    check("S: * OK hi\n" /* nobody spoke of one */
          "C: a1 NOOP\n"
          "S. \\x00\\x00\\x00\\x20a1 OK in\n"
          "S: x\n",
          "");
}

/* What a server says without the tag is what became of an ID where nothing else comes. */
static void test_untagged_status(void)
{
    check("S: * OK hi\n"
          "C: a1 ID NIL\n"
          "S: * BAD malformed\n"
          "C: a2 LOGOUT\n"
          "S: * BYE bye\n"
          "S: a2 OK\n",
          "a1 NIL -> - *BAD state=no id=?\n");
    check("S: * OK hi\n"
          "C: a1 ID NIL\n"
          "S: * NO the disk is full\n"
          "S: * BYE unknown command\n",
          "a1 NIL -> - *BYE state=no id=?\n");
    check("S: * OK hi\n" /* the tagged one counts */
          "C: a1 ID NIL\n"
          "S: * NO the disk is full\n"
          "S: a1 OK\n",
          "a1 NIL -> - OK state=no id=?\n");
    check("S: * OK hi\n" /* whose it is nobody knows */
          "C: a1 ID NIL\n"
          "C: a2 NOOP\n"
          "S: * BAD malformed\n",
          "a1 NIL -> - none state=no id=?\n");
    check("S: * OK hi\n" /* LOGOUT asked for it */
          "C: a1 ID NIL\n"
          "C: a2 LOGOUT\n"
          "S: * BYE bye\n",
          "a1 NIL -> - none state=no id=?\n");
    check("S: * OK hi\n" /* the tagged one may be lost */
          "C: a1 ID NIL\n"
          "S: * BAD malformed\n"
          "S! 20\n",
          "a1 NIL -> - none state=no id=? lost\n");
}

/* Blanks before an untagged ID are a fault of the server's, and no more. */
static void test_indented(void)
{
    check("S: * OK hi\n"
          "C: a1 ID NIL\n"
          "S:  * ID (\"n\" \"1\")\n"
          "S: a1 OK\n",
          "a1 NIL -> (n=1) OK state=no id=?\n");
}

static void test_idle(void)
{
    check("S: * OK hi\n"
          "C: a1 IDLE\n"
          "S: + idling\n"
          "S: * 3 EXISTS\n"
          "C: done\n"
          "S: a1 OK\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
    /* DONE and the next commands in one go. */
    check("S: * OK hi\n"
          "C: a1 IDLE\n"
          "C: DONE\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: + idling\n"
          "S: a1 OK\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a2 (n=2) -> NIL OK state=no id=?\n");
    /* IDLE is refused. */
    check("S: * OK hi\n"
          "C: a1 IDLE\n"
          "S: a1 BAD what\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
}

static void test_unknown_command_asks(void)
{
    check("S: * OK hi\n"
          "C: a1 XAUTH\n"
          "S: + more\n"
          "C: d1 ID (\"name\" \"decoy\")\n"
          "S: + more\n"
          "C: d2 ID (\"name\" \"decoy\")\n"
          "S: a1 OK\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
    /* It asks and then gives up at once. */
    check("S: * OK hi\n"
          "C: a1 XAUTH\n"
          "S: + more\n"
          "S: a1 BAD\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
}

static void test_messages(void)
{
    check("S: * OK hi\n"
          "C{ a1 APPEND INBOX (\\\\Seen) \n"
          "S: + go\n"
          "C. d1 ID (\"name\" \"decoy\")\\r\\na1 ID (\"name\" \"decoy\")\\r\\n\n"
          "C: \n"
          "S: a1 OK\n"
          "C: a2 FETCH 1 BODY[]\n"
          "S{ * 1 FETCH (BODY[] \n"
          "S. * ID (\"name\" \"decoy\")\\r\\na2 OK\\r\\n+ go\\r\\n\n"
          "S: )\n"
          "S: a2 OK\n"
          "C: a3 ID NIL\n"
          "S: a3 OK\n",
          "a3 NIL -> - OK state=no id=?\n");
}

/* ---- capabilities and states ---- */

static void test_capabilities(void)
{
    feed_check("S: * OK [CAPABILITY IMAP4rev1] hi\n"
               "C: a1 ID NIL\n"
               "S: a1 OK\n"
               "C: a2 LOGIN joe secret\n"
               "S: a2 OK [CAPABILITY IMAP4rev1 ID IDLE] in\n"
               "C: a3 ID NIL\n"
               "S: a3 OK\n",
               &describe,
               "a1 NIL -> - OK state=no id=no\n"
               "a3 NIL -> - OK state=yes id=yes\n"
               "session state=yes id=yes\n");
    feed_check("S: * OK [CAPABILITY IMAP4rev1 ID] hi\n"
               "C: a1 CAPABILITY\n"
               "S: * capability IMAP4rev1 IDLE XID\n"
               "S: a1 OK\n"
               "C: a2 ID NIL\n"
               "S: a2 OK\n",
               &describe, "a2 NIL -> - OK state=no id=no\nsession state=no id=no\n");
    /* Text is no list; a code has to stand at its head. */
    feed_check("S: * OK see [CAPABILITY IMAP4rev1]\n"
               "C: a1 ID NIL\n"
               "S: a1 OK [CAPABILITY unclosed\n",
               &describe, "a1 NIL -> - OK state=no id=?\nsession state=no id=?\n");
}

static void test_states(void)
{
    check("S: * PREAUTH [CAPABILITY IMAP4rev1 ID] hi\n"
          "C: a1 ID NIL\n"
          "S: a1 OK\n",
          "a1 NIL -> - OK state=yes id=yes\n");
    check("S: * OK hi\n"
          "C: a1 LOGIN joe wrong\n"
          "S: a1 NO wrong\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n"
          "C: a3 AUTHENTICATE PLAIN AG\n"
          "S: a3 OK in\n"
          "C: a4 ID NIL\n"
          "S: a4 OK\n"
          "C: a5 UNAUTHENTICATE\n"
          "S: a5 OK out\n"
          "C: a6 ID NIL\n"
          "S: a6 OK\n",
          "a2 NIL -> - OK state=no id=?\n"
          "a4 NIL -> - OK state=yes id=?\n"
          "a6 NIL -> - OK state=no id=?\n");
}

/* Lines that are not read here, and that the server may have taken for commands, accuse nobody. */
static void test_executed_literal(void)
{
    static const char *const announcements[] = {"{28}", "{28+}"};

    for (size_t i = 0; i < G_N_ELEMENTS(announcements); i++) {
        char *lines =
            g_strdup_printf("S: * OK hi\n"
                            "C. a1 APPEND x %s\\r\\nb1 ID (\"name\" \"smuggled\")\\r\\n\\r\\n\n"
                            "S: a1 NO too big\n"
                            "S: * ID (\"name\" \"y\")\n"
                            "S: b1 OK\n"
                            "C: a2 NOOP\n"
                            "S: a2 OK\n",
                            announcements[i]);

        check(lines, "- - -> (name=y) OK state=no id=? lost\n");
        g_free(lines);
    }
    check("S: * OK hi\n"
          "C:  a1 ID NIL\n"
          "S: * ID (\"name\" \"y\")\n"
          "S: a1 OK\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n",
          "- - -> (name=y) OK state=no id=? lost\n");
    /* Once a later command is answered all are known again. */
    check("S: * OK hi\n"
          "C. a1 APPEND x {2+}\\r\\nxx\\r\\n\n"
          "S: a1 NO [TRYCREATE] no\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n"
          "S: * ID (\"name\" \"y\")\n"
          "C: a3 NOOP\n"
          "S: a3 OK\n",
          "- - -> (name=y) none state=no id=? unsolicited\n");
}

static void test_required_by_server(void)
{
    feed_check("S: * OK hi\n"
               "C: a1 LOGIN joe secret\n"
               "S: a1 OK\n"
               "C: a2 SELECT INBOX\n"
               "S: a2 NO Select Unsafe Login. Please contact kefu@example.org for help\n",
               &describe, "session state=yes id=? required\n");
    /* An ID was sent, but none that would do: NIL, before the login, one that was rejected. */
    feed_check("S: * OK hi\n"
               "C: a1 ID NIL\n"
               "S: a1 OK\n"
               "C: a2 SELECT INBOX\n"
               "S: a2 NO Unsafe Login\n",
               &describe, "a1 NIL -> - OK state=no id=?\nsession state=no id=? required: NIL\n");
    feed_check("S: * OK hi\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "S: a1 OK\n"
               "C: a2 LOGIN joe secret\n"
               "S: a2 OK\n"
               "C: a3 SELECT INBOX\n"
               "S: a3 NO Unsafe Login\n",
               &describe,
               "a1 (name=x) -> - OK state=no id=?\nsession state=yes id=? required: early\n");
    feed_check("S: * OK hi\n"
               "C: a2 LOGIN joe secret\n"
               "S: a2 OK\n"
               "C: a1 ID (\"name\" \"x\") \n"
               "S: a1 BAD no\n"
               "C: a3 SELECT INBOX\n"
               "S: a3 NO Unsafe Login\n",
               &describe,
               "a1 (name=x) -> - BAD state=yes id=?\nsession state=yes id=? required: rejected\n");
    /* Refused with BAD, and by ending the connection. */
    feed_check("S: * OK hi\n"
               "C: a2 SELECT INBOX\n"
               "S: a2 BAD ID required\n",
               &describe, "session state=no id=? required\n");
    feed_check("S: * OK hi\n"
               "C: a2 SELECT INBOX\n"
               "S: * BYE Unsafe Login\n",
               &describe, "session state=no id=? required\n");
    feed_check("S: * OK hi\n"
               "C: a1 ID NIL\n"
               "S: * BYE bad ID command\n",
               &describe, "a1 NIL -> - *BYE state=no id=?\nsession state=no id=?\n");
    /* One that does, and the refusal of an ID itself. */
    feed_check("S: * OK hi\n"
               "C: a2 LOGIN joe secret\n"
               "S: a2 OK\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "S: a1 OK\n"
               "C: a3 SELECT INBOX\n"
               "S: a3 NO Unsafe Login\n",
               &describe, "a1 (name=x) -> - OK state=yes id=?\nsession state=yes id=?\n");
    feed_check("S: * OK hi\n"
               "C: a1 ID NIL\n"
               "S: a1 NO ID command not now\n",
               &describe, "a1 NIL -> - NO state=no id=?\nsession state=no id=?\n");
    /* One may have been. */
    feed_check("S: * OK hi\n"
               "C! 40\n"
               "C: a2 SELECT INBOX\n"
               "S: a2 NO Unsafe Login\n",
               &describe, "session state=? id=?\n");
    feed_check("S: * OK hi\n"
               "C: a2 SELECT INBOX\n"
               "S: a2 NO [AUTHORIZATIONFAILED] no\n",
               &describe, "session state=no id=?\n");
}

/* ---- switches ---- */

static void test_starttls(void)
{
    /* Nothing behind the switch is looked at. */
    check("S: * OK hi\n"
          "C: a1 STARTTLS\n"
          "S. a1 OK begin\\r\\n* ID (\"name\" \"decoy\")\\r\\n\n"
          "C: d1 ID (\"name\" \"decoy\")\n",
          "switch tls\n");
    check("S: * OK hi\n"
          "C: a1 STARTTLS\n"
          "S: a1 BAD no\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
    /* What is inside is another conversation, under protection; the list is to be asked anew. */
    feed_check("S: * OK [CAPABILITY IMAP4rev1 ID STARTTLS] hi\n"
               "C: a1 ID NIL\n"
               "S: a1 OK\n"
               "C: a2 STARTTLS\n"
               "S: a2 OK\n"
               "C: a3 ID NIL\n"
               "S: a3 OK\n"
               "C: a4 COMPRESS DEFLATE\n"
               "S: a4 OK\n"
               "C: a5 ID NIL\n"
               "S: a5 OK\n",
               &resume,
               "a1 NIL -> - OK state=no id=yes\n"
               "switch tls\n"
               "a3 NIL -> - OK state=no id=? starttls\n"
               "switch deflate\n"
               "a5 NIL -> - OK state=no id=? starttls compressed\n"
               "session state=no id=? compressed\n");
    /* Whether the client's side can be read inside is known when it is: nobody is accused before. */
    feed_check("S: * OK hi\n"
               "C: a1 STARTTLS\n"
               "S: a1 OK\n"
               "S: * ID NIL\n"
               "S: a2 OK\n",
               &resume,
               "switch tls\n"
               "- - -> NIL OK state=no id=? starttls lost\n"
               "session state=no id=?\n");
    feed_check("S: * OK hi\n"
               "C: a1 STARTTLS\n"
               "S: a1 OK\n"
               "S: * ID NIL\n"
               "C: a2 NOOP\n",
               &resume,
               "switch tls\n"
               "- - -> NIL none state=no id=? starttls unsolicited\n"
               "session state=no id=?\n");
}

static void test_client_hello(void)
{
    /* The client does not wait for the answer; its record is left alone. */
    check("S: * OK hi\n"
          "C: a1 STARTTLS\n"
          "C. \\x16\\x03\\x01\\x00\\x20 d1 ID NIL\\r\\nd2 ID NIL\\r\\n\n"
          "S: a1 OK begin\n",
          "switch tls\n");
    /* The answer is in a hole, or its side is not in the capture. */
    check("S: * OK hi\n"
          "C: a1 STARTTLS\n"
          "S! 10\n"
          "C. \\x16\\x03\\x01\\x00\\x20 d1 ID NIL\\r\\n\n",
          "switch tls\n");
    check("C: a1 STARTTLS\n"
          "C. \\x16\\x03\\x01\\x00\\x20 d1 ID NIL\\r\\n\n",
          "switch tls\n");
    /* Behind a hole TLS begins where a line may, not in the middle of one. */
    check("C: a1 STARTTLS\n"
          "C. a2 ID\n"
          "C! 10\n"
          "C. \\x16\\x03\\x01\\x00\\x20\n",
          "switch tls\n"
          "a2 - -> - none state=? id=? lost\n");
    check("C: a1 STARTTLS\n"
          "C. a2 ID\n"
          "C! 10\n"
          "C. \\x02\\x16\\x03\\x01\\x00\\x20\n",
          "a2 - -> - none state=? id=? lost\n");
    check("C: a1 STARTTLS\n"
          "C. a2 ID\n"
          "C! 10\n"
          "C. \\x02\\r\\n\\x16\\x03\\x01\\x00\\x20\n",
          "switch tls\n"
          "a2 - -> - none state=? id=? lost\n");
}

static void test_compress(void)
{
    check("S: * OK hi\n"
          "C: a1 COMPRESS DEFLATE\n"
          "S. a1 OK now\\r\\n* ID (\"name\" \"decoy\")\\r\\n\n"
          "C: d1 ID (\"name\" \"decoy\")\n",
          "switch deflate\n");
    check("S: * OK hi\n"
          "C: a1 COMPRESS DEFLATE\n"
          "S: a1 NO [COMPRESSIONACTIVE]\n"
          "C: a2 ID NIL\n"
          "S: a2 OK\n",
          "a2 NIL -> - OK state=no id=?\n");
}

/* ---- one direction ---- */

static void test_client_only(void)
{
    check("C: a1 ID (\"name\" \"x\" \"version\" {3}\n"
          "C: 1.0)\n"
          "C+ a2 APPEND INBOX \n"
          "C. d1 ID NIL\\r\\n\n"
          "C: \n"
          "C: a3 ID NIL\n",
          "a1 (name=x version=1.0) -> - none state=? id=? lost\n"
          "a3 NIL -> - none state=? id=? lost\n");
    /* Nobody says when AUTHENTICATE or IDLE is over. */
    check("C: a1 AUTHENTICATE PLAIN\n"
          "C: AGpvZQBzZWNyZXQ=\n"
          "C: a2 ID (\"name\" \"x\")\n"
          "C: a3 IDLE\n"
          "C: DONE\n"
          "C: a4 ID NIL\n",
          "a2 (name=x) -> - none state=no id=? lost tentative\n"
          "a4 NIL -> - none state=no id=? lost tentative\n");
    feed_check("C: part of a message\n"
               "C: \n"
               "C: a1 ID (\"name\" \"x\")\n"
               "C: a2 NOOP\n",
               &middle, "a1 (name=x) -> - none state=? id=? lost tentative\n");
}

static void test_server_only(void)
{
    check("S: * OK [CAPABILITY IMAP4rev1 ID] hi\n"
          "S: * ID (\"name\" \"y\")\n"
          "S: a1 OK\n"
          "S: a2 OK\n"
          "S: * ID NIL\n",
          "- - -> (name=y) OK state=no id=yes lost\n"
          "- - -> NIL none state=no id=yes lost\n");
    feed_check("S: rest of a message\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S:  UID 5)\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n",
               &middle, "- - -> (name=y) OK state=? id=? lost tentative\n");
    check("S: * OK hi\n"
          "S! 20\n"
          "S: * ID (\"name\" \"decoy\")\n",
          "");
}

/* ---- begun in the middle ---- */

static void test_middle(void)
{
    feed_check("C: a1 ID (\"name\" \"x\")\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n",
               &middle, "a1 (name=x) -> (name=y) OK state=? id=?\n");
    /* The answer to a command that was sent before: the lines lead to one that is confirmed. */
    feed_check("S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n"
               "C: a2 NOOP\n"
               "S: a2 OK\n",
               &middle, "- - -> (name=y) OK state=? id=? lost\n");
    feed_check("C: a2 NOOP\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a2 OK\n",
               &middle, "- - -> (name=y) none state=? id=? lost\n");
    /* With a hole between them, or the end of a message, they do not. */
    feed_check("C: a2 NOOP\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S! 20\n"
               "S: a2 OK\n",
               &middle, "");
    feed_check("C: a2 NOOP\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S: a1 OK\n"
               "S: )\n"
               "S: a2 OK\n",
               &middle, "");
    /* What shows who is logged in. */
    feed_check("C: a1 SELECT INBOX\n"
               "S: * 3 EXISTS\n"
               "S: a1 OK\n"
               "C: a2 IDLE\n"
               "S: + idling\n"
               "S: * 4 EXISTS\n"
               "C: DONE\n"
               "S: a2 OK\n"
               "C: a3 ID NIL\n"
               "S: a3 OK\n",
               &middle, "a3 NIL -> - OK state=yes id=?\n");
}

static void test_middle_of_message(void)
{
    /* A message that holds a whole session, up to its last line. */
    feed_check("C: text\n"
               "C: d1 ID (\"name\" \"decoy\")\n"
               "C: d2 LOGIN joe secret\n"
               "C: \n" /* the end of APPEND */
               "S: d0 OK appended\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n",
               &middle, "a1 (name=x) -> (name=y) OK state=? id=?\n");
    /* The message's last line has no end: the command's is taken for it. The response
     * stands right before its answer. */
    feed_check("C: text\n"
               "C: d1 ID (\"name\" \"decoy\")\n"
               "S: a0 OK appended\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n",
               &middle, "a1 (name=x) -> (name=y) OK state=? id=?\n");
    feed_check("C: a9 NOOP\n"
               "S: text\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S: a7 OK done\n"
               "S: * ID (\"name\" \"decoy\"))\n"
               "S: a8 OK fetched\n"
               "S: a9 OK\n"
               "C: b1 ID NIL\n"
               "S: b1 OK\n",
               &middle, "b1 NIL -> - OK state=? id=?\n");
    /* An ID that is asked for while the rest of the message comes. */
    feed_check("C: a1 NOOP\n"
               "C: a2 ID NIL\n"
               "S: text\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S: )\n"
               "S: a0 OK fetched\n"
               "S: a1 OK\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a2 OK\n",
               &middle, "a2 NIL -> (name=y) OK state=? id=?\n");
}

/* ---- holes ---- */

static void test_holes(void)
{
    /* A cut ID is told as far as it goes. */
    check("S: * OK hi\n"
          "C. a1 ID (\"name\" \"x\" \"version\" \"1\n"
          "C! 5\n"
          "C. \\r\\n\n"
          "S: * ID NIL\n"
          "S: a1 OK\n",
          "a1 (name=x) -> NIL OK state=no id=? lost\n");
    /* An answer in a hole: the next response is the next command's. */
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "S! 30\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 (n=1) -> - none state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    /* A hole before the answers of both. */
    check("S: * OK hi\n"
          "C: a0 NOOP\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "S! 30\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 (n=1) -> - OK state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    /* Behind a response a hole, and behind that the response and the answer of another command. */
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S! 30\n"
          "C: a3 ID (\"n\" \"3\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S! 9\n"
          "S: * ID (\"s\" \"3\")\n"
          "S: a3 OK\n",
          "a1 (n=1) -> - none state=no id=? lost\n"
          "a2 (n=2) -> - none state=no id=? lost\n"
          "a3 (n=3) -> (s=3) OK state=no id=? lost\n");
    /* The leave to send a literal is in a hole: its octets are there all the same. */
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" {3}\n"
          "S! 10\n"
          "C. one \"m\" \"1\")\\r\\n\n"
          "S: * ID NIL\n"
          "S: a1 OK\n",
          "a1 (n=one m=1) -> NIL OK state=no id=?\n");
    /* Or a refusal is, and the next line is a command. */
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" {3}\n"
          "S! 10\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a1 () -> - none state=no id=? lost\n"
          "a2 (n=2) -> NIL OK state=? id=?\n");
    /* A refusal in a hole: the next line is no literal. */
    check("S: * OK hi\n"
          "C: a1 APPEND INBOX {500}\n"
          "S! 20\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    /* AUTHENTICATE may be over. */
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE X\n"
          "S: + \n"
          "C: d1 ID (\"name\" \"decoy\")\n"
          "S! 20\n"
          "C: d2 ID (\"name\" \"decoy\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
}

/* An answer in a hole that is told late: the response right before the next answer is the next
 * command's; one with a unit between may be the earlier command's. */
static void test_answer_taken_over(void)
{
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S! 30\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 (n=1) -> - none state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=no id=? lost\n");
    check("S: * OK hi\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S! 30\n"
          "S: * ID (\"s\" \"?\")\n"
          "S: * 5 EXISTS\n"
          "S: a2 OK\n",
          "a1 (n=1) -> - none state=no id=? lost\n"
          "a2 (n=2) -> - OK state=no id=? lost\n");
}

/* A command that comes right behind a hole of the server may have been sent again, and its answer be in the
 * hole: a later response is not its own. Where a command may be missing behind the hole, its tag may be the
 * one that is answered. */
static void test_sent_again(void)
{
    check("S: * OK hi\n"
          "S! 40\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: f1 NOOP\n"
          "S: f1 OK\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 (n=1) -> - none state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    check("S: * OK hi\n"
          "S! 40\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a1 (n=1) -> (s=1) OK state=no id=?\n"
          "a2 (n=2) -> (s=2) OK state=no id=?\n");
    check("S: * OK hi\n"
          "C: t ID (\"n\" \"1\")\n"
          "S! 37\n"
          "C! 20\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: t OK\n",
          "t (n=1) -> - none state=no id=? lost\n");
}

/* Behind a hole a response right before the answer to another command stands at a line start; one
 * with a unit between may be the text of a message. */
static void test_response_before_answer(void)
{
    feed_check("C: a1 NOOP\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK\n",
               &middle, "- - -> (name=y) none state=? id=? lost\n");
    feed_check("C: a1 NOOP\n"
               "S: * ID (\"name\" \"decoy\")\n"
               "S: * 5 EXISTS)\n"
               "S: a1 OK\n",
               &middle, "");
}

/* The rest of a command is lost, which shows only behind its answer: it waits for no other. */
static void test_late_command(void)
{
    check("S: * OK hi\n"
          "C. a1 ID (\"n\" {3}\\r\\n\n"
          "C?\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "C! 6\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "- - -> (s=1) OK state=no id=? lost\n"
          "a1 () -> - none state=no id=? lost\n"
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
}

/* Behind a hole the first of two responses may be the text of a message: which was the answer is
 * not known. */
static void test_two_behind_hole(void)
{
    check("S. * OK h\n"
          "S! 5\n"
          "S: i\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a1 OK\n",
          "a1 (n=1) -> (s=2) OK state=? id=? lost\n");
}

/* The greeting is lost in part before there was a command, and then a command: an answer in that hole
 * left no tag open, so the next answer confirms what came before it. Where a command waited, it may have
 * been answered in the hole, and a message may hold its tag. */
static void test_hole_before_commands(void)
{
    check("S. * O\n"
          "S! 7\n"
          "C! 39\n"
          "S: * ID (\"s\" \"0\")\n"
          "S: a0 OK\n"
          "C: a1 NOOP\n"
          "S: a1 OK\n",
          "- - -> (s=0) OK state=? id=? lost\n");
    check("S: * OK hi\n"
          "C: a1 NOOP\n"
          "S! 7\n"
          "C! 39\n"
          "S: * ID (\"s\" \"0\")\n"
          "S: a0 OK\n"
          "S: a1 OK\n",
          "");
}

/* A hole behind octets that are to be looked at again, since nobody knows any more whether they are
 * data: they are half a line, which those behind the hole do not go on. */
static void test_hole_behind_doubt(void)
{
    check("S: * OK hi\n"
          "C: a1 AUTHENTICATE X\n"
          "S: + \n"
          "C. a2 ID (\"name\"\n"
          "S! 10\n"
          "C! 10\n"
          "C. \"x\n"
          "C! 10\n"
          "C: a3 ID (\"name\" \"z\")\n"
          "S: * ID NIL\n"
          "S: a3 OK\n",
          "a3 (name=z) -> NIL OK state=? id=? lost\n");
}

/* A response tells nothing against the server while a command may be missing. */
static void test_hole_in_client(void)
{
    check("S: * OK hi\n"
          "C! 20\n"
          "S: * ID NIL\n"
          "S: a1 OK\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n"
          "S: * ID NIL\n",
          "- - -> NIL OK state=? id=? lost\n"
          "- - -> NIL none state=? id=? unsolicited\n");
}

/* The response before the answer to a missed command is not that of one that is still open; also
 * where the hole in front of that is noticed once more behind it. */
static void test_strange_answer(void)
{
    check("S: * OK hi\n"
          "C! 20\n"
          "C: a2 ID (\"n\" \"2\")\n"
          "C?\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n",
          "a2 (n=2) -> (s=2) OK state=? id=?\n");
}

/* What is sent before the client speaks was not asked for: known as soon as it does speak, if
 * nothing of it is missing. */
static void test_before_client(void)
{
    check("S: * OK hi\n"
          "S: * ID NIL\n"
          "C: a1 ID (\"n\" \"1\")\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n",
          "- - -> NIL none state=no id=? unsolicited\n"
          "a1 (n=1) -> (s=1) OK state=no id=?\n");
    check("S: * OK hi\n"
          "S: * ID NIL\n"
          "C! 20\n"
          "C: a2 NOOP\n"
          "S: a2 OK\n",
          "- - -> NIL none state=no id=? lost\n");
    check("S: * OK hi\n"
          "S: * ID NIL\n",
          "- - -> NIL none state=no id=? lost\n");
}

/* A client that does not wait is in the state that the greeting tells of. */
static void test_before_greeting(void)
{
    check("C: a1 ID (\"n\" \"1\")\n"
          "C. a2 ID (\"n\" \"2\")\n"
          "S: * PREAUTH hi\n"
          "S: * ID (\"s\" \"1\")\n"
          "S: a1 OK\n"
          "S: * ID (\"s\" \"2\")\n"
          "S: a2 OK\n"
          "C: \n",
          "a1 (n=1) -> (s=1) OK state=yes id=?\n"
          "a2 (n=2) -> (s=2) OK state=yes id=?\n");
}

/* Dovecot's login process answers at the last parenthesis, before the line end comes. */
static void test_answered_early(void)
{
    check("S: * OK hi\n"
          "C. a1 ID (\"name\" \"x\")\n"
          "S: * ID (\"name\" \"y\")\n"
          "S: a1 OK done\n"
          "C: \n"
          "C: a2 ID NIL\n"
          "S: * ID NIL\n"
          "S: a2 OK\n",
          "a1 (name=x) -> (name=y) OK state=no id=?\n"
          "a2 NIL -> NIL OK state=no id=?\n");
    /* Half a list is not answered, whatever the server says. */
    check("S: * OK hi\n"
          "C. a1 ID (\"name\" \"x\n"
          "S: * ID (\"name\" \"y\")\n"
          "C: \")\n"
          "S: a1 OK done\n",
          "- - -> (name=y) none state=no id=? unsolicited\n"
          "a1 (name=x) -> - OK state=no id=?\n");
}

/* The same while a command may be missing: the response is probably its own. */
static void test_answered_early_in_doubt(void)
{
    struct feed_options options = {.findings = true, .security = IMAPID_SECURITY_TLS};

    feed_check("S: * OK hi\n"
               "C. a1 ID (\"name\" \"x\")\n"
               "C?\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK done\n"
               "C! 2\n"
               "C: a2 NOOP\n"
               "S: a2 OK\n",
               &options, "a1 (name=x) -> (name=y) OK state=no id=? tls lost\n");
    /* One that came before the command was begun is another's; and so may be the own one. */
    feed_check("S: * OK hi\n"
               "C?\n"
               "S: * ID (\"name\" \"z\")\n"
               "C. a1 ID (\"name\" \"x\")\n"
               "S: a1 OK done\n"
               "C: \n",
               &options,
               "- - -> (name=z) none state=no id=? tls lost\n"
               "a1 (name=x) -> - OK state=no id=? tls lost\n");
}

/* Half of the line end came before the answer: it is no part of the list. */
static void test_answered_in_line_end(void)
{
    struct feed_options options = {.findings = true, .security = IMAPID_SECURITY_TLS};

    feed_check("S: * OK hi\n"
               "C. a1 ID (\"name\" \"x\")\\r\n"
               "S: * ID (\"name\" \"y\")\n"
               "S: a1 OK done\n"
               "C. \\n\n"
               "C: a2 ID NIL\n"
               "S: * ID NIL\n"
               "S: a2 OK\n",
               &options,
               "a1 (name=x) -> (name=y) OK state=no id=? tls\n"
               "a2 NIL -> NIL OK state=no id=? tls\n");
    /* The same where the rest is missing; but in a literal it is what was sent. */
    options.cut_end = true;
    feed_check("S: * OK hi\n"
               "C. a1 ID (\"name\" \"x\")\\r\n",
               &options, "a1 (name=x) -> - none state=no id=? tls lost\n");
    feed_check("S: * OK hi\n"
               "C. a1 ID (\"name\" {2+}\\r\\nx\\r\n",
               &options, "a1 (name=x\\x0d) -> - none state=no id=? tls lost\n");
}

/* An early answer that is missing, before the line end: the next answer is the next command's. */
static void test_early_answer_lost(void)
{
    check("S: * OK hi\n"
          "C. a1 ID (\"name\" \"x\")\n"
          "S! 40\n"
          "C: \n"
          "C: a2 ID (\"name\" \"z\")\n"
          "S: * ID (\"name\" \"y\")\n"
          "S: a2 OK\n",
          "a1 (name=x) -> - none state=no id=? lost\n"
          "a2 (name=z) -> (name=y) OK state=no id=?\n");
}

/* More commands at the same time than there are slots: a response may be missing, but it is never
 * that of another command. */
static void test_more_than_slots(void)
{
    for (int n = IMAPID_SLOTS; n < 5 * IMAPID_SLOTS; n += 3) {
        GString *transcript = g_string_new("S: * OK hi\n"), *expected = g_string_new(NULL);
        int n_evicted = n - (IMAPID_SLOTS - 1);

        for (int i = 0; i < n; i++)
            g_string_append_printf(transcript, "C: a%d ID (\"n\" \"%d\")\n", i, i);
        for (int i = 0; i < n; i++) {
            g_string_append_printf(transcript, "S: * ID (\"s\" \"%d\")\nS: a%d OK\n", i, i);
            if (i < n_evicted)
                g_string_append_printf(expected, "a%d (n=%d) -> - none state=no id=? lost\n", i, i);
            else
                g_string_append_printf(expected, "a%d (n=%d) -> (s=%d) OK state=no id=? lost\n", i,
                                       i, i);
        }
        g_string_append(transcript, "C: b ID (\"n\" \"b\")\n"
                                    "S: * ID (\"s\" \"b\")\n"
                                    "S: b OK\n");
        g_string_append(expected, "b (n=b) -> (s=b) OK state=no id=?\n");
        check(transcript->str, expected->str);
        g_string_free(transcript, TRUE);
        g_string_free(expected, TRUE);
    }
}

/* More likely-looking commands than there are slots, in a message in whose middle the capture
 * begins: none of them is told, even before the server has said a word. */
static void test_many_decoys(void)
{
    GString *transcript = g_string_new(NULL);

    for (int i = 0; i < 3 * IMAPID_SLOTS; i++)
        g_string_append_printf(transcript, "C: d%d ID (\"name\" \"decoy\")\n", i);
    g_string_append(transcript, "C: the end of the message\n"
                                "C: \n"
                                "S: a3 OK appended\n"
                                "C: a4 ID (\"name\" \"x\")\n"
                                "S: * ID NIL\n"
                                "S: a4 OK\n");
    feed_check(transcript->str, &middle, "a4 (name=x) -> NIL OK state=? id=?\n");
    g_string_truncate(transcript, 0);
    for (int i = 0; i < 3 * IMAPID_SLOTS; i++)
        g_string_append(transcript, "S: * ID (\"name\" \"decoy\")\n");
    feed_check(transcript->str, &middle, "");
    g_string_append(transcript, "S: )\n"
                                "S: a3 OK fetched\n"
                                "C: a4 ID (\"name\" \"x\")\n"
                                "S: * ID NIL\n"
                                "S: a4 OK\n");
    feed_check(transcript->str, &middle, "a4 (name=x) -> NIL OK state=? id=?\n");
    g_string_free(transcript, TRUE);
}

static void test_end(void)
{
    struct feed_options cut = {.cut_end = true};

    feed_check("S: * OK hi\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "S. * ID (\"name\" \"y\" \"ver\n",
               &cut, "a1 (name=x) -> (name=y) none state=no id=? lost\n");
    feed_check("S: * OK hi\n"
               "C. a1 ID (\"name\" \"x\" {5+}\\r\\nver\n",
               &cut, "a1 (name=x) -> - none state=no id=? lost\n");
    /* Behind a hole, of the client alone: a line that is cut says nothing against those before it, unless it is none. */
    cut.mid_session = true;
    feed_check("C! 7\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "C. a2 NO\n",
               &cut, "a1 (name=x) -> - none state=? id=? lost tentative\n");
    feed_check("C! 7\n"
               "C: a1 ID (\"name\" \"x\")\n"
               "C. of a message, and no\n",
               &cut, "");
}

/* ---- properties ---- */

/* Three sessions with all that may mislead a reader. */
static const char *const rich[] = {
    "S: * OK [CAPABILITY IMAP4rev1 ID LITERAL+] hi\n"
    "C: a1 ID (\"name\" \"one\" \"version\" \"1\")\n"
    "S: * ID (\"name\" \"srv\")\n"
    "S: a1 OK ID completed\n"
    "C{ a2 LOGIN \n"
    "S: + go\n"
    "C. joe\n"
    "C+  \n"
    "C. secret\n"
    "C: \n"
    "S: a2 OK [CAPABILITY IMAP4rev1 ID] in\n"
    "C{ a3 ID (\"name\" \n"
    "S: + ok\n"
    "C. two\n"
    "C:  \"os\" NIL)\n"
    "S: * ID NIL\n"
    "S: a3 OK done\n"
    "C: a4 SELECT INBOX\n"
    "S: * 3 EXISTS\n"
    "S: * FLAGS ()\n"
    "S: a4 OK\n"
    "C+ a5 APPEND INBOX \n"
    "C. Subject: x\\r\\n\\r\\nd1 ID (\"name\" \"decoy\")\\r\\nd2 NOOP\\r\\nbye\\r\\n"
    "d3 ID (\"name\" \"decoy\")\n"
    "C: \n"
    "S: a5 OK appended\n"
    "C: a6 FETCH 1 BODY[]\n"
    "S{ * 1 FETCH (BODY[] \n"
    "S. text\\r\\n* ID (\"name\" \"decoy\")\\r\\na1 OK done\\r\\nmore\\r\\n* ID (\"name\" "
    "\"decoy\")\n"
    "S: )\n"
    "S: a6 OK\n"
    "C: a7 ID (\"name\" \"three\")\n"
    "C: a8 NOOP\n"
    "S: * ID (\"name\" \"srv\" \"n\" \"3\")\n"
    "S: a7 OK\n"
    "S: a8 OK\n"
    "C: a9 IDLE\n"
    "S: + idling\n"
    "S: * 4 EXISTS\n"
    "C: DONE\n"
    "C: b1 ID (\"name\" \"four\")\n"
    "S: a9 OK\n"
    "S: * ID (\"name\" \"srv\" \"n\" \"4\")\n"
    "S: b1 OK\n"
    "C: b2 LOGOUT\n"
    "S: * BYE\n"
    "S: b2 OK\n",

    "S: * OK hi\n"
    "C: c1 CAPABILITY\n"
    "S: * CAPABILITY IMAP4rev1 ID AUTH=PLAIN\n"
    "S: c1 OK\n"
    "C: c2 AUTHENTICATE X\n"
    "S: + \n"
    "C: d1 ID (\"name\" \"decoy\")\n"
    "S: + \n"
    "C: d2 ID (\"name\" \"decoy\")\n"
    "S: c2 NO\n"
    "C: c3 AUTHENTICATE PLAIN\n"
    "S: + \n"
    "C: AGpvZQBzZWNyZXQ=\n"
    "S: c3 OK in\n"
    "C: c4 APPEND INBOX {1000}\n"
    "S: c4 NO quota\n"
    "C: c5 ID (\"name\" {2000}\n"
    "S: c5 BAD no\n"
    "C: c6 ID (\"name\" \"one\")\n"
    "S: * ID (\"name\" \"srv\" \"n\" \"1\")\n"
    "S: c6 OK\n"
    "C: c7 XAUTH\n"
    "S: + send\n"
    "C: d3 ID (\"name\" \"decoy\")\n"
    "S: c7 OK\n"
    "C: c8 ID (\"name\" \"two\")\n"
    "C: c9 ID (\"name\" \"three\")\n"
    "S: * ID (\"name\" \"srv\" \"n\" \"2\")\n"
    "S: c8 OK\n"
    "S: * ID (\"name\" \"srv\" \"n\" \"3\")\n"
    "S: c9 OK\n",

    "S: * OK [CAPABILITY IMAP4rev1 ID] hi\n"
    "C: I ID (\"name\" \"one\")\n"
    "C: C CAPABILITY\n"
    "C: L LOGIN joe secret\n"
    "C: J ID (\"name\" \"two\")\n"
    "S: * ID (\"n\" \"1\")\n"
    "S: I OK\n"
    "S: * CAPABILITY IMAP4rev1 ID\n"
    "S: C OK\n"
    "S: L OK\n"
    "S: * ID (\"n\" \"2\")\n"
    "S: J OK\n"
    "C{ K APPEND INBOX \n"
    "S: + go\n"
    "C. d1 ID (\"name\" \"decoy\")\\r\\n\n"
    "C+  \n"
    "C. + ID (\"name\" \"decoy\")\\r\\nd2 ID (\"name\" \"decoy\")\n"
    "C: \n"
    "C: M ID (\"name\" \"three\")\n"
    "S: K OK\n"
    "S: * ID (\"n\" \"3\")\n"
    "S: M BAD\n",
};

/* Is this line of a run with holes one of the whole run? What the run with holes does not know
 * ("?") may be anything. */
static bool is_line_of(const char *line, char **whole)
{
    for (; *whole && **whole; whole++) {
        char **words = g_strsplit(line, " ", -1), **known = g_strsplit(*whole, " ", -1);
        guint i = 0;

        for (; words[i] && known[i]; i++)
            if (strcmp(words[i], known[i]) && strcmp(words[i], "state=?") &&
                strcmp(words[i], "id=?"))
                break;
        bool same = !words[i] && !known[i];

        g_strfreev(words);
        g_strfreev(known);
        if (same)
            return true;
    }
    return false;
}

/* What is told as whole is whole, and no decoy is told at all. */
static void check_told(const char *said, char **whole, bool knows_late, const char *what, gsize at,
                       gsize n)
{
    char **lines = g_strsplit(said, "\n", -1);

    for (char **line = lines; *line && **line; line++) {
        bool partial = strstr(*line, " lost") || strstr(*line, " tentative") ||
                       (knows_late && strstr(*line, " unsolicited"));

        if (strstr(*line, "decoy") || (!partial && !is_line_of(*line, whole)))
            g_error("%s at %zu of %zu octets: %s\nof\n%s", what, at, n, *line, said);
    }
    g_strfreev(lines);
}

static void add_run(struct feed_transcript *transcript, const struct feed_entry *entry, gsize from,
                    gsize to)
{
    struct feed_entry *part = g_new0(struct feed_entry, 1);

    if (from >= to) {
        g_free(part);
        return;
    }
    part->side = entry->side;
    part->n = to - from;
    part->octets = g_memdup2(entry->octets + from, part->n);
    transcript->n_octets += part->n;
    g_ptr_array_add(transcript->entries, part);
}

static void add_hole(struct feed_transcript *transcript, enum imapid_side side, gsize n)
{
    struct feed_entry *hole = g_new0(struct feed_entry, 1);

    hole->side = side;
    hole->is_hole = true;
    hole->n = n;
    g_ptr_array_add(transcript->entries, hole);
}

/* The transcript without the octets [at, at + n) of a side. Holes are told where octets are
 * missing, one for each run of them, or (`late`) one before that side's next octets. `known` says
 * whether its size is. */
static struct feed_transcript *without(const struct feed_transcript *whole, enum imapid_side side,
                                       gsize at, gsize n, bool late, bool known)
{
    struct feed_transcript *holed = feed_parse("");
    gsize start = 0;
    bool told = false;

    for (guint i = 0; i < whole->entries->len; i++) {
        const struct feed_entry *entry = g_ptr_array_index(whole->entries, i);
        gsize from, to;

        if (entry->side != side) {
            add_run(holed, entry, 0, entry->n);
            continue;
        }
        from = at > start ? MIN(at - start, entry->n) : 0;
        to = at + n > start ? MIN(at + n - start, entry->n) : 0;
        add_run(holed, entry, 0, from);
        if (late ? !told && at + n <= start + entry->n : from < to) {
            add_hole(holed, side, !known ? 0 : late ? n : to - from);
            told = true;
        }
        add_run(holed, entry, MAX(from, to), entry->n);
        start += entry->n;
    }
    return holed;
}

static gsize count(const struct feed_transcript *transcript, enum imapid_side side)
{
    gsize n = 0;

    for (guint i = 0; i < transcript->entries->len; i++) {
        const struct feed_entry *entry = g_ptr_array_index(transcript->entries, i);

        n += entry->side == side ? entry->n : 0;
    }
    return n;
}

static void check_holes(const struct feed_transcript *transcript, char **whole,
                        enum imapid_side side)
{
    static const gsize sizes[] = {1, 2, 5, 13, 30, 77, 150, 400};
    gsize n = count(transcript, side);

    for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
        for (gsize at = 0; at + sizes[s] <= n; at++)
            for (int mode = 0; mode < 4; mode++) {
                bool late = mode & 1;
                struct feed_transcript *holed =
                    without(transcript, side, at, sizes[s], late, mode & 2);
                char *said = feed_run(holed, NULL, NULL, 0);

                check_told(said, whole, late && side == IMAPID_CLIENT,
                           side == IMAPID_CLIENT ? "hole in the client" : "hole in the server", at,
                           sizes[s]);
                g_free(said);
                feed_transcript_free(holed);
            }
}

/* The capture begins with the octet `at`, counted over both sides. */
static void check_beginnings(const struct feed_transcript *transcript, char **whole)
{
    for (gsize at = 0; at < transcript->n_octets; at++) {
        struct feed_transcript *rest = feed_parse("");
        gsize start = 0;
        char *said;

        for (guint i = 0; i < transcript->entries->len; i++) {
            const struct feed_entry *entry = g_ptr_array_index(transcript->entries, i);

            add_run(rest, entry, at > start ? MIN(at - start, entry->n) : 0, entry->n);
            start += entry->n;
        }
        said = feed_run(rest, &middle, NULL, 0);
        check_told(said, whole, false, "begun", at, 0);
        g_free(said);
        feed_transcript_free(rest);
    }
}

static void check_one_direction(const struct feed_transcript *transcript, enum imapid_side side)
{
    struct feed_transcript *half = feed_parse("");
    char **lines, *said;

    for (guint i = 0; i < transcript->entries->len; i++) {
        const struct feed_entry *entry = g_ptr_array_index(transcript->entries, i);

        if (entry->side == side)
            add_run(half, entry, 0, entry->n);
    }
    said = feed_all(half, NULL);
    lines = g_strsplit(said, "\n", -1);
    for (char **line = lines; *line && **line; line++)
        g_assert_nonnull(strstr(*line, " lost"));
    g_strfreev(lines);
    g_free(said);
    feed_transcript_free(half);
}

static void test_any_hole(gconstpointer text)
{
    struct feed_transcript *transcript = feed_parse(text);
    char *said = feed_all(transcript, NULL);
    char **whole = g_strsplit(said, "\n", -1);

    g_assert_null(strstr(said, "decoy"));
    g_assert_null(strstr(said, " lost"));
    check_holes(transcript, whole, IMAPID_CLIENT);
    check_holes(transcript, whole, IMAPID_SERVER);
    check_beginnings(transcript, whole);
    check_one_direction(transcript, IMAPID_CLIENT);
    check_one_direction(transcript, IMAPID_SERVER);
    g_strfreev(whole);
    g_free(said);
    feed_transcript_free(transcript);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/plain", test_plain);
    g_test_add_func("/session/several", test_several);
    g_test_add_func("/session/pipelined", test_pipelined);
    g_test_add_func("/session/same-tag-twice", test_same_tag_twice);
    g_test_add_func("/session/same-tag-in-doubt", test_same_tag_in_doubt);
    g_test_add_func("/session/missed-line", test_missed_line);
    g_test_add_func("/session/result-missing", test_result_missing);
    g_test_add_func("/session/results", test_results);
    g_test_add_func("/session/unsolicited", test_unsolicited);
    g_test_add_func("/session/many-at-once", test_many_at_once);
    g_test_add_func("/session/many-pending", test_many_pending);
    g_test_add_func("/session/refused-id", test_refused_id);
    g_test_add_func("/session/refused-append", test_refused_append);
    g_test_add_func("/session/refusal-is-by-tag", test_refusal_is_by_tag);
    g_test_add_func("/session/authenticate", test_authenticate);
    g_test_add_func("/session/behind-authenticate", test_behind_authenticate);
    g_test_add_func("/session/sasl-layer", test_sasl_layer);
    g_test_add_func("/session/untagged-status", test_untagged_status);
    g_test_add_func("/session/indented", test_indented);
    g_test_add_func("/session/idle", test_idle);
    g_test_add_func("/session/unknown-command-asks", test_unknown_command_asks);
    g_test_add_func("/session/messages", test_messages);
    g_test_add_func("/session/capabilities", test_capabilities);
    g_test_add_func("/session/states", test_states);
    g_test_add_func("/session/executed-literal", test_executed_literal);
    g_test_add_func("/session/required-by-server", test_required_by_server);
    g_test_add_func("/session/starttls", test_starttls);
    g_test_add_func("/session/client-hello", test_client_hello);
    g_test_add_func("/session/compress", test_compress);
    g_test_add_func("/session/client-only", test_client_only);
    g_test_add_func("/session/server-only", test_server_only);
    g_test_add_func("/session/middle", test_middle);
    g_test_add_func("/session/middle-of-message", test_middle_of_message);
    g_test_add_func("/session/holes", test_holes);
    g_test_add_func("/session/hole-before-commands", test_hole_before_commands);
    g_test_add_func("/session/hole-behind-doubt", test_hole_behind_doubt);
    g_test_add_func("/session/answer-taken-over", test_answer_taken_over);
    g_test_add_func("/session/sent-again", test_sent_again);
    g_test_add_func("/session/response-before-answer", test_response_before_answer);
    g_test_add_func("/session/late-command", test_late_command);
    g_test_add_func("/session/two-behind-hole", test_two_behind_hole);
    g_test_add_func("/session/hole-in-client", test_hole_in_client);
    g_test_add_func("/session/strange-answer", test_strange_answer);
    g_test_add_func("/session/before-client", test_before_client);
    g_test_add_func("/session/before-greeting", test_before_greeting);
    g_test_add_func("/session/answered-early", test_answered_early);
    g_test_add_func("/session/answered-early-in-doubt", test_answered_early_in_doubt);
    g_test_add_func("/session/answered-in-line-end", test_answered_in_line_end);
    g_test_add_func("/session/early-answer-lost", test_early_answer_lost);
    g_test_add_func("/session/more-than-slots", test_more_than_slots);
    g_test_add_func("/session/many-decoys", test_many_decoys);
    g_test_add_func("/session/end", test_end);
    for (guint i = 0; i < G_N_ELEMENTS(rich); i++) {
        char *name = g_strdup_printf("/session/any-hole/%u", i + 1);

        g_test_add_data_func(name, rich[i], test_any_hole);
        g_free(name);
    }
    return g_test_run();
}
