/* SPDX-License-Identifier: GPL-2.0-or-later */
/* login.c: how a session logs in, and what else its commands allow.
 *
 * Keeps a few commands by their tags until they are answered. Refuses names of mechanisms that no
 * table knows: a user name that was typed in the wrong place would be shown.
 *
 * Misuse: showing units that nothing has confirmed as if they were: the text of a message can look
 * like a LOGIN. */
#include <imapid/login.h>

#include <imapid/list.h>

/* Those of IANA's registry that IMAP servers offer, and what large providers call theirs. */
static const char *const mechanisms[] = {"PLAIN",
                                         "LOGIN",
                                         "XOAUTH2",
                                         "OAUTHBEARER",
                                         "CRAM-MD5",
                                         "DIGEST-MD5",
                                         "NTLM",
                                         "GSSAPI",
                                         "GSS-SPNEGO",
                                         "EXTERNAL",
                                         "ANONYMOUS",
                                         "SCRAM-SHA-1",
                                         "SCRAM-SHA-256",
                                         "SCRAM-SHA-1-PLUS",
                                         "SCRAM-SHA-256-PLUS",
                                         "SCRAM-SHA-512",
                                         "SCRAM-SHA-384",
                                         "SCRAM-SHA-224",
                                         "SCRAM-SHA-512-PLUS",
                                         "KERBEROS_V4",
                                         "GS2-KRB5",
                                         "OTP",
                                         "SKEY",
                                         "SRP",
                                         "XYMCOOKIE",
                                         "XYMCOOKIEB64",
                                         "ATOKEN",
                                         "ATOKEN2",
                                         "PTOKEN",
                                         "WETOKEN",
                                         "OAUTH10A",
                                         "SAML20",
                                         "OPENID20",
                                         "XYMPKI"};

/* ---- what waits ---- */

static void forget(struct imapid_login *login, unsigned i)
{
    login->n_waiting--;
    memmove(login->waiting + i, login->waiting + i + 1,
            (login->n_waiting - i) * sizeof login->waiting[0]);
}

static int find_waiting(const struct imapid_login *login, const struct imapid_tag *tag)
{
    for (unsigned i = 0; i < login->n_waiting; i++)
        if (imapid_tag_same(&login->waiting[i].tag, tag))
            return (int)i;
    return -1;
}

static struct imapid_login_waiting *wait_for(struct imapid_login *login,
                                             const struct imapid_unit *unit)
{
    struct imapid_login_waiting *waiting;

    if (login->n_waiting == IMAPID_LOGIN_WAITING_MAX)
        forget(login, 0);
    waiting = &login->waiting[login->n_waiting++];
    *waiting = (struct imapid_login_waiting){.tag = imapid_unit_tag(unit), .word = unit->word};
    return waiting;
}

/* ---- commands ---- */

static unsigned open_auth(struct imapid_login *login, const struct imapid_auth *attempt)
{
    unsigned i = login->n_auths < IMAPID_AUTHS_MAX ? login->n_auths++ : IMAPID_AUTHS_MAX - 1;

    for (unsigned k = 0; i == IMAPID_AUTHS_MAX - 1 && k < login->n_waiting; k++)
        if (login->waiting[k].auth == i && login->waiting[k].word != IMAPID_WORD_ID &&
            !login->waiting[k].is_tentative)
            forget(login, k--);
    login->auths[i] = *attempt;
    return i;
}

/* An attempt to log in: one that nothing has confirmed waits for the answer to its tag. */
static struct imapid_login_waiting *begin_attempt(struct imapid_login *login,
                                                  const struct imapid_unit *unit,
                                                  const char *mechanism, bool is_tentative)
{
    const struct imapid_auth attempt = {.mechanism = mechanism};
    unsigned i = is_tentative ? 0 : open_auth(login, &attempt);
    struct imapid_login_waiting *waiting = wait_for(login, unit);

    waiting->auth = i;
    waiting->is_tentative = is_tentative;
    waiting->attempt = attempt;
    return waiting;
}

static struct imapid_auth *get_attempt(struct imapid_login *login,
                                       struct imapid_login_waiting *waiting)
{
    return waiting->is_tentative ? &waiting->attempt : &login->auths[waiting->auth];
}

static bool sends_password(const struct imapid_auth *auth)
{
    return !strcmp(auth->mechanism, "PLAIN") || !strcmp(auth->mechanism, "LOGIN");
}

/* Does the line end in "{n}" or "{n+}"? *is_sent: not in the former, whose octets wait for leave. */
static bool ends_in_literal(const struct imapid_unit *unit, bool *is_sent)
{
    const uint8_t *args = unit->data + unit->args.offset;
    size_t at = unit->args.n;
    bool has_plus;

    *is_sent = true;
    if (!at || args[--at] != '}')
        return false;
    has_plus = at && args[at - 1] == '+';
    at -= has_plus;
    while (at && imapid_is_digit(args[at - 1]))
        at--;
    if (!at || args[at - 1] != '{')
        return false;
    *is_sent = has_plus;
    return true;
}

/* A line of LOGIN that ends in a literal does not show whether the password was ever sent; its
 * answer does, unless that refuses the literal. */
static void take_login(struct imapid_login *login, const struct imapid_unit *unit,
                       bool is_encrypted, bool is_tentative)
{
    struct imapid_login_waiting *waiting = begin_attempt(login, unit, "LOGIN", is_tentative);
    size_t at = unit->args.offset;
    size_t end = at + unit->args.n;
    bool has_user = imapid_octets_next_word(unit->data, end, &at).n > 0;
    bool has_password = imapid_octets_next_word(unit->data, end, &at).n > 0;
    bool is_sent, has_literal = ends_in_literal(unit, &is_sent);

    waiting->rest = !has_literal    ? IMAPID_LOGIN_REST_NONE
                    : !has_password ? IMAPID_LOGIN_REST_ALL
                                    : IMAPID_LOGIN_REST_PASSWORD;
    get_attempt(login, waiting)->cleartext_password =
        !is_encrypted && has_user && has_password && is_sent;
}

void imapid_login_lose_literal(struct imapid_login *login)
{
    if (login->n_waiting)
        login->waiting[login->n_waiting - 1].rest = IMAPID_LOGIN_REST_NONE;
}

/* Does the answer show that the password was sent? Who answers OK had it; NO judges what was read
 * to its end, BAD may miss an argument. */
static bool shows_password(const struct imapid_login_waiting *waiting, enum imapid_word answer)
{
    return answer == IMAPID_WORD_OK || waiting->rest == IMAPID_LOGIN_REST_PASSWORD ||
           (waiting->rest == IMAPID_LOGIN_REST_ALL && answer == IMAPID_WORD_NO);
}

static void count_line(struct imapid_login *login, struct imapid_login_waiting *waiting,
                       bool is_encrypted)
{
    struct imapid_auth *auth = get_attempt(login, waiting);
    unsigned n_needed = !strcmp(auth->mechanism, "LOGIN") ? 2 : 1; /* the user first */

    waiting->n_lines++;
    if (!is_encrypted && sends_password(auth) && waiting->n_lines >= n_needed)
        auth->cleartext_password = true;
}

static void take_authenticate(struct imapid_login *login, const struct imapid_unit *unit,
                              bool is_encrypted, bool is_tentative)
{
    size_t at = unit->args.offset;
    size_t end = at + unit->args.n;
    struct imapid_slice name = imapid_octets_next_word(unit->data, end, &at);
    struct imapid_slice initial = imapid_octets_next_word(unit->data, end, &at);
    const char *mechanism = imapid_login_find_mechanism(unit->data + name.offset, name.n);
    struct imapid_login_waiting *waiting = begin_attempt(login, unit, mechanism, is_tentative);

    if (initial.n && !imapid_octets_is(unit->data + initial.offset, initial.n, "="))
        count_line(login, waiting, is_encrypted);
}

static void take_id(struct imapid_login *login, const struct imapid_unit *unit, bool is_early)
{
    login->had_id = true;
    login->lack = IMAPID_LACK_NOTHING; /* nobody knows before the answer */
    wait_for(login, unit)->lack = !imapid_list_get_sum(unit).has_value ? IMAPID_LACK_NAME
                                  : is_early                           ? IMAPID_LACK_LOGIN
                                                                       : IMAPID_LACK_NOTHING;
}

static void take_command(struct imapid_login *login, const struct imapid_unit *unit, bool is_early,
                         bool is_encrypted, bool is_tentative)
{
    struct imapid_tag tag = imapid_unit_tag(unit);
    int before = find_waiting(login, &tag);

    /* What may be the text of a message takes no place of what is known. */
    if (is_tentative && (before >= 0 ? !login->waiting[before].is_tentative
                                     : login->n_waiting == IMAPID_LOGIN_WAITING_MAX))
        return;
    if (before >= 0)
        forget(login, (unsigned)before); /* its answer was missed */
    if (unit->word == IMAPID_WORD_LOGIN)
        take_login(login, unit, is_encrypted, is_tentative);
    else if (unit->word == IMAPID_WORD_AUTHENTICATE)
        take_authenticate(login, unit, is_encrypted, is_tentative);
    else if (unit->word == IMAPID_WORD_ID && !is_tentative)
        take_id(login, unit, is_early);
}

/* A line of SASL data: base64, or "*" to give up. */
static void take_line(struct imapid_login *login, const struct imapid_unit *unit, bool is_encrypted,
                      bool is_tentative)
{
    const uint8_t *line = unit->data + unit->args.offset;
    struct imapid_login_waiting *waiting;

    if (!login->n_waiting || !unit->args.n || imapid_octets_is(line, unit->args.n, "*"))
        return;
    waiting = &login->waiting[login->n_waiting - 1];
    if (waiting->word == IMAPID_WORD_AUTHENTICATE && (waiting->is_tentative || !is_tentative))
        count_line(login, waiting, is_encrypted);
}

/* ---- responses ---- */

static void read_capabilities(struct imapid_login *login, const struct imapid_unit *unit)
{
    struct imapid_slice list;
    const uint8_t *octets;

    if (!imapid_unit_capabilities(unit, &list))
        return;
    octets = unit->data + list.offset;
    login->is_rev2_only = imapid_octets_has_word(octets, list.n, "IMAP4rev2") &&
                          !imapid_octets_has_word(octets, list.n, "IMAP4rev1");
}

static void take_answer(struct imapid_login *login, const struct imapid_unit *unit,
                        bool is_encrypted)
{
    struct imapid_tag tag = imapid_unit_tag(unit);
    int i = find_waiting(login, &tag);
    struct imapid_login_waiting waiting;

    if (i < 0)
        return;
    waiting = login->waiting[i];
    forget(login, (unsigned)i);
    if (waiting.word == IMAPID_WORD_ID) {
        login->lack = unit->word == IMAPID_WORD_OK ? waiting.lack : IMAPID_LACK_APPROVAL;
        login->had_good_id |= login->lack == IMAPID_LACK_NOTHING;
        return;
    }
    if (waiting.is_tentative)
        waiting.auth = open_auth(login, &waiting.attempt);
    login->auths[waiting.auth].status = unit->word;
    if (shows_password(&waiting, unit->word) && !is_encrypted &&
        sends_password(&login->auths[waiting.auth]))
        login->auths[waiting.auth].cleartext_password = true;
}

static void take_untagged(struct imapid_login *login, const struct imapid_unit *unit)
{
    const uint8_t *args = unit->data + unit->args.offset;

    if (unit->word == IMAPID_WORD_ENABLED)
        login->enabled_utf8 |= imapid_octets_has_word(args, unit->args.n, "UTF8=ACCEPT") ||
                               imapid_octets_has_word(args, unit->args.n, "IMAP4rev2");
    else if (unit->word == IMAPID_WORD_CAPABILITY || unit->word == IMAPID_WORD_OK ||
             unit->word == IMAPID_WORD_PREAUTH)
        read_capabilities(login, unit);
}

void imapid_login_take(struct imapid_login *login, const struct imapid_unit *unit, bool is_early,
                       bool is_encrypted, bool is_tentative)
{
    switch (unit->kind) {
    case IMAPID_UNIT_COMMAND:
        take_command(login, unit, is_early, is_encrypted, is_tentative);
        break;
    case IMAPID_UNIT_CONTINUED:
        take_line(login, unit, is_encrypted, is_tentative);
        break;
    case IMAPID_UNIT_TAGGED:
        if (unit->word == IMAPID_WORD_OK && !is_tentative)
            read_capabilities(login, unit);
        take_answer(login, unit, is_encrypted);
        break;
    case IMAPID_UNIT_UNTAGGED:
        if (!is_tentative)
            take_untagged(login, unit);
        break;
    case IMAPID_UNIT_CONTINUATION:
    case IMAPID_UNIT_JUNK:
        break;
    }
}

bool imapid_login_allows_utf8(const struct imapid_login *login)
{
    return login->enabled_utf8 || login->is_rev2_only;
}

enum imapid_lack imapid_login_get_lack(const struct imapid_login *login)
{
    return login->had_good_id ? IMAPID_LACK_NOTHING : login->had_id ? login->lack : IMAPID_LACK_ID;
}

bool imapid_login_has_cleartext_password(const struct imapid_login *login)
{
    for (unsigned i = 0; i < login->n_auths; i++)
        if (login->auths[i].cleartext_password)
            return true;
    return false;
}

const char *imapid_login_find_mechanism(const uint8_t *name, size_t n)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
        if (imapid_octets_is(name, n, mechanisms[i]))
            return mechanisms[i];
    return "other";
}
