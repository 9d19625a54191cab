/* SPDX-License-Identifier: GPL-2.0-or-later */
/* outcome.c: what became of a session.
 *
 * Refuses to keep what a server says to a login. Some servers quote the command there, password
 * included.
 *
 * Misuse: telling it responses that nothing has confirmed. The text of a message can look like
 * any. */
#include <imapid/outcome.h>

#include <imapid/secret.h>

/* Not more than a code of RFC 9051 7.1 or RFC 5530 has, and than is kept. */
#define CODE_MAX 40

/* The octets of "[ATOM]" at the head of a text, in capitals as all registered codes are; else 0. */
static size_t measure_code(const uint8_t *text, size_t n)
{
    size_t at = 1;

    if (!n || text[0] != '[')
        return 0;
    while (at < n && at < CODE_MAX && ((text[at] >= 'A' && text[at] <= 'Z') || text[at] == '-'))
        at++;
    return at > 1 && at < n && text[at] == ']' ? at + 1 : 0;
}

static void keep_words(struct imapid_outcome_text *kept, const struct imapid_unit *response,
                       bool is_of_login)
{
    struct imapid_slice text = imapid_unit_text(response);
    const uint8_t *octets = response->data + text.offset;
    size_t n = is_of_login ? measure_code(octets, text.n)
                           : imapid_secret_measure_text(NULL, octets, text.n);

    kept->n = (uint8_t)(n < sizeof kept->octets ? n : sizeof kept->octets);
    kept->cut = kept->n < text.n && !is_of_login;
    if (kept->n)
        memcpy(kept->octets, octets, kept->n);
}

static void refuse(struct imapid_outcome *outcome, enum imapid_refusal refusal,
                   const struct imapid_unit *response)
{
    outcome->refusal = refusal;
    outcome->status = response->word;
    keep_words(&outcome->text, response, refusal == IMAPID_REFUSAL_LOGIN);
}

static bool is_login(enum imapid_word command)
{
    return command == IMAPID_WORD_LOGIN || command == IMAPID_WORD_AUTHENTICATE;
}

static bool is_select(enum imapid_word command)
{
    return command == IMAPID_WORD_SELECT || command == IMAPID_WORD_EXAMINE;
}

void imapid_outcome_answer(struct imapid_outcome *outcome, enum imapid_word command,
                           const struct imapid_unit *response)
{
    if (!is_login(command) && !is_select(command))
        return;
    if (response->word == IMAPID_WORD_OK) {
        outcome->has_opened |= is_select(command);
        outcome->refusal = IMAPID_REFUSAL_NONE;
    } else if (is_login(command)) {
        refuse(outcome, IMAPID_REFUSAL_LOGIN, response);
    } else if (!outcome->has_opened) {
        refuse(outcome, IMAPID_REFUSAL_MAILBOX, response);
    }
}

void imapid_outcome_bye(struct imapid_outcome *outcome, const struct imapid_unit *response,
                        bool is_login_open)
{
    if (outcome->has_bye)
        return;
    outcome->has_bye = true;
    keep_words(&outcome->bye, response, is_login_open || outcome->refusal == IMAPID_REFUSAL_LOGIN);
}

const char *imapid_outcome_refusal(enum imapid_refusal refusal)
{
    static const char *const names[] = {NULL, "login refused", "mailbox refused"};

    return names[refusal];
}
